/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/prompt.h"
#include "base/clock.h"

#define VARS_MAX 8
#define MESSAGE_FIELDS_MAX 6
/* Arguments of calls become a tree only while the arena keeps this much for everything else, and
 * room for the largest tree that text of n bytes can give. */
#define ARGUMENTS_RESERVE ((size_t)96 << 20)
#define ARGUMENTS_TREE_FACTOR 64

const char *const chat_role_name[CHAT_ROLE_COUNT] = {
    [ROLE_SYSTEM] = "system", [ROLE_DEVELOPER] = "developer", [ROLE_USER] = "user",
    [ROLE_ASSISTANT] = "assistant", [ROLE_TOOL] = "tool", [ROLE_FUNCTION] = "function",
};

/* ---- JSON values by hand: the template reads a tree, so no text is written and parsed ---- */

static struct json string_value(str s)
{
    return (struct json){.type = JSON_STRING, .string = s};
}

static struct json bool_value(bool b)
{
    return (struct json){.type = JSON_BOOL, .boolean = b};
}

struct object { struct json_member *member; uint32_t n; };

static struct object object_of(struct arena *a, size_t max)
{
    return (struct object){arena_alloc(a, max * sizeof(struct json_member)), 0};
}

static void put(struct object *o, const char *key, struct json value)
{
    o->member[o->n++] = (struct json_member){.key = str_of(key), .value = value};
}

static struct json object_value(const struct object *o)
{
    return (struct json){.type = JSON_OBJECT, .n = o->n, .member = o->member};
}

static struct json array_value(struct json *item, size_t n)
{
    return (struct json){.type = JSON_ARRAY, .n = (uint32_t)n, .item = item};
}

/* ---- the template's variables ---- */

/* Templates either print arguments or walk them: an object serves both; text that is no JSON
 * object, or a very large one, stays text. */
static struct json arguments_value(struct arena *a, str text)
{
    size_t left = arena_left(a);
    struct json *v;
    struct error ignored;

    if (left < ARGUMENTS_RESERVE || text.n > (left - ARGUMENTS_RESERVE) / ARGUMENTS_TREE_FACTOR)
        return string_value(text);
    if (json_parse(text, a, &v, &ignored) == ERR_OK && v->type == JSON_OBJECT) return *v;
    return string_value(text);
}

static struct json calls_value(struct arena *a, const struct chat_message *m)
{
    struct json *item = arena_alloc(a, m->n_call * sizeof *item);

    for (size_t i = 0; i < m->n_call; i++) {
        struct object call = object_of(a, 3), function = object_of(a, 2);

        put(&function, "name", string_value(m->call[i].name));
        put(&function, "arguments", arguments_value(a, m->call[i].arguments));
        put(&call, "id", string_value(m->call[i].id));
        put(&call, "type", string_value(STR("function")));
        put(&call, "function", object_value(&function));
        item[i] = object_value(&call);
    }
    return array_value(item, m->n_call);
}

static struct json message_value(struct arena *a, const struct chat_message *m)
{
    struct object o = object_of(a, MESSAGE_FIELDS_MAX);
    /* Templates know "system"; the newer name means the same. */
    enum chat_role role = m->role == ROLE_DEVELOPER ? ROLE_SYSTEM
                          : m->role == ROLE_FUNCTION ? ROLE_TOOL : m->role;

    put(&o, "role", string_value(str_of(chat_role_name[role])));
    put(&o, "content", string_value(m->text));
    if (m->name.n) put(&o, "name", string_value(m->name));
    if (m->reasoning.n) put(&o, "reasoning_content", string_value(m->reasoning));
    if (m->tool_call_id.n) put(&o, "tool_call_id", string_value(m->tool_call_id));
    if (m->n_call) put(&o, "tool_calls", calls_value(a, m));
    return object_value(&o);
}

struct json *chat_template_vars(const struct vocab *v, const struct chat_request *r,
                                struct arena *a)
{
    struct json *item = arena_alloc(a, r->n_message * sizeof *item);
    struct json *root = arena_new_of(a, struct json);
    struct object o = object_of(a, VARS_MAX);

    for (size_t i = 0; i < r->n_message; i++) item[i] = message_value(a, &r->message[i]);
    put(&o, "messages", array_value(item, r->n_message));
    put(&o, "add_generation_prompt", bool_value(true));
    put(&o, "bos_token", string_value(vocab_piece(v, vocab_bos(v))));
    put(&o, "eos_token", string_value(vocab_piece(v, vocab_eos(v))));
    if (r->thinking != THINKING_DEFAULT)
        put(&o, "enable_thinking", bool_value(r->thinking == THINKING_ON));
    *root = object_value(&o);
    return root;
}

/* ---- rendering and tokenizing ---- */

/* True when the template itself wrote [from, to): a caller's text must not pass for its marks. */
static bool is_own(const struct template_out *t, size_t from, size_t to)
{
    for (size_t i = 0; i < t->n_input && t->input[i].from < to; i++)
        if (t->input[i].to > from) return false;
    return true;
}

static bool starts_with_own(const struct template_out *t, str mark)
{
    return mark.n > 0 && str_starts(buf_str(&t->text), mark) && is_own(t, 0, mark.n);
}

/* The first n bytes of the text end with that mark. */
static bool ends_with_own(const struct template_out *t, size_t n, str mark)
{
    return mark.n > 0 && str_ends(str_n(t->text.p, n), mark) && is_own(t, n - mark.n, n);
}

static bool opens_reasoning(const struct template_out *t)
{
    str s = buf_str(&t->text), rest = str_trim(s);
    size_t end = rest.n ? (size_t)(rest.p - s.p) + rest.n : 0;

    return ends_with_own(t, end, STR("<think>"));
}

/* Templates that write the BOS themselves must not get a second one. */
static unsigned tokenize_flags(const struct vocab *v, const struct template_out *t)
{
    if (starts_with_own(t, vocab_piece(v, vocab_bos(v)))) return TOKENIZE_PARSE_SPECIAL;
    return TOKENIZE_PARSE_SPECIAL | TOKENIZE_ADD_SPECIAL;
}

static enum err tokenize(const struct vocab *v, const struct template_out *t, size_t max_tokens,
                         struct chat_prompt *out, struct error *e)
{
    str s = buf_str(&t->text), eos = vocab_piece(v, vocab_eos(v));
    enum err rc;

    token_list_init(&out->ids, max_tokens);
    out->opens_reasoning = opens_reasoning(t);
    rc = vocab_tokenize(v, s, tokenize_flags(v, t), t->input, t->n_input, &out->ids, e);
    /* The BOS rule may also add an EOS behind the prompt, where no model wants one. */
    if (rc == ERR_OK && out->ids.n > 1 && out->ids.id[out->ids.n - 1] == vocab_eos(v) &&
        !ends_with_own(t, s.n, eos))
        out->ids.n--;
    if (rc != ERR_OK) token_list_done(&out->ids);
    return rc;
}

enum err chat_prompt_make(const struct engine *en, const struct chat_request *r, struct arena *a,
                          size_t max_tokens, struct chat_prompt *out, struct error *e)
{
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
    const char *why = NULL;
    const struct template *t = engine_template(en, &why);
    struct template_out text;
    enum err rc;

    if (!t)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "This model has no usable chat template: %s",
                       why ? why : "the file holds none");
    limits.now_unix_s = clock_unix_s();
    rc = template_render(t, chat_template_vars(engine_vocab(en), r, a), &limits, &text, e);
    if (rc == ERR_OK) rc = tokenize(engine_vocab(en), &text, max_tokens, out, e);
    if (rc == ERR_LIMIT)
        err_set(e, rc = ERR_CONTEXT, ERR_NO_POS, "This model's maximum prompt length is %d but the "
                "request contains more than %zu tokens.", engine_n_ctx(en) - 1, max_tokens);
    template_out_done(&text);
    return rc;
}

void chat_prompt_done(struct chat_prompt *p)
{
    token_list_done(&p->ids);
}
