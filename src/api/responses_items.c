/* SPDX-License-Identifier: Apache-2.0
 *
 * Items -> messages. What the model said stands in several items: reasoning, text and calls that
 * follow one another in this order are one message of the assistant. Items of tools that ran on a
 * server are kept, but not shown to the model.
 *
 * Items as they are kept: with a type, an id and a list of parts, whatever the client left out.
 */
#include <stdio.h>
#include "api/responses_internal.h"

#define ARGUMENTS_BYTES_MAX (1u << 20) /* of one call */
#define KEPT_BYTES_MAX ((size_t)512 << 20)     /* JSON of one item */
#define PATH_BYTES 64

struct items {
    struct responses_reader *r;
    struct chat_message *message;      /* [n], room for all items */
    size_t n;
    struct chat_tool_call *call;       /* [n_call] of all messages, in order */
    size_t n_call;
    bool is_open;                      /* the last message is the assistant's and may go on */
};

enum item_kind {
    KIND_MESSAGE, KIND_CALL, KIND_RESULT, KIND_REASONING, KIND_SUMMARY, KIND_REFERENCE, KIND_SERVER,
    KIND_REFUSED
};

static const struct { const char *type; enum item_kind kind; const char *prefix; } kinds[] = {
    {"message", KIND_MESSAGE, "msg"}, {"function_call", KIND_CALL, "fc"},
    {"function_call_output", KIND_RESULT, "fco"}, {"reasoning", KIND_REASONING, "rs"},
    {"item_reference", KIND_REFERENCE, "ref"}, {"web_search_call", KIND_SERVER, "ws"},
    {"x_search_call", KIND_SERVER, "xs"}, {"custom_tool_call", KIND_SERVER, "ctc"},
    {"code_interpreter_call", KIND_SERVER, "ci"}, {"file_search_call", KIND_SERVER, "fs"},
    {"mcp_call", KIND_SERVER, "mcp"}, {"mcp_list_tools", KIND_SERVER, "mcpl"},
    {"image_generation_call", KIND_SERVER, "ig"}, {"shell_call", KIND_REFUSED, "sc"},
    {"shell_call_output", KIND_REFUSED, "sco"}, {"compaction", KIND_SUMMARY, "cmp"},
    {"custom_tool_call_output", KIND_REFUSED, "cto"},
};
#define N_KIND (sizeof kinds / sizeof kinds[0])

static str type_of(const struct json *item)
{
    const struct json *v = json_get(item, "type");

    return v && v->type == JSON_STRING ? v->string : STR("message");
}

static size_t row_of(str type)
{
    for (size_t i = 0; i < N_KIND; i++)
        if (str_is(type, kinds[i].type)) return i;
    return N_KIND;
}

/* ---- text ---- */

static str part_text(struct items *s, const struct json *part, const char *path)
{
    struct fields *f = &s->r->f;
    str type = fields_str(f, part, path, "type");
    const char *key = str_is(type, "refusal") ? "refusal" : "text";

    if (part->type != JSON_OBJECT) {
        fields_type_error(f, path, part->pos, "expected an object with a type");
    } else if (str_is(type, "input_text") || str_is(type, "output_text") || str_is(type, "text") ||
               str_is(type, "refusal")) {
        if (json_absent(json_get(part, key)))
            fields_type_error(f, path, part->pos, "missing field `text`");
        return fields_str(f, part, path, key);
    } else if (str_is(type, "input_image") || str_is(type, "image_url")) {
        reader_refuse(s->r, ERR_ARG, "This model does not accept images. Send text parts only.");
    } else if (str_is(type, "input_file")) {
        reader_refuse(s->r, ERR_ARG, "Parts of type 'input_file' are not supported by this server "
                                     "yet. Send the file's text as 'input_text'.");
    } else {
        fields_type_error(f, path, part->pos,
                          "unknown content part type, expected one of `input_text`, "
                          "`output_text`, `refusal`");
    }
    return STR_NONE;
}

static str join_parts(struct items *s, const struct json *list, const char *path)
{
    struct fields *f = &s->r->f;
    size_t n = 0;
    char *joined;
    str *text;

    if (list->n > CHAT_PARTS_MAX) {
        fields_range_error(f, "%s has %u parts, at most %d are allowed.", path, list->n,
                           CHAT_PARTS_MAX);
        return STR_NONE;
    }
    text = arena_try_array(f->arena, list->n, sizeof *text);
    if (!text) reader_refuse(s->r, ERR_LIMIT, "The input is too long.");
    for (uint32_t i = 0; i < list->n && !reader_failed(s->r); i++) {
        char at[PATH_BYTES + 32];

        snprintf(at, sizeof at, "%s[%u]", path, i);
        text[i] = part_text(s, &list->item[i], at);
        n += text[i].n;
    }
    if (reader_failed(s->r) || !list->n) return STR_NONE;
    if (list->n == 1) return text[0];
    joined = arena_try(f->arena, n + 1);
    if (!joined) {
        reader_refuse(s->r, ERR_LIMIT, "The input is too long.");
        return STR_NONE;
    }
    n = 0;
    for (uint32_t i = 0; i < list->n; i++) {
        if (text[i].n) memcpy(joined + n, text[i].p, text[i].n);
        n += text[i].n;
    }
    return str_n(joined, n);
}

/* A string, or parts; key: "content", "output". */
static str text_of(struct items *s, const struct json *item, const char *path, const char *key)
{
    const struct json *v = json_get(item, key);
    char at[PATH_BYTES + 16];

    snprintf(at, sizeof at, "%s.%s", path, key);
    if (json_absent(v))
        fields_type_error(&s->r->f, at, item->pos, "missing field");
    else if (v->type == JSON_STRING)
        return v->string;
    else if (v->type == JSON_ARRAY)
        return join_parts(s, v, at);
    else
        fields_type_error(&s->r->f, at, v->pos, "expected a string or an array of parts");
    return STR_NONE;
}

/* ---- one item -> messages ---- */

static struct chat_message *add(struct items *s, enum chat_role role)
{
    s->message[s->n] = (struct chat_message){.role = role};
    s->is_open = role == ROLE_ASSISTANT;
    return &s->message[s->n++];
}

static struct chat_message *last(struct items *s)
{
    return s->is_open ? &s->message[s->n - 1] : NULL;
}

static enum chat_role role_of(struct items *s, const struct json *item, const char *path)
{
    static const enum chat_role allowed[] = {ROLE_USER, ROLE_ASSISTANT, ROLE_SYSTEM,
                                             ROLE_DEVELOPER};
    const struct json *v = fields_typed(&s->r->f, item, path, "role", JSON_STRING);

    if (!v) {
        fields_type_error(&s->r->f, path, item->pos, "missing field `role`");
        return ROLE_USER;
    }
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (str_is(v->string, chat_role_name[allowed[i]])) return allowed[i];
    fields_type_error(&s->r->f, path, v->pos,
                      "unknown role, expected one of `user`, `assistant`, `system`, `developer`");
    return ROLE_USER;
}

static void message_item(struct items *s, const struct json *item, const char *path)
{
    enum chat_role role = role_of(s, item, path);
    str text = text_of(s, item, path, "content");
    str name = fields_str(&s->r->f, item, path, "name");
    const struct json *content = json_get(item, "content");
    struct chat_message *m = last(s);

    if (reader_failed(s->r)) return;
    if (content->type == JSON_ARRAY && content->n == 0 && role != ROLE_ASSISTANT) {
        fields_range_error(&s->r->f, "Invalid request content: Each message must have at least "
                           "one content element. (%s)", path);
        return;
    }
    if (role != ROLE_ASSISTANT || !m || m->text.n || m->n_call) m = add(s, role);
    m->text = text;
    m->name = name;
}

static void call_item(struct items *s, const struct json *item, const char *path)
{
    struct fields *f = &s->r->f;
    struct chat_tool_call *c = &s->call[s->n_call];
    struct chat_message *m = last(s);
    str space;

    *c = (struct chat_tool_call){fields_str(f, item, path, "call_id"),
                                 fields_str(f, item, path, "name"),
                                 fields_str(f, item, path, "arguments")};
    space = fields_str(f, item, path, "namespace");
    if (reader_failed(s->r)) return;
    if (!c->id.p) fields_type_error(f, path, item->pos, "missing field `call_id`");
    if (!c->name.p) fields_type_error(f, path, item->pos, "missing field `name`");
    c->name = responses_joined_name(f->arena, space, c->name);
    if (!c->arguments.n) c->arguments = STR("{}");
    if (c->arguments.n > ARGUMENTS_BYTES_MAX)
        fields_range_error(f, "The arguments to a tool_call with ID '%.*s' have %zu bytes, at most "
                           "%u are allowed.", STR_FMT(str_sub(c->id, 0, 64)), c->arguments.n,
                           ARGUMENTS_BYTES_MAX);
    if (!m) m = add(s, ROLE_ASSISTANT);
    if (!m->n_call) m->call = c;
    m->n_call++;
    s->n_call++;
}

static void result_item(struct items *s, const struct json *item, const char *path)
{
    struct fields *f = &s->r->f;
    str id = fields_str(f, item, path, "call_id");
    str text = text_of(s, item, path, "output");
    struct chat_message *m;

    if (!reader_failed(s->r) && !id.p)
        fields_type_error(f, path, item->pos, "missing field `call_id`");
    if (reader_failed(s->r)) return;
    m = add(s, ROLE_TOOL);
    m->tool_call_id = id;
    m->text = text;
}

/* The texts of a list of {"text"}, one after another. */
static str joined_texts(struct items *s, const struct json *item, const char *path,
                        const char *key)
{
    const struct json *list = fields_typed(&s->r->f, item, path, key, JSON_ARRAY);
    struct buf b;
    char *p;
    str out = STR_NONE;

    if (!list || !list->n) return STR_NONE;
    buf_init(&b, KEPT_BYTES_MAX);
    for (uint32_t i = 0; i < list->n; i++) {
        str text = fields_str(&s->r->f, &list->item[i], path, "text");

        if (b.n && text.n) buf_add(&b, STR("\n\n"));
        buf_add(&b, text);
    }
    p = arena_try(s->r->f.arena, b.n + 1);
    if (!p || b.bad)
        reader_refuse(s->r, ERR_LIMIT, "The input is too long.");
    else if (b.n)
        out = str_n(memcpy(p, b.p, b.n), b.n);
    buf_done(&b);
    return out;
}

/* What was thought: sealed text before all, then the trace, then the summary. */
static str thoughts(struct items *s, const struct json *item, const char *path)
{
    const struct responses_in *in = s->r->in;
    str sealed = fields_str(&s->r->f, item, path, "encrypted_content");
    str summary, trace, text;

    if (sealed.n) {
        if (!reader_failed(s->r))
            s->r->f.rc = seal_open(in->key, in->team_id, sealed, s->r->f.arena, &text, s->r->f.e);
        return reader_failed(s->r) ? STR_NONE : text;
    }
    summary = joined_texts(s, item, path, "summary");
    trace = joined_texts(s, item, path, "content");
    return trace.n ? trace : summary;
}

static void reasoning_item(struct items *s, const struct json *item, const char *path)
{
    str text = thoughts(s, item, path);
    struct chat_message *m = last(s);

    if (reader_failed(s->r) || !text.n) return;
    if (!m || m->reasoning.n || m->text.n || m->n_call) m = add(s, ROLE_ASSISTANT);
    m->reasoning = text;
}

str responses_summary_context(str team_id, struct arena *a)
{
    return arena_printf(a, "summary %.*s", STR_FMT(team_id));
}

/* What a compaction made of a conversation. */
static void summary_item(struct items *s, const struct json *item, const char *path)
{
    const struct responses_in *in = s->r->in;
    struct arena *a = s->r->f.arena;
    str sealed = fields_str(&s->r->f, item, path, "encrypted_content");
    str text;

    if (reader_failed(s->r)) return;
    if (!sealed.n) {
        fields_type_error(&s->r->f, path, item->pos, "missing field `encrypted_content`");
        return;
    }
    s->r->f.rc = seal_open(in->key, responses_summary_context(in->team_id, a), sealed, a, &text,
                           s->r->f.e);
    if (!reader_failed(s->r)) add(s, ROLE_SYSTEM)->text = text;
}

static void unknown_item(struct items *s, const struct json *item, size_t row, const char *path)
{
    if (row == N_KIND)
        fields_type_error(&s->r->f, path, item->pos,
                          "unknown item type, expected one of `message`, `function_call`, "
                          "`function_call_output`, `reasoning`, `item_reference`");
    else
        fields_range_error(&s->r->f, "%s: items of type '%s' are not supported by this server yet. "
                           "Leave the item out, or send its content as a message.", path,
                           kinds[row].type);
}

static void one_item(struct items *s, const struct json *item, const char *path)
{
    size_t row;

    if (item->type != JSON_OBJECT) {
        fields_type_error(&s->r->f, path, item->pos, "expected an object");
        return;
    }
    fields_str(&s->r->f, item, path, "type");
    fields_str(&s->r->f, item, path, "id");
    row = row_of(type_of(item));
    switch (row < N_KIND ? kinds[row].kind : KIND_REFUSED) {
    case KIND_MESSAGE: message_item(s, item, path); break;
    case KIND_CALL: call_item(s, item, path); break;
    case KIND_RESULT: result_item(s, item, path); break;
    case KIND_REASONING: reasoning_item(s, item, path); break;
    case KIND_SUMMARY: summary_item(s, item, path); break;
    case KIND_SERVER: break;
    case KIND_REFERENCE:               /* of a reference: none is kept */
    case KIND_REFUSED: unknown_item(s, item, row, path); break;
    }
}

/* ---- items as they are kept ---- */

static void kept_content(struct json_writer *w, const struct json *item)
{
    const struct json *content = json_get(item, "content"), *role = json_get(item, "role");
    bool is_assistant = role && role->type == JSON_STRING && str_is(role->string, "assistant");

    jw_key(w, "content");
    if (!content || content->type != JSON_STRING) {
        jw_value(w, content);
        return;
    }
    jw_array(w);
    jw_object(w);
    jw_kv_cstring(w, "type", is_assistant ? "output_text" : "input_text");
    jw_kv_string(w, "text", content->string);
    if (is_assistant) {
        jw_key(w, "annotations");
        jw_array(w);
        jw_array_end(w);
    }
    jw_object_end(w);
    jw_array_end(w);
}

static void kept_members(struct json_writer *w, const struct json *item, str id)
{
    bool is_message = str_is(type_of(item), "message");

    jw_object(w);
    jw_kv_string(w, "type", type_of(item));
    jw_kv_string(w, "id", id);
    if (json_absent(json_get(item, "status")) && !str_is(type_of(item), "reasoning"))
        jw_kv_cstring(w, "status", "completed");
    for (uint32_t i = 0; i < item->n; i++) {
        const struct json_member *m = &item->member[i];

        if (str_is(m->key, "type") || str_is(m->key, "id") || m->value.type == JSON_NULL) continue;
        if (is_message && str_is(m->key, "content")) {
            kept_content(w, item);
            continue;
        }
        jw_key_str(w, m->key);
        jw_value(w, &m->value);
    }
    jw_object_end(w);
}

/* The item's own id, or one of the response. */
static str kept_id(struct responses_reader *r, const struct json *item)
{
    const struct json *v = json_get(item, "id");
    size_t row = row_of(type_of(item));

    if (v && v->type == JSON_STRING && v->string.n) return arena_str(r->in->keep, v->string);
    return arena_printf(r->in->keep, "%s_%.*s_in_%zu", row < N_KIND ? kinds[row].prefix : "item",
                        STR_FMT(r->in->id), r->out->n_kept);
}

static void keep(struct responses_reader *r, const struct json *item)
{
    struct response_item *k = &r->out->kept[r->out->n_kept];
    struct json_writer w;
    struct buf b;
    char *p;

    if (reader_failed(r)) return;
    *k = (struct response_item){.id = kept_id(r, item)};
    buf_init(&b, KEPT_BYTES_MAX);
    jw_init(&w, &b);
    kept_members(&w, item, k->id);
    p = b.bad ? NULL : arena_try(r->in->keep, b.n);
    if (p) {
        k->body = str_n(memcpy(p, b.p, b.n), b.n);
        r->out->n_kept++;
    } else {
        reader_refuse(r, ERR_LIMIT, "The input is too long to be stored: send \"store\": false.");
    }
    buf_done(&b);
}

/* ---- all of them ---- */

/* What an item_reference stands for; the item itself when it is none. */
static const struct json *resolved(struct items *s, const struct json *item, const char *path)
{
    struct responses_reader *r = s->r;
    const struct json *found = item;
    str id;

    if (item->type != JSON_OBJECT || !str_is(type_of(item), "item_reference")) return item;
    id = fields_str(&r->f, item, path, "id");
    if (reader_failed(r)) return item;
    if (!id.n || !r->in->find_item)
        fields_range_error(&r->f, "%s: an item_reference needs the `id` of a stored item.", path);
    else
        r->f.rc = r->in->find_item(r->in->find_arg, id, &found, r->f.e);
    return found;
}

static void history_items(struct items *s)
{
    const struct json *list = s->r->in->history;

    if (!list) return;
    s->r->f.body = s->r->in->history_text;
    for (uint32_t i = 0; i < list->n && !reader_failed(s->r); i++) {
        char path[PATH_BYTES];

        snprintf(path, sizeof path, "previous_response[%u]", i);
        one_item(s, &list->item[i], path);
    }
    s->r->f.body = s->r->in->body;
}

static void input_items(struct items *s, const struct json *list)
{
    struct responses_reader *r = s->r;

    for (uint32_t i = 0; i < list->n && !reader_failed(r); i++) {
        const struct json *item;
        char path[PATH_BYTES];

        snprintf(path, sizeof path, "input[%u]", i);
        item = resolved(s, &list->item[i], path);
        if (reader_failed(r)) return;
        one_item(s, item, path);
        if (r->out->store) keep(r, item);
    }
}

/* {"role": "user", "content": <text>} */
static const struct json *text_item(struct responses_reader *r, const struct json *text)
{
    struct json_member *m = arena_alloc(r->f.arena, 2 * sizeof *m);
    struct json *item = arena_new_of(r->f.arena, struct json);

    m[0] = (struct json_member){.key = STR("role"),
                                .value = {.type = JSON_STRING, .string = STR("user")}};
    m[1] = (struct json_member){.key = STR("content"), .value = *text};
    *item = (struct json){.type = JSON_OBJECT, .n = 2, .pos = text->pos, .member = m};
    return item;
}

/* `input` as a list of items; NULL after an error. */
static const struct json *input_list(struct responses_reader *r)
{
    const struct json *v = json_get(r->in->root, "input");
    struct json *list;

    if (json_absent(v) && r->in->may_lack_input && r->in->history) {
        list = arena_new_of(r->f.arena, struct json);
        list->type = JSON_ARRAY;
        return list;
    }
    if (json_absent(v)) {
        fields_type_error(&r->f, "input", r->in->root->pos, "missing field `input`");
        return NULL;
    }
    if (v->type == JSON_STRING) {
        list = arena_new_of(r->f.arena, struct json);
        *list = (struct json){.type = JSON_ARRAY, .n = 1, .pos = v->pos,
                              .item = (struct json *)(uintptr_t)text_item(r, v)};
        return list;
    }
    if (v->type == JSON_ARRAY) return v;
    fields_type_error(&r->f, "input", v->pos, "expected a string or an array of items");
    return NULL;
}

static bool make_room(struct items *s, size_t n)
{
    struct responses_reader *r = s->r;

    s->message = arena_try_array(r->f.arena, n + 1, sizeof *s->message);
    s->call = arena_try_array(r->f.arena, n + 1, sizeof *s->call);
    r->out->kept = arena_try_array(r->in->keep, n + 1, sizeof *r->out->kept);
    if (s->message && s->call && r->out->kept) return true;
    reader_refuse(r, ERR_LIMIT, "The input has too many items.");
    return false;
}

void responses_read_items(struct responses_reader *r)
{
    const struct json *list = reader_failed(r) ? NULL : input_list(r);
    size_t before = r->in->history ? r->in->history->n : 0;
    str instructions = r->out->instructions.n ? r->out->instructions : r->in->inherited;
    struct items s = {.r = r};

    if (!list) return;
    if (list->n + before > RESPONSES_ITEMS_MAX) {
        fields_range_error(&r->f, "'input' and the conversation before it have %zu items, at most "
                           "%d are allowed.", list->n + before, RESPONSES_ITEMS_MAX);
        return;
    }
    if (!make_room(&s, list->n + before + 1)) return;
    if (instructions.n) add(&s, ROLE_SYSTEM)->text = instructions;
    history_items(&s);
    input_items(&s, list);
    if (!reader_failed(r) && s.n == 0)
        fields_range_error(&r->f, "'input' must hold at least one item that the model can read.");
    r->out->chat.message = s.message;
    r->out->chat.n_message = s.n;
}
