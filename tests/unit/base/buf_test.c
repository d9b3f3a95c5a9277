/* SPDX-License-Identifier: Apache-2.0
 *
 * buf and reader.
 */
#include "../test.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/reader.h"

static void appends(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(buf_str(&b).n, 0);
    buf_add(&b, STR("a"));
    buf_add(&b, STR_NONE);
    buf_char(&b, '-');
    buf_printf(&b, "%03d;", 7);
    buf_u64(&b, UINT64_MAX);
    buf_char(&b, ';');
    buf_i64(&b, INT64_MIN);
    buf_char(&b, ';');
    buf_i64(&b, 0);
    assert_str_is(buf_str(&b), "a-007;18446744073709551615;-9223372036854775808;0");
    buf_consume(&b, 6);
    buf_consume(&b, 0);
    assert_str_is(buf_str(&b), "18446744073709551615;-9223372036854775808;0");
    memcpy(buf_reserve(&b, 3), "xyz", 3);
    b.n += 3;
    assert_true(str_ends(buf_str(&b), STR(";0xyz")));
    buf_clear(&b);
    assert_int_equal(b.n, 0);
    assert_true(b.cap > 0);
    buf_done(&b);
    buf_add(&b, STR("again"));
    assert_str_is(buf_str(&b), "again");
    buf_done(&b);
}

/* An append of n bytes to a buf of maximum 100 fits exactly up to 100. */
static void the_maximum_is_exact_and_sticky(void **state)
{
    (void)state;
    char text[200];
    memset(text, 'x', sizeof text);
    for (int n = 98; n <= 102; n++) {
        for (int way = 0; way < 3; way++) {
            struct buf b;
            buf_init(&b, 100);
            if (way == 0)
                buf_add(&b, (str){text, (size_t)n});
            else if (way == 1)
                buf_printf(&b, "%.*s", n, text);
            for (int i = 0; way == 2 && i < n; i++)
                buf_char(&b, 'x');
            assert_int_equal(b.bad, n > 100);
            assert_int_equal(b.n, n <= 100 ? n : way == 2 ? 100 : 0);
            assert_true(b.cap <= 100);
            if (b.bad) {
                buf_char(&b, 'y');
                buf_printf(&b, "%d", 1);
                assert_int_equal(b.n, way == 2 ? 100 : 0);
                assert_null(buf_reserve(&b, 0));
                buf_clear(&b);
                assert_false(b.bad);
            }
            buf_done(&b);
        }
    }
}

static void long_prints(void **state)
{
    (void)state;
    char text[1001];
    memset(text, 'x', sizeof text - 1);
    text[1000] = '\0';
    for (size_t max = 999; max <= 1001; max++) {
        struct buf b;
        buf_init(&b, max);
        buf_printf(&b, "%s", text);
        assert_int_equal(b.bad, max < 1000);
        assert_int_equal(b.n, max < 1000 ? 0 : 1000);
        buf_done(&b);
    }
}

static void out_of_memory_is_bad(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, STR("kept"));
    mem_fail_nth(1);
    assert_null(buf_reserve(&b, 5000));
    assert_true(b.bad);
    assert_str_is(buf_str(&b), "kept");
    mem_fail_nth(0);
    buf_done(&b);
}

static void reads_numbers(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
        0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0xbf, 'e', 'n', 'd'};
    struct reader r = reader_of(bytes, sizeof bytes);
    assert_int_equal(read_u8(&r), 0x01);
    assert_int_equal(read_u16le(&r), 0x0302);
    assert_int_equal(read_u32le(&r), 0x07060504);
    assert_int_equal(read_u64le(&r), 0x0f0e0d0c0b0a0908);
    assert_double_is((double)read_f32le(&r), 1.0);
    assert_double_is(read_f64le(&r), -1.0);
    assert_str_is(read_bytes(&r, 3), "end");
    assert_int_equal(reader_left(&r), 0);
    assert_false(r.bad);
    assert_int_equal(read_bytes(&r, 0).n, 0);
    assert_false(r.bad);
}

static void past_the_end_is_zero_and_stays_bad(void **state)
{
    (void)state;
    static const uint8_t ff[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    for (size_t n = 0; n < 8; n++) {
        struct reader r = reader_of(ff, n);
        assert_int_equal(read_u64le(&r), 0);
        assert_true(r.bad);
        assert_int_equal(r.pos, 0);
        assert_int_equal(reader_left(&r), 0);
        assert_int_equal(read_u8(&r), 0);
        assert_int_equal(read_bytes(&r, 0).n, 0);
    }
    struct reader r = reader_of(ff, sizeof ff);
    read_u32le(&r);
    assert_int_equal(read_bytes(&r, UINT64_MAX).n, 0);
    assert_true(r.bad);
    assert_int_equal(r.pos, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(the_maximum_is_exact_and_sticky),
        cmocka_unit_test(long_prints),
        cmocka_unit_test(out_of_memory_is_bad),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(past_the_end_is_zero_and_stays_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
