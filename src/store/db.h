/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection to the database. SQL lives in this folder only; every value is bound, never
 * pasted. A connection has one owner thread; statements are prepared once and kept by the
 * address of their SQL text, which therefore must be a literal or table entry.
 *
 * SQLite: WAL, synchronous=FULL (a committed transaction survives power loss), foreign keys on,
 * busy timeout 5 s. db_open brings an older schema up in one transaction and refuses a newer one.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct db;

enum db_kind { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };
struct db_value { enum db_kind kind; int64_t i; str s; };

static inline struct db_value db_int(int64_t i) { return (struct db_value){DB_INT, i, {0, 0}}; }
static inline struct db_value db_text(str s) { return (struct db_value){DB_TEXT, 0, s}; }
static inline struct db_value db_blob(str s) { return (struct db_value){DB_BLOB, 0, s}; }

/* One result row; col borrows until the callback returns. False stops the walk. */
typedef bool db_row_fn(void *arg, const struct db_value *col, int n_col);

/* Opens or creates the file (mode 0600) and migrates it. ERR_IO, ERR_FORMAT (damaged, or written
 * by a newer grokd). */
MUST_CHECK enum err db_open(const char *path, struct db **out, struct error *e);
void db_close(struct db **db);

/* Runs one statement with its parameters; row (may be NULL) is called for each result row. */
MUST_CHECK enum err db_run(struct db *db, const char *sql, const struct db_value *param,
                           int n_param, db_row_fn *row, void *arg, struct error *e);
int64_t db_changes(const struct db *db);       /* rows the last statement changed */

MUST_CHECK enum err db_begin(struct db *db, struct error *e);   /* BEGIN IMMEDIATE */
MUST_CHECK enum err db_commit(struct db *db, struct error *e);
void db_rollback(struct db *db);
/* Changes whenever another connection committed something. */
int64_t db_version(struct db *db);
