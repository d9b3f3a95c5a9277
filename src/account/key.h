/* SPDX-License-Identifier: Apache-2.0
 *
 * API keys: making them, and the keyring, which answers "who is this?" from memory. Keys are
 * random, shown once and stored as SHA-256; a lookup hashes first, so neither time nor logs tell
 * anything about near misses.
 *
 * The keyring is refreshed from the database when another connection changed it (about twice a
 * second), so `grokd keys` works beside a running server. Lookups: any thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "account/digest.h"
#include "base/arena.h"
#include "base/err.h"
#include "store/db.h"

#define KEY_TEXT_MAX 256               /* longer credentials are wrong without a look */
#define KEY_NAME_MAX 100
#define KEY_ACLS_MAX 4096
#define ACL_ALL "api-key:endpoint:* api-key:model:*"

/* What a request may know about its caller. Strings live in the arena given to the lookup. */
struct key_info {
    str id, team_id, user_id, name, redacted, acls;
    int64_t created_unix_s, modified_unix_s, expires_unix_s;   /* expires 0: never */
    bool disabled;
};

/* Makes a key, stores its hash, gives the secret in the arena: the only time it can be read. */
MUST_CHECK enum err key_create(struct db *db, struct arena *a, str name, str acls,
                               int64_t expires_unix_s, str *secret, struct key_info *info,
                               struct error *e);
/* A new secret for an existing key. */
MUST_CHECK enum err key_rotate(struct db *db, struct arena *a, str id_or_name, str *secret,
                               struct error *e);
/* Checks names and the form of each ACL; ERR_ARG says which one is wrong. */
MUST_CHECK enum err key_check_acls(str acls, struct error *e);

/* True when an ACL of the key covers kind ("endpoint", "model") and name. */
bool key_allows(const struct key_info *k, const char *kind, str name);

struct keyring;
struct keyring *keyring_new(void);
void keyring_free(struct keyring *r);
/* Reads all keys when the database changed since the last call (force: always); the old table
 * stays when that fails. Owner thread of db. */
MUST_CHECK enum err keyring_refresh(struct keyring *r, struct db *db, bool force, struct error *e);
/* ERR_KEY: unknown or expired; ERR_DENIED: disabled (info is filled all the same). */
MUST_CHECK enum err keyring_find(struct keyring *r, str secret, struct arena *a,
                                 struct key_info *info, struct error *e);
size_t keyring_count(struct keyring *r);
