/* SPDX-License-Identifier: Apache-2.0
 *
 * Event loop: one thread, one libevent base; loops share nothing. Other threads reach a loop only
 * through mails: a mail is a slot its sender owns, so posting allocates nothing, cannot overflow
 * and coalesces (posting a mail that is already queued does nothing).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct event_base;
struct loop;

struct mail {
    void (*fn)(void *arg);             /* runs on the loop thread */
    void *arg;
    struct mail *next;                 /* loop's */
    atomic_bool queued;                /* pairs: set by loop_post, cleared before fn runs */
};

struct loop *loop_new(void);                   /* aborts when the system gives no descriptors */
void loop_free(struct loop *l);                /* after loop_run; queued mails do not run */
/* Runs until loop_stop. The calling thread becomes the loop thread. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);                /* any thread */
/* Any thread. The mail must stay valid until fn ran or loop_unpost returned. */
void loop_post(struct loop *l, struct mail *m);
/* Loop thread: takes a queued mail back, so that it can be freed. The sender must not post any
 * more (see engine_seq_free). */
void loop_unpost(struct loop *l, struct mail *m);
struct event_base *loop_base(struct loop *l);  /* for net/ only */

/* One-shot timers, loop thread. */
struct timer;
struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg);
void timer_start(struct timer *t, int64_t delay_ms);   /* restarts when pending */
void timer_stop(struct timer *t);
void timer_free(struct timer *t);              /* accepts NULL */
