/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes for tables (not for secrets: those use SHA-256 in account/). Any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

/* SipHash-1-3 under a key drawn once per process. */
uint64_t hash_str(str s);
/* Fixed mixing, same value on every run and machine: for fingerprints and radix keys. */
uint64_t hash_fixed(uint64_t seed, const void *p, size_t n);
