/* SPDX-License-Identifier: Apache-2.0
 *
 * Requantizing of a file: choose a type per tensor, then stream values through float32.
 */
#include "model/quantize.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "model/gguf_write.h"
#include "model/widen.h"

#define CHUNK ((size_t)65536)          /* values at a time; a multiple of every block length */
#define QUANTIZATION_VERSION 2         /* of the block formats, as llama.cpp counts them */

struct job {
    const struct gguf *g;
    struct gguf_writer *w;
    uint32_t to;
    struct quantize_result *r;
    float *values;                     /* [CHUNK] */
    uint8_t *blocks;                   /* [CHUNK] of the widest type */
    void (*progress)(void *arg, double share);
    void *progress_arg;
    size_t bytes_total, bytes_done;
};

/* general.file_type, as llama.cpp numbers it. */
static const struct { uint32_t type, file_type; } file_types[] = {
    {QUANT_F32, 0}, {QUANT_F16, 1}, {QUANT_Q4_0, 2}, {QUANT_Q8_0, 7}, {QUANT_BF16, 32},
};

/* Matrices that are too small to gain and too delicate to lose precision. */
static const char *const kept[] = {"ffn_gate_inp.weight", "position_embd.weight",
                                   "token_types.weight"};

static bool is_kept(str name)
{
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (str_ends(name, str_of(kept[i])))
            return true;
    return false;
}

static bool is_head(const struct gguf *g, str name)
{
    const char *head = gguf_tensor(g, "output.weight") ? "output.weight" : "token_embd.weight";
    return str_is(name, head);
}

static uint32_t choose_type(const struct job *j, const struct gguf_tensor *t)
{
    if (t->n_dim < 2)
        return QUANT_F32;
    uint32_t to = j->to == QUANT_Q4_0 && is_head(j->g, t->name) ? (uint32_t)QUANT_Q8_0 : j->to;
    bool divides = t->dim[0] % (uint64_t)quant_info(to)->block_len == 0;
    return divides && !is_kept(t->name) ? to : t->type;
}

static void copy_metadata(struct job *j)
{
    static const char *const replaced[] = {"general.alignment", "general.file_type",
                                           "general.quantization_version"};
    for (size_t i = 0; i < gguf_kv_count(j->g); i++) {
        const struct gguf_kv *kv = gguf_kv_at(j->g, i);
        bool skip = false;
        for (size_t k = 0; k < sizeof replaced / sizeof replaced[0]; k++)
            skip = skip || str_is(kv->key, replaced[k]);
        if (!skip)
            gguf_writer_copy(j->w, kv);
    }
    gguf_writer_u32(j->w, STR("general.quantization_version"), QUANTIZATION_VERSION);
    for (size_t i = 0; i < sizeof file_types / sizeof file_types[0]; i++)
        if (file_types[i].type == j->to)
            gguf_writer_u32(j->w, STR("general.file_type"), file_types[i].file_type);
}

static void declare(struct job *j)
{
    for (size_t i = 0; i < gguf_tensor_count(j->g); i++) {
        struct gguf_tensor t = *gguf_tensor_at(j->g, i);
        uint32_t from = t.type;
        j->bytes_total += t.bytes;
        t.type = choose_type(j, &t);
        j->r->n_tensor++;
        j->r->n_changed += t.type != from;
        j->r->n_requantized += t.type != from && from != QUANT_F32 && from != QUANT_F16 &&
                               from != QUANT_BF16;
        j->r->bytes_in += gguf_tensor_at(j->g, i)->bytes;
        j->r->bytes_out += gguf_writer_tensor(j->w, &t);
    }
}

static enum err convert(struct job *j, const struct gguf_tensor *t, uint32_t to, struct error *e)
{
    const struct quant_info *in = tensor_type(t->type), *out = quant_info(to);
    const uint8_t *src = t->data;
    size_t n = t->bytes / (size_t)in->block_bytes * (size_t)in->block_len;
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t len = n - i < CHUNK ? n - i : CHUNK;
        in->dequantize(j->values, src, len);
        out->quantize(j->blocks, j->values, len);
        src += len / (size_t)in->block_len * (size_t)in->block_bytes;
        TRY(gguf_writer_data(j->w, j->blocks,
                             len / (size_t)out->block_len * (size_t)out->block_bytes, e));
        if (j->progress)
            j->progress(j->progress_arg,
                        (double)(j->bytes_done + (size_t)(src - (const uint8_t *)t->data)) /
                            (double)j->bytes_total);
    }
    return ERR_OK;
}

static enum err write_tensors(struct job *j, struct error *e)
{
    for (size_t i = 0; i < gguf_tensor_count(j->g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(j->g, i);
        uint32_t to = choose_type(j, t);
        if (to == t->type)
            TRY(gguf_writer_data(j->w, t->data, t->bytes, e));
        else
            TRY(convert(j, t, to, e));
        j->bytes_done += t->bytes;
        gguf_forget(j->g, t);
    }
    return ERR_OK;
}

static enum err run(struct job *j, const char *out, struct error *e)
{
    copy_metadata(j);
    declare(j);
    TRY(gguf_writer_start(j->w, out, e));
    TRY(write_tensors(j, e));
    return gguf_writer_finish(j->w, e);
}

enum err quantize_file(const char *in, const char *out, uint32_t to,
                       void (*progress)(void *arg, double share), void *progress_arg,
                       struct quantize_result *result, struct error *e)
{
    struct gguf *g;
    TRY(gguf_open(in, &g, e));
    *result = (struct quantize_result){0};
    struct job j = {.g = g, .w = gguf_writer_new(), .to = to, .r = result, .progress = progress,
                    .progress_arg = progress_arg, .values = mem_array(CHUNK, sizeof(float)),
                    .blocks = mem_array(CHUNK, sizeof(float))};
    CHECK(quant_info(to) && quant_info(to)->quantize);
    enum err err = run(&j, out, e);
    gguf_writer_free(j.w);
    mem_free(j.values);
    mem_free(j.blocks);
    gguf_close(&g);
    return err;
}
