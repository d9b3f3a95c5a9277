/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of arrays: a prefix of states, one state for the rest, counts, and contains.
 */
#include "schema/norm.h"

#define EMPTY_ITEMS_MAX 16 /* required items that are asked whether they can exist */

static struct state *item_state(const struct array_shape *a, uint32_t i)
{
    return i < a->n_prefix ? a->prefix[i] : a->rest;
}

/* May some item count for k? */
static bool can_match(struct norm *c, const struct array_shape *a, const struct contains *k)
{
    for (uint32_t i = k->from; i < a->n_prefix; i++)
        if (state_and(c, a->prefix[i], k->state) != c->false_state) return true;
    return a->n_max > a->n_prefix && !state_is_empty(c, state_and(c, a->rest, k->state));
}

/* The same items were meant before: their numbers hold together. */
static bool is_merged(struct contains *known, uint32_t n, const struct contains *k)
{
    for (uint32_t i = 0; i < n; i++) {
        if (known[i].state != k->state || known[i].from != k->from) continue;
        if (k->n_min > known[i].n_min) known[i].n_min = k->n_min;
        if (k->n_max < known[i].n_max) known[i].n_max = k->n_max;
        return true;
    }
    return false;
}

/* Drops a contains that says nothing; false: it cannot hold. */
static bool check_contains(struct norm *c, struct array_shape *a)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->n_contains; i++) {
        struct contains *k = &a->contains[i];
        if (k->state == c->true_state) { /* all items from there on match */
            if (k->n_min > 0 && (k->n_min > COUNT_UNBOUNDED - 1 - k->from)) return false;
            uint32_t low = k->n_min ? k->from + k->n_min : 0;
            a->n_min = low > a->n_min ? low : a->n_min;
            uint32_t high =
                k->n_max < COUNT_UNBOUNDED - k->from ? k->from + k->n_max : COUNT_UNBOUNDED;
            a->n_max = high < a->n_max ? high : a->n_max;
        } else if (k->state == c->false_state) {
            if (k->n_min > 0) return false;
        } else if ((k->n_min > 0 || k->n_max != COUNT_UNBOUNDED) && !is_merged(a->contains, n, k)) {
            a->contains[n++] = *k;
        }
    }
    a->n_contains = n;
    return true;
}

const struct shape *array_check(struct norm *c, struct shape *s)
{
    struct array_shape *a = &s->array;
    if (c->rc || !check_contains(c, a)) return NULL;
    if (a->rest == c->false_state && a->n_max > a->n_prefix) a->n_max = a->n_prefix;
    for (uint32_t i = 0; i < a->n_prefix && i < a->n_max; i++)
        if (a->prefix[i] == c->false_state) a->n_max = i;
    if (a->n_prefix >= a->n_max) {
        a->n_prefix = a->n_max;
        a->rest = c->false_state;
    }
    if (a->n_min > a->n_max) return NULL;
    for (uint32_t i = 0; i < a->n_contains; i++) {
        const struct contains *k = &a->contains[i];
        if (k->n_min > k->n_max || k->n_min > (a->n_max > k->from ? a->n_max - k->from : 0))
            return NULL;
        if (k->n_min > 0 && !can_match(c, a, k)) return NULL;
    }
    uint32_t n = a->n_min < a->n_prefix + 1 ? a->n_min : a->n_prefix + 1;
    for (uint32_t i = 0; i < n && i < EMPTY_ITEMS_MAX; i++)
        if (item_state(a, i)->n > 1 && state_is_empty(c, item_state(a, i))) return NULL;
    return s;
}

const struct shape *array_and(struct norm *c, const struct shape *a, const struct shape *b)
{
    const struct array_shape *x = &a->array, *y = &b->array;
    struct shape *s = shape_copy(c, a);
    struct array_shape *z = &s->array;
    z->n_prefix = x->n_prefix > y->n_prefix ? x->n_prefix : y->n_prefix;
    z->prefix = norm_alloc(c, z->n_prefix, sizeof(struct state *));
    for (uint32_t i = 0; i < z->n_prefix && !c->rc; i++)
        z->prefix[i] = state_and(c, item_state(x, i), item_state(y, i));
    z->rest = state_and(c, x->rest, y->rest);
    z->n_min = x->n_min > y->n_min ? x->n_min : y->n_min;
    z->n_max = x->n_max < y->n_max ? x->n_max : y->n_max;
    z->unique = x->unique ? x->unique : y->unique;
    evaluated_join(c, &z->evaluated, &y->evaluated);
    z->n_contains = x->n_contains + y->n_contains;
    z->contains = norm_alloc(c, z->n_contains, sizeof *z->contains);
    if (c->rc) return NULL;
    if (x->n_contains) memcpy(z->contains, x->contains, x->n_contains * sizeof *z->contains);
    if (y->n_contains)
        memcpy(z->contains + x->n_contains, y->contains, y->n_contains * sizeof *z->contains);
    return array_check(c, s);
}

/* Some item from `from` on is outside one of the state's refs. */
static void not_items(struct norm *c, struct state *items, uint32_t from, struct shapes *out)
{
    for (uint32_t i = 0; i < items->n; i++) {
        struct shape *t = shape_new(c, SHAPE_ARRAY);
        struct contains *k = norm_new(c, struct contains);
        *k = (struct contains){state_of_ref(c, items->ref[i] ^ REF_NOT),
                               from,
                               1,
                               COUNT_UNBOUNDED,
                               c->minus_at,
                               c->minus_keyword};
        t->array.contains = k;
        t->array.n_contains = 1;
        shapes_add(c, out, array_check(c, t));
    }
}

static void not_item(struct norm *c, struct state *item, uint32_t at, struct shapes *out)
{
    for (uint32_t i = 0; i < item->n; i++) {
        struct shape *t = shape_new(c, SHAPE_ARRAY);
        t->array.n_prefix = at + 1;
        t->array.prefix = norm_alloc(c, at + 1, sizeof(struct state *));
        for (uint32_t k = 0; k < at && !c->rc; k++) t->array.prefix[k] = c->true_state;
        if (!c->rc) t->array.prefix[at] = state_of_ref(c, item->ref[i] ^ REF_NOT);
        t->array.n_min = at + 1;
        shapes_add(c, out, array_check(c, t));
    }
}

static void not_counts(struct norm *c, uint32_t n_min, uint32_t n_max, struct shapes *out)
{
    if (n_min > 0) {
        struct shape *t = shape_new(c, SHAPE_ARRAY);
        t->array.n_max = n_min - 1;
        shapes_add(c, out, array_check(c, t));
    }
    if (n_max != COUNT_UNBOUNDED) {
        struct shape *t = shape_new(c, SHAPE_ARRAY);
        t->array.n_min = n_max + 1;
        shapes_add(c, out, array_check(c, t));
    }
}

static void not_contains(struct norm *c, const struct contains *k, struct shapes *out)
{
    for (int side = 0; side < 2; side++) {
        bool is_below = side == 0;
        if (is_below ? k->n_min == 0 : k->n_max == COUNT_UNBOUNDED) continue;
        struct shape *t = shape_new(c, SHAPE_ARRAY);
        struct contains *not_k = norm_new(c, struct contains);
        *not_k = *k;
        not_k->n_min = is_below ? 0 : k->n_max + 1;
        not_k->n_max = is_below ? k->n_min - 1 : COUNT_UNBOUNDED;
        t->array.contains = not_k;
        t->array.n_contains = 1;
        shapes_add(c, out, array_check(c, t));
    }
}

void array_not(struct norm *c, const struct shape *s, struct shapes *out)
{
    const struct array_shape *a = &s->array;
    not_counts(c, a->n_min, a->n_max, out);
    for (uint32_t i = 0; i < a->n_prefix; i++) not_item(c, a->prefix[i], i, out);
    if (a->rest != c->false_state) /* then the count says it */
        not_items(c, a->rest, a->n_prefix, out);
    for (uint32_t i = 0; i < a->n_contains; i++) not_contains(c, &a->contains[i], out);
    if (a->unique) {
        struct shape *t = shape_new(c, SHAPE_ARRAY);
        t->array.n_min = 2;
        t->refused = keyword_name[KW_UNIQUE_ITEMS];
        t->refused_at = a->unique;
        shapes_add(c, out, t);
    }
}
