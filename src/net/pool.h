/* SPDX-License-Identifier: Apache-2.0
 *
 * pool: a few threads for work that would hold up a loop. A job is a slot its poster owns; when
 * it has run, its `done` mail goes to the job's loop. The queue is bounded: past the limit the
 * poster gets a visible no.
 */
#pragma once
#include <stdbool.h>
#include "net/loop.h"

struct pool_job {
    void (*run)(void *arg);            /* pool thread */
    void *arg;
    struct loop *loop;                 /* borrowed until done was posted */
    struct mail done;                  /* set up by the poster; posted after run */
    struct pool_job *next;             /* pool's */
};

struct pool;

struct pool *pool_new(int n_thread, int queue_max);
/* Runs what is queued, joins the threads. Loops of jobs must still run. Accepts NULL. */
void pool_free(struct pool *p);
/* Any thread. False when the queue is full: the job was not taken. */
bool pool_post(struct pool *p, struct pool_job *job);
