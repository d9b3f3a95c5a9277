/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiples of a decimal divisor B * 10^e, B not divisible by 10, as an automaton over plain
 * spellings. Remainders go from the left: r becomes (10 r + digit) mod B.
 *
 *   e >= 0: the fraction is zeros, the integer ends in e zeros, and B divides what stands before
 *           them. A state is (r of the digits before the last zeros, number n of those, at most
 *           e); a digit that is not 0 takes the zeros into r.
 *   e < 0:  at most -e digits of the fraction count, all behind are zeros. A state is (r, number
 *           n of digits behind the point); it accepts when r * 10^(-e - n) is 0 mod B.
 */
#include "grammar/number_internal.h"

#include "base/mem.h"
#include "grammar/dfa_internal.h"

/* START and MINUS have r 0 and n 0. ZERO is the integer 0. */
enum phase { START, MINUS, ZERO, INT, POINT, FRAC, N_PHASE };

struct place { uint32_t r, n; uint8_t phase; };

struct divider {
    struct dfa_draft d;
    uint32_t by;                               /* B */
    uint32_t n_zero, n_frac;                   /* e and -e; one of them is 0 */
    uint32_t *power;                           /* owns; [n_zero + n_frac + 1] of 10, mod by */
    uint32_t *state_of;                        /* owns; by place_index; 0: not made yet */
    struct place *place;                       /* owns; [n_state] */
    size_t place_cap;
};

/* Classes of bytes: others, digits (1 + digit), and these. */
enum { CLASS_MINUS = 11, CLASS_DOT, N_CLASS };

static uint32_t times(const struct divider *x, uint32_t r, uint32_t n)
{
    return (uint32_t)((uint64_t)r * x->power[n] % x->by);
}

static bool is_accepting(const struct divider *x, const struct place *at)
{
    switch (at->phase) {
    case ZERO: return true;
    case INT: return at->n == x->n_zero && times(x, at->r, x->n_frac) == 0;
    case FRAC: return times(x, at->r, x->n_frac - at->n) == 0;
    default: return false;
    }
}

static uint32_t state_at(struct divider *x, struct place at)
{
    size_t width = (size_t)(x->n_zero > x->n_frac ? x->n_zero : x->n_frac) + 1;
    uint32_t *known = &x->state_of[((size_t)at.phase * width + at.n) * x->by + at.r];
    if (*known)
        return *known;
    uint32_t s = dfa_draft_add(&x->d, is_accepting(x, &at) ? DFA_ACCEPT : 0);
    if (s == DFA_DEAD ||
        !dfa_grow(x->d.w, &x->place, &x->place_cap, (size_t)s + 64, sizeof *x->place))
        return DFA_DEAD;
    x->place[s] = at;
    *known = s;
    return s;
}

static uint32_t step_int(struct divider *x, struct place at, uint8_t digit)
{
    bool is_first = at.phase != INT;
    at.phase = is_first && digit == 0 ? ZERO : INT;
    if (digit == 0 && !is_first && at.n < x->n_zero) {
        at.n++;
    } else if (digit == 0 && !is_first) {
        at.r = times(x, at.r, 1);
    } else {
        at.r = (uint32_t)(((uint64_t)times(x, at.r, at.n) * 10 + digit) % x->by);
        at.n = 0;
    }
    return state_at(x, at);
}

static uint32_t step_digit(struct divider *x, struct place at, uint8_t digit)
{
    if (at.phase == ZERO)
        return DFA_DEAD;
    if (at.phase != POINT && at.phase != FRAC)
        return step_int(x, at, digit);
    at.phase = FRAC;
    if (at.n < x->n_frac) {
        at.r = (uint32_t)(((uint64_t)at.r * 10 + digit) % x->by);
        at.n++;
    } else if (digit != 0) {
        return DFA_DEAD;
    }
    return state_at(x, at);
}

static uint32_t step_dot(struct divider *x, struct place at)
{
    if ((at.phase != ZERO && at.phase != INT) || (x->n_frac == 0 && !is_accepting(x, &at)))
        return DFA_DEAD;
    return state_at(x, (struct place){.r = at.r, .phase = POINT});
}

static void fill_row(struct divider *x, uint32_t s)
{
    struct place at = x->place[s];
    for (uint8_t digit = 0; digit < 10; digit++) {
        uint32_t to = step_digit(x, at, digit);
        dfa_draft_row(&x->d, s)[1 + digit] = to;
    }
    uint32_t to = step_dot(x, at);
    dfa_draft_row(&x->d, s)[CLASS_DOT] = to;
    if (at.phase == START) {
        to = state_at(x, (struct place){.phase = MINUS});
        dfa_draft_row(&x->d, s)[CLASS_MINUS] = to;
    }
}

/* Takes the divisor apart; false when it needs too many states. */
static bool divider_set(struct divider *x, str text)
{
    struct decimal v;
    decimal_read(&v, text);
    size_t max = x->d.w->n_state_max;
    max = max && max < DFA_STATES_MAX ? max : DFA_STATES_MAX;
    int64_t e = v.point - (int64_t)v.n, n = e < 0 ? -e : e;
    uint64_t by = 0;
    for (size_t i = 0; i < v.n && by <= max; i++)
        by = by * 10 + decimal_digit(&v, i);
    if (by > max || n >= (int64_t)max || by * ((uint64_t)n + 1) > max) {
        dfa_fail(x->d.w, ERR_LIMIT, "multipleOf %.*s needs more than %zu states; use a rounder "
                                    "divisor", STR_FMT(str_sub(text, 0, 40)), max);
        return false;
    }
    x->by = (uint32_t)by;
    x->n_zero = e > 0 ? (uint32_t)n : 0;
    x->n_frac = e < 0 ? (uint32_t)n : 0;
    x->power = dfa_scratch(x->d.w, (size_t)n + 2, sizeof *x->power);
    x->state_of = dfa_scratch(x->d.w, N_PHASE * ((size_t)n + 1) * by, sizeof *x->state_of);
    if (!x->power || !x->state_of)
        return false;
    x->power[0] = 1 % x->by;
    for (int64_t i = 1; i < n + 2; i++)
        x->power[i] = (uint32_t)((uint64_t)x->power[i - 1] * 10 % x->by);
    return true;
}

const struct dfa *number_multiples(struct dfa_work *w, str divisor)
{
    uint8_t class_of[256] = {['-'] = CLASS_MINUS, ['.'] = CLASS_DOT};
    for (int digit = 0; digit < 10; digit++)
        class_of['0' + digit] = (uint8_t)(1 + digit);
    struct divider x = {.by = 1};
    uint32_t start = DFA_DEAD;
    dfa_draft_init(&x.d, w, class_of, N_CLASS);
    if (w->rc == ERR_OK && divider_set(&x, divisor)) {
        start = state_at(&x, (struct place){.phase = START});
        for (uint32_t s = 1; s < x.d.n_state && w->rc == ERR_OK; s++)
            fill_row(&x, s);
    }
    mem_free(x.power);
    mem_free(x.state_of);
    mem_free(x.place);
    return dfa_draft_finish(&x.d, start);
}
