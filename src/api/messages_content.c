/* SPDX-License-Identifier: Apache-2.0
 *
 * Anthropic's messages -> chat messages. A turn of content blocks becomes one message, but each
 * tool result in it a message of its own, in order. Blocks of text are apart by an empty line.
 */
#include <stdio.h>
#include "api/messages_internal.h"

#define PATH_BYTES 96
#define CALLS_MAX 1024                 /* in one message */
#define ARGUMENTS_BYTES_MAX (1u << 20) /* of one call */
#define BETWEEN "\n\n"

/* One message of the body, while its blocks are read. */
struct turn {
    struct reading *p;
    enum chat_role role;
    str *text, *thought;               /* [block] */
    size_t n_text, n_thought;
    struct chat_tool_call *call;       /* [block] */
    size_t n_call;
    bool has_result;
};

/* ---- blocks ---- */

static str required(struct turn *t, const struct json *block, const char *path, const char *key)
{
    str s = fields_str(&t->p->f, block, path, key);

    if (!s.p && !reading_failed(t->p))
        fields_type_error(&t->p->f, path, block->pos,
                          arena_printf(t->p->f.arena, "missing field `%s`", key).p);
    return s;
}

static str join(struct reading *p, str before, const str *text, size_t n)
{
    size_t bytes = before.n, at = 0;
    char *joined;

    if (n == 0) return before;
    if (n == 1 && !before.n) return text[0];
    for (size_t i = 0; i < n; i++) bytes += text[i].n + strlen(BETWEEN);
    joined = reading_take(p, bytes, 1);
    if (!joined) return STR_NONE;
    if (before.n) memcpy(joined, before.p, before.n);
    at = before.n;
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            memcpy(joined + at, BETWEEN, strlen(BETWEEN));
            at += strlen(BETWEEN);
        }
        if (text[i].n) memcpy(joined + at, text[i].p, text[i].n);
        at += text[i].n;
    }
    return str_n(joined, at);
}

static void flush_text(struct turn *t)
{
    struct chat_message m = {.role = t->role, .text = join(t->p, STR_NONE, t->text, t->n_text)};

    if (t->n_text) reading_add(t->p, &m);
    t->n_text = 0;
}

static void text_block(struct turn *t, const struct json *block, const char *path)
{
    t->text[t->n_text++] = required(t, block, path, "text");
}

static void thinking_block(struct turn *t, const struct json *block, const char *path)
{
    t->thought[t->n_thought++] = required(t, block, path, "thinking");
    fields_str(&t->p->f, block, path, "signature");
}

/* Never ours: what it hides was another server's. */
static void redacted_block(struct turn *t, const struct json *block, const char *path)
{
    fields_str(&t->p->f, block, path, "data");
}

/* The object as JSON text, as calls have their arguments. */
static str input_text(struct turn *t, const struct json *input, const char *path)
{
    struct json_writer w;
    struct buf b;
    char *copy;
    str out = STR_NONE;

    buf_init(&b, ARGUMENTS_BYTES_MAX);
    jw_init(&w, &b);
    jw_value(&w, input);
    if (b.bad)
        fields_range_error(&t->p->f, "%s.input has more than %u bytes.", path,
                           ARGUMENTS_BYTES_MAX);
    else if ((copy = reading_take(t->p, b.n, 1)))
        out = str_n(memcpy(copy, b.p, b.n), b.n);
    buf_done(&b);
    return out;
}

static void call_block(struct turn *t, const struct json *block, const char *path)
{
    const struct json *input = fields_typed(&t->p->f, block, path, "input", JSON_OBJECT);
    struct chat_tool_call *c = &t->call[t->n_call++];

    c->id = required(t, block, path, "id");
    c->name = required(t, block, path, "name");
    c->arguments = STR("{}");
    if (t->n_call > CALLS_MAX || ++t->p->n_call > CHAT_CALLS_MAX)
        fields_range_error(&t->p->f, "%s: at most %d calls in a message and %d in all are "
                           "allowed.", path, CALLS_MAX, CHAT_CALLS_MAX);
    else if (input && !reading_failed(t->p))
        c->arguments = input_text(t, input, path);
}

/* A string, a list of text blocks, or nothing. */
static str result_text(struct turn *t, const struct json *block, const char *path, str before);

static void result_block(struct turn *t, const struct json *block, const char *path)
{
    bool is_error = fields_bool(&t->p->f, block, path, "is_error", false);
    struct chat_message m = {.role = ROLE_TOOL};

    flush_text(t);
    t->has_result = true;
    m.tool_call_id = required(t, block, path, "tool_use_id");
    m.text = result_text(t, block, path, is_error ? STR("Error: ") : STR_NONE);
    reading_add(t->p, &m);
}

/* ---- kinds of blocks ---- */

#define IN(role) (1u << (role))

static const struct kind {
    const char *type;
    unsigned roles;
    void (*read)(struct turn *t, const struct json *block, const char *path);
} kinds[] = {
    {"text", IN(ROLE_USER) | IN(ROLE_ASSISTANT) | IN(ROLE_SYSTEM) | IN(ROLE_TOOL), text_block},
    {"tool_use", IN(ROLE_ASSISTANT), call_block},
    {"thinking", IN(ROLE_ASSISTANT), thinking_block},
    {"redacted_thinking", IN(ROLE_ASSISTANT), redacted_block},
    {"tool_result", IN(ROLE_USER), result_block},
};

static void refuse_kind(struct turn *t, const char *path, str type)
{
    if (str_is(type, "image"))
        fields_range_error(&t->p->f, "%s: this model does not accept images. Send text blocks.",
                           path);
    else if (str_is(type, "document") || str_is(type, "search_result"))
        fields_range_error(&t->p->f, "%s: blocks of type '%.*s' are not supported by this server. "
                           "Send their text as a block of type 'text'.", path, STR_FMT(type));
    else
        fields_range_error(&t->p->f, "%s: a block of type '%.*s' cannot stand here.", path,
                           STR_FMT(str_sub(type, 0, 64)));
}

static void read_block(struct turn *t, const struct json *block, const char *path)
{
    str type;

    if (block->type != JSON_OBJECT) {
        fields_type_error(&t->p->f, path, block->pos, "expected an object with a type");
        return;
    }
    type = required(t, block, path, "type");
    if (reading_failed(t->p)) return;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_is(type, kinds[i].type) && (kinds[i].roles & IN(t->role))) {
            kinds[i].read(t, block, path);
            return;
        }
    refuse_kind(t, path, type);
}

/* All blocks of a list, into the turn. */
static void read_blocks(struct turn *t, const struct json *list, const char *path)
{
    if (list->n > CHAT_PARTS_MAX) {
        fields_range_error(&t->p->f, "%s has %u blocks, at most %d are allowed.", path, list->n,
                           CHAT_PARTS_MAX);
        return;
    }
    t->text = reading_take(t->p, list->n, sizeof *t->text);
    if (t->role == ROLE_ASSISTANT) {
        t->thought = reading_take(t->p, list->n, sizeof *t->thought);
        t->call = reading_take(t->p, list->n, sizeof *t->call);
    }
    for (uint32_t i = 0; i < list->n && !reading_failed(t->p); i++) {
        char at[PATH_BYTES];

        snprintf(at, sizeof at, "%.70s[%u]", path, i);
        read_block(t, &list->item[i], at);
    }
}

/* Text that may be a string or blocks of text; {NULL, 0} when there is none. */
static str plain_text(struct reading *p, const struct json *v, const char *path,
                      enum chat_role role, str before)
{
    struct turn t = {.p = p, .role = role};

    if (json_absent(v)) return before;
    if (v->type == JSON_STRING) return join(p, before, &v->string, 1);
    if (v->type == JSON_ARRAY)
        read_blocks(&t, v, path);
    else
        fields_type_error(&p->f, path, v->pos, "expected a string or an array of blocks");
    return reading_failed(p) ? STR_NONE : join(p, before, t.text, t.n_text);
}

static str result_text(struct turn *t, const struct json *block, const char *path, str before)
{
    char at[PATH_BYTES];

    snprintf(at, sizeof at, "%.80s.content", path);
    return plain_text(t->p, json_get(block, "content"), at, ROLE_TOOL, before);
}

/* ---- messages ---- */

static enum chat_role role_of(struct reading *p, const struct json *message, const char *path)
{
    static const enum chat_role known[] = {ROLE_USER, ROLE_ASSISTANT, ROLE_SYSTEM};
    const struct json *v = fields_typed(&p->f, message, path, "role", JSON_STRING);

    if (!v) {
        fields_type_error(&p->f, path, message->pos, "missing field `role`");
        return ROLE_USER;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_is(v->string, chat_role_name[known[i]])) return known[i];
    fields_type_error(&p->f, path, v->pos,
                      "unknown role, expected one of `user`, `assistant`, `system`");
    return ROLE_USER;
}

/* What the blocks came to, but for results, which are messages already. */
static void end_turn(struct turn *t)
{
    struct chat_message m = {.role = t->role, .call = t->call, .n_call = t->n_call};

    if (t->has_result && !t->n_text) return;
    m.text = join(t->p, STR_NONE, t->text, t->n_text);
    m.reasoning = join(t->p, STR_NONE, t->thought, t->n_thought);
    reading_add(t->p, &m);
}

static void read_message(struct reading *p, const struct json *v, uint32_t i)
{
    struct turn t = {.p = p};
    const struct json *content = json_get(v, "content");
    char path[PATH_BYTES], at[PATH_BYTES];

    snprintf(path, sizeof path, "messages[%u]", i);
    snprintf(at, sizeof at, "messages[%u].content", i);
    if (v->type != JSON_OBJECT) {
        fields_type_error(&p->f, path, v->pos, "expected an object");
        return;
    }
    t.role = role_of(p, v, path);
    if (reading_failed(p)) return;
    if (json_absent(content)) {
        fields_type_error(&p->f, path, v->pos, "missing field `content`");
    } else if (content->type == JSON_STRING) {
        reading_add(p, &(struct chat_message){.role = t.role, .text = content->string});
    } else if (content->type != JSON_ARRAY) {
        fields_type_error(&p->f, at, content->pos, "expected a string or an array of blocks");
    } else if (content->n == 0 && t.role != ROLE_ASSISTANT) {
        /* A reply that was cut inside its first call holds no block, and may come back. */
        fields_range_error(&p->f, "%s: each message must have at least one block.", at);
    } else {
        read_blocks(&t, content, at);
        if (!reading_failed(p)) end_turn(&t);
    }
}

/* Chat messages that the list may become, at most. */
static size_t count_at_most(const struct json *list)
{
    size_t n = list->n;

    for (uint32_t i = 0; i < list->n; i++) {
        const struct json *content = json_get(&list->item[i], "content");

        if (content && content->type == JSON_ARRAY) n += 2 * (size_t)content->n;
    }
    return n;
}

void messages_read_all(struct reading *p)
{
    const struct json *list = fields_typed(&p->f, p->root, "", "messages", JSON_ARRAY);
    str system;

    if (reading_failed(p)) return;
    if (!list) {
        fields_type_error(&p->f, "messages", p->root->pos, "missing field `messages`");
        return;
    }
    if (list->n == 0 || list->n > CHAT_MESSAGES_MAX) {
        fields_range_error(&p->f, "'messages' must hold 1 to %d messages, not %u.",
                           CHAT_MESSAGES_MAX, list->n);
        return;
    }
    reading_room(p, 1 + count_at_most(list));
    system = plain_text(p, json_get(p->root, "system"), "system", ROLE_SYSTEM, STR_NONE);
    if (system.n) reading_add(p, &(struct chat_message){.role = ROLE_SYSTEM, .text = system});
    for (uint32_t i = 0; i < list->n && !reading_failed(p); i++)
        read_message(p, &list->item[i], i);
}
