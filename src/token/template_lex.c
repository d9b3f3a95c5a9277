/* SPDX-License-Identifier: Apache-2.0
 *
 * Template text -> tokens, with jinja2's white space rules under trim_blocks and lstrip_blocks:
 *   {%- and -%} eat white space on their side; %} and #} eat one newline behind them;
 *   blanks between the start of a line and {% or {# go away, unless the tag says {%+;
 *   one newline at the very end of the source goes away; \r\n and \r are \n.
 * Errors are sticky: the stream then ends.
 *
 *            "{{" "{%"                       "}}" "%}" outside brackets
 *   text ---- lex_text ----> inside a tag ---- lex_tag_end ----> text
 *     \-- "{#": skip_comment, "{% raw %}": take_raw --/
 */
#include "token/template_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"

enum err lex_fail(struct lexer *l, uint32_t line, const char *fmt, ...)
{
    if (l->err != ERR_OK)
        return l->err;
    char text[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    l->err = err_set(l->e, ERR_FORMAT, ERR_NO_POS, "line %u: %s", line, text);
    return l->err;
}

void lex_init(struct lexer *l, struct arena *a, str source, struct error *e)
{
    *l = (struct lexer){.arena = a, .line = 1, .state = T_EOF, .pending = T_EOF, .e = e};
    char *p = arena_alloc(a, source.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < source.n; i++) {
        bool is_pair = source.p[i] == '\r' && i + 1 < source.n && source.p[i + 1] == '\n';
        if (!is_pair)
            p[n++] = source.p[i] == '\r' ? '\n' : source.p[i];
    }
    if (n > 0 && p[n - 1] == '\n')
        n--;
    l->src = (str){p, n};
}

static uint32_t line_of(struct lexer *l, size_t pos)
{
    for (; l->line_pos < pos; l->line_pos++)
        if (l->src.p[l->line_pos] == '\n')
            l->line++;
    return l->line;
}

static char at(const struct lexer *l, size_t pos)
{
    return pos < l->src.n ? l->src.p[pos] : '\0';
}

static bool looking_at(const struct lexer *l, size_t pos, const char *what)
{
    return pos <= l->src.n && str_starts(str_sub(l->src, pos, SIZE_MAX), str_of(what));
}

static size_t skip_space(const struct lexer *l, size_t pos)
{
    return pos + space_prefix(str_sub(l->src, pos, SIZE_MAX));
}

/* Position behind "-%}" and white space, "+%}", or "%}" and one newline; 0 when none is there.
 * close is the last two characters. */
static size_t tag_end(const struct lexer *l, size_t pos, const char *close, bool trim)
{
    if (at(l, pos) == '-' && looking_at(l, pos + 1, close))
        return skip_space(l, pos + 3);
    if (trim && at(l, pos) == '+' && looking_at(l, pos + 1, close))
        return pos + 3;
    if (!looking_at(l, pos, close))
        return 0;
    return pos + 2 + (trim && at(l, pos + 2) == '\n');
}

/* What is left of text[from, to) in front of a tag with this sign. */
static str strip_before(const struct lexer *l, size_t from, size_t to, char sign, bool is_print)
{
    str text = {l->src.p + from, to - from};
    if (sign == '-')
        return (str){text.p, text.n - space_suffix(text)};
    if (sign == '+' || is_print)
        return text;
    size_t keep = text.n;
    while (keep > 0 && text.p[keep - 1] != '\n')
        keep--;
    bool line_start = keep > 0 || from == 0 || l->src.p[from - 1] == '\n';
    str rest = {text.p + keep, text.n - keep};
    if (line_start && rest.n > 0 && space_prefix(rest) == rest.n)
        text.n = keep;
    return text;
}

/* Position behind "{% raw %}" when one stands at pos, else 0. */
static size_t raw_begin(const struct lexer *l, size_t pos)
{
    pos += 2;
    if (at(l, pos) == '-' || at(l, pos) == '+')
        pos++;
    pos = skip_space(l, pos);
    if (!looking_at(l, pos, "raw"))
        return 0;
    return tag_end(l, skip_space(l, pos + 3), "%}", false);
}

/* The text up to {% endraw %}; moves behind it. */
static str take_raw(struct lexer *l, size_t from)
{
    for (size_t pos = from; (pos = str_find(l->src, STR("{%"), pos)) != SIZE_MAX; pos += 2) {
        char sign = at(l, pos + 2);
        size_t word = skip_space(l, pos + 2 + (sign == '-' || sign == '+'));
        size_t end = looking_at(l, word, "endraw")
                         ? tag_end(l, skip_space(l, word + 6), "%}", true) : 0;
        if (end == 0)
            continue;
        l->pos = end;
        return strip_before(l, from, pos, sign, false);
    }
    lex_fail(l, line_of(l, from), "Missing end of raw directive");
    return STR_NONE;
}

static void skip_comment(struct lexer *l, size_t from)
{
    size_t start = from + 2 + (at(l, from + 2) == '-' || at(l, from + 2) == '+');
    size_t close = str_find(l->src, STR("#}"), start);
    if (close == SIZE_MAX) {
        lex_fail(l, line_of(l, from), "Missing end of comment tag");
        return;
    }
    bool is_signed = close > start && (at(l, close - 1) == '-' || at(l, close - 1) == '+');
    l->pos = tag_end(l, is_signed ? close - 1 : close, "#}", true);
}

/* Offset of the next "{{", "{%" or "{#", or the end. */
static size_t find_tag(const struct lexer *l, size_t pos)
{
    while ((pos = str_find_char(l->src, '{', pos)) != SIZE_MAX) {
        char c = at(l, pos + 1);
        if (c == '{' || c == '%' || c == '#')
            return pos;
        pos++;
    }
    return l->src.n;
}

/* Text before the next tag; leaves the tag pending. May give an empty text. */
static str lex_text(struct lexer *l)
{
    size_t from = l->pos, tag = find_tag(l, from);
    if (tag == l->src.n) {
        l->pos = tag;
        return str_sub(l->src, from, SIZE_MAX);
    }
    char kind = at(l, tag + 1), sign = at(l, tag + 2);
    str text = strip_before(l, from, tag, sign, kind == '{');
    size_t raw = kind == '%' ? raw_begin(l, tag) : 0;
    if (kind == '#') {
        skip_comment(l, tag);
    } else if (raw > 0) {
        l->pos = raw;
        l->pending = T_DATA;
    } else {
        l->pos = tag + 2 + (sign == '-' || sign == '+');
        l->pending = kind == '{' ? T_PRINT_BEGIN : T_BLOCK_BEGIN;
    }
    return text;
}

/* ---- inside a tag ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with single underscores between them; position behind them, or pos when there are none. */
static size_t digits(const struct lexer *l, size_t pos, const char *set)
{
    size_t end = pos;
    for (;;) {
        size_t next = end + (end > pos && at(l, end) == '_');
        char c = at(l, next);
        if (c == '\0' || !strchr(set, c))
            return end;
        end = next + 1;
    }
}

#define DECIMAL "0123456789"

/* Position behind a float at pos, or pos. */
static size_t float_end(const struct lexer *l, size_t pos)
{
    if (pos > 0 && at(l, pos - 1) == '.')
        return pos;
    size_t whole = digits(l, pos, DECIMAL), end = whole;
    if (whole == pos)
        return pos;
    if (at(l, end) == '.' && is_digit(at(l, end + 1)))
        end = digits(l, end + 1, DECIMAL);
    if (at(l, end) == 'e' || at(l, end) == 'E') {
        size_t exp = end + 1 + (at(l, end + 1) == '+' || at(l, end + 1) == '-');
        if (is_digit(at(l, exp)))
            end = digits(l, exp, DECIMAL);
    }
    return end > whole ? end : pos;
}

static size_t int_end(const struct lexer *l, size_t pos)
{
    static const struct { char letter; const char *set; } bases[] = {
        {'b', "01"}, {'o', "01234567"}, {'x', "0123456789abcdefABCDEF"}};
    if (at(l, pos) != '0')
        return digits(l, pos, DECIMAL);
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        size_t from = pos + 2 + (at(l, pos + 2) == '_');
        if ((at(l, pos + 1) | 0x20) == bases[i].letter && at(l, from) != '\0' &&
            strchr(bases[i].set, at(l, from)))
            return digits(l, from, bases[i].set);
    }
    return digits(l, pos, "0");
}

static size_t name_end(const struct lexer *l, size_t pos)
{
    while (pos < l->src.n) {
        size_t next = pos;
        uint32_t cp = utf8_next(l->src, &next);
        bool is_part = cp < 0x80 ? cp == '_' || is_digit((char)cp) ||
                                       ((cp | 0x20) >= 'a' && (cp | 0x20) <= 'z')
                                 : (uni_class(cp) & (UNI_LETTER | UNI_NUMBER | UNI_MARK)) != 0;
        if (!is_part)
            break;
        pos = next;
    }
    return pos;
}

/* Hex digits of \x, \u and \U; false when there are fewer than n. */
static bool read_hex(str s, size_t from, int n, uint32_t *cp)
{
    *cp = 0;
    for (int i = 0; i < n; i++) {
        char c = from + (size_t)i < s.n ? s.p[from + (size_t)i] : 'z';
        int digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
        if (!is_digit(c) && (digit < 10 || digit > 15))
            return false;
        *cp = *cp << 4 | (uint32_t)digit;
    }
    return true;
}

/* One escape at s[i] (behind the backslash): writes it, gives the position behind it. */
static size_t unescape_one(struct lexer *l, str s, size_t i, char *out, size_t *n)
{
    static const char plain[] = "n\nt\tr\ra\ab\bf\fv\v\\\\''\"\"";
    char c = s.p[i];
    for (size_t k = 0; k + 1 < sizeof plain; k += 2)
        if (c == plain[k]) {
            out[(*n)++] = plain[k + 1];
            return i + 1;
        }
    int width = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t cp = 0;
    size_t end = i + 1 + (size_t)width;
    if (c == '\n')
        return i + 1;
    if (c == 'N') {
        lex_fail(l, line_of(l, l->pos), "\\N{...} in strings is not supported");
        return i + 1;
    }
    if (c >= '0' && c <= '7') {
        for (end = i; end < i + 3 && end < s.n && s.p[end] >= '0' && s.p[end] <= '7'; end++)
            cp = cp * 8 + (uint32_t)(s.p[end] - '0');
    } else if (width == 0) {
        out[(*n)++] = '\\';
        return i;
    } else if (!read_hex(s, i + 1, width, &cp)) {
        lex_fail(l, line_of(l, l->pos), "truncated \\%c escape in a string", c);
        return i + 1;
    }
    int put = utf8_put(out + *n, cp);
    if (put == 0)
        lex_fail(l, line_of(l, l->pos), "\\%c escape is no character", c);
    *n += (size_t)put;
    return end;
}

/* An escape is never shorter than what it stands for. */
static str unescape(struct lexer *l, str s)
{
    if (str_find_char(s, '\\', 0) == SIZE_MAX)
        return s;
    char *out = arena_alloc(l->arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n && l->err == ERR_OK;) {
        if (s.p[i] != '\\' || i + 1 >= s.n)
            out[n++] = s.p[i++];
        else
            i = unescape_one(l, s, i + 1, out, &n);
    }
    return (str){out, n};
}

/* Position of the closing quote, or SIZE_MAX. */
static size_t string_end(const struct lexer *l, size_t pos)
{
    char quote = l->src.p[pos];
    for (size_t i = pos + 1; i < l->src.n; i++) {
        if (l->src.p[i] == '\\')
            i++;
        else if (l->src.p[i] == quote)
            return i;
    }
    return SIZE_MAX;
}

static const char *const two_char_ops[] = {"//", "**", "==", "!=", "<=", ">="};

static void track_bracket(struct lexer *l, char c)
{
    const char *open = strchr("([{", c), *close = strchr(")]}", c);
    if (open) {
        if (l->n_bracket == LEX_BRACKETS_MAX)
            lex_fail(l, line_of(l, l->pos), "more than %d open brackets", LEX_BRACKETS_MAX);
        else
            l->bracket[l->n_bracket++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (close) {
        if (l->n_bracket == 0)
            lex_fail(l, line_of(l, l->pos), "unexpected '%c'", c);
        else if (l->bracket[--l->n_bracket] != c)
            lex_fail(l, line_of(l, l->pos), "unexpected '%c', expected '%c'", c,
                     l->bracket[l->n_bracket]);
    }
}

static struct token lex_operator(struct lexer *l, struct token t)
{
    size_t n = 1;
    char c = at(l, l->pos);
    t.kind = T_OP;
    t.op = c;
    for (size_t i = 0; i < sizeof two_char_ops / sizeof two_char_ops[0]; i++)
        if (looking_at(l, l->pos, two_char_ops[i])) {
            n = 2;
            t.op = OP2(two_char_ops[i][0], two_char_ops[i][1]);
        }
    if (n == 1 && (c == '\0' || !strchr("+-/*%~[](){}=.:|,;<>", c))) {
        size_t end = l->pos;
        utf8_next(l->src, &end);
        lex_fail(l, t.line, "unexpected char '%.*s'", (int)(end - l->pos), l->src.p + l->pos);
        return t;
    }
    t.text = str_sub(l->src, l->pos, n);
    if (n == 1)
        track_bracket(l, c);
    l->pos += n;
    return t;
}

static struct token lex_quoted(struct lexer *l, struct token t)
{
    size_t end = string_end(l, l->pos);
    if (end == SIZE_MAX) {
        lex_fail(l, t.line, "unexpected char '%c'", l->src.p[l->pos]);
        return t;
    }
    t.kind = T_STRING;
    t.text = unescape(l, str_sub(l->src, l->pos + 1, end - l->pos - 1));
    l->pos = end + 1;
    return t;
}

/* The end of the tag, when it stands here and no bracket is open. */
static bool lex_tag_end(struct lexer *l, struct token *t)
{
    bool is_print = l->state == T_PRINT_BEGIN;
    size_t end = l->n_bracket > 0 ? 0 : tag_end(l, l->pos, is_print ? "}}" : "%}", !is_print);
    if (end == 0)
        return false;
    t->kind = is_print ? T_PRINT_END : T_BLOCK_END;
    l->pos = end;
    l->state = T_EOF;
    return true;
}

static struct token lex_in_tag(struct lexer *l)
{
    struct token t = {.kind = T_EOF, .line = line_of(l, l->pos)};
    if (lex_tag_end(l, &t))
        return t;
    size_t space = skip_space(l, l->pos);
    if (space > l->pos) {
        l->pos = space;
        t.line = line_of(l, l->pos);
        if (lex_tag_end(l, &t))
            return t;
    }
    if (l->pos >= l->src.n)
        return t;
    if (at(l, l->pos) == '"' || at(l, l->pos) == '\'')
        return lex_quoted(l, t);
    size_t end = float_end(l, l->pos);
    t.kind = T_FLOAT;
    if (end == l->pos) {
        end = int_end(l, l->pos);
        t.kind = T_INT;
    }
    if (end == l->pos) {
        end = name_end(l, l->pos);
        t.kind = T_NAME;
    }
    if (end == l->pos)
        return lex_operator(l, t);
    t.text = str_sub(l->src, l->pos, end - l->pos);
    l->pos = end;
    return t;
}

static struct token next_token(struct lexer *l)
{
    if (l->state != T_EOF)
        return lex_in_tag(l);
    while (l->err == ERR_OK) {
        struct token t = {.kind = T_DATA, .line = line_of(l, l->pos)};
        if (l->pending == T_PRINT_BEGIN || l->pending == T_BLOCK_BEGIN) {
            t.kind = l->state = l->pending;
            l->pending = T_EOF;
            return t;
        }
        if (l->pending == T_DATA) {
            l->pending = T_EOF;
            t.text = take_raw(l, l->pos);
        } else if (l->pos >= l->src.n) {
            break;
        } else {
            t.text = lex_text(l);
        }
        if (t.text.n > 0)
            return t;
    }
    return (struct token){.kind = T_EOF, .line = line_of(l, l->pos)};
}

struct token lex_next(struct lexer *l)
{
    struct token t = next_token(l);
    if (l->err != ERR_OK)
        t.kind = T_EOF;
    return t;
}
