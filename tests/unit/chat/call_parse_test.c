/* SPDX-License-Identifier: Apache-2.0
 *
 * A turn's bytes -> text and calls: what templates write for past calls comes back as those calls,
 * for each template, also when the bytes come in any pieces; what models get wrong is text; and
 * nothing is slow.
 */
#include "call_fixture.h"

#include "base/clock.h"
#include "chat/call_parse.h"

/* Events as one text: "T:" text, "R:" reasoning, "C:" name/id:arguments. Pieces of text are joined.
 * ends: where each call ended. */
struct log { struct buf b, ends; int last; size_t n_call; };

static void take_events(struct call_parser *p, struct log *l)
{
    struct call_event ev;
    while (call_parser_next(p, &ev)) {
        if (ev.kind == CALL_EVENT_CALL) {
            buf_printf(&l->b, "\nC:%.*s/%.*s:", STR_FMT(ev.call.name), STR_FMT(ev.call.id));
            buf_printf(&l->ends, " %zu", ev.end);
            buf_add(&l->b, ev.call.arguments);
            l->n_call++;
        } else {
            assert_true(ev.text.n > 0);
            if (l->last != (int)ev.kind)
                buf_add(&l->b, ev.kind == CALL_EVENT_TEXT ? STR("\nT:") : STR("\nR:"));
            buf_add(&l->b, ev.text);
        }
        l->last = (int)ev.kind;
    }
}

static struct call_parser *begin(const struct call_syntax *s, const struct chat_tool *tool,
                                 size_t n_tool, struct log *l)
{
    *l = (struct log){.last = -1};
    buf_init(&l->b, (size_t)64 << 20);
    buf_init(&l->ends, (size_t)64 << 20);
    return call_parser_new(s, tool, n_tool);
}

static void finish(struct call_parser *p, struct log *l)
{
    call_parser_end(p);
    take_events(p, l);
    call_parser_free(p);
}

/* cut: offsets at which the text is divided. */
static struct log parse(const struct call_syntax *s, const struct chat_tool *tool, size_t n_tool,
                        str text, const size_t *cut, size_t n_cut)
{
    struct log l;
    struct call_parser *p = begin(s, tool, n_tool, &l);
    size_t from = 0;
    for (size_t i = 0; i <= n_cut; i++) {
        size_t to = i < n_cut ? cut[i] : text.n;
        call_parser_feed(p, str_sub(text, from, to - from));
        take_events(p, &l);
        from = to;
    }
    finish(p, &l);
    return l;
}

static void log_done(struct log *l)
{
    buf_done(&l->b);
    buf_done(&l->ends);
}

static void same(const char *what, str text, const struct log *want, struct log *got)
{
    if (!str_eq(buf_str(&want->b), buf_str(&got->b)) ||
        !str_eq(buf_str(&want->ends), buf_str(&got->ends)))
        fail_msg("%s of \"%.*s\"\nwhole: %.*s\nin pieces: %.*s", what, STR_FMT(text),
                 STR_FMT(buf_str(&want->b)), STR_FMT(buf_str(&got->b)));
    log_done(got);
}

static int by_offset(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Each byte alone; each division in two; many random ones. */
static void check_splits(const struct call_syntax *s, const struct chat_tool *tool, size_t n_tool,
                         str text, const struct log *whole)
{
    size_t *cut = mem_array(text.n + 12, sizeof *cut);
    struct rng rng;
    struct log l;
    rng_seed(&rng, text.n);
    for (size_t i = 0; i < text.n; i++)
        cut[i] = i;
    l = parse(s, tool, n_tool, text, cut, text.n);
    same("bytes", text, whole, &l);
    for (size_t i = 0; i <= text.n; i++) {
        l = parse(s, tool, n_tool, text, &i, 1);
        same("two parts", text, whole, &l);
    }
    for (int round = 0; round < 40 && text.n > 0; round++) {
        size_t n = 1 + (size_t)rng_below(&rng, 12);
        for (size_t i = 0; i < n; i++)
            cut[i] = (size_t)rng_below(&rng, text.n + 1);
        qsort(cut, n, sizeof *cut, by_offset);
        l = parse(s, tool, n_tool, text, cut, n);
        same("random parts", text, whole, &l);
    }
    mem_free(cut);
}

/* ---- what templates write ---- */

/* The turn without its thinking, which is taken out before the parser. */
static str turn_of(const struct call_template *t, const char *source, const size_t *which, size_t n,
                   struct arena *a)
{
    str open, close, turn;
    bool opens;
    call_syntax_thinking(call_syntax_of(str_of(source)), &open, &close);
    turn = fixture_turn(t, source, which, n, open, &opens, a);
    if (!opens && !str_starts(str_trim(turn), open))
        return turn;
    size_t end = str_find(turn, close, 0);
    return end == SIZE_MAX ? turn : str_sub(turn, end + close.n, turn.n);
}

static void compact(struct buf *b, str json, struct arena *a)
{
    struct json_writer w;
    jw_init(&w, b);
    jw_value(&w, fixture_json(json, a));
}

/* The calls of the turn are these, with equal arguments, and nothing else is in it. */
static void check_turn(const struct call_template *t, const struct call_syntax *s, str turn,
                       const size_t *which, size_t n, const struct chat_tool *tool)
{
    struct call_parser *p = call_parser_new(s, tool, N_CASES);
    struct arena *a = arena_new(0);
    struct call_event ev;
    size_t n_call = 0;
    call_parser_feed(p, turn);
    call_parser_end(p);
    while (call_parser_next(p, &ev)) {
        struct buf want, got;
        if (ev.kind != CALL_EVENT_CALL)
            fail_msg("%s: text \"%.*s\" from \"%.*s\"", t->file, STR_FMT(ev.text), STR_FMT(turn));
        if (n_call == n)
            fail_msg("%s: too many calls", t->file);
        assert_str_is(ev.call.name, call_cases[which[n_call]].name);
        buf_init(&want, 1 << 20);
        buf_init(&got, 1 << 20);
        compact(&want, str_of(call_cases[which[n_call]].arguments), a);
        compact(&got, arena_str(a, ev.call.arguments), a);
        if (!str_eq(buf_str(&want), buf_str(&got)))
            fail_msg("%s: %.*s instead of %.*s", t->file, STR_FMT(buf_str(&got)),
                     STR_FMT(buf_str(&want)));
        buf_done(&want);
        buf_done(&got);
        n_call++;
    }
    if (n_call != n)
        fail_msg("%s: %zu calls of %zu in \"%.*s\"", t->file, n_call, n, STR_FMT(turn));
    call_parser_free(p);
    arena_free(a);
}

static void check_calls(const struct call_template *t, const char *source, const size_t *which,
                        size_t n, struct arena *a)
{
    const struct call_syntax *s = call_syntax_of(str_of(source));
    const struct chat_tool *tool = fixture_tools(a);
    str turn = turn_of(t, source, which, n, a);
    check_turn(t, s, turn, which, n, tool);
    struct log whole = parse(s, tool, N_CASES, turn, NULL, 0);
    check_splits(s, tool, N_CASES, turn, &whole);
    log_done(&whole);
}

static void test_templates(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(call_templates); i++) {
        const struct call_template *t = &call_templates[i];
        struct arena *a = arena_new(0);
        const char *source = fixture_source(t, a);
        if (!source) {
            arena_free(a);
            skip();
        }
        assert_string_equal(call_syntax_name(call_syntax_of(str_of(source))), t->row);
        for (size_t k = 0; t->shows_calls && k < N_CASES; k++) {
            struct arena *one = arena_new(0);
            check_calls(t, source, &k, 1, one);
            arena_free(one);
        }
        arena_free(a);
    }
}

/* Two calls in one turn, where the template shows both. DeepSeek R1's ends a turn behind the
 * second; Llama's and gpt-oss's show one. */
static void test_templates_parallel(void **state)
{
    static const size_t two[] = {1, 5};
    (void)state;
    for (size_t i = 0; i < N_OF(call_templates); i++) {
        const struct call_template *t = &call_templates[i];
        struct arena *a = arena_new(0);
        const char *source = fixture_source(t, a);
        if (!source) {
            arena_free(a);
            skip();
        }
        if (t->shows_calls && strcmp(t->row, "llama3") != 0 && strcmp(t->row, "gpt_oss") != 0)
            check_calls(t, source, two, 2, a);
        arena_free(a);
    }
}

/* What call_syntax_write_call writes is read back, for each row. */
static const char *const row_names[] = {
    "plain", "hermes", "qwen3_coder", "llama3", "mistral_v3", "mistral_v11", "mistral_v13",
    "deepseek_v3", "deepseek_v31", "glm", "glm_4_7", "kimi", "gpt_oss", "gemma4", "granite", "lfm2",
    "function_tag", "nemotron", "seed_oss", "minimax", "function_gemma", "olmo3",
};

static void test_written(void **state)
{
    (void)state;
    for (size_t r = 0; r < N_OF(row_names); r++) {
        const struct call_syntax *s = call_syntax_named(row_names[r]);
        struct call_template t = {.file = row_names[r]};
        struct arena *a = arena_new(0);
        const struct chat_tool *tool = fixture_tools(a);
        for (size_t k = 0; k < N_CASES; k++) {
            struct chat_tool_call c = {STR("abc123456"), tool[k].name,
                                       str_of(call_cases[k].arguments)};
            struct buf b;
            buf_init(&b, 1 << 20);
            call_syntax_write_call(s, &c, &b);
            check_turn(&t, s, buf_str(&b), &k, 1, tool);
            struct log whole = parse(s, tool, N_CASES, buf_str(&b), NULL, 0);
            check_splits(s, tool, N_CASES, buf_str(&b), &whole);
            log_done(&whole);
            buf_done(&b);
        }
        arena_free(a);
    }
}

/* ---- what models write ---- */

struct row { const char *syntax, *text, *want; };

/* clang-format off */
#define CITY "{\"city\": \"Paris\"}"
#define CALL "{\"name\": \"get_weather\", \"arguments\": " CITY "}"
static const struct row model_rows[] = {
    /* text around calls keeps its inner white space alone */
    {"hermes", "hello", "\nT:hello"},
    {"hermes", "  hello \n", "\nT:  hello \n"},
    {"hermes", " \n", "\nT: \n"},
    {"hermes", "\n\n<tool_call>\n" CALL "\n</tool_call>\n", "\nC:get_weather/:" CITY},
    {"hermes", "Let me look.\n\n<tool_call>\n" CALL "\n</tool_call>\n\nDone. \n",
     "\nT:Let me look.\nC:get_weather/:" CITY "\nT:Done."},
    {"hermes", "<tool_call>" CALL "</tool_call><tool_call>" CALL "</tool_call>",
     "\nC:get_weather/:" CITY "\nC:get_weather/:" CITY},
    {"hermes", "<tool_call>\n" CALL "\n<tool_call>\n" CALL "\n",
     "\nC:get_weather/:" CITY "\nC:get_weather/:" CITY},
    {"hermes", "<tool_call>\n\n {\"arguments\" :" CITY ",\"name\":\"get_weather\"}",
     "\nC:get_weather/:" CITY},
    {"hermes", "<tool_call>{\"name\": \"get_weather\", \"parameters\": " CITY "}</tool_call>",
     "\nC:get_weather/:" CITY},
    {"hermes", "<tool_call>{\"name\": \"ping\"}</tool_call>", "\nC:ping/:{}"},
    {"hermes", "<tool_call>{\"name\": \"get_weather\", \"arguments\": \"{\\\"city\\\": 1}\"}"
     "</tool_call>", "\nC:get_weather/:{\"city\": 1}"},
    {"hermes", "<tool_call>{\"type\": \"function\", \"function\": " CALL "}</tool_call>",
     "\nC:get_weather/:" CITY},
    /* no calls */
    {"hermes", "a <tool_call>not JSON</tool_call> b", "\nT:a <tool_call>not JSON</tool_call> b"},
    {"hermes", "<tool_call>{\"name\": \"no_such\", \"arguments\": {}}</tool_call>",
     "\nT:<tool_call>{\"name\": \"no_such\", \"arguments\": {}}</tool_call>"},
    {"hermes", "<tool_call>{\"name\": \"ping\", \"arguments\": [1]}</tool_call>",
     "\nT:<tool_call>{\"name\": \"ping\", \"arguments\": [1]}</tool_call>"},
    {"hermes", "<tool_call>{\"name\": \"ping\", \"arguments\": {\"a\": 01}}</tool_call>",
     "\nT:<tool_call>{\"name\": \"ping\", \"arguments\": {\"a\": 01}}</tool_call>"},
    {"hermes", "<tool_call>{\"name\": <tool_call>" CALL "</tool_call>",
     "\nT:<tool_call>{\"name\":\nC:get_weather/:" CITY},
    {"hermes", "<tool_call><tool_call>" CALL "</tool_call>",
     "\nT:<tool_call>\nC:get_weather/:" CITY},
    {"hermes", "<tool_cal", "\nT:<tool_cal"},
    {"hermes", "<tool_call>", "\nT:<tool_call>"},
    {"hermes", "<tool_call>\n{\"na", "\nT:<tool_call>\n{\"na"},
    {"hermes", "1 < 2 <tool <tool_ call>", "\nT:1 < 2 <tool <tool_ call>"},
    /* half a call is dropped */
    {"hermes", "x <tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"ci", "\nT:x"},
    {"hermes", "<tool_call>" CALL "\n</tool_c", "\nC:get_weather/:" CITY},
    /* other formats, as models vary them */
    {"qwen3_coder", "ok\n<tool_call>\n<function=get_weather>\n<parameter=city>"
     "\nParis\n</parameter>\n"
     "</function>\n</tool_call>", "\nT:ok\nC:get_weather/:{\"city\":\"Paris\"}"},
    {"qwen3_coder", "<function=get_weather><parameter=city>Paris</parameter></function>",
     "\nC:get_weather/:{\"city\":\"Paris\"}"},
    {"qwen3_coder", "<tool_call><function=flags>\n<parameter=no>\nFalse\n</parameter>"
     "\n<parameter=yes>\n"
     "true\n</parameter></function></tool_call>", "\nC:flags/:{\"no\":false,\"yes\":true}"},
    {"qwen3_coder", "<tool_call>\n<function=numbers>\n<parameter=f>\n1.50\n</parameter>"
     "\n<parameter=i>\n"
     "two\n</parameter>\n</function>\n</tool_call>", "\nC:numbers/:{\"f\":1.50,\"i\":\"two\"}"},
    {"qwen3_coder", "<tool_call>\n<function=no_such>\n</function>\n</tool_call>",
     "\nT:<tool_call>\n<function=no_such>\n</function>\n</tool_call>"},
    {"qwen3_coder", "<tool_call>\n<function=get_weather>\n<parameter=city>\nPar", ""},
    {"llama3", "{\"name\": \"get_weather\", \"parameters\": " CITY "}", "\nC:get_weather/:" CITY},
    {"llama3", "\n\n{\"type\": \"function\", \"name\": \"ping\", \"parameters\": {}}",
     "\nC:ping/:{}"},
    {"llama3", "<|python_tag|>{\"name\": \"ping\", \"parameters\": {}}", "\nC:ping/:{}"},
    {"llama3", "{\"answer\": 42}", "\nT:{\"answer\": 42}"},
    {"llama3", "Use {\"name\": \"ping\", \"parameters\": {}}",
     "\nT:Use {\"name\": \"ping\", \"parameters\": {}}"},
    {"llama3", "{\"name\": \"Ann\", \"age\": 3}", "\nT:{\"name\": \"Ann\", \"age\": 3}"},
    {"mistral_v3", "[TOOL_CALLS] [{\"name\": \"ping\", \"arguments\": {}, \"id\": \"abcdefghi\"},"
     "{\"name\":\"get_weather\",\"arguments\":" CITY "}]",
     "\nC:ping/abcdefghi:{}\nC:get_weather/:" CITY},
    {"mistral_v3", "[TOOL_CALLS]oops", "\nT:[TOOL_CALLS]oops"},
    {"mistral_v11", "[TOOL_CALLS]get_weather[ARGS]" CITY, "\nC:get_weather/:" CITY},
    {"mistral_v11", "hm [TOOL_CALLS]get_weather" CITY "[TOOL_CALLS]ping[CALL_ID]abcdefghi[ARGS]{}",
     "\nT:hm\nC:get_weather/:" CITY "\nC:ping/abcdefghi:{}"},
    {"deepseek_v3", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n"
     "```json\n" CITY "\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>ping\n"
     "```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "\nC:get_weather/:" CITY "\nC:ping/:{}"},
    {"deepseek_v31", "a<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>ping<｜tool▁sep｜>{}",
     "\nT:a\nC:ping/:{}"},
    {"glm", "\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n"
     "</tool_call>", "\nC:get_weather/:{\"city\":\"Paris\"}"},
    {"glm", "<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>",
     "\nC:get_weather/:{\"city\":\"Paris\"}"},
    {"glm", "<tool_call>ping</tool_call>", "\nC:ping/:{}"},
    {"glm", "<tool_call>optional<arg_key>b</arg_key><arg_value>1</arg_value><arg_key>b</arg_key>"
     "<arg_value>2</arg_value></tool_call>", "\nC:optional/:{\"b\":2}"},
    {"kimi", "<|tool_calls_section_begin|><|tool_call_begin|>functions.ping:3"
     "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
     "\nC:ping/functions.ping:3:{}"},
    {"gpt_oss", "<|start|>assistant<|channel|>final<|message|>Hi", "\nT:Hi"},
    {"gpt_oss", "<|start|>assistant<|channel|>commentary to=functions.get_weather "
     "<|constrain|>json<|message|>" CITY "<|call|>", "\nC:get_weather/:" CITY "\nT:<|call|>"},
    {"gpt_oss", " to=functions.ping<|channel|>commentary json<|message|>{}", "\nC:ping/:{}"},
    {"gpt_oss", "<|channel|>commentary<|message|>Looking.<|end|><|start|>assistant"
     "<|channel|>analysis<|message|>hm <|end|><|start|>assistant<|channel|>commentary "
     "to=functions.ping <|constrain|>json<|message|>{}",
     "\nT:Looking.\nR:hm \nC:ping/:{}"},
    {"gemma4", "<|tool_call>call:get_weather_at{city:<|\"|>Z{}<|\"|>,days:3}<tool_call|>",
     "\nC:get_weather_at/:{\"city\":\"Z{}\",\"days\":3}"},
    {"gemma4", "<|tool_call>call:ping{}<tool_call|><|tool_call>call:optional{b:1}",
     "\nC:ping/:{}\nC:optional/:{\"b\":1}"},
    {"granite", "<|tool_call|>[{\"name\": \"ping\", \"arguments\": {}}]", "\nC:ping/:{}"},
    {"granite", "<|tool_call|> []", "\nT:<|tool_call|> []"},
    {"lfm2", "<|tool_call_start|>[get_weather(city='Par\\'is'), numbers(f=1e3, i=-2),"
     " flags(no=False, yes=True)]<|tool_call_end|>Wait.",
     "\nC:get_weather/:{\"city\":\"Par'is\"}\nC:numbers/:{\"f\":1e3,\"i\":-2}"
     "\nC:flags/:{\"no\":false,\"yes\":true}\nT:Wait."},
    {"lfm2", "<|tool_call_start|>[list(tags=[\"a\", 'b)', \"\\u00e9\\ud83d\\ude00\"])]"
     "<|tool_call_end|>",
     "\nC:list/:{\"tags\":[\"a\",\"b)\",\"\xc3\xa9\xf0\x9f\x98\x80\"]}"},
    {"lfm2", "<|tool_call_start|>[ping(]<|tool_call_end|>", "\nT:<|tool_call_start|>[ping(]"
     "<|tool_call_end|>"},
};
/* clang-format on */

static void test_models(void **state)
{
    struct arena *a = arena_new(0);
    const struct chat_tool *tool = fixture_tools(a);
    bool failed = false;
    (void)state;
    for (size_t i = 0; i < N_OF(model_rows); i++) {
        const struct row *r = &model_rows[i];
        const struct call_syntax *s = call_syntax_named(r->syntax);
        struct log l = parse(s, tool, N_CASES, str_of(r->text), NULL, 0);
        if (!str_is(buf_str(&l.b), r->want)) {
            print_error("%s \"%s\"\n got %.*s\nwant %s\n\n", r->syntax, r->text,
                        STR_FMT(buf_str(&l.b)), r->want);
            failed = true;
        }
        check_splits(s, tool, N_CASES, str_of(r->text), &l);
        log_done(&l);
    }
    arena_free(a);
    if (failed)
        fail();
}

static void test_ends(void **state)
{
    static const char text[] = "So: <tool_call>\n" CALL "\n</tool_call>\n<tool_call>" CALL " ";
    struct arena *a = arena_new(0);
    struct log l = parse(call_syntax_named("hermes"), fixture_tools(a), N_CASES, str_of(text), NULL,
                         0);
    (void)state;
    assert_str_is(buf_str(&l.ends), " 84 152");
    log_done(&l);
    arena_free(a);
}

/* ---- limits ---- */

/* Feeds text n times, `piece` bytes at once; nanoseconds. */
static int64_t time_of(const char *syntax, const char *open, const char *text, size_t n_byte,
                       size_t piece, struct log *l)
{
    struct arena *a = arena_new(0);
    const struct chat_tool *tool = fixture_tools(a);
    struct call_parser *p = begin(call_syntax_named(syntax), tool, N_CASES, l);
    struct buf b;
    buf_init(&b, n_byte + 1000);
    buf_add(&b, str_of(open));
    while (b.n < n_byte)
        buf_add(&b, str_of(text));
    int64_t from = clock_ns();
    for (size_t at = 0; at < b.n; at += piece) {
        call_parser_feed(p, str_sub(buf_str(&b), at, piece));
        take_events(p, l);
    }
    finish(p, l);
    from = clock_ns() - from;
    buf_done(&b);
    arena_free(a);
    return from;
}

/* Hostile streams of 1 MiB, byte by byte and at once, in time linear in them. */
static void test_linear(void **state)
{
    static const struct { const char *syntax, *open, *text; } row[] = {
        {"hermes", "", "<"},
        {"hermes", "", " "},
        {"hermes", "<tool_call>", " "},
        {"hermes", "", "<tool_call>"},
        {"hermes", "", "<tool_call>{"},
        {"hermes", "", "<tool_call>{\"a\":\""},
        {"hermes", "<tool_call>{\"a\":", "["},
        {"hermes", "<tool_call>{\"a\":\"", "x\\u"},
        {"hermes", "<tool_call>{\"a\":\"", "<tool_call>{\\\"b\\\":"},
        {"hermes", "", "<tool_call>{\"name\": \"ping\"}</tool_call>"},
        {"llama3", "{", " "},
        {"llama3", "{\"name\":\"", "{"},
        {"glm", "", "<tool_call>ping<arg_key>"},
        {"glm", "<tool_call>ping", "<arg_key>k</arg_key><arg_value></arg_value>"},
        {"glm", "<tool_call>ping<arg_key>k</arg_key><arg_value>", "</arg_value"},
        {"gemma4", "<|tool_call>call:ping{", "<|\""},
        {"gemma4", "<|tool_call>call:ping", "{"},
        {"gpt_oss", "", "<|channel|>analysis<|message|>"},
        {"gpt_oss", "<|channel|>analysis<|message|>", "<|end|"},
        {"gpt_oss", "", "<|start|>assistant to=functions.ping "},
        {"lfm2", "<|tool_call_start|>[", "ping(),"},
        {"lfm2", "<|tool_call_start|>[ping(a=", "'x',"},
        {"kimi", "<|tool_calls_section_begin|>", "\n"},
    };
    struct log l;
    (void)state;
    for (size_t i = 0; i < N_OF(row); i++)
        for (size_t piece = 1; piece <= (size_t)1 << 20; piece *= (size_t)1 << 20) {
            int64_t ns = time_of(row[i].syntax, row[i].open, row[i].text, (size_t)1 << 20, piece,
                                 &l);
            if (ns > 3 * NS_PER_S)
                fail_msg("%s \"%s\" and many \"%s\" in pieces of %zu: %lld ms", row[i].syntax,
                         row[i].open, row[i].text, piece, (long long)(ns / NS_PER_MS));
            log_done(&l);
        }
}

/* A call of the largest size is a call; a longer one is text, whole. */
static void test_limit(void **state)
{
    static const char head[] = "<tool_call>{\"name\": \"get_weather\", \"arguments\": {"
    "\"city\": \"";
    static const char tail[] = "\"}}</tool_call>";
    struct arena *a = arena_new(0);
    const struct chat_tool *tool = fixture_tools(a);
    const struct call_syntax *s = call_syntax_named("hermes");
    (void)state;
    for (int over = 0; over < 2; over++) {
        size_t n = ((size_t)1 << 20) - (sizeof head - 1) - (sizeof tail - 1) + (over ? 100 : 0);
        struct buf b;
        buf_init(&b, (size_t)2 << 20);
        buf_add(&b, str_of(head));
        for (size_t i = 0; i < n; i++)
            buf_char(&b, 'x');
        buf_add(&b, str_of(tail));
        struct log whole = parse(s, tool, N_CASES, buf_str(&b), NULL, 0);
        size_t cut[] = {5, 1000, 70000, ((size_t)1 << 20) - 1, (size_t)1 << 20};
        struct log parts = parse(s, tool, N_CASES, buf_str(&b), cut, N_OF(cut));
        assert_int_equal(whole.n_call, over ? 0 : 1);
        if (over)
            assert_true(whole.b.n == b.n + 3 &&
                        memcmp(whole.b.p + 3, b.p, b.n) == 0);
        same("limit", STR("a long call"), &whole, &parts);
        log_done(&whole);
        buf_done(&b);
    }
    arena_free(a);
}

/* n times text between head and tail, as one turn. */
static struct log repeated(const char *syntax, const char *head, const char *text, size_t n,
                           const char *tail)
{
    struct arena *a = arena_new(0);
    struct buf b;
    buf_init(&b, (size_t)4 << 20);
    buf_add(&b, str_of(head));
    for (size_t i = 0; i < n; i++)
        buf_add(&b, str_of(text));
    buf_add(&b, str_of(tail));
    struct log l = parse(call_syntax_named(syntax), fixture_tools(a), N_CASES, buf_str(&b), NULL,
                         0);
    if (l.n_call == 0 && (l.b.n != b.n + 3 || memcmp(l.b.p + 3, b.p, b.n) != 0))
        fail_msg("%s: a call that is none is not all text", syntax);
    buf_done(&b);
    arena_free(a);
    return l;
}

/* Depth, number and length of arguments: at the limit a call, beyond it text. */
static void test_limits(void **state)
{
    static const struct {
        const char *syntax, *head, *text, *tail;
        size_t n_max;
    } row[] = {
        {"glm", "<tool_call>ping", "<arg_key>k</arg_key><arg_value>v</arg_value>", "</tool_call>",
         1024},
        {"glm", "<tool_call>ping<arg_key>", "k", "</arg_key><arg_value>v</arg_value></tool_call>",
         1024},
    };
    struct log l;
    (void)state;
    for (size_t i = 0; i < N_OF(row); i++)
        for (size_t over = 0; over < 2; over++) {
            l = repeated(row[i].syntax, row[i].head, row[i].text, row[i].n_max + over, row[i].tail);
            assert_int_equal(l.n_call, over ? 0 : 1);
            log_done(&l);
        }
    /* 128 containers: the call, its arguments, and 126 lists. */
    for (size_t over = 0; over < 2; over++) {
        char close[200] = "";
        memset(close, ']', 126 + over);
        memcpy(close + 126 + over, "}}</tool_call>", 15);
        l = repeated("hermes", "<tool_call>{\"name\":\"ping\",\"arguments\":{\"a\":", "[",
                     126 + over, close);
        assert_int_equal(l.n_call, over ? 0 : 1);
        log_done(&l);
    }
}

/* Marks, halves of them and other bytes in any order: nothing is lost but white space around
 * calls, and no division matters. */
static void test_random(void **state)
{
    static const char *const part[] = {
        "<tool_call>", "</tool_call>", "\n", " ", "{", "}", "\"", "{\"name\": \"ping\"",
        ", \"arguments\": {}}", CALL, "<function=ping>", "</function>", "<parameter=t>",
            "</parameter>",
        "[TOOL_CALLS]", "[", "]", "ping", "[ARGS]", "{}", "<arg_key>", "</arg_key>", "<arg_value>",
        "</arg_value>", "<|tool_call>call:ping", "<tool_call|>", "<|\"|>", "<|channel|>",
        "analysis<|message|>", "commentary to=functions.ping", "<|message|>", "<|end|>",
        "<|start|>assistant", "<|tool_call_start|>", "(", ")", "a='b'", "<|tool_call_end|>", ",",
        "<|tool_call|>", "\xc3", "\xa9", "\xf0\x9f\x98\x80", "<", "<tool", ":0", "\\",
        "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "function<｜tool▁sep｜>", "```json",
        "<|tool_calls_section_begin|>", "<|tool_call_begin|>functions.ping",
        "<|tool_call_argument_begin|>",
    };
    struct arena *a = arena_new(0);
    const struct chat_tool *tool = fixture_tools(a);
    struct rng rng;
    (void)state;
    rng_seed(&rng, 7);
    for (int round = 0; round < 3000; round++) {
        const char *name = row_names[rng_below(&rng, N_OF(row_names))];
        const struct call_syntax *s = call_syntax_named(name);
        struct buf b;
        size_t cut[3];
        buf_init(&b, 1 << 16);
        for (uint64_t n = rng_below(&rng, 14); n > 0; n--)
            buf_add(&b, str_of(part[rng_below(&rng, N_OF(part))]));
        struct log whole = parse(s, tool, N_CASES, buf_str(&b), NULL, 0), l;
        for (int k = 0; k < 6; k++) {
            for (size_t i = 0; i < N_OF(cut); i++)
                cut[i] = (size_t)rng_below(&rng, b.n + 1);
            qsort(cut, N_OF(cut), sizeof *cut, by_offset);
            l = parse(s, tool, N_CASES, buf_str(&b), cut, N_OF(cut));
            same("random text", buf_str(&b), &whole, &l);
        }
        log_done(&whole);
        buf_done(&b);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_templates_parallel),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
