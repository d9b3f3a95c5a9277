/* SPDX-License-Identifier: Apache-2.0 */
#include "api/chat_render.h"

#define FOLD_BYTES_MAX (256u << 20)

static const char *finish_name(const struct chat_head *h, enum chat_finish finish)
{
    static const char *const name[CHAT_FINISH_COUNT] = {
        [CHAT_FINISH_STOP] = "stop", [CHAT_FINISH_LENGTH] = "length",
        [CHAT_FINISH_TOOL_CALLS] = "tool_calls"};

    return finish == CHAT_FINISH_TOOL_CALLS && h->has_functions ? "function_call" : name[finish];
}

void chat_render_head(struct json_writer *w, const struct chat_head *h, const char *object)
{
    jw_object(w);
    jw_kv_string(w, "id", h->id);
    jw_kv_cstring(w, "object", object);
    jw_kv_int(w, "created", h->created_unix_s);
    jw_kv_string(w, "model", h->model);
}

void chat_render_tail(struct json_writer *w, const struct chat_head *h)
{
    jw_kv_cstring(w, "system_fingerprint", h->fingerprint);
    if (h->tier) jw_kv_cstring(w, "service_tier", h->tier);
    jw_object_end(w);
}

void chat_render_usage(struct json_writer *w, const struct chat_usage *u, int64_t cost_ticks)
{
    jw_key(w, "usage");
    jw_object(w);
    jw_kv_int(w, "prompt_tokens", u->prompt);
    jw_kv_int(w, "completion_tokens", u->completion);
    jw_kv_int(w, "total_tokens", u->prompt + u->completion + u->reasoning);
    jw_key(w, "prompt_tokens_details");
    jw_object(w);
    jw_kv_int(w, "text_tokens", u->prompt);
    jw_kv_int(w, "audio_tokens", 0);
    jw_kv_int(w, "image_tokens", 0);
    jw_kv_int(w, "cached_tokens", u->cached);
    jw_object_end(w);
    jw_key(w, "completion_tokens_details");
    jw_object(w);
    jw_kv_int(w, "reasoning_tokens", u->reasoning);
    jw_kv_int(w, "audio_tokens", 0);
    jw_kv_int(w, "accepted_prediction_tokens", 0);
    jw_kv_int(w, "rejected_prediction_tokens", 0);
    jw_object_end(w);
    jw_kv_int(w, "num_sources_used", 0);
    jw_kv_int(w, "cost_in_usd_ticks", cost_ticks);
    jw_object_end(w);
}

/* ---- logprobs ---- */

static void token_fields(struct json_writer *w, str text, float logprob)
{
    jw_kv_string(w, "token", text);
    jw_kv_double(w, "logprob", (double)logprob);
    jw_key(w, "bytes");
    jw_array(w);
    for (size_t i = 0; i < text.n; i++) jw_int(w, (uint8_t)text.p[i]);
    jw_array_end(w);
}

static void token(struct json_writer *w, const struct chat_token *t)
{
    jw_object(w);
    token_fields(w, t->text, t->logprob);
    jw_key(w, "top_logprobs");
    jw_array(w);
    for (int i = 0; i < t->n_top; i++) {
        jw_object(w);
        token_fields(w, t->top[i].text, t->top[i].logprob);
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
}

static void logprobs_object(struct json_writer *w, str elements)
{
    jw_object(w);
    jw_key(w, "content");
    jw_array(w);
    jw_raw(w, elements);
    jw_array_end(w);
    jw_object_end(w);
}

static void add_tokens(struct buf *elements, const struct chat_event *ev)
{
    for (size_t i = 0; i < ev->n_token; i++) {
        struct json_writer w;

        if (elements->n) buf_char(elements, ',');
        jw_init(&w, elements);
        token(&w, &ev->token[i]);
    }
}

static void chunk_logprobs(struct json_writer *w, const struct chat_event *ev)
{
    struct buf elements;

    jw_key(w, "logprobs");
    if (ev->kind != CHAT_TEXT) {
        jw_null(w);
        return;
    }
    buf_init(&elements, FOLD_BYTES_MAX);
    add_tokens(&elements, ev);
    logprobs_object(w, buf_str(&elements));
    buf_done(&elements);
}

/* ---- calls ---- */

static void function(struct json_writer *w, const struct chat_tool_call *c)
{
    jw_object(w);
    jw_kv_string(w, "name", c->name);
    jw_kv_string(w, "arguments", c->arguments);
    jw_object_end(w);
}

/* index: of the call in its choice; chunks name it. */
static void call(struct json_writer *w, const struct chat_tool_call *c, const int *index)
{
    jw_object(w);
    jw_kv_string(w, "id", c->id);
    jw_key(w, "function");
    function(w, c);
    if (index) jw_kv_int(w, "index", *index);
    jw_kv_cstring(w, "type", "function");
    jw_object_end(w);
}

static void chunk_call(struct json_writer *w, const struct chat_head *h,
                       const struct chat_event *ev)
{
    if (h->has_functions) {
        jw_key(w, "function_call");
        function(w, &ev->call);
        return;
    }
    jw_key(w, "tool_calls");
    jw_array(w);
    call(w, &ev->call, &ev->n_call);
    jw_array_end(w);
}

static void fold_call(struct chat_fold *f, const struct chat_head *h, const struct chat_event *ev)
{
    struct json_writer w;

    if (f->calls.n) buf_char(&f->calls, ',');
    jw_init(&w, &f->calls);
    if (h->has_functions)
        function(&w, &ev->call);
    else
        call(&w, &ev->call, NULL);
}

static void whole_calls(struct json_writer *w, const struct chat_head *h, str calls)
{
    if (!calls.n) return;
    jw_key(w, h->has_functions ? "function_call" : "tool_calls");
    if (!h->has_functions) jw_array(w);
    jw_raw(w, calls);
    if (!h->has_functions) jw_array_end(w);
}

/* ---- stream ---- */

static void choice_chunk(struct json_writer *w, const struct chat_head *h,
                         const struct chat_event *ev, bool first)
{
    jw_object(w);
    jw_kv_int(w, "index", ev->choice);
    jw_key(w, "delta");
    jw_object(w);
    if (first) jw_kv_cstring(w, "role", "assistant");
    if (ev->kind == CHAT_TEXT || (first && ev->kind == CHAT_CHOICE_END))
        jw_kv_string(w, "content", ev->text);
    if (ev->kind == CHAT_REASONING) jw_kv_string(w, "reasoning_content", ev->text);
    if (ev->kind == CHAT_CALL) chunk_call(w, h, ev);
    jw_object_end(w);
    if (h->has_logprobs) chunk_logprobs(w, ev);
    jw_key(w, "finish_reason");
    if (ev->kind == CHAT_CHOICE_END)
        jw_cstring(w, finish_name(h, ev->finish));
    else
        jw_null(w);
    jw_object_end(w);
}

void chat_render_chunk(struct buf *b, const struct chat_head *h, const struct chat_event *ev,
                       bool first, int64_t cost_ticks)
{
    struct json_writer w;

    jw_init(&w, b);
    chat_render_head(&w, h, "chat.completion.chunk");
    jw_key(&w, "choices");
    jw_array(&w);
    if (ev->kind != CHAT_END) choice_chunk(&w, h, ev, first);
    jw_array_end(&w);
    if (ev->kind == CHAT_END) chat_render_usage(&w, &ev->usage, cost_ticks);
    chat_render_tail(&w, h);
}

/* ---- whole ---- */

void chat_fold_init(struct chat_fold *f)
{
    *f = (struct chat_fold){0};
    buf_init(&f->text, FOLD_BYTES_MAX);
    buf_init(&f->reasoning, FOLD_BYTES_MAX);
    buf_init(&f->logprobs, FOLD_BYTES_MAX);
    buf_init(&f->calls, FOLD_BYTES_MAX);
}

void chat_fold_done(struct chat_fold *f)
{
    buf_done(&f->text);
    buf_done(&f->reasoning);
    buf_done(&f->logprobs);
    buf_done(&f->calls);
}

void chat_fold_event(struct chat_fold *f, const struct chat_head *h, const struct chat_event *ev)
{
    if (ev->kind == CHAT_CHOICE_END) f->finish = ev->finish;
    if (ev->kind == CHAT_CALL) fold_call(f, h, ev);
    if (ev->kind == CHAT_REASONING) buf_add(&f->reasoning, ev->text);
    if (ev->kind != CHAT_TEXT) return;
    buf_add(&f->text, ev->text);
    add_tokens(&f->logprobs, ev);
}

static void choice_whole(struct json_writer *w, const struct chat_head *h,
                         const struct chat_fold *f, int index)
{
    jw_object(w);
    jw_kv_int(w, "index", index);
    jw_key(w, "message");
    jw_object(w);
    jw_kv_cstring(w, "role", "assistant");
    jw_kv_string(w, "content", buf_str(&f->text));
    if (f->reasoning.n) jw_kv_string(w, "reasoning_content", buf_str(&f->reasoning));
    whole_calls(w, h, buf_str(&f->calls));
    jw_kv_null(w, "refusal");
    jw_object_end(w);
    if (h->has_logprobs) {
        jw_key(w, "logprobs");
        logprobs_object(w, buf_str(&f->logprobs));
    }
    jw_kv_cstring(w, "finish_reason", finish_name(h, f->finish));
    jw_object_end(w);
}

void chat_render_whole(struct buf *b, const struct chat_head *h, const struct chat_fold *choice,
                       int n_choice, const struct chat_usage *u, int64_t cost_ticks)
{
    struct json_writer w;

    jw_init(&w, b);
    chat_render_head(&w, h, "chat.completion");
    jw_key(&w, "choices");
    jw_array(&w);
    for (int i = 0; i < n_choice; i++) choice_whole(&w, h, &choice[i], i);
    jw_array_end(&w);
    chat_render_usage(&w, u, cost_ticks);
    chat_render_tail(&w, h);
}
