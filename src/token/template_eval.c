/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions: one function per kind of node, names found through the scopes, then in vars, then
 * among the built-in globals.
 */
#include "token/template_internal.h"

#include "base/mem.h"

/* ---- scopes ---- */

struct scope *scope_new(struct render *r, struct scope *parent)
{
    struct scope *s = new_of(r, struct scope);
    s->parent = parent;
    return s;
}

/* The outermost scope is the array of root values. */
void scope_set(struct render *r, struct scope *s, uint32_t name, struct value v)
{
    if (!s->parent) {
        r->root[name] = v;
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->b[i].name == name) {
            s->b[i].value = v;
            return;
        }
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 4;
        struct binding *b = big_alloc(r, cap, sizeof *b);
        if (!b)
            return;
        if (s->n > 0)
            memcpy(b, s->b, s->n * sizeof *b);
        s->b = b;
        s->cap = cap;
    }
    s->b[s->n++] = (struct binding){name, v};
}

static struct value root_value(struct render *r, uint32_t id)
{
    struct value *v = &r->root[id];
    if (v->type != V_ABSENT)
        return *v;
    str name = r->t->name[id];
    const struct json *j = json_get_str(r->vars, name);
    const struct builtin *row = global_find(name);
    if (j) {
        *v = value_of_json(r, j, 0);
    } else if (row) {
        *v = (struct value){.type = V_BUILTIN, .builtin = row};
    } else {
        struct undef *u = new_of(r, struct undef);
        u->name = name;
        *v = (struct value){.type = V_UNDEFINED, .undef = u};
    }
    return *v;
}

static struct value lookup(struct render *r, const struct scope *s, uint32_t id)
{
    for (; s->parent; s = s->parent)
        for (size_t i = 0; i < s->n; i++)
            if (s->b[i].name == id)
                return s->b[i].value;
    return root_value(r, id);
}

/* ---- assignment ---- */

static void unpack(struct render *r, struct scope *s, const struct node *target, struct value v)
{
    struct iter it;
    struct value item;
    size_t want = 0, got = 0;
    for (const struct node *t = target->items; t; t = t->next)
        want++;
    if (!iter_begin(r, &it, v))
        return;
    const struct node *t = target->items;
    for (; t && iter_next(r, &it, &item); t = t->next, got++)
        assign(r, s, t, item);
    if (t)
        fail(r, ERR_ARG, "not enough values to unpack (expected %zu, got %zu)", want, got);
    else if (iter_next(r, &it, &item))
        fail(r, ERR_ARG, "too many values to unpack (expected %zu)", want);
}

void assign(struct render *r, struct scope *s, const struct node *target, struct value v)
{
    if (r->err != ERR_OK || !enter(r))
        return;
    if (target->kind == N_NAME) {
        scope_set(r, s, target->name, v);
    } else if (target->kind == N_TUPLE) {
        unpack(r, s, target, v);
    } else {
        struct value ns = lookup(r, s, target->name);
        if (ns.type == V_NAMESPACE)
            dict_set_str(r, ns.dict, target->text, v);
        else
            fail(r, ERR_ARG, "cannot assign attribute on non-namespace object");
    }
    leave(r);
}

/* ---- calls ---- */

static void add_kwarg(struct render *r, struct call *c, str name, struct value v)
{
    for (size_t i = 0; i < c->n_kw; i++)
        if (str_eq(c->kw[i].name, name)) {
            fail(r, ERR_ARG, "got multiple values for keyword argument '%.*s'", STR_FMT(name));
            return;
        }
    if (c->n_kw == TEMPLATE_ARGS_MAX) {
        fail(r, ERR_LIMIT, "a call with more than %d keyword arguments", TEMPLATE_ARGS_MAX);
        return;
    }
    if ((c->n_kw & (c->n_kw - 1)) == 0) {      /* full at 0, 1, 2, 4, 8 ... */
        struct kwarg *grown = big_alloc(r, c->n_kw ? 2 * c->n_kw : 1, sizeof *grown);
        if (!grown)
            return;
        if (c->n_kw > 0)
            memcpy(grown, c->kw, c->n_kw * sizeof *grown);
        c->kw = grown;
    }
    c->kw[c->n_kw++] = (struct kwarg){name, v};
}

static void add_kwargs_of(struct render *r, struct call *c, struct value v)
{
    if (v.type != V_DICT) {
        fail(r, ERR_ARG, "the argument behind ** must be a mapping, not %s", type_name(v));
        return;
    }
    for (size_t i = 0; i < v.dict->n && step(r, 1); i++) {
        if (v.dict->e[i].key.type != V_STR) {
            fail(r, ERR_ARG, "keywords must be strings");
            return;
        }
        add_kwarg(r, c, str_bytes(v.dict->e[i].key.s), v.dict->e[i].value);
    }
}

void eval_args(struct render *r, struct scope *s, const struct node *args, struct value caller,
               struct call *c)
{
    struct vlist *l = list_new(r, 0);
    for (const struct node *a = args; a && r->err == ERR_OK; a = a->next) {
        struct value v = eval(r, s, a->a);
        struct iter it;
        struct value item;
        if (a->op == ARG_POSITIONAL)
            list_add(r, l, v);
        else if (a->op == ARG_KEYWORD)
            add_kwarg(r, c, a->text, v);
        else if (a->op == ARG_STAR_STAR)
            add_kwargs_of(r, c, v);
        else if (iter_begin(r, &it, v))
            while (iter_next(r, &it, &item))
                list_add(r, l, item);
    }
    if (caller.type != V_ABSENT)
        add_kwarg(r, c, STR("caller"), caller);
    c->r = r;
    c->arg = l->v;
    c->n = l->n;
}

static struct value eval_call(struct render *r, struct scope *s, const struct node *n)
{
    struct call c = {0};
    struct value callee = eval(r, s, n->a);
    eval_args(r, s, n->items, (struct value){.type = V_ABSENT}, &c);
    r->line = n->line;
    return r->err == ERR_OK ? call_value(r, callee, &c) : v_undef();
}

static struct value call_row(struct render *r, struct scope *s, const struct node *n,
                             struct value self, const char *what)
{
    struct call c = {.self = self};
    if (!n->row)
        return fail(r, ERR_UNSUPPORTED, "no %s named '%.*s'", what,
                    STR_FMT(str_sub(n->text, 0, 60)));
    eval_args(r, s, n->items, (struct value){.type = V_ABSENT}, &c);
    r->line = n->line;
    return r->err == ERR_OK ? call_builtin(n->row, &c) : v_undef();
}

struct value apply_filters(struct render *r, struct scope *s, const struct node *n,
                           struct value input)
{
    if (!enter(r))
        return v_undef();
    struct value self = n->a ? apply_filters(r, s, n->a, input) : input;
    struct value v = call_row(r, s, n, self, "filter");
    leave(r);
    return v;
}

/* ---- the other kinds ---- */

static struct value eval_list(struct render *r, struct scope *s, const struct node *n)
{
    struct vlist *l = list_new(r, 0);
    for (const struct node *i = n->items; i && r->err == ERR_OK; i = i->next)
        list_add(r, l, eval(r, s, i));
    return n->kind == N_LIST ? v_list(l) : v_tuple(l);
}

static struct value eval_dict(struct render *r, struct scope *s, const struct node *n)
{
    struct vdict *d = dict_new(r);
    for (const struct node *i = n->items; i && i->next && r->err == ERR_OK; i = i->next->next) {
        struct value key = eval(r, s, i), v = eval(r, s, i->next);
        (void)dict_set(r, d, key, v);
    }
    return (struct value){.type = V_DICT, .dict = d};
}

static struct value eval_item(struct render *r, struct scope *s, const struct node *n)
{
    struct value obj = eval(r, s, n->a), bound[3];
    if (n->b->kind != N_SLICE) {
        struct value key = eval(r, s, n->b);
        r->line = n->line;
        return r->err == ERR_OK ? get_item(r, obj, key) : v_undef();
    }
    const struct node *part[3] = {n->b->a, n->b->b, n->b->c};
    for (int i = 0; i < 3; i++)
        bound[i] = part[i] ? eval(r, s, part[i]) : v_none();
    r->line = n->line;
    return r->err == ERR_OK ? get_slice(r, obj, bound) : v_undef();
}

static struct value eval_compare(struct render *r, struct scope *s, const struct node *n)
{
    struct value left = eval(r, s, n->a);
    for (const struct node *i = n->items; i && r->err == ERR_OK; i = i->next) {
        struct value right = eval(r, s, i->a);
        r->line = n->line;
        if (r->err != ERR_OK || !op_compare(r, i->op, left, right))
            return v_bool(false);
        left = right;
    }
    return v_bool(true);
}

static struct value eval_concat(struct render *r, struct scope *s, const struct node *n)
{
    struct vlist *parts = list_new(r, 2);
    for (const struct node *i = n->items; i && r->err == ERR_OK; i = i->next)
        list_add(r, parts, eval(r, s, i));
    struct capture c = capture_begin(r);
    for (size_t i = 0; i < parts->n; i++)
        emit_value(r, parts->v[i]);
    return capture_end(r, c);
}

static struct value eval_cond(struct render *r, struct scope *s, const struct node *n)
{
    if (truth(eval(r, s, n->a)))
        return eval(r, s, n->b);
    if (n->c)
        return eval(r, s, n->c);
    return v_undef_hint(r, "the inline if-expression evaluated to false and no else section was "
                           "defined");
}

static struct value eval_sign(struct render *r, struct scope *s, const struct node *n)
{
    struct value v = eval(r, s, n->a);
    if (r->err != ERR_OK)
        return v_undef();
    if (n->kind == N_NEG)
        return op_negate(r, v);
    if (v.type == V_UNDEFINED)
        return fail_undefined(r, v);
    if (!value_is_number(v))
        return fail(r, ERR_ARG, "bad operand type for unary +: '%s'", type_name(v));
    return v.type == V_BOOL ? v_int(v.boolean) : v;
}

static struct value eval_binary(struct render *r, struct scope *s, const struct node *n)
{
    struct value a = eval(r, s, n->a), b = eval(r, s, n->b);
    r->line = n->line;
    return r->err == ERR_OK ? op_binary(r, n->op, a, b) : v_undef();
}

static struct value eval_attr(struct render *r, struct scope *s, const struct node *n)
{
    struct value obj = eval(r, s, n->a);
    r->line = n->line;
    return r->err == ERR_OK ? get_attr(r, obj, n->text) : v_undef();
}

static struct value eval_logical(struct render *r, struct scope *s, const struct node *n)
{
    struct value a = eval(r, s, n->a);
    return r->err == ERR_OK && truth(a) == (n->kind == N_AND) ? eval(r, s, n->b) : a;
}

static struct value eval_kind(struct render *r, struct scope *s, const struct node *n)
{
    switch (n->kind) {
    case N_CONST: return n->value;
    case N_NAME: return lookup(r, s, n->name);
    case N_LIST:
    case N_TUPLE: return eval_list(r, s, n);
    case N_DICT: return eval_dict(r, s, n);
    case N_GETATTR: return eval_attr(r, s, n);
    case N_GETITEM: return eval_item(r, s, n);
    case N_CALL: return eval_call(r, s, n);
    case N_FILTER: return call_row(r, s, n, eval(r, s, n->a), "filter");
    case N_TEST: return call_row(r, s, n, eval(r, s, n->a), "test");
    case N_NEG:
    case N_POS: return eval_sign(r, s, n);
    case N_NOT: return v_bool(!truth(eval(r, s, n->a)));
    case N_AND:
    case N_OR: return eval_logical(r, s, n);
    case N_BINARY: return eval_binary(r, s, n);
    case N_CONCAT: return eval_concat(r, s, n);
    case N_COMPARE: return eval_compare(r, s, n);
    case N_COND: return eval_cond(r, s, n);
    default: return fail(r, ERR_INTERNAL, "a statement in the place of an expression");
    }
}

struct value eval(struct render *r, struct scope *s, const struct node *n)
{
    if (!step(r, 1) || !enter(r))
        return v_undef();
    r->line = n->line;
    struct value v = eval_kind(r, s, n);
    leave(r);
    return v;
}
