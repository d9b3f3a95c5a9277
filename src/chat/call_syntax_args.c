/* SPDX-License-Identifier: Apache-2.0
 *
 * All arguments of one tool as grammar. Where they are one JSON object, or the same in another
 * spelling, the schema compiler makes it. Where each stands in tags or is a named argument, the
 * schema must be an object with properties, a free object, or a choice of such; what else it says
 * is refused by name. Properties come in the order of the schema; others, where the schema allows
 * them beside its own, are never written.
 */
#include "base/mem.h"
#include "chat/call_syntax_internal.h"
#include "grammar/regex.h"

#define BRANCHES_MAX 200
#define PROPERTIES_MAX 2000 /* of one object, and names in required */
#define KEY_PATTERN STR("^(?:[A-Za-z0-9_.-]{1,64}|[A-Za-z0-9_.-])$")
#define NAME_PATTERN STR("^[A-Za-z_][A-Za-z0-9_]{0,63}$")

/* One object: its properties as they may be written. */
struct members {
    struct grammar_property *property; /* owns, [n] */
    size_t n;
    const struct json *rest; /* free objects: the schema of what they hold */
    bool is_free;
};

/* ---- what a flat object may say ---- */

static enum err check_keywords(const struct json *schema, struct error *e)
{
    static const char *const refused[] = {
        "allOf",
        "not",
        "if",
        "enum",
        "const",
        "patternProperties",
        "propertyNames",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "minProperties",
        "maxProperties",
        "$dynamicRef",
    };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (json_get(schema, refused[i]))
            return err_set(e, ERR_ARG, ERR_NO_POS,
                           "[%s] of the parameters as a whole cannot be enforced in this model's "
                           "call format; leave it out or move it into a property",
                           refused[i]);
    return ERR_OK;
}

static bool is_required(const struct json *schema, str name)
{
    const struct json *list = call_keyword(schema, "required", JSON_ARRAY);

    for (uint32_t i = 0; list && i < list->n; i++)
        if (list->item[i].type == JSON_STRING && str_eq(list->item[i].string, name)) return true;
    return false;
}

static bool is_name(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return s.n > 0;
}

/* The parser could read the name back. */
static bool can_stand(const struct call_syntax *s, str name)
{
    if (s->form == CALL_PYTHON) return is_name(name);
    if (name.n == 0 || name.n > 256 || str_trim(name).n != name.n) return false;
    if (s->form == CALL_BARE)
        return !strchr("\"'{}[],<", name.p[0]) && str_find_char(name, ':', 0) == SIZE_MAX;
    return str_find(name, call_piece(s->key_close), 0) == SIZE_MAX;
}

static enum err refuse_name(str name, struct error *e)
{
    return err_set(e, ERR_ARG, ERR_NO_POS,
                   "[properties] the name \"%.*s\" cannot be written in "
                   "this model's call format",
                   STR_FMT(str_sub(name, 0, 100)));
}

static bool is_false(const struct json *v) { return v && v->type == JSON_BOOL && !v->boolean; }

/* What a name that is required and not among the properties may hold; false: nothing. */
static bool schema_of_other(const struct call_build *b, const struct json *schema,
                            const struct json **out)
{
    const struct json *rest = json_get(schema, "additionalProperties");
    bool has_own = call_keyword(schema, "properties", JSON_OBJECT) != NULL;

    *out = rest && rest->type == JSON_OBJECT ? rest : NULL;
    return rest ? !is_false(rest) : !(b->options->closed && has_own);
}

static enum err add_member(struct call_build *b, struct members *m, str name, bool required,
                           const struct json *schema, struct error *e)
{
    struct error why = {0};
    uint32_t value;
    enum err rc;

    if (!can_stand(b->syntax, name)) return refuse_name(name, e);
    rc = call_value_node(b, schema, &value, &why);
    if (rc != ERR_OK)
        return err_set(e, rc, why.pos, "/properties/%.*s: %s", STR_FMT(str_sub(name, 0, 64)),
                       why.text);
    m->property[m->n++] = (struct grammar_property){name, value, required};
    return ERR_OK;
}

static enum err add_required(struct call_build *b, struct members *m, const struct json *schema,
                             struct error *e)
{
    const struct json *list = call_keyword(schema, "required", JSON_ARRAY), *value;
    const struct json *own = call_keyword(schema, "properties", JSON_OBJECT);

    for (uint32_t i = 0; list && i < list->n; i++) {
        str name = list->item[i].type == JSON_STRING ? list->item[i].string : STR_NONE;
        size_t k = 0;

        if (json_get_str(own, name)) continue;
        while (k < m->n && !str_eq(m->property[k].name, name)) k++;
        if (k < m->n) continue;
        if (!schema_of_other(b, schema, &value))
            return err_set(e, ERR_ARG, ERR_NO_POS,
                           "[required] \"%.*s\" is not among the "
                           "properties",
                           STR_FMT(str_sub(name, 0, 100)));
        TRY(add_member(b, m, name, true, value, e));
    }
    return ERR_OK;
}

static enum err read_members(struct call_build *b, const struct json *schema, struct members *m,
                             struct error *e)
{
    const struct json *own = call_keyword(schema, "properties", JSON_OBJECT);

    TRY(check_keywords(schema, e));
    for (uint32_t i = 0; own && i < own->n; i++) {
        const struct json_member *p = &own->member[i];
        bool required = is_required(schema, p->key);

        if (is_false(&p->value) && required)
            return err_set(e, ERR_ARG, ERR_NO_POS,
                           "[unsatisfiable] /properties/%.*s is required "
                           "and forbidden",
                           STR_FMT(str_sub(p->key, 0, 64)));
        if (!is_false(&p->value)) TRY(add_member(b, m, p->key, required, &p->value, e));
    }
    TRY(add_required(b, m, schema, e));
    m->is_free = !own && m->n == 0 && schema_of_other(b, schema, &m->rest);
    return ERR_OK;
}

/* ---- nodes ---- */

static uint32_t pair_node(const struct call_build *b, uint32_t key, uint32_t value)
{
    const struct call_syntax *s = b->syntax;
    uint32_t part[] = {call_text_node(b, s->key_open), key, call_text_node(b, s->key_close), value,
                       call_text_node(b, s->value_close)};

    return grammar_sequence(b->g, part, 5);
}

static const struct dfa *key_dfa(struct call_build *b, str pattern)
{
    uint32_t min, max;

    return regex_dfa(grammar_work(b->g), pattern, true, &min, &max);
}

static enum err tags_node(struct call_build *b, const struct members *m, uint32_t *node,
                          struct error *e)
{
    uint32_t *part = mem_array(m->n + 1, sizeof *part), value;
    uint32_t none = grammar_text(b->g, STR_NONE);
    const struct dfa *key;
    enum err rc = ERR_OK;

    for (size_t i = 0; i < m->n; i++) {
        const struct grammar_property *p = &m->property[i];

        part[i] = pair_node(b, grammar_text(b->g, p->name), p->value);
        if (!p->required) part[i] = grammar_choice(b->g, (uint32_t[]){part[i], none}, 2);
    }
    *node = grammar_sequence(b->g, part, m->n);
    mem_free(part);
    if (!m->is_free) return ERR_OK;
    rc = call_value_node(b, m->rest, &value, e);
    key = rc == ERR_OK ? key_dfa(b, KEY_PATTERN) : NULL;
    if (key)
        *node = grammar_repeat(
            b->g, pair_node(b, grammar_terminal(b->g, key, 0, GRAMMAR_UNBOUNDED), value), 0,
            GRAMMAR_UNBOUNDED, NODE_NONE);
    return rc;
}

/* f(a=1, b="x") without the brackets. */
static enum err python_node(struct call_build *b, const struct members *m, uint32_t *node,
                            struct error *e)
{
    struct grammar_style style = {.object_open = STR_NONE,
                                  .object_close = STR_NONE,
                                  .array_open = STR("["),
                                  .array_close = STR("]"),
                                  .comma = STR(", "),
                                  .colon = STR("="),
                                  .bare_keys = true};
    struct grammar_tail tail = {0};
    struct grammar_object o = {.style = &style,
                               .property = m->property,
                               .n_property = m->n,
                               .tail = &tail,
                               .n_max = GRAMMAR_UNBOUNDED};

    if (m->is_free) {
        TRY(call_value_node(b, m->rest, &tail.value, e));
        tail.key = key_dfa(b, NAME_PATTERN);
        o.n_tail = tail.key != NULL;
    }
    *node = grammar_object(b->g, &o);
    return ERR_OK;
}

static enum err object_node(struct call_build *b, const struct json *schema, uint32_t *node,
                            struct error *e)
{
    const struct json *own = call_keyword(schema, "properties", JSON_OBJECT);
    const struct json *required = call_keyword(schema, "required", JSON_ARRAY);
    size_t n_own = own ? own->n : 0, n_required = required ? required->n : 0;
    struct members m = {0};
    enum err rc;

    if (n_own > PROPERTIES_MAX || n_required > PROPERTIES_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS,
                       "[%s] has more than %d members, which is the limit "
                       "in this model's call format",
                       n_own > n_required ? "properties" : "required", PROPERTIES_MAX);
    m.property = mem_array(n_own + n_required + 1, sizeof *m.property);
    if (!(call_schema_types(schema, b->root) & 1u << JSON_OBJECT))
        rc = err_set(e, ERR_ARG, ERR_NO_POS, "[type] parameters must be of type \"object\"");
    else
        rc = read_members(b, schema, &m, e);
    if (rc == ERR_OK)
        rc = b->syntax->form == CALL_TAGS ? tags_node(b, &m, node, e) : python_node(b, &m, node, e);
    mem_free(m.property);
    return rc;
}

static enum err flat_node(struct call_build *b, const struct json *schema, uint32_t *node,
                          struct error *e)
{
    const struct json *list;
    uint32_t branch[BRANCHES_MAX];

    schema = call_schema_deref(schema, b->root);
    if (!schema) return err_set(e, ERR_ARG, ERR_NO_POS, "[$ref] leads nowhere");
    list = call_keyword(schema, "anyOf", JSON_ARRAY);
    if (!list) list = call_keyword(schema, "oneOf", JSON_ARRAY);
    if (!list) return object_node(b, schema, node, e);
    if (json_get(schema, "properties") || json_get(schema, "required") ||
        (json_get(schema, "oneOf") && !b->options->one_of_any) || list->n > BRANCHES_MAX)
        return err_set(e, ERR_ARG, ERR_NO_POS,
                       "[%s] of the parameters as a whole cannot be "
                       "enforced in this model's call format beside other keywords",
                       json_get(schema, "oneOf") ? "oneOf" : "anyOf");
    for (uint32_t i = 0; i < list->n; i++) {
        const struct json *one = call_schema_deref(&list->item[i], b->root);

        if (!one) return err_set(e, ERR_ARG, ERR_NO_POS, "[$ref] leads nowhere");
        TRY(object_node(b, one, &branch[i], e));
    }
    *node = grammar_choice(b->g, branch, list->n);
    return ERR_OK;
}

/* ---- one object, by the schema compiler ---- */

/* Bare keys end at a colon, at any depth. */
static enum err check_names(const struct call_syntax *s, const struct json *v, struct error *e)
{
    const struct json *own = call_keyword(v, "properties", JSON_OBJECT);

    for (uint32_t i = 0; own && i < own->n; i++)
        if (!can_stand(s, own->member[i].key)) return refuse_name(own->member[i].key, e);
    for (uint32_t i = 0; i < v->n && v->type == JSON_OBJECT; i++)
        TRY(check_names(s, &v->member[i].value, e));
    for (uint32_t i = 0; i < v->n && v->type == JSON_ARRAY; i++)
        TRY(check_names(s, &v->item[i], e));
    return ERR_OK;
}

static enum err whole_node(struct call_build *b, const struct json *schema, uint32_t *node,
                           struct error *e)
{
    struct grammar_style bare = {.object_open = STR("{"),
                                 .object_close = STR("}"),
                                 .array_open = STR("["),
                                 .array_close = STR("]"),
                                 .comma = STR(","),
                                 .colon = STR(":"),
                                 .bare_keys = true,
                                 .string_mark = b->syntax->string_mark};
    struct schema_options o = *b->options;

    o.style = b->syntax->form == CALL_BARE ? &bare : NULL;
    o.any_order = b->options->any_order || b->syntax->any_order;
    o.objects_only = true;
    o.root = NULL;
    if (b->syntax->form == CALL_BARE) TRY(check_names(b->syntax, schema, e));
    return schema_compile(schema, &o, b->g, node, e);
}

enum err call_args_node(struct call_build *b, const struct json *parameters, uint32_t *node,
                        struct error *e)
{
    bool is_flat = b->syntax->form == CALL_TAGS || b->syntax->form == CALL_PYTHON;

    b->root = parameters;
    if (json_absent(parameters)) {
        *node = grammar_text(b->g, is_flat ? STR_NONE : STR("{}"));
        return ERR_OK;
    }
    return is_flat ? flat_node(b, parameters, node, e) : whole_node(b, parameters, node, e);
}
