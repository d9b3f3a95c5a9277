/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 for keys (high-entropy secrets: no slow hash is needed). Any thread.
 */
#pragma once
#include <stdint.h>
#include "base/str.h"

#define DIGEST_LEN 32
void digest_sha256(str s, uint8_t out[DIGEST_LEN]);
