/* SPDX-License-Identifier: Apache-2.0
 *
 * How models write tool calls: one table row per format, which says how a turn's calls begin, how
 * one is written, how they end, and how thinking and the answer are marked around them. From a row
 * come the grammar that forces the format (here) and the parser that reads it (call_parse.h), so
 * both always agree. Immutable, any thread.
 */
#pragma once
#include "chat/request.h"
#include "grammar/grammar.h"
#include "schema/schema.h"

struct call_syntax;                    /* a row; its fields are in call_internal.h */

/* The row whose format the template's source shows; never NULL: a template that knows no tools
 * gets the plain row, and the prompt explains the tools in words (call_syntax_explain). */
const struct call_syntax *call_syntax_of(str template_source);
const struct call_syntax *call_syntax_named(const char *name);   /* NULL: no such row */
const char *call_syntax_name(const struct call_syntax *s);
/* The template itself shows tools, past calls and results; else they go in as text. */
bool call_syntax_templated(const struct call_syntax *s);
/* The marks around thinking, e.g. "<think>" and "</think>". */
void call_syntax_thinking(const struct call_syntax *s, str *open, str *close);
/* piece is a mark of the format: where it is a control token, the parser must see its spelling. */
bool call_syntax_is_mark(const struct call_syntax *s, str piece);
/* For templates that know no tools: what to say about them (system text), and a past call or a
 * result as text. Appends. */
void call_syntax_explain(const struct call_syntax *s, const struct chat_tool *tool, size_t n,
                         struct buf *out);
void call_syntax_write_call(const struct call_syntax *s, const struct chat_tool_call *c,
                            struct buf *out);
void call_syntax_write_result(const struct call_syntax *s, str tool_call_id, str name, str text,
                              struct buf *out);

/* What the model writes in its turn, after thinking. */
struct call_grammar {
    const struct chat_tool *tool;      /* [n_tool] those it may call */
    size_t n_tool;
    bool required;                     /* a call must come, at once; else free text or `answer`
                                        * may come, and calls behind it */
    bool parallel;
    uint32_t answer;                   /* node of the text when no call is made (a schema's), or
                                        * NODE_NONE: free text */
    const struct schema_options *options;   /* for parameters; style and root are set here */
};
/* What ends a think block and leads on to what comes behind it, as the model would write it. */
void call_syntax_end_thinking(const struct call_syntax *s, struct buf *out);

/* The node of the whole turn from where the prompt ends. opens_reasoning: the prompt ends inside a
 * think block; may_reason: the model may open one itself. ERR_ARG names the tool and what its
 * schema lacks. */
MUST_CHECK enum err call_syntax_turn(const struct call_syntax *s, const struct call_grammar *c,
                                     bool opens_reasoning, bool may_reason,
                                     struct grammar_builder *g, uint32_t *node, struct error *e);
