/* SPDX-License-Identifier: Apache-2.0 */
#include "api/chat_parse.h"
#include <limits.h>
#include <stdio.h>
#include "api/chat_parse_internal.h"
#include "base/rand.h"

#define TOP_LOGPROBS_MAX ENGINE_TOP_LOGPROBS_MAX
#define TOOL_CALLS_MAX 1024            /* in one message of the history */
#define ARGUMENTS_BYTES_MAX (1u << 20) /* of one call */

/* ---- messages ---- */

/* One content part; its text, or an error. */
static str part_text(struct parse *p, const struct json *part, const char *path)
{
    str type = fields_str(&p->f, part, path, "type");

    if (part->type != JSON_OBJECT) {
        fields_type_error(&p->f, path, part->pos, "expected a string or an object with a type");
        return STR_NONE;
    }
    if (str_is(type, "text") || str_is(type, "input_text") || str_is(type, "output_text")) {
        if (json_absent(json_get(part, "text")))
            fields_type_error(&p->f, path, part->pos, "missing field `text`");
        return fields_str(&p->f, part, path, "text");
    }
    if (str_is(type, "image_url") || str_is(type, "input_image"))
        refuse(p, ERR_ARG, "This model does not accept images. Send text parts only.");
    else if (str_is(type, "file") || str_is(type, "input_file") || str_is(type, "text_file"))
        refuse(p, ERR_ARG,
               "File parts are not supported by this server yet. Send their text.");
    else
        fields_type_error(&p->f, path, part->pos,
                          "unknown content part type, expected `text`");
    return STR_NONE;
}

static str join_parts(struct parse *p, const struct json *list, const char *path)
{
    size_t n = 0;
    char *joined;
    str *text;

    if (list->n > CHAT_PARTS_MAX) {
        fields_range_error(&p->f, "%s has %u parts, at most %d are allowed.", path, list->n,
                           CHAT_PARTS_MAX);
        return STR_NONE;
    }
    text = arena_alloc(p->f.arena, list->n * sizeof *text);
    for (uint32_t i = 0; i < list->n && !failed(p); i++) {
        char at[96];

        snprintf(at, sizeof at, "%.70s[%u]", path, i);
        text[i] = part_text(p, &list->item[i], at);
        n += text[i].n;
    }
    if (failed(p)) return STR_NONE;
    if (list->n == 1) return text[0];
    joined = arena_alloc(p->f.arena, n + 1);
    n = 0;
    for (uint32_t i = 0; i < list->n; i++) {
        memcpy(joined + n, text[i].p ? text[i].p : "", text[i].n);
        n += text[i].n;
    }
    return str_n(joined, n);
}

/* *empty: there was no content element at all. */
static str content(struct parse *p, const struct json *message, const char *path, bool *empty)
{
    const struct json *v = json_get(message, "content");
    char at[96];

    snprintf(at, sizeof at, "%.80s.content", path);
    *empty = json_absent(v) || (v->type == JSON_ARRAY && v->n == 0);
    if (*empty) return STR_NONE;
    if (v->type == JSON_STRING) return v->string;
    if (v->type == JSON_ARRAY) return join_parts(p, v, at);
    fields_type_error(&p->f, at, v->pos, "expected a string or an array of parts");
    return STR_NONE;
}

static enum chat_role role_of(struct parse *p, const struct json *message, const char *path)
{
    const struct json *v = fields_typed(&p->f, message, path, "role", JSON_STRING);

    if (!v) {
        fields_type_error(&p->f, path, message->pos, "missing field `role`");
        return ROLE_USER;
    }
    for (int i = 0; i < CHAT_ROLE_COUNT; i++)
        if (str_is(v->string, chat_role_name[i])) return (enum chat_role)i;
    fields_type_error(&p->f, path, v->pos,
                      "unknown role, expected one of `system`, `developer`, `user`, `assistant`, "
                      "`tool`, `function`");
    return ROLE_USER;
}

/* One past call. Arguments may be any text: what a model once wrote badly must not end the
 * conversation. function: the object with name and arguments. */
static void past_call(struct parse *p, const struct json *function, const char *path,
                      struct chat_tool_call *call)
{
    call->name = fields_str(&p->f, function, path, "name");
    call->arguments = fields_str(&p->f, function, path, "arguments");
    if (!call->arguments.n) call->arguments = STR("{}");
    if (call->arguments.n > ARGUMENTS_BYTES_MAX)
        fields_range_error(&p->f, "The arguments to a tool_call with ID '%.*s' have %zu bytes, at "
                           "most %u are allowed.", STR_FMT(str_sub(call->id, 0, 64)),
                           call->arguments.n, ARGUMENTS_BYTES_MAX);
}

/* True when n more calls, of one message, are within the limits. */
static bool count_calls(struct parse *p, const char *path, uint32_t n)
{
    p->n_call += n;
    if (n <= TOOL_CALLS_MAX && p->n_call <= CHAT_CALLS_MAX) return true;
    fields_range_error(&p->f, "%s.tool_calls: at most %d calls in a message and %d in all are "
                       "allowed.", path, TOOL_CALLS_MAX, CHAT_CALLS_MAX);
    return false;
}

static void tool_calls(struct parse *p, const struct json *message, const char *path,
                       struct chat_message *m)
{
    const struct json *list = fields_typed(&p->f, message, path, "tool_calls", JSON_ARRAY);
    struct chat_tool_call *call;

    if (!list || !list->n || !count_calls(p, path, list->n)) return;
    call = arena_alloc(p->f.arena, list->n * sizeof *call);
    for (uint32_t i = 0; i < list->n && !failed(p); i++) {
        const struct json *item = &list->item[i];
        const struct json *function = json_get(item, "function");
        char at[96];

        snprintf(at, sizeof at, "%.60s.tool_calls[%u]", path, i);
        if (item->type != JSON_OBJECT || !function || function->type != JSON_OBJECT) {
            fields_type_error(&p->f, at, item->pos, "missing field `function`");
            return;
        }
        call[i].id = fields_str(&p->f, item, at, "id");
        past_call(p, function, at, &call[i]);
    }
    m->call = call;
    m->n_call = list->n;
}

/* The older spelling of one call. */
static void function_call(struct parse *p, const struct json *message, const char *path,
                          struct chat_message *m)
{
    const struct json *o = fields_typed(&p->f, message, path, "function_call", JSON_OBJECT);
    struct chat_tool_call *call;

    if (!o || m->n_call || !count_calls(p, path, 1)) return;
    call = arena_new_of(p->f.arena, struct chat_tool_call);
    past_call(p, o, path, call);
    m->call = call;
    m->n_call = 1;
}

static void message(struct parse *p, const struct json *v, uint32_t i, struct chat_message *m)
{
    char path[64];
    bool empty;

    snprintf(path, sizeof path, "messages[%u]", i);
    if (v->type != JSON_OBJECT) {
        fields_type_error(&p->f, path, v->pos, "expected an object");
        return;
    }
    m->role = role_of(p, v, path);
    m->text = content(p, v, path, &empty);
    m->name = fields_str(&p->f, v, path, "name");
    m->reasoning = fields_str(&p->f, v, path, "reasoning_content");
    m->tool_call_id = fields_str(&p->f, v, path, "tool_call_id");
    if (m->role == ROLE_ASSISTANT) {
        tool_calls(p, v, path, m);
        function_call(p, v, path, m);
    }
    if (empty && !m->n_call && !failed(p))
        fields_range_error(&p->f, "Invalid request content: Each message must have at least one "
                           "content element. (messages[%u])", i);
}

static void messages(struct parse *p)
{
    const struct json *list = fields_typed(&p->f, p->root, "", "messages", JSON_ARRAY);
    struct chat_message *m;

    if (failed(p)) return;
    if (!list) {
        fields_type_error(&p->f, "messages", p->root->pos, "missing field `messages`");
        return;
    }
    if (list->n == 0 || list->n > CHAT_MESSAGES_MAX) {
        fields_range_error(&p->f, "'messages' must hold 1 to %d messages, not %u.",
                           CHAT_MESSAGES_MAX, list->n);
        return;
    }
    m = arena_alloc(p->f.arena, list->n * sizeof *m);
    for (uint32_t i = 0; i < list->n && !failed(p); i++) message(p, &list->item[i], i, &m[i]);
    p->out->chat.message = m;
    p->out->chat.n_message = list->n;
}

/* ---- sampling ---- */

static void add_stop(struct parse *p, const struct json *v)
{
    struct chat_request *c = &p->out->chat;

    if (v->type != JSON_STRING) {
        fields_type_error(&p->f, "stop", v->pos, "expected a string or an array of strings");
        return;
    }
    if (v->string.n == 0 || v->string.n > CHAT_STOP_BYTES_MAX)
        fields_range_error(&p->f, "Each 'stop' string must have 1 to %d bytes.",
                           CHAT_STOP_BYTES_MAX);
    else if (c->n_stop == CHAT_STOPS_MAX)
        fields_range_error(&p->f, "'stop' may hold at most %d strings.", CHAT_STOPS_MAX);
    else
        c->stop[c->n_stop++] = v->string;
}

static void stops(struct parse *p)
{
    const struct json *v = json_get(p->root, "stop");

    if (failed(p) || json_absent(v)) return;
    if (v->type != JSON_ARRAY) {
        add_stop(p, v);
        return;
    }
    for (uint32_t i = 0; i < v->n && !failed(p); i++) add_stop(p, &v->item[i]);
}

static void logit_bias(struct parse *p)
{
    const struct json *map = fields_typed(&p->f, p->root, "", "logit_bias", JSON_OBJECT);
    struct token_bias *bias;

    if (!map || !map->n) return;
    if (map->n > ENGINE_BIAS_MAX) {
        fields_range_error(&p->f, "'logit_bias' may hold at most %d tokens.", ENGINE_BIAS_MAX);
        return;
    }
    bias = arena_alloc(p->f.arena, map->n * sizeof *bias);
    for (uint32_t i = 0; i < map->n && !failed(p); i++) {
        const struct json_member *m = &map->member[i];
        int64_t id;

        if (!str_to_i64(m->key, &id) || id < 0 || id > INT32_MAX)
            fields_range_error(&p->f, "'logit_bias' key '%.*s' is not a token id.",
                               STR_FMT(str_sub(m->key, 0, 40)));
        else if (m->value.type != JSON_NUMBER)
            fields_type_error(&p->f, "logit_bias", m->value.pos, "expected a number");
        else if (m->value.number < -100 || m->value.number > 100)
            fields_range_error(&p->f, "'logit_bias' values lie between -100 and 100.");
        else
            bias[i] = (struct token_bias){(int32_t)id, (float)m->value.number};
    }
    p->out->chat.sample.bias = bias;
    p->out->chat.sample.n_bias = (int)map->n;
}

static float number(struct parse *p, const char *key, double min, double max, double otherwise)
{
    return (float)fields_double(&p->f, p->root, "", key, min, max, otherwise);
}

void parse_sampling(struct parse *p, const struct api *api)
{
    struct sample_params *s = &p->out->chat.sample;
    uint64_t drawn;

    *s = SAMPLE_DEFAULT;
    s->temperature = number(p, "temperature", 0, 2, api->default_temperature);
    s->top_p = number(p, "top_p", 0, 1, api->default_top_p);
    s->min_p = number(p, "min_p", 0, 1, 0);
    s->top_k = (int)fields_int(&p->f, p->root, "", "top_k", -1, 1 << 20, 0);
    if (s->top_k < 0) s->top_k = 0;    /* vLLM's spelling of "off" */
    s->repetition_penalty = number(p, "repetition_penalty", 0.01, 10, 1);
    s->presence_penalty = number(p, "presence_penalty", -2, 2, 0);
    s->frequency_penalty = number(p, "frequency_penalty", -2, 2, 0);
    rand_bytes(&drawn, sizeof drawn);
    s->seed = (uint64_t)fields_int(&p->f, p->root, "", "seed", INT64_MIN, INT64_MAX,
                                   (int64_t)drawn);
    logit_bias(p);
    stops(p);
}

static void lengths(struct parse *p)
{
    struct chat_request *c = &p->out->chat;
    int64_t old = fields_int(&p->f, p->root, "", "max_tokens", 1, INT64_MAX, INT32_MAX);
    int64_t max = fields_int(&p->f, p->root, "", "max_completion_tokens", 1, INT64_MAX, old);

    c->max_tokens = max > INT32_MAX ? INT32_MAX : (int)max;
    /* vLLM's and llama-server's extension; load generators send it. */
    c->ignore_eog = fields_bool(&p->f, p->root, "", "ignore_eos", false);
    c->n_choice = (int)fields_int(&p->f, p->root, "", "n", 1, CHAT_CHOICES_MAX, 1);
}

static void logprobs(struct parse *p)
{
    struct chat_request *c = &p->out->chat;
    bool has_top = !json_absent(json_get(p->root, "top_logprobs"));

    c->logprobs = fields_bool(&p->f, p->root, "", "logprobs", false);
    c->n_top_logprobs = (int)fields_int(&p->f, p->root, "", "top_logprobs", 0, TOP_LOGPROBS_MAX, 0);
    if (has_top && c->n_top_logprobs > 0 && !c->logprobs)
        refuse(p, ERR_ARG, "'top_logprobs' needs 'logprobs': true.");
}

static void effort(struct parse *p)
{
    str v = fields_str(&p->f, p->root, "", "reasoning_effort");

    if (!failed(p) && v.p && !chat_set_effort(&p->out->chat, v))
        refuse(p, ERR_ARG, "Invalid reasoning effort.");
}

void parse_streaming(struct parse *p)
{
    const struct json *o = fields_typed(&p->f, p->root, "", "stream_options", JSON_OBJECT);
    str tier = fields_str(&p->f, p->root, "", "service_tier");

    p->out->has_tier = tier.p != NULL;
    p->out->wants_priority = str_is(tier, "priority");
    p->out->stream = fields_bool(&p->f, p->root, "", "stream", false);
    p->out->include_usage = fields_bool(&p->f, o, "stream_options", "include_usage", false);
}

static void deferred(struct parse *p)
{
    p->out->deferred = fields_bool(&p->f, p->root, "", "deferred", false);
    if (p->out->deferred && p->out->stream)
        refuse(p, ERR_ARG, "'deferred' and 'stream' exclude each other.");
}

/* ---- what this build does not do ---- */

static void search(struct parse *p)
{
    const struct json *o = fields_typed(&p->f, p->root, "", "search_parameters", JSON_OBJECT);

    if ((o && !str_is(fields_str(&p->f, o, "search_parameters", "mode"), "off")) ||
        fields_typed(&p->f, p->root, "", "web_search_options", JSON_OBJECT))
        refuse(p, ERR_GONE, "Live search is deprecated. Please switch to the Agent Tools API");
}

enum err chat_parse(const struct api *api, str body, const struct json *root, struct arena *a,
                    struct chat_params *out, struct error *e)
{
    struct parse p = {.f = {.body = body, .arena = a, .e = e}, .root = root, .out = out};

    *out = (struct chat_params){0};
    if (root->type != JSON_OBJECT) {
        fields_type_error(&p.f, "body", root->pos, "expected an object");
        return p.f.rc;
    }
    out->model = fields_str(&p.f, root, "", "model");
    if (!failed(&p) && !out->model.p)
        fields_type_error(&p.f, "model", root->pos, "missing field `model`");
    parse_streaming(&p);
    parse_sampling(&p, api);
    out->chat.priority = out->wants_priority ? CHAT_PRIORITY_TIER : 0;
    lengths(&p);
    logprobs(&p);
    effort(&p);
    parse_tools(&p);
    parse_format(&p);
    deferred(&p);
    search(&p);
    messages(&p);
    return p.f.rc;
}
