/* SPDX-License-Identifier: Apache-2.0
 *
 * What must come next: bytes are followed while exactly one can come and the output cannot end,
 * then tokenized as the vocabulary would. At the end of the forced text a longer token may be the
 * natural one, running over into what is not forced; tokens it would swallow are not given.
 */
#include "grammar/matcher_internal.h"

struct forced {
    struct matcher *m;
    uint32_t state;
    char text[FORCED_BYTES_MAX];
    size_t n_text;
    int32_t *id;
    size_t n_id, n_max;
};

/* What tops of a state other than bytes can do. */
struct ways {
    int32_t mark;
    bool other, tracked;
};

static struct ways ways_of(const struct forced *f)
{
    struct mask_space *s = f->m->space;
    const struct rec *set = pool_rec(&s->pool, f->state);
    struct ways ways = {TOKEN_NONE, false, false};
    for (uint32_t i = 0; i < rec_n(set); i++) {
        struct frame top;
        memcpy(&top, pool_rec(&s->pool, set->w[i])->w, sizeof top);
        const struct gnode *node = &f->m->grammar->node[frame_node(&top)];
        if (frame_phase(&top) == TOP_TRACK) ways.tracked = true;
        if (frame_phase(&top) == TOP_FREE) ways.other = true;
        if (frame_phase(&top) != TOP_TEXT || node->kind != GNODE_MARK || top.a > 0) continue;
        int32_t id = space_special(s, (str){node->text, node->n});
        if (id == TOKEN_NONE) continue;
        if (ways.mark != TOKEN_NONE && ways.mark != id) ways.other = true;
        ways.mark = id;
    }
    return ways;
}

/* The only byte that can come, or -1. */
static int only_byte(const struct forced *f, bool tracked)
{
    struct mask_space *s = f->m->space;
    uint64_t bytes[4];
    int only = -1;
    state_bytes(s, f->m->grammar, f->state, bytes);
    int n = 0;
    for (int i = 0; i < 4; i++) n += __builtin_popcountll(bytes[i]);
    if (n != 1 && !(tracked && n > 0 && n <= 16)) return -1;
    for (int b = 0; b < 256; b++) {
        if (!(bytes[b / 64] >> b % 64 & 1)) continue;
        if (n > 1 && !step_byte(s, f->m->grammar, f->state, (uint32_t)b)) continue;
        if (only >= 0) return -1;
        only = b;
    }
    return only;
}

/* Any number strictly below the trie node that the state allows? */
static bool has_longer(const struct forced *f, uint32_t i, uint32_t state)
{
    struct mask_space *s = f->m->space;
    const struct trie_node *node = s->trie.node;
    for (uint32_t c = i + 1; c < node[i].end; c = node[c].end) {
        uint32_t to = step_byte(s, f->m->grammar, state, node[c].byte);
        if (!to) continue;
        if (node[c].first < node[c + 1].first || has_longer(f, c, to)) return true;
    }
    return false;
}

static bool is_swallowed(const struct forced *f, size_t from)
{
    uint32_t i = 0;
    for (size_t k = from; k < f->n_text; k++) {
        i = trie_child(&f->m->space->trie, i, (uint8_t)f->text[k]);
        if (i == 0) return false;
    }
    return has_longer(f, i, f->state);
}

/* Tokenizes the text at hand. At the end of what is forced, what a longer token could swallow is
 * left out. False: nothing can be added behind it. */
static bool add_text(struct forced *f, bool at_end)
{
    struct mask_space *s = f->m->space;
    int32_t *id = f->id + f->n_id;
    int32_t own[FORCED_BYTES_MAX];
    if (f->n_text == 0) return true;
    size_t n =
        vocab_tokenize_on(s->vocab, s->tokenizer, (str){f->text, f->n_text}, own, FORCED_BYTES_MAX);
    size_t at = 0, good = 0;
    for (bool same = true; same && good < n;) {
        str piece = vocab_piece(s->vocab, own[good]);
        same = piece.n > 0 && str_eq(piece, str_sub((str){f->text, f->n_text}, at, piece.n)) &&
               !(s->apart[own[good] / 64] >> own[good] % 64 & 1) &&
               !(at_end && f->n_text - at <= s->depth_max && is_swallowed(f, at));
        at += same ? piece.n : 0;
        good += same;
    }
    bool whole = at == f->n_text && good <= f->n_max - f->n_id;
    if (good > f->n_max - f->n_id) good = f->n_max - f->n_id;
    memcpy(id, own, good * sizeof *id);
    f->n_id += good;
    f->n_text = 0;
    return whole;
}

static bool add_mark(struct forced *f, int32_t id)
{
    if (!add_text(f, false) || f->n_id == f->n_max) return false;
    f->id[f->n_id++] = id;
    f->state = step_token(f->m->space, f->m->grammar, f->state, id);
    return f->state != 0;
}

static size_t force(struct matcher *m, int32_t *id, size_t n_max)
{
    struct mask_space *s = m->space;
    if (n_max == 0 || !matcher_refresh(m)) return 0;
    struct forced f = {.m = m, .state = m->state[m->n_token], .id = id, .n_max = n_max};
    while (f.n_text < FORCED_BYTES_MAX && !state_may_end(s, m->grammar, f.state)) {
        struct ways ways = ways_of(&f);
        if (ways.other) break;
        int byte = only_byte(&f, ways.tracked);
        if (ways.mark != TOKEN_NONE) {
            uint64_t bytes[4];
            state_bytes(s, m->grammar, f.state, bytes);
            if (bytes[0] | bytes[1] | bytes[2] | bytes[3]) break;
            if (!add_mark(&f, ways.mark)) return s->pool.full ? 0 : f.n_id;
            continue;
        }
        uint32_t to = byte < 0 ? 0 : step_byte(s, m->grammar, f.state, (uint32_t)byte);
        if (!to) break;
        f.text[f.n_text++] = (char)byte;
        f.state = to;
    }
    if (!s->pool.full) (void)add_text(&f, true);
    return s->pool.full ? 0 : f.n_id;
}

/* With a pool that was full once more in an empty one: what is forced depends on the output alone,
 * not on what else is in the pool. */
size_t matcher_forced(struct matcher *m, int32_t *id, size_t n_max)
{
    size_t n = force(m, id, n_max);
    return m->space->pool.full && matcher_refresh(m) ? force(m, id, n_max) : n;
}
