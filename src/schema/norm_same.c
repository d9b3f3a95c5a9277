/* SPDX-License-Identifier: Apache-2.0
 *
 * Small schemas that say the same become one: {"type": "string"} in fifty places is one state,
 * and branches of a oneOf that repeat a member's schema are seen to agree on it. What annotates
 * the schema itself is not looked at; inside it everything is. Documents with ids are left alone,
 * because there the same $ref may mean different things.
 */
#include "schema/norm.h"

#include "base/hash.h"

#define SAME_VALUES_MAX 200 /* values inside a schema that is looked at */
#define SAME_FIRST 64

/* Mixes the value in; false: it holds too much. */
static bool mix(const struct json *v, uint64_t *hash, uint32_t *n_left)
{
    if (*n_left == 0) return false;
    --*n_left;
    uint64_t head = (uint64_t)v->type << 32 | (v->type == JSON_BOOL ? v->boolean : v->n);
    *hash = hash_fixed(*hash, &head, sizeof head);
    if (v->type == JSON_NUMBER) *hash = hash_fixed(*hash, v->text.p, v->text.n);
    if (v->type == JSON_STRING) *hash = hash_fixed(*hash, v->string.p, v->string.n);
    for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->n; i++)
        if (!mix(&v->item[i], hash, n_left)) return false;
    for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->n; i++) {
        *hash = hash_fixed(*hash, v->member[i].key.p, v->member[i].key.n);
        if (!mix(&v->member[i].value, hash, n_left)) return false;
    }
    return true;
}

static bool is_equal(const struct json *a, const struct json *b)
{
    if (a->type != b->type || (a->type >= JSON_ARRAY && a->n != b->n)) return false;
    switch (a->type) {
    case JSON_NULL: return true;
    case JSON_BOOL: return a->boolean == b->boolean;
    case JSON_NUMBER: return str_eq(a->text, b->text);
    case JSON_STRING: return str_eq(a->string, b->string);
    case JSON_ARRAY:
        for (uint32_t i = 0; i < a->n; i++)
            if (!is_equal(&a->item[i], &b->item[i])) return false;
        return true;
    case JSON_OBJECT:
        for (uint32_t i = 0; i < a->n; i++)
            if (!str_eq(a->member[i].key, b->member[i].key) ||
                !is_equal(&a->member[i].value, &b->member[i].value))
                return false;
        return true;
    }
    return false;
}

static uint32_t next_keyword(const struct json *v, uint32_t i)
{
    while (i < v->n && keyword_find(v->member[i].key) == KW_COUNT) i++;
    return i;
}

/* Same keywords in the same order, whatever annotations stand between them. */
static bool says_same(const struct json *a, const struct json *b)
{
    uint32_t i = next_keyword(a, 0), j = next_keyword(b, 0);
    while (i < a->n && j < b->n) {
        if (!str_eq(a->member[i].key, b->member[j].key) ||
            !is_equal(&a->member[i].value, &b->member[j].value))
            return false;
        i = next_keyword(a, i + 1);
        j = next_keyword(b, j + 1);
    }
    return i == a->n && j == b->n;
}

static void grow(struct norm *c)
{
    uint32_t n_old = c->same_cap, cap = n_old ? n_old * 2 : SAME_FIRST;
    const struct json **old = c->same;
    uint64_t *old_hash = c->same_hash;
    const struct json **same = norm_alloc(c, cap, sizeof *same);
    uint64_t *hash = norm_alloc(c, cap, sizeof *hash);
    if (c->rc) return;
    c->same = same;
    c->same_hash = hash;
    c->same_cap = cap;
    for (uint32_t k = 0; k < n_old; k++) {
        if (!old[k]) continue;
        uint32_t i = (uint32_t)old_hash[k] & (cap - 1);
        while (same[i]) i = (i + 1) & (cap - 1);
        same[i] = old[k];
        hash[i] = old_hash[k];
    }
}

const struct json *norm_same(struct norm *c, const struct json *schema)
{
    uint64_t hash = hash_str(STR("")); /* seeded: nobody chooses collisions */
    uint32_t n_left = SAME_VALUES_MAX;
    if (c->has_ids) return schema;
    for (uint32_t i = next_keyword(schema, 0); i < schema->n; i = next_keyword(schema, i + 1)) {
        const struct json_member *m = &schema->member[i];
        hash = hash_fixed(hash, m->key.p, m->key.n);
        if (!mix(&m->value, &hash, &n_left)) return schema;
    }
    if (c->n_same * 2 >= c->same_cap) grow(c);
    if (c->rc) return schema;
    uint32_t i = (uint32_t)hash & (c->same_cap - 1);
    for (; c->same[i]; i = (i + 1) & (c->same_cap - 1))
        if (c->same_hash[i] == hash && says_same(c->same[i], schema)) return c->same[i];
    c->same[i] = schema;
    c->same_hash[i] = hash;
    c->n_same++;
    return schema;
}
