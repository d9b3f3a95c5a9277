/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing into panels, reading back, and the order in which tiles are visited. Plain C: this runs
 * once at load, or once per tile. Layout: panel.h.
 */
#include "kernel/panel.h"

#include "base/err.h"
#include "kernel/kern_internal.h"

/* Tokens whose activations stay in the second-level cache while all panels of a range pass. */
#define TOKEN_BLOCK 64
#define GROUP_BYTES 4                          /* of one row, in a group */
#define CHUNK 64                               /* values of a row that are read back at a time */

static bool is_block_type(uint32_t type)
{
    return type == QUANT_Q8_0 || type == QUANT_Q4_0;
}

/* Groups of one block: its quants are so many 4-byte words behind the 2-byte scale. */
static size_t block_groups(uint32_t type)
{
    return (size_t)(quant_info(type)->block_bytes - 2) / GROUP_BYTES;
}

static uint32_t group_flip(const struct panel_shape *s, uint32_t type)
{
    return type == QUANT_Q8_0 ? s->q8_flip * 0x01010101u : 0;
}

/* Where the scales of a panel start. */
static size_t scale_offset(const struct panel_shape *s, uint32_t type, int cols)
{
    return (size_t)cols / BLOCK_LEN * block_groups(type) * GROUP_BYTES * (size_t)s->rows;
}

size_t panel_bytes(const struct panel_shape *s, uint32_t type, int cols)
{
    const struct quant_info *q = quant_info(type);
    size_t row = (size_t)(cols / q->block_len) * (size_t)q->block_bytes;
    return round_up(row * (size_t)s->rows, ACT_ALIGN);
}

size_t panel_pack_bytes(const struct panel_shape *s, uint32_t type, int rows, int cols)
{
    size_t n = round_up((size_t)rows, (size_t)s->rows) / (size_t)s->rows;
    return n * panel_bytes(s, type, cols);
}

static void pack_block_row(const struct panel_shape *s, uint32_t type, uint8_t *panel,
                           const uint8_t *src, int row, int cols)
{
    size_t n_group = block_groups(type), rows = (size_t)s->rows;
    uint32_t flip = group_flip(s, type);
    uint8_t *q = panel + (size_t)row * GROUP_BYTES;
    uint8_t *d = panel + scale_offset(s, type, cols) + (size_t)row * 2;

    for (int b = 0; b < cols / BLOCK_LEN; b++, d += 2 * rows) {
        store_u16(d, load_u16(src));
        src += 2;
        for (size_t g = 0; g < n_group; g++, src += GROUP_BYTES, q += GROUP_BYTES * rows)
            store_u32(q, load_u32(src) ^ flip);
    }
}

static void pack_float_row(const struct panel_shape *s, uint32_t type, uint8_t *panel,
                           const uint8_t *src, int row, int cols)
{
    size_t bytes = (size_t)quant_info(type)->block_bytes;
    uint8_t *to = panel + (size_t)row * bytes;

    for (int c = 0; c < cols; c++, src += bytes, to += bytes * (size_t)s->rows) {
        if (bytes == 4)
            store_u32(to, load_u32(src));
        else
            store_u16(to, load_u16(src));
    }
}

void panel_pack(const struct panel_shape *s, uint32_t type, void *dst, const void *src, int rows,
                int cols)
{
    const struct quant_info *q = quant_info(type);
    size_t row_bytes = (size_t)(cols / q->block_len) * (size_t)q->block_bytes;
    size_t bytes = panel_bytes(s, type, cols);

    memset(dst, 0, panel_pack_bytes(s, type, rows, cols));
    for (int r = 0; r < rows; r++) {
        uint8_t *panel = (uint8_t *)dst + (size_t)(r / s->rows) * bytes;
        const uint8_t *from = (const uint8_t *)src + (size_t)r * row_bytes;
        if (is_block_type(type))
            pack_block_row(s, type, panel, from, r % s->rows, cols);
        else
            pack_float_row(s, type, panel, from, r % s->rows, cols);
    }
}

static void read_block_row(const struct panel_shape *s, uint32_t type, const uint8_t *panel,
                           int row, int cols, float *out)
{
    size_t n_group = block_groups(type), rows = (size_t)s->rows;
    uint32_t flip = group_flip(s, type);
    const uint8_t *q = panel + (size_t)row * GROUP_BYTES;
    const uint8_t *d = panel + scale_offset(s, type, cols) + (size_t)row * 2;
    uint8_t block[Q8_0_BYTES];

    for (int b = 0; b < cols / BLOCK_LEN; b++, d += 2 * rows, out += BLOCK_LEN) {
        store_u16(block, load_u16(d));
        for (size_t g = 0; g < n_group; g++, q += GROUP_BYTES * rows)
            store_u32(block + 2 + g * GROUP_BYTES, load_u32(q) ^ flip);
        quant_info(type)->dequantize(out, block, BLOCK_LEN);
    }
}

static void read_float_row(const struct panel_shape *s, uint32_t type, const uint8_t *panel,
                           int row, int cols, float *out)
{
    size_t bytes = (size_t)quant_info(type)->block_bytes;
    const uint8_t *from = panel + (size_t)row * bytes;
    uint8_t chunk[CHUNK * sizeof(float)];

    for (int c = 0; c < cols; c += CHUNK) {
        size_t n = cols - c < CHUNK ? (size_t)(cols - c) : CHUNK;
        for (size_t i = 0; i < n; i++, from += bytes * (size_t)s->rows)
            memcpy(chunk + i * bytes, from, bytes);
        quant_info(type)->dequantize(out + c, chunk, n);
    }
}

void panel_row(const struct panel_shape *s, const struct kern_weight *w, int row, float *out)
{
    const uint8_t *panel =
        (const uint8_t *)w->data + (size_t)(row / s->rows) * panel_bytes(s, w->type, w->cols);

    if (is_block_type(w->type))
        read_block_row(s, w->type, panel, row % s->rows, w->cols, out);
    else
        read_float_row(s, w->type, panel, row % s->rows, w->cols, out);
}

/* All panels of the range times tokens [t0, t1). */
static void visit_tiles(const struct panel_shape *s, const tile_table *tiles,
                        const struct matmul *m, int t0, int t1)
{
    size_t bytes = panel_bytes(s, m->w->type, m->w->cols);
    int step = m->n_panel * s->rows;

    for (int r = m->row0; r < m->row1; r += step) {
        int n_row = m->row1 - r < step ? m->row1 - r : step;
        int n_panel = (n_row + s->rows - 1) / s->rows;
        for (int t = t0; t < t1; t += TILE_TOKENS_MAX) {
            int n_tok = t1 - t < TILE_TOKENS_MAX ? t1 - t : TILE_TOKENS_MAX;
            struct tile tile = {
                .y = m->y + (size_t)t * m->y_stride + (size_t)r,
                .y_stride = m->y_stride,
                .w = (const uint8_t *)m->w->data + (size_t)(r / s->rows) * bytes,
                .panel_bytes = bytes,
                .act = (const uint8_t *)m->act + (size_t)t * m->act_stride,
                .act_stride = m->act_stride,
                .cols = m->w->cols,
                .n_row = n_row,
            };
            (*tiles)[n_panel - 1][n_tok - 1](&tile);
        }
    }
}

void panel_matmul(const struct panel_shape *s, const tile_table *tiles, const struct matmul *m)
{
    DCHECK(m->row0 % s->rows == 0 && m->row1 <= m->w->rows);
    for (int t = 0; t < m->n_tok; t += TOKEN_BLOCK)
        visit_tiles(s, tiles, m, t, m->n_tok - t < TOKEN_BLOCK ? m->n_tok : t + TOKEN_BLOCK);
}
