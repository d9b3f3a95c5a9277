/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer: groups in order, bad rows alone, failing commits again until they succeed, a full
 * queue, closing.
 */
#include "store/writer.c"

#include "store_fixture.h"

#include <sys/resource.h>
#include <signal.h>

static struct store_fixture f;

struct row {
    struct write_job job;
    int64_t n;
    int fail_times;                    /* run fails so often before it works */
    enum err fail_code;
};

static struct {
    atomic_int n_run, n_done, n_ok, n_every, n_in_order;
    _Atomic enum err last;
    _Atomic int64_t highest;
} seen;

static enum err run(struct db *db, struct write_job *job, struct error *e)
{
    struct row *r = (struct row *)(void *)job;
    struct db_value p = db_int(r->n);

    atomic_fetch_add(&seen.n_run, 1);
    if (r->fail_times > 0) {
        r->fail_times--;
        return err_set(e, r->fail_code, ERR_NO_POS, "told to fail");
    }
    return db_run(db, "INSERT INTO row (n) VALUES (?1)", &p, 1, NULL, NULL, e);
}

static void done(struct write_job *job, enum err result)
{
    struct row *r = (struct row *)(void *)job;

    atomic_fetch_add(&seen.n_in_order, atomic_exchange(&seen.highest, r->n) < r->n);
    atomic_fetch_add(&seen.n_ok, result == ERR_OK);
    atomic_store(&seen.last, result);
    atomic_fetch_add(&seen.n_done, 1);
}

static void every(void *arg, struct db *db)
{
    (void)db;
    assert_ptr_equal(arg, &seen);
    atomic_fetch_add(&seen.n_every, 1);
}

static int setup(void **state)
{
    struct db *db;

    (void)state;
    memset(&seen, 0, sizeof seen);
    atomic_store(&seen.highest, -1);
    store_begin(&f);
    db = store_open(&f);
    store_do(db, "CREATE TABLE row (n INTEGER PRIMARY KEY)");
    db_close(&db);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_end(&f);
    return 0;
}

static struct writer *open_writer(void)
{
    struct writer *w = NULL;
    struct error e;

    if (writer_open(f.path, every, &seen, &w, &e) != ERR_OK) fail_msg("%s", e.text);
    return w;
}

static void wait_done(int n)
{
    int64_t end = clock_ns() + 20 * NS_PER_S;

    while (atomic_load(&seen.n_done) < n && clock_ns() < end) usleep(2000);
    assert_int_equal(atomic_load(&seen.n_done), n);
}

static int64_t rows(void)
{
    struct db *db = store_open(&f);
    int64_t n = store_int(db, "SELECT count(*) FROM row");

    db_close(&db);
    return n;
}

static void post(struct writer *w, struct row *r, int64_t n)
{
    r->job = (struct write_job){.run = run, .done = done};
    r->n = n;
    assert_true(writer_post(w, &r->job));
}

/* ---- tests ---- */

static void test_close_flushes(void **state)
{
    enum { N = 3 * WRITER_GROUP_MAX + 5 };
    static struct row r[N];
    struct writer *w = open_writer();

    (void)state;
    for (int i = 0; i < N; i++) post(w, &r[i], i);
    writer_close(&w);
    assert_null(w);
    writer_close(&w);
    assert_int_equal(atomic_load(&seen.n_ok), N);
    assert_int_equal(atomic_load(&seen.n_in_order), N);
    assert_int_equal(rows(), N);
}

/* While the disk syncs one group, the next gathers. */
static void test_groups(void **state)
{
    enum { N = 2000 };
    static struct row r[N];
    struct writer *w = open_writer();
    struct db *db = store_open(&f);
    int64_t before = db_version(db);

    (void)state;
    assert_int_equal(before, db_version(db));
    for (int i = 0; i < N; i++) post(w, &r[i], i);
    wait_done(N);
    assert_int_equal(writer_backlog(w), 0);
    assert_int_not_equal(before, db_version(db));
    assert_int_equal(rows(), N);
    db_close(&db);
    writer_close(&w);
}

/* Who waits for a row does not wait for others to gather. */
static void test_awaited(void **state)
{
    enum { N = 20 };
    static struct row r[N];
    struct writer *w = open_writer();
    int64_t start = clock_ns();

    (void)state;
    for (int i = 0; i < N; i++) {
        r[i].job = (struct write_job){.run = run, .done = done, .is_awaited = true};
        r[i].n = i;
        assert_true(writer_post(w, &r[i].job));
        while (atomic_load(&seen.n_done) <= i) usleep(50);
    }
    /* Twenty commits would keep 20 ms apart; a slow disk may take as long. */
    print_message("%d awaited rows: %.1f ms\n", N, (double)(clock_ns() - start) / 1e6);
    assert_true(clock_ns() - start < 20 * NS_PER_S);
    writer_close(&w);
    assert_int_equal(rows(), N);
}

/* A row that breaks a constraint is refused alone. */
static void test_bad_row(void **state)
{
    static struct row r[4];
    struct writer *w = open_writer();

    (void)state;
    post(w, &r[0], 1);
    post(w, &r[1], 2);
    post(w, &r[2], 1);
    post(w, &r[3], 3);
    wait_done(4);
    assert_int_equal(atomic_load(&seen.n_ok), 3);
    assert_int_equal(rows(), 3);
    r[0].fail_times = 1;
    r[0].fail_code = ERR_ARG;
    post(w, &r[0], 9);
    wait_done(5);
    assert_int_equal(atomic_load(&seen.last), ERR_ARG);
    writer_close(&w);
}

/* A group whose commit fails is tried again, whole, until it succeeds; nothing is written twice. */
static void test_retry(void **state)
{
    static struct row r[3];
    struct writer *w;

    (void)state;
    memset(r, 0, sizeof r);
    r[1].fail_times = 2;
    r[1].fail_code = ERR_IO;
    w = open_writer();
    for (int i = 0; i < 3; i++) post(w, &r[i], i);
    wait_done(3);
    assert_int_equal(atomic_load(&seen.n_ok), 3);
    assert_in_range(atomic_load(&seen.n_run), 5, 7);       /* groups may divide differently */
    assert_int_equal(rows(), 3);
    writer_close(&w);
}

/* A full disk, made by a limit on file sizes: rows wait, and go once there is room. */
static void test_full_disk(void **state)
{
    enum { N = 300 };
    static struct row r[N];
    struct rlimit old, tight;
    struct writer *w = open_writer();

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = (struct rlimit){.rlim_cur = 4096, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < N; i++) post(w, &r[i], i);
    usleep(300000);
    assert_int_equal(atomic_load(&seen.n_done), 0);
    assert_int_equal(writer_backlog(w), N);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    wait_done(N);
    assert_int_equal(atomic_load(&seen.n_ok), N);
    assert_int_equal(rows(), N);
    writer_close(&w);
}

/* Closing while the disk says no: one more try, then every job hears of the failure. */
static void test_close_gives_up(void **state)
{
    static struct row r[2];
    struct writer *w = open_writer();
    int64_t start = clock_ns();

    (void)state;
    memset(r, 0, sizeof r);
    r[1].fail_times = 1000;
    r[1].fail_code = ERR_IO;
    post(w, &r[0], 0);
    post(w, &r[1], 1);
    writer_close(&w);
    assert_int_equal(atomic_load(&seen.n_done), 2);
    assert_int_equal(atomic_load(&seen.last), ERR_IO);
    assert_true(clock_ns() - start < 4 * NS_PER_S);
}

static void test_full_queue(void **state)
{
    struct writer w = {.tail = &w.head};
    static struct row r;

    (void)state;
    pthread_mutex_init(&w.lock, NULL);
    thread_cond_init(&w.wake);
    atomic_store(&w.backlog, WRITER_QUEUE_MAX - 1);
    assert_true(writer_post(&w, &r.job));
    assert_false(writer_post(&w, &r.job));
    assert_int_equal(writer_backlog(&w), WRITER_QUEUE_MAX);
    pthread_cond_destroy(&w.wake);
    pthread_mutex_destroy(&w.lock);
}

static void test_every(void **state)
{
    struct writer *w = open_writer();
    int64_t end = clock_ns() + 10 * NS_PER_S;

    (void)state;
    while (atomic_load(&seen.n_every) < 3 && clock_ns() < end) usleep(10000);
    assert_in_range(atomic_load(&seen.n_every), 3, 10);
    writer_close(&w);
}

static void test_no_database(void **state)
{
    struct writer *w;
    struct error e;

    (void)state;
    assert_int_not_equal(writer_open("/dev/null/db", NULL, NULL, &w, &e), ERR_OK);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_close_flushes), TEST(test_groups), TEST(test_awaited), TEST(test_bad_row),
        TEST(test_retry), TEST(test_full_disk), TEST(test_close_gives_up), TEST(test_full_queue),
        TEST(test_every), TEST(test_no_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
