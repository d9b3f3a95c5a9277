/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd chat: one answer, or a conversation, streamed to the terminal. Without --url the model
 * runs in this process.
 */
#include "cli/cli.h"
#include <editline/readline.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "backend/local.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/thread.h"
#include "codec/json.h"
#include "grokd/config.h"
#include "grokd/models.h"
#include "schema/validate.h"
#include "xai/client.h"

#define TURNS_MAX 4096
#define ANSWER_BYTES_MAX (64u << 20)
#define BODY_BYTES_MAX (256u << 20)
#define QUESTION_BYTES_MAX (1u << 20)
#define CHECK_MEMORY_MAX ((size_t)256 << 20)
#define SCHEMA_BYTES_MAX (16u << 20)
#define READ_BYTES 4096                /* of standard input at once */
#define WAIT_NS (1 * NS_PER_S)

struct chat {
    struct arena *arena;
    const char *model, *url, *key, *system, *data_dir;
    const char *schema_file, *pattern;   /* or NULL */
    struct json *schema; /* of every answer, or NULL */
    double temperature;
    int64_t max_tokens;
    struct chat_message message[TURNS_MAX];
    size_t n_message;
    struct buf answer;
    struct engine *engine; /* in-process */
    struct backend *backend;
    pthread_mutex_t lock; /* guards woken */
    pthread_cond_t cond;
    bool woken;
};

static const char help[] =
    "usage: grokd chat [-m MODEL] [--url URL] [OPTIONS] [TEXT]\n\n"
    "With TEXT (or '-' for standard input) one answer, else a conversation; end it with "
    "Ctrl-D.\n\n"
    "  -m MODEL          model name of the server, or GGUF file without --url (default: the "
    "bundled one)\n"
    "  --url URL         a server, e.g. http://127.0.0.1:8080; without it the model runs in "
    "this process\n"
    "  --key KEY         API key (default: $XAI_API_KEY, else DATA/admin.key)\n"
    "  --system TEXT     system message\n"
    "  --temperature X   0 to 2 [0.7]\n"
    "  --max-tokens N    of an answer [1024]\n"
    "  --schema FILE     JSON Schema that every answer obeys\n"
    "  --regex PATTERN   regular expression that every answer matches\n"
    "  --data-dir DIR\n";

static void add_message(struct chat *c, enum chat_role role, str text)
{
    c->message[c->n_message++] =
        (struct chat_message){.role = role, .text = arena_str(c->arena, text)};
}

static bool show(void *arg, str text)
{
    struct chat *c = arg;

    fwrite(text.p, 1, text.n, stdout);
    fflush(stdout);
    buf_add(&c->answer, text);
    return true;
}

/* ---- in this process ---- */

static void wake(void *arg)
{
    struct chat *c = arg;

    pthread_mutex_lock(&c->lock);
    c->woken = true;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&c->lock);
}

static void wait_for_events(struct chat *c)
{
    pthread_mutex_lock(&c->lock);
    if (!c->woken) thread_cond_wait_until(&c->cond, &c->lock, clock_ns() + WAIT_NS);
    c->woken = false;
    pthread_mutex_unlock(&c->lock);
}

static enum err pull(struct chat *c, struct backend_run *run, struct error *e)
{
    struct chat_event ev = {.kind = CHAT_TEXT};

    while (ev.kind != CHAT_END) {
        if (!c->backend->ops->next(run, &ev)) {
            wait_for_events(c);
            continue;
        }
        if (ev.kind == CHAT_TEXT) show(c, ev.text);
        if (ev.kind == CHAT_FAIL) {
            *e = ev.error;
            return ev.error.code;
        }
    }
    return ERR_OK;
}

static enum err answer_local(struct chat *c, struct error *e)
{
    struct chat_request r = {.message = c->message,
                             .n_message = c->n_message,
                             .n_choice = 1,
                             .max_tokens = (int)c->max_tokens,
                             .sample = SAMPLE_DEFAULT,
                             .format = c->schema    ? FORMAT_JSON_SCHEMA
                                       : c->pattern ? FORMAT_REGEX
                                                    : FORMAT_TEXT,
                             .pattern = str_of(c->pattern),
                             .schema = c->schema,
                             .wake = wake,
                             .wake_arg = c};
    struct backend_run *run;
    enum err rc;

    r.sample.temperature = (float)c->temperature;
    r.sample.top_p = 0.95f;
    r.sample.seed = (uint64_t)clock_ns();
    TRY(backend_start(c->backend, &r, c->arena, &run, e));
    rc = pull(c, run, e);
    c->backend->ops->free(run);
    return rc;
}

static enum err open_local(struct chat *c, struct error *e)
{
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    struct cli_progress progress;
    const char *name;
    enum err rc;

    if (c->model)
        TRY(models_resolve(c->model, c->data_dir, c->arena, &name, &o.model_path, e));
    else
        o.model_path = models_bundled(c->arena);
    if (!o.model_path)
        return err_set(e, ERR_NOT_FOUND, ERR_NO_POS,
                       "no bundled model beside this program: give -m FILE.gguf");
    cli_progress_start(&progress, "loading");
    o.progress = cli_progress_at;
    o.progress_arg = &progress;
    rc = engine_open(&o, &c->engine, e);
    cli_progress_end(&progress);
    if (rc == ERR_OK) c->backend = backend_local_new(c->engine, NULL);
    return rc;
}

/* ---- against a server ---- */

static void write_format(struct json_writer *w, const struct chat *c)
{
    jw_key(w, "response_format");
    jw_object(w);
    jw_kv_cstring(w, "type", c->schema ? "json_schema" : "regex");
    if (c->schema) {
        jw_key(w, "json_schema");
        jw_object(w);
        jw_kv_cstring(w, "name", "answer");
        jw_key(w, "schema");
        jw_value(w, c->schema);
        jw_object_end(w);
    } else {
        jw_kv_cstring(w, "pattern", c->pattern);
    }
    jw_object_end(w);
}

static void write_body(struct chat *c, struct buf *b)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    jw_kv_cstring(&w, "model", c->model ? c->model : "grok-4");
    jw_kv_bool(&w, "stream", true);
    jw_kv_double(&w, "temperature", c->temperature);
    jw_kv_int(&w, "max_tokens", c->max_tokens);
    if (c->schema || c->pattern) write_format(&w, c);
    jw_key(&w, "messages");
    jw_array(&w);
    for (size_t i = 0; i < c->n_message; i++) {
        jw_object(&w);
        jw_kv_cstring(&w, "role", chat_role_name[c->message[i].role]);
        jw_kv_string(&w, "content", c->message[i].text);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
}

static enum err answer_remote(struct chat *c, struct error *e)
{
    struct xai_options o = {c->url, c->key};
    struct buf body;
    enum err rc;

    buf_init(&body, BODY_BYTES_MAX);
    write_body(c, &body);
    rc = xai_chat_stream(&o, buf_str(&body), show, c, e);
    buf_done(&body);
    return rc;
}

static void find_key(struct chat *c)
{
    const char *env = getenv("XAI_API_KEY");
    struct error ignored;
    str text;

    if (c->key) return;
    if (env && *env)
        c->key = env;
    else if (file_read(file_join(c->arena, c->data_dir, "admin.key"), 4096, c->arena, &text,
                       &ignored) == ERR_OK)
        c->key = arena_cstr(c->arena, str_trim(text));
}

/* ---- the conversation ---- */

/* A server elsewhere may not obey, and max_tokens may cut the document. */
static enum err check_answer(const struct chat *c, struct error *e)
{
    struct json_schema_options o = {.assert_format = true};
    struct arena *a = arena_new(CHECK_MEMORY_MAX);
    struct json *value;
    struct error why;
    enum err rc = json_parse(buf_str(&c->answer), a, &value, &why);

    if (rc != ERR_OK)
        err_set(e, rc, ERR_NO_POS,
                "the answer is no whole JSON (%s); a higher --max-tokens may help", why.text);
    else if ((rc = json_schema_validate(c->schema, value, &o, a, &why)) != ERR_OK)
        err_set(e, rc, ERR_NO_POS, "the answer does not satisfy the schema: %s", why.text);
    arena_free(a);
    return rc;
}

static enum err ask(struct chat *c, str question, struct error *e)
{
    enum err rc;

    if (c->n_message + 2 > TURNS_MAX)
        return err_set(e, ERR_LIMIT, ERR_NO_POS,
                       "this conversation has %d messages: start a new one", TURNS_MAX);
    add_message(c, ROLE_USER, question);
    buf_clear(&c->answer);
    rc = c->url ? answer_remote(c, e) : answer_local(c, e);
    if (c->answer.n) fputc('\n', stdout);
    if (rc == ERR_OK && c->schema) rc = check_answer(c, e);
    if (rc == ERR_OK)
        add_message(c, ROLE_ASSISTANT, buf_str(&c->answer));
    else
        c->n_message--;
    return rc;
}

static char *next_question(bool terminal)
{
    char *line = NULL;
    size_t cap = 0;

    if (terminal) {
        line = readline("> ");
        if (line && *line) add_history(line);
        return line;
    }
    if (getline(&line, &cap, stdin) < 0) {
        mem_free(line); /* malloc gave it to getline */
        return NULL;
    }
    return line;
}

static int converse(struct chat *c)
{
    bool terminal = isatty(STDIN_FILENO);
    struct error e;
    int code = CLI_OK;
    char *line;

    while ((line = next_question(terminal))) {
        str question = str_trim(str_of(line));

        code = CLI_OK;
        if (question.n && ask(c, question, &e) != ERR_OK) code = cli_fail("chat", &e);
        mem_free(line); /* malloc gave it to readline */
    }
    if (terminal) fputc('\n', stdout);
    return code;
}

static enum err read_stdin(struct chat *c, str *text, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf b;
    size_t n;

    buf_init(&b, QUESTION_BYTES_MAX + READ_BYTES);
    do {
        char *room = buf_reserve(&b, READ_BYTES);

        n = room ? fread(room, 1, READ_BYTES, stdin) : 0;
        b.n += n;
    } while (n > 0);
    if (b.bad || b.n > QUESTION_BYTES_MAX)
        rc = err_set(e, ERR_LIMIT, ERR_NO_POS, "standard input holds more than %u bytes",
                     QUESTION_BYTES_MAX);
    else
        *text = arena_str(c->arena, buf_str(&b));
    buf_done(&b);
    return rc;
}

static enum err read_schema(struct chat *c, struct error *e)
{
    struct error why;
    str text;

    if (!c->schema_file) return ERR_OK;
    TRY(file_read(c->schema_file, SCHEMA_BYTES_MAX, c->arena, &text, e));
    if (json_parse(text, c->arena, &c->schema, &why) == ERR_OK) return ERR_OK;
    return err_set(e, why.code, why.pos, "%s is no JSON: %s", c->schema_file, why.text);
}

static int run(struct chat *c, int argc, char **argv)
{
    struct error e;
    str text;

    if (read_schema(c, &e) != ERR_OK) return cli_fail("chat", &e);
    if (c->url) find_key(c);
    if (!c->url && open_local(c, &e) != ERR_OK) return cli_fail("chat", &e);
    if (c->system) add_message(c, ROLE_SYSTEM, str_of(c->system));
    if (optind == argc) return converse(c);
    text = str_of(argv[optind]);
    if (str_is(text, "-") && read_stdin(c, &text, &e) != ERR_OK) return cli_fail("chat", &e);
    return ask(c, text, &e) == ERR_OK ? CLI_OK : cli_fail("chat", &e);
}

static int take_option(void *arg, int option)
{
    struct chat *c = arg;

    switch (option) {
    case 'm': c->model = optarg; return CLI_OK;
    case 'u': c->url = optarg; return CLI_OK;
    case 'k': c->key = optarg; return CLI_OK;
    case 's': c->system = optarg; return CLI_OK;
    case 'd': c->data_dir = optarg; return CLI_OK;
    case 'S': c->schema_file = optarg; return CLI_OK;
    case 'r': c->pattern = optarg; return CLI_OK;
    case 't':
        if (str_to_double(str_of(optarg), &c->temperature) && c->temperature >= 0 &&
            c->temperature <= 2)
            return CLI_OK;
        return cli_usage("chat", "--temperature takes 0 to 2, not '%s'", optarg);
    default: break;
    }
    if (cli_int(optarg, 1, INT32_MAX, &c->max_tokens)) return CLI_OK;
    return cli_usage("chat", "--max-tokens takes a positive number, not '%s'", optarg);
}

static int walk_options(int argc, char **argv, struct chat *c, bool *done)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'},
        {"url", required_argument, NULL, 'u'},
        {"key", required_argument, NULL, 'k'},
        {"system", required_argument, NULL, 's'},
        {"temperature", required_argument, NULL, 't'},
        {"max-tokens", required_argument, NULL, 'n'},
        {"schema", required_argument, NULL, 'S'},
        {"regex", required_argument, NULL, 'r'},
        {"data-dir", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    static const struct cli_options walk = {"chat", "m:h", options, help, take_option};
    int code = cli_options(argc, argv, &walk, c, done);

    if (code == CLI_OK && !*done && argc - optind > 1)
        return cli_usage("chat", "unexpected argument '%s'", argv[optind + 1]);
    if (code == CLI_OK && !*done && c->schema_file && c->pattern)
        return cli_usage("chat", "--schema or --regex, not both");
    return code;
}

int cmd_chat(int argc, char **argv)
{
    struct arena *a = arena_new(0);
    struct chat *c = arena_new_of(a, struct chat);
    bool done;
    int code;

    c->arena = a;
    c->temperature = 0.7;
    c->max_tokens = 1024;
    c->data_dir = config_data_dir_default(a);
    buf_init(&c->answer, ANSWER_BYTES_MAX);
    pthread_mutex_init(&c->lock, NULL);
    thread_cond_init(&c->cond);
    code = walk_options(argc, argv, c, &done);
    if (code == CLI_OK && !done) code = run(c, argc, argv);
    if (c->backend) backend_local_free(c->backend);
    engine_close(&c->engine);
    buf_done(&c->answer);
    arena_free(a);
    return code;
}
