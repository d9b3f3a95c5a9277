/* SPDX-License-Identifier: Apache-2.0
 *
 * One schema object as a form: its own assertions, then everything that applies in place,
 * cheapest and narrowest first, so that what is taken away is small.
 */
#include "schema/norm.h"

static const struct form *in_place(struct norm *c, const struct json *schema)
{
    return state_form(c, state_of(c, schema, false));
}

/* The branches of anyOf or oneOf, each within f; NULL when it failed. */
static const struct form **branches(struct norm *c, const struct json *list, const struct form *f)
{
    const struct form **each = norm_alloc(c, list->n, sizeof *each);
    for (uint32_t i = 0; i < list->n && !c->rc; i++)
        each[i] = form_and(c, f, in_place(c, &list->item[i]));
    return c->rc ? NULL : each;
}

static const struct form *any_of(struct norm *c, const struct json *list, const struct form *f)
{
    const struct form **each = branches(c, list, f);
    if (!each) return NULL;
    return c->has_unevaluated ? form_some_of(c, each, list->n) : form_any_of(c, each, list->n);
}

/* Complements are taken now because of this keyword. */
static void complement_of(struct norm *c, const struct node *n, enum keyword k)
{
    c->minus_at = n->at;
    c->minus_keyword = keyword_name[k];
}

/* A member that only a complement asks for: closed objects do not have it. */
static bool asks_undeclared(const struct form *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        const struct object_shape *o = &f->shape[i]->object;
        for (uint32_t k = 0; f->shape[i]->type == SHAPE_OBJECT && k < o->n_property; k++)
            if (o->property[k].is_required && !o->property[k].is_declared) return true;
    }
    return false;
}

static const struct form *one_of(struct norm *c, const struct node *n, const struct form *f)
{
    const struct json *list = kw(n, KW_ONE_OF);
    const struct form **each = branches(c, list, f);
    if (!each) return NULL;
    complement_of(c, n, KW_ONE_OF);
    const struct form *one =
        form_one_of(c, each, list->n, c->o->one_of_any ? ONE_OF_SHAPES_MAX : FORM_SHAPES_MAX);
    if (!one && !c->rc && !c->o->one_of_any)
        (void)norm_fail(c, ERR_LIMIT, "limit", n->at, keyword_name[KW_ONE_OF],
                        "has more than %d alternatives", FORM_SHAPES_MAX);
    if (c->o->one_of_any && (!one || form_is_refused(one) || asks_undeclared(one)))
        return form_any_of(c, each, list->n);
    return one;
}

static const struct form *without(struct norm *c, const struct node *n, const struct form *f)
{
    const struct form *not = in_place(c, kw(n, KW_NOT));
    complement_of(c, n, KW_NOT);
    return form_minus(c, f, not );
}

static const struct form *if_then_else(struct norm *c, const struct node *n, const struct form *f)
{
    const struct form *test = in_place(c, kw(n, KW_IF)), *yes = test ? form_and(c, f, test) : NULL;
    complement_of(c, n, KW_IF);
    const struct form *no = test ? form_minus(c, f, test) : NULL;
    if (kw(n, KW_THEN)) yes = yes ? form_and(c, yes, in_place(c, kw(n, KW_THEN))) : NULL;
    if (kw(n, KW_ELSE)) no = no ? form_and(c, no, in_place(c, kw(n, KW_ELSE))) : NULL;
    return yes && no ? form_or(c, yes, no) : NULL;
}

/* Objects that have, or have not, a member of this name; and everything that is no object. */
static const struct form *with_member(struct norm *c, str name, bool has)
{
    struct shapes out = {0};
    struct shape *s = shape_new(c, SHAPE_OBJECT);
    struct property *p = norm_new(c, struct property);
    *p = (struct property){name, has ? c->true_state : c->false_state, has, has};
    s->object.property = p;
    s->object.n_property = 1;
    shapes_add(c, &out, object_check(c, s));
    return form_of(c, false, 0, &out);
}

static const struct form *names_required(struct norm *c, const struct json *list)
{
    struct shapes out = {0};
    struct shape *s = shape_new(c, SHAPE_OBJECT);
    struct property *p = norm_alloc(c, list->n, sizeof *p);
    for (uint32_t i = 0; i < list->n && !c->rc; i++)
        p[i] = (struct property){list->item[i].string, c->true_state, true, true};
    s->object.property = p;
    s->object.n_property = list->n;
    shapes_add(c, &out, object_check(c, s));
    return form_of(c, false, 0, &out);
}

/* The dependency says nothing more: the member is forbidden, or what it needs is required. */
static bool is_settled(const struct object_shape *o, const struct norm *c, str name,
                       const struct json *then)
{
    const struct property *p = property_find(o, name);
    if (p && p->state == c->false_state) return true;
    for (uint32_t i = 0; then->type == JSON_ARRAY && i < then->n; i++) {
        p = property_find(o, then->item[i].string);
        if (!p || !p->is_required) return false;
    }
    return then->type == JSON_ARRAY;
}

static const struct form *depend(struct norm *c, str name, const struct json *then,
                                 const struct form *f)
{
    struct shapes settled = {0}, open = {0};
    for (uint32_t i = 0; i < f->n; i++) {
        const struct shape *s = f->shape[i];
        bool is_open = s->type == SHAPE_OBJECT && !is_settled(&s->object, c, name, then);
        shapes_add(c, is_open ? &open : &settled, s);
    }
    if (open.n == 0) return f;
    const struct form *others = form_of(c, f->null, f->bools, &settled);
    const struct form *objects = form_of(c, false, 0, &open);
    const struct form *absent = form_and(c, objects, with_member(c, name, false));
    const struct form *present = form_and(c, objects, with_member(c, name, true));
    present = form_and(c, present,
                       then->type == JSON_ARRAY ? names_required(c, then) : in_place(c, then));
    return form_or(c, others, form_or(c, absent, present));
}

static const struct form *dependencies(struct norm *c, const struct json *map, const struct form *f)
{
    for (uint32_t i = 0; i < map->n && f; i++)
        f = depend(c, map->member[i].key, &map->member[i].value, f);
    return f;
}

static const struct form *reference(struct norm *c, const struct node *n, enum keyword k,
                                    const struct form *f)
{
    const struct json *target = norm_target(c, n->at, kw(n, k), k);
    return target ? form_and(c, f, in_place(c, target)) : NULL;
}

static const struct form *all_keywords(struct norm *c, const struct node *n)
{
    const struct form *f = node_assertions(c, n);
    if (kw(n, KW_ENUM)) f = form_and(c, f, values_form(c, kw(n, KW_ENUM)->item, kw(n, KW_ENUM)->n));
    if (kw(n, KW_CONST)) f = form_and(c, f, values_form(c, kw(n, KW_CONST), 1));
    for (enum keyword k = KW_REF; k <= KW_RECURSIVE_REF; k++)
        if (kw(n, k)) f = reference(c, n, k, f);
    for (uint32_t i = 0; kw(n, KW_ALL_OF) && i < kw(n, KW_ALL_OF)->n && f; i++)
        f = form_and(c, f, in_place(c, &kw(n, KW_ALL_OF)->item[i]));
    if (kw(n, KW_ANY_OF)) f = f ? any_of(c, kw(n, KW_ANY_OF), f) : NULL;
    if (kw(n, KW_DEPENDENT_REQUIRED)) f = dependencies(c, kw(n, KW_DEPENDENT_REQUIRED), f);
    if (kw(n, KW_DEPENDENCIES)) f = dependencies(c, kw(n, KW_DEPENDENCIES), f);
    if (kw(n, KW_DEPENDENT_SCHEMAS)) f = dependencies(c, kw(n, KW_DEPENDENT_SCHEMAS), f);
    if (kw(n, KW_ONE_OF) && f) f = one_of(c, n, f);
    if (kw(n, KW_NOT) && f) f = without(c, n, f);
    if (kw(n, KW_IF) && (kw(n, KW_THEN) || kw(n, KW_ELSE) || c->has_unevaluated) && f)
        f = if_then_else(c, n, f);
    return f ? form_unevaluated(c, n, f) : NULL;
}

const struct form *node_form(struct norm *c, const struct json *node)
{
    struct node n = {.at = node};
    if (c->depth >= c->o->depth_max) {
        (void)norm_fail(c, ERR_LIMIT, "limit", node, NULL,
                        "schemas apply inside one another more than %u deep", c->o->depth_max);
        return NULL;
    }
    if (!norm_read(c, node, &n.k)) return NULL;
    const struct json *outer = c->at;
    c->at = node;
    c->depth++;
    const struct form *f = all_keywords(c, &n);
    c->depth--;
    c->at = outer;
    return c->rc ? NULL : f;
}
