/* SPDX-License-Identifier: Apache-2.0
 *
 * Where values end, byte by byte, so that no byte is looked at twice however they come.
 */
#include "chat/call_internal.h"

/*
 *   VALUE --"--> STRING --"--> AFTER, or COLON behind a key
 *     |--{--> KEY_OR_END --"--> STRING     COLON --:--> VALUE
 *     |--[--> VALUE_OR_END                 AFTER --,--> KEY or VALUE, by what is open
 *     `--else--> SCALAR --other byte--> AFTER
 */
enum { VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON, AFTER, STRING, ESCAPE, HEX, SCALAR };

static bool is_object(const struct json_scan *s)
{
    return s->is_object[(s->depth - 1) / 8] >> (s->depth - 1) % 8 & 1;
}

static enum call_scan open_value(struct json_scan *s, char c)
{
    unsigned bit;

    if (s->depth == CALL_DEPTH_MAX) return SCAN_BAD;
    bit = 1u << s->depth % 8;
    if (c == '{')
        s->is_object[s->depth / 8] |= (uint8_t)bit;
    else
        s->is_object[s->depth / 8] &= (uint8_t)~bit;
    s->depth++;
    s->state = c == '{' ? KEY_OR_END : VALUE_OR_END;
    return SCAN_MORE;
}

static enum call_scan close_value(struct json_scan *s, char c)
{
    if (s->depth == 0 || is_object(s) != (c == '}')) return SCAN_BAD;
    s->state = AFTER;
    return --s->depth ? SCAN_MORE : SCAN_DONE;
}

static enum call_scan begin_string(struct json_scan *s, bool is_key)
{
    s->state = STRING;
    s->is_key = is_key;
    return SCAN_MORE;
}

static bool is_scalar(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '+' || c == '.';
}

static enum call_scan scan_value(struct json_scan *s, char c)
{
    if (c == '"') return begin_string(s, false);
    if (c == '{' || c == '[') return open_value(s, c);
    if (c == ']' && s->state == VALUE_OR_END) return close_value(s, c);
    if (!is_scalar(c)) return SCAN_BAD;
    s->state = SCALAR;
    return SCAN_MORE;
}

static enum call_scan scan_key(struct json_scan *s, char c)
{
    if (c == '"') return begin_string(s, true);
    return c == '}' && s->state == KEY_OR_END ? close_value(s, c) : SCAN_BAD;
}

static enum call_scan scan_after(struct json_scan *s, char c)
{
    if (c != ',') return close_value(s, c);
    s->state = is_object(s) ? KEY : VALUE;
    return SCAN_MORE;
}

static enum call_scan scan_string(struct json_scan *s, char c)
{
    if (s->state == HEX) {
        bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

        if (ok && ++s->n_hex == 4) s->state = STRING;
        return ok ? SCAN_MORE : SCAN_BAD;
    }
    if (s->state == ESCAPE) {
        if (!c || !strchr("\"\\/bfnrtu", c)) return SCAN_BAD;
        s->state = c == 'u' ? HEX : STRING;
        s->n_hex = 0;
    } else if (c == '\\') {
        s->state = ESCAPE;
    } else if (c == '"') {
        s->state = s->is_key ? COLON : AFTER;
        if (s->depth == 0) return SCAN_DONE;
    }
    return SCAN_MORE;
}

static enum call_scan scan_byte(struct json_scan *s, char c)
{
    if (s->state >= STRING && s->state <= HEX) return scan_string(s, c);
    if (call_is_blank(c)) return SCAN_MORE;
    switch (s->state) {
    case VALUE:
    case VALUE_OR_END: return scan_value(s, c);
    case KEY:
    case KEY_OR_END: return scan_key(s, c);
    case COLON: s->state = VALUE; return c == ':' ? SCAN_MORE : SCAN_BAD;
    default: return scan_after(s, c);
    }
}

enum call_scan call_scan_json(struct json_scan *s, str text, size_t *at)
{
    while (*at < text.n) {
        char c = text.p[*at];
        enum call_scan r;

        if (s->state == SCALAR && !is_scalar(c)) {
            if (s->depth == 0) return SCAN_DONE;
            s->state = AFTER;
        }
        r = s->state == SCALAR ? SCAN_MORE : scan_byte(s, c);
        if (r == SCAN_BAD) return r;
        ++*at;
        if (r == SCAN_DONE) return r;
    }
    return SCAN_MORE;
}

/* ---- bare keys, strings between marks ---- */

/* SCAN_DONE: the mark stood there and *at moved; SCAN_MORE: it may; SCAN_BAD: it does not. */
static enum call_scan scan_mark(str mark, str text, size_t *at)
{
    str rest = str_sub(text, *at, mark.n);

    if (!str_eq(rest, mark)) return str_starts(mark, rest) ? SCAN_MORE : SCAN_BAD;
    *at += mark.n;
    return SCAN_DONE;
}

/* The mark opens a string where a value may stand, and ends the one that is open. */
static enum call_scan scan_bare_mark(struct json_scan *s, str mark, str text, size_t *at)
{
    enum call_scan r;

    if (s->state != STRING && s->state != VALUE && s->state != VALUE_OR_END) return SCAN_BAD;
    r = scan_mark(mark, text, at);
    if (r == SCAN_DONE) s->state = s->state == STRING ? AFTER : STRING;
    return r;
}

/* A key is everything up to the colon. */
static enum call_scan scan_bare_byte(struct json_scan *s, char c)
{
    if (s->state == STRING) return SCAN_MORE;
    if (s->state == KEY || s->state == KEY_OR_END) {
        if (c == '}' && s->state == KEY_OR_END) return close_value(s, c);
        if (call_is_blank(c)) return SCAN_MORE;
        s->state = c == ':' ? VALUE : KEY;
        return SCAN_MORE;
    }
    if (call_is_blank(c)) return SCAN_MORE;
    if (s->state == AFTER) return scan_after(s, c);
    return c == '"' ? SCAN_BAD : scan_value(s, c);
}

enum call_scan call_scan_bare(struct json_scan *s, str mark, str text, size_t *at)
{
    while (*at < text.n) {
        char c = text.p[*at];
        enum call_scan r = SCAN_BAD;

        if (s->state == SCALAR && !is_scalar(c)) s->state = AFTER;
        if (c == mark.p[0]) r = scan_bare_mark(s, mark, text, at);
        if (r == SCAN_MORE) return r;
        if (r == SCAN_DONE) continue;
        r = s->state == SCALAR ? SCAN_MORE : scan_bare_byte(s, c);
        if (r == SCAN_BAD) return r;
        ++*at;
        if (r == SCAN_DONE) return r;
    }
    return SCAN_MORE;
}

/* ---- Python's brackets and strings ---- */

static enum call_scan scan_bracket(struct nest_scan *s, char c)
{
    if (c == '"' || c == '\'') s->quote = c;
    if (c == '{' || c == '[' || c == '(') return ++s->depth > CALL_DEPTH_MAX ? SCAN_BAD : SCAN_MORE;
    if (c != '}' && c != ']' && c != ')') return SCAN_MORE;
    return --s->depth ? SCAN_MORE : SCAN_DONE;
}

static enum call_scan scan_quoted(struct nest_scan *s, char c)
{
    if (s->escaped)
        s->escaped = false;
    else if (c == '\\')
        s->escaped = true;
    else if (c == s->quote)
        s->quote = 0;
    return SCAN_MORE;
}

enum call_scan call_scan_nest(struct nest_scan *s, str text, size_t *at)
{
    if (s->depth == 0) s->depth = 1;
    while (*at < text.n) {
        char c = text.p[*at];
        enum call_scan r = s->quote ? scan_quoted(s, c) : scan_bracket(s, c);

        if (r == SCAN_BAD) return r;
        ++*at;
        if (r == SCAN_DONE) return r;
    }
    return SCAN_MORE;
}
