/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks: which tokens may come in a state. Each top of the state brings its own:
 *
 * - a terminal brings the profile of its automaton: tokens that stay inside. Tokens that leave it
 *   are found by what stands behind the way out, walked from the state below: for texts in quotes
 *   in the trie of all that stands behind quotes, with a look at what stands before; else in the
 *   profile's own trie of ways out;
 * - a key or an item that must differ from others (tracked) as well, less the tokens that would
 *   run into a text used before;
 * - free text its profile too;
 * - all other tops together walk the trie of tokens; few of its nodes are reached.
 */
#include "grammar/matcher_internal.h"

#define RELEASE_FROM ((size_t)512 << 10) /* bytes of states made for one mask */

/* What must have stood before the quote. */
struct before {
    const struct dfa *dfa;
    uint32_t state, n_min, n_max; /* characters; GRAMMAR_UNBOUNDED: none */
};

struct walk {
    struct mask_space *s;
    const struct grammar *g;
    const struct trie *trie;
    const struct before *before; /* the trie is that of quotes; or NULL */
    uint32_t whole; /* state that tokens begin in, for those that must be tried
                                        * as a whole; 0: there are none */
    uint64_t *mask;
};

static const struct rec *rec_of(const struct mask_space *s, uint32_t id)
{
    return pool_rec(&s->pool, id);
}

static void set_bit(uint64_t *mask, uint32_t id) { mask[id / 64] |= 1ull << id % 64; }

static bool has_bit(const uint64_t *mask, int32_t id) { return mask[id / 64] >> id % 64 & 1; }

/* ---- taking tokens ---- */

static bool fits_before(const struct before *b, str text)
{
    uint32_t q = b->state, chars = 0;
    for (size_t i = 0; i < text.n; i++) {
        chars += (b->dfa->flags[q] & DFA_CHAR) && text.p[i] != '"';
        q = dfa_next(b->dfa, q, (uint8_t)text.p[i]);
        if (q == DFA_DEAD) return false;
    }
    return dfa_accepts(b->dfa, q) && chars >= b->n_min && chars <= b->n_max;
}

static bool token_fits(const struct walk *w, uint32_t id)
{
    str piece = vocab_piece(w->s->vocab, (int32_t)id);
    uint32_t state = w->whole;
    for (size_t i = 0; i < piece.n && state; i++)
        state = step_byte(w->s, w->g, state, (uint8_t)piece.p[i]);
    return state != 0;
}

/* Takes the numbers [from, to); `sure`: the way to them needs no second look. */
static void take(const struct walk *w, uint32_t from, uint32_t to, bool sure)
{
    for (uint32_t k = from; k < to; k++) {
        uint32_t id = w->trie->id[k];
        if (w->before) {
            const struct quote_item *item = &w->s->quote_item[id];
            id = item->id;
            if (has_bit(w->mask, (int32_t)id)) continue;
            if (!fits_before(w->before, str_sub(vocab_piece(w->s->vocab, (int32_t)id), 0, item->n)))
                continue;
        }
        if (sure || token_fits(w, id)) set_bit(w->mask, id);
    }
}

static void take_own(const struct walk *w, uint32_t i)
{
    take(w, w->trie->node[i].first, w->trie->node[i + 1].first, true);
}

/* ---- walking ---- */

static void walk_state(const struct walk *w, uint32_t i, uint32_t state, uint32_t depth);

struct lone {
    const struct dfa *dfa;
    uint32_t node, parents;
};

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
    *out = (struct lone){t->d.dfa, frame_node(&f), top->w[STACK_PARENTS]};
    *q = f.a;
    return true;
}

static uint32_t lone_state(const struct walk *w, const struct lone *lone, uint32_t q)
{
    uint32_t row[FRAME_WORDS + 1] = {
        (uint32_t)TOP_TERMINAL << PHASE_SHIFT | lone->node, q, 0, 0, 0, lone->parents};
    uint32_t node = pool_intern(&w->s->pool, REC_STACK, row, FRAME_WORDS + 1);
    return node ? pool_intern(&w->s->pool, REC_SET, &node, 1) : 0;
}

static void walk_lone(const struct walk *w, uint32_t i, const struct lone *lone, uint32_t q,
                      uint32_t depth)
{
    const struct trie_node *node = w->trie->node;
    for (uint32_t c = i + 1, end = node[i].end; c < end; c = node[c].end) {
        uint32_t to = dfa_next(lone->dfa, q, node[c].byte);
        if (to == DFA_DEAD) continue;
        take_own(w, c);
        if (node[c].end == c + 1) continue;
        if (dfa_accepts(lone->dfa, to))
            walk_state(w, c, step_byte(w->s, w->g, lone_state(w, lone, q), node[c].byte),
                       depth + 1);
        else
            walk_lone(w, c, lone, to, depth + 1);
    }
}

/* ---- keys of properties: the names run along the trie, without states ---- */

struct keys {
    const struct gobject *object;
    struct frame f;
    uint32_t parents;
};

/* The machine's own state behind `depth` bytes of the name. */
static uint32_t key_state(const struct walk *w, const struct keys *keys, uint32_t name,
                          uint32_t depth)
{
    struct frame f = keys->f;
    while (name > 0 && keys->object->name[name].lcp >= depth) name--;
    f.b = name;
    f.c = depth;
    uint32_t row[FRAME_WORDS + 1] = {f.np, f.a, f.b, f.c, f.d, keys->parents};
    uint32_t node = pool_intern(&w->s->pool, REC_STACK, row, FRAME_WORDS + 1);
    return node ? pool_intern(&w->s->pool, REC_SET, &node, 1) : 0;
}

/* From trie node i on, the names [from, to) of the stack, which have depth bytes in common. */
static void walk_keys(const struct walk *w, uint32_t i, const struct keys *keys, uint32_t from,
                      uint32_t to, uint32_t depth)
{
    const struct gname *name = keys->object->name;
    const struct trie_node *node = w->trie->node;
    for (uint32_t end; from < to; from = end) {
        uint32_t first = w->s->name[from];
        uint8_t byte = (uint8_t)name[first].text.p[depth];
        bool done = name[first].text.n == depth + 1;
        for (end = from + 1; end < to; end++)
            if ((uint8_t)name[w->s->name[end]].text.p[depth] != byte) break;
        uint32_t c = trie_child(w->trie, i, byte);
        if (!c) continue;
        take_own(w, c);
        if (node[c].end == c + 1) continue;
        if (done)
            walk_state(w, c, step_byte(w->s, w->g, key_state(w, keys, first, depth), byte),
                       depth + 1);
        else
            walk_keys(w, c, keys, from, end, depth + 1);
    }
}

/* False when the names do not fit. */
static bool walk_key(const struct walk *w, uint32_t i, const struct frame *f, uint32_t parents)
{
    struct keys keys = {w->g->node[frame_node(f)].object, *f, parents};
    uint32_t base = w->s->n_name;
    bool fits = key_names(w->s, w->g, f);
    if (fits) walk_keys(w, i, &keys, base, w->s->n_name, f->c);
    w->s->n_name = base;
    return fits;
}

static bool lone_key(const struct walk *w, uint32_t i, uint32_t state)
{
    const struct rec *set = rec_of(w->s, state);
    if (rec_n(set) != 1) return false;
    struct frame f;
    const struct rec *top = rec_of(w->s, set->w[0]);
    memcpy(&f, top->w, sizeof f);
    return frame_phase(&f) == TOP_KEY && walk_key(w, i, &f, top->w[STACK_PARENTS]);
}

static void walk_child(const struct walk *w, uint32_t c, uint32_t state, uint32_t depth)
{
    const struct trie_node *node = w->trie->node;
    w->s->hole_met = false;
    uint32_t to = step_byte(w->s, w->g, state, node[c].byte);
    if (w->s->hole_met) {
        take(w, node[c].first, node[node[c].end].first, false);
        return;
    }
    if (!to) return;
    take_own(w, c);
    if (node[c].end > c + 1) walk_state(w, c, to, depth + 1);
}

static void walk_state(const struct walk *w, uint32_t i, uint32_t state, uint32_t depth)
{
    const struct trie_node *node = w->trie->node;
    struct lone lone;
    uint32_t q;
    uint64_t bytes[4];
    if (!state) return;
    if (depth > 0 && lone_terminal(w, state, &lone, &q)) {
        walk_lone(w, i, &lone, q, depth);
        return;
    }
    if (lone_key(w, i, state)) return;
    state_bytes(w->s, w->g, state, bytes);
    if (w->trie->child) {
        const struct trie *t = w->trie;
        for (uint32_t k = t->child_at[i], end = t->child_at[i + 1]; k < end; k++)
            if (bytes[t->child_byte[k] / 64] >> t->child_byte[k] % 64 & 1)
                walk_child(w, t->child[k], state, depth);
        return;
    }
    for (uint32_t c = i + 1, end = node[i].end; c < end; c = node[c].end)
        if (bytes[node[c].byte / 64] >> node[c].byte % 64 & 1) walk_child(w, c, state, depth);
}

/* ---- terminals ---- */

/* Tokens that leave by a quote, `below` being the state behind it. */
static void add_quoted(const struct walk *w, const struct before *b, uint32_t below, uint32_t whole)
{
    struct walk quotes = *w;
    quotes.trie = &w->s->quote;
    quotes.before = b;
    quotes.whole = whole;
    walk_state(&quotes, 0, below, 0);
}

/* Everything that tokens do from state q of the automaton on. False when there is no profile. */
static bool add_automaton(const struct walk *w, const struct gdfa *d, const struct before *b,
                          uint32_t below, uint32_t whole)
{
    uint64_t first[4];
    struct profile_key key = {.id = d->id, .dfa = d->dfa, .state = b->state, .quoted = d->quoted};
    if (!d->quoted) {
        state_bytes(w->s, w->g, below, first);
        key.first = first;
    }
    const struct profile *p = profile_get(w->s, &key);
    if (!p) return false;
    profile_add(w->s, p, b->n_min, b->n_max, w->mask);
    if (d->quoted) {
        add_quoted(w, b, below, whole);
    } else if (p->leave.n_id > 0) {
        struct walk leave = *w;
        leave.trie = &p->leave;
        leave.whole = whole;
        walk_state(&leave, 0, below, 0);
    }
    return true;
}

static bool add_terminal(const struct walk *w, const struct frame *f, uint32_t parents)
{
    const struct gterminal *t = &w->g->node[frame_node(f)].terminal[0];
    struct before b = {t->d.dfa, f->a, 0, GRAMMAR_UNBOUNDED};
    if (t->n_min > 0 || t->n_max != GRAMMAR_UNBOUNDED) {
        if (!t->d.quoted) return false;
        b.n_min = f->b < t->n_min ? t->n_min - f->b : 0;
        if (t->n_max != GRAMMAR_UNBOUNDED) b.n_max = t->n_max - f->b;
    }
    return add_automaton(w, &t->d, &b, step_pop(w->s, w->g, parents), 0);
}

/* ---- tracked texts ---- */

static void clear_below(const struct walk *w, uint32_t i)
{
    const struct trie *t = w->trie;
    for (uint32_t k = t->node[i].first, end = t->node[t->node[i].end].first; k < end; k++)
        w->mask[t->id[k] / 64] &= ~(1ull << t->id[k] % 64);
}

/* A text that must not come, `rest` being what is missing of it: tokens that go along it are
 * looked at with the machine itself, from `state` on. Where there is no end of words, only the
 * last byte can be a dead end, and behind a quote it is one. */
static void correct(const struct walk *w, uint32_t state, const struct gdfa *d, uint32_t q,
                    str rest)
{
    uint32_t i = 0;
    bool simple = d->quoted;
    for (size_t k = 0; k < rest.n; k++) {
        uint8_t byte = (uint8_t)rest.p[k];
        i = trie_child(w->trie, i, byte);
        if (!i) return;
        q = dfa_next(d->dfa, q, byte);
        if (q == DFA_DEAD) return;
        bool last = k + 1 == rest.n;
        if (simple && (last || !d->dfa->n_word || d->dfa->n_word[q] == UINT32_MAX)) {
            if (last && dfa_accepts(d->dfa, q)) clear_below(w, i);
            continue;
        }
        if (simple)
            for (size_t n = 0; n < k; n++) state = step_byte(w->s, w->g, state, (uint8_t)rest.p[n]);
        simple = false;
        state = step_byte(w->s, w->g, state, byte);
        if (state && !last) continue;
        clear_below(w, i);
        if (!state) return;
        take_own(w, i);
        walk_state(w, i, state, (uint32_t)k + 1);
    }
}

struct correction {
    const struct walk *w;
    const struct gdfa *d;
    uint32_t state, q;
};

static void correct_one(void *arg, str rest)
{
    const struct correction *c = arg;
    correct(c->w, c->state, c->d, c->q, rest);
}

static bool add_tracked(const struct walk *w, const struct frame *f, uint32_t node,
                        uint32_t parents)
{
    struct mask_space *s = w->s;
    struct before b = {track_dfa(w->g, f), f->b, 0, GRAMMAR_UNBOUNDED};
    struct gdfa d = *track_gdfa(w->g, f);
    uint32_t state = pool_intern(&s->pool, REC_SET, &node, 1);
    uint32_t below = track_below(s, w->g, f, parents);
    if (!state || !below || s->pool.full) return false;
    struct walk own = *w;
    own.mask = s->track;
    memset(own.mask, 0, s->words * sizeof *own.mask);
    if (!add_automaton(&own, &d, &b, below, state)) return false;
    struct correction c = {&own, &d, state, f->b};
    track_excluded(s, w->g, f, correct_one, &c);
    for (size_t k = 0; k < s->words; k++) w->mask[k] |= own.mask[k];
    return true;
}

/* ---- free text and marks ---- */

/* What free text takes by id: all that is no text, and what fires a trigger or contains none. */
static void add_free_apart(const struct walk *w, const struct gfree *free, uint32_t q)
{
    struct mask_space *s = w->s;
    uint64_t barred[GRAMMAR_TRIGGERS_MAX / 64] = {0};
    for (uint32_t t = 0; t < free->n_trigger; t++) {
        int32_t id = space_special(s, free->trigger[t].text);
        if (id != TOKEN_NONE && free->trigger[t].then == NODE_NONE && !has_bit(w->mask, id))
            barred[t / 64] |= 1ull << t % 64;
    }
    for (size_t k = 0; k < s->words; k++) w->mask[k] |= s->control[k];
    for (uint32_t k = 0; k < s->n_apart_text; k++)
        if (free_token(s, free, q, s->apart_text[k]) != DFA_DEAD)
            set_bit(w->mask, (uint32_t)s->apart_text[k]);
    for (uint32_t t = 0; t < free->n_trigger; t++) {
        int32_t id = space_special(s, free->trigger[t].text);
        if (id == TOKEN_NONE) continue;
        if (free->trigger[t].then != NODE_NONE)
            set_bit(w->mask, (uint32_t)id);
        else if (barred[t / 64] >> t % 64 & 1)
            w->mask[id / 64] &= ~(1ull << id % 64);
    }
}

static bool add_free(const struct walk *w, const struct frame *f, uint32_t node)
{
    const struct gfree *free = w->g->node[frame_node(f)].free;
    struct profile_key key = {.id = free->id, .dfa = &free->automaton, .state = f->a, .free = free};
    const struct profile *p = profile_get(w->s, &key);
    struct walk whole = *w;
    whole.whole = pool_intern(&w->s->pool, REC_SET, &node, 1);
    if (!p || !whole.whole) return false;
    profile_add(w->s, p, 1, GRAMMAR_UNBOUNDED, w->mask); /* closed ones have no characters */
    for (uint32_t k = 0; k < p->n_closed; k++)
        if (token_fits(&whole, p->closed_id[k])) set_bit(w->mask, p->closed_id[k]);
    return true;
}

static void add_by_id(const struct walk *w, const struct frame *f)
{
    const struct gnode *node = &w->g->node[frame_node(f)];
    if (frame_phase(f) == TOP_FREE) add_free_apart(w, node->free, f->a);
    if (frame_phase(f) != TOP_TEXT || node->kind != GNODE_MARK || f->a > 0) return;
    int32_t id = space_special(w->s, (str){node->text, node->n});
    if (id != TOKEN_NONE) set_bit(w->mask, (uint32_t)id);
}

/* ---- states ---- */

static bool add_top(const struct walk *w, uint32_t node)
{
    struct frame f;
    const struct rec *top = rec_of(w->s, node);
    memcpy(&f, top->w, sizeof f);
    switch (frame_phase(&f)) {
    case TOP_TERMINAL: return add_terminal(w, &f, top->w[STACK_PARENTS]);
    case TOP_TRACK: return add_tracked(w, &f, node, top->w[STACK_PARENTS]);
    case TOP_FREE: return add_free(w, &f, node);
    case TOP_KEY: return walk_key(w, 0, &f, top->w[STACK_PARENTS]);
    default: return false;
    }
}

/* False when the pool is full. */
static bool mask_make(struct mask_space *s, const struct grammar *g, uint32_t state, uint64_t *mask)
{
    struct walk w = {.s = s, .g = g, .trie = &s->trie, .mask = mask};
    memset(mask, 0, s->words * sizeof *mask);
    uint32_t n = rec_n(rec_of(s, state)), n_rest = 0;
    for (uint32_t i = 0; i < n && !s->pool.full; i++) {
        uint32_t node = rec_of(s, state)->w[i];
        if (!add_top(&w, node)) s->rest[n_rest++] = node;
    }
    if (n_rest > 0 && !s->pool.full)
        walk_state(&w, 0, pool_intern(&s->pool, REC_SET, s->rest, n_rest), 0);
    for (uint32_t i = 0; i < n && !s->pool.full; i++) {
        struct frame f;
        memcpy(&f, rec_of(s, rec_of(s, state)->w[i])->w, sizeof f);
        add_by_id(&w, &f);
    }
    if (!s->pool.full && state_may_end(s, g, state))
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

/* States that only the walks went through are given back when they are many. */
static void release(struct mask_space *s, size_t at)
{
    if (s->pool.full || s->pool.at - at < RELEASE_FROM) return;
    pool_release(&s->pool, at);
    for (uint32_t i = 0; i < STEP_CACHE; i++)
        if ((size_t)s->step[i].state * 4 >= at || (size_t)s->step[i].to * 4 >= at)
            s->step[i] = (struct step_entry){0};
    s->hole = 0;
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
    size_t at = s->pool.at;
    uint64_t *mask = s->mask_buffer + (size_t)slot * s->words;
    if (!mask_make(s, g, state, mask)) return NULL;
    release(s, at);
    s->mask_state[slot] = state;
    pool_rec(&s->pool, state)->aux = slot + 1;
    return mask;
}
