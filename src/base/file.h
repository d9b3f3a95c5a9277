/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: whole reads, atomic writes, read-only maps. Paths are NUL-terminated. Any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Whole file into the arena, NUL behind the last byte. ERR_LIMIT over max bytes. */
MUST_CHECK enum err file_read(const char *path, size_t max, struct arena *a, str *out,
                              struct error *e);
/* Writes path.tmp, fsyncs, renames, fsyncs the folder. mode e.g. 0600. */
MUST_CHECK enum err file_write_atomic(const char *path, str bytes, unsigned mode,
                                      struct error *e);

/* A read-only private map of a regular file (symlinks are followed; FIFOs, folders and devices
 * are refused). A file truncated while mapped raises SIGBUS; file_map_trap (below) turns it into
 * a message and exit, never into wrong data. */
struct file_map { const uint8_t *p; size_t n; };
MUST_CHECK enum err file_map_open(const char *path, struct file_map *m, struct error *e);
void file_map_close(struct file_map *m);
void file_map_trap(void);                      /* installs the SIGBUS handler */

bool file_exists(const char *path);
/* mkdir -p with mode for the last folder. */
MUST_CHECK enum err file_mkdirs(const char *path, unsigned mode, struct error *e);
/* "dir/name" in the arena. */
char *file_join(struct arena *a, const char *dir, const char *name);
