/* SPDX-License-Identifier: Apache-2.0
 *
 * The fewest states, by refining two partitions in turn: blocks of states and cords of ways, where
 * ways of a cord have one byte class and lead to one block (Valmari, "Fast brief practical DFA
 * minimization", 2012). O(m log n) in the live ways m; what is dead costs nothing.
 */
#include "grammar/dfa_internal.h"

#include "base/mem.h"

#define CORDS_PER_LOOK 4096

/* Sets are runs of elem; the marked elements of a set stand at the front of its run. */
struct partition {
    uint32_t n_set, n_touched;
    uint32_t *elem;                            /* [n] */
    uint32_t *place;                           /* [n] of an element in elem */
    uint32_t *set_of;                          /* [n] */
    uint32_t *first, *end;                     /* [n_set] */
    uint32_t *n_marked;                        /* [n_set] */
    uint32_t *touched;                         /* [n_touched] sets with marks */
};

struct minimizer {
    struct dfa_work *w;
    const struct dfa *a;
    struct partition block, cord;              /* of states from 0 (state s is s - 1); of ways */
    uint32_t n_way;
    uint32_t *tail;                            /* [n_way] where a way comes from, from 0 */
    uint32_t *in_first, *in;                   /* ways into a state: [n_state], [n_way] */
    uint32_t *memory;                          /* owns all of the above */
};

/* Cuts the seven arrays for n elements from *at. */
static void partition_init(struct partition *p, uint32_t n, uint32_t **at)
{
    uint32_t **part[] = {&p->elem, &p->place, &p->set_of, &p->first,
                         &p->end,  &p->n_marked, &p->touched};
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        *part[i] = *at;
        *at += n;
    }
    p->n_set = p->n_touched = 0;
}

/* The elements from place `first` on become a set, up to place `end`. */
static void partition_add(struct partition *p, uint32_t first, uint32_t end)
{
    if (first == end)
        return;
    p->first[p->n_set] = first;
    p->end[p->n_set] = end;
    for (uint32_t i = first; i < end; i++) {
        p->place[p->elem[i]] = i;
        p->set_of[p->elem[i]] = p->n_set;
    }
    p->n_set++;
}

static void partition_mark(struct partition *p, uint32_t e)
{
    uint32_t s = p->set_of[e], i = p->place[e], j = p->first[s] + p->n_marked[s];
    if (i < j)
        return;
    p->elem[i] = p->elem[j];
    p->place[p->elem[i]] = i;
    p->elem[j] = e;
    p->place[e] = j;
    if (p->n_marked[s]++ == 0)
        p->touched[p->n_touched++] = s;
}

/* Marked and unmarked elements of a set part; the smaller half is the new set. */
static void partition_split(struct partition *p)
{
    while (p->n_touched > 0) {
        uint32_t s = p->touched[--p->n_touched], at = p->first[s] + p->n_marked[s];
        bool is_front_new = p->n_marked[s] <= p->end[s] - at;
        p->n_marked[s] = 0;
        if (at == p->end[s])
            continue;
        uint32_t z = p->n_set++;
        p->first[z] = is_front_new ? p->first[s] : at;
        p->end[z] = is_front_new ? at : p->end[s];
        p->n_marked[z] = 0;
        if (is_front_new)
            p->first[s] = at;
        else
            p->end[s] = at;
        for (uint32_t i = p->first[z]; i < p->end[z]; i++)
            p->set_of[p->elem[i]] = z;
    }
}

/* Ways are numbered class by class, so that the ways of a class are a run. */
static void lay_out_ways(struct minimizer *m)
{
    const struct dfa *a = m->a;
    uint32_t n = a->n_state - 1, way = 0;
    for (uint32_t c = 0; c < a->n_class; c++) {
        uint32_t first = way;
        for (uint32_t s = 0; s < n; s++) {
            uint32_t to = a->next[(size_t)(s + 1) * a->n_class + c];
            if (to == DFA_DEAD)
                continue;
            m->tail[way] = s;
            m->cord.elem[way] = way;
            m->in_first[to - 1]++;
            way++;
        }
        partition_add(&m->cord, first, way);
    }
    for (uint32_t s = 0, sum = 0; s < n; s++) {
        sum += m->in_first[s];
        m->in_first[s] = sum;
    }
    m->in_first[n] = way;
    for (uint32_t c = a->n_class; c-- > 0;)
        for (uint32_t s = n; s-- > 0;) {
            uint32_t to = a->next[(size_t)(s + 1) * a->n_class + c];
            if (to != DFA_DEAD)
                m->in[--m->in_first[to - 1]] = --way;
        }
}

/* At first, states with other flags are apart. */
static void lay_out_blocks(struct minimizer *m)
{
    uint32_t n = m->a->n_state - 1, at = 0;
    for (unsigned flags = 0; flags <= (DFA_ACCEPT | DFA_CHAR); flags++) {
        uint32_t first = at;
        for (uint32_t s = 0; s < n; s++)
            if (m->a->flags[s + 1] == flags) m->block.elem[at++] = s;
        partition_add(&m->block, first, at);
    }
    CHECK(at == n);
}

static bool minimizer_init(struct minimizer *m, struct dfa_work *w, const struct dfa *a)
{
    *m = (struct minimizer){.w = w, .a = a};
    size_t n = a->n_state - 1, n_way = 0;
    for (size_t i = a->n_class; i < (size_t)a->n_state * a->n_class; i++)
        n_way += a->next[i] != DFA_DEAD;
    m->memory = dfa_scratch(w, 8 * n + 1 + 9 * n_way, sizeof *m->memory);
    if (!m->memory || !dfa_in_time(w))
        return false;
    CHECK(n_way < UINT32_MAX);
    uint32_t *at = m->memory;
    m->n_way = (uint32_t)n_way;
    partition_init(&m->block, (uint32_t)n, &at);
    partition_init(&m->cord, m->n_way, &at);
    m->tail = at;
    m->in = at + n_way;
    m->in_first = at + 2 * n_way;
    lay_out_ways(m);
    lay_out_blocks(m);
    return true;
}

/* States of a block that differ in whether a way of a cord leaves them part; ways of a cord that
 * differ in whether they lead to a block part. One block needs no turn: the others tell. */
static void refine(struct minimizer *m)
{
    uint32_t b = 1;
    for (uint32_t c = 0; c < m->cord.n_set; c++) {
        for (uint32_t i = m->cord.first[c]; i < m->cord.end[c]; i++)
            partition_mark(&m->block, m->tail[m->cord.elem[i]]);
        partition_split(&m->block);
        for (; b < m->block.n_set; b++) {
            for (uint32_t i = m->block.first[b]; i < m->block.end[b]; i++) {
                uint32_t s = m->block.elem[i];
                for (uint32_t k = m->in_first[s]; k < m->in_first[s + 1]; k++)
                    partition_mark(&m->cord, m->in[k]);
            }
            partition_split(&m->cord);
        }
        if (c % CORDS_PER_LOOK == 0 && !dfa_in_time(m->w))
            return;
    }
}

static const struct dfa *blocks_to_dfa(struct minimizer *m)
{
    const struct dfa *a = m->a;
    struct dfa_draft d;
    dfa_draft_init(&d, m->w, a->class_of, a->n_class);
    for (uint32_t b = 0; b < m->block.n_set && m->w->rc == ERR_OK; b++) {
        uint32_t s = m->block.elem[m->block.first[b]] + 1, made = dfa_draft_add(&d, a->flags[s]);
        if (made == DFA_DEAD)
            break;
        const uint32_t *from = a->next + (size_t)s * a->n_class;
        uint32_t *row = dfa_draft_row(&d, made);
        for (uint32_t c = 0; c < a->n_class; c++)
            row[c] = from[c] == DFA_DEAD ? DFA_DEAD : m->block.set_of[from[c] - 1] + 1;
    }
    return dfa_draft_finish(&d, dfa_is_empty(a) ? DFA_DEAD : m->block.set_of[a->start - 1] + 1);
}

const struct dfa *dfa_minimize(struct dfa_work *w, const struct dfa *a)
{
    if (w->rc != ERR_OK)
        return NULL;
    struct minimizer m;
    const struct dfa *made = NULL;
    if (minimizer_init(&m, w, a)) {
        refine(&m);
        made = blocks_to_dfa(&m);
    }
    mem_free(m.memory);
    return made;
}
