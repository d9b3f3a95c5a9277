/* SPDX-License-Identifier: Apache-2.0
 *
 * SSE writer and parser. The parser keeps one unfinished line and the event so far; both are
 * bounded by max, and the first byte over it makes every later sse_feed fail too.
 */
#include "net/sse.h"

void sse_data(struct buf *b, str json)
{
    DCHECK(memchr(json.n ? json.p : "", '\n', json.n) == NULL);
    buf_add(b, STR("data: "));
    buf_add(b, json);
    buf_add(b, STR("\n\n"));
}

void sse_event(struct buf *b, const char *name, str json)
{
    buf_add(b, STR("event: "));
    buf_add(b, str_of(name));
    buf_char(b, '\n');
    sse_data(b, json);
}

void sse_comment(struct buf *b, const char *text)
{
    buf_add(b, STR(": "));
    buf_add(b, str_of(text));
    buf_add(b, STR("\n\n"));
}

void sse_parser_init(struct sse_parser *p, size_t max, void (*on_event)(void *, str, str),
                     void *arg)
{
    *p = (struct sse_parser){.on_event = on_event, .arg = arg};
    buf_init(&p->line, max);
    buf_init(&p->data, max);
    buf_init(&p->event, max);
}

void sse_parser_done(struct sse_parser *p)
{
    buf_done(&p->line);
    buf_done(&p->data);
    buf_done(&p->event);
}

/* The empty line: gives the event when it has data, and forgets it. */
static void dispatch(struct sse_parser *p)
{
    if (p->data.n > 0)
        p->on_event(p->arg, buf_str(&p->event), (str){p->data.p, p->data.n - 1});
    p->data.n = 0;
    p->event.n = 0;
}

static void end_line(struct sse_parser *p)
{
    str line = buf_str(&p->line);
    if (!p->started) {
        p->started = true;
        if (str_starts(line, STR("\xEF\xBB\xBF")))
            line = str_sub(line, 3, line.n);
    }
    if (line.n == 0) {
        dispatch(p);
    } else {
        size_t colon = str_find_char(line, ':', 0);
        str name = line, value = STR("");
        if (colon != SIZE_MAX) {
            name.n = colon;
            value = str_sub(line, colon + 1, line.n);
            if (value.n > 0 && value.p[0] == ' ')
                value = str_sub(value, 1, value.n);
        }
        if (str_is(name, "data")) {
            buf_add(&p->data, value);
            buf_char(&p->data, '\n');
        } else if (str_is(name, "event")) {
            p->event.n = 0;
            buf_add(&p->event, value);
        }
    }
    p->line.n = 0;
}

static bool is_failed(const struct sse_parser *p)
{
    return p->line.bad || p->data.bad || p->event.bad;
}

bool sse_feed(struct sse_parser *p, str bytes)
{
    for (size_t i = 0; i < bytes.n && !is_failed(p);) {
        if (p->cr && bytes.p[i] == '\n')
            i++;
        p->cr = false;
        size_t start = i;
        while (i < bytes.n && bytes.p[i] != '\n' && bytes.p[i] != '\r')
            i++;
        buf_add(&p->line, str_sub(bytes, start, i - start));
        if (i == bytes.n || p->line.bad)
            break;
        p->cr = bytes.p[i++] == '\r';
        end_line(p);
    }
    return !is_failed(p);
}
