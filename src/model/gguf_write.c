/* SPDX-License-Identifier: Apache-2.0
 *
 * GGUF writer. See gguf.c for the format. Tensor offsets follow one another, each rounded up to
 * the default alignment, so the table can be written before any data is known.
 */
#include "model/gguf_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/widen.h"

#define ALIGN ((size_t)GGUF_ALIGNMENT_DEFAULT)

struct gguf_writer {
    struct buf kv, table;
    uint64_t n_kv, n_tensor;
    uint64_t offset;                   /* of the next tensor */
    size_t *bytes;                     /* [n_tensor, room for n_room], owned */
    size_t n_room;
    int fd;                            /* -1 before start and after finish */
    char tmp[PATH_MAX];
    const char *path;
    size_t tensor, written;            /* the tensor being streamed, and its bytes so far */
};

struct gguf_writer *gguf_writer_new(void)
{
    struct gguf_writer *w = mem_alloc(sizeof *w);
    buf_init(&w->kv, GGUF_HEAD_BYTES_MAX);
    buf_init(&w->table, GGUF_HEAD_BYTES_MAX);
    w->fd = -1;
    return w;
}

static void put_le(struct buf *b, uint64_t v, int n_byte)
{
    for (int i = 0; i < n_byte; i++)
        buf_char(b, (char)(v >> 8 * i & 0xff));
}

static void put_str(struct buf *b, str s)
{
    put_le(b, s.n, 8);
    buf_add(b, s);
}

static void put_key(struct gguf_writer *w, str key, enum gguf_type type)
{
    put_str(&w->kv, key);
    put_le(&w->kv, type, 4);
    w->n_kv++;
}

void gguf_writer_u32(struct gguf_writer *w, str key, uint32_t v)
{
    put_key(w, key, GGUF_U32);
    put_le(&w->kv, v, 4);
}

void gguf_writer_f32(struct gguf_writer *w, str key, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_key(w, key, GGUF_F32);
    put_le(&w->kv, bits, 4);
}

void gguf_writer_str(struct gguf_writer *w, str key, str v)
{
    put_key(w, key, GGUF_STRING);
    put_str(&w->kv, v);
}

void gguf_writer_copy(struct gguf_writer *w, const struct gguf_kv *kv)
{
    put_key(w, kv->key, kv->type);
    if (kv->type == GGUF_ARRAY) {
        put_le(&w->kv, kv->item_type, 4);
        put_le(&w->kv, kv->n, 8);
    }
    buf_add(&w->kv, str_n((const char *)kv->data, kv->bytes));
}

static size_t bytes_of(const struct gguf_tensor *t)
{
    const struct quant_info *q = tensor_type(t->type);
    CHECK(q && t->n_dim >= 1 && t->n_dim <= GGUF_DIMS_MAX);
    CHECK(t->dim[0] % (uint64_t)q->block_len == 0);
    size_t bytes = (size_t)(t->dim[0] / (uint64_t)q->block_len);
    CHECK(size_mul(bytes, (size_t)q->block_bytes, &bytes));
    for (int i = 1; i < t->n_dim; i++)
        CHECK(size_mul(bytes, (size_t)t->dim[i], &bytes));
    return bytes;
}

size_t gguf_writer_tensor(struct gguf_writer *w, const struct gguf_tensor *t)
{
    size_t bytes = bytes_of(t), rounded;
    if (w->n_tensor == w->n_room) {
        w->n_room = w->n_room ? 2 * w->n_room : 64;
        w->bytes = mem_resize(w->bytes, w->n_room * sizeof *w->bytes);
    }
    w->bytes[w->n_tensor++] = bytes;
    put_str(&w->table, t->name);
    put_le(&w->table, (uint64_t)t->n_dim, 4);
    for (int i = 0; i < t->n_dim; i++)
        put_le(&w->table, t->dim[i], 8);
    put_le(&w->table, t->type, 4);
    put_le(&w->table, w->offset, 8);
    CHECK(size_add(bytes, ALIGN - 1, &rounded));
    CHECK(size_add(w->offset, rounded & ~(ALIGN - 1), &w->offset));
    return bytes;
}

static enum err fail(const struct gguf_writer *w, const char *doing, struct error *e)
{
    return err_set(e, ERR_IO, ERR_NO_POS, "cannot %s %s: %s", doing, w->tmp, strerror(errno));
}

static enum err write_all(struct gguf_writer *w, const void *bytes, size_t n, struct error *e)
{
    const uint8_t *p = bytes;
    while (n > 0) {
        ssize_t got = write(w->fd, p, n);
        if (got < 0 && errno != EINTR)
            return fail(w, "write", e);
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
    return ERR_OK;
}

static enum err pad(struct gguf_writer *w, size_t n, struct error *e)
{
    static const uint8_t zero[GGUF_ALIGNMENT_DEFAULT];
    return write_all(w, zero, (ALIGN - n % ALIGN) % ALIGN, e);
}

enum err gguf_writer_start(struct gguf_writer *w, const char *path, struct error *e)
{
    if (w->kv.bad || w->table.bad)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "the metadata passes %zu bytes",
                       GGUF_HEAD_BYTES_MAX);
    int n = snprintf(w->tmp, sizeof w->tmp, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof w->tmp)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "path %s is too long", path);
    w->path = path;
    (void)unlink(w->tmp);                      /* left over from a crash, or not there */
    w->fd = open(w->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w->fd < 0)
        return fail(w, "create", e);
    struct buf head;
    buf_init(&head, 64);
    buf_add(&head, STR("GGUF"));
    put_le(&head, 3, 4);
    put_le(&head, w->n_tensor, 8);
    put_le(&head, w->n_kv, 8);
    size_t total = head.n + w->kv.n + w->table.n;
    enum err err = write_all(w, head.p, head.n, e);
    buf_done(&head);
    TRY(err);
    TRY(write_all(w, w->kv.p, w->kv.n, e));
    TRY(write_all(w, w->table.p, w->table.n, e));
    return pad(w, total, e);
}

enum err gguf_writer_data(struct gguf_writer *w, const void *bytes, size_t n, struct error *e)
{
    CHECK(w->fd >= 0 && w->tensor < w->n_tensor && n <= w->bytes[w->tensor] - w->written);
    TRY(write_all(w, bytes, n, e));
    w->written += n;
    if (w->written < w->bytes[w->tensor])
        return ERR_OK;
    TRY(pad(w, w->written, e));
    w->tensor++;
    w->written = 0;
    return ERR_OK;
}

enum err gguf_writer_finish(struct gguf_writer *w, struct error *e)
{
    CHECK(w->fd >= 0 && w->tensor == w->n_tensor);
    if (fsync(w->fd) != 0)
        return fail(w, "write", e);
    int fd = w->fd;
    w->fd = -1;
    if (close(fd) == 0 && rename(w->tmp, w->path) == 0)
        return ERR_OK;
    enum err err = err_set(e, ERR_IO, ERR_NO_POS, "cannot give %s its name: %s", w->path,
                           strerror(errno));
    (void)unlink(w->tmp);
    return err;
}

void gguf_writer_free(struct gguf_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0) {
        close(w->fd);
        (void)unlink(w->tmp);
    }
    buf_done(&w->kv);
    buf_done(&w->table);
    mem_free(w->bytes);
    mem_free(w);
}
