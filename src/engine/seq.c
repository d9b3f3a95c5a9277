/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and freeing sequences, the event ring, and the reader's half of engine.h.
 *
 * Two sleeping parties, each solved the same way (Dekker): a side first publishes what it did
 * and then looks at the other's index, both sequentially consistent, so at least one of the two
 * sees the other.
 *   reader asleep     writer: store tail, load head; wakes when the ring was empty
 *                     reader: store head, load tail; sleeps when empty
 *   scheduler parked  writer: store is_parked, load head; goes on when drained
 *                     reader: store head, load is_parked; rings when drained
 */
#include "engine/seq.h"

#include "base/clock.h"
#include "base/mem.h"

static uint32_t n_unread(const struct engine_seq *s)
{
    return atomic_load(&s->tail) - atomic_load(&s->head);
}

/* ---- making ---- */

static enum err check_request(const struct engine_request *r, const struct seq_limits *limits,
                              struct error *e)
{
    if (!r->prompt || r->n_prompt == 0)
        return err_set(e, ERR_ARG, ERR_NO_POS, "the prompt has no tokens");
    if (r->n_prompt >= (size_t)limits->n_ctx)
        return err_set(e, ERR_CONTEXT, ERR_NO_POS, "the prompt has %zu tokens, the context holds "
                       "%d and must leave room for the answer", r->n_prompt, limits->n_ctx);
    for (size_t i = 0; i < r->n_prompt; i++) {
        if (r->prompt[i] < 0 || r->prompt[i] >= limits->n_vocab)
            return err_set(e, ERR_ARG, i, "prompt token %d is not in the vocabulary of %d",
                           r->prompt[i], limits->n_vocab);
    }
    if (r->max_tokens < 1)
        return err_set(e, ERR_ARG, ERR_NO_POS, "max_tokens is %d, it must be at least 1",
                       r->max_tokens);
    if (r->n_top_logprobs < -1 || r->n_top_logprobs > ENGINE_TOP_LOGPROBS_MAX)
        return err_set(e, ERR_ARG, ERR_NO_POS, "%d top logprobs, -1 to %d are allowed",
                       r->n_top_logprobs, ENGINE_TOP_LOGPROBS_MAX);
    return sample_check(&r->sample, limits->n_vocab, e);
}

static void seq_destroy(struct engine_seq *s)
{
    sampler_done(&s->sampler);
    matcher_free(s->matcher);
    mem_free(s->token);
    mem_free(s->page);
    mem_free(s->top);
    pthread_mutex_destroy(&s->wake_lock);
    if (s->inbox)
        inbox_unref(s->inbox);
    mem_free(s);
}

void seq_unref(struct engine_seq *s)
{
    /* Release our writes, acquire the other owner's before the memory goes. */
    if (atomic_fetch_sub_explicit(&s->n_owner, 1, memory_order_acq_rel) == 1)
        seq_destroy(s);
}

static enum err fill_arrays(struct engine_seq *s, const struct engine_request *r, int n_vocab,
                            struct error *e)
{
    size_t n_page = ((size_t)s->n_token_max + KV_PAGE_LEN - 1) / KV_PAGE_LEN;
    s->token = mem_try_alloc((size_t)s->n_token_max * sizeof *s->token);
    s->page = mem_try_alloc(n_page * sizeof *s->page);
    if (r->n_top_logprobs > 0)
        s->top = mem_try_alloc(RING_LEN * (size_t)r->n_top_logprobs * sizeof *s->top);
    if (!s->token || !s->page || (r->n_top_logprobs > 0 && !s->top))
        return err_set(e, ERR_BUSY, ERR_NO_POS, "no memory for one more sequence, try again later");
    TRY(sampler_init(&s->sampler, &r->sample, n_vocab, (size_t)s->n_token_max, e));
    memcpy(s->token, r->prompt, r->n_prompt * sizeof *s->token);
    for (size_t i = 0; i < r->n_prompt; i++)
        sampler_note(&s->sampler, r->prompt[i], false);
    return ERR_OK;
}

enum err seq_new(const struct engine_request *r, const struct seq_limits *limits,
                 struct inbox *ib, struct engine_seq **out, struct error *e)
{
    *out = NULL;
    TRY(check_request(r, limits, e));
    struct engine_seq *s = mem_alloc(sizeof *s);
    int n_prompt = (int)r->n_prompt, n_left = limits->n_ctx - n_prompt;
    s->n_token_max = n_prompt + (r->max_tokens < n_left ? r->max_tokens : n_left);
    s->n_prompt = s->n_token = n_prompt;
    s->decode_from = n_prompt - 1;
    s->asks_forced = r->grammar != NULL;
    s->n_top_logprobs = r->n_top_logprobs;
    s->salt = r->salt;
    s->owner = r->owner;
    s->priority = r->priority;
    s->ignore_eog = r->ignore_eog;
    s->wake = r->wake;
    s->wake_arg = r->wake_arg;
    pthread_mutex_init(&s->wake_lock, NULL);
    list_init(&s->link);
    atomic_init(&s->n_owner, 1);
    enum err err = fill_arrays(s, r, limits->n_vocab, e);
    if (err != ERR_OK) {
        seq_destroy(s);
        return err;
    }
    s->inbox = ib;
    inbox_ref(ib);
    *out = s;
    return ERR_OK;
}

/* ---- scheduler side ---- */

bool seq_has_room(const struct engine_seq *s)
{
    return n_unread(s) < RING_LEN - 1;
}

bool seq_has_drained(const struct engine_seq *s)
{
    return n_unread(s) <= RING_LEN / 2;
}

bool seq_park(struct engine_seq *s)
{
    if (seq_has_room(s))
        return false;
    atomic_store(&s->is_parked, true);
    if (!seq_has_drained(s))
        return true;
    atomic_store(&s->is_parked, false);
    return false;
}

static void wake_reader(struct engine_seq *s)
{
    /* The one place where a lock is held across a call out: free must be able to wait until a
     * wake under way is over. wake must not block and must not call back into the engine. */
    pthread_mutex_lock(&s->wake_lock);
    mem_guard_end();
    if (s->wake)
        s->wake(s->wake_arg);
    mem_guard_begin();
    pthread_mutex_unlock(&s->wake_lock);
}

void seq_push(struct engine_seq *s, const struct engine_event *ev)
{
    uint32_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    CHECK(n_unread(s) < RING_LEN);
    struct ring_slot *slot = &s->ring[tail % RING_LEN];
    *slot = (struct ring_slot){ev->token, (int32_t)ev->finish, ev->logprob, ev->n_top};
    if (ev->n_top > 0)
        memcpy(&s->top[tail % RING_LEN * (uint32_t)s->n_top_logprobs], ev->top,
               (size_t)ev->n_top * sizeof *s->top);
    atomic_store(&s->tail, tail + 1);
    if (atomic_load(&s->head) == tail)
        wake_reader(s);
}

/* ---- reader side, engine.h ---- */

bool engine_next(struct engine_seq *s, struct engine_event *ev)
{
    uint32_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
    if (atomic_load(&s->tail) == head)
        return false;
    const struct ring_slot *slot = &s->ring[head % RING_LEN];
    ev->token = slot->token;
    ev->finish = (enum engine_finish)slot->finish;
    ev->logprob = slot->logprob;
    ev->n_top = slot->n_top;
    if (slot->n_top > 0)
        memcpy(ev->top, &s->top[head % RING_LEN * (uint32_t)s->n_top_logprobs],
               (size_t)slot->n_top * sizeof *s->top);
    s->has_ended = ev->finish != FINISH_NONE;
    atomic_store(&s->head, head + 1);
    if (atomic_load(&s->is_parked) && seq_has_drained(s)) {
        atomic_store(&s->is_parked, false);
        inbox_ring(s->inbox);
    }
    return true;
}

void engine_cancel(struct engine_seq *s)
{
    if (s->has_ended || atomic_exchange_explicit(&s->is_cancelled, true, memory_order_relaxed))
        return;
    atomic_store_explicit(&s->inbox->has_cancel, true, memory_order_release);
    inbox_ring(s->inbox);
}

struct engine_usage engine_usage_of(const struct engine_seq *s)
{
    return (struct engine_usage){
        .n_prompt = s->n_prompt,
        .n_cached = atomic_load_explicit(&s->n_cached, memory_order_relaxed),
        .n_output = atomic_load_explicit(&s->n_output, memory_order_relaxed),
        .queued_ns = atomic_load_explicit(&s->queued_ns, memory_order_relaxed),
        .first_token_ns = atomic_load_explicit(&s->first_token_ns, memory_order_relaxed),
        .last_token_ns = atomic_load_explicit(&s->last_token_ns, memory_order_relaxed),
    };
}

void engine_seq_free(struct engine_seq *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->wake_lock);
    s->wake = NULL;
    pthread_mutex_unlock(&s->wake_lock);
    engine_cancel(s);
    seq_unref(s);
}
