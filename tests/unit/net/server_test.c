/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.x over a real socket: good and bad requests, whole and in pieces, pipelines, replies.
 */
#include "fixture.h"

#include "net/http_parse.h"

struct request_case {
    const char *name;
    const char *request;               /* ends the connection by itself or by a refusal */
    const char *expect;                /* must be in what the client got */
    int n_reply;
};

#define H "Host: x\r\n"
#define ECHO "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED ECHO "Transfer-Encoding: chunked\r\n\r\n"
#define CLOSE "Connection: close\r\n\r\n"

static const struct request_case cases[] = {
    {"get", "GET /hello HTTP/1.1\r\n" H CLOSE, "\r\n\r\nhello", 1},
    {"info", "GET /info%20a?q=%31 HTTP/1.1\r\n" H CLOSE, "hello", 1},
    {"decoded", "GET /inf%6f?q=%31 HTTP/1.1\r\nx-a: \t v w \t\r\n" H CLOSE, "GET|/info|q=%31|v w",
     1},
    {"absolute", "GET http://y/info?a HTTP/1.1\r\n" H CLOSE, "GET|/info|a|", 1},
    {"own header", "GET /info HTTP/1.1\r\n" H CLOSE, "\r\nx-request-id: r1\r\n", 1},
    {"options star", "OPTIONS * HTTP/1.1\r\n" H CLOSE, " 200 OK\r\n", 1},
    {"leading crlf", "\r\nGET /hello HTTP/1.1\r\n" H CLOSE, "hello", 1},
    {"head", "HEAD /hello HTTP/1.1\r\n" H CLOSE, "content-length: 5\r\nconnection: close\r\n\r\n",
     1},
    {"head stream", "HEAD /stream?3 HTTP/1.1\r\n" H CLOSE, "chunked\r\nconnection: close\r\n\r\n",
     1},
    {"1.0", "GET /hello HTTP/1.0\r\n\r\n", "connection: close\r\n\r\nhello", 1},
    {"1.0 keep", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n",
     "connection: keep-alive\r\n\r\nhello", 2},
    {"1.0 stream", "GET /stream?2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     "connection: close\r\n\r\ndata: x\n\ndata: x\n\n", 1},
    {"stream", "GET /stream?2 HTTP/1.1\r\n" H CLOSE, "\r\n\r\n9\r\ndata: x\n\n\r\n9\r\n"
         "data: x\n\n\r\n0\r\n\r\n", 1},
    {"no content", "GET /none HTTP/1.1\r\n" H CLOSE, " 204 No Content\r\nserver: grokd\r\n", 1},
    {"accepted", "GET /empty HTTP/1.1\r\n" H CLOSE, "content-length: 0\r\n", 1},
    {"body", "POST /echo HTTP/1.1\r\nContent-Length: 4\r\n" H CLOSE "abcd", "\r\n\r\nabcd", 1},
    {"empty body", "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n" H CLOSE, "content-length: 0\r\n",
     1},
    {"no body", "POST /echo HTTP/1.1\r\n" H CLOSE, "content-length: 0\r\n", 1},
    {"chunked", "POST /echo HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n" H CLOSE
     "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nt: 1\r\n\r\n", "\r\n\r\nabc0123456789", 1},
    {"later", "GET /later HTTP/1.1\r\n" H CLOSE, "\r\n\r\nlater", 1},
    {"pipeline", "POST /echo HTTP/1.1\r\nContent-Length: 2\r\n" H "\r\nab"
     "GET /later HTTP/1.1\r\n" H "\r\n"
     "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" H "\r\n1\r\nc\r\n0\r\n\r\n"
     "GET /stream?1 HTTP/1.1\r\n" H "\r\nGET /hello HTTP/1.1\r\n" H CLOSE, "hello", 5},
    {"continue", "POST /echo HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n" H CLOSE
     "ab",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", 2},
    {"continue denied", "POST /deny HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" H
     "\r\n",
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
    {"two lengths", ECHO "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", " 400 ", 1},
    {"differing lengths", ECHO "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", " 400 ", 1},
    {"length list", ECHO "Content-Length: 1, 1\r\n\r\na", " 400 ", 1},
    {"length plus", ECHO "Content-Length: +1\r\n\r\na", " 400 ", 1},
    {"length minus", ECHO "Content-Length: -1\r\n\r\na", " 400 ", 1},
    {"length empty", ECHO "Content-Length:\r\n\r\na", " 400 ", 1},
    {"length 2^63", ECHO "Content-Length: 9223372036854775808\r\n\r\na", " 400 ", 1},
    {"length 2^63-1", ECHO "Content-Length: 9223372036854775807\r\n\r\na", " 413 ", 1},
    {"length and chunked", ECHO "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", " 400 ",
     1},
    {"identity", ECHO "Transfer-Encoding: identity\r\n\r\n", " 501 ", 1},
    {"xchunked", ECHO "Transfer-Encoding: xchunked\r\n\r\n", " 501 ", 1},
    {"chunked identity", ECHO "Transfer-Encoding: chunked, identity\r\n\r\n", " 501 ", 1},
    {"gzip chunked", ECHO "Transfer-Encoding: gzip, chunked\r\n\r\n", " 501 ", 1},
    {"two encodings", ECHO "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     " 400 ", 1},
    {"1.0 chunked", "POST /echo HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", " 400 ", 1},
    {"chunk 0x", CHUNKED "0x1\r\na\r\n0\r\n\r\n", " 400 ", 1},
    {"chunk minus", CHUNKED "-1\r\na", " 400 ", 1},
    {"chunk 2^64", CHUNKED "10000000000000000\r\na", " 400 ", 1},
    {"chunk 2^63-1", CHUNKED "7fffffffffffffff\r\na", "", 0},
    {"chunk bare lf", CHUNKED "1\na\r\n0\r\n\r\n", " 400 ", 1},
    {"chunk too long", CHUNKED "1\r\nab\r\n0\r\n\r\n", " 400 ", 1},
    {"chunk empty size", CHUNKED "\r\n", " 400 ", 1},
    {"expect other", ECHO "Expect: tea\r\nContent-Length: 1\r\n\r\n", " 417 ", 1},
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

/* Requests that a C string cannot hold, or too long for the table. */
static void expect_status(struct fixture *f, const char *name, str request, const char *status)
{
    struct buf got;
    buf_init(&got, 1 << 20);
    exchange_bytes(f->port, request, 0, true, &got);
    if (count_replies(buf_str(&got)) != 1 || !str_starts(str_sub(buf_str(&got), 9, 3),
        str_of(status)))
        fail_msg("%s: expected %s, got \"%.*s\"", name, status, STR_FMT(buf_str(&got)));
    buf_done(&got);
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    struct server_options o = test_options();
    struct fixture *f = fixture_open(&o);
    expect_status(f, "in value", STR("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"), "400");
    expect_status(f, "in name", STR("GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n"), "400");
    expect_status(f, "in target", STR("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
    expect_status(f, "in version", STR("GET / HTTP/1.1\0\r\nHost: x\r\n\r\n"), "400");
    expect_status(f, "first", STR("\0GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
    fixture_close(f);
}

static void add_repeated(struct buf *b, char c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_char(b, c);
}

/* start, n times c, end. */
static void expect_long(struct fixture *f, const char *name, const char *start, char c, size_t n,
                        const char *end, const char *status)
{
    struct buf b;
    buf_init(&b, 1 << 22);
    buf_add(&b, str_of(start));
    add_repeated(&b, c, n);
    buf_add(&b, str_of(end));
    expect_status(f, name, buf_str(&b), status);
    buf_done(&b);
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct server_options o = test_options();
    struct fixture *f = fixture_open(&o);
    const char *chunked = ECHO "Transfer-Encoding: chunked\r\n" CLOSE;
    expect_long(f, "target at limit", "GET /", 'a', HTTP_TARGET_MAX - 1, " HTTP/1.1\r\n" H CLOSE,
        "200");
    expect_long(f, "target", "GET /", 'a', HTTP_TARGET_MAX, " HTTP/1.1\r\n" H CLOSE, "414");
    expect_long(f, "1 MB target", "GET /", 'a', 1 << 20, " HTTP/1.1\r\n" H CLOSE, "414");
    expect_long(f, "method", "G", 'G', HTTP_METHOD_MAX, " / HTTP/1.1\r\n" H CLOSE, "400");
    expect_long(f, "header below limit", "GET / HTTP/1.1\r\n" H "a: ", 'a', 65000, "\r\n" CLOSE,
        "200");
    expect_long(f, "header", "GET / HTTP/1.1\r\n" H "a: ", 'a', 65536, "\r\n" CLOSE, "431");
    expect_long(f, "1 MB header", "GET / HTTP/1.1\r\n" H "a: ", 'a', 1 << 20, "\r\n" CLOSE, "431");

    struct buf b;
    buf_init(&b, 1 << 23);
    for (int extra = 0; extra < 2; extra++) {
        buf_clear(&b);
        buf_add(&b, STR("GET / HTTP/1.1\r\n" H));
        for (size_t i = 2; i < o.header_count_max + (size_t)extra; i++)
            buf_add(&b, STR("a: b\r\n"));
        buf_add(&b, STR(CLOSE));
        expect_status(f, "header count", buf_str(&b), extra ? "431" : "200");
    }
    buf_clear(&b);
    buf_add(&b, STR("GET / HTTP/1.1\r\n" H));
    for (size_t i = 0; i < 100000; i++)
        buf_add(&b, STR("a: b\r\n"));
    expect_status(f, "100k headers", buf_str(&b), "431");

    for (size_t extra = 0; extra < 2; extra++) {
        buf_clear(&b);
        buf_printf(&b, "%s%zx\r\n", chunked, ECHO_MAX + extra);
        add_repeated(&b, 'a', ECHO_MAX + extra);
        buf_add(&b, STR("\r\n0\r\n\r\n"));
        expect_status(f, "chunked body", buf_str(&b), extra ? "413" : "200");
        buf_clear(&b);
        buf_printf(&b, ECHO "Content-Length: %zu\r\n" CLOSE, ECHO_MAX + extra);
        if (!extra)
            add_repeated(&b, 'a', ECHO_MAX);
        expect_status(f, "declared body", buf_str(&b), extra ? "413" : "200");

        buf_clear(&b);
        buf_printf(&b, "%s1;", chunked);
        add_repeated(&b, 'e', HTTP_CHUNK_EXT_MAX - 1 + extra);
        buf_add(&b, STR("\r\na\r\n0\r\n\r\n"));
        expect_status(f, "chunk extension", buf_str(&b), extra ? "400" : "200");
        buf_clear(&b);
        buf_printf(&b, "%s0\r\nt: ", chunked);
        add_repeated(&b, 'e', HTTP_TRAILER_BYTES_MAX - 5 + extra);
        buf_add(&b, STR("\r\n\r\n"));
        expect_status(f, "trailer", buf_str(&b), extra ? "400" : "200");
        buf_clear(&b);
        buf_printf(&b, "%s%s1\r\na\r\n0\r\n\r\n", chunked, extra ? "0000000000000000" :
            "000000000000000");
        expect_status(f, "chunk size digits", buf_str(&b), extra ? "400" : "200");
    }
    buf_done(&b);
    fixture_close(f);
}

/* 10,000 requests in one go: all answered, in order, without recursion and without holding more
 * than the water mark of replies. */
static void deep_pipeline_is_answered(void **state)
{
    (void)state;
    struct server_options o = test_options();
    o.output_high = 16 << 10;
    o.output_low = 4 << 10;
    struct fixture *f = fixture_open(&o);
    struct buf b, got;
    buf_init(&b, 1 << 24);
    buf_init(&got, 1 << 24);
    const size_t n = 10000;
    for (size_t i = 1; i <= n; i++)
        buf_printf(&b, "GET /info?%zu HTTP/1.1\r\n" H "%s\r\n", i, i == n ? "Connection: close\r\n"
            : "");
    int fd = client_connect(f->port);
    size_t sent = 0;
    while (sent < b.n) {
        ssize_t k = send(fd, b.p + sent, b.n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += k > 0 ? (size_t)k : 0;
        if (k <= 0)
            assert_true(client_read(fd, &got, CLIENT_WAIT_MS));
    }
    client_read_to_end(fd, &got);
    close(fd);
    assert_int_equal(count_replies(buf_str(&got)), n);
    size_t at = 0;
    for (size_t i = 1; i <= n; i++) {
        char want[32];
        snprintf(want, sizeof want, "GET|/info|%zu|", i);
        at = str_find(buf_str(&got), str_of(want), at);
        if (at == SIZE_MAX)
            fail_msg("reply %zu is missing or out of order", i);
    }
    buf_done(&b);
    buf_done(&got);
    fixture_close(f);
}

/* A request that a proxy could have taken for the body of the first must never run. */
static void nothing_is_smuggled(void **state)
{
    (void)state;
    static const char *const attacks[] = {
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 40\r\n\r\n",
        "Content-Length : 40\r\n\r\n",
        "Content-Length: +0\r\n\r\n",
        "Content-Length: 0x0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\n\n",
        "Transfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0 \r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n \r\n\r\n",
        "X: a\rContent-Length: 0\r\n\r\n",
    };
    struct server_options o = test_options();
    struct fixture *f = fixture_open(&o);
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        struct buf b, got;
        buf_init(&b, 1 << 16);
        buf_init(&got, 1 << 16);
        buf_printf(&b, ECHO "%sGET /info?smuggled HTTP/1.1\r\n" H "\r\n", attacks[i]);
        exchange_bytes(f->port, buf_str(&b), 0, true, &got);
        if (str_find(buf_str(&got), STR("smuggled"), 0) != SIZE_MAX || count_replies(buf_str(&got))
            != 1)
            fail_msg("attack %zu: \"%.*s\"", i, STR_FMT(buf_str(&got)));
        buf_done(&b);
        buf_done(&got);
    }
    fixture_close(f);
}

/* A refusal reaches a client that is still sending: the server reads on for a while. */
static void early_refusal_is_seen(void **state)
{
    (void)state;
    struct server_options o = test_options();
    struct fixture *f = fixture_open(&o);
    struct buf b, got;
    buf_init(&b, 1 << 20);
    buf_init(&got, 1 << 20);
    buf_add(&b, STR("POST /deny HTTP/1.1\r\n" H "Content-Length: 60000\r\n\r\n"));
    add_repeated(&b, 'a', 60000);
    int fd = client_connect(f->port);
    assert_true(client_send(fd, buf_str(&b)));
    client_read_until(fd, &got, "connection: close\r\n\r\ndenied");
    client_read_to_end(fd, &got);
    close(fd);
    wait_for(&f->n_done, 1, "n_done");
    buf_done(&b);
    buf_done(&got);
    fixture_close(f);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    struct http_handler handler = {.on_head = on_head, .on_body = on_body, .on_done = on_done};
    struct server_options o = test_options();
    struct fixture *f = fixture_open(&o);
    struct server *s = NULL;
    struct error e = {0};
    o.port = f->port;
    assert_int_equal(server_open(&o, &handler, &s, &e), ERR_IO);
    o.n_loop = 2;                              /* SO_REUSEPORT must not hide the other server */
    assert_int_equal(server_open(&o, &handler, &s, &e), ERR_IO);
    o.port = 0;
    o.host = "no such host";
    assert_int_equal(server_open(&o, &handler, &s, &e), ERR_ARG);
    o.host = NULL;
    assert_int_equal(server_open(&o, &handler, &s, &e), ERR_ARG);
    o.host = "127.0.0.1";
    o.tls_cert = "/nonexistent/cert.pem";
    assert_int_equal(server_open(&o, &handler, &s, &e), ERR_ARG);
    o.tls_key = "/nonexistent/key.pem";
    assert_int_equal(server_open(&o, &handler, &s, &e), ERR_IO);
    assert_non_null(strstr(e.text, "/nonexistent/cert.pem"));
    assert_null(s);
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_give_the_same_however_split),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(deep_pipeline_is_answered),
        cmocka_unit_test(nothing_is_smuggled),
        cmocka_unit_test(early_refusal_is_seen),
        cmocka_unit_test(addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
