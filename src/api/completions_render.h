/* SPDX-License-Identifier: Apache-2.0
 *
 * chat_event -> JSON of legacy completions: chunks of a stream, or the fold of all events. Whole
 * replies and chunks are written from the same fold; a chunk's holds one event only.
 */
#pragma once
#include "api/chat_render.h"

struct completion_fold {
    struct buf text;
    /* Elements of the members of logprobs, comma-separated. */
    struct buf tokens, token_logprobs, top_logprobs, text_offset;
    bool ended;
    enum chat_finish finish;           /* once ended */
    size_t n_byte, n_char;             /* of all text so far, also where text was cleared */
    size_t next_offset;                /* characters before the next token */
};
void completion_fold_init(struct completion_fold *f);
void completion_fold_done(struct completion_fold *f);
/* TEXT and CHOICE_END; other events of a choice say nothing here. */
void completion_fold_event(struct completion_fold *f, const struct chat_event *ev);
/* Forgets what was written, not where it was. */
void completion_fold_clear(struct completion_fold *f);

void completion_render_chunk(struct buf *b, const struct chat_head *h, int index,
                             const struct completion_fold *f);
/* Without choices: the usage chunk of a stream. */
void completion_render_whole(struct buf *b, const struct chat_head *h,
                             const struct completion_fold *folds, int n_choice,
                             const struct chat_usage *u, int64_t cost_ticks);
