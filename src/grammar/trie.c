/* SPDX-License-Identifier: Apache-2.0 */
#include "grammar/trie.h"
#include "base/err.h"

uint16_t trie_class(uint8_t b)
{
    if (b >= 'a' && b <= 'z') return 1 << 0;
    if (b >= 'A' && b <= 'Z') return 1 << 1;
    if (b >= '0' && b <= '9') return 1 << 2;
    if (b == ' ') return 1 << 3;
    if (b == '_') return 1 << 4;
    if (b == '-') return 1 << 5;
    if (b == '.') return 1 << 6;
    if (b == '/') return 1 << 7;
    if (b == ':') return 1 << 8;
    if (b == '@') return 1 << 9;
    if (b == '"') return 1 << 10;
    if (b == '\\') return 1 << 11;
    if (b < 32 || b == 127) return 1 << 12;
    if (b >= 128) return 1 << 13;
    return b == ',' || b == ';' || b == '\'' || b == '(' || b == ')' || b == '!' || b == '?'
               ? 1 << 14
               : 1 << 15;
}

/* ---- sorting: three-way radix quicksort, the smaller parts first ---- */

static int byte_at(const struct trie_item *s, uint32_t depth)
{
    return depth < s->n ? (uint8_t)s->p[depth] : -1;
}

static void swap(struct trie_item *a, struct trie_item *b)
{
    struct trie_item t = *a;
    *a = *b;
    *b = t;
}

static int compare(const struct trie_item *a, const struct trie_item *b, uint32_t depth)
{
    int c = str_cmp((str){a->p + depth, a->n - depth}, (str){b->p + depth, b->n - depth});
    return c ? c : (a->id > b->id) - (a->id < b->id);
}

static void insertion(struct trie_item *item, size_t n, uint32_t depth)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && compare(&item[k - 1], &item[k], depth) > 0; k--)
            swap(&item[k - 1], &item[k]);
}

static void sort_ids(struct trie_item *item, size_t n)
{
    while (n > 16) {                   /* quicksort by id alone; equal ids do not matter */
        uint32_t pivot = item[n / 2].id;
        size_t i = 0, k = n - 1;
        for (;;) {
            while (item[i].id < pivot) i++;
            while (item[k].id > pivot) k--;
            if (i >= k) break;
            swap(&item[i++], &item[k--]);
        }
        sort_ids(item + i, n - i);
        n = i;
    }
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && item[k - 1].id > item[k].id; k--)
            swap(&item[k - 1], &item[k]);
}

static int middle(int a, int b, int c)
{
    if (a > b) { int t = a; a = b; b = t; }
    return c < a ? a : c > b ? b : c;
}

static void sort(struct trie_item *item, size_t n, uint32_t depth)
{
    while (n > 12) {
        int pivot = middle(byte_at(&item[0], depth), byte_at(&item[n / 2], depth),
                           byte_at(&item[n - 1], depth));
        size_t less = 0, more = n, i = 0;
        while (i < more) {
            int c = byte_at(&item[i], depth);
            if (c < pivot) swap(&item[less++], &item[i++]);
            else if (c > pivot) swap(&item[i], &item[--more]);
            else i++;
        }
        sort(item, less, depth);
        sort(item + more, n - more, depth);
        item += less;
        n = more - less;
        if (pivot < 0) {
            sort_ids(item, n);
            return;
        }
        depth++;
    }
    insertion(item, n, depth);
}

void trie_sort(struct trie_item *item, size_t n)
{
    sort(item, n, 0);
}

/* ---- building ---- */

static uint32_t common(const struct trie_item *a, const struct trie_item *b)
{
    uint32_t n = a->n < b->n ? a->n : b->n, i = 0;
    while (i < n && a->p[i] == b->p[i]) i++;
    return i;
}

size_t trie_count(const struct trie_item *item, size_t n)
{
    size_t count = 2;                  /* root and the closing node */
    for (size_t i = 0; i < n; i++) count += item[i].n - (i ? common(&item[i - 1], &item[i]) : 0);
    return count;
}

void trie_build(struct trie *t, const struct trie_item *item, size_t n, struct trie_node *node,
                uint32_t *id)
{
    uint32_t open[TRIE_DEPTH_MAX + 1], depth = 0, n_node = 1;
    open[0] = 0;
    node[0] = (struct trie_node){0};
    for (size_t i = 0; i < n; i++) {
        uint32_t keep = i ? common(&item[i - 1], &item[i]) : 0;
        CHECK(item[i].n <= TRIE_DEPTH_MAX);
        for (; depth > keep; depth--) node[open[depth]].end = n_node;
        while (depth < item[i].n) {
            uint8_t byte = (uint8_t)item[i].p[depth];
            node[n_node] = (struct trie_node){.first = (uint32_t)i, .byte = byte,
                                              .classes = trie_class(byte)};
            open[++depth] = n_node++;
        }
        id[i] = item[i].id;
    }
    for (; depth > 0; depth--) node[open[depth]].end = n_node;
    node[0].end = n_node;
    node[n_node] = (struct trie_node){.end = n_node + 1, .first = (uint32_t)n};
    for (uint32_t i = n_node; i-- > 0;)
        for (uint32_t c = i + 1; c < node[i].end; c = node[c].end)
            node[i].classes |= node[c].classes;
    *t = (struct trie){node, id, n_node, (uint32_t)n};
}

uint32_t trie_child(const struct trie *t, uint32_t i, uint8_t byte)
{
    uint32_t end = t->node[i].end;
    for (uint32_t c = i + 1; c < end; c = t->node[c].end)
        if (t->node[c].byte == byte) return c;
    return 0;
}
