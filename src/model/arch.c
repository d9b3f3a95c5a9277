/* SPDX-License-Identifier: Apache-2.0
 *
 * Families and shapes: what general.architecture names, which numbers its metadata must give and
 * between which bounds, and what they default to. A family that differs by flags is one row of
 * `families`; anything the table does not know is refused with the list of what it knows.
 */
#include "model/model_internal.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

#define KEY_MAX 160

static const struct family families[] = {
    {.arch = "llama", .rope = ROPE_PAIR, .full_rope = true,
     .optional = FEAT_QKV_BIAS | FEAT_O_BIAS},
    {.arch = "qwen2", .rope = ROPE_HALF, .required = FEAT_QKV_BIAS},
    {.arch = "qwen3", .rope = ROPE_HALF, .required = FEAT_QK_NORM, .optional = FEAT_QKV_BIAS},
};

#define N_FAMILY (sizeof families / sizeof families[0])

/* ---- metadata under "ARCH." ---- */

static const struct gguf_kv *find(const struct model *m, const char *name, char key[KEY_MAX])
{
    snprintf(key, KEY_MAX, "%.*s.%s", STR_FMT(str_sub(m->shape.arch, 0, 64)), name);
    return gguf_find(m->gguf, key);
}

/* A whole number, or a list of one per layer that are all the same. *has is false when absent. */
static enum err find_int(const struct model *m, const char *name, int min, int max, bool *has,
                         int *out, struct error *e)
{
    char key[KEY_MAX];
    const struct gguf_kv *kv = find(m, name, key);
    *has = kv != NULL;
    if (!kv)
        return ERR_OK;
    int64_t first;
    if (!gguf_get_int(kv, 0, &first))
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "%s must be a whole number", key);
    for (uint64_t i = 1; i < kv->n; i++) {
        int64_t v;
        if (gguf_get_int(kv, i, &v) && v == first)
            continue;
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                       "%s differs between layers, which is not supported yet", key);
    }
    if (first < min || first > max)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "%s is %lld, %d to %d are allowed", key,
                       (long long)first, min, max);
    *out = (int)first;
    return ERR_OK;
}

static enum err need_int(const struct model *m, const char *name, int min, int max, int *out,
                         struct error *e)
{
    bool has;
    TRY(find_int(m, name, min, max, &has, out, e));
    return has ? ERR_OK : err_set(e, ERR_FORMAT, ERR_NO_POS, "the metadata lacks %.*s.%s",
                                  STR_FMT(m->shape.arch), name);
}

static enum err int_or(const struct model *m, const char *name, int min, int max, int fallback,
                       int *out, struct error *e)
{
    bool has;
    *out = fallback;
    TRY(find_int(m, name, min, max, &has, out, e));
    return *out >= min && *out <= max
        ? ERR_OK
        : err_set(e, ERR_LIMIT, ERR_NO_POS, "%.*s.%s is %d by default, %d to %d are allowed",
                  STR_FMT(m->shape.arch), name, *out, min, max);
}

static enum err float_or(const struct model *m, const char *name, double min, double max,
                         double fallback, double *out, struct error *e)
{
    char key[KEY_MAX];
    const struct gguf_kv *kv = find(m, name, key);
    *out = fallback;
    if (!kv)
        return ERR_OK;
    if (kv->type == GGUF_ARRAY || !gguf_get_float(kv, 0, out))
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "%s must be a number", key);
    if (!(*out >= min && *out <= max))
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "%s is %g, %g to %g are allowed", key, *out, min,
                       max);
    return ERR_OK;
}

/* ---- family ---- */

/* A value from the file, cut and safe to print. */
static str shown(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return STR("(not printable)");
    return str_sub(s, 0, 64);
}

static enum err unknown_family(str arch, struct error *e)
{
    struct buf b;
    buf_init(&b, 1024);
    for (size_t i = 0; i < N_FAMILY; i++)
        buf_printf(&b, "%s%s", i ? ", " : "", families[i].arch);
    enum err err = err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                           "the architecture \"%.*s\" is not supported; known are %.*s",
                           STR_FMT(shown(arch)), STR_FMT(buf_str(&b)));
    buf_done(&b);
    return err;
}

static enum err read_family(struct model *m, struct error *e)
{
    const struct gguf_kv *kv = gguf_find(m->gguf, "general.architecture");
    if (!kv || !gguf_get_str(kv, &m->shape.arch))
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "the metadata lacks general.architecture");
    for (size_t i = 0; i < N_FAMILY && !m->family; i++)
        if (str_is(m->shape.arch, families[i].arch))
            m->family = &families[i];
    if (!m->family)
        return unknown_family(m->shape.arch, e);
    kv = gguf_find(m->gguf, "general.name");
    if (!kv || !gguf_get_str(kv, &m->shape.name))
        m->shape.name = STR("");
    return ERR_OK;
}

/* Variants of a known family that compute something this build does not. */
static enum err refuse_variants(const struct model *m, struct error *e)
{
    int64_t n_split;
    const struct gguf_kv *split = gguf_find(m->gguf, "split.count");
    if (split && gguf_get_int(split, 0, &n_split) && n_split > 1)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "the file is one of %lld parts of a model; "
                       "merge them into one file first", (long long)n_split);
    int n_expert;
    TRY(int_or(m, "expert_count", 0, INT_MAX, 0, &n_expert, e));
    if (n_expert > 0)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                       "a %s model with %d experts is not supported yet", m->family->arch,
                       n_expert);
    char key[KEY_MAX];
    const struct gguf_kv *kv = find(m, "attention.causal", key);
    bool causal;
    if (kv && gguf_get_bool(kv, &causal) && !causal)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                       "%s is false: attention to later tokens is not supported", key);
    return ERR_OK;
}

/* ---- shape ---- */

static enum err read_sizes(struct model *m, struct error *e)
{
    const struct { const char *key; int max; int *out; } sizes[] = {
        {"block_count", MODEL_LAYERS_MAX, &m->shape.n_layer},
        {"embedding_length", MODEL_WIDTH_MAX, &m->shape.width},
        {"feed_forward_length", MODEL_FF_MAX, &m->shape.ff},
        {"attention.head_count", MODEL_HEADS_MAX, &m->shape.n_head},
        {"context_length", MODEL_CTX_MAX, &m->shape.n_ctx_train},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        TRY(need_int(m, sizes[i].key, 1, sizes[i].max, sizes[i].out, e));
    double eps;
    TRY(float_or(m, "attention.layer_norm_rms_epsilon", 0, 1, -1, &eps, e));
    if (eps < 0)
        return err_set(e, ERR_FORMAT, ERR_NO_POS,
                       "the metadata lacks %s.attention.layer_norm_rms_epsilon", m->family->arch);
    m->shape.norm_eps = (float)eps;
    return ERR_OK;
}

static enum err read_heads(struct model *m, struct error *e)
{
    struct model_shape *s = &m->shape;
    TRY(int_or(m, "attention.head_count_kv", 1, s->n_head, s->n_head, &s->n_kv_head, e));
    if (s->n_head % s->n_kv_head != 0)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "%d query heads cannot share %d key heads evenly",
                       s->n_head, s->n_kv_head);
    int value_dim;
    const int max = MODEL_HEAD_DIM_MAX;
    TRY(int_or(m, "attention.key_length", 2, max, s->width / s->n_head, &s->head_dim, e));
    TRY(int_or(m, "attention.value_length", 2, max, s->head_dim, &value_dim, e));
    if (value_dim != s->head_dim)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                       "keys of %d and values of %d numbers a head are not supported", s->head_dim,
                       value_dim);
    m->attn_scale = (float)(1 / sqrt(s->head_dim));
    return ERR_OK;
}

/* The vocabulary has as many entries as the embedding has rows; a token list must agree. */
static enum err read_vocab_size(struct model *m, struct error *e)
{
    const struct gguf_tensor *t = gguf_tensor(m->gguf, "token_embd.weight");
    if (!t)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "tensor token_embd.weight is missing");
    if (t->dim[1] > MODEL_VOCAB_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS,
                       "token_embd.weight has %llu rows, at most %d are allowed",
                       (unsigned long long)t->dim[1], MODEL_VOCAB_MAX);
    m->shape.n_vocab = (int)t->dim[1];
    const struct gguf_kv *tokens = gguf_find(m->gguf, "tokenizer.ggml.tokens");
    if (tokens && tokens->type == GGUF_ARRAY && tokens->n != t->dim[1])
        return err_set(e, ERR_FORMAT, ERR_NO_POS,
                       "the vocabulary has %llu tokens, but token_embd.weight has %d rows",
                       (unsigned long long)tokens->n, m->shape.n_vocab);
    return ERR_OK;
}

/* ---- rope ---- */

static enum err read_scaling_type(struct model *m, struct error *e)
{
    char key[KEY_MAX];
    const struct gguf_kv *kv = find(m, "rope.scaling.type", key);
    str name = STR("linear");
    if (kv && !gguf_get_str(kv, &name))
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "%s must be a string", key);
    if (str_is(name, "none"))
        m->rope.scaling = ROPE_NONE;
    else if (str_is(name, "linear"))
        m->rope.scaling = ROPE_LINEAR;
    else if (str_is(name, "yarn"))
        m->rope.scaling = ROPE_YARN;
    else
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                       "%s \"%.*s\" is not supported; known are none, linear, yarn", key,
                       STR_FMT(shown(name)));
    return ERR_OK;
}

static enum err read_rope_scaling(struct model *m, struct error *e)
{
    struct rope_params *r = &m->rope;
    TRY(read_scaling_type(m, e));
    TRY(float_or(m, "rope.scale_linear", 0, 1e6, 1, &r->factor, e));       /* the old name */
    TRY(float_or(m, "rope.scaling.factor", 0, 1e6, r->factor, &r->factor, e));
    if (r->factor <= 0)
        r->factor = 1;                         /* 0 means unscaled in the reference */
    TRY(float_or(m, "rope.scaling.attn_factor", 1e-3, 1e3, 1, &r->magnitude, e));
    TRY(float_or(m, "rope.scaling.yarn_ext_factor", 0, 1, 1, &r->ext_factor, e));
    TRY(float_or(m, "rope.scaling.yarn_beta_fast", 1e-3, 1e6, 32, &r->beta_fast, e));
    TRY(float_or(m, "rope.scaling.yarn_beta_slow", 1e-3, 1e6, 1, &r->beta_slow, e));
    return int_or(m, "rope.scaling.original_context_length", 1, MODEL_CTX_MAX, m->shape.n_ctx_train,
                  &r->n_ctx_orig, e);
}

static enum err read_rope(struct model *m, struct error *e)
{
    struct model_shape *s = &m->shape;
    TRY(int_or(m, "rope.dimension_count", 2, s->head_dim, s->head_dim, &s->n_rot, e));
    if (s->n_rot % 2 != 0 || (m->family->full_rope && s->n_rot != s->head_dim))
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                       "%s.rope.dimension_count %d does not go with heads of %d", m->family->arch,
                       s->n_rot, s->head_dim);
    TRY(float_or(m, "rope.freq_base", 1.001, 1e12, 10000, &m->rope.base, e));
    s->rope_base = (float)m->rope.base;
    m->rope.kind = m->family->rope;
    m->rope.n_rot = s->n_rot;
    return read_rope_scaling(m, e);
}

enum err arch_read(struct model *m, struct error *e)
{
    TRY(read_family(m, e));
    TRY(refuse_variants(m, e));
    TRY(read_sizes(m, e));
    TRY(read_heads(m, e));
    TRY(read_vocab_size(m, e));
    return read_rope(m, e);
}
