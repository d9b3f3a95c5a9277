/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite behind db.h. The only file that knows sqlite3.h.
 */
#include "store/db.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>
#include "base/mem.h"
#include "store/schema.h"

#define BUSY_TIMEOUT_MS 5000
#define STATEMENTS_MAX 64
#define COLUMNS_MAX 32

struct prepared { const char *sql; sqlite3_stmt *stmt; };

struct db {
    sqlite3 *conn;
    struct prepared prepared[STATEMENTS_MAX];
    int n_prepared;
};

static enum err sqlite_err(struct db *db, int rc, struct error *e)
{
    enum err code = rc == SQLITE_CONSTRAINT ? ERR_EXISTS
                    : rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? ERR_FORMAT
                    : rc == SQLITE_BUSY || rc == SQLITE_LOCKED ? ERR_BUSY : ERR_IO;

    return err_set(e, code, ERR_NO_POS, "database: %s",
                   db->conn ? sqlite3_errmsg(db->conn) : sqlite3_errstr(rc));
}

static enum err exec(struct db *db, const char *sql, struct error *e)
{
    int rc = sqlite3_exec(db->conn, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? ERR_OK : sqlite_err(db, rc & 0xff, e);
}

static bool take_int(void *arg, const struct db_value *col, int n_col)
{
    if (n_col > 0 && col[0].kind == DB_INT) *(int64_t *)arg = col[0].i;
    return false;
}

static enum err migrate(struct db *db, struct error *e)
{
    int64_t version = 0;
    char sql[64];

    TRY(db_run(db, "PRAGMA user_version", NULL, 0, take_int, &version, e));
    if (version > schema_n_steps)
        return err_set(e, ERR_FORMAT, ERR_NO_POS,
                       "database has schema version %lld, this grokd knows up to %d: run the newer "
                       "grokd that wrote it", (long long)version, schema_n_steps);
    for (; version < schema_n_steps; version++) {
        TRY(exec(db, schema_steps[version], e));
        sqlite3_snprintf(sizeof sql, sql, "PRAGMA user_version = %lld", (long long)version + 1);
        TRY(exec(db, sql, e));
    }
    return ERR_OK;
}

static enum err set_up(struct db *db, struct error *e)
{
    enum err rc;

    sqlite3_busy_timeout(db->conn, BUSY_TIMEOUT_MS);
    TRY(exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                 " PRAGMA foreign_keys = ON;", e));
    TRY(db_begin(db, e));
    rc = migrate(db, e);
    if (rc != ERR_OK) {
        db_rollback(db);
        return rc;
    }
    return db_commit(db, e);
}

enum err db_open(const char *path, struct db **out, struct error *e)
{
    struct db *db = mem_alloc(sizeof *db);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    /* SQLite would use the umask. A file that is there must not be opened beside SQLite: closing it
     * would drop the locks that all connections of this process hold on it, and another process
     * would then take the log away under them. */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc;
    enum err err;

    if (fd >= 0) close(fd);
    rc = sqlite3_open_v2(path, &db->conn, flags, NULL);
    err = rc == SQLITE_OK ? set_up(db, e) : sqlite_err(db, rc, e);
    if (err != ERR_OK)
        db_close(&db);
    *out = db;
    return err;
}

void db_close(struct db **dbp)
{
    struct db *db = *dbp;

    if (!db) return;
    for (int i = 0; i < db->n_prepared; i++) sqlite3_finalize(db->prepared[i].stmt);
    sqlite3_close(db->conn);
    mem_free(db);
    *dbp = NULL;
}

static enum err find_statement(struct db *db, const char *sql, sqlite3_stmt **out, struct error *e)
{
    int rc;

    for (int i = 0; i < db->n_prepared; i++)
        if (db->prepared[i].sql == sql) {
            *out = db->prepared[i].stmt;
            return ERR_OK;
        }
    CHECK(db->n_prepared < STATEMENTS_MAX);
    rc = sqlite3_prepare_v3(db->conn, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (rc != SQLITE_OK) return sqlite_err(db, rc & 0xff, e);
    db->prepared[db->n_prepared++] = (struct prepared){sql, *out};
    return ERR_OK;
}

static void bind(sqlite3_stmt *stmt, int at, const struct db_value *v)
{
    const char *p = v->s.p ? v->s.p : "";
    int rc = SQLITE_OK;

    switch (v->kind) {
    case DB_NULL: rc = sqlite3_bind_null(stmt, at); break;
    case DB_INT: rc = sqlite3_bind_int64(stmt, at, v->i); break;
    case DB_TEXT:
        rc = sqlite3_bind_text64(stmt, at, p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case DB_BLOB: rc = sqlite3_bind_blob64(stmt, at, p, v->s.n, SQLITE_STATIC); break;
    }
    CHECK(rc == SQLITE_OK);
}

static int read_row(sqlite3_stmt *stmt, struct db_value *col)
{
    int n = sqlite3_column_count(stmt);

    CHECK(n <= COLUMNS_MAX);
    for (int i = 0; i < n; i++) {
        int type = sqlite3_column_type(stmt, i);

        if (type == SQLITE_INTEGER)
            col[i] = db_int(sqlite3_column_int64(stmt, i));
        else if (type == SQLITE_NULL)
            col[i] = (struct db_value){.kind = DB_NULL};
        else
            col[i] = (struct db_value){.kind = type == SQLITE_BLOB ? DB_BLOB : DB_TEXT,
                                       .s = {sqlite3_column_blob(stmt, i),
                                             (size_t)sqlite3_column_bytes(stmt, i)}};
    }
    return n;
}

enum err db_run(struct db *db, const char *sql, const struct db_value *param, int n_param,
                db_row_fn *row, void *arg, struct error *e)
{
    struct db_value col[COLUMNS_MAX];
    sqlite3_stmt *stmt;
    enum err err = ERR_OK;
    int rc;

    TRY(find_statement(db, sql, &stmt, e));
    for (int i = 0; i < n_param; i++) bind(stmt, i + 1, &param[i]);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        if (row && !row(arg, col, read_row(stmt, col))) {
            rc = SQLITE_DONE;
            break;
        }
    if (rc != SQLITE_DONE) err = sqlite_err(db, rc & 0xff, e);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return err;
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->conn);
}

enum err db_begin(struct db *db, struct error *e)
{
    return db_run(db, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL, e);
}

enum err db_commit(struct db *db, struct error *e)
{
    enum err rc = db_run(db, "COMMIT", NULL, 0, NULL, NULL, e);

    if (rc != ERR_OK) db_rollback(db);
    return rc;
}

void db_rollback(struct db *db)
{
    struct error ignored;

    if (sqlite3_get_autocommit(db->conn)) return;      /* SQLite rolled back by itself */
    if (db_run(db, "ROLLBACK", NULL, 0, NULL, NULL, &ignored) != ERR_OK) return;
}

int64_t db_version(struct db *db)
{
    int64_t version = -1;
    struct error ignored;

    enum err rc = db_run(db, "PRAGMA data_version", NULL, 0, take_int, &version, &ignored);

    return rc == ERR_OK ? version : -1;
}
