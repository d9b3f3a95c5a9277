/* SPDX-License-Identifier: Apache-2.0
 *
 * libxai: a client of this API (grokd or api.x.ai) on libcurl. Blocking calls; one client a
 * thread.
 */
#pragma once
#include <stdbool.h>
#include "base/err.h"
#include "base/str.h"

struct xai_options {
    const char *url;                   /* "http://127.0.0.1:8080" or with /v1 */
    const char *key;                   /* NULL: none is sent */
};

/* Called with each piece of visible text. False ends the request. */
typedef bool xai_text_fn(void *arg, str text);

/* POST /v1/chat/completions with body (a JSON object with "stream": true). ERR_IO when the server
 * cannot be reached or the stream breaks off, ERR_ARG with the server's own words when it refuses,
 * ERR_INTERNAL with them when it fails in mid-stream, ERR_FORMAT when an event is no JSON,
 * ERR_CANCELLED when fn said so. */
MUST_CHECK enum err xai_chat_stream(const struct xai_options *o, str body, xai_text_fn *fn,
                                    void *arg, struct error *e);
