/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of statuses: a row for every code, each spelling of bodies, and the way back from
 * the transport's own statuses.
 */
#include "../test.h"
#include "api/status.h"
#include "codec/json.h"

static void test_every_code(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_COUNT; code++) {
        const struct status_row *row = status_of((enum err)code);

        assert_in_range(row->http, 200, 599);
        assert_true(row->slug && *row->slug);
        assert_true((code == ERR_OK) == (row->http == 200));
        assert_true(code == ERR_OK || (*row->openai_type && *row->openai_code));
        assert_true(code == ERR_OK || *row->anthropic_type);
        /* Only what another try may mend is retried: 429 and 5xx, but nothing unsupported. */
        assert_int_equal(row->should_retry,
                         row->http == 429 || (row->http >= 500 && row->http != 501));
    }
}

static void no_such_code(void)
{
    status_of(ERR_COUNT);
}

static void test_no_such_code(void **state)
{
    (void)state;
    assert_int_equal(signal_of(no_such_code), SIGABRT);
}

static const struct { enum err code; int http; const char *xai, *openai; } bodies[] = {
    {ERR_ARG, 400, "{\"code\":\"invalid-argument\",\"error\":\"t\"}",
     "{\"error\":{\"message\":\"t\","
     "\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"invalid_value\"}}"},
    {ERR_TYPE, 422, "{\"error\":\"t\"}",
     "{\"error\":{\"message\":\"t\","
     "\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"invalid_type\"}}"},
    {ERR_UNAUTHENTICATED, 401, "{\"code\":\"unauthenticated:no-credentials\",\"error\":\"t\"}",
     "{\"error\":{\"message\":\"t\","
     "\"type\":\"authentication_error\",\"param\":null,\"code\":\"invalid_api_key\"}}"},
    {ERR_MODEL, 404, "{\"code\":\"not-found\",\"error\":\"t\"}",
     "{\"error\":{\"message\":\"t\","
     "\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}"},
    {ERR_BUSY, 429, "{\"code\":\"resource-exhausted\",\"error\":\"t\"}",
     "{\"error\":{\"message\":\"t\","
     "\"type\":\"rate_limit_error\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}"},
    {ERR_INTERNAL, 500, "{\"code\":\"internal\",\"error\":\"t\"}",
     "{\"error\":{\"message\":\"t\","
     "\"type\":\"server_error\",\"param\":null,\"code\":\"internal\"}}"},
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(bodies); i++) {
        struct arena *a = arena_new(0);
        struct error e = {.code = bodies[i].code, .text = "t"};

        assert_int_equal(status_of(e.code)->http, bodies[i].http);
        assert_str_is(status_body(ERROR_SHAPE_XAI, &e, STR("id"), a), bodies[i].xai);
        assert_str_is(status_body(ERROR_SHAPE_OPENAI, &e, STR("id"), a), bodies[i].openai);
        arena_free(a);
    }
}

/* The types that Anthropic's clients know for a status (api/anthropic.md, 5). */
static void test_anthropic(void **state)
{
    static const struct { int http; const char *type; } row[] = {
        {400, "invalid_request_error"}, {422, "invalid_request_error"},
        {401, "authentication_error"}, {403, "permission_error"}, {404, "not_found_error"},
        {413, "request_too_large"}, {429, "rate_limit_error"}, {500, "api_error"},
        {503, "overloaded_error"}};

    (void)state;
    for (int code = 1; code < ERR_COUNT; code++) {
        const struct status_row *s = status_of((enum err)code);

        if (code == ERR_KEY) continue;     /* 401 there, whatever the server's own dialect says */
        for (size_t i = 0; i < N_OF(row); i++)
            if (s->http == row[i].http) assert_string_equal(s->anthropic_type, row[i].type);
    }
}

static void test_anthropic_body(void **state)
{
    struct arena *a = arena_new(0);
    struct error e = {.code = ERR_BUSY, .text = "t"};

    (void)state;
    assert_str_is(status_body(ERROR_SHAPE_ANTHROPIC, &e, STR("id"), a),
                  "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","
                  "\"message\":\"t\"},\"request_id\":\"id\"}");
    arena_free(a);
}

/* The longest text in its longest form still makes a body. */
static void test_longest_text(void **state)
{
    static const char filler[] = {1, '\xff', '"'};

    (void)state;
    for (size_t f = 0; f < sizeof filler; f++)
        for (int code = 0; code < ERR_COUNT; code++) {
            struct arena *a = arena_new(0);
            struct error e = {.code = (enum err)code};
            struct json *v;
            struct error bad;

            memset(e.text, filler[f], sizeof e.text - 1);
            for (int shape = 0; shape <= ERROR_SHAPE_ANTHROPIC; shape++)
                assert_int_equal(json_parse(status_body((enum error_shape)shape, &e, STR("id"), a),
                                            a, &v, &bad), ERR_OK);
            arena_free(a);
        }
}

static void test_from_http(void **state)
{
    static const struct { int http; enum err code; } row[] = {
        {400, ERR_ARG}, {404, ERR_NOT_FOUND}, {405, ERR_METHOD}, {408, ERR_TIMEOUT},
        {413, ERR_TOO_LARGE}, {414, ERR_ARG}, {415, ERR_MEDIA_TYPE}, {417, ERR_ARG},
        {429, ERR_BUSY}, {431, ERR_ARG}, {500, ERR_INTERNAL}, {501, ERR_UNSUPPORTED},
        {503, ERR_SHUTDOWN}, {505, ERR_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++)
        assert_int_equal(status_to_err(row[i].http), row[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code), cmocka_unit_test(test_no_such_code),
        cmocka_unit_test(test_bodies), cmocka_unit_test(test_anthropic),
        cmocka_unit_test(test_anthropic_body), cmocka_unit_test(test_longest_text),
        cmocka_unit_test(test_from_http),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
