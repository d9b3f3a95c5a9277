/* SPDX-License-Identifier: Apache-2.0
 *
 * For files that make automata themselves: the limits of a work, and a draft, which is a DFA
 * still being written. Drafts and scratch live on the heap and are freed by the function that
 * made them; only a finished DFA goes to the arena.
 */
#pragma once
#include "grammar/dfa.h"

/* ---- limits: each gives false or NULL, and w has failed, when one is passed ---- */

/* The first failure of w stays. */
void dfa_fail(struct dfa_work *w, enum err code, const char *fmt, ...) PRINTF_LIKE(3, 4);
MUST_CHECK bool dfa_in_time(struct dfa_work *w);
/* Of one automaton, without DFA_DEAD. */
MUST_CHECK bool dfa_states_fit(struct dfa_work *w, size_t n_state);
/* Zeroed scratch, at most what the arena has left; free with mem_free. */
MUST_CHECK void *dfa_scratch(struct dfa_work *w, size_t n, size_t size);
/* *p [*cap] grows by doubling to hold n elements; new bytes are not zeroed. */
MUST_CHECK bool dfa_grow(struct dfa_work *w, void *p, size_t *cap, size_t n, size_t size);
/* Result memory, on the arena. */
MUST_CHECK void *dfa_result(struct dfa_work *w, size_t n, size_t size);

/* ---- draft: states are numbered from 1 as they are added, rows start out dead ---- */

struct dfa_draft {
    struct dfa_work *w;
    uint32_t n_state, n_class;         /* n_state counts DFA_DEAD */
    uint8_t class_of[256];
    uint32_t *next;                    /* owns; [n_state, n_class] */
    uint8_t *flags;                    /* owns; [n_state] */
    size_t next_cap, flags_cap;        /* elements */
};

void dfa_draft_init(struct dfa_draft *d, struct dfa_work *w, const uint8_t class_of[256],
                    uint32_t n_class);
/* A new state, or DFA_DEAD once the work has failed. Checks states, memory and time. Rows may
 * move. */
uint32_t dfa_draft_add(struct dfa_draft *d, uint8_t flags);
static inline uint32_t *dfa_draft_row(struct dfa_draft *d, uint32_t state)
{
    return d->next + (size_t)state * d->n_class;
}
/* The DFA of what can be reached from start and finished, numbered breadth first, with as few
 * byte classes as it needs. Frees the draft, on failure too. */
MUST_CHECK const struct dfa *dfa_draft_finish(struct dfa_draft *d, uint32_t start);

/* Who leads where: for each state the sources of its live ways in, a source once per class. */
struct dfa_reverse {
    uint32_t *first;                   /* owns; [n_state + 1] */
    uint32_t *source;                  /* owns; [first[n_state]] */
};
MUST_CHECK bool dfa_reverse_init(struct dfa_reverse *r, struct dfa_work *w, const uint32_t *next,
                                 uint32_t n_state, uint32_t n_class);
void dfa_reverse_done(struct dfa_reverse *r);

/* A draft with the states, classes and flags of a, same numbers. */
MUST_CHECK bool dfa_draft_copy(struct dfa_draft *d, struct dfa_work *w, const struct dfa *a);
void dfa_draft_done(struct dfa_draft *d);

/* ---- index: a draft all of whose states are made here, one for each key ---- */

struct dfa_index {
    struct dfa_draft *draft;           /* borrows, as long as it lives */
    uint64_t *key;                     /* owns; [n_state] of a state of the draft */
    uint32_t *slot;                    /* owns; [n_slot] state or 0 */
    size_t key_cap, n_slot;
};

void dfa_index_init(struct dfa_index *x, struct dfa_draft *d);
void dfa_index_done(struct dfa_index *x);
/* The state of key, DFA_DEAD: none yet. */
uint32_t dfa_index_find(const struct dfa_index *x, uint64_t key);
/* A state for a key that has none; DFA_DEAD once the work has failed. */
uint32_t dfa_index_add(struct dfa_index *x, uint64_t key, uint8_t flags);

/* dfa_json_string without a look at the shared automata, which are made with it. */
MUST_CHECK const struct dfa *dfa_json_spell(struct dfa_work *w, const struct dfa *text);
