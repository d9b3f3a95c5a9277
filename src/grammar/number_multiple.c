/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiples of a decimal divisor B * 10^e, B not divisible by 10, as an automaton over plain
 * spellings. With k = max(-e, 0) digits of the fraction that count, a number of i integer digits
 * is a multiple when B divides the first i + k digits, all further ones are 0, and for e > 0 the
 * integer ends in e zeros besides (B dividing what stands before them).
 *
 * A state knows rest: the digits so far, filled up with 0 to i + k of them, mod B; so it accepts
 * when rest is 0. Within the integer each further digit moves all others up:
 *     rest = 10 rest + digit * 10^k,
 * and behind the point the nth takes the place of a 0:
 *     rest = rest + digit * 10^(k - n).
 * Zeros at the end of the integer, at most e, are counted and not yet in rest.
 */
#include "grammar/number_internal.h"

#include "base/mem.h"
#include "grammar/dfa_internal.h"

#define BY_MAX (1u << 31)
#define SHIFT_MAX 65536                        /* of e and k */

/* START and MINUS have rest 0 and n 0. ZERO is the integer 0. */
enum phase { START, MINUS, ZERO, INT, POINT, FRAC };

/* n: zeros not yet in rest (INT), digits behind the point (FRAC). */
struct place { uint32_t rest, n; uint8_t phase; };

struct divider {
    struct dfa_draft d;
    struct dfa_index index;                    /* by place_key */
    uint64_t by;                               /* B */
    uint32_t n_zero, n_frac;                   /* e and k; one of them is 0 */
    uint64_t *power;                           /* owns; [n_zero + n_frac + 2] of 10, mod by */
};

/* Classes of bytes: others, digits (1 + digit), and these. */
enum { CLASS_MINUS = 11, CLASS_DOT, N_CLASS };

static uint64_t place_key(struct place at)
{
    return (uint64_t)at.rest << 32 | (uint64_t)at.n << 8 | at.phase;
}

static struct place place_of(uint64_t key)
{
    return (struct place){.rest = (uint32_t)(key >> 32), .n = (uint32_t)(key >> 8) & 0xffffff,
                          .phase = (uint8_t)key};
}

static bool is_accepting(const struct divider *x, struct place at)
{
    return at.phase == ZERO || (at.phase == INT && at.n == x->n_zero && at.rest == 0) ||
           (at.phase == FRAC && at.rest == 0);
}

/* Can the digits left of the fraction, as a number below 10^n_left, bring rest to 0? */
static bool is_hopeless(const struct divider *x, struct place at)
{
    if (at.phase != POINT && at.phase != FRAC)
        return false;
    uint64_t need = at.rest ? x->by - at.rest : 0, reach = 1;
    for (uint32_t n_left = x->n_frac - at.n; n_left > 0 && reach <= need; n_left--)
        reach *= 10;
    return need >= reach;
}

static uint32_t state_at(struct divider *x, struct place at)
{
    if (is_hopeless(x, at))
        return DFA_DEAD;
    uint32_t s = dfa_index_find(&x->index, place_key(at));
    return s != DFA_DEAD ? s : dfa_index_add(&x->index, place_key(at),
                                             is_accepting(x, at) ? DFA_ACCEPT : 0);
}

static uint32_t step_int(struct divider *x, struct place at, uint8_t digit)
{
    if (at.phase != INT)
        at.phase = digit == 0 ? ZERO : INT;
    if (at.phase == INT && digit == 0 && at.n < x->n_zero) {
        at.n++;
    } else {
        uint32_t n_moved = digit == 0 ? 1 : at.n + 1;
        at.rest = (uint32_t)((at.rest * x->power[n_moved] + digit * x->power[x->n_frac]) % x->by);
        at.n = digit == 0 ? at.n : 0;
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
        at.n++;
        at.rest = (uint32_t)((at.rest + digit * x->power[x->n_frac - at.n]) % x->by);
    } else if (digit != 0) {
        return DFA_DEAD;
    }
    return state_at(x, at);
}

static uint32_t step_dot(struct divider *x, struct place at)
{
    if ((at.phase != ZERO && at.phase != INT) || at.n != (at.phase == ZERO ? 0 : x->n_zero))
        return DFA_DEAD;
    return state_at(x, (struct place){.rest = at.rest, .phase = POINT});
}

static void fill_row(struct divider *x, uint32_t s)
{
    struct place at = place_of(x->index.key[s]);
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

/* Takes the divisor apart; false when the work has failed. */
static bool divider_set(struct divider *x, str text)
{
    struct dfa_work *w = x->d.w;
    struct decimal v;
    decimal_read(&v, text);
    int64_t e = v.point - (int64_t)v.n, n = e < 0 ? -e : e;
    uint64_t by = 0;
    for (size_t i = 0; i < v.n && by < BY_MAX; i++)
        by = by * 10 + decimal_digit(&v, i);
    if (by >= BY_MAX || n > SHIFT_MAX) {
        dfa_fail(w, ERR_LIMIT, "it has too many digits; use a rounder one");
        return false;
    }
    x->by = by;
    x->n_zero = e > 0 ? (uint32_t)n : 0;
    x->n_frac = e < 0 ? (uint32_t)n : 0;
    x->power = dfa_scratch(w, (size_t)n + 2, sizeof *x->power);
    if (!x->power)
        return false;
    x->power[0] = 1 % by;
    for (int64_t i = 1; i < n + 2; i++)
        x->power[i] = x->power[i - 1] * 10 % by;
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
    dfa_index_init(&x.index, &x.d);
    if (w->rc == ERR_OK && divider_set(&x, divisor)) {
        start = state_at(&x, (struct place){.phase = START});
        for (uint32_t s = 1; s < x.d.n_state && w->rc == ERR_OK; s++)
            fill_row(&x, s);
    }
    mem_free(x.power);
    dfa_index_done(&x.index);
    return dfa_draft_finish(&x.d, start);
}
