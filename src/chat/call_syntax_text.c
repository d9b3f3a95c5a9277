/* SPDX-License-Identifier: Apache-2.0
 *
 * Tagged arguments as grammar: strings stand there as they are, everything else is JSON. What a
 * schema says of a string becomes an automaton over the raw text. Where a schema allows strings
 * and other things, a raw text that would read as one of the others is no string, so that the
 * parser's reading (call_value_of_text) is the one that was meant.
 */
#include "base/mem.h"
#include "chat/call_syntax_internal.h"
#include "grammar/format.h"
#include "grammar/regex.h"

#define LENGTH_MAX 1000000 /* characters that an automaton counts */
#define SCHEMAS_MAX 250 /* looked at for one text */
#define STRING (1u << JSON_STRING)

const struct json *call_keyword(const struct json *schema, const char *keyword, enum json_type type)
{
    const struct json *v = json_get(schema, keyword);

    return v && v->type == type ? v : NULL;
}

/* ---- the texts that are strings of a schema ---- */

struct texts {
    struct call_build *b;
    struct dfa_work *w;
    const struct json *outer; /* its length is kept for the end, when all else is small */
    uint64_t n_min, n_max;
    int n_schema;
    enum err rc;
    struct error *e;
};

static const struct dfa *fail(struct texts *t, enum err code, const char *keyword, const char *what)
{
    if (t->rc == ERR_OK) t->rc = err_set(t->e, code, ERR_NO_POS, "[%s] %s", keyword, what);
    return NULL;
}

static const struct dfa *both(struct texts *t, const struct dfa *a, const struct dfa *b)
{
    return a && b ? dfa_and(t->w, a, b) : NULL;
}

/* n_min to n_max characters: bytes that go on with one do not count. */
static const struct dfa *of_length(struct texts *t, uint64_t n_min, uint64_t n_max)
{
    bool is_open = n_max == UINT64_MAX;
    uint64_t last = is_open ? n_min : n_max;
    struct dfa *d = arena_try(t->w->arena, sizeof *d);
    uint32_t *next =
        last <= LENGTH_MAX ? arena_try_array(t->w->arena, last + 2, 2 * sizeof *next) : NULL;
    uint8_t *flags = last <= LENGTH_MAX ? arena_try_array(t->w->arena, last + 2, 1) : NULL;

    if (n_min > n_max) return fail(t, ERR_ARG, "minLength", "is above maxLength");
    if (!d || !next || !flags)
        return fail(t, ERR_ARG, is_open ? "minLength" : "maxLength",
                    "is too large for a text in this model's call format; use less, or none");
    *d = (struct dfa){
        .n_state = (uint32_t)last + 2, .n_class = 2, .start = 1, .next = next, .flags = flags};
    for (int byte = 0; byte < 256; byte++) d->class_of[byte] = (byte & 0xc0) != 0x80;
    for (uint32_t i = 0; i <= last; i++) {
        uint32_t *row = next + 2 * ((size_t)i + 1);

        row[0] = i + 1;
        row[1] = i < last ? i + 2 : is_open ? i + 1 : DFA_DEAD;
        flags[i + 1] = i >= n_min ? DFA_ACCEPT : 0;
    }
    return d;
}

static const struct dfa *with_length(struct texts *t, const struct dfa *d, uint64_t n_min,
                                     uint64_t n_max)
{
    return n_min == 0 && n_max == UINT64_MAX ? d : both(t, d, of_length(t, n_min, n_max));
}

static bool length_of(const struct json *v, uint64_t *n)
{
    int64_t i;

    if (!json_int(v, &i) || i < 0) return false;
    *n = (uint64_t)i;
    return true;
}

static const struct dfa *with_pattern_and_length(struct texts *t, const struct json *schema)
{
    const struct json *pattern = call_keyword(schema, "pattern", JSON_STRING);
    const struct dfa *d = dfa_shared(DFA_TEXT);
    uint64_t n_min = 0, n_max = UINT64_MAX, own;

    if (pattern) {
        uint32_t min, max;

        d = regex_dfa(t->w, pattern->string, t->b->options->whole_pattern, &min, &max);
        n_min = min;
        if (max != UINT32_MAX) n_max = max;
    }
    if (length_of(json_get(schema, "minLength"), &own) && own > n_min) n_min = own;
    if (length_of(json_get(schema, "maxLength"), &own) && own < n_max) n_max = own;
    if (schema == t->outer) {
        t->n_min = n_min;
        t->n_max = n_max;
        return d;
    }
    return with_length(t, d, n_min, n_max);
}

static const struct dfa *of_values(struct texts *t, const struct json *value, size_t n)
{
    str *word = mem_array(n + 1, sizeof *word);
    const struct dfa *d;
    size_t n_word = 0;

    for (size_t i = 0; i < n; i++)
        if (value[i].type == JSON_STRING) word[n_word++] = value[i].string;
    d = dfa_words(t->w, word, n_word);
    mem_free(word);
    return d;
}

static const struct dfa *texts_of(struct texts *t, const struct json *schema);

static const struct dfa *of_any(struct texts *t, const struct json *list)
{
    const struct dfa *d = NULL;

    for (uint32_t i = 0; i < list->n; i++) {
        const struct dfa *one;

        if (!(call_schema_types(&list->item[i], t->b->root) & STRING)) continue;
        one = texts_of(t, &list->item[i]);
        d = d && one ? dfa_or(t->w, d, one) : one;
        if (!d) return NULL;
    }
    return d ? d : dfa_words(t->w, NULL, 0);
}

static const struct dfa *with_branches(struct texts *t, const struct json *schema,
                                       const struct dfa *d)
{
    const struct json *list = call_keyword(schema, "anyOf", JSON_ARRAY);

    if (list) d = both(t, d, of_any(t, list));
    list = call_keyword(schema, "oneOf", JSON_ARRAY);
    if (list && !t->b->options->one_of_any)
        return fail(t, ERR_ARG, "oneOf",
                    "of texts is not enforced in this model's call format; "
                    "use anyOf");
    if (list) d = both(t, d, of_any(t, list));
    list = call_keyword(schema, "allOf", JSON_ARRAY);
    for (uint32_t i = 0; list && i < list->n; i++) d = both(t, d, texts_of(t, &list->item[i]));
    return d;
}

/* The strings that satisfy the schema, NULL when that failed. */
static const struct dfa *texts_of(struct texts *t, const struct json *schema)
{
    static const char *const refused[] = {"not", "if", "$dynamicRef", "$recursiveRef"};
    const struct json *v;
    const struct dfa *d;

    schema = call_schema_deref(schema, t->b->root);
    if (!schema) return fail(t, ERR_ARG, "$ref", "leads nowhere");
    if (schema->type != JSON_OBJECT) return dfa_shared(DFA_TEXT);
    if (++t->n_schema > SCHEMAS_MAX) return fail(t, ERR_LIMIT, "anyOf", "holds too many schemas");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (json_get(schema, refused[i]))
            return fail(t, ERR_ARG, refused[i],
                        "is not enforced on texts in this model's call "
                        "format; say it otherwise");
    d = with_pattern_and_length(t, schema);
    v = call_keyword(schema, "format", JSON_STRING);
    if (v && format_dfa(v->string)) d = both(t, d, format_dfa(v->string));
    v = call_keyword(schema, "enum", JSON_ARRAY);
    if (v) d = both(t, d, of_values(t, v->item, v->n));
    v = json_get(schema, "const");
    if (v) d = both(t, d, of_values(t, v, 1));
    return with_branches(t, schema, d);
}

/* ---- texts that would be read otherwise ---- */

static const struct dfa *without(struct texts *t, const struct dfa *d, const char *pattern)
{
    uint32_t min, max;
    const struct dfa *x = d ? regex_dfa(t->w, str_of(pattern), false, &min, &max) : NULL;

    return x ? dfa_minus(t->w, d, x) : NULL;
}

/* The mark that ends the value must not stand in it. */
static const struct dfa *without_close(struct texts *t, const struct dfa *d)
{
    str close = call_piece(t->b->syntax->value_close);
    char pattern[64];
    size_t n = 0;

    CHECK(close.n * 2 < sizeof pattern);
    for (size_t i = 0; i < close.n; i++) {
        if (strchr("/.*+?()[]{}|^$\\", close.p[i])) pattern[n++] = '\\';
        pattern[n++] = close.p[i];
    }
    pattern[n] = '\0';
    return without(t, d, pattern);
}

static const struct dfa *only_strings(struct texts *t, const struct dfa *d, unsigned types)
{
    if (types & 1u << JSON_NULL) d = without(t, d, "^\\s*(?:null|None)\\s*$");
    if (types & 1u << JSON_BOOL) d = without(t, d, "^\\s*(?:true|false|True|False)\\s*$");
    if (types & 1u << JSON_NUMBER)
        d = without(t, d, "^\\s*-?[0-9]+(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\\s*$");
    if (types & 1u << JSON_ARRAY) d = without(t, d, "^\\s*\\[");
    if (types & 1u << JSON_OBJECT) d = without(t, d, "^\\s*\\{");
    return d;
}

static enum err string_node(struct call_build *b, const struct json *schema, unsigned types,
                            uint32_t *node, struct error *e)
{
    struct texts t = {.b = b,
                      .w = grammar_work(b->g),
                      .e = e,
                      .n_max = UINT64_MAX,
                      .outer = call_schema_deref(schema, b->root)};
    const struct dfa *d = schema ? texts_of(&t, schema) : dfa_shared(DFA_TEXT);
    bool is_any = d == dfa_shared(DFA_TEXT) && types == 0 && t.n_min == 0 && t.n_max == UINT64_MAX;

    if (is_any && b->has_any_text) {
        *node = b->any_text;
        return ERR_OK;
    }
    d = only_strings(&t, without_close(&t, d), types);
    d = with_length(&t, d, t.n_min, t.n_max);
    if (t.rc != ERR_OK) return t.rc;
    if (!d || t.w->rc != ERR_OK)
        return err_set(e, t.w->rc, ERR_NO_POS, "%s", t.w->e ? t.w->e->text : "");
    *node = dfa_is_empty(d) ? NODE_NONE : grammar_terminal(b->g, d, 0, GRAMMAR_UNBOUNDED);
    if (is_any) {
        b->any_text = *node;
        b->has_any_text = true;
    }
    return ERR_OK;
}

/* ---- everything else ---- */

static struct json *copy_with(const struct json *schema, struct json_member member, struct arena *a)
{
    uint32_t n = schema && schema->type == JSON_OBJECT ? schema->n : 0;
    struct json *copy = arena_try(a, sizeof *copy);
    struct json_member *m = arena_try_array(a, (size_t)n + 1, sizeof *m);
    uint32_t kept = 0;

    if (!copy || !m) return NULL;
    for (uint32_t i = 0; i < n; i++)
        if (!str_eq(schema->member[i].key, member.key)) m[kept++] = schema->member[i];
    m[kept++] = member;
    *copy = (struct json){.type = JSON_OBJECT, .n = kept, .member = m};
    return copy;
}

/* The schema with these types only. */
static struct json *with_types(const struct json *schema, unsigned types, struct arena *a)
{
    static const char *const name[] = {"null", "boolean", "number", "string", "array", "object"};
    const struct json *own = json_get(schema, "type");
    struct json *item = arena_try_array(a, 6, sizeof *item);
    struct json list = {.type = JSON_ARRAY, .item = item};

    if (!item) return NULL;
    for (uint32_t i = 0; i < 6; i++)
        if (types >> i & 1)
            item[list.n++] = (struct json){.type = JSON_STRING, .string = str_of(name[i])};
    /* "integer" must not become "number". */
    for (uint32_t i = 0; own && i < list.n; i++) {
        bool is_integer = own->type == JSON_STRING && str_is(own->string, "integer");

        for (uint32_t k = 0; own->type == JSON_ARRAY && k < own->n; k++)
            is_integer |=
                own->item[k].type == JSON_STRING && str_is(own->item[k].string, "integer");
        for (uint32_t k = 0; own->type == JSON_ARRAY && k < own->n; k++)
            is_integer &=
                own->item[k].type != JSON_STRING || !str_is(own->item[k].string, "number");
        if (is_integer && str_is(item[i].string, "number")) item[i].string = STR("integer");
    }
    return copy_with(schema, (struct json_member){.key = STR("type"), .value = list}, a);
}

static enum err compile(struct call_build *b, const struct json *schema, uint32_t *node,
                        struct error *e)
{
    struct schema_options o = *b->options;

    o.style = NULL;
    o.root = b->root;
    o.objects_only = false;
    return schema_compile(schema, &o, b->g, node, e);
}

static bool is_word(const struct json *v, const struct json *word)
{
    return v->type == word->type && (v->type == JSON_NULL || v->boolean == word->boolean);
}

static bool is_among(const struct json *list, const struct json *word)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (is_word(&list->item[i], word)) return true;
    return false;
}

/* Surely so: true, false or null (word) satisfies the schema. */
static bool allows(const struct call_build *b, const struct json *schema, const struct json *word,
                   int *n_left)
{
    static const char *const branches[] = {"anyOf", "oneOf", "allOf"};
    const struct json *v;

    schema = call_schema_deref(schema, b->root);
    if (!schema || --*n_left < 0) return false;
    if (schema->type != JSON_OBJECT) return schema->type == JSON_BOOL && schema->boolean;
    if (!(call_schema_types(schema, b->root) >> word->type & 1)) return false;
    if (json_get(schema, "not") || json_get(schema, "if")) return false;
    v = call_keyword(schema, "enum", JSON_ARRAY);
    if (v && !is_among(v, word)) return false;
    v = json_get(schema, "const");
    if (v && !is_word(v, word)) return false;
    for (size_t i = 0; i < 3; i++) {
        uint32_t n = 0;

        v = call_keyword(schema, branches[i], JSON_ARRAY);
        for (uint32_t k = 0; v && k < v->n; k++) n += allows(b, &v->item[k], word, n_left);
        if (v && (i == 2 ? n < v->n : n == 0 || (i == 1 && n > 1 && !b->options->one_of_any)))
            return false;
    }
    return true;
}

/* Python's words beside JSON's. */
static uint32_t with_words(struct call_build *b, const struct json *schema, uint32_t node)
{
    static const struct {
        struct json value;
        str word;
    } words[] = {
        {{.type = JSON_BOOL, .boolean = true}, STR("True")},
        {{.type = JSON_BOOL, .boolean = false}, STR("False")},
        {{.type = JSON_NULL}, STR("None")},
    };
    uint32_t any[4] = {node};
    size_t n = 1;

    for (size_t i = 0; i < 3 && b->syntax->python_words; i++) {
        int n_left = SCHEMAS_MAX;

        if (allows(b, schema, &words[i].value, &n_left))
            any[n++] = grammar_text(b->g, words[i].word);
    }
    return n == 1 ? node : grammar_choice(b->g, any, n);
}

static enum err other_node(struct call_build *b, const struct json *schema, unsigned types,
                           bool is_mixed, uint32_t *node, struct error *e)
{
    struct arena *a = arena_new((size_t)1 << 20);
    enum err rc = ERR_OK;

    if (is_mixed) schema = with_types(schema, types, a);
    if (!schema) rc = err_set(e, ERR_LIMIT, ERR_NO_POS, "[properties] has too many members");
    if (rc == ERR_OK) rc = compile(b, schema, node, e);
    if (rc == ERR_OK) *node = with_words(b, schema, *node);
    arena_free(a);
    return rc;
}

enum err call_value_node(struct call_build *b, const struct json *schema, uint32_t *node,
                         struct error *e)
{
    unsigned types = call_schema_types(schema, b->root), others = types & ~STRING;
    const struct json *own = call_schema_deref(schema, b->root);
    uint32_t text = NODE_NONE, other = NODE_NONE;

    if (schema && !own) return err_set(e, ERR_ARG, ERR_NO_POS, "[$ref] leads nowhere");
    if (b->syntax->form == CALL_PYTHON) {
        if (!own) own = with_types(NULL, CALL_TYPES_ALL, grammar_work(b->g)->arena);
        TRY(compile(b, own, node, e));
        *node = with_words(b, own, *node);
        return ERR_OK;
    }
    if (types & STRING) TRY(string_node(b, schema, others, &text, e));
    if (others || !(types & STRING)) TRY(other_node(b, own, others, types & STRING, &other, e));
    if (text == NODE_NONE && other == NODE_NONE)
        return err_set(e, ERR_ARG, ERR_NO_POS, "[unsatisfiable] no text satisfies the schema");
    *node = text == NODE_NONE    ? other
            : other == NODE_NONE ? text
                                 : grammar_choice(b->g, (uint32_t[]){text, other}, 2);
    return ERR_OK;
}
