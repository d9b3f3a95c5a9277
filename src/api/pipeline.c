/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of every request: route -> authenticate -> admit -> body -> handler -> settle. Errors
 * of any step become one reply here. Settlement happens in on_done, which comes exactly once for
 * every exchange, also when the client vanished.
 */
#include "api/api.h"
#include <stdio.h>
#include "api/request.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/log.h"

#define JSON_MEMORY_MAX (256u << 20)   /* tree of one body */
#define CLIENT_ID_SHOWN 64
#define ALLOW_HEADERS_MAX 8192         /* bytes of a preflight's wish that are echoed */

/* ---- replies ---- */

static void common_headers(struct request *r)
{
    struct exchange *x = r->x;

    exchange_add_header(x, "x-request-id", request_id(r));
    exchange_add_header(x, "access-control-allow-origin", STR("*"));
    exchange_add_header(x, "access-control-expose-headers", STR("*"));
    exchange_add_header(x, "vary",
        STR("origin, access-control-request-method, access-control-request-headers"));
    exchange_add_header(x, "strict-transport-security", STR("max-age=31536000"));
}

void reply_json(struct request *r, int status, str json)
{
    exchange_reply(r->x, status, "application/json", json);
}

/* Where no row was found the path alone says who asks. */
static enum error_shape shape_of(const struct request *r)
{
    enum route_errors errors = r->route ? r->route->errors : route_errors(r->x->path);

    return errors == ERRORS_ANTHROPIC ? ERROR_SHAPE_ANTHROPIC : r->api->error_shape;
}

str request_error_body(struct request *r, const struct error *e)
{
    return status_body(shape_of(r), e, request_id(r), r->x->arena);
}

static int http_of(const struct request *r, enum err code)
{
    if (code != ERR_KEY) return status_of(code)->http;
    return shape_of(r) == ERROR_SHAPE_ANTHROPIC ? status_of(ERR_UNAUTHENTICATED)->http
                                                : r->api->wrong_key_status;
}

void reply_error(struct request *r, const struct error *e)
{
    const struct status_row *row = status_of(e->code);

    r->failure = e->code;
    if (row->should_retry) {
        exchange_add_header(r->x, "retry-after", STR("1"));
        exchange_add_header(r->x, "x-should-retry", STR("true"));
    }
    reply_json(r, http_of(r, e->code), request_error_body(r, e));
}

static void add_number(struct exchange *x, const char *name, int64_t v)
{
    exchange_add_header(x, name, arena_printf(x->arena, "%lld", (long long)v));
}

/* What this server can take is its limit: requests running and waiting, positions of KV cache. */
void reply_inference_headers(struct request *r)
{
    struct backend_health h = r->model->backend->ops->health(r->model->backend);

    add_number(r->x, "x-ratelimit-limit-requests", h.n_request_max);
    add_number(r->x, "x-ratelimit-remaining-requests", h.n_request_max - h.n_running - h.n_queued);
    add_number(r->x, "x-ratelimit-limit-tokens", h.tokens);
    add_number(r->x, "x-ratelimit-remaining-tokens", h.tokens_free);
    exchange_add_header(r->x, "x-zero-data-retention", STR("false"));
}

int64_t request_cost(const struct request *r)
{
    const struct token_counts t = {r->usage.prompt, r->usage.cached, r->usage.completion,
                                   r->usage.reasoning};
    int64_t cost = r->model ? price_cost(&r->model->price, &t) : 0;

    return r->is_priority ? PRIORITY_PRICE * cost : cost;
}

/* ---- the body ---- */

static bool is_json_type(str content_type)
{
    str type = str_trim(str_sub(content_type, 0, str_find_char(content_type, ';', 0)));

    return str_eq_nocase(type, STR("application/json"));
}

static void free_arena(void *arena)
{
    arena_free(arena);
}

enum err request_json(struct request *r, const struct json **root, struct error *e)
{
    struct arena *tree;
    struct error why;
    struct json *v;
    size_t line, col;

    if (r->x->body.n == 0 || !is_json_type(exchange_header(r->x, "content-type")))
        return err_set(e, ERR_MEDIA_TYPE, ERR_NO_POS,
                       "Expected request with Content-Type: application/json and a JSON body");
    if (exchange_header(r->x, "content-encoding").n)
        return err_set(e, ERR_MEDIA_TYPE, ERR_NO_POS,
                       "Compressed request bodies are not supported: send it without "
                       "Content-Encoding");
    tree = arena_new(JSON_MEMORY_MAX);
    arena_on_free(r->x->arena, free_arena, tree);
    if (json_parse(r->x->body, tree, &v, &why) != ERR_OK) {
        json_line_col(r->x->body, why.pos == ERR_NO_POS ? 0 : why.pos, &line, &col);
        return err_set(e, ERR_TYPE, why.pos, "Failed to parse the request body as JSON: %s at line "
                       "%zu column %zu", why.text, line, col);
    }
    *root = v;
    return ERR_OK;
}

enum err request_find_model(struct request *r, str name, struct error *e)
{
    str shown = str_sub(name, 0, 100);

    r->model = catalog_find(r->api->catalog, name);
    if (!r->model)
        return err_set(e, ERR_MODEL, ERR_NO_POS,
                       "The model %.*s does not exist or your team %.*s does not have access to "
                       "it.", STR_FMT(shown), STR_FMT(r->key.team_id));
    if (!key_allows(&r->key, "model", r->model->id) && !key_allows(&r->key, "model", name))
        return err_set(e, ERR_DENIED, ERR_NO_POS, "Access to the model %.*s is denied",
                       STR_FMT(shown));
    return ERR_OK;
}

/* ---- authenticate, admit ---- */

/* Both spellings go through here. {NULL, 0}: none presented. Two that disagree are none. */
static str credentials(const struct exchange *x)
{
    str bearer = exchange_header(x, "authorization"), key = exchange_header(x, "x-api-key");

    if (bearer.n > 7 && str_eq_nocase(str_sub(bearer, 0, 7), STR("Bearer "))) {
        str token = str_trim(str_sub(bearer, 7, bearer.n));

        if (!key.n || str_eq(key, token)) return token;
        return STR_NONE;
    }
    return bearer.n ? STR_NONE : str_trim(key);
}

static enum err authenticate(struct request *r, struct error *e)
{
    str secret;
    enum err rc;

    if (r->route->scope == SCOPE_PUBLIC) return ERR_OK;
    secret = credentials(r->x);
    if (!secret.n) return err_set(e, ERR_UNAUTHENTICATED, ERR_NO_POS, "No credentials presented.");
    rc = keyring_find(r->api->keys, secret, r->x->arena, &r->key, e);
    r->has_key = rc == ERR_OK || rc == ERR_DENIED;
    if (rc == ERR_DENIED && r->route->scope == SCOPE_KEY) return ERR_OK;
    return rc;
}

static enum err admit(struct request *r, struct error *e)
{
    enum api_state state = atomic_load_explicit(&r->api->state, memory_order_acquire);

    if (r->route->scope == SCOPE_CHAT && !key_allows(&r->key, "endpoint", STR("chat")))
        return err_set(e, ERR_DENIED, ERR_NO_POS, "Access to the chat endpoint is denied");
    if (r->route->scope == SCOPE_CHAT || r->route->scope == SCOPE_MODELS) {
        if (state == API_LOADING)
            return err_set(e, ERR_SHUTDOWN, ERR_NO_POS,
                           "The model is being loaded. Try again in a moment.");
        if (state == API_DRAINING)
            return err_set(e, ERR_SHUTDOWN, ERR_NO_POS, "The server is shutting down.");
    }
    return r->route->scope == SCOPE_CHAT ? ledger_admit(&r->api->ledger, e) : ERR_OK;
}

/* ---- the three callbacks of the transport ---- */

static struct request *request_new(struct api *api, struct exchange *x)
{
    struct request *r = arena_new_of(x->arena, struct request);

    r->api = api;
    r->x = x;
    uuid_make(r->id);
    x->user = r;
    common_headers(r);
    return r;
}

static void preflight(struct request *r)
{
    str wanted = exchange_header(r->x, "access-control-request-headers");

    if (!wanted.n || wanted.n > ALLOW_HEADERS_MAX) wanted = STR("*");
    exchange_add_header(r->x, "access-control-allow-methods",
                        STR("GET, POST, PUT, PATCH, DELETE, OPTIONS"));
    exchange_add_header(r->x, "access-control-allow-headers", wanted);
    exchange_add_header(r->x, "access-control-max-age", STR("86400"));
    exchange_reply(r->x, 204, NULL, STR_NONE);
}

static enum err find_route(struct request *r, struct error *e)
{
    char allow[64];

    r->route = route_find(r->x->method, r->x->path, &r->param, allow);
    if (r->route) return ERR_OK;
    if (!allow[0])
        return err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "No such URL: %.*s",
                       STR_FMT(str_sub(r->x->path, 0, 200)));
    exchange_add_header(r->x, "allow", str_of(allow));
    return err_set(e, ERR_METHOD, ERR_NO_POS, "Method %.*s is not allowed here; use %s",
                   STR_FMT(str_sub(r->x->method, 0, 20)), allow);
}

static enum err enter(struct request *r, struct error *e)
{
    enum err rc = find_route(r, e);

    /* Anthropic's name of x-request-id. */
    if (shape_of(r) == ERROR_SHAPE_ANTHROPIC)
        exchange_add_header(r->x, "request-id", request_id(r));
    TRY(rc);
    TRY(authenticate(r, e));
    return admit(r, e);
}

static void on_head(void *arg, struct exchange *x)
{
    struct request *r = request_new(arg, x);
    struct error e;

    if (str_is(x->method, "OPTIONS")) {
        preflight(r);
        return;
    }
    if (enter(r, &e) != ERR_OK) {
        reply_error(r, &e);
        return;
    }
    if (r->route->has_body)
        exchange_want_body(x, r->api->body_max);
    else
        r->route->handle(r);
}

static void on_body(void *arg, struct exchange *x)
{
    struct request *r = x->user;

    (void)arg;
    r->route->handle(r);
}

static int64_t ms_since(int64_t from_ns, int64_t to_ns)
{
    return from_ns && to_ns > from_ns ? (to_ns - from_ns) / NS_PER_MS : -1;
}

static int final_status(const struct request *r)
{
    return r->x->gone ? status_of(ERR_CANCELLED)->http : r->x->status;
}

static str error_type(const struct request *r)
{
    if (r->failure) return str_of(err_name(r->failure));
    return r->x->gone ? STR("cancelled") : STR("");
}

struct usage_row request_usage(const struct request *r, int64_t now_ns)
{
    int64_t latency_ms = (now_ns - r->x->start_ns) / NS_PER_MS;

    return (struct usage_row){
        .request_id = request_id(r), .team_id = r->key.team_id, .user_id = r->key.user_id,
        .key_id = r->key.id, .endpoint = str_of(r->route->path),
        .model = r->model ? r->model->id : STR_NONE,
        .error_type = error_type(r),
        .started_unix_ms = clock_unix_ms() - latency_ms, .status = final_status(r),
        .prompt_tokens = r->usage.prompt, .cached_tokens = r->usage.cached,
        .completion_tokens = r->usage.completion, .reasoning_tokens = r->usage.reasoning,
        .cost_ticks = request_cost(r),
        .first_token_ms = ms_since(r->x->start_ns, r->usage.first_token_ns),
        .latency_ms = latency_ms};
}

static void settle(struct request *r, int64_t now_ns)
{
    struct usage_row u = request_usage(r, now_ns);

    ledger_settle(&r->api->ledger, &u);
}

/* The client's own id of the request; empty when it could pass for other fields of the line. */
static str client_id(const struct exchange *x)
{
    str id = str_sub(exchange_header(x, "x-request-id"), 0, CLIENT_ID_SHOWN);

    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] <= ' ' || id.p[i] > '~' || id.p[i] == '=' || id.p[i] == '"') return STR_NONE;
    return id;
}

static void access_log(const struct request *r, int64_t now_ns)
{
    str client = client_id(r->x);
    str model = r->model ? r->model->id : STR("-");

    log_info("http", "request=%.*s method=%.*s route=%s status=%d ms=%.1f in=%llu out=%llu "
             "model=%.*s prompt=%lld cached=%lld completion=%lld ttft_ms=%lld%s%.*s",
             STR_FMT(request_id(r)), STR_FMT(str_sub(r->x->method, 0, 10)),
             r->route ? r->route->path : "-", final_status(r),
             (double)(now_ns - r->x->start_ns) / 1e6, (unsigned long long)r->x->bytes_in,
             (unsigned long long)r->x->bytes_out, STR_FMT(model), (long long)r->usage.prompt,
             (long long)r->usage.cached, (long long)r->usage.completion,
             (long long)ms_since(r->x->start_ns, r->usage.first_token_ns),
             client.n ? " client=" : "", STR_FMT(client));
}

static void on_done(void *arg, struct exchange *x)
{
    struct request *r = x->user;
    int64_t now_ns = clock_ns();

    (void)arg;
    if (!r) return;                    /* refused by the transport before a head was read */
    if (r->release) r->release(r);
    if (r->used_engine) settle(r, now_ns);
    access_log(r, now_ns);
}

static str error_body(void *arg, struct exchange *x, int status, const char *why, str *content_type)
{
    struct request *r = x->user ? x->user : request_new(arg, x);
    struct error e;

    err_set(&e, status_to_err(status), ERR_NO_POS, "%s", why);
    r->failure = e.code;
    *content_type = STR("application/json");
    return request_error_body(r, &e);
}

struct http_handler api_handler(struct api *api)
{
    return (struct http_handler){.arg = api, .on_head = on_head, .on_body = on_body,
                                 .on_done = on_done, .error_body = error_body};
}
