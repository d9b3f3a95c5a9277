/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL of the schema, portable between SQLite and PostgreSQL as far as types go.
 */
#include "store/schema.h"

static const char step_1[] =
    "CREATE TABLE api_key ("
    "  id TEXT PRIMARY KEY,"               /* UUID */
    "  team_id TEXT NOT NULL,"
    "  user_id TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  secret_hash BLOB NOT NULL UNIQUE,"  /* SHA-256 of the key; the key itself is never stored */
    "  redacted TEXT NOT NULL,"            /* xai-...b14o */
    "  acls TEXT NOT NULL,"                /* space-separated */
    "  created_unix_s INTEGER NOT NULL,"
    "  modified_unix_s INTEGER NOT NULL,"
    "  expires_unix_s INTEGER NOT NULL,"   /* 0: never */
    "  disabled INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX api_key_name ON api_key (team_id, name);"
    "CREATE TABLE usage ("
    "  request_id TEXT PRIMARY KEY,"
    "  started_unix_ms INTEGER NOT NULL,"
    "  team_id TEXT NOT NULL,"
    "  user_id TEXT NOT NULL,"
    "  key_id TEXT NOT NULL,"
    "  endpoint TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  error_type TEXT NOT NULL,"
    "  prompt_tokens INTEGER NOT NULL,"
    "  cached_tokens INTEGER NOT NULL,"
    "  completion_tokens INTEGER NOT NULL,"
    "  reasoning_tokens INTEGER NOT NULL,"
    "  cost_ticks INTEGER NOT NULL,"
    "  first_token_ms INTEGER NOT NULL,"   /* -1: none */
    "  latency_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX usage_team_time ON usage (team_id, started_unix_ms);";

const char *const schema_steps[] = {step_1};
const int schema_n_steps = sizeof schema_steps / sizeof schema_steps[0];
