/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers within bounds -> DFA over their JSON spelling. Bounds and divisors are decimal texts as
 * JSON writes them and are exact: nothing is rounded to double. Any thread.
 */
#pragma once
#include "grammar/dfa.h"

struct number_range {
    bool is_integer;                   /* only spellings without fraction and exponent */
    bool is_unique;                    /* one spelling per value (DFA_NUMBER_UNIQUE) */
    str min, max;                      /* empty: none */
    bool min_exclusive, max_exclusive;
    const str *divisor;                /* [n_divisor] multipleOf, each > 0 */
    size_t n_divisor;
};

/* A range without any limit gives the shared DFA. With bounds or divisors spellings have no
 * exponent. ERR_LIMIT for divisors whose remainders need too many states. */
MUST_CHECK const struct dfa *number_dfa(struct dfa_work *w, const struct number_range *r);
/* Compares two JSON numbers exactly: <0, 0, >0. */
int number_cmp(str a, str b);
/* Is a an integral multiple of b (b > 0)? Exact. */
bool number_is_multiple(str a, str b);
bool number_is_integer(str a);         /* 3, 3.0 and 3e2 are */
