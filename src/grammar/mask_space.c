/* SPDX-License-Identifier: Apache-2.0
 *
 * What all matchers of a vocabulary share: its tokens as a trie, its marks, and the pool with what
 * is made anew in each generation.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include "base/mem.h"
#include "grammar/matcher_internal.h"

#define MASK_SLOTS_MAX 512

/* What is written like a mark of a format comes by its id or not at all. */
static bool looks_like_mark(str piece)
{
    if (piece.n < 2) return false;
    char first = piece.p[0], last = piece.p[piece.n - 1];
    return (first == '<' || first == '[') && (last == '>' || last == ']');
}

static bool is_text(const struct vocab *v, int32_t id)
{
    enum token_type type = vocab_type(v, id);
    str piece = vocab_piece(v, id);
    if (piece.n == 0 || piece.n > TRIE_DEPTH_MAX || vocab_is_eog(v, id)) return false;
    if (type == TOKEN_USER) return !looks_like_mark(piece);
    return type == TOKEN_NORMAL || type == TOKEN_BYTE;
}

static void set_bit(uint64_t *bits, uint32_t i) { bits[i / 64] |= 1ull << i % 64; }

static enum err make_trie(struct mask_space *s, struct error *e)
{
    int32_t n_token = vocab_size(s->vocab);
    struct trie_item *item = mem_try_alloc((size_t)n_token * sizeof *item);
    size_t n = 0;
    if (!item) return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for a trie of tokens");
    for (int32_t id = 0; id < n_token; id++) {
        if (vocab_is_eog(s->vocab, id)) set_bit(s->eog, (uint32_t)id);
        if (!is_text(s->vocab, id)) {
            set_bit(s->apart, (uint32_t)id);
            enum token_type type = vocab_type(s->vocab, id);
            if (type == TOKEN_NORMAL || type == TOKEN_USER || type == TOKEN_BYTE)
                s->apart_text[s->n_apart_text++] = id;
            else if (!vocab_is_eog(s->vocab, id))
                set_bit(s->control, (uint32_t)id);
            continue;
        }
        str piece = vocab_piece(s->vocab, id);
        item[n++] = (struct trie_item){piece.p, (uint32_t)piece.n, (uint32_t)id};
        if (piece.n > s->depth_max) s->depth_max = (uint32_t)piece.n;
    }
    trie_sort(item, n);
    struct trie_node *node = mem_try_alloc(trie_count(item, n) * sizeof *node);
    uint32_t *ids = mem_try_alloc((n + 1) * sizeof *ids);
    if (node && ids) {
        trie_build(&s->trie, item, n, node, ids);
    } else {
        mem_free(node);
        mem_free(ids);
    }
    mem_free(item);
    return s->trie.node ? ERR_OK
                        : err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for a trie of tokens");
}

/* ---- tokens by class, what stands behind quotes ---- */

static str text_of(const void *arg, uint32_t id) { return vocab_piece(arg, (int32_t)id); }

static void index_trie(struct trie *t)
{
    trie_index(t, mem_array(t->n_node, sizeof *t->child),
               mem_array(t->n_node + 1, sizeof *t->child_at), mem_array(t->n_node, 1));
}

static void free_trie(struct trie *t)
{
    mem_free(t->node);
    mem_free(t->id);
    mem_free(t->child);
    mem_free(t->child_at);
    mem_free(t->child_byte);
}

/* Counting sort by classes. */
static void make_classes(struct mask_space *s)
{
    uint32_t n_kind = 1u << TRIE_CLASSES, *at = mem_array(n_kind + 1, sizeof *at);
    uint16_t *classes = mem_array(s->trie.n_id, sizeof *classes);
    s->classes = classes;
    s->class_at = mem_array(s->trie.n_id, sizeof *s->class_at);
    s->chars = mem_array(s->trie.n_id, sizeof *s->chars);
    for (uint32_t k = 0; k < s->trie.n_id; k++) {
        str piece = vocab_piece(s->vocab, (int32_t)s->trie.id[k]);
        classes[k] = trie_classes(piece);
        uint32_t chars = 0;
        for (size_t i = 0; i < piece.n; i++) chars += ((uint8_t)piece.p[i] & 0xc0) != 0x80;
        s->chars[k] = (uint8_t)chars;
        s->n_class_group += at[classes[k] + 1]++ == 0;
    }
    s->class_group = mem_array(s->n_class_group, sizeof *s->class_group);
    uint32_t n = 0;
    for (uint32_t c = 0; c < n_kind; c++) {
        if (at[c + 1] > 0)
            s->class_group[n++] = (struct class_group){at[c], at[c] + at[c + 1], (uint16_t)c};
        at[c + 1] += at[c];
    }
    for (uint32_t k = 0; k < s->trie.n_id; k++) s->class_at[at[classes[k]]++] = k;
    mem_free(at);
}

static enum err make_quotes(struct mask_space *s, struct error *e)
{
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct trie_item *item = pass ? mem_array(n, sizeof *item) : NULL;
        if (pass) s->quote_item = mem_array(n, sizeof *s->quote_item);
        n = 0;
        for (uint32_t k = 0; k < s->trie.n_id; k++) {
            str piece = vocab_piece(s->vocab, (int32_t)s->trie.id[k]);
            for (size_t i = 0; i + 1 < piece.n; i++) {
                if (piece.p[i] != '"') continue;
                uint32_t before = (uint32_t)i + 1;
                if (pass) {
                    s->quote_item[n] = (struct quote_item){s->trie.id[k], before};
                    item[n] = (struct trie_item){piece.p + before, (uint32_t)piece.n - before,
                                                 (uint32_t)n};
                }
                n++;
            }
        }
        if (!pass) continue;
        trie_sort(item, n);
        struct trie_node *node = mem_try_alloc(trie_count(item, n) * sizeof *node);
        uint32_t *id = mem_try_alloc((n + 1) * sizeof *id);
        if (node && id) trie_build(&s->quote, item, n, node, id);
        mem_free(item);
    }
    return s->quote.node ? ERR_OK : err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for quotes");
}

static void make_collect(struct mask_space *s)
{
    s->n_collect = s->trie.n_id * 2 + 16;
    s->collect_id = mem_array(s->n_collect, sizeof *s->collect_id);
    s->collect_char = mem_array(s->n_collect, sizeof *s->collect_char);
    s->collect_closed = mem_array(s->n_collect, sizeof *s->collect_closed);
    s->collect_leave = mem_array(s->n_collect, sizeof *s->collect_leave);
    s->spare = mem_array(s->words, sizeof *s->spare);
    s->track = mem_array(s->words, sizeof *s->track);
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(((const struct special *)a)->text, ((const struct special *)b)->text);
}

static void make_special(struct mask_space *s)
{
    int32_t n_token = vocab_size(s->vocab);
    uint32_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t id = 0; id < n_token; id++) {
            enum token_type type = vocab_type(s->vocab, id);
            str piece = vocab_piece(s->vocab, id);
            if ((type != TOKEN_CONTROL && type != TOKEN_USER) || piece.n == 0) continue;
            if (pass)
                s->special[s->n_special++] = (struct special){piece, id};
            else
                n++;
        }
        if (!pass) s->special = mem_array(n + 1, sizeof *s->special);
    }
    qsort(s->special, n, sizeof *s->special, by_text);
}

int32_t space_special(const struct mask_space *s, str text)
{
    uint32_t lo = 0, hi = s->n_special;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        int order = str_cmp(s->special[mid].text, text);
        if (order == 0) return s->special[mid].id;
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return TOKEN_NONE;
}

/* ---- what lies in the pool ---- */

static void lay_out(struct mask_space *s)
{
    s->step = pool_take(&s->pool, STEP_CACHE * sizeof *s->step);
    s->mask_state = pool_take(&s->pool, MASK_SLOTS_MAX * sizeof *s->mask_state);
    s->mask_buffer = pool_take(&s->pool, s->n_mask_slot * s->words * sizeof(uint64_t));
    s->mask_hand = 0;
}

void space_reset(struct mask_space *s)
{
    pool_reset(&s->pool);
    s->hole = 0;
    lay_out(s);
    s->stats.n_reset++;
}

/* ---- scratch ---- */

struct part {
    void **at;
    size_t bytes;
};

static enum err map_scratch(struct mask_space *s, struct error *e)
{
    struct part part[] = {{(void **)&s->item, ITEMS_MAX * sizeof *s->item},
                          {(void **)&s->item_slot, 2 * ITEMS_MAX * sizeof *s->item_slot},
                          {(void **)&s->queue, CELLS_MAX * sizeof *s->queue},
                          {(void **)&s->cell, CELLS_MAX * sizeof *s->cell},
                          {(void **)&s->name, CELLS_MAX * sizeof *s->name},
                          {(void **)&s->rest, CELLS_MAX * sizeof *s->rest},
                          {(void **)&s->gather, CELLS_MAX * sizeof *s->gather}};
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) s->scratch_bytes += part[i].bytes;
    uint8_t *p = mmap(NULL, s->scratch_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no %zu bytes of address space", s->scratch_bytes);
    s->scratch = p;
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        *part[i].at = p;
        p += part[i].bytes;
    }
    return ERR_OK;
}

static enum err space_open(struct mask_space *s, size_t pool_bytes, struct error *e)
{
    size_t mask_bytes = s->words * sizeof(uint64_t);
    if (pool_bytes == 0) pool_bytes = MASK_POOL_BYTES_DEFAULT;
    size_t n = pool_bytes / 16 / mask_bytes;
    s->n_mask_slot = (uint32_t)(n < 1 ? 1 : n > MASK_SLOTS_MAX ? MASK_SLOTS_MAX : n);
    TRY(make_trie(s, e));
    make_special(s);
    index_trie(&s->trie);
    trie_classify(&s->trie, text_of, s->vocab);
    make_classes(s);
    TRY(make_quotes(s, e));
    index_trie(&s->quote);
    make_collect(s);
    TRY(map_scratch(s, e));
    TRY(vocab_scratch_new(FORCED_BYTES_MAX, &s->tokenizer, e));
    /* States, and what automata do with tokens, half each. */
    TRY(pool_open(&s->pool, pool_bytes / 2, e));
    TRY(profile_open(s, pool_bytes / 2, e));
    lay_out(s);
    if (s->pool.full)
        return err_set(e, ERR_ARG, ERR_NO_POS, "a pool of %zu bytes is too small", pool_bytes);
    return ERR_OK;
}

enum err mask_space_new(const struct vocab *v, size_t pool_bytes, struct mask_space **out,
                        struct error *e)
{
    struct mask_space *s = mem_alloc(sizeof *s);
    *out = NULL;
    s->vocab = v;
    s->words = ((size_t)vocab_size(v) + 63) / 64;
    s->eog = mem_array(s->words, sizeof *s->eog);
    s->control = mem_array(s->words, sizeof *s->control);
    s->apart = mem_array(s->words, sizeof *s->apart);
    s->apart_text = mem_array((size_t)vocab_size(v), sizeof *s->apart_text);
    enum err rc = space_open(s, pool_bytes, e);
    if (rc != ERR_OK) {
        mask_space_free(s);
        return rc;
    }
    *out = s;
    return ERR_OK;
}

void mask_space_free(struct mask_space *s)
{
    if (!s) return;
    pool_close(&s->pool);
    pool_close(&s->profiles);
    free_trie(&s->quote);
    free_trie(&s->trie);
    mem_free(s->quote_item);
    mem_free(s->class_group);
    mem_free(s->class_at);
    mem_free(s->chars);
    mem_free(s->classes);
    mem_free(s->collect_id);
    mem_free(s->collect_char);
    mem_free(s->collect_closed);
    mem_free(s->collect_leave);
    mem_free(s->spare);
    mem_free(s->track);
    if (s->scratch) munmap(s->scratch, s->scratch_bytes);
    vocab_scratch_free(s->tokenizer);
    mem_free(s->special);
    mem_free(s->eog);
    mem_free(s->control);
    mem_free(s->apart);
    mem_free(s->apart_text);
    mem_free(s);
}

size_t mask_words(const struct mask_space *s) { return s->words; }

struct mask_stats mask_space_stats(const struct mask_space *s)
{
    struct mask_stats stats = s->stats;
    stats.pool_used = s->pool.at + s->profiles.at;
    return stats;
}
