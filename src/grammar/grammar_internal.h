/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files behind grammar.h and matcher.h share: the nodes of a grammar as they lie in its
 * arena. Nothing here changes after grammar_close. No other folder includes this.
 */
#pragma once
#include <stdatomic.h>
#include "grammar/grammar.h"

#define GRAMMAR_TRIGGERS_MAX 256       /* of one free text */
#define GRAMMAR_TRIGGER_BYTES_MAX 16384
#define GRAMMAR_KNOWN 64
#define GRAMMAR_ANY_ORDER_MAX 32768    /* properties of one object */

enum gnode_kind {
    GNODE_RESERVED,                    /* not filled: nothing can be written */
    GNODE_ALIAS,                       /* filled; gone after grammar_close */
    GNODE_TEXT, GNODE_MARK, GNODE_TERMINAL, GNODE_SEQUENCE, GNODE_CHOICE, GNODE_REPEAT,
    GNODE_FREE, GNODE_ARRAY, GNODE_OBJECT
};

/* Flags of a node. Both only ever become true. */
#define GNODE_POSSIBLE 1u              /* it can be finished */
#define GNODE_EMPTY 2u                 /* it can be written as no bytes */

/* An automaton as matchers use it. */
struct gdfa {
    const struct dfa *dfa;
    uint64_t id;                       /* equal automata have equal ids, in any grammar */
    bool quoted;                       /* all words end in a quote, which comes nowhere before */
};
struct gterminal { struct gdfa d; uint32_t n_min, n_max; };   /* n: 0, UNBOUNDED: none */
struct grepeat { uint32_t node, n_min, n_max, between; };

struct gfree_trigger { str text; uint32_t then; };
struct gfree {
    struct gfree_trigger *trigger;
    uint32_t n_trigger;
    bool may_end;
    /* Aho-Corasick over all triggers; out[state, out_words] is a bit a trigger that ends there. */
    struct dfa automaton;
    uint64_t id;                       /* equal triggers have equal ids */
    uint64_t *out;
    uint32_t out_words;
};

/* Nodes of the texts around members and items. */
struct gstyle { uint32_t open, close, comma; };

#define GARRAY_OTHER 1u                /* position can take an item that does not count */
#define GARRAY_MATCH 2u                /* ... one that counts */
struct garray {
    struct gstyle style;
    uint32_t *prefix, n_prefix, rest;
    uint32_t *prefix_match, rest_match;
    uint32_t n_min, n_max, n_match_min, n_match_max;
    bool contains, unique;
    uint8_t *can;                      /* [n_prefix + 1] GARRAY_..., the last for rest */
    uint32_t n_reach;                  /* items at most, by n_max, can and words */
    uint64_t *live;                    /* contains: bit c * (n_prefix + 2) + m: can be finished
                                        * with m matches among the first c <= n_prefix items */
};

struct gname { str text; uint32_t name_n, property, lcp; };   /* text: quoted, with the colon;
                                        * name_n: without the colon; lcp: bytes in common with the
                                        * name before */
struct gproperty { uint32_t value; bool required, possible; };
struct gtail { struct gdfa key; uint32_t value, n_own_word; };   /* n_own_word: words that
                                        * are no property's name, UINT32_MAX: no end of them */
struct gobject {
    struct gstyle style;
    uint32_t colon;                    /* node; behind keys of tails */
    struct gproperty *property;
    uint32_t n_property, n_required;
    struct gname *name;                /* [n_property] by text */
    uint32_t *required_from;           /* [n_property + 1] required ones from there on */
    uint32_t *possible_from;           /* [n_property + 1] possible ones from there on */
    struct gtail *tail;
    uint32_t n_tail;
    uint64_t n_tail_word;              /* of tails that are possible; UINT64_MAX: no end */
    uint32_t n_min, n_max;
    bool any_order;
};

struct gnode {
    uint8_t kind, flags;
    uint32_t n;                        /* bytes of text, children */
    union {
        const char *text;
        uint32_t *child;
        uint32_t alias;
        struct gterminal *terminal;
        struct grepeat *repeat;
        struct gfree *free;
        struct garray *array;
        struct gobject *object;
    };
};

struct grammar_builder {
    struct dfa_work *work;
    struct gnode *node;
    uint32_t n_node, cap_node;
    bool dirty;                        /* flags of recursive nodes may be behind */
    struct gdfa known[GRAMMAR_KNOWN];  /* by address, the latest */
    uint32_t json_open[2], json_close[2], json_comma, json_colon;     /* 0: array, 1: object */
};

struct grammar {
    struct arena *arena;               /* owns everything, this struct too */
    atomic_uint n_ref;                 /* unref's release pairs with its acquire at zero */
    uint64_t id;                       /* drawn; told apart in caches that outlive a grammar */
    const struct gnode *node;
    uint32_t n_node, root;
};

static inline bool gnode_is(const struct gnode *node, uint32_t i, unsigned flag)
{
    return i != NODE_NONE && node[i].flags & flag;
}

/* The first failure of the work, which sticks. Gives NODE_NONE. */
uint32_t grammar_fail(struct grammar_builder *g, enum err rc, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* n things of the given size on the work's arena; NULL after failure. n may be 0. */
void *grammar_take(struct grammar_builder *g, size_t n, size_t size);
struct gdfa grammar_dfa(struct grammar_builder *g, const struct dfa *d);
/* A new node; its flags are computed. */
uint32_t grammar_add(struct grammar_builder *g, struct gnode node);
/* Sets the flags of node i from those of its children; true when one came new. */
bool grammar_eval(struct grammar_builder *g, uint32_t i);
/* Can the array be finished with c items, m of them matches? For c <= n_reach. */
bool garray_is_live(const struct garray *a, uint32_t c, uint32_t m);
/* Is the object's or array's rule of counts satisfiable, by the flags of its parts? */
bool garray_eval(struct grammar_builder *g, struct garray *a);
bool gobject_eval(struct grammar_builder *g, struct gobject *o);
