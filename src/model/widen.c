/* SPDX-License-Identifier: Apache-2.0
 *
 * Widening of block types without kernels.
 */
#include "model/widen.h"

#include <string.h>

#include "base/err.h"

#define TYPE_Q6_K 14
#define Q6_K_LEN 256
#define Q6_K_BYTES 210
#define Q6_K_HALF 128                          /* values whose quants are interleaved */

static inline int six_bits(unsigned low, unsigned high)
{
    return (int)((low & 15) | (high & 3) << 4) - 32;
}

/* Half a block: 64 bytes of low nibbles, 32 bytes of high bit pairs, 8 scales of 16 values. */
static void q6_k_half(float *out, const uint8_t *low, const uint8_t *high, const int8_t *scale,
                      float d)
{
    for (int i = 0; i < 32; i++) {
        const int8_t *s = scale + i / 16;
        out[i] = d * (float)s[0] * (float)six_bits(low[i], high[i]);
        out[i + 32] = d * (float)s[2] * (float)six_bits(low[i + 32], high[i] >> 2);
        out[i + 64] = d * (float)s[4] * (float)six_bits(low[i] >> 4, high[i] >> 4);
        out[i + 96] = d * (float)s[6] * (float)six_bits(low[i + 32] >> 4, high[i] >> 6);
    }
}

/* A block: 128 low nibble bytes, 64 high bit bytes, 16 scales, the F16 scale of the scales. */
static void q6_k_dequantize(float *out, const void *blocks, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i += Q6_K_LEN, b += Q6_K_BYTES, out += Q6_K_LEN) {
        uint16_t d16;
        memcpy(&d16, b + 208, sizeof d16);
        float d = f16_to_f32(d16);
        const int8_t *scale = (const int8_t *)b + 192;
        q6_k_half(out, b, b + 128, scale, d);
        q6_k_half(out + Q6_K_HALF, b + 64, b + 160, scale + 8, d);
    }
}

static const struct { uint32_t type; struct quant_info info; } widened[] = {
    {TYPE_Q6_K, {"Q6_K", Q6_K_LEN, Q6_K_BYTES, q6_k_dequantize, NULL}},
};

#define N_WIDENED (sizeof widened / sizeof widened[0])

const struct quant_info *tensor_type(uint32_t type)
{
    const struct quant_info *known = quant_info(type);
    for (size_t i = 0; i < N_WIDENED && !known; i++)
        if (widened[i].type == type)
            known = &widened[i].info;
    return known;
}

bool type_is_widened(uint32_t type)
{
    return !quant_info(type) && tensor_type(type);
}

void widen_to_f16(uint16_t *out, uint32_t type, const void *blocks, size_t n)
{
    const struct quant_info *q = tensor_type(type);
    const uint8_t *b = blocks;
    float values[Q6_K_LEN];
    size_t step = (size_t)q->block_len;
    CHECK(step <= Q6_K_LEN && n % step == 0);
    for (size_t i = 0; i < n; i += step, b += q->block_bytes) {
        q->dequantize(values, b, step);
        for (size_t j = 0; j < step; j++)
            out[i + j] = f32_to_f16(values[j]);
    }
}
