/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/request.h"

const char *const chat_role_name[CHAT_ROLE_COUNT] = {
    [ROLE_SYSTEM] = "system", [ROLE_DEVELOPER] = "developer", [ROLE_USER] = "user",
    [ROLE_ASSISTANT] = "assistant", [ROLE_TOOL] = "tool", [ROLE_FUNCTION] = "function",
};

const char *const chat_effort_name[CHAT_EFFORT_COUNT] = {
    [EFFORT_DEFAULT] = "", [EFFORT_NONE] = "none", [EFFORT_MINIMAL] = "minimal",
    [EFFORT_LOW] = "low", [EFFORT_MEDIUM] = "medium", [EFFORT_HIGH] = "high",
    [EFFORT_XHIGH] = "xhigh",
};

/* Tokens. With XHIGH, and where no effort is named, a model thinks as long as it likes. */
static const int thinking_max[CHAT_EFFORT_COUNT] = {
    [EFFORT_MINIMAL] = 256, [EFFORT_LOW] = 1024, [EFFORT_MEDIUM] = 4096, [EFFORT_HIGH] = 16384,
};

bool chat_set_effort(struct chat_request *r, str name)
{
    for (int i = EFFORT_NONE; i < CHAT_EFFORT_COUNT; i++) {
        if (!str_is(name, chat_effort_name[i])) continue;
        r->effort = (enum chat_effort)i;
        if (!r->thinking_max) r->thinking_max = thinking_max[i];
        if (r->thinking == THINKING_DEFAULT)
            r->thinking = i == EFFORT_NONE ? THINKING_OFF : THINKING_ON;
        return true;
    }
    return false;
}
