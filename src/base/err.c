/* SPDX-License-Identifier: Apache-2.0
 *
 * The error record and the abort of a broken invariant. No state, any thread.
 */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
    [ERR_OK] = "ok",
    [ERR_ARG] = "arg",
    [ERR_FORMAT] = "format",
    [ERR_TYPE] = "type",
    [ERR_LIMIT] = "limit",
    [ERR_CONTEXT] = "context",
    [ERR_NOT_FOUND] = "not_found",
    [ERR_MODEL] = "model",
    [ERR_EXISTS] = "exists",
    [ERR_UNAUTHENTICATED] = "unauthenticated",
    [ERR_KEY] = "key",
    [ERR_DENIED] = "denied",
    [ERR_METHOD] = "method",
    [ERR_MEDIA_TYPE] = "media_type",
    [ERR_TOO_LARGE] = "too_large",
    [ERR_GONE] = "gone",
    [ERR_UNSUPPORTED] = "unsupported",
    [ERR_BUSY] = "busy",
    [ERR_TIMEOUT] = "timeout",
    [ERR_CANCELLED] = "cancelled",
    [ERR_IO] = "io",
    [ERR_SHUTDOWN] = "shutdown",
    [ERR_INTERNAL] = "internal",
};
static_assert(sizeof names / sizeof names[0] == ERR_COUNT, "every code has a name");

/* Moves the cut of a truncated text back to the start of the character it split. */
static void cut_at_border(char *text, size_t n)
{
    size_t lead = n;
    while (lead > 0 && n - lead < 3 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0)
        return;
    unsigned char c = (unsigned char)text[lead - 1];
    size_t want = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    if (n - (lead - 1) < want)
        text[lead - 1] = '\0';
}

enum err err_set(struct error *e, enum err code, size_t pos, const char *fmt, ...)
{
    if (!e)
        return code;
    e->code = code;
    e->pos = pos;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n < 0)
        e->text[0] = '\0';
    else if ((size_t)n >= sizeof e->text)
        cut_at_border(e->text, sizeof e->text - 1);
    return code;
}

const char *err_name(enum err code)
{
    return (unsigned)code < ERR_COUNT ? names[code] : "unknown";
}

void check_failed(const char *cond, const char *file, int line)
{
    char text[512];
    int n = snprintf(text, sizeof text, "grokd: broken invariant: %s (%s:%d)\n", cond, file, line);
    size_t size = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    ssize_t written = write(STDERR_FILENO, text, size);
    (void)written;
    abort();
}
