/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"
#include <stdio.h>
#include "api/handlers.h"

/* All arguments are needed: a route without a scope does not compile. */
#define ROUTE(method, path, scope, body, handler) \
    {method, path, scope, body, handler, ERRORS_AS_CONFIGURED}
#define ROUTE_ANTHROPIC(method, path, scope, body, handler) \
    {method, path, scope, body, handler, ERRORS_ANTHROPIC}

static const struct route table[] = {
    ROUTE("GET", "/", SCOPE_PUBLIC, false, handle_root),
    ROUTE("GET", "/openapi.json", SCOPE_PUBLIC, false, handle_openapi),
    ROUTE("GET", "/health", SCOPE_PUBLIC, false, handle_health),
    ROUTE("GET", "/ready", SCOPE_PUBLIC, false, handle_ready),
    ROUTE("GET", "/health/engine", SCOPE_PUBLIC, false, handle_engine_health),
    ROUTE("GET", "/v1/models", SCOPE_MODELS, false, handle_models),
    ROUTE("GET", "/v1/models/{id}", SCOPE_MODELS, false, handle_model),
    ROUTE("GET", "/v1/language-models", SCOPE_MODELS, false, handle_language_models),
    ROUTE("GET", "/v1/language-models/{id}", SCOPE_MODELS, false, handle_language_model),
    ROUTE("GET", "/v1/embedding-models", SCOPE_MODELS, false, handle_no_models),
    ROUTE("GET", "/v1/embedding-models/{id}", SCOPE_MODELS, false, handle_no_model),
    ROUTE("GET", "/v1/image-generation-models", SCOPE_MODELS, false, handle_no_models),
    ROUTE("GET", "/v1/image-generation-models/{id}", SCOPE_MODELS, false, handle_no_model),
    ROUTE("GET", "/v1/video-generation-models", SCOPE_MODELS, false, handle_no_models),
    ROUTE("GET", "/v1/video-generation-models/{id}", SCOPE_MODELS, false, handle_no_model),
    ROUTE("GET", "/v1/api-key", SCOPE_KEY, false, handle_api_key),
    ROUTE("POST", "/v1/chat/completions", SCOPE_CHAT, true, handle_chat_completions),
    ROUTE("GET", "/v1/chat/deferred-completion/{id}", SCOPE_CHAT, false,
          handle_deferred_completion),
    ROUTE_ANTHROPIC("POST", "/v1/messages", SCOPE_CHAT, true, handle_messages),
    ROUTE_ANTHROPIC("POST", "/v1/messages/count_tokens", SCOPE_CHAT, true, handle_messages_count),
    ROUTE_ANTHROPIC("POST", "/v1/complete", SCOPE_CHAT, true, handle_complete),
    ROUTE("POST", "/v1/completions", SCOPE_CHAT, true, handle_completions),
    ROUTE("POST", "/v1/tokenize-text", SCOPE_MODELS, true, handle_tokenize_text),
    ROUTE("POST", "/v1/responses", SCOPE_CHAT, true, handle_responses),
    ROUTE("POST", "/v1/responses/compact", SCOPE_CHAT, true, handle_responses_compact),
    ROUTE("GET", "/v1/responses/{id}", SCOPE_CHAT, false, handle_response),
    ROUTE("DELETE", "/v1/responses/{id}", SCOPE_CHAT, false, handle_response_delete),
    ROUTE("GET", "/v1/responses/{id}/input_items", SCOPE_CHAT, false, handle_response_inputs),
};

#define N_ROUTE (sizeof table / sizeof table[0])

const struct route *route_at(size_t i)
{
    return i < N_ROUTE ? &table[i] : NULL;
}

static bool path_matches(str path, str pattern, str *param)
{
    size_t brace = str_find_char(pattern, '{', 0);
    str behind;

    if (brace == SIZE_MAX) return str_eq(path, pattern);
    behind = str_sub(pattern, str_find_char(pattern, '}', brace) + 1, pattern.n);
    if (!str_starts(path, str_sub(pattern, 0, brace)) || path.n < brace + behind.n ||
        !str_ends(path, behind))
        return false;
    *param = str_sub(path, brace, path.n - brace - behind.n);
    return param->n > 0 && str_find_char(*param, '/', 0) == SIZE_MAX;
}

static bool method_matches(str method, const char *wanted)
{
    return str_is(method, wanted) || (str_is(method, "HEAD") && strcmp(wanted, "GET") == 0);
}

const struct route *route_find(str method, str path, str *param, char allow[64])
{
    size_t n = 0;

    allow[0] = 0;
    if (path.n > 1 && path.p[path.n - 1] == '/') path.n--;   /* "/v1/models/" is "/v1/models" */
    for (size_t i = 0; i < N_ROUTE; i++) {
        if (!path_matches(path, str_of(table[i].path), param)) continue;
        if (method_matches(method, table[i].method)) return &table[i];
        n += (size_t)snprintf(allow + n, 64 - n, "%s%s", n ? ", " : "", table[i].method);
    }
    return NULL;
}

static bool is_below(str path, str above)
{
    return path.n > above.n && path.p[above.n] == '/' && str_starts(path, above);
}

enum route_errors route_errors(str path)
{
    str param;

    for (size_t i = 0; i < N_ROUTE; i++)
        if (table[i].errors != ERRORS_AS_CONFIGURED &&
            (path_matches(path, str_of(table[i].path), &param) ||
             is_below(path, str_of(table[i].path))))
            return table[i].errors;
    return ERRORS_AS_CONFIGURED;
}
