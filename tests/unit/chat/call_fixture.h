/* SPDX-License-Identifier: Apache-2.0
 *
 * Tools with arguments of all kinds, the real templates, and a past call as such a template writes
 * it: the text that models were trained on.
 */
#pragma once
#include "../test.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rand.h"
#include "chat/call_syntax.h"
#include "token/template.h"

struct call_case { const char *name, *parameters, *arguments; };

#define OBJECT(properties, required) \
    "{\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "], " \
    "\"additionalProperties\": false}"

/* Properties in the order of the alphabet: some templates sort them. Arguments as tojson spells. */
static const struct call_case call_cases[] = {
    {"ping", OBJECT("", ""), "{}"},
    {"get_weather", OBJECT("\"city\": {\"type\": \"string\"}", "\"city\""), "{\"city\": "
     "\"Paris\"}"},
    {"get_weather_at", OBJECT("\"city\": {\"type\": \"string\"}, \"days\": {\"type\": \"integer\"}",
                              "\"city\""), "{\"city\": \"Z\xc3\xbcrich\", \"days\": 3}"},
    {"optional", OBJECT("\"a\": {\"type\": \"string\"}, \"b\": {\"type\": \"integer\"}", ""),
     "{\"b\": -7}"},
    {"quotes", OBJECT("\"q\": {\"type\": \"string\"}", "\"q\""),
     "{\"q\": \"she said \\\"no\\\" \\\\ and 'yes'\"}"},
    {"lines", OBJECT("\"code\": {\"type\": \"string\"}", "\"code\""),
     "{\"code\": \"def f(x):\\n\\treturn {x}\\n\"}"},
    {"unicode", OBJECT("\"t\": {\"type\": \"string\"}", "\"t\""),
     "{\"t\": \"\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 na\xc3\xafve\"}"},
    {"empty_text", OBJECT("\"t\": {\"type\": \"string\"}", "\"t\""), "{\"t\": \"\"}"},
    {"digits_as_text", OBJECT("\"t\": {\"type\": \"string\"}", "\"t\""), "{\"t\": \"00123\"}"},
    {"word_as_text", OBJECT("\"t\": {\"type\": \"string\"}", "\"t\""), "{\"t\": \"null\"}"},
    {"numbers", OBJECT("\"f\": {\"type\": \"number\"}, \"i\": {\"type\": \"integer\"}",
                       "\"f\", \"i\""), "{\"f\": -0.125, \"i\": 9007199254740993}"},
    {"flags", OBJECT("\"no\": {\"type\": \"boolean\"}, \"yes\": {\"type\": \"boolean\"}",
                     "\"no\", \"yes\""), "{\"no\": false, \"yes\": true}"},
    {"choice", OBJECT("\"unit\": {\"type\": \"string\", \"enum\": [\"c\", \"f\", \"kelvin\"]}",
                      "\"unit\""), "{\"unit\": \"kelvin\"}"},
    {"list", OBJECT("\"tags\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}",
                    "\"tags\""), "{\"tags\": [\"a b\", \"c,d\", \"]\", \"\"]}"},
    {"empty_list", OBJECT("\"xs\": {\"type\": \"array\", \"items\": {\"type\": \"integer\"}}",
                          "\"xs\""), "{\"xs\": []}"},
    {"nested", OBJECT("\"filter\": {\"type\": \"object\", \"properties\": {\"max\": {\"type\": "
                      "\"integer\"}, \"where\": {\"type\": \"array\", \"items\": {\"type\": "
                      "\"object\", \"properties\": {\"field\": {\"type\": \"string\"}, \"ok\": "
                      "{\"type\": \"boolean\"}}, \"required\": [\"field\", \"ok\"], "
                      "\"additionalProperties\": false}}}, \"required\": [\"max\", \"where\"], "
                      "\"additionalProperties\": false}", "\"filter\""),
     "{\"filter\": {\"max\": 2, \"where\": [{\"field\": \"a{b\", \"ok\": true}, {\"field\": "
     "\"}\", \"ok\": false}]}}"},
    {"nullable", OBJECT("\"t\": {\"type\": [\"string\", \"null\"]}, \"u\": {\"anyOf\": [{\"type\": "
                        "\"integer\"}, {\"type\": \"null\"}]}", "\"t\", \"u\""),
     "{\"t\": \"x\", \"u\": null}"},
    {"markers", OBJECT("\"t\": {\"type\": \"string\"}", "\"t\""),
     "{\"t\": \"a </tool_call> <tool_call> [TOOL_CALLS] </function> ``` } ] ) b\"}"},
    {"spaces", OBJECT("\"t\": {\"type\": \"string\"}", "\"t\""), "{\"t\": \"  x  \"}"},
    {"matrix", OBJECT("\"m\": {\"type\": \"array\", \"items\": {\"type\": \"array\", \"items\": "
                      "{\"type\": \"number\"}}}", "\"m\""),
     "{\"m\": [[1, 2.5], [], [-3]]}"},
};
#define N_CASES N_OF(call_cases)

/* The templates of which past calls can be rendered, and the row each must give. */
struct call_template { const char *file, *row; bool text_arguments, null_content, shows_calls; };
static const struct call_template call_templates[] = {
    {.file = "GLM-4.6", .row = "glm", .shows_calls = true},
    {.file = "HuggingFaceTB-SmolLM3-3B", .row = "plain"},
    {.file = "LFM2-8B-A1B", .row = "lfm2"},
    {.file = "Mistral-Small-3.2-24B-Instruct-2506", .row = "mistral_v11", .shows_calls = true},
    {.file = "NousResearch-Hermes-3-Llama-3.1-8B-tool_use", .row = "hermes", .shows_calls = true},
    {.file = "Qwen-QwQ-32B", .row = "hermes", .shows_calls = true},
    {.file = "Qwen-Qwen2.5-7B-Instruct", .row = "hermes", .shows_calls = true},
    {.file = "Qwen-Qwen3-0.6B", .row = "hermes", .shows_calls = true},
    {.file = "Qwen3-Coder", .row = "qwen3_coder", .shows_calls = true},
    {.file = "Qwen3.5-4B", .row = "qwen3_coder", .shows_calls = true},
    {.file = "deepseek-ai-DeepSeek-R1-Distill-Llama-8B", .row = "deepseek_v3",
     .text_arguments = true,
     .null_content = true, .shows_calls = true},
    {.file = "deepseek-ai-DeepSeek-V3.1", .row = "deepseek_v31", .shows_calls = true},
    {.file = "google-gemma-2-2b-it", .row = "plain"},
    {.file = "google-gemma-4-31B-it", .row = "gemma4", .shows_calls = true},
    {.file = "ibm-granite-granite-3.3-2B-Instruct", .row = "granite"},
    {.file = "meta-llama-Llama-3.1-8B-Instruct", .row = "llama3", .shows_calls = true},
    {.file = "meta-llama-Llama-3.2-3B-Instruct", .row = "llama3", .shows_calls = true},
    {.file = "microsoft-Phi-3.5-mini-instruct", .row = "plain"},
    {.file = "mistralai-Mistral-Nemo-Instruct-2407", .row = "mistral_v3", .shows_calls = true},
    {.file = "moonshotai-Kimi-K2", .row = "kimi", .shows_calls = true},
    {.file = "openai-gpt-oss-120b", .row = "gpt_oss", .shows_calls = true},
};

static inline struct json *fixture_json(str text, struct arena *a)
{
    struct json *j = NULL;
    struct error e = {0};
    if (json_parse(text, a, &j, &e) != ERR_OK)
        fail_msg("%s in %.*s", e.text, STR_FMT(text));
    return j;
}

/* All cases as tools; on a. */
static inline struct chat_tool *fixture_tools(struct arena *a)
{
    struct chat_tool *tool = arena_alloc(a, N_CASES * sizeof *tool);
    for (size_t i = 0; i < N_CASES; i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        buf_printf(&b, "{\"type\": \"function\", \"function\": {\"name\": \"%s\", \"description\": "
                   "\"d\", \"parameters\": %s}}", call_cases[i].name, call_cases[i].parameters);
        tool[i] = (struct chat_tool){.name = str_of(call_cases[i].name), .description = STR("d")};
        tool[i].source = fixture_json(arena_str(a, buf_str(&b)), a);
        tool[i].parameters = json_get(json_get(tool[i].source, "function"), "parameters");
        buf_done(&b);
    }
    return tool;
}

/* The template's source, on a; NULL when the golden files are not here. */
static inline const char *fixture_source(const struct call_template *t, struct arena *a)
{
    char name[200], path[4096];
    struct error e = {0};
    str source;
    snprintf(name, sizeof name, "templates/%s.jinja", t->file);
    if (!golden_path(name, path, sizeof path))
        return NULL;
    if (file_read(path, TEMPLATE_SOURCE_MAX, a, &source, &e) != ERR_OK)
        fail_msg("%s: %s", path, e.text);
    return source.p;
}

/* [user] or [user, assistant with calls of these cases], rendered. */
static inline str fixture_render(const struct call_template *t, const char *source,
                                 const size_t *which, size_t n, struct arena *a)
{
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
    struct template_out out;
    struct template *tmpl = NULL;
    struct error e = {0};
    struct json_writer w;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, STR("{\"bos_token\": \"<BOS>\", \"eos_token\": \"<EOS>\", "
                    "\"add_generation_prompt\": "));
    buf_add(&b, n ? STR("false") : STR("true"));
    buf_add(&b, STR(", \"tools\": ["));
    jw_init(&w, &b);
    /* The first alone: Hermes 3's template cannot show arrays. */
    jw_value(&w, fixture_tools(a)[0].source);
    buf_add(&b, STR("], \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}"));
    if (n)
        buf_printf(&b, ", {\"role\": \"assistant\", \"content\": %s, \"tool_calls\": [",
                   t->null_content ? "null" : "\"\"");
    for (size_t i = 0; i < n; i++) {
        const struct call_case *c = &call_cases[which[i]];
        buf_printf(&b, "%s{\"id\": \"abc%06zu\", \"type\": \"function\", \"function\": {\"name\": "
                   "\"%s\", \"arguments\": ", i ? ", " : "", i, c->name);
        jw_init(&w, &b);
        if (t->text_arguments)
            jw_cstring(&w, c->arguments);
        else
            buf_add(&b, str_of(c->arguments));
        buf_add(&b, STR("}}"));
    }
    buf_add(&b, n ? STR("]}]}") : STR("]}"));
    struct json *vars = fixture_json(arena_str(a, buf_str(&b)), a);
    buf_done(&b);
    if (template_parse(str_of(source), &tmpl, &e) != ERR_OK ||
        template_render(tmpl, vars, &limits, &out, &e) != ERR_OK)
        fail_msg("%s: %s", t->file, e.text);
    str text = arena_str(a, buf_str(&out.text));
    template_out_done(&out);
    template_free(tmpl);
    return text;
}

/* What the model would have written: behind what the prompt and the history share, before the
 * mark that ends a turn. *opens: the prompt ends with this text. */
static inline str fixture_turn(const struct call_template *t, const char *source,
                               const size_t *which, size_t n, str opening, bool *opens,
                               struct arena *a)
{
    static const char *const ends[] = {"<|im_end|>\n", "<|im_end|>", "<EOS>", "<|eot_id|>",
                                       "<|call|>", "<|tool_response>", "<turn|>\n",
                                       "<\xef\xbd\x9c" "end\xe2\x96\x81of\xe2\x96\x81sentence"
                                       "\xef\xbd\x9c>"};
    str prompt = fixture_render(t, source, NULL, 0, a);
    str all = fixture_render(t, source, which, n, a);
    size_t same = 0;
    *opens = str_ends(str_trim(prompt), opening);
    while (same < prompt.n && same < all.n && prompt.p[same] == all.p[same])
        same++;
    /* Not in the middle of a mark. */
    for (size_t i = same; i > 0 && all.p[i - 1] != '>'; i--)
        if (all.p[i - 1] == '<') {
            same = i - 1;
            break;
        }
    str turn = str_sub(all, same, all.n);
    for (size_t i = 0; i < N_OF(ends); i++)
        if (str_ends(turn, str_of(ends[i])))
            turn.n -= strlen(ends[i]);
    return turn;
}
