/* SPDX-License-Identifier: Apache-2.0
 *
 * reader: bounded cursor over untrusted bytes. Once bad it stays bad and gives zeros.
 */
#include "base/reader.h"

/* The next n <= 8 bytes as a little-endian number, or 0 and bad. */
static uint64_t take(struct reader *r, size_t n)
{
    if (reader_left(r) < n) {
        r->bad = true;
        return 0;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)r->p[r->pos + i] << (8 * i);
    r->pos += n;
    return v;
}

uint8_t read_u8(struct reader *r)
{
    return (uint8_t)take(r, 1);
}

uint16_t read_u16le(struct reader *r)
{
    return (uint16_t)take(r, 2);
}

uint32_t read_u32le(struct reader *r)
{
    return (uint32_t)take(r, 4);
}

uint64_t read_u64le(struct reader *r)
{
    return take(r, 8);
}

float read_f32le(struct reader *r)
{
    uint32_t bits = read_u32le(r);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

double read_f64le(struct reader *r)
{
    uint64_t bits = read_u64le(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

str read_bytes(struct reader *r, uint64_t n)
{
    if (r->bad || n > reader_left(r)) {
        r->bad = true;
        return (str){"", 0};
    }
    str s = {(const char *)r->p + r->pos, (size_t)n};
    r->pos += (size_t)n;
    return s;
}
