/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms: intersection, union, difference, and "exactly one of". Differences are taken shape by
 * shape, and only between shapes that may overlap: most oneOf branches differ in a member, so
 * nothing has to be taken away.
 */
#include "schema/norm.h"

struct shape *shape_new(struct norm *c, enum shape_type type)
{
    struct shape *s = norm_new(c, struct shape);
    s->type = type;
    switch (type) {
    case SHAPE_NUMBER: break;
    case SHAPE_STRING: s->string.n_max = COUNT_UNBOUNDED; break;
    case SHAPE_ARRAY:
        s->array.rest = c->true_state;
        s->array.n_max = COUNT_UNBOUNDED;
        break;
    case SHAPE_OBJECT:
        s->object.rest = c->true_state;
        s->object.n_max = COUNT_UNBOUNDED;
        break;
    case SHAPE_COUNT: break;
    }
    (void)norm_count(c);
    return s;
}

struct shape *shape_copy(struct norm *c, const struct shape *s)
{
    struct shape *copy = norm_new(c, struct shape);
    *copy = *s;
    (void)norm_count(c);
    return copy;
}

void shapes_add(struct norm *c, struct shapes *l, const struct shape *s)
{
    if (!s || c->rc) return;
    for (uint32_t i = 0; i < l->n && i < 32; i++)
        if (l->v[i] == s) return;
    if (l->n == FORM_SHAPES_MAX) {
        (void)norm_fail(c, ERR_LIMIT, "limit", c->at, NULL,
                        "the schema has a part with more than %d alternatives", FORM_SHAPES_MAX);
        return;
    }
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 4;
        const struct shape **more = norm_alloc(c, cap, sizeof *more);
        if (c->rc) return;
        if (l->n) memcpy(more, l->v, l->n * sizeof *more);
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = s;
}

const struct form *form_of(struct norm *c, bool null, unsigned bools, const struct shapes *s)
{
    struct form *f = norm_new(c, struct form);
    *f = (struct form){.null = null, .bools = bools, .n = s->n, .shape = s->v};
    return c->rc ? NULL : f;
}

bool form_is_empty(const struct form *f) { return !f->null && !f->bools && f->n == 0; }

bool form_is_refused(const struct form *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->shape[i]->refused_at) return true;
    return false;
}

/* ---- shapes ---- */

const struct shape *shape_and(struct norm *c, const struct shape *a, const struct shape *b)
{
    if (a == b || b == c->any[b->type]) return a->type == b->type ? a : NULL;
    if (a->type != b->type || c->rc) return NULL;
    if (a == c->any[a->type]) return b;
    const struct shape *s = NULL;
    switch (a->type) {
    case SHAPE_NUMBER: s = number_and(c, a, b); break;
    case SHAPE_STRING: s = string_and(c, a, b); break;
    case SHAPE_ARRAY: s = array_and(c, a, b); break;
    case SHAPE_OBJECT: s = object_and(c, a, b); break;
    case SHAPE_COUNT: break;
    }
    if (!s || s->refused_at || (!a->refused_at && !b->refused_at)) return s;
    struct shape *marked = shape_copy(c, s);
    marked->refused = a->refused_at ? a->refused : b->refused;
    marked->refused_at = a->refused_at ? a->refused_at : b->refused_at;
    return marked;
}

bool shape_is_disjoint(struct norm *c, const struct shape *a, const struct shape *b)
{
    if (a->type != b->type) return true;
    if (a == b || a == c->any[a->type] || b == c->any[b->type] || c->rc) return false;
    if (a->type == SHAPE_OBJECT && object_is_disjoint(c, &a->object, &b->object)) return true;
    return a->type != SHAPE_OBJECT && !shape_and(c, a, b);
}

/* What is of its type and not in s. */
static void shape_not(struct norm *c, const struct shape *s, struct shapes *out)
{
    if (s == c->any[s->type]) return;
    if (s->refused_at) { /* it holds too much, so its complement too little */
        struct shape *any = shape_copy(c, c->any[s->type]);
        any->refused = s->refused;
        any->refused_at = s->refused_at;
        shapes_add(c, out, any);
        return;
    }
    switch (s->type) {
    case SHAPE_NUMBER: number_not(c, s, out); break;
    case SHAPE_STRING: string_not(c, s, out); break;
    case SHAPE_ARRAY: array_not(c, s, out); break;
    case SHAPE_OBJECT: object_not(c, s, out); break;
    case SHAPE_COUNT: break;
    }
}

/* from without s; the same list when they have nothing in common. */
static struct shapes shapes_minus(struct norm *c, struct shapes from, const struct shape *s)
{
    struct shapes not_s = {0}, out = {0};
    uint32_t first = 0;
    while (first < from.n && shape_is_disjoint(c, from.v[first], s)) first++;
    if (first == from.n) return from;
    shape_not(c, s, &not_s);
    for (uint32_t i = 0; i < from.n && !c->rc; i++) {
        if (i < first || (i > first && shape_is_disjoint(c, from.v[i], s))) {
            shapes_add(c, &out, from.v[i]);
            continue;
        }
        for (uint32_t j = 0; j < not_s.n && !c->rc; j++)
            shapes_add(c, &out, shape_and(c, from.v[i], not_s.v[j]));
    }
    return out;
}

/* ---- forms ---- */

const struct form *form_and(struct norm *c, const struct form *a, const struct form *b)
{
    if (!a || !b || c->rc) return NULL;
    if (a == b || b == c->full) return a;
    if (a == c->full) return b;
    struct shapes out = {0};
    for (uint32_t i = 0; i < a->n; i++)
        for (uint32_t j = 0; j < b->n; j++)
            if (a->shape[i]->type == b->shape[j]->type)
                shapes_add(c, &out, shape_and(c, a->shape[i], b->shape[j]));
    return form_of(c, a->null && b->null, a->bools & b->bools, &out);
}

/* What unions gather: whether a type is taken whole, and shapes of exact values. */
struct gathered {
    bool has_any[SHAPE_COUNT];
    uint32_t n_finite[SHAPE_COUNT];
};

static const struct strs *finite_values(const struct shape *s)
{
    if (s->refused_at) return NULL;
    if (s->type == SHAPE_NUMBER) return s->number.is_finite ? &s->number.value : NULL;
    return s->type == SHAPE_STRING && s->string.is_finite ? &s->string.value : NULL;
}

struct strs form_values(struct norm *c, const struct form *const *f, uint32_t n,
                        enum shape_type type)
{
    struct strs all = {NULL, 0};
    size_t n_value = 0;
    for (int pass = 0; pass < 2; pass++) {
        str *v = pass ? norm_alloc(c, n_value, sizeof *v) : NULL;
        for (uint32_t i = 0; i < n && !c->rc; i++)
            for (uint32_t j = 0; j < f[i]->n; j++) {
                const struct strs *one = finite_values(f[i]->shape[j]);
                if (!one || f[i]->shape[j]->type != type) continue;
                if (v) memcpy(v + all.n, one->v, one->n * sizeof *v);
                if (v) all.n += one->n;
                n_value += one->n;
            }
        all.v = v;
    }
    return all;
}

/* All exact values of a type as one shape. */
static void add_finite(struct norm *c, struct shapes *out, const struct form *const *f, uint32_t n,
                       enum shape_type type)
{
    struct strs all = form_values(c, f, n, type);
    struct shape *s = shape_new(c, type);
    if (type == SHAPE_NUMBER) {
        s->number.is_finite = true;
        s->number.value = all;
    } else {
        s->string.is_finite = true;
        s->string.value = strs_sorted(c, all);
    }
    shapes_add(c, out, s);
}

static struct gathered gather(const struct norm *c, const struct form *const *f, uint32_t n)
{
    struct gathered g = {0};
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < f[i]->n; j++) {
            const struct shape *s = f[i]->shape[j];
            g.has_any[s->type] |= s == c->any[s->type] && !c->has_unevaluated;
            g.n_finite[s->type] += finite_values(s) != NULL;
        }
    return g;
}

/* Where unevaluated* is kept track of, an alternative that holds more may have looked at less, so
 * "any" swallows nothing. */
const struct form *form_any_of(struct norm *c, const struct form *const *f, uint32_t n)
{
    struct shapes out = {0};
    bool null = false;
    unsigned bools = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!f[i] || c->rc) return NULL;
        if (f[i] == c->full && !c->has_unevaluated) return c->full;
        null |= f[i]->null;
        bools |= f[i]->bools;
    }
    struct gathered g = gather(c, f, n);
    for (enum shape_type t = 0; t < SHAPE_COUNT; t++) {
        if (g.has_any[t])
            shapes_add(c, &out, c->any[t]);
        else if (g.n_finite[t] > 1)
            add_finite(c, &out, f, n, t);
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < f[i]->n; j++) {
            const struct shape *s = f[i]->shape[j];
            if (!g.has_any[s->type] && !(g.n_finite[s->type] > 1 && finite_values(s)))
                shapes_add(c, &out, s);
        }
    return form_of(c, null, bools, &out);
}

const struct form *form_or(struct norm *c, const struct form *a, const struct form *b)
{
    const struct form *both[] = {a, b};
    if (!a || !b || c->rc) return NULL;
    if (a == b || form_is_empty(b)) return a;
    return form_is_empty(a) ? b : form_any_of(c, both, 2);
}

static struct shapes shapes_of(struct norm *c, const struct form *f)
{
    struct shapes out = {0};
    for (uint32_t i = 0; i < f->n; i++) shapes_add(c, &out, f->shape[i]);
    return out;
}

static struct shapes without(struct norm *c, struct shapes from, const struct form *f)
{
    for (uint32_t j = 0; j < f->n && from.n && !c->rc; j++)
        from = shapes_minus(c, from, f->shape[j]);
    return from;
}

const struct form *form_minus(struct norm *c, const struct form *a, const struct form *b)
{
    if (!a || !b || c->rc) return NULL;
    struct shapes out = without(c, shapes_of(c, a), b);
    return form_of(c, a->null && !b->null, a->bools & ~b->bools, &out);
}

const struct form *form_one_of(struct norm *c, const struct form *const *f, uint32_t n,
                               uint32_t n_max)
{
    uint32_t n_null = 0, n_false = 0, n_true = 0;
    struct shapes out = {0};
    for (uint32_t i = 0; i < n; i++) {
        n_null += f[i]->null;
        n_false += (f[i]->bools & BOOL_FALSE) != 0;
        n_true += (f[i]->bools & BOOL_TRUE) != 0;
    }
    for (uint32_t i = 0; i < n && !c->rc; i++) {
        struct shapes one = shapes_of(c, f[i]);
        for (uint32_t j = 0; j < n && !c->rc; j++) {
            if (j != i) one = without(c, one, f[j]);
            if (out.n + one.n > n_max) return NULL;
        }
        for (uint32_t k = 0; k < one.n; k++) shapes_add(c, &out, one.v[k]);
    }
    unsigned bools = (n_false == 1 ? BOOL_FALSE : 0) | (n_true == 1 ? BOOL_TRUE : 0);
    return form_of(c, n_null == 1, bools, &out);
}
