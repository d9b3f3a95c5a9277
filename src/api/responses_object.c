/* SPDX-License-Identifier: Apache-2.0
 *
 * The response object, its members in the order in which xAI writes them.
 */
#include "api/responses.h"

static void value_or(struct json_writer *w, const char *key, const struct json *v,
                     const char *otherwise)
{
    jw_key(w, key);
    if (v)
        jw_value(w, v);
    else
        jw_raw(w, str_of(otherwise));
}

static void string_or_null(struct json_writer *w, const char *key, str s)
{
    if (s.p)
        jw_kv_string(w, key, s);
    else
        jw_kv_null(w, key);
}

/* 0: not given. */
static void count_or_null(struct json_writer *w, const char *key, int64_t n)
{
    if (n > 0)
        jw_kv_int(w, key, n);
    else
        jw_kv_null(w, key);
}

void responses_usage(struct json_writer *w, const struct responses_end *end, const char *more,
                     int64_t value)
{
    const struct chat_usage *u = end->usage;
    int64_t output;

    jw_key(w, "usage");
    if (!u) {
        jw_null(w);
        return;
    }
    output = u->completion + u->reasoning;
    jw_object(w);
    jw_kv_int(w, "input_tokens", u->prompt);
    jw_key(w, "input_tokens_details");
    jw_object(w);
    jw_kv_int(w, "cached_tokens", u->cached);
    jw_object_end(w);
    jw_kv_int(w, "output_tokens", output);
    jw_key(w, "output_tokens_details");
    jw_object(w);
    jw_kv_int(w, "reasoning_tokens", u->reasoning);
    jw_object_end(w);
    jw_kv_int(w, "total_tokens", u->prompt + output);
    jw_kv_int(w, "num_sources_used", 0);
    jw_kv_int(w, "num_server_side_tools_used", 0);
    jw_kv_int(w, "cost_in_usd_ticks", end->cost_ticks);
    if (more) jw_kv_int(w, more, value);
    jw_object_end(w);
}

static void echo_reasoning(struct json_writer *w, const struct responses_params *p)
{
    jw_key(w, "reasoning");
    jw_object(w);
    string_or_null(w, "effort", p->effort);
    jw_kv_cstring(w, "summary", "detailed");
    jw_object_end(w);
}

static void echo_format(struct json_writer *w, const struct responses_params *p)
{
    jw_key(w, "text");
    jw_object(w);
    value_or(w, "format", p->format, "{\"type\":\"text\"}");
    jw_object_end(w);
}

static void metadata(struct json_writer *w, const struct responses_head *h)
{
    jw_key(w, "metadata");
    jw_object(w);
    jw_kv_cstring(w, "system_fingerprint", h->fingerprint);
    jw_object_end(w);
}

static void error_member(struct json_writer *w, const struct error *e)
{
    jw_key(w, "error");
    if (!e) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_kv_cstring(w, "code", status_of(e->code)->openai_code);
    jw_kv_cstring(w, "message", e->text);
    jw_object_end(w);
}

static void head(struct json_writer *w, const struct responses_head *h,
                 const struct responses_end *end)
{
    jw_kv_int(w, "created_at", h->created_unix_s);
    count_or_null(w, "completed_at", end->completed_unix_s);
    jw_kv_string(w, "id", h->id);
    count_or_null(w, "max_output_tokens", h->p->max_output_tokens);
    jw_kv_string(w, "model", h->model);
    jw_kv_cstring(w, "object", "response");
}

static void echo(struct json_writer *w, const struct responses_params *p)
{
    jw_kv_bool(w, "parallel_tool_calls", p->chat.parallel_calls);
    string_or_null(w, "previous_response_id", p->previous_id);
    echo_reasoning(w, p);
    jw_kv_double(w, "temperature", p->temperature);
    echo_format(w, p);
    value_or(w, "tool_choice", p->tool_choice, "\"auto\"");
    value_or(w, "tools", p->tools, "[]");
    jw_kv_double(w, "top_p", p->top_p);
}

static void tail(struct json_writer *w, const struct responses_head *h,
                 const struct responses_end *end)
{
    const struct responses_params *p = h->p;
    const char *status = end->status ? end->status : "in_progress";

    string_or_null(w, "user", p->user);
    jw_key(w, "incomplete_details");
    jw_raw(w, str_of(strcmp(status, "incomplete") == 0 ? "{\"reason\":\"max_output_tokens\"}"
                                                       : "null"));
    jw_kv_cstring(w, "status", status);
    jw_kv_bool(w, "store", p->store);
    metadata(w, h);
    jw_kv_bool(w, "background", false);
    jw_kv_cstring(w, "service_tier", p->chat.priority > 0 ? "priority" : "default");
    jw_kv_cstring(w, "truncation", "disabled");
    jw_kv_int(w, "top_logprobs", p->chat.n_top_logprobs);
    jw_kv_int(w, "presence_penalty", 0);
    jw_kv_int(w, "frequency_penalty", 0);
    string_or_null(w, "prompt_cache_key", p->prompt_cache_key);
    count_or_null(w, "max_tool_calls", p->max_tool_calls);
    string_or_null(w, "safety_identifier", p->safety_identifier);
    error_member(w, end->error);
    string_or_null(w, "instructions", p->instructions);
}

void responses_object(struct buf *b, const struct responses_head *h,
                      const struct responses_end *end, size_t *output_at)
{
    struct json_writer w;
    size_t begin = b->n;

    jw_init(&w, b);
    jw_object(&w);
    head(&w, h, end);
    jw_key(&w, "output");
    jw_array(&w);
    if (output_at) *output_at = b->n - begin;
    if (end->items.n) jw_raw(&w, end->items);
    jw_array_end(&w);
    echo(&w, h->p);
    responses_usage(&w, end, NULL, 0);
    tail(&w, h, end);
    jw_object_end(&w);
}
