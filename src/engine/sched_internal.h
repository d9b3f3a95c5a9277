/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two halves of the scheduler share: sched.c (the step) and sched_queue.c (who gets a
 * place and who gives it up). The simulator looks in here to check the invariants:
 *
 *   1. A page's holders are the sequences whose page table lists it, plus the tree.
 *   2. running[] is sorted by rank: higher priority first, then earlier ticket.
 *   3. A running sequence's first n_shared pages are in the tree and spell its tokens; later
 *      pages are its own, with one holder.
 *   4. KV of positions below n_done is complete; n_done < n_token while it runs.
 *   5. Queued and done sequences hold no pages.
 */
#pragma once
#include "engine/kv.h"
#include "engine/prefix.h"
#include "engine/sched.h"
#include "engine/seq.h"

#define OWNER_BUCKETS 4096             /* power of two; owners that share one share their turn */
#define OVERTAKE_MAX 1024              /* admissions that may pass a waiting sequence, at most */
#define CHARGE_AHEAD 64                /* output tokens an owner is charged for at admission */

/* Fair share: the owner with the least service goes first. Service is counted in tokens. */
struct owner {
    uint64_t service;
    uint32_t n_alive;                  /* queued and running sequences */
};

struct sched {
    struct sched_options o;
    struct seq_limits limits;
    struct inbox *inbox;               /* shares */
    struct kv kv;
    struct prefix prefix;

    struct list queue;                 /* waiting, in order of ticket except preempted ones */
    int n_queued;
    struct engine_seq **running;       /* owns the array; [n_running] of n_seq_max */
    int n_running;
    uint64_t n_ticket, n_admitted;
    uint64_t service_floor;            /* of the owner admitted last; newcomers start there */
    struct owner *owner;               /* [OWNER_BUCKETS] */

    uint64_t step;
    struct forward_token *batch;       /* [prefill_chunk + n_seq_max] */
    int n_batch, n_row, n_budget;
    struct engine_seq **row_seq;       /* [n_seq_max] sequence of a logits row */
    struct engine_event *row_event;    /* [n_seq_max] what was sampled from it */
    struct sample_space **space;       /* [n_worker] */

    /* figures; scheduler writes, any thread reads; relaxed, they order nothing */
    _Atomic uint64_t steps, tokens_prefilled, tokens_cached, tokens_decoded;
    _Atomic int64_t last_step_ns;
    atomic_int stat_running;
    atomic_size_t stat_used, stat_cached;
};

static inline int pages_of(int n_token)
{
    return (n_token + KV_PAGE_LEN - 1) / KV_PAGE_LEN;
}

/* Adds to a counter that only this thread writes. */
static inline void count_up(_Atomic uint64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* ---- sched_queue.c ---- */

/* Takes what was submitted; false once closed. */
bool sched_take_arrivals(struct sched *sc);
/* Gives places to waiting sequences while places and pages last. */
void sched_admit(struct sched *sc);
/* Takes pages over from the prefix tree while s stands at a page border. */
void sched_adopt(struct sched *sc, struct engine_seq *s);
/* Makes s hold pages for n_token positions, evicting, then preempting sequences that rank lower
 * than s and are not in this batch. False when there are not enough; s keeps what it got. */
bool sched_grow(struct sched *sc, struct engine_seq *s, int n_token);
/* Ends a sequence, wherever it is, and pushes its last event. Lets go of it. */
void sched_finish(struct sched *sc, struct engine_seq *s, enum engine_finish finish);
void sched_charge(struct sched *sc, const struct engine_seq *s, uint64_t n_token);
