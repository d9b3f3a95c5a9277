/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages -> prompt tokens of a model: the template's variables, rendering, tokenizing. What
 * came from the caller can never become a control token. Any thread.
 *
 * Histories are taken as they come. What a template has no place for is put as text, and what it
 * refuses is put in a simpler form: tools explained in words, calls and results as text, roles in
 * turn. So a request fails only when the template refuses plain messages too.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "chat/call_syntax.h"
#include "chat/request.h"
#include "codec/json.h"
#include "engine/engine.h"

/* How one model is talked to. Found once by trial renderings of its template; immutable then. */
struct chat_model {
    const struct vocab *vocab;         /* borrows, as the template */
    const struct template *template;   /* NULL: none that can be used, and why */
    const char *why;
    int n_prompt_max;                  /* tokens */
    const struct call_syntax *syntax;
    bool shows_tools, shows_calls;     /* the template does */
    bool text_arguments;               /* it wants arguments as JSON text, not as an object */
    bool short_ids;                    /* it wants ids of calls of 9 letters and digits */
    bool one_call;                     /* it shows one call of a message, not more */
    bool one_system;                   /* it shows one system message, not more */
    bool thinking_field;               /* it looks for earlier reasoning in message.thinking */
    bool may_think;                    /* it knows the marks of thinking */
    bool opens_thinking;               /* and opens the block itself when thinking is asked for:
                                        * unasked, the model does not think */
};
/* Borrows the engine as long as the model is used. */
void chat_model_init(struct chat_model *m, const struct engine *en);
/* The same for parts; template NULL: why says what is wrong. */
void chat_model_of(struct chat_model *m, const struct vocab *v, const struct template *t,
                   const char *why, int n_prompt_max);

struct chat_prompt {
    struct token_list ids;             /* owns; chat_prompt_done */
    bool opens_reasoning;              /* the prompt ends inside an opened think block */
    bool may_reason;                   /* the model may open one itself */
};

/* The variables a template sees: messages, tools, add_generation_prompt, bos_token, eos_token,
 * enable_thinking, reasoning_effort. NULL when a holds no more. */
struct json *chat_template_vars(const struct chat_model *m, const struct chat_request *r,
                                struct arena *a);
/* Fails with ERR_ARG when the template refuses the messages in every form, with ERR_UNSUPPORTED
 * when the model has no usable template, ERR_CONTEXT over n_prompt_max tokens; the sentence names
 * the prompt's length. */
MUST_CHECK enum err chat_prompt_make(const struct chat_model *m, const struct chat_request *r,
                                     struct chat_prompt *out, struct error *e);
/* Of a prompt without template: BOS as the vocabulary wants, or where there would be no token at
 * all. ERR_ARG for ids out of the vocabulary, for a suffix when the model has no tokens to fill in
 * the middle, for an empty prompt when there is no token to begin with. */
MUST_CHECK enum err chat_prompt_raw(const struct chat_model *m, const struct chat_raw *raw,
                                    struct chat_prompt *out, struct error *e);
void chat_prompt_done(struct chat_prompt *p);
