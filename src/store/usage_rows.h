/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of usage: what each request used and cost. On the connection's owner thread.
 */
#pragma once
#include "store/db.h"

struct usage_row {
    str request_id, team_id, user_id, key_id, endpoint, model, error_type;
    int64_t started_unix_ms;
    int64_t status;
    int64_t prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens;
    int64_t cost_ticks;
    int64_t first_token_ms;            /* -1: no token was made */
    int64_t latency_ms;
};

MUST_CHECK enum err usage_rows_insert(struct db *db, const struct usage_row *u, struct error *e);

struct usage_sum { int64_t requests, prompt_tokens, completion_tokens, cost_ticks; };
MUST_CHECK enum err usage_rows_sum(struct db *db, struct usage_sum *out, struct error *e);
