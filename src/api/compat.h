/* SPDX-License-Identifier: Apache-2.0
 *
 * What xAI's models refuse, for servers that are asked to refuse it too: a program that must not
 * send these fields to api.x.ai then learns it here. Goes by the name that the request gives; names
 * that are not xAI's refuse nothing. Pure, any thread.
 */
#pragma once
#include "base/err.h"
#include "chat/request.h"

/* ERR_ARG in xAI's words. model: as asked. */
MUST_CHECK enum err compat_check(str model, const struct chat_request *r, struct error *e);
