/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of the engine as one table of function pointers, chosen once by kern_init from
 * what the CPU can do. The scalar variant is the definition; every variant keeps one fixed
 * order of accumulation per output element along K, so a result depends on the level, never on
 * threads, row ranges, batch size or chunking. Allocates nothing; any thread; borrows all.
 *
 * Matrix product in three steps, so that layouts can change without callers:
 *   load:     kern_weight_pack   GGUF rows -> panels of the level (rows interleaved for VNNI)
 *   per step: act_make           one token's activations -> the form the weight type wants
 *                                (int8 blocks with scales for quantized weights, floats else)
 *   per step: matmul             tile of rows x tokens, called per row range by workers
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

enum kern_level { KERN_SCALAR, KERN_AVX2, KERN_AVX512, KERN_NEON, KERN_LEVEL_COUNT };

/* One weight matrix, y = W x, as packed for a level. */
struct kern_weight {
    uint32_t type;                     /* enum quant_type */
    int rows, cols;                    /* cols is a multiple of the type's block_len */
    const void *data;                  /* panels (64-aligned), or the file's own rows in place */
};

enum rope_kind {
    ROPE_PAIR,                         /* turns (0, 1), (2, 3) .. */
    ROPE_HALF,                         /* turns (i, i + n_rot / 2) */
};

enum kv_type { KV_F32, KV_F16, KV_TYPE_COUNT };

/* Attention of the query heads of one token that share one KV head. */
struct kern_attn {
    const float *q;                    /* [n_q, dim] */
    float *out;                        /* [n_q, dim], overwritten */
    /* Page p holds keys p * page_len .. as [page_len, dim] of kv_type. */
    const void *const *k_page;
    const void *const *v_page;         /* values, same shape */
    int n_q, dim, page_len;            /* dim is a multiple of 4 */
    int n_kv;                          /* keys 0 .. n_kv-1 are visible, at least one */
    enum kv_type kv_type;
    float scale;
    float *score;                      /* scratch, [n_q, n_kv rounded up to page_len] */
};

struct kern {
    enum kern_level level;
    /* Rows of a panel for this weight type: row ranges given to matmul start at multiples of it. */
    int (*panel_rows)(uint32_t type);
    /* Bytes of the packed form; 0 when the file's own rows are used in place. */
    size_t (*pack_bytes)(uint32_t type, int rows, int cols);
    /* Packs rows [0, rows) of src (GGUF blocks, row-major, any alignment) into dst (64-aligned).
     * A matrix may be packed in parts: rows from r on, r a multiple of panel_rows, go to
     * dst + pack_bytes(type, r, cols). Rows are padded to whole panels with zeros. */
    void (*pack)(uint32_t type, void *dst, const void *src, int rows, int cols);
    /* One row as floats, from the packed form (embedding lookup). out [cols]. */
    void (*row)(const struct kern_weight *w, int row, float *out);

    /* Bytes of one prepared token for weights of this type; a multiple of 64. */
    size_t (*act_bytes)(uint32_t type, int cols);
    /* x [cols] -> dst (act_bytes, 64-aligned). */
    void (*act_make)(uint32_t type, void *dst, const float *x, int cols);
    /* y[t, r] = sum over c of W[r,c] * act[t,c] for r in [row0, row1), t in [0, n_tok).
     * y is [n_tok, y_stride]; act is n_tok prepared tokens, act_stride bytes apart. Quantized
     * weights: a token with inf or NaN gives NaN wherever the block that holds it is read. */
    void (*matmul)(float *y, size_t y_stride, const struct kern_weight *w, const void *act,
                   size_t act_stride, int n_tok, int row0, int row1);

    /* y = x / sqrt(mean(x^2) + eps) * w;  y may be x. */
    void (*rms_norm)(float *y, const float *x, const float *w, int n, float eps);
    void (*add)(float *y, const float *x, int n);                      /* y += x */
    void (*silu_mul)(float *y, const float *gate, const float *up, int n); /* silu(gate) * up */
    /* Rotates the first n_rot values of x in place; cos/sin [n_rot / 2] for the position. */
    void (*rope)(float *x, const float *cos, const float *sin, int n_rot, enum rope_kind kind);
    void (*kv_store)(void *dst, const float *x, int n, enum kv_type type);
    /* Keys in ascending order, pages as units: the same bits however the prompt was chunked. */
    void (*attn)(const struct kern_attn *a);
};

/* The best level this CPU and build have; capped by max. */
enum kern_level kern_best(enum kern_level max);
/* Fills k for a level; ERR_UNSUPPORTED when the CPU lacks it. */
MUST_CHECK enum err kern_init(struct kern *k, enum kern_level level, struct error *e);
const char *kern_level_name(enum kern_level level);
bool kern_level_parse(str name, enum kern_level *out);
static inline size_t kv_type_bytes(enum kv_type t) { return t == KV_F16 ? 2 : 4; }
