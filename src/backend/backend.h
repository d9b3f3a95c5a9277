/* SPDX-License-Identifier: Apache-2.0
 *
 * Who answers a chat_request: one table of functions per kind of backend, one run per request.
 * A run is pulled: backend_next gives events until there is nothing new; the request's wake says
 * when to pull again. All calls on a run come from one thread.
 */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/buf.h"
#include "chat/event.h"
#include "chat/request.h"

struct backend;
struct backend_run;

/* Signs of life and room left. */
struct backend_health {
    uint64_t steps;                    /* heartbeat: moves as long as the scheduler does */
    int64_t last_step_ns;              /* clock_ns of its last move */
    int n_running, n_queued, n_request_max;
    int64_t tokens, tokens_free;       /* KV cache, in positions */
};

struct backend_ops {
    /* Checks, queues. r and a must outlive the run. ERR_CONTEXT, ERR_BUSY, ERR_ARG, ... */
    enum err (*start)(struct backend *b, const struct chat_request *r, struct arena *a,
                      struct backend_run **out, struct error *e);
    bool (*next)(struct backend_run *run, struct chat_event *ev);
    struct chat_usage (*usage)(const struct backend_run *run);
    /* At any time; what still runs is cancelled. No wake comes after it returns. */
    void (*free)(struct backend_run *run);
    /* Never waits for work in progress. */
    struct backend_health (*health)(const struct backend *b);
    /* Tokens of the prompt that start would make; nothing is generated. May take as long as the
     * rendering of the prompt. Errors as start. */
    enum err (*count)(struct backend *b, const struct chat_request *r, size_t *n_token,
                      struct error *e);
    /* The tokens that a text is made of in a prompt, in order; piece is a token's bytes and lives
     * as long as the backend. And the text that tokens stand for; ids that are none say nothing.
     * NULL, both: not known here. Any thread. */
    enum err (*tokenize)(const struct backend *b, str text,
                         void (*each)(void *arg, int32_t id, str piece), void *arg,
                         struct error *e);
    void (*spell)(const struct backend *b, const int32_t *id, size_t n, struct buf *out);
};

/* First member of every backend's own struct. */
struct backend { const struct backend_ops *ops; };

MUST_CHECK static inline enum err backend_start(struct backend *b, const struct chat_request *r,
                                                struct arena *a, struct backend_run **out,
                                                struct error *e)
{
    return b->ops->start(b, r, a, out, e);
}
