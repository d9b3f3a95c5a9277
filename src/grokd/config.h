/* SPDX-License-Identifier: Apache-2.0
 *
 * Every option of the server, once: as a flag, an environment variable and a line of the YAML
 * file, from one table. Later sources win: default, file, environment, flag.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/arena.h"
#include "base/err.h"

#define CONFIG_MODELS_MAX 64

struct config {
    const char *config;                /* the YAML file, or NULL */
    const char *listen;                /* "127.0.0.1:8080", "[::1]:8080" */
    const char *data_dir;              /* "" until config_load chose one */
    const char *model[CONFIG_MODELS_MAX];   /* "[NAME=]FILE" */
    int n_model;
    int64_t threads, ctx, kv_bytes, parallel, queue, prefill_chunk;
    const char *kv_type, *cpu;
    bool prefix_cache;
    int64_t loops, max_body, max_headers, max_connections, header_timeout_ms, body_timeout_ms,
        idle_timeout_ms, write_timeout_ms, keepalive_ms, drain_ms, keep_days,
        deferred_keep_s, deferred_parallel, deferred_max, deferred_bytes;
    const char *tls_cert, *tls_key;    /* NULL: none */
    const char *error_shape, *compat;
    int64_t wrong_key_status;
    double temperature, top_p;
    int64_t schema_time_ms, schema_memory, schema_depth, schema_nodes, schema_states, schema_cache,
        mask_pool;
    int64_t price_prompt, price_cached, price_completion;
    const char *log_level;
    bool example;
};

/* argv[0] is the command's name. Strings live in a. *help is set when --help was given.
 * ERR_ARG names option, source and what it may be. */
MUST_CHECK enum err config_load(int argc, char **argv, struct arena *a, struct config *out,
                                bool *help, struct error *e);
/* The options with their defaults, as --help shows them. */
void config_help(FILE *out);
/* DATA/name in the arena. */
char *config_path(const struct config *c, struct arena *a, const char *name);
/* "host:port" -> both; the host without brackets, in the arena; none means 127.0.0.1. */
MUST_CHECK enum err config_listen(const char *listen, struct arena *a, const char **host, int *port,
                                  struct error *e);
/* Where data lives unless an option says so: $GROKD_DATA_DIR, $XDG_DATA_HOME/grokd,
 * ~/.local/share/grokd, ./grokd-data: the first that is set. */
char *config_data_dir_default(struct arena *a);
