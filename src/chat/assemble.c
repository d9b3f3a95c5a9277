/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes go through two stages: held, from which thinking is taken, and text, which the parser of
 * calls gave (without one, the rest of held as it is). Tokens go along: their ends count bytes of
 * the stage they wait at.
 */
#include "chat/assemble.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "chat/call_internal.h"

#define OUTPUT_BYTES_MAX (64u << 20)   /* of one choice: far above any context */
#define FORMAT_ID_LEN_MAX 64

void assemble_init(struct assemble *a, const struct vocab *v, const struct call_syntax *s,
                   const struct chat_request *r, bool opens_reasoning)
{
    *a = (struct assemble){.vocab = v, .syntax = s, .stop = r->stop, .n_stop = r->n_stop,
                           .want_tokens = r->logprobs, .one_call = !r->parallel_calls,
                           .is_document = r->format != FORMAT_TEXT,
                           .gives_calls = chat_may_call(r),
                           .state = opens_reasoning ? ASM_REASONING : ASM_START};
    detok_init(&a->detok, v, false);
    if (r->n_raw) {
        a->state = ASM_TEXT;
        a->detok.started = true;       /* the text goes on: a space at its beginning stays */
    } else {
        call_syntax_thinking(s, &a->think_open, &a->think_close);
        /* Formats that mark text too are read with tools or without. */
        if (a->gives_calls || s->drop[0].n) a->parser = call_parser_new(s, r->tool, r->n_tool);
    }
    buf_init(&a->held, OUTPUT_BYTES_MAX);
    buf_init(&a->text, OUTPUT_BYTES_MAX);
    buf_init(&a->out, OUTPUT_BYTES_MAX);
}

void assemble_done(struct assemble *a)
{
    call_parser_free(a->parser);
    buf_done(&a->held);
    buf_done(&a->text);
    buf_done(&a->out);
    mem_free(a->marks.p);
    mem_free(a->pending.p);
    mem_free(a->ready.p);
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

static struct assemble_token *push(struct assemble_queue *q)
{
    if (q->n == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 16;
        q->p = mem_resize(q->p, q->cap * sizeof *q->p);
    }
    return &q->p[q->n++];
}

static void drop(struct assemble_queue *q, size_t n)
{
    if (n == 0) return;
    q->n -= n;
    memmove(q->p, q->p + n, q->n * sizeof *q->p);
}

/* How many at the front end at or before that place. */
static size_t count_to(const struct assemble_queue *q, size_t end)
{
    size_t n = 0;

    while (n < q->n && q->p[n].end <= end) n++;
    return n;
}

/* The character that some tokens only began is whole now, or known to be none. */
static void close_open(struct assemble *a, size_t end)
{
    for (size_t i = 0; i < a->pending.n; i++)
        if (a->pending.p[i].end == SIZE_MAX) a->pending.p[i].end = end;
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

static bool is_part(str whole, str part)
{
    return part.n > 0 && str_find(whole, part, 0) != SIZE_MAX;
}

/* Some vocabularies make the marks of thinking and of calls control tokens. They are spelled out
 * for those who look for them, and where they turn out to mark nothing they are no text. */
static bool is_hidden_marker(const struct assemble *a, int32_t token, str piece)
{
    if (vocab_type(a->vocab, token) != TOKEN_CONTROL) return false;
    return is_part(a->think_open, piece) || is_part(a->think_close, piece) ||
           (a->parser && call_syntax_is_mark(a->syntax, piece));
}

static void drop_marks(struct assemble *a, size_t end)
{
    size_t n = 0;

    while (n < a->marks.n && a->marks.p[n].to <= end) n++;
    a->marks.n -= n;
    if (n) memmove(a->marks.p, a->marks.p + n, a->marks.n * sizeof *a->marks.p);
}

static void spell(struct assemble *a, str piece)
{
    struct assemble_marks *m = &a->marks;

    if (m->n == m->cap) drop_marks(a, a->n_consumed);
    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 4;
        m->p = mem_resize(m->p, m->cap * sizeof *m->p);
    }
    m->p[m->n++] = (struct text_span){a->n_fed, a->n_fed + piece.n};
    buf_add(&a->held, piece);
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
        spell(a, piece);
    } else {
        detok_add(&a->detok, ev->token, &a->held);
    }
    added = a->held.n - held;
    if (unfinished > 0 && added > 0)
        close_open(a, a->n_fed + first_char(str_sub(buf_str(&a->held), held, added)));
    a->n_fed += added;
    is_open = a->detok.n_held > 0 && (a->detok.n_held != unfinished || added > 0);
    if (a->want_tokens)
        *push(&a->pending) = (struct assemble_token){
            .end = is_open ? SIZE_MAX : a->n_fed, .token = describe(a->vocab, ev)};
}

void assemble_end(struct assemble *a)
{
    flush(a);
    a->at_end = true;
}

/* ---- thinking ---- */

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

/* Tokens that lie wholly in what nobody asks logprobs for. */
static void forget_consumed(struct assemble *a)
{
    drop(&a->pending, count_to(&a->pending, a->n_consumed));
}

static void begin_text(struct assemble *a)
{
    a->state = ASM_TEXT;
    a->parser_base = a->read_end = a->n_consumed;
}

/* True when the state changed, so that the caller goes round again. */
static bool leave_start(struct assemble *a)
{
    str text = buf_str(&a->held);
    size_t blank = 0;

    while (blank < text.n && call_is_blank(text.p[blank])) blank++;
    text = str_sub(text, blank, text.n);
    if (a->think_open.n && str_starts(text, a->think_open)) {
        consume(a, blank + a->think_open.n);
        a->state = ASM_REASONING;
        return true;
    }
    if (!a->at_end && text.n < a->think_open.n && str_starts(a->think_open, text)) return false;
    begin_text(a);
    return true;
}

static size_t without_newlines(str text, size_t n)
{
    while (n > 0 && text.p[n - 1] == '\n') n--;
    return n;
}

static bool show_reasoning(struct assemble *a, size_t n, struct chat_event *ev)
{
    buf_clear(&a->out);
    buf_add(&a->out, str_n(a->held.p, n));
    consume(a, n);
    forget_consumed(a);
    *ev = (struct chat_event){.kind = CHAT_REASONING, .text = buf_str(&a->out)};
    return true;
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
    close = str_find(text, a->think_close, 0);
    if (close == SIZE_MAX) {
        n = a->at_end ? text.n : text.n - partial(text, a->think_close);
        n = without_newlines(text, n);
        if (n > 0) return show_reasoning(a, n, ev);
        if (a->at_end) a->n_reasoning = a->n_token;
        return false;
    }
    n = without_newlines(text, close);
    if (n > 0) return show_reasoning(a, n, ev);
    consume(a, close + a->think_close.n);
    forget_consumed(a);
    a->n_reasoning = a->n_token;
    a->state = ASM_GAP;
    *again = true;
    return false;
}

static bool leave_gap(struct assemble *a)
{
    size_t n = 0;

    while (n < a->held.n && call_is_blank(a->held.p[n])) n++;
    consume(a, n);
    forget_consumed(a);
    if (a->held.n == 0 && !a->at_end) return false;
    begin_text(a);
    return true;
}

/* ---- held -> text, calls ---- */

/* Bytes of the model's output up to end became n bytes at the end of text; what lies before them
 * and was not read yet went elsewhere, and its tokens with it. */
static void take_tokens(struct assemble *a, size_t end, size_t n)
{
    size_t start = n < end - a->read_end ? end - n : a->read_end;
    size_t base = a->n_text - n, taken = 0;

    if (start > a->read_end) drop(&a->pending, count_to(&a->pending, start));
    while (taken < a->pending.n && a->pending.p[taken].end <= end) {
        struct assemble_token *t = push(&a->ready);

        *t = a->pending.p[taken++];
        t->end = base + (t->end > start ? t->end - start : 0);
    }
    drop(&a->pending, taken);
    a->read_end = end;
}

static void add_piece(struct assemble *a, str text, size_t end)
{
    buf_add(&a->text, text);
    a->n_text += text.n;
    take_tokens(a, end, text.n);
}

/* Control tokens in text are left out, and go along as tokens without text. */
static void add_text(struct assemble *a, str text, size_t end)
{
    size_t start = text.n < end - a->read_end ? end - text.n : a->read_end, at = start;

    for (size_t i = 0; i < a->marks.n && a->marks.p[i].from < end; i++) {
        size_t from = a->marks.p[i].from, to = a->marks.p[i].to;

        if (to <= at) continue;
        if (from < at) from = at;
        if (to > end) to = end;
        add_piece(a, str_sub(text, at - start, from - at), from);
        a->read_end = at = to;
        take_tokens(a, to, 0);
    }
    add_piece(a, str_sub(text, at - start, text.n), end);
    drop_marks(a, end);
}

static void feed_parser(struct assemble *a)
{
    str s = buf_str(&a->held);

    if (s.n) {
        for (size_t i = s.n; i > 0 && a->last_ink < a->n_consumed + i; i--)
            if (!call_is_blank(s.p[i - 1])) a->last_ink = a->n_consumed + i;
        call_parser_feed(a->parser, s);
        consume(a, s.n);
    }
    if (a->at_end && !a->ended_parser) {
        a->ended_parser = true;
        call_parser_end(a->parser);
    }
}

static bool is_usable_id(str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];

        if (!(c > ' ' && c < 0x7f && c != '"' && c != '\\')) return false;
    }
    return id.n > 0 && id.n <= FORMAT_ID_LEN_MAX;
}

static str draw_id(struct assemble *a)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    struct rng rnd;
    uint64_t seed;

    rand_bytes(&seed, sizeof seed);
    rng_seed(&rnd, seed);
    memcpy(a->call_id, "call_", 5);
    for (size_t i = 5; i < CALL_ID_LEN; i++)
        a->call_id[i] = digit[rng_below(&rnd, sizeof digit - 1)];
    return str_n(a->call_id, CALL_ID_LEN);
}

/* What was written up to end is no text: nobody asks for its logprobs. */
static void pass_over(struct assemble *a, size_t end)
{
    drop(&a->pending, count_to(&a->pending, end));
    a->read_end = end;
}

static void take_event(struct assemble *a, const struct call_event *e)
{
    size_t end = a->parser_base + e->end;

    if (e->kind == CALL_EVENT_TEXT) {
        add_text(a, e->text, end);
        return;
    }
    pass_over(a, end);
    if (e->kind == CALL_EVENT_REASONING) {
        a->thought = e->text;
        a->n_reasoning = a->n_token;
        return;
    }
    if (!a->gives_calls) return;
    a->has_call = true;
    a->call = e->call;
    a->call_end = end;
    if (!is_usable_id(a->call.id)) a->call.id = draw_id(a);
}

/* Moves what is certain into text, up to the next call or thought. */
static void read_held(struct assemble *a)
{
    struct call_event e;

    if (!a->parser) {
        str s = buf_str(&a->held);

        add_text(a, s, a->n_consumed + s.n);
        consume(a, s.n);
        return;
    }
    feed_parser(a);
    while (!a->has_call && !a->thought.n && call_parser_next(a->parser, &e)) take_event(a, &e);
    /* Tokens without text behind the last of it. */
    if (a->at_end && !a->has_call && a->read_end == a->n_consumed && a->n_call == 0)
        take_tokens(a, a->read_end, 0);
}

/* ---- text out ---- */

/* Moves the first n bytes of text into the event. Tokens that end within them go along. */
static bool show(struct assemble *a, size_t n, struct chat_event *ev)
{
    size_t n_token;

    buf_clear(&a->out);
    buf_add(&a->out, str_n(a->text.p, n));
    buf_consume(&a->text, n);
    a->n_shown += n;
    n_token = count_to(&a->ready, a->n_shown);
    if (n_token > a->cap_shown) {
        a->cap_shown = n_token;
        a->shown = mem_resize(a->shown, n_token * sizeof *a->shown);
    }
    for (size_t i = 0; i < n_token; i++) {
        a->shown[i] = a->ready.p[i].token;
        a->shown[i].end = a->ready.p[i].end;
    }
    drop(&a->ready, n_token);
    *ev = (struct chat_event){.kind = CHAT_TEXT, .text = buf_str(&a->out), .token = a->shown,
                              .n_token = n_token};
    return true;
}

/* Offset where the first stop string in text begins, or SIZE_MAX; *found gets that string, the
 * shortest of those that begin there, since it was complete first; *hold gets the bytes at the end
 * that may begin one. */
static size_t find_stop(const struct assemble *a, str text, str *found, size_t *hold)
{
    size_t first = SIZE_MAX;

    *found = STR_NONE;
    *hold = 0;
    for (int i = 0; i < a->n_stop; i++) {
        size_t at = str_find(text, a->stop[i], 0), k = partial(text, a->stop[i]);

        if (at < first || (at != SIZE_MAX && at == first && a->stop[i].n < found->n)) {
            first = at;
            *found = a->stop[i];
        }
        if (k > *hold) *hold = k;
    }
    return first;
}

/* Shows what lies before the stop string and ends the choice. */
static bool cut(struct assemble *a, size_t stop, str by, struct chat_event *ev)
{
    bool has_token = a->ready.n > 0 && a->ready.p[0].end <= a->n_shown + stop;
    bool more = (stop > 0 || has_token) && show(a, stop, ev);

    a->state = ASM_ENDED;
    a->cut_by = by;
    a->has_call = false;
    a->pending.n = a->ready.n = 0;
    return more;
}

/* White space that may stand before a call waits; behind one, at the end, it is not shown. */
static size_t blanks_held(const struct assemble *a, str text, bool complete)
{
    size_t n = 0;

    if (!a->parser || (complete && !a->has_call && a->n_call == 0)) return 0;
    while (n < text.n && call_is_blank(text.p[text.n - n - 1])) n++;
    return n;
}

static bool give_call(struct assemble *a, struct chat_event *ev)
{
    a->n_shown += a->text.n;
    buf_clear(&a->text);
    a->ready.n = 0;
    a->has_call = false;
    *ev = (struct chat_event){.kind = CHAT_CALL, .call = a->call, .n_call = a->n_call++};
    if (a->one_call) a->state = ASM_ENDED;
    return true;
}

/* Text may wait while thinking goes by: they are shown apart. */
static bool give_thought(struct assemble *a, struct chat_event *ev)
{
    buf_clear(&a->out);
    buf_add(&a->out, a->thought);
    a->thought = STR_NONE;
    *ev = (struct chat_event){.kind = CHAT_REASONING, .text = buf_str(&a->out)};
    return true;
}

static bool step_text(struct assemble *a, struct chat_event *ev)
{
    size_t hold, stop, n, blanks;
    bool complete;
    str text, by;

    if (!a->has_call) read_held(a);
    if (a->thought.n) return give_thought(a, ev);
    complete = a->at_end || a->has_call;
    text = buf_str(&a->text);
    stop = find_stop(a, text, &by, &hold);
    if (complete) hold = 0;
    n = text.n - hold;
    /* A longer stop string that began before this one may still be completed. */
    if (stop != SIZE_MAX && n >= stop) return cut(a, stop, by, ev);
    blanks = blanks_held(a, text, complete);
    if (n > text.n - blanks) n = text.n - blanks;
    if (n > 0) return show(a, n, ev);
    if (a->has_call) return give_call(a, ev);
    return a->at_end && a->text.n == 0 && a->ready.n > 0 && show(a, 0, ev);
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

enum chat_finish assemble_finish(const struct assemble *a, bool was_cut)
{
    if (a->cut_by.n && a->is_document) return CHAT_FINISH_LENGTH;
    if (was_cut && (a->n_call == 0 || a->last_ink > a->call_end)) return CHAT_FINISH_LENGTH;
    return a->n_call ? CHAT_FINISH_TOOL_CALLS : CHAT_FINISH_STOP;
}
