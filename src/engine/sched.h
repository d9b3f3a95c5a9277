/* SPDX-License-Identifier: Apache-2.0
 *
 * The scheduler: continuous batching over paged KV. It owns the pages, the prefix tree, the
 * queue, the running sequences and the mask space; it knows a model only as a struct stepper, so
 * that the simulator can run the very same code with a fake model and a fake clock.
 *
 * Threads: sched_submit, sched_stats, sched_close from any thread; sched_step, sched_wait and
 * sched_stop from the one scheduler thread. After sched_new nothing in here allocates except
 * sched_submit, on the caller's thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "engine/engine.h"
#include "model/model.h"

/* A forward pass as the scheduler sees it. Called from the scheduler thread. */
struct stepper {
    void *arg;
    /* Runs the batch; token and page tables are borrowed for the call. */
    void (*run)(void *arg, const struct forward_token *token, int n_token, void *kv_base);
    const float *(*logits)(void *arg, int row);             /* [n_vocab], until the next run */
    /* fn(fn_arg, item, worker) for every item; worker in [0, n_worker). */
    void (*parallel)(void *arg, int n_item, void (*fn)(void *fn_arg, int item, int worker),
                     void *fn_arg);
    bool (*is_eog)(void *arg, int32_t id);
    int64_t (*now_ns)(void *arg);                            /* any thread */
    int n_worker;
};

#define SCHED_SEQ_MAX 4096
#define SCHED_QUEUE_MAX 1000000
#define SCHED_CHUNK_MAX 8192
#define SCHED_MASK_POOL_MIN ((size_t)1 << 20)

struct sched_options {
    struct stepper stepper;
    int n_vocab;
    const struct vocab *vocab;         /* of n_vocab tokens; borrows; NULL: no grammars */
    size_t mask_pool_bytes;            /* 0: default */
    int n_ctx;                         /* positions of a sequence; cut to what the pages hold */
    int n_seq_max, n_queue_max, prefill_chunk;
    size_t page_bytes;
    uint32_t n_page;
    bool prefix_cache;
};

struct sched;

/* The options but n_page are in their ranges; ERR_ARG names the one that is not. */
MUST_CHECK enum err sched_check(const struct sched_options *o, struct error *e);
MUST_CHECK enum err sched_new(const struct sched_options *o, struct sched **out, struct error *e);
/* After sched_stop. */
void sched_free(struct sched *sc);
int sched_n_ctx(const struct sched *sc);

MUST_CHECK enum err sched_submit(struct sched *sc, const struct engine_request *r,
                                 struct engine_seq **out, struct error *e);
struct engine_stats sched_stats(const struct sched *sc);
void sched_close(struct sched *sc);    /* no more submits; sched_step will give TURN_CLOSED */

enum sched_turn { TURN_IDLE, TURN_BUSY, TURN_CLOSED };
/* One turn: takes what arrived, admits, runs one batch, hands out tokens. */
enum sched_turn sched_step(struct sched *sc);
void sched_wait(struct sched *sc, int64_t deadline_ns);
/* Ends every sequence with FINISH_CANCELLED. */
void sched_stop(struct sched *sc);
