/* SPDX-License-Identifier: Apache-2.0 */
#include "account/digest.h"
#include <openssl/evp.h>
#include "base/err.h"

void digest_sha256(str s, uint8_t out[DIGEST_LEN])
{
    unsigned n = 0;

    CHECK(EVP_Digest(s.p ? s.p : "", s.n, out, &n, EVP_sha256(), NULL) == 1 && n == DIGEST_LEN);
}

void digest_base64(str s, char out[DIGEST_BASE64_LEN + 1])
{
    uint8_t digest[DIGEST_LEN];

    digest_sha256(s, digest);
    CHECK(EVP_EncodeBlock((uint8_t *)out, digest, DIGEST_LEN) == DIGEST_BASE64_LEN);
}
