/* SPDX-License-Identifier: Apache-2.0
 *
 * Who gets a place in the batch, and who gives it up.
 *
 * Order of admission: priority; then sequences that were passed too often, oldest first; then
 * the owner with the least service; then age. Service is the tokens an owner was given; one that
 * comes back after a pause starts at the current level, so nobody saves up turns. The rule for
 * passed sequences bounds the wait even when new owners keep arriving.
 *
 * Order of giving up pages: idle cached prefixes (oldest first), parked sequences, then the
 * lowest rank. A preempted sequence goes back to the queue with its ticket and is prefilled
 * again over prompt and output so far; because the forward pass is exact, nobody can tell.
 */
#include "engine/sched_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

static struct engine_seq *seq_of(struct list *link)
{
    return LIST_ENTRY(link, struct engine_seq, link);
}

/* ---- owners ---- */

static struct owner *owner_of(const struct sched *sc, const struct engine_seq *s)
{
    return &sc->owner[hash_fixed(0, &s->owner, sizeof s->owner) & (OWNER_BUCKETS - 1)];
}

void sched_charge(struct sched *sc, const struct engine_seq *s, uint64_t n_token)
{
    owner_of(sc, s)->service += n_token;
}

static void owner_enter(struct sched *sc, const struct engine_seq *s)
{
    struct owner *w = owner_of(sc, s);
    if (w->n_alive++ == 0 && w->service < sc->service_floor)
        w->service = sc->service_floor;
}

/* ---- arrivals ---- */

static void enqueue(struct sched *sc, struct engine_seq *s)
{
    s->state = SEQ_QUEUED;
    list_add_tail(&sc->queue, &s->link);
    sc->n_queued++;
}

bool sched_take_arrivals(struct sched *sc)
{
    struct list arrived;
    list_init(&arrived);
    bool is_open = inbox_take(sc->inbox, &arrived);
    while (!list_empty(&arrived)) {
        struct engine_seq *s = seq_of(arrived.next);
        list_del(&s->link);
        s->ticket = sc->n_ticket++;
        s->due = sc->n_admitted + (uint64_t)sc->n_queued + OVERTAKE_MAX;
        owner_enter(sc, s);
        enqueue(sc, s);
        /* A cancel may have been counted before the sequence was seen here. */
        if (atomic_load_explicit(&s->is_cancelled, memory_order_relaxed))
            sched_finish(sc, s, FINISH_CANCELLED);
    }
    return is_open;
}

/* ---- places ---- */

static bool ranks_before(const struct engine_seq *a, const struct engine_seq *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->ticket < b->ticket;
}

static void running_add(struct sched *sc, struct engine_seq *s)
{
    int at = sc->n_running++;
    for (; at > 0 && ranks_before(s, sc->running[at - 1]); at--)
        sc->running[at] = sc->running[at - 1];
    sc->running[at] = s;
}

static void running_remove(struct sched *sc, const struct engine_seq *s)
{
    int at = 0;
    while (sc->running[at] != s)
        at++;
    for (sc->n_running--; at < sc->n_running; at++)
        sc->running[at] = sc->running[at + 1];
}

/* Last page first: the prefix cache relies on it. */
static void drop_pages(struct sched *sc, struct engine_seq *s)
{
    while (s->n_page > 0)
        prefix_drop(&sc->prefix, s->page[--s->n_page]);
    s->n_shared = 0;
    s->n_done = 0;
    if (!s->has_prefilled)
        atomic_store_explicit(&s->n_cached, 0, memory_order_relaxed);
}

static void preempt(struct sched *sc, struct engine_seq *s)
{
    CHECK(s->state == SEQ_RUNNING && s->n_plan == 0);
    drop_pages(sc, s);
    running_remove(sc, s);
    enqueue(sc, s);
}

static bool is_parked(struct engine_seq *s)
{
    return atomic_load_explicit(&s->is_parked, memory_order_acquire);
}

static struct engine_seq *last_parked(const struct sched *sc)
{
    for (int i = sc->n_running; i-- > 0;) {
        if (is_parked(sc->running[i]))
            return sc->running[i];
    }
    return NULL;
}

/* The sequence that gives up its pages for s, or NULL. */
static struct engine_seq *victim_for(const struct sched *sc, const struct engine_seq *s)
{
    for (int i = sc->n_running; i-- > 0;) {
        struct engine_seq *v = sc->running[i];
        if (v != s && v->n_plan == 0 && v->n_page > 0 && is_parked(v))
            return v;
    }
    for (int i = sc->n_running; i-- > 0 && sc->running[i] != s;) {
        struct engine_seq *v = sc->running[i];
        if (v->n_plan == 0 && v->n_page > 0)
            return v;
    }
    return NULL;
}

bool sched_grow(struct sched *sc, struct engine_seq *s, int n_token)
{
    while (s->n_page < pages_of(n_token)) {
        uint32_t page = kv_take(&sc->kv);
        if (page != PAGE_NONE) {
            s->page[s->n_page++] = page;
            continue;
        }
        if (prefix_evict(&sc->prefix))
            continue;
        struct engine_seq *v = victim_for(sc, s);
        if (!v)
            return false;
        preempt(sc, v);
    }
    return true;
}

void sched_adopt(struct sched *sc, struct engine_seq *s)
{
    /* The last known token is always computed: its logits are what the step is for. */
    while (sc->o.prefix_cache && s->n_done % KV_PAGE_LEN == 0 &&
           s->n_done + KV_PAGE_LEN < s->n_token && s->n_shared * KV_PAGE_LEN == s->n_done) {
        uint32_t parent = s->n_shared > 0 ? s->page[s->n_shared - 1] : PAGE_NONE;
        uint32_t page = prefix_find(&sc->prefix, s->salt, parent, s->token + s->n_done);
        if (page == PAGE_NONE)
            return;
        CHECK(s->n_page == s->n_shared);   /* no page is taken before its step */
        prefix_hold(&sc->prefix, page);
        s->page[s->n_page++] = page;
        s->n_shared++;
        s->n_done += KV_PAGE_LEN;
        count_up(&sc->tokens_cached, KV_PAGE_LEN);
        if (!s->has_prefilled && s->n_done < s->n_prompt)
            atomic_fetch_add_explicit(&s->n_cached, KV_PAGE_LEN, memory_order_relaxed);
    }
}

/* ---- admission ---- */

/* Should a be admitted before b? */
static bool goes_before(const struct sched *sc, const struct engine_seq *a,
                        const struct engine_seq *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    bool a_due = a->due <= sc->n_admitted, b_due = b->due <= sc->n_admitted;
    if (a_due != b_due)
        return a_due;
    uint64_t a_service = owner_of(sc, a)->service, b_service = owner_of(sc, b)->service;
    if (!a_due && a_service != b_service)
        return a_service < b_service;
    return a->ticket < b->ticket;
}

static struct engine_seq *next_waiting(const struct sched *sc)
{
    struct engine_seq *best = NULL;
    LIST_EACH(link, &sc->queue) {
        struct engine_seq *s = seq_of(link);
        if (is_parked(s))
            continue;
        if (!best || goes_before(sc, s, best))
            best = s;
    }
    return best;
}

/* Pages that running sequences will still take for the tokens they know. */
static int pages_promised(const struct sched *sc)
{
    int n = 0;
    for (int i = 0; i < sc->n_running; i++) {
        const struct engine_seq *s = sc->running[i];
        int need = pages_of(s->n_token);
        n += need > s->n_page ? need - s->n_page : 0;
    }
    return n;
}

/* Room for its known tokens, and one page each for everybody to grow. */
static bool fits(const struct sched *sc, const struct engine_seq *s)
{
    int64_t left = (int64_t)kv_n_free(&sc->kv) + sc->prefix.n_idle - pages_promised(sc);
    return sc->n_running == 0 || left >= pages_of(s->n_token) - s->n_page + 1 + sc->n_running;
}

/* Makes a place and room for s, out of parked sequences where need be. */
static bool make_room(struct sched *sc, struct engine_seq *s)
{
    if (sc->n_running == sc->o.n_seq_max) {
        struct engine_seq *parked = last_parked(sc);
        if (!parked)
            return false;
        preempt(sc, parked);
    }
    sched_adopt(sc, s);
    while (!fits(sc, s)) {
        struct engine_seq *parked = last_parked(sc);
        if (!parked) {
            drop_pages(sc, s);
            return false;
        }
        preempt(sc, parked);
    }
    return true;
}

void sched_admit(struct sched *sc)
{
    while (sc->n_queued > 0 && (sc->n_running < sc->o.n_seq_max || last_parked(sc))) {
        struct engine_seq *s = next_waiting(sc);
        if (!s || !make_room(sc, s))
            return;
        list_del(&s->link);
        sc->n_queued--;
        s->state = SEQ_RUNNING;
        sc->n_admitted++;
        running_add(sc, s);
        struct owner *w = owner_of(sc, s);
        if (w->service > sc->service_floor)
            sc->service_floor = w->service;
        int n_output_max = s->n_token_max - s->n_prompt;
        if (s->n_token == s->n_prompt)
            w->service += (uint64_t)s->n_prompt +
                (uint64_t)(n_output_max < CHARGE_AHEAD ? n_output_max : CHARGE_AHEAD);
    }
}

/* ---- the end ---- */

void sched_finish(struct sched *sc, struct engine_seq *s, enum engine_finish finish)
{
    CHECK(s->state != SEQ_DONE);
    if (s->state == SEQ_RUNNING) {
        drop_pages(sc, s);
        running_remove(sc, s);
    } else {
        list_del(&s->link);
        sc->n_queued--;
    }
    s->state = SEQ_DONE;
    matcher_free(s->matcher);          /* here: a handle may outlive the mask space */
    s->matcher = NULL;
    owner_of(sc, s)->n_alive--;
    atomic_store(&s->is_parked, false);
    atomic_fetch_sub_explicit(&sc->inbox->n_alive, 1, memory_order_relaxed);
    struct engine_event last = {.token = TOKEN_NONE, .finish = finish};
    seq_push(s, &last);
    seq_unref(s);
}
