/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of one choice -> events: text in whole characters, reasoning apart from it, tool calls
 * whole, cut at stop strings wherever token borders fall. The joined output does not depend on how
 * the bytes were split into tokens: the cut is where the first stop string begins, also when a
 * shorter one inside it is complete earlier. No part of it is shown before. Stop strings are looked
 * for in text alone, and none reaches over a call.
 *
 * With logprobs, a token is shown once, with the text in which it ends, in order; tokens of
 * markers, of the white space beside them, of reasoning, of calls and from the cut on are not.
 * White space right before a call is not shown. What answers a raw prompt begins in TEXT: it is
 * neither searched for thinking nor for calls. One owner thread.
 *
 *   START --white space, then the opening mark--> REASONING --closing mark--> GAP --text--> TEXT
 *     `---- anything else -------------------------------------------------------------------^
 *   TEXT --a stop string, or the only call allowed--> ENDED
 *
 * Use: assemble_token, then assemble_next until it gives false; at the end assemble_end, then
 * assemble_next until false.
 */
#pragma once
#include <stdbool.h>
#include "base/buf.h"
#include "chat/call_parse.h"
#include "chat/event.h"
#include "chat/request.h"
#include "token/detok.h"

#define CALL_ID_LEN 29                 /* "call_" and 24 letters and digits */

enum assemble_state { ASM_START, ASM_REASONING, ASM_GAP, ASM_TEXT, ASM_ENDED };

/* A token waiting for its text to be shown. end: bytes since the start of the choice, to the end
 * of its own; SIZE_MAX while its last character is not finished. */
struct assemble_token { size_t end; struct chat_token token; };
struct assemble_queue { struct assemble_token *p; size_t n, cap; };   /* owns; oldest first */
struct assemble_marks { struct text_span *p; size_t n, cap; };         /* likewise */

struct assemble {
    const struct vocab *vocab;         /* borrows */
    const struct call_syntax *syntax;
    str think_open, think_close;
    const str *stop;                   /* borrows, [n_stop] */
    int n_stop;
    enum assemble_state state;
    bool reasoning_began;              /* line breaks behind the opening marker were dropped */
    bool at_end;                       /* no more tokens come: nothing is held back */
    bool want_tokens;
    bool one_call;                     /* the first call ends the choice */
    bool is_document;                  /* the text obeys a format, unless it is cut */
    str cut_by;                        /* the stop string that was found, else empty */
    int64_t n_token, n_reasoning;      /* output tokens; of them, up to the end of reasoning */

    struct detok detok;
    struct buf held;                   /* what the model wrote and nobody read yet */
    size_t n_fed, n_consumed;          /* bytes that entered and left held */
    struct assemble_queue pending;     /* ends count in n_fed */
    struct assemble_marks marks;       /* control tokens spelled out, in n_fed: no text of it */

    struct call_parser *parser;        /* owns; NULL: no calls, held is text as it is */
    size_t parser_base;                /* n_fed where it began */
    size_t last_ink;                   /* end in n_fed of the last byte it got that is not blank */
    size_t read_end;                   /* end in n_fed of the last event it gave */
    bool ended_parser;
    bool gives_calls;                  /* the request has tools; else calls are passed over */
    str thought;                       /* reasoning that the parser found; borrows it */
    bool has_call;                     /* one waits until the text before it was shown */
    struct chat_tool_call call;        /* borrows the parser */
    char call_id[CALL_ID_LEN];
    int n_call;                        /* given */
    size_t call_end;                   /* end in n_fed of the last one */

    struct buf text;                   /* text not shown yet: may be part of a stop string */
    size_t n_text, n_shown;            /* bytes that entered and left it */
    struct assemble_queue ready;       /* ends count in n_text */

    struct buf out;                    /* text of the last event */
    struct chat_token *shown;          /* owns; tokens of the last event */
    size_t cap_shown;
};

void assemble_init(struct assemble *a, const struct vocab *v, const struct call_syntax *s,
                   const struct chat_request *r, bool opens_reasoning);
void assemble_done(struct assemble *a);
void assemble_token(struct assemble *a, const struct engine_event *ev);
void assemble_end(struct assemble *a);
/* Next event (TEXT, REASONING or CALL) that is ready; what it points to lives until the next call
 * on a. */
bool assemble_next(struct assemble *a, struct chat_event *ev);
/* A stop string or the only call was found: the caller cancels the sequence. */
static inline bool assemble_stopped(const struct assemble *a) { return a->state == ASM_ENDED; }
/* Why the choice ended. cut: max_tokens or the context did it. Behind the last event. A stop string
 * inside a document cuts it, so LENGTH it is: only what ends by STOP obeys. */
enum chat_finish assemble_finish(const struct assemble *a, bool cut);
/* The stop string that ended the choice, or empty; borrows the request's. */
static inline str assemble_stop(const struct assemble *a) { return a->cut_by; }
