/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection: values there and back, migration from nothing, newer and damaged files,
 * transactions, rows of keys and usage.
 */
#include "store_fixture.h"

#include <sys/stat.h>

#include "base/rand.h"
#include "store/key_rows.h"
#include "store/schema.h"
#include "store/usage_rows.h"

static struct store_fixture f;

static int setup(void **state)
{
    (void)state;
    store_begin(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_end(&f);
    return 0;
}

/* ---- opening ---- */

static void test_fresh(void **state)
{
    struct db *db = store_open(&f);
    struct stat st;

    (void)state;
    assert_int_equal(store_int(db, "PRAGMA user_version"), schema_n_steps);
    assert_int_equal(store_int(db, "PRAGMA synchronous"), 2);
    assert_int_equal(store_int(db, "PRAGMA foreign_keys"), 1);
    assert_int_equal(store_int(db, "SELECT count(*) FROM api_key"), 0);
    assert_int_equal(store_int(db, "SELECT count(*) FROM usage"), 0);
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    db_close(&db);
    assert_null(db);
    db_close(&db);
    db = store_open(&f);               /* again: nothing to migrate */
    assert_int_equal(store_int(db, "PRAGMA user_version"), schema_n_steps);
    db_close(&db);
}

static void test_newer(void **state)
{
    struct db *db = store_open(&f);
    struct error e;

    (void)state;
    store_do(db, "PRAGMA user_version = 1000000");
    db_close(&db);
    assert_int_equal(db_open(f.path, &db, &e), ERR_FORMAT);
    assert_null(db);
    assert_non_null(strstr(e.text, "schema version 1000000"));
}

/* A step that fails leaves the old schema: the migration is one transaction. */
static void test_failing_step(void **state)
{
    struct db *db = store_open(&f);
    struct error e;

    (void)state;
    store_do(db, "DROP TABLE usage");
    store_do(db, "PRAGMA user_version = 0");
    db_close(&db);
    assert_int_not_equal(db_open(f.path, &db, &e), ERR_OK);    /* api_key exists already */
    assert_non_null(strstr(e.text, "api_key"));
}

static void test_impossible_paths(void **state)
{
    static const char *const path[] = {"/nonexistent/folder/db", "/tmp", "/dev/null/db",
                                       "/dev/full"};

    (void)state;
    for (size_t i = 0; i < N_OF(path); i++) {
        struct db *db;
        struct error e = {0};

        assert_int_not_equal(db_open(path[i], &db, &e), ERR_OK);
        assert_null(db);
        assert_true(e.text[0]);
    }
}

/* ---- damage ---- */

static void fill(struct db *db)
{
    for (int64_t i = 0; i < 200; i++) {
        char id[32];
        struct error e;
        struct key_row k = {.id = {id, 0}, .team_id = STR("t"), .user_id = STR("u"),
                            .name = {id, 0},
                            .secret_hash = {id, 0}, .redacted = STR("r"), .acls = STR("a")};

        k.id.n = k.name.n = k.secret_hash.n = (size_t)snprintf(id, sizeof id, "key number %05d",
                                                               (int)i);
        assert_int_equal(key_rows_insert(db, &k, &e), ERR_OK);
    }
}

static void ignore_row(void *arg, const struct key_row *k)
{
    ++*(size_t *)arg;
    if (k->name.n > 1000) ++*(size_t *)arg;
}

/* Whatever the file holds: it opens and reads, or says why not. */
static void use_damaged(void)
{
    struct db *db;
    struct error e = {0};
    struct usage_sum sum;
    size_t n = 0;

    if (db_open(f.path, &db, &e) != ERR_OK) {
        assert_true(e.text[0]);
        return;
    }
    if (key_rows_each(db, ignore_row, &n, &e) != ERR_OK) assert_true(e.text[0]);
    if (usage_rows_sum(db, &sum, &e) != ERR_OK) assert_true(e.text[0]);
    if (key_rows_delete(db, STR("key number 00100"), &e) != ERR_OK) assert_true(e.text[0]);
    db_close(&db);
}

static size_t read_all(char *p, size_t size)
{
    FILE *in = fopen(f.path, "rb");
    size_t n;

    assert_non_null(in);
    n = fread(p, 1, size, in);
    fclose(in);
    assert_in_range(n, 1, size - 1);
    return n;
}

static void write_all(const char *p, size_t n)
{
    FILE *out = fopen(f.path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(p, 1, n, out), n);
    fclose(out);
}

static void test_damaged(void **state)
{
    static char good[1 << 20], bad[1 << 20];
    struct db *db = store_open(&f);
    struct rng r;
    size_t n;

    (void)state;
    fill(db);
    store_do(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    db_close(&db);
    n = read_all(good, sizeof good);
    rng_seed(&r, 7);
    for (int i = 0; i < 150; i++) {
        size_t flips = 1 + rng_below(&r, 64), len = i % 3 == 0 ? rng_below(&r, n) : n;

        memcpy(bad, good, n);
        /* The first page holds the schema: hit it often. */
        for (size_t k = 0; k < flips; k++)
            bad[rng_below(&r, i % 2 ? n : 4096)] ^= (char)(1 << rng_below(&r, 8));
        write_all(bad, len);
        use_damaged();
    }
    write_all("this is no database, but long enough to be looked at by anybody who cares to do it",
              80);
    assert_int_equal(db_open(f.path, &db, &(struct error){0}), ERR_FORMAT);
}

/* ---- statements ---- */

static bool take_row(void *arg, const struct db_value *c, int n)
{
    struct db_value *to = arg;

    assert_int_equal(n, 4);
    for (int i = 0; i < n; i++) to[i] = c[i];
    assert_int_equal(c[1].s.n, 5);
    assert_memory_equal(c[1].s.p, "a\0\xff'b", 5);
    assert_int_equal(c[2].s.n, 3);
    assert_memory_equal(c[2].s.p, "\0\1\2", 3);
    return true;
}

static void test_values(void **state)
{
    struct db *db = store_open(&f);
    struct db_value p[4] = {db_int(INT64_MIN), db_text(str_n("a\0\xff'b", 5)),
                            db_blob(str_n("\0\1\2", 3)),
                            {.kind = DB_NULL}}, c[4];
    struct error e;

    (void)state;
    assert_int_equal(db_run(db, "SELECT ?1, ?2, ?3, ?4", p, 4, take_row, c, &e), ERR_OK);
    for (int i = 0; i < 4; i++) assert_int_equal(c[i].kind, p[i].kind);
    assert_int_equal(c[0].i, INT64_MIN);
    assert_int_equal(db_run(db, "SELEKT 1", NULL, 0, NULL, NULL, &e), ERR_IO);
    assert_non_null(strstr(e.text, "syntax error"));
    db_close(&db);
}

static void test_transactions(void **state)
{
    struct db *db = store_open(&f), *other = store_open(&f);
    int64_t version = db_version(other);
    struct error e;

    (void)state;
    assert_int_equal(db_version(other), version);
    assert_int_equal(db_begin(db, &e), ERR_OK);
    fill(db);
    db_rollback(db);
    assert_int_equal(store_int(db, "SELECT count(*) FROM api_key"), 0);
    db_rollback(db);                   /* nothing is open: harmless */
    assert_int_equal(db_begin(db, &e), ERR_OK);
    assert_int_not_equal(db_begin(db, &e), ERR_OK);
    assert_int_equal(db_commit(db, &e), ERR_OK);
    assert_int_equal(db_version(other), version);
    fill(db);
    assert_int_not_equal(db_version(other), version);
    db_close(&db);
    db_close(&other);
}

/* ---- rows ---- */

static struct key_row key_row(const char *id, const char *name, const char *hash)
{
    return (struct key_row){.id = str_of(id), .team_id = STR("t"), .user_id = STR("u"),
                            .name = str_of(name), .secret_hash = str_of(hash), .redacted = STR("r"),
                            .acls = STR("a b"), .created_unix_s = 5, .modified_unix_s = 6,
                            .expires_unix_s = 7, .disabled = true};
}

static void check_row(void *arg, const struct key_row *k)
{
    ++*(int *)arg;
    assert_str_is(k->name, *(int *)arg == 1 ? "one" : "two");
    assert_str_is(k->secret_hash, *(int *)arg == 1 ? "h1" : "h2");
    assert_str_is(k->acls, "a b");
    assert_int_equal(k->created_unix_s * 100 + k->modified_unix_s * 10 + k->expires_unix_s, 567);
    assert_true(k->disabled);
}

static void test_key_rows(void **state)
{
    static const struct { const char *id, *name, *hash; enum err code; } row[] = {
        {"1", "one", "h1", ERR_OK}, {"2", "two", "h2", ERR_OK}, {"1", "three", "h3", ERR_EXISTS},
        {"3", "one", "h3", ERR_EXISTS}, {"3", "three", "h1", ERR_EXISTS},
    };
    struct db *db = store_open(&f);
    struct error e;
    int n = 0;

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        struct key_row k = key_row(row[i].id, row[i].name, row[i].hash);

        assert_int_equal(key_rows_insert(db, &k, &e), row[i].code);
    }
    assert_int_equal(key_rows_each(db, check_row, &n, &e), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(key_rows_set_disabled(db, STR("one"), false, 9, &e), ERR_OK);
    assert_int_equal(store_int(db, "SELECT sum(disabled) FROM api_key"), 1);
    assert_int_equal(key_rows_set_secret(db, STR("2"), STR("h9"), STR("r9"), 9, &e), ERR_OK);
    assert_int_equal(store_int(db, "SELECT count(*) FROM api_key WHERE secret_hash = x'6839'"), 1);
    assert_int_equal(key_rows_set_disabled(db, STR("none"), false, 9, &e), ERR_NOT_FOUND);
    assert_int_equal(key_rows_set_secret(db, STR(""), STR("h"), STR("r"), 9, &e), ERR_NOT_FOUND);
    assert_int_equal(key_rows_delete(db, STR("' OR 1=1 --"), &e), ERR_NOT_FOUND);
    assert_int_equal(key_rows_delete(db, STR("1"), &e), ERR_OK);
    assert_int_equal(key_rows_delete(db, STR("1"), &e), ERR_NOT_FOUND);
    assert_int_equal(store_int(db, "SELECT count(*) FROM api_key"), 1);
    db_close(&db);
}

static void test_usage_rows(void **state)
{
    struct usage_row u = {.request_id = STR("r1"), .endpoint = STR("/v1"), .prompt_tokens = 12,
                          .completion_tokens = 3, .cost_ticks = 1176500};
    struct db *db = store_open(&f);
    struct usage_sum sum;
    struct error e;

    (void)state;
    assert_int_equal(usage_rows_sum(db, &sum, &e), ERR_OK);
    assert_int_equal(sum.requests + sum.cost_ticks, 0);
    assert_int_equal(usage_rows_insert(db, &u, &e), ERR_OK);
    assert_int_equal(usage_rows_insert(db, &u, &e), ERR_EXISTS);
    u.request_id = STR("r2");
    assert_int_equal(usage_rows_insert(db, &u, &e), ERR_OK);
    assert_int_equal(usage_rows_sum(db, &sum, &e), ERR_OK);
    assert_int_equal(sum.requests, 2);
    assert_int_equal(sum.prompt_tokens, 24);
    assert_int_equal(sum.completion_tokens, 6);
    assert_int_equal(sum.cost_ticks, 2353000);
    db_close(&db);
}

/* ---- other processes ---- */

/* What this program does when it is given a path: a process that comes and goes. */
static int be_the_other(const char *path)
{
    struct db *db;
    struct error e;
    enum err rc;

    if (db_open(path, &db, &e) != ERR_OK) return 1;
    rc = db_run(db, "CREATE TABLE other (n INTEGER)", NULL, 0, NULL, NULL, &e);
    db_close(&db);
    return rc == ERR_OK ? 0 : 1;
}

/* The second connection of a process leaves the first its locks, without which the other process
 * would end the log that both still write to. */
static void test_two_connections(void **state)
{
    struct db *first = store_open(&f), *second = store_open(&f), *later;
    char log[128];
    int status = 0;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        execl("/proc/self/exe", "db_test", f.path, (char *)NULL);
        _exit(2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    snprintf(log, sizeof log, "%s-wal", f.path);
    assert_int_equal(access(log, F_OK), 0);
    assert_int_equal(store_int(first, "SELECT count(*) FROM other"), 0);
    store_do(first, "INSERT INTO other VALUES (1)");
    later = store_open(&f);
    assert_int_equal(store_int(later, "SELECT count(*) FROM other"), 1);
    db_close(&later);
    db_close(&second);
    db_close(&first);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(int argc, char **argv)
{
    if (argc == 2) return be_the_other(argv[1]);

    const struct CMUnitTest tests[] = {
        TEST(test_fresh), TEST(test_newer), TEST(test_failing_step), TEST(test_impossible_paths),
        TEST(test_damaged), TEST(test_values), TEST(test_transactions), TEST(test_key_rows),
        TEST(test_usage_rows), TEST(test_two_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
