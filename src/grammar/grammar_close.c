/* SPDX-License-Identifier: Apache-2.0
 *
 * From builder to grammar: which nodes can be finished and which can be empty (least fixpoints),
 * other names resolved, what is impossible cut off, and no way round a loop without a byte.
 */
#include <stdlib.h>
#include "base/rand.h"
#include "grammar/dfa_internal.h"
#include "grammar/grammar_internal.h"

#define EMPTY_REPEATS_MAX 64 /* of something that can be empty */

/* ---- what can be written ---- */

static unsigned eval_list(const struct grammar_builder *g, const struct gnode *node)
{
    bool any = node->kind == GNODE_CHOICE;
    unsigned flags = any ? 0 : GNODE_POSSIBLE | GNODE_EMPTY;
    for (uint32_t i = 0; i < node->n; i++) {
        unsigned child = node->child[i] == NODE_NONE ? 0 : g->node[node->child[i]].flags;
        flags = any ? flags | child : flags & child;
    }
    return flags;
}

static unsigned eval_terminal(const struct gterminal *t)
{
    const struct dfa *d = t->d.dfa;
    if (dfa_is_empty(d) || t->n_min > t->n_max) return 0;
    return GNODE_POSSIBLE | (dfa_accepts(d, d->start) ? GNODE_EMPTY : 0);
}

static unsigned eval_repeat(const struct grammar_builder *g, const struct grepeat *r)
{
    bool item = gnode_is(g->node, r->node, GNODE_POSSIBLE);
    bool between = r->between == NODE_NONE || gnode_is(g->node, r->between, GNODE_POSSIBLE);
    uint32_t reach = !item ? 0 : !between && r->n_max > 1 ? 1 : r->n_max;
    bool empty =
        r->n_min == 0 ||
        (gnode_is(g->node, r->node, GNODE_EMPTY) &&
         (r->n_min == 1 || r->between == NODE_NONE || gnode_is(g->node, r->between, GNODE_EMPTY)));
    if (r->n_min > r->n_max || r->n_min > reach) return 0;
    return GNODE_POSSIBLE | (empty ? GNODE_EMPTY : 0);
}

static unsigned eval_free(const struct grammar_builder *g, const struct gfree *f)
{
    bool possible = f->may_end;
    for (uint32_t i = 0; i < f->n_trigger; i++)
        possible = possible || gnode_is(g->node, f->trigger[i].then, GNODE_POSSIBLE);
    return possible ? GNODE_POSSIBLE : 0;
}

/* Texts around an array or object that are all empty, with a body that can be. */
static bool style_is_empty(const struct grammar_builder *g, const struct gstyle *s)
{
    return gnode_is(g->node, s->open, GNODE_EMPTY) && gnode_is(g->node, s->close, GNODE_EMPTY);
}

static bool array_is_empty(const struct grammar_builder *g, const struct garray *a)
{
    if (!style_is_empty(g, &a->style)) return false;
    if (a->n_min == 0 && a->n_match_min == 0) return true;
    if (a->n_min > 1 && !gnode_is(g->node, a->style.comma, GNODE_EMPTY)) return false;
    uint32_t other = a->n_prefix ? a->prefix[0] : a->rest;
    uint32_t match = a->n_prefix ? a->prefix_match[0] : a->rest_match;
    return gnode_is(g->node, other, GNODE_EMPTY) || gnode_is(g->node, match, GNODE_EMPTY);
}

bool grammar_eval(struct grammar_builder *g, uint32_t i)
{
    struct gnode *node = &g->node[i];
    unsigned flags = 0;

    switch ((enum gnode_kind)node->kind) {
    case GNODE_RESERVED: break;
    case GNODE_ALIAS: flags = g->node[node->alias].flags; break;
    case GNODE_TEXT: flags = GNODE_POSSIBLE | (node->n ? 0 : GNODE_EMPTY); break;
    case GNODE_MARK: flags = GNODE_POSSIBLE; break;
    case GNODE_TERMINAL: flags = eval_terminal(node->terminal); break;
    case GNODE_SEQUENCE:
    case GNODE_CHOICE: flags = eval_list(g, node); break;
    case GNODE_REPEAT: flags = eval_repeat(g, node->repeat); break;
    case GNODE_FREE: flags = eval_free(g, node->free); break;
    case GNODE_ARRAY:
        if (garray_eval(g, node->array))
            flags = GNODE_POSSIBLE | (array_is_empty(g, node->array) ? GNODE_EMPTY : 0);
        break;
    case GNODE_OBJECT:
        if (gobject_eval(g, node->object)) {
            const struct gobject *o = node->object;
            bool empty = style_is_empty(g, &o->style) && o->n_required == 0 && o->n_min == 0;
            flags = GNODE_POSSIBLE | (empty ? GNODE_EMPTY : 0);
        }
        break;
    }
    bool is_new = (flags & ~(unsigned)node->flags) != 0;
    node->flags |= (uint8_t)flags;
    return is_new;
}

/* To and fro over all nodes, so that chains in either direction settle in a few rounds. */
static void settle(struct grammar_builder *g)
{
    bool changed = g->dirty;
    for (bool forward = true; changed && dfa_in_time(g->work); forward = !forward) {
        changed = false;
        for (uint32_t k = 0; k < g->n_node; k++)
            changed |= grammar_eval(g, forward ? k : g->n_node - 1 - k);
    }
    g->dirty = false;
}

bool grammar_is_possible(struct grammar_builder *g, uint32_t node)
{
    if (g->work->rc != ERR_OK || node == NODE_NONE) return false;
    if (!gnode_is(g->node, node, GNODE_POSSIBLE)) settle(g);
    return gnode_is(g->node, node, GNODE_POSSIBLE);
}

/* ---- other names ---- */

/* The node behind other names; NODE_NONE when it is impossible. */
static void resolve(const struct grammar_builder *g, uint32_t *node)
{
    if (*node == NODE_NONE) return;
    if (!gnode_is(g->node, *node, GNODE_POSSIBLE)) {
        *node = NODE_NONE;
        return;
    }
    /* An alias that is possible is no ring of names. */
    uint32_t end = *node;
    while (g->node[end].kind == GNODE_ALIAS) end = g->node[end].alias;
    for (uint32_t i = *node; g->node[i].kind == GNODE_ALIAS;) {
        uint32_t next = g->node[i].alias;
        g->node[i].alias = end;
        i = next;
    }
    *node = end;
}

static void resolve_node(const struct grammar_builder *g, struct gnode *node)
{
    if (node->kind == GNODE_SEQUENCE || node->kind == GNODE_CHOICE) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < node->n; i++) {
            resolve(g, &node->child[i]);
            if (node->child[i] != NODE_NONE || node->kind == GNODE_SEQUENCE)
                node->child[n++] = node->child[i];
        }
        node->n = n;
    } else if (node->kind == GNODE_REPEAT) {
        struct grepeat *r = node->repeat;
        bool stuck = r->between != NODE_NONE && !gnode_is(g->node, r->between, GNODE_POSSIBLE);
        resolve(g, &r->node);
        resolve(g, &r->between);
        if (r->node == NODE_NONE)
            r->n_max = 0;
        else if (stuck && r->n_max > 1)
            r->n_max = 1;
        /* Of what can be empty any number can be. */
        if (gnode_is(g->node, r->node, GNODE_EMPTY) && r->between == NODE_NONE) r->n_min = 0;
    } else if (node->kind == GNODE_FREE) {
        for (uint32_t i = 0; i < node->free->n_trigger; i++)
            resolve(g, &node->free->trigger[i].then);
    } else if (node->kind == GNODE_ARRAY) {
        struct garray *a = node->array;
        for (uint32_t i = 0; i < a->n_prefix; i++)
            resolve(g, &a->prefix[i]), resolve(g, &a->prefix_match[i]);
        resolve(g, &a->rest);
        resolve(g, &a->rest_match);
    } else if (node->kind == GNODE_OBJECT) {
        struct gobject *o = node->object;
        for (uint32_t i = 0; i < o->n_property; i++) resolve(g, &o->property[i].value);
        for (uint32_t i = 0; i < o->n_tail; i++) resolve(g, &o->tail[i].value);
    }
}

/* ---- loops without a byte ---- */

/* The k-th node that may begin where `node` begins, before any byte; false at the end. NODE_NONE
 * stands for none at this k. */
static bool first_child(const struct grammar_builder *g, const struct gnode *node, uint32_t k,
                        uint32_t *child)
{
    *child = NODE_NONE;
    switch ((enum gnode_kind)node->kind) {
    case GNODE_SEQUENCE:
        if (k >= node->n || (k > 0 && !gnode_is(g->node, node->child[k - 1], GNODE_EMPTY)))
            return false;
        *child = node->child[k];
        return true;
    case GNODE_CHOICE:
        if (k >= node->n) return false;
        *child = node->child[k];
        return true;
    case GNODE_REPEAT:
        if (k > 1 || node->repeat->n_max == 0) return false;
        *child = k == 0 ? node->repeat->node : NODE_NONE;
        if (k == 1 && gnode_is(g->node, node->repeat->node, GNODE_EMPTY))
            *child = node->repeat->between;
        return true;
    case GNODE_ARRAY: {
        const struct garray *a = node->array;
        if (!gnode_is(g->node, a->style.open, GNODE_EMPTY) || k > 1) return false;
        *child =
            a->n_prefix ? (k ? a->prefix_match[0] : a->prefix[0]) : (k ? a->rest_match : a->rest);
        return true;
    }
    default: return false; /* keys of objects have a byte at least */
    }
}

static bool check_repeats(struct grammar_builder *g)
{
    for (uint32_t i = 0; i < g->n_node; i++) {
        const struct gnode *node = &g->node[i];
        if (!(node->flags & GNODE_POSSIBLE)) continue;
        bool empty = false;
        uint32_t n_max = 0;
        if (node->kind == GNODE_REPEAT) {
            const struct grepeat *r = node->repeat;
            empty = gnode_is(g->node, r->node, GNODE_EMPTY) &&
                    (r->between == NODE_NONE || gnode_is(g->node, r->between, GNODE_EMPTY));
            n_max = r->n_max;
        } else if (node->kind == GNODE_ARRAY) {
            const struct garray *a = node->array;
            empty = gnode_is(g->node, a->style.comma, GNODE_EMPTY);
            bool item = gnode_is(g->node, a->rest, GNODE_EMPTY) ||
                        gnode_is(g->node, a->rest_match, GNODE_EMPTY);
            for (uint32_t k = 0; k < a->n_prefix; k++)
                item = item || gnode_is(g->node, a->prefix[k], GNODE_EMPTY);
            empty = empty && item;
            n_max = a->n_max;
        }
        if (empty && n_max > EMPTY_REPEATS_MAX)
            return grammar_fail(g, ERR_ARG, "something that can be empty is repeated without end"),
                   false;
    }
    return true;
}

struct visit {
    uint32_t node, k;
};

/* Depth first along first children; a node met on its own way is left recursion. */
static bool check_left(struct grammar_builder *g)
{
    uint8_t *color = grammar_take(g, g->n_node, 1);
    struct visit *stack = grammar_take(g, g->n_node, sizeof *stack);
    if (!color || !stack) return false;
    for (uint32_t root = 0; root < g->n_node; root++) {
        if (color[root] || !(g->node[root].flags & GNODE_POSSIBLE)) continue;
        uint32_t n = 0;
        color[root] = 1;
        stack[n++] = (struct visit){root, 0};
        while (n > 0) {
            struct visit *v = &stack[n - 1];
            uint32_t child;
            if (!first_child(g, &g->node[v->node], v->k++, &child)) {
                color[v->node] = 2;
                n--;
            } else if (child != NODE_NONE && color[child] == 1) {
                return grammar_fail(g, ERR_ARG, "the grammar refers to itself before any byte"),
                       false;
            } else if (child != NODE_NONE && color[child] == 0) {
                color[child] = 1;
                stack[n++] = (struct visit){child, 0};
            }
        }
    }
    return true;
}

/* ---- closing ---- */

static enum err close_failed(struct grammar_builder *g, struct error *e)
{
    enum err rc = g->work->rc;
    if (e && g->work->e && e != g->work->e)
        *e = *g->work->e;
    else if (e && !g->work->e)
        err_set(e, rc, ERR_NO_POS, "the grammar could not be made");
    arena_free(g->work->arena);
    return rc;
}

enum err grammar_close(struct grammar_builder **builder, uint32_t root, struct grammar **out,
                       struct error *e)
{
    struct grammar_builder *g = *builder;
    *builder = NULL;
    *out = NULL;
    if (g->work->rc == ERR_OK) settle(g);
    if (g->work->rc == ERR_OK && !gnode_is(g->node, root, GNODE_POSSIBLE))
        grammar_fail(g, ERR_ARG, "nothing can be written that obeys the grammar");
    if (g->work->rc != ERR_OK) return close_failed(g, e);

    resolve(g, &root);
    for (uint32_t i = 0; i < g->n_node; i++)
        if (g->node[i].flags & GNODE_POSSIBLE) resolve_node(g, &g->node[i]);
    if (!check_repeats(g) || !check_left(g)) return close_failed(g, e);

    struct grammar *made = grammar_take(g, 1, sizeof *made);
    if (!made) return close_failed(g, e);
    made->arena = g->work->arena;
    made->node = g->node;
    made->n_node = g->n_node;
    made->root = root;
    atomic_init(&made->n_ref, 1);
    rand_bytes(&made->id, sizeof made->id);
    *out = made;
    return ERR_OK;
}

struct grammar *grammar_ref(struct grammar *g)
{
    atomic_fetch_add_explicit(&g->n_ref, 1, memory_order_relaxed);
    return g;
}

void grammar_unref(struct grammar *g)
{
    if (g && atomic_fetch_sub_explicit(&g->n_ref, 1, memory_order_acq_rel) == 1)
        arena_free(g->arena);
}

size_t grammar_bytes(const struct grammar *g) { return arena_used(g->arena); }
