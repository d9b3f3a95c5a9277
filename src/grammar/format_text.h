/* SPDX-License-Identifier: Apache-2.0
 *
 * The formats as regular expressions that match the whole text, rule by rule from their ABNF. For
 * format.c only. Groups are written (?:..) where a rule is more than one item.
 */
#pragma once
#include "base/arena.h"

/* ---- RFC 3339, 5.6; appendix A for durations ---- */

#define DAY_28 "(?:0[1-9]|1\\d|2[0-8])"
#define MONTH_DAY                                                                       \
    "(?:(?:0[13578]|1[02])-(?:" DAY_28 "|29|3[01])|(?:0[469]|11)-(?:" DAY_28 "|29|30)|" \
    "02-" DAY_28 ")"
#define LEAP_YEAR \
    "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
#define FORMAT_DATE "(?:\\d{4}-" MONTH_DAY "|" LEAP_YEAR "-02-29)"

#define TIME_HOUR "(?:[01]\\d|2[0-3])"
#define TIME_FRACTION "(?:\\.\\d+)?"
#define TIME_PLAIN                                                \
    TIME_HOUR ":[0-5]\\d:[0-5]\\d" TIME_FRACTION "(?:[Zz]|[+-]" TIME_HOUR ":[0-5]\\d)"

#define DURATION_DATE "(?:\\d+D|\\d+M(?:\\d+D)?|\\d+Y(?:\\d+M(?:\\d+D)?)?)"
#define DURATION_TIME "T(?:\\d+S|\\d+M(?:\\d+S)?|\\d+H(?:\\d+M(?:\\d+S)?)?)"
#define FORMAT_DURATION "P(?:" DURATION_DATE "(?:" DURATION_TIME ")?|" DURATION_TIME "|\\d+W)"

/* ---- addresses: RFC 2673 dotted quad; RFC 3986, 3.2.2 ---- */

#define IPV4_BYTE "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define FORMAT_IPV4 IPV4_BYTE "(?:\\." IPV4_BYTE "){3}"
#define H16 "[0-9A-Fa-f]{1,4}"
#define LS32 "(?:" H16 ":" H16 "|" FORMAT_IPV4 ")"
#define FORMAT_IPV6                                       \
    "(?:(?:" H16 ":){6}" LS32                             \
    "|::(?:" H16 ":){5}" LS32                             \
    "|(?:" H16 ")?::(?:" H16 ":){4}" LS32                 \
    "|(?:(?:" H16 ":){0,1}" H16 ")?::(?:" H16 ":){3}" LS32 \
    "|(?:(?:" H16 ":){0,2}" H16 ")?::(?:" H16 ":){2}" LS32 \
    "|(?:(?:" H16 ":){0,3}" H16 ")?::" H16 ":" LS32       \
    "|(?:(?:" H16 ":){0,4}" H16 ")?::" LS32               \
    "|(?:(?:" H16 ":){0,5}" H16 ")?::" H16                \
    "|(?:(?:" H16 ":){0,6}" H16 ")?::)"

/* ---- host names: RFC 1123, 2.1; RFC 5891, 4.2.3.1 for the -- ---- */

#define ALNUM "[A-Za-z0-9]"
#define LDH "[A-Za-z0-9\\-]"
/* By length: one, two, three, four, more. */
#define LABEL                                                                               \
    ALNUM "(?:" ALNUM "|" LDH ALNUM "|" LDH LDH ALNUM "|" LDH "(?:" ALNUM LDH "|-" ALNUM ")" \
    LDH "*" ALNUM ")?"
#define FORMAT_HOSTNAME LABEL "(?:\\." LABEL ")*"

/* Letters and syllables that IDNA 2008 allows anywhere in a label and that do not compose. A
 * character takes at most 6 of the 59 characters behind xn--. */
#define IDN_LETTER                                                                        \
    "[a-z0-9\\u00DF-\\u00F6\\u00F8-\\u00FF\\u03AC-\\u03CE\\u0430-\\u045F\\u0904-\\u0939" \
    "\\u0E01-\\u0E30\\u3041-\\u3096\\u30A1-\\u30FA\\u4E00-\\u9FA5\\uAC00-\\uD7A3]"
#define IDN_LABEL(N) "(?:" IDN_LETTER "{1,9}|" ALNUM "{1," N "}|" ALNUM "(?:-?" ALNUM "){0,30})"
/* 63 + 3 * 62 characters. */
#define FORMAT_IDN_HOSTNAME \
    IDN_LABEL("63") "(?:[.\\u3002\\uFF0E\\uFF61]" IDN_LABEL("61") "){0,3}"

/* ---- mailboxes: RFC 5321, 4.1.2; RFC 6531, 3.3 ---- */

/* There :: stands for two groups at least. */
#define MAIL_IPV6                                                     \
    "(?:(?:" H16 ":){6}" LS32 "|::(?:(?:" H16 ":){0,4}" LS32 "|" H16 ")?" \
    "|" H16 "::(?:(?:" H16 ":){0,3}" LS32 "|" H16 ")?"                \
    "|" H16 ":" H16 "::(?:(?:" H16 ":){0,2}" LS32 "|" H16 ")?"        \
    "|" H16 "(?::" H16 "){2}::(?:(?:" H16 ":){0,1}" LS32 "|" H16 ")?" \
    "|" H16 "(?::" H16 "){3}::(?:" LS32 "|" H16 ")?"                  \
    "|" H16 "(?::" H16 "){4}::(?:" H16 ")?"                           \
    "|" H16 "(?::" H16 "){5}::)"
#define MAIL_LITERAL "\\[(?:" FORMAT_IPV4 "|[Ii][Pp][Vv]6:" MAIL_IPV6 ")\\]"
#define ATEXT "A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-"
#define LOCAL_PART(MORE)                                                       \
    "(?:[" ATEXT MORE "]+(?:\\.[" ATEXT MORE "]+)*|"                           \
    "\"(?:[ !#-\\[\\]-~" MORE "]|\\\\[ -~])*\")"
#define MAIL_LABEL ALNUM "(?:[A-Za-z0-9\\-]{0,61}" ALNUM ")?"
#define FORMAT_EMAIL \
    LOCAL_PART("") "@(?:" MAIL_LABEL "(?:\\." MAIL_LABEL ")*|" MAIL_LITERAL ")"
#define WORD_START "A-Za-z0-9\\p{Ll}\\p{Lo}\\p{Lm}\\p{Nd}"
#define IDN_MAIL_LABEL \
    "[" WORD_START "](?:[" WORD_START "\\p{Mn}\\p{Mc}\\-]*[" WORD_START "\\p{Mn}\\p{Mc}])?"
#define FORMAT_IDN_EMAIL                                                              \
    LOCAL_PART("\\u0080-\\u{10FFFF}") "@(?:" IDN_MAIL_LABEL "(?:\\." IDN_MAIL_LABEL ")*|" \
    MAIL_LITERAL ")"

/* ---- RFC 3986, appendix A; RFC 3987, 2.2. MORE: ucschar, PRIVATE: iprivate ---- */

#define HEX "[0-9A-Fa-f]"
#define PCT "%" HEX HEX
#define UNRESERVED "A-Za-z0-9\\-._~"
#define SUB_DELIMS "!$&'()*+,;="
#define USER(MORE) "(?:[" UNRESERVED SUB_DELIMS ":" MORE "]|" PCT ")*"
#define REG_NAME(MORE) "(?:[" UNRESERVED SUB_DELIMS MORE "]|" PCT ")*"
#define IP_LITERAL \
    "\\[(?:" FORMAT_IPV6 "|[Vv]" HEX "+\\.[" UNRESERVED SUB_DELIMS ":]+)\\]"
#define AUTHORITY(MORE) \
    "(?:" USER(MORE) "@)?(?:" IP_LITERAL "|" REG_NAME(MORE) ")(?::\\d*)?"
#define PCHAR(MORE) "(?:[" UNRESERVED SUB_DELIMS ":@" MORE "]|" PCT ")"
#define PCHAR_NO_COLON(MORE) "(?:[" UNRESERVED SUB_DELIMS "@" MORE "]|" PCT ")"
#define SEGMENTS(MORE) "(?:/" PCHAR(MORE) "*)*"
#define TAIL(MORE, PRIVATE)                                                \
    "(?:\\?(?:[" UNRESERVED SUB_DELIMS ":@/?" MORE PRIVATE "]|" PCT ")*)?" \
    "(?:#(?:[" UNRESERVED SUB_DELIMS ":@/?" MORE "]|" PCT ")*)?"
#define ROOTED(MORE) \
    "//" AUTHORITY(MORE) SEGMENTS(MORE) "|/(?:" PCHAR(MORE) "+" SEGMENTS(MORE) ")?"
#define ABSOLUTE(MORE)                                                         \
    "[A-Za-z][A-Za-z0-9+\\-.]*:(?:" ROOTED(MORE) "|" PCHAR(MORE) "+" SEGMENTS(MORE) "|)"
#define RELATIVE(MORE) \
    "(?:" ROOTED(MORE) "|" PCHAR_NO_COLON(MORE) "+" SEGMENTS(MORE) "|)"
#define UCSCHAR                                                                             \
    "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}" \
    "\\u{30000}-\\u{3FFFD}\\u{40000}-\\u{4FFFD}\\u{50000}-\\u{5FFFD}\\u{60000}-\\u{6FFFD}"  \
    "\\u{70000}-\\u{7FFFD}\\u{80000}-\\u{8FFFD}\\u{90000}-\\u{9FFFD}\\u{A0000}-\\u{AFFFD}"  \
    "\\u{B0000}-\\u{BFFFD}\\u{C0000}-\\u{CFFFD}\\u{D0000}-\\u{DFFFD}\\u{E1000}-\\u{EFFFD}"
#define IPRIVATE "\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}"
#define FORMAT_URI ABSOLUTE("") TAIL("", "")
#define FORMAT_URI_REFERENCE "(?:" ABSOLUTE("") "|" RELATIVE("") ")" TAIL("", "")
#define FORMAT_IRI ABSOLUTE(UCSCHAR) TAIL(UCSCHAR, IPRIVATE)
#define FORMAT_IRI_REFERENCE \
    "(?:" ABSOLUTE(UCSCHAR) "|" RELATIVE(UCSCHAR) ")" TAIL(UCSCHAR, IPRIVATE)

/* ---- RFC 6570, 2, with the apostrophe of erratum 6937 ---- */

#define VAR_CHAR "(?:[A-Za-z0-9_]|" PCT ")"
#define VAR_SPEC VAR_CHAR "(?:\\.?" VAR_CHAR ")*(?::[1-9]\\d{0,3}|\\*)?"
#define FORMAT_URI_TEMPLATE                                                            \
    "(?:[!#$&'()*+,\\-./0-9:;=?@A-Z\\[\\]_a-z~" UCSCHAR IPRIVATE "]|" PCT "|"          \
    "\\{[+#./;?&=,!@|]?" VAR_SPEC "(?:," VAR_SPEC ")*\\})*"

/* ---- RFC 4122, 3; RFC 6901, 3; relative JSON pointers ---- */

#define FORMAT_UUID HEX "{8}-" HEX "{4}-" HEX "{4}-" HEX "{4}-" HEX "{12}"
#define FORMAT_JSON_POINTER "(?:/(?:[^~/]|~[01])*)*"
#define FORMAT_RELATIVE_JSON_POINTER "(?:0|[1-9]\\d*)(?:#|" FORMAT_JSON_POINTER ")"

/* ---- those that are written by a loop; they lie on a ---- */

str format_time(struct arena *a);
str format_date_time(struct arena *a);
str format_regex(struct arena *a);
