/* SPDX-License-Identifier: Apache-2.0
 *
 * Typed reads of JSON request fields. null counts as absent. A field of the wrong type is
 * ERR_TYPE with path, reason, line and column (the 422 of this API); a value out of its range is
 * ERR_ARG naming the field and the range. Errors are sticky: after the first one all reads give
 * their default, so a parser reads every field and looks once at the end.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"

struct fields {
    str body;                          /* source text, for line and column */
    struct arena *arena;
    enum err rc;                       /* first failure */
    struct error *e;                   /* where it is described */
};

/* "messages[2].content" of the value being complained about. */
void fields_type_error(struct fields *f, const char *path, size_t pos, const char *why);
void fields_range_error(struct fields *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* path names obj in messages ("" for the root). */
str fields_str(struct fields *f, const struct json *obj, const char *path, const char *key);
bool fields_bool(struct fields *f, const struct json *obj, const char *path, const char *key,
                 bool otherwise);
int64_t fields_int(struct fields *f, const struct json *obj, const char *path, const char *key,
                   int64_t min, int64_t max, int64_t otherwise);
double fields_double(struct fields *f, const struct json *obj, const char *path, const char *key,
                     double min, double max, double otherwise);
/* The value when present and of that type, NULL when absent. */
const struct json *fields_typed(struct fields *f, const struct json *obj, const char *path,
                                const char *key, enum json_type type);
