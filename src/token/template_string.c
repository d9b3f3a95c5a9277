/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings with marks: text under construction, parts, and the white space of Python.
 *
 * Marks: out->input holds, sorted, the ranges of out->text that came from vars. A capture is the
 * tail of both since capture_begin; capture_end copies the tail into a string and removes it.
 * Ranges that touch are merged, but not across the start of a capture (span_base).
 */
#include "token/template_internal.h"

#include "base/mem.h"
#include "base/utf8.h"

/* ---- text under construction ---- */

static void out_of_text(struct render *r)
{
    fail(r, ERR_LIMIT, "more than %zu bytes of text", r->limits.output_max);
}

void emit(struct render *r, str plain)
{
    if (r->err != ERR_OK || !step(r, plain.n / 64))
        return;
    buf_add(&r->out->text, plain);
    if (r->out->text.bad)
        out_of_text(r);
}

void emit_char(struct render *r, char c, size_t times)
{
    if (times == 0)
        return;
    bool has_room = times <= r->out->text.max - r->out->text.n;
    char *p = has_room && step(r, times / 64) ? buf_reserve(&r->out->text, times) : NULL;
    if (!p) {
        out_of_text(r);
        return;
    }
    memset(p, c, times);
    r->out->text.n += times;
}

void emit_cp(struct render *r, uint32_t cp)
{
    char c[4];
    emit(r, (str){c, (size_t)utf8_put(c, cp)});
}

static void grow_spans(struct render *r)
{
    struct template_out *o = r->out;
    size_t cap = o->cap_input ? 2 * o->cap_input : 32;
    struct text_span *p = cap * sizeof *p <= r->limits.memory_max + 4096
                              ? mem_try_resize(o->input, cap * sizeof *p) : NULL;
    if (!p) {
        fail(r, ERR_LIMIT, "the text alternates too often between template and input");
        return;
    }
    o->input = p;
    o->cap_input = cap;
}

static void add_span(struct render *r, size_t from, size_t to)
{
    struct template_out *o = r->out;
    if (from >= to || r->err != ERR_OK)
        return;
    if (o->n_input > r->span_base && o->input[o->n_input - 1].to == from) {
        o->input[o->n_input - 1].to = to;
        return;
    }
    if (o->n_input == o->cap_input)
        grow_spans(r);
    if (r->err == ERR_OK)
        o->input[o->n_input++] = (struct text_span){from, to};
}

void emit_mark(struct render *r, size_t from)
{
    struct template_out *o = r->out;
    while (o->n_input > r->span_base && o->input[o->n_input - 1].to > from) {
        if (o->input[o->n_input - 1].from < from)
            from = o->input[o->n_input - 1].from;
        o->n_input--;
    }
    add_span(r, from, o->text.n);
}

void emit_str(struct render *r, const struct tstr *s)
{
    size_t at = r->out->text.n;
    emit(r, str_bytes(s));
    if (s->mark == MARK_ALL)
        add_span(r, at, at + s->n);
    for (size_t i = 0; s->mark == MARK_SOME && i < s->n_span && step(r, 1); i++)
        add_span(r, at + s->span[i].from, at + s->span[i].to);
}

struct capture capture_begin(struct render *r)
{
    struct capture c = {r->out->text.n, r->out->n_input, r->span_base};
    r->span_base = c.n_span;
    return c;
}

void capture_drop(struct render *r, struct capture c)
{
    r->out->text.n = c.at;
    r->out->n_input = c.n_span;
    r->span_base = c.span_base;
}

/* Marks of the capture's text, relative to its start. */
static void take_spans(struct render *r, struct capture c, struct tstr *s)
{
    size_t n = r->out->n_input - c.n_span;
    if (n == 0)
        return;
    const struct text_span *from = r->out->input + c.n_span;
    s->mark = MARK_SOME;
    if (n == 1 && from->from == c.at && from->to == c.at + s->n)
        s->mark = MARK_ALL;
    if (s->mark != MARK_SOME)
        return;
    struct text_span *span = big_alloc(r, n, sizeof *span);
    for (size_t i = 0; span && i < n; i++)
        span[i] = (struct text_span){from[i].from - c.at, from[i].to - c.at};
    s->span = span;
    s->n_span = span ? n : 0;
}

struct value capture_end(struct render *r, struct capture c)
{
    struct tstr *s = new_of(r, struct tstr);
    size_t n = r->err == ERR_OK ? r->out->text.n - c.at : 0;
    char *p = n > 0 ? big_alloc(r, n, 1) : NULL;
    s->p = "";
    if (p) {
        memcpy(p, r->out->text.p + c.at, n);
        s->p = p;
        s->n = n;
        s->n_char = utf8_count((str){p, n});
        take_spans(r, c, s);
    }
    capture_drop(r, c);
    return (struct value){.type = V_STR, .s = s};
}

struct value capture_end_blurred(struct render *r, struct capture c)
{
    if (r->out->n_input > c.n_span) {
        r->out->n_input = c.n_span;
        add_span(r, c.at, r->out->text.n);
    }
    return capture_end(r, c);
}

/* ---- strings ---- */

static struct value string(struct render *r, str s, enum mark mark)
{
    struct tstr *t = new_of(r, struct tstr);
    step(r, s.n / 64);
    *t = (struct tstr){.p = s.p, .n = s.n, .n_char = utf8_count(s), .mark = mark};
    return (struct value){.type = V_STR, .s = t};
}

struct value str_plain(struct render *r, str s)
{
    return string(r, s, MARK_NONE);
}

struct value str_input(struct render *r, str s)
{
    return string(r, s, s.n > 0 ? MARK_ALL : MARK_NONE);
}

struct value str_copy(struct render *r, str s, bool input)
{
    char *p = big_alloc(r, s.n + 1, 1);
    if (!p)
        return str_plain(r, STR(""));
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return string(r, (str){p, s.n}, input && s.n > 0 ? MARK_ALL : MARK_NONE);
}

/* Ranges of s inside [from, to), moved to its start. */
static void part_spans(struct render *r, const struct tstr *s, size_t from, size_t to,
                       struct tstr *out)
{
    size_t lo = 0, hi = s->n_span;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (s->span[mid].to <= from)
            lo = mid + 1;
        else
            hi = mid;
    }
    size_t n = 0;
    while (lo + n < s->n_span && s->span[lo + n].from < to)
        n++;
    out->mark = n > 0 ? MARK_SOME : MARK_NONE;
    struct text_span *span = n > 0 && step(r, n) ? big_alloc(r, n, sizeof *span) : NULL;
    for (size_t i = 0; span && i < n; i++) {
        struct text_span x = s->span[lo + i];
        span[i].from = x.from > from ? x.from - from : 0;
        span[i].to = (x.to < to ? x.to : to) - from;
    }
    out->span = span;
    out->n_span = span ? n : 0;
    if (span && n == 1 && span->from == 0 && span->to == out->n)
        out->mark = MARK_ALL;
}

struct value str_part(struct render *r, const struct tstr *s, size_t from, size_t to)
{
    if (from == 0 && to == s->n)
        return (struct value){.type = V_STR, .s = s};
    struct value v = string(r, str_sub(str_bytes(s), from, to - from), MARK_NONE);
    struct tstr *t = new_of(r, struct tstr);
    *t = *v.s;
    t->safe = s->safe;
    t->mark = s->mark == MARK_ALL && t->n == 0 ? MARK_NONE : s->mark;
    if (s->mark == MARK_SOME)
        part_spans(r, s, from, to, t);
    return (struct value){.type = V_STR, .s = t};
}

size_t str_offset(const struct tstr *s, size_t i)
{
    if (i >= s->n_char)
        return s->n;
    if (s->n_char == s->n)
        return i;
    size_t at = 0;
    while (i-- > 0)
        utf8_next(str_bytes(s), &at);
    return at;
}

struct value str_escaped(struct render *r, const struct tstr *s)
{
    static const struct { char c; const char *to; } rows[] = {
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}};
    struct capture c = capture_begin(r);
    for (size_t i = 0; i < s->n && step(r, 1); i++) {
        const char *to = NULL;
        for (size_t k = 0; !s->safe && k < sizeof rows / sizeof rows[0]; k++)
            if (s->p[i] == rows[k].c)
                to = rows[k].to;
        emit(r, to ? str_of(to) : (str){s->p + i, 1});
    }
    if (str_is_input(s))
        emit_mark(r, c.at);
    struct value v = capture_end(r, c);
    struct tstr *safe = new_of(r, struct tstr);
    *safe = *v.s;
    safe->safe = true;
    return (struct value){.type = V_STR, .s = safe};
}

/* ---- white space ---- */

bool cp_is_space(uint32_t cp)
{
    return (cp >= 9 && cp <= 13) || (cp >= 28 && cp <= 32) || cp == 0x85 || cp == 0xa0 ||
           cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

size_t space_prefix(str s)
{
    size_t i = 0;
    while (i < s.n) {
        size_t next = i;
        if (!cp_is_space(utf8_next(s, &next)))
            break;
        i = next;
    }
    return i;
}

size_t space_suffix(str s)
{
    size_t end = s.n;
    while (end > 0) {
        size_t start = end - 1;
        while (start > 0 && end - start < 4 && ((unsigned char)s.p[start] & 0xc0) == 0x80)
            start--;
        size_t next = start;
        if (!cp_is_space(utf8_next(str_sub(s, 0, end), &next)))
            break;
        end = start;
    }
    return s.n - end;
}
