/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of numbers and strings. Finite sets are filtered by value, which costs no automaton;
 * everything else is bounds and automata over decoded text.
 */
#include "schema/norm.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "grammar/number.h"

/* ---- lists of texts ---- */

struct strs strs_one(struct norm *c, str s)
{
    str *v = norm_new(c, str);
    *v = s;
    return (struct strs){v, 1};
}

struct strs strs_join(struct norm *c, struct strs a, struct strs b)
{
    if (a.n == 0 || b.n == 0) return a.n ? a : b;
    str *v = norm_alloc(c, (size_t)a.n + b.n, sizeof *v);
    if (c->rc) return a;
    memcpy(v, a.v, a.n * sizeof *v);
    memcpy(v + a.n, b.v, b.n * sizeof *v);
    return (struct strs){v, a.n + b.n};
}

static int cmp_str(const void *a, const void *b)
{
    return str_cmp(*(const str *)a, *(const str *)b);
}

struct strs strs_sorted(struct norm *c, struct strs a)
{
    str *v = norm_alloc(c, a.n, sizeof *v);
    if (c->rc || a.n == 0) return (struct strs){NULL, 0};
    memcpy(v, a.v, a.n * sizeof *v);
    qsort(v, a.n, sizeof *v, cmp_str);
    uint32_t n = 1;
    for (uint32_t i = 1; i < a.n; i++)
        if (!str_eq(v[i], v[n - 1])) v[n++] = v[i];
    return (struct strs){v, n};
}

bool strs_has(struct strs sorted, str s)
{
    return sorted.n && bsearch(&s, sorted.v, sorted.n, sizeof s, cmp_str);
}

/* ---- automata, remembered ---- */

static struct dfa_pair *pair_slot(const struct norm *c, const struct dfa *a, const struct dfa *b)
{
    const void *key[2] = {a, b};
    uint32_t i = (uint32_t)hash_fixed(1, key, sizeof key) & (c->pair_cap - 1);
    while (c->pair[i].a && (c->pair[i].a != a || c->pair[i].b != b))
        i = (i + 1) & (c->pair_cap - 1);
    return &c->pair[i];
}

static struct dfa_pair *dfa_pair(struct norm *c, const struct dfa *a, const struct dfa *b)
{
    if (c->n_pair * 2 >= c->pair_cap) {
        struct dfa_pair *old = c->pair;
        uint32_t n_old = c->pair_cap;
        c->pair = norm_alloc(c, n_old * 2, sizeof *old);
        c->pair_cap = n_old * 2;
        for (uint32_t i = 0; i < n_old; i++)
            if (old[i].a) *pair_slot(c, old[i].a, old[i].b) = old[i];
    }
    struct dfa_pair *p = pair_slot(c, a, b);
    c->n_pair += !p->a;
    p->a = a;
    p->b = b;
    return p;
}

const struct dfa *norm_dfa_and(struct norm *c, const struct dfa *a, const struct dfa *b)
{
    if (!a || !b || a == b) return a ? a : b;
    if (c->rc) return NULL;
    struct dfa_pair *p = dfa_pair(c, a, b);
    if (!p->and) p->and = dfa_and(c->w, a, b);
    return norm_work_failed(c, NULL, NULL) ? NULL : p->and;
}

const struct dfa *norm_dfa_minus(struct norm *c, const struct dfa *a, const struct dfa *b)
{
    if (c->rc) return NULL;
    a = a ? a : dfa_shared(DFA_TEXT);
    b = b ? b : dfa_shared(DFA_TEXT);
    struct dfa_pair *p = dfa_pair(c, a, b);
    if (!p->minus) p->minus = dfa_minus(c->w, a, b);
    return norm_work_failed(c, NULL, NULL) ? NULL : p->minus;
}

const struct dfa *norm_dfa_json(struct norm *c, const struct dfa *text)
{
    if (c->rc) return NULL;
    text = text ? text : dfa_shared(DFA_TEXT);
    struct dfa_pair *p = dfa_pair(c, text, text);
    if (!p->json) {
        const struct dfa *json = dfa_json_string(c->w, text);
        p->json = json && !json->n_word ? dfa_count(c->w, json) : json;
    }
    return norm_work_failed(c, NULL, NULL) ? NULL : p->json;
}

/* ---- numbers ---- */

static bool has_number(struct strs list, str text)
{
    for (uint32_t i = 0; i < list.n; i++)
        if (number_cmp(list.v[i], text) == 0) return true;
    return false;
}

static bool number_fits(const struct number_shape *s, str v)
{
    if (s->is_finite) return has_number(s->value, v);
    if ((s->is_integer && !number_is_integer(v)) || (s->is_fraction && number_is_integer(v)))
        return false;
    int low = s->min.n ? number_cmp(v, s->min) : 1, high = s->max.n ? number_cmp(v, s->max) : -1;
    if (low < 0 || (low == 0 && s->min_exclusive) || high > 0 || (high == 0 && s->max_exclusive))
        return false;
    for (uint32_t i = 0; i < s->divisor.n; i++)
        if (!number_is_multiple(v, s->divisor.v[i])) return false;
    for (uint32_t i = 0; i < s->not_divisor.n; i++)
        if (number_is_multiple(v, s->not_divisor.v[i])) return false;
    return !has_number(s->except, v);
}

static const struct shape *number_filter(struct norm *c, const struct shape *finite,
                                         const struct number_shape *by)
{
    struct strs v = finite->number.value;
    str *keep = norm_alloc(c, v.n, sizeof *keep);
    uint32_t n = 0;
    for (uint32_t i = 0; i < v.n && !c->rc; i++)
        if (number_fits(by, v.v[i])) keep[n++] = v.v[i];
    if (n == v.n || n == 0 || c->rc) return n ? finite : NULL;
    struct shape *s = shape_copy(c, finite);
    s->number.value = (struct strs){keep, n};
    return s;
}

static struct strs join_new(struct norm *c, struct strs a, struct strs b)
{
    for (uint32_t i = 0; i < b.n; i++)
        if (!has_number(a, b.v[i])) a = strs_join(c, a, (struct strs){&b.v[i], 1});
    return a;
}

const struct shape *number_and(struct norm *c, const struct shape *a, const struct shape *b)
{
    if (a->number.is_finite) return number_filter(c, a, &b->number);
    if (b->number.is_finite) return number_filter(c, b, &a->number);
    struct shape *s = shape_copy(c, a);
    struct number_shape *n = &s->number;
    const struct number_shape *m = &b->number;
    n->is_integer |= m->is_integer;
    n->is_fraction |= m->is_fraction;
    int cmp = m->min.n ? (n->min.n ? number_cmp(m->min, n->min) : 1) : -1;
    if (cmp > 0 || (cmp == 0 && m->min_exclusive)) {
        n->min = m->min;
        n->min_exclusive = m->min_exclusive;
    }
    cmp = m->max.n ? (n->max.n ? number_cmp(m->max, n->max) : -1) : 1;
    if (cmp < 0 || (cmp == 0 && m->max_exclusive)) {
        n->max = m->max;
        n->max_exclusive = m->max_exclusive;
    }
    n->divisor = join_new(c, n->divisor, m->divisor);
    n->not_divisor = join_new(c, n->not_divisor, m->not_divisor);
    n->except = join_new(c, n->except, m->except);
    if (n->is_integer && n->is_fraction) return NULL;
    cmp = n->min.n && n->max.n ? number_cmp(n->min, n->max) : -1;
    return cmp > 0 || (cmp == 0 && (n->min_exclusive || n->max_exclusive)) ? NULL : s;
}

void number_not(struct norm *c, const struct shape *s, struct shapes *out)
{
    const struct number_shape *n = &s->number;
    struct shape *t;
    if (n->is_finite || n->is_integer || n->is_fraction) {
        t = shape_new(c, SHAPE_NUMBER);
        t->number.except = n->is_finite ? n->value : t->number.except;
        t->number.is_fraction = n->is_integer;
        t->number.is_integer = n->is_fraction;
        shapes_add(c, out, t);
    }
    if (n->min.n) {
        t = shape_new(c, SHAPE_NUMBER);
        t->number.max = n->min;
        t->number.max_exclusive = !n->min_exclusive;
        shapes_add(c, out, t);
    }
    if (n->max.n) {
        t = shape_new(c, SHAPE_NUMBER);
        t->number.min = n->max;
        t->number.min_exclusive = !n->max_exclusive;
        shapes_add(c, out, t);
    }
    for (uint32_t i = 0; i < n->divisor.n; i++) {
        t = shape_new(c, SHAPE_NUMBER);
        t->number.not_divisor = (struct strs){&n->divisor.v[i], 1};
        shapes_add(c, out, t);
    }
    for (uint32_t i = 0; i < n->not_divisor.n; i++) {
        t = shape_new(c, SHAPE_NUMBER);
        t->number.divisor = (struct strs){&n->not_divisor.v[i], 1};
        shapes_add(c, out, t);
    }
    if (n->except.n) {
        t = shape_new(c, SHAPE_NUMBER);
        t->number.is_finite = true;
        t->number.value = n->except;
        shapes_add(c, out, t);
    }
}

/* Digits and the place of the point of a JSON number: value = 0.DIGITS * 10^point. */
struct decimal {
    bool is_negative;
    str digits;
    int64_t point;
};

static struct decimal decimal_of(struct norm *c, str text)
{
    struct decimal d = {0};
    size_t i = 0, n = 0;
    d.is_negative = text.n && text.p[0] == '-';
    char *digit = norm_alloc(c, text.n + 1, 1);
    bool after_point = false;
    for (i = d.is_negative; i < text.n && (text.p[i] | 0x20) != 'e'; i++) {
        if (text.p[i] == '.') {
            after_point = true;
            continue;
        }
        d.point += !after_point;
        if (n > 0 || text.p[i] != '0')
            digit[n++] = text.p[i];
        else
            d.point--; /* a leading zero */
    }
    if (i < text.n) {
        int64_t exponent = 0;
        str e = str_sub(text, i + 1, SIZE_MAX);
        if (e.n && e.p[0] == '+') e = str_sub(e, 1, SIZE_MAX);
        d.point += str_to_i64(e, &exponent) && llabs(exponent) < 1000000 ? exponent : 1000000;
    }
    while (n > 0 && digit[n - 1] == '0') n--;
    d.digits = (str){digit, n};
    return d;
}

str number_plain(struct norm *c, str text)
{
    struct decimal d = decimal_of(c, text);
    if (d.digits.n == 0) return STR("0");
    if (llabs(d.point) + (int64_t)d.digits.n > NUMBER_PLAIN_MAX) return text;
    char *out = norm_alloc(c, (size_t)llabs(d.point) + d.digits.n + 4, 1);
    size_t n = 0, i = 0;
    if (d.is_negative) out[n++] = '-';
    if (d.point <= 0) out[n++] = '0';
    for (int64_t k = 0; k < d.point; k++) out[n++] = i < d.digits.n ? d.digits.p[i++] : '0';
    if (i < d.digits.n) {
        out[n++] = '.';
        for (int64_t k = d.point; k < 0; k++) out[n++] = '0';
        while (i < d.digits.n) out[n++] = d.digits.p[i++];
    }
    return (str){out, n};
}

/* ---- strings ---- */

static bool string_fits(const struct string_shape *s, str v)
{
    if (s->is_finite) return strs_has(s->value, v);
    if (s->text && !dfa_match(s->text, v)) return false;
    if (s->n_min > 0 || s->n_max != COUNT_UNBOUNDED) {
        size_t n = utf8_count(v);
        if (n < s->n_min || n > s->n_max) return false;
    }
    return !strs_has(s->except, v);
}

static const struct shape *string_filter(struct norm *c, const struct shape *finite,
                                         const struct string_shape *by)
{
    struct strs v = finite->string.value;
    str *keep = norm_alloc(c, v.n, sizeof *keep);
    uint32_t n = 0;
    for (uint32_t i = 0; i < v.n && !c->rc; i++)
        if (string_fits(by, v.v[i])) keep[n++] = v.v[i];
    if (n == v.n || n == 0 || c->rc) return n ? finite : NULL;
    struct shape *s = shape_copy(c, finite);
    s->string.value = (struct strs){keep, n};
    return s;
}

const struct shape *string_and(struct norm *c, const struct shape *a, const struct shape *b)
{
    if (a->string.is_finite) return string_filter(c, a, &b->string);
    if (b->string.is_finite) return string_filter(c, b, &a->string);
    struct shape *s = shape_copy(c, a);
    struct string_shape *t = &s->string;
    const struct string_shape *u = &b->string;
    t->text = norm_dfa_and(c, t->text, u->text);
    t->n_min = u->n_min > t->n_min ? u->n_min : t->n_min;
    t->n_max = u->n_max < t->n_max ? u->n_max : t->n_max;
    if (u->except.n) t->except = strs_sorted(c, strs_join(c, t->except, u->except));
    if (c->rc || t->n_min > t->n_max || (t->text && dfa_is_empty(t->text))) return NULL;
    if (t->text && (t->n_min > 0 || t->n_max != COUNT_UNBOUNDED)) {
        uint32_t low = 0, high = 0;
        dfa_char_range(t->text, &low, &high);
        if (low > t->n_max || high < t->n_min) return NULL;
    }
    return s;
}

void string_not(struct norm *c, const struct shape *s, struct shapes *out)
{
    const struct string_shape *v = &s->string;
    struct shape *t;
    if (v->is_finite || v->text) {
        t = shape_new(c, SHAPE_STRING);
        if (v->is_finite)
            t->string.except = v->value;
        else
            t->string.text = norm_dfa_minus(c, NULL, v->text);
        if (!t->string.text || !dfa_is_empty(t->string.text)) shapes_add(c, out, t);
    }
    if (v->n_min > 0) {
        t = shape_new(c, SHAPE_STRING);
        t->string.n_max = v->n_min - 1;
        shapes_add(c, out, t);
    }
    if (v->n_max != COUNT_UNBOUNDED) {
        t = shape_new(c, SHAPE_STRING);
        t->string.n_min = v->n_max + 1;
        shapes_add(c, out, t);
    }
    if (v->except.n) {
        t = shape_new(c, SHAPE_STRING);
        t->string.is_finite = true;
        t->string.value = v->except;
        shapes_add(c, out, t);
    }
}
