/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against a server of this process that plays back replies, cut in odd places.
 */
#include "xai/client.h"

#include "../net/fixture.h"
#include <pthread.h>

#include "../test.h"

/* What the next request gets. */
static struct {
    int status;
    const char *type, *reply;
    size_t piece;                      /* bytes a write */
    bool hang_up;                      /* instead of an orderly end */
    char path[128], key[128], body[256], content_type[64];
} play;

/* One reply being played; the test may be at its next row already. */
struct player {
    struct exchange *x;
    struct timer *timer;
    str rest;
    size_t piece;
    bool hang_up;
};

static void play_step(void *arg)
{
    struct player *p = arg;
    str now = str_sub(p->rest, 0, p->piece);

    p->rest = str_sub(p->rest, now.n, p->rest.n);
    exchange_write(p->x, now);
    if (p->rest.n > 0)
        timer_start(p->timer, 0);
    else if (!p->hang_up)
        exchange_finish(p->x);
}

static void keep(char *to, size_t size, str s)
{
    snprintf(to, size, "%.*s", STR_FMT(s));
}

static void player_body(void *arg, struct exchange *x)
{
    struct player *p = arena_new_of(x->arena, struct player);

    (void)arg;
    keep(play.path, sizeof play.path, x->path);
    keep(play.key, sizeof play.key, exchange_header(x, "authorization"));
    keep(play.content_type, sizeof play.content_type, exchange_header(x, "content-type"));
    keep(play.body, sizeof play.body, x->body);
    *p = (struct player){.x = x, .timer = timer_new(x->loop, play_step, p),
                         .rest = str_of(play.reply), .piece = play.piece,
                         .hang_up = play.hang_up};
    x->user = p;
    exchange_stream(x, play.status, play.type);
    play_step(p);
}

static void player_head(void *arg, struct exchange *x)
{
    (void)arg;
    exchange_want_body(x, 1 << 20);
}

static void player_done(void *arg, struct exchange *x)
{
    (void)arg;
    if (x->user) timer_free(((struct player *)x->user)->timer);
}

static struct server *server;
static char url[64];

static int setup(void **state)
{
    struct server_options o = test_options();
    struct http_handler h = {.on_head = player_head, .on_body = player_body,
                             .on_done = player_done};
    struct error e;

    (void)state;
    setenv("no_proxy", "*", 1);
    if (server_open(&o, &h, &server, &e) != ERR_OK) fail_msg("%s", e.text);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server_port(server));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_drain(server, clock_ns());
    server_close(&server);
    return 0;
}

/* ---- asking ---- */

struct heard { struct buf text; int n_left; };     /* n_left: calls until it says stop; -1 never */

static bool hear(void *arg, str text)
{
    struct heard *h = arg;

    assert_true(text.n > 0);
    buf_add(&h->text, text);
    return h->n_left < 0 || --h->n_left > 0;
}

static enum err ask(int stop_after, struct heard *h, struct error *e)
{
    struct xai_options o = {url, "xai-key"};

    *h = (struct heard){.n_left = stop_after};
    *e = (struct error){0};
    buf_init(&h->text, 1 << 20);
    return xai_chat_stream(&o, STR("{\"stream\":true}"), hear, h, e);
}

#define DELTA(s) "data: {\"choices\":[{\"index\":0,\"delta\":{" s "},\"finish_reason\":null}]}\n\n"
#define CONTENT(s) DELTA("\"content\":\"" s "\"")
#define DONE "data: [DONE]\n\n"

static const struct row {
    const char *reply;
    int status;
    const char *text;
    enum err code;
    const char *why;
} rows[] = {
    {CONTENT("Hel") CONTENT("lo \xe2\x82\xac") DONE, 200, "Hello \xe2\x82\xac", ERR_OK, ""},
    {DONE, 200, "", ERR_OK, ""},
    {": keep-alive\n\n" DELTA("\"role\":\"assistant\",\"content\":\"\"") CONTENT("a")
     "data: {\"choices\":[],\"usage\":{}}\n\n" DONE, 200, "a", ERR_OK, ""},
    {DELTA("\"reasoning_content\":\"why\"") CONTENT("a") DONE, 200, "a", ERR_OK, ""},
    {DELTA("\"content\":null") "data: {}\n\ndata: []\n\ndata: {\"choices\":[1]}\n\n" DONE, 200, "",
     ERR_OK, ""},
    {"data: {\"choices\":\r\ndata: [{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n" DONE, 200, "a",
     ERR_OK, ""},
    {CONTENT("a") DONE CONTENT("behind") "data: junk\n\n", 200, "a", ERR_OK, ""},
    {CONTENT("a"), 200, "a", ERR_IO, "broke off"},
    {"", 200, "", ERR_IO, "broke off"},
    {CONTENT("a") "data: {\"choi\n\n" CONTENT("b") DONE, 200, "a", ERR_FORMAT, "no JSON"},
    {CONTENT("a") "data: {\"code\":\"internal\",\"error\":\"broken\"}\n\n" CONTENT("b"), 200, "a",
     ERR_INTERNAL, "broken"},
    {CONTENT("a") "data: {\"error\":{\"message\":\"broken\"}}\n\n", 200, "a", ERR_INTERNAL,
     "broken"},
    {"{\"code\":\"invalid-argument\",\"error\":\"Bad n\"}", 400, "", ERR_ARG,
     "the server answered 400: Bad n"},
    {"{\"error\":{\"message\":\"Slow down\",\"type\":\"t\"}}", 429, "", ERR_ARG,
     "the server answered 429: Slow down"},
    {"<html>bad gateway</html>", 502, "", ERR_ARG, "the server answered 502: it gave no reason"},
    {"{\"error\":17}", 500, "", ERR_ARG, "the server answered 500: it gave no reason"},
    {CONTENT("a") DONE, 500, "", ERR_ARG, "the server answered 500"},
    {CONTENT("a") DONE, 301, "", ERR_ARG, "the server answered 301"},
};

static void test_replies(void **state)
{
    static const size_t piece[] = {1, 3, 7, 64, 100000};

    (void)state;
    for (size_t i = 0; i < N_OF(rows) * N_OF(piece); i++) {
        const struct row *r = &rows[i / N_OF(piece)];
        struct heard h;
        struct error e;
        enum err rc;

        play.reply = r->reply;
        play.status = r->status;
        play.type = "text/event-stream";
        play.piece = piece[i % N_OF(piece)];
        rc = ask(-1, &h, &e);
        if (rc != r->code || !strstr(e.text, r->why) || !str_is(buf_str(&h.text), r->text))
            fail_msg("row %zu by %zu: %s \"%s\", text \"%.*s\"", i / N_OF(piece), play.piece,
                     err_name(rc), e.text, STR_FMT(buf_str(&h.text)));
        buf_done(&h.text);
    }
}

static void test_request(void **state)
{
    static const char *const tail[] = {"", "/", "/v1", "/v1/"};

    (void)state;
    play.reply = DONE;
    play.status = 200;
    play.piece = 100;
    for (size_t i = 0; i < N_OF(tail); i++) {
        char full[96];
        struct xai_options o = {full, i == 0 ? NULL : "xai-key"};
        struct heard h = {.n_left = -1};
        struct error e;

        snprintf(full, sizeof full, "%s%s", url, tail[i]);
        buf_init(&h.text, 1000);
        if (xai_chat_stream(&o, STR("{\"n\":1}"), hear, &h, &e) != ERR_OK) fail_msg("%s", e.text);
        assert_string_equal(play.path, "/v1/chat/completions");
        assert_string_equal(play.key, i == 0 ? "" : "Bearer xai-key");
        assert_string_equal(play.content_type, "application/json");
        assert_string_equal(play.body, "{\"n\":1}");
        buf_done(&h.text);
    }
}

static void test_cancel(void **state)
{
    struct heard h;
    struct error e;

    (void)state;
    play.reply = CONTENT("a") CONTENT("b") CONTENT("c") DONE;
    play.status = 200;
    play.piece = 100000;
    assert_int_equal(ask(2, &h, &e), ERR_CANCELLED);
    assert_str_is(buf_str(&h.text), "ab");
    buf_done(&h.text);
}

/* The last event came: a connection that stays open or breaks behind it does no harm. */
static void *end_server(void *arg)
{
    (void)arg;
    usleep(200000);
    server_drain(server, clock_ns());
    return NULL;
}

static void test_hang_up(void **state)
{
    static const struct { const char *reply; enum err code; } row[] = {
        {CONTENT("a") DONE, ERR_OK}, {CONTENT("a"), ERR_IO},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        pthread_t thread;
        struct heard h;
        struct error e;

        play.reply = row[i].reply;
        play.status = 200;
        play.piece = 100000;
        play.hang_up = true;
        assert_int_equal(pthread_create(&thread, NULL, end_server, NULL), 0);
        assert_int_equal(ask(-1, &h, &e), row[i].code);
        pthread_join(thread, NULL);
        assert_str_is(buf_str(&h.text), "a");
        buf_done(&h.text);
        play.hang_up = false;
        server_close(&server);
        setup(NULL);
    }
}

static void test_unreachable(void **state)
{
    static const struct { const char *url, *key; enum err code; } row[] = {
        {"http://127.0.0.1:1", NULL, ERR_IO}, {"ftp://127.0.0.1", NULL, ERR_IO},
        {"file:///etc/passwd", NULL, ERR_IO}, {"", NULL, ERR_IO},
        {"http://127.0.0.1:1", "a\r\nx: y", ERR_ARG}, {"http://127.0.0.1:1", "a b", ERR_ARG},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        struct xai_options o = {row[i].url, row[i].key};
        struct heard h = {0};
        struct error e = {0};

        if (xai_chat_stream(&o, STR("{}"), hear, &h, &e) != row[i].code)
            fail_msg("%s: \"%s\"", row[i].url, e.text);
        assert_true(e.text[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies), cmocka_unit_test(test_request),
        cmocka_unit_test(test_cancel), cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_unreachable),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
