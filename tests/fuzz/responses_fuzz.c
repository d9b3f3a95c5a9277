/* SPDX-License-Identifier: Apache-2.0
 *
 * The bodies of POST /v1/responses: any bytes are a request within its limits, or an error with a
 * sentence. What is kept of the inputs is JSON, and as the history of another request it is the
 * same conversation.
 */
#include "api/responses.h"

/* As of an exchange. */
#define ARENA_CAP ((size_t)256 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct api api = {.default_temperature = 0.5, .default_top_p = 0.75};
static const struct seal_key key = {{7}};

static enum err parse(struct arena *a, struct arena *keep, str body, str history,
                      struct responses_params *out)
{
    struct responses_in in = {.api = &api, .body = body, .arena = a, .keep = keep, .id = STR("ID"),
                              .team_id = STR("team"), .key = &key, .history_text = history};
    struct error e = {0};
    struct json *root, *items;
    enum err rc;

    if (json_parse(body, a, &root, &e) != ERR_OK) return ERR_FORMAT;
    in.root = root;
    if (history.n) {
        CHECK(json_parse(history, a, &items, &e) == ERR_OK && items->type == JSON_ARRAY);
        in.history = items;
    }
    rc = responses_parse(&in, out, &e);
    CHECK(rc == ERR_OK || (e.code == rc && e.text[0]));
    return rc;
}

static void check_request(const struct responses_params *p)
{
    const struct chat_request *r = &p->chat;
    size_t n_call = 0;

    CHECK(r->n_message >= 1 && r->n_message <= RESPONSES_ITEMS_MAX + 1);
    CHECK(r->max_tokens >= 1 && r->n_choice == 1 && r->n_tool <= CHAT_TOOLS_MAX);
    CHECK(r->n_top_logprobs >= 0 && r->n_top_logprobs <= 8);
    CHECK(p->temperature >= 0 && p->temperature <= 2 && p->top_p >= 0 && p->top_p <= 1);
    for (size_t i = 0; i < r->n_message; i++) {
        const struct chat_message *m = &r->message[i];

        CHECK(m->role < CHAT_ROLE_COUNT && m->n_call <= RESPONSES_ITEMS_MAX);
        for (size_t k = 0; k < m->n_call; k++) CHECK(m->call[k].id.p && m->call[k].name.p);
        n_call += m->n_call;
    }
    CHECK(n_call <= RESPONSES_ITEMS_MAX);
    CHECK(p->store || p->n_kept == 0);
}

static bool same(const struct chat_message *a, const struct chat_message *b)
{
    if (a->role != b->role || a->n_call != b->n_call || !str_eq(a->text, b->text) ||
        !str_eq(a->reasoning, b->reasoning) || !str_eq(a->tool_call_id, b->tool_call_id))
        return false;
    for (size_t k = 0; k < a->n_call; k++)
        if (!str_eq(a->call[k].id, b->call[k].id) || !str_eq(a->call[k].name, b->call[k].name) ||
            !str_eq(a->call[k].arguments, b->call[k].arguments))
            return false;
    return true;
}

/* The kept items, and one more message of a user behind them. */
static void check_kept(const struct responses_params *p)
{
    struct arena *a = arena_new(0), *keep = arena_new(0);
    size_t first = p->chat.message[0].role == ROLE_SYSTEM && p->instructions.n;
    struct responses_params again;
    struct buf b;

    buf_init(&b, ARENA_CAP);
    buf_char(&b, '[');
    for (size_t i = 0; i < p->n_kept; i++) {
        if (i) buf_char(&b, ',');
        buf_add(&b, p->kept[i].body);
    }
    buf_char(&b, ']');
    CHECK(parse(a, keep, STR("{\"model\":\"m\",\"input\":\"more\"}"), buf_str(&b), &again) ==
          ERR_OK);
    CHECK(again.chat.n_message == p->chat.n_message - first + 1);
    for (size_t i = first; i < p->chat.n_message; i++)
        CHECK(same(&p->chat.message[i], &again.chat.message[i - first]));
    buf_done(&b);
    arena_free(a);
    arena_free(keep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(ARENA_CAP), *keep = arena_new(0);
    struct responses_params p;

    if (parse(a, keep, str_n((const char *)data, size), STR_NONE, &p) == ERR_OK) {
        check_request(&p);
        if (p.store) check_kept(&p);
    }
    arena_free(a);
    arena_free(keep);
    return 0;
}
