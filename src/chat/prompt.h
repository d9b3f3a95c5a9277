/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages -> prompt tokens of a model: the template's variables, rendering, tokenizing. What
 * came from the caller can never become a control token. Any thread.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "chat/request.h"
#include "codec/json.h"
#include "engine/engine.h"

struct chat_prompt {
    struct token_list ids;             /* owns; chat_prompt_done */
    bool opens_reasoning;              /* the prompt ends inside an opened think block */
};

/* The variables a template sees: messages, add_generation_prompt, bos_token, eos_token. */
struct json *chat_template_vars(const struct vocab *v, const struct chat_request *r,
                                struct arena *a);
/* max_tokens: ids at most. Fails with ERR_ARG when the template refuses the messages, with
 * ERR_UNSUPPORTED when the model has no usable template, ERR_CONTEXT over max_tokens. */
MUST_CHECK enum err chat_prompt_make(const struct engine *en, const struct chat_request *r,
                                     struct arena *a, size_t max_tokens, struct chat_prompt *out,
                                     struct error *e);
void chat_prompt_done(struct chat_prompt *p);
