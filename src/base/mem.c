/* SPDX-License-Identifier: Apache-2.0
 *
 * The heap. Nothing else in the program calls malloc or free. The count of allocations and the
 * failure hook are process globals (docs/globals.txt); the guard is a depth per thread.
 */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Relaxed everywhere: both are counters that order nothing. */
static atomic_size_t alloc_count;
static atomic_size_t fail_countdown;           /* mem_try_* calls until one fails; 0 = off */
static _Thread_local unsigned guard_depth;

static void count_allocation(void)
{
    CHECK(guard_depth == 0);
    atomic_fetch_add_explicit(&alloc_count, 1, memory_order_relaxed);
}

/* True when the test hook wants this mem_try_* call to fail. */
static bool must_fail(void)
{
    size_t left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    while (left != 0) {
        if (atomic_compare_exchange_weak_explicit(&fail_countdown, &left, left - 1,
                                                  memory_order_relaxed, memory_order_relaxed))
            return left == 1;
    }
    return false;
}

void *mem_alloc(size_t size)
{
    count_allocation();
    void *p = calloc(1, size ? size : 1);
    CHECK(p != NULL && "out of memory");
    return p;
}

void *mem_array(size_t n, size_t size)
{
    size_t total = 0;
    CHECK(size_mul(n, size, &total));
    return mem_alloc(total);
}

void *mem_resize(void *p, size_t size)
{
    count_allocation();
    void *q = realloc(p, size ? size : 1);
    CHECK(q != NULL && "out of memory");
    return q;
}

void mem_free(void *p)
{
    free(p);
}

void *mem_try_alloc(size_t size)
{
    count_allocation();
    return must_fail() ? NULL : calloc(1, size ? size : 1);
}

void *mem_try_resize(void *p, size_t size)
{
    count_allocation();
    return must_fail() ? NULL : realloc(p, size ? size : 1);
}

void *mem_try_aligned(size_t align, size_t size)
{
    CHECK(align != 0 && (align & (align - 1)) == 0);
    count_allocation();
    if (must_fail())
        return NULL;
    void *p = NULL;
    if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, size ? size : 1) != 0)
        return NULL;
    memset(p, 0, size);
    return p;
}

char *mem_strdup(const char *s)
{
    size_t n = strlen(s);
    char *copy = mem_alloc(n + 1);
    memcpy(copy, s, n);
    return copy;
}

bool size_mul(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

bool size_add(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

void mem_guard_begin(void)
{
    guard_depth++;
}

void mem_guard_end(void)
{
    CHECK(guard_depth > 0);
    guard_depth--;
}

size_t mem_alloc_count(void)
{
    return atomic_load_explicit(&alloc_count, memory_order_relaxed);
}

void mem_fail_nth(size_t nth)
{
    atomic_store_explicit(&fail_countdown, nth, memory_order_relaxed);
}
