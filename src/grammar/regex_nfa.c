/* SPDX-License-Identifier: Apache-2.0
 *
 * Tree -> NFA over sets of code points, built from its end: each part is given the node that
 * follows it. ^ and $ are nodes without width: ^ passes only before the first character, and what
 * follows a passed $ counts only if the text ends there, which nfa_build works out once
 * (is_last). Unanchored: the start loops over any character, and NFA_MATCH stands for any rest.
 */
#include "grammar/regex_internal.h"

struct builder {
    struct regex *re;
    struct nfa *nfa;
};

static uint32_t build(struct builder *b, const struct re *node, uint32_t next);

static uint32_t node_add(struct builder *b, enum nfa_kind kind, uint32_t out, uint32_t out2)
{
    struct nfa *nfa = b->nfa;
    if (!dfa_states_fit(b->re->w, nfa->n) || (nfa->n % 1024 == 0 && !dfa_in_time(b->re->w)))
        return 0;
    if (nfa->n == nfa->cap) {
        struct nfa_node *grown = re_grow(b->re, nfa->node, nfa->n, &nfa->cap, sizeof *grown);
        if (!grown) return 0;
        nfa->node = grown;
    }
    nfa->node[nfa->n] = (struct nfa_node){.kind = (uint8_t)kind, .out = out, .out2 = out2};
    return nfa->n++;
}

static uint32_t set_node_add(struct builder *b, uint32_t set, uint32_t next)
{
    uint32_t id = node_add(b, NFA_SET, next, 0);
    if (b->re->w->rc == ERR_OK) b->nfa->node[id].set = set;
    return id;
}

/* child* (or child+, when at_least_once), then next. */
static uint32_t build_loop(struct builder *b, const struct re *child, uint32_t next,
                           bool at_least_once)
{
    uint32_t split = node_add(b, NFA_SPLIT, next, next);
    uint32_t body = build(b, child, split);
    if (b->re->w->rc == ERR_OK) b->nfa->node[split].out = body;
    return at_least_once ? body : split;
}

/* Optional repetitions are nested, x{0,3} = (x(x(x)?)?)?, so that each has one way out. */
static uint32_t build_repeat(struct builder *b, const struct re *node, uint32_t next)
{
    uint32_t at = next, n_copy = node->min;
    if (node->max == RE_NO_MAX) {
        at = build_loop(b, node->child, next, node->min > 0);
        n_copy = node->min > 0 ? node->min - 1 : 0;
    }
    for (uint32_t i = node->min; i < node->max && node->max != RE_NO_MAX; i++) {
        uint32_t body = build(b, node->child, at);
        if (body == at || b->re->w->rc != ERR_OK) break;
        at = node_add(b, NFA_SPLIT, body, next);
    }
    for (uint32_t i = 0; i < n_copy; i++) {
        uint32_t body = build(b, node->child, at);
        if (body == at || b->re->w->rc != ERR_OK) break;
        at = body;
    }
    return at;
}

static uint32_t build(struct builder *b, const struct re *node, uint32_t next)
{
    uint32_t at = next;
    if (b->re->w->rc != ERR_OK) return 0;
    switch (node->kind) {
    case RE_SET: return set_node_add(b, node->set, next);
    case RE_BEGIN: return node_add(b, NFA_BEGIN, next, 0);
    case RE_END: return node_add(b, NFA_END, next, 0);
    case RE_REPEAT: return build_repeat(b, node, next);
    case RE_CAT:
        for (const struct re *c = node->child; c; c = c->next) at = build(b, c, at);
        return at;
    case RE_ALT:
        at = build(b, node->child, next);
        for (const struct re *c = node->child->next; c; c = c->next) {
            uint32_t other = build(b, c, next);
            at = node_add(b, NFA_SPLIT, other, at);
        }
        return at;
    default: return at;
    }
}

/* Nodes from which the match is reached without a character, if the text ends there; ^ does not
 * pass, because a character went before. Nodes mostly follow those they lead to: a sweep or two
 * settles it. */
static void mark_last(struct nfa *nfa)
{
    bool is_settled = false;
    while (!is_settled) {
        is_settled = true;
        for (uint32_t i = 0; i < nfa->n; i++) {
            struct nfa_node *x = &nfa->node[i];
            bool is_last =
                x->kind == NFA_MATCH || (x->kind == NFA_END && nfa->node[x->out].is_last) ||
                (x->kind == NFA_SPLIT && (nfa->node[x->out].is_last || nfa->node[x->out2].is_last));
            if (is_last && !x->is_last) {
                x->is_last = true;
                is_settled = false;
            }
        }
    }
}

/* Nodes from which a match can be reached behind the begin of the text. */
static void mark_useful(const struct regex *re, struct nfa *nfa)
{
    bool is_settled = false;
    while (!is_settled) {
        is_settled = true;
        for (uint32_t i = 0; i < nfa->n; i++) {
            struct nfa_node *x = &nfa->node[i];
            bool can_pass = x->kind == NFA_SPLIT || (x->kind == NFA_SET && re->set[x->set].n > 0);
            bool is_useful = x->is_last ||
                             (can_pass && (nfa->node[x->out].is_useful ||
                                           (x->kind == NFA_SPLIT && nfa->node[x->out2].is_useful)));
            if (is_useful && !x->is_useful) {
                x->is_useful = true;
                is_settled = false;
            }
        }
    }
}

bool nfa_build(struct regex *re, struct nfa *nfa)
{
    struct builder b = {re, nfa};
    uint32_t match = node_add(&b, NFA_MATCH, 0, 0);
    uint32_t start = re->w->rc == ERR_OK ? build(&b, re->root, match) : 0;
    if (!re->is_whole && re->w->rc == ERR_OK) {
        struct cp_set any = {NULL, 0, 0, 0};
        set_add(re, &any, 0, CP_MAX);
        uint32_t loop = node_add(&b, NFA_SPLIT, start, start);
        uint32_t skip = set_node_add(&b, set_intern(re, &any), loop);
        if (re->w->rc == ERR_OK) nfa->node[loop].out2 = skip;
        start = loop;
    }
    nfa->start = start;
    if (re->w->rc != ERR_OK) return false;
    mark_last(nfa);
    mark_useful(re, nfa);
    return true;
}
