/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be written, as a graph of nodes over bytes. A builder makes nodes and is then closed
 * into an immutable, counted grammar, which knows nothing of tokens: struct matcher (matcher.h)
 * runs it over a vocabulary. Nodes may refer to nodes made later (grammar_reserve), so recursion
 * is plain reference; left recursion and empty loops are refused by grammar_close.
 *
 * White space is fixed: members and items are parted by ", ", keys from values by ": ", nothing
 * else. One spelling means that the rest of a key is known as soon as its first letters are, and
 * known text costs no forward pass.
 *
 * Threads: a builder has one owner; a grammar is any thread's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "grammar/dfa.h"

#define NODE_NONE UINT32_MAX           /* no such thing; as a value: nothing can be written */
#define GRAMMAR_UNBOUNDED UINT32_MAX
#define GRAMMAR_NODES_MAX (1u << 22)

struct grammar;
struct grammar_builder;

/* Everything made draws on the work's arena, which the grammar owns from grammar_close on (and
 * grammar_builder_free frees otherwise). */
struct grammar_builder *grammar_builder_new(struct dfa_work *w);
void grammar_builder_free(struct grammar_builder *g);          /* accepts NULL */
struct dfa_work *grammar_work(struct grammar_builder *g);

/* Each gives a node id; NODE_NONE once the work has failed. Arrays are copied. */
uint32_t grammar_reserve(struct grammar_builder *g);           /* filled by grammar_fill */
/* The reserved node becomes another name for `node`. */
void grammar_fill(struct grammar_builder *g, uint32_t reserved, uint32_t node);

uint32_t grammar_text(struct grammar_builder *g, str bytes);   /* exactly these; may be empty */
/* A marker of a model's format, e.g. "<tool_call>": the one token spelled so where the vocabulary
 * has it as a control or user-defined token, else the bytes. */
uint32_t grammar_mark(struct grammar_builder *g, str text);
/* Bytes that d accepts. With n_min > 0 or n_max < GRAMMAR_UNBOUNDED d is a JSON string and the
 * number of its characters is bounded (DFA_CHAR). */
uint32_t grammar_terminal(struct grammar_builder *g, const struct dfa *d, uint32_t n_min,
                          uint32_t n_max);
uint32_t grammar_sequence(struct grammar_builder *g, const uint32_t *node, size_t n);
uint32_t grammar_choice(struct grammar_builder *g, const uint32_t *node, size_t n);
/* node n_min to n_max times, `between` (NODE_NONE: nothing) between two of them. */
uint32_t grammar_repeat(struct grammar_builder *g, uint32_t node, uint32_t n_min, uint32_t n_max,
                        uint32_t between);

/* Free text of the model, until one of the triggers has been written; then its `then`, and the
 * node is done. Any token is allowed inside, control tokens too. A trigger's text works as
 * grammar_mark does. */
struct grammar_trigger { str text; uint32_t then; };
uint32_t grammar_free(struct grammar_builder *g, const struct grammar_trigger *t, size_t n,
                      bool may_end);   /* may_end: the whole output may also end here */

/* How objects and arrays are spelled. NULL means JSON: { } [ ] ", " ": " and quoted keys. */
struct grammar_style {
    str object_open, object_close, array_open, array_close, comma, colon;
    bool bare_keys;                    /* keys as they are, without quotes */
    str string_mark;                   /* stands at both ends of a string instead of quotes (as
                                        * grammar_mark), and the text between is not escaped */
};

/* "[" items "]". Position i takes prefix[i], from n_prefix on rest (NODE_NONE: none).
 * With `contains`: prefix_match[i] and rest_match are what counts as a match, and prefix and rest
 * what does not count (it may overlap); n_match_min..n_match_max items must be matches. */
struct grammar_array {
    const struct grammar_style *style; /* NULL: JSON; copied */
    const uint32_t *prefix; size_t n_prefix;
    uint32_t rest;
    uint32_t n_min, n_max;             /* items */
    bool contains;
    const uint32_t *prefix_match;      /* [n_prefix] */
    uint32_t rest_match;
    uint32_t n_match_min, n_match_max;
    bool unique;                       /* no two items written alike; all are terminals with one
                                        * spelling per value, with n_word */
};
uint32_t grammar_array(struct grammar_builder *g, const struct grammar_array *a);

/* "{" members "}". Members in the order given, or in any order. A key is written once: no tail
 * key equals a property's name or an earlier key. */
struct grammar_property { str name; uint32_t value; bool required; };  /* name: decoded UTF-8;
                                        * value NODE_NONE: the name is known and forbidden */
struct grammar_tail { const struct dfa *key; uint32_t value; };  /* JSON strings with quotes, with
                                        * n_word when finite; keys of tails are disjoint */
struct grammar_object {
    const struct grammar_style *style; /* NULL: JSON; copied. With bare keys the keys of tails are
                                        * bare too and end before the colon */
    const struct grammar_property *property; size_t n_property;
    const struct grammar_tail *tail; size_t n_tail;   /* other members, behind the properties */
    uint32_t n_min, n_max;             /* members */
    bool any_order;
};
uint32_t grammar_object(struct grammar_builder *g, const struct grammar_object *o);

/* The grammar of `root`, n_ref 1, and the builder is gone; on failure too. Fails with what the
 * work failed with; ERR_ARG when nothing at all can be written; ERR_LIMIT. Nodes that can never
 * be finished are pruned from choices, optional members and optional items. */
MUST_CHECK enum err grammar_close(struct grammar_builder **g, uint32_t root, struct grammar **out,
                                  struct error *e);
/* Can anything be written for node? For compilers that must know before they close; computes the
 * least fixpoint over all nodes made so far (reserved and unfilled: cannot). */
bool grammar_is_possible(struct grammar_builder *g, uint32_t node);

struct grammar *grammar_ref(struct grammar *g);
void grammar_unref(struct grammar *g);         /* accepts NULL; any thread */
size_t grammar_bytes(const struct grammar *g); /* memory it holds */
