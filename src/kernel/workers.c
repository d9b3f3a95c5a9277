/* SPDX-License-Identifier: Apache-2.0
 *
 * A parallel loop is one 64-bit word, the ticket: the loop's number in the high half, the next
 * free item in the low half. An item is claimed by compare-and-swap on the whole word, so a
 * worker that wakes late and still holds the ticket of an older loop can claim nothing, and the
 * function it read beside that ticket is never called.
 *
 *   owner    closes the ticket; writes fn, arg, n_item; stores the new ticket (release)
 *                                                                    pairs with the acquire load
 *   anyone   claims item i, runs it, adds 1 to n_done (release)      pairs with the owner's load
 *   owner    returns when n_done == n_item; nobody can touch arg any more
 *
 * Sleeping: a side that would sleep announces it (n_asleep, owner_waits), then looks once more
 * under the mutex; the other side changes the word first and looks at the announcement after. Both
 * are sequentially consistent, so one of the two always sees the other.
 */
#include "kernel/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kernel/kern_internal.h"

#define SPIN_NS (20 * NS_PER_US)               /* the gap between two loops of one step */
#define SPIN_PAUSES 32                         /* between looks at the clock */
#define TICKET_CLOSED 0x7fffffffu              /* no loop has that many items left */

typedef void item_fn(void *arg, int item, int worker);

struct worker {
    struct workers *set;
    int index;
    pthread_t thread;
};

struct workers {
    _Atomic uint64_t ticket;
    _Atomic(item_fn *) fn;
    _Atomic(void *) arg;
    _Atomic int n_item;
    _Alignas(64) _Atomic int n_done;           /* off the line that claims are made on */
    _Atomic int n_asleep;
    _Atomic bool owner_waits;
    _Atomic bool is_stopped;
    pthread_mutex_t mutex;                     /* held only around the two waits and their wakes */
    pthread_cond_t work, done;
    int n;
    struct worker *worker;                     /* [n], 0 is the owner */
};

/* Claims an item and gives its function; false when the loop has none left. */
static bool claim(struct workers *w, item_fn **fn, void **arg, int *item)
{
    uint64_t t = atomic_load_explicit(&w->ticket, memory_order_acquire);

    for (;;) {
        *fn = atomic_load_explicit(&w->fn, memory_order_relaxed);
        *arg = atomic_load_explicit(&w->arg, memory_order_relaxed);
        *item = (int)(uint32_t)t;
        /* Acquire: who sees the next loop's n_item also sees that this ticket was closed. */
        if (*item >= atomic_load_explicit(&w->n_item, memory_order_acquire))
            return false;
        if (atomic_compare_exchange_weak_explicit(&w->ticket, &t, t + 1, memory_order_acq_rel,
                                                  memory_order_acquire))
            return true;
    }
}

static bool has_work(struct workers *w)
{
    uint64_t t = atomic_load(&w->ticket);
    return (int)(uint32_t)t < atomic_load_explicit(&w->n_item, memory_order_acquire);
}

static void run_items(struct workers *w, int worker)
{
    item_fn *fn;
    void *arg;
    int item;

    while (claim(w, &fn, &arg, &item)) {
        /* n_item belongs to this loop: it cannot end while the claimed item is open. */
        int n_item = atomic_load_explicit(&w->n_item, memory_order_relaxed);
        fn(arg, item, worker);
        if (atomic_fetch_add(&w->n_done, 1) + 1 == n_item && worker != 0 &&
            atomic_load(&w->owner_waits)) {
            pthread_mutex_lock(&w->mutex);
            pthread_cond_signal(&w->done);
            pthread_mutex_unlock(&w->mutex);
        }
    }
}

/* Waits for ready(w) without sleeping, for at most SPIN_NS. */
static bool spin(struct workers *w, bool (*ready)(struct workers *w))
{
    int64_t end = clock_ns() + SPIN_NS;

    do {
        for (int i = 0; i < SPIN_PAUSES; i++) {
            if (ready(w))
                return true;
            cpu_pause();
        }
    } while (clock_ns() < end);
    return false;
}

static bool wants_worker(struct workers *w)
{
    return has_work(w) || atomic_load(&w->is_stopped);
}

static bool is_done(struct workers *w)
{
    return atomic_load(&w->n_done) == atomic_load_explicit(&w->n_item, memory_order_relaxed);
}

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct workers *w = self->set;

    while (!atomic_load(&w->is_stopped)) {
        run_items(w, self->index);
        if (spin(w, wants_worker))
            continue;
        pthread_mutex_lock(&w->mutex);
        atomic_fetch_add(&w->n_asleep, 1);
        while (!wants_worker(w))
            pthread_cond_wait(&w->work, &w->mutex);
        atomic_fetch_sub(&w->n_asleep, 1);
        pthread_mutex_unlock(&w->mutex);
    }
    return NULL;
}

static void wake(struct workers *w, int n_wanted)
{
    if (atomic_load(&w->n_asleep) == 0)
        return;
    pthread_mutex_lock(&w->mutex);
    for (int i = 0; i < n_wanted; i++)
        pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
}

static void wait_done(struct workers *w)
{
    if (is_done(w) || spin(w, is_done))
        return;
    pthread_mutex_lock(&w->mutex);
    atomic_store(&w->owner_waits, true);
    while (!is_done(w))
        pthread_cond_wait(&w->done, &w->mutex);
    atomic_store(&w->owner_waits, false);
    pthread_mutex_unlock(&w->mutex);
}

struct workers *workers_new(int n)
{
    CHECK(n >= 1 && n <= WORKERS_MAX);
    struct workers *w = mem_try_aligned(_Alignof(struct workers), sizeof *w);
    CHECK(w);
    w->n = n;
    w->worker = mem_array((size_t)n, sizeof *w->worker);
    CHECK(pthread_mutex_init(&w->mutex, NULL) == 0);
    thread_cond_init(&w->work);
    thread_cond_init(&w->done);
    for (int i = 0; i < n; i++)
        w->worker[i] = (struct worker){.set = w, .index = i};
    for (int i = 1; i < n; i++)
        w->worker[i].thread = thread_start("compute", worker_main, &w->worker[i]);
    return w;
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    atomic_store(&w->is_stopped, true);
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->mutex);
    for (int i = 1; i < w->n; i++)
        thread_join(w->worker[i].thread);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->done);
    pthread_mutex_destroy(&w->mutex);
    mem_free(w->worker);
    mem_free(w);
}

int workers_count(const struct workers *w)
{
    return w->n;
}

void workers_run(struct workers *w, int n_item, void (*fn)(void *arg, int item, int worker),
                 void *arg)
{
    if (w->n == 1 || n_item <= 1) {
        for (int i = 0; i < n_item; i++)
            fn(arg, i, 0);
        return;
    }
    /* Every item of the last loop is done, so a late worker can only hold a full ticket. Close
     * the word before n_item grows: else that ticket would look open again. */
    uint64_t loop = (atomic_load_explicit(&w->ticket, memory_order_relaxed) >> 32) + 1;
    atomic_store(&w->ticket, loop << 32 | TICKET_CLOSED);
    atomic_store_explicit(&w->fn, fn, memory_order_relaxed);
    atomic_store_explicit(&w->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&w->n_done, 0, memory_order_relaxed);
    atomic_store_explicit(&w->n_item, n_item, memory_order_release);
    atomic_store(&w->ticket, loop << 32);
    wake(w, n_item - 1 < w->n - 1 ? n_item - 1 : w->n - 1);
    run_items(w, 0);
    wait_done(w);
}
