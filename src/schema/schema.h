/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Schema (2020-12; draft-07 spellings too) -> grammar node. What a schema says is enforced
 * exactly, or it is refused: with the JSON pointer and the keyword, and what to change. Unknown
 * keywords and unknown formats are annotations, as the standard says.
 *
 * Any thread; the builder's owner calls.
 */
#pragma once
#include "codec/json.h"
#include "grammar/grammar.h"

struct schema_options {
    bool closed;                       /* xAI: objects that declare properties and do not mention
                                        * additionalProperties take no others */
    bool any_order;                    /* members in any order; else in that of the schema */
    bool one_of_any;                   /* xAI: oneOf whose branches cannot be told apart means
                                        * anyOf; else refused */
    bool whole_pattern;                /* xAI: `pattern` matches the whole string */
    bool nullable;                     /* OpenAPI's nullable: true adds null to type; else it is an
                                        * annotation, as the standard has it */
    const struct grammar_style *style; /* spelling of the values; NULL: JSON */
    const struct json *root;           /* the document that $ref means; NULL: the schema itself */
    bool objects_only;                 /* tool parameters: the root is an object, or a choice of
                                        * objects; an absent type means object */
    uint32_t depth_max;                /* of the schema, $ref followed */
    uint32_t n_node_max;               /* normal forms made on the way */
};
#define SCHEMA_DEPTH_MAX_DEFAULT 256
#define SCHEMA_NODES_MAX_DEFAULT 200000
/* JSON Schema as the standard reads it. */
#define SCHEMA_STANDARD \
    ((struct schema_options){.any_order = true, .depth_max = SCHEMA_DEPTH_MAX_DEFAULT, \
                             .n_node_max = SCHEMA_NODES_MAX_DEFAULT})
/* As api.x.ai reads it. */
#define SCHEMA_XAI \
    ((struct schema_options){.closed = true, .one_of_any = true, .whole_pattern = true, \
                             .nullable = true, \
                             .depth_max = SCHEMA_DEPTH_MAX_DEFAULT, \
                             .n_node_max = SCHEMA_NODES_MAX_DEFAULT})

/* ERR_ARG: "[kind] /json/pointer/keyword: what is wrong", kind standard_violation (not a schema),
 * unsupported, or unsatisfiable (no value satisfies it). ERR_LIMIT: "[limit] ..." says which.
 * `schema` (and its text) is borrowed for the call. */
MUST_CHECK enum err schema_compile(const struct json *schema, const struct schema_options *o,
                                   struct grammar_builder *g, uint32_t *node, struct error *e);
/* Any JSON object, and any JSON value, nested as deep as one likes. */
uint32_t schema_any_object(struct grammar_builder *g);
uint32_t schema_any_value(struct grammar_builder *g);
