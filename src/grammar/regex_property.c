/* SPDX-License-Identifier: Apache-2.0
 *
 * \p{..}: general categories by short and long name (Unicode's PropertyValueAliases.txt) and the
 * few binary properties that follow from them.
 */
#include "grammar/regex_internal.h"

#include "grammar/regex_category_gen.inc"

/* The order of gen/categories.py. */
enum category {
    CAT_LU,
    CAT_LL,
    CAT_LT,
    CAT_LM,
    CAT_LO,
    CAT_MN,
    CAT_MC,
    CAT_ME,
    CAT_ND,
    CAT_NL,
    CAT_NO,
    CAT_PC,
    CAT_PD,
    CAT_PS,
    CAT_PE,
    CAT_PI,
    CAT_PF,
    CAT_PO,
    CAT_SM,
    CAT_SC,
    CAT_SK,
    CAT_SO,
    CAT_ZS,
    CAT_ZL,
    CAT_ZP,
    CAT_CC,
    CAT_CF,
    CAT_CS,
    CAT_CO,
    CAT_CN
};
#define CAT(x) (1u << CAT_##x)
#define CAT_CASED (CAT(LU) | CAT(LL) | CAT(LT))
#define CAT_ALL (2 * CAT(CN) - 1)

// clang-format off
static const struct { const char *name; uint32_t categories; } general[] = {
    {"L", CAT_CASED | CAT(LM) | CAT(LO)}, {"Letter", CAT_CASED | CAT(LM) | CAT(LO)},
    {"LC", CAT_CASED}, {"Cased_Letter", CAT_CASED},
    {"Lu", CAT(LU)}, {"Uppercase_Letter", CAT(LU)}, {"Ll", CAT(LL)}, {"Lowercase_Letter", CAT(LL)},
    {"Lt", CAT(LT)}, {"Titlecase_Letter", CAT(LT)}, {"Lm", CAT(LM)}, {"Modifier_Letter", CAT(LM)},
    {"Lo", CAT(LO)}, {"Other_Letter", CAT(LO)},
    {"M", CAT(MN) | CAT(MC) | CAT(ME)}, {"Mark", CAT(MN) | CAT(MC) | CAT(ME)},
    {"Combining_Mark", CAT(MN) | CAT(MC) | CAT(ME)}, {"Mn", CAT(MN)}, {"Nonspacing_Mark", CAT(MN)},
    {"Mc", CAT(MC)}, {"Spacing_Mark", CAT(MC)}, {"Me", CAT(ME)}, {"Enclosing_Mark", CAT(ME)},
    {"N", CAT(ND) | CAT(NL) | CAT(NO)}, {"Number", CAT(ND) | CAT(NL) | CAT(NO)},
    {"Nd", CAT(ND)}, {"Decimal_Number", CAT(ND)}, {"digit", CAT(ND)},
    {"Nl", CAT(NL)}, {"Letter_Number", CAT(NL)}, {"No", CAT(NO)}, {"Other_Number", CAT(NO)},
    {"P", CAT(PO) * 2 - CAT(PC)}, {"Punctuation", CAT(PO) * 2 - CAT(PC)},
    {"punct", CAT(PO) * 2 - CAT(PC)}, {"Pc", CAT(PC)}, {"Connector_Punctuation", CAT(PC)},
    {"Pd", CAT(PD)}, {"Dash_Punctuation", CAT(PD)}, {"Ps", CAT(PS)}, {"Open_Punctuation", CAT(PS)},
    {"Pe", CAT(PE)}, {"Close_Punctuation", CAT(PE)}, {"Pi", CAT(PI)},
    {"Initial_Punctuation", CAT(PI)}, {"Pf", CAT(PF)}, {"Final_Punctuation", CAT(PF)},
    {"Po", CAT(PO)}, {"Other_Punctuation", CAT(PO)},
    {"S", CAT(SO) * 2 - CAT(SM)}, {"Symbol", CAT(SO) * 2 - CAT(SM)}, {"Sm", CAT(SM)},
    {"Math_Symbol", CAT(SM)}, {"Sc", CAT(SC)}, {"Currency_Symbol", CAT(SC)}, {"Sk", CAT(SK)},
    {"Modifier_Symbol", CAT(SK)}, {"So", CAT(SO)}, {"Other_Symbol", CAT(SO)},
    {"Z", CAT(ZS) | CAT(ZL) | CAT(ZP)}, {"Separator", CAT(ZS) | CAT(ZL) | CAT(ZP)},
    {"Zs", CAT(ZS)}, {"Space_Separator", CAT(ZS)}, {"Zl", CAT(ZL)}, {"Line_Separator", CAT(ZL)},
    {"Zp", CAT(ZP)}, {"Paragraph_Separator", CAT(ZP)},
    {"C", CAT_ALL + 1 - CAT(CC)}, {"Other", CAT_ALL + 1 - CAT(CC)}, {"Cc", CAT(CC)},
    {"Control", CAT(CC)}, {"cntrl", CAT(CC)}, {"Cf", CAT(CF)}, {"Format", CAT(CF)},
    {"Cs", CAT(CS)}, {"Surrogate", CAT(CS)}, {"Co", CAT(CO)}, {"Private_Use", CAT(CO)},
    {"Cn", CAT(CN)}, {"Unassigned", CAT(CN)},
};
// clang-format on

static bool general_category(str name, uint32_t *categories)
{
    for (size_t i = 0; i < sizeof general / sizeof *general; i++)
        if (str_is(name, general[i].name)) {
            *categories = general[i].categories;
            return true;
        }
    return false;
}

static void add_categories(struct regex *re, struct cp_set *s, uint32_t categories)
{
    size_t n = sizeof category_runs / sizeof *category_runs;
    for (size_t i = 0; i < n; i++) {
        uint32_t last = i + 1 < n ? (category_runs[i + 1] >> 5) - 1 : CP_MAX;
        if (categories >> (category_runs[i] & 31) & 1) set_add(re, s, category_runs[i] >> 5, last);
    }
}

static bool add_binary(struct regex *re, struct cp_set *s, str name)
{
    if (str_is(name, "Any")) {
        set_add(re, s, 0, CP_MAX);
    } else if (str_is(name, "ASCII")) {
        set_add(re, s, 0, 0x7f);
    } else if (str_is(name, "ASCII_Hex_Digit") || str_is(name, "AHex")) {
        set_add(re, s, '0', '9');
        set_add(re, s, 'A', 'F');
        set_add(re, s, 'a', 'f');
    } else if (str_is(name, "Assigned")) {
        add_categories(re, s, CAT_ALL & ~CAT(CN));
    } else if (str_is(name, "White_Space") || str_is(name, "space")) {
        set_add(re, s, 0x9, 0xd);
        set_add(re, s, 0x85, 0x85);
        add_categories(re, s, CAT(ZS) | CAT(ZL) | CAT(ZP));
    } else {
        return false;
    }
    return true;
}

bool set_add_property(struct regex *re, struct cp_set *s, str name, bool is_inverted)
{
    struct cp_set own = {NULL, 0, 0, 0};
    uint32_t categories;
    str value = name, key;
    bool has_key = str_find_char(name, '=', 0) != SIZE_MAX && str_split(&value, '=', &key);
    if (has_key && !str_is(key, "General_Category") && !str_is(key, "gc")) return false;
    if (general_category(value, &categories))
        add_categories(re, &own, categories);
    else if (has_key || !add_binary(re, &own, name))
        return false;
    if (is_inverted) set_invert(re, &own);
    set_add_all(re, s, &own);
    return true;
}
