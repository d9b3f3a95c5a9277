/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "grammar/dfa_internal.h"
#include "grammar/number.h"

static struct error failure;

static struct dfa_work new_work(void)
{
    failure = (struct error){0};
    return (struct dfa_work){.arena = arena_new((size_t)256 << 20), .n_state_max = 100000,
                             .e = &failure};
}

/* ---- the oracle: short numbers, scaled to integers ---- */

#define FRACTION_MAX 9
#define SCALE 1000000000LL

/* Value * SCALE of a number with at most FRACTION_MAX digits behind the point, no exponent. */
static int64_t scaled(str s)
{
    bool is_negative = s.n > 0 && s.p[0] == '-';
    int64_t v = 0, unit = SCALE;
    bool is_fraction = false;
    for (size_t i = is_negative; i < s.n; i++) {
        if (s.p[i] == '.') {
            is_fraction = true;
            continue;
        }
        if (is_fraction) {
            unit /= 10;
            v += (s.p[i] - '0') * unit;
        } else {
            v = v * 10 + (s.p[i] - '0') * SCALE;
        }
    }
    return is_negative ? -v : v;
}

/* RFC 8259: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?, the exponent up to 259. Texts
 * here are too short for the limit on digits. */
static bool is_number(str s, bool *is_plain)
{
    size_t i = 0, from;
    i += i < s.n && s.p[i] == '-';
    for (from = i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
        i++;
    if (i == from || (s.p[from] == '0' && i - from > 1))
        return false;
    if (i < s.n && s.p[i] == '.') {
        for (from = ++i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
            i++;
        if (i == from)
            return false;
    }
    *is_plain = i == s.n;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
        for (from = i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
            i++;
        uint64_t exponent;
        if (i - from > 3 || !str_to_u64(str_sub(s, from, i - from), &exponent) || exponent > 259)
            return false;
    }
    return i == s.n;
}

/* d.dddE-n between 0 and 1, d.dddE+n from 1 on, and negated: taken when all of them are within. */
static bool has_exponent_within(const struct number_range *r, str s)
{
    size_t first = s.p[0] == '-', e = first;
    while (s.p[e] != 'e' && s.p[e] != 'E')
        e++;
    bool is_small = s.p[e + 1] == '-';
    size_t n_digit = s.n - e - 1 - (is_small || s.p[e + 1] == '+');
    if (s.p[first] == '0' || (e > first + 1 && s.p[first + 1] != '.') ||
        (is_small && (n_digit > 2 || strspn(s.p + e + 2, "0") >= n_digit)))
        return false;
    double min = r->min.n ? strtod(r->min.p, NULL) : -1e300;
    double max = r->max.n ? strtod(r->max.p, NULL) : 1e300;
    double from = is_small ? 0 : 1, to = is_small ? 1 : 1e300;
    bool excludes = !is_small && ((first && r->max_exclusive && max == -1) ||
                                  (!first && r->min_exclusive && min == 1));
    return !excludes && (first ? min <= -to && max >= -from : min <= from && max >= to);
}

static bool is_wanted(const struct number_range *r, str s)
{
    bool is_plain;
    if (!is_number(s, &is_plain))
        return false;
    bool is_limited = r->min.n || r->max.n || r->n_divisor > 0;
    if (!is_plain && is_limited && !r->is_integer && !r->is_unique && r->n_divisor == 0)
        return has_exponent_within(r, s);
    if (!is_plain)
        return !is_limited && !r->is_integer && !r->is_unique;
    bool has_dot = str_find_char(s, '.', 0) != SIZE_MAX;
    bool is_minus_zero = s.p[0] == '-' && scaled(s) == 0;
    if (r->is_integer && (has_dot || is_minus_zero))
        return false;
    if (r->is_unique && (is_minus_zero || (has_dot && s.p[s.n - 1] == '0')))
        return false;
    int64_t v = scaled(s);
    if (r->min.n && (r->min_exclusive ? v <= scaled(r->min) : v < scaled(r->min)))
        return false;
    if (r->max.n && (r->max_exclusive ? v >= scaled(r->max) : v > scaled(r->max)))
        return false;
    for (size_t i = 0; i < r->n_divisor; i++)
        if (v % scaled(r->divisor[i]) != 0) return false;
    return true;
}

/* All texts over the bytes, up to n_max long, against the automaton. A text that neither knows
 * how to go on from is not gone on with: no number begins so. */
struct sweep {
    const struct number_range *range;
    const struct dfa *a;
    const char *bytes;
    size_t n_max, n_accepted;
    char text[16];
};

static void sweep(struct sweep *x, size_t n, uint32_t state, uint32_t number)
{
    str s = str_n(x->text, n);
    bool got = state != DFA_DEAD && dfa_accepts(x->a, state);
    x->n_accepted += got;
    if (got != is_wanted(x->range, s))
        fail_msg("\"%.*s\" is %s in [%.*s, %.*s] of %.*s", STR_FMT(s), got ? "" : "not",
                 STR_FMT(x->range->min), STR_FMT(x->range->max),
                 STR_FMT(x->range->n_divisor ? x->range->divisor[0] : STR_NONE));
    if (n == x->n_max || (state == DFA_DEAD && number == DFA_DEAD))
        return;
    for (const char *b = x->bytes; *b; b++) {
        x->text[n] = *b;
        sweep(x, n + 1, dfa_next(x->a, state, (uint8_t)*b),
              dfa_next(dfa_shared(DFA_NUMBER_SYNTAX), number, (uint8_t)*b));
    }
}

/* Gives the number of accepted texts. */
static size_t compare_all(const struct number_range *r, const char *bytes, size_t n_max)
{
    struct dfa_work w = new_work();
    const struct dfa *a = number_dfa(&w, r);
    if (!a)
        fail_msg("%s", failure.text);
    struct sweep x = {.range = r, .a = a, .bytes = bytes, .n_max = n_max};
    sweep(&x, 0, a->start, dfa_shared(DFA_NUMBER_SYNTAX)->start);
    arena_free(w.arena);
    return x.n_accepted;
}

#define ALL_BYTES "-.0123456789eE+ x"
#define PLAIN_BYTES "-.0123456789"

static void without_limits_is_shared(void **state)
{
    (void)state;
    struct dfa_work w = new_work();
    static const struct { bool is_integer, is_unique; enum dfa_shared want; } rows[] = {
        {false, false, DFA_NUMBER}, {false, true, DFA_NUMBER_UNIQUE},
        {true, false, DFA_INTEGER}, {true, true, DFA_INTEGER},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct number_range r = {.is_integer = rows[i].is_integer,
                                 .is_unique = rows[i].is_unique};
        assert_ptr_equal(number_dfa(&w, &r), dfa_shared(rows[i].want));
        compare_all(&r, ALL_BYTES, 6);
    }
    arena_free(w.arena);
}

/* Digits in a row: 40 are taken, 41 not, unless a bound is as long. */
static void numbers_end(void **state)
{
    (void)state;
    static const char digits[] = "1234567890123456789012345678901234567890";
    static const str half = STR("0.5");
    static const struct { struct number_range range; bool integer, fraction; } rows[] = {
        {{.is_integer = true}, true, false}, {{0}, true, true}, {{.is_unique = true}, true, true},
        {{.min = STR("0")}, true, true}, {{.is_integer = true, .min = STR("3")}, true, false},
        {{.divisor = &half, .n_divisor = 1}, true, false},
    };
    struct dfa_work w = new_work();
    for (size_t i = 0; i < N_OF(rows); i++) {
        const struct dfa *a = number_dfa(&w, &rows[i].range);
        char text[64];
        snprintf(text, sizeof text, "%s", digits);
        assert_int_equal(dfa_match(a, str_of(text)), rows[i].integer);
        snprintf(text, sizeof text, "%s1", digits);
        assert_false(dfa_match(a, str_of(text)));
        snprintf(text, sizeof text, "0.%.39s1", digits);
        assert_int_equal(dfa_match(a, str_of(text)), rows[i].fraction);
        snprintf(text, sizeof text, "0.%s1", digits);
        assert_false(dfa_match(a, str_of(text)));
    }
    struct number_range far = {.min = STR("1e50")};
    assert_true(dfa_match(number_dfa(&w, &far),
                          STR("12345678901234567890123456789012345678901234567890123")));
    arena_free(w.arena);
}

static const struct number_range named[] = {
    {.is_integer = true, .min = STR("1"), .max = STR("65535")},
    {.is_integer = true, .min = STR("-0.5"), .max = STR("0.5")},
    {.is_integer = true, .min = STR("0"), .min_exclusive = true},
    {.is_integer = true, .min = STR("2.5"), .max = STR("1000.5")},
    {.is_integer = true, .max = STR("-0.001")},
    {.min = STR("-90.0"), .max = STR("90.0")},
    {.min = STR("0"), .max = STR("1"), .max_exclusive = true},
    {.min = STR("0"), .max = STR("0")},
    {.min = STR("0"), .max = STR("0"), .is_unique = true},
    {.min = STR("0"), .min_exclusive = true},
    {.max = STR("0"), .max_exclusive = true},
    {.min = STR("-0"), .is_unique = true},
    {.min = STR("0.001"), .max = STR("0.02")},
    {.min = STR("99.95"), .max = STR("100.05"), .min_exclusive = true, .max_exclusive = true},
    {.min = STR("5"), .max = STR("4")},
    {.min = STR("5"), .max = STR("5"), .max_exclusive = true},
    {.min = STR("-12.34"), .max = STR("-12.34")},
};

static void named_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(named); i++)
        compare_all(&named[i], ALL_BYTES, 6);
    struct dfa_work w = new_work();
    for (size_t i = 14; i <= 15; i++)
        assert_true(dfa_is_empty(number_dfa(&w, &named[i])));
    const struct dfa *port = dfa_count(&w, number_dfa(&w, &named[0]));
    assert_int_equal(port->n_word[port->start], 65535);
    arena_free(w.arena);
}

static str random_bound(struct rng *r, char out[32])
{
    static const int digits[] = {1, 10, 100, 10000};
    int n = (int)rng_below(r, (uint64_t)digits[rng_below(r, 4)]);
    int frac = (int)rng_below(r, (uint64_t)digits[rng_below(r, 4)]);
    const char *minus = rng_below(r, 2) ? "-" : "";
    int len = rng_below(r, 2) ? snprintf(out, 32, "%s%d.%0*d", minus, n, (int)rng_below(r, 5), frac)
                              : snprintf(out, 32, "%s%d", minus, n);
    return str_n(out, (size_t)len);
}

static void random_ranges(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 1);
    for (int round = 0; round < 300; round++) {
        char min[32], max[32];
        struct number_range r = {.is_integer = rng_below(&rng, 2), .is_unique = rng_below(&rng, 2),
                                 .min_exclusive = rng_below(&rng, 2),
                                 .max_exclusive = rng_below(&rng, 2)};
        if (rng_below(&rng, 5))
            r.min = random_bound(&rng, min);
        if (rng_below(&rng, 5))
            r.max = random_bound(&rng, max);
        if (r.min.n && r.max.n && scaled(r.min) > scaled(r.max)) {
            str s = r.min;
            r.min = r.max;
            r.max = s;
        }
        compare_all(&r, PLAIN_BYTES, 5);
    }
}

static void multiples(void **state)
{
    (void)state;
    static const str of[] = {
        STR("1"), STR("2"), STR("3"), STR("5"), STR("7"), STR("10"), STR("12"), STR("100"),
        STR("250"), STR("864"), STR("1000000"), STR("0.1"), STR("0.01"), STR("0.5"), STR("0.05"),
        STR("0.25"), STR("2.5"), STR("1.0"), STR("7.00"), STR("0.003"), STR("12.5"),
        STR("0.000001"), STR("33.33"), STR("0.0625"), STR("0.0078125"), STR("1024"),
    };
    for (size_t i = 0; i < N_OF(of); i++)
        for (int kind = 0; kind < 4; kind++) {
            struct number_range r = {.is_integer = kind & 1, .is_unique = kind & 2,
                                     .divisor = &of[i], .n_divisor = 1};
            compare_all(&r, kind ? PLAIN_BYTES : ALL_BYTES, 5);
            r.min = STR("-20.5");
            r.max = STR("1250");
            compare_all(&r, PLAIN_BYTES, 5);
        }
    for (size_t i = 0; i + 1 < N_OF(of); i++) {
        struct number_range r = {.divisor = &of[i], .n_divisor = 2};
        assert_true(compare_all(&r, PLAIN_BYTES, 5) > 0);
    }
}

/* ---- bounds beyond any oracle of short numbers ---- */

static void long_bounds(void **state)
{
    (void)state;
    char nines[401], more[402], fewer[400];
    memset(nines, '9', sizeof nines);
    memset(more, '9', sizeof more);
    memset(fewer, '9', sizeof fewer);
    nines[200] = '5';
    fewer[0] = more[0] = '9';
    struct dfa_work w = new_work();
    struct number_range r = {.is_integer = true, .min = STR("9007199254740993"),
                             .max = str_n(nines, 400)};
    const struct dfa *a = number_dfa(&w, &r);
    assert_non_null(a);
    assert_false(dfa_match(a, STR("9007199254740992")));
    assert_true(dfa_match(a, STR("9007199254740993")));
    assert_true(dfa_match(a, str_n(nines, 400)));
    nines[200] = '6';
    assert_false(dfa_match(a, str_n(nines, 400)));
    nines[200] = '5';
    nines[399] = '8';
    assert_true(dfa_match(a, str_n(nines, 400)));
    assert_true(dfa_match(a, str_n(fewer, 399)));
    assert_false(dfa_match(a, str_n(more, 401)));

    r = (struct number_range){.min = STR("1e-300"), .max = STR("1E+300")};
    a = number_dfa(&w, &r);
    char small[320] = "0.";
    memset(small + 2, '0', 300);
    small[301] = '1';
    assert_true(dfa_match(a, str_n(small, 302)));
    small[301] = '0';
    small[302] = '9';
    assert_false(dfa_match(a, str_n(small, 303)));
    assert_false(dfa_match(a, STR("1e3")));

    char big[310] = "1";
    memset(big + 1, '0', 301);
    assert_true(dfa_match(a, str_n(big, 301)));
    assert_false(dfa_match(a, str_n(big, 302)));
    big[300] = '1';
    assert_false(dfa_match(a, str_n(big, 301)));
    arena_free(w.arena);
}

/* ---- comparing, against python's fractions ---- */

/* Made with python's fractions: random numbers, multiples, and near misses. */
static const struct { const char *a, *b; int cmp; bool is_multiple, is_integer; } compared[] = {
    {"-0", "4", -1, true, true},
    {"-0.00E+2", "56E+1", -1, true, true},
    {"-0.1", "4", -1, false, false},
    {"-0.700", "0.431", -1, false, false},
    {"-0.700", "3", -1, false, false},
    {"-0.8E+5", "25.063606071043", -1, false, true},
    {"-14", "2", -1, true, true},
    {"-3.4400", "0.66617603137200", -1, false, false},
    {"-38.47e-1", "577122.3100", -1, false, false},
    {"-42.00", "112471", -1, false, true},
    {"-4701090457290228274967991788696.1700",
     "671584351041461182138284541242.3100", -1, true, false},
    {"-5.828890931002", "8.7", -1, false, false},
    {"-5.979e+5", "735567", -1, false, true},
    {"-68.2e-0", "0.492083124023", -1, false, false},
    {"-72.00E+45", "59.463319128452", -1, false, true},
    {"-78.00", "455003.200e-5", -1, false, true},
    {"-8.900E+5", "362423185226453352706679315451.749E2", -1, false, true},
    {"-9.30626116957200e-5", "8.00", -1, false, false},
    {"-957138.39", "43738.3300", -1, false, false},
    {"-959855423790160745879403573779.788", "80.925e20", -1, false, false},
    {"0.00e-5", "606611173966667848499994646709", -1, true, true},
    {"0.630", "0.629", 1, false, false},
    {"0.764265651505", "303911E+0", -1, false, false},
    {"0.9600E-2", "1.472E45", -1, false, false},
    {"0E1", "0.232686563551E+45", -1, true, true},
    {"1", "408719666083282118033724997459.24873949835500e-2", -1, false, true},
    {"1.18826936734600", "0.59413468367300", 1, true, false},
    {"1.80000E+20", "0.90000E+20", 1, true, true},
    {"10", "5", 1, true, true},
    {"101.000", "0.500", 1, true, true},
    {"101.24800", "0.41600", 1, false, false},
    {"1083983950222700574804.9634360576260000000000000000000000000001",
     "89.160534468826", 1, false, false},
    {"12.001", "0.048", 1, false, false},
    {"120", "2", 1, true, true},
    {"14", "7", 1, true, true},
    {"150.31525464146000", "75.15762732073000", 1, true, false},
    {"154768237589037758753992052528200000.0000000000000000000000000000000000000001",
     "773841187945188793769960262641.00e5", 1, false, false},
    {"1567125", "522375E-0", 1, true, true},
    {"16871564423407139505225452316.000", "173563830494077672707607427347.00", -1, false, true},
    {"1834281567535678282070004850538.568",
     "611427189178559427356668283512.856", 1, true, false},
    {"186218468605262541392560962585.0", "6.9500", 1, false, true},
    {"195468875.0000000000000000000000000000000000000001", "781875.5e-0", 1, false, false},
    {"2.727690787390", "0.908896929130", 1, false, false},
    {"207964.8", "693216E-1", 1, true, false},
    {"22.1070000000000000000000000000000000000001", "7.369", 1, false, false},
    {"22000000000000000000000000.0", "2.2", 1, true, true},
    {"24.1000", "2.4100", 1, true, false},
    {"24.54", "8.18", 1, true, false},
    {"2543505190689300074457210.00", "209210.00E-0", 1, true, true},
    {"298843709881466624777587475526.393", "66.75500E2", 1, false, false},
    {"3.02000", "393837648632012647558516406652.07200", -1, false, false},
    {"345.24", "34.524E1", 0, true, false},
    {"357.006638470240", "35.700663847024", 1, true, false},
    {"3792287729697120232646717350930000000000000000000000000",
     "379228772969712023264671735093e+0", 1, true, true},
    {"38.0", "551842E-45", 1, false, true},
    {"408773.66", "648955", -1, false, false},
    {"41.7e+45", "684781", 1, false, true},
    {"412927.6", "41292.76E1", 0, true, false},
    {"46.250", "0.185", 1, true, false},
    {"486450.00", "0.305E20", -1, false, true},
    {"5.80634000e51", "580634.00E+45", 1, true, true},
    {"5090628.8947000", "0.203625155788E+5", 1, true, false},
    {"537000000000000000000000000000000000000000100", "0.53700E45", 1, false, true},
    {"6.60000000000000000000000000E-19", "66E-45", 1, true, false},
    {"6.99864e25", "349932E20", 1, true, true},
    {"6065720.00", "606572.000e1", 0, true, true},
    {"626822100000000000000000000000.00", "62682.21", 1, true, true},
    {"6312231457116364712454186254599.240",
     "631223145711636471245418625459.924", 1, true, false},
    {"694655e-20", "2.800", -1, false, false},
    {"699772.65600", "3.419e+5", 1, false, false},
    {"7.400e46", "37.00e45", 1, true, true},
    {"7.640", "7.640", 0, true, false},
    {"81.00", "27.00", 1, true, true},
    {"83.01e-5", "717954679037835388873653307633.08e-0", -1, false, false},
    {"83667535832836428224142544269", "27889178610945476074714181423E0", 1, true, true},
    {"84.356", "8.00e5", -1, false, false},
    {"848673.64E-2", "940352.020", -1, false, false},
    {"871505976630186971870342470781.266981346980",
     "435752988315093485935171235390.633490673490", 1, true, false},
    {"88318752844046106428424450.0", "726445.00E1", 1, true, true},
    {"9", "421154.00", -1, false, true},
};

static void compares(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(compared); i++) {
        str a = str_of(compared[i].a), b = str_of(compared[i].b);
        if (number_cmp(a, b) != compared[i].cmp || number_cmp(b, a) != -compared[i].cmp)
            fail_msg("%s and %s", compared[i].a, compared[i].b);
        if (number_is_multiple(a, b) != compared[i].is_multiple)
            fail_msg("%s of %s", compared[i].a, compared[i].b);
        if (number_is_integer(a) != compared[i].is_integer)
            fail_msg("%s", compared[i].a);
    }
}

static void exponents_are_not_written_out(void **state)
{
    (void)state;
    int64_t start = clock_thread_cpu_ns();
    assert_true(number_cmp(STR("1e1000000"), STR("9e999999")) > 0);
    assert_true(number_cmp(STR("-1e1000000"), STR("-9e999999")) < 0);
    assert_true(number_cmp(STR("1e-1000000"), STR("0")) > 0);
    assert_int_equal(number_cmp(STR("0.01e1000002"), STR("1e1000000")), 0);
    assert_int_equal(number_cmp(STR("0e99999999999999999999"), STR("-0.00")), 0);
    assert_true(number_is_integer(STR("1.5e1000000")));
    assert_false(number_is_integer(STR("1e-1000000")));
    assert_true(number_is_multiple(STR("7e1000000"), STR("0.875")));
    assert_false(number_is_multiple(STR("7e1000000"), STR("3")));
    assert_false(number_is_multiple(STR("7e-1000000"), STR("7")));
    assert_true(number_is_multiple(STR("21e-1000000"), STR("7e-1000000")));
    assert_true(number_is_multiple(STR("0"), STR("7e-1000000")));
    /* Cut: past NUMBER_EXPONENT_MAX all is one. */
    assert_int_equal(number_cmp(STR("1e99999999999999999999"), STR("1e1000000000000000")), 0);
    assert_true(clock_thread_cpu_ns() - start < 100 * NS_PER_MS);
}

static void long_divisors(void **state)
{
    (void)state;
    char digits[1000];
    memset(digits, '7', sizeof digits);
    /* 77..7 (2n digits) = 77..7 (n digits) * (10^n + 1). */
    for (size_t n = 1; n <= NUMBER_DIVISOR_DIGITS_MAX; n += 19) {
        assert_true(number_is_multiple(str_n(digits, 2 * n), str_n(digits, n)));
        assert_int_equal(number_is_multiple(str_n(digits, 2 * n + 1), str_n(digits, n)), n == 1);
    }
    size_t n = NUMBER_DIVISOR_DIGITS_MAX + 1;
    assert_false(number_is_multiple(str_n(digits, 2 * n), str_n(digits, n)));
    assert_true(number_is_multiple(str_n(digits, n), str_n(digits, n)));
    assert_true(number_is_multiple(STR("-0.0"), str_n(digits, n)));
}

/* ---- limits and bad input ---- */

static void limits_are_reached(void **state)
{
    (void)state;
    static const str divisor[] = {STR("1000003"), STR("1e100000"), STR("1e-100000"),
                                  STR("9e-50000"), STR("1e-999999999999999999999"), STR("1e65537"),
                                  STR("12345678901234567890123")};
    for (size_t i = 0; i < N_OF(divisor); i++) {
        struct dfa_work w = new_work();
        struct number_range r = {.divisor = &divisor[i], .n_divisor = 1};
        assert_null(number_dfa(&w, &r));
        assert_int_equal(w.rc, ERR_LIMIT);
        assert_non_null(strstr(failure.text, "multipleOf"));
        arena_free(w.arena);
    }
    static const str bound[] = {STR("1e1200"), STR("-1e-1200"), STR("1e999999999999999999999")};
    for (size_t i = 0; i < N_OF(bound); i++) {
        struct dfa_work w = new_work();
        struct number_range r = {.max = bound[i]};
        assert_null(number_dfa(&w, &r));
        assert_int_equal(w.rc, ERR_LIMIT);
        assert_non_null(strstr(failure.text, "digits"));
        arena_free(w.arena);
    }
    struct dfa_work w = new_work();
    struct number_range r = {.min = STR("-1e1199"), .max = STR("1e-1199")};
    assert_non_null(number_dfa(&w, &r));
    w.n_state_max = 1000;
    assert_null(number_dfa(&w, &r));
    assert_int_equal(w.rc, ERR_LIMIT);
    arena_free(w.arena);
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    static const str bad[] = {STR("x"), STR("-"), STR("1."), STR("01"), STR("1e"), STR("+1")};
    static const str none[] = {STR("0"), STR("-1"), STR("0.0e5"), STR("")};
    for (size_t i = 0; i < N_OF(bad); i++)
        for (int kind = 0; kind < 3; kind++) {
            struct dfa_work w = new_work();
            struct number_range r = {.min = kind == 0 ? bad[i] : STR_NONE,
                                     .max = kind == 1 ? bad[i] : STR_NONE,
                                     .divisor = &bad[i], .n_divisor = kind == 2};
            assert_null(number_dfa(&w, &r));
            assert_int_equal(w.rc, ERR_ARG);
            arena_free(w.arena);
        }
    for (size_t i = 0; i < N_OF(none); i++) {
        struct dfa_work w = new_work();
        struct number_range r = {.divisor = &none[i], .n_divisor = 1};
        assert_null(number_dfa(&w, &r));
        assert_int_equal(w.rc, ERR_ARG);
        arena_free(w.arena);
    }
}

static void allocations_fail(void **state)
{
    (void)state;
    static const str divisor[] = {STR("0.25"), STR("6")};
    struct number_range r = {.is_unique = true, .min = STR("-12.5"), .max = STR("12345.678"),
                             .divisor = divisor, .n_divisor = 2};
    for (size_t nth = 1;; nth++) {
        struct dfa_work w = new_work();
        mem_fail_nth(nth);
        const struct dfa *a = number_dfa(&w, &r);
        mem_fail_nth(0);
        assert_int_equal(w.rc, a ? ERR_OK : ERR_LIMIT);
        arena_free(w.arena);
        if (a)
            break;
        assert_true(nth < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_limits_is_shared),
        cmocka_unit_test(numbers_end),
        cmocka_unit_test(named_ranges),
        cmocka_unit_test(random_ranges),
        cmocka_unit_test(multiples),
        cmocka_unit_test(long_bounds),
        cmocka_unit_test(compares),
        cmocka_unit_test(exponents_are_not_written_out),
        cmocka_unit_test(long_divisors),
        cmocka_unit_test(limits_are_reached),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
