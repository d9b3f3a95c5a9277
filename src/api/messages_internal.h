/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of Anthropic's dialect share. The first failure sticks in f; all later reads
 * give their defaults.
 */
#pragma once
#include "api/api.h"
#include "api/fields.h"
#include "chat/request.h"

struct reading {
    struct fields f;
    const struct json *root;
    struct chat_request *chat;         /* filled on the way */
    struct chat_message *message;      /* [message_max] */
    size_t n_message, message_max;
    size_t n_call;                     /* calls of all messages so far */
};

static inline bool reading_failed(const struct reading *p) { return p->f.rc != ERR_OK; }

/* n items of that size, zeroed, for sizes that the input decides; NULL (n > 0) is a failure. */
void *reading_take(struct reading *p, size_t n, size_t size);
/* Room for n messages more, at most CHAT_MESSAGES_MAX; then add each. */
void reading_room(struct reading *p, size_t n);
void reading_add(struct reading *p, const struct chat_message *m);
/* The model's name; missing is a failure. */
str reading_model(struct reading *p);
/* temperature, top_p, top_k, stop_sequences and metadata, which the older dialect has too. */
void reading_sampling(struct reading *p, const struct api *api);

/* messages_content.c: system and messages. */
void messages_read_all(struct reading *p);
/* messages_tools.c: tools and tool_choice. */
void messages_read_tools(struct reading *p);
