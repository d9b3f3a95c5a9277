/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 (RFC 3629) and Unicode properties. The tables are two-stage: the code point's block
 * names a row of record numbers, a record holds class, combining class and case distances.
 * Pure functions, any thread.
 */
#include "base/utf8.h"

struct uni_record {
    uint16_t bits;                             /* enum uni_class */
    uint8_t combining;
    int32_t lower, upper;                      /* distance to the other case, 0: none */
};
struct uni_nfd {
    uint32_t cp;
    uint16_t at;                               /* first code point in nfd_pool */
    uint16_t n;
};

#include "base/unicode_gen.inc"

#define CP_MAX 0x10ffffu
#define HANGUL_FIRST 0xac00u
#define HANGUL_COUNT 11172u

/* Length that a lead byte announces; 0 for a byte that cannot lead. */
static size_t lead_length(unsigned char c)
{
    if (c < 0x80)
        return 1;
    return c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

/* May `c` be the second byte after `lead`? Excludes overlong forms, surrogates and > U+10FFFF. */
static bool second_ok(unsigned char lead, unsigned char c)
{
    switch (lead) {
    case 0xe0: return c >= 0xa0 && c <= 0xbf;
    case 0xed: return c >= 0x80 && c <= 0x9f;
    case 0xf0: return c >= 0x90 && c <= 0xbf;
    case 0xf4: return c >= 0x80 && c <= 0x8f;
    default: return c >= 0x80 && c <= 0xbf;
    }
}

/* Bytes of the longest well-formed beginning of a character at p, at most `left`; *want is the
 * full length, 0 when p[0] cannot lead. left > 0. */
static size_t prefix_length(const char *p, size_t left, size_t *want)
{
    unsigned char lead = (unsigned char)p[0];
    *want = lead_length(lead);
    if (*want < 2)
        return *want;
    size_t n = 1;
    if (n < left && second_ok(lead, (unsigned char)p[1])) {
        n++;
        while (n < left && n < *want && ((unsigned char)p[n] & 0xc0) == 0x80)
            n++;
    }
    return n;
}

uint32_t utf8_next(str s, size_t *i)
{
    static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const char *p = s.p + *i;
    unsigned char lead = (unsigned char)p[0];
    if (lead < 0x80) {
        ++*i;
        return lead;
    }
    size_t want, n = prefix_length(p, s.n - *i, &want);
    if (want == 0 || n < want) {
        ++*i;
        return UTF8_BAD;
    }
    uint32_t cp = lead & lead_mask[want];
    for (size_t k = 1; k < want; k++)
        cp = cp << 6 | ((unsigned char)p[k] & 0x3fu);
    *i += want;
    return cp;
}

int utf8_put(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp > CP_MAX || (cp >= 0xd800 && cp < 0xe000))
        return 0;
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

/* Moves i over ASCII, eight bytes at a time. */
static size_t skip_ascii(str s, size_t i)
{
    uint64_t w;
    while (i + sizeof w <= s.n) {
        memcpy(&w, s.p + i, sizeof w);
        if (w & 0x8080808080808080)
            break;
        i += sizeof w;
    }
    while (i < s.n && (unsigned char)s.p[i] < 0x80)
        i++;
    return i;
}

bool utf8_valid(str s)
{
    for (size_t i = skip_ascii(s, 0); i < s.n; i = skip_ascii(s, i)) {
        size_t want, n = prefix_length(s.p + i, s.n - i, &want);
        if (want == 0 || n < want)
            return false;
        i += n;
    }
    return true;
}

size_t utf8_tail(str s)
{
    for (size_t back = 1; back <= 3 && back <= s.n; back++) {
        const char *p = s.p + s.n - back;
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        size_t want, n = prefix_length(p, back, &want);
        return n == back && n < want ? back : 0;
    }
    return 0;
}

size_t utf8_count(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; n++)
        utf8_next(s, &i);
    return n;
}

static const struct uni_record *record_of(uint32_t cp)
{
    if (cp > CP_MAX)
        return &uni_records[0];
    size_t row = uni_rows[cp >> UNI_SHIFT];
    return &uni_records[uni_cells[row << UNI_SHIFT | (cp & ((1u << UNI_SHIFT) - 1))]];
}

unsigned uni_class(uint32_t cp)
{
    return record_of(cp)->bits;
}

uint32_t uni_lower(uint32_t cp)
{
    return cp + (uint32_t)record_of(cp)->lower;
}

uint32_t uni_upper(uint32_t cp)
{
    return cp + (uint32_t)record_of(cp)->upper;
}

int uni_combining(uint32_t cp)
{
    return record_of(cp)->combining;
}

/* Unicode 3.12: a Hangul syllable is leading consonant, vowel and perhaps trailing consonant. */
static int decompose_hangul(uint32_t s, uint32_t out[4])
{
    out[0] = 0x1100 + s / (21 * 28);
    out[1] = 0x1161 + s % (21 * 28) / 28;
    out[2] = 0x11a7 + s % 28;
    return s % 28 ? 3 : 2;
}

int uni_decompose(uint32_t cp, uint32_t out[4])
{
    if (cp - HANGUL_FIRST < HANGUL_COUNT)
        return decompose_hangul(cp - HANGUL_FIRST, out);
    size_t lo = 0, hi = sizeof nfd_table / sizeof nfd_table[0];
    while (cp >= 0xc0 && lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct uni_nfd *d = &nfd_table[mid];
        if (d->cp == cp) {
            memcpy(out, &nfd_pool[d->at], d->n * sizeof out[0]);
            return d->n;
        }
        if (d->cp < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    out[0] = cp;
    return 1;
}
