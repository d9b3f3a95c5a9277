/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/constrain.h"

#include <string.h>

#include "base/mem.h"

enum err constrain_init(struct constrain *c, const struct vocab *vocab, size_t pool_bytes,
                        int n_row, struct error *e)
{
    *c = (struct constrain){0};
    if (!vocab)
        return ERR_OK;
    TRY(mask_space_new(vocab, pool_bytes, &c->space, e));
    c->n_word = mask_words(c->space);
    c->row = mem_array((size_t)n_row * c->n_word, sizeof *c->row);
    return ERR_OK;
}

void constrain_done(struct constrain *c)
{
    mask_space_free(c->space);
    mem_free(c->row);
}

enum err constrain_matcher(struct constrain *c, struct grammar *g, size_t n_token_max,
                           struct matcher **out, struct error *e)
{
    *out = NULL;
    if (!c->space)
        return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "a grammar needs a vocabulary");
    return matcher_new(c->space, g, n_token_max, out, e);
}

const uint64_t *constrain_mask(struct constrain *c, struct matcher *m, int row)
{
    const uint64_t *mask = matcher_mask(m);
    uint64_t *copy = c->row + (size_t)row * c->n_word;
    return mask ? memcpy(copy, mask, c->n_word * sizeof *copy) : NULL;
}
