/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions: the stages in order, and the case of one repeated class.
 */
#include "grammar/regex.h"

#include "grammar/regex_internal.h"

#define RE_FIRST_CAP 8

static void fail_memory(struct regex *re)
{
    RE_FAIL(
        re, ERR_LIMIT, ERR_NO_POS,
        "the pattern needs more memory than a schema may take; use a simpler pattern or smaller "
        "counts");
}

void re_fail_ranges(struct regex *re)
{
    RE_FAIL(re, ERR_LIMIT, ERR_NO_POS,
            "the classes of the pattern have more than %u ranges; use fewer of them",
            RE_RANGES_MAX);
}

void *re_alloc(struct regex *re, size_t n, size_t size)
{
    void *p = re->w->rc == ERR_OK ? arena_try_array(re->scratch, n, size) : NULL;
    if (!p) fail_memory(re);
    return p;
}

void *re_grow(struct regex *re, const void *p, size_t n, uint32_t *cap, size_t size)
{
    uint32_t want = *cap ? *cap * 2 : RE_FIRST_CAP;
    void *grown = re_alloc(re, want, size);
    if (grown && n > 0) memcpy(grown, p, n * size);
    if (grown) *cap = want;
    return grown;
}

/* The repetition of ^C{n,m}$, or NULL. Children of a sequence are last first. */
static struct re *repeated_class(const struct regex *re)
{
    bool has_begin = re->is_whole, has_end = re->is_whole;
    struct re *x = re->root;
    if (x->kind == RE_CAT) {
        for (x = x->child; x && x->kind == RE_END; x = x->next) has_end = true;
        struct re *rest = x ? x->next : NULL;
        for (; rest && rest->kind == RE_BEGIN; rest = rest->next) has_begin = true;
        if (rest || !x) return NULL;
    }
    bool is_it = has_begin && has_end && x->kind == RE_REPEAT && x->child->kind == RE_SET &&
                 re->set[x->child->set].n > 0;
    return is_it ? x : NULL;
}

static const struct dfa *compile(struct regex *re, uint32_t *n_min, uint32_t *n_max)
{
    struct nfa nfa = {NULL, 0, 0, 0};
    struct sym sym = {.n_state = 0};
    if (!re_parse(re)) return NULL;
    struct re *repeat = n_min ? repeated_class(re) : NULL;
    if (repeat) {
        *n_min = repeat->min;
        *n_max = repeat->max;
        repeat->min = 0;
        repeat->max = RE_NO_MAX;
    }
    if (!nfa_build(re, &nfa) || !sym_build(re, &nfa, &sym)) return NULL;
    return sym_to_bytes(re, &sym);
}

const struct dfa *regex_dfa(struct dfa_work *w, str pattern, bool whole, uint32_t *n_min,
                            uint32_t *n_max)
{
    if (n_min) {
        *n_min = 0;
        *n_max = UINT32_MAX;
    }
    size_t left = arena_left(w->arena);
    if (w->rc == ERR_OK && pattern.n > REGEX_BYTES_MAX)
        w->rc = err_set(w->e, ERR_LIMIT, ERR_NO_POS,
                        "the pattern has %zu bytes, at most %d are "
                        "allowed",
                        pattern.n, REGEX_BYTES_MAX);
    if (w->rc != ERR_OK) return NULL;
    struct regex re = {.w = w, .pattern = pattern, .is_whole = whole};
    re.scratch = arena_new(left == SIZE_MAX ? 0 : left + 1);
    memset(re.bucket, 0xff, sizeof re.bucket);
    const struct dfa *d = compile(&re, n_min, n_max);
    arena_free(re.scratch);
    return w->rc == ERR_OK ? d : NULL;
}
