/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoded texts -> JSON strings. Each text state keeps its number and its ways for the bytes that
 * stand for themselves; the quote, the backslash and controls leave it through escape states:
 *
 *   state --\--> escape --" \ b f n r t--> state behind that character
 *                escape --u--> --0--> --0--> --0--> digit 0..f --> behind U+0000..U+000F
 *                                            --1--> digit 0..f --> behind U+0010..U+001F
 *   accepting state --"--> end
 *
 * Escape states depend only on where the 34 escaped characters lead, so text states that agree on
 * that share them. A state is between characters when a character can begin in it or the text can
 * end: continuation bytes leave all others.
 */
#include "grammar/dfa_internal.h"

#include "base/mem.h"

#define N_CONTROL 0x20

struct speller {
    struct dfa_work *w;
    const struct dfa *text;
    struct dfa_draft d;
    uint8_t text_class[256];                   /* of a class of the draft, but for class 0 */
    bool is_lead[256];                         /* text class: has a byte that begins a character */
    uint8_t escaped[N_CONTROL + 2];            /* text classes of the escaped characters */
    uint32_t n_escaped;
    uint32_t *like;                            /* owns; [n_slot] a text state with escapes, or 0 */
    uint32_t *escape_of;                       /* owns; [n_state] escape state of a text state */
    size_t n_slot;
};

/* The letter of the short escape of c, 0: it has none. */
static uint8_t short_escape(uint8_t c)
{
    switch (c) {
    case '"': case '\\': return c;
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

/* Bytes with a part of their own in escapes have a class each; all controls, which never stand in
 * a JSON string, have class 0; the others are as in the text. Gives the number of classes. */
static uint32_t spell_classes(struct speller *p, uint8_t class_of[256])
{
    uint16_t of_text[256];
    memset(of_text, 0xff, sizeof of_text);
    uint32_t n = 1;
    for (int b = 0; b < 256; b++) {
        uint8_t c = p->text->class_of[b];
        if (b < N_CONTROL) {
            class_of[b] = 0;
        } else if (b < 0x80 && strchr("\"\\0123456789abcdefnrtu", b)) {
            class_of[b] = (uint8_t)n++;
        } else {
            if (of_text[c] == 0xffff)
                of_text[c] = (uint16_t)n++;
            class_of[b] = (uint8_t)of_text[c];
        }
        p->text_class[class_of[b]] = c;
        if (b < 0x80 || b > 0xbf)
            p->is_lead[c] = true;
    }
    return n;
}

static void list_escaped(struct speller *p)
{
    bool seen[256] = {false};
    for (int b = 0; b < 0x80; b++) {
        uint8_t c = p->text->class_of[b];
        if ((b < N_CONTROL || short_escape((uint8_t)b)) && !seen[c]) {
            seen[c] = true;
            p->escaped[p->n_escaped++] = c;
        }
    }
}

static bool speller_init(struct speller *p, struct dfa_work *w, const struct dfa *text)
{
    *p = (struct speller){.w = w, .text = text, .n_slot = 16};
    uint8_t class_of[256];
    uint32_t n_class = spell_classes(p, class_of);
    list_escaped(p);
    while (p->n_slot < (size_t)text->n_state * 2)
        p->n_slot *= 2;
    p->like = dfa_scratch(w, p->n_slot, sizeof *p->like);
    p->escape_of = dfa_scratch(w, text->n_state, sizeof *p->escape_of);
    dfa_draft_init(&p->d, w, class_of, n_class);
    for (uint32_t s = 1; s < text->n_state && w->rc == ERR_OK; s++)
        dfa_draft_add(&p->d, 0);
    return w->rc == ERR_OK;
}

static void set_way(struct speller *p, uint32_t from, uint8_t byte, uint32_t to)
{
    dfa_draft_row(&p->d, from)[p->d.class_of[byte]] = to;
}

/* Ways of `from` by a last hex digit, to where U+00h0 to U+00hf lead without a short spelling.
 * Gives false when there are none. */
static bool spell_digits(struct speller *p, uint32_t from, uint32_t text_state, uint8_t high)
{
    bool is_used = false;
    for (uint8_t digit = 0; digit < 16; digit++) {
        uint8_t c = (uint8_t)(high << 4 | digit);
        uint32_t to = dfa_next(p->text, text_state, c);
        if (short_escape(c) || to == DFA_DEAD)
            continue;
        set_way(p, from, (uint8_t)"0123456789abcdef"[digit], to);
        is_used = true;
    }
    return is_used;
}

static void spell_u(struct speller *p, uint32_t escape, uint32_t text_state)
{
    uint32_t part[5];                          /* behind \u, \u0, \u00, \u000, \u001 */
    for (int i = 0; i < 5; i++)
        if ((part[i] = dfa_draft_add(&p->d, 0)) == DFA_DEAD) return;
    bool low = spell_digits(p, part[3], text_state, 0);
    bool high = spell_digits(p, part[4], text_state, 1);
    set_way(p, escape, 'u', low || high ? part[0] : DFA_DEAD);
    set_way(p, part[0], '0', part[1]);
    set_way(p, part[1], '0', part[2]);
    set_way(p, part[2], '0', part[3]);
    set_way(p, part[2], '1', part[4]);
}

static uint32_t make_escape(struct speller *p, uint32_t text_state)
{
    uint32_t escape = dfa_draft_add(&p->d, 0);
    if (escape == DFA_DEAD)
        return DFA_DEAD;
    bool needs_u = false;
    for (int b = 0; b < 0x80; b++) {
        uint8_t letter = short_escape((uint8_t)b);
        uint32_t to = letter || b < N_CONTROL ? dfa_next(p->text, text_state, (uint8_t)b)
                                              : DFA_DEAD;
        if (to == DFA_DEAD)
            continue;
        if (letter)
            set_way(p, escape, letter, to);
        else
            needs_u = true;
    }
    if (needs_u)
        spell_u(p, escape, text_state);
    return escape;
}

static bool is_escaped_alike(const struct speller *p, uint32_t s, uint32_t t)
{
    const uint32_t *row_s = p->text->next + (size_t)s * p->text->n_class;
    const uint32_t *row_t = p->text->next + (size_t)t * p->text->n_class;
    for (uint32_t i = 0; i < p->n_escaped; i++)
        if (row_s[p->escaped[i]] != row_t[p->escaped[i]]) return false;
    return true;
}

/* The escape state of a text state, DFA_DEAD when no escaped character leaves it. */
static uint32_t escape_of(struct speller *p, uint32_t text_state)
{
    const uint32_t *row = p->text->next + (size_t)text_state * p->text->n_class;
    uint64_t hash = 0;
    bool is_used = false;
    for (uint32_t i = 0; i < p->n_escaped; i++) {
        hash = (hash ^ row[p->escaped[i]]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
        is_used |= row[p->escaped[i]] != DFA_DEAD;
    }
    if (!is_used)
        return DFA_DEAD;
    size_t i = (size_t)hash & (p->n_slot - 1);
    for (uint32_t s; (s = p->like[i]) != 0; i = (i + 1) & (p->n_slot - 1))
        if (is_escaped_alike(p, s, text_state)) return p->escape_of[s];
    p->like[i] = text_state;
    p->escape_of[text_state] = make_escape(p, text_state);
    return p->escape_of[text_state];
}

static void spell_state(struct speller *p, uint32_t s, uint32_t end)
{
    const struct dfa *text = p->text;
    const uint32_t *from = text->next + (size_t)s * text->n_class;
    bool is_between = dfa_accepts(text, s), is_inside = false;
    for (uint32_t c = 0; c < text->n_class; c++) {
        is_between |= from[c] != DFA_DEAD && p->is_lead[c];
        is_inside |= from[c] != DFA_DEAD && !p->is_lead[c];
    }
    if (is_between && is_inside)
        dfa_fail(p->w, ERR_ARG, "texts of a language are not all UTF-8");
    uint32_t escape = is_between ? escape_of(p, s) : DFA_DEAD;
    uint32_t *row = dfa_draft_row(&p->d, s);
    for (uint32_t c = 1; c < p->d.n_class; c++)
        row[c] = from[p->text_class[c]];
    set_way(p, s, '\\', escape);
    set_way(p, s, '"', dfa_accepts(text, s) ? end : DFA_DEAD);
    p->d.flags[s] = is_between ? DFA_CHAR : 0;
}

const struct dfa *dfa_json_spell(struct dfa_work *w, const struct dfa *text)
{
    struct speller p;
    uint32_t start = DFA_DEAD;
    if (speller_init(&p, w, text) && !dfa_is_empty(text)) {
        start = dfa_draft_add(&p.d, 0);
        uint32_t end = dfa_draft_add(&p.d, DFA_ACCEPT);
        for (uint32_t s = 1; s < text->n_state && w->rc == ERR_OK; s++)
            spell_state(&p, s, end);
        if (w->rc == ERR_OK)
            set_way(&p, start, '"', text->start);
    }
    mem_free(p.like);
    mem_free(p.escape_of);
    return dfa_draft_finish(&p.d, start);
}

static bool is_same_table(const struct dfa *a, const struct dfa *b)
{
    return a->n_state == b->n_state && a->n_class == b->n_class && a->start == b->start &&
           memcmp(a->class_of, b->class_of, sizeof a->class_of) == 0 &&
           memcmp(a->flags, b->flags, a->n_state) == 0 &&
           memcmp(a->next, b->next, (size_t)a->n_state * a->n_class * sizeof *a->next) == 0;
}

const struct dfa *dfa_json_string(struct dfa_work *w, const struct dfa *text)
{
    if (w->rc != ERR_OK)
        return NULL;
    if (text->json)
        return text->json;
    if (is_same_table(text, dfa_shared(DFA_TEXT)))
        return dfa_shared(DFA_STRING);
    return dfa_json_spell(w, text);
}
