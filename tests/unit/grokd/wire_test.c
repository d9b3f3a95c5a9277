/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of the wiring that a start on a healthy machine does not show: the first key and its
 * file, names of models, the address that is announced.
 */
#include "grokd/wire.c"

#include "../store/store_fixture.h"

static struct store_fixture f;
static struct config config;
static struct wire w;

static int setup(void **state)
{
    (void)state;
    store_begin(&f);
    config = (struct config){.data_dir = f.dir};
    w = (struct wire){.config = &config, .arena = arena_new(0)};
    return 0;
}

static int teardown(void **state)
{
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/%s", f.dir, ADMIN_KEY_FILE);
    unlink(path);
    rmdir(path);
    keyring_free(w.keys);
    arena_free(w.arena);
    store_end(&f);
    return 0;
}

static void test_first_key(void **state)
{
    struct db *db = store_open(&f);
    char *path = config_path(&config, w.arena, ADMIN_KEY_FILE);
    struct key_info info;
    struct error e;
    struct stat st;
    str text;

    (void)state;
    w.keys = keyring_new();
    assert_int_equal(load_keys(&w, db, &e), ERR_OK);
    assert_int_equal(keyring_count(w.keys), 1);
    assert_int_equal(file_read(path, 4096, w.arena, &text, &e), ERR_OK);
    assert_int_equal(keyring_find(w.keys, str_trim(text), w.arena, &info, &e), ERR_OK);
    assert_str_is(info.acls, ACL_ALL);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(load_keys(&w, db, &e), ERR_OK);       /* the next start makes no other */
    assert_int_equal(keyring_count(w.keys), 1);
    db_close(&db);
}

/* The key's file cannot be written: the start fails, and no key that nobody knows stays. */
static void test_lost_first_key(void **state)
{
    struct db *db = store_open(&f);
    char *path = config_path(&config, w.arena, ADMIN_KEY_FILE);
    struct error e;

    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    w.keys = keyring_new();
    assert_int_not_equal(load_keys(&w, db, &e), ERR_OK);
    assert_int_equal(store_int(db, "SELECT count(*) FROM api_key"), 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(load_keys(&w, db, &e), ERR_OK);
    assert_int_equal(keyring_count(w.keys), 1);
    db_close(&db);
}

static void test_ids(void **state)
{
    static const struct { const char *name; bool can; } row[] = {
        {"grokd-mini", true}, {"Qwen3-0.6B", true}, {"", false}, {"a b", false}, {"a/b", false},
        {"a\nb", false}, {"\xc3\xa9", false}, {"a\x7f", false}, {"a:b", true},
    };
    char text[MODEL_ID_MAX + 1];

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++)
        if (can_be_id(str_of(row[i].name)) != row[i].can) fail_msg("'%s'", row[i].name);
    memset(text, 'm', sizeof text);
    assert_true(can_be_id(str_n(text, MODEL_ID_MAX)));
    assert_false(can_be_id(str_n(text, MODEL_ID_MAX + 1)));
}

static void test_base_url(void **state)
{
    static const struct { const char *listen, *cert, *url; } row[] = {
        {"127.0.0.1:80", NULL, "http://127.0.0.1:80"}, {":80", NULL, "http://127.0.0.1:80"},
        {"[::1]:80", NULL, "http://[::1]:80"}, {"localhost:80", "c", "https://localhost:80"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        const char *host;
        struct error e;
        int port;

        config.tls_cert = row[i].cert;
        assert_int_equal(config_listen(row[i].listen, w.arena, &host, &port, &e), ERR_OK);
        assert_string_equal(base_url(&config, w.arena, host, port), row[i].url);
    }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_key), TEST(test_lost_first_key), TEST(test_ids), TEST(test_base_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
