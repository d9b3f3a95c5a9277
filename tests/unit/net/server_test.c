/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.x over a real socket: good and bad requests, whole and in pieces, pipelines, replies.
 */
#include "fixture.h"

struct request_case {
    const char *name;
    const char *request;               /* ends the connection by itself or by a refusal */
    const char *expect;                /* must be in what the client got */
    int n_reply;
};

#define H "Host: x\r\n"
#define CLOSE "Connection: close\r\n\r\n"

static const struct request_case cases[] = {
    {"get", "GET /hello HTTP/1.1\r\n" H CLOSE, "\r\n\r\nhello", 1},
    {"info", "GET /info%20a?q=%31 HTTP/1.1\r\n" H CLOSE, "hello", 1},
    {"decoded", "GET /inf%6f?q=%31 HTTP/1.1\r\nx-a: \t v w \t\r\n" H CLOSE, "GET|/info|q=%31|v w", 1},
    {"absolute", "GET http://y/info?a HTTP/1.1\r\n" H CLOSE, "GET|/info|a|", 1},
    {"own header", "GET /info HTTP/1.1\r\n" H CLOSE, "\r\nx-request-id: r1\r\n", 1},
    {"options star", "OPTIONS * HTTP/1.1\r\n" H CLOSE, " 200 OK\r\n", 1},
    {"leading crlf", "\r\nGET /hello HTTP/1.1\r\n" H CLOSE, "hello", 1},
    {"head", "HEAD /hello HTTP/1.1\r\n" H CLOSE, "content-length: 5\r\nconnection: close\r\n\r\n", 1},
    {"head stream", "HEAD /stream?3 HTTP/1.1\r\n" H CLOSE, "chunked\r\nconnection: close\r\n\r\n", 1},
    {"1.0", "GET /hello HTTP/1.0\r\n\r\n", "connection: close\r\n\r\nhello", 1},
    {"1.0 keep", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n",
     "connection: keep-alive\r\n\r\nhello", 2},
    {"1.0 stream", "GET /stream?2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     "connection: close\r\n\r\ndata: x\n\ndata: x\n\n", 1},
    {"stream", "GET /stream?2 HTTP/1.1\r\n" H CLOSE, "\r\n\r\n9\r\ndata: x\n\n\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n", 1},
    {"no content", "GET /none HTTP/1.1\r\n" H CLOSE, " 204 No Content\r\nserver: grokd\r\n", 1},
    {"accepted", "GET /empty HTTP/1.1\r\n" H CLOSE, "content-length: 0\r\n", 1},
    {"body", "POST /echo HTTP/1.1\r\nContent-Length: 4\r\n" H CLOSE "abcd", "\r\n\r\nabcd", 1},
    {"empty body", "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n" H CLOSE, "content-length: 0\r\n", 1},
    {"no body", "POST /echo HTTP/1.1\r\n" H CLOSE, "content-length: 0\r\n", 1},
    {"chunked", "POST /echo HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n" H CLOSE
     "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nt: 1\r\n\r\n", "\r\n\r\nabc0123456789", 1},
    {"later", "GET /later HTTP/1.1\r\n" H CLOSE, "\r\n\r\nlater", 1},
    {"pipeline", "POST /echo HTTP/1.1\r\nContent-Length: 2\r\n" H "\r\nab"
     "GET /later HTTP/1.1\r\n" H "\r\n"
     "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" H "\r\n1\r\nc\r\n0\r\n\r\n"
     "GET /stream?1 HTTP/1.1\r\n" H "\r\nGET /hello HTTP/1.1\r\n" H CLOSE, "hello", 5},
    {"continue", "POST /echo HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n" H CLOSE "ab",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", 2},
    {"continue denied", "POST /deny HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" H "\r\n",
     "HTTP/1.1 401 ", 1},
    {"denied before body", "POST /deny HTTP/1.1\r\nContent-Length: 9\r\n" H "\r\nab",
     "connection: close\r\n\r\ndenied", 1},

    {"bare lf", "GET / HTTP/1.1\n" H CLOSE, " 400 ", 1},
    {"bare lf later", "GET / HTTP/1.1\r\nHost: x\n\r\n", " 400 ", 1},
    {"bare cr", "GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n", " 400 ", 1},
    {"folded", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", " 400 ", 1},
    {"space colon", "GET / HTTP/1.1\r\n" H "Content-Length : 1\r\n\r\n", " 400 ", 1},
    {"no name", "GET / HTTP/1.1\r\n" H ": b\r\n\r\n", " 400 ", 1},
    {"no colon", "GET / HTTP/1.1\r\n" H "b\r\n\r\n", " 400 ", 1},
    {"no host", "GET / HTTP/1.1\r\n\r\n", " 400 ", 1},
    {"two hosts", "GET / HTTP/1.1\r\n" H H "\r\n", " 400 ", 1},
    {"host user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", " 400 ", 1},
    {"two lengths", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", " 400 ", 1},
    {"differing lengths", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", " 400 ", 1},
    {"length list", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\na", " 400 ", 1},
    {"length plus", "POST /echo HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\na", " 400 ", 1},
    {"length minus", "POST /echo HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\na", " 400 ", 1},
    {"length empty", "POST /echo HTTP/1.1\r\n" H "Content-Length:\r\n\r\na", " 400 ", 1},
    {"length 2^63", "POST /echo HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\na", " 400 ", 1},
    {"length 2^63-1", "POST /echo HTTP/1.1\r\n" H "Content-Length: 9223372036854775807\r\n\r\na", " 413 ", 1},
    {"length and chunked", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", " 400 ", 1},
    {"identity", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", " 501 ", 1},
    {"xchunked", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", " 501 ", 1},
    {"chunked identity", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n", " 501 ", 1},
    {"gzip chunked", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", " 501 ", 1},
    {"two encodings", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", " 400 ", 1},
    {"1.0 chunked", "POST /echo HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", " 400 ", 1},
    {"chunk 0x", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", " 400 ", 1},
    {"chunk minus", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-1\r\na", " 400 ", 1},
    {"chunk 2^64", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\na", " 400 ", 1},
    {"chunk 2^63-1", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\na", "", 0},
    {"chunk bare lf", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", " 400 ", 1},
    {"chunk too long", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", " 400 ", 1},
    {"chunk empty size", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n\r\n", " 400 ", 1},
    {"expect other", "POST /echo HTTP/1.1\r\n" H "Expect: tea\r\nContent-Length: 1\r\n\r\n", " 417 ", 1},
    {"method", "G@T / HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"no method", " / HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"tls hello", "\x16\x03\x01\x02", " 400 ", 1},
    {"two spaces", "GET  / HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"space in target", "GET /a b HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"control in target", "GET /a\x01 HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"authority form", "CONNECT a:1 HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"ftp", "GET ftp://a/ HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"absolute user", "GET http://u@a/ HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"bad escape", "GET /%4 HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"nul escape", "GET /%00 HTTP/1.1\r\n" H "\r\n", " 400 ", 1},
    {"no version", "GET /\r\n" H "\r\n", " 400 ", 1},
    {"lower version", "GET / http/1.1\r\n" H "\r\n", " 400 ", 1},
    {"1.2", "GET / HTTP/1.2\r\n" H "\r\n", " 505 ", 1},
    {"2.0", "GET / HTTP/2.0\r\n" H "\r\n", " 505 ", 1},
    {"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", " 505 ", 1},
    {"control in value", "GET / HTTP/1.1\r\n" H "a: \x02\r\n\r\n", " 400 ", 1},
};

/* Sends in the pieces given by split (0: whole, 1: byte by byte, else one cut at split - 1) and
 * reads all that comes until the server closes. */
static void exchange_bytes(int port, str request, size_t split, bool ends, struct buf *got)
{
    int fd = client_connect(port);
    size_t first = split == 0 ? request.n : split == 1 ? 1 : split - 1;
    for (size_t at = 0; at < request.n;) {
        size_t n = at == 0 ? first : split == 1 ? 1 : request.n - at;
        if (!client_send(fd, str_sub(request, at, n)))
            break;
        at += n;
        if (split == 1)
            poll(NULL, 0, 0);
        else if (at < request.n)
            usleep(200);
    }
    if (ends)
        client_read_to_end(fd, got);
    else
        client_read(fd, got, 3);
    close(fd);
    hide_dates(got);
}

static void check_case(const struct request_case *k, str got)
{
    size_t n_reply = count_replies(got);
    if (n_reply != (size_t)k->n_reply || str_find(got, str_of(k->expect), 0) == SIZE_MAX)
        fail_msg("%s: %zu replies, expected %d with \"%s\", got \"%.*s\"", k->name, n_reply,
                 k->n_reply, k->expect, STR_FMT(got));
}

static void requests_give_the_same_however_split(void **state)
{
    (void)state;
    struct server_options o = test_options();
    struct fixture *f = fixture_open(&o);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct request_case *k = &cases[i];
        str request = str_of(k->request);
        struct buf whole, part;
        buf_init(&whole, 1 << 20);
        buf_init(&part, 1 << 20);
        exchange_bytes(f->port, request, 0, k->n_reply > 0, &whole);
        check_case(k, buf_str(&whole));
        for (size_t split = 1; split <= request.n; split++) {
            buf_clear(&part);
            exchange_bytes(f->port, request, split, k->n_reply > 0, &part);
            if (!str_eq(buf_str(&whole), buf_str(&part)))
                fail_msg("%s, split %zu: \"%.*s\" but whole \"%.*s\"", k->name, split,
                         STR_FMT(buf_str(&part)), STR_FMT(buf_str(&whole)));
        }
        buf_done(&whole);
        buf_done(&part);
    }
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_give_the_same_however_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
