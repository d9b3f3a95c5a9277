/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte-level BPE. Files spell each byte of a token as a printable character (GPT-2's table); here
 * tokens are stored as the bytes themselves, and merging works on symbols: of all neighbours in
 * a word the pair with the smallest rank merges first, the leftmost on a tie. Candidates wait in
 * a heap and are checked when they come out, since a neighbour may have merged in between.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "token/token_internal.h"

/* ---- Loading ---- */

/* Byte that a character stands for: printable Latin-1 is itself, the other 68 bytes follow in
 * order from U+0100. -1 for any other character. */
static int byte_of_char(uint32_t cp)
{
    if ((cp >= 0x21 && cp <= 0x7e) || (cp >= 0xa1 && cp <= 0xff && cp != 0xad))
        return (int)cp;
    uint32_t k = cp - 0x100;
    if (k <= 0x20)
        return (int)k;
    if (k <= 0x42)
        return (int)(0x7f + k - 0x21);
    return k == 0x43 ? 0xad : -1;
}

/* Appends the bytes of text to the pool; false, and nothing appended, when a character stands
 * for no byte. */
static bool pool_decode(struct vocab *v, str text)
{
    size_t before = v->pool_n;
    for (size_t i = 0; i < text.n;) {
        int byte = byte_of_char(utf8_next(text, &i));
        if (byte < 0) {
            v->pool_n = before;
            return false;
        }
        char c = (char)byte;
        pool_add(v, (str){&c, 1});
    }
    return true;
}

static void load_token(struct vocab *v, uint32_t id, str text)
{
    struct symbol s = {.key = (uint32_t)v->pool_n};
    int byte = v->type[id] == TOKEN_BYTE ? byte_of_hex(text) : -1;
    bool decoded = byte < 0 && text.n > 0 && pool_decode(v, text);

    if (byte >= 0) {
        char c = (char)byte;
        pool_add(v, (str){&c, 1});
    } else if (!decoded) {
        pool_add(v, text);
    }
    s.key_n = s.piece_n = (uint32_t)(v->pool_n - s.key);
    s.piece = s.key;
    if (decoded && token_is_verbatim(v, id) && !str_eq(symbol_key(v, id), text)) {
        s.piece = pool_add(v, text);
        s.piece_n = (uint32_t)text.n;
    }
    if (v->type[id] == TOKEN_UNUSED)
        s.piece_n = 0;
    symbol_add(v, s);
    if (decoded && token_is_text(v, id))
        symbol_publish(v, id);
    if (byte >= 0)
        v->byte_token[byte] = (int32_t)id;
}

/* Symbol of a key that stands in the pool, added when there is none yet. */
static uint32_t symbol_intern(struct vocab *v, uint32_t at, uint32_t n)
{
    str key = {v->pool + at, n};
    uint32_t s = symbol_find(v, key);
    if (s == SYMBOL_NONE) {
        s = symbol_add(v, (struct symbol){at, n, at, n});
        symbol_publish(v, s);
    }
    return s;
}

static void load_bytes(struct vocab *v)
{
    for (int b = 0; b < 256; b++) {
        char c = (char)b;
        uint32_t s = symbol_find(v, (str){&c, 1});
        if (s == SYMBOL_NONE)
            s = symbol_intern(v, pool_add(v, (str){&c, 1}), 1);
        else if (s < v->n_token)
            v->byte_token[b] = (int32_t)s;
        v->byte_symbol[b] = s;
    }
}

static size_t merge_place(const struct vocab *v, uint32_t left, uint32_t right)
{
    uint64_t h = ((uint64_t)left << 32 | right) ^ v->merge_seed;
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15;
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9;
    size_t mask = v->merge_cap - 1, i = (h ^ h >> 32) & mask;
    while (v->merge[i].left != SYMBOL_NONE &&
           (v->merge[i].left != left || v->merge[i].right != right))
        i = (i + 1) & mask;
    return i;
}

/* One merge, "left right". The strings are decoded into the pool behind each other, so that the
 * result is there too; when nothing new came of them the pool shrinks back. A merge that would
 * spell a control token is left out: plain text must not become one. */
static void load_merge(struct vocab *v, str text, uint32_t rank)
{
    size_t space = text.n > 1 ? str_find_char(text, ' ', 1) : SIZE_MAX;
    uint32_t at = (uint32_t)v->pool_n, symbols = v->n_symbol;
    if (space == SIZE_MAX || space + 1 == text.n)
        return;
    bool decoded = pool_decode(v, str_sub(text, 0, space));
    uint32_t middle = (uint32_t)v->pool_n;
    decoded = decoded && pool_decode(v, str_sub(text, space + 1, text.n));
    uint32_t end = (uint32_t)v->pool_n;
    str result = {v->pool + at, end - at};

    if (decoded && (symbol_find(v, result) != SYMBOL_NONE ||
                    special_exact(v, result) == TOKEN_NONE)) {
        uint32_t left = symbol_intern(v, at, middle - at);
        uint32_t right = symbol_intern(v, middle, end - middle);
        size_t i = merge_place(v, left, right);
        if (v->merge[i].left == SYMBOL_NONE)
            v->merge[i] = (struct merge_slot){left, right, rank, symbol_intern(v, at, end - at)};
    }
    if (v->n_symbol == symbols)
        v->pool_n = at;
}

enum err bpe_load(struct vocab *v, const struct vocab_desc *d, struct error *e)
{
    for (int b = 0; b < 256; b++)
        v->byte_token[b] = TOKEN_NONE;
    for (uint32_t i = 0; i < v->n_token; i++)
        load_token(v, i, d->token[i]);
    load_bytes(v);

    v->merge_cap = 64;
    while (v->merge_cap * 3 < d->n_merge * 4)
        v->merge_cap *= 2;
    v->merge = mem_try_alloc(v->merge_cap * sizeof *v->merge);
    if (!v->merge)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %zu merges", d->n_merge);
    for (size_t i = 0; i < v->merge_cap; i++)
        v->merge[i].left = SYMBOL_NONE;
    v->merge_seed = hash_str(STR("merge"));
    for (size_t i = 0; i < d->n_merge; i++)
        load_merge(v, d->merge[i], (uint32_t)i);
    return ERR_OK;
}

/* ---- Merging ---- */

/* A part of the word; the parts are chained. A part that was merged into its left neighbour has
 * symbol SYMBOL_NONE. */
struct node { uint32_t symbol, prev, next; };
#define NODE_NONE UINT32_MAX

static enum err propose(struct job *j, const struct node *node, uint32_t left)
{
    if (left == NODE_NONE || node[left].next == NODE_NONE)
        return ERR_OK;
    uint32_t a = node[left].symbol, b = node[node[left].next].symbol;
    const struct merge_slot *m = &j->v->merge[merge_place(j->v, a, b)];
    if (m->left == SYMBOL_NONE)
        return ERR_OK;
    struct heap_item item = {(uint64_t)m->rank << 32 | left, a, b};
    return heap_push(&j->heap, item) ? ERR_OK : job_no_memory(j);
}

static enum err merge_all(struct job *j, struct node *node)
{
    struct heap_item best;
    while (heap_pop(&j->heap, &best)) {
        uint32_t left = (uint32_t)best.key, right = node[left].next;
        if (right == NODE_NONE || node[left].symbol != best.a || node[right].symbol != best.b)
            continue;
        node[left].symbol = j->v->merge[merge_place(j->v, best.a, best.b)].result;
        node[left].next = node[right].next;
        node[right].symbol = SYMBOL_NONE;
        if (node[left].next != NODE_NONE)
            node[node[left].next].prev = left;
        TRY(propose(j, node, node[left].prev));
        TRY(propose(j, node, left));
    }
    return ERR_OK;
}

static enum err add_symbol(struct job *j, uint32_t symbol)
{
    if (symbol < j->v->n_token)
        return job_add(j, (int32_t)symbol);
    str bytes = symbol_key(j->v, symbol);
    for (size_t i = 0; i < bytes.n; i++)
        TRY(job_add_byte(j, (unsigned char)bytes.p[i]));
    return ERR_OK;
}

static enum err tokenize_word(void *arg, str word)
{
    struct job *j = arg;
    const struct vocab *v = j->v;
    if (v->pretok->whole_word_first) {
        uint32_t symbol = symbol_find(v, word);
        if (symbol < v->n_token)
            return job_add(j, (int32_t)symbol);
    }
    uint32_t n = (uint32_t)word.n;
    TRY(job_nodes(j, n, sizeof(struct node)));
    struct node *node = j->node;
    for (uint32_t i = 0; i < n; i++)
        node[i] = (struct node){v->byte_symbol[(unsigned char)word.p[i]], i - 1,
                                i + 1 < n ? i + 1 : NODE_NONE};
    j->heap.n = 0;
    for (uint32_t i = 0; i + 1 < n; i++)
        TRY(propose(j, node, i));
    TRY(merge_all(j, node));
    for (uint32_t i = 0; i != NODE_NONE; i = node[i].next)
        TRY(add_symbol(j, node[i].symbol));
    return ERR_OK;
}

enum err bpe_tokenize(struct job *j, str text)
{
    return pretok_split(j->v->pretok, text, tokenize_word, j);
}
