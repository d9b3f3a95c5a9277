/* SPDX-License-Identifier: Apache-2.0
 *
 * The compiler's two ends: the schema becomes a state (norm.h), the state a grammar node
 * (schema_emit.c). Scratch is freed before this returns; automata and nodes are the builder's.
 */
#include "schema/schema.h"

#include "schema/norm.h"

/* What is left of a form when it must be an object. */
static const struct form *only_objects(struct norm *c, const struct form *f)
{
    struct shapes out = {0};
    for (uint32_t i = 0; i < f->n; i++)
        if (f->shape[i]->type == SHAPE_OBJECT) shapes_add(c, &out, f->shape[i]);
    if (out.n == 0)
        (void)norm_fail(c, ERR_ARG, "unsupported", c->schema, keyword_name[KW_TYPE],
                        "parameters must be of type \"object\"");
    return form_of(c, false, 0, &out);
}

static uint32_t compile(struct norm *c, struct emit *m)
{
    struct state *root = state_of(c, c->schema, false);
    const struct form *f = state_form(c, root);
    if (!f || c->rc) return NODE_NONE;
    if (form_is_empty(f)) {
        (void)norm_fail(c, ERR_ARG, "unsatisfiable", c->schema, NULL,
                        "no value satisfies the schema");
        return NODE_NONE;
    }
    uint32_t node;
    if (c->o->objects_only) {
        f = only_objects(c, f);
        node = f && !c->rc ? emit_form(m, f) : NODE_NONE;
    } else {
        node = emit_state(m, root);
    }
    emit_finish(m);
    if (c->rc || norm_work_failed(c, NULL, NULL)) return NODE_NONE;
    if (node == NODE_NONE || !grammar_is_possible(m->g, node)) {
        (void)norm_fail(c, ERR_ARG, "unsatisfiable", c->schema, NULL,
                        "no value satisfies the schema");
        return NODE_NONE;
    }
    return node;
}

enum err schema_compile(const struct json *schema, const struct schema_options *o,
                        struct grammar_builder *g, uint32_t *node, struct error *e)
{
    struct norm c;
    struct emit m = {
        .c = &c, .g = g, .style = o->style, .any_value = NODE_NONE, .any_object = NODE_NONE};
    norm_init(&c, schema, o, grammar_work(g), e);
    if (!norm_work_failed(&c, NULL, NULL)) *node = compile(&c, &m);
    (void)norm_work_failed(&c, NULL, NULL);
    enum err rc = c.rc;
    norm_done(&c);
    return rc;
}

static uint32_t any_object(struct grammar_builder *g, uint32_t value)
{
    struct grammar_tail tail = {dfa_shared(DFA_STRING), value};
    return grammar_object(
        g, &(struct grammar_object){.tail = &tail, .n_tail = 1, .n_max = GRAMMAR_UNBOUNDED});
}

uint32_t schema_any_value(struct grammar_builder *g)
{
    uint32_t value = grammar_reserve(g);
    uint32_t node[] = {
        grammar_terminal(g, dfa_shared(DFA_STRING), 0, GRAMMAR_UNBOUNDED),
        grammar_terminal(g, dfa_shared(DFA_NUMBER), 0, GRAMMAR_UNBOUNDED),
        grammar_terminal(g, dfa_shared(DFA_TRUE), 0, GRAMMAR_UNBOUNDED),
        grammar_terminal(g, dfa_shared(DFA_FALSE), 0, GRAMMAR_UNBOUNDED),
        grammar_terminal(g, dfa_shared(DFA_NULL), 0, GRAMMAR_UNBOUNDED),
        any_object(g, value),
        grammar_array(g, &(struct grammar_array){.rest = value, .n_max = GRAMMAR_UNBOUNDED}),
    };
    grammar_fill(g, value, grammar_choice(g, node, sizeof node / sizeof node[0]));
    return value;
}

uint32_t schema_any_object(struct grammar_builder *g) { return any_object(g, schema_any_value(g)); }
