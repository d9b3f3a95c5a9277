/* SPDX-License-Identifier: Apache-2.0
 *
 * server: listeners, loops and connections. Each of n_loop threads has its own SO_REUSEPORT
 * listener and event base; a connection never leaves its loop.
 */
#pragma once
#include <stdint.h>
#include "base/err.h"
#include "net/exchange.h"

struct server_options {
    const char *host;                  /* address to bind, "127.0.0.1", "::", ... */
    int port;                          /* 0: the system picks */
    int n_loop;
    const char *tls_cert, *tls_key;    /* PEM files; both or neither */
    size_t header_bytes_max;           /* request line and headers together */
    size_t header_count_max;
    size_t connections_max;            /* of all loops; over it new ones get 503 and close */
    int64_t header_timeout_ms;         /* first byte to end of headers: stops slow senders */
    int64_t body_timeout_ms;           /* without progress of body_rate_min bytes a second */
    size_t body_rate_min;
    int64_t idle_timeout_ms;           /* between requests of a connection */
    int64_t write_timeout_ms;          /* a reader that takes nothing for so long is gone */
    size_t output_high, output_low;    /* water marks of buffered output */
    size_t pipeline_bytes_max;         /* read ahead while a request is being served */
};
#define SERVER_OPTIONS_DEFAULT                                                              \
    ((struct server_options){.host = "127.0.0.1", .port = 8080, .n_loop = 1,                \
        .header_bytes_max = 65536, .header_count_max = 128, .connections_max = 10000,       \
        .header_timeout_ms = 10000, .body_timeout_ms = 20000, .body_rate_min = 256,         \
        .idle_timeout_ms = 75000, .write_timeout_ms = 60000, .output_high = 1 << 20,        \
        .output_low = 64 << 10, .pipeline_bytes_max = 256 << 10})

struct server;

/* Binds and starts the loop threads. o and handler are copied. Ignores SIGPIPE for the process. */
MUST_CHECK enum err server_open(const struct server_options *o, const struct http_handler *handler,
                                struct server **out, struct error *e);
int server_port(const struct server *s);
/* Stops accepting, closes idle connections, lets running exchanges end until deadline_ns
 * (clock_ns), then calls their on_shutdown, waits up to 1 s for output to leave, cuts the rest.
 * Blocks the caller (not a loop thread). */
void server_drain(struct server *s, int64_t deadline_ns);
/* Joins the loops, frees all. After server_drain. */
void server_close(struct server **s);

struct server_stats { uint64_t connections, requests; int open, busy; };
struct server_stats server_stats_of(const struct server *s);   /* any thread */
