/* SPDX-License-Identifier: Apache-2.0
 *
 * tls: the server's OpenSSL context. TLS 1.2 at least, no renegotiation, no early data, no
 * compression; ALPN offers http/1.1. Read buffers are released between records, which is most of
 * what an idle connection would hold.
 */
#include <openssl/err.h>
#include <string.h>

#include "net/net_internal.h"

static const unsigned char alpn_offer[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/* RFC 7301 3.2: no common protocol is a fatal alert. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                   const unsigned char *in, unsigned in_n, void *arg)
{
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_n, alpn_offer, sizeof alpn_offer, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* An encrypted key is an error, not a prompt on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "unknown reason";
}

static enum err load_files(SSL_CTX *ctx, const char *cert, const char *key, struct error *e)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return err_set(e, ERR_IO, ERR_NO_POS, "cannot use the TLS certificate %s: %s", cert,
                       reason());
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return err_set(e, ERR_IO, ERR_NO_POS, "cannot use the TLS key %s: %s", key, reason());
    if (SSL_CTX_check_private_key(ctx) != 1)
        return err_set(e, ERR_ARG, ERR_NO_POS, "the TLS key %s does not belong to %s", key, cert);
    return ERR_OK;
}

enum err tls_context_new(const char *cert, const char *key, SSL_CTX **out, struct error *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CHECK(ctx != NULL);
    ERR_clear_error();
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    enum err err = load_files(ctx, cert, key, e);
    ERR_clear_error();
    if (err != ERR_OK) {
        SSL_CTX_free(ctx);
        return err;
    }
    *out = ctx;
    return ERR_OK;
}
