/* SPDX-License-Identifier: Apache-2.0
 *
 * The head parser and the chunk decoder alone: what they give, where they stop, what a prefix
 * gives. Refusals and their status codes are tested over a socket in server_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "net/http_parse.h"

#define N_HEADER 8

static const struct http_limits limits = {.bytes_max = 512, .count_max = N_HEADER};

static void a_head_gives_its_parts(void **state)
{
    (void)state;
    const str in = STR("POST /a%2Fb%20c?x=1&y=%41 HTTP/1.1\r\nHost: [::1]:80\r\n"
        "Connection: Foo, Keep-Alive\r\n"
                       "Content-Length: 0012\r\nX: \t a  b \t\r\nEmpty:\r\n"
                           "Expect: 100-continue\r\n\r\nrest");
    struct header header[N_HEADER];
    struct http_head h;
    assert_int_equal(http_parse_head(in, &limits, header, &h), HTTP_DONE);
    assert_int_equal(h.used, in.n - 4);
    assert_true(str_is(h.method, "POST"));
    assert_true(str_is(h.target, "/a%2Fb%20c?x=1&y=%41"));
    assert_true(str_is(h.raw_path, "/a%2Fb%20c"));
    assert_true(str_is(h.query, "x=1&y=%41"));
    char path[64];
    assert_true(str_is(str_n(path, http_decode_path(h.raw_path, path)), "/a/b c"));
    assert_int_equal(h.n_header, 6);
    assert_true(str_is(h.header[3].value, "a  b"));
    assert_int_equal(h.header[4].value.n, 0);
    assert_int_equal(h.length, 12);
    assert_int_equal(h.minor, 1);
    assert_true(h.keep_alive && h.expect_continue && !h.chunked);
}

static void every_prefix_wants_more(void **state)
{
    (void)state;
    const str in = STR("\r\nGET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n");
    struct header header[N_HEADER];
    struct http_head h;
    for (size_t n = 0; n < in.n; n++)
        if (http_parse_head(str_sub(in, 0, n), &limits, header, &h) != HTTP_MORE)
            fail_msg("prefix of %zu bytes: not HTTP_MORE", n);
    assert_int_equal(http_parse_head(in, &limits, header, &h), HTTP_DONE);
    assert_int_equal(h.used, in.n);
}

struct keep_case { const char *head; bool keep_alive; };

static void keep_alive_follows_version_and_header(void **state)
{
    (void)state;
    static const struct keep_case keep[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: a, CLOSE ,b\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: closed\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    struct header header[N_HEADER];
    struct http_head h;
    for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++) {
        assert_int_equal(http_parse_head(str_of(keep[i].head), &limits, header, &h), HTTP_DONE);
        if (h.keep_alive != keep[i].keep_alive)
            fail_msg("case %zu: keep_alive is %d", i, h.keep_alive);
    }
}

struct chunk_case { const char *in; const char *body; enum http_step step; size_t left; };

static const struct chunk_case chunk_cases[] = {
    {"0\r\n\r\n", "", HTTP_DONE, 0},
    {"3\r\nabc\r\n0\r\n\r\nnext", "abc", HTTP_DONE, 4},
    {"1\r\na\r\n001\r\nb\r\n0;x\r\nA: b\r\nC:\r\n\r\n", "ab", HTTP_DONE, 0},
    {"a;n=\"q;\"\r\n0123456789\r\n0\r\n\r\n", "0123456789", HTTP_DONE, 0},
    {"3\r\nab", "ab", HTTP_MORE, 0},
    {"", "", HTTP_MORE, 0},
    {"7fffffffffffffff\r\na", "a", HTTP_MORE, 0},
    {"8000000000000000\r\na", "", HTTP_BAD, 0},
    {"fffffffffffffffff", "", HTTP_BAD, 0},
    {"g\r\n", "", HTTP_BAD, 0},
    {" 1\r\n", "", HTTP_BAD, 0},
    {"1 \r\n", "", HTTP_BAD, 0},
    {"1\r\nab", "a", HTTP_BAD, 0},
    {"1\r\na\n", "a", HTTP_BAD, 0},
    {"1\r\ra", "", HTTP_BAD, 0},
    {"1;\x01\r\na", "", HTTP_BAD, 0},
    {"0\r\nA b: c\r\n\r\n", "", HTTP_BAD, 0},
    {"0\r\n: c\r\n\r\n", "", HTTP_BAD, 0},
    {"0\r\nA\r\n\r\n", "", HTTP_BAD, 0},
    {"0\r\nA: b\n\r\n", "", HTTP_BAD, 0},
    {"0\r\n\rx", "", HTTP_BAD, 0},
};

/* Feeds in pieces of `piece` bytes; gives the step and counts what was not eaten. */
static enum http_step decode(str in, size_t piece, struct buf *body, size_t *left)
{
    struct http_chunks d = {0};
    enum http_step step = HTTP_MORE;
    while (in.n > 0 && step == HTTP_MORE) {
        str part = str_sub(in, 0, piece), data;
        size_t used;
        const char *why = NULL;
        step = http_chunks_feed(&d, part, &used, &data, &why);
        assert_true(used <= part.n && used > 0);
        assert_true((step == HTTP_BAD) == (why != NULL));
        buf_add(body, data);
        in = str_sub(in, used, in.n);
    }
    *left = in.n;
    return step;
}

static void chunks_are_decoded_however_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chunk_cases / sizeof chunk_cases[0]; i++) {
        const struct chunk_case *k = &chunk_cases[i];
        for (size_t piece = 1; piece <= strlen(k->in) + 1; piece++) {
            struct buf body;
            size_t left;
            buf_init(&body, 1024);
            enum http_step step = decode(str_of(k->in), piece, &body, &left);
            if (step != k->step || !str_is(buf_str(&body), k->body) ||
                (step == HTTP_DONE && left != k->left))
                fail_msg("case %zu piece %zu: step %d, body \"%.*s\", %zu left", i, piece, step,
                         STR_FMT(buf_str(&body)), left);
            buf_done(&body);
        }
    }
}

static void lists_and_texts(void **state)
{
    (void)state;
    assert_true(http_list_has(STR("gzip , Deflate"), "deflate"));
    assert_false(http_list_has(STR("gzipped"), "gzip"));
    assert_false(http_list_has(STR(""), "a"));
    assert_string_equal(http_status_text(413), "Content Too Large");
    assert_string_equal(http_status_text(299), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_gives_its_parts),
        cmocka_unit_test(every_prefix_wants_more),
        cmocka_unit_test(keep_alive_follows_version_and_header),
        cmocka_unit_test(chunks_are_decoded_however_split),
        cmocka_unit_test(lists_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
