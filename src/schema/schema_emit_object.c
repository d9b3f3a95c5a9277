/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects. Keys that are no property's are divided into classes by the patterns they match, each
 * a tail with its own values. A claim that some member exists (from a complement) is written as
 * alternatives: this member, or that one, or one of the tail.
 */
#include "schema/norm.h"

#define TAIL_CLASSES_MAX 256 /* of keys, by the patterns they match */
#define CLAIMS_MAX 32 /* members that must exist, of one object */
#define SUBSETS_MAX 8 /* optional properties that are told apart one by one */

/* A class of keys: `key` NULL means any. */
struct key_class {
    const struct dfa *key;
    struct state *state;
};
struct key_classes {
    struct key_class *v;
    uint32_t n, cap;
};

/* ---- tails ---- */

static void add_class(struct norm *c, struct key_classes *l, const struct dfa *key,
                      struct state *state)
{
    if (c->rc || state == c->false_state || (key && dfa_is_empty(key))) return;
    if (l->n == TAIL_CLASSES_MAX) {
        (void)norm_fail(c, ERR_LIMIT, "limit", NULL, NULL,
                        "patternProperties overlap in more than %d ways", TAIL_CLASSES_MAX);
        return;
    }
    if (l->n == l->cap) {
        struct key_class *more = norm_alloc(c, l->cap ? l->cap * 2 : 4, sizeof *more);
        if (c->rc) return;
        if (l->n) memcpy(more, l->v, l->n * sizeof *more);
        l->v = more;
        l->cap = l->cap ? l->cap * 2 : 4;
    }
    l->v[l->n++] = (struct key_class){key, state};
}

/* Those of `from` that match p go to `hit`, the others to `miss`. */
static void split(struct norm *c, const struct key_classes *from, const struct pattern *p,
                  struct key_classes *hit, struct key_classes *miss)
{
    for (uint32_t k = 0; k < from->n && !c->rc; k++) {
        const struct key_class *x = &from->v[k];
        add_class(c, hit, norm_dfa_and(c, x->key, p->key), state_and(c, x->state, p->state));
        add_class(c, miss, norm_dfa_minus(c, x->key, p->key), x->state);
    }
}

/* Splits each class by every pattern. The group's `other` waits until the group is done: it is
 * for the classes that nothing has matched. */
static struct key_classes split_by_group(struct norm *c, struct key_classes miss,
                                         const struct key_group *g)
{
    struct key_classes hit = {0};
    for (uint32_t i = 0; i < g->n && !c->rc; i++) {
        struct key_classes hit_next = {0}, miss_next = {0};
        split(c, &hit, &g->pattern[i], &hit_next, &hit_next);
        split(c, &miss, &g->pattern[i], &hit_next, &miss_next);
        hit = hit_next;
        miss = miss_next;
    }
    for (uint32_t k = 0; k < miss.n && !c->rc; k++)
        add_class(c, &hit, miss.v[k].key, state_and(c, miss.v[k].state, g->other));
    return hit;
}

static struct key_classes key_classes(struct norm *c, const struct object_shape *o)
{
    struct key_classes l = {0};
    if (o->rest != c->false_state) add_class(c, &l, o->names, o->rest);
    for (uint32_t i = 0; i < o->n_group && !c->rc; i++) l = split_by_group(c, l, &o->group[i]);
    return l;
}

/* ---- one object ---- */

static void write_object(struct emit *m, const struct object_shape *o, struct nodes *out)
{
    struct norm *c = m->c;
    struct key_classes keys = key_classes(c, o);
    struct grammar_property *p = norm_alloc(c, o->n_property, sizeof *p);
    struct grammar_tail *t = norm_alloc(c, keys.n, sizeof *t);
    uint32_t n_tail = 0;
    for (uint32_t i = 0; i < o->n_property && !c->rc; i++) {
        uint32_t value = emit_state(m, o->property[i].state);
        p[i] = (struct grammar_property){o->property[i].name, value, o->property[i].is_required};
        if (value == NODE_NONE && o->property[i].is_required) return;
    }
    for (uint32_t i = 0; i < keys.n && !c->rc; i++) {
        uint32_t value = emit_state(m, keys.v[i].state);
        const struct dfa *key = value == NODE_NONE ? NULL : emit_key_dfa(m, keys.v[i].key);
        if (key) t[n_tail++] = (struct grammar_tail){key, value};
    }
    if (c->rc) return;
    nodes_add(c, out,
              grammar_object(m->g, &(struct grammar_object){.style = m->style,
                                                            .property = p,
                                                            .n_property = o->n_property,
                                                            .tail = t,
                                                            .n_tail = n_tail,
                                                            .n_min = o->n_min,
                                                            .n_max = o->n_max,
                                                            .any_order = c->o->any_order}));
}

/* ---- members that must exist ---- */

static bool is_meant(const struct exists *x, const struct property *p)
{
    return !strs_has(x->not_name, p->name) && (!x->key || dfa_match(x->key, p->name));
}

static bool holds_already(struct norm *c, const struct object_shape *o, const struct exists *x)
{
    for (uint32_t i = 0; i < o->n_property; i++) {
        const struct property *p = &o->property[i];
        if (p->is_required && is_meant(x, p) && state_and(c, p->state, x->value) == p->state)
            return true;
    }
    return false;
}

/* A copy that has room for more properties, and whose own can be changed. */
static struct shape *open_copy(struct norm *c, const struct shape *s, uint32_t n_more)
{
    struct shape *copy = shape_copy(c, s);
    struct object_shape *o = &copy->object;
    o->property = norm_alloc(c, (size_t)o->n_property + n_more, sizeof *o->property);
    if (!c->rc && o->n_property)
        memcpy(o->property, s->object.property, o->n_property * sizeof *o->property);
    o->index = NULL;
    return copy;
}

/* The last claim names its exceptions among the properties, and is taken off. */
static struct shape *without_claim(struct norm *c, const struct shape *s, const struct exists *x)
{
    struct shape *copy = open_copy(c, s, x->not_name.n);
    struct object_shape *o = &copy->object;
    o->n_exists--;
    for (uint32_t i = 0; i < x->not_name.n && !c->rc; i++) {
        str name = x->not_name.v[i];
        if (!property_find(&s->object, name))
            o->property[o->n_property++] =
                (struct property){name, object_key_state(c, &s->object, name), false, false};
    }
    return copy;
}

/* What other members may be is all in x->value, or none of it is. */
enum tail_fit { TAIL_NONE, TAIL_ALL, TAIL_SOME };
static enum tail_fit tail_fit(struct norm *c, const struct object_shape *o, const struct exists *x)
{
    struct key_classes keys = key_classes(c, o);
    uint32_t n_all = 0, n_none = 0;
    str *name = norm_alloc(c, o->n_property, sizeof *name);
    for (uint32_t i = 0; i < o->n_property && !c->rc; i++) name[i] = o->property[i].name;
    const struct dfa *named = c->rc ? NULL : dfa_words(c->w, name, o->n_property);
    for (uint32_t i = 0; i < keys.n && named && !c->rc; i++) {
        const struct dfa *key = norm_dfa_minus(c, keys.v[i].key, named);
        if (!key) break;
        struct state *both = state_and(c, keys.v[i].state, x->value);
        const struct dfa *meant = norm_dfa_and(c, key, x->key);
        if (!meant) break;
        bool is_outside = dfa_is_empty(meant) || state_is_empty(c, both);
        bool is_inside = both == keys.v[i].state && (!x->key || dfa_is_subset(c->w, key, x->key));
        n_none += is_outside;
        n_all += !is_outside && is_inside;
    }
    if (n_none == keys.n) return TAIL_NONE;
    return n_all == keys.n ? TAIL_ALL : TAIL_SOME;
}

static void emit_claims(struct emit *m, const struct shape *s, struct nodes *out);

/* At least one member of the tail: the meant properties are away, and the optional ones are told
 * apart so that the number of members says it. */
static void emit_tail_claim(struct emit *m, struct shape *s, const struct exists *x,
                            struct nodes *out)
{
    struct norm *c = m->c;
    struct object_shape *o = &s->object;
    uint32_t optional[SUBSETS_MAX], n = 0, n_required = 0;
    for (uint32_t i = 0; i < o->n_property; i++) {
        struct property *p = &o->property[i];
        n_required += p->is_required;
        if (p->is_required || p->state == c->false_state) continue;
        if (is_meant(x, p)) {
            p->state = c->false_state;
        } else if (n == SUBSETS_MAX) {
            (void)norm_fail(c, ERR_ARG, "unsupported", x->at, x->keyword,
                            "its complement asks for other members beside more than %d optional "
                            "ones",
                            SUBSETS_MAX);
            return;
        } else {
            optional[n++] = i;
        }
    }
    for (uint32_t set = 0; set < 1u << n && !c->rc; set++) {
        struct shape *one = open_copy(c, s, 0);
        uint32_t n_member = n_required + 1;
        for (uint32_t k = 0; k < n && !c->rc; k++) {
            struct property *p = &one->object.property[optional[k]];
            p->is_required = set >> k & 1;
            p->state = p->is_required ? p->state : c->false_state;
            n_member += p->is_required;
        }
        one->object.n_min = n_member > o->n_min ? n_member : o->n_min;
        const struct shape *checked = object_check(c, one);
        if (checked) emit_claims(m, checked, out);
    }
}

static void emit_claims(struct emit *m, const struct shape *s, struct nodes *out)
{
    struct norm *c = m->c;
    if (s->object.n_exists == 0 || c->rc) {
        write_object(m, &s->object, out);
        return;
    }
    const struct exists *x = &s->object.exists[s->object.n_exists - 1];
    struct shape *rest = without_claim(c, s, x);
    if (c->rc) return;
    bool is_held = holds_already(c, &rest->object, x);
    for (uint32_t i = 0; i < rest->object.n_property && !is_held && !c->rc; i++) {
        if (!is_meant(x, &rest->object.property[i])) continue;
        struct shape *one = open_copy(c, rest, 0);
        struct property *p = &one->object.property[i];
        p->is_required = true;
        p->state = state_and(c, p->state, x->value);
        const struct shape *checked = state_is_empty(c, p->state) ? NULL : object_check(c, one);
        if (checked) emit_claims(m, checked, out);
    }
    if (is_held) {
        const struct shape *checked = object_check(c, rest);
        if (checked) emit_claims(m, checked, out);
        return;
    }
    enum tail_fit fit = tail_fit(c, &rest->object, x);
    if (fit == TAIL_SOME)
        (void)norm_fail(c, ERR_ARG, "unsupported", x->at, x->keyword,
                        "its complement asks for a member that can be any of many");
    if (fit == TAIL_ALL) emit_tail_claim(m, rest, x, out);
}

void emit_object(struct emit *m, const struct shape *s, struct nodes *out)
{
    struct norm *c = m->c;
    const struct object_shape *o = &s->object;
    if (o->n_exists > CLAIMS_MAX) {
        (void)norm_fail(c, ERR_LIMIT, "limit", o->exists[0].at, o->exists[0].keyword,
                        "more than %d complements ask for a member of the same object", CLAIMS_MAX);
        return;
    }
    if (!c->o->closed || !o->has_properties || o->has_additional) {
        emit_claims(m, s, out);
        return;
    }
    /* A group has its additionalProperties within; only patterns are left open. */
    struct shape *closed = open_copy(c, s, 0);
    struct key_group *g = norm_alloc(c, o->n_group, sizeof *g);
    for (uint32_t i = 0; i < o->n_property && !c->rc; i++)
        if (o->property[i].is_required && !o->property[i].is_declared) return;
    for (uint32_t i = 0; i < o->n_group && !c->rc; i++) {
        g[i] = o->group[i];
        g[i].other = c->false_state;
    }
    closed->object.group = g;
    if (o->n_group == 0) closed->object.rest = c->false_state;
    const struct shape *checked = c->rc ? NULL : object_check(c, closed);
    if (checked) emit_claims(m, checked, out);
}
