/* SPDX-License-Identifier: Apache-2.0
 *
 * Panels: the packed form of weights for vector levels, private to this folder. A panel holds
 * PANEL consecutive rows with their columns interleaved, so that one vector register holds the
 * same columns of all its rows, and one register accumulates panel x token without shuffles.
 *
 *   F32, F16, BF16   value[cols][rows]
 *   Q8_0             q[cols/32][8][rows][4], then f16 d[cols/32][rows]
 *                    group g holds columns 4g .. 4g+3 of the block, xored with q8_flip
 *   Q4_0             q[cols/32][4][rows][4], then f16 d[cols/32][rows]
 *                    group g: low nibbles are columns 4g .. 4g+3, high ones 16+4g .. 16+4g+3
 *
 * Quants and scales are apart so that every quant group is aligned. A panel is padded to 64
 * bytes; rows beyond the matrix are zero. Pure functions, any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "kernel/kern.h"

#define TILE_PANELS_MAX 4
#define TILE_TOKENS_MAX 4

struct panel_shape {
    int rows;                          /* of a panel: lanes of a register */
    uint8_t q8_flip;                   /* 0x80 stores Q8_0 quants as q + 128, unsigned */
};

/* One call of the innermost kernel: some panels times some tokens, over all of K. */
struct tile {
    float *y;                          /* [tokens, y_stride], at the first row of the tile */
    size_t y_stride;
    const uint8_t *w;                  /* first panel */
    size_t panel_bytes;                /* from a panel to the next */
    const uint8_t *act;                /* first token */
    size_t act_stride;
    int cols;
    int n_row;                         /* rows to write, in the last panel perhaps not all */
};

typedef void tile_fn(const struct tile *t);
typedef tile_fn *tile_table[TILE_PANELS_MAX][TILE_TOKENS_MAX];  /* by panels - 1, tokens - 1 */

size_t panel_bytes(const struct panel_shape *s, uint32_t type, int cols);
size_t panel_pack_bytes(const struct panel_shape *s, uint32_t type, int rows, int cols);
void panel_pack(const struct panel_shape *s, uint32_t type, void *dst, const void *src, int rows,
                int cols);
void panel_row(const struct panel_shape *s, const struct kern_weight *w, int row, float *out);

struct matmul {
    float *y;
    size_t y_stride;
    const struct kern_weight *w;
    const void *act;
    size_t act_stride;
    int n_tok, row0, row1;
    int n_panel;                       /* panels of a tile; entries of the table exist up to it */
};
/* Cuts rows x tokens into tiles. A tile's shape changes no bit: each output has its own sums. */
void panel_matmul(const struct panel_shape *s, const tile_table *tiles, const struct matmul *m);
