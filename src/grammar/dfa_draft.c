/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of a work, and drafts. Invariant of a draft: row DFA_DEAD is all DFA_DEAD, and every
 * entry is below n_state. Finishing marks the states from which an accepting one can be reached,
 * numbers those that the start reaches breadth first in the order of bytes, and merges byte
 * classes whose columns are alike; so a DFA's numbers follow from its language and states alone.
 */
#include "grammar/dfa_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

#define STATES_FIRST 64                        /* of a draft's first table */
#define GROW_FIRST 32                          /* elements of an array that begins to grow */
#define SWEEPS_MAX 3                           /* before the ways back are laid out */
#define STATES_PER_LOOK 1024                   /* at the clock */

/* ---- limits ---- */

void dfa_fail(struct dfa_work *w, enum err code, const char *fmt, ...)
{
    if (w->rc != ERR_OK)
        return;
    char text[sizeof((struct error *)0)->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    w->rc = err_set(w->e, code, ERR_NO_POS, "%s", text);
}

static void fail_memory(struct dfa_work *w)
{
    dfa_fail(w, ERR_LIMIT, "the automaton needs more memory than a schema may take; use shorter "
                           "patterns, smaller counts or fewer values");
}

bool dfa_in_time(struct dfa_work *w)
{
    if (w->rc == ERR_OK && w->deadline_ns != 0 && clock_ns() > w->deadline_ns)
        dfa_fail(w, ERR_LIMIT, "compiling takes longer than the time limit; use simpler patterns, "
                               "smaller counts or fewer values");
    return w->rc == ERR_OK;
}

bool dfa_states_fit(struct dfa_work *w, size_t n_state)
{
    size_t max = w->n_state_max && w->n_state_max < DFA_STATES_MAX ? w->n_state_max
                                                                  : DFA_STATES_MAX;
    if (w->rc == ERR_OK && n_state > max)
        dfa_fail(w, ERR_LIMIT, "the pattern needs more than %zu states; use a simpler pattern, "
                               "smaller counts or fewer values", max);
    return w->rc == ERR_OK;
}

void *dfa_scratch(struct dfa_work *w, size_t n, size_t size)
{
    if (w->rc != ERR_OK)
        return NULL;
    size_t total;
    void *p = NULL;
    if (size_mul(n, size, &total) && total <= arena_left(w->arena))
        p = mem_try_alloc(total);
    if (!p)
        fail_memory(w);
    return p;
}

bool dfa_grow(struct dfa_work *w, void *p, size_t *cap, size_t n, size_t size)
{
    if (w->rc != ERR_OK)
        return false;
    if (n <= *cap)
        return true;
    size_t want = *cap ? *cap * 2 : GROW_FIRST, total;
    want = want > n ? want : n;
    void *old, *grown = NULL;
    memcpy(&old, p, sizeof old);
    if (size_mul(want, size, &total) && total <= arena_left(w->arena))
        grown = mem_try_resize(old, total);
    if (!grown) {
        fail_memory(w);
        return false;
    }
    memcpy(p, &grown, sizeof grown);
    *cap = want;
    return true;
}

void *dfa_result(struct dfa_work *w, size_t n, size_t size)
{
    if (w->rc != ERR_OK)
        return NULL;
    void *p = arena_try_array(w->arena, n, size);
    if (!p)
        fail_memory(w);
    return p;
}

/* ---- reverse ---- */

bool dfa_reverse_init(struct dfa_reverse *r, struct dfa_work *w, const uint32_t *next,
                      uint32_t n_state, uint32_t n_class)
{
    *r = (struct dfa_reverse){NULL, NULL};
    size_t n = (size_t)n_state * n_class, n_way = 0;
    for (size_t i = 0; i < n; i++)
        n_way += next[i] != DFA_DEAD;
    if (n_way >= UINT32_MAX) {
        fail_memory(w);
        return false;
    }
    r->first = dfa_scratch(w, (size_t)n_state + 1, sizeof *r->first);
    r->source = dfa_scratch(w, n_way, sizeof *r->source);
    if (!r->first || !r->source) {
        dfa_reverse_done(r);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (next[i] != DFA_DEAD) r->first[next[i]]++;
    for (uint32_t s = 1; s <= n_state; s++)
        r->first[s] += r->first[s - 1];
    /* Filled from the back, so that first[s] ends up at the start of its run and the sources of
     * a run ascend. */
    for (size_t i = n; i-- > 0;)
        if (next[i] != DFA_DEAD) r->source[--r->first[next[i]]] = (uint32_t)(i / n_class);
    return true;
}

void dfa_reverse_done(struct dfa_reverse *r)
{
    mem_free(r->first);
    mem_free(r->source);
    *r = (struct dfa_reverse){NULL, NULL};
}

/* ---- drafts ---- */

void dfa_draft_init(struct dfa_draft *d, struct dfa_work *w, const uint8_t class_of[256],
                    uint32_t n_class)
{
    *d = (struct dfa_draft){.w = w, .n_class = n_class};
    memcpy(d->class_of, class_of, sizeof d->class_of);
    if (dfa_grow(w, &d->next, &d->next_cap, (size_t)STATES_FIRST * n_class, sizeof *d->next) &&
        dfa_grow(w, &d->flags, &d->flags_cap, STATES_FIRST, sizeof *d->flags)) {
        memset(d->next, 0, n_class * sizeof *d->next);
        d->flags[DFA_DEAD] = 0;
        d->n_state = 1;
    }
}

uint32_t dfa_draft_add(struct dfa_draft *d, uint8_t flags)
{
    struct dfa_work *w = d->w;
    if (!dfa_states_fit(w, d->n_state) ||
        !dfa_grow(w, &d->next, &d->next_cap, ((size_t)d->n_state + 1) * d->n_class,
                  sizeof *d->next) ||
        !dfa_grow(w, &d->flags, &d->flags_cap, (size_t)d->n_state + 1, sizeof *d->flags) ||
        (d->n_state % STATES_PER_LOOK == 0 && !dfa_in_time(w)))
        return DFA_DEAD;
    memset(dfa_draft_row(d, d->n_state), 0, d->n_class * sizeof *d->next);
    d->flags[d->n_state] = flags;
    return d->n_state++;
}

bool dfa_draft_copy(struct dfa_draft *d, struct dfa_work *w, const struct dfa *a)
{
    dfa_draft_init(d, w, a->class_of, a->n_class);
    size_t n = (size_t)a->n_state * a->n_class;
    if (!dfa_grow(w, &d->next, &d->next_cap, n, sizeof *d->next) ||
        !dfa_grow(w, &d->flags, &d->flags_cap, a->n_state, sizeof *d->flags))
        return false;
    memcpy(d->next, a->next, n * sizeof *d->next);
    memcpy(d->flags, a->flags, a->n_state);
    d->n_state = a->n_state;
    return true;
}

void dfa_draft_done(struct dfa_draft *d)
{
    mem_free(d->next);
    mem_free(d->flags);
    d->next = NULL;
    d->flags = NULL;
}

static bool leads_to_live(const struct dfa_draft *d, const bool *live, uint32_t s)
{
    const uint32_t *row = d->next + (size_t)s * d->n_class;
    for (uint32_t c = 0; c < d->n_class; c++)
        if (live[row[c]]) return true;
    return false;
}

/* All that leads to a live state is live; stack has room for every state. */
static bool mark_backwards(const struct dfa_draft *d, bool *live, uint32_t *stack)
{
    struct dfa_reverse r;
    if (!dfa_reverse_init(&r, d->w, d->next, d->n_state, d->n_class))
        return false;
    uint32_t n = 0;
    for (uint32_t s = 1; s < d->n_state; s++)
        if (live[s]) stack[n++] = s;
    while (n > 0) {
        uint32_t s = stack[--n];
        for (uint32_t i = r.first[s]; i < r.first[s + 1]; i++) {
            if (live[r.source[i]])
                continue;
            live[r.source[i]] = true;
            stack[n++] = r.source[i];
        }
    }
    dfa_reverse_done(&r);
    return true;
}

/* Ways lead mostly to higher numbers, so a sweep or two downwards finds nearly always all that is
 * live; only when they do not settle the ways back are laid out. */
static bool mark_live(const struct dfa_draft *d, bool *live, uint32_t *stack)
{
    for (uint32_t s = 1; s < d->n_state; s++)
        live[s] = d->flags[s] & DFA_ACCEPT;
    bool is_settled = false;
    for (int i = 0; i < SWEEPS_MAX && !is_settled; i++) {
        is_settled = true;
        for (uint32_t s = d->n_state; s-- > 1;)
            if (!live[s] && leads_to_live(d, live, s)) {
                live[s] = true;
                is_settled = false;
            }
    }
    return is_settled || mark_backwards(d, live, stack);
}

/* Gives order [n]: the live states that start reaches, breadth first, behind DFA_DEAD;
 * number_of[s]: their place in it, 0 for others. */
static uint32_t number_states(const struct dfa_draft *d, uint32_t start, const bool *live,
                              uint32_t *order, uint32_t *number_of)
{
    uint32_t n = 1;
    order[DFA_DEAD] = DFA_DEAD;
    if (live[start]) {
        number_of[start] = n;
        order[n++] = start;
    }
    for (uint32_t i = 1; i < n; i++) {
        const uint32_t *row = d->next + (size_t)order[i] * d->n_class;
        for (uint32_t c = 0; c < d->n_class; c++) {
            uint32_t to = row[c];
            if (!live[to] || number_of[to] != 0)
                continue;
            number_of[to] = n;
            order[n++] = to;
        }
    }
    return n;
}

/* Classes of d by the first byte that has them, so that numbering is in the order of bytes.
 * Unused classes go. */
static void sort_classes(struct dfa_draft *d)
{
    uint32_t n = 0;
    uint8_t old_of[256];
    uint16_t new_of[256];
    memset(new_of, 0xff, sizeof new_of);
    for (int b = 0; b < 256; b++) {
        uint8_t old = d->class_of[b];
        if (new_of[old] == 0xffff) {
            new_of[old] = (uint16_t)n;
            old_of[n++] = old;
        }
        d->class_of[b] = (uint8_t)new_of[old];
    }
    bool is_sorted = n == d->n_class;
    for (uint32_t c = 0; c < n && is_sorted; c++)
        is_sorted = old_of[c] == c;
    if (is_sorted)
        return;
    uint32_t row_new[256];
    uint32_t *to = d->next;
    for (uint32_t s = 0; s < d->n_state; s++, to += n) {
        const uint32_t *row = d->next + (size_t)s * d->n_class;
        for (uint32_t c = 0; c < n; c++)
            row_new[c] = row[old_of[c]];
        memcpy(to, row_new, n * sizeof *to);
    }
    d->n_class = n;
}

static bool is_column_alike(const struct dfa_draft *d, const uint32_t *order, uint32_t n,
                            const uint32_t *number_of, uint32_t a, uint32_t b)
{
    for (uint32_t i = 1; i < n; i++) {
        const uint32_t *row = d->next + (size_t)order[i] * d->n_class;
        if (number_of[row[a]] != number_of[row[b]])
            return false;
    }
    return true;
}

/* Classes whose columns are alike in the states kept become one. Gives the number of classes;
 * kept[c]: the old class that stands for new class c. */
static uint32_t merge_classes(const struct dfa_draft *d, const uint32_t *order, uint32_t n,
                              const uint32_t *number_of, uint8_t kept[256], uint8_t merged[256])
{
    uint64_t hash[256] = {0};
    for (uint32_t i = 1; i < n; i++) {
        const uint32_t *row = d->next + (size_t)order[i] * d->n_class;
        for (uint32_t c = 0; c < d->n_class; c++)
            hash[c] = (hash[c] ^ number_of[row[c]]) * 0x9e3779b97f4a7c15u + (hash[c] >> 29);
    }
    uint32_t n_kept = 0;
    for (uint32_t c = 0; c < d->n_class; c++) {
        uint32_t k = 0;
        while (k < n_kept && !(hash[kept[k]] == hash[c] &&
                               is_column_alike(d, order, n, number_of, kept[k], c)))
            k++;
        if (k == n_kept)
            kept[n_kept++] = (uint8_t)c;
        merged[c] = (uint8_t)k;
    }
    return n_kept;
}

static const struct dfa *lay_out(struct dfa_draft *d, const uint32_t *order, uint32_t n,
                                 const uint32_t *number_of, uint32_t start)
{
    uint8_t kept[256], merged[256];
    uint32_t n_class = merge_classes(d, order, n, number_of, kept, merged);
    struct dfa *a = dfa_result(d->w, 1, sizeof *a);
    uint32_t *next = dfa_result(d->w, (size_t)n * n_class, sizeof *next);
    uint8_t *flags = dfa_result(d->w, n, sizeof *flags);
    if (!a || !next || !flags)
        return NULL;
    for (uint32_t i = 1; i < n; i++) {
        const uint32_t *row = d->next + (size_t)order[i] * d->n_class;
        uint32_t *to = next + (size_t)i * n_class;
        for (uint32_t c = 0; c < n_class; c++)
            to[c] = number_of[row[kept[c]]];
        flags[i] = d->flags[order[i]];
    }
    *a = (struct dfa){.n_state = n, .n_class = n_class, .start = number_of[start], .next = next,
                      .flags = flags};
    for (int b = 0; b < 256; b++)
        a->class_of[b] = merged[d->class_of[b]];
    return a;
}

const struct dfa *dfa_draft_finish(struct dfa_draft *d, uint32_t start)
{
    const struct dfa *a = NULL;
    struct dfa_work *w = d->w;
    bool *live = dfa_scratch(w, d->n_state, sizeof *live);
    uint32_t *order = dfa_scratch(w, d->n_state, sizeof *order);
    uint32_t *number_of = dfa_scratch(w, d->n_state, sizeof *number_of);
    if (live && order && number_of && dfa_in_time(w)) {
        sort_classes(d);
        if (mark_live(d, live, order)) {
            uint32_t n = number_states(d, start, live, order, number_of);
            a = lay_out(d, order, n, number_of, start);
        }
    }
    mem_free(live);
    mem_free(order);
    mem_free(number_of);
    dfa_draft_done(d);
    return a;
}
