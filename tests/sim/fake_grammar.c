/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_grammar.h"

#include "base/mem.h"
#include "fake_model.h"

#define DEPTH_MAX 3
#define FAKE_CALL 40                   /* a control token that grammars use as a mark */
#define N_CHAR 22

/* ---- tokens ---- */

#define SPACE "\xc4\xa0"               /* how byte-level BPE writes a space */

static const char *const pieces[FAKE_VOCAB] = {
    "<end>", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "{", "}",
    "\"", ":", ",", "-", SPACE, "ab", "abc", "de", "{\"", "\":", "12", SPACE "a", "00", "cd", "aa",
    "},", "\",", "abcde", "ee", "123", SPACE "1", "bb", "<call>",
};
static const char *const merges[] = {
    "a b", "ab c", "d e", "{ \"", "\" :", "1 2", SPACE " a", "0 0", "c d", "a a", "} ,", "\" ,",
    "abc de", "e e", "12 3", SPACE " 1", "b b",
};
#define N_MERGE (sizeof merges / sizeof *merges)

struct vocab *fake_vocab(void)
{
    str token[FAKE_VOCAB], merge[N_MERGE];
    int32_t type[FAKE_VOCAB];
    for (int i = 0; i < FAKE_VOCAB; i++) {
        token[i] = str_of(pieces[i]);
        type[i] = i == FAKE_EOG || i == FAKE_CALL ? TOKEN_CONTROL : TOKEN_NORMAL;
    }
    for (size_t i = 0; i < N_MERGE; i++)
        merge[i] = str_of(merges[i]);
    struct vocab_desc d = {
        .model = STR("gpt2"), .n_token = FAKE_VOCAB, .token = token, .type = type,
        .n_merge = N_MERGE, .merge = merge, .bos = TOKEN_NONE, .eos = FAKE_EOG, .eot = TOKEN_NONE,
        .unk = TOKEN_NONE, .sep = TOKEN_NONE, .pad = TOKEN_NONE, .add_bos = 0, .add_eos = 0,
        .add_space_prefix = 0};
    struct vocab *v;
    struct error e = {0};
    if (vocab_new(&d, &v, &e) != ERR_OK)
        check_failed(e.text, __FILE__, __LINE__);
    CHECK(vocab_is_eog(v, FAKE_EOG));
    return v;
}

/* ---- grammars ---- */

void fake_builder_init(struct fake_builder *b)
{
    *b = (struct fake_builder){.work = {.arena = arena_new(0), .n_state_max = 10000}};
    b->work.e = &b->e;
    b->g = grammar_builder_new(&b->work);
}

struct grammar *fake_close(struct fake_builder *b, uint32_t root)
{
    struct grammar *g;
    if (grammar_close(&b->g, root, &g, &b->e) != ERR_OK)
        check_failed(b->e.text, __FILE__, __LINE__);
    return g;
}

struct grammar *fake_text(const char *text)
{
    struct fake_builder b;
    fake_builder_init(&b);
    return fake_close(&b, grammar_text(b.g, str_of(text)));
}

static uint32_t random_text(struct fake_builder *b, struct rng *r)
{
    static const char chars[N_CHAR + 1] = "0123456789abcde{}\":,- ";
    char text[300];
    size_t n = 1 + rng_below(r, rng_below(r, 12) == 0 ? sizeof text - 1 : 12);
    for (size_t i = 0; i < n; i++)
        text[i] = chars[rng_below(r, N_CHAR)];
    return grammar_text(b->g, str_n(text, n));
}

static uint32_t random_node(struct fake_builder *b, struct rng *r, int depth);

static uint32_t random_many(struct fake_builder *b, struct rng *r, int depth, bool is_choice)
{
    uint32_t node[4];
    size_t n = 1 + rng_below(r, 4);
    for (size_t i = 0; i < n; i++)
        node[i] = random_node(b, r, depth + 1);
    return is_choice ? grammar_choice(b->g, node, n) : grammar_sequence(b->g, node, n);
}

/* Items that are never empty: a loop over nothing is refused. */
static uint32_t random_repeat(struct fake_builder *b, struct rng *r, int depth)
{
    uint32_t part[2] = {random_text(b, r), random_node(b, r, depth + 1)};
    uint32_t item = grammar_sequence(b->g, part, 2), n_min = (uint32_t)rng_below(r, 3);
    uint32_t n_max = rng_below(r, 4) == 0 ? GRAMMAR_UNBOUNDED : n_min + (uint32_t)rng_below(r, 4);
    uint32_t between = rng_below(r, 2) == 0 ? grammar_text(b->g, STR(", ")) : NODE_NONE;
    return grammar_repeat(b->g, item, n_min, n_max > 0 ? n_max : 1, between);
}

static uint32_t random_node(struct fake_builder *b, struct rng *r, int depth)
{
    switch (depth < DEPTH_MAX ? rng_below(r, 7) : rng_below(r, 2)) {
    case 0:
        return grammar_terminal(b->g, dfa_shared(DFA_INTEGER), 0, GRAMMAR_UNBOUNDED);
    case 2:
        return random_many(b, r, depth, true);
    case 3:
        return random_many(b, r, depth, false);
    case 4:
        return random_repeat(b, r, depth);
    case 5:
        return grammar_mark(b->g, STR("<call>"));
    default:
        return random_text(b, r);
    }
}

/* Free text until a mark or a text comes, then something strict; as tool calls are. */
static uint32_t random_free(struct fake_builder *b, struct rng *r)
{
    struct grammar_trigger t[2] = {{STR("<call>"), random_node(b, r, 1)},
                                   {STR("ab1"), random_node(b, r, 1)}};
    size_t first = rng_below(r, 2);
    return grammar_free(b->g, t + first, 1 + rng_below(r, 2 - first), rng_below(r, 2) == 0);
}

struct grammar *fake_grammar(struct rng *r)
{
    struct fake_builder b;
    fake_builder_init(&b);
    return fake_close(&b, rng_below(r, 5) == 0 ? random_free(&b, r) : random_node(&b, r, 0));
}
