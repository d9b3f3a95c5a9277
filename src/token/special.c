/* SPDX-License-Identifier: Apache-2.0
 *
 * Special tokens: which tokens are control tokens and end a turn, and where special tokens stand
 * in a text. Files do not say reliably what ends a turn, so it is decided by ids and by spelling,
 * as llama.cpp does.
 *
 * The search gives longer tokens precedence over shorter ones wherever they are, and the leftmost
 * among equally long ones. Each place of the text holds its longest token in a heap; what comes
 * out overlapping an accepted one goes back with the longest that still fits in front of it.
 */
#include <stdlib.h>
#include "base/map.h"
#include "base/mem.h"
#include "token/token_internal.h"

/* ---- Classes by spelling ---- */

enum known_role {
    KNOWN_EOG = 1,                     /* ends a turn */
    KNOWN_MARK = 2,                    /* gpt-oss: visible marks of a message, user-defined */
    /* The first spelling found stands for a fill-in-the-middle id the file does not name. */
    KNOWN_EOM = 4, KNOWN_PREFIX = 8, KNOWN_SUFFIX = 16, KNOWN_MIDDLE = 32, KNOWN_PAD = 64,
    KNOWN_REPO = 128, KNOWN_FILE = 256,
};

struct known { const char *text; unsigned role; };

static const struct known known[] = {
    {"<|end|>", KNOWN_EOG}, {"<|return|>", KNOWN_EOG}, {"<|call|>", KNOWN_EOG},
    {"<|calls|>", KNOWN_EOG}, {"<|flush|>", KNOWN_EOG}, {"</s>", KNOWN_EOG},
    {"<|tool_response>", KNOWN_EOG},   /* these seven are looked at again below */
    {"<|eot_id|>", KNOWN_EOG}, {"<|im_end|>", KNOWN_EOG}, {"<end_of_turn>", KNOWN_EOG},
    {"<|endoftext|>", KNOWN_EOG}, {"<|eom_id|>", KNOWN_EOG | KNOWN_EOM}, {"<EOT>", KNOWN_EOG},
    {"_<EOT>", KNOWN_EOG}, {"[EOT]", KNOWN_EOG}, {"[EOS]", KNOWN_EOG},
    {"<|end_of_text|>", KNOWN_EOG}, {"<end_of_utterance>", KNOWN_EOG}, {"<eos>", KNOWN_EOG},
    {"<turn|>", KNOWN_EOG}, {"[e~[", KNOWN_EOG},
    {"<\xef\xbd\x9c" "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>", KNOWN_EOG},
    {"<|channel|>", KNOWN_MARK}, {"<|message|>", KNOWN_MARK}, {"<|start|>", KNOWN_MARK},
    {"<|constrain|>", KNOWN_MARK},
    {"<|fim_prefix|>", KNOWN_PREFIX}, {"<fim-prefix>", KNOWN_PREFIX},
    {"<fim_prefix>", KNOWN_PREFIX}, {"<PRE>", KNOWN_PREFIX},
    {"<\xef\xbd\x9c" "fim\xe2\x96\x81" "begin\xef\xbd\x9c>", KNOWN_PREFIX},
    {"\xe2\x96\x81<PRE>", KNOWN_PREFIX}, {"<|code_prefix|>", KNOWN_PREFIX},
    {"<|prefix|>", KNOWN_PREFIX},
    {"<|fim_suffix|>", KNOWN_SUFFIX}, {"<fim-suffix>", KNOWN_SUFFIX},
    {"<fim_suffix>", KNOWN_SUFFIX}, {"<SUF>", KNOWN_SUFFIX},
    {"<\xef\xbd\x9c" "fim\xe2\x96\x81hole\xef\xbd\x9c>", KNOWN_SUFFIX},
    {"\xe2\x96\x81<SUF>", KNOWN_SUFFIX}, {"<|code_suffix|>", KNOWN_SUFFIX},
    {"<|suffix|>", KNOWN_SUFFIX},
    {"<|fim_middle|>", KNOWN_MIDDLE}, {"<fim-middle>", KNOWN_MIDDLE},
    {"<fim_middle>", KNOWN_MIDDLE}, {"<MID>", KNOWN_MIDDLE},
    {"<\xef\xbd\x9c" "fim\xe2\x96\x81" "end\xef\xbd\x9c>", KNOWN_MIDDLE},
    {"\xe2\x96\x81<MID>", KNOWN_MIDDLE}, {"<|code_middle|>", KNOWN_MIDDLE},
    {"<|middle|>", KNOWN_MIDDLE},
    {"<|fim_pad|>", KNOWN_PAD}, {"<fim-pad>", KNOWN_PAD}, {"<fim_pad>", KNOWN_PAD},
    {"<PAD>", KNOWN_PAD}, {"[PAD]", KNOWN_PAD},
    {"<|fim_repo|>", KNOWN_REPO}, {"<|repo_name|>", KNOWN_REPO}, {"<fim-repo>", KNOWN_REPO},
    {"<REPO>", KNOWN_REPO}, {"<reponame>", KNOWN_REPO},
    {"<|file_sep|>", KNOWN_FILE},
};
#define KNOWNS (sizeof known / sizeof known[0])
enum { END, RETURN, CALL, CALLS, FLUSH, CLOSE_S, TOOL_RESPONSE };      /* places in known */

struct extra_rule { enum vocab_extra extra; unsigned role; bool ends_turn; };

static const struct extra_rule extra_rules[] = {
    {VOCAB_EOM, KNOWN_EOM, true}, {VOCAB_FIM_PREFIX, KNOWN_PREFIX, false},
    {VOCAB_FIM_SUFFIX, KNOWN_SUFFIX, false}, {VOCAB_FIM_MIDDLE, KNOWN_MIDDLE, false},
    {VOCAB_FIM_PAD, KNOWN_PAD, true}, {VOCAB_FIM_REPO, KNOWN_REPO, true},
    {VOCAB_FIM_FILE, KNOWN_FILE, true},
};
_Static_assert(sizeof extra_rules / sizeof extra_rules[0] == VOCAB_EXTRA_COUNT, "one rule each");

/* id[k]: first token spelled known[k].text, or TOKEN_NONE. */
static void find_known(const struct vocab_desc *d, int32_t id[KNOWNS])
{
    struct map by_text;
    map_init(&by_text, KNOWNS);
    for (size_t k = 0; k < KNOWNS; k++) {
        id[k] = TOKEN_NONE;
        map_set(&by_text, str_of(known[k].text), k);
    }
    for (size_t i = 0; i < d->n_token; i++) {
        uintptr_t k;
        if (d->token[i].n > 0 && map_get(&by_text, d->token[i], &k) && id[k] == TOKEN_NONE)
            id[k] = (int32_t)i;
    }
    map_done(&by_text);
}

static void set_eog(struct vocab *v, int64_t id)
{
    if (id >= 0 && id < v->n_token)
        v->flag[id] |= TOKEN_IS_EOG;
}

static void apply_extra(struct vocab *v, const struct vocab_desc *d, const struct extra_rule *r,
                        const int32_t id[KNOWNS])
{
    int64_t given = d->extra ? d->extra[r->extra] : TOKEN_NONE;
    if (given < 0 || given >= v->n_token) {
        given = TOKEN_NONE;
        for (size_t k = 0; k < KNOWNS && given == TOKEN_NONE; k++)
            if (known[k].role & r->role)
                given = id[k];
        if (given != TOKEN_NONE)
            v->type[given] = TOKEN_CONTROL;
    }
    v->extra[r->extra] = (int32_t)given;
    if (r->ends_turn)
        set_eog(v, given);
}

static bool is_eog(const struct vocab *v, int32_t id)
{
    return id != TOKEN_NONE && v->flag[id] & TOKEN_IS_EOG;
}

/* Spellings that end a turn in most families, but not beside certain others. */
static void apply_exceptions(struct vocab *v, const int32_t id[KNOWNS])
{
    bool call = is_eog(v, id[CALL]) || is_eog(v, id[CALLS]);
    if (call && is_eog(v, id[END]) && (is_eog(v, id[RETURN]) || is_eog(v, id[FLUSH]))) {
        v->flag[id[END]] &= (uint8_t)~TOKEN_IS_EOG;
        v->type[id[END]] = TOKEN_USER;
    }
    if (is_eog(v, id[TOOL_RESPONSE]) && is_eog(v, id[CLOSE_S])) {
        v->flag[id[CLOSE_S]] &= (uint8_t)~TOKEN_IS_EOG;
        v->type[id[CLOSE_S]] = TOKEN_NORMAL;
    }
}

static bool name_has(str name, const char *lower)
{
    str part = str_of(lower);
    for (size_t i = 0; i + part.n <= name.n; i++)
        if (str_eq_nocase(str_sub(name, i, part.n), part))
            return true;
    return false;
}

/* phi-3's tokenizer drops white space behind special tokens, but for three of them. */
static void apply_phi3(struct vocab *v, const struct vocab_desc *d)
{
    static const char *const keeps[] = {"<unk>", "<s>", "<|endoftext|>"};

    if (!name_has(d->model_name, "phi-3") && !name_has(d->model_name, "phi3"))
        return;
    for (uint32_t i = 0; i < v->n_token; i++) {
        bool eats = token_is_verbatim(v, i) || str_is(d->token[i], "</s>");
        for (size_t k = 0; k < sizeof keeps / sizeof keeps[0]; k++)
            eats = eats && !str_is(d->token[i], keeps[k]);
        if (eats)
            v->flag[i] |= TOKEN_EATS_SPACE;
    }
}

void special_classify(struct vocab *v, const struct vocab_desc *d)
{
    int32_t id[KNOWNS];

    for (size_t i = 0; i < d->n_token; i++) {
        int32_t t = d->type ? d->type[i] : TOKEN_NORMAL;
        v->type[i] = t >= TOKEN_NORMAL && t <= TOKEN_BYTE ? (uint8_t)t : TOKEN_UNUSED;
    }
    find_known(d, id);
    for (size_t i = 0; i < VOCAB_EXTRA_COUNT; i++)
        apply_extra(v, d, &extra_rules[i], id);
    for (size_t k = 0; k < KNOWNS; k++) {
        if (id[k] != TOKEN_NONE && known[k].role & KNOWN_EOG) {
            v->type[id[k]] = TOKEN_CONTROL;
            set_eog(v, id[k]);
        }
        if (id[k] != TOKEN_NONE && known[k].role & KNOWN_MARK)
            v->type[id[k]] = TOKEN_USER;
    }
    set_eog(v, v->eos);
    set_eog(v, v->eot);
    apply_exceptions(v, id);
    apply_phi3(v, d);
}

/* ---- Index ---- */

struct spelled { str text; int32_t id; };

static int by_text(const void *a, const void *b)
{
    const struct spelled *x = a, *y = b;
    int c = str_cmp(x->text, y->text);
    return c ? c : (x->id > y->id) - (x->id < y->id);
}

void special_index(struct vocab *v, const struct vocab_desc *d)
{
    size_t n = 0;
    for (uint32_t i = 0; i < v->n_token; i++)
        n += token_is_verbatim(v, i) && d->token[i].n > 0;
    struct spelled *list = mem_array(n, sizeof *list);
    n = 0;
    for (uint32_t i = 0; i < v->n_token; i++)
        if (token_is_verbatim(v, i) && d->token[i].n > 0)
            list[n++] = (struct spelled){d->token[i], (int32_t)i};
    qsort(list, n, sizeof *list, by_text);

    v->special = mem_array(n, sizeof *v->special);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && str_eq(list[i].text, list[i - 1].text))
            continue;
        v->special[v->n_special++] = list[i].id;
        v->special_at[(unsigned char)list[i].text.p[0] + 1] = v->n_special;
    }
    for (size_t b = 1; b <= 256; b++)
        if (v->special_at[b] < v->special_at[b - 1])
            v->special_at[b] = v->special_at[b - 1];
    mem_free(list);
}

/* ---- Search ---- */

struct finder {
    struct job *job;
    const struct vocab *v;
    str text;
    unsigned flags;
    const struct text_span *input;
    size_t n_input;
    uint64_t *taken;                   /* owns; a bit a byte of text: accepted already */
    struct match_list *out;
};

static str special_text(const struct vocab *v, uint32_t i)
{
    return symbol_piece(v, (uint32_t)v->special[i]);
}

/* Does any byte of [from, to) lie inside a span, or an empty span between its bytes? */
static bool touches_input(const struct finder *f, size_t from, size_t to)
{
    size_t lo = 0, hi = f->n_input;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (f->input[mid].to <= from)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < f->n_input && f->input[lo].from < to;
}

static bool may_take(const struct finder *f, uint32_t i, size_t at, size_t n)
{
    if (f->v->type[f->v->special[i]] == TOKEN_USER)
        return true;
    return f->flags & TOKENIZE_PARSE_SPECIAL && !touches_input(f, at, at + n);
}

/* First in [lo, hi) whose byte at depth is at least c. */
static uint32_t lower_bound(const struct vocab *v, uint32_t lo, uint32_t hi, size_t depth, int c)
{
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if ((unsigned char)special_text(v, mid).p[depth] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Keeps of [*lo, *hi), all longer than depth and equal before it, those with byte c there. */
static void narrow(const struct vocab *v, uint32_t *lo, uint32_t *hi, size_t depth, int c)
{
    int first = (unsigned char)special_text(v, *lo).p[depth];
    int last = (unsigned char)special_text(v, *hi - 1).p[depth];
    if (first == c && last == c)
        return;
    *lo = lower_bound(v, *lo, *hi, depth, c);
    *hi = lower_bound(v, *lo, *hi, depth, c + 1);
}

/* Longest special at text[at..] of at most max bytes; SYMBOL_NONE when there is none. */
static uint32_t longest_at(const struct finder *f, size_t at, size_t max)
{
    int c = (unsigned char)f->text.p[at];
    uint32_t lo = f->v->special_at[c], hi = f->v->special_at[c + 1], best = SYMBOL_NONE;
    for (size_t depth = 1; lo < hi; depth++) {
        if (special_text(f->v, lo).n == depth) {
            if (may_take(f, lo, at, depth))
                best = lo;
            lo++;
        }
        if (lo == hi || depth == max)
            break;
        narrow(f->v, &lo, &hi, depth, (unsigned char)f->text.p[at + depth]);
    }
    return best;
}

static enum err propose(struct finder *f, size_t at, size_t max)
{
    uint32_t i = longest_at(f, at, max);
    if (i == SYMBOL_NONE)
        return ERR_OK;
    uint64_t n = special_text(f->v, i).n;
    struct heap_item item = {(UINT32_MAX - n) << 32 | at, i, 0};
    return heap_push(&f->job->heap, item) ? ERR_OK : job_no_memory(f->job);
}

/* First taken byte in [from, to), or to. */
static size_t first_taken(const struct finder *f, size_t from, size_t to)
{
    for (size_t w = from / 64; w * 64 < to; w++) {
        uint64_t bits = f->taken[w];
        if (w == from / 64)
            bits &= ~0ull << from % 64;
        if (bits) {
            size_t at = w * 64 + (size_t)__builtin_ctzll(bits);
            return at < to ? at : to;
        }
    }
    return to;
}

static void take(struct finder *f, size_t at)
{
    f->taken[at / 64] |= 1ull << at % 64;
}

static bool is_taken(const struct finder *f, size_t at)
{
    return f->taken[at / 64] >> at % 64 & 1;
}

static bool is_ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static enum err accept(struct finder *f, size_t at, uint32_t i)
{
    struct match_list *out = f->out;
    if (out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 16;
        struct match *item = mem_try_resize(out->item, cap * sizeof *item);
        if (!item)
            return job_no_memory(f->job);
        out->item = item;
        out->cap = cap;
    }
    int32_t id = f->v->special[i];
    size_t end = at + special_text(f->v, i).n, space = end;
    for (size_t b = at; b < end; b++)
        take(f, b);
    if (f->v->flag[id] & TOKEN_EATS_SPACE)
        while (space < f->text.n && !is_taken(f, space) && is_ascii_space(f->text.p[space]))
            take(f, space++);
    out->item[out->n++] = (struct match){(uint32_t)at, (uint32_t)(end - at),
                                         (uint32_t)(space - end), id};
    return ERR_OK;
}

static enum err choose(struct finder *f)
{
    struct heap_item best;
    while (heap_pop(&f->job->heap, &best)) {
        size_t at = (uint32_t)best.key, end = at + special_text(f->v, best.a).n;
        size_t free_to = first_taken(f, at, end);
        if (free_to == end)
            TRY(accept(f, at, best.a));
        else if (free_to > at)
            TRY(propose(f, at, free_to - at));
    }
    return ERR_OK;
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = ((const struct match *)a)->at, y = ((const struct match *)b)->at;
    return (x > y) - (x < y);
}

enum err special_find(struct job *j, str text, unsigned flags, const struct text_span *input,
                      size_t n_input, struct match_list *out)
{
    struct finder f = {j, j->v, text, flags, input, n_input, NULL, out};
    j->heap.n = 0;
    for (size_t at = 0; at < text.n; at++) {
        int c = (unsigned char)text.p[at];
        if (f.v->special_at[c] < f.v->special_at[c + 1])
            TRY(propose(&f, at, text.n - at));
    }
    if (j->heap.n == 0)
        return ERR_OK;
    f.taken = mem_try_alloc((text.n / 64 + 1) * sizeof *f.taken);
    if (!f.taken)
        return job_no_memory(j);
    enum err code = choose(&f);
    mem_free(f.taken);
    if (code == ERR_OK && out->n > 1)
        qsort(out->item, out->n, sizeof *out->item, by_place);
    return code;
}

int32_t special_exact(const struct vocab *v, str text)
{
    if (text.n == 0)
        return TOKEN_NONE;
    int c = (unsigned char)text.p[0];
    uint32_t lo = v->special_at[c], hi = v->special_at[c + 1];
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = str_cmp(special_text(v, mid), text);
        if (order == 0)
            return v->special[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return TOKEN_NONE;
}
