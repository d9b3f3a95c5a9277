/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd maskbench: JSON Schemas with instances, as MaskBench has them, through the constraint
 * engine. Every instance is written as JSON, tokenized and fed token by token; before each token
 * the mask is computed, and timed with the step over the token; the instance is accepted when every
 * token is in its mask and the output may end behind the last one. A schema counts once: refused by
 * the compiler, or some invalid instance was accepted, or else some valid one was rejected, or else
 * it passes.
 */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/json.h"
#include "engine/load_vocab.h"
#include "grammar/matcher.h"
#include "schema/schema.h"

#define ROW_MEMORY_MAX ((size_t)1 << 30)
#define TEXT_MAX ((size_t)256 << 20)
#define COMPILE_MEMORY_MAX ((size_t)256 << 20)
#define COMPILE_STATES_MAX 200000u
#define TIMES_MAX ((size_t)1 << 28)

static const char help[] =
    "usage: grokd maskbench -m FILE [options] CASES.jsonl\n"
    "\n"
    "CASES has a line {\"name\", \"schema\", \"tests\": [{\"valid\", \"data\"}, ...]} for each "
    "schema.\n"
    "mask_us is the time of one mask and of the step over its token; compile_us is the time\n"
    "from the parsed schema to its first mask.\n"
    "\n"
    "  -m, --model FILE     GGUF file; only its vocabulary is read\n"
    "  --xai                read schemas as api.x.ai does: closed objects, members in the\n"
    "                       schema's order, whole-string patterns; default: as the standard says\n"
    "  --time-max MS        time that compiling a schema may take (default 1000)\n"
    "  --verbose            one line for each schema that does not pass, with the reason\n"
    "  --json               print JSON\n";

struct args {
    const char *model, *cases;
    bool xai, verbose, json;
    int time_max_ms;
};

struct times { float *us; size_t n, cap; };    /* microseconds */

enum outcome { PASSING, COMPILE_ERROR, FALSE_REJECTION, FALSE_ACCEPTANCE, OUTCOME_COUNT };
static const char *const outcome_name[OUTCOME_COUNT] = {
    "passing", "compile error", "false rejection", "false acceptance"};

struct bench {
    const struct args *args;
    struct vocab *vocab;
    struct mask_space *space;
    struct times mask, compile;
    uint64_t n_outcome[OUTCOME_COUNT], n_schema, n_test;
    struct buf text;                   /* of one instance */
    struct token_list ids;
};

/* ---- times ---- */

static void times_add(struct times *t, int64_t ns)
{
    if (t->n == t->cap && t->cap < TIMES_MAX) {
        t->cap = t->cap ? 2 * t->cap : 4096;
        t->us = mem_resize(t->us, t->cap * sizeof *t->us);
    }
    if (t->n < t->cap)
        t->us[t->n++] = (float)ns / 1000.0f;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Of sorted times; 0 when there are none. */
static double quantile(const struct times *t, double share)
{
    size_t i = (size_t)(share * (double)t->n);
    return t->n == 0 ? 0 : (double)t->us[i < t->n ? i : t->n - 1];
}

static double mean(const struct times *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->n; i++)
        sum += (double)t->us[i];
    return t->n ? sum / (double)t->n : 0;
}

/* ---- an instance as text ---- */

static void write_value(struct buf *b, const struct json *v);

static void write_scalar(struct buf *b, const struct json *v)
{
    struct json_writer w;
    jw_init(&w, b);
    jw_value(&w, v);
}

static void write_members(struct buf *b, const struct json *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        struct json key = {.type = JSON_STRING, .string = v->member[i].key};
        if (i > 0)
            buf_add(b, STR(", "));
        write_scalar(b, &key);
        buf_add(b, STR(": "));
        write_value(b, &v->member[i].value);
    }
}

/* As Python's json.dumps with ensure_ascii off, which is how MaskBench writes instances. Depth is
 * bounded by the parser. */
static void write_value(struct buf *b, const struct json *v)
{
    if (v->type == JSON_OBJECT) {
        buf_char(b, '{');
        write_members(b, v);
        buf_char(b, '}');
    } else if (v->type == JSON_ARRAY) {
        buf_char(b, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            if (i > 0)
                buf_add(b, STR(", "));
            write_value(b, &v->item[i]);
        }
        buf_char(b, ']');
    } else {
        write_scalar(b, v);
    }
}

/* ---- one schema ---- */

static bool in_mask(const uint64_t *mask, int32_t id)
{
    return mask[(uint32_t)id / 64] >> ((uint32_t)id % 64) & 1;
}

/* One token: its mask and the step behind it, which count together. *accepted: it may come. */
static enum err feed_token(struct bench *b, struct matcher *m, int32_t id, bool *accepted,
                           struct error *e)
{
    int64_t from_ns = clock_ns();
    const uint64_t *mask = matcher_mask(m);
    *accepted = mask && in_mask(mask, id);
    bool moved = *accepted && matcher_accept(m, id);
    times_add(&b->mask, clock_ns() - from_ns);
    if (!mask)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "the mask pool is too small");
    if (*accepted && !moved)
        return err_set(e, ERR_INTERNAL, ERR_NO_POS, "a token of the mask was not accepted");
    return ERR_OK;
}

/* Feeds b->ids; *accepted, and in *at how many bytes went in. */
static enum err feed(struct bench *b, struct matcher *m, bool *accepted, size_t *at,
                     struct error *e)
{
    *accepted = true;
    *at = 0;
    for (size_t i = 0; i < b->ids.n && *accepted; i++) {
        TRY(feed_token(b, m, b->ids.id[i], accepted, e));
        if (*accepted)
            *at += vocab_piece(b->vocab, b->ids.id[i]).n;
    }
    *accepted = *accepted && matcher_may_end(m);
    return ERR_OK;
}

static enum err run_test(struct bench *b, struct grammar *g, const struct json *test,
                         enum outcome *worst, struct buf *why, struct error *e)
{
    const struct json *valid = json_get(test, "valid"), *data = json_get(test, "data");
    bool accepted = false;
    struct matcher *m;
    size_t at = 0;
    if (!valid || valid->type != JSON_BOOL || !data)
        return err_set(e, ERR_FORMAT, test->pos, "a test needs `valid` and `data`");
    buf_clear(&b->text);
    write_value(&b->text, data);
    b->ids.n = 0;
    TRY(vocab_tokenize(b->vocab, buf_str(&b->text), 0, NULL, 0, &b->ids, e));
    TRY(matcher_new(b->space, g, b->ids.n + 1, &m, e));
    enum err rc = feed(b, m, &accepted, &at, e);
    matcher_free(m);
    TRY(rc);
    b->n_test++;
    if (accepted == valid->boolean)
        return ERR_OK;
    enum outcome o = accepted ? FALSE_ACCEPTANCE : FALSE_REJECTION;
    if (o > *worst) {
        *worst = o;
        buf_clear(why);
        str text = buf_str(&b->text), shown = accepted ? text : str_sub(text, 0, at);
        size_t from = shown.n > 60 ? shown.n - 60 : 0;
        buf_printf(why, "%s%.*s <|> %.*s", from ? ".." : "", STR_FMT(str_sub(shown, from, 60)),
                   STR_FMT(str_sub(text, shown.n, 40)));
    }
    return ERR_OK;
}

/* Gives *out, or rc of the schema in *refused (with `why`). */
static enum err compile(struct bench *b, const struct json *schema, struct grammar **out,
                        struct error *why)
{
    struct schema_options o = SCHEMA_STANDARD;
    struct dfa_work work = {.arena = arena_new(COMPILE_MEMORY_MAX),
                            .deadline_ns = clock_ns() + b->args->time_max_ms * NS_PER_MS,
                            .n_state_max = COMPILE_STATES_MAX, .e = why};
    struct grammar_builder *g = grammar_builder_new(&work);
    uint32_t node;
    if (b->args->xai)
        o = SCHEMA_XAI;
    enum err rc = schema_compile(schema, &o, g, &node, why);
    if (rc == ERR_OK)
        return grammar_close(&g, node, out, why);
    grammar_builder_free(g);
    return rc;
}

static enum err first_mask(struct bench *b, struct grammar *g, struct error *e)
{
    struct matcher *m;
    TRY(matcher_new(b->space, g, 1, &m, e));
    bool fits = matcher_mask(m) != NULL;
    matcher_free(m);
    return fits ? ERR_OK : err_set(e, ERR_LIMIT, ERR_NO_POS, "the mask pool is too small");
}

static enum err run_schema(struct bench *b, const struct json *row, struct error *e)
{
    const struct json *name = json_get(row, "name"), *schema = json_get(row, "schema");
    const struct json *tests = json_get(row, "tests");
    enum outcome worst = PASSING;
    struct error why = {0};
    struct grammar *g = NULL;
    struct buf text;
    if (!name || name->type != JSON_STRING || !schema || !tests || tests->type != JSON_ARRAY)
        return err_set(e, ERR_FORMAT, row->pos, "a row needs `name`, `schema` and `tests`");
    buf_init(&text, sizeof why.text);
    int64_t from_ns = clock_ns();
    enum err rc = compile(b, schema, &g, &why);
    if (rc == ERR_OK)
        rc = first_mask(b, g, &why);
    times_add(&b->compile, clock_ns() - from_ns);
    for (uint32_t i = 0; i < tests->n && rc == ERR_OK; i++)
        rc = run_test(b, g, &tests->item[i], &worst, &text, &why);
    if (rc == ERR_FORMAT || rc == ERR_INTERNAL) {
        *e = why;
    } else if (rc != ERR_OK) {
        worst = COMPILE_ERROR;
        buf_clear(&text);
        buf_add(&text, str_of(why.text));
        rc = ERR_OK;
    }
    grammar_unref(g);
    b->n_outcome[worst]++;
    b->n_schema++;
    if (b->args->verbose && worst != PASSING && rc == ERR_OK)
        fprintf(b->args->json ? stderr : stdout, "%.*s: %s: %.*s\n", STR_FMT(name->string),
                outcome_name[worst], STR_FMT(buf_str(&text)));
    buf_done(&text);
    return rc;
}

/* ---- all of them ---- */

static enum err run_row(struct bench *b, str line, struct error *e)
{
    struct arena *a = arena_new(ROW_MEMORY_MAX);
    struct json *row;
    enum err rc = json_parse(line, a, &row, e);
    if (rc == ERR_OK)
        rc = run_schema(b, row, e);
    arena_free(a);
    return rc;
}

static enum err run_cases(struct bench *b, struct error *e)
{
    struct cli_progress progress;
    struct file_map file;
    enum err rc = ERR_OK;
    size_t line = 0;
    str rest, part;
    TRY(file_map_open(b->args->cases, &file, e));
    cli_progress_start(&progress, "maskbench");
    rest = str_n((const char *)file.p, file.n);
    while (rc == ERR_OK && str_split(&rest, '\n', &part)) {
        line++;
        if (str_trim(part).n == 0)
            continue;
        struct error why;
        rc = run_row(b, part, &why);
        if (rc != ERR_OK)
            err_set(e, rc, ERR_NO_POS, "line %zu: %s", line, why.text);
        cli_progress_at(&progress, 1.0 - (double)rest.n / (double)file.n);
    }
    cli_progress_end(&progress);
    file_map_close(&file);
    return rc;
}

static void print_times(struct json_writer *w, const char *key, const struct times *t,
                        bool with_mean)
{
    jw_key(w, key);
    jw_object(w);
    if (with_mean)
        jw_kv_double(w, "mean", mean(t));
    jw_kv_double(w, "p50", quantile(t, 0.50));
    jw_kv_double(w, "p99", quantile(t, 0.99));
    jw_kv_double(w, "max", quantile(t, 1.0));
    jw_object_end(w);
}

static void print_json(const struct bench *b, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w);
    jw_kv_int(&w, "schemas", (int64_t)b->n_schema);
    jw_kv_int(&w, "tests", (int64_t)b->n_test);
    jw_kv_int(&w, "passing", (int64_t)b->n_outcome[PASSING]);
    jw_kv_int(&w, "compile_errors", (int64_t)b->n_outcome[COMPILE_ERROR]);
    jw_kv_int(&w, "false_rejections", (int64_t)b->n_outcome[FALSE_REJECTION]);
    jw_kv_int(&w, "false_acceptances", (int64_t)b->n_outcome[FALSE_ACCEPTANCE]);
    jw_kv_int(&w, "masks", (int64_t)b->mask.n);
    print_times(&w, "mask_us", &b->mask, true);
    print_times(&w, "compile_us", &b->compile, false);
    jw_object_end(&w);
    buf_char(out, '\n');
}

static void print_text(const struct bench *b, struct buf *out)
{
    double n = b->n_schema ? (double)b->n_schema : 1;
    buf_printf(out, "%llu schemas, %llu instances, vocabulary of %d\n",
               (unsigned long long)b->n_schema, (unsigned long long)b->n_test,
               vocab_size(b->vocab));
    for (int i = 0; i < OUTCOME_COUNT; i++)
        buf_printf(out, "%-16s %7llu  %5.1f %%\n", outcome_name[i],
                   (unsigned long long)b->n_outcome[i], 100.0 * (double)b->n_outcome[i] / n);
    buf_printf(out, "mask       %8.1f us mean, %.1f p50, %.1f p99, %.1f max (%zu masks)\n",
               mean(&b->mask), quantile(&b->mask, 0.5), quantile(&b->mask, 0.99),
               quantile(&b->mask, 1), b->mask.n);
    buf_printf(out, "first mask %8.1f us p50, %.1f p99, %.1f max\n", quantile(&b->compile, 0.5),
               quantile(&b->compile, 0.99), quantile(&b->compile, 1));
}

static enum err report(struct bench *b, struct error *e)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    if (b->mask.n)
        qsort(b->mask.us, b->mask.n, sizeof *b->mask.us, by_value);
    if (b->compile.n)
        qsort(b->compile.us, b->compile.n, sizeof *b->compile.us, by_value);
    (b->args->json ? print_json : print_text)(b, &out);
    bool written = fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    buf_done(&out);
    return written ? ERR_OK : err_set(e, ERR_IO, ERR_NO_POS, "cannot write the result");
}

/* ---- arguments ---- */

static int parse_option(void *arg, int c)
{
    struct args *a = arg;
    int64_t v;
    switch (c) {
    case 'm': a->model = optarg; return CLI_OK;
    case 'x': a->xai = true; return CLI_OK;
    case 'v': a->verbose = true; return CLI_OK;
    case 'j': a->json = true; return CLI_OK;
    case 't':
        if (!cli_int(optarg, 1, 3600000, &v))
            return cli_usage("maskbench", "--time-max: \"%s\" is not a number from 1 to 3600000",
                             optarg);
        a->time_max_ms = (int)v;
        return CLI_OK;
    default: return cli_usage("maskbench", "unknown option or missing value");
    }
}

/* CLI_OK with *done set: help was printed. */
static int parse_args(struct args *a, int argc, char **argv, bool *done)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'}, {"xai", no_argument, NULL, 'x'},
        {"verbose", no_argument, NULL, 'v'},     {"json", no_argument, NULL, 'j'},
        {"time-max", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0},
    };
    static const struct cli_options walk = {"maskbench", "m:h", options, help, parse_option};
    int rc = cli_options(argc, argv, &walk, a, done);
    if (rc != CLI_OK || *done)
        return rc;
    if (!a->model || argc - optind != 1)
        return cli_usage("maskbench", "-m FILE and one CASES.jsonl are needed");
    a->cases = argv[optind];
    return CLI_OK;
}

static enum err run(struct bench *b, struct error *e)
{
    struct gguf *g;
    TRY(gguf_open(b->args->model, &g, e));
    enum err rc = load_vocab(g, &b->vocab, e);
    gguf_close(&g);
    TRY(rc);
    TRY(mask_space_new(b->vocab, 0, &b->space, e));
    TRY(run_cases(b, e));
    return report(b, e);
}

int cmd_maskbench(int argc, char **argv)
{
    struct args args = {.time_max_ms = 1000};
    struct bench b = {.args = &args};
    struct error e;
    bool done;
    int rc = parse_args(&args, argc, argv, &done);
    if (rc != CLI_OK || done)
        return rc;
    buf_init(&b.text, TEXT_MAX);
    token_list_init(&b.ids, TEXT_MAX);
    enum err code = run(&b, &e);
    mem_free(b.mask.us);
    mem_free(b.compile.us);
    token_list_done(&b.ids);
    buf_done(&b.text);
    mask_space_free(b.space);
    vocab_free(b.vocab);
    return code == ERR_OK ? CLI_OK : cli_fail("maskbench", &e);
}
