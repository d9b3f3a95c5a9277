/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening and closing a model: file, then shape, then weights. Immutable afterwards.
 */
#include "model/model_internal.h"

#include "base/hash.h"
#include "base/mem.h"

#define FINGERPRINT_SAMPLE ((size_t)64)        /* bytes of each tensor that enter the fingerprint */

/* Metadata, tensor table, file size and the first bytes of every tensor: two fine-tunes of one
 * model differ in it, and no more than one page a tensor is read. */
static uint64_t fingerprint(const struct gguf *g)
{
    str head = gguf_head(g);
    uint64_t h = hash_fixed(gguf_file_bytes(g), head.p, head.n);
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(g, i);
        h = hash_fixed(h, t->data, t->bytes < FINGERPRINT_SAMPLE ? t->bytes : FINGERPRINT_SAMPLE);
    }
    return h;
}

static uint64_t count_params(const struct gguf *g)
{
    uint64_t n = 0;
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(g, i);
        n += t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];    /* their bytes fit in the file */
    }
    return n;
}

static enum err open_parts(struct model *m, const char *path, const struct model_options *o,
                           struct error *e)
{
    TRY(gguf_open(path, &m->gguf, e));
    TRY(arch_read(m, e));
    m->shape.n_param = count_params(m->gguf);
    m->shape.fingerprint = fingerprint(m->gguf);
    return weights_load(m, o, e);
}

enum err model_open(const char *path, const struct model_options *o, struct model **out,
                    struct error *e)
{
    CHECK(o->kern && (unsigned)o->kv_type < KV_TYPE_COUNT);
    struct model *m = mem_alloc(sizeof *m);
    m->kern = o->kern;
    m->kv_type = o->kv_type;
    enum err err = open_parts(m, path, o, e);
    if (err != ERR_OK)
        model_close(&m);
    *out = m;
    return err;
}

void model_close(struct model **m)
{
    if (!*m)
        return;
    mem_free((*m)->blob);
    mem_free((*m)->layer);
    gguf_close(&(*m)->gguf);
    mem_free(*m);
    *m = NULL;
}

const struct model_shape *model_shape(const struct model *m)
{
    return &m->shape;
}

const struct gguf *model_gguf(const struct model *m)
{
    return m->gguf;
}

size_t model_kv_page_bytes(const struct model *m)
{
    const struct model_shape *s = &m->shape;
    size_t plane = (size_t)shape_kv_rows(s) * KV_PAGE_LEN * kv_type_bytes(m->kv_type);
    return (size_t)s->n_layer * 2 * plane;
}
