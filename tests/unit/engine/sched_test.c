/* SPDX-License-Identifier: Apache-2.0
 *
 * What the scheduler decides, step by step, with the simulator's fake model: who goes first, who
 * waits for whom, who gives way, and what a step may contain. Random runs are in tests/sim.
 */
#include "../../sim/audit.c"
#include "../../sim/fake_model.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct rig {
    struct fake_model model;
    struct sched *sc;
    int n_wake;
};

static void rig_open(struct rig *r, struct sched_options o)
{
    *r = (struct rig){0};
    o.n_vocab = FAKE_VOCAB;
    o.page_bytes = fake_page_bytes();
    o.n_ctx = o.n_ctx ? o.n_ctx : 1000;
    o.n_page = o.n_page ? o.n_page : 1000;
    o.n_queue_max = 10000;
    o.prefill_chunk = o.prefill_chunk ? o.prefill_chunk : 64;
    fake_init(&r->model, o.n_seq_max);
    o.stepper = fake_stepper(&r->model);
    assert_int_equal(sched_new(&o, &r->sc, NULL), ERR_OK);
}

static void rig_close(struct rig *r)
{
    sched_stop(r->sc);
    sched_free(r->sc);
    fake_done(&r->model);
}

static void on_wake(void *arg)
{
    struct rig *r = arg;
    r->n_wake++;
}

struct ask { int n_prompt, max_tokens, priority, kind; uint64_t owner, salt; };

/* kind: prompts of one kind begin alike. */
static struct engine_seq *submit(struct rig *r, struct ask a)
{
    int32_t prompt[1000];
    for (int i = 0; i < a.n_prompt; i++)
        prompt[i] = 1 + (i * 7 + a.kind * 13 + i / 32) % (FAKE_VOCAB - 1);
    struct engine_request q = {
        .prompt = prompt, .n_prompt = (size_t)a.n_prompt, .max_tokens = a.max_tokens,
        .sample = SAMPLE_DEFAULT, .ignore_eog = true, .n_top_logprobs = -1, .salt = a.salt,
        .priority = a.priority, .owner = a.owner, .wake = on_wake, .wake_arg = r};
    struct engine_seq *s;
    assert_int_equal(sched_submit(r->sc, &q, &s, NULL), ERR_OK);
    return s;
}

static void step(struct rig *r)
{
    r->model.now_ns++;
    assert_int_not_equal(sched_step(r->sc), TURN_CLOSED);
    audit(r->sc);
}

/* Reads what there is; true when it has ended. */
static bool drain(struct engine_seq *s, int *n_token)
{
    struct engine_event ev;
    while (engine_next(s, &ev)) {
        if (ev.finish != FINISH_NONE)
            return true;
        *n_token += 1;
    }
    return false;
}

static int steps_until_end(struct rig *r, struct engine_seq *s)
{
    int n_token = 0, n = 0;
    while (!drain(s, &n_token) && n < 100000) {
        step(r);
        n++;
    }
    return n;
}

static void test_priority_first(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, (struct sched_options){.n_seq_max = 1});
    struct engine_seq *s[4];
    static const int priority[4] = {0, 0, 5, -1};
    static const uint64_t want[4] = {1, 2, 0, 3};
    for (int i = 0; i < 4; i++)
        s[i] = submit(&r, (struct ask){.n_prompt = 4, .max_tokens = 3, .priority = priority[i]});
    for (int n_done = 0, n = 0; n_done < 4; n++) {
        int n_token = 0;
        assert_true(n < 100);
        step(&r);
        for (int i = 0; i < 4; i++) {
            if (!s[i] || !drain(s[i], &n_token))
                continue;
            assert_int_equal(n_done++, want[i]);
            engine_seq_free(s[i]);
            s[i] = NULL;
        }
    }
    rig_close(&r);
}

static int n_started(struct engine_seq **s, int from, int to)
{
    int n = 0;
    for (int i = from; i < to; i++)
        n += s[i]->state != SEQ_QUEUED;
    return n;
}

/* One owner has filled the queue; another one's requests still get half of the places. */
static void test_fair_share(void **state)
{
    (void)state;
    struct rig r;
    struct engine_seq *s[120];
    rig_open(&r, (struct sched_options){.n_seq_max = 4});
    for (int i = 0; i < 100; i++)
        s[i] = submit(&r, (struct ask){.n_prompt = 8, .max_tokens = 8, .owner = 1, .kind = i});
    step(&r);
    for (int i = 100; i < 120; i++)
        s[i] = submit(&r, (struct ask){.n_prompt = 8, .max_tokens = 8, .owner = 2, .kind = i});
    while (n_started(s, 100, 120) < 20) {
        step(&r);
        int heavy = n_started(s, 0, 100), light = n_started(s, 100, 120);
        if (light < 20 && heavy > light + 4 + 6)
            fail_msg("owner 1 started %d, owner 2 only %d", heavy, light);
    }
    assert_true(n_started(s, 0, 100) < 50);
    rig_close(&r);
    for (int i = 0; i < 120; i++)
        engine_seq_free(s[i]);
}

/* New owners all the time: an old one with a bad record is still served within the bound. */
static void test_no_starvation(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, (struct sched_options){.n_seq_max = 1});
    struct engine_seq *greedy = submit(&r, (struct ask){.n_prompt = 500, .max_tokens = 300,
                                                        .owner = 1});
    steps_until_end(&r, greedy);
    struct engine_seq *first = submit(&r, (struct ask){.n_prompt = 2, .max_tokens = 1, .owner = 2});
    struct engine_seq *victim = submit(&r, (struct ask){.n_prompt = 2, .max_tokens = 1,
                                                        .owner = 1});
    uint64_t owner = 1000;
    int n = 0;
    for (; victim->state == SEQ_QUEUED && n < 3 * OVERTAKE_MAX; n++) {
        struct engine_seq *other = submit(&r, (struct ask){.n_prompt = 2, .max_tokens = 1,
                                                           .owner = owner++});
        step(&r);
        engine_seq_free(other);
        step(&r);
    }
    if (n > OVERTAKE_MAX + 10)
        fail_msg("passed %d times, at most %d are allowed", n, OVERTAKE_MAX);
    assert_int_not_equal(victim->state, SEQ_QUEUED);
    engine_seq_free(greedy);
    engine_seq_free(first);
    engine_seq_free(victim);
    rig_close(&r);
}

/* Running streams get one token a step while a long prompt is prefilled. */
static void test_streams_keep_their_pace(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, (struct sched_options){.n_seq_max = 8, .prefill_chunk = 16});
    struct engine_seq *stream = submit(&r, (struct ask){.n_prompt = 3, .max_tokens = 200});
    step(&r);
    struct engine_seq *book = submit(&r, (struct ask){.n_prompt = 640, .max_tokens = 5, .kind = 1});
    for (int i = 0; i < 40; i++) {
        int n_token = 0;
        drain(stream, &n_token);
        assert_int_equal(n_token, 1);
        assert_int_equal(book->n_done, i * 16);
        step(&r);
    }
    assert_int_equal(book->n_token, 641);
    engine_seq_free(stream);
    engine_seq_free(book);
    rig_close(&r);
}

/* A short question behind a book gets half of the chunk; the book still moves. */
static void test_short_prompt_passes_long(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, (struct sched_options){.n_seq_max = 8, .prefill_chunk = 32});
    struct engine_seq *book = submit(&r, (struct ask){.n_prompt = 900, .max_tokens = 5});
    step(&r);
    struct engine_seq *ask = submit(&r, (struct ask){.n_prompt = 40, .max_tokens = 5, .kind = 1});
    for (int i = 0; i < 3; i++)
        step(&r);
    assert_true(ask->n_token > 40);
    assert_true(book->n_done >= 32 + 3 * 16);
    engine_seq_free(ask);
    engine_seq_free(book);
    rig_close(&r);
}

/* Eight times the same prompt at once: it is computed once. */
static void test_followers_wait(void **state)
{
    (void)state;
    struct rig r;
    struct engine_seq *s[8];
    int n_token = 0;
    rig_open(&r, (struct sched_options){.n_seq_max = 8, .prefill_chunk = 48,
                                        .prefix_cache = true});
    for (int i = 0; i < 8; i++)
        s[i] = submit(&r, (struct ask){.n_prompt = 330, .max_tokens = 1});
    while (!drain(s[7], &n_token))
        step(&r);
    step(&r);
    /* 10 full pages once, and the rest of the last page eight times. */
    assert_int_equal(r.model.n_token, 320 + 8 * 10);
    assert_int_equal(sched_stats(r.sc).tokens_cached, 7 * 320);
    for (int i = 0; i < 8; i++)
        engine_seq_free(s[i]);
    struct engine_seq *other = submit(&r, (struct ask){.n_prompt = 330, .max_tokens = 1,
                                                       .salt = 1});
    uint64_t before = r.model.n_token;
    steps_until_end(&r, other);
    assert_int_equal(r.model.n_token - before, 330);   /* another team shares nothing */
    engine_seq_free(other);
    rig_close(&r);
}

static void test_full_ring_parks(void **state)
{
    (void)state;
    struct rig r;
    int n_token = 0;
    rig_open(&r, (struct sched_options){.n_seq_max = 2});
    struct engine_seq *slow = submit(&r, (struct ask){.n_prompt = 3, .max_tokens = 500});
    struct engine_seq *fast = submit(&r, (struct ask){.n_prompt = 3, .max_tokens = 400, .kind = 1});
    assert_int_equal(steps_until_end(&r, fast), 400);
    assert_int_equal(slow->n_token, 3 + RING_LEN - 1);
    assert_int_equal(sched_step(r.sc), TURN_IDLE);
    /* Both places are taken by readers that sleep: new work takes the place of one. */
    struct engine_seq *other = submit(&r, (struct ask){.n_prompt = 3, .max_tokens = 400});
    struct engine_seq *third = submit(&r, (struct ask){.n_prompt = 3, .max_tokens = 7});
    assert_true(steps_until_end(&r, third) < 400);
    for (int n = 0; n < 4000 && !drain(slow, &n_token); n++)
        step(&r);
    assert_int_equal(n_token, 500);
    engine_seq_free(slow);
    engine_seq_free(fast);
    engine_seq_free(other);
    engine_seq_free(third);
    rig_close(&r);
}

/* A wake only when the ring was empty. */
static void test_wakes(void **state)
{
    (void)state;
    struct rig r;
    int n_token = 0;
    rig_open(&r, (struct sched_options){.n_seq_max = 2});
    struct engine_seq *s = submit(&r, (struct ask){.n_prompt = 3, .max_tokens = 20});
    for (int i = 0; i < 10; i++)
        step(&r);
    assert_int_equal(r.n_wake, 1);
    drain(s, &n_token);
    assert_int_equal(n_token, 10);
    for (int i = 0; i < 10; i++)
        step(&r);
    assert_int_equal(r.n_wake, 2);
    assert_true(drain(s, &n_token));
    engine_seq_free(s);
    s = submit(&r, (struct ask){.n_prompt = 3, .max_tokens = 20});
    engine_seq_free(s);
    step(&r);
    step(&r);
    assert_int_equal(r.n_wake, 2);     /* freed: no wake any more */
    assert_int_equal(sched_stats(r.sc).n_running + sched_stats(r.sc).n_queued, 0);
    rig_close(&r);
}

/* Pages run out while both decode: the younger one gives way and comes back. */
static void test_preemption(void **state)
{
    (void)state;
    struct rig r;
    int n_old = 0, n_young = 0;
    bool was_preempted = false;
    rig_open(&r, (struct sched_options){.n_seq_max = 2, .n_page = 6});
    struct engine_seq *old = submit(&r, (struct ask){.n_prompt = 20, .max_tokens = 120});
    struct engine_seq *young = submit(&r, (struct ask){.n_prompt = 20, .max_tokens = 120,
                                                       .kind = 1});
    bool old_ended = false, young_ended = false;
    for (int n = 0; n < 2000 && !young_ended; n++) {
        step(&r);
        assert_true(old_ended || old->state != SEQ_QUEUED);
        was_preempted |= young->state == SEQ_QUEUED;
        old_ended = old_ended || drain(old, &n_old);
        young_ended = young_ended || drain(young, &n_young);
    }
    assert_true(was_preempted);
    assert_int_equal(n_old, 120);
    assert_int_equal(n_young, 120);
    engine_seq_free(old);
    engine_seq_free(young);
    rig_close(&r);
}

static void test_cancel_gives_pages_back(void **state)
{
    (void)state;
    struct rig r;
    int n_token = 0;
    rig_open(&r, (struct sched_options){.n_seq_max = 1, .prefill_chunk = 8});
    struct engine_seq *running = submit(&r, (struct ask){.n_prompt = 300, .max_tokens = 5});
    struct engine_seq *queued = submit(&r, (struct ask){.n_prompt = 300, .max_tokens = 5});
    step(&r);
    assert_true(sched_stats(r.sc).kv_pages_used > 0);
    engine_cancel(running);
    engine_cancel(queued);
    engine_cancel(queued);
    step(&r);
    assert_int_equal(sched_stats(r.sc).kv_pages_used, 0);
    assert_true(drain(running, &n_token) && drain(queued, &n_token));
    assert_int_equal(n_token, 0);
    assert_int_equal(engine_usage_of(running).n_output, 0);
    engine_seq_free(running);
    engine_seq_free(queued);
    rig_close(&r);
}

static const float *nan_logits(void *arg, int row)
{
    static float bad[FAKE_VOCAB];
    (void)arg;
    (void)row;
    bad[5] = __builtin_nanf("");
    return bad;
}

static void test_bad_logits_end_the_sequence(void **state)
{
    (void)state;
    struct rig r;
    struct engine_event ev;
    rig_open(&r, (struct sched_options){.n_seq_max = 1});
    struct engine_seq *s = submit(&r, (struct ask){.n_prompt = 3, .max_tokens = 5});
    r.sc->o.stepper.logits = nan_logits;
    step(&r);
    assert_true(engine_next(s, &ev));
    assert_int_equal(ev.finish, FINISH_ERROR);
    assert_false(engine_next(s, &ev));
    engine_seq_free(s);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priority_first),
        cmocka_unit_test(test_fair_share),
        cmocka_unit_test(test_no_starvation),
        cmocka_unit_test(test_streams_keep_their_pace),
        cmocka_unit_test(test_short_prompt_passes_long),
        cmocka_unit_test(test_followers_wait),
        cmocka_unit_test(test_full_ring_parks),
        cmocka_unit_test(test_wakes),
        cmocka_unit_test(test_preemption),
        cmocka_unit_test(test_cancel_gives_pages_back),
        cmocka_unit_test(test_bad_logits_end_the_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
