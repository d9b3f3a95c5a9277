/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk: which keyword means which function, and in what order. Keywords that ask what others
 * have looked at (unevaluated*) come last. What a schema marks counts only when it is satisfied.
 */
#include "schema/validate_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

#define TIME_MAX_NS_DEFAULT NS_PER_S
#define STEPS_PER_CLOCK 256 /* a look at the clock */
#define POINTER_SHOWN 160

enum keyword_kind {
    ASSERTION,
    APPLICATOR,
    LATE /* an applicator that needs the marks of all others */
};

static const struct keyword {
    const char *name;
    enum keyword_kind kind;
    keyword_fn *fn;
} keywords[] = {
    {"$dynamicRef", APPLICATOR, keyword_dynamic_ref},
    {"$ref", APPLICATOR, keyword_ref},
    {"additionalItems", APPLICATOR, keyword_additional_items},
    {"additionalProperties", APPLICATOR, keyword_additional_properties},
    {"allOf", APPLICATOR, keyword_all_of},
    {"anyOf", APPLICATOR, keyword_any_of},
    {"const", ASSERTION, keyword_const},
    {"contains", APPLICATOR, keyword_contains},
    {"dependencies", APPLICATOR, keyword_dependencies},
    {"dependentRequired", ASSERTION, keyword_dependent_required},
    {"dependentSchemas", APPLICATOR, keyword_dependent_schemas},
    {"enum", ASSERTION, keyword_enum},
    {"exclusiveMaximum", ASSERTION, keyword_exclusive_maximum},
    {"exclusiveMinimum", ASSERTION, keyword_exclusive_minimum},
    {"format", ASSERTION, keyword_format},
    {"if", APPLICATOR, keyword_if},
    {"items", APPLICATOR, keyword_items},
    {"maxItems", ASSERTION, keyword_max_items},
    {"maxLength", ASSERTION, keyword_max_length},
    {"maxProperties", ASSERTION, keyword_max_properties},
    {"maximum", ASSERTION, keyword_maximum},
    {"minItems", ASSERTION, keyword_min_items},
    {"minLength", ASSERTION, keyword_min_length},
    {"minProperties", ASSERTION, keyword_min_properties},
    {"minimum", ASSERTION, keyword_minimum},
    {"multipleOf", ASSERTION, keyword_multiple_of},
    {"not", APPLICATOR, keyword_not},
    {"oneOf", APPLICATOR, keyword_one_of},
    {"pattern", ASSERTION, keyword_pattern},
    {"patternProperties", APPLICATOR, keyword_pattern_properties},
    {"prefixItems", APPLICATOR, keyword_prefix_items},
    {"properties", APPLICATOR, keyword_properties},
    {"propertyNames", APPLICATOR, keyword_property_names},
    {"required", ASSERTION, keyword_required},
    {"type", ASSERTION, keyword_type},
    {"unevaluatedItems", LATE, keyword_unevaluated_items},
    {"unevaluatedProperties", LATE, keyword_unevaluated_properties},
    {"uniqueItems", ASSERTION, keyword_unique_items},
};
#define N_KEYWORD (sizeof keywords / sizeof keywords[0])

static const struct keyword *keyword_find(str name)
{
    size_t lo = 0, hi = N_KEYWORD;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int order = str_cmp(name, str_of(keywords[mid].name));
        if (order == 0) return &keywords[mid];
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

/* ---- failures ---- */

bool validate_stop(struct validate *v, enum err code, const char *fmt, ...)
{
    char text[sizeof v->e->text];
    va_list args;
    if (v->rc != ERR_OK) return false;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    v->rc = err_set(v->e, code, ERR_NO_POS, "%s", text);
    return false;
}

/* The pointer to the place of p; of a long one the end. */
static void write_pointer(const struct path *p, struct buf *out)
{
    if (!p) return;
    write_pointer(p->up, out); /* as deep as the instance: JSON_DEPTH_MAX */
    buf_char(out, '/');
    if (p->is_index) {
        buf_u64(out, p->index);
        return;
    }
    for (size_t i = 0; i < p->key.n; i++) {
        char c = p->key.p[i];
        if (c == '~')
            buf_add(out, STR("~0"));
        else if (c == '/')
            buf_add(out, STR("~1"));
        else
            buf_char(out, c);
    }
}

bool validate_fail(struct apply *a, const char *keyword, const char *fmt, ...)
{
    struct validate *v = a->v;
    char text[160];
    struct buf at;
    va_list args;
    if (v->quiet > 0 || v->rc != ERR_OK) return false;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_init(&at, 1 << 20);
    write_pointer(a->path, &at);
    size_t from = at.n > POINTER_SHOWN ? at.n - POINTER_SHOWN : 0;
    err_set(v->e, ERR_TYPE, a->value->pos, "[%s] %.*s: %s", keyword,
            STR_FMT(str_sub(buf_str(&at), from, POINTER_SHOWN)), text);
    buf_done(&at);
    return false;
}

bool validate_broken(struct apply *a, const char *keyword, const char *expected)
{
    return validate_stop(a->v, ERR_ARG, "`%s` of the schema must be %s", keyword, expected);
}

/* ---- marks ---- */

struct marks marks_new(struct validate *v, const struct json *value)
{
    struct marks m = {.n = value->type >= JSON_ARRAY ? value->n : 0};
    m.bit = arena_try_array(v->arena, (m.n + 63) / 64 + 1, sizeof *m.bit);
    if (!m.bit) validate_stop(v, ERR_LIMIT, "the value needs more memory than is allowed");
    return m;
}

static void marks_join(struct marks *into, const struct marks *from)
{
    for (uint32_t i = 0; i < (from->n + 63) / 64; i++) into->bit[i] |= from->bit[i];
}

/* ---- the walk ---- */

bool validate_in_time(struct validate *v)
{
    if (arena_left(v->arena) == 0)
        return validate_stop(v, ERR_LIMIT, "validating needs more memory than is allowed");
    if (++v->n_step % STEPS_PER_CLOCK != 0 || clock_ns() < v->deadline_ns) return true;
    return validate_stop(v, ERR_LIMIT, "validating takes longer than is allowed");
}

static bool apply_keywords(struct apply *a, bool late)
{
    bool ok = true;
    for (uint32_t i = 0; i < a->schema->n && ok; i++) {
        const struct keyword *k = keyword_find(a->schema->member[i].key);
        if (!k || (k->kind == LATE) != late) continue;
        if (k->kind == ASSERTION && a->v->no_assertions) continue;
        ok = k->fn(a, &a->schema->member[i].value);
    }
    return ok && a->v->rc == ERR_OK;
}

static bool apply_object(struct apply *a)
{
    struct validate *v = a->v;
    const struct resource *here = index_inside(v, a->schema);
    struct scope inner = {.outer = a->scope, .resource = here};
    struct marks *asked = a->marks, own;
    if (here && here != a->scope->resource) a->scope = &inner;
    if (v->wants_marks) {
        own = marks_new(v, a->value);
        if (v->rc != ERR_OK) return false;
        a->marks = &own;
    }
    bool ok = apply_keywords(a, false) && apply_keywords(a, true);
    if (ok && asked && a->marks) marks_join(asked, a->marks);
    return ok;
}

bool validate_apply(struct validate *v, const struct json *schema, const struct json *value,
                    const struct scope *scope, const struct path *path, struct marks *marks)
{
    struct apply a = {v, schema, value, scope, path, marks};
    if (v->rc != ERR_OK || !validate_in_time(v)) return false;
    if (schema->type == JSON_BOOL)
        return schema->boolean || validate_fail(&a, "false", "nothing is allowed here");
    if (schema->type != JSON_OBJECT)
        return validate_stop(v, ERR_ARG, "a schema must be an object or a boolean, not %s",
                             json_type_name(schema->type));
    if (v->depth == VALIDATE_DEPTH_MAX)
        return validate_stop(v, ERR_LIMIT,
                             "schemas are applied inside one another more than %d "
                             "deep",
                             VALIDATE_DEPTH_MAX);
    v->depth++;
    bool ok = apply_object(&a);
    v->depth--;
    return ok;
}

/* ---- the run ---- */

/* A metaschema of the document's own may leave the validation vocabulary out. */
static bool leaves_assertions_out(struct validate *v, const struct json *schema)
{
    const struct json *uri = json_get(schema, "$schema"), *meta = NULL;
    if (uri && uri->type == JSON_STRING && v->o->document)
        meta = v->o->document(v->o->document_arg, uri->string);
    const struct json *vocabulary = json_get(meta, "$vocabulary");
    return vocabulary &&
           !json_get(vocabulary, "https://json-schema.org/draft/2020-12/vocab/validation");
}

static void run(struct validate *v, const struct json *schema, const struct json *value)
{
    const struct json *id = json_get(schema, "$id");
    str uri = id && id->type == JSON_STRING ? uri_resolve(v->arena, STR(""), id->string) : STR("");
    v->rc = index_document(v, schema, uri);
    if (v->rc != ERR_OK) return;
    v->no_assertions = leaves_assertions_out(v, schema);
    struct resource bare = {.uri = uri, .root = schema};
    const struct resource *r = index_inside(v, schema);
    struct scope outermost = {.resource = r ? r : &bare};
    bool ok = validate_apply(v, schema, value, &outermost, NULL, NULL);
    if (v->rc == ERR_OK && !ok) v->rc = ERR_TYPE;
}

enum err json_schema_validate(const struct json *schema, const struct json *value,
                              const struct json_schema_options *o, struct arena *a, struct error *e)
{
    static const struct json_schema_options plain;
    struct error ignored;
    struct validate v = {.o = o ? o : &plain, .arena = a, .e = e ? e : &ignored};
    v.deadline_ns = clock_ns() + (v.o->time_max_ns ? v.o->time_max_ns : TIME_MAX_NS_DEFAULT);
    struct map *maps[] = {&v.resource, &v.anchor, &v.dynamic, &v.inside, &v.pattern};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) map_init(maps[i], 0);
    run(&v, schema, value);
    pattern_free_all(&v);
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) map_done(maps[i]);
    return v.rc;
}
