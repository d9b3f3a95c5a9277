/* SPDX-License-Identifier: Apache-2.0 */
#include "grammar/trie.h"
#include "base/err.h"
#include "base/utf8.h"

uint16_t trie_class(uint8_t b)
{
    if (b >= 'a' && b <= 'z') return 1 << 0;
    if (b >= 'A' && b <= 'Z') return 1 << 1;
    if (b >= '0' && b <= '9') return 1 << 2;
    switch (b) {
    case ' ': return 1 << 3;
    case '_': return 1 << 4;
    case '-': return 1 << 5;
    case '.': return 1 << 6;
    case '/':
    case ':': return 1 << 7;
    case '@': return 1 << 9;
    case '"': return 1 << 10;
    case '\\': return 1 << 11;
    default: return b < 32 || b == 127 ? 1 << 12 : b < 128 ? 1 << 13 : TRIE_WIDE;
    }
}

/* White space, and the two marks that some count as such. */
static bool is_odd(uint32_t cp)
{
    return cp == 0x180e || cp == 0xfeff || (uni_class(cp) & UNI_SPACE);
}

uint16_t trie_classes(str text)
{
    uint16_t classes = 0;
    for (size_t i = 0; i < text.n; i++) classes |= trie_class((uint8_t)text.p[i]);
    if (!(classes & TRIE_WIDE)) return classes;
    for (size_t i = 0; i < text.n;) {
        uint32_t cp = utf8_next(text, &i);
        if (cp == UTF8_BAD)
            classes |= TRIE_BROKEN;
        else if (cp >= 128 && is_odd(cp))
            classes |= TRIE_ODD;
    }
    return classes;
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
    while (n > 16) { /* quicksort by id alone; equal ids do not matter */
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
        for (size_t k = i; k > 0 && item[k - 1].id > item[k].id; k--) swap(&item[k - 1], &item[k]);
}

static int middle(int a, int b, int c)
{
    if (a > b) {
        int t = a;
        a = b;
        b = t;
    }
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
            if (c < pivot)
                swap(&item[less++], &item[i++]);
            else if (c > pivot)
                swap(&item[i], &item[--more]);
            else
                i++;
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

void trie_sort(struct trie_item *item, size_t n) { sort(item, n, 0); }

/* ---- building ---- */

static uint32_t common(const struct trie_item *a, const struct trie_item *b)
{
    uint32_t n = a->n < b->n ? a->n : b->n, i = 0;
    while (i < n && a->p[i] == b->p[i]) i++;
    return i;
}

size_t trie_count(const struct trie_item *item, size_t n)
{
    size_t count = 2; /* root and the closing node */
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
            node[n_node] = (struct trie_node){.first = (uint32_t)i, .byte = byte};
            open[++depth] = n_node++;
        }
        id[i] = item[i].id;
    }
    for (; depth > 0; depth--) node[open[depth]].end = n_node;
    node[0].end = n_node;
    node[n_node] = (struct trie_node){.end = n_node + 1, .first = (uint32_t)n};
    *t = (struct trie){.node = node, .id = id, .n_node = n_node, .n_id = (uint32_t)n};
}

void trie_index(struct trie *t, uint32_t *child, uint32_t *child_at, uint8_t *child_byte)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_node; i++) {
        child_at[i] = n;
        for (uint32_t c = i + 1, end = t->node[i].end; c < end; c = t->node[c].end) {
            child[n] = c;
            child_byte[n++] = t->node[c].byte;
        }
    }
    child_at[t->n_node] = n;
    t->child = child;
    t->child_at = child_at;
    t->child_byte = child_byte;
}

void trie_classify(struct trie *t, str (*text)(const void *arg, uint32_t id), const void *arg)
{
    for (uint32_t i = t->n_node; i-- > 0;) {
        struct trie_node *node = &t->node[i];
        node->classes = i ? trie_class(node->byte) : 0;
        for (uint32_t k = node->first; k < node[1].first; k++)
            node->classes |= trie_classes(text(arg, t->id[k])) & (TRIE_BROKEN | TRIE_ODD);
        for (uint32_t c = i + 1; c < node->end; c = t->node[c].end) {
            node->classes |= t->node[c].classes;
            if (t->node[c].reach > node->reach) node->reach = t->node[c].reach;
        }
        if ((node->byte & 0xc0) != 0x80 && i > 0) node->reach++;
    }
}

uint32_t trie_child(const struct trie *t, uint32_t i, uint8_t byte)
{
    if (!t->child) {
        for (uint32_t c = i + 1, end = t->node[i].end; c < end; c = t->node[c].end)
            if (t->node[c].byte == byte) return c;
        return 0;
    }
    uint32_t from = t->child_at[i], n = t->child_at[i + 1] - from;
    const uint8_t *at = n ? memchr(t->child_byte + from, byte, n) : NULL;
    return at ? t->child[at - t->child_byte] : 0;
}
