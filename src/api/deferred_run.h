/* SPDX-License-Identifier: Apache-2.0
 *
 * One stored request on its way to a reply: what generate.h does for a client, without one. The
 * chat dialect reads it and writes the whole reply; an exchange that no connection is behind
 * carries body and arena.
 *
 * On the thread of the loop that start was given, but for what may take long: parsing, schemas and
 * prompts are work of the pool.
 */
#pragma once
#include "api/generate.h"
#include "base/list.h"
#include "net/pool.h"
#include "store/deferred_rows.h"

struct deferred_run {
    struct list node;                  /* the owner's */
    struct arena *arena;               /* owns; row lives here */
    struct deferred_row row;           /* filled by the owner before start */

    /* Once done was called. */
    int status;                        /* of HTTP */
    struct buf reply;
    bool used_engine;
    struct usage_row usage;            /* if it used the engine; borrows */

    /* Of deferred_run.c alone. */
    void (*done)(struct deferred_run *d, void *arg);
    void *arg;
    struct header type;
    struct exchange x;
    struct request r;
    struct generation g;
    struct backend_run *run;           /* NULL while none runs */
    struct mail mail;                  /* posted by the backend's wake */
    struct pool *pool;                 /* borrows */
    struct pool_job job;
    struct timer *again;               /* the engine had no room */
    struct error refusal;              /* what came of the job; code ERR_OK: it runs */
    bool is_read, begun;
};

struct deferred_run *deferred_run_new(void);
/* done comes once, later, also when there is an error to tell. A run has one job at a time with the
 * pool, which must have room for it. */
void deferred_run_start(struct deferred_run *d, struct api *api, struct pool *pool,
                        struct loop *loop, void (*done)(struct deferred_run *d, void *arg),
                        void *arg);
/* After done, or once the pool has ended. What runs is cancelled, and done does not come. */
void deferred_run_free(struct deferred_run *d);
