/* SPDX-License-Identifier: Apache-2.0
 *
 * A turn's bytes -> text and tool calls, as they come. Streamed and whole replies use this one
 * parser, and the events do not depend on how the bytes were divided: only how often text comes
 * does, never what it is when joined. Never fails: what does not follow the format is text. A call
 * is given whole, once it is closed; an unclosed one at the end of the output is text when nothing
 * of its arguments can be read, and is dropped from the calls in any case. One owner thread.
 */
#pragma once
#include <stdbool.h>
#include "base/buf.h"
#include "chat/call_syntax.h"

enum call_event_kind {
    CALL_EVENT_TEXT, CALL_EVENT_CALL,
    CALL_EVENT_REASONING               /* thinking behind the first, in formats that allow it */
};
struct call_event {
    enum call_event_kind kind;
    str text;                          /* TEXT and REASONING */
    struct chat_tool_call call;        /* CALL: name and arguments (a JSON object); id empty unless
                                        * the format carries one */
    size_t end;                        /* bytes fed up to the end of what this event was made of */
};                                     /* borrowed until the next call on the parser */

struct call_parser;
/* tool: whose schemas say how tagged arguments are read; borrowed. */
struct call_parser *call_parser_new(const struct call_syntax *s, const struct chat_tool *tool,
                                    size_t n_tool);
void call_parser_free(struct call_parser *p);  /* accepts NULL */
void call_parser_feed(struct call_parser *p, str bytes);
void call_parser_end(struct call_parser *p);   /* no more bytes come */
bool call_parser_next(struct call_parser *p, struct call_event *ev);
