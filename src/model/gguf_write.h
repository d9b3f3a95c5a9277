/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes GGUF v3 files: metadata and the tensor table are declared, then the tensors' bytes are
 * streamed in the order of the declaration. The file grows under PATH.tmp and takes its name only
 * when it is whole. One owner thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"

#define GGUF_HEAD_BYTES_MAX ((size_t)1 << 30)  /* metadata and tensor table */

struct gguf_writer;

struct gguf_writer *gguf_writer_new(void);
/* Declarations; a head over GGUF_HEAD_BYTES_MAX is an error of gguf_writer_start. */
void gguf_writer_u32(struct gguf_writer *w, str key, uint32_t v);
void gguf_writer_f32(struct gguf_writer *w, str key, float v);
void gguf_writer_str(struct gguf_writer *w, str key, str v);
/* As it stands in another file; arrays too. */
void gguf_writer_copy(struct gguf_writer *w, const struct gguf_kv *kv);
/* Of t, name, type, n_dim and dim count; type is known to tensor_type(). Gives its bytes. */
size_t gguf_writer_tensor(struct gguf_writer *w, const struct gguf_tensor *t);

/* Creates PATH.tmp and writes the head. path is borrowed until finish or free. */
MUST_CHECK enum err gguf_writer_start(struct gguf_writer *w, const char *path, struct error *e);
/* The next n bytes of tensor data; must not cross the end of a tensor. */
MUST_CHECK enum err gguf_writer_data(struct gguf_writer *w, const void *bytes, size_t n,
                                     struct error *e);
/* All bytes of all tensors were given: makes the file last and gives it its name. */
MUST_CHECK enum err gguf_writer_finish(struct gguf_writer *w, struct error *e);
/* Removes what is not finished. Accepts NULL. */
void gguf_writer_free(struct gguf_writer *w);
