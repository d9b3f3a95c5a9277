/* SPDX-License-Identifier: Apache-2.0
 *
 * Pre-tokenizers of byte-level BPE: the split of text into words that merging never crosses. A
 * model file names one ("qwen2"); each is a row of a table here. A scheme is a list of passes;
 * a pass is an ordered list of rules and cuts every piece of the pass before it into matches
 * and the gaps between them. Every rule is a forward scan without backtracking, so the time is
 * linear in the text. Pure functions, any thread.
 */
#pragma once
#include <stdbool.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct pretok {
    const char *name;
    const struct scheme *scheme;
    bool whole_word_first;             /* a word that is a token is taken before merging */
    bool add_bos;                      /* what holds when the file does not say */
    bool no_default_bos;               /* without a BOS id in the file there is none */
};

/* Row by the name in tokenizer.ggml.pre; empty means "default". NULL when unknown. */
const struct pretok *pretok_find(str name);
/* Appends all known names, separated by ", ". */
void pretok_names(struct buf *out);

/* Called once a word, in order; the words together are the text. An error ends the walk. */
typedef enum err (*pretok_word)(void *arg, str word);

MUST_CHECK enum err pretok_split(const struct pretok *p, str text, pretok_word word, void *arg);
