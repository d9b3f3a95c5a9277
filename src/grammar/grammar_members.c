/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays and objects: copied into the arena in the form that the matcher reads, and whether their
 * counts can be met.
 */
#include <stdlib.h>
#include "base/buf.h"
#include "grammar/dfa_internal.h"
#include "grammar/grammar_internal.h"

#define CONTAINS_PREFIX_MAX 2000 /* positions with their own items, beside contains */

static uint32_t json_text(struct grammar_builder *g, uint32_t *node, str text)
{
    if (*node == NODE_NONE) *node = grammar_text(g, text);
    return *node;
}

static struct gstyle style_of(struct grammar_builder *g, const struct grammar_style *s, bool object)
{
    if (!s)
        return (struct gstyle){json_text(g, &g->json_open[object], object ? STR("{") : STR("[")),
                               json_text(g, &g->json_close[object], object ? STR("}") : STR("]")),
                               json_text(g, &g->json_comma, STR(", "))};
    return (struct gstyle){grammar_text(g, object ? s->object_open : s->array_open),
                           grammar_text(g, object ? s->object_close : s->array_close),
                           grammar_text(g, s->comma)};
}

static uint32_t *copy_nodes(struct grammar_builder *g, const uint32_t *node, size_t n)
{
    uint32_t *copy = grammar_take(g, n, sizeof *copy);
    if (copy)
        for (size_t i = 0; i < n; i++) copy[i] = node ? node[i] : NODE_NONE;
    return copy;
}

/* ---- arrays ---- */

static const struct dfa *item_dfa(const struct grammar_builder *g, uint32_t node)
{
    while (node != NODE_NONE && g->node[node].kind == GNODE_ALIAS) node = g->node[node].alias;
    if (node == NODE_NONE || g->node[node].kind != GNODE_TERMINAL) return NULL;
    return g->node[node].terminal->d.dfa;
}

static bool rest_is_live(const struct garray *a, uint32_t c, uint32_t m)
{
    uint8_t can = a->can[a->n_prefix];
    uint32_t need = c < a->n_min ? a->n_min - c : 0, room = a->n_reach - c;
    uint32_t match = m < a->n_match_min ? a->n_match_min - m : 0;
    if (m > a->n_match_max || a->n_match_min > a->n_match_max) return false;
    if (match > 0 && !(can & GARRAY_MATCH)) return false;
    if (need == 0 && match == 0) return true;
    if (!can) return false;
    if (!(can & GARRAY_OTHER)) {
        uint32_t most = a->n_match_max == GRAMMAR_UNBOUNDED ? room : a->n_match_max - m;
        uint32_t least = need > match ? need : match;
        return least <= (most < room ? most : room);
    }
    return (need > match ? need : match) <= room;
}

static bool live_bit(const struct garray *a, uint32_t c, uint32_t m)
{
    size_t i = (size_t)c * (a->n_prefix + 2) + m;
    return a->live[i / 64] >> i % 64 & 1;
}

bool garray_is_live(const struct garray *a, uint32_t c, uint32_t m)
{
    if (c > a->n_reach) return false;
    if (!a->contains) return a->n_min <= a->n_reach;
    if (c <= a->n_prefix) return live_bit(a, c, m);
    return rest_is_live(a, c, m);
}

/* From the last position back. */
static void fill_live(struct garray *a)
{
    uint32_t n = a->n_prefix;
    for (uint32_t c = n + 1; c-- > 0;)
        for (uint32_t m = 0; m <= c; m++) {
            bool live;
            if (c > a->n_reach || m > a->n_match_max)
                live = false;
            else if (c == n)
                live = rest_is_live(a, c, m);
            else if (c >= a->n_min && m >= a->n_match_min)
                live = true;
            else
                live =
                    c < a->n_reach && (((a->can[c] & GARRAY_OTHER) && live_bit(a, c + 1, m)) ||
                                       ((a->can[c] & GARRAY_MATCH) && live_bit(a, c + 1, m + 1)));
            size_t i = (size_t)c * (n + 2) + m;
            if (live) a->live[i / 64] |= 1ull << i % 64;
        }
}

bool garray_eval(struct grammar_builder *g, struct garray *a)
{
    for (uint32_t i = 0; i <= a->n_prefix; i++) {
        uint32_t other = i < a->n_prefix ? a->prefix[i] : a->rest;
        uint32_t match = i < a->n_prefix ? a->prefix_match[i] : a->rest_match;
        a->can[i] = (gnode_is(g->node, other, GNODE_POSSIBLE) ? GARRAY_OTHER : 0) |
                    (a->contains && gnode_is(g->node, match, GNODE_POSSIBLE) ? GARRAY_MATCH : 0);
    }
    uint32_t reach = 0;
    while (reach < a->n_prefix && a->can[reach]) reach++;
    if (reach == a->n_prefix && a->can[reach]) reach = GRAMMAR_UNBOUNDED;
    const struct dfa *rest = a->unique && a->n_prefix == 0 ? item_dfa(g, a->rest) : NULL;
    if (rest && rest->n_word && rest->n_word[rest->start] < reach)
        reach = rest->n_word[rest->start];
    a->n_reach = reach < a->n_max ? reach : a->n_max;
    if (a->contains) fill_live(a);
    return garray_is_live(a, 0, 0);
}

/* Items of a unique array are remembered by their text, so counts must be in the automaton. That
 * position i has more than i words is enough: whatever was written before, one is left. */
static bool check_unique(struct grammar_builder *g, const struct garray *a)
{
    if (a->contains)
        return grammar_fail(g, ERR_ARG, "items that must differ, some of which are counted"), false;
    for (uint32_t i = 0; i <= a->n_prefix; i++) {
        uint32_t node = i < a->n_prefix ? a->prefix[i] : a->rest;
        while (node != NODE_NONE && g->node[node].kind == GNODE_ALIAS) node = g->node[node].alias;
        if (node == NODE_NONE) continue;
        if (g->node[node].kind != GNODE_TERMINAL)
            return grammar_fail(g, ERR_ARG, "items that must differ are not all terminals"), false;
        const struct gterminal *t = g->node[node].terminal;
        if (t->n_min > 0 || t->n_max != GRAMMAR_UNBOUNDED)
            return grammar_fail(g, ERR_ARG, "items that must differ are counted texts"), false;
        uint32_t last = i < a->n_prefix || a->n_min <= i ? i + 1 : a->n_min;
        const struct dfa *d = t->d.dfa;
        if (a->n_prefix > 0 && i < a->n_min && d->n_word && d->n_word[d->start] < last &&
            !dfa_is_empty(d))
            return grammar_fail(g, ERR_ARG,
                                "items that must differ have too few values to choose "
                                "from at position %u",
                                i),
                   false;
    }
    return true;
}

uint32_t grammar_array(struct grammar_builder *g, const struct grammar_array *in)
{
    if (g->work->rc != ERR_OK) return NODE_NONE;
    if (in->n_prefix > GRAMMAR_NODES_MAX || (in->contains && in->n_prefix > CONTAINS_PREFIX_MAX))
        return grammar_fail(g, ERR_LIMIT, "an array has %zu positions of its own", in->n_prefix);
    struct garray *a = grammar_take(g, 1, sizeof *a);
    if (!a) return NODE_NONE;
    *a = (struct garray){.style = style_of(g, in->style, false),
                         .prefix = copy_nodes(g, in->prefix, in->n_prefix),
                         .n_prefix = (uint32_t)in->n_prefix,
                         .rest = in->rest,
                         .prefix_match =
                             copy_nodes(g, in->contains ? in->prefix_match : NULL, in->n_prefix),
                         .rest_match = in->contains ? in->rest_match : NODE_NONE,
                         .n_min = in->n_min,
                         .n_max = in->n_max,
                         .n_match_min = in->contains ? in->n_match_min : 0,
                         .n_match_max = in->contains ? in->n_match_max : GRAMMAR_UNBOUNDED,
                         .contains = in->contains,
                         .unique = in->unique,
                         .can = grammar_take(g, in->n_prefix + 1, 1)};
    size_t bits = in->contains ? (in->n_prefix + 1) * (in->n_prefix + 2) : 0;
    a->live = grammar_take(g, bits / 64 + 1, sizeof *a->live);
    if (!a->prefix || !a->prefix_match || !a->can || !a->live) return NODE_NONE;
    if (a->unique && !check_unique(g, a)) return NODE_NONE;
    return grammar_add(g, (struct gnode){.kind = GNODE_ARRAY, .array = a});
}

/* ---- objects ---- */

/* The spelling of DFA_STRING. */
static void quote(struct buf *out, str text)
{
    static const char escape[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    buf_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = (uint8_t)text.p[i];
        if (c == '"' || c == '\\')
            buf_char(out, '\\'), buf_char(out, (char)c);
        else if (c >= 32)
            buf_char(out, (char)c);
        else if (escape[c])
            buf_char(out, '\\'), buf_char(out, escape[c]);
        else
            buf_printf(out, "\\u%04x", c);
    }
    buf_char(out, '"');
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(((const struct gname *)a)->text, ((const struct gname *)b)->text);
}

static uint32_t common(str a, str b)
{
    size_t n = a.n < b.n ? a.n : b.n, i = 0;
    while (i < n && a.p[i] == b.p[i]) i++;
    return (uint32_t)i;
}

static bool make_names(struct grammar_builder *g, struct gobject *o,
                       const struct grammar_object *in, str colon)
{
    bool bare = in->style && in->style->bare_keys, ok = true;
    struct buf b;
    buf_init(&b, (size_t)1 << 30);
    for (uint32_t i = 0; ok && i < o->n_property; i++) {
        buf_clear(&b);
        if (bare)
            buf_add(&b, in->property[i].name);
        else
            quote(&b, in->property[i].name);
        uint32_t name_n = (uint32_t)b.n;
        buf_add(&b, colon);
        char *text = b.bad || b.n == 0 ? NULL : grammar_take(g, b.n, 1);
        ok = text != NULL;
        if (!ok) break;
        memcpy(text, b.p, b.n);
        o->name[i] = (struct gname){{text, b.n}, name_n, i, 0};
    }
    buf_done(&b);
    if (!ok) return grammar_fail(g, ERR_LIMIT, "a key of an object cannot be spelled"), false;
    qsort(o->name, o->n_property, sizeof *o->name, by_text);
    for (uint32_t i = 1; i < o->n_property; i++) {
        o->name[i].lcp = common(o->name[i - 1].text, o->name[i].text);
        if (str_eq(o->name[i - 1].text, o->name[i].text))
            return grammar_fail(g, ERR_ARG, "an object names the key %.*s twice",
                                STR_FMT(str_sub(o->name[i].text, 0, 100))),
                   false;
    }
    return true;
}

static uint32_t own_words(const struct gobject *o, const struct dfa *key)
{
    uint32_t n = key->n_word ? key->n_word[key->start] : UINT32_MAX;
    if (dfa_is_empty(key)) return 0;
    if (n == UINT32_MAX) return n;
    for (uint32_t i = 0; i < o->n_property; i++)
        n -= dfa_match(key, str_sub(o->name[i].text, 0, o->name[i].name_n));
    return n;
}

bool gobject_eval(struct grammar_builder *g, struct gobject *o)
{
    bool possible = true;
    for (uint32_t i = o->n_property; i-- > 0;) {
        struct gproperty *p = &o->property[i];
        p->possible = gnode_is(g->node, p->value, GNODE_POSSIBLE);
        possible = possible && (p->possible || !p->required);
        o->required_from[i] = o->required_from[i + 1] + p->required;
        o->possible_from[i] = o->possible_from[i + 1] + p->possible;
    }
    o->n_tail_word = 0;
    for (uint32_t i = 0; i < o->n_tail; i++) {
        if (!gnode_is(g->node, o->tail[i].value, GNODE_POSSIBLE)) continue;
        if (o->tail[i].n_own_word == UINT32_MAX)
            o->n_tail_word = UINT64_MAX;
        else if (o->n_tail_word != UINT64_MAX)
            o->n_tail_word += o->tail[i].n_own_word;
    }
    o->n_required = o->required_from[0];
    bool enough = o->n_tail_word == UINT64_MAX || o->n_tail_word + o->possible_from[0] >= o->n_min;
    return possible && enough && o->n_required <= o->n_max && o->n_min <= o->n_max;
}

uint32_t grammar_object(struct grammar_builder *g, const struct grammar_object *in)
{
    if (g->work->rc != ERR_OK) return NODE_NONE;
    if (in->n_property > GRAMMAR_NODES_MAX || in->n_tail > GRAMMAR_NODES_MAX)
        return grammar_fail(g, ERR_LIMIT, "an object has %zu members", in->n_property);
    if (in->any_order && in->n_property > GRAMMAR_ANY_ORDER_MAX)
        return grammar_fail(g, ERR_LIMIT,
                            "an object has %zu properties in any order, at most %d "
                            "are allowed",
                            in->n_property, GRAMMAR_ANY_ORDER_MAX);
    str colon = in->style ? in->style->colon : STR(": ");
    struct gobject *o = grammar_take(g, 1, sizeof *o);
    if (!o) return NODE_NONE;
    *o = (struct gobject){.style = style_of(g, in->style, true),
                          .colon = in->style ? grammar_text(g, colon)
                                             : json_text(g, &g->json_colon, colon),
                          .n_property = (uint32_t)in->n_property,
                          .n_tail = (uint32_t)in->n_tail,
                          .property = grammar_take(g, in->n_property, sizeof *o->property),
                          .name = grammar_take(g, in->n_property, sizeof *o->name),
                          .required_from = grammar_take(g, in->n_property + 1, sizeof(uint32_t)),
                          .possible_from = grammar_take(g, in->n_property + 1, sizeof(uint32_t)),
                          .tail = grammar_take(g, in->n_tail, sizeof *o->tail),
                          .n_min = in->n_min,
                          .n_max = in->n_max,
                          .any_order = in->any_order};
    if (!o->property || !o->name || !o->required_from || !o->possible_from || !o->tail)
        return NODE_NONE;
    for (uint32_t i = 0; i < o->n_property; i++)
        o->property[i] = (struct gproperty){in->property[i].value, in->property[i].required, false};
    if (!make_names(g, o, in, colon)) return NODE_NONE;
    for (uint32_t i = 0; i < o->n_tail; i++) {
        if (!in->tail[i].key) return NODE_NONE;
        o->tail[i] = (struct gtail){grammar_dfa(g, in->tail[i].key), in->tail[i].value,
                                    own_words(o, in->tail[i].key)};
    }
    return grammar_add(g, (struct gnode){.kind = GNODE_OBJECT, .object = o});
}
