/* SPDX-License-Identifier: Apache-2.0
 *
 * map: linear probing over a power of two, at most three quarters full. Invariants: a slot with
 * hash 0 is empty (stored hashes have their top bit set); between a key's home slot and its slot
 * no slot is empty, which removal keeps by shifting later keys back.
 */
#include "base/map.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#define MAP_CAP_FIRST 16
#define HASH_USED ((uint64_t)1 << 63)

static uint64_t slot_hash(str key)
{
    return hash_str(key) | HASH_USED;
}

void map_init(struct map *m, size_t expected)
{
    *m = (struct map){0};
    if (expected == 0)
        return;
    CHECK(expected < SIZE_MAX / 8);
    size_t cap = MAP_CAP_FIRST;
    while (cap / 4 * 3 < expected)
        cap *= 2;
    m->slot = mem_array(cap, sizeof *m->slot);
    m->cap = cap;
}

void map_done(struct map *m)
{
    mem_free(m->slot);
    *m = (struct map){0};
}

/* The slot of key, or the empty slot where it belongs. cap > 0. */
static struct map_slot *find(const struct map *m, str key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slot[i].hash != 0 && !(m->slot[i].hash == hash && str_eq(m->slot[i].key, key)))
        i = (i + 1) & (m->cap - 1);
    return &m->slot[i];
}

static void grow(struct map *m)
{
    struct map bigger = {.n = m->n, .cap = m->cap ? m->cap * 2 : MAP_CAP_FIRST};
    bigger.slot = mem_array(bigger.cap, sizeof *bigger.slot);
    for (size_t i = 0; i < m->cap; i++)
        if (m->slot[i].hash != 0)
            *find(&bigger, m->slot[i].key, m->slot[i].hash) = m->slot[i];
    mem_free(m->slot);
    *m = bigger;
}

bool map_set(struct map *m, str key, uintptr_t value)
{
    if (m->n >= m->cap / 4 * 3)
        grow(m);
    uint64_t hash = slot_hash(key);
    struct map_slot *s = find(m, key, hash);
    bool is_new = s->hash == 0;
    if (is_new) {
        *s = (struct map_slot){.key = key, .hash = hash};
        m->n++;
    }
    s->value = value;
    return is_new;
}

bool map_get(const struct map *m, str key, uintptr_t *value)
{
    if (m->n == 0)
        return false;
    const struct map_slot *s = find(m, key, slot_hash(key));
    if (s->hash == 0)
        return false;
    if (value)
        *value = s->value;
    return true;
}

bool map_del(struct map *m, str key)
{
    if (m->n == 0)
        return false;
    struct map_slot *s = find(m, key, slot_hash(key));
    if (s->hash == 0)
        return false;
    size_t mask = m->cap - 1, hole = (size_t)(s - m->slot);
    for (size_t i = (hole + 1) & mask; m->slot[i].hash != 0; i = (i + 1) & mask) {
        size_t home = m->slot[i].hash & mask;
        /* A key may move into the hole only if its home does not lie behind the hole. */
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->slot[hole] = m->slot[i];
        hole = i;
    }
    m->slot[hole] = (struct map_slot){0};
    m->n--;
    return true;
}

const struct map_slot *map_next(const struct map *m, size_t *i)
{
    while (*i < m->cap) {
        const struct map_slot *s = &m->slot[(*i)++];
        if (s->hash != 0)
            return s;
    }
    return NULL;
}
