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

/* Responses and their items. Not a word of them is looked into by SQL. */
static const char step_2[] =
    "CREATE TABLE response ("
    "  id TEXT PRIMARY KEY,"               /* UUID */
    "  team_id TEXT NOT NULL,"             /* who may see it */
    "  key_id TEXT NOT NULL,"              /* who made it */
    "  previous_id TEXT NOT NULL,"         /* empty: begins a conversation */
    "  instructions TEXT NOT NULL,"        /* empty: those of the conversation go on */
    "  body TEXT NOT NULL,"                /* JSON, its array `output` empty */
    "  output_at INTEGER NOT NULL,"        /* byte of body where the items of `output` belong */
    "  created_unix_s INTEGER NOT NULL,"
    "  expires_unix_s INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX response_expires ON response (expires_unix_s);"
    "CREATE TABLE response_item ("
    "  response_id TEXT NOT NULL REFERENCES response (id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"         /* inputs from 0, then outputs */
    "  id TEXT NOT NULL,"                  /* given by the client or made; not unique */
    "  is_output INTEGER NOT NULL,"
    "  body TEXT NOT NULL,"                /* JSON */
    "  PRIMARY KEY (response_id, position)"
    ") STRICT;"
    "CREATE INDEX response_item_id ON response_item (id);";

/* Requests that are answered later, and their replies until they are read. */
static const char step_3[] =
    "CREATE TABLE deferred ("
    "  position INTEGER PRIMARY KEY,"      /* the oldest comes first */
    "  id TEXT NOT NULL UNIQUE,"           /* UUID */
    "  team_id TEXT NOT NULL,"             /* who may see it */
    "  user_id TEXT NOT NULL,"
    "  key_id TEXT NOT NULL,"
    "  body BLOB NOT NULL,"                /* of the request; then of the reply */
    "  bytes INTEGER NOT NULL,"            /* of body */
    "  expires_unix_s INTEGER NOT NULL,"
    "  state INTEGER NOT NULL,"            /* enum deferred_state */
    "  n_start INTEGER NOT NULL,"          /* how often it was begun */
    "  status INTEGER NOT NULL"            /* HTTP status of the reply; 0: there is none yet */
    ") STRICT;"
    "CREATE INDEX deferred_state ON deferred (state, position);"
    "CREATE INDEX deferred_expires ON deferred (expires_unix_s);";

const char *const schema_steps[] = {step_1, step_2, step_3};
const int schema_n_steps = sizeof schema_steps / sizeof schema_steps[0];
