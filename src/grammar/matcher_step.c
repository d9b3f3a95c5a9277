/* SPDX-License-Identifier: Apache-2.0
 *
 * One step of the machine: all tops of a state take a byte, what is done hands on to what stands
 * below, and that goes on until every top waits for a byte again.
 *
 *     top --byte--> top                    work_top
 *     top --byte--> done ... parents       work_pop: each parent goes on (resume)
 *     resume --> node to begin             work_enter, with the rest of the parent below it
 *     node to begin --> tops               enter
 *
 * Work is keyed by frame: parents that come for a frame that waits are united first, so threads
 * that differ only below go on as one. Parents that come for a frame that has been worked go
 * through it alone; the results meet again in the sets, where two nodes of one frame become one
 * with united parents. That is what keeps products of choices linear.
 *
 * Running out of pool or scratch sets a flag and gives 0 everywhere; the callers look at the end.
 */
#include "grammar/matcher_internal.h"

#define UNITE_DEPTH_MAX 200 /* levels down that equal frames are merged */
#define SLOTS (ITEMS_MAX * 2)
#define SLOTS_FEW 128
static_assert((SLOTS / SLOTS_FEW & 0x55555555) != 0, "slots grow four-fold from few to all");

static bool failed(const struct mask_space *s) { return s->pool.full || s->over; }

static const struct rec *rec_of(const struct mask_space *s, uint32_t id)
{
    return pool_rec(&s->pool, id);
}

/* ---- sets: stack nodes by number, no frame twice ---- */

static int by_frame(const struct mask_space *s, uint32_t x, uint32_t y)
{
    const uint32_t *a = rec_of(s, x)->w, *b = rec_of(s, y)->w;
    for (int i = 0; i < FRAME_WORDS; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Heap sort: no memory, no bad case. */
static void sift(const struct mask_space *s, uint32_t *v, size_t i, size_t n)
{
    for (size_t c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && by_frame(s, v[c], v[c + 1]) < 0) c++;
        if (by_frame(s, v[i], v[c]) >= 0) return;
        uint32_t t = v[i];
        v[i] = v[c];
        v[c] = t;
    }
}

static void sort_frames(const struct mask_space *s, uint32_t *v, size_t n)
{
    if (n <= 8) {
        for (size_t i = 1; i < n; i++)
            for (size_t k = i; k > 0 && by_frame(s, v[k - 1], v[k]) > 0; k--) {
                uint32_t t = v[k];
                v[k] = v[k - 1];
                v[k - 1] = t;
            }
        return;
    }
    for (size_t i = n / 2; i-- > 0;) sift(s, v, i, n);
    for (size_t k = n; k-- > 1;) {
        uint32_t t = v[0];
        v[0] = v[k];
        v[k] = t;
        sift(s, v, 0, k);
    }
}

static uint32_t stack_node(struct mask_space *s, const struct frame *f, uint32_t parents)
{
    uint32_t w[FRAME_WORDS + 1] = {f->np, f->a, f->b, f->c, f->d, parents};
    return pool_intern(&s->pool, REC_STACK, w, FRAME_WORDS + 1);
}

static bool gather(struct mask_space *s, uint32_t set)
{
    const struct rec *r = rec_of(s, set);
    uint32_t n = rec_n(r);
    if (s->n_gather + n > CELLS_MAX) {
        s->over = true;
        return false;
    }
    memcpy(s->gather + s->n_gather, r->w, n * sizeof *r->w);
    s->n_gather += n;
    return true;
}

static uint32_t set_of_gathered(struct mask_space *s, uint32_t from, int depth);
static uint32_t set_of_distinct(struct mask_space *s, uint32_t from);

/* One node for v[0..n), which have one frame. */
static uint32_t merge_nodes(struct mask_space *s, uint32_t at, uint32_t n, int depth)
{
    struct frame f;
    memcpy(&f, rec_of(s, s->gather[at])->w, sizeof f);
    uint32_t from = s->n_gather;
    for (uint32_t i = 0; i < n; i++)
        if (!gather(s, rec_of(s, s->gather[at + i])->w[STACK_PARENTS])) return 0;
    uint32_t parents = set_of_gathered(s, from, depth + 1);
    return failed(s) ? 0 : stack_node(s, &f, parents);
}

/* The set of the nodes gathered from there on, which are taken off. */
static uint32_t set_of_gathered(struct mask_space *s, uint32_t from, int depth)
{
    uint32_t *v = s->gather + from, n = s->n_gather - from, kept = 0;
    sort_frames(s, v, n);
    for (uint32_t i = 0, k; i < n && !failed(s); i = k) {
        uint32_t unlike = 1;
        for (k = i + 1;
             k < n && memcmp(rec_of(s, v[i])->w, rec_of(s, v[k])->w, sizeof(struct frame)) == 0;
             k++)
            if (v[k] != v[i + unlike - 1]) v[i + unlike++] = v[k];
        if (unlike > 1 && depth < UNITE_DEPTH_MAX) {
            v[kept++] = merge_nodes(s, from + i, unlike, depth);
        } else {
            memmove(v + kept, v + i, unlike * sizeof *v);
            kept += unlike;
        }
    }
    s->n_gather = from + kept;
    if (failed(s)) s->n_gather = from;
    return set_of_distinct(s, from);
}

static void sift_numbers(uint32_t *v, size_t i, size_t n)
{
    uint32_t x = v[i];
    for (size_t c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && v[c] < v[c + 1]) c++;
        if (x >= v[c]) break;
        v[i] = v[c];
    }
    v[i] = x;
}

/* As set_of_gathered, for nodes that have different frames. Any order does that is always the
 * same; by number is a quick one. */
static uint32_t set_of_distinct(struct mask_space *s, uint32_t from)
{
    uint32_t *v = s->gather + from, n = s->n_gather - from;
    for (size_t i = n / 2; i-- > 0;) sift_numbers(v, i, n);
    for (size_t k = n; k-- > 1;) {
        uint32_t t = v[0];
        v[0] = v[k];
        v[k] = t;
        sift_numbers(v, 0, k);
    }
    s->n_gather = from;
    return n ? pool_intern(&s->pool, REC_SET, v, n) : 0;
}

static uint32_t set_of_one(struct mask_space *s, uint32_t node)
{
    return node ? pool_intern(&s->pool, REC_SET, &node, 1) : 0;
}

/* ---- work ---- */

void step_begin(struct mask_space *s)
{
    s->n_item = s->n_queue = s->queue_at = s->n_gather = 0;
    s->n_cell = 1;
    s->over = false;
    s->slot_mask = SLOTS_FEW - 1;
    if (++s->stamp >= UINT32_MAX - 16) {
        memset(s->item_slot, 0, SLOTS * sizeof *s->item_slot);
        s->stamp = 1;
    }
}

static size_t slot_of(const struct mask_space *s, const struct frame *f)
{
    uint64_t h = (uint64_t)f->np * 0x9e3779b97f4a7c15u;
    h = (h ^ f->a) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 32 ^ f->b) * 0xc4ceb9fe1a85ec53u;
    h = (h ^ h >> 32 ^ f->c ^ (uint64_t)f->d << 32) * 0x9e3779b97f4a7c15u;
    size_t i = (h >> 40) & s->slot_mask;
    for (; s->item_slot[i] >> 32 == s->stamp; i = (i + 1) & s->slot_mask)
        if (memcmp(&s->item[(uint32_t)s->item_slot[i]].f, f, sizeof *f) == 0) break;
    return i; /* slots of an older step are free */
}

/* Few slots for few items: they stay in the processor's cache. */
static void more_slots(struct mask_space *s)
{
    s->slot_mask = s->slot_mask * 4 + 3;
    s->stamp++;
    for (uint32_t k = 0; k < s->n_item; k++)
        s->item_slot[slot_of(s, &s->item[k].f)] = (uint64_t)s->stamp << 32 | k;
}

static struct item *item_of(struct mask_space *s, const struct frame *f)
{
    size_t i = slot_of(s, f);
    if (s->item_slot[i] >> 32 == s->stamp) return &s->item[(uint32_t)s->item_slot[i]];
    if (s->n_item == ITEMS_MAX) {
        s->over = true;
        return NULL;
    }
    s->item_slot[i] = (uint64_t)s->stamp << 32 | s->n_item;
    struct item *item = &s->item[s->n_item++];
    *item = (struct item){.f = *f};
    if (s->n_item * 2 > s->slot_mask && s->slot_mask < SLOTS - 1) more_slots(s);
    return item;
}

static void add_work(struct mask_space *s, const struct frame *f, uint32_t parents)
{
    if (failed(s)) return;
    struct item *item = item_of(s, f);
    if (!item || (item->done == parents && parents)) return;
    if (s->n_cell == CELLS_MAX || s->n_queue == CELLS_MAX) {
        s->over = true;
        return;
    }
    s->cell[s->n_cell] = (struct cell){parents, item->pending};
    item->pending = s->n_cell++;
    if (!item->queued) {
        item->queued = true;
        s->queue[s->n_queue++] = (uint32_t)(item - s->item);
    }
}

void work_top(struct stepper *w, struct frame f, uint32_t parents) { add_work(w->s, &f, parents); }

void work_enter(struct stepper *w, uint32_t node, uint32_t parents)
{
    struct frame f = frame_of(AT_ENTER, node, 0, 0);
    add_work(w->s, &f, parents);
}

void work_pop(struct stepper *w, uint32_t parents)
{
    if (failed(w->s) || !parents) return;
    uint32_t n = rec_n(rec_of(w->s, parents));
    for (uint32_t i = 0; i < n; i++) {
        const struct rec *r = rec_of(w->s, rec_of(w->s, parents)->w[i]);
        struct frame f;
        memcpy(&f, r->w, sizeof f);
        add_work(w->s, &f, r->w[STACK_PARENTS]);
    }
}

uint32_t work_push(struct stepper *w, struct frame f, uint32_t parents)
{
    return set_of_one(w->s, stack_node(w->s, &f, parents));
}

/* Parents that came for the item since it was last worked. */
static uint32_t take_pending(struct mask_space *s, struct item *item)
{
    uint32_t c = item->pending, set = s->cell[c].set;
    item->pending = 0;
    item->queued = false;
    bool alike = true;
    for (uint32_t k = c; k; k = s->cell[k].next) alike = alike && s->cell[k].set == set;
    if (alike) return set;
    uint32_t from = s->n_gather;
    for (; c; c = s->cell[c].next)
        if (s->cell[c].set && !gather(s, s->cell[c].set)) return 0;
    return set_of_gathered(s, from, 0);
}

static uint32_t unite(struct mask_space *s, uint32_t a, uint32_t b)
{
    if (!a || a == b) return b;
    uint32_t from = s->n_gather;
    if (!gather(s, a) || !gather(s, b)) return 0;
    return set_of_gathered(s, from, 0);
}

/* ---- beginning and going on ---- */

static void enter_sequence(struct stepper *w, uint32_t i, const struct gnode *node, uint32_t at,
                           uint32_t parents)
{
    /* The last child takes the parents as they are: right recursion costs no stack. */
    if (node->n == 0)
        work_pop(w, parents);
    else if (at + 1 == node->n)
        work_enter(w, node->child[at], parents);
    else
        work_enter(w, node->child[at], work_push(w, frame_of(AT_SEQUENCE, i, at + 1, 0), parents));
}

static void enter_item(struct stepper *w, uint32_t i, const struct grepeat *r, uint32_t count,
                       uint32_t parents)
{
    uint32_t cap = r->n_max == GRAMMAR_UNBOUNDED ? (r->n_min ? r->n_min : 1) : r->n_max;
    uint32_t next = count < cap ? count + 1 : cap;
    work_enter(w, r->node, work_push(w, frame_of(AT_REPEAT_ITEM, i, next, 0), parents));
}

static void repeat_item_done(struct stepper *w, uint32_t i, uint32_t count, uint32_t parents)
{
    const struct grepeat *r = w->g->node[i].repeat;
    if (count >= r->n_min) work_pop(w, parents);
    if (r->n_max != GRAMMAR_UNBOUNDED && count >= r->n_max) return;
    if (r->between == NODE_NONE)
        enter_item(w, i, r, count, parents);
    else
        work_enter(w, r->between, work_push(w, frame_of(AT_REPEAT_BETWEEN, i, count, 0), parents));
}

static void enter_terminal(struct stepper *w, uint32_t i, uint32_t parents)
{
    const struct dfa *d = w->g->node[i].terminal->d.dfa;
    bool empty = dfa_accepts(d, d->start);
    if (empty) work_pop(w, parents);
    if (!empty || dfa_goes_on(d, d->start))
        work_top(w, frame_of(TOP_TERMINAL, i, d->start, 0), parents);
}

static void enter(struct stepper *w, uint32_t i, uint32_t parents)
{
    const struct gnode *node = &w->g->node[i];
    switch ((enum gnode_kind)node->kind) {
    case GNODE_TEXT:
    case GNODE_MARK:
        if (node->n == 0)
            work_pop(w, parents);
        else
            work_top(w, frame_of(TOP_TEXT, i, 0, 0), parents);
        break;
    case GNODE_TERMINAL: enter_terminal(w, i, parents); break;
    case GNODE_SEQUENCE: enter_sequence(w, i, node, 0, parents); break;
    case GNODE_CHOICE:
        for (uint32_t k = 0; k < node->n; k++) work_enter(w, node->child[k], parents);
        break;
    case GNODE_REPEAT:
        if (node->repeat->n_min == 0) work_pop(w, parents);
        if (node->repeat->n_max > 0) enter_item(w, i, node->repeat, 0, parents);
        break;
    case GNODE_FREE:
        work_top(w, frame_of(TOP_FREE, i, node->free->automaton.start, 0), parents);
        break;
    case GNODE_ARRAY: array_enter(w, i, parents); break;
    case GNODE_OBJECT: object_enter(w, i, parents); break;
    case GNODE_RESERVED:
    case GNODE_ALIAS: break; /* resolved or cut off by grammar_close */
    }
}

static void go_on(struct stepper *w, const struct frame *f, uint32_t parents)
{
    uint32_t i = frame_node(f);
    switch (frame_phase(f)) {
    case AT_ENTER: enter(w, i, parents); break;
    case AT_SEQUENCE: enter_sequence(w, i, &w->g->node[i], f->a, parents); break;
    case AT_REPEAT_ITEM: repeat_item_done(w, i, f->a, parents); break;
    case AT_REPEAT_BETWEEN: enter_item(w, i, w->g->node[i].repeat, f->a, parents); break;
    case AT_ARRAY_OPEN:
    case AT_ARRAY_COMMA:
    case AT_ARRAY_ITEM: array_resume(w, f, parents); break;
    case AT_OBJECT_OPEN:
    case AT_OBJECT_COMMA:
    case AT_OBJECT_VALUE:
    case AT_OBJECT_COLON: object_resume(w, f, parents); break;
    default: break; /* tops are where they should be */
    }
}

/* Works until only tops are left; the state they make. */
static uint32_t settle(struct stepper *w)
{
    struct mask_space *s = w->s;
    while (s->queue_at < s->n_queue && !failed(s)) {
        struct item *item = &s->item[s->queue[s->queue_at++]];
        uint32_t parents = take_pending(s, item);
        if (failed(s)) return 0;
        struct frame f = item->f;
        uint32_t all = unite(s, item->done, parents);
        bool is_new = all != item->done || !all;
        item->done = all;
        if (is_new && !frame_is_top(&f)) go_on(w, &f, parents);
    }
    uint32_t from = s->n_gather;
    for (uint32_t i = 0; i < s->n_item && !failed(s); i++)
        if (frame_is_top(&s->item[i].f)) {
            if (s->n_gather == CELLS_MAX)
                s->over = true;
            else
                s->gather[s->n_gather++] = stack_node(s, &s->item[i].f, s->item[i].done);
        }
    return failed(s) ? 0 : set_of_distinct(s, from);
}

uint32_t step_end(struct stepper *w)
{
    uint32_t to = settle(w);
    if (w->s->over) w->s->pool.full = true;
    return w->s->pool.full ? 0 : to;
}

/* ---- tops ---- */

static void terminal_step(struct stepper *w, const struct frame *f, uint32_t parents, uint8_t byte)
{
    const struct gterminal *t = w->g->node[frame_node(f)].terminal;
    const struct dfa *d = t->d.dfa;
    uint32_t q = dfa_next(d, f->a, byte), count = f->b;
    if (q == DFA_DEAD) return;
    if (d->flags[f->a] & DFA_CHAR && (t->n_min > 0 || t->n_max != GRAMMAR_UNBOUNDED)) {
        if (byte == '"' ? count < t->n_min : count >= t->n_max) return;
        uint32_t cap = t->n_max == GRAMMAR_UNBOUNDED ? t->n_min : t->n_max;
        count += byte != '"' && count < cap;
    }
    bool done = dfa_accepts(d, q);
    if (done) work_pop(w, parents);
    if (!done || dfa_goes_on(d, q))
        work_top(w, frame_of(TOP_TERMINAL, frame_node(f), q, done ? 0 : count), parents);
}

static void text_step(struct stepper *w, const struct frame *f, uint32_t parents, uint8_t byte)
{
    const struct gnode *node = &w->g->node[frame_node(f)];
    if ((uint8_t)node->text[f->a] != byte) return;
    if (node->kind == GNODE_MARK && !w->bytes && f->a == 0 &&
        space_special(w->s, (str){node->text, node->n}) != TOKEN_NONE)
        return;
    if (f->a + 1 == node->n)
        work_pop(w, parents);
    else
        work_top(w, frame_of(TOP_TEXT, frame_node(f), f->a + 1, 0), parents);
}

static void free_step(struct stepper *w, const struct frame *f, uint32_t parents, uint8_t byte)
{
    const struct gfree *free = w->g->node[frame_node(f)].free;
    uint32_t q = dfa_next(&free->automaton, f->a, byte);
    const uint64_t *out = free->out + (size_t)q * free->out_words;
    bool fired = false;
    for (uint32_t t = 0; t < free->n_trigger; t++) {
        if (!(out[t / 64] >> t % 64 & 1)) continue;
        if (!w->bytes && space_special(w->s, free->trigger[t].text) != TOKEN_NONE) continue;
        fired = true;
        if (free->trigger[t].then != NODE_NONE) work_enter(w, free->trigger[t].then, parents);
    }
    if (!fired) work_top(w, frame_of(TOP_FREE, frame_node(f), q, 0), parents);
}

static void top_step(struct stepper *w, const struct frame *f, uint32_t parents, uint8_t byte)
{
    switch (frame_phase(f)) {
    case TOP_TEXT: text_step(w, f, parents, byte); break;
    case TOP_TERMINAL: terminal_step(w, f, parents, byte); break;
    case TOP_KEY: key_step(w, f, parents, byte); break;
    case TOP_TRACK: track_step(w, f, parents, byte); break;
    case TOP_FREE: free_step(w, f, parents, byte); break;
    default: break; /* ends take no byte */
    }
}

uint32_t step_byte(struct mask_space *s, const struct grammar *g, uint32_t state, uint32_t byte)
{
    if (!state || s->pool.full) return 0;
    uint32_t h = (state * 0x9e3779b1u ^ byte * 0x85ebca6bu) >> 7;
    struct step_entry *known = &s->step[h & (STEP_CACHE - 1)];
    if (known->state == state && known->byte == byte) return known->to;

    struct stepper w = {s, g, (byte & STEP_BYTES) != 0};
    bool hole_met = s->hole_met;
    s->hole_met = false;
    step_begin(s);
    uint32_t n = rec_n(rec_of(s, state));
    for (uint32_t i = 0; i < n; i++) {
        const struct rec *r = rec_of(s, rec_of(s, state)->w[i]);
        struct frame f;
        memcpy(&f, r->w, sizeof f);
        top_step(&w, &f, r->w[STACK_PARENTS], (uint8_t)byte);
    }
    uint32_t to = step_end(&w);
    if (!s->pool.full && !s->hole_met) *known = (struct step_entry){state, byte, to};
    s->hole_met = s->hole_met || hole_met;
    return to;
}

uint32_t free_token(const struct mask_space *s, const struct gfree *free, uint32_t q, int32_t id)
{
    enum token_type type = vocab_type(s->vocab, id);
    str piece = vocab_piece(s->vocab, id);
    if (type != TOKEN_NORMAL && type != TOKEN_USER && type != TOKEN_BYTE)
        return free->automaton.start;
    for (size_t i = 0; i < piece.n; i++) {
        q = dfa_next(&free->automaton, q, (uint8_t)piece.p[i]);
        const uint64_t *out = free->out + (size_t)q * free->out_words;
        for (uint32_t t = 0; t < free->n_trigger; t++)
            if (out[t / 64] >> t % 64 & 1 && space_special(s, free->trigger[t].text) == TOKEN_NONE)
                return DFA_DEAD;
    }
    return q;
}

static void token_step(struct stepper *w, const struct frame *f, uint32_t parents, int32_t id)
{
    const struct gnode *node = &w->g->node[frame_node(f)];
    if (frame_phase(f) == TOP_TEXT && node->kind == GNODE_MARK && f->a == 0) {
        if (space_special(w->s, (str){node->text, node->n}) == id) work_pop(w, parents);
    } else if (frame_phase(f) == TOP_FREE) {
        bool fired = false;
        for (uint32_t t = 0; t < node->free->n_trigger; t++) {
            const struct gfree_trigger *trigger = &node->free->trigger[t];
            if (space_special(w->s, trigger->text) != id) continue;
            fired = true;
            if (trigger->then != NODE_NONE) work_enter(w, trigger->then, parents);
        }
        if (fired || vocab_is_eog(w->s->vocab, id)) return;
        uint32_t q = free_token(w->s, node->free, f->a, id);
        if (q != DFA_DEAD) work_top(w, frame_of(TOP_FREE, frame_node(f), q, 0), parents);
    }
}

uint32_t step_token(struct mask_space *s, const struct grammar *g, uint32_t state, int32_t id)
{
    if (!state || s->pool.full) return 0;
    struct stepper w = {s, g, false};
    step_begin(s);
    uint32_t n = rec_n(rec_of(s, state));
    for (uint32_t i = 0; i < n; i++) {
        const struct rec *r = rec_of(s, rec_of(s, state)->w[i]);
        struct frame f;
        memcpy(&f, r->w, sizeof f);
        token_step(&w, &f, r->w[STACK_PARENTS], id);
    }
    return step_end(&w);
}

/* The grammar's number: stands at the bottom of its stacks, so no two grammars share a state. */
static uint32_t bottom(struct mask_space *s, const struct grammar *g, enum phase phase)
{
    uint32_t id[2] = {(uint32_t)g->id, (uint32_t)(g->id >> 32)};
    struct frame f = frame_of(phase, 0, id[0], id[1]);
    return set_of_one(s, stack_node(s, &f, 0));
}

uint32_t step_start(struct mask_space *s, const struct grammar *g)
{
    struct stepper w = {s, g, false};
    step_begin(s);
    work_enter(&w, g->root, bottom(s, g, TOP_END));
    return step_end(&w);
}

uint32_t step_ended(struct mask_space *s, const struct grammar *g)
{
    return bottom(s, g, TOP_ENDED);
}

uint32_t step_pop(struct mask_space *s, const struct grammar *g, uint32_t parents)
{
    struct stepper w = {s, g, false};
    if (s->pool.full) return 0;
    step_begin(s);
    work_pop(&w, parents);
    return step_end(&w);
}

/* ---- looking at a state ---- */

static void terminal_bytes(const struct gterminal *t, const struct frame *f, uint64_t out[4])
{
    const struct dfa *d = t->d.dfa;
    bool at_char = d->flags[f->a] & DFA_CHAR;
    for (uint32_t b = 0; b < 256; b++) {
        if (dfa_next(d, f->a, (uint8_t)b) == DFA_DEAD) continue;
        if (at_char && (b == '"' ? f->b < t->n_min : f->b >= t->n_max)) continue;
        out[b / 64] |= 1ull << b % 64;
    }
}

static void top_bytes(struct mask_space *s, const struct grammar *g, const struct frame *f,
                      uint64_t out[4])
{
    const struct gnode *node = &g->node[frame_node(f)];
    switch (frame_phase(f)) {
    case TOP_TEXT: {
        uint8_t b = (uint8_t)node->text[f->a];
        if (node->kind == GNODE_MARK && f->a == 0 &&
            space_special(s, (str){node->text, node->n}) != TOKEN_NONE)
            break;
        out[b / 64] |= 1ull << b % 64;
        break;
    }
    case TOP_TERMINAL: terminal_bytes(node->terminal, f, out); break;
    case TOP_KEY: key_bytes(s, g, f, out); break;
    case TOP_TRACK: {
        struct gterminal t = {{track_dfa(g, f), 0, false}, 0, GRAMMAR_UNBOUNDED};
        struct frame at = frame_of(TOP_TERMINAL, 0, f->b, 0);
        terminal_bytes(&t, &at, out);
        break;
    }
    case TOP_FREE:
        for (int i = 0; i < 4; i++) out[i] = UINT64_MAX;
        break;
    default: break;
    }
}

void state_bytes(struct mask_space *s, const struct grammar *g, uint32_t state, uint64_t out[4])
{
    for (int i = 0; i < 4; i++) out[i] = 0;
    if (!state) return;
    const struct rec *r = rec_of(s, state);
    for (uint32_t i = 0; i < rec_n(r); i++) {
        struct frame f;
        memcpy(&f, rec_of(s, r->w[i])->w, sizeof f);
        top_bytes(s, g, &f, out);
    }
}

bool state_may_end(const struct mask_space *s, const struct grammar *g, uint32_t state)
{
    if (!state) return false;
    const struct rec *r = rec_of(s, state);
    for (uint32_t i = 0; i < rec_n(r); i++) {
        struct frame f;
        memcpy(&f, rec_of(s, r->w[i])->w, sizeof f);
        enum phase phase = frame_phase(&f);
        if (phase == TOP_END || phase == TOP_ENDED) return true;
        if (phase == TOP_FREE && g->node[frame_node(&f)].free->may_end) return true;
    }
    return false;
}
