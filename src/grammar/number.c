/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds as automata. A spelling is read once from the left and compared with both bounds as it
 * goes, its sign apart:
 *
 *   START --'-'--> MINUS      both: --0--> ZERO, --1..9--> INT
 *   INT --0..9--> INT         ZERO, INT: --.--> POINT --0..9--> FRAC --0..9--> FRAC
 *
 * A state besides these knows how the digits so far compare with the bound's (LESS, EQUAL, MORE)
 * and how many there are. How many integer digits there will be is not known before they end:
 * fewer than the bound has is less, more is more, as no spelling begins with a spare 0.
 */
#include "grammar/number_internal.h"

#include "base/mem.h"
#include "grammar/dfa_internal.h"

/* Automata beyond this are not multiplied by DFA_NUMBER_SIZE. */
#define SIZED_STATES_MAX 1000

enum phase { START, MINUS, ZERO, INT, POINT, FRAC };
enum relation { LESS, EQUAL, MORE };

/* A bound of the magnitude, with its digits written out. */
struct bound {
    bool is_set, or_equal;
    uint8_t *digit;                            /* owns; [n_int + n_frac] */
    uint32_t n_int, n_frac;
};

/* What is allowed for the numbers of one sign. */
struct part {
    bool is_possible;
    struct bound low, high;
};

struct place {                                 /* one state */
    uint8_t phase, sign, low, high;            /* low, high: enum relation */
    uint32_t n;                                /* digits: of the integer, or in FRAC behind the
                                                * point; n_max: that many or more */
};

struct ranger {
    struct dfa_draft d;
    bool is_integer;                           /* no fraction, no -0 */
    struct part part[2];                       /* of a sign: 0 plus, 1 minus */
    uint32_t n_max;
    struct dfa_index index;                    /* by place_key */
};

/* Classes of bytes: others, digits (1 + digit), and these. */
enum { CLASS_MINUS = 11, CLASS_DOT, N_CLASS };

/* ---- bounds ---- */

/* value's magnitude as a bound; false when the work has failed. */
static bool bound_set(struct dfa_work *w, struct bound *b, const struct decimal *value,
                      bool or_equal)
{
    int64_t n_int = value->point > 1 ? value->point : 1;
    int64_t n_frac = (int64_t)value->n - value->point;
    n_frac = value->n == 0 || n_frac < 0 ? 0 : n_frac;
    if (n_int > NUMBER_DIGITS_MAX || n_frac > NUMBER_DIGITS_MAX ||
        n_int + n_frac > NUMBER_DIGITS_MAX) {
        dfa_fail(w, ERR_LIMIT, "a bound of a number has more than %d digits when written out; "
                               "leave it out or use a rounder one", NUMBER_DIGITS_MAX);
        return false;
    }
    b->digit = dfa_scratch(w, (size_t)(n_int + n_frac), 1);
    if (!b->digit)
        return false;
    b->is_set = true;
    b->or_equal = or_equal;
    b->n_int = (uint32_t)n_int;
    b->n_frac = (uint32_t)n_frac;
    /* 0 has its digit written already; else digit[i] is the one before or behind the point. */
    int64_t first = value->n == 0 ? 0 : n_int - value->point;
    for (size_t i = 0; i < value->n; i++)
        b->digit[first + (int64_t)i] = decimal_digit(value, i);
    return true;
}

/* The magnitudes of the positive numbers (and 0) that are within the range. */
static bool part_set(struct dfa_work *w, struct part *p, const struct decimal *min, bool min_equal,
                     const struct decimal *max, bool max_equal)
{
    p->is_possible = !max || !max->is_negative;
    if (p->is_possible && min && !min->is_negative && !bound_set(w, &p->low, min, min_equal))
        return false;
    return !p->is_possible || !max || bound_set(w, &p->high, max, max_equal);
}

/* For the negative numbers the bounds change sign and places. */
static void negate(struct decimal *d)
{
    d->is_negative = d->n > 0 && !d->is_negative;
}

static bool parts_set(struct ranger *g, const struct number_range *r)
{
    struct dfa_work *w = g->d.w;
    struct decimal min, max;
    decimal_read(&min, r->min);
    decimal_read(&max, r->max);
    const struct decimal *low = r->min.n ? &min : NULL, *high = r->max.n ? &max : NULL;
    if (!part_set(w, &g->part[0], low, !r->min_exclusive, high, !r->max_exclusive))
        return false;
    negate(&min);
    negate(&max);
    if (!part_set(w, &g->part[1], high, !r->max_exclusive, low, !r->min_exclusive))
        return false;
    for (int i = 0; i < 4; i++) {
        const struct bound *b = i % 2 ? &g->part[i / 2].high : &g->part[i / 2].low;
        uint32_t n = b->n_int > b->n_frac ? b->n_int : b->n_frac;
        g->n_max = n + 1 > g->n_max ? n + 1 : g->n_max;
    }
    return true;
}

/* ---- comparing ---- */

static enum relation compare(uint8_t a, uint8_t b)
{
    return a < b ? LESS : a > b ? MORE : EQUAL;
}

/* n digits compare so; another integer digit comes. */
static enum relation compare_int(const struct bound *b, enum relation so_far, uint32_t n,
                                 uint8_t digit)
{
    if (!b->is_set)
        return EQUAL;
    if (n >= b->n_int)
        return MORE;
    return so_far == EQUAL ? compare(digit, b->digit[n]) : so_far;
}

/* The integer of n digits has ended. */
static enum relation compare_int_end(const struct bound *b, enum relation so_far, uint32_t n)
{
    return b->is_set && n < b->n_int ? LESS : so_far;
}

static enum relation compare_frac(const struct bound *b, enum relation so_far, uint32_t n,
                                  uint8_t digit)
{
    if (!b->is_set || so_far != EQUAL)
        return so_far;
    return compare(digit, n < b->n_frac ? b->digit[b->n_int + n] : 0);
}

/* The number has ended, with n digits behind the point; a bound's last one is not 0. */
static bool is_within(const struct bound *b, enum relation so_far, uint32_t n,
                      enum relation allowed)
{
    if (!b->is_set)
        return true;
    if (so_far == EQUAL && n < b->n_frac)
        so_far = LESS;
    return so_far == allowed || (so_far == EQUAL && b->or_equal);
}

/* ---- states ---- */

static bool is_accepting(const struct ranger *g, const struct place *at)
{
    const struct part *p = &g->part[at->sign];
    if (at->phase == FRAC)
        return is_within(&p->low, at->low, at->n, MORE) &&
               is_within(&p->high, at->high, at->n, LESS);
    if (at->phase == ZERO && g->is_integer && at->sign)
        return false;
    return (at->phase == ZERO || at->phase == INT) &&
           is_within(&p->low, compare_int_end(&p->low, at->low, at->n), 0, MORE) &&
           is_within(&p->high, compare_int_end(&p->high, at->high, at->n), 0, LESS);
}

static uint64_t place_key(struct place at)
{
    return (uint64_t)at.n << 32 | (uint32_t)at.phase << 24 | (uint32_t)at.sign << 16 |
           (uint32_t)at.low << 8 | at.high;
}

static struct place place_of(uint64_t key)
{
    return (struct place){.n = (uint32_t)(key >> 32), .phase = (uint8_t)(key >> 24),
                          .sign = (uint8_t)(key >> 16), .low = (uint8_t)(key >> 8),
                          .high = (uint8_t)key};
}

/* The state of a place, made when it is new; DFA_DEAD when the work has failed or the upper bound
 * is passed. */
static uint32_t state_at(struct ranger *g, struct place at)
{
    const struct part *p = &g->part[at.sign];
    if ((at.phase != START && !p->is_possible) || (p->high.is_set && at.high == MORE &&
                                                   (at.phase == FRAC || at.n > p->high.n_int)))
        return DFA_DEAD;
    bool is_open = at.phase == INT || (p->low.is_set && at.low == EQUAL) ||
                   (p->high.is_set && at.high == EQUAL);
    at.n = at.n > g->n_max ? g->n_max : is_open ? at.n : 0;
    uint32_t s = dfa_index_find(&g->index, place_key(at));
    return s != DFA_DEAD ? s : dfa_index_add(&g->index, place_key(at),
                                             is_accepting(g, &at) ? DFA_ACCEPT : 0);
}

static uint32_t step_digit(struct ranger *g, struct place at, uint8_t digit)
{
    const struct part *p = &g->part[at.sign];
    if (at.phase == ZERO)
        return DFA_DEAD;
    if (at.phase == POINT || at.phase == FRAC) {
        at.low = (uint8_t)compare_frac(&p->low, at.low, at.n, digit);
        at.high = (uint8_t)compare_frac(&p->high, at.high, at.n, digit);
        at.phase = FRAC;
    } else {
        at.low = (uint8_t)compare_int(&p->low, at.low, at.n, digit);
        at.high = (uint8_t)compare_int(&p->high, at.high, at.n, digit);
        at.phase = at.n == 0 && digit == 0 ? ZERO : INT;
    }
    at.n++;
    return state_at(g, at);
}

static uint32_t step_dot(struct ranger *g, struct place at)
{
    const struct part *p = &g->part[at.sign];
    if ((at.phase != ZERO && at.phase != INT) || g->is_integer)
        return DFA_DEAD;
    at.low = (uint8_t)compare_int_end(&p->low, at.low, at.n);
    at.high = (uint8_t)compare_int_end(&p->high, at.high, at.n);
    at.phase = POINT;
    at.n = 0;
    return state_at(g, at);
}

static void fill_row(struct ranger *g, uint32_t s)
{
    struct place at = place_of(g->index.key[s]);
    for (uint8_t digit = 0; digit < 10; digit++) {
        uint32_t to = step_digit(g, at, digit);
        dfa_draft_row(&g->d, s)[1 + digit] = to;
    }
    uint32_t to = step_dot(g, at);
    dfa_draft_row(&g->d, s)[CLASS_DOT] = to;
    if (at.phase == START) {
        to = state_at(g, (struct place){.phase = MINUS, .sign = 1, .low = EQUAL, .high = EQUAL});
        dfa_draft_row(&g->d, s)[CLASS_MINUS] = to;
    }
}

/* Plain spellings within the bounds of r; of integers, exactly those wanted. */
static const struct dfa *range_dfa(struct dfa_work *w, const struct number_range *r)
{
    uint8_t class_of[256] = {['-'] = CLASS_MINUS, ['.'] = CLASS_DOT};
    for (int digit = 0; digit < 10; digit++)
        class_of['0' + digit] = (uint8_t)(1 + digit);
    struct ranger g = {.is_integer = r->is_integer, .n_max = 1};
    uint32_t start = DFA_DEAD;
    dfa_draft_init(&g.d, w, class_of, N_CLASS);
    dfa_index_init(&g.index, &g.d);
    if (w->rc == ERR_OK && parts_set(&g, r)) {
        start = state_at(&g, (struct place){.phase = START, .low = EQUAL, .high = EQUAL});
        for (uint32_t s = 1; s < g.d.n_state && w->rc == ERR_OK; s++)
            fill_row(&g, s);
    }
    for (int i = 0; i < 2; i++) {
        mem_free(g.part[i].low.digit);
        mem_free(g.part[i].high.digit);
    }
    dfa_index_done(&g.index);
    return dfa_draft_finish(&g.d, start);
}

/* ---- all together ---- */

static bool check_texts(struct dfa_work *w, const struct number_range *r)
{
    const struct dfa *number = dfa_shared(DFA_NUMBER_SYNTAX);
    if ((r->min.n && !dfa_match(number, r->min)) || (r->max.n && !dfa_match(number, r->max)))
        dfa_fail(w, ERR_ARG, "a bound of a number is no number");
    for (size_t i = 0; i < r->n_divisor; i++)
        if (!dfa_match(number, r->divisor[i]) || number_cmp(r->divisor[i], STR("0")) <= 0)
            dfa_fail(w, ERR_ARG, "multipleOf must be a number above 0");
    return w->rc == ERR_OK;
}

/* a (NULL: everything) within the multiples. Its failure names the keyword. */
static const struct dfa *and_multiples(struct dfa_work *w, const struct dfa *a, str divisor)
{
    struct error e = {0};
    struct dfa_work inner = *w;
    inner.e = &e;
    const struct dfa *m = number_multiples(&inner, divisor);
    if (a && m)
        m = dfa_and(&inner, a, m);
    if (inner.rc != ERR_OK)
        dfa_fail(w, inner.rc, "multipleOf %.*s: %s", STR_FMT(str_sub(divisor, 0, 40)), e.text);
    return m;
}

/* Does the bound leave [value, more) or (less, value]? None leaves everything. */
static bool leaves_above(str min, const char *value)
{
    return min.n == 0 || number_cmp(min, str_of(value)) <= 0;
}

static bool leaves_below(str max, const char *value)
{
    return max.n == 0 || number_cmp(max, str_of(value)) >= 0;
}

/* The spellings with an exponent whose values are all within the range. */
static const struct dfa *or_exponents(struct dfa_work *w, const struct dfa *a,
                                      const struct number_range *r)
{
    bool excludes_1 = r->min_exclusive && r->min.n && number_cmp(r->min, STR("1")) == 0;
    bool excludes_minus_1 = r->max_exclusive && r->max.n && number_cmp(r->max, STR("-1")) == 0;
    const bool is_in[] = {
        leaves_above(r->min, "0") && leaves_below(r->max, "1"),
        leaves_above(r->min, "-1") && leaves_below(r->max, "0"),
        leaves_above(r->min, "1") && r->max.n == 0 && !excludes_1,
        leaves_below(r->max, "-1") && r->min.n == 0 && !excludes_minus_1,
    };
    for (int i = 0; i < 4; i++)
        if (is_in[i]) a = dfa_or(w, a, dfa_shared((enum dfa_shared)(DFA_SMALL + i)));
    return a;
}

/* Too long, written out, for a number of usual size to reach it. */
static bool is_long(str bound)
{
    struct decimal d;
    if (bound.n == 0)
        return false;
    decimal_read(&d, bound);
    return d.point > DFA_DIGITS_MAX || (int64_t)d.n - d.point > DFA_DIGITS_MAX;
}

const struct dfa *number_dfa(struct dfa_work *w, const struct number_range *r)
{
    bool has_bound = r->min.n || r->max.n;
    if (w->rc != ERR_OK || !check_texts(w, r))
        return NULL;
    if (!has_bound && r->n_divisor == 0)
        return dfa_shared(r->is_integer ? DFA_INTEGER
                          : r->is_unique ? DFA_NUMBER_UNIQUE : DFA_NUMBER);
    const struct dfa *a = has_bound || r->is_integer ? range_dfa(w, r) : NULL;
    if (r->is_unique && !r->is_integer)
        a = a ? dfa_and(w, a, dfa_shared(DFA_NUMBER_UNIQUE_SYNTAX))
              : dfa_shared(DFA_NUMBER_UNIQUE_SYNTAX);
    if (a && !r->is_integer && !r->is_unique && r->n_divisor == 0)
        a = or_exponents(w, a, r);
    for (size_t i = 0; i < r->n_divisor && w->rc == ERR_OK; i++)
        a = and_multiples(w, a, r->divisor[i]);
    if (w->rc == ERR_OK && a->n_state <= SIZED_STATES_MAX && !is_long(r->min) && !is_long(r->max))
        a = dfa_and(w, a, dfa_shared(DFA_NUMBER_SIZE));
    return w->rc == ERR_OK ? dfa_minimize(w, a) : NULL;
}
