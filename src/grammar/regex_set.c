/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of code points.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "grammar/regex_internal.h"

static const struct cp_range digit[] = {{'0', '9'}};
static const struct cp_range word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
/* ECMA-262 WhiteSpace and LineTerminator. */
static const struct cp_range space[] = {
    {0x9, 0xd},       {0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};

void set_add(struct regex *re, struct cp_set *s, uint32_t lo, uint32_t hi)
{
    if (s->n == RE_RANGES_MAX) re_fail_ranges(re);
    if (s->n == s->cap) {
        struct cp_range *grown = re_grow(re, s->range, s->n, &s->cap, sizeof *grown);
        if (!grown) return;
        s->range = grown;
    }
    s->range[s->n++] = (struct cp_range){lo, hi};
}

void set_add_all(struct regex *re, struct cp_set *s, const struct cp_set *other)
{
    for (uint32_t i = 0; i < other->n; i++) set_add(re, s, other->range[i].lo, other->range[i].hi);
}

static int range_order(const void *a, const void *b)
{
    uint32_t x = ((const struct cp_range *)a)->lo, y = ((const struct cp_range *)b)->lo;
    return (x > y) - (x < y);
}

/* Neighbours that touch, or have only surrogates between them, become one. */
static bool is_near(uint32_t hi, uint32_t lo)
{
    return lo <= hi + 1 || (hi == CP_SURROGATE_FIRST - 1 && lo == CP_SURROGATE_LAST + 1);
}

static void merge_sorted(struct cp_set *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        struct cp_range r = s->range[i];
        if (n > 0 && is_near(s->range[n - 1].hi, r.lo)) {
            if (r.hi > s->range[n - 1].hi) s->range[n - 1].hi = r.hi;
        } else {
            s->range[n++] = r;
        }
    }
    s->n = n;
}

void set_close(struct cp_set *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct cp_range *r = &s->range[i];
        if (r->lo >= CP_SURROGATE_FIRST && r->lo <= CP_SURROGATE_LAST)
            r->lo = CP_SURROGATE_LAST + 1;
        if (r->hi >= CP_SURROGATE_FIRST && r->hi <= CP_SURROGATE_LAST)
            r->hi = CP_SURROGATE_FIRST - 1;
        if (r->lo > r->hi) s->range[i--] = s->range[--s->n];
    }
    bool is_sorted = true;
    for (uint32_t i = 1; i < s->n && is_sorted; i++)
        is_sorted = s->range[i - 1].lo <= s->range[i].lo;
    if (!is_sorted) qsort(s->range, s->n, sizeof *s->range, range_order);
    merge_sorted(s);
}

void set_invert(struct regex *re, struct cp_set *s)
{
    struct cp_set out = {NULL, 0, 0, 0};
    uint32_t from = 0;
    set_close(s);
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->range[i].lo > from) set_add(re, &out, from, s->range[i].lo - 1);
        from = s->range[i].hi + 1;
    }
    if (from <= CP_MAX) set_add(re, &out, from, CP_MAX);
    set_close(&out);
    *s = out;
}

static uint32_t set_bucket(const struct cp_set *s)
{
    return hash_fixed(s->n, s->range, s->n * sizeof *s->range) % RE_SET_BUCKETS;
}

uint32_t set_intern(struct regex *re, const struct cp_set *s)
{
    uint32_t *bucket = &re->bucket[set_bucket(s)];
    for (uint32_t i = *bucket; i != RE_NONE; i = re->set[i].chain)
        if (re->set[i].n == s->n &&
            (s->n == 0 || memcmp(re->set[i].range, s->range, s->n * sizeof *s->range) == 0))
            return i;
    if (re->n_set == re->set_cap) {
        struct cp_set *grown = re_grow(re, re->set, re->n_set, &re->set_cap, sizeof *grown);
        if (!grown) return 0;
        re->set = grown;
    }
    re->set[re->n_set] = *s;
    re->set[re->n_set].chain = *bucket;
    return *bucket = re->n_set++;
}

void set_add_escape(struct regex *re, struct cp_set *s, char letter)
{
    const struct cp_range *r = letter == 'd' || letter == 'D'   ? digit
                               : letter == 'w' || letter == 'W' ? word
                                                                : space;
    size_t n = r == digit ? sizeof digit : r == word ? sizeof word : sizeof space;
    struct cp_set own = {NULL, 0, 0, 0};
    for (size_t i = 0; i < n / sizeof *r; i++) set_add(re, &own, r[i].lo, r[i].hi);
    if (letter >= 'A' && letter <= 'Z') set_invert(re, &own);
    set_add_all(re, s, &own);
}
