/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators, attributes and subscripts as Python and jinja2's sandbox have them. Integers have 64
 * bits: an overflow is an error, where Python would go on.
 */
#include "token/template_internal.h"

#include <math.h>

#include "base/mem.h"
#include "base/utf8.h"

/* ---- arithmetic ---- */

static struct value op_name(struct render *r, int op, struct value a, struct value b)
{
    char name[3] = {(char)(op & 0xff), (char)(op >> 8), '\0'};
    if (a.type == V_UNDEFINED || b.type == V_UNDEFINED)
        return fail_undefined(r, a.type == V_UNDEFINED ? a : b);
    if (a.type == V_BIG || b.type == V_BIG)
        return fail(r, ERR_ARG, "arithmetic with an integer of more than 64 bits");
    return fail(r, ERR_ARG, "unsupported operand type(s) for %s: '%s' and '%s'", name,
                type_name(a), type_name(b));
}

static struct value overflow(struct render *r)
{
    return fail(r, ERR_ARG, "an integer of more than 64 bits");
}

static struct value int_divide(struct render *r, int op, int64_t a, int64_t b)
{
    if (b == 0)
        return fail(r, ERR_ARG, "division by zero");
    if (op == '/')
        return v_float((double)a / (double)b);
    if (a == INT64_MIN && b == -1)
        return op == '%' ? v_int(0) : overflow(r);
    int64_t q = a / b, rest = a % b;
    bool is_floor_lower = rest != 0 && (rest < 0) != (b < 0);
    if (op == '%')
        return v_int(is_floor_lower ? rest + b : rest);
    return v_int(q - is_floor_lower);
}

static struct value int_power(struct render *r, int64_t a, int64_t b)
{
    int64_t v = 1;
    if (b < 0 && a == 0)
        return fail(r, ERR_ARG, "0.0 cannot be raised to a negative power");
    if (b < 0)
        return v_float(pow((double)a, (double)b));
    if (a == 0 || a == 1 || a == -1)
        return v_int(b == 0 ? 1 : a == -1 && b % 2 == 0 ? 1 : a);
    for (int64_t i = 0; i < b; i++)
        if (__builtin_mul_overflow(v, a, &v))
            return overflow(r);
    return v_int(v);
}

static struct value int_binary(struct render *r, int op, int64_t a, int64_t b)
{
    int64_t v;
    bool is_over;
    switch (op) {
    case '+': is_over = __builtin_add_overflow(a, b, &v); break;
    case '-': is_over = __builtin_sub_overflow(a, b, &v); break;
    case '*': is_over = __builtin_mul_overflow(a, b, &v); break;
    case OP2('*', '*'): return int_power(r, a, b);
    default: return int_divide(r, op, a, b);
    }
    return is_over ? overflow(r) : v_int(v);
}

/* Python's float divmod: the remainder has the sign of the divisor. */
static struct value float_divide(struct render *r, int op, double a, double b)
{
    if (b == 0)
        return fail(r, ERR_ARG, "float division by zero");
    if (op == '/')
        return v_float(a / b);
    double rest = fmod(a, b), q = (a - rest) / b;
    if (rest != 0 && (b < 0) != (rest < 0)) {
        rest += b;
        q -= 1;
    } else if (rest == 0) {
        rest = copysign(0.0, b);
    }
    if (op == '%')
        return v_float(rest);
    double whole = q != 0 ? floor(q) : copysign(0.0, a / b);
    return v_float(q != 0 && q - whole > 0.5 ? whole + 1 : whole);
}

static struct value float_power(struct render *r, double a, double b)
{
    if (a == 0 && b < 0)
        return fail(r, ERR_ARG, "0.0 cannot be raised to a negative power");
    double v = pow(a, b);
    if (isnan(v) && !isnan(a) && !isnan(b))
        return fail(r, ERR_ARG, "complex numbers are not supported");
    if (isinf(v) && isfinite(a) && isfinite(b))
        return fail(r, ERR_ARG, "the result of ** is too large");
    return v_float(v);
}

static struct value float_binary(struct render *r, int op, double a, double b)
{
    switch (op) {
    case '+': return v_float(a + b);
    case '-': return v_float(a - b);
    case '*': return v_float(a * b);
    case OP2('*', '*'): return float_power(r, a, b);
    default: return float_divide(r, op, a, b);
    }
}

/* Markup escapes what is added to it. */
static struct value add_strings(struct render *r, struct value a, struct value b)
{
    bool safe = a.s->safe || b.s->safe;
    if (safe) {
        a = str_escaped(r, a.s);
        b = str_escaped(r, b.s);
    }
    struct capture c = capture_begin(r);
    emit_str(r, a.s);
    emit_str(r, b.s);
    struct value v = capture_end(r, c);
    if (safe) {
        struct tstr *s = new_of(r, struct tstr);
        *s = *v.s;
        s->safe = true;
        v.s = s;
    }
    return v;
}

static struct value add_lists(struct render *r, struct value a, struct value b)
{
    struct vlist *l = list_new(r, a.list->n + b.list->n);
    for (size_t i = 0; i < a.list->n && step(r, 1); i++)
        list_add(r, l, a.list->v[i]);
    for (size_t i = 0; i < b.list->n && step(r, 1); i++)
        list_add(r, l, b.list->v[i]);
    return (struct value){.type = a.type, .list = l};
}

static struct value repeat(struct render *r, struct value v, int64_t times)
{
    if (v.type == V_STR) {
        struct capture c = capture_begin(r);
        for (int64_t i = 0; i < times && v.s->n > 0 && step(r, 1); i++)
            emit_str(r, v.s);
        return capture_end(r, c);
    }
    struct vlist *l = list_new(r, 0);
    for (int64_t i = 0; i < times && v.list->n > 0 && step(r, 1); i++)
        for (size_t k = 0; k < v.list->n && step(r, 1); k++)
            list_add(r, l, v.list->v[k]);
    return (struct value){.type = v.type, .list = l};
}

static bool is_sequence(struct value v)
{
    return v.type == V_STR || v.type == V_LIST || v.type == V_TUPLE;
}

struct value op_binary(struct render *r, int op, struct value a, struct value b)
{
    int64_t x, y;
    if (value_int(a, &x) && value_int(b, &y))
        return int_binary(r, op, x, y);
    if (value_is_number(a) && value_is_number(b))
        return float_binary(r, op, value_double(a), value_double(b));
    if (op == '%' && a.type == V_STR)
        return format_percent(r, a.s, b, NULL);
    if (op == '+' && a.type == V_STR && b.type == V_STR)
        return add_strings(r, a, b);
    if (op == '+' && a.type == b.type && is_sequence(a))
        return add_lists(r, a, b);
    if (op == '+' && b.type != V_UNDEFINED && is_sequence(a))
        return fail(r, ERR_ARG, "can only concatenate %s (not \"%s\") to %s", type_name(a),
                    type_name(b), type_name(a));
    if (op == '*' && is_sequence(a) && value_int(b, &y))
        return repeat(r, a, y);
    if (op == '*' && is_sequence(b) && value_int(a, &x))
        return repeat(r, b, x);
    return op_name(r, op, a, b);
}

/* A literal beyond 64 bits: its sign is all that can be changed. */
static struct value negate_big(struct render *r, struct value v)
{
    int64_t i;
    struct capture c = capture_begin(r);
    bool is_negative = v.s->p[0] == '-';
    emit(r, is_negative ? STR("") : STR("-"));
    emit(r, str_sub(str_bytes(v.s), is_negative, SIZE_MAX));
    struct value text = capture_end(r, c);
    if (r->err == ERR_OK && str_to_i64(str_bytes(text.s), &i))
        return v_int(i);
    text.type = V_BIG;
    return text;
}

struct value op_negate(struct render *r, struct value v)
{
    int64_t i;
    if (v.type == V_BIG)
        return negate_big(r, v);
    if (v.type == V_FLOAT)
        return v_float(-v.number);
    if (value_int(v, &i))
        return i == INT64_MIN ? overflow(r) : v_int(-i);
    if (v.type == V_UNDEFINED)
        return fail_undefined(r, v);
    return fail(r, ERR_ARG, "bad operand type for unary -: '%s'", type_name(v));
}

/* ---- comparison ---- */

bool op_contains(struct render *r, struct value item, struct value in)
{
    if (in.type == V_STR) {
        if (item.type != V_STR) {
            fail(r, ERR_ARG, "'in <string>' requires string as left operand, not %s",
                 type_name(item));
            return false;
        }
        return step(r, in.s->n / 64) &&
               str_find(str_bytes(in.s), str_bytes(item.s), 0) != SIZE_MAX;
    }
    if (in.type == V_DICT || (in.type == V_VIEW && in.view->kind == VIEW_KEYS))
        return dict_get(r, in.type == V_DICT ? in.dict : in.view->dict, item) != NULL;
    struct iter it;
    struct value v;
    if (!value_len(in, &(size_t){0}) && in.type != V_ITER) {
        fail(r, ERR_ARG, "argument of type '%s' is not iterable", type_name(in));
        return false;
    }
    if (iter_begin(r, &it, in))
        while (iter_next(r, &it, &v))
            if (equal(r, v, item, 0))
                return true;
    return false;
}

bool op_compare(struct render *r, int op, struct value a, struct value b)
{
    switch (op) {
    case OP2('=', '='): return equal(r, a, b, 0);
    case OP2('!', '='): return !equal(r, a, b, 0);
    case OP_IN: return op_contains(r, a, b);
    case OP_NOT_IN: return !op_contains(r, a, b);
    case '<': return compare(r, a, b, "<", 0) == -1;
    case '>': return compare(r, a, b, ">", 0) == 1;
    case OP2('<', '='): return compare(r, a, b, "<=", 0) <= 0;
    default: break;
    }
    int c = compare(r, a, b, ">=", 0);
    return c == 0 || c == 1;
}

/* ---- attributes ---- */

static struct value bind_method(struct render *r, struct value self, const struct builtin *row)
{
    struct vmethod *m = new_of(r, struct vmethod);
    *m = (struct vmethod){self, row};
    return (struct value){.type = V_METHOD, .method = m};
}

/* What getattr(obj, name) gives in Python, or V_ABSENT. */
static struct value own_attribute(struct render *r, struct value obj, str name)
{
    const struct builtin *row = method_find(obj, name);
    if (row)
        return bind_method(r, obj, row);
    if (obj.type == V_LOOP)
        return loop_attr(r, obj, name);
    if (obj.type == V_CYCLER && str_is(name, "current"))
        return obj.cycler->items->v[obj.cycler->at];
    bool is_list = str_is(name, "list");
    if (obj.type == V_TUPLE && obj.list->is_group && (is_list || str_is(name, "grouper")))
        return obj.list->v[is_list];
    if (obj.type == V_MACRO && str_is(name, "name"))
        return str_plain(r, macro_name(obj.macro));
    if (obj.type == V_NAMESPACE) {
        struct value *v = dict_get_str(obj.dict, name);
        return v ? *v : (struct value){.type = V_ABSENT};
    }
    if (method_is_foreign(obj, name))
        return fail(r, ERR_UNSUPPORTED, "'%.*s' of '%s' is not supported", STR_FMT(name),
                    type_name(obj));
    return (struct value){.type = V_ABSENT};
}

struct value get_attr(struct render *r, struct value obj, str name)
{
    if (obj.type == V_UNDEFINED)
        return fail_undefined(r, obj);
    if (name.n > 0 && name.p[0] != '_') {
        struct value own = own_attribute(r, obj, name);
        if (own.type != V_ABSENT)
            return own;
    }
    if (obj.type == V_DICT) {
        struct value *v = dict_get_str(obj.dict, name);
        if (v)
            return *v;
    }
    return v_undef_attr(r, obj, name);
}

static struct value undefined_element(struct render *r, struct value obj, struct value key)
{
    struct value v = v_undef_attr(r, obj, STR_NONE);
    struct undef *u = new_of(r, struct undef);
    struct capture c = capture_begin(r);
    *u = *v.undef;
    if (key.type == V_STR || key.type == V_INT)
        emit_value(r, key);
    else
        emit(r, str_of(type_name(key)));
    u->name = str_bytes(capture_end(r, c).s);
    u->element = key.type != V_STR;
    return (struct value){.type = V_UNDEFINED, .undef = u};
}

static struct value item_at(struct render *r, struct value obj, int64_t i)
{
    size_t n = 0;
    value_len(obj, &n);
    if (i < 0)
        i += (int64_t)n;
    if (i < 0 || (size_t)i >= n)
        return (struct value){.type = V_ABSENT};
    if (obj.type == V_STR) {
        size_t from = str_offset(obj.s, (size_t)i), to = from;
        step(r, from / 64);
        utf8_next(str_bytes(obj.s), &to);
        return str_part(r, obj.s, from, to);
    }
    if (obj.type == V_RANGE)
        return v_int(obj.range->start + i * obj.range->step);
    return obj.list->v[i];
}

struct value get_item(struct render *r, struct value obj, struct value key)
{
    int64_t i;
    struct value found = {.type = V_ABSENT};
    if (obj.type == V_UNDEFINED)
        return fail_undefined(r, obj);
    if (obj.type == V_DICT) {
        bool is_hashable = key.type != V_LIST && key.type != V_DICT;
        struct value *v = is_hashable ? dict_get(r, obj.dict, key) : NULL;
        if (v)
            return *v;
    } else if ((is_sequence(obj) || obj.type == V_RANGE) && value_int(key, &i)) {
        found = item_at(r, obj, i);
    }
    if (found.type == V_ABSENT && key.type == V_STR && key.s->n > 0 && key.s->p[0] != '_')
        found = own_attribute(r, obj, str_bytes(key.s));
    return found.type == V_ABSENT ? undefined_element(r, obj, key) : found;
}

/* ---- slices ---- */

/* Python's slice.indices: start, stop clamped to n for the sign of step. */
static bool slice_bounds(struct render *r, const struct value bound[3], int64_t n, int64_t out[3])
{
    out[2] = 1;
    if (bound[2].type != V_NONE && !value_int(bound[2], &out[2]))
        return false;
    if (out[2] == 0) {
        fail(r, ERR_ARG, "slice step cannot be zero");
        return false;
    }
    bool is_back = out[2] < 0;
    for (int k = 0; k < 2; k++) {
        int64_t lo = is_back ? -1 : 0, hi = is_back ? n - 1 : n;
        bool is_low = (k == 0) != is_back;
        out[k] = is_low ? lo : hi;
        if (bound[k].type == V_NONE)
            continue;
        if (!value_int(bound[k], &out[k]))
            return false;
        if (out[k] < 0)
            out[k] = out[k] < -n ? lo : out[k] + n;
        out[k] = out[k] < lo ? lo : out[k] > hi ? hi : out[k];
    }
    return true;
}

static int64_t slice_count(const int64_t b[3])
{
    int64_t distance = b[2] > 0 ? b[1] - b[0] : b[0] - b[1];
    uint64_t stride = b[2] > 0 ? (uint64_t)b[2] : 0 - (uint64_t)b[2];
    return distance <= 0 ? 0 : (int64_t)(((uint64_t)distance - 1) / stride + 1);
}

static struct value slice_string(struct render *r, const struct tstr *s, const int64_t b[3])
{
    if (b[2] == 1) {
        size_t from = str_offset(s, (size_t)b[0]);
        size_t to = b[1] > b[0] ? str_offset(s, (size_t)b[1]) : from;
        return step(r, to / 64) ? str_part(r, s, from, to) : v_undef();
    }
    size_t *at = big_alloc(r, s->n_char + 1, sizeof *at);
    if (!at || !step(r, s->n_char / 8))
        return v_undef();
    for (size_t i = 0, k = 0; i < s->n; k++) {
        utf8_next(str_bytes(s), &i);
        at[k + 1] = i;
    }
    struct capture c = capture_begin(r);
    int64_t count = slice_count(b);
    for (int64_t k = 0, i = b[0]; k < count && step(r, 1); k++, i += k < count ? b[2] : 0)
        emit_str(r, str_part(r, s, at[i], at[i + 1]).s);
    return capture_end(r, c);
}

struct value get_slice(struct render *r, struct value obj, const struct value bound[3])
{
    size_t n = 0;
    int64_t b[3];
    bool ok = is_sequence(obj) || obj.type == V_RANGE;
    if (obj.type == V_UNDEFINED)
        return fail_undefined(r, obj);
    value_len(obj, &n);
    if (!ok)
        return fail(r, ERR_ARG, "'%s' object is not subscriptable by a slice", type_name(obj));
    if (!slice_bounds(r, bound, (int64_t)n, b))
        return fail(r, ERR_ARG, "slice indices must be integers or None");
    if (obj.type == V_STR)
        return slice_string(r, obj.s, b);
    int64_t count = slice_count(b);
    if (obj.type == V_RANGE) {
        struct vrange *range = new_of(r, struct vrange);
        const struct vrange *from = obj.range;
        *range = (struct vrange){from->start + b[0] * from->step, from->start + b[1] * from->step,
                                 from->step * b[2], (size_t)count};
        return (struct value){.type = V_RANGE, .range = range};
    }
    struct vlist *l = list_new(r, (size_t)count);
    for (int64_t k = 0, i = b[0]; k < count && step(r, 1); k++, i += k < count ? b[2] : 0)
        list_add(r, l, obj.list->v[i]);
    return (struct value){.type = obj.type, .list = l};
}
