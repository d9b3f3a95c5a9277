/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a model file: open, read everything, and where the file passes as a model load its
 * weights and run two tokens. The scalar level reads weights in place, so lies about sizes show.
 * The seeds are models of one layer, width 32 and four tokens with random weights.
 */
#include <string.h>

#include "base/mem.h"
#include "kernel/quant.h"
#include "model/model_internal.h"

#define INPUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void walk_kv(const struct gguf_kv *kv)
{
    int64_t v;
    double d;
    bool b;
    str s;
    for (uint64_t i = 0; i < kv->n; i++) {
        (void)gguf_get_int(kv, i, &v);
        (void)gguf_get_float(kv, i, &d);
    }
    (void)gguf_get_bool(kv, &b);
    CHECK(gguf_get_str(kv, &s) == (kv->type == GGUF_STRING));
    str *list = mem_array((size_t)kv->n, sizeof *list);
    if (gguf_get_strs(kv, list, NULL) == ERR_OK)
        for (uint64_t i = 0; i < kv->n; i++)
            CHECK(list[i].n <= kv->bytes);
    mem_free(list);
}

static void walk(const struct gguf *g, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < gguf_kv_count(g); i++)
        walk_kv(gguf_kv_at(g, i));
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(g, i);
        CHECK((const uint8_t *)t->data >= data && t->bytes <= n);
        CHECK((const uint8_t *)t->data + t->bytes <= data + n);
    }
}

static void run(struct model *m)
{
    struct forward *f;
    struct error e;
    uint32_t page = 0;
    const struct forward_token t[2] = {{0, 0, &page, 0}, {m->shape.n_vocab - 1, 1, &page, 1}};
    if (forward_new(m, NULL, 2, 2, 2, &f, &e) != ERR_OK)
        return;
    void *kv = mem_try_aligned(64, model_kv_page_bytes(m));
    if (kv)
        forward_run(f, t, 2, kv);
    mem_free(kv);
    forward_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kern k;
    struct error e = {0};
    struct model m = {.kern = &k, .kv_type = KV_F16};
    const struct model_options o = {.kern = &k};
    uint8_t *copy = n <= INPUT_MAX ? mem_try_aligned(16, n) : NULL;
    if (!copy)
        return 0;
    memcpy(copy, data, n);
    CHECK(kern_init(&k, KERN_SCALAR, &e) == ERR_OK);
    if (gguf_parse(copy, n, &m.gguf, &e) == ERR_OK) {
        walk(m.gguf, copy, n);
        if (arch_read(&m, &e) == ERR_OK && weights_load(&m, &o, &e) == ERR_OK)
            run(&m);
        else
            CHECK(e.text[0] != '\0');
    }
    mem_free(m.layer);
    mem_free(m.blob);
    gguf_close(&m.gguf);
    mem_free(copy);
    return 0;
}
