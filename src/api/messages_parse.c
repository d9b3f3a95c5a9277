/* SPDX-License-Identifier: Apache-2.0 */
#include "api/messages_parse.h"
#include "api/messages_internal.h"
#include "base/rand.h"

/* ---- what the readers share ---- */

void *reading_take(struct reading *p, size_t n, size_t size)
{
    void *got = reading_failed(p) ? NULL : arena_try_array(p->f.arena, n, size);

    if (!got && !reading_failed(p))
        p->f.rc = err_set(p->f.e, ERR_LIMIT, ERR_NO_POS, "The messages take too much memory.");
    return got;
}

void reading_room(struct reading *p, size_t n)
{
    p->message_max = n < CHAT_MESSAGES_MAX ? n : CHAT_MESSAGES_MAX;
    p->message = reading_take(p, p->message_max, sizeof *p->message);
    p->chat->message = p->message;
}

void reading_add(struct reading *p, const struct chat_message *m)
{
    if (reading_failed(p)) return;
    if (p->n_message == p->message_max) {
        fields_range_error(&p->f, "A conversation may have at most %d messages and tool results.",
                           CHAT_MESSAGES_MAX);
        return;
    }
    p->message[p->n_message++] = *m;
    p->chat->n_message = p->n_message;
}

str reading_model(struct reading *p)
{
    str model = fields_str(&p->f, p->root, "", "model");

    if (!reading_failed(p) && !model.p)
        fields_type_error(&p->f, "model", p->root->pos, "missing field `model`");
    return model;
}

static void stops(struct reading *p)
{
    const struct json *list = fields_typed(&p->f, p->root, "", "stop_sequences", JSON_ARRAY);
    struct chat_request *c = p->chat;

    if (list && list->n > CHAT_STOPS_MAX)
        fields_range_error(&p->f, "'stop_sequences' may hold at most %d strings, not %u.",
                           CHAT_STOPS_MAX, list->n);
    for (uint32_t i = 0; list && i < list->n && !reading_failed(p); i++) {
        const struct json *v = &list->item[i];

        if (v->type != JSON_STRING)
            fields_type_error(&p->f, "stop_sequences", v->pos, "expected an array of strings");
        else if (v->string.n == 0 || v->string.n > CHAT_STOP_BYTES_MAX)
            fields_range_error(&p->f, "Each of 'stop_sequences' must have 1 to %d bytes.",
                               CHAT_STOP_BYTES_MAX);
        else
            c->stop[c->n_stop++] = v->string;
    }
}

void reading_sampling(struct reading *p, const struct api *api)
{
    struct sample_params *s = &p->chat->sample;
    const struct json *metadata = fields_typed(&p->f, p->root, "", "metadata", JSON_OBJECT);

    *s = SAMPLE_DEFAULT;
    s->temperature = (float)fields_double(&p->f, p->root, "", "temperature", 0, 2,
                                          api->default_temperature);
    s->top_p = (float)fields_double(&p->f, p->root, "", "top_p", 0, 1, api->default_top_p);
    s->top_k = (int)fields_int(&p->f, p->root, "", "top_k", 0, 1 << 20, 0);
    rand_bytes(&s->seed, sizeof s->seed);
    fields_str(&p->f, metadata, "metadata", "user_id");
    stops(p);
}

/* ---- lengths and thinking ---- */

static void length(struct reading *p, bool counts)
{
    int64_t max = fields_int(&p->f, p->root, "", "max_tokens", 1, INT64_MAX, 0);

    if (max == 0 && !counts)
        fields_range_error(&p->f, "max_tokens: Field required. Say how many tokens the answer may "
                           "have.");
    p->chat->max_tokens = max == 0 || max > INT32_MAX ? INT32_MAX : (int)max;
}

static void budget(struct reading *p, const struct json *o)
{
    int64_t n = fields_int(&p->f, o, "thinking", "budget_tokens", THINKING_BUDGET_MIN, INT64_MAX,
                           0);

    if (reading_failed(p)) return;
    if (n == 0)
        fields_type_error(&p->f, "thinking", o->pos, "missing field `budget_tokens`");
    else if (n >= p->chat->max_tokens)
        fields_range_error(&p->f, "'max_tokens' must be greater than 'thinking.budget_tokens'.");
    else
        p->chat->thinking_max = (int)n;
}

static enum chat_thinking thinking(struct reading *p)
{
    const struct json *o = fields_typed(&p->f, p->root, "", "thinking", JSON_OBJECT);
    str type = fields_str(&p->f, o, "thinking", "type");

    if (!o || reading_failed(p)) return THINKING_DEFAULT;
    if (str_is(type, "disabled")) return THINKING_OFF;
    if (str_is(type, "enabled"))
        budget(p, o);
    else if (!type.p)
        fields_type_error(&p->f, "thinking", o->pos, "missing field `type`");
    else if (!str_is(type, "adaptive"))
        fields_range_error(&p->f, "Invalid value for 'thinking.type': '%.*s' is none of 'enabled', "
                           "'disabled' and 'adaptive'.", STR_FMT(str_sub(type, 0, 64)));
    return THINKING_ON;
}

/* xAI's reasoning_effort and Anthropic's output_config.effort. */
static void effort(struct reading *p, const struct json *obj, const char *path, const char *key)
{
    str v = fields_str(&p->f, obj, path, key);

    if (reading_failed(p) || !v.p) return;
    if (chat_set_effort(p->chat, str_is(v, "max") ? STR("xhigh") : v)) return;
    fields_range_error(&p->f, "Invalid value for '%s': '%.*s' is no effort.", key,
                       STR_FMT(str_sub(v, 0, 64)));
}

/* ---- the format of the text ---- */

static void format(struct reading *p, const struct json *obj, const char *path, const char *key)
{
    const struct json *o = fields_typed(&p->f, obj, path, key, JSON_OBJECT);
    str type = fields_str(&p->f, o, key, "type");

    if (!o || reading_failed(p)) return;
    if (!str_is(type, "json_schema")) {
        fields_range_error(&p->f, "'%s': the only 'type' there is is 'json_schema'.", key);
        return;
    }
    p->chat->schema = fields_typed(&p->f, o, key, "schema", JSON_OBJECT);
    p->chat->format = FORMAT_JSON_SCHEMA;
    if (!p->chat->schema) fields_type_error(&p->f, key, o->pos, "missing field `schema`");
}

/* ---- what this build does not do ---- */

static void unsupported(struct reading *p)
{
    const struct json *servers = fields_typed(&p->f, p->root, "", "mcp_servers", JSON_ARRAY);

    if (servers && servers->n)
        fields_range_error(&p->f, "'mcp_servers' are not supported by this server: call their "
                           "tools yourself and list them under 'tools'.");
}

enum err messages_parse(const struct api *api, str body, const struct json *root, bool counts,
                        struct arena *a, struct messages_params *out, struct error *e)
{
    struct reading p = {.f = {.body = body, .arena = a, .e = e}, .root = root, .chat = &out->chat};
    const struct json *config;

    *out = (struct messages_params){.chat = {.n_choice = 1}};
    if (root->type != JSON_OBJECT) {
        fields_type_error(&p.f, "body", root->pos, "expected an object");
        return p.f.rc;
    }
    out->model = reading_model(&p);
    out->stream = fields_bool(&p.f, root, "", "stream", false);
    reading_sampling(&p, api);
    length(&p, counts);
    out->chat.thinking = thinking(&p);
    out->shows_thinking = out->chat.thinking == THINKING_ON;
    config = fields_typed(&p.f, root, "", "output_config", JSON_OBJECT);
    effort(&p, root, "", "reasoning_effort");
    effort(&p, config, "output_config", "effort");
    format(&p, config, "output_config", "format");
    format(&p, root, "", "output_format");
    unsupported(&p);
    messages_read_tools(&p);
    messages_read_all(&p);
    return p.f.rc;
}
