/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks: which tokens may come in a state. The trie of tokens is walked with the machine; where a
 * state is one plain terminal only its automaton runs.
 */
#include "grammar/matcher_internal.h"

struct walk {
    struct mask_space *s;
    const struct grammar *g;
    const struct trie *trie;
    uint64_t *mask;
};

static const struct rec *rec_of(const struct mask_space *s, uint32_t id)
{
    return pool_rec(&s->pool, id);
}

static void set_bit(uint64_t *mask, uint32_t id)
{
    mask[id / 64] |= 1ull << id % 64;
}

static bool has_bit(const uint64_t *mask, int32_t id)
{
    return mask[id / 64] >> id % 64 & 1;
}

/* Numbers of the trie node itself. */
static void take_own(const struct walk *w, uint32_t i)
{
    const struct trie *t = w->trie;
    for (uint32_t k = t->node[i].first; k < t->node[i + 1].first; k++) set_bit(w->mask, t->id[k]);
}

static void walk_state(const struct walk *w, uint32_t i, uint32_t state);

struct lone { const struct dfa *dfa; uint32_t node, parents; };

/* The state is one terminal without counts; false when it is not. */
static bool lone_terminal(const struct walk *w, uint32_t state, struct lone *out, uint32_t *q)
{
    const struct rec *set = rec_of(w->s, state);
    if (rec_n(set) != 1) return false;
    struct frame f;
    const struct rec *top = rec_of(w->s, set->w[0]);
    memcpy(&f, top->w, sizeof f);
    if (frame_phase(&f) != TOP_TERMINAL) return false;
    const struct gterminal *t = w->g->node[frame_node(&f)].terminal;
    if (t->n_min > 0 || t->n_max != GRAMMAR_UNBOUNDED) return false;
    *out = (struct lone){t->dfa, frame_node(&f), top->w[STACK_PARENTS]};
    *q = f.a;
    return true;
}

static uint32_t lone_state(const struct walk *w, const struct lone *lone, uint32_t q)
{
    uint32_t row[FRAME_WORDS + 1] = {(uint32_t)TOP_TERMINAL << PHASE_SHIFT | lone->node, q, 0, 0, 0,
                                     lone->parents};
    uint32_t node = pool_intern(&w->s->pool, REC_STACK, row, FRAME_WORDS + 1);
    return node ? pool_intern(&w->s->pool, REC_SET, &node, 1) : 0;
}

static void walk_lone(const struct walk *w, uint32_t i, const struct lone *lone, uint32_t q)
{
    const struct trie_node *node = w->trie->node;
    for (uint32_t c = i + 1, end = node[i].end; c < end; c = node[c].end) {
        uint32_t to = dfa_next(lone->dfa, q, node[c].byte);
        if (to == DFA_DEAD) continue;
        take_own(w, c);
        if (node[c].end == c + 1) continue;
        if (dfa_accepts(lone->dfa, to))
            walk_state(w, c, step_byte(w->s, w->g, lone_state(w, lone, q), node[c].byte));
        else
            walk_lone(w, c, lone, to);
    }
}

static void walk_state(const struct walk *w, uint32_t i, uint32_t state)
{
    const struct trie_node *node = w->trie->node;
    struct lone lone;
    uint32_t q;
    if (!state) return;
    if (lone_terminal(w, state, &lone, &q)) {
        walk_lone(w, i, &lone, q);
        return;
    }
    uint64_t bytes[4];
    state_bytes(w->s, w->g, state, bytes);
    for (uint32_t c = i + 1, end = node[i].end; c < end; c = node[c].end) {
        if (!(bytes[node[c].byte / 64] >> node[c].byte % 64 & 1)) continue;
        uint32_t to = step_byte(w->s, w->g, state, node[c].byte);
        if (!to) continue;
        take_own(w, c);
        if (node[c].end > c + 1) walk_state(w, c, to);
    }
}

/* What free text takes by id: all that is no text, and what fires a trigger or contains none. */
static void add_free(const struct walk *w, const struct gfree *free, uint32_t q)
{
    struct mask_space *s = w->s;
    uint64_t fires[GRAMMAR_TRIGGERS_MAX / 64] = {0};
    for (uint32_t t = 0; t < free->n_trigger; t++) {
        int32_t id = space_special(s, free->trigger[t].text);
        if (id != TOKEN_NONE && free->trigger[t].then == NODE_NONE && !has_bit(w->mask, id))
            fires[t / 64] |= 1ull << t % 64;
    }
    for (size_t k = 0; k < s->words; k++) w->mask[k] |= s->control[k];
    for (uint32_t k = 0; k < s->n_apart_text; k++)
        if (free_token(s, free, q, s->apart_text[k]) != DFA_DEAD)
            set_bit(w->mask, (uint32_t)s->apart_text[k]);
    for (uint32_t t = 0; t < free->n_trigger; t++) {
        int32_t id = space_special(s, free->trigger[t].text);
        if (id == TOKEN_NONE) continue;
        if (free->trigger[t].then != NODE_NONE) set_bit(w->mask, (uint32_t)id);
        else if (fires[t / 64] >> t % 64 & 1) w->mask[id / 64] &= ~(1ull << id % 64);
    }
}

static void add_apart(const struct walk *w, const struct frame *f)
{
    const struct gnode *node = &w->g->node[frame_node(f)];
    if (frame_phase(f) == TOP_FREE) add_free(w, node->free, f->a);
    if (frame_phase(f) != TOP_TEXT || node->kind != GNODE_MARK || f->a > 0) return;
    int32_t id = space_special(w->s, (str){node->text, node->n});
    if (id != TOKEN_NONE) set_bit(w->mask, (uint32_t)id);
}

bool mask_make(struct mask_space *s, const struct grammar *g, uint32_t state, uint64_t *mask)
{
    struct walk w = {s, g, &s->trie, mask};
    memset(mask, 0, s->words * sizeof *mask);
    walk_state(&w, 0, state);
    const struct rec *set = rec_of(s, state);
    for (uint32_t i = 0; i < rec_n(set) && !s->pool.full; i++) {
        struct frame f;
        memcpy(&f, rec_of(s, set->w[i])->w, sizeof f);
        add_apart(&w, &f);
    }
    if (state_may_end(s, g, state))
        for (size_t k = 0; k < s->words; k++) mask[k] |= s->eog[k];
    return !s->pool.full;
}

/* A slot for a mask: the oldest one is given up. */
static uint32_t take_slot(struct mask_space *s)
{
    uint32_t slot = s->mask_hand;
    s->mask_hand = (slot + 1) % s->n_mask_slot;
    if (s->mask_state[slot]) pool_rec(&s->pool, s->mask_state[slot])->aux = 0;
    s->mask_state[slot] = 0;
    return slot;
}

const uint64_t *mask_of(struct mask_space *s, const struct grammar *g, uint32_t state)
{
    s->stats.n_mask++;
    uint32_t known = rec_of(s, state)->aux;
    if (known) {
        s->stats.n_mask_cached++;
        return s->mask_buffer + (size_t)(known - 1) * s->words;
    }
    uint32_t slot = take_slot(s);
    uint64_t *mask = s->mask_buffer + (size_t)slot * s->words;
    if (!mask_make(s, g, state, mask)) return NULL;
    s->mask_state[slot] = state;
    pool_rec(&s->pool, state)->aux = slot + 1;
    return mask;
}
