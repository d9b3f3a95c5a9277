/* SPDX-License-Identifier: Apache-2.0
 *
 * Prices and cost. Money is an integer in ticks (1 USD = 10,000,000,000 ticks); a price is ticks
 * per token, the same number that the model listings show. Pure, any thread.
 */
#pragma once
#include <stdint.h>

#define TICKS_PER_USD 10000000000LL
#define PRICE_MAX 1000000000LL         /* ticks per token: keeps products far from overflow */

#define PRIORITY_PRICE 2               /* factor of the service tier "priority" */

struct price { int64_t prompt, cached, completion; };

struct token_counts { int64_t prompt, cached, completion, reasoning; };   /* cached is in prompt */

/* ticks = (prompt - cached)*prompt + cached*cached + (completion + reasoning)*completion */
int64_t price_cost(const struct price *p, const struct token_counts *t);
