/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything but the matrix product, on every level that this CPU has, against the scalar level
 * or against double arithmetic; buffers end at forbidden pages. Levels and their names.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rand.h"
#include "guarded.h"
#include "kernel/kern_internal.h"

static bool level_init(struct kern *k, enum kern_level level)
{
    if (kern_init(k, level, NULL) == ERR_OK)
        return true;
    if (level != KERN_NEON)
        print_message("skipped: no %s here\n", kern_level_name(level));
    return false;
}

static float *random_floats(struct guarded *mem, struct rng *r, int n, double size)
{
    float *x = guarded_alloc(mem, (size_t)n * sizeof *x);
    for (int i = 0; i < n; i++)
        x[i] = (float)((2 * rng_unit(r) - 1) * size);
    return x;
}

static void close_to(const struct kern *k, const char *what, int i, float got, double want,
                     double bound)
{
    if (!(fabs((double)got - want) <= bound))
        fail_msg("%s %s at %d: %.9g, expected %.9g +- %g", kern_level_name(k->level), what, i,
                 (double)got, want, bound);
}

static void rms_norm_is_close(void **state)
{
    (void)state;
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (int n = 1; n <= 4096; n = n < 70 ? n + 1 : n * 2) {
            struct guarded mem = {0};
            struct kern k;
            struct rng r;
            if (!level_init(&k, l))
                break;
            rng_seed(&r, (uint64_t)n);
            float *x = random_floats(&mem, &r, n, 10), *w = random_floats(&mem, &r, n, 2);
            float *y = guarded_alloc(&mem, (size_t)n * sizeof *y);
            k.rms_norm(y, x, w, n, 1e-5f);
            double sum = 0;
            for (int i = 0; i < n; i++)
                sum += (double)x[i] * (double)x[i];
            double inverse = 1 / sqrt(sum / n + (double)1e-5f);
            for (int i = 0; i < n; i++) {
                double want = (double)x[i] * inverse * (double)w[i];
                close_to(&k, "rms_norm", i, y[i], want, 1e-6 * fabs(want));
            }
            k.rms_norm(x, x, w, n, 1e-5f);
            assert_memory_equal(x, y, (size_t)n * sizeof *x);
            memset(x, 0, (size_t)n * sizeof *x);
            k.rms_norm(y, x, w, n, 1e-5f);
            for (int i = 0; i < n; i++)
                close_to(&k, "rms_norm of zeros", i, y[i], 0, 0);
            guarded_done(&mem);
        }
}

static void add_adds(void **state)
{
    (void)state;
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (int n = 0; n <= 40; n++) {
            struct guarded mem = {0};
            struct kern k;
            struct rng r;
            if (!level_init(&k, l))
                break;
            rng_seed(&r, 9);
            float *x = random_floats(&mem, &r, n, 1), *y = random_floats(&mem, &r, n, 1), want[40];
            for (int i = 0; i < n; i++)
                want[i] = y[i] + x[i];
            k.add(y, x, n);
            assert_memory_equal(y, want, (size_t)n * sizeof *y);
            guarded_done(&mem);
        }
}

/* The relative bound covers exp (2e-7), 1 + e, the quotient and the product. */
static void silu_mul_is_close(void **state)
{
    (void)state;
    enum { N = 4003 };
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++) {
        struct guarded mem = {0};
        struct kern k;
        struct rng r;
        if (!level_init(&k, l))
            continue;
        rng_seed(&r, 2);
        float *gate = random_floats(&mem, &r, N, 1), *up = random_floats(&mem, &r, N, 3);
        float *y = guarded_alloc(&mem, N * sizeof *y);
        for (int i = 0; i < N; i++)
            gate[i] = gate[i] * 1e-3f + (float)(i - N / 2) * 0.06f;
        k.silu_mul(y, gate, up, N);
        for (int i = 0; i < N; i++) {
            double g = (double)gate[i], want = g / (1 + exp(-g)) * (double)up[i];
            close_to(&k, "silu_mul", i, y[i], want, 4.5e-7 * fabs(want) + 1e-35);
        }
        static const float edge[] = {INFINITY, 200, -200, -88.5f, -0.0f, 1e-40f, 3e38f};
        for (size_t i = 0; i < sizeof edge / sizeof edge[0]; i++) {
            float one = 1, out, g = edge[i];
            k.silu_mul(&out, &g, &one, 1);
            if (g < 0)
                close_to(&k, "silu_mul below", (int)i, out, 0, 1e-35);
            else
                assert_true(out == g || (g < 1 && out <= g));
        }
        float nan = NAN, one = 1, out;
        k.silu_mul(&out, &nan, &one, 1);
        assert_true(isnan(out));
        guarded_done(&mem);
    }
}

static void rope_turns_pairs(void **state)
{
    (void)state;
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (int n_rot = 2; n_rot <= 64; n_rot += 2)
            for (enum rope_kind kind = ROPE_PAIR; kind <= ROPE_HALF; kind++) {
                struct guarded mem = {0};
                struct kern k;
                struct rng r;
                if (!level_init(&k, l))
                    continue;
                rng_seed(&r, (uint64_t)n_rot);
                float *x = random_floats(&mem, &r, 64, 1), was[64];
                float *c = random_floats(&mem, &r, n_rot / 2, 1);
                float *s = random_floats(&mem, &r, n_rot / 2, 1);
                memcpy(was, x, sizeof was);
                k.rope(x, c, s, n_rot, kind);
                for (int i = 0; i < n_rot / 2; i++) {
                    int a = kind == ROPE_PAIR ? 2 * i : i;
                    int b = kind == ROPE_PAIR ? a + 1 : i + n_rot / 2;
                    double p = (double)was[a], q = (double)was[b];
                    close_to(&k, "rope", a, x[a], p * (double)c[i] - q * (double)s[i], 3e-7);
                    close_to(&k, "rope", b, x[b], p * (double)s[i] + q * (double)c[i], 3e-7);
                }
                assert_memory_equal(x + n_rot, was + n_rot, (size_t)(64 - n_rot) * sizeof *x);
                guarded_done(&mem);
            }
}

static void kv_store_rounds_alike(void **state)
{
    (void)state;
    static const float odd[] = {0,       -0.0f,   65519.9f, 65520, -1e30f, INFINITY,
                                1e-8f,   6e-8f,   3e-5f,    NAN,   1.5f,   -2049,
                                1e-40f,  0.1f,    4097};
    enum { N_ODD = sizeof odd / sizeof odd[0] };
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (int n = 1; n <= 80; n++) {
            struct guarded mem = {0};
            struct kern k;
            struct rng r;
            if (!level_init(&k, l))
                break;
            rng_seed(&r, (uint64_t)n);
            float *x = random_floats(&mem, &r, n, 100);
            for (int i = 0; i < n; i += 3)
                x[i] = odd[(i + n) % N_ODD];
            uint8_t *half = guarded_alloc(&mem, (size_t)n * 2);
            float *full = guarded_alloc(&mem, (size_t)n * sizeof *full);
            k.kv_store(half, x, n, KV_F16);
            k.kv_store(full, x, n, KV_F32);
            assert_memory_equal(full, x, (size_t)n * sizeof *x);
            for (int i = 0; i < n; i++)
                assert_int_equal(load_u16(half + 2 * i), f32_to_f16(x[i]));
            guarded_done(&mem);
        }
}

struct attn_case {
    int n_q, dim, page_len, n_kv;
    enum kv_type type;
    double size;                       /* of queries: large ones make the softmax sharp */
};

#define PAGES_MAX 128

/* Pages whose values beyond n_kv are not numbers: reading them as data would show. */
static void fill_pages(struct guarded *mem, const struct kern *k, const struct attn_case *c,
                       struct rng *r, const void **page)
{
    size_t n = (size_t)(c->page_len * c->dim), bytes = n * kv_type_bytes(c->type);
    float *x = guarded_alloc(mem, n * sizeof *x);

    for (int p = 0; p * c->page_len < c->n_kv; p++) {
        for (size_t i = 0; i < n; i++) {
            int key = p * c->page_len + (int)i / c->dim;
            x[i] = key < c->n_kv ? (float)(2 * rng_unit(r) - 1) : NAN;
        }
        void *to = guarded_alloc(mem, bytes);
        k->kv_store(to, x, (int)n, c->type);
        page[p] = to;
    }
}

static float kv_value(const struct attn_case *c, const void *const *page, int key, int i)
{
    size_t at = (size_t)(key % c->page_len * c->dim + i);
    const void *p = page[key / c->page_len];
    return c->type == KV_F32 ? ((const float *)p)[at]
                             : f16_to_f32(load_u16((const uint8_t *)p + 2 * at));
}

/* out[dim] of one head in double. */
static void attn_exact(const struct attn_case *c, const struct kern_attn *a, const float *q,
                       double *out)
{
    double sum = 0, max = -INFINITY, weight[PAGES_MAX * 32];

    for (int k = 0; k < c->n_kv; k++) {
        double s = 0;
        for (int i = 0; i < c->dim; i++)
            s += (double)q[i] * (double)kv_value(c, a->k_page, k, i);
        weight[k] = s * (double)a->scale;
        max = fmax(max, weight[k]);
    }
    for (int k = 0; k < c->n_kv; k++)
        sum += weight[k] = exp(weight[k] - max);
    for (int i = 0; i < c->dim; i++) {
        out[i] = 0;
        for (int k = 0; k < c->n_kv; k++)
            out[i] += weight[k] / sum * (double)kv_value(c, a->v_page, k, i);
    }
}

static void check_attn(enum kern_level level, const struct attn_case *c)
{
    struct guarded mem = {0};
    const void *k_page[PAGES_MAX], *v_page[PAGES_MAX];
    double want[256];
    struct kern k;
    struct rng r;

    if (!level_init(&k, level))
        return;
    rng_seed(&r, (uint64_t)(c->dim * 1000 + c->n_kv));
    fill_pages(&mem, &k, c, &r, k_page);
    fill_pages(&mem, &k, c, &r, v_page);
    float *q = random_floats(&mem, &r, c->n_q * c->dim, c->size);
    float *out = guarded_alloc(&mem, (size_t)(c->n_q * c->dim) * sizeof *out);
    size_t stride = round_up((size_t)c->n_kv, (size_t)c->page_len);
    float *score = guarded_alloc(&mem, (size_t)c->n_q * stride * sizeof *score);
    struct kern_attn a = {q,       out,     k_page,  v_page, c->n_q, c->dim, c->page_len,
                          c->n_kv, c->type, 1 / sqrtf((float)c->dim), score};
    k.attn(&a);
    for (int h = 0; h < c->n_q; h++) {
        attn_exact(c, &a, q + h * c->dim, want);
        for (int i = 0; i < c->dim; i++)
            close_to(&k, "attn", h * c->dim + i, out[h * c->dim + i], want[i],
                     3e-6 + 1e-6 * c->size);
    }
    guarded_done(&mem);
}

static void attn_is_close(void **state)
{
    (void)state;
    static const int dims[] = {4, 8, 12, 16, 20, 24, 64, 80, 128, 132, 144, 256};
    static const int kvs[] = {1, 2, 3, 4, 5, 8, 31, 32, 33, 100, 161};
    static const int heads[] = {1, 3, 8}, pages[] = {32, 16, 5};
    int n = 0;
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++)
            for (size_t v = 0; v < sizeof kvs / sizeof kvs[0]; v++, n++) {
                struct attn_case c = {.n_q = heads[n % 3], .dim = dims[d], .n_kv = kvs[v],
                                      .page_len = kvs[v] > 100 ? 32 : pages[n % 3],
                                      .size = n % 4 ? 2 : 60};
                for (c.type = KV_F32; c.type < KV_TYPE_COUNT; c.type++)
                    check_attn(l, &c);
            }
}

/* Scores far apart: the softmax is one-hot, nothing overflows. */
static void attn_survives_large_scores(void **state)
{
    (void)state;
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++) {
        float q[8] = {1e4f, 0}, keys[4 * 8] = {0}, values[4 * 8], out[8], score[4];
        const void *k_page = keys, *v_page = values;
        struct kern k;
        if (!level_init(&k, l))
            continue;
        for (int i = 0; i < 32; i++)
            values[i] = (float)i;
        for (int key = 0; key < 4; key++)
            keys[key * 8] = key == 2 ? 1e30f : -1e30f;
        struct kern_attn a = {q, out, &k_page, &v_page, 1, 8, 4, 4, KV_F32, 1, score};
        k.attn(&a);
        for (int i = 0; i < 8; i++)
            close_to(&k, "attn one-hot", i, out[i], 16 + i, 0);
    }
}

static void levels_have_names(void **state)
{
    (void)state;
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++) {
        enum kern_level back = KERN_LEVEL_COUNT;
        assert_true(kern_level_parse(str_of(kern_level_name(l)), &back));
        assert_int_equal(back, l);
    }
    enum kern_level l;
    assert_true(kern_level_parse(STR("AVX2"), &l));
    assert_int_equal(l, KERN_AVX2);
    assert_false(kern_level_parse(STR("avx3"), &l));
    assert_false(kern_level_parse(STR(""), &l));
    assert_string_equal(kern_level_name(KERN_LEVEL_COUNT), "unknown");
}

static void best_level_is_capped_and_works(void **state)
{
    (void)state;
    struct kern k;
    struct error e;
    int n_missing = 0;

    assert_int_equal(kern_best(KERN_SCALAR), KERN_SCALAR);
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++) {
        enum kern_level best = kern_best(l);
        assert_true(best <= l);
        assert_int_equal(kern_init(&k, best, &e), ERR_OK);
        assert_int_equal(k.level, best);
        if (kern_init(&k, l, &e) == ERR_OK)
            continue;
        n_missing++;
        assert_int_equal(e.code, ERR_UNSUPPORTED);
        assert_non_null(strstr(e.text, kern_level_name(l)));
    }
    assert_true(n_missing > 0);                /* no CPU has both AVX2 and NEON */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rms_norm_is_close),
        cmocka_unit_test(add_adds),
        cmocka_unit_test(silu_mul_is_close),
        cmocka_unit_test(rope_turns_pairs),
        cmocka_unit_test(kv_store_rounds_alike),
        cmocka_unit_test(attn_is_close),
        cmocka_unit_test(attn_survives_large_scores),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(best_level_is_capped_and_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
