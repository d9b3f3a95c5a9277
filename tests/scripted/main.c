/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd-scripted SCRIPTS.json [OPTIONS of grokd serve]: the server with scripted.h in place of
 * models.
 */
#include <stdio.h>
#include "base/file.h"
#include "grokd/config.h"
#include "grokd/wire.h"
#include "scripted.h"

#define SCRIPTS_BYTES_MAX (16u << 20)

static enum err serve(int argc, char **argv, struct arena *a, struct error *e)
{
    struct backend *b;
    struct json *scripts;
    struct config c;
    bool help;
    enum err rc;
    str text;

    TRY(file_read(argv[1], SCRIPTS_BYTES_MAX, a, &text, e));
    TRY(json_parse(text, a, &scripts, e));
    TRY(config_load(argc - 1, argv + 1, a, &c, &help, e));
    TRY(scripted_new(scripts, &b, e));
    rc = wire_serve(&c, b, e);
    scripted_free(b);
    return rc;
}

int main(int argc, char **argv)
{
    struct arena *a = arena_new(0);
    struct error e = {.text = "usage: grokd-scripted SCRIPTS.json [OPTIONS]"};
    bool good = argc > 1 && serve(argc, argv, a, &e) == ERR_OK;

    if (!good) fprintf(stderr, "grokd-scripted: %s\n", e.text);
    arena_free(a);
    return good ? 0 : 1;
}
