/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of deferred: every move between states, who sees what and until when, one reading, sums.
 */
#include "store/deferred_rows.h"
#include "store_fixture.h"

#define TEAM STR("team")
#define NOW 1000
#define EXPIRES 2000

static struct store_fixture f;
static struct db *db;
static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    store_begin(&f);
    db = store_open(&f);
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    db_close(&db);
    store_end(&f);
    return 0;
}

static enum err insert(const char *id, str body, int64_t expires_unix_s)
{
    const struct deferred_row r = {.id = str_of(id), .team_id = TEAM, .user_id = STR("user"),
                                   .key_id = STR("key"), .body = body,
                                   .expires_unix_s = expires_unix_s, .n_start = 77};
    struct error e;

    return deferred_rows_insert(db, &r, &e);
}

/* NULL: none waits. */
static const struct deferred_row *pick(int64_t now_unix_s)
{
    struct deferred_row *r = arena_new_of(arena, struct deferred_row);
    struct error e;
    bool found = false;

    assert_int_equal(deferred_rows_pick(db, now_unix_s, arena, r, &found, &e), ERR_OK);
    return found ? r : NULL;
}

static void finish(const char *id, int64_t status, str reply)
{
    struct error e;

    assert_int_equal(deferred_rows_finish(db, str_of(id), status, reply, &e), ERR_OK);
}

static enum deferred_state state_of(const char *id, str team_id, int64_t now_unix_s)
{
    struct deferred_key k = {team_id, str_of(id), now_unix_s};
    enum deferred_state s;
    struct error e;

    assert_int_equal(deferred_rows_state(db, &k, &s, &e), ERR_OK);
    return s;
}

/* The status; -1: there is nothing to take. */
static int64_t take(const char *id, str team_id, int64_t now_unix_s, struct buf *reply)
{
    struct deferred_key k = {team_id, str_of(id), now_unix_s};
    int64_t status = -1;
    struct error e;
    enum err rc = deferred_rows_take(db, &k, &status, reply, &e);

    assert_true(rc == ERR_OK || rc == ERR_NOT_FOUND);
    return rc == ERR_OK ? status : -1;
}

static void assert_sum(int64_t n, int64_t bytes, int64_t n_waiting)
{
    struct deferred_sum s;
    struct error e;

    assert_int_equal(deferred_rows_sum(db, &s, &e), ERR_OK);
    assert_int_equal(s.n, n);
    assert_int_equal(s.bytes, bytes);
    assert_int_equal(s.n_waiting, n_waiting);
}

static void test_a_life(void **state)
{
    const struct deferred_row *r;
    struct buf reply;

    (void)state;
    buf_init(&reply, 100);
    assert_sum(0, 0, 0);
    assert_int_equal(insert("a", STR("{\0}"), EXPIRES), ERR_OK);
    assert_int_equal(insert("a", STR("{}"), EXPIRES), ERR_EXISTS);
    assert_int_equal(state_of("a", TEAM, NOW), DEFERRED_WAITING);
    assert_sum(1, 3, 1);
    r = pick(NOW);
    assert_non_null(r);
    assert_str_is(r->id, "a");
    assert_str_is(r->team_id, "team");
    assert_str_is(r->user_id, "user");
    assert_str_is(r->key_id, "key");
    assert_true(str_eq(r->body, STR("{\0}")));
    assert_int_equal(r->expires_unix_s, EXPIRES);
    assert_int_equal(r->n_start, 1);
    assert_null(pick(NOW));
    assert_int_equal(state_of("a", TEAM, NOW), DEFERRED_RUNNING);
    assert_int_equal(take("a", TEAM, NOW, &reply), -1);
    assert_sum(1, 3, 0);
    finish("a", 200, STR("reply"));
    assert_int_equal(state_of("a", TEAM, NOW), DEFERRED_READY);
    assert_sum(1, 5, 0);
    finish("a", 500, STR("another"));  /* it runs no more: nothing happens */
    assert_int_equal(take("a", TEAM, NOW, &reply), 200);
    assert_true(str_eq(buf_str(&reply), STR("reply")));
    assert_int_equal(take("a", TEAM, NOW, &reply), -1);
    assert_int_equal(state_of("a", TEAM, NOW), DEFERRED_NONE);
    assert_sum(0, 0, 0);
    buf_done(&reply);
}

static void test_order(void **state)
{
    char id[16];

    (void)state;
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "id %d", 99 - i);
        assert_int_equal(insert(id, STR("{}"), EXPIRES), ERR_OK);
    }
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "id %d", 99 - i);
        assert_str_is(pick(NOW)->id, id);
    }
    assert_null(pick(NOW));
}

static void test_owner(void **state)
{
    struct buf reply;

    (void)state;
    buf_init(&reply, 100);
    assert_int_equal(insert("a", STR("{}"), EXPIRES), ERR_OK);
    assert_int_equal(state_of("a", STR("other"), NOW), DEFERRED_NONE);
    assert_non_null(pick(NOW));
    finish("a", 200, STR("reply"));
    assert_int_equal(state_of("a", STR("other"), NOW), DEFERRED_NONE);
    assert_int_equal(take("a", STR("other"), NOW, &reply), -1);
    assert_int_equal(reply.n, 0);
    assert_int_equal(take("a", TEAM, NOW, &reply), 200);
    buf_done(&reply);
}

static void test_expiry(void **state)
{
    struct buf reply;
    struct error e;

    (void)state;
    buf_init(&reply, 100);
    assert_int_equal(insert("ready", STR("{}"), EXPIRES), ERR_OK);
    assert_int_equal(insert("running", STR("{}"), EXPIRES), ERR_OK);
    assert_non_null(pick(EXPIRES - 1));
    assert_non_null(pick(EXPIRES - 1));
    assert_int_equal(insert("waiting", STR("{}"), EXPIRES), ERR_OK);
    assert_int_equal(insert("later", STR("{}"), EXPIRES + 1), ERR_OK);
    finish("ready", 200, STR("reply"));
    assert_int_equal(state_of("ready", TEAM, EXPIRES - 1), DEFERRED_READY);
    assert_int_equal(state_of("ready", TEAM, EXPIRES), DEFERRED_NONE);
    assert_int_equal(state_of("waiting", TEAM, EXPIRES), DEFERRED_NONE);
    assert_int_equal(take("ready", TEAM, EXPIRES, &reply), -1);
    assert_str_is(pick(EXPIRES)->id, "later");
    assert_int_equal(deferred_rows_sweep(db, EXPIRES - 1, 100, &e), ERR_OK);
    assert_sum(4, 11, 1);
    assert_int_equal(deferred_rows_sweep(db, EXPIRES, 1, &e), ERR_OK);
    assert_sum(3, store_int(db, "SELECT sum(length(body)) FROM deferred"),
               store_int(db, "SELECT count(*) FROM deferred WHERE state = 1"));
    assert_int_equal(deferred_rows_sweep(db, EXPIRES, 100, &e), ERR_OK);
    assert_sum(2, 4, 0);               /* what runs stays until it ends */
    buf_done(&reply);
}

static void test_recover(void **state)
{
    struct error e;

    (void)state;
    assert_int_equal(insert("a", STR("{}"), EXPIRES), ERR_OK);
    assert_int_equal(insert("b", STR("{}"), EXPIRES), ERR_OK);
    assert_int_equal(insert("c", STR("{}"), EXPIRES), ERR_OK);
    assert_non_null(pick(NOW));
    assert_non_null(pick(NOW));
    finish("a", 200, STR("reply"));
    assert_int_equal(deferred_rows_recover(db, true, &e), ERR_OK);
    assert_sum(3, 9, 2);
    assert_str_is(pick(NOW)->id, "b");
    assert_int_equal(deferred_rows_recover(db, false, &e), ERR_OK);
    assert_int_equal(pick(NOW)->n_start, 2);
    assert_str_is(pick(NOW)->id, "c");
    assert_int_equal(state_of("a", TEAM, NOW), DEFERRED_READY);
}

/* A reply that cannot be handed over is still there once the transaction was undone. */
static void test_reply_over_the_maximum(void **state)
{
    struct deferred_key k = {TEAM, STR("a"), NOW};
    struct buf small, reply;
    struct error e;
    int64_t status;

    (void)state;
    buf_init(&small, 3);
    buf_init(&reply, 100);
    assert_int_equal(insert("a", STR("{}"), EXPIRES), ERR_OK);
    assert_non_null(pick(NOW));
    finish("a", 200, STR("reply"));
    assert_int_equal(db_begin(db, &e), ERR_OK);
    assert_int_equal(deferred_rows_take(db, &k, &status, &small, &e), ERR_LIMIT);
    db_rollback(db);
    assert_int_equal(take("a", TEAM, NOW, &reply), 200);
    buf_done(&small);
    buf_done(&reply);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_life), TEST(test_order), TEST(test_owner), TEST(test_expiry),
        TEST(test_recover), TEST(test_reply_over_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
