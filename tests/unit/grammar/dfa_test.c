/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "grammar/dfa_internal.h"

#define STATES_MAX 100000

static struct error failure;

static struct dfa_work new_work(void)
{
    failure = (struct error){0};
    return (struct dfa_work){.arena = arena_new((size_t)256 << 20), .n_state_max = STATES_MAX,
                             .e = &failure};
}

/* A random automaton over the bytes of alphabet, which other bytes never join. */
static const struct dfa *random_dfa(struct dfa_work *w, struct rng *r, str alphabet, int n_state)
{
    uint8_t class_of[256];
    uint32_t n_class = 1;
    memset(class_of, 0, sizeof class_of);
    for (size_t i = 0; i < alphabet.n; i++)
        class_of[(uint8_t)alphabet.p[i]] = (uint8_t)n_class++;
    struct dfa_draft d;
    dfa_draft_init(&d, w, class_of, n_class);
    for (int s = 0; s < n_state; s++)
        assert_int_not_equal(dfa_draft_add(&d, rng_below(r, 3) == 0 ? DFA_ACCEPT : 0), DFA_DEAD);
    for (uint32_t s = 1; s < d.n_state; s++)
        for (uint32_t c = 1; c < n_class; c++)
            if (rng_below(r, 4)) dfa_draft_row(&d, s)[c] = (uint32_t)rng_below(r, d.n_state);
    const struct dfa *a = dfa_draft_finish(&d, 1);
    assert_non_null(a);
    return a;
}

static str random_text(struct rng *r, str alphabet, size_t n_max, char *out)
{
    size_t n = rng_below(r, n_max + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet.p[rng_below(r, alphabet.n)];
    return str_n(out, n);
}

/* The word of n - 1 letters a. */
static const struct dfa *chain(struct dfa_work *w, uint32_t n)
{
    char *text = mem_alloc(n);
    memset(text, 'a', n);
    str word = str_n(text, n - 1);
    const struct dfa *a = dfa_words(w, &word, 1);
    mem_free(text);
    return a;
}

/* What dfa.h promises of every automaton. */
static void assert_sound(const struct dfa *a)
{
    assert_non_null(a);
    bool *live = mem_array(a->n_state, sizeof *live);
    for (bool is_new = true; is_new;) {
        is_new = false;
        for (uint32_t s = 1; s < a->n_state; s++)
            for (uint32_t c = 0; c <= a->n_class && !live[s]; c++)
                if (c == a->n_class ? dfa_accepts(a, s) : live[a->next[s * a->n_class + c]])
                    live[s] = is_new = true;
    }
    for (uint32_t s = 1; s < a->n_state; s++)
        assert_true(live[s]);
    for (uint32_t c = 0; c < a->n_class; c++)
        assert_int_equal(a->next[c], DFA_DEAD);
    for (size_t i = 0; i < (size_t)a->n_state * a->n_class; i++)
        assert_true(a->next[i] < a->n_state);
    assert_int_equal(a->flags[DFA_DEAD], 0);
    assert_true(a->start < a->n_state);
    mem_free(live);
}

static bool is_same_table(const struct dfa *a, const struct dfa *b)
{
    return a->n_state == b->n_state && a->n_class == b->n_class && a->start == b->start &&
           memcmp(a->class_of, b->class_of, 256) == 0 &&
           memcmp(a->flags, b->flags, a->n_state) == 0 &&
           memcmp(a->next, b->next, (size_t)a->n_state * a->n_class * sizeof *a->next) == 0;
}

/* ---- algebra ---- */

static void algebra_is_of_languages(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 1);
    const str abc = STR("abc");
    for (int round = 0; round < 300; round++) {
        struct dfa_work w = new_work();
        const struct dfa *a = random_dfa(&w, &r, abc, 1 + (int)rng_below(&r, 9));
        const struct dfa *b = random_dfa(&w, &r, abc, 1 + (int)rng_below(&r, 9));
        const struct dfa *both = dfa_and(&w, a, b), *either = dfa_or(&w, a, b);
        const struct dfa *only = dfa_minus(&w, a, b), *min = dfa_minimize(&w, a);
        const struct dfa *tail = dfa_append(&w, a, STR("ab"));
        const struct dfa *made[] = {a, b, both, either, only, min, tail};
        for (size_t i = 0; i < N_OF(made); i++)
            assert_sound(made[i]);
        bool is_within = true;
        for (int i = 0; i < 400; i++) {
            char room[12];
            str t = random_text(&r, STR("abcd"), sizeof room, room);
            bool in_a = dfa_match(a, t), in_b = dfa_match(b, t);
            assert_int_equal(dfa_match(both, t), in_a && in_b);
            assert_int_equal(dfa_match(either, t), in_a || in_b);
            assert_int_equal(dfa_match(only, t), in_a && !in_b);
            assert_int_equal(dfa_match(min, t), in_a);
            assert_int_equal(dfa_match(tail, t),
                             str_ends(t, STR("ab")) && dfa_match(a, str_n(t.p, t.n - 2)));
            is_within &= !in_a || in_b;
        }
        assert_true(is_within || !dfa_is_subset(&w, a, b));
        assert_int_equal(dfa_is_subset(&w, a, b), dfa_is_empty(only));
        assert_true(dfa_is_subset(&w, both, a) && dfa_is_subset(&w, a, either));
        assert_int_equal(w.rc, ERR_OK);
        arena_free(w.arena);
    }
}

static void laws_give_equal_tables(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 2);
    for (int round = 0; round < 200; round++) {
        struct dfa_work w = new_work();
        const struct dfa *all = dfa_shared(DFA_TEXT), *set[3];
        for (int i = 0; i < 3; i++)
            set[i] = dfa_and(&w, all, random_dfa(&w, &r, STR("ab\xc3\xa9"), 6));
        const struct dfa *a = set[0], *b = set[1], *c = set[2];
        const struct dfa *law[][2] = {
            {dfa_and(&w, a, dfa_or(&w, b, c)), dfa_or(&w, dfa_and(&w, a, b), dfa_and(&w, a, c))},
            {dfa_minus(&w, all, dfa_or(&w, a, b)),
             dfa_and(&w, dfa_minus(&w, all, a), dfa_minus(&w, all, b))},
            {dfa_minus(&w, all, dfa_minus(&w, all, a)), a},
            {dfa_minus(&w, a, b), dfa_and(&w, dfa_minus(&w, all, b), a)},
            {dfa_or(&w, a, a), a},
        };
        for (size_t i = 0; i < N_OF(law); i++)
            assert_true(is_same_table(dfa_minimize(&w, law[i][0]), dfa_minimize(&w, law[i][1])));
        arena_free(w.arena);
    }
}

/* The flags along a text of the product are those of both operands. */
static void products_keep_characters(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 10);
    struct dfa_work w = new_work();
    const struct dfa *a = dfa_shared(DFA_STRING), *b = chain(&w, 9);
    const struct dfa *made[] = {dfa_or(&w, a, b), dfa_or(&w, b, a), dfa_minus(&w, a, b),
                                dfa_and(&w, a, dfa_or(&w, b, a))};
    for (size_t i = 0; i < N_OF(made); i++)
        for (int round = 0; round < 200; round++) {
            char room[12];
            str t = random_text(&r, STR("\"\"a\\nu0"), sizeof room, room);
            uint32_t s = made[i]->start, in_a = a->start;
            for (size_t k = 0; k < t.n && s != DFA_DEAD; k++) {
                s = dfa_next(made[i], s, (uint8_t)t.p[k]);
                in_a = dfa_next(a, in_a, (uint8_t)t.p[k]);
                assert_int_equal(made[i]->flags[s] & DFA_CHAR, a->flags[in_a] & DFA_CHAR);
            }
        }
    arena_free(w.arena);
}

/* Fills apart [n_state, n_state]: can a text tell two states from one another? */
static uint32_t count_classes(const struct dfa *a)
{
    uint32_t n = a->n_state;
    bool *apart = mem_array((size_t)n * n, sizeof *apart);
    for (bool is_new = true; is_new;) {
        is_new = false;
        for (uint32_t s = 0; s < n; s++)
            for (uint32_t t = 0; t < n; t++) {
                bool differ = a->flags[s] != a->flags[t];
                for (uint32_t c = 0; c < a->n_class; c++)
                    differ |= apart[a->next[s * a->n_class + c] * n + a->next[t * a->n_class + c]];
                if (differ && !apart[s * n + t])
                    apart[s * n + t] = is_new = true;
            }
    }
    uint32_t n_class = 0;
    for (uint32_t s = 0; s < n; s++) {
        bool is_first = true;
        for (uint32_t t = 0; t < s; t++)
            is_first &= apart[s * n + t];
        n_class += is_first;
    }
    mem_free(apart);
    return n_class;
}

static void minimal_is_minimal(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 3);
    for (int round = 0; round < 200; round++) {
        struct dfa_work w = new_work();
        const struct dfa *a = random_dfa(&w, &r, STR("abc"), 1 + (int)rng_below(&r, 25));
        if (round % 2)
            a = dfa_json_spell(&w, dfa_and(&w, a, dfa_shared(DFA_TEXT)));
        const struct dfa *m = dfa_minimize(&w, a);
        assert_int_equal(m->n_state, count_classes(a));
        assert_true(is_same_table(m, dfa_minimize(&w, m)));
        arena_free(w.arena);
    }
}

/* ---- words ---- */

static void words_are_exactly_those(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 4);
    for (int round = 0; round < 200; round++) {
        struct dfa_work w = new_work();
        char room[100][8];
        str word[100];
        size_t n = rng_below(&r, N_OF(word) + 1);
        for (size_t i = 0; i < n; i++)
            word[i] = random_text(&r, STR("ab\xff"), sizeof room[0], room[i]);
        const struct dfa *a = dfa_words(&w, word, n);
        assert_sound(a);
        uint32_t n_distinct = 0;
        for (size_t i = 0; i < n; i++) {
            bool is_new = true;
            for (size_t k = 0; k < i; k++)
                is_new &= !str_eq(word[i], word[k]);
            n_distinct += is_new;
            assert_true(dfa_match(a, word[i]));
        }
        assert_int_equal(a->n_word[a->start], n_distinct);
        assert_int_equal(count_classes(a), a->n_state);
        for (int i = 0; i < 200; i++) {
            char out[9];
            str t = random_text(&r, STR("ab\xff"), sizeof out, out);
            bool is_in = false;
            for (size_t k = 0; k < n; k++)
                is_in |= str_eq(t, word[k]);
            assert_int_equal(dfa_match(a, t), is_in);
        }
        arena_free(w.arena);
    }
}

/* 10,000 values of an enum, long and without likeness. */
static void words_in_bulk(void **state)
{
    (void)state;
    enum { N = 10000, LENGTH = 30 };
    struct rng r;
    rng_seed(&r, 11);
    struct dfa_work w = new_work();
    w.n_state_max = 0;
    char *room = mem_array(N, LENGTH);
    str *word = mem_array(N, sizeof *word);
    for (size_t i = 0; i < N; i++) {
        word[i] = str_n(room + i * LENGTH, LENGTH);
        for (size_t k = 0; k < LENGTH; k++)
            room[i * LENGTH + k] = (char)('a' + rng_below(&r, 26));
    }
    int64_t start = clock_thread_cpu_ns();
    const struct dfa *a = dfa_words(&w, word, N);
    print_message("%d words: %.1f ms\n", N, (double)(clock_thread_cpu_ns() - start) / 1e6);
    assert_int_equal(a->n_word[a->start], N);
    for (size_t i = 0; i < N; i++)
        assert_true(dfa_match(a, word[i]));
    const struct dfa *none = dfa_minus(&w, a, dfa_words(&w, word + 1, N - 1));
    assert_int_equal(dfa_count(&w, none)->n_word[none->start], 1);
    mem_free(room);
    mem_free(word);
    arena_free(w.arena);
}

/* ---- JSON strings ---- */

/* Characters of every kind of spelling, in some order. */
static const char *const characters[] = {
    "a", "b", "f", "u", "0", "\"", "\\", "/", "\b", "\f", "\n", "\r", "\t", "\x01", "\x0b", "\x1f",
    "\x7f", "\xc3\xa9", "\xe2\x80\xa8", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", " ",
};

static str random_characters(struct rng *r, size_t n_max, char *out)
{
    size_t n = 0;
    for (size_t k = rng_below(r, n_max + 1); k > 0; k--) {
        const char *c = characters[rng_below(r, N_OF(characters))];
        memcpy(out + n, c, strlen(c));
        n += strlen(c);
    }
    return str_n(out, n);
}

/* Walks a spelling; CHAR stands exactly between its characters. */
static void assert_flags(const struct dfa *json, str spelling)
{
    uint32_t s = json->start;
    size_t between = 1;                        /* the next place between two characters */
    for (size_t i = 0; i <= spelling.n; i++) {
        bool want = i == between && i < spelling.n;
        assert_int_equal(!!(json->flags[s] & DFA_CHAR), want);
        if (i == spelling.n)
            return;
        if (want && spelling.p[i] == '\\')
            between += spelling.p[i + 1] == 'u' ? 6 : 2;
        else if (want)
            (void)utf8_next(spelling, &between);
        s = dfa_next(json, s, (uint8_t)spelling.p[i]);
    }
}

static void texts_have_one_spelling(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 5);
    for (int round = 0; round < 300; round++) {
        struct dfa_work w = new_work();
        char room[40][32];
        str word[40];
        size_t n = 1 + rng_below(&r, N_OF(word));
        for (size_t i = 0; i < n; i++)
            word[i] = random_characters(&r, 6, room[i]);
        const struct dfa *text = dfa_words(&w, word, n);
        if (round % 2)
            text = dfa_minus(&w, dfa_shared(DFA_TEXT), text);
        const struct dfa *json = dfa_json_string(&w, text);
        assert_sound(json);
        assert_true(dfa_is_subset(&w, json, dfa_shared(DFA_STRING)));
        /* As many spellings as texts, and each text has the one below. */
        assert_int_equal(dfa_count(&w, json)->n_word[json->start],
                         dfa_count(&w, text)->n_word[text->start]);
        for (int i = 0; i < 100; i++) {
            char out[32];
            str t = i < (int)n ? word[i] : random_characters(&r, 6, out);
            struct buf b;
            buf_init(&b, 1000);
            struct json_writer jw;
            jw_init(&jw, &b);
            jw_string(&jw, t);
            assert_int_equal(dfa_match(json, buf_str(&b)), dfa_match(text, t));
            if (dfa_match(json, buf_str(&b)))
                assert_flags(json, buf_str(&b));
            buf_done(&b);
        }
        arena_free(w.arena);
    }
}

static void other_spellings_are_out(void **state)
{
    (void)state;
    static const struct { const char *s; bool is_in; } rows[] = {
        {"\"\"", true}, {"\"a\"", true}, {"\"\\u0000\"", true}, {"\"\\u001f\"", true},
        {"\"\\n\"", true}, {"\"\\\"\\\\/\"", true}, {"\"\x7f\"", true},
        {"\"\xed\x9f\xbf\xee\x80\x80\"", true}, {"\"\xf4\x8f\xbf\xbf\"", true},
        {"", false}, {"\"", false}, {"a", false}, {"\"a", false}, {"\"\"\"", false},
        {"\"a\" ", false}, {"\"\n\"", false}, {"\"\\/\"", false}, {"\"\\u000a\"", false},
        {"\"\\u0008\"", false}, {"\"\\u001F\"", false}, {"\"\\u0041\"", false},
        {"\"\\u007f\"", false}, {"\"\\u0022\"", false}, {"\"\\ud83d\\ude00\"", false},
        {"\"\\u2028\"", false}, {"\"\\u0020\"", false}, {"\"\\U0001\"", false},
        {"\"\\'\"", false}, {"\"\xc3\"", false}, {"\"\xc0\xaf\"", false},
        {"\"\xed\xa0\x80\"", false}, {"\"\xf4\x90\x80\x80\"", false}, {"\"\x80\"", false},
    };
    for (size_t i = 0; i < N_OF(rows); i++)
        if (dfa_match(dfa_shared(DFA_STRING), str_of(rows[i].s)) != rows[i].is_in)
            fail_msg("%s", rows[i].s);
    struct dfa_work w = new_work();
    const struct dfa *all = dfa_shared(DFA_TEXT);
    assert_ptr_equal(dfa_json_string(&w, all), dfa_shared(DFA_STRING));
    const struct dfa *again = dfa_minimize(&w, dfa_or(&w, all, dfa_words(&w, &STR("a"), 1)));
    assert_ptr_equal(dfa_json_string(&w, again), dfa_shared(DFA_STRING));
    assert_true(dfa_is_empty(dfa_json_string(&w, dfa_words(&w, NULL, 0))));
    assert_null(dfa_json_string(&w, dfa_words(&w, (str[]){STR("a"), STR("\x80")}, 2)));
    assert_int_equal(w.rc, ERR_ARG);
    arena_free(w.arena);
}

/* ---- counts and lengths ---- */

/* Words from state s, none longer than depth. */
static uint64_t enumerate(const struct dfa *a, uint32_t s, int depth)
{
    uint64_t n = dfa_accepts(a, s);
    for (int b = 0; b < 256 && depth > 0; b++) {
        uint32_t to = dfa_next(a, s, (uint8_t)b);
        if (to != DFA_DEAD)
            n += enumerate(a, to, depth - 1);
    }
    return n;
}

static void counts_are_of_words(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 6);
    for (int round = 0; round < 300; round++) {
        struct dfa_work w = new_work();
        const struct dfa *a = random_dfa(&w, &r, STR("ab"), 7);
        a = dfa_count(&w, a);
        for (uint32_t s = 1; s < a->n_state; s++) {
            uint64_t n = enumerate(a, s, (int)a->n_state), more = enumerate(a, s, 13);
            assert_int_equal(a->n_word[s], n == more ? n : UINT32_MAX);
        }
        assert_int_equal(a->n_word[DFA_DEAD], 0);
        assert_ptr_equal(dfa_count(&w, a), a);
        arena_free(w.arena);
    }
}

static void counts_saturate(void **state)
{
    (void)state;
    struct dfa_work w = new_work();
    uint8_t class_of[256] = {0};
    for (int n = 1; n <= 5; n++) {             /* exactly n bytes, any: 256^n words */
        struct dfa_draft d;
        dfa_draft_init(&d, &w, class_of, 1);
        for (int i = 0; i <= n; i++)
            assert_int_equal(dfa_draft_add(&d, i == n ? DFA_ACCEPT : 0), i + 1);
        for (uint32_t i = 1; i <= (uint32_t)n; i++)
            dfa_draft_row(&d, i)[0] = i + 1;
        const struct dfa *a = dfa_count(&w, dfa_draft_finish(&d, 1));
        assert_int_equal(a->n_word[a->start], n < 4 ? 1u << (8 * n) : UINT32_MAX);
    }
    arena_free(w.arena);
}

static void lengths_are_in_characters(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 7);
    uint32_t min, max;
    for (int round = 0; round < 200; round++) {
        struct dfa_work w = new_work();
        char room[10][64];
        str word[10];
        uint32_t want_min = UINT32_MAX, want_max = 0;
        size_t n = rng_below(&r, N_OF(word) + 1);
        for (size_t i = 0; i < n; i++) {
            word[i] = random_characters(&r, 12, room[i]);
            uint32_t n_char = (uint32_t)utf8_count(word[i]);
            want_min = n_char < want_min ? n_char : want_min;
            want_max = n_char > want_max ? n_char : want_max;
        }
        const struct dfa *a = dfa_words(&w, word, n);
        dfa_char_range(a, &min, &max);
        assert_int_equal(min, want_min);
        assert_int_equal(max, want_max);
        arena_free(w.arena);
    }
    dfa_char_range(dfa_shared(DFA_TEXT), &min, &max);
    assert_true(min == 0 && max == UINT32_MAX);
    dfa_char_range(dfa_shared(DFA_STRING), &min, &max);
    assert_true(min == 2 && max == UINT32_MAX);
    dfa_char_range(dfa_shared(DFA_FALSE), &min, &max);
    assert_true(min == 5 && max == 5);
}

/* ---- append ---- */

static void append_reaches_into_the_language(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 8);
    static const char *const tails[] = {"a", "aa", "aba", "abcab", "\": ", "aaaaaaa", ""};
    for (int round = 0; round < 300; round++) {
        struct dfa_work w = new_work();
        const struct dfa *a = random_dfa(&w, &r, STR("abc"), 5);
        str tail = str_of(tails[round % (int)N_OF(tails)]);
        const struct dfa *made = dfa_append(&w, a, tail);
        assert_sound(made);
        for (int i = 0; i < 300; i++) {
            char room[24];
            str t = random_text(&r, STR("abca"), 12, room);
            if (i % 2) {
                memcpy(room + t.n, tail.p, tail.n);
                t.n += tail.n;
            }
            bool want = str_ends(t, tail) && dfa_match(a, str_n(t.p, t.n - tail.n));
            assert_int_equal(dfa_match(made, t), want);
        }
        arena_free(w.arena);
    }
    struct dfa_work w = new_work();
    const struct dfa *key = dfa_append(&w, dfa_shared(DFA_STRING), STR(": "));
    assert_true(dfa_match(key, STR("\"a\": ")) && !dfa_match(key, STR("\"a\":")));
    assert_int_equal(key->n_state, dfa_shared(DFA_STRING)->n_state + 2);
    arena_free(w.arena);
}

/* ---- limits ---- */

static const struct dfa *try_words(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    (void)a;
    (void)b;
    return chain(w, 200);
}

static const struct dfa *try_json(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    (void)b;
    return dfa_json_string(w, a);
}

static const struct dfa *try_append(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    (void)b;
    return dfa_append(w, a, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static const struct dfa *try_minimize(struct dfa_work *w, const struct dfa *a,
                                      const struct dfa *b)
{
    (void)b;
    return dfa_minimize(w, a);
}

static const struct dfa *try_count(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    struct dfa uncounted = *a;
    (void)b;
    uncounted.n_word = NULL;
    return dfa_count(w, &uncounted);
}

static const struct dfa *try_subset(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    return dfa_is_subset(w, a, b) ? a : NULL;
}

static const struct { const char *name; const struct dfa *(*fn)(struct dfa_work *,
                      const struct dfa *, const struct dfa *); } operations[] = {
    {"and", dfa_and}, {"or", dfa_or}, {"minus", dfa_minus}, {"words", try_words},
    {"json", try_json}, {"append", try_append}, {"minimize", try_minimize},
    {"count", try_count}, {"subset", try_subset},
};

static void limits_are_reached(void **state)
{
    (void)state;
    struct dfa_work big = new_work();
    const struct dfa *a = chain(&big, 150), *b = dfa_shared(DFA_TEXT);
    for (size_t i = 0; i < N_OF(operations); i++) {
        struct dfa_work w = new_work();
        w.n_state_max = 100;
        bool has_states = operations[i].fn != try_count;
        assert_int_equal(operations[i].fn(&w, a, b) == NULL, has_states);
        if (has_states) {
            assert_int_equal(w.rc, ERR_LIMIT);
            assert_non_null(strstr(failure.text, "more than 100 states"));
            assert_null(dfa_and(&w, b, b));
            assert_false(dfa_is_subset(&w, b, b));
        }
        arena_free(w.arena);

        w = new_work();
        w.deadline_ns = 1;
        if (operations[i].fn != try_subset) {
            assert_null(operations[i].fn(&w, a, b));
            assert_int_equal(w.rc, ERR_LIMIT);
            assert_non_null(strstr(failure.text, "time limit"));
        }
        arena_free(w.arena);

        w = new_work();
        arena_free(w.arena);
        w.arena = arena_new(300);
        assert_null(operations[i].fn(&w, a, b));
        assert_int_equal(w.rc, ERR_LIMIT);
        assert_non_null(strstr(failure.text, "memory"));
        arena_free(w.arena);
    }
    arena_free(big.arena);
}

/* Two automata whose product has 1,000 x 1,009 pairs stop at the time limit, inside the walk. */
static void deadline_stops_a_product(void **state)
{
    (void)state;
    struct dfa_work w = new_work();
    const struct dfa *ring[2];
    for (int i = 0; i < 2; i++) {
        uint8_t class_of[256] = {0};
        uint32_t n = i ? 1000 : 1009;
        struct dfa_draft d;
        dfa_draft_init(&d, &w, class_of, 1);
        for (uint32_t s = 1; s <= n; s++)
            assert_int_equal(dfa_draft_add(&d, s == 1 ? DFA_ACCEPT : 0), s);
        for (uint32_t s = 1; s <= n; s++)
            dfa_draft_row(&d, s)[0] = s % n + 1;
        ring[i] = dfa_draft_finish(&d, 1);
    }
    w.n_state_max = 0;                         /* none but DFA_STATES_MAX */
    const struct dfa *product = dfa_and(&w, ring[0], ring[1]);
    assert_int_equal(product->n_state, 1000 * 1009 + 1);
    w.deadline_ns = clock_ns() + NS_PER_MS;
    assert_null(dfa_and(&w, ring[0], ring[1]));
    assert_int_equal(w.rc, ERR_LIMIT);
    assert_true(clock_ns() - w.deadline_ns < 500 * NS_PER_MS);
    arena_free(w.arena);
}

/* Every allocation that can fail does once; nothing leaks, and the work says so. */
static void allocations_fail(void **state)
{
    (void)state;
    struct dfa_work big = new_work();
    const struct dfa *a = chain(&big, 300);
    for (size_t i = 0; i < N_OF(operations); i++)
        for (size_t nth = 1;; nth++) {
            struct dfa_work w = new_work();
            mem_fail_nth(nth);
            const struct dfa *made = operations[i].fn(&w, a, dfa_shared(DFA_TEXT));
            bool is_done = made != NULL;
            mem_fail_nth(0);
            assert_int_equal(w.rc, is_done ? ERR_OK : ERR_LIMIT);
            arena_free(w.arena);
            if (is_done)
                break;
            assert_true(nth < 100);
        }
    arena_free(big.arena);
}

/* ---- shared ---- */

static void *ask(void *arg)
{
    const struct dfa **got = arg;
    *got = dfa_shared(DFA_NUMBER);
    return NULL;
}

static void shared_are_made_once(void **state)
{
    (void)state;
    pthread_t thread[8];
    const struct dfa *got[8];
    for (size_t i = 0; i < N_OF(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask, &got[i]), 0);
    for (size_t i = 0; i < N_OF(thread); i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < N_OF(thread); i++)
        assert_ptr_equal(got[i], got[0]);
    for (int i = 0; i < DFA_SHARED_COUNT; i++) {
        const struct dfa *a = dfa_shared((enum dfa_shared)i);
        assert_sound(a);
        assert_int_equal(a->shared, i + 1);
        assert_non_null(a->n_word);
        bool is_word = i == DFA_NULL || i == DFA_FALSE || i == DFA_TRUE;
        assert_int_equal(a->n_word[a->start], is_word ? 1 : UINT32_MAX);
    }
}

static void text_is_utf8(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 9);
    static const char bytes[] = "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee"
                                "\xef\xf0\xf1\xf3\xf4\xf5\xff";
    for (int i = 0; i < 2000000; i++) {
        char room[8];
        str t = random_text(&r, str_of(bytes), 5, room);
        assert_int_equal(dfa_match(dfa_shared(DFA_TEXT), t), utf8_valid(t));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_are_made_once),
        cmocka_unit_test(text_is_utf8),
        cmocka_unit_test(algebra_is_of_languages),
        cmocka_unit_test(laws_give_equal_tables),
        cmocka_unit_test(products_keep_characters),
        cmocka_unit_test(minimal_is_minimal),
        cmocka_unit_test(words_are_exactly_those),
        cmocka_unit_test(words_in_bulk),
        cmocka_unit_test(texts_have_one_spelling),
        cmocka_unit_test(other_spellings_are_out),
        cmocka_unit_test(counts_are_of_words),
        cmocka_unit_test(counts_saturate),
        cmocka_unit_test(lengths_are_in_characters),
        cmocka_unit_test(append_reaches_into_the_language),
        cmocka_unit_test(limits_are_reached),
        cmocka_unit_test(deadline_stops_a_product),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
