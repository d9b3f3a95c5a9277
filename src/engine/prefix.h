/* SPDX-License-Identifier: Apache-2.0
 *
 * The prefix cache: a tree over tokens whose edges are whole KV pages. A node is a page that is
 * fully computed; its path from the root spells the tokens before it, so two sequences with the
 * same salt and the same tokens meet in the same nodes. Children are found by a hash and always
 * compared token by token.
 *
 *   root(salt) --[32 tokens]--> page 7 --[32 tokens]--> page 2
 *                                     \--[32 tokens]--> page 9
 *
 * Invariants:
 *   1. A page in the tree is complete and never written again.
 *   2. The tree is one holder of each of its pages. Who holds a page holds its ancestors too.
 *   3. Pages held by the tree alone ("idle") stand in one list in the order they were let go.
 *      Holders let go of descendants first (prefix_drop from the last page to the first), so the
 *      oldest idle page has no children: eviction is the head of the list.
 *
 * Scheduler thread; allocates only in prefix_init.
 */
#pragma once
#include "engine/kv.h"
#include "model/model.h"

struct prefix_node {                   /* of the page with the same number */
    int32_t token[KV_PAGE_LEN];
    uint64_t salt;
    uint32_t parent;                   /* page, or PAGE_NONE at the root */
    uint32_t chain;                    /* next page of the same bucket + 1; 0 ends */
    uint32_t n_child;
    uint32_t older, newer;             /* idle list */
    bool is_in_tree, is_idle;
};

struct prefix {
    struct kv *kv;                     /* borrows, for the life of the cache */
    struct prefix_node *node;          /* [n_page] */
    uint32_t *bucket;                  /* page + 1, 0: empty; [bucket_mask + 1] */
    uint32_t bucket_mask;
    uint32_t oldest, newest, n_idle;
    uint32_t n_in_tree;
};

MUST_CHECK enum err prefix_init(struct prefix *px, struct kv *kv, struct error *e);
void prefix_done(struct prefix *px);

/* The page that holds token[KV_PAGE_LEN] behind parent, or PAGE_NONE. Takes no hold. */
uint32_t prefix_find(const struct prefix *px, uint64_t salt, uint32_t parent,
                     const int32_t *token);
/* Makes a complete page, held by the caller, part of the tree. When the tree has such a page
 * already, the caller's hold moves over to that one. Gives the page the caller now holds. */
uint32_t prefix_insert(struct prefix *px, uint64_t salt, uint32_t parent, const int32_t *token,
                       uint32_t page);
void prefix_hold(struct prefix *px, uint32_t page);
/* Lets go of a page, in the tree or not. */
void prefix_drop(struct prefix *px, uint32_t page);
/* Frees the idle page that was let go longest ago; false when none is idle. */
bool prefix_evict(struct prefix *px);
