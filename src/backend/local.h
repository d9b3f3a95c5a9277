/* SPDX-License-Identifier: Apache-2.0
 *
 * The backend that is this process: an engine and its model.
 */
#pragma once
#include "backend/backend.h"
#include "engine/engine.h"

/* Borrows the engine until backend_local_free. */
struct backend *backend_local_new(struct engine *en);
void backend_local_free(struct backend *b);
