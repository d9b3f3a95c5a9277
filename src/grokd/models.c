/* SPDX-License-Identifier: Apache-2.0 */
#include "grokd/models.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"

/* From the folder of the program: a build tree in a checkout, then an installation. */
static const char *const bundled_folders[] = {"../models", "../share/grokd", "models"};

static char *program_folder(struct arena *a)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    char *slash;

    if (n <= 0) return NULL;
    path[n] = 0;
    slash = strrchr(path, '/');
    return arena_cstr(a, str_n(path, slash ? (size_t)(slash - path) : 0));
}

char *models_bundled(struct arena *a)
{
    char *folder = program_folder(a);

    for (size_t i = 0; folder && i < sizeof bundled_folders / sizeof bundled_folders[0]; i++) {
        char *path = file_join(a, file_join(a, folder, bundled_folders[i]), MODEL_BUNDLED);

        if (file_exists(path)) return path;
    }
    return NULL;
}

/* "NAME=FILE": NAME holds no slash, so that a path with '=' in it stays a path. */
static size_t name_length(str spec)
{
    size_t eq = str_find_char(spec, '=', 0), slash = str_find_char(spec, '/', 0);

    return eq != SIZE_MAX && eq > 0 && (slash == SIZE_MAX || eq < slash) ? eq : SIZE_MAX;
}

enum err models_resolve(const char *spec, const char *data_dir, struct arena *a, const char **name,
                        const char **path, struct error *e)
{
    str s = str_of(spec);
    size_t eq = name_length(s);
    char *file = eq == SIZE_MAX ? arena_cstr(a, s) : arena_cstr(a, str_sub(s, eq + 1, s.n));
    char *own = file_join(a, file_join(a, data_dir, "models"), file);
    char *candidate[] = {file, own, arena_cstr(a, arena_printf(a, "%s.gguf", own))};

    if (!*file) return err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "'%s' names no model file", spec);
    *name = eq == SIZE_MAX ? NULL : arena_cstr(a, str_sub(s, 0, eq));
    for (size_t i = 0; i < sizeof candidate / sizeof candidate[0]; i++)
        if (file_exists(candidate[i])) {
            *path = candidate[i];
            return ERR_OK;
        }
    return err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "no model file '%s', nor '%s[.gguf]'", file, own);
}
