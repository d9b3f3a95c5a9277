/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/chat/completions. One struct call a request; the backend is pulled whenever its wake
 * mail arrives or the client took output. Streamed and whole replies differ only in where an
 * event goes: into an SSE chunk, or into the fold.
 */
#include "api/handlers.h"
#include <stdio.h>
#include "api/chat_parse.h"
#include "api/chat_render.h"
#include "base/clock.h"
#include "base/hash.h"
#include "net/sse.h"

#define PULL_BYTES (256u << 10)        /* chunks rendered before they are handed over */
#define CHUNKS_BYTES_MAX (64u << 20)   /* of one pull */
#define REPLY_BYTES_MAX (1u << 30)

/* Bodies above this are parsed, rendered and tokenized on the pool: a loop serves others too. */
#define PARSE_APART_BYTES (32u << 10)

struct call {
    struct request *r;
    struct chat_params p;
    struct chat_head head;
    struct backend_run *run;           /* NULL once over */
    struct mail mail;                  /* posted by the backend's wake */
    struct timer *keepalive;           /* streams only */
    bool *started;                     /* [n_choice]: the role went out */
    struct chat_fold *fold;            /* [n_choice], whole replies only */
    struct pool_job job;               /* preparation on the pool */
    struct error refusal;              /* why preparation failed; code ERR_OK: it did not */
    bool is_read;                      /* the body was looked at; refusal says with what result */
    bool begun;                        /* prepared, and the client is there */
};

/* ---- ends ---- */

/* Stops what runs; the figures so far stay in r->usage. */
static void stop(struct call *c)
{
    if (c->run) {
        c->r->usage = c->r->model->backend->ops->usage(c->run);
        c->r->model->backend->ops->free(c->run);
        c->run = NULL;
    }
    loop_unpost(c->r->x->loop, &c->mail);
    timer_free(c->keepalive);
    c->keepalive = NULL;
}

static void release(struct request *r)
{
    struct call *c = r->state;

    stop(c);
    for (int i = 0; c->fold && i < c->p.chat.n_choice; i++) chat_fold_done(&c->fold[i]);
}

static void on_gone(struct exchange *x)
{
    stop(((struct request *)x->user)->state);
}

/* A failure after the headers: one typed event, no [DONE]. */
static void fail_stream(struct call *c, const struct error *e)
{
    struct buf b;

    c->r->failure = e->code;
    buf_init(&b, sizeof e->text * 8);
    sse_data(&b, request_error_body(c->r, e));
    stop(c);
    exchange_write(c->r->x, buf_str(&b));
    buf_done(&b);
    exchange_finish(c->r->x);
}

static void fail(struct call *c, const struct error *e)
{
    if (c->p.stream) {
        fail_stream(c, e);
        return;
    }
    stop(c);
    reply_error(c->r, e);
}

static void on_shutdown(struct exchange *x)
{
    struct call *c = ((struct request *)x->user)->state;
    struct error e;

    err_set(&e, ERR_SHUTDOWN, ERR_NO_POS, "The server is shutting down.");
    fail(c, &e);
}

/* ---- whole replies ---- */

static void add_ms(struct exchange *x, const char *name, int64_t from_ns, int64_t to_ns)
{
    if (to_ns < from_ns) return;
    exchange_add_header(x, name, arena_printf(x->arena, "%.3f", (double)(to_ns - from_ns) / 1e6));
}

static void reply_whole(struct call *c)
{
    struct exchange *x = c->r->x;
    struct buf b;

    buf_init(&b, REPLY_BYTES_MAX);
    chat_render_whole(&b, &c->head, c->fold, c->p.chat.n_choice, &c->r->usage, request_cost(c->r));
    reply_inference_headers(c->r);
    add_ms(x, "x-metrics-ttft-ms", x->start_ns, c->r->usage.first_token_ns);
    add_ms(x, "x-metrics-e2e-ms", x->start_ns, clock_ns());
    reply_json(c->r, 200, buf_str(&b));
    buf_done(&b);
}

static void pump_whole(struct call *c)
{
    struct chat_event ev;

    while (c->r->model->backend->ops->next(c->run, &ev)) {
        if (ev.kind == CHAT_FAIL) {
            fail(c, &ev.error);
            return;
        }
        if (ev.kind == CHAT_END) {
            stop(c);
            reply_whole(c);
            return;
        }
        chat_fold_event(&c->fold[ev.choice], &c->head, &ev);
    }
}

/* ---- streams ---- */

static void add_chunk(struct call *c, struct buf *json, struct buf *out,
                      const struct chat_event *ev)
{
    bool first = ev->kind != CHAT_END && !c->started[ev->choice];

    if (ev->kind != CHAT_END) c->started[ev->choice] = true;
    buf_clear(json);
    chat_render_chunk(json, &c->head, ev, first, request_cost(c->r));
    sse_data(out, buf_str(json));
}

/* Renders what is ready, at most until the output is full. True when the stream is over. */
static bool pull_chunks(struct call *c, struct buf *json, struct buf *out, struct error *failure)
{
    struct chat_event ev;

    failure->code = ERR_OK;
    while (out->n < PULL_BYTES && c->r->model->backend->ops->next(c->run, &ev)) {
        if (ev.kind == CHAT_FAIL) {
            *failure = ev.error;
            return true;
        }
        if (ev.kind == CHAT_END) {
            c->r->usage = ev.usage;
            if (c->p.include_usage) add_chunk(c, json, out, &ev);
            sse_data(out, STR("[DONE]"));
            return true;
        }
        add_chunk(c, json, out, &ev);
    }
    return false;
}

static void pump_stream(struct call *c)
{
    struct exchange *x = c->r->x;
    struct error failure;
    struct buf json, out;
    bool over, more = true;

    buf_init(&json, CHUNKS_BYTES_MAX);
    buf_init(&out, CHUNKS_BYTES_MAX);
    do {
        buf_clear(&out);
        over = pull_chunks(c, &json, &out, &failure);
        if (out.n) {
            more = exchange_write(x, buf_str(&out));
            timer_start(c->keepalive, c->r->api->keepalive_ms);
        }
    } while (!over && more && out.n);
    buf_done(&json);
    buf_done(&out);
    if (!over) return;
    if (failure.code != ERR_OK) {
        fail_stream(c, &failure);
        return;
    }
    stop(c);
    exchange_finish(x);
}

static void pump(void *arg)
{
    struct call *c = arg;

    /* A wake may come before the preparation is back: until then run is another thread's. */
    if (!c->begun || !c->run) return;
    if (c->p.stream)
        pump_stream(c);
    else
        pump_whole(c);
}

static void on_drain(struct exchange *x)
{
    pump(((struct request *)x->user)->state);
}

static void keep_alive(void *arg)
{
    struct call *c = arg;
    struct buf b;

    buf_init(&b, 64);
    sse_comment(&b, "keep-alive");
    exchange_write(c->r->x, buf_str(&b));
    buf_done(&b);
    timer_start(c->keepalive, c->r->api->keepalive_ms);
}

/* ---- start ---- */

static void wake(void *arg)
{
    struct call *c = arg;

    loop_post(c->r->x->loop, &c->mail);
}

static enum err find_model(struct call *c, struct error *e)
{
    struct request *r = c->r;

    r->model = catalog_find(r->api->catalog, c->p.model);
    if (!r->model)
        return err_set(e, ERR_MODEL, ERR_NO_POS,
                       "The model %.*s does not exist or your team %.*s does not have access to "
                       "it.",
                       STR_FMT(str_sub(c->p.model, 0, 100)), STR_FMT(r->key.team_id));
    if (!key_allows(&r->key, "model", r->model->id) && !key_allows(&r->key, "model", c->p.model))
        return err_set(e, ERR_DENIED, ERR_NO_POS, "Access to the model %.*s is denied",
                       STR_FMT(str_sub(c->p.model, 0, 100)));
    return ERR_OK;
}

/* The body, understood and allowed. */
static enum err read_request(struct call *c, struct error *e)
{
    struct request *r = c->r;
    const struct json *root;

    TRY(request_json(r, &root, e));
    TRY(chat_parse(r->api, r->x->body, root, r->x->arena, &c->p, e));
    TRY(find_model(c, e));
    c->head = (struct chat_head){.id = request_id(r), .model = r->model->id,
                                 .fingerprint = r->model->fingerprint,
                                 .created_unix_s = clock_unix_s(), .shows_tier = c->p.has_tier,
                                 .has_functions = c->p.has_functions,
                                 .has_logprobs = c->p.chat.logprobs};
    c->p.chat.salt = hash_str(r->key.team_id);
    c->p.chat.owner = hash_str(r->key.id);
    c->p.chat.wake = wake;
    c->p.chat.wake_arg = c;
    c->mail.fn = pump;
    c->mail.arg = c;
    return ERR_OK;
}

/* Schemas and tools are compiled when the request is started, which may take a second. */
static bool is_constrained(const struct chat_request *c)
{
    return c->format != FORMAT_TEXT || c->n_tool > 0;
}

static void begin(struct call *c)
{
    struct exchange *x = c->r->x;
    size_t n = (size_t)c->p.chat.n_choice;

    c->begun = true;
    c->r->used_engine = true;
    x->on_gone = on_gone;
    x->on_shutdown = on_shutdown;
    x->on_drain = on_drain;
    if (c->p.stream) {
        c->started = arena_alloc(x->arena, n * sizeof *c->started);
        c->keepalive = timer_new(x->loop, keep_alive, c);
        timer_start(c->keepalive, c->r->api->keepalive_ms);
        reply_inference_headers(c->r);
        exchange_add_header(x, "cache-control", STR("no-cache"));
        exchange_stream(x, 200, "text/event-stream");
    } else {
        c->fold = arena_alloc(x->arena, n * sizeof *c->fold);
        for (size_t i = 0; i < n; i++) chat_fold_init(&c->fold[i]);
    }
    pump(c);
}

static void begin_or_refuse(struct call *c)
{
    if (c->refusal.code == ERR_OK)
        begin(c);
    else
        reply_error(c->r, &c->refusal);
}

/* ---- preparation: on the loop when it is quick, else on the pool ---- */

static void read_here(struct call *c)
{
    if (read_request(c, &c->refusal) == ERR_OK) c->refusal.code = ERR_OK;
    c->is_read = true;
}

/* What of it is not done yet. */
static void prepare(void *arg)
{
    struct call *c = arg;

    if (!c->is_read) read_here(c);
    if (c->refusal.code == ERR_OK &&
        backend_start(c->r->model->backend, &c->p.chat, c->r->x->arena, &c->run,
                      &c->refusal) == ERR_OK)
        c->refusal.code = ERR_OK;
}

static void prepared_apart(void *arg)
{
    struct call *c = arg;
    struct exchange *x = c->r->x;

    if (!x->gone) begin_or_refuse(c);
    exchange_release(x);
}

static void prepare_apart(struct call *c)
{
    struct exchange *x = c->r->x;

    c->job = (struct pool_job){.run = prepare, .arg = c, .loop = x->loop,
                               .done = {.fn = prepared_apart, .arg = c}};
    exchange_hold(x);
    if (pool_post(c->r->api->pool, &c->job)) return;
    err_set(&c->refusal, ERR_BUSY, ERR_NO_POS,
            "Too many large requests wait. Try again in a moment.");
    begin_or_refuse(c);
    exchange_release(x);
}

void handle_chat_completions(struct request *r)
{
    struct call *c = arena_new_of(r->x->arena, struct call);

    c->r = r;
    r->state = c;
    r->release = release;
    if (r->x->body.n <= PARSE_APART_BYTES) read_here(c);
    if (!c->is_read || (c->refusal.code == ERR_OK && is_constrained(&c->p.chat))) {
        prepare_apart(c);
        return;
    }
    prepare(c);
    begin_or_refuse(c);
}
