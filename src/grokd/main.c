/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd: the table of subcommands.
 */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", "serve the API", cmd_serve},
    {"chat", "chat in the terminal, in-process or against a server", cmd_chat},
    {"keys", "create, list, disable, enable, rotate and delete API keys", cmd_keys},
    {"models", "list and inspect local models", cmd_models},
    {"bench", "measure prefill and decode speed of a model", cmd_bench},
    {"tokenize", "show the tokens of a text", cmd_tokenize},
    {"template", "render a chat template", cmd_template},
    {"maskbench", "check and time the constraint engine on JSON Schemas", cmd_maskbench},
    {"logits", "compute logits, as a reference check", cmd_logits},
    {"quantize", "write a model with smaller weights", cmd_quantize},
    {"version", "version and build", cmd_version},
};

#define N_COMMAND (sizeof commands / sizeof commands[0])

static int help(FILE *out, int code)
{
    fprintf(out, "grokd: the Grok API as a program\n\nusage: grokd COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < N_COMMAND; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n'grokd COMMAND --help' tells more. Start with 'grokd serve'.\n");
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) return help(stderr, CLI_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return help(stdout, CLI_OK);
    if (strcmp(argv[1], "--version") == 0) argv[1] = "version";
    for (size_t i = 0; i < N_COMMAND; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "grokd: no command '%s'\n\n", argv[1]);
    return help(stderr, CLI_USAGE);
}
