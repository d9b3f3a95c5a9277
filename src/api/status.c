/* SPDX-License-Identifier: Apache-2.0 */
#include "api/status.h"
#include "codec/json.h"

#define BODY_MAX 4096

#define INVALID "invalid_request_error"

/* clang-format off */
static const struct status_row table[ERR_COUNT] = {
    [ERR_OK] = {200, "ok", "", "", "", false},
    [ERR_ARG] = {400, "invalid-argument", INVALID, "invalid_value", INVALID, false},
    [ERR_FORMAT] = {400, "invalid-argument", INVALID, "invalid_value", INVALID, false},
    [ERR_TYPE] = {422, "invalid-argument", INVALID, "invalid_type", INVALID, false},
    [ERR_LIMIT] = {400, "invalid-argument", INVALID, "limit_exceeded", INVALID, false},
    [ERR_CONTEXT] = {400, "invalid-argument", INVALID, "context_length_exceeded", INVALID, false},
    [ERR_NOT_FOUND] = {404, "not-found", INVALID, "not_found", "not_found_error", false},
    [ERR_MODEL] = {404, "not-found", INVALID, "model_not_found", "not_found_error", false},
    [ERR_EXISTS] = {409, "already-exists", INVALID, "conflict", INVALID, false},
    [ERR_UNAUTHENTICATED] = {401, "unauthenticated:no-credentials",
                             "authentication_error", "invalid_api_key",
                             "authentication_error", false},
    [ERR_KEY] = {400, "invalid-argument", INVALID, "invalid_api_key",
                 "authentication_error", false},
    [ERR_DENIED] = {403, "permission-denied", "permission_error", "permission_denied",
                    "permission_error", false},
    [ERR_METHOD] = {405, "invalid-argument", INVALID, "method_not_allowed", INVALID, false},
    [ERR_MEDIA_TYPE] = {415, "invalid-argument", INVALID, "unsupported_media_type", INVALID, false},
    [ERR_TOO_LARGE] = {413, "invalid-argument", INVALID, "request_too_large",
                       "request_too_large", false},
    [ERR_GONE] = {410, "invalid-argument", INVALID, "gone", INVALID, false},
    [ERR_UNSUPPORTED] = {501, "unimplemented", INVALID, "unsupported_parameter", INVALID, false},
    [ERR_BUSY] = {429, "resource-exhausted", "rate_limit_error", "rate_limit_exceeded",
                  "rate_limit_error", true},
    [ERR_TIMEOUT] = {504, "deadline-exceeded", "server_error", "timeout", "timeout_error", true},
    [ERR_CANCELLED] = {499, "cancelled", INVALID, "cancelled", INVALID, false},
    [ERR_IO] = {500, "internal", "server_error", "internal", "api_error", true},
    [ERR_SHUTDOWN] = {503, "unavailable", "server_error", "overloaded", "overloaded_error", true},
    [ERR_INTERNAL] = {500, "internal", "server_error", "internal", "api_error", true},
};
/* clang-format on */

const struct status_row *status_of(enum err code)
{
    CHECK(code < ERR_COUNT && table[code].http);
    return &table[code];
}

enum err status_to_err(int http)
{
    static const struct { int http; enum err code; } row[] = {
        {404, ERR_NOT_FOUND}, {405, ERR_METHOD}, {408, ERR_TIMEOUT}, {413, ERR_TOO_LARGE},
        {415, ERR_MEDIA_TYPE}, {429, ERR_BUSY}, {501, ERR_UNSUPPORTED}, {503, ERR_SHUTDOWN}};

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (row[i].http == http) return row[i].code;
    return http >= 500 ? ERR_INTERNAL : ERR_ARG;
}

static void write_openai(struct json_writer *w, const struct status_row *row, const char *text)
{
    jw_object(w);
    jw_key(w, "error");
    jw_object(w);
    jw_kv_cstring(w, "message", text);
    jw_kv_cstring(w, "type", row->openai_type);
    jw_kv_null(w, "param");
    jw_kv_cstring(w, "code", row->openai_code);
    jw_object_end(w);
    jw_object_end(w);
}

static void write_xai(struct json_writer *w, const struct status_row *row, const char *text)
{
    jw_object(w);
    if (row->http != 422) jw_kv_cstring(w, "code", row->slug);
    jw_kv_cstring(w, "error", text);
    jw_object_end(w);
}

static void write_anthropic(struct json_writer *w, const struct status_row *row, const char *text,
                            str request_id)
{
    jw_object(w);
    jw_kv_cstring(w, "type", "error");
    jw_key(w, "error");
    jw_object(w);
    jw_kv_cstring(w, "type", row->anthropic_type);
    jw_kv_cstring(w, "message", text);
    jw_object_end(w);
    jw_kv_string(w, "request_id", request_id);
    jw_object_end(w);
}

str status_body(enum error_shape shape, const struct error *e, str request_id, struct arena *a)
{
    const struct status_row *row = status_of(e->code);
    struct buf b;
    struct json_writer w;
    str out;

    buf_init(&b, BODY_MAX);
    jw_init(&w, &b);
    switch (shape) {
    case ERROR_SHAPE_XAI: write_xai(&w, row, e->text); break;
    case ERROR_SHAPE_OPENAI: write_openai(&w, row, e->text); break;
    case ERROR_SHAPE_ANTHROPIC: write_anthropic(&w, row, e->text, request_id); break;
    }
    CHECK(!b.bad);
    out = arena_str(a, buf_str(&b));
    buf_done(&b);
    return out;
}
