/* SPDX-License-Identifier: Apache-2.0
 *
 * The promise of the forward pass: a token's logits have the same bits whatever else is in the
 * batch, however its prompt was cut, in whichever pages it lies, with any number of threads.
 * Reference: every sequence alone, one token a run, one thread.
 */
#include "fixture.h"

#include "base/rand.h"

#define N_SEQ 5
#define SEQ_MAX 150
#define N_PAGE 64
#define ROWS 64                        /* of the rig's output */

static const int lengths[N_SEQ] = {1, 33, 64, 97, SEQ_MAX};

struct seq {
    int32_t id[SEQ_MAX];
    uint32_t page[(SEQ_MAX + KV_PAGE_LEN - 1) / KV_PAGE_LEN];
    int n, done;
    float *want;                       /* [n, n_vocab] */
};

static void seqs_init(struct seq *s, struct rng *r, int n_vocab)
{
    uint32_t page[N_PAGE];
    for (uint32_t i = 0; i < N_PAGE; i++)
        page[i] = i;
    for (uint32_t i = N_PAGE - 1; i > 0; i--) {
        uint64_t j = rng_below(r, i + 1);
        uint32_t swap = page[i];
        page[i] = page[j], page[j] = swap;
    }
    uint32_t *next = page;
    for (int i = 0; i < N_SEQ; i++) {
        s[i] = (struct seq){.n = lengths[i]};
        s[i].want = mem_array((size_t)s[i].n * (size_t)n_vocab, sizeof(float));
        for (int k = 0; k < s[i].n; k++)
            s[i].id[k] = (int32_t)rng_below(r, (uint64_t)n_vocab);
        for (int k = 0; k < s[i].n; k += KV_PAGE_LEN)
            s[i].page[k / KV_PAGE_LEN] = *next++;
    }
}

static void reference(struct rig *r, struct seq *s)
{
    size_t n_vocab = (size_t)model_shape(r->model)->n_vocab;
    for (int i = 0; i < N_SEQ; i++) {
        for (int k = 0; k < s[i].n; k++) {
            struct forward_token t = {s[i].id[k], k, s[i].page, 0};
            forward_run(r->forward, &t, 1, r->kv);
            memcpy(s[i].want + (size_t)k * n_vocab, forward_logits(r->forward, 0),
                   n_vocab * sizeof(float));
        }
    }
}

/* What row of the output holds which token, in the run that was just made. */
struct wanted { const struct seq *s; int pos, row; };

static void check_rows(struct rig *r, const struct wanted *w, int n, const char *what)
{
    size_t n_vocab = (size_t)model_shape(r->model)->n_vocab;
    for (int i = 0; i < n; i++) {
        const float *want = w[i].s->want + (size_t)w[i].pos * n_vocab;
        const float *got = forward_logits(r->forward, w[i].row);
        for (size_t k = 0; k < n_vocab; k++)
            if (memcmp(&want[k], &got[k], sizeof(float)) != 0)
                fail_msg("%s: position %d of %d, logit %zu is %.9g, alone it is %.9g", what,
                         w[i].pos, w[i].s->n, k, (double)got[k], (double)want[k]);
    }
}

/* Runs all sequences to their ends in random batches; chunk 0: random sizes. */
static void run_schedule(struct rig *r, struct seq *s, struct rng *rng, int chunk, const char *what)
{
    static struct forward_token tok[RIG_TOKENS];
    struct wanted wanted[ROWS];
    size_t page_bytes = model_kv_page_bytes(r->model);
    memset(r->kv, 0xff, (size_t)r->n_page * page_bytes);       /* NaN where nothing was stored */
    for (int i = 0; i < N_SEQ; i++)
        s[i].done = 0;
    for (bool more = true; more;) {
        int n = 0, n_wanted = 0;
        int first = (int)rng_below(rng, N_SEQ), row = (int)rng_below(rng, ROWS);
        more = false;
        for (int i = 0; i < N_SEQ; i++) {
            struct seq *q = &s[(first + i) % N_SEQ];
            int left = q->n - q->done, take = chunk ? chunk : (int)rng_below(rng, 40);
            take = take < left ? take : left;
            for (int k = 0; k < take; k++, q->done++) {
                bool want = n_wanted < ROWS && (q->done == q->n - 1 || rng_below(rng, 4) == 0);
                tok[n++] = (struct forward_token){q->id[q->done], q->done, q->page,
                                                  want ? row : -1};
                if (want)
                    wanted[n_wanted++] = (struct wanted){q, q->done, row};
                row = want ? (row + 7) % ROWS : row;           /* 7 and ROWS: rows stay distinct */
            }
            more = more || q->done < q->n;
        }
        if (n == 0)
            continue;
        size_t count = mem_alloc_count();
        forward_run(r->forward, tok, n, r->kv);
        assert_int_equal(mem_alloc_count(), count);
        check_rows(r, wanted, n_wanted, what);
    }
}

static void check_model(const char *dir, enum kern_level level, enum kv_type kv)
{
    static const int chunks[] = {1, 7, 32, SEQ_MAX, 0, 0, 0};
    struct arena *a = arena_new(0);
    struct rng rng;
    struct seq s[N_SEQ];
    rng_seed(&rng, 20251121);
    const char *path = golden_path(a, dir, "model.gguf");
    assert_non_null(path);
    for (int n_thread = 1; n_thread <= 3; n_thread++) {
        struct rig r;
        rig_open(&r, path, level, n_thread, kv, N_PAGE);
        if (n_thread == 1) {
            seqs_init(s, &rng, model_shape(r.model)->n_vocab);
            reference(&r, s);
        }
        for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
            char what[128];
            snprintf(what, sizeof what, "%s %s, %d threads, chunk %d", dir, kern_level_name(level),
                     n_thread, chunks[i]);
            run_schedule(&r, s, &rng, chunks[i], what);
        }
        rig_close(&r);
    }
    for (int i = 0; i < N_SEQ; i++)
        mem_free(s[i].want);
    arena_free(a);
}

static void test_same_bits(void **state)
{
    (void)state;
    static const char *const dirs[] = {"arch/qwen2", "arch/qwen3", "quant/Q8_0", "quant/Q4_0"};
    for (int level = 0; level < KERN_LEVEL_COUNT; level++) {
        struct kern k;
        if (kern_init(&k, (enum kern_level)level, NULL) != ERR_OK)
            continue;
        for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
            check_model(dirs[i], (enum kern_level)level, i % 2 ? KV_F16 : KV_F32);
    }
}

/* A run may want no logits at all, and any row of the output. */
static void test_no_logits(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct rig r;
    rig_open(&r, golden_path(a, "arch/qwen3", "model.gguf"), KERN_SCALAR, 2, KV_F32, 1);
    uint32_t page = 0;
    struct forward_token t[2] = {{1, 0, &page, -1}, {2, 1, &page, -1}};
    forward_run(r.forward, t, 2, r.kv);
    t[0] = (struct forward_token){3, 2, &page, 5};
    forward_run(r.forward, t, 1, r.kv);
    float first = forward_logits(r.forward, 5)[0];
    struct forward_token all[3] = {{1, 0, &page, -1}, {2, 1, &page, -1}, {3, 2, &page, 0}};
    forward_run(r.forward, all, 3, r.kv);
    assert_true(forward_logits(r.forward, 0)[0] == first);
    rig_close(&r);
    arena_free(a);
}

static void test_plan_refused(void **state)
{
    (void)state;
    static const struct { int n_token, n_logits, n_ctx; } bad[] = {
        {0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {FORWARD_TOKENS_MAX + 1, 1, 1},
        {1, FORWARD_TOKENS_MAX + 1, 1}, {1, 1, (1 << 24) + 1}, {-1, -1, -1},
    };
    struct arena *a = arena_new(0);
    struct rig r;
    rig_open(&r, golden_path(a, "arch/qwen3", "model.gguf"), KERN_SCALAR, 1, KV_F32, 1);
    struct forward *f;
    struct error e = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(forward_new(r.model, NULL, bad[i].n_token, bad[i].n_logits, bad[i].n_ctx,
                                     &f, &e), ERR_LIMIT);
        assert_null(f);
    }
    mem_fail_nth(1);
    assert_int_equal(forward_new(r.model, NULL, 1, 1, 64, &f, &e), ERR_LIMIT);
    mem_fail_nth(0);
    assert_non_null(strstr(e.text, "no memory"));
    assert_true(forward_bytes(r.forward) > RIG_TOKENS * 64 * sizeof(float));
    rig_close(&r);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_no_logits),
        cmocka_unit_test(test_plan_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
