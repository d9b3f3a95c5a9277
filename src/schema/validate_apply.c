/* SPDX-License-Identifier: Apache-2.0
 *
 * Keywords that apply schemas: to the same value, to members, to items. With marks wanted, every
 * branch that could mark something is applied, also when the answer is known.
 */
#include "schema/validate_internal.h"

/* ---- the same value ---- */

static bool here(struct apply *a, const struct json *schema)
{
    return validate_apply(a->v, schema, a->value, a->scope, a->path, a->marks);
}

/* As here, but a failure is not the answer. */
static bool try_here(struct apply *a, const struct json *schema)
{
    a->v->quiet++;
    bool ok = here(a, schema);
    a->v->quiet--;
    return ok;
}

static bool apply_target(struct apply *a, const struct json *schema, const struct resource *target)
{
    struct scope inner = {.outer = a->scope, .resource = target};
    if (!schema) return false;
    return validate_apply(a->v, schema, a->value, &inner, a->path, a->marks);
}

bool keyword_ref(struct apply *a, const struct json *k)
{
    const struct resource *target;
    if (k->type != JSON_STRING) return validate_broken(a, "$ref", "a string");
    const struct json *schema = index_resolve(a->v, a->scope->resource, k->string, &target);
    return apply_target(a, schema, target);
}

bool keyword_dynamic_ref(struct apply *a, const struct json *k)
{
    const struct resource *target;
    if (k->type != JSON_STRING) return validate_broken(a, "$dynamicRef", "a string");
    const struct json *schema = index_resolve_dynamic(a->v, a->scope, k->string, &target);
    return apply_target(a, schema, target);
}

bool keyword_all_of(struct apply *a, const struct json *k)
{
    if (k->type != JSON_ARRAY) return validate_broken(a, "allOf", "an array of schemas");
    for (uint32_t i = 0; i < k->n; i++)
        if (!here(a, &k->item[i])) return false;
    return true;
}

bool keyword_any_of(struct apply *a, const struct json *k)
{
    uint32_t n = 0;
    if (k->type != JSON_ARRAY) return validate_broken(a, "anyOf", "an array of schemas");
    for (uint32_t i = 0; i < k->n && (n == 0 || a->marks); i++) n += try_here(a, &k->item[i]);
    return n > 0 || validate_fail(a, "anyOf", "the value satisfies none of the %u schemas", k->n);
}

bool keyword_one_of(struct apply *a, const struct json *k)
{
    uint32_t n = 0;
    if (k->type != JSON_ARRAY) return validate_broken(a, "oneOf", "an array of schemas");
    for (uint32_t i = 0; i < k->n && n < 2; i++) n += try_here(a, &k->item[i]);
    return n == 1 || validate_fail(a, "oneOf", "the value satisfies %s of the %u schemas, not one",
                                   n ? "several" : "none", k->n);
}

bool keyword_not(struct apply *a, const struct json *k)
{
    struct marks *asked = a->marks;
    a->marks = NULL;
    bool ok = try_here(a, k);
    a->marks = asked;
    if (a->v->rc != ERR_OK) return false;
    return !ok || validate_fail(a, "not", "the value satisfies what it must not");
}

bool keyword_if(struct apply *a, const struct json *k)
{
    bool ok = try_here(a, k);
    const struct json *branch = json_get(a->schema, ok ? "then" : "else");
    if (a->v->rc != ERR_OK) return false;
    return !branch || here(a, branch);
}

static bool dependent(struct apply *a, const struct json *k, const char *keyword)
{
    if (k->type != JSON_OBJECT) return validate_broken(a, keyword, "an object");
    if (a->value->type != JSON_OBJECT) return true;
    for (uint32_t i = 0; i < k->n; i++) {
        if (!json_get_str(a->value, k->member[i].key)) continue;
        const struct json *then = &k->member[i].value;
        bool ok = then->type == JSON_ARRAY ? keyword_required(a, then) : here(a, then);
        if (!ok) return false;
    }
    return true;
}

bool keyword_dependent_schemas(struct apply *a, const struct json *k)
{
    return dependent(a, k, "dependentSchemas");
}

bool keyword_dependencies(struct apply *a, const struct json *k)
{
    return dependent(a, k, "dependencies");
}

/* ---- members ---- */

static bool at_member(struct apply *a, uint32_t i, const struct json *schema)
{
    const struct json_member *m = &a->value->member[i];
    struct path path = {.up = a->path, .key = m->key};
    if (!validate_apply(a->v, schema, &m->value, a->scope, &path, NULL)) return false;
    marks_set(a->marks, i);
    return true;
}

bool keyword_properties(struct apply *a, const struct json *k)
{
    if (k->type != JSON_OBJECT) return validate_broken(a, "properties", "an object");
    if (a->value->type != JSON_OBJECT) return true;
    for (uint32_t i = 0; i < a->value->n; i++) {
        const struct json *schema = json_get_str(k, a->value->member[i].key);
        if (schema && !at_member(a, i, schema)) return false;
    }
    return true;
}

bool keyword_pattern_properties(struct apply *a, const struct json *k)
{
    if (k->type != JSON_OBJECT) return validate_broken(a, "patternProperties", "an object");
    if (a->value->type != JSON_OBJECT) return true;
    for (uint32_t p = 0; p < k->n; p++)
        for (uint32_t i = 0; i < a->value->n; i++)
            if (pattern_match(a->v, k->member[p].key, a->value->member[i].key) &&
                !at_member(a, i, &k->member[p].value))
                return false;
    return a->v->rc == ERR_OK;
}

/* Is the key named by properties or patternProperties beside? */
static bool is_named(struct apply *a, str key)
{
    const struct json *patterns = json_get(a->schema, "patternProperties");
    if (json_get_str(json_get(a->schema, "properties"), key)) return true;
    for (uint32_t p = 0; patterns && patterns->type == JSON_OBJECT && p < patterns->n; p++)
        if (pattern_match(a->v, patterns->member[p].key, key)) return true;
    return false;
}

bool keyword_additional_properties(struct apply *a, const struct json *k)
{
    if (a->value->type != JSON_OBJECT) return true;
    for (uint32_t i = 0; i < a->value->n; i++)
        if (!is_named(a, a->value->member[i].key) && !at_member(a, i, k)) return false;
    return a->v->rc == ERR_OK;
}

bool keyword_property_names(struct apply *a, const struct json *k)
{
    if (a->value->type != JSON_OBJECT) return true;
    for (uint32_t i = 0; i < a->value->n; i++) {
        const struct json_member *m = &a->value->member[i];
        struct json name = {.type = JSON_STRING, .pos = m->pos, .string = m->key};
        struct path path = {.up = a->path, .key = m->key};
        if (!validate_apply(a->v, k, &name, a->scope, &path, NULL)) return false;
    }
    return true;
}

bool keyword_unevaluated_properties(struct apply *a, const struct json *k)
{
    if (a->value->type != JSON_OBJECT) return true;
    for (uint32_t i = 0; i < a->value->n; i++)
        if (!marks_has(a->marks, i) && !at_member(a, i, k)) return false;
    return true;
}

/* ---- items ---- */

static bool at_item(struct apply *a, uint32_t i, const struct json *schema)
{
    struct path path = {.up = a->path, .index = i, .is_index = true};
    if (!validate_apply(a->v, schema, &a->value->item[i], a->scope, &path, NULL)) return false;
    marks_set(a->marks, i);
    return true;
}

static bool items_from(struct apply *a, uint32_t from, const struct json *schema)
{
    for (uint32_t i = from; i < a->value->n; i++)
        if (!at_item(a, i, schema)) return false;
    return true;
}

bool keyword_prefix_items(struct apply *a, const struct json *k)
{
    if (k->type != JSON_ARRAY) return validate_broken(a, "prefixItems", "an array of schemas");
    if (a->value->type != JSON_ARRAY) return true;
    for (uint32_t i = 0; i < k->n && i < a->value->n; i++)
        if (!at_item(a, i, &k->item[i])) return false;
    return true;
}

/* An array of schemas is draft-07's way to say prefixItems. */
bool keyword_items(struct apply *a, const struct json *k)
{
    const struct json *prefix = json_get(a->schema, "prefixItems");
    if (k->type == JSON_ARRAY) return keyword_prefix_items(a, k);
    if (a->value->type != JSON_ARRAY) return true;
    return items_from(a, prefix && prefix->type == JSON_ARRAY ? prefix->n : 0, k);
}

bool keyword_additional_items(struct apply *a, const struct json *k)
{
    const struct json *items = json_get(a->schema, "items");
    if (a->value->type != JSON_ARRAY || !items || items->type != JSON_ARRAY) return true;
    return items_from(a, items->n, k);
}

static bool limit_of(struct apply *a, const char *keyword, int64_t *out)
{
    const struct json *v = json_get(a->schema, keyword);
    if (!v) return true;
    return (v->type == JSON_NUMBER && json_int(v, out) && *out >= 0) ||
           validate_broken(a, keyword, "an integer that is not negative");
}

bool keyword_contains(struct apply *a, const struct json *k)
{
    int64_t n_min = 1, n_max = INT64_MAX, n = 0;
    if (!limit_of(a, "minContains", &n_min) || !limit_of(a, "maxContains", &n_max)) return false;
    if (a->value->type != JSON_ARRAY) return true;
    a->v->quiet++;
    for (uint32_t i = 0; i < a->value->n; i++) n += at_item(a, i, k);
    a->v->quiet--;
    if (a->v->rc != ERR_OK) return false;
    return (n >= n_min && n <= n_max) ||
           validate_fail(a, "contains", "%lld items match", (long long)n);
}

bool keyword_unevaluated_items(struct apply *a, const struct json *k)
{
    if (a->value->type != JSON_ARRAY) return true;
    for (uint32_t i = 0; i < a->value->n; i++)
        if (!marks_has(a->marks, i) && !at_item(a, i, k)) return false;
    return true;
}
