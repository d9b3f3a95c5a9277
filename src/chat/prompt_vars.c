/* SPDX-License-Identifier: Apache-2.0
 *
 * The variables of a template, as a JSON tree made by hand: the template reads a tree, so no text
 * is written and parsed.
 */
#include "chat/prompt_internal.h"
#include "base/hash.h"

#define VARS_MAX 8
#define MESSAGE_FIELDS_MAX 7
/* Arguments of calls become a tree only while the arena keeps this much for everything else, and
 * room for the largest tree that text of n bytes can give. */
#define ARGUMENTS_RESERVE ((size_t)96 << 20)
#define ARGUMENTS_TREE_FACTOR 64
#define SHORT_ID_LEN 9

/* Where variables are made. Once the arena is full everything fails: the tree is not used. */
struct maker {
    const struct chat_model *model;
    const struct prompt_form *form;
    struct arena *arena;
    bool failed;
};

static struct json string_value(str s)
{
    return (struct json){.type = JSON_STRING, .string = s};
}

static struct json bool_value(bool b)
{
    return (struct json){.type = JSON_BOOL, .boolean = b};
}

struct object { struct json_member *member; uint32_t n; };

/* Room for max members; without memory one that takes none. */
static struct object object_of(struct maker *k, size_t max)
{
    struct object o = {arena_try_array(k->arena, max, sizeof(struct json_member)), 0};

    if (!o.member) k->failed = true;
    return o;
}

static void put(struct object *o, const char *key, struct json value)
{
    if (o->member)
        o->member[o->n++] = (struct json_member){.key = str_of(key), .value = value};
}

static struct json object_value(const struct object *o)
{
    return (struct json){.type = JSON_OBJECT, .n = o->n, .member = o->member};
}

static struct json *array_of(struct maker *k, size_t n)
{
    struct json *item = arena_try_array(k->arena, n, sizeof *item);

    if (!item) k->failed = true;
    return item;
}

static struct json array_value(struct json *item, size_t n)
{
    return (struct json){.type = JSON_ARRAY, .n = (uint32_t)n, .item = item};
}

/* ---- calls ---- */

static bool is_short_id(str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return id.n == SHORT_ID_LEN;
}

/* One id always gives one short id, so prefixes stay the same from turn to turn. */
static struct json id_value(struct maker *k, str id)
{
    static const char digit[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint64_t h;
    char *p;

    if (!k->model->short_ids || is_short_id(id)) return string_value(id);
    p = arena_try(k->arena, SHORT_ID_LEN);
    if (!p) {
        k->failed = true;
        return string_value(STR_NONE);
    }
    h = hash_fixed(0, id.p, id.n);
    for (size_t i = 0; i < SHORT_ID_LEN; i++, h /= 36) p[i] = digit[h % 36];
    return string_value(str_n(p, SHORT_ID_LEN));
}

/* Only text that is a JSON object counts, and that is not too large to become a tree. */
static bool arguments_value(struct maker *k, str text, struct json *out)
{
    size_t left = arena_left(k->arena);
    struct json *v;
    struct error ignored;

    if (left < ARGUMENTS_RESERVE || text.n > (left - ARGUMENTS_RESERVE) / ARGUMENTS_TREE_FACTOR)
        return false;
    if (json_parse(text, k->arena, &v, &ignored) != ERR_OK || v->type != JSON_OBJECT) return false;
    *out = k->model->text_arguments ? string_value(text) : *v;
    return true;
}

/* False when a call is not what templates expect: then the message is put as text. */
static bool calls_value(struct maker *k, const struct chat_message *m, struct json *out)
{
    struct json *item = array_of(k, m->n_call);

    if (!item) return false;
    for (size_t i = 0; i < m->n_call; i++) {
        struct object call = object_of(k, 3), function = object_of(k, 2);
        struct json arguments;

        if (!arguments_value(k, m->call[i].arguments, &arguments)) return false;
        put(&function, "name", string_value(m->call[i].name));
        put(&function, "arguments", arguments);
        put(&call, "id", id_value(k, m->call[i].id));
        put(&call, "type", string_value(STR("function")));
        put(&call, "function", object_value(&function));
        item[i] = object_value(&call);
    }
    *out = array_value(item, m->n_call);
    return true;
}

/* ---- messages ---- */

static struct json message_value(struct maker *k, const struct chat_message *m)
{
    struct object o = object_of(k, MESSAGE_FIELDS_MAX);
    /* Templates know "system"; the newer name means the same. */
    enum chat_role role = m->role == ROLE_DEVELOPER ? ROLE_SYSTEM
                          : m->role == ROLE_FUNCTION ? ROLE_TOOL : m->role;
    bool has_calls = false;
    str text = m->text;
    struct json calls;

    if (m->n_call) {
        has_calls = calls_value(k, m, &calls);
        if (!has_calls && !prompt_calls_as_text(k->model, m, k->arena, &text)) k->failed = true;
    }
    put(&o, "role", string_value(str_of(chat_role_name[role])));
    put(&o, "content", string_value(text));
    if (m->name.n) put(&o, "name", string_value(m->name));
    if (m->reasoning.n) put(&o, "reasoning_content", string_value(m->reasoning));
    /* Such templates keep it beside calls only, and refuse it beside text. */
    if (m->reasoning.n && k->model->thinking_field && has_calls && text.n == 0)
        put(&o, "thinking", string_value(m->reasoning));
    if (m->tool_call_id.n || (role == ROLE_TOOL && k->model->short_ids))
        put(&o, "tool_call_id", id_value(k, m->tool_call_id));
    if (has_calls) put(&o, "tool_calls", calls);
    return object_value(&o);
}

static struct json messages_value(struct maker *k, const struct history *h)
{
    struct json *item = array_of(k, h->n);

    for (size_t i = 0; i < h->n && !k->failed; i++) item[i] = message_value(k, &h->message[i]);
    return array_value(item, k->failed ? 0 : h->n);
}

/* ---- tools ---- */

/* What many templates take for granted: a description, and parameters with properties. */
static struct json whole_tool(struct maker *k, const struct chat_tool *t)
{
    struct object tool = object_of(k, 2), function = object_of(k, 3), none = object_of(k, 2);
    struct json empty = {.type = JSON_OBJECT};

    put(&none, "type", string_value(STR("object")));
    put(&none, "properties", empty);
    put(&function, "name", string_value(t->name));
    put(&function, "description", string_value(t->description));
    put(&function, "parameters",
        t->parameters && json_get(t->parameters, "properties") ? *t->parameters
                                                               : object_value(&none));
    put(&tool, "type", string_value(STR("function")));
    put(&tool, "function", object_value(&function));
    return object_value(&tool);
}

static struct json tools_value(struct maker *k, const struct chat_request *r)
{
    struct json *item = array_of(k, r->n_tool);

    for (size_t i = 0; i < r->n_tool && !k->failed; i++)
        item[i] = k->form->whole_tools ? whole_tool(k, &r->tool[i]) : *r->tool[i].source;
    return array_value(item, k->failed ? 0 : r->n_tool);
}

/* Templates that know efforts know these three. */
static const char *effort_word(enum chat_effort effort)
{
    if (effort == EFFORT_MEDIUM) return "medium";
    return effort < EFFORT_MEDIUM ? "low" : "high";
}

struct json *prompt_vars(const struct chat_model *m, const struct chat_request *r,
                         const struct prompt_form *form, struct arena *a)
{
    struct maker k = {.model = m, .form = form, .arena = a};
    struct json *root = arena_try(a, sizeof *root);
    struct object o = object_of(&k, VARS_MAX);
    struct history h;

    if (!root || k.failed || !prompt_history(m, r, form, a, &h)) return NULL;
    put(&o, "messages", messages_value(&k, &h));
    if (form->tools && chat_may_call(r)) put(&o, "tools", tools_value(&k, r));
    put(&o, "add_generation_prompt", bool_value(true));
    put(&o, "bos_token", string_value(vocab_piece(m->vocab, vocab_bos(m->vocab))));
    put(&o, "eos_token", string_value(vocab_piece(m->vocab, vocab_eos(m->vocab))));
    if (r->thinking != THINKING_DEFAULT)
        put(&o, "enable_thinking", bool_value(r->thinking == THINKING_ON));
    if (r->effort != EFFORT_DEFAULT)
        put(&o, "reasoning_effort", string_value(str_of(effort_word(r->effort))));
    *root = object_value(&o);
    return k.failed ? NULL : root;
}
