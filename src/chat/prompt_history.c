/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages -> messages: tools explained in words, calls and results as text, calls one by one,
 * roles in turn. Texts that are not changed are borrowed.
 */
#include "chat/prompt_internal.h"

#define TEXT_BYTES_MAX ((size_t)64 << 20)      /* of one message made here */
#define CALLS_SPLIT_MAX 64             /* of one message; more stay together */
#define LOOK_BACK_MAX 1000             /* calls and messages looked at for the name of a result */

static bool is_result(const struct chat_message *m)
{
    return m->role == ROLE_TOOL || m->role == ROLE_FUNCTION;
}

static bool is_system(const struct chat_message *m)
{
    return m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
}

/* Copies b to the arena; false when there is no room, or b was too long. */
static bool keep(struct arena *a, const struct buf *b, str *out)
{
    char *p = b->bad ? NULL : arena_try(a, b->n + 1);

    if (!p) return false;
    if (b->n) memcpy(p, b->p, b->n);
    *out = str_n(p, b->n);
    return true;
}

static void add_apart(struct buf *b, const char *between, str text)
{
    if (b->n && text.n) buf_add(b, str_of(between));
    buf_add(b, text);
}

bool prompt_calls_as_text(const struct chat_model *m, const struct chat_message *message,
                          struct arena *a, str *out)
{
    struct buf b;
    bool ok;

    buf_init(&b, TEXT_BYTES_MAX);
    buf_add(&b, message->text);
    for (size_t i = 0; i < message->n_call; i++) {
        if (b.n) buf_char(&b, '\n');
        call_syntax_write_call(m->syntax, &message->call[i], &b);
    }
    ok = keep(a, &b, out);
    buf_done(&b);
    return ok;
}

/* ---- calls and results as text ---- */

/* The name of the call that a result answers: of the last one with its id. */
static str name_of_call(const struct chat_message *m, size_t i)
{
    str id = m[i].tool_call_id;
    int looked = 0;

    if (m[i].name.n) return m[i].name;
    while (i-- > 0 && m[i].role != ROLE_USER && looked++ < LOOK_BACK_MAX)
        for (size_t k = 0; k < m[i].n_call && looked++ < LOOK_BACK_MAX; k++)
            if (str_eq(m[i].call[k].id, id)) return m[i].call[k].name;
    return STR_NONE;
}

/* Results that follow one another, from *i on, become one message of the user. In the simplest
 * forms it begins with a word: some templates know results by their marks, and want a question. */
static bool results_as_text(const struct chat_model *m, const struct prompt_form *form,
                            const struct history *h, size_t *i, struct arena *a,
                            struct chat_message *out)
{
    struct buf b;
    bool ok;

    buf_init(&b, TEXT_BYTES_MAX);
    if (form->fold != FOLD_NONE) buf_add(&b, STR("Result:"));
    for (; *i < h->n && is_result(&h->message[*i]); ++*i) {
        const struct chat_message *r = &h->message[*i];

        if (b.n) buf_char(&b, '\n');
        call_syntax_write_result(m->syntax, r->tool_call_id, name_of_call(h->message, *i), r->text,
                                 &b);
    }
    *out = (struct chat_message){.role = ROLE_USER};
    ok = keep(a, &b, &out->text);
    buf_done(&b);
    return ok;
}

/* The template can show the message's calls. */
static bool is_sound(const struct chat_model *m, const struct chat_message *message)
{
    struct arena *a = arena_new(PROMPT_ARENA_BYTES);
    bool ok = !m->one_call || message->n_call == 1;
    struct json *v;
    struct error ignored;

    for (size_t i = 0; i < message->n_call && ok; i++)
        ok = json_parse(message->call[i].arguments, a, &v, &ignored) == ERR_OK &&
             v->type == JSON_OBJECT;
    arena_free(a);
    return ok;
}

/* Calls that are not sound, and results that answer none that is; without form->calls all. */
static bool as_text(const struct chat_model *m, const struct prompt_form *form, struct history *h,
                    struct arena *a)
{
    struct chat_message *out = arena_try_array(a, h->n, sizeof *out);
    bool answers = false;              /* results here stand behind sound calls */
    size_t n = 0;

    if (!out) return false;
    for (size_t i = 0; i < h->n;) {
        const struct chat_message *message = &h->message[i];

        if (is_result(message) && !answers) {
            if (!results_as_text(m, form, h, &i, a, &out[n++])) return false;
            continue;
        }
        out[n] = *message;
        if (!is_result(message))
            answers = message->n_call > 0 && form->calls && is_sound(m, message);
        if (message->n_call && !answers) {
            if (!prompt_calls_as_text(m, message, a, &out[n].text)) return false;
            out[n].n_call = 0;
        }
        n++;
        i++;
    }
    *h = (struct history){out, n};
    return true;
}

/* ---- calls one by one ---- */

/* A message with several calls becomes several, each before its results. */
static size_t one_by_one(const struct history *h, size_t *i, struct chat_message *out)
{
    const struct chat_message *m = &h->message[*i];
    size_t first = *i + 1, end = first, n = 0;

    while (end < h->n && is_result(&h->message[end])) end++;
    for (size_t k = 0; k < m->n_call; k++) {
        out[n] = *m;
        out[n].call = &m->call[k];
        out[n].n_call = 1;
        if (k > 0) out[n].text = out[n].reasoning = STR_NONE;
        n++;
        for (size_t r = first; r < end; r++)
            if (str_eq(h->message[r].tool_call_id, m->call[k].id)) out[n++] = h->message[r];
    }
    *i = end;
    return n;
}

/* Each result answers one of the calls, each call has an id of its own. */
static bool can_split(const struct history *h, size_t i)
{
    const struct chat_message *m = &h->message[i];

    for (size_t k = 0; k < m->n_call; k++)
        for (size_t j = 0; j < k; j++)
            if (str_eq(m->call[k].id, m->call[j].id)) return false;
    while (++i < h->n && is_result(&h->message[i])) {
        size_t k = 0;

        while (k < m->n_call && !str_eq(m->call[k].id, h->message[i].tool_call_id)) k++;
        if (k == m->n_call) return false;
    }
    return true;
}

static bool split_calls(struct history *h, struct arena *a)
{
    struct chat_message *out;
    size_t n = h->n;

    for (size_t i = 0; i < h->n; i++) n += h->message[i].n_call;
    if (n == h->n) return true;
    out = arena_try_array(a, n, sizeof *out);
    if (!out) return false;
    n = 0;
    for (size_t i = 0; i < h->n;) {
        size_t n_call = h->message[i].n_call;

        if (n_call > 1 && n_call <= CALLS_SPLIT_MAX && can_split(h, i))
            n += one_by_one(h, &i, out + n);
        else
            out[n++] = h->message[i++];
    }
    *h = (struct history){out, n};
    return true;
}

/* ---- tools in words ---- */

static bool explain_tools(const struct chat_model *m, const struct chat_request *r,
                          struct history *h, struct arena *a)
{
    struct chat_message *out = arena_try_array(a, h->n + 1, sizeof *out);
    bool has_system = h->n && is_system(&h->message[0]), ok;
    struct buf b;

    if (!out) return false;
    if (has_system)
        out[0] = h->message[0];
    else
        out[0] = (struct chat_message){.role = ROLE_SYSTEM};
    memcpy(out + 1, h->message + has_system, (h->n - has_system) * sizeof *out);
    buf_init(&b, TEXT_BYTES_MAX);
    buf_add(&b, out[0].text);
    if (b.n) buf_add(&b, STR("\n\n"));
    call_syntax_explain(m->syntax, r->tool, r->n_tool, &b);
    ok = keep(a, &b, &out[0].text);
    buf_done(&b);
    *h = (struct history){out, h->n + 1 - has_system};
    return ok;
}

/* ---- roles ---- */

static bool one_system(struct history *h, struct arena *a)
{
    struct chat_message *out = arena_try_array(a, h->n, sizeof *out);

    if (!out) return false;
    memcpy(out, h->message, h->n * sizeof *out);
    for (size_t i = 1; i < h->n; i++)
        if (is_system(&out[i])) out[i].role = ROLE_USER;
    h->message = out;
    return true;
}

/* Templates with tools take the first message for the user's, whoever wrote it. */
static bool begin_with_user(struct history *h, struct arena *a)
{
    size_t at = is_system(&h->message[0]);
    struct chat_message *out;

    if (at == h->n || h->message[at].role == ROLE_USER) return true;
    out = arena_try_array(a, h->n + 1, sizeof *out);
    if (!out) return false;
    memcpy(out, h->message, at * sizeof *out);
    out[at] = (struct chat_message){.role = ROLE_USER};
    memcpy(out + at + 1, h->message + at, (h->n - at) * sizeof *out);
    *h = (struct history){out, h->n + 1};
    return true;
}

/* From *i on, all of one side joined into one message. */
static bool join(const struct history *h, size_t *i, struct arena *a, struct chat_message *out)
{
    bool assistant = h->message[*i].role == ROLE_ASSISTANT, ok;
    size_t from = *i;
    struct buf b;

    *out = h->message[*i];
    out->role = assistant ? ROLE_ASSISTANT : ROLE_USER;
    while (++*i < h->n && (h->message[*i].role == ROLE_ASSISTANT) == assistant) {}
    if (*i == from + 1) return true;
    buf_init(&b, TEXT_BYTES_MAX);
    for (size_t k = from; k < *i; k++) add_apart(&b, "\n\n", h->message[k].text);
    ok = keep(a, &b, &out->text);
    buf_done(&b);
    return ok;
}

/* Behind calls as text: no message holds any. */
static bool take_turns(enum prompt_fold fold, struct history *h, struct arena *a)
{
    struct chat_message *out = arena_try_array(a, h->n + 1, sizeof *out);
    size_t n = 0, i = 0;

    if (!out) return false;
    if (fold == FOLD_ROLES && h->n > 1 && is_system(&h->message[0])) out[n++] = h->message[i++];
    if (i < h->n && h->message[i].role == ROLE_ASSISTANT)
        out[n++] = (struct chat_message){.role = ROLE_USER};
    while (i < h->n)
        if (!join(h, &i, a, &out[n++])) return false;
    *h = (struct history){out, n};
    return true;
}

bool prompt_history(const struct chat_model *m, const struct chat_request *r,
                    const struct prompt_form *form, struct arena *a, struct history *out)
{
    *out = (struct history){r->message, r->n_message};
    if (m->one_system && !one_system(out, a)) return false;
    if (form->calls && m->one_call && !split_calls(out, a)) return false;
    if (form->has_call && !as_text(m, form, out, a)) return false;
    if (form->tools && !begin_with_user(out, a)) return false;
    if (!form->tools && chat_may_call(r) && !explain_tools(m, r, out, a)) return false;
    return form->fold == FOLD_NONE || take_turns(form->fold, out, a);
}
