/* SPDX-License-Identifier: Apache-2.0 */
#include "api/messages_render.h"
#include "account/digest.h"
#include "codec/json.h"
#include "net/sse.h"

#define FOLD_BYTES_MAX (256u << 20)

void messages_reply_init(struct messages_reply *m, str id, str model, bool shows_thinking)
{
    *m = (struct messages_reply){.id = id, .model = model, .shows_thinking = shows_thinking};
    buf_init(&m->text, FOLD_BYTES_MAX);
    buf_init(&m->content, FOLD_BYTES_MAX);
}

void messages_reply_done(struct messages_reply *m)
{
    buf_done(&m->text);
    buf_done(&m->content);
}

/* ---- parts of both ---- */

static void usage_members(struct json_writer *w, const struct chat_usage *u)
{
    jw_key(w, "usage");
    jw_object(w);
    jw_kv_int(w, "input_tokens", u->prompt - u->cached);
    jw_kv_int(w, "cache_creation_input_tokens", 0);
    jw_kv_int(w, "cache_read_input_tokens", u->cached);
    jw_kv_int(w, "output_tokens", u->completion + u->reasoning);
    jw_object_end(w);
}

static void stop_members(struct json_writer *w, const struct messages_reply *m)
{
    static const char *const reason[CHAT_FINISH_COUNT] = {
        [CHAT_FINISH_STOP] = "end_turn", [CHAT_FINISH_LENGTH] = "max_tokens",
        [CHAT_FINISH_TOOL_CALLS] = "tool_use"};
    bool by_string = m->finish == CHAT_FINISH_STOP && m->stop.n;

    jw_kv_cstring(w, "stop_reason", by_string ? "stop_sequence" : reason[m->finish]);
    if (by_string)
        jw_kv_string(w, "stop_sequence", m->stop);
    else
        jw_kv_null(w, "stop_sequence");
}

static void message_members(struct json_writer *w, const struct messages_reply *m)
{
    jw_kv_string(w, "id", m->id);
    jw_kv_cstring(w, "type", "message");
    jw_kv_cstring(w, "role", "assistant");
    jw_kv_string(w, "model", m->model);
}

static void signature(struct json_writer *w, str thinking)
{
    char text[DIGEST_BASE64_LEN + 1];

    digest_base64(thinking, text);
    jw_kv_cstring(w, "signature", text);
}

/* The block that an event belongs to; BLOCK_NONE: to none of its own kind. */
static enum messages_block block_of(const struct messages_reply *m, const struct chat_event *ev)
{
    if (!ev->text.n) return BLOCK_NONE;
    if (ev->kind == CHAT_TEXT) return BLOCK_TEXT;
    return ev->kind == CHAT_REASONING && m->shows_thinking ? BLOCK_THINKING : BLOCK_NONE;
}

static void note_end(struct messages_reply *m, const struct chat_event *ev)
{
    m->finish = ev->finish;
    m->stop = ev->stop;
}

/* ---- stream ---- */

/* Begins an event's data in scratch; flush ends it. */
static void begin(struct json_writer *w, struct buf *scratch, const char *name)
{
    buf_clear(scratch);
    jw_init(w, scratch);
    jw_object(w);
    jw_kv_cstring(w, "type", name);
}

static void flush(struct json_writer *w, const char *name, struct buf *out)
{
    jw_object_end(w);
    sse_event(out, name, buf_str(w->out));
}

static void delta(const struct messages_reply *m, const char *type, const char *key, str text,
                  struct buf *scratch, struct buf *out)
{
    struct json_writer w;

    begin(&w, scratch, "content_block_delta");
    jw_kv_int(&w, "index", m->index);
    jw_key(&w, "delta");
    jw_object(&w);
    jw_kv_cstring(&w, "type", type);
    jw_kv_string(&w, key, text);
    jw_object_end(&w);
    flush(&w, "content_block_delta", out);
}

static void signature_delta(const struct messages_reply *m, struct buf *scratch, struct buf *out)
{
    struct json_writer w;

    begin(&w, scratch, "content_block_delta");
    jw_kv_int(&w, "index", m->index);
    jw_key(&w, "delta");
    jw_object(&w);
    jw_kv_cstring(&w, "type", "signature_delta");
    signature(&w, buf_str(&m->text));
    jw_object_end(&w);
    flush(&w, "content_block_delta", out);
}

static void stop_block(struct messages_reply *m, struct buf *scratch, struct buf *out)
{
    struct json_writer w;

    begin(&w, scratch, "content_block_stop");
    jw_kv_int(&w, "index", m->index++);
    flush(&w, "content_block_stop", out);
}

static void close_block(struct messages_reply *m, struct buf *scratch, struct buf *out)
{
    if (m->open == BLOCK_THINKING) signature_delta(m, scratch, out);
    if (m->open != BLOCK_NONE) stop_block(m, scratch, out);
    m->open = BLOCK_NONE;
    buf_clear(&m->text);
}

static void open_block(struct messages_reply *m, enum messages_block kind, struct buf *scratch,
                       struct buf *out)
{
    struct json_writer w;

    close_block(m, scratch, out);
    m->open = kind;
    begin(&w, scratch, "content_block_start");
    jw_kv_int(&w, "index", m->index);
    jw_key(&w, "content_block");
    jw_object(&w);
    jw_kv_cstring(&w, "type", kind == BLOCK_TEXT ? "text" : "thinking");
    jw_kv_cstring(&w, kind == BLOCK_TEXT ? "text" : "thinking", "");
    if (kind == BLOCK_THINKING) jw_kv_cstring(&w, "signature", "");
    jw_object_end(&w);
    flush(&w, "content_block_start", out);
}

static void stream_text(struct messages_reply *m, enum messages_block kind, str text,
                        struct buf *scratch, struct buf *out)
{
    if (m->open != kind) open_block(m, kind, scratch, out);
    if (kind == BLOCK_TEXT) {
        delta(m, "text_delta", "text", text, scratch, out);
        return;
    }
    buf_add(&m->text, text);
    delta(m, "thinking_delta", "thinking", text, scratch, out);
}

static void stream_call(struct messages_reply *m, const struct chat_tool_call *c,
                        struct buf *scratch, struct buf *out)
{
    struct json_writer w;

    close_block(m, scratch, out);
    begin(&w, scratch, "content_block_start");
    jw_kv_int(&w, "index", m->index);
    jw_key(&w, "content_block");
    jw_object(&w);
    jw_kv_cstring(&w, "type", "tool_use");
    jw_kv_string(&w, "id", c->id);
    jw_kv_string(&w, "name", c->name);
    jw_key(&w, "input");
    jw_object(&w);
    jw_object_end(&w);
    jw_object_end(&w);
    flush(&w, "content_block_start", out);
    delta(m, "input_json_delta", "partial_json", c->arguments, scratch, out);
    stop_block(m, scratch, out);
}

static void stream_end(const struct messages_reply *m, const struct chat_usage *u,
                       struct buf *scratch, struct buf *out)
{
    struct json_writer w;

    begin(&w, scratch, "message_delta");
    jw_key(&w, "delta");
    jw_object(&w);
    stop_members(&w, m);
    jw_object_end(&w);
    usage_members(&w, u);
    flush(&w, "message_delta", out);
    begin(&w, scratch, "message_stop");
    flush(&w, "message_stop", out);
}

void messages_stream_open(struct messages_reply *m, const struct chat_usage *u,
                          struct buf *scratch, struct buf *out)
{
    struct json_writer w;

    begin(&w, scratch, "message_start");
    jw_key(&w, "message");
    jw_object(&w);
    message_members(&w, m);
    jw_key(&w, "content");
    jw_array(&w);
    jw_array_end(&w);
    jw_kv_null(&w, "stop_reason");
    jw_kv_null(&w, "stop_sequence");
    usage_members(&w, u);
    jw_object_end(&w);
    flush(&w, "message_start", out);
    messages_stream_ping(out);
}

void messages_stream_ping(struct buf *out)
{
    sse_event(out, "ping", STR("{\"type\":\"ping\"}"));
}

void messages_stream_event(struct messages_reply *m, const struct chat_event *ev,
                           struct buf *scratch, struct buf *out)
{
    enum messages_block kind = block_of(m, ev);

    if (kind != BLOCK_NONE) {
        stream_text(m, kind, ev->text, scratch, out);
    } else if (ev->kind == CHAT_CALL) {
        stream_call(m, &ev->call, scratch, out);
    } else if (ev->kind == CHAT_CHOICE_END) {
        close_block(m, scratch, out);
        note_end(m, ev);
    } else if (ev->kind == CHAT_END) {
        stream_end(m, &ev->usage, scratch, out);
    }
}

/* ---- whole ---- */

static void begin_element(struct messages_reply *m, struct json_writer *w, const char *type)
{
    if (m->content.n) buf_char(&m->content, ',');
    jw_init(w, &m->content);
    jw_object(w);
    jw_kv_cstring(w, "type", type);
}

static void fold_block(struct messages_reply *m)
{
    struct json_writer w;

    if (m->open == BLOCK_NONE) return;
    begin_element(m, &w, m->open == BLOCK_TEXT ? "text" : "thinking");
    jw_kv_string(&w, m->open == BLOCK_TEXT ? "text" : "thinking", buf_str(&m->text));
    if (m->open == BLOCK_THINKING) signature(&w, buf_str(&m->text));
    jw_object_end(&w);
    m->open = BLOCK_NONE;
    buf_clear(&m->text);
}

static void fold_call(struct messages_reply *m, const struct chat_tool_call *c)
{
    struct json_writer w;

    fold_block(m);
    begin_element(m, &w, "tool_use");
    jw_kv_string(&w, "id", c->id);
    jw_kv_string(&w, "name", c->name);
    jw_key(&w, "input");
    jw_raw(&w, c->arguments);
    jw_object_end(&w);
}

void messages_fold_event(struct messages_reply *m, const struct chat_event *ev)
{
    enum messages_block kind = block_of(m, ev);

    if (kind != BLOCK_NONE) {
        if (m->open != kind) fold_block(m);
        m->open = kind;
        buf_add(&m->text, ev->text);
    } else if (ev->kind == CHAT_CALL) {
        fold_call(m, &ev->call);
    } else if (ev->kind == CHAT_CHOICE_END) {
        fold_block(m);
        note_end(m, ev);
    }
}

void messages_whole(struct messages_reply *m, const struct chat_usage *u, struct buf *out)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_object(&w);
    message_members(&w, m);
    jw_key(&w, "content");
    jw_array(&w);
    jw_raw(&w, buf_str(&m->content));
    jw_array_end(&w);
    stop_members(&w, m);
    usage_members(&w, u);
    jw_object_end(&w);
}
