/* SPDX-License-Identifier: Apache-2.0
 *
 * Formats: each is a regular expression over the decoded text (format_text.c), and for some the
 * lengths that hold beside it. What no automaton can decide is left out, never let in:
 *
 *   time, date-time  the second 60 only where UTC is 23:59, at offsets of whole quarters of an
 *                    hour: no other offset was in use since there are leap seconds
 *   hostname         no label with -- in third and fourth place: whether xn-- begins valid
 *                    Punycode is not regular. 253 characters are counted in steps of 8 a label
 *   idn-hostname     at most 4 labels; those that are not ASCII in scripts that run from left to
 *                    right and need no context rule, and of 9 characters, which surely fit 63
 *                    octets in Punycode
 *   regex            no named groups (names must differ) and no back-references (groups must
 *                    exist); groups inside groups to a depth of 2, none inside look-around
 */
#include "grammar/format.h"

#include <assert.h>
#include <pthread.h>

#include "grammar/dfa_internal.h"
#include "grammar/format_text.h"
#include "grammar/regex.h"

#define STATES_MAX (1u << 16)
#define LOCAL_OCTETS_MAX 64 /* RFC 5321, 4.5.3.1.1 */
#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */
#define LABEL_STEP 8 /* a label and its dot count as whole steps, */
#define NAME_STEPS 31 /* of which a name has so many: 8 * 31 <= 254 */

/* ---- lengths ---- */

/* Of a, what has at most LOCAL_OCTETS_MAX bytes before the @ that stands outside of quotes. States:
 * bytes so far, outside of quotes, inside, behind a backslash; then one for what follows the @. */
static const struct dfa *limit_local_part(struct dfa_work *w, const struct dfa *a)
{
    enum { OTHER, AT, QUOTE, BACKSLASH, N_CLASS };
    enum { PLAIN, QUOTED, ESCAPED, N_MODE, N_PLACE = LOCAL_OCTETS_MAX + 1 };
    static const uint32_t mode_next[N_MODE][N_CLASS] = {
        [PLAIN] = {PLAIN, PLAIN, QUOTED, PLAIN},
        [QUOTED] = {QUOTED, QUOTED, PLAIN, ESCAPED},
        [ESCAPED] = {QUOTED, QUOTED, QUOTED, QUOTED}};
    struct dfa_draft d;
    uint8_t class_of[256] = {['@'] = AT, ['"'] = QUOTE, ['\\'] = BACKSLASH};
    uint32_t tail = 1 + N_MODE * N_PLACE;
    dfa_draft_init(&d, w, class_of, N_CLASS);
    for (uint32_t i = 1; i <= tail && w->rc == ERR_OK; i++)
        (void)dfa_draft_add(&d, i == tail ? DFA_ACCEPT : 0);
    for (uint32_t i = 1; i <= tail && w->rc == ERR_OK; i++) {
        uint32_t *row = dfa_draft_row(&d, i), mode = (i - 1) / N_PLACE, place = (i - 1) % N_PLACE;
        for (uint32_t c = 0; c < N_CLASS; c++)
            if (i == tail)
                row[c] = tail;
            else if (place < LOCAL_OCTETS_MAX)
                row[c] = 1 + mode_next[mode][c] * N_PLACE + place + 1;
        if (i != tail && mode == PLAIN) row[AT] = tail;
    }
    return dfa_and(w, a, dfa_draft_finish(&d, 1));
}

/* State of a name with so many steps left, inside a label at a place. */
static uint32_t name_state(uint32_t n_step, uint32_t place)
{
    return 1 + n_step * (LABEL_MAX + 1) + place;
}

/* Of a, what has labels of at most LABEL_MAX bytes, all of them in NAME_STEPS steps. */
static const struct dfa *limit_name(struct dfa_work *w, const struct dfa *a)
{
    struct dfa_draft d;
    uint8_t class_of[256] = {['.'] = 1};
    dfa_draft_init(&d, w, class_of, 2);
    for (uint32_t left = 0; left <= NAME_STEPS; left++)
        for (uint32_t place = 0; place <= LABEL_MAX && w->rc == ERR_OK; place++) {
            uint32_t cost = (place + LABEL_STEP) / LABEL_STEP;
            bool fits = place > 0 && cost <= left;
            uint32_t id = dfa_draft_add(&d, fits ? DFA_ACCEPT : 0);
            if (id == DFA_DEAD) break;
            if (place < LABEL_MAX) dfa_draft_row(&d, id)[0] = name_state(left, place + 1);
            if (fits) dfa_draft_row(&d, id)[1] = name_state(left - cost, 0);
        }
    return dfa_and(w, a, dfa_draft_finish(&d, name_state(NAME_STEPS, 0)));
}

/* ---- the table ---- */

struct format {
    const char *name;
    const char *text;
    str (*make_text)(struct arena *a); /* NULL: text is all */
    const struct dfa *(*refine)(struct dfa_work *w, const struct dfa *a); /* or NULL */
    const char *avoid;                 /* valid, but refused by much used readers: not written */
};
#define YEAR_0 "0000-.*"
#define LEAP_SECOND ".*:60.*"
static const struct format formats[] = {
    {"date", FORMAT_DATE, NULL, NULL, YEAR_0},
    {"time", NULL, format_time, NULL, LEAP_SECOND},
    {"date-time", NULL, format_date_time, NULL, YEAR_0 "|" LEAP_SECOND},
    {"duration", FORMAT_DURATION, NULL, NULL, NULL},
    {"email", FORMAT_EMAIL, NULL, limit_local_part, NULL},
    {"idn-email", FORMAT_IDN_EMAIL, NULL, limit_local_part, NULL},
    {"hostname", FORMAT_HOSTNAME, NULL, limit_name, NULL},
    {"idn-hostname", FORMAT_IDN_HOSTNAME, NULL, NULL, NULL},
    {"ipv4", FORMAT_IPV4, NULL, NULL, NULL},
    {"ipv6", FORMAT_IPV6, NULL, NULL, NULL},
    {"uri", FORMAT_URI, NULL, NULL, NULL},
    {"uri-reference", FORMAT_URI_REFERENCE, NULL, NULL, NULL},
    {"iri", FORMAT_IRI, NULL, NULL, NULL},
    {"iri-reference", FORMAT_IRI_REFERENCE, NULL, NULL, NULL},
    {"uri-template", FORMAT_URI_TEMPLATE, NULL, NULL, NULL},
    {"uuid", FORMAT_UUID, NULL, NULL, NULL},
    {"json-pointer", FORMAT_JSON_POINTER, NULL, NULL, NULL},
    {"relative-json-pointer", FORMAT_RELATIVE_JSON_POINTER, NULL, NULL, NULL},
    {"regex", NULL, format_regex, NULL, NULL},
};
#define N_FORMAT (sizeof formats / sizeof *formats)

const char *const format_names[] = {"date",         "time",
                                    "date-time",    "duration",
                                    "email",        "idn-email",
                                    "hostname",     "idn-hostname",
                                    "ipv4",         "ipv6",
                                    "uri",          "uri-reference",
                                    "iri",          "iri-reference",
                                    "uri-template", "uuid",
                                    "json-pointer", "relative-json-pointer",
                                    "regex",        NULL};
static_assert(sizeof format_names / sizeof *format_names == N_FORMAT + 1, "one name per format");

static const struct dfa *made[N_FORMAT];
static pthread_mutex_t made_lock = PTHREAD_MUTEX_INITIALIZER;

/* The automaton and its JSON spelling stay, nothing else. */
static const struct dfa *format_make(const struct format *f)
{
    struct error e = {0};
    struct arena *scratch = arena_new(0), *kept = arena_new(0);
    struct dfa_work w = {.arena = scratch, .n_state_max = STATES_MAX, .e = &e};
    uint32_t n_min, n_max;
    str text = f->make_text ? f->make_text(scratch) : str_of(f->text);
    const struct dfa *d = regex_dfa(&w, text, true, &n_min, &n_max);
    if (f->refine) d = f->refine(&w, d);
    w.arena = kept;
    d = dfa_minimize(&w, d);
    CHECK(d && n_min == 0 && n_max == UINT32_MAX);
    arena_free(scratch);
    struct dfa *out = arena_new_of(kept, struct dfa);
    *out = *d;
    if (f->avoid) d = dfa_minus(&w, d, regex_dfa(&w, str_of(f->avoid), true, &n_min, &n_max));
    out->json = dfa_json_string(&w, d);
    CHECK(out->json);
    return out;
}

const struct dfa *format_dfa(str name)
{
    for (size_t i = 0; i < N_FORMAT; i++) {
        if (!str_is(name, formats[i].name)) continue;
        /* Pairs with the release below: who sees the pointer sees the automaton. */
        const struct dfa *d = __atomic_load_n(&made[i], __ATOMIC_ACQUIRE);
        if (d) return d;
        CHECK(pthread_mutex_lock(&made_lock) == 0);
        if (!made[i]) __atomic_store_n(&made[i], format_make(&formats[i]), __ATOMIC_RELEASE);
        d = made[i];
        CHECK(pthread_mutex_unlock(&made_lock) == 0);
        return d;
    }
    return NULL;
}
