/* SPDX-License-Identifier: Apache-2.0
 *
 * The schemes as data, and the small matcher that walks them. They were published as regular
 * expressions; here each alternative is a rule over classes of characters. The reference
 * (llama.cpp) decides where an expression and its use differ, and a comment says so.
 * A malformed byte counts as one character of class symbol, as U+FFFD would.
 */
#include "token/pretok.h"
#include "base/utf8.h"

/* Classes of a character, as bits. The first six equal enum uni_class. */
enum {
    C_LETTER = UNI_LETTER, C_NUMBER = UNI_NUMBER, C_PUNCT = UNI_PUNCT, C_SYMBOL = UNI_SYMBOL,
    C_MARK = UNI_MARK, C_SPACE = UNI_SPACE,
    C_NEWLINE = 1 << 6,                /* \r \n */
    C_BLANK = 1 << 7,                  /* U+0020 */
    C_ASCII_PUNCT = 1 << 8,            /* printable ASCII that is no letter, digit or blank */
    C_UPPER = 1 << 9,                  /* A-Z */
    C_LOWER = 1 << 10,                 /* a-z */
    C_DIGIT = 1 << 11,                 /* 0-9 */
    C_SLASH = 1 << 12,
    C_MATH = 1 << 13,                  /* $ + < = > ^ ~ | */
    C_BACKTICK = 1 << 14,
    C_STOP = 1 << 15,                  /* what ends a word of bloom */
    C_HAN_KANA = 1 << 16,              /* Han, Hiragana, Katakana */
    C_EAST = 1 << 17,                  /* U+0800 to U+9FA5, Hangul and the area behind it */
    C_CASED = 1 << 18,                 /* deepseek-llm: letters with case, see cased_range */
    C_FULL_PUNCT = 1 << 19,            /* deepseek-llm: ASCII, full-width and quotation marks */
    C_ANY = 1 << 20,                   /* every character; C_NONE is no character */
};

/* A character belongs to it when it has a bit of any and no bit of none. */
struct set { uint32_t any, none; };

enum rule_kind {
    RULE_RUN,                /* lead? body{min,max} tail* */
    RULE_CONTRACTION,        /* 's 't 're 've 'm 'll 'd */
    RULE_CONTRACTION_NOCASE,
    RULE_CASED_WORD,         /* lead? and a word that begins a new one at lower -> upper case */
    RULE_CASED_WORD_CONTRACTED,        /* the same with a contraction at its end */
    RULE_SPACE_NEWLINE,      /* \s*[\r\n]+ */
    RULE_SPACE_BEFORE,       /* \s+(?!\S) */
    RULE_SPACE,              /* \s+ */
    RULE_SPACE_AT_END,       /* \s+$; alone in its pass */
};

struct rule {
    enum rule_kind kind;
    uint32_t min, max;                 /* characters of body; max 0: no maximum */
    bool lead_needed;
    struct set lead, body, tail;       /* any == 0: absent */
};

struct pass { const struct rule *rule; size_t n; };

#define PASSES_MAX 6
struct scheme { struct pass pass[PASSES_MAX]; };

#define SET_LETTER {C_LETTER, 0}
#define SET_NUMBER {C_NUMBER, 0}
#define SET_BLANK {C_BLANK, 0}
#define SET_SPACE {C_SPACE, 0}
#define SET_NEWLINE {C_NEWLINE, 0}
#define SET_WORD_LEAD {C_ANY, C_NEWLINE | C_LETTER | C_NUMBER}
#define SET_OTHER {C_ANY, C_SPACE | C_LETTER | C_NUMBER}

#define RUN(...) {.kind = RULE_RUN, .min = 1, __VA_ARGS__}
#define NUMBERS(count) RUN(.max = (count), .body = SET_NUMBER)
#define OTHERS(...) RUN(.lead = SET_BLANK, .body = SET_OTHER, .tail = {__VA_ARGS__})
#define SPACES {.kind = RULE_SPACE_NEWLINE}, {.kind = RULE_SPACE_BEFORE}, {.kind = RULE_SPACE}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static const struct rule gpt2_rules[] = {
    {.kind = RULE_CONTRACTION},
    RUN(.lead = SET_BLANK, .body = SET_LETTER),
    RUN(.lead = SET_BLANK, .body = SET_NUMBER),
    OTHERS(0, 0),
    {.kind = RULE_SPACE_BEFORE}, {.kind = RULE_SPACE},
};

/* (?i:'s|...)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
 * \s+(?!\S)|\s+ and its relatives, which differ in the numbers or in the leading words */
#define LLAMA_RULES(count) \
    {.kind = RULE_CONTRACTION_NOCASE}, \
    RUN(.lead = SET_WORD_LEAD, .body = SET_LETTER), \
    NUMBERS(count), \
    OTHERS(C_NEWLINE, 0), \
    SPACES
static const struct rule llama3_rules[] = {LLAMA_RULES(3)};
static const struct rule qwen2_rules[] = {LLAMA_RULES(1)};

/* As qwen2; marks belong to words. */
static const struct rule qwen35_rules[] = {
    {.kind = RULE_CONTRACTION_NOCASE},
    RUN(.lead = SET_WORD_LEAD, .body = {C_LETTER | C_MARK, 0}),
    NUMBERS(1),
    RUN(.lead = SET_BLANK, .body = {C_ANY, C_SPACE | C_LETTER | C_MARK | C_NUMBER},
        .tail = SET_NEWLINE),
    SPACES,
};

/* As qwen2; newlines do not join what stands before them. */
static const struct rule seed_rules[] = {
    {.kind = RULE_CONTRACTION_NOCASE},
    RUN(.lead = SET_WORD_LEAD, .body = SET_LETTER),
    NUMBERS(1),
    OTHERS(0, 0),
    SPACES,
};

static const struct rule gpt4o_rules[] = {
    {.kind = RULE_CASED_WORD_CONTRACTED, .lead = SET_WORD_LEAD},
    NUMBERS(3),
    OTHERS(C_NEWLINE | C_SLASH, 0),
    SPACES,
};

static const struct rule tekken_rules[] = {
    {.kind = RULE_CASED_WORD, .lead = SET_WORD_LEAD},
    NUMBERS(1),
    OTHERS(C_NEWLINE | C_SLASH, 0),
    SPACES,
};

/* [ASCII punctuation][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|... */
static const struct rule deepseek3_rules[] = {
    RUN(.lead_needed = true, .lead = {C_ASCII_PUNCT, 0}, .body = {C_UPPER | C_LOWER, 0}),
    RUN(.lead = {C_ANY, C_NEWLINE | C_LETTER | C_PUNCT | C_SYMBOL},
        .body = {C_LETTER | C_MARK, 0}),
    RUN(.lead = SET_BLANK, .body = {C_PUNCT | C_SYMBOL, 0}, .tail = SET_NEWLINE),
    SPACES,
};

static const struct rule bloom_rules[] = {
    RUN(.lead = SET_BLANK, .body = {C_ANY, C_SPACE | C_STOP}),
};

static const struct rule numbers1_rules[] = {NUMBERS(1)};
static const struct rule numbers3_rules[] = {NUMBERS(3)};
static const struct rule numbers_rules[] = {NUMBERS(0)};
static const struct rule digits3_rules[] = {{.min = 3, .max = 3, .body = {C_DIGIT, 0}}};
static const struct rule newline_rules[] = {RUN(.max = 1, .body = SET_NEWLINE)};
static const struct rule space_end_rules[] = {{.kind = RULE_SPACE_AT_END}};
static const struct rule han_kana_rules[] = {RUN(.body = {C_HAN_KANA, 0})};
static const struct rule east_rules[] = {RUN(.body = {C_EAST, 0})};
static const struct rule cased_rules[] = {RUN(.lead = SET_SPACE, .body = {C_CASED, 0})};
static const struct rule full_punct_rules[] = {RUN(.lead = SET_SPACE, .body = {C_FULL_PUNCT, 0})};
static const struct rule letter_rules[] = {RUN(.lead = SET_SPACE, .body = SET_LETTER)};
static const struct rule punct_rules[] = {RUN(.lead = SET_SPACE, .body = {C_PUNCT, 0})};
static const struct rule operator_rules[] = {RUN(.body = {C_PUNCT | C_MATH, 0})};
static const struct rule falcon_rules[] = {RUN(.body = {C_PUNCT | C_MATH | C_BACKTICK, 0})};

#define PASS(rules) {rules, sizeof(rules) / sizeof((rules)[0])}

static const struct scheme default_scheme = {{
    PASS(operator_rules), PASS(gpt2_rules), PASS(numbers_rules), PASS(digits3_rules)}};
static const struct scheme gpt2_scheme = {{PASS(gpt2_rules)}};
static const struct scheme starcoder_scheme = {{PASS(numbers1_rules), PASS(gpt2_rules)}};
static const struct scheme falcon_scheme = {{
    PASS(falcon_rules), PASS(gpt2_rules), PASS(digits3_rules)}};
static const struct scheme llama3_scheme = {{PASS(llama3_rules)}};
static const struct scheme qwen2_scheme = {{PASS(qwen2_rules)}};
static const struct scheme qwen35_scheme = {{PASS(qwen35_rules)}};
static const struct scheme seed_scheme = {{PASS(seed_rules)}};
static const struct scheme gpt4o_scheme = {{PASS(gpt4o_rules)}};
static const struct scheme tekken_scheme = {{PASS(tekken_rules)}};
static const struct scheme bloom_scheme = {{PASS(bloom_rules)}};
static const struct scheme viking_scheme = {{PASS(bloom_rules), PASS(numbers1_rules)}};
static const struct scheme deepseek_llm_scheme = {{
    PASS(newline_rules), PASS(cased_rules), PASS(full_punct_rules), PASS(space_end_rules),
    PASS(east_rules), PASS(numbers_rules)}};
static const struct scheme deepseek_coder_scheme = {{
    PASS(newline_rules), PASS(letter_rules), PASS(punct_rules), PASS(east_rules),
    PASS(numbers1_rules)}};
static const struct scheme deepseek3_scheme = {{
    PASS(numbers3_rules), PASS(han_kana_rules), PASS(deepseek3_rules)}};

static const struct pretok pretoks[] = {
    {.name = "default", .scheme = &default_scheme},
    {.name = "a.x-4.0", .scheme = &gpt2_scheme},
    {.name = "bailingmoe", .scheme = &qwen2_scheme},
    {.name = "bailingmoe2", .scheme = &qwen2_scheme},
    {.name = "bloom", .scheme = &bloom_scheme},
    {.name = "chatglm-bpe", .scheme = &llama3_scheme, .no_default_bos = true},
    {.name = "codeshell", .scheme = &starcoder_scheme},
    {.name = "command-r", .scheme = &starcoder_scheme},
    {.name = "dbrx", .scheme = &llama3_scheme},
    {.name = "deepseek-coder", .scheme = &deepseek_coder_scheme},
    {.name = "deepseek-llm", .scheme = &deepseek_llm_scheme},
    {.name = "deepseek-r1-qwen", .scheme = &qwen2_scheme},
    {.name = "deepseek-v3", .scheme = &deepseek3_scheme},
    {.name = "exaone", .scheme = &starcoder_scheme},
    {.name = "exaone4", .scheme = &gpt2_scheme},
    {.name = "falcon", .scheme = &falcon_scheme},
    {.name = "falcon-h1", .scheme = &llama3_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "falcon3", .scheme = &llama3_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "gigachat", .scheme = &gpt2_scheme},
    {.name = "glm4", .scheme = &llama3_scheme, .no_default_bos = true},
    {.name = "gpt-2", .scheme = &gpt2_scheme},
    {.name = "gpt-4o", .scheme = &gpt4o_scheme},
    {.name = "gpt3-finnish", .scheme = &bloom_scheme},
    {.name = "granite-docling", .scheme = &gpt2_scheme},
    {.name = "grok-2", .scheme = &qwen2_scheme},
    {.name = "hunyuan", .scheme = &qwen2_scheme},
    {.name = "hunyuan-dense", .scheme = &deepseek3_scheme},
    {.name = "jais", .scheme = &gpt2_scheme},
    {.name = "joyai-llm", .scheme = &deepseek3_scheme},
    {.name = "kanana2", .scheme = &gpt4o_scheme},
    {.name = "kormo", .scheme = &qwen2_scheme},
    {.name = "lfm2", .scheme = &llama3_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "llada-moe", .scheme = &qwen2_scheme},
    {.name = "llama-bpe", .scheme = &llama3_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "llama-v3", .scheme = &llama3_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "llama3", .scheme = &llama3_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "llama4", .scheme = &gpt4o_scheme},
    {.name = "megrez", .scheme = &qwen2_scheme},
    {.name = "mellum", .scheme = &gpt2_scheme},
    {.name = "midm-2.0", .scheme = &llama3_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "minerva-7b", .scheme = &starcoder_scheme},
    {.name = "minimax-m2", .scheme = &gpt4o_scheme},
    {.name = "mpt", .scheme = &gpt2_scheme},
    {.name = "olmo", .scheme = &gpt2_scheme},
    {.name = "phi-2", .scheme = &gpt2_scheme},
    {.name = "pixtral", .scheme = &llama3_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "poro-chat", .scheme = &bloom_scheme},
    {.name = "qwen2", .scheme = &qwen2_scheme},
    {.name = "qwen35", .scheme = &qwen35_scheme},
    {.name = "refact", .scheme = &starcoder_scheme},
    {.name = "seed-coder", .scheme = &seed_scheme},
    {.name = "smaug-bpe", .scheme = &llama3_scheme},
    {.name = "smollm", .scheme = &starcoder_scheme},
    {.name = "solar-open", .scheme = &qwen2_scheme},
    {.name = "stablelm2", .scheme = &qwen2_scheme},
    {.name = "starcoder", .scheme = &starcoder_scheme},
    {.name = "tekken", .scheme = &tekken_scheme, .whole_word_first = true, .add_bos = true},
    {.name = "trillion", .scheme = &gpt2_scheme},
    {.name = "viking", .scheme = &viking_scheme},
};
#define PRETOKS (sizeof pretoks / sizeof pretoks[0])

const struct pretok *pretok_find(str name)
{
    if (name.n == 0)
        return &pretoks[0];
    for (size_t i = 0; i < PRETOKS; i++)
        if (str_is(name, pretoks[i].name))
            return &pretoks[i];
    return NULL;
}

void pretok_names(struct buf *out)
{
    for (size_t i = 0; i < PRETOKS; i++) {
        buf_add(out, i ? STR(", ") : STR(""));
        buf_add(out, str_of(pretoks[i].name));
    }
}

/* ---- Classes ---- */

#define P (C_ANY | C_ASCII_PUNCT | C_FULL_PUNCT | C_PUNCT)
#define S (C_ANY | C_ASCII_PUNCT | C_FULL_PUNCT | C_SYMBOL)
/* The reference leaves ~ out of \p{S} in ASCII, though Unicode has it there. */
static const uint32_t ascii_class[128] = {
    [0 ... 8] = C_ANY, ['\t'] = C_ANY | C_SPACE, ['\n'] = C_ANY | C_SPACE | C_NEWLINE,
    ['\v' ... '\f'] = C_ANY | C_SPACE, ['\r'] = C_ANY | C_SPACE | C_NEWLINE,
    [14 ... 31] = C_ANY, [' '] = C_ANY | C_SPACE | C_BLANK,
    ['!'] = P | C_STOP, ['"' ... '#'] = P, ['$'] = S | C_MATH, ['%' ... '\''] = P,
    ['(' ... ')'] = P | C_STOP, ['*'] = P, ['+'] = S | C_MATH, [','] = P | C_STOP, ['-'] = P,
    ['.'] = P | C_STOP, ['/'] = P | C_SLASH, ['0' ... '9'] = C_ANY | C_NUMBER | C_DIGIT,
    [':' ... ';'] = P, ['<' ... '>'] = S | C_MATH, ['?'] = P | C_STOP, ['@'] = P,
    ['A' ... 'Z'] = C_ANY | C_LETTER | C_UPPER | C_CASED | C_FULL_PUNCT,
    ['[' ... ']'] = P, ['^'] = S | C_MATH, ['_'] = P, ['`'] = S | C_BACKTICK,
    ['a' ... 'z'] = C_ANY | C_LETTER | C_LOWER | C_CASED | C_FULL_PUNCT,
    ['{'] = P, ['|'] = S | C_MATH | C_STOP, ['}'] = P,
    ['~'] = C_ANY | C_ASCII_PUNCT | C_FULL_PUNCT | C_MATH, [127] = C_ANY,
};
#undef P
#undef S

struct range { uint32_t first, last; };

/* deepseek-llm lists its letters one by one: those with case as of an older Unicode. */
static const struct range cased_range[] = {
    {0xb5, 0xb5}, {0xc0, 0xd6}, {0xd8, 0xf6}, {0xf8, 0x1ba}, {0x1bc, 0x1bf}, {0x1c4, 0x293},
    {0x295, 0x2af}, {0x370, 0x373}, {0x376, 0x376}, {0x377, 0x377}, {0x37b, 0x37d}, {0x37f, 0x37f},
    {0x386, 0x386}, {0x388, 0x38a}, {0x38c, 0x38c}, {0x38e, 0x3a1}, {0x3a3, 0x3f5}, {0x3f7, 0x481},
    {0x48a, 0x52f}, {0x531, 0x556}, {0x10a0, 0x10c5}, {0x13a0, 0x13f5}, {0x13f8, 0x13fd},
    {0x1c90, 0x1cba}, {0x1cbd, 0x1cbf}, {0x1d00, 0x1d2b}, {0x1d6b, 0x1d77}, {0x1d79, 0x1d9a},
    {0x1e00, 0x1f15}, {0x1f18, 0x1f1d}, {0x1f20, 0x1f45}, {0x1f48, 0x1f4d}, {0x1f50, 0x1f57},
    {0x1f59, 0x1f59}, {0x1f5b, 0x1f5b}, {0x1f5d, 0x1f5d}, {0x1f5f, 0x1f7d}, {0x1f80, 0x1fb4},
    {0x1fb6, 0x1fbc}, {0x1fbe, 0x1fbe}, {0x1fc2, 0x1fc4}, {0x1fc6, 0x1fcc}, {0x1fd0, 0x1fd3},
    {0x1fd6, 0x1fdb}, {0x1fe0, 0x1fec}, {0x1ff2, 0x1ff4}, {0x1ff6, 0x1ffc}, {0x2102, 0x2102},
    {0x2107, 0x2107}, {0x210a, 0x2113}, {0x2115, 0x2115}, {0x2119, 0x211d}, {0x2124, 0x2124},
    {0x2126, 0x2126}, {0x2128, 0x2128}, {0x212a, 0x212d}, {0x212f, 0x2134}, {0x2139, 0x2139},
    {0x213c, 0x213f}, {0x2145, 0x2149}, {0x214e, 0x214e}, {0x2183, 0x2183}, {0x2184, 0x2184},
    {0x2c00, 0x2c7b}, {0x2c7e, 0x2ce4}, {0x2ceb, 0x2cee}, {0x2cf2, 0x2cf2}, {0x2cf3, 0x2cf3},
    {0xa640, 0xa66d}, {0xa680, 0xa69b}, {0xa722, 0xa76f}, {0xa771, 0xa787}, {0xa78b, 0xa78e},
    {0xab70, 0xabbf}, {0xfb00, 0xfb06}, {0xfb13, 0xfb17}, {0xff21, 0xff3a}, {0xff41, 0xff5a},
    {0x10400, 0x1044f}, {0x104b0, 0x104d3}, {0x104d8, 0x104fb}, {0x10c80, 0x10cb2},
    {0x10cc0, 0x10cf2}, {0x118a0, 0x118df}, {0x1e900, 0x1e943},
};

static const struct range full_punct_range[] = {
    {0x2018, 0x201f}, {0x3001, 0x3002}, {0xff01, 0xff0f}, {0xff1a, 0xff5e},
};
static const struct range han_kana_range[] = {{0x3040, 0x30ff}, {0x4e00, 0x9fa5}};
static const struct range east_range[] = {{0x800, 0x9fa5}, {0xac00, 0xd7ff}};
static const struct range stop_range[] = {
    {0x60c, 0x60c}, {0x6d4, 0x6d4}, {0x964, 0x964}, {0x2026, 0x2026}, {0x3001, 0x3002},
    {0xff0c, 0xff0c},
};

static bool in_ranges(uint32_t cp, const struct range *r, size_t n)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cp > r[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && cp >= r[lo].first;
}
#define IN(cp, table) in_ranges(cp, table, sizeof(table) / sizeof((table)[0]))

static uint32_t class_of(uint32_t cp)
{
    if (cp < 128)
        return ascii_class[cp];
    if (cp == UTF8_BAD)
        return C_ANY | C_SYMBOL;
    uint32_t c = C_ANY | (uni_class(cp) & 63);
    if (c & C_SPACE)
        return c;                      /* white space is in no other class */
    if (IN(cp, east_range))
        c |= C_EAST;
    if (IN(cp, han_kana_range))
        c |= C_HAN_KANA;
    if (IN(cp, stop_range))
        c |= C_STOP;
    if (IN(cp, full_punct_range))
        c |= C_FULL_PUNCT;
    if (c & C_LETTER && IN(cp, cased_range))
        c |= C_CASED;
    return c;
}

/* ---- Matching ---- */

struct cursor {
    const struct pretok *pretok;
    pretok_word word;
    void *arg;
};

static bool in_set(uint32_t c, struct set s)
{
    return c & s.any && !(c & s.none);
}

/* Class of the character at i, moves *next behind it; 0 at the end of the piece. */
static uint32_t class_at(str s, size_t i, size_t *next)
{
    *next = i;
    if (i >= s.n)
        return 0;
    unsigned char byte = (unsigned char)s.p[i];
    if (byte < 128) {
        *next = i + 1;
        return ascii_class[byte];
    }
    return class_of(utf8_next(s, next));
}

/* Behind at most max (0: any number of) characters of the set; *count says how many. */
static size_t run(str s, size_t i, struct set set, uint32_t max, uint32_t *count)
{
    uint32_t n = 0;
    size_t next;
    while (in_set(class_at(s, i, &next), set)) {
        i = next;
        if (++n == max)
            break;
    }
    *count = n;
    return i;
}

/* All matchers: s is the piece, i a character in it; gives the end of the match, i if none. */

static size_t match_run(const struct rule *r, str s, size_t i)
{
    size_t start;
    uint32_t n;
    bool led = in_set(class_at(s, i, &start), r->lead);
    if (!led && r->lead_needed)
        return i;
    size_t end = led ? run(s, start, r->body, r->max, &n) : 0;
    if (!led || (n < r->min && !r->lead_needed))
        end = run(s, i, r->body, r->max, &n);  /* a mark may be lead or body */
    return n < r->min ? i : run(s, end, r->tail, 0, &n);
}

static size_t match_contraction(str s, size_t i, bool any_case)
{
    if (s.n - i < 2 || s.p[i] != '\'')
        return i;
    char fold = any_case ? 0x20 : 0;
    char a = (char)(s.p[i + 1] | fold), b = s.n - i > 2 ? (char)(s.p[i + 2] | fold) : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return i + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return i + 3;
    return i;
}

/* lead? U* W+ | lead? U+ W*, where U are letters but a-z and W are letters but A-Z: letters
 * outside ASCII are both, as in the reference. U* is greedy and gives back until W+ finds its
 * first letter, so without a lower-case letter the word ends behind the last one that is both. */
static size_t match_cased_word(const struct rule *r, str s, size_t i)
{
    static const struct set lower = {C_LETTER, C_UPPER};
    size_t next, at = i, both_end = 0;
    uint32_t n, c = class_at(s, i, &next);
    if (in_set(c, r->lead))
        at = next;
    size_t word = at;
    while ((c = class_at(s, at, &next)) & C_LETTER && !(c & C_LOWER)) {
        at = next;
        if (!(c & C_UPPER))
            both_end = at;
    }
    size_t end = run(s, at, lower, 0, &n);
    if (n > 0)
        return end;
    if (both_end > 0)
        return both_end;
    return at > word ? at : i;
}

static size_t match_space_newline(str s, size_t i)
{
    size_t next, end = i;
    uint32_t c;
    for (size_t at = i; (c = class_at(s, at, &next)) & C_SPACE; at = next)
        if (c & C_NEWLINE)
            end = next;
    return end;
}

static size_t match_space_before(str s, size_t i)
{
    size_t at = i, last = i, next;
    while (class_at(s, at, &next) & C_SPACE) {
        last = at;
        at = next;
    }
    return at == s.n ? at : last;
}

static size_t match_rule(const struct rule *r, str s, size_t i)
{
    static const struct set space = SET_SPACE;
    uint32_t n;
    size_t end;
    switch (r->kind) {
    case RULE_RUN: return match_run(r, s, i);
    case RULE_CONTRACTION: return match_contraction(s, i, false);
    case RULE_CONTRACTION_NOCASE: return match_contraction(s, i, true);
    case RULE_CASED_WORD: return match_cased_word(r, s, i);
    case RULE_CASED_WORD_CONTRACTED:
        end = match_cased_word(r, s, i);
        return end > i && end < s.n ? match_contraction(s, end, true) : end;
    case RULE_SPACE_NEWLINE: return match_space_newline(s, i);
    case RULE_SPACE_BEFORE: return match_space_before(s, i);
    case RULE_SPACE: return run(s, i, space, 0, &n);
    case RULE_SPACE_AT_END: return i;  /* find_space_at_end */
    }
    return i;
}

/* \s+$ in one walk: trying it at every space of a long run would take quadratic time. */
static size_t find_space_at_end(str s, size_t from, size_t *end)
{
    size_t begin = s.n, next;
    for (size_t i = from; i < s.n; i = next) {
        if (!(class_at(s, i, &next) & C_SPACE))
            begin = s.n;
        else if (begin == s.n)
            begin = i;
    }
    *end = s.n;
    return begin;
}

/* First match of the pass at or after from: its begin, and *end. s.n when there is none. */
static size_t find_match(const struct pass *p, str s, size_t from, size_t *end)
{
    if (p->rule[0].kind == RULE_SPACE_AT_END)
        return find_space_at_end(s, from, end);
    size_t next;
    for (size_t i = from; i < s.n; i = next) {
        for (size_t k = 0; k < p->n; k++) {
            *end = match_rule(&p->rule[k], s, i);
            if (*end > i)
                return i;
        }
        (void)class_at(s, i, &next);
    }
    *end = s.n;
    return s.n;
}

/* Cuts piece by pass k and what comes of it by the passes after; depth is at most PASSES_MAX. */
static enum err split_piece(const struct cursor *c, size_t k, str piece)
{
    const struct pass *pass = k < PASSES_MAX ? &c->pretok->scheme->pass[k] : NULL;
    if (!pass || !pass->rule)
        return c->word(c->arg, piece);
    for (size_t from = 0; from < piece.n;) {
        size_t end, begin = find_match(pass, piece, from, &end);
        if (begin > from)
            TRY(split_piece(c, k + 1, str_sub(piece, from, begin - from)));
        if (end > begin)
            TRY(split_piece(c, k + 1, str_sub(piece, begin, end - begin)));
        from = end;
    }
    return ERR_OK;
}

enum err pretok_split(const struct pretok *p, str text, pretok_word word, void *arg)
{
    struct cursor c = {p, word, arg};
    return split_piece(&c, 0, text);
}
