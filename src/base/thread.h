/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads with names, and the two primitives that modules may hold inside. A mutex lives and
 * dies in one module and is never held across a call out of it.
 */
#pragma once
#include <pthread.h>
#include <stdint.h>
#include "base/err.h"

/* Starts fn(arg) on a thread called name (15 characters shown). Aborts when the system cannot. */
pthread_t thread_start(const char *name, void *(*fn)(void *arg), void *arg);
void thread_join(pthread_t t);
/* Waits on c (made by thread_cond_init) until signalled or deadline_ns (clock_ns). */
void thread_cond_init(pthread_cond_t *c);
void thread_cond_wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_ns);
/* CPUs this process may run on, at least 1. */
int thread_cpu_count(void);
