/* SPDX-License-Identifier: Apache-2.0 */
#include "grokd/config.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/str.h"
#include "grokd/config_internal.h"

enum kind { KIND_TEXT, KIND_INT, KIND_BYTES, KIND_NUMBER, KIND_BOOL, KIND_CHOICE, KIND_MODELS };

struct option {
    const char *name; /* --name, GROKD_NAME, name: */
    enum kind kind;
    size_t offset; /* in struct config */
    const char *otherwise; /* default, in the option's own notation; NULL: none */
    double min, max; /* numbers */
    const char *shape; /* what --help shows behind the name; choices: a|b|c */
    const char *help;
};

#define BOOL_WORDS "true|false|1|0|yes|no|on|off"
#define AT(field) offsetof(struct config, field)

static const struct option table[] = {
    {"config", KIND_TEXT, AT(config), NULL, 0, 0, "FILE",
     "YAML file with the options below"},
    {"listen", KIND_TEXT, AT(listen), "127.0.0.1:8080", 0, 0, "HOST:PORT",
     "address to serve on; port 0 picks a free one"},
    {"data-dir", KIND_TEXT, AT(data_dir), "", 0, 0, "DIR",
     "keys, ledger and models; made at first start"},
    {"model", KIND_MODELS, AT(model), NULL, 0, 0, "[NAME=]FILE",
     "GGUF model to serve, may be repeated; the first answers to all xAI names (default: the "
     "bundled model)"},
    {"threads", KIND_INT, AT(threads), "0", 0, 1024, "N",
     "compute threads; 0: one for each CPU"},
    {"ctx", KIND_INT, AT(ctx), "0", 0, 1 << 24, "N",
     "longest prompt and output in tokens; 0: what the model declares"},
    {"kv-bytes", KIND_BYTES, AT(kv_bytes), "0", 0, 1e15, "BYTES",
     "memory for the KV cache; 0: a quarter of memory, at most 4G"},
    {"kv-type", KIND_CHOICE, AT(kv_type), "f16", 0, 0, "f16|f32",
     "number format of the KV cache"},
    {"parallel", KIND_INT, AT(parallel), "64", 1, 4096, "N",
     "requests in one batch"},
    {"queue", KIND_INT, AT(queue), "4096", 0, 1 << 20, "N",
     "requests waiting beyond that; more are refused with 429"},
    {"prefill-chunk", KIND_INT, AT(prefill_chunk), "256", 1, 8192, "N",
     "prompt tokens computed between two tokens of running streams"},
    {"prefix-cache", KIND_BOOL, AT(prefix_cache), "true", 0, 0, "true|false",
     "compute a common beginning of prompts once"},
    {"cpu", KIND_CHOICE, AT(cpu), "auto", 0, 0, "auto|scalar|avx2|avx512",
     "highest instruction set to use"},
    {"loops", KIND_INT, AT(loops), "1", 1, 256, "N",
     "network threads"},
    {"max-body", KIND_BYTES, AT(max_body), "64M", 1024, 4e9, "BYTES",
     "largest request body"},
    {"max-headers", KIND_BYTES, AT(max_headers), "64K", 1024, 1 << 24, "BYTES",
     "largest request line and headers"},
    {"max-connections", KIND_INT, AT(max_connections), "10000", 1, 1 << 20, "N",
     "open connections"},
    {"header-timeout-ms", KIND_INT, AT(header_timeout_ms), "10000", 10, 3600000, "MS",
     "time to send all headers"},
    {"body-timeout-ms", KIND_INT, AT(body_timeout_ms), "20000", 10, 3600000, "MS",
     "time without progress of a body"},
    {"idle-timeout-ms", KIND_INT, AT(idle_timeout_ms), "75000", 10, 3600000, "MS",
     "time between two requests of a connection"},
    {"write-timeout-ms", KIND_INT, AT(write_timeout_ms), "60000", 10, 3600000, "MS",
     "time a client may take nothing"},
    {"keepalive-ms", KIND_INT, AT(keepalive_ms), "10000", 10, 3600000, "MS",
     "a waiting stream gets a comment this often"},
    {"drain-ms", KIND_INT, AT(drain_ms), "10000", 0, 3600000, "MS",
     "time running requests get after SIGTERM"},
    {"keep-days", KIND_INT, AT(keep_days), "30", 1, 36500, "N",
     "days that responses are kept"},
    {"deferred-keep-s", KIND_INT, AT(deferred_keep_s), "86400", 1, 31536000, "S",
     "time a deferred completion is kept for its one reading"},
    {"deferred-parallel", KIND_INT, AT(deferred_parallel), "4", 1, 64, "N",
     "deferred completions made at once, when nobody else needs the room"},
    {"deferred-max", KIND_INT, AT(deferred_max), "10000", 1, 1e6, "N",
     "deferred completions that wait to be made or read; more are refused with 429"},
    {"deferred-bytes", KIND_BYTES, AT(deferred_bytes), "1G", 1024, 1e12, "BYTES",
     "of their requests and replies; more are refused with 429"},
    {"tls-cert", KIND_TEXT, AT(tls_cert), NULL, 0, 0, "FILE",
     "certificate chain (PEM); serves HTTPS together with tls-key"},
    {"tls-key", KIND_TEXT, AT(tls_key), NULL, 0, 0, "FILE",
     "private key (PEM)"},
    {"error-shape", KIND_CHOICE, AT(error_shape), "xai", 0, 0, "xai|openai",
     "form of error bodies"},
    {"wrong-key-status", KIND_INT, AT(wrong_key_status), "400", 400, 401, "400|401",
     "status for a wrong key: 400 as xAI, 401 as OpenAI"},
    {"compat", KIND_CHOICE, AT(compat), "lenient", 0, 0, "lenient|strict",
     "strict: refuse the fields that xAI's model of the asked name refuses"},
    {"temperature", KIND_NUMBER, AT(temperature), "0.7", 0, 2, "X",
     "sampling temperature where a request gives none"},
    {"top-p", KIND_NUMBER, AT(top_p), "0.95", 0, 1, "X",
     "nucleus where a request gives none"},
    {"schema-time-ms", KIND_INT, AT(schema_time_ms), "1000", 1, 600000, "MS",
     "time to compile the schemas of one request; past it, as past the four limits below, it is "
     "refused with 400"},
    {"schema-memory", KIND_BYTES, AT(schema_memory), "256M", 65536, 1e12, "BYTES",
     "memory to compile the schemas of one request"},
    {"schema-depth", KIND_INT, AT(schema_depth), "256", 1, 1024, "N",
     "schemas inside one another, $ref followed"},
    {"schema-nodes", KIND_INT, AT(schema_nodes), "200000", 1, 1 << 24, "N",
     "schemas that combining the parts of one (allOf, oneOf, ...) may make"},
    {"schema-states", KIND_INT, AT(schema_states), "1048576", 1, 1 << 24, "N",
     "states of one automaton (pattern, enum, ...)"},
    {"schema-cache", KIND_BYTES, AT(schema_cache), "64M", 0, 1e12, "BYTES",
     "memory for schemas that were compiled before; 0: none are kept"},
    {"mask-pool", KIND_BYTES, AT(mask_pool), "64M", 1 << 20, 1e12, "BYTES",
     "memory for the masks of schemas and tools, for each model"},
    {"price-prompt", KIND_INT, AT(price_prompt), "3000", 0, 1e9, "TICKS",
     "per prompt token; 10000 ticks are 1 USD per million tokens"},
    {"price-cached", KIND_INT, AT(price_cached), "750", 0, 1e9, "TICKS",
     "per prompt token taken from the cache"},
    {"price-completion", KIND_INT, AT(price_completion), "5000", 0, 1e9, "TICKS",
     "per output token"},
    {"log-level", KIND_CHOICE, AT(log_level), "info", 0, 0, "debug|info|warn|error",
     "least important lines to log"},
    {"example", KIND_BOOL, AT(example), "false", 0, 0, "true|false",
     "print a request to paste once ready"},
};

#define N_OPTION (sizeof table / sizeof table[0])

/* ---- one value ---- */

static bool parse_bytes(str s, double *out)
{
    static const char unit[] = "KMGT";
    const char *u = s.n ? strchr(unit, toupper((unsigned char)s.p[s.n - 1])) : NULL;
    double factor = 1;

    if (u && *u) {
        for (long i = 0; i <= u - unit; i++) factor *= 1024;
        s.n--;
    }
    if (!str_to_double(s, out)) return false;
    *out *= factor;
    return true;
}

/* In the notation of the option's kind. */
static bool parse_number(enum kind kind, str s, double *out)
{
    int64_t whole;

    if (kind == KIND_BYTES) return parse_bytes(s, out);
    if (kind == KIND_NUMBER) return str_to_double(s, out);
    if (!str_to_i64(s, &whole)) return false;
    *out = (double)whole;
    return true;
}

static bool in_choices(const char *choices, const char *text)
{
    str rest = str_of(choices), one;

    while (str_split(&rest, '|', &one))
        if (str_is(one, text)) return true;
    return false;
}

static enum err add_model(struct config *c, const char *text, struct error *e)
{
    if (c->n_model == CONFIG_MODELS_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "more than %d models", CONFIG_MODELS_MAX);
    c->model[c->n_model++] = text;
    return ERR_OK;
}

static enum err bad_value(const struct option *o, const char *text, const char *where,
                          struct error *e)
{
    if (o->max > 0)
        return err_set(e, ERR_ARG, ERR_NO_POS, "%s%s: '%s' is not a %snumber from %.0f to %.0f",
                       where, o->name, text, o->kind == KIND_INT ? "whole " : "", o->min, o->max);
    return err_set(e, ERR_ARG, ERR_NO_POS, "%s%s: '%s' is not one of %s", where, o->name, text,
                   o->shape);
}

static enum err set_value(struct setter *s, const struct option *o, const char *text,
                          const char *where, struct error *e)
{
    void *field = (char *)s->config + o->offset;
    double number;

    switch (o->kind) {
    case KIND_MODELS: return add_model(s->config, text, e);
    case KIND_CHOICE:
        if (!in_choices(o->shape, text)) return bad_value(o, text, where, e);
        *(const char **)field = text;
        return ERR_OK;
    case KIND_TEXT: *(const char **)field = *text || o->otherwise ? text : NULL; return ERR_OK;
    case KIND_BOOL:
        if (!in_choices(BOOL_WORDS, text)) return bad_value(o, text, where, e);
        *(bool *)field = in_choices("true|1|yes|on", text);
        return ERR_OK;
    case KIND_INT:
    case KIND_BYTES:
    case KIND_NUMBER: break;
    }
    if (!parse_number(o->kind, str_of(text), &number) || number < o->min || number > o->max)
        return bad_value(o, text, where, e);
    if (o->kind == KIND_NUMBER)
        *(double *)field = number;
    else
        *(int64_t *)field = (int64_t)number;
    return ERR_OK;
}

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < N_OPTION; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

enum err config_set(struct setter *s, const char *name, const char *text, const char *where,
                    struct error *e)
{
    const struct option *o = find(name);

    if (!o) return err_set(e, ERR_ARG, ERR_NO_POS, "%s%s: no such option", where, name);
    return set_value(s, o, arena_cstr(s->arena, str_of(text)), where, e);
}

/* ---- the sources ---- */

static enum err set_defaults(struct setter *s, struct error *e)
{
    for (size_t i = 0; i < N_OPTION; i++)
        if (table[i].otherwise) TRY(set_value(s, &table[i], table[i].otherwise, "default ", e));
    return ERR_OK;
}

static void env_name(const char *name, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = "GROKD_"; *p; p++) out[n++] = *p;
    for (; *name && n + 1 < size; name++)
        out[n++] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
    out[n] = 0;
}

static enum err read_env(struct setter *s, struct error *e)
{
    for (size_t i = 0; i < N_OPTION; i++) {
        char name[64];
        const char *text;

        env_name(table[i].name, name, sizeof name);
        text = getenv(name);
        /* Which file to read was settled before. */
        if (!text || !*text || strcmp(table[i].name, "config") == 0) continue;
        if (table[i].kind == KIND_MODELS) s->config->n_model = 0;
        TRY(config_set(s, table[i].name, text, "environment: ", e));
    }
    return ERR_OK;
}

/* Splits "--name=value" or takes the next argument; a flag of a boolean alone means true. */
static enum err take_flag(int argc, char **argv, int *i, struct arena *a, const char **name,
                          const char **value, struct error *e)
{
    str arg = str_of(argv[*i]);
    size_t eq = str_find_char(arg, '=', 0);
    const struct option *o;

    if (!str_starts(arg, STR("--")))
        return err_set(e, ERR_ARG, ERR_NO_POS, "unexpected argument '%s'", argv[*i]);
    *name = arena_cstr(a, str_sub(arg, 2, eq == SIZE_MAX ? arg.n : eq - 2));
    o = find(*name);
    if (!o) return err_set(e, ERR_ARG, ERR_NO_POS, "no such option --%s", *name);
    if (eq != SIZE_MAX) {
        *value = arg.p + eq + 1;
    } else if (o->kind == KIND_BOOL && (*i + 1 >= argc || !in_choices(BOOL_WORDS, argv[*i + 1]))) {
        *value = "true";
    } else {
        if (*i + 1 >= argc)
            return err_set(e, ERR_ARG, ERR_NO_POS, "--%s needs a value: %s", *name, o->shape);
        *value = argv[++*i];
    }
    return ERR_OK;
}

static enum err read_flags(struct setter *s, int argc, char **argv, bool only_config,
                           struct error *e)
{
    bool has_model = false;

    for (int i = 1; i < argc; i++) {
        const char *name = NULL, *value = NULL;

        TRY(take_flag(argc, argv, &i, s->arena, &name, &value, e));
        if (only_config != (strcmp(name, "config") == 0)) continue;
        if (strcmp(name, "model") == 0 && !has_model) {
            s->config->n_model = 0;
            has_model = true;
        }
        TRY(config_set(s, name, value, "--", e));
    }
    return ERR_OK;
}

enum err config_load(int argc, char **argv, struct arena *a, struct config *out, bool *help,
                     struct error *e)
{
    struct setter s = {out, a};
    const char *from_env = getenv("GROKD_CONFIG");

    *out = (struct config){0};
    *help = false;
    for (int i = 1; i < argc; i++)
        *help = *help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    if (*help) return ERR_OK;
    TRY(set_defaults(&s, e));
    if (from_env && *from_env) out->config = arena_cstr(a, str_of(from_env));
    TRY(read_flags(&s, argc, argv, true, e));
    if (out->config) TRY(config_read_yaml(&s, out->config, e));
    TRY(read_env(&s, e));
    TRY(read_flags(&s, argc, argv, false, e));
    if (!out->tls_cert != !out->tls_key)
        return err_set(e, ERR_ARG, ERR_NO_POS, "tls-cert and tls-key belong together: give both");
    if (!*out->data_dir) out->data_dir = config_data_dir_default(a);
    return ERR_OK;
}

void config_help(FILE *out)
{
    for (size_t i = 0; i < N_OPTION; i++) {
        fprintf(out, "  --%s %s\n        %s", table[i].name, table[i].shape, table[i].help);
        if (table[i].otherwise && *table[i].otherwise) fprintf(out, " [%s]", table[i].otherwise);
        fputc('\n', out);
    }
}

/* ---- derived values ---- */

char *config_path(const struct config *c, struct arena *a, const char *name)
{
    return file_join(a, c->data_dir, name);
}

char *config_data_dir_default(struct arena *a)
{
    const char *own = getenv("GROKD_DATA_DIR"), *xdg = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (own && *own) return arena_cstr(a, str_of(own));
    if (xdg && *xdg) return file_join(a, xdg, "grokd");
    if (home && *home) return file_join(a, home, ".local/share/grokd");
    return arena_cstr(a, STR("grokd-data"));
}

enum err config_listen(const char *listen, struct arena *a, const char **host, int *port,
                       struct error *e)
{
    str s = str_of(listen), h;
    size_t colon = SIZE_MAX;
    int64_t number;

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ':') colon = i;
    if (colon == SIZE_MAX || !str_to_i64(str_sub(s, colon + 1, s.n), &number) || number < 0 ||
        number > 65535)
        return err_set(e, ERR_ARG, ERR_NO_POS, "listen: '%s' is not HOST:PORT", listen);
    h = str_sub(s, 0, colon);
    if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = str_sub(h, 1, h.n - 2);
    else if (str_find_char(h, ':', 0) != SIZE_MAX || str_find_char(h, '[', 0) != SIZE_MAX)
        return err_set(e, ERR_ARG, ERR_NO_POS,
                       "listen: '%s': an IPv6 address stands in brackets: [::1]:8080", listen);
    *host = arena_cstr(a, h.n ? h : STR("127.0.0.1"));
    *port = (int)number;
    return ERR_OK;
}
