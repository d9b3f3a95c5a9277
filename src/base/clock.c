/* SPDX-License-Identifier: Apache-2.0
 *
 * Time from clock_gettime. No state, any thread.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/err.h"

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_unix_s(void)
{
    return read_ns(CLOCK_REALTIME) / NS_PER_S;
}

int64_t clock_unix_ms(void)
{
    return read_ns(CLOCK_REALTIME) / NS_PER_MS;
}

int64_t clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_process_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void clock_rfc3339(int64_t unix_s, char out[32])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    /* Years outside 0 to 9999 have no RFC 3339 form; they only come from a broken clock. */
    if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
