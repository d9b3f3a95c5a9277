/* SPDX-License-Identifier: Apache-2.0
 *
 * Time. Durations are monotonic nanoseconds, dates are wall-clock Unix seconds. Any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL
#define NS_PER_US 1000LL

int64_t clock_ns(void);                        /* CLOCK_MONOTONIC */
int64_t clock_unix_s(void);
int64_t clock_unix_ms(void);
int64_t clock_thread_cpu_ns(void);             /* CPU time of the calling thread */
int64_t clock_process_cpu_ns(void);
/* "2026-11-21T05:53:00Z"; out holds 32 bytes. */
void clock_rfc3339(int64_t unix_s, char out[32]);
