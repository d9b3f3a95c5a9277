/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON parser and reading from the tree.
 */
#include "../test.h"

#include "base/mem.h"
#include "codec/json.h"

static void accepts(void **state)
{
    (void)state;
    /* back: the tree written again. */
    static const struct { str text; const char *back; } rows[] = {
        {STR("null"), "null"},
        {STR(" \t\r\n true \n"), "true"},
        {STR("false"), "false"},
        {STR("0"), "0"}, {STR("-0"), "-0"}, {STR("-0.0e+00"), "-0.0e+00"},
        {STR("12345678901234567890123"), "12345678901234567890123"},
        {STR("1.7976931348623157e308"), "1.7976931348623157e308"},
        {STR("1e-999"), "1e-999"},
        {STR("\"\""), "\"\""},
        {STR("[]"), "[]"}, {STR("{}"), "{}"}, {STR("[ ]"), "[]"}, {STR("{\n}"), "{}"},
        {STR("[1,[2,[3]],{\"a\":[{}]}]"), "[1,[2,[3]],{\"a\":[{}]}]"},
        {STR("{\"b\" : 1 , \"a\" : {\"b\":2}, \"\":3}"), "{\"b\":1,\"a\":{\"b\":2},\"\":3}"},
        {STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {STR("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\""),
         "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {STR("\"\\u0000\""), "\"\\u0000\""},
        {STR("\"\xc3\xa9 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\""),
         "\"\xc3\xa9 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\""},
        {STR("\"\x7f\""), "\"\x7f\""},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct arena *a = arena_new(1 << 20);
        struct error e = {0};
        struct json *v = NULL;
        if (json_parse(rows[i].text, a, &v, &e) != ERR_OK)
            fail_msg("%s: %s", rows[i].text.p, e.text);
        struct buf b;
        buf_init(&b, 1000);
        struct json_writer w;
        jw_init(&w, &b);
        jw_value(&w, v);
        assert_str_is(buf_str(&b), rows[i].back);
        buf_done(&b);
        arena_free(a);
    }
}

/* Every refusal names the byte where it is seen. */
static void refuses(void **state)
{
    (void)state;
    static const struct { str text; size_t pos; } rows[] = {
        {STR(""), 0}, {STR("  "), 2}, {STR("\xef\xbb\xbfnull"), 0},
        {STR("nul"), 0}, {STR("nullx"), 4}, {STR("True"), 0}, {STR("NaN"), 0}, {STR("-NaN"), 0},
        {STR("Infinity"), 0}, {STR("-Infinity"), 0}, {STR("undefined"), 0}, {STR("'a'"), 0},
        {STR("01"), 0}, {STR("-01"), 0}, {STR("00"), 0}, {STR("+1"), 0}, {STR(".5"), 0},
        {STR("1."), 0}, {STR("1.e5"), 0}, {STR("1e"), 0}, {STR("1e+"), 0}, {STR("-"), 0},
        {STR("--1"), 0}, {STR("0x10"), 1}, {STR("1e999"), 0}, {STR("[-1e999]"), 1}, {STR("1 2"), 2},
        {STR("1,"), 1}, {STR("[1]]"), 3}, {STR("{}x"), 2}, {STR("null\0"), 4}, {STR("\0"), 0},
        {STR("["), 1}, {STR("[1"), 2}, {STR("[1,"), 3}, {STR("[1,]"), 3}, {STR("[,1]"), 1},
        {STR("[1 2]"), 3}, {STR("[1}"), 2}, {STR("]"), 0}, {STR("{]"), 1}, {STR("[1:2]"), 2},
        {STR("{"), 1}, {STR("{1:2}"), 1}, {STR("{a:1}"), 1}, {STR("{\"a\"}"), 4},
        {STR("{\"a\":}"), 5}, {STR("{\"a\":1,}"), 7}, {STR("{\"a\":1 \"b\":2}"), 7},
        {STR("{\"a\" 1}"), 5}, {STR("{,}"), 1}, {STR("{\"a\":1]"), 6}, {STR("// c\n1"), 0},
        {STR("{\"a\":1,\"a\":2}"), 7}, {STR("[{\"\":1,\"\":2}]"), 7},
        {STR("{\"a\":1,\"\\u0061\":2}"), 7},
        {STR("\""), 0}, {STR("[\"abc"), 1}, {STR("\"\\"), 0}, {STR("\"\\\""), 0},
        {STR("\"a\nb\""), 2}, {STR("\"a\0b\""), 2}, {STR("\"\x1f\""), 1}, {STR("\"\t\""), 1},
        {STR("\"\\x41\""), 1}, {STR("\"a\\'\""), 2}, {STR("\"\\\n\""), 1}, {STR("\"\\\0\""), 1},
        {STR("\"\\u12\""), 1}, {STR("\"\\u12g4\""), 1}, {STR("\"\\u\""), 1},
        {STR("\"\\U0041\""), 1},
        {STR("\"\\ud800\""), 1}, {STR("\"\\udc00\""), 1}, {STR("\"\\ud83dx\""), 1},
        {STR("\"\\ud83d\\n\""), 1}, {STR("\"\\ud83d\\ud83d\""), 1}, {STR("\"\\ud83d\\u0041\""), 1},
        {STR("\"\\ud83d\\u\""), 1}, {STR("\"ab\\ude00\\ud83d\""), 3},
        {STR("\"\x80\""), 1}, {STR("\"ab\xff\""), 3}, {STR("\"\xc0\x80\""), 1},
        {STR("\"\xc1\xbf\""), 1}, {STR("\"\xe0\x80\x80\""), 1}, {STR("\"\xed\xa0\x80\""), 1},
        {STR("\"\xf4\x90\x80\x80\""), 1}, {STR("\"\xc3\""), 1}, {STR("\"\xe2\x82\""), 1},
        {STR("\"\\n\xff\""), 3}, {STR("\"\\\xc3\xa9\""), 1}, {STR("{\"\xff\":1}"), 2},
        {STR("\xff"), 0}, {STR("\xc2\xa0" "1"), 0}, {STR("\f1"), 0}, {STR("[1\v]"), 2},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct arena *a = arena_new(0);
        struct error e = {0};
        struct json *v = NULL;
        /* An exact copy on the heap: the sanitizer sees any byte read behind it. */
        char *copy = mem_alloc(rows[i].text.n);
        memcpy(copy, rows[i].text.p, rows[i].text.n);
        enum err err = json_parse((str){copy, rows[i].text.n}, a, &v, &e);
        if (err != ERR_FORMAT || e.pos != rows[i].pos || e.text[0] == '\0')
            fail_msg("row %zu, %s: %s at %zu (%s), want %zu", i, rows[i].text.p, err_name(err),
                     e.pos, e.text, rows[i].pos);
        assert_null(v);
        mem_free(copy);
        arena_free(a);
    }
}

static char *repeat(const char *unit, size_t times)
{
    size_t n = strlen(unit);
    char *text = mem_alloc(n * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * n, unit, n);
    return text;
}

static void depth_is_limited(void **state)
{
    (void)state;
    static const struct { const char *open; size_t times; enum err err; size_t pos; } rows[] = {
        {"[", JSON_DEPTH_MAX, ERR_FORMAT, JSON_DEPTH_MAX},
        {"[", JSON_DEPTH_MAX + 1, ERR_LIMIT, JSON_DEPTH_MAX},
        {"[", 100000, ERR_LIMIT, JSON_DEPTH_MAX},
        {"{\"a\":", 100000, ERR_LIMIT, JSON_DEPTH_MAX * 5},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        char *text = repeat(rows[i].open, rows[i].times);
        struct arena *a = arena_new(1 << 20);
        struct error e;
        struct json *v;
        assert_int_equal(json_parse(str_of(text), a, &v, &e), rows[i].err);
        assert_int_equal(e.pos, rows[i].pos);
        assert_true(arena_used(a) < 1000);
        arena_free(a);
        mem_free(text);
    }
    char closed[2 * JSON_DEPTH_MAX + 1] = "";
    memset(closed, '[', JSON_DEPTH_MAX);
    memset(closed + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    struct arena *a = arena_new(0);
    struct json *v;
    assert_int_equal(json_parse(str_of(closed), a, &v, NULL), ERR_OK);
    arena_free(a);
}

/* The cap of the arena bounds the tree and the scratch memory; neither may be passed. */
static void memory_is_limited(void **state)
{
    (void)state;
    char *text = repeat("1,", 100000);
    text[0] = '[';
    text[1] = '1';                             /* [11,1,1,...] of 99,999 elements */
    text[199999] = ']';
    for (size_t cap = 1; cap < (size_t)16 << 20; cap *= 2) {
        struct arena *a = arena_new(cap);
        struct error e;
        struct json *v = NULL;
        enum err err = json_parse(str_of(text), a, &v, &e);
        assert_int_equal(err, cap < 99999 * sizeof(struct json) ? ERR_LIMIT : ERR_OK);
        assert_true(arena_used(a) <= cap);
        arena_free(a);
    }
    mem_free(text);
}

static void failed_allocations_are_limits(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4000);
    buf_printf(&text, "{\"k\":\"\\n%02500d\",\"list\":[[1,2,3],[4,5,6],{\"a\":{}}]", 0);
    for (int i = 0; i < 40; i++)
        buf_printf(&text, ",\"k%d\":%d", i, i);
    buf_char(&text, '}');
    enum err err = ERR_LIMIT;
    size_t nth = 1;
    for (; nth < 100 && err == ERR_LIMIT; nth++) {
        struct arena *a = arena_new(0);
        struct json *v = NULL;
        mem_fail_nth(nth);
        err = json_parse(buf_str(&text), a, &v, NULL);
        mem_fail_nth(0);
        assert_int_equal(v != NULL, err == ERR_OK);
        arena_free(a);
    }
    assert_int_equal(err, ERR_OK);
    assert_true(nth > 4);
    buf_done(&text);
}

/* A million different keys take linear time; the same with one twice is refused at its place. */
static void many_keys(void **state)
{
    (void)state;
    enum { N = 1000000, ROW = 16 };
    char *text = mem_alloc(N * ROW + 1);
    for (size_t i = 0; i < N; i++)
        snprintf(text + i * ROW, ROW + 1, "%c\"key%07zu\":1 ", i ? ',' : '{', i);
    text[N * ROW - 1] = '}';
    str s = {text, N * ROW};
    for (int twice = 0; twice < 2; twice++) {
        if (twice)
            memcpy(text + 777777 * ROW, text + 5 * ROW, ROW);
        struct arena *a = arena_new(0);
        struct error e;
        struct json *v;
        assert_int_equal(json_parse(s, a, &v, &e), twice ? ERR_FORMAT : ERR_OK);
        if (twice)
            assert_int_equal(e.pos, 777777 * ROW + 1);
        else
            assert_int_equal(json_get(v, "key0999999")->pos, s.n - 2);
        arena_free(a);
    }
    mem_free(text);
}

/* Around the border between pairwise and hashed comparison: any pair that is equal is found. */
static void equal_keys_are_found(void **state)
{
    (void)state;
    for (int n = 14; n <= 19; n++) {
        for (int dup = 1; dup < n; dup++) {
            struct buf text;
            buf_init(&text, 400);
            size_t pos = 0;
            for (int k = 0; k < n; k++) {
                buf_char(&text, k ? ',' : '{');
                pos = k == dup ? text.n : pos;
                buf_printf(&text, "\"k%d\":0", k == dup ? dup / 2 : k);
            }
            buf_char(&text, '}');
            struct arena *a = arena_new(0);
            struct error e;
            struct json *v;
            assert_int_equal(json_parse(buf_str(&text), a, &v, &e), ERR_FORMAT);
            assert_int_equal(e.pos, pos);
            arena_free(a);
            buf_done(&text);
        }
    }
}

static void reads_the_tree(void **state)
{
    (void)state;
    const str text = STR("{\"n\": 1.50, \"s\": \"plain\", "
                         "\"esc\": \"a\\u0000b\", \"l\": [true, null]}");
    struct arena *a = arena_new(0);
    struct json *v;
    assert_int_equal(json_parse(text, a, &v, NULL), ERR_OK);
    assert_int_equal(v->n, 4);
    assert_str_is(json_get(v, "n")->text, "1.50");
    assert_double_is(json_get(v, "n")->number, 1.5);
    assert_int_equal(json_get(v, "n")->pos, 6);
    assert_int_equal(v->member[1].pos, 12);
    const struct json *s = json_get(v, "s");
    assert_ptr_equal(s->string.p, text.p + s->pos + 1); /* borrows the source */
    assert_true(str_eq(json_get(v, "esc")->string, STR("a\0b")));
    const struct json *l = json_get_str(v, STR("l"));
    assert_int_equal(l->n, 2);
    assert_true(l->item[0].boolean);
    assert_true(json_absent(&l->item[1]) && json_absent(NULL) && json_absent(json_get(v, "none")));
    assert_false(json_absent(l));
    assert_null(json_get(l, "n"));
    assert_null(json_get(NULL, "n"));
    assert_string_equal(json_type_name(JSON_BOOL), "boolean");
    assert_string_equal(json_type_name(l->type), "array");
    arena_free(a);
}

static void integers(void **state)
{
    (void)state;
    static const struct { const char *text; bool ok; int64_t v; } rows[] = {
        {"0", true, 0}, {"-0", true, 0}, {"-0.0", true, 0}, {"0e999999999999999999999", true, 0},
        {"3", true, 3}, {"3.0", true, 3}, {"3e2", true, 300}, {"3E+2", true, 300},
        {"30e-1", true, 3},
        {"0.3e1", true, 3}, {"0.003e3", true, 3}, {"1.20e1", true, 12}, {"100e-2", true, 1},
        {"-1.5e1", true, -15}, {"100", true, 100}, {"101.000", true, 101},
        {"1001.00e1", true, 10010},
        {"9223372036854775807", true, INT64_MAX}, {"9223372036854775807.0", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN}, {"-9223372036854775808.0", true, INT64_MIN},
        {"9007199254740993.0", true, 9007199254740993},
        {"9223372036854775808", false, 0}, {"-9223372036854775809.0", false, 0},
        {"92233720368547758070e-1", true, INT64_MAX}, {"1e18", true, 1000000000000000000},
        {"1e19", false, 0}, {"18446744073709551616", false, 0}, {"1e300", false, 0},
        {"0.5", false, 0}, {"1e-1", false, 0}, {"3.01", false, 0}, {"1e-400", false, 0},
        {"0.1e-99999999999999999999", false, 0}, {"\"3\"", false, 0}, {"true", false, 0},
        {"null", false, 0},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct arena *a = arena_new(0);
        struct json *v;
        int64_t got = 0;
        assert_int_equal(json_parse(str_of(rows[i].text), a, &v, NULL), ERR_OK);
        if (json_int(v, &got) != rows[i].ok || got != rows[i].v)
            fail_msg("%s gave %lld", rows[i].text, (long long)got);
        arena_free(a);
    }
    int64_t none;
    assert_false(json_int(NULL, &none));
}

/* Plain integers take a shorter way up to 15 characters; both ways must meet. */
static void numbers_meet_at_the_border(void **state)
{
    (void)state;
    static const char digits[] = "987654321098765432109876543210";
    for (size_t n = 1; n < sizeof digits; n++) {
        struct arena *a = arena_new(0);
        struct json *v;
        char text[40];
        snprintf(text, sizeof text, "%.*s", (int)n, digits);
        assert_int_equal(json_parse(str_of(text), a, &v, NULL), ERR_OK);
        assert_double_is(v->number, strtod(text, NULL));
        arena_free(a);
    }
}

/* A special byte at each place of strings of each length: the eight-byte steps miss none. */
static void string_scan_sees_every_byte(void **state)
{
    (void)state;
    static const unsigned char special[] = {'"', '\\', 0x00, 0x1f, 0x80, 0xff};
    char text[44];
    for (size_t n = 2; n < sizeof text; n++) {
        for (size_t at = 1; at + 1 < n; at++) {
            for (size_t k = 0; k < sizeof special; k++) {
                memset(text, 'a' + (int)k * 4, sizeof text);
                text[0] = text[n - 1] = '"';
                text[at] = (char)special[k];
                struct arena *a = arena_new(0);
                struct json *v;
                struct error e;
                assert_int_equal(json_parse((str){text, n}, a, &v, &e), ERR_FORMAT);
                arena_free(a);
            }
        }
    }
}

static void lines_and_columns(void **state)
{
    (void)state;
    static const struct { size_t pos, line, col; } rows[] = {
        {0, 1, 1}, {1, 1, 2}, {2, 2, 1}, {4, 2, 2}, {5, 2, 3}, {6, 3, 1}, {99, 3, 1},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        size_t line, col;
        json_line_col(STR("a\n\xc3\xa9z\n"), rows[i].pos, &line, &col);
        assert_int_equal(line, rows[i].line);
        assert_int_equal(col, rows[i].col);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(failed_allocations_are_limits),
        cmocka_unit_test(many_keys),
        cmocka_unit_test(equal_keys_are_found),
        cmocka_unit_test(reads_the_tree),
        cmocka_unit_test(integers),
        cmocka_unit_test(numbers_meet_at_the_border),
        cmocka_unit_test(string_scan_sees_every_byte),
        cmocka_unit_test(lines_and_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
