/* SPDX-License-Identifier: Apache-2.0
 *
 * reader: the only way to touch untrusted binary bytes. Past the end it gives zeros and sets
 * `bad`; the position of the first failure stays. Borrows the bytes. One owner thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct reader {
    const uint8_t *p;
    size_t n;
    size_t pos;    /* next byte; stays at the failing read once bad */
    bool bad;
};

static inline struct reader reader_of(const void *p, size_t n)
{
    return (struct reader){.p = (const uint8_t *)p, .n = n};
}
uint8_t read_u8(struct reader *r);
uint16_t read_u16le(struct reader *r);
uint32_t read_u32le(struct reader *r);
uint64_t read_u64le(struct reader *r);
float read_f32le(struct reader *r);
double read_f64le(struct reader *r);
/* n bytes, borrowed; an empty str and bad when fewer are left. */
str read_bytes(struct reader *r, uint64_t n);
static inline size_t reader_left(const struct reader *r) { return r->bad ? 0 : r->n - r->pos; }
