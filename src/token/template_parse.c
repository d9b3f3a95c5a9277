/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens -> tree: statements, and what both parser files share. The grammar is that of
 * jinja2/parser.py 3.1 without template inheritance and inclusion (a chat template is one file);
 * `do`, and the loop controls, and the generation tag of HF transformers are there.
 * Errors are sticky in the lexer: its stream ends, so every loop here ends.
 */
#include "token/template_internal.h"

#include "base/mem.h"
#include "base/utf8.h"

/* ---- shared with template_expr.c ---- */

void parse_advance(struct parser *p)
{
    p->cur = p->has_ahead ? p->ahead : lex_next(&p->lex);
    p->has_ahead = false;
    if (p->lex.err != ERR_OK)
        p->cur.kind = T_EOF;
}

struct token parse_ahead(struct parser *p)
{
    if (!p->has_ahead)
        p->ahead = lex_next(&p->lex);
    p->has_ahead = true;
    return p->ahead;
}

struct node *parse_node(struct parser *p, enum node_kind kind, uint32_t line)
{
    struct node *n = arena_alloc(p->t->arena, sizeof *n);
    n->kind = (uint8_t)kind;
    n->line = line;
    if (arena_used(p->t->arena) > TEMPLATE_PARSE_MEMORY_MAX) {
        lex_fail(&p->lex, line, "the template needs more than %zu bytes to parse",
                 TEMPLATE_PARSE_MEMORY_MAX);
        p->cur.kind = T_EOF;
    }
    return n;
}

uint32_t parse_name_id(struct parser *p, str name)
{
    struct template *t = p->t;
    uintptr_t id;
    if (map_get(&p->names, name, &id))
        return (uint32_t)id;
    if (t->n_name == p->cap_name) {
        p->cap_name = p->cap_name ? 2 * p->cap_name : 64;
        str *grown = arena_alloc(t->arena, p->cap_name * sizeof *grown);
        if (t->n_name > 0)
            memcpy(grown, t->name, t->n_name * sizeof *grown);
        t->name = grown;
    }
    t->name[t->n_name] = name;
    map_set(&p->names, name, t->n_name);
    return t->n_name++;
}

bool parse_is_name(const struct parser *p, const char *name)
{
    return p->cur.kind == T_NAME && str_is(p->cur.text, name);
}

bool parse_is_op(const struct parser *p, int op)
{
    return p->cur.kind == T_OP && p->cur.op == op;
}

bool parse_skip_name(struct parser *p, const char *name)
{
    bool is = parse_is_name(p, name);
    if (is)
        parse_advance(p);
    return is;
}

bool parse_skip_op(struct parser *p, int op)
{
    bool is = parse_is_op(p, op);
    if (is)
        parse_advance(p);
    return is;
}

void parse_unexpected(struct parser *p, const char *wanted)
{
    static const char *const kinds[] = {
        [T_EOF] = "end of template", [T_DATA] = "text", [T_PRINT_BEGIN] = "'{{'",
        [T_PRINT_END] = "'}}'", [T_BLOCK_BEGIN] = "'{%'", [T_BLOCK_END] = "'%}'"};
    str text = str_sub(p->cur.text, 0, 60);
    if (p->cur.kind <= T_BLOCK_END)
        lex_fail(&p->lex, p->cur.line, "expected %s, found %s", wanted, kinds[p->cur.kind]);
    else
        lex_fail(&p->lex, p->cur.line, "expected %s, found '%.*s'", wanted, STR_FMT(text));
    p->cur.kind = T_EOF;
}

void parse_expect_op(struct parser *p, int op)
{
    char wanted[] = {'\'', (char)op, '\'', '\0'};
    if (!parse_skip_op(p, op))
        parse_unexpected(p, wanted);
}

str parse_expect_name(struct parser *p)
{
    str name = p->cur.text;
    if (p->cur.kind != T_NAME) {
        parse_unexpected(p, "a name");
        return STR("");
    }
    parse_advance(p);
    return name;
}

bool parse_enter(struct parser *p)
{
    if (p->depth < TEMPLATE_PARSE_DEPTH_MAX) {
        p->depth++;
        return true;
    }
    if (p->lex.err == ERR_OK) {
        lex_fail(&p->lex, p->cur.line, "nested more than %d deep", TEMPLATE_PARSE_DEPTH_MAX);
        p->lex.err = ERR_LIMIT;
        if (p->lex.e)
            p->lex.e->code = ERR_LIMIT;
    }
    p->cur.kind = T_EOF;
    return false;
}

/* ---- statements ---- */

static struct node *parse_body(struct parser *p, const char *const *end);

static void expect_block_end(struct parser *p)
{
    if (p->cur.kind != T_BLOCK_END)
        parse_unexpected(p, "'%}'");
    else
        parse_advance(p);
}

/* Statements up to one of the end words, which stays current. end: NULL-terminated. */
static struct node *parse_statements(struct parser *p, const char *const *end)
{
    parse_skip_op(p, ':');
    expect_block_end(p);
    return parse_body(p, end);
}

/* Statements up to the end word, which is skipped. */
static struct node *parse_until(struct parser *p, const char *end)
{
    const char *const ends[] = {end, NULL};
    struct node *body = parse_statements(p, ends);
    parse_advance(p);
    return body;
}

static struct node *parse_if(struct parser *p)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct node *first = NULL, **at = &first;
    p->n_soft++;
    for (;;) {
        struct node *n = *at = parse_node(p, N_IF, p->cur.line);
        n->flag = first != n;
        parse_advance(p);
        n->a = parse_tuple(p, false, NULL);
        n->items = parse_statements(p, ends);
        at = &n->other;
        if (parse_is_name(p, "elif"))
            continue;
        bool is_else = parse_is_name(p, "else");
        parse_advance(p);
        if (is_else)
            *at = parse_until(p, "endif");
        break;
    }
    p->n_soft--;
    return first;
}

static struct node *parse_for(struct parser *p)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    struct node *n = parse_node(p, N_FOR, p->cur.line);
    parse_advance(p);
    n->a = parse_target(p, false, "in");
    if (!parse_skip_name(p, "in"))
        parse_unexpected(p, "'in'");
    n->b = parse_tuple(p, false, "recursive");
    if (parse_skip_name(p, "if"))
        n->c = parse_expression(p);
    n->flag = parse_skip_name(p, "recursive");
    p->n_loop++;
    n->items = parse_statements(p, ends);
    p->n_loop--;
    bool is_else = parse_is_name(p, "else");
    parse_advance(p);
    if (is_else)
        n->other = parse_until(p, "endfor");
    return n;
}

static struct node *parse_set(struct parser *p)
{
    struct node *n = parse_node(p, N_SET, p->cur.line);
    parse_advance(p);
    n->a = parse_target(p, true, NULL);
    if (parse_skip_op(p, '=')) {
        n->b = parse_tuple(p, true, NULL);
        return n;
    }
    n->kind = N_SET_BLOCK;
    n->b = parse_filters(p, NULL, false);
    n->items = parse_until(p, "endset");
    return n;
}

/* (a, b=1): NAME nodes, a default in ->a. */
static struct node *parse_signature(struct parser *p)
{
    struct node *first = NULL, **at = &first;
    bool has_default = false;
    parse_expect_op(p, '(');
    while (p->cur.kind != T_EOF && !parse_is_op(p, ')')) {
        if (first)
            parse_expect_op(p, ',');
        struct node *n = *at = parse_node(p, N_NAME, p->cur.line);
        n->text = parse_expect_name(p);
        n->name = parse_name_id(p, n->text);
        at = &n->next;
        if (parse_skip_op(p, '=')) {
            n->a = parse_expression(p);
            has_default = true;
        } else if (has_default) {
            lex_fail(&p->lex, n->line, "non-default argument follows default argument");
        }
    }
    parse_expect_op(p, ')');
    return first;
}

/* Body of a macro or call block; break and continue do not reach out of it. */
static void parse_macro_body(struct parser *p, struct node *n, const char *end)
{
    unsigned outer = p->macro_flags;
    int n_loop = p->n_loop;
    p->macro_flags = 0;
    p->n_loop = 0;
    n->items = parse_until(p, end);
    n->op = (uint16_t)p->macro_flags;
    p->macro_flags |= outer;
    p->n_loop = n_loop;
}

static struct node *parse_macro(struct parser *p)
{
    struct node *n = parse_node(p, N_MACRO, p->cur.line);
    parse_advance(p);
    n->text = parse_expect_name(p);
    n->name = parse_name_id(p, n->text);
    n->other = parse_signature(p);
    parse_macro_body(p, n, "endmacro");
    return n;
}

static struct node *parse_call_block(struct parser *p)
{
    struct node *n = parse_node(p, N_CALL_BLOCK, p->cur.line);
    parse_advance(p);
    if (parse_is_op(p, '('))
        n->other = parse_signature(p);
    n->a = parse_expression(p);
    if (n->a->kind != N_CALL)
        lex_fail(&p->lex, n->line, "expected a call behind '{%% call'");
    parse_macro_body(p, n, "endcall");
    return n;
}

static struct node *parse_filter_block(struct parser *p)
{
    struct node *n = parse_node(p, N_FILTER_BLOCK, p->cur.line);
    parse_advance(p);
    n->a = parse_filters(p, NULL, true);
    n->items = parse_until(p, "endfilter");
    return n;
}

static struct node *parse_with(struct parser *p)
{
    struct node *n = parse_node(p, N_WITH, p->cur.line), **at = &n->other;
    parse_advance(p);
    while (p->cur.kind != T_EOF && p->cur.kind != T_BLOCK_END) {
        if (n->other)
            parse_expect_op(p, ',');
        struct node *set = *at = parse_node(p, N_SET, p->cur.line);
        at = &set->next;
        set->a = parse_target(p, false, NULL);
        parse_expect_op(p, '=');
        set->b = parse_expression(p);
    }
    n->items = parse_until(p, "endwith");
    return n;
}

/* HF transformers' {% generation %}: marks what a model wrote; for rendering just a scope. */
static struct node *parse_generation(struct parser *p)
{
    struct node *n = parse_node(p, N_SCOPE, p->cur.line);
    parse_advance(p);
    n->items = parse_until(p, "endgeneration");
    return n;
}

static struct node *parse_print(struct parser *p)
{
    struct node *n = parse_node(p, N_PRINT, p->cur.line), **at = &n->items;
    parse_advance(p);
    while (p->cur.kind != T_EOF && p->cur.kind != T_BLOCK_END) {
        if (n->items)
            parse_expect_op(p, ',');
        *at = parse_expression(p);
        at = &(*at)->next;
    }
    return n;
}

static struct node *parse_do(struct parser *p)
{
    struct node *n = parse_node(p, N_DO, p->cur.line);
    parse_advance(p);
    n->a = parse_tuple(p, true, NULL);
    return n;
}

static struct node *parse_loop_control(struct parser *p)
{
    bool is_break = parse_is_name(p, "break");
    struct node *n = parse_node(p, is_break ? N_BREAK : N_CONTINUE, p->cur.line);
    if (p->n_loop == 0)
        lex_fail(&p->lex, n->line, "'%s' outside of a loop", is_break ? "break" : "continue");
    parse_advance(p);
    return n;
}

static const struct { const char *word; struct node *(*parse)(struct parser *p); } statements[] = {
    {"if", parse_if}, {"for", parse_for}, {"set", parse_set}, {"macro", parse_macro},
    {"call", parse_call_block}, {"filter", parse_filter_block}, {"with", parse_with},
    {"generation", parse_generation}, {"print", parse_print}, {"do", parse_do},
    {"break", parse_loop_control}, {"continue", parse_loop_control}};

static bool is_end(const struct parser *p, const char *const *end)
{
    for (; end && *end; end++)
        if (parse_is_name(p, *end))
            return true;
    return false;
}

static struct node *parse_statement(struct parser *p, const char *const *end)
{
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        if (parse_is_name(p, statements[i].word))
            return statements[i].parse(p);
    str word = str_sub(p->cur.text, 0, 60);
    if (p->cur.kind != T_NAME)
        parse_unexpected(p, "the name of a tag");
    else
        lex_fail(&p->lex, p->cur.line, "unknown or misplaced tag '%.*s'%s%s", STR_FMT(word),
                 end ? ", expected " : "", end ? end[0] : "");
    return parse_node(p, N_SCOPE, p->cur.line);
}

/* One piece of a body: text, {{ }} or a statement. NULL at an end word. */
static struct node *parse_piece(struct parser *p, const char *const *end)
{
    struct node *n;
    if (p->cur.kind == T_DATA) {
        n = parse_node(p, N_TEXT, p->cur.line);
        n->text = p->cur.text;
        parse_advance(p);
    } else if (p->cur.kind == T_PRINT_BEGIN) {
        n = parse_node(p, N_PRINT, p->cur.line);
        parse_advance(p);
        n->items = parse_tuple(p, true, NULL);
        if (p->cur.kind != T_PRINT_END)
            parse_unexpected(p, "'}}'");
        parse_advance(p);
    } else {
        parse_advance(p);
        if (is_end(p, end))
            return NULL;
        n = parse_statement(p, end);
        expect_block_end(p);
    }
    return n;
}

static struct node *parse_body(struct parser *p, const char *const *end)
{
    struct node *first = NULL, **at = &first;
    uint32_t line = p->cur.line;
    if (!parse_enter(p))
        return NULL;
    while (p->cur.kind != T_EOF) {
        struct node *n = parse_piece(p, end);
        if (!n)
            break;
        *at = n;
        at = &n->next;
    }
    p->depth--;
    if (end && p->cur.kind == T_EOF)
        lex_fail(&p->lex, line, "unexpected end of template: no '%s' for the block opened here",
                 end[0]);
    return first;
}

/* ---- entry ---- */

static enum err parse_all(struct template *t, str source, struct error *e)
{
    struct parser p = {.t = t};
    map_init(&p.names, 64);
    lex_init(&p.lex, t->arena, source, e);
    t->id_loop = parse_name_id(&p, STR("loop"));
    t->id_caller = parse_name_id(&p, STR("caller"));
    t->id_kwargs = parse_name_id(&p, STR("kwargs"));
    t->id_varargs = parse_name_id(&p, STR("varargs"));
    parse_advance(&p);
    t->body = parse_body(&p, NULL);
    map_done(&p.names);
    return p.lex.err;
}

enum err template_parse(str source, struct template **out, struct error *e)
{
    *out = NULL;
    if (source.n > TEMPLATE_SOURCE_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS,
                       "the template has %zu bytes, at most %u are allowed", source.n,
                       TEMPLATE_SOURCE_MAX);
    if (!utf8_valid(source))
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "the template is not valid UTF-8");
    struct arena *a = arena_new(0);
    struct template *t = arena_new_of(a, struct template);
    t->arena = a;
    t->source = arena_str(a, source);
    enum err err = parse_all(t, source, e);
    if (err != ERR_OK)
        template_free(t);
    else
        *out = t;
    return err;
}

void template_free(struct template *t)
{
    if (t)
        arena_free(t->arena);
}

str template_source(const struct template *t)
{
    return t->source;
}
