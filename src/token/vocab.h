/* SPDX-License-Identifier: Apache-2.0
 *
 * A vocabulary: pieces, types, scores or merges, special ids, and text -> ids. Two kinds now:
 * byte-level BPE ("gpt2") with a named pre-tokenizer, and SentencePiece-style ("llama") with byte
 * fallback. Built from a plain description so that this folder knows nothing of files.
 * Immutable after vocab_new; any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

#define TOKEN_NONE (-1)
#define VOCAB_TOKENS_MAX (1 << 21)
#define VOCAB_PIECE_BYTES_MAX 65536

enum token_type {                      /* the file format's numbers */
    TOKEN_NORMAL = 1, TOKEN_UNKNOWN = 2, TOKEN_CONTROL = 3, TOKEN_USER = 4, TOKEN_UNUSED = 5,
    TOKEN_BYTE = 6
};

/* What a GGUF says under tokenizer.ggml.*; everything is borrowed for the call. */
struct vocab_desc {
    str model;                         /* "gpt2", "llama" */
    str pre;                           /* pre-tokenizer name, e.g. "qwen2"; empty: default */
    str model_name;                    /* general.name: phi-3 special cases */
    size_t n_token;
    const str *token;
    const float *score;                /* NULL or [n_token] */
    const int32_t *type;               /* NULL or [n_token], enum token_type */
    size_t n_merge;
    const str *merge;                  /* "left right" */
    int64_t bos, eos, eot, unk, sep, pad;   /* TOKEN_NONE when absent */
    int add_bos, add_eos;              /* 1, 0, or -1 when the file does not say */
    int add_space_prefix;              /* 1, 0, or -1 */
    bool remove_extra_whitespaces;
};

struct vocab;

MUST_CHECK enum err vocab_new(const struct vocab_desc *d, struct vocab **out, struct error *e);
void vocab_free(struct vocab *v);
int32_t vocab_size(const struct vocab *v);
int32_t vocab_bos(const struct vocab *v);      /* TOKEN_NONE when there is none */
int32_t vocab_eos(const struct vocab *v);
/* The bytes a token stands for in output ("" for out-of-range ids). Control tokens give their
 * spelling. Lives as long as v. */
str vocab_piece(const struct vocab *v, int32_t id);
enum token_type vocab_type(const struct vocab *v, int32_t id);
bool vocab_is_eog(const struct vocab *v, int32_t id);   /* ends a turn */
/* Id of a token by its exact piece, or TOKEN_NONE. */
int32_t vocab_find(const struct vocab *v, str piece);

/* ---- text -> ids ---- */

#define TOKENIZE_ADD_SPECIAL 1u        /* BOS / EOS as the model wants */
#define TOKENIZE_PARSE_SPECIAL 2u      /* control tokens spelled in the text become ids */

/* Growable list of ids with a maximum; owns id. */
struct token_list { int32_t *id; size_t n, cap, max; };
void token_list_init(struct token_list *l, size_t max);
void token_list_done(struct token_list *l);

/* A byte range of the text that came from outside: control tokens are never parsed inside or
 * across it. Sorted, not overlapping. */
struct text_span { size_t from, to; };

/* Appends the ids of text. Invalid UTF-8 is taken byte by byte. ERR_LIMIT past out->max. */
MUST_CHECK enum err vocab_tokenize(const struct vocab *v, str text, unsigned flags,
                                   const struct text_span *input, size_t n_input,
                                   struct token_list *out, struct error *e);
