/* SPDX-License-Identifier: Apache-2.0
 *
 * Which row a template gets; that the grammar of a row accepts what the template itself writes,
 * and refuses what its tools' schemas do not allow; that whatever the grammar lets a model write
 * is read by the parser as calls that satisfy the schemas.
 */
#include "call_fixture.h"

#include "../token/tiny_vocab.h"
#include "chat/call_parse.h"
#include "grammar/matcher.h"
#include "schema/validate.h"

#define TOKENS_MAX 20000

static const char *const row_names[] = {
    "plain", "hermes", "qwen3_coder", "llama3", "mistral_v3", "mistral_v11", "mistral_v13",
    "deepseek_v3", "deepseek_v31", "glm", "glm_4_7", "kimi", "gpt_oss", "gemma4", "granite", "lfm2",
    "function_tag", "nemotron", "seed_oss", "minimax", "function_gemma", "olmo3",
};

/* ---- rows ---- */

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(row_names); i++) {
        const struct call_syntax *s = call_syntax_named(row_names[i]);
        str open, close;
        assert_non_null(s);
        assert_string_equal(call_syntax_name(s), row_names[i]);
        assert_int_equal(call_syntax_templated(s), i != 0);
        call_syntax_thinking(s, &open, &close);
        assert_true(open.n > 0 && close.n > 0);
    }
    assert_null(call_syntax_named("no such row"));
    assert_string_equal(call_syntax_name(call_syntax_of(STR_NONE)), "plain");
    assert_string_equal(call_syntax_name(call_syntax_of(STR("{{ messages }}"))), "plain");
    assert_true(call_syntax_is_mark(call_syntax_named("hermes"), STR("</tool_call>")));
    assert_true(call_syntax_is_mark(call_syntax_named("llama3"), STR("<think>")));
    assert_false(call_syntax_is_mark(call_syntax_named("hermes"), STR("<|im_end|>")));
    assert_false(call_syntax_is_mark(call_syntax_named("hermes"), STR("")));
}

static void test_bundled(void **state)
{
    const char *root = getenv("SOURCE_ROOT");
    struct arena *a = arena_new(0);
    char path[4096];
    struct error e;
    str source;
    (void)state;
    snprintf(path, sizeof path, "%s/models/chat_template.jinja", root ? root : ".");
    if (file_read(path, TEMPLATE_SOURCE_MAX, a, &source, &e) != ERR_OK)
        fail_msg("%s", e.text);
    assert_string_equal(call_syntax_name(call_syntax_of(source)), "hermes");
    arena_free(a);
}

static void test_explain(void **state)
{
    struct arena *a = arena_new(0);
    const struct chat_tool *tool = fixture_tools(a);
    struct chat_tool bare = {.name = STR("bare"), .description = STR("says \"hi\"")};
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    call_syntax_explain(call_syntax_named("plain"), tool, 2, &b);
    call_syntax_explain(call_syntax_named("lfm2"), &bare, 1, &b);
    buf_char(&b, '\0');
    assert_non_null(strstr(b.p, "\"name\": \"ping\""));
    assert_non_null(strstr(b.p, "<tool_call>\n{\"name\": \"tool_name\", \"arguments\": "
                                "{\"argument\": \"value\"}}\n</tool_call>"));
    assert_non_null(strstr(b.p, "says \\\"hi\\\""));
    assert_non_null(strstr(b.p, "<|tool_call_start|>[tool_name(argument=\"value\")]"));
    buf_clear(&b);
    call_syntax_write_result(call_syntax_named("plain"), STR("id"), STR("f"), STR("42"), &b);
    assert_str_is(buf_str(&b), "<tool_response>\n42\n</tool_response>");
    buf_clear(&b);
    call_syntax_write_result(call_syntax_named("llama3"), STR("id"), STR("f"), STR("42"), &b);
    assert_str_is(buf_str(&b), "Result of f: 42");
    buf_done(&b);
    arena_free(a);
}

/* ---- grammars ---- */

/* A vocabulary of bytes, and of the marks given; ids of marks from 257 on, 256 ends the output. */
static struct tiny tiny;

static struct vocab *vocab_of(const char *const *mark, size_t n)
{
    struct tiny_special special[16] = {{"<|eos|>", TOKEN_CONTROL}};
    struct vocab *v;
    struct error e;
    for (size_t i = 0; i < n; i++)
        special[i + 1] = (struct tiny_special){mark[i], TOKEN_CONTROL};
    tiny_bpe(&tiny, "qwen2", NULL, 0, special, n + 1);
    tiny.desc.eos = 256;
    if (vocab_new(&tiny.desc, &v, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return v;
}

struct run {
    struct vocab *v;
    struct mask_space *space;
    struct grammar *g;
    struct matcher *m;
};

static enum err make(struct run *r, const struct call_syntax *s, const struct call_grammar *c,
                     bool opens_reasoning, bool may_reason, struct error *e)
{
    struct error why = {0};
    struct dfa_work w = {.arena = arena_new((size_t)512 << 20), .n_state_max = 1 << 20, .e = &why};
    struct grammar_builder *g = grammar_builder_new(&w);
    uint32_t node;
    enum err rc = call_syntax_turn(s, c, opens_reasoning, may_reason, g, &node, e);
    r->g = NULL;
    r->m = NULL;
    if (rc != ERR_OK)
        grammar_builder_free(g);
    else
        rc = grammar_close(&g, node, &r->g, e);
    if (rc == ERR_OK)
        rc = matcher_new(r->space, r->g, TOKENS_MAX, &r->m, e);
    return rc;
}

static void end(struct run *r)
{
    matcher_free(r->m);
    grammar_unref(r->g);
    r->m = NULL;
    r->g = NULL;
}

static void run_new(struct run *r, const char *const *mark, size_t n)
{
    struct error e;
    *r = (struct run){.v = vocab_of(mark, n)};
    if (mask_space_new(r->v, 0, &r->space, &e) != ERR_OK)
        fail_msg("%s", e.text);
}

static void run_free(struct run *r)
{
    mask_space_free(r->space);
    vocab_free(r->v);
}

/* text is a whole turn; the matcher is back at the beginning then. */
static bool is_whole(struct run *r, str text)
{
    bool ok = matcher_accept_bytes(r->m, text) && matcher_may_end(r->m);
    matcher_rollback(r->m, 0);
    return ok;
}

static void must_make(struct run *r, const char *what, const struct call_syntax *s,
                      const struct call_grammar *c, bool opens, bool may)
{
    struct error e = {0};
    if (make(r, s, c, opens, may, &e) != ERR_OK)
        fail_msg("%s: %s", what, e.text);
}

static void must_be(struct run *r, const char *what, str text, bool want)
{
    if (is_whole(r, text) != want) {
        size_t n = 0;
        while (n < text.n && matcher_accept_bytes(r->m, str_sub(text, n, 1)))
            n++;
        fail_msg("%s: \"%.*s\" is %s; known up to \"%.*s\"", what, STR_FMT(text),
                 want ? "refused" : "allowed", STR_FMT(str_sub(text, 0, n)));
    }
}

static struct schema_options options = SCHEMA_XAI;

static struct call_grammar grammar_of(const struct chat_tool *tool, size_t n, bool required)
{
    return (struct call_grammar){.tool = tool, .n_tool = n, .required = required, .parallel = true,
                                 .answer = NODE_NONE, .options = &options};
}

/* What each row writes for each case is what its grammar allows, called for and not; not with
 * other tools, and not cut. */
static void test_written(void **state)
{
    struct run r;
    struct arena *a = arena_new(0);
    const struct chat_tool *tool = fixture_tools(a);
    (void)state;
    run_new(&r, NULL, 0);
    for (size_t i = 0; i < N_OF(row_names); i++) {
        const struct call_syntax *s = call_syntax_named(row_names[i]);
        for (size_t k = 0; k < N_CASES; k++) {
            struct chat_tool_call c = {STR("abc123456"), tool[k].name,
                                       str_of(call_cases[k].arguments)};
            struct call_grammar required = grammar_of(tool, N_CASES, true);
            struct call_grammar own = grammar_of(&tool[k], 1, false);
            struct call_grammar other = grammar_of(&tool[(k + 7) % N_CASES], 1, true);
            struct buf b;
            buf_init(&b, 1 << 20);
            call_syntax_write_call(s, &c, &b);
            must_make(&r, row_names[i], s, &required, false, false);
            must_be(&r, row_names[i], buf_str(&b), true);
            must_be(&r, row_names[i], STR("hello"), false);
            must_be(&r, row_names[i], STR(""), false);
            must_be(&r, row_names[i], str_sub(buf_str(&b), 0, b.n / 2), false);
            end(&r);
            must_make(&r, row_names[i], s, &own, false, true);
            must_be(&r, row_names[i], buf_str(&b), true);
            end(&r);
            must_make(&r, row_names[i], s, &other, false, false);
            must_be(&r, row_names[i], buf_str(&b), false);
            end(&r);
            buf_done(&b);
        }
    }
    run_free(&r);
    arena_free(a);
}

/* ---- what templates write ---- */

static void check_template(struct run *r, const struct call_template *t, const char *source,
                           const size_t *which, size_t n, struct arena *a)
{
    const struct call_syntax *s = call_syntax_of(str_of(source));
    struct call_grammar c = grammar_of(fixture_tools(a), N_CASES, true);
    str open, close;
    bool opens;
    call_syntax_thinking(s, &open, &close);
    str turn = fixture_turn(t, source, which, n, open, &opens, a);
    /* R1's history leaves the thinking out, and the section's end behind a single call. */
    opens = opens && str_find(turn, close, 0) != SIZE_MAX;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, turn);
    if (strcmp(t->row, "deepseek_v3") == 0 && n == 1)
        buf_add(&b, STR("<\xef\xbd\x9c" "tool\xe2\x96\x81" "calls\xe2\x96\x81" "end\xef\xbd\x9c>"));
    for (int required = 0; required < 2; required++) {
        c.required = required;
        must_make(r, t->file, s, &c, opens, true);
        must_be(r, t->file, buf_str(&b), true);
        end(r);
    }
    buf_done(&b);
}

static void test_templates(void **state)
{
    static const size_t two[] = {1, 5};
    struct run r;
    (void)state;
    run_new(&r, NULL, 0);
    for (size_t i = 0; i < N_OF(call_templates); i++) {
        const struct call_template *t = &call_templates[i];
        struct arena *a = arena_new(0);
        const char *source = fixture_source(t, a);
        if (!source) {
            arena_free(a);
            run_free(&r);
            skip();
        }
        for (size_t k = 0; t->shows_calls && k < N_CASES; k++) {
            /* Gemma's template prints Python's None, which the grammar spells null. */
            if (strcmp(t->row, "gemma4") != 0 || strcmp(call_cases[k].name, "nullable") != 0)
                check_template(&r, t, source, &k, 1, a);
        }
        if (t->shows_calls && strcmp(t->row, "llama3") != 0 && strcmp(t->row, "gpt_oss") != 0)
            check_template(&r, t, source, two, 2, a);
        arena_free(a);
    }
    run_free(&r);
}

/* ---- turns ---- */

struct turn_row {
    const char *syntax;
    bool required, parallel, opens, may;
    const char *text;
    bool want;
};

/* clang-format off */
#define PING "<tool_call>\n{\"name\": \"ping\", \"arguments\": {}}\n</tool_call>"
static const struct turn_row turns[] = {
    {"hermes", false, true, false, false, "", true},
    {"hermes", false, true, false, false, "Just text, with {\"name\": 1} and <tool", true},
    {"hermes", false, true, false, false, "Text.\n" PING, true},
    {"hermes", false, true, false, false, "Text.\n" PING "\n" PING, true},
    {"hermes", false, false, false, false, "Text.\n" PING, true},
    {"hermes", false, false, false, false, "Text.\n" PING "\n" PING, false},
    {"hermes", false, true, false, false, "Text. <tool_call>", false},
    {"hermes", false, true, false, false, "Text. <tool_call>{\"name\": \"ping\"}</tool_call>",
     false},
    {"hermes", false, true, false, false, PING "\nmore", false},
    {"hermes", true, true, false, false, PING "\n" PING "\n" PING, true},
    {"hermes", true, false, false, false, PING "\n" PING, false},
    {"hermes", true, true, false, false, "Text.\n" PING, false},
    {"hermes", true, true, false, true, "<think>\nhm <tool_call> {\n</think>\n\n" PING, true},
    {"hermes", true, true, false, true, "<think>\nhm</think>" PING, true},
    {"hermes", true, true, false, true, "<think>\nhm</think>\nText", false},
    {"hermes", true, true, false, true, "<think>\nhm", false},
    {"hermes", true, true, false, false, "<think>\nhm\n</think>\n\n" PING, false},
    {"hermes", true, true, true, false, "hm <tool_call> {\n</think>\n\n" PING, true},
    {"hermes", true, true, true, false, PING, false},
    {"hermes", false, true, true, false, "hm</think>\n\nText", true},
    {"hermes", false, true, true, false, "hm</think>\n\nText <tool_call>x", false},
    {"hermes", false, true, false, true, "<think>a <tool_call> b</think>Text", true},
    {"hermes", false, true, false, true, "<think>a <tool_call> b</think>Text <tool_call>x", false},
    {"llama3", false, true, false, false, "", true},
    {"llama3", false, true, false, false, "Text {\"name\": \"x\"}", true},
    {"llama3", false, true, false, false, "{1, 2}", true},
    {"llama3", false, true, false, false, "{\"result\": 3}", true},
    {"llama3", false, true, false, false, "{\"name\": \"ping\", \"parameters\": {}}", true},
    {"llama3", false, true, false, false, "{\"name\": \"pong\", \"parameters\": {}}", false},
    {"llama3", false, true, false, false, "{\"type\": \"function\"}", false},
    {"llama3", false, true, false, false, "\n{\"name\": \"pong\"}", false},
    {"llama3", false, true, false, false, "Hm <|python_tag|>{\"name\": \"ping\", "
     "\"parameters\": {}}", true},
    {"llama3", false, true, false, false, "Hm <|python_tag|>print(1)", false},
    {"llama3", true, true, false, false, "Text", false},
    {"qwen3_coder", false, true, false, false, "Hm\n<function=ping>\n</function>\n</tool_call>",
     true},
    {"qwen3_coder", false, true, false, false, "Hm\n<function=pong>\n</function>\n</tool_call>",
     false},
    {"mistral_v3", true, true, false, false, "[TOOL_CALLS][{\"name\": \"ping\", \"arguments\": {}, "
     "\"id\": \"abcDEF123\"}]", true},
    {"mistral_v3", true, true, false, false, "[TOOL_CALLS][{\"name\": \"ping\", \"arguments\": {}, "
     "\"id\": \"abcDEF12\"}]", false},
    {"mistral_v3", true, true, false, false, "[TOOL_CALLS][]", false},
    {"kimi", true, true, false, false, "<|tool_calls_section_begin|><|tool_call_begin|>"
     "functions.ping:12"
     "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>", true},
    {"glm", true, true, false, true, "\n<think></think>\n<tool_call>ping\n</tool_call>", true},
    {"gpt_oss", false, true, false, true, "<|channel|>final<|message|>Hi", true},
    {"gpt_oss", false, true, false, true, "Hi", false},
    {"gpt_oss", false, true, false, true, "<|channel|>analysis<|message|>hm<|end|><|start|>"
     "assistant"
     "<|channel|>final<|message|>Hi", true},
    {"gpt_oss", false, true, false, true, "<|channel|>analysis<|message|>hm<|end|><|start|>"
     "assistant"
     "<|channel|>commentary<|message|>Look.<|end|><|start|>assistant<|channel|>commentary "
     "to=functions.ping <|constrain|>json<|message|>{}", true},
    {"gpt_oss", false, true, false, true, " to=functions.ping<|channel|>commentary "
     "json<|message|>{}", true},
    {"gpt_oss", false, true, false, true, "<|channel|>commentary to=functions.pong <|constrain|>"
     "json"
     "<|message|>{}", false},
    {"gpt_oss", false, true, false, true, "<|channel|>final<|message|>Hi<|channel|>commentary "
     "to=functions.pong", false},
    {"gpt_oss", false, true, false, true, "<|channel|>analysis<|message|>hm", false},
    {"gpt_oss", true, true, false, true, "<|channel|>final<|message|>Hi", false},
};
/* clang-format on */

static void test_turns(void **state)
{
    struct run r;
    struct arena *a = arena_new(0);
    const struct chat_tool *tool = fixture_tools(a);
    (void)state;
    run_new(&r, NULL, 0);
    for (size_t i = 0; i < N_OF(turns); i++) {
        const struct turn_row *t = &turns[i];
        struct call_grammar c = grammar_of(tool, N_CASES, t->required);
        char what[64];
        c.parallel = t->parallel;
        snprintf(what, sizeof what, "row %zu, %s", i, t->syntax);
        must_make(&r, what, call_syntax_named(t->syntax), &c, t->opens, t->may);
        must_be(&r, what, str_of(t->text), t->want);
        end(&r);
    }
    run_free(&r);
    arena_free(a);
}

/* ---- marks that are tokens ---- */

static size_t n_allowed(const uint64_t *mask, size_t words)
{
    size_t n = 0;
    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(mask[i]);
    return n;
}

/* The turn must begin with this token and nothing else; then come these bytes. */
static void starts_with(struct run *r, int32_t id, const char *then)
{
    const uint64_t *mask = matcher_mask(r->m);
    assert_int_equal(n_allowed(mask, mask_words(r->space)), 1);
    assert_true(mask[id / 64] >> id % 64 & 1);
    assert_true(matcher_accept(r->m, id));
    for (; *then; then++)
        if (!matcher_accept(r->m, (uint8_t)*then))
            fail_msg("\"%s\" is refused", then);
}

static void test_marks(void **state)
{
    static const char *const marks[] = {"<tool_call>", "</tool_call>", "<|channel|>", "<|message|>",
                                        "<|constrain|>"};
    struct run r;
    struct arena *a = arena_new(0);
    struct call_grammar c = grammar_of(fixture_tools(a), 1, true);
    (void)state;
    run_new(&r, marks, N_OF(marks));
    must_make(&r, "hermes", call_syntax_named("hermes"), &c, false, false);
    starts_with(&r, 257, "\n{\"name\": \"ping\", \"arguments\": {}}\n");
    assert_false(matcher_may_end(r.m));
    assert_true(matcher_accept(r.m, 258));
    assert_true(matcher_may_end(r.m));
    end(&r);
    must_make(&r, "qwen3_coder", call_syntax_named("qwen3_coder"), &c, false, false);
    starts_with(&r, 257, "\n<function=ping>\n</function>\n");
    assert_true(matcher_accept(r.m, 258));
    end(&r);
    c.required = false;
    must_make(&r, "gpt_oss", call_syntax_named("gpt_oss"), &c, false, false);
    assert_true(matcher_accept(r.m, 259));
    for (const char *p = "commentary to=functions.ping "; *p; p++)
        assert_true(matcher_accept(r.m, (uint8_t)*p));
    assert_true(matcher_accept(r.m, 261));
    end(&r);
    run_free(&r);
    arena_free(a);
}

/* ---- whatever may be written is a call that its schema allows ---- */

/* clang-format off */
static const char *const schemas[] = {
    OBJECT("\"s\": {\"type\": \"string\", \"enum\": [\"a\", \"b c\", \"\\n\", \"<\", \"null\"]}",
        "\"s\""),
    OBJECT("\"s\": {\"type\": \"string\", \"minLength\": 2, \"maxLength\": 4}", "\"s\""),
    OBJECT("\"s\": {\"type\": \"string\", \"pattern\": \"^[a-c]+-[0-9]{2}$\"}", "\"s\""),
    OBJECT("\"s\": {\"type\": \"string\", \"pattern\": \"^[a-c]{2,3}$\", \"maxLength\": 2}",
        "\"s\""),
    OBJECT("\"s\": {\"const\": \"x y\"}, \"t\": {\"const\": 5}, \"u\": {\"const\": true}",
        "\"s\", \"t\", \"u\""),
    OBJECT("\"s\": {\"type\": [\"string\", \"null\"]}", "\"s\""),
    OBJECT("\"s\": {\"type\": [\"string\", \"integer\", \"boolean\"], \"minLength\": 1}", "\"s\""),
    OBJECT("\"s\": {\"anyOf\": [{\"type\": \"string\", \"maxLength\": 3}, {\"type\": \"integer\", "
           "\"minimum\": 10, \"maximum\": 12}]}", "\"s\""),
    OBJECT("\"s\": {\"anyOf\": [{\"type\": \"string\", \"enum\": [\"1\", \"x\"]}, {\"type\": "
    "\"array\", "
           "\"items\": {\"type\": \"boolean\"}, \"maxItems\": 2}]}", "\"s\""),
    OBJECT("\"s\": {\"enum\": [\"a\", 1, null, true, \"1\"]}", "\"s\""),
    OBJECT("\"b\": {\"type\": \"boolean\"}, \"n\": {\"type\": [\"null\", \"boolean\"]}",
        "\"b\", \"n\""),
    OBJECT("\"i\": {\"type\": \"integer\", \"minimum\": -3, \"maximum\": 3}, \"n\": {\"type\": "
    "\"number\"}", "\"i\""),
    OBJECT("\"o\": {\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}, "
    "\"b\": {\"type\": "
           "\"string\", \"maxLength\": 2}}, \"required\": [\"a\"], \"additionalProperties\": "
           "false}", "\"o\""),
    OBJECT("\"a\": {\"type\": \"array\", \"items\": {\"type\": \"string\", \"maxLength\": 2}, "
    "\"maxItems\": 2}", ""),
    "{\"type\": \"object\", \"properties\": {\"any\": {}}, \"required\": [\"any\"]}",
    "{\"type\": \"object\"}",
    "{\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"}}",
    "{\"properties\": {\"x\": {\"$ref\": \"#/$defs/t\"}}, \"required\": [\"x\"], \"$defs\": {"
    "\"t\": "
    "{\"type\": \"string\", \"maxLength\": 3}}}",
    "{\"anyOf\": [{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}}, "
    "\"required\": [\"a\"], "
    "\"additionalProperties\": false}, {\"type\": \"object\", \"properties\": {\"b\": {"
    "\"type\": \"string\", "
    "\"maxLength\": 1}}, \"required\": [\"b\"], \"additionalProperties\": false}]}",
    "{\"type\": \"object\", \"properties\": {\"no\": false, \"yes\": true}, \"required\": "
    "[\"yes\"]}",
    "{\"type\": \"object\", \"properties\": {}, \"required\": [\"other\"], "
    "\"additionalProperties\": "
    "{\"type\": \"boolean\"}}",
};
/* clang-format on */

static bool try_byte(struct run *r, char c, struct buf *out)
{
    if (!matcher_accept(r->m, (uint8_t)c))
        return false;
    buf_char(out, c);
    return true;
}

/* A random turn that the matcher allows; false when none came to its end. */
static bool random_turn(struct run *r, struct rng *rng, struct buf *out)
{
    static const char closers[] = "\"}])<\n,>| ";
    static const char *const ends[] = {"\n</parameter>\n", "</arg_value>\n", "<|\"|>",
                                       "k:1}", "other:true}", ":true,"};
    buf_clear(out);
    for (int step = 0; step < 500; step++) {
        const uint64_t *mask = matcher_mask(r->m);
        int32_t allowed[256], n = 0, id;
        assert_non_null(mask);
        if (matcher_may_end(r->m) && (matcher_must_end(r->m) || rng_below(rng, 3) == 0)) {
            matcher_rollback(r->m, 0);
            return true;
        }
        bool plain = rng_below(rng, 10) > 0;
        for (int pass = 0; pass < 2 && n == 0; pass++, plain = false)
            for (int32_t b = 0; b < 256; b++)
                if (mask[b / 64] >> b % 64 & 1 && (!plain || (b >= ' ' && b < 0x7f)))
                    allowed[n++] = b;
        if (n == 0)
            break;
        id = allowed[rng_below(rng, (uint64_t)n)];
        for (int k = 0; k < 2 && step > 30; k++) {
            int32_t c = (uint8_t)closers[rng_below(rng, sizeof closers - 1)];
            if (mask[c / 64] >> c % 64 & 1)
                id = c;
        }
        if (rng_below(rng, 8) == 0)
            for (const char *p = ends[rng_below(rng, N_OF(ends))]; *p && try_byte(r, *p, out); p++)
                id = -1;
        if (id >= 0)
            assert_true(try_byte(r, (char)id, out));
    }
    matcher_rollback(r->m, 0);
    return false;
}

static void check_random(const char *row, const char *schema, const struct chat_tool *tool,
                         str turn, struct arena *a)
{
    struct call_parser *p = call_parser_new(call_syntax_named(row), tool, 1);
    struct json_schema_options how = {.assert_format = true};
    struct call_event ev;
    struct error e = {0};
    size_t n_call = 0;
    call_parser_feed(p, turn);
    call_parser_end(p);
    while (call_parser_next(p, &ev)) {
        if (ev.kind != CALL_EVENT_CALL)
            fail_msg("%s, %s: text \"%.*s\" in \"%.*s\"", row, schema, STR_FMT(ev.text),
                     STR_FMT(turn));
        n_call++;
        if (json_schema_validate(tool->parameters, fixture_json(arena_str(a, ev.call.arguments), a),
                                 &how, a, &e) != ERR_OK)
            fail_msg("%s, %s: %.*s from \"%.*s\": %s", row, schema, STR_FMT(ev.call.arguments),
                     STR_FMT(turn), e.text);
    }
    if (n_call == 0)
        fail_msg("%s, %s: no call in \"%.*s\"", row, schema, STR_FMT(turn));
    call_parser_free(p);
}

static void test_random(void **state)
{
    struct run r;
    struct rng rng;
    struct buf turn;
    (void)state;
    run_new(&r, NULL, 0);
    rng_seed(&rng, 3);
    buf_init(&turn, 1 << 20);
    for (size_t i = 0; i < N_OF(row_names); i++)
        for (size_t k = 0; k < N_OF(schemas); k++) {
            struct arena *a = arena_new(0);
            struct chat_tool tool = {.name = STR("f")};
            struct call_grammar c = grammar_of(&tool, 1, true);
            int n = 0;
            tool.parameters = fixture_json(str_of(schemas[k]), a);
            must_make(&r, schemas[k], call_syntax_named(row_names[i]), &c, false, false);
            for (int round = 0; round < 60 && n < 12; round++)
                if (random_turn(&r, &rng, &turn)) {
                    check_random(row_names[i], schemas[k], &tool, buf_str(&turn), a);
                    n++;
                }
            if (n == 0)
                fail_msg("%s, %s: no turn came to its end", row_names[i], schemas[k]);
            end(&r);
            arena_free(a);
        }
    buf_done(&turn);
    run_free(&r);
}

/* ---- refusals ---- */

static void test_refused(void **state)
{
    /* clang-format off */
    static const struct { const char *syntax, *schema, *why; } row[] = {
        {"hermes", "{\"type\": \"string\"}", "type"},
        {"hermes", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\", "
         "\"minimum\": 2, "
         "\"maximum\": 1}}, \"required\": [\"a\"]}", "unsatisfiable"},
        {"qwen3_coder", "{\"type\": \"string\"}", "[type]"},
        {"qwen3_coder", "{\"type\": \"object\", \"minProperties\": 1}", "[minProperties]"},
        {"qwen3_coder", "{\"type\": \"object\", \"patternProperties\": {\"a\": {}}}",
         "[patternProperties]"},
        {"qwen3_coder", "{\"type\": \"object\", \"properties\": {\"a>b\": {}}}", "a>b"},
        {"qwen3_coder", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", "
         "\"not\": "
         "{\"const\": \"x\"}}}}", "/properties/a: [not]"},
        {"qwen3_coder", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", "
         "\"enum\": "
         "[\"</parameter>\"]}}, \"required\": [\"a\"]}", "[unsatisfiable]"},
        {"qwen3_coder", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", "
         "\"pattern\": "
         "\"(?=x)\"}}}", "look"},
        {"qwen3_coder", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", "
         "\"maxLength\": "
         "2000000}}}", "[maxLength]"},
        {"qwen3_coder", "{\"type\": \"object\", \"properties\": {\"a\": {\"$ref\": "
         "\"#/$defs/none\"}}}", "$ref"},
        {"qwen3_coder", "{\"type\": \"object\", \"properties\": {\"a\": {}}, \"required\": "
         "[\"b\"], "
         "\"additionalProperties\": false}", "[required]"},
        {"glm", "{\"type\": \"object\", \"properties\": {\"a</arg_key>\": {}}}", "a</arg_key>"},
        {"lfm2", "{\"type\": \"object\", \"properties\": {\"a-b\": {}}}", "a-b"},
        {"gemma4", "{\"type\": \"object\", \"properties\": {\"o\": {\"type\": \"object\", "
         "\"properties\": "
         "{\"a:b\": {}}}}}", "a:b"},
    };
    /* clang-format on */
    struct run r;
    struct arena *a = arena_new(0);
    (void)state;
    run_new(&r, NULL, 0);
    for (size_t i = 0; i < N_OF(row); i++) {
        struct chat_tool tool[2] = {{.name = STR("fine")}, {.name = STR("bad_one")}};
        struct call_grammar c = grammar_of(tool, 2, false);
        struct error e = {0};
        tool[1].parameters = fixture_json(str_of(row[i].schema), a);
        enum err rc = make(&r, call_syntax_named(row[i].syntax), &c, false, false, &e);
        if (rc != ERR_ARG || !strstr(e.text, row[i].why) || !strstr(e.text, "bad_one"))
            fail_msg("%s %s: %s \"%s\"", row[i].syntax, row[i].schema, err_name(rc), e.text);
        end(&r);
    }
    run_free(&r);
    arena_free(a);
}

/* {"type": "object", "properties": {"p0": {}, ..}, "required": ["p0", ..]}, n of them. */
static const char *wide_schema(size_t n, struct buf *b)
{
    buf_clear(b);
    buf_add(b, STR("{\"type\": \"object\", \"properties\": {"));
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%s\"p%zu\": {\"type\": \"string\"}", i ? ", " : "", i);
    buf_add(b, STR("}, \"required\": ["));
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%s\"p%zu\"", i ? ", " : "", i);
    buf_add(b, STR("]}"));
    buf_char(b, '\0');
    return b->p;
}

/* Tagged forms take as many properties as they may and no more; schemas that name themselves end
 * in an error. All soon. */
static void test_limits(void **state)
{
    static const char through_any_of[] =
        "{\"properties\": {\"a\": {\"$ref\": \"#/$defs/x\"}}, \"$defs\": {\"x\": {\"anyOf\": "
        "[{\"$ref\": \"#/$defs/x\"}, {\"$ref\": \"#/$defs/x\"}]}}}";
    static const char *const loops[] = {
        "{\"$ref\": \"#\"}",
        "{\"properties\": {\"a\": {\"$ref\": \"#/properties/a\"}}}",
        through_any_of,
    };
    struct run r;
    struct buf b;
    struct arena *a = arena_new(0);
    (void)state;
    run_new(&r, NULL, 0);
    buf_init(&b, 1 << 20);
    for (size_t over = 0; over < 2; over++) {
        struct chat_tool tool = {.name = STR("f")};
        struct call_grammar c = grammar_of(&tool, 1, true);
        struct error e = {0};
        tool.parameters = fixture_json(arena_str(a, str_of(wide_schema(2000 + over, &b))), a);
        enum err rc = make(&r, call_syntax_named("glm"), &c, false, false, &e);
        if (rc != (over ? ERR_LIMIT : ERR_OK))
            fail_msg("%s: %s", err_name(rc), e.text);
        end(&r);
    }
    for (size_t i = 0; i < N_OF(loops) * 2; i++) {
        struct chat_tool tool = {.name = STR("f")};
        struct call_grammar c = grammar_of(&tool, 1, true);
        struct error e = {0};
        tool.parameters = fixture_json(str_of(loops[i / 2]), a);
        enum err rc = make(&r, call_syntax_named(i % 2 ? "lfm2" : "qwen3_coder"), &c, false, false,
                           &e);
        if (rc != ERR_ARG && rc != ERR_LIMIT)
            fail_msg("%s: %s", loops[i / 2], err_name(rc));
        end(&r);
    }
    buf_done(&b);
    run_free(&r);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bundled),
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
