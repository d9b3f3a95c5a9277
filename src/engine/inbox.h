/* SPDX-License-Identifier: Apache-2.0
 *
 * The bounded mailbox between submitters and the scheduler, and its alarm bell. Shared: the
 * scheduler and every sequence hold a reference, so a sequence that outlives its engine can
 * still be cancelled and freed. The mutex is never held across a call out.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/list.h"

struct inbox {
    pthread_mutex_t lock;              /* list, is_rung, is_closed */
    pthread_cond_t bell;
    struct list list;                  /* of engine_seq.link, in order of arrival */
    bool is_rung, is_closed;
    int n_alive_max;
    atomic_int n_alive;                /* sequences submitted and not yet finished; relaxed */
    atomic_bool has_cancel;            /* release by the canceller, acquire by the scheduler */
    atomic_int n_ref;
};

struct inbox *inbox_new(int n_alive_max);      /* gives one reference */
void inbox_ref(struct inbox *ib);
void inbox_unref(struct inbox *ib);

/* Any thread. ERR_BUSY when n_alive_max are alive, ERR_SHUTDOWN when closed. */
MUST_CHECK enum err inbox_put(struct inbox *ib, struct list *item, struct error *e);
void inbox_ring(struct inbox *ib);             /* wakes the scheduler */
void inbox_close(struct inbox *ib);            /* and rings */

/* Scheduler thread. Moves everything to the tail of out; false once closed. */
bool inbox_take(struct inbox *ib, struct list *out);
/* Sleeps until rung or the deadline (clock_ns). */
void inbox_wait(struct inbox *ib, int64_t deadline_ns);
