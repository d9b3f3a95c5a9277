/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of api_key. On the connection's owner thread.
 */
#pragma once
#include "store/db.h"

#define KEY_HASH_LEN 32

struct key_row {
    str id, team_id, user_id, name;
    str secret_hash;                   /* KEY_HASH_LEN bytes */
    str redacted;
    str acls;                          /* space-separated */
    int64_t created_unix_s, modified_unix_s, expires_unix_s;
    bool disabled;
};

/* ERR_EXISTS when the team has a key of that name. */
MUST_CHECK enum err key_rows_insert(struct db *db, const struct key_row *k, struct error *e);
/* All keys, oldest first; the row borrows until fn returns. */
MUST_CHECK enum err key_rows_each(struct db *db, void (*fn)(void *arg, const struct key_row *k),
                                  void *arg, struct error *e);
/* By id or name. ERR_NOT_FOUND. */
MUST_CHECK enum err key_rows_delete(struct db *db, str id_or_name, struct error *e);
MUST_CHECK enum err key_rows_set_disabled(struct db *db, str id_or_name, bool disabled,
                                          int64_t now_unix_s, struct error *e);
/* A new secret for an old key; the old one stops at once. */
MUST_CHECK enum err key_rows_set_secret(struct db *db, str id_or_name, str secret_hash,
                                        str redacted, int64_t now_unix_s, struct error *e);
