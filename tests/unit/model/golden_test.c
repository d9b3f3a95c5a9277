/* SPDX-License-Identifier: Apache-2.0
 *
 * Logits and greedy ids against the golden models, for every level that this CPU has.
 */
#include "fixture.h"

#include <math.h>

#define PROMPT_MAX 512
#define GREEDY_MAX 64

struct golden {
    const char *dir;
    const char *suffix;                /* of the logits files */
    const char *max_key, *rms_key;     /* tolerance keys; rms NULL: not checked */
    const char *f16_key;               /* with F16 KV; NULL: not run */
    bool is_exact;                     /* greedy ids must match to the end */
};

static const struct golden models[] = {
    {"arch/llama-gqa", "logits", "max_abs_f32_kv", NULL, "max_abs_f16_kv", true},
    {"arch/llama-tied-rope3", "logits", "max_abs_f32_kv", NULL, "max_abs_f16_kv", true},
    {"arch/qwen2", "logits", "max_abs_f32_kv", NULL, "max_abs_f16_kv", true},
    {"arch/qwen3", "logits", "max_abs_f32_kv", NULL, "max_abs_f16_kv", true},
    {"quant/F16", "exact", "float_activations_vs_exact_max_abs", NULL, NULL, true},
    {"quant/BF16", "exact", "float_activations_vs_exact_max_abs", NULL, NULL, true},
    {"quant/Q8_0", "exact", "quantized_activations_vs_exact_max_abs",
     "quantized_activations_vs_exact_rms", NULL, false},
    {"quant/Q4_0", "exact", "quantized_activations_vs_exact_max_abs",
     "quantized_activations_vs_exact_rms", NULL, false},
};

/* One sequence over the first pages. */
static const float *feed(struct rig *r, const int32_t *ids, int n, int pos0)
{
    static struct forward_token tok[PROMPT_MAX];
    static uint32_t page[RIG_CTX / KV_PAGE_LEN];
    for (uint32_t p = 0; p < RIG_CTX / KV_PAGE_LEN; p++)
        page[p] = p;
    for (int i = 0; i < n; i++)
        tok[i] = (struct forward_token){.id = ids[i], .pos = pos0 + i, .page = page,
                                        .logits_row = i == n - 1 ? 0 : -1};
    forward_run(r->forward, tok, n, r->kv);
    return forward_logits(r->forward, 0);
}

static void compare(const char *what, const float *got, const float *want, int n, double max,
                    double rms)
{
    double worst = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        worst = d > worst || isnan(d) ? d : worst;
        sum += d * d;
    }
    printf("%s: max %.2e (%.1e allowed), rms %.2e\n", what, worst, max, sqrt(sum / n));
    if (!(worst <= max) || !(sqrt(sum / n) <= rms))
        fail_msg("%s: max %g, rms %g; allowed %g, %g", what, worst, sqrt(sum / n), max, rms);
}

static void check_greedy(struct rig *r, const char *what, str json, size_t run, const float *logits,
                         int pos, double tolerance)
{
    double ids[GREEDY_MAX], gaps[GREEDY_MAX];
    int n = json_numbers(json, "greedy_ids", run, ids, GREEDY_MAX);
    assert_int_equal(json_numbers(json, "greedy_gap_to_second", run, gaps, GREEDY_MAX), n);
    assert_int_equal(n, 32);
    for (int i = 0; i < n && gaps[i] >= 2 * tolerance; i++) {
        int32_t id = argmax(logits, model_shape(r->model)->n_vocab);
        if (id != (int32_t)ids[i])
            fail_msg("%s: greedy id %d is %d, not %d", what, i, id, (int)ids[i]);
        logits = feed(r, &id, 1, pos + i);
    }
}

static void check_run(struct rig *r, const struct golden *g, struct arena *a, str json,
                      const char *run, double max, double rms)
{
    char what[128], file[64], id[32];
    double prompt[PROMPT_MAX];
    int32_t ids[PROMPT_MAX];
    snprintf(what, sizeof what, "%s %s %s", g->dir, run, kern_level_name(r->kern.level));
    snprintf(file, sizeof file, "%s.%s.f32", run, g->suffix);
    snprintf(id, sizeof id, "\"id\": \"%s\"", run);
    size_t at = str_find(json, str_of(id), 0);
    assert_true(at != SIZE_MAX);
    int n = json_numbers(json, "prompt_ids", at, prompt, PROMPT_MAX);
    assert_true(n > 4 && n < PROMPT_MAX);
    for (int i = 0; i < n; i++)
        ids[i] = (int32_t)prompt[i];
    str want = golden_read(a, g->dir, file);
    int n_vocab = model_shape(r->model)->n_vocab;
    assert_int_equal(want.n, (size_t)n_vocab * sizeof(float));
    const float *logits = feed(r, ids, n, 0);
    compare(what, logits, (const float *)(const void *)want.p, n_vocab, max, rms);
    check_greedy(r, what, json, at, logits, n, g->is_exact && max < 1e-2 ? 0 : max);
}

static void check_model(const struct golden *g, enum kern_level level, enum kv_type kv)
{
    struct arena *a = arena_new(0);
    str json = golden_read(a, g->dir, "expected.json");
    struct rig r;
    rig_open(&r, golden_path(a, g->dir, "model.gguf"), level, 2, kv, RIG_CTX / KV_PAGE_LEN);
    double max = json_number(json, kv == KV_F16 ? g->f16_key : g->max_key, 0);
    double rms = g->rms_key ? json_number(json, g->rms_key, 0) : INFINITY;
    assert_true(max > 0 && rms > 0);
    check_run(&r, g, a, json, "short", max, rms);
    check_run(&r, g, a, json, "long", max, rms);
    rig_close(&r);
    arena_free(a);
}

static void test_golden(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (!golden_path(a, models[i].dir, "model.gguf")) {
            printf("skipped %s: not in tests/golden nor under GOLDEN\n", models[i].dir);
            continue;
        }
        for (int level = 0; level < KERN_LEVEL_COUNT; level++) {
            struct kern k;
            if (kern_init(&k, (enum kern_level)level, NULL) != ERR_OK)
                continue;
            check_model(&models[i], (enum kern_level)level, KV_F32);
            if (models[i].f16_key)
                check_model(&models[i], (enum kern_level)level, KV_F16);
        }
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
