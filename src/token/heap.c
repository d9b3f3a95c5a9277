/* SPDX-License-Identifier: Apache-2.0
 *
 * The textbook array heap; children of i are 2i+1 and 2i+2.
 */
#include "token/heap.h"
#include "base/mem.h"

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_done(struct heap *h)
{
    mem_free(h->item);
    heap_init(h);
}

static bool grow(struct heap *h)
{
    size_t cap = h->cap ? h->cap * 2 : 64, bytes;
    if (!size_mul(cap, sizeof *h->item, &bytes))
        return false;
    struct heap_item *item = mem_try_resize(h->item, bytes);
    if (!item)
        return false;
    h->item = item;
    h->cap = cap;
    return true;
}

bool heap_push(struct heap *h, struct heap_item item)
{
    if (h->n == h->cap && !grow(h))
        return false;
    size_t i = h->n++;
    while (i > 0) {
        size_t up = (i - 1) / 2;
        if (h->item[up].key <= item.key)
            break;
        h->item[i] = h->item[up];
        i = up;
    }
    h->item[i] = item;
    return true;
}

bool heap_pop(struct heap *h, struct heap_item *out)
{
    if (h->n == 0)
        return false;
    *out = h->item[0];
    struct heap_item last = h->item[--h->n];
    size_t i = 0;
    for (;;) {
        size_t down = 2 * i + 1;
        if (down >= h->n)
            break;
        if (down + 1 < h->n && h->item[down + 1].key < h->item[down].key)
            down++;
        if (last.key <= h->item[down].key)
            break;
        h->item[i] = h->item[down];
        i = down;
    }
    h->item[i] = last;                 /* n == 0: writes slot 0, which exists */
    return true;
}
