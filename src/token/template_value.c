/* SPDX-License-Identifier: Apache-2.0
 *
 * Values: making them, lists and dicts, JSON in, truth, equality, order and iteration, all as
 * Python does it. Dicts keep the order of insertion and get a hash index once they have more
 * than a few keys. 1, 1.0 and True are one key.
 */
#include "token/template_internal.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"

#define DICT_LINEAR_MAX 8

/* ---- making ---- */

struct value v_undef_hint(struct render *r, const char *hint)
{
    struct undef *u = new_of(r, struct undef);
    u->hint = hint;
    return (struct value){.type = V_UNDEFINED, .undef = u};
}

struct value v_undef_attr(struct render *r, struct value owner, str name)
{
    struct undef *u = new_of(r, struct undef);
    u->owner = type_name(owner);
    u->name = name;
    return (struct value){.type = V_UNDEFINED, .undef = u};
}

struct vlist *list_new(struct render *r, size_t cap)
{
    struct vlist *l = new_of(r, struct vlist);
    if (cap > 0) {
        l->v = big_alloc(r, cap, sizeof *l->v);
        l->cap = l->v ? cap : 0;
    }
    return l;
}

void list_add(struct render *r, struct vlist *l, struct value v)
{
    if (r->err != ERR_OK)
        return;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        struct value *grown = big_alloc(r, cap, sizeof *grown);
        if (!grown)
            return;
        if (l->n > 0)
            memcpy(grown, l->v, l->n * sizeof *grown);
        l->v = grown;
        l->cap = cap;
    }
    l->v[l->n++] = v;
}

struct value v_list(struct vlist *l)
{
    return (struct value){.type = V_LIST, .list = l};
}

struct value v_tuple(struct vlist *l)
{
    return (struct value){.type = V_TUPLE, .list = l};
}

struct value v_pair(struct render *r, struct value a, struct value b)
{
    struct vlist *l = list_new(r, 2);
    list_add(r, l, a);
    list_add(r, l, b);
    return v_tuple(l);
}

struct value v_iter(struct render *r, struct vlist *l)
{
    struct viter *it = new_of(r, struct viter);
    it->list = l;
    return (struct value){.type = V_ITER, .iter = it};
}

/* ---- types ---- */

const char *type_name(struct value v)
{
    static const char *const names[] = {
        [V_ABSENT] = "absent", [V_UNDEFINED] = "Undefined", [V_NONE] = "NoneType",
        [V_BOOL] = "bool", [V_INT] = "int", [V_FLOAT] = "float", [V_BIG] = "int", [V_STR] = "str",
        [V_LIST] = "list", [V_TUPLE] = "tuple", [V_DICT] = "dict", [V_RANGE] = "range",
        [V_ITER] = "generator", [V_VIEW] = "dict view", [V_NAMESPACE] = "Namespace",
        [V_MACRO] = "Macro", [V_BUILTIN] = "builtin_function_or_method",
        [V_METHOD] = "builtin_function_or_method", [V_LOOP] = "LoopContext",
        [V_CYCLER] = "Cycler", [V_JOINER] = "Joiner"};
    return names[v.type];
}

bool value_is_number(struct value v)
{
    return v.type == V_BOOL || v.type == V_INT || v.type == V_FLOAT;
}

bool value_int(struct value v, int64_t *out)
{
    if (v.type != V_BOOL && v.type != V_INT)
        return false;
    *out = v.type == V_BOOL ? v.boolean : v.integer;
    return true;
}

double value_double(struct value v)
{
    return v.type == V_FLOAT ? v.number : v.type == V_BOOL ? (double)v.boolean
                                                           : (double)v.integer;
}

bool value_len(struct value v, size_t *n)
{
    switch (v.type) {
    case V_UNDEFINED: *n = 0; return true;
    case V_STR: *n = v.s->n_char; return true;
    case V_LIST:
    case V_TUPLE: *n = v.list->n; return true;
    case V_DICT: *n = v.dict->n; return true;
    case V_RANGE: *n = v.range->n; return true;
    case V_VIEW: *n = v.view->dict->n; return true;
    default: return false;
    }
}

bool truth(struct value v)
{
    size_t n;
    switch (v.type) {
    case V_ABSENT:
    case V_NONE: return false;
    case V_BOOL: return v.boolean;
    case V_INT: return v.integer != 0;
    case V_FLOAT: return v.number != 0;
    default: return !value_len(v, &n) || n > 0;
    }
}

bool value_input(struct value v, int depth)
{
    if (v.type == V_STR)
        return str_is_input(v.s);
    if (depth >= TEMPLATE_VALUE_DEPTH_MAX)
        return true;
    if (v.type == V_LIST || v.type == V_TUPLE) {
        for (size_t i = 0; i < v.list->n; i++)
            if (value_input(v.list->v[i], depth + 1))
                return true;
    } else if (v.type == V_DICT || v.type == V_NAMESPACE) {
        for (size_t i = 0; i < v.dict->n; i++)
            if (value_input(v.dict->e[i].key, depth + 1) ||
                value_input(v.dict->e[i].value, depth + 1))
                return true;
    }
    return false;
}

/* ---- equality and order ---- */

static bool too_deep(struct render *r, int depth)
{
    if (depth < TEMPLATE_VALUE_DEPTH_MAX)
        return false;
    fail(r, ERR_LIMIT, "values nested more than %d deep", TEMPLATE_VALUE_DEPTH_MAX);
    return true;
}

static bool dicts_equal(struct render *r, const struct vdict *a, const struct vdict *b, int depth)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n && step(r, 1); i++) {
        struct value *other = dict_get(r, b, a->e[i].key);
        if (!other || !equal(r, a->e[i].value, *other, depth + 1))
            return false;
    }
    return true;
}

static bool lists_equal(struct render *r, const struct vlist *a, const struct vlist *b, int depth)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n && step(r, 1); i++)
        if (!equal(r, a->v[i], b->v[i], depth + 1))
            return false;
    return true;
}

/* a == b for numbers: exact between integers and doubles. */
static int compare_numbers(struct value a, struct value b)
{
    int64_t x = 0, y = 0;
    if (value_int(a, &x) && value_int(b, &y))
        return (x > y) - (x < y);
    long double p = a.type == V_FLOAT ? (long double)a.number : (long double)(value_int(a, &x), x);
    long double q = b.type == V_FLOAT ? (long double)b.number : (long double)(value_int(b, &y), y);
    return (p > q) - (p < q);
}

static bool is_nan(struct value v)
{
    return v.type == V_FLOAT && isnan(v.number);
}

bool equal(struct render *r, struct value a, struct value b, int depth)
{
    if (too_deep(r, depth) || !step(r, 1))
        return false;
    if (value_is_number(a) && value_is_number(b))
        return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) == 0;
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case V_UNDEFINED:
    case V_NONE: return true;
    case V_BIG:
    case V_STR: return step(r, a.s->n / 64) && str_eq(str_bytes(a.s), str_bytes(b.s));
    case V_LIST:
    case V_TUPLE: return lists_equal(r, a.list, b.list, depth);
    case V_DICT: return dicts_equal(r, a.dict, b.dict, depth);
    case V_RANGE:
        return a.range->n == b.range->n &&
               (a.range->n == 0 || (a.range->start == b.range->start &&
                                    (a.range->n == 1 || a.range->step == b.range->step)));
    case V_METHOD: return a.method->row == b.method->row && a.method->self.s == b.method->self.s;
    default: return a.s == b.s;                /* identity of whatever the pointer is */
    }
}

static bool is_negative(const struct tstr *digits)
{
    return digits->n > 0 && digits->p[0] == '-';
}

/* One of them is V_BIG, the other an int or V_BIG. */
static int compare_big(struct value a, struct value b)
{
    bool a_neg = a.type == V_BIG && is_negative(a.s), b_neg = b.type == V_BIG && is_negative(b.s);
    if (a.type != V_BIG)
        return b_neg ? 1 : -1;
    if (b.type != V_BIG)
        return a_neg ? -1 : 1;
    if (a_neg != b_neg)
        return a_neg ? -1 : 1;
    int by_size = (a.s->n > b.s->n) - (a.s->n < b.s->n);
    int by_digit = str_cmp(str_bytes(a.s), str_bytes(b.s));
    int d = by_size ? by_size : (by_digit > 0) - (by_digit < 0);
    return a_neg ? -d : d;
}

static int compare_lists(struct render *r, struct value a, struct value b, const char *op,
                         int depth)
{
    size_t n = a.list->n < b.list->n ? a.list->n : b.list->n;
    for (size_t i = 0; i < n && step(r, 1); i++)
        if (!equal(r, a.list->v[i], b.list->v[i], depth + 1))
            return compare(r, a.list->v[i], b.list->v[i], op, depth + 1);
    return (a.list->n > b.list->n) - (a.list->n < b.list->n);
}

int compare(struct render *r, struct value a, struct value b, const char *op, int depth)
{
    if (too_deep(r, depth) || !step(r, 1))
        return 0;
    if (value_is_number(a) && value_is_number(b))
        return is_nan(a) || is_nan(b) ? 2 : compare_numbers(a, b);
    if ((a.type == V_BIG || a.type == V_INT) && (b.type == V_BIG || b.type == V_INT))
        return compare_big(a, b);
    if (a.type == V_STR && b.type == V_STR) {
        int d = step(r, a.s->n / 64) ? str_cmp(str_bytes(a.s), str_bytes(b.s)) : 0;
        return (d > 0) - (d < 0);
    }
    if (a.type == b.type && (a.type == V_LIST || a.type == V_TUPLE))
        return compare_lists(r, a, b, op, depth);
    if (a.type == V_UNDEFINED || b.type == V_UNDEFINED)
        fail_undefined(r, a.type == V_UNDEFINED ? a : b);
    else
        fail(r, ERR_ARG, "'%s' not supported between instances of '%s' and '%s'", op,
             type_name(a), type_name(b));
    return 0;
}

/* ---- dicts ---- */

struct vdict *dict_new(struct render *r)
{
    return new_of(r, struct vdict);
}

static bool hash_of(struct render *r, struct value v, uint64_t *out, int depth)
{
    int64_t i = 0;
    if (too_deep(r, depth))
        return false;
    *out = (uint64_t)v.type;
    switch (v.type) {
    case V_STR:
    case V_BIG: *out = hash_str(str_bytes(v.s)); return true;
    case V_FLOAT:
        if (v.number >= -9e18 && v.number <= 9e18 && v.number == floor(v.number))
            i = (int64_t)v.number;
        else
            memcpy(&i, &v.number, sizeof i);
        *out = hash_fixed(1, &i, sizeof i);
        return true;
    case V_BOOL:
    case V_INT:
        value_int(v, &i);
        *out = hash_fixed(1, &i, sizeof i);
        return true;
    case V_TUPLE:
        for (size_t k = 0; k < v.list->n && step(r, 1); k++) {
            uint64_t h;
            if (!hash_of(r, v.list->v[k], &h, depth + 1))
                return false;
            *out = hash_fixed(*out, &h, sizeof h);
        }
        return true;
    case V_LIST:
    case V_DICT:
    case V_VIEW: fail(r, ERR_ARG, "unhashable type: '%s'", type_name(v)); return false;
    default: return true;
    }
}

static void index_put(struct vdict *d, uint64_t hash, size_t entry)
{
    size_t i = (size_t)hash & (d->index_cap - 1);
    while (d->index[i] != 0)
        i = (i + 1) & (d->index_cap - 1);
    d->index[i] = (uint32_t)entry + 1;
}

static void index_build(struct render *r, struct vdict *d)
{
    size_t cap = 32;
    while (cap < 4 * d->n)
        cap *= 2;
    d->index = big_alloc(r, cap, sizeof *d->index);
    d->index_cap = d->index ? cap : 0;
    for (size_t i = 0; d->index && i < d->n && step(r, 1); i++) {
        uint64_t h;
        if (hash_of(r, d->e[i].key, &h, 0))
            index_put(d, h, i);
    }
}

static struct dict_entry *find_entry(struct render *r, const struct vdict *d, struct value key,
                                     uint64_t hash)
{
    if (!d->index) {
        for (size_t i = 0; i < d->n; i++)
            if (equal(r, d->e[i].key, key, 0))
                return &d->e[i];
        return NULL;
    }
    size_t i = (size_t)hash & (d->index_cap - 1);
    for (; d->index[i] != 0; i = (i + 1) & (d->index_cap - 1)) {
        struct dict_entry *e = &d->e[d->index[i] - 1];
        if (equal(r, e->key, key, 0))
            return e;
    }
    return NULL;
}

struct value *dict_get(struct render *r, const struct vdict *d, struct value key)
{
    uint64_t hash;
    if (!hash_of(r, key, &hash, 0))
        return NULL;
    struct dict_entry *e = find_entry(r, d, key, hash);
    return e ? &e->value : NULL;
}

struct value *dict_get_str(const struct vdict *d, str key)
{
    if (!d->index) {
        for (size_t i = 0; i < d->n; i++)
            if (d->e[i].key.type == V_STR && str_eq(str_bytes(d->e[i].key.s), key))
                return &d->e[i].value;
        return NULL;
    }
    size_t i = (size_t)hash_str(key) & (d->index_cap - 1);
    for (; d->index[i] != 0; i = (i + 1) & (d->index_cap - 1)) {
        struct dict_entry *e = &d->e[d->index[i] - 1];
        if (e->key.type == V_STR && str_eq(str_bytes(e->key.s), key))
            return &e->value;
    }
    return NULL;
}

static bool grow_entries(struct render *r, struct vdict *d)
{
    size_t cap = d->cap ? 2 * d->cap : 4;
    struct dict_entry *e = cap < UINT32_MAX ? big_alloc(r, cap, sizeof *e) : NULL;
    if (!e)
        return false;
    if (d->n > 0)
        memcpy(e, d->e, d->n * sizeof *e);
    d->e = e;
    d->cap = cap;
    return true;
}

bool dict_set(struct render *r, struct vdict *d, struct value key, struct value v)
{
    uint64_t hash;
    if (r->err != ERR_OK || !hash_of(r, key, &hash, 0))
        return false;
    struct dict_entry *old = find_entry(r, d, key, hash);
    if (old) {
        old->value = v;
        return true;
    }
    if (d->n == d->cap && !grow_entries(r, d))
        return false;
    d->e[d->n++] = (struct dict_entry){key, v};
    if (d->index && 2 * d->n <= d->index_cap)
        index_put(d, hash, d->n - 1);
    else if (d->n > DICT_LINEAR_MAX)
        index_build(r, d);
    return r->err == ERR_OK;
}

void dict_set_str(struct render *r, struct vdict *d, str key, struct value v)
{
    (void)dict_set(r, d, str_plain(r, key), v);
}

bool dict_del(struct render *r, struct vdict *d, struct value key)
{
    struct value *v = dict_get(r, d, key);
    if (!v || !step(r, d->n / 16))
        return false;
    size_t at = (size_t)((struct dict_entry *)((char *)v - offsetof(struct dict_entry, value)) -
                         d->e);
    memmove(d->e + at, d->e + at + 1, (d->n - at - 1) * sizeof *d->e);
    d->n--;
    d->index = NULL;
    d->index_cap = 0;
    if (d->n > DICT_LINEAR_MAX)
        index_build(r, d);
    return true;
}

/* ---- JSON ---- */

static struct value number_of_json(struct render *r, const struct json *j)
{
    bool is_int = str_find_char(j->text, '.', 0) == SIZE_MAX &&
                  str_find_char(j->text, 'e', 0) == SIZE_MAX &&
                  str_find_char(j->text, 'E', 0) == SIZE_MAX;
    int64_t i;
    if (!is_int)
        return v_float(j->number);
    if (str_is(j->text, "-0"))
        return v_int(0);
    if (str_to_i64(j->text, &i))
        return v_int(i);
    struct value v = str_plain(r, j->text);
    v.type = V_BIG;
    return v;
}

/* A role is the template's own text only when it is a plain word in a message: depth 2 is a
 * member of an element of a list that is itself a member of vars. */
static bool is_role(const struct json_member *m, int depth)
{
    if (depth != 2 || !str_is(m->key, "role") || m->value.type != JSON_STRING)
        return false;
    str s = m->value.string;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') && s.p[i] != '_' &&
            s.p[i] != '-' && !(s.p[i] >= '0' && s.p[i] <= '9'))
            return false;
    return true;
}

static struct value object_of_json(struct render *r, const struct json *j, int depth)
{
    struct vdict *d = dict_new(r);
    for (uint32_t i = 0; i < j->n && step(r, 1); i++) {
        const struct json_member *m = &j->member[i];
        struct value v = is_role(m, depth) ? str_plain(r, m->value.string)
                                           : value_of_json(r, &m->value, depth + 1);
        (void)dict_set(r, d, str_input(r, m->key), v);
    }
    return (struct value){.type = V_DICT, .dict = d};
}

struct value value_of_json(struct render *r, const struct json *j, int depth)
{
    if (too_deep(r, depth) || !step(r, 1))
        return v_undef();
    switch (j->type) {
    case JSON_NULL: return v_none();
    case JSON_BOOL: return v_bool(j->boolean);
    case JSON_NUMBER: return number_of_json(r, j);
    case JSON_STRING: return depth == 0 ? str_plain(r, j->string) : str_input(r, j->string);
    case JSON_OBJECT: return object_of_json(r, j, depth + 1);
    default: break;
    }
    struct vlist *l = list_new(r, j->n);
    for (uint32_t i = 0; i < j->n && step(r, 1); i++)
        list_add(r, l, value_of_json(r, &j->item[i], depth + 1));
    return v_list(l);
}

/* ---- iteration ---- */

bool iter_begin(struct render *r, struct iter *it, struct value v)
{
    *it = (struct iter){.src = v};
    switch (v.type) {
    case V_UNDEFINED:
    case V_STR:
    case V_LIST:
    case V_TUPLE:
    case V_DICT:
    case V_RANGE:
    case V_ITER:
    case V_VIEW: return r->err == ERR_OK;
    default: fail(r, ERR_ARG, "'%s' object is not iterable", type_name(v)); return false;
    }
}

static struct value next_char(struct render *r, struct iter *it)
{
    const struct tstr *s = it->src.s;
    size_t from = it->at;
    utf8_next(str_bytes(s), &it->at);
    return str_part(r, s, from, it->at);
}

static bool next_in_view(struct render *r, struct iter *it, struct value *out)
{
    const struct vdict *d = it->src.view->dict;
    if (it->at >= d->n)
        return false;
    const struct dict_entry *e = &d->e[it->at++];
    enum view_kind kind = it->src.view->kind;
    *out = kind == VIEW_KEYS ? e->key : kind == VIEW_VALUES ? e->value
                                                            : v_pair(r, e->key, e->value);
    return true;
}

static bool next_value(struct render *r, struct iter *it, struct value *out)
{
    struct value v = it->src;
    switch (v.type) {
    case V_STR:
        if (it->at >= v.s->n)
            return false;
        *out = next_char(r, it);
        return true;
    case V_LIST:
    case V_TUPLE:
        if (it->at >= v.list->n)
            return false;
        *out = v.list->v[it->at++];
        return true;
    case V_DICT:
        if (it->at >= v.dict->n)
            return false;
        *out = v.dict->e[it->at++].key;
        return true;
    case V_RANGE:
        if (it->at >= v.range->n)
            return false;
        *out = v_int(v.range->start + (int64_t)it->at++ * v.range->step);
        return true;
    case V_ITER:
        if (v.iter->at >= v.iter->list->n)
            return false;
        *out = v.iter->list->v[v.iter->at++];
        return true;
    case V_VIEW: return next_in_view(r, it, out);
    default: return false;
    }
}

bool iter_next(struct render *r, struct iter *it, struct value *out)
{
    return step(r, 1) && next_value(r, it, out) && r->err == ERR_OK;
}

struct vlist *list_of(struct render *r, struct value v)
{
    struct vlist *l = list_new(r, 0);
    struct iter it;
    struct value item;
    if (iter_begin(r, &it, v))
        while (iter_next(r, &it, &item))
            list_add(r, l, item);
    return l;
}
