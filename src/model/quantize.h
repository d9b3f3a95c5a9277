/* SPDX-License-Identifier: Apache-2.0
 *
 * Rewrites a GGUF file with another block type. One thread, one pass, bounded memory.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct quantize_result {
    size_t n_tensor, n_changed;
    size_t n_requantized;              /* changed from a type that was not F32, F16 or BF16 */
    size_t bytes_in, bytes_out;        /* of tensor data */
};

/*
 * Writes `in` as `out` (by out.tmp and rename) with its matrices in block type `to` (a type with
 * a quantizer). Vectors become F32. What stays as it is: matrices whose rows are no multiple of
 * the block, expert routers, position and token-type embeddings. For Q4_0 the output head (or the
 * embeddings that stand in for it) becomes Q8_0, where llama.cpp takes Q6_K, for which this build
 * has no quantizer. progress may be NULL.
 */
MUST_CHECK enum err quantize_file(const char *in, const char *out, uint32_t to,
                                  void (*progress)(void *arg, double share), void *progress_arg,
                                  struct quantize_result *result, struct error *e);
