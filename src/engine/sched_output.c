/* SPDX-License-Identifier: Apache-2.0
 *
 * From logits to rings: masks, sampling, handing out, and text that needs no logits.
 *
 * A sequence with a grammar goes on in three ways. What its mask leaves is sampled; what the
 * grammar forces is given out without a forward pass of its own (jump-forward): all of it runs
 * through the model together with the sampled token before it, and only the last position gets
 * logits; and where nothing can follow, it ends without another pass.
 *
 * Which tokens are forced depends on the output so far and on nothing else: the grammar is asked
 * FORCED_MAX tokens at a time, after each sampled token and at the start, and the answer waits in
 * the sequence until the ring has room. Log-probabilities need logits for each token: such a
 * sequence runs its forced tokens one by one, and they are the same tokens.
 */
#include "engine/sched_internal.h"

#define FORCED_TURN_MAX 256            /* forced tokens of one sequence in one turn */

static int64_t now_ns(const struct sched *sc)
{
    return sc->o.stepper.now_ns(sc->o.stepper.arg);
}

/* ---- masks and sampling ---- */

static void fill_masks(struct sched *sc)
{
    for (int i = 0; i < sc->n_row; i++) {
        struct sched_row *r = &sc->row[i];
        struct matcher *m = r->seq->matcher;
        r->mask = NULL;
        r->event = (struct engine_event){.token = TOKEN_NONE};
        if (!m || r->seq->n_forced > 0)
            continue;
        int64_t start_ns = now_ns(sc);
        if (!matcher_is_free(m)) {
            r->mask = constrain_mask(&sc->constrain, m, i);
            r->event.finish = r->mask ? FINISH_NONE : FINISH_ERROR;
            count_up(&sc->masks, 1);
        }
        count_up(&sc->mask_ns, (uint64_t)(now_ns(sc) - start_ns));
    }
}

/* Worker thread: one row. Rows do not share anything but the read-only logits. */
static void sample_row(void *arg, int row, int worker)
{
    struct sched *sc = arg;
    struct sched_row *r = &sc->row[row];
    struct engine_seq *s = r->seq;
    const float *logits = sc->o.stepper.logits(sc->o.stepper.arg, row);
    if (r->event.finish != FINISH_NONE)
        return;
    bool is_ok = s->n_forced > 0
        ? sample_given(logits, sc->o.n_vocab, s->forced[s->forced_at], s->n_top_logprobs, &r->event)
        : sample_token(&s->sampler, sc->space[worker], logits, r->mask, s->n_top_logprobs,
                       &r->event);
    if (!is_ok)
        r->event.finish = FINISH_ERROR;
}

/* ---- handing out ---- */

/* Moves the grammar on. *finish says whether the token is refused (FINISH_ERROR) or ends the
 * output and is no part of it (FINISH_STOP). True: nothing can follow. */
static bool accept(struct sched *sc, struct engine_seq *s, int32_t id, enum engine_finish *finish)
{
    const struct stepper *st = &sc->o.stepper;
    bool is_last = false, is_eog = st->is_eog(st->arg, id);
    *finish = FINISH_NONE;
    if (!s->matcher) {
        *finish = is_eog && !s->ignore_eog ? FINISH_STOP : FINISH_NONE;
        return false;
    }
    int64_t start_ns = now_ns(sc);
    if (!matcher_accept(s->matcher, id))
        *finish = FINISH_ERROR;
    else if (is_eog && matcher_may_end(s->matcher))
        *finish = FINISH_STOP;
    else
        is_last = matcher_must_end(s->matcher);
    count_up(&sc->mask_ns, (uint64_t)(now_ns(sc) - start_ns));
    return is_last;
}

/* Appends a token and sends it. False: the sequence has ended, and may be gone. */
static bool give(struct sched *sc, struct engine_seq *s, const struct engine_event *ev)
{
    enum engine_finish finish;
    bool is_last = accept(sc, s, ev->token, &finish);
    if (finish != FINISH_NONE) {
        sched_finish(sc, s, finish);
        return false;
    }
    int64_t given_ns = now_ns(sc);
    int n_output = s->n_token + 1 - s->n_prompt;
    s->token[s->n_token++] = ev->token;
    sampler_note(&s->sampler, ev->token, true);
    if (n_output == 1)
        atomic_store_explicit(&s->first_token_ns, given_ns, memory_order_relaxed);
    atomic_store_explicit(&s->last_token_ns, given_ns, memory_order_relaxed);
    atomic_store_explicit(&s->n_output, n_output, memory_order_relaxed);
    count_up(&sc->tokens_decoded, 1);
    if (n_output > CHARGE_AHEAD)
        sched_charge(sc, s, 1);
    seq_push(s, ev);
    if (is_last || s->n_token == s->n_token_max) {
        sched_finish(sc, s, is_last ? FINISH_STOP : FINISH_LENGTH);
        return false;
    }
    return true;
}

static void ask_forced(struct sched *sc, struct engine_seq *s)
{
    int64_t start_ns = now_ns(sc);
    s->n_forced = (int)matcher_forced(s->matcher, s->forced, FORCED_MAX);
    s->forced_at = 0;
    s->asks_forced = s->n_forced == FORCED_MAX;
    count_up(&sc->mask_ns, (uint64_t)(now_ns(sc) - start_ns));
}

static int32_t take_forced(struct sched *sc, struct engine_seq *s)
{
    count_up(&sc->tokens_forced, 1);
    s->n_forced--;
    return s->forced[s->forced_at++];
}

void sched_jump(struct sched *sc, struct engine_seq *s)
{
    for (int i = 0; !seq_park(s) && i < FORCED_TURN_MAX; i++) {
        if (s->n_forced == 0 && s->asks_forced)
            ask_forced(sc, s);
        if (s->n_forced == 0 || s->n_top_logprobs >= 0)
            return;
        struct engine_event ev = {.token = take_forced(sc, s)};
        if (!give(sc, s, &ev))
            return;
    }
}

static void hand_out(struct sched *sc, struct engine_seq *s, const struct engine_event *ev)
{
    if (ev->finish != FINISH_NONE) {
        sched_finish(sc, s, ev->finish);
        return;
    }
    if (s->n_forced > 0)
        take_forced(sc, s);
    else
        s->asks_forced = s->matcher != NULL;
    s->decode_from = s->n_token;
    if (give(sc, s, ev))
        sched_jump(sc, s);
}

void sched_output(struct sched *sc)
{
    const struct stepper *st = &sc->o.stepper;
    if (sc->n_row == 0)
        return;
    fill_masks(sc);
    st->parallel(st->arg, sc->n_row, sample_row, sc);
    for (int i = 0; i < sc->n_row; i++)
        hand_out(sc, sc->row[i].seq, &sc->row[i].event);
}
