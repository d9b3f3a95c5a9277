/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields of POST /v1/responses. What this server does not do is refused by name; fields of
 * other APIs (stop, seed, n, penalties) are not looked at, as at xAI.
 */
#include <limits.h>
#include <stdio.h>
#include "api/chat_parse_internal.h"
#include "api/responses_internal.h"
#include "base/rand.h"

#define TOP_LOGPROBS_MAX 8
#define INCLUDE_MAX 64
#define ECHO_BYTES_MAX ((size_t)8 << 20)       /* of what every object of the reply repeats */

/* ---- the format of the text ---- */

static void schema_format(struct responses_reader *r, const struct json *format)
{
    static const char path[] = "text.format";
    const struct json *inner = fields_typed(&r->f, format, path, "json_schema", JSON_OBJECT);
    const struct json *o = inner ? inner : format;

    fields_str(&r->f, o, path, "name");
    fields_str(&r->f, o, path, "description");
    fields_bool(&r->f, o, path, "strict", true);   /* either way the schema is obeyed */
    r->out->chat.format = FORMAT_JSON_SCHEMA;
    r->out->chat.schema = fields_typed(&r->f, o, path, "schema", JSON_OBJECT);
    if (!r->out->chat.schema) fields_type_error(&r->f, path, o->pos, "missing field `schema`");
}

static void format(struct responses_reader *r)
{
    const struct json *text = fields_typed(&r->f, r->in->root, "", "text", JSON_OBJECT);
    const struct json *o = fields_typed(&r->f, text, "text", "format", JSON_OBJECT);
    str type = fields_str(&r->f, o, "text.format", "type");

    fields_str(&r->f, text, "text", "verbosity");
    r->out->format = o;
    if (!o || reader_failed(r) || str_is(type, "text")) return;
    if (str_is(type, "json_object"))
        r->out->chat.format = FORMAT_JSON_OBJECT;
    else if (str_is(type, "json_schema"))
        schema_format(r, o);
    else
        fields_type_error(&r->f, "text.format", o->pos,
                          "unknown type, expected one of `text`, `json_object`, `json_schema`");
}

/* ---- numbers ---- */

static void sampling(struct responses_reader *r)
{
    const struct api *api = r->in->api;
    const struct json *root = r->in->root;
    struct sample_params *s = &r->out->chat.sample;

    *s = SAMPLE_DEFAULT;
    r->out->temperature = fields_double(&r->f, root, "", "temperature", 0, 2,
                                        api->default_temperature);
    r->out->top_p = fields_double(&r->f, root, "", "top_p", 0, 1, api->default_top_p);
    s->temperature = (float)r->out->temperature;
    s->top_p = (float)r->out->top_p;
    rand_bytes(&s->seed, sizeof s->seed);
}

static void lengths(struct responses_reader *r)
{
    const struct json *root = r->in->root;
    struct responses_params *o = r->out;

    o->max_output_tokens = fields_int(&r->f, root, "", "max_output_tokens", 1, INT64_MAX, 0);
    o->max_tool_calls = fields_int(&r->f, root, "", "max_tool_calls", 1, INT64_MAX, 0);
    fields_int(&r->f, root, "", "max_turns", 1, INT64_MAX, 0);     /* of server-side tools */
    o->chat.n_choice = 1;
    o->chat.max_tokens = o->max_output_tokens == 0 || o->max_output_tokens > INT32_MAX
                             ? INT32_MAX : (int)o->max_output_tokens;
}

/* ---- reasoning, include, words ---- */

static void reasoning(struct responses_reader *r)
{
    static const char path[] = "reasoning";
    const struct json *o = fields_typed(&r->f, r->in->root, "", path, JSON_OBJECT);

    fields_str(&r->f, o, path, "summary");
    fields_str(&r->f, o, path, "generate_summary");
    r->out->effort = fields_str(&r->f, o, path, "effort");
    if (reader_failed(r) || !r->out->effort.p) return;
    if (!chat_set_effort(&r->out->chat, r->out->effort))
        reader_refuse(r, ERR_ARG, "Invalid reasoning effort.");
}

static void include(struct responses_reader *r)
{
    const struct json *list = fields_typed(&r->f, r->in->root, "", "include", JSON_ARRAY);
    struct chat_request *c = &r->out->chat;

    r->out->seals = !r->out->store;
    c->logprobs = fields_bool(&r->f, r->in->root, "", "logprobs", false);
    c->n_top_logprobs = (int)fields_int(&r->f, r->in->root, "", "top_logprobs", 0,
                                        TOP_LOGPROBS_MAX, 0);
    if (!list) return;
    if (list->n > INCLUDE_MAX)
        fields_range_error(&r->f, "'include' may hold at most %d strings.", INCLUDE_MAX);
    for (uint32_t i = 0; i < list->n && !reader_failed(r); i++) {
        const struct json *v = &list->item[i];

        if (v->type != JSON_STRING)
            fields_type_error(&r->f, "include", v->pos, "expected strings");
        else if (str_is(v->string, "reasoning.encrypted_content"))
            r->out->seals = true;
        else if (str_is(v->string, "message.output_text.logprobs"))
            c->logprobs = true;
    }
}

static void words(struct responses_reader *r)
{
    const struct json *root = r->in->root;
    struct responses_params *o = r->out;

    o->model = fields_str(&r->f, root, "", "model");
    if (!reader_failed(r) && !o->model.p)
        fields_type_error(&r->f, "model", root->pos, "missing field `model`");
    o->stream = fields_bool(&r->f, root, "", "stream", false);
    o->store = fields_bool(&r->f, root, "", "store", true);
    o->previous_id = fields_str(&r->f, root, "", "previous_response_id");
    o->instructions = fields_str(&r->f, root, "", "instructions");
    o->user = fields_str(&r->f, root, "", "user");
    o->prompt_cache_key = fields_str(&r->f, root, "", "prompt_cache_key");
    o->safety_identifier = fields_str(&r->f, root, "", "safety_identifier");
    if (str_is(fields_str(&r->f, root, "", "service_tier"), "priority"))
        o->chat.priority = CHAT_PRIORITY_TIER;
    fields_str(&r->f, root, "", "truncation");
    fields_typed(&r->f, root, "", "metadata", JSON_OBJECT);
    fields_typed(&r->f, root, "", "context_management", JSON_ARRAY);
    fields_typed(&r->f, root, "", "stream_options", JSON_OBJECT);
    /* OpenAI's clients send both, and mean the new ones. */
    if (r->in->api->strict && o->instructions.n && o->previous_id.n)
        reader_refuse(r, ERR_ARG,
                      "'instructions' cannot be combined with 'previous_response_id': those of the "
                      "conversation stay in force. Leave one of them out.");
}

static void unsupported(struct responses_reader *r)
{
    const struct json *root = r->in->root;

    if (fields_bool(&r->f, root, "", "background", false))
        reader_refuse(r, ERR_ARG,
                      "Background mode is not supported: leave 'background' out, or send false.");
    if (!json_absent(json_get(root, "response_format")))
        reader_refuse(r, ERR_ARG,
                      "'response_format' is not supported on /v1/responses \xe2\x80\x94 use "
                      "'text.format' instead.");
    if (!json_absent(json_get(root, "search_parameters")))
        reader_refuse(r, ERR_GONE,
                      "Live search is deprecated. Please switch to the Agent Tools API");
}

/* Only a body that is longer than the limit can pass it. */
static void limit_echo(struct responses_reader *r)
{
    const struct responses_head head = {.fingerprint = "", .p = r->out};
    const struct responses_end nothing = {0};
    struct buf b;

    if (reader_failed(r) || r->in->body.n <= ECHO_BYTES_MAX) return;
    buf_init(&b, ECHO_BYTES_MAX);
    responses_object(&b, &head, &nothing, NULL);
    if (b.bad)
        reader_refuse(r, ERR_LIMIT,
                      "What a response repeats of its request ('tools', 'text', 'instructions', "
                      "'user', ...) may have at most 8 MB.");
    buf_done(&b);
}

enum err responses_parse(const struct responses_in *in, struct responses_params *out,
                         struct error *e)
{
    struct responses_reader r = {.f = {.body = in->body, .arena = in->arena, .e = e}, .in = in,
                                 .out = out};

    *out = (struct responses_params){0};
    if (in->root->type != JSON_OBJECT) {
        fields_type_error(&r.f, "body", in->root->pos, "expected an object");
        return r.f.rc;
    }
    words(&r);
    sampling(&r);
    lengths(&r);
    reasoning(&r);
    include(&r);
    responses_read_tools(&r);
    format(&r);
    unsupported(&r);
    limit_echo(&r);
    responses_read_items(&r);
    return r.f.rc;
}
