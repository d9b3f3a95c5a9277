/* SPDX-License-Identifier: Apache-2.0
 *
 * Which schema is meant: URIs, resources, anchors, JSON pointers. The index walks only where
 * keywords hold schemas, so that an "$id" inside an enum means nothing. A pointer may lead
 * elsewhere; such a place is indexed when a reference first comes there.
 */
#include "schema/validate_internal.h"

#include "base/buf.h"

#define URI_BYTES_MAX 4096

/* What a keyword holds: a schema, or a list or map of them. */
enum holds { HOLDS_SCHEMA = 1, HOLDS_LIST = 2, HOLDS_MAP = 4 };
static const struct {
    const char *name;
    unsigned holds;
} holders[] = {
    {"$defs", HOLDS_MAP},
    {"additionalItems", HOLDS_SCHEMA},
    {"additionalProperties", HOLDS_SCHEMA},
    {"allOf", HOLDS_LIST},
    {"anyOf", HOLDS_LIST},
    {"contains", HOLDS_SCHEMA},
    {"contentSchema", HOLDS_SCHEMA},
    {"definitions", HOLDS_MAP},
    {"dependencies", HOLDS_MAP},
    {"dependentSchemas", HOLDS_MAP},
    {"else", HOLDS_SCHEMA},
    {"if", HOLDS_SCHEMA},
    {"items", HOLDS_SCHEMA | HOLDS_LIST},
    {"not", HOLDS_SCHEMA},
    {"oneOf", HOLDS_LIST},
    {"patternProperties", HOLDS_MAP},
    {"prefixItems", HOLDS_LIST},
    {"properties", HOLDS_MAP},
    {"propertyNames", HOLDS_SCHEMA},
    {"then", HOLDS_SCHEMA},
    {"unevaluatedItems", HOLDS_SCHEMA},
    {"unevaluatedProperties", HOLDS_SCHEMA},
};

/* ---- URIs (RFC 3986, 5.2) ---- */

struct uri {
    str scheme, authority, path, query;
    bool has_authority, has_query;
};

str uri_fragment(str ref)
{
    size_t at = str_find_char(ref, '#', 0);
    return at == SIZE_MAX ? STR_NONE : str_sub(ref, at + 1, SIZE_MAX);
}

static struct uri uri_split(str s)
{
    struct uri u = {0};
    size_t end = str_find_char(s, '#', 0), at;
    if (end != SIZE_MAX) s = str_sub(s, 0, end);
    at = str_find_char(s, ':', 0);
    size_t slash = str_find_char(s, '/', 0), mark = str_find_char(s, '?', 0);
    if (at != SIZE_MAX && at > 0 && at < slash && at < mark) {
        u.scheme = str_sub(s, 0, at);
        s = str_sub(s, at + 1, SIZE_MAX);
    }
    at = str_find_char(s, '?', 0);
    if (at != SIZE_MAX) {
        u.has_query = true;
        u.query = str_sub(s, at + 1, SIZE_MAX);
        s = str_sub(s, 0, at);
    }
    if (str_starts(s, STR("//"))) {
        u.has_authority = true;
        at = str_find_char(s, '/', 2);
        u.authority = str_sub(s, 2, at == SIZE_MAX ? SIZE_MAX : at - 2);
        s = at == SIZE_MAX ? STR_NONE : str_sub(s, at, SIZE_MAX);
    }
    u.path = s;
    return u;
}

/* Cuts the last segment behind `from`; what is left ends with a slash or at `from`. */
static void pop_segment(struct buf *b, size_t from)
{
    if (b->n > from) b->n--; /* the slash behind it */
    while (b->n > from && b->p[b->n - 1] != '/') b->n--;
}

/* Appends a path without "." and ".." segments. */
static void add_path(struct buf *b, str path)
{
    str part;
    if (str_starts(path, STR("/"))) {
        path = str_sub(path, 1, SIZE_MAX);
        buf_char(b, '/');
    }
    size_t first = b->n;
    while (str_split(&path, '/', &part)) {
        if (str_is(part, "..")) pop_segment(b, first);
        if (str_is(part, "..") || str_is(part, ".")) continue;
        buf_add(b, part);
        if (path.p) buf_char(b, '/');
    }
}

static void add_uri(struct buf *b, const struct uri *u, str base_path)
{
    if (u->scheme.n) {
        buf_add(b, u->scheme);
        buf_char(b, ':');
    }
    if (u->has_authority) {
        buf_add(b, STR("//"));
        buf_add(b, u->authority);
    }
    struct buf path;
    buf_init(&path, URI_BYTES_MAX);
    buf_add(&path, base_path);
    buf_add(&path, u->path);
    if (path.n && (u->has_authority || path.p[0] == '/'))
        add_path(b, buf_str(&path));
    else
        buf_add(b, buf_str(&path));
    buf_done(&path);
    if (u->has_query) {
        buf_char(b, '?');
        buf_add(b, u->query);
    }
}

str uri_resolve(struct arena *a, str base, str ref)
{
    struct uri r = uri_split(ref), b = uri_split(base);
    str folder = STR_NONE;
    struct buf out;
    if (!r.scheme.n) {
        r.scheme = b.scheme;
        if (!r.has_authority) {
            r.has_authority = b.has_authority;
            r.authority = b.authority;
            if (!r.path.n) {
                r.path = b.path;
                if (!r.has_query) r.query = b.query, r.has_query = b.has_query;
            } else if (r.path.p[0] != '/') {
                size_t n = b.path.n;
                while (n > 0 && b.path.p[n - 1] != '/') n--;
                folder = n || !b.has_authority ? str_sub(b.path, 0, n) : STR("/");
            }
        }
    }
    buf_init(&out, URI_BYTES_MAX);
    add_uri(&out, &r, folder);
    str done = arena_str(a, buf_str(&out));
    buf_done(&out);
    return done;
}

/* ---- the index ---- */

static str address_key(struct validate *v, const struct json *schema)
{
    return arena_str(v->arena, str_n((const char *)&schema, sizeof schema));
}

const struct resource *index_inside(struct validate *v, const struct json *schema)
{
    uintptr_t found;
    return map_get(&v->inside, str_n((const char *)&schema, sizeof schema), &found)
               ? (const struct resource *)found
               : NULL;
}

static struct resource *new_resource(struct validate *v, const struct json *root, str uri)
{
    struct resource *r = arena_new_of(v->arena, struct resource);
    *r = (struct resource){.uri = uri, .root = root};
    map_set(&v->resource, uri, (uintptr_t)r);
    return r;
}

static str anchor_key(struct validate *v, str uri, str name)
{
    return arena_printf(v->arena, "%.*s#%.*s", STR_FMT(str_sub(uri, 0, URI_BYTES_MAX)),
                        STR_FMT(str_sub(name, 0, URI_BYTES_MAX)));
}

static void add_anchor(struct validate *v, const struct resource *r, const struct json *schema,
                       const char *keyword)
{
    const struct json *name = json_get(schema, keyword);
    if (!name || name->type != JSON_STRING) return;
    str key = anchor_key(v, r->uri, name->string);
    map_set(&v->anchor, key, (uintptr_t)schema);
    if (keyword[1] == 'd') map_set(&v->dynamic, key, (uintptr_t)schema);
}

static void index_schema(struct validate *v, const struct json *schema, struct resource *r);

static void index_held(struct validate *v, const struct json *held, unsigned holds,
                       struct resource *r)
{
    if (held->type == JSON_OBJECT && holds & HOLDS_MAP) {
        for (uint32_t i = 0; i < held->n; i++) index_schema(v, &held->member[i].value, r);
    } else if (held->type == JSON_ARRAY && holds & HOLDS_LIST) {
        for (uint32_t i = 0; i < held->n; i++) index_schema(v, &held->item[i], r);
    } else if (holds & HOLDS_SCHEMA) {
        index_schema(v, held, r);
    }
}

/* Depth is the parser's. */
static void index_schema(struct validate *v, const struct json *schema, struct resource *r)
{
    const struct json *id = json_get(schema, "$id");
    if (schema->type != JSON_OBJECT || index_inside(v, schema)) return;
    if (id && id->type == JSON_STRING && schema != r->root)
        r = new_resource(v, schema, uri_resolve(v->arena, r->uri, id->string));
    map_set(&v->inside, address_key(v, schema), (uintptr_t)r);
    add_anchor(v, r, schema, "$anchor");
    add_anchor(v, r, schema, "$dynamicAnchor");
    for (uint32_t i = 0; i < schema->n; i++) {
        const struct json_member *m = &schema->member[i];
        v->wants_marks |= str_starts(m->key, STR("unevaluated"));
        for (size_t h = 0; h < sizeof holders / sizeof holders[0]; h++)
            if (str_is(m->key, holders[h].name)) index_held(v, &m->value, holders[h].holds, r);
    }
}

enum err index_document(struct validate *v, const struct json *root, str uri)
{
    index_schema(v, root, new_resource(v, root, uri));
    return v->rc;
}

/* ---- references ---- */

static const struct resource *find_resource(struct validate *v, str uri)
{
    const struct json *root = NULL;
    struct error e;
    uintptr_t found;
    if (map_get(&v->resource, uri, &found)) return (const struct resource *)found;
    if (str_is(uri, METASCHEMA_URI))
        root = metaschema(v->arena, &e);
    else if (v->o->document)
        root = v->o->document(v->o->document_arg, uri);
    if (!root) return NULL;
    if (index_document(v, root, uri) != ERR_OK) return NULL;
    return map_get(&v->resource, uri, &found) ? (const struct resource *)found : NULL;
}

/* One step of a pointer: %xx and ~0 ~1 undone. */
static str unescape(struct validate *v, str part)
{
    static const char digits[] = "0123456789abcdef";
    if (str_find_char(part, '%', 0) == SIZE_MAX && str_find_char(part, '~', 0) == SIZE_MAX)
        return part;
    char *out = arena_try(v->arena, part.n + 1);
    size_t n = 0;
    if (!out) {
        validate_stop(v, ERR_LIMIT, "a `$ref` needs more memory than is allowed");
        return STR_NONE;
    }
    for (size_t i = 0; i < part.n; i++) {
        char c = part.p[i];
        if (c == '%' && i + 2 < part.n) {
            const char *hi = strchr(digits, part.p[i + 1] | 32),
                       *lo = strchr(digits, part.p[i + 2] | 32);
            if (hi && lo && *hi && *lo) {
                c = (char)((hi - digits) * 16 + (lo - digits));
                i += 2;
            }
        }
        if (c == '~' && i + 1 < part.n && (part.p[i + 1] == '0' || part.p[i + 1] == '1'))
            c = part.p[++i] == '0' ? '~' : '/';
        out[n++] = c;
    }
    return str_n(out, n);
}

static const struct json *pointer_step(const struct json *at, str name)
{
    uint64_t i;
    if (at->type == JSON_OBJECT) return json_get_str(at, name);
    if (at->type == JSON_ARRAY && str_to_u64(name, &i) && i < at->n) return &at->item[i];
    return NULL;
}

/* Follows the pointer; *inside becomes the resource of the last schema with $id on the way. */
static const struct json *follow(struct validate *v, const struct resource **inside, str pointer)
{
    const struct json *at = (*inside)->root;
    str part;
    if (pointer.n == 0) return at;
    pointer = str_sub(pointer, 1, SIZE_MAX);
    while (at && str_split(&pointer, '/', &part)) {
        at = pointer_step(at, unescape(v, part));
        if (at && at->type == JSON_OBJECT && index_inside(v, at)) *inside = index_inside(v, at);
    }
    if (at && at->type == JSON_OBJECT && !index_inside(v, at)) {
        index_schema(v, at, (struct resource *)*inside);
        *inside = index_inside(v, at);
    }
    return at;
}

static const struct json *named(struct validate *v, const struct map *m, const struct resource *r,
                                str name)
{
    uintptr_t found;
    return map_get(m, anchor_key(v, r->uri, name), &found) ? (const struct json *)found : NULL;
}

const struct json *index_resolve(struct validate *v, const struct resource *base, str ref,
                                 const struct resource **target)
{
    if (v->rc != ERR_OK || !validate_in_time(v)) return NULL;
    str uri = uri_resolve(v->arena, base->uri, ref), fragment = uri_fragment(ref);
    const struct json *found = NULL;
    *target = find_resource(v, uri);
    if (*target && fragment.n && fragment.p[0] != '/')
        found = named(v, &v->anchor, *target, unescape(v, fragment));
    else if (*target)
        found = follow(v, target, fragment);
    if (!found)
        validate_stop(v, ERR_ARG, "`$ref` \"%.*s\" leads nowhere", STR_FMT(str_sub(ref, 0, 160)));
    return found;
}

const struct json *index_resolve_dynamic(struct validate *v, const struct scope *scope, str ref,
                                         const struct resource **target)
{
    const struct json *first = index_resolve(v, scope->resource, ref, target);
    str name = uri_fragment(ref);
    if (!first || name.n == 0 || name.p[0] == '/' || !named(v, &v->dynamic, *target, name))
        return first;
    for (const struct scope *s = scope; s; s = s->outer) {
        const struct json *found = named(v, &v->dynamic, s->resource, name);
        if (found) {
            first = found;
            *target = s->resource;
        }
    }
    return first;
}
