/* SPDX-License-Identifier: Apache-2.0
 *
 * The feed-forward half of a layer:
 *
 *   a = rms_norm(x)                     per token
 *   g = silu(Wg a) * (Wu a)             per rows of the two matrices, cut alike
 *   x += Wd g                           per rows of Wd
 */
#include "model/forward_internal.h"

static void norm_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct model_layer *l = f->layer;
    int width = f->m->shape.width;
    float *h = row_of(f->h, item, width);
    f->m->kern->rms_norm(h, row_of(f->x, item, width), l->ffn_norm, width, f->m->shape.norm_eps);
    act_put(f, (const struct kern_weight *const[]){&l->gate, &l->up}, 2, item, h);
}

static void gate_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct kern_weight *const w[2] = {&f->layer->gate, &f->layer->up};
    int ff = f->m->shape.ff;
    struct range r = product(f, w, 0, item, f->gate, 0, f->n_row);
    product(f, w, 1, item, f->up, 0, f->n_row);
    for (int j = 0; j < f->n_row; j++) {
        float *gate = row_of(f->gate, j, ff) + r.from;
        f->m->kern->silu_mul(gate, gate, row_of(f->up, j, ff) + r.from, r.to - r.from);
    }
}

/* One cut for both matrices: a multiple of either one's panel. */
static int chunk_gate_up(struct forward *f)
{
    (void)chunk_rows(f, 0, &f->layer->gate, 2);
    (void)chunk_rows(f, 1, &f->layer->up, 2);
    int chunk = f->chunk[0], rows = f->m->shape.ff;
    while (chunk % f->chunk[1] != 0)
        chunk += f->chunk[0];
    f->chunk[0] = f->chunk[1] = chunk;
    return (rows + chunk - 1) / chunk;
}

static void down_act_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct kern_weight *w = &f->layer->down;
    act_put(f, &w, 1, item, row_of(f->gate, item, w->cols));
}

static void down_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    product_add(f, &f->layer->down, NULL, item);
}

void ffn_half(struct forward *f)
{
    const struct model_shape *s = &f->m->shape;
    const struct model_layer *l = f->layer;
    step_run(f, f->n_row, (double)f->n_row * s->width * 4, norm_item);
    step_run(f, chunk_gate_up(f), product_cost(f, &l->gate) * 2, gate_item);
    step_run(f, f->n_row, (double)f->n_row * s->ff * 2, down_act_item);
    step_run(f, chunk_rows(f, 0, &l->down, 1), product_cost(f, &l->down), down_item);
}
