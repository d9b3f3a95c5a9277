/* SPDX-License-Identifier: Apache-2.0
 *
 * Matchers: what they take, where they end, going back, what is forced, pools that are dropped.
 */
#include "mask_kit.h"

struct row {
    const char *text;
    bool good;
};

static void check_rows(struct kit *k, const struct row *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kit_accepts(k, row[i].text) != row[i].good)
            fail_msg("%s: should be %s", row[i].text, row[i].good ? "taken" : "refused");
}
#define CHECK_ROWS(k, rows) check_rows((k), (rows), N_OF(rows))

static uint32_t terminal(struct kit *k, enum dfa_shared which)
{
    return grammar_terminal(k->g, dfa_shared(which), 0, GRAMMAR_UNBOUNDED);
}

static void test_texts(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    uint32_t a = grammar_text(k.g, STR("a")), b = grammar_text(k.g, STR("b"));
    uint32_t empty = grammar_text(k.g, STR(""));
    uint32_t ab[] = {a, b}, either = grammar_choice(k.g, ab, 2);
    uint32_t seq[] = {empty, grammar_sequence(k.g, ab, 2),
                      grammar_repeat(k.g, either, 1, 3, grammar_text(k.g, STR(",")))};
    kit_use(&k, grammar_sequence(k.g, seq, 3));
    static const struct row rows[] = {{"aba", true}, {"aba,b", true}, {"abb,a,b", true},
                                      {"ab", false}, {"aba,", false}, {"aba,a,a,a", false},
                                      {"", false}};
    CHECK_ROWS(&k, rows);
    assert_false(matcher_may_end(k.m));
    kit_close(&k);
}

static uint32_t any_value(struct kit *k)
{
    uint32_t value = grammar_reserve(k->g);
    struct grammar_array a = {.rest = value, .n_max = GRAMMAR_UNBOUNDED};
    struct grammar_tail tail = {dfa_shared(DFA_STRING), value};
    struct grammar_object o = {.tail = &tail, .n_tail = 1, .n_max = GRAMMAR_UNBOUNDED};
    uint32_t list[] = {terminal(k, DFA_NULL),   terminal(k, DFA_TRUE),   terminal(k, DFA_FALSE),
                       terminal(k, DFA_NUMBER), terminal(k, DFA_STRING), grammar_array(k->g, &a),
                       grammar_object(k->g, &o)};
    grammar_fill(k->g, value, grammar_choice(k->g, list, N_OF(list)));
    return value;
}

static void test_any_value(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    kit_use(&k, any_value(&k));
    static const struct row rows[] = {
        {"null", true},
        {"12.5e3", true},
        {"\"a\\n\xc3\xa9\"", true},
        {"[]", true},
        {"{}", true},
        {"[1, [2, {}], \"x\"]", true},
        {"{\"a\": 1, \"b\": {\"a\": []}}", true},
        {"{\"a\": 1, \"a\": 2}", false},
        {"{\"a\": 1, \"b\": 1, \"a\": 2}", false},
        {"{\"a\": {\"a\": {\"a\": 1}}}", true},
        {"[1,2]", false},
        {"[1, ]", false},
        {"01", false},
        {"{\"a\":1}", false},
        {"{\"\": 1, \"\\u0000\": 2}", true},
        {"\"\xff\"", false},
    };
    CHECK_ROWS(&k, rows);
    kit_close(&k);
}

static void test_ordered_object(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    uint32_t number = terminal(&k, DFA_INTEGER);
    struct grammar_property p[] = {{STR("a"), number, true},
                                   {STR("ab"), number, false},
                                   {STR("c\n"), number, true},
                                   {STR("no"), NODE_NONE, false}};
    struct grammar_tail tail = {dfa_shared(DFA_STRING), number};
    struct grammar_object o = {
        .property = p, .n_property = 4, .tail = &tail, .n_tail = 1, .n_min = 3, .n_max = 4};
    kit_use(&k, grammar_object(k.g, &o));
    static const struct row rows[] = {
        {"{\"a\": 1, \"ab\": 2, \"c\\n\": 3}", true},
        {"{\"a\": 1, \"c\\n\": 3}", false},
        {"{\"a\": 1, \"c\\n\": 3, \"d\": 4}", true},
        {"{\"a\": 1, \"c\\n\": 3, \"no\": 4}", false},
        {"{\"a\": 1, \"c\\n\": 3, \"ab\": 4}", false},
        {"{\"ab\": 1, \"a\": 3, \"c\\n\": 4}", false},
        {"{\"a\": 1, \"c\\n\": 3, \"d\": 4, \"e\": 5}", true},
        {"{\"a\": 1, \"c\\n\": 3, \"d\": 4, \"e\": 5, \"f\": 6}", false},
        {"{\"a\": 1, \"c\\n\": 3, \"d\": 4, \"d\": 5}", false},
    };
    CHECK_ROWS(&k, rows);
    kit_close(&k);
}

static void test_any_order(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    static const char *const keys[] = {"\"x\"", "\"y\"", "\"a\""};
    uint32_t number = terminal(&k, DFA_INTEGER);
    struct grammar_property p[] = {
        {STR("a"), number, true}, {STR("b"), number, false}, {STR("c"), number, true}};
    struct grammar_tail tail = {kit_words(&k, keys, 3), number};
    struct grammar_object o = {.property = p,
                               .n_property = 3,
                               .tail = &tail,
                               .n_tail = 1,
                               .n_min = 4,
                               .n_max = 4,
                               .any_order = true};
    kit_use(&k, grammar_object(k.g, &o));
    static const struct row rows[] = {
        {"{\"c\": 1, \"b\": 2, \"a\": 3, \"y\": 4}", true},
        {"{\"y\": 1, \"x\": 2, \"c\": 3, \"a\": 4}", true},
        {"{\"y\": 1, \"x\": 2, \"b\": 3", false},
        {"{\"y\": 1, \"y\"", false},
        {"{\"c\": 1, \"a\": 2}", false},
        {"{\"c\": 1, \"c\"", false},
    };
    CHECK_ROWS(&k, rows);
    /* Keys of the tail are used up: only what is left may begin. */
    assert_true(matcher_accept_bytes(k.m, STR("{\"x\": 1, \"")));
    size_t n = matcher_n_token(k.m);
    for (int c = 'a'; c <= 'z'; c++) {
        char text[] = {(char)c};
        bool want = c == 'a' || c == 'b' || c == 'c' || c == 'y';
        assert_int_equal(matcher_accept_bytes(k.m, str_n(text, 1)), want);
        matcher_rollback(k.m, n);
    }
    kit_close(&k);
}

static void test_arrays(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    static const char *const words[] = {"1", "12", "2"};
    uint32_t word = grammar_terminal(k.g, kit_words(&k, words, 3), 0, GRAMMAR_UNBOUNDED);
    struct grammar_array a = {.rest = word, .n_min = 2, .n_max = 9, .unique = true};
    kit_use(&k, grammar_array(k.g, &a));
    static const struct row unique[] = {{"[1, 12, 2]", true},
                                        {"[2, 1]", true},
                                        {"[1, 1]", false},
                                        {"[1]", false},
                                        {"[1, 2, 12, 1]", false}};
    CHECK_ROWS(&k, unique);
    assert_false(matcher_accept_bytes(k.m, STR("[1, 12, 2, ")));

    kit_begin(&k);
    uint32_t t = terminal(&k, DFA_TRUE), f = terminal(&k, DFA_FALSE), n = terminal(&k, DFA_NULL);
    uint32_t prefix[] = {f, n}, match[] = {t, NODE_NONE};
    struct grammar_array c = {.prefix = prefix,
                              .n_prefix = 2,
                              .rest = f,
                              .n_min = 1,
                              .n_max = 4,
                              .contains = true,
                              .prefix_match = match,
                              .rest_match = t,
                              .n_match_min = 2,
                              .n_match_max = 2};
    kit_use(&k, grammar_array(k.g, &c));
    static const struct row contains[] = {{"[true, null, true]", true},
                                          {"[false, null, true, true]", true},
                                          {"[true]", false},
                                          {"[true, null, true, false]", true},
                                          {"[true, null, true, true]", false},
                                          {"[true, null, false, true]", true},
                                          {"[false, null, false", false},
                                          {"[true, true]", false}};
    CHECK_ROWS(&k, contains);
    kit_close(&k);
}

static void test_counted(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    kit_use(&k, grammar_terminal(k.g, dfa_shared(DFA_STRING), 2, 4));
    static const struct row rows[] = {
        {"\"a\"", false},          {"\"ab\"", true},
        {"\"\\n\xc3\xa9\"", true}, {"\"\xf0\x9f\x98\x80\\u0001ab\"", true},
        {"\"abcde\"", false},      {"\"\"", false}};
    CHECK_ROWS(&k, rows);

    /* (ab)* with 3 to 5 characters: only 4 can be finished. */
    kit_begin(&k);
    static const char *const words[] = {"", "ab", "abab", "ababab"};
    const struct dfa *d = dfa_json_string(&k.work, kit_words(&k, words, 4));
    kit_use(&k, grammar_terminal(k.g, d, 3, 5));
    static const struct row even[] = {{"\"abab\"", true}, {"\"ab\"", false}, {"\"ababa", false}};
    CHECK_ROWS(&k, even);
    kit_close(&k);
}

static void test_marks(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    uint32_t then[] = {grammar_mark(k.g, STR("<tool_call>")), grammar_mark(k.g, STR("<no>")),
                       grammar_text(k.g, STR("x"))};
    kit_use(&k, grammar_sequence(k.g, then, 3));
    assert_true(kit_accepts(&k, "<tool_call><no>x"));
    const uint64_t *mask = matcher_mask(k.m);
    for (int i = 0; i < KIT_TOKENS; i++)
        assert_int_equal(mask[i / 64] >> i % 64 & 1, i == KIT_MARK);
    assert_false(matcher_accept(k.m, KIT_FIRST_BYTE + '<'));
    int32_t id[32];
    size_t n = matcher_forced(k.m, id, 32);
    assert_int_equal(id[0], KIT_MARK);
    for (size_t i = 0; i < n; i++) assert_true(matcher_accept(k.m, id[i]));
    assert_true(matcher_may_end(k.m));
    assert_true(matcher_must_end(k.m));
    assert_false(matcher_accept(k.m, KIT_MARK));
    assert_true(matcher_accept(k.m, KIT_END));
    assert_true(matcher_accept(k.m, KIT_EOS));
    mask = matcher_mask(k.m);
    for (int i = 0; i < KIT_TOKENS; i++)
        assert_int_equal(mask[i / 64] >> i % 64 & 1, i == KIT_END || i == KIT_EOS);
    kit_close(&k);
}

static void test_free_text(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    struct grammar_trigger t[] = {{STR("<tool_call>"), grammar_text(k.g, STR("1"))},
                                  {STR("call"), grammar_text(k.g, STR("2"))}};
    kit_use(&k, grammar_free(k.g, t, 2, true));
    static const struct row rows[] = {
        {"", true},         {"abc <tool_cal", true}, {"ca cal ca", true}, {"cacall2", true},
        {"cacall1", false}, {"<tool_call", false},   {"call2a", false}};
    CHECK_ROWS(&k, rows);
    assert_false(matcher_is_free(k.m));
    assert_true(matcher_accept(k.m, KIT_MARK)); /* fires by its id */
    int32_t id[4];
    assert_int_equal(matcher_forced(k.m, id, 4), 1);
    assert_int_equal(id[0], KIT_FIRST_BYTE + '1');
    matcher_rollback(k.m, 0);
    assert_true(matcher_accept(k.m, KIT_CALL)); /* any control token */
    assert_true(matcher_may_end(k.m));

    kit_begin(&k);
    t[0].then = grammar_text(k.g, STR("1"));
    kit_use(&k, grammar_free(k.g, t, 1, true));
    assert_true(matcher_is_free(k.m));
    const uint64_t *mask = matcher_mask(k.m);
    for (int i = 0; i < KIT_TOKENS; i++) assert_true(mask[i / 64] >> i % 64 & 1);
    kit_close(&k);
}

static void test_forced(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    struct grammar_property p[] = {{STR("ab"), terminal(&k, DFA_STRING), true},
                                   {STR("b"), terminal(&k, DFA_TRUE), true}};
    struct grammar_object o = {.property = p, .n_property = 2, .n_max = GRAMMAR_UNBOUNDED};
    kit_use(&k, grammar_object(k.g, &o));
    int32_t id[64];
    char text[256] = "";
    size_t n = matcher_forced(k.m, id, 64), at = 0;
    for (size_t i = 0; i < n; i++) {
        str piece = vocab_piece(k.vocab, id[i]);
        memcpy(text + at, piece.p, piece.n);
        at += piece.n;
        assert_true(matcher_accept(k.m, id[i]));
    }
    text[at] = 0;
    assert_true(strncmp(text, "{\"ab\": \"", at) == 0 && at > 4);
    assert_int_equal(matcher_forced(k.m, id, 64), 0); /* a longer token may come */
    matcher_rollback(k.m, 0);
    assert_true(matcher_accept_bytes(k.m, STR("{\"ab\": \"x\"")));
    n = matcher_forced(k.m, id, 64);
    for (size_t i = 0; i < n; i++) assert_true(matcher_accept(k.m, id[i]));
    assert_true(matcher_must_end(k.m));
    kit_close(&k);
}

static void test_limits(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k); /* x = x "a" | "a" */
    uint32_t x = grammar_reserve(k.g), a = grammar_text(k.g, STR("a")), xa[] = {x, a};
    uint32_t list[] = {grammar_sequence(k.g, xa, 2), a};
    grammar_fill(k.g, x, grammar_choice(k.g, list, 2));
    assert_int_equal(kit_try(&k, x), ERR_ARG);
    kit_begin(&k); /* x = "a" x */
    x = grammar_reserve(k.g);
    uint32_t ax[] = {grammar_text(k.g, STR("a")), x};
    grammar_fill(k.g, x, grammar_sequence(k.g, ax, 2));
    assert_false(grammar_is_possible(k.g, x));
    assert_int_equal(kit_try(&k, x), ERR_ARG);
    kit_begin(&k);
    uint32_t none = grammar_text(k.g, STR(""));
    assert_int_equal(kit_try(&k, grammar_repeat(k.g, none, 0, GRAMMAR_UNBOUNDED, NODE_NONE)),
                     ERR_ARG);
    kit_begin(&k);
    x = grammar_reserve(k.g);
    grammar_fill(k.g, x, x);
    assert_int_equal(kit_try(&k, x), ERR_ARG);
    kit_close(&k);
}

static void test_depth(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    kit_use(&k, any_value(&k));
    enum { DEPTH = 10000 };
    for (int i = 0; i < DEPTH; i++) assert_true(matcher_accept_bytes(k.m, STR("[")));
    assert_non_null(matcher_mask(k.m));
    for (int i = 0; i < DEPTH; i++) assert_true(matcher_accept_bytes(k.m, STR("]")));
    assert_true(matcher_must_end(k.m));
    kit_close(&k);
}

/* Node i is a choice of two objects that both lead to node i + 1: threads must go on as one. */
static void test_exponential(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    uint32_t node = terminal(&k, DFA_NULL), t = terminal(&k, DFA_TRUE);
    enum { LEVELS = 200 };
    for (int i = 0; i < LEVELS; i++) {
        uint32_t list[2];
        for (int b = 0; b < 2; b++) {
            struct grammar_property p[] = {{STR("a"), node, true},
                                           {b ? STR("b") : STR("c"), t, false}};
            struct grammar_object o = {.property = p, .n_property = 2, .n_max = GRAMMAR_UNBOUNDED};
            list[b] = grammar_object(k.g, &o);
        }
        node = grammar_choice(k.g, list, 2);
    }
    kit_use(&k, node);
    for (int i = 0; i < LEVELS; i++) assert_true(matcher_accept_bytes(k.m, STR("{\"a\": ")));
    assert_true(matcher_accept_bytes(k.m, STR("null")));
    for (int i = 0; i < LEVELS; i++) {
        const char *tail = i % 3 == 0 ? "}" : i % 3 == 1 ? ", \"b\": true}" : ", \"c\": true}";
        assert_true(matcher_accept_bytes(k.m, str_of(tail)));
    }
    assert_true(matcher_must_end(k.m));
    assert_true(mask_space_stats(k.space).pool_used < (size_t)48 << 20);
    kit_close(&k);
}

/* The mask is of just those tokens that can be accepted. */
static void check_mask(struct kit *k)
{
    uint64_t mask[(KIT_TOKENS + 63) / 64];
    size_t n = matcher_n_token(k->m);
    memcpy(mask, matcher_mask(k->m), sizeof mask);
    for (int i = 0; i < KIT_TOKENS; i++) {
        assert_int_equal(matcher_accept(k->m, i), mask[i / 64] >> i % 64 & 1);
        matcher_rollback(k->m, n);
    }
}

static void test_many_branches(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    enum { BRANCHES = 1000 };
    uint32_t list[BRANCHES], value = any_value(&k);
    for (int i = 0; i < BRANCHES; i++) {
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        struct grammar_property p[] = {{STR("x"), value, true}, {str_of(name), value, true}};
        struct grammar_object o = {.property = p, .n_property = 2, .n_max = GRAMMAR_UNBOUNDED};
        list[i] = grammar_object(k.g, &o);
    }
    kit_use(&k, grammar_choice(k.g, list, BRANCHES));
    check_mask(&k); /* walks through so many states that they are given back */
    assert_true(matcher_accept_bytes(k.m, STR("{")));
    check_mask(&k);
    assert_true(matcher_accept_bytes(k.m, STR("\"x\": [1, {\"abc\": [\"text\", 2]}]")));
    check_mask(&k);
    assert_true(kit_accepts(&k, ", \"k77\": 1}"));
    assert_false(kit_accepts(&k, ", \"k1000\": 1}"));
    assert_true(mask_space_stats(k.space).pool_used < (size_t)32 << 20);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),          cmocka_unit_test(test_any_value),
        cmocka_unit_test(test_ordered_object), cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_arrays),         cmocka_unit_test(test_counted),
        cmocka_unit_test(test_marks),          cmocka_unit_test(test_free_text),
        cmocka_unit_test(test_forced),         cmocka_unit_test(test_limits),
        cmocka_unit_test(test_depth),          cmocka_unit_test(test_exponential),
        cmocka_unit_test(test_many_branches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
