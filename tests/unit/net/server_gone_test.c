/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients that vanish, dawdle or do not read; draining; the connection limit; memory.
 */
#include "fixture.h"

#include <sys/resource.h>

#include "base/rand.h"

#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* Closes with a reset instead of FIN. */
static void client_reset(int fd)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd);
}

static void wait_closed(struct fixture *f)
{
    int64_t end = clock_ns() + CLIENT_WAIT_MS * NS_PER_MS;
    while (server_stats_of(f->server).open > 0 && clock_ns() < end)
        usleep(1000);
    struct server_stats s = server_stats_of(f->server);
    assert_int_equal(s.open, 0);
    assert_int_equal(s.busy, 0);
    assert_int_equal(atomic_load(&f->n_done), (int)s.requests);
}

struct gone_case {
    const char *name;
    const char *request;
    const char *wait_for_reply;                /* read until this came, then vanish */
    int n_head, n_gone;
};

static const struct gone_case gone_cases[] = {
    {"before head", "", NULL, 0, 0},
    {"in head", "GET / HT", NULL, 0, 0},
    {"mid body", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", NULL, 1, 1},
    {"mid chunk", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
         NULL, 1, 1},
    {"waiting", REQUEST("/wait"), NULL, 1, 1},
    {"waiting, pipelined", REQUEST("/wait") REQUEST("/hello"), NULL, 1, 1},
    {"streaming", REQUEST("/tick"), "tick", 1, 1},
    {"blocked stream", REQUEST("/flood?100000000"), "ffff", 1, 1},
};

static void vanish(struct fixture *f, const struct gone_case *k, int how)
{
    int head = atomic_load(&f->n_head), gone = atomic_load(&f->n_gone);
    int fd = client_connect(f->port);
    assert_true(client_send(fd, str_of(k->request)));
    wait_for(&f->n_head, head + k->n_head, k->name);
    struct buf got;
    buf_init(&got, 1 << 20);
    if (k->wait_for_reply && strcmp(k->name, "blocked stream") == 0)
        client_read(fd, &got, CLIENT_WAIT_MS);
    else if (k->wait_for_reply)
        client_read_until(fd, &got, k->wait_for_reply);
    int64_t start = clock_ns();
    if (how == 0)
        close(fd);
    else if (how == 1)
        client_reset(fd);
    else
        shutdown(fd, SHUT_WR);
    wait_for(&f->n_gone, gone + k->n_gone, k->name);
    wait_closed(f);
    if (how == 2)
        close(fd);
    assert_int_equal(atomic_load(&f->n_head), head + k->n_head);
    assert_int_equal(atomic_load(&f->n_gone), gone + k->n_gone);
    if (clock_ns() - start > 2 * NS_PER_S)
        fail_msg("%s: noticed after %lld ms", k->name, (long long)((clock_ns() - start) /
            NS_PER_MS));
    buf_done(&got);
}

static void vanishing_is_noticed_at_each_stage(void **state)
{
    (void)state;
    struct server_options o = test_options();
    o.output_high = 256 << 10;
    struct fixture *f = fixture_open(&o);
    for (size_t i = 0; i < sizeof gone_cases / sizeof gone_cases[0]; i++)
        for (int how = 0; how < 3; how++)      /* close, reset, half-close */
            vanish(f, &gone_cases[i], how);
    fixture_close(f);
}

/* A client that sends ahead of a waiting request is read up to the bound, and its end is seen
 * although it is not read any more: FIN and reset alike, and without spinning. A FIN behind more
 * than the kernel's buffers hold cannot arrive, so less is sent for it. */
static void sending_ahead_is_bounded(void **state)
{
    (void)state;
    struct server_options o = test_options();
    o.pipeline_bytes_max = 32 << 10;
    struct fixture *f = fixture_open(&o);
    for (int how = 0; how < 2; how++) {
        int head = atomic_load(&f->n_head), gone = atomic_load(&f->n_gone);
        int fd = client_connect(f->port);
        assert_true(client_send(fd, STR(REQUEST("/wait"))));
        wait_for(&f->n_head, head + 1, "n_head");
        static const char block[65536];
        size_t sent = 0;
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        const size_t most = how ? 64 << 20 : 96 << 10;
        while (sent < most && poll(&p, 1, 50) == 1) {
            ssize_t n = send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
        }
        if (sent >= 64 << 20)
            fail_msg("the server read %zu bytes ahead", sent);
        int64_t cpu = clock_process_cpu_ns();
        usleep(50000);
        cpu = clock_process_cpu_ns() - cpu;
        if (cpu > 25 * NS_PER_MS)
            fail_msg("idle server used %lld ms of CPU in 50 ms", (long long)(cpu / NS_PER_MS));
        if (how)
            client_reset(fd);
        else
            close(fd);
        wait_for(&f->n_gone, gone + 1, "n_gone");
        wait_closed(f);
    }
    fixture_close(f);
}

static void slow_reader_stops_the_writer(void **state)
{
    (void)state;
    struct server_options o = test_options();
    o.output_high = 128 << 10;
    o.output_low = 32 << 10;
    struct fixture *f = fixture_open(&o);
    const size_t total = 64 << 20;
    int fd = client_connect(f->port);
    assert_true(client_send(fd, STR("GET /flood?67108864 HTTP/1.0\r\n\r\n")));
    size_t before = SIZE_MAX, now = 0;
    for (int i = 0; i < 200 && (now != before || now == 0); i++) {
        before = now;
        usleep(20000);
        now = atomic_load(&f->written);
    }
    if (now == 0 || now > total / 2)
        fail_msg("%zu bytes written while the client read none", now);
    size_t got = 0;
    char block[65536];
    ssize_t n;
    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        got += (size_t)n;
    close(fd);
    if (got < total || got > total + 1024)
        fail_msg("%zu bytes received, expected %zu and a head", got, total);
    assert_true(atomic_load(&f->n_drain) > 0);
    assert_int_equal(atomic_load(&f->n_gone), 0);
    wait_closed(f);
    fixture_close(f);
}

struct slow_case {
    const char *name, *request, *drip, *expect;
};

static void slow_senders_are_ended(void **state)
{
    (void)state;
    static const struct slow_case slow[] = {
        {"head", "GET / HTTP/1.1\r\n", "a", " 408 "},
        {"body", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", "b", " 408 "},
        {"chunks", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
         "1\r\na\r\n", " 408 "},
        {"idle", "", "", ""},
        {"idle after a reply", REQUEST("/hello"), "", " 200 "},
    };
    struct server_options o = test_options();
    o.header_timeout_ms = o.body_timeout_ms = o.idle_timeout_ms = 120;
    o.body_rate_min = 1000;
    struct fixture *f = fixture_open(&o);
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        int fd = client_connect(f->port);
        struct buf got;
        buf_init(&got, 1 << 16);
        int64_t start = clock_ns();
        client_send(fd, str_of(slow[i].request));
        struct pollfd p = {.fd = fd, .events = POLLIN};
        while (slow[i].drip[0] && poll(&p, 1, 10) == 0 && clock_ns() - start < 3 * NS_PER_S)
            client_send(fd, str_of(slow[i].drip));
        client_read_to_end(fd, &got);
        int64_t ms = (clock_ns() - start) / NS_PER_MS;
        close(fd);
        if (str_find(buf_str(&got), str_of(slow[i].expect), 0) == SIZE_MAX || ms < 100 || ms > 2000)
            fail_msg("%s: after %lld ms \"%.*s\"", slow[i].name, (long long)ms,
                STR_FMT(buf_str(&got)));
        buf_done(&got);
    }
    wait_closed(f);
    fixture_close(f);
}

/* Fast enough but longer than one window: must not be ended. */
static void steady_body_passes(void **state)
{
    (void)state;
    struct server_options o = test_options();
    o.body_timeout_ms = 60;
    o.body_rate_min = 100;
    struct fixture *f = fixture_open(&o);
    int fd = client_connect(f->port);
    struct buf got;
    buf_init(&got, 1 << 16);
    client_send(fd, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n"));
    for (int i = 0; i < 50; i++) {
        client_send(fd, STR("0123456789"));
        usleep(5000);
    }
    client_read_until(fd, &got, "0123456789");
    assert_int_equal(count_replies(buf_str(&got)), 1);
    assert_int_equal(atomic_load(&f->n_error), 0);
    close(fd);
    buf_done(&got);
    fixture_close(f);
}

static void reader_that_takes_nothing_is_gone(void **state)
{
    (void)state;
    struct server_options o = test_options();
    o.write_timeout_ms = 150;
    o.output_high = 64 << 10;
    o.output_low = 16 << 10;
    struct fixture *f = fixture_open(&o);
    int fd = client_connect(f->port);
    client_send(fd, STR(REQUEST("/flood?100000000")));
    wait_for(&f->n_gone, 1, "n_gone");
    wait_closed(f);
    close(fd);
    fixture_close(f);
}

static void connection_limit_answers_503(void **state)
{
    (void)state;
    struct server_options o = test_options();
    o.connections_max = 2;
    struct fixture *f = fixture_open(&o);
    int a = client_connect(f->port), b = client_connect(f->port);
    struct buf got;
    buf_init(&got, 1 << 16);
    client_send(a, STR(REQUEST("/hello")));
    client_read_until(a, &got, "hello");
    client_send(b, STR(REQUEST("/hello")));
    buf_clear(&got);
    client_read_until(b, &got, "hello");
    buf_clear(&got);
    int c = client_connect(f->port);
    client_send(c, STR(REQUEST("/hello")));
    client_read_to_end(c, &got);
    assert_int_equal(count_replies(buf_str(&got)), 1);
    assert_true(str_find(buf_str(&got), STR(" 503 "), 0) != SIZE_MAX);
    close(c);
    close(a);
    int64_t end = clock_ns() + CLIENT_WAIT_MS * NS_PER_MS;
    while (server_stats_of(f->server).open > 1 && clock_ns() < end)
        usleep(1000);
    c = client_connect(f->port);
    client_send(c, STR(REQUEST("/hello")));
    buf_clear(&got);
    client_read_until(c, &got, "hello");
    close(b);
    close(c);
    buf_done(&got);
    fixture_close(f);
}

/* Idle ones are closed at once, a running one may end, a stream gets its terminal event, one that
 * ignores the end is cut. */
static void drain_ends_everything(void **state)
{
    (void)state;
    struct server_options o = test_options();
    o.n_loop = 2;
    struct fixture *f = fixture_open(&o);
    int idle = client_connect(f->port), tick = client_connect(f->port);
    int wait = client_connect(f->port);
    struct buf got;
    buf_init(&got, 1 << 20);
    client_send(idle, STR(REQUEST("/hello")));
    client_read_until(idle, &got, "hello");
    client_send(tick, STR(REQUEST("/tick")));
    client_send(wait, STR(REQUEST("/wait")));
    wait_for(&f->n_head, 3, "n_head");
    int64_t start = clock_ns();
    server_drain(f->server, start + 100 * NS_PER_MS);
    int64_t ms = (clock_ns() - start) / NS_PER_MS;
    if (ms < 100 || ms > 3500)
        fail_msg("drained in %lld ms", (long long)ms);
    assert_int_equal(server_stats_of(f->server).open, 0);
    assert_int_equal(atomic_load(&f->n_shutdown), 2);
    assert_int_equal(atomic_load(&f->n_done), 3);
    assert_int_equal(atomic_load(&f->n_gone), 1);
    buf_clear(&got);
    client_read_to_end(idle, &got);
    assert_int_equal(got.n, 0);
    client_read_to_end(tick, &got);
    assert_true(str_ends(buf_str(&got), STR("data: bye\n\n\r\n0\r\n\r\n")));
    buf_clear(&got);
    client_read_to_end(wait, &got);
    assert_int_equal(got.n, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), -1);
    close(fd);
    close(idle);
    close(tick);
    close(wait);
    buf_done(&got);
    fixture_close(f);
}

/* Out of descriptors: no spinning, and accepting goes on when there are some again. */
static void running_out_of_descriptors_passes(void **state)
{
    (void)state;
    enum { N = 8 };
    struct server_options o = test_options();
    struct fixture *f = fixture_open(&o);
    int fd[N], spare = -1;
    for (int i = 0; i < N; i++)
        fd[i] = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)fd[N - 1] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (dup(0) >= 0)                        /* fill any gap below the limit */
        spare++;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < N; i++)
        assert_int_equal(connect(fd[i], (struct sockaddr *)&a, sizeof a), 0);
    int64_t cpu = clock_process_cpu_ns();
    usleep(150000);
    cpu = clock_process_cpu_ns() - cpu;
    assert_int_equal(server_stats_of(f->server).open, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    if (cpu > 50 * NS_PER_MS)
        fail_msg("used %lld ms of CPU in 150 ms", (long long)(cpu / NS_PER_MS));
    struct buf got;
    buf_init(&got, 1 << 16);
    for (int i = 0; i < N; i++) {
        client_send(fd[i], STR(REQUEST("/hello")));
        buf_clear(&got);
        client_read_until(fd[i], &got, "hello");
        close(fd[i]);
    }
    assert_true(spare < 1000);
    buf_done(&got);
    fixture_close(f);
}

/* One random deed of a client: opens, sends a part of some requests, reads a little, leaves. */
static void random_deed(struct fixture *f, struct rng *r, int *fd, struct buf *unsent)
{
    static const char *const requests[] = {
        REQUEST("/hello"), REQUEST("/later"), REQUEST("/wait"), REQUEST("/tick"),
        REQUEST("/flood?300000"), REQUEST("/stream?20"), REQUEST("/deny"), "GET / HTTP/1.1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /deny HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabcde",
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    };
    if (*fd < 0) {
        *fd = client_connect(f->port);
        buf_clear(unsent);
        for (uint64_t i = rng_below(r, 6); i > 0; i--)
            buf_add(unsent, str_of(requests[rng_below(r, sizeof requests / sizeof requests[0])]));
    }
    switch (rng_below(r, 8)) {
    case 0:
        close(*fd);
        *fd = -1;
        break;
    case 1:
        client_reset(*fd);
        *fd = -1;
        break;
    case 2:
        shutdown(*fd, SHUT_WR);
        break;
    case 3:
    case 4: {
        char block[4096];
        (void)!recv(*fd, block, sizeof block, MSG_DONTWAIT);
        break;
    }
    default: {
        size_t n = unsent->n ? 1 + (size_t)rng_below(r, unsent->n) : 0;
        (void)!send(*fd, unsent->p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        buf_consume(unsent, n);
    }
    }
}

/* Whatever clients do, every exchange ends once and no connection is left. */
static void random_clients_leave_nothing(void **state)
{
    (void)state;
    enum { N = 48, DEEDS = 20000 };
    struct server_options o = test_options();
    o.n_loop = 2;
    o.output_high = 64 << 10;
    o.output_low = 8 << 10;
    o.pipeline_bytes_max = 256;
    o.header_timeout_ms = o.body_timeout_ms = o.idle_timeout_ms = 30;
    o.connections_max = 40;
    struct fixture *f = fixture_open(&o);
    static int fd[N];
    static struct buf unsent[N];
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < N; i++) {
        fd[i] = -1;
        buf_init(&unsent[i], 1 << 16);
    }
    for (int i = 0; i < DEEDS; i++) {
        size_t k = (size_t)rng_below(&r, N);
        random_deed(f, &r, &fd[k], &unsent[k]);
        if (i % 64 == 0)
            usleep(100);                       /* lets the loops keep pace on one core */
    }
    for (int i = 0; i < N; i++) {
        if (fd[i] >= 0)
            close(fd[i]);
        buf_done(&unsent[i]);
    }
    wait_closed(f);
    struct server_stats s = server_stats_of(f->server);
    print_message("%llu connections, %llu requests, %d gone\n", (unsigned long long)s.connections,
                  (unsigned long long)s.requests, atomic_load(&f->n_gone));
    assert_true(atomic_load(&f->n_gone) > 10 && atomic_load(&f->n_error) > 10);
    fixture_close(f);
}

static size_t resident_bytes(void)
{
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    char *end;
    (void)n;
    (void)strtoul(text, &end, 10);
    return strtoul(end, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void idle_connections_are_small(void **state)
{
    (void)state;
    enum { N = 400 };                          /* two descriptors each, below the usual 1,024 */
    struct server_options o = test_options();
    struct fixture *f = fixture_open(&o);
    static int fd[N];
    struct buf got;
    buf_init(&got, 1 << 16);
    size_t before = resident_bytes();
    for (int i = 0; i < N; i++) {
        fd[i] = client_connect(f->port);
        client_send(fd[i], STR(REQUEST("/hello")));
        buf_clear(&got);
        client_read_until(fd[i], &got, "hello");
    }
    size_t each = (resident_bytes() - before) / N;
    assert_int_equal(server_stats_of(f->server).open, N);
    print_message("%d idle connections: %zu bytes each\n", N, each);
    for (int i = 0; i < N; i++)
        close(fd[i]);
    wait_closed(f);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(each < 40 << 10);
#endif
    buf_done(&got);
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vanishing_is_noticed_at_each_stage),
        cmocka_unit_test(sending_ahead_is_bounded),
        cmocka_unit_test(slow_reader_stops_the_writer),
        cmocka_unit_test(slow_senders_are_ended),
        cmocka_unit_test(steady_body_passes),
        cmocka_unit_test(reader_that_takes_nothing_is_gone),
        cmocka_unit_test(connection_limit_answers_503),
        cmocka_unit_test(drain_ends_everything),
        cmocka_unit_test(random_clients_leave_nothing),
        cmocka_unit_test(idle_connections_are_small),
        cmocka_unit_test(running_out_of_descriptors_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
