/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue is the table: a request waits there until there is room to run it, and memory holds
 * only those that run. All that came since the last turn is written in one transaction: new
 * requests, replies with their usage, and the marks of those that start. After the commit, and only
 * then, ids go out and runs begin. A disk that says no refuses new requests; replies are kept and
 * tried again.
 *
 * A command is a mail twice: to the thread, and back to its loop with the answer. Meanwhile its
 * exchange is held and left alone by the loop.
 */
#include "api/deferred.h"
#include "api/deferred_run.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#define BODY_BYTES_MAX (256u << 20)    /* the database takes less than 1e9 */
#define REPLY_BYTES_MAX (512u << 20)
#define RETRY_MS 1000                  /* after a disk said no */
#define SWEEP_MS_MAX 60000
#define SWEEP_MAX 1000                 /* rows at a time */

struct deferred {
    struct api *api;
    struct deferred_options o;
    struct db *db;
    struct loop *loop;
    struct pool *pool;                 /* one thread that prepares what starts */
    pthread_t thread;
    struct mail stop;

    /* Of the thread. */
    struct mail turn;
    struct timer *sweep, *retry;
    struct list submits;               /* commands */
    struct list runs, finished;        /* struct deferred_run */
    int n_run;                         /* in both */
    struct deferred_sum sum;           /* of the table */
    bool stopping;
};

struct command {
    struct deferred *d;
    struct request *r;
    struct mail mail;
    struct list node;                  /* submits */
    struct error error;                /* code ERR_OK: it went well */
    bool is_peek;                      /* HEAD: the reply stays */
    enum deferred_state state;         /* what was found */
    int64_t status;
    struct buf reply;
};

/* ---- answers, on the loop of the request ---- */

static void reply_id(struct request *r)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, 256);
    jw_init(&w, &b);
    jw_object(&w);
    jw_kv_string(&w, "request_id", request_id(r));
    jw_object_end(&w);
    reply_json(r, 200, buf_str(&b));
    buf_done(&b);
}

static void reply_found(struct command *c)
{
    if (c->state != DEFERRED_READY)
        exchange_reply(c->r->x, 202, NULL, STR_NONE);
    else
        reply_json(c->r, c->is_peek ? 200 : (int)c->status, buf_str(&c->reply));
}

static void answer_submit(void *arg)
{
    struct command *c = arg;
    struct exchange *x = c->r->x;

    if (!x->gone && c->error.code == ERR_OK)
        reply_id(c->r);
    else if (!x->gone)
        reply_error(c->r, &c->error);
    exchange_release(x);
}

static void answer_read(void *arg)
{
    struct command *c = arg;
    struct exchange *x = c->r->x;

    if (!x->gone && c->error.code == ERR_OK)
        reply_found(c);
    else if (!x->gone)
        reply_error(c->r, &c->error);
    buf_done(&c->reply);
    exchange_release(x);
}

/* From the thread. c may be gone when this returns. */
static void answer(struct command *c, void (*fn)(void *arg))
{
    struct loop *loop = c->r->x->loop;

    c->mail.fn = fn;
    loop_post(loop, &c->mail);
}

/* ---- one turn: what goes to the disk ---- */

static bool has_room(const struct deferred *d)
{
    return d->n_run < d->o.parallel && !d->stopping;
}

static enum err insert(struct deferred *d, const struct request *r, struct error *e)
{
    const struct deferred_row row = {
        .id = request_id(r), .team_id = r->key.team_id, .user_id = r->key.user_id,
        .key_id = r->key.id, .body = r->x->body, .expires_unix_s = clock_unix_s() + d->o.keep_s};

    return deferred_rows_insert(d->db, &row, e);
}

static enum err store(struct deferred *d, const struct deferred_run *run, struct error *e)
{
    enum err rc = ERR_OK;

    TRY(deferred_rows_finish(d->db, run->row.id, run->status, buf_str(&run->reply), e));
    if (run->used_engine) rc = usage_rows_insert(d->db, &run->usage, e);
    if (rc == ERR_EXISTS) {            /* the ledger has it, which nobody can repair */
        log_error("deferred", "event=settled_twice request=%.*s", STR_FMT(run->row.id));
        rc = ERR_OK;
    }
    return rc;
}

/* Takes what may start to picked; *n of them. */
static enum err pick(struct deferred *d, int room, struct list *picked, struct error *e)
{
    bool found = true;

    while (room-- > 0 && found) {
        struct deferred_run *run = deferred_run_new();

        list_add_tail(picked, &run->node);
        TRY(deferred_rows_pick(d->db, clock_unix_s(), run->arena, &run->row, &found, e));
        if (found) continue;
        list_del(&run->node);
        deferred_run_free(run);
    }
    return ERR_OK;
}

static enum err write_all(struct deferred *d, struct list *picked, struct error *e)
{
    int room = has_room(d) ? d->o.parallel - d->n_run : 0;

    LIST_EACH(at, &d->finished)
    {
        TRY(store(d, LIST_ENTRY(at, struct deferred_run, node), e));
        room += !d->stopping;
    }
    LIST_EACH(at, &d->submits) TRY(insert(d, LIST_ENTRY(at, struct command, node)->r, e));
    return pick(d, room, picked, e);
}

static enum err commit(struct deferred *d, struct list *picked, struct error *e)
{
    enum err rc;

    TRY(db_begin(d->db, e));
    rc = write_all(d, picked, e);
    if (rc == ERR_OK) return db_commit(d->db, e);
    db_rollback(d->db);
    return rc;
}

static void free_runs(struct list *runs)
{
    LIST_EACH_SAFE(at, runs)
    {
        list_del(at);
        deferred_run_free(LIST_ENTRY(at, struct deferred_run, node));
    }
}

static void answer_submits(struct deferred *d, const struct error *e)
{
    LIST_EACH_SAFE(at, &d->submits)
    {
        struct command *c = LIST_ENTRY(at, struct command, node);

        list_del(at);
        c->error = *e;
        if (e->code == ERR_OK) {
            d->sum.n++;
            d->sum.n_waiting++;
            d->sum.bytes += (int64_t)c->r->x->body.n;
        }
        answer(c, answer_submit);
    }
}

static void run_done(struct deferred_run *run, void *arg)
{
    struct deferred *d = arg;

    list_del(&run->node);
    list_add_tail(&d->finished, &run->node);
    loop_post(d->loop, &d->turn);
}

static void start_picked(struct deferred *d, struct list *picked)
{
    LIST_EACH_SAFE(at, picked)
    {
        list_del(at);
        list_add_tail(&d->runs, at);
        d->n_run++;
        d->sum.n_waiting--;
        deferred_run_start(LIST_ENTRY(at, struct deferred_run, node), d->api, d->pool, d->loop,
                           run_done, d);
    }
}

static void forget_finished(struct deferred *d)
{
    LIST_EACH_SAFE(at, &d->finished)
    {
        struct deferred_run *run = LIST_ENTRY(at, struct deferred_run, node);

        d->n_run--;
        d->sum.bytes += (int64_t)run->reply.n - (int64_t)run->row.body.n;
        list_del(at);
        deferred_run_free(run);
    }
}

static void turn(void *arg)
{
    struct deferred *d = arg;
    struct error e = {.code = ERR_OK};
    struct list picked;

    list_init(&picked);
    if (list_empty(&d->submits) && list_empty(&d->finished) &&
        (d->sum.n_waiting == 0 || !has_room(d)))
        return;
    if (commit(d, &picked, &e) != ERR_OK) {
        log_error("deferred", "event=commit_failed text=\"%s\"", e.text);
        err_set(&e, ERR_IO, ERR_NO_POS, "The request could not be stored. Try again in a moment.");
        free_runs(&picked);
        answer_submits(d, &e);
        timer_start(d->retry, RETRY_MS);
        return;
    }
    e.code = ERR_OK;
    forget_finished(d);
    answer_submits(d, &e);
    start_picked(d, &picked);
}

/* ---- commands, on the thread ---- */

static enum err admit(const struct deferred *d, const struct command *c, struct error *e)
{
    int64_t n = d->sum.n, bytes = d->sum.bytes + (int64_t)c->r->x->body.n;

    if (d->stopping) return err_set(e, ERR_SHUTDOWN, ERR_NO_POS, "The server is shutting down.");
    LIST_EACH(at, &d->submits)
    {
        n++;
        bytes += (int64_t)LIST_ENTRY(at, struct command, node)->r->x->body.n;
    }
    if (n >= d->o.n_max || bytes > d->o.bytes_max)
        return err_set(e, ERR_BUSY, ERR_NO_POS,
                       "Too many deferred completions wait to be made or read (%lld, %lld bytes). "
                       "Read those that are ready, or send this one without 'deferred'.",
                       (long long)d->sum.n, (long long)d->sum.bytes);
    return ERR_OK;
}

static void take_submit(void *arg)
{
    struct command *c = arg;
    struct deferred *d = c->d;

    if (admit(d, c, &c->error) != ERR_OK) {
        answer(c, answer_submit);
        return;
    }
    list_add_tail(&d->submits, &c->node);
    loop_post(d->loop, &d->turn);      /* behind what else arrived: one commit for all */
}

static enum err take_row(struct deferred *d, const struct deferred_key *k, struct command *c,
                         struct error *e)
{
    enum err rc;

    TRY(db_begin(d->db, e));
    rc = deferred_rows_take(d->db, k, &c->status, &c->reply, e);
    if (rc == ERR_OK) return db_commit(d->db, e);
    db_rollback(d->db);
    return rc;
}

static enum err look_up(struct deferred *d, struct command *c, struct error *e)
{
    struct deferred_key k = {c->r->key.team_id, c->r->param, clock_unix_s()};

    TRY(deferred_rows_state(d->db, &k, &c->state, e));
    if (c->state == DEFERRED_NONE)
        return err_set(e, ERR_NOT_FOUND, ERR_NO_POS,
                       "No deferred completion %.*s: it does not exist, has expired, or was read.",
                       STR_FMT(str_sub(k.id, 0, 64)));
    if (c->state != DEFERRED_READY || c->is_peek) return ERR_OK;
    TRY(take_row(d, &k, c, e));
    d->sum.n--;
    d->sum.bytes -= (int64_t)c->reply.n;
    return ERR_OK;
}

static void take_read(void *arg)
{
    struct command *c = arg;
    enum err rc = look_up(c->d, c, &c->error);

    if (rc == ERR_OK) {
        c->error.code = ERR_OK;
    } else if (rc != ERR_NOT_FOUND) {
        log_error("deferred", "event=read_failed text=\"%s\"", c->error.text);
        err_set(&c->error, ERR_IO, ERR_NO_POS,
                "The reply could not be read. Try again in a moment.");
    }
    answer(c, answer_read);
}

/* ---- handlers, on the loop of the request ---- */

static void post(struct request *r, void (*fn)(void *arg))
{
    struct command *c = arena_new_of(r->x->arena, struct command);

    c->d = r->api->deferred;
    c->r = r;
    c->is_peek = str_is(r->x->method, "HEAD");
    list_init(&c->node);
    buf_init(&c->reply, REPLY_BYTES_MAX);
    c->mail = (struct mail){.fn = fn, .arg = c};
    exchange_hold(r->x);
    loop_post(c->d->loop, &c->mail);
}

void deferred_submit(struct request *r)
{
    struct error e;

    if (r->x->body.n > BODY_BYTES_MAX) {
        err_set(&e, ERR_TOO_LARGE, ERR_NO_POS, "A deferred request has at most %u bytes.",
                BODY_BYTES_MAX);
        reply_error(r, &e);
        return;
    }
    post(r, take_submit);
}

static bool is_uuid(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.p[i];

        if (dash ? c != '-'
                 : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return s.n == UUID_LEN;
}

void handle_deferred_completion(struct request *r)
{
    struct error e;

    if (!is_uuid(r->param)) {
        err_set(&e, ERR_ARG, ERR_NO_POS, "'%.*s' is not the request_id of a deferred completion.",
                STR_FMT(str_sub(r->param, 0, 64)));
        reply_error(r, &e);
        return;
    }
    post(r, take_read);
}

/* ---- life ---- */

static enum err sweep_rows(struct deferred *d, struct error *e)
{
    enum err rc;

    TRY(db_begin(d->db, e));
    rc = deferred_rows_sweep(d->db, clock_unix_s(), SWEEP_MAX, e);
    if (rc != ERR_OK) {
        db_rollback(d->db);
        return rc;
    }
    TRY(db_commit(d->db, e));
    return deferred_rows_sum(d->db, &d->sum, e);
}

static void sweep(void *arg)
{
    struct deferred *d = arg;
    int64_t ms = d->o.keep_s * 1000;
    struct error e;

    if (sweep_rows(d, &e) != ERR_OK)
        log_error("deferred", "event=sweep_failed text=\"%s\"", e.text);
    timer_start(d->sweep, ms < SWEEP_MS_MAX ? ms : SWEEP_MS_MAX);
    turn(d);
}

/* The server ends in good order: that is no attempt. */
static enum err put_back(struct deferred *d, struct error *e)
{
    enum err rc;

    TRY(db_begin(d->db, e));
    rc = deferred_rows_recover(d->db, false, e);
    if (rc == ERR_OK) return db_commit(d->db, e);
    db_rollback(d->db);
    return rc;
}

static void stop(void *arg)
{
    struct deferred *d = arg;
    struct error e;

    d->stopping = true;
    turn(d);
    pool_free(d->pool);                /* what it had reports to nobody any more */
    free_runs(&d->runs);
    free_runs(&d->finished);
    if (put_back(d, &e) != ERR_OK)
        log_error("deferred", "event=put_back_failed text=\"%s\"", e.text);
    loop_stop(d->loop);
}

static void *thread_main(void *arg)
{
    struct deferred *d = arg;

    loop_run(d->loop);
    return NULL;
}

static enum err recover(struct db *db, struct deferred_sum *sum, struct error *e)
{
    TRY(db_begin(db, e));
    TRY(deferred_rows_recover(db, true, e));
    TRY(db_commit(db, e));
    return deferred_rows_sum(db, sum, e);
}

enum err deferred_open(const char *db_path, struct api *api, const struct deferred_options *o,
                       struct deferred **out, struct error *e)
{
    struct deferred *d;
    struct deferred_sum sum;
    struct db *db;
    enum err rc;

    TRY(db_open(db_path, &db, e));
    rc = recover(db, &sum, e);
    if (rc != ERR_OK) {
        db_close(&db);
        return rc;
    }
    if (sum.n_waiting)
        log_info("deferred", "event=resumed waiting=%lld", (long long)sum.n_waiting);
    d = mem_alloc(sizeof *d);
    *d = (struct deferred){.api = api, .o = *o, .db = db, .sum = sum, .loop = loop_new()};
    CHECK(o->parallel > 0 && o->parallel <= DEFERRED_PARALLEL_MAX);
    d->pool = pool_new(1, DEFERRED_PARALLEL_MAX);
    list_init(&d->submits);
    list_init(&d->runs);
    list_init(&d->finished);
    d->stop = (struct mail){.fn = stop, .arg = d};
    d->turn = (struct mail){.fn = turn, .arg = d};
    d->sweep = timer_new(d->loop, sweep, d);
    d->retry = timer_new(d->loop, turn, d);
    timer_start(d->sweep, 0);
    d->thread = thread_start("deferred", thread_main, d);
    *out = d;
    return ERR_OK;
}

void deferred_close(struct deferred **dp)
{
    struct deferred *d = *dp;

    if (!d) return;
    loop_post(d->loop, &d->stop);
    thread_join(d->thread);
    timer_free(d->sweep);
    timer_free(d->retry);
    loop_free(d->loop);
    db_close(&d->db);
    mem_free(d);
    *dp = NULL;
}
