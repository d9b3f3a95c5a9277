/* SPDX-License-Identifier: Apache-2.0
 *
 * SentencePiece-style BPE: spaces are spelled U+2581, parts of the text (at first characters)
 * merge whenever both together are a token, the highest score first, the leftmost on a tie; what
 * no token covers comes out as byte tokens.
 *
 * Merging takes the whole text as one word. Where no token has a space behind another character
 * nothing can merge across that place, so the text is cut there: same result, little memory.
 */
#include "base/mem.h"
#include "base/utf8.h"
#include "token/token_internal.h"

#define SPACE_MARK STR("\xe2\x96\x81")

/* ---- Loading ---- */

static bool is_mark(str s, size_t i)
{
    return str_starts(str_sub(s, i, 3), SPACE_MARK);
}

/* Text with marks as spaces, in the pool. */
static void pool_add_unmarked(struct vocab *v, str text)
{
    for (size_t i = 0; i < text.n;) {
        bool mark = is_mark(text, i);
        pool_add(v, mark ? STR(" ") : str_sub(text, i, 1));
        i += mark ? 3 : 1;
    }
}

static bool has_mark_inside(str text)
{
    bool after_other = false;
    for (size_t i = 0; i < text.n;) {
        bool mark = is_mark(text, i);
        if (mark && after_other)
            return true;
        after_other = !mark;
        i += mark ? 3 : 1;
    }
    return false;
}

static void load_token(struct vocab *v, uint32_t id, str text)
{
    uint32_t at = pool_add(v, text), n = (uint32_t)text.n;
    struct symbol s = {at, n, at, n};
    int byte = v->type[id] == TOKEN_BYTE ? byte_of_hex(text) : -1;

    if (byte >= 0) {
        char c = (char)byte;
        s.piece = pool_add(v, (str){&c, 1});
        s.piece_n = 1;
    } else if (v->type[id] == TOKEN_UNUSED) {
        s.piece_n = 0;
    } else if (!token_is_verbatim(v, id) && str_find(text, SPACE_MARK, 0) != SIZE_MAX) {
        s.piece = (uint32_t)v->pool_n;
        pool_add_unmarked(v, text);
        s.piece_n = (uint32_t)v->pool_n - s.piece;
    }
    symbol_add(v, s);
    if (token_is_text(v, id) && v->type[id] != TOKEN_BYTE && n > 0) {
        symbol_publish(v, id);
        if (has_mark_inside(text))
            v->words_apart = false;
    }
}

static void load_bytes(struct vocab *v, const struct vocab_desc *d)
{
    for (int b = 0; b < 256; b++) {
        char c = (char)b;
        uint32_t s = symbol_find(v, (str){&c, 1});
        v->byte_token[b] = s == SYMBOL_NONE ? TOKEN_NONE : (int32_t)s;
    }
    for (size_t i = d->n_token; i-- > 0;) {
        int byte = byte_of_hex(d->token[i]);
        if (byte >= 0)
            v->byte_token[byte] = (int32_t)i;
    }
}

enum err spm_load(struct vocab *v, const struct vocab_desc *d, struct error *e)
{
    v->score = mem_try_alloc(d->n_token * sizeof *v->score);
    if (!v->score)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %zu scores", d->n_token);
    v->words_apart = true;
    for (uint32_t i = 0; i < v->n_token; i++) {
        v->score[i] = d->score ? d->score[i] : 0.0f;
        load_token(v, i, d->token[i]);
    }
    load_bytes(v, d);
    return ERR_OK;
}

/* ---- Merging ---- */

/* A part of the word, n bytes at at; n is 0 once it was merged into its left neighbour. */
struct node { uint32_t at, n, prev, next; };
#define NODE_NONE UINT32_MAX

/* The higher the score, the smaller the rank; NaN comes last, both zeros are equal. */
static uint32_t rank_of(float score)
{
    uint32_t bits;
    score += 0.0f;
    if (score != score)
        return UINT32_MAX;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? bits : ~(bits | 0x80000000u);
}

static enum err propose(struct job *j, str word, const struct node *node, uint32_t left)
{
    if (left == NODE_NONE || node[left].next == NODE_NONE)
        return ERR_OK;
    uint32_t n = node[left].n + node[node[left].next].n;
    if (n > VOCAB_PIECE_BYTES_MAX)
        return ERR_OK;
    uint32_t id = symbol_find(j->v, str_sub(word, node[left].at, n));
    if (id == SYMBOL_NONE)
        return ERR_OK;
    struct heap_item item = {(uint64_t)rank_of(j->v->score[id]) << 32 | left, n, 0};
    return heap_push(&j->heap, item) ? ERR_OK : job_no_memory(j);
}

static enum err merge_all(struct job *j, str word, struct node *node)
{
    struct heap_item best;
    while (heap_pop(&j->heap, &best)) {
        uint32_t left = (uint32_t)best.key, right = node[left].next;
        if (right == NODE_NONE || node[left].n == 0 || node[left].n + node[right].n != best.a)
            continue;
        node[left].n = best.a;
        node[left].next = node[right].next;
        node[right].n = 0;
        if (node[left].next != NODE_NONE)
            node[node[left].next].prev = left;
        TRY(propose(j, word, node, node[left].prev));
        TRY(propose(j, word, node, left));
    }
    return ERR_OK;
}

static enum err add_part(struct job *j, str part)
{
    uint32_t id = symbol_find(j->v, part);
    if (id != SYMBOL_NONE)
        return job_add(j, (int32_t)id);
    for (size_t i = 0; i < part.n; i++)
        TRY(job_add_byte(j, (unsigned char)part.p[i]));
    return ERR_OK;
}

static enum err tokenize_word(struct job *j, str word)
{
    TRY(job_nodes(j, word.n, sizeof(struct node)));
    struct node *node = j->node;
    uint32_t n = 0;
    for (size_t i = 0; i < word.n; n++) {
        uint32_t at = (uint32_t)i;
        (void)utf8_next(word, &i);
        node[n] = (struct node){at, (uint32_t)i - at, n - 1, n + 1};
    }
    if (n == 0)
        return ERR_OK;
    node[n - 1].next = NODE_NONE;
    j->heap.n = 0;
    for (uint32_t i = 0; i + 1 < n; i++)
        TRY(propose(j, word, node, i));
    TRY(merge_all(j, word, node));
    for (uint32_t i = 0; i != NODE_NONE; i = node[i].next)
        TRY(add_part(j, str_sub(word, node[i].at, node[i].n)));
    return ERR_OK;
}

/* ---- Words ---- */

static enum err word_add(struct job *j, size_t *n, str s)
{
    if (*n + s.n > j->text_cap) {
        size_t cap = j->text_cap ? j->text_cap * 2 : 256;
        char *text = mem_try_resize(j->text, cap);
        if (!text)
            return job_no_memory(j);
        j->text = text;
        j->text_cap = cap;
    }
    memcpy(j->text + *n, s.p, s.n);
    *n += s.n;
    return ERR_OK;
}

enum err spm_tokenize(struct job *j, str text, bool first)
{
    size_t n = 0;
    bool after_space = true;

    if (first && j->v->add_space_prefix)
        TRY(word_add(j, &n, SPACE_MARK));
    for (size_t i = 0; i < text.n;) {
        bool mark = is_mark(text, i), space = mark || text.p[i] == ' ';
        if (space && !after_space && j->v->words_apart) {
            TRY(tokenize_word(j, (str){j->text, n}));
            n = 0;
        }
        TRY(word_add(j, &n, space ? SPACE_MARK : str_sub(text, i, 1)));
        i += mark ? 3 : 1;
        after_space = space;
    }
    return tokenize_word(j, (str){j->text, n});
}
