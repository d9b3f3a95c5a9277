/* SPDX-License-Identifier: Apache-2.0
 *
 * The keywords of one schema object and what the metaschema says of their values. Spellings of
 * draft 4 to 2020-12 are known; everything else is an annotation.
 */
#include "schema/norm.h"

#include <assert.h>

#include "base/map.h"

#define VALUE_SHOWN 60 /* bytes of a bad value in an error */
#define SMALL_LIST 16 /* compared pairwise up to here */

enum check {
    ANY,
    SCHEMA,
    SCHEMAS,
    SCHEMA_MAP,
    SCHEMA_OR_LIST,
    COUNT,
    NUMBER,
    POSITIVE,
    NUMBER_OR_BOOL,
    STRING,
    BOOL,
    STRINGS,
    TYPES,
    VALUES,
    DEPENDENCIES,
    STRINGS_MAP
};

const char *const keyword_name[KW_COUNT] = {
    [KW_TYPE] = "type",
    [KW_ENUM] = "enum",
    [KW_CONST] = "const",
    [KW_PROPERTIES] = "properties",
    [KW_REQUIRED] = "required",
    [KW_ADDITIONAL_PROPERTIES] = "additionalProperties",
    [KW_PATTERN_PROPERTIES] = "patternProperties",
    [KW_PROPERTY_NAMES] = "propertyNames",
    [KW_MIN_PROPERTIES] = "minProperties",
    [KW_MAX_PROPERTIES] = "maxProperties",
    [KW_DEPENDENCIES] = "dependencies",
    [KW_DEPENDENT_REQUIRED] = "dependentRequired",
    [KW_DEPENDENT_SCHEMAS] = "dependentSchemas",
    [KW_UNEVALUATED_PROPERTIES] = "unevaluatedProperties",
    [KW_ITEMS] = "items",
    [KW_PREFIX_ITEMS] = "prefixItems",
    [KW_ADDITIONAL_ITEMS] = "additionalItems",
    [KW_CONTAINS] = "contains",
    [KW_MIN_CONTAINS] = "minContains",
    [KW_MAX_CONTAINS] = "maxContains",
    [KW_MIN_ITEMS] = "minItems",
    [KW_MAX_ITEMS] = "maxItems",
    [KW_UNIQUE_ITEMS] = "uniqueItems",
    [KW_UNEVALUATED_ITEMS] = "unevaluatedItems",
    [KW_MIN_LENGTH] = "minLength",
    [KW_MAX_LENGTH] = "maxLength",
    [KW_PATTERN] = "pattern",
    [KW_FORMAT] = "format",
    [KW_MINIMUM] = "minimum",
    [KW_MAXIMUM] = "maximum",
    [KW_EXCLUSIVE_MINIMUM] = "exclusiveMinimum",
    [KW_EXCLUSIVE_MAXIMUM] = "exclusiveMaximum",
    [KW_MULTIPLE_OF] = "multipleOf",
    [KW_ALL_OF] = "allOf",
    [KW_ANY_OF] = "anyOf",
    [KW_ONE_OF] = "oneOf",
    [KW_NOT] = "not",
    [KW_IF] = "if",
    [KW_THEN] = "then",
    [KW_ELSE] = "else",
    [KW_REF] = "$ref",
    [KW_DYNAMIC_REF] = "$dynamicRef",
    [KW_RECURSIVE_REF] = "$recursiveRef",
    [KW_NULLABLE] = "nullable",
};

static const uint8_t checks[KW_COUNT] = {
    [KW_TYPE] = TYPES,
    [KW_ENUM] = VALUES,
    [KW_PROPERTIES] = SCHEMA_MAP,
    [KW_REQUIRED] = STRINGS,
    [KW_ADDITIONAL_PROPERTIES] = SCHEMA,
    [KW_PATTERN_PROPERTIES] = SCHEMA_MAP,
    [KW_PROPERTY_NAMES] = SCHEMA,
    [KW_MIN_PROPERTIES] = COUNT,
    [KW_MAX_PROPERTIES] = COUNT,
    [KW_DEPENDENCIES] = DEPENDENCIES,
    [KW_DEPENDENT_REQUIRED] = STRINGS_MAP,
    [KW_DEPENDENT_SCHEMAS] = SCHEMA_MAP,
    [KW_UNEVALUATED_PROPERTIES] = SCHEMA,
    [KW_ITEMS] = SCHEMA_OR_LIST,
    [KW_PREFIX_ITEMS] = SCHEMAS,
    [KW_ADDITIONAL_ITEMS] = SCHEMA,
    [KW_CONTAINS] = SCHEMA,
    [KW_MIN_CONTAINS] = COUNT,
    [KW_MAX_CONTAINS] = COUNT,
    [KW_MIN_ITEMS] = COUNT,
    [KW_MAX_ITEMS] = COUNT,
    [KW_UNIQUE_ITEMS] = BOOL,
    [KW_UNEVALUATED_ITEMS] = SCHEMA,
    [KW_MIN_LENGTH] = COUNT,
    [KW_MAX_LENGTH] = COUNT,
    [KW_PATTERN] = STRING,
    [KW_FORMAT] = STRING,
    [KW_MINIMUM] = NUMBER,
    [KW_MAXIMUM] = NUMBER,
    [KW_EXCLUSIVE_MINIMUM] = NUMBER_OR_BOOL,
    [KW_EXCLUSIVE_MAXIMUM] = NUMBER_OR_BOOL,
    [KW_MULTIPLE_OF] = POSITIVE,
    [KW_ALL_OF] = SCHEMAS,
    [KW_ANY_OF] = SCHEMAS,
    [KW_ONE_OF] = SCHEMAS,
    [KW_NOT] = SCHEMA,
    [KW_IF] = SCHEMA,
    [KW_THEN] = SCHEMA,
    [KW_ELSE] = SCHEMA,
    [KW_REF] = STRING,
    [KW_DYNAMIC_REF] = STRING,
    [KW_RECURSIVE_REF] = STRING,
    [KW_NULLABLE] = BOOL,
};

enum keyword keyword_find(str name)
{
    if (name.n < 2 || name.n > 21) return KW_COUNT;
    for (enum keyword k = 0; k < KW_COUNT; k++)
        if (keyword_name[k][0] == name.p[0] && keyword_name[k][1] == name.p[1] &&
            str_is(name, keyword_name[k]))
            return k;
    return KW_COUNT;
}

/* ---- what a keyword's value must be ---- */

/* The value as JSON, shortened, for an error. */
static str shown(struct norm *c, const struct json *v)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, (size_t)8 << 20);
    jw_init(&w, &b);
    jw_value(&w, v);
    bool is_long = b.n > VALUE_SHOWN;
    str text = arena_printf(c->arena, "%.*s%s", STR_FMT(str_sub(buf_str(&b), 0, VALUE_SHOWN)),
                            is_long ? "..." : "");
    buf_done(&b);
    return text;
}

static bool wrong(struct norm *c, const struct json *node, enum keyword kw, const struct json *v,
                  const char *what)
{
    (void)norm_fail(c, ERR_ARG, "standard_violation", node, keyword_name[kw], "%.*s %s",
                    STR_FMT(shown(c, v)), what);
    return false;
}

static bool is_schema(const struct json *v)
{
    return v->type == JSON_OBJECT || v->type == JSON_BOOL;
}

static bool check_schemas(struct norm *c, const struct json *node, enum keyword kw,
                          const struct json *v)
{
    if (v->type != JSON_ARRAY) return wrong(c, node, kw, v, "is not of type \"array\"");
    if (v->n == 0) return wrong(c, node, kw, v, "has less than 1 item");
    for (uint32_t i = 0; i < v->n; i++)
        if (!is_schema(&v->item[i]))
            return wrong(c, node, kw, &v->item[i], "is not of types \"boolean\", \"object\"");
    return true;
}

static bool check_map(struct norm *c, const struct json *node, enum keyword kw,
                      const struct json *v)
{
    if (v->type != JSON_OBJECT) return wrong(c, node, kw, v, "is not of type \"object\"");
    for (uint32_t i = 0; i < v->n; i++)
        if (!is_schema(&v->member[i].value))
            return wrong(c, node, kw, &v->member[i].value,
                         "is not of types \"boolean\", \"object\"");
    return true;
}

static bool has_double(const struct json *v)
{
    if (v->n <= SMALL_LIST) {
        for (uint32_t i = 1; i < v->n; i++)
            for (uint32_t j = 0; j < i; j++)
                if (str_eq(v->item[i].string, v->item[j].string)) return true;
        return false;
    }
    struct map seen;
    bool found = false;
    map_init(&seen, v->n);
    for (uint32_t i = 0; i < v->n && !found; i++) found = !map_set(&seen, v->item[i].string, 1);
    map_done(&seen);
    return found;
}

static bool check_strings(struct norm *c, const struct json *node, enum keyword kw,
                          const struct json *v)
{
    if (v->type != JSON_ARRAY) return wrong(c, node, kw, v, "is not of type \"array\"");
    for (uint32_t i = 0; i < v->n; i++)
        if (v->item[i].type != JSON_STRING)
            return wrong(c, node, kw, &v->item[i], "is not of type \"string\"");
    return !has_double(v) || wrong(c, node, kw, v, "has non-unique elements");
}

static bool check_dependencies(struct norm *c, const struct json *node, enum keyword kw,
                               const struct json *v)
{
    if (v->type != JSON_OBJECT) return wrong(c, node, kw, v, "is not of type \"object\"");
    for (uint32_t i = 0; i < v->n; i++) {
        const struct json *one = &v->member[i].value;
        bool may_be_schema = checks[kw] == DEPENDENCIES;
        if (!(may_be_schema && is_schema(one)) && !check_strings(c, node, kw, one)) return false;
    }
    return true;
}

static bool is_type_name(const struct json *v)
{
    static const char *const names[] = {"null",   "boolean", "number", "integer",
                                        "string", "array",   "object"};
    for (size_t i = 0; v->type == JSON_STRING && i < sizeof names / sizeof names[0]; i++)
        if (str_is(v->string, names[i])) return true;
    return false;
}

static bool check_types(struct norm *c, const struct json *node, const struct json *v)
{
    if (v->type == JSON_ARRAY && v->n == 0)
        return wrong(c, node, KW_TYPE, v, "has less than 1 item");
    if (v->type == JSON_ARRAY) {
        for (uint32_t i = 0; i < v->n; i++)
            if (!is_type_name(&v->item[i]))
                return wrong(c, node, KW_TYPE, &v->item[i], "is not the name of a type");
        return !has_double(v) || wrong(c, node, KW_TYPE, v, "has non-unique elements");
    }
    return is_type_name(v) || wrong(c, node, KW_TYPE, v, "is not the name of a type");
}

static bool check_number(struct norm *c, const struct json *node, enum keyword kw,
                         const struct json *v)
{
    int64_t i = 0;
    if (checks[kw] == NUMBER_OR_BOOL && v->type == JSON_BOOL) return true;
    if (v->type != JSON_NUMBER)
        return wrong(c, node, kw, v,
                     checks[kw] == COUNT ? "is not of type \"integer\""
                                         : "is not of type \"number\"");
    if (checks[kw] == POSITIVE && v->number <= 0)
        return wrong(c, node, kw, v, "is less than or equal to the minimum of 0");
    if (checks[kw] != COUNT || v->number >= 1e15) return true;
    if (!json_int(v, &i)) return wrong(c, node, kw, v, "is not of type \"integer\"");
    return i >= 0 || wrong(c, node, kw, v, "is less than the minimum of 0");
}

static bool check(struct norm *c, const struct json *node, enum keyword kw, const struct json *v)
{
    switch ((enum check)checks[kw]) {
    case ANY: return true;
    case SCHEMA:
        return is_schema(v) || wrong(c, node, kw, v, "is not of types \"boolean\", \"object\"");
    case SCHEMAS: return check_schemas(c, node, kw, v);
    case SCHEMA_MAP: return check_map(c, node, kw, v);
    case SCHEMA_OR_LIST:
        if (v->type == JSON_ARRAY) return v->n == 0 || check_schemas(c, node, kw, v);
        return is_schema(v) || wrong(c, node, kw, v, "is not of types \"boolean\", \"object\"");
    case COUNT:
    case NUMBER:
    case POSITIVE:
    case NUMBER_OR_BOOL: return check_number(c, node, kw, v);
    case STRING:
        return v->type == JSON_STRING || wrong(c, node, kw, v, "is not of type \"string\"");
    case BOOL: return v->type == JSON_BOOL || wrong(c, node, kw, v, "is not of type \"boolean\"");
    case STRINGS: return check_strings(c, node, kw, v);
    case TYPES: return check_types(c, node, v);
    case VALUES:
        if (v->type != JSON_ARRAY) return wrong(c, node, kw, v, "is not of type \"array\"");
        return v->n > 0 || wrong(c, node, kw, v, "has less than 1 item");
    case DEPENDENCIES:
    case STRINGS_MAP: return check_dependencies(c, node, kw, v);
    }
    return true;
}

bool norm_read(struct norm *c, const struct json *node, struct keywords *k)
{
    *k = (struct keywords){0};
    for (uint32_t i = 0; i < node->n; i++) {
        enum keyword kw = keyword_find(node->member[i].key);
        if (kw == KW_COUNT) continue;
        if (!check(c, node, kw, &node->member[i].value)) return false;
        k->v[kw] = &node->member[i].value;
    }
    return true;
}
