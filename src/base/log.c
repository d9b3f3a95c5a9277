/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines: formatted on the stack, written by one write(2). Sink and level are globals
 * (docs/globals.txt), set at start-up and read relaxed: they order nothing.
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_SIZE 2048

static _Atomic(int) sink_fd = STDERR_FILENO;
static _Atomic(int) level_min = LOG_INFO;

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};
static_assert(sizeof level_names / sizeof level_names[0] == LOG_LEVEL_COUNT, "a name per level");

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_min, (int)level, memory_order_relaxed);
}

void log_set_fd(int fd)
{
    atomic_store_explicit(&sink_fd, fd, memory_order_relaxed);
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Appends text with control characters escaped, as far as it fits under size. */
static size_t add_escaped(char *out, size_t at, size_t size, const char *text)
{
    for (; *text && at + 4 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n')
            at += (size_t)snprintf(out + at, size - at, "\\n");
        else if (c < 0x20 || c == 0x7f)
            at += (size_t)snprintf(out + at, size - at, "\\x%02x", c);
        else
            out[at++] = (char)c;
    }
    return at;
}

static size_t add_head(char *out, size_t size, enum log_level level, const char *module)
{
    char date[32];
    int64_t now_ms = clock_unix_ms();
    clock_rfc3339(now_ms / 1000, date);
    date[strlen(date) - 1] = '\0';             /* the Z goes behind the milliseconds */
    int n = snprintf(out, size, "%s.%03dZ %-5s %.32s ", date, (int)(now_ms % 1000),
                     level_names[level], module);
    return n < 0 ? 0 : (size_t)n;
}

void log_line(enum log_level level, const char *module, const char *fmt, ...)
{
    if ((int)level < atomic_load_explicit(&level_min, memory_order_relaxed))
        return;
    char text[LINE_SIZE], line[LINE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    int saved = errno;
    size_t at = add_escaped(line, add_head(line, sizeof line, level, module), sizeof line, text);
    line[at++] = '\n';
    int fd = atomic_load_explicit(&sink_fd, memory_order_relaxed);
    ssize_t written;
    do
        written = write(fd, line, at);
    while (written < 0 && errno == EINTR);
    errno = saved;
}
