/* SPDX-License-Identifier: Apache-2.0
 *
 * Typed reads: null is absent, wrong types name path, line and column, ranges name both ends, and
 * the first failure is the one that counts.
 */
#include "../test.h"
#include "api/fields.h"

#define TYPE_ERROR "Failed to deserialize the JSON body into the target type: "

static struct {
    struct arena *arena;
    struct fields f;
    struct error e;
    const struct json *root;
} t;

static int setup(void **state)
{
    (void)state;
    t.arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(t.arena);
    return 0;
}

static void parse(const char *body)
{
    struct json *root;

    if (json_parse(str_of(body), t.arena, &root, &t.e) != ERR_OK) fail_msg("%s", t.e.text);
    t.root = root;
    t.f = (struct fields){.body = str_of(body), .arena = t.arena, .e = &t.e};
    t.e = (struct error){0};
}

static void expect(size_t row, enum err code, const char *text)
{
    if (t.f.rc != code || (code && strcmp(t.e.text, text) != 0))
        fail_msg("row %zu: got %s \"%s\", want %s \"%s\"", row, err_name(t.f.rc), t.e.text,
                 err_name(code), text);
}

static void test_str(void **state)
{
    static const struct { const char *body, *path, *want; enum err code; const char *text; }
    row[] = {
        {"{\"k\":\"v\"}", "", "v", ERR_OK, ""},
        {"{}", "", NULL, ERR_OK, ""},
        {"{\"k\":null}", "", NULL, ERR_OK, ""},
        {"[]", "", NULL, ERR_OK, ""},
        {"{\"k\":1}", "", NULL, ERR_TYPE,
         TYPE_ERROR "k: invalid type: number, expected string at line 1 column 6"},
        {"{\n  \"a\": 1,\n  \"k\": [1]\n}", "messages[2]", NULL, ERR_TYPE,
         TYPE_ERROR "messages[2].k: invalid type: array, expected string at line 3 column 8"},
        {"{\"\xc3\xa9\":\"\xe2\x82\xac\", \"k\":{}}", "", NULL, ERR_TYPE,
         TYPE_ERROR "k: invalid type: object, expected string at line 1 column 15"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        parse(row[i].body);
        str got = fields_str(&t.f, t.root, row[i].path, "k");

        assert_true(!got.p == !row[i].want);
        if (got.p) assert_str_is(got, row[i].want);
        expect(i, row[i].code, row[i].text);
    }
}

static void test_bool(void **state)
{
    static const struct { const char *body; bool want; enum err code; const char *text; } row[] = {
        {"{\"k\":false}", false, ERR_OK, ""}, {"{\"k\":true}", true, ERR_OK, ""},
        {"{\"k\":null}", true, ERR_OK, ""}, {"{}", true, ERR_OK, ""},
        {"{\"k\":\"true\"}", true, ERR_TYPE,
         TYPE_ERROR "k: invalid type: string, expected boolean at line 1 column 6"},
        {"{\"k\":0}", true, ERR_TYPE,
         TYPE_ERROR "k: invalid type: number, expected boolean at line 1 column 6"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        parse(row[i].body);
        assert_int_equal(fields_bool(&t.f, t.root, "", "k", true), row[i].want);
        expect(i, row[i].code, row[i].text);
    }
}

static void test_int(void **state)
{
    static const struct { const char *body; int64_t want; enum err code; const char *text; }
    row[] = {
        {"{\"k\":-3}", -3, ERR_OK, ""}, {"{\"k\":5}", 5, ERR_OK, ""},
        {"{\"k\":5.0}", 5, ERR_OK, ""},
        {"{\"k\":5e0}", 5, ERR_OK, ""}, {"{}", 42, ERR_OK, ""}, {"{\"k\":null}", 42, ERR_OK, ""},
        {"{\"k\":6}", 42, ERR_ARG, "Invalid value for 'o.k': 6 is not between -3 and 5."},
        {"{\"k\":-4}", 42, ERR_ARG, "Invalid value for 'o.k': -4 is not between -3 and 5."},
        {"{\"k\":9223372036854775807}", 42, ERR_ARG,
         "Invalid value for 'o.k': 9223372036854775807 is not between -3 and 5."},
        {"{\"k\":9223372036854775808}", 42, ERR_TYPE,
         TYPE_ERROR "o.k: invalid type: number, expected an integer of 64 bits at line 1 column 6"},
        {"{\"k\":1.5}", 42, ERR_TYPE,
         TYPE_ERROR "o.k: invalid type: number, expected an integer of 64 bits at line 1 column 6"},
        {"{\"k\":\"5\"}", 42, ERR_TYPE,
         TYPE_ERROR "o.k: invalid type: string, expected number at line 1 column 6"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        parse(row[i].body);
        assert_int_equal(fields_int(&t.f, t.root, "o", "k", -3, 5, 42), row[i].want);
        expect(i, row[i].code, row[i].text);
    }
}

static void test_double(void **state)
{
    static const struct { const char *body; double want; enum err code; const char *text; }
    row[] = {
        {"{\"k\":0}", 0, ERR_OK, ""}, {"{\"k\":2}", 2, ERR_OK, ""},
        {"{\"k\":0.25}", 0.25, ERR_OK, ""},
        {"{\"k\":-0.0}", -0.0, ERR_OK, ""}, {"{}", 0.7, ERR_OK, ""},
        {"{\"k\":2.0000001}", 0.7, ERR_ARG,
         "Invalid value for 'k': 2.0000001 is not between 0 and 2."},
        {"{\"k\":-1e300}", 0.7, ERR_ARG, "Invalid value for 'k': -1e300 is not between 0 and 2."},
        {"{\"k\":[]}", 0.7, ERR_TYPE,
         TYPE_ERROR "k: invalid type: array, expected number at line 1 column 6"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        parse(row[i].body);
        assert_double_is(fields_double(&t.f, t.root, "", "k", 0, 2, 0.7), row[i].want);
        expect(i, row[i].code, row[i].text);
    }
}

static void test_first_error_stays(void **state)
{
    (void)state;
    parse("{\"a\":1,\"b\":99,\"c\":\"x\",\"d\":true}");
    assert_null(fields_str(&t.f, t.root, "", "a").p);
    assert_int_equal(fields_int(&t.f, t.root, "", "b", 0, 5, 3), 3);
    assert_null(fields_str(&t.f, t.root, "", "c").p);          /* good, but after a failure */
    assert_false(fields_bool(&t.f, t.root, "", "d", false));
    fields_range_error(&t.f, "another");
    fields_type_error(&t.f, "another", 0, "why");
    expect(0, ERR_TYPE, TYPE_ERROR "a: invalid type: number, expected string at line 1 column 6");
    assert_int_equal(t.e.pos, 5);
}

/* Names as long as a request can make them do not break the message. */
static void test_long_names(void **state)
{
    char path[5000];

    (void)state;
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = 0;
    parse("{\"k\":1}");
    fields_str(&t.f, t.root, path, "k");
    assert_int_equal(t.f.rc, ERR_TYPE);
    assert_int_equal(strlen(t.e.text), sizeof t.e.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_str, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bool, setup, teardown),
        cmocka_unit_test_setup_teardown(test_int, setup, teardown),
        cmocka_unit_test_setup_teardown(test_double, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_error_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
