/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <float.h>
#include <math.h>

#include "base/buf.h"
#include "base/rand.h"

static void compares(void **state)
{
    (void)state;
    static const struct { const char *a, *b; int cmp; bool nocase; } rows[] = {
        {"", "", 0, true},        {"a", "", 1, false},     {"", "a", -1, false},
        {"abc", "abd", -1, false}, {"ab", "abc", -1, false}, {"aBc", "AbC", 1, true},
        {"\xff", "a", 1, false},  {"[", "{", -1, false},   {"\xc3\x84", "\xc3\xa4", -1, false},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        str a = str_of(rows[i].a), b = str_of(rows[i].b);
        int c = str_cmp(a, b);
        assert_int_equal((c > 0) - (c < 0), rows[i].cmp);
        assert_int_equal(str_eq(a, b), rows[i].cmp == 0);
        assert_int_equal(str_eq_secret(a, b), rows[i].cmp == 0);
        assert_int_equal(str_eq_nocase(a, b), rows[i].nocase);
    }
    assert_true(str_eq(STR_NONE, STR("")));
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
}

static void cuts(void **state)
{
    (void)state;
    str s = STR("hello");
    assert_true(str_starts(s, STR("he")) && str_starts(s, STR("")) && str_starts(s, s));
    assert_false(str_starts(s, STR("el")) || str_starts(s, STR("hello!")));
    assert_true(str_ends(s, STR("lo")) && str_ends(s, STR("")) && str_ends(s, s));
    assert_false(str_ends(s, STR("l")) || str_ends(s, STR("!hello")));
    assert_str_is(str_sub(s, 1, 3), "ell");
    assert_str_is(str_sub(s, 4, SIZE_MAX), "o");
    assert_str_is(str_sub(s, 9, 1), "");
    assert_str_is(str_sub(STR_NONE, 1, 1), "");
    assert_str_is(str_trim(STR(" \t\r\n\v\f a b \n")), "a b");
    assert_str_is(str_trim(STR(" \n ")), "");
    assert_str_is(str_trim(STR_NONE), "");
}

static void finds(void **state)
{
    (void)state;
    static const struct { const char *s, *needle; size_t from, at; } rows[] = {
        {"abcabc", "bc", 0, 1}, {"abcabc", "bc", 2, 4}, {"abcabc", "bc", 5, SIZE_MAX},
        {"abc", "", 2, 2},      {"abc", "", 3, 3},      {"abc", "", 4, SIZE_MAX},
        {"", "a", 0, SIZE_MAX}, {"aab", "ab", 0, 1},    {"abc", "abcd", 0, SIZE_MAX},
        {"abc", "c", SIZE_MAX, SIZE_MAX},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        str needle = str_of(rows[i].needle);
        assert_int_equal(str_find(str_of(rows[i].s), needle, rows[i].from), rows[i].at);
        if (needle.n == 1)
            assert_int_equal(str_find_char(str_of(rows[i].s), needle.p[0], rows[i].from),
                             rows[i].at);
    }
    assert_int_equal(str_find(STR("a\0b"), STR("b"), 0), 2);
}

static void splits(void **state)
{
    (void)state;
    static const struct { const char *s, *parts; } rows[] = {
        {"a,b", "[a][b]"}, {"", "[]"}, {",", "[][]"}, {"a,,b,", "[a][][b][]"}, {"abc", "[abc]"},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        str rest = str_of(rows[i].s), part;
        while (str_split(&rest, ',', &part))
            buf_printf(&b, "[%.*s]", STR_FMT(part));
        assert_str_is(buf_str(&b), rows[i].parts);
        buf_done(&b);
    }
}

static void reads_integers(void **state)
{
    (void)state;
    static const struct { const char *s; bool i64, u64; int64_t i; uint64_t u; } rows[] = {
        {"0", true, true, 0, 0},
        {"-0", true, false, 0, 0},
        {"007", true, true, 7, 7},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1},
        {"-9223372036854775808", true, false, INT64_MIN, 0},
        {"-9223372036854775809", false, false, 0, 0},
        {"18446744073709551615", false, true, 0, UINT64_MAX},
        {"18446744073709551616", false, false, 0, 0},
        {"99999999999999999999999", false, false, 0, 0},
        {"", false, false, 0, 0},     {"-", false, false, 0, 0},  {"+1", false, false, 0, 0},
        {" 1", false, false, 0, 0},   {"1 ", false, false, 0, 0}, {"1.0", false, false, 0, 0},
        {"0x10", false, false, 0, 0}, {"--1", false, false, 0, 0},
    };
    for (size_t k = 0; k < N_OF(rows); k++) {
        int64_t i = 0;
        uint64_t u = 0;
        assert_int_equal(str_to_i64(str_of(rows[k].s), &i), rows[k].i64);
        assert_int_equal(i, rows[k].i);
        assert_int_equal(str_to_u64(str_of(rows[k].s), &u), rows[k].u64);
        assert_int_equal(u, rows[k].u);
    }
}

static void reads_doubles(void **state)
{
    (void)state;
    static const struct { const char *s; double v; } good[] = {
        {"0", 0.0}, {"-0", -0.0}, {"1e5", 1e5}, {"-0.25", -0.25}, {"+3", 3}, {".5", .5}, {"5.", 5},
        {"1E+2", 100}, {"1e-2", .01}, {"0.1", 0.1}, {"1e22", 1e22}, {"1e23", 1e23},
        {"123456789012345678", 123456789012345678.0}, {"9007199254740993", 9007199254740992.0},
        {"1.7976931348623157e308", DBL_MAX}, {"5e-324", 5e-324}, {"2e-324", 0.0}, {"0e999999", 0.0},
        {"2.2250738585072011e-308", 2.2250738585072011e-308}, {"1e-999999999999999999999", 0.0},
        {"0.000000000000000000000000000000000000000001e42", 1.0},
    };
    static const char *const bad[] = {
        "", "-", ".", "e5", "1e", "1e+", "1 ", " 1", "0x10", "inf", "nan", "1e999", "-1e999", "1,5",
        "1.5.2", "1e5.0", "--1", "1f", "1e99999999999999999999",
    };
    for (size_t i = 0; i < N_OF(good); i++) {
        double v = 7;
        assert_true(str_to_double(str_of(good[i].s), &v));
        assert_double_is(v, good[i].v);
    }
    for (size_t i = 0; i < N_OF(bad); i++) {
        double v = 7;
        if (str_to_double(str_of(bad[i]), &v))
            fail_msg("\"%s\" gave %g", bad[i], v);
        assert_double_is(v, 7);
    }
}

/* Random doubles written with more digits than needed must read back as strtod reads them. */
static void doubles_agree_with_strtod(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = rng_next(&r);
        double v, got;
        memcpy(&v, &bits, sizeof v);
        if (i % 2)
            v = (double)(int64_t)rng_below(&r, 2000000) / 1000;
        if (!isfinite(v))
            continue;
        char text[64];
        snprintf(text, sizeof text, "%.*g", 1 + (int)rng_below(&r, 21), v);
        double want = strtod(text, NULL);
        assert_int_equal(str_to_double(str_of(text), &got), isfinite(want));
        if (isfinite(want))
            assert_double_is(got, want);
    }
}

/* 1 + 2^-53 lies half way between two doubles: the digit after a thousand zeros decides. */
static void far_digits_decide(void **state)
{
    (void)state;
    char text[1200] = "1.00000000000000011102230246251565404236316680908203125";
    size_t n = strlen(text);
    double v;
    assert_true(str_to_double((str){text, n}, &v));
    assert_double_is(v, 1.0);
    memset(text + n, '0', 1000);
    assert_true(str_to_double((str){text, n + 1000}, &v));
    assert_double_is(v, 1.0);
    text[n + 1000] = '1';
    assert_true(str_to_double((str){text, n + 1001}, &v));
    assert_double_is(v, 1.0 + DBL_EPSILON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(cuts),
        cmocka_unit_test(finds),
        cmocka_unit_test(splits),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_doubles),
        cmocka_unit_test(doubles_agree_with_strtod),
        cmocka_unit_test(far_digits_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
