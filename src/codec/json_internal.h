/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the JSON parser and writer only: the scan over plain string bytes.
 */
#pragma once
#include "codec/json.h"

/* Eight bytes at p with the first one in the lowest place. */
static inline uint64_t json_load8(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

/* Offset at or after i of the first quote, backslash or control byte; s.n if there is none. Sets
 * *high when a byte above 0x7f was passed, so that plain ASCII needs no UTF-8 check. */
static inline size_t json_plain_end(str s, size_t i, bool *high)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t seen = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t w = json_load8(s.p + i);
        uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
        /* (x - 1) & ~x has the top bit of each zero byte of x; carries only reach later bytes. */
        uint64_t stop = ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) |
                        ((slash - ones) & ~slash);
        stop &= tops;
        if (stop) {
            uint64_t before = (stop & (0 - stop)) - 1;
            *high |= ((seen | (w & before)) & tops) != 0;
            return i + (size_t)__builtin_ctzll(stop) / 8;
        }
        seen |= w;
    }
    for (; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\' || c < 0x20)
            break;
        seen |= c;
    }
    *high |= (seen & tops) != 0;
    return i;
}
