/* SPDX-License-Identifier: Apache-2.0
 *
 * Text -> ids -> text with hand-made vocabularies of both kinds and several pre-tokenizers. The
 * first byte of the input chooses vocabulary and flags, the second where an input span lies.
 *
 * Text comes back whole (where a control token was taken, its spelling does), malformed bytes as
 * U+FFFD. There are never more ids than bytes and additions, and no control token comes out of
 * plain text or out of an input span.
 */
#include "../unit/token/tiny_vocab.h"
#include "base/buf.h"
#include "base/mem.h"
#include "token/detok.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_OF(array) (sizeof(array) / sizeof(array)[0])
#define MARK "\xe2\x96\x81"
#define TEXT_MAX 65536

static const str merges[] = {
    {"h e", 3}, {"l l", 3}, {"he ll", 5}, {"hell o", 6}, {"\xc4\xa0 w", 4}, {"a a", 3},
    {"aa aa", 5}, {"b c", 3}, {"a b", 3}, {"\xc3\xa2 \xc4\xa4", 5}, {"\xc4\xa0 \xc4\xa0", 5},
    {"< |", 3}, {"1 2", 3},
};

static const char *const pieces[] = {
    MARK, "h", "e", "l", "o", "a", MARK "h", MARK "he", "ll", "llo", MARK "hello", "aa", "aaaa",
    MARK "a", "b", "ab", "bc", "c", MARK MARK, "<", "/", "s", ">", "</", "</s", "\xc3\xa9",
};

static const struct tiny_special specials[] = {
    {"<|end|>", TOKEN_CONTROL}, {"<|end|>!", TOKEN_CONTROL}, {"<|", TOKEN_USER},
    {"ab", TOKEN_USER}, {"bcd", TOKEN_USER}, {"  ", TOKEN_USER}, {"    ", TOKEN_USER},
    {"\xe2\x96", TOKEN_USER},
};

static const char *const pre[] = {
    "default", "gpt-2", "llama-bpe", "qwen2", "deepseek-v3", "gpt-4o", "deepseek-llm",
};

struct vocabs { struct vocab *bpe[N_OF(pre)], *spm, *spm_bare; };

static struct vocab *make(struct tiny *t)
{
    struct vocab *v;
    struct error e;
    CHECK(vocab_new(&t->desc, &v, &e) == ERR_OK);
    return v;
}

/* Built once; kept until the process ends. */
static const struct vocabs *vocabs(void)
{
    static struct vocabs *all;
    if (all)
        return all;
    struct tiny *t = mem_alloc(sizeof *t);
    all = mem_alloc(sizeof *all);
    for (size_t i = 0; i < N_OF(pre); i++) {
        tiny_bpe(t, pre[i], merges, N_OF(merges), specials, N_OF(specials));
        all->bpe[i] = make(t);
    }
    tiny_spm(t, pieces, N_OF(pieces), specials, N_OF(specials));
    all->spm = make(t);
    t->desc.add_space_prefix = 0;
    all->spm_bare = make(t);
    mem_free(t);
    return all;
}

static void check_control(const struct vocab *v, const struct token_list *l, unsigned flags,
                          const struct text_span *input)
{
    size_t at = 0;
    for (size_t i = 0; i < l->n; i++) {
        str piece = vocab_piece(v, l->id[i]);
        if (vocab_type(v, l->id[i]) == TOKEN_CONTROL) {
            CHECK(flags & TOKENIZE_PARSE_SPECIAL);
            CHECK(at >= input->to || at + piece.n <= input->from);
        }
        at += piece.n;
    }
}

/* What detok makes of the bytes themselves: the same vocabulary, byte by byte. */
static void expected_text(const struct vocab *bytes, str text, struct buf *out)
{
    struct detok d;
    detok_init(&d, bytes, true);
    for (size_t i = 0; i < text.n; i++)
        detok_add(&d, (unsigned char)text.p[i], out);
    detok_flush(&d, out);
}

static void check_text(const struct vocab *v, const struct token_list *l, str want)
{
    struct buf got;
    struct detok d;
    buf_init(&got, 4 * TEXT_MAX);
    detok_init(&d, v, true);
    for (size_t i = 0; i < l->n; i++)
        detok_add(&d, l->id[i], &got);
    detok_flush(&d, &got);
    CHECK(utf8_valid(buf_str(&got)) && !got.bad);
    if (want.p)
        CHECK(str_eq(buf_str(&got), want));
    buf_done(&got);
}

/* SPM cannot tell a space from U+2581, and puts a space behind special tokens: its text is only
 * compared where neither happens. */
static bool is_comparable(const struct vocab *v, str text, const struct vocabs *all)
{
    if (v == all->spm_bare)
        return str_find(text, STR(MARK), 0) == SIZE_MAX;
    return v != all->spm;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > TEXT_MAX)
        return 0;
    const struct vocabs *all = vocabs();
    unsigned choice = data[0] & 15, flags = data[0] >> 6;
    const struct vocab *v = choice < N_OF(pre) ? all->bpe[choice]
                          : choice & 1 ? all->spm : all->spm_bare;
    str text = {(const char *)data + 2, size - 2};
    struct text_span input = {data[1] < text.n ? data[1] : text.n, text.n};
    input.to -= (text.n - input.from) / 2;

    struct token_list l;
    struct error e;
    struct buf want;
    token_list_init(&l, 3 * size + 8);
    CHECK(vocab_tokenize(v, text, flags & ~TOKENIZE_ADD_SPECIAL, &input, 1, &l, &e) == ERR_OK);
    bool comparable = is_comparable(v, text, all);
    if (comparable) {
        CHECK(l.n <= text.n);
        check_control(v, &l, flags, &input);
    }
    buf_init(&want, 4 * TEXT_MAX);
    expected_text(all->bpe[0], text, &want);
    buf_add(&want, STR(""));
    check_text(v, &l, comparable ? (str){want.p ? want.p : "", want.n} : STR_NONE);
    buf_done(&want);
    token_list_done(&l);
    return 0;
}
