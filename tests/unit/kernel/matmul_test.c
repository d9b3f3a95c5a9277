/* SPDX-License-Identifier: Apache-2.0
 *
 * The matrix product of every level that this CPU has: against the scalar level, and against
 * itself with other batches and row ranges, where not one bit may differ. All buffers end at
 * forbidden pages.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rand.h"
#include "guarded.h"
#include "kernel/kern_internal.h"

static const uint32_t types[] = {QUANT_F32, QUANT_F16, QUANT_BF16, QUANT_Q8_0, QUANT_Q4_0};
#define N_TYPE (sizeof types / sizeof types[0])

enum fill { FILL_RANDOM, FILL_ZERO, FILL_EXTREME, FILL_TINY, FILL_COUNT };

struct shape {
    int rows, cols, n_tok;
};

/* One weight matrix and its tokens, packed and prepared for a level. */
struct fixture {
    struct guarded mem;
    struct kern k;
    struct kern_weight w;
    uint8_t *act;
    size_t act_stride;
    struct shape s;
};

static bool level_init(struct kern *k, enum kern_level level)
{
    if (kern_init(k, level, NULL) == ERR_OK)
        return true;
    if (level != KERN_NEON)
        print_message("skipped: no %s here\n", kern_level_name(level));
    return false;
}

static float random_value(struct rng *r, enum fill fill)
{
    double u = 2 * rng_unit(r) - 1;

    switch (fill) {
    case FILL_ZERO: return 0;
    case FILL_EXTREME: return rng_below(r, 3) ? (float)(u * 1e20) : u < 0 ? -1e25f : 1e25f;
    case FILL_TINY: return rng_below(r, 3) ? (float)(u * 1e-35) : (float)(u * 1e-42);
    case FILL_RANDOM:
    case FILL_COUNT: break;
    }
    return (float)(u * u * u * 4);
}

/* GGUF rows: quantized random values, or raw extremes of the format where fill says so. */
static uint8_t *make_rows(struct guarded *mem, uint32_t type, struct shape s, enum fill fill,
                          struct rng *r)
{
    const struct quant_info *q = quant_info(type);
    size_t n = (size_t)s.rows * (size_t)s.cols, n_block = n / (size_t)q->block_len;
    size_t bytes = n_block * (size_t)q->block_bytes;
    float *v = guarded_alloc(mem, n * sizeof *v);
    uint8_t *rows = guarded_alloc(mem, bytes);

    for (size_t i = 0; i < n; i++)
        v[i] = random_value(r, fill == FILL_TINY ? FILL_TINY : FILL_RANDOM);
    q->quantize(rows, v, n);
    if (fill != FILL_EXTREME || type_is_float(type))
        return rows;
    for (size_t b = 0; b < n_block; b++) {
        uint8_t *block = rows + b * (size_t)q->block_bytes;
        store_u16(block, rng_below(r, 2) ? 0x7bff : 0xfbff);
        for (int i = 2; i < q->block_bytes; i++)
            block[i] = rng_below(r, 2) ? 0x80 : type == QUANT_Q8_0 ? 0x7f : 0xff;
    }
    return rows;
}

static float *make_inputs(struct guarded *mem, struct shape s, enum fill fill, struct rng *r)
{
    size_t n = (size_t)s.n_tok * (size_t)s.cols;
    float *x = guarded_alloc(mem, n * sizeof *x);

    for (size_t i = 0; i < n; i++)
        x[i] = random_value(r, fill);
    return x;
}

static void prepare(struct fixture *f, uint32_t type, const uint8_t *rows, const float *x,
                    struct shape s)
{
    size_t bytes = f->k.pack_bytes(type, s.rows, s.cols);
    const void *data = rows;

    if (bytes) {
        void *packed = guarded_alloc(&f->mem, bytes);
        f->k.pack(type, packed, rows, s.rows, s.cols);
        data = packed;
    }
    f->s = s;
    f->w = (struct kern_weight){type, s.rows, s.cols, data};
    f->act_stride = f->k.act_bytes(type, s.cols);
    assert_int_equal(f->act_stride % 64, 0);
    f->act = guarded_alloc(&f->mem, f->act_stride * (size_t)s.n_tok);
    for (int t = 0; t < s.n_tok; t++)
        f->k.act_make(type, f->act + (size_t)t * f->act_stride, x + (size_t)t * (size_t)s.cols,
                      s.cols);
}

static float *multiply(struct fixture *f)
{
    float *y = guarded_alloc(&f->mem, (size_t)f->s.n_tok * (size_t)f->s.rows * sizeof *y);
    f->k.matmul(y, (size_t)f->s.rows, &f->w, f->act, f->act_stride, f->s.n_tok, 0, f->s.rows);
    return y;
}

/* Sum over c of |W[r,c] * x[c]|, with x as the level sees it. w and x hold cols floats. */
static double sum_of_magnitudes(struct fixture *scalar, int r, int t, float *w)
{
    const uint8_t *act = scalar->act + (size_t)t * scalar->act_stride;
    bool is_float = type_is_float(scalar->w.type);
    double sum = 0;

    scalar->k.row(&scalar->w, r, w);
    for (int c = 0; c < scalar->s.cols; c++) {
        float x = is_float ? ((const float *)(const void *)act)[c]
                           : (float)((const int8_t *)act)[c] *
                                 act_scales_of(act, scalar->s.cols)[c / BLOCK_LEN].d;
        sum += fabs((double)w[c] * (double)x);
    }
    return sum;
}

static void compare_with_scalar(enum kern_level level, uint32_t type, struct shape s,
                                enum fill fill)
{
    struct fixture scalar = {0}, f = {0};
    struct rng r;

    if (!level_init(&f.k, level) || !level_init(&scalar.k, KERN_SCALAR))
        return;
    rng_seed(&r, (uint64_t)(s.rows * 1000 + s.cols + (int)fill));
    uint8_t *rows = make_rows(&scalar.mem, type, s, fill, &r);
    float *x = make_inputs(&scalar.mem, s, fill, &r);
    float *w = guarded_alloc(&scalar.mem, (size_t)s.cols * sizeof *w);
    prepare(&scalar, type, rows, x, s);
    prepare(&f, type, rows, x, s);
    float *want = multiply(&scalar), *got = multiply(&f);
    for (int t = 0; t < s.n_tok; t++)
        for (int i = 0; i < s.rows; i++) {
            size_t at = (size_t)t * (size_t)s.rows + (size_t)i;
            double bound = 1e-5 * sum_of_magnitudes(&scalar, i, t, w) + 1e-37;
            if (!(fabs((double)got[at] - (double)want[at]) <= bound))
                fail_msg("%s %s %dx%d fill %d, row %d token %d: %.9g, expected %.9g +- %g",
                         kern_level_name(level), quant_info(type)->name, s.rows, s.cols, (int)fill,
                         i, t, (double)got[at], (double)want[at], bound);
        }
    guarded_done(&scalar.mem);
    guarded_done(&f.mem);
}

static void matches_scalar(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {1, 32, 1},  {7, 32, 2},  {8, 64, 3},   {16, 96, 4},  {17, 256, 5},
        {33, 64, 9}, {65, 32, 1}, {48, 160, 7}, {20, 4096, 3},
    };
    for (enum kern_level l = KERN_AVX2; l < KERN_LEVEL_COUNT; l++)
        for (size_t t = 0; t < N_TYPE; t++)
            for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
                for (enum fill fill = FILL_RANDOM; fill < FILL_COUNT; fill++)
                    compare_with_scalar(l, types[t], shapes[s], fill);
}

static void float_columns_need_no_multiple(void **state)
{
    (void)state;
    static const struct shape shapes[] = {{1, 1, 1}, {9, 3, 2}, {17, 33, 5}, {40, 100, 1}};
    for (enum kern_level l = KERN_AVX2; l < KERN_LEVEL_COUNT; l++)
        for (size_t t = 0; t < 3; t++)
            for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
                compare_with_scalar(l, types[t], shapes[s], FILL_RANDOM);
}

/* All scales are 1, so each result is an integer that float holds exactly. */
static void integer_parts_are_exact(void **state)
{
    (void)state;
    struct shape s = {19, 64, 6};
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (size_t ti = 3; ti < N_TYPE; ti++) {
            struct fixture f = {0};
            struct rng r;
            if (!level_init(&f.k, l))
                continue;
            rng_seed(&r, 7);
            const struct quant_info *q = quant_info(types[ti]);
            uint8_t *rows = make_rows(&f.mem, types[ti], s, FILL_EXTREME, &r);
            for (int b = 0; b < s.rows * s.cols / BLOCK_LEN; b++)
                store_u16(rows + b * q->block_bytes, f32_to_f16(1));
            float *x = make_inputs(&f.mem, s, FILL_ZERO, &r), w[64];
            for (int i = 0; i < s.n_tok * s.cols; i++)
                x[i] = i % 5 ? (float)((int)rng_below(&r, 255) - 127) : i % 2 ? 127 : -127;
            prepare(&f, types[ti], rows, x, s);
            float *y = multiply(&f);
            for (int i = 0; i < s.rows * s.n_tok; i++) {
                float want = 0;
                f.k.row(&f.w, i % s.rows, w);
                for (int c = 0; c < s.cols; c++)
                    want += w[c] * x[i / s.rows * s.cols + c];
                if (y[i] != want)
                    fail_msg("%s %s: %g, expected %g", kern_level_name(l), q->name, (double)y[i],
                             (double)want);
            }
            guarded_done(&f.mem);
        }
}

/* Rows [row0, row1) for the tokens of a fixture from t0 on: same bits as `all`, nothing else
 * written. */
static void check_part(struct fixture *f, const float *all, int t0, int n_tok, int row0, int row1)
{
    struct guarded mem = {0};
    size_t stride = (size_t)f->s.rows + 3, n = stride * (size_t)n_tok - 3;
    float *y = guarded_alloc(&mem, n * sizeof *y);

    for (size_t i = 0; i < n; i++)
        y[i] = 12345;
    f->k.matmul(y, stride, &f->w, f->act + (size_t)t0 * f->act_stride, f->act_stride, n_tok, row0,
                row1);
    for (size_t i = 0; i < n; i++) {
        int t = (int)(i / stride), r = (int)(i % stride);
        float want = r >= row0 && r < row1 ? all[(t0 + t) * f->s.rows + r] : 12345;
        if (f32_bits(y[i]) != f32_bits(want))
            fail_msg("%s %s cols %d tokens %d+%d rows %d..%d: row %d token %d is %.9g, not %.9g",
                     kern_level_name(f->k.level), quant_info(f->w.type)->name, f->s.cols, t0,
                     n_tok, row0, row1, r, t, (double)y[i], (double)want);
    }
    guarded_done(&mem);
}

static void check_parts(enum kern_level level, uint32_t type, int cols)
{
    struct fixture f = {0};
    struct shape s = {53, cols, 17};
    struct rng r;

    if (!level_init(&f.k, level))
        return;
    rng_seed(&r, (uint64_t)cols);
    uint8_t *rows = make_rows(&f.mem, type, s, FILL_RANDOM, &r);
    prepare(&f, type, rows, make_inputs(&f.mem, s, FILL_RANDOM, &r), s);
    float *all = multiply(&f);
    int step = f.k.panel_rows(type);
    for (int n = 1; n <= s.n_tok; n++)
        check_part(&f, all, s.n_tok - n, n, 0, s.rows);
    for (int row0 = 0; row0 < s.rows; row0 += step)
        for (int row1 = row0 + 1; row1 <= s.rows; row1 += 5)
            check_part(&f, all, row0 % 13, 1 + row1 % 5, row0, row1);
    check_part(&f, all, 0, 3, 0, 0);
    guarded_done(&f.mem);
}

static void bits_depend_on_no_batch_or_range(void **state)
{
    (void)state;
    static const int cols[] = {32, 64, 96, 256, 4096};
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (size_t t = 0; t < N_TYPE; t++)
            for (size_t c = 0; c < sizeof cols / sizeof cols[0]; c++)
                if (l != KERN_SCALAR || cols[c] <= 256)
                    check_parts(l, types[t], cols[c]);
}

/* More tokens than stay in the cache together are cut into blocks. */
static void long_batches_keep_their_bits(void **state)
{
    (void)state;
    for (enum kern_level l = KERN_AVX2; l < KERN_LEVEL_COUNT; l++) {
        struct fixture f = {0};
        struct shape s = {40, 64, 150};
        struct rng r;
        if (!level_init(&f.k, l))
            continue;
        rng_seed(&r, 3);
        uint8_t *rows = make_rows(&f.mem, QUANT_Q8_0, s, FILL_RANDOM, &r);
        prepare(&f, QUANT_Q8_0, rows, make_inputs(&f.mem, s, FILL_RANDOM, &r), s);
        float *all = multiply(&f);
        for (int t = 0; t < s.n_tok; t++)
            check_part(&f, all, t, 1, 0, s.rows);
        guarded_done(&f.mem);
    }
}

/* Also: packing by parts that start at a panel gives the same bytes as packing at once. */
static void rows_read_back_bit_for_bit(void **state)
{
    (void)state;
    struct shape s = {37, 96, 1};
    float want[96], got[96];
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (size_t t = 0; t < N_TYPE; t++) {
            struct fixture f = {0};
            struct rng r;
            if (!level_init(&f.k, l))
                continue;
            rng_seed(&r, t);
            uint8_t *rows = make_rows(&f.mem, types[t], s, FILL_RANDOM, &r);
            prepare(&f, types[t], rows, make_inputs(&f.mem, s, FILL_RANDOM, &r), s);
            const struct quant_info *q = quant_info(types[t]);
            size_t row_bytes = (size_t)(s.cols / q->block_len * q->block_bytes);
            for (int i = 0; i < s.rows; i++) {
                q->dequantize(want, rows + (size_t)i * row_bytes, (size_t)s.cols);
                f.k.row(&f.w, i, got);
                assert_memory_equal(want, got, sizeof want);
            }
            size_t bytes = f.k.pack_bytes(types[t], s.rows, s.cols);
            size_t first = f.k.pack_bytes(types[t], 16, s.cols);
            uint8_t *parts = guarded_alloc(&f.mem, bytes);
            if (bytes) {
                f.k.pack(types[t], parts, rows, 16, s.cols);
                f.k.pack(types[t], parts + first, rows + 16 * row_bytes, s.rows - 16, s.cols);
                assert_memory_equal(parts, f.w.data, bytes);
            }
            guarded_done(&f.mem);
        }
}

/* Every level rounds activations alike; only the bias depends on how weights are stored. */
static void activations_are_the_same_on_every_level(void **state)
{
    (void)state;
    struct shape s = {1, 32 * 50, 1};
    for (enum kern_level l = KERN_AVX2; l < KERN_LEVEL_COUNT; l++)
        for (enum fill fill = FILL_RANDOM; fill < FILL_COUNT; fill++) {
            struct fixture scalar = {0}, f = {0};
            struct rng r;
            if (!level_init(&f.k, l) || !level_init(&scalar.k, KERN_SCALAR))
                continue;
            rng_seed(&r, 5);
            uint8_t *rows = make_rows(&f.mem, QUANT_Q4_0, s, fill, &r);
            float *x = make_inputs(&f.mem, s, fill, &r);
            for (int i = 0; i < 8; i++)
                x[i] = (float)i + 0.5f;        /* ties */
            x[8] = 127;
            prepare(&scalar, QUANT_Q4_0, rows, x, s);
            prepare(&f, QUANT_Q4_0, rows, x, s);
            assert_memory_equal(scalar.act, f.act, (size_t)s.cols);
            for (int b = 0; b < s.cols / BLOCK_LEN; b++) {
                int sum = 0;
                for (int i = 0; i < BLOCK_LEN; i++)
                    sum += ((const int8_t *)f.act)[b * BLOCK_LEN + i];
                const struct act_scale *a = &act_scales(f.act, s.cols)[b];
                assert_int_equal(f32_bits(a->d), f32_bits(act_scales(scalar.act, s.cols)[b].d));
                assert_int_equal(a->bias, -8 * sum);
            }
            guarded_done(&scalar.mem);
            guarded_done(&f.mem);
        }
}

/* What is not a number stays visible instead of becoming a plausible logit. */
static void broken_activations_give_nan(void **state)
{
    (void)state;
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    struct shape s = {18, 64, 2};
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        for (size_t t = 3; t < N_TYPE; t++)
            for (size_t i = 0; i < 3; i++) {
                struct fixture f = {0};
                struct rng r;
                if (!level_init(&f.k, l))
                    continue;
                rng_seed(&r, 1);
                uint8_t *rows = make_rows(&f.mem, types[t], s, FILL_RANDOM, &r);
                float *x = make_inputs(&f.mem, s, FILL_RANDOM, &r);
                x[40] = bad[i];
                prepare(&f, types[t], rows, x, s);
                float *y = multiply(&f);
                for (int j = 0; j < s.rows; j++) {
                    assert_true(isnan(y[j]));
                    assert_true(isfinite(y[s.rows + j]));
                }
                guarded_done(&f.mem);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_scalar),
        cmocka_unit_test(float_columns_need_no_multiple),
        cmocka_unit_test(integer_parts_are_exact),
        cmocka_unit_test(bits_depend_on_no_batch_or_range),
        cmocka_unit_test(long_batches_keep_their_bits),
        cmocka_unit_test(rows_read_back_bit_for_bit),
        cmocka_unit_test(activations_are_the_same_on_every_level),
        cmocka_unit_test(broken_activations_give_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
