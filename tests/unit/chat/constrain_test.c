/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests -> grammars: what each combination of format, tools and thinking lets the model write,
 * what is refused and how, and the cache: same request, same grammar; within its limits; from
 * several threads.
 */
#include "../test.h"
#include "../token/tiny_vocab.h"
#include "base/clock.h"
#include "base/thread.h"
#include "chat/constrain.h"
#include "grammar/matcher.h"

/* ---- requests from JSON ---- */

/* A fixture's trees and everything cached live until its end. */
struct fixture {
    struct arena *arena;
    struct vocab *vocab;
    struct tiny tiny;
    struct mask_space *space;
    struct constrain_cache *cache;
};

static void set_up(struct fixture *f, const struct constrain_limits *limits)
{
    struct error e;

    f->arena = arena_new(0);
    tiny_bpe(&f->tiny, "qwen2", NULL, 0, NULL, 0);
    if (vocab_new(&f->tiny.desc, &f->vocab, &e) != ERR_OK) fail_msg("%s", e.text);
    if (mask_space_new(f->vocab, 0, &f->space, &e) != ERR_OK) fail_msg("%s", e.text);
    f->cache = constrain_cache_new(limits);
}

static void tear_down(struct fixture *f)
{
    constrain_cache_free(f->cache);
    mask_space_free(f->space);
    vocab_free(f->vocab);
    arena_free(f->arena);
}

static const struct json *parse(struct fixture *f, const char *text)
{
    struct json *v;
    struct error e;

    if (json_parse(str_of(text), f->arena, &v, &e) != ERR_OK) fail_msg("%s: %s", text, e.text);
    return v;
}

#define ANSWER \
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}"
#define PARAMETERS \
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"}},\"required\":[\"a\"]}"

/* tools: f with PARAMETERS, g without any. */
static void add_tools(struct fixture *f, struct chat_request *r)
{
    struct chat_tool *tool = arena_alloc(f->arena, 2 * sizeof *tool);

    tool[0] = (struct chat_tool){.name = STR("f"), .parameters = parse(f, PARAMETERS)};
    tool[1] = (struct chat_tool){.name = STR("g")};
    r->tool = tool;
    r->n_tool = 2;
}

static struct grammar *make(struct fixture *f, const char *syntax, const struct chat_request *r,
                            bool opens, bool may)
{
    struct chat_prompt p = {.opens_reasoning = opens, .may_reason = may};
    struct grammar *g;
    struct error e;

    if (constrain_make(f->cache, call_syntax_named(syntax), r, &p, &g, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return g;
}

/* ---- what may be written ---- */

enum verdict { NO, BEGINS, WHOLE };

static enum verdict verdict_of(struct fixture *f, struct grammar *g, const char *text)
{
    struct matcher *m;
    struct error e;
    enum verdict v = NO;

    if (matcher_new(f->space, g, strlen(text) + 1, &m, &e) != ERR_OK) fail_msg("%s", e.text);
    if (matcher_accept_bytes(m, str_of(text))) v = matcher_may_end(m) ? WHOLE : BEGINS;
    matcher_free(m);
    return v;
}

#define CALL_F "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": true}}\n</tool_call>"
#define CALL_G "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>"

struct row {
    enum chat_format format;
    bool tools;
    enum chat_tool_choice choice;
    bool parallel, opens, may;
    const char *text;
    enum verdict want;
};

#define AUTO TOOL_CHOICE_AUTO
#define NONE TOOL_CHOICE_NONE
#define REQUIRED TOOL_CHOICE_REQUIRED
#define NAMED TOOL_CHOICE_NAMED        /* f */
#define OBJECT FORMAT_JSON_OBJECT
#define SCHEMA FORMAT_JSON_SCHEMA
#define TEXT FORMAT_TEXT

static const struct row rows[] = {
    {OBJECT, 0, AUTO, 1, 0, 0, "{}", WHOLE},
    {OBJECT, 0, AUTO, 1, 0, 0, "{\"a\": [1, {\"b\": null}]", BEGINS},
    {OBJECT, 0, AUTO, 1, 0, 0, "[1]", NO},
    {OBJECT, 0, AUTO, 1, 0, 0, "Sure: {}", NO},
    {SCHEMA, 0, AUTO, 1, 0, 0, "{\"n\": 12}", WHOLE},
    {SCHEMA, 0, AUTO, 1, 0, 0, "{\"n\": 1", BEGINS},
    {SCHEMA, 0, AUTO, 1, 0, 0, "{\"n\": \"1\"}", NO},
    {SCHEMA, 0, AUTO, 1, 0, 0, "{\"n\": 1, \"m\": 2}", NO},
    {SCHEMA, 0, AUTO, 1, 0, 0, "{}", NO},
    /* thinking first */
    {SCHEMA, 0, AUTO, 1, 1, 0, "so {} it is</think>\n\n{\"n\": 12}", WHOLE},
    {SCHEMA, 0, AUTO, 1, 1, 0, "{\"n\": 12}", BEGINS},
    {SCHEMA, 0, AUTO, 1, 1, 0, "so</think>\n\nSure", NO},
    {SCHEMA, 0, AUTO, 1, 0, 1, "<think>so</think>\n\n{\"n\": 12}", WHOLE},
    {SCHEMA, 0, AUTO, 1, 0, 1, "{\"n\": 12}", WHOLE},
    {SCHEMA, 0, AUTO, 1, 0, 1, "so", NO},
    {SCHEMA, 0, AUTO, 1, 0, 0, "<think>", NO},
    /* tools */
    {TEXT, 1, AUTO, 1, 0, 0, "Hello <tool> {", WHOLE},
    {TEXT, 1, AUTO, 1, 0, 0, CALL_F, WHOLE},
    {TEXT, 1, AUTO, 1, 0, 0, "Well. " CALL_F, WHOLE},
    {TEXT, 1, AUTO, 1, 0, 0, CALL_F "\n" CALL_G, WHOLE},
    {TEXT, 1, AUTO, 0, 0, 0, CALL_F "\n" CALL_G, NO},
    {TEXT, 1, AUTO, 1, 0, 0, "<tool_call>\n{\"name\": \"h\"", NO},
    {TEXT, 1, AUTO, 1, 0, 0, "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}", NO},
    {TEXT, 1, REQUIRED, 1, 0, 0, "Hello", NO},
    {TEXT, 1, REQUIRED, 1, 0, 0, CALL_G, WHOLE},
    {TEXT, 1, REQUIRED, 1, 0, 0, CALL_F "\n" CALL_G, WHOLE},
    {TEXT, 1, REQUIRED, 0, 0, 0, CALL_F "\n" CALL_G, NO},
    {TEXT, 1, REQUIRED, 1, 1, 0, "so</think>\n\n" CALL_G, WHOLE},
    {TEXT, 1, REQUIRED, 1, 1, 0, "so</think>\n\nHello", NO},
    {TEXT, 1, NAMED, 1, 0, 0, CALL_F, WHOLE},
    {TEXT, 1, NAMED, 1, 0, 0, CALL_G, NO},
    {TEXT, 1, NAMED, 1, 0, 0, CALL_F "\n" CALL_F, NO},
    /* both */
    {SCHEMA, 1, AUTO, 1, 0, 0, "{\"n\": 12}", WHOLE},
    {SCHEMA, 1, AUTO, 1, 0, 0, CALL_F, WHOLE},
    {SCHEMA, 1, AUTO, 1, 0, 0, "Hello", NO},
    {SCHEMA, 1, REQUIRED, 1, 0, 0, "{\"n\": 12}", NO},
    {SCHEMA, 1, REQUIRED, 1, 0, 0, CALL_F, WHOLE},
    {SCHEMA, 1, NONE, 1, 0, 0, "{\"n\": 12}", WHOLE},
    {SCHEMA, 1, NONE, 1, 0, 0, CALL_F, NO},
};

static void request_of(struct fixture *f, const struct row *row, struct chat_request *r)
{
    *r = (struct chat_request){.format = row->format, .tool_choice = row->choice,
                               .parallel_calls = row->parallel};
    if (row->format == SCHEMA) r->schema = parse(f, ANSWER);
    if (row->tools) add_tools(f, r);
}

static void test_turns(void **state)
{
    static struct fixture f;

    (void)state;
    set_up(&f, NULL);
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct chat_request r;
        struct grammar *g;

        request_of(&f, &rows[i], &r);
        assert_true(constrain_binds(&r));
        g = make(&f, "hermes", &r, rows[i].opens, rows[i].may);
        if (verdict_of(&f, g, rows[i].text) != rows[i].want)
            fail_msg("row %zu, '%s': got %d, want %d", i, rows[i].text,
                     verdict_of(&f, g, rows[i].text), rows[i].want);
        grammar_unref(g);
    }
    tear_down(&f);
}

static void test_unbound(void **state)
{
    static const struct row row[] = {{TEXT, 0, AUTO, 1, 0, 0, NULL, NO},
                                     {TEXT, 1, NONE, 1, 0, 0, NULL, NO}};
    static struct fixture f;

    (void)state;
    set_up(&f, NULL);
    for (size_t i = 0; i < N_OF(row); i++) {
        struct chat_request r;

        request_of(&f, &row[i], &r);
        assert_false(constrain_binds(&r));
        assert_null(make(&f, "hermes", &r, true, false));
    }
    tear_down(&f);
}

/* ---- what is refused ---- */

#define PREFIX "Invalid request content: Schema validation failed: "

static const struct { const char *answer, *parameters, *has;
} refusals[] = {
    {"{\"enum\":[]}", NULL, "/enum"},
    {"{\"type\":\"object\",\"properties\":{\"color\":{\"enum\":[]}}}", NULL,
     "/properties/color/enum"},
    {"{\"$ref\":\"#/nowhere\"}", NULL, "/$ref"},
    {"{\"type\":\"string\",\"pattern\":\"(?=x)\"}", NULL, "/pattern"},
    {NULL, "{\"type\":\"array\"}", "'f'"},
    {NULL, "{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[]}}}", "'f'"},
    {NULL, "{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[]}}}", "/properties/a/enum"},
};

static void test_refusals(void **state)
{
    static struct fixture f;

    (void)state;
    set_up(&f, NULL);
    for (size_t i = 0; i < N_OF(refusals); i++) {
        struct chat_tool tool = {.name = STR("f")};
        struct chat_request r = {.tool = &tool, .parallel_calls = true};
        struct chat_prompt p = {0};
        struct grammar *g;
        struct error e = {0};

        if (refusals[i].answer) {
            r.format = SCHEMA;
            r.schema = parse(&f, refusals[i].answer);
        } else {
            r.n_tool = 1;
            tool.parameters = parse(&f, refusals[i].parameters);
        }
        assert_int_equal(constrain_make(f.cache, call_syntax_named("hermes"), &r, &p, &g, &e),
                         ERR_ARG);
        assert_null(g);
        if (strncmp(e.text, PREFIX, strlen(PREFIX)) != 0 || !strstr(e.text, refusals[i].has))
            fail_msg("row %zu: %s", i, e.text);
    }
    tear_down(&f);
}

/* Nested as deep as the text says, n times. */
static const struct json *nested(struct fixture *f, int n)
{
    struct buf b;
    const struct json *v;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < n; i++) buf_add(&b, STR("{\"type\":\"array\",\"items\":"));
    buf_add(&b, STR("{\"type\":\"null\"}"));
    for (int i = 0; i < n; i++) buf_char(&b, '}');
    buf_char(&b, '\0');
    v = parse(f, arena_cstr(f->arena, buf_str(&b)));
    buf_done(&b);
    return v;
}

static void test_limits(void **state)
{
    static const struct constrain_limits tight[] = {
        {.time_ms = 1000, .memory_bytes = 1 << 20, .depth_max = 256, .n_node_max = 100000,
         .n_state_max = 1 << 20, .cache_bytes = 1 << 20, .cache_entries_max = 10},
        {.time_ms = 1000, .memory_bytes = 64 << 20, .depth_max = 20, .n_node_max = 100000,
         .n_state_max = 1 << 20, .cache_bytes = 1 << 20, .cache_entries_max = 10},
        {.time_ms = 1000, .memory_bytes = 64 << 20, .depth_max = 256, .n_node_max = 100000,
         .n_state_max = 50, .cache_bytes = 1 << 20, .cache_entries_max = 10},
        {.time_ms = -1, .memory_bytes = 64 << 20, .depth_max = 256, .n_node_max = 100000,
         .n_state_max = 1 << 20, .cache_bytes = 1 << 20, .cache_entries_max = 10},
    };
    static const char *const pattern =
        "{\"type\":\"string\",\"pattern\":\"([a-c]x|[b-d]y){40,90}[a-z]{3,50}(foo|bar)*\"}";

    (void)state;
    for (size_t i = 0; i < N_OF(tight); i++) {
        static struct fixture f;
        struct chat_request r = {.format = SCHEMA};
        struct chat_prompt p = {0};
        struct grammar *g;
        struct error e = {0};

        set_up(&f, &tight[i]);
        r.schema = i == 1 ? nested(&f, 30) : parse(&f, pattern);
        if (constrain_make(f.cache, call_syntax_named("hermes"), &r, &p, &g, &e) != ERR_LIMIT)
            fail_msg("limit %zu: %d %s", i, e.code, e.text);
        print_message("%s\n", e.text);
        tear_down(&f);
    }
}

/* ---- the cache ---- */

static void test_hits(void **state)
{
    static struct fixture f;
    struct row row = {SCHEMA, 1, AUTO, 1, 0, 0, NULL, NO};
    struct chat_request r;
    struct grammar *first, *other;

    (void)state;
    set_up(&f, NULL);
    request_of(&f, &row, &r);
    first = make(&f, "hermes", &r, false, false);
    request_of(&f, &row, &r);
    other = make(&f, "hermes", &r, false, false);
    assert_ptr_equal(first, other);
    grammar_unref(other);
    assert_int_equal(constrain_cache_stats(f.cache).n_hit, 1);
    /* Whatever differs gives another. */
    for (int i = 0; i < 8; i++) {
        struct chat_request q;
        struct row changed = row;

        if (i == 0) changed.parallel = false;
        if (i == 1) changed.choice = REQUIRED;
        if (i == 2) changed.choice = NAMED;
        if (i == 3) changed.format = OBJECT;
        if (i == 4) changed.tools = false;
        request_of(&f, &changed, &q);
        if (i == 7) q.schema = parse(&f, PARAMETERS);
        other = make(&f, i == 5 ? "llama3" : "hermes", &q, i == 6, false);
        assert_ptr_not_equal(first, other);
        grammar_unref(other);
    }
    assert_int_equal(constrain_cache_stats(f.cache).n_entry, 9);
    grammar_unref(first);
    tear_down(&f);
}

static struct grammar *make_nth(struct fixture *f, int i)
{
    struct chat_request r = {.format = SCHEMA};

    r.schema = parse(f, arena_cstr(f->arena, arena_printf(f->arena, "{\"const\":%d}", i)));
    return make(f, "hermes", &r, false, false);
}

static void test_eviction(void **state)
{
    struct constrain_limits limits = CONSTRAIN_LIMITS_DEFAULT;
    static struct fixture f;
    struct constrain_stats s;

    (void)state;
    limits.cache_entries_max = 4;
    set_up(&f, &limits);
    for (int i = 0; i < 10; i++) grammar_unref(make_nth(&f, i));
    s = constrain_cache_stats(f.cache);
    assert_int_equal(s.n_entry, 4);
    /* 6 to 9 are there; 6 is used, so 7 goes next. */
    grammar_unref(make_nth(&f, 6));
    grammar_unref(make_nth(&f, 10));
    grammar_unref(make_nth(&f, 6));
    assert_int_equal(constrain_cache_stats(f.cache).n_hit, 2);
    grammar_unref(make_nth(&f, 7));
    assert_int_equal(constrain_cache_stats(f.cache).n_hit, 2);
    tear_down(&f);

    limits.cache_entries_max = 1000;
    limits.cache_bytes = s.bytes;
    set_up(&f, &limits);
    for (int i = 0; i < 50; i++) {
        grammar_unref(make_nth(&f, i));
        assert_true(constrain_cache_stats(f.cache).bytes <= limits.cache_bytes);
    }
    assert_in_range(constrain_cache_stats(f.cache).n_entry, 1, 6);
    tear_down(&f);

    limits.cache_bytes = 0;
    set_up(&f, &limits);
    for (int i = 0; i < 3; i++) grammar_unref(make_nth(&f, 0));
    assert_int_equal(constrain_cache_stats(f.cache).n_entry, 0);
    assert_int_equal(constrain_cache_stats(f.cache).n_miss, 3);
    tear_down(&f);
}

struct worker { struct fixture *f; int seed; };

static void *work(void *arg)
{
    const struct worker *w = arg;
    struct arena *a = arena_new(0);

    for (int i = 0; i < 300; i++) {
        struct chat_request r = {.format = SCHEMA};
        struct chat_prompt p = {0};
        struct json *v;
        struct grammar *g;
        struct error e;
        str text = arena_printf(a, "{\"const\":%d}", (i * 7 + w->seed) % 20);

        CHECK(json_parse(text, a, &v, &e) == ERR_OK);
        r.schema = v;
        CHECK(constrain_make(w->f->cache, call_syntax_named("hermes"), &r, &p, &g, &e) == ERR_OK);
        CHECK(grammar_bytes(g) > 0);
        grammar_unref(g);
    }
    arena_free(a);
    return NULL;
}

static void test_threads(void **state)
{
    struct constrain_limits limits = CONSTRAIN_LIMITS_DEFAULT;
    static struct fixture f;
    struct worker worker[4];
    pthread_t thread[4];

    (void)state;
    limits.cache_entries_max = 10;
    set_up(&f, &limits);
    for (int i = 0; i < 4; i++) {
        worker[i] = (struct worker){&f, i};
        thread[i] = thread_start("work", work, &worker[i]);
    }
    for (int i = 0; i < 4; i++) thread_join(thread[i]);
    assert_int_equal(constrain_cache_stats(f.cache).n_hit + constrain_cache_stats(f.cache).n_miss,
                     1200);
    assert_in_range(constrain_cache_stats(f.cache).n_entry, 1, 10);
    tear_down(&f);
}

/* Five tools as agents send them: what a request pays first, and from then on. */
static void test_cost(void **state)
{
    static const char *const parameters =
        "{\"type\":\"object\",\"properties\":{"
        "\"path\":{\"type\":\"string\",\"description\":\"Absolute path of the file\"},"
        "\"mode\":{\"type\":\"string\",\"enum\":[\"read\",\"write\",\"append\"]},"
        "\"offset\":{\"type\":\"integer\",\"minimum\":0},"
        "\"lines\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":50},"
        "\"options\":{\"type\":\"object\",\"properties\":{\"deep\":{\"type\":\"boolean\"},"
        "\"ratio\":{\"type\":\"number\"}},\"required\":[\"deep\"]}},\"required\":[\"path\","
        "\"mode\"]}";
    static const char name[] = "abcde";
    static struct fixture f;
    struct chat_tool tool[5];
    struct chat_request r = {.tool = tool, .n_tool = 5, .parallel_calls = true};
    int64_t start, first_ns, best = INT64_MAX;
    struct grammar *g;

    (void)state;
    set_up(&f, NULL);
    for (int i = 0; i < 5; i++)
        tool[i] =
            (struct chat_tool){.name = str_n(name + i, 1), .parameters = parse(&f, parameters)};
    start = clock_ns();
    g = make(&f, "hermes", &r, false, true);
    first_ns = clock_ns() - start;
    for (int i = 0; i < 100; i++) {
        start = clock_ns();
        grammar_unref(make(&f, "hermes", &r, false, true));
        if (clock_ns() - start < best) best = clock_ns() - start;
    }
    print_message("five tools: compiled in %.0f us, %zu KB; found again in %.1f us\n",
                  (double)first_ns / 1e3, grammar_bytes(g) >> 10, (double)best / 1e3);
    assert_int_equal(constrain_cache_stats(f.cache).n_hit, 100);
    grammar_unref(g);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns), cmocka_unit_test(test_unbound),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_hits), cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_cost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
