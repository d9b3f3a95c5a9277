/* SPDX-License-Identifier: Apache-2.0
 *
 * Keywords that look at one value and apply no schema. A keyword of the wrong type stops the run:
 * the schema is broken.
 */
#include "schema/validate_internal.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "grammar/format.h"
#include "grammar/number.h"

/* ---- type, enum, const ---- */

static bool has_type(const struct json *v, str name)
{
    if (str_is(name, "integer")) return v->type == JSON_NUMBER && number_is_integer(v->text);
    return str_is(name, json_type_name(v->type));
}

bool keyword_type(struct apply *a, const struct json *k)
{
    if (k->type == JSON_STRING)
        return has_type(a->value, k->string) ||
               validate_fail(a, "type", "expected %.*s, not %s", STR_FMT(str_sub(k->string, 0, 40)),
                             json_type_name(a->value->type));
    if (k->type != JSON_ARRAY) return validate_broken(a, "type", "a string or an array of strings");
    for (uint32_t i = 0; i < k->n; i++) {
        if (k->item[i].type != JSON_STRING)
            return validate_broken(a, "type", "an array of strings");
        if (has_type(a->value, k->item[i].string)) return true;
    }
    return validate_fail(a, "type", "%s is none of the types", json_type_name(a->value->type));
}

static const struct json *member_equal(const struct json *o, str key, const struct json *v)
{
    const struct json *other = json_get_str(o, key);
    return other && json_equal(other, v) ? other : NULL;
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (a->type != b->type) return false;
    switch (a->type) {
    case JSON_NULL: return true;
    case JSON_BOOL: return a->boolean == b->boolean;
    case JSON_NUMBER: return number_cmp(a->text, b->text) == 0;
    case JSON_STRING: return str_eq(a->string, b->string);
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->type == JSON_ARRAY ? !json_equal(&a->item[i], &b->item[i])
                                  : !member_equal(b, a->member[i].key, &a->member[i].value))
            return false;
    }
    return true;
}

bool keyword_enum(struct apply *a, const struct json *k)
{
    if (k->type != JSON_ARRAY) return validate_broken(a, "enum", "an array");
    for (uint32_t i = 0; i < k->n; i++)
        if (json_equal(&k->item[i], a->value)) return true;
    return validate_fail(a, "enum", "the value is none of the %u allowed ones", k->n);
}

bool keyword_const(struct apply *a, const struct json *k)
{
    return json_equal(k, a->value) || validate_fail(a, "const", "the value is another one");
}

/* ---- numbers ---- */

static bool bound(struct apply *a, const struct json *k, const char *keyword, int sign,
                  bool exclusive)
{
    if (k->type != JSON_NUMBER) return validate_broken(a, keyword, "a number");
    if (a->value->type != JSON_NUMBER) return true;
    int order = sign * number_cmp(a->value->text, k->text);
    return order < 0 || (order == 0 && !exclusive) ||
           validate_fail(a, keyword, "%.*s is past %.*s", STR_FMT(str_sub(a->value->text, 0, 40)),
                         STR_FMT(str_sub(k->text, 0, 40)));
}

/* draft-04: a boolean beside the bound. */
static bool is_exclusive(const struct apply *a, const char *keyword)
{
    const struct json *v = json_get(a->schema, keyword);
    return v && v->type == JSON_BOOL && v->boolean;
}

bool keyword_maximum(struct apply *a, const struct json *k)
{
    return bound(a, k, "maximum", 1, is_exclusive(a, "exclusiveMaximum"));
}

bool keyword_minimum(struct apply *a, const struct json *k)
{
    return bound(a, k, "minimum", -1, is_exclusive(a, "exclusiveMinimum"));
}

bool keyword_exclusive_maximum(struct apply *a, const struct json *k)
{
    return k->type == JSON_BOOL || bound(a, k, "exclusiveMaximum", 1, true);
}

bool keyword_exclusive_minimum(struct apply *a, const struct json *k)
{
    return k->type == JSON_BOOL || bound(a, k, "exclusiveMinimum", -1, true);
}

bool keyword_multiple_of(struct apply *a, const struct json *k)
{
    if (k->type != JSON_NUMBER || number_cmp(k->text, STR("0")) <= 0)
        return validate_broken(a, "multipleOf", "a number above 0");
    return a->value->type != JSON_NUMBER || number_is_multiple(a->value->text, k->text) ||
           validate_fail(a, "multipleOf", "%.*s is no multiple of %.*s",
                         STR_FMT(str_sub(a->value->text, 0, 40)), STR_FMT(str_sub(k->text, 0, 40)));
}

/* ---- counts ---- */

/* How many there are, against a limit that is a non-negative integer (3.0 is one). */
static bool count_at(struct apply *a, const struct json *k, const char *keyword, int sign,
                     uint64_t n, const char *of)
{
    int64_t limit;
    if (k->type != JSON_NUMBER || !number_is_integer(k->text) || number_cmp(k->text, STR("0")) < 0)
        return validate_broken(a, keyword, "an integer that is not negative");
    if (!json_int(k, &limit)) return sign > 0 || validate_fail(a, keyword, "too few %s", of);
    bool ok = sign > 0 ? n <= (uint64_t)limit : n >= (uint64_t)limit;
    return ok || validate_fail(a, keyword, "%llu %s, the limit is %lld", (unsigned long long)n, of,
                               (long long)limit);
}

static bool count_of(struct apply *a, const struct json *k, const char *keyword, int sign,
                     enum json_type type, const char *of)
{
    uint64_t n =
        type == JSON_STRING && a->value->type == type ? utf8_count(a->value->string) : a->value->n;
    if (a->value->type != type) n = sign > 0 ? 0 : UINT64_MAX;
    return count_at(a, k, keyword, sign, n, of);
}

bool keyword_max_length(struct apply *a, const struct json *k)
{
    return count_of(a, k, "maxLength", 1, JSON_STRING, "characters");
}

bool keyword_min_length(struct apply *a, const struct json *k)
{
    return count_of(a, k, "minLength", -1, JSON_STRING, "characters");
}

bool keyword_max_items(struct apply *a, const struct json *k)
{
    return count_of(a, k, "maxItems", 1, JSON_ARRAY, "items");
}

bool keyword_min_items(struct apply *a, const struct json *k)
{
    return count_of(a, k, "minItems", -1, JSON_ARRAY, "items");
}

bool keyword_max_properties(struct apply *a, const struct json *k)
{
    return count_of(a, k, "maxProperties", 1, JSON_OBJECT, "properties");
}

bool keyword_min_properties(struct apply *a, const struct json *k)
{
    return count_of(a, k, "minProperties", -1, JSON_OBJECT, "properties");
}

/* ---- strings ---- */

bool keyword_pattern(struct apply *a, const struct json *k)
{
    if (k->type != JSON_STRING) return validate_broken(a, "pattern", "a string");
    return a->value->type != JSON_STRING || pattern_match(a->v, k->string, a->value->string) ||
           validate_fail(a, "pattern", "the string does not match \"%.*s\"",
                         STR_FMT(str_sub(k->string, 0, 80)));
}

bool keyword_format(struct apply *a, const struct json *k)
{
    if (k->type != JSON_STRING) return validate_broken(a, "format", "a string");
    if (!a->v->o->assert_format || a->value->type != JSON_STRING) return true;
    const struct dfa *d = format_dfa(k->string);
    return !d || dfa_match(d, a->value->string) ||
           validate_fail(a, "format", "the string is no %.*s", STR_FMT(str_sub(k->string, 0, 40)));
}

/* ---- arrays and objects ---- */

/* Equal values hash alike; members count in any order. */
static uint64_t hash_value(const struct json *v)
{
    uint64_t h = (uint64_t)v->type + 1;
    double number = v->type == JSON_NUMBER && v->number != 0 ? v->number : 0; /* -0 is 0 */
    switch (v->type) {
    case JSON_NULL: return h;
    case JSON_BOOL: return 2 * h + v->boolean;
    case JSON_NUMBER: return hash_fixed(h, &number, sizeof number);
    case JSON_STRING: return hash_fixed(h, v->string.p, v->string.n);
    case JSON_ARRAY:
        for (uint32_t i = 0; i < v->n; i++) {
            uint64_t item = hash_value(&v->item[i]);
            h = hash_fixed(h, &item, sizeof item);
        }
        return h;
    case JSON_OBJECT:
        for (uint32_t i = 0; i < v->n; i++)
            h +=
                hash_fixed(hash_value(&v->member[i].value), v->member[i].key.p, v->member[i].key.n);
        return h;
    }
    return h;
}

/* Open addressing over the items' hashes; index + 1, 0 empty. */
bool keyword_unique_items(struct apply *a, const struct json *k)
{
    const struct json *v = a->value;
    size_t cap = 16;
    if (k->type != JSON_BOOL) return validate_broken(a, "uniqueItems", "a boolean");
    if (!k->boolean || v->type != JSON_ARRAY) return true;
    while (cap < 2 * (size_t)v->n) cap *= 2;
    uint32_t *slot = arena_try_array(a->v->arena, cap, sizeof *slot);
    if (!slot) return validate_stop(a->v, ERR_LIMIT, "the value needs too much memory");
    for (uint32_t i = 0; i < v->n; i++) {
        size_t at = hash_value(&v->item[i]) & (cap - 1);
        for (; slot[at]; at = (at + 1) & (cap - 1))
            if (json_equal(&v->item[slot[at] - 1], &v->item[i]))
                return validate_fail(a, "uniqueItems", "items %u and %u are equal", slot[at] - 1,
                                     i);
        slot[at] = i + 1;
    }
    return true;
}

static bool has_all(struct apply *a, const struct json *names, const char *keyword)
{
    if (names->type != JSON_ARRAY) return validate_broken(a, keyword, "an array of strings");
    for (uint32_t i = 0; i < names->n; i++) {
        if (names->item[i].type != JSON_STRING)
            return validate_broken(a, keyword, "an array of strings");
        if (!validate_in_time(a->v)) return false;
        if (!json_get_str(a->value, names->item[i].string))
            return validate_fail(a, keyword, "property \"%.*s\" is missing",
                                 STR_FMT(str_sub(names->item[i].string, 0, 80)));
    }
    return true;
}

bool keyword_required(struct apply *a, const struct json *k)
{
    if (k->type == JSON_BOOL) return true; /* draft-03 */
    return a->value->type != JSON_OBJECT || has_all(a, k, "required");
}

bool keyword_dependent_required(struct apply *a, const struct json *k)
{
    if (k->type != JSON_OBJECT) return validate_broken(a, "dependentRequired", "an object");
    if (a->value->type != JSON_OBJECT) return true;
    for (uint32_t i = 0; i < k->n; i++)
        if (json_get_str(a->value, k->member[i].key) &&
            !has_all(a, &k->member[i].value, "dependentRequired"))
            return false;
    return true;
}
