/* SPDX-License-Identifier: Apache-2.0
 *
 * The waist, outbound: what every backend gives and every dialect renders. A reply that is not
 * streamed is the fold of the same events.
 *
 *   per choice:  (REASONING | TEXT | CALL)*  CHOICE_END        choices may interleave
 *   then:        END                                    always last, carries the usage
 *   or at any point: FAIL, and nothing after it         carries the usage so far
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "chat/request.h"
#include "engine/engine.h"

enum chat_event_kind {
    CHAT_TEXT, CHAT_REASONING, CHAT_CALL, CHAT_CHOICE_END, CHAT_END, CHAT_FAIL
};

enum chat_finish {
    CHAT_FINISH_STOP, CHAT_FINISH_LENGTH, CHAT_FINISH_TOOL_CALLS, CHAT_FINISH_COUNT
};

/* One output token with its alternatives; text is the token's own bytes. */
struct chat_token {
    str text;
    float logprob;
    size_t end;                        /* bytes of the choice's text up to its end; where calls
                                        * came, blanks before them count */
    int n_top;
    struct { str text; float logprob; } top[ENGINE_TOP_LOGPROBS_MAX];
};

struct chat_usage {
    int64_t prompt, cached;            /* prompt includes cached; counted once for all choices */
    int64_t completion, reasoning;     /* disjoint */
    int64_t first_token_ns;            /* clock_ns stamp, 0 when none came */
};

struct chat_event {
    enum chat_event_kind kind;
    int choice;
    str text;                          /* whole characters; borrowed until the next pull */
    const struct chat_token *token;    /* [n_token] when logprobs were asked; borrowed likewise */
    size_t n_token;
    struct chat_tool_call call;        /* CALL: whole, id set, arguments a JSON object; borrowed
                                        * likewise */
    int n_call;                        /* CALL: how many of this choice came before it */
    enum chat_finish finish;           /* CHOICE_END */
    str stop;                          /* CHOICE_END: the stop string that ended it, or empty;
                                        * borrows the request's */
    struct chat_usage usage;           /* END and FAIL */
    struct error error;                /* FAIL */
};
