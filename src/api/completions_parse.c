/* SPDX-License-Identifier: Apache-2.0 */
#include "api/completions_parse.h"
#include <stdio.h>
#include "api/chat_parse_internal.h"

#define LOGPROBS_MAX 5

/* ---- prompts ---- */

static const char expected_prompt[] =
    "expected a string, an array of strings, an array of token ids or an array of such arrays";

/* n_left: how many more ids the request may hold. */
static void read_ids(struct parse *p, const struct json *list, const char *path, size_t *n_left,
                     struct chat_raw *raw)
{
    int32_t *id;

    if (list->n > *n_left) {
        fields_range_error(&p->f, "'prompt' holds more than %d token ids.", COMPLETION_IDS_MAX);
        return;
    }
    *n_left -= list->n;
    id = arena_alloc(p->f.arena, (list->n + 1) * sizeof *id);
    for (uint32_t i = 0; i < list->n && !failed(p); i++) {
        const struct json *v = &list->item[i];
        int64_t n;

        if (v->type != JSON_NUMBER || !json_int(v, &n))
            fields_type_error(&p->f, path, v->pos, expected_prompt);
        else if (n < 0 || n > INT32_MAX)
            fields_range_error(&p->f, "%s: %lld is not a token id.", path, (long long)n);
        else
            id[i] = (int32_t)n;
    }
    raw->id = id;
    raw->n_id = list->n;
}

static void read_list(struct parse *p, const struct json *list, struct chat_raw *raw)
{
    size_t n_left = COMPLETION_IDS_MAX;

    for (uint32_t i = 0; i < list->n && !failed(p); i++) {
        const struct json *v = &list->item[i];
        char path[32];

        snprintf(path, sizeof path, "prompt[%u]", i);
        if (v->type == JSON_STRING)
            raw[i].text = v->string;
        else if (v->type == JSON_ARRAY && list->item[0].type == JSON_ARRAY)
            read_ids(p, v, path, &n_left, &raw[i]);
        else
            fields_type_error(&p->f, path, v->pos, expected_prompt);
        if (v->type != list->item[0].type)
            fields_type_error(&p->f, path, v->pos, expected_prompt);
    }
}

/* True when v is a list of prompts, and not one. */
static bool is_list(const struct json *v)
{
    return v->type == JSON_ARRAY && v->n > 0 && v->item[0].type != JSON_NUMBER;
}

/* How many prompts v holds; 0 after an error. Without any, a new text begins. */
static size_t count_prompts(struct parse *p, const struct json *v)
{
    if (json_absent(v) || v->type == JSON_STRING) return 1;
    if (v->type != JSON_ARRAY)
        fields_type_error(&p->f, "prompt", v->pos, expected_prompt);
    else if (v->n == 0)
        fields_range_error(&p->f, "'prompt' is an empty list: send a text, token ids, or a list "
                           "of these.");
    else if (is_list(v) && v->n > CHAT_CHOICES_MAX)
        fields_range_error(&p->f, "'prompt' holds %u prompts, at most %d are allowed.", v->n,
                           CHAT_CHOICES_MAX);
    if (failed(p)) return 0;
    return is_list(v) ? v->n : 1;
}

static void prompts(struct parse *p)
{
    const struct json *v = json_get(p->root, "prompt");
    str suffix = fields_str(&p->f, p->root, "", "suffix");
    size_t n = failed(p) ? 0 : count_prompts(p, v), n_left = COMPLETION_IDS_MAX;
    struct chat_raw *raw;

    if (n == 0) return;
    raw = arena_alloc(p->f.arena, n * sizeof *raw);
    if (!json_absent(v) && v->type == JSON_STRING) raw[0].text = v->string;
    if (!json_absent(v) && v->type == JSON_ARRAY) {
        if (is_list(v))
            read_list(p, v, raw);
        else
            read_ids(p, v, "prompt", &n_left, &raw[0]);
    }
    for (size_t i = 0; i < n; i++) raw[i].suffix = suffix;
    p->out->chat.tool_choice = TOOL_CHOICE_NONE;
    p->out->chat.raw = raw;
    p->out->chat.n_raw = n;
}

/* ---- the rest ---- */

static void lengths(struct parse *p)
{
    struct chat_request *c = &p->out->chat;
    int64_t max = fields_int(&p->f, p->root, "", "max_tokens", 1, INT64_MAX,
                             COMPLETION_TOKENS_DEFAULT);
    int n = (int)fields_int(&p->f, p->root, "", "n", 1, CHAT_CHOICES_MAX, 1);
    int64_t best = fields_int(&p->f, p->root, "", "best_of", 1, INT32_MAX, n);

    c->max_tokens = max > INT32_MAX ? INT32_MAX : (int)max;
    c->ignore_eog = fields_bool(&p->f, p->root, "", "ignore_eos", false);
    c->n_choice = n * (int)c->n_raw;
    if (best < n)
        fields_range_error(&p->f, "'best_of' must not be less than 'n'.");
    else if (best > n)
        fields_range_error(&p->f, "'best_of' above 'n' is not supported: ask for n = %lld and "
                           "choose.", (long long)best);
    else if (c->n_choice > CHAT_CHOICES_MAX)
        fields_range_error(&p->f, "%zu prompts with 'n' = %d make %d choices, at most %d are "
                           "allowed.", c->n_raw, n, c->n_choice, CHAT_CHOICES_MAX);
}

/* A number of alternatives as at OpenAI, or xAI's boolean: true counts as 1. */
static void logprobs(struct parse *p, bool echo)
{
    const struct json *v = json_get(p->root, "logprobs");
    struct chat_request *c = &p->out->chat;

    if (failed(p) || json_absent(v)) return;
    if (v->type == JSON_BOOL) {
        c->logprobs = v->boolean;
        c->n_top_logprobs = v->boolean;
    } else {
        c->n_top_logprobs = (int)fields_int(&p->f, p->root, "", "logprobs", 0, LOGPROBS_MAX, 0);
        c->logprobs = true;
    }
    if (c->logprobs && echo)
        fields_range_error(&p->f, "'echo' with 'logprobs' is not supported: there are no logprobs "
                           "of the prompt. Leave one of them out.");
}

enum err completions_parse(const struct api *api, str body, const struct json *root,
                           struct arena *a, struct completion_params *out, struct error *e)
{
    struct parse p = {.f = {.body = body, .arena = a, .e = e}, .root = root, .out = &out->base};

    *out = (struct completion_params){0};
    if (root->type != JSON_OBJECT) {
        fields_type_error(&p.f, "body", root->pos, "expected an object");
        return p.f.rc;
    }
    out->base.model = fields_str(&p.f, root, "", "model");
    if (!failed(&p) && !out->base.model.p)
        fields_type_error(&p.f, "model", root->pos, "missing field `model`");
    (void)fields_str(&p.f, root, "", "user");
    parse_streaming(&p);
    parse_sampling(&p, api);
    prompts(&p);
    lengths(&p);
    out->echo = fields_bool(&p.f, root, "", "echo", false);
    logprobs(&p, out->echo);
    return p.f.rc;
}
