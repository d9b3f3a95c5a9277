/* SPDX-License-Identifier: Apache-2.0
 *
 * DFA over atoms -> DFA over bytes. The bytes behind a lead byte are a trie of nodes with 64
 * children (0x80 to 0xbf), the same for every state; a node whose characters are all of one atom
 * is shared. For a state the trie is walked from its leaves: each node becomes the state whose
 * row holds where its children lead, and equal rows are one state. So the result is minimal if
 * the DFA over atoms is.
 */
#include "grammar/regex_internal.h"

#define CHILDREN 64
#define LEVELS 4 /* bytes of the longest character */
#define NOTHING UINT32_MAX /* no character has these bytes */
#define SLOTS_FIRST 256 /* power of two */
#define STATES_PER_LOOK 64
#define FIRST_WIDE 0x80u /* the first character of two bytes */

struct trie_node {
    uint32_t child[CHILDREN]; /* level 1: atoms, above: nodes; or NOTHING */
    uint32_t atom; /* of all its characters, or NOTHING */
    uint8_t level; /* bytes to come */
};
struct expander {
    struct regex *re;
    const struct sym *sym;
    const struct atom_run *run; /* the trie being built is of these */
    uint32_t n_run;
    struct trie_node *node;
    uint32_t n_node, node_cap;
    uint32_t *uniform[LEVELS]; /* [level][atom] node + 1, 0: none yet */
    uint32_t lead[256]; /* < 0x80: atom; lead bytes: node; or NOTHING */
    uint32_t plain[256]; /* the same where all beyond ASCII is of atom 0 */
    bool *is_wide; /* [atom] has characters beyond ASCII */
    uint8_t class_of[256];
    uint32_t n_class, n_tail; /* n_tail: classes of bytes 0x80 to 0xbf */
    uint8_t tail_byte[CHILDREN]; /* one child of each such class, */
    uint32_t tail_class[CHILDREN]; /* and the class */
    struct dfa_draft draft;
    uint32_t *slot, n_slot; /* states inside characters by row, 0: free */
    uint32_t n_inner;
};

/* ---- the trie ---- */

static uint32_t run_at(const struct expander *x, uint32_t cp)
{
    uint32_t lo = 0, hi = x->n_run;
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (x->run[mid].first <= cp)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static uint32_t node_new(struct expander *x, uint8_t level, uint32_t atom)
{
    if (x->n_node == x->node_cap) {
        struct trie_node *grown = re_grow(x->re, x->node, x->n_node, &x->node_cap, sizeof *grown);
        if (!grown) return NOTHING;
        x->node = grown;
    }
    x->node[x->n_node].level = level;
    x->node[x->n_node].atom = atom;
    return x->n_node++;
}

static uint32_t uniform_node(struct expander *x, uint8_t level, uint32_t atom)
{
    if (x->uniform[level][atom] != 0) return x->uniform[level][atom] - 1;
    uint32_t child = level == 1 ? atom : uniform_node(x, level - 1, atom);
    uint32_t id = node_new(x, level, atom);
    if (id == NOTHING || child == NOTHING) return NOTHING;
    for (int k = 0; k < CHILDREN; k++) x->node[id].child[k] = child;
    x->uniform[level][atom] = id + 1;
    return id;
}

/* The node of the 64^level characters from base on; those outside of lo to hi do not exist. */
static uint32_t node_of(struct expander *x, uint8_t level, uint32_t base, uint32_t lo, uint32_t hi)
{
    uint32_t size = 1u << 6 * level, part = size / CHILDREN, r = run_at(x, base);
    bool is_uniform = r + 1 == x->n_run || x->run[r + 1].first >= base + size;
    if (is_uniform && base >= lo && base + size - 1 <= hi)
        return uniform_node(x, level, x->run[r].atom);
    uint32_t id = node_new(x, level, NOTHING);
    for (uint32_t k = 0; k < CHILDREN && id != NOTHING; k++) {
        uint32_t from = base + k * part, child = NOTHING;
        if (from >= lo && from <= hi)
            child = level == 1 ? x->run[run_at(x, from)].atom : node_of(x, level - 1, from, lo, hi);
        x->node[id].child[k] = child;
    }
    return id;
}

/* Characters that the lead byte begins, by the table of RFC 3629, section 4. */
static uint32_t lead_node(struct expander *x, uint32_t byte)
{
    if (byte < 0xe0) return node_of(x, 1, (byte & 0x1f) << 6, 0, CP_MAX);
    if (byte < 0xf0) {
        uint32_t hi = byte == 0xed ? CP_SURROGATE_FIRST - 1 : 0xffff;
        return node_of(x, 2, (byte & 0xf) << 12, 0x800, hi);
    }
    return node_of(x, 3, (byte & 7) << 18, 0x10000, CP_MAX);
}

/* What each byte begins, when characters are of the atoms of these runs. */
static void make_leads(struct expander *x, const struct atom_run *run, uint32_t n_run,
                       uint32_t lead[256])
{
    x->run = run;
    x->n_run = n_run;
    for (uint32_t b = 0; b < 256 && x->re->w->rc == ERR_OK; b++) {
        lead[b] = NOTHING;
        if (b < FIRST_WIDE)
            lead[b] = run[run_at(x, b)].atom;
        else if (b >= 0xc2 && b < 0xf5)
            lead[b] = lead_node(x, b);
    }
}

static bool make_trie(struct expander *x)
{
    static const struct atom_run plain = {0, 0};
    const struct sym *sym = x->sym;
    for (int level = 1; level < LEVELS; level++)
        x->uniform[level] = re_alloc(x->re, sym->n_atom, sizeof *x->uniform[level]);
    x->is_wide = re_alloc(x->re, sym->n_atom, sizeof *x->is_wide);
    if (x->re->w->rc != ERR_OK) return false;
    for (uint32_t r = 0; r < sym->n_run; r++)
        if (r + 1 == sym->n_run || sym->run[r + 1].first > FIRST_WIDE)
            x->is_wide[sym->run[r].atom] = true;
    make_leads(x, sym->run, sym->n_run, x->lead);
    make_leads(x, &plain, 1, x->plain);
    return x->re->w->rc == ERR_OK;
}

/* ---- classes of bytes ---- */

/* Lead bytes that have one target are one class. */
static void class_leads(struct expander *x)
{
    for (uint32_t b = 0; b < 256; b++) {
        if (b >= 0x80 && b < 0xc0) continue;
        uint32_t k = b < 0x80 ? 0 : 0xc0;
        while (k < b && x->lead[k] != x->lead[b]) k++;
        x->class_of[b] = k < b ? x->class_of[k] : (uint8_t)x->n_class++;
    }
}

/* Following bytes that lead to one child in every node are one class. */
static void class_tails(struct expander *x)
{
    uint32_t kind[CHILDREN] = {0}, n = 1;
    for (uint32_t i = 0; i < x->n_node && n < CHILDREN; i++) {
        const struct trie_node *node = &x->node[i];
        uint32_t old[CHILDREN];
        if (node->atom != NOTHING) continue;
        memcpy(old, kind, sizeof old);
        n = 0;
        for (uint32_t k = 0; k < CHILDREN; k++) {
            uint32_t j =
                k > 0 && old[k] == old[k - 1] && node->child[k] == node->child[k - 1] ? k - 1 : 0;
            while (j < k && (old[j] != old[k] || node->child[j] != node->child[k])) j++;
            kind[k] = j < k ? kind[j] : n++;
        }
    }
    for (uint32_t k = 0; k < CHILDREN; k++) {
        uint32_t class = x->n_class + kind[k];
        x->class_of[0x80 + k] = (uint8_t) class;
        if (kind[k] == x->n_tail) {
            x->tail_byte[x->n_tail] = (uint8_t)k;
            x->tail_class[x->n_tail++] = class;
        }
    }
    x->n_class += n;
}

/* ---- states ---- */

static uint32_t row_hash(const uint32_t *row, uint32_t n)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < n; i++) h = (h ^ row[i]) * UINT64_C(0x9e3779b97f4a7c15), h ^= h >> 29;
    return (uint32_t)(h >> 32);
}

/* The slot of a row, or the free one where it belongs. */
static uint32_t *slot_of(const struct expander *x, const uint32_t *row)
{
    uint32_t h = row_hash(row, x->n_class);
    for (;; h++) {
        uint32_t *slot = &x->slot[h & (x->n_slot - 1)];
        if (*slot == 0 ||
            memcmp(x->draft.next + (size_t)*slot * x->n_class, row, x->n_class * sizeof *row) == 0)
            return slot;
    }
}

static bool slots_grow(struct expander *x)
{
    uint32_t n_old = x->n_slot;
    const uint32_t *old = x->slot;
    x->n_slot = n_old ? n_old * 2 : SLOTS_FIRST;
    x->slot = re_alloc(x->re, x->n_slot, sizeof *x->slot);
    for (uint32_t i = 0; i < n_old && x->slot; i++)
        if (old[i] != 0) *slot_of(x, dfa_draft_row(&x->draft, old[i])) = old[i];
    return x->slot != NULL;
}

/* The state inside a character that has this row. */
static uint32_t inner_state(struct expander *x, const uint32_t *row)
{
    if (x->n_inner * 2 >= x->n_slot && !slots_grow(x)) return DFA_DEAD;
    uint32_t *slot = slot_of(x, row);
    if (*slot != 0) return *slot;
    uint32_t id = dfa_draft_add(&x->draft, 0);
    if (id == DFA_DEAD) return DFA_DEAD;
    memcpy(dfa_draft_row(&x->draft, id), row, x->n_class * sizeof *row);
    x->n_inner++;
    return *slot = id;
}

/* Where the bytes of a node lead; next: [n_atom] where its characters lead. */
static uint32_t expand(struct expander *x, uint32_t node, const uint32_t *next)
{
    uint32_t row[256];
    const struct trie_node *t = &x->node[node];
    if (t->atom != NOTHING && next[t->atom] == DFA_DEAD) return DFA_DEAD;
    memset(row, 0, x->n_class * sizeof *row);
    bool is_dead = true;
    for (uint32_t k = 0; k < x->n_tail; k++) {
        uint32_t child = t->child[x->tail_byte[k]], to;
        bool is_same = k > 0 && child == t->child[x->tail_byte[k - 1]];
        if (is_same)
            to = row[x->tail_class[k - 1]];
        else
            to = child == NOTHING ? DFA_DEAD : t->level == 1 ? next[child] : expand(x, child, next);
        row[x->tail_class[k]] = to;
        is_dead &= to == DFA_DEAD;
    }
    return is_dead ? DFA_DEAD : inner_state(x, row);
}

/* Do all characters beyond ASCII lead to one state? Gives it. */
static bool is_plain(const struct expander *x, const uint32_t *next, uint32_t *to)
{
    bool found = false;
    for (uint32_t a = 0; a < x->sym->n_atom; a++) {
        if (!x->is_wide[a]) continue;
        if (found && next[a] != *to) return false;
        *to = next[a];
        found = true;
    }
    return true;
}

static void expand_state(struct expander *x, uint32_t s)
{
    const uint32_t *next = x->sym->next + (size_t)s * x->sym->n_atom;
    uint32_t last_node = NOTHING, to = DFA_DEAD, wide_to = DFA_DEAD;
    bool plain = is_plain(x, next, &wide_to);
    for (uint32_t b = 0; b < FIRST_WIDE; b++)
        dfa_draft_row(&x->draft, s)[x->class_of[b]] = next[x->lead[b]];
    if (plain && wide_to == DFA_DEAD) return;
    for (uint32_t b = 0xc2; b < 0xf5; b++) {
        uint32_t node = plain ? x->plain[b] : x->lead[b];
        if (node != last_node) to = expand(x, node, plain ? &wide_to : next);
        last_node = node;
        dfa_draft_row(&x->draft, s)[x->class_of[b]] = to;
    }
}

static bool is_all_text(const struct sym *sym)
{
    if (sym->n_state != 2 || sym->start == DFA_DEAD || sym->flags[1] != DFA_ACCEPT) return false;
    for (uint32_t a = 0; a < sym->n_atom; a++)
        if (sym->next[sym->n_atom + a] != 1) return false;
    return true;
}

const struct dfa *sym_to_bytes(struct regex *re, const struct sym *sym)
{
    struct expander x = {.re = re, .sym = sym};
    if (is_all_text(sym)) return dfa_shared(DFA_TEXT);
    if (!make_trie(&x)) return NULL;
    class_leads(&x);
    class_tails(&x);
    dfa_draft_init(&x.draft, re->w, x.class_of, x.n_class);
    for (uint32_t s = 1; s < sym->n_state && re->w->rc == ERR_OK; s++)
        (void)dfa_draft_add(&x.draft, sym->flags[s]);
    for (uint32_t s = 1; s < sym->n_state && re->w->rc == ERR_OK; s++) {
        expand_state(&x, s);
        if (s % STATES_PER_LOOK == 0 && !dfa_in_time(re->w)) break;
    }
    const struct dfa *d = dfa_draft_finish(&x.draft, sym->start);
    return d && !sym->is_minimal ? dfa_minimize(re->w, d) : d;
}
