/* SPDX-License-Identifier: Apache-2.0
 *
 * Formats against the optional format tests of the JSON Schema test suite: all agree but those
 * listed, each with its reason, and each of those errs to the safe side: a valid text is refused,
 * never an invalid one accepted.
 */
#include "../test.h"

#include <arpa/inet.h>

#include "base/file.h"
#include "base/thread.h"
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

/* ---- threads ---- */

#define N_THREAD 4

static void *make_all(void *arg)
{
    const struct dfa **out = arg;
    for (size_t i = 0; format_names[i]; i++) out[i] = format_dfa(str_of(format_names[i]));
    return NULL;
}

/* First of all tests: whoever comes first makes a format, and all see the one. */
static void test_threads(void **state)
{
    (void)state;
    static const struct dfa *seen[N_THREAD][32];
    pthread_t thread[N_THREAD];
    for (int t = 0; t < N_THREAD; t++) thread[t] = thread_start("format", make_all, seen[t]);
    for (int t = 0; t < N_THREAD; t++) thread_join(thread[t]);
    for (size_t i = 0; format_names[i]; i++)
        for (int t = 0; t < N_THREAD; t++) assert_true(seen[t][i] && seen[t][i] == seen[0][i]);
    assert_null(format_dfa(STR("color")));
    assert_null(format_dfa(STR("")));
    assert_null(format_dfa(STR("Date")));
}

/* ---- against arithmetic and the system ---- */

static bool accepts(const char *format, const char *text)
{
    return dfa_match(format_dfa(str_of(format)), str_of(text));
}

static void check(const char *format, const char *text, bool want)
{
    if (accepts(format, text) != want) fail_msg("%s %s: want %d", format, text, want);
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (is_leap && month == 2);
}

static void test_dates(void **state)
{
    (void)state;
    char text[32];
    for (int year = 0; year <= 9999; year++)
        for (int month = 0; month <= 13; month += year % 50 == 0 || year % 50 == 48 ? 1 : 2)
            for (int day = year % 25 == 0 ? 0 : 27; day <= 32; day++) {
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
                check("date", text,
                      month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month));
            }
}

/* The second 60 exactly where UTC is 23:59, at offsets of quarters of an hour. */
static void test_leap_seconds(void **state)
{
    (void)state;
    char text[48];
    for (int local = 0; local < 1440; local++)
        for (int offset = -1439; offset < 1440; offset += offset % 15 == 0 ? 1 : 7) {
            int size = abs(offset);
            snprintf(text, sizeof text, "%02d:%02d:60%s%c%02d:%02d", local / 60, local % 60,
                     local % 7 ? "" : ".25", offset < 0 ? '-' : '+', size / 60, size % 60);
            check("time", text, offset % 15 == 0 && (local - offset + 1440) % 1440 == 1439);
        }
    check("time", "23:59:60Z", true);
    check("time", "23:59:60-00:00", true);
    check("time", "23:58:60Z", false);
    check("date-time", "2016-12-31T23:59:60Z", true);
    check("date-time", "2016-12-31T23:59:60+00:07", false);
}

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*seed >> 33) % n;
}

/* Groups with separators between them: many are addresses, the others nearly. */
static void random_address(uint64_t *seed, char *out, size_t size, bool is_v6)
{
    static const char *const v6[] = {"1",     "ffff", "0",       "abcd",      "Ff",       "",
                                     "12345", "g",    "1.2.3.4", "255.0.0.1", "01.2.3.4", "1.2.3"};
    static const char *const v4[] = {"0", "1", "25", "255", "199", "9", "100", "256", "01", ""};
    size_t n = 0;
    uint32_t n_group = is_v6 ? random_below(seed, 9) + 1 : random_below(seed, 3) + 3;
    for (uint32_t k = 0; k < n_group; k++) {
        bool is_odd = random_below(seed, 8) == 0;
        const char *group = is_v6 ? v6[random_below(seed, is_odd ? N_OF(v6) : 5)]
                                  : v4[random_below(seed, is_odd ? N_OF(v4) : 7)];
        const char *between = k == 0                             ? ""
                              : !is_v6                           ? "."
                              : random_below(seed, n_group) == 0 ? "::"
                                                                 : ":";
        n += (size_t)snprintf(out + n, size - n, "%s%s", between, group);
    }
}

/* What is written leaves out what much used readers refuse; what is judged does not. */
static void test_spelling(void **state)
{
    static const struct { const char *format, *text; bool written; } rows[] = {
        {"date", "2024-02-29", true}, {"date", "0000-01-01", false}, {"date", "0001-01-01", true},
        {"time", "23:59:59Z", true}, {"time", "23:59:60Z", false},
        {"date-time", "2024-02-29T23:59:59.5+01:00", true},
        {"date-time", "2016-12-31T23:59:60Z", false},
        {"date-time", "0000-12-31T23:59:59Z", false},
        {"uuid", "00000000-0000-0000-0000-000000000000", true},
    };
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        const struct dfa *d = format_dfa(str_of(rows[i].format));
        char json[64];
        snprintf(json, sizeof json, "\"%s\"", rows[i].text);
        assert_true(dfa_match(d, str_of(rows[i].text)));
        assert_int_equal(dfa_match(d->json, str_of(json)), rows[i].written);
    }
}

static void test_addresses(void **state)
{
    (void)state;
    uint64_t seed = 1;
    size_t n_valid[2] = {0, 0};
    char text[256];
    struct in6_addr address;
    for (int i = 0; i < 1000000; i++) {
        bool is_v6 = i % 2;
        random_address(&seed, text, sizeof text, is_v6);
        bool want = inet_pton(is_v6 ? AF_INET6 : AF_INET, text, &address) == 1;
        check(is_v6 ? "ipv6" : "ipv4", text, want);
        n_valid[is_v6] += want;
    }
    assert_true(n_valid[0] > 1000 && n_valid[1] > 1000);
}

/* ---- lengths ---- */

static void test_lengths(void **state)
{
    (void)state;
    char text[2048];
    for (size_t n = 1; n <= 70; n++) {
        memset(text, 'a', n);
        text[n] = '\0';
        check("hostname", text, n <= 63);
        check("idn-hostname", text, n <= 63);
        memcpy(text + n, "@b.c", 5);
        check("email", text, n <= 64);
        check("idn-email", text, n <= 64);
        text[n] = '.';
        memcpy(text + 1, "@", 1);
        memset(text + 2, 'b', n);
        text[2 + n] = '\0';
        check("email", text, n <= 63);
    }
    /* Names of equal labels: none above 253 characters, none below 120 is refused. */
    for (size_t label = 4; label <= 63; label++) {
        size_t n = 0;
        while (n + label + 2 < sizeof text && n < 400) {
            memset(text + n, 'x', label);
            n += label;
            text[n] = '\0';
            if (n > 253)
                check("hostname", text, false);
            else if (n < 120)
                check("hostname", text, true);
            text[n++] = '.';
        }
    }
    check("email", "\"a@b\\\"@\"@c", true);
    check("email", "\"a\"b@c", false);
    check("email", "a@[IPv6:1:2:3:4:5:6:7::]", false);
    check("email", "a@[IPv6:1:2:3:4:5:6::]", true);
    check("hostname", "ab--c", false);
    check("hostname", "a--bc", true);
}

/* Regular expressions that are accepted can be parsed, and what is none is not. */
static void test_regex(void **state)
{
    (void)state;
    static const char *const in[] = {"",
                                     "a|b",
                                     "^[a-z]+$",
                                     "(?:a(b)*)+",
                                     "[^\\d\\-_]{2,13}?",
                                     "\\u0041\\cJ\\x7f",
                                     "(?=a)b",
                                     "a{2}",
                                     "a{12,15}",
                                     "[]",
                                     "[^]"};
    static const char *const out[] = {"a**",    "(",   "a)", "[b-a]", "a{2,1}",         "a{13,12}",
                                      "\\",     "]",   "{",  "\\1",   "(?<n>a)(?<n>b)", "^*",
                                      "(?=a)*", "\\a", "[a"};
    for (size_t i = 0; i < N_OF(in); i++) check("regex", in[i], true);
    for (size_t i = 0; i < N_OF(out); i++) check("regex", out[i], false);
}

/* State counts, as a report. */
static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; format_names[i]; i++) {
        const struct dfa *d = format_dfa(str_of(format_names[i]));
        print_message("%6u states  %s\n", d->n_state, format_names[i]);
        assert_in_range(d->n_state, 2, 4096);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_suite),
        cmocka_unit_test(test_dates),     cmocka_unit_test(test_leap_seconds),
        cmocka_unit_test(test_spelling),  cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_regex),     cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
