/* SPDX-License-Identifier: Apache-2.0
 *
 * Chat completions as a dialect, for what runs such a request besides its handler.
 */
#pragma once
#include "api/generate.h"

extern const struct dialect chat_completions;
