/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend for tests that plays prepared events, so that what the wire makes of them can be told
 * apart from what a model says. The text of a request's last message, or its first raw prompt,
 * names the script:
 *
 *   {"NAME": [{"text": "Hi"}, {"reasoning": "why"}, {"wait_ms": 20}, {"text": "b", "choice": 1},
 *             {"call": {"id": "call_1", "name": "f", "arguments": "{}"}},
 *             {"finish": "stop"} or {"fail": "why"}], ...}
 *
 * Where no script has that name, the list called "*" decides: its first rule that holds, by the
 * tool that the request offers, by a part of the text of a tool's result in its history, or by
 * neither:
 *
 *   {"*": [{"result": "pong", "play": [EVENT, ...]}, {"offers": "shell", "play": [EVENT, ...]},
 *         {"play": [EVENT, ...]}]}
 *
 * A choice ends with "finish" (stop, length, tool_calls), beside which "stop" may name the stop
 * string that was met; behind the last event of a script that does not fail comes the usage.
 */
#pragma once
#include "backend/backend.h"

/* scripts: the parsed file; borrowed. ERR_FORMAT says which event is no event. */
MUST_CHECK enum err scripted_new(const struct json *scripts, struct backend **out,
                                 struct error *e);
void scripted_free(struct backend *b);
