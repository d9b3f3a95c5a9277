/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of ids: the same for every division of the bytes among tokens, no character cut, malformed
 * bytes replaced, the first space of SPM, control tokens.
 */
#include "../test.h"
#include "token/detok.h"
#include "tiny_vocab.h"

#define R "\xef\xbf\xbd"

static struct tiny tiny;

static struct vocab *make(void)
{
    struct vocab *v;
    struct error e;
    if (vocab_new(&tiny.desc, &v, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return v;
}

struct row { const char *bytes, *want; };

static const struct row rows[] = {
    {"", ""},
    {"plain", "plain"},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"a\xff" "b", "a" R "b"},
    {"\x80\x80", R R},
    {"\xe2\x82", R},                   /* the end of the text cuts it */
    {"\xf0\x9f\x98", R},
    {"\xe2\x82" "a", R "a"},
    {"\xe2\x82\xe2\x82\xac", R "\xe2\x82\xac"},
    {"\xf0\x9f\x98\xc3\xa9", R "\xc3\xa9"},
    {"\xc3\xc3\xa9\xc3", R "\xc3\xa9" R},
    {"\xe0\x80\x80", R R R},           /* overlong: no byte begins a character */
    {"\xed\xa0\x80", R R R},           /* a surrogate */
    {"\xf4\x90\x80\x80", R R R R},     /* above U+10FFFF */
    {"\xc0\xaf\xf8\x88", R R R R},
    {"\xf0\x9f\x98\x80\x80", "\xf0\x9f\x98\x80" R},
};

static void spell_byte(char spelled[64], unsigned char byte)
{
    size_t n = strlen(spelled);
    snprintf(spelled + n, 64 - n, "%s", tiny.text[byte]);
}

/* One token a byte, id = byte; then every part of the text as a token of its own. */
static void make_parts(str text, int32_t id[16][17])
{
    static char spelled[16 * 17][64];
    size_t n = 0;
    tiny_bpe(&tiny, "qwen2", NULL, 0, NULL, 0);
    for (size_t from = 0; from < text.n; from++) {
        for (size_t to = from + 1; to <= text.n; to++) {
            spelled[n][0] = 0;
            for (size_t i = from; i < to; i++)
                spell_byte(spelled[n], (unsigned char)text.p[i]);
            id[from][to] = tiny_add(&tiny, spelled[n], TOKEN_NORMAL, 0);
            n++;
        }
    }
    tiny.desc.n_token = tiny.n;
}

/* Bit i of cuts: the text is cut behind byte i. */
static void feed(struct detok *d, str text, unsigned cuts, int32_t id[16][17], struct buf *out)
{
    size_t from = 0;
    for (size_t i = 1; i <= text.n; i++) {
        if (i < text.n && !(cuts >> (i - 1) & 1))
            continue;
        detok_add(d, id[from][i], out);
        assert_true(utf8_valid(buf_str(out)));
        from = i;
    }
}

static void test_every_division(void **state)
{
    (void)state;
    for (size_t r = 0; r < N_OF(rows); r++) {
        static int32_t id[16][17];
        str text = str_of(rows[r].bytes);
        make_parts(text, id);
        struct vocab *v = make();
        for (unsigned cuts = 0; cuts < 1u << (text.n ? text.n - 1 : 0); cuts++) {
            struct detok d;
            struct buf out;
            buf_init(&out, 1000);
            detok_init(&d, v, false);
            feed(&d, text, cuts, id, &out);
            detok_flush(&d, &out);
            if (!str_is(buf_str(&out), rows[r].want))
                fail_msg("row %zu cuts %x: got \"%.*s\", want \"%s\"", r, cuts,
                         STR_FMT(buf_str(&out)), rows[r].want);
            buf_done(&out);
        }
        vocab_free(v);
    }
}

/* What is certain comes out at once; only the beginning of a character waits. */
static void test_nothing_held_without_need(void **state)
{
    (void)state;
    static const char bytes[] = "a\xe2\x82\xac\xf0\x9fz";
    static const size_t shown[] = {1, 1, 1, 4, 4, 4, 8};
    tiny_bpe(&tiny, "qwen2", NULL, 0, NULL, 0);
    struct vocab *v = make();
    struct detok d;
    struct buf out;
    buf_init(&out, 1000);
    detok_init(&d, v, false);
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        detok_add(&d, (unsigned char)bytes[i], &out);
        assert_int_equal(out.n, shown[i]);
    }
    detok_flush(&d, &out);
    detok_flush(&d, &out);             /* a second one adds nothing */
    assert_str_is(buf_str(&out), "a\xe2\x82\xac" R "z");
    buf_done(&out);
    vocab_free(v);
}

static const char *const pieces[] = {"\xe2\x96\x81", ("\xe2\x96\x81" "a"), "b"};
enum { SPACE = 259, SPACE_A, B, UNK = 0, BOS = 1 };

struct spm_row { int32_t id[5]; size_t n; bool keep, started; int prefix; const char *want; };

static void test_spm_space(void **state)
{
    (void)state;
    static const struct spm_row rows_spm[] = {
        {{SPACE_A, B}, 2, false, false, -1, "ab"},
        {{SPACE_A, SPACE_A}, 2, false, false, -1, "a a"},
        {{SPACE, SPACE_A}, 2, false, false, -1, " a"},
        {{BOS, SPACE_A}, 2, false, false, -1, "a"},
        {{BOS, SPACE_A}, 2, true, false, -1, "<s> a"},
        {{B, SPACE_A, BOS, UNK}, 4, false, false, -1, "b a"},
        {{SPACE_A}, 1, false, true, -1, " a"},
        {{SPACE_A}, 1, false, false, 0, " a"},
        {{-1, 99999, B}, 3, false, false, -1, "b"},
        {{3 + 0xc3, 3 + 0xa9}, 2, false, false, -1, "\xc3\xa9"},
    };
    for (size_t r = 0; r < N_OF(rows_spm); r++) {
        const struct spm_row *row = &rows_spm[r];
        struct detok d;
        struct buf out;
        tiny_spm(&tiny, pieces, N_OF(pieces), NULL, 0);
        tiny.desc.add_space_prefix = row->prefix;
        struct vocab *v = make();
        buf_init(&out, 1000);
        detok_init(&d, v, row->keep);
        d.started = row->started;
        for (size_t i = 0; i < row->n; i++)
            detok_add(&d, row->id[i], &out);
        detok_flush(&d, &out);
        if (!str_is(buf_str(&out), row->want))
            fail_msg("row %zu: got \"%.*s\", want \"%s\"", r, STR_FMT(buf_str(&out)), row->want);
        buf_done(&out);
        vocab_free(v);
    }
}

/* A control token between the halves of a character does not separate them. */
static void test_control_between_bytes(void **state)
{
    (void)state;
    static const struct tiny_special s[] = {{"<|im_end|>", TOKEN_CONTROL}};
    static const int32_t id[] = {0xc3, 256, 0xa9};
    tiny_bpe(&tiny, "qwen2", NULL, 0, s, 1);
    struct vocab *v = make();
    static const char *const want[] = {"\xc3\xa9", R "<|im_end|>" R};
    for (int keep = 0; keep < 2; keep++) {
        struct detok d;
        struct buf out;
        buf_init(&out, 1000);
        detok_init(&d, v, keep);
        for (size_t i = 0; i < N_OF(id); i++)
            detok_add(&d, id[i], &out);
        detok_flush(&d, &out);
        assert_str_is(buf_str(&out), want[keep]);
        buf_done(&out);
    }
    vocab_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_division),
        cmocka_unit_test(test_nothing_held_without_need),
        cmocka_unit_test(test_spm_space),
        cmocka_unit_test(test_control_between_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
