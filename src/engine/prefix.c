/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree is stored as one hash table from (parent, tokens) to page; node and page share their
 * number, so the table of nodes is as long as the pool and nothing is ever allocated.
 */
#include "engine/prefix.h"

#include "base/hash.h"
#include "base/mem.h"

#define TOKENS_BYTES (KV_PAGE_LEN * sizeof(int32_t))

enum err prefix_init(struct prefix *px, struct kv *kv, struct error *e)
{
    *px = (struct prefix){.kv = kv, .oldest = PAGE_NONE, .newest = PAGE_NONE};
    uint32_t n_bucket = 16;
    while (n_bucket < kv->n_page)
        n_bucket *= 2;
    px->bucket_mask = n_bucket - 1;
    px->bucket = mem_try_alloc(n_bucket * sizeof *px->bucket);
    px->node = mem_try_alloc(kv->n_page * sizeof *px->node);
    if (!px->bucket || !px->node) {
        prefix_done(px);
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for the table of %u KV pages",
                       kv->n_page);
    }
    return ERR_OK;
}

void prefix_done(struct prefix *px)
{
    mem_free(px->bucket);
    mem_free(px->node);
    *px = (struct prefix){0};
}

static uint32_t *bucket_of(const struct prefix *px, uint64_t salt, uint32_t parent,
                           const int32_t *token)
{
    uint64_t seed = parent == PAGE_NONE ? hash_fixed(0, &salt, sizeof salt) : parent;
    return &px->bucket[hash_fixed(seed, token, TOKENS_BYTES) & px->bucket_mask];
}

uint32_t prefix_find(const struct prefix *px, uint64_t salt, uint32_t parent,
                     const int32_t *token)
{
    for (uint32_t link = *bucket_of(px, salt, parent, token); link != 0;) {
        const struct prefix_node *n = &px->node[link - 1];
        if (n->parent == parent && n->salt == salt && memcmp(n->token, token, TOKENS_BYTES) == 0)
            return link - 1;
        link = n->chain;
    }
    return PAGE_NONE;
}

uint32_t prefix_insert(struct prefix *px, uint64_t salt, uint32_t parent, const int32_t *token,
                       uint32_t page)
{
    struct prefix_node *n = &px->node[page];
    CHECK(!n->is_in_tree && (parent == PAGE_NONE || px->node[parent].is_in_tree));
    uint32_t known = prefix_find(px, salt, parent, token);
    if (known != PAGE_NONE) {
        prefix_hold(px, known);
        prefix_drop(px, page);
        return known;
    }
    uint32_t *bucket = bucket_of(px, salt, parent, token);
    *n = (struct prefix_node){.salt = salt, .parent = parent, .chain = *bucket, .is_in_tree = true};
    memcpy(n->token, token, TOKENS_BYTES);
    *bucket = page + 1;
    if (parent != PAGE_NONE)
        px->node[parent].n_child++;
    px->n_in_tree++;
    kv_hold(px->kv, page);
    return page;
}

static void idle_remove(struct prefix *px, uint32_t page)
{
    struct prefix_node *n = &px->node[page];
    *(n->older == PAGE_NONE ? &px->oldest : &px->node[n->older].newer) = n->newer;
    *(n->newer == PAGE_NONE ? &px->newest : &px->node[n->newer].older) = n->older;
    n->is_idle = false;
    px->n_idle--;
}

static void idle_add(struct prefix *px, uint32_t page)
{
    struct prefix_node *n = &px->node[page];
    n->older = px->newest;
    n->newer = PAGE_NONE;
    *(px->newest == PAGE_NONE ? &px->oldest : &px->node[px->newest].newer) = page;
    px->newest = page;
    n->is_idle = true;
    px->n_idle++;
}

void prefix_hold(struct prefix *px, uint32_t page)
{
    if (px->node[page].is_idle)
        idle_remove(px, page);
    kv_hold(px->kv, page);
}

void prefix_drop(struct prefix *px, uint32_t page)
{
    uint32_t left = kv_drop(px->kv, page);
    if (left == 1 && px->node[page].is_in_tree)
        idle_add(px, page);
}

bool prefix_evict(struct prefix *px)
{
    uint32_t page = px->oldest;
    if (page == PAGE_NONE)
        return false;
    struct prefix_node *n = &px->node[page];
    CHECK(n->n_child == 0 && n->is_in_tree);
    idle_remove(px, page);
    uint32_t *link = bucket_of(px, n->salt, n->parent, n->token);
    while (*link != page + 1)
        link = &px->node[*link - 1].chain;
    *link = n->chain;
    if (n->parent != PAGE_NONE)
        px->node[n->parent].n_child--;
    n->is_in_tree = false;
    px->n_in_tree--;
    CHECK(kv_drop(px->kv, page) == 0);
    return true;
}
