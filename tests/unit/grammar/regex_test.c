/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions. Oracles: node's RegExp on random patterns (regex_cases.json, made by
 * regex_cases.js) and the tests of patterns in the JSON Schema test suite. Then what is refused
 * and where, and that patterns which blow up end soon.
 */
#include "../test.h"

#include "base/clock.h"
#include "base/file.h"
#include "codec/json.h"
#include "grammar/regex.h"

#define MEMORY_MAX ((size_t)256 << 20)
#define STATES_MAX (1u << 16)
#define FILE_BYTES_MAX ((size_t)64 << 20)

static struct dfa_work work_of(struct arena *a, struct error *e)
{
    return (struct dfa_work){.arena = a, .n_state_max = STATES_MAX, .e = e};
}

/* Match of a text, with the counts that stand beside the automaton. */
static bool matches(const struct dfa *d, uint32_t n_min, uint32_t n_max, str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    return dfa_match(d, text) && n >= n_min && n <= n_max;
}

/* One pattern, one text. */
static bool pattern_matches(const char *pattern, bool whole, str text)
{
    struct error e = {0};
    struct arena *a = arena_new(MEMORY_MAX);
    struct dfa_work w = work_of(a, &e);
    uint32_t n_min, n_max;
    const struct dfa *d = regex_dfa(&w, str_of(pattern), whole, &n_min, &n_max);
    if (!d) fail_msg("%s: %s", pattern, e.text);
    bool found = matches(d, n_min, n_max, text);
    arena_free(a);
    return found;
}

static struct json *read_json(struct arena *a, const char *path)
{
    struct error e = {0};
    struct json *v = NULL;
    str text;
    if (file_read(path, FILE_BYTES_MAX, a, &text, &e) != ERR_OK ||
        json_parse(text, a, &v, &e) != ERR_OK)
        fail_msg("%s: %s", path, e.text);
    return v;
}

/* ---- oracles ---- */

/* [pattern, whole, text, matches, text, matches, ...]; also: minimal, and nothing but UTF-8. False:
 * the pattern passes a limit. */
static bool check_row(const struct json *row)
{
    struct error e = {0};
    struct arena *a = arena_new(MEMORY_MAX);
    struct dfa_work w = work_of(a, &e);
    uint32_t n_min, n_max;
    str pattern = row->item[0].string;
    const struct dfa *d = regex_dfa(&w, pattern, row->item[1].boolean, &n_min, &n_max);
    if (!d && w.rc != ERR_LIMIT) fail_msg("%.*s: %s", STR_FMT(pattern), e.text);
    for (uint32_t i = 2; d && i + 1 < row->n; i += 2)
        if (matches(d, n_min, n_max, row->item[i].string) != row->item[i + 1].boolean)
            fail_msg("%.*s on \"%.*s\": want %d", STR_FMT(pattern), STR_FMT(row->item[i].string),
                     row->item[i + 1].boolean);
    const struct dfa *least = d ? dfa_minimize(&w, d) : NULL;
    assert_true(!d || (least && dfa_is_subset(&w, d, dfa_shared(DFA_TEXT))));
    if (d && least->n_state != d->n_state)
        fail_msg("%.*s: %u states, %u would do", STR_FMT(pattern), d->n_state, least->n_state);
    arena_free(a);
    return d != NULL;
}

static void test_node(void **state)
{
    (void)state;
    const char *root = getenv("SOURCE_ROOT"), *other = getenv("REGEX_CASES");
    char path[512];
    snprintf(path, sizeof path, "%s/tests/unit/grammar/regex_cases.json", root ? root : ".");
    struct arena *a = arena_new(0);
    const struct json *rows = read_json(a, other ? other : path);
    uint32_t n_limit = 0;
    for (uint32_t i = 0; i < rows->n; i++) n_limit += !check_row(&rows->item[i]);
    print_message("%u patterns, %u over a limit\n", rows->n, n_limit);
    assert_true(n_limit * 200 <= rows->n);
    arena_free(a);
}

static void check_group(const struct json *group, size_t *n)
{
    const struct json *pattern = json_get(json_get(group, "schema"), "pattern");
    const struct json *tests = json_get(group, "tests");
    char text[256];
    if (!pattern) return;
    snprintf(text, sizeof text, "%.*s", STR_FMT(pattern->string));
    for (uint32_t i = 0; i < tests->n; i++) {
        const struct json *data = json_get(&tests->item[i], "data");
        if (data->type != JSON_STRING) continue;
        bool want = json_get(&tests->item[i], "valid")->boolean;
        if (pattern_matches(text, false, data->string) != want)
            fail_msg("%s on \"%.*s\": want %d", text, STR_FMT(data->string), want);
        ++*n;
    }
}

static void test_suite(void **state)
{
    (void)state;
    static const char *const files[] = {"pattern", "optional/ecmascript-regex",
                                        "optional/non-bmp-regex"};
    char name[128], path[512];
    size_t n = 0;
    for (size_t f = 0; f < N_OF(files); f++) {
        snprintf(name, sizeof name, "jsonschema/draft2020-12/%s.json", files[f]);
        if (!golden_path(name, path, sizeof path)) skip();
        struct arena *a = arena_new(0);
        const struct json *groups = read_json(a, path);
        for (uint32_t i = 0; i < groups->n; i++) check_group(&groups->item[i], &n);
        arena_free(a);
    }
    assert_true(n > 50);
}

/* ---- by hand: what the generator seldom meets ---- */

static void test_anchors(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *in, *out;
    } rows[] = {
        {"^a|b$", "ax xb a b", "xa bx"},
        {"^(a|^b)$", "a b", "ab bb"},
        {"(^|,)x", "x ,x a,x", "ax a,bx"},
        {"x(,|$)", "x x, ax,b", "xa"},
        {"^^a$$", "a", "aa"},
        {"(^a|b)c", "ac xbc", "xac"},
        {"(^)*a", "a ba", "b"},
        {"(?:^|-)(?:a)(?:-|$)", "a a-b b-a", "ab ba"},
        {"^(?:a(?:$|b)){2}", "aba abab", "aa ab"},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        str in = str_of(rows[i].in), out = str_of(rows[i].out), part;
        while (str_split(&in, ' ', &part))
            if (!pattern_matches(rows[i].pattern, false, part))
                fail_msg("%s on %.*s", rows[i].pattern, STR_FMT(part));
        while (str_split(&out, ' ', &part))
            if (pattern_matches(rows[i].pattern, false, part))
                fail_msg("%s on %.*s", rows[i].pattern, STR_FMT(part));
    }
    assert_true(pattern_matches("^$", false, STR("")));
    assert_true(pattern_matches("$^", false, STR("")));
    assert_false(pattern_matches("$^", false, STR("a")));
    assert_false(pattern_matches("a^", false, STR("a")));
    assert_false(pattern_matches("^abc$", false, STR("abc\n")));
}

static void test_dialect(void **state)
{
    (void)state;
    assert_false(pattern_matches("^.$", false, STR("\n")));
    assert_true(pattern_matches(".", true, STR("\n")));
    assert_true(pattern_matches("b", false, STR("abc")));
    assert_false(pattern_matches("b", true, STR("abc")));
    assert_true(pattern_matches("[\\w-.]+", true, STR("a-b.c")));
    assert_true(pattern_matches("^\\_\\@\\#$", false, STR("_@#")));
    assert_true(pattern_matches("^a{b}]$", false, STR("a{b}]")));
    assert_false(pattern_matches("[]", false, STR("a")));
    assert_true(pattern_matches("^[^]$", false, STR("\n")));
    assert_false(pattern_matches("\\uD83D", false, STR("\xf0\x9f\x98\x80")));
    assert_true(pattern_matches("^[\\uD7FF-\\uE000]$", false, STR("\xee\x80\x80")));
    assert_true(pattern_matches("^\\p{Any}$", false, STR("\xf4\x8f\xbf\xbf")));
    assert_false(pattern_matches("^\\P{Any}?$", false, STR("a")));
    assert_true(pattern_matches("^\\p{White_Space}$", false, STR("\xc2\x85")));
    assert_true(pattern_matches("^\\p{Sc}\\p{Pd}$", false, STR("\xe2\x82\xac-")));
}

static void test_repeated_class(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        bool whole;
        uint32_t n_min, n_max;
    } rows[] = {
        {"^[a-z]{1,64}$", false, 1, 64},          {"^([a-z]+)$", false, 1, UINT32_MAX},
        {"^(?:a|[b-z])*$", false, 0, UINT32_MAX}, {"(^[a-z]{3,}$)", false, 3, UINT32_MAX},
        {"[a-z]{0,1000000}", true, 0, 1000000},   {"^[a-z]{2}$", true, 2, 2},
        {"[a-z]{2}", false, 0, UINT32_MAX},       {"^[a-z]{2}", false, 0, UINT32_MAX},
        {"^[a-z]{2}a$", false, 0, UINT32_MAX},    {"^[]{2}$", false, 0, UINT32_MAX},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct error e = {0};
        struct arena *a = arena_new(MEMORY_MAX);
        struct dfa_work w = work_of(a, &e);
        uint32_t n_min, n_max;
        const struct dfa *d = regex_dfa(&w, str_of(rows[i].pattern), rows[i].whole, &n_min, &n_max);
        assert_non_null(d);
        assert_int_equal(n_min, rows[i].n_min);
        assert_int_equal(n_max, rows[i].n_max);
        bool is_counted = n_min > 0 || n_max != UINT32_MAX;
        if (is_counted)
            assert_true(dfa_match(d, STR("")) && dfa_match(d, STR("abcdefgh")) &&
                        !dfa_match(d, STR("A")));
        arena_free(a);
    }
}

/* ---- refusals ---- */

static void check_refused(str pattern, enum err want, size_t pos, const char *part)
{
    struct error e = {0};
    struct arena *a = arena_new(MEMORY_MAX);
    struct dfa_work w = work_of(a, &e);
    uint32_t n_min, n_max;
    w.deadline_ns = clock_ns() + NS_PER_S;
    int64_t from = clock_ns();
    const struct dfa *d = regex_dfa(&w, pattern, false, &n_min, &n_max);
    double ms = (double)(clock_ns() - from) / NS_PER_MS;
    if (d || w.rc != want || e.code != want || e.pos != pos || !strstr(e.text, part))
        fail_msg("%.40s: %s at %zu: %s", pattern.p, err_name(w.rc), e.pos, e.text);
    if (ms > 3000) fail_msg("%.40s: %.0f ms", pattern.p, ms);
    arena_free(a);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        size_t pos;
        const char *part;
    } rows[] = {
        {"a(?=b)", 1, "look-ahead (?="},
        {"(?!b)", 0, "look-ahead (?!"},
        {"a(?<=b)", 1, "look-behind (?<="},
        {"a(?<!b)", 1, "look-behind (?<!"},
        {"(a)\\1", 3, "back-reference"},
        {"(?<n>a)\\k<n>", 7, "back-reference"},
        {"a\\b", 1, "word boundary \\b"},
        {"\\Ba", 0, "word boundary \\B"},
        {"(?i)a", 0, "inline flags"},
        {"(?s:a)", 0, "inline flags"},
        {"(?-i:a)", 0, "inline flags"},
        {"(?P<n>a)", 0, "unknown kind of group"},
        {"(?>a)", 0, "unknown kind of group"},
        {"(?#a)", 0, "unknown kind of group"},
        {"(?<1>a)", 0, "bad group name"},
        {"(?<>a)", 0, "bad group name"},
        {"\\A", 0, "unknown escape \\A"},
        {"a\\Z", 1, "unknown escape \\Z"},
        {"\\a", 0, "unknown escape \\a"},
        {"\\x1", 0, "unfinished \\x"},
        {"\\u12", 0, "unfinished \\u"},
        {"\\u{110000}", 0, "unfinished \\u"},
        {"\\c1", 0, "unfinished \\c"},
        {"\\01", 0, "octal"},
        {"\\p{Script=Latin}", 0, "property \\p{Script=Latin}"},
        {"\\p{sc=Nd}", 0, "property"},
        {"\\pL", 0, "unfinished \\p"},
        {"[a", 0, "not closed"},
        {"(a", 0, "not closed"},
        {"a)", 1, "closes nothing"},
        {"[b-a]", 1, "out of order"},
        {"a{2,1}", 1, "out of order"},
        {"a{,5}", 1, "{,n}"},
        {"*a", 0, "nothing to repeat"},
        {"a**", 2, "nothing to repeat"},
        {"^*", 1, "nothing to repeat"},
        {"{1}", 0, "nothing to repeat"},
        {"(|+)", 2, "nothing to repeat"},
        {"a\\", 1, "at its end"},
        {"[a\\", 2, "at its end"},
    };
    for (size_t i = 0; i < N_OF(rows); i++)
        check_refused(str_of(rows[i].pattern), ERR_ARG, rows[i].pos, rows[i].part);
    check_refused(STR("a\xff"), ERR_ARG, ERR_NO_POS, "not UTF-8");
}

/* \p{L} has some 600 ranges: too many in one class, and in many classes. */
static void check_many_ranges(void)
{
    static char text[REGEX_BYTES_MAX];
    size_t n = 1;
    text[0] = '[';
    while (n < 20000) n += (size_t)snprintf(text + n, sizeof text - n, "\\p{L}");
    text[n++] = ']';
    check_refused(str_n(text, n), ERR_LIMIT, ERR_NO_POS, "ranges");
    n = 0;
    for (unsigned c = 0x4e00; n < 30000; c += 2)
        n += (size_t)snprintf(text + n, sizeof text - n, "[\\P{L}\\u%04X]", c);
    check_refused(str_n(text, n), ERR_LIMIT, ERR_NO_POS, "ranges");
}

static void test_limits(void **state)
{
    (void)state;
    enum { N_PAREN = 30000 };
    static char deep[2 * N_PAREN + 1], large[REGEX_BYTES_MAX + 1];
    memset(deep, '(', N_PAREN);
    memset(deep + N_PAREN, ')', N_PAREN);
    memset(large, 'a', sizeof large);
    check_refused(str_n(deep, 2 * N_PAREN), ERR_LIMIT, REGEX_DEPTH_MAX, "groups inside groups");
    check_refused(str_n(large, sizeof large), ERR_LIMIT, ERR_NO_POS, "65537 bytes");
    check_refused(STR("a{1000001}"), ERR_LIMIT, 1, "repeats more than");
    check_refused(STR("(x{0,1000}){0,1000}y"), ERR_LIMIT, ERR_NO_POS, "states");
    check_refused(STR("(a|b)*a(a|b){24}$"), ERR_LIMIT, ERR_NO_POS, "states");
    check_refused(STR("^[a-z]{0,99999}x$"), ERR_LIMIT, ERR_NO_POS, "states");
    check_many_ranges();
    struct arena *small = arena_new(64 << 10);
    struct error e = {0};
    struct dfa_work w = work_of(small, &e);
    uint32_t n_min, n_max;
    assert_null(regex_dfa(&w, STR("^[a-z]{0,4999}x$"), false, &n_min, &n_max));
    assert_int_equal(w.rc, ERR_LIMIT);
    assert_non_null(strstr(e.text, "memory"));
    assert_null(regex_dfa(&w, STR("a"), false, &n_min, &n_max));
    arena_free(small);
}

static void test_deadline(void **state)
{
    (void)state;
    struct arena *a = arena_new((size_t)4 << 30);
    struct error e = {0};
    struct dfa_work w = {.arena = a, .n_state_max = DFA_STATES_MAX, .e = &e};
    uint32_t n_min, n_max;
    int64_t from = clock_ns();
    w.deadline_ns = from + 50 * NS_PER_MS;
    assert_null(regex_dfa(&w, STR("(a|b)*a(a|b){24}$"), false, &n_min, &n_max));
    assert_int_equal(w.rc, ERR_LIMIT);
    assert_non_null(strstr(e.text, "time"));
    assert_true(clock_ns() - from < 2 * NS_PER_S);
    arena_free(a);
}

/* These end with an automaton, and a small one. */
static void test_tame(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        uint32_t n_state_max;
    } rows[] = {
        {"(a+)+$", 20},
        {"(a|a)*b", 20},
        {"(a*)*", 10},
        {"((a?)*)*$", 12},
        {"(|a|)+b", 20},
        {"(){1000000}", 10},
        {"((){1000000}){1000000}a", 20},
        {"(x?){1000}$", 12},
        {"(.*)*(.*)*(.*)*=(.*)*", 20},
        {"^(([a-z])+.)+[A-Z]([a-z])+$", 40},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct error e = {0};
        struct arena *a = arena_new(MEMORY_MAX);
        struct dfa_work w = work_of(a, &e);
        uint32_t n_min, n_max;
        int64_t from = clock_ns();
        w.deadline_ns = from + NS_PER_S;
        const struct dfa *d = regex_dfa(&w, str_of(rows[i].pattern), false, &n_min, &n_max);
        if (!d || d->n_state > rows[i].n_state_max)
            fail_msg("%s: %u states, %s", rows[i].pattern, d ? d->n_state : 0, e.text);
        arena_free(a);
    }
}

/* State counts and times of usual patterns, as a report. */
static void test_usual(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "^[a-zA-Z0-9_-]{1,64}$",
        "^\\d{3}-\\d{4}$",
        "^https?://.+$",
        "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})$",
        "^[\\w.+-]+@[\\w-]+\\.[\\w.-]+$",
        "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-[0-9A-Za-z.-]+)?$",
        "^#([A-Fa-f0-9]{6}|[A-Fa-f0-9]{3})$",
        "^(/[^/ ]+)+/?$",
        "foo.*bar",
    };
    for (size_t i = 0; i < N_OF(patterns); i++) {
        int64_t best = INT64_MAX;
        uint32_t n_state = 0;
        for (int round = 0; round < 20; round++) {
            struct error e = {0};
            struct arena *a = arena_new(MEMORY_MAX);
            struct dfa_work w = work_of(a, &e);
            uint32_t n_min, n_max;
            int64_t from = clock_ns();
            const struct dfa *d = regex_dfa(&w, str_of(patterns[i]), false, &n_min, &n_max);
            int64_t took = clock_ns() - from;
            assert_non_null(d);
            best = took < best ? took : best;
            n_state = d->n_state;
            arena_free(a);
        }
        print_message("%5u states %7.1f us  %s\n", n_state, (double)best / NS_PER_US, patterns[i]);
    }
}

/* Without a place for the numbers the automaton holds them. */
static void test_counted_inside(void **state)
{
    (void)state;
    struct error e = {0};
    struct dfa_work w = {.arena = arena_new(0), .n_state_max = 10000, .e = &e};
    const struct dfa *d = regex_dfa(&w, STR("[0-9]{3}"), true, NULL, NULL);
    assert_false(dfa_match(d, STR("12")));
    assert_true(dfa_match(d, STR("123")));
    assert_false(dfa_match(d, STR("1234")));
    arena_free(w.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted_inside),
        cmocka_unit_test(test_node),           cmocka_unit_test(test_suite),
        cmocka_unit_test(test_anchors),        cmocka_unit_test(test_dialect),
        cmocka_unit_test(test_repeated_class), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_tame),           cmocka_unit_test(test_usual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
