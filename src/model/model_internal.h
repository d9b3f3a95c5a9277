/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of src/model know of each other: the family table's row, the weights of a layer
 * and the model itself. No other folder includes this.
 */
#pragma once
#include <stdbool.h>
#include "model/model.h"
#include "model/rope.h"

/* Limits of a shape, so that every product of a few of them fits an int64. */
#define MODEL_LAYERS_MAX 1024
#define MODEL_WIDTH_MAX 65536
#define MODEL_HEADS_MAX 1024
#define MODEL_HEAD_DIM_MAX 1024
#define MODEL_FF_MAX (1 << 20)
#define MODEL_VOCAB_MAX (1 << 22)
#define MODEL_CTX_MAX (1 << 24)

/* What a family's layers have beside the common parts, as bits. */
enum feature {
    FEAT_QKV_BIAS = 1,                 /* attn_q.bias, attn_k.bias, attn_v.bias */
    FEAT_O_BIAS = 2,                   /* attn_output.bias */
    FEAT_QK_NORM = 4,                  /* attn_q_norm, attn_k_norm: of each head, before rope */
};

struct family {
    const char *arch;                  /* general.architecture */
    enum rope_kind rope;
    bool full_rope;                    /* n_rot must be the whole head */
    unsigned required;                 /* features that every file has */
    unsigned optional;                 /* features that a file may have */
};

/* One layer. Vectors are F32; NULL where the family or the file has none. */
struct model_layer {
    const float *attn_norm;            /* [width] */
    struct kern_weight q, k, v;        /* [n_head | n_kv_head | n_kv_head * head_dim, width] */
    const float *q_bias, *k_bias, *v_bias;
    const float *q_norm, *k_norm;      /* [head_dim] */
    struct kern_weight o;              /* [width, n_head * head_dim] */
    const float *o_bias;               /* [width] */
    const float *ffn_norm;             /* [width] */
    struct kern_weight gate, up;       /* [ff, width] */
    struct kern_weight down;           /* [width, ff] */
};

struct model {
    struct gguf *gguf;                 /* owned */
    const struct kern *kern;           /* borrowed */
    enum kv_type kv_type;
    const struct family *family;
    struct model_shape shape;
    struct rope_params rope;
    float attn_scale;
    struct kern_weight embd;           /* [n_vocab, width] */
    struct kern_weight output;         /* [n_vocab, width]; embd where the file ties them */
    const float *output_norm;          /* [width] */
    struct model_layer *layer;         /* [n_layer], owned */
    void *blob;                        /* packed weights and vectors, owned */
};

/* arch.c: family, shape and rope of m->gguf. */
MUST_CHECK enum err arch_read(struct model *m, struct error *e);

/* weights.c: finds, checks and packs all tensors of m->gguf. */
MUST_CHECK enum err weights_load(struct model *m, const struct model_options *o, struct error *e);

static inline int shape_q_rows(const struct model_shape *s) { return s->n_head * s->head_dim; }
static inline int shape_kv_rows(const struct model_shape *s) { return s->n_kv_head * s->head_dim; }
