/* SPDX-License-Identifier: Apache-2.0
 *
 * A model that is a hash of its history. A KV cell holds the token, its position and the hash of
 * everything up to it, so that a page that is stale, swapped, shared by mistake or written twice
 * gives a broken chain, which aborts. Logits follow from the hash alone.
 */
#pragma once
#include <stdint.h>
#include "engine/sched.h"

#define FAKE_VOCAB 41
#define FAKE_EOG 0

struct fake_cell { int32_t id; int32_t pos; uint64_t hash; };

struct fake_model {
    float *logits;                     /* [n_row_max, FAKE_VOCAB] */
    int n_row_max;
    int64_t now_ns;                    /* the fake clock; moved by the simulation */
    uint64_t n_token;                  /* tokens computed */
};

void fake_init(struct fake_model *m, int n_row_max);
void fake_done(struct fake_model *m);
struct stepper fake_stepper(struct fake_model *m);
size_t fake_page_bytes(void);
uint64_t fake_extend(uint64_t hash, int32_t id);
void fake_logits(uint64_t hash, float *out);   /* [FAKE_VOCAB] */
