/* SPDX-License-Identifier: Apache-2.0
 *
 * Anthropic's dialect: what each field of a body becomes, what is refused with which code and
 * words, every limit, reached; and the events of streams and whole replies.
 */
#include "../test.h"
#include "account/digest.h"
#include "api/messages_parse.h"
#include "api/messages_render.h"
#include "base/rand.h"

#define MODEL "\"model\":\"m\",\"max_tokens\":2000"
#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define BODY(more) "{" MODEL "," MESSAGES more "}"
#define MESSAGE(message) "{" MODEL ",\"messages\":[" message "]}"
#define USER(blocks) MESSAGE("{\"role\":\"user\",\"content\":[" blocks "]}")
#define ASSISTANT(blocks) MESSAGE("{\"role\":\"assistant\",\"content\":[" blocks "]}")
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define RESULT(more) "{\"type\":\"tool_result\",\"tool_use_id\":\"t1\"" more "}"
#define TOOL(tool) BODY(",\"tools\":[{" tool "}]")
#define GOOD_TOOL "{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}"
#define CHOICE(choice) BODY(",\"tools\":[" GOOD_TOOL "],\"tool_choice\":" choice)
#define THINKING(more) BODY(",\"thinking\":{" more "}")
#define F16 "abcdefghijklmnop"
#define F64 F16 F16 F16 F16

static const struct api api = {.default_temperature = 0.5, .default_top_p = 0.75};

static struct parsed { struct arena *arena; struct messages_params p; struct error e; } t;

static enum err parse_as(str body, bool counts)
{
    struct json *root;

    t.arena = arena_new((size_t)256 << 20);
    t.e = (struct error){0};
    if (json_parse(body, t.arena, &root, &t.e) != ERR_OK) fail_msg("bad test: %s", t.e.text);
    return messages_parse(&api, body, root, counts, t.arena, &t.p, &t.e);
}

static void parse(const char *body)
{
    if (parse_as(str_of(body), false) != ERR_OK) fail_msg("%s: %s", body, t.e.text);
}

static void done(void) { arena_free(t.arena); }

/* ---- what is refused ---- */

static const struct { const char *body; enum err code; const char *text; } bad[] = {
    {"[]", ERR_TYPE, "body: expected an object at line 1 column 1"},
    {"{}", ERR_TYPE, "missing field `model`"},
    {"{\"model\":null}", ERR_TYPE, "missing field `model`"},
    {"{\"model\":1," MESSAGES "}", ERR_TYPE, "model: invalid type: number"},
    {"{\"model\":\"m\"," MESSAGES "}", ERR_ARG, "max_tokens: Field required"},
    {"{\"model\":\"m\",\"max_tokens\":null," MESSAGES "}", ERR_ARG, "max_tokens: Field required"},
    {"{\"model\":\"m\",\"max_tokens\":\"1\"," MESSAGES "}", ERR_TYPE, "max_tokens: invalid type"},
    {"{\"model\":\"m\",\"max_tokens\":0," MESSAGES "}", ERR_ARG, "'max_tokens': 0 is not between"},
    {"{\"model\":\"m\",\"max_tokens\":1.5," MESSAGES "}", ERR_TYPE, "max_tokens: invalid type"},
    {"{" MODEL "}", ERR_TYPE, "missing field `messages`"},
    {"{" MODEL ",\"messages\":null}", ERR_TYPE, "missing field `messages`"},
    {"{" MODEL ",\"messages\":{}}", ERR_TYPE, "messages: invalid type: object"},
    {"{" MODEL ",\"messages\":[]}", ERR_ARG, "'messages' must hold 1 to 100000 messages, not 0"},
    {MESSAGE("1"), ERR_TYPE, "messages[0]: expected an object"},
    {MESSAGE("{\"content\":\"x\"}"), ERR_TYPE, "messages[0]: missing field `role`"},
    {MESSAGE("{\"role\":1,\"content\":\"x\"}"), ERR_TYPE, "messages[0].role: invalid type"},
    {MESSAGE("{\"role\":\"tool\",\"content\":\"x\"}"), ERR_TYPE, "unknown role"},
    {MESSAGE("{\"role\":\"user\"}"), ERR_TYPE, "messages[0]: missing field `content`"},
    {MESSAGE("{\"role\":\"user\",\"content\":[]}"), ERR_ARG, "at least one block"},
    {MESSAGE("{\"role\":\"user\",\"content\":{}}"), ERR_TYPE,
     "messages[0].content: expected a string or an array of blocks"},
    {USER("1"), ERR_TYPE, "messages[0].content[0]: expected an object with a type"},
    {USER("{}"), ERR_TYPE, "messages[0].content[0]: missing field `type`"},
    {USER("{\"type\":1}"), ERR_TYPE, "messages[0].content[0].type: invalid type"},
    {USER("{\"type\":\"hologram\"}"), ERR_ARG, "a block of type 'hologram' cannot stand here"},
    {USER("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}"), ERR_ARG,
     "'tool_use' cannot stand here"},
    {USER("{\"type\":\"thinking\",\"thinking\":\"a\"}"), ERR_ARG, "cannot stand here"},
    {ASSISTANT(RESULT("")), ERR_ARG, "'tool_result' cannot stand here"},
    {USER("{\"type\":\"image\",\"source\":{}}"), ERR_ARG, "does not accept images"},
    {USER("{\"type\":\"document\",\"source\":{}}"), ERR_ARG, "'document' are not supported"},
    {USER("{\"type\":\"text\"}"), ERR_TYPE, "messages[0].content[0]: missing field `text`"},
    {USER("{\"type\":\"text\",\"text\":null}"), ERR_TYPE, "missing field `text`"},
    {USER("{\"type\":\"text\",\"text\":1}"), ERR_TYPE, "content[0].text: invalid type: number"},
    {USER("{\"type\":\"tool_result\"}"), ERR_TYPE, "missing field `tool_use_id`"},
    {USER(RESULT(",\"is_error\":1")), ERR_TYPE, "is_error: invalid type"},
    {USER(RESULT(",\"content\":1")), ERR_TYPE, "content[0].content: expected a string or an"},
    {USER(RESULT(",\"content\":[{\"type\":\"image\"}]")), ERR_ARG,
     "messages[0].content[0].content[0]: this model does not accept images"},
    {USER(RESULT(",\"content\":[" RESULT("") "]")), ERR_ARG, "'tool_result' cannot stand here"},
    {ASSISTANT("{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{}}"), ERR_TYPE,
     "missing field `id`"},
    {ASSISTANT("{\"type\":\"tool_use\",\"id\":\"a\",\"input\":{}}"), ERR_TYPE, "field `name`"},
    {ASSISTANT("{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":\"{}\"}"), ERR_TYPE,
     "input: invalid type: string, expected object"},
    {ASSISTANT("{\"type\":\"thinking\"}"), ERR_TYPE, "missing field `thinking`"},
    {ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"a\",\"signature\":1}"), ERR_TYPE,
     "signature"},
    {ASSISTANT("{\"type\":\"redacted_thinking\",\"data\":1}"), ERR_TYPE, "data: invalid type"},
    {BODY(",\"system\":1"), ERR_TYPE, "system: expected a string or an array of blocks"},
    {BODY(",\"system\":[{\"type\":\"image\"}]"), ERR_ARG, "system[0]: this model does not accept"},
    {BODY(",\"temperature\":2.1"), ERR_ARG, "'temperature': 2.1 is not between 0 and 2"},
    {BODY(",\"temperature\":-0.1"), ERR_ARG, "'temperature'"},
    {BODY(",\"temperature\":\"1\""), ERR_TYPE, "temperature: invalid type"},
    {BODY(",\"top_p\":1.1"), ERR_ARG, "'top_p'"},
    {BODY(",\"top_k\":-1"), ERR_ARG, "'top_k'"},
    {BODY(",\"top_k\":1.5"), ERR_TYPE, "top_k"},
    {BODY(",\"stream\":1"), ERR_TYPE, "stream: invalid type"},
    {BODY(",\"metadata\":1"), ERR_TYPE, "metadata: invalid type"},
    {BODY(",\"metadata\":{\"user_id\":1}"), ERR_TYPE, "metadata.user_id: invalid type"},
    {BODY(",\"stop_sequences\":\"a\""), ERR_TYPE, "stop_sequences: invalid type"},
    {BODY(",\"stop_sequences\":[1]"), ERR_TYPE, "stop_sequences: expected an array of strings"},
    {BODY(",\"stop_sequences\":[\"\"]"), ERR_ARG, "1 to 1024 bytes"},
    {BODY(",\"stop_sequences\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"), ERR_ARG,
     "at most 8 strings, not 9"},
    {BODY(",\"thinking\":true"), ERR_TYPE, "thinking: invalid type"},
    {THINKING(""), ERR_TYPE, "thinking: missing field `type`"},
    {THINKING("\"type\":\"on\""), ERR_ARG, "'thinking.type': 'on' is none of"},
    {THINKING("\"type\":\"enabled\""), ERR_TYPE, "missing field `budget_tokens`"},
    {THINKING("\"type\":\"enabled\",\"budget_tokens\":1023"), ERR_ARG, "1023 is not between 1024"},
    {THINKING("\"type\":\"enabled\",\"budget_tokens\":2000"), ERR_ARG, "greater than"},
    {BODY(",\"reasoning_effort\":\"huge\""), ERR_ARG, "'huge' is no effort"},
    {BODY(",\"output_config\":{\"effort\":1}"), ERR_TYPE, "output_config.effort: invalid type"},
    {BODY(",\"output_config\":{\"format\":{\"type\":\"xml\"}}"), ERR_ARG, "'json_schema'"},
    {BODY(",\"output_format\":{\"type\":\"json_schema\"}"), ERR_TYPE, "missing field `schema`"},
    {BODY(",\"mcp_servers\":[{}]"), ERR_ARG, "'mcp_servers' are not supported"},
    {BODY(",\"tools\":{}"), ERR_TYPE, "tools: invalid type"},
    {BODY(",\"tools\":[1]"), ERR_TYPE, "tools[0]: expected an object"},
    {TOOL("\"input_schema\":{}"), ERR_TYPE, "tools[0]: missing field `name`"},
    {TOOL("\"name\":\"f\""), ERR_TYPE, "tools[0]: missing field `input_schema`"},
    {TOOL("\"name\":\"f\",\"input_schema\":[]"), ERR_TYPE, "tools[0].input_schema: invalid type"},
    {TOOL("\"name\":\"f\",\"input_schema\":{\"type\":\"array\"}"), ERR_ARG, "must be \"object\""},
    {TOOL("\"name\":\"f g\",\"input_schema\":{}"), ERR_ARG, "unlike 'f g'"},
    {TOOL("\"name\":\"" F64 "x\",\"input_schema\":{}"), ERR_ARG, "1 to 64 of the characters"},
    {TOOL("\"name\":\"f\",\"description\":1,\"input_schema\":{}"), ERR_TYPE, "description"},
    {TOOL("\"type\":\"web_search_20250305\",\"name\":\"web_search\""), ERR_ARG,
     "tools[0]: tools of type 'web_search_20250305' are not supported"},
    {BODY(",\"tools\":[" GOOD_TOOL "," GOOD_TOOL "]"), ERR_ARG, "more than one tool 'f'"},
    {CHOICE("\"any\""), ERR_TYPE, "tool_choice: invalid type: string"},
    {CHOICE("{}"), ERR_TYPE, "tool_choice: missing field `type`"},
    {CHOICE("{\"type\":\"some\"}"), ERR_ARG, "'some' is none of"},
    {CHOICE("{\"type\":\"tool\"}"), ERR_TYPE, "tool_choice: missing field `name`"},
    {CHOICE("{\"type\":\"tool\",\"name\":\"g\"}"), ERR_ARG, "the tool 'g', which is not among"},
    {CHOICE("{\"type\":\"auto\",\"disable_parallel_tool_use\":1}"), ERR_TYPE, "invalid type"},
    {BODY(",\"tool_choice\":{\"type\":\"any\"}"), ERR_ARG, "has no tools"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(bad); i++) {
        enum err rc = parse_as(str_of(bad[i].body), false);

        if (rc != bad[i].code || !strstr(t.e.text, bad[i].text))
            fail_msg("%s: %s: \"%s\"", bad[i].body, err_name(rc), t.e.text);
        done();
    }
}

/* ---- what is taken ---- */

static void test_defaults(void **state)
{
    (void)state;
    parse(BODY(""));
    assert_str_is(t.p.model, "m");
    assert_false(t.p.stream || t.p.shows_thinking);
    assert_int_equal(t.p.chat.max_tokens, 2000);
    assert_int_equal(t.p.chat.n_choice, 1);
    assert_int_equal(t.p.chat.thinking, THINKING_DEFAULT);
    assert_int_equal(t.p.chat.tool_choice, TOOL_CHOICE_NONE);
    assert_true(t.p.chat.parallel_calls);
    assert_double_is((double)t.p.chat.sample.temperature, 0.5);
    assert_double_is((double)t.p.chat.sample.top_p, 0.75);
    assert_int_equal(t.p.chat.sample.top_k, 0);
    assert_int_equal(t.p.chat.n_message, 1);
    done();
    /* null is absent, unknown fields are passed over. */
    parse(BODY(",\"temperature\":null,\"tools\":null,\"system\":null,\"thinking\":null,\"x\":[{}],"
               "\"container\":\"c\",\"service_tier\":\"auto\",\"mcp_servers\":[]"));
    assert_int_equal(t.p.chat.n_message, 1);
    done();
    assert_int_equal(parse_as(STR("{\"model\":\"m\"," MESSAGES "}"), true), ERR_OK);
    done();
}

static void test_numbers(void **state)
{
    (void)state;
    parse(BODY(",\"temperature\":2,\"top_p\":0.25,\"top_k\":40,\"stream\":true,"
               "\"stop_sequences\":[\"a\",\"b\"],\"metadata\":{\"user_id\":\"u\"}"));
    assert_true(t.p.stream);
    assert_double_is((double)t.p.chat.sample.temperature, 2);
    assert_double_is((double)t.p.chat.sample.top_p, 0.25);
    assert_int_equal(t.p.chat.sample.top_k, 40);
    assert_int_equal(t.p.chat.n_stop, 2);
    assert_str_is(t.p.chat.stop[1], "b");
    done();
    parse("{\"model\":\"m\",\"max_tokens\":99999999999," MESSAGES "}");
    assert_int_equal(t.p.chat.max_tokens, INT32_MAX);
    done();
}

static void test_thinking(void **state)
{
    static const struct {
        const char *body;
        enum chat_thinking thinking;
        bool shows;
        int max;                       /* tokens of thinking; -1: any */
    } row[] = {
        {THINKING("\"type\":\"enabled\",\"budget_tokens\":1024"), THINKING_ON, true, 1024},
        {THINKING("\"type\":\"enabled\",\"budget_tokens\":1999"), THINKING_ON, true, 1999},
        {BODY(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500},"
              "\"reasoning_effort\":\"low\""), THINKING_ON, true, 1500},
        {THINKING("\"type\":\"adaptive\""), THINKING_ON, true, 0},
        {THINKING("\"type\":\"disabled\""), THINKING_OFF, false, 0},
        {BODY(",\"reasoning_effort\":\"none\""), THINKING_OFF, false, -1},
        {BODY(",\"reasoning_effort\":\"high\""), THINKING_ON, false, -1},
        {BODY(",\"output_config\":{\"effort\":\"max\"}"), THINKING_ON, false, -1},
        {BODY(",\"thinking\":{\"type\":\"disabled\"},\"reasoning_effort\":\"high\""), THINKING_OFF,
         false, -1},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        parse(row[i].body);
        if (t.p.chat.thinking != row[i].thinking || t.p.shows_thinking != row[i].shows)
            fail_msg("%s", row[i].body);
        if (row[i].max >= 0) assert_int_equal(t.p.chat.thinking_max, row[i].max);
        done();
    }
}

/* Messages as lines "role|id|text|reasoning|calls". */
static const char *shown(void)
{
    struct buf b;
    const char *out;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < t.p.chat.n_message; i++) {
        const struct chat_message *m = &t.p.chat.message[i];

        buf_printf(&b, "%s%s|%.*s|%.*s|%.*s|", i ? "\n" : "", chat_role_name[m->role],
                   STR_FMT(m->tool_call_id), STR_FMT(m->text), STR_FMT(m->reasoning));
        for (size_t k = 0; k < m->n_call; k++)
            buf_printf(&b, "%.*s %.*s %.*s;", STR_FMT(m->call[k].id), STR_FMT(m->call[k].name),
                       STR_FMT(m->call[k].arguments));
    }
    out = arena_str(t.arena, buf_str(&b)).p;
    buf_done(&b);
    return out;
}

static const struct { const char *body, *shown; } taken[] = {
    {BODY(""), "user||hi||"},
    {BODY(",\"system\":\"be\""), "system||be||\nuser||hi||"},
    {BODY(",\"system\":\"\""), "user||hi||"},
    {BODY(",\"system\":[" TEXT("a") ",{\"type\":\"text\",\"text\":\"b\",\"cache_control\":{}}]"),
     "system||a\n\nb||\nuser||hi||"},
    {MESSAGE("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"\"},"
             "{\"role\":\"assistant\",\"content\":\"a\"}"),
     "system||s||\nuser||||\nassistant||a||"},
    {MESSAGE("{\"role\":\"assistant\",\"content\":[]}"), "assistant||||"},
    {USER(TEXT("a")), "user||a||"},
    {USER(TEXT("a") "," TEXT("b")), "user||a\n\nb||"},
    {USER(RESULT("")), "tool|t1|||"},
    {USER(RESULT(",\"content\":[]")), "tool|t1|||"},
    {USER(RESULT(",\"content\":\"42\"")), "tool|t1|42||"},
    {BODY(",\"system\":[]"), "user||hi||"},
    {USER(TEXT("") "," TEXT("")), "user||\n\n||"},
    {USER(RESULT(",\"content\":[" TEXT("4") "," TEXT("2") "]")), "tool|t1|4\n\n2||"},
    {USER(RESULT(",\"content\":\"no\",\"is_error\":true")), "tool|t1|Error: no||"},
    {USER(RESULT(",\"content\":[" TEXT("no") "],\"is_error\":true")), "tool|t1|Error: no||"},
    {USER(RESULT(",\"is_error\":true")), "tool|t1|Error: ||"},
    {USER(RESULT(",\"content\":\"1\"") "," RESULT(",\"content\":\"2\"") "," TEXT("go") ","
          TEXT("on")), "tool|t1|1||\ntool|t1|2||\nuser||go\n\non||"},
    {USER(TEXT("so") "," RESULT(",\"content\":\"1\"") "," TEXT("go")),
     "user||so||\ntool|t1|1||\nuser||go||"},
    {ASSISTANT(TEXT("I look") ",{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":"
               "{\"a\":[1.50,\"\\u00e9\"]}},{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"g\"}"),
     "assistant||I look||t1 f {\"a\":[1.50,\"\xc3\xa9\"]};t2 g {};"},
    {ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"why\",\"signature\":\"x\"},"
               "{\"type\":\"redacted_thinking\",\"data\":\"x\"}," TEXT("so")),
     "assistant||so|why|"},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(taken); i++) {
        parse(taken[i].body);
        if (strcmp(shown(), taken[i].shown) != 0)
            fail_msg("%s:\ngot  %s\nwant %s", taken[i].body, shown(), taken[i].shown);
        done();
    }
}

static void test_tools(void **state)
{
    struct buf b;
    struct json_writer w;

    (void)state;
    buf_init(&b, 1 << 16);
    parse(BODY(",\"tools\":[{\"type\":\"custom\",\"name\":\"f\",\"description\":\"d\","
               "\"input_schema\":{\"properties\":{}},\"cache_control\":{}}," "{\"name\":\"g\","
               "\"input_schema\":{\"type\":\"object\"}}],\"tool_choice\":{\"type\":\"tool\","
               "\"name\":\"g\",\"disable_parallel_tool_use\":true}"));
    assert_int_equal(t.p.chat.n_tool, 2);
    assert_int_equal(t.p.chat.tool_choice, TOOL_CHOICE_NAMED);
    assert_int_equal(t.p.chat.tool_named, 1);
    assert_false(t.p.chat.parallel_calls);
    jw_init(&w, &b);
    jw_array(&w);
    for (size_t i = 0; i < 2; i++) jw_value(&w, t.p.chat.tool[i].source);
    jw_array_end(&w);
    assert_str_is(buf_str(&b), "[{\"type\":\"function\",\"function\":{\"name\":\"f\","
                  "\"description\":\"d\",\"parameters\":{\"properties\":{}}}},"
                  "{\"type\":\"function\",\"function\":{\"name\":\"g\","
                  "\"parameters\":{\"type\":\"object\"}}}]");
    buf_done(&b);
    done();
}

static void test_choices(void **state)
{
    static const struct { const char *body; enum chat_tool_choice choice; bool parallel; } row[] = {
        {BODY(",\"tools\":[" GOOD_TOOL "]"), TOOL_CHOICE_AUTO, true},
        {CHOICE("{\"type\":\"auto\"}"), TOOL_CHOICE_AUTO, true},
        {CHOICE("{\"type\":\"none\"}"), TOOL_CHOICE_NONE, true},
        {CHOICE("{\"type\":\"any\",\"disable_parallel_tool_use\":false}"), TOOL_CHOICE_REQUIRED,
         true},
        {CHOICE("{\"type\":\"any\",\"disable_parallel_tool_use\":true}"), TOOL_CHOICE_REQUIRED,
         false},
        {BODY(",\"tool_choice\":{\"type\":\"none\"}"), TOOL_CHOICE_NONE, true},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        parse(row[i].body);
        if (t.p.chat.tool_choice != row[i].choice || t.p.chat.parallel_calls != row[i].parallel)
            fail_msg("%s", row[i].body);
        done();
    }
}

static void test_format(void **state)
{
    (void)state;
    parse(BODY(",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}"));
    assert_int_equal(t.p.chat.format, FORMAT_JSON_SCHEMA);
    assert_non_null(t.p.chat.schema);
    done();
}

/* ---- limits ---- */

/* head, n times item with commas between, tail. */
static enum err parse_many(const char *head, const char *item, size_t n, const char *tail)
{
    struct buf b;
    enum err rc;

    buf_init(&b, (size_t)256 << 20);
    buf_add(&b, str_of(head));
    for (size_t i = 0; i < n; i++) {
        if (i) buf_char(&b, ',');
        buf_add(&b, str_of(item));
    }
    buf_add(&b, str_of(tail));
    rc = parse_as(buf_str(&b), false);
    buf_done(&b);
    return rc;
}

#define HEAD "{" MODEL ",\"messages\":["
#define CALL_BLOCK "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\"}"

static const struct { const char *head, *item, *tail; size_t most; const char *text; } limits[] = {
    {HEAD, "{\"role\":\"user\",\"content\":\"a\"}", "]}", CHAT_MESSAGES_MAX, "1 to 100000"},
    {HEAD "{\"role\":\"user\",\"content\":[", TEXT("a"), "]}]}", CHAT_PARTS_MAX,
     "has 10001 blocks, at most 10000"},
    {HEAD "{\"role\":\"assistant\",\"content\":[", CALL_BLOCK, "]}]}", 1024,
     "at most 1024 calls in a message"},
    {HEAD, "{\"role\":\"user\",\"content\":[" RESULT("") "," TEXT("") "]}", "]}",
     CHAT_MESSAGES_MAX / 2, "at most 100000 messages and tool results"},
    {HEAD, "{\"role\":\"assistant\",\"content\":[" CALL_BLOCK "," CALL_BLOCK "]}", "]}",
     CHAT_CALLS_MAX / 2, "100000 in all"},
};

static void test_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(limits); i++) {
        enum err rc = parse_many(limits[i].head, limits[i].item, limits[i].most, limits[i].tail);

        if (rc != ERR_OK) fail_msg("limit %zu: %s", i, t.e.text);
        done();
        rc = parse_many(limits[i].head, limits[i].item, limits[i].most + 1, limits[i].tail);
        if (rc != ERR_ARG || !strstr(t.e.text, limits[i].text))
            fail_msg("limit %zu: %s", i, t.e.text);
        done();
    }
}

static void test_many_tools(void **state)
{
    struct buf b;

    (void)state;
    for (int n = CHAT_TOOLS_MAX; n <= CHAT_TOOLS_MAX + 1; n++) {
        buf_init(&b, 1 << 20);
        buf_add(&b, STR("{" MODEL "," MESSAGES ",\"tools\":["));
        for (int i = 0; i < n; i++)
            buf_printf(&b, "%s{\"name\":\"f%d\",\"input_schema\":{}}", i ? "," : "", i);
        buf_add(&b, STR("]}"));
        assert_int_equal(parse_as(buf_str(&b), false), n > CHAT_TOOLS_MAX ? ERR_ARG : ERR_OK);
        done();
        buf_done(&b);
    }
}

/* Escapes that are longer when they are written again count as they are written. */
static void test_large_input(void **state)
{
    static const struct { size_t n; enum err rc; } row[] = {{(1 << 20) - 8, ERR_OK},
                                                            {(1 << 20) - 7, ERR_ARG}};
    struct buf b;

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        buf_init(&b, 4 << 20);
        buf_add(&b, STR(HEAD "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
                        "\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":\""));
        for (size_t k = 0; k < row[i].n; k++) buf_char(&b, 'x');
        buf_add(&b, STR("\"}}]}]}"));
        if (parse_as(buf_str(&b), false) != row[i].rc) fail_msg("row %zu: %s", i, t.e.text);
        done();
        buf_done(&b);
    }
}

/* ---- replies ---- */

static const struct chat_event script[] = {
    {.kind = CHAT_REASONING, .text = STR("why ")}, {.kind = CHAT_REASONING, .text = STR("so")},
    {.kind = CHAT_TEXT}, {.kind = CHAT_TEXT, .text = STR("Hi \"")},
    {.kind = CHAT_TEXT, .text = STR("you")},
    {.kind = CHAT_CALL, .call = {STR("c1"), STR("f"), STR("{\"a\": \"\\\"\"}")}},
    {.kind = CHAT_CALL, .n_call = 1, .call = {STR("c2"), STR("g"), STR("{}")}},
    {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_TOOL_CALLS},
};
static const struct chat_usage used = {.prompt = 12, .cached = 2, .completion = 5, .reasoning = 3};

#define USAGE "\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":0," \
    "\"cache_read_input_tokens\":2,\"output_tokens\":8}"
#define USAGE_0 "\"usage\":{\"input_tokens\":12,\"cache_creation_input_tokens\":0," \
    "\"cache_read_input_tokens\":0,\"output_tokens\":0}"
#define EV(name, more) "event: " name "\ndata: {\"type\":\"" name "\"" more "}\n\n"
#define START(i, block) \
    EV("content_block_start", ",\"index\":" i ",\"content_block\":{\"type\":" block "}")
#define DELTA(i, delta) EV("content_block_delta", ",\"index\":" i ",\"delta\":{\"type\":" delta "}")
#define STOP(i) EV("content_block_stop", ",\"index\":" i)

/* Signature of "why so", from coreutils: printf 'why so' | sha256sum | xxd -r -p | base64 */
#define SIGNATURE "wbCaRveDgGw20XBSHyYRScOM5ntcTthnV7FTc6EjVL4="

static const char with_thinking[] =
    EV("message_start", ",\"message\":{\"id\":\"id\",\"type\":\"message\",\"role\":\"assistant\","
       "\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null," USAGE_0 "}")
    EV("ping", "")
    START("0", "\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
    DELTA("0", "\"thinking_delta\",\"thinking\":\"why \"")
    DELTA("0", "\"thinking_delta\",\"thinking\":\"so\"")
    DELTA("0", "\"signature_delta\",\"signature\":\"" SIGNATURE "\"") STOP("0")
    START("1", "\"text\",\"text\":\"\"")
    DELTA("1", "\"text_delta\",\"text\":\"Hi \\\"\"") DELTA("1", "\"text_delta\",\"text\":\"you\"")
    STOP("1")
    START("2", "\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":{}")
    DELTA("2", "\"input_json_delta\",\"partial_json\":\"{\\\"a\\\": \\\"\\\\\\\"\\\"}\"") STOP("2")
    START("3", "\"tool_use\",\"id\":\"c2\",\"name\":\"g\",\"input\":{}")
    DELTA("3", "\"input_json_delta\",\"partial_json\":\"{}\"") STOP("3")
    EV("message_delta", ",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null}," USAGE)
    EV("message_stop", "");

static void test_stream(void **state)
{
    struct messages_reply m;
    struct buf out, scratch;
    struct chat_usage before = {.prompt = 12};
    struct chat_event end = {.kind = CHAT_END, .usage = used};

    (void)state;
    buf_init(&out, 1 << 20);
    buf_init(&scratch, 1 << 20);
    messages_reply_init(&m, STR("id"), STR("m"), true);
    messages_stream_open(&m, &before, &scratch, &out);
    for (size_t i = 0; i < N_OF(script); i++)
        messages_stream_event(&m, &script[i], &scratch, &out);
    messages_stream_event(&m, &end, &scratch, &out);
    assert_str_is(buf_str(&out), with_thinking);
    messages_reply_done(&m);
    buf_done(&scratch);
    buf_done(&out);
}

#define WHOLE(content, reason, stop) \
    "{\"id\":\"id\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[" \
    content "],\"stop_reason\":\"" reason "\",\"stop_sequence\":" stop "," USAGE "}"
#define TEXT_AND_CALLS TEXT("Hi \\\"you") \
    ",{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":{\"a\": \"\\\"\"}}," \
    "{\"type\":\"tool_use\",\"id\":\"c2\",\"name\":\"g\",\"input\":{}}"

static void whole(const struct chat_event *ev, size_t n, bool shows, const char *want)
{
    struct messages_reply m;
    struct buf out;

    buf_init(&out, 1 << 20);
    messages_reply_init(&m, STR("id"), STR("m"), shows);
    for (size_t i = 0; i < n; i++) messages_fold_event(&m, &ev[i]);
    messages_whole(&m, &used, &out);
    assert_str_is(buf_str(&out), want);
    messages_reply_done(&m);
    buf_done(&out);
}

static void test_whole(void **state)
{
    static const struct chat_event ends[] = {
        {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_STOP},
        {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_STOP, .stop = STR("a\"")},
        {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_LENGTH},
        {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_LENGTH, .stop = STR("a")}};

    (void)state;
    whole(script, N_OF(script), true,
          WHOLE("{\"type\":\"thinking\",\"thinking\":\"why so\",\"signature\":\"" SIGNATURE "\"},"
                TEXT_AND_CALLS, "tool_use", "null"));
    whole(script, N_OF(script), false, WHOLE(TEXT_AND_CALLS, "tool_use", "null"));
    whole(&ends[0], 1, true, WHOLE("", "end_turn", "null"));
    whole(&ends[1], 1, true, WHOLE("", "stop_sequence", "\"a\\\"\""));
    whole(&ends[2], 1, true, WHOLE("", "max_tokens", "null"));
    whole(&ends[3], 1, true, WHOLE("", "max_tokens", "null"));
}

/* Whatever the order of events, the stream begins the blocks that the fold holds. */
static void test_random(void **state)
{
    struct rng rnd;

    (void)state;
    rng_seed(&rnd, 1);
    for (int round = 0; round < 2000; round++) {
        bool shows = rng_below(&rnd, 2);
        struct messages_reply s, f;
        struct buf out, scratch, body;
        struct arena *a = arena_new(0);
        struct json *root;
        struct error e;
        size_t n = rng_below(&rnd, 12);

        buf_init(&out, 1 << 20);
        buf_init(&scratch, 1 << 20);
        buf_init(&body, 1 << 20);
        messages_reply_init(&s, STR("id"), STR("m"), shows);
        messages_reply_init(&f, STR("id"), STR("m"), shows);
        for (size_t i = 0; i <= n; i++) {
            const struct chat_event *ev = &script[i == n ? N_OF(script) - 1
                                                         : rng_below(&rnd, N_OF(script) - 1)];

            messages_stream_event(&s, ev, &scratch, &out);
            messages_fold_event(&f, ev);
        }
        messages_whole(&f, &used, &body);
        assert_int_equal(json_parse(buf_str(&body), a, &root, &e), ERR_OK);
        assert_int_equal(s.open, BLOCK_NONE);
        assert_int_equal((uint32_t)s.index, json_get(root, "content")->n);
        for (uint32_t i = 0; i < json_get(root, "content")->n; i++) {
            str type = json_get(&json_get(root, "content")->item[i], "type")->string;
            char start[96];

            snprintf(start, sizeof start, "\"index\":%u,\"content_block\":{\"type\":\"%.*s\"", i,
                     STR_FMT(type));
            assert_true(str_find(buf_str(&out), str_of(start), 0) != SIZE_MAX);
        }
        messages_reply_done(&s);
        messages_reply_done(&f);
        buf_done(&out);
        buf_done(&scratch);
        buf_done(&body);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_messages), cmocka_unit_test(test_tools),
        cmocka_unit_test(test_choices), cmocka_unit_test(test_format),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_many_tools),
        cmocka_unit_test(test_large_input), cmocka_unit_test(test_stream),
        cmocka_unit_test(test_whole), cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
