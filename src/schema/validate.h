/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a JSON value satisfy a JSON Schema? draft 2020-12 whole (dynamic references, unevaluated
 * properties and items, annotations), draft-07 spellings where they do not contradict. Independent
 * of schema.c, so each can check the other. Any thread.
 */
#pragma once
#include "codec/json.h"

struct json_schema_options {
    bool assert_format;                /* else format is an annotation */
    /* Other documents that $ref may name: gives the parsed document of an absolute URI or NULL.
     * NULL: only the schema itself and the 2020-12 metaschema are known. */
    const struct json *(*document)(void *arg, str uri);
    void *document_arg;
    int64_t time_max_ns;               /* 0: 1 s */
};

/* ERR_OK: it does. ERR_TYPE: it does not; e names the instance's JSON pointer, the keyword, and
 * what was expected. ERR_ARG: the schema itself is broken. ERR_LIMIT: time, depth or arena.
 * Scratch lies on a. */
MUST_CHECK enum err json_schema_validate(const struct json *schema, const struct json *value,
                                         const struct json_schema_options *o, struct arena *a,
                                         struct error *e);
