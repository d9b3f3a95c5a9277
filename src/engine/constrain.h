/* SPDX-License-Identifier: Apache-2.0
 *
 * What a scheduler needs to hold outputs to grammars: the mask space of its vocabulary, and the
 * masks of the rows that are sampled together. Made at start (half a millisecond for 4,000 tokens,
 * some 50 for 150,000), since later it would hold up a submitter, which is a network loop.
 *
 * Threads: constrain_matcher any; constrain_mask the scheduler.
 */
#pragma once
#include <stdint.h>
#include "base/err.h"
#include "grammar/matcher.h"

struct constrain {
    struct mask_space *space;          /* owns; NULL: grammars are refused */
    uint64_t *row;                     /* owns; [n_row, n_word] */
    size_t n_word;
};

/* vocab is borrowed until done; NULL: none, and grammars are refused. pool_bytes 0: default. */
MUST_CHECK enum err constrain_init(struct constrain *c, const struct vocab *vocab,
                                   size_t pool_bytes, int n_row, struct error *e);
void constrain_done(struct constrain *c);      /* no matcher is left; accepts a zero one */
/* Gives a matcher for an output of at most n_token_max tokens. */
MUST_CHECK enum err constrain_matcher(struct constrain *c, struct grammar *g, size_t n_token_max,
                                      struct matcher **out, struct error *e);
/* A copy of the matcher's mask, kept until the next call for this row. NULL: the pool is too small
 * for its grammar. */
const uint64_t *constrain_mask(struct constrain *c, struct matcher *m, int row);
