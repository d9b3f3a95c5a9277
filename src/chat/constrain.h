/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request asks of the model's turn -> the grammar that makes it so: response_format, tools
 * and tool_choice, thinking first. Grammars are cached by everything that decides them, so a
 * client that sends one schema again and again pays for it once.
 *
 * Compiling takes up to limits.time_ms: never on a network loop nor on the engine's thread. Any
 * thread; compiling happens outside of the cache's lock.
 */
#pragma once
#include "chat/call_syntax.h"
#include "chat/prompt.h"
#include "chat/request.h"

struct constrain_limits {
    int64_t time_ms;                   /* for one request */
    size_t memory_bytes;               /* of one grammar, also on the way to it */
    uint32_t depth_max;                /* of a schema, $ref followed */
    uint32_t n_node_max;               /* of a schema's normal forms */
    uint32_t n_state_max;              /* of one automaton */
    size_t cache_bytes;                /* of all cached grammars; 0: none are kept */
    size_t cache_entries_max;
};
#define CONSTRAIN_LIMITS_DEFAULT \
    ((struct constrain_limits){.time_ms = 1000, .memory_bytes = (size_t)256 << 20, \
                               .depth_max = SCHEMA_DEPTH_MAX_DEFAULT, \
                               .n_node_max = SCHEMA_NODES_MAX_DEFAULT, \
                               .n_state_max = 1u << 20, .cache_bytes = (size_t)64 << 20, \
                               .cache_entries_max = 1024})

struct constrain_cache;
/* limits NULL: the defaults. */
struct constrain_cache *constrain_cache_new(const struct constrain_limits *limits);
void constrain_cache_free(struct constrain_cache *c); /* accepts NULL; grammars given out stay */

/* r binds the turn: constrain_make gives a grammar. */
bool constrain_binds(const struct chat_request *r);
/* Gives *out, the caller's reference, or NULL when nothing binds. prompt: its flags of thinking.
 * ERR_ARG and ERR_LIMIT: a sentence for the client that names the tool or response_format's
 * pointer and keyword. */
MUST_CHECK enum err constrain_make(struct constrain_cache *c, const struct call_syntax *s,
                                   const struct chat_request *r, const struct chat_prompt *prompt,
                                   struct grammar **out, struct error *e);

struct constrain_stats { size_t n_entry, bytes; uint64_t n_hit, n_miss; };
struct constrain_stats constrain_cache_stats(struct constrain_cache *c);
