/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd template: the prompt that a chat template makes of messages. The template comes from a
 * model file or from a file of its own. BOS and EOS of the model are there as bos_token and
 * eos_token unless the input names them.
 */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "codec/json.h"
#include "engine/load_vocab.h"
#include "model/gguf.h"
#include "token/template.h"

#define INPUT_MAX ((size_t)64 << 20)
#define CHUNK 65536

static const char help[] =
    "usage: grokd template -m FILE | --template-file FILE [options] MESSAGES.json\n"
    "\n"
    "Prints the prompt. MESSAGES.json is an array of messages, or an object of variables with\n"
    "a member \"messages\"; - reads standard input.\n"
    "\n"
    "  -m, --model FILE           GGUF file whose template is used\n"
    "  --template-file FILE       a template in Jinja\n"
    "  --vars JSON                object of more variables (tools, enable_thinking, ...)\n"
    "  --no-generation-prompt     add_generation_prompt is false; default true\n"
    "  --json                     print JSON: {\"text\", \"input\": [[from, to], ...]}; input:\n"
    "                             the bytes of text that came from the messages\n";

struct args {
    const char *model, *template_file, *vars, *input;
    bool no_generation, json;
};

/* What stands behind the options, all owned by arena, vocab and gguf. */
struct source {
    struct arena *arena;
    struct gguf *gguf;
    struct vocab *vocab;
    str text;                          /* of the template */
};

static int parse_option(void *arg, int c)
{
    struct args *a = arg;
    switch (c) {
    case 'm': a->model = optarg; return CLI_OK;
    case 't': a->template_file = optarg; return CLI_OK;
    case 'v': a->vars = optarg; return CLI_OK;
    case 'g': a->no_generation = true; return CLI_OK;
    case 'j': a->json = true; return CLI_OK;
    default: return cli_usage("template", "unknown option or missing value");
    }
}

/* CLI_OK with *done set: help was printed. */
static int parse_args(struct args *a, int argc, char **argv, bool *done)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'}, {"template-file", required_argument, NULL, 't'},
        {"vars", required_argument, NULL, 'v'},  {"no-generation-prompt", no_argument, NULL, 'g'},
        {"json", no_argument, NULL, 'j'},        {"help", no_argument, NULL, 'h'}, {0},
    };
    static const struct cli_options walk = {"template", "m:h", options, help, parse_option};
    int rc = cli_options(argc, argv, &walk, a, done);
    if (rc != CLI_OK || *done)
        return rc;
    if (argc - optind != 1 || !a->model == !a->template_file)
        return cli_usage("template",
                         "one of -m and --template-file and one MESSAGES.json are needed");
    a->input = argv[optind];
    return CLI_OK;
}

static enum err read_stdin(struct arena *a, str *out, struct error *e)
{
    char part[CHUNK];
    struct buf b;
    size_t n;
    buf_init(&b, INPUT_MAX);
    while (!b.bad && (n = fread(part, 1, sizeof part, stdin)) > 0)
        buf_add(&b, str_n(part, n));
    enum err err = ERR_OK;
    if (b.bad)
        err = err_set(e, ERR_LIMIT, ERR_NO_POS, "more than %zu bytes on standard input", INPUT_MAX);
    else if (ferror(stdin))
        err = err_set(e, ERR_IO, ERR_NO_POS, "cannot read standard input");
    else
        *out = arena_str(a, buf_str(&b));
    buf_done(&b);
    return err;
}

static enum err open_source(const struct args *a, struct source *s, struct error *e)
{
    if (a->template_file)
        return file_read(a->template_file, TEMPLATE_SOURCE_MAX, s->arena, &s->text, e);
    TRY(gguf_open(a->model, &s->gguf, e));
    TRY(load_vocab(s->gguf, &s->vocab, e));
    s->text = load_chat_template(s->gguf);
    return ERR_OK;
}

static enum err parse_input(const char *what, str text, struct arena *a, struct json **out,
                            struct error *e)
{
    struct error inner = {0};
    size_t line = 0, column = 0;
    enum err err = json_parse(text, a, out, &inner);
    if (err == ERR_OK)
        return ERR_OK;
    json_line_col(text, inner.pos == ERR_NO_POS ? 0 : inner.pos, &line, &column);
    return err_set(e, err, inner.pos, "%s, line %zu, column %zu: %s", what, line, column,
                   inner.text);
}

/* Members of obj, but not those that an earlier object has. */
static void add_members(struct json_writer *w, const struct json *obj, const struct json *earlier)
{
    for (uint32_t i = 0; obj && obj->type == JSON_OBJECT && i < obj->n; i++) {
        if (json_get_str(earlier, obj->member[i].key))
            continue;
        jw_key_str(w, obj->member[i].key);
        jw_value(w, &obj->member[i].value);
    }
}

static void add_token(struct json_writer *w, const char *name, const struct source *s, int32_t id)
{
    if (id != TOKEN_NONE)
        jw_kv_string(w, name, vocab_piece(s->vocab, id));
}

/* --vars win over the input, both over what is given here. */
static enum err make_vars(const struct args *a, const struct source *s, const struct json *input,
                          const struct json *more, struct json **out, struct error *e)
{
    struct buf b;
    struct json_writer w;
    bool is_list = input->type == JSON_ARRAY;
    const struct json *own = is_list ? NULL : input;
    buf_init(&b, 2 * INPUT_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    add_members(&w, more, NULL);
    add_members(&w, own, more);
    if (is_list && !json_get(more, "messages")) {
        jw_key(&w, "messages");
        jw_value(&w, input);
    }
    if (!json_get(more, "add_generation_prompt") && !json_get(own, "add_generation_prompt"))
        jw_kv_bool(&w, "add_generation_prompt", !a->no_generation);
    if (s->vocab && !json_get(more, "bos_token") && !json_get(own, "bos_token"))
        add_token(&w, "bos_token", s, vocab_bos(s->vocab));
    if (s->vocab && !json_get(more, "eos_token") && !json_get(own, "eos_token"))
        add_token(&w, "eos_token", s, vocab_eos(s->vocab));
    jw_object_end(&w);
    enum err err = b.bad ? err_set(e, ERR_LIMIT, ERR_NO_POS, "the variables are too large")
                         : json_parse(arena_str(s->arena, buf_str(&b)), s->arena, out, e);
    buf_done(&b);
    return err;
}

static enum err read_vars(const struct args *a, const struct source *s, struct json **out,
                          struct error *e)
{
    struct json *input, *more = NULL;
    str text;
    if (str_is(str_of(a->input), "-"))
        TRY(read_stdin(s->arena, &text, e));
    else
        TRY(file_read(a->input, INPUT_MAX, s->arena, &text, e));
    TRY(parse_input("the messages", text, s->arena, &input, e));
    if (a->vars)
        TRY(parse_input("--vars", str_of(a->vars), s->arena, &more, e));
    if (more && more->type != JSON_OBJECT)
        return err_set(e, ERR_TYPE, ERR_NO_POS, "--vars must be a JSON object");
    if (input->type != JSON_ARRAY && input->type != JSON_OBJECT)
        return err_set(e, ERR_TYPE, ERR_NO_POS, "the messages must be a JSON array or object");
    return make_vars(a, s, input, more, out, e);
}

static void write_json(struct buf *b, const struct template_out *o)
{
    struct json_writer w;
    jw_init(&w, b);
    jw_object(&w);
    jw_kv_string(&w, "text", buf_str(&o->text));
    jw_key(&w, "input");
    jw_array(&w);
    for (size_t i = 0; i < o->n_input; i++) {
        jw_array(&w);
        jw_int(&w, (int64_t)o->input[i].from);
        jw_int(&w, (int64_t)o->input[i].to);
        jw_array_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    buf_char(b, '\n');
}

static enum err print(const struct args *a, const struct template_out *o, struct error *e)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    if (a->json)
        write_json(&b, o);
    str text = a->json ? buf_str(&b) : buf_str(&o->text);
    bool ok = !b.bad && fwrite(text.p ? text.p : "", 1, text.n, stdout) == text.n &&
              fflush(stdout) == 0;
    buf_done(&b);
    return ok ? ERR_OK : err_set(e, ERR_IO, ERR_NO_POS, "cannot write the result");
}

static enum err run(const struct args *a, struct source *s, struct error *e)
{
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
    struct template_out out;
    struct template *t;
    struct json *vars;
    limits.now_unix_s = clock_unix_s();
    TRY(open_source(a, s, e));
    TRY(read_vars(a, s, &vars, e));
    TRY(template_parse(s->text, &t, e));
    enum err err = template_render(t, vars, &limits, &out, e);
    if (err == ERR_OK)
        err = print(a, &out, e);
    template_out_done(&out);
    template_free(t);
    return err;
}

int cmd_template(int argc, char **argv)
{
    struct args a = {0};
    struct error e = {0};
    bool done = false;
    int rc = parse_args(&a, argc, argv, &done);
    if (rc != CLI_OK || done)
        return rc;
    struct source s = {.arena = arena_new(0)};
    enum err err = run(&a, &s, &e);
    vocab_free(s.vocab);
    if (s.gguf)
        gguf_close(&s.gguf);
    arena_free(s.arena);
    return err == ERR_OK ? CLI_OK : cli_fail("template", &e);
}
