/* SPDX-License-Identifier: Apache-2.0 */
#include "scripted.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"

#define RULES "*"
#define TICK_US 2000 /* a run that waits is woken this often */

struct scripted {
    struct backend backend;
    const struct json *scripts;
};

struct backend_run {
    const struct chat_request *r;
    const struct json *event; /* the script */
    uint32_t at;
    bool over;
    int64_t due_ns; /* end of the wait at `at`; 0: it did not begin */
    int n_call[CHAT_CHOICES_MAX];
    struct chat_usage usage;
    bool ticks;
    pthread_t ticker;
    atomic_bool is_freed;
};

static const char *const finish_word[CHAT_FINISH_COUNT] = {[CHAT_FINISH_STOP] = "stop",
                                                           [CHAT_FINISH_LENGTH] = "length",
                                                           [CHAT_FINISH_TOOL_CALLS] = "tool_calls"};

static str text_of(const struct json *o, const char *key)
{
    const struct json *v = json_get(o, key);

    return v && v->type == JSON_STRING ? v->string : STR_NONE;
}

static int64_t number_of(const struct json *o, const char *key)
{
    int64_t n = 0;

    return json_get(o, key) && json_int(json_get(o, key), &n) ? n : 0;
}

/* ---- one event ---- */

/* False: it is a wait, or no event. */
static bool read_event(const struct json *v, struct chat_event *ev)
{
    const struct json *call = json_get(v, "call");
    str finish = text_of(v, "finish");

    *ev = (struct chat_event){.choice = (int)number_of(v, "choice")};
    if (call) {
        ev->kind = CHAT_CALL;
        ev->call = (struct chat_tool_call){text_of(call, "id"), text_of(call, "name"),
                                           text_of(call, "arguments")};
        return ev->call.id.p && ev->call.name.p && ev->call.arguments.p;
    }
    if ((ev->text = text_of(v, "text")).p) return true;
    if ((ev->text = text_of(v, "reasoning")).p) {
        ev->kind = CHAT_REASONING;
        return true;
    }
    if (text_of(v, "fail").p) {
        ev->kind = CHAT_FAIL;
        err_set(&ev->error, ERR_INTERNAL, ERR_NO_POS, "%.*s", STR_FMT(text_of(v, "fail")));
        return true;
    }
    ev->kind = CHAT_CHOICE_END;
    for (int i = 0; i < CHAT_FINISH_COUNT; i++)
        if (str_is(finish, finish_word[i])) {
            ev->finish = (enum chat_finish)i;
            ev->stop = text_of(v, "stop");
            return true;
        }
    return false;
}

static bool is_event(const struct json *v)
{
    struct chat_event ev;
    int64_t choice = number_of(v, "choice");

    return (number_of(v, "wait_ms") > 0 || read_event(v, &ev)) && choice >= 0 &&
           choice < CHAT_CHOICES_MAX;
}

/* ---- a run ---- */

static void *tick(void *arg)
{
    struct backend_run *run = arg;

    while (!atomic_load(&run->is_freed)) {
        usleep(TICK_US);
        run->r->wake(run->r->wake_arg);
    }
    return NULL;
}

static bool offers(const struct chat_request *r, str tool)
{
    for (size_t i = 0; i < r->n_tool; i++)
        if (str_eq(r->tool[i].name, tool)) return true;
    return false;
}

static bool has_result(const struct chat_request *r, str part)
{
    for (size_t i = 0; i < r->n_message; i++)
        if (r->message[i].role == ROLE_TOOL &&
            str_find(r->message[i].text, part, 0) < r->message[i].text.n)
            return true;
    return false;
}

/* The events of the first rule that holds; NULL: none does. */
static const struct json *by_rule(const struct json *rules, const struct chat_request *r)
{
    for (uint32_t i = 0; rules && i < rules->n; i++) {
        const struct json *rule = &rules->item[i];
        str tool = text_of(rule, "offers"), part = text_of(rule, "result");

        if ((!tool.p || offers(r, tool)) && (!part.p || has_result(r, part)))
            return json_get(rule, "play");
    }
    return NULL;
}

static enum err run_start(struct backend *b, const struct chat_request *r, struct arena *a,
                          struct backend_run **out, struct error *e)
{
    const struct json *scripts = ((struct scripted *)b)->scripts;
    str name = r->n_raw ? r->raw[0].text : r->message[r->n_message - 1].text;
    const struct json *script = str_is(name, RULES) ? NULL : json_get_str(scripts, name);
    struct backend_run *run;

    (void)a;
    if (!script) script = by_rule(json_get(scripts, RULES), r);
    if (!script)
        return err_set(e, ERR_ARG, ERR_NO_POS, "there is no script '%.*s'",
                       STR_FMT(str_sub(name, 0, 100)));
    run = mem_alloc(sizeof *run);
    run->r = r;
    run->event = script;
    run->usage.prompt = 10;
    for (uint32_t i = 0; i < script->n; i++)
        run->ticks = run->ticks || number_of(&script->item[i], "wait_ms") > 0;
    if (run->ticks) run->ticks = pthread_create(&run->ticker, NULL, tick, run) == 0;
    *out = run;
    return ERR_OK;
}

static bool is_waiting(struct backend_run *run, const struct json *v)
{
    int64_t wait_ms = number_of(v, "wait_ms"), now_ns = clock_ns();

    if (wait_ms <= 0) return false;
    if (!run->due_ns) run->due_ns = now_ns + wait_ms * NS_PER_MS;
    if (now_ns < run->due_ns) return true;
    run->due_ns = 0;
    run->at++;
    return false;
}

static bool run_next(struct backend_run *run, struct chat_event *ev)
{
    if (run->over) return false;
    while (run->at < run->event->n && number_of(&run->event->item[run->at], "wait_ms") > 0)
        if (is_waiting(run, &run->event->item[run->at])) return false;
    if (run->at == run->event->n) {
        run->over = true;
        *ev = (struct chat_event){.kind = CHAT_END, .usage = run->usage};
        return true;
    }
    CHECK(read_event(&run->event->item[run->at++], ev));
    if (ev->kind == CHAT_CALL) ev->n_call = run->n_call[ev->choice]++;
    if (ev->kind == CHAT_REASONING)
        run->usage.reasoning++;
    else if (ev->kind != CHAT_CHOICE_END)
        run->usage.completion++;
    if (!run->usage.first_token_ns) run->usage.first_token_ns = clock_ns();
    run->over = ev->kind == CHAT_FAIL;
    ev->usage = run->usage;
    return true;
}

static struct chat_usage run_usage(const struct backend_run *run) { return run->usage; }

static void run_free(struct backend_run *run)
{
    atomic_store(&run->is_freed, true);
    if (run->ticks) pthread_join(run->ticker, NULL);
    mem_free(run);
}

static struct backend_health health(const struct backend *b)
{
    (void)b;
    return (struct backend_health){.steps = 1,
                                   .last_step_ns = clock_ns(),
                                   .n_request_max = 64,
                                   .tokens = 4096,
                                   .tokens_free = 4096};
}

/* A token for each byte. */
static enum err count(struct backend *b, const struct chat_request *r, size_t *n_token,
                      struct error *e)
{
    (void)b;
    (void)e;
    *n_token = 0;
    for (size_t i = 0; i < r->n_message; i++) *n_token += r->message[i].text.n;
    return ERR_OK;
}

static const struct backend_ops ops = {.start = run_start,
                                       .next = run_next,
                                       .usage = run_usage,
                                       .free = run_free,
                                       .health = health,
                                       .count = count};

/* name: what the file calls it; pos: where it stands. */
static enum err check_script(str name, const struct json *script, size_t pos, struct error *e)
{
    if (!script || script->type != JSON_ARRAY)
        return err_set(e, ERR_FORMAT, pos, "script '%.*s' is no list", STR_FMT(name));
    for (uint32_t i = 0; i < script->n; i++)
        if (!is_event(&script->item[i]))
            return err_set(e, ERR_FORMAT, script->item[i].pos, "script '%.*s': item %u is no event",
                           STR_FMT(name), i);
    return ERR_OK;
}

enum err scripted_new(const struct json *scripts, struct backend **out, struct error *e)
{
    struct scripted *s;

    for (uint32_t i = 0; scripts->type == JSON_OBJECT && i < scripts->n; i++) {
        const struct json_member *m = &scripts->member[i];

        if (!str_is(m->key, RULES) || m->value.type != JSON_ARRAY) {
            TRY(check_script(m->key, &m->value, m->pos, e));
            continue;
        }
        for (uint32_t j = 0; j < m->value.n; j++)
            TRY(check_script(text_of(&m->value.item[j], "result"),
                             json_get(&m->value.item[j], "play"), m->value.item[j].pos, e));
    }
    s = mem_alloc(sizeof *s);
    s->backend.ops = &ops;
    s->scripts = scripts;
    *out = &s->backend;
    return ERR_OK;
}

void scripted_free(struct backend *b) { mem_free(b); }
