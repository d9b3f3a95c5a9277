/* SPDX-License-Identifier: Apache-2.0
 *
 * Order of start: signals, data dir, store, keys, network (answering 503), engines, ready line.
 * The end undoes it backwards.
 */
#include "grokd/wire.h"
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "api/api.h"
#include "api/deferred.h"
#include "api/responses_store.h"
#include "backend/local.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cli.h"
#include "grokd/models.h"
#include "net/pool.h"
#include "net/server.h"

#define ADMIN_KEY_NAME "admin"
#define ADMIN_KEY_FILE "admin.key"
/* Threads that prepare large requests and those with schemas or tools, and how many may wait for
 * them. Schemas that take all the time they may hold up the others only when there are so many. */
#define POOL_THREADS 4
#define POOL_QUEUE_MAX 1024
#define DATABASE_FILE "grokd.db"
#define SEAL_KEY_FILE "seal.key"
#define S_PER_DAY 86400
#define SWEEP_EVERY_NS (60 * NS_PER_S)
#define MODEL_ID_MAX 128               /* bytes of a name that a file gives itself */

static_assert(CONFIG_MODELS_MAX <= CATALOG_MODELS_MAX, "every model finds room in the catalog");

struct wire {
    const struct config *config;
    struct backend *only;              /* borrows; NULL: models answer */
    struct arena *arena;
    struct keyring *keys;
    struct writer *writer;
    struct responses *responses;
    struct deferred *deferred;
    int64_t swept_ns;                  /* of the writer's thread */
    struct catalog catalog;
    struct engine *engine[CONFIG_MODELS_MAX];
    struct pool *pool;
    struct api api;
    struct server *server;
    const char *host;                  /* of the listener, without brackets */
    sigset_t signals;
};

/* ---- data dir, keys ---- */

/* Runs on the writer thread: another process may have changed the keys; what is kept may have
 * expired. */
static void look_after_store(void *arg, struct db *db)
{
    struct wire *w = arg;
    struct error e;

    if (keyring_refresh(w->keys, db, false, &e) != ERR_OK)
        log_error("keys", "event=refresh_failed text=\"%s\"", e.text);
    if (clock_ns() - w->swept_ns < SWEEP_EVERY_NS) return;
    if (!responses_sweep(db)) w->swept_ns = clock_ns();
}

/* First start: one key that may do everything, shown once and kept for the owner to read. */
static enum err first_key(struct wire *w, struct db *db, struct error *e)
{
    char *path = config_path(w->config, w->arena, ADMIN_KEY_FILE);
    struct key_info info;
    enum err rc;
    str secret;

    TRY(db_begin(db, e));
    rc = key_create(db, w->arena, STR(ADMIN_KEY_NAME), STR(ACL_ALL), 0, &secret, &info, e);
    if (rc == ERR_OK)
        rc = file_write_atomic(path, arena_printf(w->arena, "%.*s\n", STR_FMT(secret)), 0600, e);
    /* A key that nobody can read must not stay: the next start would not make another. */
    if (rc != ERR_OK) {
        db_rollback(db);
        return rc;
    }
    TRY(db_commit(db, e));
    fprintf(stderr,
            "grokd: first start: admin key %.*s\ngrokd: it is kept in %s and not shown again\n",
            STR_FMT(secret), path);
    return ERR_OK;
}

static enum err load_keys(struct wire *w, struct db *db, struct error *e)
{
    TRY(keyring_refresh(w->keys, db, true, e));
    if (keyring_count(w->keys) > 0) return ERR_OK;
    TRY(first_key(w, db, e));
    return keyring_refresh(w->keys, db, true, e);
}

static enum err open_store(struct wire *w, struct error *e)
{
    char *path = config_path(w->config, w->arena, DATABASE_FILE);
    struct db *db;
    enum err rc;

    TRY(file_mkdirs(w->config->data_dir, 0700, e));
    w->keys = keyring_new();
    TRY(db_open(path, &db, e));
    rc = load_keys(w, db, e);
    db_close(&db);
    if (rc != ERR_OK) return rc;
    TRY(writer_open(path, look_after_store, w, &w->writer, e));
    return responses_open(path, config_path(w->config, w->arena, SEAL_KEY_FILE), w->writer,
                          w->config->keep_days * S_PER_DAY, &w->responses, e);
}

/* ---- engines ---- */

static enum kern_level level_max(const char *cpu)
{
    enum kern_level level;

    return kern_level_parse(str_of(cpu), &level) ? level : KERN_LEVEL_COUNT;
}

static struct engine_options engine_options(const struct config *c, const char *path,
                                            struct cli_progress *progress)
{
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;

    o.model_path = path;
    o.n_thread = (int)c->threads;
    o.n_ctx = (int)c->ctx;
    o.kv_bytes = (size_t)c->kv_bytes;
    o.n_seq_max = (int)c->parallel;
    o.n_queue_max = (int)c->queue;
    o.prefill_chunk = (int)c->prefill_chunk;
    o.level_max = level_max(c->cpu);
    o.kv_type = strcmp(c->kv_type, "f32") == 0 ? KV_F32 : KV_F16;
    o.prefix_cache = c->prefix_cache;
    o.mask_pool_bytes = (size_t)c->mask_pool;
    o.progress = cli_progress_at;
    o.progress_arg = progress;
    return o;
}

/* A name can be an id: a segment of a path, printable, not endless. */
static bool can_be_id(str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == '/') return false;
    return name.n > 0 && name.n <= MODEL_ID_MAX;
}

/* Id in listings: what the user called it, else the model's own name, else the file's. */
static str model_id(struct wire *w, const char *name, const char *path, const struct engine *en)
{
    str own = engine_shape(en)->name, base;
    const char *slash = strrchr(path, '/');

    if (name) return str_of(name);
    if (can_be_id(own)) return arena_str(w->arena, own);
    base = str_of(slash ? slash + 1 : path);
    if (str_ends(base, STR(".gguf"))) base.n -= 5;
    return base;
}

static struct constrain_limits constrain_limits(const struct config *c)
{
    struct constrain_limits l = CONSTRAIN_LIMITS_DEFAULT;

    l.time_ms = c->schema_time_ms;
    l.memory_bytes = (size_t)c->schema_memory;
    l.depth_max = (uint32_t)c->schema_depth;
    l.n_node_max = (uint32_t)c->schema_nodes;
    l.n_state_max = (uint32_t)c->schema_states;
    l.cache_bytes = (size_t)c->schema_cache;
    return l;
}

static struct price price_of(const struct config *c)
{
    return (struct price){c->price_prompt, c->price_cached, c->price_completion};
}

static enum err list_model(struct wire *w, struct engine *en, const char *name, const char *path,
                           struct error *e)
{
    str id = model_id(w, name, path, en);
    const struct config *c = w->config;
    struct constrain_limits limits = constrain_limits(c);
    struct model_entry *m = &w->catalog.entry[w->catalog.n];
    struct stat st;
    /* The backend's configuration belongs to the fingerprint: a change may change tokens. */
    unsigned setup = (unsigned)engine_kern(en)->level * 2 + (strcmp(c->kv_type, "f32") == 0);

    for (int i = 0; i < w->catalog.n; i++)
        if (str_eq(w->catalog.entry[i].id, id))
            return err_set(e, ERR_EXISTS, ERR_NO_POS,
                           "two models are called '%.*s': name one by --model NAME=FILE",
                           STR_FMT(id));
    *m = (struct model_entry){.id = id,
                              .backend = backend_local_new(en, &limits),
                              .created_unix_s = stat(path, &st) == 0 ? st.st_mtime : clock_unix_s(),
                              .price = price_of(c),
                              .n_ctx = engine_n_ctx(en),
                              .is_default = w->catalog.n == 0};
    snprintf(m->fingerprint, sizeof m->fingerprint, "fp_%010llx",
             (unsigned long long)((engine_shape(en)->fingerprint + setup) & 0xffffffffffULL));
    w->engine[w->catalog.n++] = en;
    return ERR_OK;
}

static enum err open_model(struct wire *w, const char *spec, struct error *e)
{
    const char *name, *path;
    struct cli_progress progress;
    struct engine_options o;
    struct engine *en;
    int64_t start_ns = clock_ns();
    enum err rc;

    TRY(models_resolve(spec, w->config->data_dir, w->arena, &name, &path, e));
    cli_progress_start(&progress, "loading");
    o = engine_options(w->config, path, &progress);
    rc = engine_open(&o, &en, e);
    cli_progress_end(&progress);
    if (rc != ERR_OK) return rc;
    rc = list_model(w, en, name, path, e);
    if (rc != ERR_OK) {
        engine_close(&en);
        return rc;
    }
    log_info("engine", "event=loaded model=%.*s ms=%.1f ctx=%d level=%s",
             STR_FMT(w->catalog.entry[w->catalog.n - 1].id), (double)(clock_ns() - start_ns) / 1e6,
             engine_n_ctx(en), kern_level_name(engine_kern(en)->level));
    return ERR_OK;
}

static void list_only(struct wire *w)
{
    w->catalog.entry[w->catalog.n++] =
        (struct model_entry){.id = STR("only"), .backend = w->only, .price = price_of(w->config),
                             .created_unix_s = clock_unix_s(), .fingerprint = "fp_0000000000",
                             .n_ctx = (int)w->only->ops->health(w->only).tokens,
                             .is_default = true};
}

static enum err open_models(struct wire *w, struct error *e)
{
    const char *bundled;

    if (w->only) {
        list_only(w);
        return ERR_OK;
    }
    for (int i = 0; i < w->config->n_model; i++) TRY(open_model(w, w->config->model[i], e));
    if (w->config->n_model > 0) return ERR_OK;
    bundled = models_bundled(w->arena);
    if (!bundled)
        return err_set(
            e, ERR_NOT_FOUND, ERR_NO_POS,
            "no model: the bundled one is not beside this program; give --model FILE.gguf");
    return open_model(w, bundled, e);
}

static enum err open_deferred(struct wire *w, struct error *e)
{
    const struct config *c = w->config;
    const struct deferred_options o = {.keep_s = c->deferred_keep_s,
                                       .parallel = (int)c->deferred_parallel,
                                       .n_max = c->deferred_max, .bytes_max = c->deferred_bytes};

    TRY(deferred_open(config_path(c, w->arena, DATABASE_FILE), &w->api, &o, &w->deferred, e));
    w->api.deferred = w->deferred;
    return ERR_OK;
}

/* ---- network ---- */

static enum err open_server(struct wire *w, struct error *e)
{
    const struct config *c = w->config;
    struct server_options o = SERVER_OPTIONS_DEFAULT;
    struct http_handler handler = api_handler(&w->api);

    TRY(config_listen(c->listen, w->arena, &o.host, &o.port, e));
    w->host = o.host;
    o.n_loop = (int)c->loops;
    o.tls_cert = c->tls_cert;
    o.tls_key = c->tls_key;
    o.header_bytes_max = (size_t)c->max_headers;
    o.connections_max = (size_t)c->max_connections;
    o.header_timeout_ms = c->header_timeout_ms;
    o.body_timeout_ms = c->body_timeout_ms;
    o.idle_timeout_ms = c->idle_timeout_ms;
    o.write_timeout_ms = c->write_timeout_ms;
    w->api.error_shape =
        strcmp(c->error_shape, "openai") == 0 ? ERROR_SHAPE_OPENAI : ERROR_SHAPE_XAI;
    w->api.strict = strcmp(c->compat, "strict") == 0;
    w->api.wrong_key_status = (int)c->wrong_key_status;
    w->api.body_max = (size_t)c->max_body;
    w->api.keepalive_ms = c->keepalive_ms;
    w->api.default_temperature = c->temperature;
    w->api.default_top_p = c->top_p;
    w->pool = pool_new(POOL_THREADS, POOL_QUEUE_MAX);
    w->api.pool = w->pool;
    w->api.keys = w->keys;
    w->api.ledger.writer = w->writer;
    w->api.responses = w->responses;
    w->api.catalog = &w->catalog;
    return server_open(&o, &handler, &w->server, e);
}

static const char *base_url(const struct config *c, struct arena *a, const char *host, int port)
{
    bool v6 = strchr(host, ':') != NULL;

    return arena_printf(a, "%s://%s%s%s:%d", c->tls_cert ? "https" : "http", v6 ? "[" : "", host,
                        v6 ? "]" : "", port).p;
}

/* What a newcomer pastes next. */
static void print_example(struct wire *w, const char *url)
{
    char *key = config_path(w->config, w->arena, ADMIN_KEY_FILE);

    fprintf(stderr,
            "\n  base URL   %s/v1\n  API key    %s%s\n\n"
            "  curl %s/v1/chat/completions -H \"Authorization: Bearer $(cat %s)\" \\\n"
            "    -H 'Content-Type: application/json' \\\n"
            "    -d '{\"model\": \"grok-4\", \"stream\": true, \"messages\": [{\"role\": \"user\", "
            "\"content\": \"Hello! Who are you?\"}]}'\n\n"
            "  stop with Ctrl-C\n\n",
            url, key, file_exists(key) ? "" : " (missing: make one with 'grokd keys create')", url,
            key);
}

static void announce(struct wire *w)
{
    const char *url = base_url(w->config, w->arena, w->host, server_port(w->server));

    if (w->config->example) print_example(w, url);
    printf("grokd: ready on %s\n", url);
    fflush(stdout);
}

/* ---- life and death ---- */

/* Every connection is a descriptor: take what the system allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == r.rlim_max) return;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) != 0) log_warn("grokd", "event=descriptor_limit_kept");
}

static void block_signals(struct wire *w)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&w->signals);
    sigaddset(&w->signals, SIGTERM);
    sigaddset(&w->signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &w->signals, NULL); /* inherited by every thread */
    file_map_trap();
}

static enum err start(struct wire *w, struct error *e)
{
    enum log_level level;

    if (log_level_parse(w->config->log_level, &level)) log_set_level(level);
    raise_descriptor_limit();
    block_signals(w);
    TRY(open_store(w, e));
    TRY(open_server(w, e));
    TRY(open_models(w, e));
    TRY(open_deferred(w, e));
    atomic_store_explicit(&w->api.state, API_READY, memory_order_release);
    return ERR_OK;
}

static void stop(struct wire *w)
{
    atomic_store_explicit(&w->api.state, API_DRAINING, memory_order_release);
    if (w->server) server_drain(w->server, clock_ns() + w->config->drain_ms * NS_PER_MS);
    pool_free(w->pool); /* its jobs report to loops, which still run */
    deferred_close(&w->deferred); /* likewise, and its runs end before their engines */
    server_close(&w->server);
    for (int i = 0; i < w->catalog.n && !w->only; i++) {
        backend_local_free(w->catalog.entry[i].backend);
        engine_close(&w->engine[i]);
    }
    writer_close(&w->writer);
    responses_close(&w->responses);
    keyring_free(w->keys);
}

enum err wire_serve(const struct config *c, struct backend *only, struct error *e)
{
    struct wire w = {.config = c, .only = only, .arena = arena_new(0)};
    enum err rc = start(&w, e);
    int signal_number = 0;

    if (rc == ERR_OK) {
        announce(&w);
        sigwait(&w.signals, &signal_number);
        log_info("grokd", "event=stopping signal=%d drain_ms=%lld", signal_number,
                 (long long)c->drain_ms);
    }
    stop(&w);
    arena_free(w.arena);
    return rc;
}
