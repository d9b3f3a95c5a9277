/* SPDX-License-Identifier: Apache-2.0 */
#include "api/responses_read.h"
#include "api/responses_store.h"

#define TREE_BYTES_MAX ((size_t)256 << 20)     /* of the conversation */
#define KEPT_BYTES_MAX ((size_t)1 << 30)       /* one response with its items */

static void free_arenas(void *arg)
{
    struct responses_source *s = arg;

    arena_free(s->keep);
    arena_free(s->tree);
}

bool responses_read_blocks(const struct request *r)
{
    return str_find(r->x->body, STR("previous_response_id"), 0) != SIZE_MAX ||
           str_find(r->x->body, STR("item_reference"), 0) != SIZE_MAX;
}

static enum err parse_stored(struct responses_source *s, str text, const struct json **out,
                             struct error *e)
{
    struct json *v;

    if (json_parse(text, s->tree, &v, e) != ERR_OK)
        return e->code == ERR_LIMIT ? ERR_LIMIT
                                    : err_set(e, ERR_INTERNAL, ERR_NO_POS,
                                              "A stored item cannot be read.");
    *out = v;
    return ERR_OK;
}

static enum err find_item(void *arg, str id, const struct json **out, struct error *e)
{
    struct responses_source *s = arg;
    struct request *r = s->r;
    str body;

    TRY(responses_load_item(r->api->responses, r->key.team_id, id, r->x->arena, &body, e));
    return parse_stored(s, body, out, e);
}

static enum err load_history(struct responses_source *s, struct responses_in *in, struct error *e)
{
    const struct json *id = json_get(in->root, "previous_response_id");

    if (!id || id->type != JSON_STRING || !id->string.n) return ERR_OK;
    TRY(responses_load_chain(s->r->api->responses, in->team_id, id->string, in->arena,
                             &in->history_text, &in->inherited, e));
    return parse_stored(s, in->history_text, &in->history, e);
}

enum err responses_read(struct request *r, const struct json *root, bool may_lack_input,
                        struct responses_source *s, struct responses_params *p, struct error *e)
{
    struct responses_in in = {.api = r->api, .body = r->x->body, .root = root,
                              .may_lack_input = may_lack_input, .arena = r->x->arena,
                              .id = request_id(r), .team_id = r->key.team_id,
                              .key = responses_key(r->api->responses), .find_item = find_item,
                              .find_arg = s};

    *s = (struct responses_source){.r = r, .keep = arena_new(KEPT_BYTES_MAX),
                                   .tree = arena_new(TREE_BYTES_MAX)};
    arena_on_free(r->x->arena, free_arenas, s);
    in.keep = s->keep;
    TRY(load_history(s, &in, e));
    return responses_parse(&in, p, e);
}
