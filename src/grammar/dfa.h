/* SPDX-License-Identifier: Apache-2.0
 *
 * Deterministic automata over bytes, and the algebra on them. A DFA is immutable once made and
 * lies on the arena of its work; DFAs of different works may be combined. Trimmed: from every
 * state but DFA_DEAD an accepting state can be reached, so a walk that is not dead can be
 * finished. An empty language is a DFA whose start is DFA_DEAD.
 *
 * Languages of strings are over the decoded text (UTF-8, well-formed); dfa_json_string turns one
 * into the language of its JSON spellings. Any thread; a struct dfa_work has one owner.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define DFA_DEAD 0u
#define DFA_STATES_MAX (1u << 24)
#define DFA_DIGITS_MAX 40              /* in a row; a model that writes on and on is stopped */

/* Bits of a state. */
#define DFA_ACCEPT 1u
/* Between two characters inside the quotes of a JSON string: leaving it by anything but the
 * closing quote begins a character. Counted terminals (grammar.h) count these. */
#define DFA_CHAR 2u

struct dfa {
    uint32_t n_state, n_class, start;
    uint8_t class_of[256];
    const uint32_t *next;              /* [n_state, n_class]; row DFA_DEAD is all DFA_DEAD */
    const uint8_t *flags;              /* [n_state] */
    const uint32_t *n_word;            /* [n_state] strings accepted from there, UINT32_MAX:
                                        * infinitely or that many; NULL until dfa_count */
    uint32_t shared;                   /* 1 + enum dfa_shared, 0: private */
    const struct dfa *json;            /* what dfa_json_string gives, where it is known already */
};

static inline uint32_t dfa_next(const struct dfa *d, uint32_t state, uint8_t byte)
{
    return d->next[(size_t)state * d->n_class + d->class_of[byte]];
}
static inline bool dfa_accepts(const struct dfa *d, uint32_t state)
{
    return d->flags[state] & DFA_ACCEPT;
}

/* What making automata may cost; every operation draws on it. The first failure sticks: later
 * operations give NULL at once. ERR_LIMIT says which limit, ERR_ARG what is wrong. */
struct dfa_work {
    struct arena *arena;               /* results and scratch; its cap bounds memory */
    int64_t deadline_ns;               /* clock_ns; 0: none */
    uint32_t n_state_max;              /* of one automaton, also on the way to it; 0:
                                        * DFA_STATES_MAX */
    enum err rc;
    struct error *e;                   /* filled on the first failure */
};

/* ---- automata that every process has: made once, immutable, never freed ---- */

enum dfa_shared {
    DFA_STRING,                        /* any JSON string in quotes, one spelling per text: only
                                        * " \ and controls escaped, by \b \f \n \r \t \" \\ or
                                        * lower case \u00xx */
    DFA_TEXT,                          /* any well-formed UTF-8, decoded (no quotes) */
    DFA_NULL, DFA_FALSE, DFA_TRUE,
    DFA_INTEGER,                       /* no fraction, no exponent; -0 is out */
    DFA_NUMBER,                        /* any JSON number that every reader can take: finite as
                                        * double, as are the other two */
    DFA_NUMBER_UNIQUE,                 /* one spelling per value: no exponent, no trailing zeros
                                        * of a fraction, no -0 */
    DFA_NUMBER_SYNTAX,                 /* the last two of any size */
    DFA_NUMBER_UNIQUE_SYNTAX,
    DFA_NUMBER_SIZE,                   /* texts of a number's bytes with at most DFA_DIGITS_MAX
                                        * digits in a row and an exponent up to 259 */
    DFA_SMALL, DFA_MINUS_SMALL,        /* d.ddde-n, above 0 and below 1; and negated */
    DFA_LARGE, DFA_MINUS_LARGE,        /* d.ddde+n, at least 1 */
    DFA_SHARED_COUNT
};
/* Thread-safe; n_word is present. */
const struct dfa *dfa_shared(enum dfa_shared which);

/* ---- algebra; all give NULL when w failed. Operands are over one alphabet of bytes. A state of
 * a product has DFA_CHAR when either operand's has. ---- */

MUST_CHECK const struct dfa *dfa_and(struct dfa_work *w, const struct dfa *a, const struct dfa *b);
MUST_CHECK const struct dfa *dfa_or(struct dfa_work *w, const struct dfa *a, const struct dfa *b);
/* a without b. The complement of a language of strings is dfa_minus(w, dfa_shared(DFA_TEXT), a). */
MUST_CHECK const struct dfa *dfa_minus(struct dfa_work *w, const struct dfa *a,
                                       const struct dfa *b);
/* The language of exactly these byte strings; any order, doubles are fine. Minimal,
 * with n_word. */
MUST_CHECK const struct dfa *dfa_words(struct dfa_work *w, const str *word, size_t n);
/* a followed by the text; a itself when that is empty. */
MUST_CHECK const struct dfa *dfa_append(struct dfa_work *w, const struct dfa *a, str text);
/* Fewest states; keeps DFA_CHAR apart. One language (and flags) gives one table. */
MUST_CHECK const struct dfa *dfa_minimize(struct dfa_work *w, const struct dfa *a);
/* Decoded texts -> JSON strings with both quotes, in the spelling of DFA_STRING; sets DFA_CHAR.
 * dfa_shared(DFA_TEXT), or a minimal automaton of that language, gives dfa_shared(DFA_STRING)
 * itself. ERR_ARG for a language that cannot be of UTF-8 (not all such are found). */
MUST_CHECK const struct dfa *dfa_json_string(struct dfa_work *w, const struct dfa *text);
/* Same language, with n_word: a itself when it has that, else sharing a's tables (so a's arena
 * must live as long). */
MUST_CHECK const struct dfa *dfa_count(struct dfa_work *w, const struct dfa *a);

static inline bool dfa_is_empty(const struct dfa *a) { return a->start == DFA_DEAD; }
bool dfa_match(const struct dfa *a, str text);
/* Is a within b? False also when w failed. */
bool dfa_is_subset(struct dfa_work *w, const struct dfa *a, const struct dfa *b);
/* Shortest and longest text in code points (longest UINT32_MAX: unbounded). a is over UTF-8;
 * an empty a gives UINT32_MAX and 0. */
void dfa_char_range(const struct dfa *a, uint32_t *n_min, uint32_t *n_max);
