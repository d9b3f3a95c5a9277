/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/tokenize-text: a text as a model's tokens. The text is taken as the text of a message
 * is: no token of it is a control token, and nothing is put before it. Runs on the pool.
 */
#include "api/fields.h"
#include "api/handlers.h"

#define TEXT_BYTES_MAX ((size_t)1 << 20)
#define REPLY_BYTES_MAX ((size_t)256 << 20)

struct tokenizing {
    struct request *r;
    struct pool_job job;
    struct buf reply;
    struct error refusal;              /* code ERR_OK: reply it is */
};

static void release(struct request *r)
{
    buf_done(&((struct tokenizing *)r->state)->reply);
}

static enum err read_request(struct request *r, str *text, struct error *e)
{
    struct fields f = {.body = r->x->body, .arena = r->x->arena, .e = e};
    const struct json *root;
    str model;

    TRY(request_json(r, &root, e));
    if (root->type != JSON_OBJECT) fields_type_error(&f, "body", root->pos, "expected an object");
    model = fields_str(&f, root, "", "model");
    if (!model.p) fields_type_error(&f, "model", root->pos, "missing field `model`");
    *text = fields_str(&f, root, "", "text");
    if (!text->p) fields_type_error(&f, "text", root->pos, "missing field `text`");
    (void)fields_str(&f, root, "", "user");
    if (text->n > TEXT_BYTES_MAX)
        fields_range_error(&f, "'text' has %zu bytes, at most %zu are allowed.", text->n,
                           TEXT_BYTES_MAX);
    if (f.rc != ERR_OK) return f.rc;
    TRY(request_find_model(r, model, e));
    if (r->model->backend->ops->tokenize) return ERR_OK;
    return err_set(e, ERR_UNSUPPORTED, ERR_NO_POS, "The tokens of the model %.*s are not known "
                   "here.", STR_FMT(r->model->id));
}

static void write_token(void *arg, int32_t id, str piece)
{
    struct json_writer *w = arg;

    jw_object(w);
    jw_kv_int(w, "token_id", id);
    jw_kv_string(w, "string_token", piece);
    jw_key(w, "token_bytes");
    jw_array(w);
    for (size_t i = 0; i < piece.n; i++) jw_int(w, (uint8_t)piece.p[i]);
    jw_array_end(w);
    jw_object_end(w);
}

static enum err make_reply(struct tokenizing *t, struct error *e)
{
    const struct backend *b;
    struct json_writer w;
    str text;

    TRY(read_request(t->r, &text, e));
    b = t->r->model->backend;
    jw_init(&w, &t->reply);
    jw_object(&w);
    jw_key(&w, "token_ids");
    jw_array(&w);
    TRY(b->ops->tokenize(b, text, write_token, &w, e));
    jw_array_end(&w);
    jw_object_end(&w);
    if (!t->reply.bad) return ERR_OK;
    return err_set(e, ERR_LIMIT, ERR_NO_POS, "The tokens of 'text' are too many for one reply. "
                   "Send it in parts.");
}

static void run(void *arg)
{
    struct tokenizing *t = arg;

    if (make_reply(t, &t->refusal) == ERR_OK) t->refusal.code = ERR_OK;
}

static void done(void *arg)
{
    struct tokenizing *t = arg;
    struct exchange *x = t->r->x;

    if (!x->gone && t->refusal.code == ERR_OK) reply_json(t->r, 200, buf_str(&t->reply));
    if (!x->gone && t->refusal.code != ERR_OK) reply_error(t->r, &t->refusal);
    exchange_release(x);
}

void handle_tokenize_text(struct request *r)
{
    struct tokenizing *t = arena_new_of(r->x->arena, struct tokenizing);

    t->r = r;
    buf_init(&t->reply, REPLY_BYTES_MAX);
    r->state = t;
    r->release = release;
    t->job = (struct pool_job){.run = run, .arg = t, .loop = r->x->loop,
                               .done = {.fn = done, .arg = t}};
    exchange_hold(r->x);
    if (pool_post(r->api->pool, &t->job)) return;
    err_set(&t->refusal, ERR_BUSY, ERR_NO_POS, "Too many large requests wait. Try again in a "
            "moment.");
    done(t);
}
