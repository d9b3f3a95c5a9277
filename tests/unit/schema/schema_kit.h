/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the compiler share: a vocabulary of bytes, schemas from text to grammar, and
 * whether a grammar takes a text. Values are written as the grammar wants them: ", " and ": ",
 * members in their own order.
 */
#pragma once
#include "../test.h"
#include "../token/tiny_vocab.h"
#include "base/clock.h"
#include "codec/json.h"
#include "grammar/matcher.h"
#include "schema/schema.h"

#define KIT_MEMORY ((size_t)256 << 20)
#define KIT_STATES 1000000u
#define KIT_TIME_NS (20 * NS_PER_S) /* generous: sanitizers are slow */

struct kit {
    struct vocab *vocab;
    struct mask_space *space;
};

static inline void kit_open(struct kit *k)
{
    static struct tiny t;
    struct error e = {0};
    tiny_bpe(&t, "qwen2", NULL, 0, (struct tiny_special[]){{"<|endoftext|>", TOKEN_CONTROL}}, 1);
    t.desc.eos = 256;
    if (vocab_new(&t.desc, &k->vocab, &e) || mask_space_new(k->vocab, 0, &k->space, &e))
        fail_msg("%s", e.text);
}

static inline void kit_close(struct kit *k)
{
    mask_space_free(k->space);
    vocab_free(k->vocab);
}

/* The grammar of a schema; NULL, and *e filled, when it is refused. */
static inline struct grammar *kit_compile(const struct json *schema, const struct schema_options *o,
                                          struct error *e)
{
    struct error work_error = {0};
    struct dfa_work w = {.arena = arena_new(KIT_MEMORY),
                         .deadline_ns = clock_ns() + KIT_TIME_NS,
                         .n_state_max = KIT_STATES,
                         .e = &work_error};
    struct grammar_builder *b = grammar_builder_new(&w);
    struct grammar *g = NULL;
    uint32_t node = NODE_NONE;
    *e = (struct error){0};
    if (schema_compile(schema, o, b, &node, e) != ERR_OK) {
        grammar_builder_free(b);
        return NULL;
    }
    return grammar_close(&b, node, &g, e) == ERR_OK ? g : NULL;
}

static inline const struct json *kit_json(struct arena *a, const char *text)
{
    struct json *v = NULL;
    struct error e = {0};
    if (json_parse(str_of(text), a, &v, &e) != ERR_OK) fail_msg("%s: %s", text, e.text);
    return v;
}

static inline bool kit_accepts(struct kit *k, struct grammar *g, str text)
{
    struct matcher *m = NULL;
    struct error e = {0};
    if (matcher_new(k->space, g, text.n + 1, &m, &e)) fail_msg("%s", e.text);
    bool is_in = matcher_accept_bytes(m, text) && matcher_may_end(m);
    matcher_free(m);
    return is_in;
}

/* A whole number is written without fraction and exponent, as the grammar spells integers. */
static inline void kit_write_number(struct buf *b, const struct json *v)
{
    int64_t i = 0;
    if (json_int(v, &i))
        buf_i64(b, i);
    else
        buf_add(b, v->text);
}

static inline void kit_write(struct buf *b, const struct json *v)
{
    struct json_writer w;
    jw_init(&w, b);
    if (v->type == JSON_NUMBER) {
        kit_write_number(b, v);
        return;
    }
    if (v->type < JSON_ARRAY) {
        jw_value(&w, v);
        return;
    }
    bool is_array = v->type == JSON_ARRAY;
    buf_char(b, is_array ? '[' : '{');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i > 0) buf_add(b, STR(", "));
        if (!is_array) {
            jw_init(&w, b);
            jw_string(&w, v->member[i].key);
            buf_add(b, STR(": "));
        }
        kit_write(b, is_array ? &v->item[i] : &v->member[i].value);
    }
    buf_char(b, is_array ? ']' : '}');
}
