/* SPDX-License-Identifier: Apache-2.0
 *
 * Block types of GGUF tensors: layout, exact dequantization, quantization. The numbers are the
 * file format's own (ggml_type). One row of the table is one type; a type without a row is
 * refused at load with its number. Pure functions, any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

enum quant_type {
    QUANT_F32 = 0,
    QUANT_F16 = 1,
    QUANT_Q4_0 = 2,
    QUANT_Q8_0 = 8,
    QUANT_BF16 = 30,
    QUANT_TYPE_COUNT = 40             /* exclusive bound of the numbers the table may use */
};

struct quant_info {
    const char *name;                  /* "Q8_0" */
    int block_len;                     /* values in a block */
    int block_bytes;
    /* n values, n a multiple of block_len. Bit for bit the reference's dequantization. */
    void (*dequantize)(float *out, const void *blocks, size_t n);
    /* Same blocks as llama.cpp's reference quantizer without importance matrix. */
    void (*quantize)(void *blocks, const float *in, size_t n);
};

/* NULL for a type this build does not know. */
const struct quant_info *quant_info(uint32_t type);
/* By name, case-blind; NULL when unknown. *type gets the number. */
const struct quant_info *quant_by_name(str name, uint32_t *type);

float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);          /* round to nearest even */
float bf16_to_f32(uint16_t h);
uint16_t f32_to_bf16(float f);         /* round to nearest even; NaN stays NaN */
