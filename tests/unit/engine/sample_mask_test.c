/* SPDX-License-Identifier: Apache-2.0
 *
 * The sampler under a mask: only allowed tokens come out, with the odds they have among
 * themselves, whether few are allowed or many; what bias, cuts and penalties do then; logits that
 * must not be sampled from.
 */
#include "engine/sample.c"

#include "../test.h"

#define VOCAB_MAX 1000
#define N_DRAW 20000

static uint64_t mask[VOCAB_MAX / 64 + 1];

static void allow(int32_t id)
{
    mask[id / 64] |= (uint64_t)1 << id % 64;
}

static void allow_every(int step, int n_vocab)
{
    memset(mask, 0, sizeof mask);
    for (int32_t id = 0; id < n_vocab; id += step)
        allow(id);
}

static void allow_only(const int32_t *id, size_t n)
{
    memset(mask, 0, sizeof mask);
    for (size_t i = 0; i < n; i++)
        allow(id[i]);
}

static bool is_allowed(int32_t id)
{
    return mask[id / 64] >> id % 64 & 1;
}

static struct sample_params with(float temperature)
{
    struct sample_params p = SAMPLE_DEFAULT;
    p.temperature = temperature;
    p.seed = 11;
    return p;
}

/* Draws n times; counts per id. False stops at the first refusal. */
static bool draw_many(const struct sample_params *p, const float *logit, int n_vocab, int n,
                      int *count)
{
    struct sampler s;
    struct sample_space *w = sample_space_new(n_vocab);
    struct engine_event ev;
    bool is_ok = true;
    assert_int_equal(sampler_init(&s, p, n_vocab, 10, NULL), ERR_OK);
    memset(count, 0, (size_t)n_vocab * sizeof *count);
    for (int i = 0; i < n && is_ok; i++) {
        is_ok = sample_token(&s, w, logit, mask, -1, &ev);
        if (is_ok)
            count[ev.token]++;
    }
    sampler_done(&s);
    sample_space_free(w);
    return is_ok;
}

static int32_t one(const struct sample_params *p, const float *logit, int n_vocab)
{
    int count[VOCAB_MAX];
    if (!draw_many(p, logit, n_vocab, 1, count))
        return TOKEN_NONE;
    for (int32_t id = 0; id < n_vocab; id++) {
        if (count[id] > 0)
            return id;
    }
    return TOKEN_NONE;
}

static void random_logits(float *logit, int n, uint64_t seed)
{
    struct rng r;
    rng_seed(&r, seed);
    for (int i = 0; i < n; i++)
        logit[i] = (float)(rng_unit(&r) * 6 - 3);
}

/* Chi-square against softmax over the allowed tokens. */
static void check_odds(const float *logit, int n_vocab, const int *count, double t)
{
    double sum = 0, x2 = 0, pool_want = 0, pool_got = 0, df = 0;
    for (int i = 0; i < n_vocab; i++)
        sum += is_allowed(i) ? exp((double)logit[i] / t) : 0;
    for (int i = 0; i < n_vocab; i++) {
        double want = is_allowed(i) ? exp((double)logit[i] / t) / sum * N_DRAW : 0;
        if (!is_allowed(i))
            assert_int_equal(count[i], 0);
        if (want < 5) {
            pool_want += want;
            pool_got += count[i];
            continue;
        }
        x2 += (count[i] - want) * (count[i] - want) / want;
        df++;
    }
    if (pool_want >= 1)
        x2 += (pool_got - pool_want) * (pool_got - pool_want) / pool_want;
    if (x2 > df + 5 * sqrt(2 * df) + 10)
        fail_msg("%d tokens, temperature %g: chi-square %g at %g degrees", n_vocab, t, x2, df);
}

static void test_odds(void **state)
{
    (void)state;
    static const int sizes[] = {2, 63, 64, 65, 1000}, steps[] = {1, 2, 7, 8, 9, 100};
    static const float temperatures[] = {0.7f, 1, 5};
    float logit[VOCAB_MAX];
    int count[VOCAB_MAX];
    random_logits(logit, VOCAB_MAX, 5);
    for (size_t i = 0; i < N_OF(sizes); i++) {
        for (size_t k = 0; k < N_OF(steps); k++) {
            for (size_t t = 0; t < N_OF(temperatures); t++) {
                struct sample_params p = with(temperatures[t]);
                allow_every(steps[k], sizes[i]);
                assert_true(draw_many(&p, logit, sizes[i], N_DRAW, count));
                check_odds(logit, sizes[i], count, (double)temperatures[t]);
            }
        }
    }
}

/* A mask of everything changes nothing; the same draws come out. */
static void test_full_mask(void **state)
{
    (void)state;
    float logit[300];
    struct sampler a, b;
    struct sample_space *w = sample_space_new(300);
    struct sample_params p = with(1);
    struct engine_event x, y;
    p.top_p = 0.9f;
    p.min_p = 0.01f;
    random_logits(logit, 300, 6);
    allow_every(1, 300);
    assert_int_equal(sampler_init(&a, &p, 300, 10, NULL), ERR_OK);
    assert_int_equal(sampler_init(&b, &p, 300, 10, NULL), ERR_OK);
    for (int i = 0; i < 500; i++) {
        assert_true(sample_token(&a, w, logit, NULL, 3, &x));
        assert_true(sample_token(&b, w, logit, mask, 3, &y));
        assert_memory_equal(&x, &y, sizeof x);
    }
    sample_space_free(w);
}

static void test_greedy_and_cuts(void **state)
{
    (void)state;
    static const int32_t three[] = {100, 200, 300};
    float logit[VOCAB_MAX];
    int count[VOCAB_MAX];
    random_logits(logit, VOCAB_MAX, 7);
    logit[50] = 90;                    /* the likeliest by far, and banned */
    logit[100] = 1;
    logit[200] = 1.5f;
    logit[300] = 1;
    allow_only(three, 3);
    struct sample_params p = with(0);
    assert_int_equal(one(&p, logit, VOCAB_MAX), 200);
    p = with(1);
    p.top_k = 2;                       /* of what is allowed; the tie goes to the lower id */
    assert_true(draw_many(&p, logit, VOCAB_MAX, 1000, count));
    assert_true(count[100] > 0 && count[200] > 0 && count[300] == 0);
    assert_int_equal(count[100] + count[200], 1000);
    p = with(1);
    p.top_p = 0.1f;
    assert_int_equal(one(&p, logit, VOCAB_MAX), 200);
    p = with(1);
    p.min_p = 0.9f;
    assert_int_equal(one(&p, logit, VOCAB_MAX), 200);
    allow_every(1, VOCAB_MAX);         /* many */
    mask[0] &= ~((uint64_t)1 << 50);
    logit[999] = 80;
    p = with(0);
    assert_int_equal(one(&p, logit, VOCAB_MAX), 999);
}

static void test_bias(void **state)
{
    (void)state;
    static const struct token_bias bans[] = {{7, -INFINITY}, {8, -INFINITY}, {9, 3}, {50, 100}};
    static const int32_t few[] = {7, 8}, with_third[] = {7, 8, 9};
    float logit[VOCAB_MAX] = {0};
    int count[VOCAB_MAX];
    for (float t = 0; t < 2; t++) {
        struct sample_params p = with(t);
        p.bias = bans;
        p.n_bias = 4;
        allow_only(with_third, 3);     /* bans count while something is left; 50 is not lifted */
        assert_true(draw_many(&p, logit, VOCAB_MAX, 200, count));
        assert_int_equal(count[9], 200);
        allow_only(few, 2);            /* nothing is left: the grammar wins */
        assert_true(draw_many(&p, logit, VOCAB_MAX, 200, count));
        assert_int_equal(count[7] + count[8], 200);
        assert_true(t == 0 || (count[7] > 50 && count[8] > 50));
        allow_only(few, 1);
        assert_int_equal(one(&p, logit, VOCAB_MAX), 7);
    }
    struct sample_params p = with(0);
    struct token_bias down = {9, -5};  /* a finite bias counts beside bans that do not */
    p.bias = &down;
    p.n_bias = 1;
    allow_only(with_third, 3);
    logit[9] = 1;
    assert_int_equal(one(&p, logit, VOCAB_MAX), 7);
}

static void test_penalties(void **state)
{
    (void)state;
    static const int32_t two[] = {5, 600};
    float logit[VOCAB_MAX] = {0};
    struct sampler s;
    struct sample_space *w = sample_space_new(VOCAB_MAX);
    struct sample_params p = with(0);
    struct engine_event ev;
    p.presence_penalty = 2;
    logit[5] = 1;
    for (int many = 0; many < 2; many++) {
        assert_int_equal(sampler_init(&s, &p, VOCAB_MAX, 10, NULL), ERR_OK);
        if (many) {
            allow_every(1, VOCAB_MAX);
            logit[600] = 0.5f;
        } else {
            allow_only(two, 2);
        }
        assert_true(sample_token(&s, w, logit, mask, -1, &ev));
        assert_int_equal(ev.token, 5);
        sampler_note(&s, 5, true);
        sampler_note(&s, 300, true);   /* no candidate */
        assert_true(sample_token(&s, w, logit, mask, -1, &ev));
        assert_int_equal(ev.token, 600);
        sampler_done(&s);
    }
    sample_space_free(w);
}

static void test_bad_logits(void **state)
{
    (void)state;
    static const int32_t one_id[] = {3}, two[] = {3, 4};
    float logit[VOCAB_MAX] = {0};
    for (float t = 0; t < 2; t++) {
        struct sample_params p = with(t);
        allow_only(two, 0);
        assert_int_equal(one(&p, logit, VOCAB_MAX), TOKEN_NONE);
        allow_only(two, 2);
        logit[9] = NAN;                /* banned: not looked at */
        logit[10] = INFINITY;
        assert_true(one(&p, logit, VOCAB_MAX) >= 3);
        static const float bad[] = {NAN, INFINITY, -INFINITY};
        for (size_t i = 0; i < N_OF(bad); i++) {
            logit[3] = bad[i];
            logit[4] = i == 2 ? bad[i] : 0;
            assert_int_equal(one(&p, logit, VOCAB_MAX), TOKEN_NONE);
            allow_only(one_id, 1);
            assert_int_equal(one(&p, logit, VOCAB_MAX), TOKEN_NONE);
            allow_every(1, 8);         /* many; -INFINITY is a ban like another */
            assert_true((one(&p, logit, 8) == TOKEN_NONE) == (i < 2));
            allow_only(two, 2);
        }
        logit[3] = logit[4] = 0;
    }
}

static void test_logprobs(void **state)
{
    (void)state;
    static const int32_t only[] = {0};
    float logit[6] = {-2, 1, 1, 0.5f, 3, -INFINITY};
    struct sampler s;
    struct sample_params p = with(1);
    struct sample_space *w = sample_space_new(6);
    struct engine_event ev, given;
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += exp((double)logit[i]);
    allow_only(only, 1);
    assert_int_equal(sampler_init(&s, &p, 6, 4, NULL), ERR_OK);
    assert_true(sample_token(&s, w, logit, mask, 2, &ev));
    assert_int_equal(ev.token, 0);     /* of the raw distribution, not of what the mask left */
    assert_float_equal(ev.logprob, (float)(-2 - log(sum)), 1e-6f);
    assert_int_equal(ev.n_top, 2);
    assert_int_equal(ev.top[0].id, 4);
    assert_true(sample_given(logit, 6, 0, 2, &given));
    assert_memory_equal(&ev, &given, sizeof ev);
    assert_false(sample_given(logit, 6, 5, 2, &given));
    logit[2] = NAN;
    assert_false(sample_given(logit, 6, 0, 2, &given));
    assert_false(sample_token(&s, w, logit, mask, 2, &ev));
    sampler_done(&s);
    sample_space_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odds),
        cmocka_unit_test(test_full_mask),
        cmocka_unit_test(test_greedy_and_cuts),
        cmocka_unit_test(test_bias),
        cmocka_unit_test(test_penalties),
        cmocka_unit_test(test_bad_logits),
        cmocka_unit_test(test_logprobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
