/* SPDX-License-Identifier: Apache-2.0
 *
 * No sort of the vocabulary: a cut (top_k, top_p) is found with a histogram over the upper bits
 * of the weights, whose order as integers is their order as floats; only the one bin that the cut
 * goes through is sorted. Ties go to the lower id everywhere.
 *
 * Under a mask the allowed tokens are gathered with their ids, and everything below runs over
 * them alone: cheap when they are few, and without a branch per banned token when they are many.
 */
#include "engine/sample.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

/* A weight is exp((logit - max) / temperature), in (0, 1]; under e^-46 (1e-20) it counts as 0.
 * Bins are the upper 16 bits of the float, 128 to the octave, counted down from 1.0. */
#define WEIGHT_LOG_MIN (-46.0f)
#define BIN_OF_ONE 0x3f80
#define N_BIN (67 * 128 + 1)
#define BLOCK_LEN 256                  /* weights summed as one in the draw */

struct weighted { float w; int32_t id; };

struct sample_space {
    int n_vocab;
    int n;                             /* candidates: all tokens, or those that are allowed */
    bool is_masked;
    int32_t *id;                       /* [n] of the candidates, ascending, when masked */
    float *logit;                      /* [n] then weights, in place */
    struct weighted *cut;              /* [n_vocab] the bin a cut goes through */
    double *block;                     /* [n_vocab / BLOCK_LEN + 1] sums */
    double bin_sum[N_BIN];
    int32_t bin_n[N_BIN];
};

struct sample_space *sample_space_new(int n_vocab)
{
    struct sample_space *w = mem_alloc(sizeof *w);
    w->n_vocab = w->n = n_vocab;
    w->id = mem_array((size_t)n_vocab, sizeof *w->id);
    w->logit = mem_array((size_t)n_vocab, sizeof *w->logit);
    w->cut = mem_array((size_t)n_vocab, sizeof *w->cut);
    w->block = mem_array((size_t)n_vocab / BLOCK_LEN + 1, sizeof *w->block);
    return w;
}

void sample_space_free(struct sample_space *w)
{
    if (!w)
        return;
    mem_free(w->id);
    mem_free(w->logit);
    mem_free(w->cut);
    mem_free(w->block);
    mem_free(w);
}

/* ---- parameters ---- */

static enum err check_range(const char *name, float v, float min, float max, struct error *e)
{
    if (v >= min && v <= max)          /* NaN fails both */
        return ERR_OK;
    return err_set(e, ERR_ARG, ERR_NO_POS, "%s is %g, it must be between %g and %g", name,
                   (double)v, (double)min, (double)max);
}

enum err sample_check(const struct sample_params *p, int n_vocab, struct error *e)
{
    TRY(check_range("temperature", p->temperature, 0, SAMPLE_TEMPERATURE_MAX, e));
    TRY(check_range("top_p", p->top_p, 0, 1, e));
    TRY(check_range("min_p", p->min_p, 0, 1, e));
    TRY(check_range("repetition_penalty", p->repetition_penalty, SAMPLE_REPETITION_MIN,
                    SAMPLE_REPETITION_MAX, e));
    TRY(check_range("presence_penalty", p->presence_penalty, -SAMPLE_PENALTY_ABS_MAX,
                    SAMPLE_PENALTY_ABS_MAX, e));
    TRY(check_range("frequency_penalty", p->frequency_penalty, -SAMPLE_PENALTY_ABS_MAX,
                    SAMPLE_PENALTY_ABS_MAX, e));
    if (p->top_k < 0)
        return err_set(e, ERR_ARG, ERR_NO_POS, "top_k is %d, it must not be negative", p->top_k);
    if (p->n_bias < 0 || p->n_bias > ENGINE_BIAS_MAX || (p->n_bias > 0 && !p->bias))
        return err_set(e, ERR_ARG, ERR_NO_POS, "%d biased tokens, 0 to %d are allowed", p->n_bias,
                       ENGINE_BIAS_MAX);
    for (int i = 0; i < p->n_bias; i++) {
        if (p->bias[i].id < 0 || p->bias[i].id >= n_vocab)
            return err_set(e, ERR_ARG, (size_t)i, "token %d of logit_bias is not in the vocabulary "
                           "of %d", p->bias[i].id, n_vocab);
        /* -Inf is a ban and allowed. */
        if (p->bias[i].bias != -INFINITY)
            TRY(check_range("logit_bias", p->bias[i].bias, -SAMPLE_BIAS_ABS_MAX,
                            SAMPLE_BIAS_ABS_MAX, e));
    }
    return ERR_OK;
}

static bool has_penalty(const struct sample_params *p)
{
    return p->repetition_penalty != 1 || p->presence_penalty != 0 || p->frequency_penalty != 0;
}

static bool counts_init(struct token_counts *c, int n_vocab, size_t n_token_max)
{
    size_t n = n_token_max < (size_t)n_vocab ? n_token_max : (size_t)n_vocab, n_slot = 16;
    while (n_slot < 2 * n)
        n_slot *= 2;
    c->mask = (uint32_t)(n_slot - 1);
    c->entry = mem_try_alloc(n * sizeof *c->entry);
    c->slot = mem_try_alloc(n_slot * sizeof *c->slot);
    return c->entry && c->slot;
}

enum err sampler_init(struct sampler *s, const struct sample_params *p, int n_vocab,
                      size_t n_token_max, struct error *e)
{
    *s = (struct sampler){.param = *p};
    s->param.bias = NULL;
    rng_seed(&s->rng, p->seed);
    bool is_ok = !has_penalty(p) || counts_init(&s->counts, n_vocab, n_token_max);
    if (is_ok && p->n_bias > 0) {
        struct token_bias *bias = mem_try_alloc((size_t)p->n_bias * sizeof *bias);
        if (bias)
            memcpy(bias, p->bias, (size_t)p->n_bias * sizeof *bias);
        s->param.bias = bias;
        is_ok = bias != NULL;
    }
    if (is_ok)
        return ERR_OK;
    sampler_done(s);
    return err_set(e, ERR_BUSY, ERR_NO_POS, "no memory for one more sequence, try again later");
}

void sampler_done(struct sampler *s)
{
    mem_free((void *)s->param.bias);
    mem_free(s->counts.entry);
    mem_free(s->counts.slot);
    *s = (struct sampler){0};
}

void sampler_note(struct sampler *s, int32_t id, bool is_output)
{
    struct token_counts *c = &s->counts;
    if (!c->slot)
        return;
    uint32_t at = (uint32_t)id * 0x9e3779b1u & c->mask;
    while (c->slot[at] != 0 && c->entry[c->slot[at] - 1].id != id)
        at = (at + 1) & c->mask;
    if (c->slot[at] == 0) {
        c->entry[c->n] = (struct token_count){.id = id};
        c->slot[at] = ++c->n;
    }
    c->entry[c->slot[at] - 1].n_output += is_output;
}

/* ---- logits ---- */

/* The loops over a whole vocabulary compare floats by their bits, as integers: same order, and
 * the compiler may run them in lanes without a word about floating-point traps. */
#define BITS_SIGN 0x7fffffff
#define BITS_INFINITY 0x7f800000
#define BITS_ONE 0x3f800000

static inline int32_t bits_of(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Integers in the order of the floats; its own inverse. NaN lies beyond the infinities. */
static inline int32_t ordered(int32_t bits)
{
    return bits ^ ((bits >> 31) & BITS_SIGN);
}

/* The largest value; NaN when any value is NaN or +Inf. */
static float max_checked(const float *x, int n)
{
    int32_t max = INT32_MIN, min = INT32_MAX;
    for (int i = 0; i < n; i++) {
        int32_t v = ordered(bits_of(x[i]));
        max = v > max ? v : max;
        min = v < min ? v : min;
    }
    bool is_bad = max >= BITS_INFINITY || min < ordered(bits_of(-INFINITY));
    return is_bad ? NAN : float_of(ordered(max));
}

/* The first id with the largest value. */
static int32_t find_value(const float *x, int n, float max)
{
    int32_t i = 0;
    while (i < n - 1 && x[i] != max)
        i++;
    return i;
}

/* ---- candidates ---- */

static int count_allowed(const uint64_t *mask, int n_vocab)
{
    int n = 0;
    for (int i = 0; i < (n_vocab + 63) / 64; i++)
        n += __builtin_popcountll(mask[i]);
    return n;
}

static void gather_word(struct sample_space *w, const float *logits, int32_t first, uint64_t bits)
{
    int n = w->n;
    for (; bits == UINT64_MAX && n < w->n + 64; n++, first++) {
        w->id[n] = first;
        w->logit[n] = logits[first];
    }
    for (; bits != 0 && bits != UINT64_MAX; bits &= bits - 1, n++) {
        int32_t id = first + __builtin_ctzll(bits);
        w->id[n] = id;
        w->logit[n] = logits[id];
    }
    w->n = n;
}

/* mask NULL: all tokens are candidates. */
static void gather(struct sample_space *w, const float *logits, const uint64_t *mask)
{
    w->is_masked = mask != NULL;
    w->n = mask ? 0 : w->n_vocab;
    if (!mask)
        memcpy(w->logit, logits, (size_t)w->n * sizeof *logits);
    for (int i = 0; mask && i < (w->n_vocab + 63) / 64; i++)
        gather_word(w, logits, i * 64, mask[i]);
}

/* Where the logit of a token stands; NULL when it is no candidate. */
static float *logit_of(struct sample_space *w, int32_t id)
{
    if (!w->is_masked)
        return &w->logit[id];
    int from = 0, to = w->n;
    while (from < to) {
        int middle = (from + to) / 2;
        if (w->id[middle] < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < w->n && w->id[from] == id ? &w->logit[from] : NULL;
}

static void apply_bias(const struct sample_params *p, struct sample_space *w, bool with_bans)
{
    for (int i = 0; i < p->n_bias; i++) {
        float *l = logit_of(w, p->bias[i].id);
        if (l && (with_bans || p->bias[i].bias != -INFINITY))
            *l += p->bias[i].bias;
    }
}

/* Repetition as in CTRL (Keskar et al., 2019): towards minus infinity on both sides of zero. */
static void apply_penalties(const struct sampler *s, struct sample_space *w)
{
    const struct sample_params *p = &s->param;
    for (uint32_t i = 0; i < s->counts.n; i++) {
        const struct token_count *t = &s->counts.entry[i];
        float *at = logit_of(w, t->id), l = at ? *at : 0;
        l = l > 0 ? l / p->repetition_penalty : l * p->repetition_penalty;
        if (t->n_output > 0)
            l -= p->presence_penalty + p->frequency_penalty * (float)t->n_output;
        if (at)
            *at = l;
    }
}

/* e^x for -46 <= x <= 0 to 2 units in the last place; plain arithmetic, so the compiler can run
 * it in lanes. Cody-Waite reduction by ln 2 in two parts, Taylor to degree 6. */
static inline float exp_small(float x)
{
    float k = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    float r = (x - k * 0.693145752f) - k * 1.42860677e-6f;
    float p = 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return p * float_of(((int32_t)k + 127) << 23);
}

static void logits_to_weights(float *x, int n, float max, float temperature)
{
    const int32_t range = bits_of(-WEIGHT_LOG_MIN);
    for (int i = 0; i < n; i++) {
        int32_t d = bits_of((x[i] - max) / temperature) & BITS_SIGN;   /* distance from max */
        int32_t keep = -(d <= range);
        int32_t w = bits_of(exp_small(-float_of(d < range ? d : range)));
        w = w < BITS_ONE ? w : BITS_ONE;
        x[i] = float_of(w & keep);
    }
}

/* ---- cuts ---- */

static int bin_of(float w)
{
    int bin = BIN_OF_ONE - (bits_of(w) >> 16);
    return bin < N_BIN ? bin : N_BIN - 1;
}

static void fill_bins(struct sample_space *w)
{
    memset(w->bin_sum, 0, sizeof w->bin_sum);
    memset(w->bin_n, 0, sizeof w->bin_n);
    for (int i = 0; i < w->n; i++) {
        if (w->logit[i] <= 0)
            continue;
        int bin = bin_of(w->logit[i]);
        w->bin_sum[bin] += (double)w->logit[i];
        w->bin_n[bin]++;
    }
}

static bool comes_later(struct weighted a, struct weighted b)
{
    return a.w < b.w || (a.w == b.w && a.id > b.id);
}

static void sift_down(struct weighted *x, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && comes_later(x[child + 1], x[child]))
            child++;
        if (!comes_later(x[child], x[at]))
            return;
        struct weighted t = x[at];
        x[at] = x[child];
        x[child] = t;
    }
}

/* Heapsort, largest weight first: no allocation and no bad case. */
static void sort_descending(struct weighted *x, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(x, i, n);
    for (size_t end = n; end-- > 1;) {
        struct weighted t = x[0];
        x[0] = x[end];
        x[end] = t;
        sift_down(x, 0, end);
    }
}

/* Collects the elements of one bin, sorted. */
static size_t sorted_bin(struct sample_space *w, int bin)
{
    size_t n = 0;
    for (int32_t i = 0; i < w->n; i++) {
        if (w->logit[i] > 0 && bin_of(w->logit[i]) == bin)
            w->cut[n++] = (struct weighted){w->logit[i], i};
    }
    sort_descending(w->cut, n);
    return n;
}

/* Sets weights under min, given by its bits, to zero. Weights are not negative. */
static void zero_below(float *x, int n, int32_t min)
{
    for (int i = 0; i < n; i++) {
        int32_t w = bits_of(x[i]);
        x[i] = float_of(w & -(w >= min));
    }
}

/* Sets every weight behind `last` in descending order to zero. */
static void cut_after(struct sample_space *w, struct weighted last)
{
    int n_kept_ties = last.id + 1;
    zero_below(w->logit, n_kept_ties, bits_of(last.w));
    zero_below(w->logit + n_kept_ties, w->n - n_kept_ties, bits_of(last.w) + 1);
}

static void cut_top_k(struct sample_space *w, int k)
{
    fill_bins(w);
    int left = k;
    for (int bin = 0; bin < N_BIN; bin++) {
        if (w->bin_n[bin] >= left) {
            sorted_bin(w, bin);
            cut_after(w, w->cut[left - 1]);
            return;
        }
        left -= w->bin_n[bin];
    }
}

/* The smallest set of likeliest tokens whose share is at least p; never empty. */
static void cut_top_p(struct sample_space *w, float p)
{
    double total = 0, seen = 0;
    fill_bins(w);
    for (int bin = 0; bin < N_BIN; bin++)
        total += w->bin_sum[bin];
    double target = total * (double)p;
    for (int bin = 0; bin < N_BIN; bin++) {
        if (w->bin_n[bin] > 0 && seen + w->bin_sum[bin] >= target) {
            size_t n = sorted_bin(w, bin), i = 0;
            while ((seen += (double)w->cut[i].w) < target && i + 1 < n)
                i++;
            cut_after(w, w->cut[i]);
            return;
        }
        seen += w->bin_sum[bin];
    }
}

/* ---- draw ---- */

static double block_sum(const float *x, int n)
{
    double sum[4] = {0};               /* four chains: additions need not wait for each other */
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        for (int k = 0; k < 4; k++)
            sum[k] += (double)x[i + k];
    }
    for (; i < n; i++)
        sum[0] += (double)x[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static int block_len(const struct sample_space *w, int block)
{
    int left = w->n - block * BLOCK_LEN;
    return left < BLOCK_LEN ? left : BLOCK_LEN;
}

/* The token at share u of the weights, in order of ids. */
static int32_t draw(struct sample_space *w, double u)
{
    int n_block = (w->n + BLOCK_LEN - 1) / BLOCK_LEN, block = 0;
    double total = 0;
    for (int b = 0; b < n_block; b++) {
        w->block[b] = block_sum(w->logit + b * BLOCK_LEN, block_len(w, b));
        total += w->block[b];
    }
    double left = u * total;
    while (block < n_block - 1 && left >= w->block[block])
        left -= w->block[block++];
    int32_t chosen = TOKEN_NONE;
    for (int32_t i = block * BLOCK_LEN; i < w->n; i++) {
        if (w->logit[i] <= 0)
            continue;
        chosen = i;
        left -= (double)w->logit[i];
        if (left < 0)
            return i;
    }
    /* Rounding left a rest behind the last weight: the last possible token has it. */
    for (int32_t i = w->n; chosen == TOKEN_NONE && i-- > 0;)
        chosen = w->logit[i] > 0 ? i : TOKEN_NONE;
    return chosen;
}

/* ---- log-probabilities ---- */

static double log_sum_exp(const float *x, int n, float max)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += exp((double)x[i] - (double)max);
    return (double)max + log(sum);
}

static void fill_logprobs(const float *logits, int n, float max, int n_top,
                          struct engine_event *out)
{
    double norm = log_sum_exp(logits, n, max);
    out->logprob = (float)((double)logits[out->token] - norm);
    out->n_top = n_top < n ? n_top : n;
    int have = 0;
    for (int32_t i = 0; i < n && out->n_top > 0; i++) {
        if (have == out->n_top && !(logits[i] > out->top[have - 1].logprob))
            continue;
        int at = have < out->n_top ? have++ : have - 1;
        for (; at > 0 && logits[i] > out->top[at - 1].logprob; at--)
            out->top[at] = out->top[at - 1];
        out->top[at] = (struct token_logprob){i, logits[i]};
    }
    for (int i = 0; i < have; i++)
        out->top[i].logprob = (float)((double)out->top[i].logprob - norm);
}

/* ---- choice ---- */

/* The candidates' logits as they are sampled from. Gives the largest, NaN when one is bad. */
static float prepare(const struct sampler *s, struct sample_space *w, const float *logits,
                     const uint64_t *mask, bool with_bans)
{
    gather(w, logits, mask);
    apply_bias(&s->param, w, with_bans);
    apply_penalties(s, w);
    return max_checked(w->logit, w->n);
}

/* An index into the candidates, or TOKEN_NONE. */
static int32_t choose(struct sampler *s, struct sample_space *w, const float *logits,
                      const uint64_t *mask)
{
    const struct sample_params *p = &s->param;
    float max = prepare(s, w, logits, mask, true);
    if (mask && max == -INFINITY && p->n_bias > 0)
        max = prepare(s, w, logits, mask, false);
    if (!isfinite(max))
        return TOKEN_NONE;
    if (p->temperature == 0 || p->top_k == 1)
        return find_value(w->logit, w->n, max);
    logits_to_weights(w->logit, w->n, max, p->temperature);
    if (p->top_k > 0 && p->top_k < w->n)
        cut_top_k(w, p->top_k);
    if (p->top_p < 1)
        cut_top_p(w, p->top_p);
    if (p->min_p > 0)
        zero_below(w->logit, w->n, bits_of(p->min_p));   /* the largest weight is 1 */
    return draw(w, rng_unit(&s->rng));
}

static bool is_plain_greedy(const struct sampler *s)
{
    const struct sample_params *p = &s->param;
    return (p->temperature == 0 || p->top_k == 1) && p->n_bias == 0 && !s->counts.slot;
}

static int32_t choose_free(struct sampler *s, struct sample_space *w, const float *logits,
                           float max)
{
    return is_plain_greedy(s) ? find_value(logits, w->n_vocab, max)
                              : choose(s, w, logits, NULL);
}

static int32_t choose_masked(struct sampler *s, struct sample_space *w, const float *logits,
                             const uint64_t *mask)
{
    int n_allowed = count_allowed(mask, w->n_vocab), word = 0;
    if (n_allowed == 0)
        return TOKEN_NONE;
    if (n_allowed > 1) {
        int32_t at = choose(s, w, logits, mask);
        return at != TOKEN_NONE ? w->id[at] : at;
    }
    while (mask[word] == 0)
        word++;
    int32_t id = word * 64 + __builtin_ctzll(mask[word]);
    return isfinite(logits[id]) ? id : TOKEN_NONE;
}

bool sample_token(struct sampler *s, struct sample_space *w, const float *logits,
                  const uint64_t *mask, int n_top_logprobs, struct engine_event *out)
{
    *out = (struct engine_event){.token = TOKEN_NONE};
    float max = 0;
    if (!mask || n_top_logprobs >= 0) {
        max = max_checked(logits, w->n_vocab);
        if (!isfinite(max))
            return false;
    }
    out->token = mask ? choose_masked(s, w, logits, mask) : choose_free(s, w, logits, max);
    if (out->token == TOKEN_NONE)
        return false;
    if (n_top_logprobs >= 0)
        fill_logprobs(logits, w->n_vocab, max, n_top_logprobs, out);
    return true;
}

bool sample_given(const float *logits, int n_vocab, int32_t id, int n_top_logprobs,
                  struct engine_event *out)
{
    float max = max_checked(logits, n_vocab);
    *out = (struct engine_event){.token = id};
    if (!isfinite(max) || !isfinite(logits[id]))
        return false;
    fill_logprobs(logits, n_vocab, max, n_top_logprobs, out);
    return true;
}
