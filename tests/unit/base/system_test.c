/* SPDX-License-Identifier: Apache-2.0
 *
 * file, log, clock and thread: what touches the operating system.
 */
#include "../test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

static char dir[] = "/tmp/grokd-test-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void writes_and_reads(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct error e = {0};
    const char *path = file_join(a, dir, "data");
    static char big[200000];
    memset(big, 'b', sizeof big);
    const str rows[] = {STR(""), STR("a\0b"), {big, sizeof big}};
    for (size_t i = 0; i < N_OF(rows); i++) {
        assert_int_equal(file_write_atomic(path, rows[i], 0600, &e), ERR_OK);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        str back;
        assert_int_equal(file_read(path, rows[i].n, a, &back, &e), ERR_OK);
        assert_true(str_eq(back, rows[i]));
        assert_int_equal(back.p[back.n], 0);
        if (rows[i].n > 0) {
            assert_int_equal(file_read(path, rows[i].n - 1, a, &back, &e), ERR_LIMIT);
            assert_non_null(strstr(e.text, path));
        }
    }
    assert_false(file_exists(file_join(a, dir, "data.tmp")));
    assert_true(file_exists(path));
    arena_free(a);
}

static void leftover_tmp_does_not_matter(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct error e;
    str back;
    assert_int_equal(symlink("/nonexistent/elsewhere", file_join(a, dir, "left.tmp")), 0);
    const char *path = file_join(a, dir, "left");
    assert_int_equal(file_write_atomic(path, STR("x"), 0644, &e), ERR_OK);
    assert_int_equal(file_read(path, 10, a, &back, &e), ERR_OK);
    assert_str_is(back, "x");
    arena_free(a);
}

static void failures_are_told(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct error e;
    str back;
    struct file_map m;
    const char *none = file_join(a, dir, "none"), *fifo = file_join(a, dir, "fifo");
    assert_int_equal(file_read(none, 10, a, &back, &e), ERR_NOT_FOUND);
    assert_int_equal(file_read(dir, 10, a, &back, &e), ERR_IO);
    assert_int_equal(file_map_open(none, &m, &e), ERR_NOT_FOUND);
    assert_int_equal(file_map_open(dir, &m, &e), ERR_IO);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(file_map_open(fifo, &m, &e), ERR_IO); /* and does not hang */
    assert_non_null(strstr(e.text, "regular"));
    assert_int_equal(file_map_open("/dev/zero", &m, &e), ERR_IO);
    assert_int_equal(file_write_atomic(file_join(a, none, "x"), STR("x"), 0600, &e), ERR_NOT_FOUND);
    assert_int_equal(file_write_atomic(dir, STR("x"), 0600, &e), ERR_IO); /* a folder */
    assert_false(file_exists(arena_printf(a, "%s.tmp", dir).p));
    struct arena *small = arena_new(64);
    const char *ten = file_join(a, dir, "ten");
    assert_int_equal(file_write_atomic(ten, STR("0123456789"), 0600, &e), ERR_OK);
    assert_non_null(arena_try(small, 60));
    assert_int_equal(file_read(ten, 10, small, &back, &e), ERR_LIMIT);
    arena_free(small);
    arena_free(a);
}

static void maps(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct error e;
    struct file_map m;
    const char *path = file_join(a, dir, "map"), *link = file_join(a, dir, "link");
    assert_int_equal(file_write_atomic(path, STR("mapped"), 0600, &e), ERR_OK);
    assert_int_equal(symlink("map", link), 0);
    assert_int_equal(file_map_open(link, &m, &e), ERR_OK);
    assert_str_is(str_n((const char *)m.p, m.n), "mapped");
    file_map_close(&m);
    assert_null(m.p);
    file_map_close(&m);
    assert_int_equal(file_write_atomic(path, STR(""), 0600, &e), ERR_OK);
    assert_int_equal(file_map_open(path, &m, &e), ERR_OK);
    assert_int_equal(m.n, 0);
    file_map_close(&m);
    arena_free(a);
}

/* A map whose file is cut ends the process with status 1 and no signal. */
static void a_cut_map_is_trapped(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "%s/cut", dir);
    static char bytes[8192];
    struct error e;
    assert_int_equal(file_write_atomic(path, str_n(bytes, sizeof bytes), 0600, &e), ERR_OK);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct file_map m;
        if (!freopen("/dev/null", "w", stderr) || file_map_open(path, &m, &e) != ERR_OK)
            _exit(9);
        file_map_trap();
        if (truncate(path, 0) != 0)
            _exit(8);
        _exit(((const volatile uint8_t *)m.p)[5000] + 7);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void makes_folders(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct error e;
    const char *deep = file_join(a, dir, "a//b/c/");
    assert_int_equal(file_mkdirs(deep, 0700, &e), ERR_OK);
    assert_int_equal(file_mkdirs(deep, 0700, &e), ERR_OK);
    struct stat st;
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_write_atomic(file_join(a, dir, "plain"), STR(""), 0600, &e), ERR_OK);
    assert_int_equal(file_mkdirs(file_join(a, dir, "plain"), 0700, &e), ERR_EXISTS);
    assert_int_equal(file_mkdirs(file_join(a, dir, "plain/x"), 0700, &e), ERR_EXISTS);
    assert_int_equal(file_mkdirs("", 0700, &e), ERR_LIMIT);
    assert_string_equal(file_join(a, "", "x"), "x");
    assert_string_equal(file_join(a, "a/", "x"), "a/x");
    arena_free(a);
}

/* One line with `text` goes to a pipe and comes back without its date. */
static void logged(enum log_level level, const char *text, char *out, size_t size)
{
    int fd[2];
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    log_set_fd(fd[1]);
    log_line(level, "test", "%s", text);
    log_set_fd(STDERR_FILENO);
    ssize_t n = read(fd[0], out, size - 1);
    out[n < 0 ? 0 : n] = '\0';
    close(fd[0]);
    close(fd[1]);
}

static void log_lines(void **state)
{
    (void)state;
    char line[4096];
    static const struct { const char *text, *want; } rows[] = {
        {"event=start port=80", "event=start port=80\n"},
        {"a\nb\tc\x1b[0m\x7f", "a\\nb\\x09c\\x1b[0m\\x7f\n"},
        {"caf\xc3\xa9", "caf\xc3\xa9\n"},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        logged(LOG_INFO, rows[i].text, line, sizeof line);
        /* 2026-11-21T05:53:00.123Z info  test ... */
        assert_int_equal(line[10], 'T');
        assert_int_equal(line[19], '.');
        assert_int_equal(line[23], 'Z');
        assert_memory_equal(line + 24, " info  test ", 12);
        assert_string_equal(line + 36, rows[i].want);
    }
}

static void log_limits(void **state)
{
    (void)state;
    char line[4096], text[4000];
    logged(LOG_DEBUG, "hidden", line, sizeof line);
    assert_string_equal(line, "");
    log_set_level(LOG_DEBUG);
    logged(LOG_DEBUG, "shown", line, sizeof line);
    assert_non_null(strstr(line, "debug test shown\n"));
    log_set_level(LOG_INFO);
    memset(text, '\n', sizeof text - 1);       /* grows when escaped */
    text[sizeof text - 1] = '\0';
    logged(LOG_ERROR, text, line, sizeof line);
    assert_in_range(strlen(line), 2000, 2048);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    enum log_level level = LOG_ERROR;
    assert_true(log_level_parse("warn", &level));
    assert_int_equal(level, LOG_WARN);
    assert_false(log_level_parse("loud", &level));
}

static void clocks(void **state)
{
    (void)state;
    static const struct { int64_t unix_s; const char *want; } rows[] = {
        {0, "1970-01-01T00:00:00Z"}, {951782400, "2000-02-29T00:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"}, {253402300799, "9999-12-31T23:59:59Z"},
        {INT64_MAX, "1970-01-01T00:00:00Z"}, {INT64_MIN, "1970-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        char out[32];
        clock_rfc3339(rows[i].unix_s, out);
        assert_string_equal(out, rows[i].want);
    }
    int64_t start = clock_ns(), cpu = clock_thread_cpu_ns();
    while (clock_thread_cpu_ns() - cpu < NS_PER_MS)
        ;
    assert_true(clock_ns() - start >= NS_PER_MS / 2);
    cpu = clock_thread_cpu_ns();
    assert_true(clock_process_cpu_ns() >= cpu);
    assert_in_range(clock_unix_ms() / 1000 - clock_unix_s() + 1, 0, 2);
    assert_true(clock_unix_s() > 1700000000);
}

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool is_done;
    char name[16];
};

static void *work(void *arg)
{
    struct shared *s = arg;
    pthread_mutex_lock(&s->mutex);
    pthread_getname_np(pthread_self(), s->name, sizeof s->name);
    s->is_done = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    struct shared s = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    thread_cond_init(&s.cond);
    pthread_mutex_lock(&s.mutex);
    int64_t start = clock_ns();
    thread_cond_wait_until(&s.cond, &s.mutex, start + 20 * NS_PER_MS);
    assert_true(clock_ns() - start >= 20 * NS_PER_MS);
    thread_cond_wait_until(&s.cond, &s.mutex, -1);
    pthread_t t = thread_start("a-name-longer-than-shown", work, &s);
    while (!s.is_done)
        thread_cond_wait_until(&s.cond, &s.mutex, clock_ns() + NS_PER_S);
    pthread_mutex_unlock(&s.mutex);
    thread_join(t);
    assert_string_equal(s.name, "a-name-longer-t");
    assert_true(thread_cpu_count() >= 1);
    pthread_cond_destroy(&s.cond);
}

/* The guard of one thread does not bind another. */
static void *allocate(void *arg)
{
    mem_free(mem_alloc(1));
    return arg;
}

static void guard_is_per_thread(void **state)
{
    (void)state;
    pthread_t t;
    mem_guard_begin();
    assert_int_equal(pthread_create(&t, NULL, allocate, NULL), 0);
    thread_join(t);
    mem_guard_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(leftover_tmp_does_not_matter),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(maps),
        cmocka_unit_test(a_cut_map_is_trapped),
        cmocka_unit_test(makes_folders),
        cmocka_unit_test(log_lines),
        cmocka_unit_test(log_limits),
        cmocka_unit_test(clocks),
        cmocka_unit_test(threads),
        cmocka_unit_test(guard_is_per_thread),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
