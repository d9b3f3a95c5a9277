/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fields.h"
#include <stdarg.h>
#include <stdio.h>

void fields_type_error(struct fields *f, const char *path, size_t pos, const char *why)
{
    size_t line, col;

    if (f->rc != ERR_OK) return;
    json_line_col(f->body, pos, &line, &col);
    f->rc = err_set(f->e, ERR_TYPE, pos,
                    "Failed to deserialize the JSON body into the target type: %s: %s at line %zu "
                    "column %zu", path, why, line, col);
}

void fields_range_error(struct fields *f, const char *fmt, ...)
{
    char text[sizeof f->e->text];
    va_list ap;

    if (f->rc != ERR_OK) return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    f->rc = err_set(f->e, ERR_ARG, ERR_NO_POS, "%s", text);
}

static const char *join(struct fields *f, const char *path, const char *key)
{
    return arena_printf(f->arena, "%s%s%s", path, *path ? "." : "", key).p;
}

static void wrong_type(struct fields *f, const char *path, const char *key, const struct json *v,
                       const char *expected)
{
    const char *why;

    if (f->rc != ERR_OK) return;
    why = arena_printf(f->arena, "invalid type: %s, expected %s", json_type_name(v->type),
                       expected).p;
    fields_type_error(f, join(f, path, key), v->pos, why);
}

const struct json *fields_typed(struct fields *f, const struct json *obj, const char *path,
                                const char *key, enum json_type type)
{
    const struct json *v = json_get(obj, key);

    if (f->rc != ERR_OK || json_absent(v)) return NULL;
    if (v->type == type) return v;
    wrong_type(f, path, key, v, json_type_name(type));
    return NULL;
}

str fields_str(struct fields *f, const struct json *obj, const char *path, const char *key)
{
    const struct json *v = fields_typed(f, obj, path, key, JSON_STRING);

    return v ? v->string : STR_NONE;
}

bool fields_bool(struct fields *f, const struct json *obj, const char *path, const char *key,
                 bool otherwise)
{
    const struct json *v = fields_typed(f, obj, path, key, JSON_BOOL);

    return v ? v->boolean : otherwise;
}

int64_t fields_int(struct fields *f, const struct json *obj, const char *path, const char *key,
                   int64_t min, int64_t max, int64_t otherwise)
{
    const struct json *v = fields_typed(f, obj, path, key, JSON_NUMBER);
    int64_t i;

    if (!v) return otherwise;
    if (!json_int(v, &i)) {
        wrong_type(f, path, key, v, "an integer of 64 bits");
        return otherwise;
    }
    if (i >= min && i <= max) return i;
    fields_range_error(f, "Invalid value for '%s': %lld is not between %lld and %lld.",
                       join(f, path, key), (long long)i, (long long)min, (long long)max);
    return otherwise;
}

double fields_double(struct fields *f, const struct json *obj, const char *path, const char *key,
                     double min, double max, double otherwise)
{
    const struct json *v = fields_typed(f, obj, path, key, JSON_NUMBER);

    if (!v) return otherwise;
    if (v->number >= min && v->number <= max) return v->number;
    fields_range_error(f, "Invalid value for '%s': %.*s is not between %g and %g.",
                       join(f, path, key), STR_FMT(v->text), min, max);
    return otherwise;
}
