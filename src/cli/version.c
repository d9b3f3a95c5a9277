/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include <stdio.h>
#include <string.h>
#include "base/str.h"
#include "kernel/kern.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

int cmd_version(int argc, char **argv)
{
    const char *level = kern_level_name(kern_best(KERN_LEVEL_COUNT));
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: grokd version [--json]");
        return CLI_OK;
    }
    if (argc > 1 && !json) return cli_usage("version", "unexpected argument '%s'", argv[1]);
    if (json)
        printf("{\"version\":\"%s\",\"compiler\":\"%s\",\"kernels\":\"%s\"}\n", GROKD_VERSION,
               COMPILER, level);
    else
        printf("grokd %s (%s; kernels: %s)\n", GROKD_VERSION, COMPILER, level);
    return CLI_OK;
}
