/* SPDX-License-Identifier: Apache-2.0
 *
 * The Responses API: what its files share.
 *
 *   responses_parse.c   body -> responses_params: fields, formats
 *   responses_tools.c   its tools
 *   responses_items.c   items of a conversation -> messages; items as they are kept
 *   responses_read.c    what a body continues, and the body
 *   responses_output.c  chat_events -> output items and stream events
 *   responses_object.c  the response object
 *   responses_store.c   kept responses: the database from a loop
 *   responses_get.c     GET, DELETE, input_items
 *   responses_compact.c a conversation in few words
 *   responses.c         POST as a dialect
 */
#pragma once
#include "account/seal.h"
#include "api/api.h"
#include "chat/event.h"
#include "chat/request.h"
#include "codec/json.h"
#include "store/response_rows.h"

#define RESPONSES_ITEMS_MAX CHAT_MESSAGES_MAX  /* of one request, with its conversation */

/* ---- reading ---- */

/* What a body is read with. Borrows all. */
struct responses_in {
    const struct api *api;
    str body;                          /* source of root */
    const struct json *root;
    bool may_lack_input;               /* a conversation is enough */
    struct arena *arena;
    struct arena *keep;                /* kept inputs are written to it */
    str id;                            /* of the response to be made */
    str team_id;
    const struct seal_key *key;
    str history_text;                  /* source of history */
    const struct json *history;        /* items before `input`, or NULL */
    str inherited;                     /* instructions of the conversation */
    /* The kept item of an item_reference; may be NULL: there are none. */
    enum err (*find_item)(void *arg, str id, const struct json **out, struct error *e);
    void *find_arg;
};

/* A function that the client keeps in a namespace. */
struct responses_space { str joined, space, name; };       /* joined: as the model knows it */

struct responses_params {
    struct chat_request chat;
    str model, previous_id;
    str instructions;                  /* as given */
    bool stream, store;
    bool seals;                        /* reasoning items carry encrypted_content */
    double temperature, top_p;
    str effort, user, prompt_cache_key, safety_identifier;
    int64_t max_output_tokens, max_tool_calls;     /* 0: not given */
    const struct json *tools, *tool_choice, *format;   /* as given, or NULL */
    const struct responses_space *space;           /* [n_space] */
    size_t n_space;
    str left_out;                      /* types of tools that the model is not shown, or empty */
    struct response_item *kept;        /* [n_kept] inputs as they are kept, on in->keep */
    size_t n_kept;
};

/* ERR_TYPE (422), ERR_ARG, ERR_LIMIT, ERR_GONE, ERR_NOT_FOUND. All lives in in->arena and borrows
 * from the sources and their trees. */
MUST_CHECK enum err responses_parse(const struct responses_in *in, struct responses_params *out,
                                    struct error *e);

/* What sealed summaries of a team are bound to. */
str responses_summary_context(str team_id, struct arena *a);

/* ---- the response object ---- */

struct responses_head {
    str id, model;
    const char *fingerprint;
    int64_t created_unix_s;
    const struct responses_params *p;
};

/* What a response has become; zeroes: it has just begun. */
struct responses_end {
    const char *status;                /* "completed", ...; NULL: in_progress */
    int64_t completed_unix_s;          /* 0: not completed */
    str items;                         /* output, comma-separated JSON */
    const struct chat_usage *usage;    /* NULL: not known yet */
    int64_t cost_ticks;
    const struct error *error;         /* NULL: none */
};

/* Appends the member `usage`; end->usage NULL: null. more (may be NULL): one more member of it. */
void responses_usage(struct json_writer *w, const struct responses_end *end, const char *more,
                     int64_t value);
/* Appends the object. output_at (may be NULL): byte behind the '[' of its output. */
void responses_object(struct buf *b, const struct responses_head *h,
                      const struct responses_end *end, size_t *output_at);

/* ---- output ---- */

/* Where a finished item stands in `items`. */
struct responses_span { char id[64]; size_t from, n; };

/* A stream of chat_events as items. One owner. */
struct responses_output {
    str id;                            /* of the response */
    const struct seal_key *key;        /* NULL: reasoning is not sealed */
    str team_id;
    bool has_logprobs;
    const struct responses_space *space;           /* [n_space], borrowed */
    size_t n_space;
    int64_t sequence;                  /* of the next event */
    enum { ITEM_NONE, ITEM_REASONING, ITEM_MESSAGE } open;
    char open_id[64];
    int n_reasoning, n_message, n_call;
    struct buf text, logprobs;         /* of the open item */
    struct buf items;                  /* finished ones, comma-separated JSON */
    struct responses_span *span;       /* [n_span], owns */
    size_t n_span;
    enum chat_finish finish;
    struct buf *scratch, *out;         /* of the event being written; out NULL: none is */
};

void responses_output_init(struct responses_output *o, str id);
void responses_output_done(struct responses_output *o);
/* Takes a TEXT, REASONING, CALL or CHOICE_END; appends its events to out, which with scratch may
 * be NULL: a reply that is not streamed. */
void responses_output_event(struct responses_output *o, const struct chat_event *ev,
                            struct buf *scratch, struct buf *out);
/* One event around the response object: "response.created", ... */
void responses_output_object(struct responses_output *o, const char *type,
                             const struct responses_head *h, const struct responses_end *end,
                             struct buf *scratch, struct buf *out);
/* The event "error". */
void responses_output_error(struct responses_output *o, const struct error *e,
                            struct buf *scratch, struct buf *out);
