/* SPDX-License-Identifier: Apache-2.0
 *
 * A run is one engine sequence per choice, each with its own assembler. Choices of one prompt
 * stand together (the prefix cache makes all but the first cheap).
 */
#include "backend/local.h"
#include "base/mem.h"
#include "chat/assemble.h"
#include "chat/prompt.h"
#include "token/detok.h"

#define THOUGHT_TOKENS_MAX ((size_t)1 << 24)   /* above any context */
#define THOUGHT_END_MAX 32             /* tokens, and bytes, of what closes a think block */

struct local {
    struct backend backend;
    struct engine *engine;             /* borrows */
    struct chat_model model;
    struct constrain_cache *grammars;
};

struct choice {
    struct engine_seq *seq;            /* NULL once freed */
    struct assemble text;
    struct token_list thought;         /* owns; tokens so far, while thinking has a limit */
    bool is_resumed;                   /* seq is the second one: thinking was closed */
    bool was_cut;                      /* by max_tokens or the context */
    bool draining;                     /* no more tokens; events may still be held */
    bool ended;                        /* CHOICE_END was given */
};

struct backend_run {
    struct local *local;
    int n_choice, n_ended, at;         /* at: choice to look at next */
    int per_prompt;                    /* choices of each prompt */
    bool over;                         /* END or FAIL was given */
    bool constrained;                  /* a grammar holds the choices */
    struct chat_usage usage;
    struct error error;                /* code set: FAIL comes next */
    const struct chat_request *r;      /* borrows */
    struct token_list prompt;          /* owns; while thinking has a limit */
    struct grammar *behind;            /* shares; of what comes behind thinking */
    struct choice choice[];
};

/* ---- start ---- */

static enum err submit(struct engine *en, const struct chat_request *r,
                       const struct token_list *ids, struct grammar *grammar, int choice,
                       struct engine_seq **out, struct error *e)
{
    struct engine_request q = {
        .prompt = ids->id, .n_prompt = ids->n, .max_tokens = r->max_tokens, .sample = r->sample,
        .n_top_logprobs = r->logprobs ? r->n_top_logprobs : -1, .salt = r->salt,
        .grammar = grammar, .ignore_eog = r->ignore_eog, .priority = r->priority, .owner = r->owner,
        .wake = r->wake, .wake_arg = r->wake_arg};

    q.sample.seed += (uint64_t)choice;
    return engine_submit(en, &q, out, e);
}

static void local_free(struct backend_run *run)
{
    for (int i = 0; i < run->n_choice; i++) {
        engine_seq_free(run->choice[i].seq);
        assemble_done(&run->choice[i].text);
        token_list_done(&run->choice[i].thought);
    }
    token_list_done(&run->prompt);
    grammar_unref(run->behind);
    mem_free(run);
}

/* Adds the choices of one prompt; they share the grammar. */
static enum err start_choices(struct backend_run *run, const struct chat_request *r,
                              const struct chat_prompt *prompt, struct grammar *grammar,
                              struct error *e)
{
    const struct local *l = run->local;

    run->usage.prompt += (int64_t)prompt->ids.n;
    for (int n = 0; n < run->per_prompt; n++) {
        int i = run->n_choice++;

        assemble_init(&run->choice[i].text, l->model.vocab, l->model.syntax, r,
                      prompt->opens_reasoning);
        token_list_init(&run->choice[i].thought, THOUGHT_TOKENS_MAX);
        TRY(submit(l->engine, r, &prompt->ids, grammar, i, &run->choice[i].seq, e));
    }
    return ERR_OK;
}

/* What closing the think block will need. */
static enum err prepare_limit(struct backend_run *run, const struct chat_request *r,
                              const struct chat_prompt *prompt, struct error *e)
{
    const struct chat_prompt closed = {.ids = prompt->ids};
    struct local *l = run->local;

    if (!r->thinking_max || !(prompt->opens_reasoning || prompt->may_reason)) return ERR_OK;
    TRY(constrain_make(l->grammars, l->model.syntax, r, &closed, &run->behind, e));
    token_list_init(&run->prompt, prompt->ids.n + 1);
    for (size_t i = 0; i < prompt->ids.n; i++)
        TRY(token_list_add(&run->prompt, prompt->ids.id[i], e));
    return ERR_OK;
}

static enum err start_turn(struct backend_run *run, const struct chat_request *r,
                           const struct chat_prompt *prompt, struct error *e)
{
    struct local *l = run->local;
    struct grammar *grammar;
    enum err rc;

    TRY(prepare_limit(run, r, prompt, e));
    TRY(constrain_make(l->grammars, l->model.syntax, r, prompt, &grammar, e));
    run->constrained = grammar != NULL;
    rc = start_choices(run, r, prompt, grammar, e);
    grammar_unref(grammar);
    return rc;
}

static enum err start_chat(struct backend_run *run, const struct chat_request *r, struct error *e)
{
    struct chat_prompt prompt;
    enum err rc;

    TRY(chat_prompt_make(&run->local->model, r, &prompt, e));
    rc = start_turn(run, r, &prompt, e);
    chat_prompt_done(&prompt);
    return rc;
}

static enum err start_raw(struct backend_run *run, const struct chat_request *r, struct error *e)
{
    for (size_t i = 0; i < r->n_raw; i++) {
        struct chat_prompt prompt;
        enum err rc;

        TRY(chat_prompt_raw(&run->local->model, &r->raw[i], &prompt, e));
        rc = start_choices(run, r, &prompt, NULL, e);
        chat_prompt_done(&prompt);
        if (rc != ERR_OK) return rc;
    }
    return ERR_OK;
}

static enum err local_start(struct backend *b, const struct chat_request *r, struct arena *a,
                            struct backend_run **out, struct error *e)
{
    struct backend_run *run;
    enum err rc;

    (void)a;
    run = mem_alloc(sizeof *run + (size_t)r->n_choice * sizeof run->choice[0]);
    run->local = (struct local *)b;
    run->r = r;
    run->per_prompt = r->n_raw ? r->n_choice / (int)r->n_raw : r->n_choice;
    rc = r->n_raw ? start_raw(run, r, e) : start_chat(run, r, e);
    if (rc == ERR_OK)
        *out = run;
    else
        local_free(run);
    return rc;
}

/* ---- events ---- */

/* What a choice that runs says of its prompt; of each prompt, the first choice speaks. */
static void add_figures(const struct backend_run *run, const struct choice *c,
                        struct chat_usage *u)
{
    int i = (int)(c - run->choice);
    struct engine_usage now;

    if (!c->seq || c->is_resumed || i % run->per_prompt != 0) return;
    now = engine_usage_of(c->seq);
    u->cached += now.n_cached;
    if (i == 0) u->first_token_ns = now.first_token_ns;
}

static struct chat_usage local_usage(const struct backend_run *run)
{
    struct chat_usage u = run->usage;

    for (int i = 0; i < run->n_choice; i++) {
        const struct choice *c = &run->choice[i];
        /* Inside an open think block everything so far is reasoning. */
        int64_t reasoning = c->text.state == ASM_REASONING ? c->text.n_token : c->text.n_reasoning;

        u.reasoning += reasoning;
        u.completion += c->text.n_token - reasoning;
        add_figures(run, c, &u);
    }
    return u;
}

static void release(struct backend_run *run, struct choice *c)
{
    add_figures(run, c, &run->usage);
    engine_seq_free(c->seq);
    c->seq = NULL;
}

/* The sequence said its last word. */
static void take_last(struct backend_run *run, struct choice *c, const struct engine_event *ev)
{
    c->was_cut = ev->finish == FINISH_LENGTH;
    if (ev->finish == FINISH_ERROR)
        err_set(&run->error, ERR_INTERNAL, ERR_NO_POS, "%s",
                run->constrained ? "The model gave no next token that the schema or the tools "
                                   "allow, or they are too large to enforce."
                                 : "The model gave no valid next token.");
    else if (ev->finish == FINISH_CANCELLED)
        err_set(&run->error, ERR_SHUTDOWN, ERR_NO_POS, "The engine stopped this request.");
    assemble_end(&c->text);
    c->draining = true;
    release(run, c);
}

/* ---- the limit of thinking ---- */

static bool may_be_thinking(const struct backend_run *run, const struct choice *c)
{
    return run->prompt.n > 0 && !c->is_resumed && c->text.state <= ASM_REASONING;
}

static enum err take_token(struct backend_run *run, struct choice *c,
                           const struct engine_event *ev)
{
    bool is_kept = may_be_thinking(run, c);

    assemble_token(&c->text, ev);
    return is_kept ? token_list_add(&c->thought, ev->token, &run->error) : ERR_OK;
}

/* Where max_tokens leaves no room for the end and an answer, it cuts instead. */
static bool is_at_limit(const struct backend_run *run, const struct choice *c)
{
    return may_be_thinking(run, c) && c->text.state == ASM_REASONING &&
           c->text.n_token >= run->r->thinking_max &&
           run->r->max_tokens - c->text.n_token > THOUGHT_END_MAX;
}

/* Adds the end of the think block to what the choice wrote. */
static enum err write_end(struct backend_run *run, struct choice *c, struct error *e)
{
    const struct chat_model *m = &run->local->model;
    size_t from = c->thought.n;
    struct buf text;
    enum err rc;

    buf_init(&text, THOUGHT_END_MAX);
    call_syntax_end_thinking(m->syntax, &text);
    rc = vocab_tokenize(m->vocab, buf_str(&text), TOKENIZE_PARSE_SPECIAL, NULL, 0, &c->thought, e);
    buf_done(&text);
    for (size_t i = from; rc == ERR_OK && i < c->thought.n; i++)
        assemble_token(&c->text, &(struct engine_event){.token = c->thought.id[i]});
    return rc;
}

/* A second sequence goes on behind the closed think block; the prefix cache knows most of it. */
static enum err resume(struct backend_run *run, struct choice *c, struct error *e)
{
    struct chat_request rest = *run->r;
    struct token_list ids;
    enum err rc = ERR_OK;

    rest.max_tokens -= (int)c->thought.n;
    token_list_init(&ids, run->prompt.n + c->thought.n + 1);
    for (size_t i = 0; rc == ERR_OK && i < run->prompt.n; i++)
        rc = token_list_add(&ids, run->prompt.id[i], e);
    for (size_t i = 0; rc == ERR_OK && i < c->thought.n; i++)
        rc = token_list_add(&ids, c->thought.id[i], e);
    if (rc == ERR_OK)
        rc = submit(run->local->engine, &rest, &ids, run->behind, (int)(c - run->choice), &c->seq,
                    e);
    token_list_done(&ids);
    return rc;
}

/* False: nothing goes on, run->error may say why. */
static bool close_thinking(struct backend_run *run, struct choice *c)
{
    enum err rc;

    release(run, c);
    c->is_resumed = true;
    rc = write_end(run, c, &run->error);
    if (rc == ERR_OK) rc = resume(run, c, &run->error);
    run->error.code = rc == ERR_CONTEXT ? ERR_OK : rc;
    if (c->seq) return true;
    c->was_cut = true;
    c->draining = true;
    assemble_end(&c->text);
    return false;
}

/* One event of one choice; false when it has nothing now. */
static bool choice_next(struct backend_run *run, struct choice *c, struct chat_event *ev)
{
    struct engine_event token;

    for (;;) {
        if (assemble_next(&c->text, ev)) return true;
        if (assemble_stopped(&c->text) && !c->draining) {
            c->draining = true;
            release(run, c);
        }
        if (c->draining) break;
        if (is_at_limit(run, c) && !close_thinking(run, c)) continue;
        if (!engine_next(c->seq, &token)) return false;
        if (token.finish != FINISH_NONE)
            take_last(run, c, &token);
        else if (take_token(run, c, &token) != ERR_OK)
            return false;
    }
    if (run->error.code != ERR_OK) return false;
    c->ended = true;
    run->n_ended++;
    *ev = (struct chat_event){.kind = CHAT_CHOICE_END,
                              .finish = assemble_finish(&c->text, c->was_cut),
                              .stop = assemble_stop(&c->text)};
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

/* ---- tokens ---- */

static enum err local_tokenize(const struct backend *b, str text,
                               void (*each)(void *arg, int32_t id, str piece), void *arg,
                               struct error *e)
{
    const struct vocab *v = ((const struct local *)b)->model.vocab;
    struct token_list ids;
    enum err rc;

    token_list_init(&ids, text.n + 1);
    rc = vocab_tokenize(v, text, 0, NULL, 0, &ids, e);
    for (size_t i = 0; rc == ERR_OK && i < ids.n; i++)
        each(arg, ids.id[i], vocab_piece(v, ids.id[i]));
    token_list_done(&ids);
    return rc;
}

static void local_spell(const struct backend *b, const int32_t *id, size_t n, struct buf *out)
{
    struct detok d;

    detok_init(&d, ((const struct local *)b)->model.vocab, false);
    for (size_t i = 0; i < n; i++) detok_add(&d, id[i], out);
    detok_flush(&d, out);
}

/* ---- figures ---- */

static enum err local_count(struct backend *b, const struct chat_request *r, size_t *n_token,
                            struct error *e)
{
    struct chat_prompt prompt;

    TRY(chat_prompt_make(&((struct local *)b)->model, r, &prompt, e));
    *n_token = prompt.ids.n;
    chat_prompt_done(&prompt);
    return ERR_OK;
}

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
    .health = local_health, .count = local_count, .tokenize = local_tokenize,
    .spell = local_spell,
};

struct backend *backend_local_new(struct engine *en, const struct constrain_limits *limits)
{
    struct local *l = mem_alloc(sizeof *l);

    l->backend.ops = &local_ops;
    l->engine = en;
    chat_model_init(&l->model, en);
    l->grammars = constrain_cache_new(limits);
    return &l->backend;
}

void backend_local_free(struct backend *b)
{
    struct local *l = (struct local *)b;

    if (!l) return;
    constrain_cache_free(l->grammars);
    mem_free(l);
}
