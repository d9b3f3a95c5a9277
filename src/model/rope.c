/* SPDX-License-Identifier: Apache-2.0
 *
 * Rope tables, computed in double and rounded once.
 */
#include "model/rope.h"

#include <math.h>

/* The pair index that turns `rotations` times over the original context. */
static double yarn_pair(const struct rope_params *r, double rotations)
{
    return r->n_rot * log(r->n_ctx_orig / (rotations * 2 * M_PI)) / (2 * log(r->base));
}

void rope_freqs(const struct rope_params *r, double *freq)
{
    double low = 0, high = 0;
    if (r->scaling == ROPE_YARN) {
        low = fmax(0, floor(yarn_pair(r, r->beta_fast)));
        high = fmin(r->n_rot - 1, ceil(yarn_pair(r, r->beta_slow)));
    }
    for (int i = 0; i < r->n_rot / 2; i++) {
        double plain = pow(r->base, -2.0 * i / r->n_rot);
        if (r->divisor)
            plain /= (double)r->divisor[i];
        double slow = r->scaling == ROPE_NONE ? plain : plain / r->factor;
        /* 1 below the ramp (fast pairs keep their angle), 0 above it. */
        double ramp = (i - low) / fmax(0.001, high - low);
        double mix = r->scaling == ROPE_YARN ? (1 - fmin(1, fmax(0, ramp))) * r->ext_factor : 0;
        freq[i] = slow * (1 - mix) + plain * mix;
    }
}

double rope_magnitude(const struct rope_params *r)
{
    bool stretched = r->scaling == ROPE_YARN && r->ext_factor > 0 && r->factor > 1;
    return r->magnitude * (stretched ? 1 + 0.1 * log(r->factor) : 1);
}

void rope_fill(float *cos_table, float *sin_table, const double *freq, int n_pair, double magnitude,
               int pos0, int pos1)
{
    for (int pos = pos0; pos < pos1; pos++) {
        for (int i = 0; i < n_pair; i++) {
            size_t at = (size_t)pos * (size_t)n_pair + (size_t)i;
            cos_table[at] = (float)(cos(pos * freq[i]) * magnitude);
            sin_table[at] = (float)(sin(pos * freq[i]) * magnitude);
        }
    }
}
