/* SPDX-License-Identifier: Apache-2.0
 *
 * Formats whose expression is made by a loop: leap seconds, and regular expressions themselves.
 */
#include "grammar/format_text.h"

#include "base/buf.h"
#include "base/err.h"

#define TEXT_MAX ((size_t)1 << 16)
#define DAY_MINUTES 1440
#define LEAP_MINUTE (23 * 60 + 59) /* of UTC */
#define OFFSET_STEP 15 /* minutes */
#define REGEX_GROUP_DEPTH 2

static str finish(struct arena *a, struct buf *b)
{
    CHECK(!b->bad);
    str text = arena_str(a, buf_str(b));
    buf_done(b);
    return text;
}

/* ---- time ---- */

/* Local times of a leap second: 23:59:60 in UTC, moved by the offset that follows. */
static void put_leap_seconds(struct buf *b)
{
    for (int offset = 0; offset < DAY_MINUTES; offset += OFFSET_STEP) {
        int local = (LEAP_MINUTE + offset) % DAY_MINUTES;
        int back = (DAY_MINUTES - offset) % DAY_MINUTES;
        buf_printf(b, "|%02d:%02d:60" TIME_FRACTION "(?:\\+%02d:%02d|-%02d:%02d%s)", local / 60,
                   local % 60, offset / 60, offset % 60, back / 60, back % 60,
                   offset == 0 ? "|[Zz]" : "");
    }
}

str format_time(struct arena *a)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_printf(&b, "(?:%s", TIME_PLAIN);
    put_leap_seconds(&b);
    buf_printf(&b, ")");
    return finish(a, &b);
}

str format_date_time(struct arena *a)
{
    str time = format_time(a);
    return arena_printf(a, "%s[Tt]%.*s", FORMAT_DATE, STR_FMT(time));
}

/* ---- regex: ECMA-262, 22.2.1, of both grammars (with the u flag and without) ---- */

/* lo-hi with lo <= hi, inside digits or letters of one case. */
static void put_ranges(struct buf *b)
{
    static const char ends[] = "09azAZ";
    for (const char *e = ends; *e; e += 2)
        for (char lo = e[0]; lo <= e[1]; lo++) buf_printf(b, "|%c-[%c-%c]", lo, lo, e[1]);
}

/* {m}, {m,}, and {m,n} with m <= n. */
static void put_counts(struct buf *b)
{
    buf_printf(b, "\\{(?:\\d{1,3},?|\\d,[1-9]\\d{1,2}|[1-9]\\d,[1-9]\\d\\d");
    for (int m = 0; m < 10; m++) buf_printf(b, "|%d,[%d-9]", m, m);
    for (int m = 10; m < 90; m++)
        buf_printf(b, "|%d,(?:%d[%d-9]|[%d-9]\\d)", m, m / 10, m % 10, m / 10 + 1);
    for (int m = 90; m < 100; m++) buf_printf(b, "|%d,9[%d-9]", m, m % 10);
    buf_printf(b, ")\\}");
}

/* What stands without a group, but for ^ $ \b \B. */
static void put_atoms(struct buf *b)
{
    static const char escape[] = "[dDwWsSfnrtv]|c[A-Za-z]|x" HEX "{2}|u" HEX "{4}|"
                                 "[pP]\\{(?:L|Lu|Ll|N|Nd|P|S|Z)\\}|[\\^$\\\\.*+?()\\[\\]{}|/]";
    buf_printf(b, "[^\\^$\\\\*+?()\\[\\]{}|]|\\\\(?:%s)|", escape);
    buf_printf(b, "\\[\\^?-?(?:[^\\[\\]\\\\^\\-]|\\\\(?:[b\\-]|%s)", escape);
    put_ranges(b);
    buf_printf(b, ")*-?\\]");
}

/* Any number of terms and |, groups nested to a depth, look-around around no groups. A quantifier
 * follows no assertion. */
static void put_terms(struct buf *b, int depth)
{
    buf_printf(b, "(?:\\||[\\^$]|\\\\[bB]|");
    if (depth > 0) {
        buf_printf(b, "\\(\\?<?[=!]");
        put_terms(b, 0);
        buf_printf(b, "\\)|");
    }
    buf_printf(b, "(?:");
    put_atoms(b);
    if (depth > 0) {
        buf_printf(b, "|\\((?:\\?:)?");
        put_terms(b, depth - 1);
        buf_printf(b, "\\)");
    }
    buf_printf(b, ")(?:(?:[*+?]|");
    put_counts(b);
    buf_printf(b, ")\\?"
                  "?)?)*");
}

str format_regex(struct arena *a)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    put_terms(&b, REGEX_GROUP_DEPTH);
    return finish(a, &b);
}
