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

/* ---- brackets and strings of other notations ---- */

static enum call_scan scan_bracket(struct nest_scan *s, char c)
{
    if (c == '{' || c == '[' || c == '(') return ++s->depth > CALL_DEPTH_MAX ? SCAN_BAD : SCAN_MORE;
    if (c != '}' && c != ']' && c != ')') return SCAN_MORE;
    if (s->depth == 0) return SCAN_BAD;
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

/* SCAN_MORE moved *at; SCAN_DONE: a mark may begin here, and it is not known yet. */
static enum call_scan scan_marked(struct nest_scan *s, str mark, str text, size_t *at)
{
    str rest = str_sub(text, *at, mark.n);
    bool is_mark = str_eq(rest, mark);

    if (!is_mark && rest.n < mark.n && str_starts(mark, rest)) return SCAN_DONE;
    if (is_mark) s->quote = s->quote ? 0 : mark.p[0];
    *at += is_mark ? mark.n : 1;
    return SCAN_MORE;
}

enum call_scan call_scan_nest(struct nest_scan *s, str mark, str text, size_t *at)
{
    while (*at < text.n) {
        char c = text.p[*at];
        enum call_scan r;

        if (mark.n && c == mark.p[0]) {
            if (scan_marked(s, mark, text, at) == SCAN_DONE) return SCAN_MORE;
            continue;
        }
        if (s->quote && mark.n) {
            r = SCAN_MORE;
        } else if (s->quote) {
            r = scan_quoted(s, c);
        } else if (mark.n == 0 && (c == '"' || c == '\'')) {
            s->quote = c;
            r = SCAN_MORE;
        } else {
            r = scan_bracket(s, c);
        }
        if (r == SCAN_BAD) return r;
        ++*at;
        if (r == SCAN_DONE) return r;
    }
    return SCAN_MORE;
}
