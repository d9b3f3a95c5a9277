/* SPDX-License-Identifier: Apache-2.0
 *
 * A request that a model answers, whatever the dialect: read, prepare (on the pool when that may
 * take long), pull events whenever the backend's wake mail arrives or the client took output,
 * keep the client company while it waits, end exactly once. A dialect is a table of functions
 * that read a body into a chat_request and write events; streamed and whole replies differ only in
 * where an event goes: into the stream, or into the dialect's fold.
 *
 * Loop thread; `read` may run on the pool.
 */
#pragma once
#include "api/request.h"
#include "base/buf.h"
#include "chat/request.h"
#include "net/loop.h"

struct generation;

struct dialect {
    /* Fills chat, model, stream and what own needs. wake, salt and owner are set by the caller. */
    enum err (*read)(struct generation *g, const struct json *root, struct error *e);
    /* The request was allowed and its model is known (r->model). */
    void (*begin)(struct generation *g);
    /* Streams: bytes before the first event (NULL: none), of an event (END too), of a failure
     * after which nothing comes, and while nothing else does. g->scratch is free to use. */
    void (*open)(struct generation *g, struct buf *out);
    void (*event)(struct generation *g, const struct chat_event *ev, struct buf *out);
    void (*fail)(struct generation *g, const struct error *e, struct buf *out);
    void (*ping)(struct generation *g, struct buf *out);
    /* Whole replies: an event but END and FAIL; then the reply, its usage in r->usage. */
    void (*fold)(struct generation *g, const struct chat_event *ev);
    void (*whole)(struct generation *g, struct buf *out);
    /* Behind the last event, before the reply ends: hands over what must be durable first; then
     * generate_finish comes on the loop. r->usage is set. False, or NULL: nothing is to be kept. */
    bool (*save)(struct generation *g);
    /* Streams: behind all that, the last bytes. NULL: none. */
    void (*close)(struct generation *g, struct buf *out);
    /* Not NULL: nothing is generated; the reply tells the length of the prompt, in tokens. Of the
     * others only `read` is called then. */
    void (*counted)(struct generation *g, size_t n_token, struct buf *out);
    /* read set `deferred`: the request is not started; gives the reply. Of the others only `read`
     * is called then. */
    void (*defer)(struct generation *g);
    /* Frees what own holds outside of the arena; after begin only. NULL: nothing. */
    void (*release)(struct generation *g);
    /* read waits for a disk: on the pool, however small the body. NULL: it does not. */
    bool (*read_blocks)(const struct request *r);
    bool model_is_argument;            /* an unknown model is a wrong argument, not a missing one */
};

struct generation {
    struct request *r;
    const struct dialect *dialect;
    struct chat_request chat;
    str model;                         /* as asked */
    bool stream;
    bool deferred;                     /* the answer is asked for later; needs dialect->defer */
    void *own;                         /* the dialect's, on the arena */
    struct buf scratch;                /* during open, event and fail */

    /* Of generate.c alone. */
    struct backend_run *run;           /* NULL once over */
    struct mail mail;                  /* posted by the backend's wake */
    struct timer *keepalive;           /* streams only */
    struct pool_job job;               /* preparation on the pool */
    size_t n_counted;                  /* tokens of the prompt, where only they are asked for */
    struct error refusal;              /* why preparation failed; code ERR_OK: it did not */
    bool is_read;                      /* the body was looked at; refusal says with what result */
    bool begun;                        /* prepared, and the client is there */
};

void generate(struct request *r, const struct dialect *d);
/* The first steps of it, for what runs a request without its client: the body, the dialect's read,
 * the model, whose request it is. wake is left to the caller. */
MUST_CHECK enum err generate_read(struct generation *g, struct error *e);
/* What save handed over is kept; failure (may be NULL): it is not, and why. Once, loop thread, not
 * after release. */
void generate_finish(struct generation *g, const struct error *failure);
