/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of a finished automaton (match, count, lengths), and appending. How automata are
 * made is in dfa_draft.c, and one file for each way of making them.
 */
#include "grammar/dfa_internal.h"

#include "base/mem.h"

bool dfa_match(const struct dfa *a, str text)
{
    uint32_t s = a->start;
    for (size_t i = 0; i < text.n && s != DFA_DEAD; i++)
        s = dfa_next(a, s, (uint8_t)text.p[i]);
    return s != DFA_DEAD && dfa_accepts(a, s);
}

/* ---- order ---- */

/* States behind all that they lead to, but for those that a cycle can be reached from: these are
 * endless. Memory is of the order of the automaton's own. */
struct post_order {
    uint32_t n;
    uint32_t *state;                           /* owns; [n] */
    bool *is_endless;                          /* owns; [n_state] */
};

enum colour { NEW, OPEN, DONE };

/* Goes down from a's start; `path` is the open states, at[s] the class that s is at. */
static void walk(const struct dfa *a, struct post_order *p, uint32_t *path, uint16_t *at,
                 uint8_t *colour)
{
    uint32_t depth = 0;
    path[depth++] = a->start;
    colour[a->start] = OPEN;
    while (depth > 0) {
        uint32_t s = path[depth - 1];
        if (at[s] == a->n_class) {
            colour[s] = DONE;
            p->state[p->n++] = s;
            depth--;
            if (depth > 0 && p->is_endless[s])
                p->is_endless[path[depth - 1]] = true;
            continue;
        }
        uint32_t to = a->next[(size_t)s * a->n_class + at[s]++];
        if (to == DFA_DEAD)
            continue;
        if (colour[to] == NEW) {
            colour[to] = OPEN;
            path[depth++] = to;
        } else if (colour[to] == OPEN || p->is_endless[to]) {
            p->is_endless[s] = true;
        }
    }
}

static void post_order_init(struct post_order *p, const struct dfa *a)
{
    *p = (struct post_order){.state = mem_array(a->n_state, sizeof *p->state),
                             .is_endless = mem_array(a->n_state, sizeof *p->is_endless)};
    uint32_t *path = mem_array(a->n_state, sizeof *path);
    uint16_t *at = mem_array(a->n_state, sizeof *at);
    uint8_t *colour = mem_array(a->n_state, sizeof *colour);
    if (!dfa_is_empty(a))
        walk(a, p, path, at, colour);
    mem_free(path);
    mem_free(at);
    mem_free(colour);
}

static void post_order_done(struct post_order *p)
{
    mem_free(p->state);
    mem_free(p->is_endless);
}

const struct dfa *dfa_count(struct dfa_work *w, const struct dfa *a)
{
    if (w->rc != ERR_OK || a->n_word)
        return w->rc == ERR_OK ? a : NULL;
    struct dfa *counted = dfa_result(w, 1, sizeof *counted);
    uint32_t *n_word = dfa_result(w, a->n_state, sizeof *n_word);
    if (!counted || !n_word || !dfa_in_time(w))
        return NULL;
    uint32_t n_byte[256] = {0};                /* of a class */
    for (int b = 0; b < 256; b++)
        n_byte[a->class_of[b]]++;
    struct post_order p;
    post_order_init(&p, a);
    for (uint32_t i = 0; i < p.n; i++) {
        uint32_t s = p.state[i];
        const uint32_t *row = a->next + (size_t)s * a->n_class;
        uint64_t sum = dfa_accepts(a, s);
        for (uint32_t c = 0; c < a->n_class && sum < UINT32_MAX; c++)
            sum += (uint64_t)n_byte[c] * n_word[row[c]];
        n_word[s] = p.is_endless[s] || sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
    }
    post_order_done(&p);
    *counted = *a;
    counted->shared = 0;
    counted->n_word = n_word;
    return counted;
}

/* ---- lengths ---- */

/* Classes of bytes that go on with a character: they add none. */
static void list_inner(const struct dfa *a, bool is_inner[256])
{
    memset(is_inner, 0, 256 * sizeof *is_inner);
    for (int b = 0x80; b < 0xc0; b++)
        is_inner[a->class_of[b]] = true;
}

static uint32_t longest(const struct dfa *a, const bool is_inner[256])
{
    struct post_order p;
    post_order_init(&p, a);
    uint32_t *length = mem_array(a->n_state, sizeof *length);
    for (uint32_t i = 0; i < p.n; i++) {
        uint32_t s = p.state[i], max = 0;
        const uint32_t *row = a->next + (size_t)s * a->n_class;
        for (uint32_t c = 0; c < a->n_class && !p.is_endless[s]; c++) {
            uint32_t n = row[c] == DFA_DEAD ? 0 : length[row[c]] + !is_inner[c];
            max = n > max ? n : max;
        }
        length[s] = p.is_endless[s] ? UINT32_MAX : max;
    }
    uint32_t max = length[a->start];
    mem_free(length);
    post_order_done(&p);
    return max;
}

/* Character by character: `now` are the states within n characters, `then` one further. */
static uint32_t shortest(const struct dfa *a, const bool is_inner[256])
{
    size_t n_now = 0, n_then = 0;
    uint32_t *now = mem_array(2 * (size_t)a->n_state, sizeof *now);
    uint32_t *then = mem_array(2 * (size_t)a->n_state, sizeof *then);
    uint32_t *length = mem_array(a->n_state, sizeof *length), min = UINT32_MAX;
    memset(length, 0xff, a->n_state * sizeof *length);
    now[n_now++] = a->start;
    length[a->start] = 0;
    for (uint32_t n = 0; n_now > 0 && min == UINT32_MAX; n++) {
        while (n_now > 0) {
            uint32_t s = now[--n_now];
            if (dfa_accepts(a, s))
                min = n;
            const uint32_t *row = a->next + (size_t)s * a->n_class;
            for (uint32_t c = 0; c < a->n_class; c++) {
                uint32_t to = row[c], at = is_inner[c] ? n : n + 1;
                if (to == DFA_DEAD || length[to] <= at)
                    continue;
                length[to] = at;
                if (is_inner[c])
                    now[n_now++] = to;
                else
                    then[n_then++] = to;
            }
        }
        uint32_t *empty = now;
        now = then;
        then = empty;
        n_now = n_then;
        n_then = 0;
    }
    mem_free(now);
    mem_free(then);
    mem_free(length);
    return min;
}

void dfa_char_range(const struct dfa *a, uint32_t *n_min, uint32_t *n_max)
{
    *n_min = UINT32_MAX;
    *n_max = 0;
    if (dfa_is_empty(a))
        return;
    bool is_inner[256];
    list_inner(a, is_inner);
    *n_min = shortest(a, is_inner);
    *n_max = longest(a, is_inner);
}

/* ---- append ---- */

/* Every byte of text has a class of its own. Gives the number of classes; text_class: the class
 * of a. */
static uint32_t append_classes(const struct dfa *a, str text, uint8_t class_of[256],
                               uint8_t a_class[256])
{
    bool is_own[256] = {false};
    uint16_t of_a[256];
    memset(of_a, 0xff, sizeof of_a);
    for (size_t i = 0; i < text.n; i++)
        is_own[(uint8_t)text.p[i]] = true;
    uint32_t n = 0;
    for (int b = 0; b < 256; b++) {
        uint8_t c = a->class_of[b];
        if (is_own[b]) {
            class_of[b] = (uint8_t)n++;
        } else {
            if (of_a[c] == 0xffff)
                of_a[c] = (uint16_t)n++;
            class_of[b] = (uint8_t)of_a[c];
        }
        a_class[class_of[b]] = c;
    }
    return n;
}

/* Where a word of a ends, no word goes on with the first byte of text: the text is hung there. */
static const struct dfa *append_chain(struct dfa_work *w, const struct dfa *a, str text)
{
    uint8_t class_of[256], a_class[256];
    uint32_t n_class = append_classes(a, text, class_of, a_class);
    struct dfa_draft d;
    dfa_draft_init(&d, w, class_of, n_class);
    for (uint32_t s = 1; s < a->n_state && w->rc == ERR_OK; s++)
        dfa_draft_add(&d, a->flags[s] & DFA_CHAR);
    uint32_t last = dfa_draft_add(&d, DFA_ACCEPT);
    for (size_t i = text.n; i-- > 1 && last != DFA_DEAD;) {
        uint32_t s = dfa_draft_add(&d, 0);
        if (s != DFA_DEAD)
            dfa_draft_row(&d, s)[class_of[(uint8_t)text.p[i]]] = last;
        last = s;
    }
    for (uint32_t s = 1; s < a->n_state && w->rc == ERR_OK; s++) {
        uint32_t *row = dfa_draft_row(&d, s);
        for (uint32_t c = 0; c < n_class; c++)
            row[c] = a->next[(size_t)s * a->n_class + a_class[c]];
        if (dfa_accepts(a, s))
            row[class_of[(uint8_t)text.p[0]]] = last;
    }
    return dfa_draft_finish(&d, a->start);
}

/* a and one byte, which words of a may also go on with. State s + n is "in s, and a word of a has
 * just ended before this byte"; n is "and in no s". */
static const struct dfa *append_byte(struct dfa_work *w, const struct dfa *a, uint8_t byte)
{
    uint8_t class_of[256], a_class[256];
    uint32_t n_class = append_classes(a, str_n((const char *)&byte, 1), class_of, a_class);
    struct dfa_draft d;
    dfa_draft_init(&d, w, class_of, n_class);
    uint32_t n = a->n_state;
    for (uint32_t s = 1; s < 2 * n && w->rc == ERR_OK; s++)
        dfa_draft_add(&d, (uint8_t)((a->flags[s % n] & DFA_CHAR) | (s >= n ? DFA_ACCEPT : 0)));
    for (uint32_t s = 1; s < 2 * n && w->rc == ERR_OK; s++) {
        uint32_t *row = dfa_draft_row(&d, s);
        for (uint32_t c = 0; c < n_class; c++)
            row[c] = a->next[(size_t)(s % n) * a->n_class + a_class[c]];
        if (dfa_accepts(a, s % n))
            row[class_of[byte]] += n;
    }
    return dfa_draft_finish(&d, a->start);
}

static bool goes_on_with(const struct dfa *a, uint8_t byte)
{
    for (uint32_t s = 1; s < a->n_state; s++)
        if (dfa_accepts(a, s) && dfa_next(a, s, byte) != DFA_DEAD) return true;
    return false;
}

const struct dfa *dfa_append(struct dfa_work *w, const struct dfa *a, str text)
{
    while (w->rc == ERR_OK && text.n > 0 && goes_on_with(a, (uint8_t)text.p[0])) {
        a = append_byte(w, a, (uint8_t)text.p[0]);
        text = str_sub(text, 1, SIZE_MAX);
    }
    if (w->rc != ERR_OK)
        return NULL;
    return text.n > 0 ? append_chain(w, a, text) : a;
}
