/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins everything into a running server: data dir, store, keys, engines, API, network. Blocks
 * until SIGTERM or SIGINT, then drains.
 */
#pragma once
#include "base/err.h"
#include "grokd/config.h"

MUST_CHECK enum err wire_serve(const struct config *c, struct error *e);
