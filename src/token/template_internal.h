/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the template interpreter share: values, syntax tree, the state of one render.
 * No other folder includes this.
 *
 * Invariants
 * - Nodes and literals live in the template's arena and are never written after template_parse.
 * - Values live in the render's arena and are freed with it. A struct value is copied freely.
 * - The first failure is kept in render.err; afterwards evaluation gives undefined values and
 *   every loop stops, because step() answers false. So only loops and statements look at err.
 * - Text under construction (output, macro bodies, filter results) stands in one buffer, as a
 *   stack of captures: what was begun last ends first.
 */
#pragma once
#include "token/template.h"
#include "base/arena.h"
#include "base/map.h"

#define TEMPLATE_PARSE_DEPTH_MAX 200           /* nested blocks, brackets, unary operators */
#define TEMPLATE_PARSE_MEMORY_MAX ((size_t)256 << 20)
#define TEMPLATE_EVAL_DEPTH_MAX 2500           /* nested nodes, over all macro calls */
#define TEMPLATE_CALL_DEPTH_MAX 100            /* macros calling macros */
#define TEMPLATE_VALUE_DEPTH_MAX 300           /* lists in lists when printed or compared */
#define TEMPLATE_RANGE_MAX 100000              /* as jinja2's sandbox */
#define TEMPLATE_ARGS_MAX 256
#define TEMPLATE_PARAMS_MAX 8                  /* of one built-in */

/* ---- values ---- */

enum vtype {
    V_ABSENT,                                  /* an argument that was not given; never a value */
    V_UNDEFINED, V_NONE, V_BOOL, V_INT, V_FLOAT,
    V_BIG,                                     /* beyond 64 bits: digits, no arithmetic */
    V_STR, V_LIST, V_TUPLE, V_DICT, V_RANGE,
    V_ITER,                                    /* generator: can be walked once */
    V_VIEW,                                    /* dict.keys(), .values(), .items() */
    V_NAMESPACE, V_MACRO, V_BUILTIN, V_METHOD, V_LOOP, V_CYCLER, V_JOINER
};

struct tstr;
struct undef;
struct vlist;
struct vdict;
struct vrange;
struct viter;
struct vview;
struct vmacro;
struct vmethod;
struct vloop;
struct vcycler;
struct builtin;

struct value {
    enum vtype type;
    union {
        bool boolean;
        int64_t integer;
        double number;
        const struct tstr *s;                  /* V_STR, V_BIG */
        const struct undef *undef;             /* may be NULL */
        struct vlist *list;                    /* V_LIST, V_TUPLE */
        struct vdict *dict;                    /* V_DICT, V_NAMESPACE */
        const struct vrange *range;
        struct viter *iter;
        const struct vview *view;
        const struct vmacro *macro;
        const struct builtin *builtin;
        const struct vmethod *method;
        struct vloop *loop;
        struct vcycler *cycler;                /* V_CYCLER, V_JOINER */
    };
};

enum mark { MARK_NONE, MARK_ALL, MARK_SOME };  /* which bytes came from vars */

struct tstr {
    const char *p;
    size_t n;
    size_t n_char;                             /* code points */
    const struct text_span *span;              /* MARK_SOME: sorted, relative to p */
    size_t n_span;
    enum mark mark;
    bool safe;                                 /* Markup */
};

/* Why a value is undefined; the text is made when somebody stumbles over it. */
struct undef { const char *hint, *owner; str name; bool element; };

struct vlist { struct value *v; size_t n, cap; bool is_group; };   /* group: (grouper, list) */
struct dict_entry { struct value key, value; };
struct vdict {
    struct dict_entry *e;                      /* in order of insertion */
    size_t n, cap;
    uint32_t *index;                           /* open addressing, entry + 1; NULL while small */
    size_t index_cap;
};
struct vrange { int64_t start, stop, step; size_t n; };
struct viter { struct vlist *list; size_t at; };
enum view_kind { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };
struct vview { struct vdict *dict; enum view_kind kind; };
struct vmethod { struct value self; const struct builtin *row; };
struct vcycler { struct vlist *items; size_t at; };

/* ---- syntax tree ---- */

enum node_kind {
    N_CONST, N_NAME, N_LIST, N_TUPLE, N_DICT, N_GETATTR, N_GETITEM, N_SLICE, N_CALL, N_ARG,
    N_FILTER, N_TEST, N_NEG, N_POS, N_NOT, N_AND, N_OR, N_BINARY, N_CONCAT, N_COMPARE, N_OPERAND,
    N_COND, N_NSREF,
    N_TEXT, N_PRINT, N_IF, N_FOR, N_SET, N_SET_BLOCK, N_MACRO, N_CALL_BLOCK, N_FILTER_BLOCK,
    N_WITH, N_SCOPE, N_DO, N_BREAK, N_CONTINUE
};

enum arg_kind { ARG_POSITIONAL, ARG_KEYWORD, ARG_STAR, ARG_STAR_STAR };

/* Operators are their one or two characters; the two words get numbers of their own. */
#define OP2(a, b) ((a) | (b) << 8)
#define OP_IN 1
#define OP_NOT_IN 2

/* macro flags: names its body asks for */
#define MACRO_CALLER 1u
#define MACRO_KWARGS 2u
#define MACRO_VARARGS 4u

/*
 * kind        name   text      value  a        b       c       items        other
 * CONST                        v
 * NAME        id     spelling
 * LIST TUPLE                                                   elements
 * DICT                                                         key, value, key, value ...
 * GETATTR            attribute        object
 * GETITEM                             object   key or SLICE
 * SLICE                               start    stop    step    (each may be NULL)
 * CALL                                callee                   ARGs
 * ARG         (op)   keyword          value
 * FILTER             name             input or NULL            ARGs
 * TEST               name             operand                  ARGs
 * BINARY      (op)                    left     right
 * COMPARE                             left                     OPERANDs (op, a)
 * COND                                test     then    else or NULL
 * NSREF       id     attribute
 * IF  (flag: is an elif)              test                     body         else, elif as IF
 * FOR  (flag: recursive)              target   iter    filter  body         else
 * SET, WITH pair                      target   value
 * SET_BLOCK                           target   filter          body
 * MACRO       id     name                                      body         parameters
 * CALL_BLOCK                          call                     body         parameters
 *   parameter: NAME whose a is the default or NULL
 * FILTER_BLOCK                        filter                   body
 * WITH                                                         body         SETs
 */
struct node {
    uint8_t kind;
    bool flag;
    uint16_t op;                               /* operator, arg kind or macro flags */
    uint32_t line;
    uint32_t name;
    str text;
    struct value value;
    const struct builtin *row;                 /* FILTER, TEST: NULL when unknown */
    struct node *a, *b, *c, *items, *other, *next;
};

struct template {
    struct arena *arena;                       /* owns everything below */
    str source;
    struct node *body;
    str *name;                                 /* identifiers by id */
    uint32_t n_name;
    uint32_t id_loop, id_caller, id_kwargs, id_varargs;
};

/* ---- tokens ---- */

enum token_kind {
    T_EOF, T_DATA, T_PRINT_BEGIN, T_PRINT_END, T_BLOCK_BEGIN, T_BLOCK_END, T_NAME, T_STRING,
    T_INT, T_FLOAT, T_OP
};

struct token { enum token_kind kind; int op; uint32_t line; str text; };

#define LEX_BRACKETS_MAX 256
struct lexer {
    struct arena *arena;
    str src;                                   /* newlines normalised */
    size_t pos, line_pos;                      /* line is that of byte line_pos */
    uint32_t line;
    enum token_kind state;                     /* T_EOF: text; T_PRINT_BEGIN, T_BLOCK_BEGIN */
    enum token_kind pending;                   /* begin tag to give after its text; T_EOF: none */
    char bracket[LEX_BRACKETS_MAX];
    size_t n_bracket;
    enum err err;
    struct error *e;
};

void lex_init(struct lexer *l, struct arena *a, str source, struct error *e);
/* The next token; T_EOF at the end and after an error. Text of strings is unescaped. */
struct token lex_next(struct lexer *l);
enum err lex_fail(struct lexer *l, uint32_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ---- parser (template_parse.c statements, template_expr.c expressions) ---- */

struct parser {
    struct lexer lex;
    struct template *t;
    struct token cur, ahead;
    bool has_ahead;
    int depth;
    int n_loop;                                /* loops around the current statement */
    int n_soft;                                /* conditions around it: unknown filters may wait */
    unsigned macro_flags;                      /* of the macro being parsed */
    struct map names;
    size_t cap_name;
};

void parse_advance(struct parser *p);
struct token parse_ahead(struct parser *p);
struct node *parse_node(struct parser *p, enum node_kind kind, uint32_t line);
uint32_t parse_name_id(struct parser *p, str name);
bool parse_is_name(const struct parser *p, const char *name);
bool parse_is_op(const struct parser *p, int op);
bool parse_skip_name(struct parser *p, const char *name);
bool parse_skip_op(struct parser *p, int op);
void parse_expect_op(struct parser *p, int op);
str parse_expect_name(struct parser *p);
void parse_unexpected(struct parser *p, const char *wanted);
bool parse_enter(struct parser *p);
struct node *parse_expression(struct parser *p);
/* end: a word that ends the list besides a closing tag, or NULL. */
struct node *parse_tuple(struct parser *p, bool with_cond, const char *end);
struct node *parse_target(struct parser *p, bool with_namespace, const char *end);
struct node *parse_filters(struct parser *p, struct node *input, bool start_inline);
struct node *parse_call_args(struct parser *p);

/* ---- one render ---- */

struct binding { uint32_t name; struct value value; };
struct scope { struct scope *parent; struct binding *b; size_t n, cap; };

struct render {
    const struct template *t;
    const struct json *vars;
    struct template_limits limits;
    struct arena *arena;
    struct template_out *out;
    size_t span_base;                          /* first span of the innermost capture */
    uint64_t steps;
    uint32_t line;                             /* of the node being evaluated */
    int depth, calls;
    struct value *root;                        /* [n_name]; V_ABSENT: not looked up yet */
    enum err err;
    struct error *e;
};

/* Kept only when it is the first one; the text gets "line N: " in front. Gives an undefined. */
struct value fail(struct render *r, enum err code, const char *fmt, ...) PRINTF_LIKE(3, 4);
struct value fail_undefined(struct render *r, struct value v);
/* Counts n units of work; false when the render has failed or is out of steps. */
bool step(struct render *r, size_t n);
/* Never NULL, zeroed; for sizes the program chose. Over the limit the render fails. */
void *small_alloc(struct render *r, size_t size);
#define new_of(r, type) ((type *)small_alloc((r), sizeof(type)))
/* NULL over the limit, and the render has failed. */
void *big_alloc(struct render *r, size_t n, size_t size);

/* ---- strings (template_string.c) ---- */

struct capture { size_t at, n_span, span_base; };
struct capture capture_begin(struct render *r);
struct value capture_end(struct render *r, struct capture c);
/* As capture_end, but the whole string counts as input when any part of it did. */
struct value capture_end_blurred(struct render *r, struct capture c);
void capture_drop(struct render *r, struct capture c);
void emit(struct render *r, str plain);
void emit_char(struct render *r, char c, size_t times);
void emit_cp(struct render *r, uint32_t cp);
void emit_str(struct render *r, const struct tstr *s);
/* From here to emit_marked_end everything written counts as input when `marked`. */
void emit_mark(struct render *r, size_t from);

struct value str_plain(struct render *r, str s);                  /* borrows */
struct value str_copy(struct render *r, str s, bool input);
struct value str_input(struct render *r, str s);                  /* borrows */
struct value str_part(struct render *r, const struct tstr *s, size_t from, size_t to);
static inline str str_bytes(const struct tstr *s) { return (str){s->p, s->n}; }
static inline bool str_is_input(const struct tstr *s) { return s->mark != MARK_NONE; }
/* Byte offset of code point i (0..n_char). */
size_t str_offset(const struct tstr *s, size_t i);
struct value str_escaped(struct render *r, const struct tstr *s); /* HTML, gives Markup */
bool cp_is_space(uint32_t cp);                                    /* str.isspace */
/* Bytes of the white space at the start / end of s. */
size_t space_prefix(str s);
size_t space_suffix(str s);

/* ---- values (template_value.c) ---- */

static inline struct value v_none(void) { return (struct value){.type = V_NONE}; }
static inline struct value v_undef(void) { return (struct value){.type = V_UNDEFINED}; }
static inline struct value v_bool(bool b) { return (struct value){.type = V_BOOL, .boolean = b}; }
static inline struct value v_int(int64_t i) { return (struct value){.type = V_INT, .integer = i}; }
static inline struct value v_float(double d)
{
    return (struct value){.type = V_FLOAT, .number = d};
}
struct value v_undef_hint(struct render *r, const char *hint);
struct value v_undef_attr(struct render *r, struct value owner, str name);

struct vlist *list_new(struct render *r, size_t cap);
void list_add(struct render *r, struct vlist *l, struct value v);
struct value v_list(struct vlist *l);
struct value v_tuple(struct vlist *l);
struct value v_pair(struct render *r, struct value a, struct value b);
struct value v_iter(struct render *r, struct vlist *l);

struct vdict *dict_new(struct render *r);
/* False and failed when key cannot be hashed. */
bool dict_set(struct render *r, struct vdict *d, struct value key, struct value v);
void dict_set_str(struct render *r, struct vdict *d, str key, struct value v);
struct value *dict_get(struct render *r, const struct vdict *d, struct value key);
struct value *dict_get_str(const struct vdict *d, str key);
bool dict_del(struct render *r, struct vdict *d, struct value key);

struct value value_of_json(struct render *r, const struct json *j, int depth);
const char *type_name(struct value v);         /* Python's, "str" */
bool truth(struct value v);
bool value_len(struct value v, size_t *n);     /* false when it has no length */
bool value_is_number(struct value v);          /* bool, int, float */
double value_double(struct value v);
bool value_int(struct value v, int64_t *out);  /* bool and int */
bool value_input(struct value v, int depth);   /* does any string in it come from vars? */
bool equal(struct render *r, struct value a, struct value b, int depth);
/* -1, 0, 1; fails for types that have no order. */
int compare(struct render *r, struct value a, struct value b, const char *op, int depth);

struct iter { struct value src; size_t at; };
bool iter_begin(struct render *r, struct iter *it, struct value v);
bool iter_next(struct render *r, struct iter *it, struct value *out);
struct vlist *list_of(struct render *r, struct value v);          /* fresh; never NULL */

/* ---- text of values (template_print.c) ---- */

void emit_value(struct render *r, struct value v);                /* str(v) */
void emit_repr(struct render *r, struct value v, int depth);
struct value to_str(struct render *r, struct value v);            /* V_STR, also after failure */
#define FLOAT_TEXT_MAX 400
size_t float_repr(double d, char out[FLOAT_TEXT_MAX]);            /* Python's repr */

struct json_style {
    const struct tstr *indent;                 /* NULL: one line */
    const struct tstr *item_sep, *key_sep;     /* NULL: Python's defaults */
    bool ascii, sort_keys;
};
void emit_json(struct render *r, struct value v, const struct json_style *s, int depth);

/* ---- operators (template_op.c) ---- */

struct value op_binary(struct render *r, int op, struct value a, struct value b);
struct value op_negate(struct render *r, struct value v);
bool op_compare(struct render *r, int op, struct value a, struct value b);
bool op_contains(struct render *r, struct value item, struct value in);
struct value get_attr(struct render *r, struct value obj, str name);
struct value get_item(struct render *r, struct value obj, struct value key);
/* Bounds are V_NONE or integers. */
struct value get_slice(struct render *r, struct value obj, const struct value bound[3]);

struct call;

/* ---- evaluation (template_eval.c expressions, template_exec.c statements) ---- */

enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };
enum flow exec(struct render *r, struct scope *s, const struct node *list);
struct value eval(struct render *r, struct scope *s, const struct node *n);
/* A chain of filters that begins without an input of its own. */
struct value apply_filters(struct render *r, struct scope *s, const struct node *n,
                           struct value input);
/* Evaluates ARGs into c; caller (or V_ABSENT) becomes a keyword argument. */
void eval_args(struct render *r, struct scope *s, const struct node *args, struct value caller,
               struct call *c);
struct scope *scope_new(struct render *r, struct scope *parent);
void scope_set(struct render *r, struct scope *s, uint32_t name, struct value v);
void assign(struct render *r, struct scope *s, const struct node *target, struct value v);
struct value make_macro(struct render *r, struct scope *s, const struct node *def);
void run_loop(struct render *r, struct scope *outer, const struct node *n, struct value iterable,
              int depth0);
/* False and failed when nested too deep; pairs with leave. */
bool enter(struct render *r);
void leave(struct render *r);

/* ---- calls ---- */

struct kwarg { str name; struct value value; };
struct call {
    struct render *r;
    struct value self;                         /* filter input, test operand, method object */
    struct value *arg;                         /* after binding: one per parameter, or V_ABSENT */
    size_t n;
    struct kwarg *kw;
    size_t n_kw;
};

/* A built-in: params are its parameter names in order, separated by spaces; "*" takes any
 * arguments as they came. */
struct builtin {
    const char *name;
    struct value (*fn)(struct call *c);
    const char *params;
    int required;
};

const struct builtin *filter_find(str name);
const struct builtin *test_find(str name);
const struct builtin *global_find(str name);
const struct builtin *method_find(struct value obj, str name);
/* Is name an attribute of Python's type that we do not have? */
bool method_is_foreign(struct value obj, str name);
extern const struct builtin filter_text_rows[], filter_sequence_rows[];
extern const struct builtin method_str_rows[], method_list_rows[], method_dict_rows[],
    method_tuple_rows[], method_loop_rows[], method_cycler_rows[];
const struct builtin *builtin_find(const struct builtin *rows, str name);

struct value call_builtin(const struct builtin *row, struct call *c);
struct value call_value(struct render *r, struct value callee, struct call *c);
struct value call_macro(struct render *r, const struct vmacro *m, struct call *c);
struct value call_loop(struct render *r, struct vloop *l, struct value iterable);
struct value loop_attr(struct render *r, struct value loop, str name);
struct value loop_repr(struct render *r, struct vloop *l);
str macro_name(const struct vmacro *m);

/* Arguments of built-ins; V_ABSENT gives the default. They fail on a wrong type. */
int64_t arg_int(struct call *c, size_t i, int64_t otherwise);
bool arg_bool(struct call *c, size_t i, bool otherwise);
const struct tstr *arg_str(struct call *c, size_t i);             /* never NULL */
static inline bool arg_given(const struct call *c, size_t i)
{
    return c->arg[i].type != V_ABSENT && c->arg[i].type != V_NONE;
}
const struct tstr *self_str(struct call *c);                      /* soft_str(self) */

enum case_kind {
    CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITALIZE, CASE_SWAP,
    CASE_FILTER_TITLE                          /* jinja2's title filter */
};
struct value str_case(struct render *r, const struct tstr *s, enum case_kind kind);
struct value str_center(struct render *r, const struct tstr *s, int64_t width, str fill);
struct value str_replace(struct render *r, const struct tstr *s, const struct tstr *old,
                         const struct tstr *with, int64_t count);
/* Without characters: white space. sides: 1 left, 2 right, 3 both. */
struct value str_strip(struct render *r, const struct tstr *s, const struct tstr *chars, int sides);
struct vlist *str_lines(struct render *r, const struct tstr *s, bool keep_ends);
/* Python's int(text, base) and float(text); false on junk. */
bool text_to_int(str s, int64_t base, int64_t *out);
bool text_to_float(str s, double *out);

/* An attribute path "a.b.0" of filters, as environment.getitem follows it. */
struct value get_path(struct render *r, struct value v, struct value path);
/* text % value and text.format(...) (template_format.c) */
struct value format_percent(struct render *r, const struct tstr *text, struct value args,
                            const struct call *named);
struct value format_braces(struct call *c);
struct value strftime_now(struct render *r, str format);
