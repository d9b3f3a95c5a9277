/* SPDX-License-Identifier: Apache-2.0
 *
 * Compute workers: a fixed set of threads that run one parallel loop at a time for the thread
 * that owns them. Workers spin for a short while between loops, then sleep, so an idle server
 * uses no CPU. Which worker runs which item is not fixed: items must not depend on it.
 */
#pragma once

struct workers;

#define WORKERS_MAX 1024

/* n threads including the caller, 1 <= n <= WORKERS_MAX. Gives; aborts when threads fail. */
struct workers *workers_new(int n);
void workers_free(struct workers *w);
int workers_count(const struct workers *w);
/* Calls fn(arg, item, worker) for item in [0, n_item), worker in [0, n). Returns when all are
 * done. The calling thread takes part as worker 0 and runs a loop of one item alone. One caller
 * at a time, not from inside fn; allocates nothing. */
void workers_run(struct workers *w, int n_item, void (*fn)(void *arg, int item, int worker),
                 void *arg);
