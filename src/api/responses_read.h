/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a request that may continue a kept conversation: what is kept is fetched, then all
 * of it is read as one. Waits for the disk.
 */
#pragma once
#include "api/request.h"
#include "api/responses.h"

/* Memory of what was read; freed with the exchange's arena. */
struct responses_source {
    struct request *r;
    struct arena *keep;                /* owns; kept inputs. NULL once handed over */
    struct arena *tree;                /* owns; of the conversation */
};

/* The body names something that is kept. */
bool responses_read_blocks(const struct request *r);
/* s lives as long as the exchange's arena. may_lack_input: of a conversation that goes on. Errors
 * of responses_parse, and of what is kept. */
MUST_CHECK enum err responses_read(struct request *r, const struct json *root, bool may_lack_input,
                                   struct responses_source *s, struct responses_params *p,
                                   struct error *e);
