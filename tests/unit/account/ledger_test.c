/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request cost, and that its record reaches the disk.
 */
#include "account/ledger.h"

#include <stdatomic.h>

#include "../store/store_fixture.h"
#include "account/price.h"
#include "base/mem.h"

/* ---- prices ---- */

static void test_cost(void **state)
{
    static const struct { struct price price; struct token_counts tokens; int64_t ticks; } row[] = {
        /* recorded at xAI: grok-3-mini, 12 prompt tokens of which 2 cached, 1 + 228 output */
        {{3000, 750, 5000}, {12, 2, 1, 228}, 1176500},
        {{3000, 750, 5000}, {0, 0, 0, 0}, 0},
        {{3000, 750, 5000}, {1, 0, 0, 0}, 3000},
        {{3000, 750, 5000}, {1, 1, 0, 0}, 750},
        {{3000, 750, 5000}, {0, 0, 1, 0}, 5000},
        {{3000, 750, 5000}, {0, 0, 0, 1}, 5000},
        {{0, 0, 0}, {1000, 500, 1000, 1000}, 0},
        {{10000, 10000, 10000}, {1000000, 0, 0, 0}, TICKS_PER_USD},    /* 1 USD a million */
        /* the dearest price and the longest contexts stay far from overflow */
        {{PRICE_MAX, PRICE_MAX, PRICE_MAX}, {1 << 24, 1 << 23, 1 << 24, 1 << 24},
         3 * PRICE_MAX * (1 << 24)},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++)
        assert_int_equal(price_cost(&row[i].price, &row[i].tokens), row[i].ticks);
}

/* ---- the ledger ---- */

static struct store_fixture f;
static struct ledger ledger;

static int setup(void **state)
{
    struct error e;

    (void)state;
    store_begin(&f);
    assert_int_equal(writer_open(f.path, NULL, NULL, &ledger.writer, &e), ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    writer_close(&ledger.writer);
    store_end(&f);
    return 0;
}

static bool check_row(void *arg, const struct db_value *c, int n)
{
    static const char *const text[] = {"r1", "team", "user", "key", "/v1/x", "model", ""};

    assert_int_equal(n, 8);
    for (int i = 0; i < 7; i++) assert_str_is(c[i].s, text[i]);
    assert_int_equal(c[7].i, 1176500);
    ++*(int *)arg;
    return true;
}

/* The record lives on after what its strings pointed to is gone. */
static void test_record(void **state)
{
    char id[] = "r1", model[] = "model";
    struct usage_row u = {.request_id = {id, 2}, .team_id = STR("team"), .user_id = STR("user"),
                          .key_id = STR("key"), .endpoint = STR("/v1/x"), .model = {model, 5},
                          .error_type = STR_NONE, .cost_ticks = 1176500};
    struct db *db;
    struct error e;
    int n = 0;

    (void)state;
    ledger_settle(&ledger, &u);
    memset(id, 'z', 2);
    memset(model, 'z', 5);
    memset(&u, 0xff, sizeof u);
    writer_close(&ledger.writer);
    db = store_open(&f);
    assert_int_equal(db_run(db, "SELECT request_id, team_id, user_id, key_id, endpoint, model,"
                            " error_type, cost_ticks FROM usage", NULL, 0, check_row, &n, &e),
                     ERR_OK);
    assert_int_equal(n, 1);
    db_close(&db);
}

/* A record with the id of another is logged and dropped; the others go on. */
static void test_twice(void **state)
{
    struct usage_row u = {.request_id = STR("same"), .prompt_tokens = 1};
    struct usage_sum sum;
    struct error e;
    struct db *db;

    (void)state;
    ledger_settle(&ledger, &u);
    ledger_settle(&ledger, &u);
    u.request_id = STR("other");
    ledger_settle(&ledger, &u);
    writer_close(&ledger.writer);
    db = store_open(&f);
    assert_int_equal(usage_rows_sum(db, &sum, &e), ERR_OK);
    assert_int_equal(sum.requests, 2);
    db_close(&db);
}

/* ---- a disk that takes nothing ---- */

static atomic_bool blocked;

static enum err wait_run(struct db *db, struct write_job *job, struct error *e)
{
    (void)db;
    (void)job;
    (void)e;
    while (atomic_load(&blocked)) usleep(1000);
    return ERR_OK;
}

static void ignore_done(struct write_job *job, enum err result)
{
    (void)job;
    (void)result;
}

static void test_backlog(void **state)
{
    static struct write_job blocker;
    struct usage_row u = {.prompt_tokens = 1};
    struct usage_sum sum;
    struct error e;
    struct db *db;
    char id[16];

    (void)state;
    blocker = (struct write_job){.run = wait_run, .done = ignore_done};
    atomic_store(&blocked, true);
    assert_true(writer_post(ledger.writer, &blocker));
    assert_int_equal(ledger_admit(&ledger, &e), ERR_OK);
    for (int i = 1; i < WRITER_QUEUE_MAX + 5; i++) {
        bool admits = ledger_admit(&ledger, &e) == ERR_OK;

        assert_int_equal(admits, i < WRITER_QUEUE_MAX / 2);
        u.request_id = (str){id, (size_t)snprintf(id, sizeof id, "%d", i)};
        ledger_settle(&ledger, &u);
    }
    assert_int_equal(ledger_admit(&ledger, &e), ERR_BUSY);
    assert_int_equal(writer_backlog(ledger.writer), WRITER_QUEUE_MAX);
    atomic_store(&blocked, false);
    writer_close(&ledger.writer);
    db = store_open(&f);
    assert_int_equal(usage_rows_sum(db, &sum, &e), ERR_OK);
    assert_int_equal(sum.requests, WRITER_QUEUE_MAX - 1);
    db_close(&db);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cost), TEST(test_record), TEST(test_twice), TEST(test_backlog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
