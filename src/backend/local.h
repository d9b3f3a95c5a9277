/* SPDX-License-Identifier: Apache-2.0
 *
 * The backend that is this process: an engine and its model.
 */
#pragma once
#include "backend/backend.h"
#include "chat/constrain.h"
#include "engine/engine.h"

/* Borrows the engine until backend_local_free. limits: of grammars; NULL: the defaults. A start
 * compiles schemas, for up to limits.time_ms, on the thread that calls it. */
struct backend *backend_local_new(struct engine *en, const struct constrain_limits *limits);
void backend_local_free(struct backend *b);
