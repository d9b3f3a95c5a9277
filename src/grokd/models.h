/* SPDX-License-Identifier: Apache-2.0
 *
 * Where models lie: the bundled one beside the program, the data dir's own, or a path.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

#define MODEL_BUNDLED "grokd-mini.gguf"

/* Path of the bundled model, or NULL when this installation has none. */
char *models_bundled(struct arena *a);
/* "[NAME=]FILE" -> path, and NAME (NULL when not given). FILE is a path, or the name of a model in
 * DATA/models with or without .gguf. ERR_NOT_FOUND lists where it was looked for. */
MUST_CHECK enum err models_resolve(const char *spec, const char *data_dir, struct arena *a,
                                   const char **name, const char **path, struct error *e);
