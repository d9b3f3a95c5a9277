/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/messages and /v1/messages/count_tokens as dialects: messages_parse reads,
 * messages_render writes.
 */
#include "api/generate.h"
#include "api/handlers.h"
#include "api/messages_parse.h"
#include "api/messages_render.h"
#include "net/sse.h"

struct messages {
    struct messages_params p;
    struct messages_reply reply;
};

static enum err read_body(struct generation *g, const struct json *root, bool counts,
                          struct error *e)
{
    struct request *r = g->r;
    struct messages *m = arena_new_of(r->x->arena, struct messages);

    g->own = m;
    TRY(messages_parse(r->api, r->x->body, root, counts, r->x->arena, &m->p, e));
    g->chat = m->p.chat;
    g->model = m->p.model;
    g->stream = m->p.stream && !counts;
    return ERR_OK;
}

static enum err read(struct generation *g, const struct json *root, struct error *e)
{
    return read_body(g, root, false, e);
}

static void begin(struct generation *g)
{
    struct messages *m = g->own;

    messages_reply_init(&m->reply, request_id(g->r), g->r->model->id, m->p.shows_thinking);
}

static void open(struct generation *g, struct buf *out)
{
    struct messages *m = g->own;
    struct chat_usage u = g->r->model->backend->ops->usage(g->run);

    messages_stream_open(&m->reply, &u, &g->scratch, out);
}

static void event(struct generation *g, const struct chat_event *ev, struct buf *out)
{
    struct messages *m = g->own;

    messages_stream_event(&m->reply, ev, &g->scratch, out);
}

static void fail(struct generation *g, const struct error *e, struct buf *out)
{
    sse_event(out, "error", request_error_body(g->r, e));
}

static void ping(struct generation *g, struct buf *out)
{
    (void)g;
    messages_stream_ping(out);
}

static void fold(struct generation *g, const struct chat_event *ev)
{
    struct messages *m = g->own;

    messages_fold_event(&m->reply, ev);
}

static void whole(struct generation *g, struct buf *out)
{
    struct messages *m = g->own;

    messages_whole(&m->reply, &g->r->usage, out);
}

static void release(struct generation *g)
{
    struct messages *m = g->own;

    messages_reply_done(&m->reply);
}

static const struct dialect messages = {
    .read = read, .begin = begin, .open = open, .event = event, .fail = fail, .ping = ping,
    .fold = fold, .whole = whole, .release = release};

void handle_messages(struct request *r)
{
    generate(r, &messages);
}

/* ---- count_tokens ---- */

static enum err read_to_count(struct generation *g, const struct json *root, struct error *e)
{
    return read_body(g, root, true, e);
}

static void counted(struct generation *g, size_t n_token, struct buf *out)
{
    struct json_writer w;

    (void)g;
    jw_init(&w, out);
    jw_object(&w);
    jw_kv_int(&w, "input_tokens", (int64_t)n_token);
    jw_object_end(&w);
}

static const struct dialect count_tokens = {.read = read_to_count, .counted = counted};

void handle_messages_count(struct request *r)
{
    generate(r, &count_tokens);
}
