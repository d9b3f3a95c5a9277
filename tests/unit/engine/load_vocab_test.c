/* SPDX-License-Identifier: Apache-2.0
 *
 * A GGUF head with three tokens, once whole and then with one key changed or missing per row.
 */
#include "../test.h"
#include "base/buf.h"
#include "engine/load_vocab.h"

/* ---- a small file ---- */

static void put(struct buf *b, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        buf_char(b, (char)(v >> 8 * i & 0xff));
}

static void put_str(struct buf *b, str s)
{
    put(b, s.n, 8);
    buf_add(b, s);
}

/* Items separated by commas; "" is an array without items. */
static void put_items(struct buf *b, enum gguf_type item, str text)
{
    str part;
    size_t n = 0, at;
    put(b, item, 4);
    at = b->n;
    put(b, 0, 8);
    while (text.n > 0 && str_split(&text, ',', &part)) {
        int64_t v = 0;
        (void)str_to_i64(part, &v);
        float f = (float)v;
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        if (item == GGUF_STRING)
            put_str(b, part);
        else
            put(b, item == GGUF_F32 ? bits : (uint64_t)v, item == GGUF_I64 ? 8 : 4);
        n++;
    }
    memcpy(b->p + at, &(uint64_t){n}, 8);
}

/* item GGUF_TYPE_COUNT: a scalar of that type. */
struct key { const char *name; enum gguf_type type, item; const char *value; };

static void put_key(struct buf *b, const struct key *k)
{
    int64_t v = 0;
    put_str(b, str_of(k->name));
    put(b, k->type, 4);
    (void)str_to_i64(str_of(k->value), &v);
    if (k->type == GGUF_ARRAY)
        put_items(b, k->item, str_of(k->value));
    else if (k->type == GGUF_STRING)
        put_str(b, str_of(k->value));
    else
        put(b, (uint64_t)v, k->type == GGUF_BOOL ? 1 : 4);
}

#define T "tokenizer.ggml."
#define NONE GGUF_TYPE_COUNT

static const struct key keys[] = {
    {T "model", GGUF_STRING, NONE, "gpt2"},
    {T "pre", GGUF_STRING, NONE, "qwen2"},
    {T "tokens", GGUF_ARRAY, GGUF_STRING, "a,b,ab"},
    {T "token_type", GGUF_ARRAY, GGUF_I32, "1,1,1"},
    {T "scores", GGUF_ARRAY, GGUF_F32, "0,0,0"},
    {T "merges", GGUF_ARRAY, GGUF_STRING, "a b"},
    {T "bos_token_id", GGUF_U32, NONE, "0"},
    {T "eos_token_id", GGUF_U32, NONE, "1"},
    {T "add_bos_token", GGUF_BOOL, NONE, "1"},
    {"tokenizer.chat_template", GGUF_STRING, NONE, "{{ x }}"},
};

/* The keys, one of them replaced (type NONE: left out). */
static struct gguf *file_with(const struct key *other, struct buf *b)
{
    struct gguf *g;
    struct error e;
    size_t n = 0, at;
    buf_init(b, 1 << 20);
    buf_add(b, STR("GGUF"));
    put(b, 3, 4);
    put(b, 0, 8);
    at = b->n;
    put(b, 0, 8);
    for (size_t i = 0; i < N_OF(keys); i++) {
        bool same = other && strcmp(other->name, keys[i].name) == 0;
        if (same && other->type == NONE)
            continue;
        put_key(b, same ? other : &keys[i]);
        n++;
    }
    memcpy(b->p + at, &(uint64_t){n}, 8);
    if (gguf_parse(b->p, b->n, &g, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return g;
}

static void test_whole(void **state)
{
    (void)state;
    struct buf b;
    struct vocab *v;
    struct error e;
    struct token_list l;
    struct gguf *g = file_with(NULL, &b);
    if (load_vocab(g, &v, &e) != ERR_OK)
        fail_msg("%s", e.text);
    assert_str_is(load_chat_template(g), "{{ x }}");
    gguf_close(&g);
    buf_done(&b);                      /* the vocabulary lives on */
    g = file_with(&(struct key){"tokenizer.chat_template", GGUF_STRING, NONE, ""}, &b);
    assert_non_null(strstr(load_chat_template(g).p, "<|im_start|>"));
    gguf_close(&g);
    buf_done(&b);

    token_list_init(&l, 10);
    assert_int_equal(vocab_tokenize(v, STR("abb"), TOKENIZE_ADD_SPECIAL, NULL, 0, &l, &e), ERR_OK);
    assert_int_equal(l.n, 3);
    assert_int_equal(l.id[0], 0);
    assert_int_equal(l.id[1], 2);
    assert_int_equal(l.id[2], 1);
    assert_true(vocab_is_eog(v, 1));
    token_list_done(&l);
    vocab_free(v);
}

struct row { struct key key; enum err want; const char *words; };

static void test_changed(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{T "model", NONE, NONE, ""}, ERR_FORMAT, "no tokenizer.ggml.model"},
        {{T "model", GGUF_U32, NONE, "1"}, ERR_FORMAT, "no tokenizer.ggml.model"},
        {{T "model", GGUF_STRING, NONE, "t5"}, ERR_UNSUPPORTED, "'t5'"},
        {{T "pre", GGUF_STRING, NONE, "other"}, ERR_UNSUPPORTED, "'other'"},
        {{T "pre", NONE, NONE, ""}, ERR_OK, ""},
        {{T "tokens", NONE, NONE, ""}, ERR_FORMAT, "no tokenizer.ggml.tokens"},
        {{T "tokens", GGUF_STRING, NONE, "a"}, ERR_FORMAT, "tokens is no array"},
        {{T "tokens", GGUF_ARRAY, GGUF_I32, "1,2,3"}, ERR_FORMAT, "not strings"},
        {{T "tokens", GGUF_ARRAY, GGUF_STRING, ""}, ERR_FORMAT, "no tokens"},
        {{T "token_type", NONE, NONE, ""}, ERR_OK, ""},
        {{T "token_type", GGUF_ARRAY, GGUF_I32, "1,1"}, ERR_FORMAT, "2 items for 3 tokens"},
        {{T "token_type", GGUF_ARRAY, GGUF_I64, "1,1,1"}, ERR_OK, ""},
        {{T "token_type", GGUF_ARRAY, GGUF_I32, "1,-7,99"}, ERR_OK, ""},
        {{T "token_type", GGUF_ARRAY, GGUF_STRING, "1,1,1"}, ERR_FORMAT, "not integers"},
        {{T "token_type", GGUF_U32, NONE, "1"}, ERR_FORMAT, "no array"},
        {{T "scores", NONE, NONE, ""}, ERR_OK, ""},
        {{T "scores", GGUF_ARRAY, GGUF_F32, "1"}, ERR_FORMAT, "1 items for 3 tokens"},
        {{T "scores", GGUF_ARRAY, GGUF_I32, "1,2,3,4"}, ERR_OK, ""},
        {{T "scores", GGUF_ARRAY, GGUF_STRING, "1,2,3"}, ERR_FORMAT, "not numbers"},
        {{T "merges", NONE, NONE, ""}, ERR_FORMAT, "no tokenizer.ggml.merges"},
        {{T "merges", GGUF_ARRAY, GGUF_STRING, ""}, ERR_OK, ""},
        {{T "merges", GGUF_ARRAY, GGUF_F32, "1"}, ERR_FORMAT, "not strings"},
        {{T "bos_token_id", GGUF_U32, NONE, "99"}, ERR_FORMAT, "BOS"},
        {{T "bos_token_id", NONE, NONE, ""}, ERR_FORMAT, "BOS"},
        {{T "add_bos_token", NONE, NONE, ""}, ERR_OK, ""},
        {{"tokenizer.chat_template", NONE, NONE, ""}, ERR_OK, ""},
    };
    int bad = 0;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf b;
        struct vocab *v;
        struct error e = {0};
        struct gguf *g = file_with(&rows[i].key, &b);
        enum err got = load_vocab(g, &v, &e);
        if (got != rows[i].want || !strstr(e.text, rows[i].words) || !v != (got != ERR_OK)) {
            print_error("row %zu, %s: got %s \"%s\", want %s \"%s\"\n", i, rows[i].key.name,
                        err_name(got), e.text, err_name(rows[i].want), rows[i].words);
            bad++;
        }
        vocab_free(v);
        gguf_close(&g);
        buf_done(&b);
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
