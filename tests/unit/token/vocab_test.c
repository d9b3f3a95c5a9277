/* SPDX-License-Identifier: Apache-2.0
 *
 * Vocabularies by hand: merging, special tokens and input spans, what ends a turn, limits, broken
 * descriptions, time on the worst texts, memory that runs out. Real ones: engine/vocab_golden.
 */
#include "../test.h"
#include <time.h>
#include "base/mem.h"
#include "token/vocab.h"
#include "tiny_vocab.h"

#define ADD TOKENIZE_ADD_SPECIAL
#define PARSE TOKENIZE_PARSE_SPECIAL

static struct tiny tiny;

static struct vocab *make(void)
{
    struct vocab *v;
    struct error e;
    if (vocab_new(&tiny.desc, &v, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return v;
}

static const str merges[] = {
    {"h e", 3}, {"l l", 3}, {"he ll", 5}, {"hell o", 6}, {"\xc4\xa0 w", 4}, {"a a", 3},
    {"aa aa", 5}, {"b c", 3}, {"a b", 3}, {"x y", 3}, {"\xc4\xa0 a", 4},
};

static struct vocab *make_bpe(const char *pre, const struct tiny_special *s, size_t n)
{
    tiny_bpe(&tiny, pre, merges, N_OF(merges), s, n);
    return make();
}

#define MARK "\xe2\x96\x81"

static const char *const pieces[] = {
    MARK, "h", "e", "l", "o", "a", MARK "h", MARK "he", "ll", "llo", MARK "hello", "aa", "aaaa",
    MARK "a", "b", "ab", "bc", "c", MARK MARK, "x", "<", "/", "s", ">", "</", "</s",
};

static struct vocab *make_spm(const struct tiny_special *s, size_t n)
{
    tiny_spm(&tiny, pieces, N_OF(pieces), s, n);
    return make();
}

/* Ids of text, spelled as pieces: [piece] for control and unknown tokens, <41> for bytes of SPM,
 * separated by |. */
static void spell(const struct vocab *v, str text, unsigned flags, const struct text_span *span,
                  size_t n_span, char out[1024])
{
    struct token_list l;
    struct error e;
    size_t n = 0;
    token_list_init(&l, 1000);
    if (vocab_tokenize(v, text, flags, span, n_span, &l, &e) != ERR_OK)
        fail_msg("%s", e.text);
    out[0] = 0;
    for (size_t i = 0; i < l.n; i++) {
        enum token_type t = vocab_type(v, l.id[i]);
        str p = vocab_piece(v, l.id[i]);
        bool special = t == TOKEN_CONTROL || t == TOKEN_UNKNOWN;
        n += (size_t)snprintf(out + n, 1024 - n, "%s%s", i ? "|" : "", special ? "[" : "");
        if (t == TOKEN_BYTE)
            n += (size_t)snprintf(out + n, 1024 - n, "<%02x>", p.p[0] & 255);
        else
            n += (size_t)snprintf(out + n, 1024 - n, "%.*s%s", STR_FMT(p), special ? "]" : "");
        assert_true(n < 1024);
    }
    token_list_done(&l);
}

struct row { const char *text; unsigned flags; const char *want; };

static void check_rows(const struct vocab *v, const struct row *row, size_t n)
{
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        char got[1024];
        spell(v, str_of(row[i].text), row[i].flags, NULL, 0, got);
        if (strcmp(got, row[i].want) != 0) {
            print_error("\"%s\" flags %u: got \"%s\", want \"%s\"\n", row[i].text, row[i].flags,
                        got, row[i].want);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

static void test_bpe_merges(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", 0, ""},
        {"hello", 0, "hello"},
        {"hellhe", 0, "hell|he"},
        {"hello w", 0, "hello| w"},
        {"aaa", 0, "aa|a"},
        {"aaaaaaa", 0, "aaaa|aa|a"},
        {"abc", 0, "a|bc"},            /* b c has the smaller rank */
        {"q", 0, "q"},
        {"\xc3\xa9", 0, "\xc3|\xa9"},
        {"\xff\xfe", 0, "\xff|\xfe"},
    };
    struct vocab *v = make_bpe("qwen2", NULL, 0);
    check_rows(v, rows, N_OF(rows));
    vocab_free(v);
}

/* A word that is a token is taken whole where the scheme says so, even if no merge gives it. */
static void test_whole_word_first(void **state)
{
    (void)state;
    static const struct tiny_special word[] = {{"\xc4\xa0xyz", TOKEN_NORMAL}};
    static const struct row merged[] = {{"a xyz", 0, "a| |xy|z"}};
    static const struct row whole[] = {{"a xyz", 0, "a| xyz"}, {"a xyzz", 0, "a| |xy|z|z"}};
    struct vocab *v = make_bpe("qwen2", word, 1);
    check_rows(v, merged, N_OF(merged));
    vocab_free(v);
    v = make_bpe("llama-bpe", word, 1);
    check_rows(v, whole, N_OF(whole));
    vocab_free(v);
}

/* Merges whose result is no token come out as bytes; bytes without a token as unknown. */
static void test_bpe_holes(void **state)
{
    (void)state;
    static const str odd[] = {
        {"h e", 3}, {"he l", 4}, {"nospace", 7}, {"a ", 2}, {" b", 2}, {"", 0},
        {"\xe4\xb8\xad a", 5}, {"h e", 3},
    };
    static const struct row rows[] = {{"he", 0, "he"}, {"hel", 0, "h|e|l"}, {"z", 0, "[<unk>]"}};
    static const struct tiny_special unk[] = {{"<unk>", TOKEN_UNKNOWN}, {"", TOKEN_NORMAL}};
    tiny_bpe(&tiny, "qwen2", merges, 1, unk, N_OF(unk));
    tiny.desc.merge = odd;
    tiny.desc.n_merge = N_OF(odd);
    tiny.desc.unk = 257;
    tiny.token['z'] = STR("no longer a byte");
    struct vocab *v = make();
    check_rows(v, rows, N_OF(rows));
    vocab_free(v);
    tiny.desc.unk = TOKEN_NONE;
    v = make();
    static const struct row dropped[] = {{"z", 0, ""}};
    check_rows(v, dropped, N_OF(dropped));
    vocab_free(v);
}

static void test_spm_merges(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", 0, ""},
        {"hello", 0, " hello"},
        {"a", 0, " a"},
        {"aaaaa", 0, " |aaaa|a"},      /* the higher score first: aa before " a" */
        {"a a", 0, " a| a"},
        {"  a", 0, "  | a"},
        {MARK "a", 0, " | a"},
        {"abc", 0, " a|bc"},
        {"xab", 0, " |x|ab"},
        {"z", 0, " |<7a>"},
        {"\xc3\xa9\xff", 0, " |<c3>|<a9>|<ff>"},
        {"</s>", 0, " |</s|>"},        /* text never becomes a control token */
        {"</s>", PARSE, "[</s>]"},
        {"a</s>a", PARSE, " a|[</s>]| a"},
        {"<unk>", PARSE, "[<unk>]"},
    };
    struct vocab *v = make_spm(NULL, 0);
    check_rows(v, rows, N_OF(rows));
    vocab_free(v);
    tiny.desc.add_space_prefix = 0;
    tiny.desc.add_bos = 1;
    tiny.desc.add_eos = 1;
    v = make();
    static const struct row bare[] = {
        {"aa", 0, "aa"}, {"a", ADD, "[<s>]|a|[</s>]"}, {"", ADD, "[<s>]|[</s>]"},
    };
    check_rows(v, bare, N_OF(bare));
    vocab_free(v);
}

/* Cutting at words must not change anything; one token across words switches it off. */
static void test_spm_across_words(void **state)
{
    (void)state;
    static const struct tiny_special across[] = {
        {"a" MARK, TOKEN_NORMAL}, {"a" MARK "b", TOKEN_NORMAL},
    };
    static const struct row rows[] = {{"a b", 0, " |a b"}, {"ca bc", 0, " |c|a b|c"}};
    struct vocab *v = make_spm(across, N_OF(across));
    check_rows(v, rows, N_OF(rows));
    vocab_free(v);
}

static const struct tiny_special specials[] = {
    {"<|end|>", TOKEN_CONTROL}, {"<|end|>!", TOKEN_CONTROL}, {"<|", TOKEN_USER},
    {"ab", TOKEN_USER}, {"bcd", TOKEN_USER}, {"bc", TOKEN_USER}, {"d", TOKEN_USER},
    {"<unk>", TOKEN_UNKNOWN}, {"  ", TOKEN_USER}, {"    ", TOKEN_USER}, {"", TOKEN_CONTROL},
    {"<|end|>", TOKEN_USER},
};

static void test_specials(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"x<|end|>y", PARSE, "x|[<|end|>]|y"},
        {"x<|end|>y", 0, "x|<||e|n|d|||>|y"},   /* the user's <| and d, nothing else */
        {"<|end|>!", PARSE, "[<|end|>!]"},
        {"<|end|><|end|>!?", PARSE, "[<|end|>]|[<|end|>!]|?"},
        {"abcd", 0, "a|bcd"},          /* the longer one wins though it begins later */
        {"abc", 0, "ab|c"},            /* the leftmost of equally long ones */
        {"abab", 0, "ab|ab"},
        {"bcbcd", 0, "bc|bcd"},
        {"abcde", 0, "a|bcd|e"},
        {"<unk>", 0, "<|u|n|k|>"},
        {"<unk>", PARSE, "[<unk>]"},
        {"x     y", 0, "x|    | |y"},
        {"x       y", 0, "x|    |  | |y"},
        {"<|end|", PARSE, "<||e|n|d||"},
    };
    struct vocab *v = make_bpe("qwen2", specials, N_OF(specials));
    check_rows(v, rows, N_OF(rows));
    vocab_free(v);
}

struct span_row { const char *text; struct text_span span[2]; size_t n; const char *want; };

static void test_input_spans(void **state)
{
    (void)state;
    static const struct span_row rows[] = {
        {"x<|end|>y", {{0, 9}}, 1, "x|<||e|n|d|||>|y"},
        {"x<|end|>y", {{1, 8}}, 1, "x|<||e|n|d|||>|y"},
        {"x<|end|>y", {{0, 1}}, 1, "x|[<|end|>]|y"},   /* beside it */
        {"x<|end|>y", {{8, 9}}, 1, "x|[<|end|>]|y"},
        {"x<|end|>y", {{0, 2}}, 1, "x|<||e|n|d|||>|y"}, /* its first byte */
        {"x<|end|>y", {{7, 9}}, 1, "x|<||e|n|d|||>|y"}, /* its last */
        {"x<|end|>y", {{4, 5}}, 1, "x|<||e|n|d|||>|y"}, /* one in the middle */
        {"x<|end|>y", {{4, 4}}, 1, "x|<||e|n|d|||>|y"}, /* put together around nothing */
        {"x<|end|>y", {{1, 1}}, 1, "x|[<|end|>]|y"},
        {"<|end|>!", {{7, 8}}, 1, "[<|end|>]|!"},      /* the shorter one is free of input */
        {"<|end|><|end|>", {{0, 7}}, 1, "<||e|n|d|||>|[<|end|>]"},
        {"<|end|>ab<|end|>", {{0, 1}, {7, 9}}, 2, "<||e|n|d|||>|ab|[<|end|>]"},
        {"ab", {{0, 2}}, 1, "ab"},
    };
    struct vocab *v = make_bpe("qwen2", specials, N_OF(specials));
    int bad = 0;
    for (size_t i = 0; i < N_OF(rows); i++) {
        char got[1024];
        spell(v, str_of(rows[i].text), PARSE, rows[i].span, rows[i].n, got);
        if (strcmp(got, rows[i].want) != 0) {
            print_error("row %zu: got \"%s\", want \"%s\"\n", i, got, rows[i].want);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
    vocab_free(v);
}

static void test_bad_spans(void **state)
{
    (void)state;
    static const struct text_span rows[][2] = {
        {{0, 1}, {0, 2}}, {{2, 3}, {0, 1}}, {{0, 1}, {3, 2}}, {{0, 1}, {2, 99}},
    };
    struct vocab *v = make_bpe("qwen2", NULL, 0);
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct token_list l;
        struct error e;
        token_list_init(&l, 10);
        assert_int_equal(vocab_tokenize(v, STR("hello"), PARSE, rows[i], 2, &l, &e), ERR_ARG);
        assert_int_equal(l.n, 0);
        token_list_done(&l);
    }
    vocab_free(v);
}

/* A merge that would spell a control token does not apply. */
static void test_no_control_by_merging(void **state)
{
    (void)state;
    static const str m[] = {{"E O", 3}, {"EO T", 4}, {"EOT s", 5}};
    static const struct row rows[] = {{"EOT EOTs", 0, "EO|T| |EO|T|s"}, {"EOT", PARSE, "[EOT]"}};
    tiny_bpe(&tiny, "qwen2", m, N_OF(m), NULL, 0);
    tiny.type[257] = TOKEN_CONTROL;
    struct vocab *v = make();
    assert_str_is(vocab_piece(v, 257), "EOT");
    check_rows(v, rows, N_OF(rows));
    vocab_free(v);
}

static void test_phi3_space(void **state)
{
    (void)state;
    static const struct tiny_special s[] = {
        {"<|user|>", TOKEN_CONTROL}, {"<|endoftext|>", TOKEN_CONTROL},
    };
    static const struct row rows[] = {
        {"<|user|> \n\t a", PARSE, "[<|user|>]| a"},
        {"<|endoftext|> a", PARSE, "[<|endoftext|>]| | a"},
        {"</s>  </s>", PARSE, "[</s>]|[</s>]"},
        {"<s> a", PARSE, "[<s>]| | a"},
    };
    tiny_spm(&tiny, pieces, N_OF(pieces), s, N_OF(s));
    tiny.desc.model_name = STR("My-PHI-3-mini");
    struct vocab *v = make();
    check_rows(v, rows, N_OF(rows));
    vocab_free(v);
}

/* ---- Ends of turns ---- */

struct eog_row { const char *token[4]; const char *eog; };

static void test_eog_by_text(void **state)
{
    (void)state;
    static const struct eog_row rows[] = {
        {{"<|im_end|>", "<|im_start|>", "x", "y"}, "<|im_end|>"},
        {{"<|eot_id|>", "<end_of_turn>", "</s>", "[EOS]"}, "<|eot_id|><end_of_turn></s>[EOS]"},
        {{"<|end|>", "<|return|>", "x", "y"}, "<|end|><|return|>"},
        {{"<|end|>", "<|return|>", "<|call|>", "y"}, "<|return|><|call|>"},
        {{"<|end|>", "<|flush|>", "<|calls|>", "y"}, "<|flush|><|calls|>"},
        {{"</s>", "<|tool_response>", "x", "y"}, "<|tool_response>"},
        {{"<|fim_pad|>", "[PAD]", "<|repo_name|>", "<|file_sep|>"},
         "<|fim_pad|><|repo_name|><|file_sep|>"},
        {{"[PAD]", "<|fim_prefix|>", "x", "y"}, "[PAD]"},
        {{"<|eom_id|>", "x", "y", "z"}, "<|eom_id|>"},
        {{"<|IM_END|>", "im_end", " </s>", "[pad]"}, ""},
    };
    int bad = 0;
    for (size_t i = 0; i < N_OF(rows); i++) {
        char got[256] = "";
        struct tiny_special s[4];
        for (int k = 0; k < 4; k++)
            s[k] = (struct tiny_special){rows[i].token[k], TOKEN_NORMAL};
        tiny_bpe(&tiny, "qwen2", NULL, 0, s, 4);
        struct vocab *v = make();
        for (int32_t id = 256; id < 260; id++)
            if (vocab_is_eog(v, id))
                snprintf(got + strlen(got), sizeof got - strlen(got), "%s", s[id - 256].text);
        if (strcmp(got, rows[i].eog) != 0) {
            print_error("row %zu: got \"%s\", want \"%s\"\n", i, got, rows[i].eog);
            bad++;
        }
        vocab_free(v);
    }
    assert_int_equal(bad, 0);
}

static void test_eog_by_id(void **state)
{
    (void)state;
    int64_t extra[VOCAB_EXTRA_COUNT];
    static const struct tiny_special s[] = {
        {"one", TOKEN_CONTROL}, {"two", TOKEN_CONTROL}, {"three", TOKEN_CONTROL},
        {"[PAD]", TOKEN_CONTROL},
    };
    for (size_t i = 0; i < VOCAB_EXTRA_COUNT; i++)
        extra[i] = TOKEN_NONE;
    extra[VOCAB_FIM_PAD] = 258;
    tiny_bpe(&tiny, "qwen2", NULL, 0, s, N_OF(s));
    tiny.desc.eos = 256;
    tiny.desc.eot = 257;
    tiny.desc.extra = extra;
    struct vocab *v = make();
    for (int32_t id = 0; id < 260; id++)
        assert_int_equal(vocab_is_eog(v, id), id >= 256 && id <= 258);
    assert_false(vocab_is_eog(v, -1));
    assert_false(vocab_is_eog(v, 260));
    vocab_free(v);
}

/* What a kind assumes when the file names no ids. */
static void test_default_ids(void **state)
{
    (void)state;
    struct vocab *v = make_bpe("qwen2", NULL, 0);
    assert_int_equal(vocab_bos(v), 11);
    assert_int_equal(vocab_eos(v), 11);
    vocab_free(v);
    v = make_bpe("glm4", NULL, 0);
    assert_int_equal(vocab_bos(v), TOKEN_NONE);
    vocab_free(v);
    v = make_spm(NULL, 0);
    assert_int_equal(vocab_bos(v), 1);
    assert_int_equal(vocab_eos(v), 2);
    vocab_free(v);
    tiny.desc.bos = 1 << 20;           /* out of range */
    v = make();
    assert_int_equal(vocab_bos(v), 1);
    vocab_free(v);
}

static void test_types(void **state)
{
    (void)state;
    static const struct tiny_special s[] = {
        {"<|channel|>", TOKEN_CONTROL}, {"<|im_end|>", TOKEN_NORMAL}, {"odd", 99},
        {"unused", TOKEN_UNUSED}, {"<0x41>", TOKEN_BYTE},
    };
    struct vocab *v = make_bpe("qwen2", s, N_OF(s));
    int32_t at = vocab_size(v) - (int32_t)N_OF(s);
    assert_int_equal(vocab_type(v, at), TOKEN_USER);
    assert_int_equal(vocab_type(v, at + 1), TOKEN_CONTROL);
    assert_int_equal(vocab_type(v, at + 2), TOKEN_UNUSED);
    assert_int_equal(vocab_type(v, -1), TOKEN_UNUSED);
    assert_str_is(vocab_piece(v, at + 3), "");
    assert_str_is(vocab_piece(v, at + 4), "A");
    assert_str_is(vocab_piece(v, vocab_size(v)), "");
    vocab_free(v);
}

static void test_find(void **state)
{
    (void)state;
    struct vocab *v = make_bpe("qwen2", specials, N_OF(specials));
    assert_int_equal(vocab_find(v, STR("hello")), 259);
    assert_int_equal(vocab_find(v, STR(" w")), 260);
    assert_int_equal(vocab_find(v, STR("<|end|>")), 256 + 11);
    assert_int_equal(vocab_find(v, STR("nothing")), TOKEN_NONE);
    assert_int_equal(vocab_find(v, STR("")), TOKEN_NONE);
    vocab_free(v);
    v = make_spm(NULL, 0);
    assert_int_equal(vocab_find(v, STR(" hello")), 259 + 10);
    assert_int_equal(vocab_find(v, STR("</s>")), 2);
    assert_int_equal(vocab_find(v, STR("\n")), 3 + '\n');
    assert_int_equal(vocab_find(v, STR("a")), 259 + 5);
    vocab_free(v);
}

/* ---- Limits and broken descriptions ---- */

static void assert_refused(enum err want, const char *words)
{
    struct vocab *v;
    struct error e;
    assert_int_equal(vocab_new(&tiny.desc, &v, &e), want);
    assert_null(v);
    if (!strstr(e.text, words))
        fail_msg("\"%s\" does not say \"%s\"", e.text, words);
}

static void test_refused(void **state)
{
    (void)state;
    tiny_bpe(&tiny, "qwen2", merges, N_OF(merges), NULL, 0);
    tiny.desc.model = STR("bert");
    assert_refused(ERR_UNSUPPORTED, "'bert'");
    tiny.desc.model = STR("gpt2");
    tiny.desc.pre = STR("made-up");
    assert_refused(ERR_UNSUPPORTED, "'made-up' is not known; known are default");
    tiny.desc.pre = STR("qwen2");
    tiny.desc.n_token = 0;
    assert_refused(ERR_FORMAT, "no tokens");
    tiny.desc.n_token = 5;             /* the default ids are out of range */
    tiny.desc.add_bos = 1;
    assert_refused(ERR_FORMAT, "BOS");
    tiny.desc.add_bos = 0;
    tiny.desc.add_eos = 1;
    assert_refused(ERR_FORMAT, "EOS");
}

static void test_limits(void **state)
{
    (void)state;
    tiny_bpe(&tiny, "qwen2", merges, N_OF(merges), NULL, 0);
    tiny.desc.n_token = VOCAB_TOKENS_MAX + 1;
    assert_refused(ERR_LIMIT, "2097153 tokens");
    tiny.desc.n_token = 256;
    tiny.desc.n_merge = VOCAB_MERGES_MAX + 1;
    assert_refused(ERR_LIMIT, "4194305 merges");
    tiny.desc.n_merge = 0;

    char *piece = mem_alloc(VOCAB_PIECE_BYTES_MAX + 1);
    memset(piece, 'x', VOCAB_PIECE_BYTES_MAX + 1);
    tiny.token[7] = (str){piece, VOCAB_PIECE_BYTES_MAX + 1};
    assert_refused(ERR_LIMIT, "token 7 has 65537 bytes");
    tiny.token[7].n--;
    vocab_free(make());
    size_t n = VOCAB_BYTES_MAX / VOCAB_PIECE_BYTES_MAX + 1;
    str *token = mem_array(n, sizeof *token);
    for (size_t i = 0; i < n; i++)
        token[i] = tiny.token[7];
    tiny.desc.token = token;
    tiny.desc.type = NULL;
    tiny.desc.score = NULL;
    tiny.desc.n_token = n;
    assert_refused(ERR_LIMIT, "bytes of tokens");
    mem_free(token);
    mem_free(piece);
}

static void test_text_limits(void **state)
{
    (void)state;
    struct vocab *v = make_bpe("qwen2", NULL, 0);
    struct token_list l;
    struct error e;
    token_list_init(&l, 3);
    str text = {"", (size_t)VOCAB_TEXT_MAX + 1};
    assert_int_equal(vocab_tokenize(v, text, 0, NULL, 0, &l, &e), ERR_LIMIT);
    assert_int_equal(vocab_tokenize(v, STR("hello q z"), 0, NULL, 0, &l, &e), ERR_LIMIT);
    assert_int_equal(l.n, 3);
    token_list_done(&l);
    vocab_free(v);
}

/* ---- Time and memory ---- */

#define BIG (1u << 20)

static char *repeat(const char *unit)
{
    size_t n = strlen(unit);
    char *text = mem_alloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        text[i] = unit[i % n];
    return text;
}

/* Tokens of a megabyte of unit; anything quadratic would take hours. */
static size_t time_of(const struct vocab *v, const char *unit, unsigned flags)
{
    char *text = repeat(unit);
    struct token_list l;
    struct error e;
    token_list_init(&l, 2 * BIG);
    clock_t begin = clock();
    assert_int_equal(vocab_tokenize(v, (str){text, BIG}, flags, NULL, 0, &l, &e), ERR_OK);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    print_message("1 MB of \"%.12s\": %zu tokens in %.2f s\n", unit, l.n, seconds);
    assert_true(seconds < 60);
    size_t n = l.n;
    token_list_done(&l);
    mem_free(text);
    return n;
}

static void test_time(void **state)
{
    (void)state;
    struct vocab *v = make_bpe("qwen2", specials, N_OF(specials));
    assert_int_equal(time_of(v, "a", 0), BIG / 4);
    assert_int_equal(time_of(v, "abcd", 0), BIG / 2);
    (void)time_of(v, "<|end|>!", PARSE);
    (void)time_of(v, "hello  \n", PARSE);
    vocab_free(v);
    v = make_spm(NULL, 0);
    assert_int_equal(time_of(v, "a", 0), 1 + BIG / 4);
    (void)time_of(v, " ", 0);
    (void)time_of(v, "hello ", 0);
    (void)time_of(v, "\xff", 0);
    vocab_free(v);
}

static void test_time_of_specials(void **state)
{
    (void)state;
    tiny_begin(&tiny, "gpt2", "qwen2");
    char text[TINY_TEXT_MAX] = "";
    for (size_t n = 2; n < 32; n++) {
        memset(text, ' ', n);
        tiny_add(&tiny, text, TOKEN_USER, 0);
    }
    for (int i = 0; i < 4000; i++) {
        snprintf(text, sizeof text, "<|reserved_special_token_%d|>", i);
        tiny_add(&tiny, text, TOKEN_CONTROL, 0);
    }
    tiny.desc.n_token = tiny.n;
    struct vocab *v = make();
    assert_int_equal(time_of(v, " ", PARSE), BIG / 31);   /* the last has no token */
    (void)time_of(v, "<|reserved_special_token_", PARSE);
    (void)time_of(v, "<|reserved_special_token_39|><|reserved_special_token_3999|>  ", PARSE);
    vocab_free(v);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    size_t failed = 0;
    for (size_t nth = 1;; nth++) {
        struct vocab *v;
        struct error e;
        struct token_list l;
        tiny_bpe(&tiny, "qwen2", merges, N_OF(merges), specials, N_OF(specials));
        mem_fail_nth(nth);
        enum err code = vocab_new(&tiny.desc, &v, &e);
        if (code == ERR_OK) {
            token_list_init(&l, 1000);
            code = vocab_tokenize(v, STR("hello <|end|> abcd     x"), PARSE, NULL, 0, &l, &e);
            mem_fail_nth(0);
            token_list_done(&l);
            vocab_free(v);
            if (code == ERR_OK && nth > 20)
                break;
        }
        mem_fail_nth(0);
        failed += code != ERR_OK;
        assert_true(code == ERR_OK || code == ERR_LIMIT);
    }
    assert_in_range(failed, 8, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bpe_merges),
        cmocka_unit_test(test_whole_word_first),
        cmocka_unit_test(test_bpe_holes),
        cmocka_unit_test(test_spm_merges),
        cmocka_unit_test(test_spm_across_words),
        cmocka_unit_test(test_specials),
        cmocka_unit_test(test_input_spans),
        cmocka_unit_test(test_bad_spans),
        cmocka_unit_test(test_no_control_by_merging),
        cmocka_unit_test(test_phi3_space),
        cmocka_unit_test(test_eog_by_text),
        cmocka_unit_test(test_eog_by_id),
        cmocka_unit_test(test_default_ids),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_text_limits),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_time_of_specials),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
