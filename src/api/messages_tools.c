/* SPDX-License-Identifier: Apache-2.0
 *
 * Anthropic's tools -> chat_tool, and which of them may or must be called. Only tools that the
 * caller runs are known: a tool with a type of its own runs at Anthropic's, or has a schema that
 * only Anthropic's models know.
 */
#include <stdio.h>
#include "api/chat_parse_internal.h"
#include "api/messages_internal.h"

#define PATH_BYTES 64

static struct json text_value(str s)
{
    return (struct json){.type = JSON_STRING, .string = s};
}

static void put(struct json *o, const char *key, struct json v)
{
    o->member[o->n++] = (struct json_member){.key = str_of(key), .value = v};
}

/* {"type": "function", "function": {...}}: the one form that templates know. */
static const struct json *source_of(struct reading *p, const struct chat_tool *t)
{
    struct json function = {.type = JSON_OBJECT}, *tool;

    function.member = arena_alloc(p->f.arena, 3 * sizeof *function.member);
    put(&function, "name", text_value(t->name));
    if (t->description.p) put(&function, "description", text_value(t->description));
    put(&function, "parameters", *t->parameters);
    tool = arena_new_of(p->f.arena, struct json);
    tool->type = JSON_OBJECT;
    tool->member = arena_alloc(p->f.arena, 2 * sizeof *tool->member);
    put(tool, "type", text_value(STR("function")));
    put(tool, "function", function);
    return tool;
}

static bool is_ours_to_describe(struct reading *p, const struct json *v, const char *path)
{
    str type = fields_str(&p->f, v, path, "type");

    if (reading_failed(p)) return false;
    if (!type.p || str_is(type, "custom")) return true;
    fields_range_error(&p->f, "%s: tools of type '%.*s' are not supported by this server. Describe "
                       "a tool that you run yourself by 'name' and 'input_schema'.", path,
                       STR_FMT(str_sub(type, 0, 64)));
    return false;
}

static void read_tool(struct reading *p, const struct json *v, const char *path,
                      struct chat_tool *t)
{
    if (v->type != JSON_OBJECT) {
        fields_type_error(&p->f, path, v->pos, "expected an object");
        return;
    }
    if (!is_ours_to_describe(p, v, path)) return;
    t->name = fields_str(&p->f, v, path, "name");
    t->description = fields_str(&p->f, v, path, "description");
    t->parameters = fields_typed(&p->f, v, path, "input_schema", JSON_OBJECT);
    if (reading_failed(p)) return;
    if (!t->name.p)
        fields_type_error(&p->f, path, v->pos, "missing field `name`");
    else if (!t->parameters)
        fields_type_error(&p->f, path, v->pos, "missing field `input_schema`");
    else if (!tool_name_is_valid(t->name))
        fields_range_error(&p->f, "%s: a tool's name has 1 to %d of the characters A-Z, a-z, 0-9, "
                           "'_' and '-', unlike '%.*s'.", path, CHAT_TOOL_NAME_MAX,
                           STR_FMT(str_sub(t->name, 0, CHAT_TOOL_NAME_MAX + 1)));
    else if (!tool_schema_may_be_object(t->parameters))
        fields_range_error(&p->f, "%s.input_schema: 'type' must be \"object\".", path);
    else
        t->source = source_of(p, t);
}

static size_t find(const struct chat_request *c, str name)
{
    for (size_t i = 0; i < c->n_tool; i++)
        if (str_eq(c->tool[i].name, name)) return i;
    return c->n_tool;
}

static void read_tools(struct reading *p, const struct json *list)
{
    struct chat_request *c = p->chat;
    struct chat_tool *tool;

    if (list->n > CHAT_TOOLS_MAX) {
        fields_range_error(&p->f, "'tools' may hold at most %d tools, not %u.", CHAT_TOOLS_MAX,
                           list->n);
        return;
    }
    tool = arena_alloc(p->f.arena, list->n * sizeof *tool);
    c->tool = tool;
    for (uint32_t i = 0; i < list->n && !reading_failed(p); i++) {
        char path[PATH_BYTES];

        snprintf(path, sizeof path, "tools[%u]", i);
        read_tool(p, &list->item[i], path, &tool[i]);
        if (!reading_failed(p) && find(c, tool[i].name) < c->n_tool)
            fields_range_error(&p->f, "%s: there is more than one tool '%.*s'.", path,
                               STR_FMT(tool[i].name));
        c->n_tool++;
    }
}

static void choose_named(struct reading *p, const struct json *o)
{
    struct chat_request *c = p->chat;
    str name = fields_str(&p->f, o, "tool_choice", "name");

    c->tool_choice = TOOL_CHOICE_NAMED;
    c->tool_named = find(c, name);
    if (!name.p)
        fields_type_error(&p->f, "tool_choice", o->pos, "missing field `name`");
    else if (c->tool_named == c->n_tool)
        fields_range_error(&p->f, "'tool_choice' names the tool '%.*s', which is not among the "
                           "tools.", STR_FMT(str_sub(name, 0, CHAT_TOOL_NAME_MAX)));
}

static void choose(struct reading *p, const struct json *o)
{
    struct chat_request *c = p->chat;
    str type = fields_str(&p->f, o, "tool_choice", "type");

    if (fields_bool(&p->f, o, "tool_choice", "disable_parallel_tool_use", false))
        c->parallel_calls = false;
    if (!type.p) {
        fields_type_error(&p->f, "tool_choice", o->pos, "missing field `type`");
    } else if (str_is(type, "none")) {
        c->tool_choice = TOOL_CHOICE_NONE;
    } else if (str_is(type, "any")) {
        c->tool_choice = TOOL_CHOICE_REQUIRED;
        if (!c->n_tool)
            fields_range_error(&p->f, "'tool_choice' is 'any', but the request has no tools.");
    } else if (str_is(type, "tool")) {
        choose_named(p, o);
    } else if (!str_is(type, "auto")) {
        fields_range_error(&p->f, "Invalid value for 'tool_choice.type': '%.*s' is none of 'auto', "
                           "'any', 'tool' and 'none'.", STR_FMT(str_sub(type, 0, 64)));
    }
}

void messages_read_tools(struct reading *p)
{
    const struct json *tools = fields_typed(&p->f, p->root, "", "tools", JSON_ARRAY);
    const struct json *choice = fields_typed(&p->f, p->root, "", "tool_choice", JSON_OBJECT);

    p->chat->parallel_calls = true;
    if (tools) read_tools(p, tools);
    p->chat->tool_choice = p->chat->n_tool ? TOOL_CHOICE_AUTO : TOOL_CHOICE_NONE;
    if (choice && !reading_failed(p)) choose(p, choice);
}
