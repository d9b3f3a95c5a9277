/* SPDX-License-Identifier: Apache-2.0
 *
 * Rendering and tokenizing. A template that refuses a request gets it in simpler and simpler
 * forms, down to plain text of user and assistant in turn; the first answer is the one reported.
 */
#include "chat/prompt.h"
#include "base/clock.h"
#include "chat/prompt_internal.h"

/* Prompts are tokenized up to this multiple of what fits, so that the refusal can name their true
 * length; beyond it the request is refused without counting on. */
#define COUNT_BEYOND_CONTEXT 64

/* ---- marks of the template's own ---- */

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

static void find_thinking(const struct chat_model *m, const struct chat_request *r,
                          const struct template_out *t, struct chat_prompt *out)
{
    str s = buf_str(&t->text), rest = str_trim(s), open, close;
    size_t end = rest.n ? (size_t)(rest.p - s.p) + rest.n : 0;

    call_syntax_thinking(m->syntax, &open, &close);
    out->opens_reasoning = ends_with_own(t, end, open);
    out->may_reason = m->may_think && !m->opens_thinking && r->thinking != THINKING_OFF &&
                      !out->opens_reasoning && !ends_with_own(t, end, close);
}

/* ---- tokenizing ---- */

/* Templates that write the BOS themselves must not get a second one. */
static unsigned tokenize_flags(const struct vocab *v, const struct template_out *t)
{
    if (starts_with_own(t, vocab_piece(v, vocab_bos(v)))) return TOKENIZE_PARSE_SPECIAL;
    return TOKENIZE_PARSE_SPECIAL | TOKENIZE_ADD_SPECIAL;
}

static enum err tokenize(const struct chat_model *m, const struct chat_request *r,
                         const struct template_out *t, struct chat_prompt *out, struct error *e)
{
    const struct vocab *v = m->vocab;
    str s = buf_str(&t->text), eos = vocab_piece(v, vocab_eos(v));
    enum err rc;

    token_list_init(&out->ids, (size_t)m->n_prompt_max * COUNT_BEYOND_CONTEXT);
    find_thinking(m, r, t, out);
    rc = vocab_tokenize(v, s, tokenize_flags(v, t), t->input, t->n_input, &out->ids, e);
    /* The BOS rule may also add an EOS behind the prompt, where no model wants one. */
    if (rc == ERR_OK && out->ids.n > 1 && out->ids.id[out->ids.n - 1] == vocab_eos(v) &&
        !ends_with_own(t, s.n, eos))
        out->ids.n--;
    if (rc != ERR_OK) token_list_done(&out->ids);
    return rc;
}

static enum err too_long(const struct chat_model *m, const char *more, size_t n, struct error *e)
{
    return err_set(e, ERR_CONTEXT, ERR_NO_POS,
                   "This model's maximum prompt length is %d but the request contains %s%zu "
                   "tokens.", m->n_prompt_max, more, n);
}

/* ---- rendering ---- */

enum err prompt_render(const struct chat_model *m, const struct chat_request *r,
                       const struct prompt_form *form, const struct template_limits *limits,
                       struct template_out *out, struct error *e)
{
    struct arena *a = arena_new(PROMPT_ARENA_BYTES);
    struct json *vars = prompt_vars(m, r, form, a);
    enum err rc;

    *out = (struct template_out){0};
    if (vars)
        rc = template_render(m->template, vars, limits, out, e);
    else
        rc = err_set(e, ERR_LIMIT, ERR_NO_POS, "The messages take too much memory.");
    arena_free(a);
    return rc;
}

static const struct prompt_form forms[] = {
    {.tools = true, .calls = true},
    {.tools = true, .calls = true, .whole_tools = true},
    {.tools = true, .whole_tools = true},
    {.fold = FOLD_ROLES},
    {.fold = FOLD_ALL},
};
#define N_FORM (sizeof forms / sizeof forms[0])

static bool has_calls(const struct chat_request *r)
{
    for (size_t i = 0; i < r->n_message; i++)
        if (r->message[i].n_call || r->message[i].role == ROLE_TOOL ||
            r->message[i].role == ROLE_FUNCTION)
            return true;
    return false;
}

/* What is left of a form for this model and request: forms that come to the same are equal. */
static struct prompt_form form_of(const struct chat_model *m, const struct chat_request *r,
                                  bool has_call, const struct prompt_form *f)
{
    struct prompt_form form = *f;

    form.tools = f->tools && m->shows_tools && chat_may_call(r);
    form.whole_tools = f->whole_tools && form.tools;
    form.calls = f->calls && m->shows_calls && has_call;
    form.has_call = has_call;
    return form;
}

static bool same_form(const struct prompt_form *a, const struct prompt_form *b)
{
    return a->tools == b->tools && a->whole_tools == b->whole_tools && a->calls == b->calls &&
           a->fold == b->fold && a->has_call == b->has_call;
}

static enum err render_form(const struct chat_model *m, const struct chat_request *r,
                            const struct prompt_form *form, struct template_out *out,
                            struct error *e)
{
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;

    limits.now_unix_s = clock_unix_s();
    return prompt_render(m, r, form, &limits, out, e);
}

static enum err render(const struct chat_model *m, const struct chat_request *r,
                       struct template_out *out, struct error *e)
{
    bool has_call = has_calls(r);
    struct prompt_form last = form_of(m, r, has_call, &forms[0]);
    enum err rc = render_form(m, r, &last, out, e);
    struct error ignored;

    for (size_t i = 1; i < N_FORM && rc != ERR_OK && rc != ERR_LIMIT; i++) {
        struct prompt_form form = form_of(m, r, has_call, &forms[i]);

        if (same_form(&form, &last)) continue;
        template_out_done(out);
        if (render_form(m, r, &form, out, &ignored) == ERR_OK) return ERR_OK;
        last = form;
    }
    return rc;
}

/* Takes the outcome rc of filling out->ids, and refuses what is too long. */
static enum err check_length(const struct chat_model *m, struct chat_prompt *out, enum err rc,
                             struct error *e)
{
    if (rc == ERR_LIMIT)
        return too_long(m, "more than ", (size_t)m->n_prompt_max * COUNT_BEYOND_CONTEXT, e);
    if (rc == ERR_OK && out->ids.n > (size_t)m->n_prompt_max) {
        rc = too_long(m, "", out->ids.n, e);
        chat_prompt_done(out);
    }
    return rc;
}

enum err chat_prompt_make(const struct chat_model *m, const struct chat_request *r,
                          struct chat_prompt *out, struct error *e)
{
    struct template_out text;
    enum err rc;

    if (!m->template)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "This model has no usable chat template: %s",
                       m->why ? m->why : "the file holds none");
    rc = render(m, r, &text, e);
    if (rc == ERR_OK) rc = tokenize(m, r, &text, out, e);
    template_out_done(&text);
    return check_length(m, out, rc, e);
}

/* ---- prompts without a template ---- */

/* BOS, when the vocabulary wants it before every text. */
static enum err add_bos(const struct vocab *v, struct token_list *ids, struct error *e)
{
    TRY(vocab_tokenize(v, STR(""), TOKENIZE_ADD_SPECIAL, NULL, 0, ids, e));
    ids->n = ids->n > 0 && ids->id[0] == vocab_bos(v);
    return ERR_OK;
}

static enum err add_plain(const struct vocab *v, const struct chat_raw *raw,
                          struct token_list *ids, struct error *e)
{
    if (!raw->id) return vocab_tokenize(v, raw->text, 0, NULL, 0, ids, e);
    for (size_t i = 0; i < raw->n_id; i++) {
        if (raw->id[i] < 0 || raw->id[i] >= vocab_size(v))
            return err_set(e, ERR_ARG, ERR_NO_POS, "'prompt' holds token id %d, but this model's "
                           "tokens are 0 to %d.", raw->id[i], vocab_size(v) - 1);
        TRY(token_list_add(ids, raw->id[i], e));
    }
    return ERR_OK;
}

/* What comes before the gap, what comes behind it, then what fills it. */
static enum err add_gap(const struct vocab *v, const struct chat_raw *raw,
                        struct token_list *ids, struct error *e)
{
    int32_t prefix = vocab_extra(v, VOCAB_FIM_PREFIX), suffix = vocab_extra(v, VOCAB_FIM_SUFFIX);
    int32_t middle = vocab_extra(v, VOCAB_FIM_MIDDLE);

    if (prefix == TOKEN_NONE || suffix == TOKEN_NONE || middle == TOKEN_NONE)
        return err_set(e, ERR_ARG, ERR_NO_POS, "'suffix' is not possible with this model: its "
                       "vocabulary has no tokens to fill in the middle. Leave it out.");
    TRY(token_list_add(ids, prefix, e));
    TRY(add_plain(v, raw, ids, e));
    TRY(token_list_add(ids, suffix, e));
    TRY(vocab_tokenize(v, raw->suffix, 0, NULL, 0, ids, e));
    return token_list_add(ids, middle, e);
}

/* Nothing at all means the beginning of a text. */
static enum err add_beginning(const struct vocab *v, struct token_list *ids, struct error *e)
{
    int32_t id = vocab_bos(v) != TOKEN_NONE ? vocab_bos(v) : vocab_eos(v);

    if (id == TOKEN_NONE)
        return err_set(e, ERR_ARG, ERR_NO_POS, "'prompt' is empty, and this model has no token "
                       "that begins a text.");
    return token_list_add(ids, id, e);
}

static enum err raw_ids(const struct vocab *v, const struct chat_raw *raw, struct token_list *ids,
                        struct error *e)
{
    if (!raw->id) TRY(add_bos(v, ids, e));
    if (raw->suffix.n) return add_gap(v, raw, ids, e);
    TRY(add_plain(v, raw, ids, e));
    return ids->n ? ERR_OK : add_beginning(v, ids, e);
}

enum err chat_prompt_raw(const struct chat_model *m, const struct chat_raw *raw,
                         struct chat_prompt *out, struct error *e)
{
    enum err rc;

    *out = (struct chat_prompt){0};
    token_list_init(&out->ids, (size_t)m->n_prompt_max * COUNT_BEYOND_CONTEXT);
    rc = raw_ids(m->vocab, raw, &out->ids, e);
    if (rc != ERR_OK) token_list_done(&out->ids);
    return check_length(m, out, rc, e);
}

void chat_prompt_done(struct chat_prompt *p)
{
    token_list_done(&p->ids);
}

struct json *chat_template_vars(const struct chat_model *m, const struct chat_request *r,
                                struct arena *a)
{
    struct prompt_form form = form_of(m, r, has_calls(r), &forms[0]);

    return prompt_vars(m, r, &form, a);
}
