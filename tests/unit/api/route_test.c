/* SPDX-License-Identifier: Apache-2.0
 *
 * The route table and the catalog of names.
 */
#include "../test.h"
#include "api/catalog.h"
#include "api/route.h"

static void test_rows(void **state)
{
    size_t n = 0;

    (void)state;
    for (; route_at(n); n++) {
        const struct route *r = route_at(n);

        assert_in_range(r->scope, SCOPE_PUBLIC, SCOPE_CHAT);
        assert_non_null(r->handle);
        assert_int_equal(r->path[0], '/');
        assert_int_equal(r->has_body, strcmp(r->method, "POST") == 0);
        assert_true(r->scope != SCOPE_PUBLIC || strncmp(r->path, "/v1/", 4) != 0);
    }
    assert_true(n >= 10);
    assert_null(route_at(n));
    assert_null(route_at(SIZE_MAX));
}

static const struct { const char *method, *path, *found, *param, *allow; } finds[] = {
    {"GET", "/", "/", "", ""},
    {"GET", "/v1/models", "/v1/models", "", ""},
    {"HEAD", "/v1/models", "/v1/models", "", ""},
    {"GET", "/v1/models/", "/v1/models", "", ""},
    {"GET", "/v1/models/grok-4", "/v1/models/{id}", "grok-4", ""},
    {"GET", "/v1/models/grok-4/", "/v1/models/{id}", "grok-4", ""},
    {"GET", "/v1/models/a b%", "/v1/models/{id}", "a b%", ""},
    {"GET", "/v1/models//", NULL, "", ""},
    {"GET", "/v1/models/a/b", NULL, "", ""},
    {"GET", "/v1/responses/x", "/v1/responses/{id}", "x", ""},
    {"DELETE", "/v1/responses/x/", "/v1/responses/{id}", "x", ""},
    {"GET", "/v1/responses/x/input_items", "/v1/responses/{id}/input_items", "x", ""},
    {"GET", "/v1/responses//input_items", NULL, "", ""},
    {"GET", "/v1/responses/a/b/input_items", NULL, "", ""},
    {"POST", "/v1/responses/x/input_items", NULL, "", "GET"},
    {"POST", "/v1/responses/x", NULL, "", "GET, DELETE"},
    {"GET", "/v1/language-models/m", "/v1/language-models/{id}", "m", ""},
    {"POST", "/v1/chat/completions", "/v1/chat/completions", "", ""},
    {"POST", "/v1/chat/completions/", "/v1/chat/completions", "", ""},
    {"GET", "/v1/chat/completions", NULL, "", "POST"},
    {"HEAD", "/v1/chat/completions", NULL, "", "POST"},
    {"POST", "/v1/models", NULL, "", "GET"},
    {"DELETE", "/v1/models/x", NULL, "", "GET"},
    {"get", "/v1/models", NULL, "", "GET"},
    {"GET", "/v1/Models", NULL, "", ""},
    {"GET", "/v1", NULL, "", ""},
    {"GET", "", NULL, "", ""},
    {"GET", "//", "/", "", ""},
    {"GET", "/health", "/health", "", ""},
    {"GET", "/healthy", NULL, "", ""},
};

static void test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(finds); i++) {
        char allow[64];
        str param = STR_NONE;
        const struct route *r = route_find(str_of(finds[i].method), str_of(finds[i].path), &param,
                                           allow);

        if (!r != !finds[i].found || (r && strcmp(r->path, finds[i].found) != 0))
            fail_msg("%s %s: got %s", finds[i].method, finds[i].path, r ? r->path : "none");
        if (r) assert_str_is(param, finds[i].param);
        if (!r) assert_string_equal(allow, finds[i].allow);
    }
}

/* Also where the method is wrong, and below a path of Anthropic's. */
static void test_errors(void **state)
{
    static const struct { const char *path; enum route_errors errors; } row[] = {
        {"/v1/messages", ERRORS_ANTHROPIC}, {"/v1/messages/count_tokens", ERRORS_ANTHROPIC},
        {"/v1/messages/batches", ERRORS_ANTHROPIC}, {"/v1/complete", ERRORS_ANTHROPIC},
        {"/v1/completions", ERRORS_AS_CONFIGURED}, {"/v1/message", ERRORS_AS_CONFIGURED},
        {"/v1/messages2", ERRORS_AS_CONFIGURED}, {"/v1/chat/completions", ERRORS_AS_CONFIGURED},
        {"/v1/models", ERRORS_AS_CONFIGURED}, {"/", ERRORS_AS_CONFIGURED},
        {"", ERRORS_AS_CONFIGURED},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++)
        if (route_errors(str_of(row[i].path)) != row[i].errors) fail_msg("%s", row[i].path);
}

/* ---- names ---- */

/* Every language model and alias that the API's documents and their examples name. */
static const char *const documented[] = {
    "grok-4.7", "grok-4.6", "grok-4.5", "grok-4.5-latest", "grok-build-latest", "grok-4.3",
    "grok-4.3-latest", "grok-latest", "grok-4.20-0309-reasoning", "grok-4.20", "grok-4.20-0309",
    "grok-4.20-reasoning-latest", "grok-4.20-0309-non-reasoning", "grok-4.20-non-reasoning",
    "grok-4.20-non-reasoning-latest", "grok-4.20-multi-agent-0309", "grok-4.20-multi-agent",
    "grok-4.20-multi-agent-latest", "grok-4-1-fast-reasoning", "grok-4-1-fast",
    "grok-4-1-fast-reasoning-latest", "grok-4-1-fast-non-reasoning",
    "grok-4-1-fast-non-reasoning-latest", "grok-4-fast-reasoning", "grok-4-fast-non-reasoning",
    "grok-4-fast", "grok-4-fast-reasoning-latest", "grok-4-fast-non-reasoning-latest",
    "grok-4-0709", "grok-4", "grok-4-latest", "grok-code-fast-1", "grok-build-0.1", "grok-3",
    "grok-3-latest", "grok-3-beta", "grok-3-mini", "grok-3-mini-latest", "grok-3-mini-beta",
    "grok-3-fast", "grok-3-fast-latest", "grok-3-mini-fast", "grok-3-mini-fast-latest",
    "grok-2-1212", "grok-2", "grok-2-latest", "grok-2-vision-1212", "grok-2-vision",
    "grok-2-vision-latest", "grok-beta", "grok-vision-beta", "grok-1",
};

static void test_catalog(void **state)
{
    static struct catalog c = {.n = 3, .entry = {{.id = STR("mine"), .is_default = true},
                                                 {.id = STR("grok-3")}, {.id = STR("other")}}};

    (void)state;
    for (size_t i = 0; i < N_OF(documented); i++) {
        const struct model_entry *m = catalog_find(&c, str_of(documented[i]));

        if (!m) fail_msg("%s is unknown", documented[i]);
        /* A model of that very name goes before an alias. */
        assert_ptr_equal(m, strcmp(documented[i], "grok-3") == 0 ? &c.entry[1] : &c.entry[0]);
    }
    assert_ptr_equal(catalog_find(&c, STR("mine")), &c.entry[0]);
    assert_ptr_equal(catalog_find(&c, STR("other")), &c.entry[2]);
    assert_null(catalog_find(&c, STR("gpt-4")));
    assert_null(catalog_find(&c, STR("GROK-4")));
    assert_null(catalog_find(&c, STR("")));
    assert_null(catalog_find(&c, STR_NONE));
    assert_null(catalog_find(&c, STR("grok-4\0x")));
    c.n = 0;
    assert_null(catalog_find(&c, STR("grok-4")));
}

static void test_aliases(void **state)
{
    const struct model_entry first = {.is_default = true}, second = {0};
    size_t n = 0;

    (void)state;
    while (catalog_alias(&first, n).p) {
        for (size_t i = 0; i < n; i++)
            if (str_eq(catalog_alias(&first, i), catalog_alias(&first, n)))
                fail_msg("%.*s is listed twice", STR_FMT(catalog_alias(&first, n)));
        n++;
    }
    assert_true(n >= N_OF(documented));
    assert_null(catalog_alias(&first, SIZE_MAX).p);
    assert_null(catalog_alias(&second, 0).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows), cmocka_unit_test(test_find),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_catalog),
        cmocka_unit_test(test_aliases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
