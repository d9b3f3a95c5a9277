/* SPDX-License-Identifier: Apache-2.0
 *
 * One call, from behind its opening text to behind its closing one, piece by piece as the row says;
 * and a call that is whole -> name, id and arguments.
 */
#include "base/mem.h"
#include "chat/call_parse_internal.h"

#define KEY_BYTES_MAX 1024 /* of one argument in tagged forms */
#define HEAD_BYTES_MAX 128 /* between a name and args_mark */
#define ARGS_TREE_BYTES_MAX ((size_t)128 << 20)

/* ---- pieces of a call. The call may not grow beyond CALL_BYTES_MAX: no byte behind that is seen,
 * so where it ends as text does not depend on how the bytes came. ---- */

static str view(const struct call_parser *p)
{
    size_t end = p->from + CALL_BYTES_MAX;

    return str_n(p->held.p, p->held.n < end ? p->held.n : end);
}

static void skip_blank(struct call_parser *p)
{
    str v = view(p);

    while (p->at < v.n && call_is_blank(v.p[p->at])) p->at++;
}

/* Exactly piece, at once. */
static enum step expect(struct call_parser *p, str piece)
{
    str rest = str_sub(view(p), p->at, piece.n);

    if (str_eq(rest, piece)) {
        p->at += piece.n;
        return STEP_OK;
    }
    return str_starts(piece, rest) ? STEP_MORE : STEP_BAD;
}

/* The pieces of text, with any white space before each. n_literal keeps what came. */
static enum step expect_all(struct call_parser *p, str text)
{
    for (;;) {
        str left = str_sub(text, p->n_literal, text.n), piece = call_piece(left);
        enum step r;

        if (piece.n == 0) {
            p->n_literal = 0;
            return STEP_OK;
        }
        skip_blank(p);
        r = expect(p, piece);
        if (r != STEP_OK) return r;
        p->n_literal = (size_t)(piece.p - text.p) + piece.n;
    }
}

/* Everything before tag, and tag, which begins at most n_max bytes from here. */
static enum step until(struct call_parser *p, str tag, size_t n_max, struct span *out)
{
    str v = view(p);
    size_t end = p->at + n_max + tag.n, found;

    if (n_max != SIZE_MAX && v.n > end) v.n = end;
    if (p->seek < p->at) p->seek = p->at;
    found = str_find(v, tag, p->seek);
    if (found == SIZE_MAX) {
        if (v.n >= tag.n && v.n - tag.n + 1 > p->seek) p->seek = v.n - tag.n + 1;
        return n_max != SIZE_MAX && v.n == end ? STEP_BAD : STEP_MORE;
    }
    *out = (struct span){p->at - p->from, found - p->at};
    p->at = found + tag.n;
    return STEP_OK;
}

static str span_str(const struct call_parser *p, struct span s)
{
    return str_n(p->held.p + p->from + s.from, s.n);
}

/* ---- before the arguments ---- */

void call_begin(struct call_parser *p)
{
    p->state = p->syntax->form == CALL_JSON ? BODY : HEAD;
    p->head = HEAD_NAME;
    p->called = NULL;
    p->n_literal = 0;
    p->id = (struct span){0, 0};
    p->json = (struct json_scan){0};
    p->nest = (struct nest_scan){0};
    p->tag = TAG_BETWEEN;
    p->n_arg = 0;
    p->body = (struct span){0, 0};
}

static enum step step_open(struct call_parser *p)
{
    enum step r = expect_all(p, p->rest);

    if (r != STEP_OK) return r;
    if (!p->opens_section) {
        call_begin(p);
        return r;
    }
    p->rest = p->syntax->call_open;
    p->opens_section = false;
    return r;
}

/* The longest name of a tool that stands here. */
static enum step step_name(struct call_parser *p)
{
    size_t longest = 0;
    str rest;

    skip_blank(p);
    rest = str_sub(view(p), p->at, SIZE_MAX);
    for (size_t i = 0; i < p->n_tool; i++) {
        str name = p->tool[i].name;

        if (rest.n < name.n && str_starts(name, rest) && !p->at_end) return STEP_MORE;
        if (name.n > longest && str_starts(rest, name)) {
            p->called = &p->tool[i];
            longest = name.n;
        }
    }
    if (!p->called) return STEP_BAD;
    p->at += longest;
    return STEP_OK;
}

static bool is_id_char(enum call_id id, char c)
{
    if (c >= '0' && c <= '9') return true;
    return id == CALL_ID_NINE &&
           ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_');
}

/* Models leave it out at times. */
static enum step step_id(struct call_parser *p)
{
    const struct call_syntax *s = p->syntax;
    size_t from;
    str v;

    if (p->id.from == 0) {
        enum step r = s->id_open.n ? expect(p, s->id_open) : STEP_BAD;

        if (r == STEP_MORE) return r;
        if (r == STEP_BAD) return STEP_OK;
        p->id.from = p->at - p->from;
    }
    v = view(p);
    from = p->from + p->id.from;
    while (p->at < v.n && p->at - from < CHAT_TOOL_NAME_MAX && is_id_char(s->id, v.p[p->at]))
        p->at++;
    p->id.n = p->at - from;
    return p->at < v.n || p->at_end ? STEP_OK : STEP_MORE;
}

static enum step step_args_open(struct call_parser *p)
{
    const struct call_syntax *s = p->syntax;
    struct span ignored;
    enum step r;

    if (s->args_mark.n) return until(p, s->args_mark, HEAD_BYTES_MAX, &ignored);
    r = expect_all(p, s->args_open);
    /* "[TOOL_CALLS]name{..}" is seen too. */
    if (r == STEP_BAD && s->form == CALL_NAMED && p->at < p->held.n && p->held.p[p->at] == '{')
        r = STEP_OK;
    return r;
}

static enum step step_head(struct call_parser *p)
{
    enum step r;

    switch (p->head) {
    case HEAD_NAME: r = step_name(p); break;
    case HEAD_ID: r = step_id(p); break;
    default: r = step_args_open(p);
    }
    if (r != STEP_OK) return r;
    if (p->head++ != HEAD_ARGS) return STEP_OK;
    p->state = BODY;
    p->seek = p->at;
    p->body.from = p->at - p->from;
    return STEP_OK;
}

/* ---- the arguments ---- */

static enum step close_body(struct call_parser *p, size_t end)
{
    p->body.n = end - p->from - p->body.from;
    p->state = CLOSE;
    p->n_literal = 0;
    return STEP_OK;
}

/* What begins with a brace, and ends with it. */
static enum step step_braces(struct call_parser *p)
{
    bool is_bare = p->syntax->form == CALL_BARE;
    enum call_scan r;
    str v = view(p);

    if (p->body.n == 0) {
        skip_blank(p);
        if (p->at == v.n) return STEP_MORE;
        if (v.p[p->at] != '{') return STEP_BAD;
        p->body = (struct span){p->at - p->from, 1};
    }
    r = is_bare ? call_scan_bare(&p->json, p->syntax->string_mark, v, &p->at)
                : call_scan_json(&p->json, v, &p->at);
    if (r == SCAN_DONE) return close_body(p, p->at);
    return r == SCAN_BAD ? STEP_BAD : STEP_MORE;
}

/* f(..): args_open was the first bracket. */
static enum step step_python(struct call_parser *p)
{
    enum call_scan r;

    r = call_scan_nest(&p->nest, view(p), &p->at);
    if (r == SCAN_BAD) return STEP_BAD;
    if (r == SCAN_MORE) return STEP_MORE;
    p->at--; /* CLOSE takes the bracket */
    return p->held.p[p->at] == ')' ? close_body(p, p->at) : STEP_BAD;
}

static enum step add_argument(struct call_parser *p, struct span key)
{
    if (p->n_arg == CALL_ARGS_MAX) return STEP_BAD;
    if (p->n_arg == p->cap_arg) {
        p->cap_arg = p->cap_arg ? 2 * p->cap_arg : 8;
        p->arg = mem_resize(p->arg, p->cap_arg * sizeof *p->arg);
    }
    p->arg[p->n_arg++] = (struct argument){.key = key};
    p->tag = TAG_KEY_CLOSE;
    p->n_literal = (size_t)(call_piece(p->syntax->key_close).p - p->syntax->key_close.p) +
                   call_piece(p->syntax->key_close).n;
    return STEP_OK;
}

static enum step step_between(struct call_parser *p)
{
    size_t from;
    enum step key, close;

    skip_blank(p);
    from = p->at;
    close = expect(p, call_piece(p->syntax->call_close));
    p->at = from;
    if (close == STEP_OK) return close_body(p, from);
    key = expect(p, p->syntax->key_open);
    if (key == STEP_OK) {
        p->tag = TAG_KEY;
        p->seek = p->at;
    }
    return key == STEP_BAD ? close : key;
}

static enum step step_tags(struct call_parser *p)
{
    const struct call_syntax *s = p->syntax;
    struct span key;
    enum step r;

    switch (p->tag) {
    case TAG_BETWEEN: return step_between(p);
    case TAG_KEY:
        r = until(p, call_piece(s->key_close), KEY_BYTES_MAX, &key);
        return r == STEP_OK ? add_argument(p, key) : r;
    case TAG_KEY_CLOSE:
        r = expect_all(p, s->key_close);
        p->tag = r == STEP_OK ? TAG_VALUE : p->tag;
        p->seek = p->at;
        return r;
    default:
        r = until(p, call_piece(s->value_close), SIZE_MAX, &p->arg[p->n_arg - 1].value);
        p->tag = r == STEP_OK ? TAG_BETWEEN : p->tag;
        return r;
    }
}

static enum step step_body(struct call_parser *p)
{
    switch (p->syntax->form) {
    case CALL_TAGS: return step_tags(p);
    case CALL_PYTHON: return step_python(p);
    default: return step_braces(p);
    }
}

/* ---- behind the arguments ---- */

/* Nothing up to `at` is text, nor white space that follows. */
void call_drop_up_to_at(struct call_parser *p)
{
    p->given = p->text_end = p->at;
    p->drops_blank = true;
}

/* The marks behind a call may be missing. */
static enum step step_close(struct call_parser *p)
{
    enum step r = expect_all(p, p->syntax->call_close);

    return r == STEP_MORE ? r : STEP_OK;
}

/* Behind a call of a section: another one, or the section's end. */
static enum step step_next(struct call_parser *p)
{
    const struct call_syntax *s = p->syntax;
    str between = call_piece(s->between), another = between.n ? between : call_piece(s->call_open);
    size_t from;
    enum step next, close;

    skip_blank(p);
    from = p->at;
    close = expect(p, s->calls_close);
    if (close == STEP_OK) {
        call_drop_up_to_at(p);
        p->state = TEXT;
        return STEP_OK;
    }
    /* Where nothing stands between, all that is not the end begins a call. */
    if (close == STEP_MORE && another.n == 0) return close;
    next = expect(p, another);
    p->at = next == STEP_OK && between.n == 0 ? from : p->at;
    if (next == STEP_OK) {
        p->rest = s->call_open;
        p->n_literal = 0;
        p->opens_section = false;
        p->state = OPEN;
    }
    return next == STEP_BAD ? close : next;
}

enum step call_step(struct call_parser *p)
{
    switch (p->state) {
    case OPEN: return step_open(p);
    case HEAD: return step_head(p);
    case BODY: return step_body(p);
    case CLOSE: return step_close(p);
    default: return step_next(p);
    }
}

/* ---- a whole call ---- */

static const struct chat_tool *tool_named(const struct call_parser *p, const struct json *name)
{
    if (!name || name->type != JSON_STRING) return NULL;
    for (size_t i = 0; i < p->n_tool; i++)
        if (str_eq(p->tool[i].name, name->string)) return &p->tool[i];
    return NULL;
}

/* The bytes of a value of a text that parsed. */
static str source_of(str text, const struct json *v)
{
    struct json_scan scan = {0};
    size_t end = v->pos;

    if (call_scan_json(&scan, text, &end) != SCAN_DONE) end = text.n;
    return str_sub(text, v->pos, end - v->pos);
}

/* {"name": .., "arguments": {..}} and what models make of it. */
static bool read_json_call(struct call_parser *p, str *args)
{
    str body = span_str(p, p->body);
    const struct json *v, *inner;
    struct json *root;

    if (json_parse(body, p->tree, &root, NULL) != ERR_OK) return false;
    inner = json_get(root, "function");
    v = inner && inner->type == JSON_OBJECT ? inner : root;
    p->called = tool_named(p, json_get_str(v, p->syntax->key_name));
    if (!p->called) return false;
    inner = json_get(root, "id");
    if (p->syntax->id != CALL_ID_NONE && inner && inner->type == JSON_STRING)
        buf_add(&p->id_out, inner->string);
    inner = json_get_str(v, p->syntax->key_args);
    if (!inner) inner = json_get(v, "arguments");
    if (!inner) inner = json_get(v, "parameters");
    if (json_absent(inner))
        *args = STR("{}");
    else
        *args = inner->type == JSON_STRING ? inner->string : source_of(body, inner);
    return true;
}

/* One line break next to the tags belongs to them where the format writes one there. */
static str value_text(const struct call_parser *p, struct span s)
{
    str v = span_str(p, s), open = p->syntax->key_close, close = p->syntax->value_close;

    if (str_ends(open, STR("\n")) && str_starts(v, STR("\n"))) v = str_sub(v, 1, v.n);
    if (str_starts(close, STR("\n")) && str_ends(v, STR("\n"))) v.n--;
    return v;
}

static str key_text(const struct call_parser *p, size_t i)
{
    return str_trim(span_str(p, p->arg[i].key));
}

/* A name that comes twice holds what came last. */
static bool comes_again(const struct call_parser *p, size_t i)
{
    for (size_t k = i + 1; k < p->n_arg; k++)
        if (str_eq(key_text(p, k), key_text(p, i))) return true;
    return false;
}

static void write_tags(const struct call_parser *p, struct json_writer *w)
{
    const struct json *parameters = p->called->parameters;

    jw_object(w);
    for (size_t i = 0; i < p->n_arg; i++) {
        str key = key_text(p, i);

        if (comes_again(p, i)) continue;
        jw_key_str(w, key);
        call_value_of_text(w, value_text(p, p->arg[i].value), call_argument_schema(parameters, key),
                           parameters);
    }
    jw_object_end(w);
}

static bool read_arguments(struct call_parser *p, str *args)
{
    str body = span_str(p, p->body);
    struct json_writer w;
    bool ok = true;

    jw_init(&w, &p->args_out);
    switch (p->syntax->form) {
    case CALL_JSON: return read_json_call(p, args);
    case CALL_NAMED: *args = body; return true;
    case CALL_TAGS: write_tags(p, &w); break;
    case CALL_BARE: ok = call_args_of_bare(&w, body, p->syntax->string_mark); break;
    case CALL_PYTHON: ok = call_args_of_python(&w, body); break;
    }
    *args = buf_str(&p->args_out);
    return ok && !p->args_out.bad;
}

/* Whatever the form, what is given is an object in JSON. */
static bool is_object(struct call_parser *p, str args)
{
    struct json *v;

    return json_parse(args, p->tree, &v, NULL) == ERR_OK && v->type == JSON_OBJECT;
}

bool call_read(struct call_parser *p, struct call_event *ev)
{
    str args, id;

    arena_free(p->tree);
    p->tree = arena_new(ARGS_TREE_BYTES_MAX);
    buf_clear(&p->id_out);
    buf_clear(&p->args_out);
    if (!read_arguments(p, &args) || !is_object(p, args)) return false;
    id = span_str(p, p->id);
    if (p->syntax->id == CALL_ID_COUNT && id.n) {
        buf_add(&p->id_out, p->syntax->id_prefix);
        buf_add(&p->id_out, p->called->name);
        buf_add(&p->id_out, p->syntax->id_open);
    }
    if (id.n) buf_add(&p->id_out, id);
    *ev = (struct call_event){.kind = CALL_EVENT_CALL, .end = p->fed_before + p->at};
    ev->call.id = buf_str(&p->id_out);
    ev->call.name = p->called->name;
    ev->call.arguments = args;
    return true;
}
