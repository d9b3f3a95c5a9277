/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: binding arguments to parameters, macros, and the global functions. Nothing of the host
 * can be reached: every callable is a row of a table or a macro of the template.
 */
#include "token/template_internal.h"

#include <stdio.h>
#include <time.h>

#include "base/mem.h"

struct vmacro {
    const struct node *def;                    /* N_MACRO or N_CALL_BLOCK */
    struct scope *scope;                       /* where it was defined */
};

/* ---- built-ins ---- */

const struct builtin *builtin_find(const struct builtin *rows, str name)
{
    for (; rows->name; rows++)
        if (str_is(name, rows->name))
            return rows;
    return NULL;
}

/* Cuts the next parameter name off *rest. */
static bool next_param(str *rest, str *name)
{
    return rest->n > 0 && str_split(rest, ' ', name);
}

static bool take_kwarg(struct call *c, str name, struct value *out)
{
    for (size_t i = 0; i < c->n_kw; i++)
        if (str_eq(c->kw[i].name, name)) {
            *out = c->kw[i].value;
            c->kw[i] = c->kw[--c->n_kw];
            return true;
        }
    return false;
}

/* Gives every parameter its argument or V_ABSENT, in bound. */
static bool bind(const struct builtin *row, struct call *c, struct value *bound)
{
    str rest = str_of(row->params), name;
    size_t n = 0;
    for (; next_param(&rest, &name); n++) {
        CHECK(n < TEMPLATE_PARAMS_MAX);
        struct value kw;
        bool has_kw = take_kwarg(c, name, &kw);
        bound[n] = n < c->n ? c->arg[n] : has_kw ? kw : (struct value){.type = V_ABSENT};
        if (n < c->n && has_kw)
            fail(c->r, ERR_ARG, "%s() got multiple values for argument '%.*s'", row->name,
                 STR_FMT(name));
        if (bound[n].type == V_ABSENT && n < (size_t)row->required)
            fail(c->r, ERR_ARG, "%s() misses its argument '%.*s'", row->name, STR_FMT(name));
    }
    if (c->n > n)
        fail(c->r, ERR_ARG, "%s() takes at most %zu arguments, %zu were given", row->name, n, c->n);
    if (c->n_kw > 0)
        fail(c->r, ERR_ARG, "%s() got an unexpected keyword argument '%.*s'", row->name,
             STR_FMT(c->kw[0].name));
    c->arg = bound;
    c->n = n;
    return c->r->err == ERR_OK;
}

struct value call_builtin(const struct builtin *row, struct call *c)
{
    struct value bound[TEMPLATE_PARAMS_MAX];
    if (row->params[0] != '*' && !bind(row, c, bound))
        return v_undef();
    return row->fn(c);
}

static struct value call_joiner(struct call *c)
{
    struct vcycler *j = c->self.cycler;
    return j->at++ == 0 ? str_plain(c->r, STR("")) : j->items->v[0];
}

struct value call_value(struct render *r, struct value callee, struct call *c)
{
    c->r = r;
    switch (callee.type) {
    case V_BUILTIN: return call_builtin(callee.builtin, c);
    case V_METHOD:
        c->self = callee.method->self;
        return call_builtin(callee.method->row, c);
    case V_MACRO: return call_macro(r, callee.macro, c);
    case V_JOINER: c->self = callee; return call_joiner(c);
    case V_LOOP:
        if (c->n != 1 || c->n_kw > 0)
            return fail(r, ERR_ARG, "loop() takes one argument");
        return call_loop(r, callee.loop, c->arg[0]);
    case V_UNDEFINED: return fail_undefined(r, callee);
    default: return fail(r, ERR_ARG, "'%s' object is not callable", type_name(callee));
    }
}

/* ---- arguments ---- */

int64_t arg_int(struct call *c, size_t i, int64_t otherwise)
{
    int64_t v;
    if (!arg_given(c, i))
        return otherwise;
    if (value_int(c->arg[i], &v))
        return v;
    if (c->arg[i].type == V_UNDEFINED)
        fail_undefined(c->r, c->arg[i]);
    fail(c->r, ERR_ARG, "'%s' object cannot be interpreted as an integer", type_name(c->arg[i]));
    return otherwise;
}

bool arg_bool(struct call *c, size_t i, bool otherwise)
{
    return c->arg[i].type == V_ABSENT ? otherwise : truth(c->arg[i]);
}

static const struct tstr empty_string = {.p = ""};

const struct tstr *arg_str(struct call *c, size_t i)
{
    if (c->arg[i].type == V_STR)
        return c->arg[i].s;
    if (c->arg[i].type == V_UNDEFINED)
        fail_undefined(c->r, c->arg[i]);
    fail(c->r, ERR_ARG, "expected a str argument, not %s", type_name(c->arg[i]));
    return &empty_string;
}

const struct tstr *self_str(struct call *c)
{
    return to_str(c->r, c->self).s;
}

/* ---- macros ---- */

struct value make_macro(struct render *r, struct scope *s, const struct node *def)
{
    struct vmacro *m = new_of(r, struct vmacro);
    *m = (struct vmacro){def, s};
    return (struct value){.type = V_MACRO, .macro = m};
}

str macro_name(const struct vmacro *m)
{
    return m->def->kind == N_MACRO ? m->def->text : STR("caller");
}

/* Parameters get what was given; the rest is left for bind_defaults. Gives their number. */
static size_t bind_params(struct render *r, const struct vmacro *m, struct call *c,
                          struct scope *s, bool *has_caller)
{
    size_t n = 0;
    for (const struct node *p = m->def->other; p; p = p->next, n++) {
        struct value v;
        *has_caller |= p->name == r->t->id_caller;
        if (n < c->n)
            v = c->arg[n];
        else if (!take_kwarg(c, p->text, &v))
            continue;
        scope_set(r, s, p->name, v);
    }
    return n;
}

static bool is_bound(const struct scope *s, uint32_t name)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->b[i].name == name)
            return true;
    return false;
}

/* In order, so that a default may name an earlier parameter. */
static void bind_defaults(struct render *r, const struct vmacro *m, struct scope *s)
{
    for (const struct node *p = m->def->other; p && r->err == ERR_OK; p = p->next) {
        if (is_bound(s, p->name))
            continue;
        struct value v = p->a ? eval(r, s, p->a)
                              : v_undef_hint(r, "a parameter of the macro was not provided");
        scope_set(r, s, p->name, v);
    }
}

/* caller, kwargs and varargs exist in a macro whose body names them. */
static void bind_special(struct render *r, const struct vmacro *m, struct call *c,
                         struct scope *s, size_t n_param, bool has_caller)
{
    str name = macro_name(m);
    struct value caller;
    if ((m->def->op & MACRO_CALLER) && !has_caller) {
        if (!take_kwarg(c, STR("caller"), &caller))
            caller = v_undef_hint(r, "No caller defined");
        scope_set(r, s, r->t->id_caller, caller);
    }
    if (m->def->op & MACRO_KWARGS) {
        struct vdict *d = dict_new(r);
        for (size_t i = 0; i < c->n_kw; i++)
            dict_set_str(r, d, c->kw[i].name, c->kw[i].value);
        scope_set(r, s, r->t->id_kwargs, (struct value){.type = V_DICT, .dict = d});
    } else if (c->n_kw > 0) {
        fail(r, ERR_ARG, "macro '%.*s' takes no keyword argument '%.*s'", STR_FMT(name),
             STR_FMT(c->kw[0].name));
    }
    if (m->def->op & MACRO_VARARGS) {
        struct vlist *l = list_new(r, 0);
        for (size_t i = n_param; i < c->n; i++)
            list_add(r, l, c->arg[i]);
        scope_set(r, s, r->t->id_varargs, v_tuple(l));
    } else if (c->n > n_param) {
        fail(r, ERR_ARG, "macro '%.*s' takes not more than %zu argument(s)", STR_FMT(name),
             n_param);
    }
}

struct value call_macro(struct render *r, const struct vmacro *m, struct call *c)
{
    if (r->calls >= TEMPLATE_CALL_DEPTH_MAX)
        return fail(r, ERR_LIMIT, "calls nested more than %d deep", TEMPLATE_CALL_DEPTH_MAX);
    struct scope *s = scope_new(r, m->scope);
    bool has_caller = false;
    size_t n = bind_params(r, m, c, s, &has_caller);
    bind_special(r, m, c, s, n, has_caller);
    r->calls++;
    bind_defaults(r, m, s);
    struct capture text = capture_begin(r);
    if (r->err == ERR_OK)
        exec(r, s, m->def->items);
    r->calls--;
    return capture_end(r, text);
}

/* ---- attribute paths ---- */

static struct value path_step(struct render *r, struct value v, str part)
{
    int64_t i;
    bool is_number = part.n > 0;
    for (size_t k = 0; k < part.n; k++)
        is_number &= part.p[k] >= '0' && part.p[k] <= '9';
    if (is_number && str_to_i64(part, &i))
        return get_item(r, v, v_int(i));
    return get_item(r, v, str_plain(r, part));
}

struct value get_path(struct render *r, struct value v, struct value path)
{
    if (path.type == V_INT)
        return get_item(r, v, path);
    if (path.type == V_NONE || path.type == V_ABSENT)
        return v;
    if (path.type != V_STR)
        return fail(r, ERR_ARG, "an attribute name must be a str or int, not %s", type_name(path));
    str rest = str_bytes(path.s), part;
    if (rest.n == 0)
        return path_step(r, v, rest);
    while (r->err == ERR_OK && str_split(&rest, '.', &part))
        v = path_step(r, v, part);
    return v;
}

/* ---- globals ---- */

static struct value global_range(struct call *c)
{
    struct vrange *range = new_of(c->r, struct vrange);
    bool is_stop_only = c->arg[1].type == V_ABSENT;
    int64_t a = arg_int(c, 0, 0);
    range->start = is_stop_only ? 0 : a;
    range->stop = is_stop_only ? a : arg_int(c, 1, 0);
    range->step = arg_int(c, 2, 1);
    if (range->step == 0)
        return fail(c->r, ERR_ARG, "range() arg 3 must not be zero");
    bool is_up = range->step > 0;
    uint64_t stride = is_up ? (uint64_t)range->step : 0 - (uint64_t)range->step;
    uint64_t distance = is_up ? (uint64_t)range->stop - (uint64_t)range->start
                              : (uint64_t)range->start - (uint64_t)range->stop;
    bool is_empty = is_up ? range->start >= range->stop : range->start <= range->stop;
    uint64_t n = is_empty ? 0 : (distance - 1) / stride + 1;
    if (n > TEMPLATE_RANGE_MAX)
        return fail(c->r, ERR_LIMIT, "range too big, at most %d elements are allowed",
                    TEMPLATE_RANGE_MAX);
    range->n = (size_t)n;
    return (struct value){.type = V_RANGE, .range = range};
}

/* Of a mapping or pairs, as first argument, and keywords. */
static struct vdict *dict_of_call(struct call *c)
{
    struct vdict *d = dict_new(c->r);
    struct iter it;
    struct value item;
    bool is_dict = c->n > 0 && c->arg[0].type == V_DICT;
    if (c->n > 1)
        fail(c->r, ERR_ARG, "dict expected at most 1 argument, got %zu", c->n);
    for (size_t i = 0; is_dict && i < c->arg[0].dict->n && step(c->r, 1); i++)
        (void)dict_set(c->r, d, c->arg[0].dict->e[i].key, c->arg[0].dict->e[i].value);
    if (c->n > 0 && !is_dict && iter_begin(c->r, &it, c->arg[0]))
        while (iter_next(c->r, &it, &item)) {
            struct vlist *pair = list_of(c->r, item);
            if (pair->n == 2)
                (void)dict_set(c->r, d, pair->v[0], pair->v[1]);
            else
                fail(c->r, ERR_ARG, "a dict is made of pairs, not of %zu values", pair->n);
        }
    for (size_t i = 0; i < c->n_kw; i++)
        dict_set_str(c->r, d, c->kw[i].name, c->kw[i].value);
    return d;
}

static struct value global_dict(struct call *c)
{
    return (struct value){.type = V_DICT, .dict = dict_of_call(c)};
}

static struct value global_namespace(struct call *c)
{
    return (struct value){.type = V_NAMESPACE, .dict = dict_of_call(c)};
}

static struct value global_cycler(struct call *c)
{
    struct vcycler *cycler = new_of(c->r, struct vcycler);
    cycler->items = list_new(c->r, c->n);
    for (size_t i = 0; i < c->n; i++)
        list_add(c->r, cycler->items, c->arg[i]);
    if (c->n == 0)
        return fail(c->r, ERR_ARG, "at least one item has to be provided");
    return (struct value){.type = V_CYCLER, .cycler = cycler};
}

static struct value global_joiner(struct call *c)
{
    struct vcycler *joiner = new_of(c->r, struct vcycler);
    joiner->items = list_new(c->r, 1);
    list_add(c->r, joiner->items,
             c->arg[0].type == V_ABSENT ? str_plain(c->r, STR(", ")) : c->arg[0]);
    return (struct value){.type = V_JOINER, .cycler = joiner};
}

static struct value cycler_next(struct call *c)
{
    struct vcycler *cycler = c->self.cycler;
    struct value v = cycler->items->v[cycler->at];
    cycler->at = (cycler->at + 1) % cycler->items->n;
    return v;
}

static struct value cycler_reset(struct call *c)
{
    c->self.cycler->at = 0;
    return v_none();
}

const struct builtin method_cycler_rows[] = {
    {"next", cycler_next, "", 0}, {"reset", cycler_reset, "", 0}, {NULL, NULL, NULL, 0}};

static struct value global_raise(struct call *c)
{
    str text = str_bytes(to_str(c->r, c->arg[0]).s);
    if (c->r->err != ERR_OK)
        return v_undef();
    c->r->err = err_set(c->r->e, ERR_ARG, ERR_NO_POS, "%.*s", STR_FMT(text));
    return v_undef();
}

/* Python's additions to strftime: microseconds, and no zone, since the time is a naive one. */
static bool expand_date(struct render *r, str format, struct buf *out)
{
    for (size_t i = 0; i < format.n; i++) {
        bool is_field = format.p[i] == '%' && i + 1 < format.n;
        char c = is_field ? format.p[i + 1] : '\0';
        if (c == 'f')
            buf_add(out, STR("000000"));
        else if (c != 'z' && c != 'Z')
            buf_add(out, str_sub(format, i, is_field ? 2 : 1));
        i += is_field;
    }
    if (out->bad || memchr(format.p ? format.p : "", '\0', format.n)) {
        fail(r, ERR_ARG, "strftime_now: a format that is too long or has a NUL in it");
        return false;
    }
    buf_char(out, ' ');                        /* so that an empty result is told from an error */
    buf_char(out, '\0');
    return !out->bad;
}

#define DATE_FORMAT_MAX 1024
#define DATE_TEXT_MAX 8192

/* The program never sets LC_TIME, so names are English. */
struct value strftime_now(struct render *r, str format)
{
    char text[DATE_TEXT_MAX];
    struct buf expanded;
    struct tm tm;
    time_t now = (time_t)r->limits.now_unix_s;
    size_t n = 0;
    buf_init(&expanded, DATE_FORMAT_MAX);
    if (expand_date(r, format, &expanded)) {
        if (gmtime_r(&now, &tm)) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            n = strftime(text, sizeof text, expanded.p, &tm);
#pragma GCC diagnostic pop
        }
        if (n == 0)
            fail(r, ERR_ARG, "strftime_now: the date does not fit %d bytes", DATE_TEXT_MAX);
    }
    buf_done(&expanded);
    return str_copy(r, (str){text, n > 0 ? n - 1 : 0}, false);
}

static struct value global_strftime(struct call *c)
{
    const struct tstr *format = arg_str(c, 0);
    struct value v = strftime_now(c->r, str_bytes(format));
    if (!str_is_input(format))
        return v;
    return str_copy(c->r, str_bytes(v.s), true);
}

static const struct builtin globals[] = {
    {"range", global_range, "start stop step", 1},
    {"dict", global_dict, "*", 0},
    {"namespace", global_namespace, "*", 0},
    {"cycler", global_cycler, "*", 0},
    {"joiner", global_joiner, "sep", 0},
    {"raise_exception", global_raise, "message", 1},
    {"strftime_now", global_strftime, "format", 1},
    {NULL, NULL, NULL, 0}};

const struct builtin *global_find(str name)
{
    return builtin_find(globals, name);
}
