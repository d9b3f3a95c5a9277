/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd keys, as the program calls it; what it prints is caught in a file.
 */
#include "../store/store_fixture.h"

#include <fcntl.h>
#include <getopt.h>

#include "account/key.h"
#include "base/file.h"
#include "cli/cli.h"
#include "codec/json.h"
#include "grokd/config.h"
#include "store/key_rows.h"

#define OUTPUT_MAX ((size_t)1 << 20)

static char dir[64];
static struct arena *arena;

/* In place of the user's own folder. */
char *config_data_dir_default(struct arena *a)
{
    return arena_cstr(a, str_of(dir));
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/grokd-keys-XXXXXX");
    assert_non_null(mkdtemp(dir));
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    static const char *const name[] = {"grokd.db", "grokd.db-wal", "grokd.db-shm", "out"};

    (void)state;
    for (size_t i = 0; i < N_OF(name); i++) unlink(file_join(arena, dir, name[i]));
    assert_int_equal(rmdir(dir), 0);
    arena_free(arena);
    return 0;
}

/* Runs "keys" with up to four more words. */
static int keys(const char *a, const char *b, const char *c, const char *d, str *out)
{
    const char *argv[] = {"keys", a, b, c, d, NULL};
    const char *path = file_join(arena, dir, "out");
    int argc = 1, code, saved = dup(STDOUT_FILENO);
    int to = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct error e;

    while (argv[argc]) argc++;
    fflush(stdout);
    assert_true(saved >= 0 && to >= 0 && dup2(to, STDOUT_FILENO) >= 0);
    optind = 0;                        /* getopt starts anew */
    code = cmd_keys(argc, (char **)(void *)argv);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(to);
    assert_int_equal(file_read(path, OUTPUT_MAX, arena, out, &e), ERR_OK);
    return code;
}

static const struct json *parsed(str text)
{
    struct json *v;
    struct error e;

    if (json_parse(text, arena, &v, &e) != ERR_OK) fail_msg("%s: %.*s", e.text, STR_FMT(text));
    return v;
}

/* What the keyring of a server says to a secret. */
static enum err known(str secret)
{
    struct keyring *r = keyring_new();
    struct key_info info;
    struct db *db;
    struct error e;
    enum err rc;

    assert_int_equal(db_open(file_join(arena, dir, "grokd.db"), &db, &e), ERR_OK);
    assert_int_equal(keyring_refresh(r, db, true, &e), ERR_OK);
    rc = keyring_find(r, secret, arena, &info, &e);
    keyring_free(r);
    db_close(&db);
    return rc;
}

static void test_life(void **state)
{
    const struct json *made, *rotated;
    str out, secret, next;

    (void)state;
    assert_int_equal(keys("create", "one", NULL, NULL, &out), CLI_OK);
    secret = arena_str(arena, str_trim(out));
    assert_int_equal(secret.n, 84);
    assert_int_equal(known(secret), ERR_OK);
    assert_int_equal(keys("create", "one", NULL, NULL, &out), CLI_FAILED);
    assert_int_equal(keys("disable", "one", NULL, NULL, &out), CLI_OK);
    assert_int_equal(known(secret), ERR_DENIED);
    assert_int_equal(keys("enable", "one", NULL, NULL, &out), CLI_OK);
    assert_int_equal(known(secret), ERR_OK);

    assert_int_equal(keys("create", "two", "--json", "--expires-days=1", &out), CLI_OK);
    made = parsed(out);
    assert_str_is(json_get(made, "name")->string, "two");
    secret = json_get(made, "api_key")->string;
    assert_int_equal(known(secret), ERR_OK);
    assert_int_equal(keys("rotate", "two", "--json", NULL, &out), CLI_OK);
    rotated = parsed(out);
    assert_true(str_eq(json_get(rotated, "api_key_id")->string,
                       json_get(made, "api_key_id")->string));
    assert_str_is(json_get(rotated, "name")->string, "two");
    next = json_get(rotated, "api_key")->string;
    assert_int_equal(known(secret), ERR_KEY);
    assert_int_equal(known(next), ERR_OK);
    assert_int_equal(keys("delete", arena_cstr(arena, json_get(made, "api_key_id")->string), NULL,
                          NULL,
                          &out), CLI_OK);
    assert_int_equal(known(next), ERR_KEY);
    assert_int_equal(keys("delete", "two", NULL, NULL, &out), CLI_FAILED);
    assert_int_equal(keys("rotate", "two", NULL, NULL, &out), CLI_FAILED);
    assert_int_equal(out.n, 0);
}

static void test_list(void **state)
{
    const struct json *list;
    str out, secret;

    (void)state;
    assert_int_equal(keys("list", "--json", NULL, NULL, &out), CLI_OK);
    assert_int_equal(parsed(out)->n, 0);
    assert_int_equal(keys("create", "a", "--acls", "api-key:model:m", &secret), CLI_OK);
    assert_int_equal(keys("create", "b", NULL, NULL, &out), CLI_OK);
    assert_int_equal(keys("list", "--json", NULL, NULL, &out), CLI_OK);
    list = parsed(out);
    assert_int_equal(list->n, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct json *k = &list->item[i];
        bool is_a = str_is(json_get(k, "name")->string, "a");

        assert_str_is(json_get(k, "acls")->string, is_a ? "api-key:model:m" : ACL_ALL);
        assert_int_equal(json_get(k, "disabled")->boolean, false);
    }
    assert_int_equal(str_find(out, str_sub(secret, 0, 40), 0), SIZE_MAX);
    assert_int_equal(keys("list", NULL, NULL, NULL, &out), CLI_OK);
    assert_int_not_equal(str_find(out, STR("api-key:model:m"), 0), SIZE_MAX);
    assert_int_equal(str_find(out, str_sub(secret, 0, 40), 0), SIZE_MAX);
}

static void test_usage(void **state)
{
    static const struct { const char *a, *b, *c; int code; } row[] = {
        {"--help", NULL, NULL, CLI_OK}, {NULL, NULL, NULL, CLI_USAGE},
        {"make", NULL, NULL, CLI_USAGE},
        {"create", NULL, NULL, CLI_USAGE}, {"create", "a", "b", CLI_USAGE},
        {"list", "a", NULL, CLI_USAGE},
        {"create", "a", "--expires-days=0", CLI_USAGE},
        {"create", "a", "--expires-days=x", CLI_USAGE},
        {"create", "a", "--nothing", CLI_USAGE}, {"create", "a", "--acls=all", CLI_FAILED},
        {"create", "", NULL, CLI_FAILED}, {"create", "a\nb", NULL, CLI_FAILED},
        {"disable", "nobody", NULL, CLI_FAILED},
        {"list", "--data-dir=/dev/null/x", NULL, CLI_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        str out;
        int code = keys(row[i].a, row[i].b, row[i].c, NULL, &out);

        if (code != row[i].code) fail_msg("row %zu: %d, want %d", i, code, row[i].code);
    }
}

static void test_int(void **state)
{
    static const struct { const char *text; bool ok; } row[] = {
        {"1", true}, {"10", true}, {"0", false}, {"11", false}, {"", false}, {"1x", false},
        {" 1", false}, {"1.0", false}, {"99999999999999999999", false}, {"-1", false},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        int64_t v = 77;

        if (cli_int(row[i].text, 1, 10, &v) != row[i].ok) fail_msg("'%s'", row[i].text);
        assert_int_equal(v == 77, !row[i].ok);
    }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_life), TEST(test_list), TEST(test_usage), cmocka_unit_test(test_int),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
