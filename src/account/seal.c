/* SPDX-License-Identifier: Apache-2.0 */
#include "account/seal.h"
#include <limits.h>
#include <openssl/evp.h>
#include "base/file.h"
#include "base/rand.h"

#define FORMAT 1
#define NONCE_LEN 12
#define TAG_LEN 16
#define HEAD_LEN (1 + NONCE_LEN)
#define TEXT_BYTES_MAX ((size_t)256 << 20)

enum err seal_key_load(const char *path, struct seal_key *out, struct error *e)
{
    struct arena *a;
    enum err rc;
    str bytes;

    if (!file_exists(path)) {
        rand_bytes(out->bytes, SEAL_KEY_LEN);
        return file_write_atomic(path, str_n((const char *)out->bytes, SEAL_KEY_LEN), 0600, e);
    }
    a = arena_new(0);
    rc = file_read(path, 4096, a, &bytes, e);
    if (rc == ERR_OK && bytes.n != SEAL_KEY_LEN)
        rc = err_set(e, ERR_FORMAT, ERR_NO_POS, "%s has %zu bytes, a key has %d: restore it, or "
                     "remove it and lose what it sealed", path, bytes.n, SEAL_KEY_LEN);
    if (rc == ERR_OK) memcpy(out->bytes, bytes.p, SEAL_KEY_LEN);
    arena_free(a);
    return rc;
}

static const uint8_t *bytes_of(str s)
{
    return (const uint8_t *)(s.p ? s.p : "");
}

/* raw: head, room for the text and the tag. */
static void encrypt(const struct seal_key *k, str context, str text, uint8_t *raw)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;

    raw[0] = FORMAT;
    rand_bytes(raw + 1, NONCE_LEN);
    CHECK(c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, k->bytes, raw + 1) == 1);
    CHECK(EVP_EncryptUpdate(c, NULL, &n, bytes_of(context), (int)context.n) == 1);
    CHECK(EVP_EncryptUpdate(c, raw + HEAD_LEN, &n, bytes_of(text), (int)text.n) == 1);
    CHECK(EVP_EncryptFinal_ex(c, raw + HEAD_LEN + text.n, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, raw + HEAD_LEN + text.n) == 1);
    EVP_CIPHER_CTX_free(c);
}

str seal_text(const struct seal_key *k, str context, str text, struct arena *a)
{
    size_t n = HEAD_LEN + text.n + TAG_LEN;
    uint8_t *raw, *out;
    int written;

    if (text.n > TEXT_BYTES_MAX) return STR_NONE;
    raw = arena_try(a, n);
    out = arena_try(a, (n + 2) / 3 * 4 + 1);
    if (!raw || !out) return STR_NONE;
    encrypt(k, context, text, raw);
    written = EVP_EncodeBlock(out, raw, (int)n);
    return str_n((const char *)out, (size_t)written);
}

static bool decrypt(const struct seal_key *k, str context, uint8_t *raw, size_t n, uint8_t *out)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int got, n_text = (int)(n - HEAD_LEN - TAG_LEN);
    bool ok;

    CHECK(c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, k->bytes, raw + 1) == 1);
    ok = EVP_DecryptUpdate(c, NULL, &got, bytes_of(context), (int)context.n) == 1 &&
         EVP_DecryptUpdate(c, out, &got, raw + HEAD_LEN, n_text) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, raw + HEAD_LEN + n_text) == 1 &&
         EVP_DecryptFinal_ex(c, out + n_text, &got) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

static enum err not_ours(struct error *e)
{
    return err_set(e, ERR_ARG, ERR_NO_POS,
                   "Encrypted content could not be verified: it was not made by this server for "
                   "this team, or was changed. Send it as it came, or leave it out.");
}

/* Bytes that the base64 text stands for; 0 when its length or padding is wrong. */
static size_t decoded_len(str s)
{
    if (s.n % 4 || s.n < 4 || s.n > TEXT_BYTES_MAX * 4 / 3) return 0;
    return s.n / 4 * 3 - (s.p[s.n - 1] == '=') - (s.p[s.n - 2] == '=');
}

enum err seal_open(const struct seal_key *k, str context, str sealed, struct arena *a, str *text,
                   struct error *e)
{
    size_t n = decoded_len(sealed);
    uint8_t *raw, *out;

    if (n < HEAD_LEN + TAG_LEN) return not_ours(e);
    raw = arena_try(a, sealed.n);
    out = arena_try(a, n);
    if (!raw || !out)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "Encrypted content is too long.");
    if (EVP_DecodeBlock(raw, bytes_of(sealed), (int)sealed.n) < 0 || raw[0] != FORMAT ||
        !decrypt(k, context, raw, n, out))
        return not_ours(e);
    *text = str_n((const char *)out, n - HEAD_LEN - TAG_LEN);
    return ERR_OK;
}
