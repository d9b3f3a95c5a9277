/* SPDX-License-Identifier: Apache-2.0
 *
 * The workspace of a forward pass and its steps. A step is a loop over items that the workers
 * share; the next step starts when all items are done. No other folder includes this.
 *
 * A batch has n_token tokens. Row j of x, h, att and of the activations belongs to token
 * row_tok[j]. At first every token has a row; in the last layer, once K and V are stored, only
 * those whose logits are wanted keep theirs.
 *
 * Exactness: a value is computed by one call of a kernel whose result does not depend on what
 * else is in the batch, so items may be cut anywhere, except that ranges of elementwise kernels
 * with vector tails start at multiples of ROW_GRAIN.
 */
#pragma once
#include "kernel/workers.h"
#include "model/model_internal.h"

#define ACT_SETS 3                     /* matrices that may share one input: q, k, v */
#define ROW_GRAIN 32                   /* rows of an item, at least and as a multiple */
#define ROW_CHUNK_MAX 128              /* rows of an item, at most */
#define ITEMS_PER_WORKER 4             /* wanted, so that a slow worker does not hold up the rest */
#define STEP_COST_MIN 20000            /* multiply-adds below which one thread does a step alone */

struct forward {
    const struct model *m;
    struct workers *workers;           /* borrowed; may be NULL */
    int n_token_max, n_logits, n_ctx;
    void *blob;                        /* all below */
    size_t bytes;

    float *x;                          /* [n_token, width] the residual stream */
    float *h;                          /* [n_token, width] a normed row, or a product to add to x */
    uint8_t *act[ACT_SETS];            /* [rows, act_bytes of the step] prepared activations */
    float *q, *k, *v, *att;            /* [n_token, heads * head_dim], attention half of a layer */
    float *gate, *up;                  /* [n_token, ff], FFN half: the same memory */
    float *logits;                     /* [n_logits, n_vocab] */
    float *cos_table, *sin_table;      /* [n_ctx, n_rot / 2] */
    double *freq;                      /* [n_rot / 2] */
    float *score;                      /* [workers, score_stride] */
    size_t score_stride;
    const void **page;                 /* [workers, 2 * n_page_max] keys' pages, values' pages */
    int n_page_max;
    int *row_tok;                      /* [n_token] */
    bool *slot_used;                   /* [n_logits] */

    /* The run in progress. */
    const struct forward_token *tok;
    uint8_t *kv_base;
    int n_row;
    int layer_idx;
    const struct model_layer *layer;
    int chunk[ACT_SETS];               /* rows of an item, per matrix of the step */
};

/* fn(f, item, worker) for item in [0, n_item), on the workers when the step is worth it. */
void step_run(struct forward *f, int n_item, double cost,
              void (*fn)(void *forward, int item, int worker));

/* Prepares row `row` of the activations for n matrices that share the input x. */
void act_put(struct forward *f, const struct kern_weight *const *w, int n, int row, const float *x);

/* Cuts the rows of w into items; gives their number, sets f->chunk[i]. `sharers` matrices run in
 * the same step. */
int chunk_rows(struct forward *f, int i, const struct kern_weight *w, int sharers);

/* y[j, r] for rows r of w in the item's range and j in [row0, row0 + n_row), from the activations
 * of matrix i of the group w. Gives the range. */
struct range { int from, to; };
struct range product(struct forward *f, const struct kern_weight *const *w, int i, int item,
                     float *y, int row0, int n_row);

/* As product, for matrix 0, but the result is added to x. */
void product_add(struct forward *f, const struct kern_weight *w, const float *bias, int item);

/* Multiply-adds of the product of w with all rows. */
static inline double product_cost(const struct forward *f, const struct kern_weight *w)
{
    return (double)w->rows * w->cols * f->n_row;
}

static inline float *row_of(float *base, int row, int width)
{
    return base + (size_t)row * (size_t)width;
}

/* Halves of a layer: x += attention(x), x += ffn(x). */
void attn_half(struct forward *f, bool is_last);
void ffn_half(struct forward *f);
