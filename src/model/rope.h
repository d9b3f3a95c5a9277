/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary position angles. Every scaling that the families use keeps the angle linear in the
 * position, so a model's rope is one frequency per pair and one magnitude. Pure functions, any
 * thread. Formulas: GGUF format notes in README.md; YaRN: arXiv 2309.00071, section 3.
 */
#pragma once
#include <stddef.h>
#include "base/err.h"
#include "kernel/kern.h"
#include "model/gguf.h"

enum rope_scaling { ROPE_NONE, ROPE_LINEAR, ROPE_YARN };

struct rope_params {
    enum rope_kind kind;
    enum rope_scaling scaling;
    int n_rot;                         /* values of a head that rotate, even, >= 2 */
    double base;
    double factor;                     /* context is stretched by this, >= 1 in practice */
    double magnitude;                  /* multiplies cos and sin, beside YaRN's own */
    double ext_factor;                 /* YaRN: share of the unscaled angle */
    double beta_fast, beta_slow;       /* YaRN: rotations over the original context */
    int n_ctx_orig;
    const float *divisor;              /* [n_rot / 2], borrowed, or NULL */
};

/* Angle of pair i at position p is p * freq[i]. freq [n_rot / 2]. */
void rope_freqs(const struct rope_params *r, double *freq);
/* What cos and sin are multiplied by. */
double rope_magnitude(const struct rope_params *r);
/* Rows pos0 .. pos1-1 of the tables [n_ctx, n_pair] that start at cos_table and sin_table. */
void rope_fill(float *cos_table, float *sin_table, const double *freq, int n_pair, double magnitude,
               int pos0, int pos1);
