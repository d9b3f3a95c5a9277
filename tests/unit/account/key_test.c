/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: what an ACL covers, making, rotating, disabling, expiring, and the keyring, which sees
 * what another connection changed.
 */
#include "account/key.h"

#include "../store/store_fixture.h"
#include "store/key_rows.h"

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
    db_close(&db);
    store_end(&f);
    arena_free(arena);
    return 0;
}

/* ---- digest ---- */

static void test_digest(void **state)
{
    /* FIPS 180-2, appendix B.1, and the digest of nothing */
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf}, none[] = {0xe3, 0xb0, 0xc4, 0x42};
    uint8_t out[DIGEST_LEN];

    (void)state;
    digest_sha256(STR("abc"), out);
    assert_memory_equal(out, abc, 4);
    assert_int_equal(out[31], 0xad);
    digest_sha256(STR_NONE, out);
    assert_memory_equal(out, none, 4);
}

/* ---- ACLs ---- */

static const struct { const char *acls, *kind, *name; bool allows; } acls[] = {
    {ACL_ALL, "endpoint", "chat", true},
    {ACL_ALL, "model", "anything", true},
    {"", "endpoint", "chat", false},
    {"api-key:endpoint:chat", "endpoint", "chat", true},
    {"api-key:endpoint:chat", "endpoint", "cha", false},
    {"api-key:endpoint:chat", "endpoint", "chats", false},
    {"api-key:endpoint:chat", "endpoint", "Chat", false},
    {"api-key:endpoint:chat", "model", "chat", false},
    {"api-key:endpoint:*", "model", "m", false},
    {"api-key:model:a api-key:model:b", "model", "b", true},
    {"api-key:model:a  api-key:model:b", "model", "b", true},
    {"api-key:model:a,api-key:model:b", "model", "b", false},
    {"api-key:model:ns:m", "model", "ns:m", true},
    {"api-key:model:ns:m", "model", "ns", false},
    {"api-key:model:", "model", "", false},
    {"api-key:model", "model", "", false},
    {"api-key:modelx:*", "model", "m", false},
    {"api-key:mode:*", "model", "m", false},
    {"model:*", "model", "m", false},
    {"team:model:*", "model", "m", false},
    {"api-key:*:*", "model", "m", false},
    {"api-key:model:**", "model", "m", false},
};

static void test_allows(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(acls); i++) {
        struct key_info k = {.acls = str_of(acls[i].acls)};

        if (key_allows(&k, acls[i].kind, str_of(acls[i].name)) != acls[i].allows)
            fail_msg("\"%s\" for %s %s", acls[i].acls, acls[i].kind, acls[i].name);
    }
}

static void test_check_acls(void **state)
{
    static const struct { const char *acls; enum err code; } row[] = {
        {ACL_ALL, ERR_OK}, {"api-key:model:m", ERR_OK},
        {"api-key:endpoint:chat api-key:model:*", ERR_OK},
        {"", ERR_ARG}, {" ", ERR_ARG}, {"api-key:model:", ERR_ARG}, {"api-key:endpoint:", ERR_ARG},
        {"api-key:models:*", ERR_ARG}, {"api-key:model:m x", ERR_ARG}, {"*", ERR_ARG},
        {"api-key:model:m\napi-key:model:n", ERR_ARG}, {"api-key:model:\x7f", ERR_ARG},
    };
    char text[KEY_ACLS_MAX + 1];
    struct error e;

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++)
        if (key_check_acls(str_of(row[i].acls), &e) != row[i].code) fail_msg("\"%s\"", row[i].acls);
    memset(text, 'm', sizeof text);
    memcpy(text, "api-key:model:", 14);
    assert_int_equal(key_check_acls(str_n(text, KEY_ACLS_MAX), &e), ERR_OK);
    assert_int_equal(key_check_acls(str_n(text, KEY_ACLS_MAX + 1), &e), ERR_LIMIT);
}

/* ---- making ---- */

static str make(const char *name, int64_t expires_unix_s, struct key_info *info)
{
    struct error e;
    str secret;

    if (key_create(db, arena, str_of(name), STR(ACL_ALL), expires_unix_s, &secret, info,
                   &e) != ERR_OK)
        fail_msg("%s", e.text);
    return secret;
}

static void test_create(void **state)
{
    struct key_info a, b;
    str first = make("a", 0, &a), second = make("b", 5, &b), secret;
    char name[KEY_NAME_MAX + 1];
    struct error e;

    (void)state;
    assert_int_equal(first.n, 84);
    assert_true(str_starts(first, STR("xai-")));
    for (size_t i = 4; i < first.n; i++) assert_true(strchr("0123456789", first.p[i]) ||
        (first.p[i] >= 'A' && first.p[i] <= 'Z') || (first.p[i] >= 'a' && first.p[i] <= 'z'));
    assert_false(str_eq(first, second));
    assert_true(str_starts(a.redacted, STR("xai-...")));
    assert_true(str_ends(first, str_sub(a.redacted, 7, 4)));
    assert_int_equal(a.redacted.n, 11);
    assert_int_equal(b.expires_unix_s, 5);
    assert_int_equal(key_create(db, arena, STR("a"), STR(ACL_ALL), 0, &secret, &a, &e), ERR_EXISTS);
    assert_int_equal(key_create(db, arena, STR(""), STR(ACL_ALL), 0, &secret, &a, &e), ERR_ARG);
    assert_int_equal(key_create(db, arena, STR("c"), STR("all"), 0, &secret, &a, &e), ERR_ARG);
    assert_int_equal(key_create(db, arena, STR("a\nb"), STR(ACL_ALL), 0, &secret, &a, &e), ERR_ARG);
    assert_int_equal(key_create(db, arena, STR("\xff"), STR(ACL_ALL), 0, &secret, &a, &e), ERR_ARG);
    memset(name, 'n', sizeof name);
    assert_int_equal(key_create(db, arena, str_n(name, KEY_NAME_MAX), STR(ACL_ALL), 0, &secret, &a,
                                &e), ERR_OK);
    assert_int_equal(key_create(db, arena, str_n(name, KEY_NAME_MAX + 1), STR(ACL_ALL), 0, &secret,
                                &a, &e), ERR_ARG);
    /* The secret itself is nowhere in the file. */
    assert_int_equal(store_int(db, "SELECT count(*) FROM api_key WHERE length(secret_hash) = 32"),
                     3);
}

/* ---- the keyring ---- */

static enum err find(struct keyring *r, str secret, struct key_info *info)
{
    struct error e;

    *info = (struct key_info){0};
    return keyring_find(r, secret, arena, info, &e);
}

static void refresh(struct keyring *r, bool force)
{
    struct error e;

    if (keyring_refresh(r, db, force, &e) != ERR_OK) fail_msg("%s", e.text);
}

static void test_find(void **state)
{
    enum { N = 40 };
    struct keyring *r = keyring_new();
    struct key_info made[N], got;
    str secret[N];

    (void)state;
    assert_int_equal(find(r, STR("xai-x"), &got), ERR_KEY);    /* no table yet */
    for (int i = 0; i < N; i++) {
        char name[16];

        snprintf(name, sizeof name, "key %d", i);
        secret[i] = make(name, 0, &made[i]);
    }
    refresh(r, false);
    assert_int_equal(keyring_count(r), N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(find(r, secret[i], &got), ERR_OK);
        assert_true(str_eq(got.id, made[i].id) && str_eq(got.name, made[i].name));
        assert_true(str_eq(got.acls, STR(ACL_ALL)) && str_eq(got.redacted, made[i].redacted));
        assert_int_equal(got.created_unix_s, made[i].created_unix_s);
    }
    keyring_free(r);
    keyring_free(NULL);
}

static void test_near_misses(void **state)
{
    enum { BIG = 1 << 20 };
    struct keyring *r = keyring_new();
    struct key_info info;
    str secret = make("a", 0, &info);
    char text[KEY_TEXT_MAX + 1] = {0};
    static char big[BIG];

    (void)state;
    refresh(r, true);
    for (size_t i = 0; i < secret.n; i++) {
        memcpy(text, secret.p, secret.n);
        text[i] ^= 1;
        assert_int_equal(find(r, str_n(text, secret.n), &info), ERR_KEY);
    }
    memcpy(text, secret.p, secret.n);
    assert_int_equal(find(r, str_n(text, secret.n - 1), &info), ERR_KEY);
    assert_int_equal(find(r, str_n(text, secret.n + 1), &info), ERR_KEY);      /* a NUL behind it */
    assert_int_equal(find(r, STR(""), &info), ERR_KEY);
    assert_int_equal(find(r, STR_NONE, &info), ERR_KEY);
    assert_int_equal(find(r, str_n(text, KEY_TEXT_MAX), &info), ERR_KEY);
    assert_int_equal(find(r, str_n(text, KEY_TEXT_MAX + 1), &info), ERR_KEY);
    memcpy(big, secret.p, secret.n);
    assert_int_equal(find(r, str_n(big, BIG), &info), ERR_KEY);
    assert_int_equal(find(r, secret, &info), ERR_OK);
    keyring_free(r);
}

static void test_changes(void **state)
{
    struct db *other = store_open(&f);     /* `grokd keys` beside a server */
    struct keyring *r = keyring_new();
    struct key_info info;
    str secret = make("a", 0, &info), next;
    struct error e;

    (void)state;
    assert_int_equal(keyring_refresh(r, other, false, &e), ERR_OK);
    assert_int_equal(find(r, secret, &info), ERR_OK);
    assert_int_equal(key_rows_set_disabled(db, STR("a"), true, 1, &e), ERR_OK);
    assert_int_equal(find(r, secret, &info), ERR_OK);          /* not seen yet */
    assert_int_equal(keyring_refresh(r, other, false, &e), ERR_OK);
    assert_int_equal(find(r, secret, &info), ERR_DENIED);
    assert_true(info.disabled && str_is(info.name, "a"));
    assert_int_equal(key_rows_set_disabled(db, STR("a"), false, 1, &e), ERR_OK);
    assert_int_equal(key_rotate(db, arena, STR("a"), &next, &e), ERR_OK);
    assert_int_equal(keyring_refresh(r, other, false, &e), ERR_OK);
    assert_int_equal(find(r, secret, &info), ERR_KEY);
    assert_int_equal(find(r, next, &info), ERR_OK);
    assert_int_equal(key_rotate(db, arena, STR("nobody"), &next, &e), ERR_NOT_FOUND);
    assert_int_equal(key_rows_delete(db, STR("a"), &e), ERR_OK);
    assert_int_equal(keyring_refresh(r, other, false, &e), ERR_OK);
    assert_int_equal(keyring_count(r), 0);
    /* The connection that makes a change does not notice it by itself: force reads anyway. */
    refresh(r, true);
    secret = make("b", 0, &info);
    refresh(r, false);
    assert_int_equal(find(r, secret, &info), ERR_KEY);
    refresh(r, true);
    assert_int_equal(find(r, secret, &info), ERR_OK);
    keyring_free(r);
    db_close(&other);
}

static void test_expiry(void **state)
{
    struct keyring *r = keyring_new();
    int64_t now = clock_unix_s();
    struct key_info info;
    str past = make("past", now - 1, &info), present = make("now", now, &info);
    str future = make("future", now + 1000, &info), never = make("never", 0, &info);

    (void)state;
    refresh(r, true);
    assert_int_equal(find(r, past, &info), ERR_KEY);
    assert_int_equal(find(r, present, &info), ERR_KEY);
    assert_int_equal(find(r, future, &info), ERR_OK);
    assert_int_equal(find(r, never, &info), ERR_OK);
    keyring_free(r);
}

/* A refresh that cannot read keeps what it knew; a row without a whole hash is left out. */
static void test_damaged(void **state)
{
    struct keyring *r = keyring_new();
    struct key_info info;
    str secret = make("a", 0, &info);
    struct error e;

    (void)state;
    make("b", 0, &info);
    store_do(db, "UPDATE api_key SET secret_hash = x'0102' WHERE name = 'b'");
    refresh(r, true);
    assert_int_equal(keyring_count(r), 1);
    store_do(db, "DROP TABLE api_key");
    assert_int_not_equal(keyring_refresh(r, db, true, &e), ERR_OK);
    assert_int_equal(find(r, secret, &info), ERR_OK);
    keyring_free(r);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest), cmocka_unit_test(test_allows),
        cmocka_unit_test(test_check_acls), TEST(test_create), TEST(test_find),
        TEST(test_near_misses), TEST(test_changes), TEST(test_expiry), TEST(test_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
