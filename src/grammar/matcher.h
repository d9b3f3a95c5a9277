/* SPDX-License-Identifier: Apache-2.0
 *
 * A grammar over the tokens of a vocabulary: which tokens may come next, which must.
 *
 * mask_space: per vocabulary, what all matchers share: the trie of tokens, and a cache of masks,
 * automaton profiles and interned states in one fixed pool. When the pool is full everything in it
 * is dropped and live matchers replay their tokens. One thread at a time uses a space and its
 * matchers (the scheduler); matcher_new and matcher_free alone are any thread's. Nothing but those
 * two allocates.
 *
 * A state is a set of stacks that share their tails, interned: equal states are one number, so
 * masks are cached by state and going back costs nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "grammar/grammar.h"
#include "token/vocab.h"

#define MASK_POOL_BYTES_DEFAULT ((size_t)64 << 20)

struct mask_space;
struct matcher;

/* pool_bytes 0: default. Reserves address space; memory is taken as it is used. v outlives it. */
MUST_CHECK enum err mask_space_new(const struct vocab *v, size_t pool_bytes,
                                   struct mask_space **out, struct error *e);
void mask_space_free(struct mask_space *s);    /* accepts NULL; no matcher is left */
size_t mask_words(const struct mask_space *s); /* uint64_t words of a mask, a bit a token */

/* n_token_max: tokens it will ever accept; it remembers them. Takes its own reference on g. */
MUST_CHECK enum err matcher_new(struct mask_space *s, struct grammar *g, size_t n_token_max,
                                struct matcher **out, struct error *e);
void matcher_free(struct matcher *m);          /* accepts NULL */

/* The tokens that may come next, end-of-generation tokens where the output may end. Valid until
 * the next call on the space. NULL: the pool is too small for this grammar. */
const uint64_t *matcher_mask(struct matcher *m);
/* Goes on by one token; false, and nothing changes, when it is not allowed. End-of-generation
 * tokens are accepted where the output may end and leave only themselves. */
MUST_CHECK bool matcher_accept(struct matcher *m, int32_t id);
bool matcher_may_end(struct matcher *m);       /* the output may end here */
bool matcher_must_end(struct matcher *m);      /* and nothing else may come */
/* Every token is allowed, so no mask is needed (free text far from any trigger is not: some
 * tokens could run into one). */
bool matcher_is_free(struct matcher *m);
/* Tokens that must come next, tokenized as the vocabulary would: ids of the forced bytes without
 * those at the end that a longer allowed token could swallow. At most n_max; 0: the model chooses.
 * Does not move the matcher: give them to matcher_accept. */
size_t matcher_forced(struct matcher *m, int32_t *id, size_t n_max);
size_t matcher_n_token(const struct matcher *m);
/* Back to having accepted n tokens. */
void matcher_rollback(struct matcher *m, size_t n);
/* Bytes instead of tokens, for texts that are not a model's: false at the first that cannot be,
 * those before it stay accepted. A mark is its bytes here. Each byte is remembered as a token:
 * n_token_max, matcher_n_token and matcher_rollback count it. */
MUST_CHECK bool matcher_accept_bytes(struct matcher *m, str bytes);

struct mask_stats {
    uint64_t n_mask, n_mask_cached, n_profile, n_reset;
    size_t pool_used;
};
struct mask_stats mask_space_stats(const struct mask_space *s);
