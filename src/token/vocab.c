/* SPDX-License-Identifier: Apache-2.0
 *
 * Building a vocabulary from its description, looking things up in it, and the frame of
 * tokenizing: special tokens first, plain text between them by kind (bpe.c, spm.c).
 */
#include "token/vocab.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "token/token_internal.h"

/* ---- Symbols ---- */

static size_t slot_of(const struct vocab *v, str key)
{
    size_t mask = v->slot_cap - 1, i = hash_str(key) & mask;
    while (v->slot[i] != SYMBOL_NONE && !str_eq(symbol_key(v, v->slot[i]), key))
        i = (i + 1) & mask;
    return i;
}

uint32_t symbol_find(const struct vocab *v, str key)
{
    return v->slot[slot_of(v, key)];
}

uint32_t pool_add(struct vocab *v, str s)
{
    CHECK(s.n <= v->pool_cap - v->pool_n);
    uint32_t at = (uint32_t)v->pool_n;
    if (s.n > 0)
        memcpy(v->pool + at, s.p, s.n);
    v->pool_n += s.n;
    return at;
}

uint32_t symbol_add(struct vocab *v, struct symbol s)
{
    CHECK(v->n_symbol < v->cap_symbol);
    v->symbol[v->n_symbol] = s;
    return v->n_symbol++;
}

static uint32_t *slots_new(size_t cap)
{
    uint32_t *slot = mem_try_alloc(cap * sizeof *slot);
    if (slot)
        memset(slot, 0xff, cap * sizeof *slot);
    return slot;
}

void symbol_publish(struct vocab *v, uint32_t s)
{
    size_t i = slot_of(v, symbol_key(v, s));
    if (v->slot[i] == SYMBOL_NONE) {
        v->slot[i] = s;
        v->slot_n++;
        CHECK(v->slot_n < v->slot_cap);
    }
}

int byte_of_hex(str s)
{
    int value = 0;
    if (s.n != 6 || !str_starts(s, STR("<0x")) || s.p[5] != '>')
        return -1;
    for (size_t i = 3; i < 5; i++) {
        char c = s.p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* ---- Building ---- */

static enum err check_strings(const str *s, size_t n, const char *what, size_t *bytes,
                              struct error *e)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i].n > VOCAB_PIECE_BYTES_MAX)
            return err_set(e, ERR_LIMIT, ERR_NO_POS, "%s %zu has %zu bytes, at most %d are allowed",
                           what, i, s[i].n, VOCAB_PIECE_BYTES_MAX);
        *bytes += s[i].n;
    }
    return ERR_OK;
}

static enum err check_desc(const struct vocab_desc *d, size_t *bytes, struct error *e)
{
    if (d->n_token == 0)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "the vocabulary has no tokens");
    if (d->n_token > VOCAB_TOKENS_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "%zu tokens, at most %d are allowed",
                       d->n_token, VOCAB_TOKENS_MAX);
    if (d->n_merge > VOCAB_MERGES_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "%zu merges, at most %d are allowed",
                       d->n_merge, VOCAB_MERGES_MAX);
    TRY(check_strings(d->token, d->n_token, "token", bytes, e));
    TRY(check_strings(d->merge, d->n_merge, "merge", bytes, e));
    if (*bytes > VOCAB_BYTES_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "%zu bytes of tokens and merges, at most %u are "
                       "allowed", *bytes, VOCAB_BYTES_MAX);
    return ERR_OK;
}

static enum err choose_kind(struct vocab *v, const struct vocab_desc *d, struct error *e)
{
    if (str_is(d->model, "llama")) {
        v->kind = VOCAB_SPM;
        return ERR_OK;
    }
    if (!str_is(d->model, "gpt2"))
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS,
                       "tokenizer kind '%.*s' is not supported; supported are gpt2 and llama",
                       STR_FMT(str_sub(d->model, 0, 64)));
    v->kind = VOCAB_BPE;
    v->pretok = pretok_find(d->pre);
    if (v->pretok)
        return ERR_OK;
    struct buf names;
    buf_init(&names, 4096);
    pretok_names(&names);
    enum err code = err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "pre-tokenizer '%.*s' is not known; "
                            "known are %.*s", STR_FMT(str_sub(d->pre, 0, 64)),
                            STR_FMT(buf_str(&names)));
    buf_done(&names);
    return code;
}

/* given, else the kind's own, else none; ids out of range count as absent. */
static int32_t choose_id(const struct vocab *v, int64_t given, int64_t otherwise)
{
    if (given >= 0 && given < v->n_token)
        return (int32_t)given;
    return otherwise < v->n_token ? (int32_t)otherwise : TOKEN_NONE;
}

static enum err choose_ids(struct vocab *v, const struct vocab_desc *d, struct error *e)
{
    bool spm = v->kind == VOCAB_SPM;
    bool no_bos = v->pretok && v->pretok->no_default_bos;

    v->bos = choose_id(v, d->bos, spm ? 1 : no_bos ? TOKEN_NONE : 11);
    v->eos = choose_id(v, d->eos, spm ? 2 : 11);
    v->unk = choose_id(v, d->unk, spm ? 0 : TOKEN_NONE);
    v->eot = choose_id(v, d->eot, TOKEN_NONE);
    v->add_bos = d->add_bos >= 0 ? d->add_bos : spm || v->pretok->add_bos;
    v->add_eos = d->add_eos > 0;
    v->add_space_prefix = spm && d->add_space_prefix != 0;
    if (v->add_bos && v->bos == TOKEN_NONE)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "a BOS token is to be added, but none is named");
    if (v->add_eos && v->eos == TOKEN_NONE)
        return err_set(e, ERR_FORMAT, ERR_NO_POS, "an EOS token is to be added, but none is named");
    return ERR_OK;
}

/* Room for the worst case; what stays untouched costs no memory, and trim gives it back. */
static enum err reserve(struct vocab *v, const struct vocab_desc *d, size_t bytes, struct error *e)
{
    size_t symbols = d->n_token + 256 + 3 * d->n_merge, cap = 1024;

    v->n_token = (uint32_t)d->n_token;
    v->cap_symbol = (uint32_t)symbols;
    v->pool_cap = 2 * bytes + 256;
    while (cap < 2 * (d->n_token + 256))
        cap *= 2;
    while (cap < symbols + 1)
        cap *= 2;
    v->slot_cap = cap;
    v->symbol = mem_try_alloc(symbols * sizeof *v->symbol);
    v->pool = mem_try_alloc(v->pool_cap);
    v->slot = slots_new(cap);
    v->type = mem_try_alloc(d->n_token);
    v->flag = mem_try_alloc(d->n_token);
    if (!v->symbol || !v->pool || !v->slot || !v->type || !v->flag)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for a vocabulary of %zu tokens",
                       d->n_token);
    return ERR_OK;
}

/* The largest table that stays under three quarters full. */
static void trim_slots(struct vocab *v)
{
    size_t cap = 64;
    while (cap * 3 < (v->slot_n + 1) * 4)
        cap *= 2;
    uint32_t *old = v->slot, *slot = cap < v->slot_cap ? slots_new(cap) : NULL;
    if (!slot)
        return;
    size_t old_cap = v->slot_cap;
    v->slot = slot;
    v->slot_cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i] != SYMBOL_NONE)
            v->slot[slot_of(v, symbol_key(v, old[i]))] = old[i];
    mem_free(old);
}

static void trim(struct vocab *v)
{
    char *pool = mem_try_resize(v->pool, v->pool_n + 1);
    if (pool)
        v->pool = pool;
    struct symbol *symbol = mem_try_resize(v->symbol, v->n_symbol * sizeof *symbol);
    if (symbol)
        v->symbol = symbol;
    trim_slots(v);
}

static enum err build(struct vocab *v, const struct vocab_desc *d, struct error *e)
{
    size_t bytes = 0;

    TRY(check_desc(d, &bytes, e));
    TRY(choose_kind(v, d, e));
    TRY(reserve(v, d, bytes, e));
    TRY(choose_ids(v, d, e));
    special_classify(v, d);
    special_index(v, d);
    TRY(v->kind == VOCAB_BPE ? bpe_load(v, d, e) : spm_load(v, d, e));
    trim(v);
    return ERR_OK;
}

enum err vocab_new(const struct vocab_desc *d, struct vocab **out, struct error *e)
{
    struct vocab *v = mem_alloc(sizeof *v);
    *out = NULL;
    enum err code = build(v, d, e);
    if (code != ERR_OK) {
        vocab_free(v);
        return code;
    }
    *out = v;
    return ERR_OK;
}

void vocab_free(struct vocab *v)
{
    if (!v)
        return;
    mem_free(v->symbol);
    mem_free(v->type);
    mem_free(v->flag);
    mem_free(v->score);
    mem_free(v->pool);
    mem_free(v->slot);
    mem_free(v->merge);
    mem_free(v->special);
    mem_free(v);
}

/* ---- Looking up ---- */

static bool in_range(const struct vocab *v, int32_t id)
{
    return id >= 0 && (uint32_t)id < v->n_token;
}

int32_t vocab_size(const struct vocab *v)
{
    return (int32_t)v->n_token;
}

int32_t vocab_bos(const struct vocab *v)
{
    return v->bos;
}

int32_t vocab_eos(const struct vocab *v)
{
    return v->eos;
}

int32_t vocab_extra(const struct vocab *v, enum vocab_extra which)
{
    return v->extra[which];
}

str vocab_piece(const struct vocab *v, int32_t id)
{
    return in_range(v, id) ? symbol_piece(v, (uint32_t)id) : STR("");
}

enum token_type vocab_type(const struct vocab *v, int32_t id)
{
    return in_range(v, id) ? (enum token_type)v->type[id] : TOKEN_UNUSED;
}

bool vocab_is_eog(const struct vocab *v, int32_t id)
{
    return in_range(v, id) && v->flag[id] & TOKEN_IS_EOG;
}

/* SPM spells spaces as U+2581 in its keys. */
static uint32_t find_spelled(const struct vocab *v, str piece)
{
    if (v->kind == VOCAB_BPE)
        return symbol_find(v, piece);
    struct buf key;
    buf_init(&key, 3 * (size_t)VOCAB_PIECE_BYTES_MAX);
    for (size_t i = 0; i < piece.n; i++)
        buf_add(&key, piece.p[i] == ' ' ? STR("\xe2\x96\x81") : str_sub(piece, i, 1));
    uint32_t s = key.bad ? SYMBOL_NONE : symbol_find(v, buf_str(&key));
    buf_done(&key);
    return s;
}

int32_t vocab_find(const struct vocab *v, str piece)
{
    int32_t special = special_exact(v, piece);
    if (special != TOKEN_NONE || piece.n == 0 || piece.n > VOCAB_PIECE_BYTES_MAX)
        return special;
    uint32_t s = find_spelled(v, piece);
    if (s < v->n_token && str_eq(symbol_piece(v, s), piece))
        return (int32_t)s;
    return piece.n == 1 ? v->byte_token[(unsigned char)piece.p[0]] : TOKEN_NONE;
}

/* ---- Tokenizing ---- */

void token_list_init(struct token_list *l, size_t max)
{
    *l = (struct token_list){.max = max};
}

void token_list_done(struct token_list *l)
{
    mem_free(l->id);
    *l = (struct token_list){.max = l->max};
}

enum err token_list_add(struct token_list *l, int32_t id, struct error *e)
{
    if (l->n >= l->max)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "the text has more than %zu tokens", l->max);
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64, bytes;
        int32_t *list = size_mul(cap, sizeof *list, &bytes) ? mem_try_resize(l->id, bytes) : NULL;
        if (!list)
            return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %zu tokens", cap);
        l->id = list;
        l->cap = cap;
    }
    l->id[l->n++] = id;
    return ERR_OK;
}

enum err job_no_memory(struct job *j)
{
    return err_set(j->e, ERR_LIMIT, ERR_NO_POS, "no memory to tokenize a text of this size");
}

enum err job_nodes(struct job *j, size_t n, size_t size)
{
    size_t bytes;
    if (!size_mul(n, size, &bytes))
        return job_no_memory(j);
    if (bytes <= j->node_bytes)
        return ERR_OK;
    bytes = bytes < 4096 ? 4096 : bytes + bytes / 2;
    void *node = mem_try_resize(j->node, bytes);
    if (!node)
        return job_no_memory(j);
    j->node = node;
    j->node_bytes = bytes;
    return ERR_OK;
}

enum err job_add(struct job *j, int32_t id)
{
    return token_list_add(j->out, id, j->e);
}

enum err job_add_byte(struct job *j, unsigned char byte)
{
    int32_t id = j->v->byte_token[byte] != TOKEN_NONE ? j->v->byte_token[byte] : j->v->unk;
    return id == TOKEN_NONE ? ERR_OK : job_add(j, id);
}

static enum err tokenize_plain(struct job *j, str text, bool first)
{
    if (text.n == 0)
        return ERR_OK;
    return j->v->kind == VOCAB_BPE ? bpe_tokenize(j, text) : spm_tokenize(j, text, first);
}

static enum err tokenize_between(struct job *j, str text, const struct match_list *special)
{
    size_t from = 0;
    bool first = true;
    for (size_t i = 0; i < special->n; i++) {
        const struct match *m = &special->item[i];
        TRY(tokenize_plain(j, str_sub(text, from, m->at - from), first));
        TRY(job_add(j, m->id));
        from = (size_t)m->at + m->n + m->space;
        first = true;
    }
    return tokenize_plain(j, str_sub(text, from, text.n - from), first);
}

static enum err check_spans(str text, const struct text_span *input, size_t n, struct error *e)
{
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        if (input[i].from < end || input[i].to < input[i].from || input[i].to > text.n)
            return err_set(e, ERR_ARG, input[i].from, "span %zu of the text is out of order", i);
        end = input[i].to;
    }
    return ERR_OK;
}

enum err vocab_tokenize(const struct vocab *v, str text, unsigned flags,
                        const struct text_span *input, size_t n_input,
                        struct token_list *out, struct error *e)
{
    struct job j = {.v = v, .out = out, .e = e};
    struct match_list special = {0};
    enum err code;

    if (text.n > VOCAB_TEXT_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "%zu bytes of text, at most %u are allowed",
                       text.n, VOCAB_TEXT_MAX);
    TRY(check_spans(text, input, n_input, e));
    if (flags & TOKENIZE_ADD_SPECIAL && v->add_bos)
        TRY(token_list_add(out, v->bos, e));

    heap_init(&j.heap);
    code = special_find(&j, text, flags, input, n_input, &special);
    if (code == ERR_OK)
        code = tokenize_between(&j, text, &special);
    if (code == ERR_OK && flags & TOKENIZE_ADD_SPECIAL && v->add_eos)
        code = token_list_add(out, v->eos, e);
    mem_free(special.item);
    mem_free(j.node);
    mem_free(j.text);
    heap_done(&j.heap);
    return code;
}
