/* SPDX-License-Identifier: Apache-2.0
 *
 * What a template can show, found by showing it: a tool, a call and its result with words that no
 * template holds. What comes out whole is left to the template from then on, the rest goes in as
 * text (prompt_history.c). Templates drop silently what they do not know, so that one renders
 * without an error says nothing.
 */
#include "base/clock.h"
#include "chat/prompt_internal.h"

#define TRIAL_STEPS_MAX 1000000u       /* a hostile template must not hold up the start */

#define TOOL "look_up_zebra"
#define KEY "stripe_of"
#define VALUE "Quezaltenango"
#define OTHER_VALUE "Ouagadougou"
#define RESULT "forty-one okapis"

static const char tool_text[] =
    "{\"type\":\"function\",\"function\":{\"name\":\"" TOOL "\",\"description\":\"of a place\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"" KEY "\":{\"type\":\"string\","
    "\"description\":\"place\"}},\"required\":[\"" KEY "\"]}}}";

static const struct chat_tool_call trial_call[] = {
    {STR("call_1"), STR(TOOL), STR("{\"" KEY "\": \"" VALUE "\"}")},
    {STR("call_2"), STR(TOOL), STR("{\"" KEY "\": \"" OTHER_VALUE "\"}")},
};
static const struct chat_message trial_message[] = {
    {.role = ROLE_USER, .text = STR("hello")},
    {.role = ROLE_ASSISTANT, .call = trial_call, .n_call = 1},
    {.role = ROLE_TOOL, .text = STR(RESULT), .tool_call_id = STR("call_1")},
};
static const struct chat_message trial_two[] = {
    {.role = ROLE_USER, .text = STR("hello")},
    {.role = ROLE_ASSISTANT, .call = trial_call, .n_call = 2},
    {.role = ROLE_TOOL, .text = STR(RESULT), .tool_call_id = STR("call_1")},
    {.role = ROLE_TOOL, .text = STR("none"), .tool_call_id = STR("call_2")},
};

static const struct chat_message trial_system[] = {
    {.role = ROLE_SYSTEM, .text = STR(VALUE)},
    {.role = ROLE_USER, .text = STR("hello")},
    {.role = ROLE_ASSISTANT, .text = STR("hello")},
    {.role = ROLE_SYSTEM, .text = STR(OTHER_VALUE)},
    {.role = ROLE_USER, .text = STR("hello")},
};

static bool has(const struct template_out *t, const char *word)
{
    return str_find(buf_str(&t->text), str_of(word), 0) != SIZE_MAX;
}

/* *out is the caller's, also when it fails. */
static bool renders(const struct chat_model *m, const struct chat_request *r,
                    const struct prompt_form *form, struct template_out *out)
{
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
    struct error ignored;

    limits.steps_max = TRIAL_STEPS_MAX;
    limits.now_unix_s = clock_unix_s();
    return prompt_render(m, r, form, &limits, out, &ignored) == ERR_OK;
}

static bool shows(const struct chat_model *m, const struct chat_request *r,
                  const struct prompt_form *form, bool (*check)(const struct template_out *t))
{
    struct template_out out;
    bool ok = renders(m, r, form, &out) && check(&out);

    template_out_done(&out);
    return ok;
}

static bool has_tool(const struct template_out *t)
{
    return has(t, TOOL) && has(t, KEY);
}

/* Not as Python would print a value, and not as JSON inside a JSON string. */
static bool has_call(const struct template_out *t)
{
    return has(t, KEY) && has(t, VALUE) && has(t, RESULT) && !has(t, "'" VALUE "'") &&
           !has(t, "\\\"" VALUE);
}

static bool has_both(const struct template_out *t)
{
    return has_call(t) && has(t, OTHER_VALUE);
}

static bool has_one_value(const struct template_out *t)
{
    return has(t, VALUE) != has(t, OTHER_VALUE);
}

static void try_calls(struct chat_model *m)
{
    static const struct { bool text_arguments, short_ids; } way[] = {
        {false, false}, {false, true}, {true, false}, {true, true},
    };
    struct chat_request r = {.message = trial_message, .n_message = 3};
    struct prompt_form form = {.calls = true, .has_call = true};

    for (size_t i = 0; i < sizeof way / sizeof way[0] && !m->shows_calls; i++) {
        m->text_arguments = way[i].text_arguments;
        m->short_ids = way[i].short_ids;
        m->shows_calls = shows(m, &r, &form, has_call);
    }
    if (!m->shows_calls) m->text_arguments = m->short_ids = false;
    r.message = trial_two;
    r.n_message = 4;
    m->one_call = m->shows_calls && !shows(m, &r, &form, has_both);
}

/* Only what is lost in silence: templates that say what they refuse get it in another form. */
static void try_system(struct chat_model *m)
{
    struct chat_request r = {.message = trial_system, .n_message = 5};
    struct prompt_form form = {0};

    m->one_system = shows(m, &r, &form, has_one_value);
}

static void try_thinking(struct chat_model *m, str open)
{
    struct chat_request r = {.message = trial_message, .n_message = 1, .thinking = THINKING_ON};
    struct prompt_form form = {0};
    struct template_out out;

    m->opens_thinking = renders(m, &r, &form, &out) && open.n &&
                        str_ends(str_trim(buf_str(&out.text)), str_trim(open));
    template_out_done(&out);
}

static void try_tools(struct chat_model *m)
{
    struct chat_tool tool = {.name = STR(TOOL)};
    struct chat_request r = {.message = trial_message, .n_message = 1, .tool = &tool, .n_tool = 1};
    struct prompt_form form = {.tools = true};
    struct arena *a = arena_new(0);
    struct json *source;
    struct error e;

    CHECK(json_parse(str_of(tool_text), a, &source, &e) == ERR_OK);
    tool.source = source;
    m->shows_tools = shows(m, &r, &form, has_tool);
    arena_free(a);
}

void chat_model_of(struct chat_model *m, const struct vocab *v, const struct template *t,
                   const char *why, int n_prompt_max)
{
    str source = t ? template_source(t) : STR_NONE, open, close;

    *m = (struct chat_model){.vocab = v, .template = t, .why = why, .n_prompt_max = n_prompt_max,
                             .syntax = call_syntax_of(source)};
    if (!t) return;
    call_syntax_thinking(m->syntax, &open, &close);
    m->thinking_field = str_find(source, STR("message.thinking"), 0) != SIZE_MAX;
    m->may_think = (open.n && str_find(source, open, 0) != SIZE_MAX) ||
                   (close.n && str_find(source, close, 0) != SIZE_MAX);
    try_system(m);
    try_thinking(m, open);
    if (!call_syntax_templated(m->syntax)) return;
    try_tools(m);
    try_calls(m);
}

void chat_model_init(struct chat_model *m, const struct engine *en)
{
    const char *why = NULL;
    const struct template *t = engine_template(en, &why);

    chat_model_of(m, engine_vocab(en), t, why, engine_n_ctx(en) - 1);
}
