/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files behind vocab.h share. A *symbol* is a string that merging can produce: every
 * token is one (ids below n_token), and strings that only merges name are further ones, which
 * come out as byte tokens. A symbol has two spellings: its key, which text is matched against,
 * and its piece, which is output; both lie in one pool.
 */
#pragma once
#include "base/buf.h"
#include "token/heap.h"
#include "token/pretok.h"
#include "token/vocab.h"

enum vocab_kind { VOCAB_BPE, VOCAB_SPM };

#define SYMBOL_NONE UINT32_MAX

struct symbol { uint32_t key, key_n, piece, piece_n; };   /* offsets into the pool, lengths */

enum {
    TOKEN_IS_EOG = 1,                  /* ends a turn */
    TOKEN_EATS_SPACE = 2,              /* phi-3: white space behind it is dropped */
};

/* left + right gives result; the smaller rank merges first. left is SYMBOL_NONE when empty. */
struct merge_slot { uint32_t left, right, rank, result; };

struct vocab {
    enum vocab_kind kind;
    uint32_t n_token, n_symbol, cap_symbol;
    struct symbol *symbol;             /* owns [cap_symbol] */
    uint8_t *type;                     /* owns [n_token], enum token_type */
    uint8_t *flag;                     /* owns [n_token], TOKEN_... */
    float *score;                      /* owns [n_token]; SPM */
    char *pool;                        /* owns */
    size_t pool_n, pool_cap;

    uint32_t *slot;                    /* owns; key -> symbol, open addressing */
    size_t slot_cap, slot_n;           /* cap: power of two */
    struct merge_slot *merge;          /* owns; (left, right), open addressing; BPE */
    size_t merge_cap;                  /* power of two, or 0 */
    uint64_t merge_seed;
    uint32_t byte_symbol[256];         /* BPE: where merging starts */
    int32_t byte_token[256];           /* what stands for a byte without a better token */
    const struct pretok *pretok;       /* BPE */

    int32_t *special;                  /* owns [n_special]: control, user, unknown, by text */
    uint32_t n_special;
    uint32_t special_at[257];          /* first special whose text begins with the byte */

    int32_t bos, eos, eot, unk;
    int32_t extra[VOCAB_EXTRA_COUNT];
    bool add_bos, add_eos, add_space_prefix;
    bool words_apart;                  /* SPM: no token has a space behind another character */
};

static inline str symbol_key(const struct vocab *v, uint32_t s)
{
    return (str){v->pool + v->symbol[s].key, v->symbol[s].key_n};
}

static inline str symbol_piece(const struct vocab *v, uint32_t s)
{
    return (str){v->pool + v->symbol[s].piece, v->symbol[s].piece_n};
}

/* Symbol of a key, or SYMBOL_NONE. Control and unknown tokens are never found. */
uint32_t symbol_find(const struct vocab *v, str key);

/* One vocab_tokenize. Scratch memory is kept from word to word. */
struct job {
    const struct vocab *v;
    struct token_list *out;            /* borrows */
    struct error *e;                   /* borrows; may be NULL */
    struct heap heap;
    void *node;                        /* owns; nodes of the word at hand */
    size_t node_bytes;
    char *text;                        /* owns; SPM: escaped text */
    size_t text_cap;
};

/* Room for n nodes of the given size in j->node. */
MUST_CHECK enum err job_nodes(struct job *j, size_t n, size_t size);
MUST_CHECK enum err job_add(struct job *j, int32_t id);
/* The byte token; the unknown token or nothing where there is none. */
MUST_CHECK enum err job_add_byte(struct job *j, unsigned char byte);
enum err job_no_memory(struct job *j);

/* Plain text between special tokens. SPM: space is put before it when `first` (at the beginning
 * or after a special token). */
MUST_CHECK enum err bpe_tokenize(struct job *j, str text);
MUST_CHECK enum err spm_tokenize(struct job *j, str text, bool first);

/* Building, in this order. */
void special_classify(struct vocab *v, const struct vocab_desc *d);   /* types and flags */
void special_index(struct vocab *v, const struct vocab_desc *d);
MUST_CHECK enum err bpe_load(struct vocab *v, const struct vocab_desc *d, struct error *e);
MUST_CHECK enum err spm_load(struct vocab *v, const struct vocab_desc *d, struct error *e);

/* For the two loads. Appends bytes to the pool; room for them must have been reserved. */
uint32_t pool_add(struct vocab *v, str s);
/* Adds a symbol with that key and piece, not yet findable. */
uint32_t symbol_add(struct vocab *v, struct symbol s);
/* Makes it findable, unless another symbol has its key. */
void symbol_publish(struct vocab *v, uint32_t s);
/* Text can become this token. */
static inline bool token_is_text(const struct vocab *v, uint32_t id)
{
    return v->type[id] != TOKEN_CONTROL && v->type[id] != TOKEN_UNKNOWN;
}
/* Its piece is its text as the file spells it. */
static inline bool token_is_verbatim(const struct vocab *v, uint32_t id)
{
    return !token_is_text(v, id) || v->type[id] == TOKEN_USER;
}
/* Value of "<0x41>", or -1. */
int byte_of_hex(str s);

/* Id of the special token spelled so, or TOKEN_NONE. */
int32_t special_exact(const struct vocab *v, str text);

/* A special token in a text, and the white space behind it that goes with it. */
struct match {
    uint32_t at, n, space;
    int32_t id;
};

struct match_list { struct match *item; size_t n, cap; };   /* owns; free with mem_free */

/* Special tokens of text, by position. */
MUST_CHECK enum err special_find(struct job *j, str text, unsigned flags,
                                 const struct text_span *input, size_t n_input,
                                 struct match_list *out);
