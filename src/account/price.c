/* SPDX-License-Identifier: Apache-2.0 */
#include "account/price.h"

int64_t price_cost(const struct price *p, const struct token_counts *t)
{
    return (t->prompt - t->cached) * p->prompt + t->cached * p->cached +
           (t->completion + t->reasoning) * p->completion;
}
