/* SPDX-License-Identifier: Apache-2.0
 *
 * The models this server offers: names, aliases, prices, and the backend that runs each. Filled
 * at start, immutable while serving; any thread.
 */
#pragma once
#include <stdbool.h>
#include "account/price.h"
#include "backend/backend.h"
#include "base/str.h"

#define CATALOG_MODELS_MAX 64

struct model_entry {
    str id;
    int64_t created_unix_s;
    struct price price;
    struct backend *backend;           /* borrows */
    int n_ctx;
    char fingerprint[20];              /* "fp_0123456789" */
    bool is_default;                   /* answers to every known xAI name */
};

struct catalog {
    struct model_entry entry[CATALOG_MODELS_MAX];
    int n;
};

/* By id or alias. NULL when unknown. */
const struct model_entry *catalog_find(const struct catalog *c, str name);
/* Alias i of an entry, or {NULL, 0} past the last. */
str catalog_alias(const struct model_entry *m, size_t i);
