/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of chat_parse share, and the parsers of dialects that spell these fields alike.
 * The first failure sticks in f; all later reads give their defaults.
 */
#pragma once
#include "api/chat_parse.h"
#include "api/fields.h"

struct parse {
    struct fields f;
    const struct json *root;
    struct chat_params *out;
    size_t n_call;                     /* tool calls of all messages so far */
};

static inline bool failed(const struct parse *p) { return p->f.rc != ERR_OK; }

static inline void refuse(struct parse *p, enum err code, const char *text)
{
    if (!failed(p)) p->f.rc = err_set(p->f.e, code, ERR_NO_POS, "%s", text);
}

/* What other dialects ask of tools too: 1 to CHAT_TOOL_NAME_MAX letters, digits, '_' and
 * '-'; ... */
bool tool_name_is_valid(str name);
/* ... the root may be left to a choice or a reference, but a type that is written must be the right
 * one. */
bool tool_schema_may_be_object(const struct json *parameters);

/* temperature and its like, seed, logit_bias, stop. */
void parse_sampling(struct parse *p, const struct api *api);
/* stream, stream_options, service_tier. */
void parse_streaming(struct parse *p);
/* tools, functions, tool_choice, function_call, parallel_tool_calls. */
void parse_tools(struct parse *p);
/* response_format. */
void parse_format(struct parse *p);
