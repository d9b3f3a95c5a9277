/* SPDX-License-Identifier: Apache-2.0
 *
 * Arena: memory of one request, freed whole. It has a byte cap; arena_alloc aborts past it only
 * for sizes the program chose, arena_try gives NULL for sizes that input decides. Outside
 * resources register a cleanup, run in reverse order by arena_free. One owner thread at a time.
 */
#pragma once
#include <stddef.h>
#include "base/err.h"
#include "base/str.h"

struct arena;

/* cap: bytes at most (0 = no cap). The first block is small (4 KB), blocks double to 1 MB. */
struct arena *arena_new(size_t cap);
void arena_free(struct arena *a);              /* accepts NULL */

/* Bytes beyond the cap that arena_alloc alone may use: a request whose input filled the arena to
 * the cap can still be answered with an error. */
#define ARENA_RESERVE ((size_t)256 << 10)

/* Zeroed, aligned to 16. For sizes the program chose; aborts over cap + ARENA_RESERVE. */
void *arena_alloc(struct arena *a, size_t size);
/* As arena_alloc, but NULL over the cap or out of memory. */
MUST_CHECK void *arena_try(struct arena *a, size_t size);
MUST_CHECK void *arena_try_array(struct arena *a, size_t n, size_t size);
#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* Copies by arena_alloc; the copy is NUL-terminated behind its last byte. Text whose length input
 * decides must already be bounded well below the cap. */
str arena_str(struct arena *a, str s);
char *arena_cstr(struct arena *a, str s);
str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* fn(arg) runs when the arena is freed, last registered first. */
void arena_on_free(struct arena *a, void (*fn)(void *arg), void *arg);
size_t arena_used(const struct arena *a);      /* bytes handed out */
/* Bytes arena_try may still give; SIZE_MAX without a cap. */
size_t arena_left(const struct arena *a);
