/* SPDX-License-Identifier: Apache-2.0
 *
 * chat_event -> Anthropic's messages: the events of a stream, or the fold of them. Content blocks
 * come in the order in which the model wrote: thinking, text, tool_use; a block ends where another
 * kind begins.
 *
 *   message_start ping (content_block_start content_block_delta* content_block_stop)*
 *   message_delta message_stop
 *
 * The signature of a thinking block is opaque to clients: the SHA-256 of its text. Nothing relies
 * on it; a replayed block is taken with any.
 */
#pragma once
#include "base/buf.h"
#include "chat/event.h"

enum messages_block { BLOCK_NONE, BLOCK_THINKING, BLOCK_TEXT };

struct messages_reply {
    str id, model;                     /* borrows */
    bool shows_thinking;
    enum messages_block open;
    int index;                         /* of the open block, else of the next */
    struct buf text;                   /* of the open block: its signature, or the fold */
    struct buf content;                /* fold: finished blocks, comma-separated */
    enum chat_finish finish;
    str stop;
};

void messages_reply_init(struct messages_reply *m, str id, str model, bool shows_thinking);
void messages_reply_done(struct messages_reply *m);

/* A stream, appended to out; scratch is overwritten. usage: so far. */
void messages_stream_open(struct messages_reply *m, const struct chat_usage *u,
                          struct buf *scratch, struct buf *out);
void messages_stream_event(struct messages_reply *m, const struct chat_event *ev,
                           struct buf *scratch, struct buf *out);
void messages_stream_ping(struct buf *out);

/* A whole reply: every event but END, then the body. */
void messages_fold_event(struct messages_reply *m, const struct chat_event *ev);
void messages_whole(struct messages_reply *m, const struct chat_usage *u, struct buf *out);
