/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokenizing without the heap. All that a word of n bytes can need is taken beforehand: n nodes,
 * and candidates in the heap: n - 1 neighbours at first, two more with each of n - 1 merges.
 */
#include "base/mem.h"
#include "token/token_internal.h"

#define NODE_BYTES 16 /* a node of bpe.c or spm.c */
#define SPM_GROWTH 3 /* a space becomes three bytes */

struct vocab_scratch {
    size_t text_max;
    struct job job; /* owns its heap, nodes and text */
};

enum err vocab_scratch_new(size_t text_max, struct vocab_scratch **out, struct error *e)
{
    size_t n = text_max * SPM_GROWTH + SPM_GROWTH;
    struct vocab_scratch *s = mem_alloc(sizeof *s);
    *out = s;
    s->text_max = text_max;
    s->job = (struct job){.node_bytes = n * NODE_BYTES, .text_cap = n};
    heap_init(&s->job.heap);
    s->job.heap.cap = 3 * n;
    s->job.heap.item = mem_try_alloc(s->job.heap.cap * sizeof *s->job.heap.item);
    s->job.node = mem_try_alloc(s->job.node_bytes);
    s->job.text = mem_try_alloc(n);
    if (s->job.heap.item && s->job.node && s->job.text) return ERR_OK;
    vocab_scratch_free(s);
    *out = NULL;
    return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory to tokenize %zu bytes", text_max);
}

void vocab_scratch_free(struct vocab_scratch *s)
{
    if (!s) return;
    heap_done(&s->job.heap);
    mem_free(s->job.node);
    mem_free(s->job.text);
    mem_free(s);
}

size_t vocab_tokenize_on(const struct vocab *v, struct vocab_scratch *s, str text, int32_t *id,
                         size_t n_max)
{
    struct token_list out = {.id = id, .cap = n_max, .max = n_max};
    if (text.n == 0 || text.n > s->text_max) return 0;
    s->job.v = v;
    s->job.out = &out;
    s->job.e = NULL;
    enum err rc =
        v->kind == VOCAB_BPE ? bpe_tokenize(&s->job, text) : spm_tokenize(&s->job, text, false);
    s->job.out = NULL;
    return rc == ERR_OK ? out.n : 0;
}
