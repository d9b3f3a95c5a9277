/* SPDX-License-Identifier: Apache-2.0
 *
 * What a schema object asserts by itself, and exact values: one shape a type.
 */
#include "schema/norm.h"

#include "grammar/format.h"
#include "grammar/number.h"

#define TYPE_INTEGER (1u << (SHAPE_COUNT + 2))
#define TYPE_NULL (1u << SHAPE_COUNT)
#define TYPE_BOOL (1u << (SHAPE_COUNT + 1))
#define TYPE_ALL ((1u << (SHAPE_COUNT + 2)) - 1)

/* ---- values ---- */

static struct state *value_state(struct norm *c, const struct json *v)
{
    return state_of_ref(c, (uintptr_t)v | REF_VALUE);
}

static const struct shape *array_of_value(struct norm *c, const struct json *v)
{
    struct shape *s = shape_new(c, SHAPE_ARRAY);
    struct array_shape *a = &s->array;
    a->prefix = norm_alloc(c, v->n, sizeof(struct state *));
    a->n_prefix = a->n_min = a->n_max = v->n;
    a->rest = c->false_state;
    for (uint32_t i = 0; i < v->n && !c->rc; i++) a->prefix[i] = value_state(c, &v->item[i]);
    return array_check(c, s);
}

static const struct shape *object_of_value(struct norm *c, const struct json *v)
{
    struct shape *s = shape_new(c, SHAPE_OBJECT);
    struct object_shape *o = &s->object;
    o->property = norm_alloc(c, v->n, sizeof *o->property);
    o->n_property = v->n;
    o->rest = c->false_state;
    o->has_properties = o->has_additional = true;
    for (uint32_t i = 0; i < v->n && !c->rc; i++)
        o->property[i] =
            (struct property){v->member[i].key, value_state(c, &v->member[i].value), true, true};
    return object_check(c, s);
}

/* Exactly these values: one finite shape for all numbers and one for all strings. */
const struct form *values_form(struct norm *c, const struct json *v, uint32_t n)
{
    struct shapes out = {0};
    bool null = false;
    unsigned bools = 0;
    struct strs numbers = {norm_alloc(c, n, sizeof(str)), 0};
    struct strs strings = {norm_alloc(c, n, sizeof(str)), 0};
    str *number = norm_alloc(c, n, sizeof(str)), *string = norm_alloc(c, n, sizeof(str));
    for (uint32_t i = 0; i < n && !c->rc; i++) switch (v[i].type) {
        case JSON_NULL: null = true; break;
        case JSON_BOOL: bools |= v[i].boolean ? BOOL_TRUE : BOOL_FALSE; break;
        case JSON_NUMBER: number[numbers.n++] = v[i].text; break;
        case JSON_STRING: string[strings.n++] = v[i].string; break;
        case JSON_ARRAY: shapes_add(c, &out, array_of_value(c, &v[i])); break;
        case JSON_OBJECT: shapes_add(c, &out, object_of_value(c, &v[i])); break;
        }
    numbers.v = number;
    strings.v = string;
    if (numbers.n) {
        struct shape *s = shape_new(c, SHAPE_NUMBER);
        s->number.is_finite = true;
        s->number.value = numbers;
        shapes_add(c, &out, s);
    }
    if (strings.n) {
        struct shape *s = shape_new(c, SHAPE_STRING);
        s->string.is_finite = true;
        s->string.value = strs_sorted(c, strings);
        shapes_add(c, &out, s);
    }
    return form_of(c, null, bools, &out);
}

const struct form *value_form(struct norm *c, const struct json *value)
{
    return values_form(c, value, 1);
}

/* ---- assertions, type by type ---- */

static unsigned type_bit(str name)
{
    static const struct {
        const char *name;
        unsigned bits;
    } types[] = {
        {"null", TYPE_NULL},
        {"boolean", TYPE_BOOL},
        {"number", 1u << SHAPE_NUMBER},
        {"integer", TYPE_INTEGER},
        {"string", 1u << SHAPE_STRING},
        {"array", 1u << SHAPE_ARRAY},
        {"object", 1u << SHAPE_OBJECT},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_is(name, types[i].name)) return types[i].bits;
    return 0;
}

static unsigned type_bits(const struct norm *c, const struct node *n)
{
    const struct json *t = kw(n, KW_TYPE), *nullable = kw(n, KW_NULLABLE);
    unsigned bits = 0;
    if (!t) return TYPE_ALL;
    if (t->type == JSON_STRING)
        bits = type_bit(t->string);
    else
        for (uint32_t i = 0; i < t->n; i++) bits |= type_bit(t->item[i].string);
    return c->o->nullable && nullable && nullable->boolean ? bits | TYPE_NULL : bits;
}

/* Counts beyond uint32_t mean without bound above, and are more than any text can hold below. */
static uint32_t count_of(const struct json *v, uint32_t absent)
{
    int64_t i = 0;
    if (!v) return absent;
    return json_int(v, &i) && i < COUNT_UNBOUNDED ? (uint32_t)i : COUNT_UNBOUNDED;
}

/* Reads two counts; false, and failed, when the lower one is beyond what can be written. */
static bool counts(struct norm *c, const struct node *n, enum keyword low, enum keyword high,
                   uint32_t *n_min, uint32_t *n_max)
{
    *n_min = count_of(kw(n, low), 0);
    *n_max = count_of(kw(n, high), COUNT_UNBOUNDED);
    if (*n_min == COUNT_UNBOUNDED)
        (void)norm_fail(c, ERR_LIMIT, "limit", n->at, keyword_name[low],
                        "more than %u cannot be asked for", COUNT_UNBOUNDED - 1);
    return !c->rc;
}

static void bound(struct number_shape *s, const struct json *v, const struct json *exclusive,
                  bool is_min)
{
    str *to = is_min ? &s->min : &s->max;
    bool *flag = is_min ? &s->min_exclusive : &s->max_exclusive;
    if (v) {
        *to = v->text;
        *flag = exclusive && exclusive->type == JSON_BOOL && exclusive->boolean;
    }
    if (!exclusive || exclusive->type != JSON_NUMBER) return;
    int cmp = v ? number_cmp(exclusive->text, v->text) : 0;
    if (!v || (is_min ? cmp >= 0 : cmp <= 0)) {
        *to = exclusive->text;
        *flag = true;
    }
}

static const struct shape *number_of(struct norm *c, const struct node *n, bool is_integer)
{
    const struct json *multiple = kw(n, KW_MULTIPLE_OF);
    if (!is_integer && !multiple && !kw(n, KW_MINIMUM) && !kw(n, KW_MAXIMUM) &&
        !kw(n, KW_EXCLUSIVE_MINIMUM) && !kw(n, KW_EXCLUSIVE_MAXIMUM))
        return c->any[SHAPE_NUMBER];
    struct shape *s = shape_new(c, SHAPE_NUMBER);
    s->number.is_integer = is_integer;
    bound(&s->number, kw(n, KW_MINIMUM), kw(n, KW_EXCLUSIVE_MINIMUM), true);
    bound(&s->number, kw(n, KW_MAXIMUM), kw(n, KW_EXCLUSIVE_MAXIMUM), false);
    if (multiple) s->number.divisor = strs_one(c, multiple->text);
    struct shape *any = shape_new(c, SHAPE_NUMBER);
    return number_and(c, s, any); /* NULL: the bounds cross */
}

static const struct shape *string_of(struct norm *c, const struct node *n)
{
    const struct json *pattern = kw(n, KW_PATTERN), *format = kw(n, KW_FORMAT);
    const struct dfa *known = format ? format_dfa(format->string) : NULL;
    if (!pattern && !known && !kw(n, KW_MIN_LENGTH) && !kw(n, KW_MAX_LENGTH))
        return c->any[SHAPE_STRING];
    struct shape *s = shape_new(c, SHAPE_STRING), *t = shape_new(c, SHAPE_STRING);
    uint32_t n_min = 0, n_max = 0;
    if (!counts(c, n, KW_MIN_LENGTH, KW_MAX_LENGTH, &n_min, &n_max)) return NULL;
    s->string.n_min = n_min;
    s->string.n_max = n_max;
    s->string.text = known;
    if (pattern) {
        struct regex_entry *r =
            norm_regex(c, pattern->string, c->o->whole_pattern, n->at, keyword_name[KW_PATTERN]);
        if (!r) return NULL;
        t->string.text = r->dfa;
        t->string.n_min = r->n_min;
        t->string.n_max = r->n_max;
    }
    return string_and(c, s, t);
}

static bool has_array_keywords(const struct node *n)
{
    for (enum keyword k = KW_ITEMS; k <= KW_UNIQUE_ITEMS; k++)
        if (kw(n, k)) return true;
    return false;
}

static void read_contains(struct norm *c, const struct node *n, struct array_shape *a)
{
    uint32_t low = count_of(kw(n, KW_MIN_CONTAINS), 1);
    if (!kw(n, KW_CONTAINS)) return;
    a->contains = norm_new(c, struct contains);
    a->n_contains = 1;
    *a->contains = (struct contains){state_of(c, kw(n, KW_CONTAINS), false),
                                     0,
                                     low,
                                     count_of(kw(n, KW_MAX_CONTAINS), COUNT_UNBOUNDED),
                                     n->at,
                                     keyword_name[KW_CONTAINS]};
    if (low == COUNT_UNBOUNDED)
        (void)norm_fail(c, ERR_LIMIT, "limit", n->at, keyword_name[KW_MIN_CONTAINS],
                        "more than %u cannot be asked for", COUNT_UNBOUNDED - 1);
}

static const struct shape *array_of(struct norm *c, const struct node *n)
{
    if (!has_array_keywords(n)) return c->any[SHAPE_ARRAY];
    struct shape *s = shape_new(c, SHAPE_ARRAY);
    struct array_shape *a = &s->array;
    const struct json *items = kw(n, KW_ITEMS), *prefix = kw(n, KW_PREFIX_ITEMS), *rest = items;
    if (items && items->type == JSON_ARRAY) { /* the old spelling */
        prefix = items;
        rest = kw(n, KW_ADDITIONAL_ITEMS);
    }
    if (prefix) {
        a->n_prefix = prefix->n;
        a->prefix = norm_alloc(c, prefix->n, sizeof(struct state *));
        for (uint32_t i = 0; i < prefix->n && !c->rc; i++)
            a->prefix[i] = state_of(c, &prefix->item[i], false);
    }
    if (rest) a->rest = state_of(c, rest, false);
    read_contains(c, n, a);
    evaluated_items(c, n, a);
    if (kw(n, KW_UNIQUE_ITEMS) && kw(n, KW_UNIQUE_ITEMS)->boolean) a->unique = n->at;
    if (!counts(c, n, KW_MIN_ITEMS, KW_MAX_ITEMS, &a->n_min, &a->n_max)) return NULL;
    return array_check(c, s);
}

static bool has_object_keywords(const struct node *n)
{
    for (enum keyword k = KW_PROPERTIES; k <= KW_MAX_PROPERTIES; k++)
        if (kw(n, k)) return true;
    return false;
}

static void read_patterns(struct norm *c, const struct node *n, struct object_shape *o)
{
    const struct json *map = kw(n, KW_PATTERN_PROPERTIES);
    const struct json *additional = kw(n, KW_ADDITIONAL_PROPERTIES);
    struct state *other = additional ? state_of(c, additional, false) : c->true_state;
    o->has_additional = additional != NULL;
    if (!map || map->n == 0) {
        o->rest = state_and(c, o->rest, other);
        return;
    }
    struct key_group *g = norm_new(c, struct key_group);
    struct pattern *p = norm_alloc(c, map->n, sizeof *p);
    *g = (struct key_group){p, map->n, other};
    for (uint32_t i = 0; i < map->n && !c->rc; i++) {
        struct regex_entry *r =
            norm_regex(c, map->member[i].key, false, n->at, keyword_name[KW_PATTERN_PROPERTIES]);
        if (!r) return;
        if (!r->whole) r->whole = norm_length_dfa(c, r->dfa, r->n_min, r->n_max);
        p[i].key = r->whole;
        p[i].state = state_of(c, &map->member[i].value, false);
    }
    o->group = g;
    o->n_group = 1;
}

/* required names that are no properties get what holds for any other member. */
static void read_properties(struct norm *c, const struct node *n, struct object_shape *o)
{
    const struct json *map = kw(n, KW_PROPERTIES), *required = kw(n, KW_REQUIRED);
    uint32_t n_map = map ? map->n : 0, n_required = required ? required->n : 0;
    struct object_shape other = *o; /* without properties, to ask it */
    struct object_shape named = *o;
    o->property = norm_alloc(c, (size_t)n_map + n_required, sizeof *o->property);
    o->has_properties = map != NULL;
    named.rest = c->true_state; /* additionalProperties is not for them */
    if (o->n_group) {
        struct key_group *g = norm_new(c, struct key_group);
        *g = o->group[0];
        g->other = c->true_state;
        named.group = g;
    }
    for (uint32_t i = 0; i < n_map && !c->rc; i++) {
        str name = map->member[i].key;
        struct state *s = state_of(c, &map->member[i].value, false);
        if (named.n_group || named.names) s = state_and(c, s, object_key_state(c, &named, name));
        o->property[o->n_property++] = (struct property){name, s, false, true};
    }
    property_index(c, o);
    struct object_shape declared = *o;
    for (uint32_t i = 0; i < n_required && !c->rc; i++) {
        str name = required->item[i].string;
        const struct property *p = property_find(&declared, name);
        if (p)
            o->property[p - o->property].is_required = true;
        else
            o->property[o->n_property++] =
                (struct property){name, object_key_state(c, &other, name), true, true};
    }
}

/* additionalProperties: true and its like. */
static bool says_nothing(const struct norm *c, const struct object_shape *o)
{
    return !c->o->closed && !c->has_unevaluated && !o->n_property && !o->n_group && !o->names &&
           o->rest == c->true_state && o->n_min == 0 && o->n_max == COUNT_UNBOUNDED;
}

static const struct shape *object_of(struct norm *c, const struct node *n)
{
    if (!has_object_keywords(n)) return c->any[SHAPE_OBJECT];
    struct shape *s = shape_new(c, SHAPE_OBJECT);
    struct object_shape *o = &s->object;
    const struct json *names = kw(n, KW_PROPERTY_NAMES);
    if (names) o->names = norm_text_dfa(c, state_form(c, state_of(c, names, false)));
    read_patterns(c, n, o);
    read_properties(c, n, o);
    evaluated_properties(c, n, o);
    if (c->rc || !counts(c, n, KW_MIN_PROPERTIES, KW_MAX_PROPERTIES, &o->n_min, &o->n_max))
        return NULL;
    return says_nothing(c, o) ? c->any[SHAPE_OBJECT] : object_check(c, s);
}

const struct form *node_assertions(struct norm *c, const struct node *n)
{
    unsigned bits = type_bits(c, n);
    struct shapes out = {0};
    bool is_any = bits == TYPE_ALL;
    if (bits & (1u << SHAPE_NUMBER))
        shapes_add(c, &out, number_of(c, n, false));
    else if (bits & TYPE_INTEGER)
        shapes_add(c, &out, number_of(c, n, true));
    if (bits & (1u << SHAPE_STRING)) shapes_add(c, &out, string_of(c, n));
    if (bits & (1u << SHAPE_ARRAY)) shapes_add(c, &out, array_of(c, n));
    if (bits & (1u << SHAPE_OBJECT)) shapes_add(c, &out, object_of(c, n));
    for (uint32_t i = 0; i < out.n; i++) is_any &= out.v[i] == c->any[out.v[i]->type];
    if (is_any && out.n == SHAPE_COUNT) return c->full;
    return form_of(c, bits & TYPE_NULL, bits & TYPE_BOOL ? BOOL_FALSE | BOOL_TRUE : 0, &out);
}
