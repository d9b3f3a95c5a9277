/* SPDX-License-Identifier: Apache-2.0
 *
 * What every unit test includes: cmocka with the headers it wants first, and three helpers.
 * Rows of a table are named in failures by test_row.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

/* got holds exactly the bytes of want; prints both. */
static inline void assert_str(str got, const char *want, const char *file, int line)
{
    if (str_is(got, want))
        return;
    print_error("got \"%.*s\" (%zu bytes), want \"%s\"\n", STR_FMT(got), got.n, want);
    _fail(file, line);
}
#define assert_str_is(got, want) assert_str((got), (want), __FILE__, __LINE__)

/* Both are bit-equal doubles, so that -0 and 0 differ. */
static inline void assert_double(double got, double want, const char *file, int line)
{
    if (memcmp(&got, &want, sizeof got) == 0)
        return;
    print_error("got %.17g, want %.17g\n", got, want);
    _fail(file, line);
}
#define assert_double_is(got, want) assert_double((got), (want), __FILE__, __LINE__)

/* Runs fn in a child with a silent stderr; the signal that ended it, or 0. */
static inline int signal_of(void (*fn)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        fn();
        _exit(0);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* GOLDEN/path, or NULL after saying why the test is skipped. */
static inline const char *golden_path(const char *path, char *out, size_t size)
{
    const char *root = getenv("GOLDEN");
    snprintf(out, size, "%s/%s", root ? root : "", path);
    if (root && access(out, R_OK) == 0)
        return out;
    print_message("skipped: the reference files of %s are not here\n", path);
    return NULL;
}
