/* SPDX-License-Identifier: Apache-2.0
 *
 * The key of a cached grammar is text: all that decides it, schemas written out. Equal keys are
 * compared whole, so that a collision of hashes gives no one another's grammar.
 */
#include "chat/constrain.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/thread.h"
#include "grammar/regex.h"

#define KEY_BYTES_MAX ((size_t)64 << 20)
#define ENTRY_BYTES 256                /* of an entry beside its key and grammar, roughly */

struct entry {
    struct list used;                  /* in constrain.used, latest first */
    char *key;                         /* owns */
    size_t n_key, bytes;
    struct grammar *grammar;           /* shares */
};

struct constrain_cache {
    struct constrain_limits limits;
    pthread_mutex_t lock;              /* over all below; never held across a call out */
    struct map entries;                /* key -> struct entry */
    struct list used;
    struct constrain_stats stats;
};

struct constrain_cache *constrain_cache_new(const struct constrain_limits *limits)
{
    struct constrain_cache *c = mem_alloc(sizeof *c);

    c->limits = limits ? *limits : CONSTRAIN_LIMITS_DEFAULT;
    pthread_mutex_init(&c->lock, NULL);
    map_init(&c->entries, 64);
    list_init(&c->used);
    return c;
}

static void entry_free(struct entry *x)
{
    grammar_unref(x->grammar);
    mem_free(x->key);
    mem_free(x);
}

static void free_all(struct list *entries)
{
    LIST_EACH_SAFE(it, entries) {
        entry_free(LIST_ENTRY(it, struct entry, used));
    }
}

void constrain_cache_free(struct constrain_cache *c)
{
    if (!c) return;
    free_all(&c->used);
    map_done(&c->entries);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

bool constrain_binds(const struct chat_request *r)
{
    return r->format != FORMAT_TEXT || chat_may_call(r);
}

/* ---- the cache ---- */

static void write_key(struct buf *b, const struct call_syntax *s, const struct chat_request *r,
                      const struct chat_prompt *prompt)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_array(&w);
    jw_cstring(&w, call_syntax_name(s));
    jw_bool(&w, prompt->opens_reasoning);
    jw_bool(&w, prompt->may_reason);
    jw_int(&w, r->format);
    if (r->format == FORMAT_JSON_SCHEMA) jw_value(&w, r->schema);
    if (r->format == FORMAT_REGEX) jw_string(&w, r->pattern);
    if (chat_may_call(r)) {
        jw_int(&w, r->tool_choice);
        jw_bool(&w, r->parallel_calls);
        for (size_t i = 0; i < r->n_tool; i++) {
            if (r->tool_choice == TOOL_CHOICE_NAMED && i != r->tool_named) continue;
            jw_string(&w, r->tool[i].name);
            if (r->tool[i].parameters)
                jw_value(&w, r->tool[i].parameters);
            else
                jw_null(&w);
        }
    }
    jw_array_end(&w);
}

/* Gives a reference, or NULL. */
static struct grammar *find(struct constrain_cache *c, str key)
{
    struct grammar *g = NULL;
    uintptr_t at;

    pthread_mutex_lock(&c->lock);
    if (map_get(&c->entries, key, &at)) {
        struct entry *x = (struct entry *)at;

        list_del(&x->used);
        list_add_head(&c->used, &x->used);
        g = grammar_ref(x->grammar);
        c->stats.n_hit++;
    } else {
        c->stats.n_miss++;
    }
    pthread_mutex_unlock(&c->lock);
    return g;
}

/* Under the lock: takes the least used entries out until the limits hold. */
static void evict(struct constrain_cache *c, struct list *out)
{
    while (c->stats.bytes > c->limits.cache_bytes ||
           c->stats.n_entry > c->limits.cache_entries_max) {
        struct entry *x = LIST_ENTRY(c->used.prev, struct entry, used);

        list_del(&x->used);
        list_add_tail(out, &x->used);
        map_del(&c->entries, str_n(x->key, x->n_key));
        c->stats.bytes -= x->bytes;
        c->stats.n_entry--;
    }
}

/* Another thread may have made the same grammar meanwhile: then this one is not kept. */
static void insert(struct constrain_cache *c, str key, struct grammar *g)
{
    struct entry *x = mem_alloc(sizeof *x);
    struct list out;

    list_init(&out);
    x->key = mem_array(key.n, 1);
    memcpy(x->key, key.p, key.n);
    x->n_key = key.n;
    x->grammar = grammar_ref(g);
    x->bytes = key.n + grammar_bytes(g) + ENTRY_BYTES;
    pthread_mutex_lock(&c->lock);
    if (map_get(&c->entries, key, NULL)) {
        list_add_tail(&out, &x->used);
    } else {
        map_set(&c->entries, str_n(x->key, x->n_key), (uintptr_t)x);
        list_add_head(&c->used, &x->used);
        c->stats.bytes += x->bytes;
        c->stats.n_entry++;
        evict(c, &out);
    }
    pthread_mutex_unlock(&c->lock);
    free_all(&out);
}

struct constrain_stats constrain_cache_stats(struct constrain_cache *c)
{
    struct constrain_stats s;

    pthread_mutex_lock(&c->lock);
    s = c->stats;
    pthread_mutex_unlock(&c->lock);
    return s;
}

/* ---- compiling ---- */

/* As api.x.ai begins what it says of schemas. */
static enum err refuse(enum err code, const struct error *why, struct error *e)
{
    return err_set(e, code, ERR_NO_POS, "Invalid request content: Schema validation failed: %s",
                   why->text);
}

static enum err regex_node(struct grammar_builder *g, str pattern, uint32_t *node, struct error *e)
{
    struct dfa_work *w = grammar_work(g);
    const struct dfa *d = regex_dfa(w, pattern, true, NULL, NULL);

    if (d && dfa_is_empty(d))
        return err_set(e, ERR_ARG, ERR_NO_POS,
                       "[unsatisfiable] /pattern: no text matches the pattern");
    *node = grammar_terminal(g, d, 0, GRAMMAR_UNBOUNDED);
    if (w->rc != ERR_OK) *e = *w->e;
    return w->rc;
}

static enum err answer_node(const struct chat_request *r, const struct schema_options *o,
                            struct grammar_builder *g, uint32_t *node, struct error *e)
{
    *node = NODE_NONE;
    if (r->format == FORMAT_JSON_OBJECT) *node = schema_any_object(g);
    if (r->format == FORMAT_REGEX) return regex_node(g, r->pattern, node, e);
    return r->format == FORMAT_JSON_SCHEMA ? schema_compile(r->schema, o, g, node, e) : ERR_OK;
}

static struct call_grammar calls_of(const struct chat_request *r)
{
    struct call_grammar calls = {.answer = NODE_NONE};

    if (!chat_may_call(r)) return calls;
    calls.tool = r->tool;
    calls.n_tool = r->n_tool;
    calls.required = r->tool_choice != TOOL_CHOICE_AUTO;
    calls.parallel = r->parallel_calls;
    if (r->tool_choice == TOOL_CHOICE_NAMED) {
        calls.tool = &r->tool[r->tool_named];
        calls.n_tool = 1;
        calls.parallel = false;
    }
    return calls;
}

static enum err turn_node(const struct constrain_cache *c, const struct call_syntax *s,
                          const struct chat_request *r, const struct chat_prompt *prompt,
                          struct grammar_builder *g, uint32_t *node, struct error *e)
{
    struct schema_options options = SCHEMA_XAI;
    struct call_grammar calls = calls_of(r);
    struct error why;
    enum err rc;

    options.depth_max = c->limits.depth_max;
    options.n_node_max = c->limits.n_node_max;
    calls.options = &options;
    rc = answer_node(r, &options, g, &calls.answer, &why);
    if (rc != ERR_OK) return refuse(rc, &why, e);
    /* A call that must come leaves no room for an answer. */
    if (calls.required) calls.answer = NODE_NONE;
    rc = call_syntax_turn(s, &calls, prompt->opens_reasoning, prompt->may_reason, g, node, &why);
    return rc == ERR_OK ? rc : refuse(rc, &why, e);
}

static enum err compile(const struct constrain_cache *c, const struct call_syntax *s,
                        const struct chat_request *r, const struct chat_prompt *prompt,
                        struct grammar **out, struct error *e)
{
    struct error why = {0}, closing = {0};
    struct dfa_work work = {
        .arena = arena_new(c->limits.memory_bytes), .n_state_max = c->limits.n_state_max,
        .deadline_ns = clock_ns() + c->limits.time_ms * NS_PER_MS, .e = &why};
    struct grammar_builder *g = grammar_builder_new(&work);
    uint32_t node;
    enum err rc = turn_node(c, s, r, prompt, g, &node, e);

    if (rc != ERR_OK) {
        grammar_builder_free(g);
        return rc;
    }
    rc = grammar_close(&g, node, out, &closing);
    return rc == ERR_OK ? rc : refuse(rc, &closing, e);
}

enum err constrain_make(struct constrain_cache *c, const struct call_syntax *s,
                        const struct chat_request *r, const struct chat_prompt *prompt,
                        struct grammar **out, struct error *e)
{
    struct buf key;
    enum err rc = ERR_OK;

    *out = NULL;
    if (!constrain_binds(r)) return ERR_OK;
    buf_init(&key, KEY_BYTES_MAX);
    write_key(&key, s, r, prompt);
    if (key.bad) {
        buf_done(&key);
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "The schemas have more than %zu bytes.",
                       KEY_BYTES_MAX);
    }
    *out = find(c, buf_str(&key));
    if (!*out) {
        rc = compile(c, s, r, prompt, out, e);
        if (rc == ERR_OK && c->limits.cache_bytes) insert(c, buf_str(&key), *out);
    }
    buf_done(&key);
    return rc;
}
