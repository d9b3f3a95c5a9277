/* SPDX-License-Identifier: Apache-2.0
 *
 * What methods and filters of strings share: case, strip, replace, lines, and reading numbers,
 * as Python's str does it.
 */
#include "token/template_internal.h"

#include <math.h>

#include "base/mem.h"
#include "base/utf8.h"

/* ---- case ---- */

#define SIGMA 0x3a3u
#define FINAL_SIGMA 0x3c2u

static bool is_cased(uint32_t cp)
{
    return (uni_class(cp) & (UNI_UPPER | UNI_LOWER | UNI_TITLE)) != 0;
}

static void emit_upper(struct render *r, uint32_t cp, bool is_title)
{
    static const struct { uint32_t cp; const char *upper, *title; } longer[] = {
        {0xdf, "SS", "Ss"}, {0x149, "\xca\xbcN", "\xca\xbcN"}, {0xfb00, "FF", "Ff"},
        {0xfb01, "FI", "Fi"}, {0xfb02, "FL", "Fl"}, {0xfb03, "FFI", "Ffi"},
        {0xfb04, "FFL", "Ffl"}, {0xfb05, "ST", "St"}, {0xfb06, "ST", "St"}};
    for (size_t i = 0; i < sizeof longer / sizeof longer[0]; i++)
        if (cp == longer[i].cp) {
            emit(r, str_of(is_title ? longer[i].title : longer[i].upper));
            return;
        }
    emit_cp(r, uni_upper(cp));
}

/* s[at] is a sigma: is it the last letter of its word? (Unicode, Final_Sigma.) */
static bool is_final_sigma(str s, size_t at, bool after_cased)
{
    size_t next = at;
    utf8_next(s, &next);
    return after_cased && (next >= s.n || !is_cased(utf8_next(s, &next)));
}

static void emit_lower(struct render *r, str s, size_t at, uint32_t cp, bool after_cased)
{
    if (cp == SIGMA && is_final_sigma(s, at, after_cased))
        emit_cp(r, FINAL_SIGMA);
    else if (cp == 0x130)
        emit(r, STR("i\xcc\x87"));
    else
        emit_cp(r, uni_lower(cp));
}

/* Does a word of jinja2's title filter begin behind this character? */
static bool is_word_break(uint32_t cp)
{
    return cp_is_space(cp) || (cp < 0x80 && cp != 0 && strchr("-({[<", (int)cp));
}

struct value str_case(struct render *r, const struct tstr *s, enum case_kind kind)
{
    struct capture c = capture_begin(r);
    str bytes = str_bytes(s);
    bool after_cased = false, at_start = true;
    for (size_t i = 0; i < s->n && step(r, 1);) {
        size_t at = i;
        uint32_t cp = utf8_next(bytes, &i);
        bool is_title = kind == CASE_CAPITALIZE || kind == CASE_FILTER_TITLE ? at_start
                        : kind == CASE_TITLE && !after_cased;
        bool is_upper = kind == CASE_UPPER || (kind == CASE_SWAP && (uni_class(cp) & UNI_LOWER));
        bool is_same = kind == CASE_SWAP && !(uni_class(cp) & (UNI_LOWER | UNI_UPPER));
        if (is_same)
            emit_cp(r, cp);
        else if (is_title || is_upper)
            emit_upper(r, cp, is_title && kind != CASE_FILTER_TITLE);
        else
            emit_lower(r, bytes, at, cp, after_cased);
        after_cased = is_cased(cp);
        at_start = kind == CASE_FILTER_TITLE && is_word_break(cp);
    }
    if (str_is_input(s))
        emit_mark(r, c.at);
    return capture_end(r, c);
}

/* ---- cutting and joining ---- */

static bool has_char(const struct tstr *chars, uint32_t cp)
{
    if (!chars)
        return cp_is_space(cp);
    for (size_t i = 0; i < chars->n;)
        if (utf8_next(str_bytes(chars), &i) == cp)
            return true;
    return false;
}

struct value str_strip(struct render *r, const struct tstr *s, const struct tstr *chars, int sides)
{
    size_t from = 0, to = s->n;
    while ((sides & 1) && from < to && step(r, 1)) {
        size_t next = from;
        if (!has_char(chars, utf8_next(str_bytes(s), &next)))
            break;
        from = next;
    }
    while ((sides & 2) && to > from && step(r, 1)) {
        size_t start = to - 1;
        while (start > from && ((unsigned char)s->p[start] & 0xc0) == 0x80)
            start--;
        size_t next = start;
        if (!has_char(chars, utf8_next(str_bytes(s), &next)))
            break;
        to = start;
    }
    return str_part(r, s, from, to);
}

struct value str_center(struct render *r, const struct tstr *s, int64_t width, str fill)
{
    if (width <= (int64_t)s->n_char)
        return (struct value){.type = V_STR, .s = s};
    int64_t pad = width - (int64_t)s->n_char, left = pad / 2 + (pad & width & 1);
    struct capture c = capture_begin(r);
    for (int64_t i = 0; i < left && step(r, 1); i++)
        emit(r, fill);
    emit_str(r, s);
    for (int64_t i = left; i < pad && step(r, 1); i++)
        emit(r, fill);
    return capture_end(r, c);
}

/* The empty string stands before every character and at the end. */
static void insert_between(struct render *r, const struct tstr *s, const struct tstr *with,
                           int64_t count)
{
    for (size_t i = 0; i < s->n && step(r, 1);) {
        size_t from = i;
        if (count-- > 0)
            emit_str(r, with);
        utf8_next(str_bytes(s), &i);
        emit(r, (str){s->p + from, i - from});
    }
    if (count > 0)
        emit_str(r, with);
}

struct value str_replace(struct render *r, const struct tstr *s, const struct tstr *old,
                         const struct tstr *with, int64_t count)
{
    struct capture c = capture_begin(r);
    size_t at = 0, hit;
    if (count < 0)
        count = INT64_MAX;
    if (old->n == 0) {
        insert_between(r, s, with, count);
    } else {
        while (count-- > 0 && step(r, 1) &&
               (hit = str_find(str_bytes(s), str_bytes(old), at)) != SIZE_MAX) {
            emit(r, (str){s->p + at, hit - at});
            emit_str(r, with);
            at = hit + old->n;
        }
        emit(r, (str){s->p + at, s->n - at});
    }
    if (str_is_input(s))
        emit_mark(r, c.at);
    return capture_end_blurred(r, c);
}

static bool is_line_break(uint32_t cp)
{
    return (cp >= 10 && cp <= 13) || (cp >= 28 && cp <= 30) || cp == 0x85 || cp == 0x2028 ||
           cp == 0x2029;
}

struct vlist *str_lines(struct render *r, const struct tstr *s, bool keep_ends)
{
    struct vlist *l = list_new(r, 0);
    str bytes = str_bytes(s);
    size_t from = 0;
    for (size_t i = 0; i < s->n && step(r, 1);) {
        size_t at = i;
        uint32_t cp = utf8_next(bytes, &i);
        if (!is_line_break(cp))
            continue;
        if (cp == '\r' && i < s->n && s->p[i] == '\n')
            i++;
        list_add(r, l, str_part(r, s, from, keep_ends ? i : at));
        from = i;
    }
    if (from < s->n)
        list_add(r, l, str_part(r, s, from, s->n));
    return l;
}

/* ---- numbers ---- */

#define NUMBER_TEXT_MAX 512

/* Without outer white space and single underscores between digits; false when those stand wrong
 * or the text is too long to be a number that fits. */
static bool plain_number(str s, char out[NUMBER_TEXT_MAX], size_t *n)
{
    s = str_sub(s, space_prefix(s), SIZE_MAX);
    s.n -= space_suffix(s);
    *n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool is_bar = s.p[i] == '_';
        bool is_between = i > 0 && i + 1 < s.n && s.p[i - 1] != '_' && s.p[i - 1] != '+' &&
                          s.p[i - 1] != '-' && s.p[i + 1] != '_';
        if ((is_bar && !is_between) || *n + 1 >= NUMBER_TEXT_MAX)
            return false;
        if (!is_bar)
            out[(*n)++] = s.p[i];
    }
    out[*n] = '\0';
    return *n > 0;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

bool text_to_int(str s, int64_t base, int64_t *out)
{
    char text[NUMBER_TEXT_MAX];
    size_t n, i = 0;
    if (!plain_number(s, text, &n) || base < 0 || base == 1 || base > 36)
        return false;
    bool is_negative = text[0] == '-';
    i += text[0] == '-' || text[0] == '+';
    int prefix = text[i] != '0' ? 0 : (text[i + 1] | 0x20) == 'x' ? 16
                 : (text[i + 1] | 0x20) == 'o' ? 8 : (text[i + 1] | 0x20) == 'b' ? 2 : 0;
    if (prefix != 0 && (base == 0 || base == prefix))
        i += 2;
    base = base != 0 ? base : prefix != 0 ? prefix : 10;
    if (i >= n)
        return false;
    int64_t v = 0;
    for (; i < n; i++) {
        int digit = digit_of(text[i]);
        if (digit >= base || __builtin_mul_overflow(v, base, &v) ||
            __builtin_sub_overflow(v, digit, &v))
            return false;
    }
    if (!is_negative && v == INT64_MIN)
        return false;
    *out = is_negative ? v : -v;
    return true;
}

bool text_to_float(str s, double *out)
{
    static const struct { const char *word; double v; } words[] = {
        {"inf", INFINITY}, {"infinity", INFINITY}, {"nan", NAN}};
    char text[NUMBER_TEXT_MAX];
    size_t n;
    if (!plain_number(s, text, &n))
        return false;
    bool is_signed = text[0] == '-' || text[0] == '+';
    str rest = str_n(text + is_signed, n - is_signed);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eq_nocase(rest, str_of(words[i].word))) {
            *out = text[0] == '-' ? -words[i].v : words[i].v;
            return true;
        }
    if (rest.n == 0 || rest.p[0] == '-' || rest.p[0] == '+' || !str_to_double(rest, out))
        return false;
    if (text[0] == '-')
        *out = -*out;
    return true;
}
