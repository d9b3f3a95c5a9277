/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/utf8.h"

/* Every code point survives the way out and back, alone and cut short. */
static void every_code_point_round_trips(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        char out[4];
        int n = utf8_put(out, cp);
        if (cp >= 0xd800 && cp < 0xe000) {
            assert_int_equal(n, 0);
            continue;
        }
        str s = {out, (size_t)n};
        size_t i = 0;
        if (utf8_next(s, &i) != cp || i != s.n || !utf8_valid(s) || utf8_tail(s) != 0)
            fail_msg("U+%04X does not round-trip", cp);
        for (size_t cut = 1; cut < s.n; cut++) {
            str part = str_sub(s, 0, cut);
            if (utf8_valid(part) || utf8_tail(part) != cut)
                fail_msg("U+%04X cut to %zu bytes", cp, cut);
        }
    }
    char out[4];
    assert_int_equal(utf8_put(out, 0x110000), 0);
}

/* want: the code points, ? for a bad byte; tail: bytes that a stream must hold back. */
static void decodes(void **state)
{
    (void)state;
    static const struct { const char *s, *want; size_t tail; } rows[] = {
        {"", "", 0},
        {"a\xc3\xa9z", "61 e9 7a ", 0},
        {"\x80", "? ", 0},
        {"\xc0\x80", "? ? ", 0},                  /* overlong NUL */
        {"\xc1\xbf", "? ? ", 0},
        {"\xe0\x80\x80", "? ? ? ", 0},            /* overlong */
        {"\xe0\x9f\xbf", "? ? ? ", 0},
        {"\xed\xa0\x80", "? ? ? ", 0},            /* surrogate */
        {"\xf0\x8f\xbf\xbf", "? ? ? ? ", 0},      /* overlong */
        {"\xf4\x90\x80\x80", "? ? ? ? ", 0},      /* above U+10FFFF */
        {"\xf5\x80\x80\x80", "? ? ? ? ", 0},
        {"\xff\xfe", "? ? ", 0},
        {"a\xe2\x82", "61 ? ? ", 2},
        {"\xe2\x82\xac\xe2", "20ac ? ", 1},
        {"\xf0\x9f\x98", "? ? ? ", 3},
        {"\xe2\x82" "a", "? ? 61 ", 0},
        {"\xe0\x80", "? ? ", 0},                  /* can no longer become a character */
        {"\xed\xa0", "? ? ", 0},
        {"\xf4\x90", "? ? ", 0},
        {"\xe2\xc3", "? ? ", 1},
        {"\x80\x80\x80\x80", "? ? ? ? ", 0},
    };
    for (size_t k = 0; k < N_OF(rows); k++) {
        str s = str_of(rows[k].s);
        char got[64] = "";
        size_t n = 0;
        for (size_t i = 0; i < s.n; n++) {
            uint32_t cp = utf8_next(s, &i);
            size_t at = strlen(got);
            snprintf(got + at, sizeof got - at, cp == UTF8_BAD ? "? " : "%x ", cp);
        }
        assert_string_equal(got, rows[k].want);
        assert_int_equal(utf8_count(s), n);
        assert_int_equal(utf8_valid(s), strchr(rows[k].want, '?') == NULL);
        assert_int_equal(utf8_tail(s), rows[k].tail);
    }
}

/* A bad byte at each place of a longer text is found, also behind the eight-byte steps. */
static void valid_looks_everywhere(void **state)
{
    (void)state;
    char text[64];
    for (size_t n = 1; n < sizeof text; n++) {
        memset(text, 'a', sizeof text);
        assert_true(utf8_valid((str){text, n}));
        for (size_t at = 0; at < n; at++) {
            text[at] = (char)0x80;
            assert_false(utf8_valid((str){text, n}));
            text[at] = 'a';
        }
    }
}

/* Values from UnicodeData.txt and PropList.txt. */
static void classes(void **state)
{
    (void)state;
    static const struct { uint32_t cp; unsigned bits; } rows[] = {
        {'A', UNI_LETTER | UNI_UPPER}, {'z', UNI_LETTER | UNI_LOWER}, {'7', UNI_NUMBER},
        {' ', UNI_SPACE}, {'\n', UNI_SPACE | UNI_CONTROL}, {0, UNI_CONTROL}, {0x7f, UNI_CONTROL},
        {0x1c, UNI_CONTROL}, {0x85, UNI_SPACE | UNI_CONTROL}, {0xa0, UNI_SPACE}, {0x200b, 0},
        {'!', UNI_PUNCT}, {'_', UNI_PUNCT}, {'$', UNI_SYMBOL}, {'^', UNI_SYMBOL},
        {0x301, UNI_MARK}, {0x20dd, UNI_MARK}, {0x2160, UNI_NUMBER}, {0xb2, UNI_NUMBER},
        {0x1c5, UNI_LETTER | UNI_TITLE}, {0x2b0, UNI_LETTER | UNI_MODIFIER},
        {0x4e2d, UNI_LETTER | UNI_OTHER_LETTER}, {0x9fff, UNI_LETTER | UNI_OTHER_LETTER},
        {0xac00, UNI_LETTER | UNI_OTHER_LETTER}, {0x3000, UNI_SPACE}, {0x2028, UNI_SPACE},
        {0x1f600, UNI_SYMBOL}, {0x1d400, UNI_LETTER | UNI_UPPER}, {0x378, 0}, {0xd800, 0},
        {0xe000, 0}, {0x10ffff, 0}, {0x110000, 0}, {UTF8_BAD, 0},
    };
    for (size_t i = 0; i < N_OF(rows); i++)
        if (uni_class(rows[i].cp) != rows[i].bits)
            fail_msg("U+%04X: got %u, want %u", rows[i].cp, uni_class(rows[i].cp), rows[i].bits);
}

static void cases(void **state)
{
    (void)state;
    static const struct { uint32_t cp, lower, upper; } rows[] = {
        {'A', 'a', 'A'}, {'a', 'a', 'A'}, {'1', '1', '1'}, {0xdf, 0xdf, 0xdf}, {0xff, 0xff, 0x178},
        {0x130, 'i', 0x130}, {0x131, 0x131, 'I'}, {0x1c5, 0x1c6, 0x1c4}, {0x3a3, 0x3c3, 0x3a3},
        {0x3c2, 0x3c2, 0x3a3}, {0x1e9e, 0xdf, 0x1e9e}, {0x1f80, 0x1f80, 0x1f88},
        {0x1f88, 0x1f80, 0x1f88}, {0x10400, 0x10428, 0x10400}, {0xfb00, 0xfb00, 0xfb00},
        {0x13a0, 0xab70, 0x13a0}, {0x212a, 'k', 0x212a}, {0x110000, 0x110000, 0x110000},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        assert_int_equal(uni_lower(rows[i].cp), rows[i].lower);
        assert_int_equal(uni_upper(rows[i].cp), rows[i].upper);
    }
}

static void decompositions(void **state)
{
    (void)state;
    static const struct { uint32_t cp; int n; uint32_t out[4]; } rows[] = {
        {'a', 1, {'a'}}, {0xe9, 2, {'e', 0x301}}, {0x1e69, 3, {'s', 0x323, 0x307}},
        {0x1f82, 4, {0x3b1, 0x313, 0x300, 0x345}}, {0xac00, 2, {0x1100, 0x1161}},
        {0xd7a3, 3, {0x1112, 0x1175, 0x11c2}}, {0xabff, 1, {0xabff}}, {0xd7a4, 1, {0xd7a4}},
        {0x212b, 2, {'A', 0x30a}}, {0xfb01, 1, {0xfb01}}, {0x2f800, 1, {0x4e3d}},
        {0x2fa1d, 1, {0x2a600}}, {0xc0, 2, {'A', 0x300}}, {0x110000, 1, {0x110000}},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        uint32_t out[4] = {0};
        assert_int_equal(uni_decompose(rows[i].cp, out), rows[i].n);
        for (int k = 0; k < rows[i].n; k++)
            assert_int_equal(out[k], rows[i].out[k]);
    }
    assert_int_equal(uni_combining(0x301), 230);
    assert_int_equal(uni_combining(0x323), 220);
    assert_int_equal(uni_combining(0x345), 240);
    assert_int_equal(uni_combining('a'), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_round_trips),
        cmocka_unit_test(decodes),
        cmocka_unit_test(valid_looks_everywhere),
        cmocka_unit_test(classes),
        cmocka_unit_test(cases),
        cmocka_unit_test(decompositions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
