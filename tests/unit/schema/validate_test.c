/* SPDX-License-Identifier: Apache-2.0
 *
 * The validator against the official suite of draft 2020-12: every required test; of the optional
 * ones all but those named below with the reason. The documents that its references lead to are
 * served from remotes.json. Then errors, limits and older spellings by hand.
 */
#include "../test.h"
#include <glob.h>
#include "base/arena.h"
#include "base/file.h"
#include "schema/validate.h"

#define FILE_BYTES_MAX (16u << 20)
#define MEMORY_MAX ((size_t)1 << 30) /* more than the time of a validation can fill */

static const struct json *remotes;
static struct arena *remotes_arena;

/* Optional tests that are not passed, by file (whole) or test. */
static const struct {
    const char *file, *group, *why;
} left_out[] = {
    {"cross-draft.json", NULL, "every document is read as 2020-12"},
    {"float-overflow.json", NULL, "numbers beyond a double are refused by the parser"},
    {"format-assertion.json", NULL, "format is asserted by option, not by vocabulary"},
    {"ecmascript-regex.json", "\\s matches whitespace", "PCRE2's \\s is ASCII"},
    {"ecmascript-regex.json", "\\S matches everything but whitespace", "the same"},
    {"ecmascript-regex.json", "ECMA 262 \\s matches whitespace", "the same"},
    {"ecmascript-regex.json", "ECMA 262 \\S matches everything but whitespace", "the same"},
    {"ecmascript-regex.json", "\\a is not an ECMA 262 control escape", "PCRE2 has \\a"},
};

static str read_text(const char *path, struct arena *a)
{
    struct error e;
    str s;
    if (file_read(path, FILE_BYTES_MAX, a, &s, &e) != ERR_OK) fail_msg("%s: %s", path, e.text);
    return s;
}

static struct json *parse(str text, struct arena *a)
{
    struct json *v;
    struct error e;
    if (json_parse(text, a, &v, &e) != ERR_OK) fail_msg("%.60s: %s", text.p, e.text);
    return v;
}

static const struct json *document(void *arg, str uri)
{
    (void)arg;
    return json_get_str(remotes, uri);
}

static bool is_left_out(const char *file, const struct json *group)
{
    for (size_t i = 0; i < N_OF(left_out); i++)
        if (str_is(str_of(left_out[i].file), file) &&
            (!left_out[i].group ||
             str_is(json_get(group, "description")->string, left_out[i].group)))
            return true;
    return false;
}

/* Runs a file's tests; gives how many disagree. */
static int run_file(const char *path, bool assert_format, int *n_test)
{
    const char *name = strrchr(path, '/') + 1;
    struct json_schema_options o = {.assert_format = assert_format, .document = document};
    struct arena *a = arena_new(0);
    struct json *groups = parse(read_text(path, a), a);
    int n_wrong = 0;
    for (uint32_t g = 0; g < groups->n; g++) {
        const struct json *group = &groups->item[g], *tests = json_get(group, "tests");
        if (is_left_out(name, group)) continue;
        for (uint32_t t = 0; t < tests->n; t++) {
            struct arena *scratch = arena_new(MEMORY_MAX);
            struct error e = {0};
            enum err rc = json_schema_validate(json_get(group, "schema"),
                                               json_get(&tests->item[t], "data"), &o, scratch, &e);
            bool valid = json_get(&tests->item[t], "valid")->boolean;
            ++*n_test;
            if (rc != (valid ? ERR_OK : ERR_TYPE)) {
                n_wrong++;
                print_error("%s: %.*s: %.*s: %s %s\n", name,
                            STR_FMT(json_get(group, "description")->string),
                            STR_FMT(json_get(&tests->item[t], "description")->string), err_name(rc),
                            e.text);
            }
            arena_free(scratch);
        }
    }
    arena_free(a);
    return n_wrong;
}

static void run_files(const char *pattern, bool assert_format, int n_test_min)
{
    char path[4096];
    int n_wrong = 0, n_test = 0;
    glob_t files;
    if (!golden_path("jsonschema/draft2020-12", path, sizeof path)) skip();
    snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", pattern);
    assert_int_equal(glob(path, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        n_wrong += run_file(files.gl_pathv[i], assert_format, &n_test);
    globfree(&files);
    print_message("%d tests of %s, %d disagree\n", n_test, pattern, n_wrong);
    assert_int_equal(n_wrong, 0);
    assert_true(n_test >= n_test_min);
}

static void required_tests_pass(void **state)
{
    (void)state;
    run_files("*.json", false, 1200);
}

static void optional_tests_pass(void **state)
{
    (void)state;
    run_files("optional/*.json", false, 80);
}

/* ---- by hand ---- */

struct row {
    const char *schema, *value;
    enum err rc;
    const char *text;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct arena *a = arena_new(MEMORY_MAX);
        struct error e = {0};
        struct json_schema_options o = {.assert_format = true};
        enum err rc = json_schema_validate(parse(str_of(rows[i].schema), a),
                                           parse(str_of(rows[i].value), a), &o, a, &e);
        if (rc != rows[i].rc || (rows[i].text && strcmp(e.text, rows[i].text) != 0))
            fail_msg("%s on %s: %s \"%s\"", rows[i].schema, rows[i].value, err_name(rc), e.text);
        arena_free(a);
    }
}

static void failures_name_place_and_keyword(void **state)
{
    static const struct row rows[] = {
        {"{\"properties\":{\"a\":{\"items\":{\"type\":\"integer\"}}}}", "{\"a\":[1,2,\"x\"]}",
         ERR_TYPE, "[type] /a/2: expected integer, not string"},
        {"{\"required\":[\"b/c\"]}", "{}", ERR_TYPE, "[required] : property \"b/c\" is missing"},
        {"{\"additionalProperties\":false}", "{\"x~/y\":1}", ERR_TYPE,
         "[false] /x~0~1y: nothing is allowed here"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "1", ERR_TYPE,
         "[anyOf] : the value satisfies none of the 2 schemas"},
        {"{\"maximum\":10}", "11", ERR_TYPE, "[maximum] : 11 is past 10"},
        {"{\"format\":\"date\"}", "\"2023-02-29\"", ERR_TYPE, "[format] : the string is no date"},
        {"{\"format\":\"nothing-known\"}", "\"x\"", ERR_OK, NULL},
    };
    (void)state;
    check_rows(rows, N_OF(rows));
}

static void broken_schemas_are_named(void **state)
{
    static const struct row rows[] = {
        {"{\"minLength\":-1}", "\"\"", ERR_ARG,
         "`minLength` of the schema must be an integer that is not negative"},
        {"{\"$ref\":\"#/$defs/none\"}", "1", ERR_ARG, "`$ref` \"#/$defs/none\" leads nowhere"},
        {"{\"pattern\":\"(\"}", "\"\"", ERR_ARG, "pattern \"(\": missing closing parenthesis at 1"},
        {"{\"properties\":[]}", "{}", ERR_ARG, "`properties` of the schema must be an object"},
        {"3", "1", ERR_ARG, "a schema must be an object or a boolean, not number"},
        {"{\"multipleOf\":0}", "1", ERR_ARG, "`multipleOf` of the schema must be a number above 0"},
    };
    (void)state;
    check_rows(rows, N_OF(rows));
}

static void older_spellings_count(void **state)
{
    static const struct row rows[] = {
        {"{\"maximum\":3,\"exclusiveMaximum\":true}", "3", ERR_TYPE, NULL},
        {"{\"maximum\":3,\"exclusiveMaximum\":false}", "3", ERR_OK, NULL},
        {"{\"items\":[{\"type\":\"null\"}],\"additionalItems\":false}", "[null,1]", ERR_TYPE, NULL},
        {"{\"items\":[{\"type\":\"null\"}],\"additionalItems\":false}", "[null]", ERR_OK, NULL},
        {"{\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1}", ERR_TYPE, NULL},
        {"{\"dependencies\":{\"a\":{\"maxProperties\":1}}}", "{\"a\":1,\"b\":1}", ERR_TYPE, NULL},
        {"{\"definitions\":{\"x\":{\"const\":1}},\"$ref\":\"#/definitions/x\"}", "1.0", ERR_OK,
         NULL},
    };
    (void)state;
    check_rows(rows, N_OF(rows));
}

static void work_is_bounded(void **state)
{
    static const struct row rows[] = {
        {"{\"$ref\":\"#\"}", "1", ERR_LIMIT,
         "schemas are applied inside one another more than 1024 deep"},
        {"{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
         ERR_LIMIT, "pattern \"^(a+)+$\" takes too many steps"},
        /* Two branches at every level: 2^60 without a limit on time. */
        {"{\"$defs\":{\"n\":{\"properties\":{\"a\":{\"$ref\":\"#/$defs/t\"}}},"
         "\"t\":{\"allOf\":[{\"anyOf\":[{\"$ref\":\"#/$defs/n\"},{\"$ref\":\"#/$defs/n\"}]},"
         "{\"anyOf\":[{\"not\":{\"$ref\":\"#/$defs/n\"}},{\"$ref\":\"#/$defs/n\"}]}]}},"
         "\"$ref\":\"#/$defs/t\"}",
         "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
         "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
         "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}",
         ERR_LIMIT, "validating takes longer than is allowed"},
    };
    struct arena *tree = arena_new(0), *scratch = arena_new(1 << 20);
    struct error e = {0};
    (void)state;
    check_rows(rows, N_OF(rows));
    /* The last once more, with too little memory for it. */
    assert_int_equal(json_schema_validate(parse(str_of(rows[2].schema), tree),
                                          parse(str_of(rows[2].value), tree), NULL, scratch, &e),
                     ERR_LIMIT);
    assert_non_null(strstr(e.text, "more memory than is allowed"));
    arena_free(scratch);
    arena_free(tree);
}

static int read_remotes(void **state)
{
    char path[4096];
    (void)state;
    snprintf(path, sizeof path, "%s/tests/unit/schema/remotes.json", getenv("SOURCE_ROOT"));
    remotes_arena = arena_new(0);
    remotes = parse(read_text(path, remotes_arena), remotes_arena);
    return 0;
}

static int free_remotes(void **state)
{
    (void)state;
    arena_free(remotes_arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(required_tests_pass),
        cmocka_unit_test(optional_tests_pass),
        cmocka_unit_test(failures_name_place_and_keyword),
        cmocka_unit_test(broken_schemas_are_named),
        cmocka_unit_test(older_spellings_count),
        cmocka_unit_test(work_is_bounded),
    };
    return cmocka_run_group_tests(tests, read_remotes, free_remotes);
}
