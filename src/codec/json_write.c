/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON writer. Output is valid JSON whatever the strings hold. Misuse by the program (an end
 * without a begin, a key outside an object) is a bug and aborts; depth that input decides only
 * sets the buffer's bad flag. depth is the number of open containers; comma[depth] belongs to
 * the innermost one, comma[0] to the top level.
 */
#include <math.h>
#include <stdio.h>

#include "base/utf8.h"
#include "codec/json_internal.h"

void jw_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* Before each value: the comma, unless it is the first or follows its key. */
static void begin_value(struct json_writer *w)
{
    if (w->depth > JW_DEPTH_MAX)
        return;
    if (w->after_key)
        w->after_key = false;
    else if (w->comma[w->depth])
        buf_char(w->out, ',');
    w->comma[w->depth] = true;
}

static void open_container(struct json_writer *w, char bracket)
{
    begin_value(w);
    buf_char(w->out, bracket);
    CHECK(w->depth < UINT16_MAX);
    w->depth++;
    if (w->depth > JW_DEPTH_MAX)
        w->out->bad = true;
    else
        w->comma[w->depth] = false;
}

static void close_container(struct json_writer *w, char bracket)
{
    CHECK(w->depth > 0 && (!w->after_key || w->out->bad));
    w->depth--;
    buf_char(w->out, bracket);
}

void jw_object(struct json_writer *w)
{
    open_container(w, '{');
}

void jw_object_end(struct json_writer *w)
{
    close_container(w, '}');
}

void jw_array(struct json_writer *w)
{
    open_container(w, '[');
}

void jw_array_end(struct json_writer *w)
{
    close_container(w, ']');
}

static void add_escape(struct buf *out, unsigned char c)
{
    static const char short_form[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                      ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    if (short_form[c])
        buf_add(out, (str){(char[]){'\\', short_form[c]}, 2});
    else
        buf_printf(out, "\\u%04x", c);
}

/* A run without quotes, backslashes and control bytes; what is not UTF-8 becomes U+FFFD. */
static void add_repaired(struct buf *out, str run)
{
    for (size_t i = 0, good = 0; i < run.n;) {
        size_t at = i;
        bool is_bad = utf8_next(run, &i) == UTF8_BAD;
        if (!is_bad && i < run.n)
            continue;
        buf_add(out, str_sub(run, good, (is_bad ? at : i) - good));
        if (is_bad)
            buf_add(out, STR("\xef\xbf\xbd"));
        good = i;
    }
}

static void add_quoted(struct buf *out, str s)
{
    buf_char(out, '"');
    for (size_t i = 0; i < s.n;) {
        bool high = false;
        size_t end = json_plain_end(s, i, &high);
        str run = str_sub(s, i, end - i);
        if (high && !utf8_valid(run))
            add_repaired(out, run);
        else
            buf_add(out, run);
        i = end;
        if (i < s.n)
            add_escape(out, (unsigned char)s.p[i++]);
    }
    buf_char(out, '"');
}

void jw_key_str(struct json_writer *w, str key)
{
    CHECK(w->depth > 0 && (!w->after_key || w->out->bad));
    begin_value(w);
    add_quoted(w->out, key);
    buf_char(w->out, ':');
    w->after_key = true;
}

void jw_key(struct json_writer *w, const char *key)
{
    jw_key_str(w, str_of(key));
}

void jw_string(struct json_writer *w, str s)
{
    begin_value(w);
    add_quoted(w->out, s);
}

void jw_cstring(struct json_writer *w, const char *s)
{
    jw_string(w, str_of(s));
}

void jw_int(struct json_writer *w, int64_t v)
{
    begin_value(w);
    buf_i64(w->out, v);
}

void jw_double(struct json_writer *w, double v)
{
    if (!isfinite(v)) {
        jw_null(w);
        return;
    }
    char text[40];
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        double back;
        n = snprintf(text, sizeof text, "%.*g", digits, v);
        if (str_to_double((str){text, (size_t)n}, &back) && back == v)
            break;
    }
    jw_raw(w, (str){text, (size_t)n});
}

void jw_bool(struct json_writer *w, bool v)
{
    jw_raw(w, v ? STR("true") : STR("false"));
}

void jw_null(struct json_writer *w)
{
    jw_raw(w, STR("null"));
}

void jw_raw(struct json_writer *w, str json)
{
    begin_value(w);
    buf_add(w->out, json);
}

void jw_value(struct json_writer *w, const struct json *v)
{
    switch (v->type) {
    case JSON_NULL: jw_null(w); break;
    case JSON_BOOL: jw_bool(w, v->boolean); break;
    case JSON_NUMBER: jw_raw(w, v->text); break;
    case JSON_STRING: jw_string(w, v->string); break;
    case JSON_ARRAY:
        jw_array(w);
        for (uint32_t i = 0; i < v->n; i++)
            jw_value(w, &v->item[i]);
        jw_array_end(w);
        break;
    case JSON_OBJECT:
        jw_object(w);
        for (uint32_t i = 0; i < v->n; i++) {
            jw_key_str(w, v->member[i].key);
            jw_value(w, &v->member[i].value);
        }
        jw_object_end(w);
        break;
    }
}

void jw_kv_string(struct json_writer *w, const char *key, str s)
{
    jw_key(w, key);
    jw_string(w, s);
}

void jw_kv_cstring(struct json_writer *w, const char *key, const char *s)
{
    jw_key(w, key);
    jw_cstring(w, s);
}

void jw_kv_int(struct json_writer *w, const char *key, int64_t v)
{
    jw_key(w, key);
    jw_int(w, v);
}

void jw_kv_double(struct json_writer *w, const char *key, double v)
{
    jw_key(w, key);
    jw_double(w, v);
}

void jw_kv_bool(struct json_writer *w, const char *key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}

void jw_kv_null(struct json_writer *w, const char *key)
{
    jw_key(w, key);
    jw_null(w);
}
