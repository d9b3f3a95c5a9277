/* SPDX-License-Identifier: Apache-2.0
 *
 * Finite languages: the minimal acyclic automaton of a set of words, built in one pass over the
 * sorted words (Daciuk et al., "Incremental construction of minimal acyclic finite-state
 * automata", 2000). The states along the last word are open; when the next word turns off, the
 * ones behind the fork are final: each is looked up among the closed states, and made when no
 * closed state is like it. Closed states are sparse and numbered as they close, so ways lead to
 * lower numbers; the dense table is written at the end, turned round, with the start first.
 */
#include "grammar/dfa_internal.h"

#include <stdlib.h>

#include "base/mem.h"

#define SLOTS_FIRST 64                         /* a power of two */
#define WORDS_PER_LOOK 1024

struct way { uint32_t to; uint8_t byte; };     /* to: closed state */

struct node {
    uint32_t first_way;                        /* its ways end where the next node's begin */
    bool is_word;
};

struct slot { uint32_t node, hash; };          /* node: 1 + closed state, 0: free */

struct words {
    struct dfa_work *w;
    struct node *node;                         /* owns; [n_node + 1] closed, the last a sentinel */
    struct way *way;                           /* owns; [n_way] of closed states */
    struct slot *slot;                         /* owns; [n_slot], by hash */
    size_t n_node, node_cap, n_way, way_cap, n_slot;

    struct way *open_way;                      /* owns; finished ways of open states, stacked */
    size_t *open_first;                        /* owns; [depth] where those of a depth begin */
    bool *open_is_word;                        /* owns; [depth] */
    size_t n_open_way, open_way_cap;
};

static int compare_words(const void *a, const void *b)
{
    return str_cmp(*(const str *)a, *(const str *)b);
}

static uint32_t node_hash(const struct way *way, size_t n, bool is_word)
{
    uint64_t h = is_word ? 0x2545f4914f6cdd1du : 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ ((uint64_t)way[i].to << 8 | way[i].byte)) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

static bool is_node_like(const struct words *x, uint32_t node, const struct way *way, size_t n,
                         bool is_word)
{
    size_t first = x->node[node].first_way;
    if (x->node[node].is_word != is_word || x->node[node + 1].first_way - first != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (x->way[first + i].to != way[i].to || x->way[first + i].byte != way[i].byte)
            return false;
    return true;
}

static bool grow_slots(struct words *x)
{
    size_t n = x->n_slot ? x->n_slot * 2 : SLOTS_FIRST;
    struct slot *slot = dfa_scratch(x->w, n, sizeof *slot);
    if (!slot)
        return false;
    for (size_t k = 0; k < x->n_slot; k++) {
        size_t i = x->slot[k].hash & (n - 1);
        if (!x->slot[k].node)
            continue;
        while (slot[i].node)
            i = (i + 1) & (n - 1);
        slot[i] = x->slot[k];
    }
    mem_free(x->slot);
    x->slot = slot;
    x->n_slot = n;
    return true;
}

/* The closed state with these ways; 0 also when the work has failed. */
static uint32_t close_node(struct words *x, const struct way *way, size_t n, bool is_word)
{
    if (x->n_node * 2 >= x->n_slot && !grow_slots(x))
        return 0;
    uint32_t hash = node_hash(way, n, is_word);
    size_t i = hash & (x->n_slot - 1);
    for (; x->slot[i].node; i = (i + 1) & (x->n_slot - 1))
        if (x->slot[i].hash == hash && is_node_like(x, x->slot[i].node - 1, way, n, is_word))
            return x->slot[i].node - 1;
    if (!dfa_states_fit(x->w, x->n_node + 1) ||
        !dfa_grow(x->w, &x->node, &x->node_cap, x->n_node + 2, sizeof *x->node) ||
        !dfa_grow(x->w, &x->way, &x->way_cap, x->n_way + n, sizeof *x->way))
        return 0;
    for (size_t k = 0; k < n; k++)
        x->way[x->n_way + k] = way[k];
    x->node[x->n_node] = (struct node){(uint32_t)x->n_way, is_word};
    x->n_way += n;
    x->node[x->n_node + 1] = (struct node){(uint32_t)x->n_way, false};
    x->slot[i] = (struct slot){(uint32_t)x->n_node + 1, hash};
    return (uint32_t)x->n_node++;
}

/* Closes the open states deeper than `depth` of the way along `last`, whose end is open too. */
static void close_behind(struct words *x, str last, size_t depth)
{
    for (size_t k = last.n; k > depth && x->w->rc == ERR_OK; k--) {
        size_t first = x->open_first[k];
        const struct way *way = first ? x->open_way + first : x->open_way;   /* may be NULL */
        uint32_t to = close_node(x, way, x->n_open_way - first, x->open_is_word[k]);
        x->n_open_way = first;
        if (!dfa_grow(x->w, &x->open_way, &x->open_way_cap, first + 1, sizeof *x->open_way))
            return;
        x->open_way[x->n_open_way++] = (struct way){to, (uint8_t)last.p[k - 1]};
    }
}

static size_t common_prefix(str a, str b)
{
    size_t n = 0, max = a.n < b.n ? a.n : b.n;
    while (n < max && a.p[n] == b.p[n])
        n++;
    return n;
}

/* Adds the sorted words, at least one. The start closes last: no other state has words as long. */
static void add_words(struct words *x, const str *word, size_t n)
{
    str last = {"", 0};
    for (size_t i = 0; i < n && x->w->rc == ERR_OK; i++) {
        size_t fork = common_prefix(last, word[i]);
        close_behind(x, last, fork);
        last = word[i];
        for (size_t k = fork + 1; k <= last.n; k++) {
            x->open_first[k] = x->n_open_way;
            x->open_is_word[k] = false;
        }
        x->open_is_word[last.n] = true;
        if (i % WORDS_PER_LOOK == 0 && !dfa_in_time(x->w))
            return;
    }
    close_behind(x, last, 0);
    close_node(x, x->open_way, x->n_open_way, x->open_is_word[0]);
}

/* A class for each byte in use, and one for all others. Gives their number. */
static uint32_t classes_of(const struct words *x, uint8_t class_of[256])
{
    bool used[256] = {false};
    for (size_t i = 0; i < x->n_way; i++)
        used[x->way[i].byte] = true;
    uint32_t n = 0, other = 256;
    for (int b = 0; b < 256; b++) {
        if (!used[b] && other == 256)
            other = n++;
        class_of[b] = (uint8_t)(used[b] ? n++ : other);
    }
    return n;
}

static const struct dfa *lay_out(struct words *x)
{
    struct dfa *a = dfa_result(x->w, 1, sizeof *a);
    uint8_t class_of[256];
    uint32_t n_class = classes_of(x, class_of), n = (uint32_t)x->n_node + 1;
    uint32_t *next = dfa_result(x->w, (size_t)n * n_class, sizeof *next);
    uint32_t *n_word = dfa_result(x->w, n, sizeof *n_word);
    uint8_t *flags = dfa_result(x->w, n, sizeof *flags);
    if (!a || !next || !n_word || !flags)
        return NULL;
    for (uint32_t k = 0; k < x->n_node; k++) {
        uint32_t s = n - 1 - k, *row = next + (size_t)s * n_class;
        uint64_t count = x->node[k].is_word;
        for (size_t i = x->node[k].first_way; i < x->node[k + 1].first_way; i++) {
            uint32_t to = n - 1 - x->way[i].to;
            row[class_of[x->way[i].byte]] = to;
            count += n_word[to];
        }
        flags[s] = x->node[k].is_word ? DFA_ACCEPT : 0;
        n_word[s] = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    }
    *a = (struct dfa){.n_state = n, .n_class = n_class, .start = n > 1 ? 1 : DFA_DEAD,
                      .next = next, .flags = flags, .n_word = n_word};
    memcpy(a->class_of, class_of, sizeof class_of);
    return a;
}

static bool words_init(struct words *x, struct dfa_work *w, const str *word, size_t n)
{
    size_t n_max = 0;
    for (size_t i = 0; i < n; i++)
        n_max = word[i].n > n_max ? word[i].n : n_max;
    *x = (struct words){.w = w};
    x->open_first = dfa_scratch(w, n_max + 1, sizeof *x->open_first);
    x->open_is_word = dfa_scratch(w, n_max + 1, sizeof *x->open_is_word);
    return x->open_first && x->open_is_word;
}

const struct dfa *dfa_words(struct dfa_work *w, const str *word, size_t n)
{
    struct words x;
    const struct dfa *a = NULL;
    str *sorted = dfa_scratch(w, n, sizeof *sorted);
    if (words_init(&x, w, word, n) && sorted) {
        for (size_t i = 0; i < n; i++)
            sorted[i] = word[i];
        qsort(sorted, n, sizeof *sorted, compare_words);
        if (n > 0)
            add_words(&x, sorted, n);
        a = lay_out(&x);
    }
    mem_free(sorted);
    mem_free(x.node);
    mem_free(x.way);
    mem_free(x.slot);
    mem_free(x.open_way);
    mem_free(x.open_first);
    mem_free(x.open_is_word);
    return a;
}
