/* SPDX-License-Identifier: Apache-2.0
 *
 * Legacy completions: what each field of the body becomes, what is refused with which code and
 * words, every limit, reached; chunks joined are the whole reply; offsets and names of tokens.
 */
#include "../test.h"
#include "api/completions_parse.h"
#include "api/completions_render.h"
#include "base/mem.h"
#include "base/rand.h"

#define MODEL "\"model\":\"m\""
#define BODY(more) "{" MODEL "," more "}"
#define PROMPT(prompt) BODY("\"prompt\":" prompt)
#define WITH(more) BODY("\"prompt\":\"hi\"," more)

static const struct api api = {.default_temperature = 0.5, .default_top_p = 0.75};

static struct parsed { struct arena *arena; struct completion_params p; struct error e; } t;

static enum err parse_str(str body)
{
    struct json *root;

    t.arena = arena_new((size_t)256 << 20);
    t.e = (struct error){0};
    if (json_parse(body, t.arena, &root, &t.e) != ERR_OK) fail_msg("bad test: %s", t.e.text);
    return completions_parse(&api, body, root, t.arena, &t.p, &t.e);
}

static void done(void) { arena_free(t.arena); }

static const struct chat_request *parse(const char *body)
{
    if (parse_str(str_of(body)) != ERR_OK) fail_msg("%s: %s", body, t.e.text);
    return &t.p.base.chat;
}

/* ---- what is refused ---- */

static const struct { const char *body; enum err code; const char *text; } bad[] = {
    {"[]", ERR_TYPE, "expected an object at line 1 column 1"},
    {"{}", ERR_TYPE, "missing field `model`"},
    {"{\"model\":null}", ERR_TYPE, "missing field `model`"},
    {"{\"model\":1}", ERR_TYPE, "model: invalid type: number"},
    {PROMPT("1"), ERR_TYPE, "prompt: expected a string, an array of strings"},
    {PROMPT("false"), ERR_TYPE, "prompt: expected a string"},
    {PROMPT("{}"), ERR_TYPE, "at line 1 column 23"},
    {PROMPT("[]"), ERR_ARG, "'prompt' is an empty list"},
    {PROMPT("[null]"), ERR_TYPE, "prompt[0]: expected a string"},
    {PROMPT("[\"a\",1]"), ERR_TYPE, "prompt[1]: expected a string"},
    {PROMPT("[\"a\",[1]]"), ERR_TYPE, "prompt[1]: expected a string"},
    {PROMPT("[[1],\"a\"]"), ERR_TYPE, "prompt[1]: expected a string"},
    {PROMPT("[[1],{}]"), ERR_TYPE, "prompt[1]: expected a string"},
    {PROMPT("[1,\"a\"]"), ERR_TYPE, "prompt: expected a string"},
    {PROMPT("[1,null]"), ERR_TYPE, "prompt: expected a string"},
    {PROMPT("[[[]]]"), ERR_TYPE, "prompt[0]: expected a string"},
    {PROMPT("[0.5]"), ERR_TYPE, "prompt: expected a string"},
    {PROMPT("[-1]"), ERR_ARG, "prompt: -1 is not a token id"},
    {PROMPT("[[0],[2147483648]]"), ERR_ARG, "prompt[1]: 2147483648 is not a token id"},
    {PROMPT("[1e30]"), ERR_TYPE, "prompt: expected a string"},
    {WITH("\"suffix\":1"), ERR_TYPE, "suffix: invalid type: number"},
    {WITH("\"max_tokens\":0"), ERR_ARG, "'max_tokens'"},
    {WITH("\"max_tokens\":-1"), ERR_ARG, "'max_tokens'"},
    {WITH("\"max_tokens\":1.5"), ERR_TYPE, "max_tokens"},
    {WITH("\"n\":0"), ERR_ARG, "'n': 0 is not between 1 and 128"},
    {WITH("\"n\":129"), ERR_ARG, "'n': 129"},
    {WITH("\"n\":\"1\""), ERR_TYPE, "n: invalid type: string"},
    {BODY("\"prompt\":[\"a\",\"b\"],\"n\":65"), ERR_ARG, "2 prompts with 'n' = 65 make 130"},
    {WITH("\"best_of\":0"), ERR_ARG, "'best_of'"},
    {WITH("\"best_of\":2"), ERR_ARG, "'best_of' above 'n' is not supported"},
    {WITH("\"best_of\":1,\"n\":2"), ERR_ARG, "'best_of' must not be less than 'n'"},
    {WITH("\"best_of\":true"), ERR_TYPE, "best_of"},
    {WITH("\"echo\":1"), ERR_TYPE, "echo: invalid type: number"},
    {WITH("\"echo\":true,\"logprobs\":0"), ERR_ARG, "'echo' with 'logprobs' is not supported"},
    {WITH("\"echo\":true,\"logprobs\":true"), ERR_ARG, "'echo' with 'logprobs'"},
    {WITH("\"logprobs\":6"), ERR_ARG, "'logprobs': 6 is not between 0 and 5"},
    {WITH("\"logprobs\":-1"), ERR_ARG, "'logprobs'"},
    {WITH("\"logprobs\":\"1\""), ERR_TYPE, "logprobs: invalid type: string"},
    {WITH("\"logprobs\":2.5"), ERR_TYPE, "logprobs"},
    {WITH("\"temperature\":3"), ERR_ARG, "'temperature'"},
    {WITH("\"top_p\":-1"), ERR_ARG, "'top_p'"},
    {WITH("\"stop\":[\"\"]"), ERR_ARG, "'stop' string must have 1 to 1024 bytes"},
    {WITH("\"stop\":{}"), ERR_TYPE, "stop: expected a string"},
    {WITH("\"logit_bias\":{\"x\":1}"), ERR_ARG, "'logit_bias' key 'x'"},
    {WITH("\"user\":{}"), ERR_TYPE, "user: invalid type: object"},
    {WITH("\"stream\":1"), ERR_TYPE, "stream: invalid type: number"},
    {WITH("\"stream_options\":[]"), ERR_TYPE, "stream_options"},
    {WITH("\"ignore_eos\":1"), ERR_TYPE, "ignore_eos"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(bad); i++) {
        enum err rc = parse_str(str_of(bad[i].body));

        if (rc != bad[i].code || !strstr(t.e.text, bad[i].text))
            fail_msg("%s: %d, '%s'", bad[i].body, rc, rc ? t.e.text : "");
        done();
    }
}

/* ---- what is taken ---- */

static void test_defaults(void **state)
{
    static const char *const body[] = {
        "{" MODEL "}", WITH("\"max_tokens\":null,\"n\":null,\"logprobs\":null,\"echo\":null,"
                            "\"suffix\":null,\"best_of\":null,\"user\":null,\"stop\":null,"
                            "\"stream\":null,\"temperature\":null,\"unknown\":[{}]")};

    (void)state;
    for (size_t i = 0; i < N_OF(body); i++) {
        const struct chat_request *c = parse(body[i]);

        assert_true(c->n_raw == 1 && c->n_message == 0 && !c->raw[0].id);
        assert_str_is(c->raw[0].text, i ? "hi" : "");
        assert_int_equal(c->raw[0].suffix.n, 0);
        assert_true(c->max_tokens == 16 && c->n_choice == 1 && c->n_stop == 0 && !c->logprobs);
        assert_double_is(c->sample.temperature, 0.5);
        assert_double_is(c->sample.top_p, 0.75);
        assert_true(!t.p.echo && !t.p.base.stream && !c->ignore_eog);
        assert_true(c->format == FORMAT_TEXT && c->n_tool == 0);
        done();
    }
}

static void test_fields(void **state)
{
    const struct chat_request *c =
        parse(WITH("\"max_tokens\":99999999999,\"n\":2,\"best_of\":2,\"logprobs\":5,\"seed\":7,"
                   "\"suffix\":\"end\",\"stop\":[\"x\",\"yz\"],\"stream\":true,\"user\":\"u\","
                   "\"stream_options\":{\"include_usage\":true},\"presence_penalty\":1,"
                   "\"temperature\":0,\"logit_bias\":{\"5\":-100},\"ignore_eos\":true"));

    (void)state;
    assert_str_is(t.p.base.model, "m");
    assert_int_equal(c->max_tokens, INT32_MAX);
    assert_int_equal(c->n_choice, 2);
    assert_true(c->logprobs && c->n_top_logprobs == 5 && c->ignore_eog);
    assert_str_is(c->raw[0].suffix, "end");
    assert_true(c->n_stop == 2 && str_is(c->stop[1], "yz"));
    assert_true(t.p.base.stream && t.p.base.include_usage);
    assert_true(c->sample.seed == 7 && c->sample.n_bias == 1 && c->sample.bias[0].id == 5);
    done();
    c = parse(WITH("\"logprobs\":0"));
    assert_true(c->logprobs && c->n_top_logprobs == 0);
    done();
    c = parse(WITH("\"logprobs\":true"));
    assert_true(c->logprobs && c->n_top_logprobs == 1);
    done();
    c = parse(WITH("\"logprobs\":false,\"echo\":true"));
    assert_true(!c->logprobs && t.p.echo);
    done();
}

static void test_prompts(void **state)
{
    const struct chat_request *c = parse(BODY("\"prompt\":[\"a\",\"\",\"b\\u0000\"],\"n\":3,"
                                              "\"suffix\":\"s\""));

    (void)state;
    assert_true(c->n_raw == 3 && c->n_choice == 9);
    assert_str_is(c->raw[0].text, "a");
    assert_int_equal(c->raw[1].text.n, 0);
    assert_int_equal(c->raw[2].text.n, 2);
    assert_str_is(c->raw[2].suffix, "s");
    done();
    c = parse(PROMPT("[5,0,2147483647,3.0]"));
    assert_true(c->n_raw == 1 && c->n_choice == 1 && c->raw[0].n_id == 4);
    assert_true(c->raw[0].id[0] == 5 && c->raw[0].id[2] == INT32_MAX && c->raw[0].id[3] == 3);
    done();
    c = parse(PROMPT("[[1,2],[],[3]]"));
    assert_true(c->n_raw == 3 && c->raw[0].n_id == 2 && c->raw[2].id[0] == 3);
    assert_true(c->raw[1].id && c->raw[1].n_id == 0);
    done();
}

/* ---- limits, reached ---- */

/* "[" n times item "]" as the prompt. */
static enum err parse_many(const char *item, size_t n, const char *inside)
{
    enum err rc;
    struct buf b;

    buf_init(&b, 64u << 20);
    buf_printf(&b, "{" MODEL ",\"prompt\":[%s", inside);
    for (size_t i = 0; i < n; i++) buf_printf(&b, "%s%s", i ? "," : "", item);
    buf_printf(&b, "%s]}", *inside ? "]" : "");
    rc = parse_str(buf_str(&b));
    buf_done(&b);
    return rc;
}

static void test_limits(void **state)
{
    static const struct { const char *item; size_t n; const char *inside; enum err rc; } row[] = {
        {"\"a\"", CHAT_CHOICES_MAX, "", ERR_OK}, {"\"a\"", CHAT_CHOICES_MAX + 1, "", ERR_ARG},
        {"\"a\"", 10000, "", ERR_ARG}, {"[1]", CHAT_CHOICES_MAX, "", ERR_OK},
        {"[1]", CHAT_CHOICES_MAX + 1, "", ERR_ARG}, {"7", COMPLETION_IDS_MAX, "", ERR_OK},
        {"7", COMPLETION_IDS_MAX + 1, "", ERR_ARG}, {"7", COMPLETION_IDS_MAX, "[", ERR_OK},
        {"7", COMPLETION_IDS_MAX + 1, "[", ERR_ARG},
        {"7", COMPLETION_IDS_MAX, "[7],[", ERR_ARG},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        enum err rc = parse_many(row[i].item, row[i].n, row[i].inside);

        if (rc != row[i].rc) fail_msg("row %zu: %d %s", i, rc, rc ? t.e.text : "");
        done();
    }
}

/* ---- rendering ---- */

static const struct chat_head head = {.id = STR("id"), .model = STR("m"), .fingerprint = "fp",
                                      .created_unix_s = 5, .has_logprobs = true};

static struct json *json_of(struct arena *a, const struct buf *b)
{
    struct json *v;
    struct error e;

    assert_false(b->bad);
    if (json_parse(buf_str(b), a, &v, &e) != ERR_OK)
        fail_msg("%s: %.*s", e.text, STR_FMT(buf_str(b)));
    return v;
}

static const struct json *at(const struct json *root, const char *key)
{
    const struct json *choice = &json_get(root, "choices")->item[0];
    const struct json *logprobs = json_get(choice, "logprobs");

    return json_get(logprobs, key) ? json_get(logprobs, key) : json_get(choice, key);
}

/* The elements of an array behind those that are already there, as text. */
static void join(struct buf *out, const struct json *list)
{
    struct json_writer w;

    for (uint32_t i = 0; i < list->n; i++) {
        if (out->n) buf_char(out, ',');
        jw_init(&w, out);
        jw_value(&w, &list->item[i]);
    }
}

static const char *const lists[] = {"tokens", "token_logprobs", "top_logprobs", "text_offset"};

/* A text of random tokens, an event each: as a stream, and into whole. */
static void divide(struct rng *rnd, struct completion_fold *whole, struct buf *text,
                   struct buf joined[4])
{
    static const str piece[] = {STR("a"), STR(" bc"), STR("\xc3\xa9"), STR("\xe2\x82\xac x"),
                                STR("\xf0\x9f\x98\x80"), STR("\"\n")};
    struct completion_fold part;
    size_t n = 1 + rng_below(rnd, 12), end = 0;
    struct buf pending;

    completion_fold_init(&part);
    buf_init(&pending, 4096);
    for (size_t i = 0; i < n; i++) {
        str p = piece[rng_below(rnd, N_OF(piece))];
        struct chat_token token = {.text = p, .logprob = -(float)i, .n_top = 1,
                                   .top = {{STR("x"), -0.25f}}};
        struct chat_event ev = {.kind = CHAT_TEXT, .token = &token, .n_token = 1};
        struct arena *a = arena_new(0);
        struct buf b;

        buf_add(&pending, p);
        end += p.n;
        token.end = end;
        ev.text = p;
        buf_init(&b, 1 << 16);
        completion_fold_event(whole, &ev);
        completion_fold_event(&part, &ev);
        completion_render_chunk(&b, &head, 0, &part);
        completion_fold_clear(&part);
        struct json *v = json_of(a, &b);
        buf_add(text, at(v, "text")->string);
        assert_int_equal(at(v, "finish_reason")->type, JSON_NULL);
        for (int k = 0; k < 4; k++) join(&joined[k], at(v, lists[k]));
        buf_done(&b);
        arena_free(a);
    }
    assert_true(str_eq(buf_str(text), buf_str(&pending)));
    buf_done(&pending);
    completion_fold_done(&part);
}

static void test_stream_is_whole(void **state)
{
    const struct chat_event end = {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_LENGTH};
    const struct chat_usage u = {.prompt = 3, .completion = 4};
    struct rng rnd;

    (void)state;
    rng_seed(&rnd, 4);
    for (int round = 0; round < 200; round++) {
        struct completion_fold whole;
        struct arena *a = arena_new(0);
        struct buf text, joined[4], b, list;
        struct json *v;

        completion_fold_init(&whole);
        buf_init(&text, 1 << 16);
        buf_init(&b, 1 << 20);
        buf_init(&list, 1 << 20);
        for (int k = 0; k < 4; k++) buf_init(&joined[k], 1 << 16);
        divide(&rnd, &whole, &text, joined);
        completion_fold_event(&whole, &end);
        completion_render_whole(&b, &head, &whole, 1, &u, 9);
        v = json_of(a, &b);
        assert_true(str_eq(at(v, "text")->string, buf_str(&text)));
        assert_str_is(at(v, "finish_reason")->string, "length");
        for (int k = 0; k < 4; k++) {
            buf_clear(&list);
            join(&list, at(v, lists[k]));
            assert_true(str_eq(buf_str(&list), buf_str(&joined[k])));
            buf_done(&joined[k]);
        }
        completion_fold_done(&whole);
        buf_done(&text);
        buf_done(&b);
        buf_done(&list);
        arena_free(a);
    }
}

/* Tokens that are parts of a character, no text at all, or one another's equals. */
static void test_tokens(void **state)
{
    static const struct chat_token token[] = {
        {.text = STR("a"), .end = 1, .logprob = -1, .n_top = 3,
         .top = {{STR("b"), -0.5f}, {STR("b"), -0.75f}, {STR("\xe2\x82"), -2}}},
        {.text = STR("\xe2\x82"), .end = 4, .logprob = -2, .n_top = 1,
         .top = {{STR("\xe2\x82"), -2}}},
        {.text = STR("\xac"), .end = 4},
        {.text = STR("<|x|>"), .end = 4},
        {.text = STR("cd"), .end = 6},
    };
    static const struct { const char *key, *want; } wanted[] = {
        {"tokens", "\"a\",\"bytes:\\\\xe2\\\\x82\",\"bytes:\\\\xac\",\"<|x|>\",\"cd\""},
        {"token_logprobs", "-1,-2,0,0,0"},
        {"text_offset", "0,1,2,2,2"},
        {"top_logprobs", "{\"b\":-0.5,\"bytes:\\\\xe2\\\\x82\":-2,\"a\":-1},"
         "{\"bytes:\\\\xe2\\\\x82\":-2},{\"bytes:\\\\xac\":0},{\"<|x|>\":0},{\"cd\":0}"},
    };
    const struct chat_event ev = {.kind = CHAT_TEXT, .text = STR("a\xe2\x82\xac" "cd"),
                                  .token = token, .n_token = N_OF(token)};
    struct arena *a = arena_new(0);
    struct completion_fold f;
    struct buf b, list;
    struct json *v;

    (void)state;
    completion_fold_init(&f);
    completion_fold_event(&f, &ev);
    buf_init(&b, 1 << 16);
    buf_init(&list, 1 << 16);
    completion_render_chunk(&b, &head, 0, &f);
    v = json_of(a, &b);
    for (size_t i = 0; i < N_OF(wanted); i++) {
        buf_clear(&list);
        join(&list, at(v, wanted[i].key));
        assert_str_is(buf_str(&list), wanted[i].want);
    }
    completion_fold_done(&f);
    buf_done(&b);
    buf_done(&list);
    arena_free(a);
}

/* Calls and thoughts of a backend that sends them anyway say nothing here. */
static void test_other_events(void **state)
{
    const struct chat_event event[] = {
        {.kind = CHAT_REASONING, .text = STR("why")}, {.kind = CHAT_CALL},
        {.kind = CHAT_CHOICE_END, .finish = CHAT_FINISH_TOOL_CALLS}};
    struct chat_head plain = head;
    struct completion_fold f;
    struct buf b;

    (void)state;
    plain.has_logprobs = false;
    completion_fold_init(&f);
    buf_init(&b, 4096);
    for (size_t i = 0; i < N_OF(event); i++) completion_fold_event(&f, &event[i]);
    completion_render_chunk(&b, &plain, 3, &f);
    assert_str_is(buf_str(&b),
                  "{\"id\":\"id\",\"object\":\"text_completion\",\"created\":5,\"model\":\"m\","
                  "\"choices\":[{\"text\":\"\",\"index\":3,\"logprobs\":null,"
                  "\"finish_reason\":\"stop\"}],\"system_fingerprint\":\"fp\"}");
    completion_fold_done(&f);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad), cmocka_unit_test(test_defaults), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_prompts), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_stream_is_whole), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_other_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
