/* SPDX-License-Identifier: Apache-2.0
 *
 * GGUF v2 and v3 files, little endian, mapped read-only. Every length, count, offset and product
 * is checked against the file before use; a hostile file is an error with the byte position.
 * Immutable after open; any thread. The file must not change while it is open.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

#define GGUF_DIMS_MAX 4

enum gguf_type {
    GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL, GGUF_STRING,
    GGUF_ARRAY, GGUF_U64, GGUF_I64, GGUF_F64, GGUF_TYPE_COUNT
};

struct gguf_kv {
    str key;
    enum gguf_type type;
    enum gguf_type item_type;          /* for arrays */
    uint64_t n;                        /* array length, 1 for scalars */
    const uint8_t *data;               /* first item in the file; strings: u64 length + bytes */
    size_t bytes;                      /* of all items */
};

struct gguf_tensor {
    str name;
    uint32_t type;                     /* enum quant_type, known to tensor_type() of widen.h */
    int n_dim;
    uint64_t dim[GGUF_DIMS_MAX];       /* fastest first; unused are 1 */
    const void *data;                  /* aligned to general.alignment (at least 8) in a file */
    size_t bytes;
};

/* Limits; what passes one is refused by name. */
#define GGUF_KV_MAX 65536
#define GGUF_TENSORS_MAX 65536
#define GGUF_KEY_BYTES_MAX 65535       /* the format's own */
#define GGUF_NAME_BYTES_MAX 256        /* the format says 64; published files pass it */
#define GGUF_DIM_MAX ((uint64_t)1 << 31)
#define GGUF_ALIGNMENT_DEFAULT 32
#define GGUF_ALIGNMENT_MIN 8           /* so that every F32 tensor is aligned */
#define GGUF_ALIGNMENT_MAX 65536

struct gguf;

MUST_CHECK enum err gguf_open(const char *path, struct gguf **out, struct error *e);
/* From bytes already in memory (tests, fuzzers), aligned to 16; borrows them until gguf_close. */
MUST_CHECK enum err gguf_parse(const void *bytes, size_t n, struct gguf **out, struct error *e);
void gguf_close(struct gguf **g);

size_t gguf_kv_count(const struct gguf *g);
const struct gguf_kv *gguf_kv_at(const struct gguf *g, size_t i);
const struct gguf_kv *gguf_find(const struct gguf *g, const char *key);   /* NULL if absent */
size_t gguf_tensor_count(const struct gguf *g);
const struct gguf_tensor *gguf_tensor_at(const struct gguf *g, size_t i);
const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name);
size_t gguf_file_bytes(const struct gguf *g);
uint32_t gguf_version(const struct gguf *g);
/* The bytes before the tensor data: header, metadata and tensor table. */
str gguf_head(const struct gguf *g);
/* Lets the system drop the pages of this tensor from memory; they come back when read. */
void gguf_forget(const struct gguf *g, const struct gguf_tensor *t);

/* Typed reads; false when absent or of another kind. Any integer type widens; i < n for arrays. */
bool gguf_get_int(const struct gguf_kv *kv, uint64_t i, int64_t *out);
bool gguf_get_float(const struct gguf_kv *kv, uint64_t i, double *out);   /* ints too */
bool gguf_get_bool(const struct gguf_kv *kv, bool *out);
bool gguf_get_str(const struct gguf_kv *kv, str *out);                    /* scalar string */
/* All strings of an array in one walk: out[n] (n from kv->n), borrowed from the map. */
MUST_CHECK enum err gguf_get_strs(const struct gguf_kv *kv, str *out, struct error *e);
const char *gguf_type_name(enum gguf_type t);
