/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/complete, Anthropic's older dialect: a prompt in which "\n\nHuman:" and
 * "\n\nAssistant:" begin the turns. What stands before the first of them is the system's, or the
 * human's where none of his turns is marked. Never streamed, as at xAI.
 */
#include "api/generate.h"
#include "api/handlers.h"
#include "api/messages_internal.h"

#define COMPLETION_BYTES_MAX (256u << 20)

struct complete {
    struct buf text;
    enum chat_finish finish;
    str stop;
};

/* ---- the prompt ---- */

static const struct marker { const char *text; enum chat_role role; } markers[] = {
    {"\n\nHuman:", ROLE_USER}, {"\n\nAssistant:", ROLE_ASSISTANT}};
#define N_MARKER (sizeof markers / sizeof markers[0])

/* The next marker at or after from, or NULL; *at is where it begins. */
static const struct marker *next_marker(str prompt, size_t from, size_t *at)
{
    for (*at = from; (*at = str_find(prompt, STR("\n\n"), *at)) != SIZE_MAX; ++*at)
        for (size_t i = 0; i < N_MARKER; i++)
            if (str_starts(str_sub(prompt, *at, SIZE_MAX), str_of(markers[i].text)))
                return &markers[i];
    return NULL;
}

static size_t count_markers(str prompt)
{
    size_t n = 0, at = 0;
    const struct marker *m;

    while ((m = next_marker(prompt, at, &at))) {
        at += strlen(m->text);
        n++;
    }
    return n;
}

/* What stands before the first marker. */
static void read_before(struct reading *p, str prompt, str before)
{
    bool is_turn = str_starts(before, STR("Human:"));
    bool has_turns = str_find(prompt, str_of(markers[0].text), 0) != SIZE_MAX;

    if (is_turn) before = str_trim(str_sub(before, strlen("Human:"), before.n));
    if (before.n)
        reading_add(p, &(struct chat_message){
            .role = is_turn || !has_turns ? ROLE_USER : ROLE_SYSTEM, .text = before});
}

static void read_turns(struct reading *p, str prompt)
{
    size_t at;
    const struct marker *m = next_marker(prompt, 0, &at), *next;

    read_before(p, prompt, str_trim(str_sub(prompt, 0, at)));
    for (; m && !reading_failed(p); m = next) {
        size_t from = at + strlen(m->text);
        str text;

        next = next_marker(prompt, from, &at);
        text = str_trim(next ? str_sub(prompt, from, at - from) : str_sub(prompt, from, SIZE_MAX));
        /* The last one only asks for the answer. */
        if (next || m->role == ROLE_USER || text.n)
            reading_add(p, &(struct chat_message){.role = m->role, .text = text});
    }
}

static void read_prompt(struct reading *p)
{
    str prompt = fields_str(&p->f, p->root, "", "prompt");

    if (reading_failed(p)) return;
    if (!prompt.p) {
        fields_type_error(&p->f, "prompt", p->root->pos, "missing field `prompt`");
        return;
    }
    reading_room(p, count_markers(prompt) + 1);
    read_turns(p, prompt);
    if (!p->n_message)
        fields_range_error(&p->f, "'prompt' holds no turn of the human's: write one behind "
                           "\"\\n\\nHuman:\".");
}

/* ---- the request ---- */

static enum err read(struct generation *g, const struct json *root, struct error *e)
{
    struct request *r = g->r;
    struct reading p = {.f = {.body = r->x->body, .arena = r->x->arena, .e = e}, .root = root,
                        .chat = &g->chat};
    int64_t max;

    g->own = arena_new_of(r->x->arena, struct complete);
    if (root->type != JSON_OBJECT) {
        fields_type_error(&p.f, "body", root->pos, "expected an object");
        return p.f.rc;
    }
    g->chat.n_choice = 1;
    g->model = reading_model(&p);
    reading_sampling(&p, r->api);
    max = fields_int(&p.f, root, "", "max_tokens", 1, INT64_MAX, INT32_MAX);
    max = fields_int(&p.f, root, "", "max_tokens_to_sample", 1, INT64_MAX, max);
    g->chat.max_tokens = max > INT32_MAX ? INT32_MAX : (int)max;
    if (fields_bool(&p.f, root, "", "stream", false))
        fields_range_error(&p.f, "'stream' is not supported here. Use /v1/messages.");
    read_prompt(&p);
    return p.f.rc;
}

/* ---- the reply ---- */

static void begin(struct generation *g)
{
    buf_init(&((struct complete *)g->own)->text, COMPLETION_BYTES_MAX);
}

static void fold(struct generation *g, const struct chat_event *ev)
{
    struct complete *c = g->own;

    if (ev->kind == CHAT_TEXT) buf_add(&c->text, ev->text);
    if (ev->kind != CHAT_CHOICE_END) return;
    c->finish = ev->finish;
    c->stop = ev->stop;
}

static void whole(struct generation *g, struct buf *out)
{
    const struct complete *c = g->own;
    struct json_writer w;

    jw_init(&w, out);
    jw_object(&w);
    jw_kv_cstring(&w, "type", "completion");
    jw_kv_string(&w, "id", request_id(g->r));
    jw_kv_string(&w, "completion", buf_str(&c->text));
    jw_kv_cstring(&w, "stop_reason",
                  c->finish == CHAT_FINISH_LENGTH ? "max_tokens" : "stop_sequence");
    if (c->stop.n)
        jw_kv_string(&w, "stop", c->stop);
    else
        jw_kv_null(&w, "stop");
    jw_kv_string(&w, "model", g->r->model->id);
    jw_object_end(&w);
}

static void release(struct generation *g)
{
    buf_done(&((struct complete *)g->own)->text);
}

static const struct dialect complete = {
    .read = read, .begin = begin, .fold = fold, .whole = whole, .release = release};

void handle_complete(struct request *r)
{
    generate(r, &complete);
}
