/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd tokenize: ids and pieces of a text under a model's vocabulary. Reads the file's keys
 * only, no weights.
 */
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include "base/buf.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "engine/load_vocab.h"
#include "model/gguf.h"
#include "token/vocab.h"

#define CHUNK 65536                    /* bytes of output written at once */
#define CHUNK_MAX ((size_t)1 << 20)    /* a chunk and one more token: 8 times a piece */

static const char help[] =
    "usage: grokd tokenize -m FILE [options] TEXT\n"
    "\n"
    "Prints id and piece of every token; TEXT - reads standard input.\n"
    "\n"
    "  -m, --model FILE     GGUF file\n"
    "  --special            both of the next two\n"
    "  --add-special        add BOS and EOS where the model wants them\n"
    "  --parse-special      take control tokens that are spelled in the text\n"
    "  --json               print JSON: {\"tokens\": [{\"id\", \"piece\", \"bytes\"}, ...]}\n";

struct args {
    const char *model, *text;
    unsigned flags;
    bool json;
};

static int parse_option(void *arg, int c)
{
    struct args *a = arg;
    switch (c) {
    case 'm': a->model = optarg; return CLI_OK;
    case 's': a->flags |= TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL; return CLI_OK;
    case 'a': a->flags |= TOKENIZE_ADD_SPECIAL; return CLI_OK;
    case 'p': a->flags |= TOKENIZE_PARSE_SPECIAL; return CLI_OK;
    case 'j': a->json = true; return CLI_OK;
    default: return cli_usage("tokenize", "unknown option or missing value");
    }
}

/* CLI_OK with *done set: help was printed. */
static int parse_args(struct args *a, int argc, char **argv, bool *done)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'}, {"special", no_argument, NULL, 's'},
        {"add-special", no_argument, NULL, 'a'}, {"parse-special", no_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},        {"help", no_argument, NULL, 'h'}, {0},
    };
    static const struct cli_options walk = {"tokenize", "m:h", options, help, parse_option};
    int rc = cli_options(argc, argv, &walk, a, done);
    if (rc != CLI_OK || *done)
        return rc;
    if (!a->model || argc - optind != 1)
        return cli_usage("tokenize", "-m FILE and one TEXT are needed");
    a->text = argv[optind];
    return CLI_OK;
}

static enum err read_stdin(struct buf *b, struct error *e)
{
    char part[CHUNK];
    size_t n;
    while ((n = fread(part, 1, sizeof part, stdin)) > 0 && !b->bad)
        buf_add(b, str_n(part, n));
    if (b->bad)
        return err_set(e, ERR_LIMIT, ERR_NO_POS, "more than %u bytes on standard input",
                       VOCAB_TEXT_MAX);
    if (ferror(stdin))
        return err_set(e, ERR_IO, ERR_NO_POS, "cannot read standard input");
    return ERR_OK;
}

static enum err open_vocab(const char *path, struct vocab **v, struct error *e)
{
    struct gguf *g;
    TRY(gguf_open(path, &g, e));
    enum err code = load_vocab(g, v, e);
    gguf_close(&g);
    return code;
}

/* The piece in quotes; what a terminal cannot show is escaped. */
static void write_quoted(struct buf *b, str piece)
{
    buf_char(b, '"');
    for (size_t i = 0; i < piece.n;) {
        size_t at = i;
        uint32_t cp = utf8_next(piece, &i);
        if (cp == '\n')
            buf_add(b, STR("\\n"));
        else if (cp == '"' || cp == '\\')
            buf_printf(b, "\\%c", (char)cp);
        else if (cp == UTF8_BAD || uni_class(cp) & UNI_CONTROL)
            for (; at < i; at++)
                buf_printf(b, "\\x%02x", (unsigned char)piece.p[at]);
        else
            buf_add(b, str_sub(piece, at, i - at));
    }
    buf_char(b, '"');
}

static void write_object(struct json_writer *w, int32_t id, str piece)
{
    jw_object(w);
    jw_kv_int(w, "id", id);
    jw_kv_string(w, "piece", piece);
    jw_key(w, "bytes");
    jw_array(w);
    for (size_t i = 0; i < piece.n; i++)
        jw_int(w, (unsigned char)piece.p[i]);
    jw_array_end(w);
    jw_object_end(w);
}

static enum err flush(struct buf *b, size_t from, struct error *e)
{
    if (b->n < from)
        return ERR_OK;
    if (b->bad || fwrite(b->p, 1, b->n, stdout) != b->n || fflush(stdout) != 0)
        return err_set(e, ERR_IO, ERR_NO_POS, "cannot write the result");
    buf_clear(b);
    return ERR_OK;
}

static enum err write_tokens(const struct vocab *v, const struct token_list *l, bool json,
                             struct buf *b, struct error *e)
{
    struct json_writer w;
    jw_init(&w, b);
    if (json) {
        jw_object(&w);
        jw_key(&w, "tokens");
        jw_array(&w);
    }
    for (size_t i = 0; i < l->n; i++) {
        str piece = vocab_piece(v, l->id[i]);
        if (json) {
            write_object(&w, l->id[i], piece);
        } else {
            buf_printf(b, "%8d  ", l->id[i]);
            write_quoted(b, piece);
            buf_char(b, '\n');
        }
        TRY(flush(b, CHUNK, e));
    }
    if (json) {
        jw_array_end(&w);
        jw_object_end(&w);
        buf_char(b, '\n');
    }
    return flush(b, 0, e);
}

static enum err print(const struct args *a, const struct vocab *v, struct error *e)
{
    struct buf in, out;
    struct token_list l;
    enum err code = ERR_OK;
    str text = str_of(a->text);

    buf_init(&in, VOCAB_TEXT_MAX);
    buf_init(&out, CHUNK_MAX);
    token_list_init(&l, SIZE_MAX / sizeof *l.id);
    if (str_is(text, "-")) {
        code = read_stdin(&in, e);
        text = buf_str(&in);
    }
    if (code == ERR_OK)
        code = vocab_tokenize(v, text, a->flags, NULL, 0, &l, e);
    if (code == ERR_OK)
        code = write_tokens(v, &l, a->json, &out, e);
    token_list_done(&l);
    buf_done(&out);
    buf_done(&in);
    return code;
}

int cmd_tokenize(int argc, char **argv)
{
    struct args a = {0};
    struct vocab *v = NULL;
    struct error e = {0};
    bool done = false;
    int rc = parse_args(&a, argc, argv, &done);
    if (rc != CLI_OK || done)
        return rc;
    enum err code = open_vocab(a.model, &v, &e);
    if (code == ERR_OK)
        code = print(&a, v, &e);
    vocab_free(v);
    return code == ERR_OK ? CLI_OK : cli_fail("tokenize", &e);
}
