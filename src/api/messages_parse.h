/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/messages (Anthropic's dialect): JSON body -> chat_request. Knows every field of the
 * dialect, what each may be, and which ask for something this build does not do. Fields that only
 * steer Anthropic's own service (cache_control, container, betas) are passed over.
 */
#pragma once
#include "api/api.h"
#include "chat/request.h"
#include "codec/json.h"

#define THINKING_BUDGET_MIN 1024       /* tokens, as Anthropic */

struct messages_params {
    struct chat_request chat;
    str model;                         /* as asked */
    bool stream;
    bool shows_thinking;               /* thinking was asked for: else it is hidden, but counted */
};

/* counts: only the length of the prompt is wanted, so max_tokens may be missing. ERR_TYPE (422),
 * ERR_ARG, ERR_LIMIT. Everything lives in a; strings borrow from the tree of root and from body. */
MUST_CHECK enum err messages_parse(const struct api *api, str body, const struct json *root,
                                   bool counts, struct arena *a, struct messages_params *out,
                                   struct error *e);
