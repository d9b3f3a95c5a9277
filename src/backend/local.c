/* SPDX-License-Identifier: Apache-2.0
 *
 * A run is one engine sequence per choice over the same prompt (the prefix cache makes the
 * others cheap), each with its own assembler.
 */
#include "backend/local.h"
#include "base/mem.h"
#include "chat/assemble.h"
#include "chat/prompt.h"

/* Prompts are tokenized up to this multiple of the context, so that the refusal can name their
 * true length; beyond it the request is refused without counting on. */
#define COUNT_BEYOND_CONTEXT 64

struct local { struct backend backend; struct engine *engine; };

struct choice {
    struct engine_seq *seq;            /* NULL once freed */
    struct assemble text;
    enum chat_finish finish;
    bool draining;                     /* no more tokens; events may still be held */
    bool ended;                        /* CHOICE_END was given */
};

struct backend_run {
    struct local *local;
    int n_choice, n_ended, at;         /* at: choice to look at next */
    bool over;                         /* END or FAIL was given */
    struct chat_usage usage;
    struct error error;                /* code set: FAIL comes next */
    struct choice choice[];
};

/* ---- start ---- */

static enum err check_length(const struct engine *en, size_t n_prompt, struct error *e)
{
    int n_max = engine_n_ctx(en) - 1;

    if (n_prompt <= (size_t)n_max) return ERR_OK;
    return err_set(e, ERR_CONTEXT, ERR_NO_POS,
                   "This model's maximum prompt length is %d but the request contains %zu tokens.",
                   n_max, n_prompt);
}

static enum err submit(struct engine *en, const struct chat_request *r,
                       const struct token_list *ids, int choice,
                       struct engine_seq **out, struct error *e)
{
    struct engine_request q = {
        .prompt = ids->id, .n_prompt = ids->n, .max_tokens = r->max_tokens, .sample = r->sample,
        .n_top_logprobs = r->logprobs ? r->n_top_logprobs : -1, .salt = r->salt,
        .ignore_eog = r->ignore_eog, .priority = r->priority, .owner = r->owner,
        .wake = r->wake, .wake_arg = r->wake_arg};

    q.sample.seed += (uint64_t)choice;
    return engine_submit(en, &q, out, e);
}

static void local_free(struct backend_run *run)
{
    for (int i = 0; i < run->n_choice; i++) {
        engine_seq_free(run->choice[i].seq);
        assemble_done(&run->choice[i].text);
    }
    mem_free(run);
}

static enum err start_choices(struct backend_run *run, const struct chat_request *r,
                              const struct chat_prompt *prompt, struct error *e)
{
    const struct vocab *v = engine_vocab(run->local->engine);

    for (int i = 0; i < r->n_choice; i++) {
        assemble_init(&run->choice[i].text, v, r, prompt->opens_reasoning);
        run->n_choice = i + 1;
        TRY(submit(run->local->engine, r, &prompt->ids, i, &run->choice[i].seq, e));
    }
    return ERR_OK;
}

static enum err local_start(struct backend *b, const struct chat_request *r, struct arena *a,
                            struct backend_run **out, struct error *e)
{
    struct local *l = (struct local *)b;
    size_t count_max = (size_t)engine_n_ctx(l->engine) * COUNT_BEYOND_CONTEXT;
    struct chat_prompt prompt;
    struct backend_run *run;
    enum err rc;

    TRY(chat_prompt_make(l->engine, r, a, count_max, &prompt, e));
    rc = check_length(l->engine, prompt.ids.n, e);
    if (rc == ERR_OK) {
        run = mem_alloc(sizeof *run + (size_t)r->n_choice * sizeof run->choice[0]);
        run->local = l;
        run->usage.prompt = (int64_t)prompt.ids.n;
        rc = start_choices(run, r, &prompt, e);
        if (rc == ERR_OK)
            *out = run;
        else
            local_free(run);
    }
    chat_prompt_done(&prompt);
    return rc;
}

/* ---- events ---- */

static struct chat_usage local_usage(const struct backend_run *run)
{
    struct chat_usage u = run->usage;

    for (int i = 0; i < run->n_choice; i++) {
        const struct choice *c = &run->choice[i];
        /* Inside an open think block everything so far is reasoning. */
        int64_t reasoning = c->text.state == ASM_REASONING ? c->text.n_token : c->text.n_reasoning;

        u.reasoning += reasoning;
        u.completion += c->text.n_token - reasoning;
        if (c->seq && i == 0) {
            struct engine_usage now = engine_usage_of(c->seq);

            u.cached = now.n_cached;
            u.first_token_ns = now.first_token_ns;
        }
    }
    return u;
}

static void release(struct backend_run *run, struct choice *c)
{
    if (c == &run->choice[0]) {
        struct engine_usage u = engine_usage_of(c->seq);

        run->usage.cached = u.n_cached;
        run->usage.first_token_ns = u.first_token_ns;
    }
    engine_seq_free(c->seq);
    c->seq = NULL;
}

/* The sequence said its last word. */
static void take_last(struct backend_run *run, struct choice *c, const struct engine_event *ev)
{
    c->finish = ev->finish == FINISH_LENGTH ? CHAT_FINISH_LENGTH : CHAT_FINISH_STOP;
    if (ev->finish == FINISH_ERROR)
        err_set(&run->error, ERR_INTERNAL, ERR_NO_POS, "The model gave no valid next token.");
    else if (ev->finish == FINISH_CANCELLED)
        err_set(&run->error, ERR_SHUTDOWN, ERR_NO_POS, "The engine stopped this request.");
    assemble_end(&c->text);
    c->draining = true;
    release(run, c);
}

/* One event of one choice; false when it has nothing now. */
static bool choice_next(struct backend_run *run, struct choice *c, struct chat_event *ev)
{
    struct engine_event token;

    for (;;) {
        if (assemble_next(&c->text, ev)) return true;
        if (assemble_stopped(&c->text) && !c->draining) {
            c->draining = true;
            c->finish = CHAT_FINISH_STOP;
            release(run, c);
        }
        if (c->draining) break;
        if (!engine_next(c->seq, &token)) return false;
        if (token.finish != FINISH_NONE)
            take_last(run, c, &token);
        else
            assemble_token(&c->text, &token);
    }
    if (run->error.code != ERR_OK) return false;
    c->ended = true;
    run->n_ended++;
    *ev = (struct chat_event){.kind = CHAT_CHOICE_END, .finish = c->finish};
    return true;
}

static bool last_event(struct backend_run *run, struct chat_event *ev)
{
    run->over = true;
    *ev = (struct chat_event){.kind = run->error.code ? CHAT_FAIL : CHAT_END,
                              .usage = local_usage(run), .error = run->error};
    return true;
}

static bool local_next(struct backend_run *run, struct chat_event *ev)
{
    if (run->over) return false;
    for (int looked = 0; looked < run->n_choice; looked++) {
        int i = run->at;

        if (!run->choice[i].ended && choice_next(run, &run->choice[i], ev)) {
            ev->choice = i;
            return true;
        }
        if (run->error.code != ERR_OK) return last_event(run, ev);
        run->at = (i + 1) % run->n_choice;
    }
    return run->n_ended == run->n_choice && last_event(run, ev);
}

/* ---- figures ---- */

static struct backend_health local_health(const struct backend *b)
{
    struct engine_stats s = engine_stats_of(((const struct local *)b)->engine);

    return (struct backend_health){
        .steps = s.steps, .last_step_ns = s.last_step_ns, .n_running = s.n_running,
        .n_queued = s.n_queued, .n_request_max = s.n_seq_max + s.n_queue_max,
        .tokens = (int64_t)s.kv_pages * KV_PAGE_LEN,
        .tokens_free = (int64_t)(s.kv_pages - s.kv_pages_used) * KV_PAGE_LEN};
}

static const struct backend_ops local_ops = {
    .start = local_start, .next = local_next, .usage = local_usage, .free = local_free,
    .health = local_health,
};

struct backend *backend_local_new(struct engine *en)
{
    struct local *l = mem_alloc(sizeof *l);

    l->backend.ops = &local_ops;
    l->engine = en;
    return &l->backend;
}

void backend_local_free(struct backend *b)
{
    mem_free(b);
}
