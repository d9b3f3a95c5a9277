/* SPDX-License-Identifier: Apache-2.0
 *
 * What a compilation owns: scratch memory, limits, the first error, and states with their forms.
 * A form is made once per ref and per state. While one is being made it is marked; meeting the
 * mark again means that a schema refers to itself in place, which no value can decide, unless
 * the question came from looking inside members or items (probe): those are states of their own
 * and the answer is then "not known".
 */
#include "schema/norm.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#define PROBE_MAX 6 /* how deep disjointness looks into members */
#define TABLE_FIRST 64
#define POINTER_SHOWN 150 /* bytes of a JSON pointer in an error */

/* ---- memory, limits, errors ---- */

void *norm_alloc(struct norm *c, size_t n, size_t size)
{
    size_t bytes = 0;
    if (!size_mul(n, size, &bytes) || bytes > c->bytes_max ||
        arena_used(c->arena) > c->bytes_max - bytes) {
        (void)norm_fail(c, ERR_LIMIT, "limit", NULL, NULL,
                        "the schema needs more than %zu MB of memory", c->bytes_max >> 20);
        bytes = bytes > c->bytes_max ? 0 : bytes;
    }
    return arena_alloc(c->arena, bytes);
}

bool norm_tick(struct norm *c)
{
    if (++c->n_tick % 256 == 0 && c->w->deadline_ns && clock_ns() > c->w->deadline_ns)
        (void)norm_fail(c, ERR_LIMIT, "limit", NULL, NULL, "the schema takes too long to compile");
    return !c->rc;
}

bool norm_count(struct norm *c)
{
    if (!norm_tick(c)) return false;
    if (++c->n_made > c->o->n_node_max)
        (void)norm_fail(c, ERR_LIMIT, "limit", NULL, NULL,
                        "the schema has more than %u combinations of its parts", c->o->n_node_max);
    return !c->rc;
}

enum err norm_fail(struct norm *c, enum err code, const char *kind, const struct json *at,
                   const char *keyword, const char *fmt, ...)
{
    char text[200];
    if (c->rc) return c->rc;
    c->rc = code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!at && !keyword) return err_set(c->e, code, ERR_NO_POS, "[%s] %s", kind, text);
    str path = norm_pointer(c, at);
    if (path.n == 0 && !keyword)
        return err_set(c->e, code, at ? at->pos : ERR_NO_POS, "[%s] %s", kind, text);
    const char *cut = path.n > POINTER_SHOWN ? "..." : "";
    path = str_sub(path, 0, POINTER_SHOWN);
    return err_set(c->e, code, at ? at->pos : ERR_NO_POS, "[%s] %.*s%s%s%s: %s", kind,
                   STR_FMT(path), cut, keyword ? "/" : "", keyword ? keyword : "", text);
}

bool norm_work_failed(struct norm *c, const struct json *at, const char *keyword)
{
    if (!c->w->rc) return c->rc != ERR_OK;
    if (c->rc) return true;
    struct error inner = c->w->e ? *c->w->e : (struct error){0};
    const char *kind = c->w->rc == ERR_LIMIT ? "limit" : "unsupported";
    enum err rc = c->w->rc == ERR_LIMIT ? ERR_LIMIT : ERR_ARG;
    (void)norm_fail(c, rc, kind, at ? at : c->at, keyword, "%s",
                    inner.text[0] ? inner.text : "cannot be made into an automaton");
    return true;
}

/* ---- states ---- */

/* By place in the document, so that results do not depend on addresses. */
static int ref_cmp(uintptr_t a, uintptr_t b)
{
    size_t pos_a = ref_json(a)->pos, pos_b = ref_json(b)->pos;
    if (pos_a != pos_b) return pos_a < pos_b ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void grow_states(struct norm *c)
{
    uint32_t cap = c->state_cap * 2;
    struct state **table = norm_alloc(c, cap, sizeof(struct state *));
    if (c->rc) return;
    for (uint32_t i = 0; i < c->state_cap; i++)
        for (struct state *s = c->state[i], *next; s; s = next) {
            next = s->chain;
            s->chain = table[s->hash & (cap - 1)];
            table[s->hash & (cap - 1)] = s;
        }
    c->state = table;
    c->state_cap = cap;
}

static struct state *intern(struct norm *c, const uintptr_t *ref, uint32_t n)
{
    uint64_t hash = hash_fixed(n, ref, n * sizeof *ref);
    for (struct state *s = c->state[hash & (c->state_cap - 1)]; s; s = s->chain)
        if (s->hash == hash && s->n == n && memcmp(s->ref, ref, n * sizeof *ref) == 0) return s;
    if (!norm_count(c)) return c->false_state;
    if (c->n_state >= c->state_cap) grow_states(c);
    struct state *s = norm_new(c, struct state);
    uintptr_t *copy = norm_alloc(c, n, sizeof *ref);
    if (c->rc) return c->false_state;
    memcpy(copy, ref, n * sizeof *ref);
    *s = (struct state){.ref = copy,
                        .n = n,
                        .node = NODE_NONE,
                        .hash = hash,
                        .chain = c->state[hash & (c->state_cap - 1)]};
    c->state[hash & (c->state_cap - 1)] = s;
    c->n_state++;
    return s;
}

struct state *state_of_ref(struct norm *c, uintptr_t ref)
{
    if (ref & REF_VALUE) return intern(c, &ref, 1);
    return state_of(c, ref_json(ref), ref & REF_NOT);
}

/* Looks through what says nothing itself: booleans, annotations, lone $ref and lone not. */
struct state *state_of(struct norm *c, const struct json *schema, bool is_not)
{
    for (uint32_t hop = 0; !c->rc; hop++) {
        if (schema->type == JSON_BOOL)
            return schema->boolean != is_not ? c->true_state : c->false_state;
        if (schema->type != JSON_OBJECT) {
            (void)norm_fail(c, ERR_ARG, "standard_violation", schema, NULL,
                            "a schema is an object or a boolean, not %s",
                            json_type_name(schema->type));
            break;
        }
        uint32_t n = 0;
        enum keyword only = KW_COUNT;
        const struct json *value = NULL;
        for (uint32_t i = 0; i < schema->n; i++) {
            enum keyword kw = keyword_find(schema->member[i].key);
            if (kw == KW_COUNT) continue;
            n++;
            if (n == 1 || (kw == KW_REF && c->ref_alone)) {
                only = kw;
                value = &schema->member[i].value;
            }
        }
        if (n == 0) return is_not ? c->false_state : c->true_state;
        bool is_alone = n == 1 || (only == KW_REF && c->ref_alone);
        if (is_alone && only == KW_REF)
            schema = norm_target(c, schema, value, only);
        else if (is_alone && only == KW_NOT &&
                 (value->type == JSON_OBJECT || value->type == JSON_BOOL)) {
            schema = value;
            is_not = !is_not;
        } else {
            uintptr_t ref = (uintptr_t)norm_same(c, schema) | (is_not ? REF_NOT : 0);
            return intern(c, &ref, 1);
        }
        if (schema && hop > c->o->depth_max)
            (void)norm_fail(c, ERR_ARG, "unsupported", schema, keyword_name[only],
                            "refers to itself without an end");
    }
    return c->false_state;
}

struct state *state_and(struct norm *c, struct state *a, struct state *b)
{
    if (a == b || b == c->true_state) return a;
    if (a == c->true_state) return b;
    if (a == c->false_state || b == c->false_state || c->rc) return c->false_state;
    uintptr_t few[16], *all = few;
    if (a->n + b->n > sizeof few / sizeof few[0]) all = norm_alloc(c, a->n + b->n, sizeof *all);
    if (c->rc) return c->false_state;
    uint32_t n = 0, i = 0, j = 0;
    while (i < a->n || j < b->n) {
        int cmp = i == a->n ? 1 : j == b->n ? -1 : ref_cmp(a->ref[i], b->ref[j]);
        all[n++] = cmp <= 0 ? a->ref[i] : b->ref[j];
        i += cmp <= 0;
        j += cmp >= 0;
        if (n > 1 && (all[n - 1] ^ all[n - 2]) == REF_NOT)
            return c->false_state; /* a schema and its complement */
    }
    return intern(c, all, n);
}

/* ---- forms, remembered ---- */

static struct ref_entry *ref_slot(const struct norm *c, uintptr_t ref)
{
    uint32_t i = (uint32_t)(hash_fixed(0, &ref, sizeof ref)) & (c->ref_cap - 1);
    while (c->ref[i].ref && c->ref[i].ref != ref) i = (i + 1) & (c->ref_cap - 1);
    return &c->ref[i];
}

static struct ref_entry *ref_entry(struct norm *c, uintptr_t ref)
{
    struct ref_entry *r = ref_slot(c, ref);
    if (r->ref) return r;
    if (c->n_ref * 2 >= c->ref_cap) {
        struct ref_entry *old = c->ref;
        uint32_t n_old = c->ref_cap;
        c->ref = norm_alloc(c, n_old * 2, sizeof *old);
        if (c->rc) {
            c->ref = old;
            return NULL;
        }
        c->ref_cap = n_old * 2;
        for (uint32_t i = 0; i < n_old; i++)
            if (old[i].ref) *ref_slot(c, old[i].ref) = old[i];
        r = ref_slot(c, ref);
    }
    r->ref = ref;
    c->n_ref++;
    return r;
}

static const struct form *make_ref_form(struct norm *c, uintptr_t ref)
{
    if (ref & REF_NOT) {
        const struct form *f = ref_form(c, ref & ~REF_NOT);
        c->minus_at = ref_json(ref);
        c->minus_keyword = NULL;
        return f ? form_minus(c, c->full, f) : NULL;
    }
    return ref & REF_VALUE ? value_form(c, ref_json(ref)) : node_form(c, ref_json(ref));
}

const struct form *ref_form(struct norm *c, uintptr_t ref)
{
    struct ref_entry *r = c->rc ? NULL : ref_entry(c, ref);
    if (!r) return NULL;
    if (r->form) return r->form;
    if (r->busy == c->probe + 1) {
        (void)norm_fail(c, ERR_ARG, "unsupported", ref_json(ref), NULL,
                        "the schema refers to itself without an end");
        return NULL;
    }
    if (r->busy) {
        c->probe_cut = true;
        return c->full;
    }
    r->busy = c->probe + 1;
    const struct form *f = make_ref_form(c, ref);
    r = ref_slot(c, ref); /* the table may have grown */
    r->busy = 0;
    if (!c->probe_cut) r->form = f;
    return f;
}

const struct form *state_form(struct norm *c, struct state *s)
{
    if (s->form || c->rc) return c->rc ? NULL : s->form;
    const struct form *f = c->full;
    s->is_busy = true;
    for (uint32_t i = 0; i < s->n && f; i++) {
        const struct form *one = ref_form(c, s->ref[i]);
        f = one ? form_and(c, f, one) : NULL;
    }
    s->is_busy = false;
    if (!c->probe_cut) s->form = f;
    return f;
}

bool state_is_empty(struct norm *c, struct state *s)
{
    if (s == c->false_state || s->empty) return s == c->false_state || s->empty > 0;
    if (s == c->true_state || s->is_busy || c->rc) return false;
    if (!s->form && c->probe >= PROBE_MAX) return false;
    bool outer_cut = c->probe_cut;
    c->probe_cut = false;
    c->probe++;
    const struct form *f = state_form(c, s);
    c->probe--;
    bool is_known = f && !c->probe_cut;
    c->probe_cut = outer_cut;
    if (!is_known) return false;
    s->empty = form_is_empty(f) ? 1 : -1;
    return s->empty > 0;
}

/* ---- begin and end ---- */

/* The draft that $schema names; 0: a newer one, or none is named. */
static int old_draft(const struct json *root)
{
    const struct json *v = json_get(root, "$schema");
    for (int draft = 3; draft <= 7; draft++) {
        char name[16];
        snprintf(name, sizeof name, "/draft-%02d/", draft);
        if (v && v->type == JSON_STRING && str_find(v->string, str_of(name), 0) != SIZE_MAX)
            return draft;
    }
    return 0;
}

void norm_init(struct norm *c, const struct json *schema, const struct schema_options *o,
               struct dfa_work *w, struct error *e)
{
    *c = (struct norm){.o = o,
                       .schema = schema,
                       .root = o->root ? o->root : schema,
                       .w = w,
                       .e = e,
                       .arena = arena_new(0),
                       .ref_cap = TABLE_FIRST,
                       .state_cap = TABLE_FIRST,
                       .pair_cap = TABLE_FIRST};
    c->bytes_max = arena_left(w->arena);
    int draft = old_draft(c->root);
    c->ref_alone = draft != 0;
    c->bare_id = draft == 3 || draft == 4;
    c->ref = arena_alloc(c->arena, TABLE_FIRST * sizeof *c->ref);
    c->state = arena_alloc(c->arena, TABLE_FIRST * sizeof(struct state *));
    c->pair = arena_alloc(c->arena, TABLE_FIRST * sizeof *c->pair);
    struct map *map = arena_alloc(c->arena, 3 * sizeof *map);
    for (int i = 0; i < 3; i++) map_init(&map[i], 0);
    c->dfa = &map[0];
    c->members = &map[1];
    c->uri_of = &map[2];
    c->true_state = arena_alloc(c->arena, sizeof *c->true_state);
    c->false_state = arena_alloc(c->arena, sizeof *c->false_state);
    const struct shape **any = arena_alloc(c->arena, SHAPE_COUNT * sizeof *any);
    for (int t = 0; t < SHAPE_COUNT; t++) any[t] = c->any[t] = shape_new(c, t);
    struct form *form = arena_alloc(c->arena, 2 * sizeof *form);
    form[1] = (struct form){
        .null = true, .bools = BOOL_FALSE | BOOL_TRUE, .n = SHAPE_COUNT, .shape = any};
    norm_index(c);
    c->none = &form[0];
    c->full = &form[1];
    *c->true_state = (struct state){.node = NODE_NONE, .form = c->full, .empty = -1};
    *c->false_state = (struct state){.node = NODE_NONE, .form = c->none, .empty = 1};
}

void norm_done(struct norm *c)
{
    map_done(c->dfa);
    map_done(c->members);
    map_done(c->uri_of);
    arena_free(c->arena);
}
