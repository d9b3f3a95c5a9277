/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd models inspect: what a GGUF file holds, also of architectures that this build cannot run.
 */
#include "cli/cli.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/json.h"
#include "model/gguf.h"
#include "model/widen.h"

#define OUT_MAX ((size_t)256 << 20)
#define ITEMS_SHOWN 8                  /* of an array */
#define TEXT_SHOWN ((size_t)120)       /* bytes of a string in the table */
#define TYPES_MAX 64                   /* distinct block types in the summary */

static const char help[] =
    "usage: grokd models inspect FILE [--json]\n"
    "\n"
    "Prints metadata, tensors and sizes by block type of a GGUF file. Long strings and lists are\n"
    "cut in the table; --json has strings whole and lists up to their first 8 items.\n";

/* ---- values ---- */

/* Item i of kv as JSON; strings is NULL when the items are not strings. */
static void json_item(struct json_writer *w, const struct gguf_kv *kv, uint64_t i,
                      const str *strings)
{
    int64_t v;
    double d;
    bool t;
    if (strings)
        jw_string(w, strings[i]);
    else if (gguf_get_int(kv, i, &v))
        jw_int(w, v);
    else if (gguf_get_float(kv, i, &d))
        jw_double(w, d);
    else if (kv->item_type == GGUF_U64)        /* above INT64_MAX */
        jw_cstring(w, "18446744073709551615 or less");
    else if (gguf_get_bool(kv, &t))
        jw_bool(w, t);
    else
        jw_bool(w, kv->data[i] != 0);
}

/* Strings of kv, whether one or an array; NULL when it has none. The caller frees. */
static str *strings_of(const struct gguf_kv *kv)
{
    if (kv->item_type != GGUF_STRING)
        return NULL;
    str *list = mem_try_alloc((size_t)(kv->n + 1) * sizeof *list);
    if (list && kv->type == GGUF_STRING)
        (void)gguf_get_str(kv, &list[0]);
    else if (list && gguf_get_strs(kv, list, NULL) != ERR_OK)
        CHECK(false && "an array of strings was walked by the parser");
    return list;
}

static void json_kv(struct json_writer *w, const struct gguf_kv *kv)
{
    str *strings = strings_of(kv);
    jw_key_str(w, kv->key);
    if (kv->type == GGUF_ARRAY) {
        jw_object(w);
        jw_kv_cstring(w, "items", gguf_type_name(kv->item_type));
        jw_kv_int(w, "n", (int64_t)kv->n);
        jw_key(w, "first");
        jw_array(w);
        for (uint64_t i = 0; i < kv->n && i < ITEMS_SHOWN; i++)
            json_item(w, kv, i, strings);
        jw_array_end(w);
        jw_object_end(w);
    } else {
        json_item(w, kv, 0, strings);
    }
    mem_free(strings);
}

/* ---- sizes by type ---- */

struct type_sum { uint32_t type; size_t n, bytes; };

static int sum_types(const struct gguf *g, struct type_sum sum[TYPES_MAX])
{
    int n = 0;
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(g, i);
        int k = 0;
        while (k < n && sum[k].type != t->type)
            k++;
        if (k == TYPES_MAX)
            continue;
        if (k == n)
            sum[n++] = (struct type_sum){.type = t->type};
        sum[k].n++;
        sum[k].bytes += t->bytes;
    }
    return n;
}

/* ---- JSON ---- */

static void json_tensor(struct json_writer *w, const struct gguf_tensor *t)
{
    jw_object(w);
    jw_kv_string(w, "name", t->name);
    jw_kv_cstring(w, "type", tensor_type(t->type)->name);
    jw_key(w, "shape");
    jw_array(w);
    for (int i = 0; i < t->n_dim; i++)
        jw_int(w, (int64_t)t->dim[i]);
    jw_array_end(w);
    jw_kv_int(w, "bytes", (int64_t)t->bytes);
    jw_object_end(w);
}

static void write_json(const struct gguf *g, const char *path, struct buf *b)
{
    struct type_sum sum[TYPES_MAX];
    struct json_writer w;
    jw_init(&w, b);
    jw_object(&w);
    jw_kv_cstring(&w, "file", path);
    jw_kv_int(&w, "version", gguf_version(g));
    jw_kv_int(&w, "bytes", (int64_t)gguf_file_bytes(g));
    jw_key(&w, "metadata");
    jw_object(&w);
    for (size_t i = 0; i < gguf_kv_count(g); i++)
        json_kv(&w, gguf_kv_at(g, i));
    jw_object_end(&w);
    jw_key(&w, "types");
    jw_object(&w);
    for (int i = 0, n = sum_types(g, sum); i < n; i++) {
        jw_key(&w, tensor_type(sum[i].type)->name);
        jw_object(&w);
        jw_kv_int(&w, "tensors", (int64_t)sum[i].n);
        jw_kv_int(&w, "bytes", (int64_t)sum[i].bytes);
        jw_object_end(&w);
    }
    jw_object_end(&w);
    jw_key(&w, "tensors");
    jw_array(&w);
    for (size_t i = 0; i < gguf_tensor_count(g); i++)
        json_tensor(&w, gguf_tensor_at(g, i));
    jw_array_end(&w);
    jw_object_end(&w);
    buf_char(b, '\n');
}

/* ---- table ---- */

/* Text from a file goes to a terminal: control characters become '.', the rest is cut. */
static void put_text(struct buf *b, str s)
{
    str shown = str_sub(s, 0, TEXT_SHOWN);
    for (size_t i = 0; i < shown.n; i++) {
        unsigned char c = (unsigned char)shown.p[i];
        buf_char(b, c < 32 || c == 127 ? '.' : (char)c);
    }
    if (shown.n < s.n)
        buf_printf(b, "... (%zu bytes)", s.n);
}

static void put_item(struct buf *b, const struct gguf_kv *kv, uint64_t i, const str *strings)
{
    int64_t v;
    double d;
    if (strings)
        put_text(b, strings[i]);
    else if (gguf_get_int(kv, i, &v))
        buf_i64(b, v);
    else if (gguf_get_float(kv, i, &d))
        buf_printf(b, "%g", d);
    else if (kv->item_type == GGUF_BOOL)
        buf_add(b, kv->data[i] ? STR("true") : STR("false"));
    else
        buf_add(b, STR("above 2^63"));
}

static void table_kv(struct buf *b, const struct gguf_kv *kv)
{
    str *strings = strings_of(kv);
    buf_add(b, STR("  "));
    put_text(b, kv->key);
    buf_add(b, STR(" = "));
    if (kv->type == GGUF_ARRAY)
        buf_printf(b, "%" PRIu64 " x %s [", kv->n, gguf_type_name(kv->item_type));
    for (uint64_t i = 0; i < kv->n && i < ITEMS_SHOWN; i++) {
        if (i)
            buf_add(b, STR(", "));
        put_item(b, kv, i, strings);
    }
    if (kv->type == GGUF_ARRAY)
        buf_add(b, kv->n > ITEMS_SHOWN ? STR(", ...]") : STR("]"));
    buf_char(b, '\n');
    mem_free(strings);
}

static void table_tensor(struct buf *b, const struct gguf_tensor *t)
{
    char shape[128];
    int at = 0;
    for (int i = 0; i < t->n_dim && at < (int)sizeof shape; i++)
        at += snprintf(shape + at, sizeof shape - (size_t)at, "%s%" PRIu64, i ? " x " : "",
                       t->dim[i]);
    buf_printf(b, "  %-6s %14zu  %-24s ", tensor_type(t->type)->name, t->bytes, shape);
    put_text(b, t->name);
    buf_char(b, '\n');
}

static void write_table(const struct gguf *g, const char *path, struct buf *b)
{
    struct type_sum sum[TYPES_MAX];
    buf_printf(b, "%s: GGUF version %u, %zu bytes\n\nmetadata (%zu)\n", path, gguf_version(g),
               gguf_file_bytes(g), gguf_kv_count(g));
    for (size_t i = 0; i < gguf_kv_count(g); i++)
        table_kv(b, gguf_kv_at(g, i));
    buf_printf(b, "\ntensors (%zu): type, bytes, shape (fastest first), name\n",
               gguf_tensor_count(g));
    for (size_t i = 0; i < gguf_tensor_count(g); i++)
        table_tensor(b, gguf_tensor_at(g, i));
    buf_add(b, STR("\nby type\n"));
    for (int i = 0, n = sum_types(g, sum); i < n; i++)
        buf_printf(b, "  %-6s %14zu  %zu tensors\n", tensor_type(sum[i].type)->name, sum[i].bytes,
                   sum[i].n);
}

static int inspect(const char *path, bool json)
{
    struct gguf *g;
    struct error e = {0};
    struct buf b;
    if (gguf_open(path, &g, &e) != ERR_OK)
        return cli_fail("models inspect", &e);
    buf_init(&b, OUT_MAX);
    if (json)
        write_json(g, path, &b);
    else
        write_table(g, path, &b);
    gguf_close(&g);
    enum err err = ERR_OK;
    if (b.bad)
        err = err_set(&e, ERR_LIMIT, ERR_NO_POS, "the output passes %zu bytes", OUT_MAX);
    else if (fwrite(b.p, 1, b.n, stdout) != b.n || fflush(stdout) != 0)
        err = err_set(&e, ERR_IO, ERR_NO_POS, "cannot write the result");
    buf_done(&b);
    return err == ERR_OK ? CLI_OK : cli_fail("models inspect", &e);
}

static int take_json(void *json, int c)
{
    (void)c;
    *(bool *)json = true;
    return CLI_OK;
}

int cmd_models_inspect(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    static const struct cli_options walk = {"models inspect", "h", options, help, take_json};
    bool json = false, done;
    int rc = cli_options(argc, argv, &walk, &json, &done);
    if (rc != CLI_OK || done)
        return rc;
    if (argc - optind != 1)
        return cli_usage("models inspect", "one FILE is needed");
    return inspect(argv[optind], json);
}
