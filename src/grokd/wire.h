/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins everything into a running server: data dir, store, keys, engines, API, network. Blocks
 * until SIGTERM or SIGINT, then drains.
 */
#pragma once
#include "backend/backend.h"
#include "base/err.h"
#include "grokd/config.h"

/* only: answers in place of the models of c (tests); NULL: they do. Borrowed. */
MUST_CHECK enum err wire_serve(const struct config *c, struct backend *only, struct error *e);
