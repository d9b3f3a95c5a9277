/* SPDX-License-Identifier: Apache-2.0
 *
 * Two automata run side by side: intersection, union, difference, and the test for a subset. Only
 * pairs of states that can be reached are made, and only those that can matter to the result.
 * DFA_CHAR is set where either operand has it.
 */
#include "grammar/dfa_internal.h"

enum product { PRODUCT_AND, PRODUCT_OR, PRODUCT_MINUS };

struct pair { uint32_t a, b; };

struct pairs {
    const struct dfa *a, *b;
    enum product kind;
    struct dfa_draft d;
    struct dfa_index index;                    /* by pair_key */
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

static uint64_t pair_key(struct pair x)
{
    return (uint64_t)x.a << 32 | x.b;
}

static struct pair pair_of(const struct pairs *p, uint32_t state)
{
    uint64_t key = p->index.key[state];
    return (struct pair){(uint32_t)(key >> 32), (uint32_t)key};
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
    uint32_t s = dfa_index_find(&p->index, pair_key(x));
    return s != DFA_DEAD ? s : dfa_index_add(&p->index, pair_key(x), pair_flags(p, x));
}

static void pairs_init(struct pairs *p, struct dfa_work *w, enum product kind,
                       const struct dfa *a, const struct dfa *b)
{
    *p = (struct pairs){.a = a, .b = b, .kind = kind};
    uint8_t class_of[256];
    uint32_t n_class = join_classes(p, class_of);
    dfa_draft_init(&p->d, w, class_of, n_class);
    dfa_index_init(&p->index, &p->d);
}

/* Fills the row of state s; what it leads to is made. */
static void fill_row(struct pairs *p, uint32_t s)
{
    struct pair from = pair_of(p, s);
    const uint32_t *row_a = p->a->next + (size_t)from.a * p->a->n_class;
    const uint32_t *row_b = p->b->next + (size_t)from.b * p->b->n_class;
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

static const struct dfa *product(struct dfa_work *w, enum product kind, const struct dfa *a,
                                 const struct dfa *b)
{
    if (w->rc != ERR_OK)
        return NULL;
    struct pairs p;
    pairs_init(&p, w, kind, a, b);
    uint32_t start = pair_state(&p, (struct pair){a->start, b->start});
    for (uint32_t s = 1; s < p.d.n_state && w->rc == ERR_OK; s++)
        fill_row(&p, s);
    dfa_index_done(&p.index);
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
    pairs_init(&p, w, PRODUCT_MINUS, a, b);
    pair_state(&p, (struct pair){a->start, b->start});
    /* Every state of a can be finished, so a pair that b has left is a counterexample. */
    for (uint32_t s = 1; s < p.d.n_state && is_within && w->rc == ERR_OK; s++) {
        is_within = pair_of(&p, s).b != DFA_DEAD && !(p.d.flags[s] & DFA_ACCEPT);
        if (is_within)
            fill_row(&p, s);
    }
    dfa_index_done(&p.index);
    dfa_draft_done(&p.d);
    return is_within && w->rc == ERR_OK;
}
