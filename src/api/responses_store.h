/* SPDX-License-Identifier: Apache-2.0
 *
 * Kept responses: the database from a loop. Reads wait for the disk, on any thread, and give their
 * results on the arena named. Who asks is a team: what is not theirs is ERR_NOT_FOUND.
 */
#pragma once
#include "account/seal.h"
#include "net/loop.h"
#include "store/response_rows.h"
#include "store/writer.h"

struct responses;

/* key_path: of the key that seals reasoning, made when missing. keep_s: how long a response is
 * kept. Borrows w, which is closed before responses_close. */
MUST_CHECK enum err responses_open(const char *db_path, const char *key_path, struct writer *w,
                                   int64_t keep_s, struct responses **out, struct error *e);
void responses_close(struct responses **s);
const struct seal_key *responses_key(const struct responses *s);
int64_t responses_keep_s(const struct responses *s);

/* The object of one response. */
MUST_CHECK enum err responses_load(struct responses *s, str team_id, str id, struct arena *a,
                                   str *body, struct error *e);
/* The list object of a page of its inputs. */
MUST_CHECK enum err responses_load_inputs(struct responses *s, str team_id, str id,
                                          const struct response_page *page, struct arena *a,
                                          str *body, struct error *e);
/* The items of the conversation up to and with it, and the instructions in force. */
MUST_CHECK enum err responses_load_chain(struct responses *s, str team_id, str id, struct arena *a,
                                         str *items, str *instructions, struct error *e);
MUST_CHECK enum err responses_load_item(struct responses *s, str team_id, str id, struct arena *a,
                                        str *body, struct error *e);

/* A write on its way to the disk. */
struct responses_write;
/* Loop thread. Takes a, on which row and all it names live. fn runs on the loop once the row is on
 * the disk, or cannot be. NULL: the writer's queue is full. */
MUST_CHECK struct responses_write *responses_save(struct responses *s, struct loop *loop,
                                                  struct arena *a, const struct response_row *row,
                                                  void (*fn)(void *arg, enum err result),
                                                  void *arg);
/* As responses_save; ERR_NOT_FOUND when there is no such response. */
MUST_CHECK struct responses_write *responses_delete(struct responses *s, struct loop *loop,
                                                    str team_id, str id,
                                                    void (*fn)(void *arg, enum err result),
                                                    void *arg);
/* Loop thread: fn will not run any more; the write goes on. Accepts NULL. Not once fn ran. */
void responses_forget(struct responses_write *w);
/* Deletes some of what has expired; true when there may be more. On the writer's thread. */
bool responses_sweep(struct db *db);
