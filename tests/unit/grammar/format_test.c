/* SPDX-License-Identifier: Apache-2.0
 *
 * Formats against the optional format tests of the JSON Schema test suite: all agree but those
 * listed, each with its reason, and each of those errs to the safe side: a valid text is refused,
 * never an invalid one accepted.
 */
#include "../test.h"

#include "base/clock.h"
#include "base/file.h"
#include "codec/json.h"
#include "grammar/format.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)

#define SCRIPT "a script that the subset leaves out"
#define BIDI "the rules for texts from right to left"
#define CONTEXT "rules that look at neighbours"
#define LENGTH "its length in Punycode is not regular; the subset bounds it by 9 characters"

/* Valid texts that the automaton refuses, by the test's description. */
static const struct {
    const char *format, *description, *reason;
} left_out[] = {
    {"regex", "an ECMA 262 named group (?<name>...)", "names must differ: not regular"},
    {"regex", "an ECMA 262 named backreference \\k<name>", "the group must exist: not regular"},
    {"idn-hostname", "Exceptions that are PVALID, left-to-right chars", SCRIPT},
    {"idn-hostname", "Exceptions that are PVALID, right-to-left chars", BIDI},
    {"idn-hostname", "MIDDLE DOT with surrounding 'l's", CONTEXT},
    {"idn-hostname", "Greek KERAIA followed by Greek", CONTEXT},
    {"idn-hostname", "Hebrew GERESH preceded by Hebrew", BIDI},
    {"idn-hostname", "Hebrew GERSHAYIM preceded by Hebrew", BIDI},
    {"idn-hostname", "KATAKANA MIDDLE DOT with Hiragana", CONTEXT},
    {"idn-hostname", "KATAKANA MIDDLE DOT with Katakana", CONTEXT},
    {"idn-hostname", "KATAKANA MIDDLE DOT with Han", CONTEXT},
    {"idn-hostname", "Arabic-Indic digits not mixed with Extended Arabic-Indic digits", BIDI},
    {"idn-hostname", "Extended Arabic-Indic digits not mixed with Arabic-Indic digits", BIDI},
    {"idn-hostname", "ZERO WIDTH JOINER preceded by Virama", CONTEXT},
    {"idn-hostname", "ZERO WIDTH NON-JOINER preceded by Virama", CONTEXT},
    {"idn-hostname", "ZERO WIDTH NON-JOINER not preceded by Virama but matches regexp", BIDI},
    {"idn-hostname", "label too long if separator ignored (full stop)", LENGTH},
    {"idn-hostname", "label too long if separator ignored (ideographic full stop)", LENGTH},
    {"idn-hostname", "label too long if separator ignored (fullwidth full stop)", LENGTH},
    {"idn-hostname", "label too long if separator ignored (halfwidth ideographic full stop)",
     LENGTH},
};

static bool is_left_out(str format, str data, str description)
{
    for (size_t i = 0; i < N_OF(left_out); i++)
        if (str_is(format, left_out[i].format) && str_is(description, left_out[i].description))
            return true;
    /* Whether xn-- begins valid Punycode is not regular. */
    bool is_host = str_is(format, "hostname") || str_is(format, "idn-hostname");
    return is_host && str_find(data, STR("xn--"), 0) != SIZE_MAX;
}

static void check_test(str format, const struct json *test, size_t *n, size_t *n_left_out)
{
    const struct json *data = json_get(test, "data");
    str description = json_get(test, "description")->string;
    if (data->type != JSON_STRING) return;
    ++*n;
    const struct dfa *d = format_dfa(format);
    bool want = json_get(test, "valid")->boolean;
    bool found = !d || dfa_match(d, data->string);
    if (found == want) return;
    if (want && is_left_out(format, data->string, description))
        ++*n_left_out;
    else
        fail_msg("%.*s \"%.*s\" (%.*s): want %d", STR_FMT(format), STR_FMT(data->string),
                 STR_FMT(description), want);
}

static void check_file(struct arena *a, const char *path, size_t *n, size_t *n_left_out)
{
    struct error e = {0};
    struct json *groups = NULL;
    str text;
    if (file_read(path, FILE_BYTES_MAX, a, &text, &e) != ERR_OK ||
        json_parse(text, a, &groups, &e) != ERR_OK)
        fail_msg("%s: %s", path, e.text);
    for (uint32_t i = 0; i < groups->n; i++) {
        const struct json *format = json_get(json_get(&groups->item[i], "schema"), "format");
        const struct json *tests = json_get(&groups->item[i], "tests");
        for (uint32_t k = 0; format && k < tests->n; k++)
            check_test(format->string, &tests->item[k], n, n_left_out);
    }
}

static void test_suite(void **state)
{
    (void)state;
    static const char *const more[] = {"unknown", "ecmascript-regex"};
    char name[128], path[512];
    size_t n = 0, n_left_out = 0;
    struct arena *a = arena_new(0);
    for (size_t i = 0; format_names[i]; i++) {
        snprintf(name, sizeof name, "jsonschema/draft2020-12/optional/format/%s.json",
                 format_names[i]);
        if (!golden_path(name, path, sizeof path)) skip();
        check_file(a, path, &n, &n_left_out);
    }
    for (size_t i = 0; i < N_OF(more); i++) {
        snprintf(name, sizeof name, "jsonschema/draft2020-12/optional/format/%s.json", more[i]);
        if (golden_path(name, path, sizeof path)) check_file(a, path, &n, &n_left_out);
    }
    print_message("%zu tests, %zu left out\n", n, n_left_out);
    arena_free(a);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
