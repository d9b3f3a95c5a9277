/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole way through the bundled model, at a temperature where it writes nonsense: what comes
 * out obeys the schema and the tools anyway. Replies are checked by hand, not by the code that
 * made their grammars; cut replies must be beginnings of ones that obey.
 */
#include "backend/local.h"

#include "../test.h"
#include <pthread.h>
#include "base/clock.h"
#include "base/thread.h"
#include "grammar/matcher.h"

#define PATIENCE_NS (120 * NS_PER_S)
#define TEXT_BYTES_MAX (1u << 20)
#define CALLS_MAX 16
#define CHOICES_MAX 8

static struct engine *engine;          /* NULL: no model here, tests skip */
static struct backend *local;
static struct arena *arena;

/* NULL: the model is not here. */
static void open_engine(size_t mask_pool_bytes, struct engine **out)
{
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    const char *root = getenv("SOURCE_ROOT");
    char path[4096];
    struct error e;

    *out = NULL;
    snprintf(path, sizeof path, "%s/models/grokd-mini.gguf", root ? root : ".");
    if (access(path, R_OK) != 0) return;
    o.model_path = path;
    o.n_thread = 2;
    o.n_ctx = 2048;
    o.kv_bytes = (size_t)64 << 20;
    o.mask_pool_bytes = mask_pool_bytes;
    if (engine_open(&o, out, &e) != ERR_OK) fail_msg("%s", e.text);
}

/* ---- one reply ---- */

struct choice_got {
    struct buf text, reasoning;
    struct { char name[64], arguments[4096], id[80]; } call[CALLS_MAX];
    int n_call;
    size_t n_token;
    enum chat_finish finish;
    bool ended;
};

struct got {
    struct choice_got choice[CHOICES_MAX];
    struct chat_usage usage;
    struct error error;                /* code: FAIL came, or the start failed */
};

struct waker { pthread_mutex_t lock; pthread_cond_t cond; bool is_woken; };

static void on_wake(void *arg)
{
    struct waker *w = arg;

    pthread_mutex_lock(&w->lock);
    w->is_woken = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

static void sleep_until_woken(struct waker *w)
{
    int64_t until = clock_ns() + PATIENCE_NS;

    pthread_mutex_lock(&w->lock);
    while (!w->is_woken && clock_ns() < until) thread_cond_wait_until(&w->cond, &w->lock, until);
    if (!w->is_woken) fail_msg("no event came");
    w->is_woken = false;
    pthread_mutex_unlock(&w->lock);
}

static void take(struct got *g, const struct chat_event *ev)
{
    struct choice_got *c = &g->choice[ev->choice];

    assert_false(c->ended && ev->kind < CHAT_END);
    switch (ev->kind) {
    case CHAT_TEXT:
        buf_add(&c->text, ev->text);
        c->n_token += ev->n_token;
        break;
    case CHAT_REASONING: buf_add(&c->reasoning, ev->text); break;
    case CHAT_CALL:
        assert_true(c->n_call < CALLS_MAX && ev->n_call == c->n_call);
        snprintf(c->call[c->n_call].name, 64, "%.*s", STR_FMT(ev->call.name));
        snprintf(c->call[c->n_call].arguments, 4096, "%.*s", STR_FMT(ev->call.arguments));
        snprintf(c->call[c->n_call++].id, 80, "%.*s", STR_FMT(ev->call.id));
        break;
    case CHAT_CHOICE_END:
        c->ended = true;
        c->finish = ev->finish;
        break;
    case CHAT_FAIL: g->error = ev->error; /* fall through */
    case CHAT_END: g->usage = ev->usage; break;
    }
}

static void got_done(struct got *g)
{
    for (int i = 0; i < CHOICES_MAX; i++) {
        buf_done(&g->choice[i].text);
        buf_done(&g->choice[i].reasoning);
    }
}

static void ask(struct chat_request *r, struct got *g)
{
    struct waker w = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct backend_run *run;
    struct chat_event ev = {0};

    *g = (struct got){0};
    for (int i = 0; i < CHOICES_MAX; i++) {
        buf_init(&g->choice[i].text, TEXT_BYTES_MAX);
        buf_init(&g->choice[i].reasoning, TEXT_BYTES_MAX);
    }
    thread_cond_init(&w.cond);
    r->wake = on_wake;
    r->wake_arg = &w;
    if (backend_start(local, r, arena, &run, &g->error) != ERR_OK) return;
    g->error.code = ERR_OK;
    while (ev.kind != CHAT_END && ev.kind != CHAT_FAIL) {
        ev.kind = CHAT_TEXT;
        if (local->ops->next(run, &ev))
            take(g, &ev);
        else
            sleep_until_woken(&w);
    }
    assert_false(local->ops->next(run, &ev));
    local->ops->free(run);
    pthread_cond_destroy(&w.cond);
}

/* ---- requests ---- */

static const struct json *parse(const char *text)
{
    struct json *v;
    struct error e;

    if (json_parse(str_of(text), arena, &v, &e) != ERR_OK) fail_msg("%s: %s", text, e.text);
    return v;
}

static const struct chat_message question = {
    .role = ROLE_USER, .text = STR("What is the weather in Paris? Answer as JSON.")};

static const char *const tool_text[] = {
    "{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"weather\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\","
    "\"maxLength\":20},"
    "\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9}},\"required\":[\"city\",\"days\"]}"
    "}}",
    "{\"type\":\"function\",\"function\":{\"name\":\"stop_now\",\"description\":\"stop\"}}",
};
static struct chat_tool tool[N_OF(tool_text)];

static void make_tools(void)
{
    for (size_t i = 0; i < N_OF(tool_text); i++) {
        const struct json *v = parse(tool_text[i]), *f = json_get(v, "function");

        tool[i] = (struct chat_tool){.name = json_get(f, "name")->string,
                                     .description = json_get(f, "description")->string,
                                     .parameters = json_get(f, "parameters"), .source = v};
    }
}

static struct chat_request request(uint64_t seed)
{
    struct chat_request r = {.message = &question, .n_message = 1, .n_choice = 1, .max_tokens = 300,
                             .sample = SAMPLE_DEFAULT, .parallel_calls = true};

    r.sample.temperature = 1.5f;
    r.sample.seed = seed;
    return r;
}

static struct chat_request request_with_tools(uint64_t seed, enum chat_tool_choice choice)
{
    struct chat_request r = request(seed);

    r.tool = tool;
    r.n_tool = N_OF(tool);
    r.tool_choice = choice;
    return r;
}

static bool skip_without_model(void)
{
    if (local) return false;
    print_message("skipped: no bundled model\n");
    skip();
    return true;
}

/* ---- response_format ---- */

#define PERSON                                                                                    \
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,"         \
    "\"maxLength\":12},\"age\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":150},"             \
    "\"tags\":{\"type\":\"array\",\"items\":{\"enum\":[\"red\",\"green\"]},\"maxItems\":3},"      \
    "\"ok\":{\"type\":\"boolean\"}},\"required\":[\"name\",\"age\",\"tags\"]}"

static void check_person(str text)
{
    const struct json *v, *name, *age, *tags, *ok;
    struct json *root;
    struct error e;
    int64_t n;

    if (json_parse(text, arena, &root, &e) != ERR_OK)
        fail_msg("'%.*s': %s", STR_FMT(text), e.text);
    v = root;
    name = json_get(v, "name");
    age = json_get(v, "age");
    tags = json_get(v, "tags");
    ok = json_get(v, "ok");
    assert_true(v->type == JSON_OBJECT && v->n == (ok ? 4 : 3));
    assert_true(name && name->type == JSON_STRING && name->string.n > 0 &&
                name->string.n <= 4 * 12);
    assert_true(age && json_int(age, &n) && n >= 0 && n <= 150);
    assert_true(tags && tags->type == JSON_ARRAY && tags->n <= 3);
    for (uint32_t i = 0; i < tags->n; i++)
        assert_true(str_is(tags->item[i].string, "red") || str_is(tags->item[i].string, "green"));
    assert_true(!ok || ok->type == JSON_BOOL);
}

static void test_schema(void **state)
{
    int64_t n_token = 0;

    (void)state;
    if (skip_without_model()) return;
    for (uint64_t seed = 0; seed < 50; seed += 5) {
        struct chat_request r = request(seed);
        struct got g;

        r.n_choice = 5;
        r.format = FORMAT_JSON_SCHEMA;
        r.schema = parse(PERSON);
        ask(&r, &g);
        assert_int_equal(g.error.code, ERR_OK);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(g.choice[i].finish, CHAT_FINISH_STOP);
            check_person(buf_str(&g.choice[i].text));
        }
        if (seed == 0) print_message("%.*s\n", STR_FMT(buf_str(&g.choice[0].text)));
        n_token += g.usage.completion;
        assert_int_equal(g.usage.reasoning, 0);
        got_done(&g);
    }
    print_message("50 replies, %lld tokens\n", (long long)n_token);
}

static void test_object(void **state)
{
    int n_whole = 0;

    (void)state;
    if (skip_without_model()) return;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct chat_request r = request(seed);
        struct json *v;
        struct error e;
        struct got g;

        r.format = FORMAT_JSON_OBJECT;
        ask(&r, &g);
        assert_int_equal(g.error.code, ERR_OK);
        if (g.choice[0].finish == CHAT_FINISH_STOP) {
            n_whole++;
            if (json_parse(buf_str(&g.choice[0].text), arena, &v, &e) != ERR_OK)
                fail_msg("'%.*s': %s", STR_FMT(buf_str(&g.choice[0].text)), e.text);
            assert_int_equal(v->type, JSON_OBJECT);
        } else {
            assert_int_equal(g.choice[0].finish, CHAT_FINISH_LENGTH);
            assert_int_equal(g.choice[0].text.p[0], '{');
        }
        got_done(&g);
    }
    print_message("%d of 20 objects were finished\n", n_whole);
    assert_true(n_whole > 0);
}

/* The reply can be gone on with to one that obeys. */
static void check_prefix(const struct chat_request *r, str text)
{
    static struct constrain_cache *cache;
    struct chat_prompt p = {0};
    struct mask_space *space;
    struct grammar *g;
    struct matcher *m;
    struct error e;

    cache = constrain_cache_new(NULL);
    assert_int_equal(constrain_make(cache, call_syntax_named("hermes"), r, &p, &g, &e), ERR_OK);
    assert_int_equal(mask_space_new(engine_vocab(engine), 0, &space, &e), ERR_OK);
    assert_int_equal(matcher_new(space, g, text.n + 1, &m, &e), ERR_OK);
    if (!matcher_accept_bytes(m, text)) fail_msg("no beginning: '%.*s'", STR_FMT(text));
    matcher_free(m);
    mask_space_free(space);
    grammar_unref(g);
    constrain_cache_free(cache);
}

static void test_cut(void **state)
{
    (void)state;
    if (skip_without_model()) return;
    for (int n = 1; n < 24; n++) {
        struct chat_request r = request((uint64_t)n);
        struct got g;

        r.max_tokens = n;
        r.format = FORMAT_JSON_SCHEMA;
        r.schema = parse(PERSON);
        ask(&r, &g);
        assert_int_equal(g.error.code, ERR_OK);
        assert_true(g.usage.completion <= n);
        if (g.choice[0].finish == CHAT_FINISH_LENGTH)
            check_prefix(&r, buf_str(&g.choice[0].text));
        else
            check_person(buf_str(&g.choice[0].text));
        if (n == 2) assert_int_equal(g.choice[0].finish, CHAT_FINISH_LENGTH);
        got_done(&g);
    }
}

static void test_thinking(void **state)
{
    int n_thought = 0;

    (void)state;
    if (skip_without_model()) return;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct chat_request r = request(seed);
        struct got g;

        r.thinking = THINKING_ON;
        r.sample.temperature = 0.7f;
        r.format = FORMAT_JSON_SCHEMA;
        r.schema = parse(PERSON);
        ask(&r, &g);
        assert_int_equal(g.error.code, ERR_OK);
        if (g.choice[0].finish == CHAT_FINISH_STOP) {
            n_thought++;
            assert_true(g.usage.reasoning > 0);
            check_person(buf_str(&g.choice[0].text));
        }
        got_done(&g);
    }
    print_message("%d of 10 thoughts came to an end\n", n_thought);
    assert_true(n_thought > 0);
}

/* Thinking ends at its limit, and what comes behind obeys. */
static void test_thinking_limit(void **state)
{
    static const int limits[] = {1, 5, 40};

    (void)state;
    if (skip_without_model()) return;
    for (uint64_t seed = 0; seed < 4; seed++)
        for (size_t i = 0; i < N_OF(limits); i++) {
            struct chat_request r = request(seed);
            struct got g;

            r.thinking = THINKING_ON;
            r.thinking_max = limits[i];
            r.n_choice = 3;
            r.format = seed < 2 ? FORMAT_TEXT : FORMAT_JSON_SCHEMA;
            r.schema = seed < 2 ? NULL : parse(PERSON);
            ask(&r, &g);
            assert_int_equal(g.error.code, ERR_OK);
            /* The mark that closes it counts, and what stands beside it. */
            assert_in_range(g.usage.reasoning, 3, 3 * (limits[i] + 8));
            assert_true(g.usage.cached >= 0 && g.usage.cached < g.usage.prompt);
            for (int k = 0; k < 3; k++) {
                assert_int_equal(str_find(buf_str(&g.choice[k].text), STR("think>"), 0), SIZE_MAX);
                if (seed < 2) continue;
                assert_int_equal(g.choice[k].finish, CHAT_FINISH_STOP);
                check_person(buf_str(&g.choice[k].text));
            }
            got_done(&g);
        }
}

/* Where max_tokens is near, the limit does not move it. */
static void test_thinking_limit_and_length(void **state)
{
    (void)state;
    if (skip_without_model()) return;
    for (int max = 1; max < 60; max++) {
        struct chat_request r = request(7);
        struct got g;

        r.thinking = THINKING_ON;
        r.thinking_max = 8;
        r.max_tokens = max;
        r.ignore_eog = true;
        ask(&r, &g);
        assert_int_equal(g.error.code, ERR_OK);
        assert_int_equal(g.choice[0].finish, CHAT_FINISH_LENGTH);
        if (g.usage.reasoning + g.usage.completion != max || (max > 45 && !g.usage.completion))
            fail_msg("max %d: %d, %d", max, (int)g.usage.reasoning, (int)g.usage.completion);
        got_done(&g);
    }
}

/* It cuts the document. */
static void test_stop_string(void **state)
{
    struct got g;

    (void)state;
    if (skip_without_model()) return;
    struct chat_request r = request(1);

    r.format = FORMAT_JSON_SCHEMA;
    r.schema = parse(PERSON);
    r.stop[0] = STR(", \"age");
    r.n_stop = 1;
    ask(&r, &g);
    assert_int_equal(g.choice[0].finish, CHAT_FINISH_LENGTH);
    assert_true(str_starts(buf_str(&g.choice[0].text), STR("{\"name\": \"")));
    assert_true(str_ends(buf_str(&g.choice[0].text), STR("\"")));
    got_done(&g);
}

/* Tokens of the text are all told. */
static void test_logprobs(void **state)
{
    struct got g;

    (void)state;
    if (skip_without_model()) return;
    struct chat_request r = request(1);

    r.format = FORMAT_JSON_SCHEMA;
    r.schema = parse(PERSON);
    r.logprobs = true;
    r.n_top_logprobs = 2;
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_OK);
    assert_int_equal(g.choice[0].n_token, g.usage.completion);
    check_person(buf_str(&g.choice[0].text));
    got_done(&g);
}

/* ---- tools ---- */

static void check_call(const struct choice_got *c, int i)
{
    const struct json *city, *days;
    struct json *v;
    struct error e;
    int64_t n;

    if (json_parse(str_of(c->call[i].arguments), arena, &v, &e) != ERR_OK)
        fail_msg("'%s': %s", c->call[i].arguments, e.text);
    assert_int_equal(v->type, JSON_OBJECT);
    assert_int_equal(strlen(c->call[i].id), 29);
    assert_memory_equal(c->call[i].id, "call_", 5);
    for (int k = 0; k < i; k++) assert_string_not_equal(c->call[i].id, c->call[k].id);
    if (strcmp(c->call[i].name, "stop_now") == 0) {
        assert_int_equal(v->n, 0);
        return;
    }
    assert_string_equal(c->call[i].name, "get_weather");
    city = json_get(v, "city");
    days = json_get(v, "days");
    assert_int_equal(v->n, 2);
    assert_true(city && city->type == JSON_STRING && city->string.n <= 4 * 20);
    assert_true(days && json_int(days, &n) && n >= 1 && n <= 9);
}

struct tally { int n_call, n_reply_with_call, n_cut, n_text; };

/* 20 seeds; every call is checked. */
static struct tally tools_of(enum chat_tool_choice choice, size_t named, bool parallel)
{
    struct tally t = {0};

    for (uint64_t seed = 0; seed < 20; seed++) {
        struct chat_request r = request_with_tools(seed, choice);
        struct choice_got *c;
        struct got g;

        r.tool_named = named;
        r.parallel_calls = parallel;
        ask(&r, &g);
        c = &g.choice[0];
        if (g.error.code != ERR_OK) fail_msg("%s", g.error.text);
        for (int i = 0; i < c->n_call; i++) {
            check_call(c, i);
            if (choice == TOOL_CHOICE_NAMED)
                assert_true(str_eq(str_of(c->call[i].name), tool[named].name));
        }
        t.n_call += c->n_call;
        t.n_reply_with_call += c->n_call > 0;
        t.n_cut += c->finish == CHAT_FINISH_LENGTH;
        t.n_text += c->text.n > 0;
        if (c->finish == CHAT_FINISH_TOOL_CALLS) assert_true(c->n_call > 0);
        if (c->finish == CHAT_FINISH_STOP) assert_int_equal(c->n_call, 0);
        got_done(&g);
    }
    print_message("choice %d: %d calls in %d of 20 replies, %d cut, %d with text\n", choice,
                  t.n_call, t.n_reply_with_call, t.n_cut, t.n_text);
    return t;
}

static void test_required(void **state)
{
    struct tally t;

    (void)state;
    if (skip_without_model()) return;
    t = tools_of(TOOL_CHOICE_REQUIRED, 0, true);
    assert_int_equal(t.n_reply_with_call, 20);
    t = tools_of(TOOL_CHOICE_REQUIRED, 0, false);
    assert_int_equal(t.n_call, 20);
    assert_int_equal(t.n_cut + t.n_text, 0);
}

static void test_named(void **state)
{
    (void)state;
    if (skip_without_model()) return;
    for (size_t named = 0; named < N_OF(tool); named++) {
        struct tally t = tools_of(TOOL_CHOICE_NAMED, named, true);

        assert_int_equal(t.n_call, 20);
        assert_int_equal(t.n_cut + t.n_text, 0);
    }
}

static void test_auto(void **state)
{
    (void)state;
    if (skip_without_model()) return;
    tools_of(TOOL_CHOICE_AUTO, 0, true);
    assert_int_equal(tools_of(TOOL_CHOICE_NONE, 0, true).n_call, 0);
}

/* What the model was trained on: it calls by itself, and reads the result. */
static void test_tool_loop(void **state)
{
    static struct chat_tool_call call = {.name = STR("get_weather")};
    struct chat_message message[] = {
        question, {.role = ROLE_ASSISTANT, .call = &call, .n_call = 1},
        {.role = ROLE_TOOL, .text = STR("{\"weather\": \"sunny\"}")}};
    struct got g;

    (void)state;
    if (skip_without_model()) return;
    struct chat_request r = request_with_tools(1, TOOL_CHOICE_NAMED);

    ask(&r, &g);
    assert_int_equal(g.choice[0].finish, CHAT_FINISH_TOOL_CALLS);
    call.id = arena_str(arena, str_of(g.choice[0].call[0].id));
    call.arguments = arena_str(arena, str_of(g.choice[0].call[0].arguments));
    message[2].tool_call_id = call.id;
    got_done(&g);
    r = request_with_tools(1, TOOL_CHOICE_AUTO);
    r.message = message;
    r.n_message = 3;
    r.sample.temperature = 0;
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_OK);
    print_message("%.*s\n", STR_FMT(buf_str(&g.choice[0].text)));
    assert_true(g.choice[0].text.n > 0 || g.choice[0].n_call > 0);
    got_done(&g);
    /* A call that is no JSON. */
    call.arguments = STR("{\"city\": \"Par");
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_OK);
    got_done(&g);
}

/* A call that max_tokens cuts is none. */
static void test_cut_call(void **state)
{
    (void)state;
    if (skip_without_model()) return;
    for (int n = 1; n < 12; n++) {
        struct chat_request r = request_with_tools((uint64_t)n, TOOL_CHOICE_NAMED);
        struct got g;

        r.max_tokens = n;
        ask(&r, &g);
        assert_int_equal(g.error.code, ERR_OK);
        assert_int_equal(g.choice[0].finish,
                         g.choice[0].n_call ? CHAT_FINISH_TOOL_CALLS : CHAT_FINISH_LENGTH);
        if (n < 6) assert_int_equal(g.choice[0].n_call, 0);
        got_done(&g);
    }
}

/* ---- refusals ---- */

static void test_refused(void **state)
{
    struct chat_tool bad = {.name = STR("bad")};
    struct got g;

    (void)state;
    if (skip_without_model()) return;
    struct chat_request r = request(1);

    r.format = FORMAT_JSON_SCHEMA;
    r.schema = parse("{\"type\":\"object\",\"properties\":{\"color\":{\"enum\":[]}}}");
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_ARG);
    assert_non_null(strstr(g.error.text, "/properties/color/enum"));
    got_done(&g);
    r = request(1);
    bad.source = parse("{\"type\":\"function\",\"function\":{\"name\":\"bad\"}}");
    bad.parameters = parse("{\"type\":\"string\"}");
    r.tool = &bad;
    r.n_tool = 1;
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_ARG);
    assert_non_null(strstr(g.error.text, "'bad'"));
    got_done(&g);
}

/* A schema that is too large for the memory of masks fails the request, and says so. */
static void test_pool(void **state)
{
    struct engine *small;
    struct backend *first = local;
    struct chat_request r = request(1);
    struct got g;
    struct buf b;

    (void)state;
    if (skip_without_model()) return;
    open_engine((size_t)1 << 20, &small);
    local = backend_local_new(small, NULL);
    buf_init(&b, 1 << 20);
    buf_add(&b,
            STR("{\"type\":\"array\",\"uniqueItems\":true,\"minItems\":200,\"items\":{\"enum\":["));
    for (int i = 0; i < 400; i++) buf_printf(&b, "%s\"%030d\"", i ? "," : "", i * 7919);
    buf_add(&b, STR("]}}"));
    r.format = FORMAT_JSON_SCHEMA;
    r.schema = parse(arena_cstr(arena, buf_str(&b)));
    r.max_tokens = 1500;
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_INTERNAL);
    assert_non_null(strstr(g.error.text, "too large"));
    assert_true(g.usage.prompt > 0 && g.usage.completion > 0);
    got_done(&g);
    buf_done(&b);
    backend_local_free(local);
    engine_close(&small);
    local = first;
}

/* ---- without grammars ---- */

static void test_plain(void **state)
{
    struct got g, again;

    (void)state;
    if (skip_without_model()) return;
    struct chat_request r = request(7);

    r.n_choice = 2;
    r.max_tokens = 20;
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_OK);
    assert_true(g.usage.prompt > 0 && g.usage.completion > 0 && g.usage.completion <= 40);
    assert_true(g.usage.first_token_ns > 0);
    ask(&r, &again);
    for (int i = 0; i < 2; i++)
        assert_true(str_eq(buf_str(&g.choice[i].text), buf_str(&again.choice[i].text)));
    assert_false(str_eq(buf_str(&g.choice[0].text), buf_str(&g.choice[1].text)));
    got_done(&g);
    got_done(&again);
}

/* ---- the model ---- */

static int open_model(void **state)
{
    (void)state;
    arena = arena_new(0);
    make_tools();
    open_engine(0, &engine);
    if (engine) local = backend_local_new(engine, NULL);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    if (local) backend_local_free(local);
    if (engine) engine_close(&engine);
    arena_free(arena);
    return 0;
}

/* ---- prompts without a template ---- */

static struct chat_request raw_request(const struct chat_raw *raw, size_t n_raw, int per_prompt)
{
    struct chat_request r = {.raw = raw, .n_raw = n_raw, .n_choice = (int)n_raw * per_prompt,
                             .max_tokens = 12, .sample = SAMPLE_DEFAULT, .logprobs = true,
                             .ignore_eog = true};

    r.sample.temperature = 0;
    return r;
}

/* Several prompts at once give what each gives alone, in their order; tokens are counted once a
 * prompt, and each output token is shown. */
static void test_raw(void **state)
{
    static const struct chat_raw raw[] = {{.text = STR("The capital of France is")},
                                          {.text = STR("One, two, three,")}};
    struct chat_request r = raw_request(raw, 2, 3);
    struct got all, one;
    int64_t n_prompt = 0;

    (void)state;
    if (skip_without_model()) return;
    ask(&r, &all);
    assert_int_equal(all.error.code, ERR_OK);
    for (int i = 0; i < 2; i++) {
        struct chat_request alone = raw_request(&raw[i], 1, 1);

        ask(&alone, &one);
        assert_int_equal(one.error.code, ERR_OK);
        n_prompt += one.usage.prompt;
        for (int k = 3 * i; k < 3 * i + 3; k++) {
            assert_true(str_eq(buf_str(&all.choice[k].text), buf_str(&one.choice[0].text)));
            assert_int_equal(all.choice[k].n_token, 12);
            assert_int_equal(all.choice[k].finish, CHAT_FINISH_LENGTH);
            assert_int_equal(all.choice[k].reasoning.n, 0);
        }
        got_done(&one);
    }
    assert_int_equal(all.usage.prompt, n_prompt);
    assert_int_equal(all.usage.completion, 6 * 12);
    assert_true(all.usage.cached >= 0 && all.usage.cached <= n_prompt);
    got_done(&all);
}

/* Text that looks like thinking is text when no template was there. */
static void test_raw_thinking(void **state)
{
    static const struct chat_raw raw = {.text = STR("<think>")};
    struct chat_request r = raw_request(&raw, 1, 1);
    struct got g;

    (void)state;
    if (skip_without_model()) return;
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_OK);
    assert_true(g.usage.reasoning == 0 && g.usage.completion == 12);
    got_done(&g);
}

/* One bad prompt refuses all: what was started before it is stopped. */
static void test_raw_refused(void **state)
{
    static const int32_t beyond[] = {1 << 30};
    static const struct chat_raw raw[] = {{.text = STR("a")}, {.text = STR("b")},
                                          {.id = beyond, .n_id = 1}};
    struct chat_request r = raw_request(raw, 3, 2);
    struct got g;

    (void)state;
    if (skip_without_model()) return;
    ask(&r, &g);
    assert_int_equal(g.error.code, ERR_ARG);
    got_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema), cmocka_unit_test(test_object), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_thinking), cmocka_unit_test(test_stop_string),
        cmocka_unit_test(test_logprobs), cmocka_unit_test(test_required),
        cmocka_unit_test(test_named), cmocka_unit_test(test_auto),
        cmocka_unit_test(test_tool_loop), cmocka_unit_test(test_cut_call),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_pool), cmocka_unit_test(test_plain),
        cmocka_unit_test(test_raw), cmocka_unit_test(test_raw_thinking),
        cmocka_unit_test(test_raw_refused), cmocka_unit_test(test_thinking_limit),
        cmocka_unit_test(test_thinking_limit_and_length),
    };

    return cmocka_run_group_tests(tests, open_model, close_model);
}
