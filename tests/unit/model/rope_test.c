/* SPDX-License-Identifier: Apache-2.0
 *
 * Rope frequencies against values computed with the formulas of Hugging Face's
 * modeling_rope_utils (another formulation than ours), and the tables against libm.
 */
#include "fixture.h"

#include <math.h>

#include "model/rope.h"

#define PAIRS 8

static const float divisor[PAIRS] = {1, 1, 2, 4, 8, 8, 8, 8};

static const struct {
    struct rope_params r;
    double magnitude;
    double freq[PAIRS];
} cases[] = {
    {{.n_rot = 16, .scaling = ROPE_NONE, .base = 10000, .factor = 4, .magnitude = 1},
     1.0,
     {1.0, 0.31622776601683794, 0.1, 0.03162277660168379,
      0.01, 0.003162277660168379, 0.001, 0.00031622776601683794}},
    {{.n_rot = 16, .scaling = ROPE_LINEAR, .base = 500000, .factor = 1, .magnitude = 1,
      .divisor = divisor},
     1.0,
     {1.0, 0.19392274474868576, 0.018803015465431967, 0.0018231661843042771,
      0.00017677669529663688, 3.428102195952591e-05, 6.647869871181236e-06,
      1.2891731721515574e-06}},
    {{.n_rot = 16, .scaling = ROPE_LINEAR, .base = 10000, .factor = 8, .magnitude = 1.5},
     1.5,
     {0.125, 0.03952847075210474, 0.0125, 0.003952847075210474,
      0.00125, 0.00039528470752104737, 0.000125, 3.952847075210474e-05}},
    {{.n_rot = 16, .scaling = ROPE_YARN, .base = 10000, .factor = 4, .magnitude = 1,
      .ext_factor = 1, .beta_fast = 32, .beta_slow = 1, .n_ctx_orig = 4096},
     1.138629436111989,
     {1.0, 0.31622776601683794, 0.1, 0.02569350598886808,
      0.00625, 0.0013834964763236657, 0.00025, 7.905694150420948e-05}},
    {{.n_rot = 16, .scaling = ROPE_YARN, .base = 1e6, .factor = 32, .magnitude = 0.5,
      .ext_factor = 1, .beta_fast = 8, .beta_slow = 2, .n_ctx_orig = 512},
     0.6732867951399863,
     {1.0, 0.17782794100389226, 0.016305494185243206, 0.0001757316641219841,
      3.125e-05, 5.5571231563716334e-06, 9.882117688026186e-07, 1.757316641219841e-07}},
};

static void test_freqs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double freq[PAIRS];
        rope_freqs(&cases[i].r, freq);
        for (int k = 0; k < PAIRS; k++)
            if (fabs(freq[k] - cases[i].freq[k]) > 1e-12)
                fail_msg("case %zu, pair %d: %.15g, expected %.15g", i, k, freq[k],
                         cases[i].freq[k]);
        double got = rope_magnitude(&cases[i].r);
        if (fabs(got - cases[i].magnitude) > 1e-12)
            fail_msg("case %zu: magnitude %.15g, expected %.15g", i, got, cases[i].magnitude);
    }
}

/* Far positions keep their precision: the product is made in double. */
static void test_tables(void **state)
{
    (void)state;
    const int n_pos = 200000;
    const double freq[2] = {1, 0.001};
    float *c = mem_array((size_t)n_pos * 2, sizeof *c);
    float *s = mem_array((size_t)n_pos * 2, sizeof *s);
    rope_fill(c, s, freq, 2, 0.5, 0, 77);
    rope_fill(c, s, freq, 2, 0.5, 77, n_pos);
    for (int pos = 0; pos < n_pos; pos += 997) {
        for (int i = 0; i < 2; i++) {
            double angle = fmod(pos * freq[i], 2 * M_PI);
            assert_true(fabs((double)c[2 * pos + i] - 0.5 * cos(angle)) < 1e-7);
            assert_true(fabs((double)s[2 * pos + i] - 0.5 * sin(angle)) < 1e-7);
        }
    }
    mem_free(c);
    mem_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_freqs), cmocka_unit_test(test_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
