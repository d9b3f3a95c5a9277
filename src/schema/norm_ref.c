/* SPDX-License-Identifier: Apache-2.0
 *
 * Places in the document: the JSON pointer of a value, and what a $ref points to. Values know
 * their byte position, and children lie in order inside their parents, so the way from the root
 * to a value is found by bisection and nothing is kept on the side. Ids and anchors are indexed
 * once. Other documents are never fetched.
 */
#include "schema/norm.h"

#include "base/map.h"

#define URI_SHOWN 100 /* bytes of a reference in an error */
#define POINTER_BYTES_MAX 65536
#define SMALL_OBJECT 24 /* members searched one by one up to here */

/* ---- pointers ---- */

static size_t child_pos(const struct json *v, uint32_t i)
{
    return v->type == JSON_OBJECT ? v->member[i].value.pos : v->item[i].pos;
}

/* The child of v whose text holds byte pos; NULL: none does. */
static const struct json *child_at(const struct json *v, size_t pos, uint32_t *idx)
{
    if (v->type < JSON_ARRAY || v->n == 0 || child_pos(v, 0) > pos) return NULL;
    uint32_t lo = 0, hi = v->n;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (child_pos(v, mid) <= pos)
            lo = mid;
        else
            hi = mid;
    }
    *idx = lo;
    return v->type == JSON_OBJECT ? &v->member[lo].value : &v->item[lo];
}

static void add_token(struct buf *b, const struct json *v, uint32_t idx)
{
    buf_char(b, '/');
    if (v->type == JSON_ARRAY) {
        buf_u64(b, idx);
        return;
    }
    str key = v->member[idx].key;
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] == '~' || key.p[i] == '/')
            buf_add(b, key.p[i] == '~' ? STR("~0") : STR("~1"));
        else
            buf_char(b, key.p[i]);
    }
}

static bool find_path(const struct json *from, const struct json *at, struct buf *b)
{
    buf_clear(b);
    while (from && from != at) {
        uint32_t idx = 0;
        const struct json *child = child_at(from, at->pos, &idx);
        if (child) add_token(b, from, idx);
        from = child;
    }
    return from != NULL;
}

str norm_pointer(struct norm *c, const struct json *at)
{
    struct buf b;
    buf_init(&b, POINTER_BYTES_MAX);
    str path = STR("");
    if (at && (find_path(c->schema, at, &b) || find_path(c->root, at, &b)))
        path = arena_str(c->arena, buf_str(&b));
    buf_done(&b);
    return path;
}

/* ---- URIs (RFC 3986, section 5.2) ---- */

struct uri {
    str scheme, authority, path, query;
    bool has_authority, has_query;
};

static struct uri uri_parse(str s)
{
    struct uri u = {0};
    size_t colon = str_find_char(s, ':', 0), slash = str_find_char(s, '/', 0);
    if (colon != SIZE_MAX && colon > 0 && colon < slash) {
        u.scheme = str_sub(s, 0, colon);
        s = str_sub(s, colon + 1, s.n);
    }
    size_t query = str_find_char(s, '?', 0);
    if (query != SIZE_MAX) {
        u.query = str_sub(s, query + 1, s.n);
        u.has_query = true;
        s = str_sub(s, 0, query);
    }
    if (str_starts(s, STR("//"))) {
        size_t end = str_find_char(s, '/', 2);
        u.has_authority = true;
        u.authority = str_sub(s, 2, end == SIZE_MAX ? s.n : end - 2);
        s = end == SIZE_MAX ? STR("") : str_sub(s, end, s.n);
    }
    u.path = s;
    return u;
}

/* Removes "." and ".." segments. */
static str clean_path(struct norm *c, str path)
{
    struct buf b;
    str part, rest = path;
    buf_init(&b, path.n + 2);
    bool is_rooted = str_starts(path, STR("/"));
    while (str_split(&rest, '/', &part)) {
        bool is_last = !rest.p;
        if (str_is(part, ".") || str_is(part, "..")) {
            if (part.n == 2 && b.n > 0) {
                b.n--; /* the slash, then the segment */
                while (b.n > 0 && b.p[b.n - 1] != '/') b.n--;
            }
            if (b.n == 0 && is_rooted) buf_char(&b, '/');
            continue;
        }
        buf_add(&b, part);
        if (!is_last) buf_char(&b, '/');
    }
    str out = arena_str(c->arena, buf_str(&b));
    buf_done(&b);
    return out;
}

/* ref without its fragment, made absolute. */
static str uri_resolve(struct norm *c, str base, str ref)
{
    ref = str_sub(ref, 0, str_find_char(ref, '#', 0));
    if (ref.n == 0) return base;
    struct uri r = uri_parse(ref), b = uri_parse(base), t = r;
    if (!r.scheme.n) {
        t.scheme = b.scheme;
        if (!r.has_authority) {
            t.authority = b.authority;
            t.has_authority = b.has_authority;
            size_t slash = b.path.n;
            while (slash > 0 && b.path.p[slash - 1] != '/') slash--;
            if (r.path.n == 0)
                t.path = b.path;
            else if (r.path.p[0] != '/')
                t.path = arena_printf(c->arena, "%.*s%.*s", (int)slash, b.path.p ? b.path.p : "",
                                      STR_FMT(r.path));
        }
    }
    t.path = clean_path(c, t.path);
    return arena_printf(c->arena, "%.*s%s%s%.*s%.*s%s%.*s", STR_FMT(t.scheme),
                        t.scheme.n ? ":" : "", t.has_authority ? "//" : "", STR_FMT(t.authority),
                        STR_FMT(t.path), t.has_query ? "?" : "", STR_FMT(t.query));
}

/* ---- ids and anchors ---- */

static void add_uri(struct norm *c, str base, str anchor, const struct json *node, bool is_dynamic)
{
    if (c->n_uri == c->uri_cap) {
        uint32_t cap = c->uri_cap ? c->uri_cap * 2 : 8;
        struct uri_entry *more = norm_alloc(c, cap, sizeof *more);
        if (c->rc) return;
        if (c->n_uri) memcpy(more, c->uri, c->n_uri * sizeof *more);
        c->uri = more;
        c->uri_cap = cap;
    }
    c->uri[c->n_uri++] = (struct uri_entry){base, anchor, node, is_dynamic};
    str key = arena_printf(c->arena, "%.*s#%.*s", STR_FMT(base), STR_FMT(anchor));
    if (!map_get(c->uri_of, key, NULL)) map_set(c->uri_of, key, c->n_uri);
}

static const struct json *string_member(const struct json *v, const char *key)
{
    const struct json *s = json_get(v, key);
    return s && s->type == JSON_STRING ? s : NULL;
}

/* The id a schema gives itself, or NULL. Draft 4 spells it without the dollar; elsewhere only the
 * root is taken at that word. */
static const struct json *own_id(const struct norm *c, const struct json *v)
{
    if (v->type != JSON_OBJECT || (c->ref_alone && json_get(v, "$ref"))) return NULL;
    const struct json *id = string_member(v, "$id");
    return id || !(c->bare_id || v == c->root) ? id : string_member(v, "id");
}

static void index_schema(struct norm *c, const struct json *v, str base)
{
    if (v->type == JSON_ARRAY) {
        for (uint32_t i = 0; i < v->n; i++) index_schema(c, &v->item[i], base);
        return;
    }
    if (v->type != JSON_OBJECT || c->rc) return;
    const struct json *id = own_id(c, v);
    if (id && str_starts(id->string, STR("#"))) {
        add_uri(c, base, str_sub(id->string, 1, SIZE_MAX), v, false);
    } else if (id) {
        base = uri_resolve(c, base, id->string);
        add_uri(c, base, STR(""), v, false);
    }
    const struct json *anchor = string_member(v, "$anchor");
    const struct json *dynamic = string_member(v, "$dynamicAnchor");
    if (anchor) add_uri(c, base, anchor->string, v, false);
    if (dynamic) add_uri(c, base, dynamic->string, v, true);
    for (uint32_t i = 0; i < v->n; i++) {
        const struct json_member *m = &v->member[i];
        enum keyword kw = keyword_find(m->key);
        bool is_map = kw == KW_PROPERTIES || kw == KW_PATTERN_PROPERTIES || kw == KW_DEPENDENCIES ||
                      kw == KW_DEPENDENT_SCHEMAS || str_is(m->key, "$defs") ||
                      str_is(m->key, "definitions");
        c->has_unevaluated |= kw == KW_UNEVALUATED_PROPERTIES || kw == KW_UNEVALUATED_ITEMS;
        if (is_map && m->value.type == JSON_OBJECT)
            for (uint32_t j = 0; j < m->value.n; j++)
                index_schema(c, &m->value.member[j].value, base);
        else if (kw != KW_COUNT && kw != KW_ENUM && kw != KW_CONST && !is_map)
            index_schema(c, &m->value, base);
    }
}

void norm_index(struct norm *c)
{
    add_uri(c, STR(""), STR(""), c->root, false);
    index_schema(c, c->root, STR(""));
    if (c->schema != c->root) index_schema(c, c->schema, STR(""));
    for (uint32_t i = 1; i < c->n_uri; i++) c->has_ids |= c->uri[i].node != c->root;
}

static const struct json *find_uri(struct norm *c, str base, str anchor)
{
    uintptr_t i = 0;
    str key = arena_printf(c->arena, "%.*s#%.*s", STR_FMT(base), STR_FMT(anchor));
    return map_get(c->uri_of, key, &i) ? c->uri[i - 1].node : NULL;
}

/* The URI against which a reference inside node is read. */
static str base_of(struct norm *c, const struct json *node)
{
    str base = STR("");
    for (const struct json *v = c->root; v;) {
        const struct json *id = own_id(c, v);
        if (id && !str_starts(id->string, STR("#"))) base = uri_resolve(c, base, id->string);
        if (v == node) break;
        uint32_t idx = 0;
        v = child_at(v, node->pos, &idx);
    }
    return base;
}

/* ---- references ---- */

static int hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    ch = (char)(ch | 0x20);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static str percent_decode(struct norm *c, str s)
{
    if (str_find_char(s, '%', 0) == SIZE_MAX) return s;
    char *out = norm_alloc(c, s.n, 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n && !c->rc; i++) {
        int hi = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        int lo = hi >= 0 ? hex_digit(s.p[i + 2]) : -1;
        out[n++] = lo >= 0 ? (char)(hi * 16 + lo) : s.p[i];
        i += lo >= 0 ? 2 : 0;
    }
    return (str){out, n};
}

static str token_decode(struct norm *c, str s)
{
    if (str_find_char(s, '~', 0) == SIZE_MAX) return s;
    char *out = norm_alloc(c, s.n, 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n && !c->rc; i++) {
        bool is_escape = s.p[i] == '~' && i + 1 < s.n && (s.p[i + 1] == '0' || s.p[i + 1] == '1');
        out[n++] = !is_escape ? s.p[i] : s.p[i + 1] == '0' ? '~' : '/';
        i += is_escape;
    }
    return (str){out, n};
}

static str member_key(struct norm *c, const struct json *v, str key)
{
    return arena_printf(c->arena, "%p %.*s", (const void *)v, STR_FMT(key));
}

/* Large objects are put into a table at the first look-up. */
static const struct json *member(struct norm *c, const struct json *v, str key)
{
    uintptr_t found = 0;
    if (v->n <= SMALL_OBJECT) return json_get_str(v, key);
    if (!map_get(c->members, member_key(c, v, v->member[0].key), NULL))
        for (uint32_t i = 0; i < v->n; i++)
            map_set(c->members, member_key(c, v, v->member[i].key), (uintptr_t)&v->member[i].value);
    return map_get(c->members, member_key(c, v, key), &found)
               ? (const struct json *)found /* NOLINT: a pointer was put there */
               : NULL;
}

static const struct json *follow_pointer(struct norm *c, const struct json *v, str pointer)
{
    str part, rest = str_sub(pointer, 1, SIZE_MAX);
    while (v && str_split(&rest, '/', &part)) {
        uint64_t idx = 0;
        if (v->type == JSON_OBJECT)
            v = member(c, v, token_decode(c, part));
        else if (v->type == JSON_ARRAY && str_to_u64(part, &idx) && idx < v->n)
            v = &v->item[idx];
        else
            v = NULL;
    }
    return v;
}

/* $dynamicRef and $recursiveRef depend on the way taken only when several could be meant. */
static bool is_dynamic_static(const struct norm *c, str anchor)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n_uri; i++)
        n += c->uri[i].is_dynamic && str_eq(c->uri[i].anchor, anchor);
    return n <= 1;
}

static bool has_recursive_anchor(const struct norm *c)
{
    for (uint32_t i = 1; i < c->n_uri; i++)
        if (c->uri[i].anchor.n == 0 && json_get(c->uri[i].node, "$recursiveAnchor"))
            return c->n_uri > 2;
    return false;
}

static const struct json *fail_ref(struct norm *c, const struct json *node, str text,
                                   enum keyword kw, const char *kind, const char *why)
{
    bool is_cut = text.n > URI_SHOWN;
    (void)norm_fail(c, ERR_ARG, kind, node, keyword_name[kw], "\"%.*s%s\" %s",
                    STR_FMT(str_sub(text, 0, URI_SHOWN)), is_cut ? "..." : "", why);
    return NULL;
}

const struct json *norm_target(struct norm *c, const struct json *node, const struct json *ref,
                               enum keyword kw)
{
    if (ref->type != JSON_STRING) {
        (void)norm_fail(c, ERR_ARG, "standard_violation", node, keyword_name[kw],
                        "%s is not of type \"string\"", json_type_name(ref->type));
        return NULL;
    }
    str text = ref->string, base = STR("");
    size_t hash = str_find_char(text, '#', 0);
    str fragment = hash == SIZE_MAX ? STR("") : str_sub(text, hash + 1, SIZE_MAX);
    fragment = percent_decode(c, fragment);
    const struct json *resource = c->root;
    if (c->n_uri > 1 || hash != 0) {
        base = uri_resolve(c, base_of(c, node), text);
        resource = find_uri(c, base, STR(""));
    }
    if (!resource)
        return fail_ref(c, node, text, kw, "unsupported",
                        "is another document; put the schema under $defs and refer to it there");
    if ((kw == KW_DYNAMIC_REF && !is_dynamic_static(c, fragment)) ||
        (kw == KW_RECURSIVE_REF && has_recursive_anchor(c)))
        return fail_ref(c, node, text, kw, "unsupported",
                        "depends on the way that led to it; use $ref");
    const struct json *target = resource;
    if (str_starts(fragment, STR("/")))
        target = follow_pointer(c, resource, fragment);
    else if (fragment.n)
        target = find_uri(c, base, fragment);
    /* Ids of generated schemas often name nothing; the pointer is then meant from the root. */
    if (!target && hash == 0 && str_starts(fragment, STR("/")))
        target = follow_pointer(c, c->root, fragment);
    if (c->rc) return NULL;
    if (!target)
        return fail_ref(c, node, text, kw, "standard_violation", "points to nothing in the schema");
    if (target->type != JSON_OBJECT && target->type != JSON_BOOL)
        return fail_ref(c, node, text, kw, "standard_violation", "does not point to a schema");
    return target;
}
