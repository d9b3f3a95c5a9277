/* SPDX-License-Identifier: Apache-2.0
 *
 * GGUF reader. The file, all numbers little endian:
 *
 *   4 "GGUF" | 4 version | 8 n_tensor | 8 n_kv
 *   n_kv times:      string key | 4 type | value
 *   n_tensor times:  string name | 4 n_dim | n_dim times 8 dim | 4 type | 8 offset
 *   padding to general.alignment, then the data that the offsets count from
 *
 * string is 8 length | bytes; an array value is 4 item type | 8 length | items. Memory and time
 * are bounded by the size of the file: a count is compared with what the rest could hold before
 * anything is allocated for it. What lies behind the last tensor is ignored.
 */
#include "model/gguf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/reader.h"
#include "model/widen.h"

#define GGUF_MAGIC 0x46554747u                 /* "GGUF" */
#define GGUF_VERSION_MIN 2
#define GGUF_VERSION_MAX 3
#define KV_BYTES_MIN 13                        /* empty key, type, one byte */
#define TENSOR_BYTES_MIN 32                    /* empty name, one dimension, type, offset */

struct gguf {
    struct file_map map;                       /* owned; empty when parsed from memory */
    struct reader r;
    uint32_t version;
    uint64_t alignment;
    struct gguf_kv *kv;                        /* [n_kv], owned */
    size_t n_kv;
    struct gguf_tensor *tensor;                /* [n_tensor], owned */
    size_t n_tensor;
    struct map key;                            /* -> index in kv */
    struct map name;                           /* -> index in tensor */
    size_t head_bytes;
};

static const struct { const char *name; size_t bytes; } types[] = {
    [GGUF_U8] = {"u8", 1}, [GGUF_I8] = {"i8", 1}, [GGUF_U16] = {"u16", 2}, [GGUF_I16] = {"i16", 2},
    [GGUF_U32] = {"u32", 4}, [GGUF_I32] = {"i32", 4}, [GGUF_F32] = {"f32", 4},
    [GGUF_BOOL] = {"bool", 1}, [GGUF_STRING] = {"string", 0}, [GGUF_ARRAY] = {"array", 0},
    [GGUF_U64] = {"u64", 8}, [GGUF_I64] = {"i64", 8}, [GGUF_F64] = {"f64", 8},
};
static_assert(sizeof types / sizeof types[0] == GGUF_TYPE_COUNT, "every type has a row");

const char *gguf_type_name(enum gguf_type t)
{
    return (unsigned)t < GGUF_TYPE_COUNT ? types[t].name : "unknown";
}

/* ---- metadata ---- */

static enum err truncated(const struct reader *r, const char *what, struct error *e)
{
    return err_set(e, ERR_FORMAT, r->pos, "the file ends inside %s (byte %zu of %zu)", what, r->pos,
                   r->n);
}

/* Names go into messages on terminals, where a control character would be obeyed. */
static bool has_control(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

/* A name of at most max bytes, borrowed. */
static enum err read_name(struct reader *r, size_t max, const char *what, str *out,
                          struct error *e)
{
    size_t at = r->pos;
    uint64_t n = read_u64le(r);
    if (!r->bad && n > max)
        return err_set(e, ERR_LIMIT, at, "byte %zu: %s of %llu bytes, at most %zu are allowed", at,
                       what, (unsigned long long)n, max);
    *out = read_bytes(r, n);
    if (r->bad)
        return truncated(r, what, e);
    if (has_control(*out))
        return err_set(e, ERR_FORMAT, at, "byte %zu: %s with a control character", at, what);
    return ERR_OK;
}

/* Moves behind n items of a type. */
static enum err skip_items(struct reader *r, enum gguf_type type, uint64_t n, struct error *e)
{
    size_t at = r->pos, size = types[type].bytes, total;
    if (type == GGUF_STRING) {
        if (n > reader_left(r) / sizeof(uint64_t))
            return err_set(e, ERR_FORMAT, at, "byte %zu: %llu strings do not fit in the file", at,
                           (unsigned long long)n);
        for (uint64_t i = 0; i < n && !r->bad; i++)
            read_bytes(r, read_u64le(r));
        return r->bad ? truncated(r, "a string value", e) : ERR_OK;
    }
    if (!size_mul((size_t)n, size, &total) || total > reader_left(r))
        return err_set(e, ERR_FORMAT, at, "byte %zu: %llu values of type %s do not fit in the file",
                       at, (unsigned long long)n, types[type].name);
    read_bytes(r, total);
    return ERR_OK;
}

static enum err read_type(struct reader *r, enum gguf_type *out, struct error *e)
{
    size_t at = r->pos;
    uint32_t t = read_u32le(r);
    if (r->bad)
        return truncated(r, "a value type", e);
    if (t >= GGUF_TYPE_COUNT)
        return err_set(e, ERR_FORMAT, at, "byte %zu: unknown value type %u", at, t);
    *out = (enum gguf_type)t;
    return ERR_OK;
}

static enum err read_kv(struct gguf *g, struct gguf_kv *kv, struct error *e)
{
    struct reader *r = &g->r;
    size_t at = r->pos;
    TRY(read_name(r, GGUF_KEY_BYTES_MAX, "a key", &kv->key, e));
    if (!map_set(&g->key, kv->key, (uintptr_t)(kv - g->kv)))
        return err_set(e, ERR_FORMAT, at, "byte %zu: the key %.*s occurs twice", at,
                       STR_FMT(str_sub(kv->key, 0, 100)));
    TRY(read_type(r, &kv->type, e));
    kv->item_type = kv->type;
    kv->n = 1;
    if (kv->type == GGUF_ARRAY) {
        size_t item_at = r->pos;
        TRY(read_type(r, &kv->item_type, e));
        kv->n = read_u64le(r);
        if (r->bad)
            return truncated(r, "an array", e);
        if (kv->item_type == GGUF_ARRAY)
            return err_set(e, ERR_UNSUPPORTED, item_at, "byte %zu: %.*s is an array of arrays",
                           item_at, STR_FMT(str_sub(kv->key, 0, 100)));
    }
    size_t data_at = r->pos;
    kv->data = r->p + data_at;
    TRY(skip_items(r, kv->item_type, kv->n, e));
    kv->bytes = r->pos - data_at;
    return ERR_OK;
}

static enum err read_alignment(struct gguf *g, struct error *e)
{
    g->alignment = GGUF_ALIGNMENT_DEFAULT;
    const struct gguf_kv *kv = gguf_find(g, "general.alignment");
    if (!kv)
        return ERR_OK;
    size_t at = (size_t)(kv->data - g->r.p);
    int64_t v;
    if (kv->type == GGUF_ARRAY || !gguf_get_int(kv, 0, &v) || v < GGUF_ALIGNMENT_MIN ||
        v > GGUF_ALIGNMENT_MAX || (v & (v - 1)) != 0)
        return err_set(e, ERR_FORMAT, at,
                       "byte %zu: general.alignment must be a power of two from %d to %d", at,
                       GGUF_ALIGNMENT_MIN, GGUF_ALIGNMENT_MAX);
    g->alignment = (uint64_t)v;
    return ERR_OK;
}

/* ---- tensors ---- */

static enum err read_dims(struct reader *r, struct gguf_tensor *t, struct error *e)
{
    size_t at = r->pos;
    uint32_t n = read_u32le(r);
    if (!r->bad && (n < 1 || n > GGUF_DIMS_MAX))
        return err_set(e, ERR_FORMAT, at, "byte %zu: tensor %.*s has %u dimensions, 1 to %d are "
                       "allowed", at, STR_FMT(t->name), n, GGUF_DIMS_MAX);
    t->n_dim = (int)n;
    for (int i = 0; i < GGUF_DIMS_MAX; i++)
        t->dim[i] = 1;
    for (int i = 0; i < t->n_dim && !r->bad; i++) {
        at = r->pos;
        t->dim[i] = read_u64le(r);
        if (!r->bad && (t->dim[i] < 1 || t->dim[i] > GGUF_DIM_MAX))
            return err_set(e, ERR_LIMIT, at, "byte %zu: dimension %d of tensor %.*s is %llu, "
                           "1 to %llu are allowed", at, i, STR_FMT(t->name),
                           (unsigned long long)t->dim[i], (unsigned long long)GGUF_DIM_MAX);
    }
    return r->bad ? truncated(r, "the tensor table", e) : ERR_OK;
}

/* Sets bytes from type and dimensions. */
static enum err tensor_size(struct gguf_tensor *t, size_t at, struct error *e)
{
    const struct quant_info *q = tensor_type(t->type);
    if (!q)
        return err_set(e, ERR_UNSUPPORTED, at, "byte %zu: tensor %.*s has block type %u, which "
                       "this build does not know", at, STR_FMT(t->name), t->type);
    if (t->dim[0] % (uint64_t)q->block_len != 0)
        return err_set(e, ERR_FORMAT, at, "byte %zu: rows of tensor %.*s have %llu values, %s "
                       "needs a multiple of %d", at, STR_FMT(t->name),
                       (unsigned long long)t->dim[0], q->name, q->block_len);
    size_t bytes = (size_t)(t->dim[0] / (uint64_t)q->block_len);
    bool fits = size_mul(bytes, (size_t)q->block_bytes, &bytes);
    for (int i = 1; i < t->n_dim && fits; i++)
        fits = size_mul(bytes, (size_t)t->dim[i], &bytes);
    if (!fits)
        return err_set(e, ERR_LIMIT, at, "byte %zu: the size of tensor %.*s overflows", at,
                       STR_FMT(t->name));
    t->bytes = bytes;
    return ERR_OK;
}

/* One row of the tensor table; gives the offset, which place_tensors turns into data. */
static enum err read_tensor(struct gguf *g, struct gguf_tensor *t, uint64_t *offset,
                            struct error *e)
{
    struct reader *r = &g->r;
    size_t at = r->pos;
    TRY(read_name(r, GGUF_NAME_BYTES_MAX, "a tensor name", &t->name, e));
    if (!map_set(&g->name, t->name, (uintptr_t)(t - g->tensor)))
        return err_set(e, ERR_FORMAT, at, "byte %zu: the tensor %.*s occurs twice", at,
                       STR_FMT(t->name));
    TRY(read_dims(r, t, e));
    size_t type_at = r->pos;
    t->type = read_u32le(r);
    size_t offset_at = r->pos;
    *offset = read_u64le(r);
    if (r->bad)
        return truncated(r, "the tensor table", e);
    TRY(tensor_size(t, type_at, e));
    if (*offset % g->alignment != 0)
        return err_set(e, ERR_FORMAT, offset_at, "byte %zu: the offset %llu of tensor %.*s is not "
                       "a multiple of the alignment %llu", offset_at, (unsigned long long)*offset,
                       STR_FMT(t->name), (unsigned long long)g->alignment);
    return ERR_OK;
}

static int by_data(const void *a, const void *b)
{
    const struct gguf_tensor *x = *(const struct gguf_tensor *const *)a;
    const struct gguf_tensor *y = *(const struct gguf_tensor *const *)b;
    return x->data < y->data ? -1 : x->data > y->data;
}

static enum err check_overlaps(struct gguf *g, struct error *e)
{
    const struct gguf_tensor **order = mem_try_alloc(g->n_tensor * sizeof(void *));
    if (!order)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %zu tensors", g->n_tensor);
    for (size_t i = 0; i < g->n_tensor; i++)
        order[i] = &g->tensor[i];
    qsort(order, g->n_tensor, sizeof(void *), by_data);
    enum err err = ERR_OK;
    for (size_t i = 1; i < g->n_tensor && err == ERR_OK; i++) {
        const struct gguf_tensor *a = order[i - 1], *b = order[i];
        size_t at = (size_t)((const uint8_t *)b->data - g->r.p);
        if ((const uint8_t *)a->data + a->bytes > (const uint8_t *)b->data)
            err = err_set(e, ERR_FORMAT, at, "byte %zu: the tensors %.*s and %.*s overlap", at,
                          STR_FMT(str_sub(a->name, 0, 100)), STR_FMT(str_sub(b->name, 0, 100)));
    }
    mem_free(order);
    return err;
}

/* Turns offsets into pointers: every tensor lies inside the file, none over another. */
static enum err place_tensors(struct gguf *g, const uint64_t *offset, struct error *e)
{
    size_t n = g->r.n, mask = (size_t)g->alignment - 1;
    size_t base = (g->head_bytes + mask) & ~mask;      /* head_bytes <= n: far from overflow */
    for (size_t i = 0; i < g->n_tensor; i++) {
        struct gguf_tensor *t = &g->tensor[i];
        if (base > n || offset[i] > n - base || t->bytes > n - base - (size_t)offset[i])
            return err_set(e, ERR_FORMAT, n, "tensor %.*s (%zu bytes at offset %llu) goes past the "
                           "end of the file (%zu bytes): is it cut short?", STR_FMT(t->name),
                           t->bytes, (unsigned long long)offset[i], n);
        t->data = g->r.p + base + offset[i];
    }
    return g->n_tensor > 1 ? check_overlaps(g, e) : ERR_OK;
}

/* ---- the file ---- */

static enum err read_version(struct gguf *g, struct error *e)
{
    struct reader *r = &g->r;
    uint32_t magic = read_u32le(r);
    if (r->bad || magic != GGUF_MAGIC)
        return err_set(e, ERR_FORMAT, 0, "byte 0: not a GGUF file, its first bytes are not GGUF");
    g->version = read_u32le(r);
    if (r->bad)
        return truncated(r, "the header", e);
    if ((g->version & 0xffff) == 0 && g->version != 0)
        return err_set(e, ERR_UNSUPPORTED, 4, "byte 4: this GGUF file is big endian; convert it to "
                       "little endian (gguf_convert_endian.py)");
    if (g->version < GGUF_VERSION_MIN || g->version > GGUF_VERSION_MAX)
        return err_set(e, ERR_UNSUPPORTED, 4, "byte 4: GGUF version %u is not supported, %d and %d "
                       "are", g->version, GGUF_VERSION_MIN, GGUF_VERSION_MAX);
    return ERR_OK;
}

/* A count of the header: within its limit, and the rest of the file could hold as many. */
static enum err read_count(struct reader *r, const char *what, uint64_t max, size_t each,
                           size_t *out, struct error *e)
{
    size_t at = r->pos;
    uint64_t n = read_u64le(r);
    if (r->bad)
        return truncated(r, "the header", e);
    if (n > max)
        return err_set(e, ERR_LIMIT, at, "byte %zu: %llu %s, at most %llu are allowed", at,
                       (unsigned long long)n, what, (unsigned long long)max);
    if (n > reader_left(r) / each)
        return err_set(e, ERR_FORMAT, at, "byte %zu: %llu %s do not fit in the file", at,
                       (unsigned long long)n, what);
    *out = (size_t)n;
    return ERR_OK;
}

static enum err read_tensors(struct gguf *g, struct error *e)
{
    uint64_t *offset = mem_try_alloc(g->n_tensor * sizeof *offset);
    enum err err = offset ? ERR_OK : err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for %zu tensors",
                                             g->n_tensor);
    for (size_t i = 0; i < g->n_tensor && err == ERR_OK; i++)
        err = read_tensor(g, &g->tensor[i], &offset[i], e);
    g->head_bytes = g->r.pos;
    if (err == ERR_OK)
        err = place_tensors(g, offset, e);
    mem_free(offset);
    return err;
}

static enum err parse(struct gguf *g, struct error *e)
{
    TRY(read_version(g, e));
    TRY(read_count(&g->r, "tensors", GGUF_TENSORS_MAX, TENSOR_BYTES_MIN, &g->n_tensor, e));
    TRY(read_count(&g->r, "metadata keys", GGUF_KV_MAX, KV_BYTES_MIN, &g->n_kv, e));
    g->kv = mem_try_alloc(g->n_kv * sizeof *g->kv);
    g->tensor = mem_try_alloc(g->n_tensor * sizeof *g->tensor);
    if (!g->kv || !g->tensor)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "no memory for the tables of the file");
    map_init(&g->key, g->n_kv);
    map_init(&g->name, g->n_tensor);
    for (size_t i = 0; i < g->n_kv; i++)
        TRY(read_kv(g, &g->kv[i], e));
    TRY(read_alignment(g, e));
    return read_tensors(g, e);
}

enum err gguf_parse(const void *bytes, size_t n, struct gguf **out, struct error *e)
{
    struct gguf *g = mem_alloc(sizeof *g);
    g->r = reader_of(bytes, n);
    enum err err = parse(g, e);
    if (err != ERR_OK)
        gguf_close(&g);
    *out = g;
    return err;
}

enum err gguf_open(const char *path, struct gguf **out, struct error *e)
{
    struct file_map map;
    *out = NULL;
    TRY(file_map_open(path, &map, e));
    enum err err = gguf_parse(map.p, map.n, out, e);
    if (err == ERR_OK)
        (*out)->map = map;
    else
        file_map_close(&map);
    return err;
}

void gguf_close(struct gguf **g)
{
    if (!*g)
        return;
    map_done(&(*g)->key);
    map_done(&(*g)->name);
    mem_free((*g)->kv);
    mem_free((*g)->tensor);
    file_map_close(&(*g)->map);
    mem_free(*g);
    *g = NULL;
}

void gguf_forget(const struct gguf *g, const struct gguf_tensor *t)
{
    if (!g->map.p)
        return;
    /* Rounded outward: a neighbour's page that goes too is read again from the page cache. */
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)t->data & ~(page - 1);
    uintptr_t to = ((uintptr_t)t->data + t->bytes + page - 1) & ~(page - 1);
    (void)madvise((void *)from, to - from, MADV_DONTNEED);     /* advice: failure is harmless */
}

size_t gguf_kv_count(const struct gguf *g)
{
    return g->n_kv;
}

const struct gguf_kv *gguf_kv_at(const struct gguf *g, size_t i)
{
    CHECK(i < g->n_kv);
    return &g->kv[i];
}

const struct gguf_kv *gguf_find(const struct gguf *g, const char *key)
{
    uintptr_t i;
    return map_get(&g->key, str_of(key), &i) ? &g->kv[i] : NULL;
}

size_t gguf_tensor_count(const struct gguf *g)
{
    return g->n_tensor;
}

const struct gguf_tensor *gguf_tensor_at(const struct gguf *g, size_t i)
{
    CHECK(i < g->n_tensor);
    return &g->tensor[i];
}

const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name)
{
    uintptr_t i;
    return map_get(&g->name, str_of(name), &i) ? &g->tensor[i] : NULL;
}

size_t gguf_file_bytes(const struct gguf *g)
{
    return g->r.n;
}

uint32_t gguf_version(const struct gguf *g)
{
    return g->version;
}

str gguf_head(const struct gguf *g)
{
    return str_n((const char *)g->r.p, g->head_bytes);
}

/* ---- typed reads ---- */

bool gguf_get_int(const struct gguf_kv *kv, uint64_t i, int64_t *out)
{
    size_t size = types[kv->item_type].bytes;
    if (i >= kv->n || size == 0)
        return false;
    struct reader r = reader_of(kv->data + i * size, size);
    uint64_t u;
    switch (kv->item_type) {
    case GGUF_U8: *out = read_u8(&r); return true;
    case GGUF_I8: *out = (int8_t)read_u8(&r); return true;
    case GGUF_U16: *out = read_u16le(&r); return true;
    case GGUF_I16: *out = (int16_t)read_u16le(&r); return true;
    case GGUF_U32: *out = read_u32le(&r); return true;
    case GGUF_I32: *out = (int32_t)read_u32le(&r); return true;
    case GGUF_I64: *out = (int64_t)read_u64le(&r); return true;
    case GGUF_U64:
        u = read_u64le(&r);
        *out = (int64_t)u;
        return u <= INT64_MAX;
    default: return false;
    }
}

bool gguf_get_float(const struct gguf_kv *kv, uint64_t i, double *out)
{
    if (i >= kv->n)
        return false;
    if (kv->item_type == GGUF_F32 || kv->item_type == GGUF_F64) {
        size_t size = types[kv->item_type].bytes;
        struct reader r = reader_of(kv->data + i * size, size);
        *out = kv->item_type == GGUF_F32 ? (double)read_f32le(&r) : read_f64le(&r);
        return true;
    }
    int64_t v;
    if (!gguf_get_int(kv, i, &v))
        return false;
    *out = (double)v;
    return true;
}

bool gguf_get_bool(const struct gguf_kv *kv, bool *out)
{
    if (kv->type != GGUF_BOOL)
        return false;
    *out = kv->data[0] != 0;
    return true;
}

bool gguf_get_str(const struct gguf_kv *kv, str *out)
{
    if (kv->type != GGUF_STRING)
        return false;
    struct reader r = reader_of(kv->data, kv->bytes);
    *out = read_bytes(&r, read_u64le(&r));
    return !r.bad;
}

enum err gguf_get_strs(const struct gguf_kv *kv, str *out, struct error *e)
{
    if (kv->type != GGUF_ARRAY || kv->item_type != GGUF_STRING)
        return err_set(e, ERR_TYPE, ERR_NO_POS, "%.*s is not an array of strings",
                       STR_FMT(str_sub(kv->key, 0, 100)));
    struct reader r = reader_of(kv->data, kv->bytes);
    for (uint64_t i = 0; i < kv->n; i++)
        out[i] = read_bytes(&r, read_u64le(&r));
    CHECK(!r.bad);                             /* walked once by the parser */
    return ERR_OK;
}
