/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/api-key: what a key may know about itself, also when it is disabled.
 */
#include "api/handlers.h"
#include "base/clock.h"

#define REPLY_BYTES_MAX (64u << 10)

static void acls(struct json_writer *w, str list)
{
    str acl;

    jw_key(w, "acls");
    jw_array(w);
    while (str_split(&list, ' ', &acl))
        if (acl.n) jw_string(w, acl);
    jw_array_end(w);
}

static void time_field(struct json_writer *w, const char *key, int64_t unix_s)
{
    char text[32];

    clock_rfc3339(unix_s, text);
    jw_kv_cstring(w, key, text);
}

void handle_api_key(struct request *r)
{
    const struct key_info *k = &r->key;
    struct buf b;
    struct json_writer w;

    buf_init(&b, REPLY_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    jw_kv_string(&w, "redacted_api_key", k->redacted);
    jw_kv_string(&w, "user_id", k->user_id);
    jw_kv_string(&w, "name", k->name);
    time_field(&w, "create_time", k->created_unix_s);
    time_field(&w, "modify_time", k->modified_unix_s);
    jw_kv_string(&w, "modified_by", k->user_id);
    jw_kv_string(&w, "team_id", k->team_id);
    acls(&w, k->acls);
    jw_kv_string(&w, "api_key_id", k->id);
    jw_kv_bool(&w, "team_blocked", false);
    jw_kv_bool(&w, "api_key_blocked", false);
    jw_kv_bool(&w, "api_key_disabled", k->disabled);
    jw_object_end(&w);
    reply_json(r, 200, buf_str(&b));
    buf_done(&b);
}
