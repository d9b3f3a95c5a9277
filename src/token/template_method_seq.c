/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods of lists, tuples and dicts, and which names are methods at all.
 */
#include "token/template_internal.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- lists ---- */

static struct value list_append(struct call *c)
{
    list_add(c->r, c->self.list, c->arg[0]);
    return v_none();
}

static struct value list_extend(struct call *c)
{
    struct vlist *more = list_of(c->r, c->arg[0]);
    for (size_t i = 0; i < more->n && step(c->r, 1); i++)
        list_add(c->r, c->self.list, more->v[i]);
    return v_none();
}

static struct value list_insert(struct call *c)
{
    struct vlist *l = c->self.list;
    int64_t n = (int64_t)l->n, at = arg_int(c, 0, 0);
    at = at < 0 ? (at < -n ? 0 : at + n) : at > n ? n : at;
    list_add(c->r, l, v_none());
    if (step(c->r, l->n / 16)) {
        memmove(l->v + at + 1, l->v + at, (size_t)(n - at) * sizeof *l->v);
        l->v[at] = c->arg[1];
    }
    return v_none();
}

static struct value list_remove_at(struct call *c, size_t at)
{
    struct vlist *l = c->self.list;
    struct value v = l->v[at];
    step(c->r, l->n / 16);
    memmove(l->v + at, l->v + at + 1, (l->n - at - 1) * sizeof *l->v);
    l->n--;
    return v;
}

static struct value list_pop(struct call *c)
{
    int64_t n = (int64_t)c->self.list->n, at = arg_int(c, 0, -1);
    if (at < 0)
        at += n;
    if (at < 0 || at >= n)
        return fail(c->r, ERR_ARG, n == 0 ? "pop from empty list" : "pop index out of range");
    return list_remove_at(c, (size_t)at);
}

static int64_t find_item(struct call *c)
{
    const struct vlist *l = c->self.list;
    for (size_t i = 0; i < l->n && step(c->r, 1); i++)
        if (equal(c->r, l->v[i], c->arg[0], 0))
            return (int64_t)i;
    return -1;
}

static struct value list_remove(struct call *c)
{
    int64_t at = find_item(c);
    if (at < 0)
        return fail(c->r, ERR_ARG, "list.remove(x): x not in list");
    list_remove_at(c, (size_t)at);
    return v_none();
}

static struct value list_index(struct call *c)
{
    int64_t at = find_item(c);
    return at < 0 ? fail(c->r, ERR_ARG, "the value is not in the %s", type_name(c->self))
                  : v_int(at);
}

static struct value list_count(struct call *c)
{
    const struct vlist *l = c->self.list;
    int64_t n = 0;
    for (size_t i = 0; i < l->n && step(c->r, 1); i++)
        n += equal(c->r, l->v[i], c->arg[0], 0);
    return v_int(n);
}

static struct value list_reverse(struct call *c)
{
    struct vlist *l = c->self.list;
    for (size_t i = 0; i < l->n / 2 && step(c->r, 1); i++) {
        struct value v = l->v[i];
        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = v;
    }
    return v_none();
}

static struct value list_copy(struct call *c)
{
    return v_list(list_of(c->r, c->self));
}

static struct value list_clear(struct call *c)
{
    c->self.list->n = 0;
    return v_none();
}

const struct builtin method_list_rows[] = {
    {"append", list_append, "object", 1},   {"clear", list_clear, "", 0},
    {"copy", list_copy, "", 0},             {"count", list_count, "value", 1},
    {"extend", list_extend, "iterable", 1}, {"index", list_index, "value", 1},
    {"insert", list_insert, "index object", 2}, {"pop", list_pop, "index", 0},
    {"remove", list_remove, "value", 1},    {"reverse", list_reverse, "", 0},
    {NULL, NULL, NULL, 0}};

const struct builtin method_tuple_rows[] = {
    {"count", list_count, "value", 1}, {"index", list_index, "value", 1}, {NULL, NULL, NULL, 0}};

/* ---- dicts ---- */

static struct value view(struct call *c, enum view_kind kind)
{
    struct vview *v = new_of(c->r, struct vview);
    *v = (struct vview){c->self.dict, kind};
    return (struct value){.type = V_VIEW, .view = v};
}

static struct value dict_items(struct call *c)
{
    return view(c, VIEW_ITEMS);
}

static struct value dict_keys(struct call *c)
{
    return view(c, VIEW_KEYS);
}

static struct value dict_values(struct call *c)
{
    return view(c, VIEW_VALUES);
}

static struct value or_none(struct value v)
{
    return v.type == V_ABSENT ? v_none() : v;
}

static struct value dict_get_method(struct call *c)
{
    struct value *v = dict_get(c->r, c->self.dict, c->arg[0]);
    return v ? *v : or_none(c->arg[1]);
}

static struct value dict_setdefault(struct call *c)
{
    struct value *v = dict_get(c->r, c->self.dict, c->arg[0]);
    if (v)
        return *v;
    (void)dict_set(c->r, c->self.dict, c->arg[0], or_none(c->arg[1]));
    return or_none(c->arg[1]);
}

static struct value dict_pop(struct call *c)
{
    struct value *v = dict_get(c->r, c->self.dict, c->arg[0]);
    if (!v)
        return c->arg[1].type == V_ABSENT ? fail(c->r, ERR_ARG, "pop: the dict has no such key")
                                          : c->arg[1];
    struct value found = *v;
    (void)dict_del(c->r, c->self.dict, c->arg[0]);
    return found;
}

static struct value dict_update(struct call *c)
{
    struct value more = call_value(c->r, (struct value){.type = V_BUILTIN,
                                                        .builtin = global_find(STR("dict"))}, c);
    for (size_t i = 0; c->r->err == ERR_OK && i < more.dict->n && step(c->r, 1); i++)
        (void)dict_set(c->r, c->self.dict, more.dict->e[i].key, more.dict->e[i].value);
    return v_none();
}

static struct value dict_copy(struct call *c)
{
    struct vdict *d = dict_new(c->r);
    for (size_t i = 0; i < c->self.dict->n && step(c->r, 1); i++)
        (void)dict_set(c->r, d, c->self.dict->e[i].key, c->self.dict->e[i].value);
    return (struct value){.type = V_DICT, .dict = d};
}

static struct value dict_clear(struct call *c)
{
    *c->self.dict = (struct vdict){0};
    return v_none();
}

const struct builtin method_dict_rows[] = {
    {"clear", dict_clear, "", 0},         {"copy", dict_copy, "", 0},
    {"get", dict_get_method, "key default", 1}, {"items", dict_items, "", 0},
    {"keys", dict_keys, "", 0},           {"pop", dict_pop, "key default", 1},
    {"setdefault", dict_setdefault, "key default", 1}, {"update", dict_update, "*", 0},
    {"values", dict_values, "", 0},       {NULL, NULL, NULL, 0}};

/* ---- lookup ---- */

const struct builtin *method_find(struct value obj, str name)
{
    static const struct builtin *const rows[] = {
        [V_STR] = method_str_rows, [V_LIST] = method_list_rows, [V_TUPLE] = method_tuple_rows,
        [V_DICT] = method_dict_rows, [V_LOOP] = method_loop_rows, [V_CYCLER] = method_cycler_rows,
        [V_JOINER] = NULL};
    return rows[obj.type] ? builtin_find(rows[obj.type], name) : NULL;
}

bool method_is_foreign(struct value obj, str name)
{
    static const struct { enum vtype type; const char *names; } rows[] = {
        {V_STR, "encode expandtabs format_map isidentifier isprintable istitle maketrans "
                "translate"},
        {V_LIST, "sort"},
        {V_DICT, "fromkeys popitem"},
        {V_INT, "as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag "
                "numerator real to_bytes"},
        {V_BOOL, "as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag "
                 "numerator real to_bytes"},
        {V_FLOAT, "as_integer_ratio conjugate fromhex hex imag is_integer real"},
        {V_RANGE, "count index start step stop"},
        {V_ITER, "close gi_code gi_frame gi_running gi_yieldfrom send throw"},
        {V_MACRO, "arguments caller catch_kwargs catch_varargs explicit_caller"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        str rest = str_of(rows[i].names), word;
        while (rows[i].type == obj.type && str_split(&rest, ' ', &word))
            if (str_eq(word, name))
                return true;
    }
    return false;
}
