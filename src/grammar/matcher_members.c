/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays and objects in the machine of matcher_step.c: which members and items may come, so that
 * the counts can still be met, and texts that must not come twice.
 */
#include "grammar/matcher_internal.h"

static const struct rec *rec_of(const struct mask_space *s, uint32_t id)
{
    return pool_rec(&s->pool, id);
}

/* ---- texts that were written ---- */

static uint32_t text_add(struct mask_space *s, uint32_t text, uint8_t byte)
{
    uint32_t w[3] = {text, byte, text ? rec_of(s, text)->w[2] + 1 : 1};
    return pool_intern(&s->pool, REC_TEXT, w, 3);
}

static uint32_t text_bytes(const struct mask_space *s, uint32_t text)
{
    return text ? rec_of(s, text)->w[2] : 0;
}

/* Its first n bytes. */
static uint32_t text_prefix(const struct mask_space *s, uint32_t text, uint32_t n)
{
    for (uint32_t k = text_bytes(s, text); k > n; k--) text = rec_of(s, text)->w[0];
    return text;
}

static uint32_t used_add(struct mask_space *s, uint32_t used, uint32_t text)
{
    uint32_t w[3] = {used, text, used ? rec_of(s, used)->w[2] + 1 : 1};
    return pool_intern(&s->pool, REC_USED, w, 3);
}

static uint32_t used_count(const struct mask_space *s, uint32_t used)
{
    return used ? rec_of(s, used)->w[2] : 0;
}

/* Text 0 is the empty one; so is the hole while there is none. */
static bool is_hole(const struct mask_space *s, uint32_t text) { return text && text == s->hole; }

static bool used_has(struct mask_space *s, uint32_t used, uint32_t text)
{
    for (; used; used = rec_of(s, used)->w[0]) {
        if (rec_of(s, used)->w[1] == text) return true;
        s->hole_met = s->hole_met || is_hole(s, rec_of(s, used)->w[1]);
    }
    return false;
}

/* Is `text` the first n bytes of `name`? */
static bool text_starts(const struct mask_space *s, uint32_t text, str name)
{
    uint32_t n = text_bytes(s, text);
    if (n > name.n) return false;
    for (; n > 0; n--, text = rec_of(s, text)->w[0])
        if ((uint8_t)name.p[n - 1] != rec_of(s, text)->w[1]) return false;
    return true;
}

static bool accepts_rest(const struct dfa *d, uint32_t q, str rest)
{
    for (size_t i = 0; i < rest.n && q != DFA_DEAD; i++) q = dfa_next(d, q, (uint8_t)rest.p[i]);
    return dfa_accepts(d, q);
}

/* Does d, in state q behind the first n bytes of text, accept the rest of it? */
static bool accepts_text(const struct mask_space *s, const struct dfa *d, uint32_t q, uint32_t text,
                         uint32_t n)
{
    char rest[4096];
    size_t at = sizeof rest;
    for (uint32_t k = text_bytes(s, text); k > n && at > 0; k--, text = rec_of(s, text)->w[0])
        rest[--at] = (char)rec_of(s, text)->w[1];
    /* A word longer than this is of no finite language that could be counted here. */
    if (at == 0) return false;
    return accepts_rest(d, q, (str){rest + at, sizeof rest - at});
}

/* Words that d accepts from q, behind text, which may not be written: used ones, names. */
static uint32_t count_excluded(struct mask_space *s, const struct gobject *o, uint32_t used,
                               const struct dfa *d, uint32_t q, uint32_t text)
{
    uint32_t n = 0, at = text_bytes(s, text);
    for (uint32_t u = used; u; u = rec_of(s, u)->w[0]) {
        uint32_t word = rec_of(s, u)->w[1];
        s->hole_met = s->hole_met || is_hole(s, word);
        n += text_bytes(s, word) >= at && text_prefix(s, word, at) == text &&
             accepts_text(s, d, q, word, at);
    }
    for (uint32_t i = 0; o && i < o->n_property; i++) {
        str name = str_sub(o->name[i].text, 0, o->name[i].name_n);
        n += text_starts(s, text, name) && accepts_rest(d, q, str_sub(name, at, name.n));
    }
    return n;
}

static bool is_name(const struct mask_space *s, const struct gobject *o, uint32_t text)
{
    char key[4096];
    uint32_t n = text_bytes(s, text);
    if (n > sizeof key) {
        for (uint32_t i = 0; i < o->n_property; i++)
            if (o->name[i].name_n == n && text_starts(s, text, o->name[i].text)) return true;
        return false;
    }
    for (uint32_t k = n, t = text; k > 0; k--, t = rec_of(s, t)->w[0])
        key[k - 1] = (char)rec_of(s, t)->w[1];
    uint32_t lo = 0, hi = o->n_property;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (str_cmp(o->name[mid].text, (str){key, n}) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < o->n_property && str_starts(o->name[lo].text, (str){key, n}); lo++)
        if (o->name[lo].name_n == n) return true;
    return false;
}

/* ---- tracked terminals: keys of tails, items that differ ---- */

const struct gdfa *track_gdfa(const struct grammar *g, const struct frame *f)
{
    const struct gnode *node = &g->node[frame_node(f)];
    if (node->kind == GNODE_OBJECT) return &node->object->tail[f->d].key;
    return &g->node[f->d >> 1].terminal->d;
}

static uint32_t track_used(const struct mask_space *s, const struct frame *f)
{
    return rec_of(s, f->a)->w[2];
}

/* Counts past which nothing changes. */
static uint32_t array_count(const struct garray *a, uint32_t c)
{
    uint32_t cap = a->n_prefix > a->n_min ? a->n_prefix : a->n_min;
    if (a->n_reach != GRAMMAR_UNBOUNDED) return c;
    if (cap == 0) cap = 1;
    return c < cap ? c : cap;
}

static uint32_t match_count(const struct garray *a, uint32_t m)
{
    if (a->n_match_max != GRAMMAR_UNBOUNDED || m < a->n_match_min) return m;
    return a->n_match_min;
}

static uint32_t object_write(struct stepper *w, const struct gobject *o, uint32_t os,
                             uint32_t property, uint32_t text);

static void track_done(struct stepper *w, const struct frame *f, uint32_t text, uint32_t parents)
{
    const struct gnode *node = &w->g->node[frame_node(f)];
    if (node->kind == GNODE_OBJECT) {
        uint32_t os = object_write(w, node->object, f->a, NODE_NONE, text);
        struct frame colon = frame_of(AT_OBJECT_COLON, frame_node(f), os, f->d);
        work_enter(w, node->object->colon, work_push(w, colon, parents));
        return;
    }
    const uint32_t *as = rec_of(w->s, f->a)->w;
    struct frame item =
        frame_of(AT_ARRAY_ITEM, frame_node(f), as[0], match_count(node->array, as[1] + (f->d & 1)));
    item.c = used_add(w->s, as[2], text);
    struct frame at = item;
    array_resume(w, &at, parents);
}

/* The tracked terminal has come to state q by writing text. */
static void track_at(struct stepper *w, const struct frame *f, uint32_t q, uint32_t text,
                     uint32_t parents)
{
    const struct gnode *node = &w->g->node[frame_node(f)];
    const struct gobject *o = node->kind == GNODE_OBJECT ? node->object : NULL;
    const struct dfa *d = track_dfa(w->g, f);
    uint32_t used = track_used(w->s, f), n_word = d->n_word ? d->n_word[q] : UINT32_MAX;
    bool done = dfa_accepts(d, q);
    bool excluded = done && (used_has(w->s, used, text) || (o && is_name(w->s, o, text)));
    if (done && !excluded) track_done(w, f, text, parents);
    bool goes_on = n_word == UINT32_MAX ? !done || dfa_goes_on(d, q) : n_word > done;
    if (goes_on && n_word - done <= used_count(w->s, used) + (o ? o->n_property : 0))
        goes_on = n_word - done > count_excluded(w->s, o, used, d, q, text) - excluded;
    if (goes_on) {
        struct frame to = *f;
        to.b = q;
        to.c = text;
        work_top(w, to, parents);
    }
}

void track_step(struct stepper *w, const struct frame *f, uint32_t parents, uint8_t byte)
{
    uint32_t q = dfa_next(track_dfa(w->g, f), f->b, byte);
    if (q == DFA_DEAD) return;
    uint32_t text = text_add(w->s, f->c, byte);
    if (text) track_at(w, f, q, text, parents);
}

uint32_t track_below(struct mask_space *s, const struct grammar *g, const struct frame *f,
                     uint32_t parents)
{
    struct stepper w = {s, g, false};
    uint32_t row[3] = {0, UINT32_MAX, 0};
    s->hole = pool_intern(&s->pool, REC_TEXT, row, 3);
    if (!s->hole) return 0;
    step_begin(s);
    s->hole_met = false;
    track_done(&w, f, s->hole, parents);
    uint32_t to = step_end(&w);
    return s->hole_met ? 0 : to;
}

#define EXCLUDED_BYTES_MAX 4096 /* of a rest; tokens are shorter by far */

void track_excluded(struct mask_space *s, const struct grammar *g, const struct frame *f,
                    void (*fn)(void *arg, str rest), void *arg)
{
    const struct gnode *node = &g->node[frame_node(f)];
    const struct gobject *o = node->kind == GNODE_OBJECT ? node->object : NULL;
    uint32_t at = text_bytes(s, f->c);
    char rest[EXCLUDED_BYTES_MAX];
    for (uint32_t u = track_used(s, f); u; u = rec_of(s, u)->w[0]) {
        uint32_t word = rec_of(s, u)->w[1], n = text_bytes(s, word);
        if (n <= at || text_prefix(s, word, at) != f->c) continue;
        for (; n > at; n--, word = rec_of(s, word)->w[0])
            if (n - at <= sizeof rest) rest[n - at - 1] = (char)rec_of(s, word)->w[1];
        n = text_bytes(s, rec_of(s, u)->w[1]) - at;
        fn(arg, (str){rest, n < sizeof rest ? n : sizeof rest});
    }
    for (uint32_t i = 0; o && i < o->n_property; i++) {
        str name = str_sub(o->name[i].text, 0, o->name[i].name_n);
        if (name.n > at && text_starts(s, f->c, name)) fn(arg, str_sub(name, at, name.n));
    }
}

/* ---- arrays ---- */

static uint32_t array_item(const struct garray *a, uint32_t c, bool match)
{
    if (c < a->n_prefix) return match ? a->prefix_match[c] : a->prefix[c];
    return match ? a->rest_match : a->rest;
}

/* May an item come at position c that counts, or does not, as a match? */
static bool array_takes(const struct garray *a, uint32_t c, uint32_t m, bool match)
{
    uint8_t can = a->can[c < a->n_prefix ? c : a->n_prefix];
    if (a->n_reach != GRAMMAR_UNBOUNDED && c >= a->n_reach) return false;
    if (!(can & (match ? GARRAY_MATCH : GARRAY_OTHER))) return false;
    if (match && a->n_match_max != GRAMMAR_UNBOUNDED && m >= a->n_match_max) return false;
    return garray_is_live(a, c + 1, m + match);
}

static void array_items(struct stepper *w, uint32_t i, const struct frame *f, uint32_t parents)
{
    const struct garray *a = w->g->node[i].array;
    for (uint32_t match = 0; match < 2; match++) {
        if (!array_takes(a, f->a, f->b, match)) continue;
        uint32_t item = array_item(a, f->a, match), c = array_count(a, f->a + 1);
        struct frame to = frame_of(AT_ARRAY_ITEM, i, c, match_count(a, f->b + match));
        if (!a->unique) {
            work_enter(w, item, work_push(w, to, parents));
            continue;
        }
        uint32_t as[3] = {c, f->b, f->c};
        struct frame track = frame_of(TOP_TRACK, i, pool_intern(&w->s->pool, REC_ARRAY, as, 3),
                                      w->g->node[item].terminal->d.dfa->start);
        track.d = item << 1 | match;
        if (track.a) track_at(w, &track, track.b, 0, parents);
    }
}

/* Is an item left that was not written yet? */
static bool array_has_unused(struct stepper *w, const struct garray *a, const struct frame *f)
{
    uint32_t item = array_item(a, f->a, false);
    const struct dfa *d = w->g->node[item].terminal->d.dfa;
    uint32_t n_word = d->n_word ? d->n_word[d->start] : UINT32_MAX;
    if (n_word > used_count(w->s, f->c)) return true;
    return n_word > count_excluded(w->s, NULL, f->c, d, d->start, 0);
}

static bool array_may_close(const struct garray *a, const struct frame *f)
{
    return f->a >= a->n_min && f->b >= a->n_match_min &&
           (a->n_match_max == GRAMMAR_UNBOUNDED || f->b <= a->n_match_max);
}

void array_enter(struct stepper *w, uint32_t node, uint32_t parents)
{
    const struct garray *a = w->g->node[node].array;
    work_enter(w, a->style.open, work_push(w, frame_of(AT_ARRAY_OPEN, node, 0, 0), parents));
}

void array_resume(struct stepper *w, const struct frame *f, uint32_t parents)
{
    uint32_t i = frame_node(f);
    const struct garray *a = w->g->node[i].array;
    if (frame_phase(f) != AT_ARRAY_COMMA && array_may_close(a, f))
        work_enter(w, a->style.close, parents);
    if (frame_phase(f) != AT_ARRAY_ITEM) {
        array_items(w, i, f, parents);
    } else if ((array_takes(a, f->a, f->b, false) && (!a->unique || array_has_unused(w, a, f))) ||
               array_takes(a, f->a, f->b, true)) {
        struct frame comma = *f;
        comma.np = (uint32_t)AT_ARRAY_COMMA << PHASE_SHIFT | i;
        work_enter(w, a->style.comma, work_push(w, comma, parents));
    }
}

/* ---- objects ---- */

static uint64_t tail_words(const struct mask_space *s, const struct gobject *o, uint32_t used)
{
    if (o->n_tail_word == UINT64_MAX || !used) return o->n_tail_word;
    return o->n_tail_word - rec_of(s, used)->w[2];
}

static struct ostate ostate_of(const struct mask_space *s, const struct gobject *o, uint32_t os)
{
    const uint32_t *w = rec_of(s, os)->w;
    struct ostate st = {.count = w[0], .next = w[1], .used = w[2], .bits = w + 3};
    st.n_word = tail_words(s, o, st.used);
    if (!o->any_order) {
        st.n_missing = o->required_from[st.next];
        st.n_open = o->possible_from[st.next];
        return st;
    }
    st.n_missing = o->n_required;
    st.n_open = o->possible_from[0];
    for (uint32_t i = 0; i < o->n_property; i++)
        if (st.bits[i / 32] >> i % 32 & 1) {
            st.n_missing -= o->property[i].required;
            st.n_open--;
        }
    return st;
}

/* Can n more members behind these reach the least count? */
static bool reaches_min(const struct gobject *o, uint32_t count, uint32_t n_open, uint64_t n_word)
{
    return n_word == UINT64_MAX || count + n_open + n_word >= o->n_min;
}

static bool may_write(const struct gobject *o, const struct ostate *st, uint32_t i)
{
    const struct gproperty *p = &o->property[i];
    uint32_t missing, open;
    if (!p->possible) return false;
    if (o->any_order) {
        if (st->bits[i / 32] >> i % 32 & 1) return false;
        missing = st->n_missing - p->required;
        open = st->n_open - 1;
    } else {
        if (i < st->next || o->required_from[st->next] != o->required_from[i]) return false;
        missing = o->required_from[i + 1];
        open = o->possible_from[i + 1];
    }
    if (o->n_max != GRAMMAR_UNBOUNDED && (uint64_t)st->count + 1 + missing > o->n_max) return false;
    return reaches_min(o, st->count + 1, open, st->n_word);
}

static bool may_write_tail(const struct gobject *o, const struct ostate *st)
{
    if (st->n_word == 0 || (!o->any_order && st->n_missing > 0)) return false;
    if (o->n_max != GRAMMAR_UNBOUNDED && (uint64_t)st->count + 1 + st->n_missing > o->n_max)
        return false;
    uint64_t left = st->n_word == UINT64_MAX ? UINT64_MAX : st->n_word - 1;
    return reaches_min(o, st->count + 1, o->any_order ? st->n_open : 0, left);
}

static bool may_close(const struct gobject *o, const struct ostate *st)
{
    return st->n_missing == 0 && st->count >= o->n_min;
}

static bool may_go_on(const struct gobject *o, const struct ostate *st)
{
    if (may_write_tail(o, st)) return true;
    for (uint32_t i = o->any_order ? 0 : st->next; i < o->n_property; i++)
        if (may_write(o, st, i)) return true;
    return false;
}

#define OBJECT_WORDS_MAX (GRAMMAR_ANY_ORDER_MAX / 32)

static uint32_t object_write(struct stepper *w, const struct gobject *o, uint32_t os,
                             uint32_t property, uint32_t text)
{
    uint32_t row[3 + OBJECT_WORDS_MAX], n = o->any_order ? (o->n_property + 31) / 32 : 0;
    uint32_t cap = o->n_min ? o->n_min : 1;
    memcpy(row, rec_of(w->s, os)->w, (3 + n) * sizeof *row);
    if (o->n_max != GRAMMAR_UNBOUNDED || row[0] < cap) row[0]++;
    if (property == NODE_NONE) {
        if (!o->any_order) row[1] = o->n_property;
        row[2] = used_add(w->s, row[2], text);
    } else if (o->any_order) {
        row[3 + property / 32] |= 1u << property % 32;
    } else {
        row[1] = property + 1;
    }
    return pool_intern(&w->s->pool, REC_OBJECT, row, 3 + n);
}

static void object_members(struct stepper *w, uint32_t i, uint32_t os, uint32_t parents)
{
    const struct gobject *o = w->g->node[i].object;
    struct ostate st = ostate_of(w->s, o, os);
    for (uint32_t k = o->any_order ? 0 : st.next; k < o->n_property; k++)
        if (may_write(o, &st, k)) {
            work_top(w, frame_of(TOP_KEY, i, os, 0), parents);
            break;
        }
    if (!may_write_tail(o, &st)) return;
    for (uint32_t t = 0; t < o->n_tail; t++) {
        const struct gtail *tail = &o->tail[t];
        if (tail->value == NODE_NONE || dfa_is_empty(tail->key.dfa)) continue;
        struct frame track = frame_of(TOP_TRACK, i, os, tail->key.dfa->start);
        track.d = t;
        track_at(w, &track, track.b, 0, parents);
    }
}

void object_enter(struct stepper *w, uint32_t node, uint32_t parents)
{
    const struct gobject *o = w->g->node[node].object;
    uint32_t row[3 + OBJECT_WORDS_MAX] = {0}, n = o->any_order ? (o->n_property + 31) / 32 : 0;
    uint32_t os = pool_intern(&w->s->pool, REC_OBJECT, row, 3 + n);
    if (!os) return;
    work_enter(w, o->style.open, work_push(w, frame_of(AT_OBJECT_OPEN, node, os, 0), parents));
}

void object_resume(struct stepper *w, const struct frame *f, uint32_t parents)
{
    uint32_t i = frame_node(f);
    const struct gobject *o = w->g->node[i].object;
    if (frame_phase(f) == AT_OBJECT_COLON) {
        work_enter(w, o->tail[f->b].value,
                   work_push(w, frame_of(AT_OBJECT_VALUE, i, f->a, 0), parents));
        return;
    }
    struct ostate st = ostate_of(w->s, o, f->a);
    if (frame_phase(f) != AT_OBJECT_COMMA && may_close(o, &st))
        work_enter(w, o->style.close, parents);
    if (frame_phase(f) != AT_OBJECT_VALUE)
        object_members(w, i, f->a, parents);
    else if (may_go_on(o, &st))
        work_enter(w, o->style.comma, work_push(w, frame_of(AT_OBJECT_COMMA, i, f->a, 0), parents));
}

/* ---- keys of properties ---- */

void key_step(struct stepper *w, const struct frame *f, uint32_t parents, uint8_t byte)
{
    uint32_t i = frame_node(f), depth = f->c, first = NODE_NONE;
    const struct gobject *o = w->g->node[i].object;
    struct ostate st = ostate_of(w->s, o, f->a);
    uint32_t done = NODE_NONE;
    bool more = false;
    for (uint32_t k = f->b; k < o->n_property && !more; k++) {
        const struct gname *name = &o->name[k];
        if (k > f->b && name->lcp < depth) break;
        if (name->text.n <= depth || (uint8_t)name->text.p[depth] < byte) continue;
        if ((uint8_t)name->text.p[depth] > byte) break;
        if (first == NODE_NONE) first = k;
        if (!may_write(o, &st, name->property)) continue;
        if (name->text.n == depth + 1)
            done = name->property;
        else
            more = true;
    }
    if (more) {
        struct frame to = frame_of(TOP_KEY, i, f->a, first);
        to.c = depth + 1;
        work_top(w, to, parents);
    }
    if (done != NODE_NONE) {
        uint32_t os = object_write(w, o, f->a, done, 0);
        work_enter(w, o->property[done].value,
                   work_push(w, frame_of(AT_OBJECT_VALUE, i, os, 0), parents));
    }
}

bool key_names(struct mask_space *s, const struct grammar *g, const struct frame *f)
{
    const struct gobject *o = g->node[frame_node(f)].object;
    struct ostate st = ostate_of(s, o, f->a);
    for (uint32_t k = f->b; k < o->n_property; k++) {
        const struct gname *name = &o->name[k];
        if (k > f->b && name->lcp < f->c) break;
        if (name->text.n <= f->c || !may_write(o, &st, name->property)) continue;
        if (s->n_name == CELLS_MAX) return false;
        s->name[s->n_name++] = k;
    }
    return true;
}

void key_bytes(struct mask_space *s, const struct grammar *g, const struct frame *f,
               uint64_t out[4])
{
    const struct gobject *o = g->node[frame_node(f)].object;
    struct ostate st = ostate_of(s, o, f->a);
    for (uint32_t k = f->b; k < o->n_property; k++) {
        const struct gname *name = &o->name[k];
        if (k > f->b && name->lcp < f->c) break;
        if (name->text.n <= f->c || !may_write(o, &st, name->property)) continue;
        uint8_t byte = (uint8_t)name->text.p[f->c];
        out[byte / 64] |= 1ull << byte % 64;
    }
}
