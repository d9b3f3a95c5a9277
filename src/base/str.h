/* SPDX-License-Identifier: Apache-2.0
 *
 * str: a borrowed run of bytes, pointer and length, not NUL-terminated, may hold NUL.
 * A value: copy it freely; it lives as long as the bytes it borrows. Any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct str {
    const char *p;
    size_t n;
} str;

#define STR(lit) ((str){"" lit, sizeof(lit) - 1})
#define STR_NONE ((str){NULL, 0})
/* For printf("%.*s", STR_FMT(s)). */
#define STR_FMT(s) ((s).n > 0x7fffffff ? 0x7fffffff : (int)(s).n), ((s).p ? (s).p : "")

static inline str str_of(const char *c) { return (str){c, c ? strlen(c) : 0}; }
static inline str str_n(const char *p, size_t n) { return (str){p, n}; }
static inline bool str_eq(str a, str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool str_is(str a, const char *c) { return str_eq(a, str_of(c)); }

bool str_eq_nocase(str a, str b);              /* ASCII letters only */
int str_cmp(str a, str b);                     /* bytewise, shorter first on a tie */
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
/* Part of s from byte `from` (clamped), at most n bytes. */
str str_sub(str s, size_t from, size_t n);
str str_trim(str s);                           /* ASCII white space at both ends */
/* Offset of needle in s at or after from; SIZE_MAX if absent. */
size_t str_find(str s, str needle, size_t from);
size_t str_find_char(str s, char c, size_t from);
/* Cuts *rest at the first sep: gives the part before it, moves *rest behind it. False when *rest
 * is exhausted (rest->p NULL). "a,b" gives "a", "b"; "" gives one empty part. */
bool str_split(str *rest, char sep, str *part);
/* Whole-string integers; false on junk, sign errors and overflow. */
bool str_to_i64(str s, int64_t *out);
bool str_to_u64(str s, uint64_t *out);
/* Whole-string finite decimal number ("1e5", "-0.25"); false on junk, hex, inf and nan. */
bool str_to_double(str s, double *out);
/* Bytes that differ are not revealed by the time taken; the lengths are. */
bool str_eq_secret(str a, str b);
