/* SPDX-License-Identifier: Apache-2.0
 *
 * Block types that published files hold but no kernel computes with yet. They are widened to F16
 * when a model is loaded: same answers within F16 rounding, at two bytes a weight. A type that
 * gets kernels moves to kernel/quant.c and leaves this table. Pure functions, any thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/quant.h"

/* Layout and dequantization of any type that a file may hold; NULL when unknown. Types that are
 * widened have no quantize. */
const struct quant_info *tensor_type(uint32_t type);

/* True for types that only this table knows. */
bool type_is_widened(uint32_t type);

/* n values (a multiple of the block) as F16. out [n]. */
void widen_to_f16(uint16_t *out, uint32_t type, const void *blocks, size_t n);
