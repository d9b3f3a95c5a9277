/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: one file per subcommand, found by the table in grokd/main.c. Every command
 * takes its own argv (argv[0] is its name), knows --help, and exits 0 ok, 1 failed, 2 usage.
 * Results go to stdout, everything else to stderr.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

int cmd_serve(int argc, char **argv);
int cmd_chat(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_models(int argc, char **argv);         /* list | inspect */
int cmd_bench(int argc, char **argv);
int cmd_tokenize(int argc, char **argv);
int cmd_template(int argc, char **argv);
int cmd_maskbench(int argc, char **argv);
int cmd_logits(int argc, char **argv);
int cmd_quantize(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* `grokd models inspect FILE`, called by cmd_models with argv[0] = "inspect". */
int cmd_models_inspect(int argc, char **argv);

/* "grokd: <command>: <text>" on stderr; gives CLI_FAILED. */
int cli_fail(const char *command, const struct error *e);
/* "grokd: <command>: <text>; see grokd <command> --help" on stderr; gives CLI_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Whole-string integer in [min, max]. */
bool cli_int(const char *text, int64_t min, int64_t max, int64_t *out);

/* How a command takes its options (getopt_long's notation). */
struct option;
struct cli_options {
    const char *command;               /* "models list", for errors */
    const char *shorts;                /* "m:h" */
    const struct option *longs;        /* ends with zeros */
    const char *help;                  /* whole text of --help, ends with a line break */
    /* One option but help, its value in optarg; CLI_OK or the exit status. */
    int (*take)(void *arg, int option);
};
/* Walks the options; operands start at optind afterwards. *done: help was printed. */
int cli_options(int argc, char **argv, const struct cli_options *o, void *arg, bool *done);

/* A progress bar on stderr: drawn only on a terminal and only after two seconds. */
struct cli_progress { const char *label; int64_t start_ns, drawn_ns; bool drawn; };
void cli_progress_start(struct cli_progress *p, const char *label);
void cli_progress_at(void *p, double share);   /* fits the progress callbacks of the engine */
void cli_progress_end(struct cli_progress *p);
