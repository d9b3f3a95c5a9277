/* SPDX-License-Identifier: Apache-2.0
 *
 * Speed of the kernels: matrix times one token (GB/s of weights, and their share of the memory
 * bandwidth measured in the same run), matrix times 256 tokens (GOP/s), attention (us, GB/s).
 *
 *   bench-kern [--json] [--threads N] [--level NAME]
 */
#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"
#include "kernel/kern.h"
#include "kernel/quant.h"
#include "kernel/workers.h"

#define MEASURE_NS (250 * NS_PER_MS)
#define ROUNDS_MIN 3
#define COLS 4096
#define ONE_ROWS 16384                         /* weights well beyond the caches */
#define MANY_ROWS 512
#define MANY_TOKENS 256
#define ROW_CHUNK 64                           /* rows a worker takes at a time */
#define READ_BYTES (64u << 20)
#define ATTN_KV 4096
#define ATTN_PAGE 32
#define ATTN_DIM 128
#define ATTN_HEADS 4

static const uint32_t types[] = {QUANT_F32, QUANT_F16, QUANT_BF16, QUANT_Q8_0, QUANT_Q4_0};
#define N_TYPE (sizeof types / sizeof types[0])

struct bench {
    struct kern k;
    struct workers *workers;
    double read_gbs;                           /* what memory gives to these threads */
    bool is_json;
};

/* One thing to repeat. */
struct task {
    struct bench *b;
    struct kern_weight w;
    uint8_t *act;
    size_t act_stride;
    float *y;
    int n_tok;
    struct kern_attn *attn;                    /* one per worker */
    const uint8_t *bytes;
    size_t n_byte;
};

static void *alloc64(size_t n)
{
    void *p = mem_try_aligned(64, n);
    CHECK(p);
    return p;
}

/* Best time of one call, in ns: of the thread's CPU where there is one, so that neighbours on
 * the machine disturb less; of the wall else. */
static double best_ns(void (*run)(struct task *t), struct task *t)
{
    int64_t (*now)(void) = workers_count(t->b->workers) == 1 ? clock_thread_cpu_ns : clock_ns;
    int64_t start = clock_ns(), best = INT64_MAX;

    for (int i = 0; i < ROUNDS_MIN || clock_ns() - start < MEASURE_NS; i++) {
        int64_t t0 = now();
        run(t);
        int64_t ns = now() - t0;
        best = ns < best ? ns : best;
    }
    return (double)best;
}

/* Looks for a byte that is not there: the C library reads with the widest loads of the CPU. */
static void read_part(void *arg, int item, int worker)
{
    struct task *t = arg;
    size_t n = t->n_byte / (size_t)workers_count(t->b->workers);

    (void)worker;
    CHECK(!memchr(t->bytes + (size_t)item * n, 0, n));
}

static void run_read(struct task *t)
{
    workers_run(t->b->workers, workers_count(t->b->workers), read_part, t);
}

static double measure_read(struct bench *b)
{
    struct task t = {.b = b, .bytes = alloc64(READ_BYTES), .n_byte = READ_BYTES};

    memset((void *)(uintptr_t)t.bytes, 1, READ_BYTES);
    double ns = best_ns(run_read, &t);
    mem_free((void *)(uintptr_t)t.bytes);
    return READ_BYTES / ns;
}

static void matmul_part(void *arg, int item, int worker)
{
    struct task *t = arg;
    int row0 = item * ROW_CHUNK;
    int row1 = row0 + ROW_CHUNK < t->w.rows ? row0 + ROW_CHUNK : t->w.rows;

    (void)worker;
    t->b->k.matmul(t->y, (size_t)t->w.rows, &t->w, t->act, t->act_stride, t->n_tok, row0, row1);
}

static void run_matmul(struct task *t)
{
    workers_run(t->b->workers, (t->w.rows + ROW_CHUNK - 1) / ROW_CHUNK, matmul_part, t);
}

/* A matrix whose rows repeat a random one: the kernels do not look at what they multiply. */
static void *make_weights(const struct kern *k, uint32_t type, int rows)
{
    const struct quant_info *q = quant_info(type);
    size_t row_bytes = (size_t)(COLS / q->block_len * q->block_bytes);
    uint8_t *src = alloc64(row_bytes * (size_t)rows);
    float x[COLS];
    struct rng r;

    rng_seed(&r, 1);
    for (int i = 0; i < COLS; i++)
        x[i] = (float)(rng_unit(&r) - 0.5);
    q->quantize(src, x, COLS);
    for (int i = 1; i < rows; i++)
        memcpy(src + (size_t)i * row_bytes, src, row_bytes);
    size_t bytes = k->pack_bytes(type, rows, COLS);
    if (!bytes)
        return src;
    void *packed = alloc64(bytes);
    k->pack(type, packed, src, rows, COLS);
    mem_free(src);
    return packed;
}

static double measure_matmul(struct bench *b, uint32_t type, int rows, int n_tok)
{
    struct task t = {.b = b, .n_tok = n_tok};
    void *data = make_weights(&b->k, type, rows);
    float x[COLS];

    t.w = (struct kern_weight){type, rows, COLS, data};
    t.act_stride = b->k.act_bytes(type, COLS);
    t.act = alloc64(t.act_stride * (size_t)n_tok);
    t.y = alloc64((size_t)rows * (size_t)n_tok * sizeof *t.y);
    for (int i = 0; i < n_tok; i++) {
        for (int c = 0; c < COLS; c++)
            x[c] = (float)((c * 37 + i) % 101 - 50);
        b->k.act_make(type, t.act + (size_t)i * t.act_stride, x, COLS);
    }
    double ns = best_ns(run_matmul, &t);
    mem_free(t.act), mem_free(t.y), mem_free(data);
    return ns;
}

static void attn_part(void *arg, int item, int worker)
{
    struct task *t = arg;
    (void)worker;
    t->b->k.attn(&t->attn[item]);
}

/* One KV head a worker, each over its own pages. */
static void run_attn(struct task *t)
{
    workers_run(t->b->workers, workers_count(t->b->workers), attn_part, t);
}

static void attn_make(struct kern_attn *a, enum kv_type type)
{
    size_t page = ATTN_PAGE * ATTN_DIM * kv_type_bytes(type), n_page = ATTN_KV / ATTN_PAGE;
    uint8_t *kv = alloc64(2 * page * n_page);
    const void **table = alloc64(2 * n_page * sizeof *table);
    float *f = alloc64(ATTN_HEADS * (2 * ATTN_DIM + ATTN_KV) * sizeof *f);

    for (size_t i = 0; i < 2 * n_page; i++)
        table[i] = kv + i * page;
    for (int i = 0; i < ATTN_HEADS * ATTN_DIM; i++)
        f[i] = (float)(i % 7);
    *a = (struct kern_attn){
        .q = f, .out = f + ATTN_HEADS * ATTN_DIM, .score = f + 2 * ATTN_HEADS * ATTN_DIM,
        .k_page = table, .v_page = table + n_page, .n_q = ATTN_HEADS, .dim = ATTN_DIM,
        .page_len = ATTN_PAGE, .n_kv = ATTN_KV, .kv_type = type, .scale = 0.1f,
    };
}

static void attn_drop(struct kern_attn *a)
{
    mem_free((void *)(uintptr_t)a->k_page[0]);
    mem_free((void *)(uintptr_t)a->k_page);
    mem_free((void *)(uintptr_t)a->q);
}

static void report(const struct bench *b, const char *what, const char *type, double ns,
                   const char *unit, double rate)
{
    bool is_gbs = strcmp(unit, "GB/s") == 0;

    if (b->is_json)
        printf("{\"bench\":\"%s\",\"level\":\"%s\",\"type\":\"%s\",\"threads\":%d,\"us\":%.1f,"
               "\"unit\":\"%s\",\"rate\":%.2f,\"read_gbs\":%.2f}\n",
               what, kern_level_name(b->k.level), type, workers_count(b->workers), ns / 1e3, unit,
               rate, b->read_gbs);
    else
        printf("%-8s %-7s %-5s %11.1f us %9.2f %-6s", what, kern_level_name(b->k.level), type,
               ns / 1e3, rate, unit);
    if (!b->is_json && is_gbs)
        printf(" %5.0f%% of memory", 100 * rate / b->read_gbs);
    if (!b->is_json)
        printf("\n");
    fflush(stdout);
}

static void bench_attn(struct bench *b)
{
    int n = workers_count(b->workers);

    for (enum kv_type type = KV_F32; type < KV_TYPE_COUNT; type++) {
        struct task t = {.b = b, .attn = mem_array((size_t)n, sizeof *t.attn)};
        for (int i = 0; i < n; i++)
            attn_make(&t.attn[i], type);
        double ns = best_ns(run_attn, &t);
        double bytes = 2.0 * n * ATTN_KV * ATTN_DIM * (double)kv_type_bytes(type);
        report(b, "attn", type == KV_F16 ? "F16" : "F32", ns, "GB/s", bytes / ns);
        for (int i = 0; i < n; i++)
            attn_drop(&t.attn[i]);
        mem_free(t.attn);
    }
}

static void bench_level(struct bench *b)
{
    for (size_t i = 0; i < N_TYPE; i++) {
        const struct quant_info *q = quant_info(types[i]);
        double bytes = (double)ONE_ROWS * COLS / q->block_len * q->block_bytes;
        double ns = measure_matmul(b, types[i], ONE_ROWS, 1);
        report(b, "matvec", q->name, ns, "GB/s", bytes / ns);
        ns = measure_matmul(b, types[i], MANY_ROWS, MANY_TOKENS);
        report(b, "matmul", q->name, ns, "GOP/s", 2.0 * MANY_ROWS * COLS * MANY_TOKENS / ns);
    }
    bench_attn(b);
}

static int usage(void)
{
    fprintf(stderr, "usage: bench-kern [--json] [--threads N] [--level NAME]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    int64_t n_thread = 1;
    enum kern_level only = KERN_LEVEL_COUNT;

    for (int i = 1; i < argc; i++) {
        str value = str_of(i + 1 < argc ? argv[i + 1] : "");
        if (strcmp(argv[i], "--json") == 0)
            b.is_json = true;
        else if (strcmp(argv[i], "--threads") == 0 && str_to_i64(value, &n_thread) &&
                 n_thread >= 1 && n_thread <= thread_cpu_count())
            i++;
        else if (strcmp(argv[i], "--level") == 0 && kern_level_parse(value, &only))
            i++;
        else
            return usage();
    }
    b.workers = workers_new((int)n_thread);
    b.read_gbs = measure_read(&b);
    if (!b.is_json)
        printf("memory reads %.1f GB/s with %d thread%s\n", b.read_gbs, (int)n_thread,
               n_thread == 1 ? "" : "s");
    for (enum kern_level l = KERN_SCALAR; l < KERN_LEVEL_COUNT; l++)
        if ((only == KERN_LEVEL_COUNT || only == l) && kern_init(&b.k, l, NULL) == ERR_OK)
            bench_level(&b);
    workers_free(b.workers);
    return 0;
}
