/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON (RFC 8259), strict: UTF-8 checked, no duplicate keys, no lone surrogates, no trailing
 * bytes, no NaN, numbers must be finite as double. The parser builds an immutable tree on an
 * arena; strings without escapes borrow the source, which must live as long as the tree. Every
 * value knows its byte position, so errors can name line and column. Numbers keep their text.
 * Pure functions, any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 128             /* containers inside one another in a parsed text */
/* And in a written one: a parsed value fits inside containers of ours. */
#define JW_DEPTH_MAX (JSON_DEPTH_MAX + 32)

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_member;
struct json {
    enum json_type type;
    uint32_t n;                        /* elements or members */
    size_t pos;                        /* byte offset of its first character in the source */
    union {
        bool boolean;
        struct { double number; str text; };   /* text: the literal as written */
        str string;
        struct json *item;             /* [n] */
        struct json_member *member;    /* [n], in source order */
    };
};
struct json_member { str key; size_t pos; struct json value; };

/* Whole text -> tree in the arena. Errors: ERR_FORMAT with position, ERR_LIMIT with position
 * (depth; the arena's cap, which also bounds the parser's scratch memory). Time is linear in the
 * text, whatever it holds. */
MUST_CHECK enum err json_parse(str text, struct arena *a, struct json **out, struct error *e);

/* Member by key, or NULL (also when obj is NULL or no object). */
const struct json *json_get(const struct json *obj, const char *key);
const struct json *json_get_str(const struct json *obj, str key);
/* True when absent or null: in this API null means absent. */
static inline bool json_absent(const struct json *v) { return !v || v->type == JSON_NULL; }
/* Exact integer in int64 range ("3", "3.0" and "3e2" count); false otherwise. */
bool json_int(const struct json *v, int64_t *out);
const char *json_type_name(enum json_type t);  /* "null", "boolean", "number", ... */
/* Line and column (in characters), both from 1, of a byte offset. Past the end: of the end. */
void json_line_col(str text, size_t pos, size_t *line, size_t *col);

/* ---- Writer: appends straight to a buf, places commas, escapes. Errors are sticky in the buf:
 * too long, or deeper than JW_DEPTH_MAX. Ends match begins, a key goes before each member. ---- */

struct json_writer {
    struct buf *out;                   /* borrows */
    uint16_t depth;                    /* open containers */
    bool comma[JW_DEPTH_MAX + 1];      /* an element was written at this depth */
    bool after_key;
};
void jw_init(struct json_writer *w, struct buf *out);
void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_key_str(struct json_writer *w, str key);
/* Invalid UTF-8 is replaced by U+FFFD, so output is always valid JSON. Non-ASCII is not escaped. */
void jw_string(struct json_writer *w, str s);
void jw_cstring(struct json_writer *w, const char *s);
void jw_int(struct json_writer *w, int64_t v);
/* Fewest digits (15 to 17) that read back the same; non-finite gives null. */
void jw_double(struct json_writer *w, double v);
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, str json);  /* already JSON */
void jw_value(struct json_writer *w, const struct json *v); /* number text is kept as it came */
/* Key and value in one call. */
void jw_kv_string(struct json_writer *w, const char *key, str s);
void jw_kv_cstring(struct json_writer *w, const char *key, const char *s);
void jw_kv_int(struct json_writer *w, const char *key, int64_t v);
void jw_kv_double(struct json_writer *w, const char *key, double v);
void jw_kv_bool(struct json_writer *w, const char *key, bool v);
void jw_kv_null(struct json_writer *w, const char *key);
