/* SPDX-License-Identifier: Apache-2.0
 *
 * One sequence: its tokens, its page table, its sampler and its event ring. Private to the
 * engine. Everything it needs is allocated by the submitting thread, so the step loop allocates
 * nothing. It has two owners, the submitter's handle and the scheduler; the one that lets go
 * last frees it.
 *
 * The ring has one writer (scheduler) and one reader (submitter). RING_LEN - 1 tokens fit; one
 * slot is kept for the last event, which therefore always comes.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include "engine/engine.h"
#include "engine/inbox.h"
#include "engine/sample.h"
#include "grammar/matcher.h"

#define RING_LEN 128                   /* power of two */
#define FORCED_MAX 64                  /* forced tokens that a grammar is asked for at once */

enum seq_state {
    SEQ_QUEUED,                        /* waits for a place; holds no pages */
    SEQ_RUNNING,                       /* has a place: prefill, decode, or parked */
    SEQ_DONE                           /* its last event is in the ring */
};

struct ring_slot { int32_t token; int32_t finish; float logprob; int32_t n_top; };

struct engine_seq {
    /* constant after submit */
    struct inbox *inbox;               /* shares */
    uint64_t salt, owner;
    int priority, n_top_logprobs, n_prompt;
    int n_token_max;                   /* prompt and output */
    bool ignore_eog;

    /* scheduler thread */
    struct list link;                  /* inbox, then queue */
    enum seq_state state;
    uint64_t ticket;                   /* order of arrival, kept when preempted */
    uint64_t due;                      /* admission count from which on it goes first */
    uint64_t step_last;                /* step in which it last had tokens in the batch */
    int32_t *token;                    /* owns; [n_token_max] prompt, then output */
    uint32_t *page;                    /* owns; page table, [pages of n_token_max] */
    int n_token;                       /* known tokens; those of the output were all sent */
    int n_done;                        /* tokens whose KV is in the pages */
    int n_plan;                        /* tokens n_done .. n_done+n_plan-1 are in this batch */
    int n_page;                        /* pages held */
    int n_shared;                      /* the first n_shared pages are in the prefix tree */
    bool is_held;                      /* gets no prompt tokens in this step */
    bool has_prefilled;                /* the whole prompt was computed once: n_cached is final */
    struct sampler sampler;
    int decode_from;                   /* the last sampled token, at first the prompt's last: from
                                        * there on tokens are decoded, before it prefilled */
    struct matcher *matcher;           /* owns until done; NULL: anything goes. Stands behind the
                                        * last known token */
    int32_t forced[FORCED_MAX];        /* [n_forced] from forced_at: what must come next */
    int forced_at, n_forced;
    bool asks_forced;                  /* the matcher has not said yet what is forced here */

    /* ring and figures: scheduler writes, submitter reads */
    _Atomic uint32_t head;             /* submitter: slots read */
    _Atomic uint32_t tail;             /* scheduler: slots written */
    atomic_bool is_parked;             /* the scheduler waits for the reader; Dekker with head */
    struct ring_slot ring[RING_LEN];
    struct token_logprob *top;         /* owns; [RING_LEN, n_top_logprobs] or NULL */
    atomic_int n_cached, n_output;     /* relaxed; ordered by tail for who read the last event */
    _Atomic int64_t queued_ns, first_token_ns, last_token_ns;

    bool has_ended;                    /* submitter: the last event was read */
    /* submitter writes, scheduler reads */
    atomic_bool is_cancelled;          /* relaxed; ordered by inbox.has_cancel */

    pthread_mutex_t wake_lock;         /* held around wake, so that free can wait for it */
    void (*wake)(void *arg);           /* NULL after free */
    void *wake_arg;
    atomic_int n_owner;
};

struct seq_limits { int n_vocab, n_ctx; };

/* Checks and copies the request. */
MUST_CHECK enum err seq_new(const struct engine_request *r, const struct seq_limits *limits,
                            struct inbox *ib, struct engine_seq **out, struct error *e);
/* One owner lets go. */
void seq_unref(struct engine_seq *s);

/* ---- scheduler side ---- */

/* True while a token and the last event both fit. */
bool seq_has_room(const struct engine_seq *s);
/* True when at most half of the ring is unread: what a parked sequence waits for. */
bool seq_has_drained(const struct engine_seq *s);
/* Marks it parked when it has no room; false when it may go on. */
bool seq_park(struct engine_seq *s);
/* Appends an event and wakes the reader when the ring was empty. Under mem_guard, which is
 * lifted around the reader's wake. */
void seq_push(struct engine_seq *s, const struct engine_event *ev);
