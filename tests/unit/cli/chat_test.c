/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd chat: what it reads, which key it takes, what it sends, and its usage errors.
 */
#include "cli/chat.c"

#include "../test.h"

/* The folders above are another layer's; these answer what each test says. */
char *config_data_dir_default(struct arena *a)
{
    return arena_cstr(a, STR("/nonexistent"));
}

char *models_bundled(struct arena *a)
{
    (void)a;
    return NULL;
}

enum err models_resolve(const char *spec, const char *data_dir, struct arena *a, const char **name,
                        const char **path, struct error *e)
{
    (void)data_dir;
    (void)a;
    (void)name;
    (void)path;
    return err_set(e, ERR_NOT_FOUND, ERR_NO_POS, "no model file '%s'", spec);
}

static struct chat *chat_new(void)
{
    struct arena *a = arena_new(0);
    struct chat *c = arena_new_of(a, struct chat);

    c->arena = a;
    c->temperature = 0.5;
    c->max_tokens = 7;
    return c;
}

static void stdin_of(size_t n)
{
    FILE *f = tmpfile();

    assert_non_null(f);
    for (size_t i = 0; i < n; i++) fputc('a' + (int)(i % 26), f);
    rewind(f);
    assert_true(dup2(fileno(f), STDIN_FILENO) >= 0);
    clearerr(stdin);
    fseek(stdin, 0, SEEK_SET);
    fclose(f);
}

/* A question is taken whole or refused, never cut. */
static void test_stdin(void **state)
{
    static const struct { size_t n; enum err code; } row[] = {
        {0, ERR_OK}, {1, ERR_OK}, {4096, ERR_OK}, {10000, ERR_OK}, {QUESTION_BYTES_MAX - 1, ERR_OK},
        {QUESTION_BYTES_MAX, ERR_OK}, {QUESTION_BYTES_MAX + 1, ERR_LIMIT},
        {QUESTION_BYTES_MAX + 3 * READ_BYTES, ERR_LIMIT},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        struct chat *c = chat_new();
        struct error e = {0};
        str text = STR_NONE;

        stdin_of(row[i].n);
        if (read_stdin(c, &text, &e) != row[i].code) fail_msg("row %zu: \"%s\"", i, e.text);
        if (row[i].code == ERR_OK) assert_int_equal(text.n, row[i].n);
        arena_free(c->arena);
    }
}

static void test_body(void **state)
{
    struct chat *c = chat_new();
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    add_message(c, ROLE_SYSTEM, STR("Be \"brief\""));
    add_message(c, ROLE_USER, STR("Hi\n"));
    write_body(c, &b);
    assert_str_is(buf_str(&b),
                  "{\"model\":\"grok-4\",\"stream\":true,\"temperature\":0.5,\"max_tokens\":7,"
                  "\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\"\"},"
                  "{\"role\":\"user\",\"content\":\"Hi\\n\"}]}");
    buf_done(&b);
    arena_free(c->arena);
}

/* --key, then the environment, then the data dir. */
static void test_key(void **state)
{
    char dir[] = "/tmp/grokd-chat-XXXXXX", path[64];
    struct error e;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/admin.key", dir);
    assert_int_equal(file_write_atomic(path, STR("xai-file\n"), 0600, &e), ERR_OK);
    for (int i = 0; i < 4; i++) {
        static const char *const want[] = {"xai-flag", "xai-env", "xai-file", NULL};
        struct chat *c = chat_new();

        c->data_dir = i < 3 ? dir : "/nonexistent";
        if (i == 0) c->key = "xai-flag";
        if (i < 2)
            setenv("XAI_API_KEY", "xai-env", 1);
        else
            unsetenv("XAI_API_KEY");
        find_key(c);
        if (want[i])
            assert_string_equal(c->key, want[i]);
        else
            assert_null(c->key);
        arena_free(c->arena);
    }
    unlink(path);
    rmdir(dir);
}

/* --schema: read once, sent with every question. */
static void test_schema(void **state)
{
    static const struct { const char *text; enum err code; } row[] = {
        {"{\"type\": \"integer\", \"maximum\": 1.50}", ERR_OK}, {"{\"type\": }", ERR_FORMAT},
        {NULL, ERR_NOT_FOUND},
    };
    static const char want[] = ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
                               "\"name\":\"answer\",\"schema\":{\"type\":\"integer\","
                               "\"maximum\":1.50}}},";
    char path[] = "/tmp/grokd-schema-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < N_OF(row); i++) {
        struct chat *c = chat_new();
        struct error e = {0};
        struct buf b;

        buf_init(&b, 1000);
        if (row[i].text)
            assert_int_equal(file_write_atomic(path, str_of(row[i].text), 0600, &e), ERR_OK);
        else
            unlink(path);
        c->schema_file = path;
        assert_int_equal(read_schema(c, &e), row[i].code);
        if (row[i].code != ERR_OK) assert_non_null(strstr(e.text, path));
        write_body(c, &b);
        buf_char(&b, 0);
        assert_int_equal(strstr(b.p, want) != NULL, i == 0);
        buf_done(&b);
        arena_free(c->arena);
    }
}

static int chat(const char *a, const char *b)
{
    const char *argv[] = {"chat", a, b, NULL};

    optind = 0;                        /* getopt starts anew */
    return cmd_chat(a ? b ? 3 : 2 : 1, (char **)(void *)argv);
}

static void test_usage(void **state)
{
    (void)state;
    assert_int_equal(chat("--help", NULL), CLI_OK);
    assert_int_equal(chat("a", "b"), CLI_USAGE);
    assert_int_equal(chat("--temperature=3", "a"), CLI_USAGE);
    assert_int_equal(chat("--temperature=x", "a"), CLI_USAGE);
    assert_int_equal(chat("--max-tokens=0", "a"), CLI_USAGE);
    assert_int_equal(chat("--nothing", "a"), CLI_USAGE);
    assert_int_equal(chat("hello", NULL), CLI_FAILED);             /* no bundled model */
    assert_int_equal(chat("--model=none", "hello"), CLI_FAILED);
    assert_int_equal(chat("--url=http://127.0.0.1:1", "hello"), CLI_FAILED);
    assert_int_equal(chat("--schema=/nonexistent/x.json", "hello"), CLI_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stdin), cmocka_unit_test(test_body), cmocka_unit_test(test_key),
        cmocka_unit_test(test_usage), cmocka_unit_test(test_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
