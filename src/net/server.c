/* SPDX-License-Identifier: Apache-2.0
 *
 * server: listeners, loop threads, the connection limit, draining. Each worker owns everything it
 * touches; the few counters that cross threads are atomics, and draining talks by mails.
 */
#include "net/server.h"

#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/net_internal.h"

#define LISTEN_BACKLOG 1024

/* -- Accepting ----------------------------------------------------------------------------- */

void worker_forget(struct worker *w)
{
    struct server *s = w->s;
    if (atomic_fetch_sub(&s->n_open, 1) == 1 && atomic_load(&s->draining)) {
        pthread_mutex_lock(&s->lock);
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *addr, int len,
                      void *arg)
{
    (void)l;
    (void)len;
    struct worker *w = arg;
    struct server *s = w->s;
    w->accept_failing = false;
    size_t n_before = (size_t)atomic_fetch_add(&s->n_open, 1);
    if (n_before >= s->o.connections_max + REFUSALS_MAX) {
        close(fd);
        worker_forget(w);
        return;
    }
    atomic_fetch_add_explicit(&s->n_connection, 1, memory_order_relaxed);
    conn_open(w, fd, addr, n_before >= s->o.connections_max);
}

/* Descriptors or kernel memory are out: the backlog must not spin the loop. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
    struct worker *w = arg;
    if (!w->accept_failing)
        log_error("net", "event=accept_failed retry_ms=%d reason=\"%s\"", ACCEPT_RETRY_MS,
                  strerror(errno));
    w->accept_failing = true;
    evconnlistener_disable(l);
    timer_start(w->accept_again, ACCEPT_RETRY_MS);
}

static void on_accept_again(void *arg)
{
    struct worker *w = arg;
    if (w->listener)
        evconnlistener_enable(w->listener);
}

/* -- Binding ------------------------------------------------------------------------------- */

static int bind_one(const struct addrinfo *ai, bool share_port)
{
    int on = 1, off = 0;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share_port)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* A bound socket on host:port. With share_port several workers' sockets share it. */
static enum err bind_any(const char *host, int port, bool share_port, int *out, struct error *e)
{
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(host, service, &hints, &list);
    if (code != 0)
        return err_set(e, ERR_ARG, ERR_NO_POS, "cannot resolve the address %s to listen on: %s",
                       host, gai_strerror(code));
    *out = -1;
    for (const struct addrinfo *ai = list; ai && *out < 0; ai = ai->ai_next)
        *out = bind_one(ai, share_port);
    int saved = errno;
    freeaddrinfo(list);
    if (*out < 0)
        return err_set(e, ERR_IO, ERR_NO_POS, "cannot listen on %s port %d: %s", host, port,
                       strerror(saved));
    return ERR_OK;
}

static int port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    if (a.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&a)->sin6_port);
    return ntohs(((const struct sockaddr_in *)(const void *)&a)->sin_port);
}

static enum err worker_listen(struct worker *w, struct error *e)
{
    struct server *s = w->s;
    int fd;
    TRY(bind_any(s->host, s->port, s->o.n_loop > 1, &fd, e));
    s->port = port_of(fd);
    w->listener = evconnlistener_new(loop_base(w->loop), on_accept, w,
                                     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                     LISTEN_BACKLOG, fd);
    if (!w->listener) {
        int saved = errno;
        close(fd);
        return err_set(e, ERR_IO, ERR_NO_POS, "cannot listen on %s port %d: %s", s->host, s->port,
                       strerror(saved));
    }
    evconnlistener_set_error_cb(w->listener, on_accept_error);
    return ERR_OK;
}

/* SO_REUSEPORT would let a second server of the same user share the port unseen: bind once
 * without it first. */
static enum err check_port_free(struct server *s, struct error *e)
{
    if (s->o.n_loop == 1 || s->port == 0)
        return ERR_OK;
    int fd;
    TRY(bind_any(s->host, s->port, false, &fd, e));
    close(fd);
    return ERR_OK;
}

/* -- Draining ------------------------------------------------------------------------------ */

/* Calls an operation on every connection, safe against any of them being freed meanwhile. */
static void for_each_conn(struct worker *w, void (*fn)(struct conn *c))
{
    struct list todo;
    list_init(&todo);
    while (!list_empty(&w->conns)) {
        struct list *first = w->conns.next;
        list_del(first);
        list_add_tail(&todo, first);
    }
    while (!list_empty(&todo)) {
        struct list *first = todo.next;
        list_del(first);
        list_add_tail(&w->conns, first);
        fn(LIST_ENTRY(first, struct conn, link));
    }
}

static void drain_conn(struct conn *c)
{
    conn_tell(c, c->proto->drain);
}

static void shutdown_conn(struct conn *c)
{
    conn_tell(c, c->proto->shutdown);
}

static void on_drain_mail(void *arg)
{
    struct worker *w = arg;
    w->draining = true;
    timer_stop(w->accept_again);
    if (w->listener)
        evconnlistener_free(w->listener);
    w->listener = NULL;
    for_each_conn(w, drain_conn);
    pthread_mutex_lock(&w->s->lock);
    w->s->n_stopped++;
    pthread_cond_broadcast(&w->s->changed);
    pthread_mutex_unlock(&w->s->lock);
}

static void on_shutdown_mail(void *arg)
{
    for_each_conn(arg, shutdown_conn);
}

static void on_cut_mail(void *arg)
{
    for_each_conn(arg, conn_cut);
}

/* True when every worker stopped accepting and no connection is left before the deadline. */
static bool wait_empty(struct server *s, int64_t deadline_ns)
{
    pthread_mutex_lock(&s->lock);
    bool empty;
    while (!(empty = s->n_stopped >= s->o.n_loop && atomic_load(&s->n_open) == 0) &&
           clock_ns() < deadline_ns)
        thread_cond_wait_until(&s->changed, &s->lock, deadline_ns);
    pthread_mutex_unlock(&s->lock);
    return empty;
}

void server_drain(struct server *s, int64_t deadline_ns)
{
    if (!atomic_exchange(&s->draining, true))
        for (int i = 0; i < s->o.n_loop; i++)
            loop_post(s->worker[i].loop, &s->worker[i].drain);
    if (wait_empty(s, deadline_ns))
        return;
    for (int i = 0; i < s->o.n_loop; i++)
        loop_post(s->worker[i].loop, &s->worker[i].shutdown);
    if (wait_empty(s, clock_ns() + DRAIN_CUT_MS * NS_PER_MS))
        return;
    for (int i = 0; i < s->o.n_loop; i++)
        loop_post(s->worker[i].loop, &s->worker[i].cut);
    wait_empty(s, clock_ns() + DRAIN_CUT_MS * NS_PER_MS);
}

/* -- Opening and closing ------------------------------------------------------------------- */

static const struct timeval *common_delay(struct loop *l, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    const struct timeval *common = event_base_init_common_timeout(loop_base(l), &tv);
    CHECK(common != NULL);
    return common;
}

static void worker_init(struct worker *w, struct server *s)
{
    const struct server_options *o = &s->o;
    w->s = s;
    w->loop = loop_new();
    list_init(&w->conns);
    worker_watch_init(w);
    w->accept_again = timer_new(w->loop, on_accept_again, w);
    w->delay[D_IDLE] = common_delay(w->loop, o->idle_timeout_ms);
    w->delay[D_HEADER] = common_delay(w->loop, o->header_timeout_ms);
    w->delay[D_BODY] = common_delay(w->loop, o->body_timeout_ms);
    w->delay[D_LINGER] = common_delay(w->loop, LINGER_MS);
    w->delay[D_WRITE] = common_delay(w->loop, o->write_timeout_ms);
    w->scratch = mem_array(o->header_count_max, sizeof *w->scratch);
    buf_init(&w->head, REPLY_HEAD_MAX);
    w->drain = (struct mail){.fn = on_drain_mail, .arg = w};
    w->shutdown = (struct mail){.fn = on_shutdown_mail, .arg = w};
    w->cut = (struct mail){.fn = on_cut_mail, .arg = w};
}

static void worker_done(struct worker *w)
{
    if (!w->loop)
        return;
    for_each_conn(w, conn_cut);
    if (w->listener)
        evconnlistener_free(w->listener);
    timer_free(w->accept_again);
    worker_watch_done(w);
    buf_done(&w->head);
    mem_free(w->scratch);
    loop_free(w->loop);
}

static void server_free(struct server *s)
{
    for (int i = 0; i < s->o.n_loop; i++)
        worker_done(&s->worker[i]);
    mem_free(s->worker);
    mem_free(s->host);
    SSL_CTX_free(s->tls);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static void *run_worker(void *arg)
{
    loop_run(((struct worker *)arg)->loop);
    return NULL;
}

static enum err open_listeners(struct server *s, struct error *e)
{
    if (s->o.tls_cert)
        TRY(tls_context_new(s->o.tls_cert, s->o.tls_key, &s->tls, e));
    TRY(check_port_free(s, e));
    for (int i = 0; i < s->o.n_loop; i++) {
        worker_init(&s->worker[i], s);
        TRY(worker_listen(&s->worker[i], e));
    }
    return ERR_OK;
}

enum err server_open(const struct server_options *o, const struct http_handler *handler,
                     struct server **out, struct error *e)
{
    CHECK(handler->on_head && handler->on_body && handler->on_done);
    if (!o->host || o->port < 0 || o->port > 65535 || o->n_loop < 1 || o->n_loop > 1024)
        return err_set(e, ERR_ARG, ERR_NO_POS, "the listening host, port or loop count is invalid");
    if (!o->tls_cert != !o->tls_key)
        return err_set(e, ERR_ARG, ERR_NO_POS, "TLS needs both a certificate and a key file");
    if (o->header_bytes_max < 256 || o->header_count_max < 1 || o->output_low > o->output_high)
        return err_set(e, ERR_ARG, ERR_NO_POS, "a limit of the server is too small");

    signal(SIGPIPE, SIG_IGN);
    struct server *s = mem_alloc(sizeof *s);
    s->o = *o;
    s->handler = *handler;
    s->host = mem_strdup(o->host);
    s->port = o->port;
    s->worker = mem_array((size_t)o->n_loop, sizeof *s->worker);
    pthread_mutex_init(&s->lock, NULL);
    thread_cond_init(&s->changed);
    enum err err = open_listeners(s, e);
    s->o.host = s->o.tls_cert = s->o.tls_key = NULL;
    if (err != ERR_OK) {
        server_free(s);
        return err;
    }
    for (int i = 0; i < o->n_loop; i++) {
        char name[16];
        snprintf(name, sizeof name, "net%d", i);
        s->worker[i].thread = thread_start(name, run_worker, &s->worker[i]);
    }
    *out = s;
    return ERR_OK;
}

int server_port(const struct server *s)
{
    return s->port;
}

void server_close(struct server **sp)
{
    struct server *s = *sp;
    if (!s)
        return;
    *sp = NULL;
    for (int i = 0; i < s->o.n_loop; i++)
        loop_stop(s->worker[i].loop);
    for (int i = 0; i < s->o.n_loop; i++)
        thread_join(s->worker[i].thread);
    server_free(s);
}

struct server_stats server_stats_of(const struct server *s)
{
    return (struct server_stats){
        .connections = atomic_load_explicit(&s->n_connection, memory_order_relaxed),
        .requests = atomic_load_explicit(&s->n_request, memory_order_relaxed),
        .open = atomic_load(&s->n_open),
        .busy = atomic_load_explicit(&s->n_busy, memory_order_relaxed),
    };
}
