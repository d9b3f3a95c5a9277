/* SPDX-License-Identifier: Apache-2.0
 *
 * unevaluatedProperties and unevaluatedItems. Every shape carries what the keywords that made it
 * have looked at; intersections add it up, complements know nothing, as the standard has it.
 * A value of several anyOf branches has been looked at by all of them, so their intersections
 * become alternatives of their own: each alternative then says exactly what it leaves over, or
 * less than another one does that holds the same value.
 */
#include "schema/norm.h"

void evaluated_properties(struct norm *c, const struct node *n, struct object_shape *o)
{
    const struct json *map = kw(n, KW_PROPERTIES);
    if (!c->has_unevaluated) return;
    struct evaluated *e = &o->evaluated;
    str *name = norm_alloc(c, map ? map->n : 0, sizeof *name);
    for (uint32_t i = 0; map && i < map->n && !c->rc; i++) name[e->name.n++] = map->member[i].key;
    e->name.v = name;
    e->all = kw(n, KW_ADDITIONAL_PROPERTIES) != NULL;
    if (o->n_group) {
        e->pattern = o->group[0].pattern;
        e->n_pattern = o->group[0].n;
    }
}

void evaluated_items(struct norm *c, const struct node *n, struct array_shape *a)
{
    const struct json *items = kw(n, KW_ITEMS);
    if (!c->has_unevaluated) return;
    bool is_list = items && items->type == JSON_ARRAY;
    a->evaluated.n_item = a->n_prefix;
    a->evaluated.all = (items && !is_list) || (is_list && kw(n, KW_ADDITIONAL_ITEMS));
    a->evaluated.is_unclear = kw(n, KW_CONTAINS) != NULL;
}

void evaluated_join(struct norm *c, struct evaluated *e, const struct evaluated *other)
{
    e->all |= other->all;
    e->is_unclear |= other->is_unclear;
    e->n_item = other->n_item > e->n_item ? other->n_item : e->n_item;
    if (other->name.n) e->name = strs_join(c, e->name, other->name);
    if (e->n_pattern && other->n_pattern && e->pattern != other->pattern) {
        struct pattern *p = norm_alloc(c, (size_t)e->n_pattern + other->n_pattern, sizeof *p);
        if (c->rc) return;
        memcpy(p, e->pattern, e->n_pattern * sizeof *p);
        memcpy(p + e->n_pattern, other->pattern, other->n_pattern * sizeof *p);
        e->pattern = p;
        e->n_pattern += other->n_pattern;
    } else if (other->n_pattern) {
        e->pattern = other->pattern;
        e->n_pattern = other->n_pattern;
    }
}

/* Alternatives: all intersections of the forms. */
const struct form *form_some_of(struct norm *c, const struct form *const *f, uint32_t n)
{
    struct shapes out = {0};
    bool null = false;
    unsigned bools = 0;
    for (uint32_t i = 0; i < n && !c->rc; i++) {
        uint32_t n_before = out.n;
        null |= f[i]->null;
        bools |= f[i]->bools;
        for (uint32_t j = 0; j < f[i]->n; j++) {
            shapes_add(c, &out, f[i]->shape[j]);
            for (uint32_t k = 0; k < n_before && !c->rc; k++)
                if (out.v[k]->type == f[i]->shape[j]->type)
                    shapes_add(c, &out, shape_and(c, out.v[k], f[i]->shape[j]));
        }
    }
    return form_of(c, null, bools, &out);
}

/* All members that nothing has looked at are in `left`. */
static const struct shape *left_members(struct norm *c, const struct shape *s, struct state *left)
{
    struct shape *t = shape_copy(c, s);
    struct object_shape *o = &t->object;
    struct evaluated *e = &o->evaluated;
    struct strs names = strs_sorted(c, e->name);
    struct property *p = norm_alloc(c, o->n_property, sizeof *p);
    for (uint32_t i = 0; i < o->n_property && !c->rc; i++) {
        bool is_seen = strs_has(names, o->property[i].name);
        for (uint32_t k = 0; k < e->n_pattern && !is_seen; k++)
            is_seen = dfa_match(e->pattern[k].key, o->property[i].name);
        p[i] = o->property[i];
        p[i].state = is_seen ? p[i].state : state_and(c, p[i].state, left);
    }
    o->property = p;
    if (e->n_pattern) {
        struct key_group *g = norm_alloc(c, (size_t)o->n_group + 1, sizeof *g);
        struct pattern *seen = norm_alloc(c, e->n_pattern, sizeof *seen);
        for (uint32_t k = 0; k < e->n_pattern && !c->rc; k++)
            seen[k] = (struct pattern){e->pattern[k].key, c->true_state};
        for (uint32_t k = 0; k < o->n_group && !c->rc; k++) g[k] = o->group[k];
        g[o->n_group] = (struct key_group){seen, e->n_pattern, left};
        o->group = g;
        o->n_group++;
    } else {
        o->rest = state_and(c, o->rest, left);
    }
    *e = (struct evaluated){.all = true};
    o->has_additional = true;
    return object_check(c, t);
}

static const struct shape *left_items(struct norm *c, const struct shape *s, struct state *left)
{
    struct shape *t = shape_copy(c, s);
    struct array_shape *a = &t->array;
    uint32_t n = a->n_prefix;
    if (a->n_max > n && a->evaluated.n_item > n)
        n = a->evaluated.n_item < a->n_max ? a->evaluated.n_item : a->n_max;
    struct state **prefix = norm_alloc(c, n, sizeof(struct state *));
    for (uint32_t i = 0; i < n && !c->rc; i++) {
        prefix[i] = i < a->n_prefix ? a->prefix[i] : a->rest;
        if (i >= a->evaluated.n_item) prefix[i] = state_and(c, prefix[i], left);
    }
    a->prefix = prefix;
    a->n_prefix = n;
    a->rest = state_and(c, a->rest, left);
    a->evaluated = (struct evaluated){.all = true};
    return array_check(c, t);
}

/* Marks what cannot be enforced. */
static const struct shape *refuse(struct norm *c, const struct node *n, const struct shape *s,
                                  enum keyword k)
{
    struct shape *t = shape_copy(c, s);
    if (!t->refused_at) {
        t->refused = keyword_name[k];
        t->refused_at = n->at;
    }
    return t;
}

static const struct shape *apply(struct norm *c, const struct node *n, const struct shape *s)
{
    bool is_object = s->type == SHAPE_OBJECT;
    enum keyword k = is_object ? KW_UNEVALUATED_PROPERTIES : KW_UNEVALUATED_ITEMS;
    const struct evaluated *e = is_object ? &s->object.evaluated : &s->array.evaluated;
    if ((!is_object && s->type != SHAPE_ARRAY) || !kw(n, k) || e->all) return s;
    struct state *left = state_of(c, kw(n, k), false);
    if (e->is_unclear && left != c->true_state) return refuse(c, n, s, k);
    return is_object ? left_members(c, s, left) : left_items(c, s, left);
}

const struct form *form_unevaluated(struct norm *c, const struct node *n, const struct form *f)
{
    struct shapes out = {0};
    if (!kw(n, KW_UNEVALUATED_PROPERTIES) && !kw(n, KW_UNEVALUATED_ITEMS)) return f;
    for (uint32_t i = 0; i < f->n && !c->rc; i++)
        shapes_add(c, &out,
                   c->has_unevaluated ? apply(c, n, f->shape[i])
                                      : refuse(c, n, f->shape[i], KW_REF));
    return form_of(c, f->null, f->bools, &out);
}
