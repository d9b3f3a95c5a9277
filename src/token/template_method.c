/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods of str. Those of lists, tuples and dicts are in template_method_seq.c.
 */
#include "token/template_internal.h"

#include "base/mem.h"
#include "base/utf8.h"

static const struct tstr *optional_str(struct call *c, size_t i)
{
    return arg_given(c, i) ? arg_str(c, i) : NULL;
}

/* ---- case and classes ---- */

static struct value str_upper(struct call *c)
{
    return str_case(c->r, c->self.s, CASE_UPPER);
}

static struct value str_lower(struct call *c)
{
    return str_case(c->r, c->self.s, CASE_LOWER);
}

static struct value str_title(struct call *c)
{
    return str_case(c->r, c->self.s, CASE_TITLE);
}

static struct value str_capitalize(struct call *c)
{
    return str_case(c->r, c->self.s, CASE_CAPITALIZE);
}

static struct value str_swapcase(struct call *c)
{
    return str_case(c->r, c->self.s, CASE_SWAP);
}

/* True when the string is not empty and every character passes. */
static struct value every(struct call *c, bool (*is)(uint32_t cp))
{
    str s = str_bytes(c->self.s);
    for (size_t i = 0; i < s.n && step(c->r, 1);)
        if (!is(utf8_next(s, &i)))
            return v_bool(false);
    return v_bool(s.n > 0);
}

static bool cp_is_alpha(uint32_t cp)
{
    return (uni_class(cp) & UNI_LETTER) != 0;
}

/* Decimal digits of ASCII; of the other scripts the number classes are not told apart. */
static bool cp_is_digit(uint32_t cp)
{
    return cp < 0x80 ? cp >= '0' && cp <= '9'
                     : (uni_class(cp) & UNI_NUMBER) != 0 && uni_lower(cp) == uni_upper(cp);
}

static bool cp_is_alnum(uint32_t cp)
{
    return (uni_class(cp) & (UNI_LETTER | UNI_NUMBER)) != 0;
}

static bool cp_is_ascii(uint32_t cp)
{
    return cp < 0x80;
}

static struct value str_isalpha(struct call *c)
{
    return every(c, cp_is_alpha);
}

static struct value str_isdigit(struct call *c)
{
    return every(c, cp_is_digit);
}

static struct value str_isalnum(struct call *c)
{
    return every(c, cp_is_alnum);
}

static struct value str_isspace(struct call *c)
{
    return every(c, cp_is_space);
}

static struct value str_isascii(struct call *c)
{
    return v_bool(c->self.s->n == 0 || every(c, cp_is_ascii).boolean);
}

static struct value str_islower(struct call *c)
{
    return call_builtin(test_find(STR("lower")), c);
}

static struct value str_isupper(struct call *c)
{
    return call_builtin(test_find(STR("upper")), c);
}

/* ---- strip and affixes ---- */

static struct value str_strip_both(struct call *c)
{
    return str_strip(c->r, c->self.s, optional_str(c, 0), 3);
}

static struct value str_lstrip(struct call *c)
{
    return str_strip(c->r, c->self.s, optional_str(c, 0), 1);
}

static struct value str_rstrip(struct call *c)
{
    return str_strip(c->r, c->self.s, optional_str(c, 0), 2);
}

/* start and end arguments at from and from + 1, as byte offsets. False when start is beyond the
 * string or its end. */
static bool byte_range(struct call *c, size_t from, size_t *start, size_t *end)
{
    int64_t n = (int64_t)c->self.s->n_char;
    int64_t a = arg_int(c, from, 0), b = arg_int(c, from + 1, n);
    a = a < 0 ? (a < -n ? 0 : a + n) : a;
    b = b < 0 ? (b < -n ? 0 : b + n) : b > n ? n : b;
    if (a > n || a > b)
        return false;
    *start = str_offset(c->self.s, (size_t)a);
    *end = str_offset(c->self.s, (size_t)b);
    return step(c->r, *end / 64);
}

static bool has_affix(str s, str affix, bool at_end)
{
    return at_end ? str_ends(s, affix) : str_starts(s, affix);
}

static struct value affix(struct call *c, bool at_end)
{
    size_t start, end;
    if (!byte_range(c, 1, &start, &end))
        return v_bool(false);
    str s = str_sub(str_bytes(c->self.s), start, end - start);
    if (c->arg[0].type != V_TUPLE)
        return v_bool(has_affix(s, str_bytes(arg_str(c, 0)), at_end));
    const struct vlist *l = c->arg[0].list;
    for (size_t i = 0; i < l->n && step(c->r, 1); i++) {
        if (l->v[i].type != V_STR)
            return fail(c->r, ERR_ARG, "a tuple of affixes must hold str, not %s",
                        type_name(l->v[i]));
        if (has_affix(s, str_bytes(l->v[i].s), at_end))
            return v_bool(true);
    }
    return v_bool(false);
}

static struct value str_startswith(struct call *c)
{
    return affix(c, false);
}

static struct value str_endswith(struct call *c)
{
    return affix(c, true);
}

static struct value str_removeprefix(struct call *c)
{
    str prefix = str_bytes(arg_str(c, 0)), s = str_bytes(c->self.s);
    return str_part(c->r, c->self.s, str_starts(s, prefix) ? prefix.n : 0, s.n);
}

static struct value str_removesuffix(struct call *c)
{
    str suffix = str_bytes(arg_str(c, 0)), s = str_bytes(c->self.s);
    return str_part(c->r, c->self.s, 0, str_ends(s, suffix) ? s.n - suffix.n : s.n);
}

/* ---- search ---- */

/* Code points in s[0, bytes). */
static int64_t char_index(const struct tstr *s, size_t bytes)
{
    return s->n_char == s->n ? (int64_t)bytes : (int64_t)utf8_count(str_n(s->p, bytes));
}

static size_t find_last(str s, str needle, size_t start, size_t end)
{
    for (size_t at = end + 1; needle.n <= end - start && at-- > start;)
        if (at + needle.n <= end && memcmp(s.p + at, needle.p, needle.n) == 0)
            return at;
    return SIZE_MAX;
}

static int64_t find(struct call *c, bool is_last)
{
    size_t start, end;
    str needle = str_bytes(arg_str(c, 0)), s = str_bytes(c->self.s);
    if (c->r->err != ERR_OK || !byte_range(c, 1, &start, &end))
        return -1;
    size_t hit = SIZE_MAX;
    if (needle.n == 0)
        hit = is_last ? end : start;
    else if (is_last && step(c->r, (end - start) / 4))
        hit = find_last(s, needle, start, end);
    else if (!is_last)
        hit = str_find(str_sub(s, 0, end), needle, start);
    return hit == SIZE_MAX ? -1 : char_index(c->self.s, hit);
}

static struct value str_find_first(struct call *c)
{
    return v_int(find(c, false));
}

static struct value str_rfind(struct call *c)
{
    return v_int(find(c, true));
}

static struct value str_index(struct call *c)
{
    int64_t at = find(c, false);
    return at < 0 ? fail(c->r, ERR_ARG, "substring not found") : v_int(at);
}

static struct value str_rindex(struct call *c)
{
    int64_t at = find(c, true);
    return at < 0 ? fail(c->r, ERR_ARG, "substring not found") : v_int(at);
}

static struct value str_count(struct call *c)
{
    size_t start, end;
    int64_t n = 0;
    str needle = str_bytes(arg_str(c, 0)), s = str_bytes(c->self.s);
    if (c->r->err != ERR_OK || !byte_range(c, 1, &start, &end))
        return v_int(0);
    s = str_sub(s, 0, end);
    if (needle.n == 0)
        return v_int((int64_t)utf8_count(str_sub(s, start, SIZE_MAX)) + 1);
    for (; (start = str_find(s, needle, start)) != SIZE_MAX && step(c->r, 1); start += needle.n)
        n++;
    return v_int(n);
}

/* ---- split and join ---- */

static void split_spaces(struct render *r, const struct tstr *s, int64_t max, struct vlist *l)
{
    str bytes = str_bytes(s);
    size_t at = space_prefix(bytes);
    while (at < s->n && step(r, 1)) {
        size_t end = at, next = at;
        if (max-- == 0) {
            list_add(r, l, str_part(r, s, at, s->n));
            return;
        }
        while (end < s->n && step(r, 1) && !cp_is_space(utf8_next(bytes, &next)))
            end = next;
        list_add(r, l, str_part(r, s, at, end));
        at = end + space_prefix(str_sub(bytes, end, SIZE_MAX));
    }
}

/* From the right; the pieces come out last first. */
static void rsplit_spaces(struct render *r, const struct tstr *s, int64_t max, struct vlist *l)
{
    str bytes = str_bytes(s);
    size_t end = s->n - space_suffix(bytes);
    while (end > 0 && step(r, 1)) {
        size_t at = end;
        if (max-- == 0) {
            list_add(r, l, str_part(r, s, 0, end));
            return;
        }
        while (at > 0 && step(r, 1) && space_suffix(str_sub(bytes, 0, at)) == 0)
            for (at--; at > 0 && ((unsigned char)s->p[at] & 0xc0) == 0x80; at--)
                ;
        list_add(r, l, str_part(r, s, at, end));
        end = at - space_suffix(str_sub(bytes, 0, at));
    }
}

static void split_at(struct render *r, const struct tstr *s, str sep, int64_t max, struct vlist *l)
{
    size_t from = 0, hit;
    while (max-- != 0 && step(r, 1) &&
           (hit = str_find(str_bytes(s), sep, from)) != SIZE_MAX) {
        list_add(r, l, str_part(r, s, from, hit));
        from = hit + sep.n;
    }
    list_add(r, l, str_part(r, s, from, s->n));
}

static void rsplit_at(struct render *r, const struct tstr *s, str sep, int64_t max,
                      struct vlist *l)
{
    size_t end = s->n, hit;
    while (max-- != 0 && r->err == ERR_OK &&
           (hit = find_last(str_bytes(s), sep, 0, end)) != SIZE_MAX) {
        step(r, (end - hit) / 4 + 1);
        list_add(r, l, str_part(r, s, hit + sep.n, end));
        end = hit;
    }
    list_add(r, l, str_part(r, s, 0, end));
}

static struct value split(struct call *c, bool from_right)
{
    const struct tstr *s = c->self.s, *sep = optional_str(c, 0);
    int64_t max = arg_int(c, 1, -1);
    struct vlist *l = list_new(c->r, 0);
    if (c->r->err != ERR_OK)
        return v_undef();
    if (sep && sep->n == 0)
        return fail(c->r, ERR_ARG, "empty separator");
    if (!sep)
        (from_right ? rsplit_spaces : split_spaces)(c->r, s, max, l);
    else
        (from_right ? rsplit_at : split_at)(c->r, s, str_bytes(sep), max, l);
    for (size_t i = 0; from_right && i < l->n / 2; i++) {
        struct value v = l->v[i];
        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = v;
    }
    return v_list(l);
}

static struct value str_split_left(struct call *c)
{
    return split(c, false);
}

static struct value str_rsplit(struct call *c)
{
    return split(c, true);
}

static struct value str_splitlines(struct call *c)
{
    return v_list(str_lines(c->r, c->self.s, arg_bool(c, 0, false)));
}

static struct value partition(struct call *c, bool is_last)
{
    const struct tstr *s = c->self.s;
    str sep = str_bytes(arg_str(c, 0));
    struct vlist *l = list_new(c->r, 3);
    if (sep.n == 0)
        return fail(c->r, ERR_ARG, "empty separator");
    size_t hit = is_last ? find_last(str_bytes(s), sep, 0, s->n) : str_find(str_bytes(s), sep, 0);
    bool is_found = hit != SIZE_MAX;
    size_t from = is_found ? hit : is_last ? 0 : s->n, to = is_found ? hit + sep.n : from;
    list_add(c->r, l, str_part(c->r, s, 0, from));
    list_add(c->r, l, str_part(c->r, s, from, to));
    list_add(c->r, l, str_part(c->r, s, to, s->n));
    return v_tuple(l);
}

static struct value str_partition(struct call *c)
{
    return partition(c, false);
}

static struct value str_rpartition(struct call *c)
{
    return partition(c, true);
}

static struct value str_join(struct call *c)
{
    struct iter it;
    struct value v;
    struct capture out = capture_begin(c->r);
    bool is_first = true;
    if (iter_begin(c->r, &it, c->arg[0]))
        for (; iter_next(c->r, &it, &v); is_first = false) {
            if (v.type != V_STR)
                fail(c->r, ERR_ARG, "join: expected str instance, %s found", type_name(v));
            if (!is_first)
                emit_str(c->r, c->self.s);
            emit_value(c->r, v);
        }
    return capture_end(c->r, out);
}

/* ---- padding and the rest ---- */

static struct value str_replace_method(struct call *c)
{
    const struct tstr *old = arg_str(c, 0), *with = arg_str(c, 1);
    return str_replace(c->r, c->self.s, old, with, arg_int(c, 2, -1));
}

static struct value str_zfill(struct call *c)
{
    const struct tstr *s = c->self.s;
    int64_t pad = arg_int(c, 0, 0) - (int64_t)s->n_char;
    size_t sign = s->n > 0 && (s->p[0] == '-' || s->p[0] == '+');
    struct capture out = capture_begin(c->r);
    emit(c->r, str_n(s->p, sign));
    emit_char(c->r, '0', pad > 0 ? (size_t)pad : 0);
    emit(c->r, str_sub(str_bytes(s), sign, SIZE_MAX));
    if (str_is_input(s))
        emit_mark(c->r, out.at);
    return capture_end(c->r, out);
}

/* left: share of the padding in front. */
static struct value pad(struct call *c, bool left, bool right)
{
    const struct tstr *s = c->self.s;
    int64_t width = arg_int(c, 0, 0), n = width - (int64_t)s->n_char;
    str fill = arg_given(c, 1) ? str_bytes(arg_str(c, 1)) : STR(" ");
    if (utf8_count(fill) != 1)
        return fail(c->r, ERR_ARG, "The fill character must be exactly one character long");
    if (left && right)
        return str_center(c->r, s, width, fill);
    struct capture out = capture_begin(c->r);
    for (int64_t i = 0; left && i < n && step(c->r, 1); i++)
        emit(c->r, fill);
    emit_str(c->r, s);
    for (int64_t i = 0; right && i < n && step(c->r, 1); i++)
        emit(c->r, fill);
    return capture_end(c->r, out);
}

static struct value str_ljust(struct call *c)
{
    return pad(c, false, true);
}

static struct value str_rjust(struct call *c)
{
    return pad(c, true, false);
}

static struct value str_center_method(struct call *c)
{
    return pad(c, true, true);
}

const struct builtin method_str_rows[] = {
    {"capitalize", str_capitalize, "", 0},
    {"casefold", str_lower, "", 0},
    {"center", str_center_method, "width fillchar", 1},
    {"count", str_count, "sub start end", 1},
    {"endswith", str_endswith, "suffix start end", 1},
    {"find", str_find_first, "sub start end", 1},
    {"format", format_braces, "*", 0},
    {"index", str_index, "sub start end", 1},
    {"isalnum", str_isalnum, "", 0},
    {"isalpha", str_isalpha, "", 0},
    {"isascii", str_isascii, "", 0},
    {"isdecimal", str_isdigit, "", 0},
    {"isdigit", str_isdigit, "", 0},
    {"islower", str_islower, "", 0},
    {"isnumeric", str_isdigit, "", 0},
    {"isspace", str_isspace, "", 0},
    {"isupper", str_isupper, "", 0},
    {"join", str_join, "iterable", 1},
    {"ljust", str_ljust, "width fillchar", 1},
    {"lower", str_lower, "", 0},
    {"lstrip", str_lstrip, "chars", 0},
    {"partition", str_partition, "sep", 1},
    {"removeprefix", str_removeprefix, "prefix", 1},
    {"removesuffix", str_removesuffix, "suffix", 1},
    {"replace", str_replace_method, "old new count", 2},
    {"rfind", str_rfind, "sub start end", 1},
    {"rindex", str_rindex, "sub start end", 1},
    {"rjust", str_rjust, "width fillchar", 1},
    {"rpartition", str_rpartition, "sep", 1},
    {"rsplit", str_rsplit, "sep maxsplit", 0},
    {"rstrip", str_rstrip, "chars", 0},
    {"split", str_split_left, "sep maxsplit", 0},
    {"splitlines", str_splitlines, "keepends", 0},
    {"startswith", str_startswith, "prefix start end", 1},
    {"strip", str_strip_both, "chars", 0},
    {"swapcase", str_swapcase, "", 0},
    {"title", str_title, "", 0},
    {"upper", str_upper, "", 0},
    {"zfill", str_zfill, "width", 1},
    {NULL, NULL, NULL, 0}};
