/* SPDX-License-Identifier: Apache-2.0
 *
 * One step: arrivals, cancellations, admission, plan, forward pass, output.
 *
 * The plan. Every sequence in decode gets one token, in order of rank. Then prefill_chunk more are
 * dealt: up to half of them to sequences in decode that lack more, because text was forced; of the
 * rest half to the shortest prompts, so that a short question does not wait behind a book, and
 * what is left by rank, so that the book is read at all. A sequence whose next page is being
 * computed by another one waits a step and takes it over.
 *
 * Somebody always moves: the first in rank that is not parked can take the pages of all others,
 * and one sequence alone always fits (sched_new cuts n_ctx to the pages).
 */
#include "engine/sched_internal.h"

#include "base/clock.h"
#include "base/mem.h"

/* ---- plan ---- */

static bool is_runnable(struct engine_seq *s)
{
    return !atomic_load_explicit(&s->is_parked, memory_order_acquire);
}

/* Tokens that may still go into this batch. While forced ones wait for the ring, the last known
 * token does too: logits are for the end of what is known. */
static int n_lacking(const struct engine_seq *s)
{
    return s->n_token - s->n_done - s->n_plan - has_forced(s);
}

/* The place behind s in running[]; preemption may have moved s from where it was. */
static int place_after(const struct sched *sc, const struct engine_seq *s, int hint)
{
    int i = hint < sc->n_running ? hint : sc->n_running - 1;
    while (sc->running[i] != s)
        i--;                           /* removals only move it towards the front */
    return i + 1;
}

/* Plans up to n more tokens of s, as far as pages go; gives their number. */
static int plan_tokens(struct sched *sc, struct engine_seq *s, int n)
{
    int from = s->n_done + s->n_plan, want = n_lacking(s) < n ? n_lacking(s) : n;
    bool is_grown = sched_grow(sc, s, from + want);
    int room = s->n_page * KV_PAGE_LEN - from;
    if (!is_grown && room < want)
        want = room;
    s->n_plan += want;
    return want;
}

static bool is_in_decode(const struct engine_seq *s)
{
    return s->n_done >= s->decode_from;
}

/* Gives how many of the n_spare tokens went to forced text. */
static int plan_decode(struct sched *sc, int n_spare)
{
    int left = n_spare;
    for (int i = 0; i < sc->n_running;) {
        struct engine_seq *s = sc->running[i];
        if (is_runnable(s)) {
            sched_adopt(sc, s);
            int n = is_in_decode(s) && n_lacking(s) > 0 ? plan_tokens(sc, s, 1 + left) : 0;
            left -= n > 1 ? n - 1 : 0;
        }
        i = place_after(sc, s, i);
    }
    return n_spare - left;
}

/* Does a compute the page that s needs next, in this step or at least in the last one? */
static bool computes_page_of(const struct sched *sc, const struct engine_seq *a,
                             const struct engine_seq *s)
{
    int at = s->n_done;
    if (a == s || a->salt != s->salt || a->n_done / KV_PAGE_LEN * KV_PAGE_LEN != at ||
        a->n_token < at + KV_PAGE_LEN)
        return false;
    if (a->n_shared != s->n_shared ||
        (s->n_shared > 0 && a->page[s->n_shared - 1] != s->page[s->n_shared - 1]))
        return false;
    if (memcmp(a->token + at, s->token + at, KV_PAGE_LEN * sizeof *a->token) != 0)
        return false;
    return a->n_plan > 0 || (a->n_done > at && a->step_last + 1 == sc->step);
}

static bool must_follow(const struct sched *sc, const struct engine_seq *s)
{
    if (!sc->o.prefix_cache || s->n_done % KV_PAGE_LEN != 0 ||
        s->n_done + KV_PAGE_LEN >= s->n_token)
        return false;
    for (int i = 0; i < sc->n_running; i++) {
        if (computes_page_of(sc, sc->running[i], s))
            return true;
    }
    return false;
}

/* Gives s up to n more prompt tokens; held when it gets none. */
static int plan_prompt(struct sched *sc, struct engine_seq *s, int n)
{
    bool must_wait = s->n_plan == 0 && must_follow(sc, s);
    int n_given = must_wait ? 0 : plan_tokens(sc, s, n);
    s->is_held = n_given == 0;
    return n_given;
}

static bool wants_prompt(struct engine_seq *s)
{
    return is_runnable(s) && !s->is_held && n_lacking(s) > 0 &&
        (s->n_plan > 0 || !is_in_decode(s));
}

static struct engine_seq *shortest_prompt(const struct sched *sc)
{
    struct engine_seq *best = NULL;
    for (int i = 0; i < sc->n_running; i++) {
        struct engine_seq *s = sc->running[i];
        if (s->n_plan > 0 || !wants_prompt(s))
            continue;
        if (!best || (s->priority == best->priority && n_lacking(s) < n_lacking(best)))
            best = s;                  /* running[] is sorted by priority */
    }
    return best;
}

static void plan_prefill(struct sched *sc, int budget)
{
    int half = (budget + 1) / 2;
    struct engine_seq *s;
    while (half > 0 && (s = shortest_prompt(sc)) != NULL) {
        int n = plan_prompt(sc, s, half);
        half -= n;
        budget -= n;
    }
    for (int i = 0; i < sc->n_running && budget > 0;) {
        s = sc->running[i];
        if (wants_prompt(s))
            budget -= plan_prompt(sc, s, budget);
        i = place_after(sc, s, i);
    }
}

static void batch_add(struct sched *sc, struct engine_seq *s)
{
    for (int i = 0; i < s->n_plan; i++) {
        int pos = s->n_done + i;
        sc->batch[sc->n_batch++] = (struct forward_token){
            .id = s->token[pos], .pos = pos, .page = s->page, .logits_row = -1};
    }
    if (s->n_done + s->n_plan < s->n_token)
        return;
    sc->batch[sc->n_batch - 1].logits_row = sc->n_row;
    sc->row[sc->n_row++].seq = s;
}

static void plan(struct sched *sc)
{
    int n_forced = plan_decode(sc, sc->o.prefill_chunk / 2);
    plan_prefill(sc, sc->o.prefill_chunk - n_forced);
    sc->n_batch = sc->n_row = 0;
    for (int i = 0; i < sc->n_running; i++) {
        if (sc->running[i]->n_plan > 0)
            batch_add(sc, sc->running[i]);
    }
}

/* ---- after the forward pass ---- */

/* Puts pages that became complete into the tree. */
static void share_pages(struct sched *sc, struct engine_seq *s)
{
    while (sc->o.prefix_cache && (s->n_shared + 1) * KV_PAGE_LEN <= s->n_done) {
        int i = s->n_shared++;
        s->page[i] = prefix_insert(&sc->prefix, s->salt, i > 0 ? s->page[i - 1] : PAGE_NONE,
                                   s->token + i * KV_PAGE_LEN, s->page[i]);
    }
}

static void advance(struct sched *sc)
{
    for (int i = 0; i < sc->n_running; i++) {
        struct engine_seq *s = sc->running[i];
        if (s->n_plan == 0)
            continue;
        if (s->n_done < s->n_prompt || !is_in_decode(s))
            count_up(&sc->tokens_prefilled, (uint64_t)s->n_plan);
        s->n_done += s->n_plan;
        s->n_plan = 0;
        s->step_last = sc->step;
        s->has_prefilled |= s->n_done >= s->n_prompt;
        share_pages(sc, s);
    }
}

static void run_batch(struct sched *sc)
{
    const struct stepper *st = &sc->o.stepper;
    st->run(st->arg, sc->batch, sc->n_batch, sc->kv.base);
    advance(sc);
    sched_output(sc);
}

/* ---- the step ---- */

static bool is_cancelled(const struct engine_seq *s)
{
    return atomic_load_explicit(&s->is_cancelled, memory_order_relaxed);
}

static void finish_cancelled(struct sched *sc)
{
    if (!atomic_exchange_explicit(&sc->inbox->has_cancel, false, memory_order_acquire))
        return;
    for (int i = sc->n_running; i-- > 0;) {
        if (is_cancelled(sc->running[i]))
            sched_finish(sc, sc->running[i], FINISH_CANCELLED);
    }
    LIST_EACH_SAFE(link, &sc->queue) {
        struct engine_seq *s = LIST_ENTRY(link, struct engine_seq, link);
        if (is_cancelled(s))
            sched_finish(sc, s, FINISH_CANCELLED);
    }
}

/* Forced text that waited for a reader, or with which an output begins. False: there was none. */
static bool give_forced(struct sched *sc)
{
    bool has_given = false;
    for (int i = sc->n_running; i-- > 0;) {        /* what ends leaves its place */
        struct engine_seq *s = sc->running[i];
        s->is_held = false;
        if (!has_forced(s) || !is_runnable(s))
            continue;
        sched_jump(sc, s);
        has_given = true;
    }
    return has_given;
}

static void publish(struct sched *sc)
{
    count_up(&sc->steps, 1);
    atomic_store_explicit(&sc->last_step_ns, sc->o.stepper.now_ns(sc->o.stepper.arg),
                          memory_order_relaxed);
    atomic_store_explicit(&sc->stat_running, sc->n_running, memory_order_relaxed);
    atomic_store_explicit(&sc->stat_used, sc->kv.n_page - kv_n_free(&sc->kv),
                          memory_order_relaxed);
    atomic_store_explicit(&sc->stat_cached, sc->prefix.n_idle, memory_order_relaxed);
}

static bool has_runnable(const struct sched *sc)
{
    for (int i = 0; i < sc->n_running; i++) {
        if (is_runnable(sc->running[i]))
            return true;
    }
    return false;
}

enum sched_turn sched_step(struct sched *sc)
{
    mem_guard_begin();
    sc->step++;
    sc->n_batch = 0;
    bool is_open = sched_take_arrivals(sc), has_given = false;
    if (is_open) {
        finish_cancelled(sc);
        sched_admit(sc);
        has_given = give_forced(sc);
        plan(sc);
        if (sc->n_batch > 0)
            run_batch(sc);
    }
    publish(sc);
    mem_guard_end();
    if (!is_open)
        return TURN_CLOSED;
    return sc->n_batch > 0 || has_given || has_runnable(sc) ? TURN_BUSY : TURN_IDLE;
}

void sched_wait(struct sched *sc, int64_t deadline_ns)
{
    inbox_wait(sc->inbox, deadline_ns);
}

void sched_stop(struct sched *sc)
{
    mem_guard_begin();
    inbox_close(sc->inbox);
    sched_take_arrivals(sc);
    while (sc->n_running > 0)
        sched_finish(sc, sc->running[sc->n_running - 1], FINISH_CANCELLED);
    while (!list_empty(&sc->queue))
        sched_finish(sc, LIST_ENTRY(sc->queue.next, struct engine_seq, link), FINISH_CANCELLED);
    publish(sc);
    mem_guard_end();
}

/* ---- any thread ---- */

enum err sched_submit(struct sched *sc, const struct engine_request *r, struct engine_seq **out,
                      struct error *e)
{
    const struct stepper *st = &sc->o.stepper;
    TRY(seq_new(r, &sc->limits, sc->inbox, out, e));
    struct engine_seq *s = *out;
    size_t n_output_max = (size_t)(s->n_token_max - s->n_prompt);
    enum err err = r->grammar
        ? constrain_matcher(&sc->constrain, r->grammar, n_output_max, &s->matcher, e) : ERR_OK;
    if (err != ERR_OK) {
        *out = NULL;
        seq_unref(s);
        return err;
    }
    atomic_store_explicit(&s->queued_ns, st->now_ns(st->arg), memory_order_relaxed);
    atomic_store_explicit(&s->n_owner, 2, memory_order_relaxed);   /* handle and scheduler */
    err = inbox_put(sc->inbox, &s->link, e);
    if (err == ERR_OK)
        return ERR_OK;
    *out = NULL;
    seq_unref(s);
    seq_unref(s);
    return err;
}

void sched_close(struct sched *sc)
{
    inbox_close(sc->inbox);
}

struct engine_stats sched_stats(const struct sched *sc)
{
    int n_alive = atomic_load_explicit(&sc->inbox->n_alive, memory_order_relaxed);
    struct engine_stats st = {
        .steps = atomic_load_explicit(&sc->steps, memory_order_relaxed),
        .last_step_ns = atomic_load_explicit(&sc->last_step_ns, memory_order_relaxed),
        .tokens_prefilled = atomic_load_explicit(&sc->tokens_prefilled, memory_order_relaxed),
        .tokens_cached = atomic_load_explicit(&sc->tokens_cached, memory_order_relaxed),
        .tokens_decoded = atomic_load_explicit(&sc->tokens_decoded, memory_order_relaxed),
        .tokens_forced = atomic_load_explicit(&sc->tokens_forced, memory_order_relaxed),
        .masks = atomic_load_explicit(&sc->masks, memory_order_relaxed),
        .mask_ns = atomic_load_explicit(&sc->mask_ns, memory_order_relaxed),
        .n_running = atomic_load_explicit(&sc->stat_running, memory_order_relaxed),
        .n_seq_max = sc->o.n_seq_max,
        .n_queue_max = sc->o.n_queue_max,
        .kv_pages = sc->kv.n_page,
        .kv_pages_used = atomic_load_explicit(&sc->stat_used, memory_order_relaxed),
        .kv_pages_cached = atomic_load_explicit(&sc->stat_cached, memory_order_relaxed),
    };
    st.n_queued = n_alive > st.n_running ? n_alive - st.n_running : 0;
    return st;
}

int sched_n_ctx(const struct sched *sc)
{
    return sc->limits.n_ctx;
}

/* ---- making ---- */

enum err sched_check(const struct sched_options *o, struct error *e)
{
    if (o->n_seq_max < 1 || o->n_seq_max > SCHED_SEQ_MAX)
        return err_set(e, ERR_ARG, ERR_NO_POS, "%d sequences at once, 1 to %d are allowed",
                       o->n_seq_max, SCHED_SEQ_MAX);
    if (o->n_queue_max < 0 || o->n_queue_max > SCHED_QUEUE_MAX)
        return err_set(e, ERR_ARG, ERR_NO_POS, "a queue of %d, 0 to %d are allowed",
                       o->n_queue_max, SCHED_QUEUE_MAX);
    if (o->prefill_chunk < 1 || o->prefill_chunk > SCHED_CHUNK_MAX)
        return err_set(e, ERR_ARG, ERR_NO_POS, "a prefill chunk of %d, 1 to %d are allowed",
                       o->prefill_chunk, SCHED_CHUNK_MAX);
    if (o->mask_pool_bytes != 0 && o->mask_pool_bytes < SCHED_MASK_POOL_MIN)
        return err_set(e, ERR_ARG, ERR_NO_POS, "a mask pool of %zu bytes, at least %zu are needed",
                       o->mask_pool_bytes, SCHED_MASK_POOL_MIN);
    if (o->n_ctx < 2)
        return err_set(e, ERR_ARG, ERR_NO_POS, "a context of %d, at least 2 are needed", o->n_ctx);
    return ERR_OK;
}

enum err sched_new(const struct sched_options *o, struct sched **out, struct error *e)
{
    *out = NULL;
    TRY(sched_check(o, e));
    struct sched *sc = mem_alloc(sizeof *sc);
    sc->o = *o;
    list_init(&sc->queue);
    enum err err = kv_init(&sc->kv, o->page_bytes, o->n_page, e);
    if (err == ERR_OK)
        err = prefix_init(&sc->prefix, &sc->kv, e);
    if (err == ERR_OK)
        err = constrain_init(&sc->constrain, o->vocab, o->mask_pool_bytes, o->n_seq_max, e);
    if (err != ERR_OK) {
        prefix_done(&sc->prefix);
        kv_done(&sc->kv);
        mem_free(sc);
        return err;
    }
    int64_t n_pos = (int64_t)o->n_page * KV_PAGE_LEN;
    sc->limits = (struct seq_limits){.n_vocab = o->n_vocab,
                                     .n_ctx = n_pos < o->n_ctx ? (int)n_pos : o->n_ctx};
    size_t n_seq = (size_t)o->n_seq_max, n_worker = (size_t)o->stepper.n_worker;
    sc->inbox = inbox_new(o->n_seq_max + o->n_queue_max);
    sc->running = mem_array(n_seq, sizeof *sc->running);
    sc->row = mem_array(n_seq, sizeof *sc->row);
    sc->batch = mem_array((size_t)o->prefill_chunk + n_seq, sizeof *sc->batch);
    sc->owner = mem_array(OWNER_BUCKETS, sizeof *sc->owner);
    sc->space = mem_array(n_worker, sizeof *sc->space);
    for (size_t i = 0; i < n_worker; i++)
        sc->space[i] = sample_space_new(o->n_vocab);
    publish(sc);
    *out = sc;
    return ERR_OK;
}

void sched_free(struct sched *sc)
{
    if (!sc)
        return;
    CHECK(sc->n_running == 0 && list_empty(&sc->queue));
    for (int i = 0; i < sc->o.stepper.n_worker; i++)
        sample_space_free(sc->space[i]);
    mem_free(sc->space);
    mem_free(sc->owner);
    mem_free(sc->batch);
    constrain_done(&sc->constrain);
    mem_free(sc->row);
    mem_free(sc->running);
    prefix_done(&sc->prefix);
    kv_done(&sc->kv);
    inbox_unref(sc->inbox);
    mem_free(sc);
}
