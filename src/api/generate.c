/* SPDX-License-Identifier: Apache-2.0 */
#include "api/generate.h"
#include <stdio.h>
#include "api/compat.h"
#include "base/clock.h"
#include "base/hash.h"

#define PULL_BYTES (256u << 10)        /* events rendered before they are handed over */
#define EVENTS_BYTES_MAX (64u << 20)   /* of one pull */
#define REPLY_BYTES_MAX (1u << 30)

/* Bodies above this are parsed, rendered and tokenized on the pool: a loop serves others too. */
#define PARSE_APART_BYTES (32u << 10)

static struct generation *of(struct exchange *x)
{
    return ((struct request *)x->user)->state;
}

/* ---- ends ---- */

/* Stops what runs; the figures so far stay in r->usage. */
static void stop_run(struct generation *g)
{
    if (g->run) {
        g->r->usage = g->r->model->backend->ops->usage(g->run);
        g->r->model->backend->ops->free(g->run);
        g->run = NULL;
    }
    loop_unpost(g->r->x->loop, &g->mail);
}

static void stop(struct generation *g)
{
    stop_run(g);
    timer_free(g->keepalive);
    g->keepalive = NULL;
}

static void release(struct request *r)
{
    struct generation *g = r->state;

    stop(g);
    if (g->begun && g->dialect->release) g->dialect->release(g);
}

static void on_gone(struct exchange *x)
{
    stop(of(x));
}

/* Hands bytes over; true while the client takes more. */
static bool send(struct generation *g, struct buf *out)
{
    bool more = exchange_write(g->r->x, buf_str(out));

    if (g->keepalive) timer_start(g->keepalive, g->r->api->keepalive_ms);
    return more;
}

/* A failure after the headers: the dialect's event, and nothing behind it. */
static void fail_stream(struct generation *g, const struct error *e)
{
    struct buf out;

    g->r->failure = e->code;
    buf_init(&out, EVENTS_BYTES_MAX);
    buf_init(&g->scratch, EVENTS_BYTES_MAX);
    g->dialect->fail(g, e, &out);
    buf_done(&g->scratch);
    stop(g);
    send(g, &out);
    buf_done(&out);
    exchange_finish(g->r->x);
}

static void fail(struct generation *g, const struct error *e)
{
    if (g->stream) {
        fail_stream(g, e);
        return;
    }
    stop(g);
    reply_error(g->r, e);
}

static void on_shutdown(struct exchange *x)
{
    struct error e;

    err_set(&e, ERR_SHUTDOWN, ERR_NO_POS, "The server is shutting down.");
    fail(of(x), &e);
}

/* ---- whole replies ---- */

static void add_ms(struct exchange *x, const char *name, int64_t from_ns, int64_t to_ns)
{
    if (to_ns < from_ns) return;
    exchange_add_header(x, name, arena_printf(x->arena, "%.3f", (double)(to_ns - from_ns) / 1e6));
}

static void reply_whole(struct generation *g)
{
    struct exchange *x = g->r->x;
    struct buf b;

    buf_init(&b, REPLY_BYTES_MAX);
    g->dialect->whole(g, &b);
    reply_inference_headers(g->r);
    add_ms(x, "x-metrics-ttft-ms", x->start_ns, g->r->usage.first_token_ns);
    add_ms(x, "x-metrics-e2e-ms", x->start_ns, clock_ns());
    reply_json(g->r, 200, buf_str(&b));
    buf_done(&b);
}

static void close_stream(struct generation *g)
{
    struct buf out;

    if (g->dialect->close) {
        buf_init(&out, EVENTS_BYTES_MAX);
        buf_init(&g->scratch, EVENTS_BYTES_MAX);
        g->dialect->close(g, &out);
        buf_done(&g->scratch);
        send(g, &out);
        buf_done(&out);
    }
    stop(g);
    exchange_finish(g->r->x);
}

void generate_finish(struct generation *g, const struct error *failure)
{
    if (failure) {
        fail(g, failure);
    } else if (g->stream) {
        close_stream(g);
    } else {
        stop(g);
        reply_whole(g);
    }
}

/* All events came. */
static void end(struct generation *g)
{
    stop_run(g);
    if (!g->dialect->save || !g->dialect->save(g)) generate_finish(g, NULL);
}

static void pump_whole(struct generation *g)
{
    struct chat_event ev;

    while (g->r->model->backend->ops->next(g->run, &ev)) {
        if (ev.kind == CHAT_FAIL) {
            fail(g, &ev.error);
            return;
        }
        if (ev.kind == CHAT_END) {
            end(g);
            return;
        }
        g->dialect->fold(g, &ev);
    }
}

/* ---- streams ---- */

/* Renders what is ready, at most until the output is full. True when the stream is over. */
static bool pull_events(struct generation *g, struct buf *out, struct error *failure)
{
    struct chat_event ev;

    failure->code = ERR_OK;
    while (out->n < PULL_BYTES && g->r->model->backend->ops->next(g->run, &ev)) {
        if (ev.kind == CHAT_FAIL) {
            *failure = ev.error;
            return true;
        }
        if (ev.kind == CHAT_END) g->r->usage = ev.usage;
        g->dialect->event(g, &ev, out);
        if (ev.kind == CHAT_END) return true;
    }
    return false;
}

static void pump_stream(struct generation *g)
{
    struct error failure;
    struct buf out;
    bool over, more = true;

    buf_init(&g->scratch, EVENTS_BYTES_MAX);
    buf_init(&out, EVENTS_BYTES_MAX);
    do {
        buf_clear(&out);
        over = pull_events(g, &out, &failure);
        if (out.n) more = send(g, &out);
    } while (!over && more && out.n);
    buf_done(&g->scratch);
    buf_done(&out);
    if (!over) return;
    if (failure.code != ERR_OK) {
        fail_stream(g, &failure);
        return;
    }
    end(g);
}

static void pump(void *arg)
{
    struct generation *g = arg;

    /* A wake may come before the preparation is back: until then run is another thread's. */
    if (!g->begun || !g->run) return;
    if (g->stream)
        pump_stream(g);
    else
        pump_whole(g);
}

static void on_drain(struct exchange *x)
{
    pump(of(x));
}

static void keep_alive(void *arg)
{
    struct generation *g = arg;
    struct buf b;

    buf_init(&b, 256);
    g->dialect->ping(g, &b);
    send(g, &b);
    buf_done(&b);
}

/* ---- start ---- */

static void wake(void *arg)
{
    struct generation *g = arg;

    loop_post(g->r->x->loop, &g->mail);
}

static enum err find_model(struct generation *g, struct error *e)
{
    enum err rc = request_find_model(g->r, g->model, e);

    if (rc == ERR_MODEL && g->dialect->model_is_argument)
        return err_set(e, ERR_ARG, ERR_NO_POS, "Model not found: %.*s",
                       STR_FMT(str_sub(g->model, 0, 100)));
    return rc;
}

enum err generate_read(struct generation *g, struct error *e)
{
    struct request *r = g->r;
    const struct json *root;

    TRY(request_json(r, &root, e));
    TRY(g->dialect->read(g, root, e));
    TRY(find_model(g, e));
    if (r->api->strict) TRY(compat_check(g->model, &g->chat, e));
    g->chat.salt = hash_str(r->key.team_id);
    g->chat.owner = hash_str(r->key.id);
    return ERR_OK;
}

/* The body, understood and allowed. */
static enum err read_request(struct generation *g, struct error *e)
{
    TRY(generate_read(g, e));
    g->chat.wake = wake;
    g->chat.wake_arg = g;
    g->mail.fn = pump;
    g->mail.arg = g;
    return ERR_OK;
}

/* Schemas and tools are compiled when the request is started, which may take a second. */
static bool is_constrained(const struct chat_request *c)
{
    return c->format != FORMAT_TEXT || c->n_tool > 0;
}

static void open_stream(struct generation *g)
{
    struct exchange *x = g->r->x;
    struct buf out;

    g->keepalive = timer_new(x->loop, keep_alive, g);
    timer_start(g->keepalive, g->r->api->keepalive_ms);
    reply_inference_headers(g->r);
    exchange_add_header(x, "cache-control", STR("no-cache"));
    exchange_stream(x, 200, "text/event-stream");
    if (!g->dialect->open) return;
    buf_init(&out, EVENTS_BYTES_MAX);
    buf_init(&g->scratch, EVENTS_BYTES_MAX);
    g->dialect->open(g, &out);
    buf_done(&g->scratch);
    send(g, &out);
    buf_done(&out);
}

static void begin(struct generation *g)
{
    struct exchange *x = g->r->x;

    g->begun = true;
    g->r->used_engine = true;
    g->r->is_priority = g->chat.priority > 0;
    x->on_gone = on_gone;
    x->on_shutdown = on_shutdown;
    x->on_drain = on_drain;
    g->dialect->begin(g);
    if (g->stream) open_stream(g);
    pump(g);
}

static void reply_counted(struct generation *g)
{
    struct buf b;

    buf_init(&b, REPLY_BYTES_MAX);
    g->dialect->counted(g, g->n_counted, &b);
    reply_json(g->r, 200, buf_str(&b));
    buf_done(&b);
}

static void begin_or_refuse(struct generation *g)
{
    if (g->refusal.code != ERR_OK)
        reply_error(g->r, &g->refusal);
    else if (g->deferred)
        g->dialect->defer(g);
    else if (g->dialect->counted)
        reply_counted(g);
    else
        begin(g);
}

/* ---- preparation: on the loop when it is quick, else on the pool ---- */

static void read_here(struct generation *g)
{
    if (read_request(g, &g->refusal) == ERR_OK) g->refusal.code = ERR_OK;
    g->is_read = true;
}

static enum err start_or_count(struct generation *g, struct error *e)
{
    struct backend *b = g->r->model->backend;

    if (g->dialect->counted) return b->ops->count(b, &g->chat, &g->n_counted, e);
    return backend_start(b, &g->chat, g->r->x->arena, &g->run, e);
}

/* What of it is not done yet. */
static void prepare(void *arg)
{
    struct generation *g = arg;

    if (!g->is_read) read_here(g);
    if (g->deferred) return;
    if (g->refusal.code == ERR_OK && start_or_count(g, &g->refusal) == ERR_OK)
        g->refusal.code = ERR_OK;
}

static void prepared_apart(void *arg)
{
    struct generation *g = arg;
    struct exchange *x = g->r->x;

    if (!x->gone) begin_or_refuse(g);
    exchange_release(x);
}

static void prepare_apart(struct generation *g)
{
    struct exchange *x = g->r->x;

    g->job = (struct pool_job){.run = prepare, .arg = g, .loop = x->loop,
                               .done = {.fn = prepared_apart, .arg = g}};
    exchange_hold(x);
    if (pool_post(g->r->api->pool, &g->job)) return;
    err_set(&g->refusal, ERR_BUSY, ERR_NO_POS,
            "Too many large requests wait. Try again in a moment.");
    begin_or_refuse(g);
    exchange_release(x);
}

void generate(struct request *r, const struct dialect *d)
{
    struct generation *g = arena_new_of(r->x->arena, struct generation);

    g->r = r;
    g->dialect = d;
    r->state = g;
    r->release = release;
    if (r->x->body.n <= PARSE_APART_BYTES && !(d->read_blocks && d->read_blocks(r))) read_here(g);
    if (!g->is_read ||
        (g->refusal.code == ERR_OK && !g->deferred && is_constrained(&g->chat))) {
        prepare_apart(g);
        return;
    }
    prepare(g);
    begin_or_refuse(g);
}
