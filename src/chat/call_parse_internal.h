/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser's state, shared by call_parse.c (text and events) and call_parse_call.c (one call).
 */
#pragma once
#include "chat/call_internal.h"
#include "chat/call_parse.h"

enum state { TEXT, THINK, OPEN, HEAD, BODY, CLOSE, NEXT };
enum head_step { HEAD_NAME, HEAD_ID, HEAD_ARGS };
enum tag_step { TAG_BETWEEN, TAG_KEY, TAG_KEY_CLOSE, TAG_VALUE };
enum step { STEP_OK, STEP_MORE, STEP_BAD };

struct span {
    size_t from, n;
}; /* in held, from the call's beginning */
struct argument {
    struct span key, value;
};

struct call_parser {
    const struct call_syntax *syntax;
    const struct chat_tool *tool; /* borrows, [n_tool] */
    size_t n_tool;
    struct buf held;
    size_t fed_before; /* bytes fed before held.p[0] */
    size_t given; /* held bytes before it are done with */
    size_t text_end; /* [given, text_end) is text, ready */
    size_t at; /* what comes next to be looked at */
    size_t seek; /* a search got so far */
    enum state state;
    bool at_end, at_start; /* at_start: only white space came so far */
    bool drops_blank; /* white space from here on is between calls, or marks */
    size_t n_call;
    bool may_begin[256]; /* a mark of text begins with this byte */
    /* of the call at hand */
    size_t from; /* where its opening text begins */
    str rest; /* of the opening text, still to come */
    size_t n_literal; /* bytes of the expected text that came */
    enum head_step head;
    bool opens_section; /* call_open follows rest */
    const struct chat_tool *called;
    struct span id, body;
    struct json_scan json;
    struct nest_scan nest;
    enum tag_step tag;
    struct argument *arg; /* owns */
    size_t n_arg, cap_arg;
    struct buf id_out, args_out; /* of the last event */
    struct arena *tree; /* of the last event */
};


/* OK: a step was made, go on. MORE: bytes are wanted. BAD: what stands at `at` does not fit. */
enum step call_step(struct call_parser *p);    /* in the states OPEN to NEXT */
void call_begin(struct call_parser *p);        /* its opening text is complete */
/* The whole call, in *ev; false: it is none of the tools', or broken. */
MUST_CHECK bool call_read(struct call_parser *p, struct call_event *ev);
void call_drop_up_to_at(struct call_parser *p);
