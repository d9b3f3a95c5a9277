/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte strings with numbers behind them, as a trie in depth-first order: a node, then its subtree.
 * Skipping a subtree is one jump, and the numbers below a node are one run. Memory is the
 * caller's. Private to this folder. Immutable once built, any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

#define TRIE_DEPTH_MAX 255             /* longer strings are left out by the callers */

struct trie_item { const char *p; uint32_t n, id; };

struct trie_node {
    uint32_t end;                      /* node behind the subtree */
    uint32_t first;                    /* first of its numbers; those of the node itself go up to
                                        * node[+1].first, those of the subtree to node[end].first */
    uint16_t classes;                  /* trie_classify */
    uint8_t byte;
    uint8_t reach;                     /* likewise */
};

struct trie {
    struct trie_node *node;            /* [n_node + 1], the last only closes the numbers */
    uint32_t *id;                      /* [n_id] */
    uint32_t n_node, n_id;
    /* Children of node i, if indexed: child [child_at[i], child_at[i + 1]), rising bytes. */
    uint32_t *child, *child_at;        /* [n_node], [n_node + 1] */
    uint8_t *child_byte;               /* [n_node] */
};

/* Classes of bytes, as bits: what many automata treat alike. */
uint16_t trie_class(uint8_t byte);
#define TRIE_CLASSES 16
#define TRIE_ODD (1u << 8)             /* of a string with white space beyond ASCII; no byte's
                                        * class: such a byte is wide */
#define TRIE_WIDE (1u << 14)           /* bytes of characters beyond ASCII */
#define TRIE_BROKEN (1u << 15)         /* of a string that is not whole UTF-8; no byte's class */
uint16_t trie_classes(str text);

/* Sorts by bytes, then id; allocates nothing. */
void trie_sort(struct trie_item *item, size_t n);
/* Nodes that trie_build needs for sorted items, the closing one too. */
size_t trie_count(const struct trie_item *item, size_t n);
/* node [trie_count] and id [n] are filled. No string is empty but those in front. */
void trie_build(struct trie *t, const struct trie_item *item, size_t n, struct trie_node *node,
                uint32_t *id);
/* Fills child [n_node], child_at [n_node + 1] and child_byte [n_node]. */
void trie_index(struct trie *t, uint32_t *child, uint32_t *child_at, uint8_t *child_byte);
/* Sets the nodes' classes: those of their own byte and of all below, and whether strings that
 * end there are broken or odd; and their reach: characters from their own byte on, at most.
 * text(arg, number) is the string of a number. */
void trie_classify(struct trie *t, str (*text)(const void *arg, uint32_t id), const void *arg);
/* The child of node i with that byte, or 0. */
uint32_t trie_child(const struct trie *t, uint32_t i, uint8_t byte);
