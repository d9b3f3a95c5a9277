/* SPDX-License-Identifier: Apache-2.0
 *
 * The waist, inbound: what every dialect parses into and every backend takes. Plain data on the
 * arena of its request; strings borrow from it. Validated by the dialect: numbers are in range,
 * lists within their limits.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "codec/json.h"
#include "engine/engine.h"

#define CHAT_MESSAGES_MAX 100000
#define CHAT_PARTS_MAX 10000           /* of one message */
#define CHAT_CALLS_MAX 100000           /* tool calls of all messages */
#define CHAT_CHOICES_MAX 128
#define CHAT_TOOLS_MAX 200
#define CHAT_TOOL_NAME_MAX 64
#define CHAT_STOPS_MAX 8
#define CHAT_STOP_BYTES_MAX 1024
#define CHAT_PRIORITY_TIER 1           /* of requests that pay for it */
#define CHAT_PRIORITY_DEFERRED (-1)    /* nobody waits for the reply */

enum chat_role {
    ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL, ROLE_FUNCTION,
    CHAT_ROLE_COUNT
};
/* "system", ...; index by enum chat_role. */
extern const char *const chat_role_name[CHAT_ROLE_COUNT];

/* arguments: JSON text of an object; in histories it may be any text, which is then shown to the
 * model as it is. */
struct chat_tool_call { str id, name, arguments; };

/* A function of the caller's that the model may call. */
struct chat_tool {
    str name, description;
    const struct json *parameters;     /* JSON Schema; NULL: takes no arguments */
    const struct json *source;         /* the whole entry as it came, for templates */
};
enum chat_tool_choice {
    TOOL_CHOICE_AUTO, TOOL_CHOICE_NONE, TOOL_CHOICE_REQUIRED,
    TOOL_CHOICE_NAMED                  /* exactly tool[tool_named] */
};
enum chat_format {
    FORMAT_TEXT, FORMAT_JSON_OBJECT, FORMAT_JSON_SCHEMA,
    FORMAT_REGEX                       /* the whole text matches; ours, not xAI's */
};

struct chat_message {
    enum chat_role role;
    str name;                          /* participant, may be empty */
    str text;                          /* all text parts joined */
    str reasoning;                     /* assistant's earlier reasoning_content, may be empty */
    str tool_call_id;                  /* of tool results */
    const struct chat_tool_call *call; /* [n_call], assistant only */
    size_t n_call;
};

/* Whether the model is asked to think before it answers; templates know it as enable_thinking. */
enum chat_thinking { THINKING_DEFAULT, THINKING_OFF, THINKING_ON };

/* How much it is asked to think; templates that know it, as reasoning_effort. */
enum chat_effort {
    EFFORT_DEFAULT, EFFORT_NONE, EFFORT_MINIMAL, EFFORT_LOW, EFFORT_MEDIUM, EFFORT_HIGH,
    EFFORT_XHIGH, CHAT_EFFORT_COUNT
};
/* "none", ...; index by enum chat_effort. */
extern const char *const chat_effort_name[CHAT_EFFORT_COUNT];

/* A prompt that goes to the model as it is, past the chat template; what comes back is text from
 * its first byte. Text never becomes control tokens; ids are taken for what they are, and nothing
 * is put before them. */
struct chat_raw {
    str text;
    const int32_t *id;                 /* [n_id] instead of text; NULL: text */
    size_t n_id;
    str suffix;                        /* what follows the gap that is to be filled; empty: none */
};

struct chat_request {
    const struct chat_message *message;   /* [n_message], any order of roles; 0: raw is there */
    size_t n_message;
    const struct chat_raw *raw;        /* [n_raw] instead of messages, each with as many choices:
                                        * of 2 prompts and 6 choices, 0 to 2 answer the first. No
                                        * tools, no format */
    size_t n_raw;
    int n_choice;                      /* 1 .. CHAT_CHOICES_MAX, of all prompts together */
    int max_tokens;                    /* per choice; INT32_MAX: what the context leaves */
    struct sample_params sample;       /* choice i samples with seed + i */
    str stop[CHAT_STOPS_MAX];          /* output ends before the first of these */
    int n_stop;
    bool ignore_eog;                   /* measurements: max_tokens alone ends the output */
    enum chat_thinking thinking;
    enum chat_effort effort;           /* as the request names it */
    int thinking_max;                  /* tokens; then the think block is closed for the model. 0:
                                        * no limit */
    const struct chat_tool *tool;      /* [n_tool] */
    size_t n_tool;
    enum chat_tool_choice tool_choice;
    size_t tool_named;
    bool parallel_calls;               /* more than one call in a turn */
    enum chat_format format;           /* of the text; calls have their own */
    const struct json *schema;         /* FORMAT_JSON_SCHEMA */
    str pattern;                       /* FORMAT_REGEX */
    bool logprobs;
    int n_top_logprobs;
    uint64_t salt;                     /* prefix sharing domain: the team */
    uint64_t owner;                    /* fair share: the key */
    int priority;                      /* higher runs first; 0: as everybody */
    /* Called from any thread, must not block, when backend_next may have something new. */
    void (*wake)(void *arg);
    void *wake_arg;
};

/* The effort of that name; whether to think and how much at most, where that is not said already.
 * False: there is no such effort. */
bool chat_set_effort(struct chat_request *r, str name);

/* The model may call tools; else none is shown to it. */
static inline bool chat_may_call(const struct chat_request *r)
{
    return r->n_tool > 0 && r->tool_choice != TOOL_CHOICE_NONE;
}
