/* SPDX-License-Identifier: Apache-2.0
 *
 * chat_event -> JSON of chat completions: chunks of a stream, or the fold of all events.
 */
#pragma once
#include "api/request.h"
#include "base/buf.h"
#include "chat/event.h"

struct chat_head {
    str id, model;
    const char *fingerprint;
    int64_t created_unix_s;
    const char *tier;                  /* service_tier; NULL: the request named none */
    bool has_functions;                /* it spelled its tools `functions`: so are calls */
    bool has_logprobs;
};

/* What every object begins and ends with, and the usage inside it. */
void chat_render_head(struct json_writer *w, const struct chat_head *h, const char *object);
void chat_render_tail(struct json_writer *w, const struct chat_head *h);
void chat_render_usage(struct json_writer *w, const struct chat_usage *u, int64_t cost_ticks);

/* One chunk. first: the choice's first, which carries the role. An END event gives the usage
 * chunk (choices empty). Appends bare JSON. */
void chat_render_chunk(struct buf *b, const struct chat_head *h, const struct chat_event *ev,
                       bool first, int64_t cost_ticks);

/* What a choice of a whole reply was folded into. */
struct chat_fold {
    struct buf text, reasoning;
    struct buf logprobs;               /* elements of logprobs.content, comma-separated */
    struct buf calls;                  /* elements of tool_calls likewise, or a function_call */
    enum chat_finish finish;
};
void chat_fold_init(struct chat_fold *f);
void chat_fold_done(struct chat_fold *f);
void chat_fold_event(struct chat_fold *f, const struct chat_head *h, const struct chat_event *ev);
void chat_render_whole(struct buf *b, const struct chat_head *h, const struct chat_fold *choice,
                       int n_choice, const struct chat_usage *u, int64_t cost_ticks);
