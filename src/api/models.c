/* SPDX-License-Identifier: Apache-2.0
 *
 * Model listings: the minimal one of OpenAI with what xAI adds, and xAI's listings by kind. All
 * models here are language models.
 */
#include "api/handlers.h"

#define LISTING_BYTES_MAX (4u << 20)

typedef void model_writer(struct json_writer *w, const struct model_entry *m);

static void prices(struct json_writer *w, const struct model_entry *m)
{
    jw_kv_int(w, "prompt_text_token_price", m->price.prompt);
    jw_kv_int(w, "cached_prompt_text_token_price", m->price.cached);
    jw_kv_int(w, "prompt_image_token_price", 0);
    jw_kv_int(w, "completion_text_token_price", m->price.completion);
}

/* Prices do not depend on the length of a prompt. */
static void long_prices(struct json_writer *w, const struct model_entry *m)
{
    jw_kv_int(w, "prompt_text_token_price_long_context", m->price.prompt);
    jw_kv_int(w, "cached_prompt_text_token_price_long_context", m->price.cached);
    jw_kv_int(w, "completion_text_token_price_long_context", m->price.completion);
    jw_kv_int(w, "long_context_threshold", m->n_ctx);
}

static void modalities(struct json_writer *w, const char *key)
{
    jw_key(w, key);
    jw_array(w);
    jw_cstring(w, "text");
    jw_array_end(w);
}

static void aliases(struct json_writer *w, const struct model_entry *m)
{
    str alias;

    jw_key(w, "aliases");
    jw_array(w);
    for (size_t i = 0; (alias = catalog_alias(m, i)).p; i++) jw_string(w, alias);
    jw_array_end(w);
}

static void write_model(struct json_writer *w, const struct model_entry *m)
{
    jw_object(w);
    jw_kv_string(w, "id", m->id);
    jw_kv_int(w, "created", m->created_unix_s);
    jw_kv_cstring(w, "object", "model");
    jw_kv_cstring(w, "owned_by", "xai");
    aliases(w, m);
    /* The served length under every name that clients look for it. */
    jw_kv_int(w, "context_length", m->n_ctx);
    jw_kv_int(w, "max_model_len", m->n_ctx);
    prices(w, m);
    long_prices(w, m);
    modalities(w, "input_modalities");
    modalities(w, "output_modalities");
    jw_object_end(w);
}

static void write_language_model(struct json_writer *w, const struct model_entry *m)
{
    jw_object(w);
    jw_kv_string(w, "id", m->id);
    jw_kv_cstring(w, "fingerprint", m->fingerprint);
    jw_kv_int(w, "created", m->created_unix_s);
    jw_kv_cstring(w, "object", "model");
    jw_kv_cstring(w, "owned_by", "xai");
    jw_kv_cstring(w, "version", "1.0");
    modalities(w, "input_modalities");
    modalities(w, "output_modalities");
    prices(w, m);
    jw_kv_int(w, "search_price", 0);
    aliases(w, m);
    jw_kv_int(w, "context_length", m->n_ctx);
    jw_object_end(w);
}

static void send(struct request *r, struct buf *b)
{
    CHECK(!b->bad);
    reply_json(r, 200, buf_str(b));
    buf_done(b);
}

/* write NULL: a kind of model that is not here. */
static void list(struct request *r, const char *object, const char *key, model_writer *write)
{
    const struct catalog *c = r->api->catalog;
    struct buf b;
    struct json_writer w;

    buf_init(&b, LISTING_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    if (object) jw_kv_cstring(&w, "object", object);
    jw_key(&w, key);
    jw_array(&w);
    for (int i = 0; write && i < c->n; i++)
        if (key_allows(&r->key, "model", c->entry[i].id)) write(&w, &c->entry[i]);
    jw_array_end(&w);
    jw_object_end(&w);
    send(r, &b);
}

static void one(struct request *r, model_writer *write)
{
    const struct model_entry *m = write ? catalog_find(r->api->catalog, r->param) : NULL;
    struct buf b;
    struct json_writer w;
    struct error e;

    if (!m || !key_allows(&r->key, "model", m->id)) {
        err_set(&e, ERR_MODEL, ERR_NO_POS, "Model not found: %.*s",
                STR_FMT(str_sub(r->param, 0, 100)));
        reply_error(r, &e);
        return;
    }
    buf_init(&b, LISTING_BYTES_MAX);
    jw_init(&w, &b);
    write(&w, m);
    send(r, &b);
}

void handle_models(struct request *r) { list(r, "list", "data", write_model); }
void handle_model(struct request *r) { one(r, write_model); }
void handle_language_models(struct request *r) { list(r, NULL, "models", write_language_model); }
void handle_language_model(struct request *r) { one(r, write_language_model); }
void handle_no_models(struct request *r) { list(r, NULL, "models", NULL); }
void handle_no_model(struct request *r) { one(r, NULL); }
