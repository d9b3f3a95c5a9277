/* SPDX-License-Identifier: Apache-2.0
 *
 * conn: a client connection below the protocols: socket or TLS, its one deadline, and noticing
 * that the client went away.
 *
 * Entry points (input, output, end, deadline, handlers) do not act: they call conn_run, which
 * moves the protocol step by step. conn_run never nests, so a handler may reply from inside a
 * callback, a pipeline of any depth runs in a loop, and c is freed at one place only.
 *
 * While input is wanted the bufferevent reads and sees the end by itself. While it is not (a
 * client that sends ahead), the socket waits in an epoll set of the worker for hang-up and error
 * only. libevent's EV_CLOSED would do for FIN, but its epoll backend reports a reset as
 * readable|writable, which never reaches an EV_CLOSED event and spins instead.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/net_internal.h"

#include "base/log.h"
#include "base/mem.h"

#define WATCH_BATCH 64                         /* hang-ups handled before other events */

size_t conn_output(const struct conn *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static int fd_of(const struct conn *c)
{
    return bufferevent_getfd(c->bev);
}

/* -- Hang-ups while not reading ------------------------------------------------------------ */

static void watch_begin(struct conn *c)
{
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c};
    if (!c->watched && epoll_ctl(c->w->watch_fd, EPOLL_CTL_ADD, fd_of(c), &ev) == 0)
        c->watched = true;
}

static void watch_end(struct conn *c)
{
    if (c->watched)
        epoll_ctl(c->w->watch_fd, EPOLL_CTL_DEL, fd_of(c), NULL);
    c->watched = false;
}

static void note_lost(struct conn *c, bool eof)
{
    c->lost = true;
    c->lost_eof = eof;
    conn_run(c);
}

/* One at a time: handling one may free another, whose event must not be in hand then. */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    (void)arg;
    struct epoll_event ev;
    for (int i = 0; i < WATCH_BATCH && epoll_wait(fd, &ev, 1, 0) == 1; i++)
        note_lost(ev.data.ptr, !(ev.events & (EPOLLERR | EPOLLHUP)));
}

void worker_watch_init(struct worker *w)
{
    w->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(w->watch_fd >= 0);
    w->watch = event_new(loop_base(w->loop), w->watch_fd, EV_READ | EV_PERSIST, on_watch, w);
    CHECK(w->watch && event_add(w->watch, NULL) == 0);
}

void worker_watch_done(struct worker *w)
{
    event_free(w->watch);
    close(w->watch_fd);
}

/* -- Running ------------------------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
    struct worker *w = c->w;
    watch_end(c);
    event_del(&c->deadline);
    list_del(&c->link);
    if (c->ssl)
        ERR_clear_error();
    bufferevent_free(c->bev);
    mem_free(c);
    worker_forget(w);
}

/* May call back at once: TLS gives what it had decrypted. */
static void set_reading(struct conn *c)
{
    bool want = !c->lost && !c->dead && (c->handshaking || c->proto->wants_input(c));
    if (want == c->reading)
        return;
    c->reading = want;
    if (want) {
        watch_end(c);
        bufferevent_enable(c->bev, EV_READ);
    } else {
        bufferevent_disable(c->bev, EV_READ);
        watch_begin(c);
    }
}

void conn_run(struct conn *c)
{
    c->again = true;
    if (c->running)
        return;
    c->running = true;
    while (c->again && !c->dead) {
        c->again = false;
        while (!c->dead && !c->handshaking && c->proto->step(c))
            ;
        if (c->lost && !c->dead) {
            c->lost = false;
            c->reading = false;
            c->proto->lost(c, c->lost_eof);
            c->again = true;
        } else if (!c->dead) {
            set_reading(c);
        }
    }
    c->running = false;
    if (c->dead)
        conn_free(c);
}

void conn_tell(struct conn *c, void (*what)(struct conn *c))
{
    CHECK(!c->running);
    c->running = true;
    what(c);
    c->running = false;
    conn_run(c);
}

void conn_cut(struct conn *c)
{
    note_lost(c, false);
}

static void on_input(struct bufferevent *bev, void *arg)
{
    (void)bev;
    conn_run(arg);
}

static void on_output(struct bufferevent *bev, void *arg)
{
    (void)bev;
    conn_run(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct conn *c = arg;
    if (what & BEV_EVENT_CONNECTED) {
        c->handshaking = false;
        conn_arm(c, D_NONE);
        conn_run(c);
        return;
    }
    unsigned long code = c->ssl ? bufferevent_get_openssl_error(bev) : 0;
    if (code)
        log_debug("net", "event=tls_error peer=%s reason=\"%s\"", c->peer,
                  ERR_reason_error_string(code));
    note_lost(c, (what & BEV_EVENT_EOF) != 0);
}

/* -- Deadline ------------------------------------------------------------------------------ */

void conn_arm(struct conn *c, enum deadline what)
{
    if (what != D_NONE)
        event_add(&c->deadline, c->w->delay[what]);
    else if (c->armed != D_NONE)
        event_del(&c->deadline);
    c->armed = what;
}

static void on_deadline(evutil_socket_t fd, short events, void *arg)
{
    (void)fd;
    (void)events;
    struct conn *c = arg;
    enum deadline what = c->armed;
    c->armed = D_NONE;
    if (c->handshaking) {
        note_lost(c, false);
        return;
    }
    c->running = true;
    c->proto->expired(c, what);
    c->running = false;
    conn_run(c);
}

/* -- Opening and closing ------------------------------------------------------------------- */

static void format_peer(char out[56], const struct sockaddr *addr)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    int port = 0;
    bool is_v4 = addr->sa_family == AF_INET;
    if (is_v4) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)addr;
        inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
        port = ntohs(v4->sin_port);
    } else if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)addr;
        port = ntohs(v6->sin6_port);
        is_v4 = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        if (is_v4)
            inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], ip, sizeof ip);
        else
            inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
    }
    snprintf(out, 56, is_v4 ? "%s:%d" : "[%s]:%d", ip, port);
}

static bool make_bufferevent(struct conn *c, int fd)
{
    struct event_base *base = loop_base(c->w->loop);
    if (!c->w->s->tls) {
        c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
        return c->bev != NULL;
    }
    c->ssl = SSL_new(c->w->s->tls);
    if (!c->ssl)
        return false;
    c->bev = bufferevent_openssl_socket_new(base, fd, c->ssl, BUFFEREVENT_SSL_ACCEPTING,
                                            BEV_OPT_CLOSE_ON_FREE);
    if (!c->bev) {
        SSL_free(c->ssl);
        return false;
    }
    /* Many clients end without the close alert; HTTP has its own framing. */
    bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
    c->handshaking = true;
    return true;
}

static void set_option(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value);
}

/* A peer that lost power sends no FIN. Unacknowledged data ends it after the write timeout; while
 * a request only waits, keep-alive probes do. */
static void set_socket_options(int fd, int64_t write_timeout_ms)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_PROBE_S);
    int ms = write_timeout_ms > INT_MAX ? INT_MAX : (int)write_timeout_ms;
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms);
}

void conn_open(struct worker *w, int fd, const struct sockaddr *addr, bool refuse)
{
    struct conn *c = mem_alloc(sizeof *c);
    c->w = w;
    list_init(&c->link);
    if (!make_bufferevent(c, fd)) {
        log_error("net", "event=connection_failed");
        close(fd);
        mem_free(c);
        worker_forget(w);
        return;
    }
    set_socket_options(fd, w->s->o.write_timeout_ms);
    format_peer(c->peer, addr);
    list_add_tail(&w->conns, &c->link);
    CHECK(evtimer_assign(&c->deadline, loop_base(w->loop), on_deadline, c) == 0);
    bufferevent_setcb(c->bev, on_input, on_output, on_event, c);
    bufferevent_setwatermark(c->bev, EV_WRITE, w->s->o.output_low, 0);
    bufferevent_set_timeouts(c->bev, NULL, w->delay[D_WRITE]);
    bufferevent_enable(c->bev, EV_WRITE);
    c->proto = &h1_proto;                      /* a preface or ALPN of HTTP/2 would change it */
    if (c->handshaking)
        conn_arm(c, D_HEADER);
    if (refuse)
        conn_tell(c, c->proto->refuse);
    else
        conn_run(c);
}

void conn_send_fin(struct conn *c)
{
    if (c->ssl) {
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    shutdown(fd_of(c), SHUT_WR);
}
