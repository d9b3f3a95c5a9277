/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of src/model share: finding golden files, reading expected values, and a rig
 * that owns a model, its workers, a forward pass and KV pages.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"

#define FIXTURE_BYTES_MAX ((size_t)8 << 20)
#define RIG_CTX 512
#define RIG_TOKENS 512

/* Path of a golden file: in the source tree, else in GOLDEN; NULL when it is in neither. */
static inline const char *golden_path(struct arena *a, const char *dir, const char *name)
{
    const char *source = getenv("SOURCE_ROOT"), *golden = getenv("GOLDEN");
    source = source ? source : ".";
    const char *own = arena_printf(a, "%s/tests/golden/models/%s/%s", source, dir, name).p;
    if (file_exists(own))
        return own;
    const char *other = arena_printf(a, "%s/models/%s/%s", golden ? golden : "", dir, name).p;
    return golden && file_exists(other) ? other : NULL;
}

static inline str golden_read(struct arena *a, const char *dir, const char *name)
{
    struct error e = {0};
    str s = STR_NONE;
    const char *path = golden_path(a, dir, name);
    if (!path || file_read(path, FIXTURE_BYTES_MAX, a, &s, &e) != ERR_OK)
        fail_msg("%s/%s: %s", dir, name, path ? e.text : "absent");
    return s;
}

/* Offset just behind `"key":`, searched from `from`. The expected files are ours and flat. */
static inline size_t json_key(str json, const char *key, size_t from)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    size_t at = str_find(json, str_of(quoted), from);
    if (at == SIZE_MAX)
        fail_msg("expected.json lacks %s", key);
    return at + strlen(quoted);
}

static inline double json_number(str json, const char *key, size_t from)
{
    return strtod(json.p + json_key(json, key, from), NULL);
}

/* A flat list of numbers; gives its length. */
static inline int json_numbers(str json, const char *key, size_t from, double *out, int max)
{
    const char *p = strchr(json.p + json_key(json, key, from), '[') + 1;
    int n = 0;
    for (char *end; n < max; p = *end == ',' ? end + 1 : end) {
        double v = strtod(p, &end);
        if (end == p)
            break;
        out[n++] = v;
    }
    return n;
}

struct rig {
    struct kern kern;
    struct workers *workers;
    struct model *model;
    struct forward *forward;
    uint8_t *kv;
    int n_page;
};

/* Any of the outcomes of model_open and forward_new fails the test. */
static inline void rig_open(struct rig *r, const char *path, enum kern_level level, int n_thread,
                            enum kv_type kv_type, int n_page)
{
    struct error e = {0};
    *r = (struct rig){.n_page = n_page};
    if (kern_init(&r->kern, level, &e) != ERR_OK)
        fail_msg("%s", e.text);
    r->workers = n_thread > 1 ? workers_new(n_thread) : NULL;
    struct model_options o = {.kern = &r->kern, .workers = r->workers, .kv_type = kv_type};
    if (model_open(path, &o, &r->model, &e) != ERR_OK)
        fail_msg("%s: %s", path, e.text);
    if (forward_new(r->model, r->workers, RIG_TOKENS, 64, RIG_CTX, &r->forward, &e) != ERR_OK)
        fail_msg("%s", e.text);
    r->kv = mem_try_aligned(64, (size_t)n_page * model_kv_page_bytes(r->model));
    assert_non_null(r->kv);
}

static inline void rig_close(struct rig *r)
{
    forward_free(r->forward);
    model_close(&r->model);
    workers_free(r->workers);
    mem_free(r->kv);
}

static inline int argmax(const float *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}
