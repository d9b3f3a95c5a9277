/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of one choice -> text events: whole characters only, reasoning apart from text, cut at
 * stop strings wherever token borders fall. The joined output does not depend on how the bytes
 * were split into tokens: the cut is where the first stop string begins, also when a shorter one
 * inside it is complete earlier. No part of it is shown before. With logprobs, a token is shown
 * once, with the text in which it ends, in order; tokens of markers, of the white space beside
 * them, of reasoning and from the cut on are not. One owner thread.
 *
 *   START --white space, then <think>--> REASONING --</think>--> GAP --text--> TEXT --stop--> ENDED
 *     `---- anything else ----------------------------------------------------->'
 *
 * Use: assemble_token, then assemble_next until it gives false; at the end assemble_end, then
 * assemble_next until false.
 */
#pragma once
#include <stdbool.h>
#include "base/buf.h"
#include "chat/event.h"
#include "chat/request.h"
#include "token/detok.h"

enum assemble_state { ASM_START, ASM_REASONING, ASM_GAP, ASM_TEXT, ASM_ENDED };

/* A token waiting for its text to be shown. end: bytes of text since the start of the choice, to
 * the end of its own; SIZE_MAX while its last character is not finished. */
struct assemble_token { size_t end; struct chat_token token; };

struct assemble {
    const struct vocab *vocab;         /* borrows */
    const str *stop;                   /* borrows, [n_stop] */
    int n_stop;
    enum assemble_state state;
    bool reasoning_began;              /* line breaks behind the opening marker were dropped */
    bool at_end;                       /* no more tokens come: nothing is held back */
    struct detok detok;
    struct buf held;                   /* text not shown yet: may be part of a marker or stop */
    size_t n_fed, n_consumed;          /* bytes that entered and left held */
    int64_t n_token, n_reasoning;      /* output tokens; of them, up to the end of reasoning */
    bool want_tokens;
    struct assemble_token *pending;    /* owns; oldest first */
    size_t n_pending, cap_pending;
    struct buf out;                    /* text of the last event */
    struct chat_token *shown;          /* owns; tokens of the last event */
    size_t cap_shown;
};

void assemble_init(struct assemble *a, const struct vocab *v, const struct chat_request *r,
                   bool opens_reasoning);
void assemble_done(struct assemble *a);
void assemble_token(struct assemble *a, const struct engine_event *ev);
void assemble_end(struct assemble *a);
/* Next event (TEXT or REASONING) that is ready; its text and tokens live until the next call. */
bool assemble_next(struct assemble *a, struct chat_event *ev);
/* A stop string was found: the caller cancels the sequence. */
static inline bool assemble_stopped(const struct assemble *a) { return a->state == ASM_ENDED; }
