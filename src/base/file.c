/* SPDX-License-Identifier: Apache-2.0
 *
 * Files over plain system calls. Every failure names the path and the system's reason.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define READ_CHUNK ((size_t)64 << 10)

static enum err fail(struct error *e, const char *doing, const char *path)
{
    int no = errno;
    enum err code = no == ENOENT ? ERR_NOT_FOUND : no == EEXIST ? ERR_EXISTS : ERR_IO;
    return err_set(e, code, ERR_NO_POS, "cannot %s %s: %s", doing, path, strerror(no));
}

/* Reads to the end of fd, or until b refuses more (bad). */
static enum err read_all(int fd, const char *path, struct buf *b, struct error *e)
{
    for (;;) {
        size_t room = b->max - b->n < READ_CHUNK ? b->max - b->n : READ_CHUNK;
        char *to = buf_reserve(b, room ? room : 1);
        if (!to)
            return ERR_OK;
        ssize_t got = read(fd, to, room ? room : 1);
        if (got == 0)
            return ERR_OK;
        if (got < 0 && errno != EINTR)
            return fail(e, "read", path);
        if (got > 0)
            b->n += (size_t)got;
    }
}

enum err file_read(const char *path, size_t max, struct arena *a, str *out, struct error *e)
{
    CHECK(max < SIZE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(e, "open", path);
    struct buf b;
    buf_init(&b, max + 1);                     /* one byte more tells too large from just fits */
    enum err err = read_all(fd, path, &b, e);
    close(fd);
    char *copy = NULL;
    if (err == ERR_OK && (b.bad || b.n > max))
        err = err_set(e, ERR_LIMIT, max, "%s is larger than %zu bytes", path, max);
    if (err == ERR_OK && !(copy = arena_try(a, b.n + 1)))
        err = err_set(e, ERR_LIMIT, ERR_NO_POS, "%s: no room for its %zu bytes", path, b.n);
    if (err == ERR_OK) {
        if (b.n)
            memcpy(copy, b.p, b.n);
        *out = (str){copy, b.n};
    }
    buf_done(&b);
    return err;
}

static bool write_all(int fd, str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            bytes = str_sub(bytes, (size_t)n, bytes.n);
    }
    return true;
}

/* fsync of the folder that holds path makes the rename last. */
static bool sync_folder(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (n >= sizeof dir) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(dir, path, n);
    dir[n] = '\0';
    int fd = open(n ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

static enum err write_tmp(const char *tmp, str bytes, unsigned mode, struct error *e)
{
    unlink(tmp);                               /* left over from a crash, or not there */
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return fail(e, "create", tmp);
    enum err err = ERR_OK;
    if (fchmod(fd, (mode_t)mode) != 0 || !write_all(fd, bytes) || fsync(fd) != 0)
        err = fail(e, "write", tmp);
    if (close(fd) != 0 && err == ERR_OK)
        err = fail(e, "close", tmp);
    return err;
}

enum err file_write_atomic(const char *path, str bytes, unsigned mode, struct error *e)
{
    char tmp[PATH_MAX];
    int n = snprintf(tmp, sizeof tmp, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof tmp)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "path %s is too long", path);
    enum err err = write_tmp(tmp, bytes, mode, e);
    if (err == ERR_OK && rename(tmp, path) != 0)
        err = fail(e, "rename to", path);
    if (err != ERR_OK) {
        unlink(tmp);
        return err;
    }
    return sync_folder(path) ? ERR_OK : fail(e, "sync the folder of", path);
}

static enum err map_fd(int fd, const char *path, struct file_map *m, struct error *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(e, "look at", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_IO, ERR_NO_POS, "%s is not a regular file", path);
    *m = (struct file_map){.n = (size_t)st.st_size};
    if (m->n == 0)
        return ERR_OK;                         /* mmap refuses an empty range */
    void *p = mmap(NULL, m->n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return fail(e, "map", path);
    m->p = p;
    return ERR_OK;
}

enum err file_map_open(const char *path, struct file_map *m, struct error *e)
{
    *m = (struct file_map){0};
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(e, "open", path);
    enum err err = map_fd(fd, path, m, e);
    close(fd);
    return err;
}

void file_map_close(struct file_map *m)
{
    if (m->p)
        CHECK(munmap((void *)(uintptr_t)m->p, m->n) == 0);
    *m = (struct file_map){0};
}

static void on_sigbus(int sig)
{
    (void)sig;
    static const char text[] = "grokd: a mapped file was cut short or its disk failed; stopping\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(1);
}

void file_map_trap(void)
{
    struct sigaction sa = {.sa_handler = on_sigbus};
    sigemptyset(&sa.sa_mask);
    CHECK(sigaction(SIGBUS, &sa, NULL) == 0);
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum err file_mkdirs(const char *path, unsigned mode, struct error *e)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n == 0 || n >= sizeof part)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "path %s is empty or too long", path);
    for (size_t i = 1; i <= n; i++) {
        if (i < n && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, i == n ? (mode_t)mode : 0777) != 0 &&
            !(errno == EEXIST && is_folder(part)))
            return fail(e, "make the folder", part);
    }
    return ERR_OK;
}

char *file_join(struct arena *a, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    const char *sep = n == 0 || dir[n - 1] == '/' ? "" : "/";
    return (char *)(uintptr_t)arena_printf(a, "%s%s%s", dir, sep, name).p;
}
