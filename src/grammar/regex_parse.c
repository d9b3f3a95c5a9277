/* SPDX-License-Identifier: Apache-2.0
 *
 * Pattern -> tree, by ECMA-262 with the u flag, and as lenient as patterns in the wild need
 * (Annex B): escaped punctuation is itself, ] and } and a { that begins no quantifier are
 * literal, a class escape beside a - in [] is no range. What would change its meaning without
 * notice is refused. Recursion is bounded by REGEX_DEPTH_MAX; sequences and alternatives are
 * lists.
 */
#include "base/utf8.h"
#include "grammar/regex_internal.h"

struct parser {
    struct regex *re;
    str src;
    size_t i;
    uint32_t depth;
};

static struct re *parse_alternatives(struct parser *p);

static bool at_end(const struct parser *p) { return p->i == p->src.n; }

static bool is_next(const struct parser *p, const char *text)
{
    return str_starts(str_sub(p->src, p->i, SIZE_MAX), str_of(text));
}

static bool take(struct parser *p, const char *text)
{
    bool found = is_next(p, text);
    if (found) p->i += strlen(text);
    return found;
}

static struct re *node_new(struct parser *p, enum re_kind kind)
{
    struct re *node = re_alloc(p->re, 1, sizeof *node);
    if (node) node->kind = kind;
    return node;
}

static struct re *set_node(struct parser *p, const struct cp_set *closed)
{
    struct re *node = node_new(p, RE_SET);
    if (node) node->set = set_intern(p->re, closed);
    return node;
}

static struct re *fail_at(struct parser *p, size_t at, const char *what)
{
    RE_FAIL(p->re, ERR_ARG, at, "the pattern has %s at position %zu", what, at);
    return NULL;
}

static struct re *fail_unsupported(struct parser *p, size_t at, const char *what)
{
    RE_FAIL(p->re, ERR_ARG, at, "the pattern uses %s at position %zu, which is not supported", what,
            at);
    return NULL;
}

/* ---- escapes ---- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Exactly n hexadecimal digits. */
static bool take_hex(struct parser *p, size_t n, uint32_t *value)
{
    if (p->src.n - p->i < n) return false;
    *value = 0;
    for (size_t k = 0; k < n; k++) {
        int digit = hex_value(p->src.p[p->i + k]);
        if (digit < 0) return false;
        *value = *value << 4 | (uint32_t)digit;
    }
    p->i += n;
    return true;
}

static bool take_braced_hex(struct parser *p, uint32_t *value)
{
    size_t from = p->i;
    *value = 0;
    while (!at_end(p) && hex_value(p->src.p[p->i]) >= 0 && *value <= CP_MAX)
        *value = *value << 4 | (uint32_t)hex_value(p->src.p[p->i++]);
    return p->i > from && *value <= CP_MAX && take(p, "}");
}

/* Behind \u: four digits, two times four that are a surrogate pair, or {..}. */
static bool take_unicode(struct parser *p, uint32_t *cp)
{
    if (take(p, "{")) return take_braced_hex(p, cp);
    if (!take_hex(p, 4, cp)) return false;
    size_t back = p->i;
    uint32_t low;
    if (*cp >= 0xd800 && *cp < 0xdc00 && take(p, "\\u")) {
        if (take_hex(p, 4, &low) && low >= 0xdc00 && low < 0xe000)
            *cp = 0x10000 + ((*cp - 0xd800) << 10) + (low - 0xdc00);
        else
            p->i = back;
    }
    return true;
}

/* \p{name} behind the p. */
static bool take_property(struct parser *p, size_t at, bool is_inverted, struct cp_set *s)
{
    size_t close = str_find_char(p->src, '}', p->i);
    if (!take(p, "{") || close == SIZE_MAX) return fail_at(p, at, "an unfinished \\p{..}");
    str name = str_n(p->src.p + p->i, close - p->i);
    p->i = close + 1;
    if (!set_add_property(p->re, s, name, is_inverted))
        RE_FAIL(p->re, ERR_ARG, at,
                "the pattern uses the Unicode property \\p{%.40s} at position %zu, which is not "
                "supported; general categories are",
                arena_cstr(p->re->scratch, str_sub(name, 0, 40)), at);
    return p->re->w->rc == ERR_OK;
}

static bool fail_escape(struct parser *p, size_t at, char c)
{
    if ((c >= '1' && c <= '9') || c == 'k')
        return fail_unsupported(
            p, at, c == 'k' ? "the named back-reference \\k" : "a back-reference (\\1 to \\9)");
    if (c == 'b' || c == 'B')
        return fail_unsupported(p, at,
                                c == 'b' ? "the word boundary \\b" : "the word boundary \\B");
    RE_FAIL(p->re, ERR_ARG, at, "the pattern has the unknown escape \\%c at position %zu", c, at);
    return false;
}

/* The one character of an escape that begins with c, behind which p stands. */
static bool take_character_escape(struct parser *p, size_t at, char c, uint32_t *cp)
{
    static const char control[] = "t\tn\nv\vf\fr\r";
    const char *found = c ? strchr(control, c) : NULL;
    if (found && c >= 'a') {
        *cp = (unsigned char)found[1];
        return true;
    }
    if (c == 'x' || c == 'u') {
        if (c == 'x' ? take_hex(p, 2, cp) : take_unicode(p, cp)) return true;
        return fail_at(p, at, c == 'x' ? "an unfinished \\x.." : "an unfinished \\u....");
    }
    if (c == 'c') {
        char letter = at_end(p) ? '\0' : p->src.p[p->i++];
        *cp = letter & 0x1f;
        if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')) return true;
        return fail_at(p, at, "an unfinished \\c.");
    }
    if (c == '0') {
        *cp = 0;
        if (at_end(p) || p->src.p[p->i] < '0' || p->src.p[p->i] > '9') return true;
        return fail_at(p, at, "an octal escape");
    }
    return fail_escape(p, at, c);
}

/* The escape at p: either one character, in *cp, or a class added to s, *cp then RE_NONE. */
static bool take_escape(struct parser *p, struct cp_set *s, uint32_t *cp)
{
    size_t at = p->i++;
    if (at_end(p)) return fail_at(p, at, "a \\ at its end");
    char c = p->src.p[p->i];
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_word) {
        *cp = utf8_next(p->src, &p->i);
        return true;
    }
    p->i++;
    *cp = RE_NONE;
    if (strchr("dDwWsS", c)) {
        set_add_escape(p->re, s, c);
        return true;
    }
    if (c == 'p' || c == 'P') return take_property(p, at, c == 'P', s);
    return take_character_escape(p, at, c, cp);
}

/* ---- classes ---- */

static bool take_class_atom(struct parser *p, struct cp_set *s, uint32_t *cp)
{
    if (p->src.p[p->i] != '\\') {
        *cp = utf8_next(p->src, &p->i);
        return true;
    }
    if (take(p, "\\b")) {
        *cp = '\b';
        return true;
    }
    return take_escape(p, s, cp);
}

/* One atom or range of a class. */
static bool take_class_item(struct parser *p, struct cp_set *s)
{
    uint32_t lo, hi;
    size_t at = p->i;
    if (!take_class_atom(p, s, &lo)) return false;
    bool is_range = is_next(p, "-") && p->i + 1 < p->src.n && p->src.p[p->i + 1] != ']';
    if (!is_range) {
        if (lo != RE_NONE) set_add(p->re, s, lo, lo);
        return true;
    }
    p->i++;
    if (!take_class_atom(p, s, &hi)) return false;
    if (lo != RE_NONE && hi != RE_NONE) {
        if (lo > hi) return fail_at(p, at, "a range whose ends are out of order");
        set_add(p->re, s, lo, hi);
        return true;
    }
    set_add(p->re, s, '-', '-');
    if (lo != RE_NONE || hi != RE_NONE)
        set_add(p->re, s, lo != RE_NONE ? lo : hi, lo != RE_NONE ? lo : hi);
    return true;
}

static struct re *parse_class(struct parser *p)
{
    size_t at = p->i++;
    struct cp_set s = {NULL, 0, 0, 0};
    bool is_inverted = take(p, "^");
    while (!at_end(p) && p->src.p[p->i] != ']')
        if (!take_class_item(p, &s)) return NULL;
    if (!take(p, "]")) return fail_at(p, at, "a [ that is not closed");
    if (is_inverted)
        set_invert(p->re, &s);
    else
        set_close(&s);
    return set_node(p, &s);
}

/* ---- groups ---- */

/* Behind "(?<": the name and the >. */
static bool skip_name(struct parser *p, size_t at)
{
    size_t from = p->i, close = str_find_char(p->src, '>', p->i);
    for (; close != SIZE_MAX && p->i < close; p->i++) {
        unsigned char c = (unsigned char)p->src.p[p->i];
        bool is_digit = c >= '0' && c <= '9';
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
        if (!is_letter && c < 0x80 && !(is_digit && p->i > from)) break;
    }
    if (close == SIZE_MAX || p->i < close || close == from)
        return fail_at(p, at, "a bad group name");
    p->i = close + 1;
    return true;
}

/* Behind "(": what kind of group it is. */
static bool take_group_head(struct parser *p, size_t at)
{
    if (!take(p, "?") || take(p, ":")) return true;
    if (is_next(p, "=") || is_next(p, "!"))
        return fail_unsupported(p, at, is_next(p, "=") ? "look-ahead (?=" : "look-ahead (?!");
    if (is_next(p, "<=") || is_next(p, "<!"))
        return fail_unsupported(p, at, is_next(p, "<=") ? "look-behind (?<=" : "look-behind (?<!");
    if (take(p, "<")) return skip_name(p, at);
    if (!at_end(p) && strchr("imsuxUJnaL-", p->src.p[p->i]) && p->src.p[p->i])
        return fail_unsupported(p, at, "inline flags (?i");
    return fail_at(p, at, "an unknown kind of group (?");
}

static struct re *parse_group(struct parser *p)
{
    size_t at = p->i++;
    if (p->depth == REGEX_DEPTH_MAX) {
        RE_FAIL(p->re, ERR_LIMIT, at, "the pattern has more than %d groups inside groups",
                REGEX_DEPTH_MAX);
        return NULL;
    }
    if (!take_group_head(p, at)) return NULL;
    p->depth++;
    struct re *inner = parse_alternatives(p);
    p->depth--;
    if (inner && !take(p, ")")) return fail_at(p, at, "a ( that is not closed");
    return inner;
}

/* ---- quantifiers ---- */

static bool take_count(struct parser *p, size_t at, uint32_t *count)
{
    size_t from = p->i;
    *count = 0;
    for (; !at_end(p) && p->src.p[p->i] >= '0' && p->src.p[p->i] <= '9'; p->i++) {
        *count = *count * 10 + (uint32_t)(p->src.p[p->i] - '0');
        if (*count > REGEX_REPEAT_MAX) {
            RE_FAIL(p->re, ERR_LIMIT, at, "the pattern repeats more than %d times at position %zu",
                    REGEX_REPEAT_MAX, at);
            return false;
        }
    }
    return p->i > from;
}

/* {m}, {m,} or {m,n}; false, and p stays: it is none, or the work has failed. */
static bool take_braces(struct parser *p, uint32_t *min, uint32_t *max)
{
    size_t at = p->i;
    if (!take(p, "{")) return false;
    bool is_count = take_count(p, at, min);
    *max = *min;
    if (is_count && take(p, ",") && !take_count(p, at, max)) *max = RE_NO_MAX;
    if (is_count && take(p, "}")) return true;
    if (!is_count && take(p, ",") && take_count(p, at, max) && take(p, "}"))
        fail_at(p, at, "{,n}, which engines read in different ways (write {0,n})");
    p->i = at;
    return false;
}

static bool take_quantifier(struct parser *p, uint32_t *min, uint32_t *max)
{
    *min = 0;
    *max = RE_NO_MAX;
    bool found = true;
    if (take(p, "+"))
        *min = 1;
    else if (take(p, "?"))
        *max = 1;
    else if (!take(p, "*"))
        found = take_braces(p, min, max);
    if (found) take(p, "?");
    return found;
}

static struct re *parse_quantified(struct parser *p, struct re *atom)
{
    size_t at = p->i;
    uint32_t min, max;
    if (!take_quantifier(p, &min, &max)) return p->re->w->rc == ERR_OK ? atom : NULL;
    if (atom->kind == RE_BEGIN || atom->kind == RE_END) {
        bool is_group = p->src.p[at - 1] == ')';
        if (!is_group) return fail_at(p, at, "a quantifier with nothing to repeat");
    }
    if (min > max) return fail_at(p, at, "a {m,n} whose numbers are out of order");
    if (max == 0) return node_new(p, RE_EMPTY);
    if (atom->kind == RE_EMPTY || (min == 1 && max == 1)) return atom;
    struct re *node = node_new(p, RE_REPEAT);
    if (node) *node = (struct re){RE_REPEAT, 0, min, max, atom, NULL};
    return node;
}

/* ---- terms, sequences, alternatives ---- */

static struct re *parse_literal(struct parser *p)
{
    struct cp_set s = {NULL, 0, 0, 0};
    uint32_t cp;
    if (p->src.p[p->i] != '\\')
        cp = utf8_next(p->src, &p->i);
    else if (!take_escape(p, &s, &cp))
        return NULL;
    if (cp != RE_NONE) set_add(p->re, &s, cp, cp);
    set_close(&s);
    return set_node(p, &s);
}

static struct re *parse_dot(struct parser *p)
{
    struct cp_set s = {NULL, 0, 0, 0};
    p->i++;
    if (!p->re->is_whole) {
        set_add(p->re, &s, '\n', '\n');
        set_add(p->re, &s, '\r', '\r');
        set_add(p->re, &s, 0x2028, 0x2029);
    }
    set_invert(p->re, &s);
    return set_node(p, &s);
}

static struct re *parse_atom(struct parser *p)
{
    uint32_t min, max;
    size_t at = p->i;
    switch (p->src.p[p->i]) {
    case '(': return parse_group(p);
    case '[': return parse_class(p);
    case '.': return parse_dot(p);
    case '^': p->i++; return node_new(p, RE_BEGIN);
    case '$': p->i++; return node_new(p, RE_END);
    case '*':
    case '+':
    case '?': return fail_at(p, at, "a quantifier with nothing to repeat");
    case '{':
        if (take_braces(p, &min, &max))
            return fail_at(p, at, "a quantifier with nothing to repeat");
        return p->re->w->rc == ERR_OK ? parse_literal(p) : NULL;
    default: return parse_literal(p);
    }
}

static struct re *parse_sequence(struct parser *p)
{
    struct re *last = NULL;
    while (!at_end(p) && p->src.p[p->i] != '|' && p->src.p[p->i] != ')') {
        struct re *item = parse_atom(p);
        if (item) item = parse_quantified(p, item);
        if (!item) return NULL;
        if (item->kind == RE_EMPTY) continue;
        item->next = last;
        last = item;
    }
    if (!last) return node_new(p, RE_EMPTY);
    if (!last->next) return last;
    struct re *node = node_new(p, RE_CAT);
    if (node) node->child = last;
    return node;
}

/* Alternatives that are one set each are one set. */
static struct re *merge_sets(struct parser *p, struct re *first)
{
    struct cp_set s = {NULL, 0, 0, 0};
    for (const struct re *item = first; item; item = item->next)
        if (item->kind != RE_SET) return NULL;
    for (const struct re *item = first; item; item = item->next)
        set_add_all(p->re, &s, &p->re->set[item->set]);
    set_close(&s);
    return set_node(p, &s);
}

static struct re *parse_alternatives(struct parser *p)
{
    struct re *first = parse_sequence(p);
    if (!first || !is_next(p, "|")) return first;
    while (take(p, "|")) {
        struct re *item = parse_sequence(p);
        if (!item) return NULL;
        item->next = first;
        first = item;
    }
    struct re *merged = merge_sets(p, first);
    if (merged || p->re->w->rc != ERR_OK) return merged;
    struct re *node = node_new(p, RE_ALT);
    if (node) node->child = first;
    return node;
}

bool re_parse(struct regex *re)
{
    struct parser p = {.re = re, .src = re->pattern};
    if (!utf8_valid(re->pattern)) RE_FAIL(re, ERR_ARG, ERR_NO_POS, "the pattern is not UTF-8");
    re->root = re->w->rc == ERR_OK ? parse_alternatives(&p) : NULL;
    if (re->root && !at_end(&p)) fail_at(&p, p.i, "a ) that closes nothing");
    return re->w->rc == ERR_OK;
}
