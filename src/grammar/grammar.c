/* SPDX-License-Identifier: Apache-2.0
 *
 * The builder: nodes on the arena of the work, each checked for what it can write as it is made.
 * Only recursion leaves something for later; grammar_settle (grammar_close.c) goes over all nodes
 * until nothing comes new.
 */
#include "grammar/grammar_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/hash.h"
#include "base/rand.h"
#include "grammar/dfa_internal.h"

struct grammar_builder *grammar_builder_new(struct dfa_work *w)
{
    struct grammar_builder *g = arena_new_of(w->arena, struct grammar_builder);
    g->work = w;
    for (int i = 0; i < 2; i++) g->json_open[i] = g->json_close[i] = NODE_NONE;
    g->json_comma = g->json_colon = NODE_NONE;
    return g;
}

void grammar_builder_free(struct grammar_builder *g)
{
    if (g) arena_free(g->work->arena);
}

struct dfa_work *grammar_work(struct grammar_builder *g) { return g->work; }

uint32_t grammar_fail(struct grammar_builder *g, enum err rc, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    dfa_fail(g->work, rc, "%s", text);
    return NODE_NONE;
}

void *grammar_take(struct grammar_builder *g, size_t n, size_t size)
{
    return dfa_result(g->work, n ? n : 1, size);
}

static void *take_copy(struct grammar_builder *g, const void *p, size_t n, size_t size)
{
    void *copy = grammar_take(g, n, size);
    if (copy && n) memcpy(copy, p, n * size);
    return copy;
}

static bool grow(struct grammar_builder *g)
{
    uint32_t cap = g->cap_node ? g->cap_node * 2 : 64;
    struct gnode *node = grammar_take(g, cap, sizeof *node);
    if (!node) return false;
    if (g->n_node) memcpy(node, g->node, g->n_node * sizeof *node);
    g->node = node;
    g->cap_node = cap;
    return true;
}

uint32_t grammar_add(struct grammar_builder *g, struct gnode node)
{
    if (g->work->rc != ERR_OK) return NODE_NONE;
    if (g->n_node >= GRAMMAR_NODES_MAX)
        return grammar_fail(g, ERR_LIMIT, "the grammar has more than %u nodes", GRAMMAR_NODES_MAX);
    if (g->n_node == g->cap_node && !grow(g)) return NODE_NONE;
    g->node[g->n_node] = node;
    (void)grammar_eval(g, g->n_node);
    return g->n_node++;
}

/* ---- plain nodes ---- */

uint32_t grammar_reserve(struct grammar_builder *g)
{
    return grammar_add(g, (struct gnode){.kind = GNODE_RESERVED});
}

void grammar_fill(struct grammar_builder *g, uint32_t reserved, uint32_t node)
{
    if (g->work->rc != ERR_OK) return;
    CHECK(reserved < g->n_node && g->node[reserved].kind == GNODE_RESERVED);
    if (node == NODE_NONE) return;
    CHECK(node < g->n_node);
    g->node[reserved].kind = GNODE_ALIAS;
    g->node[reserved].alias = node;
    if (grammar_eval(g, reserved)) g->dirty = true;
}

static uint32_t text_node(struct grammar_builder *g, str bytes, uint8_t kind)
{
    if (bytes.n > UINT32_MAX / 2)
        return grammar_fail(g, ERR_LIMIT, "a text of the grammar has %zu bytes", bytes.n);
    char *copy = take_copy(g, bytes.p, bytes.n, 1);
    if (!copy) return NODE_NONE;
    return grammar_add(g, (struct gnode){.kind = kind, .n = (uint32_t)bytes.n, .text = copy});
}

uint32_t grammar_text(struct grammar_builder *g, str bytes)
{
    return text_node(g, bytes, GNODE_TEXT);
}

uint32_t grammar_mark(struct grammar_builder *g, str text)
{
    return text_node(g, text, text.n ? GNODE_MARK : GNODE_TEXT);
}

/* Wherever the text may be closed it also may go on, and the other way round: a count within its
 * bounds can then always be finished. */
static bool counts_freely(const struct dfa *d)
{
    uint32_t cls = d->class_of['"'];
    for (uint32_t q = 1; q < d->n_state; q++) {
        if (!(d->flags[q] & DFA_CHAR)) continue;
        const uint32_t *row = d->next + (size_t)q * d->n_class;
        if (!dfa_accepts(d, row[cls]) && row[cls] == DFA_DEAD) return false;
        uint32_t n_on = 0;
        for (uint32_t c = 0; c < d->n_class; c++) n_on += c != cls && row[c] != DFA_DEAD;
        if (n_on == 0) return false;
    }
    return true;
}

/* States of the product: (state, characters so far, at most `cap`), numbered as they are met. */
struct product {
    struct dfa_draft draft;
    uint32_t *id, *state, *count; /* id[state * (cap + 1) + count]; by id */
    const struct dfa *dfa;
    uint32_t cap, n;
};

static uint32_t product_state(struct product *p, uint32_t q, uint32_t count)
{
    uint32_t *id = &p->id[(size_t)q * (p->cap + 1) + count];
    if (*id == 0) {
        *id = dfa_draft_add(&p->draft, p->dfa->flags[q]);
        p->state[*id] = q;
        p->count[*id] = count;
        if (*id > p->n) p->n = *id;
    }
    return *id;
}

static void product_row(struct product *p, uint32_t i, uint32_t n_min, uint32_t n_max)
{
    const struct dfa *d = p->dfa;
    uint32_t q = p->state[i], count = p->count[i];
    bool at_char = d->flags[q] & DFA_CHAR;
    for (uint32_t c = 0; c < d->n_class; c++) {
        uint32_t to = d->next[(size_t)q * d->n_class + c], next = count;
        bool quote = c == d->class_of['"'];
        if (to == DFA_DEAD || (at_char && quote && count < n_min)) continue;
        if (at_char && !quote) {
            if (count >= n_max) continue;
            next = count < p->cap ? count + 1 : count;
        }
        to = product_state(p, to, next);
        if (to == DFA_DEAD) return;
        dfa_draft_row(&p->draft, i)[c] = to;
    }
}

/* The language of d with counted characters, the counts spelled out in states. */
static const struct dfa *count_product(struct grammar_builder *g, const struct dfa *d,
                                       uint32_t n_min, uint32_t n_max)
{
    struct product p = {.dfa = d, .cap = n_max == GRAMMAR_UNBOUNDED ? n_min : n_max};
    struct dfa_work *w = g->work;
    size_t n = (size_t)d->n_state * ((size_t)p.cap + 1);
    if (n > w->n_state_max * (size_t)4) {
        dfa_fail(w, ERR_LIMIT, "a counted text of %u states and %u characters is too large",
                 d->n_state, p.cap);
        return NULL;
    }
    dfa_draft_init(&p.draft, w, d->class_of, d->n_class);
    p.id = grammar_take(g, n, sizeof *p.id);
    p.state = grammar_take(g, n + 1, sizeof *p.state);
    p.count = grammar_take(g, n + 1, sizeof *p.count);
    if (!p.id || !p.state || !p.count) {
        dfa_draft_done(&p.draft);
        return NULL;
    }
    uint32_t start = product_state(&p, d->start, 0);
    for (uint32_t i = start; i <= p.n && w->rc == ERR_OK; i++) product_row(&p, i, n_min, n_max);
    return dfa_draft_finish(&p.draft, start);
}

/* ---- automata ---- */

/* Accepting states are ends, and just those a quote leads to behind the first byte. */
static bool ends_in_quote(const struct dfa *d)
{
    uint32_t quote = d->class_of['"'];
    for (int b = 0; b < 256; b++)
        if (b != '"' && d->class_of[b] == quote) return false;
    for (uint32_t q = 1; q < d->n_state; q++) {
        const uint32_t *row = d->next + (size_t)q * d->n_class;
        for (uint32_t c = 0; c < d->n_class; c++) {
            if (dfa_accepts(d, q) && row[c] != DFA_DEAD) return false;
            if (dfa_accepts(d, row[c]) && c != quote) return false;
        }
    }
    return !dfa_accepts(d, d->start);
}

#define HASHED_BYTES_MAX ((size_t)256 << 10)   /* a larger automaton is unlike any other */

static uint64_t dfa_id(const struct dfa *d)
{
    uint64_t parts[4] = {(uint64_t)d->n_state << 32 | d->n_class, d->start,
                         hash_str((str){(const char *)d->class_of, sizeof d->class_of}),
                         hash_str((str){(const char *)d->flags, d->n_state})};
    size_t bytes = (size_t)d->n_state * d->n_class * sizeof *d->next;
    uint64_t next;
    if (bytes > HASHED_BYTES_MAX) rand_bytes(&next, sizeof next);
    else next = hash_str((str){(const char *)d->next, bytes});
    return hash_str((str){(const char *)parts, sizeof parts}) ^ next * 0x9e3779b97f4a7c15u;
}

struct gdfa grammar_dfa(struct grammar_builder *g, const struct dfa *d)
{
    if (d->shared) return (struct gdfa){d, d->shared, d->shared == 1 + DFA_STRING};
    struct gdfa *known = &g->known[((uintptr_t)d >> 4) % GRAMMAR_KNOWN];
    if (known->dfa != d) *known = (struct gdfa){d, dfa_id(d), ends_in_quote(d)};
    return *known;
}

uint32_t grammar_terminal(struct grammar_builder *g, const struct dfa *d, uint32_t n_min,
                          uint32_t n_max)
{
    if (g->work->rc != ERR_OK || !d) return NODE_NONE;
    bool counted = n_min > 0 || n_max < GRAMMAR_UNBOUNDED;
    if (counted && !dfa_is_empty(d) && n_min <= n_max && !counts_freely(d)) {
        d = count_product(g, d, n_min, n_max);
        n_min = 0;
        n_max = GRAMMAR_UNBOUNDED;
    }
    struct gterminal *t = d ? grammar_take(g, 1, sizeof *t) : NULL;
    if (!t) return NODE_NONE;
    *t = (struct gterminal){grammar_dfa(g, d), n_min, n_max};
    return grammar_add(g, (struct gnode){.kind = GNODE_TERMINAL, .terminal = t});
}

static uint32_t list_node(struct grammar_builder *g, const uint32_t *node, size_t n, uint8_t kind)
{
    if (n > GRAMMAR_NODES_MAX)
        return grammar_fail(g, ERR_LIMIT, "a node of the grammar has %zu parts", n);
    uint32_t *child = take_copy(g, node, n, sizeof *child);
    if (!child) return NODE_NONE;
    return grammar_add(g, (struct gnode){.kind = kind, .n = (uint32_t)n, .child = child});
}

uint32_t grammar_sequence(struct grammar_builder *g, const uint32_t *node, size_t n)
{
    if (n == 1 && node[0] != NODE_NONE) return node[0];
    return list_node(g, node, n, GNODE_SEQUENCE);
}

uint32_t grammar_choice(struct grammar_builder *g, const uint32_t *node, size_t n)
{
    if (n == 1 && node[0] != NODE_NONE) return node[0];
    return list_node(g, node, n, GNODE_CHOICE);
}

uint32_t grammar_repeat(struct grammar_builder *g, uint32_t node, uint32_t n_min, uint32_t n_max,
                        uint32_t between)
{
    struct grepeat *r = grammar_take(g, 1, sizeof *r);
    if (!r) return NODE_NONE;
    *r = (struct grepeat){node, n_min, n_max, between};
    return grammar_add(g, (struct gnode){.kind = GNODE_REPEAT, .repeat = r});
}

/* ---- free text ---- */

/* Trie of the triggers in `next`, a row per state. Gives the number of states. */
static uint32_t trigger_trie(struct gfree *f, uint32_t *next)
{
    uint32_t n_class = f->automaton.n_class, n_state = 2;
    for (uint32_t t = 0; t < f->n_trigger; t++) {
        uint32_t q = 1;
        for (size_t i = 0; i < f->trigger[t].text.n; i++) {
            uint8_t byte = (uint8_t)f->trigger[t].text.p[i];
            uint32_t *to = &next[(size_t)q * n_class + f->automaton.class_of[byte]];
            if (*to == 0) *to = n_state++;
            q = *to;
        }
        f->out[(size_t)q * f->out_words + t / 64] |= 1ull << t % 64;
    }
    return n_state;
}

/* Breadth first: a missing way is that of the longest proper suffix. */
static void trigger_links(struct gfree *f, uint32_t *next, uint32_t *fail, uint32_t *queue)
{
    uint32_t n_class = f->automaton.n_class, n = 0;
    for (uint32_t c = 0; c < n_class; c++) {
        uint32_t *to = &next[n_class + c];
        if (*to == 0)
            *to = 1;
        else
            fail[*to] = 1, queue[n++] = *to;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t q = queue[i];
        for (uint32_t w = 0; w < f->out_words; w++)
            f->out[(size_t)q * f->out_words + w] |= f->out[(size_t)fail[q] * f->out_words + w];
        for (uint32_t c = 0; c < n_class; c++) {
            uint32_t *to = &next[(size_t)q * n_class + c];
            uint32_t other = next[(size_t)fail[q] * n_class + c];
            if (*to == 0)
                *to = other;
            else
                fail[*to] = other, queue[n++] = *to;
        }
    }
}

static bool trigger_automaton(struct grammar_builder *g, struct gfree *f)
{
    size_t states = 2;
    struct dfa *d = &f->automaton;
    d->n_class = 1;
    for (uint32_t t = 0; t < f->n_trigger; t++) {
        states += f->trigger[t].text.n;
        for (size_t i = 0; i < f->trigger[t].text.n; i++) {
            uint8_t *cls = &d->class_of[(uint8_t)f->trigger[t].text.p[i]];
            if (*cls == 0) *cls = (uint8_t)(d->n_class < 255 ? d->n_class++ : 255);
        }
    }
    f->out_words = f->n_trigger / 64 + 1;
    uint32_t *next = grammar_take(g, states * d->n_class, sizeof *next);
    uint32_t *fail = grammar_take(g, states, sizeof *fail);
    uint32_t *queue = grammar_take(g, states, sizeof *queue);
    uint8_t *flags = grammar_take(g, states, 1);
    f->out = grammar_take(g, states * f->out_words, sizeof *f->out);
    if (!next || !fail || !queue || !flags || !f->out) return false;
    d->n_state = trigger_trie(f, next);
    trigger_links(f, next, fail, queue);
    d->start = 1;
    d->next = next;
    d->flags = flags;
    f->id = dfa_id(d);
    for (uint32_t t = 0; t < f->n_trigger; t++)
        f->id = (f->id ^ hash_str(f->trigger[t].text)) * 0x9e3779b97f4a7c15u;
    return true;
}

uint32_t grammar_free(struct grammar_builder *g, const struct grammar_trigger *t, size_t n,
                      bool may_end)
{
    if (g->work->rc != ERR_OK) return NODE_NONE;
    if (n > GRAMMAR_TRIGGERS_MAX)
        return grammar_fail(g, ERR_LIMIT, "free text has %zu triggers, at most %d are allowed", n,
                            GRAMMAR_TRIGGERS_MAX);
    struct gfree *f = grammar_take(g, 1, sizeof *f);
    struct gfree_trigger *copy = grammar_take(g, n, sizeof *copy);
    if (!f || !copy) return NODE_NONE;
    *f = (struct gfree){.trigger = copy, .n_trigger = (uint32_t)n, .may_end = may_end};
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += t[i].text.n;
        if (t[i].text.n == 0 || bytes > GRAMMAR_TRIGGER_BYTES_MAX)
            return grammar_fail(g, ERR_LIMIT, "triggers have 1 to %d bytes together",
                                GRAMMAR_TRIGGER_BYTES_MAX);
        char *text = take_copy(g, t[i].text.p, t[i].text.n, 1);
        if (!text) return NODE_NONE;
        copy[i] = (struct gfree_trigger){{text, t[i].text.n}, t[i].then};
    }
    if (!trigger_automaton(g, f)) return NODE_NONE;
    return grammar_add(g, (struct gnode){.kind = GNODE_FREE, .free = f});
}
