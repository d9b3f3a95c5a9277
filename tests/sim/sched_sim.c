/* SPDX-License-Identifier: Apache-2.0
 *
 * The real scheduler with a fake model and a fake clock, on one thread: every run is its seed.
 * Random pools, prompts that share beginnings, readers that are fast, slow, asleep or gone,
 * cancellations at any moment. After every step the books are audited; every sequence must give
 * the tokens that it gives alone, exactly one last event, and figures that match.
 *
 *   sched_sim [FIRST_SEED [N_SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "fake_model.h"

#define CLIENTS_MAX 400
#define STEPS_MAX 400000
#define PROMPT_MAX 400

enum reader { READER_FAST, READER_SLOW, READER_STALLS, READER_NEVER, READER_COUNT };

struct client {
    struct engine_seq *seq;
    struct sim *sim;
    enum reader reader;
    bool is_awake, is_freed, was_cancelled, has_ended, was_running;
    int64_t stall_until;
    int32_t *expected;                 /* the tokens it gives alone */
    int n_expected, n_got;
    enum engine_finish finish, finish_expected;
    int n_prompt;
};

struct sim {
    uint64_t seed;
    struct rng rng;
    struct fake_model model;
    struct sched *sc;
    struct client client[CLIENTS_MAX];
    int n_client, n_client_max, n_busy;
    int32_t stem[PROMPT_MAX];          /* what prompts begin with */
    int64_t turn;
    bool was_stuck, is_asleep;
    uint64_t n_cached, n_parked, n_preempted;
};

static int below(struct sim *m, int n)
{
    return (int)rng_below(&m->rng, (uint64_t)n);
}

static bool chance(struct sim *m, int percent)
{
    return below(m, 100) < percent;
}

#define EXPECT(m, cond) \
    do { \
        if (!(cond)) { \
            fprintf(stderr, "seed %llu turn %lld: ", (unsigned long long)(m)->seed, \
                    (long long)(m)->turn); \
            check_failed(#cond, __FILE__, __LINE__); \
        } \
    } while (0)

/* ---- what a sequence gives alone ---- */

static void run_alone(struct client *c, const struct engine_request *r, int n_ctx)
{
    struct sampler sampler;
    struct sample_space *space = sample_space_new(FAKE_VOCAB);
    int n_max = n_ctx - (int)r->n_prompt;
    n_max = r->max_tokens < n_max ? r->max_tokens : n_max;
    CHECK(sampler_init(&sampler, &r->sample, FAKE_VOCAB, r->n_prompt + (size_t)n_max, NULL) ==
          ERR_OK);
    uint64_t hash = 0;
    for (size_t i = 0; i < r->n_prompt; i++) {
        hash = fake_extend(hash, r->prompt[i]);
        sampler_note(&sampler, r->prompt[i], false);
    }
    c->expected = mem_array((size_t)n_max, sizeof *c->expected);
    c->finish_expected = FINISH_LENGTH;
    while (c->n_expected < n_max) {
        float logits[FAKE_VOCAB];
        struct engine_event ev;
        fake_logits(hash, logits);
        CHECK(sample_token(&sampler, space, logits, -1, &ev));
        if (ev.token == FAKE_EOG && !r->ignore_eog) {
            c->finish_expected = FINISH_STOP;
            break;
        }
        c->expected[c->n_expected++] = ev.token;
        hash = fake_extend(hash, ev.token);
        sampler_note(&sampler, ev.token, true);
    }
    sampler_done(&sampler);
    sample_space_free(space);
}

/* ---- clients ---- */

static void on_wake(void *arg)
{
    struct client *c = arg;
    EXPECT(c->sim, !c->is_freed);
    mem_free(mem_alloc(1));            /* a reader may allocate: the guard is lifted */
    c->is_awake = true;
}

static void random_sampling(struct sim *m, struct sample_params *p)
{
    *p = SAMPLE_DEFAULT;
    p->seed = rng_next(&m->rng);
    if (chance(m, 40))
        p->temperature = 0;
    if (chance(m, 30))
        p->top_k = 1 + below(m, 50);
    if (chance(m, 30))
        p->top_p = (float)below(m, 101) / 100;
    if (chance(m, 20))
        p->repetition_penalty = 1.2f;
    if (chance(m, 20))
        p->frequency_penalty = 0.3f;
}

static void submit(struct sim *m)
{
    int32_t prompt[PROMPT_MAX];
    int n_ctx = sched_n_ctx(m->sc);
    int n_prompt = 1 + below(m, chance(m, 30) ? n_ctx - 1 : (n_ctx + 3) / 4);
    n_prompt = n_prompt < n_ctx ? n_prompt : n_ctx - 1;
    n_prompt = n_prompt < PROMPT_MAX ? n_prompt : PROMPT_MAX;
    int n_stem = chance(m, 60) ? n_prompt : below(m, n_prompt + 1);
    for (int i = 0; i < n_prompt; i++)
        prompt[i] = i < n_stem ? m->stem[i] : 1 + below(m, FAKE_VOCAB - 1);
    struct client *c = &m->client[m->n_client];
    *c = (struct client){.sim = m, .n_prompt = n_prompt};
    struct engine_request r = {
        .prompt = prompt, .n_prompt = (size_t)n_prompt, .max_tokens = 1 + below(m, 300),
        .ignore_eog = chance(m, 50), .n_top_logprobs = below(m, 5) - 1,
        .salt = (uint64_t)below(m, 2), .priority = chance(m, 20) ? below(m, 3) : 0,
        .owner = (uint64_t)below(m, 5), .wake = on_wake, .wake_arg = c};
    random_sampling(m, &r.sample);
    c->reader = chance(m, 50) ? READER_FAST : (enum reader)below(m, READER_COUNT);
    struct error e;
    enum err err = sched_submit(m->sc, &r, &c->seq, &e);
    if (err == ERR_BUSY) {
        m->n_busy++;
        return;
    }
    EXPECT(m, err == ERR_OK);
    m->n_client++;
    run_alone(c, &r, n_ctx);
}

static void take_event(struct client *c, const struct engine_event *ev)
{
    struct sim *m = c->sim;
    EXPECT(m, !c->has_ended);
    if (ev->finish == FINISH_NONE) {
        EXPECT(m, c->n_got < c->n_expected);
        EXPECT(m, ev->token == c->expected[c->n_got]);
        c->n_got++;
        return;
    }
    c->has_ended = true;
    c->finish = ev->finish;
    EXPECT(m, ev->token == TOKEN_NONE);
    if (c->finish != FINISH_CANCELLED) {
        EXPECT(m, c->n_got == c->n_expected);
        EXPECT(m, c->finish == c->finish_expected);
    } else {
        EXPECT(m, c->was_cancelled);
    }
    struct engine_usage u = engine_usage_of(c->seq);
    EXPECT(m, u.n_output == c->n_got && u.n_prompt == c->n_prompt);
    EXPECT(m, u.n_cached >= 0 && u.n_cached < u.n_prompt);
    EXPECT(m, (u.n_output > 0) == (u.first_token_ns > 0));
    EXPECT(m, u.queued_ns > 0 && u.last_token_ns >= u.first_token_ns);
    m->n_cached += (uint64_t)u.n_cached;
}

static void read_some(struct client *c, int n)
{
    struct engine_event ev;
    while (n-- > 0) {
        if (!engine_next(c->seq, &ev)) {
            c->is_awake = false;       /* sleeps until the next wake */
            return;
        }
        take_event(c, &ev);
    }
}

static void client_free(struct client *c)
{
    c->is_freed = true;
    struct engine_seq *s = c->seq;
    c->seq = NULL;
    engine_seq_free(s);
    mem_free(c->expected);
}

static void client_turn(struct client *c)
{
    struct sim *m = c->sim;
    if (c->is_freed)
        return;
    if (c->has_ended) {
        struct engine_event ev;
        EXPECT(m, !engine_next(c->seq, &ev));
        client_free(c);
        return;
    }
    if (chance(m, 1) && chance(m, 30)) {
        c->was_cancelled = true;
        engine_cancel(c->seq);
    }
    if (c->reader == READER_NEVER) {
        if (chance(m, 1))
            client_free(c);            /* gone without a word */
        return;
    }
    if (!c->is_awake || m->turn < c->stall_until)
        return;
    if (c->reader == READER_STALLS && chance(m, 2))
        c->stall_until = m->turn + below(m, 400);
    else
        read_some(c, c->reader == READER_SLOW ? below(m, 2) : 1000);
}

/* ---- one run ---- */

static void sim_open(struct sim *m, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->seed = seed;
    rng_seed(&m->rng, seed);
    struct sched_options o = {
        .n_vocab = FAKE_VOCAB, .page_bytes = fake_page_bytes(),
        .n_ctx = 2 + below(m, 400), .n_seq_max = 1 + below(m, 12),
        .n_queue_max = below(m, 60), .prefill_chunk = 1 + below(m, chance(m, 50) ? 8 : 200),
        .n_page = (uint32_t)(1 + below(m, chance(m, 50) ? 8 : 80)),
        .prefix_cache = chance(m, 80)};
    fake_init(&m->model, o.n_seq_max);
    o.stepper = fake_stepper(&m->model);
    EXPECT(m, sched_new(&o, &m->sc, NULL) == ERR_OK);
    m->n_client_max = 1 + below(m, CLIENTS_MAX);
    for (int i = 0; i < PROMPT_MAX; i++)
        m->stem[i] = 1 + below(m, FAKE_VOCAB - 1);
}

static int n_unfinished(const struct sim *m)
{
    int n = 0;
    for (int i = 0; i < m->n_client; i++)
        n += !m->client[i].is_freed;
    return n;
}

/* A cancelled sequence has given its pages back when the step is over. */
static void check_cancelled(const struct sim *m)
{
    for (int i = 0; i < m->n_client; i++) {
        const struct client *c = &m->client[i];
        if (!c->is_freed && c->was_cancelled)
            EXPECT(m, c->seq->state == SEQ_DONE && c->seq->n_page == 0);
    }
}

/* An idle scheduler may sleep: nobody waits for anything but a reader. */
static void check_idle(const struct sim *m)
{
    for (int i = 0; i < m->n_client; i++) {
        const struct client *c = &m->client[i];
        if (!c->is_freed)
            EXPECT(m, c->seq->state == SEQ_DONE || atomic_load(&c->seq->is_parked));
    }
}

static void sim_step(struct sim *m)
{
    uint64_t before = m->model.n_token;
    enum sched_turn turn = sched_step(m->sc);
    audit(m->sc);
    check_cancelled(m);
    EXPECT(m, turn != TURN_CLOSED);
    /* Busy turns without a token would be a spin; one may happen while a follower lets go. */
    bool has_moved = m->model.n_token > before;
    EXPECT(m, turn == TURN_IDLE || has_moved || !m->was_stuck);
    m->was_stuck = turn == TURN_BUSY && !has_moved;
    m->is_asleep = turn == TURN_IDLE;  /* until the bell: a lost ring shows as a standstill */
    if (turn == TURN_IDLE)
        check_idle(m);
}

static void sim_turn(struct sim *m, int rate)
{
    m->turn++;
    m->model.now_ns += below(m, 1000);
    while (m->n_client < m->n_client_max && chance(m, rate))
        submit(m);
    if (!m->is_asleep || m->sc->inbox->is_rung)
        sim_step(m);
    else
        check_idle(m);
    for (int i = 0; i < m->n_client; i++) {
        struct client *c = &m->client[i];
        if (!c->is_freed) {
            m->n_parked += atomic_load(&c->seq->is_parked);
            m->n_preempted += c->was_running && c->seq->state == SEQ_QUEUED;
            c->was_running = c->seq->state == SEQ_RUNNING;
        }
        client_turn(c);
    }
}

static void sim_end_books(const struct sim *m)
{
    struct engine_stats st = sched_stats(m->sc);
    EXPECT(m, st.n_running == 0 && st.n_queued == 0);
    EXPECT(m, st.kv_pages_used == st.kv_pages_cached);
    EXPECT(m, st.tokens_cached >= m->n_cached);
}

static void sim_close(struct sim *m)
{
    sched_close(m->sc);
    EXPECT(m, sched_step(m->sc) == TURN_CLOSED);
    sched_stop(m->sc);
    struct engine_request r = {.prompt = m->stem, .n_prompt = 1, .max_tokens = 1,
                               .sample = SAMPLE_DEFAULT};
    struct engine_seq *s;
    EXPECT(m, sched_submit(m->sc, &r, &s, NULL) == ERR_SHUTDOWN && s == NULL);
    audit(m->sc);
    sim_end_books(m);
    sched_free(m->sc);
    for (int i = 0; i < m->n_client; i++) {
        struct client *c = &m->client[i];
        if (c->is_freed)
            continue;
        c->was_cancelled = true;       /* handles outlive their engine */
        read_some(c, 1000);
        EXPECT(m, c->has_ended);
        engine_cancel(c->seq);
        client_free(c);
    }
    fake_done(&m->model);
}

static void simulate(struct sim *m, uint64_t seed)
{
    sim_open(m, seed);
    int rate = 1 + below(m, 60);
    int64_t last_turn = chance(m, 25) ? below(m, 500) : STEPS_MAX;
    do
        sim_turn(m, rate);
    while (m->turn < last_turn && (m->n_client < m->n_client_max || n_unfinished(m) > 0));
    EXPECT(m, m->turn < STEPS_MAX);    /* everybody was served */
    if (last_turn == STEPS_MAX) {
        sched_step(m->sc);             /* takes the last frees */
        sim_end_books(m);
    }
    sim_close(m);
}

int main(int argc, char **argv)
{
    int64_t first = 1, n = 60;
    if ((argc > 1 && !str_to_i64(str_of(argv[1]), &first)) ||
        (argc > 2 && !str_to_i64(str_of(argv[2]), &n)))
        return 2;
    struct sim *m = mem_alloc(sizeof *m);
    uint64_t n_client = 0, n_turn = 0, n_cached = 0, n_parked = 0, n_busy = 0, n_preempted = 0;
    for (int64_t i = 0; i < n; i++) {
        simulate(m, (uint64_t)(first + i));
        n_client += (uint64_t)m->n_client;
        n_turn += (uint64_t)m->turn;
        n_cached += m->n_cached;
        n_parked += m->n_parked;
        n_busy += (uint64_t)m->n_busy;
        n_preempted += m->n_preempted;
    }
    printf("%lld seeds: %llu sequences, %llu turns, %llu cached tokens, %llu parked turns, "
           "%llu preempted, %llu refused\n", (long long)n, (unsigned long long)n_client,
           (unsigned long long)n_turn, (unsigned long long)n_cached,
           (unsigned long long)n_parked, (unsigned long long)n_preempted,
           (unsigned long long)n_busy);
    mem_free(m);
    /* A run that never met the hard cases proves nothing. */
    return n_cached > 0 && n_parked > 0 && n_busy > 0 && n_preempted > 0 ? 0 : 1;
}
