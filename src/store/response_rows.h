/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of response and response_item: what the Responses API keeps. Every read names the team and
 * the present time; what belongs to another team, or has expired, is ERR_NOT_FOUND like what never
 * was. On the connection's owner thread.
 */
#pragma once
#include "base/buf.h"
#include "store/db.h"

#define RESPONSE_CHAIN_MAX 10000       /* responses in one conversation */
#define RESPONSE_PAGE_MAX 100

struct response_item {
    str id;
    str body;                          /* JSON */
    bool is_output;
};

struct response_row {
    str id, team_id, key_id;
    str previous_id;                   /* empty: begins a conversation */
    str instructions;                  /* empty: those of the conversation go on */
    str body;                          /* JSON whose array `output` is empty */
    int64_t output_at;                 /* byte of body behind the '[' of `output` */
    int64_t created_unix_s, expires_unix_s;
    const struct response_item *item;  /* [n_item], inputs first */
    size_t n_item;
};

/* Who asks for what, and when. */
struct response_key { str team_id, id; int64_t now_unix_s; };

/* Inside a transaction. ERR_EXISTS when there is such an id. */
MUST_CHECK enum err response_rows_insert(struct db *db, const struct response_row *r,
                                         struct error *e);
/* With its items. *found: there was one. */
MUST_CHECK enum err response_rows_delete(struct db *db, const struct response_key *k, bool *found,
                                         struct error *e);
/* Appends the whole JSON object. */
MUST_CHECK enum err response_rows_get(struct db *db, const struct response_key *k, struct buf *out,
                                      struct error *e);
/* Appends the conversation up to and with a response, oldest item first, as a JSON array, and the
 * instructions in force. A response before it that is gone is ERR_NOT_FOUND too. ERR_LIMIT over
 * RESPONSE_CHAIN_MAX responses or the maximum of items. */
MUST_CHECK enum err response_rows_chain(struct db *db, const struct response_key *k,
                                        struct buf *items, struct buf *instructions,
                                        struct error *e);
/* Appends the JSON of the newest item of that id (k->id). */
MUST_CHECK enum err response_rows_item(struct db *db, const struct response_key *k,
                                       struct buf *out, struct error *e);

struct response_page {
    str after;                         /* id of an item; empty: from the beginning */
    int limit;                         /* 1 .. RESPONSE_PAGE_MAX */
    bool is_ascending;
};
/* fn gets each input item of the page; *has_more: more follow. ERR_ARG: no item is called
 * page->after. */
MUST_CHECK enum err response_rows_inputs(struct db *db, const struct response_key *k,
                                         const struct response_page *page,
                                         void (*fn)(void *arg, const struct response_item *item),
                                         void *arg, bool *has_more, struct error *e);
/* Deletes at most max responses that have expired; *n of them. */
MUST_CHECK enum err response_rows_sweep(struct db *db, int64_t now_unix_s, int64_t max, int64_t *n,
                                        struct error *e);
