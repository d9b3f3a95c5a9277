/* SPDX-License-Identifier: Apache-2.0
 *
 *   none --REASONING--> reasoning --TEXT--> message --CALL--> none      a call is an item at once
 *   any other kind closes the open item; CHOICE_END closes the last one
 *
 * Each transition writes the events of the API's order; a reply that is not streamed takes the same
 * way without writing any.
 */
#include "api/responses.h"
#include <stdio.h>
#include "base/mem.h"
#include "net/sse.h"

#define ITEMS_BYTES_MAX (256u << 20)
#define SEAL_ARENA_BYTES ((size_t)1 << 30)

void responses_output_init(struct responses_output *o, str id)
{
    *o = (struct responses_output){.id = id};
    buf_init(&o->text, ITEMS_BYTES_MAX);
    buf_init(&o->logprobs, ITEMS_BYTES_MAX);
    buf_init(&o->items, ITEMS_BYTES_MAX);
}

void responses_output_done(struct responses_output *o)
{
    buf_done(&o->text);
    buf_done(&o->logprobs);
    buf_done(&o->items);
    mem_free(o->span);
    o->span = NULL;
}

/* ---- events ---- */

/* False: none are written. */
static bool event_begin(struct responses_output *o, struct json_writer *w, const char *type)
{
    if (!o->out) return false;
    buf_clear(o->scratch);
    jw_init(w, o->scratch);
    jw_object(w);
    jw_kv_cstring(w, "type", type);
    jw_kv_int(w, "sequence_number", o->sequence++);
    return true;
}

static void event_end(struct responses_output *o, struct json_writer *w, const char *type)
{
    jw_object_end(w);
    sse_event(o->out, type, buf_str(o->scratch));
}

/* Which item: the open one has the index behind the finished ones. */
static void place(struct responses_output *o, struct json_writer *w, const char *sub_index)
{
    jw_kv_cstring(w, "item_id", o->open_id);
    jw_kv_int(w, "output_index", (int64_t)o->n_span);
    if (sub_index) jw_kv_int(w, sub_index, 0);
}

/* An event that says where, and one text. */
static void text_event(struct responses_output *o, const char *type, const char *sub_index,
                       const char *key, str text)
{
    struct json_writer w;

    if (!event_begin(o, &w, type)) return;
    place(o, &w, sub_index);
    jw_kv_string(&w, key, text);
    event_end(o, &w, type);
}

static void item_event(struct responses_output *o, const char *type, str item)
{
    struct json_writer w;

    if (!event_begin(o, &w, type)) return;
    jw_kv_int(&w, "output_index", (int64_t)o->n_span);
    jw_key(&w, "item");
    jw_raw(&w, item);
    event_end(o, &w, type);
}

void responses_output_object(struct responses_output *o, const char *type,
                             const struct responses_head *h, const struct responses_end *end,
                             struct buf *scratch, struct buf *out)
{
    struct json_writer w;

    o->scratch = scratch;
    o->out = out;
    if (!event_begin(o, &w, type)) return;
    jw_key(&w, "response");
    jw_raw(&w, STR(""));
    responses_object(scratch, h, end, NULL);
    event_end(o, &w, type);
}

void responses_output_error(struct responses_output *o, const struct error *e,
                            struct buf *scratch, struct buf *out)
{
    struct json_writer w;

    o->scratch = scratch;
    o->out = out;
    if (!event_begin(o, &w, "error")) return;
    jw_kv_cstring(&w, "code", status_of(e->code)->openai_code);
    jw_kv_cstring(&w, "message", e->text);
    jw_kv_null(&w, "param");
    event_end(o, &w, "error");
}

/* ---- log probabilities ---- */

static void token_fields(struct json_writer *w, str text, float logprob)
{
    jw_kv_string(w, "token", text);
    jw_kv_double(w, "logprob", (double)logprob);
    jw_key(w, "bytes");
    jw_array(w);
    for (size_t i = 0; i < text.n; i++) jw_int(w, (uint8_t)text.p[i]);
    jw_array_end(w);
}

static void add_logprobs(struct buf *b, const struct chat_event *ev)
{
    for (size_t i = 0; i < ev->n_token; i++) {
        const struct chat_token *t = &ev->token[i];
        struct json_writer w;

        if (b->n) buf_char(b, ',');
        jw_init(&w, b);
        jw_object(&w);
        token_fields(&w, t->text, t->logprob);
        jw_key(&w, "top_logprobs");
        jw_array(&w);
        for (int k = 0; k < t->n_top; k++) {
            jw_object(&w);
            token_fields(&w, t->top[k].text, t->top[k].logprob);
            jw_object_end(&w);
        }
        jw_array_end(&w);
        jw_object_end(&w);
    }
}

static void logprobs_member(struct json_writer *w, str elements)
{
    jw_key(w, "logprobs");
    jw_array(w);
    if (elements.n) jw_raw(w, elements);
    jw_array_end(w);
}

/* ---- items as JSON ---- */

static void text_part(struct json_writer *w, str text, str logprobs)
{
    jw_object(w);
    jw_kv_cstring(w, "type", "output_text");
    jw_kv_string(w, "text", text);
    logprobs_member(w, logprobs);
    jw_key(w, "annotations");
    jw_array(w);
    jw_array_end(w);
    jw_object_end(w);
}

static void summary_part(struct json_writer *w, str text)
{
    jw_object(w);
    jw_kv_string(w, "text", text);
    jw_kv_cstring(w, "type", "summary_text");
    jw_object_end(w);
}

static void message_item(const struct responses_output *o, struct json_writer *w,
                         const char *status, bool is_whole)
{
    jw_object(w);
    jw_key(w, "content");
    jw_array(w);
    if (is_whole) text_part(w, buf_str(&o->text), buf_str(&o->logprobs));
    jw_array_end(w);
    jw_kv_cstring(w, "id", o->open_id);
    jw_kv_cstring(w, "role", "assistant");
    jw_kv_cstring(w, "type", "message");
    jw_kv_cstring(w, "status", status);
    jw_object_end(w);
}

static void sealed_member(const struct responses_output *o, struct json_writer *w)
{
    struct arena *a = arena_new(SEAL_ARENA_BYTES);
    str sealed = seal_text(o->key, o->team_id, buf_str(&o->text), a);

    if (sealed.n) jw_kv_string(w, "encrypted_content", sealed);
    arena_free(a);
}

static void reasoning_item(const struct responses_output *o, struct json_writer *w,
                           const char *status, bool is_whole)
{
    jw_object(w);
    jw_kv_cstring(w, "id", o->open_id);
    jw_key(w, "summary");
    jw_array(w);
    if (is_whole) summary_part(w, buf_str(&o->text));
    jw_array_end(w);
    jw_kv_cstring(w, "type", "reasoning");
    jw_kv_cstring(w, "status", status);
    if (is_whole && o->key) sealed_member(o, w);
    jw_object_end(w);
}

/* The client's own name, and its namespace where there is one. */
static void name_members(const struct responses_output *o, struct json_writer *w, str name)
{
    for (size_t i = 0; i < o->n_space; i++)
        if (str_eq(o->space[i].joined, name)) {
            jw_kv_string(w, "name", o->space[i].name);
            jw_kv_string(w, "namespace", o->space[i].space);
            return;
        }
    jw_kv_string(w, "name", name);
}

static void call_item(const struct responses_output *o, struct json_writer *w,
                      const struct chat_tool_call *c, str arguments, const char *status)
{
    jw_object(w);
    jw_kv_string(w, "arguments", arguments);
    jw_kv_string(w, "call_id", c->id);
    name_members(o, w, c->name);
    jw_kv_cstring(w, "type", "function_call");
    jw_kv_cstring(w, "id", o->open_id);
    jw_kv_cstring(w, "status", status);
    jw_object_end(w);
}

/* ---- beginning and end of an item ---- */

static void item_added(struct responses_output *o, const struct chat_tool_call *call)
{
    struct json_writer w;
    struct buf b;

    if (!o->out) return;
    buf_init(&b, ITEMS_BYTES_MAX);
    jw_init(&w, &b);
    if (call)
        call_item(o, &w, call, STR(""), "in_progress");
    else if (o->open == ITEM_MESSAGE)
        message_item(o, &w, "in_progress", false);
    else
        reasoning_item(o, &w, "in_progress", false);
    item_event(o, "response.output_item.added", buf_str(&b));
    buf_done(&b);
}

/* The item joins the finished ones. */
static void item_finished(struct responses_output *o, const struct chat_tool_call *call,
                          const char *status)
{
    struct responses_span *s;
    struct json_writer w;
    size_t from;

    if (o->items.n) buf_char(&o->items, ',');
    from = o->items.n;
    jw_init(&w, &o->items);
    if (call)
        call_item(o, &w, call, call->arguments, status);
    else if (o->open == ITEM_MESSAGE)
        message_item(o, &w, status, true);
    else
        reasoning_item(o, &w, status, true);
    item_event(o, "response.output_item.done", str_sub(buf_str(&o->items), from, o->items.n));
    o->span = mem_resize(o->span, (o->n_span + 1) * sizeof *o->span);
    s = &o->span[o->n_span++];
    *s = (struct responses_span){.from = from, .n = o->items.n - from};
    memcpy(s->id, o->open_id, sizeof s->id);
    o->open = ITEM_NONE;
}

/* The first of a kind is rs_<id>, the later ones rs_<id>_1, ... */
static void name_item(struct responses_output *o, const char *prefix, int nth)
{
    if (nth == 0)
        snprintf(o->open_id, sizeof o->open_id, "%s_%.*s", prefix, STR_FMT(str_sub(o->id, 0, 40)));
    else
        snprintf(o->open_id, sizeof o->open_id, "%s_%.*s_%d", prefix,
                 STR_FMT(str_sub(o->id, 0, 40)), nth);
}

static void part_event(struct responses_output *o, const char *type)
{
    struct json_writer w;
    bool is_message = o->open == ITEM_MESSAGE;

    if (!event_begin(o, &w, type)) return;
    place(o, &w, is_message ? "content_index" : "summary_index");
    jw_key(&w, "part");
    if (is_message)
        text_part(&w, buf_str(&o->text), buf_str(&o->logprobs));
    else
        summary_part(&w, buf_str(&o->text));
    event_end(o, &w, type);
}

static void text_done(struct responses_output *o)
{
    static const char type[] = "response.output_text.done";
    struct json_writer w;

    if (!event_begin(o, &w, type)) return;
    place(o, &w, "content_index");
    jw_kv_string(&w, "text", buf_str(&o->text));
    logprobs_member(&w, buf_str(&o->logprobs));
    event_end(o, &w, type);
}

static void close_item(struct responses_output *o, const char *status)
{
    if (o->open == ITEM_NONE) return;
    if (o->open == ITEM_MESSAGE) {
        text_done(o);
        part_event(o, "response.content_part.done");
    } else {
        text_event(o, "response.reasoning_summary_text.done", "summary_index", "text",
                   buf_str(&o->text));
        part_event(o, "response.reasoning_summary_part.done");
    }
    item_finished(o, NULL, status);
}

static void open_reasoning(struct responses_output *o)
{
    if (o->open == ITEM_REASONING) return;
    close_item(o, "completed");
    name_item(o, "rs", o->n_reasoning++);
    o->open = ITEM_REASONING;
    buf_clear(&o->text);
    item_added(o, NULL);
    part_event(o, "response.reasoning_summary_part.added");
}

static void open_message(struct responses_output *o)
{
    if (o->open == ITEM_MESSAGE) return;
    close_item(o, "completed");
    name_item(o, "msg", o->n_message++);
    o->open = ITEM_MESSAGE;
    buf_clear(&o->text);
    buf_clear(&o->logprobs);
    item_added(o, NULL);
    part_event(o, "response.content_part.added");
}

/* ---- the four kinds ---- */

static void add_text(struct responses_output *o, const struct chat_event *ev)
{
    static const char type[] = "response.output_text.delta";
    struct json_writer w;
    size_t before;

    if (!ev->text.n && !ev->n_token) return;
    open_message(o);
    buf_add(&o->text, ev->text);
    before = o->logprobs.n;
    if (o->has_logprobs) add_logprobs(&o->logprobs, ev);
    if (!event_begin(o, &w, type)) return;
    place(o, &w, "content_index");
    jw_kv_string(&w, "delta", ev->text);
    logprobs_member(&w, str_sub(buf_str(&o->logprobs), before + (before > 0), o->logprobs.n));
    event_end(o, &w, type);
}

static void add_reasoning(struct responses_output *o, const struct chat_event *ev)
{
    if (!ev->text.n) return;
    open_reasoning(o);
    buf_add(&o->text, ev->text);
    text_event(o, "response.reasoning_summary_text.delta", "summary_index", "delta", ev->text);
}

static void add_call(struct responses_output *o, const struct chat_event *ev)
{
    static const char done[] = "response.function_call_arguments.done";
    struct json_writer w;

    close_item(o, "completed");
    snprintf(o->open_id, sizeof o->open_id, "fc_%.*s_%d", STR_FMT(str_sub(o->id, 0, 40)),
             o->n_call++);
    item_added(o, &ev->call);
    text_event(o, "response.function_call_arguments.delta", NULL, "delta", ev->call.arguments);
    if (event_begin(o, &w, done)) {
        place(o, &w, NULL);
        name_members(o, &w, ev->call.name);
        jw_kv_string(&w, "arguments", ev->call.arguments);
        event_end(o, &w, done);
    }
    item_finished(o, &ev->call, "completed");
}

static void end_choice(struct responses_output *o, const struct chat_event *ev)
{
    o->finish = ev->finish;
    /* A reply of no words is a message without any. */
    if (o->open == ITEM_NONE && o->n_span == 0) open_message(o);
    close_item(o, ev->finish == CHAT_FINISH_LENGTH ? "incomplete" : "completed");
}

void responses_output_event(struct responses_output *o, const struct chat_event *ev,
                            struct buf *scratch, struct buf *out)
{
    o->scratch = scratch;
    o->out = out;
    switch (ev->kind) {
    case CHAT_TEXT: add_text(o, ev); break;
    case CHAT_REASONING: add_reasoning(o, ev); break;
    case CHAT_CALL: add_call(o, ev); break;
    case CHAT_CHOICE_END: end_choice(o, ev); break;
    case CHAT_END:
    case CHAT_FAIL: break;
    }
}
