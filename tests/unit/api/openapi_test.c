/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/openapi.yaml and the table of routes say the same: paths, methods, who may, whose errors.
 */
#include "../test.h"
#include "api/openapi.h"
#include "api/route.h"
#include "codec/json.h"

static const char *const methods[] = {"get", "put", "post", "delete", "options", "head", "patch",
                                      "trace"};

static struct arena *arena;
static const struct json *document;

static int set_up(void **state)
{
    struct error e;
    struct json *v;

    (void)state;
    arena = arena_new(0);
    if (json_parse(openapi_document(), arena, &v, &e) != ERR_OK) fail_msg("%s", e.text);
    document = v;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const char *lower(const char *method)
{
    for (size_t i = 0; i < N_OF(methods); i++)
        if (str_eq_nocase(str_of(methods[i]), str_of(method))) return methods[i];
    fail_msg("the document cannot say %s", method);
    return NULL;
}

/* The row of exactly this path, as it is written, or NULL. */
static const struct route *row_of(str path, const char *method)
{
    const struct route *r;

    for (size_t i = 0; (r = route_at(i)); i++)
        if (str_is(path, r->path) && strcmp(lower(r->method), method) == 0) return r;
    return NULL;
}

static void test_every_row_is_described(void **state)
{
    const struct json *paths = json_get(document, "paths");
    const struct route *r;

    (void)state;
    for (size_t i = 0; (r = route_at(i)); i++)
        if (!json_get(json_get(paths, r->path), lower(r->method)))
            fail_msg("docs/openapi.yaml lacks %s %s", r->method, r->path);
}

static void test_every_description_is_a_row(void **state)
{
    const struct json *paths = json_get(document, "paths");
    uint32_t n = 0;

    (void)state;
    for (uint32_t i = 0; i < paths->n; i++)
        for (size_t k = 0; k < N_OF(methods); k++) {
            if (!json_get(&paths->member[i].value, methods[k])) continue;
            n++;
            if (!row_of(paths->member[i].key, methods[k]))
                fail_msg("nothing serves %s %.*s", methods[k], STR_FMT(paths->member[i].key));
        }
    assert_true(n > 20);
}

static const struct json *operation_of(const struct route *r)
{
    return json_get(json_get(json_get(document, "paths"), r->path), lower(r->method));
}

/* Without a key is what says so; all else needs one, which may be missing or wrong. */
static void test_keys(void **state)
{
    const struct route *r;

    (void)state;
    for (size_t i = 0; (r = route_at(i)); i++) {
        const struct json *o = operation_of(r), *open = json_get(o, "security");
        bool is_open = open && open->type == JSON_ARRAY && open->n == 0;

        if (is_open != (r->scope == SCOPE_PUBLIC)) fail_msg("%s %s: security", r->method, r->path);
        if (!is_open && !json_get(json_get(o, "responses"), "401"))
            fail_msg("%s %s: no 401", r->method, r->path);
    }
    assert_int_equal(json_get(document, "security")->n, 2);
}

static void test_bodies(void **state)
{
    static const char *const refusals[] = {"400", "413", "415", "422"};
    const struct route *r;

    (void)state;
    for (size_t i = 0; (r = route_at(i)); i++) {
        const struct json *o = operation_of(r);

        if (!json_get(o, "requestBody") != !r->has_body)
            fail_msg("%s %s: requestBody", r->method, r->path);
        for (size_t k = 0; r->has_body && k < N_OF(refusals); k++)
            if (!json_get(json_get(o, "responses"), refusals[k]))
                fail_msg("%s %s: no %s", r->method, r->path, refusals[k]);
    }
}

/* Refusals are described as components, whose names tell whose shape they have. */
static void test_errors(void **state)
{
    const struct route *r;

    (void)state;
    for (size_t i = 0; (r = route_at(i)); i++) {
        const struct json *replies = json_get(operation_of(r), "responses");

        for (uint32_t k = 0; r->scope != SCOPE_PUBLIC && k < replies->n; k++) {
            const struct json *ref = json_get(&replies->member[k].value, "$ref");
            bool is_anthropic;

            if (replies->member[k].key.p[0] == '2') continue;
            assert_non_null(ref);
            is_anthropic = str_starts(ref->string, STR("#/components/responses/Anthropic"));
            if (is_anthropic != (r->errors == ERRORS_ANTHROPIC))
                fail_msg("%s %s: %.*s", r->method, r->path, STR_FMT(ref->string));
        }
    }
}

static void test_head(void **state)
{
    (void)state;
    assert_str_is(json_get(document, "openapi")->string, "3.1.0");
    assert_str_is(json_get(json_get(document, "info"), "version")->string, GROKD_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_described),
        cmocka_unit_test(test_every_description_is_a_row),
        cmocka_unit_test(test_keys), cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_head),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
