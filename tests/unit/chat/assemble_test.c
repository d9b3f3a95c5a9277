/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens -> events: whatever the division of a reply into tokens, the joined text, the reasoning
 * and the tokens shown with it are those that a plain reading of the whole reply gives.
 */
#include "../test.h"
#include "../token/tiny_vocab.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "chat/assemble.h"
#include "chat/call_syntax.h"

#define R "\xef\xbf\xbd"
#define SPLITS 300                     /* random divisions of each row */
#define TEXT_MAX 512
#define CONTROL_TOKEN "<|x|>"

/* Long tokens beside the 256 of single bytes; they cross the borders that matter. */
static const char *const piece[] = {
    "Hello",
    " wor",
    "ld",
    "STOP",
    "ST",
    "OP",
    "xST",
    "OPy",
    "\n\n",
    "\n",
    "  ",
    "abcd",
    "bc",
    "ab",
    "cd",
    "<th",
    "ink>",
    "</thi",
    "nk>",
    "k>\n",
    "k>\n\nHe",
    "\xe2\x82\xac",
    "\xc3\xa9",
    "\xe2\x82\xac m",
    " \xe2\x82\xac",
    "!</think>",
    "\n<tool",
    "_call>\n",
    "}}\n</",
    ".\n\n<",
    "{\"name",
    "\": \"f\", \"arg",
    "uments\": {\"a",
    "\": ",
    "assistant<",
    "tool_call>",
    "[TOOL_CALLS]",
    "[ARGS]",
    "<|channel|>",
    "<|message|>",
    "<|start|>",
    "<|end|>",
    "<think>",
    "</think>",
};
#define N_PIECE N_OF(piece)
#define ID_OPEN ((int32_t)(256 + N_PIECE - 2))
#define ID_CLOSE ((int32_t)(256 + N_PIECE - 1))
#define ID_CONTROL ((int32_t)(256 + N_PIECE))

static struct tiny tiny;

/* marker: whether the marks of thinking and of calls are control or user-defined tokens. */
static struct vocab *make(int32_t marker)
{
    struct tiny_special special[N_PIECE + 1];
    struct vocab *v;
    struct error e;

    for (size_t i = 0; i < N_PIECE; i++)
        special[i] = (struct tiny_special){piece[i], TOKEN_USER};
    special[N_PIECE - 2].type = special[N_PIECE - 1].type = marker;
    for (size_t i = N_PIECE - 8; i < N_PIECE - 6; i++) special[i].type = marker;
    special[N_PIECE] = (struct tiny_special){CONTROL_TOKEN, TOKEN_CONTROL};
    tiny_bpe(&tiny, "qwen2", NULL, 0, special, N_PIECE + 1);
    if (vocab_new(&tiny.desc, &v, &e) != ERR_OK) fail_msg("%s", e.text);
    return v;
}

/* ---- the plain reading ---- */

struct row {
    const char *reply;
    const char *stop[3];
    const char *reasoning, *text;
    bool opens;                        /* the prompt opened the think block */
    bool cut;                          /* a stop string was found */
};

static const struct row rows[] = {
    {"", {0}, "", "", 0, 0},
    {"Hello world", {0}, "", "Hello world", 0, 0},
    {"  Hello \n", {0}, "", "  Hello \n", 0, 0},
    {" \n ", {0}, "", " \n ", 0, 0},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", {0}, "", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 0, 0},
    {"a\xe2\x82", {0}, "", "a" R, 0, 0},
    {"a\xff" "b", {0}, "", "a" R "b", 0, 0},
    /* stop strings */
    {"Hello STOP world", {"STOP"}, "", "Hello ", 0, 1},
    {"STOP", {"STOP"}, "", "", 0, 1},
    {"Hello STO", {"STOP"}, "", "Hello STO", 0, 0},
    {"Hello STOSTOP!", {"STOP"}, "", "Hello STO", 0, 1},
    {"xabcdy", {"abcd", "bc"}, "", "x", 0, 1},
    {"xabcdy", {"bc", "abcd"}, "", "x", 0, 1},
    {"xabcy", {"abcd", "bc"}, "", "xa", 0, 1},
    {"xabc", {"abcd", "bc"}, "", "xa", 0, 1},
    {"xabcd", {"abcde", "bcd", "c"}, "", "xa", 0, 1},
    {"xabcdy", {"abcd", "ab"}, "", "x", 0, 1},
    {"xabcdy", {"ab", "abcd", "abc"}, "", "x", 0, 1},
    {"aab", {"ab"}, "", "a", 0, 1},
    {"ababcd", {"abcd"}, "", "ab", 0, 1},
    {"one\n\ntwo", {"\n\n"}, "", "one", 0, 1},
    {"one\ntwo\n", {"\n\n"}, "", "one\ntwo\n", 0, 0},
    {"\n\none", {"\n\n"}, "", "", 0, 1},
    {"5 \xe2\x82\xac more", {"\xe2\x82\xac"}, "", "5 ", 0, 1},
    {"5 \xe2\x82\xad more", {"\xe2\x82\xac"}, "", "5 \xe2\x82\xad more", 0, 0},
    {"a\xff" "b", {R}, "", "a", 0, 1},
    /* reasoning */
    {"<think>why</think>Hello", {0}, "why", "Hello", 0, 0},
    {"\n <think>\n\nwhy\nso\n\n</think>\n\nHello\n", {0}, "why\nso", "Hello\n", 0, 0},
    {"<think></think>Hello", {0}, "", "Hello", 0, 0},
    {"<think>\n\n</think>\n\nHello", {0}, "", "Hello", 0, 0},
    {"<think>why", {0}, "why", "", 0, 0},
    {"<think>why\n", {0}, "why", "", 0, 0},
    {"<think>why</think> \n", {0}, "why", "", 0, 0},
    {"<think>why</thin", {0}, "why</thin", "", 0, 0},
    {"<think> a </thin </think> b", {0}, " a </thin ", "b", 0, 0},
    {"<think>a<think>b</think>c</think>d", {0}, "a<think>b", "c</think>d", 0, 0},
    {"<think>STOP</think>Hello STOP", {"STOP"}, "STOP", "Hello ", 0, 1},
    {"<think>a</think>\n\n\n\nb", {"\n\n"}, "a", "b", 0, 0},
    {"<think>\xe2\x82</think>b", {0}, R, "b", 0, 0},
    {"<thin", {0}, "", "<thin", 0, 0},
    {" <th!", {0}, "", " <th!", 0, 0},
    {"Hello <think>no</think>", {0}, "", "Hello <think>no</think>", 0, 0},
    {"why\n</think>\nHello", {0}, "why", "Hello", 1, 0},
    {"\nwhy", {0}, "why", "", 1, 0},
    {"</think>Hello", {0}, "", "Hello", 1, 0},
    {"STOP</think>xSTOP", {"STOP"}, "STOP", "x", 1, 1},
};

/* ---- one run ---- */

struct run {
    struct assemble a;
    struct chat_request request;
    struct buf text, reasoning;
    size_t end[TEXT_MAX + 1];          /* bytes of the reply up to the end of token i */
    size_t n_fed;                      /* tokens */
    size_t shown[TEXT_MAX + 1], n_shown;
    int n_call;
};

static const struct chat_tool tools[] = {{.name = STR("f")}, {.name = STR("g")}};

static void run_start(struct run *r, const struct vocab *v, const struct row *row,
                      const char *syntax, bool has_tools)
{
    *r = (struct run){.request = {.logprobs = true, .tool = tools, .parallel_calls = true}};
    for (int i = 0; i < 3 && row->stop[i]; i++)
        r->request.stop[r->request.n_stop++] = str_of(row->stop[i]);
    if (has_tools) r->request.n_tool = N_OF(tools);
    assemble_init(&r->a, v, call_syntax_named(syntax), &r->request, row->opens);
    buf_init(&r->text, 1 << 16);
    buf_init(&r->reasoning, 1 << 16);
}

static void run_done(struct run *r)
{
    assemble_done(&r->a);
    buf_done(&r->text);
    buf_done(&r->reasoning);
}

/* A call stands in the text as \x01NAME ARGUMENTS\x02. */
static void take_call(struct run *r, const struct chat_event *ev)
{
    assert_int_equal(ev->n_call, r->n_call++);
    assert_true(ev->call.id.n > 0 && ev->call.id.n <= 64);
    buf_printf(&r->text, "\x01%.*s %.*s\x02", STR_FMT(ev->call.name), STR_FMT(ev->call.arguments));
}

/* Takes what is ready; every event holds whole characters and something to tell. */
static void drain(struct run *r)
{
    struct chat_event ev;

    while (assemble_next(&r->a, &ev)) {
        if (ev.kind == CHAT_CALL) {
            take_call(r, &ev);
            continue;
        }
        assert_true(utf8_valid(ev.text));
        assert_true(ev.text.n > 0 || ev.n_token > 0);
        assert_true(ev.kind == CHAT_TEXT || (ev.kind == CHAT_REASONING && ev.n_token == 0));
        buf_add(ev.kind == CHAT_TEXT ? &r->text : &r->reasoning, ev.text);
        for (size_t i = 0; i < ev.n_token; i++)
            r->shown[r->n_shown++] = (size_t)ev.token[i].logprob;
    }
}

static void feed(struct run *r, int32_t id, size_t end)
{
    struct engine_event ev = {.token = id, .logprob = (float)r->n_fed};

    r->end[r->n_fed++] = end;
    assemble_token(&r->a, &ev);
}

/* A token that the text goes on with at byte at: a random one of those that fit. */
static int32_t draw_token(const struct vocab *v, struct rng *rnd, str text, size_t at)
{
    int32_t fits[N_PIECE + 1];
    size_t n = 0;

    fits[n++] = (uint8_t)text.p[at];
    for (int32_t i = 0; i < (int32_t)N_PIECE; i++)
        if (str_starts(str_sub(text, at, text.n), vocab_piece(v, 256 + i))) fits[n++] = 256 + i;
    return fits[rng_below(rnd, n)];
}

/* Bytes of the reply before the text begins and where it is cut: where shown tokens lie. */
static void text_range(const struct row *row, size_t *from, size_t *to)
{
    str reply = str_of(row->reply);
    size_t blank = 0, close = SIZE_MAX, opened = row->opens ? 0 : SIZE_MAX;

    while (blank < reply.n && strchr(" \n", reply.p[blank])) blank++;
    if (!row->opens && str_starts(str_sub(reply, blank, reply.n), STR("<think>")))
        opened = blank + 7;
    if (opened != SIZE_MAX) close = str_find(reply, STR("</think>"), opened);
    *from = opened == SIZE_MAX ? 0 : close == SIZE_MAX ? reply.n : close + 8;
    while (opened != SIZE_MAX && *from < reply.n && strchr(" \n", reply.p[*from])) ++*from;
    *to = row->cut ? *from + strlen(row->text) : reply.n;
}

static void check_tokens(const struct run *r, const struct row *row)
{
    size_t from, to, n = 0;

    text_range(row, &from, &to);
    for (size_t i = 0; i < r->n_fed; i++) {
        if ((from > 0 && r->end[i] <= from) || r->end[i] > to) continue;
        if (n >= r->n_shown || r->shown[n] != i)
            fail_msg("token %zu (up to byte %zu) is not shown in its place, text is [%zu, %zu)", i,
                     r->end[i], from, to);
        n++;
    }
    assert_int_equal(r->n_shown, n);
}

/* Tokens up to and with the one that finishes </think>; all when none does. */
static int64_t reasoning_tokens(const struct run *r, const struct row *row)
{
    size_t from, to;
    str reply = str_of(row->reply);

    text_range(row, &from, &to);
    if (from == 0) return 0;
    from = str_find(reply, STR("</think>"), 0);
    if (from == SIZE_MAX) return (int64_t)r->n_fed;
    for (size_t i = 0; i < r->n_fed; i++)
        if (r->end[i] >= from + 8) return (int64_t)i + 1;
    return (int64_t)r->n_fed;
}

/* The stop string that is named begins where the text was cut, and no shorter one does. */
static void check_stop(const struct run *r, const struct row *row)
{
    str best = STR_NONE, rest;
    size_t from, to;

    text_range(row, &from, &to);
    rest = str_sub(str_of(row->reply), to, SIZE_MAX);
    for (int i = 0; i < 3 && row->stop[i]; i++)
        if (str_starts(rest, str_of(row->stop[i])) && (!best.n || strlen(row->stop[i]) < best.n))
            best = str_of(row->stop[i]);
    assert_int_equal(assemble_stop(&r->a).n, row->cut ? best.n : 0);
    assert_true(!row->cut || str_eq(assemble_stop(&r->a), best));
}

/* late: pulls only now and then, as a reader that comes late. */
static void one_division(const struct vocab *v, const struct row *row, struct rng *rnd, bool late)
{
    str reply = str_of(row->reply);
    static struct run r;

    run_start(&r, v, row, "plain", false);
    for (size_t at = 0; at < reply.n && !assemble_stopped(&r.a);) {
        int32_t id = draw_token(v, rnd, reply, at);

        at += vocab_piece(v, id).n;
        feed(&r, id, at);
        if (!late || rng_below(rnd, 3) == 0) drain(&r);
    }
    if (!assemble_stopped(&r.a)) assemble_end(&r.a);
    drain(&r);
    assert_int_equal(assemble_stopped(&r.a), row->cut);
    assert_int_equal(assemble_finish(&r.a, false), CHAT_FINISH_STOP);
    r.a.is_document = true;
    assert_int_equal(assemble_finish(&r.a, false),
                     row->cut ? CHAT_FINISH_LENGTH : CHAT_FINISH_STOP);
    assert_str_is(buf_str(&r.text), row->text);
    assert_str_is(buf_str(&r.reasoning), row->reasoning);
    assert_int_equal(r.a.n_token, r.n_fed);
    if (utf8_valid(reply)) {
        check_tokens(&r, row);
        check_stop(&r, row);
    }
    if (!late && utf8_valid(reply)) assert_int_equal(r.a.n_reasoning, reasoning_tokens(&r, row));
    run_done(&r);
}

static void test_divisions(void **state)
{
    static const int32_t marker[] = {TOKEN_USER, TOKEN_CONTROL};
    struct rng rnd;

    (void)state;
    rng_seed(&rnd, 1);
    for (size_t m = 0; m < N_OF(marker); m++) {
        struct vocab *v = make(marker[m]);

        for (size_t i = 0; i < N_OF(rows); i++) {
            /* A control token in the middle of text is no marker and shows nothing. */
            if (marker[m] == TOKEN_CONTROL && strstr(rows[i].text, "think>")) continue;
            for (int n = 0; n < SPLITS; n++) one_division(v, &rows[i], &rnd, n % 4 == 3);
        }
        vocab_free(v);
    }
}

/* ---- calls ---- */

#define CALL "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"
#define GAVE "\x01" "f {\"a\": 1}\x02"
#define OSS_CALL "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\": 1}"

struct call_row {
    const char *syntax, *reply, *stop, *reasoning, *text;
    bool no_tools, serial, cut_length;
    enum chat_finish finish;
};
#define STOPS CHAT_FINISH_STOP
#define CALLS CHAT_FINISH_TOOL_CALLS
#define LENGTH CHAT_FINISH_LENGTH

static const struct call_row call_rows[] = {
    {"hermes", "Hello", NULL, "", "Hello", 0, 0, 0, STOPS},
    {"hermes", "Hello  \n", NULL, "", "Hello  \n", 0, 0, 0, STOPS},
    {"hermes", CALL, NULL, "", GAVE, 0, 0, 0, CALLS},
    {"hermes", "\n\n" CALL "\n", NULL, "", GAVE, 0, 0, 0, CALLS},
    {"hermes", CALL "\n" CALL, NULL, "", GAVE GAVE, 0, 0, 0, CALLS},
    {"hermes", CALL "\n" CALL, NULL, "", GAVE, 0, 1, 0, CALLS},
    {"hermes", "I call.\n\n" CALL, NULL, "", "I call." GAVE, 0, 0, 0, CALLS},
    {"hermes", "I call." CALL " after", NULL, "", "I call." GAVE "after", 0, 0, 0, CALLS},
    {"hermes", "<think>why</think>\n\n" CALL, NULL, "why", GAVE, 0, 0, 0, CALLS},
    {"hermes", "<think>" CALL "</think>Zz" CALL, NULL, CALL, "Zz" GAVE, 0, 0, 0, CALLS},
    {"hermes", CALL, NULL, "", CALL, 1, 0, 0, STOPS},
    /* stop strings are of text */
    {"hermes", "Hello STOP" CALL, "STOP", "", "Hello ", 0, 0, 0, STOPS},
    {"hermes", "Hello ST" CALL "OP", "STOP", "", "Hello ST" GAVE "OP", 0, 0, 0, CALLS},
    {"hermes", CALL "STOP" CALL, "STOP", "", GAVE, 0, 0, 0, CALLS},
    {"hermes", "x" CALL, "arguments", "", "x" GAVE, 0, 0, 0, CALLS},
    {"hermes", "x" CALL, "}", "", "x" GAVE, 0, 0, 0, CALLS},
    /* max_tokens */
    {"hermes", CALL, NULL, "", GAVE, 0, 0, 1, CALLS},
    {"hermes", CALL "\n", NULL, "", GAVE, 0, 0, 1, CALLS},
    {"hermes", CALL "\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\"", NULL, "", GAVE, 0, 0,
     1, LENGTH},
    {"hermes", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\"", NULL, "", "", 0, 0, 1,
     LENGTH},
    {"hermes", "Hello", NULL, "", "Hello", 0, 0, 1, LENGTH},
    /* marks that are control tokens in some vocabularies */
    {"mistral_v13", "[TOOL_CALLS]f[ARGS]{\"a\": 1}", NULL, "", GAVE, 0, 0, 0, CALLS},
    {"mistral_v13", "Hello[TOOL_CALLS]f[ARGS]{\"a\": 1}[TOOL_CALLS]g[ARGS]{}", NULL, "",
     "Hello" GAVE "\x01g {}\x02", 0, 0, 0, CALLS},
    {"llama3", "{\"name\": \"f\", \"parameters\": {\"a\": 1}}", NULL, "", GAVE, 0, 0, 0, CALLS},
    /* text has marks too, with tools or without */
    {"gpt_oss", "<|channel|>analysis<|message|>why<|end|><|start|>assistant" OSS_CALL, NULL, "why",
     GAVE, 0, 0, 0, CALLS},
    {"gpt_oss",
     "<|channel|>analysis<|message|>why<|end|><|start|>assistant<|channel|>final<|message|>Hello",
     NULL, "why", "Hello", 0, 0, 0, STOPS},
    {"gpt_oss",
     "<|channel|>analysis<|message|>why<|end|><|start|>assistant<|channel|>final<|message|>Hello",
     NULL, "why", "Hello", 1, 0, 0, STOPS},
    {"gpt_oss", "<|channel|>final<|message|>Hello STOP", "STOP", "", "Hello ", 1, 0, 0, STOPS},
    {"gpt_oss",
     "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>analysis<|message|>b"
     "<|end|><|start|>assistant<|channel|>final<|message|>Hello",
     NULL, "ab", "Hello", 1, 0, 0, STOPS},
};

/* Offset of the last occurrence of part that ends at or before `end`. */
static size_t find_last(str s, str part, size_t end)
{
    for (size_t at = end - part.n + 1; at-- > 0;)
        if (str_eq(str_sub(s, at, part.n), part)) return at;
    fail_msg("'%.*s' is not in the reply", STR_FMT(part));
    return 0;
}

/* Shown are the tokens that end in text: the pieces between calls, searched from the end. */
static void check_call_tokens(const struct run *r, const struct call_row *c)
{
    bool want[TEXT_MAX] = {0};
    str reply = str_of(c->reply), text = str_of(c->text);
    size_t end = reply.n, n = 0;

    while (text.n > 0) {
        size_t from = text.n;

        while (from > 0 && text.p[from - 1] != '\x02') from--;
        if (from < text.n) {
            str part = str_sub(text, from, text.n);

            end = find_last(reply, part, end);
            for (size_t i = 0; i < r->n_fed; i++)
                if (r->end[i] > end && r->end[i] <= end + part.n) want[i] = true;
        }
        text.n = from;
        while (text.n > 0 && text.p[--text.n] != '\x01') {}
    }
    for (size_t i = 0; i < r->n_fed; i++) {
        if (!want[i]) continue;
        if (n >= r->n_shown || r->shown[n] != i)
            fail_msg("%s: token %zu (up to byte %zu) is not shown in its place", c->reply, i,
                     r->end[i]);
        n++;
    }
    assert_int_equal(r->n_shown, n);
}

static void one_call_division(const struct vocab *v, const struct call_row *c, struct rng *rnd,
                              bool late)
{
    const struct row row = {.reply = c->reply, .stop = {c->stop}};
    str reply = str_of(c->reply);
    static struct run r;

    run_start(&r, v, &row, c->syntax, !c->no_tools);
    r.a.one_call = c->serial;
    for (size_t at = 0; at < reply.n && !assemble_stopped(&r.a);) {
        int32_t id = draw_token(v, rnd, reply, at);

        at += vocab_piece(v, id).n;
        feed(&r, id, at);
        if (!late || rng_below(rnd, 3) == 0) drain(&r);
    }
    if (!assemble_stopped(&r.a)) assemble_end(&r.a);
    drain(&r);
    assert_str_is(buf_str(&r.text), c->text);
    assert_str_is(buf_str(&r.reasoning), c->reasoning);
    assert_int_equal(assemble_finish(&r.a, c->cut_length), c->finish);
    check_call_tokens(&r, c);
    run_done(&r);
}

static void test_calls(void **state)
{
    static const int32_t marker[] = {TOKEN_USER, TOKEN_CONTROL};
    struct rng rnd;

    (void)state;
    rng_seed(&rnd, 2);
    for (size_t m = 0; m < N_OF(marker); m++) {
        struct vocab *v = make(marker[m]);

        for (size_t i = 0; i < N_OF(call_rows); i++)
            for (int n = 0; n < SPLITS; n++) one_call_division(v, &call_rows[i], &rnd, n % 4 == 3);
        vocab_free(v);
    }
}

/* ---- single cases ---- */

/* Control tokens have no text; their logprobs come with the text around them. */
static void test_control_tokens(void **state)
{
    static const struct row row = {"abc", {"STOP"}, "", "abSTOP", 0, 1};
    struct vocab *v = make(TOKEN_USER);
    static struct run r;

    (void)state;
    run_start(&r, v, &row, "plain", false);
    feed(&r, ID_CONTROL, 0);
    feed(&r, 'a', 0);
    drain(&r);
    assert_int_equal(r.n_shown, 2);
    feed(&r, ID_CONTROL, 0);
    drain(&r);
    assert_int_equal(r.n_shown, 2);
    feed(&r, 'S', 0);
    feed(&r, 'T', 0);
    feed(&r, 'O', 0);
    drain(&r);
    assert_str_is(buf_str(&r.text), "a");
    feed(&r, 'P', 0);
    drain(&r);
    assert_true(assemble_stopped(&r.a));
    assert_int_equal(r.n_shown, 3);    /* the control token before the stop, nothing behind */
    assert_int_equal(r.shown[2], 2);
    run_done(&r);
    vocab_free(v);
}

/* Marks that are control tokens and mark nothing show nothing; as other tokens they are text. */
static void test_stray_marks(void **state)
{
    static const struct {
        const char *syntax;
        bool has_tools;
        const char *mark;
        int32_t type;
        const char *text;
    } stray[] = {
        {"mistral_v13", true, "[ARGS]", TOKEN_CONTROL, "ab"},
        {"mistral_v13", true, "[ARGS]", TOKEN_USER, "a[ARGS]b"},
        {"mistral_v13", false, "[ARGS]", TOKEN_CONTROL, "ab"},
        {"hermes", false, "<think>", TOKEN_CONTROL, "ab"},
        {"hermes", true, "</think>", TOKEN_CONTROL, "ab"},
        {"hermes", true, "<think>", TOKEN_USER, "a<think>b"},
    };
    static const struct row row = {"", {0}, "", "", 0, 0};

    (void)state;
    for (size_t i = 0; i < 2 * N_OF(stray); i++) {
        size_t k = i / 2;
        struct vocab *v = make(stray[k].type);
        static struct run r;

        run_start(&r, v, &row, stray[k].syntax, stray[k].has_tools);
        feed(&r, 'a', 0);
        if (i % 2) drain(&r);
        feed(&r, vocab_find(v, str_of(stray[k].mark)), 0);
        if (i % 2) drain(&r);
        feed(&r, 'b', 0);
        assemble_end(&r.a);
        drain(&r);
        assert_str_is(buf_str(&r.text), stray[k].text);
        assert_int_equal(r.n_shown, 3);
        run_done(&r);
        vocab_free(v);
    }
}

/* At the end of a reply, a last token without text is not lost. */
static void test_last_token(void **state)
{
    static const struct row row = {"a", {0}, "", "a", 0, 0};
    struct vocab *v = make(TOKEN_USER);
    static struct run r;

    (void)state;
    run_start(&r, v, &row, "plain", false);
    feed(&r, 'a', 0);
    drain(&r);
    feed(&r, ID_CONTROL, 0);
    feed(&r, 0xe2, 0);
    drain(&r);
    assemble_end(&r.a);
    drain(&r);
    assert_str_is(buf_str(&r.text), "a" R);
    assert_int_equal(r.n_shown, 3);
    run_done(&r);
    vocab_free(v);
}

/* Text comes as early as it can: only what may begin a stop string waits. */
static void test_no_delay(void **state)
{
    static const struct row row = {"", {"STOP", "\n\n"}, "", "", 0, 0};
    static const struct { char byte; const char *text; } step[] = {
        {'H', "H"}, {'S', "H"}, {'T', "H"}, {'S', "HST"}, {'x', "HSTSx"}, {'\n', "HSTSx"},
        {'y', "HSTSx\ny"}, {'O', "HSTSx\nyO"},
    };
    struct vocab *v = make(TOKEN_USER);
    static struct run r;

    (void)state;
    run_start(&r, v, &row, "plain", false);
    for (size_t i = 0; i < N_OF(step); i++) {
        feed(&r, step[i].byte, 0);
        drain(&r);
        assert_str_is(buf_str(&r.text), step[i].text);
    }
    run_done(&r);
    vocab_free(v);
}

static void test_no_logprobs(void **state)
{
    static const struct row row = {"", {0}, "", "", 0, 0};
    struct vocab *v = make(TOKEN_USER);
    static struct run r;

    (void)state;
    run_start(&r, v, &row, "plain", false);
    r.a.want_tokens = false;
    feed(&r, 256, 0);
    feed(&r, ID_CONTROL, 0);
    assemble_end(&r.a);
    drain(&r);
    assert_str_is(buf_str(&r.text), "Hello");
    assert_int_equal(r.n_shown, 0);
    assert_int_equal(r.a.n_token, 2);
    run_done(&r);
    vocab_free(v);
}

/* Alternatives carry the text of their tokens. */
static void test_top(void **state)
{
    struct vocab *v = make(TOKEN_USER);
    struct chat_request q = {.logprobs = true};
    struct engine_event token = {.token = 256, .logprob = -0.5f, .n_top = 2,
                                 .top = {{256, -0.5f}, {'a', -2}}};
    struct chat_event ev;
    struct assemble a;

    (void)state;
    assemble_init(&a, v, call_syntax_named("plain"), &q, false);
    assemble_token(&a, &token);
    assert_true(assemble_next(&a, &ev));
    assert_int_equal(ev.n_token, 1);
    assert_int_equal(ev.token[0].n_top, 2);
    assert_str_is(ev.token[0].text, "Hello");
    assert_str_is(ev.token[0].top[1].text, "a");
    assert_true(ev.token[0].top[1].logprob == -2);
    assemble_done(&a);
    vocab_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_divisions), cmocka_unit_test(test_calls),
        cmocka_unit_test(test_control_tokens), cmocka_unit_test(test_stray_marks),
        cmocka_unit_test(test_last_token), cmocka_unit_test(test_no_delay),
        cmocka_unit_test(test_no_logprobs), cmocka_unit_test(test_top),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
