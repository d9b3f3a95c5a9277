/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads. Failure to start one aborts: the program starts all of its threads at start-up.
 */
#include "base/thread.h"

#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define NAME_SIZE 16                           /* the kernel's limit, with the NUL */

struct start {
    void *(*fn)(void *arg);
    void *arg;
    char name[NAME_SIZE];
};

/* The new thread takes the record. */
static void *run(void *arg)
{
    struct start s = *(struct start *)arg;
    mem_free(arg);
    pthread_setname_np(pthread_self(), s.name);
    return s.fn(s.arg);
}

pthread_t thread_start(const char *name, void *(*fn)(void *arg), void *arg)
{
    struct start *s = mem_alloc(sizeof *s);
    size_t n = strnlen(name, NAME_SIZE - 1);
    memcpy(s->name, name, n);
    s->fn = fn;
    s->arg = arg;
    pthread_t t;
    CHECK(pthread_create(&t, NULL, run, s) == 0);
    return t;
}

void thread_join(pthread_t t)
{
    CHECK(pthread_join(t, NULL) == 0);
}

void thread_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(c, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

void thread_cond_wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_ns)
{
    if (deadline_ns < 0)
        deadline_ns = 0;
    struct timespec t = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                         .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    pthread_cond_timedwait(c, m, &t);
}

int thread_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);    /* more CPUs than cpu_set_t holds */
    return n > 0 && n < INT32_MAX ? (int)n : 1;
}
