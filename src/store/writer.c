/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"
#include <stdatomic.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#define EVERY_NS (500 * NS_PER_MS)
#define RETRY_NS (1 * NS_PER_S)
#define PAUSE_NS (20 * NS_PER_MS)      /* between two commits, while rows keep coming */

struct writer {
    struct db *db;
    pthread_t thread;
    void (*every)(void *arg, struct db *db);
    void *every_arg;

    pthread_mutex_t lock;              /* guards the fields below */
    pthread_cond_t wake;
    struct write_job *head, **tail;
    size_t n_queued;                   /* jobs in the list */
    size_t n_awaited;                  /* of them */
    bool closing;
    atomic_size_t backlog;             /* relaxed: a figure for admission and logs */
};

static bool is_row_error(enum err rc)
{
    return rc == ERR_EXISTS || rc == ERR_ARG;
}

/* Runs the group in one transaction. Bad rows are marked in result and left out. */
static enum err write_group(struct writer *w, struct write_job **job, enum err *result, int n,
                            struct error *e)
{
    TRY(db_begin(w->db, e));
    for (int i = 0; i < n; i++) {
        result[i] = job[i]->run(w->db, job[i], e);
        if (result[i] == ERR_OK) continue;
        if (!is_row_error(result[i])) {
            db_rollback(w->db);
            return result[i];
        }
        log_error("store", "event=row_refused text=\"%s\"", e->text);
    }
    return db_commit(w->db, e);
}

/* Takes up to max jobs off the queue; called with the lock held. */
static int take_group(struct writer *w, struct write_job **job, int max)
{
    int n = 0;

    while (w->head && n < max) {
        w->n_awaited -= w->head->is_awaited;
        job[n++] = w->head;
        w->head = w->head->next;
    }
    w->n_queued -= (size_t)n;
    if (!w->head) w->tail = &w->head;
    return n;
}

static void finish_group(struct writer *w, struct write_job **job, const enum err *result, int n)
{
    atomic_fetch_sub_explicit(&w->backlog, (size_t)n, memory_order_relaxed);
    for (int i = 0; i < n; i++) job[i]->done(job[i], result[i]);
}

static bool wait_until(struct writer *w, int64_t deadline_ns)
{
    bool closing;

    pthread_mutex_lock(&w->lock);
    while (!w->closing && clock_ns() < deadline_ns)
        thread_cond_wait_until(&w->wake, &w->lock, deadline_ns);
    closing = w->closing;
    pthread_mutex_unlock(&w->lock);
    return closing;
}

/* Commits the group, however long the disk says no; gives up only when the writer closes. */
static void commit_group(struct writer *w, struct write_job **job, int n)
{
    enum err result[WRITER_GROUP_MAX];
    struct error e;
    bool last_try = false;

    while (write_group(w, job, result, n, &e) != ERR_OK) {
        log_error("store", "event=commit_failed rows=%d text=\"%s\"", n, e.text);
        for (int i = 0; i < n; i++) result[i] = e.code;
        if (last_try) break;
        last_try = wait_until(w, clock_ns() + RETRY_NS);
    }
    finish_group(w, job, result, n);
}

/* A commit costs far more than a row in it, so commits keep a distance and what comes meanwhile
 * joins the next one. After a quiet moment, or when it is awaited, a row is committed at once.
 * Called with the lock held. */
static void gather(struct writer *w, int64_t until_ns)
{
    while (w->n_queued < WRITER_GROUP_MAX && !w->n_awaited && !w->closing &&
           clock_ns() < until_ns)
        thread_cond_wait_until(&w->wake, &w->lock, until_ns);
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    struct write_job *job[WRITER_GROUP_MAX];
    int64_t next_ns = clock_ns(), commit_ns = clock_ns();
    bool closing = false;
    int n;

    while (!closing || n > 0) {
        pthread_mutex_lock(&w->lock);
        while (!w->head && !w->closing && clock_ns() < next_ns)
            thread_cond_wait_until(&w->wake, &w->lock, next_ns);
        if (w->head) gather(w, commit_ns);
        n = take_group(w, job, WRITER_GROUP_MAX);
        closing = w->closing;
        pthread_mutex_unlock(&w->lock);
        if (n > 0) {
            commit_group(w, job, n);
            commit_ns = clock_ns() + PAUSE_NS;
        }
        if (clock_ns() >= next_ns) {
            if (w->every) w->every(w->every_arg, w->db);
            next_ns = clock_ns() + EVERY_NS;
        }
    }
    return NULL;
}

enum err writer_open(const char *path, void (*every)(void *, struct db *), void *arg,
                     struct writer **out, struct error *e)
{
    struct db *db;
    struct writer *w;

    TRY(db_open(path, &db, e));
    w = mem_alloc(sizeof *w);
    w->db = db;
    w->every = every;
    w->every_arg = arg;
    w->tail = &w->head;
    pthread_mutex_init(&w->lock, NULL);
    thread_cond_init(&w->wake);
    w->thread = thread_start("store", writer_main, w);
    *out = w;
    return ERR_OK;
}

void writer_close(struct writer **wp)
{
    struct writer *w = *wp;

    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    thread_join(w->thread);
    db_close(&w->db);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
    *wp = NULL;
}

bool writer_post(struct writer *w, struct write_job *job)
{
    if (writer_backlog(w) >= WRITER_QUEUE_MAX) return false;
    atomic_fetch_add_explicit(&w->backlog, 1, memory_order_relaxed);
    job->next = NULL;
    pthread_mutex_lock(&w->lock);
    *w->tail = job;
    w->tail = &job->next;
    w->n_queued++;
    w->n_awaited += job->is_awaited;
    /* The thread sleeps until the first job, or gathers until the group is full or awaited. */
    if (w->n_queued == 1 || w->n_queued == WRITER_GROUP_MAX || job->is_awaited)
        pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    return true;
}

size_t writer_backlog(struct writer *w)
{
    return atomic_load_explicit(&w->backlog, memory_order_relaxed);
}
