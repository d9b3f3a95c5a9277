/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of net share: the worker (one loop thread with its listener and connections), the
 * connection below every protocol, the vtable a protocol gives it, and the private part of an
 * exchange. All of it belongs to the loop thread unless said otherwise.
 */
#pragma once
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/list.h"
#include "net/exchange.h"
#include "net/http_parse.h"
#include "net/loop.h"
#include "net/server.h"

#define EXCHANGE_ARENA_MAX ((size_t)256 << 20) /* bytes of x->arena that input may decide */
#define REPLY_HEAD_MAX ((size_t)1 << 20)       /* bytes of a reply's head, all headers */
#define LINGER_MS 1000                         /* after the last byte, for the client's close */
#define LINGER_BYTES_MAX ((size_t)64 << 10)    /* read and thrown away meanwhile */
#define REFUSALS_MAX 64                        /* connections over the limit that get their 503 */
#define ACCEPT_RETRY_MS 100                    /* pause of accept when descriptors are out */
#define DRAIN_CUT_MS 1000                      /* from on_shutdown to the cut */
#define KEEPALIVE_IDLE_S 30                    /* silence after which the kernel asks a peer */
#define KEEPALIVE_PROBE_S 10                   /* whether it still lives, and how often */

struct conn;

/* Delays of a connection's one deadline. Each is a common timeout of the base: a queue in order
 * of expiry, so arming is O(1) however many connections there are. */
enum deadline { D_NONE, D_IDLE, D_HEADER, D_BODY, D_LINGER, D_WRITE, D_COUNT };

struct server {
    struct server_options o;
    struct http_handler handler;
    char *host;                                /* owns */
    int port;
    SSL_CTX *tls;                              /* owns; NULL: plaintext */
    struct worker *worker;                     /* [o.n_loop] owns */
    /* Written by the loops, read by server_stats_of; they order nothing. */
    atomic_uint_fast64_t n_connection, n_request;
    atomic_int n_busy;
    atomic_int n_open;                         /* pairs: worker_forget and server_drain */
    atomic_bool draining;                      /* pairs: as n_open */
    pthread_mutex_t lock;                      /* guards n_stopped; with changed */
    pthread_cond_t changed;
    int n_stopped;                             /* workers that closed their listener */
};

struct worker {
    struct server *s;
    struct loop *loop;                         /* owns */
    pthread_t thread;
    struct evconnlistener *listener;           /* owns; NULL once draining */
    struct timer *accept_again;                /* owns */
    bool accept_failing;                       /* logged; until an accept succeeds */
    bool draining;
    struct list conns;
    int watch_fd;                              /* epoll of connections that are not read */
    struct event *watch;                       /* owns */
    const struct timeval *delay[D_COUNT];      /* the base's */
    struct header *scratch;                    /* [header_count_max] owns */
    struct buf head;                           /* reply head being written */
    char date[32];                             /* of date_unix_s, for the date header */
    int64_t date_unix_s;
    struct mail drain, shutdown, cut;
};

/* What a protocol does with a connection. */
struct proto {
    /* One move with what input, output and handlers allow; false when nothing can move. May set
     * c->dead. The handler is called only from here and from lost and shutdown. */
    bool (*step)(struct conn *c);
    /* Whether more input should be read now. */
    bool (*wants_input)(const struct conn *c);
    /* The deadline passed. */
    void (*expired)(struct conn *c, enum deadline what);
    /* No more input will come (eof) or the connection broke. Ends exchanges as gone; sets c->dead
     * or leaves c to flush its output. */
    void (*lost)(struct conn *c, bool eof);
    /* The server drains: close when nothing runs. */
    void (*drain)(struct conn *c);
    /* The server ends: on_shutdown of what runs. */
    void (*shutdown)(struct conn *c);
    /* Replies 503 to whatever comes, then closes. */
    void (*refuse)(struct conn *c);
};
extern const struct proto h1_proto;

/* HTTP/1.x state; diagram in h1.c. */
enum h1_state { H1_HEAD, H1_BODY, H1_BUSY, H1_STREAM, H1_DONE, H1_CLOSING };

struct h1 {
    enum h1_state state;
    struct xchg *x;                            /* owns; NULL in H1_HEAD and H1_CLOSING */
    int64_t head_ns;                           /* first byte of the head, 0: none yet */
    size_t scanned;                            /* bytes of the head without a new line end */
    struct http_chunks chunks;
    uint64_t left;                             /* bytes of a Content-Length body to come */
    uint64_t window_bytes;                     /* x.bytes_in when D_BODY was armed */
    size_t lingered;                           /* bytes thrown away in H1_CLOSING */
    int minor;
    bool keep_alive, is_head, chunked_in, chunked_out, expect_continue;
    bool body_pending;                         /* the request has body bytes not yet read */
    bool fin_sent, peer_eof;
};

struct conn {
    struct list link;                          /* in worker.conns */
    struct worker *w;
    struct bufferevent *bev;                   /* owns, with fd and ssl */
    SSL *ssl;                                  /* NULL: plaintext */
    const struct proto *proto;
    struct event deadline;
    enum deadline armed;
    bool running;                              /* conn_run is on the stack */
    bool again;                                /* asked to run meanwhile */
    bool lost, lost_eof;                       /* noticed, not yet handled */
    bool dead;                                 /* conn_run frees it */
    bool reading, watched;
    bool handshaking;
    char peer[56];                             /* "[v6]:port" */
    struct h1 h1;
};

/* An exchange with its private part; x is first, so handlers' pointers convert. Lies in x.arena. */
struct xchg {
    struct exchange x;
    const struct xchg_ops *ops;
    struct conn *conn;                         /* freed before the exchange when that is held */
    struct server *server;
    int n_hold;                                /* exchange_hold without its release */
    bool over;                                 /* the protocol is done with it */
    struct reply_line *lines, **lines_end;     /* extra reply headers, in order */
    enum { X_OPEN, X_STREAMING, X_FINISHED } phase;
    bool asked_body, want_body;                /* ever; and not yet begun */
    size_t body_max;
    bool blocked;                              /* exchange_write said stop */
    struct buf body;
};
struct reply_line { struct reply_line *next; const char *name; str value; };

/* How a protocol carries an exchange. */
struct xchg_ops {
    void (*want_body)(struct xchg *x);
    void (*reply)(struct xchg *x, int status, const char *content_type, str body);
    void (*stream)(struct xchg *x, int status, const char *content_type);
    bool (*write)(struct xchg *x, str bytes);
    void (*finish)(struct xchg *x);
};

/* exchange.c. Begins an exchange with its arena; counts it. */
struct xchg *xchg_new(struct conn *c, const struct xchg_ops *ops, int64_t start_ns);
/* The protocol is done with it: calls on_done and frees, once nobody holds it. */
void xchg_end(struct xchg *x);
/* Sets gone, calls on_gone, then xchg_end. */
void xchg_gone(struct xchg *x);

/* conn.c. Takes fd. */
void conn_open(struct worker *w, int fd, const struct sockaddr *addr, bool refuse);
/* Moves the connection on until nothing moves; may free it. Inside itself it only notes that it
 * was called: callbacks never nest. */
void conn_run(struct conn *c);
/* Calls an operation of the protocol as if from inside conn_run, then runs. May free c. */
void conn_tell(struct conn *c, void (*what)(struct conn *c));
/* Ends the connection at once: exchanges are gone. Frees c unless conn_run is on the stack. */
void conn_cut(struct conn *c);
void conn_arm(struct conn *c, enum deadline what);      /* D_NONE disarms */
size_t conn_output(const struct conn *c);               /* bytes not yet taken by the socket */
void conn_send_fin(struct conn *c);                     /* TLS close alert and FIN */
void worker_watch_init(struct worker *w);
void worker_watch_done(struct worker *w);

/* server.c. A connection of w is freed. */
void worker_forget(struct worker *w);

/* tls.c. Gives a server context; h1 only. */
MUST_CHECK enum err tls_context_new(const char *cert, const char *key, SSL_CTX **out,
                                    struct error *e);
