/* SPDX-License-Identifier: Apache-2.0
 *
 * SSE writer and parser: the examples of WHATWG HTML 9.2 and the corners, in every split.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/sse.h"

struct parse_case { str in; const char *events; };     /* "event:data;" each */

static const struct parse_case cases[] = {
    {STR("data: a\n\n"), ":a;"},
    {STR("data:a\n\ndata: b\n\n"), ":a;:b;"},
    {STR("data:  a\n\n"), ": a;"},
    {STR("data: a\ndata: b\n\n"), ":a\nb;"},
    {STR("data: a\r\ndata: b\r\n\r\n"), ":a\nb;"},
    {STR("data: a\rdata: b\r\r"), ":a\nb;"},
    {STR("data: a\r\r\ndata: b\n\r\n"), ":a;:b;"},
    {STR("data\n\ndata\ndata\n\ndata:"), ":;:\n;"},
    {STR("event: e\ndata: 1\n\ndata: 2\n\n"), "e:1;:2;"},
    {STR("event: e\n\ndata: 2\n\n"), ":2;"},
    {STR("event: e\nevent: f\ndata: 1\n\n"), "f:1;"},
    {STR(": hello\n\n:\n\ndata: 1\n\n"), ":1;"},
    {STR("id: 3\nretry: 10\nfoo: bar\nDATA: x\ndata: 1\n\n"), ":1;"},
    {STR("\xEF\xBB\xBF" "data: a\n\n"), ":a;"},
    {STR("\xEF\xBB\xBF\xEF\xBB\xBF" "data: a\n\n"), ""},
    {STR("\n\xEF\xBB\xBF" "data: a\n\n"), ""},
    {STR("data: a"), ""},
    {STR("data: a\n"), ""},
    {STR("data: a\0b\n\n"), ":a"},             /* NUL is a byte like others; %s stops at it */
    {STR(""), ""},
};

static void collect(void *arg, str event, str data)
{
    struct buf *b = arg;
    buf_add(b, event);
    buf_char(b, ':');
    buf_add(b, data);
    buf_char(b, ';');
}

static void parse_split(str in, size_t first, size_t step, struct buf *out)
{
    struct sse_parser p;
    sse_parser_init(&p, 1024, collect, out);
    assert_true(sse_feed(&p, str_sub(in, 0, first)));
    for (size_t at = first < in.n ? first : in.n; at < in.n; at += step)
        assert_true(sse_feed(&p, str_sub(in, at, step)));
    sse_parser_done(&p);
    buf_char(out, '\0');
}

static void events_are_the_same_however_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 4096);
        for (size_t first = 0; first <= cases[i].in.n; first++) {
            for (size_t step = 1; step < 4; step++) {
                buf_clear(&out);
                parse_split(cases[i].in, first, step == 3 ? 1000 : step, &out);
                if (strcmp(out.p, cases[i].events) != 0)
                    fail_msg("case %zu split %zu: \"%s\", expected \"%s\"", i, first, out.p,
                             cases[i].events);
            }
        }
        buf_done(&out);
    }
}

static void long_events_are_refused(void **state)
{
    (void)state;
    struct buf out;
    struct sse_parser p;
    buf_init(&out, 4096);
    sse_parser_init(&p, 16, collect, &out);
    assert_true(sse_feed(&p, STR("data: 123456789\n\n")));     /* a line of 15 bytes */
    assert_true(sse_feed(&p, STR("data: 1234567890")));        /* of 16 */
    assert_false(sse_feed(&p, STR("1")));
    assert_false(sse_feed(&p, STR("\n\n")));                   /* stays failed */
    sse_parser_done(&p);
    sse_parser_init(&p, 16, collect, &out);
    assert_true(sse_feed(&p, STR("data: 1234567\n")));
    assert_false(sse_feed(&p, STR("data: 123456789\n")));      /* together too long */
    sse_parser_done(&p);
    buf_done(&out);
}

static void what_is_written_is_parsed(void **state)
{
    (void)state;
    struct buf b, out;
    buf_init(&b, 4096);
    buf_init(&out, 4096);
    sse_comment(&b, "keep-alive");
    sse_data(&b, STR("{\"a\":1}"));
    sse_event(&b, "done", STR("{}"));
    assert_true(str_is(buf_str(&b),
        ": keep-alive\n\ndata: {\"a\":1}\n\nevent: done\ndata: {}\n\n"));
    parse_split(buf_str(&b), 0, 1000, &out);
    assert_string_equal(out.p, ":{\"a\":1};done:{};");
    buf_done(&b);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_however_split),
        cmocka_unit_test(long_events_are_refused),
        cmocka_unit_test(what_is_written_is_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
