/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files behind matcher.h share: the pool, the form of states in it, one step by a byte.
 * No other folder includes this.
 *
 * A *record* is an interned row of words in the pool; its number is its place, 0 is none. Equal
 * rows are one number, so states, stacks and sets compare by number. Kinds of records:
 *
 *   REC_SET      stack nodes, sorted: the parents of a stack node, or the tops of a state
 *   REC_STACK    frame (4 words and what it is), number of its parent set
 *   REC_OBJECT   members written so far: struct ostate
 *   REC_ARRAY    items, matches, used texts of an array whose items differ
 *   REC_TEXT     text before, byte: the text of a key or item being written
 *   REC_USED     used before, text, how many: texts that must not come again
 *   REC_PROFILE  key of a profile; its aux leads to it
 */
#pragma once
#include <assert.h>
#include "grammar/grammar_internal.h"
#include "grammar/matcher.h"
#include "grammar/trie.h"

enum rec_kind { REC_SET = 1, REC_STACK, REC_OBJECT, REC_ARRAY, REC_TEXT, REC_USED, REC_PROFILE };

struct rec {
    uint32_t hash, kind_n;             /* kind << 26 | words */
    uint32_t aux;                      /* not part of what is interned; 0 at first */
    uint32_t slot;                     /* where it stands in the table */
    uint32_t w[];
};
#define REC_WORDS_MAX ((1u << 26) - 1)

static inline uint32_t rec_n(const struct rec *r) { return r->kind_n & REC_WORDS_MAX; }

#define CHARS_MAX 255                  /* characters of a token that are told apart */

struct pool {
    uint8_t *base;                     /* owns, mapped */
    size_t size, at;                   /* bytes; at: first free */
    uint32_t *slot;                    /* in the pool; numbers of records, open addressing */
    uint64_t seed;
    size_t n_slot, n_used;
    bool full;                         /* something did not fit; all that was made since is void */
    uint32_t generation;
    uint64_t n_reset;
};

MUST_CHECK enum err pool_open(struct pool *p, size_t size, struct error *e);
void pool_close(struct pool *p);
void pool_reset(struct pool *p);
/* Zeroed, aligned to 64; NULL, and full, when it does not fit. */
void *pool_take(struct pool *p, size_t size);
static inline struct rec *pool_rec(const struct pool *p, uint32_t id)
{
    return (struct rec *)(void *)(p->base + (size_t)id * 4);
}
/* Number of the row; 0, and full, when it does not fit. */
uint32_t pool_intern(struct pool *p, enum rec_kind kind, const uint32_t *w, uint32_t n);

/* Takes back all records made since the pool was filled up to `at`; their numbers are void. */
void pool_release(struct pool *p, size_t at);

/* ---- frames ---- */

enum phase {
    /* Tops: they wait for a byte (or a mark's token). */
    TOP_TEXT,                          /* a: bytes written; texts and marks */
    TOP_TERMINAL,                      /* a: state, b: characters (capped) */
    TOP_KEY,                           /* a: REC_OBJECT, b: first name with c bytes in common */
    TOP_TRACK,                         /* a: REC_OBJECT or REC_ARRAY, b: state, c: REC_TEXT,
                                        * d: tail, or item node * 2 + counts as match */
    TOP_FREE,                          /* a: state */
    TOP_END,                           /* a: grammar; the whole output may end */
    TOP_ENDED,                         /* a: grammar; an end-of-generation token has come */
    /* Frames below, by what they wait for; and nodes to begin. */
    AT_ENTER,
    AT_SEQUENCE,                       /* a: next child */
    AT_REPEAT_ITEM, AT_REPEAT_BETWEEN, /* a: items so far, the awaited one too (capped) */
    AT_ARRAY_OPEN, AT_ARRAY_COMMA, AT_ARRAY_ITEM,      /* a: items, b: matches, c: REC_USED */
    AT_OBJECT_OPEN, AT_OBJECT_COMMA, AT_OBJECT_VALUE,  /* a: REC_OBJECT */
    AT_OBJECT_COLON,                   /* a: REC_OBJECT with the key in it, b: tail */
    PHASES
};
#define PHASE_SHIFT 22                 /* np = phase << 22 | node */
static_assert(GRAMMAR_NODES_MAX <= 1u << PHASE_SHIFT, "a node fits beside its phase");

struct frame { uint32_t np, a, b, c, d; };
#define FRAME_WORDS 5
#define STACK_PARENTS 5                /* word of a REC_STACK with its parent set */

static inline enum phase frame_phase(const struct frame *f)
{
    return (enum phase)(f->np >> PHASE_SHIFT);
}
static inline uint32_t frame_node(const struct frame *f)
{
    return f->np & (GRAMMAR_NODES_MAX - 1);
}
static inline struct frame frame_of(enum phase phase, uint32_t node, uint32_t a, uint32_t b)
{
    return (struct frame){(uint32_t)phase << PHASE_SHIFT | node, a, b, 0, 0};
}
static inline bool frame_is_top(const struct frame *f) { return frame_phase(f) < AT_ENTER; }

/* ---- members of an object so far ---- */

/* Words of a REC_OBJECT: count (capped), next property (in order), REC_USED of tails, then a bit a
 * property (any order). Below, what follows from them. */
struct ostate {
    uint32_t count, next, used;
    const uint32_t *bits;              /* any order */
    uint32_t n_missing;                /* required ones not written */
    uint32_t n_open;                   /* properties that could still be written */
    uint64_t n_word;                   /* keys of tails that are left; UINT64_MAX: no end */
};

/* ---- one step ---- */

struct item {
    struct frame f;
    uint32_t done;                     /* parents it has been worked with */
    uint32_t pending;                  /* cell, more parents to come; 0: none */
    bool queued;
};
struct cell { uint32_t set, next; };
#define ITEMS_MAX (1u << 16)
#define CELLS_MAX (1u << 18)
#define STEP_CACHE (1u << 15)
struct step_entry { uint32_t state, byte, to; };

#define STEP_BYTES 256u                /* flag beside the byte: marks are spelled out */

/* ---- profiles: what an automaton in a state does with the tokens, whatever stands below ---- */

/* Tokens all of whose bytes are of certain classes. */
struct class_set {
    uint64_t *bits;
    uint32_t *id;                      /* by rising number of characters */
    uint32_t at[CHARS_MAX + 2];        /* at[n]: first with n characters or more */
    uint32_t n;
};

struct profile {
    /* Tokens that stay inside: `base` together with `id`. A count of characters beyond CHARS_MAX
     * is CHARS_MAX. */
    const struct class_set *base;      /* or NULL; those of at most `reach` characters */
    uint32_t reach;
    uint32_t *id;                      /* by rising number of characters */
    uint32_t at[CHARS_MAX + 2];        /* as in class_set */
    uint32_t n;
    uint64_t *bits;                    /* of both; NULL when there are few */
    uint32_t char_max;                 /* of those */
    /* Quoted: tokens that end right behind the closing quote. */
    uint32_t *closed_id;
    uint16_t *closed_char;
    uint32_t n_closed;
    /* Not quoted: tokens that leave it, by what stands behind; a token for each way out. */
    struct trie leave;
};

/* What to make a profile of. */
struct profile_key {
    uint64_t id;
    const struct dfa *dfa;
    uint32_t state;
    bool quoted;
    const uint64_t *first;             /* not quoted: bytes [4] that can stand behind */
    const struct gfree *free;          /* free text: what ends it does not stay inside; those
                                        * tokens are in closed_id */
};

/* The profile, cached; NULL when it does not fit. Valid until the next one is asked for. */
const struct profile *profile_get(struct mask_space *s, const struct profile_key *key);
/* Or-s into mask the tokens that stay inside; n_min and n_max bound the characters still to come
 * (GRAMMAR_UNBOUNDED: none). Closed ones too. */
void profile_add(struct mask_space *s, const struct profile *p, uint32_t n_min, uint32_t n_max,
                 uint64_t *mask);
MUST_CHECK enum err profile_open(struct mask_space *s, size_t pool_bytes, struct error *e);

/* Tokens by the classes of their bytes. */
struct class_group { uint32_t from, to; uint16_t classes; };
/* A quote in a token: bytes up to and with it. */
struct quote_item { uint32_t id, n; };

#define FORCED_BYTES_MAX 1024          /* tokenized in one go */

struct special { str text; int32_t id; };

struct mask_space {
    const struct vocab *vocab;         /* borrows */
    struct pool pool;
    struct trie trie;                  /* owns its two arrays */
    struct special *special;           /* owns; control and user-defined tokens by text */
    uint32_t n_special;
    size_t words;                      /* of a mask */
    uint64_t *eog;                     /* owns; end-of-generation tokens */
    uint64_t *control;                 /* owns; other tokens that are no text */
    uint64_t *apart;                   /* owns; tokens that are not in the trie */
    int32_t *apart_text;               /* owns [n_apart_text]; those of them that are text */
    uint32_t n_apart_text;
    uint32_t depth_max;                /* bytes of the longest token in the trie */

    struct pool profiles;              /* of its own: dropped apart from states */
    struct class_group *class_group;   /* owns [n_class_group] */
    uint32_t n_class_group;
    uint32_t *class_at;                /* owns; places in trie.id, by group */
    struct quote_item *quote_item;     /* owns */
    struct trie quote;                 /* owns its arrays; what stands behind a quote in a token,
                                        * numbers are places in quote_item */
    uint16_t *classes;                 /* owns; trie_classes by place in trie.id */
    uint8_t *chars;                    /* owns; bytes that begin a character, likewise */
    uint32_t *collect_id;              /* owns [n_collect] scratch of profile_get */
    uint16_t *collect_char;            /* owns */
    uint8_t *collect_closed;           /* owns */
    struct trie_item *collect_leave;   /* owns */
    uint32_t n_collect;
    uint64_t *spare;                   /* owns; a mask */
    uint64_t *track;                   /* owns; a mask */
    uint32_t hole;                     /* REC_TEXT that stands for a text not known yet */
    bool hole_met;                     /* the step at hand asked what it is */

    /* Scratch of one step; mapped once, touched as needed. */
    struct item *item;
    uint64_t *item_slot;               /* step it is of << 32 | item; open addressing */
    uint32_t n_item, stamp, slot_mask;
    uint32_t *queue, n_queue, queue_at;
    struct cell *cell;
    uint32_t n_cell;
    uint32_t *gather;                  /* [CELLS_MAX] stack of numbers being united */
    uint32_t n_gather;
    uint32_t *rest;                    /* [CELLS_MAX] of mask_make */
    uint32_t *name, n_name;            /* [CELLS_MAX] stack of names that may come, by text */
    bool over;                         /* the scratch was too small */
    void *scratch;                     /* owns, mapped: what is above */
    size_t scratch_bytes;
    struct vocab_scratch *tokenizer;   /* owns */

    /* In the pool, made anew with each generation. */
    struct step_entry *step;
    uint64_t *mask_buffer;             /* [n_mask_slot, words] */
    uint32_t *mask_state;              /* [n_mask_slot] */
    uint32_t n_mask_slot, mask_hand;
    struct mask_stats stats;
};

struct matcher {
    struct mask_space *space;          /* borrows */
    struct grammar *grammar;           /* shares */
    size_t n_token, n_max;
    uint32_t generation;               /* of the states; 0: none yet */
    uint32_t *state;                   /* owns [n_max + 1]; state[n]: after n tokens */
    int32_t *token;                    /* owns [n_max]; a byte is -1 - byte */
};

/* States are of the pool as it is; false when they do not fit even into an empty one. */
bool matcher_refresh(struct matcher *m);

/* What a step needs to know. */
struct stepper {
    struct mask_space *s;
    const struct grammar *g;
    bool bytes;                        /* marks are spelled out */
};

/* Drops all that is in the pool; states of before are void. */
void space_reset(struct mask_space *s);
/* The state's mask, cached; NULL when the pool is full. */
const uint64_t *mask_of(struct mask_space *s, const struct grammar *g, uint32_t state);

/* Begins a step, and ends one: the state, or 0. For matcher_members.c. */
void step_begin(struct mask_space *s);
uint32_t step_end(struct stepper *w);

/* State behind the byte; 0: it cannot come (or the pool is full). */
uint32_t step_byte(struct mask_space *s, const struct grammar *g, uint32_t state, uint32_t byte);
/* State behind a token that is taken by its id: marks, triggers, control tokens in free text. */
uint32_t step_token(struct mask_space *s, const struct grammar *g, uint32_t state, int32_t id);
uint32_t step_start(struct mask_space *s, const struct grammar *g);
uint32_t step_ended(struct mask_space *s, const struct grammar *g);
/* The state of what stands below the tops in the set. */
uint32_t step_pop(struct mask_space *s, const struct grammar *g, uint32_t parents);
/* Token of a mark, or TOKEN_NONE. */
int32_t space_special(const struct mask_space *s, str text);
/* A token that is taken by its id in free text and fires nothing by itself: if it is text it goes
 * through the triggers' automaton, if not it parts what is before it from what follows. A trigger
 * inside it would have to be followed up, which a token of this kind is not worth: DFA_DEAD. */
uint32_t free_token(const struct mask_space *s, const struct gfree *free, uint32_t q, int32_t id);
/* Bytes that can come next, a bit a byte. */
void state_bytes(struct mask_space *s, const struct grammar *g, uint32_t state, uint64_t out[4]);
bool state_may_end(const struct mask_space *s, const struct grammar *g, uint32_t state);

/* For matcher_members.c: more work of the step at hand. */
void work_enter(struct stepper *w, uint32_t node, uint32_t parents);
void work_top(struct stepper *w, struct frame f, uint32_t parents);
void work_pop(struct stepper *w, uint32_t parents);
/* Set of one new stack node. */
uint32_t work_push(struct stepper *w, struct frame f, uint32_t parents);

void array_enter(struct stepper *w, uint32_t node, uint32_t parents);
void array_resume(struct stepper *w, const struct frame *f, uint32_t parents);
void object_enter(struct stepper *w, uint32_t node, uint32_t parents);
void object_resume(struct stepper *w, const struct frame *f, uint32_t parents);
void key_step(struct stepper *w, const struct frame *f, uint32_t parents, uint8_t byte);
/* Pushes the names that may still come at the frame; false when there is no room. */
bool key_names(struct mask_space *s, const struct grammar *g, const struct frame *f);
void key_bytes(struct mask_space *s, const struct grammar *g, const struct frame *f,
               uint64_t out[4]);
void track_step(struct stepper *w, const struct frame *f, uint32_t parents, uint8_t byte);
const struct gdfa *track_gdfa(const struct grammar *g, const struct frame *f);
static inline const struct dfa *track_dfa(const struct grammar *g, const struct frame *f)
{
    return track_gdfa(g, f)->dfa;
}
/* State behind a tracked text that is not known yet; 0 when it depends on what it is. */
uint32_t track_below(struct mask_space *s, const struct grammar *g, const struct frame *f,
                     uint32_t parents);
/* Calls fn with the missing rest of each text that must not come and begins as what is written. */
void track_excluded(struct mask_space *s, const struct grammar *g, const struct frame *f,
                    void (*fn)(void *arg, str rest), void *arg);
static inline bool dfa_goes_on(const struct dfa *d, uint32_t q)
{
    const uint32_t *row = d->next + (size_t)q * d->n_class;
    for (uint32_t c = 0; c < d->n_class; c++)
        if (row[c] != DFA_DEAD) return true;
    return false;
}
