/* SPDX-License-Identifier: Apache-2.0
 *
 * Three signs of life, none of which enters a queue or costs a token: the process answers
 * (/health), it can take requests (/ready), its engines move (/health/engine).
 */
#include "api/handlers.h"
#include "base/clock.h"

#define REPLY_BYTES_MAX (64u << 10)
/* An engine touches its heartbeat at least once a second; a long prefill step takes a while. */
#define STUCK_AFTER_NS (30 * NS_PER_S)

static enum api_state state_of(const struct request *r)
{
    return atomic_load_explicit(&r->api->state, memory_order_acquire);
}

void handle_root(struct request *r)
{
    reply_json(r, 200, STR("{\"name\":\"grokd\",\"api\":\"/v1\",\"health\":\"/health\","
                           "\"ready\":\"/ready\"}"));
}

void handle_health(struct request *r)
{
    reply_json(r, 200, STR("{\"status\":\"ok\"}"));
}

void handle_ready(struct request *r)
{
    switch (state_of(r)) {
    case API_READY: reply_json(r, 200, STR("{\"status\":\"ready\"}")); break;
    case API_LOADING: reply_json(r, 503, STR("{\"status\":\"loading\"}")); break;
    case API_DRAINING: reply_json(r, 503, STR("{\"status\":\"draining\"}")); break;
    }
}

/* True when the engine moves. */
static bool write_engine(struct json_writer *w, const struct model_entry *m, int64_t now_ns)
{
    struct backend_health h = m->backend->ops->health(m->backend);
    bool moves = now_ns - h.last_step_ns < STUCK_AFTER_NS;

    jw_object(w);
    jw_kv_string(w, "model", m->id);
    jw_kv_bool(w, "moves", moves);
    jw_kv_int(w, "steps", (int64_t)h.steps);
    jw_kv_int(w, "last_step_age_ms", (now_ns - h.last_step_ns) / NS_PER_MS);
    jw_kv_int(w, "running", h.n_running);
    jw_kv_int(w, "queued", h.n_queued);
    jw_kv_int(w, "kv_tokens", h.tokens);
    jw_kv_int(w, "kv_tokens_free", h.tokens_free);
    jw_object_end(w);
    return moves;
}

void handle_engine_health(struct request *r)
{
    int64_t now_ns = clock_ns();
    bool loading = state_of(r) == API_LOADING, moves = !loading;
    struct buf b;
    struct json_writer w;

    buf_init(&b, REPLY_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key(&w, "engines");
    jw_array(&w);
    for (int i = 0; moves && i < r->api->catalog->n; i++)
        moves = write_engine(&w, &r->api->catalog->entry[i], now_ns);
    jw_array_end(&w);
    jw_kv_cstring(&w, "status", moves ? "ok" : loading ? "loading" : "stuck");
    jw_object_end(&w);
    reply_json(r, moves ? 200 : 503, buf_str(&b));
    buf_done(&b);
}
