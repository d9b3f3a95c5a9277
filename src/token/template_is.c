/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests, what stands behind `is`: jinja2/tests.py 3.1.
 */
#include "token/template_internal.h"

#include "base/utf8.h"

static struct value is_defined(struct call *c)
{
    return v_bool(c->self.type != V_UNDEFINED);
}

static struct value is_undefined(struct call *c)
{
    return v_bool(c->self.type == V_UNDEFINED);
}

static struct value is_none(struct call *c)
{
    return v_bool(c->self.type == V_NONE);
}

static struct value is_boolean(struct call *c)
{
    return v_bool(c->self.type == V_BOOL);
}

static struct value is_true(struct call *c)
{
    return v_bool(c->self.type == V_BOOL && c->self.boolean);
}

static struct value is_false(struct call *c)
{
    return v_bool(c->self.type == V_BOOL && !c->self.boolean);
}

static struct value is_integer(struct call *c)
{
    return v_bool(c->self.type == V_INT || c->self.type == V_BIG);
}

static struct value is_float(struct call *c)
{
    return v_bool(c->self.type == V_FLOAT);
}

static struct value is_number(struct call *c)
{
    return v_bool(value_is_number(c->self) || c->self.type == V_BIG);
}

static struct value is_string(struct call *c)
{
    return v_bool(c->self.type == V_STR);
}

static struct value is_mapping(struct call *c)
{
    return v_bool(c->self.type == V_DICT);
}

static struct value is_sequence(struct call *c)
{
    size_t n;
    return v_bool(value_len(c->self, &n) && c->self.type != V_VIEW);
}

static struct value is_iterable(struct call *c)
{
    size_t n;
    return v_bool(value_len(c->self, &n) || c->self.type == V_ITER || c->self.type == V_LOOP);
}

/* An undefined value has __call__, so Python calls it callable. */
static struct value is_callable(struct call *c)
{
    enum vtype t = c->self.type;
    return v_bool(t == V_MACRO || t == V_BUILTIN || t == V_METHOD || t == V_JOINER ||
                  t == V_LOOP || t == V_UNDEFINED);
}

static struct value is_escaped(struct call *c)
{
    return v_bool(c->self.type == V_STR && c->self.s->safe);
}

/* str.islower / str.isupper: all cased characters are of one case, and there is one. */
static bool is_cased(struct call *c, unsigned wanted, unsigned other)
{
    str s = str_bytes(self_str(c));
    bool any = false;
    for (size_t i = 0; i < s.n && step(c->r, 1);) {
        unsigned bits = uni_class(utf8_next(s, &i));
        if (bits & (other | UNI_TITLE))
            return false;
        any |= (bits & wanted) != 0;
    }
    return any;
}

static struct value is_lower(struct call *c)
{
    return v_bool(is_cased(c, UNI_LOWER, UNI_UPPER));
}

static struct value is_upper(struct call *c)
{
    return v_bool(is_cased(c, UNI_UPPER, UNI_LOWER));
}

static bool remainder_is(struct call *c, struct value divisor, int64_t wanted)
{
    struct value rest = op_binary(c->r, '%', c->self, divisor);
    return c->r->err == ERR_OK && equal(c->r, rest, v_int(wanted), 0);
}

static struct value is_odd(struct call *c)
{
    return v_bool(remainder_is(c, v_int(2), 1));
}

static struct value is_even(struct call *c)
{
    return v_bool(remainder_is(c, v_int(2), 0));
}

static struct value is_divisible(struct call *c)
{
    return v_bool(remainder_is(c, c->arg[0], 0));
}

/* Identity: of singletons by value, of objects by address. Small equal scalars count as one. */
static struct value is_same(struct call *c)
{
    struct value a = c->self, b = c->arg[0];
    if (a.type != b.type)
        return v_bool(false);
    switch (a.type) {
    case V_NONE: return v_bool(true);
    case V_BOOL:
    case V_INT:
    case V_FLOAT: return v_bool(equal(c->r, a, b, 0));
    case V_STR: return v_bool(a.s == b.s || str_eq(str_bytes(a.s), str_bytes(b.s)));
    default: return v_bool(a.list == b.list);
    }
}

static struct value is_filter(struct call *c)
{
    return v_bool(c->self.type == V_STR && filter_find(str_bytes(c->self.s)) != NULL);
}

static struct value is_test(struct call *c)
{
    return v_bool(c->self.type == V_STR && test_find(str_bytes(c->self.s)) != NULL);
}

static struct value is_in(struct call *c)
{
    return v_bool(op_contains(c->r, c->self, c->arg[0]));
}

static struct value is_eq(struct call *c)
{
    return v_bool(op_compare(c->r, OP2('=', '='), c->self, c->arg[0]));
}

static struct value is_ne(struct call *c)
{
    return v_bool(op_compare(c->r, OP2('!', '='), c->self, c->arg[0]));
}

static struct value is_lt(struct call *c)
{
    return v_bool(op_compare(c->r, '<', c->self, c->arg[0]));
}

static struct value is_le(struct call *c)
{
    return v_bool(op_compare(c->r, OP2('<', '='), c->self, c->arg[0]));
}

static struct value is_gt(struct call *c)
{
    return v_bool(op_compare(c->r, '>', c->self, c->arg[0]));
}

static struct value is_ge(struct call *c)
{
    return v_bool(op_compare(c->r, OP2('>', '='), c->self, c->arg[0]));
}

static const struct builtin tests[] = {
    {"defined", is_defined, "", 0},     {"undefined", is_undefined, "", 0},
    {"none", is_none, "", 0},           {"boolean", is_boolean, "", 0},
    {"true", is_true, "", 0},           {"false", is_false, "", 0},
    {"integer", is_integer, "", 0},     {"float", is_float, "", 0},
    {"number", is_number, "", 0},       {"string", is_string, "", 0},
    {"mapping", is_mapping, "", 0},     {"sequence", is_sequence, "", 0},
    {"iterable", is_iterable, "", 0},   {"callable", is_callable, "", 0},
    {"escaped", is_escaped, "", 0},     {"lower", is_lower, "", 0},
    {"upper", is_upper, "", 0},         {"odd", is_odd, "", 0},
    {"even", is_even, "", 0},           {"divisibleby", is_divisible, "num", 1},
    {"sameas", is_same, "other", 1},    {"filter", is_filter, "", 0},
    {"test", is_test, "", 0},           {"in", is_in, "seq", 1},
    {"eq", is_eq, "b", 1},              {"equalto", is_eq, "b", 1},
    {"==", is_eq, "b", 1},              {"ne", is_ne, "b", 1},
    {"!=", is_ne, "b", 1},              {"lt", is_lt, "b", 1},
    {"lessthan", is_lt, "b", 1},        {"<", is_lt, "b", 1},
    {"le", is_le, "b", 1},              {"<=", is_le, "b", 1},
    {"gt", is_gt, "b", 1},              {"greaterthan", is_gt, "b", 1},
    {">", is_gt, "b", 1},               {"ge", is_ge, "b", 1},
    {">=", is_ge, "b", 1},              {NULL, NULL, NULL, 0}};

const struct builtin *test_find(str name)
{
    return builtin_find(tests, name);
}
