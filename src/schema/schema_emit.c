/* SPDX-License-Identifier: Apache-2.0
 *
 * States to grammar nodes. A state whose values lie flat is made at once; others are reserved
 * and filled from a queue, so that neither recursion nor deep nesting uses the C stack.
 */
#include "schema/norm.h"

void nodes_add(struct norm *c, struct nodes *l, uint32_t node)
{
    if (node == NODE_NONE || c->rc) return;
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 4;
        uint32_t *more = norm_alloc(c, cap, sizeof *more);
        if (c->rc) return;
        if (l->n) memcpy(more, l->v, l->n * sizeof *more);
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = node;
}

bool emit_refused(struct emit *m, const struct shape *s)
{
    if (!s->refused_at) return false;
    (void)norm_fail(m->c, ERR_ARG, "unsupported", s->refused_at, s->refused,
                    "cannot be enforced exactly here");
    return true;
}

/* ---- any value, in the style ---- */

static uint32_t terminal(struct emit *m, enum dfa_shared which)
{
    return grammar_terminal(m->g, dfa_shared(which), 0, GRAMMAR_UNBOUNDED);
}

uint32_t emit_any_value(struct emit *m)
{
    if (m->any_value != NODE_NONE || m->c->rc) return m->any_value;
    m->any_value = grammar_reserve(m->g);
    struct grammar_tail tail = {emit_key_dfa(m, NULL), m->any_value};
    struct grammar_object o = {
        .style = m->style, .tail = &tail, .n_tail = 1, .n_max = GRAMMAR_UNBOUNDED};
    struct grammar_array a = {.style = m->style, .rest = m->any_value, .n_max = GRAMMAR_UNBOUNDED};
    if (m->c->rc) return NODE_NONE;
    uint32_t node[] = {
        emit_any_string(m),      terminal(m, DFA_NUMBER), terminal(m, DFA_TRUE),
        terminal(m, DFA_FALSE),  terminal(m, DFA_NULL),   grammar_object(m->g, &o),
        grammar_array(m->g, &a),
    };
    grammar_fill(m->g, m->any_value, grammar_choice(m->g, node, sizeof node / sizeof node[0]));
    return m->any_value;
}

/* ---- arrays ---- */

/* Nodes of the items of a position, by whether they count for k (NULL: no contains). */
static void item_nodes(struct emit *m, const struct array_shape *a, const struct contains *k,
                       uint32_t at, uint32_t *other, uint32_t *match)
{
    struct norm *c = m->c;
    struct state *s = at < a->n_prefix ? a->prefix[at] : a->rest;
    *match = NODE_NONE;
    if (!k || at < k->from) {
        *other = emit_state(m, s);
        return;
    }
    *match = emit_state(m, state_and(c, s, k->state));
    if (k->n_max == COUNT_UNBOUNDED)
        *other = emit_state(m, s); /* may be counted as no match: there is no upper limit */
    else
        *other = emit_state(m, state_and(c, s, state_of_ref(c, k->state->ref[0] ^ REF_NOT)));
}

/* Items that must differ are terminals. */
static uint32_t unique_node(struct emit *m, const struct array_shape *a, struct state *s)
{
    const struct form *f = state_form(m->c, s);
    const struct dfa *d = f ? emit_unique(m, f) : NULL;
    if (!d)
        (void)norm_fail(m->c, ERR_ARG, "unsupported", a->unique, keyword_name[KW_UNIQUE_ITEMS],
                        "is enforced for strings, numbers, booleans and null only");
    return d && !dfa_is_empty(d) ? grammar_terminal(m->g, d, 0, GRAMMAR_UNBOUNDED) : NODE_NONE;
}

static void emit_array(struct emit *m, const struct shape *s, struct nodes *out)
{
    struct norm *c = m->c;
    const struct array_shape *a = &s->array;
    const struct contains *k = a->n_contains ? &a->contains[0] : NULL;
    bool unique = a->unique && a->n_max > 1;
    if (a->n_contains > 1 || (k && (unique || (k->n_max != COUNT_UNBOUNDED && k->state->n != 1)))) {
        k = &a->contains[a->n_contains - 1];
        (void)norm_fail(c, ERR_ARG, "unsupported", k->at, k->keyword,
                        "cannot be enforced together with what else holds for the items");
        return;
    }
    uint32_t n = k && k->from > a->n_prefix ? k->from : a->n_prefix;
    uint32_t *prefix = norm_alloc(c, (size_t)n + 1, sizeof *prefix);
    uint32_t *match = norm_alloc(c, (size_t)n + 1, sizeof *match);
    for (uint32_t i = 0; i <= n && !c->rc; i++) {
        struct state *item = i < a->n_prefix ? a->prefix[i] : a->rest;
        if (unique)
            prefix[i] = item == c->false_state ? NODE_NONE : unique_node(m, a, item);
        else
            item_nodes(m, a, k, i, &prefix[i], &match[i]);
    }
    if (c->rc) return;
    nodes_add(
        c, out,
        grammar_array(m->g, &(struct grammar_array){.style = m->style,
                                                    .prefix = prefix,
                                                    .n_prefix = n,
                                                    .rest = prefix[n],
                                                    .n_min = a->n_min,
                                                    .n_max = a->n_max,
                                                    .contains = k != NULL,
                                                    .prefix_match = match,
                                                    .rest_match = match[n],
                                                    .n_match_min = k ? k->n_min : 0,
                                                    .n_match_max = k ? k->n_max : GRAMMAR_UNBOUNDED,
                                                    .unique = unique}));
}

/* ---- forms and states ---- */

uint32_t emit_form(struct emit *m, const struct form *f)
{
    struct norm *c = m->c;
    struct nodes out = {0};
    if (f == c->full) return emit_any_value(m);
    if (f->null) nodes_add(c, &out, terminal(m, DFA_NULL));
    if (f->bools & BOOL_FALSE) nodes_add(c, &out, terminal(m, DFA_FALSE));
    if (f->bools & BOOL_TRUE) nodes_add(c, &out, terminal(m, DFA_TRUE));
    emit_numbers(m, f, &out);
    emit_strings(m, f, &out);
    for (uint32_t i = 0; i < f->n && !c->rc; i++) {
        if (emit_refused(m, f->shape[i])) return NODE_NONE;
        if (f->shape[i]->type == SHAPE_ARRAY)
            emit_array(m, f->shape[i], &out);
        else if (f->shape[i]->type == SHAPE_OBJECT)
            emit_object(m, f->shape[i], &out);
    }
    if (c->rc || norm_work_failed(c, NULL, NULL) || out.n == 0) return NODE_NONE;
    return grammar_choice(m->g, out.v, out.n);
}

static bool is_flat(const struct form *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->shape[i]->type == SHAPE_ARRAY || f->shape[i]->type == SHAPE_OBJECT) return false;
    return true;
}

static void enqueue(struct emit *m, struct state *s)
{
    struct norm *c = m->c;
    if (m->n_queue == m->queue_cap) {
        uint32_t cap = m->queue_cap ? m->queue_cap * 2 : 32;
        struct state **more = norm_alloc(c, cap, sizeof(struct state *));
        if (c->rc) return;
        if (m->n_queue) memcpy(more, m->queue, m->n_queue * sizeof(struct state *));
        m->queue = more;
        m->queue_cap = cap;
    }
    m->queue[m->n_queue++] = s;
}

uint32_t emit_state(struct emit *m, struct state *s)
{
    struct norm *c = m->c;
    if (s == c->false_state || c->rc) return NODE_NONE;
    if (s->node != NODE_NONE) return s->node;
    const struct form *f = state_form(c, s);
    if (!f || form_is_empty(f)) return NODE_NONE;
    if (f == c->full || is_flat(f)) {
        s->node = emit_form(m, f);
        return s->node;
    }
    s->depth = m->depth + 1;
    if (s->depth > c->o->depth_max)
        (void)norm_fail(c, ERR_LIMIT, "limit", ref_json(s->ref[0]), NULL,
                        "the schema is more than %u deep", c->o->depth_max);
    s->node = grammar_reserve(m->g);
    enqueue(m, s);
    return s->node;
}

void emit_finish(struct emit *m)
{
    while (m->n_done < m->n_queue && !m->c->rc) {
        struct state *s = m->queue[m->n_done++];
        m->depth = s->depth;
        m->c->at = ref_json(s->ref[0]);
        uint32_t node = emit_form(m, s->form);
        if (node != NODE_NONE) grammar_fill(m->g, s->node, node);
    }
}
