/* SPDX-License-Identifier: Apache-2.0
 *
 * A real server on 127.0.0.1 with a handler that behaves by path, and a blocking raw client. Used
 * by the server tests; each is one program that includes this once.
 *
 *   /hello           200 "hello"                  /echo    the body, up to ECHO_MAX
 *   /later           200 from a timer             /wait    never replies
 *   /stream?N        N events, streamed           /tick    an event each 5 ms, for ever
 *   /flood?N         N bytes with back-pressure   /deny    401 without reading the body
 *   /info            method, path, query, header x-a   /none  204      /empty  202
 *   /tick on shutdown writes "bye" and finishes; /wait ignores it.
 */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/exchange.h"
#include "net/server.h"

#define ECHO_MAX ((size_t)1 << 20)
#define CLIENT_WAIT_MS 8000

struct fixture {
    struct server *server;
    struct http_handler handler;
    int port;
    atomic_int n_head, n_done, n_gone, n_drain, n_shutdown, n_error, last_status;
    atomic_size_t written;                     /* bytes /flood has written */
};

struct job {
    struct fixture *f;
    struct exchange *x;
    struct timer *timer;
    size_t left;
};

static inline void job_flood(struct exchange *x)
{
    static const char block[4096] = {'f'};
    struct job *j = x->user;
    bool more = true;
    while (j->left > 0 && more) {
        size_t n = j->left < sizeof block ? j->left : sizeof block;
        more = exchange_write(x, str_n(block, n));
        j->left -= n;
        atomic_fetch_add(&j->f->written, n);
    }
    if (j->left == 0)
        exchange_finish(x);
}

static inline void job_drain(struct exchange *x)
{
    struct job *j = x->user;
    atomic_fetch_add(&j->f->n_drain, 1);
    job_flood(x);
}

static inline void job_later(void *arg)
{
    struct job *j = arg;
    exchange_reply(j->x, 200, "text/plain", STR("later"));
}

static inline void job_tick(void *arg)
{
    struct job *j = arg;
    exchange_write(j->x, STR("data: tick\n\n"));
    timer_start(j->timer, 5);
}

static inline void job_gone(struct exchange *x)
{
    struct job *j = x->user;
    atomic_fetch_add(&j->f->n_gone, 1);
    if (!x->gone)
        abort();
}

static inline void job_bye(struct exchange *x)
{
    struct job *j = x->user;
    atomic_fetch_add(&j->f->n_shutdown, 1);
    exchange_write(x, STR("data: bye\n\n"));
    exchange_finish(x);
}

static inline void job_count_shutdown(struct exchange *x)
{
    struct job *j = x->user;
    atomic_fetch_add(&j->f->n_shutdown, 1);
}

static inline uint64_t query_number(struct exchange *x)
{
    uint64_t n = 0;
    return str_to_u64(x->query, &n) ? n : 0;
}

static inline void on_info(struct exchange *x)
{
    str a = exchange_header(x, "X-A");
    exchange_add_header(x, "x-request-id", STR("r1"));
    str text = arena_printf(x->arena, "%.*s|%.*s|%.*s|%.*s", STR_FMT(x->method), STR_FMT(x->path),
                            STR_FMT(x->query), STR_FMT(a));
    exchange_reply(x, 200, "text/plain", text);
}

static inline void on_head(void *arg, struct exchange *x)
{
    struct fixture *f = arg;
    struct job *j = arena_new_of(x->arena, struct job);
    *j = (struct job){.f = f, .x = x};
    x->user = j;
    x->on_gone = job_gone;
    atomic_fetch_add(&f->n_head, 1);
    if (str_is(x->path, "/echo") || str_is(x->path, "/deny-body")) {
        exchange_want_body(x, ECHO_MAX);
    } else if (str_is(x->path, "/later")) {
        j->timer = timer_new(x->loop, job_later, j);
        timer_start(j->timer, 5);
    } else if (str_is(x->path, "/wait")) {
        x->on_shutdown = job_count_shutdown;
    } else if (str_is(x->path, "/tick")) {
        exchange_stream(x, 200, "text/event-stream");
        x->on_shutdown = job_bye;
        j->timer = timer_new(x->loop, job_tick, j);
        job_tick(j);
    } else if (str_is(x->path, "/flood")) {
        j->left = query_number(x);
        x->on_drain = job_drain;
        exchange_stream(x, 200, "application/octet-stream");
        job_flood(x);
    } else if (str_is(x->path, "/stream")) {
        exchange_stream(x, 200, "text/event-stream");
        for (uint64_t i = query_number(x); i > 0; i--)
            exchange_write(x, STR("data: x\n\n"));
        exchange_finish(x);
    } else if (str_is(x->path, "/none")) {
        exchange_reply(x, 204, NULL, STR_NONE);
    } else if (str_is(x->path, "/empty")) {
        exchange_reply(x, 202, NULL, STR_NONE);
    } else if (str_is(x->path, "/deny")) {
        exchange_reply(x, 401, "text/plain", STR("denied"));
    } else if (str_is(x->path, "/info")) {
        on_info(x);
    } else {
        exchange_reply(x, 200, "text/plain", STR("hello"));
    }
}

static inline void on_body(void *arg, struct exchange *x)
{
    (void)arg;
    exchange_reply(x, 200, "application/octet-stream", x->body);
}

static inline void on_done(void *arg, struct exchange *x)
{
    struct fixture *f = arg;
    struct job *j = x->user;
    if (j)
        timer_free(j->timer);
    atomic_store(&f->last_status, x->status);
    atomic_fetch_add(&f->n_done, 1);
}

static inline str error_body(void *arg, struct exchange *x, int status, const char *why,
                             str *content_type)
{
    struct fixture *f = arg;
    atomic_fetch_add(&f->n_error, 1);
    *content_type = STR("application/json");
    return arena_printf(x->arena, "{\"status\":%d,\"why\":\"%s\"}", status, why);
}

/* The options of the tests: defaults with short times. */
static inline struct server_options test_options(void)
{
    struct server_options o = SERVER_OPTIONS_DEFAULT;
    o.port = 0;
    return o;
}

static inline struct fixture *fixture_open(const struct server_options *o)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->handler = (struct http_handler){.arg = f, .on_head = on_head, .on_body = on_body,
                                       .on_done = on_done, .error_body = error_body};
    struct error e = {0};
    if (server_open(o, &f->handler, &f->server, &e) != ERR_OK)
        fail_msg("server_open: %s", e.text);
    f->port = server_port(f->server);
    return f;
}

static inline void fixture_close(struct fixture *f)
{
    server_drain(f->server, clock_ns());
    server_close(&f->server);
    mem_free(f);
}

/* Waits until *v reaches want; fails after CLIENT_WAIT_MS. */
static inline void wait_for(atomic_int *v, int want, const char *what)
{
    int64_t end = clock_ns() + CLIENT_WAIT_MS * NS_PER_MS;
    while (atomic_load(v) < want && clock_ns() < end)
        usleep(1000);
    if (atomic_load(v) < want)
        fail_msg("%s is %d, expected %d", what, atomic_load(v), want);
}

static inline int client_connect(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        fail_msg("connect: %s", strerror(errno));
    return fd;
}

static inline bool client_send(int fd, str s)
{
    while (s.n > 0) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0)
            return false;
        s = str_n(s.p + n, s.n - (size_t)n);
    }
    return true;
}

/* Appends what comes within wait_ms; false at end of input, reset or time out. */
static inline bool client_read(int fd, struct buf *b, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, wait_ms) != 1)
        return false;
    char *to = buf_reserve(b, 16384);
    ssize_t n = to ? recv(fd, to, 16384, 0) : -1;
    if (n > 0)
        b->n += (size_t)n;
    return n > 0;
}

static inline void client_read_to_end(int fd, struct buf *b)
{
    while (client_read(fd, b, CLIENT_WAIT_MS))
        ;
}

/* Reads until the bytes have that text; fails at end or time out. */
static inline void client_read_until(int fd, struct buf *b, const char *text)
{
    while (str_find(buf_str(b), str_of(text), 0) == SIZE_MAX)
        if (!client_read(fd, b, CLIENT_WAIT_MS))
            fail_msg("no \"%s\" in \"%.*s\"", text, STR_FMT(buf_str(b)));
}

/* Status lines in what a client got. */
static inline size_t count_replies(str s)
{
    size_t n = 0;
    for (size_t at = 0; (at = str_find(s, STR("HTTP/1.1 "), at)) != SIZE_MAX; at += 9)
        n += at + 9 < s.n && s.p[at + 9] >= '1' && s.p[at + 9] <= '5';
    return n;
}

/* Replaces the value of date headers by '-', so that replies can be compared. */
static inline void hide_dates(struct buf *b)
{
    for (size_t at = 0; (at = str_find(buf_str(b), STR("\r\ndate: "), at)) != SIZE_MAX; at += 8)
        memset(b->p + at + 8, '-', 29);
}
