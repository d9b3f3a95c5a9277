/* SPDX-License-Identifier: Apache-2.0
 *
 * The forward pass: plans its workspace, embeds, runs the layers, and computes the logits that
 * were asked for. The workspace is one block, parts rounded up to 64 bytes:
 *
 *   x | h | act 0 | act 1 | act 2 | q k v att, or gate up | logits | cos | sin | freq |
 *   score of each worker | pages of each worker | row_tok | slot_used
 */
#include "model/forward_internal.h"

#include <string.h>

#include "base/mem.h"

#define PART_ALIGN ((size_t)64)
#define ROPE_BLOCK 64                          /* positions an item of the table fill computes */

/* Hands out the parts of the block; with base 0 it only measures. */
struct plan {
    uintptr_t base;
    size_t at;
    bool bad;                                  /* a size overflowed */
};

static void *take(struct plan *p, size_t n, size_t size)
{
    size_t bytes, end;
    if (!size_mul(n, size, &bytes) || !size_add(bytes, PART_ALIGN - 1, &bytes) ||
        !size_add(p->at, bytes & ~(PART_ALIGN - 1), &end)) {
        p->bad = true;
        return NULL;
    }
    void *part = (void *)(p->base + p->at);
    p->at = end;
    return part;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Bytes of one row of prepared activations: in set 0, and in the others, which only inputs of
 * width use. */
static void act_sizes(const struct model *m, size_t *first, size_t *others)
{
    const struct kern *k = m->kern;
    *first = k->act_bytes(m->output.type, m->output.cols);
    *others = 0;
    for (int i = 0; i < m->shape.n_layer; i++) {
        const struct model_layer *l = &m->layer[i];
        const struct kern_weight *const wide[] = {&l->q, &l->k, &l->v, &l->gate, &l->up};
        for (size_t j = 0; j < sizeof wide / sizeof wide[0]; j++)
            *others = max_size(*others, k->act_bytes(wide[j]->type, wide[j]->cols));
        *first = max_size(*first, k->act_bytes(l->o.type, l->o.cols));
        *first = max_size(*first, k->act_bytes(l->down.type, l->down.cols));
    }
    *first = max_size(*first, *others);
}

static void plan_halves(struct forward *f, struct plan *p, size_t n_tok)
{
    const struct model_shape *s = &f->m->shape;
    size_t q = (size_t)shape_q_rows(s), kv = (size_t)shape_kv_rows(s), start = p->at;
    f->q = take(p, n_tok * q, sizeof(float));
    f->k = take(p, n_tok * kv, sizeof(float));
    f->v = take(p, n_tok * kv, sizeof(float));
    f->att = take(p, n_tok * q, sizeof(float));
    size_t end = p->at;
    p->at = start;
    f->gate = take(p, n_tok * (size_t)s->ff, sizeof(float));
    f->up = take(p, n_tok * (size_t)s->ff, sizeof(float));
    p->at = max_size(p->at, end);
}

static void plan_parts(struct forward *f, struct plan *p)
{
    const struct model_shape *s = &f->m->shape;
    size_t n_tok = (size_t)f->n_token_max, width = (size_t)s->width, act, act_others;
    size_t n_worker = f->workers ? (size_t)workers_count(f->workers) : 1;
    size_t n_angle = (size_t)f->n_ctx * (size_t)(s->n_rot / 2);
    f->x = take(p, n_tok * width, sizeof(float));
    f->h = take(p, n_tok * width, sizeof(float));
    act_sizes(f->m, &act, &act_others);
    f->act[0] = take(p, max_size(n_tok, (size_t)f->n_logits), act);
    for (int i = 1; i < ACT_SETS; i++)
        f->act[i] = take(p, n_tok, act_others);
    plan_halves(f, p, n_tok);
    f->logits = take(p, (size_t)f->n_logits * (size_t)s->n_vocab, sizeof(float));
    f->cos_table = take(p, n_angle, sizeof(float));
    f->sin_table = take(p, n_angle, sizeof(float));
    f->freq = take(p, (size_t)(s->n_rot / 2), sizeof(double));
    f->n_page_max = (f->n_ctx + KV_PAGE_LEN - 1) / KV_PAGE_LEN;
    f->score_stride = (size_t)(s->n_head / s->n_kv_head) * (size_t)f->n_page_max * KV_PAGE_LEN;
    f->score = take(p, n_worker * f->score_stride, sizeof(float));
    f->page = take(p, n_worker * 2 * (size_t)f->n_page_max, sizeof(void *));
    f->row_tok = take(p, n_tok, sizeof(int));
    f->slot_used = take(p, (size_t)f->n_logits, sizeof(bool));
}

static void rope_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    int from = item * ROPE_BLOCK, to = from + ROPE_BLOCK < f->n_ctx ? from + ROPE_BLOCK : f->n_ctx;
    rope_fill(f->cos_table, f->sin_table, f->freq, f->m->shape.n_rot / 2,
              rope_magnitude(&f->m->rope), from, to);
}

static void fill_rope(struct forward *f)
{
    rope_freqs(&f->m->rope, f->freq);
    step_run(f, (f->n_ctx + ROPE_BLOCK - 1) / ROPE_BLOCK, (double)f->n_ctx * f->m->shape.n_rot * 16,
             rope_item);
}

enum err forward_new(const struct model *m, struct workers *w, int n_token, int n_logits, int n_ctx,
                     struct forward **out, struct error *e)
{
    *out = NULL;
    if (n_token < 1 || n_token > FORWARD_TOKENS_MAX || n_logits < 1 ||
        n_logits > FORWARD_TOKENS_MAX || n_ctx < 1 || n_ctx > MODEL_CTX_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS,
                       "a batch of %d tokens, %d outputs and %d positions is outside 1 to %d, %d "
                       "and %d", n_token, n_logits, n_ctx, FORWARD_TOKENS_MAX, FORWARD_TOKENS_MAX,
                       MODEL_CTX_MAX);
    struct forward *f = mem_alloc(sizeof *f);
    *f = (struct forward){.m = m, .workers = w, .n_token_max = n_token, .n_logits = n_logits,
                          .n_ctx = n_ctx};
    struct plan p = {0};
    plan_parts(f, &p);
    f->bytes = p.at;
    f->blob = p.bad ? NULL : mem_try_aligned(PART_ALIGN, p.at);
    if (!f->blob) {
        mem_free(f);
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for a workspace of %zu MiB: lower the "
                       "context or the batch", p.at >> 20);
    }
    p = (struct plan){.base = (uintptr_t)f->blob};
    plan_parts(f, &p);
    CHECK(p.at == f->bytes);
    fill_rope(f);
    *out = f;
    return ERR_OK;
}

void forward_free(struct forward *f)
{
    if (!f)
        return;
    mem_free(f->blob);
    mem_free(f);
}

size_t forward_bytes(const struct forward *f)
{
    return f->bytes;
}

float *forward_logits(struct forward *f, int row)
{
    CHECK(row >= 0 && row < f->n_logits);
    return row_of(f->logits, row, f->m->shape.n_vocab);
}

/* ---- a run ---- */

static void embed_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    f->m->kern->row(&f->m->embd, f->tok[item].id, row_of(f->x, item, f->m->shape.width));
}

static void final_norm_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct kern_weight *w = &f->m->output;
    int width = f->m->shape.width;
    float *h = row_of(f->h, item, width);
    f->m->kern->rms_norm(h, row_of(f->x, item, width), f->m->output_norm, width,
                         f->m->shape.norm_eps);
    act_put(f, &w, 1, f->tok[f->row_tok[item]].logits_row, h);
}

/* A range of the vocabulary for every run of wanted output rows. */
static void logits_item(void *forward, int item, int worker)
{
    (void)worker;
    struct forward *f = forward;
    const struct kern_weight *w = &f->m->output;
    for (int from = 0, to; from < f->n_logits; from = to) {
        bool used = f->slot_used[from];
        for (to = from + 1; to < f->n_logits && f->slot_used[to] == used; to++)
            ;
        if (used)
            product(f, &w, 0, item, f->logits, from, to - from);
    }
}

static void head(struct forward *f)
{
    if (f->n_row == 0)
        return;
    const struct kern_weight *w = &f->m->output;
    memset(f->slot_used, 0, (size_t)f->n_logits * sizeof *f->slot_used);
    for (int j = 0; j < f->n_row; j++) {
        int slot = f->tok[f->row_tok[j]].logits_row;
        CHECK(!f->slot_used[slot]);
        f->slot_used[slot] = true;
    }
    step_run(f, f->n_row, (double)f->n_row * w->cols * 4, final_norm_item);
    step_run(f, chunk_rows(f, 0, w, 1), product_cost(f, w), logits_item);
}

static void start_run(struct forward *f, const struct forward_token *tok, int n_token,
                      void *kv_base)
{
    CHECK(n_token >= 1 && n_token <= f->n_token_max);
    f->tok = tok;
    f->kv_base = kv_base;
    f->n_row = n_token;
    for (int i = 0; i < n_token; i++) {
        CHECK(tok[i].id >= 0 && tok[i].id < f->m->shape.n_vocab);
        CHECK(tok[i].pos >= 0 && tok[i].pos < f->n_ctx);
        CHECK(tok[i].logits_row >= -1 && tok[i].logits_row < f->n_logits);
        f->row_tok[i] = i;
    }
}

void forward_run(struct forward *f, const struct forward_token *tok, int n_token, void *kv_base)
{
    const struct model *m = f->m;
    mem_guard_begin();
    start_run(f, tok, n_token, kv_base);
    step_run(f, n_token, (double)n_token * m->shape.width * 4, embed_item);
    for (int i = 0; i < m->shape.n_layer; i++) {
        f->layer_idx = i;
        f->layer = &m->layer[i];
        attn_half(f, i == m->shape.n_layer - 1);
        if (f->n_row > 0)
            ffn_half(f);
    }
    head(f);
    mem_guard_end();
}
