/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/constrain.h"

#include <string.h>

#include "base/mem.h"

void constrain_init(struct constrain *c, const struct vocab *vocab, size_t pool_bytes, int n_row)
{
    *c = (struct constrain){.vocab = vocab, .pool_bytes = pool_bytes, .n_row = n_row};
    pthread_mutex_init(&c->lock, NULL);
}

void constrain_done(struct constrain *c)
{
    mask_space_free(c->space);
    mem_free(c->row);
    pthread_mutex_destroy(&c->lock);
}

static enum err make_space(struct constrain *c, struct error *e)
{
    if (c->space)
        return ERR_OK;
    TRY(mask_space_new(c->vocab, c->pool_bytes, &c->space, e));
    c->n_word = mask_words(c->space);
    c->row = mem_array((size_t)c->n_row * c->n_word, sizeof *c->row);
    return ERR_OK;
}

enum err constrain_matcher(struct constrain *c, struct grammar *g, size_t n_token_max,
                           struct matcher **out, struct error *e)
{
    *out = NULL;
    if (!c->vocab)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "a grammar needs a vocabulary");
    pthread_mutex_lock(&c->lock);
    enum err err = make_space(c, e);
    pthread_mutex_unlock(&c->lock);
    return err == ERR_OK ? matcher_new(c->space, g, n_token_max, out, e) : err;
}

const uint64_t *constrain_mask(struct constrain *c, struct matcher *m, int row)
{
    const uint64_t *mask = matcher_mask(m);
    uint64_t *copy = c->row + (size_t)row * c->n_word;
    return mask ? memcpy(copy, mask, c->n_word * sizeof *copy) : NULL;
}
