/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that a client keeps for us: encrypted and authenticated by AES-256-GCM under a key of this
 * server, bound to a context (a team, a purpose), as base64. Nobody else can read, change or make
 * it, and what was sealed for one context does not open in another. Any thread.
 *
 *   byte   0      format, 1
 *   byte   1..12  nonce, random
 *   byte  13..    the text, encrypted
 *   last 16       tag
 */
#pragma once
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define SEAL_KEY_LEN 32

struct seal_key { uint8_t bytes[SEAL_KEY_LEN]; };

/* Reads the key, or makes one (mode 0600) where there is no file. ERR_IO, ERR_FORMAT. */
MUST_CHECK enum err seal_key_load(const char *path, struct seal_key *out, struct error *e);
/* In the arena; STR_NONE when it has no room. */
MUST_CHECK str seal_text(const struct seal_key *k, str context, str text, struct arena *a);
/* ERR_ARG: it was not sealed by this key for this context, or was changed. ERR_LIMIT: no room. */
MUST_CHECK enum err seal_open(const struct seal_key *k, str context, str sealed, struct arena *a,
                              str *text, struct error *e);
