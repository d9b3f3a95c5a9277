/* SPDX-License-Identifier: Apache-2.0
 *
 * ids -> text, as a stream: bytes that begin a character without finishing it are held back, so
 * no piece of output cuts a character. Malformed bytes become U+FFFD. One owner thread.
 */
#pragma once
#include <stdbool.h>
#include "base/buf.h"
#include "token/vocab.h"

struct detok {
    const struct vocab *vocab;         /* borrowed */
    bool keep_special;                 /* control tokens are spelled out instead of dropped */
    /* SPM: the space before the first word was dropped. Set it by hand where the ids continue a
     * text, so that a space at their beginning stays. */
    bool started;
    uint8_t n_held;
    char held[4];
};
void detok_init(struct detok *d, const struct vocab *v, bool keep_special);
/* Appends the text that is now certain. */
void detok_add(struct detok *d, int32_t id, struct buf *out);
/* At the end: held bytes come out as one U+FFFD. */
void detok_flush(struct detok *d, struct buf *out);
