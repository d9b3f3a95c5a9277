/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of a request through a real server with keys, ledger and a backend that plays scripts:
 * who may, what is answered in which state, streams and whole replies, failures at each stage,
 * and one usage record for whatever reached the backend.
 */
#include "../net/fixture.h"
#include "../test.h"
#include "api/api.h"
#include "api/route.h"
#include "net/pool.h"
#include "store/usage_rows.h"

/* ---- a backend that plays the script named by the first message ---- */

struct backend_run {
    const struct chat_request *r;
    const struct script *script;
    size_t at;
    bool paused;
};

static const struct chat_token token = {.text = STR("Hi"), .logprob = -0.5f, .n_top = 1,
                                        .top = {{STR("Ho"), -1.5f}}};
#define SLOW_US 200000
#define LARGE 40000                    /* bytes of a body that is prepared on the pool */
#define USAGE {.prompt = 12, .cached = 2, .completion = 1, .reasoning = 228}
#define TEXT(s) {.kind = CHAT_TEXT, .text = STR(s), .token = &token, .n_token = 1}
#define CALL(i, id, name, arguments) \
    {.kind = CHAT_CALL, .n_call = i, .call = {STR(id), STR(name), STR(arguments)}}
#define CALL_END {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_TOOL_CALLS}
#define PAUSE {.kind = CHAT_EVENT_PAUSE}
#define CHAT_EVENT_PAUSE ((enum chat_event_kind)99)

static const struct script { const char *name; struct chat_event event[8]; } scripts[] = {
    {"plain", {TEXT("Hi"), PAUSE, TEXT(" there"),
               {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_STOP},
               {.kind = CHAT_END, .usage = USAGE}}},
    {"think", {{.kind = CHAT_REASONING, .text = STR("why")}, TEXT("So"),
               {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_LENGTH},
               {.kind = CHAT_END, .usage = USAGE}}},
    {"empty", {{.kind = CHAT_CHOICE_END}, {.kind = CHAT_END, .usage = USAGE}}},
    {"two", {{.kind = CHAT_TEXT, .choice = 1, .text = STR("b")},
             {.kind = CHAT_TEXT, .text = STR("a")},
             {.kind = CHAT_CHOICE_END, .choice = 1}, {.kind = CHAT_CHOICE_END},
             {.kind = CHAT_END, .usage = USAGE}}},
    {"fail", {TEXT("Hi"), PAUSE, {.kind = CHAT_FAIL, .usage = USAGE,
                                  .error = {.code = ERR_INTERNAL, .text = "broken"}}}},
    {"call", {CALL(0, "call_1", "f", "{}"), CALL_END, {.kind = CHAT_END, .usage = USAGE}}},
    {"calls", {{.kind = CHAT_REASONING, .text = STR("why")}, TEXT("So"),
               CALL(0, "call_1", "f", "{\"a\": \"\\\"\"}"), PAUSE, CALL(1, "call_2", "g", "{}"),
               CALL_END, {.kind = CHAT_END, .usage = USAGE}}},
    {"call, fail", {CALL(0, "call_1", "f", "{}"), {.kind = CHAT_FAIL, .usage = USAGE,
                    .error = {.code = ERR_INTERNAL, .text = "broken"}}}},
    {"hang", {TEXT("Hi")}},
    {"slow", {TEXT("Hi"), {.kind = CHAT_CHOICE_END}, {.kind = CHAT_END, .usage = USAGE}}},
};

static enum err play_start(struct backend *b, const struct chat_request *r, struct arena *a,
                           struct backend_run **out, struct error *e)
{
    (void)b;
    r->wake(r->wake_arg);              /* as an engine may, before this returns */
    if (str_is(r->message[0].text, "slow")) usleep(SLOW_US);
    if (str_is(r->message[0].text, "busy")) return err_set(e, ERR_BUSY, ERR_NO_POS, "full");
    for (size_t i = 0; i < N_OF(scripts); i++)
        if (str_is(r->message[0].text, scripts[i].name)) {
            *out = arena_new_of(a, struct backend_run);
            **out = (struct backend_run){.r = r, .script = &scripts[i]};
            return ERR_OK;
        }
    return err_set(e, ERR_CONTEXT, ERR_NO_POS, "no such script");
}

static bool play_next(struct backend_run *run, struct chat_event *ev)
{
    *ev = run->script->event[run->at];
    if (run->at == 8 || (ev->kind == CHAT_TEXT && !ev->text.n)) return false;
    if (ev->kind == CHAT_EVENT_PAUSE && !run->paused) {
        run->paused = true;
        run->r->wake(run->r->wake_arg);
        return false;
    }
    if (ev->kind == CHAT_EVENT_PAUSE) *ev = run->script->event[++run->at];
    run->at++;
    return true;
}

static struct chat_usage play_usage(const struct backend_run *run)
{
    (void)run;
    return (struct chat_usage)USAGE;
}

static atomic_int n_freed;

static void play_free(struct backend_run *run)
{
    (void)run;
    atomic_fetch_add(&n_freed, 1);
}

static struct backend_health play_health(const struct backend *b)
{
    (void)b;
    return (struct backend_health){.steps = 1, .last_step_ns = clock_ns(), .n_running = 1,
                                   .n_request_max = 10, .tokens = 100, .tokens_free = 60};
}

static enum err play_count(struct backend *b, const struct chat_request *r, size_t *n_token,
                           struct error *e)
{
    (void)b;
    (void)e;
    *n_token = r->n_message;
    return ERR_OK;
}

static const struct backend_ops play_ops = {
    .start = play_start, .next = play_next, .usage = play_usage, .free = play_free,
    .health = play_health, .count = play_count};

/* ---- the server ---- */

static struct world {
    char dir[64], path[96];
    struct arena *arena;
    struct db *db;
    struct backend backend;
    struct catalog catalog;
    struct api api;
    struct http_handler handler;
    struct pool *pool;
    struct server *server;
    str admin, disabled, no_chat, other_model;
    struct buf reply;
} w;

static str make_key(const char *name, const char *acls, bool disabled)
{
    struct key_info info;
    struct error e;
    str secret;

    if (key_create(w.db, w.arena, str_of(name), str_of(acls), 0, &secret, &info, &e) != ERR_OK)
        fail_msg("%s", e.text);
    if (disabled) {
        static const char sql[] = "UPDATE api_key SET disabled = 1 WHERE id = ?1";
        struct db_value id = db_text(info.id);

        assert_int_equal(db_run(w.db, sql, &id, 1, NULL, NULL, &e), ERR_OK);
    }
    return secret;
}

static void open_store(void)
{
    struct error e;

    snprintf(w.dir, sizeof w.dir, "/tmp/grokd-api-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    snprintf(w.path, sizeof w.path, "%s/db", w.dir);
    if (db_open(w.path, &w.db, &e) != ERR_OK) fail_msg("%s", e.text);
    w.admin = make_key("admin", ACL_ALL, false);
    w.disabled = make_key("disabled", ACL_ALL, true);
    w.no_chat = make_key("no chat", "api-key:endpoint:embed api-key:model:*", false);
    w.other_model = make_key("other", "api-key:endpoint:* api-key:model:other", false);
    w.api.keys = keyring_new();
    assert_int_equal(keyring_refresh(w.api.keys, w.db, true, &e), ERR_OK);
    assert_int_equal(writer_open(w.path, NULL, NULL, &w.api.ledger.writer, &e), ERR_OK);
}

static int setup(void **state)
{
    struct server_options o = test_options();
    struct error e;

    (void)state;
    w.arena = arena_new(0);
    w.backend.ops = &play_ops;
    w.catalog = (struct catalog){.n = 1, .entry = {{
        .id = STR("mine"), .backend = &w.backend, .n_ctx = 100, .fingerprint = "fp_1",
        .is_default = true, .price = {3000, 750, 5000}}}};
    w.api = (struct api){.wrong_key_status = 400, .body_max = 1 << 20, .catalog = &w.catalog,
                         .state = API_READY};
    buf_init(&w.reply, 1 << 20);
    open_store();
    w.pool = w.api.pool = pool_new(1, 1);
    w.handler = api_handler(&w.api);
    if (server_open(&o, &w.handler, &w.server, &e) != ERR_OK) fail_msg("%s", e.text);
    return 0;
}

static int teardown(void **state)
{
    char file[128];
    static const char *const suffix[] = {"", "-wal", "-shm"};

    (void)state;
    server_drain(w.server, clock_ns());
    pool_free(w.pool);
    server_close(&w.server);
    writer_close(&w.api.ledger.writer);
    keyring_free(w.api.keys);
    db_close(&w.db);
    for (size_t i = 0; i < N_OF(suffix); i++) {
        snprintf(file, sizeof file, "%s%s", w.path, suffix[i]);
        unlink(file);
    }
    rmdir(w.dir);
    buf_done(&w.reply);
    arena_free(w.arena);
    return 0;
}

/* Sends one request, reads the reply to its end into w.reply, gives the status. */
static int ask(const char *method, const char *path, const char *headers, str body)
{
    int fd = client_connect(server_port(w.server)), status = 0;
    str head = arena_printf(w.arena, "%s %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n%s", method,
                            path, headers);
    str length = arena_printf(w.arena, "content-length: %zu\r\n\r\n", body.n);

    buf_clear(&w.reply);
    assert_true(client_send(fd, head) && client_send(fd, length) && client_send(fd, body));
    client_read_to_end(fd, &w.reply);
    close(fd);
    buf_char(&w.reply, 0);
    if (sscanf(w.reply.p, "HTTP/1.1 %d", &status) != 1) fail_msg("no status: %s", w.reply.p);
    return status;
}

static const char *bearer(str key)
{
    return arena_printf(w.arena, "authorization: Bearer %.*s\r\n", STR_FMT(key)).p;
}

static int get(const char *path, str key)
{
    return ask("GET", path, key.n ? bearer(key) : "", STR(""));
}

static int chat(str key, const char *script, const char *more)
{
    str body = arena_printf(w.arena,
                            "{\"model\":\"grok-4\",\"messages\":[{\"role\":\"user\",\"content\":"
                            "\"%s\"}]%s}", script, more);

    return ask("POST", "/v1/chat/completions",
               arena_printf(w.arena, "%scontent-type: application/json\r\n", bearer(key)).p, body);
}

#define has(text)                                                                                  \
    do {                                                                                           \
        if (!strstr(w.reply.p, (text))) fail_msg("no \"%s\" in\n%s", (text), w.reply.p);           \
    } while (0)
#define has_not(text)                                                                              \
    do {                                                                                           \
        if (strstr(w.reply.p, (text))) fail_msg("\"%s\" in\n%s", (text), w.reply.p);               \
    } while (0)

/* ---- who may ---- */

static void test_no_key(void **state)
{
    const struct route *r;

    (void)state;
    for (size_t i = 0; (r = route_at(i)); i++) {
        int status = ask(r->method, r->path, "", STR(""));

        if (r->scope == SCOPE_PUBLIC ? status == 401 : status != 401)
            fail_msg("%s %s: %d", r->method, r->path, status);
        if (status == 401 && r->errors == ERRORS_ANTHROPIC)
            has("{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\"");
        else if (status == 401)
            has("{\"code\":\"unauthenticated:no-credentials\"");
        has("x-request-id: ");
        has("access-control-allow-origin: *");
    }
}

static void test_wrong_key(void **state)
{
    const struct route *r;

    (void)state;
    for (size_t i = 0; (r = route_at(i)); i++) {
        if (r->scope == SCOPE_PUBLIC) continue;
        assert_int_equal(ask(r->method, r->path, bearer(STR("xai-wrong")), STR("")),
                         r->errors == ERRORS_ANTHROPIC ? 401 : 400);
        has("Incorrect API key");
    }
    w.api.wrong_key_status = 401;
    assert_int_equal(get("/v1/models", STR("xai-wrong")), 401);
}

static void test_credentials(void **state)
{
    static const struct { const char *format; int status; } row[] = {
        {"authorization: Bearer %.*s\r\n", 200}, {"Authorization: bearer   %.*s  \r\n", 200},
        {"x-api-key: %.*s\r\n", 200}, {"X-Api-Key: %.*s\r\n", 200},
        {"authorization: %.*s\r\n", 401}, {"authorization: Basic %.*s\r\n", 401},
        {"authorization: Bearer%.*s\r\n", 401},
        {"x-api-key: other\r\nauthorization: Bearer %.*s\r\n", 401},
        {"authorization: Bearer x%.*s\r\n", 400},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        char headers[256];
        str format = str_of(row[i].format);
        size_t at = str_find(format, STR("%.*s"), 0);

        snprintf(headers, sizeof headers, "%.*s%.*s%s", (int)at, format.p, STR_FMT(w.admin),
                 format.p + at + 4);
        if (ask("GET", "/v1/models", headers, STR("")) != row[i].status)
            fail_msg("row %zu: %s", i, w.reply.p);
    }
}

static void test_acls(void **state)
{
    (void)state;
    assert_int_equal(get("/v1/api-key", w.disabled), 200);
    has("\"api_key_disabled\":true");
    assert_int_equal(get("/v1/models", w.disabled), 403);
    assert_int_equal(chat(w.disabled, "plain", ""), 403);
    assert_int_equal(chat(w.no_chat, "plain", ""), 403);
    assert_int_equal(get("/v1/models", w.no_chat), 200);
    has("\"mine\"");
    assert_int_equal(chat(w.other_model, "plain", ""), 403);
    assert_int_equal(get("/v1/models", w.other_model), 200);
    has_not("\"mine\"");
    assert_int_equal(get("/v1/models/mine", w.other_model), 404);
}

/* ---- states, routes, bodies ---- */

static void test_states(void **state)
{
    (void)state;
    w.api.state = API_LOADING;
    assert_int_equal(get("/health", STR_NONE), 200);
    assert_int_equal(get("/ready", STR_NONE), 503);
    has("loading");
    assert_int_equal(get("/health/engine", STR_NONE), 503);
    has("\"status\":\"loading\"");
    assert_int_equal(chat(w.admin, "plain", ""), 503);
    has("retry-after: 1");
    assert_int_equal(get("/v1/models", w.admin), 503);
    assert_int_equal(get("/v1/api-key", w.admin), 200);
    w.api.state = API_DRAINING;
    assert_int_equal(get("/ready", STR_NONE), 503);
    assert_int_equal(chat(w.admin, "plain", ""), 503);
    w.api.state = API_READY;
    assert_int_equal(get("/ready", STR_NONE), 200);
    assert_int_equal(get("/health/engine", STR_NONE), 200);
    has("\"moves\":true");
}

static void test_paths(void **state)
{
    (void)state;
    assert_int_equal(get("/v1/nothing", w.admin), 404);
    assert_int_equal(get("/v1/chat/completions", w.admin), 405);
    has("allow: POST");
    assert_int_equal(get("/v1/models/", w.admin), 200);
    assert_int_equal(get("/v1/models/grok-4", w.admin), 200);
    has("\"id\":\"mine\"");
    assert_int_equal(get("/v1/language-models/grok-4", w.admin), 200);
    assert_int_equal(get("/v1/models/gpt", w.admin), 404);
    assert_int_equal(ask("HEAD", "/v1/models", bearer(w.admin), STR("")), 200);
    has_not("\"mine\"");
}

static void test_preflight(void **state)
{
    char headers[20000];

    (void)state;
    assert_int_equal(ask("OPTIONS", "/v1/chat/completions",
                         "access-control-request-headers: x-a, x-b\r\n", STR("")), 204);
    has("access-control-allow-headers: x-a, x-b");
    memset(headers, 'a', sizeof headers);
    memcpy(headers, "access-control-request-headers: ", 32);
    memcpy(headers + sizeof headers - 3, "\r\n", 3);
    assert_int_equal(ask("OPTIONS", "/", headers, STR("")), 204);
    has("access-control-allow-headers: *");
}

static void test_bodies(void **state)
{
    static const struct { const char *type, *body; int status; const char *text; } row[] = {
        {"", "{}", 415, "Content-Type"},
        {"content-type: text/plain\r\n", "{}", 415, "Content-Type"},
        {"content-type: application/json\r\n", "", 415, "JSON body"},
        {"content-type: application/json\r\ncontent-encoding: gzip\r\n", "{}", 415, "Compressed"},
        {"content-type: application/json\r\n", "{\n \"a\": }", 422, "at line 2 column 7"},
        {"content-type: Application/JSON ; charset=utf-8\r\n", "{}", 422, "missing field `model`"},
        {"content-type: application/json\r\n", "{\"model\":\"x\",\"messages\":[{\"role\":\"user\","
         "\"content\":\"a\"}]}", 404, "The model x does not exist"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        str headers = arena_printf(w.arena, "%s%s", bearer(w.admin), row[i].type);

        if (ask("POST", "/v1/chat/completions", headers.p, str_of(row[i].body)) != row[i].status)
            fail_msg("row %zu: %s", i, w.reply.p);
        has(row[i].text);
    }
    w.api.error_shape = ERROR_SHAPE_OPENAI;
    assert_int_equal(chat(w.admin, "plain", ",\"n\":0"), 400);
    has("{\"error\":{\"message\":\"Invalid value for 'n'");
    w.api.body_max = 100;
    assert_int_equal(chat(w.admin, "plain",
                          ",\"user\":\"0123456789012345678901234567890123456789\""), 413);
}

/* ---- replies ---- */

static void test_whole(void **state)
{
    (void)state;
    assert_int_equal(chat(w.admin, "plain", ",\"logprobs\":true"), 200);
    has("\"object\":\"chat.completion\"");
    has("\"model\":\"mine\"");
    has("\"content\":\"Hi there\"");
    has("\"finish_reason\":\"stop\"");
    has("\"logprobs\":{\"content\":[{\"token\":\"Hi\",\"logprob\":-0.5,\"bytes\":[72,105],"
        "\"top_logprobs\":[{\"token\":\"Ho\",\"logprob\":-1.5,\"bytes\":[72,111]}]},{");
    has("\"prompt_tokens\":12,\"completion_tokens\":1,\"total_tokens\":241");
    has("\"cached_tokens\":2");
    has("\"reasoning_tokens\":228");
    has("\"cost_in_usd_ticks\":1176500");
    has("\"system_fingerprint\":\"fp_1\"");
    has("x-ratelimit-remaining-requests: 9");
    assert_int_equal(chat(w.admin, "think", ""), 200);
    has("\"content\":\"So\",\"reasoning_content\":\"why\"");
    has("\"finish_reason\":\"length\"");
    has_not("logprobs");
    assert_int_equal(chat(w.admin, "two", ",\"n\":2,\"service_tier\":\"auto\""), 200);
    has("\"service_tier\":\"default\"");
    has("\"cost_in_usd_ticks\":1176500");
    assert_int_equal(chat(w.admin, "two", ",\"n\":2,\"service_tier\":\"priority\""), 200);
    has("\"service_tier\":\"priority\"");
    has("\"cost_in_usd_ticks\":2353000");
    assert_true(strstr(w.reply.p, "\"content\":\"a\"") < strstr(w.reply.p, "\"content\":\"b\""));
}

static void test_stream(void **state)
{
    (void)state;
    assert_int_equal(chat(w.admin, "plain",
                          ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"), 200);
    has("text/event-stream");
    has("\"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":null");
    has("\"delta\":{\"content\":\" there\"}");
    has("\"delta\":{},\"finish_reason\":\"stop\"");
    has("\"choices\":[],\"usage\":{\"prompt_tokens\":12");
    has("data: [DONE]\n\n");
    assert_int_equal(chat(w.admin, "think", ",\"stream\":true"), 200);
    has("\"delta\":{\"role\":\"assistant\",\"reasoning_content\":\"why\"}");
    has("\"delta\":{\"content\":\"So\"}");
    has_not("\"usage\"");
    assert_int_equal(chat(w.admin, "empty", ",\"stream\":true"), 200);
    has("\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":\"stop\"");
}

#define TOOLS ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define FUNCTIONS ",\"functions\":[{\"name\":\"f\"}]"
#define SCHEMA \
    ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}"

static void test_whole_calls(void **state)
{
    (void)state;
    assert_int_equal(chat(w.admin, "call", TOOLS), 200);
    has("\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"call_1\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},\"type\":\"function\"}],"
        "\"refusal\":null},\"finish_reason\":\"tool_calls\"");
    assert_int_equal(chat(w.admin, "calls", TOOLS), 200);
    has("\"content\":\"So\",\"reasoning_content\":\"why\",\"tool_calls\":[{\"id\":\"call_1\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": \\\"\\\\\\\"\\\"}\"},"
        "\"type\":\"function\"},{\"id\":\"call_2\"");
    assert_int_equal(chat(w.admin, "call", FUNCTIONS), 200);
    has("\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}");
    has("\"finish_reason\":\"function_call\"");
    has_not("tool_calls");
    assert_int_equal(chat(w.admin, "call, fail", TOOLS), 500);
}

static void test_streamed_calls(void **state)
{
    (void)state;
    assert_int_equal(chat(w.admin, "call", TOOLS ",\"stream\":true"), 200);
    has("\"delta\":{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"call_1\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},"
        "\"index\":0,\"type\":\"function\"}]},\"finish_reason\":null");
    has("\"delta\":{},\"finish_reason\":\"tool_calls\"");
    assert_int_equal(chat(w.admin, "calls", TOOLS ",\"stream\":true,\"logprobs\":true"), 200);
    has("\"delta\":{\"tool_calls\":[{\"id\":\"call_2\",\"function\":{\"name\":\"g\",\"arguments\":"
        "\"{}\"},\"index\":1,\"type\":\"function\"}]},\"logprobs\":null,\"finish_reason\":null");
    has("data: [DONE]");
    assert_int_equal(chat(w.admin, "call", FUNCTIONS ",\"stream\":true"), 200);
    has("\"delta\":{\"role\":\"assistant\","
        "\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}}");
    has("\"finish_reason\":\"function_call\"");
    assert_int_equal(chat(w.admin, "call, fail", TOOLS ",\"stream\":true"), 200);
    has("call_1");
    has("data: {\"code\":\"internal\",\"error\":\"broken\"}\n\n");
    has_not("[DONE]");
}

static void test_failures(void **state)
{
    (void)state;
    assert_int_equal(chat(w.admin, "busy", ",\"stream\":true"), 429);
    has("x-should-retry: true");
    has("resource-exhausted");
    assert_int_equal(chat(w.admin, "unknown", ""), 400);
    has("no such script");
    assert_int_equal(chat(w.admin, "fail", ""), 500);
    has("\"error\":\"broken\"");
    has_not("Hi");
    assert_int_equal(chat(w.admin, "fail", ",\"stream\":true"), 200);
    has("\"content\":\"Hi\"");
    has("data: {\"code\":\"internal\",\"error\":\"broken\"}\n\n");
    has_not("[DONE]");
}

/* ---- settlement ---- */

static struct usage_sum settled(int64_t want)
{
    struct usage_sum sum = {0};
    struct error e;
    int64_t end = clock_ns() + 5 * NS_PER_S;

    while (sum.requests < want && clock_ns() < end) {
        usleep(5000);
        assert_int_equal(usage_rows_sum(w.db, &sum, &e), ERR_OK);
    }
    return sum;
}

static void test_settlement(void **state)
{
    int fd, freed = atomic_load(&n_freed);
    struct usage_sum sum;
    str body = STR("{\"model\":\"m\",\"stream\":true,"
                   "\"messages\":[{\"role\":\"user\",\"content\":\"hang\"}]}");

    (void)state;
    chat(w.admin, "plain", "");
    chat(w.admin, "fail", ",\"stream\":true");
    chat(w.admin, "busy", "");         /* nothing was done: no record */
    chat(w.admin, "plain", ",\"n\":0");
    sum = settled(2);
    assert_int_equal(sum.requests, 2);
    assert_int_equal(sum.prompt_tokens, 24);
    assert_int_equal(sum.cost_ticks, 2 * 1176500);
    /* A client that goes away is billed what was made, and its run is freed. */
    w.catalog.entry[0].id = STR("m");
    fd = client_connect(server_port(w.server));
    client_send(fd, arena_printf(w.arena, "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n%s"
                                 "content-type: application/json\r\ncontent-length: "
                                 "%zu\r\n\r\n%.*s",
                                 bearer(w.admin), body.n, STR_FMT(body)));
    buf_clear(&w.reply);
    client_read_until(fd, &w.reply, "Hi");
    close(fd);
    sum = settled(3);
    assert_int_equal(sum.requests, 3);
    assert_int_equal(sum.cost_ticks, 3 * 1176500);
    assert_int_equal(atomic_load(&n_freed) - freed, 3);
}

/* ---- large bodies, which are prepared apart from the loop ---- */

/* A member that makes a body large. */
static const char *padding(const char *more)
{
    char *text = arena_alloc(w.arena, LARGE + 1);

    memset(text, 'x', LARGE);
    return arena_printf(w.arena, ",\"user\":\"%s\"%s", text, more).p;
}

static void test_large(void **state)
{
    (void)state;
    assert_int_equal(chat(w.admin, "plain", padding("")), 200);
    has("\"content\":\"Hi there\"");
    assert_int_equal(chat(w.admin, "slow", padding(",\"stream\":true")), 200);
    has("data: [DONE]");
    assert_int_equal(chat(w.admin, "plain", padding(",\"n\":0")), 400);
    assert_int_equal(chat(w.admin, "busy", padding("")), 429);
    assert_int_equal(chat(w.admin, "unknown", padding("")), 400);
    assert_int_equal(chat(w.other_model, "plain", padding("")), 403);
    assert_int_equal(settled(2).requests, 2);
}

/* Sends a slow request and does not wait for the reply. */
static int send_slow(const char *more)
{
    int fd = client_connect(server_port(w.server));
    str body = arena_printf(w.arena, "{\"model\":\"grok-4\",\"messages\":[{\"role\":\"user\","
                            "\"content\":\"slow\"}]%s}", more);

    client_send(fd, arena_printf(w.arena, "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n%s"
                                 "content-type: application/json\r\ncontent-length: %zu\r\n\r\n",
                                 bearer(w.admin), body.n));
    client_send(fd, body);
    return fd;
}

/* The client leaves while its request is prepared: what was started is freed. */
static void test_large_gone(void **state)
{
    int freed = atomic_load(&n_freed), fd = send_slow(padding(""));
    int64_t end = clock_ns() + 5 * NS_PER_S;

    (void)state;
    usleep(SLOW_US / 4);
    close(fd);
    while (atomic_load(&n_freed) == freed && clock_ns() < end) usleep(5000);
    assert_int_equal(atomic_load(&n_freed) - freed, 1);
}

/* One request at work, one waiting: the third is told to come again; small ones still pass. */
static void test_large_busy(void **state)
{
    int first = send_slow(padding("")), second;

    (void)state;
    usleep(SLOW_US / 4);
    second = send_slow(padding(""));
    usleep(SLOW_US / 4);
    assert_int_equal(chat(w.admin, "plain", padding("")), 429);
    has("Too many large requests wait");
    assert_int_equal(chat(w.admin, "plain", ""), 200);
    buf_clear(&w.reply);
    client_read_until(first, &w.reply, "200 OK");
    buf_clear(&w.reply);
    client_read_until(second, &w.reply, "200 OK");
    close(first);
    close(second);
}

/* A schema or tools take long to prepare: the loop answers others meanwhile. */
static void test_constrained_apart(void **state)
{
    static const char *const more[] = {
        SCHEMA, TOOLS, FUNCTIONS, ",\"response_format\":{\"type\":\"json_object\"}"};

    (void)state;
    for (size_t i = 0; i < N_OF(more); i++) {
        int64_t start_ns = clock_ns();
        int fd = send_slow(more[i]);

        usleep(SLOW_US / 8);
        assert_int_equal(get("/health", STR_NONE), 200);
        if (clock_ns() - start_ns >= SLOW_US * NS_PER_US)
            fail_msg("%s: the loop waited", more[i]);
        buf_clear(&w.reply);
        client_read_until(fd, &w.reply, "200 OK");
        close(fd);
        assert_int_equal(chat(w.admin, "busy", more[i]), 429);
        assert_int_equal(chat(w.admin, "unknown", more[i]), 400);
    }
}

/* The server ends: a running stream gets a typed last event. */
static void test_shutdown(void **state)
{
    int fd = client_connect(server_port(w.server));
    str body = STR("{\"model\":\"grok-4\",\"stream\":true,"
                   "\"messages\":[{\"role\":\"user\",\"content\":\"hang\"}]}");

    (void)state;
    client_send(fd, arena_printf(w.arena, "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n%s"
                                 "content-type: application/json\r\ncontent-length: "
                                 "%zu\r\n\r\n%.*s",
                                 bearer(w.admin), body.n, STR_FMT(body)));
    buf_clear(&w.reply);
    client_read_until(fd, &w.reply, "Hi");
    server_drain(w.server, clock_ns());
    client_read_to_end(fd, &w.reply);
    close(fd);
    buf_char(&w.reply, 0);
    has("\"error\":\"The server is shutting down.\"");
    assert_int_equal(settled(1).requests, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_key), TEST(test_wrong_key), TEST(test_credentials), TEST(test_acls),
        TEST(test_states), TEST(test_paths), TEST(test_preflight), TEST(test_bodies),
        TEST(test_whole), TEST(test_stream), TEST(test_failures), TEST(test_settlement),
        TEST(test_large), TEST(test_large_gone), TEST(test_large_busy),
        TEST(test_constrained_apart), TEST(test_shutdown), TEST(test_whole_calls),
        TEST(test_streamed_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
