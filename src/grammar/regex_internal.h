/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of regex.c: pattern -> tree (regex_parse.c) -> NFA over sets of code points
 * (regex_nfa.c) -> DFA over atoms, which are the classes of code points that no set of the
 * pattern tells apart (regex_dfa.c) -> DFA over bytes (regex_utf8.c). All of it lies on one
 * scratch arena that regex_dfa frees. A stage that fails has set w->rc.
 */
#pragma once
#include "grammar/dfa_internal.h"
#include "grammar/regex.h"

#define CP_MAX 0x10ffffu
#define CP_SURROGATE_FIRST 0xd800u
#define CP_SURROGATE_LAST 0xdfffu
#define RE_NO_MAX UINT32_MAX /* of a repetition without upper bound */
#define RE_NONE UINT32_MAX
#define RE_RANGES_MAX (1u << 20) /* of one set, and of all sets of a pattern */

struct cp_range {
    uint32_t lo, hi;
};
/* Once closed: ascending, apart, with something but surrogates in between. No text holds a
 * surrogate: a range may span them, but none begins or ends there. */
struct cp_set {
    struct cp_range *range;
    uint32_t n, cap;
    uint32_t chain; /* next set of the same hash, or RE_NONE */
};

enum re_kind { RE_EMPTY, RE_SET, RE_CAT, RE_ALT, RE_REPEAT, RE_BEGIN, RE_END };
struct re {
    enum re_kind kind;
    uint32_t set; /* RE_SET */
    uint32_t min, max; /* RE_REPEAT */
    struct re *child; /* of RE_CAT: the last one */
    struct re *next; /* sibling; of RE_CAT's children: the one before */
};

#define RE_SET_BUCKETS 512
struct regex {
    struct dfa_work *w;
    struct arena *scratch; /* owns */
    str pattern;
    bool is_whole;
    struct re *root;
    struct cp_set *set; /* each set once */
    uint32_t n_set, set_cap;
    uint32_t bucket[RE_SET_BUCKETS]; /* first set of a hash, or RE_NONE */
};

/* First failure of re->w, with the place in the pattern. */
#define RE_FAIL(re, code, at, ...)                                                               \
    do {                                                                                         \
        if ((re)->w->rc == ERR_OK) (re)->w->rc = err_set((re)->w->e, (code), (at), __VA_ARGS__); \
    } while (0)
void re_fail_ranges(struct regex *re);
/* Zeroed scratch; NULL: the work has failed. */
void *re_alloc(struct regex *re, size_t n, size_t size);
/* A larger copy of p [n used]; *cap doubles. NULL: the work has failed. */
void *re_grow(struct regex *re, const void *p, size_t n, uint32_t *cap, size_t size);

/* ---- regex_set.c ---- */

void set_add(struct regex *re, struct cp_set *s, uint32_t lo, uint32_t hi);
void set_add_all(struct regex *re, struct cp_set *s, const struct cp_set *other);
void set_close(struct cp_set *s);
/* Closes s and turns it into what it lacks. */
void set_invert(struct regex *re, struct cp_set *s);
/* Number of a closed set in re->set. */
uint32_t set_intern(struct regex *re, const struct cp_set *s);
/* What \d \w \s and their negations match, added to s. letter is one of dDwWsS. */
void set_add_escape(struct regex *re, struct cp_set *s, char letter);

/* ---- regex_property.c ---- */

/* \p{name}, \p{name=value}; false: there is no table for it. */
bool set_add_property(struct regex *re, struct cp_set *s, str name, bool is_inverted);

/* ---- regex_parse.c ---- */

MUST_CHECK bool re_parse(struct regex *re);

/* ---- regex_nfa.c ---- */

enum nfa_kind { NFA_SET, NFA_SPLIT, NFA_BEGIN, NFA_END, NFA_MATCH };
struct nfa_node {
    uint8_t kind;
    bool is_useful; /* NFA_SET: a match can still be reached behind the text's
                                        * begin */
    bool is_last; /* a match is reached here if the text ends */
    uint32_t set; /* NFA_SET */
    uint32_t out, out2; /* out2: NFA_SPLIT */
};
struct nfa {
    struct nfa_node *node;
    uint32_t n, cap, start;
};
MUST_CHECK bool nfa_build(struct regex *re, struct nfa *nfa);

/* ---- regex_dfa.c ---- */

/* Code points from first on, up to the next run's, are of this atom. */
struct atom_run {
    uint32_t first, atom;
};
/* A DFA over atoms; state 0 is dead. */
struct sym {
    struct atom_run *run;
    uint32_t n_run, n_atom;
    uint32_t n_state, start;
    uint32_t *next; /* [n_state, n_atom] */
    uint8_t *flags; /* [n_state] */
    bool is_minimal;
};
MUST_CHECK bool sym_build(struct regex *re, const struct nfa *nfa, struct sym *sym);

/* ---- regex_utf8.c ---- */

MUST_CHECK const struct dfa *sym_to_bytes(struct regex *re, const struct sym *sym);
