/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters on sequences: jinja2/filters.py 3.1. Where jinja2 gives a generator the value here is
 * one too (walked once, always true, without a length), but its items are made at once.
 */
#include "token/template_internal.h"

#include "base/mem.h"

static struct value filter_list(struct call *c)
{
    return v_list(list_of(c->r, c->self));
}

static struct value filter_first(struct call *c)
{
    struct iter it;
    struct value v;
    if (c->self.type == V_ITER)                /* takes the item out of the generator */
        return c->self.iter->at < c->self.iter->list->n
                   ? c->self.iter->list->v[c->self.iter->at++]
                   : v_undef_hint(c->r, "No first item, sequence was empty.");
    if (!iter_begin(c->r, &it, c->self))
        return v_undef();
    return iter_next(c->r, &it, &v) ? v : v_undef_hint(c->r, "No first item, sequence was empty.");
}

static struct value filter_last(struct call *c)
{
    if (c->self.type == V_ITER)
        return fail(c->r, ERR_ARG, "'generator' object is not reversible");
    struct vlist *l = list_of(c->r, c->self);
    return l->n > 0 ? l->v[l->n - 1] : v_undef_hint(c->r, "No last item, sequence was empty.");
}

static struct value filter_join(struct call *c)
{
    struct render *r = c->r;
    struct iter it;
    struct value v;
    struct value glue = c->arg[0].type == V_ABSENT ? str_plain(r, STR("")) : to_str(r, c->arg[0]);
    struct capture out = capture_begin(r);
    bool is_first = true;
    if (iter_begin(r, &it, c->self))
        for (; iter_next(r, &it, &v); is_first = false) {
            if (!is_first)
                emit_str(r, glue.s);
            emit_value(r, get_path(r, v, c->arg[1]));
        }
    return capture_end(r, out);
}

static struct value filter_items(struct call *c)
{
    if (c->self.type == V_UNDEFINED)
        return v_iter(c->r, list_new(c->r, 0));
    if (c->self.type != V_DICT)
        return fail(c->r, ERR_ARG, "Can only get item pairs from a mapping.");
    struct vview view = {c->self.dict, VIEW_ITEMS};
    return v_iter(c->r, list_of(c->r, (struct value){.type = V_VIEW, .view = &view}));
}

static struct value filter_reverse(struct call *c)
{
    const struct value back[3] = {v_none(), v_none(), v_int(-1)};
    if (c->self.type == V_STR)
        return get_slice(c->r, c->self, back);
    struct vlist *l = list_of(c->r, c->self);
    for (size_t i = 0; i < l->n / 2; i++) {
        struct value v = l->v[i];
        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = v;
    }
    return c->self.type == V_ITER ? v_list(l) : v_iter(c->r, l);
}

static struct value filter_sum(struct call *c)
{
    struct iter it;
    struct value v, sum = c->arg[1].type == V_ABSENT ? v_int(0) : c->arg[1];
    if (sum.type == V_STR)
        return fail(c->r, ERR_ARG, "sum() can't sum strings [use ''.join(seq) instead]");
    if (iter_begin(c->r, &it, c->self))
        while (iter_next(c->r, &it, &v))
            sum = op_binary(c->r, '+', sum, get_path(c->r, v, c->arg[0]));
    return sum;
}

/* ---- sorting ---- */

struct keyed { struct value key, item; };

static struct value fold_case(struct render *r, struct value v, bool case_sensitive)
{
    return v.type == V_STR && !case_sensitive ? str_case(r, v.s, CASE_LOWER) : v;
}

/* "a,b.c": the list of what these paths lead to. */
static struct value sort_key(struct render *r, struct value item, struct value attribute,
                             bool case_sensitive)
{
    struct vlist *key = list_new(r, 1);
    if (attribute.type != V_STR) {
        list_add(r, key, fold_case(r, get_path(r, item, attribute), case_sensitive));
        return v_list(key);
    }
    str rest = str_bytes(attribute.s), part;
    while (str_split(&rest, ',', &part) && r->err == ERR_OK)
        list_add(r, key, fold_case(r, get_path(r, item, str_plain(r, part)), case_sensitive));
    return v_list(key);
}

/* Stable merge sort of k[0, n) by key; tmp has room for n. reverse keeps the order of equals. */
static void merge_sort(struct render *r, struct keyed *k, struct keyed *tmp, size_t n, bool reverse)
{
    if (n < 2 || !step(r, n))
        return;
    size_t half = n / 2, i = 0, j = half, at = 0;
    merge_sort(r, k, tmp, half, reverse);
    merge_sort(r, k + half, tmp, n - half, reverse);
    while (i < half && j < n && r->err == ERR_OK) {
        bool take_right = reverse ? compare(r, k[i].key, k[j].key, "<", 0) == -1
                                  : compare(r, k[j].key, k[i].key, "<", 0) == -1;
        tmp[at++] = k[take_right ? j++ : i++];
    }
    while (i < half)
        tmp[at++] = k[i++];
    memcpy(k, tmp, at * sizeof *k);
}

static struct value sorted(struct render *r, struct keyed *k, size_t n, bool reverse)
{
    struct keyed *tmp = big_alloc(r, n + 1, sizeof *tmp);
    struct vlist *l = list_new(r, n);
    if (tmp)
        merge_sort(r, k, tmp, n, reverse);
    for (size_t i = 0; i < n && r->err == ERR_OK; i++)
        list_add(r, l, k[i].item);
    return v_list(l);
}

static struct value filter_sort(struct call *c)
{
    struct vlist *l = list_of(c->r, c->self);
    struct keyed *k = big_alloc(c->r, l->n + 1, sizeof *k);
    for (size_t i = 0; k && i < l->n && step(c->r, 1); i++)
        k[i] = (struct keyed){sort_key(c->r, l->v[i], c->arg[2], arg_bool(c, 1, false)), l->v[i]};
    return k && c->r->err == ERR_OK ? sorted(c->r, k, l->n, arg_bool(c, 0, false)) : v_undef();
}

static struct value filter_dictsort(struct call *c)
{
    str by = c->arg[1].type == V_ABSENT ? STR("key") : str_bytes(arg_str(c, 1));
    if (!str_is(by, "key") && !str_is(by, "value"))
        return fail(c->r, ERR_ARG, "You can only sort by either \"key\" or \"value\"");
    if (c->self.type != V_DICT)
        return c->self.type == V_UNDEFINED
                   ? fail_undefined(c->r, c->self)
                   : fail(c->r, ERR_ARG, "dictsort needs a mapping, not %s", type_name(c->self));
    const struct vdict *d = c->self.dict;
    struct keyed *k = big_alloc(c->r, d->n + 1, sizeof *k);
    for (size_t i = 0; k && i < d->n && step(c->r, 1); i++) {
        struct value key = str_is(by, "key") ? d->e[i].key : d->e[i].value;
        k[i] = (struct keyed){fold_case(c->r, key, arg_bool(c, 0, false)),
                              v_pair(c->r, d->e[i].key, d->e[i].value)};
    }
    return k && c->r->err == ERR_OK ? sorted(c->r, k, d->n, arg_bool(c, 2, false)) : v_undef();
}

static struct value extreme(struct call *c, const char *op, int wanted)
{
    struct iter it;
    struct value v, best = v_undef_hint(c->r, "No aggregated item, sequence was empty."), best_key;
    bool any = false;
    if (iter_begin(c->r, &it, c->self))
        for (; iter_next(c->r, &it, &v); any = true) {
            struct value key = fold_case(c->r, get_path(c->r, v, c->arg[1]),
                                         arg_bool(c, 0, false));
            if (any && compare(c->r, key, best_key, op, 0) != wanted)
                continue;
            best = v;
            best_key = key;
        }
    return best;
}

static struct value filter_min(struct call *c)
{
    return extreme(c, "<", -1);
}

static struct value filter_max(struct call *c)
{
    return extreme(c, ">", 1);
}

static struct value filter_unique(struct call *c)
{
    struct vdict *seen = dict_new(c->r);
    struct vlist *l = list_new(c->r, 0);
    struct iter it;
    struct value v;
    if (iter_begin(c->r, &it, c->self))
        while (iter_next(c->r, &it, &v)) {
            struct value key = fold_case(c->r, get_path(c->r, v, c->arg[1]),
                                         arg_bool(c, 0, false));
            if (dict_get(c->r, seen, key))
                continue;
            (void)dict_set(c->r, seen, key, v_none());
            list_add(c->r, l, v);
        }
    return v_iter(c->r, l);
}

static struct value group_key(struct call *c, struct value item, bool fold)
{
    struct value v = get_path(c->r, item, c->arg[0]);
    if (v.type == V_UNDEFINED && arg_given(c, 1))
        v = c->arg[1];
    return fold_case(c->r, v, !fold);
}

static struct value filter_groupby(struct call *c)
{
    struct render *r = c->r;
    bool fold = !arg_bool(c, 2, false);
    struct vlist *l = list_of(r, c->self), *groups = list_new(r, 0), *group = NULL;
    struct keyed *k = big_alloc(r, l->n + 1, sizeof *k);
    for (size_t i = 0; k && i < l->n && step(r, 1); i++)
        k[i] = (struct keyed){group_key(c, l->v[i], fold), l->v[i]};
    if (!k || r->err != ERR_OK)
        return v_undef();
    sorted(r, k, l->n, false);
    for (size_t i = 0; i < l->n && step(r, 1); i++) {
        if (i == 0 || !equal(r, k[i - 1].key, k[i].key, 0)) {
            group = list_new(r, 1);
            struct value pair = v_pair(r, group_key(c, k[i].item, false), v_list(group));
            pair.list->is_group = true;
            list_add(r, groups, pair);
        }
        list_add(r, group, k[i].item);
    }
    return v_list(groups);
}

/* ---- portions ---- */

static struct value filter_batch(struct call *c)
{
    struct render *r = c->r;
    int64_t size = arg_int(c, 0, 1);
    struct vlist *out = list_new(r, 0), *part = NULL;
    struct iter it;
    struct value v;
    if (iter_begin(r, &it, c->self))
        while (iter_next(r, &it, &v)) {
            if (!part || (int64_t)part->n == size) {
                part = list_new(r, 0);
                list_add(r, out, v_list(part));
            }
            list_add(r, part, v);
        }
    while (part && arg_given(c, 1) && (int64_t)part->n < size && step(r, 1))
        list_add(r, part, c->arg[1]);
    return v_iter(r, out);
}

static struct value filter_slice(struct call *c)
{
    struct render *r = c->r;
    struct vlist *l = list_of(r, c->self), *out = list_new(r, 0);
    int64_t slices = arg_int(c, 0, 1);
    if (slices <= 0)
        return slices == 0 ? fail(r, ERR_ARG, "division by zero") : v_iter(r, out);
    size_t n = l->n, each = n / (size_t)slices, extra = n % (size_t)slices, at = 0;
    for (size_t i = 0; i < (size_t)slices && step(r, 1); i++) {
        struct vlist *part = list_new(r, 0);
        for (size_t end = at + each + (i < extra); at < end && step(r, 1); at++)
            list_add(r, part, l->v[at]);
        if (arg_given(c, 1) && i >= extra)
            list_add(r, part, c->arg[1]);
        list_add(r, out, v_list(part));
    }
    return v_iter(r, out);
}

/* ---- map and select ---- */

/* Calls a filter or test by row with the arguments of c from `from` on. */
static struct value call_with(struct call *c, const struct builtin *row, struct value self,
                              size_t from)
{
    struct call inner = {.r = c->r, .self = self, .arg = c->arg + from, .n = c->n - from};
    if (c->n_kw > 0) {
        inner.kw = big_alloc(c->r, c->n_kw, sizeof *inner.kw);
        if (!inner.kw)
            return v_undef();
        memcpy(inner.kw, c->kw, c->n_kw * sizeof *inner.kw);
        inner.n_kw = c->n_kw;
    }
    return call_builtin(row, &inner);
}

static struct value kwarg(const struct call *c, const char *name)
{
    for (size_t i = 0; i < c->n_kw; i++)
        if (str_is(c->kw[i].name, name))
            return c->kw[i].value;
    return (struct value){.type = V_ABSENT};
}

static struct value map_attribute(struct call *c, struct value attribute)
{
    struct value otherwise = kwarg(c, "default"), v;
    struct vlist *l = list_new(c->r, 0);
    struct iter it;
    if (c->n_kw > 1 + (size_t)(otherwise.type != V_ABSENT))
        return fail(c->r, ERR_ARG, "map(attribute=...) takes no argument besides default");
    if (iter_begin(c->r, &it, c->self))
        while (iter_next(c->r, &it, &v)) {
            v = get_path(c->r, v, attribute);
            bool is_missing = v.type == V_UNDEFINED && otherwise.type != V_ABSENT &&
                              otherwise.type != V_NONE;
            list_add(c->r, l, is_missing ? otherwise : v);
        }
    return v_iter(c->r, l);
}

static struct value filter_map(struct call *c)
{
    struct value attribute = kwarg(c, "attribute"), v;
    if (c->n == 0 && attribute.type != V_ABSENT)
        return map_attribute(c, attribute);
    if (c->n == 0 || c->arg[0].type != V_STR)
        return fail(c->r, ERR_ARG, "map requires a filter argument");
    str name = str_bytes(c->arg[0].s);
    const struct builtin *row = filter_find(name);
    if (!row)
        return fail(c->r, ERR_UNSUPPORTED, "no filter named '%.*s'", STR_FMT(name));
    struct vlist *l = list_new(c->r, 0);
    struct iter it;
    if (iter_begin(c->r, &it, c->self))
        while (iter_next(c->r, &it, &v))
            list_add(c->r, l, call_with(c, row, v, 1));
    return v_iter(c->r, l);
}

/* Keeps the items whose test (or truth) is `wanted`; with_attr: of an attribute. */
static struct value select_items(struct call *c, bool wanted, bool with_attr)
{
    struct vlist *l = list_new(c->r, 0);
    const struct builtin *row = NULL;
    struct iter it;
    struct value v;
    size_t at = with_attr;
    if (!truth(c->self))
        return v_iter(c->r, l);
    if (c->n < at)
        return fail(c->r, ERR_ARG, "Missing parameter for attribute name");
    if (c->n > at) {
        str name = str_bytes(arg_str(c, at));
        row = test_find(name);
        if (!row && c->r->err == ERR_OK)
            return fail(c->r, ERR_UNSUPPORTED, "no test named '%.*s'", STR_FMT(name));
    }
    if (iter_begin(c->r, &it, c->self))
        while (iter_next(c->r, &it, &v)) {
            struct value operand = with_attr ? get_path(c->r, v, c->arg[0]) : v;
            bool is = truth(row ? call_with(c, row, operand, at + 1) : operand);
            if (is == wanted)
                list_add(c->r, l, v);
        }
    return v_iter(c->r, l);
}

static struct value filter_select(struct call *c)
{
    return select_items(c, true, false);
}

static struct value filter_reject(struct call *c)
{
    return select_items(c, false, false);
}

static struct value filter_selectattr(struct call *c)
{
    return select_items(c, true, true);
}

static struct value filter_rejectattr(struct call *c)
{
    return select_items(c, false, true);
}

const struct builtin filter_sequence_rows[] = {
    {"batch", filter_batch, "linecount fill_with", 1},
    {"dictsort", filter_dictsort, "case_sensitive by reverse", 0},
    {"first", filter_first, "", 0},
    {"groupby", filter_groupby, "attribute default case_sensitive", 1},
    {"items", filter_items, "", 0},
    {"join", filter_join, "d attribute", 0},
    {"last", filter_last, "", 0},
    {"list", filter_list, "", 0},
    {"map", filter_map, "*", 0},
    {"max", filter_max, "case_sensitive attribute", 0},
    {"min", filter_min, "case_sensitive attribute", 0},
    {"reject", filter_reject, "*", 0},
    {"rejectattr", filter_rejectattr, "*", 0},
    {"reverse", filter_reverse, "", 0},
    {"select", filter_select, "*", 0},
    {"selectattr", filter_selectattr, "*", 0},
    {"slice", filter_slice, "slices fill_with", 1},
    {"sort", filter_sort, "reverse case_sensitive attribute", 0},
    {"sum", filter_sum, "attribute start", 0},
    {"unique", filter_unique, "case_sensitive attribute", 0},
    {NULL, NULL, NULL, 0}};
