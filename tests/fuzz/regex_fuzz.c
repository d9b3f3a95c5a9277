/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns: the first line is the pattern, the rest a text. Either an error that says what and
 * where, or an automaton that is minimal and accepts nothing but UTF-8. A pattern without a dot
 * (whose meaning differs) that matches a text whole also matches it.
 */
#include "base/clock.h"
#include "base/utf8.h"
#include "grammar/regex.h"

#define ARENA_CAP ((size_t)64 << 20)
#define STATES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dfa *compile(struct arena *a, str pattern, bool whole, str text, bool *matches)
{
    struct error e = {0};
    struct dfa_work w = {
        .arena = a, .deadline_ns = clock_ns() + NS_PER_S, .n_state_max = STATES_MAX, .e = &e};
    uint32_t n_min, n_max;
    const struct dfa *d = regex_dfa(&w, pattern, whole, &n_min, &n_max);
    CHECK((d != NULL) == (w.rc == ERR_OK));
    if (!d) {
        CHECK(w.rc == ERR_ARG || w.rc == ERR_LIMIT);
        CHECK(e.code == w.rc && e.text[0] != '\0' && utf8_valid(str_of(e.text)));
        CHECK(e.pos == ERR_NO_POS || e.pos <= pattern.n);
        return NULL;
    }
    CHECK(n_min <= n_max);
    CHECK(dfa_is_subset(&w, d, dfa_shared(DFA_TEXT)) || w.rc != ERR_OK);
    const struct dfa *least = w.rc == ERR_OK ? dfa_minimize(&w, d) : NULL;
    CHECK(!least || least->n_state == d->n_state);
    size_t n = utf8_count(text);
    *matches = dfa_match(d, text) && n >= n_min && n <= n_max;
    CHECK(!*matches || utf8_valid(text));
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str text = {(const char *)data, size}, pattern;
    if (!str_split(&text, '\n', &pattern)) return 0;
    if (!text.p) text = STR("");
    struct arena *a = arena_new(ARENA_CAP);
    bool whole = false, part = false;
    const struct dfa *d = compile(a, pattern, true, text, &whole);
    const struct dfa *p = compile(a, pattern, false, text, &part);
    bool has_dot = str_find_char(pattern, '.', 0) != SIZE_MAX;
    if (d && p && whole && !has_dot) CHECK(part);
    arena_free(a);
    return 0;
}
