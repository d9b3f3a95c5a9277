/* SPDX-License-Identifier: Apache-2.0
 *
 * A binary heap, smallest key first. Merging and the search for special tokens both take "the
 * best, leftmost on a tie": the rank goes into the high half of the key, the place into the low.
 * Storage is the caller's; init/done pair. One owner thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct heap_item {
    uint64_t key;
    uint32_t a, b;                     /* the user's */
};

struct heap {
    struct heap_item *item;            /* owns */
    size_t n, cap;
};

void heap_init(struct heap *h);
void heap_done(struct heap *h);
/* False when memory is out; the heap is then as before. */
MUST_CHECK bool heap_push(struct heap *h, struct heap_item item);
/* Smallest item into *out; false when empty. */
bool heap_pop(struct heap *h, struct heap_item *out);
