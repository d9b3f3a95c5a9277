/* SPDX-License-Identifier: Apache-2.0
 *
 * What the subcommands share: errors, numbers, the progress bar.
 */
#include "cli/cli.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/str.h"

#define PROGRESS_AFTER_NS (2 * NS_PER_S)
#define PROGRESS_EVERY_NS (100 * NS_PER_MS)
#define PROGRESS_WIDTH 40

int cli_fail(const char *command, const struct error *e)
{
    fprintf(stderr, "grokd: %s: %s\n", command, e->text);
    return CLI_FAILED;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "grokd: %s: ", command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see grokd %s --help\n", command);
    return CLI_USAGE;
}

bool cli_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    int64_t v;

    if (!str_to_i64(str_of(text), &v) || v < min || v > max) return false;
    *out = v;
    return true;
}

int cli_options(int argc, char **argv, const struct cli_options *o, void *arg, bool *done)
{
    int c;

    *done = false;
    optind = 1;
    while ((c = getopt_long(argc, argv, o->shorts, o->longs, NULL)) != -1) {
        int rc = CLI_OK;

        if (c == 'h') {
            fputs(o->help, stdout);
            *done = true;
            return CLI_OK;
        }
        if (c == '?' || (rc = o->take(arg, c)) != CLI_OK)
            return c == '?' ? cli_usage(o->command, "unknown option or missing value") : rc;
    }
    return CLI_OK;
}

void cli_progress_start(struct cli_progress *p, const char *label)
{
    *p = (struct cli_progress){.label = label, .start_ns = clock_ns()};
}

void cli_progress_at(void *arg, double share)
{
    struct cli_progress *p = arg;
    int64_t now = clock_ns();
    int full = (int)(share * PROGRESS_WIDTH);

    if (now - p->start_ns < PROGRESS_AFTER_NS || now - p->drawn_ns < PROGRESS_EVERY_NS) return;
    if (!isatty(STDERR_FILENO)) return;
    p->drawn_ns = now;
    p->drawn = true;
    fprintf(stderr, "\r%s [", p->label);
    for (int i = 0; i < PROGRESS_WIDTH; i++) fputc(i < full ? '#' : ' ', stderr);
    fprintf(stderr, "] %3d%%", (int)(share * 100));
}

void cli_progress_end(struct cli_progress *p)
{
    if (p->drawn) fputc('\n', stderr);
}
