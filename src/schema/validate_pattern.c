/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns of the validator: ECMA-262 as PCRE2 reads it, which is told the long names of general
 * categories. Independent of grammar/regex. Compiled once in a run.
 */
#include "schema/validate_internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"

#define PATTERN_STEPS_MAX 1000000 /* of the matcher, against catastrophic patterns */
#define PATTERN_DEPTH_MAX 1000

/* ECMA-262's long names of general categories, and the short ones. */
static const struct {
    const char *name, *is;
} categories[] = {
    {"Cased_Letter", "L&"},
    {"Close_Punctuation", "Pe"},
    {"Connector_Punctuation", "Pc"},
    {"Control", "Cc"},
    {"Currency_Symbol", "Sc"},
    {"Dash_Punctuation", "Pd"},
    {"Decimal_Number", "Nd"},
    {"Enclosing_Mark", "Me"},
    {"Final_Punctuation", "Pf"},
    {"Format", "Cf"},
    {"Initial_Punctuation", "Pi"},
    {"Letter", "L"},
    {"Letter_Number", "Nl"},
    {"Line_Separator", "Zl"},
    {"Lowercase_Letter", "Ll"},
    {"Mark", "M"},
    {"Math_Symbol", "Sm"},
    {"Modifier_Letter", "Lm"},
    {"Modifier_Symbol", "Sk"},
    {"Nonspacing_Mark", "Mn"},
    {"Number", "N"},
    {"Open_Punctuation", "Ps"},
    {"Other", "C"},
    {"Other_Letter", "Lo"},
    {"Other_Number", "No"},
    {"Other_Punctuation", "Po"},
    {"Other_Symbol", "So"},
    {"Paragraph_Separator", "Zp"},
    {"Private_Use", "Co"},
    {"Punctuation", "P"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Spacing_Mark", "Mc"},
    {"Surrogate", "Cs"},
    {"Symbol", "S"},
    {"Titlecase_Letter", "Lt"},
    {"Unassigned", "Cn"},
    {"Uppercase_Letter", "Lu"},
    {"digit", "Nd"},
    {"punct", "P"},
};

static str short_name(str name)
{
    if (str_starts(name, STR("General_Category=")))
        name = str_sub(name, 17, SIZE_MAX);
    else if (str_starts(name, STR("gc=")))
        name = str_sub(name, 3, SIZE_MAX);
    for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++)
        if (str_is(name, categories[i].name)) return str_of(categories[i].is);
    return name;
}

static void write_pattern(str p, struct buf *out)
{
    for (size_t i = 0; i < p.n; i++) {
        buf_char(out, p.p[i]);
        if (p.p[i] != '\\' || i + 1 == p.n) continue;
        char c = p.p[++i];
        buf_char(out, c);
        size_t end = str_find_char(p, '}', i);
        if ((c != 'p' && c != 'P') || end == SIZE_MAX || p.p[i + 1] != '{') continue;
        buf_printf(out, "{%.*s}", STR_FMT(short_name(str_sub(p, i + 2, end - i - 2))));
        i = end;
    }
}

static pcre2_code *pattern_code(struct validate *v, str pattern)
{
    uintptr_t found;
    int code;
    PCRE2_SIZE at;
    if (map_get(&v->pattern, pattern, &found)) return (pcre2_code *)found;
    pcre2_compile_context *c = pcre2_compile_context_create(NULL);
    pcre2_set_compile_extra_options(c, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_parens_nest_limit(c, PATTERN_DEPTH_MAX / 4);
    struct buf text;
    buf_init(&text, 4 * pattern.n + 16);
    write_pattern(pattern, &text);
    pcre2_code *made = pcre2_compile((PCRE2_SPTR)(text.p ? text.p : ""), text.n,
                                     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                                         PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS |
                                         PCRE2_NEVER_BACKSLASH_C,
                                     &code, &at, c);
    pcre2_compile_context_free(c);
    buf_done(&text);
    if (made) {
        map_set(&v->pattern, pattern, (uintptr_t)made);
        return made;
    }
    PCRE2_UCHAR why[120];
    pcre2_get_error_message(code, why, sizeof why);
    validate_stop(v, ERR_ARG, "pattern \"%.*s\": %s at %zu", STR_FMT(str_sub(pattern, 0, 100)),
                  (const char *)why, (size_t)at);
    return NULL;
}

bool pattern_match(struct validate *v, str pattern, str text)
{
    pcre2_code *code = pattern_code(v, pattern);
    if (!code) return false;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *c = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(c, PATTERN_STEPS_MAX);
    pcre2_set_depth_limit(c, PATTERN_DEPTH_MAX);
    int rc = pcre2_match(code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0, PCRE2_NO_UTF_CHECK,
                         data, c);
    pcre2_match_context_free(c);
    pcre2_match_data_free(data);
    if (rc < PCRE2_ERROR_NOMATCH)
        return validate_stop(v, ERR_LIMIT, "pattern \"%.*s\" takes too many steps",
                             STR_FMT(str_sub(pattern, 0, 100)));
    return rc >= 0;
}

void pattern_free_all(struct validate *v)
{
    const struct map_slot *slot;
    size_t i = 0;
    while ((slot = map_next(&v->pattern, &i)) != NULL) pcre2_code_free((pcre2_code *)slot->value);
}
