/* SPDX-License-Identifier: Apache-2.0
 *
 * A loaded model: its shape, its packed weights and the forward pass over a paged KV cache.
 * struct model is immutable after open and shared by any thread; struct forward is the mutable
 * workspace of one thread. Families are rows of a table in arch.c.
 *
 * KV memory belongs to the caller: pages of model_kv_page_bytes, page p at base + p * bytes. A
 * page holds KV_PAGE_LEN positions of every layer: [layer][K, V][kv_head][KV_PAGE_LEN][head_dim] of
 * the kv_type. Positions are written before they are read, so pages need no clearing. Token at
 * position i of a sequence lives in page table entry i / KV_PAGE_LEN.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "kernel/kern.h"
#include "kernel/workers.h"
#include "model/gguf.h"

#define KV_PAGE_LEN 32

struct model_shape {
    str arch;                          /* "qwen3" */
    str name;                          /* general.name, may be empty */
    int n_layer, width, n_head, n_kv_head, head_dim, ff, n_vocab;
    int n_ctx_train;                   /* positions the file declares */
    int n_rot;
    float norm_eps, rope_base;
    uint64_t n_param;
    uint64_t fingerprint;              /* of metadata and tensor table: changes with the file */
};

struct model_options {
    const struct kern *kern;           /* borrowed for the life of the model */
    struct workers *workers;           /* for packing; may be NULL; borrowed for the call */
    enum kv_type kv_type;
    void (*progress)(void *arg, double share);  /* 0..1, from the calling thread; may be NULL */
    void *progress_arg;
};

struct model;

MUST_CHECK enum err model_open(const char *path, const struct model_options *o,
                               struct model **out, struct error *e);
void model_close(struct model **m);
const struct model_shape *model_shape(const struct model *m);
const struct gguf *model_gguf(const struct model *m);   /* for the vocabulary; lives as long as m */
size_t model_kv_page_bytes(const struct model *m);

/* One token of a batch. Tokens of one sequence are in ascending, gapless positions. */
struct forward_token {
    int32_t id;                        /* 0 .. n_vocab-1 */
    int32_t pos;                       /* its KV is written here, it sees 0 .. pos */
    const uint32_t *page;              /* page table of its sequence, borrowed for the call */
    int32_t logits_row;                /* output row that gets its logits, or -1; one token a row */
};

struct forward;

#define FORWARD_TOKENS_MAX 65536       /* tokens or output rows of one run */

/* Plans one workspace: at most n_token tokens and n_logits output rows a run, positions below
 * n_ctx. Gives NULL with ERR_LIMIT when it does not fit in memory. Borrows m and w (NULL: the
 * caller computes alone) until forward_free. */
MUST_CHECK enum err forward_new(const struct model *m, struct workers *w, int n_token,
                                int n_logits, int n_ctx, struct forward **out, struct error *e);
void forward_free(struct forward *f);
/* Runs the batch: writes K and V into the pages, logits into rows. Allocates nothing. Ids,
 * positions and rows out of range are a bug (CHECK). kv_base is aligned to 64. One thread at a
 * time; uses the workers meanwhile. The bits of a token's logits depend on its sequence and the
 * kernel level only, not on threads, the rest of the batch or how its prompt was cut. */
void forward_run(struct forward *f, const struct forward_token *tok, int n_token, void *kv_base);
/* [n_vocab], valid until the next run; the caller may change it in place. */
float *forward_logits(struct forward *f, int row);
size_t forward_bytes(const struct forward *f);
