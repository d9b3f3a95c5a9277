/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of grammars and matchers share: a small vocabulary with overlapping pieces, and
 * short ways to make grammars.
 */
#pragma once
#include "base/arena.h"
#include "base/mem.h"
#include "base/rand.h"
#include "grammar/matcher.h"
#include "../test.h"

/* Pieces beside the 256 byte tokens; spaces are spelled as SentencePiece does. */
static const char *const kit_pieces[] = {
    "{\"", "\"}", "\":", "\":\xe2\x96\x81", "\",", "\",\xe2\x96\x81\"", "\"}\n", "},", "}]",
    "}}", "[[", "]]", "],", ",\xe2\x96\x81", "\xe2\x96\x81\"", ":\xe2\x96\x81\"", "ab", "abc",
    "aba", "ba", "bb", "cc", "a\"", "b\"", "ab\"", "b\":\xe2\x96\x81", "a\",\xe2\x96\x81\"b",
    "12", "123", "1,", "10", "0,", "2]", "1}", "true", "fal", "se", "null", "nu", "ll,", "-1",
    ".5", "e+", "\\n", "\\u00", "\\\"", "\xc3\xa9", "x\xc3\xa9", "\xe2\x82", "\xac\"",
    "\xf0\x9f\x98\x80", "call", "<t", "ool", ">\n", "\xe2\x96\x81\xe2\x96\x81", "aaaa",
    "aaaaaaaa", "a\xe2\x96\x81", "a,\xe2\x96\x81" "b", "\"a\":\xe2\x96\x81" "1",
    ",\xe2\x96\x81\"b\":\xe2\x96\x81",
};
#define KIT_EOS 2
#define KIT_MARK 3                     /* <tool_call>, user-defined */
#define KIT_CALL 4                     /* [CALL], control */
#define KIT_END 5                      /* <|im_end|>, ends a turn */
#define KIT_FIRST_BYTE 6
#define KIT_FIRST_PIECE (KIT_FIRST_BYTE + 256)
#define KIT_TOKENS (KIT_FIRST_PIECE + (int)N_OF(kit_pieces))

static inline struct vocab *kit_vocab(void)
{
    static char hex[256][8];
    static str token[KIT_TOKENS];
    static int32_t type[KIT_TOKENS];
    static float score[KIT_TOKENS];
    static const char *const first[] = {"<unk>", "<s>", "</s>", "<tool_call>", "[CALL]",
                                        "<|im_end|>"};
    static const int32_t first_type[] = {TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_CONTROL, TOKEN_USER,
                                         TOKEN_CONTROL, TOKEN_CONTROL};
    for (int i = 0; i < KIT_FIRST_BYTE; i++) {
        token[i] = str_of(first[i]);
        type[i] = first_type[i];
    }
    for (int b = 0; b < 256; b++) {
        snprintf(hex[b], sizeof hex[b], "<0x%02X>", b);
        token[KIT_FIRST_BYTE + b] = str_of(hex[b]);
        type[KIT_FIRST_BYTE + b] = TOKEN_BYTE;
    }
    for (int i = KIT_FIRST_PIECE; i < KIT_TOKENS; i++) {
        token[i] = str_of(kit_pieces[i - KIT_FIRST_PIECE]);
        type[i] = TOKEN_NORMAL;
        score[i] = -(float)i;
    }
    struct vocab_desc desc = {.model = STR("llama"), .n_token = KIT_TOKENS, .token = token,
                              .score = score, .type = type, .bos = 1, .eos = KIT_EOS,
                              .eot = TOKEN_NONE, .unk = 0, .sep = TOKEN_NONE, .pad = TOKEN_NONE,
                              .add_bos = -1, .add_eos = -1, .add_space_prefix = 0};
    struct vocab *v;
    struct error e = {0};
    if (vocab_new(&desc, &v, &e) != ERR_OK) fail_msg("%s", e.text);
    return v;
}

struct kit {
    struct vocab *vocab;
    struct mask_space *space;
    struct dfa_work work;
    struct error e;
    struct grammar_builder *g;
    struct grammar *grammar;
    struct matcher *m;
};

static inline void kit_open(struct kit *k, size_t pool_bytes)
{
    *k = (struct kit){.vocab = kit_vocab()};
    assert_int_equal(mask_space_new(k->vocab, pool_bytes, &k->space, &k->e), ERR_OK);
}

static inline void kit_done_grammar(struct kit *k)
{
    matcher_free(k->m);
    grammar_unref(k->grammar);
    grammar_builder_free(k->g);
    k->m = NULL;
    k->grammar = NULL;
    k->g = NULL;
}

static inline void kit_close(struct kit *k)
{
    kit_done_grammar(k);
    mask_space_free(k->space);
    vocab_free(k->vocab);
}

/* A new builder; what was before is freed. */
static inline struct grammar_builder *kit_begin(struct kit *k)
{
    kit_done_grammar(k);
    k->work = (struct dfa_work){.arena = arena_new((size_t)64 << 20), .n_state_max = 100000,
                                .e = &k->e};
    k->g = grammar_builder_new(&k->work);
    return k->g;
}

static inline enum err kit_try(struct kit *k, uint32_t root)
{
    return grammar_close(&k->g, root, &k->grammar, &k->e);
}

static inline void kit_matcher(struct kit *k, size_t n_max)
{
    matcher_free(k->m);
    k->m = NULL;
    assert_int_equal(matcher_new(k->space, k->grammar, n_max, &k->m, &k->e), ERR_OK);
}

static inline void kit_use(struct kit *k, uint32_t root)
{
    enum err rc = kit_try(k, root);
    if (rc != ERR_OK) fail_msg("%s: %s", err_name(rc), k->e.text);
    kit_matcher(k, 100000);
}

/* Is the text, and then the end, what the grammar says? The matcher is as before. */
static inline bool kit_accepts(struct kit *k, const char *text)
{
    size_t n = matcher_n_token(k->m);
    bool yes = matcher_accept_bytes(k->m, str_of(text)) && matcher_may_end(k->m);
    matcher_rollback(k->m, n);
    return yes;
}

static inline const struct dfa *kit_words(struct kit *k, const char *const *word, size_t n)
{
    str list[64];
    for (size_t i = 0; i < n; i++) list[i] = str_of(word[i]);
    return dfa_count(&k->work, dfa_words(&k->work, list, n));
}
