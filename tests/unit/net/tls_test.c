/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS: echo, back-pressure and vanishing through it, versions, ALPN, renegotiation, bad files.
 */
#include "fixture.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

struct files {
    char dir[64], cert[96], key[96], other_key[96], locked_key[96], junk[96];
};

static void name_file(const struct files *p, char *out, const char *name)
{
    snprintf(out, 96, "%s/%s", p->dir, name);
}

static EVP_PKEY *make_key(const char *path, const char *passphrase)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *f = fopen(path, "w");
    assert_true(key && f);
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;
    int n = passphrase ? (int)strlen(passphrase) : 0;
    const unsigned char *bytes = (const unsigned char *)passphrase;
    assert_int_equal(PEM_write_PrivateKey(f, key, cipher, bytes, n, NULL, NULL), 1);
    fclose(f);
    return key;
}

static void make_cert(const char *path, EVP_PKEY *key)
{
    X509 *x = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"x", -1, -1, 0);
    X509_set_issuer_name(x, name);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    X509_free(x);
}

static int make_files(void **state)
{
    static struct files p;
    signal(SIGPIPE, SIG_IGN);
    const char *tmp = getenv("TMPDIR");
    snprintf(p.dir, sizeof p.dir, "%.40s/net-tls-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(p.dir));
    name_file(&p, p.cert, "cert.pem");
    name_file(&p, p.key, "key.pem");
    name_file(&p, p.other_key, "other.pem");
    name_file(&p, p.locked_key, "locked.pem");
    name_file(&p, p.junk, "junk.pem");
    EVP_PKEY *key = make_key(p.key, NULL);
    make_cert(p.cert, key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(make_key(p.other_key, NULL));
    EVP_PKEY_free(make_key(p.locked_key, "secret"));
    FILE *f = fopen(p.junk, "w");
    assert_non_null(f);
    fputs("not a certificate\n", f);
    fclose(f);
    *state = &p;
    return 0;
}

static int remove_files(void **state)
{
    struct files *p = *state;
    unlink(p->cert);
    unlink(p->key);
    unlink(p->other_key);
    unlink(p->locked_key);
    unlink(p->junk);
    return rmdir(p->dir);
}

static struct fixture *open_tls(const struct files *p, struct server_options *o)
{
    o->tls_cert = p->cert;
    o->tls_key = p->key;
    return fixture_open(o);
}

struct tls_client { SSL_CTX *ctx; SSL *ssl; int fd; };

/* A connected client; ok says whether the handshake worked. */
static bool tls_connect(struct tls_client *t, int port, int version_max, str alpn)
{
    t->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(t->ctx, 0);
    SSL_CTX_set_max_proto_version(t->ctx, version_max);
    if (alpn.n > 0)
        SSL_CTX_set_alpn_protos(t->ctx, (const unsigned char *)alpn.p, (unsigned)alpn.n);
    t->ssl = SSL_new(t->ctx);
    t->fd = client_connect(port);
    SSL_set_fd(t->ssl, t->fd);
    bool ok = SSL_connect(t->ssl) == 1;
    ERR_clear_error();
    return ok;
}

static void tls_free(struct tls_client *t)
{
    if (t->fd >= 0)
        close(t->fd);
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    ERR_clear_error();
}

static void tls_send(struct tls_client *t, str s)
{
    assert_int_equal(SSL_write(t->ssl, s.p, (int)s.n), (int)s.n);
}

static bool tls_read(struct tls_client *t, struct buf *b)
{
    char *to = buf_reserve(b, 16384);
    assert_non_null(to);
    int n = SSL_read(t->ssl, to, 16384);
    b->n += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void tls_read_until(struct tls_client *t, struct buf *b, const char *text)
{
    while (str_find(buf_str(b), str_of(text), 0) == SIZE_MAX)
        if (!tls_read(t, b))
            fail_msg("no \"%s\" in \"%.*s\"", text, STR_FMT(buf_str(b)));
}

static void echo_works_on_each_version(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct server_options o = test_options();
    struct fixture *f = open_tls(*state, &o);
    for (size_t i = 0; i < 2; i++) {
        struct tls_client t;
        struct buf b, got;
        buf_init(&b, 1 << 21);
        buf_init(&got, 1 << 21);
        assert_true(tls_connect(&t, f->port, versions[i], STR("\x02h2\x08http/1.1")));
        const unsigned char *proto;
        unsigned n;
        SSL_get0_alpn_selected(t.ssl, &proto, &n);
        assert_true(str_is(str_n((const char *)proto, n), "http/1.1"));
        buf_add(&b, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"));
        for (int k = 0; k < 300000; k++)
            buf_char(&b, (char)('a' + k % 26));
        tls_send(&t, buf_str(&b));
        while (got.n < 300000 && tls_read(&t, &got))
            ;
        while (str_find(buf_str(&got), STR("\r\n\r\n"), 0) + 4 + 300000 > got.n && tls_read(&t,
            &got))
            ;
        size_t head = str_find(buf_str(&got), STR("\r\n\r\n"), 0) + 4;
        assert_int_equal(got.n - head, 300000);
        assert_memory_equal(got.p + head, b.p + b.n - 300000, 300000);
        buf_clear(&got);
        tls_send(&t, STR(GET("/later") GET("/stream?2")));     /* kept alive, pipelined */
        tls_read_until(&t, &got, "later");
        tls_read_until(&t, &got, "0\r\n\r\n");
        buf_clear(&got);
        tls_send(&t, STR("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        while (tls_read(&t, &got))
            ;
        /* The end is said by a TLS alert, not just by FIN. */
        assert_int_equal(SSL_get_shutdown(t.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
        assert_int_equal(count_replies(buf_str(&got)), 1);
        tls_free(&t);
        buf_done(&b);
        buf_done(&got);
    }
    fixture_close(f);
}

static void weak_or_foreign_clients_are_refused(void **state)
{
    struct server_options o = test_options();
    struct fixture *f = open_tls(*state, &o);
    struct tls_client t;
    assert_false(tls_connect(&t, f->port, TLS1_1_VERSION, STR("")));
    tls_free(&t);
    assert_false(tls_connect(&t, f->port, TLS1_3_VERSION, STR("\x02h2")));
    tls_free(&t);
    /* Plain HTTP on the TLS port is closed, not answered. */
    int fd = client_connect(f->port);
    struct buf got;
    buf_init(&got, 1 << 16);
    client_send(fd, STR(GET("/hello")));
    client_read_to_end(fd, &got);
    assert_true(str_find(buf_str(&got), STR("HTTP/1.1 2"), 0) == SIZE_MAX);
    close(fd);
    buf_done(&got);
    assert_int_equal(atomic_load(&f->n_head), 0);
    fixture_close(f);
}

static void renegotiation_is_refused(void **state)
{
    struct server_options o = test_options();
    struct fixture *f = open_tls(*state, &o);
    struct tls_client t;
    assert_true(tls_connect(&t, f->port, TLS1_2_VERSION, STR("")));
    bool ok = SSL_renegotiate(t.ssl) == 1 && SSL_do_handshake(t.ssl) == 1;
    assert_false(ok);
    tls_free(&t);
    fixture_close(f);
}

/* Waiting and streaming clients that close the TLS way, with FIN only, and with a reset. */
static void vanishing_is_noticed(void **state)
{
    struct server_options o = test_options();
    struct fixture *f = open_tls(*state, &o);
    int gone = 0;
    for (int how = 0; how < 3; how++) {
        for (int streaming = 0; streaming < 2; streaming++) {
            struct tls_client t;
            struct buf got;
            buf_init(&got, 1 << 16);
            int head = atomic_load(&f->n_head);
            assert_true(tls_connect(&t, f->port, TLS1_3_VERSION, STR("")));
            tls_send(&t, streaming ? STR(GET("/tick")) : STR(GET("/wait")));
            wait_for(&f->n_head, head + 1, "n_head");
            if (streaming)
                tls_read_until(&t, &got, "tick");
            struct linger l = {.l_onoff = 1, .l_linger = 0};
            if (how == 0)
                SSL_shutdown(t.ssl);
            else if (how == 2)
                setsockopt(t.fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
            close(t.fd);
            t.fd = -1;
            wait_for(&f->n_gone, ++gone, "n_gone");
            tls_free(&t);
            buf_done(&got);
        }
    }
    fixture_close(f);
}

static void slow_reader_stops_the_writer(void **state)
{
    struct server_options o = test_options();
    o.output_high = 128 << 10;
    o.output_low = 32 << 10;
    struct fixture *f = open_tls(*state, &o);
    struct tls_client t;
    assert_true(tls_connect(&t, f->port, TLS1_3_VERSION, STR("")));
    tls_send(&t, STR("GET /flood?33554432 HTTP/1.0\r\n\r\n"));
    usleep(300000);
    size_t now = atomic_load(&f->written);
    if (now == 0 || now > 24 << 20)
        fail_msg("%zu bytes written while the client read none", now);
    struct buf got;
    buf_init(&got, 1 << 26);
    while (tls_read(&t, &got))
        ;
    if (got.n < 33554432)
        fail_msg("%zu bytes received", got.n);
    buf_done(&got);
    tls_free(&t);
    fixture_close(f);
}

/* A client that connects and never says hello. */
static void handshake_has_a_deadline(void **state)
{
    struct server_options o = test_options();
    o.header_timeout_ms = 100;
    struct fixture *f = open_tls(*state, &o);
    int fd = client_connect(f->port);
    struct buf got;
    buf_init(&got, 1 << 16);
    int64_t start = clock_ns();
    client_read_to_end(fd, &got);
    int64_t ms = (clock_ns() - start) / NS_PER_MS;
    if (ms < 80 || ms > 2000)
        fail_msg("closed after %lld ms", (long long)ms);
    close(fd);
    buf_done(&got);
    fixture_close(f);
}

static void connection_limit_holds(void **state)
{
    struct server_options o = test_options();
    o.connections_max = 1;
    struct fixture *f = open_tls(*state, &o);
    struct tls_client a, b;
    struct buf got;
    buf_init(&got, 1 << 16);
    assert_true(tls_connect(&a, f->port, TLS1_3_VERSION, STR("")));
    assert_true(tls_connect(&b, f->port, TLS1_3_VERSION, STR("")));
    tls_read_until(&b, &got, " 503 ");
    tls_free(&a);
    tls_free(&b);
    buf_done(&got);
    fixture_close(f);
}

static void bad_files_are_clear_errors(void **state)
{
    const struct files *p = *state;
    const struct { const char *cert, *key, *in_text; } bad[] = {
        {"/nonexistent", p->key, "/nonexistent"},
        {p->junk, p->key, p->junk},
        {p->cert, "/nonexistent", "/nonexistent"},
        {p->cert, p->junk, p->junk},
        {p->cert, p->locked_key, p->locked_key},
        {p->cert, p->other_key, p->other_key},
    };
    struct http_handler handler = {.on_head = on_head, .on_body = on_body, .on_done = on_done};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct server_options o = test_options();
        struct server *s = NULL;
        struct error e = {0};
        o.tls_cert = bad[i].cert;
        o.tls_key = bad[i].key;
        enum err err = server_open(&o, &handler, &s, &e);
        if (err == ERR_OK || s || !strstr(e.text, bad[i].in_text))
            fail_msg("case %zu: %s, \"%s\"", i, err_name(err), e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_works_on_each_version),
        cmocka_unit_test(weak_or_foreign_clients_are_refused),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(vanishing_is_noticed),
        cmocka_unit_test(slow_reader_stops_the_writer),
        cmocka_unit_test(handshake_has_a_deadline),
        cmocka_unit_test(connection_limit_holds),
        cmocka_unit_test(bad_files_are_clear_errors),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
