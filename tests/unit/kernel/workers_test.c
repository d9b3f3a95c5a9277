/* SPDX-License-Identifier: Apache-2.0
 *
 * Every item runs exactly once, on a valid worker, before the loop returns; also when workers are
 * asleep, when loops follow each other closely, and when there are more threads than items.
 */
#include "kernel/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/clock.h"

#define ITEMS_MAX 300

struct loop {
    int n_worker;
    int n_run[ITEMS_MAX];                      /* plain: two runs of one item would be a race */
    _Atomic int n_bad_worker;
    int busy_us;
};

static void count(void *arg, int item, int worker)
{
    struct loop *l = arg;

    if (worker < 0 || worker >= l->n_worker)
        atomic_fetch_add(&l->n_bad_worker, 1);
    l->n_run[item]++;
    int64_t end = clock_ns() + l->busy_us * NS_PER_US;
    while (l->busy_us && clock_ns() < end)
        ;
}

static void run_checked(struct workers *w, int n_item, int busy_us)
{
    struct loop l = {.n_worker = workers_count(w), .busy_us = busy_us};

    workers_run(w, n_item, count, &l);
    assert_int_equal(l.n_bad_worker, 0);
    for (int i = 0; i < ITEMS_MAX; i++)
        assert_int_equal(l.n_run[i], i < n_item ? 1 : 0);
}

static void runs_each_item_once(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        struct workers *w = workers_new(threads[i]);
        assert_int_equal(workers_count(w), threads[i]);
        for (int n = 0; n <= 40; n++)
            run_checked(w, n, 0);
        for (int n = 0; n < 200; n++)
            run_checked(w, 1 + n % ITEMS_MAX, 0);
        workers_free(w);
    }
}

static void wakes_sleepers(void **state)
{
    (void)state;
    struct workers *w = workers_new(3);
    struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
    for (int i = 0; i < 20; i++) {
        nanosleep(&pause, NULL);
        run_checked(w, 1 + i, 100);
    }
    workers_free(w);
}

static void owner_sleeps_until_done(void **state)
{
    (void)state;
    struct workers *w = workers_new(4);
    for (int i = 0; i < 20; i++)
        run_checked(w, 4, 500);
    workers_free(w);
}

struct seen {
    _Atomic int n_worker_seen;
    _Atomic int here;
};

static void meet(void *arg, int item, int worker)
{
    struct seen *s = arg;
    (void)item, (void)worker;
    atomic_fetch_add(&s->here, 1);
    int64_t end = clock_ns() + 5 * NS_PER_S;
    while (atomic_load(&s->here) < 2 && clock_ns() < end)
        ;
    if (atomic_load(&s->here) == 2)
        atomic_fetch_add(&s->n_worker_seen, 1);
}

/* Two items that wait for each other can only end when two threads run them. */
static void items_run_at_the_same_time(void **state)
{
    (void)state;
    struct workers *w = workers_new(2);
    struct timespec pause = {.tv_nsec = 5 * NS_PER_MS};
    for (int i = 0; i < 4; i++) {
        struct seen s = {0};
        nanosleep(&pause, NULL);               /* so that the worker has to be woken */
        workers_run(w, 2, meet, &s);
        assert_int_equal(s.n_worker_seen, 2);
    }
    workers_free(w);
}

static void idle_workers_use_no_cpu(void **state)
{
    (void)state;
    struct workers *w = workers_new(3);
    struct timespec pause = {.tv_nsec = 200 * NS_PER_MS};
    run_checked(w, 10, 0);
    int64_t before = clock_process_cpu_ns();
    nanosleep(&pause, NULL);
    int64_t used = clock_process_cpu_ns() - before;
    if (used > 20 * NS_PER_MS)
        fail_msg("%lld us of CPU in 200 ms of idling", (long long)(used / NS_PER_US));
    workers_free(w);
    workers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_each_item_once),
        cmocka_unit_test(wakes_sleepers),
        cmocka_unit_test(owner_sleeps_until_done),
        cmocka_unit_test(items_run_at_the_same_time),
        cmocka_unit_test(idle_workers_use_no_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
