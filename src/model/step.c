/* SPDX-License-Identifier: Apache-2.0
 *
 * What the steps of a layer share: running items, preparing activations, cutting products.
 */
#include "model/forward_internal.h"

void step_run(struct forward *f, int n_item, double cost,
              void (*fn)(void *forward, int item, int worker))
{
    if (f->workers && n_item > 1 && cost >= STEP_COST_MIN) {
        workers_run(f->workers, n_item, fn, f);
        return;
    }
    for (int i = 0; i < n_item; i++)
        fn(f, i, 0);
}

/* The activations that matrix i uses: those of the first matrix of its type. */
static int act_set(const struct kern_weight *const *w, int i)
{
    for (int j = 0; j < i; j++)
        if (w[j]->type == w[i]->type)
            return j;
    return i;
}

void act_put(struct forward *f, const struct kern_weight *const *w, int n, int row, const float *x)
{
    const struct kern *k = f->m->kern;
    for (int i = 0; i < n; i++) {
        if (act_set(w, i) != i)
            continue;
        size_t stride = k->act_bytes(w[i]->type, w[i]->cols);
        k->act_make(w[i]->type, f->act[i] + (size_t)row * stride, x, w[i]->cols);
    }
}

static int round_up_to(int n, int to)
{
    return (n + to - 1) / to * to;
}

int chunk_rows(struct forward *f, int i, const struct kern_weight *w, int sharers)
{
    int n_worker = f->workers ? workers_count(f->workers) : 1;
    int rows = w->rows * sharers / (n_worker * ITEMS_PER_WORKER);
    rows = rows > ROW_CHUNK_MAX ? ROW_CHUNK_MAX : rows < 1 ? 1 : rows;
    /* A multiple of the grain and of the panel. */
    int grain = ROW_GRAIN, panel = f->m->kern->panel_rows(w->type);
    while (grain % panel != 0)
        grain += ROW_GRAIN;
    f->chunk[i] = round_up_to(rows, grain);
    return (w->rows + f->chunk[i] - 1) / f->chunk[i];
}

struct range product(struct forward *f, const struct kern_weight *const *w, int i, int item,
                     float *y, int row0, int n_row)
{
    const struct kern *k = f->m->kern;
    int from = item * f->chunk[i], to = from + f->chunk[i];
    size_t stride = k->act_bytes(w[i]->type, w[i]->cols);
    to = to < w[i]->rows ? to : w[i]->rows;
    k->matmul(row_of(y, row0, w[i]->rows), (size_t)w[i]->rows, w[i],
              f->act[act_set(w, i)] + (size_t)row0 * stride, stride, n_row, from, to);
    return (struct range){from, to};
}

void product_add(struct forward *f, const struct kern_weight *w, const float *bias, int item)
{
    const struct kern *k = f->m->kern;
    struct range r = product(f, &w, 0, item, f->h, 0, f->n_row);
    for (int j = 0; j < f->n_row; j++) {
        float *x = row_of(f->x, j, w->rows) + r.from;
        k->add(x, row_of(f->h, j, w->rows) + r.from, r.to - r.from);
        if (bias)
            k->add(x, bias + r.from, r.to - r.from);
    }
}
