/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include <stdio.h>
#include "grokd/config.h"
#include "grokd/wire.h"

static void help(void)
{
    puts("usage: grokd serve [OPTIONS]\n\n"
         "Serves the Grok API. Prints 'grokd: ready on URL' on stdout when it can answer.\n"
         "Every option is also an environment variable (--max-body: GROKD_MAX_BODY) and a line of\n"
         "the YAML file (max-body: 64M). Flags win over the environment, that over the file.\n");
    config_help(stdout);
}

int cmd_serve(int argc, char **argv)
{
    struct arena *a = arena_new(0);
    struct config c;
    struct error e;
    bool want_help;
    int code = CLI_OK;

    if (config_load(argc, argv, a, &c, &want_help, &e) != ERR_OK)
        code = cli_usage("serve", "%s", e.text);
    else if (want_help)
        help();
    else if (wire_serve(&c, NULL, &e) != ERR_OK)
        code = cli_fail("serve", &e);
    arena_free(a);
    return code;
}
