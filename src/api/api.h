/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP face of grokd: what serve builds once and every loop shares. Immutable after the
 * server started, but for `state`, which says how far the models are.
 */
#pragma once
#include <stdatomic.h>
#include "account/key.h"
#include "account/ledger.h"
#include "api/catalog.h"
#include "api/status.h"
#include "net/exchange.h"
#include "net/pool.h"

enum api_state { API_LOADING, API_READY, API_DRAINING };

struct api {
    enum error_shape error_shape;
    int wrong_key_status;              /* 400 as xAI, or 401 as OpenAI */
    bool strict;                       /* refuses what xAI's models refuse: compat.h */
    size_t body_max;                   /* bytes of a request body */
    int64_t keepalive_ms;              /* a waiting stream gets a comment this often */
    double default_temperature, default_top_p;
    struct keyring *keys;              /* borrows */
    struct pool *pool;                 /* borrows; prepares large requests */
    struct ledger ledger;
    struct responses *responses;       /* borrows; kept responses */
    struct deferred *deferred;         /* borrows; likewise once state is API_READY */
    const struct catalog *catalog;     /* borrows; read only once state is API_READY */
    _Atomic enum api_state state;      /* release when set, acquire when read */
};

struct http_handler api_handler(struct api *api);
