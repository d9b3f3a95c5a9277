/* SPDX-License-Identifier: Apache-2.0 */
#include "store/deferred_rows.h"

enum err deferred_rows_insert(struct db *db, const struct deferred_row *r, struct error *e)
{
    const struct db_value p[] = {
        db_text(r->id), db_text(r->team_id), db_text(r->user_id), db_text(r->key_id),
        db_blob(r->body), db_int((int64_t)r->body.n), db_int(r->expires_unix_s),
        db_int(DEFERRED_WAITING)};

    return db_run(db,
        "INSERT INTO deferred (id, team_id, user_id, key_id, body, bytes, expires_unix_s, state,"
        " n_start, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0)",
        p, sizeof p / sizeof p[0], NULL, NULL, e);
}

/* ---- running ---- */

struct picked { struct arena *arena; struct deferred_row *row; bool found; };

static bool take_row(void *arg, const struct db_value *c, int n)
{
    struct picked *k = arg;

    CHECK(n == 7);
    *k->row = (struct deferred_row){
        .id = arena_str(k->arena, c[0].s), .team_id = arena_str(k->arena, c[1].s),
        .user_id = arena_str(k->arena, c[2].s), .key_id = arena_str(k->arena, c[3].s),
        .body = arena_str(k->arena, c[4].s), .expires_unix_s = c[5].i, .n_start = c[6].i};
    k->found = true;
    return true;
}

enum err deferred_rows_pick(struct db *db, int64_t now_unix_s, struct arena *a,
                            struct deferred_row *r, bool *found, struct error *e)
{
    const struct db_value p[] = {db_int(DEFERRED_WAITING), db_int(DEFERRED_RUNNING),
                                 db_int(now_unix_s)};
    struct picked k = {.arena = a, .row = r};

    TRY(db_run(db,
        "UPDATE deferred SET state = ?2, n_start = n_start + 1 WHERE position ="
        " (SELECT position FROM deferred WHERE state = ?1 AND expires_unix_s > ?3"
        " ORDER BY position LIMIT 1)"
        " RETURNING id, team_id, user_id, key_id, body, expires_unix_s, n_start",
        p, 3, take_row, &k, e));
    *found = k.found;
    return ERR_OK;
}

enum err deferred_rows_finish(struct db *db, str id, int64_t status, str reply, struct error *e)
{
    const struct db_value p[] = {db_text(id), db_int(DEFERRED_RUNNING), db_int(DEFERRED_READY),
                                 db_int(status), db_blob(reply), db_int((int64_t)reply.n)};

    return db_run(db,
        "UPDATE deferred SET state = ?3, status = ?4, body = ?5, bytes = ?6"
        " WHERE id = ?1 AND state = ?2", p, 6, NULL, NULL, e);
}

enum err deferred_rows_recover(struct db *db, bool counts, struct error *e)
{
    const struct db_value p[] = {db_int(DEFERRED_RUNNING), db_int(DEFERRED_WAITING),
                                 db_int(counts ? 0 : 1)};

    return db_run(db,
        "UPDATE deferred SET state = ?2, n_start = n_start - ?3 WHERE state = ?1",
        p, 3, NULL, NULL, e);
}

/* ---- reading ---- */

static bool take_int(void *arg, const struct db_value *c, int n)
{
    CHECK(n == 1);
    *(int64_t *)arg = c[0].i;
    return false;
}

enum err deferred_rows_state(struct db *db, const struct deferred_key *k,
                             enum deferred_state *state, struct error *e)
{
    const struct db_value p[] = {db_text(k->id), db_text(k->team_id), db_int(k->now_unix_s)};
    int64_t found = DEFERRED_NONE;

    TRY(db_run(db,
        "SELECT state FROM deferred WHERE id = ?1 AND team_id = ?2 AND expires_unix_s > ?3",
        p, 3, take_int, &found, e));
    *state = (enum deferred_state)found;
    return ERR_OK;
}

struct taken { int64_t *status; struct buf *reply; bool found; };

static bool take_reply(void *arg, const struct db_value *c, int n)
{
    struct taken *t = arg;

    CHECK(n == 2);
    *t->status = c[0].i;
    buf_add(t->reply, c[1].s);
    t->found = true;
    return true;
}

enum err deferred_rows_take(struct db *db, const struct deferred_key *k, int64_t *status,
                            struct buf *reply, struct error *e)
{
    const struct db_value p[] = {db_text(k->id), db_text(k->team_id), db_int(k->now_unix_s),
                                 db_int(DEFERRED_READY)};
    struct taken t = {.status = status, .reply = reply};

    TRY(db_run(db,
        "DELETE FROM deferred WHERE id = ?1 AND team_id = ?2 AND expires_unix_s > ?3"
        " AND state = ?4 RETURNING status, body", p, 4, take_reply, &t, e));
    if (!t.found)
        return err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "No deferred completion %.*s is ready.",
                       STR_FMT(str_sub(k->id, 0, 64)));
    if (reply->bad)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "The stored reply is too long to be shown.");
    return ERR_OK;
}

/* ---- all ---- */

enum err deferred_rows_sweep(struct db *db, int64_t now_unix_s, int64_t max, struct error *e)
{
    const struct db_value p[] = {db_int(now_unix_s), db_int(DEFERRED_RUNNING), db_int(max)};

    return db_run(db,
        "DELETE FROM deferred WHERE position IN (SELECT position FROM deferred"
        " WHERE expires_unix_s <= ?1 AND state <> ?2 ORDER BY expires_unix_s LIMIT ?3)",
        p, 3, NULL, NULL, e);
}

static bool take_sum(void *arg, const struct db_value *c, int n)
{
    struct deferred_sum *s = arg;

    CHECK(n == 3);
    *s = (struct deferred_sum){c[0].i, c[1].i, c[2].i};
    return false;
}

enum err deferred_rows_sum(struct db *db, struct deferred_sum *out, struct error *e)
{
    const struct db_value p[] = {db_int(DEFERRED_WAITING)};

    return db_run(db,
        "SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(state = ?1), 0) FROM deferred",
        p, 1, take_sum, out, e);
}
