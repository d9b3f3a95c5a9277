/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows, how one is found, and calls written as text for templates that show none. A row says
 * what templates of its family write for past calls, because models were trained on just that.
 */
#include "chat/call_syntax.h"
#include "chat/call_internal.h"

#define THINK .think_open = STR("<think>"), .think_close = STR("</think>")
#define RESPONSE .result_open = STR("<tool_response>\n"), .result_close = STR("\n</tool_response>")
#define NAME_ARGUMENTS .key_name = STR("name"), .key_args = STR("arguments")
#define HERMES                                                                               \
    .form = CALL_JSON, NAME_ARGUMENTS, THINK, RESPONSE, .call_open = STR("<tool_call>\n"),   \
    .call_close = STR("\n</tool_call>"), .between = STR("\n"), .open = {STR("<tool_call>")}, \
    .mark = {STR("<tool_call>"), STR("</tool_call>")}
#define DEEPSEEK                                                                                 \
    .form = CALL_NAMED, THINK, .calls_open = STR("<｜tool▁calls▁begin｜>"),                      \
    .calls_close = STR("<｜tool▁calls▁end｜>"),                                                  \
    .open = {STR("<｜tool▁calls▁begin｜>"), STR("<｜tool▁call▁begin｜>")},                       \
    .result_open = STR("<｜tool▁output▁begin｜>"), .result_close = STR("<｜tool▁output▁end｜>"), \
    .mark = {STR("<｜tool▁calls▁begin｜>"), STR("<｜tool▁calls▁end｜>"),                         \
             STR("<｜tool▁call▁begin｜>"), STR("<｜tool▁call▁end｜>"), STR("<｜tool▁sep｜>")}
#define GLM                                                                             \
    .form = CALL_TAGS, THINK, RESPONSE, .call_open = STR("<tool_call>"),                \
    .call_close = STR("</tool_call>"), .key_open = STR("<arg_key>"), .lead = STR("\n"), \
    .open = {STR("<tool_call>")},                                                       \
    .mark = {STR("<tool_call>"), STR("</tool_call>"), STR("<arg_key>"),                 \
             STR("</arg_key>"),  STR("<arg_value>"),  STR("</arg_value>")}
#define MISTRAL                                                                          \
    THINK, .id = CALL_ID_NINE, .open = {STR("[TOOL_CALLS]")},                            \
           .result_open = STR("[TOOL_RESULTS]"), .result_close = STR("[/TOOL_RESULTS]"), \
           .mark = {STR("[TOOL_CALLS]"), STR("[CALL_ID]"), STR("[ARGS]")}

/* clang-format off */
static const struct call_syntax rows[] = {
    {.name = "plain", .is_plain = true, HERMES},
    {.name = "hermes", HERMES},
    {.name = "qwen3_coder", .form = CALL_TAGS, THINK, RESPONSE, .python_words = true,
     .call_open = STR("<tool_call>\n<function="), .args_open = STR(">\n"),
     .key_open = STR("<parameter="), .key_close = STR(">\n"),
     .value_close = STR("\n</parameter>\n"), .call_close = STR("</function>\n</tool_call>"),
     .between = STR("\n"), .open = {STR("<tool_call>"), STR("<function=")},
     .mark = {STR("<tool_call>"), STR("</tool_call>")}},
    {.name = "llama3", .form = CALL_JSON, THINK, .one_call = true,
     .key_name = STR("name"), .key_args = STR("parameters"),
     .open = {STR("<|python_tag|>")}, .start = STR("{"), .start_open = STR("{\"name\": \""),
     .mark = {STR("<|python_tag|>")}},
    {.name = "mistral_v3", .form = CALL_JSON, MISTRAL, NAME_ARGUMENTS,
     .calls_open = STR("[TOOL_CALLS]["), .between = STR(", "), .calls_close = STR("]")},
    {.name = "mistral_v11", .form = CALL_NAMED, MISTRAL, .call_open = STR("[TOOL_CALLS]"),
     .id_open = STR("[CALL_ID]"), .args_open = STR("[ARGS]")},
    {.name = "mistral_v13", .form = CALL_NAMED, THINK, .call_open = STR("[TOOL_CALLS]"),
     .args_open = STR("[ARGS]"), .open = {STR("[TOOL_CALLS]")},
     .result_open = STR("[TOOL_RESULTS]"), .result_close = STR("[/TOOL_RESULTS]"),
     .mark = {STR("[TOOL_CALLS]"), STR("[ARGS]")}},
    {.name = "deepseek_v3", DEEPSEEK, .call_open = STR("<｜tool▁call▁begin｜>function<｜tool▁sep｜>"),
     .args_open = STR("\n```json\n"), .call_close = STR("\n```<｜tool▁call▁end｜>"),
     .between = STR("\n")},
    {.name = "deepseek_v31", DEEPSEEK, .call_open = STR("<｜tool▁call▁begin｜>"),
     .args_open = STR("<｜tool▁sep｜>"), .call_close = STR("<｜tool▁call▁end｜>")},
    {.name = "glm", GLM, .args_open = STR("\n"), .key_close = STR("</arg_key>\n<arg_value>"),
     .value_close = STR("</arg_value>\n"), .between = STR("\n")},
    {.name = "glm_4_7", GLM, .key_close = STR("</arg_key><arg_value>"),
     .value_close = STR("</arg_value>")},
    {.name = "kimi", .form = CALL_NAMED, THINK,
     .calls_open = STR("<|tool_calls_section_begin|>"),
     .calls_close = STR("<|tool_calls_section_end|>"),
     .call_open = STR("<|tool_call_begin|>functions."), .id = CALL_ID_COUNT,
     .id_open = STR(":"), .id_prefix = STR("functions."),
     .args_open = STR("<|tool_call_argument_begin|>"), .call_close = STR("<|tool_call_end|>"),
     .open = {STR("<|tool_calls_section_begin|>"), STR("<|tool_call_begin|>")},
     .result_open = STR("<tool_response>\n"), .result_close = STR("\n</tool_response>"),
     .mark = {STR("<|tool_calls_section_begin|>"), STR("<|tool_calls_section_end|>"),
              STR("<|tool_call_begin|>"), STR("<|tool_call_argument_begin|>"),
              STR("<|tool_call_end|>")}},
    {.name = "gpt_oss", .form = CALL_NAMED, RESPONSE, .one_call = true,
     .think_open = STR("<|channel|>analysis<|message|>"), .think_close = STR("<|end|>"),
     .gap = STR("<|start|>assistant"), .answer_open = STR("<|channel|>final<|message|>"),
     .note_open = STR("<|channel|>commentary<|message|>"),
     .note_close = STR("<|end|>"), .thinks_again = true,
     .call_open = STR("<|channel|>commentary to=functions."),
     .args_open = STR(" <|constrain|>json<|message|>"), .args_mark = STR("<|message|>"),
     .alt_open = STR(" to=functions."),
     .alt_args_open = STR("<|channel|>commentary json<|message|>"),
     .open = {STR("<|start|>assistant to=functions."), STR("<|channel|>commentary to=functions."),
              STR("<|channel|>analysis to=functions.")},
     .start = STR("to=functions."),
     .drop = {STR("<|start|>assistant"), STR("<|channel|>final<|message|>"),
              STR("<|channel|>commentary<|message|>"), STR("<|end|>")},
     .mark = {STR("<|start|>"), STR("<|channel|>"), STR("<|message|>"), STR("<|constrain|>"),
              STR("<|end|>")}},
    {.name = "gemma4", .form = CALL_BARE, .any_order = true, .python_words = true,
     .think_open = STR("<|channel>thought\n"), .think_close = STR("<channel|>"),
     .call_open = STR("<|tool_call>call:"), .call_close = STR("<tool_call|>"),
     .string_mark = STR("<|\"|>"), .open = {STR("<|tool_call>")},
     .result_open = STR("<|tool_response>"), .result_close = STR("<tool_response|>"),
     .mark = {STR("<|tool_call>"), STR("<tool_call|>"), STR("<|\"|>"), STR("<|channel>"),
              STR("<channel|>")}},
    {.name = "granite", .form = CALL_JSON, THINK, RESPONSE, NAME_ARGUMENTS,
     .calls_open = STR("<|tool_call|>["), .between = STR(", "), .calls_close = STR("]"),
     .open = {STR("<|tool_call|>")}, .mark = {STR("<|tool_call|>")}},
    {.name = "lfm2", .form = CALL_PYTHON, THINK, .python_words = true,
     .calls_open = STR("<|tool_call_start|>["), .args_open = STR("("), .call_close = STR(")"),
     .between = STR(", "), .calls_close = STR("]<|tool_call_end|>"),
     .open = {STR("<|tool_call_start|>")},
     .result_open = STR("<|tool_response_start|>"), .result_close = STR("<|tool_response_end|>"),
     .mark = {STR("<|tool_call_start|>"), STR("<|tool_call_end|>")}},
    {.name = "function_tag", .form = CALL_NAMED, THINK, RESPONSE,
     .call_open = STR("<function="), .args_open = STR(">"), .call_close = STR("</function>"),
     .between = STR("\n"), .open = {STR("<function=")}},
    {.name = "nemotron", .form = CALL_JSON, THINK, NAME_ARGUMENTS,
     .calls_open = STR("<TOOLCALL>["), .between = STR(", "), .calls_close = STR("]</TOOLCALL>"),
     .open = {STR("<TOOLCALL>")},
     .result_open = STR("<TOOL_RESPONSE>["), .result_close = STR("]</TOOL_RESPONSE>"),
     .mark = {STR("<TOOLCALL>"), STR("</TOOLCALL>")}},
    {.name = "seed_oss", .form = CALL_TAGS,
     .think_open = STR("<seed:think>"), .think_close = STR("</seed:think>"),
     .call_open = STR("<seed:tool_call>\n<function="), .args_open = STR(">\n"),
     .key_open = STR("<parameter="), .key_close = STR(">"), .value_close = STR("</parameter>\n"),
     .call_close = STR("</function>\n</seed:tool_call>"), .between = STR("\n"),
     .open = {STR("<seed:tool_call>")},
     .mark = {STR("<seed:tool_call>"), STR("</seed:tool_call>"), STR("<seed:think>"),
              STR("</seed:think>")}},
    {.name = "minimax", .form = CALL_TAGS, THINK,
     .calls_open = STR("<minimax:tool_call>\n"), .calls_close = STR("</minimax:tool_call>"),
     .call_open = STR("<invoke name=\""), .args_open = STR("\">\n"),
     .key_open = STR("<parameter name=\""), .key_close = STR("\">"),
     .value_close = STR("</parameter>\n"), .call_close = STR("</invoke>\n"),
     .open = {STR("<minimax:tool_call>")},
     .mark = {STR("<minimax:tool_call>"), STR("</minimax:tool_call>")}},
    {.name = "function_gemma", .form = CALL_BARE, THINK, .any_order = true, .python_words = true,
     .call_open = STR("<start_function_call>call:"), .call_close = STR("<end_function_call>"),
     .string_mark = STR("<escape>"), .open = {STR("<start_function_call>")},
     .mark = {STR("<start_function_call>"), STR("<end_function_call>"), STR("<escape>")}},
    {.name = "olmo3", .form = CALL_PYTHON, THINK, .python_words = true,
     .calls_open = STR("<function_calls>"), .args_open = STR("("), .call_close = STR(")"),
     .between = STR("\n"), .calls_close = STR("</function_calls>"),
     .open = {STR("<function_calls>")},
     .mark = {STR("<function_calls>"), STR("</function_calls>")}},
};

/* Most specific first; each row's texts must all be in the template's source. */
static const struct { const char *name, *text[2]; } signs[] = {
    {"gpt_oss", {"<|start|>assistant", "<|channel|>"}},
    {"gemma4", {"<|tool_call>call:"}},
    {"kimi", {"<|tool_calls_section_begin|>"}},
    {"deepseek_v3", {"<｜tool▁calls▁begin｜>", "```json"}},
    {"deepseek_v31", {"<｜tool▁calls▁begin｜>"}},
    {"mistral_v11", {"[TOOL_CALLS]", "[CALL_ID]"}},
    {"mistral_v13", {"[TOOL_CALLS]", "[ARGS]"}},
    {"mistral_v3", {"[TOOL_CALLS]"}},
    {"lfm2", {"<|tool_list_start|>"}},
    {"lfm2", {"<|tool_call_start|>"}},
    {"glm_4_7", {"<tool_call>{function-name}<arg_key>"}},
    {"glm", {"<arg_key>"}},
    {"seed_oss", {"<seed:tool_call>"}},
    {"minimax", {"<minimax:tool_call>"}},
    {"function_gemma", {"<start_function_call>"}},
    {"olmo3", {"<function_calls>"}},
    {"nemotron", {"<TOOLCALL>"}},
    {"qwen3_coder", {"<function=", "<parameter="}},
    {"granite", {"<|tool_call|>", "available_tools"}},
    {"hermes", {"<tool_call>"}},
    {"function_tag", {"<function=", "</function>"}},
    {"llama3", {"\"parameters\": ", "ipython"}},
};
/* clang-format on */

const struct call_syntax *call_syntax_named(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static bool has(str source, const char *text)
{
    return !text || str_find(source, str_of(text), 0) != SIZE_MAX;
}

const struct call_syntax *call_syntax_of(str template_source)
{
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (has(template_source, signs[i].text[0]) && has(template_source, signs[i].text[1]))
            return call_syntax_named(signs[i].name);
    return call_syntax_named("plain");
}

const char *call_syntax_name(const struct call_syntax *s) { return s->name; }

bool call_syntax_templated(const struct call_syntax *s) { return !s->is_plain; }

void call_syntax_thinking(const struct call_syntax *s, str *open, str *close)
{
    *open = s->think_open;
    *close = s->think_close;
}

void call_syntax_end_thinking(const struct call_syntax *s, struct buf *out)
{
    if (!s->gap.n) buf_char(out, '\n');
    buf_add(out, s->think_close);
    buf_add(out, s->gap.n ? s->gap : STR("\n\n"));
}

bool call_syntax_is_mark(const struct call_syntax *s, str piece)
{
    for (size_t i = 0; i < CALL_MARKS_MAX; i++)
        if (s->mark[i].n && str_eq(s->mark[i], piece)) return true;
    return str_eq(piece, s->think_open) || str_eq(piece, s->think_close);
}

str call_piece(str text)
{
    size_t from = 0, to;

    while (from < text.n && call_is_blank(text.p[from])) from++;
    for (to = from; to < text.n && !call_is_blank(text.p[to]);) to++;
    return str_sub(text, from, to - from);
}

/* ---- calls as text ---- */

#define ARGUMENTS_TREE_BYTES_MAX ((size_t)256 << 20)

/* An object of keys without quotes, strings between marks. */
static void write_bare(const struct call_syntax *s, const struct json *v, struct buf *out)
{
    struct json_writer w;

    switch (v->type) {
    case JSON_STRING:
        buf_add(out, s->string_mark);
        buf_add(out, v->string);
        buf_add(out, s->string_mark);
        break;
    case JSON_OBJECT:
        buf_char(out, '{');
        for (uint32_t i = 0; i < v->n; i++) {
            if (i) buf_char(out, ',');
            buf_add(out, v->member[i].key);
            buf_char(out, ':');
            write_bare(s, &v->member[i].value, out);
        }
        buf_char(out, '}');
        break;
    case JSON_ARRAY:
        buf_char(out, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            if (i) buf_char(out, ',');
            write_bare(s, &v->item[i], out);
        }
        buf_char(out, ']');
        break;
    default: jw_init(&w, out); jw_value(&w, v);
    }
}

/* As tojson writes it: ", " and ": ". */
static void write_spaced(const struct json *v, struct buf *out)
{
    struct json_writer w;

    switch (v->type) {
    case JSON_OBJECT:
        buf_char(out, '{');
        for (uint32_t i = 0; i < v->n; i++) {
            if (i) buf_add(out, STR(", "));
            jw_init(&w, out);
            jw_string(&w, v->member[i].key);
            buf_add(out, STR(": "));
            write_spaced(&v->member[i].value, out);
        }
        buf_char(out, '}');
        break;
    case JSON_ARRAY:
        buf_char(out, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            if (i) buf_add(out, STR(", "));
            write_spaced(&v->item[i], out);
        }
        buf_char(out, ']');
        break;
    default: jw_init(&w, out); jw_value(&w, v);
    }
}

static const char *python_word(const struct json *v)
{
    if (v->type == JSON_NULL) return "None";
    if (v->type == JSON_BOOL) return v->boolean ? "True" : "False";
    return NULL;
}

static void write_argument(const struct call_syntax *s, const struct json *v, struct buf *out)
{
    const char *word = s->python_words ? python_word(v) : NULL;

    if (word)
        buf_add(out, str_of(word));
    else if (v->type == JSON_STRING && s->form == CALL_TAGS)
        buf_add(out, v->string);
    else
        write_spaced(v, out);
}

/* args: an object. */
static void write_members(const struct call_syntax *s, const struct json *args, struct buf *out)
{
    for (uint32_t i = 0; i < args->n; i++) {
        if (s->form == CALL_PYTHON && i) buf_add(out, STR(", "));
        buf_add(out, s->key_open);
        buf_add(out, args->member[i].key);
        buf_add(out, s->form == CALL_PYTHON ? STR("=") : s->key_close);
        write_argument(s, &args->member[i].value, out);
        buf_add(out, s->value_close);
    }
}

/* text as it came where it is no object: it is shown, not understood. */
static void write_arguments(const struct call_syntax *s, str text, struct buf *out)
{
    struct arena *a = arena_new(ARGUMENTS_TREE_BYTES_MAX);
    struct json *v = NULL;

    text = str_trim(text);
    if (text.n == 0) text = STR("{}");
    if (json_parse(text, a, &v, NULL) != ERR_OK || v->type != JSON_OBJECT)
        buf_add(out, text);
    else if (s->form == CALL_BARE)
        write_bare(s, v, out);
    else if (s->form == CALL_TAGS || s->form == CALL_PYTHON)
        write_members(s, v, out);
    else
        write_spaced(v, out);
    arena_free(a);
}

static void write_json_call(const struct call_syntax *s, const struct chat_tool_call *c,
                            struct buf *out)
{
    struct json_writer w;

    jw_init(&w, out);
    buf_char(out, '{');
    jw_string(&w, s->key_name);
    buf_add(out, STR(": "));
    jw_init(&w, out);
    jw_string(&w, c->name);
    buf_add(out, STR(", "));
    jw_init(&w, out);
    jw_string(&w, s->key_args);
    buf_add(out, STR(": "));
    write_arguments(s, c->arguments, out);
    if (s->id != CALL_ID_NONE) {
        buf_add(out, STR(", \"id\": "));
        jw_init(&w, out);
        jw_string(&w, c->id);
    }
    buf_char(out, '}');
}

void call_syntax_write_call(const struct call_syntax *s, const struct chat_tool_call *c,
                            struct buf *out)
{
    buf_add(out, s->calls_open);
    buf_add(out, s->call_open);
    if (s->form == CALL_JSON) {
        write_json_call(s, c, out);
    } else {
        buf_add(out, c->name);
        buf_add(out, s->id_open);
        if (s->id == CALL_ID_COUNT) buf_char(out, '0');
        if (s->id == CALL_ID_NINE) buf_add(out, c->id);
        buf_add(out, s->args_open);
        write_arguments(s, c->arguments, out);
    }
    buf_add(out, s->call_close);
    buf_add(out, s->calls_close);
}

void call_syntax_write_result(const struct call_syntax *s, str tool_call_id, str name, str text,
                              struct buf *out)
{
    str which = name.n ? name : tool_call_id;

    if (s->result_open.n == 0) {
        buf_printf(out, "Result of %.*s: ", STR_FMT(which));
        buf_add(out, text);
        return;
    }
    buf_add(out, s->result_open);
    buf_add(out, text);
    buf_add(out, s->result_close);
}

/* ---- tools in words ---- */

static void write_tool(const struct chat_tool *t, struct buf *out)
{
    struct json_writer w;

    if (t->source) {
        write_spaced(t->source, out);
        return;
    }
    jw_init(&w, out);
    jw_object(&w);
    jw_kv_cstring(&w, "type", "function");
    jw_key(&w, "function");
    jw_object(&w);
    jw_kv_string(&w, "name", t->name);
    jw_kv_string(&w, "description", t->description);
    if (t->parameters) {
        jw_key(&w, "parameters");
        jw_value(&w, t->parameters);
    }
    jw_object_end(&w);
    jw_object_end(&w);
}

void call_syntax_explain(const struct call_syntax *s, const struct chat_tool *tool, size_t n,
                         struct buf *out)
{
    static const struct chat_tool_call example = {STR("123456789"), STR("tool_name"),
                                                  STR("{\"argument\": \"value\"}")};

    buf_add(out, STR("You can call these tools:\n<tools>\n"));
    for (size_t i = 0; i < n; i++) {
        write_tool(&tool[i], out);
        buf_char(out, '\n');
    }
    buf_add(out, STR("</tools>\nTo call one, write its name and arguments in this form and then "
                     "stop:\n"));
    call_syntax_write_call(s, &example, out);
    buf_add(out, STR("\nCall tools only when they help; otherwise answer in plain text."));
}
