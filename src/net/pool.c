/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pool.h"
#include "base/mem.h"
#include "base/thread.h"

struct pool {
    pthread_t *thread;                 /* [n_thread] owns */
    int n_thread;
    pthread_mutex_t lock;              /* guards the fields below */
    pthread_cond_t wake;
    struct pool_job *head, **tail;
    int n_queued, queue_max;
    bool closing;
};

static struct pool_job *take(struct pool *p)
{
    struct pool_job *job;

    pthread_mutex_lock(&p->lock);
    while (!p->head && !p->closing) pthread_cond_wait(&p->wake, &p->lock);
    job = p->head;
    if (job) {
        p->head = job->next;
        p->n_queued--;
    }
    if (!p->head) p->tail = &p->head;
    pthread_mutex_unlock(&p->lock);
    return job;
}

static void *pool_main(void *arg)
{
    struct pool_job *job;

    while ((job = take(arg))) {
        job->run(job->arg);
        loop_post(job->loop, &job->done);
    }
    return NULL;
}

struct pool *pool_new(int n_thread, int queue_max)
{
    struct pool *p = mem_alloc(sizeof *p);

    p->n_thread = n_thread;
    p->queue_max = queue_max;
    p->tail = &p->head;
    pthread_mutex_init(&p->lock, NULL);
    thread_cond_init(&p->wake);
    p->thread = mem_array((size_t)n_thread, sizeof *p->thread);
    for (int i = 0; i < n_thread; i++) p->thread[i] = thread_start("pool", pool_main, p);
    return p;
}

void pool_free(struct pool *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_thread; i++) thread_join(p->thread[i]);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    mem_free(p->thread);
    mem_free(p);
}

bool pool_post(struct pool *p, struct pool_job *job)
{
    bool taken;

    pthread_mutex_lock(&p->lock);
    taken = p->n_queued < p->queue_max && !p->closing;
    if (taken) {
        job->next = NULL;
        *p->tail = job;
        p->tail = &job->next;
        p->n_queued++;
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return taken;
}
