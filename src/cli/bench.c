/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd bench: how fast a model runs here. Prefill is one prompt of -p tokens, decode is -n
 * tokens of each of -b sequences at once, through the same engine that serves; medians over -r
 * runs. Nothing is cached between runs.
 */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"
#include "codec/json.h"
#include "engine/engine.h"

#define BATCHES_MAX 16
#define BATCH_MAX 1024
#define RUNS_MAX 1000
#define TOKENS_MAX (1 << 24)
#define JSON_MAX ((size_t)1 << 20)
#define DECODE_PROMPT 16               /* tokens before the measured ones */

static const char help[] =
    "usage: grokd bench -m FILE [options]\n"
    "\n"
    "  -m, --model FILE     GGUF file\n"
    "  -p N                 prompt tokens of the prefill test (default 512; 0: skip)\n"
    "  -n N                 output tokens of the decode test (default 128; 0: skip)\n"
    "  -b N,N,...           sequences at once in the decode test (default 1,4,16)\n"
    "  -t, --threads N      compute threads (default: all CPUs)\n"
    "  -r N                 runs; the median counts (default 5)\n"
    "  --kv f32|f16         type of the KV cache (default f16)\n"
    "  --cpu LEVEL          scalar, avx2, avx512 or neon (default: the best)\n"
    "  --json               print JSON\n";

struct args {
    const char *model;
    int n_prompt, n_output, n_thread, n_run;
    bool is_prompt_given, is_output_given, json;
    int batch[BATCHES_MAX], n_batch;
    enum kv_type kv;
    enum kern_level level;
};

/* Tokens per second over the runs. */
struct rate { double median, min, max; };

struct memory { int64_t rss_kb, anon_kb; };

struct result {
    int64_t load_ns;
    struct rate prefill, decode[BATCHES_MAX];
    struct memory loaded, peak;
};

struct bench {
    const struct args *a;
    struct engine *en;
    struct cli_progress bar;
    int n_done, n_total;               /* runs, for the progress bar */
    uint64_t salt;                     /* another one each run: nothing is found in the cache */
    struct rng rng;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_woken;
};

/* ---- arguments ---- */

static int parse_int(const char *option, int min, int max, int *out)
{
    int64_t v;
    if (!cli_int(optarg, min, max, &v))
        return cli_usage("bench", "%s: \"%s\" is not a number from %d to %d", option, optarg, min,
                         max);
    *out = (int)v;
    return CLI_OK;
}

static int parse_batches(struct args *a)
{
    str rest = str_of(optarg), part;
    for (a->n_batch = 0; str_split(&rest, ',', &part); a->n_batch++) {
        int64_t v;
        if (a->n_batch == BATCHES_MAX)
            return cli_usage("bench", "-b: at most %d sizes", BATCHES_MAX);
        if (!str_to_i64(str_trim(part), &v) || v < 1 || v > BATCH_MAX)
            return cli_usage("bench", "-b: \"%.*s\" is not a number from 1 to %d",
                             STR_FMT(str_sub(part, 0, 40)), BATCH_MAX);
        a->batch[a->n_batch] = (int)v;
    }
    return CLI_OK;
}

static int parse_kv(struct args *a)
{
    a->kv = strcmp(optarg, "f32") == 0 ? KV_F32 : KV_F16;
    return a->kv == KV_F32 || strcmp(optarg, "f16") == 0
        ? CLI_OK : cli_usage("bench", "--kv: \"%s\" is not f32 or f16", optarg);
}

static int parse_option(void *arg, int c)
{
    struct args *a = arg;
    switch (c) {
    case 'm': a->model = optarg; return CLI_OK;
    case 'p': a->is_prompt_given = true; return parse_int("-p", 0, TOKENS_MAX, &a->n_prompt);
    case 'n': a->is_output_given = true; return parse_int("-n", 0, TOKENS_MAX, &a->n_output);
    case 'b': return parse_batches(a);
    case 't': return parse_int("-t", 1, WORKERS_MAX, &a->n_thread);
    case 'r': return parse_int("-r", 1, RUNS_MAX, &a->n_run);
    case 'k': return parse_kv(a);
    case 'l':
        return kern_level_parse(str_of(optarg), &a->level)
            ? CLI_OK : cli_usage("bench", "--cpu: \"%s\" is no level", optarg);
    case 'j': a->json = true; return CLI_OK;
    default: return cli_usage("bench", "unknown option or missing value");
    }
}

/* CLI_OK with *done set: help was printed. */
static int parse_args(struct args *a, int argc, char **argv, bool *done)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'}, {"threads", required_argument, NULL, 't'},
        {"kv", required_argument, NULL, 'k'},    {"cpu", required_argument, NULL, 'l'},
        {"json", no_argument, NULL, 'j'},        {"help", no_argument, NULL, 'h'}, {0},
    };
    static const struct cli_options walk = {"bench", "m:p:n:b:t:r:h", options, help, parse_option};
    int rc = cli_options(argc, argv, &walk, a, done);
    if (rc != CLI_OK || *done)
        return rc;
    if (optind < argc)
        return cli_usage("bench", "\"%s\" is not expected", argv[optind]);
    return a->model ? CLI_OK : cli_usage("bench", "-m is needed");
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct rate rate_of(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return (struct rate){(v[(n - 1) / 2] + v[n / 2]) / 2, v[0], v[n - 1]};
}

/* "RssAnon:     1234 kB" of /proc/self/status; 0 when the system has no such line. */
static int64_t status_kb(str status, const char *key)
{
    int64_t kb = 0;
    size_t at = str_find(status, str_of(key), 0);
    if (at == SIZE_MAX)
        return 0;
    str line = str_sub(status, at + strlen(key), status.n);
    line = str_trim(str_sub(line, 0, str_find_char(line, 'k', 0)));
    return str_to_i64(line, &kb) ? kb : 0;
}

static struct memory memory_now(void)
{
    struct memory m = {0};
    char text[8192];
    FILE *f = fopen("/proc/self/status", "r");
    if (!f)
        return m;
    str status = str_n(text, fread(text, 1, sizeof text, f));
    fclose(f);
    m.rss_kb = status_kb(status, "\nVmRSS:");
    m.anon_kb = status_kb(status, "\nRssAnon:");
    return m;
}

/* ---- runs ---- */

static void on_wake(void *arg)
{
    struct bench *b = arg;
    pthread_mutex_lock(&b->lock);
    b->is_woken = true;
    pthread_cond_signal(&b->woken);
    pthread_mutex_unlock(&b->lock);
}

static void wait_woken(struct bench *b)
{
    pthread_mutex_lock(&b->lock);
    while (!b->is_woken)
        thread_cond_wait_until(&b->woken, &b->lock, clock_ns() + NS_PER_S);
    b->is_woken = false;
    pthread_mutex_unlock(&b->lock);
}

static enum err submit(struct bench *b, int n_prompt, int n_output, struct engine_seq **out,
                       struct error *e)
{
    int n_vocab = engine_shape(b->en)->n_vocab;
    int32_t *prompt = mem_array((size_t)n_prompt, sizeof *prompt);
    for (int i = 0; i < n_prompt; i++)
        prompt[i] = (int32_t)rng_below(&b->rng, (uint64_t)n_vocab);
    struct engine_request r = {
        .prompt = prompt, .n_prompt = (size_t)n_prompt, .max_tokens = n_output,
        .sample = SAMPLE_DEFAULT, .ignore_eog = true, .n_top_logprobs = -1, .salt = b->salt,
        .wake = on_wake, .wake_arg = b};
    r.sample.temperature = 0;
    enum err err = engine_submit(b->en, &r, out, e);
    mem_free(prompt);
    return err;
}

/* Reads until every sequence has ended. */
static enum err read_all(struct bench *b, struct engine_seq **seq, int n, struct error *e)
{
    struct engine_event ev;
    enum err err = ERR_OK;
    for (int n_left = n; n_left > 0;) {
        bool has_read = false;
        for (int i = 0; i < n; i++) {
            while (engine_next(seq[i], &ev)) {
                has_read = true;
                n_left -= ev.finish != FINISH_NONE;
                if (ev.finish != FINISH_NONE && ev.finish != FINISH_LENGTH)
                    err = err_set(e, ERR_INTERNAL, ERR_NO_POS, "a sequence ended early: the model "
                                  "gave logits that are not numbers");
            }
        }
        if (!has_read && n_left > 0)
            wait_woken(b);
    }
    return err;
}

/* One run of n sequences at once. *sum: all output tokens, the earliest and the latest times. */
static enum err run_once(struct bench *b, int n, int n_prompt, int n_output,
                         struct engine_usage *sum, struct error *e)
{
    struct engine_seq **seq = mem_array((size_t)n, sizeof *seq);
    enum err err = ERR_OK;
    int n_seq = 0;
    b->salt++;
    while (n_seq < n && err == ERR_OK) {
        err = submit(b, n_prompt, n_output, &seq[n_seq], e);
        n_seq += err == ERR_OK;
    }
    if (err == ERR_OK)
        err = read_all(b, seq, n, e);
    *sum = (struct engine_usage){.queued_ns = INT64_MAX, .first_token_ns = INT64_MAX};
    for (int i = 0; i < n_seq; i++) {
        struct engine_usage u = engine_usage_of(seq[i]);
        sum->n_output += u.n_output;
        sum->queued_ns = u.queued_ns < sum->queued_ns ? u.queued_ns : sum->queued_ns;
        sum->first_token_ns = u.first_token_ns < sum->first_token_ns ? u.first_token_ns
                                                                     : sum->first_token_ns;
        sum->last_token_ns = u.last_token_ns > sum->last_token_ns ? u.last_token_ns
                                                                  : sum->last_token_ns;
        engine_seq_free(seq[i]);
    }
    mem_free(seq);
    cli_progress_at(&b->bar, (double)++b->n_done / b->n_total);
    return err;
}

static double per_second(int n, int64_t ns)
{
    return (double)n * 1e9 / (double)(ns > 0 ? ns : 1);
}

static enum err measure_prefill(struct bench *b, struct rate *out, struct error *e)
{
    double v[RUNS_MAX];
    struct engine_usage u;
    TRY(run_once(b, 1, b->a->n_prompt, 1, &u, e));   /* warm-up: pages and caches */
    for (int i = 0; i < b->a->n_run; i++) {
        TRY(run_once(b, 1, b->a->n_prompt, 1, &u, e));
        v[i] = per_second(b->a->n_prompt, u.first_token_ns - u.queued_ns);
    }
    *out = rate_of(v, b->a->n_run);
    return ERR_OK;
}

/* From the first token to the last: n_output - 1 steps of n sequences. */
static enum err measure_decode(struct bench *b, int n, struct rate *out, struct error *e)
{
    double v[RUNS_MAX];
    struct engine_usage u;
    for (int i = 0; i < b->a->n_run; i++) {
        TRY(run_once(b, n, DECODE_PROMPT, b->a->n_output, &u, e));
        v[i] = per_second(u.n_output - n, u.last_token_ns - u.first_token_ns);
    }
    *out = rate_of(v, b->a->n_run);
    return ERR_OK;
}

/* ---- opening ---- */

/* Defaults shrink to the model's context, numbers that were asked for do not. */
static enum err fit_context(struct args *a, int n_ctx, struct error *e)
{
    if (!a->is_prompt_given && a->n_prompt > n_ctx - 1)
        a->n_prompt = n_ctx - 1;
    if (!a->is_output_given && a->n_output > n_ctx - DECODE_PROMPT)
        a->n_output = n_ctx > DECODE_PROMPT + 1 ? n_ctx - DECODE_PROMPT : 0;
    if (a->n_prompt > n_ctx - 1 || (a->n_output > 0 && a->n_output > n_ctx - DECODE_PROMPT))
        return err_set(e, ERR_CONTEXT, ERR_NO_POS, "the context holds %d: -p can be at most %d, -n "
                       "at most %d", n_ctx, n_ctx - 1, n_ctx - DECODE_PROMPT);
    if (a->n_output == 1)
        return err_set(e, ERR_ARG, ERR_NO_POS, "-n 1 has no time between tokens: use 2 or more");
    return ERR_OK;
}

static enum err open_engine(struct bench *b, struct args *a, struct result *r, struct error *e)
{
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    int64_t start_ns = clock_ns();
    o.model_path = a->model;
    o.n_thread = a->n_thread;
    o.kv_type = a->kv;
    o.level_max = a->level;
    o.prefix_cache = false;
    o.n_seq_max = 1;
    for (int i = 0; i < a->n_batch; i++)
        o.n_seq_max = a->batch[i] > o.n_seq_max ? a->batch[i] : o.n_seq_max;
    o.progress = cli_progress_at;
    o.progress_arg = &b->bar;
    cli_progress_start(&b->bar, "load");
    enum err err = engine_open(&o, &b->en, e);
    cli_progress_end(&b->bar);
    TRY(err);
    r->load_ns = clock_ns() - start_ns;
    r->loaded = memory_now();
    if (a->level != KERN_LEVEL_COUNT && engine_kern(b->en)->level != a->level)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "this CPU does not run %s",
                       kern_level_name(a->level));
    return fit_context(a, engine_n_ctx(b->en), e);
}

static enum err measure(struct bench *b, struct args *a, struct result *r, struct error *e)
{
    TRY(open_engine(b, a, r, e));
    b->n_total = (a->n_prompt ? a->n_run + 1 : 0) + (a->n_output ? a->n_run * a->n_batch : 0);
    cli_progress_start(&b->bar, "bench");
    enum err err = ERR_OK;
    if (a->n_prompt)
        err = measure_prefill(b, &r->prefill, e);
    for (int i = 0; err == ERR_OK && a->n_output && i < a->n_batch; i++)
        err = measure_decode(b, a->batch[i], &r->decode[i], e);
    cli_progress_end(&b->bar);
    r->peak = memory_now();
    return err;
}

/* ---- output ---- */

static void write_rate(struct json_writer *w, const struct rate *r)
{
    jw_kv_double(w, "tokens_per_s", r->median);
    jw_kv_double(w, "min", r->min);
    jw_kv_double(w, "max", r->max);
    jw_object_end(w);
}

static void write_memory(struct json_writer *w, const char *key, const struct memory *m)
{
    jw_key(w, key);
    jw_object(w);
    jw_kv_int(w, "rss_kb", m->rss_kb);
    jw_kv_int(w, "anon_kb", m->anon_kb);
    jw_object_end(w);
}

static void write_json(const struct bench *b, const struct result *r, struct buf *out)
{
    const struct args *a = b->a;
    const struct model_shape *shape = engine_shape(b->en);
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kv_cstring(&w, "model", a->model);
    jw_kv_string(&w, "arch", shape->arch);
    jw_kv_int(&w, "n_param", (int64_t)shape->n_param);
    jw_kv_cstring(&w, "cpu", kern_level_name(engine_kern(b->en)->level));
    jw_kv_int(&w, "threads", a->n_thread);
    jw_kv_cstring(&w, "kv", a->kv == KV_F32 ? "f32" : "f16");
    jw_kv_int(&w, "runs", a->n_run);
    jw_kv_double(&w, "load_ms", (double)r->load_ns / 1e6);
    write_memory(&w, "memory_loaded", &r->loaded);
    write_memory(&w, "memory_after", &r->peak);
    if (a->n_prompt) {
        jw_key(&w, "prefill");
        jw_object(&w);
        jw_kv_int(&w, "n_prompt", a->n_prompt);
        write_rate(&w, &r->prefill);
    }
    jw_key(&w, "decode");
    jw_array(&w);
    for (int i = 0; a->n_output && i < a->n_batch; i++) {
        jw_object(&w);
        jw_kv_int(&w, "batch", a->batch[i]);
        jw_kv_int(&w, "n_output", a->n_output);
        write_rate(&w, &r->decode[i]);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    buf_char(out, '\n');
}

static void write_text(const struct bench *b, const struct result *r, struct buf *out)
{
    const struct args *a = b->a;
    const struct model_shape *shape = engine_shape(b->en);
    buf_printf(out, "%s: %.*s, %.1f million parameters; %s, %d threads, %s KV\n", a->model,
               STR_FMT(shape->arch), (double)shape->n_param / 1e6,
               kern_level_name(engine_kern(b->en)->level), a->n_thread,
               a->kv == KV_F32 ? "f32" : "f16");
    buf_printf(out, "load       %10.1f ms; resident %.1f MB, %.1f MB of it not the file\n",
               (double)r->load_ns / 1e6, (double)r->loaded.rss_kb / 1024,
               (double)r->loaded.anon_kb / 1024);
    if (a->n_prompt)
        buf_printf(out, "prefill    %10.1f tokens/s (%.1f to %.1f), %d tokens\n",
                   r->prefill.median, r->prefill.min, r->prefill.max, a->n_prompt);
    for (int i = 0; a->n_output && i < a->n_batch; i++)
        buf_printf(out, "decode %3d %10.1f tokens/s (%.1f to %.1f), %d tokens each\n", a->batch[i],
                   r->decode[i].median, r->decode[i].min, r->decode[i].max, a->n_output);
    buf_printf(out, "after      resident %.1f MB, %.1f MB of it not the file\n",
               (double)r->peak.rss_kb / 1024, (double)r->peak.anon_kb / 1024);
}

static enum err print(const struct bench *b, const struct result *r, struct error *e)
{
    struct buf out;
    buf_init(&out, JSON_MAX);
    if (b->a->json)
        write_json(b, r, &out);
    else
        write_text(b, r, &out);
    bool ok = !out.bad && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    buf_done(&out);
    return ok ? ERR_OK : err_set(e, ERR_IO, ERR_NO_POS, "cannot write the result");
}

int cmd_bench(int argc, char **argv)
{
    struct args a = {.n_prompt = 512, .n_output = 128, .n_run = 5, .batch = {1, 4, 16},
                     .n_batch = 3, .kv = KV_F16, .level = KERN_LEVEL_COUNT};
    struct bench b = {.a = &a};
    struct result r = {0};
    struct error e = {0};
    bool done = false;
    int rc = parse_args(&a, argc, argv, &done);
    if (rc != CLI_OK || done)
        return rc;
    if (a.n_thread == 0)
        a.n_thread = thread_cpu_count() < WORKERS_MAX ? thread_cpu_count() : WORKERS_MAX;
    rng_seed(&b.rng, 1);
    pthread_mutex_init(&b.lock, NULL);
    thread_cond_init(&b.woken);
    enum err err = measure(&b, &a, &r, &e);
    if (err == ERR_OK)
        err = print(&b, &r, &e);
    engine_close(&b.en);
    pthread_cond_destroy(&b.woken);
    pthread_mutex_destroy(&b.lock);
    return err == ERR_OK ? CLI_OK : cli_fail("bench", &e);
}
