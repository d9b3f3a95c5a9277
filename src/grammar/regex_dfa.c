/* SPDX-License-Identifier: Apache-2.0
 *
 * NFA -> DFA over atoms. A state is the ascending list of the NFA_SET nodes that the text so far
 * leads to, and whether it may end here. Nodes from which no match can be reached are left out of
 * the lists, so the DFA is trimmed. A text in which an unanchored pattern has already matched
 * leads to one state, whose only node is the match.
 */
#include <stdlib.h>

#include "grammar/regex_internal.h"

#define WORK_PER_LOOK 65536 /* visits of nodes and atoms between looks at the clock */
#define SORT_BY_INSERTION_MAX 24
#define SETS_IN_MASK 64 /* sets of a state that one word can tell apart */
#define SEEN_MAX 64
#define SLOTS_FIRST 64 /* power of two */
#define ATOMS_IN_DFA 256 /* as many as struct dfa has bytes */

struct state {
    uint32_t first, n;
}; /* its nodes in items */
struct builder {
    struct regex *re;
    const struct nfa *nfa;
    struct sym *sym;
    uint64_t *atoms; /* [n_set, n_word] atoms of each set */
    uint32_t n_word;
    /* the list being gathered */
    uint32_t *mark, round; /* [nfa.n] round in which a node was visited */
    uint32_t *stack, *list, n_list;
    uint64_t *bits; /* [nfa.n / 64] for sorting */
    bool is_accepting, has_matched;
    /* states */
    struct state *state;
    uint32_t *items;
    uint32_t n_item, item_cap, state_cap, next_cap, flags_cap;
    uint32_t *slot, n_slot; /* hash table of states, 0: free */
    /* the row being made */
    uint64_t *mask; /* [n_atom] which of the state's sets hold the atom */
    uint32_t *place, *place_round; /* [n_set] bit of a set in the mask */
    size_t n_work;
};

/* ---- atoms ---- */

static int u32_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* No run begins at the surrogates: they belong to the run before. */
static uint32_t border(uint32_t cp)
{
    return cp == CP_SURROGATE_FIRST ? CP_SURROGATE_LAST + 1 : cp;
}

/* Runs between all ends of ranges, atom 0. */
static bool make_runs(struct regex *re, struct sym *sym)
{
    size_t n = 1;
    for (uint32_t i = 0; i < re->n_set; i++) n += 2 * (size_t)re->set[i].n;
    if (n > 2 * (size_t)RE_RANGES_MAX) re_fail_ranges(re);
    uint32_t *cut = re_alloc(re, n, sizeof *cut);
    sym->run = re_alloc(re, n, sizeof *sym->run);
    if (!cut || !sym->run) return false;
    n = 1;
    for (uint32_t i = 0; i < re->n_set; i++)
        for (uint32_t k = 0; k < re->set[i].n; k++) {
            cut[n++] = border(re->set[i].range[k].lo);
            cut[n++] = border(re->set[i].range[k].hi + 1);
        }
    qsort(cut, n, sizeof *cut, u32_order);
    sym->n_run = 0;
    for (size_t i = 0; i < n && cut[i] <= CP_MAX; i++)
        if (i == 0 || cut[i] != cut[i - 1]) sym->run[sym->n_run++].first = cut[i];
    sym->n_atom = 1;
    return true;
}

static uint32_t run_at(const struct sym *sym, uint32_t cp)
{
    uint32_t lo = 0, hi = sym->n_run;
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (sym->run[mid].first <= cp)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* Gives the runs of s, ascending. */
static uint32_t runs_of(const struct sym *sym, const struct cp_set *s, uint32_t *list)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < s->n; k++)
        for (uint32_t r = run_at(sym, s->range[k].lo);
             r < sym->n_run && sym->run[r].first <= s->range[k].hi; r++)
            list[n++] = r;
    return n;
}

/* An atom with runs both in the list and outside is split: those in the list become a new atom.
 * size[atom] counts runs, in[atom] those in the list; in is 0 before and after. */
static void split_atoms(struct sym *sym, const uint32_t *list, uint32_t n, uint32_t *size,
                        uint32_t *in, uint32_t *made)
{
    uint32_t n_before = sym->n_atom;
    for (uint32_t i = 0; i < n; i++) in[sym->run[list[i]].atom]++;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *atom = &sym->run[list[i]].atom, old = *atom;
        if (in[old] == size[old]) continue;
        if (made[old] < n_before) made[old] = sym->n_atom++;
        *atom = made[old];
        size[*atom]++;
        size[old]--;
        in[old]--;
    }
    for (uint32_t i = 0; i < n; i++) in[sym->run[list[i]].atom] = 0;
}

static bool make_atoms(struct builder *b)
{
    struct regex *re = b->re;
    struct sym *sym = b->sym;
    if (!make_runs(re, sym)) return false;
    size_t n = sym->n_run;
    uint32_t *list = re_alloc(re, n, sizeof *list), *size = re_alloc(re, n, sizeof *size);
    uint32_t *in = re_alloc(re, n, sizeof *in), *made = re_alloc(re, n, sizeof *made);
    if (!list || !size || !in || !made) return false;
    size[0] = sym->n_run;
    for (uint32_t i = 0; i < re->n_set; i++) {
        split_atoms(sym, list, runs_of(sym, &re->set[i], list), size, in, made);
        if (i % 64 == 63 && !dfa_in_time(re->w)) return false;
    }
    b->n_word = (sym->n_atom + 63) / 64;
    b->atoms = re_alloc(re, (size_t)re->n_set * b->n_word + 1, sizeof *b->atoms);
    for (uint32_t i = 0; i < re->n_set && b->atoms; i++) {
        uint64_t *atoms = b->atoms + (size_t)i * b->n_word;
        uint32_t n_run = runs_of(sym, &re->set[i], list);
        for (uint32_t k = 0; k < n_run; k++)
            atoms[sym->run[list[k]].atom / 64] |= UINT64_C(1) << sym->run[list[k]].atom % 64;
    }
    return b->atoms != NULL;
}

static bool holds(const struct builder *b, uint32_t set, uint32_t atom)
{
    return b->atoms[(size_t)set * b->n_word + atom / 64] >> atom % 64 & 1;
}

/* ---- lists of nodes ---- */

static void list_begin(struct builder *b)
{
    b->round++;
    b->n_list = 0;
    b->is_accepting = b->has_matched = false;
}

/* Adds what can be reached from node without a character. */
static void list_add(struct builder *b, uint32_t node, bool at_begin)
{
    uint32_t n = 0;
    b->stack[n++] = node;
    while (n > 0) {
        uint32_t id = b->stack[--n];
        const struct nfa_node *x = &b->nfa->node[id];
        if (b->mark[id] == b->round) continue;
        b->mark[id] = b->round;
        b->n_work++;
        switch (x->kind) {
        case NFA_SET:
            if (x->is_useful && b->re->set[x->set].n > 0) b->list[b->n_list++] = id;
            break;
        case NFA_SPLIT:
            b->stack[n++] = x->out;
            b->stack[n++] = x->out2;
            break;
        case NFA_BEGIN:
            if (at_begin) b->stack[n++] = x->out;
            break;
        case NFA_END: b->is_accepting |= x->is_last; break;
        default: b->is_accepting = b->has_matched = true;
        }
    }
}

/* Does the pattern match the empty text, where ^ and $ both pass? */
static bool matches_empty(struct builder *b)
{
    uint32_t n = 0;
    list_begin(b);
    b->stack[n++] = b->nfa->start;
    while (n > 0) {
        uint32_t id = b->stack[--n];
        const struct nfa_node *x = &b->nfa->node[id];
        if (x->kind == NFA_MATCH) return true;
        if (b->mark[id] == b->round || x->kind == NFA_SET) continue;
        b->mark[id] = b->round;
        b->stack[n++] = x->out;
        if (x->kind == NFA_SPLIT) b->stack[n++] = x->out2;
    }
    return false;
}

/* Ascending. Long lists by a bit for each node: b->bits is 0 before and after. */
static void sort_list(struct builder *b)
{
    uint32_t n = 0, *list = b->list;
    if (b->n_list > SORT_BY_INSERTION_MAX) {
        uint32_t last = 0;
        for (uint32_t i = 0; i < b->n_list; i++) {
            b->bits[list[i] / 64] |= UINT64_C(1) << list[i] % 64;
            last = list[i] > last ? list[i] : last;
        }
        for (uint32_t k = 0; k <= last / 64; k++) {
            for (uint64_t bits = b->bits[k]; bits; bits &= bits - 1)
                list[n++] = k * 64 + (uint32_t)__builtin_ctzll(bits);
            b->bits[k] = 0;
        }
        return;
    }
    for (uint32_t i = 1; i < b->n_list; i++) {
        uint32_t x = list[i], k = i;
        for (; k > 0 && list[k - 1] > x; k--) list[k] = list[k - 1];
        list[k] = x;
    }
}

/* ---- states ---- */

static uint32_t list_hash(const uint32_t *list, uint32_t n, bool is_accepting)
{
    uint64_t h = is_accepting;
    for (uint32_t i = 0; i < n; i++) h = (h ^ list[i]) * UINT64_C(0x9e3779b97f4a7c15), h ^= h >> 29;
    return (uint32_t)(h >> 32);
}

static bool is_list_of(const struct builder *b, uint32_t id)
{
    const struct state *s = &b->state[id];
    return s->n == b->n_list && (b->sym->flags[id] == DFA_ACCEPT) == b->is_accepting &&
           (s->n == 0 || memcmp(b->items + s->first, b->list, s->n * sizeof *b->list) == 0);
}

static bool slots_grow(struct builder *b)
{
    uint32_t n = b->n_slot ? b->n_slot * 2 : SLOTS_FIRST;
    uint32_t *slot = re_alloc(b->re, n, sizeof *slot);
    if (!slot) return false;
    for (uint32_t id = 1; id < b->sym->n_state; id++) {
        const struct state *s = &b->state[id];
        uint32_t h = list_hash(b->items + s->first, s->n, b->sym->flags[id] == DFA_ACCEPT);
        while (slot[h & (n - 1)] != 0) h++;
        slot[h & (n - 1)] = id;
    }
    b->slot = slot;
    b->n_slot = n;
    return true;
}

/* *p holds at least n elements. */
static bool fit(struct regex *re, void *p, uint32_t n_used, uint32_t n, uint32_t *cap, size_t size)
{
    void *old, *grown;
    while (n > *cap) {
        memcpy(&old, p, sizeof old);
        grown = re_grow(re, old, n_used, cap, size);
        if (!grown) return false;
        memcpy(p, &grown, sizeof grown);
    }
    return true;
}

static uint32_t state_new(struct builder *b)
{
    struct sym *sym = b->sym;
    struct regex *re = b->re;
    uint32_t id = sym->n_state;
    size_t n_next = ((size_t)id + 1) * sym->n_atom;
    if (!dfa_states_fit(re->w, id)) return 0;
    if (n_next > UINT32_MAX / 2 || b->n_item > UINT32_MAX / 2 - b->n_list) {
        dfa_fail(re->w, ERR_LIMIT, "the pattern's automaton is too large; use a simpler pattern");
        return 0;
    }
    if (!fit(re, &b->state, id, id + 1, &b->state_cap, sizeof *b->state) ||
        !fit(re, &sym->flags, id, id + 1, &b->flags_cap, sizeof *sym->flags) ||
        !fit(re, &sym->next, id * sym->n_atom, (uint32_t)n_next, &b->next_cap, sizeof *sym->next) ||
        !fit(re, &b->items, b->n_item, b->n_item + b->n_list, &b->item_cap, sizeof *b->items))
        return 0;
    b->state[id] = (struct state){b->n_item, b->n_list};
    if (b->n_list > 0) memcpy(b->items + b->n_item, b->list, b->n_list * sizeof *b->list);
    b->n_item += b->n_list;
    sym->flags[id] = b->is_accepting ? DFA_ACCEPT : 0;
    return sym->n_state++;
}

/* The state of the gathered list; 0 (dead) too when the work has failed. */
static uint32_t state_of_list(struct builder *b)
{
    if (b->has_matched && !b->re->is_whole) {
        b->list[0] = 0;
        b->n_list = 1;
    }
    if (b->n_list == 0 && !b->is_accepting) return DFA_DEAD;
    if (b->sym->n_state * 2 >= b->n_slot && !slots_grow(b)) return DFA_DEAD;
    sort_list(b);
    uint32_t h = list_hash(b->list, b->n_list, b->is_accepting);
    for (; b->slot[h & (b->n_slot - 1)] != 0; h++)
        if (is_list_of(b, b->slot[h & (b->n_slot - 1)])) return b->slot[h & (b->n_slot - 1)];
    uint32_t id = state_new(b);
    if (id != 0) b->slot[h & (b->n_slot - 1)] = id;
    return id;
}

/* ---- rows ---- */

/* Looks at the clock when enough was done. */
static bool look(struct builder *b, uint32_t n_work)
{
    b->n_work += n_work;
    if (b->n_work < WORK_PER_LOOK) return true;
    b->n_work = 0;
    return dfa_in_time(b->re->w);
}

/* Where state s goes by an atom. mask: which sets hold it, by place; NULL: ask each set. */
static uint32_t step(struct builder *b, uint32_t s, uint32_t atom, const uint64_t *mask)
{
    struct state from = b->state[s];
    list_begin(b);
    for (uint32_t i = 0; i < from.n; i++) {
        const struct nfa_node *x = &b->nfa->node[b->items[from.first + i]];
        bool is_held = mask ? *mask >> b->place[x->set] & 1 : holds(b, x->set, atom);
        if (is_held) list_add(b, x->out, false);
    }
    if (!look(b, from.n)) return DFA_DEAD;
    return state_of_list(b);
}

/* Fills mask for the atoms of state s; false: it has more sets than a word has bits. */
static bool make_masks(struct builder *b, uint32_t s)
{
    uint32_t n_place = 0;
    struct state from = b->state[s];
    memset(b->mask, 0, b->sym->n_atom * sizeof *b->mask);
    for (uint32_t i = 0; i < from.n; i++) {
        uint32_t set = b->nfa->node[b->items[from.first + i]].set;
        if (b->place_round[set] == s) continue;
        if (n_place == SETS_IN_MASK) return false;
        b->place_round[set] = s;
        b->place[set] = n_place++;
        const uint64_t *atoms = b->atoms + (size_t)set * b->n_word;
        for (uint32_t k = 0; k < b->n_word; k++)
            for (uint64_t bits = atoms[k]; bits; bits &= bits - 1)
                b->mask[k * 64 + (uint32_t)__builtin_ctzll(bits)] |= UINT64_C(1) << b->place[set];
    }
    return true;
}

/* Atoms that the same sets hold lead to the same state. */
static void make_row(struct builder *b, uint32_t s)
{
    uint64_t seen_mask[SEEN_MAX];
    uint32_t seen_to[SEEN_MAX], n_seen = 0;
    uint32_t n_atom = b->sym->n_atom;
    bool has_masks = make_masks(b, s);
    if (!look(b, n_atom)) return;
    for (uint32_t a = 0; a < n_atom && b->re->w->rc == ERR_OK; a++) {
        uint32_t to = DFA_DEAD, k = 0;
        if (has_masks && b->mask[a] != 0) {
            while (k < n_seen && seen_mask[k] != b->mask[a]) k++;
            to = k < n_seen ? seen_to[k] : step(b, s, a, &b->mask[a]);
            if (k == n_seen && n_seen < SEEN_MAX) {
                seen_mask[n_seen] = b->mask[a];
                seen_to[n_seen++] = to;
            }
        } else if (!has_masks) {
            to = step(b, s, a, NULL);
        }
        b->sym->next[(size_t)s * n_atom + a] = to;
    }
}

static bool builder_init(struct builder *b)
{
    struct regex *re = b->re;
    b->mark = re_alloc(re, b->nfa->n, sizeof *b->mark);
    b->stack = re_alloc(re, 2 * (size_t)b->nfa->n + 2, sizeof *b->stack);
    b->list = re_alloc(re, (size_t)b->nfa->n + 1, sizeof *b->list);
    b->bits = re_alloc(re, b->nfa->n / 64 + 1, sizeof *b->bits);
    if (!make_atoms(b)) return false;
    b->mask = re_alloc(re, b->sym->n_atom, sizeof *b->mask);
    b->place = re_alloc(re, (size_t)re->n_set + 1, sizeof *b->place);
    b->place_round = re_alloc(re, (size_t)re->n_set + 1, sizeof *b->place_round);
    b->sym->n_state = 0;
    list_begin(b);
    return re->w->rc == ERR_OK && slots_grow(b) && state_new(b) == DFA_DEAD && re->w->rc == ERR_OK;
}

static void make_states(struct builder *b)
{
    struct sym *sym = b->sym;
    bool accepts_empty = matches_empty(b);
    list_begin(b);
    list_add(b, b->nfa->start, true);
    b->is_accepting = accepts_empty;
    sym->start = state_of_list(b);
    for (uint32_t s = 1; s < sym->n_state && b->re->w->rc == ERR_OK; s++) {
        bool has_matched = b->state[s].n == 1 && b->items[b->state[s].first] == 0;
        for (uint32_t a = 0; a < sym->n_atom && has_matched; a++)
            sym->next[(size_t)s * sym->n_atom + a] = s;
        if (!has_matched) make_row(b, s);
    }
}

/* ---- minimizing ---- */

/* Atoms stand for bytes while dfa_minimize works. */
static bool sym_minimize(struct regex *re, struct sym *sym)
{
    struct dfa_work w = *re->w;
    struct dfa_draft draft;
    uint8_t atom_of[256];
    w.arena = re->scratch;
    for (uint32_t i = 0; i < 256; i++) atom_of[i] = (uint8_t)(i < sym->n_atom ? i : 0);
    dfa_draft_init(&draft, &w, atom_of, sym->n_atom);
    for (uint32_t s = 1; s < sym->n_state && w.rc == ERR_OK; s++)
        if (dfa_draft_add(&draft, sym->flags[s]) != DFA_DEAD)
            memcpy(dfa_draft_row(&draft, s), sym->next + (size_t)s * sym->n_atom,
                   sym->n_atom * sizeof *sym->next);
    const struct dfa *d = dfa_draft_finish(&draft, sym->start);
    d = d ? dfa_minimize(&w, d) : NULL;
    re->w->rc = w.rc;
    if (!d) return false;
    sym->n_state = d->n_state;
    sym->start = d->start;
    memcpy(sym->flags, d->flags, d->n_state);
    for (uint32_t s = 0; s < d->n_state; s++)
        for (uint32_t a = 0; a < sym->n_atom; a++)
            sym->next[(size_t)s * sym->n_atom + a] = dfa_next(d, s, (uint8_t)a);
    sym->is_minimal = true;
    return true;
}

bool sym_build(struct regex *re, const struct nfa *nfa, struct sym *sym)
{
    struct builder b = {.re = re, .nfa = nfa, .sym = sym};
    if (!builder_init(&b)) return false;
    make_states(&b);
    if (re->w->rc != ERR_OK) return false;
    return sym->n_atom > ATOMS_IN_DFA || sym_minimize(re, sym);
}
