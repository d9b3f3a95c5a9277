/* SPDX-License-Identifier: Apache-2.0
 *
 * The attention half of a layer:
 *
 *   a = rms_norm(x)                              per token
 *   q, k, v = Wq a + bq, Wk a + bk, Wv a + bv    per rows of the three matrices
 *   norm and rotate heads of q and k; store k, v per token
 *   o[h] = softmax(q[h] K^T * scale) V           per token and KV head
 *   x += Wo o + bo                               per rows of Wo
 *
 * Layout of a KV page: [layer][K, V][kv_head][KV_PAGE_LEN][head_dim] of kv_type.
 */
#include "model/forward_internal.h"

#include <string.h>

static void norm_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct model_layer *l = f->layer;
    int width = f->m->shape.width;
    float *h = row_of(f->h, item, width);
    f->m->kern->rms_norm(h, row_of(f->x, item, width), l->attn_norm, width, f->m->shape.norm_eps);
    act_put(f, (const struct kern_weight *const[]){&l->q, &l->k, &l->v}, 3, item, h);
}

static void qkv_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct kern_weight *const w[3] = {&f->layer->q, &f->layer->k, &f->layer->v};
    float *const y[3] = {f->q, f->k, f->v};
    int i = 0;
    for (; i < 2; i++) {
        int n = (w[i]->rows + f->chunk[i] - 1) / f->chunk[i];
        if (item < n)
            break;
        item -= n;
    }
    product(f, w, i, item, y[i], 0, f->n_row);
}

static void project_qkv(struct forward *f)
{
    const struct kern_weight *const w[3] = {&f->layer->q, &f->layer->k, &f->layer->v};
    int n_item = 0;
    double cost = 0;
    for (int i = 0; i < 3; i++) {
        n_item += chunk_rows(f, i, w[i], 2);
        cost += product_cost(f, w[i]);
    }
    step_run(f, n_item, cost, qkv_item);
}

/* Bias, norm and rotation of the heads of one token's q or k. */
static void finish_heads(struct forward *f, float *x, int n_head, const float *bias,
                         const float *norm, int pos)
{
    const struct kern *k = f->m->kern;
    const struct model_shape *s = &f->m->shape;
    size_t angle = (size_t)pos * (size_t)(s->n_rot / 2);
    if (bias)
        k->add(x, bias, n_head * s->head_dim);
    for (int h = 0; h < n_head; h++, x += s->head_dim) {
        if (norm)
            k->rms_norm(x, x, norm, s->head_dim, s->norm_eps);
        k->rope(x, f->cos_table + angle, f->sin_table + angle, s->n_rot, f->m->rope.kind);
    }
}

/* Bytes of K or of V of one layer in a page. */
static size_t plane_bytes(const struct model *m)
{
    return (size_t)shape_kv_rows(&m->shape) * KV_PAGE_LEN * kv_type_bytes(m->kv_type);
}

/* Where the values of (page, K or V, KV head) of the current layer start. */
static uint8_t *kv_plane(const struct forward *f, uint32_t page, int is_v, int kv_head)
{
    const struct model *m = f->m;
    size_t plane = plane_bytes(m);
    return f->kv_base + (size_t)page * model_kv_page_bytes(m) +
           (size_t)(2 * f->layer_idx + is_v) * plane +
           (size_t)kv_head * (plane / (size_t)m->shape.n_kv_head);
}

static void store_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct model_shape *s = &f->m->shape;
    const struct model_layer *l = f->layer;
    const struct forward_token *t = &f->tok[item];
    float *k = row_of(f->k, item, shape_kv_rows(s)), *v = row_of(f->v, item, shape_kv_rows(s));
    finish_heads(f, row_of(f->q, item, shape_q_rows(s)), s->n_head, l->q_bias, l->q_norm, t->pos);
    finish_heads(f, k, s->n_kv_head, l->k_bias, l->k_norm, t->pos);
    if (l->v_bias)
        f->m->kern->add(v, l->v_bias, shape_kv_rows(s));

    uint32_t page = t->page[t->pos / KV_PAGE_LEN];
    size_t head_bytes = (size_t)s->head_dim * kv_type_bytes(f->m->kv_type);
    size_t at = (size_t)(t->pos % KV_PAGE_LEN) * head_bytes;
    for (int h = 0; h < s->n_kv_head; h++, k += s->head_dim, v += s->head_dim) {
        f->m->kern->kv_store(kv_plane(f, page, 0, h) + at, k, s->head_dim, f->m->kv_type);
        f->m->kern->kv_store(kv_plane(f, page, 1, h) + at, v, s->head_dim, f->m->kv_type);
    }
}

/* Only rows whose logits are wanted go on. x is closed up; q stays by token. */
static void keep_logits_rows(struct forward *f)
{
    int width = f->m->shape.width, n = 0;
    for (int i = 0; i < f->n_row; i++) {
        if (f->tok[i].logits_row < 0)
            continue;
        if (n != i)
            memcpy(row_of(f->x, n, width), row_of(f->x, i, width), (size_t)width * sizeof(float));
        f->row_tok[n++] = i;
    }
    f->n_row = n;
}

static void attend_item(void *forward, int item, int worker)
{
    struct forward *f = forward;
    const struct model_shape *s = &f->m->shape;
    int row = item / s->n_kv_head, head = item % s->n_kv_head, n_q = s->n_head / s->n_kv_head;
    const struct forward_token *t = &f->tok[f->row_tok[row]];
    const void **k_page = f->page + (size_t)worker * 2 * (size_t)f->n_page_max;
    const void **v_page = k_page + f->n_page_max;
    for (int p = 0; p <= t->pos / KV_PAGE_LEN; p++) {
        k_page[p] = kv_plane(f, t->page[p], 0, head);
        v_page[p] = kv_plane(f, t->page[p], 1, head);
    }
    size_t at = (size_t)head * (size_t)n_q * (size_t)s->head_dim;
    f->m->kern->attn(&(struct kern_attn){
        .q = row_of(f->q, f->row_tok[row], shape_q_rows(s)) + at,
        .out = row_of(f->att, row, shape_q_rows(s)) + at,
        .k_page = k_page, .v_page = v_page,
        .n_q = n_q, .dim = s->head_dim, .page_len = KV_PAGE_LEN, .n_kv = t->pos + 1,
        .kv_type = f->m->kv_type, .scale = f->m->attn_scale,
        .score = f->score + (size_t)worker * f->score_stride,
    });
}

static double attend_cost(const struct forward *f)
{
    double n_key = 0;
    for (int j = 0; j < f->n_row; j++)
        n_key += f->tok[f->row_tok[j]].pos + 1;
    return n_key * 2 * shape_q_rows(&f->m->shape);
}

static void out_act_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct kern_weight *w = &f->layer->o;
    act_put(f, &w, 1, item, row_of(f->att, item, w->cols));
}

static void out_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    product_add(f, &f->layer->o, f->layer->o_bias, item);
}

void attn_half(struct forward *f, bool is_last)
{
    const struct model_shape *s = &f->m->shape;
    step_run(f, f->n_row, (double)f->n_row * s->width * 4, norm_item);
    project_qkv(f);
    step_run(f, f->n_row, (double)f->n_row * (shape_q_rows(s) + shape_kv_rows(s)) * 4, store_item);
    if (is_last)
        keep_logits_rows(f);
    if (f->n_row == 0)
        return;
    step_run(f, f->n_row * s->n_kv_head, attend_cost(f), attend_item);
    step_run(f, f->n_row, (double)f->n_row * shape_q_rows(s) * 2, out_act_item);
    step_run(f, chunk_rows(f, 0, &f->layer->o, 1), product_cost(f, &f->layer->o), out_item);
}
