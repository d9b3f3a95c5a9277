/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange: one request and its reply, whatever the protocol below (HTTP/1.1 now; HTTP/2, gRPC
 * and WebSocket share the port later and give the same exchange). Everything here runs on the
 * loop thread that owns the connection.
 *
 *   on_head --(exchange_reply)--------------------------------------------------> on_done
 *      |  `--(exchange_want_body)--> on_body --(exchange_reply)-----------------> on_done
 *      |                                `--(exchange_stream, write*, finish)----> on_done
 *   client gone at any point: x->gone is set, hook on_gone, then on_done.
 *
 * A handler may reply later than in the callback (after a mail or a timer). on_done comes exactly
 * once, after which x and its arena are freed: inside on_head, on_body, on_drain and on_shutdown
 * x stays valid until the callback returns; anywhere else exchange_reply and exchange_finish may
 * have freed x when they return. A client that closes its sending side while a request runs is
 * gone. on_done means that the reply was handed over, not that the client has read it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"

struct header { str name, value; };    /* names as received; compare with str_eq_nocase */

struct exchange {
    /* Request, read-only for handlers. */
    str method, target;                /* target as sent */
    str path, query;                   /* path percent-decoded; query raw, without '?' */
    const struct header *header;       /* [n_header] */
    size_t n_header;
    str body;                          /* whole, in on_body; the handler may parse it in situ */
    str peer;                          /* "127.0.0.1:50312" */
    bool tls;
    int64_t start_ns;                  /* clock_ns of the first byte of the request */
    struct arena *arena;               /* lives until on_done returned; cap 256 MB */
    struct loop *loop;

    /* Reply, for logs. */
    int status;                        /* 0 until sent */
    uint64_t bytes_in, bytes_out;      /* body bytes */
    bool gone;                         /* the client vanished, or the server cut it at its end,
                                        * before the reply was complete */

    /* Handler's own. */
    void *user;
    void (*on_drain)(struct exchange *x);      /* output fell under the low-water mark */
    void (*on_gone)(struct exchange *x);       /* cancel work; write nothing */
    /* The server ends now: finish with a terminal event at once; cut when it does not. */
    void (*on_shutdown)(struct exchange *x);
};

/* What the server calls; arg is shared by all loops and must be safe for that. */
struct http_handler {
    void *arg;
    void (*on_head)(void *arg, struct exchange *x);
    void (*on_body)(void *arg, struct exchange *x);
    void (*on_done)(void *arg, struct exchange *x);
    /* The request could not be parsed or passed a limit (status 400, 408, 413, 414, 417, 431,
     * 501, 503, 505): gives content type and body of the refusal, from x->arena. on_done follows.
     * When the head was at fault on_head was not called: x->user is NULL, and method and target
     * are empty unless the request line was good. May be NULL: why as plain text. */
    str (*error_body)(void *arg, struct exchange *x, int status, const char *why,
                      str *content_type);
};

/* Between hold and release x and its arena stay, even when the client vanishes: on_gone comes at
 * once, on_done waits for the last release (which may then free x). For work on other threads that
 * borrows from the request; while it runs, the loop thread must leave x->arena alone. */
void exchange_hold(struct exchange *x);
void exchange_release(struct exchange *x);

/* Value of the first header of that name, case-blind; {NULL,0} when absent. */
str exchange_header(const struct exchange *x, const char *name);
/* From on_head (or later, before a reply; once): read the body up to max bytes, then on_body, also
 * for an empty one; over it the server replies 413 by itself. A reply without having asked for the
 * body of a request that has one closes the connection behind it. */
void exchange_want_body(struct exchange *x, size_t max);

/* Adds a reply header; before reply or stream. Copies. CR, LF and NUL are refused (CHECK), and a
 * head over 1 MB is: bound what is echoed from the request. */
void exchange_add_header(struct exchange *x, const char *name, str value);
/* A whole reply. Copies body. content_type NULL: an empty reply (204, 202). The framing headers
 * (content-length, transfer-encoding, connection), server and date are the server's. */
void exchange_reply(struct exchange *x, int status, const char *content_type, str body);
/* Begins a streamed reply (chunked in HTTP/1.1, until close in 1.0). */
void exchange_stream(struct exchange *x, int status, const char *content_type);
/* Appends to the stream. False when the output is above the high-water mark: stop until on_drain.
 * The bytes are taken in any case. Nothing happens once x->gone. */
bool exchange_write(struct exchange *x, str bytes);
/* Ends the stream. x may be freed before this returns. */
void exchange_finish(struct exchange *x);
