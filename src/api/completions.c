/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/completions as a dialect: completions_parse reads, completions_render writes. Prompts
 * go to the model as they are; each gets n choices, in the order of the prompts.
 */
#include "api/completions_parse.h"
#include "api/completions_render.h"
#include "api/generate.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "net/sse.h"

#define ECHO_BYTES_MAX ((size_t)8 << 20)   /* prompts that go before their choices, all of them */

struct completions {
    struct completion_params p;
    struct chat_head head;
    str *echo;                         /* [n_raw]: what goes before the text; NULL: nothing */
    struct completion_fold *fold;      /* [n_choice] */
};

/* ---- echo ---- */

static enum err refuse_echo(struct error *e)
{
    return err_set(e, ERR_ARG, ERR_NO_POS, "'echo' would repeat more than %zu bytes of prompts. "
                   "Leave it out.", ECHO_BYTES_MAX);
}

/* What the ids of a prompt say, at most max bytes. */
static enum err text_of_ids(const struct backend *b, const struct chat_raw *raw, size_t max,
                            struct arena *a, str *out, struct error *e)
{
    struct buf text;
    bool fits;

    if (!b->ops->spell)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "'echo' of token ids is not supported for "
                       "this model. Send the prompt as text.");
    buf_init(&text, max + 1);
    b->ops->spell(b, raw->id, raw->n_id, &text);
    fits = !text.bad;
    if (fits) *out = arena_str(a, buf_str(&text));
    buf_done(&text);
    return fits ? ERR_OK : refuse_echo(e);
}

/* A model that does not exist is refused later. */
static enum err make_echo(struct generation *g, struct completions *c, struct error *e)
{
    const struct model_entry *m = catalog_find(g->r->api->catalog, g->model);
    size_t n_raw = g->chat.n_raw, left = ECHO_BYTES_MAX * n_raw / (size_t)g->chat.n_choice;

    if (!m) return ERR_OK;
    c->echo = arena_alloc(g->r->x->arena, n_raw * sizeof *c->echo);
    for (size_t i = 0; i < n_raw; i++) {
        const struct chat_raw *raw = &g->chat.raw[i];

        c->echo[i] = raw->text;
        if (raw->id) TRY(text_of_ids(m->backend, raw, left, g->r->x->arena, &c->echo[i], e));
        if (c->echo[i].n > left) return refuse_echo(e);
        left -= c->echo[i].n;
    }
    return ERR_OK;
}

/* ---- the dialect ---- */

static enum err read(struct generation *g, const struct json *root, struct error *e)
{
    struct request *r = g->r;
    struct completions *c = arena_new_of(r->x->arena, struct completions);

    g->own = c;
    TRY(completions_parse(r->api, r->x->body, root, r->x->arena, &c->p, e));
    g->chat = c->p.base.chat;
    g->model = c->p.base.model;
    g->stream = c->p.base.stream;
    return c->p.echo ? make_echo(g, c, e) : ERR_OK;
}

static void begin(struct generation *g)
{
    struct completions *c = g->own;
    size_t n = (size_t)g->chat.n_choice, per_prompt = n / g->chat.n_raw;

    c->head = (struct chat_head){.id = request_id(g->r), .model = g->r->model->id,
                                 .fingerprint = g->r->model->fingerprint,
                                 .created_unix_s = clock_unix_s(),
                                 .has_logprobs = g->chat.logprobs};
    c->fold = arena_alloc(g->r->x->arena, n * sizeof *c->fold);
    for (size_t i = 0; i < n; i++) {
        completion_fold_init(&c->fold[i]);
        if (c->echo) buf_add(&c->fold[i].text, c->echo[i / per_prompt]);
    }
}

/* One chunk of what the fold of a choice holds. */
static void add_chunk(struct generation *g, int index, struct buf *out)
{
    struct completions *c = g->own;

    buf_clear(&g->scratch);
    completion_render_chunk(&g->scratch, &c->head, index, &c->fold[index]);
    sse_data(out, buf_str(&g->scratch));
    completion_fold_clear(&c->fold[index]);
}

static void open(struct generation *g, struct buf *out)
{
    const struct completions *c = g->own;

    for (int i = 0; c->echo && i < g->chat.n_choice; i++) add_chunk(g, i, out);
}

static void end(struct generation *g, const struct chat_event *ev, struct buf *out)
{
    struct completions *c = g->own;

    if (c->p.base.include_usage) {
        buf_clear(&g->scratch);
        completion_render_whole(&g->scratch, &c->head, NULL, 0, &ev->usage, request_cost(g->r));
        sse_data(out, buf_str(&g->scratch));
    }
    sse_data(out, STR("[DONE]"));
}

static void event(struct generation *g, const struct chat_event *ev, struct buf *out)
{
    struct completions *c = g->own;

    if (ev->kind == CHAT_END) {
        end(g, ev, out);
        return;
    }
    if (ev->kind != CHAT_TEXT && ev->kind != CHAT_CHOICE_END) return;
    completion_fold_event(&c->fold[ev->choice], ev);
    add_chunk(g, ev->choice, out);
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
    struct completions *c = g->own;

    completion_fold_event(&c->fold[ev->choice], ev);
}

static void whole(struct generation *g, struct buf *out)
{
    struct completions *c = g->own;

    completion_render_whole(out, &c->head, c->fold, g->chat.n_choice, &g->r->usage,
                            request_cost(g->r));
}

static void release(struct generation *g)
{
    struct completions *c = g->own;

    for (int i = 0; i < g->chat.n_choice; i++) completion_fold_done(&c->fold[i]);
}

static const struct dialect completions = {
    .read = read, .begin = begin, .open = open, .event = event, .fail = fail, .ping = ping,
    .fold = fold, .whole = whole, .release = release};

void handle_completions(struct request *r)
{
    generate(r, &completions);
}
