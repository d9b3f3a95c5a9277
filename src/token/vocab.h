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
#define VOCAB_MERGES_MAX (1 << 22)
#define VOCAB_PIECE_BYTES_MAX 65536
#define VOCAB_BYTES_MAX (1u << 30)     /* all pieces and merges together */
#define VOCAB_TEXT_MAX (64u << 20)     /* bytes of text in one vocab_tokenize */

enum token_type {                      /* the file format's numbers */
    TOKEN_NORMAL = 1, TOKEN_UNKNOWN = 2, TOKEN_CONTROL = 3, TOKEN_USER = 4, TOKEN_UNUSED = 5,
    TOKEN_BYTE = 6
};

/* Ids that a file may name beside the usual ones. */
enum vocab_extra {
    VOCAB_EOM, VOCAB_FIM_PREFIX, VOCAB_FIM_SUFFIX, VOCAB_FIM_MIDDLE, VOCAB_FIM_PAD,
    VOCAB_FIM_REPO, VOCAB_FIM_FILE, VOCAB_EXTRA_COUNT
};

/* What a GGUF says under tokenizer.ggml.*; everything is borrowed for the call. */
struct vocab_desc {
    str model;                         /* "gpt2", "llama"; others are refused */
    str pre;                           /* of "gpt2": e.g. "qwen2"; empty: default */
    str model_name;                    /* general.name: phi-3 special cases */
    size_t n_token;
    const str *token;
    const float *score;                /* NULL or [n_token] */
    const int32_t *type;               /* NULL or [n_token], enum token_type */
    size_t n_merge;
    const str *merge;                  /* "left right" */
    /* TOKEN_NONE when absent. The kind then has its own default: "gpt2" takes 11 as BOS and EOS,
     * "llama" 1, 2 and 0 as unknown; out of range counts as absent. */
    int64_t bos, eos, eot, unk, sep, pad;
    const int64_t *extra;              /* NULL or [VOCAB_EXTRA_COUNT], TOKEN_NONE when absent */
    int add_bos, add_eos;              /* 1, 0, or -1 when the file does not say */
    int add_space_prefix;              /* 1, 0, or -1 */
    bool remove_extra_whitespaces;     /* neither kind does */
};

struct vocab;

/* Gives *out. ERR_UNSUPPORTED for an unknown kind or pre-tokenizer, ERR_LIMIT past a maximum,
 * ERR_FORMAT where the description contradicts itself. Of two tokens with one text the first
 * counts; merges that cannot apply are ignored. */
MUST_CHECK enum err vocab_new(const struct vocab_desc *d, struct vocab **out, struct error *e);
void vocab_free(struct vocab *v);              /* accepts NULL */
int32_t vocab_size(const struct vocab *v);
int32_t vocab_bos(const struct vocab *v);      /* TOKEN_NONE when there is none */
int32_t vocab_eos(const struct vocab *v);
/* The bytes a token stands for in output ("" for out-of-range ids and unused tokens). Control
 * tokens give their spelling. Lives as long as v. */
str vocab_piece(const struct vocab *v, int32_t id);
/* As the file says, but a token whose text is known to end a turn is a control token, and the
 * channel marks of gpt-oss are the user's. TOKEN_UNUSED for out-of-range ids. */
enum token_type vocab_type(const struct vocab *v, int32_t id);
bool vocab_is_eog(const struct vocab *v, int32_t id);   /* ends a turn */
/* As the file names it or a known spelling does; TOKEN_NONE when there is none. */
int32_t vocab_extra(const struct vocab *v, enum vocab_extra which);
/* Id of a token by its exact piece, or TOKEN_NONE. */
int32_t vocab_find(const struct vocab *v, str piece);

/* ---- text -> ids ---- */

#define TOKENIZE_ADD_SPECIAL 1u        /* BOS / EOS as the model wants */
#define TOKENIZE_PARSE_SPECIAL 2u      /* control tokens spelled in the text become ids */

/* Growable list of ids with a maximum; owns id. */
struct token_list { int32_t *id; size_t n, cap, max; };
void token_list_init(struct token_list *l, size_t max);
void token_list_done(struct token_list *l);
MUST_CHECK enum err token_list_add(struct token_list *l, int32_t id, struct error *e);

/* A byte range of the text that came from outside: a control token is not taken when any byte of
 * it lies inside a span. User-defined tokens are, as in any text. Sorted, not overlapping. */
struct text_span { size_t from, to; };

/* Appends the ids of text. Invalid UTF-8 is taken byte by byte. Plain text never gives a control
 * token: without TOKENIZE_PARSE_SPECIAL only user-defined tokens are looked for, with it control
 * and unknown ones too, longer ones first. Time is n log n at worst in the length of text.
 * ERR_LIMIT past out->max or VOCAB_TEXT_MAX; ERR_ARG for spans that are not as above. On failure
 * out holds a part. Borrows all for the call. */
MUST_CHECK enum err vocab_tokenize(const struct vocab *v, str text, unsigned flags,
                                   const struct text_span *input, size_t n_input,
                                   struct token_list *out, struct error *e);

/* ---- the same without the heap, for text that goes on from other text ---- */

/* Memory for texts of up to text_max bytes. Gives *out; ERR_LIMIT when memory is out. One owner
 * at a time. */
struct vocab_scratch;
MUST_CHECK enum err vocab_scratch_new(size_t text_max, struct vocab_scratch **out,
                                      struct error *e);
void vocab_scratch_free(struct vocab_scratch *s);      /* accepts NULL */
/* Ids of text into id [n_max], gives their number; 0 when it or they do not fit. As
 * vocab_tokenize, but nothing is put before it and user-defined tokens are not looked for.
 * Allocates nothing. */
size_t vocab_tokenize_on(const struct vocab *v, struct vocab_scratch *s, str text, int32_t *id,
                         size_t n_max);
