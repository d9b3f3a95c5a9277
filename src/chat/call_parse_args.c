/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments that are no JSON -> JSON: tagged text by the type its schema gives, and literals of
 * two notations. Runs on calls that are whole.
 */
#include <stdio.h>
#include "base/utf8.h"
#include "chat/call_internal.h"

#define REF_MAX 64 /* $ref after $ref */
#define SCHEMAS_MAX 250 /* looked at for the types of one value */
#define VALUE_TREE_BYTES_MAX ((size_t)128 << 20)

/* ---- what a schema can mean ---- */

const struct json *call_argument_schema(const struct json *parameters, str key)
{
    const struct json *root = call_schema_deref(parameters, parameters);
    const struct json *all = json_get(root, "properties"), *own = json_get_str(all, key);
    const struct json *rest = json_get(root, "additionalProperties");

    return own ? own : rest && rest->type == JSON_OBJECT ? rest : NULL;
}

/* One step of a JSON pointer; *rest moves behind it. NULL: no such place. */
static const struct json *pointer_step(const struct json *at, str *rest)
{
    char key[256];
    size_t n = 0;
    str part;
    uint64_t i;

    if (!str_split(rest, '/', &part) || part.n >= sizeof key) return NULL;
    for (size_t k = 0; k < part.n; k++) {
        bool tilde = part.p[k] == '~' && k + 1 < part.n;

        key[n++] = tilde && part.p[k + 1] == '1' ? '/' : part.p[k];
        if (tilde) k++;
    }
    if (at->type == JSON_OBJECT) return json_get_str(at, str_n(key, n));
    if (at->type != JSON_ARRAY || !str_to_u64(part, &i) || i >= at->n) return NULL;
    return &at->item[i];
}

const struct json *call_schema_deref(const struct json *schema, const struct json *root)
{
    for (int i = 0; i < REF_MAX; i++) {
        const struct json *ref = json_get(schema, "$ref");
        str rest;

        if (!ref || ref->type != JSON_STRING) return schema;
        if (str_is(ref->string, "#")) {
            schema = root;
            continue;
        }
        if (!str_starts(ref->string, STR("#/"))) return NULL;
        rest = str_sub(ref->string, 2, ref->string.n);
        schema = root;
        while (schema && rest.p) schema = pointer_step(schema, &rest);
    }
    return NULL;
}

static unsigned types_of_name(str name)
{
    static const struct {
        const char *name;
        enum json_type type;
    } known[] = {
        {"null", JSON_NULL},      {"boolean", JSON_BOOL},  {"number", JSON_NUMBER},
        {"integer", JSON_NUMBER}, {"string", JSON_STRING}, {"array", JSON_ARRAY},
        {"object", JSON_OBJECT},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_is(name, known[i].name)) return 1u << known[i].type;
    return 0;
}

static unsigned types_of_keyword(const struct json *type)
{
    unsigned m = 0;

    if (!type) return CALL_TYPES_ALL;
    if (type->type == JSON_STRING) return types_of_name(type->string);
    if (type->type != JSON_ARRAY) return CALL_TYPES_ALL;
    for (uint32_t i = 0; i < type->n; i++)
        if (type->item[i].type == JSON_STRING) m |= types_of_name(type->item[i].string);
    return m;
}

struct look {
    const struct json *root;
    int n_left;
};

static unsigned types_within(struct look *l, const struct json *schema);

static unsigned types_of_branches(struct look *l, const struct json *list)
{
    unsigned m = 0;

    if (!list || list->type != JSON_ARRAY) return CALL_TYPES_ALL;
    for (uint32_t i = 0; i < list->n; i++) m |= types_within(l, &list->item[i]);
    return m;
}

static unsigned types_of_values(const struct json *list)
{
    unsigned m = 0;

    if (!list || list->type != JSON_ARRAY) return CALL_TYPES_ALL;
    for (uint32_t i = 0; i < list->n; i++) m |= 1u << list->item[i].type;
    return m;
}

static unsigned types_within(struct look *l, const struct json *schema)
{
    const struct json *value;
    unsigned m;

    schema = call_schema_deref(schema, l->root);
    if (!schema || schema->type != JSON_OBJECT || --l->n_left <= 0) return CALL_TYPES_ALL;
    m = types_of_keyword(json_get(schema, "type")) & types_of_values(json_get(schema, "enum"));
    value = json_get(schema, "const");
    if (value) m &= 1u << value->type;
    m &= types_of_branches(l, json_get(schema, "anyOf"));
    m &= types_of_branches(l, json_get(schema, "oneOf"));
    value = json_get(schema, "allOf");
    for (uint32_t i = 0; value && value->type == JSON_ARRAY && i < value->n; i++)
        m &= types_within(l, &value->item[i]);
    value = json_get(schema, "nullable");
    if (value && value->type == JSON_BOOL && value->boolean) m |= 1u << JSON_NULL;
    return m;
}

unsigned call_schema_types(const struct json *schema, const struct json *root)
{
    struct look l = {root, SCHEMAS_MAX};

    return schema ? types_within(&l, schema) : CALL_TYPES_ALL;
}

/* ---- tagged text ---- */

/* JSON's word for Python's, or none. */
static str word_of_python(str text)
{
    if (str_is(text, "True")) return STR("true");
    if (str_is(text, "False")) return STR("false");
    return str_is(text, "None") ? STR("null") : STR_NONE;
}

void call_value_of_text(struct json_writer *w, str text, const struct json *schema,
                        const struct json *root)
{
    unsigned types = call_schema_types(schema, root);
    str json = str_trim(text), word = word_of_python(json);
    struct arena *a;
    struct json *v;

    if (types == 1u << JSON_STRING) {
        jw_string(w, text);
        return;
    }
    a = arena_new(VALUE_TREE_BYTES_MAX);
    if (word.n) json = word;
    if (json_parse(json, a, &v, NULL) == ERR_OK && (types >> v->type & 1) && v->type != JSON_STRING)
        jw_raw(w, json);
    else
        jw_string(w, text);
    arena_free(a);
}

/* ---- literals ---- */

struct literal {
    struct json_writer *w;
    str text, mark; /* mark: BARE strings; empty: PYTHON */
    size_t at;
    int depth;
};

static void skip_blank(struct literal *l)
{
    while (l->at < l->text.n && call_is_blank(l->text.p[l->at])) l->at++;
}

/* White space may stand before it, and stays when something else follows. */
static bool take(struct literal *l, str what)
{
    size_t back = l->at;

    skip_blank(l);
    if (what.n && str_starts(str_sub(l->text, l->at, what.n), what)) {
        l->at += what.n;
        return true;
    }
    l->at = back;
    return false;
}

static bool take_value(struct literal *l);

/* Hexadecimal digits of \x, \u, \U. */
static uint32_t take_hex(struct literal *l, int n)
{
    uint32_t cp = 0;

    for (; n > 0 && l->at < l->text.n; n--, l->at++) {
        char c = l->text.p[l->at];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0) break;
        cp = cp << 4 | (uint32_t)digit;
    }
    return cp;
}

static void put_char(struct buf *b, uint32_t cp)
{
    char out[4];
    int n = utf8_put(out, cp);

    buf_add(b, n ? str_n(out, (size_t)n) : STR("\xef\xbf\xbd"));
}

/* JSON spells characters above U+FFFF as two escapes. */
static uint32_t take_low_half(struct literal *l, uint32_t cp)
{
    size_t back = l->at;
    uint32_t low;

    if (cp < 0xd800 || cp > 0xdbff || !take(l, STR("\\u"))) return cp;
    low = take_hex(l, 4);
    if (low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    l->at = back;
    return cp;
}

static void take_escape(struct literal *l, struct buf *b)
{
    static const char from[] = "abfnrtv0", to[] = "\a\b\f\n\r\t\v";
    char c = l->text.p[l->at++];
    const char *known = c ? strchr(from, c) : NULL;

    if (c == 'x' || c == 'u' || c == 'U')
        put_char(b, take_low_half(l, take_hex(l, c == 'x' ? 2 : c == 'u' ? 4 : 8)));
    else if (known)
        buf_char(b, to[known - from]);
    else if (c == '\\' || c == '\'' || c == '"' || c == '/')
        buf_char(b, c);
    else if (c != '\n')
        buf_add(b, str_n((char[]){'\\', c}, 2));
}

static bool take_quoted(struct literal *l, struct buf *b)
{
    char quote = l->text.p[l->at++], c;

    while (l->at < l->text.n) {
        c = l->text.p[l->at++];
        if (c == quote) return true;
        if (c == '\\' && l->at < l->text.n)
            take_escape(l, b);
        else
            buf_char(b, c);
    }
    return false;
}

static bool take_marked(struct literal *l, str *out)
{
    size_t end = str_find(l->text, l->mark, l->at);

    if (end == SIZE_MAX) return false;
    *out = str_sub(l->text, l->at, end - l->at);
    l->at = end + l->mark.n;
    return true;
}

static bool is_quote(const struct literal *l)
{
    return l->mark.n == 0 && l->at < l->text.n &&
           (l->text.p[l->at] == '"' || l->text.p[l->at] == '\'');
}

/* A string, written by `write`. False: none here, or it has no end. */
static bool take_string(struct literal *l, void (*write)(struct json_writer *w, str s))
{
    struct buf b;
    str s;
    bool ok;

    if (take(l, l->mark)) {
        if (!take_marked(l, &s)) return false;
        write(l->w, s);
        return true;
    }
    if (!is_quote(l)) return false;
    buf_init(&b, CALL_BYTES_MAX * 4);
    ok = take_quoted(l, &b);
    if (ok) write(l->w, buf_str(&b));
    buf_done(&b);
    return ok;
}

/* BARE: all up to the colon; PYTHON: a string. */
static bool take_key(struct literal *l)
{
    size_t end;

    if (l->mark.n == 0) skip_blank(l);
    if (l->mark.n == 0) return take_string(l, jw_key_str);
    end = str_find_char(l->text, ':', l->at);
    if (end == SIZE_MAX) return false;
    jw_key_str(l->w, str_sub(l->text, l->at, end - l->at));
    l->at = end;
    return true;
}

static bool take_object(struct literal *l)
{
    jw_object(l->w);
    while (!take(l, STR("}"))) {
        if (!take_key(l) || !take(l, STR(":")) || !take_value(l)) return false;
        if (take(l, STR(","))) continue;
        if (!take(l, STR("}"))) return false;
        break;
    }
    jw_object_end(l->w);
    return true;
}

static bool take_array(struct literal *l, str close)
{
    jw_array(l->w);
    while (!take(l, close)) {
        if (!take_value(l)) return false;
        if (take(l, STR(","))) continue;
        if (!take(l, close)) return false;
        break;
    }
    jw_array_end(l->w);
    return true;
}

static bool take_scalar(struct literal *l)
{
    size_t from = l->at;
    struct arena *a = arena_new(0);
    struct json *v;
    str text, word;
    bool ok;

    while (l->at < l->text.n && !strchr(",]})", l->text.p[l->at]) &&
           !call_is_blank(l->text.p[l->at]))
        l->at++;
    text = str_sub(l->text, from, l->at - from);
    word = word_of_python(text);
    if (word.n) text = word;
    ok = json_parse(text, a, &v, NULL) == ERR_OK;
    if (ok) jw_raw(l->w, text);
    arena_free(a);
    return ok;
}

static bool take_value(struct literal *l)
{
    bool ok;

    if (l->depth == CALL_DEPTH_MAX) return false;
    l->depth++;
    skip_blank(l);
    if (take(l, STR("{")))
        ok = take_object(l);
    else if (take(l, STR("[")))
        ok = take_array(l, STR("]"));
    else if (l->mark.n == 0 && take(l, STR("(")))
        ok = take_array(l, STR(")"));
    else if (is_quote(l) || (l->mark.n && str_starts(str_sub(l->text, l->at, l->mark.n), l->mark)))
        ok = take_string(l, jw_string);
    else
        ok = take_scalar(l);
    l->depth--;
    return ok;
}

static bool at_end(struct literal *l)
{
    skip_blank(l);
    return l->at == l->text.n;
}

bool call_args_of_bare(struct json_writer *w, str text, str mark)
{
    struct literal l = {.w = w, .text = text, .mark = mark};

    return take(&l, STR("{")) && take_object(&l) && at_end(&l);
}

/* A Python name and "=". */
static bool take_name(struct literal *l)
{
    size_t from;

    skip_blank(l);
    from = l->at;
    while (l->at < l->text.n && l->text.p[l->at] != '=' && !call_is_blank(l->text.p[l->at]))
        l->at++;
    if (l->at == from) return false;
    jw_key_str(l->w, str_sub(l->text, from, l->at - from));
    return take(l, STR("="));
}

bool call_args_of_python(struct json_writer *w, str text)
{
    struct literal l = {.w = w, .text = text};

    jw_object(w);
    while (!at_end(&l)) {
        if (!take_name(&l) || !take_value(&l)) return false;
        if (!take(&l, STR(","))) break;
    }
    jw_object_end(w);
    return at_end(&l);
}
