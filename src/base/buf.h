/* SPDX-License-Identifier: Apache-2.0
 *
 * buf: a growable byte buffer with a maximum. Errors are sticky: after one append passed the
 * maximum all later ones do nothing and `bad` stays set, so fifty appends need one check.
 * Storage is the caller's; init/done pair. One owner thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

struct buf {
    char *p;       /* owns; NULL while empty */
    size_t n;      /* bytes used */
    size_t cap;
    size_t max;    /* never grows beyond; > 0 */
    bool bad;      /* an append did not fit */
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);                  /* frees; b may be init again */
void buf_clear(struct buf *b);                 /* n = 0, bad = false, keeps memory */
void buf_add(struct buf *b, str s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_u64(struct buf *b, uint64_t v);       /* decimal */
void buf_i64(struct buf *b, int64_t v);
/* Room for n more bytes to write by hand, or NULL (bad set); follow with b->n += written. */
char *buf_reserve(struct buf *b, size_t n);
/* Removes n bytes at the front. */
void buf_consume(struct buf *b, size_t n);
static inline str buf_str(const struct buf *b) { return (str){b->p, b->n}; }
