/* SPDX-License-Identifier: Apache-2.0
 *
 * Responses: items become messages, items as they are kept, every limit; chat_events become items
 * in the same way whether their events are written or not. Refusals by field are in
 * tests/api/cases/responses.json.
 */
#include "api/responses.h"

#include "../test.h"
#include "base/rand.h"

#define BODY(input) "{\"model\":\"m\",\"input\":" input "}"
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define SAID(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define CALL(id) "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"f\"," \
                 "\"arguments\":\"{}\"}"
#define RESULT(id) "{\"type\":\"function_call_output\",\"call_id\":\"" id "\",\"output\":\"r\"}"
#define THOUGHT(text) "{\"type\":\"reasoning\",\"summary\":[{\"text\":\"" text "\"}]}"

static const struct api api = {.default_temperature = 0.5, .default_top_p = 0.75};
static const struct seal_key key = {{9}};

static struct parsed {
    struct arena *arena, *keep;
    struct responses_params p;
    struct error e;
} t;

static const struct json *tree(str text)
{
    struct json *v;

    if (json_parse(text, t.arena, &v, &t.e) != ERR_OK) fail_msg("bad test: %s", t.e.text);
    return v;
}

static enum err parse_after(str body, const char *history, const char *inherited)
{
    struct responses_in in = {.api = &api, .body = body, .id = STR("ID"), .team_id = STR("team"),
                              .key = &key, .inherited = str_of(inherited)};

    t = (struct parsed){.arena = arena_new((size_t)256 << 20), .keep = arena_new(0)};
    in.arena = t.arena;
    in.keep = t.keep;
    in.root = tree(body);
    if (history) {
        in.history_text = str_of(history);
        in.history = tree(in.history_text);
    }
    return responses_parse(&in, &t.p, &t.e);
}

static enum err parse(const char *body) { return parse_after(str_of(body), NULL, NULL); }

static void done(void)
{
    arena_free(t.arena);
    arena_free(t.keep);
}

/* ---- items -> messages ---- */

/* "s:text u:text a:text(reasoning)[call call] t:text<call", one blank between messages. */
static void describe(struct buf *b)
{
    static const char letter[CHAT_ROLE_COUNT] = {
        [ROLE_SYSTEM] = 's', [ROLE_DEVELOPER] = 'd', [ROLE_USER] = 'u', [ROLE_ASSISTANT] = 'a',
        [ROLE_TOOL] = 't'};

    for (size_t i = 0; i < t.p.chat.n_message; i++) {
        const struct chat_message *m = &t.p.chat.message[i];

        buf_printf(b, "%s%c:%.*s", i ? " " : "", letter[m->role], STR_FMT(m->text));
        if (m->reasoning.n) buf_printf(b, "(%.*s)", STR_FMT(m->reasoning));
        for (size_t k = 0; k < m->n_call; k++)
            buf_printf(b, "%s%.*s", k ? " " : "[", STR_FMT(m->call[k].id));
        if (m->n_call) buf_char(b, ']');
        if (m->tool_call_id.n) buf_printf(b, "<%.*s", STR_FMT(m->tool_call_id));
    }
}

static const struct { const char *input, *want; } conversations[] = {
    {"\"hi\"", "u:hi"},
    {"[" USER("a") "," SAID("b") "," USER("c") "]", "u:a a:b u:c"},
    {"[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"developer\",\"content\":\"b\"}]",
     "s:a d:b"},
    {"[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},"
     "{\"type\":\"text\",\"text\":\"b\"}]}]", "u:ab"},
    {"[" THOUGHT("why") "," SAID("b") "," CALL("1") "," CALL("2") "," RESULT("1") "," RESULT("2")
     "," USER("c") "]", "a:b(why)[1 2] t:r<1 t:r<2 u:c"},
    {"[" CALL("1") "," RESULT("1") "," CALL("2") "," RESULT("2") "]", "a:[1] t:r<1 a:[2] t:r<2"},
    {"[" SAID("a") "," SAID("b") "]", "a:a a:b"},
    {"[" CALL("1") "," SAID("b") "]", "a:[1] a:b"},
    {"[" SAID("a") "," THOUGHT("x") "," SAID("b") "]", "a:a a:b(x)"},
    {"[" THOUGHT("x") "," THOUGHT("y") "," CALL("1") "]", "a:(x) a:(y)[1]"},
    {"[" THOUGHT("x") "," USER("a") "]", "a:(x) u:a"},
    {"[" THOUGHT("") "," USER("a") "]", "u:a"},
    {"[{\"type\":\"reasoning\",\"summary\":[{\"text\":\"a\"},{\"text\":\"b\"}]}]", "a:(a\n\nb)"},
    {"[{\"type\":\"reasoning\",\"summary\":[{\"text\":\"a\"}],\"content\":[{\"text\":\"b\"}]}]",
     "a:(b)"},
    {"[" USER("a") ",{\"type\":\"web_search_call\",\"id\":\"w\"}," USER("b") "]", "u:a u:b"},
    {"[{\"role\":\"assistant\",\"content\":[]}," USER("a") "]", "a: u:a"},
};

static void check_messages(const char *want)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    describe(&b);
    assert_str_is(buf_str(&b), want);
    buf_done(&b);
}

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(conversations); i++) {
        char body[2048];

        snprintf(body, sizeof body, BODY("%s"), conversations[i].input);
        if (parse(body) != ERR_OK) fail_msg("%s: %s", body, t.e.text);
        check_messages(conversations[i].want);
        done();
    }
}

static void test_conversation(void **state)
{
    (void)state;
    assert_int_equal(parse_after(STR(BODY("[" CALL("1") "]")), "[" USER("a") "," SAID("b") "]",
                                 "be short"), ERR_OK);
    check_messages("s:be short u:a a:b[1]");
    assert_int_equal(t.p.n_kept, 1);
    done();
    assert_int_equal(parse_after(STR("{\"model\":\"m\",\"instructions\":\"x\",\"input\":\"a\"}"),
                                 NULL, "be short"), ERR_OK);
    check_messages("s:x u:a");
    assert_int_equal(t.p.n_kept, 1);
    done();
}

static void test_sealed(void **state)
{
    struct arena *a = arena_new(0);
    str mine = seal_text(&key, STR("team"), STR("deep"), a);
    str theirs = seal_text(&key, STR("other"), STR("deep"), a);
    char body[512];

    (void)state;
    snprintf(body, sizeof body, BODY("[{\"type\":\"reasoning\",\"encrypted_content\":\"%.*s\"}]"),
             STR_FMT(mine));
    assert_int_equal(parse(body), ERR_OK);
    check_messages("a:(deep)");
    done();
    snprintf(body, sizeof body, BODY("[{\"type\":\"reasoning\",\"encrypted_content\":\"%.*s\"}]"),
             STR_FMT(theirs));
    assert_int_equal(parse(body), ERR_ARG);
    done();
    arena_free(a);
}

static void test_summary(void **state)
{
    struct arena *a = arena_new(0);
    str mine = seal_text(&key, responses_summary_context(STR("team"), a), STR("short"), a);
    str thought = seal_text(&key, STR("team"), STR("short"), a);
    char body[512];

    (void)state;
    snprintf(body, sizeof body, BODY("[{\"type\":\"compaction\",\"encrypted_content\":\"%.*s\"},"
             USER("a") "]"), STR_FMT(mine));
    assert_int_equal(parse(body), ERR_OK);
    check_messages("s:short u:a");
    done();
    /* What was thought is no summary. */
    snprintf(body, sizeof body, BODY("[{\"type\":\"compaction\",\"encrypted_content\":\"%.*s\"}]"),
             STR_FMT(thought));
    assert_int_equal(parse(body), ERR_ARG);
    done();
    assert_int_equal(parse(BODY("[{\"type\":\"compaction\"}]")), ERR_TYPE);
    done();
    arena_free(a);
}

/* ---- items as they are kept ---- */

static const struct { const char *input, *id, *body; } kept[] = {
    {"\"hi\"", "msg_ID_in_0",
     "{\"type\":\"message\",\"id\":\"msg_ID_in_0\",\"status\":\"completed\",\"role\":\"user\","
     "\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]}"},
    {"[{\"id\":\"x\",\"status\":\"in_progress\",\"content\":\"b\",\"role\":\"assistant\","
     "\"name\":null}]", "x",
     "{\"type\":\"message\",\"id\":\"x\",\"status\":\"in_progress\",\"content\":"
     "[{\"type\":\"output_text\",\"text\":\"b\",\"annotations\":[]}],\"role\":\"assistant\"}"},
    {"[" CALL("1") "]", "fc_ID_in_0",
     "{\"type\":\"function_call\",\"id\":\"fc_ID_in_0\",\"status\":\"completed\",\"call_id\":\"1\","
     "\"name\":\"f\",\"arguments\":\"{}\"}"},
    {"[" THOUGHT("why") "]", "rs_ID_in_0",
     "{\"type\":\"reasoning\",\"id\":\"rs_ID_in_0\",\"summary\":[{\"text\":\"why\"}]}"},
};

static void test_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(kept); i++) {
        char body[512];

        snprintf(body, sizeof body, BODY("%s"), kept[i].input);
        assert_int_equal(parse(body), ERR_OK);
        assert_int_equal(t.p.n_kept, 1);
        assert_str_is(t.p.kept[0].id, kept[i].id);
        assert_str_is(t.p.kept[0].body, kept[i].body);
        assert_false(t.p.kept[0].is_output);
        done();
    }
    assert_int_equal(parse("{\"model\":\"m\",\"input\":\"a\",\"store\":false}"), ERR_OK);
    assert_int_equal(t.p.n_kept, 0);
    assert_true(t.p.seals);
    done();
}

/* ---- limits ---- */

/* n times item, as `input`; "%" in it is not special. */
static void parse_many(const char *item, size_t n, const char *history, enum err want,
                       const char *text)
{
    struct buf b;

    buf_init(&b, 256u << 20);
    buf_add(&b, STR("{\"model\":\"m\",\"store\":false,\"input\":["));
    for (size_t i = 0; i < n; i++) buf_printf(&b, "%s%s", i ? "," : "", item);
    buf_add(&b, STR("]}"));
    assert_int_equal(parse_after(buf_str(&b), history, NULL), want);
    if (text && !strstr(t.e.text, text)) fail_msg("\"%s\" is not in \"%s\"", text, t.e.text);
    done();
    buf_done(&b);
}

static void test_limits(void **state)
{
    struct buf b;

    (void)state;
    parse_many(USER("a"), RESPONSES_ITEMS_MAX, NULL, ERR_OK, NULL);
    parse_many(USER("a"), RESPONSES_ITEMS_MAX + 1, NULL, ERR_ARG, "at most 100000 are allowed");
    parse_many(USER("a"), RESPONSES_ITEMS_MAX, "[" USER("b") "]", ERR_ARG, "have 100001 items");
    parse_many(CALL("1"), RESPONSES_ITEMS_MAX, NULL, ERR_OK, NULL);
    buf_init(&b, 256u << 20);
    buf_add(&b, STR("{\"role\":\"user\",\"content\":["));
    for (int i = 0; i <= CHAT_PARTS_MAX; i++)
        buf_printf(&b, "%s{\"type\":\"input_text\",\"text\":\"a\"}", i ? "," : "");
    buf_add(&b, str_n("]}\0", 3));
    parse_many(b.p, 1, NULL, ERR_ARG, "has 10001 parts");
    buf_clear(&b);
    buf_add(&b, STR("{\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\","
                    "\"arguments\":\""));
    for (int i = 0; i <= 1 << 20; i++) buf_char(&b, 'x');
    buf_add(&b, str_n("\"}\0", 3));
    parse_many(b.p, 1, NULL, ERR_ARG, "have 1048577 bytes");
    buf_done(&b);
}

static void test_include(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 16);
    buf_add(&b, STR("{\"model\":\"m\",\"input\":\"a\",\"include\":[\"x\""));
    for (int i = 1; i < 65; i++) buf_add(&b, STR(",\"x\""));
    buf_add(&b, STR("]}"));
    assert_int_equal(parse_after(buf_str(&b), NULL, NULL), ERR_ARG);
    assert_non_null(strstr(t.e.text, "at most 64"));
    done();
    buf_done(&b);
    assert_int_equal(parse("{\"model\":\"m\",\"input\":\"a\",\"include\":["
                           "\"message.output_text.logprobs\",\"reasoning.encrypted_content\"]}"),
                     ERR_OK);
    assert_true(t.p.seals && t.p.chat.logprobs && t.p.store);
    done();
}

static void test_echo(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 32u << 20);
    buf_add(&b, STR("{\"model\":\"m\",\"user\":\""));
    for (int i = 0; i < 8 << 20; i++) buf_char(&b, 'x');
    buf_add(&b, STR("\",\"input\":\"a\"}"));
    assert_int_equal(parse_after(buf_str(&b), NULL, NULL), ERR_LIMIT);
    assert_non_null(strstr(t.e.text, "at most 8 MB"));
    done();
    buf_done(&b);
}

/* ---- fields ---- */

static void test_fields(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"model\":\"m\",\"input\":\"a\",\"stream\":true,\"temperature\":1.5,"
                           "\"max_output_tokens\":9,\"reasoning\":{\"effort\":\"none\"},"
                           "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":true,"
                           "\"parameters\":{\"type\":\"object\"}}],\"tool_choice\":"
                           "{\"type\":\"function\",\"name\":\"f\"},\"text\":{\"format\":{\"type\":"
                           "\"json_schema\",\"name\":\"n\",\"schema\":{}}}}"), ERR_OK);
    assert_true(t.p.stream && t.p.store && !t.p.seals);
    assert_true(t.p.chat.sample.temperature > 1.49f && t.p.chat.sample.top_p > 0.74f);
    assert_int_equal(t.p.chat.max_tokens, 9);
    assert_int_equal(t.p.chat.thinking, THINKING_OFF);
    assert_int_equal(t.p.chat.n_tool, 1);
    assert_int_equal(t.p.chat.tool_choice, TOOL_CHOICE_NAMED);
    assert_int_equal(t.p.chat.format, FORMAT_JSON_SCHEMA);
    /* What templates see has no word of this API. */
    assert_null(json_get(json_get(t.p.chat.tool[0].source, "function"), "strict"));
    assert_str_is(json_get(json_get(t.p.chat.tool[0].source, "function"), "name")->string, "f");
    done();
    assert_int_equal(parse("{\"model\":\"m\",\"input\":\"a\",\"max_output_tokens\":99999999999}"),
                     ERR_OK);
    assert_int_equal(t.p.chat.max_tokens, INT32_MAX);
    done();
}

/* ---- output ---- */

struct outputs {
    struct responses_output written, silent;
    struct buf out, scratch, said;     /* said: the texts of all events */
};

static void outputs_init(struct outputs *o)
{
    responses_output_init(&o->written, STR("ID"));
    responses_output_init(&o->silent, STR("ID"));
    buf_init(&o->out, 1 << 20);
    buf_init(&o->scratch, 1 << 20);
    buf_init(&o->said, 1 << 20);
}

static void outputs_done(struct outputs *o)
{
    responses_output_done(&o->written);
    responses_output_done(&o->silent);
    buf_done(&o->out);
    buf_done(&o->scratch);
    buf_done(&o->said);
}

static void give(struct outputs *o, enum chat_event_kind kind, str text)
{
    struct chat_event ev = {.kind = kind};

    if (kind == CHAT_CALL)
        ev.call = (struct chat_tool_call){STR("c"), STR("f"), text};
    else
        ev.text = text;
    buf_add(&o->said, text);
    responses_output_event(&o->written, &ev, &o->scratch, &o->out);
    responses_output_event(&o->silent, &ev, NULL, NULL);
}

static void check_items(const struct outputs *o)
{
    const struct responses_output *w = &o->written;
    struct arena *a = arena_new(0);
    struct error e;
    struct buf read;

    buf_init(&read, 1 << 20);
    for (size_t i = 0; i < w->n_span; i++) {
        const struct json *content;
        struct json *v;

        assert_int_equal(json_parse(str_sub(buf_str(&w->items), w->span[i].from, w->span[i].n), a,
                                    &v, &e), ERR_OK);
        assert_str_is(json_get(v, "id")->string, w->span[i].id);
        assert_str_is(json_get(v, "status")->string, "completed");
        content = json_get(v, "content") ? json_get(v, "content") : json_get(v, "summary");
        buf_add(&read, json_get(content ? &content->item[0] : v, content ? "text" : "arguments")
                           ->string);
    }
    assert_true(str_eq(buf_str(&o->said), buf_str(&read)));
    buf_done(&read);
    arena_free(a);
}

/* Random events: items are the same whether events are written or not, each is complete, and their
 * texts are the events' texts. */
static void test_output(void **state)
{
    struct rng r;

    (void)state;
    rng_seed(&r, 7);
    for (int round = 0; round < 300; round++) {
        static const enum chat_event_kind kind[] = {CHAT_TEXT, CHAT_REASONING, CHAT_CALL};
        struct outputs o;
        char text[32];

        outputs_init(&o);
        for (uint64_t n = rng_below(&r, 16); n > 0; n--) {
            snprintf(text, sizeof text, "<%d\">", (int)rng_below(&r, 100));
            give(&o, kind[rng_below(&r, N_OF(kind))], str_of(text));
        }
        give(&o, CHAT_CHOICE_END, STR(""));
        assert_true(str_eq(buf_str(&o.written.items), buf_str(&o.silent.items)));
        assert_int_equal(o.silent.sequence, 0);
        assert_true(o.written.n_span >= 1 && o.written.n_span == o.silent.n_span);
        check_items(&o);
        outputs_done(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages), cmocka_unit_test(test_conversation),
        cmocka_unit_test(test_sealed), cmocka_unit_test(test_summary),
        cmocka_unit_test(test_kept), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_include), cmocka_unit_test(test_echo), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_output),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
