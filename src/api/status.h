/* SPDX-License-Identifier: Apache-2.0
 *
 * The one table from error codes to HTTP statuses and error bodies. Three spellings of the body:
 *   xai        {"code": "<slug>", "error": "<text>"}; 422 has only "error"
 *   openai     {"error": {"message", "type", "param", "code"}}
 *   anthropic  {"type": "error", "error": {"type", "message"}, "request_id"}
 * A server speaks one of the first two, by its configuration; routes of Anthropic's the third.
 */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum error_shape { ERROR_SHAPE_XAI, ERROR_SHAPE_OPENAI, ERROR_SHAPE_ANTHROPIC };

struct status_row {
    int http;
    const char *slug;                  /* xAI's code */
    const char *openai_type, *openai_code;
    const char *anthropic_type;
    bool should_retry;
};

const struct status_row *status_of(enum err code);
/* The code that stands for a bare HTTP status (the transport's own refusals). */
enum err status_to_err(int http);
/* JSON body, in the arena. */
str status_body(enum error_shape shape, const struct error *e, str request_id, struct arena *a);
