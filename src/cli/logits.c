/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd logits: the logits behind given token ids, and the greedy continuation. Uses the model
 * and the kernels alone: no tokenizer, no scheduler.
 */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/thread.h"
#include "codec/json.h"
#include "model/model.h"

#define BATCH 256                      /* prompt tokens a run */
#define TOP 10
#define CTX_MAX (1 << 24)
#define JSON_MAX ((size_t)64 << 20)

static const char help[] =
    "usage: grokd logits -m FILE --tokens 1,2,3 [options]\n"
    "\n"
    "  -m, --model FILE     GGUF file\n"
    "  --tokens IDS         token ids, separated by commas\n"
    "  --ctx N              positions of the context (default: what tokens and --greedy need)\n"
    "  --kv f32|f16         type of the KV cache (default f32: exact)\n"
    "  --greedy N           go on with the most likely token N times\n"
    "  --out FILE           write the logits of the last token as little-endian float32\n"
    "  --json               print JSON: tokens, n_vocab, top [[id, value], ...], greedy [id, ...]\n"
    "  --threads N          compute threads (default: all CPUs)\n"
    "  --cpu LEVEL          scalar, avx2, avx512 or neon (default: the best)\n";

struct args {
    const char *model, *out;
    int32_t *id;                       /* [n_id], owned */
    int n_id, n_ctx, n_greedy, n_thread;
    enum kv_type kv;
    enum kern_level level;
    bool json;
};

struct run {
    struct kern kern;
    struct workers *workers;
    struct model *model;
    struct forward *forward;
    void *kv;
    uint32_t *page;                    /* [pages]: page i is i */
    float *logits;                     /* [n_vocab] of the last prompt token */
    int32_t *greedy;                   /* [n_greedy] */
};

/* ---- arguments ---- */

static int parse_tokens(struct args *a, const char *text)
{
    str rest = str_of(text), part;
    size_t n = 1;
    for (const char *p = text; *p; p++)
        n += *p == ',';
    mem_free(a->id);
    a->id = mem_array(n, sizeof *a->id);
    for (a->n_id = 0; str_split(&rest, ',', &part); a->n_id++) {
        int64_t v;
        if (!str_to_i64(str_trim(part), &v) || v < 0 || v > INT32_MAX || a->n_id == CTX_MAX)
            return cli_usage("logits", "--tokens: \"%.*s\" is no token id",
                             STR_FMT(str_sub(part, 0, 40)));
        a->id[a->n_id] = (int32_t)v;
    }
    return CLI_OK;
}

static int parse_int(const char *option, int min, int max, int *out)
{
    int64_t v;
    if (!cli_int(optarg, min, max, &v))
        return cli_usage("logits", "%s: \"%s\" is not a number from %d to %d", option, optarg, min,
                         max);
    *out = (int)v;
    return CLI_OK;
}

static int parse_kv(struct args *a)
{
    a->kv = strcmp(optarg, "f32") == 0 ? KV_F32 : KV_F16;
    return a->kv == KV_F32 || strcmp(optarg, "f16") == 0
        ? CLI_OK : cli_usage("logits", "--kv: \"%s\" is not f32 or f16", optarg);
}

static int parse_option(void *arg, int c)
{
    struct args *a = arg;
    switch (c) {
    case 'm': a->model = optarg; return CLI_OK;
    case 'o': a->out = optarg; return CLI_OK;
    case 'j': a->json = true; return CLI_OK;
    case 't': return parse_tokens(a, optarg);
    case 'c': return parse_int("--ctx", 1, CTX_MAX, &a->n_ctx);
    case 'g': return parse_int("--greedy", 0, CTX_MAX, &a->n_greedy);
    case 'n': return parse_int("--threads", 1, WORKERS_MAX, &a->n_thread);
    case 'k': return parse_kv(a);
    case 'l':
        return kern_level_parse(str_of(optarg), &a->level)
            ? CLI_OK : cli_usage("logits", "--cpu: \"%s\" is no level", optarg);
    default: return cli_usage("logits", "unknown option or missing value");
    }
}

/* CLI_OK with *done set: help was printed. */
static int parse_args(struct args *a, int argc, char **argv, bool *done)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'}, {"tokens", required_argument, NULL, 't'},
        {"ctx", required_argument, NULL, 'c'},   {"kv", required_argument, NULL, 'k'},
        {"greedy", required_argument, NULL, 'g'}, {"out", required_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'j'},        {"threads", required_argument, NULL, 'n'},
        {"cpu", required_argument, NULL, 'l'},   {"help", no_argument, NULL, 'h'}, {0},
    };
    static const struct cli_options walk = {"logits", "m:h", options, help, parse_option};
    int rc = cli_options(argc, argv, &walk, a, done);
    if (rc != CLI_OK || *done)
        return rc;
    if (optind < argc)
        return cli_usage("logits", "\"%s\" is not expected", argv[optind]);
    if (!a->model || !a->id)
        return cli_usage("logits", "-m and --tokens are needed");
    return CLI_OK;
}

/* ---- the run ---- */

static enum err check_ids(const struct run *r, struct args *a, struct error *e)
{
    int n_vocab = model_shape(r->model)->n_vocab;
    /* The last greedy token is not fed. */
    int64_t need = (int64_t)a->n_id + (a->n_greedy > 0 ? a->n_greedy - 1 : 0);
    for (int i = 0; i < a->n_id; i++)
        if (a->id[i] >= n_vocab)
            return err_set(e, ERR_ARG, ERR_NO_POS, "token %d is not below the vocabulary's %d",
                           a->id[i], n_vocab);
    if (a->n_ctx == 0)
        a->n_ctx = need < CTX_MAX ? (int)need : CTX_MAX;
    if (need > a->n_ctx)
        return err_set(e, ERR_CONTEXT, ERR_NO_POS,
                       "%d tokens and %d greedy steps do not fit in a context of %d", a->n_id,
                       a->n_greedy, a->n_ctx);
    return ERR_OK;
}

static enum err open_run(struct run *r, struct args *a, struct error *e)
{
    struct cli_progress bar;
    enum kern_level level = a->level == KERN_LEVEL_COUNT ? kern_best(KERN_LEVEL_COUNT) : a->level;
    TRY(kern_init(&r->kern, level, e));
    int n_cpu = thread_cpu_count() < WORKERS_MAX ? thread_cpu_count() : WORKERS_MAX;
    r->workers = workers_new(a->n_thread ? a->n_thread : n_cpu);
    cli_progress_start(&bar, "load");
    struct model_options o = {.kern = &r->kern, .workers = r->workers, .kv_type = a->kv,
                              .progress = cli_progress_at, .progress_arg = &bar};
    enum err err = model_open(a->model, &o, &r->model, e);
    cli_progress_end(&bar);
    TRY(err);
    TRY(check_ids(r, a, e));
    TRY(forward_new(r->model, r->workers, a->n_id < BATCH ? a->n_id : BATCH, 1, a->n_ctx,
                    &r->forward, e));
    size_t n_page = ((size_t)a->n_ctx + KV_PAGE_LEN - 1) / KV_PAGE_LEN, bytes;
    if (!size_mul(n_page, model_kv_page_bytes(r->model), &bytes) ||
        !(r->kv = mem_try_aligned(64, bytes)))
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for the KV cache: lower --ctx");
    r->page = mem_array(n_page, sizeof *r->page);
    for (size_t i = 0; i < n_page; i++)
        r->page[i] = (uint32_t)i;
    r->logits = mem_array((size_t)model_shape(r->model)->n_vocab, sizeof *r->logits);
    r->greedy = mem_array((size_t)a->n_greedy, sizeof *r->greedy);
    return ERR_OK;
}

static void close_run(struct run *r)
{
    forward_free(r->forward);
    model_close(&r->model);
    workers_free(r->workers);
    mem_free(r->kv);
    mem_free(r->page);
    mem_free(r->logits);
    mem_free(r->greedy);
}

/* Runs n tokens from pos on; gives the logits of the last. */
static const float *feed(struct run *r, const int32_t *id, int n, int pos)
{
    struct forward_token tok[BATCH];
    for (int from = 0; from < n; from += BATCH) {
        int len = n - from < BATCH ? n - from : BATCH;
        for (int i = 0; i < len; i++)
            tok[i] = (struct forward_token){id[from + i], pos + from + i, r->page,
                                            from + i == n - 1 ? 0 : -1};
        forward_run(r->forward, tok, len, r->kv);
    }
    return forward_logits(r->forward, 0);
}

static int32_t argmax(const float *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

static void compute(struct run *r, const struct args *a)
{
    int n_vocab = model_shape(r->model)->n_vocab;
    const float *logits = feed(r, a->id, a->n_id, 0);
    memcpy(r->logits, logits, (size_t)n_vocab * sizeof *logits);
    for (int i = 0; i < a->n_greedy; i++) {
        r->greedy[i] = argmax(logits, n_vocab);
        if (i + 1 < a->n_greedy)
            logits = feed(r, &r->greedy[i], 1, a->n_id + i);
    }
}

/* ---- output ---- */

/* Ids of the highest logits, highest first; a lower id first on a tie. */
static int top_ids(const float *x, int n, int32_t top[TOP])
{
    int k = 0;
    for (int32_t i = 0; i < n; i++) {
        int at = k;
        while (at > 0 && x[i] > x[top[at - 1]])
            at--;
        if (at == TOP)
            continue;
        k = k < TOP ? k + 1 : k;
        memmove(&top[at + 1], &top[at], (size_t)(k - 1 - at) * sizeof *top);
        top[at] = i;
    }
    return k;
}

static void write_json(const struct run *r, const struct args *a, const int32_t *top, int n_top,
                       struct buf *b)
{
    struct json_writer w;
    jw_init(&w, b);
    jw_object(&w);
    jw_kv_int(&w, "tokens", a->n_id);
    jw_kv_int(&w, "n_vocab", model_shape(r->model)->n_vocab);
    jw_kv_cstring(&w, "cpu", kern_level_name(r->kern.level));
    jw_key(&w, "top");
    jw_array(&w);
    for (int i = 0; i < n_top; i++) {
        jw_array(&w);
        jw_int(&w, top[i]);
        jw_double(&w, (double)r->logits[top[i]]);
        jw_array_end(&w);
    }
    jw_array_end(&w);
    jw_key(&w, "greedy");
    jw_array(&w);
    for (int i = 0; i < a->n_greedy; i++)
        jw_int(&w, r->greedy[i]);
    jw_array_end(&w);
    jw_object_end(&w);
    buf_char(b, '\n');
}

static void write_text(const struct run *r, const struct args *a, const int32_t *top, int n_top,
                       struct buf *b)
{
    buf_printf(b, "logits of token %d of %d:\n", a->n_id, a->n_id);
    for (int i = 0; i < n_top; i++)
        buf_printf(b, "%8d  %.6f\n", top[i], (double)r->logits[top[i]]);
    if (a->n_greedy)
        buf_printf(b, "greedy:");
    for (int i = 0; i < a->n_greedy; i++)
        buf_printf(b, " %d", r->greedy[i]);
    if (a->n_greedy)
        buf_char(b, '\n');
}

static enum err print(const struct run *r, const struct args *a, struct error *e)
{
    int32_t top[TOP];
    struct buf b;
    int n_vocab = model_shape(r->model)->n_vocab, n_top = top_ids(r->logits, n_vocab, top);
    struct stat st;
    if (a->out && stat(a->out, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(e, ERR_ARG, ERR_NO_POS, "%s is not a regular file", a->out);
    if (a->out)
        TRY(file_write_atomic(a->out, str_n((const char *)r->logits,
                                            (size_t)n_vocab * sizeof *r->logits), 0644, e));
    buf_init(&b, JSON_MAX);
    if (a->json)
        write_json(r, a, top, n_top, &b);
    else
        write_text(r, a, top, n_top, &b);
    bool ok = !b.bad && fwrite(b.p, 1, b.n, stdout) == b.n && fflush(stdout) == 0;
    buf_done(&b);
    return ok ? ERR_OK : err_set(e, ERR_IO, ERR_NO_POS, "cannot write the result");
}

int cmd_logits(int argc, char **argv)
{
    struct args a = {.kv = KV_F32, .level = KERN_LEVEL_COUNT};
    struct run r = {0};
    struct error e = {0};
    bool done = false;
    int rc = parse_args(&a, argc, argv, &done);
    if (rc == CLI_OK && !done) {
        enum err err = open_run(&r, &a, &e);
        if (err == ERR_OK) {
            compute(&r, &a);
            err = print(&r, &a, &e);
        }
        rc = err == ERR_OK ? CLI_OK : cli_fail("logits", &e);
        close_run(&r);
    }
    mem_free(a.id);
    return rc;
}
