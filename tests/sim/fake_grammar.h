/* SPDX-License-Identifier: Apache-2.0
 *
 * Spellings for the fake model's tokens, and grammars over them.
 */
#pragma once
#include "base/rand.h"
#include "grammar/matcher.h"

#define FAKE_PIECE_MAX 6               /* bytes of a token, at most */

/* Gives a vocabulary of FAKE_VOCAB tokens: FAKE_EOG, digits, a few letters and signs of JSON,
 * longer pieces of them, and one mark. */
struct vocab *fake_vocab(void);

/* A builder on an arena of its own; fake_close gives its grammar. */
struct fake_builder {
    struct dfa_work work;
    struct error e;
    struct grammar_builder *g;
};
void fake_builder_init(struct fake_builder *b);
struct grammar *fake_close(struct fake_builder *b, uint32_t root);
struct grammar *fake_text(const char *text);

/* Gives a grammar of texts, marks, choices, sequences, repeats and integers: short or long, some of
 * one text only, some that hardly end, some behind free text. */
struct grammar *fake_grammar(struct rng *r);
