/* SPDX-License-Identifier: Apache-2.0
 *
 * Rendering: the state of one render, its limits and its errors. Reading order of the parts:
 * template_internal.h, template_lex, template_parse, template_expr, template_value,
 * template_string, template_eval, template_exec, template_call, then the tables (template_filter,
 * template_filter_seq, template_method, template_method_seq, template_is) and what they use
 * (template_op, template_print, template_format).
 *
 * Known differences from jinja2 3.1 as HF transformers runs it:
 * - Integers have 64 bits; larger literals and JSON numbers are printed and compared, no more.
 * - Methods that change a list or dict work, as in jinja2's SandboxedEnvironment; values are
 *   private to the render. ImmutableSandboxedEnvironment refuses them.
 * - The filters map, select, reject, batch, unique and the like work at once, not when walked.
 * - A loop or macro that reads a name before an outer {% set %} of it further down sees the
 *   variable of that name; jinja2 sees an undefined value.
 * - Slices and filters of a literal that cannot be sliced or walked fail; jinja2, folding
 *   constants or never walking the generator, may go on with an undefined value.
 * - {% do %} is there. Inheritance, import, include, autoescape and translation are not.
 * - Generators and functions cannot be printed (Python prints their address).
 * - Case mapping is per code point, with the full mapping of sharp s and Greek final sigma.
 * - Texts of errors are ours, save that of raise_exception.
 */
#include "token/template_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

/* ---- failure and limits ---- */

struct value fail(struct render *r, enum err code, const char *fmt, ...)
{
    if (r->err != ERR_OK)
        return v_undef();
    char text[280];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->err = err_set(r->e, code, ERR_NO_POS, "line %u: %s", r->line, text);
    return v_undef();
}

struct value fail_undefined(struct render *r, struct value v)
{
    const struct undef *u = v.undef;
    str name = u ? str_sub(u->name, 0, 100) : STR_NONE;
    if (!u)
        return fail(r, ERR_ARG, "a value is undefined");
    if (u->hint)
        return fail(r, ERR_ARG, "%s", u->hint);
    if (!u->owner)
        return fail(r, ERR_ARG, "'%.*s' is undefined", STR_FMT(name));
    if (name.n > 0 && name.p[0] == '_')
        return fail(r, ERR_ARG, "access to attribute '%.*s' of '%s' object is unsafe",
                    STR_FMT(name), u->owner);
    return fail(r, ERR_ARG, u->element ? "'%s object' has no element %.*s"
                                       : "'%s object' has no attribute '%.*s'",
                u->owner, STR_FMT(name));
}

bool step(struct render *r, size_t n)
{
    r->steps += n;
    if (r->steps > r->limits.steps_max)
        fail(r, ERR_LIMIT, "the template takes more than %llu steps",
             (unsigned long long)r->limits.steps_max);
    return r->err == ERR_OK;
}

bool enter(struct render *r)
{
    if (r->depth >= TEMPLATE_EVAL_DEPTH_MAX) {
        fail(r, ERR_LIMIT, "evaluation nested more than %d deep", TEMPLATE_EVAL_DEPTH_MAX);
        return false;
    }
    r->depth++;
    return true;
}

void leave(struct render *r)
{
    r->depth--;
}

static void out_of_memory(struct render *r)
{
    fail(r, ERR_LIMIT, "the template needs more than %zu bytes of memory", r->limits.memory_max);
}

void *small_alloc(struct render *r, size_t size)
{
    void *p = arena_try(r->arena, size);
    if (p)
        return p;
    out_of_memory(r);
    return arena_alloc(r->arena, size);        /* from the arena's reserve: we are unwinding */
}

void *big_alloc(struct render *r, size_t n, size_t size)
{
    void *p = r->err == ERR_OK ? arena_try_array(r->arena, n, size) : NULL;
    if (!p)
        out_of_memory(r);
    return p;
}

/* ---- entry ---- */

enum err template_render(const struct template *t, const struct json *vars,
                         const struct template_limits *limits, struct template_out *out,
                         struct error *e)
{
    *out = (struct template_out){0};
    buf_init(&out->text, limits->output_max > 0 ? limits->output_max : 1);
    struct render r = {.t = t, .vars = vars, .limits = *limits, .out = out, .line = 1, .e = e};
    r.arena = arena_new(limits->memory_max > 0 ? limits->memory_max : 1);
    r.root = big_alloc(&r, t->n_name, sizeof *r.root);
    if (r.root) {
        struct scope *s = scope_new(&r, NULL);
        exec(&r, s, t->body);
    }
    arena_free(r.arena);
    return r.err;
}

void template_out_done(struct template_out *o)
{
    buf_done(&o->text);
    mem_free(o->input);
    *o = (struct template_out){0};
}
