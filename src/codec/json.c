/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON parser, and reading from the tree. One loop over a stack of open containers, no recursion.
 * Finished elements of an open container wait in a scratch buffer, one container above the
 * other; closing it moves them to the arena as one array. Every byte is looked at a bounded
 * number of times, duplicate keys are found by hashing in large objects.
 */
#include "codec/json.h"

#include <assert.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json_internal.h"

#define SMALL_OBJECT 16                        /* members compared pairwise up to here */
#define SCRATCH_FIRST 2048
#define EXPONENT_MAX 1000000000

struct frame {
    bool is_object;
    uint32_t n;
    size_t pos;                                /* of the bracket */
    size_t first;                              /* offset of its first element in scratch */
    str key;                                   /* of the member whose value is being read */
    size_t key_pos;
};

struct parser {
    str text;
    size_t i;                                  /* next byte */
    struct arena *arena;
    struct error *e;
    struct buf scratch;                        /* struct json or struct json_member, stacked */
    size_t depth;
    struct frame frame[JSON_DEPTH_MAX];
};

static const char *const type_names[] = {
    [JSON_NULL] = "null",
    [JSON_BOOL] = "boolean",
    [JSON_NUMBER] = "number",
    [JSON_STRING] = "string",
    [JSON_ARRAY] = "array",
    [JSON_OBJECT] = "object",
};
static_assert(sizeof type_names / sizeof type_names[0] == JSON_OBJECT + 1, "a name per type");

static enum err fail(struct parser *p, size_t pos, const char *what)
{
    return err_set(p->e, ERR_FORMAT, pos, "%s", what);
}

static enum err too_big(struct parser *p, size_t pos)
{
    return err_set(p->e, ERR_LIMIT, pos, "the JSON text needs more memory than is allowed for it");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The byte at i, or NUL at the end (NUL is an error wherever this is used). */
static char peek(const struct parser *p)
{
    return p->i < p->text.n ? p->text.p[p->i] : '\0';
}

static void skip_space(struct parser *p)
{
    while (p->i < p->text.n) {
        char c = p->text.p[p->i];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
        p->i++;
    }
}

/* ---- Strings ---- */

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits of raw at `at`, or -1. */
static int32_t hex4(str raw, size_t at)
{
    int32_t v = 0;
    if (raw.n < 4 || at > raw.n - 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        int digit = hex_value(raw.p[i]);
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

/* Decodes \uXXXX, perhaps a surrogate pair, at the backslash *i; UTF8_BAD when it is wrong. */
static uint32_t unicode_escape(str raw, size_t *i)
{
    int32_t hi = hex4(raw, *i + 2);
    if (hi < 0 || (hi >= 0xdc00 && hi <= 0xdfff))
        return UTF8_BAD;
    *i += 6;
    if (hi < 0xd800 || hi > 0xdbff)
        return (uint32_t)hi;
    if (raw.n - *i < 6 || raw.p[*i] != '\\' || raw.p[*i + 1] != 'u')
        return UTF8_BAD;
    int32_t lo = hex4(raw, *i + 2);
    if (lo < 0xdc00 || lo > 0xdfff)
        return UTF8_BAD;
    *i += 6;
    return 0x10000 + ((uint32_t)(hi - 0xd800) << 10) + (uint32_t)(lo - 0xdc00);
}

/* One escape at the backslash raw[*i]: writes it, gives its length, 0 when it is wrong. */
static int decode_escape(str raw, size_t *i, char out[4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = raw.p[*i + 1];                    /* the scan for the end saw a byte there */
    if (c == 'u') {
        uint32_t cp = unicode_escape(raw, i);
        return cp == UTF8_BAD ? 0 : utf8_put(out, cp);
    }
    const char *hit = c ? strchr(from, c) : NULL;
    if (!hit)
        return 0;
    out[0] = to[hit - from];
    *i += 2;
    return 1;
}

/* raw has escapes and starts at byte pos of the text. Decoding never makes it longer. */
static enum err decode_string(struct parser *p, str raw, size_t pos, str *out)
{
    char *copy = arena_try(p->arena, raw.n + 1);
    if (!copy)
        return too_big(p, pos);
    size_t n = 0;
    for (size_t i = 0; i < raw.n;) {
        size_t slash = str_find_char(raw, '\\', i);
        size_t run = (slash == SIZE_MAX ? raw.n : slash) - i;
        memcpy(copy + n, raw.p + i, run);
        n += run;
        i += run;
        if (i == raw.n)
            break;
        size_t at = i;
        char bytes[4];
        int wrote = decode_escape(raw, &i, bytes);
        if (wrote == 0)
            return fail(p, pos + at, "bad escape or lone surrogate in a string");
        memcpy(copy + n, bytes, (size_t)wrote);
        n += (size_t)wrote;
    }
    *out = (str){copy, n};
    return ERR_OK;
}

static enum err fail_utf8(struct parser *p, str raw, size_t pos)
{
    for (size_t i = 0; i < raw.n;) {
        size_t at = i;
        if (utf8_next(raw, &i) == UTF8_BAD)
            return fail(p, pos + at, "invalid UTF-8 in a string");
    }
    return fail(p, pos, "invalid UTF-8 in a string");
}

/* At the opening quote. */
static enum err parse_string(struct parser *p, str *out)
{
    size_t open = p->i, first = open + 1, i = first;
    bool high = false, escaped = false;
    for (;;) {
        i = json_plain_end(p->text, i, &high);
        if (i >= p->text.n)
            return fail(p, open, "a string is not closed");
        if (p->text.p[i] == '"')
            break;
        if (p->text.p[i] != '\\')
            return fail(p, i, "a control character in a string must be escaped");
        escaped = true;
        i += 2;
    }
    str raw = {p->text.p + first, i - first};
    p->i = i + 1;
    /* A byte behind a backslash was skipped unseen: with escapes, always check. */
    if ((high || escaped) && !utf8_valid(raw))
        return fail_utf8(p, raw, first);
    if (escaped)
        return decode_string(p, raw, first, out);
    *out = raw;
    return ERR_OK;
}

/* ---- Other scalars ---- */

static bool skip_digits(struct parser *p)
{
    size_t first = p->i;
    while (is_digit(peek(p)))
        p->i++;
    return p->i > first;
}

/* RFC 8259 section 6. *plain: an integer without fraction and exponent. */
static bool skip_number(struct parser *p, bool *plain)
{
    *plain = true;
    if (peek(p) == '-')
        p->i++;
    if (peek(p) == '0')
        p->i++;
    else if (!skip_digits(p))
        return false;
    if (peek(p) == '.') {
        *plain = false;
        p->i++;
        if (!skip_digits(p))
            return false;
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        *plain = false;
        p->i++;
        if (peek(p) == '+' || peek(p) == '-')
            p->i++;
        return skip_digits(p);
    }
    return true;
}

/* Up to 15 digits are exact in a double. */
static double small_integer(str s)
{
    size_t i = s.p[0] == '-' ? 1 : 0;
    int64_t v = 0;
    for (; i < s.n; i++)
        v = v * 10 + (s.p[i] - '0');
    return s.p[0] == '-' ? -(double)v : (double)v;
}

static enum err parse_number(struct parser *p, struct json *v)
{
    size_t first = p->i;
    bool plain;
    if (!skip_number(p, &plain) || is_digit(peek(p)))
        return fail(p, first, "a number is malformed");
    v->type = JSON_NUMBER;
    v->text = (str){p->text.p + first, p->i - first};
    if (plain && v->text.n <= 15)
        v->number = small_integer(v->text);
    else if (!str_to_double(v->text, &v->number))
        return fail(p, first, "a number is too large for a double");
    return ERR_OK;
}

static enum err parse_word(struct parser *p, struct json *v)
{
    str left = str_sub(p->text, p->i, 5);
    if (str_starts(left, STR("true"))) {
        v->type = JSON_BOOL;
        v->boolean = true;
        p->i += 4;
    } else if (str_starts(left, STR("false"))) {
        v->type = JSON_BOOL;
        p->i += 5;
    } else if (str_starts(left, STR("null"))) {
        p->i += 4;
    } else {
        return fail(p, p->i, p->i >= p->text.n ? "the text ends where a value is expected"
                                               : "a value is expected here");
    }
    return ERR_OK;
}

static enum err parse_scalar(struct parser *p, struct json *v)
{
    char c = peek(p);
    if (c == '"') {
        v->type = JSON_STRING;
        return parse_string(p, &v->string);
    }
    return c == '-' || is_digit(c) ? parse_number(p, v) : parse_word(p, v);
}

/* ---- Containers ---- */

/* Key and colon; leaves i before the value. */
static enum err parse_key(struct parser *p)
{
    struct frame *f = &p->frame[p->depth - 1];
    skip_space(p);
    f->key_pos = p->i;
    if (peek(p) != '"')
        return fail(p, p->i, "a key in double quotes is expected here");
    TRY(parse_string(p, &f->key));
    skip_space(p);
    if (peek(p) != ':')
        return fail(p, p->i, "':' is expected behind the key");
    p->i++;
    return ERR_OK;
}

static enum err fail_duplicate(struct parser *p, const struct json_member *m)
{
    return err_set(p->e, ERR_FORMAT, m->pos, "the key \"%.*s\" stands twice in one object",
                   m->key.n < 64 ? (int)m->key.n : 64, m->key.p);
}

static enum err check_keys_hashed(struct parser *p, const struct json_member *m, uint32_t n)
{
    size_t cap = 64;
    while (cap < (size_t)n * 2)
        cap *= 2;
    uint32_t *slot = mem_try_alloc(cap * sizeof *slot); /* member number + 1; 0: free */
    if (!slot)
        return too_big(p, m->pos);
    enum err err = ERR_OK;
    for (uint32_t k = 0; k < n && err == ERR_OK; k++) {
        size_t i = hash_str(m[k].key) & (cap - 1);
        while (slot[i] != 0 && !str_eq(m[slot[i] - 1].key, m[k].key))
            i = (i + 1) & (cap - 1);
        if (slot[i] != 0)
            err = fail_duplicate(p, &m[k]);
        slot[i] = k + 1;
    }
    mem_free(slot);
    return err;
}

static enum err check_keys(struct parser *p, const struct json_member *m, uint32_t n)
{
    if (n > SMALL_OBJECT)
        return check_keys_hashed(p, m, n);
    for (uint32_t k = 1; k < n; k++)
        for (uint32_t j = 0; j < k; j++)
            if (str_eq(m[j].key, m[k].key))
                return fail_duplicate(p, &m[k]);
    return ERR_OK;
}

static enum err open_container(struct parser *p)
{
    if (p->depth == JSON_DEPTH_MAX)
        return err_set(p->e, ERR_LIMIT, p->i, "arrays and objects nest deeper than %d levels",
                       JSON_DEPTH_MAX);
    p->frame[p->depth++] = (struct frame){.is_object = peek(p) == '{', .pos = p->i,
                                          .first = p->scratch.n};
    p->i++;
    return ERR_OK;
}

/* At the closing bracket: moves the elements to the arena and gives the container in *v. */
static enum err close_container(struct parser *p, struct json *v)
{
    const struct frame *f = &p->frame[p->depth - 1];
    size_t size = p->scratch.n - f->first;
    *v = (struct json){.type = f->is_object ? JSON_OBJECT : JSON_ARRAY, .n = f->n, .pos = f->pos};
    if (size > 0) {
        void *to = arena_try(p->arena, size);
        if (!to)
            return too_big(p, f->pos);
        memcpy(to, p->scratch.p + f->first, size);
        if (f->is_object) {
            v->member = to;
            TRY(check_keys(p, v->member, v->n));
        } else {
            v->item = to;
        }
    }
    p->scratch.n = f->first;
    p->depth--;
    p->i++;
    return ERR_OK;
}

/* Adds a finished value to the innermost open container. */
static enum err add_element(struct parser *p, const struct json *v)
{
    struct frame *f = &p->frame[p->depth - 1];
    size_t size = f->is_object ? sizeof(struct json_member) : sizeof(struct json);
    char *to = f->n < UINT32_MAX ? buf_reserve(&p->scratch, size) : NULL;
    if (!to)
        return too_big(p, v->pos);
    if (f->is_object)
        *(struct json_member *)(void *)to =
            (struct json_member){.key = f->key, .pos = f->key_pos, .value = *v};
    else
        *(struct json *)(void *)to = *v;
    p->scratch.n += size;
    f->n++;
    return ERR_OK;
}

static bool at_end(const struct parser *p)
{
    return peek(p) == (p->frame[p->depth - 1].is_object ? '}' : ']');
}

/* Reads on until a value without open children is complete: a scalar or an empty container. */
static enum err parse_leaf(struct parser *p, struct json *v)
{
    for (;;) {
        skip_space(p);
        *v = (struct json){.pos = p->i};
        if (peek(p) != '{' && peek(p) != '[')
            return parse_scalar(p, v);
        TRY(open_container(p));
        skip_space(p);
        if (at_end(p))
            return close_container(p, v);
        if (p->frame[p->depth - 1].is_object)
            TRY(parse_key(p));
    }
}

static enum err parse_root(struct parser *p, struct json *v)
{
    TRY(parse_leaf(p, v));
    while (p->depth > 0) {
        TRY(add_element(p, v));
        skip_space(p);
        if (at_end(p)) {
            TRY(close_container(p, v));
            continue;
        }
        bool is_object = p->frame[p->depth - 1].is_object;
        if (peek(p) != ',')
            return fail(p, p->i, p->i >= p->text.n ? "the text ends inside an array or object"
                                 : is_object       ? "',' or '}' is expected here"
                                                   : "',' or ']' is expected here");
        p->i++;
        if (is_object)
            TRY(parse_key(p));
        TRY(parse_leaf(p, v));
    }
    skip_space(p);
    return p->i == p->text.n ? ERR_OK : fail(p, p->i, "something stands behind the JSON value");
}

enum err json_parse(str text, struct arena *a, struct json **out, struct error *e)
{
    struct parser p;                           /* frames are set when opened */
    p.text = text;
    p.i = 0;
    p.arena = a;
    p.e = e;
    p.depth = 0;
    if (str_starts(text, STR("\xef\xbb\xbf")))
        return fail(&p, 0, "a byte order mark stands before the JSON value");
    struct json *root = arena_try(a, sizeof *root);
    if (!root)
        return too_big(&p, 0);
    size_t left = arena_left(a);
    buf_init(&p.scratch, left ? left : 1);
    if (left >= SCRATCH_FIRST && text.n >= SCRATCH_FIRST)
        buf_reserve(&p.scratch, SCRATCH_FIRST);
    enum err err = parse_root(&p, root);
    buf_done(&p.scratch);
    if (err == ERR_OK)
        *out = root;
    return err;
}

/* ---- Reading the tree ---- */

const struct json *json_get_str(const struct json *obj, str key)
{
    if (!obj || obj->type != JSON_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < obj->n; i++)
        if (str_eq(obj->member[i].key, key))
            return &obj->member[i].value;
    return NULL;
}

const struct json *json_get(const struct json *obj, const char *key)
{
    return json_get_str(obj, str_of(key));
}

/* The exponent behind "e", clamped: absurd ones have the same answer as large ones. */
static int64_t exponent_of(str text)
{
    size_t at = 0;
    while (at < text.n && (text.p[at] | 0x20) != 'e')
        at++;
    if (at == text.n)
        return 0;
    bool minus = text.p[++at] == '-';
    int64_t e = 0;
    for (at += !is_digit(text.p[at]); at < text.n && e < EXPONENT_MAX; at++)
        e = e * 10 + (text.p[at] - '0');
    return minus ? -e : e;
}

/* A literal with fraction or exponent is an integer when its last digit that is not zero stands
 * left of the point once the exponent has moved it. */
static bool decimal_to_int(str text, int64_t *out)
{
    bool minus = text.p[0] == '-', fraction = false;
    int64_t scale = exponent_of(text);         /* power of ten of the digit just read */
    uint64_t v = 0;
    int64_t zeros = 0;                         /* seen since the last digit that is not zero */
    for (size_t i = minus; i < text.n && (text.p[i] | 0x20) != 'e'; i++) {
        if (text.p[i] == '.') {
            fraction = true;
            continue;
        }
        scale -= fraction;
        zeros++;
        if (text.p[i] == '0')
            continue;
        for (; zeros > 0 && v != 0; zeros--)
            if (__builtin_mul_overflow(v, 10, &v))
                return false;
        zeros = 0;
        if (__builtin_add_overflow(v, (uint64_t)(text.p[i] - '0'), &v))
            return false;
    }
    scale += zeros;
    for (; v != 0 && scale > 0; scale--)
        if (__builtin_mul_overflow(v, 10, &v))
            return false;
    if ((v != 0 && scale < 0) || v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool json_int(const struct json *v, int64_t *out)
{
    if (!v || v->type != JSON_NUMBER || v->text.n == 0)
        return false;
    return str_to_i64(v->text, out) || decimal_to_int(v->text, out);
}

const char *json_type_name(enum json_type t)
{
    CHECK((unsigned)t <= JSON_OBJECT);
    return type_names[t];
}

void json_line_col(str text, size_t pos, size_t *line, size_t *col)
{
    if (pos > text.n)
        pos = text.n;
    size_t start = 0;
    *line = 1;
    for (size_t at; (at = str_find_char(str_sub(text, 0, pos), '\n', start)) != SIZE_MAX;) {
        ++*line;
        start = at + 1;
    }
    *col = 1 + utf8_count(str_sub(text, start, pos - start));
}
