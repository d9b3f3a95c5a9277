/* SPDX-License-Identifier: Apache-2.0
 *
 * GET and DELETE of kept responses, and the list of a response's inputs. What waits for the disk
 * does so on the pool, or on the store's thread.
 */
#include "api/handlers.h"
#include "api/responses_store.h"

#define PAGE_DEFAULT 20

struct lookup {
    struct request *r;
    bool is_inputs;
    struct response_page page;
    struct pool_job job;
    str body;
    struct error refusal;              /* code ERR_OK: body is there */
};

static void not_found(str id, struct error *e)
{
    err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "Response with id=%.*s not found",
            STR_FMT(str_sub(id, 0, 100)));
}

/* ---- GET ---- */

/* Pool thread. */
static void look(void *arg)
{
    struct lookup *l = arg;
    struct request *r = l->r;
    enum err rc;

    if (l->is_inputs)
        rc = responses_load_inputs(r->api->responses, r->key.team_id, r->param, &l->page,
                                   r->x->arena, &l->body, &l->refusal);
    else
        rc = responses_load(r->api->responses, r->key.team_id, r->param, r->x->arena, &l->body,
                            &l->refusal);
    if (rc == ERR_OK) l->refusal.code = ERR_OK;
}

static void answer(struct lookup *l)
{
    if (l->refusal.code == ERR_OK)
        reply_json(l->r, 200, l->body);
    else
        reply_error(l->r, &l->refusal);
}

static void looked(void *arg)
{
    struct lookup *l = arg;
    struct exchange *x = l->r->x;

    if (!x->gone) answer(l);
    exchange_release(x);
}

static void look_apart(struct lookup *l)
{
    struct exchange *x = l->r->x;

    l->job = (struct pool_job){.run = look, .arg = l, .loop = x->loop,
                               .done = {.fn = looked, .arg = l}};
    exchange_hold(x);
    if (pool_post(l->r->api->pool, &l->job)) return;
    err_set(&l->refusal, ERR_BUSY, ERR_NO_POS, "Too many requests wait. Try again in a moment.");
    answer(l);
    exchange_release(x);
}

void handle_response(struct request *r)
{
    struct lookup *l = arena_new_of(r->x->arena, struct lookup);

    l->r = r;
    look_apart(l);
}

/* Value of a parameter of the query as it was sent; STR_NONE when absent. */
static str parameter(str query, const char *name)
{
    str pair, key;

    while (str_split(&query, '&', &pair)) {
        key = str_sub(pair, 0, str_find_char(pair, '=', 0));
        if (str_is(key, name)) return str_sub(pair, key.n + 1, pair.n);
    }
    return STR_NONE;
}

static enum err read_page(str query, struct response_page *page, struct error *e)
{
    str limit = parameter(query, "limit"), order = parameter(query, "order");
    int64_t n = PAGE_DEFAULT;

    if (limit.n && (!str_to_i64(limit, &n) || n < 1 || n > RESPONSE_PAGE_MAX))
        return err_set(e, ERR_ARG, ERR_NO_POS, "Invalid value for 'limit': '%.*s' is not between 1 "
                       "and %d.", STR_FMT(str_sub(limit, 0, 40)), RESPONSE_PAGE_MAX);
    if (order.n && !str_is(order, "asc") && !str_is(order, "desc"))
        return err_set(e, ERR_ARG, ERR_NO_POS, "Invalid value for 'order': '%.*s' is neither 'asc' "
                       "nor 'desc'.", STR_FMT(str_sub(order, 0, 40)));
    *page = (struct response_page){.after = parameter(query, "after"), .limit = (int)n,
                                   .is_ascending = str_is(order, "asc")};
    return ERR_OK;
}

void handle_response_inputs(struct request *r)
{
    struct lookup *l = arena_new_of(r->x->arena, struct lookup);

    l->r = r;
    l->is_inputs = true;
    if (read_page(r->x->query, &l->page, &l->refusal) == ERR_OK)
        look_apart(l);
    else
        answer(l);
}

/* ---- DELETE ---- */

static void deleted(void *arg, enum err result)
{
    struct request *r = arg;
    struct json_writer w;
    struct error e;
    struct buf b;

    r->state = NULL;
    if (result != ERR_OK) {
        if (result == ERR_NOT_FOUND)
            not_found(r->param, &e);
        else
            err_set(&e, ERR_IO, ERR_NO_POS, "The response could not be deleted. Try again in a "
                                            "moment.");
        reply_error(r, &e);
        return;
    }
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_object(&w);
    jw_kv_string(&w, "id", r->param);
    jw_kv_cstring(&w, "object", "response");
    jw_kv_bool(&w, "deleted", true);
    jw_object_end(&w);
    reply_json(r, 200, buf_str(&b));
    buf_done(&b);
}

static void forget(struct request *r)
{
    responses_forget(r->state);
    r->state = NULL;
}

void handle_response_delete(struct request *r)
{
    r->release = forget;
    r->state = responses_delete(r->api->responses, r->x->loop, r->key.team_id, r->param, deleted,
                                r);
    if (!r->state) deleted(r, ERR_BUSY);
}
