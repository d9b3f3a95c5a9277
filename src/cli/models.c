/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd models: what lies in the data dir and beside the program.
 */
#include "cli/cli.h"
#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "codec/json.h"
#include "grokd/config.h"
#include "grokd/models.h"
#include "model/gguf.h"

#define LIST_BYTES_MAX (16u << 20)

struct listing {
    struct arena *arena;
    struct json_writer *json;
}; /* json NULL: a table */

static const char help[] =
    "usage: grokd models list [--data-dir DIR] [--json]\n"
    "       grokd models inspect FILE [--json]\n\n"
    "Models lie in DATA/models; 'grokd serve --model NAME' finds them there.\n";

static str text_of(const struct gguf *g, const char *key)
{
    const struct gguf_kv *kv = gguf_find(g, key);
    str s = STR_NONE;

    if (kv && !gguf_get_str(kv, &s)) return STR_NONE;
    return s;
}

static void show_json(struct json_writer *w, const char *path, const struct gguf *g)
{
    jw_object(w);
    jw_kv_cstring(w, "path", path);
    jw_kv_string(w, "name", text_of(g, "general.name"));
    jw_kv_string(w, "architecture", text_of(g, "general.architecture"));
    jw_kv_int(w, "bytes", (int64_t)gguf_file_bytes(g));
    jw_object_end(w);
}

static void show(struct listing *l, const char *path)
{
    struct gguf *g;
    struct error e;

    if (gguf_open(path, &g, &e) != ERR_OK) {
        fprintf(stderr, "grokd: models: %s: %s\n", path, e.text);
        return;
    }
    if (l->json)
        show_json(l->json, path, g);
    else
        printf("%-24.*s %-10.*s %8.1f MB  %s\n", STR_FMT(text_of(g, "general.name")),
               STR_FMT(text_of(g, "general.architecture")), (double)gguf_file_bytes(g) / 1e6, path);
    gguf_close(&g);
}

static int is_gguf(const struct dirent *d) { return str_ends(str_of(d->d_name), STR(".gguf")); }

static void show_folder(struct listing *l, const char *folder)
{
    struct dirent **entry;
    int n = scandir(folder, &entry, is_gguf, alphasort);

    for (int i = 0; i < n; i++) {
        show(l, file_join(l->arena, folder, entry[i]->d_name));
        mem_free(entry[i]); /* malloc gave both to scandir */
    }
    if (n >= 0) mem_free(entry);
}

static void list(struct listing *l, const char *data_dir)
{
    char *bundled = models_bundled(l->arena);

    if (bundled) show(l, bundled);
    show_folder(l, file_join(l->arena, data_dir, "models"));
}

static void list_json(struct listing *l, const char *data_dir)
{
    struct buf b;
    struct json_writer w;

    buf_init(&b, LIST_BYTES_MAX);
    jw_init(&w, &b);
    l->json = &w;
    jw_array(&w);
    list(l, data_dir);
    jw_array_end(&w);
    fwrite(b.p, 1, b.n, stdout);
    fputc('\n', stdout);
    buf_done(&b);
}

struct list_args { const char *data_dir; bool json; };

static int take_option(void *arg, int c)
{
    struct list_args *a = arg;

    if (c == 'd')
        a->data_dir = optarg;
    else
        a->json = true;
    return CLI_OK;
}

static int cmd_list(int argc, char **argv)
{
    static const struct option options[] = {
        {"data-dir", required_argument, NULL, 'd'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    static const struct cli_options walk = {"models list", "h", options, help, take_option};
    struct listing l = {.arena = arena_new(0)};
    struct list_args args = {.data_dir = config_data_dir_default(l.arena)};
    bool done;
    int code = cli_options(argc, argv, &walk, &args, &done);

    if (code == CLI_OK && !done && optind != argc)
        code = cli_usage("models", "unexpected argument '%s'", argv[optind]);
    else if (code == CLI_OK && !done && args.json)
        list_json(&l, args.data_dir);
    else if (code == CLI_OK && !done)
        list(&l, args.data_dir);
    arena_free(l.arena);
    return code;
}

int cmd_models(int argc, char **argv)
{
    if (argc < 2) return cli_usage("models", "no command given");
    if (strcmp(argv[1], "list") == 0) return cmd_list(argc - 1, argv + 1);
    if (strcmp(argv[1], "inspect") == 0) return cmd_models_inspect(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return CLI_OK;
    }
    return cli_usage("models", "no command '%s'", argv[1]);
}
