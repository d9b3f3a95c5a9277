/* SPDX-License-Identifier: Apache-2.0
 *
 * From logits to one token. Order: mask, bias, penalties, temperature, top_k, top_p, min_p, draw.
 * The same logits, mask, parameters, history and seed give the same token on every machine of one
 * kernel level. Log-probabilities are of the raw logits, before all of that. Allocates nothing per
 * token; a struct sampler has one user at a time, a struct sample_space one worker.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/rand.h"
#include "engine/engine.h"

/* Parameters beyond these are refused: no finite logit can then overflow to infinity twice. */
#define SAMPLE_TEMPERATURE_MAX 1e4f
#define SAMPLE_BIAS_ABS_MAX 1e4f
#define SAMPLE_PENALTY_ABS_MAX 1e3f
#define SAMPLE_REPETITION_MIN 1e-3f
#define SAMPLE_REPETITION_MAX 1e3f

/* Distinct tokens of a sequence; only kept when a penalty is on. */
struct token_count { int32_t id; int32_t n_output; };
struct token_counts {
    struct token_count *entry;         /* owns; [n], in order of first appearance */
    uint32_t *slot;                    /* owns; entry index + 1, 0: empty; open addressing */
    uint32_t n, mask;
};

struct sampler {
    struct sample_params param;        /* bias: owns the copy */
    struct rng rng;
    struct token_counts counts;        /* slot NULL when no penalty is on */
};

/* ERR_ARG naming the parameter. */
MUST_CHECK enum err sample_check(const struct sample_params *p, int n_vocab, struct error *e);
/* p passed sample_check. n_token_max: prompt and output tokens it will ever be told. ERR_BUSY
 * when memory is out; *s is then empty. */
MUST_CHECK enum err sampler_init(struct sampler *s, const struct sample_params *p, int n_vocab,
                                 size_t n_token_max, struct error *e);
void sampler_done(struct sampler *s);
/* Tells it a token of the prompt or of the output. */
void sampler_note(struct sampler *s, int32_t id, bool is_output);

struct sample_space;                   /* scratch of one worker */
struct sample_space *sample_space_new(int n_vocab);
void sample_space_free(struct sample_space *w);

/* Fills token, logprob and top of out (n_top_logprobs < 0: no logprobs). mask: a bit a token, the
 * only ones that may come out; NULL: all may. No bias lifts what the mask bans, and where bias bans
 * everything that the mask allows, the bans of the bias do not count. False when the logits looked
 * at hold NaN or +Inf or nothing is left; out->token is then TOKEN_NONE. */
MUST_CHECK bool sample_token(struct sampler *s, struct sample_space *w, const float *logits,
                             const uint64_t *mask, int n_top_logprobs, struct engine_event *out);
/* The same for a token that is known already: its log-probabilities (n_top_logprobs >= 0). */
MUST_CHECK bool sample_given(const float *logits, int n_vocab, int32_t id, int n_top_logprobs,
                             struct engine_event *out);
