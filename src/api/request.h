/* SPDX-License-Identifier: Apache-2.0
 *
 * One API request on its way: what the pipeline knows about it and the replies that handlers
 * give. Lives in its exchange's arena; loop thread.
 */
#pragma once
#include "api/api.h"
#include "base/rand.h"
#include "chat/event.h"
#include "codec/json.h"

struct route;

struct request {
    struct api *api;
    struct exchange *x;
    const struct route *route;         /* NULL when none matched */
    char id[UUID_LEN + 1];             /* x-request-id, and the id of what inference makes */
    bool has_key;
    struct key_info key;
    str param;                         /* the {id} of the path */

    /* For the settlement. */
    const struct model_entry *model;   /* NULL until known */
    struct chat_usage usage;
    enum err failure;
    bool is_priority;                  /* ran before others, at PRIORITY_PRICE times the price */
    bool used_engine;                  /* inference began: a usage record is due */

    /* A handler that works on after its call sets these. */
    void *state;
    void (*release)(struct request *r);   /* before the arena goes; stops what runs */
};

static inline str request_id(const struct request *r) { return str_n(r->id, UUID_LEN); }

/* The JSON body, checked: content type, emptiness, syntax. Its tree lives as long as r. */
MUST_CHECK enum err request_json(struct request *r, const struct json **root, struct error *e);

/* r->model by the name that the body gives, if the key may use it. ERR_MODEL, ERR_DENIED. */
MUST_CHECK enum err request_find_model(struct request *r, str name, struct error *e);

void reply_json(struct request *r, int status, str json);
/* The one reply of a failed request: status, headers and body come from the error's code. */
void reply_error(struct request *r, const struct error *e);
/* Body of the mid-stream form of an error, in the spelling of the route. */
str request_error_body(struct request *r, const struct error *e);
/* Headers of an inference reply: rate limits, data retention. */
void reply_inference_headers(struct request *r);
int64_t request_cost(const struct request *r);
/* What the ledger keeps of it. Borrows from r. */
struct usage_row request_usage(const struct request *r, int64_t now_ns);
