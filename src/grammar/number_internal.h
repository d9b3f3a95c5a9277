/* SPDX-License-Identifier: Apache-2.0
 *
 * Decimal numbers as their text has them, and the automaton of multiples.
 */
#pragma once
#include "grammar/number.h"

/* 0.d1 d2 .. dn x 10^point with d1 and dn not 0; 0 has n 0 and no sign. Borrows the text. */
struct decimal {
    bool is_negative;
    const char *p;                         /* d1; a dot may stand among the digits */
    size_t n, dot;                         /* dot: digits before it, SIZE_MAX: none among them */
    int64_t point;                         /* exponents past +-NUMBER_EXPONENT_MAX are cut to it */
};

void decimal_read(struct decimal *d, str number);
int decimal_cmp(const struct decimal *a, const struct decimal *b);
static inline uint8_t decimal_digit(const struct decimal *d, size_t i)
{
    return i < d->n ? (uint8_t)(d->p[i + (i >= d->dot)] - '0') : 0;
}

/* Plain spellings (no exponent) of the multiples of divisor. */
MUST_CHECK const struct dfa *number_multiples(struct dfa_work *w, str divisor);
