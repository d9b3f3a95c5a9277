/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine with real models: greedy ids against the references, and the same tokens and
 * log-probabilities, bit for bit, alone, in a crowd, on one and two threads, for any chunk size,
 * with a warm prefix cache and after preemption. Also the border: errors, limits, cancelling,
 * freeing at any time, closing with sequences alive.
 */
#include "engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/thread.h"

#define PATIENCE_NS (120 * NS_PER_S)
#define TOKENS_MAX 512
#define N_CROWD 16

static char qwen3[4096];               /* path of the model most tests use; empty: absent */

/* ---- finding models ---- */

static bool find_golden(const char *dir, const char *name, char *out, size_t out_size)
{
    const char *source = getenv("SOURCE_ROOT"), *golden = getenv("GOLDEN");
    snprintf(out, out_size, "%s/tests/golden/models/%s/%s", source ? source : ".", dir, name);
    if (file_exists(out))
        return true;
    snprintf(out, out_size, "%s/models/%s/%s", golden ? golden : ".", dir, name);
    return file_exists(out);
}

static bool skip_without_model(void)
{
    if (qwen3[0])
        return false;
    print_message("skipped: no golden models\n");
    skip();
    return true;
}

/* ---- a reader that sleeps until it is woken ---- */

struct reader {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is_woken;
    atomic_int n_wake;
    struct engine_seq *seq;
    int32_t token[TOKENS_MAX];
    float logprob[TOKENS_MAX];
    struct token_logprob top[TOKENS_MAX][2];
    int n;
    enum engine_finish finish;
    struct engine_usage usage;
};

static void on_wake(void *arg)
{
    struct reader *r = arg;
    atomic_fetch_add(&r->n_wake, 1);
    pthread_mutex_lock(&r->lock);
    r->is_woken = true;
    pthread_cond_signal(&r->cond);
    pthread_mutex_unlock(&r->lock);
}

static struct reader *reader_new(void)
{
    struct reader *r = mem_alloc(sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    thread_cond_init(&r->cond);
    return r;
}

static void reader_free(struct reader *r)
{
    engine_seq_free(r->seq);
    pthread_cond_destroy(&r->cond);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

static bool reader_wait(struct reader *r)
{
    int64_t deadline = clock_ns() + PATIENCE_NS;
    pthread_mutex_lock(&r->lock);
    while (!r->is_woken && clock_ns() < deadline)
        thread_cond_wait_until(&r->cond, &r->lock, deadline);
    bool is_woken = r->is_woken;
    r->is_woken = false;
    pthread_mutex_unlock(&r->lock);
    return is_woken;
}

static void take(struct reader *r, const struct engine_event *ev)
{
    assert_int_equal(r->finish, FINISH_NONE);
    r->finish = ev->finish;
    if (ev->finish != FINISH_NONE) {
        assert_int_equal(ev->token, TOKEN_NONE);
        return;
    }
    assert_in_range(r->n, 0, TOKENS_MAX - 1);
    r->token[r->n] = ev->token;
    r->logprob[r->n] = ev->logprob;
    memcpy(r->top[r->n], ev->top, sizeof r->top[0]);
    r->n++;
}

static void read_all(struct reader *r)
{
    struct engine_event ev;
    while (r->finish == FINISH_NONE) {
        if (engine_next(r->seq, &ev))
            take(r, &ev);
        else if (!reader_wait(r))
            fail_msg("no event within the time, %d tokens so far", r->n);
    }
    assert_false(engine_next(r->seq, &ev));
    r->usage = engine_usage_of(r->seq);
    assert_int_equal(r->usage.n_output, r->n);
}

static struct engine *open_engine(struct engine_options o)
{
    struct engine *en;
    struct error e = {0};
    if (!o.model_path)
        o.model_path = qwen3;
    if (engine_open(&o, &en, &e) != ERR_OK)
        fail_msg("engine_open: %s", e.text);
    return en;
}

static struct engine_request request_for(const int32_t *prompt, size_t n, int max_tokens)
{
    return (struct engine_request){.prompt = prompt, .n_prompt = n, .max_tokens = max_tokens,
                                   .sample = SAMPLE_DEFAULT, .ignore_eog = true,
                                   .n_top_logprobs = 2, .wake = on_wake};
}

static struct reader *start(struct engine *en, struct engine_request q)
{
    struct reader *r = reader_new();
    struct error e = {0};
    q.wake_arg = r;
    if (engine_submit(en, &q, &r->seq, &e) != ERR_OK)
        fail_msg("engine_submit: %s", e.text);
    return r;
}

/* ---- against the references ---- */

static size_t read_ints(str json, const char *key, size_t from, int32_t *out, size_t max)
{
    size_t n = 0, at = str_find(json, str_of(key), from);
    assert_true(at != SIZE_MAX);
    str rest = str_sub(json, str_find_char(json, '[', at) + 1, json.n), part;
    rest = str_sub(rest, 0, str_find_char(rest, ']', 0));
    while (str_split(&rest, ',', &part)) {
        int64_t v = 0;
        assert_true(n < max && str_to_i64(str_trim(part), &v));
        out[n++] = (int32_t)v;
    }
    return n;
}

static void check_run(struct engine *en, str json, const char *run, const char *name)
{
    int32_t prompt[TOKENS_MAX], want[TOKENS_MAX];
    char id[64];
    snprintf(id, sizeof id, "\"id\": \"%s\"", run);
    size_t at = str_find(json, str_of(id), 0);
    assert_true(at != SIZE_MAX);
    size_t n_prompt = read_ints(json, "\"prompt_ids\"", at, prompt, TOKENS_MAX);
    size_t n_want = read_ints(json, "\"greedy_ids\"", at, want, TOKENS_MAX);
    struct engine_request q = request_for(prompt, n_prompt, (int)n_want);
    q.sample.temperature = 0;
    struct reader *r = start(en, q);
    read_all(r);
    assert_int_equal(r->n, n_want);
    assert_int_equal(r->finish, FINISH_LENGTH);
    for (size_t i = 0; i < n_want; i++) {
        if (r->token[i] != want[i])
            fail_msg("%s %s: token %zu is %d, want %d", name, run, i, r->token[i], want[i]);
    }
    reader_free(r);
}

static void test_golden(void **state)
{
    static const char *const names[] = {"arch/qwen3", "arch/qwen2", "arch/llama-gqa",
                                        "arch/llama-tied-rope3"};
    (void)state;
    if (skip_without_model())
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char model[4096], expected[4096];
        if (!find_golden(names[i], "model.gguf", model, sizeof model) ||
            !find_golden(names[i], "expected.json", expected, sizeof expected))
            continue;
        struct arena *a = arena_new(0);
        str json;
        assert_int_equal(file_read(expected, 8u << 20, a, &json, NULL), ERR_OK);
        struct engine_options o = ENGINE_OPTIONS_DEFAULT;
        o.model_path = model;
        o.kv_type = KV_F32;
        o.n_thread = 2;
        struct engine *en = open_engine(o);
        check_run(en, json, "short", names[i]);
        check_run(en, json, "long", names[i]);
        engine_close(&en);
        assert_null(en);
        arena_free(a);
    }
}

/* ---- exactness ---- */

static void make_prompts(int32_t prompt[N_CROWD][TOKENS_MAX], int *n_prompt, int n_vocab)
{
    for (int p = 0; p < N_CROWD; p++) {
        n_prompt[p] = 1 + (p * 37) % 150;
        for (int i = 0; i < n_prompt[p]; i++)
            prompt[p][i] = (i < 40 ? i * 7 + 1 : i * 11 + p * 13) % n_vocab;
    }
}

static struct engine_request crowd_request(const int32_t *prompt, int n_prompt, int p)
{
    struct engine_request q = request_for(prompt, (size_t)n_prompt, 24 + p);
    q.sample.temperature = p % 2 == 0 ? 0 : 0.9f;
    q.sample.top_p = p % 3 == 0 ? 0.9f : 1;
    q.sample.repetition_penalty = p % 4 == 0 ? 1.1f : 1;
    q.sample.seed = (uint64_t)p;
    return q;
}

/* Bit for bit: tokens, log-probabilities, alternatives. */
static void assert_same(const struct reader *a, const struct reader *b, const char *what, int p)
{
    bool is_same = a->n == b->n && a->finish == b->finish &&
        memcmp(a->token, b->token, (size_t)a->n * sizeof *a->token) == 0 &&
        memcmp(a->logprob, b->logprob, (size_t)a->n * sizeof *a->logprob) == 0 &&
        memcmp(a->top, b->top, (size_t)a->n * sizeof *a->top) == 0;
    if (!is_same)
        fail_msg("%s: prompt %d differs from the run alone, %d and %d tokens", what, p, a->n,
                 b->n);
}

static const struct exact_case {
    const char *name;
    int n_thread, chunk, n_seq_max;
    size_t n_page;                     /* 0: plenty */
    bool prefix_cache;
    int rounds;                        /* later rounds meet a warm cache */
} exact_cases[] = {
    {"crowd, 1 thread, chunk 256", 1, 256, 16, 0, false, 1},
    {"crowd, 2 threads, chunk 256", 2, 256, 16, 0, false, 1},
    {"crowd, 2 threads, chunk 7", 2, 7, 16, 0, false, 1},
    {"crowd, 1 thread, chunk 1", 1, 1, 16, 0, false, 1},
    {"shared prefixes, cold and warm", 2, 256, 16, 0, true, 2},
    {"shared prefixes, chunk 7", 1, 7, 16, 0, true, 2},
    {"few places", 2, 256, 3, 0, true, 2},
    {"few pages, preemption", 2, 64, 16, 14, true, 2},
    {"few pages, no cache", 1, 64, 16, 9, false, 1},
};

static size_t page_bytes_of_model(void)
{
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    struct error e = {0};
    struct engine *en;
    size_t bytes = 0;
    const char *at;
    o.model_path = qwen3;
    o.kv_bytes = 1;                    /* refused; the message names the size of a page */
    assert_int_equal(engine_open(&o, &en, &e), ERR_LIMIT);
    assert_null(en);
    at = strstr(e.text, "takes ");
    assert_non_null(at);
    bytes = strtoul(at + 6, NULL, 10);
    assert_true(bytes > 1);
    return bytes;
}

static void run_crowd(struct engine *en, int32_t prompt[N_CROWD][TOKENS_MAX], const int *n_prompt,
                      struct reader **alone, const char *name)
{
    struct reader *r[N_CROWD];
    for (int p = 0; p < N_CROWD; p++)
        r[p] = start(en, crowd_request(prompt[p], n_prompt[p], p));
    for (int p = 0; p < N_CROWD; p++) {
        read_all(r[p]);
        assert_same(r[p], alone[p], name, p);
    }
    for (int p = 0; p < N_CROWD; p++)
        reader_free(r[p]);
}

static void test_exact(void **state)
{
    static int32_t prompt[N_CROWD][TOKENS_MAX];
    int n_prompt[N_CROWD];
    struct reader *alone[N_CROWD];
    (void)state;
    if (skip_without_model())
        return;
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    o.n_thread = 1;
    o.prefix_cache = false;
    struct engine *en = open_engine(o);
    make_prompts(prompt, n_prompt, engine_shape(en)->n_vocab);
    for (int p = 0; p < N_CROWD; p++) {
        alone[p] = start(en, crowd_request(prompt[p], n_prompt[p], p));
        read_all(alone[p]);
        assert_int_equal(alone[p]->n, 24 + p);
    }
    size_t page_bytes = page_bytes_of_model();
    for (size_t i = 0; i < sizeof exact_cases / sizeof *exact_cases; i++) {
        const struct exact_case *c = &exact_cases[i];
        struct engine_options co = ENGINE_OPTIONS_DEFAULT;
        co.n_thread = c->n_thread;
        co.prefill_chunk = c->chunk;
        co.n_seq_max = c->n_seq_max;
        co.kv_bytes = c->n_page * page_bytes;
        co.prefix_cache = c->prefix_cache;
        struct engine *crowd = open_engine(co);
        for (int round = 0; round < c->rounds; round++)
            run_crowd(crowd, prompt, n_prompt, alone, c->name);
        struct engine_stats st = engine_stats_of(crowd);
        assert_true(!c->prefix_cache || st.tokens_cached > 0);
        engine_close(&crowd);
    }
    for (int p = 0; p < N_CROWD; p++)
        reader_free(alone[p]);
    engine_close(&en);
}

static void test_cached_tokens(void **state)
{
    int32_t prompt[128];
    (void)state;
    if (skip_without_model())
        return;
    struct engine *en = open_engine(ENGINE_OPTIONS_DEFAULT);
    for (int i = 0; i < 128; i++)
        prompt[i] = i + 1;
    static const struct { uint64_t salt; int n, want; } cases[] = {
        {1, 100, 0}, {1, 100, 96}, {2, 100, 0}, {1, 97, 96}, {1, 96, 64}, {1, 33, 32}, {1, 32, 0},
        {1, 128, 96}, {2, 128, 96}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct engine_request q = request_for(prompt, (size_t)cases[i].n, 1);
        q.salt = cases[i].salt;
        struct reader *r = start(en, q);
        read_all(r);
        if (r->usage.n_cached != cases[i].want)
            fail_msg("case %zu: %d cached, want %d", i, r->usage.n_cached, cases[i].want);
        reader_free(r);
    }
    /* Output is cached too: the next turn of a conversation sends it again. */
    struct engine_request q = request_for(prompt, 60, 40);
    struct reader *r = start(en, q);
    int32_t turn[101];
    read_all(r);
    memcpy(turn, prompt, 60 * sizeof *turn);
    memcpy(turn + 60, r->token, 40 * sizeof *turn);
    turn[100] = 5;
    reader_free(r);
    r = start(en, request_for(turn, 101, 1));
    read_all(r);
    assert_int_equal(r->usage.n_cached, 96);
    reader_free(r);
    engine_close(&en);
}

/* ---- the border ---- */

static void test_context_border(void **state)
{
    int32_t prompt[TOKENS_MAX] = {0};
    (void)state;
    if (skip_without_model())
        return;
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    o.n_ctx = 70;
    struct engine *en = open_engine(o);
    assert_int_equal(engine_n_ctx(en), 70);
    static const struct { size_t n; int max_tokens, n_want; enum err err; } cases[] = {
        {69, 100, 1, ERR_OK}, {69, 1, 1, ERR_OK}, {60, 100, 10, ERR_OK}, {1, 1000000, 69, ERR_OK},
        {70, 1, 0, ERR_CONTEXT}, {500, 1, 0, ERR_CONTEXT}, {0, 1, 0, ERR_ARG}, {5, 0, 0, ERR_ARG},
        {5, -1, 0, ERR_ARG}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct engine_request q = request_for(prompt, cases[i].n, cases[i].max_tokens);
        struct error e = {0};
        struct reader *r = reader_new();
        q.wake_arg = r;
        enum err err = engine_submit(en, &q, &r->seq, &e);
        if (err != cases[i].err)
            fail_msg("case %zu: %s %s", i, err_name(err), e.text);
        if (err == ERR_OK) {
            read_all(r);
            assert_int_equal(r->n, cases[i].n_want);
            assert_int_equal(r->finish, FINISH_LENGTH);
        } else {
            assert_null(r->seq);
            assert_true(e.text[0] != '\0');
        }
        reader_free(r);
    }
    struct engine_request q = request_for(prompt, 3, 1);
    struct engine_seq *s;
    prompt[2] = engine_shape(en)->n_vocab;
    assert_int_equal(engine_submit(en, &q, &s, NULL), ERR_ARG);
    prompt[2] = -1;
    assert_int_equal(engine_submit(en, &q, &s, NULL), ERR_ARG);
    prompt[2] = 0;
    q.n_top_logprobs = ENGINE_TOP_LOGPROBS_MAX + 1;
    assert_int_equal(engine_submit(en, &q, &s, NULL), ERR_ARG);
    engine_close(&en);
}

static void test_tiny_budget(void **state)
{
    int32_t prompt[TOKENS_MAX] = {0};
    (void)state;
    if (skip_without_model())
        return;
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    o.kv_bytes = page_bytes_of_model() * 3 / 2;
    struct engine *en = open_engine(o);
    assert_int_equal(engine_n_ctx(en), KV_PAGE_LEN);
    struct reader *r[8];
    for (int i = 0; i < 8; i++)
        r[i] = start(en, request_for(prompt, (size_t)(1 + i), 100));
    for (int i = 0; i < 8; i++) {
        read_all(r[i]);
        assert_int_equal(r[i]->n, KV_PAGE_LEN - 1 - i);
        reader_free(r[i]);
    }
    engine_close(&en);
}

static void test_open_errors(void **state)
{
    (void)state;
    struct engine *en = (struct engine *)1;
    struct error e = {0};
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    assert_int_equal(engine_open(&o, &en, &e), ERR_ARG);
    assert_null(en);
    o.model_path = "/nonexistent/model.gguf";
    assert_int_not_equal(engine_open(&o, &en, &e), ERR_OK);
    assert_non_null(strstr(e.text, "/nonexistent/model.gguf"));
    o.model_path = "/dev/null";
    assert_int_not_equal(engine_open(&o, &en, &e), ERR_OK);
    if (skip_without_model())
        return;
    static const struct { int n_thread, n_ctx, n_seq_max, n_queue_max, chunk; } bad[] = {
        {-1, 0, 0, 0, 0}, {1 << 20, 0, 0, 0, 0}, {0, -1, 0, 0, 0}, {0, 1, 0, 0, 0},
        {0, 0, -1, 0, 0}, {0, 0, 1 << 20, 0, 0}, {0, 0, 0, -1, 0}, {0, 0, 0, 1 << 30, 0},
        {0, 0, 0, 0, -1}, {0, 0, 0, 0, 1 << 20}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o = ENGINE_OPTIONS_DEFAULT;
        o.model_path = qwen3;
        o.n_thread = bad[i].n_thread;
        o.n_ctx = bad[i].n_ctx;
        o.n_seq_max = bad[i].n_seq_max;
        o.n_queue_max = bad[i].n_queue_max;
        o.prefill_chunk = bad[i].chunk;
        e.text[0] = '\0';
        if (engine_open(&o, &en, &e) != ERR_ARG || !e.text[0])
            fail_msg("case %zu: accepted, or no text", i);
    }
}

static void test_busy_and_shutdown(void **state)
{
    int32_t prompt[4] = {1, 2, 3, 4};
    (void)state;
    if (skip_without_model())
        return;
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    o.n_seq_max = 2;
    o.n_queue_max = 3;
    struct engine *en = open_engine(o);
    struct reader *r[5];
    for (int i = 0; i < 5; i++)        /* nobody reads: all five stay alive, parked or waiting */
        r[i] = start(en, request_for(prompt, 4, 400));
    struct engine_request q = request_for(prompt, 4, 1);
    struct engine_seq *s;
    struct error e;
    assert_int_equal(engine_submit(en, &q, &s, &e), ERR_BUSY);
    assert_null(s);
    engine_cancel(r[0]->seq);
    read_all(r[0]);
    assert_int_equal(r[0]->finish, FINISH_CANCELLED);
    struct reader *late = start(en, q);
    read_all(late);
    reader_free(late);
    read_all(r[1]);                    /* a reader that comes back gets everything */
    assert_int_equal(r[1]->n, 400);
    engine_close(&en);
    for (int i = 2; i < 5; i++) {
        read_all(r[i]);
        assert_int_equal(r[i]->finish, FINISH_CANCELLED);
    }
    for (int i = 0; i < 5; i++)
        reader_free(r[i]);
}

/* Frees right away, after the first token, and in the middle: no wake may come after free. */
static void test_free_any_time(void **state)
{
    int32_t prompt[40] = {0};
    (void)state;
    if (skip_without_model())
        return;
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    o.n_thread = 2;
    struct engine *en = open_engine(o);
    for (int i = 0; i < 60; i++) {
        struct reader *r = start(en, request_for(prompt, (size_t)(1 + i % 40), 400));
        struct engine_event ev;
        for (int n = 0; n < i % 5; n++) {
            while (!engine_next(r->seq, &ev))
                assert_true(reader_wait(r));
        }
        struct engine_seq *s = r->seq;
        r->seq = NULL;
        engine_seq_free(s);
        int n_wake = atomic_load(&r->n_wake);
        if (i % 10 == 0)
            sched_yield();
        assert_int_equal(atomic_load(&r->n_wake), n_wake);
        reader_free(r);
    }
    int64_t deadline = clock_ns() + PATIENCE_NS;
    struct engine_stats st;
    do {
        struct timespec nap = {.tv_nsec = NS_PER_MS};
        nanosleep(&nap, NULL);
        st = engine_stats_of(en);
    } while ((st.n_running > 0 || st.n_queued > 0 || st.kv_pages_used != st.kv_pages_cached) &&
           clock_ns() < deadline);
    assert_int_equal(st.n_running + st.n_queued, 0);
    assert_int_equal(st.kv_pages_used, st.kv_pages_cached);
    engine_seq_free(NULL);
    engine_close(&en);
}

struct submitter { struct engine *en; int id; pthread_t thread; int n_token; };

static void *submit_many(void *arg)
{
    struct submitter *u = arg;
    int32_t prompt[50];
    for (int i = 0; i < 12; i++) {
        for (int k = 0; k < 50; k++)
            prompt[k] = (k < 35 ? k : k * u->id + i) % 400;
        struct engine_request q = request_for(prompt, (size_t)(20 + i * 2), 150);
        q.owner = (uint64_t)u->id;
        struct reader *r = start(u->en, q);
        if (i % 4 == 3)
            engine_cancel(r->seq);
        read_all(r);
        u->n_token += r->n;
        reader_free(r);
    }
    return NULL;
}

static void test_many_submitters(void **state)
{
    (void)state;
    if (skip_without_model())
        return;
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    o.n_thread = 2;
    o.n_seq_max = 3;
    struct engine *en = open_engine(o);
    struct submitter u[4];
    int n_token = 0;
    for (int i = 0; i < 4; i++) {
        u[i] = (struct submitter){.en = en, .id = i + 1};
        u[i].thread = thread_start("submitter", submit_many, &u[i]);
    }
    for (int i = 0; i < 4; i++) {
        thread_join(u[i].thread);
        n_token += u[i].n_token;
    }
    struct engine_stats st = engine_stats_of(en);
    assert_int_equal(st.tokens_decoded, n_token);
    engine_close(&en);
}

static void test_heartbeat(void **state)
{
    (void)state;
    if (skip_without_model())
        return;
    struct engine *en = open_engine(ENGINE_OPTIONS_DEFAULT);
    struct engine_stats first = engine_stats_of(en), now;
    int64_t deadline = clock_ns() + 10 * NS_PER_S;
    do {
        struct timespec nap = {.tv_nsec = 50 * NS_PER_MS};
        nanosleep(&nap, NULL);
        now = engine_stats_of(en);
    } while (now.steps < first.steps + 2 && clock_ns() < deadline);
    assert_true(now.steps >= first.steps + 2);
    assert_true(now.last_step_ns > first.last_step_ns);
    engine_close(&en);
}

static void test_template(void **state)
{
    (void)state;
    if (skip_without_model())
        return;
    struct engine *en = open_engine(ENGINE_OPTIONS_DEFAULT);
    const char *why = NULL;
    const struct template *t = engine_template(en, &why);
    assert_non_null(why);
    assert_true((t == NULL) == (why[0] != '\0'));
    assert_true(engine_template(en, NULL) == t);
    assert_non_null(engine_vocab(en));
    assert_int_equal(vocab_size(engine_vocab(en)), engine_shape(en)->n_vocab);
    assert_non_null(engine_kern(en)->matmul);
    engine_close(&en);
}

int main(void)
{
    if (!find_golden("arch/qwen3", "model.gguf", qwen3, sizeof qwen3))
        qwen3[0] = '\0';
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_errors),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_cached_tokens),
        cmocka_unit_test(test_context_border),
        cmocka_unit_test(test_tiny_budget),
        cmocka_unit_test(test_busy_and_shutdown),
        cmocka_unit_test(test_free_any_time),
        cmocka_unit_test(test_many_submitters),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
