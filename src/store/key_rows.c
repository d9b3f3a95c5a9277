/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_rows.h"

enum err key_rows_insert(struct db *db, const struct key_row *k, struct error *e)
{
    const struct db_value p[] = {
        db_text(k->id), db_text(k->team_id), db_text(k->user_id), db_text(k->name),
        db_blob(k->secret_hash), db_text(k->redacted), db_text(k->acls),
        db_int(k->created_unix_s), db_int(k->modified_unix_s), db_int(k->expires_unix_s),
        db_int(k->disabled)};
    enum err rc = db_run(db,
        "INSERT INTO api_key (id, team_id, user_id, name, secret_hash, redacted, acls,"
        " created_unix_s, modified_unix_s, expires_unix_s, disabled)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        p, sizeof p / sizeof p[0], NULL, NULL, e);

    if (rc == ERR_EXISTS)
        return err_set(e, ERR_EXISTS, ERR_NO_POS,
                       "a key named '%.*s' exists already: choose another name", STR_FMT(k->name));
    return rc;
}

struct each { void (*fn)(void *arg, const struct key_row *k); void *arg; };

static bool each_row(void *arg, const struct db_value *c, int n)
{
    struct each *each = arg;
    struct key_row k = {.id = c[0].s, .team_id = c[1].s, .user_id = c[2].s, .name = c[3].s,
                        .secret_hash = c[4].s, .redacted = c[5].s, .acls = c[6].s,
                        .created_unix_s = c[7].i, .modified_unix_s = c[8].i,
                        .expires_unix_s = c[9].i, .disabled = c[10].i != 0};

    CHECK(n == 11);
    each->fn(each->arg, &k);
    return true;
}

enum err key_rows_each(struct db *db, void (*fn)(void *, const struct key_row *), void *arg,
                       struct error *e)
{
    struct each each = {fn, arg};

    return db_run(db,
        "SELECT id, team_id, user_id, name, secret_hash, redacted, acls, created_unix_s,"
        " modified_unix_s, expires_unix_s, disabled FROM api_key ORDER BY created_unix_s, id",
        NULL, 0, each_row, &each, e);
}

static enum err need_change(struct db *db, str id_or_name, struct error *e)
{
    if (db_changes(db) > 0) return ERR_OK;
    return err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "no key with id or name '%.*s'",
                   STR_FMT(id_or_name));
}

enum err key_rows_delete(struct db *db, str id_or_name, struct error *e)
{
    const struct db_value p[] = {db_text(id_or_name)};

    TRY(db_run(db, "DELETE FROM api_key WHERE id = ?1 OR name = ?1", p, 1, NULL, NULL, e));
    return need_change(db, id_or_name, e);
}

enum err key_rows_set_disabled(struct db *db, str id_or_name, bool disabled, int64_t now_unix_s,
                               struct error *e)
{
    const struct db_value p[] = {db_text(id_or_name), db_int(disabled), db_int(now_unix_s)};

    TRY(db_run(db, "UPDATE api_key SET disabled = ?2, modified_unix_s = ?3"
               " WHERE id = ?1 OR name = ?1", p, 3, NULL, NULL, e));
    return need_change(db, id_or_name, e);
}

enum err key_rows_set_secret(struct db *db, str id_or_name, str secret_hash, str redacted,
                             int64_t now_unix_s, struct error *e)
{
    const struct db_value p[] = {db_text(id_or_name), db_blob(secret_hash), db_text(redacted),
                                 db_int(now_unix_s)};

    TRY(db_run(db, "UPDATE api_key SET secret_hash = ?2, redacted = ?3, modified_unix_s = ?4"
               " WHERE id = ?1 OR name = ?1", p, 4, NULL, NULL, e));
    return need_change(db, id_or_name, e);
}
