/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers within bounds -> DFA over their JSON spelling. Bounds and divisors are decimal texts as
 * JSON writes them and are exact: nothing is rounded to double. Any thread.
 */
#pragma once
#include "grammar/dfa.h"

#define NUMBER_DIGITS_MAX 1200         /* of a bound, written out without exponent */
#define NUMBER_DIVISOR_DIGITS_MAX 400  /* significant ones */
/* Exponents are exact up to this and cut to it past it, either way: 1e9999999999999999 and
 * 2e99999999999999999999 compare as if both were e1000000000000000. */
#define NUMBER_EXPONENT_MAX 1000000000000000

struct number_range {
    bool is_integer;                   /* only spellings without fraction and exponent */
    bool is_unique;                    /* one spelling per value (DFA_NUMBER_UNIQUE) */
    str min, max;                      /* empty: none */
    bool min_exclusive, max_exclusive;
    const str *divisor;                /* [n_divisor] multipleOf, each > 0 */
    size_t n_divisor;
};

/* A range without any limit gives the shared DFA. With divisors spellings have no
 * exponent, with bounds only where all of one sign and direction are within (d.de-n, d.de+n).
 * ERR_LIMIT for divisors whose remainders need too many states. */
MUST_CHECK const struct dfa *number_dfa(struct dfa_work *w, const struct number_range *r);
/* Compares two JSON numbers exactly: <0, 0, >0. */
int number_cmp(str a, str b);
/* Is a an integral multiple of b (b > 0)? Exact. Of a b past NUMBER_DIVISOR_DIGITS_MAX only 0 and
 * b itself are. */
bool number_is_multiple(str a, str b);
bool number_is_integer(str a);         /* 3, 3.0 and 3e2 are */
