/* SPDX-License-Identifier: Apache-2.0
 *
 * The only door to the heap. Small allocations abort when memory is out, because such branches
 * cannot be tested; anything whose size comes from outside uses the try_ form with a limit.
 * mem_guard makes malloc fatal on the calling thread: the engine's step loop runs under it.
 * Any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* Gives zeroed memory; aborts when out of memory. size 0 gives a unique pointer. */
void *mem_alloc(size_t size);
/* Gives memory for n elements; aborts on overflow. */
void *mem_array(size_t n, size_t size);
/* Like realloc; new bytes are not zeroed. Aborts when out of memory. */
void *mem_resize(void *p, size_t size);
/* Accepts NULL, and what libc allocated for us (getline, scandir). */
void mem_free(void *p);
/* Gives zeroed memory or NULL. For sizes that input decides. */
MUST_CHECK void *mem_try_alloc(size_t size);
/* As mem_resize, but NULL when out of memory; p then stays valid. */
MUST_CHECK void *mem_try_resize(void *p, size_t size);
/* Gives zeroed memory aligned to `align` (power of two) or NULL; free with mem_free. */
MUST_CHECK void *mem_try_aligned(size_t align, size_t size);
char *mem_strdup(const char *s);

/* Checked arithmetic: false on overflow, *out untouched. */
MUST_CHECK bool size_mul(size_t a, size_t b, size_t *out);
MUST_CHECK bool size_add(size_t a, size_t b, size_t *out);

/* Between begin and end every mem_* allocation on this thread aborts. Nests. */
void mem_guard_begin(void);
void mem_guard_end(void);

/* Allocation calls since process start (all threads), for tests with ceilings. */
size_t mem_alloc_count(void);
/* Test hook: the nth mem_try_* call from now fails (0 = off). */
void mem_fail_nth(size_t nth);
