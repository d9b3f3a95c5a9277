/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring that comes while the scheduler is busy is remembered in is_rung, so no wake-up is lost.
 */
#include "engine/inbox.h"

#include "base/mem.h"
#include "base/thread.h"

struct inbox *inbox_new(int n_alive_max)
{
    struct inbox *ib = mem_alloc(sizeof *ib);
    pthread_mutex_init(&ib->lock, NULL);
    thread_cond_init(&ib->bell);
    list_init(&ib->list);
    ib->n_alive_max = n_alive_max;
    atomic_init(&ib->n_ref, 1);
    return ib;
}

void inbox_ref(struct inbox *ib)
{
    atomic_fetch_add_explicit(&ib->n_ref, 1, memory_order_relaxed);
}

void inbox_unref(struct inbox *ib)
{
    /* Release our writes, acquire everybody's before the memory goes. */
    if (atomic_fetch_sub_explicit(&ib->n_ref, 1, memory_order_acq_rel) != 1)
        return;
    pthread_cond_destroy(&ib->bell);
    pthread_mutex_destroy(&ib->lock);
    mem_free(ib);
}

enum err inbox_put(struct inbox *ib, struct list *item, struct error *e)
{
    pthread_mutex_lock(&ib->lock);
    bool is_closed = ib->is_closed;
    bool is_full = atomic_load_explicit(&ib->n_alive, memory_order_relaxed) >= ib->n_alive_max;
    if (!is_closed && !is_full) {
        atomic_fetch_add_explicit(&ib->n_alive, 1, memory_order_relaxed);
        list_add_tail(&ib->list, item);
        ib->is_rung = true;
        pthread_cond_signal(&ib->bell);
    }
    pthread_mutex_unlock(&ib->lock);
    if (is_closed)
        return err_set(e, ERR_SHUTDOWN, ERR_NO_POS, "the engine is shutting down");
    if (is_full)
        return err_set(e, ERR_BUSY, ERR_NO_POS, "%d sequences are running or waiting, try again "
                       "later", ib->n_alive_max);
    return ERR_OK;
}

void inbox_ring(struct inbox *ib)
{
    pthread_mutex_lock(&ib->lock);
    ib->is_rung = true;
    pthread_cond_signal(&ib->bell);
    pthread_mutex_unlock(&ib->lock);
}

void inbox_close(struct inbox *ib)
{
    pthread_mutex_lock(&ib->lock);
    ib->is_closed = true;
    ib->is_rung = true;
    pthread_cond_signal(&ib->bell);
    pthread_mutex_unlock(&ib->lock);
}

bool inbox_take(struct inbox *ib, struct list *out)
{
    pthread_mutex_lock(&ib->lock);
    while (!list_empty(&ib->list)) {
        struct list *item = ib->list.next;
        list_del(item);
        list_add_tail(out, item);
    }
    ib->is_rung = false;
    bool is_open = !ib->is_closed;
    pthread_mutex_unlock(&ib->lock);
    return is_open;
}

void inbox_wait(struct inbox *ib, int64_t deadline_ns)
{
    pthread_mutex_lock(&ib->lock);
    if (!ib->is_rung && !ib->is_closed)
        thread_cond_wait_until(&ib->bell, &ib->lock, deadline_ns);
    pthread_mutex_unlock(&ib->lock);
}
