/* SPDX-License-Identifier: Apache-2.0
 *
 * "%s" % x and "{}".format(x): Python's printf-style and brace formats. The result is input as
 * a whole when any part of it is.
 */
#include "token/template_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"

#define PRECISION_MAX 300
#define WIDTH_MAX ((int64_t)1 << 24)
#define BODY_MAX (PRECISION_MAX + 340)         /* digits of a double with %f */

/* [[fill]align][sign][#][0][width][,][.precision][type] */
struct spec {
    str fill;
    char align, sign, group, type;             /* '\0': not given */
    bool alternate;
    int64_t width;
    int precision;                             /* -1: not given */
};

static const struct spec spec_default = {.fill = {" ", 1}, .precision = -1};

/* ---- one value by its spec ---- */

static void emit_padded(struct render *r, const struct spec *s, const struct tstr *text, char align)
{
    int64_t pad = s->width - (int64_t)text->n_char;
    int64_t left = pad <= 0 || align == '<' ? 0 : align == '^' ? pad / 2 : pad;
    for (int64_t i = 0; i < left && step(r, 1); i++)
        emit(r, s->fill);
    emit_str(r, text);
    for (int64_t i = left; i < pad && step(r, 1); i++)
        emit(r, s->fill);
}

/* Digits with a separator every three (or four, in other bases) of the whole part. */
static void emit_grouped(struct render *r, const struct spec *s, str body)
{
    size_t whole = 0, every = s->type && strchr("box", s->type | 0x20) ? 4 : 3;
    while (whole < body.n && isxdigit((unsigned char)body.p[whole]) &&
           (every == 4 || body.p[whole] <= '9'))
        whole++;
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && s->group && (whole - i) % every == 0)
            emit_char(r, s->group, 1);
        emit_char(r, body.p[i], 1);
    }
    emit(r, str_sub(body, whole, SIZE_MAX));
}

/* sign, prefix and digits, padded; '=' pads between prefix and digits. */
static void emit_number(struct render *r, const struct spec *s, bool is_negative,
                        const char *prefix, str body)
{
    char head[8];
    char sign = is_negative ? '-' : s->sign == '+' || s->sign == ' ' ? s->sign : '\0';
    snprintf(head, sizeof head, "%.1s%s", sign ? &sign : "", prefix);
    if (sign == '\0')
        snprintf(head, sizeof head, "%s", prefix);
    char align = s->align ? s->align : '>';
    struct capture c = capture_begin(r);
    if (align != '=')
        emit(r, str_of(head));
    emit_grouped(r, s, body);
    struct value text = capture_end(r, c);
    struct spec inner = *s;
    if (align == '=') {
        emit(r, str_of(head));
        inner.width -= (int64_t)strlen(head);
        align = '>';
    }
    emit_padded(r, &inner, text.s, align);
}

static void emit_int_spec(struct render *r, const struct spec *s, int64_t i)
{
    char body[72];
    size_t at = sizeof body;
    char type = s->type ? s->type : 'd';
    uint64_t base = type == 'b' ? 2 : type == 'o' ? 8 : (type | 0x20) == 'x' ? 16 : 10;
    const char *digits = type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    const char *prefix = !s->alternate || base == 10 ? ""
                         : type == 'b' ? "0b" : type == 'o' ? "0o" : type == 'X' ? "0X" : "0x";
    uint64_t v = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    do {
        body[--at] = digits[v % base];
        v /= base;
    } while (v > 0);
    while (s->precision > 0 && sizeof body - at < (size_t)s->precision && at > 0)
        body[--at] = '0';
    emit_number(r, s, i < 0, prefix, str_n(body + at, sizeof body - at));
}

/* C's conversion for one of e f g and their capitals, of |d|. */
static size_t float_body(char out[BODY_MAX], char type, bool alternate, int precision, double d)
{
    switch (type) {
    case 'e': return (size_t)snprintf(out, BODY_MAX, alternate ? "%#.*e" : "%.*e", precision, d);
    case 'E': return (size_t)snprintf(out, BODY_MAX, alternate ? "%#.*E" : "%.*E", precision, d);
    case 'g': return (size_t)snprintf(out, BODY_MAX, alternate ? "%#.*g" : "%.*g", precision, d);
    case 'G': return (size_t)snprintf(out, BODY_MAX, alternate ? "%#.*G" : "%.*G", precision, d);
    case 'F': return (size_t)snprintf(out, BODY_MAX, alternate ? "%#.*F" : "%.*F", precision, d);
    default: return (size_t)snprintf(out, BODY_MAX, alternate ? "%#.*f" : "%.*f", precision, d);
    }
}

/* Without a type: repr, or with a precision %g that keeps ".0". */
static size_t float_plain(char out[BODY_MAX], int precision, double d)
{
    if (precision < 0) {
        char text[FLOAT_TEXT_MAX];
        size_t n = float_repr(d, text);
        memcpy(out, text, n);
        return n;
    }
    precision = precision > 0 ? precision : 1;
    size_t n = (size_t)snprintf(out, BODY_MAX, "%.*e", precision - 1, d);
    int exp = isfinite(d) ? (int)strtol(strchr(out, 'e') + 1, NULL, 10) : 0;
    if (exp < -4 || exp >= precision - 1)      /* "%g" would choose the exponent one later */
        return exp < -4 || exp >= precision || precision == 1
                   ? float_body(out, 'g', false, precision == 1 ? 1 : precision, d)
                   : (size_t)snprintf(out, BODY_MAX, "%.*e", precision - 1, d);
    n = float_body(out, 'g', false, precision, d);
    if (isfinite(d) && !memchr(out, '.', n) && !memchr(out, 'e', n))
        n += (size_t)snprintf(out + n, BODY_MAX - n, ".0");
    return n;
}

static void emit_float_spec(struct render *r, const struct spec *s, double d)
{
    char body[BODY_MAX];
    size_t n;
    double v = fabs(d);
    if (s->type == '%') {
        n = float_body(body, 'f', s->alternate, s->precision < 0 ? 6 : s->precision, v * 100);
        body[n++] = '%';
    } else if (s->type == '\0') {
        n = float_plain(body, s->precision, v);
    } else {
        char type = s->type == 'n' ? 'g' : s->type;
        int precision = s->precision < 0 ? 6 : s->precision;
        n = float_body(body, type, s->alternate, precision, v);
    }
    emit_number(r, s, signbit(d) && !isnan(d), "", str_n(body, n));
}

static void emit_str_spec(struct render *r, const struct spec *s, const struct tstr *text)
{
    if (s->precision >= 0 && (size_t)s->precision < text->n_char)
        text = str_part(r, text, 0, str_offset(text, (size_t)s->precision)).s;
    emit_padded(r, s, text, s->align && s->align != '=' ? s->align : '<');
}

/* format(v, spec) */
static void emit_formatted(struct render *r, const struct spec *s, struct value v)
{
    int64_t i;
    bool is_int = value_int(v, &i) && (v.type == V_INT || s->type != '\0');
    if (s->precision > PRECISION_MAX || s->width > WIDTH_MAX)
        fail(r, ERR_LIMIT, "a format with more than %d digits or a width over %lld", PRECISION_MAX,
             (long long)WIDTH_MAX);
    else if (is_int && (s->type == '\0' || strchr("bdoxXn", s->type)))
        emit_int_spec(r, s, i);
    else if (is_int && s->type == 'c')
        fail(r, ERR_UNSUPPORTED, "format type 'c' is not supported");
    else if ((is_int || v.type == V_FLOAT) && (s->type == '\0' || strchr("eEfFgGn%", s->type)))
        emit_float_spec(r, s, value_double(v));
    else if (v.type == V_STR && (s->type == '\0' || s->type == 's'))
        emit_str_spec(r, s, v.s);
    else if (s->type == '\0' && s->width == 0 && s->precision < 0 && !s->align)
        emit_value(r, v);
    else if (v.type == V_BOOL && s->type == '\0')
        emit_int_spec(r, s, v.boolean);
    else
        fail(r, ERR_ARG, "Unknown format code '%c' for object of type '%s'",
             s->type ? s->type : '-', type_name(v));
}

/* ---- percent ---- */

struct percent {
    struct render *r;
    str text;
    size_t at;
    struct value args;                         /* a tuple, a mapping, or one value */
    const struct call *named;                  /* keyword arguments of the format filter */
    size_t next;
};

static struct value percent_next(struct percent *p)
{
    if (p->args.type == V_TUPLE && p->next < p->args.list->n)
        return p->args.list->v[p->next++];
    if (p->args.type != V_TUPLE && p->next++ == 0)
        return p->args;
    return fail(p->r, ERR_ARG, "not enough arguments for format string");
}

/* (name) */
static struct value percent_named(struct percent *p)
{
    size_t close = str_find_char(p->text, ')', p->at);
    if (close == SIZE_MAX)
        return fail(p->r, ERR_ARG, "incomplete format key");
    str name = str_sub(p->text, p->at + 1, close - p->at - 1);
    p->at = close + 1;
    for (size_t i = 0; p->named && i < p->named->n_kw; i++)
        if (str_eq(p->named->kw[i].name, name))
            return p->named->kw[i].value;
    struct value *v = p->args.type == V_DICT ? dict_get_str(p->args.dict, name) : NULL;
    return v ? *v : fail(p->r, ERR_ARG, "format requires a mapping with '%.*s'", STR_FMT(name));
}

static int64_t percent_number(struct percent *p)
{
    int64_t v = 0;
    if (p->at < p->text.n && p->text.p[p->at] == '*') {
        p->at++;
        struct value given = percent_next(p);
        if (!value_int(given, &v))
            fail(p->r, ERR_ARG, "* wants int");
        return v;
    }
    for (; p->at < p->text.n && p->text.p[p->at] >= '0' && p->text.p[p->at] <= '9'; p->at++)
        if (v <= WIDTH_MAX)
            v = v * 10 + (p->text.p[p->at] - '0');
    return v;
}

static void percent_flags(struct percent *p, struct spec *s, bool *zero)
{
    for (; p->at < p->text.n && memchr("#0- +", p->text.p[p->at], 5); p->at++) {
        char flag = p->text.p[p->at];
        s->alternate |= flag == '#';
        *zero |= flag == '0';
        if (flag == '-')
            s->align = '<';
        else if (flag == '+' || (flag == ' ' && s->sign != '+'))
            s->sign = flag;
    }
}

static void percent_value(struct percent *p, struct spec *s, char type, struct value v)
{
    struct render *r = p->r;
    int64_t i;
    s->type = type;
    if (type == 's' || type == 'r' || type == 'a' || type == 'c') {
        struct capture c = capture_begin(r);
        if (type == 's' || (type == 'c' && v.type == V_STR && v.s->n_char == 1))
            emit_value(r, v);
        else if (type == 'r')
            emit_repr(r, v, 0);
        else
            fail(r, ERR_UNSUPPORTED, "format type '%%%c' is not supported for '%s'", type,
                 type_name(v));
        struct value text = capture_end(r, c);
        s->type = '\0';
        if (!s->align || s->align == '=')
            s->align = '>';
        s->fill = STR(" ");
        emit_formatted(r, s, text);
    } else if (strchr("diuoxX", type)) {
        bool is_double = v.type == V_FLOAT && strchr("diu", type) && fabs(v.number) < 9.2e18;
        if (is_double)
            v = v_int((int64_t)v.number);
        s->type = strchr("iu", type) ? 'd' : type;
        if (value_int(v, &i))
            emit_formatted(r, s, v_int(i));
        else
            fail(r, ERR_ARG, "%%%c format: a real number is required, not %s", type, type_name(v));
    } else if (strchr("eEfFgG", type)) {
        if (value_is_number(v))
            emit_formatted(r, s, v_float(value_double(v)));
        else
            fail(r, ERR_ARG, "must be real number, not %s", type_name(v));
    } else {
        fail(r, ERR_ARG, "unsupported format character '%c'", type);
    }
}

/* One conversion, behind its percent sign. */
static void percent_one(struct percent *p)
{
    struct spec s = spec_default;
    struct value v = {.type = V_ABSENT};
    bool zero = false;
    if (p->at < p->text.n && p->text.p[p->at] == '(')
        v = percent_named(p);
    percent_flags(p, &s, &zero);
    s.width = percent_number(p);
    if (s.width < 0) {
        s.align = '<';
        s.width = -s.width;
    }
    if (p->at < p->text.n && p->text.p[p->at] == '.') {
        p->at++;
        int64_t precision = percent_number(p);
        s.precision = precision > PRECISION_MAX ? PRECISION_MAX + 1 : (int)precision;
    }
    while (p->at < p->text.n && memchr("hlL", p->text.p[p->at], 3))
        p->at++;
    if (p->at >= p->text.n) {
        fail(p->r, ERR_ARG, "incomplete format");
        return;
    }
    char type = p->text.p[p->at++];
    if (type == '%') {
        emit_char(p->r, '%', 1);
        return;
    }
    if (zero && s.align != '<') {
        s.align = '=';
        s.fill = STR("0");
    }
    if (v.type == V_ABSENT)
        v = percent_next(p);
    if (p->r->err == ERR_OK)
        percent_value(p, &s, type, v);
}

struct value format_percent(struct render *r, const struct tstr *text, struct value args,
                            const struct call *named)
{
    struct percent p = {.r = r, .text = str_bytes(text), .args = args, .named = named};
    struct capture c = capture_begin(r);
    while (p.at < p.text.n && step(r, 1)) {
        size_t hit = str_find_char(p.text, '%', p.at);
        size_t end = hit == SIZE_MAX ? p.text.n : hit;
        emit(r, str_sub(p.text, p.at, end - p.at));
        p.at = end;
        if (hit != SIZE_MAX) {
            p.at++;
            percent_one(&p);
        }
    }
    bool may_be_left = args.type == V_DICT || args.type == V_LIST || args.type == V_RANGE ||
                       args.type == V_UNDEFINED;   /* what Python takes for a mapping */
    bool is_left = args.type == V_TUPLE ? p.next < args.list->n : p.next == 0 && !may_be_left;
    if (is_left && !named)
        fail(r, ERR_ARG, "not all arguments converted during string formatting");
    if (str_is_input(text))
        emit_mark(r, c.at);
    return capture_end_blurred(r, c);
}

/* ---- braces ---- */

struct braces {
    struct call *c;
    size_t next;                               /* of {} */
};

/* Reads digits as a size, not above WIDTH_MAX + 1. */
static int64_t spec_number(str text, size_t *at)
{
    int64_t v = 0;
    for (; *at < text.n && text.p[*at] >= '0' && text.p[*at] <= '9'; ++*at)
        if (v <= WIDTH_MAX)
            v = v * 10 + (text.p[*at] - '0');
    return v;
}

static char spec_char(str text, size_t *at, const char *set)
{
    char c = *at < text.n ? text.p[*at] : '\0';
    if (c == '\0' || !strchr(set, c))
        return '\0';
    ++*at;
    return c;
}

static bool parse_spec(struct render *r, str text, struct spec *s)
{
    size_t at = 0, after = 0;
    *s = spec_default;
    if (text.n > 0)
        utf8_next(text, &after);
    if (after < text.n && strchr("<>=^", text.p[after]) && text.p[after] != '\0') {
        s->fill = str_sub(text, 0, after);
        s->align = text.p[after];
        at = after + 1;
    } else {
        s->align = spec_char(text, &at, "<>=^");
    }
    s->sign = spec_char(text, &at, "+- ");
    s->alternate = spec_char(text, &at, "#") != '\0';
    bool zero = spec_char(text, &at, "0") != '\0';
    if (zero && !s->align) {
        s->align = '=';
        s->fill = STR("0");
    }
    s->width = spec_number(text, &at);
    s->group = spec_char(text, &at, ",_");
    if (spec_char(text, &at, ".")) {
        int64_t precision = spec_number(text, &at);
        s->precision = precision > PRECISION_MAX ? PRECISION_MAX + 1 : (int)precision;
    }
    s->type = spec_char(text, &at, "bcdeEfFgGnosxX%");
    if (at == text.n)
        return true;
    fail(r, ERR_ARG, "Invalid format specifier '%.*s'", STR_FMT(str_sub(text, 0, 40)));
    return false;
}

static struct value brace_argument(struct braces *b, str name)
{
    struct call *c = b->c;
    int64_t i = -1;
    if (name.n == 0)
        i = (int64_t)b->next++;
    else if (!str_to_i64(name, &i))
        for (size_t k = 0; k < c->n_kw; k++)
            if (str_eq(c->kw[k].name, name))
                return c->kw[k].value;
    if (i >= 0 && (size_t)i < c->n)
        return c->arg[i];
    return fail(c->r, ERR_ARG, "format: no argument '%.*s'", STR_FMT(str_sub(name, 0, 40)));
}

/* name.attribute[item] */
static struct value brace_field(struct braces *b, str field)
{
    struct render *r = b->c->r;
    size_t at = 0;
    while (at < field.n && field.p[at] != '.' && field.p[at] != '[')
        at++;
    struct value v = brace_argument(b, str_sub(field, 0, at));
    while (at < field.n && step(r, 1)) {
        bool is_item = field.p[at] == '[';
        size_t end = ++at;
        while (end < field.n && (is_item ? field.p[end] != ']'
                                         : field.p[end] != '.' && field.p[end] != '['))
            end++;
        str name = str_sub(field, at, end - at);
        int64_t i;
        v = !is_item ? get_attr(r, v, name)
            : str_to_i64(name, &i) ? get_item(r, v, v_int(i))
                                   : get_item(r, v, str_plain(r, name));
        at = end + is_item;
    }
    return v;
}

/* One replacement field, the text between its braces. */
static void brace_one(struct braces *b, str inside)
{
    struct render *r = b->c->r;
    struct spec s;
    size_t colon = str_find_char(inside, ':', 0);
    str field = str_sub(inside, 0, colon), text = STR_NONE;
    if (colon != SIZE_MAX)
        text = str_sub(inside, colon + 1, SIZE_MAX);
    size_t bang = str_find_char(field, '!', 0);
    char conversion = bang == SIZE_MAX ? '\0' : bang + 2 == field.n ? field.p[bang + 1] : '?';
    struct value v = brace_field(b, str_sub(field, 0, bang));
    if (conversion == 's') {
        v = to_str(r, v);
    } else if (conversion == 'r') {
        struct capture c = capture_begin(r);
        emit_repr(r, v, 0);
        v = capture_end(r, c);
    } else if (conversion) {
        fail(r, ERR_ARG, "format: unknown conversion");
    }
    if (parse_spec(r, text, &s) && r->err == ERR_OK)
        emit_formatted(r, &s, v);
}

struct value format_braces(struct call *c)
{
    struct render *r = c->r;
    struct braces b = {.c = c};
    str text = str_bytes(c->self.s);
    struct capture out = capture_begin(r);
    for (size_t i = 0; i < text.n && step(r, 1); i++) {
        char ch = text.p[i];
        if (ch != '{' && ch != '}') {
            emit(r, str_sub(text, i, 1));
            continue;
        }
        if (i + 1 < text.n && text.p[i + 1] == ch) {
            emit_char(r, ch, 1);
            i++;
            continue;
        }
        size_t close = ch == '{' ? str_find_char(text, '}', i) : SIZE_MAX;
        str inside = close == SIZE_MAX ? STR_NONE : str_sub(text, i + 1, close - i - 1);
        if (close == SIZE_MAX || str_find_char(inside, '{', 0) != SIZE_MAX) {
            fail(r, ERR_ARG, close == SIZE_MAX ? "format: a single '%c' in the string"
                                               : "format: nested '%c' is not supported", ch);
            break;
        }
        brace_one(&b, inside);
        i = close;
    }
    if (str_is_input(c->self.s))
        emit_mark(r, out.at);
    return capture_end_blurred(r, out);
}
