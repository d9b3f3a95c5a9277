/* SPDX-License-Identifier: Apache-2.0
 *
 * map: str -> pointer-sized value, open addressing, seeded hash so that input cannot choose
 * collisions. Keys are borrowed: the caller keeps their bytes alive. One owner thread; many
 * readers when nobody writes.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct map_slot { str key; uint64_t hash; uintptr_t value; };
struct map { struct map_slot *slot; size_t n, cap; };

void map_init(struct map *m, size_t expected);
void map_done(struct map *m);
/* Sets key to value; true when the key is new. */
bool map_set(struct map *m, str key, uintptr_t value);
/* True and *value when present. value may be NULL. */
bool map_get(const struct map *m, str key, uintptr_t *value);
bool map_del(struct map *m, str key);
/* Walk: *i starts at 0; NULL at the end. Order is not defined. */
const struct map_slot *map_next(const struct map *m, size_t *i);
