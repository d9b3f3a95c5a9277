/* SPDX-License-Identifier: Apache-2.0
 *
 * The tools of a Responses body -> chat_tool. Functions are read as chat completions read them;
 * those inside a namespace become functions of the list, called NAMESPACE__NAME where that is short
 * enough. Tools with which the caller means to do something that no function describes are left
 * out; those that a server runs are refused.
 */
#include <stdio.h>
#include "api/chat_parse_internal.h"
#include "api/responses_internal.h"

#define PATH_BYTES 64

enum tool_kind { TOOL_FUNCTION, TOOL_NAMESPACE, TOOL_LEFT_OUT, TOOL_REFUSED };

/* The tools of a body as one list of functions. */
struct flat {
    struct responses_reader *r;
    struct json *item; /* [n], room for CHAT_TOOLS_MAX */
    uint32_t n;
    struct responses_space *space; /* [n_space], likewise */
    size_t n_space;
    char left_out[512]; /* types, separated by ", " */
};

static bool is_among(str s, const char *const *list)
{
    for (; *list; list++)
        if (str_is(s, *list)) return true;
    return false;
}

static void refuse_type(struct responses_reader *r, const char *path, str type, bool is_known)
{
    if (str_is(type, "live_search"))
        reader_refuse(r, ERR_GONE,
                      "Live search is deprecated. Please switch to the Agent Tools API");
    else if (is_known)
        fields_range_error(&r->f,
                           "%s: tools of type '%.*s' are not supported by this server "
                           "yet. Leave it out, or offer it as a tool of type 'function'.",
                           path, STR_FMT(type));
    else
        fields_range_error(&r->f, "%s: unknown tool type '%.*s', expected 'function'.", path,
                           STR_FMT(str_sub(type, 0, 64)));
}

static enum tool_kind kind_of(struct responses_reader *r, const struct json *tool, const char *path,
                              str *type)
{
    static const char *const of_server[] = {"web_search",
                                            "web_search_preview",
                                            "x_search",
                                            "code_interpreter",
                                            "code_execution",
                                            "file_search",
                                            "collections_search",
                                            "mcp",
                                            "image_generation",
                                            "attachment_search",
                                            "view_image",
                                            "view_x_video",
                                            "shell",
                                            NULL};
    static const char *const of_client[] = {"local_shell",          "custom",      "apply_patch",
                                            "computer_use_preview", "tool_search", NULL};

    *type = fields_str(&r->f, tool, path, "type");
    if (reader_failed(r)) return TOOL_REFUSED;
    if (tool->type != JSON_OBJECT || str_is(*type, "function")) return TOOL_FUNCTION;
    if (!type->p) {
        fields_type_error(&r->f, path, tool->pos, "missing field `type`");
        return TOOL_REFUSED;
    }
    if (str_is(*type, "namespace")) return TOOL_NAMESPACE;
    if (is_among(*type, of_client) && !r->in->api->strict) return TOOL_LEFT_OUT;
    refuse_type(r, path, *type, is_among(*type, of_server) || is_among(*type, of_client));
    return TOOL_REFUSED;
}

static struct json string_value(str s) { return (struct json){.type = JSON_STRING, .string = s}; }

/* The object with these members alone, and room for one more. */
static struct json only(struct arena *a, const struct json *o, const char *const *keys, size_t n)
{
    struct json out = {.type = JSON_OBJECT, .pos = o->pos};

    out.member = arena_alloc(a, (n + 1) * sizeof *out.member);
    for (size_t i = 0; i < n; i++) {
        const struct json *v = json_get(o, keys[i]);

        if (!v) continue;
        out.member[out.n++] = (struct json_member){.key = str_of(keys[i]), .value = *v};
    }
    return out;
}

/* ---- namespaces ---- */

str responses_joined_name(struct arena *a, str space, str name)
{
    if (!space.n || space.n + 2 + name.n > CHAT_TOOL_NAME_MAX) return name;
    return arena_printf(a, "%.*s__%.*s", STR_FMT(space), STR_FMT(name));
}

static bool add(struct flat *t, const struct json *tool)
{
    if (t->n == CHAT_TOOLS_MAX) {
        fields_range_error(&t->r->f,
                           "'tools' may hold at most %d tools, with those inside "
                           "namespaces.",
                           CHAT_TOOLS_MAX);
        return false;
    }
    t->item[t->n++] = *tool;
    return true;
}

/* A function of a namespace, under the joined name. */
static void add_inner(struct flat *t, str space, const struct json *tool, const char *path)
{
    static const char *const keys[] = {"type", "description", "parameters", "strict"};
    struct responses_reader *r = t->r;
    struct json f;
    str type, name, joined;

    if (kind_of(r, tool, path, &type) != TOOL_FUNCTION || tool->type != JSON_OBJECT) {
        fields_range_error(&r->f, "%s: a namespace holds tools of type 'function' only.", path);
        return;
    }
    name = fields_str(&r->f, tool, path, "name");
    if (!name.n) fields_type_error(&r->f, path, tool->pos, "missing field `name`");
    if (reader_failed(r)) return;
    joined = responses_joined_name(r->f.arena, space, name);
    f = only(r->f.arena, tool, keys, sizeof keys / sizeof keys[0]);
    f.member[f.n++] = (struct json_member){.key = STR("name"), .value = string_value(joined)};
    if (add(t, &f)) t->space[t->n_space++] = (struct responses_space){joined, space, name};
}

static void add_namespace(struct flat *t, const struct json *o, const char *path)
{
    struct fields *f = &t->r->f;
    str space = fields_str(f, o, path, "name");
    const struct json *list = fields_typed(f, o, path, "tools", JSON_ARRAY);

    fields_str(f, o, path, "description");
    if (reader_failed(t->r)) return;
    if (!space.n || !list)
        fields_type_error(f, path, o->pos,
                          space.n ? "missing field `tools`" : "missing field `name`");
    for (uint32_t i = 0; list && i < list->n && !reader_failed(t->r); i++) {
        char at[PATH_BYTES + 32];

        snprintf(at, sizeof at, "%s.tools[%u]", path, i);
        add_inner(t, space, &list->item[i], at);
    }
}

/* ---- all of them ---- */

static void leave_out(struct flat *t, str type)
{
    size_t n = strlen(t->left_out);

    if (str_find(str_of(t->left_out), type, 0) != SIZE_MAX) return;
    snprintf(t->left_out + n, sizeof t->left_out - n, "%s%.*s", n ? ", " : "", STR_FMT(type));
}

static void flatten(struct flat *t, const struct json *list)
{
    for (uint32_t i = 0; i < list->n && !reader_failed(t->r); i++) {
        const struct json *tool = &list->item[i];
        char path[PATH_BYTES];
        str type;

        snprintf(path, sizeof path, "tools[%u]", i);
        switch (kind_of(t->r, tool, path, &type)) {
        case TOOL_FUNCTION: add(t, tool); break;
        case TOOL_NAMESPACE: add_namespace(t, tool, path); break;
        case TOOL_LEFT_OUT: leave_out(t, type); break;
        case TOOL_REFUSED: break;
        }
    }
}

/* {"type": "function", "function": {...}}: the one form that templates know. */
static const struct json *chat_shape(struct arena *a, const struct chat_tool *t)
{
    struct json_member *outer = arena_alloc(a, 2 * sizeof *outer);
    struct json_member *inner = arena_alloc(a, 3 * sizeof *inner);
    struct json *v = arena_new_of(a, struct json);
    uint32_t n = 0;

    inner[n++] = (struct json_member){.key = STR("name"), .value = string_value(t->name)};
    if (t->description.p)
        inner[n++] =
            (struct json_member){.key = STR("description"), .value = string_value(t->description)};
    if (t->parameters)
        inner[n++] = (struct json_member){.key = STR("parameters"), .value = *t->parameters};
    outer[0] = (struct json_member){.key = STR("type"), .value = string_value(STR("function"))};
    outer[1] = (struct json_member){.key = STR("function"),
                                    .value = {.type = JSON_OBJECT, .n = n, .member = inner}};
    *v = (struct json){.type = JSON_OBJECT, .n = 2, .member = outer};
    return v;
}

/* Reads them as chat completions do, which knows the flat spelling too. tools: NULL: none. */
static void read_functions(struct responses_reader *r, const struct json *tools)
{
    static const char *const keys[] = {"tool_choice", "parallel_tool_calls"};
    struct arena *a = r->f.arena;
    struct json root = only(a, r->in->root, keys, sizeof keys / sizeof keys[0]);
    struct chat_params as_chat = {0};
    struct parse p = {.f = r->f, .root = &root, .out = &as_chat};
    struct chat_request *c = &r->out->chat;
    struct chat_tool *tool;

    if (tools) root.member[root.n++] = (struct json_member){.key = STR("tools"), .value = *tools};
    parse_tools(&p);
    r->f.rc = p.f.rc;
    if (reader_failed(r)) return;
    tool = arena_alloc(a, as_chat.chat.n_tool * sizeof *tool + 1);
    for (size_t i = 0; i < as_chat.chat.n_tool; i++) {
        tool[i] = as_chat.chat.tool[i];
        tool[i].source = chat_shape(a, &tool[i]);
    }
    c->tool = tool;
    c->n_tool = as_chat.chat.n_tool;
    c->tool_choice = as_chat.chat.tool_choice;
    c->tool_named = as_chat.chat.tool_named;
    c->parallel_calls = as_chat.chat.parallel_calls;
}

void responses_read_tools(struct responses_reader *r)
{
    const struct json *list = fields_typed(&r->f, r->in->root, "", "tools", JSON_ARRAY);
    struct flat t = {.r = r};
    struct json tools;

    r->out->tools = list;
    if (list && list->n <= CHAT_TOOLS_MAX) { /* else read_functions refuses it */
        t.item = arena_alloc(r->f.arena, CHAT_TOOLS_MAX * sizeof *t.item);
        t.space = arena_alloc(r->f.arena, CHAT_TOOLS_MAX * sizeof *t.space);
        flatten(&t, list);
        tools = (struct json){.type = JSON_ARRAY, .n = t.n, .pos = list->pos, .item = t.item};
        r->out->space = t.space;
        r->out->n_space = t.n_space;
        r->out->left_out = arena_str(r->f.arena, str_of(t.left_out));
        list = &tools;
    }
    if (reader_failed(r)) return;
    read_functions(r, list);
    r->out->tool_choice = json_get(r->in->root, "tool_choice");
    if (json_absent(r->out->tool_choice)) r->out->tool_choice = NULL;
}
