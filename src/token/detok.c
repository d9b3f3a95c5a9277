/* SPDX-License-Identifier: Apache-2.0
 *
 * Text comes out in units: a whole character, or U+FFFD for as many bytes as began a character
 * that cannot be finished. What is held back is always the beginning of a unit, so the output
 * does not depend on how the bytes are divided among tokens.
 */
#include "token/detok.h"
#include "base/utf8.h"
#include "token/token_internal.h"

#define REPLACEMENT STR("\xef\xbf\xbd")

void detok_init(struct detok *d, const struct vocab *v, bool keep_special)
{
    *d = (struct detok){.vocab = v, .keep_special = keep_special};
}

/* Bytes of the unit at the beginning of s: a character or a malformed part. 0: s only begins
 * one. s is not empty. */
static size_t first_unit(str s, bool *is_char)
{
    size_t next = 0;
    *is_char = utf8_next(s, &next) != UTF8_BAD;
    if (*is_char)
        return next;
    if (s.n < 4 && utf8_tail(s) == s.n)
        return 0;
    for (size_t n = s.n < 3 ? s.n : 3; n > 1; n--)
        if (utf8_tail(str_sub(s, 0, n)) == n)
            return n;
    return 1;
}

/* Finishes the held unit with bytes of piece; gives how many of them it took. */
static size_t add_to_held(struct detok *d, str piece, struct buf *out)
{
    char text[sizeof d->held + 4];
    size_t n = piece.n < 4 ? piece.n : 4;
    bool is_char;
    memcpy(text, d->held, d->n_held);
    memcpy(text + d->n_held, piece.p, n);
    str s = {text, d->n_held + n};

    size_t unit = first_unit(s, &is_char);
    if (unit == 0) {
        memcpy(d->held, text, s.n);
        d->n_held = (uint8_t)s.n;
        return n;
    }
    buf_add(out, is_char ? str_sub(s, 0, unit) : REPLACEMENT);
    unit -= d->n_held;
    d->n_held = 0;
    return unit;
}

static void add_bytes(struct detok *d, str piece, struct buf *out)
{
    size_t i = 0, good = 0;
    if (d->n_held > 0 && piece.n > 0)
        i = good = add_to_held(d, piece, out);
    while (i < piece.n) {
        bool is_char;
        size_t unit = first_unit(str_sub(piece, i, piece.n), &is_char);
        if (is_char) {
            i += unit;
            continue;
        }
        buf_add(out, str_sub(piece, good, i - good));
        if (unit == 0) {
            d->n_held = (uint8_t)(piece.n - i);
            memcpy(d->held, piece.p + i, d->n_held);
            return;
        }
        buf_add(out, REPLACEMENT);
        i += unit;
        good = i;
    }
    buf_add(out, str_sub(piece, good, piece.n - good));
}

void detok_add(struct detok *d, int32_t id, struct buf *out)
{
    enum token_type type = vocab_type(d->vocab, id);
    str piece = vocab_piece(d->vocab, id);

    if (!d->keep_special && (type == TOKEN_CONTROL || type == TOKEN_UNKNOWN))
        return;
    if (piece.n == 0)
        return;
    if (!d->started && d->vocab->add_space_prefix && str_starts(piece, STR(" ")))
        piece = str_sub(piece, 1, piece.n);
    d->started = true;
    add_bytes(d, piece, out);
}

void detok_flush(struct detok *d, struct buf *out)
{
    if (d->n_held > 0)
        buf_add(out, REPLACEMENT);
    d->n_held = 0;
}
