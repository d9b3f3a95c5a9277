/* SPDX-License-Identifier: Apache-2.0
 *
 * Test memory that ends at a page nobody may touch: a read or write one byte too far is a crash.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include "base/err.h"

#define GUARD_PAGE 4096
#define GUARDED_MAX 512

/* All regions of one test case; guarded_done unmaps them. */
struct guarded {
    void *base[GUARDED_MAX];
    size_t bytes[GUARDED_MAX];
    int n;
};

/* Gives `size` bytes of 0xa5 that end at the forbidden page. */
static inline void *guarded_alloc(struct guarded *g, size_t size)
{
    size_t room = (size + GUARD_PAGE - 1) / GUARD_PAGE * GUARD_PAGE;

    CHECK(g->n < GUARDED_MAX);
    uint8_t *p = mmap(NULL, room + GUARD_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
    CHECK(p != MAP_FAILED && mprotect(p + room, GUARD_PAGE, PROT_NONE) == 0);
    memset(p, 0xa5, room);
    g->base[g->n] = p;
    g->bytes[g->n++] = room + GUARD_PAGE;
    return p + room - size;
}

static inline void guarded_done(struct guarded *g)
{
    for (int i = 0; i < g->n; i++)
        munmap(g->base[i], g->bytes[i]);
    g->n = 0;
}
