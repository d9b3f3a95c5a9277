/* SPDX-License-Identifier: Apache-2.0
 *
 * Sealed text: opens under its key and context, and under nothing else; every change is seen.
 */
#include "account/seal.h"

#include <sys/stat.h>

#include "../test.h"
#include "base/file.h"

static const struct seal_key key = {{1, 2, 3}}, other_key = {{1, 2, 4}};

static enum err opens(const struct seal_key *k, const char *context, str sealed, struct arena *a,
                      str *out)
{
    struct error e = {0};
    enum err rc = seal_open(k, str_of(context), sealed, a, out, &e);

    assert_true(rc == ERR_OK || e.text[0]);
    return rc;
}

static void test_round_trip(void **state)
{
    static const size_t lengths[] = {0, 1, 2, 3, 15, 16, 17, 100, 4096, 1 << 20};
    struct arena *a = arena_new(0);

    (void)state;
    for (size_t i = 0; i < N_OF(lengths); i++) {
        char *p = arena_alloc(a, lengths[i] + 1);
        str sealed, again, out;

        for (size_t k = 0; k < lengths[i]; k++) p[k] = (char)(k * 7);
        sealed = seal_text(&key, STR("team"), str_n(p, lengths[i]), a);
        again = seal_text(&key, STR("team"), str_n(p, lengths[i]), a);
        assert_int_equal(sealed.n, (1 + 12 + lengths[i] + 16 + 2) / 3 * 4);
        assert_false(str_eq(sealed, again));           /* another nonce */
        assert_int_equal(opens(&key, "team", sealed, a, &out), ERR_OK);
        assert_int_equal(out.n, lengths[i]);
        assert_memory_equal(out.p, p, lengths[i]);
    }
    arena_free(a);
}

static void test_not_for_others(void **state)
{
    struct arena *a = arena_new(0);
    str sealed = seal_text(&key, STR("team"), STR("what was thought"), a), out;

    (void)state;
    assert_int_equal(opens(&other_key, "team", sealed, a, &out), ERR_ARG);
    assert_int_equal(opens(&key, "teams", sealed, a, &out), ERR_ARG);
    assert_int_equal(opens(&key, "", sealed, a, &out), ERR_ARG);
    assert_true(str_find(sealed, STR("thought"), 0) == SIZE_MAX);
    arena_free(a);
}

static void test_every_change_is_seen(void **state)
{
    struct arena *a = arena_new(0);
    str sealed = seal_text(&key, STR("team"), STR("what was thought about"), a), out;

    (void)state;
    for (size_t i = 0; i < sealed.n; i++) {
        str bad = arena_str(a, sealed);
        char *p = arena_cstr(a, bad);

        if (p[i] == '=') continue;
        p[i] = p[i] == 'A' ? 'Q' : 'A';
        assert_int_equal(opens(&key, "team", str_n(p, bad.n), a, &out), ERR_ARG);
    }
    for (size_t n = 0; n < sealed.n; n++)
        assert_int_equal(opens(&key, "team", str_sub(sealed, 0, n), a, &out), ERR_ARG);
    assert_int_equal(opens(&key, "team", STR("===="), a, &out), ERR_ARG);
    assert_int_equal(opens(&key, "team", STR("\xff\xff\xff\xff"), a, &out), ERR_ARG);
    arena_free(a);
}

static void test_no_room(void **state)
{
    struct arena *a = arena_new(8192), *large = arena_new(0);
    str text = str_n(arena_alloc(large, 100000), 100000), sealed, out;

    (void)state;
    assert_null(seal_text(&key, STR("t"), text, a).p);
    sealed = seal_text(&key, STR("t"), text, large);
    assert_int_equal(opens(&key, "t", sealed, a, &out), ERR_LIMIT);
    arena_free(a);
    arena_free(large);
}

static void test_key_file(void **state)
{
    char dir[] = "/tmp/grokd-seal-XXXXXX", path[64];
    struct seal_key made, read;
    struct error e;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/seal.key", dir);
    assert_int_equal(seal_key_load(path, &made, &e), ERR_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(seal_key_load(path, &read, &e), ERR_OK);
    assert_memory_equal(&made, &read, sizeof made);
    assert_int_equal(file_write_atomic(path, STR("short"), 0600, &e), ERR_OK);
    assert_int_equal(seal_key_load(path, &read, &e), ERR_FORMAT);
    assert_non_null(strstr(e.text, "has 5 bytes"));
    unlink(path);
    rmdir(dir);
    assert_int_not_equal(seal_key_load(path, &read, &e), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_not_for_others),
        cmocka_unit_test(test_every_change_is_seen), cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_key_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
