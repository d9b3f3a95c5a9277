/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of deferred: requests that are answered later, and their replies until they are read, once.
 * What expires_unix_s has passed for is there for nobody. On the connection's owner thread; what
 * writes, inside a transaction.
 *
 *   insert --> WAITING --pick--> RUNNING --finish--> READY --take--> gone
 *                 ^                 |
 *                 `-----recover-----'            sweep: gone from any state but RUNNING
 */
#pragma once
#include "base/buf.h"
#include "store/db.h"

enum deferred_state { DEFERRED_NONE, DEFERRED_WAITING, DEFERRED_RUNNING, DEFERRED_READY };

struct deferred_row {
    str id, team_id, user_id, key_id;
    str body;                          /* of the request, as it came */
    int64_t expires_unix_s;
    int64_t n_start;                   /* how often it was picked, this time too */
};

/* Who asks for what, and when. */
struct deferred_key { str team_id, id; int64_t now_unix_s; };

/* n_start is not looked at. ERR_EXISTS when there is such an id. */
MUST_CHECK enum err deferred_rows_insert(struct db *db, const struct deferred_row *r,
                                         struct error *e);
/* The oldest that waits, in a; *found: there was one. */
MUST_CHECK enum err deferred_rows_pick(struct db *db, int64_t now_unix_s, struct arena *a,
                                       struct deferred_row *r, bool *found, struct error *e);
/* The body gives way to the reply. Nothing happens to a row that is not RUNNING. */
MUST_CHECK enum err deferred_rows_finish(struct db *db, str id, int64_t status, str reply,
                                         struct error *e);
/* What runs waits again. counts: its start was an attempt like others (nobody stopped it). */
MUST_CHECK enum err deferred_rows_recover(struct db *db, bool counts, struct error *e);
/* DEFERRED_NONE also when it is another team's. No transaction is needed. */
MUST_CHECK enum err deferred_rows_state(struct db *db, const struct deferred_key *k,
                                        enum deferred_state *state, struct error *e);
/* Appends the reply and deletes the row. ERR_NOT_FOUND when none is READY. */
MUST_CHECK enum err deferred_rows_take(struct db *db, const struct deferred_key *k,
                                       int64_t *status, struct buf *reply, struct error *e);
/* Deletes at most max rows that have expired. */
MUST_CHECK enum err deferred_rows_sweep(struct db *db, int64_t now_unix_s, int64_t max,
                                        struct error *e);

struct deferred_sum { int64_t n, bytes, n_waiting; };   /* bytes: of bodies and replies */
MUST_CHECK enum err deferred_rows_sum(struct db *db, struct deferred_sum *out, struct error *e);
