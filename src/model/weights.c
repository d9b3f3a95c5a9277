/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of a model: which tensors a layer has (a table), that each has the shape that the
 * metadata asks for, and their packing into one block of memory:
 *
 *   blob | matrix | matrix | ... | vector | vector | ...     each part rounded up to 64 bytes
 *          packed by kern->pack     as float32
 *
 * A matrix that the level uses as the file holds it takes no room and stays in the map, unless its
 * type has no kernels: then its F16 form (widen.h) takes the place of the file's rows. Tensors that
 * no rule claims are refused: leaving one out would give wrong answers without a word.
 */
#include "model/model_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/widen.h"

#define PART_ALIGN 64
#define NAME_MAX_BYTES 64

/* Sizes that shapes are made of. */
enum dim { DIM_NONE, DIM_WIDTH, DIM_Q, DIM_KV, DIM_Q_KV, DIM_QKV, DIM_HEAD, DIM_FF, DIM_VOCAB,
           DIM_PAIRS, DIM_COUNT };

struct tensor_rule {
    const char *name;                  /* behind "blk.N." in a layer */
    size_t to;                         /* offset of the target in the layer or the model */
    enum dim rows;                     /* DIM_NONE: a vector of cols */
    enum dim cols;
    unsigned feature;                  /* which a family must have, or may have; 0: all have it */
    bool is_optional;                  /* may be absent in any family */
    const char *fused;                 /* tensor of DIM_QKV rows that may hold this one */
    enum dim fused_row;                /* its first row there */
};

#define LAYER(field) offsetof(struct model_layer, field)
#define MODEL(field) offsetof(struct model, field)

static const struct tensor_rule layer_rules[] = {
    {"attn_norm.weight", LAYER(attn_norm), .cols = DIM_WIDTH},
    {"attn_q.weight", LAYER(q), .rows = DIM_Q, .cols = DIM_WIDTH, .fused = "attn_qkv.weight"},
    {"attn_k.weight", LAYER(k), .rows = DIM_KV, .cols = DIM_WIDTH, .fused = "attn_qkv.weight",
     .fused_row = DIM_Q},
    {"attn_v.weight", LAYER(v), .rows = DIM_KV, .cols = DIM_WIDTH, .fused = "attn_qkv.weight",
     .fused_row = DIM_Q_KV},
    {"attn_q.bias", LAYER(q_bias), .cols = DIM_Q, .feature = FEAT_QKV_BIAS,
     .fused = "attn_qkv.bias"},
    {"attn_k.bias", LAYER(k_bias), .cols = DIM_KV, .feature = FEAT_QKV_BIAS,
     .fused = "attn_qkv.bias", .fused_row = DIM_Q},
    {"attn_v.bias", LAYER(v_bias), .cols = DIM_KV, .feature = FEAT_QKV_BIAS,
     .fused = "attn_qkv.bias", .fused_row = DIM_Q_KV},
    {"attn_q_norm.weight", LAYER(q_norm), .cols = DIM_HEAD, .feature = FEAT_QK_NORM},
    {"attn_k_norm.weight", LAYER(k_norm), .cols = DIM_HEAD, .feature = FEAT_QK_NORM},
    {"attn_output.weight", LAYER(o), .rows = DIM_WIDTH, .cols = DIM_Q},
    {"attn_output.bias", LAYER(o_bias), .cols = DIM_WIDTH, .feature = FEAT_O_BIAS},
    {"ffn_norm.weight", LAYER(ffn_norm), .cols = DIM_WIDTH},
    {"ffn_gate.weight", LAYER(gate), .rows = DIM_FF, .cols = DIM_WIDTH},
    {"ffn_up.weight", LAYER(up), .rows = DIM_FF, .cols = DIM_WIDTH},
    {"ffn_down.weight", LAYER(down), .rows = DIM_WIDTH, .cols = DIM_FF},
};

static const struct tensor_rule model_rules[] = {
    {"token_embd.weight", MODEL(embd), .rows = DIM_VOCAB, .cols = DIM_WIDTH},
    {"output_norm.weight", MODEL(output_norm), .cols = DIM_WIDTH},
    {"output.weight", MODEL(output), .rows = DIM_VOCAB, .cols = DIM_WIDTH, .is_optional = true},
    {"rope_freqs.weight", MODEL(rope.divisor), .cols = DIM_PAIRS, .is_optional = true},
};

#define N_LAYER_RULE (sizeof layer_rules / sizeof layer_rules[0])
#define N_MODEL_RULE (sizeof model_rules / sizeof model_rules[0])

/* One target, found in the file. */
struct part {
    const struct gguf_tensor *tensor;
    void *to;                          /* struct kern_weight *, or const float ** */
    const uint8_t *src;
    uint32_t type;                     /* that the kernels see */
    int rows;                          /* 0: a vector */
    int cols;
    size_t bytes;                      /* in the blob */
    void *dst;
    uint16_t *wide;                    /* [rows, cols] while a widened type is packed */
};

struct load {
    struct model *m;
    const struct model_options *o;
    struct part *part;                 /* [n_part], at most one per rule and layer */
    size_t n_part;
    bool *claimed;                     /* [tensors of the file] */
    size_t first;                      /* of the parts that a parallel loop packs */
};

/* ---- finding ---- */

static uint64_t dim_of(const struct model_shape *s, enum dim d)
{
    const uint64_t q = (uint64_t)shape_q_rows(s), kv = (uint64_t)shape_kv_rows(s);
    const uint64_t of[DIM_COUNT] = {
        [DIM_NONE] = 0, [DIM_WIDTH] = (uint64_t)s->width, [DIM_Q] = q, [DIM_KV] = kv,
        [DIM_Q_KV] = q + kv, [DIM_QKV] = q + 2 * kv, [DIM_HEAD] = (uint64_t)s->head_dim,
        [DIM_FF] = (uint64_t)s->ff, [DIM_VOCAB] = (uint64_t)s->n_vocab,
        [DIM_PAIRS] = (uint64_t)s->n_rot / 2,
    };
    return of[d];
}

/* The tensor called "blk.LAYER.name" (layer -1: "name"), or NULL. */
static const struct gguf_tensor *lookup(struct load *l, int layer, const char *name,
                                        char full[NAME_MAX_BYTES])
{
    if (layer < 0)
        snprintf(full, NAME_MAX_BYTES, "%s", name);
    else
        snprintf(full, NAME_MAX_BYTES, "blk.%d.%s", layer, name);
    const struct gguf_tensor *t = gguf_tensor(l->m->gguf, full);
    if (t)
        l->claimed[t - gguf_tensor_at(l->m->gguf, 0)] = true;
    return t;
}

/* rows 0: a vector of cols values. */
static enum err check_shape(const struct gguf_tensor *t, uint64_t cols, uint64_t rows,
                            struct error *e)
{
    uint64_t second = rows ? rows : 1;
    if (t->dim[0] == cols && t->dim[1] == second && t->dim[2] == 1 && t->dim[3] == 1)
        return ERR_OK;
    char more[48] = "";
    if (t->dim[2] != 1 || t->dim[3] != 1)
        snprintf(more, sizeof more, ", %llu, %llu", (unsigned long long)t->dim[2],
                 (unsigned long long)t->dim[3]);
    return err_set(e, ERR_FORMAT, ERR_NO_POS, "tensor %.*s has the shape {%llu, %llu%s}, the "
                   "metadata of the model asks for {%llu, %llu}", STR_FMT(str_sub(t->name, 0, 80)),
                   (unsigned long long)t->dim[0], (unsigned long long)t->dim[1], more,
                   (unsigned long long)cols, (unsigned long long)second);
}

static enum err check_vector_type(const struct gguf_tensor *t, struct error *e)
{
    if (t->type == QUANT_F32 || t->type == QUANT_F16 || t->type == QUANT_BF16)
        return ERR_OK;
    return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "tensor %.*s is %s; norms and biases must be "
                   "F32, F16 or BF16", STR_FMT(str_sub(t->name, 0, 80)),
                   tensor_type(t->type)->name);
}

/* Bytes of `values` values of the tensor; a multiple of its block by the checks before. */
static size_t value_bytes(const struct gguf_tensor *t, uint64_t values)
{
    const struct quant_info *q = tensor_type(t->type);
    return (size_t)(values / (uint64_t)q->block_len) * (size_t)q->block_bytes;
}

static size_t matrix_bytes(const struct load *l, const struct part *p)
{
    size_t packed = l->o->kern->pack_bytes(p->type, p->rows, p->cols);
    return packed || p->type == p->tensor->type
        ? packed : (size_t)p->rows * (size_t)p->cols * sizeof(uint16_t);
}

static enum err add_part(struct load *l, const struct tensor_rule *rule,
                         const struct gguf_tensor *t, bool is_fused, void *owner, struct error *e)
{
    const struct model_shape *s = &l->m->shape;
    uint64_t rows = dim_of(s, rule->rows), cols = dim_of(s, rule->cols);
    uint64_t first = is_fused ? dim_of(s, rule->fused_row) : 0;
    uint64_t all = is_fused ? dim_of(s, DIM_QKV) : rows ? rows : cols;
    TRY(rows ? check_shape(t, cols, all, e) : check_shape(t, all, 0, e));
    if (!rows)
        TRY(check_vector_type(t, e));
    struct part *p = &l->part[l->n_part++];
    *p = (struct part){.tensor = t, .to = (uint8_t *)owner + rule->to,
                       .src = (const uint8_t *)t->data + value_bytes(t, first * (rows ? cols : 1)),
                       .type = type_is_widened(t->type) ? QUANT_F16 : t->type,
                       .rows = (int)rows, .cols = (int)cols};
    p->bytes = rows ? matrix_bytes(l, p) : cols * sizeof(float);
    return ERR_OK;
}

static enum err find_part(struct load *l, const struct tensor_rule *rule, int layer, void *owner,
                          struct error *e)
{
    const struct family *f = l->m->family;
    if (rule->feature && !((f->required | f->optional) & rule->feature))
        return ERR_OK;
    char name[NAME_MAX_BYTES];
    bool is_fused = false;
    const struct gguf_tensor *t = lookup(l, layer, rule->name, name);
    if (!t && rule->fused) {
        char fused[NAME_MAX_BYTES];
        t = lookup(l, layer, rule->fused, fused);
        is_fused = t != NULL;
    }
    if (t)
        return add_part(l, rule, t, is_fused, owner, e);
    if (rule->is_optional || (rule->feature && !(f->required & rule->feature)))
        return ERR_OK;
    return err_set(e, ERR_FORMAT, ERR_NO_POS, "tensor %s is missing", name);
}

static enum err find_parts(struct load *l, struct error *e)
{
    struct model *m = l->m;
    for (size_t i = 0; i < N_MODEL_RULE; i++)
        TRY(find_part(l, &model_rules[i], -1, m, e));
    for (int n = 0; n < m->shape.n_layer; n++)
        for (size_t i = 0; i < N_LAYER_RULE; i++)
            TRY(find_part(l, &layer_rules[i], n, &m->layer[n], e));
    for (size_t i = 0; i < gguf_tensor_count(m->gguf); i++) {
        if (!l->claimed[i])
            return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "tensor %.*s is not part of the "
                           "architecture %s as this build knows it",
                           STR_FMT(str_sub(gguf_tensor_at(m->gguf, i)->name, 0, 80)),
                           m->family->arch);
    }
    return ERR_OK;
}

/* ---- packing ---- */

/* Draws the blob and gives every part its place in it. */
static enum err plan_blob(struct load *l, struct error *e)
{
    size_t total = 0;
    for (size_t i = 0; i < l->n_part; i++) {
        size_t room;
        if (!size_add(l->part[i].bytes, PART_ALIGN - 1, &room) ||
            !size_add(total, room & ~(size_t)(PART_ALIGN - 1), &total))
            return err_set(e, ERR_LIMIT, ERR_NO_POS, "the size of the weights overflows");
    }
    uint8_t *at = l->m->blob = mem_try_aligned(PART_ALIGN, total);
    if (!at)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %zu MiB of weights", total >> 20);
    for (size_t i = 0; i < l->n_part; i++) {
        l->part[i].dst = at;
        at += (l->part[i].bytes + PART_ALIGN - 1) & ~(size_t)(PART_ALIGN - 1);
    }
    return ERR_OK;
}

static void load_vector(const struct part *p)
{
    quant_info(p->tensor->type)->dequantize(p->dst, p->src, (size_t)p->cols);
    const float *values = p->dst;
    memcpy(p->to, &values, sizeof values);
}

/* The rows that are packed: the file's, or their widened form in p->wide or in the blob itself. */
static const void *rows_to_pack(const struct part *p)
{
    if (p->type == p->tensor->type)
        return p->src;
    uint16_t *wide = p->wide ? p->wide : p->dst;
    widen_to_f16(wide, p->tensor->type, p->src, (size_t)p->rows * (size_t)p->cols);
    return wide;
}

static void load_part(void *arg, int item, int worker)
{
    (void)worker;
    struct load *l = arg;
    struct part *p = &l->part[l->first + (size_t)item];
    if (p->rows == 0) {
        load_vector(p);
        return;
    }
    const void *rows = rows_to_pack(p);
    struct kern_weight w = {.type = p->type, .rows = p->rows, .cols = p->cols,
                            .data = p->bytes ? p->dst : rows};
    if (p->bytes && rows != p->dst)
        l->o->kern->pack(w.type, p->dst, rows, w.rows, w.cols);
    memcpy(p->to, &w, sizeof w);
}

/* Room for the widened rows of the next n parts that are packed from them. */
static enum err take_wide(struct load *l, size_t n, struct error *e)
{
    for (struct part *p = &l->part[l->first]; p < &l->part[l->first + n]; p++) {
        if (!p->rows || p->type == p->tensor->type ||
            !l->o->kern->pack_bytes(p->type, p->rows, p->cols))
            continue;
        size_t bytes = (size_t)p->rows * (size_t)p->cols * sizeof(uint16_t);
        p->wide = mem_try_alloc(bytes);
        if (!p->wide)
            return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %zu MiB of %.*s as F16",
                           bytes >> 20, STR_FMT(str_sub(p->tensor->name, 0, 80)));
    }
    return ERR_OK;
}

/* After a run: gives back what only packing needed. */
static size_t finish_run(struct load *l, size_t n)
{
    size_t done = 0;
    for (struct part *p = &l->part[l->first]; p < &l->part[l->first + n]; p++) {
        done += p->tensor->bytes;
        mem_free(p->wide);
        p->wide = NULL;
        if (p->bytes)
            gguf_forget(l->m->gguf, p->tensor);
    }
    return done;
}

/* Packs in runs of a few parts a worker, so that the file's pages are dropped and the caller is
 * told in between. */
static enum err load_parts(struct load *l, struct error *e)
{
    struct workers *w = l->o->workers;
    size_t run = w ? 4 * (size_t)workers_count(w) : 8, total = 0, done = 0;
    for (size_t i = 0; i < l->n_part; i++)
        total += l->part[i].tensor->bytes;
    for (l->first = 0; l->first < l->n_part; l->first += run) {
        size_t n = l->n_part - l->first < run ? l->n_part - l->first : run;
        enum err err = take_wide(l, n, e);
        if (err == ERR_OK && w)
            workers_run(w, (int)n, load_part, l);
        for (size_t i = 0; i < n && err == ERR_OK && !w; i++)
            load_part(l, (int)i, 0);
        done += finish_run(l, n);
        TRY(err);
        if (l->o->progress)
            l->o->progress(l->o->progress_arg, (double)done / (double)total);
    }
    return ERR_OK;
}

static enum err check_divisors(const struct model *m, struct error *e)
{
    for (int i = 0; m->rope.divisor && i < m->shape.n_rot / 2; i++)
        if (!isfinite(m->rope.divisor[i]) || m->rope.divisor[i] <= 0)
            return err_set(e, ERR_FORMAT, ERR_NO_POS, "value %d of rope_freqs.weight is %g, it "
                           "must be positive", i, (double)m->rope.divisor[i]);
    return ERR_OK;
}

static enum err load_all(struct load *l, struct error *e)
{
    struct model *m = l->m;
    if (!l->part || !l->claimed || !m->layer)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %d layers", m->shape.n_layer);
    TRY(find_parts(l, e));
    TRY(plan_blob(l, e));
    TRY(load_parts(l, e));
    if (!m->output.data)
        m->output = m->embd;
    return check_divisors(m, e);
}

enum err weights_load(struct model *m, const struct model_options *o, struct error *e)
{
    struct load l = {.m = m, .o = o};
    size_t n_layer = (size_t)m->shape.n_layer;
    m->layer = mem_try_alloc(n_layer * sizeof *m->layer);
    l.part = mem_try_alloc((n_layer * N_LAYER_RULE + N_MODEL_RULE) * sizeof *l.part);
    l.claimed = mem_try_alloc(gguf_tensor_count(m->gguf) + 1);
    enum err err = load_all(&l, e);
    mem_free(l.part);
    mem_free(l.claimed);
    return err;
}
