/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/completions: JSON body -> chat_request with raw prompts. Knows every field of the
 * dialect, in OpenAI's spelling and in xAI's.
 */
#pragma once
#include "api/chat_parse.h"

#define COMPLETION_IDS_MAX (1 << 20)   /* token ids of all prompts */
#define COMPLETION_TOKENS_DEFAULT 16

struct completion_params {
    struct chat_params base;           /* chat.raw instead of messages */
    bool echo;                         /* the prompt goes before the text */
};

/* As chat_parse. */
MUST_CHECK enum err completions_parse(const struct api *api, str body, const struct json *root,
                                      struct arena *a, struct completion_params *out,
                                      struct error *e);
