/* SPDX-License-Identifier: Apache-2.0
 *
 * Vocabularies in files against what other engines made of them: ids for the four combinations of
 * flags, text of ids, bytes of every token, ids that end a turn. Two small ones lie in the tree,
 * the rest is read where GOLDEN points.
 */
#include "../test.h"
#include <glob.h>
#include "base/arena.h"
#include "base/file.h"
#include "codec/json.h"
#include "engine/load_vocab.h"
#include "token/detok.h"

#define IDS_MAX 100000
#define FILE_MAX (16u << 20)

static str read_file(const char *path, struct arena *a)
{
    struct error e;
    str s;
    if (file_read(path, FILE_MAX, a, &s, &e) != ERR_OK)
        fail_msg("%s: %s", path, e.text);
    return s;
}

/* NULL when the file's tokenizer is of a kind we do not have. */
static struct vocab *load(const char *path)
{
    struct arena *a = arena_new(0);
    struct gguf *g;
    struct vocab *v;
    struct error e;
    str model, file = read_file(path, a);

    /* No tensors: their block types may be unknown to this build, and only keys matter here. */
    assert_true(file.n > 24);
    memset((char *)(uintptr_t)file.p + 8, 0, 8);
    if (gguf_parse(file.p, file.n, &g, &e) != ERR_OK)
        fail_msg("%s: %s", path, e.text);
    if (!gguf_get_str(gguf_find(g, "tokenizer.ggml.model"), &model))
        fail_msg("%s: no tokenizer", path);
    bool known = str_is(model, "gpt2") || str_is(model, "llama");
    enum err code = load_vocab(g, &v, &e);
    if (known && code != ERR_OK)
        fail_msg("%s: %s", path, e.text);
    if (!known)
        assert_int_equal(code, ERR_UNSUPPORTED);
    gguf_close(&g);
    arena_free(a);
    return v;
}

static void show(const char *name, const int32_t *id, size_t n)
{
    print_error("%s:", name);
    for (size_t i = 0; i < n; i++)
        print_error(" %d", id[i]);
    print_error("\n");
}

/* 1 when text does not give the ids. */
static int check_ids(const struct vocab *v, const char *file, str text, unsigned flags,
                     const int32_t *want, size_t n)
{
    struct token_list got;
    struct error e;
    token_list_init(&got, IDS_MAX);
    if (vocab_tokenize(v, text, flags, NULL, 0, &got, &e) != ERR_OK)
        fail_msg("%s: %s", file, e.text);
    int bad = got.n != n || (n > 0 && memcmp(got.id, want, n * sizeof *want) != 0);
    if (bad) {
        print_error("%s: flags %u, text \"%.*s\"\n", file, flags, STR_FMT(text));
        show("got ", got.id, got.n);
        show("want", want, n);
    }
    token_list_done(&got);
    return bad;
}

static int check_text(const struct vocab *v, const char *file, str want, const int32_t *id,
                      size_t n)
{
    struct detok d;
    struct buf got;
    buf_init(&got, FILE_MAX);
    detok_init(&d, v, false);
    for (size_t i = 0; i < n; i++)
        detok_add(&d, id[i], &got);
    detok_flush(&d, &got);
    int bad = !str_eq(buf_str(&got), want);
    if (bad)
        print_error("%s: got text \"%.*s\", want \"%.*s\"\n", file, STR_FMT(buf_str(&got)),
                    STR_FMT(want));
    buf_done(&got);
    return bad;
}

static size_t ids_of(const struct json *list, int32_t *out)
{
    for (size_t i = 0; i < list->n; i++) {
        int64_t id;
        assert_true(json_int(&list->item[i], &id));
        out[i] = (int32_t)id;
    }
    return list->n;
}

static int check_case(const struct vocab *v, const char *file, const struct json *c)
{
    static const struct { const char *key; unsigned flags; } variants[] = {
        {"ids", 0},
        {"ids_add", TOKENIZE_ADD_SPECIAL},
        {"ids_parse", TOKENIZE_PARSE_SPECIAL},
        {"ids_add_parse", TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL},
    };
    static int32_t id[IDS_MAX];
    int bad = 0;
    for (size_t i = 0; i < N_OF(variants); i++) {
        const struct json *list = json_get(c, variants[i].key);
        size_t n = ids_of(list ? list : json_get(c, "ids"), id);
        bad += check_ids(v, file, json_get(c, "text")->string, variants[i].flags, id, n);
    }
    size_t n = ids_of(json_get(c, "ids"), id);
    return bad + check_text(v, file, json_get(c, "detok")->string, id, n);
}

static int check_pieces(const struct vocab *v, const char *file, const struct json *hex)
{
    int bad = 0;
    assert_int_equal(vocab_size(v), hex->n);
    for (size_t i = 0; i < hex->n; i++) {
        str piece = vocab_piece(v, (int32_t)i), want = hex->item[i].string;
        char got[2048] = "";
        for (size_t k = 0; k < piece.n && 2 * k + 2 < sizeof got; k++)
            snprintf(got + 2 * k, 3, "%02x", (unsigned char)piece.p[k]);
        if (!str_is(want, got)) {
            print_error("%s: token %zu is %s, want %.*s\n", file, i, got, STR_FMT(want));
            bad++;
        }
    }
    return bad;
}

static int check_eog(const struct vocab *v, const char *file, const struct json *list)
{
    int bad = 0;
    for (int32_t id = 0; id < vocab_size(v); id++) {
        bool want = false;
        for (size_t i = 0; i < list->n; i++)
            want = want || list->item[i].number == id;
        if (vocab_is_eog(v, id) != want) {
            print_error("%s: token %d \"%.*s\" ends a turn: got %d, want %d\n", file, id,
                        STR_FMT(vocab_piece(v, id)), vocab_is_eog(v, id), want);
            bad++;
        }
    }
    return bad;
}

static int check_cases_file(const char *path)
{
    struct arena *a = arena_new(0);
    struct json *root;
    struct error e;
    char model[4096];
    if (json_parse(read_file(path, a), a, &root, &e) != ERR_OK)
        fail_msg("%s: %s", path, e.text);
    int dir = (int)(strrchr(path, '/') - path);
    snprintf(model, sizeof model, "%.*s/%.*s", dir, path,
             STR_FMT(json_get(root, "carried_by")->string));
    struct vocab *v = load(model);
    int bad = 0;
    if (v) {
        const struct json *cases = json_get(root, "cases");
        for (size_t i = 0; i < cases->n; i++)
            bad += check_case(v, path, &cases->item[i]);
        bad += check_pieces(v, path, json_get(root, "pieces_hex"));
        bad += check_eog(v, path, json_get(root, "eog_ids"));
        print_message("%s: %u cases\n", path + dir + 1, cases->n);
    }
    vocab_free(v);
    arena_free(a);
    return bad;
}

static size_t parse_ids(str line, int32_t *out)
{
    size_t n = 0;
    str part;
    int64_t id;
    while (str_split(&line, ' ', &part))
        if (part.n > 0 && str_to_i64(part, &id))
            out[n++] = (int32_t)id;
    return n;
}

/* Strings in FILE.inp are separated by a line, ids in FILE.out are one line each. */
static int check_real(const char *path)
{
    static const str mark = {"\n__ggml_vocab_test__\n", 21};
    static int32_t id[IDS_MAX];
    char name[4096];
    struct vocab *v = load(path);
    int bad = 0, n = 0;
    if (!v)
        return 0;
    struct arena *a = arena_new(0);
    snprintf(name, sizeof name, "%s.inp", path);
    str texts = read_file(name, a), line;
    snprintf(name, sizeof name, "%s.out", path);
    str ids = read_file(name, a);
    while (str_split(&ids, '\n', &line)) {
        if (line.n == 0 && ids.p == NULL)
            break;                     /* behind the last line */
        size_t end = str_find(texts, mark, 0);
        str text = str_sub(texts, 0, end == SIZE_MAX ? texts.n : end);
        bad += check_ids(v, path, text, 0, id, parse_ids(line, id));
        texts = end == SIZE_MAX ? STR("") : str_sub(texts, end + mark.n, texts.n);
        n++;
    }
    print_message("%s: %d texts\n", strrchr(path, '/') + 1, n);
    assert_in_range(n, 30, 1000);
    vocab_free(v);
    arena_free(a);
    return bad;
}

static int for_each(const char *root, const char *pattern, int (*check)(const char *path))
{
    char full[8192];
    glob_t found;
    int bad = 0;
    snprintf(full, sizeof full, "%s/%s", root, pattern);
    if (glob(full, 0, NULL, &found) != 0) {
        print_message("skipped: no %s here\n", pattern);
        return 0;
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        bad += check(found.gl_pathv[i]);
    globfree(&found);
    return bad;
}

static void test_small_in_tree(void **state)
{
    (void)state;
    const char *root = getenv("SOURCE_ROOT");
    if (!root)
        skip();
    assert_int_equal(for_each(root, "tests/golden/models/tokenizers/*.json", check_cases_file), 0);
}

static void test_small_models(void **state)
{
    (void)state;
    char dir[4096];
    if (!golden_path("models/tokenizers", dir, sizeof dir))
        skip();
    assert_int_equal(for_each(dir, "*.json", check_cases_file), 0);
}

static void test_real_vocabularies(void **state)
{
    (void)state;
    char dir[4096];
    if (!golden_path("tokenizers", dir, sizeof dir))
        skip();
    assert_int_equal(for_each(dir, "*.gguf", check_real), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_in_tree),
        cmocka_unit_test(test_small_models),
        cmocka_unit_test(test_real_vocabularies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
