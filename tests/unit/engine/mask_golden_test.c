/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks over vocabularies of real models: in states of many kinds every token is in the mask just
 * when it can be accepted; forced text is tokenized as the vocabulary tokenizes it.
 */
#include "../test.h"

#include "base/arena.h"
#include "base/mem.h"
#include "engine/load_vocab.h"
#include "grammar/matcher.h"
#include "grammar/regex.h"

struct real {
    struct vocab *vocab;
    struct mask_space *space;
    struct dfa_work work;
    struct error e;
    struct grammar_builder *g;
    struct grammar *grammar;
    struct matcher *m;
};

static bool open_real(struct real *r, const char *name)
{
    char file[64], path[1024];
    snprintf(file, sizeof file, "tokenizers/ggml-vocab-%s.gguf", name);
    *r = (struct real){0};
    if (!golden_path(file, path, sizeof path)) return false;
    struct gguf *g;
    assert_int_equal(gguf_open(path, &g, &r->e), ERR_OK);
    assert_int_equal(load_vocab(g, &r->vocab, &r->e), ERR_OK);
    gguf_close(&g);
    assert_int_equal(mask_space_new(r->vocab, 0, &r->space, &r->e), ERR_OK);
    return true;
}

static void end_grammar(struct real *r)
{
    matcher_free(r->m);
    grammar_unref(r->grammar);
    r->m = NULL;
    r->grammar = NULL;
}

static void close_real(struct real *r)
{
    end_grammar(r);
    mask_space_free(r->space);
    vocab_free(r->vocab);
}

static struct grammar_builder *begin(struct real *r)
{
    end_grammar(r);
    r->work =
        (struct dfa_work){.arena = arena_new((size_t)64 << 20), .n_state_max = 100000, .e = &r->e};
    return r->g = grammar_builder_new(&r->work);
}

static uint32_t shared(struct real *r, enum dfa_shared which)
{
    return grammar_terminal(r->g, dfa_shared(which), 0, GRAMMAR_UNBOUNDED);
}

static uint32_t pattern(struct real *r, const char *text)
{
    uint32_t n_min, n_max;
    const struct dfa *d = regex_dfa(&r->work, str_of(text), false, &n_min, &n_max);
    return grammar_terminal(r->g, dfa_json_string(&r->work, d), n_min, n_max);
}

static uint32_t any_value(struct real *r)
{
    uint32_t value = grammar_reserve(r->g);
    struct grammar_array a = {.rest = value, .n_max = GRAMMAR_UNBOUNDED};
    struct grammar_tail tail = {dfa_shared(DFA_STRING), value};
    struct grammar_object o = {.tail = &tail, .n_tail = 1, .n_max = GRAMMAR_UNBOUNDED};
    uint32_t list[] = {shared(r, DFA_NULL),   shared(r, DFA_TRUE),     shared(r, DFA_NUMBER),
                       shared(r, DFA_STRING), grammar_array(r->g, &a), grammar_object(r->g, &o)};
    grammar_fill(r->g, value, grammar_choice(r->g, list, N_OF(list)));
    return value;
}

static uint32_t person(struct real *r)
{
    uint32_t text = shared(r, DFA_STRING);
    struct grammar_array unique = {.rest = text, .n_max = 5, .unique = true};
    struct grammar_property p[] = {
        {STR("name"), grammar_terminal(r->g, dfa_shared(DFA_STRING), 5, 20), true},
        {STR("native_name"), pattern(r, "^.{2,9}$"), false},
        {STR("id"), pattern(r, "^[a-z0-9_-]{1,64}$"), true},
        {STR("words"), pattern(r, "^\\w+( \\w+)*$"), false},
        {STR("tags"), grammar_array(r->g, &unique), false},
        {STR("age"), shared(r, DFA_INTEGER), false}};
    struct grammar_tail tail = {dfa_shared(DFA_STRING), any_value(r)};
    struct grammar_object o = {.property = p,
                               .n_property = N_OF(p),
                               .tail = &tail,
                               .n_tail = 1,
                               .n_max = GRAMMAR_UNBOUNDED,
                               .any_order = true};
    return grammar_object(r->g, &o);
}

static uint32_t call(struct real *r)
{
    uint32_t list[] = {any_value(r), grammar_mark(r->g, STR("</tool_call>"))};
    struct grammar_trigger t = {STR("<tool_call>"), grammar_sequence(r->g, list, 2)};
    return grammar_free(r->g, &t, 1, true);
}

static uint32_t raw_text(struct real *r)
{
    uint32_t n_min, n_max;
    const struct dfa *d = regex_dfa(&r->work, STR("^[^<]*$"), false, &n_min, &n_max);
    uint32_t list[] = {grammar_terminal(r->g, d, 0, GRAMMAR_UNBOUNDED),
                       grammar_text(r->g, STR("</parameter>"))};
    return grammar_sequence(r->g, list, 2);
}

static const struct row {
    uint32_t (*root)(struct real *r);
    const char *text;
} rows[] = {
    {person, ""},
    {person, "{\""},
    {person, "{\"name\": \""},
    {person, "{\"name\": \"abcd"},
    {person, "{\"name\": \"abcdefghijklmnopqr"},
    {person, "{\"name\": \"\xe4\xbd"},
    {person, "{\"name\": \"a\\u00"},
    {person, "{\"name\": \"Peter\""},
    {person, "{\"na"},
    {person, "{\"native_name\": \""},
    {person, "{\"native_name\": \"abcdef"},
    {person, "{\"id\": \"a-"},
    {person, "{\"words\": \"some"},
    {person, "{\"words\": \"some "},
    {person, "{\"tags\": [\"the\", \"then\", \""},
    {person, "{\"tags\": [\"the\", \"then\", \"th"},
    {person, "{\"age\": "},
    {person, "{\"age\": 1"},
    {person, "{\"x\": {\"the\": 1, \"th"},
    {person, "{\"x\": 1, \"age\": 2, \""},
    {person, "{\"x\": [1, "},
    {call, ""},
    {call, "some <tool"},
    {call, "<tool_call>[1"},
    {raw_text, "abc"},
    {raw_text, "abc</"},
};

static void check(struct real *r, const struct row *row, const char *name)
{
    const uint64_t *mask = matcher_mask(r->m);
    size_t words = mask_words(r->space), n = matcher_n_token(r->m), n_in = 0;
    assert_non_null(mask);
    uint64_t *copy = mem_array(words, sizeof *copy);
    memcpy(copy, mask, words * sizeof *copy);
    for (int32_t id = 0; id < vocab_size(r->vocab); id++) {
        bool in = copy[id / 64] >> id % 64 & 1, accepted = matcher_accept(r->m, id);
        matcher_rollback(r->m, n);
        n_in += in;
        if (in != accepted)
            fail_msg("%s, behind %s: token %d '%.*s': accepted %d, mask %d", name, row->text, id,
                     STR_FMT(vocab_piece(r->vocab, id)), accepted, in);
    }
    assert_true(n_in > 0);
    mem_free(copy);
}

static void check_vocab(const char *name)
{
    struct real r;
    if (!open_real(&r, name)) {
        skip();
        return;
    }
    for (size_t i = 0; i < N_OF(rows); i++) {
        begin(&r);
        uint32_t root = rows[i].root(&r);
        enum err rc = grammar_close(&r.g, root, &r.grammar, &r.e);
        if (rc != ERR_OK) fail_msg("%s: %s", err_name(rc), r.e.text);
        assert_int_equal(matcher_new(r.space, r.grammar, 1000, &r.m, &r.e), ERR_OK);
        if (!matcher_accept_bytes(r.m, str_of(rows[i].text))) fail_msg("%s", rows[i].text);
        check(&r, &rows[i], name);
    }
    close_real(&r);
}

static void test_gpt2(void **state)
{
    (void)state;
    check_vocab("gpt-2");
}

static void test_deepseek(void **state)
{
    (void)state;
    check_vocab("deepseek-llm");
}

static void test_spm(void **state)
{
    (void)state;
    check_vocab("llama-spm");
}

static void test_phi3(void **state)
{
    (void)state;
    check_vocab("phi-3");
}

/* A document of one spelling, whole: forced tokens are those of the text, but for the last ones
 * before a choice. */
static void check_forced(const char *name)
{
    static const char text[] = "{\"name\": \"get_weather\", \"arguments\": {\"location\": "
                               "\"San Francisco, CA\", \"unit\": \"celsius\", \"n\": 12}}";
    struct real r;
    int32_t forced[256], own[256];
    if (!open_real(&r, name)) {
        skip();
        return;
    }
    begin(&r);
    assert_int_equal(grammar_close(&r.g, grammar_text(r.g, str_of(text)), &r.grammar, &r.e),
                     ERR_OK);
    assert_int_equal(matcher_new(r.space, r.grammar, 1000, &r.m, &r.e), ERR_OK);
    mem_guard_begin();
    size_t n = matcher_forced(r.m, forced, N_OF(forced));
    mem_guard_end();
    struct token_list list;
    token_list_init(&list, N_OF(own));
    /* SentencePiece vocabularies put a space before a text; behind a letter they do not. */
    assert_int_equal(vocab_tokenize(r.vocab, str_of(text), 0, NULL, 0, &list, &r.e), ERR_OK);
    size_t skip_n = str_eq(vocab_piece(r.vocab, list.id[0]), STR(" ")) ||
                            str_starts(vocab_piece(r.vocab, list.id[0]), STR(" {"))
                        ? 1
                        : 0;
    str first = vocab_piece(r.vocab, list.id[0]);
    assert_int_equal(n, list.n - (skip_n && str_is(first, " ")));
    for (size_t i = skip_n; i < list.n; i++) assert_int_equal(forced[n - (list.n - i)], list.id[i]);
    for (size_t i = 0; i < n; i++) assert_true(matcher_accept(r.m, forced[i]));
    assert_true(matcher_must_end(r.m));
    token_list_done(&list);
    close_real(&r);
}

static void test_forced(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt-2",     "deepseek-llm", "deepseek-coder",
                                        "llama-spm", "phi-3",        "mpt"};
    for (size_t i = 0; i < N_OF(names); i++) check_forced(names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpt2), cmocka_unit_test(test_deepseek), cmocka_unit_test(test_spm),
        cmocka_unit_test(test_phi3), cmocka_unit_test(test_forced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
