/* SPDX-License-Identifier: Apache-2.0
 *
 * The bodies of POST /v1/chat/completions, /v1/messages and /v1/completions: any bytes are a
 * request within its limits, or an error with a sentence. What was taken is what its comments
 * promise, and the variables of a template can be made of it.
 */
#include "../unit/token/tiny_vocab.h"
#include "api/chat_parse.h"
#include "api/completions_parse.h"
#include "api/messages_parse.h"
#include "chat/prompt.h"

/* As of an exchange: what a body adds up to must stay under it. */
#define ARENA_CAP ((size_t)256 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once: a vocabulary does not change. */
static const struct vocab *vocab(void)
{
    static struct vocab *v;
    static struct tiny tiny;
    struct error e;

    if (v) return v;
    tiny_bpe(&tiny, "qwen2", NULL, 0, NULL, 0);
    CHECK(vocab_new(&tiny.desc, &v, &e) == ERR_OK);
    return v;
}

static bool in(double v, double min, double max)
{
    return v >= min && v <= max;
}

static void check_sample(const struct sample_params *s)
{
    CHECK(in((double)s->temperature, 0, 2) && in((double)s->top_p, 0, 1));
    CHECK(in((double)s->min_p, 0, 1) && s->top_k >= 0);
    CHECK(in((double)s->repetition_penalty, 0.009, 10));
    CHECK(in((double)s->presence_penalty, -2, 2) && in((double)s->frequency_penalty, -2, 2));
    CHECK(s->n_bias >= 0 && s->n_bias <= ENGINE_BIAS_MAX);
    for (int i = 0; i < s->n_bias; i++)
        CHECK(s->bias[i].id >= 0 && in((double)s->bias[i].bias, -100, 100));
}

static void check_tools(const struct chat_request *r)
{
    CHECK(r->n_tool <= CHAT_TOOLS_MAX);
    for (size_t i = 0; i < r->n_tool; i++) {
        CHECK(r->tool[i].name.n >= 1 && r->tool[i].name.n <= CHAT_TOOL_NAME_MAX);
        CHECK(r->tool[i].source->type == JSON_OBJECT);
        CHECK(!r->tool[i].parameters || r->tool[i].parameters->type == JSON_OBJECT);
        for (size_t j = 0; j < i; j++) CHECK(!str_eq(r->tool[i].name, r->tool[j].name));
    }
    CHECK(r->tool_choice != TOOL_CHOICE_NAMED || r->tool_named < r->n_tool);
    CHECK(r->tool_choice == TOOL_CHOICE_NONE || r->n_tool > 0);
    CHECK((r->format == FORMAT_JSON_SCHEMA) == (r->schema != NULL));
}

static void check_request(const struct chat_request *r)
{
    check_sample(&r->sample);
    check_tools(r);
    CHECK(r->n_message <= CHAT_MESSAGES_MAX && (r->n_message >= 1) == (r->n_raw == 0));
    CHECK(r->n_choice >= 1 && r->n_choice <= CHAT_CHOICES_MAX && r->max_tokens >= 1);
    CHECK(r->n_top_logprobs >= 0 && r->n_top_logprobs <= ENGINE_TOP_LOGPROBS_MAX);
    CHECK(r->n_stop >= 0 && r->n_stop <= CHAT_STOPS_MAX);
    for (int i = 0; i < r->n_stop; i++)
        CHECK(r->stop[i].n >= 1 && r->stop[i].n <= CHAT_STOP_BYTES_MAX);
    for (size_t i = 0; i < r->n_message; i++) {
        CHECK((unsigned)r->message[i].role < CHAT_ROLE_COUNT);
        CHECK(r->message[i].role == ROLE_ASSISTANT || r->message[i].n_call == 0);
    }
}

/* What a template can show, by the length of the body. */
static void check_vars(const struct chat_request *r, size_t size, struct arena *a)
{
    struct chat_model model = {.vocab = vocab(), .syntax = call_syntax_named("hermes"),
                               .shows_tools = size & 1, .shows_calls = size & 2,
                               .one_call = size & 4, .short_ids = size & 8,
                               .text_arguments = size & 16, .one_system = size & 32};

    check_request(r);
    CHECK(chat_template_vars(&model, r, a)->type == JSON_OBJECT);
}

static const struct api api = {.default_temperature = 0.7, .default_top_p = 0.95};

static enum err read_chat(str body, const struct json *root, struct arena *a, struct error *e)
{
    struct chat_params p;

    TRY(chat_parse(&api, body, root, a, &p, e));
    CHECK(p.model.p);
    check_vars(&p.chat, body.n, a);
    return ERR_OK;
}

static enum err read_messages(str body, const struct json *root, struct arena *a, struct error *e)
{
    struct messages_params p;

    TRY(messages_parse(&api, body, root, body.n & 1, a, &p, e));
    CHECK(p.model.p && p.chat.n_choice == 1);
    CHECK(!p.shows_thinking || p.chat.thinking == THINKING_ON);
    check_vars(&p.chat, body.n, a);
    return ERR_OK;
}

static enum err read_completions(str body, const struct json *root, struct arena *a,
                                 struct error *e)
{
    struct completion_params p;
    const struct chat_request *r = &p.base.chat;
    size_t n_id = 0;

    TRY(completions_parse(&api, body, root, a, &p, e));
    check_request(r);
    CHECK(p.base.model.p && (size_t)r->n_choice % r->n_raw == 0);
    CHECK(!p.echo || !r->logprobs);
    for (size_t i = 0; i < r->n_raw; i++) {
        n_id += r->raw[i].n_id;
        for (size_t k = 0; k < r->raw[i].n_id; k++) CHECK(r->raw[i].id[k] >= 0);
    }
    CHECK(n_id <= COMPLETION_IDS_MAX);
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static enum err (*const read[])(str, const struct json *, struct arena *, struct error *) = {
        read_chat, read_messages, read_completions};
    str body = {(const char *)data, size};
    struct arena *tree = arena_new(ARENA_CAP);
    struct json *root;
    struct error e = {0};
    enum err rc = json_parse(body, tree, &root, &e);

    CHECK(rc == ERR_OK || (e.code == rc && e.text[0]));
    for (size_t i = 0; rc == ERR_OK && i < sizeof read / sizeof read[0]; i++) {
        struct arena *a = arena_new(ARENA_CAP);
        enum err why;

        e = (struct error){0};
        why = read[i](body, root, a, &e);
        CHECK(why == ERR_OK || (e.code == why && e.text[0]));
        arena_free(a);
    }
    arena_free(tree);
    return 0;
}
