/* SPDX-License-Identifier: Apache-2.0
 *
 * Kept responses: what is written comes back, byte for byte; only to its team; not once it has
 * expired; conversations whole or not at all; pages of inputs in both directions.
 */
#include "store/response_rows.h"

#include "store_fixture.h"

#define NOW 1000

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

static const struct response_item items[] = {
    {STR("i0"), STR("{\"in\":0}"), false}, {STR("i1"), STR("{\"in\":1}"), false},
    {STR("i2"), STR("{\"in\":2}"), false}, {STR("o0"), STR("{\"out\":\"\xc3\xa9\"}"), true},
    {STR("o1"), STR("{\"out\":1}"), true},
};

static void add(struct db *db, const char *id, const char *team, const char *previous,
                const char *instructions, int64_t expires)
{
    struct response_row r = {
        .id = str_of(id), .team_id = str_of(team), .key_id = STR("k"),
        .previous_id = str_of(previous), .instructions = str_of(instructions),
        .body = STR("{\"\xc3\xa9\":1,\"output\":[],\"b\":2}"), .output_at = 18,
        .created_unix_s = NOW, .expires_unix_s = expires, .item = items, .n_item = N_OF(items)};
    struct error e;

    assert_int_equal(db_begin(db, &e), ERR_OK);
    if (response_rows_insert(db, &r, &e) != ERR_OK) fail_msg("%s", e.text);
    assert_int_equal(db_commit(db, &e), ERR_OK);
}

static struct response_key key(const char *team, const char *id)
{
    return (struct response_key){str_of(team), str_of(id), NOW};
}

/* ---- one response ---- */

static void check_get(struct db *db, const char *team, const char *id, enum err want)
{
    struct response_key k = key(team, id);
    struct error e;
    struct buf b;

    buf_init(&b, 4096);
    assert_int_equal(response_rows_get(db, &k, &b, &e), want);
    if (want == ERR_OK)
        assert_str_is(buf_str(&b), "{\"\xc3\xa9\":1,\"output\":[{\"out\":\"\xc3\xa9\"},{\"out\":1}]"
                                   ",\"b\":2}");
    buf_done(&b);
}

static void test_get(void **state)
{
    struct db *db = store_open(&f);
    struct response_key k = key("t", "a");
    struct error e;
    struct buf b;

    (void)state;
    add(db, "a", "t", "", "", NOW + 1);
    add(db, "old", "t", "", "", NOW);
    check_get(db, "t", "a", ERR_OK);
    check_get(db, "u", "a", ERR_NOT_FOUND);
    check_get(db, "t", "b", ERR_NOT_FOUND);
    check_get(db, "t", "", ERR_NOT_FOUND);
    check_get(db, "t", "old", ERR_NOT_FOUND);
    check_get(db, "t", "' OR 1=1 --", ERR_NOT_FOUND);
    buf_init(&b, 20);
    assert_int_equal(response_rows_get(db, &k, &b, &e), ERR_LIMIT);
    buf_done(&b);
    db_close(&db);
}

static void test_same_id_twice(void **state)
{
    struct response_row r = {.id = STR("a")};
    struct db *db = store_open(&f);
    struct error e;

    (void)state;
    assert_int_equal(response_rows_insert(db, &r, &e), ERR_OK);
    assert_int_equal(response_rows_insert(db, &r, &e), ERR_EXISTS);
    db_close(&db);
}

static bool delete(struct db *db, const char *team, const char *id)
{
    struct response_key k = key(team, id);
    struct error e;
    bool found = false;

    assert_int_equal(response_rows_delete(db, &k, &found, &e), ERR_OK);
    return found;
}

static void test_delete(void **state)
{
    struct db *db = store_open(&f);

    (void)state;
    add(db, "a", "t", "", "", NOW + 1);
    add(db, "old", "t", "", "", NOW);
    assert_false(delete(db, "u", "a"));
    assert_false(delete(db, "t", "old"));
    assert_true(delete(db, "t", "a"));
    assert_false(delete(db, "t", "a"));
    assert_int_equal(store_int(db, "SELECT count(*) FROM response_item"), N_OF(items));
    db_close(&db);
}

static void test_sweep(void **state)
{
    struct db *db = store_open(&f);
    struct error e;
    int64_t n;

    (void)state;
    for (int i = 0; i < 5; i++)
        add(db, (char[]){(char)('a' + i), 0}, "t", "", "", NOW - i);
    add(db, "fresh", "t", "", "", NOW + 1);
    assert_int_equal(response_rows_sweep(db, NOW, 3, &n, &e), ERR_OK);
    assert_int_equal(n, 3);
    assert_int_equal(store_int(db, "SELECT count(*) FROM response WHERE id IN ('a', 'b')"), 2);
    assert_int_equal(response_rows_sweep(db, NOW, 3, &n, &e), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(store_int(db, "SELECT count(*) FROM response_item"), N_OF(items));
    db_close(&db);
}

/* ---- conversations ---- */

static enum err chain(struct db *db, const char *team, const char *id, struct buf *list,
                      struct buf *instructions)
{
    struct response_key k = key(team, id);
    struct error e = {0};
    enum err rc;

    buf_clear(list);
    buf_clear(instructions);
    rc = response_rows_chain(db, &k, list, instructions, &e);
    assert_true(rc == ERR_OK || e.text[0]);
    return rc;
}

#define ONE "{\"in\":0},{\"in\":1},{\"in\":2},{\"out\":\"\xc3\xa9\"},{\"out\":1}"

static void test_chain(void **state)
{
    struct db *db = store_open(&f);
    struct buf list, words;

    (void)state;
    buf_init(&list, 4096);
    buf_init(&words, 4096);
    add(db, "a", "t", "", "be short", NOW + 1);
    add(db, "b", "t", "a", "", NOW + 1);
    add(db, "c", "t", "b", "be long", NOW + 1);
    add(db, "d", "t", "c", "", NOW + 1);
    assert_int_equal(chain(db, "t", "a", &list, &words), ERR_OK);
    assert_str_is(buf_str(&list), "[" ONE "]");
    assert_int_equal(chain(db, "t", "b", &list, &words), ERR_OK);
    assert_str_is(buf_str(&list), "[" ONE "," ONE "]");
    assert_str_is(buf_str(&words), "be short");
    assert_int_equal(chain(db, "t", "d", &list, &words), ERR_OK);
    assert_str_is(buf_str(&list), "[" ONE "," ONE "," ONE "," ONE "]");
    assert_str_is(buf_str(&words), "be long");
    assert_int_equal(chain(db, "u", "d", &list, &words), ERR_NOT_FOUND);
    assert_int_equal(chain(db, "t", "e", &list, &words), ERR_NOT_FOUND);
    assert_true(delete(db, "t", "b"));
    assert_int_equal(chain(db, "t", "d", &list, &words), ERR_NOT_FOUND);
    assert_int_equal(chain(db, "t", "a", &list, &words), ERR_OK);
    buf_done(&list);
    buf_init(&list, 10);
    assert_int_equal(chain(db, "t", "a", &list, &words), ERR_LIMIT);
    buf_done(&list);
    buf_done(&words);
    db_close(&db);
}

/* A conversation that goes on from another team's is cut there. */
static void test_foreign_beginning(void **state)
{
    struct db *db = store_open(&f);
    struct buf list, words;

    (void)state;
    buf_init(&list, 4096);
    buf_init(&words, 4096);
    add(db, "a", "u", "", "secret", NOW + 1);
    add(db, "b", "t", "a", "", NOW + 1);
    assert_int_equal(chain(db, "t", "b", &list, &words), ERR_NOT_FOUND);
    assert_int_equal(words.n, 0);
    buf_done(&list);
    buf_done(&words);
    db_close(&db);
}

static void test_longest_chain(void **state)
{
    struct db *db = store_open(&f);
    struct buf list, words;

    (void)state;
    buf_init(&list, 1 << 20);
    buf_init(&words, 4096);
    store_do(db, "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
                 " INSERT INTO response SELECT 'r' || i, 't', 'k',"
                 " CASE i WHEN 0 THEN '' ELSE 'r' || (i - 1) END, '', '{}', 0, 0, 2000 FROM n");
    assert_int_equal(chain(db, "t", "r9999", &list, &words), ERR_OK);
    assert_int_equal(chain(db, "t", "r10000", &list, &words), ERR_LIMIT);
    buf_done(&list);
    buf_done(&words);
    db_close(&db);
}

/* ---- items ---- */

static void test_item(void **state)
{
    struct db *db = store_open(&f);
    struct response_key k = key("t", "o0"), other = key("u", "o0"), none = key("t", "x");
    struct error e;
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    add(db, "a", "t", "", "", NOW + 1);
    assert_int_equal(response_rows_item(db, &k, &b, &e), ERR_OK);
    assert_str_is(buf_str(&b), "{\"out\":\"\xc3\xa9\"}");
    assert_int_equal(response_rows_item(db, &other, &b, &e), ERR_NOT_FOUND);
    assert_int_equal(response_rows_item(db, &none, &b, &e), ERR_NOT_FOUND);
    buf_done(&b);
    db_close(&db);
}

static void take_id(void *arg, const struct response_item *item)
{
    buf_add(arg, item->id);
    buf_char(arg, ' ');
}

static const struct {
    const char *id, *after;
    int limit;
    bool is_ascending;
    enum err rc;
    const char *want;
    bool has_more;
} pages[] = {
    {"a", "", 20, false, ERR_OK, "i2 i1 i0 ", false},
    {"a", "", 20, true, ERR_OK, "i0 i1 i2 ", false},
    {"a", "", 3, true, ERR_OK, "i0 i1 i2 ", false},
    {"a", "", 2, true, ERR_OK, "i0 i1 ", true},
    {"a", "", 1, false, ERR_OK, "i2 ", true},
    {"a", "i1", 20, true, ERR_OK, "i2 ", false},
    {"a", "i1", 20, false, ERR_OK, "i0 ", false},
    {"a", "i2", 20, true, ERR_OK, "", false},
    {"a", "o0", 20, true, ERR_ARG, "", false},
    {"a", "x", 20, true, ERR_ARG, "", false},
    {"b", "", 20, true, ERR_NOT_FOUND, "", false},
    {"empty", "", 20, true, ERR_OK, "", false},
};

static void test_pages(void **state)
{
    struct db *db = store_open(&f);
    struct response_row empty = {.id = STR("empty"), .team_id = STR("t"),
                                 .expires_unix_s = NOW + 1};
    struct error e;

    (void)state;
    add(db, "a", "t", "", "", NOW + 1);
    add(db, "b", "u", "", "", NOW + 1);
    assert_int_equal(response_rows_insert(db, &empty, &e), ERR_OK);
    for (size_t i = 0; i < N_OF(pages); i++) {
        struct response_key k = key("t", pages[i].id);
        struct response_page page = {str_of(pages[i].after), pages[i].limit,
                                     pages[i].is_ascending};
        bool has_more = false;
        struct buf b;

        buf_init(&b, 4096);
        assert_int_equal(response_rows_inputs(db, &k, &page, take_id, &b, &has_more, &e),
                         pages[i].rc);
        assert_str_is(buf_str(&b), pages[i].want);
        assert_int_equal(has_more, pages[i].has_more);
        buf_done(&b);
    }
    db_close(&db);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_get), TEST(test_same_id_twice), TEST(test_delete), TEST(test_sweep),
        TEST(test_chain), TEST(test_foreign_beginning), TEST(test_longest_chain), TEST(test_item),
        TEST(test_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
