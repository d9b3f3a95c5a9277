/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts as automata: patterns (each made once a compilation), lengths, and whole string forms.
 */
#include "schema/norm.h"

#include "base/map.h"
#include "grammar/regex.h"

struct regex_entry *norm_regex(struct norm *c, str pattern, bool whole, const struct json *at,
                               const char *keyword)
{
    uintptr_t known = 0;
    if (c->rc) return NULL;
    str key = arena_printf(c->arena, "%c%.*s", whole ? 'w' : 'p', STR_FMT(pattern));
    if (map_get(c->dfa, key, &known))
        return (struct regex_entry *)known; // NOLINT: a pointer was put there
    struct regex_entry *r = norm_new(c, struct regex_entry);
    r->dfa = regex_dfa(c->w, pattern, whole, &r->n_min, &r->n_max);
    if (norm_work_failed(c, at, keyword)) return NULL;
    map_set(c->dfa, key, (uintptr_t)r);
    return r;
}

/* Counts bytes that begin a character. State 1 + i: i characters so far. */
const struct dfa *norm_length_dfa(struct norm *c, const struct dfa *text, uint32_t n_min,
                                  uint32_t n_max)
{
    text = text ? text : dfa_shared(DFA_TEXT);
    if (n_min == 0 && n_max == COUNT_UNBOUNDED) return text;
    bool is_open = n_max == COUNT_UNBOUNDED;
    uint32_t last = is_open ? n_min : n_max;
    if (last >= c->w->n_state_max || last >= DFA_STATES_MAX) {
        (void)norm_fail(c, ERR_LIMIT, "limit", NULL, NULL,
                        "a length of %u characters needs too many states here", last);
        return NULL;
    }
    struct dfa *d = norm_new(c, struct dfa);
    uint32_t *next = norm_alloc(c, ((size_t)last + 2) * 2, sizeof *next);
    uint8_t *flags = norm_alloc(c, (size_t)last + 2, 1);
    if (c->rc) return NULL;
    *d = (struct dfa){.n_state = last + 2, .n_class = 2, .start = 1, .next = next, .flags = flags};
    for (int byte = 0; byte < 256; byte++) d->class_of[byte] = (byte & 0xc0) != 0x80;
    for (uint32_t i = 0; i <= last; i++) {
        next[(size_t)(1 + i) * 2] = 1 + i;
        next[(size_t)(1 + i) * 2 + 1] = i < last ? 2 + i : is_open ? 1 + i : DFA_DEAD;
        flags[1 + i] = i >= n_min ? DFA_ACCEPT : 0;
    }
    const struct dfa *both = dfa_and(c->w, text, d);
    return norm_work_failed(c, NULL, NULL) ? NULL : both;
}

const struct dfa *norm_text_dfa(struct norm *c, const struct form *f)
{
    const struct dfa *all = NULL;
    for (uint32_t i = 0; f && i < f->n; i++)
        if (f->shape[i] == c->any[SHAPE_STRING]) return NULL;
    if (!f || c->rc) return NULL;
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->shape[i]->type != SHAPE_STRING) continue;
        const struct string_shape *s = &f->shape[i]->string;
        const struct dfa *one = s->is_finite ? dfa_words(c->w, s->value.v, s->value.n)
                                             : norm_length_dfa(c, s->text, s->n_min, s->n_max);
        if (s->except.n && one && !c->w->rc)
            one = dfa_minus(c->w, one, dfa_words(c->w, s->except.v, s->except.n));
        all = all && one && !c->w->rc ? dfa_or(c->w, all, one) : one;
        if (norm_work_failed(c, NULL, NULL)) return NULL;
    }
    if (!all) all = dfa_words(c->w, NULL, 0);
    return norm_work_failed(c, NULL, NULL) ? NULL : all;
}
