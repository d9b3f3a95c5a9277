/* SPDX-License-Identifier: Apache-2.0
 *
 * A draft whose states stand for keys: pairs of states, places in a number. Open addressing, at
 * most half full.
 */
#include "grammar/dfa_internal.h"

#include "base/mem.h"

#define SLOTS_FIRST 256                        /* a power of two */

static size_t key_hash(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15u;
    return (size_t)(key ^ key >> 32);
}

void dfa_index_init(struct dfa_index *x, struct dfa_draft *d)
{
    *x = (struct dfa_index){.draft = d};
}

void dfa_index_done(struct dfa_index *x)
{
    mem_free(x->key);
    mem_free(x->slot);
    x->key = NULL;
    x->slot = NULL;
}

uint32_t dfa_index_find(const struct dfa_index *x, uint64_t key)
{
    if (x->n_slot == 0)
        return DFA_DEAD;
    size_t i = key_hash(key) & (x->n_slot - 1);
    while (x->slot[i] && x->key[x->slot[i]] != key)
        i = (i + 1) & (x->n_slot - 1);
    return x->slot[i];
}

static void put(struct dfa_index *x, uint32_t state)
{
    size_t i = key_hash(x->key[state]) & (x->n_slot - 1);
    while (x->slot[i])
        i = (i + 1) & (x->n_slot - 1);
    x->slot[i] = state;
}

static bool grow_slots(struct dfa_index *x)
{
    size_t n = x->n_slot ? x->n_slot * 2 : SLOTS_FIRST;
    uint32_t *slot = dfa_scratch(x->draft->w, n, sizeof *slot);
    if (!slot)
        return false;
    mem_free(x->slot);
    x->slot = slot;
    x->n_slot = n;
    for (uint32_t s = 1; s < x->draft->n_state; s++)
        put(x, s);
    return true;
}

uint32_t dfa_index_add(struct dfa_index *x, uint64_t key, uint8_t flags)
{
    struct dfa_draft *d = x->draft;
    if (((size_t)d->n_state * 2 > x->n_slot && !grow_slots(x)) ||
        !dfa_grow(d->w, &x->key, &x->key_cap, (size_t)d->n_state + 1, sizeof *x->key))
        return DFA_DEAD;
    uint32_t state = dfa_draft_add(d, flags);
    if (state == DFA_DEAD)
        return DFA_DEAD;
    x->key[state] = key;
    put(x, state);
    return state;
}
