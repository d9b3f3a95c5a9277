/* SPDX-License-Identifier: Apache-2.0 */
#include "api/compat.h"

#define EFFORT(name) (1u << EFFORT_##name)
#define LOW_TO_HIGH (EFFORT(LOW) | EFFORT(MEDIUM) | EFFORT(HIGH))

enum { TAKES_PRESENCE = 1, TAKES_FREQUENCY = 2, TAKES_STOP = 4, TAKES_RAW = 8 };
#define TAKES_ALL (TAKES_PRESENCE | TAKES_FREQUENCY | TAKES_STOP | TAKES_RAW)

/* The first row whose name the model's begins with counts. */
static const struct rule {
    const char *name;
    unsigned takes;
    unsigned efforts;                  /* bits of enum chat_effort */
} rules[] = {
    {"grok-4.7", 0, LOW_TO_HIGH | EFFORT(XHIGH)},
    {"grok-4.6", 0, LOW_TO_HIGH | EFFORT(XHIGH)},
    {"grok-4.5", 0, LOW_TO_HIGH | EFFORT(XHIGH)},
    {"grok-build-latest", 0, LOW_TO_HIGH | EFFORT(XHIGH)},
    {"grok-4.3", 0, LOW_TO_HIGH | EFFORT(NONE)},
    {"grok-latest", 0, LOW_TO_HIGH | EFFORT(NONE)},
    {"grok-4.20-multi-agent", 0, LOW_TO_HIGH | EFFORT(XHIGH)},
    {"grok-4.20-0309-non-reasoning", TAKES_ALL, 0},
    {"grok-4.20-non-reasoning", TAKES_ALL, 0},
    {"grok-4.20", 0, 0},
    {"grok-4-1-fast-non-reasoning", TAKES_ALL, 0},
    {"grok-4-fast-non-reasoning", TAKES_ALL, 0},
    {"grok-4", 0, 0},
    {"grok-code-fast", 0, 0},
    {"grok-3-mini", 0, EFFORT(LOW) | EFFORT(HIGH)},
    {"grok-3", TAKES_ALL & ~TAKES_PRESENCE, 0},
    {"grok-2", TAKES_ALL, 0},
    {"grok-1", TAKES_ALL, 0},
    {"grok-beta", TAKES_ALL, 0},
    {"grok-vision-beta", TAKES_ALL, 0},
};
#define N_RULE (sizeof rules / sizeof rules[0])

static const struct rule *rule_of(str model)
{
    for (size_t i = 0; i < N_RULE; i++)
        if (str_starts(model, str_of(rules[i].name))) return &rules[i];
    return NULL;
}

static enum err refuse(const char *argument, struct error *e)
{
    return err_set(e, ERR_ARG, ERR_NO_POS, "Argument not supported on this model: %s", argument);
}

static enum err check_effort(const struct rule *u, str model, enum chat_effort effort,
                             struct error *e)
{
    if (effort == EFFORT_DEFAULT || u->efforts & 1u << effort) return ERR_OK;
    if (!u->efforts)
        return err_set(e, ERR_ARG, ERR_NO_POS,
                       "Model %.*s does not support parameter reasoningEffort.",
                       STR_FMT(str_sub(model, 0, 100)));
    return err_set(e, ERR_ARG, ERR_NO_POS,
                   "This model does not support `reasoning_effort` value `%s`.",
                   chat_effort_name[effort]);
}

enum err compat_check(str model, const struct chat_request *r, struct error *e)
{
    const struct rule *u = rule_of(model);
    bool presence = r->sample.presence_penalty < 0 || r->sample.presence_penalty > 0;
    bool frequency = r->sample.frequency_penalty < 0 || r->sample.frequency_penalty > 0;

    if (!u) return ERR_OK;
    if (presence && !(u->takes & TAKES_PRESENCE)) return refuse("presencePenalty", e);
    if (frequency && !(u->takes & TAKES_FREQUENCY)) return refuse("frequencyPenalty", e);
    if (r->n_stop && !(u->takes & TAKES_STOP)) return refuse("stop", e);
    if (r->n_raw && !(u->takes & TAKES_RAW))
        return err_set(e, ERR_ARG, ERR_NO_POS, "Model %.*s does not support text completions. Use "
                       "/v1/chat/completions.", STR_FMT(str_sub(model, 0, 100)));
    return check_effort(u, model, r->effort, e);
}
