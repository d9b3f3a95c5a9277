/* SPDX-License-Identifier: Apache-2.0
 *
 *   TEXT --opening text--> OPEN --> HEAD --> BODY --> CLOSE --call--> TEXT, or NEXT in a section
 *     ^                     |        |        |                         |
 *     `---- the bytes are text ------'--------'        NEXT --between--> HEAD
 *     TEXT --opening of thinking--> THINK --its end--> TEXT
 *
 * Each state looks at bytes once: `at` only moves on, and a state that failed leaves the bytes
 * before `at` as text and begins anew at the byte that did not fit. So time is linear, and what
 * comes out does not depend on how the bytes came.
 */
#include "chat/call_parse.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/call_parse_internal.h"

#define HELD_BYTES_MAX ((size_t)256 << 20)
#define START_BYTES_MAX 32 /* looked at to tell a call from another object */

static void note_marks(struct call_parser *p, const str *mark, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (mark[i].n) p->may_begin[(uint8_t)mark[i].p[0]] = true;
}

struct call_parser *call_parser_new(const struct call_syntax *s, const struct chat_tool *tool,
                                    size_t n_tool)
{
    struct call_parser *p = mem_alloc(sizeof *p);

    p->syntax = s;
    p->tool = tool;
    p->n_tool = n_tool;
    p->at_start = true;
    note_marks(p, s->open, CALL_OPENS_MAX);
    note_marks(p, s->drop, CALL_OPENS_MAX);
    if (s->thinks_again) note_marks(p, &s->think_open, 1);
    buf_init(&p->held, HELD_BYTES_MAX);
    buf_init(&p->id_out, CALL_BYTES_MAX);
    buf_init(&p->args_out, CALL_BYTES_MAX * 8);
    return p;
}

void call_parser_free(struct call_parser *p)
{
    if (!p) return;
    arena_free(p->tree);
    mem_free(p->arg);
    buf_done(&p->held);
    buf_done(&p->id_out);
    buf_done(&p->args_out);
    mem_free(p);
}

/* Moves what is left to the front, once it is less than what was given. */
static void compact(struct call_parser *p)
{
    size_t n = p->given;

    if (n == 0 || n < p->held.n - n) return;
    buf_consume(&p->held, n);
    p->fed_before += n;
    p->given = 0;
    p->text_end -= n;
    p->at -= n;
    p->seek -= p->seek < n ? p->seek : n;
    p->from -= p->from < n ? p->from : n;
}

void call_parser_feed(struct call_parser *p, str bytes)
{
    compact(p);
    buf_add(&p->held, bytes);
}

void call_parser_end(struct call_parser *p) { p->at_end = true; }

/* ---- what is no call ---- */

/* [from, at) is text; what comes next is looked at anew. */
static void leave_as_text(struct call_parser *p)
{
    p->state = TEXT;
    p->drops_blank = false;
    p->at_start = false;
    for (size_t i = p->at; i > p->text_end; i--) {
        if (call_is_blank(p->held.p[i - 1])) continue;
        p->text_end = i;
        break;
    }
}

static void leave(struct call_parser *p)
{
    if (p->state != NEXT) {
        leave_as_text(p);
        return;
    }
    call_drop_up_to_at(p);
    p->state = TEXT;
}

static bool give_call(struct call_parser *p, struct call_event *ev)
{
    const struct call_syntax *s = p->syntax;

    if (!call_read(p, ev)) {
        leave_as_text(p);
        return false;
    }
    p->n_call++;
    p->at_start = false;
    call_drop_up_to_at(p);
    p->from = p->at;
    p->n_literal = 0;
    p->state = s->calls_close.n ? NEXT : TEXT;
    return true;
}

/* ---- text ---- */

/* How much of text stands at `at`: all (OK), what there is (MORE), or something else. */
static enum step stands(const struct call_parser *p, str text)
{
    str rest = str_sub(buf_str(&p->held), p->at, text.n);

    if (text.n == 0) return STEP_BAD;
    if (str_eq(rest, text)) return STEP_OK;
    return str_starts(text, rest) && !p->at_end ? STEP_MORE : STEP_BAD;
}

/* Begins a call at `at`; found: the part of its opening text that stands there. */
static void open_call(struct call_parser *p, str found)
{
    const struct call_syntax *s = p->syntax;
    size_t in_section = s->calls_open.n ? str_find(s->calls_open, found, 0) : SIZE_MAX;
    size_t in_call = str_find(s->call_open, found, 0);

    p->from = p->at;
    p->at += found.n;
    p->n_literal = 0;
    p->state = OPEN;
    p->opens_section = in_section != SIZE_MAX;
    p->rest = STR_NONE;
    if (p->opens_section)
        p->rest = str_sub(s->calls_open, in_section + found.n, SIZE_MAX);
    else if (in_call != SIZE_MAX)
        p->rest = str_sub(s->call_open, in_call + found.n, SIZE_MAX);
}

/* The object that a turn begins with has a key of calls first. */
static enum step has_call_key(const struct call_parser *p)
{
    static const char *const key[] = {"\"name\"", "\"type\"",       "\"function\"",
                                      "\"id\"",   "\"parameters\"", "\"arguments\""};
    str rest = str_sub(buf_str(&p->held), p->at, START_BYTES_MAX);
    bool is_whole = rest.n == START_BYTES_MAX || p->at_end;
    size_t i = 1;

    while (i < rest.n && call_is_blank(rest.p[i])) i++;
    rest = str_sub(rest, i, rest.n);
    for (size_t k = 0; k < sizeof key / sizeof key[0]; k++) {
        if (str_starts(rest, str_of(key[k]))) return STEP_OK;
        if (!is_whole && str_starts(str_of(key[k]), rest)) return STEP_MORE;
    }
    return STEP_BAD;
}

/* At the first byte of the turn that is not white space. */
static enum step step_start(struct call_parser *p)
{
    const struct call_syntax *s = p->syntax;
    enum step r = stands(p, s->start);

    if (r == STEP_OK && s->form == CALL_JSON) {
        r = has_call_key(p);
        if (r == STEP_OK) {
            p->from = p->at;
            call_begin(p);
        }
    } else if (r == STEP_OK) {
        open_call(p, s->start);
    }
    if (r != STEP_MORE) p->at_start = false;
    return r;
}

/* A mark that may stand here; BAD: none. Longer ones come first in each list. */
static enum step find_mark(const struct call_parser *p, const str *list, size_t n, str *found)
{
    for (size_t i = 0; i < n; i++) {
        enum step r = stands(p, list[i]);

        *found = list[i];
        if (r != STEP_BAD) return r;
    }
    return STEP_BAD;
}

static enum step step_thinking(struct call_parser *p)
{
    enum step r = p->syntax->thinks_again ? stands(p, p->syntax->think_open) : STEP_BAD;

    if (r != STEP_OK) return r;
    p->at += p->syntax->think_open.n;
    call_drop_up_to_at(p);
    p->seek = p->at;
    p->state = THINK;
    return r;
}

/* Marks are looked for once the text before them was given. */
static enum step step_marks(struct call_parser *p)
{
    enum step r;
    str found;

    r = find_mark(p, p->syntax->open, CALL_OPENS_MAX, &found);
    if (r == STEP_OK) open_call(p, found);
    if (r == STEP_BAD) r = step_thinking(p);
    if (r != STEP_BAD) return r;
    r = find_mark(p, p->syntax->drop, CALL_OPENS_MAX, &found);
    if (r == STEP_OK) {
        p->at += found.n;
        call_drop_up_to_at(p);
    }
    return r;
}

/* Text up to the next mark. OK: the state or the place changed. */
static enum step step_text(struct call_parser *p)
{
    while (p->at < p->held.n) {
        char c = p->held.p[p->at];
        enum step r = STEP_BAD;

        if (p->at_start && !call_is_blank(c)) r = step_start(p);
        if (r == STEP_BAD && p->may_begin[(uint8_t)c]) {
            if (p->text_end > p->given) return STEP_OK;
            r = step_marks(p);
        }
        if (r != STEP_BAD) return r;
        p->at++;
        if (!call_is_blank(c)) {
            p->text_end = p->at;
            p->drops_blank = false;
        } else if (p->drops_blank) {
            p->given = p->text_end = p->at;
        }
    }
    return STEP_MORE;
}

static enum step step_think(struct call_parser *p)
{
    str close = p->syntax->think_close, text = buf_str(&p->held);
    size_t end = str_find(text, close, p->seek > p->given ? p->seek : p->given);

    if (end == SIZE_MAX) {
        size_t hold = p->at_end ? 0 : close.n - 1;

        p->text_end = text.n - p->given > hold ? text.n - hold : p->given;
        p->at = p->seek = p->text_end;
        return STEP_MORE;
    }
    p->seek = p->text_end = end;
    if (end > p->given) return STEP_OK;
    p->at = end + close.n;
    call_drop_up_to_at(p);
    p->state = TEXT;
    return STEP_OK;
}

/* ---- events out ---- */

static bool give_text(struct call_parser *p, struct call_event *ev)
{
    str text = str_sub(buf_str(&p->held), p->given, p->text_end - p->given);

    /* A character that has not come whole waits, unless something follows it already. */
    if (!p->at_end && p->text_end == p->held.n) text.n -= utf8_tail(text);
    if (text.n == 0) return false;
    p->given += text.n;
    *ev = (struct call_event){.kind = p->state == THINK ? CALL_EVENT_REASONING : CALL_EVENT_TEXT,
                              .text = text,
                              .end = p->fed_before + p->given};
    return true;
}

/* Arguments had begun: half a call is nobody's answer. */
static bool is_begun(const struct call_parser *p)
{
    str body = str_sub(buf_str(&p->held), p->from + p->body.from, SIZE_MAX);

    if (p->state != BODY) return false;
    if (p->syntax->form != CALL_JSON) return p->called != NULL;
    return p->body.n && (str_find(body, STR("\"arguments\""), 0) != SIZE_MAX ||
                         str_find(body, STR("\"parameters\""), 0) != SIZE_MAX);
}

/* No more bytes come, and the state wants some. */
static enum step step_at_end(struct call_parser *p)
{
    switch (p->state) {
    case TEXT:
        if (p->n_call == 0 && !p->drops_blank) p->text_end = p->held.n;
        return STEP_MORE;
    case THINK: return STEP_MORE;
    case CLOSE: /* part of the mark behind the call */ p->at = p->held.n; return STEP_OK;
    case NEXT:
        p->at = p->held.n;
        call_drop_up_to_at(p);
        p->state = TEXT;
        return STEP_OK;
    default:
        p->at = p->held.n;
        if (is_begun(p)) p->given = p->text_end = p->at;
        leave_as_text(p);
        return STEP_OK;
    }
}

/* The call grew too long while the state wants more. */
static enum step step_at_limit(struct call_parser *p)
{
    if (p->state == CLOSE) return STEP_OK;
    p->at = p->from + CALL_BYTES_MAX;
    return STEP_BAD;
}

static enum step step(struct call_parser *p)
{
    bool in_call = p->state != TEXT && p->state != THINK;
    enum step r;

    switch (p->state) {
    case TEXT: r = step_text(p); break;
    case THINK: r = step_think(p); break;
    default: r = call_step(p);
    }
    if (r != STEP_MORE) return r;
    if (in_call && p->held.n - p->from >= CALL_BYTES_MAX) return step_at_limit(p);
    return p->at_end ? step_at_end(p) : STEP_MORE;
}

bool call_parser_next(struct call_parser *p, struct call_event *ev)
{
    for (;;) {
        bool was_closing;
        enum step r;

        if (give_text(p, ev)) return true;
        was_closing = p->state == CLOSE;
        r = step(p);
        if (r == STEP_MORE) return give_text(p, ev);
        if (r == STEP_BAD) leave(p);
        if (r == STEP_OK && was_closing && give_call(p, ev)) return true;
    }
}
