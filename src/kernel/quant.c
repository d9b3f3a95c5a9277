/* SPDX-License-Identifier: Apache-2.0
 *
 * Block types: one table row each, with the two functions that define it. The layouts are those
 * of the file format (ggml); every multi-byte number is little-endian.
 *
 *   Q8_0   34 bytes, 32 values   0: f16 d    2: int8 q[32]    x[i] = q[i] * d
 *   Q4_0   18 bytes, 32 values   0: f16 d    2: u8 q[16]      x[i] = (low nibble q[i] - 8) * d
 *                                                             x[i + 16] = (high nibble - 8) * d
 *
 * Pure functions, any thread, no alignment demanded of the block side.
 */
#include "kernel/quant.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernel/kern_internal.h"

float f16_to_f32(uint16_t h)
{
    return f16_value(h);
}

uint16_t f32_to_f16(float f)
{
    uint32_t u = f32_bits(f), mag = u & 0x7fffffffu;
    uint32_t sign = u >> 16 & 0x8000;

    if (mag > 0x7f800000u)                     /* NaN: quiet, as the hardware does */
        return (uint16_t)(sign | 0x7e00 | (mag >> 13 & 0x3ff));
    if (mag >= 0x477ff000u)                    /* rounds to 2^16 or more */
        return (uint16_t)(sign | 0x7c00);
    if (mag < 0x38800000u) {                   /* subnormal: adding 0.5 leaves units of 2^-24 */
        uint32_t r = f32_bits(f32_of_bits(mag) + 0.5f);
        return (uint16_t)(sign | (r - 0x3f000000u));
    }
    uint32_t odd = mag >> 13 & 1;
    return (uint16_t)(sign | (mag - 0x38000000u + 0xfff + odd) >> 13);
}

float bf16_to_f32(uint16_t h)
{
    return f32_of_bits((uint32_t)h << 16);
}

uint16_t f32_to_bf16(float f)
{
    uint32_t u = f32_bits(f);

    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* Like a cast, but total: out-of-range and NaN (only from broken input) become a border or 0. */
static inline int int_clamped(float f, int lo, int hi)
{
    if (!(f > (float)lo))
        return f <= (float)lo ? lo : 0;
    return f < (float)hi ? (int)f : hi;
}

static void f32_dequantize(float *out, const void *blocks, size_t n)
{
    memcpy(out, blocks, n * sizeof *out);
}

static void f32_quantize(void *blocks, const float *in, size_t n)
{
    memcpy(blocks, in, n * sizeof *in);
}

static void f16_dequantize(float *out, const void *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = f16_value(load_u16((const uint8_t *)blocks + 2 * i));
}

static void f16_quantize(void *blocks, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_u16((uint8_t *)blocks + 2 * i, f32_to_f16(in[i]));
}

static void bf16_dequantize(float *out, const void *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = bf16_to_f32(load_u16((const uint8_t *)blocks + 2 * i));
}

static void bf16_quantize(void *blocks, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_u16((uint8_t *)blocks + 2 * i, f32_to_bf16(in[i]));
}

static void q8_0_dequantize(float *out, const void *blocks, size_t n)
{
    const uint8_t *b = blocks;

    for (size_t i = 0; i < n; i += BLOCK_LEN, b += Q8_0_BYTES) {
        float d = f16_value(load_u16(b));
        for (size_t j = 0; j < BLOCK_LEN; j++)
            out[i + j] = (float)(int8_t)b[2 + j] * d;
    }
}

static void q8_0_quantize(void *blocks, const float *in, size_t n)
{
    uint8_t *b = blocks;

    for (size_t i = 0; i < n; i += BLOCK_LEN, b += Q8_0_BYTES) {
        float amax = 0;
        for (size_t j = 0; j < BLOCK_LEN; j++)
            amax = amax > fabsf(in[i + j]) ? amax : fabsf(in[i + j]);
        float d = amax / 127.0f;
        float id = d != 0 ? 1.0f / d : 0.0f;

        store_u16(b, f32_to_f16(d));
        for (size_t j = 0; j < BLOCK_LEN; j++)
            b[2 + j] = (uint8_t)int_clamped(roundf(in[i + j] * id), -128, 127);
    }
}

static void q4_0_dequantize(float *out, const void *blocks, size_t n)
{
    const uint8_t *b = blocks;

    for (size_t i = 0; i < n; i += BLOCK_LEN, b += Q4_0_BYTES) {
        float d = f16_value(load_u16(b));
        for (size_t j = 0; j < BLOCK_LEN / 2; j++) {
            out[i + j] = (float)((b[2 + j] & 15) - 8) * d;
            out[i + j + BLOCK_LEN / 2] = (float)((b[2 + j] >> 4) - 8) * d;
        }
    }
}

/* The value of largest magnitude maps to -8, so that one end of the range is used fully. */
static void q4_0_quantize(void *blocks, const float *in, size_t n)
{
    uint8_t *b = blocks;

    for (size_t i = 0; i < n; i += BLOCK_LEN, b += Q4_0_BYTES) {
        float max = 0;
        for (size_t j = 0; j < BLOCK_LEN; j++)
            max = fabsf(max) < fabsf(in[i + j]) ? in[i + j] : max;
        float d = max / -8.0f;
        float id = d != 0 ? 1.0f / d : 0.0f;

        store_u16(b, f32_to_f16(d));
        for (size_t j = 0; j < BLOCK_LEN / 2; j++) {
            int lo = int_clamped(in[i + j] * id + 8.5f, 0, 15);
            int hi = int_clamped(in[i + j + BLOCK_LEN / 2] * id + 8.5f, 0, 15);
            b[2 + j] = (uint8_t)(lo | hi << 4);
        }
    }
}

static const struct quant_info quant_table[] = {
    [QUANT_F32] = {"F32", 1, 4, f32_dequantize, f32_quantize},
    [QUANT_F16] = {"F16", 1, 2, f16_dequantize, f16_quantize},
    [QUANT_Q4_0] = {"Q4_0", BLOCK_LEN, Q4_0_BYTES, q4_0_dequantize, q4_0_quantize},
    [QUANT_Q8_0] = {"Q8_0", BLOCK_LEN, Q8_0_BYTES, q8_0_dequantize, q8_0_quantize},
    [QUANT_BF16] = {"BF16", 1, 2, bf16_dequantize, bf16_quantize},
};
#define TABLE_LEN (sizeof quant_table / sizeof quant_table[0])
static_assert(TABLE_LEN <= QUANT_TYPE_COUNT, "a type number is beyond its bound");

const struct quant_info *quant_info(uint32_t type)
{
    return type < TABLE_LEN && quant_table[type].name ? &quant_table[type] : NULL;
}

const struct quant_info *quant_by_name(str name, uint32_t *type)
{
    for (uint32_t i = 0; i < TABLE_LEN; i++) {
        if (!quant_table[i].name || !str_eq_nocase(name, str_of(quant_table[i].name)))
            continue;
        *type = i;
        return &quant_table[i];
    }
    return NULL;
}
