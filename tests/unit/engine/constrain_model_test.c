/* SPDX-License-Identifier: Apache-2.0
 *
 * Grammars with the bundled model: objects come out whole at any temperature, beside free streams
 * and through preemption every sequence gives what it gives alone, bit for bit, and many threads
 * may bring one grammar.
 */
#include <regex.h>
#include <time.h>

#include "../test.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/thread.h"
#include "engine/engine.h"

#define PATIENCE_NS (120 * NS_PER_S)
#define TOKENS_MAX 300
#define TEXT_MAX 4000

static char model[4096];               /* empty: absent */

static bool skip_without_model(void)
{
    const char *root = getenv("SOURCE_ROOT");
    snprintf(model, sizeof model, "%s/models/grokd-mini.gguf", root ? root : ".");
    if (file_exists(model))
        return false;
    print_message("skipped: no %s\n", model);
    return true;
}

static struct engine *open_engine(struct engine_options o)
{
    struct engine *en;
    struct error e = {0};
    o.model_path = model;
    o.n_thread = o.n_thread ? o.n_thread : 2;
    if (engine_open(&o, &en, &e) != ERR_OK)
        fail_msg("engine_open: %s", e.text);
    return en;
}

/* ---- grammars ---- */

/* {"name": "..", "age": 12, "job": one of three, "tags": [..]} */
static struct grammar *person(void)
{
    struct error e = {0};
    struct dfa_work w = {.arena = arena_new(0), .n_state_max = 10000, .e = &e};
    struct grammar_builder *b = grammar_builder_new(&w);
    struct grammar *g = NULL;
    uint32_t string = grammar_terminal(b, dfa_shared(DFA_STRING), 1, 20);
    uint32_t job[3] = {grammar_text(b, STR("\"baker\"")), grammar_text(b, STR("\"nurse\"")),
                       grammar_text(b, STR("\"unemployed at present\""))};
    struct grammar_array tags = {.rest = string, .n_min = 1, .n_max = 3};
    struct grammar_property property[4] = {
        {STR("name"), string, true},
        {STR("age"), grammar_terminal(b, dfa_shared(DFA_INTEGER), 0, GRAMMAR_UNBOUNDED), true},
        {STR("job"), grammar_choice(b, job, 3), true},
        {STR("tags"), grammar_array(b, &tags), true}};
    struct grammar_object o = {.property = property, .n_property = 4, .n_max = 4};
    if (grammar_close(&b, grammar_object(b, &o), &g, &e) != ERR_OK)
        fail_msg("grammar_close: %s", e.text);
    return g;
}

#define STRING "\"([^\"\\]|\\\\.)+\""
#define PERSON "^[{]\"name\": " STRING ", \"age\": (0|-?[1-9][0-9]*), \"job\": " \
               "\"(baker|nurse|unemployed at present)\", \"tags\": " \
               "[[]" STRING "(, " STRING ")*[]][}]$"

/* ---- runs ---- */

struct run {
    int32_t token[TOKENS_MAX];
    float logprob[TOKENS_MAX];
    int n_token;
    char text[TEXT_MAX];
    size_t n_text;
    enum engine_finish finish;
};

/* Four kinds: two with the grammar, two free; odd ones with log-probabilities. */
static struct engine_seq *start(struct engine *en, int kind, struct grammar *g, float temperature)
{
    struct token_list prompt;
    struct error e = {0};
    struct engine_seq *s;
    char text[200];
    snprintf(text, sizeof text, "<|im_start|>user\nDescribe person %d.<|im_end|>\n"
             "<|im_start|>assistant\n", kind);
    token_list_init(&prompt, 200);
    assert_int_equal(vocab_tokenize(engine_vocab(en), str_of(text), TOKENIZE_PARSE_SPECIAL, NULL, 0,
                                    &prompt, &e), ERR_OK);
    struct engine_request q = {
        .prompt = prompt.id, .n_prompt = prompt.n, .max_tokens = 200, .sample = SAMPLE_DEFAULT,
        .grammar = g, .ignore_eog = g == NULL, .n_top_logprobs = kind % 2 ? 0 : -1};
    q.sample.temperature = temperature;
    q.sample.seed = (uint64_t)kind;
    if (engine_submit(en, &q, &s, &e) != ERR_OK)
        fail_msg("engine_submit: %s", e.text);
    token_list_done(&prompt);
    return s;
}

/* Reads to the end and frees. */
static void finish(struct engine *en, struct engine_seq *s, struct run *r)
{
    struct engine_event ev;
    int64_t deadline = clock_ns() + PATIENCE_NS;
    memset(r, 0, sizeof *r);
    while (r->finish == FINISH_NONE && clock_ns() < deadline) {
        if (!engine_next(s, &ev)) {
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
            continue;
        }
        r->finish = ev.finish;
        if (ev.finish != FINISH_NONE)
            continue;
        str piece = vocab_piece(engine_vocab(en), ev.token);
        assert_true(r->n_token < TOKENS_MAX && r->n_text + piece.n < TEXT_MAX);
        memcpy(r->text + r->n_text, piece.p, piece.n);
        r->n_text += piece.n;
        r->logprob[r->n_token] = ev.logprob;
        r->token[r->n_token++] = ev.token;
    }
    assert_int_not_equal(r->finish, FINISH_NONE);
    engine_seq_free(s);
}

static void test_obeys(void **state)
{
    (void)state;
    static const float temperatures[] = {0, 1, 5};
    static struct run r[30];
    struct engine_seq *s[30];
    regex_t re;
    int n_stop = 0;
    if (skip_without_model())
        return;
    struct engine *en = open_engine(ENGINE_OPTIONS_DEFAULT);
    struct grammar *g = person();
    assert_int_equal(regcomp(&re, PERSON, REG_EXTENDED | REG_NOSUB), 0);
    for (int i = 0; i < 30; i++)
        s[i] = start(en, i, g, temperatures[i % 3]);
    for (int i = 0; i < 30; i++) {
        finish(en, s[i], &r[i]);
        if (r[i].finish == FINISH_STOP ? regexec(&re, r[i].text, 0, NULL, 0) != 0
                                       : r[i].finish != FINISH_LENGTH)
            fail_msg("run %d: finish %d after %s", i, r[i].finish, r[i].text);
        n_stop += r[i].finish == FINISH_STOP;
    }
    assert_true(n_stop > 15);
    struct engine_stats st = engine_stats_of(en);
    assert_true(st.tokens_forced > 0 && st.tokens_forced < st.tokens_decoded);
    assert_true(st.masks > 0 && st.mask_ns > 0);
    regfree(&re);
    grammar_unref(g);
    engine_close(&en);
}

/* ---- neighbours ---- */

#define N_KIND 4

static void check_crowd(struct engine_options o, const struct run *alone, struct grammar *g)
{
    static struct run r;
    struct engine_seq *s[3 * N_KIND];
    struct engine *en = open_engine(o);
    for (int i = 0; i < 3 * N_KIND; i++)
        s[i] = start(en, i % N_KIND, i % N_KIND < 2 ? g : NULL, 1);
    for (int i = 0; i < 3 * N_KIND; i++) {
        finish(en, s[i], &r);
        if (memcmp(&r, &alone[i % N_KIND], sizeof r) != 0)
            fail_msg("sequence %d is not as alone: %.*s", i, (int)r.n_text, r.text);
    }
    engine_close(&en);
}

static void test_crowd_equals_alone(void **state)
{
    (void)state;
    static struct run alone[N_KIND];
    if (skip_without_model())
        return;
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    struct grammar *g = person();
    o.n_thread = 1;
    o.prefix_cache = false;
    struct engine *en = open_engine(o);
    for (int i = 0; i < N_KIND; i++)
        finish(en, start(en, i, i < 2 ? g : NULL, 1), &alone[i]);
    size_t page_bytes = (size_t)6 * 2 * 4 * KV_PAGE_LEN * 32 * 2;   /* of this model in F16 */
    engine_close(&en);
    o = ENGINE_OPTIONS_DEFAULT;
    check_crowd(o, alone, g);
    o.prefill_chunk = 5;
    check_crowd(o, alone, g);
    o.kv_bytes = 20 * page_bytes;      /* preemption */
    check_crowd(o, alone, g);
    grammar_unref(g);
}

struct bringer { struct engine *en; struct grammar *g; pthread_t thread; struct run run; };

static void *bring_grammar(void *arg)
{
    struct bringer *f = arg;
    finish(f->en, start(f->en, 0, f->g, 1), &f->run);
    return NULL;
}

static void test_many_bring_one(void **state)
{
    (void)state;
    static struct bringer f[8];
    if (skip_without_model())
        return;
    struct engine *en = open_engine(ENGINE_OPTIONS_DEFAULT);
    struct grammar *g = person();
    for (size_t i = 0; i < N_OF(f); i++) {
        f[i] = (struct bringer){.en = en, .g = g};
        f[i].thread = thread_start("submitter", bring_grammar, &f[i]);
    }
    for (size_t i = 0; i < N_OF(f); i++) {
        thread_join(f[i].thread);
        assert_memory_equal(&f[i].run, &f[0].run, sizeof f[0].run);
    }
    grammar_unref(g);
    engine_close(&en);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_obeys),
        cmocka_unit_test(test_crowd_equals_alone),
        cmocka_unit_test(test_many_bring_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
