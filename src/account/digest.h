/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 for keys (high-entropy secrets: no slow hash is needed). Any thread.
 */
#pragma once
#include <stdint.h>
#include "base/str.h"

#define DIGEST_LEN 32
void digest_sha256(str s, uint8_t out[DIGEST_LEN]);
#define DIGEST_BASE64_LEN 44
/* The same as base64, NUL-terminated. */
void digest_base64(str s, char out[DIGEST_BASE64_LEN + 1]);
