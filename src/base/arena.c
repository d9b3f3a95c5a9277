/* SPDX-License-Identifier: Apache-2.0
 *
 * Arena. A chain of zeroed blocks, the newest first; the arena itself lies at the start of its
 * first block, so a small request costs one allocation.
 *
 * Invariants: used <= cap for arena_try, used <= cap + ARENA_RESERVE always (cap > 0); the bytes
 * [at, end) of the head block are free and zero; a block larger than a quarter of the next size
 * is put behind the head, so that the head's free bytes stay in use.
 * Under AddressSanitizer free bytes and a gap behind each piece are poisoned.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ARENA_GAP 0
#endif

#define ARENA_ALIGN 16
#define BLOCK_FIRST ((size_t)4 << 10)
#define BLOCK_MAX ((size_t)1 << 20)

struct block {
    struct block *next;
    size_t size;                               /* bytes of the block with this header */
    _Alignas(ARENA_ALIGN) char bytes[];
};

struct cleanup {
    struct cleanup *next;
    void (*fn)(void *arg);
    void *arg;
};

struct arena {
    struct block *head;                        /* owns the chain */
    char *at, *end;                            /* free part of head */
    size_t next_size;                          /* of the next block */
    size_t used;
    size_t cap;                                /* 0: none */
    struct cleanup *cleanups;                  /* last registered first */
};

static struct block *block_new(size_t size)
{
    struct block *b = mem_try_alloc(size);
    if (b)
        b->size = size;
    return b;
}

struct arena *arena_new(size_t cap)
{
    struct block *b = block_new(BLOCK_FIRST);
    CHECK(b != NULL);
    struct arena *a = (struct arena *)(void *)b->bytes;
    size_t self = (sizeof *a + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    *a = (struct arena){.head = b, .at = b->bytes + self, .end = (char *)b + BLOCK_FIRST,
                        .next_size = 2 * BLOCK_FIRST, .cap = cap};
    ASAN_POISON_MEMORY_REGION(a->at, (size_t)(a->end - a->at));
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    while (a->cleanups) {
        struct cleanup *c = a->cleanups;
        a->cleanups = c->next;
        c->fn(c->arg);
    }
    for (struct block *b = a->head, *next; b; b = next) {
        next = b->next;
        ASAN_UNPOISON_MEMORY_REGION(b, b->size);
        mem_free(b);
    }
}

/* A piece of `need` bytes in a block of its own, behind the head. */
static char *take_alone(struct arena *a, size_t need)
{
    struct block *b = block_new(sizeof *b + need);
    if (!b)
        return NULL;
    b->next = a->head->next;
    a->head->next = b;
    return b->bytes;
}

/* A fresh head block; false when memory is out. */
static bool grow(struct arena *a)
{
    struct block *b = block_new(a->next_size);
    if (!b)
        return false;
    b->next = a->head;
    a->head = b;
    a->at = b->bytes;
    a->end = (char *)b + b->size;
    ASAN_POISON_MEMORY_REGION(a->at, (size_t)(a->end - a->at));
    if (a->next_size < BLOCK_MAX)
        a->next_size *= 2;
    return true;
}

static void *take(struct arena *a, size_t size, size_t limit)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (limit != 0 && (a->used > limit || rounded > limit - a->used))
        return NULL;
    size_t need = rounded + ARENA_GAP;
    char *p;
    if (need > (size_t)(a->end - a->at) && need > a->next_size / 4) {
        p = take_alone(a, need);
        if (!p)
            return NULL;
    } else {
        if (need > (size_t)(a->end - a->at) && !grow(a))
            return NULL;
        p = a->at;
        a->at += need;
    }
    ASAN_POISON_MEMORY_REGION(p, need);
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    a->used += rounded;
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    void *p = take(a, size, a->cap ? a->cap + ARENA_RESERVE : 0);
    CHECK(p != NULL);
    return p;
}

void *arena_try(struct arena *a, size_t size)
{
    return take(a, size, a->cap);
}

void *arena_try_array(struct arena *a, size_t n, size_t size)
{
    size_t total;
    return size_mul(n, size, &total) ? arena_try(a, total) : NULL;
}

char *arena_cstr(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

str arena_str(struct arena *a, str s)
{
    return (str){arena_cstr(a, s), s.n};
}

str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (str){p, (size_t)n};
}

void arena_on_free(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct cleanup *c = arena_new_of(a, struct cleanup);
    *c = (struct cleanup){.next = a->cleanups, .fn = fn, .arg = arg};
    a->cleanups = c;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

size_t arena_left(const struct arena *a)
{
    if (a->cap == 0)
        return SIZE_MAX;
    return a->used < a->cap ? a->cap - a->used : 0;
}
