/* SPDX-License-Identifier: Apache-2.0
 *
 * Tool calls out of a reply: no input crashes the parser, what comes out does not depend on how
 * the bytes were divided, and each call is of a tool and holds a JSON object. The first byte says
 * which format, the second seeds the divisions.
 */
#include "base/rand.h"
#include "chat/call_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const formats[] = {
    "plain", "qwen3_coder", "llama3", "mistral_v3", "mistral_v11", "mistral_v13", "deepseek_v3",
    "deepseek_v31", "glm", "glm_4_7", "kimi", "gpt_oss", "gemma4", "granite", "lfm2",
    "function_tag", "nemotron", "seed_oss", "minimax", "function_gemma", "olmo3",
};
#define N_FORMATS (sizeof formats / sizeof formats[0])

static const char parameters[] =
    "{\"type\": \"object\", \"properties\": {\"s\": {\"type\": \"string\"}, \"i\": {\"type\": "
    "\"integer\"}, \"u\": {\"type\": [\"string\", \"null\"]}, \"o\": {\"type\": \"object\"}}}";

struct seen { struct buf out; int last; };

static void check_object(str arguments)
{
    struct arena *a = arena_new(0);
    struct json *v;
    CHECK(json_parse(arguments, a, &v, NULL) == ERR_OK && v->type == JSON_OBJECT);
    arena_free(a);
}

static void take(struct call_parser *p, struct seen *s, size_t n_fed)
{
    struct call_event ev;
    while (call_parser_next(p, &ev)) {
        CHECK(ev.end <= n_fed);
        if (ev.kind == CALL_EVENT_CALL) {
            CHECK(str_is(ev.call.name, "f") || str_is(ev.call.name, "f_2"));
            check_object(ev.call.arguments);
            buf_printf(&s->out, "\n%zu %.*s %.*s ", ev.end, STR_FMT(ev.call.name),
                       STR_FMT(ev.call.id));
            buf_add(&s->out, ev.call.arguments);
        } else {
            CHECK(ev.text.n > 0);
            if (s->last != (int)ev.kind)
                buf_printf(&s->out, "\n%d: ", (int)ev.kind);
            buf_add(&s->out, ev.text);
        }
        s->last = (int)ev.kind;
    }
}

static void parse(const struct call_syntax *syntax, const struct chat_tool *tool, str in,
                  struct rng *rng, struct seen *s)
{
    struct call_parser *p = call_parser_new(syntax, tool, 2);
    size_t fed = 0;
    while (fed < in.n) {
        size_t n = rng ? 1 + (size_t)rng_below(rng, 7) : in.n;
        str part = str_sub(in, fed, n);
        call_parser_feed(p, part);
        fed += part.n;
        take(p, s, fed);
    }
    call_parser_end(p);
    take(p, s, fed);
    call_parser_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct call_syntax *syntax = call_syntax_named(formats[data[0] % N_FORMATS]);
    str in = str_n((const char *)data + 2, size - 2);
    struct arena *a = arena_new(0);
    struct seen whole = {.last = -1}, parts = {.last = -1};
    struct chat_tool tool[2] = {{.name = STR("f")}, {.name = STR("f_2")}};
    struct json *schema;
    struct rng rng;
    CHECK(json_parse(str_of(parameters), a, &schema, NULL) == ERR_OK);
    tool[1].parameters = schema;
    rng_seed(&rng, data[1]);
    buf_init(&whole.out, size * 64 + 1000);
    buf_init(&parts.out, size * 64 + 1000);
    parse(syntax, tool, in, NULL, &whole);
    parse(syntax, tool, in, &rng, &parts);
    CHECK(str_eq(buf_str(&whole.out), buf_str(&parts.out)));
    buf_done(&whole.out);
    buf_done(&parts.out);
    arena_free(a);
    return 0;
}
