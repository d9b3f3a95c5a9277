/* SPDX-License-Identifier: Apache-2.0
 *
 * Outputs with grammars, step by step, with the simulator's fake model: they obey, forced text
 * costs no step of its own, and rings, limits, cancelling, preemption, log-probabilities and
 * neighbours change none of it. Random runs are in tests/sim, a real model is in
 * constrain_model_test.c.
 */
#include "../../sim/audit.c"
#include "../../sim/fake_grammar.c"
#include "../../sim/fake_model.c"

#include <math.h>
#include <regex.h>

#include "../test.h"

#define OUTPUT_MAX 2000

struct rig {
    struct fake_model model;
    struct vocab *vocab;
    struct sched *sc;
};

static void rig_open(struct rig *r, struct sched_options o)
{
    *r = (struct rig){.vocab = fake_vocab()};
    o.vocab = r->vocab;
    o.n_vocab = FAKE_VOCAB;
    o.page_bytes = fake_page_bytes();
    o.n_ctx = o.n_ctx ? o.n_ctx : 2000;
    o.n_page = o.n_page ? o.n_page : 1000;
    o.n_seq_max = o.n_seq_max ? o.n_seq_max : 4;
    o.n_queue_max = 10000;
    o.prefill_chunk = o.prefill_chunk ? o.prefill_chunk : 64;
    fake_init(&r->model, o.n_seq_max);
    o.stepper = fake_stepper(&r->model);
    assert_int_equal(sched_new(&o, &r->sc, NULL), ERR_OK);
}

static void rig_close(struct rig *r)
{
    sched_stop(r->sc);
    sched_free(r->sc);
    fake_done(&r->model);
    vocab_free(r->vocab);
}

static struct engine_request ask(struct grammar *g, int kind)
{
    static int32_t prompt[16][3];
    for (int i = 0; i < 3; i++)
        prompt[kind % 16][i] = 1 + (kind * 5 + i) % (FAKE_VOCAB - 1);
    return (struct engine_request){
        .prompt = prompt[kind % 16], .n_prompt = 3, .max_tokens = 1000, .sample = SAMPLE_DEFAULT,
        .grammar = g, .n_top_logprobs = -1};
}

/* Takes the reference on the grammar. */
static struct engine_seq *submit(struct rig *r, struct engine_request q)
{
    struct engine_seq *s;
    struct error e = {0};
    if (sched_submit(r->sc, &q, &s, &e) != ERR_OK)
        fail_msg("sched_submit: %s", e.text);
    grammar_unref(q.grammar);
    return s;
}

/* What came out of a sequence, and the bytes it spells. */
struct output {
    char text[OUTPUT_MAX];
    int32_t token[OUTPUT_MAX];
    float logprob[OUTPUT_MAX];
    size_t n_text;
    int n_token;
    enum engine_finish finish;
};

static void drain(struct rig *r, struct engine_seq *s, struct output *o)
{
    struct engine_event ev;
    while (engine_next(s, &ev)) {
        assert_int_equal(o->finish, FINISH_NONE);
        o->finish = ev.finish;
        if (ev.finish != FINISH_NONE)
            continue;
        str piece = vocab_piece(r->vocab, ev.token);
        assert_true(o->n_text + piece.n < OUTPUT_MAX && o->n_token < OUTPUT_MAX);
        memcpy(o->text + o->n_text, piece.p, piece.n);
        o->n_text += piece.n;
        o->text[o->n_text] = '\0';
        o->logprob[o->n_token] = ev.logprob;
        o->token[o->n_token++] = ev.token;
    }
}

static enum sched_turn step(struct rig *r)
{
    r->model.now_ns++;
    enum sched_turn turn = sched_step(r->sc);
    assert_int_not_equal(turn, TURN_CLOSED);
    audit(r->sc);
    return turn;
}

/* Reads to the end; gives the number of turns. */
static int run(struct rig *r, struct engine_seq *s, struct output *o)
{
    int n = 0;
    *o = (struct output){0};
    for (; o->finish == FINISH_NONE && n < 100000; n++) {
        step(r);
        drain(r, s, o);
    }
    assert_int_equal(engine_usage_of(s).n_output, o->n_token);
    return n;
}

static void free_all(struct engine_seq **s, int n)
{
    for (int i = 0; i < n; i++)
        engine_seq_free(s[i]);
}

/* ---- grammars; each with a POSIX regular expression of the same language ---- */

static struct grammar *text_only(void) { return fake_text("{\"abc\": 123}"); }

static struct grammar *choice(void)
{
    struct fake_builder b;
    fake_builder_init(&b);
    uint32_t node[3] = {grammar_text(b.g, STR("abcde")), grammar_text(b.g, STR("abba")),
                        grammar_text(b.g, STR("12"))};
    return fake_close(&b, grammar_choice(b.g, node, 3));
}

static struct grammar *integer(void)
{
    struct fake_builder b;
    fake_builder_init(&b);
    return fake_close(&b, grammar_terminal(b.g, dfa_shared(DFA_INTEGER), 0, GRAMMAR_UNBOUNDED));
}

/* {"ab": [-12, 0, 7]} with n_min to n_max integers. */
static struct grammar *list(uint32_t n_min, uint32_t n_max)
{
    struct fake_builder b;
    fake_builder_init(&b);
    uint32_t item = grammar_terminal(b.g, dfa_shared(DFA_INTEGER), 0, GRAMMAR_UNBOUNDED);
    uint32_t comma = grammar_text(b.g, STR(", "));
    uint32_t part[3] = {grammar_text(b.g, STR("{\"ab\": ")),
                        grammar_repeat(b.g, item, n_min, n_max, comma),
                        grammar_text(b.g, STR("}"))};
    return fake_close(&b, grammar_sequence(b.g, part, 3));
}

static struct grammar *list_2_4(void) { return list(2, 4); }
static struct grammar *list_any(void) { return list(0, GRAMMAR_UNBOUNDED); }

#define INTEGER "(0|-?[1-9][0-9]*)"

static const struct language {
    const char *name, *regex;
    struct grammar *(*make)(void);
} languages[] = {
    {"text", "^[{]\"abc\": 123[}]$", text_only},
    {"choice", "^(abcde|abba|12)$", choice},
    {"integer", "^" INTEGER "$", integer},
    {"2 to 4", "^[{]\"ab\": " INTEGER "(, " INTEGER "){1,3}[}]$", list_2_4},
    {"any number", "^[{]\"ab\": (" INTEGER "(, " INTEGER ")*)?[}]$", list_any},
};

static void test_obeys(void **state)
{
    (void)state;
    static const float temperatures[] = {0, 1, 5};
    static struct output o;
    struct rig r;
    int n_stop = 0;
    rig_open(&r, (struct sched_options){.prefix_cache = true});
    for (size_t i = 0; i < N_OF(languages) * N_OF(temperatures); i++) {
        const struct language *l = &languages[i % N_OF(languages)];
        regex_t re;
        assert_int_equal(regcomp(&re, l->regex, REG_EXTENDED | REG_NOSUB), 0);
        for (int seed = 0; seed < 40; seed++) {
            struct engine_request q = ask(l->make(), seed);
            q.sample.temperature = temperatures[i / N_OF(languages)];
            q.sample.seed = (uint64_t)seed;
            q.max_tokens = 300;
            struct engine_seq *s = submit(&r, q);
            run(&r, s, &o);
            if (o.finish == FINISH_STOP ? regexec(&re, o.text, 0, NULL, 0) != 0
                                        : o.finish != FINISH_LENGTH || o.n_token != 300)
                fail_msg("%s, seed %d: finish %d after \"%s\"", l->name, seed, o.finish, o.text);
            n_stop += o.finish == FINISH_STOP;
            engine_seq_free(s);
        }
        regfree(&re);
    }
    assert_true(n_stop > 500);
    rig_close(&r);
}

/* ---- forced text ---- */

/* A text of known tokens: "de" can be swallowed by nothing. */
static void fill_text(char *text, int n_token)
{
    for (int i = 0; i < n_token; i++)
        memcpy(text + 2 * i, "de", 3);
}

static struct grammar *long_text(char *text, int n_token)
{
    fill_text(text, n_token);
    return fake_text(text);
}

static void test_text_needs_no_model(void **state)
{
    (void)state;
    static struct output o;
    struct rig r;
    struct engine_seq *s[6];
    rig_open(&r, (struct sched_options){.n_seq_max = 1});
    for (int i = 0; i < 6; i++)
        s[i] = submit(&r, ask(text_only(), i));
    for (int i = 0; i < 6; i++) {
        assert_true(run(&r, s[i], &o) <= 1);       /* the others do not wait for a bell */
        assert_string_equal(o.text, "{\"abc\": 123}");
        assert_int_equal(o.finish, FINISH_STOP);
    }
    assert_int_equal(step(&r), TURN_IDLE);
    assert_int_equal(r.model.n_token, 0);
    struct engine_stats st = sched_stats(r.sc);
    assert_int_equal(st.tokens_forced, st.tokens_decoded);
    assert_int_equal(st.tokens_decoded, 6 * o.n_token);
    free_all(s, 6);
    rig_close(&r);
}

/* Behind a choice of the model everything is known again: one pass for all of it. */
static void test_forced_text_is_one_pass(void **state)
{
    (void)state;
    static struct output o;
    struct rig r;
    struct fake_builder b;
    rig_open(&r, (struct sched_options){0});
    fake_builder_init(&b);
    uint32_t ab[2] = {grammar_text(b.g, STR("1")), grammar_text(b.g, STR("2"))};
    uint32_t part[4] = {grammar_choice(b.g, ab, 2), grammar_text(b.g, STR("dedededededede")),
                        grammar_choice(b.g, ab, 2), grammar_text(b.g, STR("dede"))};
    struct engine_seq *s = submit(&r, ask(fake_close(&b, grammar_sequence(b.g, part, 4)), 0));
    int n_turn = run(&r, s, &o);
    assert_int_equal(o.finish, FINISH_STOP);
    assert_int_equal(o.n_token, 1 + 7 + 1 + 2);
    assert_int_equal(n_turn, 2);
    assert_int_equal(r.model.n_token, 3 + 1 + 7);  /* what follows the last choice is not run */
    struct engine_stats st = sched_stats(r.sc);
    assert_int_equal(st.tokens_forced, 9);
    assert_int_equal(st.tokens_decoded, 11);
    assert_int_equal(st.tokens_prefilled, 3);
    assert_int_equal(st.masks, 2);
    engine_seq_free(s);
    rig_close(&r);
}

/* Known text is more than a step may hold: streams keep their pace, and prompts go on. */
static void test_jump_is_bounded(void **state)
{
    (void)state;
    static char text[2 * 100 + 1];
    static struct output o, stream_o;
    struct rig r;
    rig_open(&r, (struct sched_options){.prefill_chunk = 16});
    struct engine_request q = ask(NULL, 1);
    q.ignore_eog = true;
    struct engine_seq *stream = submit(&r, q);
    step(&r);
    struct fake_builder b;
    fake_builder_init(&b);
    fill_text(text, 100);
    uint32_t two[2] = {grammar_text(b.g, STR("1")), grammar_text(b.g, STR("2"))};
    uint32_t part[3] = {grammar_choice(b.g, two, 2), grammar_text(b.g, str_of(text)),
                        grammar_choice(b.g, two, 2)};
    struct engine_seq *s = submit(&r, ask(fake_close(&b, grammar_sequence(b.g, part, 3)), 2));
    o = stream_o = (struct output){0};
    int n_turn = 0;
    for (; o.finish == FINISH_NONE; n_turn++) {
        int before = stream_o.n_token;
        uint64_t n_run = r.model.n_token;
        step(&r);
        drain(&r, stream, &stream_o);
        drain(&r, s, &o);
        assert_int_equal(stream_o.n_token, before + (n_turn == 0 ? 2 : 1));
        assert_true(r.model.n_token - n_run <= 16 + 4);
    }
    assert_int_equal(o.n_token, 102);
    assert_in_range(n_turn, 1 + 101 / 18, 2 + 101 / 16);
    engine_seq_free(s);
    engine_seq_free(stream);
    rig_close(&r);
}

/* Nobody reads: the ring takes what fits, the rest comes later, nothing is lost. */
static void test_ring_full_inside(void **state)
{
    (void)state;
    static char text[2 * 500 + 1];
    static struct output o;
    struct rig r;
    rig_open(&r, (struct sched_options){.n_seq_max = 1});
    struct engine_seq *s = submit(&r, ask(long_text(text, 500), 0));
    step(&r);
    assert_int_equal(step(&r), TURN_IDLE);
    assert_int_equal(s->n_token, 3 + RING_LEN - 1);
    struct engine_seq *other = submit(&r, ask(choice(), 1));   /* takes the sleeper's place */
    run(&r, other, &o);
    assert_int_equal(o.finish, FINISH_STOP);
    assert_int_equal(s->state, SEQ_QUEUED);
    run(&r, s, &o);
    assert_int_equal(o.finish, FINISH_STOP);
    assert_string_equal(o.text, text);
    engine_seq_free(s);
    engine_seq_free(other);
    rig_close(&r);
}

static void test_max_tokens_inside(void **state)
{
    (void)state;
    static char text[2 * 200 + 1];
    static struct output o;
    static const int limits[] = {1, 2, 63, 64, 65, 126, 127, 128, 199, 200, 201};
    struct rig r;
    rig_open(&r, (struct sched_options){0});
    for (size_t i = 0; i < N_OF(limits); i++) {
        struct engine_request q = ask(long_text(text, 200), (int)i);
        q.max_tokens = limits[i];
        struct engine_seq *s = submit(&r, q);
        run(&r, s, &o);
        assert_int_equal(o.n_token, limits[i] < 200 ? limits[i] : 200);
        assert_int_equal(o.finish, limits[i] < 200 ? FINISH_LENGTH : FINISH_STOP);
        assert_int_equal(strncmp(o.text, text, o.n_text), 0);
        engine_seq_free(s);
    }
    rig_close(&r);
}

static void test_cancel_inside(void **state)
{
    (void)state;
    static char text[2 * 500 + 1];
    static struct output o;
    struct rig r;
    rig_open(&r, (struct sched_options){0});
    struct engine_seq *s = submit(&r, ask(long_text(text, 500), 0));
    step(&r);
    engine_cancel(s);
    step(&r);
    o = (struct output){0};
    drain(&r, s, &o);
    assert_int_equal(o.finish, FINISH_CANCELLED);
    assert_int_equal(o.n_token, RING_LEN - 1);
    assert_null(s->matcher);
    assert_int_equal(sched_stats(r.sc).kv_pages_used, 0);
    engine_seq_free(s);
    s = submit(&r, ask(long_text(text, 500), 0));
    engine_seq_free(s);                /* gone before the first turn */
    step(&r);
    s = submit(&r, ask(list_any(), 0));
    step(&r);
    rig_close(&r);                     /* a handle outlives its mask space */
    engine_seq_free(s);
}

/* ---- neighbours ---- */

static struct engine_request crowd_request(int i)
{
    struct grammar *g = i % 2 == 0 ? (i % 4 == 0 ? list(30, 60) : list_any()) : NULL;
    struct engine_request q = ask(g, i);
    q.sample.seed = (uint64_t)i;
    q.sample.temperature = i % 3 == 0 ? 0 : 1;
    q.sample.frequency_penalty = i % 4 == 0 ? 0.4f : 0;
    q.max_tokens = 150;
    q.ignore_eog = g == NULL;
    q.n_top_logprobs = i % 5 == 4 ? 0 : -1;
    return q;
}

#define N_CROWD 8

static void run_crowd(struct sched_options options, const struct output *alone, bool preempts)
{
    static struct output o[N_CROWD];
    struct rig r;
    struct engine_seq *s[N_CROWD];
    int n_ended = 0, n_preempted = 0;
    rig_open(&r, options);
    memset(o, 0, sizeof o);
    for (int i = 0; i < N_CROWD; i++)
        s[i] = submit(&r, crowd_request(i));
    for (int n = 0; n_ended < N_CROWD && n < 20000; n++) {
        step(&r);
        for (int i = 0; i < N_CROWD; i++) {
            if (o[i].finish != FINISH_NONE || (n + i) % (i + 1) != 0)
                continue;              /* some read seldom */
            n_preempted += s[i]->state == SEQ_QUEUED && o[i].n_token > 0;
            drain(&r, s[i], &o[i]);
            n_ended += o[i].finish != FINISH_NONE;
        }
    }
    assert_true(!preempts || n_preempted > 0);
    for (int i = 0; i < N_CROWD; i++) {
        assert_int_equal(o[i].finish, alone[i].finish);
        assert_string_equal(o[i].text, alone[i].text);
        assert_memory_equal(o[i].token, alone[i].token, sizeof o[i].token);
    }
    free_all(s, N_CROWD);
    rig_close(&r);
}

static void test_crowd_equals_alone(void **state)
{
    (void)state;
    static struct output alone[N_CROWD];
    struct rig r;
    rig_open(&r, (struct sched_options){0});
    for (int i = 0; i < N_CROWD; i++) {
        struct engine_seq *s = submit(&r, crowd_request(i));
        run(&r, s, &alone[i]);
        engine_seq_free(s);
    }
    rig_close(&r);
    run_crowd((struct sched_options){.n_seq_max = 8}, alone, false);
    run_crowd((struct sched_options){.n_seq_max = 3, .prefill_chunk = 1}, alone, false);
    run_crowd((struct sched_options){.n_seq_max = 8, .prefix_cache = true}, alone, false);
    run_crowd((struct sched_options){.n_seq_max = 8, .n_page = 12, .prefix_cache = true}, alone,
              true);
    run_crowd((struct sched_options){.n_seq_max = 8, .n_page = 7, .prefill_chunk = 5}, alone, true);
}

/* ---- log-probabilities ---- */

static void test_logprobs(void **state)
{
    (void)state;
    static struct output plain, o;
    struct rig r;
    rig_open(&r, (struct sched_options){0});
    for (int i = 0; i < 20; i++) {
        struct engine_request q = ask(list_2_4(), i);
        q.sample.seed = (uint64_t)i;
        struct engine_seq *s = submit(&r, q);
        run(&r, s, &plain);
        engine_seq_free(s);
        q.grammar = list_2_4();
        q.n_top_logprobs = 1;
        s = submit(&r, q);
        run(&r, s, &o);
        engine_seq_free(s);
        assert_int_equal(o.n_token, plain.n_token);            /* the same tokens */
        assert_memory_equal(o.token, plain.token, sizeof o.token);
        uint64_t hash = 0;
        for (int k = 0; k < 3; k++)
            hash = fake_extend(hash, q.prompt[k]);
        for (int k = 0; k < o.n_token; k++) {
            float logit[FAKE_VOCAB];
            double sum = 0;
            fake_logits(hash, logit);
            for (int id = 0; id < FAKE_VOCAB; id++)
                sum += exp((double)logit[id]);
            float want = (float)((double)logit[o.token[k]] - log(sum));
            assert_float_equal(o.logprob[k], want, 1e-5f);
            hash = fake_extend(hash, o.token[k]);
        }
    }
    rig_close(&r);
}

/* ---- sampling options ---- */

static void test_bias_and_eog(void **state)
{
    (void)state;
    static struct output o;
    struct rig r;
    struct token_bias bias[FAKE_VOCAB];
    rig_open(&r, (struct sched_options){0});
    for (int i = 0; i < FAKE_VOCAB; i++)
        bias[i] = (struct token_bias){i, -INFINITY};
    for (int n_ban = 0; n_ban <= 1; n_ban++) {
        struct engine_request q = ask(choice(), 3);
        q.sample.bias = bias;
        q.sample.n_bias = FAKE_VOCAB;
        q.ignore_eog = true;           /* the grammar's end still ends it */
        if (n_ban == 0) {
            bias[0].bias = 1000;       /* nor may the end come early */
            q.sample.n_bias = 1;
        } else {
            bias[0].bias = -INFINITY;
        }
        struct engine_seq *s = submit(&r, q);
        run(&r, s, &o);
        assert_int_equal(o.finish, FINISH_STOP);
        assert_true(strcmp(o.text, "abcde") == 0 || strcmp(o.text, "abba") == 0 ||
                    strcmp(o.text, "12") == 0);
        engine_seq_free(s);
    }
    struct engine_request q = ask(integer(), 4);               /* may end, need not */
    bias[0].bias = 1000;
    q.sample.bias = bias;
    q.sample.n_bias = 1;
    q.ignore_eog = true;
    struct engine_seq *s = submit(&r, q);
    run(&r, s, &o);
    assert_int_equal(o.finish, FINISH_STOP);
    assert_in_range(o.n_text, 1, 4);   /* an end-of-generation token ended it as soon as it could */
    engine_seq_free(s);
    rig_close(&r);
}

/* Forced text at the start is output, not prompt, for the books. */
static void test_usage(void **state)
{
    (void)state;
    static char text[2 * 100 + 1];
    static struct output o;
    struct rig r;
    rig_open(&r, (struct sched_options){.prefix_cache = true, .prefill_chunk = 256});
    for (int round = 0; round < 2; round++) {
        struct fake_builder b;
        fake_builder_init(&b);
        fill_text(text, 100);
        uint32_t two[2] = {grammar_text(b.g, STR("1")), grammar_text(b.g, STR("2"))};
        uint32_t part[2] = {grammar_text(b.g, str_of(text)), grammar_choice(b.g, two, 2)};
        struct engine_seq *s = submit(&r, ask(fake_close(&b, grammar_sequence(b.g, part, 2)), 0));
        uint64_t before = r.model.n_token;
        assert_int_equal(run(&r, s, &o), 1);
        assert_int_equal(o.n_token, 101);
        struct engine_usage u = engine_usage_of(s);
        assert_int_equal(u.n_prompt, 3);
        assert_int_equal(u.n_cached, 0);
        assert_int_equal(r.model.n_token - before, round == 0 ? 103 : 103 - 96);
        engine_seq_free(s);
    }
    rig_close(&r);
}

/* ---- limits ---- */

/* So many ways to go on at once that one state of them fills the pool. */
static struct grammar *wide(int n)
{
    struct fake_builder b;
    fake_builder_init(&b);
    uint32_t *way = mem_array((size_t)n, sizeof *way);
    for (int i = 0; i < n; i++) {
        char text[20];
        size_t n_text = (size_t)snprintf(text, sizeof text, "a%d", i);
        uint32_t part[2] = {
            grammar_terminal(b.g, dfa_shared(DFA_INTEGER), 0, GRAMMAR_UNBOUNDED),
            grammar_text(b.g, str_n(text, n_text))};
        way[i] = grammar_sequence(b.g, part, 2);
    }
    struct grammar *g = fake_close(&b, grammar_choice(b.g, way, (size_t)n));
    mem_free(way);
    return g;
}

static void test_pool_too_small(void **state)
{
    (void)state;
    static struct output o, other_o, free_o;
    struct rig r;
    rig_open(&r, (struct sched_options){.mask_pool_bytes = SCHED_MASK_POOL_MIN});
    struct engine_seq *s = submit(&r, ask(wide(20000), 0));
    struct engine_seq *other = submit(&r, ask(list_2_4(), 1));
    struct engine_seq *unbound = submit(&r, ask(NULL, 2));
    run(&r, s, &o);
    assert_int_equal(o.finish, FINISH_ERROR);
    assert_int_equal(o.n_token, 0);
    run(&r, other, &other_o);
    assert_true(other_o.finish == FINISH_STOP || other_o.finish == FINISH_LENGTH);
    run(&r, unbound, &free_o);
    assert_true(free_o.finish == FINISH_STOP || free_o.finish == FINISH_LENGTH);
    engine_seq_free(s);
    engine_seq_free(other);
    engine_seq_free(unbound);
    rig_close(&r);
    struct error e = {0};
    struct sched_options o_bad = {.n_seq_max = 1, .prefill_chunk = 1, .n_ctx = 10,
                                  .mask_pool_bytes = SCHED_MASK_POOL_MIN - 1};
    assert_int_equal(sched_check(&o_bad, &e), ERR_ARG);
    assert_non_null(strstr(e.text, "1048575"));
}

static void test_no_vocabulary(void **state)
{
    (void)state;
    struct rig r;
    struct error e = {0};
    struct engine_seq *s = (struct engine_seq *)1;
    rig_open(&r, (struct sched_options){0});
    struct sched *sc = r.sc, *without;
    struct sched_options o = sc->o;
    o.vocab = NULL;
    assert_int_equal(sched_new(&o, &without, NULL), ERR_OK);
    r.sc = without;
    struct engine_request q = ask(choice(), 0);
    assert_int_equal(sched_submit(r.sc, &q, &s, &e), ERR_UNSUPPORTED);
    assert_null(s);
    assert_int_equal(step(&r), TURN_IDLE);
    grammar_unref(q.grammar);
    sched_stop(sc);
    sched_free(sc);
    rig_close(&r);
}

/* Memory that runs out while a sequence is made refuses it, and leaves nothing behind. */
static void test_no_memory(void **state)
{
    (void)state;
    static struct output o;
    struct rig r;
    struct engine_seq *s = NULL;
    struct error e;
    size_t nth = 1;
    rig_open(&r, (struct sched_options){0});
    struct engine_request q = ask(list_2_4(), 0);
    for (enum err err = ERR_BUSY; err != ERR_OK; nth++) {
        assert_in_range(nth, 1, 20);
        e.text[0] = '\0';
        mem_fail_nth(nth);
        err = sched_submit(r.sc, &q, &s, &e);
        mem_fail_nth(0);
        assert_true(err == ERR_OK || (s == NULL && e.text[0] != '\0'));
    }
    assert_true(nth > 4);              /* tokens, pages, matcher */
    grammar_unref(q.grammar);
    run(&r, s, &o);
    assert_true(o.finish == FINISH_STOP || o.finish == FINISH_LENGTH);
    engine_seq_free(s);
    rig_close(&r);
}

static const float *no_logits(void *arg, int row)
{
    static float bad[FAKE_VOCAB];
    (void)arg;
    (void)row;
    for (int i = 0; i < FAKE_VOCAB; i++)
        bad[i] = i < 20 ? -INFINITY : 1;
    return bad;
}

static void test_nothing_allowed_is_possible(void **state)
{
    (void)state;
    static struct output o;
    struct rig r;
    rig_open(&r, (struct sched_options){0});
    struct fake_builder b;
    fake_builder_init(&b);
    uint32_t two[2] = {grammar_text(b.g, STR("1")), grammar_text(b.g, STR("7"))};
    struct engine_seq *s = submit(&r, ask(fake_close(&b, grammar_choice(b.g, two, 2)), 0));
    r.sc->o.stepper.logits = no_logits;
    run(&r, s, &o);
    assert_int_equal(o.finish, FINISH_ERROR);
    assert_int_equal(o.n_token, 0);
    engine_seq_free(s);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_obeys),
        cmocka_unit_test(test_text_needs_no_model),
        cmocka_unit_test(test_forced_text_is_one_pass),
        cmocka_unit_test(test_jump_is_bounded),
        cmocka_unit_test(test_ring_full_inside),
        cmocka_unit_test(test_max_tokens_inside),
        cmocka_unit_test(test_cancel_inside),
        cmocka_unit_test(test_crowd_equals_alone),
        cmocka_unit_test(test_logprobs),
        cmocka_unit_test(test_bias_and_eog),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_pool_too_small),
        cmocka_unit_test(test_no_vocabulary),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_nothing_allowed_is_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
