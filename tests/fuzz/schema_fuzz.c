/* SPDX-License-Identifier: Apache-2.0
 *
 * Schemas from anyone: compiled both ways within small limits, or refused with a text. What is
 * compiled takes no value that the validator refuses.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "grammar/matcher.h"
#include "schema/schema.h"
#include "schema/validate.h"

#include "../unit/token/tiny_vocab.h"

#define ARENA_CAP ((size_t)32 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const values[] = {"null",
                                     "true",
                                     "0",
                                     "1.5",
                                     "-3",
                                     "\"\"",
                                     "\"ab\"",
                                     "[]",
                                     "[1]",
                                     "[\"a\", 2]",
                                     "{}",
                                     "{\"a\": 1}",
                                     "{\"b\": [], \"a\": \"x\"}"};

static struct mask_space *space(void)
{
    static struct tiny t;
    static struct mask_space *s;
    struct vocab *v = NULL;
    if (s) return s;
    tiny_bpe(&t, "qwen2", NULL, 0, (struct tiny_special[]){{"<|endoftext|>", TOKEN_CONTROL}}, 1);
    t.desc.eos = 256;
    CHECK(vocab_new(&t.desc, &v, NULL) == ERR_OK);
    CHECK(mask_space_new(v, 0, &s, NULL) == ERR_OK);
    return s;
}

/* What the two read differently on purpose: what older drafts mean. */
static bool is_2020(str text)
{
    static const char *const other[] = {"$schema", "exclusive", "\\u"};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (str_find(text, str_of(other[i]), 0) != SIZE_MAX) return false;
    return true;
}

static struct grammar *compile(const struct json *schema, struct schema_options o)
{
    struct error e = {0}, work_error = {0};
    struct dfa_work w = {.arena = arena_new(ARENA_CAP),
                         .deadline_ns = clock_ns() + NS_PER_S,
                         .n_state_max = 20000,
                         .e = &work_error};
    struct grammar_builder *b = grammar_builder_new(&w);
    struct grammar *g = NULL;
    uint32_t node = NODE_NONE;
    o.n_node_max = 5000;
    enum err rc = schema_compile(schema, &o, b, &node, &e);
    if (rc == ERR_OK) return grammar_close(&b, node, &g, &e) == ERR_OK ? g : NULL;
    CHECK(rc == ERR_ARG || rc == ERR_LIMIT);
    CHECK(e.code == rc && e.text[0] == '[' && utf8_valid(str_of(e.text)));
    grammar_builder_free(b);
    return NULL;
}

static bool is_taken(struct grammar *g, str text)
{
    struct matcher *m = NULL;
    CHECK(matcher_new(space(), g, text.n + 1, &m, NULL) == ERR_OK);
    bool is_in = matcher_accept_bytes(m, text) && matcher_may_end(m);
    matcher_free(m);
    return is_in;
}

static void check_values(struct grammar *g, const struct json *schema, struct arena *a)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct json *v = NULL;
        struct error e = {0};
        struct json_schema_options o = {.assert_format = false};
        CHECK(json_parse(str_of(values[i]), a, &v, NULL) == ERR_OK);
        bool is_in = is_taken(g, str_of(values[i]));
        CHECK(!is_in || json_schema_validate(schema, v, &o, a, &e) != ERR_TYPE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(ARENA_CAP);
    struct json *schema = NULL;
    if (json_parse((str){(const char *)data, size}, a, &schema, NULL) == ERR_OK) {
        struct grammar *g = compile(schema, SCHEMA_STANDARD);
        if (g && is_2020((str){(const char *)data, size})) check_values(g, schema, a);
        grammar_unref(g);
        grammar_unref(compile(schema, SCHEMA_XAI));
    }
    arena_free(a);
    return 0;
}
