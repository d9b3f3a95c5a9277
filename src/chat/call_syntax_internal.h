/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the grammar of a turn (call_syntax_turn.c) and that of one call's arguments
 * (call_syntax_args.c, call_syntax_text.c).
 */
#pragma once
#include "chat/call_internal.h"

struct call_build {
    const struct call_syntax *syntax;
    struct grammar_builder *g;
    const struct schema_options *options;
    const struct json *root;           /* the schema of the tool at hand */
    uint32_t any_text;                 /* the node of a tagged string of no limits, once made */
    bool has_any_text;
};

/* Exactly text; the format's marks in it are marks. */
uint32_t call_text_node(const struct call_build *b, str text);
/* All arguments of a tool, from args_open to call_close. ERR_ARG: "[keyword] what is wrong". */
MUST_CHECK enum err call_args_node(struct call_build *b, const struct json *parameters,
                                   uint32_t *node, struct error *e);
/* The value of one tagged argument, up to value_close. */
MUST_CHECK enum err call_value_node(struct call_build *b, const struct json *schema,
                                    uint32_t *node, struct error *e);
/* Member, where it is there and holds what the keyword wants. */
const struct json *call_keyword(const struct json *schema, const char *keyword,
                                enum json_type type);
