/* SPDX-License-Identifier: Apache-2.0
 *
 * Deferred chat completions: a request is on the disk before its id goes out, runs when there is
 * room, also after a restart, and its reply is read once by its team. One thread with its own
 * connection to the database keeps the queue and pulls what runs; handlers reach it by mail. One
 * more prepares what starts, so that a schema that takes its time holds up nobody else.
 */
#pragma once
#include "api/request.h"

#define DEFERRED_PARALLEL_MAX 64

struct deferred;

struct deferred_options {
    int64_t keep_s;                    /* from a request to its end, read or not */
    int parallel;                      /* requests that run at once, up to DEFERRED_PARALLEL_MAX */
    int64_t n_max;                     /* that wait, run or were not read; over it 429 */
    int64_t bytes_max;                 /* of their bodies and replies; over it 429 */
};

/* Begins with what an earlier process left. api is borrowed; its catalog is filled. */
MUST_CHECK enum err deferred_open(const char *db_path, struct api *api,
                                  const struct deferred_options *o, struct deferred **out,
                                  struct error *e);
/* What runs waits for the next start. After the last request came, while loops still run. Accepts
 * a NULL. */
void deferred_close(struct deferred **d);

/* Loop thread; replies later. The body was read and allowed. */
void deferred_submit(struct request *r);
