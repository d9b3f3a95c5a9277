/* SPDX-License-Identifier: Apache-2.0
 *
 * A database in a folder of its own, removed at the end. For programs that include it once.
 */
#pragma once
#include "../test.h"
#include "base/clock.h"
#include "store/db.h"

struct store_fixture { char dir[64], path[96]; };

static inline void store_begin(struct store_fixture *f)
{
    snprintf(f->dir, sizeof f->dir, "/tmp/grokd-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/db", f->dir);
}

static inline void store_end(struct store_fixture *f)
{
    static const char *const suffix[] = {"", "-wal", "-shm", "-journal"};
    char file[128];

    for (size_t i = 0; i < N_OF(suffix); i++) {
        snprintf(file, sizeof file, "%s%s", f->path, suffix[i]);
        unlink(file);
    }
    assert_int_equal(rmdir(f->dir), 0);
}

static inline struct db *store_open(const struct store_fixture *f)
{
    struct db *db;
    struct error e;

    if (db_open(f->path, &db, &e) != ERR_OK) fail_msg("%s", e.text);
    return db;
}

static inline bool store_take_int(void *arg, const struct db_value *col, int n)
{
    assert_int_equal(n, 1);
    *(int64_t *)arg = col[0].i;
    return true;
}

/* First column of the last row; sql is a literal. */
static inline int64_t store_int(struct db *db, const char *sql)
{
    int64_t v = -1;
    struct error e;

    if (db_run(db, sql, NULL, 0, store_take_int, &v, &e) != ERR_OK) fail_msg("%s: %s", sql, e.text);
    return v;
}

static inline void store_do(struct db *db, const char *sql)
{
    struct error e;

    if (db_run(db, sql, NULL, 0, NULL, NULL, &e) != ERR_OK) fail_msg("%s: %s", sql, e.text);
}
