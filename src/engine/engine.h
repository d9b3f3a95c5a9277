/* SPDX-License-Identifier: Apache-2.0
 *
 * The border of the engine: tokens in, events out. An engine owns one model, its KV pages, one
 * scheduler thread and its compute workers. All active sequences run in one continuous batch;
 * prompts are prefilled in chunks between decode steps; prefixes are shared by a radix tree.
 *
 * Threads: engine_open/close by one owner; engine_submit from any thread; everything else on a
 * sequence from the thread that submitted it. `wake` is called from the scheduler thread.
 *
 * Promises (DESIGN 6): same tokens for any thread count, batch mix, chunk size and cache state;
 * no allocation in the step loop; a cancelled sequence gives its pages back within one step; a
 * reader that does not read parks its own sequence only; an output with a grammar obeys it or is
 * cut (FINISH_LENGTH, _CANCELLED, _ERROR).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "grammar/grammar.h"
#include "kernel/kern.h"
#include "model/model.h"
#include "token/template.h"
#include "token/vocab.h"

#define ENGINE_TOP_LOGPROBS_MAX 20
#define ENGINE_BIAS_MAX 1024

struct engine_options {
    const char *model_path;
    int n_thread;                      /* 0: all CPUs */
    int n_ctx;                         /* positions of a sequence; 0 or more than the model
                                        * declares: what it declares. Cut to the KV budget. */
    size_t kv_bytes;                   /* KV budget; 0: default (1/4 of memory, at most 4 GB) */
    int n_seq_max;                     /* sequences running at once; 0: 64 */
    int n_queue_max;                   /* waiting beyond that; 0: 4096 */
    int prefill_chunk;                 /* prompt tokens a step; 0: 256 */
    enum kern_level level_max;         /* KERN_LEVEL_COUNT: best */
    enum kv_type kv_type;
    bool prefix_cache;
    size_t mask_pool_bytes;            /* for the masks of grammars; 0: MASK_POOL_BYTES_DEFAULT.
                                        * Memory is taken as grammars use it */
    void (*progress)(void *arg, double share);
    void *progress_arg;
};
#define ENGINE_OPTIONS_DEFAULT \
    ((struct engine_options){.level_max = KERN_LEVEL_COUNT, .kv_type = KV_F16, \
                             .prefix_cache = true})

struct engine;
struct engine_seq;

MUST_CHECK enum err engine_open(const struct engine_options *o, struct engine **out,
                                struct error *e);
/* Cancels what runs, joins the threads. Every sequence must have been freed or is made dead. */
void engine_close(struct engine **en);

const struct model_shape *engine_shape(const struct engine *en);
const struct vocab *engine_vocab(const struct engine *en);
/* The model's chat template, or NULL with *why (may be NULL) saying what is wrong with it. */
const struct template *engine_template(const struct engine *en, const char **why);
int engine_n_ctx(const struct engine *en);             /* longest prompt + output */
const struct kern *engine_kern(const struct engine *en);

struct token_bias { int32_t id; float bias; };

struct sample_params {
    float temperature;                 /* 0: greedy */
    float top_p;                       /* 1: off */
    float min_p;                       /* 0: off */
    int top_k;                         /* 0: off */
    float repetition_penalty;          /* 1: off; over prompt and output */
    float presence_penalty;            /* 0: off; over output */
    float frequency_penalty;           /* 0: off; over output */
    uint64_t seed;                     /* always used; the caller draws one if the client did not */
    const struct token_bias *bias;     /* [n_bias], copied; ids must be in the vocabulary; -INFINITY
                                        * bans a token */
    int n_bias;
};
#define SAMPLE_DEFAULT \
    ((struct sample_params){.temperature = 1, .top_p = 1, .repetition_penalty = 1})

struct engine_request {
    const int32_t *prompt;             /* [n_prompt], copied; 1 <= n_prompt < n_ctx */
    size_t n_prompt;
    int max_tokens;                    /* output tokens, >= 1; clipped to what the context leaves */
    struct sample_params sample;
    struct grammar *grammar;           /* what the output must obey; NULL: anything. The sequence
                                        * takes its own reference. No logit_bias lifts what it
                                        * bans; bans of logit_bias that leave nothing of what it
                                        * allows do not count. Text that it forces is not sampled,
                                        * and is sent at once, even before the prompt was run */
    bool ignore_eog;                   /* benchmarks: go on past end-of-generation tokens; a
                                        * grammar's end still ends the output */
    int n_top_logprobs;                /* -1: none; 0..ENGINE_TOP_LOGPROBS_MAX alternatives */
    uint64_t salt;                     /* prefixes are shared only under the same salt (team) */
    int priority;                      /* higher runs first */
    uint64_t owner;                    /* fair share is per owner (key) */
    /* Called when events came into an empty ring; NULL: the caller polls. On the scheduler thread,
     * maybe before engine_submit returns. Must not block and must not call the engine. */
    void (*wake)(void *arg);
    void *wake_arg;
};

enum engine_finish {
    FINISH_NONE,
    FINISH_STOP,                       /* an end-of-generation token, which is not sent itself, or
                                        * nothing may follow by the grammar */
    FINISH_LENGTH,                     /* max_tokens reached, or the context is full */
    FINISH_CANCELLED,
    FINISH_ERROR                       /* logits with NaN or infinity, every token masked, or a
                                        * grammar too large for the mask pool */
};

struct token_logprob { int32_t id; float logprob; };

struct engine_event {
    int32_t token;                     /* TOKEN_NONE on the last event */
    enum engine_finish finish;         /* set on the last event only */
    float logprob;                     /* natural log, of the model's own distribution: before bias,
                                        * penalties, temperature and filters */
    int n_top;                         /* most likely first, ties by id */
    struct token_logprob top[ENGINE_TOP_LOGPROBS_MAX];
};

/* What a sequence cost. Final once its last event was read, until then a snapshot. n_output is
 * the number of token events. */
struct engine_usage {
    int n_prompt, n_output;            /* tokens */
    int n_cached;                      /* prompt tokens taken from the prefix cache: whole pages,
                                        * never the last token */
    int64_t queued_ns, first_token_ns, last_token_ns;   /* clock_ns stamps; 0 when not reached */
};

/* ERR_CONTEXT when the prompt does not fit, ERR_BUSY when the queue is full, ERR_ARG for bad
 * parameters, ERR_SHUTDOWN while closing. */
MUST_CHECK enum err engine_submit(struct engine *en, const struct engine_request *r,
                                  struct engine_seq **out, struct error *e);
/* Next event, false when none is ready. After the last event it is always false. */
bool engine_next(struct engine_seq *s, struct engine_event *ev);
/* Asks the scheduler to stop; its last event (FINISH_CANCELLED) still comes. */
void engine_cancel(struct engine_seq *s);
struct engine_usage engine_usage_of(const struct engine_seq *s);
/* Gives the handle back at any time; a running sequence is cancelled. No wake comes after this
 * returns. */
void engine_seq_free(struct engine_seq *s);

/* ---- health and figures, any thread, never waits for the scheduler ---- */

struct engine_stats {
    uint64_t steps;                    /* heartbeat: the scheduler loop moved this often */
    int64_t last_step_ns;              /* clock_ns of the last turn, at most 1 s old when idle */
    uint64_t tokens_prefilled, tokens_cached, tokens_decoded;
    uint64_t tokens_forced;            /* of those decoded: given by a grammar, not sampled */
    uint64_t masks, mask_ns;           /* masks made; the scheduler's time in grammars */
    int n_running, n_queued;
    int n_seq_max, n_queue_max;        /* the limits in force */
    size_t kv_pages, kv_pages_used, kv_pages_cached;
};
struct engine_stats engine_stats_of(const struct engine *en);
