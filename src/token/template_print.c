/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of values: Python's str() and repr(), and json.dumps as HF transformers' tojson calls it.
 * Marks stay per byte where a string is written as it is; an escaped string that came from
 * input is marked whole.
 */
#include "token/template_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

/* ---- floats ---- */

/* Python writes the shortest digits that read back the same, in scientific form when the
 * exponent is below -4 or at least 16, and always with a point or an exponent. */
size_t float_repr(double d, char out[FLOAT_TEXT_MAX])
{
    char digits[40];
    int exp = 0;
    if (!isfinite(d))
        return (size_t)snprintf(out, FLOAT_TEXT_MAX, "%s",
                                isnan(d) ? "nan" : d < 0 ? "-inf" : "inf");
    for (int precision = 0; precision < 17; precision++) {
        snprintf(digits, sizeof digits, "%.*e", precision, d);
        if (strtod(digits, NULL) == d)
            break;
    }
    char *e = strchr(digits, 'e');
    exp = (int)strtol(e + 1, NULL, 10);
    *e = '\0';
    if (exp < -4 || exp >= 16)
        return (size_t)snprintf(out, FLOAT_TEXT_MAX, "%se%c%02d", digits, exp < 0 ? '-' : '+',
                                abs(exp));
    int n_digit = (int)strlen(digits) - (digits[0] == '-') - (strchr(digits, '.') != NULL);
    int decimals = n_digit - 1 - exp;
    return (size_t)snprintf(out, FLOAT_TEXT_MAX, "%.*f", decimals > 1 ? decimals : 1, d);
}

static void emit_float(struct render *r, double d)
{
    char text[FLOAT_TEXT_MAX];
    emit(r, (str){text, float_repr(d, text)});
}

static void emit_int(struct render *r, int64_t i)
{
    char text[24];
    emit(r, (str){text, (size_t)snprintf(text, sizeof text, "%lld", (long long)i)});
}

/* ---- repr ---- */

static bool is_printable(uint32_t cp)
{
    if (cp < 0x7f)
        return cp >= 0x20;
    return (uni_class(cp) & (UNI_LETTER | UNI_NUMBER | UNI_PUNCT | UNI_SYMBOL | UNI_MARK)) != 0;
}

static void emit_escape(struct render *r, uint32_t cp)
{
    char text[16];
    int n = cp < 0x100 ? snprintf(text, sizeof text, "\\x%02x", cp)
            : cp < 0x10000 ? snprintf(text, sizeof text, "\\u%04x", cp)
                           : snprintf(text, sizeof text, "\\U%08x", cp);
    emit(r, (str){text, (size_t)n});
}

static void emit_str_repr(struct render *r, const struct tstr *s)
{
    bool has_single = str_find_char(str_bytes(s), '\'', 0) != SIZE_MAX;
    bool has_double = str_find_char(str_bytes(s), '"', 0) != SIZE_MAX;
    char quote = has_single && !has_double ? '"' : '\'';
    size_t from = r->out->text.n;
    emit_char(r, quote, 1);
    for (size_t i = 0; i < s->n && step(r, 1);) {
        size_t start = i;
        uint32_t cp = utf8_next(str_bytes(s), &i);
        if (cp == (uint32_t)quote || cp == '\\') {
            emit_char(r, '\\', 1);
            emit_char(r, (char)cp, 1);
        } else if (cp == '\n' || cp == '\r' || cp == '\t') {
            emit_char(r, '\\', 1);
            emit_char(r, cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't', 1);
        } else if (is_printable(cp)) {
            emit(r, (str){s->p + start, i - start});
        } else {
            emit_escape(r, cp);
        }
    }
    emit_char(r, quote, 1);
    if (str_is_input(s))
        emit_mark(r, from);
}

static void emit_sequence(struct render *r, const struct vlist *l, const char *ends, int depth)
{
    emit_char(r, ends[0], 1);
    for (size_t i = 0; i < l->n && step(r, 1); i++) {
        if (i > 0)
            emit(r, STR(", "));
        emit_repr(r, l->v[i], depth + 1);
    }
    if (ends[0] == '(' && l->n == 1)
        emit_char(r, ',', 1);
    emit_char(r, ends[1], 1);
}

static void emit_dict(struct render *r, const struct vdict *d, int depth)
{
    emit_char(r, '{', 1);
    for (size_t i = 0; i < d->n && step(r, 1); i++) {
        if (i > 0)
            emit(r, STR(", "));
        emit_repr(r, d->e[i].key, depth + 1);
        emit(r, STR(": "));
        emit_repr(r, d->e[i].value, depth + 1);
    }
    emit_char(r, '}', 1);
}

static void emit_view(struct render *r, struct value v, int depth)
{
    static const char *const names[] = {"dict_keys(", "dict_values(", "dict_items("};
    emit(r, str_of(names[v.view->kind]));
    emit_sequence(r, list_of(r, v), "[]", depth);
    emit_char(r, ')', 1);
}

static void emit_range(struct render *r, const struct vrange *range)
{
    char text[96];
    int n = range->step == 1
                ? snprintf(text, sizeof text, "range(%lld, %lld)", (long long)range->start,
                           (long long)range->stop)
                : snprintf(text, sizeof text, "range(%lld, %lld, %lld)", (long long)range->start,
                           (long long)range->stop, (long long)range->step);
    emit(r, (str){text, (size_t)n});
}

static void emit_object(struct render *r, struct value v, int depth)
{
    if (v.type == V_NAMESPACE) {
        emit(r, STR("<Namespace "));
        emit_dict(r, v.dict, depth);
        emit_char(r, '>', 1);
    } else if (v.type == V_LOOP) {
        emit_str(r, loop_repr(r, v.loop).s);
    } else if (v.type == V_MACRO) {
        emit(r, STR("<Macro "));
        emit_str_repr(r, str_plain(r, macro_name(v.macro)).s);
        emit_char(r, '>', 1);
    } else {
        fail(r, ERR_ARG, "a '%s' object cannot be printed", type_name(v));
    }
}

void emit_repr(struct render *r, struct value v, int depth)
{
    if (depth >= TEMPLATE_VALUE_DEPTH_MAX) {
        fail(r, ERR_LIMIT, "values nested more than %d deep", TEMPLATE_VALUE_DEPTH_MAX);
        return;
    }
    switch (v.type) {
    case V_UNDEFINED: emit(r, STR("Undefined")); break;
    case V_NONE: emit(r, STR("None")); break;
    case V_BOOL: emit(r, v.boolean ? STR("True") : STR("False")); break;
    case V_INT: emit_int(r, v.integer); break;
    case V_FLOAT: emit_float(r, v.number); break;
    case V_BIG: emit_str(r, v.s); break;
    case V_STR:
        if (v.s->safe)
            emit(r, STR("Markup("));
        emit_str_repr(r, v.s);
        if (v.s->safe)
            emit_char(r, ')', 1);
        break;
    case V_LIST: emit_sequence(r, v.list, "[]", depth); break;
    case V_TUPLE: emit_sequence(r, v.list, "()", depth); break;
    case V_DICT: emit_dict(r, v.dict, depth); break;
    case V_RANGE: emit_range(r, v.range); break;
    case V_VIEW: emit_view(r, v, depth); break;
    default: emit_object(r, v, depth); break;
    }
}

void emit_value(struct render *r, struct value v)
{
    if (v.type == V_STR)
        emit_str(r, v.s);
    else if (v.type != V_UNDEFINED)
        emit_repr(r, v, 0);
}

struct value to_str(struct render *r, struct value v)
{
    if (v.type == V_STR)
        return v;
    struct capture c = capture_begin(r);
    emit_value(r, v);
    return capture_end(r, c);
}

/* ---- JSON ---- */

static void emit_json_escape(struct render *r, uint32_t cp)
{
    static const char shorts[] = "\"\"\\\\\nn\rr\tt\ff\bb";
    char text[16];
    for (size_t i = 0; i + 1 < sizeof shorts; i += 2)
        if (cp == (uint32_t)shorts[i]) {
            emit_char(r, '\\', 1);
            emit_char(r, shorts[i + 1], 1);
            return;
        }
    int n = cp < 0x10000
                ? snprintf(text, sizeof text, "\\u%04x", cp)
                : snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
                           0xdc00 + ((cp - 0x10000) & 0x3ff));
    emit(r, (str){text, (size_t)n});
}

/* Marks the whole string with its quotes when it is input: an escape must not be cut off from
 * what it stands for. */
static void emit_json_string(struct render *r, const struct tstr *s, bool ascii)
{
    size_t from = r->out->text.n, plain = 0;
    emit_char(r, '"', 1);
    for (size_t i = 0; i < s->n && step(r, 1);) {
        size_t start = i;
        uint32_t cp = utf8_next(str_bytes(s), &i);
        if (cp >= 0x20 && cp != '"' && cp != '\\' && !(ascii && cp >= 0x7f))
            continue;
        emit(r, (str){s->p + plain, start - plain});
        emit_json_escape(r, cp);
        plain = i;
    }
    emit(r, (str){s->p + plain, s->n - plain});
    emit_char(r, '"', 1);
    if (str_is_input(s))
        emit_mark(r, from);
}

static void emit_json_break(struct render *r, const struct json_style *s, int depth)
{
    if (!s->indent)
        return;
    emit_char(r, '\n', 1);
    for (int i = 0; i < depth && step(r, 1); i++)
        emit_str(r, s->indent);
}

static void emit_json_comma(struct render *r, const struct json_style *s)
{
    if (s->item_sep)
        emit_str(r, s->item_sep);
    else
        emit(r, s->indent ? STR(",") : STR(", "));
}

static void emit_json_list(struct render *r, const struct vlist *l, const struct json_style *s,
                           int depth)
{
    if (l->n == 0) {
        emit(r, STR("[]"));
        return;
    }
    emit_char(r, '[', 1);
    for (size_t i = 0; i < l->n && step(r, 1); i++) {
        if (i > 0)
            emit_json_comma(r, s);
        emit_json_break(r, s, depth + 1);
        emit_json(r, l->v[i], s, depth + 1);
    }
    emit_json_break(r, s, depth);
    emit_char(r, ']', 1);
}

static void emit_json_key(struct render *r, struct value key, const struct json_style *s)
{
    if (key.type == V_STR) {
        emit_json_string(r, key.s, s->ascii);
    } else if (key.type == V_NONE || value_is_number(key) || key.type == V_BIG) {
        emit_char(r, '"', 1);
        emit_json(r, key, s, 0);
        emit_char(r, '"', 1);
    } else {
        fail(r, ERR_ARG, "keys must be str, int, float, bool or None, not %s", type_name(key));
    }
    if (s->key_sep)
        emit_str(r, s->key_sep);
    else
        emit(r, STR(": "));
}

static int entry_order(const void *a, const void *b, void *r)
{
    return compare(r, ((const struct dict_entry *)a)->key, ((const struct dict_entry *)b)->key,
                   "<", 0);
}

static void emit_json_dict(struct render *r, const struct vdict *d, const struct json_style *s,
                           int depth)
{
    if (d->n == 0) {
        emit(r, STR("{}"));
        return;
    }
    const struct dict_entry *e = d->e;
    if (s->sort_keys) {
        struct dict_entry *sorted = big_alloc(r, d->n, sizeof *sorted);
        if (!sorted)
            return;
        memcpy(sorted, d->e, d->n * sizeof *sorted);
        qsort_r(sorted, d->n, sizeof *sorted, entry_order, r);
        e = sorted;
    }
    emit_char(r, '{', 1);
    for (size_t i = 0; i < d->n && step(r, 1); i++) {
        if (i > 0)
            emit_json_comma(r, s);
        emit_json_break(r, s, depth + 1);
        emit_json_key(r, e[i].key, s);
        emit_json(r, e[i].value, s, depth + 1);
    }
    emit_json_break(r, s, depth);
    emit_char(r, '}', 1);
}

void emit_json(struct render *r, struct value v, const struct json_style *s, int depth)
{
    if (depth >= TEMPLATE_VALUE_DEPTH_MAX) {
        fail(r, ERR_LIMIT, "values nested more than %d deep", TEMPLATE_VALUE_DEPTH_MAX);
        return;
    }
    switch (v.type) {
    case V_NONE: emit(r, STR("null")); break;
    case V_BOOL: emit(r, v.boolean ? STR("true") : STR("false")); break;
    case V_INT: emit_int(r, v.integer); break;
    case V_BIG: emit_str(r, v.s); break;
    case V_FLOAT:
        if (isfinite(v.number))
            emit_float(r, v.number);
        else
            emit(r, isnan(v.number) ? STR("NaN") : v.number < 0 ? STR("-Infinity")
                                                               : STR("Infinity"));
        break;
    case V_STR: emit_json_string(r, v.s, s->ascii); break;
    case V_LIST:
    case V_TUPLE: emit_json_list(r, v.list, s, depth); break;
    case V_DICT: emit_json_dict(r, v.dict, s, depth); break;
    default:
        fail(r, ERR_ARG, "Object of type %s is not JSON serializable", type_name(v));
        break;
    }
}
