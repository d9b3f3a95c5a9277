/* SPDX-License-Identifier: Apache-2.0
 *
 * Glue: opens the model, its vocabulary and its template, plans the workspace, and runs the
 * scheduler on its thread. The scheduler meets the model only through the stepper below.
 */
#include "engine/engine.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "engine/kv.h"
#include "engine/load_vocab.h"
#include "engine/sched.h"
#include "kernel/workers.h"

#define N_SEQ_DEFAULT 64
#define N_QUEUE_DEFAULT 4096
#define PREFILL_CHUNK_DEFAULT 256
#define KV_BYTES_DEFAULT_MAX ((size_t)4 << 30)
#define IDLE_NS NS_PER_S               /* an idle scheduler still shows a heartbeat */

struct engine {
    struct kern kern;
    struct workers *workers;           /* owns; used by the scheduler thread after open */
    struct model *model;
    struct vocab *vocab;
    struct template *template;         /* NULL: template_why says why not */
    struct error template_why;
    struct forward *forward;
    struct sched *sched;
    pthread_t thread;
    bool has_thread;
};

/* ---- the model as a stepper ---- */

static void step_run(void *arg, const struct forward_token *token, int n_token, void *kv_base)
{
    struct engine *en = arg;
    forward_run(en->forward, token, n_token, kv_base);
}

static const float *step_logits(void *arg, int row)
{
    struct engine *en = arg;
    return forward_logits(en->forward, row);
}

static void step_parallel(void *arg, int n_item, void (*fn)(void *fn_arg, int item, int worker),
                          void *fn_arg)
{
    struct engine *en = arg;
    workers_run(en->workers, n_item, fn, fn_arg);
}

static bool step_is_eog(void *arg, int32_t id)
{
    struct engine *en = arg;
    return vocab_is_eog(en->vocab, id);
}

static int64_t step_now_ns(void *arg)
{
    (void)arg;
    return clock_ns();
}

static void *scheduler_main(void *arg)
{
    struct engine *en = arg;
    enum sched_turn turn;
    while ((turn = sched_step(en->sched)) != TURN_CLOSED) {
        if (turn == TURN_IDLE)
            sched_wait(en->sched, clock_ns() + IDLE_NS);
    }
    sched_stop(en->sched);
    return NULL;
}

/* ---- opening ---- */

static int or_default(int value, int standard)
{
    return value == 0 ? standard : value;
}

static size_t kv_bytes_default(void)
{
    long n_page = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    size_t quarter = n_page > 0 && page_bytes > 0 ? (size_t)n_page * (size_t)page_bytes / 4
                                                  : KV_BYTES_DEFAULT_MAX;
    return quarter < KV_BYTES_DEFAULT_MAX ? quarter : KV_BYTES_DEFAULT_MAX;
}

/* Pages of the budget, but never more than all sequences together can use. */
static enum err plan_pages(const struct engine_options *o, struct sched_options *so,
                           struct error *e)
{
    size_t bytes = o->kv_bytes ? o->kv_bytes : kv_bytes_default();
    size_t n_page = bytes / so->page_bytes;
    size_t n_useful = (size_t)so->n_seq_max *
        (((size_t)so->n_ctx + KV_PAGE_LEN - 1) / KV_PAGE_LEN);
    if (n_page == 0)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "a KV budget of %zu bytes, one page of this model "
                       "takes %zu", bytes, so->page_bytes);
    n_page = n_page < n_useful ? n_page : n_useful;
    so->n_page = n_page < KV_PAGES_MAX ? (uint32_t)n_page : KV_PAGES_MAX;
    return ERR_OK;
}

static enum err open_workers(struct engine *en, const struct engine_options *o, struct error *e)
{
    if (o->n_thread < 0 || o->n_thread > WORKERS_MAX)
        return err_set(e, ERR_ARG, ERR_NO_POS, "%d threads, 1 to %d are allowed", o->n_thread,
                       WORKERS_MAX);
    enum kern_level level = kern_best(o->level_max);
    TRY(kern_init(&en->kern, level, e));
    int n_cpu = thread_cpu_count() < WORKERS_MAX ? thread_cpu_count() : WORKERS_MAX;
    en->workers = workers_new(or_default(o->n_thread, n_cpu));
    return ERR_OK;
}

static void open_template(struct engine *en)
{
    str source = load_chat_template(model_gguf(en->model));
    if (template_parse(source, &en->template, &en->template_why) != ERR_OK)
        en->template = NULL;
}

static enum err open_model(struct engine *en, const struct engine_options *o, struct error *e)
{
    struct model_options mo = {.kern = &en->kern, .workers = en->workers, .kv_type = o->kv_type,
                               .progress = o->progress, .progress_arg = o->progress_arg};
    if (!o->model_path || !o->model_path[0])
        return err_set(e, ERR_ARG, ERR_NO_POS, "no model file is named");
    TRY(model_open(o->model_path, &mo, &en->model, e));
    TRY(load_vocab(model_gguf(en->model), &en->vocab, e));
    const struct model_shape *shape = model_shape(en->model);
    if (vocab_size(en->vocab) != shape->n_vocab)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "the vocabulary has %d tokens, the embedding %d",
                       vocab_size(en->vocab), shape->n_vocab);
    open_template(en);
    return ERR_OK;
}

static enum err open_sched(struct engine *en, const struct engine_options *o, struct error *e)
{
    const struct model_shape *shape = model_shape(en->model);
    if (o->n_ctx < 0)
        return err_set(e, ERR_ARG, ERR_NO_POS, "a context of %d, it must not be negative",
                       o->n_ctx);
    int n_ctx = or_default(o->n_ctx, shape->n_ctx_train);
    struct sched_options so = {
        .n_vocab = shape->n_vocab,
        .vocab = en->vocab,
        .mask_pool_bytes = o->mask_pool_bytes,
        .n_ctx = n_ctx < shape->n_ctx_train ? n_ctx : shape->n_ctx_train,
        .n_seq_max = or_default(o->n_seq_max, N_SEQ_DEFAULT),
        .n_queue_max = or_default(o->n_queue_max, N_QUEUE_DEFAULT),
        .prefill_chunk = or_default(o->prefill_chunk, PREFILL_CHUNK_DEFAULT),
        .page_bytes = model_kv_page_bytes(en->model),
        .prefix_cache = o->prefix_cache,
        .stepper = {.arg = en, .run = step_run, .logits = step_logits, .parallel = step_parallel,
                    .is_eog = step_is_eog, .now_ns = step_now_ns,
                    .n_worker = workers_count(en->workers)}};
    TRY(sched_check(&so, e));
    TRY(plan_pages(o, &so, e));
    TRY(sched_new(&so, &en->sched, e));
    return forward_new(en->model, en->workers, so.prefill_chunk + so.n_seq_max, so.n_seq_max,
                       sched_n_ctx(en->sched), &en->forward, e);
}

enum err engine_open(const struct engine_options *o, struct engine **out, struct error *e)
{
    struct engine *en = mem_alloc(sizeof *en);
    *out = NULL;
    enum err err = open_workers(en, o, e);
    if (err == ERR_OK)
        err = open_model(en, o, e);
    if (err == ERR_OK)
        err = open_sched(en, o, e);
    if (err != ERR_OK) {
        engine_close(&en);
        return err;
    }
    en->has_thread = true;
    en->thread = thread_start("scheduler", scheduler_main, en);
    *out = en;
    return ERR_OK;
}

void engine_close(struct engine **en_ptr)
{
    struct engine *en = *en_ptr;
    if (!en)
        return;
    *en_ptr = NULL;
    if (en->has_thread) {
        sched_close(en->sched);
        thread_join(en->thread);
    }
    sched_free(en->sched);
    forward_free(en->forward);
    template_free(en->template);
    vocab_free(en->vocab);
    model_close(&en->model);
    workers_free(en->workers);
    mem_free(en);
}

/* ---- questions ---- */

const struct model_shape *engine_shape(const struct engine *en)
{
    return model_shape(en->model);
}

const struct vocab *engine_vocab(const struct engine *en)
{
    return en->vocab;
}

const struct template *engine_template(const struct engine *en, const char **why)
{
    if (why)
        *why = en->template ? "" : en->template_why.text;
    return en->template;
}

int engine_n_ctx(const struct engine *en)
{
    return sched_n_ctx(en->sched);
}

const struct kern *engine_kern(const struct engine *en)
{
    return &en->kern;
}

struct engine_stats engine_stats_of(const struct engine *en)
{
    return sched_stats(en->sched);
}

enum err engine_submit(struct engine *en, const struct engine_request *r,
                       struct engine_seq **out, struct error *e)
{
    return sched_submit(en->sched, r, out, e);
}
