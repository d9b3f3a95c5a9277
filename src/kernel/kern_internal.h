/* SPDX-License-Identifier: Apache-2.0
 *
 * What the instruction-set files of this folder share: the installers of the staircase, the form
 * of prepared activations, and the panel layout. No other folder includes this.
 *
 * Prepared activations (act_make), one token:
 *   float weights       float x[cols]
 *   quantized weights   int8 q[cols], padding to 64 bytes, then one act_scale per block of 32
 * The quants of a block are x * (127 / max|x|), rounded to nearest even, on every level the same.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "kernel/kern.h"
#include "kernel/quant.h"

#define BLOCK_LEN 32                           /* of Q8_0, Q4_0 and of quantized activations */
#define Q8_0_BYTES 34
#define Q4_0_BYTES 18
#define ACT_ALIGN 64
#define ACT_AMAX_MIN 1e-30f                    /* a block below is zero: 127 / max stays finite */

/* Scale of one block of activations. bias = -zero * sum(q): what to add to a dot product with
 * weights that are stored as w + zero, so that they fit unsigned bytes. */
struct act_scale {
    float d;
    int32_t bias;
};

/* Each installs the functions in which its level beats the one below. */
void kern_use_scalar(struct kern *k);
void kern_use_avx2(struct kern *k);
void kern_use_avx512(struct kern *k);

bool cpu_has_avx2(void);                       /* with FMA and F16C */
bool cpu_has_avx512(void);                     /* F, BW, VL, DQ and VNNI */
void cpu_pause(void);                          /* the hint for a waiting loop */

static inline uint32_t f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float f32_of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint16_t load_u16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_u16(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline uint32_t load_u32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_u32(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

/* f16_to_f32 without branches, so that loops over it can be vectorized. Three readings of the
 * same bits: normal, subnormal (a small difference of two normals, exact), inf or NaN (quiet). */
static inline float f16_value(uint16_t h)
{
    uint32_t mag = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t normal = mag + 0x38000000u;
    uint32_t small = f32_bits(f32_of_bits(mag + 0x38800000u) - 0x1p-14f);
    uint32_t special = mag | 0x7f800000u | (mag > 0x0f800000u ? 0x00400000u : 0);
    uint32_t u = mag < 0x00800000u ? small : mag < 0x0f800000u ? normal : special;
    return f32_of_bits(sign | u);
}

static inline size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static inline bool type_is_float(uint32_t type)
{
    return type == QUANT_F32 || type == QUANT_F16 || type == QUANT_BF16;
}

static inline size_t act_scale_offset(int cols)
{
    return round_up((size_t)cols, ACT_ALIGN);
}

static inline struct act_scale *act_scales(void *act, int cols)
{
    return (struct act_scale *)((uint8_t *)act + act_scale_offset(cols));
}

static inline const struct act_scale *act_scales_of(const void *act, int cols)
{
    return (const struct act_scale *)((const uint8_t *)act + act_scale_offset(cols));
}

/* From the bits of max|x| (integer order sees NaN as largest): sets the scale, gives its inverse,
 * or 0 when all quants are zero: a block of zeros, or one with inf or NaN, which d then carries. */
static inline float act_scale_inverse(uint32_t amax_bits, float *d)
{
    float amax;

    memcpy(&amax, &amax_bits, sizeof amax);
    if (amax_bits >= 0x7f800000u) {
        *d = __builtin_nanf("");
        return 0;
    }
    if (amax < ACT_AMAX_MIN) {
        *d = 0;
        return 0;
    }
    *d = amax / 127.0f;
    return 127.0f / amax;
}
