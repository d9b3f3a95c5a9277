/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialect's body: what each field becomes, what is refused with which code and words, and
 * every limit, reached.
 */
#include "../test.h"
#include "api/chat_parse.h"
#include "base/mem.h"

#define MODEL "\"model\":\"m\""
#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define BODY(more) "{" MODEL "," MESSAGES more "}"
#define MESSAGE(message) "{" MODEL ",\"messages\":[" message "]}"
#define CALL(call) MESSAGE("{\"role\":\"assistant\",\"tool_calls\":[" call "]}")

#define TOOLS(tools) BODY(",\"tools\":[" tools "]")
#define F(f) "{\"type\":\"function\",\"function\":{" f "}}"
#define CHOICE(choice) BODY(",\"tools\":[" F("\"name\":\"f\"") "],\"tool_choice\":" choice)
#define FORMAT(format) BODY(",\"response_format\":{\"type\":" format "}")
#define F16 "abcdefghijklmnop"
#define F64 F16 F16 F16 F16

static const struct api api = {.default_temperature = 0.5, .default_top_p = 0.75};

static struct parsed { struct arena *arena; struct chat_params p; struct error e; } t;

static enum err parse_str(str body)
{
    struct json *root;

    t.arena = arena_new((size_t)256 << 20);
    t.e = (struct error){0};
    if (json_parse(body, t.arena, &root, &t.e) != ERR_OK) fail_msg("bad test: %s", t.e.text);
    return chat_parse(&api, body, root, t.arena, &t.p, &t.e);
}

static enum err parse(const char *body) { return parse_str(str_of(body)); }
static void done(void) { arena_free(t.arena); }

/* ---- what is refused ---- */

static const struct { const char *body; enum err code; const char *text; } bad[] = {
    {"[]", ERR_TYPE, "expected an object at line 1 column 1"},
    {"{}", ERR_TYPE, "missing field `model`"},
    {"{\"model\":1," MESSAGES "}", ERR_TYPE, "model: invalid type: number"},
    {"{" MODEL "}", ERR_TYPE, "missing field `messages`"},
    {"{" MODEL ",\"messages\":null}", ERR_TYPE, "missing field `messages`"},
    {"{" MODEL ",\"messages\":{}}", ERR_TYPE, "messages: invalid type: object"},
    {"{" MODEL ",\"messages\":[]}", ERR_ARG, "'messages' must hold 1 to 100000 messages, not 0"},
    {MESSAGE("1"), ERR_TYPE, "messages[0]: expected an object"},
    {MESSAGE("{\"content\":\"x\"}"), ERR_TYPE, "messages[0]: missing field `role`"},
    {MESSAGE("{\"role\":\"king\",\"content\":\"x\"}"), ERR_TYPE, "unknown role"},
    {MESSAGE("{\"role\":\"user\"}"), ERR_ARG, "at least one content element. (messages[0])"},
    {MESSAGE("{\"role\":\"user\",\"content\":[]}"), ERR_ARG, "at least one content element"},
    {MESSAGE("{\"role\":\"user\",\"content\":7}"), ERR_TYPE,
     "messages[0].content: expected a string or an array of parts at line 1 column 51"},
    {MESSAGE("{\"role\":\"user\",\"content\":[7]}"), ERR_TYPE,
     "messages[0].content[0]: expected a string"},
    {MESSAGE("{\"role\":\"user\",\"content\":[{}]}"), ERR_TYPE, "unknown content part type"},
    {MESSAGE("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"), ERR_TYPE,
     "missing field `text`"},
    {MESSAGE("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}]}"), ERR_TYPE,
     "messages[0].content[0].text: invalid type: number"},
    {MESSAGE("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}"), ERR_ARG,
     "does not accept images"},
    {MESSAGE("{\"role\":\"user\",\"content\":[{\"type\":\"file\"}]}"), ERR_ARG,
     "File parts"},
    {MESSAGE("{\"role\":\"user\",\"content\":\"x\",\"name\":1}"), ERR_TYPE, "messages[0].name"},
    {CALL("1"), ERR_TYPE, "messages[0].tool_calls[0]: missing field `function`"},
    {CALL("{\"function\":\"f\"}"), ERR_TYPE, "missing field `function`"},
    {CALL("{\"function\":{\"name\":\"f\",\"arguments\":{}}}"), ERR_TYPE,
     "arguments: invalid type: object"},
    {BODY(",\"temperature\":2.1"), ERR_ARG, "'temperature': 2.1 is not between 0 and 2"},
    {BODY(",\"temperature\":-1"), ERR_ARG, "'temperature'"},
    {BODY(",\"temperature\":\"hot\""), ERR_TYPE, "temperature: invalid type: string"},
    {BODY(",\"top_p\":1.01"), ERR_ARG, "'top_p'"},
    {BODY(",\"min_p\":-0.1"), ERR_ARG, "'min_p'"},
    {BODY(",\"top_k\":-2"), ERR_ARG, "'top_k'"},
    {BODY(",\"repetition_penalty\":0"), ERR_ARG, "'repetition_penalty'"},
    {BODY(",\"presence_penalty\":2.5"), ERR_ARG, "'presence_penalty'"},
    {BODY(",\"frequency_penalty\":-2.5"), ERR_ARG, "'frequency_penalty'"},
    {BODY(",\"max_tokens\":0"), ERR_ARG, "'max_tokens'"},
    {BODY(",\"max_tokens\":-1"), ERR_ARG, "'max_tokens'"},
    {BODY(",\"max_tokens\":1.5"), ERR_TYPE, "max_tokens"},
    {BODY(",\"max_completion_tokens\":0"), ERR_ARG, "'max_completion_tokens'"},
    {BODY(",\"n\":0"), ERR_ARG, "'n': 0 is not between 1 and 128"},
    {BODY(",\"n\":129"), ERR_ARG, "'n': 129 is not between 1 and 128"},
    {BODY(",\"n\":10000"), ERR_ARG, "'n'"},
    {BODY(",\"seed\":1e30"), ERR_TYPE, "seed"},
    {BODY(",\"stop\":1"), ERR_TYPE, "stop: expected a string or an array of strings"},
    {BODY(",\"stop\":\"\""), ERR_ARG, "'stop' string must have 1 to 1024 bytes"},
    {BODY(",\"stop\":[\"a\",1]"), ERR_TYPE, "stop"},
    {BODY(",\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"), ERR_ARG,
     "at most 8 strings"},
    {BODY(",\"logit_bias\":[]"), ERR_TYPE, "logit_bias"},
    {BODY(",\"logit_bias\":{\"x\":1}"), ERR_ARG, "'logit_bias' key 'x' is not a token id"},
    {BODY(",\"logit_bias\":{\"-1\":1}"), ERR_ARG, "not a token id"},
    {BODY(",\"logit_bias\":{\"2147483648\":1}"), ERR_ARG, "not a token id"},
    {BODY(",\"logit_bias\":{\"1\":101}"), ERR_ARG, "between -100 and 100"},
    {BODY(",\"logit_bias\":{\"1\":\"1\"}"), ERR_TYPE, "logit_bias: expected a number"},
    {BODY(",\"top_logprobs\":2"), ERR_ARG, "'top_logprobs' needs 'logprobs'"},
    {BODY(",\"logprobs\":true,\"top_logprobs\":21"), ERR_ARG, "'top_logprobs'"},
    {BODY(",\"reasoning_effort\":\"huge\""), ERR_ARG, "Invalid reasoning effort."},
    {BODY(",\"stream\":\"yes\""), ERR_TYPE, "stream"},
    {BODY(",\"stream_options\":{\"include_usage\":1}"), ERR_TYPE, "stream_options.include_usage"},
    {BODY(",\"tools\":{}"), ERR_TYPE, "tools: invalid type: object"},
    {BODY(",\"functions\":{}"), ERR_TYPE, "functions: invalid type: object"},
    {TOOLS("1"), ERR_TYPE, "tools[0]: expected an object"},
    {TOOLS("{}"), ERR_TYPE, "tools[0]: missing field `function` at line 1 column 67"},
    {TOOLS("{\"type\":1}"), ERR_TYPE, "tools[0].type: invalid type: number"},
    {TOOLS("{\"type\":\"function\",\"function\":[]}"), ERR_TYPE, "tools[0].function: invalid type"},
    {TOOLS("{\"type\":\"web_search\"}"), ERR_ARG, "tools[0]: tools of type 'web_search' are not"},
    {TOOLS("{\"type\":\"live_search\",\"sources\":[]}"), ERR_GONE, "Live search is deprecated"},
    {TOOLS(F("\"name\":1")), ERR_TYPE, "tools[0].name: invalid type: number"},
    {TOOLS(F("")), ERR_TYPE, "tools[0]: missing field `name`"},
    {TOOLS(F("\"name\":\"\"")), ERR_ARG, "tools[0]: a function's name has 1 to 64"},
    {TOOLS(F("\"name\":\"a b\"")), ERR_ARG, "unlike 'a b'"},
    {TOOLS(F("\"name\":\"\\u00e9\"")), ERR_ARG, "unlike '\xc3\xa9'"},
    {TOOLS(F("\"name\":\"" F64 "g\"")), ERR_ARG, "1 to 64"},
    {TOOLS(F("\"name\":\"f\"") "," F("\"name\":\"g\"") "," F("\"name\":\"f\"")), ERR_ARG,
     "tools[2]: there is more than one function 'f'"},
    {TOOLS(F("\"name\":\"f\",\"description\":1")), ERR_TYPE, "tools[0].description"},
    {TOOLS(F("\"name\":\"f\",\"strict\":1")), ERR_TYPE, "tools[0].strict"},
    {TOOLS(F("\"name\":\"f\",\"parameters\":[]")), ERR_TYPE, "tools[0].parameters: invalid type"},
    {TOOLS(F("\"name\":\"f\",\"parameters\":true")), ERR_TYPE, "tools[0].parameters"},
    {TOOLS(F("\"name\":\"f\",\"parameters\":{\"type\":\"array\"}")), ERR_ARG,
     "failed: tools['f'].function.parameters: [unsupported] /type: parameters must be of type"},
    {TOOLS(F("\"name\":\"f\",\"parameters\":{\"type\":[\"array\",\"null\"]}")), ERR_ARG,
     "tools['f']"},
    {TOOLS(F("\"name\":\"f\",\"parameters\":{\"type\":7}")), ERR_ARG, "tools['f']"},
    {BODY(",\"functions\":[{}]"), ERR_TYPE, "functions[0]: missing field `name`"},
    {BODY(",\"functions\":[1]"), ERR_TYPE, "functions[0]: expected an object"},
    {CHOICE("\"some\""), ERR_ARG, "'tool_choice': 'some' is none of"},
    {CHOICE("1"), ERR_TYPE, "tool_choice: expected a string or an object"},
    {CHOICE("{}"), ERR_TYPE, "tool_choice: missing field `name`"},
    {CHOICE("{\"type\":\"function\"}"), ERR_TYPE, "tool_choice: missing field `name`"},
    {CHOICE("{\"type\":\"function\",\"function\":1}"), ERR_TYPE, "tool_choice.function"},
    {CHOICE("{\"type\":\"allowed_tools\",\"name\":\"f\"}"), ERR_ARG, "type 'allowed_tools'"},
    {CHOICE("{\"type\":\"function\",\"function\":{\"name\":\"x\"}}"), ERR_ARG,
     "'tool_choice' names the function 'x', which is not among the tools."},
    {BODY(",\"tool_choice\":\"required\""), ERR_ARG, "is 'required', but the request has no tools"},
    {BODY(",\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}"), ERR_ARG,
     "not among the tools"},
    {BODY(",\"functions\":[{\"name\":\"f\"}],\"function_call\":{\"name\":\"g\"}"), ERR_ARG,
     "'function_call' names the function 'g'"},
    {BODY(",\"parallel_tool_calls\":1"), ERR_TYPE, "parallel_tool_calls: invalid type: number"},
    {BODY(",\"deferred\":true,\"stream\":true"), ERR_ARG, "exclude each other"},
    {BODY(",\"response_format\":\"json\""), ERR_TYPE, "response_format: invalid type: string"},
    {FORMAT("\"json_schema\""), ERR_TYPE, "response_format: missing field `json_schema`"},
    {FORMAT("\"regex\""), ERR_TYPE, "response_format: missing field `pattern`"},
    {FORMAT("\"regex\",\"pattern\":1"), ERR_TYPE, "response_format.pattern: invalid type: number"},
    {FORMAT("\"json_schema\",\"json_schema\":1"), ERR_TYPE, "response_format.json_schema: invalid"},
    {FORMAT("\"json_schema\",\"json_schema\":{\"name\":\"x\"}"), ERR_TYPE,
     "response_format.json_schema: missing field `schema`"},
    {FORMAT("\"json_schema\",\"json_schema\":{\"schema\":true}"), ERR_TYPE,
     "response_format.json_schema.schema: invalid type: boolean"},
    {FORMAT("\"json_schema\",\"json_schema\":{\"schema\":{},\"name\":1}"), ERR_TYPE,
     "response_format.json_schema.name"},
    {FORMAT("\"json_schema\",\"json_schema\":{\"schema\":{},\"strict\":1}"), ERR_TYPE,
     "response_format.json_schema.strict"},
    {BODY(",\"response_format\":{\"type\":\"xml\"}"), ERR_TYPE, "response_format: unknown type"},
    {BODY(",\"response_format\":{}"), ERR_TYPE, "response_format"},
    {BODY(",\"search_parameters\":{\"mode\":\"auto\"}"), ERR_GONE, "Live search is deprecated"},
    {BODY(",\"search_parameters\":{}"), ERR_GONE, "Live search"},
    {BODY(",\"web_search_options\":{}"), ERR_GONE, "Live search"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(bad); i++) {
        enum err rc = parse(bad[i].body);

        if (rc != bad[i].code || t.e.code != rc || !strstr(t.e.text, bad[i].text))
            fail_msg("%s: got %s \"%s\", want %s \"%s\"", bad[i].body, err_name(rc), t.e.text,
                     err_name(bad[i].code), bad[i].text);
        done();
    }
}

/* ---- what is taken ---- */

static const char *const good[] = {
    BODY(""), BODY(",\"temperature\":null,\"stop\":null,\"tools\":null,\"n\":null"),
    BODY(",\"tools\":[],\"functions\":[]"), BODY(",\"response_format\":{\"type\":\"text\"}"),
    BODY(",\"search_parameters\":{\"mode\":\"off\"}"), BODY(",\"deferred\":false"),
    BODY(",\"deferred\":true"),
    BODY(",\"unknown\":{\"field\":[1]},\"user\":\"u\",\"metadata\":{}"),
    BODY(",\"top_logprobs\":0"), BODY(",\"logit_bias\":{}"), BODY(",\"stop\":[]"),
    BODY(",\"temperature\":0,\"top_p\":0,\"min_p\":1,\"top_k\":-1,\"n\":128"),
    MESSAGE("{\"role\":\"assistant\",\"content\":null,"
            "\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}"),
    MESSAGE("{\"role\":\"user\",\"content\":\"\"}"),
    CALL("{\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}"),
    CALL("{\"id\":\"c1\",\"function\":{\"name\":\"f\","
         "\"arguments\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}}"),
    MESSAGE("{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\",\"arguments\":\"no\"}}"),
    MESSAGE("{\"role\":\"tool\",\"content\":\"r\"}"),
    TOOLS(""), TOOLS(F("\"name\":\"" F64 "\"")), TOOLS("{\"type\":\"function\",\"name\":\"f\"}"),
    TOOLS(F("\"name\":\"f\",\"parameters\":null,\"description\":null,\"strict\":true")),
    TOOLS(F("\"name\":\"f\",\"parameters\":{\"anyOf\":[{\"type\":\"object\"}]}")),
    TOOLS(F("\"name\":\"f\",\"parameters\":{\"type\":[\"null\",\"object\"]}")),
    BODY(",\"tool_choice\":\"none\""), BODY(",\"tool_choice\":\"auto\",\"tools\":null"),
    BODY(",\"response_format\":null"), BODY(",\"function_call\":\"none\""),
    MESSAGE("{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":null}"),
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(good); i++) {
        if (parse(good[i]) != ERR_OK) fail_msg("%s: %s", good[i], t.e.text);
        assert_int_equal(t.p.chat.n_message, 1);
        done();
    }
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(BODY("")), ERR_OK);
    assert_str_is(t.p.model, "m");
    assert_false(t.p.stream || t.p.include_usage || t.p.has_tier || t.p.chat.logprobs);
    assert_double_is((double)t.p.chat.sample.temperature, 0.5);
    assert_double_is((double)t.p.chat.sample.top_p, 0.75);
    assert_double_is((double)t.p.chat.sample.repetition_penalty, 1);
    assert_int_equal(t.p.chat.sample.top_k, 0);
    assert_int_equal(t.p.chat.max_tokens, INT32_MAX);
    assert_int_equal(t.p.chat.n_choice, 1);
    assert_int_equal(t.p.chat.thinking, THINKING_DEFAULT);
    uint64_t seed = t.p.chat.sample.seed;
    done();
    assert_int_equal(parse(BODY("")), ERR_OK);
    assert_true(t.p.chat.sample.seed != seed);     /* drawn anew for each request */
    done();
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(parse(BODY(",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                                "\"service_tier\":\"auto\",\"seed\":-5,\"top_k\":-1,"
                                "\"max_tokens\":7,"
                                "\"max_completion_tokens\":9,\"n\":3,\"logprobs\":true,"
                                "\"top_logprobs\":20,\"stop\":[\"a\",\"b\"],"
                                "\"logit_bias\":{\"5\":-100,\"9\":2.5},"
                                "\"reasoning_effort\":\"low\"")), ERR_OK);
    assert_true(t.p.stream && t.p.include_usage && t.p.has_tier && t.p.chat.logprobs);
    assert_int_equal((int64_t)t.p.chat.sample.seed, -5);
    assert_int_equal(t.p.chat.sample.top_k, 0);
    assert_int_equal(t.p.chat.max_tokens, 9);
    assert_int_equal(t.p.chat.n_choice, 3);
    assert_int_equal(t.p.chat.n_top_logprobs, 20);
    assert_int_equal(t.p.chat.n_stop, 2);
    assert_str_is(t.p.chat.stop[1], "b");
    assert_int_equal(t.p.chat.sample.n_bias, 2);
    assert_int_equal(t.p.chat.sample.bias[1].id, 9);
    assert_true(t.p.chat.sample.bias[1].bias == 2.5f);
    assert_int_equal(t.p.chat.thinking, THINKING_ON);
    done();
    assert_int_equal(parse(BODY(",\"reasoning_effort\":\"none\",\"stop\":\"x\","
                                "\"max_tokens\":99999999999")), ERR_OK);
    assert_int_equal(t.p.chat.thinking, THINKING_OFF);
    assert_int_equal(t.p.chat.n_stop, 1);
    assert_int_equal(t.p.chat.max_tokens, INT32_MAX);
    done();
}

static void test_messages(void **state)
{
    static const char body[] = "{" MODEL ",\"messages\":["
        "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
        "{\"type\":\"input_text\",\"text\":\"\"},{\"type\":\"text\",\"text\":\"\\u00e9b\"}]},"
        "{\"role\":\"assistant\",\"content\":\"t\",\"reasoning_content\":\"why\",\"tool_calls\":["
        "{\"id\":\"c1\",\"type\":\"function\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}},"
        "{\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r\"},"
        "{\"role\":\"user\",\"name\":\"ann\",\"content\":\"u\",\"tool_calls\":[1]}]}";
    const struct chat_message *m;

    (void)state;
    assert_int_equal(parse(body), ERR_OK);
    m = t.p.chat.message;
    assert_int_equal(t.p.chat.n_message, 4);
    assert_str_is(m[0].text, "a\xc3\xa9" "b");
    assert_int_equal(m[1].role, ROLE_ASSISTANT);
    assert_str_is(m[1].reasoning, "why");
    assert_int_equal(m[1].n_call, 2);
    assert_str_is(m[1].call[0].id, "c1");
    assert_str_is(m[1].call[0].arguments, "{\"x\":1}");
    assert_str_is(m[1].call[1].arguments, "{}");
    assert_str_is(m[2].tool_call_id, "c1");
    assert_str_is(m[3].name, "ann");
    assert_int_equal(m[3].n_call, 0);  /* only the assistant calls */
    done();
}

/* ---- tools and formats ---- */

static const struct json *member(const struct json *o, const char *a, const char *b)
{
    return json_get(json_get(o, a), b);
}

static void test_tools(void **state)
{
    static const char body[] = TOOLS(
        F("\"name\":\"a-1\",\"description\":\"first\",\"parameters\":{\"type\":\"object\"}") ","
        "{\"name\":\"B_2\"}");
    const struct chat_request *c = &t.p.chat;

    (void)state;
    assert_int_equal(parse(body), ERR_OK);
    assert_int_equal(c->n_tool, 2);
    assert_str_is(c->tool[0].name, "a-1");
    assert_str_is(c->tool[0].description, "first");
    assert_int_equal(c->tool[0].parameters->type, JSON_OBJECT);
    assert_str_is(member(c->tool[0].source, "function", "name")->string, "a-1");
    assert_str_is(c->tool[1].name, "B_2");
    assert_null(c->tool[1].parameters);
    assert_str_is(json_get(c->tool[1].source, "type")->string, "function");
    assert_str_is(member(c->tool[1].source, "function", "name")->string, "B_2");
    assert_int_equal(c->tool_choice, TOOL_CHOICE_AUTO);
    assert_true(c->parallel_calls);
    assert_false(t.p.has_functions);
    done();
}

static void test_functions(void **state)
{
    static const char *const body[] = {
        BODY(",\"functions\":[{\"name\":\"f\"},{\"name\":\"g\"}],"
             "\"function_call\":{\"name\":\"g\"}"),
        BODY(",\"tools\":[],\"functions\":[{\"name\":\"f\"},{\"name\":\"g\"}],"
             "\"function_call\":{\"name\":\"g\"},\"tool_choice\":\"none\""),
    };

    (void)state;
    for (size_t i = 0; i < N_OF(body); i++) {
        assert_int_equal(parse(body[i]), ERR_OK);
        assert_true(t.p.has_functions);
        assert_int_equal(t.p.chat.n_tool, 2);
        assert_int_equal(t.p.chat.tool_choice, TOOL_CHOICE_NAMED);
        assert_int_equal(t.p.chat.tool_named, 1);
        assert_false(t.p.chat.parallel_calls);     /* its replies have room for one */
        assert_str_is(member(t.p.chat.tool[0].source, "function", "name")->string, "f");
        done();
    }
    assert_int_equal(parse(BODY(",\"tools\":[" F("\"name\":\"t\"") "],\"functions\":[{}]")),
                     ERR_OK);
    assert_false(t.p.has_functions);
    assert_str_is(t.p.chat.tool[0].name, "t");
    done();
}

static void test_choices(void **state)
{
    static const struct { const char *body; enum chat_tool_choice choice; } row[] = {
        {BODY(""), TOOL_CHOICE_NONE}, {CHOICE("null"), TOOL_CHOICE_AUTO},
        {CHOICE("\"auto\""), TOOL_CHOICE_AUTO}, {CHOICE("\"none\""), TOOL_CHOICE_NONE},
        {CHOICE("\"required\""), TOOL_CHOICE_REQUIRED},
        {CHOICE("{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"), TOOL_CHOICE_NAMED},
        {CHOICE("{\"type\":\"function\",\"name\":\"f\"}"), TOOL_CHOICE_NAMED},
        {CHOICE("{\"name\":\"f\"},\"parallel_tool_calls\":false"), TOOL_CHOICE_NAMED},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        if (parse(row[i].body) != ERR_OK || t.p.chat.tool_choice != row[i].choice)
            fail_msg("%s: %s %d", row[i].body, t.e.text, (int)t.p.chat.tool_choice);
        assert_int_equal(t.p.chat.parallel_calls, i + 1 < N_OF(row));
        done();
    }
}

static void test_formats(void **state)
{
    static const struct { const char *body; enum chat_format format; bool has_schema; } row[] = {
        {BODY(""), FORMAT_TEXT, false}, {FORMAT("\"text\""), FORMAT_TEXT, false},
        {FORMAT("\"json_object\""), FORMAT_JSON_OBJECT, false},
        {FORMAT("\"json_schema\",\"json_schema\":{\"schema\":{}}"), FORMAT_JSON_SCHEMA, true},
        {FORMAT("\"json_schema\",\"json_schema\":{\"name\":\"n\",\"description\":\"d\","
                "\"strict\":false,\"schema\":{\"type\":\"string\"}}"), FORMAT_JSON_SCHEMA, true},
        {FORMAT("\"json_schema\",\"name\":\"n\",\"schema\":{}"), FORMAT_JSON_SCHEMA, true},
        {FORMAT("\"regex\",\"pattern\":\"a|b\""), FORMAT_REGEX, false},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        if (parse(row[i].body) != ERR_OK) fail_msg("%s: %s", row[i].body, t.e.text);
        assert_int_equal(t.p.chat.format, row[i].format);
        assert_int_equal(t.p.chat.schema != NULL, row[i].has_schema);
        done();
    }
}

/* What a model once wrote badly reaches the template as it is. */
static void test_bad_past_calls(void **state)
{
    (void)state;
    assert_int_equal(parse(MESSAGE("{\"role\":\"assistant\",\"tool_calls\":["
                                   "{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": \"}},"
                                   "{\"function\":{}}]},"
                                   "{\"role\":\"assistant\",\"content\":\"\",\"function_call\":"
                                   "{\"name\":\"g\",\"arguments\":\"[1]\"}}")), ERR_OK);
    assert_str_is(t.p.chat.message[0].call[0].arguments, "{\"a\": ");
    assert_str_is(t.p.chat.message[0].call[1].arguments, "{}");
    assert_int_equal(t.p.chat.message[1].n_call, 1);
    assert_str_is(t.p.chat.message[1].call[0].name, "g");
    assert_str_is(t.p.chat.message[1].call[0].arguments, "[1]");
    done();
}

/* ---- limits ---- */

/* item with '#' replaced by i */
static void add_item(struct buf *b, const char *item, size_t i)
{
    str s = str_of(item);
    size_t at = str_find_char(s, '#', 0);

    buf_add(b, str_sub(s, 0, at));
    buf_u64(b, i);
    buf_add(b, str_sub(s, at + 1, s.n));
}

/* before, n times item with commas between, after; n times at the limit, then one more. */
static void check_limit(const char *before, const char *item, const char *after, size_t n,
                        const char *text)
{
    for (size_t more = 0; more < 2; more++) {
        struct buf b;
        enum err rc;

        buf_init(&b, 64u << 20);
        buf_add(&b, str_of(before));
        for (size_t i = 0; i < n + more; i++) {
            if (i) buf_char(&b, ',');
            add_item(&b, item, i);
        }
        buf_add(&b, str_of(after));
        assert_false(b.bad);
        rc = parse_str(buf_str(&b));
        if (rc != (more ? ERR_ARG : ERR_OK) || (more && !strstr(t.e.text, text)))
            fail_msg("%zu times %s: got %s \"%s\"", n + more, item, err_name(rc), t.e.text);
        done();
        buf_done(&b);
    }
}

static void test_limits(void **state)
{
    (void)state;
    check_limit("{" MODEL ",\"messages\":[", "{\"role\":\"user\",\"content\":\"#\"}", "]}",
                CHAT_MESSAGES_MAX, "'messages' must hold");
    check_limit("{" MODEL ",\"messages\":[{\"role\":\"user\",\"content\":[",
                "{\"type\":\"text\",\"text\":\"#\"}", "]}]}", CHAT_PARTS_MAX, "10001 parts");
    check_limit("{" MODEL ",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[",
                "{\"id\":\"#\",\"function\":{}}", "]}]}", 1024, "at most 1024 calls");
    check_limit("{" MODEL "," MESSAGES ",\"tools\":[", F("\"name\":\"f#\""), "]}", CHAT_TOOLS_MAX,
                "'tools' may hold at most 200 tools, not 201");
    check_limit("{" MODEL "," MESSAGES ",\"logit_bias\":{", "\"#\":1", "}}", ENGINE_BIAS_MAX,
                "at most 1024 tokens");
}

/* As many calls as fit one message, in more messages than the whole may have. */
static void test_calls_limit(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 64u << 20);
    buf_add(&b, STR("{" MODEL ",\"messages\":["));
    for (size_t m = 0; m <= CHAT_CALLS_MAX / 1024; m++) {
        buf_printf(&b, "%s{\"role\":\"assistant\",\"tool_calls\":[", m ? "," : "");
        for (size_t i = 0; i < 1024; i++) buf_printf(&b, "%s{\"function\":{}}", i ? "," : "");
        buf_add(&b, STR("]}"));
    }
    buf_add(&b, STR("]}"));
    assert_int_equal(parse_str(buf_str(&b)), ERR_ARG);
    assert_non_null(strstr(t.e.text, "100000 in all"));
    done();
    buf_done(&b);
}

/* Gives the body with text between head and tail. */
static enum err parse_long(const char *head, size_t n, const char *tail)
{
    static char body[(2 << 20) + 512];
    size_t at = strlen(head);

    memcpy(body, head, at);
    memset(body + at, ' ', n);
    memcpy(body + at + n, tail, strlen(tail));
    return parse_str(str_n(body, at + n + strlen(tail)));
}

static void test_byte_limits(void **state)
{
    static const struct { const char *head, *tail; size_t max; const char *text; } row[] = {
        {"{" MODEL "," MESSAGES ",\"stop\":\"", "\"}", CHAT_STOP_BYTES_MAX, "1 to 1024 bytes"},
        {"{" MODEL ",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\","
         "\"function\":"
         "{\"arguments\":\"{}", "\"}}]}]}", (1 << 20) - 2, "have 1048577 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        assert_int_equal(parse_long(row[i].head, row[i].max, row[i].tail), ERR_OK);
        done();
        assert_int_equal(parse_long(row[i].head, row[i].max + 1, row[i].tail), ERR_ARG);
        assert_non_null(strstr(t.e.text, row[i].text));
        done();
    }
}

static void test_tier(void **state)
{
    static const struct { const char *body; bool has; int priority; } row[] = {
        {BODY(""), false, 0}, {BODY(",\"service_tier\":null"), false, 0},
        {BODY(",\"service_tier\":\"default\""), true, 0},
        {BODY(",\"service_tier\":\"auto\""), true, 0},
        {BODY(",\"service_tier\":\"priority\""), true, CHAT_PRIORITY_TIER},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        assert_int_equal(parse(row[i].body), ERR_OK);
        assert_true(t.p.has_tier == row[i].has && t.p.chat.priority == row[i].priority);
        done();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad), cmocka_unit_test(test_good), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_tools), cmocka_unit_test(test_functions),
        cmocka_unit_test(test_choices), cmocka_unit_test(test_formats),
        cmocka_unit_test(test_bad_past_calls), cmocka_unit_test(test_tier),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_calls_limit), cmocka_unit_test(test_byte_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
