/* SPDX-License-Identifier: Apache-2.0 */
#include "store/usage_rows.h"

enum err usage_rows_insert(struct db *db, const struct usage_row *u, struct error *e)
{
    const struct db_value p[] = {
        db_text(u->request_id), db_int(u->started_unix_ms), db_text(u->team_id),
        db_text(u->user_id), db_text(u->key_id), db_text(u->endpoint), db_text(u->model),
        db_int(u->status), db_text(u->error_type), db_int(u->prompt_tokens),
        db_int(u->cached_tokens), db_int(u->completion_tokens), db_int(u->reasoning_tokens),
        db_int(u->cost_ticks), db_int(u->first_token_ms), db_int(u->latency_ms)};

    return db_run(db,
        "INSERT INTO usage (request_id, started_unix_ms, team_id, user_id, key_id, endpoint, model,"
        " status, error_type, prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens,"
        " cost_ticks, first_token_ms, latency_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        p, sizeof p / sizeof p[0], NULL, NULL, e);
}

static bool take_sum(void *arg, const struct db_value *c, int n)
{
    struct usage_sum *s = arg;

    CHECK(n == 4);
    *s = (struct usage_sum){c[0].i, c[1].i, c[2].i, c[3].i};
    return false;
}

enum err usage_rows_sum(struct db *db, struct usage_sum *out, struct error *e)
{
    return db_run(db,
        "SELECT count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),"
        " coalesce(sum(cost_ticks), 0) FROM usage", NULL, 0, take_sum, out, e);
}
