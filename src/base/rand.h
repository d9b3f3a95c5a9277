/* SPDX-License-Identifier: Apache-2.0
 *
 * Randomness: a seeded generator for sampling and tests (xoshiro256**), and the operating
 * system's for ids and keys. A struct rng has one owner; the rest is any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct rng { uint64_t s[4]; };
void rng_seed(struct rng *r, uint64_t seed);   /* splitmix64 expansion */
uint64_t rng_next(struct rng *r);
double rng_unit(struct rng *r);                /* [0, 1), 53 bits */
uint64_t rng_below(struct rng *r, uint64_t n); /* [0, n), unbiased; n > 0 */

/* Cryptographic bytes from getrandom(2); aborts when the system cannot give them. */
void rand_bytes(void *out, size_t n);
#define UUID_LEN 36
/* Random lower-case UUID (version 4), NUL-terminated. */
void uuid_make(char out[UUID_LEN + 1]);
