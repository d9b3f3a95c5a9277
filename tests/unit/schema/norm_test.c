/* SPDX-License-Identifier: Apache-2.0
 *
 * The algebra of forms against the validator, which shares nothing with it but the parser: random
 * schemas out of all keywords, each also under `not`, and random values. What is compiled takes a
 * value exactly when the validator does.
 */
#include "schema_kit.h"

#include "base/rand.h"
#include "schema/validate.h"

#define N_SCHEMA 500 /* SEED and N_SCHEMA in the environment change it */
#define N_VALUE 60
#define DEPTH_MAX 3
#define REFUSED_MAX_PERCENT 25

struct gen {
    struct rng r;
    struct buf *out;
    bool has_defs; /* $defs a and b can be referred to */
};

static uint32_t below(struct gen *g, uint32_t n) { return (uint32_t)rng_below(&g->r, n); }

static const char *pick(struct gen *g, const char *const *list, uint32_t n)
{
    return list[below(g, n)];
}

static const char *const names[] = {"a", "b", "ab", "c"};
static const char *const scalars[] = {"null",  "true",   "false",  "0",      "1",    "2",
                                      "3",     "-1",     "1.5",    "2.5",    "\"\"", "\"a\"",
                                      "\"b\"", "\"ab\"", "\"ba\"", "\"aab\""};
static const char *const patterns[] = {"^a", "b$", "a", "^[ab]{1,2}$", "^ab?$"};
static const char *const types[] = {"null",   "boolean", "integer", "number",
                                    "string", "array",   "object"};

static void add(struct gen *g, const char *text) { buf_add(g->out, str_of(text)); }

static void value(struct gen *g, int depth)
{
    uint32_t kind = below(g, depth > 0 ? 10 : 5);
    if (kind < 5) {
        add(g, pick(g, scalars, N_OF(scalars)));
        return;
    }
    uint32_t n = below(g, 4), used = 0;
    add(g, kind < 7 ? "[" : "{");
    for (uint32_t i = 0, written = 0; i < n; i++) {
        uint32_t k = below(g, N_OF(names));
        if (kind >= 7 && used >> k & 1) continue;
        used |= 1u << k;
        if (written++) add(g, ", ");
        if (kind >= 7) buf_printf(g->out, "\"%s\": ", names[k]);
        value(g, depth - 1);
    }
    add(g, kind < 7 ? "]" : "}");
}

static void schema(struct gen *g, int depth);

static void schema_list(struct gen *g, int depth)
{
    uint32_t n = 1 + below(g, 3);
    add(g, "[");
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) add(g, ", ");
        schema(g, depth);
    }
    add(g, "]");
}

static void schema_map(struct gen *g, int depth, const char *const *keys, uint32_t n_key)
{
    uint32_t at = below(g, n_key), n = 1 + below(g, 2);
    add(g, "{");
    for (uint32_t i = 0; i < n; i++) {
        buf_printf(g->out, "%s\"%s\": ", i ? ", " : "", keys[(at + i) % n_key]);
        schema(g, depth);
    }
    add(g, "}");
}

static void name_list(struct gen *g)
{
    uint32_t at = below(g, N_OF(names));
    buf_printf(g->out, "[\"%s\"", names[at]);
    if (below(g, 3) == 0) buf_printf(g->out, ", \"%s\"", names[(at + 1) % N_OF(names)]);
    add(g, "]");
}

static const char *const schema_keywords[] = {
    "additionalProperties",  "propertyNames",   "items", "contains", "not", "if", "then", "else",
    "unevaluatedProperties", "unevaluatedItems"};
static const char *const number_keywords[] = {"minimum", "maximum", "exclusiveMinimum",
                                              "exclusiveMaximum"};
static const char *const count_keywords[] = {"minLength",   "maxLength",     "minItems",
                                             "maxItems",    "minProperties", "maxProperties",
                                             "minContains", "maxContains"};
static const char *const list_keywords[] = {"allOf", "anyOf", "oneOf", "prefixItems"};

/* One keyword with its value; false: the draw gave none. */
static bool keyword(struct gen *g, int depth, const char **name)
{
    uint32_t kind = below(g, 24);
    size_t at = g->out->n;
    if (kind < 5 && depth > 0) {
        *name = pick(g, schema_keywords, N_OF(schema_keywords));
        buf_printf(g->out, "\"%s\": ", *name);
        schema(g, depth - 1);
    } else if (kind < 9 && depth > 0) {
        *name = pick(g, list_keywords, N_OF(list_keywords));
        buf_printf(g->out, "\"%s\": ", *name);
        schema_list(g, depth - 1);
    } else if (kind < 13 && depth > 0) {
        *name = "properties";
        add(g, "\"properties\": ");
        schema_map(g, depth - 1, names, N_OF(names));
    } else if (kind == 13 && depth > 0) {
        *name = "patternProperties";
        add(g, "\"patternProperties\": ");
        schema_map(g, depth - 1, patterns, N_OF(patterns));
    } else if (kind == 14 && depth > 0) {
        *name = "dependentSchemas";
        add(g, "\"dependentSchemas\": ");
        schema_map(g, depth - 1, names, N_OF(names));
    } else if (kind < 17) {
        *name = "required";
        add(g, "\"required\": ");
        name_list(g);
    } else if (kind == 17) {
        *name = pick(g, number_keywords, N_OF(number_keywords));
        buf_printf(g->out, "\"%s\": %u", *name, below(g, 4));
    } else if (kind == 18) {
        *name = pick(g, count_keywords, N_OF(count_keywords));
        buf_printf(g->out, "\"%s\": %u", *name, below(g, 3));
    } else if (kind == 19) {
        *name = "pattern";
        buf_printf(g->out, "\"pattern\": \"%s\"", pick(g, patterns, N_OF(patterns)));
    } else if (kind == 20) {
        *name = "enum";
        add(g, "\"enum\": [");
        value(g, 1);
        add(g, ", ");
        value(g, 2);
        add(g, "]");
    } else if (kind == 21) {
        *name = "multipleOf";
        buf_printf(g->out, "\"multipleOf\": %s", below(g, 2) ? "2" : "0.5");
    } else if (kind == 22) {
        *name = "dependentRequired";
        buf_printf(g->out, "\"dependentRequired\": {\"%s\": ", pick(g, names, N_OF(names)));
        name_list(g);
        add(g, "}");
    } else {
        *name = "const";
        add(g, "\"const\": ");
        value(g, 1);
    }
    return g->out->n > at;
}

static void schema(struct gen *g, int depth)
{
    const char *used[6];
    uint32_t n = below(g, 10), n_used = 0;
    if (n == 0) {
        add(g, below(g, 4) ? "true" : "false");
        return;
    }
    if (g->has_defs && below(g, 8) == 0) {
        buf_printf(g->out, "{\"$ref\": \"#/$defs/%s\"}", below(g, 2) ? "a" : "b");
        return;
    }
    add(g, "{");
    if (below(g, 2)) {
        buf_printf(g->out, "\"type\": \"%s\"", pick(g, types, N_OF(types)));
        used[n_used++] = "type";
    }
    for (uint32_t i = 0; i < n && n_used < 4; i++) {
        const char *name = NULL;
        size_t at = g->out->n;
        if (n_used) add(g, ", ");
        bool is_new = keyword(g, depth, &name);
        for (uint32_t k = 0; k < n_used; k++) is_new = is_new && strcmp(used[k], name) != 0;
        if (is_new)
            used[n_used++] = name;
        else
            g->out->n = at;
    }
    add(g, "}");
}

struct counts {
    int n_compiled, n_refused, n_in, n_out, n_bad;
};

static void compare(struct kit *k, const char *text, const struct json *v, bool is_not,
                    struct gen *g, struct counts *n)
{
    struct error e;
    struct grammar *grammar = kit_compile(v, &SCHEMA_STANDARD, &e);
    bool is_empty = e.code == ERR_ARG && str_starts(str_of(e.text), STR("[unsatisfiable]"));
    if (!grammar && !is_empty) {
        n->n_refused++;
        if (!str_starts(str_of(e.text), STR("[unsupported]")) && e.code != ERR_LIMIT) {
            print_error("%s\n  %s\n", text, e.text);
            n->n_bad++;
        }
        return;
    }
    n->n_compiled++;
    for (int i = 0; i < N_VALUE; i++) {
        struct arena *a = arena_new(0);
        struct buf out;
        buf_init(&out, 1 << 20);
        struct gen values = {g->r, &out, false};
        value(&values, DEPTH_MAX);
        g->r = values.r;
        struct json *instance = NULL;
        assert_int_equal(json_parse(buf_str(&out), a, &instance, &e), ERR_OK);
        enum err rc = json_schema_validate(v, instance, &(struct json_schema_options){0}, a, &e);
        bool is_valid = rc == ERR_OK;
        bool is_taken = grammar && kit_accepts(k, grammar, buf_str(&out));
        /* The validator gives up on any schema that refers to itself, needed or not. */
        bool is_known = rc == ERR_OK || rc == ERR_TYPE || !g->has_defs;
        if (is_known && is_valid != is_taken) {
            fprintf(stderr, "%s%s\n  %.*s is %s, and %s\n", text, is_not ? " (under not)" : "",
                    STR_FMT(buf_str(&out)), is_valid ? "valid" : "not valid",
                    is_taken ? "taken" : "not taken");
            n->n_bad++;
        }
        n->n_in += is_valid;
        n->n_out += !is_valid;
        buf_done(&out);
        arena_free(a);
    }
    grammar_unref(grammar);
}

static void test_random(void **state)
{
    (void)state;
    struct kit k;
    struct counts n = {0};
    const char *seed = getenv("SEED"), *n_schema = getenv("N_SCHEMA");
    struct gen g = {.out = NULL};
    rng_seed(&g.r, seed ? strtoull(seed, NULL, 10) : 1);
    kit_open(&k);
    int n_max = n_schema ? (int)strtol(n_schema, NULL, 10) : N_SCHEMA;
    for (int i = 0; i < n_max && n.n_bad < 5; i++) {
        struct arena *a = arena_new(0);
        struct buf out;
        buf_init(&out, 1 << 20);
        g.out = &out;
        bool is_not = i % 3 == 0;
        g.has_defs = i % 2 == 0;
        if (g.has_defs) {
            add(&g, "{\"$defs\": {\"a\": ");
            schema(&g, DEPTH_MAX - 1);
            add(&g, ", \"b\": ");
            schema(&g, DEPTH_MAX - 1);
            add(&g, is_not ? "}, \"not\": " : "}, \"allOf\": [");
        } else if (is_not) {
            add(&g, "{\"not\": ");
        }
        schema(&g, DEPTH_MAX);
        add(&g, is_not ? "}" : g.has_defs ? "]}" : "");
        buf_char(&out, '\0');
        compare(&k, out.p, kit_json(a, out.p), is_not, &g, &n);
        buf_done(&out);
        arena_free(a);
    }
    kit_close(&k);
    print_message("%d schemas compiled, %d refused; %d values in, %d out\n", n.n_compiled,
                  n.n_refused, n.n_in, n.n_out);
    assert_int_equal(n.n_bad, 0);
    assert_true(n.n_refused * 100 <= REFUSED_MAX_PERCENT * (n.n_refused + n.n_compiled));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
