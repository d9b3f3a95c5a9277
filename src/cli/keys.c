/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd keys: works on the data dir; a running server sees the change within a second.
 */
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "account/key.h"
#include "base/clock.h"
#include "base/file.h"
#include "codec/json.h"
#include "grokd/config.h"
#include "store/key_rows.h"

#define LIST_BYTES_MAX (64u << 20)
#define DAY_S 86400

struct keys {
    struct arena *arena;
    struct db *db;
    const char *data_dir, *subject, *acls;
    int64_t expires_days;
    bool json;
};

static const char help[] =
    "usage: grokd keys COMMAND [--data-dir DIR] [--json]\n\n"
    "  create NAME [--acls \"ACL ...\"] [--expires-days N]   make a key; it is shown once\n"
    "  list                                                all keys, without their secrets\n"
    "  disable KEY | enable KEY                            by id or name\n"
    "  rotate KEY                                          a new secret; the old one stops\n"
    "  delete KEY\n\n"
    "ACLs: api-key:endpoint:* api-key:endpoint:chat api-key:model:* api-key:model:NAME\n"
    "(default: " ACL_ALL ")\n";

static void print_buf(struct buf *b)
{
    fwrite(b->p, 1, b->n, stdout);
    fputc('\n', stdout);
    buf_done(b);
}

static void print_secret(const struct keys *k, str secret, str id, str name)
{
    struct buf b;
    struct json_writer w;

    if (!k->json) {
        printf("%.*s\n", STR_FMT(secret));
        fprintf(stderr, "grokd: keep this key now, it is not shown again\n");
        return;
    }
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_object(&w);
    jw_kv_string(&w, "api_key_id", id);
    jw_kv_string(&w, "name", name);
    jw_kv_string(&w, "api_key", secret);
    jw_object_end(&w);
    print_buf(&b);
}

static enum err create(struct keys *k, struct error *e)
{
    int64_t expires = k->expires_days ? clock_unix_s() + k->expires_days * DAY_S : 0;
    struct key_info info;
    str secret;

    TRY(key_create(k->db, k->arena, str_of(k->subject), str_of(k->acls), expires, &secret, &info,
                   e));
    print_secret(k, secret, info.id, info.name);
    return ERR_OK;
}

struct lookup {
    struct arena *arena;
    str subject, id, name;             /* of the key whose id or name is subject */
};

static void look_at(void *arg, const struct key_row *r)
{
    struct lookup *l = arg;

    if (!str_eq(r->id, l->subject) && !str_eq(r->name, l->subject)) return;
    l->id = arena_str(l->arena, r->id);
    l->name = arena_str(l->arena, r->name);
}

static enum err rotate(struct keys *k, struct error *e)
{
    struct lookup l = {.arena = k->arena, .subject = str_of(k->subject)};
    str secret;

    TRY(key_rotate(k->db, k->arena, l.subject, &secret, e));
    TRY(key_rows_each(k->db, look_at, &l, e));
    print_secret(k, secret, l.id, l.name);
    return ERR_OK;
}

static enum err set_disabled(struct keys *k, bool disabled, struct error *e)
{
    return key_rows_set_disabled(k->db, str_of(k->subject), disabled, clock_unix_s(), e);
}

static enum err disable(struct keys *k, struct error *e)
{
    return set_disabled(k, true, e);
}

static enum err enable(struct keys *k, struct error *e)
{
    return set_disabled(k, false, e);
}

static enum err delete(struct keys *k, struct error *e)
{
    return key_rows_delete(k->db, str_of(k->subject), e);
}

static void print_row(void *arg, const struct key_row *r)
{
    char created[32];

    (void)arg;
    clock_rfc3339(r->created_unix_s, created);
    printf("%.*s  %-20.*s  %.*s  %s  %s  %.*s\n", STR_FMT(r->id), STR_FMT(r->name),
           STR_FMT(r->redacted), created, r->disabled ? "disabled" : "enabled ", STR_FMT(r->acls));
}

static void json_row(void *arg, const struct key_row *r)
{
    struct json_writer *w = arg;

    jw_object(w);
    jw_kv_string(w, "api_key_id", r->id);
    jw_kv_string(w, "name", r->name);
    jw_kv_string(w, "redacted_api_key", r->redacted);
    jw_kv_string(w, "acls", r->acls);
    jw_kv_int(w, "created", r->created_unix_s);
    jw_kv_int(w, "expires", r->expires_unix_s);
    jw_kv_bool(w, "disabled", r->disabled);
    jw_object_end(w);
}

static enum err list(struct keys *k, struct error *e)
{
    struct buf b;
    struct json_writer w;
    enum err rc;

    if (!k->json) return key_rows_each(k->db, print_row, NULL, e);
    buf_init(&b, LIST_BYTES_MAX);
    jw_init(&w, &b);
    jw_array(&w);
    rc = key_rows_each(k->db, json_row, &w, e);
    jw_array_end(&w);
    if (rc == ERR_OK)
        print_buf(&b);
    else
        buf_done(&b);
    return rc;
}

static const struct {
    const char *name;
    bool has_subject;
    enum err (*run)(struct keys *, struct error *);
} verbs[] = {
    {"create", true, create}, {"list", false, list},    {"disable", true, disable},
    {"enable", true, enable}, {"rotate", true, rotate}, {"delete", true, delete},
};

static enum err run(struct keys *k, size_t verb, struct error *e)
{
    enum err rc;

    TRY(file_mkdirs(k->data_dir, 0700, e));
    TRY(db_open(file_join(k->arena, k->data_dir, "grokd.db"), &k->db, e));
    rc = verbs[verb].run(k, e);
    db_close(&k->db);
    return rc;
}

static int take_option(void *arg, int c)
{
    struct keys *k = arg;

    switch (c) {
    case 'd': k->data_dir = optarg; return CLI_OK;
    case 'a': k->acls = optarg; return CLI_OK;
    case 'j': k->json = true; return CLI_OK;
    default: break;
    }
    if (cli_int(optarg, 1, 36500, &k->expires_days)) return CLI_OK;
    return cli_usage("keys", "--expires-days takes 1 to 36500, not '%s'", optarg);
}

static int dispatch(int argc, char **argv, struct keys *k)
{
    struct error e;
    int n = argc - optind;

    if (n < 1) return cli_usage("keys", "no command given");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(argv[optind], verbs[i].name) != 0) continue;
        if (n != 1 + verbs[i].has_subject)
            return cli_usage("keys", "'%s' takes %s", verbs[i].name,
                             verbs[i].has_subject ? "one name" : "nothing else");
        k->subject = verbs[i].has_subject ? argv[optind + 1] : NULL;
        return run(k, i, &e) == ERR_OK ? CLI_OK : cli_fail("keys", &e);
    }
    return cli_usage("keys", "no command '%s'", argv[optind]);
}

int cmd_keys(int argc, char **argv)
{
    static const struct option options[] = {
        {"data-dir", required_argument, NULL, 'd'},
        {"acls", required_argument, NULL, 'a'},
        {"expires-days", required_argument, NULL, 'x'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    static const struct cli_options walk = {"keys", "h", options, help, take_option};
    struct keys k = {.arena = arena_new(0), .acls = ACL_ALL};
    bool done;
    int code;

    k.data_dir = config_data_dir_default(k.arena);
    code = cli_options(argc, argv, &walk, &k, &done);
    if (code == CLI_OK && !done) code = dispatch(argc, argv, &k);
    arena_free(k.arena);
    return code;
}
