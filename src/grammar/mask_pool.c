/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool: one mapping, filled from the front, with an open-addressing table of its records. It
 * never grows and nothing in it is freed but all at once, so the step loop allocates nothing.
 */
#include <sys/mman.h>
#include "base/hash.h"
#include "grammar/matcher_internal.h"

#define POOL_ALIGN 64
#define SLOT_BYTES 64 /* bytes of pool for each slot of the table */

enum err pool_open(struct pool *p, size_t size, struct error *e)
{
    *p = (struct pool){.size = size};
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no %zu bytes of address space for masks", size);
    p->base = base;
    p->seed = hash_str(STR("pool")); /* what a model writes cannot choose collisions */
    p->n_slot = 1024;
    while (p->n_slot * 2 * SLOT_BYTES <= size) p->n_slot *= 2;
    pool_reset(p);
    return ERR_OK;
}

void pool_close(struct pool *p)
{
    if (p->base) munmap(p->base, p->size);
    p->base = NULL;
}

void pool_reset(struct pool *p)
{
    if (p->generation > 0) {
        CHECK(madvise(p->base, p->size, MADV_DONTNEED) == 0);
        p->n_reset++;
    }
    p->generation++;
    p->at = POOL_ALIGN; /* number 0 is none */
    p->n_used = 0;
    p->full = false;
    p->slot = pool_take(p, p->n_slot * sizeof *p->slot);
    CHECK(p->slot != NULL);
}

void *pool_take(struct pool *p, size_t size)
{
    size_t at = (p->at + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
    if (size > p->size || at > p->size - size) {
        p->full = true;
        return NULL;
    }
    p->at = at + size;
    return p->base + at;
}

static uint32_t hash_words(uint64_t seed, enum rec_kind kind, const uint32_t *w, uint32_t n)
{
    uint64_t h = seed + (uint64_t)kind * 0x9e3779b97f4a7c15u + n;
    for (uint32_t i = 0; i < n; i++) {
        h = (h ^ w[i]) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return (uint32_t)(h ^ h >> 15);
}

static size_t find(const struct pool *p, enum rec_kind kind, const uint32_t *w, uint32_t n,
                   uint32_t hash)
{
    size_t mask = p->n_slot - 1, i = hash & mask;
    uint32_t kind_n = (uint32_t)kind << 26 | n;
    for (; p->slot[i] != 0; i = (i + 1) & mask) {
        const struct rec *r = pool_rec(p, p->slot[i]);
        if (r->hash == hash && r->kind_n == kind_n && memcmp(r->w, w, n * sizeof *w) == 0) break;
    }
    return i;
}

uint32_t pool_intern(struct pool *p, enum rec_kind kind, const uint32_t *w, uint32_t n)
{
    CHECK(n <= REC_WORDS_MAX);
    uint32_t hash = hash_words(p->seed, kind, w, n);
    size_t i = find(p, kind, w, n, hash), bytes = sizeof(struct rec) + n * sizeof *w;
    if (p->slot[i] != 0) return p->slot[i];
    size_t at = (p->at + 3) & ~(size_t)3;
    if (at + bytes > p->size || (p->n_used + 1) * 4 > p->n_slot * 3) {
        p->full = true;
        return 0;
    }
    uint32_t id = (uint32_t)(at / 4);
    struct rec *r = pool_rec(p, id);
    r->hash = hash;
    r->aux = 0;
    r->slot = (uint32_t)i;
    r->kind_n = (uint32_t)kind << 26 | n;
    memcpy(r->w, w, n * sizeof *w);
    p->at = at + bytes;
    p->slot[i] = id;
    p->n_used++;
    return id;
}

void pool_release(struct pool *p, size_t at)
{
    /* What came later never stood in the way of what was there: its slots are just emptied. */
    at = (at + 3) & ~(size_t)3;
    for (size_t i = at; i < p->at;) {
        const struct rec *r = pool_rec(p, (uint32_t)(i / 4));
        p->slot[r->slot] = 0;
        p->n_used--;
        i += sizeof *r + rec_n(r) * sizeof r->w[0];
    }
    p->at = at;
}
