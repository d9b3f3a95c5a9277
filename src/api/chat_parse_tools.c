/* SPDX-License-Identifier: Apache-2.0
 *
 * What the answer must obey: the caller's functions, which of them may or must be called, and the
 * format of the text. Schemas are only found here; whoever generates compiles them.
 */
#include <stdio.h>
#include "api/chat_parse_internal.h"

#define PATH_MAX_BYTES 64

/* ---- tools ---- */

bool tool_name_is_valid(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return s.n >= 1 && s.n <= CHAT_TOOL_NAME_MAX;
}

bool tool_schema_may_be_object(const struct json *parameters)
{
    const struct json *type = json_get(parameters, "type");

    if (json_absent(type)) return true;
    if (type->type == JSON_STRING) return str_is(type->string, "object");
    if (type->type != JSON_ARRAY) return false;
    for (uint32_t i = 0; i < type->n; i++)
        if (type->item[i].type == JSON_STRING && str_is(type->item[i].string, "object"))
            return true;
    return false;
}

static struct json text_value(const char *text)
{
    return (struct json){.type = JSON_STRING, .string = str_of(text)};
}

/* {"type": "function", "function": f}: the one form that templates know. */
static const struct json *wrapped(struct parse *p, const struct json *f)
{
    struct json_member *m = arena_alloc(p->f.arena, 2 * sizeof *m);
    struct json *v = arena_new_of(p->f.arena, struct json);

    m[0] = (struct json_member){.key = STR("type"), .value = text_value("function")};
    m[1] = (struct json_member){.key = STR("function"), .value = *f};
    *v = (struct json){.type = JSON_OBJECT, .n = 2, .pos = f->pos, .member = m};
    return v;
}

/* The function of an entry of `tools`, beside "type" or inside "function"; NULL after an error. */
static const struct json *function_of(struct parse *p, const struct json *v, const char *path)
{
    str type = fields_str(&p->f, v, path, "type");
    const struct json *f = fields_typed(&p->f, v, path, "function", JSON_OBJECT);

    if (failed(p)) return NULL;
    if (type.p && str_is(type, "live_search")) {
        refuse(p, ERR_GONE, "Live search is deprecated. Please switch to the Agent Tools API");
        return NULL;
    }
    if (type.p && !str_is(type, "function")) {
        fields_range_error(&p->f, "%s: tools of type '%.*s' are not supported by chat completions, "
                           "only those of type 'function'.", path, STR_FMT(str_sub(type, 0, 64)));
        return NULL;
    }
    if (f) return f;
    if (!json_absent(json_get(v, "name"))) return v;
    fields_type_error(&p->f, path, v->pos, "missing field `function`");
    return NULL;
}

static void read_tool(struct parse *p, const struct json *v, const char *path, bool is_bare,
                      struct chat_tool *t)
{
    const struct json *f = v;

    if (v->type != JSON_OBJECT) {
        fields_type_error(&p->f, path, v->pos, "expected an object");
        return;
    }
    if (!is_bare && !(f = function_of(p, v, path))) return;
    t->source = f == v ? wrapped(p, f) : v;
    t->name = fields_str(&p->f, f, path, "name");
    t->description = fields_str(&p->f, f, path, "description");
    t->parameters = fields_typed(&p->f, f, path, "parameters", JSON_OBJECT);
    fields_bool(&p->f, f, path, "strict", true);   /* either way the schema is obeyed */
    if (failed(p)) return;
    if (!t->name.p)
        fields_type_error(&p->f, path, f->pos, "missing field `name`");
    else if (!tool_name_is_valid(t->name))
        fields_range_error(&p->f, "%s: a function's name has 1 to %d of the characters A-Z, a-z, "
                           "0-9, '_' and '-', unlike '%.*s'.", path, CHAT_TOOL_NAME_MAX,
                           STR_FMT(str_sub(t->name, 0, CHAT_TOOL_NAME_MAX + 1)));
    else if (t->parameters && !tool_schema_may_be_object(t->parameters))
        fields_range_error(&p->f, "Invalid request content: Schema validation failed: "
                           "tools['%.*s'].function.parameters: [unsupported] /type: parameters "
                           "must be of type \"object\"", STR_FMT(t->name));
}

static size_t find_tool(const struct chat_request *c, str name)
{
    for (size_t i = 0; i < c->n_tool; i++)
        if (str_eq(c->tool[i].name, name)) return i;
    return c->n_tool;
}

/* key: "tools", or "functions" with bare entries. */
static void read_tools(struct parse *p, const char *key, const struct json *list)
{
    struct chat_request *c = &p->out->chat;
    struct chat_tool *tool;

    if (list->n > CHAT_TOOLS_MAX) {
        fields_range_error(&p->f, "'%s' may hold at most %d tools, not %u.", key, CHAT_TOOLS_MAX,
                           list->n);
        return;
    }
    tool = arena_alloc(p->f.arena, list->n * sizeof *tool);
    c->tool = tool;
    for (uint32_t i = 0; i < list->n && !failed(p); i++) {
        char path[PATH_MAX_BYTES];

        snprintf(path, sizeof path, "%s[%u]", key, i);
        read_tool(p, &list->item[i], path, p->out->has_functions, &tool[i]);
        if (!failed(p) && find_tool(c, tool[i].name) < c->n_tool)
            fields_range_error(&p->f, "%s: there is more than one function '%.*s'.", path,
                               STR_FMT(tool[i].name));
        c->n_tool++;
    }
}

/* ---- which of them ---- */

static void choose_word(struct parse *p, const char *key, str word)
{
    static const struct { const char *word; enum chat_tool_choice choice; } row[] = {
        {"auto", TOOL_CHOICE_AUTO}, {"none", TOOL_CHOICE_NONE}, {"required", TOOL_CHOICE_REQUIRED}};
    struct chat_request *c = &p->out->chat;

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (str_is(word, row[i].word)) {
            c->tool_choice = row[i].choice;
            if (row[i].choice == TOOL_CHOICE_REQUIRED && !c->n_tool)
                fields_range_error(&p->f, "'%s' is 'required', but the request has no tools.", key);
            return;
        }
    fields_range_error(&p->f, "Invalid value for '%s': '%.*s' is none of 'none', 'auto' and "
                       "'required'.", key, STR_FMT(str_sub(word, 0, 64)));
}

static void choose_named(struct parse *p, const char *key, const struct json *v)
{
    struct chat_request *c = &p->out->chat;
    const struct json *f = fields_typed(&p->f, v, key, "function", JSON_OBJECT);
    str type = fields_str(&p->f, v, key, "type");
    str name = fields_str(&p->f, f ? f : v, key, "name");

    if (failed(p)) return;
    if (type.p && !str_is(type, "function")) {
        fields_range_error(&p->f, "Invalid value for '%s': a choice of type '%.*s' is not "
                           "supported, only 'function'.", key, STR_FMT(str_sub(type, 0, 64)));
        return;
    }
    if (!name.p) {
        fields_type_error(&p->f, key, v->pos, "missing field `name`");
        return;
    }
    c->tool_choice = TOOL_CHOICE_NAMED;
    c->tool_named = find_tool(c, name);
    if (c->tool_named == c->n_tool)
        fields_range_error(&p->f, "'%s' names the function '%.*s', which is not among the tools.",
                           key, STR_FMT(str_sub(name, 0, CHAT_TOOL_NAME_MAX)));
}

static void read_choice(struct parse *p, const char *key)
{
    const struct json *v = json_get(p->root, key);
    struct chat_request *c = &p->out->chat;

    c->tool_choice = c->n_tool ? TOOL_CHOICE_AUTO : TOOL_CHOICE_NONE;
    if (failed(p) || json_absent(v)) return;
    if (v->type == JSON_STRING)
        choose_word(p, key, v->string);
    else if (v->type == JSON_OBJECT)
        choose_named(p, key, v);
    else
        fields_type_error(&p->f, key, v->pos, "expected a string or an object");
}

void parse_tools(struct parse *p)
{
    const struct json *tools = fields_typed(&p->f, p->root, "", "tools", JSON_ARRAY);
    const struct json *functions = fields_typed(&p->f, p->root, "", "functions", JSON_ARRAY);
    bool parallel = fields_bool(&p->f, p->root, "", "parallel_tool_calls", true);

    p->out->has_functions = functions && functions->n && !(tools && tools->n);
    if (p->out->has_functions)
        read_tools(p, "functions", functions);
    else if (tools)
        read_tools(p, "tools", tools);
    read_choice(p, p->out->has_functions ? "function_call" : "tool_choice");
    p->out->chat.parallel_calls = parallel && !p->out->has_functions;
}

/* ---- the format of the text ---- */

static void json_schema(struct parse *p, const struct json *format)
{
    static const char path[] = "response_format.json_schema";
    const struct json *o = fields_typed(&p->f, format, "response_format", "json_schema",
                                        JSON_OBJECT);

    /* Responses and others write the members beside "type". */
    if (!o && json_get(format, "schema")) o = format;
    if (!o) {
        fields_type_error(&p->f, "response_format", format->pos, "missing field `json_schema`");
        return;
    }
    fields_str(&p->f, o, path, "name");
    fields_str(&p->f, o, path, "description");
    fields_bool(&p->f, o, path, "strict", true);   /* either way the schema is obeyed */
    p->out->chat.schema = fields_typed(&p->f, o, path, "schema", JSON_OBJECT);
    p->out->chat.format = FORMAT_JSON_SCHEMA;
    if (!p->out->chat.schema) fields_type_error(&p->f, path, o->pos, "missing field `schema`");
}

/* Ours: {"type": "regex", "pattern": "..."}; the whole text matches. */
static void regex(struct parse *p, const struct json *format)
{
    const struct json *v = fields_typed(&p->f, format, "response_format", "pattern", JSON_STRING);

    if (!v) {
        fields_type_error(&p->f, "response_format", format->pos, "missing field `pattern`");
        return;
    }
    p->out->chat.format = FORMAT_REGEX;
    p->out->chat.pattern = v->string;
}

void parse_format(struct parse *p)
{
    const struct json *o = fields_typed(&p->f, p->root, "", "response_format", JSON_OBJECT);
    str type = fields_str(&p->f, o, "response_format", "type");

    if (!o || failed(p) || str_is(type, "text")) return;
    if (str_is(type, "json_object"))
        p->out->chat.format = FORMAT_JSON_OBJECT;
    else if (str_is(type, "json_schema"))
        json_schema(p, o);
    else if (str_is(type, "regex"))
        regex(p, o);
    else
        fields_type_error(&p->f, "response_format", o->pos,
                          "unknown type, expected one of `text`, `json_object`, "
                          "`json_schema`, `regex`");
}
