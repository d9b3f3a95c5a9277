/* SPDX-License-Identifier: Apache-2.0
 *
 * Two automata run side by side: intersection, union, difference, and the test for a subset. Only
 * pairs of states that can be reached are made, and only those that can matter to the result.
 * DFA_CHAR is set where either operand has it.
 */
#include "grammar/dfa_internal.h"

#include "base/mem.h"

#define PAIRS_FIRST 128                        /* of the first table; a power of two */

enum product { PRODUCT_AND, PRODUCT_OR, PRODUCT_MINUS };

struct pair { uint32_t a, b; };

struct pairs {
    const struct dfa *a, *b;
    enum product kind;
    struct dfa_draft d;                        /* state i is pair[i] */
    struct pair *pair;                         /* owns */
    uint32_t *slot;                            /* owns; [n_slot] state or 0 */
    size_t pair_cap, n_slot;
    uint8_t class_a[256], class_b[256];        /* of a class of the draft */
};

/* Bytes are of one class when they are in both operands. The classes of one class of a form a
 * chain, which is as short as b has classes in it. Gives the number of classes. */
static uint32_t join_classes(struct pairs *p, uint8_t class_of[256])
{
    uint32_t n = 0;
    uint16_t head[256], chain[256];
    memset(head, 0xff, sizeof head);
    for (int byte = 0; byte < 256; byte++) {
        uint8_t ca = p->a->class_of[byte], cb = p->b->class_of[byte];
        uint16_t c = head[ca];
        while (c != 0xffff && p->class_b[c] != cb)
            c = chain[c];
        if (c == 0xffff) {
            c = (uint16_t)n++;
            p->class_a[c] = ca;
            p->class_b[c] = cb;
            chain[c] = head[ca];
            head[ca] = c;
        }
        class_of[byte] = (uint8_t)c;
    }
    return n;
}

static size_t pair_hash(struct pair x)
{
    uint64_t h = ((uint64_t)x.a << 32 | x.b) * 0x9e3779b97f4a7c15u;
    return (size_t)(h ^ h >> 32);
}

static bool grow_slots(struct pairs *p)
{
    size_t n = p->n_slot ? p->n_slot * 2 : 2 * PAIRS_FIRST;
    uint32_t *slot = dfa_scratch(p->d.w, n, sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t s = 1; s < p->d.n_state; s++) {
        size_t i = pair_hash(p->pair[s]) & (n - 1);
        while (slot[i])
            i = (i + 1) & (n - 1);
        slot[i] = s;
    }
    mem_free(p->slot);
    p->slot = slot;
    p->n_slot = n;
    return true;
}

static uint8_t pair_flags(const struct pairs *p, struct pair x)
{
    uint8_t fa = p->a->flags[x.a], fb = p->b->flags[x.b];
    bool in_a = fa & DFA_ACCEPT, in_b = fb & DFA_ACCEPT;
    bool is_in = p->kind == PRODUCT_AND ? in_a && in_b
                 : p->kind == PRODUCT_OR ? in_a || in_b : in_a && !in_b;
    return (uint8_t)(((fa | fb) & DFA_CHAR) | (is_in ? DFA_ACCEPT : 0));
}

/* From such a pair nothing of the result can be reached. */
static bool is_pair_dead(const struct pairs *p, struct pair x)
{
    switch (p->kind) {
    case PRODUCT_AND: return x.a == DFA_DEAD || x.b == DFA_DEAD;
    case PRODUCT_OR: return x.a == DFA_DEAD && x.b == DFA_DEAD;
    case PRODUCT_MINUS: break;
    }
    return x.a == DFA_DEAD;
}

/* The state of a pair, made when it is new; DFA_DEAD also when the work has failed. */
static uint32_t pair_state(struct pairs *p, struct pair x)
{
    if (is_pair_dead(p, x))
        return DFA_DEAD;
    if ((size_t)p->d.n_state * 2 > p->n_slot && !grow_slots(p))
        return DFA_DEAD;
    size_t i = pair_hash(x) & (p->n_slot - 1);
    for (uint32_t s; (s = p->slot[i]) != 0; i = (i + 1) & (p->n_slot - 1))
        if (p->pair[s].a == x.a && p->pair[s].b == x.b) return s;
    uint32_t s = dfa_draft_add(&p->d, pair_flags(p, x));
    if (s == DFA_DEAD ||
        !dfa_grow(p->d.w, &p->pair, &p->pair_cap, (size_t)s + PAIRS_FIRST, sizeof *p->pair))
        return DFA_DEAD;
    p->pair[s] = x;
    p->slot[i] = s;
    return s;
}

static bool pairs_init(struct pairs *p, struct dfa_work *w, enum product kind,
                       const struct dfa *a, const struct dfa *b)
{
    *p = (struct pairs){.a = a, .b = b, .kind = kind};
    uint8_t class_of[256];
    uint32_t n_class = join_classes(p, class_of);
    dfa_draft_init(&p->d, w, class_of, n_class);
    return w->rc == ERR_OK && grow_slots(p);
}

/* Fills the row of state s; what it leads to is made. */
static void fill_row(struct pairs *p, uint32_t s)
{
    const uint32_t *row_a = p->a->next + (size_t)p->pair[s].a * p->a->n_class;
    const uint32_t *row_b = p->b->next + (size_t)p->pair[s].b * p->b->n_class;
    struct pair last = {DFA_DEAD, DFA_DEAD};
    uint32_t last_state = DFA_DEAD;
    for (uint32_t c = 0; c < p->d.n_class; c++) {
        struct pair x = {row_a[p->class_a[c]], row_b[p->class_b[c]]};
        if (x.a != last.a || x.b != last.b) {
            last = x;
            last_state = pair_state(p, x);
        }
        dfa_draft_row(&p->d, s)[c] = last_state;
    }
}

static void pairs_done(struct pairs *p)
{
    mem_free(p->pair);
    mem_free(p->slot);
    p->pair = NULL;
    p->slot = NULL;
}

static const struct dfa *product(struct dfa_work *w, enum product kind, const struct dfa *a,
                                 const struct dfa *b)
{
    if (w->rc != ERR_OK)
        return NULL;
    struct pairs p;
    uint32_t start = DFA_DEAD;
    if (pairs_init(&p, w, kind, a, b)) {
        start = pair_state(&p, (struct pair){a->start, b->start});
        for (uint32_t s = 1; s < p.d.n_state && w->rc == ERR_OK; s++)
            fill_row(&p, s);
    }
    pairs_done(&p);
    return dfa_draft_finish(&p.d, start);
}

const struct dfa *dfa_and(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    return product(w, PRODUCT_AND, a, b);
}

const struct dfa *dfa_or(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    return product(w, PRODUCT_OR, a, b);
}

const struct dfa *dfa_minus(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    return product(w, PRODUCT_MINUS, a, b);
}

bool dfa_is_subset(struct dfa_work *w, const struct dfa *a, const struct dfa *b)
{
    if (w->rc != ERR_OK)
        return false;
    struct pairs p;
    bool is_within = true;
    if (pairs_init(&p, w, PRODUCT_MINUS, a, b)) {
        pair_state(&p, (struct pair){a->start, b->start});
        /* Every state of a can be finished, so a pair that b has left is a counterexample. */
        for (uint32_t s = 1; s < p.d.n_state && is_within && w->rc == ERR_OK; s++) {
            is_within = p.pair[s].b != DFA_DEAD && !(p.d.flags[s] & DFA_ACCEPT);
            if (is_within)
                fill_row(&p, s);
        }
    }
    pairs_done(&p);
    dfa_draft_done(&p.d);
    return is_within && w->rc == ERR_OK;
}
