/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens -> tree: expressions. Precedence as in jinja2/parser.py 3.1, loosest first:
 *   a if b else c, or, and, not, comparisons and in, + -, ~, * / // %, **, unary + -,
 *   then . [] (), then | filters and is tests.
 */
#include "token/template_internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"

static struct node *parse_or(struct parser *p);
static struct node *parse_unary(struct parser *p, bool with_filter);

/* ---- literals ---- */

static struct node *constant(struct parser *p, uint32_t line, struct value v)
{
    struct node *n = parse_node(p, N_CONST, line);
    n->value = v;
    return n;
}

static struct value literal(struct parser *p, str text)
{
    struct tstr *s = arena_new_of(p->t->arena, struct tstr);
    *s = (struct tstr){.p = text.p, .n = text.n, .n_char = utf8_count(text)};
    return (struct value){.type = V_STR, .s = s};
}

/* The digits without underscores, NUL-terminated. */
static char *plain_digits(struct parser *p, str text)
{
    char *out = arena_alloc(p->t->arena, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '_')
            out[n++] = text.p[i];
    return out;
}

static struct value int_literal(struct parser *p, str text)
{
    char *s = plain_digits(p, text);
    int base = s[0] != '0' ? 10 : (s[1] | 0x20) == 'x' ? 16 : (s[1] | 0x20) == 'o' ? 8
               : (s[1] | 0x20) == 'b' ? 2 : 10;
    const char *first = base == 10 ? s : s + 2;
    uint64_t v = 0;
    for (; *first; first++) {
        unsigned digit = *first <= '9' ? (unsigned)(*first - '0')
                                       : (unsigned)((*first | 0x20) - 'a' + 10);
        if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
            __builtin_add_overflow(v, digit, &v) || v > INT64_MAX) {
            struct value big = literal(p, str_of(s));
            big.type = V_BIG;
            if (base != 10)
                lex_fail(&p->lex, p->cur.line, "the integer %.40s has more than 64 bits", s);
            return big;
        }
    }
    return v_int((int64_t)v);
}

static struct value float_literal(struct parser *p, str text)
{
    return v_float(strtod(plain_digits(p, text), NULL));
}

/* Adjacent string literals are one. */
static struct node *parse_string(struct parser *p)
{
    uint32_t line = p->cur.line;
    str text = p->cur.text;
    parse_advance(p);
    while (p->cur.kind == T_STRING) {
        char *joined = arena_alloc(p->t->arena, text.n + p->cur.text.n + 1);
        if (text.n > 0)
            memcpy(joined, text.p, text.n);
        if (p->cur.text.n > 0)
            memcpy(joined + text.n, p->cur.text.p, p->cur.text.n);
        text = (str){joined, text.n + p->cur.text.n};
        struct node *charge = parse_node(p, N_CONST, line);
        (void)charge;
        parse_advance(p);
    }
    return constant(p, line, literal(p, text));
}

/* Elements up to the closing bracket, separated by commas, one more comma allowed. */
static struct node *parse_list(struct parser *p)
{
    struct node *n = parse_node(p, N_LIST, p->cur.line), **at = &n->items;
    parse_expect_op(p, '[');
    while (p->cur.kind != T_EOF && !parse_is_op(p, ']')) {
        if (n->items)
            parse_expect_op(p, ',');
        if (parse_is_op(p, ']'))
            break;
        *at = parse_expression(p);
        at = &(*at)->next;
    }
    parse_expect_op(p, ']');
    return n;
}

static struct node *parse_dict(struct parser *p)
{
    struct node *n = parse_node(p, N_DICT, p->cur.line), **at = &n->items;
    parse_expect_op(p, '{');
    while (p->cur.kind != T_EOF && !parse_is_op(p, '}')) {
        if (n->items)
            parse_expect_op(p, ',');
        if (parse_is_op(p, '}'))
            break;
        *at = parse_expression(p);
        at = &(*at)->next;
        parse_expect_op(p, ':');
        *at = parse_expression(p);
        at = &(*at)->next;
    }
    parse_expect_op(p, '}');
    return n;
}

static struct node *parse_word(struct parser *p, bool with_namespace)
{
    uint32_t line = p->cur.line;
    str word = p->cur.text;
    parse_advance(p);
    if (str_is(word, "true") || str_is(word, "True"))
        return constant(p, line, v_bool(true));
    if (str_is(word, "false") || str_is(word, "False"))
        return constant(p, line, v_bool(false));
    if (str_is(word, "none") || str_is(word, "None"))
        return constant(p, line, v_none());
    struct node *n = parse_node(p, N_NAME, line);
    n->text = word;
    n->name = parse_name_id(p, word);
    if (with_namespace && parse_skip_op(p, '.')) {
        n->kind = N_NSREF;
        n->text = parse_expect_name(p);
    }
    p->macro_flags |= n->name == p->t->id_caller ? MACRO_CALLER
                      : n->name == p->t->id_kwargs ? MACRO_KWARGS
                      : n->name == p->t->id_varargs ? MACRO_VARARGS : 0;
    return n;
}

static struct node *parse_parenthesis(struct parser *p)
{
    uint32_t line = p->cur.line;
    parse_advance(p);
    if (parse_skip_op(p, ')'))
        return parse_node(p, N_TUPLE, line);
    struct node *n = parse_tuple(p, true, NULL);
    parse_expect_op(p, ')');
    return n;
}

static struct node *parse_primary(struct parser *p, bool with_namespace)
{
    struct token t = p->cur;
    if (t.kind == T_NAME)
        return parse_word(p, with_namespace);
    if (t.kind == T_STRING)
        return parse_string(p);
    if (t.kind == T_INT || t.kind == T_FLOAT) {
        struct node *n = constant(p, t.line, t.kind == T_INT ? int_literal(p, t.text)
                                                             : float_literal(p, t.text));
        parse_advance(p);
        return n;
    }
    if (parse_is_op(p, '('))
        return parse_parenthesis(p);
    if (parse_is_op(p, '['))
        return parse_list(p);
    if (parse_is_op(p, '{'))
        return parse_dict(p);
    parse_unexpected(p, "an expression");
    return parse_node(p, N_CONST, t.line);
}

/* ---- postfix: attributes, subscripts, calls, filters, tests ---- */

/* One bound of a slice; NULL when left out. */
static struct node *parse_bound(struct parser *p)
{
    bool is_absent = parse_is_op(p, ':') || parse_is_op(p, ']') || parse_is_op(p, ',');
    return is_absent || p->cur.kind == T_EOF ? NULL : parse_expression(p);
}

static struct node *parse_subscribed(struct parser *p)
{
    uint32_t line = p->cur.line;
    struct node *start = NULL;
    if (!parse_is_op(p, ':')) {
        start = parse_expression(p);
        if (!parse_is_op(p, ':'))
            return start;
    }
    struct node *n = parse_node(p, N_SLICE, line);
    n->a = start;
    parse_expect_op(p, ':');
    n->b = parse_bound(p);
    if (parse_skip_op(p, ':'))
        n->c = parse_bound(p);
    return n;
}

static struct node *parse_attribute(struct parser *p, struct node *object)
{
    uint32_t line = p->cur.line;
    parse_advance(p);
    struct node *n = parse_node(p, p->cur.kind == T_INT ? N_GETITEM : N_GETATTR, line);
    n->a = object;
    n->text = p->cur.text;
    if (p->cur.kind == T_INT)
        n->b = constant(p, line, int_literal(p, p->cur.text));
    else if (p->cur.kind != T_NAME)
        parse_unexpected(p, "a name or a number behind '.'");
    parse_advance(p);
    return n;
}

static struct node *parse_subscript(struct parser *p, struct node *object)
{
    struct node *n = parse_node(p, N_GETITEM, p->cur.line), *first = NULL, **at = &first;
    n->a = object;
    parse_advance(p);
    size_t count = 0;
    while (p->cur.kind != T_EOF && !parse_is_op(p, ']')) {
        if (first)
            parse_expect_op(p, ',');
        *at = parse_subscribed(p);
        if (count++ > 0 && (*at)->kind == N_SLICE)
            lex_fail(&p->lex, n->line, "a slice inside of a tuple subscript is not supported");
        at = &(*at)->next;
    }
    parse_expect_op(p, ']');
    if (count == 0)
        lex_fail(&p->lex, n->line, "an empty subscript");
    n->b = first;
    if (count > 1) {
        n->b = parse_node(p, N_TUPLE, n->line);
        n->b->items = first;
    }
    return n;
}

static struct node *parse_argument(struct parser *p)
{
    struct node *n = parse_node(p, N_ARG, p->cur.line);
    n->op = ARG_POSITIONAL;
    if (parse_skip_op(p, '*')) {
        n->op = ARG_STAR;
    } else if (parse_skip_op(p, OP2('*', '*'))) {
        n->op = ARG_STAR_STAR;
    } else if (p->cur.kind == T_NAME) {
        struct token next = parse_ahead(p);
        if (next.kind == T_OP && next.op == '=') {
            n->op = ARG_KEYWORD;
            n->text = p->cur.text;
            parse_advance(p);
            parse_advance(p);
        }
    }
    n->a = parse_expression(p);
    return n;
}

struct node *parse_call_args(struct parser *p)
{
    struct node *first = NULL, **at = &first;
    unsigned most = ARG_POSITIONAL;            /* the furthest kind so far */
    size_t count = 0;
    parse_expect_op(p, '(');
    while (p->cur.kind != T_EOF && !parse_is_op(p, ')')) {
        if (first)
            parse_expect_op(p, ',');
        if (parse_is_op(p, ')'))
            break;
        struct node *n = *at = parse_argument(p);
        at = &n->next;
        if (n->op < most && !(n->op == ARG_KEYWORD && most == ARG_STAR))
            lex_fail(&p->lex, n->line, "invalid order of call arguments");
        if (n->op > most)
            most = n->op;
        if (++count > TEMPLATE_ARGS_MAX)
            lex_fail(&p->lex, n->line, "a call with more than %d arguments", TEMPLATE_ARGS_MAX);
    }
    parse_expect_op(p, ')');
    return first;
}

static struct node *parse_call(struct parser *p, struct node *callee)
{
    struct node *n = parse_node(p, N_CALL, p->cur.line);
    n->a = callee;
    n->items = parse_call_args(p);
    return n;
}

static struct node *parse_postfix(struct parser *p, struct node *n)
{
    for (;;) {
        if (parse_is_op(p, '.'))
            n = parse_attribute(p, n);
        else if (parse_is_op(p, '['))
            n = parse_subscript(p, n);
        else if (parse_is_op(p, '('))
            n = parse_call(p, n);
        else
            return n;
    }
}

/* A name that may have dots, as filters and tests do. */
static str dotted_name(struct parser *p)
{
    str name = parse_expect_name(p);
    while (parse_skip_op(p, '.')) {
        str more = parse_expect_name(p);
        name = arena_printf(p->t->arena, "%.*s.%.*s", STR_FMT(name), STR_FMT(more));
    }
    return name;
}

/* Outside of conditions an unknown name is an error at once, inside when it is reached. */
static void check_known(struct parser *p, const struct node *n, const char *what)
{
    if (!n->row && p->n_soft == 0)
        lex_fail(&p->lex, n->line, "no %s named '%.*s'", what, STR_FMT(str_sub(n->text, 0, 60)));
}

struct node *parse_filters(struct parser *p, struct node *input, bool start_inline)
{
    while (start_inline || parse_is_op(p, '|')) {
        if (!start_inline)
            parse_advance(p);
        start_inline = false;
        struct node *n = parse_node(p, N_FILTER, p->cur.line);
        n->text = dotted_name(p);
        n->a = input;
        n->row = filter_find(n->text);
        check_known(p, n, "filter");
        if (parse_is_op(p, '('))
            n->items = parse_call_args(p);
        input = n;
    }
    return input;
}

/* Does a test's argument without parentheses start here? */
static bool is_bare_argument(const struct parser *p)
{
    if (p->cur.kind == T_NAME)
        return !parse_is_name(p, "else") && !parse_is_name(p, "or") && !parse_is_name(p, "and");
    return p->cur.kind == T_STRING || p->cur.kind == T_INT || p->cur.kind == T_FLOAT ||
           parse_is_op(p, '[') || parse_is_op(p, '{');
}

static struct node *parse_test(struct parser *p, struct node *operand)
{
    uint32_t line = p->cur.line;
    parse_advance(p);
    bool is_negated = parse_skip_name(p, "not");
    struct node *n = parse_node(p, N_TEST, line);
    n->text = dotted_name(p);
    n->a = operand;
    n->row = test_find(n->text);
    check_known(p, n, "test");
    if (parse_is_op(p, '(')) {
        n->items = parse_call_args(p);
    } else if (is_bare_argument(p)) {
        if (parse_is_name(p, "is"))
            lex_fail(&p->lex, line, "tests cannot be chained with 'is'");
        n->items = parse_node(p, N_ARG, p->cur.line);
        n->items->op = ARG_POSITIONAL;
        n->items->a = parse_postfix(p, parse_primary(p, false));
    }
    if (!is_negated)
        return n;
    struct node *not = parse_node(p, N_NOT, line);
    not->a = n;
    return not;
}

static struct node *parse_filter_expr(struct parser *p, struct node *n)
{
    for (;;) {
        if (parse_is_op(p, '|'))
            n = parse_filters(p, n, false);
        else if (parse_is_name(p, "is"))
            n = parse_test(p, n);
        else if (parse_is_op(p, '('))
            n = parse_call(p, n);
        else
            return n;
    }
}

/* ---- operators ---- */

static struct node *parse_sign(struct parser *p)
{
    struct node *n = parse_node(p, parse_is_op(p, '-') ? N_NEG : N_POS, p->cur.line);
    parse_advance(p);
    n->a = parse_unary(p, false);
    return n;
}

static struct node *parse_unary(struct parser *p, bool with_filter)
{
    if (!parse_enter(p))
        return parse_node(p, N_CONST, p->cur.line);
    bool is_sign = parse_is_op(p, '-') || parse_is_op(p, '+');
    struct node *n = is_sign ? parse_sign(p) : parse_primary(p, false);
    n = parse_postfix(p, n);
    if (with_filter)
        n = parse_filter_expr(p, n);
    p->depth--;
    return n;
}

static struct node *binary(struct parser *p, struct node *left,
                           struct node *(*next)(struct parser *))
{
    struct node *n = parse_node(p, N_BINARY, p->cur.line);
    n->op = (uint16_t)p->cur.op;
    n->a = left;
    parse_advance(p);
    n->b = next(p);
    return n;
}

static struct node *parse_operand(struct parser *p)
{
    return parse_unary(p, true);
}

static struct node *parse_pow(struct parser *p)
{
    struct node *n = parse_operand(p);
    while (parse_is_op(p, OP2('*', '*')))
        n = binary(p, n, parse_operand);
    return n;
}

static struct node *parse_product(struct parser *p)
{
    struct node *n = parse_pow(p);
    while (parse_is_op(p, '*') || parse_is_op(p, '/') || parse_is_op(p, OP2('/', '/')) ||
           parse_is_op(p, '%'))
        n = binary(p, n, parse_pow);
    return n;
}

static struct node *parse_concat(struct parser *p)
{
    struct node *first = parse_product(p);
    if (!parse_is_op(p, '~'))
        return first;
    struct node *n = parse_node(p, N_CONCAT, first->line), **at = &first->next;
    n->items = first;
    while (parse_skip_op(p, '~')) {
        *at = parse_product(p);
        at = &(*at)->next;
    }
    return n;
}

static struct node *parse_sum(struct parser *p)
{
    struct node *n = parse_concat(p);
    while (parse_is_op(p, '+') || parse_is_op(p, '-'))
        n = binary(p, n, parse_concat);
    return n;
}

/* The comparison operator that stands here, moved over; 0 when there is none. */
static int comparison(struct parser *p)
{
    static const int ops[] = {OP2('=', '='), OP2('!', '='), '<', OP2('<', '='), '>',
                              OP2('>', '=')};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (parse_skip_op(p, ops[i]))
            return ops[i];
    if (parse_skip_name(p, "in"))
        return OP_IN;
    if (!parse_is_name(p, "not"))
        return 0;
    struct token next = parse_ahead(p);
    if (next.kind != T_NAME || !str_is(next.text, "in"))
        return 0;
    parse_advance(p);
    parse_advance(p);
    return OP_NOT_IN;
}

static struct node *parse_compare(struct parser *p)
{
    struct node *left = parse_sum(p), *n = NULL, **at = NULL;
    for (int op; (op = comparison(p)) != 0;) {
        if (!n) {
            n = parse_node(p, N_COMPARE, left->line);
            n->a = left;
            at = &n->items;
        }
        struct node *right = *at = parse_node(p, N_OPERAND, p->cur.line);
        right->op = (uint16_t)op;
        right->a = parse_sum(p);
        at = &right->next;
    }
    return n ? n : left;
}

static struct node *parse_not(struct parser *p)
{
    if (!parse_is_name(p, "not"))
        return parse_compare(p);
    struct node *n = parse_node(p, N_NOT, p->cur.line);
    parse_advance(p);
    if (!parse_enter(p))
        return n;
    n->a = parse_not(p);
    p->depth--;
    return n;
}

static struct node *logical(struct parser *p, enum node_kind kind, struct node *a,
                            struct node *(*next)(struct parser *))
{
    struct node *n = parse_node(p, kind, a->line);
    n->a = a;
    n->b = next(p);
    return n;
}

static struct node *parse_and(struct parser *p)
{
    struct node *n = parse_not(p);
    while (parse_skip_name(p, "and"))
        n = logical(p, N_AND, n, parse_not);
    return n;
}

static struct node *parse_or(struct parser *p)
{
    struct node *n = parse_and(p);
    while (parse_skip_name(p, "or"))
        n = logical(p, N_OR, n, parse_and);
    return n;
}

struct node *parse_expression(struct parser *p)
{
    if (!parse_enter(p))
        return parse_node(p, N_CONST, p->cur.line);
    struct node *n = parse_or(p);
    while (parse_skip_name(p, "if")) {
        struct node *cond = parse_node(p, N_COND, n->line);
        p->n_soft++;
        cond->b = n;
        cond->a = parse_or(p);
        if (parse_skip_name(p, "else"))
            cond->c = parse_expression(p);
        p->n_soft--;
        n = cond;
    }
    p->depth--;
    return n;
}

static bool is_tuple_end(const struct parser *p, const char *end)
{
    return p->cur.kind == T_EOF || p->cur.kind == T_PRINT_END || p->cur.kind == T_BLOCK_END ||
           parse_is_op(p, ')') || (end && parse_is_name(p, end));
}

/* How a tuple's elements are read: expressions, without conditions, or assignment targets. */
enum tuple_of { TUPLE_EXPRESSIONS, TUPLE_NO_COND, TUPLE_TARGETS, TUPLE_NS_TARGETS };

static struct node *parse_element(struct parser *p, enum tuple_of of)
{
    if (of == TUPLE_EXPRESSIONS)
        return parse_expression(p);
    if (!parse_enter(p))
        return parse_node(p, N_CONST, p->cur.line);
    struct node *n = of == TUPLE_NO_COND ? parse_or(p) : parse_primary(p, of == TUPLE_NS_TARGETS);
    p->depth--;
    return n;
}

/* Elements separated by commas; one without a comma is itself. */
static struct node *parse_elements(struct parser *p, enum tuple_of of, const char *end)
{
    struct node *first = NULL, **at = &first;
    uint32_t line = p->cur.line;
    bool is_tuple = false;
    while (!is_tuple_end(p, end)) {
        *at = parse_element(p, of);
        at = &(*at)->next;
        if (!parse_skip_op(p, ','))
            break;
        is_tuple = true;
    }
    if (!first) {
        parse_unexpected(p, "an expression");
        return parse_node(p, N_CONST, line);
    }
    if (!is_tuple)
        return first;
    struct node *n = parse_node(p, N_TUPLE, line);
    n->items = first;
    return n;
}

struct node *parse_tuple(struct parser *p, bool with_cond, const char *end)
{
    return parse_elements(p, with_cond ? TUPLE_EXPRESSIONS : TUPLE_NO_COND, end);
}

static void check_target(struct parser *p, const struct node *n)
{
    if (n->kind == N_TUPLE || n->kind == N_LIST) {
        for (const struct node *i = n->items; i; i = i->next)
            check_target(p, i);
        if (n->kind == N_LIST)
            lex_fail(&p->lex, n->line, "cannot assign to a list");
    } else if (n->kind != N_NAME && n->kind != N_NSREF) {
        lex_fail(&p->lex, n->line, "cannot assign to this expression");
    }
}

struct node *parse_target(struct parser *p, bool with_namespace, const char *end)
{
    struct node *n = parse_elements(p, with_namespace ? TUPLE_NS_TARGETS : TUPLE_TARGETS, end);
    check_target(p, n);
    return n;
}
