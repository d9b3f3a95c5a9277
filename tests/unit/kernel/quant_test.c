/* SPDX-License-Identifier: Apache-2.0
 *
 * Block types against the reference's own blocks and floats (folder GOLDEN), and the half
 * precision conversions over all bit patterns.
 */
#include "kernel/quant.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"

#define PATH_SIZE 1024

static const uint32_t all_types[] = {QUANT_F32, QUANT_F16, QUANT_BF16, QUANT_Q8_0, QUANT_Q4_0};
#define N_TYPE (sizeof all_types / sizeof all_types[0])

/* Gives the file's bytes, NULL when absent. */
static uint8_t *golden_read(const char *name, const char *suffix, size_t *n)
{
    const char *root = getenv("GOLDEN");
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/models/blocks/%s%s", root ? root : ".", name, suffix);
    FILE *f = root ? fopen(path, "rb") : NULL;
    if (!f) {
        print_message("skipped: no %s\n", path);
        return NULL;
    }
    size_t room = 1 << 20;
    uint8_t *p = mem_alloc(room);
    *n = fread(p, 1, room, f);
    fclose(f);
    assert_true(*n > 0 && *n < room);
    return p;
}

static const char *const golden_name[][2] = {
    {"f16", "F16"}, {"bf16", "BF16"}, {"q8_0", "Q8_0"}, {"q4_0", "Q4_0"},
};
#define N_GOLDEN (sizeof golden_name / sizeof golden_name[0])

static void dequantizes_golden_blocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        uint32_t type;
        const struct quant_info *q = quant_by_name(str_of(golden_name[i][1]), &type);
        size_t n_block, n_float;
        uint8_t *blocks = golden_read(golden_name[i][0], ".bin", &n_block);
        uint8_t *floats = golden_read(golden_name[i][0], ".f32", &n_float);
        if (!blocks || !floats)
            skip();
        size_t n = n_float / 4;
        assert_int_equal(n_block / (size_t)q->block_bytes * (size_t)q->block_len, n);
        float *out = mem_array(n, sizeof *out);
        q->dequantize(out, blocks, n);
        for (size_t j = 0; j < n; j++) {
            uint32_t want;
            memcpy(&want, floats + 4 * j, 4);
            if (f32_bits(out[j]) != want && ((f32_bits(out[j]) | want) & 0x7fffffffu) != 0)
                fail_msg("%s value %zu: %08x, expected %08x", q->name, j, f32_bits(out[j]), want);
        }
        mem_free(out), mem_free(blocks), mem_free(floats);
    }
}

static void quantizes_golden_source(void **state)
{
    (void)state;
    size_t n_source, n_block;
    uint8_t *source = golden_read("source", ".f32", &n_source);
    if (!source)
        skip();
    size_t n = n_source / 4;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        uint32_t type;
        const struct quant_info *q = quant_by_name(str_of(golden_name[i][1]), &type);
        uint8_t *blocks = golden_read(golden_name[i][0], ".bin", &n_block);
        if (!blocks)
            skip();
        size_t bytes = n / (size_t)q->block_len * (size_t)q->block_bytes;
        assert_true(bytes <= n_block);
        uint8_t *out = mem_alloc(bytes);
        q->quantize(out, (const float *)source, n);
        for (size_t j = 0; j < bytes; j++)
            if (out[j] != blocks[j])
                fail_msg("%s byte %zu: %u, expected %u", q->name, j, out[j], blocks[j]);
        mem_free(out), mem_free(blocks);
    }
    mem_free(source);
}

static void half_round_trips(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        bool is_nan = (h & 0x7c00) == 0x7c00 && (h & 0x3ff);
        uint32_t back = f32_to_f16(f16_to_f32((uint16_t)h));
        if (back != (is_nan ? h | 0x200 : h))
            fail_msg("f16 %04x came back as %04x", h, back);
        is_nan = (h & 0x7f80) == 0x7f80 && (h & 0x7f);
        back = f32_to_bf16(bf16_to_f32((uint16_t)h));
        if (back != (is_nan ? h | 0x40 : h))
            fail_msg("bf16 %04x came back as %04x", h, back);
    }
}

/* Between two neighbours the half nearer wins, and the even one at the middle. */
static void half_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        double lo = (double)f16_to_f32((uint16_t)h);
        double hi = h + 1 < 0x7c00 ? (double)f16_to_f32((uint16_t)(h + 1)) : 65536.0;
        float mid = (float)((lo + hi) / 2);
        uint32_t even = h & 1 ? h + 1 : h;
        assert_int_equal(f32_to_f16(mid), even);
        assert_int_equal(f32_to_f16(nextafterf(mid, 0)), h);
        assert_int_equal(f32_to_f16(nextafterf(mid, INFINITY)), h + 1);
        assert_int_equal(f32_to_f16(-mid), even | 0x8000);
    }
    assert_int_equal(f32_to_f16(INFINITY), 0x7c00);
    assert_int_equal(f32_to_f16(1e30f), 0x7c00);
    assert_int_equal(f32_to_f16(1e-30f), 0);
    assert_int_equal(f32_to_bf16(f32_of_bits(0x3f808000)), 0x3f80);
    assert_int_equal(f32_to_bf16(f32_of_bits(0x3f818000)), 0x3f82);
    assert_int_equal(f32_to_bf16(INFINITY), 0x7f80);
}

/* Zeros, denormals, infinities and NaN: no trap, no undefined conversion, finite stays in range. */
static void quantizes_extremes(void **state)
{
    (void)state;
    static const float value[] = {0, -0.0f, 1e-45f, -1e-40f, 1e-38f, 65504, -3e38f, INFINITY, NAN};
    float in[BLOCK_LEN], out[BLOCK_LEN];
    uint8_t block[BLOCK_LEN * 4];

    for (size_t t = 0; t < N_TYPE; t++) {
        const struct quant_info *q = quant_info(all_types[t]);
        for (size_t v = 0; v < sizeof value / sizeof value[0]; v++) {
            for (int i = 0; i < BLOCK_LEN; i++)
                in[i] = i % 3 ? value[v] : 0.5f * value[v];
            q->quantize(block, in, BLOCK_LEN);
            q->dequantize(out, block, BLOCK_LEN);
            if (fabsf(value[v]) > 65504 || isnan(value[v]))
                continue;
            for (int i = 0; i < BLOCK_LEN; i++)
                if (!(fabsf(out[i] - in[i]) <= 0.08f * fabsf(value[v]) + 1e-7f))
                    fail_msg("%s: %g became %g", q->name, (double)in[i], (double)out[i]);
        }
    }
}

static void table_is_found_by_number_and_name(void **state)
{
    (void)state;
    for (size_t t = 0; t < N_TYPE; t++) {
        const struct quant_info *q = quant_info(all_types[t]);
        uint32_t type = 99;
        assert_non_null(q);
        assert_ptr_equal(quant_by_name(str_of(q->name), &type), q);
        assert_int_equal(type, all_types[t]);
    }
    uint32_t type = 99;
    assert_non_null(quant_by_name(STR("q8_0"), &type));
    assert_int_equal(type, QUANT_Q8_0);
    assert_null(quant_by_name(STR("Q9_0"), &type));
    assert_null(quant_by_name(STR(""), &type));
    assert_null(quant_info(5));
    assert_null(quant_info(QUANT_TYPE_COUNT));
    assert_null(quant_info(UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dequantizes_golden_blocks),
        cmocka_unit_test(quantizes_golden_source),
        cmocka_unit_test(half_round_trips),
        cmocka_unit_test(half_rounds_to_nearest_even),
        cmocka_unit_test(quantizes_extremes),
        cmocka_unit_test(table_is_found_by_number_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
