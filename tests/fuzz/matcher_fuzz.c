/* SPDX-License-Identifier: Apache-2.0
 *
 * A grammar and an output from the input's bytes: building, closing, masks, steps, going back and
 * forced text must hold for any of them; the mask agrees with what is accepted for the tokens that
 * are tried, and what is accepted is no dead end. The pool is small and is dropped on the way.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "grammar/matcher.h"

#define POOL_BYTES ((size_t)3 << 20)
#define DEPTH_MAX 4
#define STEPS_MAX 200
#define PIECES 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const pieces[PIECES] = {"{\"",
                                           "\"}",
                                           "\":",
                                           "\":\xe2\x96\x81",
                                           "\",\xe2\x96\x81\"",
                                           "},",
                                           "[[",
                                           "]]",
                                           ",\xe2\x96\x81",
                                           "ab",
                                           "abc",
                                           "ba",
                                           "a\"",
                                           "ab\"",
                                           "b\":\xe2\x96\x81",
                                           "12",
                                           "1,",
                                           "2]",
                                           "true",
                                           "nu",
                                           "ll,",
                                           "\\n",
                                           "call",
                                           "<t"};

struct input {
    const uint8_t *p;
    size_t n;
};

static uint32_t take(struct input *in, uint32_t below)
{
    if (in->n == 0) return 0;
    in->n--;
    return *in->p++ % below;
}

static struct vocab *make_vocab(void)
{
    enum { FIRST = 5, TOKENS = FIRST + 256 + PIECES };
    static const char *const special[FIRST] = {"<unk>", "<s>", "</s>", "<tool_call>", "[CALL]"};
    static char hex[256][8];
    static str token[TOKENS];
    static int32_t type[TOKENS];
    for (int i = 0; i < FIRST; i++) {
        token[i] = str_of(special[i]);
        type[i] = i == 0 ? TOKEN_UNKNOWN : i == 3 ? TOKEN_USER : TOKEN_CONTROL;
    }
    for (int b = 0; b < 256; b++) {
        static const char digit[] = "0123456789ABCDEF";
        memcpy(hex[b], "<0x00>", 7);
        hex[b][3] = digit[b >> 4];
        hex[b][4] = digit[b & 15];
        token[FIRST + b] = str_of(hex[b]);
        type[FIRST + b] = TOKEN_BYTE;
    }
    for (int i = 0; i < PIECES; i++) {
        token[FIRST + 256 + i] = str_of(pieces[i]);
        type[FIRST + 256 + i] = TOKEN_NORMAL;
    }
    struct vocab_desc d = {.model = STR("llama"),
                           .n_token = TOKENS,
                           .token = token,
                           .type = type,
                           .bos = 1,
                           .eos = 2,
                           .eot = TOKEN_NONE,
                           .unk = 0,
                           .sep = TOKEN_NONE,
                           .pad = TOKEN_NONE,
                           .add_bos = -1,
                           .add_eos = -1,
                           .add_space_prefix = 0};
    struct vocab *v;
    CHECK(vocab_new(&d, &v, NULL) == ERR_OK);
    return v;
}

static const struct dfa *words(struct input *in, struct dfa_work *w)
{
    static const char letters[] = "ab\"1,}";
    char pool[4][8];
    str list[4];
    uint32_t n = 1 + take(in, 4);
    for (uint32_t i = 0; i < n; i++) {
        size_t len = take(in, 6);
        pool[i][0] = '"';
        for (size_t k = 0; k < len; k++) pool[i][k + 1] = letters[take(in, 2)];
        pool[i][len + 1] = '"';
        list[i] = (str){pool[i], len + 2};
        if (take(in, 4) == 0) list[i] = (str){pool[i] + 1, len + 1};
    }
    return dfa_count(w, dfa_words(w, list, n));
}

static uint32_t node(struct input *in, struct grammar_builder *g, uint32_t self, int depth);

static uint32_t terminal(struct input *in, struct grammar_builder *g)
{
    uint32_t which = take(in, DFA_SHARED_COUNT + 2);
    if (which >= DFA_SHARED_COUNT)
        return grammar_terminal(g, words(in, grammar_work(g)), 0, GRAMMAR_UNBOUNDED);
    uint32_t n_min = which == DFA_STRING ? take(in, 4) : 0;
    uint32_t n_max = which == DFA_STRING && take(in, 2) ? take(in, 8) : GRAMMAR_UNBOUNDED;
    return grammar_terminal(g, dfa_shared((enum dfa_shared)which), n_min, n_max);
}

static uint32_t object(struct input *in, struct grammar_builder *g, uint32_t self, int depth)
{
    static const char *const names[] = {"a", "ab", "b", "ba", ""};
    struct grammar_property p[5];
    struct grammar_tail tail;
    size_t n = take(in, 6), first = take(in, 5);
    for (size_t i = 0; i < n; i++) {
        p[i] = (struct grammar_property){str_of(names[(first + i) % 5]),
                                         node(in, g, self, depth - 1), take(in, 2)};
        if (take(in, 8) == 0) p[i].value = NODE_NONE;
    }
    tail.key = take(in, 2) ? dfa_shared(DFA_STRING) : words(in, grammar_work(g));
    tail.value = node(in, g, self, depth - 1);
    struct grammar_style style = {STR("<o>"), STR("</o>"), STR("["), STR("]"),
                                  STR(";"),   STR(">"),    true,     STR_NONE};
    struct grammar_object o = {.style = take(in, 4) == 0 ? &style : NULL,
                               .property = p,
                               .n_property = n,
                               .tail = &tail,
                               .n_tail = take(in, 2),
                               .n_min = take(in, 4),
                               .any_order = take(in, 2)};
    o.n_max = take(in, 2) ? GRAMMAR_UNBOUNDED : take(in, 6);
    return grammar_object(g, &o);
}

static uint32_t array(struct input *in, struct grammar_builder *g, uint32_t self, int depth)
{
    uint32_t prefix[2], match[2];
    struct grammar_array a = {.prefix = prefix,
                              .prefix_match = match,
                              .n_prefix = take(in, 3),
                              .n_min = take(in, 4),
                              .contains = take(in, 2),
                              .n_match_min = take(in, 3)};
    a.unique = !a.contains && take(in, 2);
    for (size_t i = 0; i < a.n_prefix; i++) {
        prefix[i] = a.unique ? terminal(in, g) : node(in, g, self, depth - 1);
        match[i] = a.unique ? terminal(in, g) : node(in, g, self, depth - 1);
    }
    a.rest = a.unique ? terminal(in, g) : node(in, g, self, depth - 1);
    a.rest_match = a.unique ? terminal(in, g) : node(in, g, self, depth - 1);
    a.n_max = take(in, 2) ? GRAMMAR_UNBOUNDED : take(in, 6);
    a.n_match_max = take(in, 2) ? GRAMMAR_UNBOUNDED : take(in, 4);
    return grammar_array(g, &a);
}

static uint32_t node(struct input *in, struct grammar_builder *g, uint32_t self, int depth)
{
    static const char *const texts[] = {"a", "ab", "", "{\"a\"", "<tool_call>", "[CALL]", "1"};
    uint32_t list[4], n = take(in, 4), kind = take(in, depth > 0 ? 10 : 3);
    if (kind == 0) return terminal(in, g);
    if (kind == 1) return grammar_text(g, str_of(texts[take(in, 7)]));
    if (kind == 2) return grammar_mark(g, str_of(texts[take(in, 7)]));
    if (kind == 3) return self;
    if (kind == 4) return object(in, g, self, depth);
    if (kind == 5) return array(in, g, self, depth);
    for (uint32_t i = 0; i < n; i++) list[i] = node(in, g, self, depth - 1);
    if (kind == 6) return grammar_sequence(g, list, n);
    if (kind == 7) return grammar_choice(g, list, n);
    if (kind == 8)
        return grammar_repeat(g, node(in, g, self, depth - 1), take(in, 3),
                              take(in, 2) ? GRAMMAR_UNBOUNDED : take(in, 5),
                              take(in, 2) ? NODE_NONE : grammar_text(g, STR(",")));
    struct grammar_trigger t[2];
    for (int i = 0; i < 2; i++)
        t[i] = (struct grammar_trigger){str_of(texts[take(in, 7)]), terminal(in, g)};
    return grammar_free(g, t, take(in, 3), take(in, 2));
}

static void drive(struct input *in, struct matcher *m, const struct vocab *v, size_t words_n)
{
    for (int i = 0; i < STEPS_MAX && in->n > 0; i++) {
        mem_guard_begin();
        const uint64_t *mask = matcher_mask(m);
        mem_guard_end();
        if (!mask) return;
        int32_t n = vocab_size(v), id = (int32_t)(take(in, 256) * 256 + take(in, 256)) % n;
        uint64_t any = 0;
        for (size_t k = 0; k < words_n; k++) any |= mask[k];
        CHECK(any != 0);
        bool in_mask = mask[id / 64] >> id % 64 & 1;
        CHECK(matcher_accept(m, id) == in_mask);
        if (in_mask) continue;
        int32_t forced[8];
        size_t n_token = matcher_n_token(m), n_forced = matcher_forced(m, forced, 8);
        for (size_t k = 0; k < n_forced; k++) CHECK(matcher_accept(m, forced[k]));
        if (take(in, 4) == 0) matcher_rollback(m, n_token);
        if (take(in, 16) == 0) matcher_rollback(m, matcher_n_token(m) / 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vocab *v;
    static struct mask_space *s; /* of all inputs: grammars must not get in each other's way */
    struct input in = {data, size};
    struct error e;
    if (!v) {
        v = make_vocab();
        CHECK(mask_space_new(v, POOL_BYTES, &s, &e) == ERR_OK);
    }
    struct dfa_work w = {.arena = arena_new((size_t)16 << 20), .n_state_max = 10000, .e = &e};
    struct grammar_builder *g = grammar_builder_new(&w);
    uint32_t self = grammar_reserve(g);
    grammar_fill(g, self, node(&in, g, self, DEPTH_MAX));
    struct grammar *grammar;
    if (grammar_close(&g, self, &grammar, &e) != ERR_OK) return 0;
    struct matcher *m;
    CHECK(matcher_new(s, grammar, 1000, &m, &e) == ERR_OK);
    grammar_unref(grammar);
    drive(&in, m, v, mask_words(s));
    matcher_free(m);
    return 0;
}
