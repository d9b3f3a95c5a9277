/* SPDX-License-Identifier: Apache-2.0
 *
 * Types without kernels, against the golden blocks.
 */
#include "fixture.h"

#include <math.h>

#include "model/widen.h"

static void test_types(void **state)
{
    (void)state;
    uint32_t type;
    assert_non_null(tensor_type(QUANT_F32));
    assert_false(type_is_widened(QUANT_F32));
    assert_non_null(quant_by_name(STR("Q8_0"), &type));
    assert_ptr_equal(tensor_type(type), quant_info(type));
    assert_null(tensor_type(9999));
    assert_false(type_is_widened(9999));
    assert_string_equal(tensor_type(14)->name, "Q6_K");
}

static void test_q6_k(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const char *golden = getenv("GOLDEN");
    const char *path = arena_printf(a, "%s/models/blocks/q6_K.bin", golden ? golden : "").p;
    if (!golden || !file_exists(path)) {
        printf("skipped: GOLDEN has no blocks\n");
        arena_free(a);
        return;
    }
    str blocks, want;
    struct error e = {0};
    assert_int_equal(file_read(path, FIXTURE_BYTES_MAX, a, &blocks, &e), ERR_OK);
    path = arena_printf(a, "%s/models/blocks/q6_K.f32", golden).p;
    assert_int_equal(file_read(path, FIXTURE_BYTES_MAX, a, &want, &e), ERR_OK);
    const struct quant_info *q = tensor_type(14);
    size_t n = want.n / sizeof(float);
    assert_int_equal(blocks.n / (size_t)q->block_bytes * (size_t)q->block_len, n);
    float *got = arena_alloc(a, n * sizeof *got);
    uint16_t *half = arena_alloc(a, n * sizeof *half);
    q->dequantize(got, blocks.p, n);
    widen_to_f16(half, 14, blocks.p, n);
    for (size_t i = 0; i < n; i++) {
        float w;
        memcpy(&w, want.p + i * sizeof w, sizeof w);
        if (memcmp(&w, &got[i], sizeof w) != 0 && !(w == 0 && got[i] == 0) && !isnan(w))
            fail_msg("value %zu is %.9g, expected %.9g", i, (double)got[i], (double)w);
        assert_int_equal(half[i], f32_to_f16(got[i]));
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_q6_k)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
