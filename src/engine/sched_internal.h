/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the scheduler share: sched.c (the step), sched_queue.c (who gets a place and
 * who gives it up) and sched_output.c (from logits to rings). The simulator looks in here to check
 * the invariants:
 *
 *   1. A page's holders are the sequences whose page table lists it, plus the tree.
 *   2. running[] is sorted by rank: higher priority first, then earlier ticket.
 *   3. A running sequence's first n_shared pages are in the tree and spell its tokens; later
 *      pages are its own, with one holder.
 *   4. KV of positions below n_done is complete; n_done < n_token while it runs.
 *   5. Queued and done sequences hold no pages; done ones no matcher.
 *   6. A matcher has accepted the output so far; forced tokens behind it wait in the sequence.
 */
#pragma once
#include "engine/constrain.h"
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

/* A logits row. */
struct sched_row {
    struct engine_seq *seq;
    const uint64_t *mask;              /* what it may give; NULL: anything */
    struct engine_event event;         /* what was sampled from it */
};

struct sched {
    struct sched_options o;
    struct seq_limits limits;
    struct constrain constrain;
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
    int n_batch, n_row;
    struct sched_row *row;             /* owns; [n_row] of n_seq_max */
    struct sample_space **space;       /* [n_worker] */

    /* figures; scheduler writes, any thread reads; relaxed, they order nothing */
    _Atomic uint64_t steps, tokens_prefilled, tokens_cached, tokens_decoded, tokens_forced;
    _Atomic uint64_t masks, mask_ns;
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

/* Has it tokens to give out, or to ask its grammar for, before the model is asked again? */
static inline bool has_forced(const struct engine_seq *s)
{
    return s->n_forced > 0 ? s->n_top_logprobs < 0 : s->asks_forced;
}

/* ---- sched_output.c ---- */

/* Samples the rows of the forward pass and hands out what came. */
void sched_output(struct sched *sc);
/* Gives out forced tokens of a running sequence that is not parked, as far as its ring has room.
 * It may end, and be gone. */
void sched_jump(struct sched *sc, struct engine_seq *s);

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
