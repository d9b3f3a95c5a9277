/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of objects. Named members are resolved when shapes meet: a name that either side knows
 * gets what both say of it. All other members stay under rest, the key groups and names.
 */
#include "schema/norm.h"

#include "base/hash.h"

#define SMALL_OBJECT 12 /* properties searched one by one up to here */

static uint32_t index_cap(const struct object_shape *o)
{
    uint32_t cap = 16;
    while (cap < o->n_property * 2) cap *= 2;
    return cap;
}

void property_index(struct norm *c, struct object_shape *o)
{
    o->index = NULL;
    if (o->n_property <= SMALL_OBJECT || c->rc) return;
    uint32_t cap = index_cap(o);
    o->index = norm_alloc(c, cap, sizeof *o->index);
    for (uint32_t i = 0; i < o->n_property && !c->rc; i++) {
        uint32_t at = (uint32_t)hash_str(o->property[i].name) & (cap - 1);
        while (o->index[at]) at = (at + 1) & (cap - 1);
        o->index[at] = i + 1;
    }
}

const struct property *property_find(const struct object_shape *o, str name)
{
    if (!o->index) {
        for (uint32_t i = 0; i < o->n_property; i++)
            if (str_eq(o->property[i].name, name)) return &o->property[i];
        return NULL;
    }
    uint32_t cap = index_cap(o), at = (uint32_t)hash_str(name) & (cap - 1);
    for (; o->index[at]; at = (at + 1) & (cap - 1))
        if (str_eq(o->property[o->index[at] - 1].name, name)) return &o->property[o->index[at] - 1];
    return NULL;
}

static struct state *group_state(struct norm *c, const struct key_group *g, str name)
{
    struct state *s = c->true_state;
    bool is_matched = false;
    for (uint32_t i = 0; i < g->n; i++)
        if (dfa_match(g->pattern[i].key, name)) {
            is_matched = true;
            s = state_and(c, s, g->pattern[i].state);
        }
    return is_matched ? s : g->other;
}

struct state *object_key_state(struct norm *c, const struct object_shape *o, str name)
{
    if (o->names && !dfa_match(o->names, name)) return c->false_state;
    struct state *s = o->rest;
    for (uint32_t i = 0; i < o->n_group; i++)
        s = state_and(c, s, group_state(c, &o->group[i], name));
    return s;
}

static struct state *name_state(struct norm *c, const struct object_shape *o, str name)
{
    const struct property *p = property_find(o, name);
    return p ? p->state : object_key_state(c, o, name);
}

static bool exists_can_hold(struct norm *c, const struct object_shape *o)
{
    if (o->rest != c->false_state) return true;
    for (uint32_t i = 0; i < o->n_exists; i++) {
        const struct exists *x = &o->exists[i];
        bool found = false;
        for (uint32_t j = 0; j < o->n_property && !found; j++) {
            const struct property *p = &o->property[j];
            found = p->state != c->false_state && !strs_has(x->not_name, p->name) &&
                    (!x->key || dfa_match(x->key, p->name));
        }
        if (!found) return false;
    }
    return true;
}

const struct shape *object_check(struct norm *c, struct shape *s)
{
    struct object_shape *o = &s->object;
    uint32_t n_required = 0, n_possible = 0;
    for (uint32_t i = 0; i < o->n_property; i++) {
        const struct property *p = &o->property[i];
        n_required += p->is_required;
        n_possible += p->state != c->false_state;
        if (p->is_required && p->state == c->false_state) return NULL;
    }
    if (n_required > o->n_min) o->n_min = n_required;
    if (o->rest == c->false_state) {
        o->n_group = 0;
        if (o->n_max > n_possible) o->n_max = n_possible;
    }
    if (c->rc || o->n_min > o->n_max || !exists_can_hold(c, o)) return NULL;
    property_index(c, o);
    return c->rc ? NULL : s;
}

static bool shares_text(struct strs a, struct strs b)
{
    for (uint32_t i = 0; i < a.n; i++)
        if (strs_has(b, a.v[i])) return true;
    return false;
}

/* Certain, and cheap, for what tells most branches of a oneOf apart: exact strings. */
static bool are_apart(struct norm *c, struct state *a, struct state *b)
{
    if (state_is_empty(c, a) || state_is_empty(c, b)) return true;
    if (!a->form || !b->form || a->form->n != 1 || b->form->n != 1) return false;
    const struct shape *x = a->form->shape[0], *y = b->form->shape[0];
    bool is_exact = x->type == SHAPE_STRING && y->type == SHAPE_STRING && x->string.is_finite &&
                    y->string.is_finite && !a->form->null && !a->form->bools;
    if (!is_exact) return false;
    return x->string.value.n < y->string.value.n ? !shares_text(x->string.value, y->string.value)
                                                 : !shares_text(y->string.value, x->string.value);
}

/* Both ways: a member that one requires, and that the other cannot have with that value. */
static bool required_clash(struct norm *c, const struct object_shape *a,
                           const struct object_shape *b)
{
    for (uint32_t i = 0; i < a->n_property && !c->rc; i++) {
        const struct property *p = &a->property[i];
        if (!p->is_required) continue;
        struct state *other = name_state(c, b, p->name);
        if (other == c->true_state || other == p->state) continue;
        if (are_apart(c, p->state, other) || state_is_empty(c, state_and(c, p->state, other)))
            return true;
    }
    return false;
}

bool object_is_disjoint(struct norm *c, const struct object_shape *a, const struct object_shape *b)
{
    return a->n_min > b->n_max || b->n_min > a->n_max || required_clash(c, a, b) ||
           required_clash(c, b, a);
}

/* Appends the groups and existence claims of b to those of a. */
static void join_lists(struct norm *c, struct object_shape *o, const struct object_shape *b)
{
    if (b->n_group && o->n_group) {
        struct key_group *g = norm_alloc(c, (size_t)o->n_group + b->n_group, sizeof *g);
        uint32_t n = o->n_group;
        if (c->rc) return;
        memcpy(g, o->group, n * sizeof *g);
        for (uint32_t i = 0; i < b->n_group; i++) {
            bool is_known = false;
            for (uint32_t k = 0; k < o->n_group; k++)
                is_known |= g[k].pattern == b->group[i].pattern && g[k].other == b->group[i].other;
            if (!is_known) g[n++] = b->group[i];
        }
        o->group = g;
        o->n_group = n;
    } else if (b->n_group) {
        o->group = b->group;
        o->n_group = b->n_group;
    }
    if (b->n_exists) {
        struct exists *x = norm_alloc(c, (size_t)o->n_exists + b->n_exists, sizeof *x);
        if (c->rc) return;
        if (o->n_exists) memcpy(x, o->exists, o->n_exists * sizeof *x);
        memcpy(x + o->n_exists, b->exists, b->n_exists * sizeof *x);
        o->exists = x;
        o->n_exists += b->n_exists;
    }
}

static void join_properties(struct norm *c, struct object_shape *o, const struct object_shape *a,
                            const struct object_shape *b)
{
    o->property = norm_alloc(c, (size_t)a->n_property + b->n_property, sizeof *o->property);
    o->n_property = 0;
    for (uint32_t i = 0; i < a->n_property && !c->rc; i++) {
        struct property p = a->property[i];
        const struct property *q = property_find(b, p.name);
        p.state = state_and(c, p.state, q ? q->state : object_key_state(c, b, p.name));
        p.is_required |= q && q->is_required;
        p.is_declared |= q && q->is_declared;
        o->property[o->n_property++] = p;
    }
    for (uint32_t i = 0; i < b->n_property && !c->rc; i++) {
        struct property p = b->property[i];
        if (property_find(a, p.name)) continue;
        p.state = state_and(c, p.state, object_key_state(c, a, p.name));
        o->property[o->n_property++] = p;
    }
}

const struct shape *object_and(struct norm *c, const struct shape *a, const struct shape *b)
{
    const struct object_shape *x = &a->object, *y = &b->object;
    if (object_is_disjoint(c, x, y) || c->rc) return NULL;
    struct shape *s = shape_copy(c, a);
    struct object_shape *o = &s->object;
    o->index = NULL;
    join_properties(c, o, x, y);
    join_lists(c, o, y);
    evaluated_join(c, &o->evaluated, &y->evaluated);
    o->rest = state_and(c, x->rest, y->rest);
    o->names = norm_dfa_and(c, x->names, y->names);
    o->n_min = x->n_min > y->n_min ? x->n_min : y->n_min;
    o->n_max = x->n_max < y->n_max ? x->n_max : y->n_max;
    o->has_properties |= y->has_properties;
    o->has_additional |= y->has_additional;
    return object_check(c, s);
}

/* ---- complement ---- */

static struct shape *one_property(struct norm *c, str name, struct state *state, bool is_required)
{
    struct shape *t = shape_new(c, SHAPE_OBJECT);
    t->object.property = norm_new(c, struct property);
    *t->object.property = (struct property){name, state, is_required, false};
    t->object.n_property = 1;
    return t;
}

/* A required member is missing, or it is there and wrong: one shape, in which it may be missing
 * and must be wrong. */
static void not_property(struct norm *c, const struct property *p, struct shapes *out)
{
    struct state *s = p->state;
    if (p->is_required && s == c->true_state)
        shapes_add(c, out, object_check(c, one_property(c, p->name, c->false_state, false)));
    if (s == c->false_state)
        shapes_add(c, out, object_check(c, one_property(c, p->name, c->true_state, true)));
    for (uint32_t i = 0; i < s->n; i++) {
        struct state *other = state_of_ref(c, s->ref[i] ^ REF_NOT);
        shapes_add(c, out, object_check(c, one_property(c, p->name, other, !p->is_required)));
    }
}

/* Some member with its key in `key`, and not among the names, is outside of `state`. */
static void not_members(struct norm *c, const struct dfa *key, struct strs not_name,
                        struct state *state, struct shapes *out)
{
    uint32_t n = state == c->false_state ? 1 : state->n;
    for (uint32_t i = 0; i < n; i++) {
        struct shape *t = shape_new(c, SHAPE_OBJECT);
        struct exists *x = norm_new(c, struct exists);
        x->key = key;
        x->not_name = not_name;
        x->at = c->minus_at;
        x->keyword = c->minus_keyword;
        x->value =
            state == c->false_state ? c->true_state : state_of_ref(c, state->ref[i] ^ REF_NOT);
        t->object.exists = x;
        t->object.n_exists = 1;
        t->object.n_min = 1;
        if (x->value != c->false_state) shapes_add(c, out, object_check(c, t));
    }
}

static void not_group(struct norm *c, const struct key_group *g, struct strs names,
                      struct shapes *out)
{
    const struct dfa *other = NULL;
    for (uint32_t i = 0; i < g->n; i++) {
        not_members(c, g->pattern[i].key, names, g->pattern[i].state, out);
        other = norm_dfa_minus(c, other, g->pattern[i].key);
    }
    if (!c->rc) not_members(c, other, names, g->other, out);
}

/* No member has its key in x->key and its value in x->value; those named in x are free. */
static void not_exists(struct norm *c, const struct exists *x, struct shapes *out)
{
    struct shape *t = shape_new(c, SHAPE_OBJECT);
    struct object_shape *o = &t->object;
    struct state *outside = c->false_state;
    if (x->value->n > 1) { /* outside of one or the other: no single state */
        t->refused = c->minus_keyword;
        t->refused_at = c->minus_at;
        shapes_add(c, out, t);
        return;
    }
    if (x->value->n == 1) outside = state_of_ref(c, x->value->ref[0] ^ REF_NOT);
    o->n_property = x->not_name.n;
    o->property = norm_alloc(c, o->n_property, sizeof *o->property);
    for (uint32_t i = 0; i < o->n_property && !c->rc; i++)
        o->property[i] = (struct property){x->not_name.v[i], c->true_state, false, false};
    if (x->key) {
        struct key_group *g = norm_new(c, struct key_group);
        struct pattern *p = norm_new(c, struct pattern);
        *p = (struct pattern){x->key, outside};
        *g = (struct key_group){p, 1, c->true_state};
        o->group = g;
        o->n_group = 1;
    } else {
        o->rest = outside;
    }
    shapes_add(c, out, object_check(c, t));
}

static void not_member_counts(struct norm *c, const struct object_shape *o, struct shapes *out)
{
    uint32_t n_required = 0, n_possible = 0;
    for (uint32_t i = 0; i < o->n_property; i++) {
        n_required += o->property[i].is_required;
        n_possible += o->property[i].state != c->false_state;
    }
    if (o->n_min > n_required) { /* else required says it */
        struct shape *t = shape_new(c, SHAPE_OBJECT);
        t->object.n_max = o->n_min - 1;
        shapes_add(c, out, t);
    }
    if (o->n_max != COUNT_UNBOUNDED && !(o->rest == c->false_state && o->n_max == n_possible)) {
        struct shape *t = shape_new(c, SHAPE_OBJECT);
        t->object.n_min = o->n_max + 1;
        shapes_add(c, out, t);
    }
}

void object_not(struct norm *c, const struct shape *s, struct shapes *out)
{
    const struct object_shape *o = &s->object;
    str *name = norm_alloc(c, o->n_property, sizeof *name);
    for (uint32_t i = 0; i < o->n_property && !c->rc; i++) {
        name[i] = o->property[i].name;
        not_property(c, &o->property[i], out);
    }
    if (c->rc) return;
    struct strs names = strs_sorted(c, (struct strs){name, o->n_property});
    not_member_counts(c, o, out);
    not_members(c, NULL, names, o->rest, out);
    for (uint32_t i = 0; i < o->n_group; i++) not_group(c, &o->group[i], names, out);
    if (o->names) not_members(c, norm_dfa_minus(c, NULL, o->names), names, c->false_state, out);
    for (uint32_t i = 0; i < o->n_exists; i++) not_exists(c, &o->exists[i], out);
}
