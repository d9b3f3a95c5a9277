/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of call_syntax.c, and what the grammar of calls and their parser share.
 *
 * A turn's calls, whatever the format:
 *
 *   calls_open  call (between call)*  calls_close
 *   call:       call_open  {"key_name": NAME, "key_args": {..}[, "id": ID]}  call_close    JSON
 *               call_open  NAME [id_open ID]  args_open  arguments  call_close             others
 *   arguments:  {..}                                                                       NAMED
 *               (key_open KEY key_close VALUE value_close)*                                TAGS
 *               {key:value,..}, strings between string_mark                                BARE
 *               key=literal, ..                                                            PYTHON
 *
 * White space in these texts is what the grammar writes; the parser takes any amount of it.
 */
#pragma once
#include "base/buf.h"
#include "chat/call_syntax.h"

enum call_form { CALL_JSON, CALL_NAMED, CALL_TAGS, CALL_BARE, CALL_PYTHON };
enum call_id {
    CALL_ID_NONE,
    CALL_ID_NINE,                      /* nine letters or digits; in JSON rows the member "id" */
    CALL_ID_COUNT                      /* digits; the id is id_prefix NAME id_open digits */
};

#define CALL_MARKS_MAX 12
#define CALL_OPENS_MAX 4

struct call_syntax {
    const char *name;
    enum call_form form;
    bool is_plain;                     /* for templates that know no tools */
    bool one_call;                     /* a turn holds one call at most */
    bool python_words;                 /* True, False and None where arguments are no JSON text */
    bool any_order;                    /* the template sorts arguments: no order can be forced */
    str calls_open, call_open, args_open, call_close, between, calls_close;
    str key_name, key_args;
    enum call_id id;
    str id_open, id_prefix;
    str key_open, key_close, value_close;
    str string_mark;
    str args_mark;                     /* the parser skips what stands between NAME and this */
    str alt_open, alt_args_open;       /* another way to write them, as templates do in histories */
    /* What begins a call in text, longest first; the first is the grammar's trigger. */
    str open[CALL_OPENS_MAX];
    str start;                         /* begins a call at the beginning of the turn only */
    str start_open;                    /* JSON rows: what the call looks like there */
    str drop[CALL_OPENS_MAX];          /* marks around text that are no text */
    str lead;                          /* the turn may begin with it */
    str think_open, think_close;
    str gap;                           /* must follow think_close; empty: up to two line breaks */
    str answer_open;                   /* stands before text */
    str note_open, note_close;         /* stand around text that calls follow */
    bool thinks_again;                 /* text may be interrupted by more thinking */
    str result_open, result_close;     /* a tool's result as text */
    str mark[CALL_MARKS_MAX];          /* single tokens in vocabularies made for the format */
};

#define CALL_BYTES_MAX ((size_t)1 << 20)   /* of one call, from its opening marker on */
#define CALL_ARGS_MAX 1024                 /* of one call, in tagged forms */

static inline bool call_is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
/* The first run of bytes in text that holds no white space. */
str call_piece(str text);

/* ---- extents: where a value ends, byte by byte (call_parse_scan.c) ---- */

enum call_scan { SCAN_MORE, SCAN_DONE, SCAN_BAD };
#define CALL_DEPTH_MAX JSON_DEPTH_MAX

/* One JSON value. Its structure is checked, numbers and letters are not. Zeroed: at its start. */
struct json_scan {
    uint8_t state, n_hex;
    bool is_key;
    uint16_t depth;
    uint8_t is_object[CALL_DEPTH_MAX / 8];
};
/* Goes on at *at, moves it behind the last byte that was understood. A number at depth 0 is done
 * at the byte behind it. */
enum call_scan call_scan_json(struct json_scan *s, str text, size_t *at);

/* The same for an object of BARE rows. */
enum call_scan call_scan_bare(struct json_scan *s, str mark, str text, size_t *at);

/* Behind an opening bracket: up to the one that closes it; strings in quotes with backslashes.
 * Zeroed: at its start. */
struct nest_scan {
    uint16_t depth;
    char quote;                        /* the one to wait for, 0: outside of strings */
    bool escaped;
};
enum call_scan call_scan_nest(struct nest_scan *s, str text, size_t *at);

/* ---- arguments that are no JSON (call_parse_args.c) ---- */

/* A tool's schema for one argument, or NULL. */
const struct json *call_argument_schema(const struct json *parameters, str key);
/* Follows $ref within root; NULL when it leads nowhere. */
const struct json *call_schema_deref(const struct json *schema, const struct json *root);
/* Bits 1 << enum json_type of what the schema can mean; NULL: all. */
unsigned call_schema_types(const struct json *schema, const struct json *root);
#define CALL_TYPES_ALL 0x3fu

/* One tagged argument: raw text -> JSON value, as its schema says. */
void call_value_of_text(struct json_writer *w, str text, const struct json *schema,
                        const struct json *root);
/* "{a:1}" or "a=1, b='x'" (the brackets stripped) -> a JSON object. False: not understood. */
MUST_CHECK bool call_args_of_bare(struct json_writer *w, str text, str mark);
MUST_CHECK bool call_args_of_python(struct json_writer *w, str text);
