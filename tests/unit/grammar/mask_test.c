/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks against brute force: over random grammars and random outputs a token is in the mask just
 * when it can be accepted, what is accepted can be gone on from, and nothing depends on caches,
 * on going back, or on the pool being dropped on the way.
 */
#include "mask_kit.h"

#define SEEDS 400
#define STEPS 60
#define STR_OF(lit)          \
    {                        \
        lit, sizeof(lit) - 1 \
    }

struct maker {
    struct kit *k;
    struct rng rng;
};

static uint32_t below(struct maker *m, uint32_t n) { return (uint32_t)rng_below(&m->rng, n); }

static const struct dfa *random_words(struct maker *m, bool quoted)
{
    static const char letters[] = "ab,}1\":";
    static char pool[8][12];
    const char *list[8];
    size_t n = 1 + below(m, 5);
    for (size_t i = 0; i < n; i++) {
        size_t len = 0, want = below(m, 5);
        if (quoted) pool[i][len++] = '"';
        for (size_t k = 0; k < want; k++) pool[i][len++] = letters[below(m, quoted ? 5 : 7)];
        if (quoted)
            pool[i][len++] = '"';
        else if (len == 0)
            pool[i][len++] = '1';
        pool[i][len] = 0;
        list[i] = pool[i];
    }
    return kit_words(m->k, list, n);
}

static uint32_t random_terminal(struct maker *m)
{
    static const enum dfa_shared shared[] = {DFA_STRING, DFA_STRING,       DFA_NULL,
                                             DFA_TRUE,   DFA_FALSE,        DFA_INTEGER,
                                             DFA_NUMBER, DFA_NUMBER_UNIQUE};
    uint32_t kind = below(m, 12), n_min = below(m, 4);
    if (kind < 8) return grammar_terminal(m->k->g, dfa_shared(shared[kind]), 0, GRAMMAR_UNBOUNDED);
    if (kind == 8)
        return grammar_terminal(m->k->g, dfa_shared(DFA_STRING), n_min, n_min + below(m, 9));
    if (kind == 9)
        return grammar_terminal(m->k->g, dfa_shared(DFA_STRING), n_min, GRAMMAR_UNBOUNDED);
    return grammar_terminal(m->k->g, random_words(m, below(m, 2)), 0, GRAMMAR_UNBOUNDED);
}

static uint32_t random_node(struct maker *m, int depth, uint32_t self);

static uint32_t random_object(struct maker *m, int depth, uint32_t self)
{
    static const char *const names[] = {"a",  "ab",  "abc",         "b", "ba",
                                        "\"", "c\n", "caf\xc3\xa9", ""};
    struct grammar_property p[6];
    struct grammar_tail tail[1];
    size_t n = below(m, 6), first = below(m, 4);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct grammar_property){str_of(names[(first + i) % N_OF(names)]),
                                         below(m, 6) ? random_node(m, depth - 1, self) : NODE_NONE,
                                         below(m, 3) == 0};
    for (size_t i = 0; i < n; i++)
        if (p[i].value == NODE_NONE) p[i].required = false;
    uint32_t n_min = below(m, 3);
    static const struct grammar_style bare = {STR_OF("<o>"), STR_OF("}"), STR_OF("["), STR_OF("]"),
                                              STR_OF(","),   STR_OF(":"), true,        {NULL, 0}};
    struct grammar_object o = {.style = below(m, 4) ? NULL : &bare,
                               .property = p,
                               .n_property = n,
                               .tail = tail,
                               .n_tail = below(m, 2),
                               .n_min = n_min,
                               .n_max = below(m, 2) ? GRAMMAR_UNBOUNDED : n_min + below(m, 5),
                               .any_order = below(m, 2)};
    tail[0] = (struct grammar_tail){below(m, 2) ? dfa_shared(DFA_STRING) : random_words(m, true),
                                    random_node(m, depth - 1, self)};
    return grammar_object(m->k->g, &o);
}

static uint32_t random_array(struct maker *m, int depth, uint32_t self)
{
    uint32_t prefix[3], match[3], n_min = below(m, 3);
    bool unique = below(m, 3) == 0;
    size_t n = below(m, 3);
    for (size_t i = 0; i < n; i++) {
        prefix[i] =
            unique ? grammar_terminal(m->k->g, random_words(m, below(m, 2)), 0, GRAMMAR_UNBOUNDED)
                   : random_node(m, depth - 1, self);
        match[i] = random_node(m, depth - 1, self);
    }
    struct grammar_array a = {.prefix = prefix,
                              .n_prefix = n,
                              .prefix_match = match,
                              .n_min = n_min,
                              .n_max = below(m, 2) ? GRAMMAR_UNBOUNDED : n_min + below(m, 4),
                              .contains = !unique && below(m, 2),
                              .unique = unique};
    a.n_match_min = below(m, 3);
    a.n_match_max = below(m, 2) ? GRAMMAR_UNBOUNDED : a.n_match_min + below(m, 2);
    if (unique)
        a.rest = grammar_terminal(
            m->k->g, below(m, 2) ? dfa_shared(DFA_STRING) : random_words(m, below(m, 2)), 0,
            GRAMMAR_UNBOUNDED);
    else
        a.rest = below(m, 4) ? random_node(m, depth - 1, self) : NODE_NONE;
    a.rest_match = random_node(m, depth - 1, self);
    return grammar_array(m->k->g, &a);
}

static uint32_t random_free(struct maker *m)
{
    static const char *const text[] = {"<tool_call>", "[CALL]", "ab", "call", "aba\""};
    struct grammar_trigger t[3];
    size_t n = 1 + below(m, 3), first = below(m, 5);
    for (size_t i = 0; i < n; i++)
        t[i] = (struct grammar_trigger){str_of(text[(first + i) % 5]), random_terminal(m)};
    return grammar_free(m->k->g, t, n, below(m, 2));
}

static uint32_t random_node(struct maker *m, int depth, uint32_t self)
{
    static const char *const texts[] = {"a", "ab", "{\"a\": ", "\n", "1", "\"}", "<tool_call>"};
    struct grammar_builder *g = m->k->g;
    uint32_t list[4], n = 1 + below(m, 3), kind = below(m, depth > 0 ? 13 : 4);
    if (kind < 2) return random_terminal(m);
    if (kind == 2) return grammar_text(g, str_of(texts[below(m, N_OF(texts))]));
    if (kind == 3)
        return grammar_mark(g, below(m, 2)   ? STR("<tool_call>")
                               : below(m, 2) ? STR("[CALL]")
                                             : STR("<x>"));
    if (kind < 6 || kind == 12) {
        for (uint32_t i = 0; i < n; i++) list[i] = random_node(m, depth - 1, self);
        if (kind == 12) list[n++] = self;
        return kind == 4 ? grammar_sequence(g, list, n) : grammar_choice(g, list, n);
    }
    if (kind == 6) {
        uint32_t n_min = below(m, 3);
        return grammar_repeat(g, random_node(m, depth - 1, self), n_min,
                              below(m, 2) ? GRAMMAR_UNBOUNDED : n_min + below(m, 3),
                              below(m, 2) ? NODE_NONE : grammar_text(g, STR(",")));
    }
    if (kind == 7) return random_free(m);
    return kind < 10 ? random_object(m, depth, self) : random_array(m, depth, self);
}

/* False when nothing can be written or the grammar is refused. */
static bool make(struct kit *k, uint64_t seed)
{
    struct maker m = {.k = k};
    rng_seed(&m.rng, seed);
    kit_begin(k);
    uint32_t self = grammar_reserve(k->g), node = random_node(&m, 3, self);
    grammar_fill(k->g, self, node);
    if (kit_try(k, self) != ERR_OK) return false;
    kit_matcher(k, 4096);
    return true;
}

static bool has(const uint64_t *mask, int32_t id) { return mask[id / 64] >> id % 64 & 1; }

static void check_mask(struct kit *k, uint64_t seed, const uint64_t *mask, uint64_t *copy)
{
    size_t words = mask_words(k->space), n = matcher_n_token(k->m), n_allowed = 0;
    if (!mask) fail_msg("seed %llu: no mask", (unsigned long long)seed);
    memcpy(copy, mask, words * sizeof *copy);
    for (int32_t id = 0; id < KIT_TOKENS; id++) {
        bool accepted = matcher_accept(k->m, id);
        if (accepted != has(copy, id))
            fail_msg("seed %llu, token %d behind %zu: accepted %d, mask %d",
                     (unsigned long long)seed, id, n, accepted, has(copy, id));
        matcher_rollback(k->m, n);
        n_allowed += accepted;
    }
    if (n_allowed == 0) fail_msg("seed %llu: a dead end", (unsigned long long)seed);
}

static int32_t pick(struct rng *rng, const uint64_t *mask)
{
    int32_t id;
    do {
        id = (int32_t)rng_below(rng, KIT_TOKENS);
    } while (!has(mask, id));
    return id;
}

static void test_brute_force(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    uint64_t *copy = mem_array(mask_words(k.space), sizeof *copy);
    size_t made = 0, ended = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        if (!make(&k, seed)) continue;
        made++;
        struct rng rng;
        rng_seed(&rng, seed * 7919);
        for (int i = 0; i < STEPS; i++) {
            mem_guard_begin();
            const uint64_t *mask = matcher_mask(k.m);
            mem_guard_end();
            check_mask(&k, seed, mask, copy);
            int32_t forced[8];
            size_t n_forced = matcher_forced(k.m, forced, 8), n = matcher_n_token(k.m);
            for (size_t f = 0; f < n_forced; f++)
                if (!matcher_accept(k.m, forced[f]))
                    fail_msg("seed %llu: forced", (unsigned long long)seed);
            matcher_rollback(k.m, n);
            if (matcher_is_free(k.m))
                for (int32_t id = 0; id < KIT_TOKENS; id++) assert_true(has(copy, id));
            assert_int_equal(matcher_may_end(k.m), has(copy, KIT_EOS));
            int32_t id = pick(&rng, copy);
            assert_true(matcher_accept(k.m, id));
            if (id == KIT_EOS) break;
        }
        ended += matcher_may_end(k.m);
    }
    print_message("%zu grammars, %zu outputs that may end\n", made, ended);
    assert_true(made > SEEDS / 4);
    mem_free(copy);
    kit_close(&k);
}

/* The same outputs with a pool that is dropped all the time. */
static void test_tiny_pool(void **state)
{
    (void)state;
    struct kit big, small;
    kit_open(&big, 0);
    kit_open(&small, (size_t)1 << 20);
    size_t words = mask_words(big.space), compared = 0;
    uint64_t *copy = mem_array(words, sizeof *copy);
    for (uint64_t seed = 1; seed <= SEEDS / 4; seed++) {
        if (!make(&big, seed)) continue;
        assert_true(make(&small, seed));
        struct rng rng;
        rng_seed(&rng, seed * 104729);
        for (int i = 0; i < STEPS * 4; i++) {
            const uint64_t *a = matcher_mask(big.m), *b = matcher_mask(small.m);
            assert_non_null(a);
            if (!b) break;
            assert_memory_equal(a, b, words * sizeof *a);
            memcpy(copy, a, words * sizeof *a);
            int32_t id = pick(&rng, copy);
            assert_true(matcher_accept(big.m, id));
            assert_true(matcher_accept(small.m, id));
            compared++;
            if (id == KIT_EOS) break;
            if (i % 16 == 15) {
                size_t n = rng_below(&rng, matcher_n_token(big.m));
                matcher_rollback(big.m, n);
                matcher_rollback(small.m, n);
            }
        }
    }
    print_message("%zu masks compared, the small pool was dropped %llu times\n", compared,
                  (unsigned long long)mask_space_stats(small.space).n_reset);
    assert_true(mask_space_stats(small.space).n_reset > 1);
    mem_free(copy);
    kit_close(&big);
    kit_close(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brute_force),
        cmocka_unit_test(test_tiny_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
