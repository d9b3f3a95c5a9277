/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-Sent Events (WHATWG HTML 9.2): writer into a buf, and an incremental parser that gives
 * the same events however the bytes are split. No I/O. One owner thread.
 */
#pragma once
#include <stdbool.h>
#include "base/buf.h"

/* "data: <json>\n\n"; json holds no newline. */
void sse_data(struct buf *b, str json);
/* "event: <name>\ndata: <json>\n\n". */
void sse_event(struct buf *b, const char *name, str json);
/* ": <text>\n\n", a keep-alive that clients skip. */
void sse_comment(struct buf *b, const char *text);

struct sse_parser {
    struct buf line, data, event;      /* of the event being read */
    bool cr;                           /* the last byte was CR */
    bool started;                      /* a BOM at the start was looked for */
    /* Called per event; both str live for the call. event is empty when the stream named none. */
    void (*on_event)(void *arg, str event, str data);
    void *arg;
};
/* max: bytes a line, and all data of an event, may have; past it sse_feed fails for good. */
void sse_parser_init(struct sse_parser *p, size_t max, void (*on_event)(void *, str, str),
                     void *arg);
void sse_parser_done(struct sse_parser *p);
bool sse_feed(struct sse_parser *p, str bytes);
