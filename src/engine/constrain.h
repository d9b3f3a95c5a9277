/* SPDX-License-Identifier: Apache-2.0
 *
 * What a scheduler needs to hold outputs to grammars: the mask space of its vocabulary, and the
 * masks of the rows that are sampled together. Both are made with the first grammar, on the
 * submitter's thread: a server that never sees one pays nothing.
 *
 * Threads: constrain_matcher any; constrain_mask the scheduler, for matchers that came to it
 * through the inbox, whose lock orders what was made here before their use.
 */
#pragma once
#include <pthread.h>
#include <stdint.h>
#include "base/err.h"
#include "grammar/matcher.h"

struct constrain {
    const struct vocab *vocab;         /* borrows; NULL: grammars are refused */
    size_t pool_bytes;
    int n_row;
    pthread_mutex_t lock;              /* of making the space */
    struct mask_space *space;          /* owns; NULL until the first grammar */
    uint64_t *row;                     /* owns; [n_row, n_word] */
    size_t n_word;
};

/* pool_bytes 0: default. */
void constrain_init(struct constrain *c, const struct vocab *vocab, size_t pool_bytes, int n_row);
void constrain_done(struct constrain *c);      /* no matcher is left */
/* Gives a matcher for an output of at most n_token_max tokens. */
MUST_CHECK enum err constrain_matcher(struct constrain *c, struct grammar *g, size_t n_token_max,
                                      struct matcher **out, struct error *e);
/* A copy of the matcher's mask, kept until the next call for this row. NULL: the pool is too small
 * for its grammar. */
const uint64_t *constrain_mask(struct constrain *c, struct matcher *m, int row);
