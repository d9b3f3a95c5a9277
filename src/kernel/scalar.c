/* SPDX-License-Identifier: Apache-2.0
 *
 * The definition of every kernel in plain C: short, exact (float products are summed in double),
 * and the level for machines without a faster one. Weights are the file's own rows, in place,
 * of any alignment. Pure functions, any thread.
 */
#include <math.h>

#include "kernel/kern_internal.h"

static int scalar_panel_rows(uint32_t type)
{
    (void)type;
    return 1;
}

static size_t scalar_pack_bytes(uint32_t type, int rows, int cols)
{
    (void)type, (void)rows, (void)cols;
    return 0;
}

static size_t row_bytes(uint32_t type, int cols)
{
    const struct quant_info *q = quant_info(type);
    return (size_t)(cols / q->block_len) * (size_t)q->block_bytes;
}

static const uint8_t *row_at(const struct kern_weight *w, int row)
{
    return (const uint8_t *)w->data + (size_t)row * row_bytes(w->type, w->cols);
}

static void scalar_pack(uint32_t type, void *dst, const void *src, int rows, int cols)
{
    memcpy(dst, src, (size_t)rows * row_bytes(type, cols));
}

static void scalar_row(const struct kern_weight *w, int row, float *out)
{
    quant_info(w->type)->dequantize(out, row_at(w, row), (size_t)w->cols);
}

static size_t scalar_act_bytes(uint32_t type, int cols)
{
    if (type_is_float(type))
        return round_up((size_t)cols * sizeof(float), ACT_ALIGN);
    size_t scales = (size_t)cols / BLOCK_LEN * sizeof(struct act_scale);
    return round_up(act_scale_offset(cols) + scales, ACT_ALIGN);
}

static void act_block(int8_t *q, struct act_scale *s, const float *x)
{
    uint32_t amax = 0;

    for (int i = 0; i < BLOCK_LEN; i++) {
        uint32_t mag = f32_bits(x[i]) & 0x7fffffffu;
        amax = mag > amax ? mag : amax;
    }
    float inverse = act_scale_inverse(amax, &s->d);
    s->bias = 0;
    for (int i = 0; i < BLOCK_LEN; i++)
        q[i] = inverse != 0 ? (int8_t)rintf(x[i] * inverse) : 0;
}

static void scalar_act_make(uint32_t type, void *dst, const float *x, int cols)
{
    if (type_is_float(type)) {
        memcpy(dst, x, (size_t)cols * sizeof *x);
        return;
    }
    struct act_scale *s = act_scales(dst, cols);
    for (int b = 0; b < cols / BLOCK_LEN; b++)
        act_block((int8_t *)dst + b * BLOCK_LEN, &s[b], x + b * BLOCK_LEN);
}

static float dot_f32(const uint8_t *w, const void *act, int cols)
{
    const float *x = act;
    double sum = 0;

    for (int c = 0; c < cols; c++) {
        float v;
        memcpy(&v, w + (size_t)c * 4, sizeof v);
        sum += (double)v * (double)x[c];
    }
    return (float)sum;
}

static float dot_f16(const uint8_t *w, const void *act, int cols)
{
    const float *x = act;
    double sum = 0;

    for (int c = 0; c < cols; c++)
        sum += (double)f16_value(load_u16(w + (size_t)c * 2)) * (double)x[c];
    return (float)sum;
}

static float dot_bf16(const uint8_t *w, const void *act, int cols)
{
    const float *x = act;
    double sum = 0;

    for (int c = 0; c < cols; c++)
        sum += (double)f32_of_bits((uint32_t)load_u16(w + (size_t)c * 2) << 16) * (double)x[c];
    return (float)sum;
}

static float dot_q8_0(const uint8_t *w, const void *act, int cols)
{
    const int8_t *q = act;
    const struct act_scale *s = act_scales_of(act, cols);
    double sum = 0;

    for (int b = 0; b < cols / BLOCK_LEN; b++, w += Q8_0_BYTES, q += BLOCK_LEN) {
        int dot = 0;
        for (int i = 0; i < BLOCK_LEN; i++)
            dot += (int8_t)w[2 + i] * q[i];
        sum += (double)dot * ((double)f16_value(load_u16(w)) * (double)s[b].d);
    }
    return (float)sum;
}

static float dot_q4_0(const uint8_t *w, const void *act, int cols)
{
    const int8_t *q = act;
    const struct act_scale *s = act_scales_of(act, cols);
    double sum = 0;

    for (int b = 0; b < cols / BLOCK_LEN; b++, w += Q4_0_BYTES, q += BLOCK_LEN) {
        int dot = 0;
        for (int i = 0; i < BLOCK_LEN / 2; i++)
            dot += ((w[2 + i] & 15) - 8) * q[i] + ((w[2 + i] >> 4) - 8) * q[i + BLOCK_LEN / 2];
        sum += (double)dot * ((double)f16_value(load_u16(w)) * (double)s[b].d);
    }
    return (float)sum;
}

typedef float dot_fn(const uint8_t *w, const void *act, int cols);

static dot_fn *const dot_table[QUANT_TYPE_COUNT] = {
    [QUANT_F32] = dot_f32,   [QUANT_F16] = dot_f16,   [QUANT_BF16] = dot_bf16,
    [QUANT_Q4_0] = dot_q4_0, [QUANT_Q8_0] = dot_q8_0,
};

static void scalar_matmul(float *y, size_t y_stride, const struct kern_weight *w, const void *act,
                          size_t act_stride, int n_tok, int row0, int row1)
{
    dot_fn *dot = dot_table[w->type];

    for (int r = row0; r < row1; r++)
        for (int t = 0; t < n_tok; t++)
            y[(size_t)t * y_stride + (size_t)r] =
                dot(row_at(w, r), (const uint8_t *)act + (size_t)t * act_stride, w->cols);
}

static void scalar_rms_norm(float *y, const float *x, const float *w, int n, float eps)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    float inverse = (float)(1.0 / sqrt(sum / n + (double)eps));
    for (int i = 0; i < n; i++)
        y[i] = x[i] * inverse * w[i];
}

static void scalar_add(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] += x[i];
}

static void scalar_silu_mul(float *y, const float *gate, const float *up, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

/* One pair (a, b) turns by the angle whose cosine and sine are c and s. */
static inline void turn(float *a, float *b, float c, float s)
{
    float x = *a, y = *b;
    *a = x * c - y * s;
    *b = x * s + y * c;
}

static void scalar_rope(float *x, const float *cos, const float *sin, int n_rot,
                        enum rope_kind kind)
{
    int half = n_rot / 2;

    for (int i = 0; i < half; i++) {
        if (kind == ROPE_PAIR)
            turn(&x[2 * i], &x[2 * i + 1], cos[i], sin[i]);
        else
            turn(&x[i], &x[i + half], cos[i], sin[i]);
    }
}

static void scalar_kv_store(void *dst, const float *x, int n, enum kv_type type)
{
    if (type == KV_F32) {
        memcpy(dst, x, (size_t)n * sizeof *x);
        return;
    }
    for (int i = 0; i < n; i++)
        store_u16((uint8_t *)dst + 2 * i, f32_to_f16(x[i]));
}

static inline float kv_at(const void *page, size_t i, enum kv_type type)
{
    return type == KV_F32 ? ((const float *)page)[i]
                          : f16_value(load_u16((const uint8_t *)page + 2 * i));
}

/* score[k] = q . key k * scale; gives their maximum. */
static float attn_scores(const struct kern_attn *a, const float *q, float *score)
{
    float max = -INFINITY;

    for (int k = 0; k < a->n_kv; k++) {
        const void *page = a->k_page[k / a->page_len];
        size_t at = (size_t)(k % a->page_len) * (size_t)a->dim;
        double sum = 0;
        for (int i = 0; i < a->dim; i++)
            sum += (double)q[i] * (double)kv_at(page, at + (size_t)i, a->kv_type);
        score[k] = (float)sum * a->scale;
        max = score[k] > max ? score[k] : max;
    }
    return max;
}

static void attn_values(const struct kern_attn *a, const float *weight, float *out)
{
    memset(out, 0, (size_t)a->dim * sizeof *out);
    for (int k = 0; k < a->n_kv; k++) {
        const void *page = a->v_page[k / a->page_len];
        size_t at = (size_t)(k % a->page_len) * (size_t)a->dim;
        for (int i = 0; i < a->dim; i++)
            out[i] += weight[k] * kv_at(page, at + (size_t)i, a->kv_type);
    }
}

static void scalar_attn(const struct kern_attn *a)
{
    size_t stride = round_up((size_t)a->n_kv, (size_t)a->page_len);

    for (int h = 0; h < a->n_q; h++) {
        float *score = a->score + (size_t)h * stride;
        float max = attn_scores(a, a->q + (size_t)h * (size_t)a->dim, score);
        double sum = 0;
        for (int k = 0; k < a->n_kv; k++) {
            score[k] = expf(score[k] - max);
            sum += (double)score[k];
        }
        for (int k = 0; k < a->n_kv; k++)
            score[k] = (float)((double)score[k] / sum);
        attn_values(a, score, a->out + (size_t)h * (size_t)a->dim);
    }
}

void kern_use_scalar(struct kern *k)
{
    *k = (struct kern){
        .level = KERN_SCALAR,
        .panel_rows = scalar_panel_rows,
        .pack_bytes = scalar_pack_bytes,
        .pack = scalar_pack,
        .row = scalar_row,
        .act_bytes = scalar_act_bytes,
        .act_make = scalar_act_make,
        .matmul = scalar_matmul,
        .rms_norm = scalar_rms_norm,
        .add = scalar_add,
        .silu_mul = scalar_silu_mul,
        .rope = scalar_rope,
        .kv_store = scalar_kv_store,
        .attn = scalar_attn,
    };
}
