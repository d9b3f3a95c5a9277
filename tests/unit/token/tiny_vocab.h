/* SPDX-License-Identifier: Apache-2.0
 *
 * Vocabularies of a few hundred tokens, made by hand: for tests and the fuzz target.
 */
#pragma once
#include <stdio.h>
#include "base/err.h"
#include "base/utf8.h"
#include "token/vocab.h"

#define TINY_TOKENS_MAX 4096
#define TINY_TEXT_MAX 64

struct tiny_special { const char *text; int32_t type; };

/* A description with storage. Fill by tiny_*, change what the test needs, give to vocab_new. */
struct tiny {
    struct vocab_desc desc;
    size_t n;
    str token[TINY_TOKENS_MAX];
    int32_t type[TINY_TOKENS_MAX];
    float score[TINY_TOKENS_MAX];
    char text[TINY_TOKENS_MAX][TINY_TEXT_MAX];
};

static inline int32_t tiny_add(struct tiny *t, const char *text, int32_t type, float score)
{
    CHECK(t->n < TINY_TOKENS_MAX);
    int n = snprintf(t->text[t->n], TINY_TEXT_MAX, "%s", text);
    CHECK(n < TINY_TEXT_MAX);
    t->token[t->n] = (str){t->text[t->n], (size_t)n};
    t->type[t->n] = type;
    t->score[t->n] = score;
    return (int32_t)t->n++;
}

static inline void tiny_begin(struct tiny *t, const char *model, const char *pre)
{
    t->n = 0;
    t->desc = (struct vocab_desc){
        .model = str_of(model), .pre = str_of(pre), .token = t->token, .type = t->type,
        .score = t->score, .bos = TOKEN_NONE, .eos = TOKEN_NONE, .eot = TOKEN_NONE,
        .unk = TOKEN_NONE, .sep = TOKEN_NONE, .pad = TOKEN_NONE, .add_bos = 0, .add_eos = -1,
        .add_space_prefix = -1,
    };
}

static inline void tiny_specials(struct tiny *t, const struct tiny_special *special, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tiny_add(t, special[i].text, special[i].type, 0);
    t->desc.n_token = t->n;
}

/* The byte tokens in the spelling of GPT-2, id = byte; then what the merges give. */
static inline void tiny_bpe(struct tiny *t, const char *pre, const str *merge, size_t n_merge,
                            const struct tiny_special *special, size_t n_special)
{
    uint32_t next = 256;
    tiny_begin(t, "gpt2", pre);
    for (uint32_t b = 0; b < 256; b++) {
        bool shown = (b > 0x20 && b < 0x7f) || (b > 0xa0 && b != 0xad);
        char text[5] = "";
        (void)utf8_put(text, shown ? b : next++);
        tiny_add(t, text, TOKEN_NORMAL, 0);
    }
    for (size_t i = 0; i < n_merge; i++) {
        size_t cut = str_find_char(merge[i], ' ', 0);
        char text[TINY_TEXT_MAX];
        snprintf(text, sizeof text, "%.*s%.*s", (int)cut, merge[i].p,
                 STR_FMT(str_sub(merge[i], cut + 1, merge[i].n)));
        tiny_add(t, text, TOKEN_NORMAL, 0);
    }
    t->desc.merge = merge;
    t->desc.n_merge = n_merge;
    tiny_specials(t, special, n_special);
}

/* <unk>, <s>, </s>, the byte tokens from id 3, then the pieces: the earlier, the higher. */
static inline void tiny_spm(struct tiny *t, const char *const *piece, size_t n_piece,
                            const struct tiny_special *special, size_t n_special)
{
    tiny_begin(t, "llama", "");
    tiny_add(t, "<unk>", TOKEN_UNKNOWN, 0);
    tiny_add(t, "<s>", TOKEN_CONTROL, 0);
    tiny_add(t, "</s>", TOKEN_CONTROL, 0);
    for (int b = 0; b < 256; b++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", (unsigned)b);
        tiny_add(t, text, TOKEN_BYTE, 0);
    }
    for (size_t i = 0; i < n_piece; i++)
        tiny_add(t, piece[i], TOKEN_NORMAL, -(float)i);
    tiny_specials(t, special, n_special);
}
