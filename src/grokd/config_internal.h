/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the option table and the YAML reader.
 */
#pragma once
#include "grokd/config.h"

struct setter { struct config *config; struct arena *arena; };

/* Sets the option called name ("listen") from text; where names the source for the error. */
MUST_CHECK enum err config_set(struct setter *s, const char *name, const char *text,
                               const char *where, struct error *e);
/* A flat YAML mapping of option names to scalars, or lists for options that repeat. */
MUST_CHECK enum err config_read_yaml(struct setter *s, const char *path, struct error *e);
