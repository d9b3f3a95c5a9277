/* SPDX-License-Identifier: Apache-2.0
 *
 * Grammars whose languages are small enough to be written out: what the matcher takes, found by
 * trying all bytes everywhere, is just what a plain recursion over the description gives. A place
 * from which nothing can come and where nothing may end is a dead end and a failure.
 */
#include "grammar/grammar_internal.h"
#include "mask_kit.h"

#define TEXT_MAX 64
#define LANGUAGE_MAX 20000

struct language {
    char (*text)[TEXT_MAX];
    size_t n;
};

static void add(struct language *l, const char *text)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->text[i], text) == 0) return;
    if (l->n == LANGUAGE_MAX) fail_msg("the language is too large for this test");
    snprintf(l->text[l->n++], TEXT_MAX, "%s", text);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* All outputs of the matcher from here on. */
static void explore(struct kit *k, struct language *out, char *text, size_t n)
{
    bool alive = matcher_may_end(k->m);
    if (alive) {
        text[n] = 0;
        add(out, text);
    }
    if (n + 1 >= TEXT_MAX) fail_msg("%.*s goes on too long", (int)n, text);
    size_t at = matcher_n_token(k->m);
    for (int b = 1; b < 128; b++) {
        text[n] = (char)b;
        if (!matcher_accept_bytes(k->m, str_n(text + n, 1))) continue;
        alive = true;
        explore(k, out, text, n + 1);
        matcher_rollback(k->m, at);
    }
    if (!alive) fail_msg("dead end behind %.*s", (int)n, text);
}

/* ---- what is meant ---- */

struct meaning {
    struct rng rng;
    size_t n_property, n_tail;
    bool required[4], forbidden[4];
    uint32_t n_min, n_max;
    bool any_order;
    struct language *out;
};

static const char names[4][4] = {"a", "ab", "b", "c"};
static const char tails[4][4] = {"a", "x", "xy", "b"};

static void mean(struct meaning *m, const char *text, unsigned used, unsigned used_tail,
                 size_t next, uint32_t count)
{
    bool complete = count >= m->n_min && count <= m->n_max;
    for (size_t i = 0; i < m->n_property; i++)
        complete = complete && (!m->required[i] || used >> i & 1);
    char more[TEXT_MAX];
    if (complete) {
        snprintf(more, sizeof more, "%s}", text);
        add(m->out, more);
    }
    if (count == m->n_max) return;
    for (size_t i = m->any_order ? 0 : next; i < m->n_property; i++) {
        if (used >> i & 1 || m->forbidden[i]) continue;
        snprintf(more, sizeof more, "%s%s\"%s\": 1", text, count ? ", " : "", names[i]);
        mean(m, more, used | 1u << i, used_tail, i + 1, count + 1);
    }
    for (size_t i = 0; i < m->n_tail; i++) {
        bool is_name = false;
        for (size_t p = 0; p < m->n_property; p++)
            is_name = is_name || strcmp(names[p], tails[i]) == 0;
        if (is_name || used_tail >> i & 1) continue;
        snprintf(more, sizeof more, "%s%s\"%s\": 2", text, count ? ", " : "", tails[i]);
        mean(m, more, used, used_tail | 1u << i, m->any_order ? next : m->n_property, count + 1);
    }
}

static uint32_t build_object(struct kit *k, struct meaning *m)
{
    struct grammar_property p[4];
    const char *words[4];
    char quoted[4][8];
    uint32_t one = grammar_text(k->g, STR("1"));
    for (size_t i = 0; i < m->n_property; i++)
        p[i] = (struct grammar_property){str_of(names[i]), m->forbidden[i] ? NODE_NONE : one,
                                         m->required[i]};
    for (size_t i = 0; i < m->n_tail; i++) {
        snprintf(quoted[i], sizeof quoted[i], "\"%s\"", tails[i]);
        words[i] = quoted[i];
    }
    struct grammar_tail tail = {m->n_tail ? kit_words(k, words, m->n_tail) : NULL,
                                grammar_text(k->g, STR("2"))};
    struct grammar_object o = {.property = p,
                               .n_property = m->n_property,
                               .tail = &tail,
                               .n_tail = m->n_tail > 0,
                               .n_min = m->n_min,
                               .n_max = m->n_max,
                               .any_order = m->any_order};
    return grammar_object(k->g, &o);
}

static void compare(struct kit *k, struct language *want, uint32_t root, struct language *got,
                    uint64_t seed)
{
    char text[TEXT_MAX];
    enum err rc = kit_try(k, root);
    if (want->n == 0) {
        assert_int_equal(rc, ERR_ARG);
        return;
    }
    if (rc != ERR_OK) fail_msg("seed %llu: %s", (unsigned long long)seed, k->e.text);
    kit_matcher(k, TEXT_MAX);
    got->n = 0;
    explore(k, got, text, 0);
    qsort(want->text, want->n, TEXT_MAX, by_text);
    qsort(got->text, got->n, TEXT_MAX, by_text);
    for (size_t i = 0; i < want->n && i < got->n; i++)
        if (strcmp(want->text[i], got->text[i]) != 0)
            fail_msg("seed %llu: meant %s, took %s", (unsigned long long)seed, want->text[i],
                     got->text[i]);
    assert_int_equal(want->n, got->n);
}

static void test_objects(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    struct language want = {mem_array(LANGUAGE_MAX, TEXT_MAX), 0};
    struct language got = {mem_array(LANGUAGE_MAX, TEXT_MAX), 0};
    size_t total = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct meaning m = {.out = &want};
        rng_seed(&m.rng, seed);
        m.n_property = rng_below(&m.rng, 4);
        m.n_tail = rng_below(&m.rng, 4);
        m.any_order = rng_below(&m.rng, 2);
        m.n_min = (uint32_t)rng_below(&m.rng, 4);
        m.n_max = (uint32_t)(m.n_min + rng_below(&m.rng, 3));
        if (m.n_max > 4) m.n_max = 4;
        for (size_t i = 0; i < m.n_property; i++) {
            m.required[i] = rng_below(&m.rng, 3) == 0;
            m.forbidden[i] = !m.required[i] && rng_below(&m.rng, 4) == 0;
        }
        want.n = 0;
        mean(&m, "{", 0, 0, 0, 0);
        kit_begin(&k);
        compare(&k, &want, build_object(&k, &m), &got, seed);
        total += want.n;
    }
    print_message("%zu objects in 300 languages\n", total);
    mem_free(want.text);
    mem_free(got.text);
    kit_close(&k);
}

/* ---- arrays ---- */

struct array_meaning {
    struct grammar_array a;
    const char *prefix[2][2], *rest[2]; /* [..][1]: what counts; NULL: nothing */
    struct language *out;
};

static void mean_items(struct array_meaning *m, const char *text, uint32_t n, uint32_t matches)
{
    char more[TEXT_MAX];
    if (n >= m->a.n_min && n <= m->a.n_max && matches >= m->a.n_match_min &&
        matches <= m->a.n_match_max) {
        snprintf(more, sizeof more, "%s]", text);
        add(m->out, more);
    }
    if (n == m->a.n_max || n == 6) return;
    for (uint32_t match = 0; match < 2; match++) {
        const char *item = n < 2 && n < m->a.n_prefix ? m->prefix[n][match] : m->rest[match];
        if (!item || (match && !m->a.contains)) continue;
        snprintf(more, sizeof more, "%s%s%s", text, n ? ", " : "", item);
        mean_items(m, more, n + 1, matches + match);
    }
}

static void test_arrays(void **state)
{
    (void)state;
    static const char *const item[] = {"1", "2", "x", NULL, "12"};
    struct kit k;
    kit_open(&k, 0);
    struct language want = {mem_array(LANGUAGE_MAX, TEXT_MAX), 0};
    struct language got = {mem_array(LANGUAGE_MAX, TEXT_MAX), 0};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct array_meaning m = {.out = &want};
        struct rng rng;
        uint32_t prefix[2], match[2];
        rng_seed(&rng, seed);
        kit_begin(&k);
        m.a.n_prefix = rng_below(&rng, 3);
        m.a.contains = rng_below(&rng, 2);
        m.a.n_min = (uint32_t)rng_below(&rng, 4);
        m.a.n_max = (uint32_t)rng_below(&rng, 6);
        m.a.n_match_min = m.a.contains ? (uint32_t)rng_below(&rng, 4) : 0;
        m.a.n_match_max =
            m.a.contains && rng_below(&rng, 2) ? (uint32_t)rng_below(&rng, 4) : GRAMMAR_UNBOUNDED;
        uint32_t node[3][2];
        for (size_t i = 0; i < 3; i++)
            for (size_t b = 0; b < 2; b++) {
                const char *text = item[rng_below(&rng, 5)];
                if (i < 2)
                    m.prefix[i][b] = text;
                else
                    m.rest[b] = text;
                node[i][b] = text ? grammar_text(k.g, str_of(text)) : NODE_NONE;
            }
        for (size_t i = 0; i < 2; i++) prefix[i] = node[i][0], match[i] = node[i][1];
        m.a.prefix = prefix;
        m.a.prefix_match = match;
        m.a.rest = node[2][0];
        m.a.rest_match = node[2][1];
        want.n = 0;
        mean_items(&m, "[", 0, 0);
        compare(&k, &want, grammar_array(k.g, &m.a), &got, seed);
    }
    mem_free(want.text);
    mem_free(got.text);
    kit_close(&k);
}

/* ---- limits and failures of building ---- */

static void test_limits(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k, 0);
    kit_begin(&k);
    struct grammar_trigger t[GRAMMAR_TRIGGERS_MAX + 1];
    for (size_t i = 0; i < N_OF(t); i++)
        t[i] = (struct grammar_trigger){STR("ab"), grammar_text(k.g, STR("x"))};
    assert_int_equal(kit_try(&k, grammar_free(k.g, t, N_OF(t), true)), ERR_LIMIT);
    kit_begin(&k);
    t[0].text = STR("");
    assert_int_equal(kit_try(&k, grammar_free(k.g, t, 1, true)), ERR_LIMIT);
    kit_begin(&k);
    struct grammar_property p[] = {{STR("a"), grammar_text(k.g, STR("1")), true},
                                   {STR("a"), grammar_text(k.g, STR("2")), true}};
    struct grammar_object o = {.property = p, .n_property = 2, .n_max = GRAMMAR_UNBOUNDED};
    assert_int_equal(kit_try(&k, grammar_object(k.g, &o)), ERR_ARG);
    kit_begin(&k); /* more nodes than memory */
    uint32_t node = grammar_text(k.g, STR("a"));
    while (k.work.rc == ERR_OK) node = grammar_text(k.g, STR("abcdefgh"));
    assert_int_equal(node, NODE_NONE);
    assert_int_equal(kit_try(&k, node), ERR_LIMIT);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
