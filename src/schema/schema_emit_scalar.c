/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers, strings and keys as terminals. All finite values of a form become one automaton.
 */
#include "schema/norm.h"

#include "base/map.h"
#include "grammar/number.h"
#include "grammar/regex.h"

static const struct dfa *words(struct emit *m, const str *v, size_t n)
{
    return m->c->rc ? NULL : dfa_words(m->c->w, v, n);
}

/* ---- numbers ---- */

/* As written and, for whole numbers, without fraction and exponent; canonical alone when each
 * value has one spelling. */
static const struct dfa *number_words(struct emit *m, struct strs v, bool is_unique)
{
    struct norm *c = m->c;
    str *word = norm_alloc(c, (size_t)v.n * 2, sizeof *word);
    size_t n = 0;
    for (uint32_t i = 0; i < v.n && !c->rc; i++) {
        if (is_unique || number_is_integer(v.v[i])) word[n++] = number_plain(c, v.v[i]);
        if (!is_unique) word[n++] = v.v[i];
    }
    return words(m, word, n);
}

static const struct dfa *range_dfa(struct emit *m, const struct number_shape *s, bool is_unique)
{
    struct norm *c = m->c;
    is_unique |= s->is_fraction || s->not_divisor.n || s->except.n;
    struct number_range r = {s->is_integer,    is_unique,        s->min,       s->max,
                             s->min_exclusive, s->max_exclusive, s->divisor.v, s->divisor.n};
    const struct dfa *d = number_dfa(c->w, &r);
    /* What is taken away ends somewhere, so what it is taken from must. */
    if (is_unique && d) d = dfa_and(c->w, d, dfa_shared(DFA_NUMBER_SIZE));
    if (s->is_fraction && d) d = dfa_minus(c->w, d, dfa_shared(DFA_INTEGER));
    for (uint32_t i = 0; i < s->not_divisor.n && d; i++) {
        struct number_range multiple = {
            .is_unique = true, .divisor = &s->not_divisor.v[i], .n_divisor = 1};
        const struct dfa *not = number_dfa(c->w, &multiple);
        d = not ? dfa_minus(c->w, d, not ) : NULL;
    }
    if (s->except.n && d) {
        const struct dfa *not = number_words(m, s->except, true);
        d = not ? dfa_minus(c->w, d, not ) : NULL;
    }
    return d;
}

/* Ranges with the same limits are made once. */
static const struct dfa *number_terminal(struct emit *m, const struct number_shape *s)
{
    struct norm *c = m->c;
    if (s->not_divisor.n || s->except.n || s->divisor.n > 1) return range_dfa(m, s, false);
    if (!s->min.n && !s->max.n && !s->divisor.n && !s->is_fraction)
        return dfa_shared(s->is_integer ? DFA_INTEGER : DFA_NUMBER);
    uintptr_t known = 0;
    str key = arena_printf(c->arena, "n%d%d%d%d %.*s %.*s %.*s", s->is_integer, s->is_fraction,
                           s->min_exclusive, s->max_exclusive, STR_FMT(s->min), STR_FMT(s->max),
                           STR_FMT(s->divisor.n ? s->divisor.v[0] : STR("")));
    if (map_get(c->dfa, key, &known))
        return (const struct dfa *)known; // NOLINT: a pointer was put there
    const struct dfa *d = range_dfa(m, s, false);
    map_set(c->dfa, key, (uintptr_t)d);
    return d;
}

void emit_numbers(struct emit *m, const struct form *f, struct nodes *out)
{
    struct norm *c = m->c;
    for (uint32_t i = 0; i < f->n && !c->rc; i++) {
        const struct shape *s = f->shape[i];
        if (s->type != SHAPE_NUMBER) continue;
        if (s->number.is_finite) continue;
        const struct dfa *d = number_terminal(m, &s->number);
        if (d && !dfa_is_empty(d))
            nodes_add(c, out, grammar_terminal(m->g, d, 0, GRAMMAR_UNBOUNDED));
    }
    struct strs values = form_values(c, &f, 1, SHAPE_NUMBER);
    if (values.n && !c->rc) {
        const struct dfa *d = number_words(m, values, false);
        nodes_add(c, out, grammar_terminal(m->g, d, 0, GRAMMAR_UNBOUNDED));
    }
}

/* ---- strings ---- */

/* Texts in which `part` occurs. */
static const struct dfa *with_part(struct emit *m, str part)
{
    struct buf b;
    uint32_t n_min = 0, n_max = 0;
    buf_init(&b, part.n * 8 + 16);
    for (size_t i = 0; i < part.n; i++)
        if (strchr("\\^$.|?*+()[]{}/", part.p[i]))
            buf_printf(&b, "\\%c", part.p[i]);
        else
            buf_char(&b, part.p[i]);
    str pattern = arena_str(m->c->arena, buf_str(&b));
    buf_done(&b);
    return regex_dfa(m->c->w, pattern, false, &n_min, &n_max);
}

static const struct dfa *without_part(struct emit *m, const struct dfa *from, str part)
{
    const struct dfa *with = from && part.n ? with_part(m, part) : NULL;
    if (!with) return m->c->w->rc ? NULL : from;
    return dfa_minus(m->c->w, from, with);
}

/* A string between two marks, not escaped: the text cannot hold the mark. */
static uint32_t marked_string(struct emit *m, const struct dfa *text)
{
    if (!m->marked) m->marked = without_part(m, dfa_shared(DFA_TEXT), m->style->string_mark);
    if (!m->marked || norm_work_failed(m->c, NULL, NULL)) return NODE_NONE;
    text = text ? norm_dfa_and(m->c, text, m->marked) : m->marked;
    if (!text || dfa_is_empty(text)) return NODE_NONE;
    uint32_t mark = grammar_mark(m->g, m->style->string_mark);
    uint32_t part[] = {mark, grammar_terminal(m->g, text, 0, GRAMMAR_UNBOUNDED), mark};
    return grammar_sequence(m->g, part, 3);
}

static bool is_marked(const struct emit *m) { return m->style && m->style->string_mark.n; }

uint32_t emit_any_string(struct emit *m)
{
    if (is_marked(m)) return marked_string(m, NULL);
    return grammar_terminal(m->g, dfa_shared(DFA_STRING), 0, GRAMMAR_UNBOUNDED);
}

/* The shape's texts; *n_min and *n_max are what is left to count. NULL: any text. */
static const struct dfa *text_of(struct emit *m, const struct string_shape *s, uint32_t *n_min,
                                 uint32_t *n_max)
{
    struct norm *c = m->c;
    const struct dfa *text = s->text;
    *n_min = s->n_min;
    *n_max = s->n_max;
    if (s->except.n) {
        const struct dfa *not = words(m, s->except.v, s->except.n);
        text = not ? norm_dfa_minus(c, text, not ) : NULL;
    }
    if (text && (*n_min > 0 || *n_max != COUNT_UNBOUNDED)) {
        uint32_t low = 0, high = 0;
        dfa_char_range(text, &low, &high);
        if (low >= *n_min) *n_min = 0;
        if (high <= *n_max) *n_max = COUNT_UNBOUNDED;
    }
    return text;
}

static uint32_t string_node(struct emit *m, const struct string_shape *s)
{
    struct norm *c = m->c;
    uint32_t n_min = 0, n_max = 0;
    const struct dfa *text = text_of(m, s, &n_min, &n_max);
    if (norm_work_failed(c, NULL, NULL) || (text && dfa_is_empty(text))) return NODE_NONE;
    if (is_marked(m)) {
        if (n_min > 0 || n_max != COUNT_UNBOUNDED) text = norm_length_dfa(c, text, n_min, n_max);
        return marked_string(m, text);
    }
    return grammar_terminal(m->g, norm_dfa_json(c, text), n_min, n_max);
}

void emit_strings(struct emit *m, const struct form *f, struct nodes *out)
{
    struct norm *c = m->c;
    for (uint32_t i = 0; i < f->n && !c->rc; i++) {
        const struct shape *s = f->shape[i];
        if (s->type == SHAPE_STRING && !s->string.is_finite)
            nodes_add(c, out, string_node(m, &s->string));
    }
    struct strs values = form_values(c, &f, 1, SHAPE_STRING);
    if (values.n == 0 || c->rc) return;
    const struct dfa *text = words(m, values.v, values.n);
    if (!text) return;
    if (is_marked(m))
        nodes_add(c, out, marked_string(m, text));
    else
        nodes_add(c, out, grammar_terminal(m->g, norm_dfa_json(c, text), 0, GRAMMAR_UNBOUNDED));
}

const struct dfa *emit_key_dfa(struct emit *m, const struct dfa *text)
{
    struct norm *c = m->c;
    if (!m->style || !m->style->bare_keys)
        return text ? norm_dfa_json(c, text) : dfa_shared(DFA_STRING);
    if (!m->bare_key) {
        const struct grammar_style *s = m->style;
        str part[] = {s->colon, s->comma, s->object_open, s->object_close, s->string_mark};
        const struct dfa *d = norm_length_dfa(c, NULL, 1, COUNT_UNBOUNDED);
        for (size_t i = 0; i < sizeof part / sizeof part[0] && d; i++)
            d = without_part(m, d, part[i]);
        m->bare_key = d;
    }
    const struct dfa *key = m->bare_key && text ? norm_dfa_and(c, m->bare_key, text) : m->bare_key;
    key = key ? dfa_count(c->w, key) : NULL;
    return norm_work_failed(c, NULL, NULL) ? NULL : key;
}

/* ---- terminals that must differ ---- */

static const struct dfa *unique_shape(struct emit *m, const struct shape *s)
{
    struct norm *c = m->c;
    if (s->type == SHAPE_NUMBER)
        return s->number.is_finite ? number_words(m, s->number.value, true)
                                   : range_dfa(m, &s->number, true);
    uint32_t n_min = 0, n_max = 0;
    const struct dfa *text = s->string.is_finite ? words(m, s->string.value.v, s->string.value.n)
                                                 : text_of(m, &s->string, &n_min, &n_max);
    if (!s->string.is_finite && (n_min > 0 || n_max != COUNT_UNBOUNDED))
        text = norm_length_dfa(c, text, n_min, n_max);
    return norm_dfa_json(c, text);
}

const struct dfa *emit_unique(struct emit *m, const struct form *f)
{
    struct norm *c = m->c;
    str word[3];
    size_t n = 0;
    if (f->null) word[n++] = STR("null");
    if (f->bools & BOOL_FALSE) word[n++] = STR("false");
    if (f->bools & BOOL_TRUE) word[n++] = STR("true");
    const struct dfa *all = words(m, word, n);
    if (is_marked(m)) return NULL;
    for (uint32_t i = 0; i < f->n && all && !c->rc; i++) {
        if (f->shape[i]->type > SHAPE_STRING) return NULL;
        const struct dfa *one = unique_shape(m, f->shape[i]);
        all = one && !c->w->rc ? dfa_or(c->w, all, one) : NULL;
    }
    all = all ? dfa_count(c->w, all) : NULL;
    return norm_work_failed(c, NULL, NULL) ? NULL : all;
}
