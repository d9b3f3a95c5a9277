/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements. Bodies of for, with, call, filter, set and macro have scopes of their own; if has
 * none. The scope of a loop is emptied for each turn.
 */
#include "token/template_internal.h"

struct vloop {
    const struct node *node;
    const struct node *filter;                 /* NULL: every item passes */
    struct scope *outer, *filter_scope;
    struct iter it;
    struct value before, current, after;       /* V_ABSENT: none */
    struct value changed;                      /* last arguments of loop.changed */
    int64_t index0, length;                    /* length: -1 until asked for */
    int depth0;
};

/* ---- loops ---- */

/* The next item that passes the loop's filter. */
static bool pull(struct render *r, struct vloop *l, struct value *out)
{
    while (iter_next(r, &l->it, out)) {
        if (!l->filter)
            return true;
        l->filter_scope->n = 0;
        assign(r, l->filter_scope, l->node->a, *out);
        if (truth(eval(r, l->filter_scope, l->filter)) && r->err == ERR_OK)
            return true;
    }
    return false;
}

static void peek(struct render *r, struct vloop *l)
{
    if (l->after.type == V_ABSENT && !pull(r, l, &l->after))
        l->after = (struct value){.type = V_ABSENT};
}

static bool advance(struct render *r, struct vloop *l)
{
    peek(r, l);
    if (l->after.type == V_ABSENT || r->err != ERR_OK)
        return false;
    l->before = l->current;
    l->current = l->after;
    l->after = (struct value){.type = V_ABSENT};
    l->index0++;
    return true;
}

/* Without a length of its own the rest is drawn into a list first, as jinja2 does. */
static int64_t loop_length(struct render *r, struct vloop *l)
{
    size_t n;
    if (l->length >= 0)
        return l->length;
    if (!l->filter && value_len(l->it.src, &n)) {
        l->length = (int64_t)n;
        return l->length;
    }
    struct vlist *rest = list_new(r, 0);
    struct value v;
    while (pull(r, l, &v))
        list_add(r, rest, v);
    l->length = (int64_t)rest->n + l->index0 + 1 + (l->after.type != V_ABSENT);
    l->it = (struct iter){.src = v_list(rest)};
    l->filter = NULL;
    return l->length;
}

void run_loop(struct render *r, struct scope *outer, const struct node *n, struct value iterable,
              int depth0)
{
    struct vloop *l = new_of(r, struct vloop);
    struct scope *s = scope_new(r, outer);
    bool is_completed = false;
    *l = (struct vloop){.node = n, .filter = n->c, .outer = outer, .index0 = -1, .length = -1,
                        .depth0 = depth0};
    l->filter_scope = n->c ? scope_new(r, outer) : NULL;
    if (!iter_begin(r, &l->it, iterable))
        return;
    while (advance(r, l)) {
        s->n = 0;
        assign(r, s, n->a, l->current);
        scope_set(r, s, r->t->id_loop, (struct value){.type = V_LOOP, .loop = l});
        enum flow flow = exec(r, s, n->items);
        if (flow == FLOW_BREAK)
            break;
        is_completed |= flow == FLOW_NEXT;
    }
    /* jinja2 runs the else part unless a turn reached the end of the body. */
    if (n->other && !is_completed && r->err == ERR_OK)
        exec(r, scope_new(r, outer), n->other);
}

struct value call_loop(struct render *r, struct vloop *l, struct value iterable)
{
    if (!l->node->flag)
        return fail(r, ERR_ARG,
                    "the loop must have the 'recursive' marker to be called recursively");
    if (r->calls >= TEMPLATE_CALL_DEPTH_MAX)
        return fail(r, ERR_LIMIT, "calls nested more than %d deep", TEMPLATE_CALL_DEPTH_MAX);
    r->calls++;
    struct capture c = capture_begin(r);
    run_loop(r, l->outer, l->node, iterable, l->depth0 + 1);
    r->calls--;
    return capture_end(r, c);
}

struct value loop_attr(struct render *r, struct value loop, str name)
{
    struct vloop *l = loop.loop;
    if (str_is(name, "index"))
        return v_int(l->index0 + 1);
    if (str_is(name, "index0"))
        return v_int(l->index0);
    if (str_is(name, "first"))
        return v_bool(l->index0 == 0);
    if (str_is(name, "depth"))
        return v_int(l->depth0 + 1);
    if (str_is(name, "depth0"))
        return v_int(l->depth0);
    if (str_is(name, "length"))
        return v_int(loop_length(r, l));
    if (str_is(name, "revindex"))
        return v_int(loop_length(r, l) - l->index0);
    if (str_is(name, "revindex0"))
        return v_int(loop_length(r, l) - l->index0 - 1);
    if (str_is(name, "previtem"))
        return l->index0 == 0 ? v_undef_hint(r, "there is no previous item") : l->before;
    bool is_last = str_is(name, "last");
    if (!is_last && !str_is(name, "nextitem"))
        return (struct value){.type = V_ABSENT};
    peek(r, l);
    if (is_last)
        return v_bool(l->after.type == V_ABSENT);
    return l->after.type == V_ABSENT ? v_undef_hint(r, "there is no next item") : l->after;
}

struct value loop_repr(struct render *r, struct vloop *l)
{
    struct capture c = capture_begin(r);
    emit(r, STR("<LoopContext "));
    emit_value(r, v_int(l->index0 + 1));
    emit_char(r, '/', 1);
    emit_value(r, v_int(loop_length(r, l)));
    emit_char(r, '>', 1);
    return capture_end(r, c);
}

static struct value loop_cycle(struct call *c)
{
    if (c->n == 0)
        return fail(c->r, ERR_ARG, "no items for cycling given");
    return c->arg[(size_t)c->self.loop->index0 % c->n];
}

static struct value loop_changed(struct call *c)
{
    struct vlist *l = list_new(c->r, c->n);
    struct value *last = &c->self.loop->changed;
    for (size_t i = 0; i < c->n; i++)
        list_add(c->r, l, c->arg[i]);
    if (last->type != V_ABSENT && equal(c->r, *last, v_tuple(l), 0))
        return v_bool(false);
    *last = v_tuple(l);
    return v_bool(true);
}

const struct builtin method_loop_rows[] = {
    {"cycle", loop_cycle, "*", 0}, {"changed", loop_changed, "*", 0}, {NULL, NULL, NULL, 0}};

/* ---- statements ---- */

static void exec_print(struct render *r, struct scope *s, const struct node *n)
{
    for (const struct node *i = n->items; i && r->err == ERR_OK; i = i->next) {
        struct value v = eval(r, s, i);
        r->line = i->line;
        if (r->err == ERR_OK)
            emit_value(r, v);
    }
}

static enum flow exec_if(struct render *r, struct scope *s, const struct node *n)
{
    while (n && n->kind == N_IF) {
        struct value test = eval(r, s, n->a);
        if (r->err != ERR_OK)
            return FLOW_NEXT;
        if (truth(test))
            return exec(r, s, n->items);
        bool is_elif = n->other && n->other->kind == N_IF && n->other->flag;
        if (!is_elif)
            return n->other ? exec(r, s, n->other) : FLOW_NEXT;
        n = n->other;
    }
    return FLOW_NEXT;
}

/* The text of a body in a scope of its own, as a string. A break or continue that leaves it
 * drops the text. */
static struct value exec_captured(struct render *r, struct scope *s, const struct node *body,
                                  enum flow *flow)
{
    struct capture c = capture_begin(r);
    *flow = exec(r, scope_new(r, s), body);
    if (*flow != FLOW_NEXT) {
        capture_drop(r, c);
        return v_undef();
    }
    return capture_end(r, c);
}

static enum flow exec_set_block(struct render *r, struct scope *s, const struct node *n)
{
    enum flow flow;
    struct value text = exec_captured(r, s, n->items, &flow);
    if (flow != FLOW_NEXT || r->err != ERR_OK)
        return flow;
    if (n->b)
        text = apply_filters(r, s, n->b, text);
    assign(r, s, n->a, text);
    return FLOW_NEXT;
}

static enum flow exec_filter_block(struct render *r, struct scope *s, const struct node *n)
{
    enum flow flow;
    struct value text = exec_captured(r, s, n->items, &flow);
    if (flow == FLOW_NEXT && r->err == ERR_OK)
        emit_value(r, apply_filters(r, s, n->a, text));
    return flow;
}

static void exec_call_block(struct render *r, struct scope *s, const struct node *n)
{
    struct call c = {0};
    struct value callee = eval(r, s, n->a->a);
    eval_args(r, s, n->a->items, make_macro(r, s, n), &c);
    r->line = n->line;
    struct value v = r->err == ERR_OK ? call_value(r, callee, &c) : v_undef();
    if (r->err == ERR_OK)
        emit_value(r, v);
}

static enum flow exec_with(struct render *r, struct scope *s, const struct node *n)
{
    struct scope *inner = scope_new(r, s);
    for (const struct node *set = n->other; set && r->err == ERR_OK; set = set->next)
        assign(r, inner, set->a, eval(r, s, set->b));
    return exec(r, inner, n->items);
}

static enum flow exec_one(struct render *r, struct scope *s, const struct node *n)
{
    r->line = n->line;
    switch (n->kind) {
    case N_TEXT: emit(r, n->text); break;
    case N_PRINT: exec_print(r, s, n); break;
    case N_IF: return exec_if(r, s, n);
    case N_FOR: {
        struct value v = eval(r, s, n->b);
        if (r->err == ERR_OK)
            run_loop(r, s, n, v, 0);
        break;
    }
    case N_SET: assign(r, s, n->a, eval(r, s, n->b)); break;
    case N_SET_BLOCK: return exec_set_block(r, s, n);
    case N_MACRO: scope_set(r, s, n->name, make_macro(r, s, n)); break;
    case N_CALL_BLOCK: exec_call_block(r, s, n); break;
    case N_FILTER_BLOCK: return exec_filter_block(r, s, n);
    case N_WITH: return exec_with(r, s, n);
    case N_SCOPE: return exec(r, scope_new(r, s), n->items);
    case N_DO: eval(r, s, n->a); break;
    case N_BREAK: return FLOW_BREAK;
    case N_CONTINUE: return FLOW_CONTINUE;
    default: fail(r, ERR_INTERNAL, "an expression in the place of a statement"); break;
    }
    return FLOW_NEXT;
}

enum flow exec(struct render *r, struct scope *s, const struct node *list)
{
    enum flow flow = FLOW_NEXT;
    if (!enter(r))
        return FLOW_NEXT;
    for (; list && flow == FLOW_NEXT && step(r, 1); list = list->next)
        flow = exec_one(r, s, list);
    leave(r);
    return flow;
}
