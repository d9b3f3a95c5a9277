/* SPDX-License-Identifier: Apache-2.0
 *
 * GGUF v2 and v3 files, little endian, mapped read-only. Every length, count, offset and product
 * is checked against the file before use; a hostile file is an error with the byte position.
 * Immutable after open; any thread.
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
};

struct gguf_tensor {
    str name;
    uint32_t type;                     /* enum quant_type, known to quant_info() */
    int n_dim;
    uint64_t dim[GGUF_DIMS_MAX];       /* fastest first; unused are 1 */
    const void *data;
    size_t bytes;
};

struct gguf;

MUST_CHECK enum err gguf_open(const char *path, struct gguf **out, struct error *e);
/* From bytes already in memory (tests, fuzzers); borrows them until gguf_close. */
MUST_CHECK enum err gguf_parse(const void *bytes, size_t n, struct gguf **out, struct error *e);
void gguf_close(struct gguf **g);

size_t gguf_kv_count(const struct gguf *g);
const struct gguf_kv *gguf_kv_at(const struct gguf *g, size_t i);
const struct gguf_kv *gguf_find(const struct gguf *g, const char *key);   /* NULL if absent */
size_t gguf_tensor_count(const struct gguf *g);
const struct gguf_tensor *gguf_tensor_at(const struct gguf *g, size_t i);
const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name);
size_t gguf_file_bytes(const struct gguf *g);

/* Typed reads; false when absent or of another kind. Any integer type widens; i < n for arrays. */
bool gguf_get_int(const struct gguf_kv *kv, uint64_t i, int64_t *out);
bool gguf_get_float(const struct gguf_kv *kv, uint64_t i, double *out);   /* ints too */
bool gguf_get_bool(const struct gguf_kv *kv, bool *out);
bool gguf_get_str(const struct gguf_kv *kv, str *out);                    /* scalar string */
/* All strings of an array in one walk: out[n] (n from kv->n), borrowed from the map. */
MUST_CHECK enum err gguf_get_strs(const struct gguf_kv *kv, str *out, struct error *e);
const char *gguf_type_name(enum gguf_type t);
