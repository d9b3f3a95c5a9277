/* SPDX-License-Identifier: Apache-2.0
 *
 * The one thread that writes: jobs from all threads are run in order and committed in groups, so
 * that a busy server pays one fsync for many rows. A group that cannot be committed (disk full,
 * I/O error) is kept and tried again every second, so nothing is lost while memory lasts. A row
 * after a quiet moment is committed at once, and so is one that somebody waits for, with all that
 * came before it; else commits keep 20 ms apart under steady load, and that is what a kill can
 * lose. The backlog is visible to admission, which refuses work before the
 * queue is full.
 *
 * Threads: open and close by one owner; writer_post from any thread; jobs run on the writer
 * thread.
 */
#pragma once
#include <stdbool.h>
#include "base/err.h"
#include "store/db.h"

#define WRITER_QUEUE_MAX 65536
#define WRITER_GROUP_MAX 256

struct write_job {
    /* Inside a transaction; may be called again when the commit failed. */
    enum err (*run)(struct db *db, struct write_job *job, struct error *e);
    /* Once, after the commit (ok) or when run itself says the row is bad (its code). Owns job. */
    void (*done)(struct write_job *job, enum err result);
    bool is_awaited;                   /* somebody waits for done */
    struct write_job *next;            /* writer's */
};

struct writer;

/* every (may be NULL) is called on the writer thread about twice a second, outside transactions. */
MUST_CHECK enum err writer_open(const char *path, void (*every)(void *arg, struct db *db),
                                void *arg, struct writer **out, struct error *e);
/* Writes what is queued (one try), then ends. */
void writer_close(struct writer **w);
/* Takes the job. False (job not taken) when the queue is full. */
MUST_CHECK bool writer_post(struct writer *w, struct write_job *job);
size_t writer_backlog(struct writer *w);       /* jobs not committed yet; any thread */
