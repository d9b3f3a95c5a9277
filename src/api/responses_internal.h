/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files that read a Responses body share. The first failure sticks in f.
 */
#pragma once
#include "api/fields.h"
#include "api/responses.h"

struct responses_reader {
    struct fields f;
    const struct responses_in *in;
    struct responses_params *out;
};

static inline bool reader_failed(const struct responses_reader *r) { return r->f.rc != ERR_OK; }

static inline void reader_refuse(struct responses_reader *r, enum err code, const char *text)
{
    if (!reader_failed(r)) r->f.rc = err_set(r->f.e, code, ERR_NO_POS, "%s", text);
}

/* `tools` and what goes with them -> out->chat, out->space, out->left_out. */
void responses_read_tools(struct responses_reader *r);
/* How the model knows a function of a namespace; space empty: of none. */
str responses_joined_name(struct arena *a, str space, str name);
/* instructions, the conversation before and `input` -> out->chat.message, out->kept. */
void responses_read_items(struct responses_reader *r);
