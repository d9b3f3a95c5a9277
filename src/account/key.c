/* SPDX-License-Identifier: Apache-2.0 */
#include "account/key.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "store/key_rows.h"

#define KEY_PREFIX "xai-"
#define KEY_RANDOM_LEN 80
#define KEY_TAIL_SHOWN 4
/* One team until teams are managed: the owner of the data dir. */
#define TEAM_DEFAULT "00000000-0000-4000-8000-000000000001"
#define USER_DEFAULT "00000000-0000-4000-8000-000000000002"

/* ---- ACLs ---- */

bool key_allows(const struct key_info *k, const char *kind, str name)
{
    str rest = k->acls, acl, prefix = STR("api-key:");

    while (str_split(&rest, ' ', &acl)) {
        str tail, acl_kind;

        if (!str_starts(acl, prefix)) continue;
        tail = str_sub(acl, prefix.n, acl.n);
        if (!str_split(&tail, ':', &acl_kind) || !str_is(acl_kind, kind) || !tail.n) continue;
        if (str_is(tail, "*") || str_eq(tail, name)) return true;
    }
    return false;
}

/* Names and ACLs are printed and listed: they hold no control characters. */
static bool has_control(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f) return true;
    return false;
}

enum err key_check_acls(str acls, struct error *e)
{
    str rest = acls, acl;

    if (acls.n > KEY_ACLS_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "ACLs are longer than %d bytes", KEY_ACLS_MAX);
    while (str_split(&rest, ' ', &acl)) {
        bool known = str_starts(acl, STR("api-key:endpoint:")) ||
                     str_starts(acl, STR("api-key:model:"));

        if (!known || acl.p[acl.n - 1] == ':' || has_control(acl))
            return err_set(e, ERR_ARG, ERR_NO_POS, "ACL '%.*s' is not api-key:endpoint:NAME or "
                           "api-key:model:NAME (NAME may be *)", STR_FMT(acl));
    }
    return ERR_OK;
}

/* ---- making keys ---- */

static str make_secret(struct arena *a)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char text[KEY_RANDOM_LEN];
    size_t n = 0;

    while (n < sizeof text) {
        uint8_t byte[64];

        rand_bytes(byte, sizeof byte);
        /* 248 = 4 * 62: bytes above it would favour the first letters */
        for (size_t i = 0; i < sizeof byte && n < sizeof text; i++)
            if (byte[i] < 248) text[n++] = alphabet[byte[i] % 62];
    }
    return arena_printf(a, KEY_PREFIX "%.*s", KEY_RANDOM_LEN, text);
}

static str redact(struct arena *a, str secret)
{
    return arena_printf(a, KEY_PREFIX "...%.*s", KEY_TAIL_SHOWN,
                        secret.p + secret.n - KEY_TAIL_SHOWN);
}

static str make_uuid(struct arena *a)
{
    char id[UUID_LEN + 1];

    uuid_make(id);
    return arena_str(a, str_of(id));
}

enum err key_create(struct db *db, struct arena *a, str name, str acls, int64_t expires_unix_s,
                    str *secret, struct key_info *info, struct error *e)
{
    uint8_t hash[DIGEST_LEN];
    struct key_row row;

    if (name.n == 0 || name.n > KEY_NAME_MAX || has_control(name) || !utf8_valid(name))
        return err_set(e, ERR_ARG, ERR_NO_POS,
                       "a key's name has 1 to %d bytes of text without control characters",
                       KEY_NAME_MAX);
    TRY(key_check_acls(acls, e));
    *secret = make_secret(a);
    digest_sha256(*secret, hash);
    *info = (struct key_info){.id = make_uuid(a), .team_id = STR(TEAM_DEFAULT),
                              .user_id = STR(USER_DEFAULT), .name = arena_str(a, name),
                              .redacted = redact(a, *secret),
                              .acls = arena_str(a, acls), .created_unix_s = clock_unix_s(),
                              .expires_unix_s = expires_unix_s};
    info->modified_unix_s = info->created_unix_s;
    row = (struct key_row){.id = info->id, .team_id = info->team_id, .user_id = info->user_id,
                           .name = info->name, .secret_hash = {(char *)hash, sizeof hash},
                           .redacted = info->redacted, .acls = info->acls,
                           .created_unix_s = info->created_unix_s,
                           .modified_unix_s = info->modified_unix_s,
                           .expires_unix_s = expires_unix_s};
    return key_rows_insert(db, &row, e);
}

enum err key_rotate(struct db *db, struct arena *a, str id_or_name, str *secret, struct error *e)
{
    uint8_t hash[DIGEST_LEN];

    *secret = make_secret(a);
    digest_sha256(*secret, hash);
    return key_rows_set_secret(db, id_or_name, str_n((char *)hash, sizeof hash), redact(a, *secret),
                               clock_unix_s(), e);
}

/* ---- the keyring: an immutable table, replaced whole ---- */

struct entry { uint8_t hash[DIGEST_LEN]; struct key_info info; };

struct table {
    struct arena *arena;               /* owns the strings */
    struct entry *entry;
    size_t n, cap;
};

struct keyring {
    pthread_rwlock_t lock;             /* guards table; held for a lookup or a pointer swap */
    struct table table;
    int64_t seen_version;              /* of the database; refresh thread only */
};

struct keyring *keyring_new(void)
{
    struct keyring *r = mem_alloc(sizeof *r);

    pthread_rwlock_init(&r->lock, NULL);
    r->seen_version = -1;
    return r;
}

static void table_done(struct table *t)
{
    arena_free(t->arena);
    mem_free(t->entry);
}

void keyring_free(struct keyring *r)
{
    if (!r) return;
    table_done(&r->table);
    pthread_rwlock_destroy(&r->lock);
    mem_free(r);
}

static void take_row(void *arg, const struct key_row *k)
{
    struct table *t = arg;
    struct entry *en;

    if (k->secret_hash.n != DIGEST_LEN) {
        log_error("keys", "event=row_damaged id=%.*s", STR_FMT(k->id));
        return;
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->entry = mem_resize(t->entry, t->cap * sizeof *t->entry);
    }
    en = &t->entry[t->n++];
    memcpy(en->hash, k->secret_hash.p, DIGEST_LEN);
    en->info = (struct key_info){
        .id = arena_str(t->arena, k->id), .team_id = arena_str(t->arena, k->team_id),
        .user_id = arena_str(t->arena, k->user_id), .name = arena_str(t->arena, k->name),
        .redacted = arena_str(t->arena, k->redacted), .acls = arena_str(t->arena, k->acls),
        .created_unix_s = k->created_unix_s, .modified_unix_s = k->modified_unix_s,
        .expires_unix_s = k->expires_unix_s, .disabled = k->disabled};
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct entry *)a)->hash, ((const struct entry *)b)->hash, DIGEST_LEN);
}

enum err keyring_refresh(struct keyring *r, struct db *db, bool force, struct error *e)
{
    int64_t version = db_version(db);
    struct table fresh = {0}, old;
    enum err rc;

    if (!force && version == r->seen_version) return ERR_OK;
    fresh.arena = arena_new(0);
    rc = key_rows_each(db, take_row, &fresh, e);
    if (rc != ERR_OK) {
        table_done(&fresh);
        return rc;
    }
    if (fresh.n) qsort(fresh.entry, fresh.n, sizeof *fresh.entry, by_hash);
    pthread_rwlock_wrlock(&r->lock);
    old = r->table;
    r->table = fresh;
    pthread_rwlock_unlock(&r->lock);
    table_done(&old);
    r->seen_version = version;
    return ERR_OK;
}

static void copy_info(struct arena *a, const struct key_info *from, struct key_info *to)
{
    *to = *from;
    to->id = arena_str(a, from->id);
    to->team_id = arena_str(a, from->team_id);
    to->user_id = arena_str(a, from->user_id);
    to->name = arena_str(a, from->name);
    to->redacted = arena_str(a, from->redacted);
    to->acls = arena_str(a, from->acls);
}

enum err keyring_find(struct keyring *r, str secret, struct arena *a, struct key_info *info,
                      struct error *e)
{
    struct entry wanted;
    const struct entry *found = NULL;

    if (secret.n <= KEY_TEXT_MAX) {
        digest_sha256(secret, wanted.hash);
        pthread_rwlock_rdlock(&r->lock);
        if (r->table.n)
            found = bsearch(&wanted, r->table.entry, r->table.n, sizeof wanted, by_hash);
        if (found) copy_info(a, &found->info, info);
        pthread_rwlock_unlock(&r->lock);
    }
    if (!found || (info->expires_unix_s && info->expires_unix_s <= clock_unix_s()))
        return err_set(e, ERR_KEY, ERR_NO_POS,
                       "Incorrect API key provided. Make one with 'grokd keys create'.");
    if (info->disabled)
        return err_set(e, ERR_DENIED, ERR_NO_POS, "This API key is disabled.");
    return ERR_OK;
}

size_t keyring_count(struct keyring *r)
{
    size_t n;

    pthread_rwlock_rdlock(&r->lock);
    n = r->table.n;
    pthread_rwlock_unlock(&r->lock);
    return n;
}
