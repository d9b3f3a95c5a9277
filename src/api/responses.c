/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/responses as a dialect. A response that is to be kept is on the disk before its last
 * event or its reply goes out.
 */
#include "api/responses.h"
#include "api/generate.h"
#include "api/handlers.h"
#include "api/responses_read.h"
#include "api/responses_store.h"
#include "base/clock.h"
#include "net/sse.h"

#define SAVE_MS_MAX 10000              /* a disk that takes longer has failed */
#define BODY_BYTES_MAX ((size_t)1 << 30)       /* the object of a response */

struct response {
    struct responses_params p;
    struct responses_source source;    /* its keep goes when it is handed over */
    struct responses_head head;
    struct responses_output output;
    struct responses_write *write;     /* on its way */
    struct timer *patience;            /* while it is */
    int64_t completed_unix_s;
};

/* ---- reading ---- */

static enum err read(struct generation *g, const struct json *root, struct error *e)
{
    struct response *s = arena_new_of(g->r->x->arena, struct response);

    g->own = s;
    TRY(responses_read(g->r, root, false, &s->source, &s->p, e));
    g->chat = s->p.chat;
    g->model = s->p.model;
    g->stream = s->p.stream;
    return ERR_OK;
}

static void begin(struct generation *g)
{
    struct response *s = g->own;

    s->head = (struct responses_head){.id = request_id(g->r), .model = g->r->model->id,
                                      .fingerprint = g->r->model->fingerprint,
                                      .created_unix_s = clock_unix_s(), .p = &s->p};
    responses_output_init(&s->output, s->head.id);
    s->output.has_logprobs = g->chat.logprobs;
    s->output.team_id = g->r->key.team_id;
    s->output.space = s->p.space;
    s->output.n_space = s->p.n_space;
    if (s->p.left_out.n)
        exchange_add_header(g->r->x, "x-grokd-ignored-tools", s->p.left_out);
    if (s->p.seals) s->output.key = responses_key(g->r->api->responses);
}

/* ---- the end ---- */

static bool is_cut(const struct response *s)
{
    return s->output.finish == CHAT_FINISH_LENGTH;
}

static struct responses_end end_of(struct generation *g)
{
    struct response *s = g->own;

    if (!s->completed_unix_s) s->completed_unix_s = clock_unix_s();
    return (struct responses_end){
        .status = is_cut(s) ? "incomplete" : "completed",
        .completed_unix_s = is_cut(s) ? 0 : s->completed_unix_s,
        .items = buf_str(&s->output.items), .usage = &g->r->usage,
        .cost_ticks = request_cost(g->r)};
}

static void saved(void *arg, enum err result)
{
    struct generation *g = arg;
    struct response *s = g->own;
    struct error e;

    timer_free(s->patience);
    s->patience = NULL;
    s->write = NULL;
    if (result == ERR_OK) {
        generate_finish(g, NULL);
        return;
    }
    err_set(&e, ERR_IO, ERR_NO_POS, "The response could not be stored. Try again in a moment.");
    generate_finish(g, &e);
}

/* The disk is full, say. The write stays in the store's queue: what is late is kept, too. */
static void too_late(void *arg)
{
    struct generation *g = arg;
    struct response *s = g->own;

    responses_forget(s->write);
    saved(g, ERR_TIMEOUT);
}

/* Inputs as they were read, then the output. */
static void add_items(const struct response *s, struct arena *a, struct response_row *row)
{
    const struct responses_output *o = &s->output;
    struct response_item *item = arena_alloc(a, (s->p.n_kept + o->n_span) * sizeof *item);

    memcpy(item, s->p.kept, s->p.n_kept * sizeof *item);
    for (size_t i = 0; i < o->n_span; i++) {
        const struct responses_span *span = &o->span[i];

        item[s->p.n_kept + i] = (struct response_item){
            .id = arena_str(a, str_of(span->id)),
            .body = arena_str(a, str_sub(buf_str(&o->items), span->from, span->n)),
            .is_output = true};
    }
    row->item = item;
    row->n_item = s->p.n_kept + o->n_span;
}

static bool save(struct generation *g)
{
    struct response *s = g->own;
    struct responses_end end = end_of(g);
    struct responses *store = g->r->api->responses;
    struct arena *a = s->source.keep;
    struct response_row *row;
    struct buf body;
    size_t output_at = 0;

    if (!s->p.store) return false;
    row = arena_new_of(a, struct response_row);
    buf_init(&body, BODY_BYTES_MAX);
    end.items = STR_NONE;
    responses_object(&body, &s->head, &end, &output_at);
    *row = (struct response_row){
        .id = arena_str(a, s->head.id), .team_id = arena_str(a, g->r->key.team_id),
        .key_id = arena_str(a, g->r->key.id), .previous_id = arena_str(a, s->p.previous_id),
        .instructions = arena_str(a, s->p.instructions), .body = arena_str(a, buf_str(&body)),
        .output_at = (int64_t)output_at, .created_unix_s = s->head.created_unix_s,
        .expires_unix_s = s->head.created_unix_s + responses_keep_s(store)};
    buf_done(&body);
    add_items(s, a, row);
    s->source.keep = NULL;
    s->write = responses_save(store, g->r->x->loop, a, row, saved, g);
    if (!s->write) {
        saved(g, ERR_BUSY);
        return true;
    }
    s->patience = timer_new(g->r->x->loop, too_late, g);
    timer_start(s->patience, SAVE_MS_MAX);
    return true;
}

/* ---- streams ---- */

static void open_events(struct generation *g, struct buf *out)
{
    static const struct responses_end nothing;
    struct response *s = g->own;

    responses_output_object(&s->output, "response.created", &s->head, &nothing, &g->scratch, out);
    responses_output_object(&s->output, "response.in_progress", &s->head, &nothing, &g->scratch,
                            out);
}

static void event(struct generation *g, const struct chat_event *ev, struct buf *out)
{
    responses_output_event(&((struct response *)g->own)->output, ev, &g->scratch, out);
}

static void close_events(struct generation *g, struct buf *out)
{
    struct response *s = g->own;
    struct responses_end end = end_of(g);

    responses_output_object(&s->output, is_cut(s) ? "response.incomplete" : "response.completed",
                            &s->head, &end, &g->scratch, out);
    sse_data(out, STR("[DONE]"));
}

static void fail(struct generation *g, const struct error *e, struct buf *out)
{
    struct response *s = g->own;
    struct responses_end end = end_of(g);

    end.status = "failed";
    end.completed_unix_s = 0;
    end.error = e;
    responses_output_error(&s->output, e, &g->scratch, out);
    responses_output_object(&s->output, "response.failed", &s->head, &end, &g->scratch, out);
    sse_data(out, STR("[DONE]"));
}

static void ping(struct generation *g, struct buf *out)
{
    (void)g;
    sse_comment(out, "keep-alive");
}

/* ---- whole replies ---- */

static void fold(struct generation *g, const struct chat_event *ev)
{
    responses_output_event(&((struct response *)g->own)->output, ev, NULL, NULL);
}

static void whole(struct generation *g, struct buf *out)
{
    struct response *s = g->own;
    struct responses_end end = end_of(g);

    responses_object(out, &s->head, &end, NULL);
}

static void release(struct generation *g)
{
    struct response *s = g->own;

    responses_forget(s->write);
    timer_free(s->patience);
    responses_output_done(&s->output);
}

static const struct dialect responses = {
    .read = read, .begin = begin, .open = open_events, .event = event, .fail = fail, .ping = ping,
    .fold = fold, .whole = whole, .save = save, .close = close_events, .release = release,
    .read_blocks = responses_read_blocks, .model_is_argument = true};

void handle_responses(struct request *r)
{
    generate(r, &responses);
}
