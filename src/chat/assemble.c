/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/assemble.h"
#include "base/mem.h"
#include "base/utf8.h"

#define OUTPUT_BYTES_MAX (64u << 20)   /* of one choice: far above any context */
#define THINK_OPEN STR("<think>")
#define THINK_CLOSE STR("</think>")

void assemble_init(struct assemble *a, const struct vocab *v, const struct chat_request *r,
                   bool opens_reasoning)
{
    *a = (struct assemble){.vocab = v, .stop = r->stop, .n_stop = r->n_stop,
                           .want_tokens = r->logprobs,
                           .state = opens_reasoning ? ASM_REASONING : ASM_START};
    detok_init(&a->detok, v, false);
    buf_init(&a->held, OUTPUT_BYTES_MAX);
    buf_init(&a->out, OUTPUT_BYTES_MAX);
}

void assemble_done(struct assemble *a)
{
    buf_done(&a->held);
    buf_done(&a->out);
    mem_free(a->pending);
    mem_free(a->shown);
}

/* ---- tokens in ---- */

static struct chat_token describe(const struct vocab *v, const struct engine_event *ev)
{
    struct chat_token t = {.text = vocab_piece(v, ev->token), .logprob = ev->logprob,
                           .n_top = ev->n_top};

    for (int i = 0; i < ev->n_top; i++) {
        t.top[i].text = vocab_piece(v, ev->top[i].id);
        t.top[i].logprob = ev->top[i].logprob;
    }
    return t;
}

static void remember(struct assemble *a, const struct engine_event *ev, size_t end)
{
    if (a->n_pending == a->cap_pending) {
        a->cap_pending = a->cap_pending ? 2 * a->cap_pending : 16;
        a->pending = mem_resize(a->pending, a->cap_pending * sizeof *a->pending);
    }
    a->pending[a->n_pending++] =
        (struct assemble_token){.end = end, .token = describe(a->vocab, ev)};
}

/* The character that some tokens only began is whole now, or known to be none. */
static void close_open(struct assemble *a, size_t end)
{
    for (size_t i = 0; i < a->n_pending; i++)
        if (a->pending[i].end == SIZE_MAX) a->pending[i].end = end;
}

/* Bytes of the character that s, whole characters, begins with. */
static size_t first_char(str s)
{
    size_t next = 0;

    return s.n > 0 && utf8_next(s, &next) != UTF8_BAD ? next : s.n;
}

static void flush(struct assemble *a)
{
    size_t held = a->held.n;

    detok_flush(&a->detok, &a->held);
    a->n_fed += a->held.n - held;
    close_open(a, a->n_fed);
}

/* Some vocabularies make the think markers control tokens, which detok does not show. */
static bool is_hidden_marker(const struct assemble *a, int32_t token, str piece)
{
    return vocab_type(a->vocab, token) == TOKEN_CONTROL &&
           (str_eq(piece, THINK_OPEN) || str_eq(piece, THINK_CLOSE));
}

void assemble_token(struct assemble *a, const struct engine_event *ev)
{
    str piece = vocab_piece(a->vocab, ev->token);
    uint8_t unfinished = a->detok.n_held;
    size_t held = a->held.n, added;
    bool is_open;

    a->n_token++;
    if (is_hidden_marker(a, ev->token, piece)) {
        flush(a);
        held = a->held.n;
        buf_add(&a->held, piece);
    } else {
        detok_add(&a->detok, ev->token, &a->held);
    }
    added = a->held.n - held;
    if (unfinished > 0 && added > 0)
        close_open(a, a->n_fed + first_char(str_sub(buf_str(&a->held), held, added)));
    a->n_fed += added;
    is_open = a->detok.n_held > 0 && (a->detok.n_held != unfinished || added > 0);
    if (a->want_tokens) remember(a, ev, is_open ? SIZE_MAX : a->n_fed);
}

void assemble_end(struct assemble *a)
{
    flush(a);
    a->at_end = true;
}

/* ---- text out ---- */

/* Longest proper beginning of marker that text ends with. */
static size_t partial(str text, str marker)
{
    size_t k = marker.n ? marker.n - 1 : 0;

    if (k > text.n) k = text.n;
    while (k > 0 && memcmp(text.p + text.n - k, marker.p, k) != 0) k--;
    return k;
}

static void consume(struct assemble *a, size_t n)
{
    buf_consume(&a->held, n);
    a->n_consumed += n;
}

static void drop_pending(struct assemble *a, size_t n)
{
    a->n_pending -= n;
    memmove(a->pending, a->pending + n, a->n_pending * sizeof *a->pending);
}

/* Tokens that lie wholly in text nobody asks logprobs for. */
static void forget_consumed(struct assemble *a)
{
    size_t n = 0;

    while (n < a->n_pending && a->pending[n].end <= a->n_consumed) n++;
    if (n) drop_pending(a, n);
}

/* Moves the first n held bytes into the event. Tokens that end within them go along. */
static bool show(struct assemble *a, size_t n, enum chat_event_kind kind, struct chat_event *ev)
{
    size_t n_token = 0;

    buf_clear(&a->out);
    buf_add(&a->out, str_n(a->held.p, n));
    consume(a, n);
    if (kind == CHAT_REASONING) forget_consumed(a);
    while (n_token < a->n_pending && a->pending[n_token].end <= a->n_consumed) n_token++;
    if (n_token > a->cap_shown) {
        a->cap_shown = n_token;
        a->shown = mem_resize(a->shown, n_token * sizeof *a->shown);
    }
    for (size_t i = 0; i < n_token; i++) a->shown[i] = a->pending[i].token;
    if (n_token) drop_pending(a, n_token);
    *ev = (struct chat_event){.kind = kind, .text = buf_str(&a->out), .token = a->shown,
                              .n_token = n_token};
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* True when the state changed, so that the caller goes round again. */
static bool leave_start(struct assemble *a)
{
    str text = buf_str(&a->held);
    size_t blank = 0;

    while (blank < text.n && is_blank(text.p[blank])) blank++;
    text = str_sub(text, blank, text.n);
    if (str_starts(text, THINK_OPEN)) {
        consume(a, blank + THINK_OPEN.n);
        a->state = ASM_REASONING;
        return true;
    }
    if (!a->at_end && str_starts(THINK_OPEN, text)) return false;
    a->state = ASM_TEXT;
    return true;
}

static size_t without_newlines(str text, size_t n)
{
    while (n > 0 && text.p[n - 1] == '\n') n--;
    return n;
}

/* Reasoning shows without the line breaks next to its markers. */
static bool step_reasoning(struct assemble *a, struct chat_event *ev, bool *again)
{
    str text = buf_str(&a->held);
    size_t close, n;

    if (!a->reasoning_began) {
        size_t blank = 0;

        while (blank < text.n && text.p[blank] == '\n') blank++;
        consume(a, blank);
        if (blank == text.n && !a->at_end) return false;
        a->reasoning_began = *again = true;
        return false;
    }
    close = str_find(text, THINK_CLOSE, 0);
    if (close == SIZE_MAX) {
        n = a->at_end ? text.n : text.n - partial(text, THINK_CLOSE);
        n = without_newlines(text, n);
        if (n > 0) return show(a, n, CHAT_REASONING, ev);
        if (a->at_end) a->n_reasoning = a->n_token;
        return false;
    }
    n = without_newlines(text, close);
    if (n > 0) return show(a, n, CHAT_REASONING, ev);
    consume(a, close + THINK_CLOSE.n);
    forget_consumed(a);
    a->n_reasoning = a->n_token;
    a->state = ASM_GAP;
    *again = true;
    return false;
}

static bool leave_gap(struct assemble *a)
{
    size_t n = 0;

    while (n < a->held.n && is_blank(a->held.p[n])) n++;
    consume(a, n);
    forget_consumed(a);
    if (a->held.n == 0 && !a->at_end) return false;
    a->state = ASM_TEXT;
    return true;
}

/* Offset where the first stop string in text begins, or SIZE_MAX; *hold gets the bytes at the end
 * that may begin one. */
static size_t find_stop(const struct assemble *a, str text, size_t *hold)
{
    size_t first = SIZE_MAX;

    *hold = 0;
    for (int i = 0; i < a->n_stop; i++) {
        size_t at = str_find(text, a->stop[i], 0), k = partial(text, a->stop[i]);

        if (at < first) first = at;
        if (k > *hold) *hold = k;
    }
    return first;
}

/* Shows what lies before the stop string and ends the choice. */
static bool cut(struct assemble *a, size_t stop, struct chat_event *ev)
{
    bool has_token = a->n_pending > 0 && a->pending[0].end <= a->n_consumed + stop;
    bool more = (stop > 0 || has_token) && show(a, stop, CHAT_TEXT, ev);

    a->state = ASM_ENDED;
    a->n_pending = 0;
    return more;
}

static bool step_text(struct assemble *a, struct chat_event *ev)
{
    str text = buf_str(&a->held);
    size_t hold, stop = find_stop(a, text, &hold), n;

    if (a->at_end) hold = 0;
    n = text.n - hold;
    /* A longer stop string that began before this one may still be completed. */
    if (stop != SIZE_MAX && n >= stop) return cut(a, stop, ev);
    if (n > 0 || (a->at_end && a->n_pending > 0)) return show(a, n, CHAT_TEXT, ev);
    return false;
}

bool assemble_next(struct assemble *a, struct chat_event *ev)
{
    bool again = true;

    while (again) {
        again = false;
        switch (a->state) {
        case ASM_START: again = leave_start(a); break;
        case ASM_REASONING:
            if (step_reasoning(a, ev, &again)) return true;
            break;
        case ASM_GAP: again = leave_gap(a); break;
        case ASM_TEXT: return step_text(a, ev);
        case ASM_ENDED: return false;
        }
    }
    return false;
}
