/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles. The trie of tokens is walked with the automaton alone. Two things keep that short:
 *
 * - Bytes are in classes (trie_class). Where an automaton goes on within some classes, for ever or
 *   for some characters, all tokens of those classes (and length) stay inside; they come as a set
 *   that is made once, and subtrees of nothing else are passed over.
 * - A text in quotes is left behind a quote and nowhere else: tokens with a quote are listed once
 *   for all (mask.c), not in profiles. Other automata list ways out, if a byte that can follow
 *   stands there.
 *
 * Profiles lie in a pool of their own, which is dropped when it is full.
 */
#include "grammar/matcher_internal.h"

#define REGION_MAX 64 /* states looked at for going on */
#define REACH_MAX 32 /* characters looked ahead, if it is not for ever */
#define REACH_MIN 6 /* characters for which it is worth it */
#define WITHIN_KNOWN 32
#define WHOLE_FROM 48 /* tokens of a subtree for which that is worth a look */
#define BITS_FROM 512 /* tokens from which a profile has bits */

/* ---- tokens by classes ---- */

static void *take(struct mask_space *s, size_t n, size_t size)
{
    return pool_take(&s->profiles, n * size + 1);
}

/* at[] from counts in it, then places are handed out by the caller through next[]. */
static void offsets(uint32_t at[CHARS_MAX + 2], uint32_t next[CHARS_MAX + 1])
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i <= CHARS_MAX; i++) {
        uint32_t n = at[i];
        at[i] = next[i] = sum;
        sum += n;
    }
    at[CHARS_MAX + 1] = sum;
}

static void fill_class_set(struct mask_space *s, struct class_set *set, uint16_t classes)
{
    uint32_t next[CHARS_MAX + 1];
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t g = 0; g < s->n_class_group; g++) {
            const struct class_group *group = &s->class_group[g];
            if (group->classes & ~classes) continue;
            for (uint32_t i = group->from; i < group->to; i++) {
                uint32_t id = s->trie.id[s->class_at[i]], n = s->chars[s->class_at[i]];
                if (pass == 0) {
                    set->at[n]++;
                    set->bits[id / 64] |= 1ull << id % 64;
                } else {
                    set->id[next[n]++] = id;
                }
            }
        }
        if (pass == 0) offsets(set->at, next);
    }
}

static const struct class_set *class_set_get(struct mask_space *s, uint16_t classes)
{
    uint32_t row[2] = {UINT32_MAX, classes}, n = 0;
    uint32_t rec = pool_intern(&s->profiles, REC_PROFILE, row, 2);
    if (!rec) return NULL;
    if (pool_rec(&s->profiles, rec)->aux)
        return (const void *)(s->profiles.base + (size_t)pool_rec(&s->profiles, rec)->aux * 64);
    for (uint32_t g = 0; g < s->n_class_group; g++)
        if (!(s->class_group[g].classes & ~classes))
            n += s->class_group[g].to - s->class_group[g].from;
    struct class_set *set = take(s, 1, sizeof *set);
    if (!set) return NULL;
    set->bits = take(s, s->words, sizeof *set->bits);
    set->id = take(s, n, sizeof *set->id);
    set->n = n;
    if (s->profiles.full) return NULL;
    fill_class_set(s, set, classes);
    pool_rec(&s->profiles, rec)->aux = (uint32_t)((size_t)((uint8_t *)set - s->profiles.base) / 64);
    return set;
}

/* ---- where an automaton goes on for ever ---- */

/* Texts of these classes, of at most `reach` characters, never lead out. */
struct within {
    uint16_t classes, reach;
};

struct maker {
    struct mask_space *s;
    const struct profile_key *key;
    uint16_t class_of[256]; /* trie_class of bytes */
    uint64_t by_class[TRIE_CLASSES][4]; /* automaton's classes of bytes of a class */
    uint16_t barred; /* classes of bytes that can stand behind a way out */
    struct within within; /* from where it begins */
    uint32_t known[WITHIN_KNOWN], n_known;
    struct within known_within[WITHIN_KNOWN];
    uint32_t n_inner, n_closed, n_leave;
    bool over;
};

static bool ends_here(const struct maker *m, uint32_t q)
{
    const struct gfree *free = m->key->free;
    if (!free) return m->key->quoted && dfa_accepts(m->key->dfa, q);
    for (uint32_t t = 0; t < free->n_trigger; t++)
        if (free->out[(size_t)q * free->out_words + t / 64] >> t % 64 & 1 &&
            space_special(m->s, free->trigger[t].text) == TOKEN_NONE)
            return true;
    return false;
}

struct region {
    uint32_t state[REGION_MAX];
    uint32_t n;
};

static bool region_add(struct region *r, uint32_t q)
{
    for (uint32_t k = 0; k < r->n; k++)
        if (r->state[k] == q) return true;
    if (r->n == REGION_MAX) return false;
    r->state[r->n++] = q;
    return true;
}

/* States behind the bytes lo to hi; false when one of them leads out. */
static bool advance(const struct maker *m, const struct region *from, int lo, int hi,
                    struct region *to)
{
    for (uint32_t i = 0; i < from->n; i++)
        for (int b = lo; b <= hi; b++) {
            uint32_t q = dfa_next(m->key->dfa, from->state[i], (uint8_t)b);
            if (q == DFA_DEAD || ends_here(m, q) || !region_add(to, q)) return false;
        }
    return true;
}

/* Ranges of the bytes of characters beyond ASCII, the unused ones 0; white space apart. */
struct range {
    uint8_t lo, hi;
};
static const struct range wide[][4] = {
    {{0xc2, 0xc2}, {0x80, 0x84}},
    {{0xc2, 0xc2}, {0x86, 0x9f}},
    {{0xc2, 0xc2}, {0xa1, 0xbf}},
    {{0xc3, 0xdf}, {0x80, 0xbf}},
    {{0xe0, 0xe0}, {0xa0, 0xbf}, {0x80, 0xbf}},
    {{0xe1, 0xe1}, {0x80, 0x99}, {0x80, 0xbf}},
    {{0xe1, 0xe1}, {0x9a, 0x9a}, {0x81, 0xbf}},
    {{0xe1, 0xe1}, {0x9b, 0x9f}, {0x80, 0xbf}},
    {{0xe1, 0xe1}, {0xa0, 0xa0}, {0x80, 0x8d}},
    {{0xe1, 0xe1}, {0xa0, 0xa0}, {0x8f, 0xbf}},
    {{0xe1, 0xe1}, {0xa1, 0xbf}, {0x80, 0xbf}},
    {{0xe2, 0xe2}, {0x80, 0x80}, {0x8b, 0xa7}},
    {{0xe2, 0xe2}, {0x80, 0x80}, {0xaa, 0xae}},
    {{0xe2, 0xe2}, {0x80, 0x80}, {0xb0, 0xbf}},
    {{0xe2, 0xe2}, {0x81, 0x81}, {0x80, 0x9e}},
    {{0xe2, 0xe2}, {0x81, 0x81}, {0xa0, 0xbf}},
    {{0xe2, 0xe2}, {0x82, 0xbf}, {0x80, 0xbf}},
    {{0xe3, 0xe3}, {0x80, 0x80}, {0x81, 0xbf}},
    {{0xe3, 0xe3}, {0x81, 0xbf}, {0x80, 0xbf}},
    {{0xe4, 0xec}, {0x80, 0xbf}, {0x80, 0xbf}},
    {{0xed, 0xed}, {0x80, 0x9f}, {0x80, 0xbf}},
    {{0xee, 0xee}, {0x80, 0xbf}, {0x80, 0xbf}},
    {{0xef, 0xef}, {0x80, 0xba}, {0x80, 0xbf}},
    {{0xef, 0xef}, {0xbb, 0xbb}, {0x80, 0xbe}},
    {{0xef, 0xef}, {0xbc, 0xbf}, {0x80, 0xbf}},
    {{0xf0, 0xf0}, {0x90, 0xbf}, {0x80, 0xbf}, {0x80, 0xbf}},
    {{0xf1, 0xf3}, {0x80, 0xbf}, {0x80, 0xbf}, {0x80, 0xbf}},
    {{0xf4, 0xf4}, {0x80, 0x8f}, {0x80, 0xbf}, {0x80, 0xbf}},
};
static const struct range odd[][4] = {
    {{0xc2, 0xc2}, {0x85, 0x85}},
    {{0xc2, 0xc2}, {0xa0, 0xa0}},
    {{0xe1, 0xe1}, {0x9a, 0x9a}, {0x80, 0x80}},
    {{0xe1, 0xe1}, {0xa0, 0xa0}, {0x8e, 0x8e}},
    {{0xe2, 0xe2}, {0x80, 0x80}, {0x80, 0x8a}},
    {{0xe2, 0xe2}, {0x80, 0x80}, {0xa8, 0xa9}},
    {{0xe2, 0xe2}, {0x80, 0x80}, {0xaf, 0xaf}},
    {{0xe2, 0xe2}, {0x81, 0x81}, {0x9f, 0x9f}},
    {{0xe3, 0xe3}, {0x80, 0x80}, {0x80, 0x80}},
    {{0xef, 0xef}, {0xbb, 0xbb}, {0xbf, 0xbf}},
};

/* Adds the states behind each of those characters. */
static bool add_wide(const struct maker *m, uint32_t q, const struct range (*row)[4], size_t n,
                     struct region *r)
{
    for (size_t i = 0; i < n; i++) {
        struct region at = {{q}, 1}, next = {{0}, 0};
        for (int k = 0; k < 4 && row[i][k].lo; k++) {
            next.n = 0;
            if (!advance(m, &at, row[i][k].lo, row[i][k].hi, &next)) return false;
            at = next;
        }
        for (uint32_t k = 0; k < at.n; k++)
            if (!region_add(r, at.state[k])) return false;
    }
    return true;
}

/* Characters of these classes that cannot lead out from q on; CHARS_MAX: for ever. In a quoted text
 * each of them must be one that is counted, not a part of an escape. */
static uint32_t reach_of(const struct maker *m, uint32_t q, uint16_t classes)
{
    struct region r = {{q}, 1};
    uint64_t bytes[4] = {0};
    const struct dfa *d = m->key->dfa;
    for (int c = 0; c < TRIE_CLASSES; c++)
        if (classes >> c & 1 && (1u << c) != TRIE_WIDE)
            for (int k = 0; k < 4; k++) bytes[k] |= m->by_class[c][k];
    uint32_t depth = 0, level_end = 1;
    for (uint32_t i = 0; i < r.n; i++) {
        if (i == level_end) {
            level_end = r.n;
            if (++depth == REACH_MAX) return depth;
        }
        const uint32_t *row = d->next + (size_t)r.state[i] * d->n_class;
        if (m->key->quoted && !(d->flags[r.state[i]] & DFA_CHAR)) return depth;
        for (uint32_t c = 0; c < d->n_class; c++) {
            if (!(bytes[c / 64] >> c % 64 & 1)) continue;
            if (row[c] == DFA_DEAD || ends_here(m, row[c]) || !region_add(&r, row[c])) return depth;
        }
        if (classes & TRIE_WIDE && !add_wide(m, r.state[i], wide, sizeof wide / sizeof wide[0], &r))
            return depth;
        if (classes & TRIE_ODD && !add_wide(m, r.state[i], odd, sizeof odd / sizeof odd[0], &r))
            return depth;
    }
    return CHARS_MAX;
}

static void find_classes(struct maker *m)
{
    const struct dfa *d = m->key->dfa;
    for (int b = 0; b < 256; b++) {
        uint16_t cls = m->class_of[b];
        uint32_t c = d->class_of[b];
        m->by_class[__builtin_ctz(cls)][c / 64] |= 1ull << c % 64;
        if (m->key->first && m->key->first[b / 64] >> b % 64 & 1) m->barred |= cls;
    }
}

static uint32_t count_tokens(const struct mask_space *s, uint16_t classes)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < s->n_class_group; g++)
        if (!(s->class_group[g].classes & ~classes))
            n += s->class_group[g].to - s->class_group[g].from;
    return n;
}

/* As many classes as can be had together for that many characters. */
static struct within gather_classes(const struct maker *m, uint32_t q, const uint32_t *reach,
                                    uint32_t least)
{
    struct within w = {0, 0};
    for (int c = 0; c < TRIE_CLASSES - 1; c++) {
        uint16_t more = w.classes | (uint16_t)(1u << c);
        if (reach[c] < least) continue;
        uint32_t together = reach_of(m, q, more);
        if (together >= least) w = (struct within){more, (uint16_t)together};
    }
    return w;
}

/* Classes within which the automaton goes on from q: for ever, or for some characters if that is
 * true of clearly more tokens. */
static struct within find_within(const struct maker *m, uint32_t q)
{
    uint32_t reach[TRIE_CLASSES - 1];
    bool all = true;
    for (int c = 0; c < TRIE_CLASSES - 1; c++) {
        reach[c] = m->barred >> c & 1 ? 0 : reach_of(m, q, (uint16_t)(1u << c));
        all = all && (reach[c] < REACH_MIN || reach[c] == CHARS_MAX);
    }
    struct within ever = gather_classes(m, q, reach, CHARS_MAX);
    if (all) return ever;
    struct within some = gather_classes(m, q, reach, REACH_MIN);
    uint32_t n_ever = count_tokens(m->s, ever.classes);
    return count_tokens(m->s, some.classes) > n_ever + n_ever / 4 ? some : ever;
}

/* The same, remembered for a few states; else found if it is worth it, or nothing. */
static struct within within_of(struct maker *m, uint32_t q, uint32_t n_token)
{
    uint32_t k = 0;
    while (k < m->n_known && m->known[k] != q) k++;
    if (k < m->n_known) return m->known_within[k];
    if (n_token < WHOLE_FROM || m->n_known == WITHIN_KNOWN) return (struct within){0, 0};
    m->known[m->n_known] = q;
    return m->known_within[m->n_known++] = find_within(m, q);
}

/* ---- walking ---- */

/* `within`: the base has them, unless they are broken. */
static void add_own(struct maker *m, uint32_t i, uint32_t chars, bool closed, bool within)
{
    struct mask_space *s = m->s;
    const struct trie *t = &s->trie;
    for (uint32_t k = t->node[i].first; k < t->node[i + 1].first; k++) {
        if (within && !(s->classes[k] & ~m->within.classes) && s->chars[k] <= m->within.reach)
            continue;
        uint32_t at = m->n_inner + m->n_closed;
        s->collect_id[at] = t->id[k];
        s->collect_char[at] = (uint16_t)(chars < CHARS_MAX ? chars : CHARS_MAX);
        s->collect_closed[at] = closed;
        if (closed)
            m->n_closed++;
        else
            m->n_inner++;
    }
}

/* A subtree none of whose tokens leads out; before it the automaton took `chars` characters, of
 * `before` that stand there. */
static void add_whole(struct maker *m, uint32_t i, uint32_t before, uint32_t chars)
{
    struct mask_space *s = m->s;
    const struct trie_node *node = &s->trie.node[i];
    for (uint32_t k = node->first, end = s->trie.node[node->end].first; k < end; k++) {
        uint32_t at = m->n_inner++ + m->n_closed, n = chars + s->chars[k] - before;
        s->collect_id[at] = s->trie.id[k];
        s->collect_char[at] = (uint16_t)n;
        s->collect_closed[at] = false;
    }
}

/* Ways out at node i, whose own bytes are `depth`: tokens below that go on with a first byte. */
static void add_leaving(struct maker *m, uint32_t i, uint32_t depth)
{
    struct mask_space *s = m->s;
    const struct trie_node *node = s->trie.node;
    for (uint32_t c = i + 1, end = node[i].end; c < end; c = node[c].end) {
        if (!(m->key->first[node[c].byte / 64] >> node[c].byte % 64 & 1)) continue;
        for (uint32_t k = node[c].first; k < node[node[c].end].first; k++) {
            str piece = vocab_piece(s->vocab, (int32_t)s->trie.id[k]);
            if (m->n_leave == s->n_collect) {
                m->over = true;
                return;
            }
            s->collect_leave[m->n_leave++] =
                (struct trie_item){piece.p + depth, (uint32_t)piece.n - depth, s->trie.id[k]};
        }
    }
}

/* Behind a node: state, end of its subtree, characters the automaton counted, characters there
 * are; what never leads out from here, and whether all was of the classes of the beginning. */
struct level {
    uint32_t q, end;
    uint16_t chars, before;
    struct within whole;
    bool within;
};

/* All of a subtree, `before` characters being used up. */
static bool is_within(const struct within *w, const struct trie_node *node, uint32_t before)
{
    return !(node->classes & ~w->classes) && before + node->reach <= w->reach;
}

static void walk(struct maker *m)
{
    const struct trie_node *node = m->s->trie.node;
    const struct dfa *d = m->key->dfa;
    struct level level[TRIE_DEPTH_MAX + 1];
    uint32_t depth = 0;
    level[0] = (struct level){m->key->state, node[0].end, 0, 0, m->within, true};
    for (uint32_t i = 1; i < level[0].end && !m->over;) {
        while (i >= level[depth].end) depth--;
        const struct level *up = &level[depth];
        uint32_t to = dfa_next(d, up->q, node[i].byte);
        if (to == DFA_DEAD || (up->within && is_within(&m->within, &node[i], up->before))) {
            i = node[i].end;
            continue;
        }
        bool within = up->within && (m->class_of[node[i].byte] & m->within.classes);
        if (!up->within && is_within(&up->whole, &node[i], 0)) {
            add_whole(m, i, up->before, up->chars);
            i = node[i].end;
            continue;
        }
        bool ends = ends_here(m, to);
        uint16_t chars =
            (uint16_t)(up->chars + ((d->flags[up->q] & DFA_CHAR) && node[i].byte != '"'));
        add_own(m, i, chars, ends, within);
        if (m->key->first && dfa_accepts(d, to)) add_leaving(m, i, depth + 1);
        if (ends && m->key->free) {
            /* What goes on behind a trigger is left to be tried token by token. */
            for (uint32_t k = node[i + 1].first, e = node[node[i].end].first; k < e; k++) {
                uint32_t at = m->n_inner + m->n_closed++;
                m->s->collect_id[at] = m->s->trie.id[k];
                m->s->collect_char[at] = 0;
                m->s->collect_closed[at] = true;
            }
            i = node[i].end;
            continue;
        }
        if (node[i].end > i + 1 && !ends) {
            uint32_t n_below = node[node[i].end].first - node[i].first;
            struct within whole = within ? (struct within){0, 0} : within_of(m, to, n_below);
            uint16_t before = (uint16_t)(up->before + ((node[i].byte & 0xc0) != 0x80));
            level[++depth] = (struct level){to, node[i].end, chars, before, whole, within};
        }
        i = ends ? node[i].end : i + 1;
    }
}

/* ---- putting it down ---- */

static void set_ids(uint64_t *mask, const uint32_t *id, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) mask[id[i] / 64] |= 1ull << id[i] % 64;
}

static void clear_ids(uint64_t *mask, const uint32_t *id, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) mask[id[i] / 64] &= ~(1ull << id[i] % 64);
}

static bool put_inner(struct maker *m, struct profile *p)
{
    struct mask_space *s = m->s;
    uint32_t n = m->n_inner + m->n_closed, next[CHARS_MAX + 1], k = 0;
    p->n = m->n_inner;
    p->n_closed = m->n_closed;
    p->id = take(s, p->n, sizeof *p->id);
    p->closed_id = take(s, p->n_closed, sizeof *p->closed_id);
    p->closed_char = take(s, p->n_closed, sizeof *p->closed_char);
    if (p->base || p->n >= BITS_FROM) p->bits = take(s, s->words, sizeof *p->bits);
    if (s->profiles.full) return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!s->collect_closed[i]) {
            p->at[s->collect_char[i]]++;
            continue;
        }
        p->closed_id[k] = s->collect_id[i];
        p->closed_char[k++] = s->collect_char[i];
    }
    offsets(p->at, next);
    if (p->base) {
        uint32_t from = p->base->at[p->reach + 1];
        memcpy(p->bits, p->base->bits, s->words * sizeof *p->bits);
        clear_ids(p->bits, p->base->id + from, p->base->n - from);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (s->collect_closed[i]) continue;
        uint32_t id = s->collect_id[i];
        p->id[next[s->collect_char[i]]++] = id;
        if (p->bits) p->bits[id / 64] |= 1ull << id % 64;
    }
    for (uint32_t c = 0; c <= CHARS_MAX; c++)
        if (p->at[c + 1] > p->at[c] ||
            (p->base && c <= p->reach && p->base->at[c + 1] > p->base->at[c]))
            p->char_max = c;
    return true;
}

static bool put_leaving(struct maker *m, struct profile *p)
{
    struct mask_space *s = m->s;
    trie_sort(s->collect_leave, m->n_leave);
    struct trie_node *node = take(s, trie_count(s->collect_leave, m->n_leave), sizeof *node);
    uint32_t *id = take(s, m->n_leave, sizeof *id);
    if (!node || !id) return false;
    trie_build(&p->leave, s->collect_leave, m->n_leave, node, id);
    return true;
}

static struct profile *make(struct mask_space *s, const struct profile_key *key)
{
    struct maker m = {.s = s, .key = key};
    for (int b = 0; b < 256; b++) m.class_of[b] = trie_class((uint8_t)b);
    find_classes(&m);
    m.within = within_of(&m, key->state, UINT32_MAX);
    struct profile *p = take(s, 1, sizeof *p);
    if (!p) return NULL;
    if (m.within.classes) {
        p->base = class_set_get(s, m.within.classes);
        p->reach = m.within.reach;
        if (!p->base) return NULL;
    }
    walk(&m);
    if (m.over || !put_inner(&m, p)) return NULL;
    if (key->first && !put_leaving(&m, p)) return NULL;
    s->stats.n_profile++;
    return p;
}

static void reset(struct mask_space *s) { pool_reset(&s->profiles); }

const struct profile *profile_get(struct mask_space *s, const struct profile_key *key)
{
    uint32_t row[11] = {(uint32_t)key->id, (uint32_t)(key->id >> 32), key->state};
    if (key->first) memcpy(row + 3, key->first, 4 * sizeof *key->first);
    for (int attempt = 0; attempt < 2; attempt++) {
        uint32_t rec = pool_intern(&s->profiles, REC_PROFILE, row, 11);
        uint32_t aux = rec ? pool_rec(&s->profiles, rec)->aux : 0;
        if (aux) return (const void *)(s->profiles.base + (size_t)aux * 64);
        struct profile *p = rec ? make(s, key) : NULL;
        if (p) {
            size_t at = (size_t)((uint8_t *)p - s->profiles.base) / 64;
            pool_rec(&s->profiles, rec)->aux = (uint32_t)at;
            return p;
        }
        if (!s->profiles.full) return NULL;
        reset(s);
    }
    return NULL;
}

/* ---- use ---- */

static void or_words(uint64_t *mask, const uint64_t *more, size_t n)
{
    for (size_t k = 0; k < n; k++) mask[k] |= more[k];
}

/* Of those inside, the ones of at most n_max characters. */
static void add_short(struct mask_space *s, const struct profile *p, uint32_t n_max, uint64_t *mask)
{
    const struct class_set *base = p->base;
    uint32_t short_max = n_max < p->reach ? n_max : p->reach;
    uint32_t own = p->at[n_max + 1], of_base = base ? base->at[short_max + 1] : 0;
    uint32_t total = p->n + (base ? base->n : 0);
    if (!p->bits || own + of_base < total / 2) {
        set_ids(mask, p->id, own);
        if (base) set_ids(mask, base->id, of_base);
        return;
    }
    memcpy(s->spare, p->bits, s->words * sizeof *s->spare);
    clear_ids(s->spare, p->id + own, p->n - own);
    if (base) clear_ids(s->spare, base->id + of_base, base->n - of_base);
    or_words(mask, s->spare, s->words);
}

void profile_add(struct mask_space *s, const struct profile *p, uint32_t n_min, uint32_t n_max,
                 uint64_t *mask)
{
    if (n_max < p->char_max)
        add_short(s, p, n_max, mask);
    else if (p->bits)
        or_words(mask, p->bits, s->words);
    else
        set_ids(mask, p->id, p->n);
    for (uint32_t i = 0; i < p->n_closed; i++)
        if (p->closed_char[i] >= n_min && p->closed_char[i] <= n_max)
            set_ids(mask, &p->closed_id[i], 1);
}

enum err profile_open(struct mask_space *s, size_t pool_bytes, struct error *e)
{
    TRY(pool_open(&s->profiles, pool_bytes, e));
    return ERR_OK;
}
