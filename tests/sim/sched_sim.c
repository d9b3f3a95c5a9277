/* SPDX-License-Identifier: Apache-2.0
 *
 * The real scheduler with a fake model and a fake clock, on one thread: every run is its seed.
 * Random pools, prompts that share beginnings, random grammars, readers that are fast, slow, asleep
 * or gone, cancellations at any moment. After every step the books are audited; every sequence must
 * give the tokens that it gives alone, exactly one last event, and figures that match; what ends by
 * its grammar obeys it, and what is cut is the beginning of something that does.
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
#include "fake_grammar.h"
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
    struct vocab *vocab;
    struct mask_space *space;          /* for what a sequence gives alone */
    struct sched *sc;
    struct client client[CLIENTS_MAX];
    int n_client, n_client_max, n_busy, grammar_percent;
    int32_t stem[PROMPT_MAX];          /* what prompts begin with */
    int64_t turn;
    bool was_stuck, is_asleep;
    uint64_t n_cached, n_parked, n_preempted, n_forced, n_obeyed, n_reset;
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

/* One token at a time, a grammar's forced ones too. */
struct alone {
    struct client *c;
    const struct engine_request *r;
    struct sampler sampler;
    struct sample_space *space;
    struct matcher *matcher;           /* NULL: no grammar */
    int32_t forced[FORCED_MAX];
    size_t n_forced, forced_at;
    uint64_t hash;
};

static int32_t alone_choose(struct alone *a)
{
    float logits[FAKE_VOCAB];
    struct engine_event ev;
    const uint64_t *mask = NULL;
    if (a->matcher && a->forced_at == a->n_forced) {
        a->n_forced = matcher_forced(a->matcher, a->forced, FORCED_MAX);
        a->forced_at = 0;
    }
    if (a->forced_at < a->n_forced)
        return a->forced[a->forced_at++];
    fake_logits(a->hash, logits);
    if (a->matcher && !matcher_is_free(a->matcher))
        CHECK((mask = matcher_mask(a->matcher)) != NULL);
    CHECK(sample_token(&a->sampler, a->space, logits, mask, -1, &ev));
    return ev.token;
}

/* False: it has ended. */
static bool alone_step(struct alone *a)
{
    struct client *c = a->c;
    int32_t id = alone_choose(a);
    bool is_eog = id == FAKE_EOG && (a->matcher || !a->r->ignore_eog);
    CHECK(!a->matcher || matcher_accept(a->matcher, id));
    if (!is_eog) {
        c->expected[c->n_expected++] = id;
        a->hash = fake_extend(a->hash, id);
        sampler_note(&a->sampler, id, true);
    }
    if (!is_eog && !(a->matcher && matcher_must_end(a->matcher)))
        return true;
    c->finish_expected = FINISH_STOP;
    return false;
}

/* What ended is a whole text of the grammar, what was cut the beginning of one. */
static void check_obeys(struct sim *m, const struct client *c, struct grammar *g)
{
    struct matcher *bytes;
    size_t n_max = (size_t)c->n_expected * FAKE_PIECE_MAX;     /* each byte counts as a token */
    CHECK(matcher_new(m->space, g, n_max, &bytes, NULL) == ERR_OK);
    for (int i = 0; i < c->n_expected; i++)
        EXPECT(m, matcher_accept_bytes(bytes, vocab_piece(m->vocab, c->expected[i])));
    EXPECT(m, c->finish_expected != FINISH_STOP || matcher_may_end(bytes));
    m->n_obeyed += c->finish_expected == FINISH_STOP;
    matcher_free(bytes);
}

static void run_alone(struct client *c, const struct engine_request *r, int n_ctx)
{
    struct sim *m = c->sim;
    struct alone a = {.c = c, .r = r, .space = sample_space_new(FAKE_VOCAB)};
    int n_max = n_ctx - (int)r->n_prompt;
    n_max = r->max_tokens < n_max ? r->max_tokens : n_max;
    CHECK(sampler_init(&a.sampler, &r->sample, FAKE_VOCAB, r->n_prompt + (size_t)n_max, NULL) ==
          ERR_OK);
    CHECK(!r->grammar ||
          matcher_new(m->space, r->grammar, (size_t)n_max, &a.matcher, NULL) == ERR_OK);
    for (size_t i = 0; i < r->n_prompt; i++) {
        a.hash = fake_extend(a.hash, r->prompt[i]);
        sampler_note(&a.sampler, r->prompt[i], false);
    }
    c->expected = mem_array((size_t)n_max, sizeof *c->expected);
    c->finish_expected = FINISH_LENGTH;
    while (c->n_expected < n_max && alone_step(&a))
        continue;
    if (r->grammar)
        check_obeys(m, c, r->grammar);
    matcher_free(a.matcher);
    sampler_done(&a.sampler);
    sample_space_free(a.space);
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
    if (chance(m, m->grammar_percent))
        r.grammar = fake_grammar(&m->rng);
    c->reader = chance(m, 50) ? READER_FAST : (enum reader)below(m, READER_COUNT);
    struct error e;
    enum err err = sched_submit(m->sc, &r, &c->seq, &e);
    if (err == ERR_BUSY) {
        m->n_busy++;
    } else {
        EXPECT(m, err == ERR_OK);
        m->n_client++;
        run_alone(c, &r, n_ctx);
    }
    grammar_unref(r.grammar);          /* the sequence has its own reference */
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
        .prefix_cache = chance(m, 80),
        .mask_pool_bytes = chance(m, 50) ? SCHED_MASK_POOL_MIN : 0};   /* small: often reset */
    m->vocab = fake_vocab();
    o.vocab = m->vocab;
    fake_init(&m->model, o.n_seq_max);
    EXPECT(m, mask_space_new(m->vocab, 0, &m->space, NULL) == ERR_OK);
    o.stepper = fake_stepper(&m->model);
    EXPECT(m, sched_new(&o, &m->sc, NULL) == ERR_OK);
    m->n_client_max = 1 + below(m, CLIENTS_MAX);
    m->grammar_percent = chance(m, 70) ? below(m, 101) : 0;
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
    uint64_t before = m->model.n_token, n_given = sched_stats(m->sc).tokens_decoded;
    enum sched_turn turn = sched_step(m->sc);
    audit(m->sc);
    check_cancelled(m);
    EXPECT(m, turn != TURN_CLOSED);
    /* Busy turns without a token would be a spin; one may happen while a follower lets go. */
    bool has_moved = m->model.n_token > before || sched_stats(m->sc).tokens_decoded > n_given;
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

static void sim_end_books(struct sim *m)
{
    struct engine_stats st = sched_stats(m->sc);
    EXPECT(m, st.n_running == 0 && st.n_queued == 0);
    EXPECT(m, st.kv_pages_used == st.kv_pages_cached);
    EXPECT(m, st.tokens_cached >= m->n_cached);
    EXPECT(m, st.tokens_forced <= st.tokens_decoded);
    m->n_reset = mask_space_stats(m->sc->constrain.space).n_reset;
    m->n_forced = st.tokens_forced;
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
    mask_space_free(m->space);
    vocab_free(m->vocab);
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
    uint64_t n_forced = 0, n_obeyed = 0, n_reset = 0;
    for (int64_t i = 0; i < n; i++) {
        simulate(m, (uint64_t)(first + i));
        n_client += (uint64_t)m->n_client;
        n_turn += (uint64_t)m->turn;
        n_cached += m->n_cached;
        n_parked += m->n_parked;
        n_busy += (uint64_t)m->n_busy;
        n_preempted += m->n_preempted;
        n_forced += m->n_forced;
        n_obeyed += m->n_obeyed;
        n_reset += m->n_reset;
    }
    printf("%lld seeds: %llu sequences, %llu turns, %llu cached tokens, %llu parked turns, "
           "%llu preempted, %llu refused, %llu forced tokens, %llu ended by grammar, "
           "%llu mask pools reset\n",
           (long long)n, (unsigned long long)n_client, (unsigned long long)n_turn,
           (unsigned long long)n_cached, (unsigned long long)n_parked,
           (unsigned long long)n_preempted, (unsigned long long)n_busy,
           (unsigned long long)n_forced, (unsigned long long)n_obeyed,
           (unsigned long long)n_reset);
    mem_free(m);
    /* A run that never met the hard cases proves nothing. */
    bool has_met_all = n_cached > 0 && n_parked > 0 && n_busy > 0 && n_preempted > 0 &&
        n_forced > 0 && n_obeyed > 0;
    return has_met_all ? 0 : 1;
}
