/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/chat/completions: JSON body -> chat_request. Knows every field of the dialect, what
 * each may be, and which ask for something this build does not do.
 */
#pragma once
#include "api/api.h"
#include "chat/request.h"
#include "codec/json.h"

struct chat_params {
    struct chat_request chat;
    str model;                         /* as asked */
    bool stream, include_usage;
    bool deferred;                     /* the reply is asked for later; not with stream */
    bool has_tier;                     /* service_tier was given */
    bool wants_priority;               /* as "priority"; all others are "default" */
    bool has_functions;                /* tools came as `functions`, so a call goes back as
                                        * `function_call` */
};

/* ERR_TYPE (422), ERR_ARG, ERR_LIMIT, ERR_GONE. Everything lives in a; strings
 * borrow from the tree of root and from body. */
MUST_CHECK enum err chat_parse(const struct api *api, str body, const struct json *root,
                               struct arena *a, struct chat_params *out, struct error *e);
