/* SPDX-License-Identifier: Apache-2.0
 *
 * The sampler: distributions by chi-square under fixed seeds, the borders of every cut, penalties,
 * bias, log-probabilities, and logits that must not be sampled from.
 */
#include "engine/sample.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_MAX 2000

static struct sample_params with(float temperature)
{
    struct sample_params p = SAMPLE_DEFAULT;
    p.temperature = temperature;
    p.seed = 7;
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
    assert_int_equal(sample_check(p, n_vocab, NULL), ERR_OK);
    assert_int_equal(sampler_init(&s, p, n_vocab, 10, NULL), ERR_OK);
    memset(count, 0, (size_t)n_vocab * sizeof *count);
    for (int i = 0; i < n && is_ok; i++) {
        is_ok = sample_token(&s, w, logit, NULL, -1, &ev);
        if (is_ok)
            count[ev.token]++;
    }
    sampler_done(&s);
    sample_space_free(w);
    return is_ok;
}

/* Chi-square of counts against softmax(logit / t); cells under 5 expected are pooled. */
static double chi_square(const float *logit, double t, int n_vocab, const int *count, int n,
                         int *n_cell)
{
    double sum = 0, x2 = 0, pool_want = 0, pool_got = 0;
    *n_cell = 0;
    for (int i = 0; i < n_vocab; i++)
        sum += exp((double)logit[i] / t);
    for (int i = 0; i < n_vocab; i++) {
        double want = exp((double)logit[i] / t) / sum * n;
        if (want < 5) {
            pool_want += want;
            pool_got += count[i];
            continue;
        }
        x2 += (count[i] - want) * (count[i] - want) / want;
        ++*n_cell;
    }
    if (pool_want >= 1) {
        x2 += (pool_got - pool_want) * (pool_got - pool_want) / pool_want;
        ++*n_cell;
    }
    return x2;
}

static void test_temperature_distribution(void **state)
{
    (void)state;
    static const float temperatures[] = {0.25f, 0.7f, 1, 2, 50};
    static const int sizes[] = {1, 2, 37, 1000};
    float logit[N_MAX];
    int count[N_MAX], n = 40000, n_cell;
    struct rng r;
    rng_seed(&r, 99);
    for (int i = 0; i < N_MAX; i++)
        logit[i] = (float)(rng_unit(&r) * 8 - 4);
    for (size_t i = 0; i < sizeof temperatures / sizeof *temperatures; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            struct sample_params p = with(temperatures[i]);
            assert_true(draw_many(&p, logit, sizes[j], n, count));
            double x2 = chi_square(logit, (double)temperatures[i], sizes[j], count, n, &n_cell);
            double df = n_cell - 1;
            /* Mean df, variance 2 df: five standard deviations and a little for small df. */
            if (x2 > df + 5 * sqrt(2 * df) + 10)
                fail_msg("temperature %g, %d tokens: chi-square %g at %g degrees",
                         (double)temperatures[i], sizes[j], x2, df);
        }
    }
}

static void test_same_seed_same_tokens(void **state)
{
    (void)state;
    float logit[50];
    int a[50], b[50];
    for (int i = 0; i < 50; i++)
        logit[i] = (float)(i % 7);
    struct sample_params p = with(1);
    assert_true(draw_many(&p, logit, 50, 100, a));
    assert_true(draw_many(&p, logit, 50, 100, b));
    assert_memory_equal(a, b, sizeof a);
    p.seed = 8;
    assert_true(draw_many(&p, logit, 50, 100, b));
    assert_memory_not_equal(a, b, sizeof a);
}

/* Which ids can come out? As text, "0134". */
static void possible(const struct sample_params *p, const float *logit, int n_vocab, char *out)
{
    int count[16];
    assert_true(draw_many(p, logit, n_vocab, 3000, count));
    for (int i = 0; i < n_vocab; i++) {
        if (count[i] > 0)
            *out++ = (char)('0' + i);
    }
    *out = '\0';
}

#define LN2 0.693147181f
static const float halves[6] = {0, -LN2, -2 * LN2, -3 * LN2, -4 * LN2, -5 * LN2};
static const float equal[6] = {1, 1, 1, 1, 1, 1};
static const float two_top[6] = {-9, 5, -9, 5, -9, 4};

static const struct cut_case {
    const float *logit;
    int top_k;
    float top_p, min_p;
    const char *want;
} cut_cases[] = {
    {equal, 0, 1, 0, "012345"},
    {equal, 3, 1, 0, "012"},            /* ties go to the lower id */
    {equal, 6, 1, 0, "012345"},
    {equal, 1000, 1, 0, "012345"},
    {equal, 1, 1, 0, "0"},
    {equal, 0, 0.5f, 0, "012"},         /* exactly half */
    {equal, 0, 0.51f, 0, "0123"},       /* the token that crosses the border is in */
    {equal, 0, 0, 0, "0"},              /* never empty */
    {equal, 0, 1e-9f, 0, "0"},
    {equal, 0, 1, 1, "012345"},
    {halves, 0, 0.5f, 0, "0"},
    {halves, 0, 0.6f, 0, "01"},
    {halves, 0, 0.77f, 0, "012"},
    {halves, 0, 1, 0.4f, "01"},
    {halves, 0, 1, 0.6f, "0"},
    {halves, 0, 1, 1, "0"},
    {halves, 2, 0.9f, 0, "01"},         /* top_p counts within top_k */
    {halves, 2, 0.6f, 0, "0"},
    {halves, 4, 0.99f, 0.2f, "012"},
    {two_top, 1, 1, 0, "1"},
    {two_top, 2, 1, 0, "13"},
    {two_top, 3, 1, 0, "135"},
    {two_top, 0, 0.3f, 0, "1"},
};

static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cut_cases / sizeof *cut_cases; i++) {
        const struct cut_case *c = &cut_cases[i];
        struct sample_params p = with(1);
        char got[16];
        p.top_k = c->top_k;
        p.top_p = c->top_p;
        p.min_p = c->min_p;
        possible(&p, c->logit, 6, got);
        if (strcmp(got, c->want) != 0)
            fail_msg("case %zu: got %s, want %s", i, got, c->want);
    }
}

static int by_weight(const void *a, const void *b)
{
    return comes_later(*(const struct weighted *)a, *(const struct weighted *)b) ? 1 : -1;
}

/* The cut without a sort against the cut with one, on many distributions. */
static void test_cut_against_sort(void **state)
{
    (void)state;
    struct rng r;
    struct sample_space *w = sample_space_new(N_MAX);
    struct weighted all[N_MAX];
    rng_seed(&r, 5);
    for (int round = 0; round < 200; round++) {
        float spread = (float)(rng_unit(&r) * 20), p = (float)rng_unit(&r);
        int steps = 1 + (int)rng_below(&r, 5000), k = 1 + (int)rng_below(&r, N_MAX - 1);
        for (int i = 0; i < N_MAX; i++)
            w->logit[i] = spread * (float)rng_below(&r, (uint64_t)steps) / (float)steps;
        float max = max_checked(w->logit, N_MAX);
        logits_to_weights(w->logit, N_MAX, max, 1);
        for (int i = 0; i < N_MAX; i++)
            all[i] = (struct weighted){w->logit[i], i};
        qsort(all, N_MAX, sizeof *all, by_weight);
        int n_keep = k;
        if (round % 2 == 0) {
            cut_top_k(w, k);
        } else {
            double total = 0, seen = 0;
            for (int i = 0; i < N_MAX; i++)
                total += (double)all[i].w;
            for (n_keep = 0; n_keep < N_MAX && seen < total * (double)p; n_keep++)
                seen += (double)all[n_keep].w;
            cut_top_p(w, p);
        }
        int n_got = 0, n_differ = 0;
        for (int i = 0; i < N_MAX; i++) {
            n_got += w->logit[i] > 0;
            n_differ += (w->logit[all[i].id] > 0) != (i < n_keep);
        }
        /* Sums in another order may move the border of top_p by one token. */
        if (n_differ > (round % 2))
            fail_msg("round %d: kept %d, want %d", round, n_got, n_keep);
    }
    sample_space_free(w);
}

static int32_t one(const struct sample_params *p, const float *logit, int n,
                   const int32_t *prompt, int n_prompt, const int32_t *output, int n_output)
{
    struct sampler s;
    struct sample_space *w = sample_space_new(n);
    struct engine_event ev;
    assert_int_equal(sample_check(p, n, NULL), ERR_OK);
    assert_int_equal(sampler_init(&s, p, n, (size_t)(n_prompt + n_output), NULL), ERR_OK);
    for (int i = 0; i < n_prompt; i++)
        sampler_note(&s, prompt[i], false);
    for (int i = 0; i < n_output; i++)
        sampler_note(&s, output[i], true);
    bool is_ok = sample_token(&s, w, logit, NULL, -1, &ev);
    sampler_done(&s);
    sample_space_free(w);
    return is_ok ? ev.token : TOKEN_NONE;
}

static void test_greedy(void **state)
{
    (void)state;
    struct sample_params p = with(0);
    float tie[5] = {1, 3, 2, 3, -INFINITY}, low[3] = {-5, -4, -6};
    assert_int_equal(one(&p, tie, 5, NULL, 0, NULL, 0), 1);
    assert_int_equal(one(&p, low, 3, NULL, 0, NULL, 0), 1);
    assert_int_equal(one(&p, equal, 6, NULL, 0, NULL, 0), 0);
    p = with(1e-30f);                  /* nearly greedy must not divide into NaN */
    assert_int_equal(one(&p, low, 3, NULL, 0, NULL, 0), 1);
}

static void test_penalties(void **state)
{
    (void)state;
    static const int32_t seen[] = {0, 0, 0, 1};
    float pos[4] = {4, 3.9f, 3, 0}, neg[4] = {-1, -1.1f, -1.5f, -9};
    struct sample_params p = with(0);
    p.repetition_penalty = 1.1f;       /* 3.636, 3.9 */
    assert_int_equal(one(&p, pos, 4, seen, 1, NULL, 0), 1);
    assert_int_equal(one(&p, pos, 4, NULL, 0, seen, 1), 1);   /* prompt and output alike */
    assert_int_equal(one(&p, neg, 4, seen, 2, NULL, 0), 0);   /* -1.1 against -1.1: lower id */
    p.repetition_penalty = 1.6f;
    assert_int_equal(one(&p, neg, 4, seen, 4, NULL, 0), 2);   /* away from zero below it too */
    p.repetition_penalty = 0.5f;                              /* under 1 it attracts */
    assert_int_equal(one(&p, pos, 4, seen + 3, 1, NULL, 0), 1);
    p = with(0);
    p.presence_penalty = 0.5f;
    assert_int_equal(one(&p, pos, 4, seen, 3, NULL, 0), 0);   /* only output counts */
    assert_int_equal(one(&p, pos, 4, NULL, 0, seen, 3), 1);
    assert_int_equal(one(&p, pos, 4, NULL, 0, seen, 4), 0);
    p = with(0);
    p.frequency_penalty = 0.5f;                               /* 0: -1.5, 1: -0.5 */
    assert_int_equal(one(&p, pos, 4, NULL, 0, seen, 4), 1);
    assert_int_equal(one(&p, pos, 4, seen, 4, NULL, 0), 0);
    p.frequency_penalty = -0.5f;
    assert_int_equal(one(&p, pos, 4, NULL, 0, seen + 3, 1), 1);
}

static void test_many_distinct_tokens(void **state)
{
    (void)state;
    struct sampler s;
    struct sample_params p = with(1);
    p.presence_penalty = 1;
    assert_int_equal(sampler_init(&s, &p, N_MAX, 5 * N_MAX, NULL), ERR_OK);
    for (int i = 0; i < 5 * N_MAX; i++)
        sampler_note(&s, i % N_MAX, i >= N_MAX);
    assert_int_equal(s.counts.n, N_MAX);
    for (uint32_t i = 0; i < s.counts.n; i++)
        assert_int_equal(s.counts.entry[i].n_output, 4);
    sampler_done(&s);
}

static void test_bias(void **state)
{
    (void)state;
    struct token_bias force[] = {{3, 100}}, ban[] = {{0, -100}, {1, -100}};
    struct token_bias none[] = {{0, -INFINITY}, {1, -INFINITY}, {2, -INFINITY}, {3, -INFINITY}};
    float logit[4] = {8, 7, 0, -8};
    struct sample_params p = with(1);
    char got[16];
    p.bias = force;
    p.n_bias = 1;
    possible(&p, logit, 4, got);
    assert_string_equal(got, "3");
    p.bias = ban;
    p.n_bias = 2;
    p.top_k = 1;
    possible(&p, logit, 4, got);
    assert_string_equal(got, "2");
    p.bias = none;
    p.n_bias = 4;
    assert_int_equal(one(&p, logit, 4, NULL, 0, NULL, 0), TOKEN_NONE);
    p.n_bias = 3;
    assert_int_equal(one(&p, logit, 4, NULL, 0, NULL, 0), 3);
    p.temperature = 0;
    p.n_bias = 4;
    assert_int_equal(one(&p, logit, 4, NULL, 0, NULL, 0), TOKEN_NONE);
}

static void test_bad_logits(void **state)
{
    (void)state;
    static const float bad[][3] = {
        {NAN, 1, 2}, {1, NAN, 2}, {1, 2, NAN}, {1, INFINITY, 2}, {INFINITY, INFINITY, 0},
        {-INFINITY, -INFINITY, -INFINITY}, {NAN, NAN, NAN}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int t = 0; t < 2; t++) {
            struct sample_params p = with((float)t);
            int32_t got = one(&p, bad[i], 3, NULL, 0, NULL, 0);
            if (got != TOKEN_NONE)
                fail_msg("case %zu temperature %d: token %d", i, t, got);
        }
    }
    struct sample_params p = with(1);
    float huge[3] = {FLT_MAX, -FLT_MAX, 0};
    assert_int_equal(one(&p, huge, 3, NULL, 0, NULL, 0), 0);
    p.repetition_penalty = SAMPLE_REPETITION_MIN;             /* overflows: refused, no crash */
    assert_int_equal(one(&p, huge, 3, (int32_t[]){0}, 1, NULL, 0), TOKEN_NONE);
}

static void test_logprobs(void **state)
{
    (void)state;
    float logit[6] = {-2, 1, 1, 0.5f, 3, -INFINITY};
    struct sampler s;
    struct sample_params p = with(0);
    struct token_bias bias = {0, 100};
    p.bias = &bias;                    /* forces token 0; its log-probability stays the raw one */
    p.n_bias = 1;
    struct sample_space *w = sample_space_new(6);
    struct engine_event ev;
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += exp((double)logit[i]);
    assert_int_equal(sampler_init(&s, &p, 6, 4, NULL), ERR_OK);
    assert_true(sample_token(&s, w, logit, NULL, 4, &ev));
    assert_int_equal(ev.token, 0);
    assert_float_equal(ev.logprob, (float)(-2 - log(sum)), 1e-6f);
    static const int32_t want[4] = {4, 1, 2, 3};
    assert_int_equal(ev.n_top, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ev.top[i].id, want[i]);
        assert_float_equal(ev.top[i].logprob, (float)((double)logit[want[i]] - log(sum)),
                           1e-6f);
    }
    assert_true(sample_token(&s, w, logit, NULL, ENGINE_TOP_LOGPROBS_MAX, &ev));
    assert_int_equal(ev.n_top, 6);     /* not more than there are tokens */
    assert_int_equal(ev.top[5].id, 5);
    assert_true(sample_token(&s, w, logit, NULL, 0, &ev));
    assert_int_equal(ev.n_top, 0);
    assert_float_equal(ev.logprob, (float)(-2 - log(sum)), 1e-6f);
    sampler_done(&s);
    sample_space_free(w);
}

static void test_exp(void **state)
{
    (void)state;
    for (float x = 0; x >= WEIGHT_LOG_MIN; x -= 0.001f) {
        double want = exp((double)x), got = (double)exp_small(x);
        if (fabs(got - want) > 3e-7 * want)
            fail_msg("exp(%g) = %.9g, want %.9g", (double)x, got, want);
    }
}

static const struct check_case { struct sample_params p; bool is_ok; } check_cases[] = {
#define CASE(ok, ...) {{.temperature = 1, .top_p = 1, .repetition_penalty = 1, __VA_ARGS__}, ok}
    CASE(true, .seed = 0),
    CASE(true, .min_p = 1),
    CASE(true, .top_k = 1000000),
    CASE(false, .top_k = -1),
    CASE(false, .min_p = -0.1f),
    CASE(false, .min_p = 1.1f),
    CASE(false, .min_p = NAN),
    CASE(false, .presence_penalty = INFINITY),
    CASE(false, .frequency_penalty = 1001),
    CASE(false, .n_bias = 1),
    CASE(false, .n_bias = -1),
    CASE(false, .n_bias = ENGINE_BIAS_MAX + 1),
#undef CASE
    {{.temperature = -1, .top_p = 1, .repetition_penalty = 1}, false},
    {{.temperature = NAN, .top_p = 1, .repetition_penalty = 1}, false},
    {{.temperature = INFINITY, .top_p = 1, .repetition_penalty = 1}, false},
    {{.temperature = 1, .top_p = 1.5f, .repetition_penalty = 1}, false},
    {{.temperature = 1, .top_p = NAN, .repetition_penalty = 1}, false},
    {{.temperature = 1, .top_p = 1, .repetition_penalty = 0}, false},
};

static void test_check(void **state)
{
    (void)state;
    struct error e;
    for (size_t i = 0; i < sizeof check_cases / sizeof *check_cases; i++) {
        enum err err = sample_check(&check_cases[i].p, 100, &e);
        if ((err == ERR_OK) != check_cases[i].is_ok)
            fail_msg("case %zu: %s", i, err == ERR_OK ? "accepted" : e.text);
    }
    static const struct token_bias bad[] = {{-1, 0}, {100, 0}, {5, NAN}, {5, INFINITY}, {5, 2e4f}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sample_params p = with(1);
        p.bias = &bad[i];
        p.n_bias = 1;
        assert_int_equal(sample_check(&p, 100, &e), ERR_ARG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_temperature_distribution),
        cmocka_unit_test(test_same_seed_same_tokens),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_cut_against_sort),
        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_penalties),
        cmocka_unit_test(test_many_distinct_tokens),
        cmocka_unit_test(test_bias),
        cmocka_unit_test(test_bad_logits),
        cmocka_unit_test(test_logprobs),
        cmocka_unit_test(test_exp),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
