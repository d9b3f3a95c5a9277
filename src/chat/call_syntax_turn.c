/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammar of a turn:
 *
 *   turn:     lead? (thinking gap)? content
 *   content:  calls                            when they must come
 *             free text, with calls behind an opening text
 *             answer, or calls                 when the text has a schema
 *
 * and where text and thinking stand in channels (answer_open):
 *
 *   turn:     thinking gap turn | note gap turn | answer_open text | calls
 *
 * Whatever the parser would take for a call is here a trigger, so that no call gets around its
 * schema.
 */
#include "base/mem.h"
#include "chat/call_syntax_internal.h"
#include "grammar/regex.h"

#define TEXT_PARTS_MAX 32

/* ---- texts with marks ---- */

static const str think_marks[] = {STR("<think>"), STR("</think>")};

static void consider(str mark, str text, size_t from, size_t *at, str *found)
{
    size_t i = mark.n ? str_find(text, mark, from) : SIZE_MAX;

    if (i < *at || (i == *at && i != SIZE_MAX && mark.n > found->n)) {
        *at = i;
        *found = mark;
    }
}

uint32_t call_text_node(const struct call_build *b, str text)
{
    uint32_t part[TEXT_PARTS_MAX];
    size_t n = 0, from = 0;

    while (from < text.n && n + 2 <= TEXT_PARTS_MAX) {
        size_t at = SIZE_MAX;
        str mark = STR_NONE;

        for (size_t i = 0; i < CALL_MARKS_MAX; i++)
            consider(b->syntax->mark[i], text, from, &at, &mark);
        for (size_t i = 0; i < 2; i++) consider(think_marks[i], text, from, &at, &mark);
        if (at == SIZE_MAX) at = text.n;
        if (at > from) part[n++] = grammar_text(b->g, str_sub(text, from, at - from));
        if (mark.n) part[n++] = grammar_mark(b->g, mark);
        from = at + mark.n;
    }
    CHECK(from >= text.n);
    return grammar_sequence(b->g, part, n);
}

static uint32_t sequence(const struct call_build *b, uint32_t first, uint32_t second)
{
    return grammar_sequence(b->g, (uint32_t[]){first, second}, 2);
}

static uint32_t choice(const struct call_build *b, uint32_t one, uint32_t other)
{
    return grammar_choice(b->g, (uint32_t[]){one, other}, 2);
}

static uint32_t nothing(const struct call_build *b) { return grammar_text(b->g, STR_NONE); }

/* ---- calls ---- */

/* What the parts of a turn are made of. */
struct turn {
    struct call_build b;
    const struct call_grammar *c;
    uint32_t *args; /* [n_tool] */
    uint32_t tail; /* a call from its name on */
    uint32_t alt_tail; /* behind alt_open */
};

static uint32_t id_node(struct turn *t)
{
    struct dfa_work *w = grammar_work(t->b.g);
    str pattern = t->b.syntax->id == CALL_ID_COUNT ? STR("^(?:0|[1-9][0-9]{0,3})$")
                                                   : STR("^[a-zA-Z0-9]{8}[a-zA-Z0-9]$");
    uint32_t min, max;
    const struct dfa *d = regex_dfa(w, pattern, true, &min, &max);

    return d ? grammar_terminal(t->b.g, d, 0, GRAMMAR_UNBOUNDED) : NODE_NONE;
}

/* NAME .. call_close of one tool. */
static uint32_t tool_node(struct turn *t, size_t i, str args_open)
{
    const struct call_syntax *s = t->b.syntax;
    uint32_t part[8];
    size_t n = 0;

    part[n++] = grammar_text(t->b.g, t->c->tool[i].name);
    if (s->form == CALL_JSON) {
        part[n++] = grammar_text(t->b.g, STR("\", \""));
        part[n++] = grammar_text(t->b.g, s->key_args);
        part[n++] = grammar_text(t->b.g, STR("\": "));
    } else if (s->id != CALL_ID_NONE) {
        part[n++] = call_text_node(&t->b, s->id_open);
        part[n++] = id_node(t);
    }
    part[n++] = call_text_node(&t->b, args_open);
    part[n++] = t->args[i];
    if (s->form != CALL_JSON) part[n++] = call_text_node(&t->b, s->call_close);
    return grammar_sequence(t->b.g, part, n);
}

/* A call from its name on, any tool; JSON rows from the brace on. */
static uint32_t tail_node(struct turn *t, str args_open, uint32_t *node)
{
    const struct call_syntax *s = t->b.syntax;
    bool is_json = s->form == CALL_JSON, has_id = is_json && s->id != CALL_ID_NONE;
    uint32_t part[9];
    size_t n = 0;

    for (size_t i = 0; i < t->c->n_tool; i++) node[i] = tool_node(t, i, args_open);
    if (is_json) part[n++] = grammar_text(t->b.g, STR("{\""));
    if (is_json) part[n++] = grammar_text(t->b.g, s->key_name);
    if (is_json) part[n++] = grammar_text(t->b.g, STR("\": \""));
    part[n++] = grammar_choice(t->b.g, node, t->c->n_tool);
    if (has_id) part[n++] = grammar_text(t->b.g, STR(", \"id\": \""));
    if (has_id) part[n++] = id_node(t);
    if (has_id) part[n++] = grammar_text(t->b.g, STR("\""));
    if (is_json) part[n++] = grammar_text(t->b.g, STR("}"));
    if (is_json) part[n++] = call_text_node(&t->b, s->call_close);
    return grammar_sequence(t->b.g, part, n);
}

/* What follows the first call of a turn. */
static uint32_t more_node(struct turn *t)
{
    const struct call_syntax *s = t->b.syntax;
    uint32_t close = call_text_node(&t->b, s->calls_close), another;

    if (!t->c->parallel || s->one_call) return close;
    another = sequence(&t->b, call_text_node(&t->b, s->between),
                       sequence(&t->b, call_text_node(&t->b, s->call_open), t->tail));
    return sequence(&t->b, grammar_repeat(t->b.g, another, 0, GRAMMAR_UNBOUNDED, NODE_NONE), close);
}

/* All calls of a turn; `found` of their opening text is already there. */
static uint32_t calls_node(struct turn *t, str found)
{
    const struct call_syntax *s = t->b.syntax;
    size_t in_section = s->calls_open.n ? str_find(s->calls_open, found, 0) : SIZE_MAX;
    size_t in_call = str_find(s->call_open, found, 0);
    str first = s->calls_open, second = s->call_open;
    uint32_t part[4];

    if (in_section != SIZE_MAX) {
        first = str_sub(first, in_section + found.n, SIZE_MAX);
    } else if (found.n) {
        first = STR_NONE;
        second = in_call == SIZE_MAX ? STR_NONE : str_sub(second, in_call + found.n, SIZE_MAX);
    }
    part[0] = call_text_node(&t->b, first);
    part[1] = call_text_node(&t->b, second);
    part[2] = t->tail;
    part[3] = more_node(t);
    return grammar_sequence(t->b.g, part, 4);
}

/* ---- text ---- */

/* Free text to the end, in which each opening text of a call must be one. */
static uint32_t free_node(struct turn *t)
{
    const struct call_syntax *s = t->b.syntax;
    struct grammar_trigger trigger[CALL_OPENS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < CALL_OPENS_MAX && t->c->n_tool > 0; i++)
        if (s->open[i].n)
            trigger[n++] = (struct grammar_trigger){s->open[i], calls_node(t, s->open[i])};
    return grammar_free(t->b.g, trigger, n, true);
}

/* Where a turn may begin with a call and no mark: text that cannot be taken for one. A brace may
 * stand first, the keys that has_call_key (call_parse.c) knows may not. */
static uint32_t other_start(struct turn *t)
{
    str pattern = STR("^(?:[^{\\s]|\\{(?:[^\\s\"]|\"(?:[^ntfipa]|n[^a]|t[^y]|f[^u]|i[^d]|p[^a]|"
                      "a[^r])))$");
    uint32_t min, max;
    const struct dfa *d = regex_dfa(grammar_work(t->b.g), pattern, true, &min, &max);

    if (!d) return NODE_NONE;
    return choice(&t->b, nothing(&t->b),
                  sequence(&t->b, grammar_terminal(t->b.g, d, 0, GRAMMAR_UNBOUNDED), free_node(t)));
}

static uint32_t content_node(struct turn *t)
{
    const struct call_syntax *s = t->b.syntax;
    bool has_answer = t->c->answer != NODE_NONE;
    uint32_t calls;

    if (t->c->n_tool == 0) return has_answer ? t->c->answer : free_node(t);
    calls = calls_node(t, STR_NONE);
    if (t->c->required) return calls;
    if (has_answer) return choice(&t->b, calls, t->c->answer);
    return s->start.n ? choice(&t->b, calls, other_start(t)) : free_node(t);
}

/* ---- thinking ---- */

static uint32_t words_node(struct turn *t, const str *word, size_t n)
{
    uint32_t node[4];

    for (size_t i = 0; i < n; i++) node[i] = grammar_text(t->b.g, word[i]);
    return grammar_choice(t->b.g, node, n);
}

/* Thinking up to its end, then `then`. */
static uint32_t thought_node(struct turn *t, uint32_t then)
{
    struct grammar_trigger close = {t->b.syntax->think_close, then};

    return grammar_free(t->b.g, &close, 1, false);
}

static uint32_t plain_turn(struct turn *t, bool opens_reasoning, bool may_reason)
{
    static const str gaps[] = {STR(""), STR("\n"), STR("\n\n")};
    const struct call_syntax *s = t->b.syntax;
    bool is_free = !t->c->required && t->c->answer == NODE_NONE && s->start.n == 0;
    uint32_t content = content_node(t), behind = content, turn = content;

    /* Free text may begin with line breaks anyway. */
    if (!is_free) behind = sequence(&t->b, words_node(t, gaps, 3), content);
    if (opens_reasoning) return thought_node(t, behind);
    if (may_reason)
        turn =
            choice(&t->b, content,
                   sequence(&t->b, call_text_node(&t->b, s->think_open), thought_node(t, behind)));
    if (s->lead.n == 0) return turn;
    return sequence(&t->b, words_node(t, (str[]){STR(""), s->lead}, 2), turn);
}

/* ---- turns in channels ---- */

struct channels {
    uint32_t turn, next, text;
};

/* Text until `close`, or to the end where there is none. A mark that opens a message opens one of
 * ours. */
static uint32_t channel_text(struct turn *t, const struct channels *c, str close)
{
    struct grammar_trigger trigger[] = {
        {STR("<|start|>"), sequence(&t->b, grammar_text(t->b.g, STR("assistant")), c->turn)},
        {STR("<|channel|>"),
         sequence(&t->b, call_text_node(&t->b, STR("final<|message|>")), c->text)},
        {close, c->next},
    };

    return grammar_free(t->b.g, trigger, close.n ? 3 : 2, close.n == 0);
}

static uint32_t channel_turn(struct turn *t, bool opens_reasoning, bool may_reason)
{
    const struct call_syntax *s = t->b.syntax;
    struct grammar_builder *g = t->b.g;
    struct channels c = {.turn = grammar_reserve(g), .text = grammar_reserve(g)};
    uint32_t node[5], text = t->c->answer;
    size_t n = 0;

    c.next = sequence(&t->b, call_text_node(&t->b, s->gap), c.turn);
    if (t->c->n_tool > 0) {
        node[n++] = calls_node(t, STR_NONE);
        node[n++] = sequence(&t->b, call_text_node(&t->b, s->alt_open), t->alt_tail);
    }
    if (may_reason)
        node[n++] = sequence(&t->b, call_text_node(&t->b, s->think_open), thought_node(t, c.next));
    grammar_fill(g, c.text, channel_text(t, &c, STR_NONE));
    if (text == NODE_NONE) text = c.text;
    if (!t->c->required) node[n++] = sequence(&t->b, call_text_node(&t->b, s->answer_open), text);
    /* A note is text, which an answer that obeys leaves no room for. */
    if (!t->c->required && t->c->n_tool > 0 && t->c->answer == NODE_NONE)
        node[n++] = sequence(&t->b, call_text_node(&t->b, s->note_open),
                             channel_text(t, &c, s->note_close));
    grammar_fill(g, c.turn, grammar_choice(g, node, n));
    return opens_reasoning ? thought_node(t, c.next) : c.turn;
}

/* ---- the whole ---- */

static enum err compile_arguments(struct turn *t, struct error *e)
{
    for (size_t i = 0; i < t->c->n_tool; i++) {
        const struct chat_tool *tool = &t->c->tool[i];
        struct error why = {0};
        enum err rc = call_args_node(&t->b, tool->parameters, &t->args[i], &why);

        if (rc != ERR_OK)
            return err_set(e, rc, why.pos, "tools['%.*s'].function.parameters: %s",
                           STR_FMT(tool->name), why.text);
    }
    return ERR_OK;
}

enum err call_syntax_turn(const struct call_syntax *s, const struct call_grammar *c,
                          bool opens_reasoning, bool may_reason, struct grammar_builder *g,
                          uint32_t *node, struct error *e)
{
    struct turn t = {.b = {.syntax = s, .g = g, .options = c->options}, .c = c};
    struct dfa_work *w = grammar_work(g);
    uint32_t *part = mem_array(c->n_tool + 1, sizeof *part);
    enum err rc;

    t.args = mem_array(c->n_tool + 1, sizeof *t.args);
    rc = compile_arguments(&t, e);
    if (rc == ERR_OK && c->n_tool > 0) {
        t.tail = tail_node(&t, s->args_open, part);
        if (s->alt_open.n) t.alt_tail = tail_node(&t, s->alt_args_open, part);
    }
    if (rc == ERR_OK)
        *node = s->answer_open.n ? channel_turn(&t, opens_reasoning, may_reason)
                                 : plain_turn(&t, opens_reasoning, may_reason);
    mem_free(t.args);
    mem_free(part);
    if (rc == ERR_OK && w->rc != ERR_OK)
        rc = err_set(e, w->rc, ERR_NO_POS, "%s", w->e ? w->e->text : "");
    return rc;
}
