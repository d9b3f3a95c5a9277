/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_model.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rand.h"

void fake_init(struct fake_model *m, int n_row_max)
{
    *m = (struct fake_model){.n_row_max = n_row_max, .now_ns = 1};
    m->logits = mem_array((size_t)n_row_max * FAKE_VOCAB, sizeof *m->logits);
}

void fake_done(struct fake_model *m)
{
    mem_free(m->logits);
}

size_t fake_page_bytes(void)
{
    return KV_PAGE_LEN * sizeof(struct fake_cell);
}

uint64_t fake_extend(uint64_t hash, int32_t id)
{
    return hash_fixed(hash, &id, sizeof id);
}

void fake_logits(uint64_t hash, float *out)
{
    struct rng r;
    rng_seed(&r, hash);
    for (int i = 0; i < FAKE_VOCAB; i++)
        out[i] = (float)rng_below(&r, 64) / 8;
    out[FAKE_EOG] -= 3;                /* an answer of some length */
}

static struct fake_cell *cell_at(void *kv_base, const uint32_t *page, int pos)
{
    struct fake_cell *cells = kv_base;
    return &cells[(size_t)page[pos / KV_PAGE_LEN] * KV_PAGE_LEN + (size_t)(pos % KV_PAGE_LEN)];
}

/* The hash of positions 0 .. n-1, read out of the pages and checked cell by cell. */
static uint64_t read_chain(void *kv_base, const uint32_t *page, int n)
{
    uint64_t hash = 0;
    for (int i = 0; i < n; i++) {
        const struct fake_cell *c = cell_at(kv_base, page, i);
        hash = fake_extend(hash, c->id);
        CHECK(c->pos == i);
        CHECK(c->hash == hash);
    }
    return hash;
}

static void fake_run(void *arg, const struct forward_token *token, int n_token, void *kv_base)
{
    struct fake_model *m = arg;
    for (int i = 0; i < n_token; i++) {
        const struct forward_token *t = &token[i];
        CHECK(t->id >= 0 && t->id < FAKE_VOCAB);
        uint64_t hash = fake_extend(read_chain(kv_base, t->page, t->pos), t->id);
        *cell_at(kv_base, t->page, t->pos) = (struct fake_cell){t->id, t->pos, hash};
        if (t->logits_row < 0)
            continue;
        CHECK(t->logits_row < m->n_row_max);
        fake_logits(hash, m->logits + (size_t)t->logits_row * FAKE_VOCAB);
    }
    m->n_token += (uint64_t)n_token;
}

static const float *row_logits(void *arg, int row)
{
    struct fake_model *m = arg;
    return m->logits + (size_t)row * FAKE_VOCAB;
}

static void run_parallel(void *arg, int n_item, void (*fn)(void *fn_arg, int item, int worker),
                         void *fn_arg)
{
    (void)arg;
    for (int i = n_item; i-- > 0;)     /* backwards: the order must not matter */
        fn(fn_arg, i, 0);
}

static bool is_eog(void *arg, int32_t id)
{
    (void)arg;
    return id == FAKE_EOG;
}

static int64_t now_ns(void *arg)
{
    struct fake_model *m = arg;
    return m->now_ns;
}

struct stepper fake_stepper(struct fake_model *m)
{
    return (struct stepper){.arg = m, .run = fake_run, .logits = row_logits,
                            .parallel = run_parallel, .is_eog = is_eog, .now_ns = now_ns,
                            .n_worker = 1};
}
