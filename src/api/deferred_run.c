/* SPDX-License-Identifier: Apache-2.0 */
#include "api/deferred_run.h"
#include "api/chat.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define ARENA_BYTES_MAX (256u << 20)   /* as an exchange has */
#define REPLY_BYTES_MAX (256u << 20)   /* the database takes less than 1e9 */
#define RETRY_MS 500                   /* while the engine's queue is full */
#define STARTS_MAX 3                   /* a request that ends the server is not tried for ever */

struct deferred_run *deferred_run_new(void)
{
    struct deferred_run *d = mem_alloc(sizeof *d);

    list_init(&d->node);
    d->arena = arena_new(0);
    buf_init(&d->reply, REPLY_BYTES_MAX);
    return d;
}

/* Stops what runs; the figures so far stay in r.usage. */
static void stop(struct deferred_run *d)
{
    const struct backend_ops *ops;

    if (!d->run) return;
    ops = d->r.model->backend->ops;
    d->r.usage = ops->usage(d->run);
    ops->free(d->run);
    d->run = NULL;
}

void deferred_run_free(struct deferred_run *d)
{
    stop(d);
    if (d->x.loop) {                   /* it was started: mails may wait there */
        loop_unpost(d->x.loop, &d->mail);
        loop_unpost(d->x.loop, &d->job.done);
    }
    timer_free(d->again);
    if (d->begun) chat_completions.release(&d->g);
    arena_free(d->x.arena);
    buf_done(&d->reply);
    arena_free(d->arena);
    mem_free(d);
}

/* ---- ends ---- */

static void finish(struct deferred_run *d, int status)
{
    int64_t now_ns = clock_ns();

    d->status = d->x.status = status;
    d->used_engine = d->r.used_engine;
    if (d->used_engine) d->usage = request_usage(&d->r, now_ns);
    log_info("deferred", "event=done request=%.*s status=%d ms=%.1f prompt=%lld completion=%lld",
             STR_FMT(d->row.id), status, (double)(now_ns - d->x.start_ns) / 1e6,
             (long long)d->r.usage.prompt, (long long)d->r.usage.completion);
    d->done(d, d->arg);
}

static void fail(struct deferred_run *d, const struct error *e)
{
    stop(d);
    d->r.failure = e->code;
    buf_clear(&d->reply);
    buf_add(&d->reply, request_error_body(&d->r, e));
    finish(d, status_of(e->code)->http);
}

static void end(struct deferred_run *d)
{
    struct error e;

    stop(d);
    chat_completions.whole(&d->g, &d->reply);
    if (!d->reply.bad) {
        finish(d, 200);
        return;
    }
    err_set(&e, ERR_LIMIT, ERR_NO_POS, "The reply has more than %u bytes: ask for less of it.",
            REPLY_BYTES_MAX);
    fail(d, &e);
}

/* ---- on its way ---- */

static void pump(void *arg)
{
    struct deferred_run *d = arg;
    struct chat_event ev;

    /* A wake may come before the preparation is back: until then run is another thread's. */
    if (!d->begun || !d->run) return;
    while (d->r.model->backend->ops->next(d->run, &ev)) {
        if (ev.kind == CHAT_FAIL) {
            fail(d, &ev.error);
            return;
        }
        if (ev.kind == CHAT_END) {
            end(d);
            return;
        }
        chat_completions.fold(&d->g, &ev);
    }
}

static void wake(void *arg)
{
    struct deferred_run *d = arg;

    loop_post(d->x.loop, &d->mail);
}

static enum err read(struct deferred_run *d, struct error *e)
{
    if (d->row.n_start > STARTS_MAX)
        return err_set(e, ERR_INTERNAL, ERR_NO_POS,
                       "The server ended %d times while it worked on this request.", STARTS_MAX);
    TRY(generate_read(&d->g, e));
    d->g.chat.priority = CHAT_PRIORITY_DEFERRED;   /* whatever tier was asked, and paid as such */
    d->g.chat.wake = wake;
    d->g.chat.wake_arg = d;
    d->is_read = true;
    return ERR_OK;
}

static enum err read_and_start(struct deferred_run *d, struct error *e)
{
    if (!d->is_read) TRY(read(d, e));
    return backend_start(d->r.model->backend, &d->g.chat, d->x.arena, &d->run, e);
}

/* Pool. */
static void prepare(void *arg)
{
    struct deferred_run *d = arg;

    if (read_and_start(d, &d->refusal) == ERR_OK)
        d->refusal.code = ERR_OK;
    else
        d->run = NULL;
}

/* A full queue is no answer: it is asked again until the request expires. */
static void prepared(void *arg)
{
    struct deferred_run *d = arg;
    enum err rc = d->refusal.code;

    if (rc == ERR_BUSY && clock_unix_s() < d->row.expires_unix_s) {
        timer_start(d->again, RETRY_MS);
    } else if (rc != ERR_OK) {
        fail(d, &d->refusal);
    } else {
        d->r.used_engine = d->begun = true;
        chat_completions.begin(&d->g);
        pump(d);
    }
}

static void post_job(void *arg)
{
    struct deferred_run *d = arg;
    bool taken = pool_post(d->pool, &d->job);

    CHECK(taken);
}

/* Whoever gave the request was allowed to. */
static void set_up(struct deferred_run *d, struct api *api, struct loop *loop)
{
    char allow[64];

    d->type = (struct header){STR("content-type"), STR("application/json")};
    d->x = (struct exchange){
        .method = STR("POST"), .path = STR("/v1/chat/completions"), .header = &d->type,
        .n_header = 1, .body = d->row.body, .start_ns = clock_ns(),
        .arena = arena_new(ARENA_BYTES_MAX), .loop = loop, .user = &d->r};
    d->r = (struct request){
        .api = api, .x = &d->x, .has_key = true, .state = &d->g,
        .key = {.id = d->row.key_id, .team_id = d->row.team_id, .user_id = d->row.user_id,
                .acls = STR(ACL_ALL)}};
    d->r.route = route_find(d->x.method, d->x.path, &d->r.param, allow);
    CHECK(d->r.route && d->row.id.n == UUID_LEN);
    memcpy(d->r.id, d->row.id.p, UUID_LEN);
    d->g = (struct generation){.r = &d->r, .dialect = &chat_completions};
    d->mail = (struct mail){.fn = pump, .arg = d};
    d->job = (struct pool_job){.run = prepare, .arg = d, .loop = loop,
                               .done = {.fn = prepared, .arg = d}};
    d->again = timer_new(loop, post_job, d);
}

void deferred_run_start(struct deferred_run *d, struct api *api, struct pool *pool,
                        struct loop *loop, void (*done)(struct deferred_run *, void *), void *arg)
{
    d->done = done;
    d->arg = arg;
    d->pool = pool;
    set_up(d, api, loop);
    post_job(d);
}
