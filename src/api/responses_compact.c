/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/responses/compact as a dialect: the model sums a conversation up; the summary goes to
 * the client sealed, and stands for the conversation when it comes back as an item.
 */
#include "api/generate.h"
#include "api/handlers.h"
#include "api/responses_read.h"
#include "api/responses_store.h"
#include "base/clock.h"

#define SUMMARY_TOKENS_MAX 2048
#define SUMMARY_BYTES_MAX ((size_t)64 << 20)

static const char question[] =
    "Summarize the conversation above for yourself, so that you can go on without it: what was "
    "asked, what was found and decided, results of tools with names and numbers, what is still to "
    "be done. Write nothing but the summary.";
static const char heading[] = "Summary of the conversation so far:\n";

struct compact {
    struct responses_params p;
    struct responses_source source;
    size_t n_message;                  /* of the conversation */
    struct buf summary;
};

/* The conversation, and the question behind it. */
static enum err ask(struct compact *c, struct arena *a, struct chat_request *chat, struct error *e)
{
    struct chat_message *m = arena_try_array(a, c->n_message + 1, sizeof *m);

    if (!m) return err_set(e, ERR_LIMIT, ERR_NO_POS, "The input has too many items.");
    memcpy(m, c->p.chat.message, c->n_message * sizeof *m);
    m[c->n_message] = (struct chat_message){.role = ROLE_USER, .text = str_of(question)};
    *chat = (struct chat_request){.message = m, .n_message = c->n_message + 1, .n_choice = 1,
                                  .max_tokens = SUMMARY_TOKENS_MAX, .sample = c->p.chat.sample,
                                  .priority = c->p.chat.priority,
                                  .thinking = c->p.chat.thinking, .effort = c->p.chat.effort};
    return ERR_OK;
}

static enum err read(struct generation *g, const struct json *root, struct error *e)
{
    struct arena *a = g->r->x->arena;
    struct compact *c = arena_new_of(a, struct compact);

    g->own = c;
    TRY(responses_read(g->r, root, true, &c->source, &c->p, e));
    if (c->p.stream)
        return err_set(e, ERR_ARG, ERR_NO_POS,
                       "A compaction is not streamed: leave 'stream' out, or send false.");
    c->n_message = c->p.chat.n_message;
    g->model = c->p.model;
    return ask(c, a, &g->chat, e);
}

static void begin(struct generation *g)
{
    struct compact *c = g->own;

    buf_init(&c->summary, SUMMARY_BYTES_MAX);
    buf_add(&c->summary, str_of(heading));
}

static void fold(struct generation *g, const struct chat_event *ev)
{
    if (ev->kind == CHAT_TEXT) buf_add(&((struct compact *)g->own)->summary, ev->text);
}

static void output(struct generation *g, struct json_writer *w, str id)
{
    struct compact *c = g->own;
    struct arena *a = arena_new(0);
    str sealed = seal_text(responses_key(g->r->api->responses),
                           responses_summary_context(g->r->key.team_id, a),
                           buf_str(&c->summary), a);

    jw_key(w, "output");
    jw_array(w);
    jw_object(w);
    jw_kv_cstring(w, "type", "compaction");
    jw_kv_string(w, "id", id);
    jw_kv_string(w, "encrypted_content", sealed);
    jw_object_end(w);
    jw_array_end(w);
    arena_free(a);
}

static void whole(struct generation *g, struct buf *out)
{
    struct compact *c = g->own;
    struct request *r = g->r;
    const struct responses_end end = {.usage = &r->usage, .cost_ticks = request_cost(r)};
    str id = arena_printf(r->x->arena, "cmp_%.*s", STR_FMT(request_id(r)));
    struct json_writer w;

    jw_init(&w, out);
    jw_object(&w);
    jw_kv_string(&w, "id", id);
    jw_kv_cstring(&w, "object", "response.compaction");
    jw_kv_int(&w, "created_at", clock_unix_s());
    jw_kv_string(&w, "model", r->model->id);
    output(g, &w, id);
    responses_usage(&w, &end, "dropped_message_count", (int64_t)c->n_message);
    jw_object_end(&w);
}

static void release(struct generation *g)
{
    buf_done(&((struct compact *)g->own)->summary);
}

static const struct dialect compaction = {
    .read = read, .begin = begin, .fold = fold, .whole = whole, .release = release,
    .read_blocks = responses_read_blocks, .model_is_argument = true};

void handle_responses_compact(struct request *r)
{
    generate(r, &compaction);
}
