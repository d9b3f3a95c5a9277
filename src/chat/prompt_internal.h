/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the parts of prompt only: how a history is put to a template. Messages become other
 * messages (prompt_history.c), then variables (prompt_vars.c); all of it on a scratch arena whose
 * cap bounds it. Pure functions, any thread.
 */
#pragma once
#include "chat/prompt.h"

/* As of a request: what fits there fits here. */
#define PROMPT_ARENA_BYTES ((size_t)256 << 20)

enum prompt_fold {
    FOLD_NONE,
    FOLD_ROLES,                        /* user and assistant in turn, behind one system message */
    FOLD_ALL                           /* and no system message: its text begins the first user's */
};

/* One way to put a request; later ones of the list ask less of the template. */
struct prompt_form {
    bool tools;                        /* the template shows them; else they are explained */
    bool whole_tools;                  /* entries get the members they lack */
    bool calls; /* the template shows calls and results; else they are text */
    enum prompt_fold fold;
    bool has_call;                     /* there are calls or results at all */
};

struct history { const struct chat_message *message; size_t n; };

/* The messages of r in that form. False: no memory left in a. */
MUST_CHECK bool prompt_history(const struct chat_model *m, const struct chat_request *r,
                               const struct prompt_form *form, struct arena *a,
                               struct history *out);
/* An assistant's message with its calls written behind its text. False as above. */
MUST_CHECK bool prompt_calls_as_text(const struct chat_model *m, const struct chat_message *message,
                                     struct arena *a, str *out);
/* The variables; NULL as above. */
struct json *prompt_vars(const struct chat_model *m, const struct chat_request *r,
                         const struct prompt_form *form, struct arena *a);
/* Renders r in that form alone. *out is the caller's on success and on failure. */
MUST_CHECK enum err prompt_render(const struct chat_model *m, const struct chat_request *r,
                                  const struct prompt_form *form,
                                  const struct template_limits *limits, struct template_out *out,
                                  struct error *e);
