/* SPDX-License-Identifier: Apache-2.0
 *
 * Every real template takes every history: no order of messages, no call however broken and no
 * tool however bare makes it fail, and what was called and answered is in the prompt.
 */
#include "chat/prompt.c"

#include "../test.h"
#include "../token/tiny_vocab.h"
#include <dirent.h>
#include "base/file.h"

#define TEMPLATE_BYTES_MAX (1u << 20)

#define USER(t) {.role = ROLE_USER, .text = STR(t)}
#define SYSTEM(t) {.role = ROLE_SYSTEM, .text = STR(t)}
#define SAYS(t) {.role = ROLE_ASSISTANT, .text = STR(t)}
#define CALLS(t, c, n) {.role = ROLE_ASSISTANT, .text = STR(t), .call = (c), .n_call = (n)}
#define RESULT(i, t) {.role = ROLE_TOOL, .text = STR(t), .tool_call_id = STR(i)}

static const struct chat_tool_call
    one[] = {{STR("call_abc"), STR("weather_at"), STR("{\"city\": \"Tromso\", \"n\": [1, null]}")}},
    two[] = {{STR("call_abc"), STR("weather_at"), STR("{\"city\": \"Tromso\"}")},
             {STR("call_def"), STR("time_at"), STR("{\"city\": \"Bergen\"}")}},
    same_id[] = {{STR("x"), STR("weather_at"), STR("{\"city\": \"Tromso\"}")},
                 {STR("x"), STR("time_at"), STR("{\"city\": \"Bergen\"}")}},
    no_id[] = {{STR(""), STR("weather_at"), STR("{\"city\": \"Tromso\"}")}},
    bare[] = {{STR("call_abc"), STR("weather_at"), STR("{}")}},
    broken[] = {{STR("call_abc"), STR("weather_at"), STR("{\"city\": \"Tromso")}},
    list[] = {{STR("call_abc"), STR("weather_at"), STR("[\"Tromso\"]")}},
    words[] = {{STR("call_abc"), STR("weather_at"), STR("Tromso, please")}},
    empty[] = {{STR("call_abc"), STR("weather_at"), STR("")}},
    half[] = {{STR("call_abc"), STR("weather_at"), STR("{\"city\": \"Tromso\"}")},
              {STR("call_def"), STR("time_at"), STR("{\"city\": \"Bergen")}};

#define HISTORY_MAX 8
static const struct {
    const char *name;
    struct chat_message message[HISTORY_MAX];
    const char *want[5];
} histories[] = {
    {"plain", {USER("hi")}, {"hi"}},
    {"system", {SYSTEM("be brief"), USER("hi")}, {"be brief", "hi"}},
    {"call and result", {USER("q"), CALLS("", one, 1), RESULT("call_abc", "rain9")},
     {"weather_at", "Tromso", "rain9"}},
    {"and an answer", {USER("q"), CALLS("", one, 1), RESULT("call_abc", "rain9"), SAYS("It rains."),
     USER("thanks8")}, {"weather_at", "Tromso", "rain9", "It rains.", "thanks8"}},
    {"behind a system message", {SYSTEM("s"), USER("q"), CALLS("", one, 1),
     RESULT("call_abc", "rain9")}, {"weather_at", "Tromso", "rain9"}},
    {"two calls", {USER("q"), CALLS("", two, 2), RESULT("call_abc", "rain9"),
     RESULT("call_def", "noon7")}, {"Tromso", "Bergen", "time_at", "rain9", "noon7"}},
    {"results in another order", {USER("q"), CALLS("", two, 2), RESULT("call_def", "noon7"),
     RESULT("call_abc", "rain9"), SAYS("So it is.")}, {"Tromso", "Bergen", "rain9", "noon7"}},
    {"one result of two", {USER("q"), CALLS("", two, 2), RESULT("call_def", "noon7"), USER("u")},
     {"Tromso", "Bergen", "noon7"}},
    {"no result", {USER("q"), CALLS("", one, 1), USER("and?")}, {"weather_at", "Tromso", "and?"}},
    {"ends with a call", {USER("q"), CALLS("", one, 1)}, {"weather_at", "Tromso"}},
    {"calls in turn", {USER("q"), CALLS("", one, 1), RESULT("call_abc", "rain9"),
     CALLS("", two + 1, 1), RESULT("call_def", "noon7")}, {"Tromso", "Bergen", "rain9", "noon7"}},
    {"one id twice", {USER("q"), CALLS("", same_id, 2), RESULT("x", "rain9"),
     RESULT("x", "noon7")}, {"Tromso", "Bergen", "rain9", "noon7"}},
    {"no ids", {USER("q"), CALLS("", no_id, 1), RESULT("", "rain9")}, {"Tromso", "rain9"}},
    {"unknown id", {USER("q"), CALLS("", one, 1), RESULT("nobody", "rain9")}, {"Tromso", "rain9"}},
    {"result without call", {USER("q"), RESULT("call_abc", "rain9")}, {"rain9"}},
    {"result first", {RESULT("call_abc", "rain9"), USER("q")}, {"rain9", "q"}},
    {"result alone", {RESULT("call_abc", "rain9")}, {"rain9"}},
    {"result behind an answer", {USER("q"), SAYS("a"), RESULT("call_abc", "rain9")}, {"rain9"}},
    {"no arguments", {USER("q"), CALLS("", bare, 1), RESULT("call_abc", "rain9")},
     {"weather_at", "rain9"}},
    {"broken arguments", {USER("q"), CALLS("", broken, 1), RESULT("call_abc", "rain9")},
     {"weather_at", "Tromso", "rain9"}},
    {"a list as arguments", {USER("q"), CALLS("", list, 1), RESULT("call_abc", "rain9")},
     {"weather_at", "Tromso", "rain9"}},
    {"words as arguments", {USER("q"), CALLS("", words, 1), RESULT("call_abc", "rain9"), USER("u")},
     {"weather_at", "Tromso, please", "rain9"}},
    {"empty arguments", {USER("q"), CALLS("", empty, 1), RESULT("call_abc", "rain9")},
     {"weather_at", "rain9"}},
    {"one of two broken", {USER("q"), CALLS("", half, 2), RESULT("call_abc", "rain9"),
     RESULT("call_def", "noon7")}, {"Tromso", "Bergen", "rain9", "noon7"}},
    {"text with a call", {USER("q"), CALLS("I look.", one, 1), RESULT("call_abc", "rain9")},
     {"weather_at", "Tromso", "rain9"}},
    {"empty result", {USER("q"), CALLS("", one, 1), RESULT("call_abc", "")}, {"Tromso"}},
    {"call first", {CALLS("", one, 1), RESULT("call_abc", "rain9")}, {"Tromso", "rain9"}},
    {"two questions", {USER("one5"), USER("two6")}, {"one5", "two6"}},
    {"two answers", {USER("one5"), SAYS("two6"), SAYS("three4"), USER("u")},
     {"one5", "two6", "three4"}},
    {"answer first", {SAYS("one5"), USER("two6")}, {"one5", "two6"}},
    {"answer alone", {SAYS("one5")}, {"one5"}},
    {"system alone", {SYSTEM("one5")}, {NULL}},
    {"system last", {USER("one5"), SYSTEM("two6")}, {"one5", "two6"}},
    {"empty", {USER("")}, {NULL}},
    {"function", {USER("q"), {.role = ROLE_FUNCTION, .name = STR("weather_at"),
     .text = STR("rain9")}}, {"rain9"}},
};

static const char *const tool_text[] = {
    ("{\"type\":\"function\",\"function\":{\"name\":\"weather_at\",\"description\":\"of a city\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\","
    "\"description\":\"where\"}},\"required\":[\"city\"]}}}"),
    "{\"type\":\"function\",\"function\":{\"name\":\"time_at\"}}",
    ("{\"type\":\"function\",\"function\":{\"name\":\"other\",\"parameters\":{\"type\":\"object\","
    "\"anyOf\":[{\"properties\":{\"a\":{\"enum\":[1,\"x\",null]}}}]}}}"),
};

struct fixture {
    struct arena *arena;
    struct chat_tool tool[N_OF(tool_text)];
    struct vocab *vocab;
    struct tiny tiny;
};

static void set_up(struct fixture *f)
{
    struct error e;

    f->arena = arena_new(0);
    for (size_t i = 0; i < N_OF(tool_text); i++) {
        struct json *v;
        const struct json *function;

        assert_int_equal(json_parse(str_of(tool_text[i]), f->arena, &v, &e), ERR_OK);
        function = json_get(v, "function");
        f->tool[i] = (struct chat_tool){.name = json_get(function, "name")->string,
                                        .parameters = json_get(function, "parameters"),
                                        .source = v};
    }
    tiny_bpe(&f->tiny, "qwen2", NULL, 0, NULL, 0);
    if (vocab_new(&f->tiny.desc, &f->vocab, &e) != ERR_OK) fail_msg("%s", e.text);
}

static size_t history_length(size_t k)
{
    size_t n = 0;

    while (n < HISTORY_MAX && (histories[k].message[n].text.p || histories[k].message[n].n_call))
        n++;
    return n;
}

static bool holds(const struct template_out *t, const char *word)
{
    return str_find(buf_str(&t->text), str_of(word), 0) != SIZE_MAX;
}

/* Some templates show tools beside a user's message only. */
static bool has_user(const struct chat_request *r)
{
    for (size_t i = 0; i < r->n_message; i++)
        if (r->message[i].role == ROLE_USER) return true;
    return false;
}

/* One template, one history, one set of tools. Gives how many words are missing. */
static int one_case(const struct chat_model *m, const char *file, size_t k,
                    const struct chat_request *r, const struct chat_tool *tool)
{
    struct template_out out;
    struct error e = {0};
    int n_missing = 0;

    if (render(m, r, &out, &e) != ERR_OK) {
        print_error("%s, %s, %zu tools: %s\n", file, histories[k].name, r->n_tool, e.text);
        template_out_done(&out);
        return 1;
    }
    for (int i = 0; i < 5 && histories[k].want[i]; i++)
        if (!holds(&out, histories[k].want[i])) {
            print_error("%s, %s, %zu tools: no '%s' in\n%.*s\n", file, histories[k].name, r->n_tool,
                        histories[k].want[i], STR_FMT(buf_str(&out.text)));
            n_missing++;
        }
    for (size_t i = 0; chat_may_call(r) && has_user(r) && i < r->n_tool; i++)
        if (str_find(buf_str(&out.text), tool[i].name, 0) == SIZE_MAX) {
            print_error("%s, %s: tool %zu is not shown\n", file, histories[k].name, i);
            n_missing++;
        }
    template_out_done(&out);
    return n_missing;
}

static int one_template(struct fixture *f, const char *file, str source)
{
    struct template *t;
    struct chat_model m;
    struct error e;
    int n_bad = 0;

    if (template_parse(source, &t, &e) != ERR_OK) fail_msg("%s: %s", file, e.text);
    chat_model_of(&m, f->vocab, t, NULL, 100000);
    print_message("%-52s %-12s tools %d calls %d as text %d short ids %d one %d think %d\n", file,
                  call_syntax_name(m.syntax), m.shows_tools, m.shows_calls, m.text_arguments,
                  m.short_ids, m.one_call, m.may_think);
    for (size_t k = 0; k < N_OF(histories); k++)
        for (size_t n_tool = 0; n_tool <= N_OF(tool_text); n_tool++)
            for (enum chat_thinking thinking = 0; thinking <= THINKING_ON; thinking++) {
                struct chat_request r = {
                    .message = histories[k].message, .n_message = history_length(k),
                    .tool = f->tool, .n_tool = n_tool, .thinking = thinking,
                    .tool_choice = thinking == THINKING_OFF ? TOOL_CHOICE_NONE : TOOL_CHOICE_AUTO};

                n_bad += one_case(&m, file, k, &r, f->tool);
            }
    template_free(t);
    return n_bad;
}

static void test_histories(void **state)
{
    char path[800], folder[400];
    struct fixture f = {0};
    struct dirent *d;
    DIR *dir;
    int n_bad = 0, n_template = 0;

    (void)state;
    if (!golden_path("templates", folder, sizeof folder)) skip();
    set_up(&f);
    dir = opendir(folder);
    assert_non_null(dir);
    while ((d = readdir(dir))) {
        struct arena *a;
        struct error e;
        str source;

        if (!str_ends(str_of(d->d_name), STR(".jinja"))) continue;
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        a = arena_new(0);
        if (file_read(path, TEMPLATE_BYTES_MAX, a, &source, &e) != ERR_OK) fail_msg("%s", e.text);
        n_bad += one_template(&f, d->d_name, source);
        n_template++;
        arena_free(a);
    }
    closedir(dir);
    assert_int_equal(n_bad, 0);
    assert_true(n_template > 0);
    vocab_free(f.vocab);
    arena_free(f.arena);
}

/* gpt-oss goes on from what it thought before a call, once the result is there. */
static void test_thinking(void **state)
{
    static const struct chat_message message[] = {
        USER("q"),
        {.role = ROLE_ASSISTANT, .reasoning = STR("must look it up"), .call = one, .n_call = 1},
        RESULT("call_abc", "rain9")};
    struct chat_request r = {.message = message, .n_message = 3};
    struct template_out out;
    struct fixture f = {0};
    struct template *t;
    struct chat_model m;
    struct error e;
    char path[512];
    str source;

    (void)state;
    if (!golden_path("templates/openai-gpt-oss-120b.jinja", path, sizeof path)) skip();
    set_up(&f);
    assert_int_equal(file_read(path, TEMPLATE_BYTES_MAX, f.arena, &source, &e), ERR_OK);
    assert_int_equal(template_parse(source, &t, &e), ERR_OK);
    chat_model_of(&m, f.vocab, t, NULL, 100000);
    assert_int_equal(render(&m, &r, &out, &e), ERR_OK);
    assert_true(holds(&out, "<|channel|>analysis<|message|>must look it up<|end|>"));
    template_out_done(&out);
    template_free(t);
    vocab_free(f.vocab);
    arena_free(f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_histories),
                                       cmocka_unit_test(test_thinking)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
