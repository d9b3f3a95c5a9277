/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters on text, numbers and single values: jinja2/filters.py 3.1, and tojson as HF
 * transformers defines it. The table stands at the end; filters on sequences are in
 * template_filter_seq.c.
 */
#include "token/template_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

static struct value filter_upper(struct call *c)
{
    return str_case(c->r, self_str(c), CASE_UPPER);
}

static struct value filter_lower(struct call *c)
{
    return str_case(c->r, self_str(c), CASE_LOWER);
}

static struct value filter_title(struct call *c)
{
    return str_case(c->r, self_str(c), CASE_FILTER_TITLE);
}

static struct value filter_capitalize(struct call *c)
{
    return str_case(c->r, self_str(c), CASE_CAPITALIZE);
}

static struct value filter_string(struct call *c)
{
    return to_str(c->r, c->self);
}

static struct value filter_trim(struct call *c)
{
    return str_strip(c->r, self_str(c), arg_given(c, 0) ? arg_str(c, 0) : NULL, 3);
}

static struct value filter_center(struct call *c)
{
    return str_center(c->r, self_str(c), arg_int(c, 0, 80), STR(" "));
}

static struct value filter_replace(struct call *c)
{
    const struct tstr *old = to_str(c->r, c->arg[0]).s, *with = to_str(c->r, c->arg[1]).s;
    return str_replace(c->r, self_str(c), old, with, arg_int(c, 2, -1));
}

static struct value filter_length(struct call *c)
{
    size_t n;
    if (!value_len(c->self, &n))
        return fail(c->r, ERR_ARG, "object of type '%s' has no len()", type_name(c->self));
    return v_int((int64_t)n);
}

static struct value filter_default(struct call *c)
{
    bool is_missing = c->self.type == V_UNDEFINED || (arg_bool(c, 1, false) && !truth(c->self));
    if (!is_missing)
        return c->self;
    return c->arg[0].type == V_ABSENT ? str_plain(c->r, STR("")) : c->arg[0];
}

static struct value filter_attr(struct call *c)
{
    struct value v = get_attr(c->r, c->self, str_bytes(arg_str(c, 0)));
    bool is_key = c->self.type == V_DICT && v.type != V_METHOD;
    return is_key ? v_undef_attr(c->r, c->self, str_bytes(arg_str(c, 0))) : v;
}

/* ---- HTML ---- */

static struct value filter_escape(struct call *c)
{
    return str_escaped(c->r, self_str(c));
}

static struct value unsafe_copy(struct render *r, const struct tstr *s, bool safe)
{
    struct tstr *t = new_of(r, struct tstr);
    *t = *s;
    t->safe = safe;
    return (struct value){.type = V_STR, .s = t};
}

static struct value filter_forceescape(struct call *c)
{
    return str_escaped(c->r, unsafe_copy(c->r, self_str(c), false).s);
}

static struct value filter_safe(struct call *c)
{
    return unsafe_copy(c->r, self_str(c), true);
}

/* ---- numbers ---- */

static struct value filter_abs(struct call *c)
{
    int64_t i;
    if (c->self.type == V_FLOAT)
        return v_float(fabs(c->self.number));
    if (value_int(c->self, &i))
        return i < 0 ? op_negate(c->r, v_int(i)) : v_int(i);
    if (c->self.type == V_UNDEFINED)
        return fail_undefined(c->r, c->self);
    return fail(c->r, ERR_ARG, "bad operand type for abs(): '%s'", type_name(c->self));
}

/* int(d), cut towards zero. */
static struct value int_of_double(struct call *c, double d, struct value otherwise)
{
    if (isnan(d))
        return otherwise;
    if (!(d > -9.2e18 && d < 9.2e18))
        return fail(c->r, ERR_ARG, "a number too large for an integer of 64 bits");
    return v_int((int64_t)d);
}

static struct value filter_int(struct call *c)
{
    struct value otherwise = c->arg[0].type == V_ABSENT ? v_int(0) : c->arg[0];
    int64_t i;
    double d;
    if (value_int(c->self, &i))
        return v_int(i);
    if (c->self.type == V_BIG)
        return c->self;
    if (c->self.type == V_FLOAT)
        return int_of_double(c, c->self.number, otherwise);
    if (c->self.type == V_UNDEFINED)
        return fail_undefined(c->r, c->self);
    if (c->self.type != V_STR)
        return otherwise;
    if (text_to_int(str_bytes(c->self.s), arg_int(c, 1, 10), &i))
        return v_int(i);
    if (text_to_float(str_bytes(c->self.s), &d) && isfinite(d))
        return int_of_double(c, d, otherwise);
    return otherwise;
}

static struct value filter_float(struct call *c)
{
    double d;
    if (value_is_number(c->self))
        return v_float(value_double(c->self));
    if (c->self.type == V_UNDEFINED)
        return fail_undefined(c->r, c->self);
    if ((c->self.type == V_STR || c->self.type == V_BIG) &&
        text_to_float(str_bytes(c->self.s), &d))
        return v_float(d);
    return c->arg[0].type == V_ABSENT ? v_float(0) : c->arg[0];
}

#define ROUND_DIGITS_MAX 320

static struct value round_common(struct call *c, int64_t digits)
{
    char text[2 * FLOAT_TEXT_MAX];
    int64_t i;
    if (value_int(c->self, &i) && digits >= 0)
        return v_int(i);
    double d = value_double(c->self);
    if (!isfinite(d) || digits > ROUND_DIGITS_MAX)
        return v_float(d);
    if (digits < 0) {
        double unit = pow(10, (double)-digits), v = nearbyint(d / unit) * unit;
        return c->self.type == V_FLOAT ? v_float(v) : int_of_double(c, v, v_int(0));
    }
    snprintf(text, sizeof text, "%.*f", (int)digits, d);
    return v_float(strtod(text, NULL));
}

static struct value filter_round(struct call *c)
{
    str method = c->arg[1].type == V_ABSENT ? STR("common") : str_bytes(arg_str(c, 1));
    int64_t digits = arg_int(c, 0, 0);
    if (!value_is_number(c->self))
        return c->self.type == V_UNDEFINED
                   ? fail_undefined(c->r, c->self)
                   : fail(c->r, ERR_ARG, "type %s cannot be rounded", type_name(c->self));
    if (str_is(method, "common"))
        return round_common(c, digits);
    double unit = pow(10, (double)digits), scaled = value_double(c->self) * unit;
    if (str_is(method, "ceil"))
        return v_float(ceil(scaled) / unit);
    if (str_is(method, "floor"))
        return v_float(floor(scaled) / unit);
    return fail(c->r, ERR_ARG, "method must be common, ceil or floor");
}

/* ---- layout ---- */

static const struct tstr *indentation(struct call *c)
{
    if (c->arg[0].type == V_STR)
        return c->arg[0].s;
    int64_t width = arg_int(c, 0, 4);
    struct capture spaces = capture_begin(c->r);
    emit_char(c->r, ' ', width > 0 ? (size_t)width : 0);
    return capture_end(c->r, spaces).s;
}

static struct value filter_indent(struct call *c)
{
    struct render *r = c->r;
    if (c->self.type != V_STR)
        return op_binary(r, '+', c->self, str_plain(r, STR("\n")));
    const struct tstr *indent = indentation(c);
    bool first = arg_bool(c, 1, false), blank = arg_bool(c, 2, false);
    struct value text = op_binary(r, '+', c->self, str_plain(r, STR("\n")));
    struct vlist *lines = str_lines(r, text.type == V_STR ? text.s : c->self.s, false);
    struct capture out = capture_begin(r);
    for (size_t i = 0; i < lines->n && step(r, 1); i++) {
        const struct tstr *line = lines->v[i].s;
        if (i > 0)
            emit_char(r, '\n', 1);
        if (i == 0 ? first : blank || line->n > 0)
            emit_str(r, indent);
        emit_str(r, line);
    }
    return capture_end_blurred(r, out);
}

static struct value filter_truncate(struct call *c)
{
    struct render *r = c->r;
    if (c->self.type != V_STR)
        return fail(r, ERR_ARG, "truncate needs a str, not %s", type_name(c->self));
    const struct tstr *s = c->self.s;
    struct value end = c->arg[2].type == V_ABSENT ? str_plain(r, STR("...")) : to_str(r, c->arg[2]);
    int64_t length = arg_int(c, 0, 255), leeway = arg_int(c, 3, 5);
    int64_t n_end = (int64_t)end.s->n_char;
    if (length < n_end || leeway < 0)
        return fail(r, ERR_ARG, "truncate: the length is below that of the end, or leeway below 0");
    if ((int64_t)s->n_char <= length + leeway)
        return (struct value){.type = V_STR, .s = s};
    size_t to = str_offset(s, (size_t)(length - n_end));
    if (!arg_bool(c, 1, false))
        for (size_t i = to; i-- > 0;)
            if (s->p[i] == ' ') {
                to = i;
                break;
            }
    struct capture out = capture_begin(r);
    emit_str(r, str_part(r, s, 0, to).s);
    emit_str(r, end.s);
    return capture_end(r, out);
}

static struct value filter_wordcount(struct call *c)
{
    str s = str_bytes(self_str(c));
    int64_t words = 0;
    bool was_word = false;
    for (size_t i = 0; i < s.n && step(c->r, 1);) {
        uint32_t cp = utf8_next(s, &i);
        bool is_word = cp == '_' || (uni_class(cp) & (UNI_LETTER | UNI_NUMBER)) != 0;
        words += is_word && !was_word;
        was_word = is_word;
    }
    return v_int(words);
}

static struct value filter_format(struct call *c)
{
    struct vlist *l = list_new(c->r, c->n);
    for (size_t i = 0; i < c->n; i++)
        list_add(c->r, l, c->arg[i]);
    if (c->n > 0 && c->n_kw > 0)
        return fail(c->r, ERR_ARG, "format cannot handle positional and keyword arguments at once");
    return format_percent(c->r, self_str(c), v_tuple(l), c->n_kw > 0 ? c : NULL);
}

/* ---- URL and JSON ---- */

static void emit_url(struct render *r, struct value v, bool is_query)
{
    const struct tstr *s = to_str(r, v).s;
    size_t from = r->out->text.n;
    char text[8];
    for (size_t i = 0; i < s->n && step(r, 1); i++) {
        char ch = s->p[i];
        bool is_plain = (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') ||
                        (ch != '\0' && strchr("_.-~", ch)) || (ch == '/' && !is_query);
        if (is_plain || (ch == ' ' && is_query))
            emit_char(r, ch == ' ' ? '+' : ch, 1);
        else
            emit(r, (str){text, (size_t)snprintf(text, sizeof text, "%%%02X", (unsigned char)ch)});
    }
    if (str_is_input(s))
        emit_mark(r, from);
}

static struct value filter_urlencode(struct call *c)
{
    struct render *r = c->r;
    struct capture out = capture_begin(r);
    bool is_pairs = c->self.type == V_DICT || c->self.type == V_LIST || c->self.type == V_TUPLE;
    if (!is_pairs)
        emit_url(r, c->self, false);
    struct value items = c->self;
    struct vview *view = new_of(r, struct vview);
    if (c->self.type == V_DICT) {
        *view = (struct vview){c->self.dict, VIEW_ITEMS};
        items = (struct value){.type = V_VIEW, .view = view};
    }
    struct vlist *l = is_pairs ? list_of(r, items) : list_new(r, 0);
    for (size_t i = 0; i < l->n && step(r, 1); i++) {
        struct vlist *pair = list_of(r, l->v[i]);
        if (pair->n != 2) {
            fail(r, ERR_ARG, "urlencode needs pairs, not %zu values", pair->n);
            break;
        }
        if (i > 0)
            emit_char(r, '&', 1);
        emit_url(r, pair->v[0], true);
        emit_char(r, '=', 1);
        emit_url(r, pair->v[1], true);
    }
    return capture_end(r, out);
}

static struct value filter_tojson(struct call *c)
{
    struct render *r = c->r;
    struct json_style style = {.ascii = arg_bool(c, 0, false), .sort_keys = arg_bool(c, 3, false)};
    if (arg_given(c, 1) && c->arg[1].type == V_STR) {
        style.indent = c->arg[1].s;
    } else if (arg_given(c, 1)) {
        int64_t width = arg_int(c, 1, 0);
        struct capture spaces = capture_begin(r);
        emit_char(r, ' ', width > 0 ? (size_t)width : 0);
        style.indent = capture_end(r, spaces).s;
    }
    if (arg_given(c, 2)) {
        struct vlist *l = list_of(r, c->arg[2]);
        if (l->n != 2 || l->v[0].type != V_STR || l->v[1].type != V_STR)
            return fail(r, ERR_ARG, "tojson: separators must be two strings");
        style.item_sep = l->v[0].s;
        style.key_sep = l->v[1].s;
    }
    struct capture out = capture_begin(r);
    emit_json(r, c->self, &style, 0);
    return capture_end_blurred(r, out);
}

const struct builtin filter_text_rows[] = {
    {"abs", filter_abs, "", 0},
    {"attr", filter_attr, "name", 1},
    {"capitalize", filter_capitalize, "", 0},
    {"center", filter_center, "width", 0},
    {"count", filter_length, "", 0},
    {"d", filter_default, "default_value boolean", 0},
    {"default", filter_default, "default_value boolean", 0},
    {"e", filter_escape, "", 0},
    {"escape", filter_escape, "", 0},
    {"float", filter_float, "default", 0},
    {"forceescape", filter_forceescape, "", 0},
    {"format", filter_format, "*", 0},
    {"indent", filter_indent, "width first blank", 0},
    {"int", filter_int, "default base", 0},
    {"length", filter_length, "", 0},
    {"lower", filter_lower, "", 0},
    {"replace", filter_replace, "old new count", 2},
    {"round", filter_round, "precision method", 0},
    {"safe", filter_safe, "", 0},
    {"string", filter_string, "", 0},
    {"title", filter_title, "", 0},
    {"tojson", filter_tojson, "ensure_ascii indent separators sort_keys", 0},
    {"trim", filter_trim, "chars", 0},
    {"truncate", filter_truncate, "length killwords end leeway", 0},
    {"upper", filter_upper, "", 0},
    {"urlencode", filter_urlencode, "", 0},
    {"wordcount", filter_wordcount, "", 0},
    {NULL, NULL, NULL, 0}};

const struct builtin *filter_find(str name)
{
    const struct builtin *row = builtin_find(filter_text_rows, name);
    return row ? row : builtin_find(filter_sequence_rows, name);
}
