/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <math.h>
#include <signal.h>

#include "base/rand.h"
#include "base/utf8.h"
#include "codec/json.h"

static void writes_every_kind(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    struct json_writer w;
    jw_init(&w, &b);
    jw_object(&w);
    jw_kv_string(&w, "s", STR("x"));
    jw_kv_cstring(&w, "c", "y\"z");
    jw_kv_int(&w, "i", -5);
    jw_kv_double(&w, "d", 0.25);
    jw_kv_bool(&w, "t", true);
    jw_kv_null(&w, "n");
    jw_key(&w, "a");
    jw_array(&w);
    jw_array(&w);
    jw_array_end(&w);
    jw_object(&w);
    jw_object_end(&w);
    jw_int(&w, 1);
    jw_bool(&w, false);
    jw_raw(&w, STR("{\"raw\":0}"));
    jw_array_end(&w);
    jw_key_str(&w, STR("k\n"));
    jw_null(&w);
    jw_object_end(&w);
    assert_str_is(buf_str(&b),
                  "{\"s\":\"x\",\"c\":\"y\\\"z\",\"i\":-5,\"d\":0.25,\"t\":true,\"n\":null,"
                  "\"a\":[[],{},1,false,{\"raw\":0}],\"k\\n\":null}");
    assert_int_equal(w.depth, 0);
    buf_done(&b);
}

static void escapes_and_repairs(void **state)
{
    (void)state;
    static const struct { str s; const char *want; } rows[] = {
        {STR(""), ""},
        {STR("a/b\x7f"), "a/b\x7f"},
        {STR("\0\x01\x1f\b\t\n\f\r\"\\"), "\\u0000\\u0001\\u001f\\b\\t\\n\\f\\r\\\"\\\\"},
        {STR("caf\xc3\xa9 \xe2\x82\xac"), "caf\xc3\xa9 \xe2\x82\xac"},
        {STR("\xff"), "\xef\xbf\xbd"},
        {STR("a\xc3\xa9\xff\xc3\xa9z"), "a\xc3\xa9\xef\xbf\xbd\xc3\xa9z"},
        {STR("\xc3"), "\xef\xbf\xbd"},
        {STR("\xe2\x82\"\xac"), "\xef\xbf\xbd\xef\xbf\xbd\\\"\xef\xbf\xbd"},
        {STR("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf b;
        buf_init(&b, 1000);
        struct json_writer w;
        jw_init(&w, &b);
        jw_string(&w, rows[i].s);
        assert_str_is(str_sub(buf_str(&b), 1, b.n - 2), rows[i].want);
        buf_done(&b);
    }
}

static void doubles(void **state)
{
    (void)state;
    static const struct { double v; const char *want; } rows[] = {
        {0, "0"}, {-0.0, "-0"}, {3, "3"}, {-2.5, "-2.5"}, {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"}, {1e22, "1e+22"}, {1e-7, "1e-07"},
        {123456789012345680.0, "1.2345678901234568e+17"}, {5e-324, "4.94065645841247e-324"},
        {NAN, "null"}, {INFINITY, "null"}, {-INFINITY, "null"},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        struct json_writer w;
        jw_init(&w, &b);
        jw_double(&w, rows[i].v);
        assert_str_is(buf_str(&b), rows[i].want);
        buf_done(&b);
    }
}

/* Any finite double is read back bit for bit by our parser. */
static void doubles_round_trip(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 9);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = rng_next(&r);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        struct buf b;
        buf_init(&b, 100);
        struct json_writer w;
        jw_init(&w, &b);
        jw_double(&w, v);
        struct arena *a = arena_new(0);
        struct json *back;
        assert_int_equal(json_parse(buf_str(&b), a, &back, NULL), ERR_OK);
        assert_double_is(back->number, v);
        arena_free(a);
        buf_done(&b);
    }
}

/* Random bytes as a string: the output parses, and is what the bytes are once repaired. */
static void strings_round_trip(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 11);
    for (int i = 0; i < 20000; i++) {
        char bytes[40];
        size_t n = rng_below(&r, sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)(rng_below(&r, 4) ? rng_below(&r, 128) : rng_below(&r, 256));
        str s = {bytes, n};
        struct buf b;
        buf_init(&b, 1000);
        struct json_writer w;
        jw_init(&w, &b);
        jw_string(&w, s);
        struct arena *a = arena_new(0);
        struct json *back;
        assert_int_equal(json_parse(buf_str(&b), a, &back, NULL), ERR_OK);
        if (utf8_valid(s))
            assert_true(str_eq(back->string, s));
        else
            assert_int_equal(utf8_count(back->string), utf8_count(s));
        arena_free(a);
        buf_done(&b);
    }
}

static void errors_are_sticky(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    struct json_writer w;
    jw_init(&w, &b);
    jw_array(&w);
    jw_cstring(&w, "too long for it");
    jw_int(&w, 1);
    jw_array_end(&w);
    assert_true(b.bad);
    buf_done(&b);
}

/* As deep as the limit is fine; deeper only sets the flag, and the way back is still counted. */
static void depth_is_limited(void **state)
{
    (void)state;
    for (int depth = JW_DEPTH_MAX - 1; depth <= JW_DEPTH_MAX + 200; depth++) {
        struct buf b;
        buf_init(&b, 10000);
        struct json_writer w;
        jw_init(&w, &b);
        for (int i = 0; i < depth; i++) {
            jw_object(&w);
            jw_key(&w, "k");
        }
        jw_null(&w);
        for (int i = 0; i < depth; i++)
            jw_object_end(&w);
        assert_int_equal(b.bad, depth > JW_DEPTH_MAX);
        assert_int_equal(w.depth, 0);
        buf_done(&b);
    }
}

static void end_without_begin(void)
{
    struct buf b;
    buf_init(&b, 100);
    struct json_writer w;
    jw_init(&w, &b);
    jw_object_end(&w);
}

static void end_behind_key(void)
{
    struct buf b;
    buf_init(&b, 100);
    struct json_writer w;
    jw_init(&w, &b);
    jw_object(&w);
    jw_key(&w, "a");
    jw_object_end(&w);
}

static void misuse_aborts(void **state)
{
    (void)state;
    assert_int_equal(signal_of(end_without_begin), SIGABRT);
    assert_int_equal(signal_of(end_behind_key), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_kind),
        cmocka_unit_test(escapes_and_repairs),
        cmocka_unit_test(doubles),
        cmocka_unit_test(doubles_round_trip),
        cmocka_unit_test(strings_round_trip),
        cmocka_unit_test(errors_are_sticky),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
