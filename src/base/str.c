/* SPDX-License-Identifier: Apache-2.0
 *
 * str: comparing, cutting, searching and reading numbers. Pure functions, any thread.
 * Numbers are read in the C locale: the program never sets LC_NUMERIC.
 */
#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(str a, str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(str a, str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n ? memcmp(a.p, b.p, n) : 0;
    return d ? d : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(str s, str prefix)
{
    return s.n >= prefix.n && str_eq((str){s.p, prefix.n}, prefix);
}

bool str_ends(str s, str suffix)
{
    return s.n >= suffix.n && str_eq(str_sub(s, s.n - suffix.n, suffix.n), suffix);
}

str str_sub(str s, size_t from, size_t n)
{
    if (from > s.n)
        from = s.n;
    if (n > s.n - from)
        n = s.n - from;
    return (str){s.p ? s.p + from : NULL, n};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

str str_trim(str s)
{
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

size_t str_find(str s, str needle, size_t from)
{
    if (from > s.n)
        return SIZE_MAX;
    if (needle.n == 0)
        return from;
    const char *hit = from < s.n ? memmem(s.p + from, s.n - from, needle.p, needle.n) : NULL;
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t str_find_char(str s, char c, size_t from)
{
    const char *hit = from < s.n ? memchr(s.p + from, c, s.n - from) : NULL;
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

bool str_split(str *rest, char sep, str *part)
{
    if (!rest->p)
        return false;
    size_t at = str_find_char(*rest, sep, 0);
    if (at == SIZE_MAX) {
        *part = *rest;
        *rest = STR_NONE;
    } else {
        *part = (str){rest->p, at};
        *rest = (str){rest->p + at + 1, rest->n - at - 1};
    }
    return true;
}

bool str_to_u64(str s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool str_to_i64(str s, int64_t *out)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    uint64_t v;
    if (!str_to_u64(minus ? str_sub(s, 1, s.n) : s, &v))
        return false;
    if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* Significant digits that can decide the rounding of a double are at most 767; of any further
 * ones only "is one of them not zero" matters, which one more digit says. */
#define DIGITS_MAX 780
#define EXPONENT_MAX 1000000000

struct decimal {
    char digit[DIGITS_MAX + 1];                /* no leading zeros */
    size_t n;
    int64_t exponent;                          /* value = 0.digits * 10^exponent */
    bool minus;
};

static void decimal_push(struct decimal *d, char c, bool fraction)
{
    if (d->n == 0 && c == '0') {
        d->exponent -= fraction;
        return;
    }
    d->exponent += !fraction;
    if (d->n < DIGITS_MAX)
        d->digit[d->n++] = c;
    else if (c != '0')
        d->digit[DIGITS_MAX] = '1';
}

/* "e+12" behind the digits; false on junk. Absurd exponents are clamped, which changes nothing. */
static bool decimal_exponent(struct decimal *d, str s)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_sub(s, 1, s.n);
    int64_t e = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (e < EXPONENT_MAX)
            e = e * 10 + (s.p[i] - '0');
    }
    d->exponent += minus ? -e : e;
    return s.n > 0;
}

static bool decimal_read(struct decimal *d, str s)
{
    size_t i = 0, digits = 0;
    bool fraction = false;
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        d->minus = s.p[i++] == '-';
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (c >= '0' && c <= '9') {
            decimal_push(d, c, fraction);
            digits++;
        } else if (c == '.' && !fraction) {
            fraction = true;
        } else {
            break;
        }
    }
    if (digits == 0)
        return false;
    if (i == s.n)
        return true;
    return (s.p[i] | 0x20) == 'e' && decimal_exponent(d, str_sub(s, i + 1, s.n));
}

/* Clinger's case: mantissa and power of ten are both exact doubles, so one rounding is right. */
static bool decimal_exact(const struct decimal *d, double *out)
{
    static const double pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t scale = d->exponent - (int64_t)d->n;
    if (d->n > 15 || scale < -22 || scale > 22)
        return false;
    int64_t m = 0;
    for (size_t i = 0; i < d->n; i++)
        m = m * 10 + (d->digit[i] - '0');
    *out = scale < 0 ? (double)m / pow10[-scale] : (double)m * pow10[scale];
    return true;
}

bool str_to_double(str s, double *out)
{
    struct decimal d;
    d.n = 0;
    d.exponent = 0;
    d.minus = false;
    d.digit[DIGITS_MAX] = '0';
    if (!decimal_read(&d, s))
        return false;
    double v = 0;
    if (d.n > 0 && !decimal_exact(&d, &v)) {
        char text[DIGITS_MAX + 40];
        int n = (int)(d.n == DIGITS_MAX ? DIGITS_MAX + 1 : d.n);
        snprintf(text, sizeof text, "0.%.*se%lld", n, d.digit, (long long)d.exponent);
        v = strtod(text, NULL);
    }
    if (!isfinite(v))
        return false;
    *out = d.minus ? -v : v;
    return true;
}

bool str_eq_secret(str a, str b)
{
    if (a.n != b.n)
        return false;
    volatile unsigned char diff = 0;           /* volatile: no early exit may be invented */
    for (size_t i = 0; i < a.n; i++)
        diff = (unsigned char)(diff | (a.p[i] ^ b.p[i]));
    return diff == 0;
}
