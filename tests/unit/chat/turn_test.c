/* SPDX-License-Identifier: Apache-2.0
 *
 * A model that writes at random whatever its grammar allows, in every format: what comes out are
 * whole calls whose arguments hold, and answers that hold, with no mark of the format in any text.
 * So the grammar, the parser and the assembler agree on each format. Values are checked by the
 * validator, which shares no code with the compiler.
 */
#include "../test.h"
#include "../token/tiny_vocab.h"
#include "base/rand.h"
#include "chat/assemble.h"
#include "chat/call_internal.h"
#include "chat/constrain.h"
#include "grammar/matcher.h"
#include "schema/validate.h"

#define WALKS 400                      /* of each format and kind of request */
#define TOKENS_MAX 600
#define TEXT_BYTES_MAX (1u << 20)

static const char *const formats[] = {
    "plain", "hermes", "qwen3_coder", "llama3", "mistral_v3", "mistral_v11", "mistral_v13",
    "deepseek_v3", "deepseek_v31", "glm", "glm_4_7", "kimi", "gpt_oss", "gemma4", "granite", "lfm2",
    "function_tag", "nemotron", "seed_oss", "minimax", "function_gemma", "olmo3",
};

#define ANSWER                                                                               \
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":-5,"       \
    "\"maximum\":120},\"list\":{\"type\":\"array\",\"items\":{\"enum\":[\"a\",null,\"b c\"," \
    "1.5]},\"maxItems\":3}},\"required\":[\"n\"],\"additionalProperties\":false}"
static const char *const parameters[] = {
    "{\"type\":\"object\",\"properties\":{\"s\":{\"type\":\"string\",\"maxLength\":4},"
    "\"b\":{\"type\":\"boolean\"},\"n\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":20}},"
    "\"required\":[\"s\"],\"additionalProperties\":false}",
    "{\"type\":\"object\",\"properties\":{\"o\":{\"type\":\"object\",\"properties\":{\"x\":"
    "{\"enum\":[\"<\",\"]\",\"}\",1,null]}},\"required\":[\"x\"],\"additionalProperties\":false},"
    "\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":2},\"maxItems\":2}},"
    "\"required\":[\"o\"],\"additionalProperties\":false}",
    NULL,
};
static const char *const names[] = {"f", "get_it", "g-2"};
#define N_TOOL N_OF(names)

struct fixture {
    struct arena *arena;
    const struct call_syntax *syntax;
    struct tiny tiny;
    struct vocab *vocab;
    struct mask_space *space;
    struct constrain_cache *cache;
    struct chat_tool tool[N_TOOL];
    const struct json *answer;
    struct rng rng;
    str raw;                           /* of the reply that is looked at */
    int n_end, n_call, n_answer;       /* walks that came to an end, and what they gave */
};

static const struct json *parse(struct fixture *f, str text)
{
    struct json *v;
    struct error e;

    if (json_parse(text, f->arena, &v, &e) != ERR_OK)
        fail_msg("%s: '%.*s': %s; written was '%.*s'", call_syntax_name(f->syntax), STR_FMT(text),
                 e.text, STR_FMT(f->raw));
    return v;
}

/* The format's marks are tokens, of one type or the other, as in vocabularies made for it. */
static void set_up(struct fixture *f, const char *format, int32_t type)
{
    /* Beside the last two <|end|> ends no turn. */
    struct tiny_special special[CALL_MARKS_MAX + 3] = {
        {"<|eos|>", TOKEN_CONTROL}, {"<|return|>", TOKEN_CONTROL}, {"<|call|>", TOKEN_CONTROL}};
    size_t n = 3;
    struct error e;

    f->arena = arena_new(0);
    f->syntax = call_syntax_named(format);
    assert_non_null(f->syntax);
    for (size_t i = 0; i < CALL_MARKS_MAX && f->syntax->mark[i].n; i++)
        special[n++] = (struct tiny_special){arena_cstr(f->arena, f->syntax->mark[i]), type};
    tiny_bpe(&f->tiny, "qwen2", NULL, 0, special, n);
    f->tiny.desc.eos = 256;
    if (vocab_new(&f->tiny.desc, &f->vocab, &e) != ERR_OK) fail_msg("%s", e.text);
    if (mask_space_new(f->vocab, 0, &f->space, &e) != ERR_OK) fail_msg("%s", e.text);
    f->cache = constrain_cache_new(NULL);
    f->answer = parse(f, STR(ANSWER));
    for (size_t i = 0; i < N_TOOL; i++) {
        f->tool[i] = (struct chat_tool){.name = str_of(names[i])};
        if (parameters[i]) f->tool[i].parameters = parse(f, str_of(parameters[i]));
    }
    rng_seed(&f->rng, (uint64_t)type);
}

static void tear_down(struct fixture *f)
{
    constrain_cache_free(f->cache);
    mask_space_free(f->space);
    vocab_free(f->vocab);
    arena_free(f->arena);
}

/* ---- the model ---- */

static bool allows(const uint64_t *mask, int32_t id)
{
    return mask[id / 64] >> (id % 64) & 1;
}

/* Ends often, writes marks often, else any token. Never a byte above ASCII in free text. */
static int32_t draw(struct fixture *f, const uint64_t *mask)
{
    int32_t n = vocab_size(f->vocab), id, kind = (int32_t)rng_below(&f->rng, 10);

    if (kind < 3 && allows(mask, 256)) return 256;
    for (int tries = 0; tries < 20; tries++) {
        id = kind < 6 ? 257 + (int32_t)rng_below(&f->rng, (uint64_t)(n - 257))
                      : ' ' + (int32_t)rng_below(&f->rng, '~' - ' ');
        if (id < n && allows(mask, id)) return id;
    }
    id = (int32_t)rng_below(&f->rng, (uint64_t)n);
    while (!allows(mask, id)) id = (id + 1) % n;
    return id;
}

struct reply {
    struct buf raw, text, reasoning;   /* raw: as the model wrote it */
    int n_call;
    enum chat_finish finish;
};

static void check_value(struct fixture *f, const struct json *schema, str text)
{
    struct error e;
    const struct json *v = parse(f, text);

    if (!schema) {
        assert_true(v->type == JSON_OBJECT && v->n == 0);
        return;
    }
    if (json_schema_validate(schema, v, NULL, f->arena, &e) != ERR_OK)
        fail_msg("%s: '%.*s': %s", call_syntax_name(f->syntax), STR_FMT(text), e.text);
}

static void check_call(struct fixture *f, const struct chat_tool_call *c)
{
    for (size_t i = 0; i < N_TOOL; i++)
        if (str_eq(c->name, f->tool[i].name)) {
            check_value(f, f->tool[i].parameters, c->arguments);
            return;
        }
    fail_msg("%s: no tool '%.*s'", call_syntax_name(f->syntax), STR_FMT(c->name));
}

static void drain(struct fixture *f, struct assemble *a, struct reply *r)
{
    struct chat_event ev;

    while (assemble_next(a, &ev)) {
        if (ev.kind == CHAT_CALL) {
            check_call(f, &ev.call);
            r->n_call++;
        } else {
            buf_add(ev.kind == CHAT_TEXT ? &r->text : &r->reasoning, ev.text);
        }
    }
}

/* One turn; the reply is the caller's. */
static void walk(struct fixture *f, const struct chat_request *q, const struct chat_prompt *p,
                 struct reply *r)
{
    struct grammar *g;
    struct matcher *m;
    struct assemble a;
    struct error e;
    bool ended = false;

    *r = (struct reply){0};
    buf_init(&r->raw, TEXT_BYTES_MAX);
    buf_init(&r->text, TEXT_BYTES_MAX);
    buf_init(&r->reasoning, TEXT_BYTES_MAX);
    if (constrain_make(f->cache, f->syntax, q, p, &g, &e) != ERR_OK)
        fail_msg("%s: %s", call_syntax_name(f->syntax), e.text);
    assert_int_equal(matcher_new(f->space, g, TOKENS_MAX, &m, &e), ERR_OK);
    assemble_init(&a, f->vocab, f->syntax, q, p->opens_reasoning);
    for (int n = 0; n < TOKENS_MAX && !ended && !assemble_stopped(&a); n++) {
        const uint64_t *mask = matcher_mask(m);
        struct engine_event ev = {.token = draw(f, mask)};

        assert_true(matcher_accept(m, ev.token));
        buf_add(&r->raw, vocab_piece(f->vocab, ev.token));
        ended = vocab_is_eog(f->vocab, ev.token) || matcher_must_end(m);
        if (!vocab_is_eog(f->vocab, ev.token)) assemble_token(&a, &ev);
        if (rng_below(&f->rng, 2)) drain(f, &a, r);
    }
    if (!assemble_stopped(&a)) assemble_end(&a);
    drain(f, &a, r);
    r->finish = assemble_finish(&a, !ended);
    assemble_done(&a);
    matcher_free(m);
    grammar_unref(g);
}

/* ---- requests ---- */

static struct chat_request draw_request(struct fixture *f)
{
    struct chat_request r = {.tool = f->tool, .tool_choice = (int)rng_below(&f->rng, 4),
                             .tool_named = rng_below(&f->rng, N_TOOL),
                             .parallel_calls = rng_below(&f->rng, 2)};

    if (rng_below(&f->rng, 4)) r.n_tool = N_TOOL;
    if (!chat_may_call(&r) || rng_below(&f->rng, 2)) {
        r.format = FORMAT_JSON_SCHEMA;
        r.schema = f->answer;
    }
    return r;
}

static bool has_mark(struct fixture *f, str text)
{
    for (size_t i = 0; i < CALL_MARKS_MAX && f->syntax->mark[i].n; i++)
        if (str_find(text, f->syntax->mark[i], 0) != SIZE_MAX) return true;
    return false;
}

static void check_reply(struct fixture *f, const struct chat_request *q, const struct reply *r)
{
    bool must_call = chat_may_call(q) && q->tool_choice != TOOL_CHOICE_AUTO;
    str text = buf_str(&r->text);

    if (!chat_may_call(q)) assert_int_equal(r->n_call, 0);
    if (!q->parallel_calls || q->tool_choice == TOOL_CHOICE_NAMED) assert_true(r->n_call <= 1);
    if (r->finish == CHAT_FINISH_LENGTH) return;
    f->n_end++;
    f->n_call += r->n_call;
    assert_int_equal(r->finish, r->n_call ? CHAT_FINISH_TOOL_CALLS : CHAT_FINISH_STOP);
    if (must_call) {
        if (r->n_call == 0 || str_trim(text).n)
            fail_msg("%s: %d calls, text '%.*s'", call_syntax_name(f->syntax), r->n_call,
                     STR_FMT(text));
    } else if (q->format == FORMAT_JSON_SCHEMA && r->n_call == 0) {
        check_value(f, f->answer, text);
        f->n_answer++;
    } else if (q->format == FORMAT_JSON_SCHEMA && str_trim(text).n) {
        check_value(f, f->answer, text);
    }
    /* Free text may hold any mark that begins nothing. */
    if (q->format == FORMAT_JSON_SCHEMA || must_call) assert_false(has_mark(f, text));
}

static void one_format(const char *format, int32_t type)
{
    static struct fixture f;

    f = (struct fixture){0};
    set_up(&f, format, type);
    for (int i = 0; i < WALKS; i++) {
        struct chat_request q = draw_request(&f);
        struct chat_prompt p = {.opens_reasoning = rng_below(&f.rng, 3) == 0};
        struct reply r;

        p.may_reason = !p.opens_reasoning && rng_below(&f.rng, 2);
        walk(&f, &q, &p, &r);
        f.raw = buf_str(&r.raw);
        check_reply(&f, &q, &r);
        buf_done(&r.raw);
        buf_done(&r.text);
        buf_done(&r.reasoning);
    }
    print_message("%-14s %3d of %d turns ended: %d calls, %d answers\n", format, f.n_end, WALKS,
                  f.n_call, f.n_answer);
    assert_true(f.n_call > 10 && f.n_answer > 10);
    tear_down(&f);
}

static void test_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(formats); i++) {
        one_format(formats[i], TOKEN_CONTROL);
        one_format(formats[i], TOKEN_USER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formats)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
