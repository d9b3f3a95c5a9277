/* SPDX-License-Identifier: Apache-2.0 */
#include "api/catalog.h"

/* Every model name that xAI's documentation and the programs written for it use. The default
 * model answers to all of them, so such programs run with only base URL and key changed. */
static const char *const xai_names[] = {
    "grok-4.7", "grok-4.7-latest", "grok-4.6", "grok-4.6-latest", "grok-4.5", "grok-4.5-latest",
    "grok-build-latest", "grok-4.3", "grok-4.3-latest", "grok-latest", "grok-4.20",
    "grok-4.20-0309", "grok-4.20-latest", "grok-4.20-multi-agent", "grok-4.20-multi-agent-0309",
    "grok-4.20-multi-agent-latest",
    "grok-4.20-0309-reasoning", "grok-4.20-reasoning-latest", "grok-4.20-0309-non-reasoning",
    "grok-4.20-non-reasoning", "grok-4.20-non-reasoning-latest", "grok-4-1-fast",
    "grok-4-1-fast-reasoning", "grok-4-1-fast-reasoning-latest", "grok-4-1-fast-non-reasoning",
    "grok-4-1-fast-non-reasoning-latest", "grok-4-fast", "grok-4-fast-latest",
    "grok-4-fast-reasoning", "grok-4-fast-reasoning-latest", "grok-4-fast-non-reasoning",
    "grok-4-fast-non-reasoning-latest", "grok-4", "grok-4-0709", "grok-4-latest",
    "grok-code-fast-1", "grok-code-fast", "grok-build-0.1", "grok-3", "grok-3-latest",
    "grok-3-beta", "grok-3-mini", "grok-3-mini-latest", "grok-3-mini-beta", "grok-3-fast",
    "grok-3-fast-latest", "grok-3-mini-fast", "grok-3-mini-fast-latest", "grok-2", "grok-2-1212",
    "grok-2-latest", "grok-2-vision", "grok-2-vision-1212", "grok-2-vision-latest", "grok-2-mini",
    "grok-beta", "grok-vision-beta", "grok-1", "grok",
};

str catalog_alias(const struct model_entry *m, size_t i)
{
    if (!m->is_default || i >= sizeof xai_names / sizeof xai_names[0]) return STR_NONE;
    return str_of(xai_names[i]);
}

static bool has_alias(const struct model_entry *m, str name)
{
    str alias;

    for (size_t i = 0; (alias = catalog_alias(m, i)).p; i++)
        if (str_eq(alias, name)) return true;
    return false;
}

const struct model_entry *catalog_find(const struct catalog *c, str name)
{
    for (int i = 0; i < c->n; i++)
        if (str_eq(c->entry[i].id, name)) return &c->entry[i];
    for (int i = 0; i < c->n; i++)
        if (has_alias(&c->entry[i], name)) return &c->entry[i];
    return NULL;
}
