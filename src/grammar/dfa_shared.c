/* SPDX-License-Identifier: Apache-2.0
 *
 * The automata that every process has, from tables of ways, at first use. States of a table are
 * numbered from 1, which is the start.
 */
#include "grammar/dfa_internal.h"

#include <pthread.h>

struct way { uint8_t from, low, high, to; };   /* by the bytes low to high */

struct machine {
    uint32_t n_state;
    uint32_t accepting;                        /* bit s: state s */
    const struct way *way;                     /* ends with from 0 */
};

/* RFC 3629, section 4. 2: one more byte, 3: two more, 4: three more. */
static const struct way text_ways[] = {
    {1, 0x00, 0x7f, 1}, {1, 0xc2, 0xdf, 2},
    {1, 0xe0, 0xe0, 5}, {1, 0xe1, 0xec, 3}, {1, 0xed, 0xed, 6}, {1, 0xee, 0xef, 3},
    {1, 0xf0, 0xf0, 7}, {1, 0xf1, 0xf3, 4}, {1, 0xf4, 0xf4, 8},
    {2, 0x80, 0xbf, 1}, {3, 0x80, 0xbf, 2}, {4, 0x80, 0xbf, 3},
    {5, 0xa0, 0xbf, 2}, {6, 0x80, 0x9f, 2}, {7, 0x90, 0xbf, 3}, {8, 0x80, 0x8f, 3},
    {0},
};

/* 2: behind '-'. 3: 0. 4: an integer. */
static const struct way integer_ways[] = {
    {1, '-', '-', 2}, {1, '0', '0', 3}, {1, '1', '9', 4}, {2, '1', '9', 4}, {4, '0', '9', 4},
    {0},
};

/* RFC 8259, section 6. 2: behind '-'. 3: 0. 4: an integer. 5: behind the point. 6: a fraction.
 * 7: behind 'e'. 8: behind its sign. 9: an exponent. */
static const struct way number_ways[] = {
    {1, '-', '-', 2}, {1, '0', '0', 3}, {1, '1', '9', 4},
    {2, '0', '0', 3}, {2, '1', '9', 4}, {4, '0', '9', 4},
    {3, '.', '.', 5}, {4, '.', '.', 5}, {5, '0', '9', 6}, {6, '0', '9', 6},
    {3, 'e', 'e', 7}, {4, 'e', 'e', 7}, {6, 'e', 'e', 7},
    {3, 'E', 'E', 7}, {4, 'E', 'E', 7}, {6, 'E', 'E', 7},
    {7, '+', '+', 8}, {7, '-', '-', 8}, {7, '0', '9', 9}, {8, '0', '9', 9}, {9, '0', '9', 9},
    {0},
};

/* 2: behind '-'. 3: 0. 4: an integer. 5: behind the point. 6: a fraction that ends well. 7: one
 * that ends in 0. 8: -0, which goes on. */
static const struct way number_unique_ways[] = {
    {1, '-', '-', 2}, {1, '0', '0', 3}, {1, '1', '9', 4},
    {2, '0', '0', 8}, {2, '1', '9', 4}, {4, '0', '9', 4},
    {3, '.', '.', 5}, {4, '.', '.', 5}, {8, '.', '.', 5},
    {5, '1', '9', 6}, {6, '1', '9', 6}, {7, '1', '9', 6},
    {5, '0', '0', 7}, {6, '0', '0', 7}, {7, '0', '0', 7},
    {0},
};

/* With an exponent. 2: behind '-'. 3: a digit but 0. 4: behind the point. 5: a fraction. 6: behind
 * 'e'. 7: behind its sign. 8: a 0 there. 9, 10: an exponent. */
#define MANTISSA \
    {3, '.', '.', 4}, {4, '0', '9', 5}, {5, '0', '9', 5}, {3, 'e', 'e', 6}, {3, 'E', 'E', 6}, \
    {5, 'e', 'e', 6}, {5, 'E', 'E', 6}
#define SMALL \
    {6, '-', '-', 7}, {7, '0', '0', 8}, {7, '1', '9', 9}, {8, '1', '9', 10}, {9, '0', '9', 10}
#define LARGE \
    {6, '+', '+', 7}, {6, '0', '9', 9}, {7, '0', '9', 9}, {9, '0', '9', 10}, {10, '0', '9', 10}
#define MINUS {1, '-', '-', 2}, {2, '1', '9', 3}
static const struct way small_ways[] = {{1, '1', '9', 3}, MANTISSA, SMALL, {0}};
static const struct way minus_small_ways[] = {MINUS, MANTISSA, SMALL, {0}};
static const struct way large_ways[] = {{1, '1', '9', 3}, MANTISSA, LARGE, {0}};
static const struct way minus_large_ways[] = {MINUS, MANTISSA, LARGE, {0}};

static const struct machine machines[DFA_SHARED_COUNT] = {
    [DFA_TEXT] = {8, 1u << 1, text_ways},
    [DFA_NUMBER_SYNTAX] = {9, 1u << 3 | 1u << 4 | 1u << 6 | 1u << 9, number_ways},
    [DFA_NUMBER_UNIQUE_SYNTAX] = {8, 1u << 3 | 1u << 4 | 1u << 6, number_unique_ways},
    [DFA_SMALL] = {10, 1u << 9 | 1u << 10, small_ways},
    [DFA_MINUS_SMALL] = {10, 1u << 9 | 1u << 10, minus_small_ways},
    [DFA_LARGE] = {10, 1u << 9 | 1u << 10, large_ways},
    [DFA_MINUS_LARGE] = {10, 1u << 9 | 1u << 10, minus_large_ways},
    [DFA_INTEGER] = {4, 1u << 3 | 1u << 4, integer_ways},
    [DFA_NUMBER] = {9, 1u << 3 | 1u << 4 | 1u << 6 | 1u << 9, number_ways},
    [DFA_NUMBER_UNIQUE] = {8, 1u << 3 | 1u << 4 | 1u << 6, number_unique_ways},
};

static struct dfa made[DFA_SHARED_COUNT];
static pthread_once_t made_once = PTHREAD_ONCE_INIT;

static const struct dfa *make_machine(struct dfa_work *w, const struct machine *m)
{
    uint8_t class_of[256];
    for (int b = 0; b < 256; b++)
        class_of[b] = (uint8_t)b;
    struct dfa_draft d;
    dfa_draft_init(&d, w, class_of, 256);
    for (uint32_t s = 1; s <= m->n_state; s++)
        CHECK(dfa_draft_add(&d, m->accepting >> s & 1 ? DFA_ACCEPT : 0) == s);
    for (const struct way *way = m->way; way->from; way++)
        for (unsigned b = way->low; b <= way->high; b++)
            dfa_draft_row(&d, way->from)[b] = way->to;
    return dfa_draft_finish(&d, 1);
}

/* Behind 'e' or 'E': its sign may come, and up to 2 or 3 digits. */
enum { SIZE_START = 1, SIZE_EXP = DFA_DIGITS_MAX + 2, SIZE_DIGITS, SIZE_FIRST_0_1, SIZE_FIRST_2,
       SIZE_LAST, SIZE_END, SIZE_STATES };

/* State SIZE_START + n: n digits in a row. */
static void size_digits(struct dfa_draft *d)
{
    for (uint32_t n = 0; n <= DFA_DIGITS_MAX; n++) {
        uint32_t *row = dfa_draft_row(d, SIZE_START + n);
        for (const char *b = "+-."; *b; b++)
            row[(uint8_t)*b] = SIZE_START;
        for (uint8_t b = '0'; b <= '9' && n < DFA_DIGITS_MAX; b++)
            row[b] = SIZE_START + n + 1;
        row['e'] = row['E'] = SIZE_EXP;
    }
}

static void size_exponent(struct dfa_draft *d)
{
    dfa_draft_row(d, SIZE_EXP)['+'] = dfa_draft_row(d, SIZE_EXP)['-'] = SIZE_DIGITS;
    for (uint8_t b = '0'; b <= '9'; b++) {
        uint32_t first = b <= '1' ? SIZE_FIRST_0_1 : b == '2' ? SIZE_FIRST_2 : SIZE_LAST;
        dfa_draft_row(d, SIZE_EXP)[b] = dfa_draft_row(d, SIZE_DIGITS)[b] = first;
        dfa_draft_row(d, SIZE_FIRST_0_1)[b] = SIZE_LAST;
        dfa_draft_row(d, SIZE_FIRST_2)[b] = b <= '5' ? SIZE_LAST : SIZE_END;
        dfa_draft_row(d, SIZE_LAST)[b] = SIZE_END;
    }
}

static const struct dfa *make_size(struct dfa_work *w)
{
    uint8_t class_of[256];
    for (int b = 0; b < 256; b++)
        class_of[b] = (uint8_t)b;
    struct dfa_draft d;
    dfa_draft_init(&d, w, class_of, 256);
    for (uint32_t s = 1; s < SIZE_STATES; s++)
        CHECK(dfa_draft_add(&d, DFA_ACCEPT) == s);
    size_digits(&d);
    size_exponent(&d);
    return dfa_draft_finish(&d, SIZE_START);
}

static const struct dfa *make_number(struct dfa_work *w, enum dfa_shared which)
{
    const struct dfa *a = make_machine(w, &machines[which]);
    return dfa_minimize(w, dfa_and(w, a, make_size(w)));
}

static void make_all(void)
{
    static const str word[] = {STR("null"), STR("false"), STR("true")};
    struct dfa_work w = {.arena = arena_new(0)};
    for (int i = 0; i < DFA_SHARED_COUNT; i++) {
        const struct dfa *a;
        if (i == DFA_STRING) {
            a = dfa_json_spell(&w, make_machine(&w, &machines[DFA_TEXT]));
        } else if (i == DFA_NULL || i == DFA_FALSE || i == DFA_TRUE) {
            a = dfa_words(&w, &word[i - DFA_NULL], 1);
        } else if (i == DFA_NUMBER_SIZE) {
            a = make_size(&w);
        } else if (i == DFA_INTEGER || i == DFA_NUMBER || i == DFA_NUMBER_UNIQUE) {
            a = make_number(&w, (enum dfa_shared)i);
        } else {
            a = make_machine(&w, &machines[i]);
        }
        a = dfa_count(&w, a);
        CHECK(a != NULL);
        made[i] = *a;
        made[i].shared = 1 + (uint32_t)i;
    }
}

const struct dfa *dfa_shared(enum dfa_shared which)
{
    CHECK(which < DFA_SHARED_COUNT);
    CHECK(pthread_once(&made_once, make_all) == 0);
    return &made[which];
}
