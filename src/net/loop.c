/* SPDX-License-Identifier: Apache-2.0
 *
 * loop: a libevent base, a queue of mails and one-shot timers.
 *
 * Mails wait in `posted` under the mutex; the eventfd is written only when that queue was empty.
 * The loop thread detaches the whole queue into `batch` and runs it mail by mail, so a mail that a
 * mail posts runs in the next round, after sockets had their turn. The base has no locks: all of
 * it but loop_post and loop_stop belongs to the loop thread.
 */
#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"

struct mail_queue { struct mail *head, *tail; };

struct loop {
    struct event_base *base;
    struct event *wake;
    int wake_fd;
    atomic_bool stop;                          /* pairs: loop_stop sets, on_wake reads */
    pthread_mutex_t lock;                      /* guards posted */
    struct mail_queue posted;
    struct mail_queue batch;                   /* loop thread: detached, not yet run */
};

struct timer {
    struct event event;
    void (*fn)(void *arg);
    void *arg;
};

static void queue_add(struct mail_queue *q, struct mail *m)
{
    m->next = NULL;
    if (q->tail)
        q->tail->next = m;
    else
        q->head = m;
    q->tail = m;
}

static struct mail *queue_pop(struct mail_queue *q)
{
    struct mail *m = q->head;
    if (m) {
        q->head = m->next;
        if (!q->head)
            q->tail = NULL;
    }
    return m;
}

static bool queue_remove(struct mail_queue *q, struct mail *m)
{
    for (struct mail *prev = NULL, *at = q->head; at; prev = at, at = at->next) {
        if (at != m)
            continue;
        if (prev)
            prev->next = m->next;
        else
            q->head = m->next;
        if (q->tail == m)
            q->tail = prev;
        return true;
    }
    return false;
}

static void wake_up(struct loop *l)
{
    uint64_t one = 1;
    ssize_t n;
    do
        n = write(l->wake_fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
    CHECK(n == (ssize_t)sizeof one || errno == EAGAIN);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *l = arg;
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;

    pthread_mutex_lock(&l->lock);
    l->batch = l->posted;
    l->posted = (struct mail_queue){NULL, NULL};
    pthread_mutex_unlock(&l->lock);

    for (struct mail *m; (m = queue_pop(&l->batch)) != NULL;) {
        /* Cleared first: a post from now on queues the mail again and is not lost. */
        atomic_store(&m->queued, false);
        m->fn(m->arg);
    }
    if (atomic_load(&l->stop))
        event_base_loopbreak(l->base);
}

struct loop *loop_new(void)
{
    struct loop *l = mem_alloc(sizeof *l);
    struct event_config *config = event_config_new();
    CHECK(config != NULL);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    l->base = event_base_new_with_config(config);
    event_config_free(config);
    CHECK(l->base != NULL);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(l->wake_fd >= 0);
    pthread_mutex_init(&l->lock, NULL);
    l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    CHECK(l->wake && event_add(l->wake, NULL) == 0);
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    event_free(l->wake);
    event_base_free(l->base);
    close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}

void loop_run(struct loop *l)
{
    event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stop, true);
    wake_up(l);
}

void loop_post(struct loop *l, struct mail *m)
{
    if (atomic_exchange(&m->queued, true))
        return;
    pthread_mutex_lock(&l->lock);
    bool was_empty = l->posted.head == NULL;
    queue_add(&l->posted, m);
    pthread_mutex_unlock(&l->lock);
    if (was_empty)
        wake_up(l);
}

void loop_unpost(struct loop *l, struct mail *m)
{
    if (!atomic_load(&m->queued))
        return;
    if (!queue_remove(&l->batch, m)) {
        pthread_mutex_lock(&l->lock);
        queue_remove(&l->posted, m);
        pthread_mutex_unlock(&l->lock);
    }
    atomic_store(&m->queued, false);
}

struct event_base *loop_base(struct loop *l)
{
    return l->base;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct timer *t = arg;
    t->fn(t->arg);
}

struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct timer *t = mem_alloc(sizeof *t);
    t->fn = fn;
    t->arg = arg;
    CHECK(evtimer_assign(&t->event, l->base, on_timer, t) == 0);
    return t;
}

void timer_start(struct timer *t, int64_t delay_ms)
{
    if (delay_ms < 0)
        delay_ms = 0;
    struct timeval tv = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    CHECK(evtimer_add(&t->event, &tv) == 0);
}

void timer_stop(struct timer *t)
{
    evtimer_del(&t->event);
}

void timer_free(struct timer *t)
{
    if (!t)
        return;
    evtimer_del(&t->event);
    mem_free(t);
}
