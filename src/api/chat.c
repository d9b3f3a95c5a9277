/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/chat/completions as a dialect: chat_parse reads, chat_render writes.
 */
#include "api/chat.h"
#include "api/chat_parse.h"
#include "api/chat_render.h"
#include "api/deferred.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "net/sse.h"

struct chat {
    struct chat_params p;
    struct chat_head head;
    bool *started;                     /* [n_choice]: the role went out */
    struct chat_fold *fold;            /* [n_choice], whole replies only */
};

static enum err read(struct generation *g, const struct json *root, struct error *e)
{
    struct request *r = g->r;
    struct chat *c = arena_new_of(r->x->arena, struct chat);

    g->own = c;
    TRY(chat_parse(r->api, r->x->body, root, r->x->arena, &c->p, e));
    g->chat = c->p.chat;
    g->model = c->p.model;
    g->stream = c->p.stream;
    g->deferred = c->p.deferred;
    return ERR_OK;
}

/* The one it runs in, whatever was asked. */
static const char *tier_of(const struct chat_request *r)
{
    return r->priority > 0 ? "priority" : "default";
}

static void begin(struct generation *g)
{
    struct chat *c = g->own;
    struct arena *a = g->r->x->arena;
    size_t n = (size_t)g->chat.n_choice;

    c->head = (struct chat_head){.id = request_id(g->r), .model = g->r->model->id,
                                 .fingerprint = g->r->model->fingerprint,
                                 .created_unix_s = clock_unix_s(),
                                 .tier = c->p.has_tier ? tier_of(&g->chat) : NULL,
                                 .has_functions = c->p.has_functions,
                                 .has_logprobs = g->chat.logprobs};
    c->started = arena_alloc(a, n * sizeof *c->started);
    if (g->stream) return;
    c->fold = arena_alloc(a, n * sizeof *c->fold);
    for (size_t i = 0; i < n; i++) chat_fold_init(&c->fold[i]);
}

static void add_chunk(struct generation *g, const struct chat_event *ev, struct buf *out)
{
    struct chat *c = g->own;
    bool first = ev->kind != CHAT_END && !c->started[ev->choice];

    if (ev->kind != CHAT_END) c->started[ev->choice] = true;
    buf_clear(&g->scratch);
    chat_render_chunk(&g->scratch, &c->head, ev, first, request_cost(g->r));
    sse_data(out, buf_str(&g->scratch));
}

static void event(struct generation *g, const struct chat_event *ev, struct buf *out)
{
    struct chat *c = g->own;

    if (ev->kind != CHAT_END || c->p.include_usage) add_chunk(g, ev, out);
    if (ev->kind == CHAT_END) sse_data(out, STR("[DONE]"));
}

/* One typed event, no [DONE]. */
static void fail(struct generation *g, const struct error *e, struct buf *out)
{
    sse_data(out, request_error_body(g->r, e));
}

static void ping(struct generation *g, struct buf *out)
{
    (void)g;
    sse_comment(out, "keep-alive");
}

static void fold(struct generation *g, const struct chat_event *ev)
{
    struct chat *c = g->own;

    chat_fold_event(&c->fold[ev->choice], &c->head, ev);
}

static void whole(struct generation *g, struct buf *out)
{
    struct chat *c = g->own;

    chat_render_whole(out, &c->head, c->fold, g->chat.n_choice, &g->r->usage, request_cost(g->r));
}

static void defer(struct generation *g)
{
    deferred_submit(g->r);
}

static void release(struct generation *g)
{
    struct chat *c = g->own;

    for (int i = 0; c->fold && i < g->chat.n_choice; i++) chat_fold_done(&c->fold[i]);
}

const struct dialect chat_completions = {
    .read = read, .begin = begin, .event = event, .fail = fail, .ping = ping, .fold = fold,
    .whole = whole, .defer = defer, .release = release};

void handle_chat_completions(struct request *r)
{
    generate(r, &chat_completions);
}
