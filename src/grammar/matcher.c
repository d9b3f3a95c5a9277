/* SPDX-License-Identifier: Apache-2.0
 *
 * Matchers: one output each. A matcher remembers its tokens and the state behind each of them;
 * when the pool was dropped it goes over its tokens once more.
 *
 *     made --(first use, pool dropped)--> refresh --> in state --matcher_accept--> in state ...
 *     in state --end-of-generation token--> ended (takes nothing but those)
 *
 * A call that finds the pool full drops it and tries once more; what does not fit then does not
 * fit at all.
 */
#include "grammar/matcher.h"
#include "base/mem.h"
#include "grammar/matcher_internal.h"

enum err matcher_new(struct mask_space *s, struct grammar *g, size_t n_token_max,
                     struct matcher **out, struct error *e)
{
    struct matcher *m = mem_alloc(sizeof *m);
    *out = NULL;
    m->space = s;
    m->n_max = n_token_max;
    size_t bytes;
    if (size_add(n_token_max, 1, &bytes) && size_mul(bytes, sizeof *m->state, &bytes)) {
        m->state = mem_try_alloc(bytes);
        m->token = mem_try_alloc(bytes);
    }
    if (!m->state || !m->token) {
        matcher_free(m);
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory to remember %zu tokens", n_token_max);
    }
    m->grammar = grammar_ref(g);
    *out = m;
    return ERR_OK;
}

void matcher_free(struct matcher *m)
{
    if (!m) return;
    grammar_unref(m->grammar);
    mem_free(m->state);
    mem_free(m->token);
    mem_free(m);
}

/* ---- states ---- */

static bool in_trie(const struct mask_space *s, int32_t id)
{
    return !(s->apart[id / 64] >> id % 64 & 1);
}

static uint32_t after_bytes(struct matcher *m, uint32_t state, str bytes, uint32_t flag)
{
    for (size_t i = 0; i < bytes.n && state; i++)
        state = step_byte(m->space, m->grammar, state, (uint8_t)bytes.p[i] | flag);
    return state;
}

/* State behind one token (or byte, below 0); 0: it cannot come, or the pool is full. */
static uint32_t after(struct matcher *m, uint32_t state, int32_t id)
{
    struct mask_space *s = m->space;
    if (id < 0) return step_byte(s, m->grammar, state, (uint32_t)(-1 - id) | STEP_BYTES);
    if (in_trie(s, id)) return after_bytes(m, state, vocab_piece(s->vocab, id), 0);
    uint32_t to = step_token(s, m->grammar, state, id);
    if (!to && vocab_is_eog(s->vocab, id) && state_may_end(s, m->grammar, state))
        to = step_ended(s, m->grammar);
    return s->pool.full ? 0 : to;
}

static void replay(struct matcher *m)
{
    m->generation = m->space->pool.generation;
    m->state[0] = step_start(m->space, m->grammar);
    for (size_t i = 0; i < m->n_token; i++) m->state[i + 1] = after(m, m->state[i], m->token[i]);
}

bool matcher_refresh(struct matcher *m)
{
    struct mask_space *s = m->space;
    if (!s->pool.full && m->generation == s->pool.generation) return true;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (s->pool.full) space_reset(s);
        replay(m);
        if (!s->pool.full) return true;
    }
    return false;
}

/* After a call that found the pool full: drop it and come back to where the matcher is. */
static bool again(struct matcher *m) { return m->space->pool.full && matcher_refresh(m); }

static uint32_t now(const struct matcher *m) { return m->state[m->n_token]; }

bool matcher_accept(struct matcher *m, int32_t id)
{
    if (id < 0 || id >= vocab_size(m->space->vocab) || m->n_token == m->n_max ||
        !matcher_refresh(m))
        return false;
    uint32_t to = after(m, now(m), id);
    if (!to && again(m)) to = after(m, now(m), id);
    if (!to) return false;
    m->token[m->n_token++] = id;
    m->state[m->n_token] = to;
    return true;
}

bool matcher_accept_bytes(struct matcher *m, str bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        int32_t id = -1 - (int32_t)(uint8_t)bytes.p[i];
        if (m->n_token == m->n_max || !matcher_refresh(m)) return false;
        uint32_t to = after(m, now(m), id);
        if (!to && again(m)) to = after(m, now(m), id);
        if (!to) return false;
        m->token[m->n_token++] = id;
        m->state[m->n_token] = to;
    }
    return true;
}

const uint64_t *matcher_mask(struct matcher *m)
{
    if (!matcher_refresh(m)) return NULL;
    const uint64_t *mask = mask_of(m->space, m->grammar, now(m));
    if (!mask && again(m)) mask = mask_of(m->space, m->grammar, now(m));
    return mask;
}

bool matcher_may_end(struct matcher *m)
{
    return matcher_refresh(m) && state_may_end(m->space, m->grammar, now(m));
}

/* Some byte, or some mark, can come. */
static bool goes_on(struct matcher *m)
{
    uint64_t bytes[4];
    const struct rec *set = pool_rec(&m->space->pool, now(m));
    state_bytes(m->space, m->grammar, now(m), bytes);
    if (bytes[0] | bytes[1] | bytes[2] | bytes[3]) return true;
    for (uint32_t i = 0; i < rec_n(set); i++) {
        struct frame f;
        memcpy(&f, pool_rec(&m->space->pool, set->w[i])->w, sizeof f);
        if (frame_phase(&f) < TOP_END) return true;
    }
    return false;
}

bool matcher_must_end(struct matcher *m)
{
    return matcher_refresh(m) && state_may_end(m->space, m->grammar, now(m)) && !goes_on(m);
}

bool matcher_is_free(struct matcher *m)
{
    if (!matcher_refresh(m)) return false;
    const struct rec *set = pool_rec(&m->space->pool, now(m));
    struct frame f;
    memcpy(&f, pool_rec(&m->space->pool, set->w[0])->w, sizeof f);
    if (rec_n(set) != 1 || frame_phase(&f) != TOP_FREE) return false;
    const struct gfree *free = m->grammar->node[frame_node(&f)].free;
    for (uint32_t t = 0; t < free->n_trigger; t++)
        if (space_special(m->space, free->trigger[t].text) == TOKEN_NONE ||
            free->trigger[t].then == NODE_NONE)
            return false;
    return free->may_end;
}

size_t matcher_n_token(const struct matcher *m) { return m->n_token; }

void matcher_rollback(struct matcher *m, size_t n)
{
    CHECK(n <= m->n_token);
    m->n_token = n;
}
