/* SPDX-License-Identifier: Apache-2.0
 *
 * Options: every one by flag, environment and file; which source wins; what is refused, with
 * which words; addresses; where models lie; the admin key.
 */
#include "grokd/config.c"

#include "../test.h"
#include "grokd/models.h"

static char dir[64], file[96];
static struct arena *arena;

static void clear_env(void)
{
    char name[64];

    for (size_t i = 0; i < N_OPTION; i++) {
        env_name(table[i].name, name, sizeof name);
        unsetenv(name);
    }
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/grokd-config-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/c.yaml", dir);
    arena = arena_new(0);
    clear_env();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clear_env();
    unlink(file);
    assert_int_equal(rmdir(dir), 0);
    arena_free(arena);
    return 0;
}

static void write_file(const char *text)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

/* Loads with up to three arguments. */
static enum err load(const char *a, const char *b, const char *c, struct config *out,
                     struct error *e)
{
    const char *argv[] = {"serve", a, b, c, NULL};
    int argc = 1;
    bool help;

    while (argv[argc]) argc++;
    *e = (struct error){0};
    return config_load(argc, (char **)(void *)argv, arena, out, &help, e);
}

static struct config good(const char *a, const char *b, const char *c)
{
    struct config out;
    struct error e;

    if (load(a, b, c, &out, &e) != ERR_OK) fail_msg("%s", e.text);
    return out;
}

/* ---- the table ---- */

static void test_defaults(void **state)
{
    struct config c = good(NULL, NULL, NULL);

    (void)state;
    assert_string_equal(c.listen, "127.0.0.1:8080");
    assert_true(*c.data_dir);
    assert_int_equal(c.n_model, 0);
    assert_int_equal(c.max_body, 64 << 20);
    assert_int_equal(c.wrong_key_status, 400);
    assert_true(c.prefix_cache && !c.example);
    assert_null(c.tls_cert);
    assert_null(c.config);
    assert_double_is(c.temperature, 0.7);
    assert_string_equal(c.kv_type, "f16");
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OPTION; i++) {
        const struct option *o = &table[i];
        bool number = o->kind == KIND_INT || o->kind == KIND_BYTES || o->kind == KIND_NUMBER;

        assert_true(*o->help && *o->shape);
        assert_ptr_equal(find(o->name), o);            /* no name twice */
        assert_int_equal(number, o->max > 0);
        assert_true(!number || o->min < o->max);
        assert_true(o->offset < sizeof(struct config));
        assert_true(strlen(o->name) < 50);
    }
}

/* A value of the option that is not its default. */
static const char *other_value(const struct option *o)
{
    str rest = str_of(o->shape), one = STR_NONE;

    switch (o->kind) {
    case KIND_TEXT: case KIND_MODELS: return strcmp(o->name, "listen") == 0 ? "[::1]:1" : "x";
    case KIND_BOOL: return strcmp(o->otherwise, "true") == 0 ? "no" : "yes";
    case KIND_NUMBER: return "0.125";
    case KIND_INT: case KIND_BYTES:
        return arena_printf(arena, "%.0f", o->max - 1 > o->min ? o->max - 1 : o->max).p;
    case KIND_CHOICE: break;
    }
    while (str_split(&rest, '|', &one))
        if (!str_is(one, o->otherwise)) return arena_cstr(arena, one);
    fail_msg("%s has one choice", o->name);
    return NULL;
}

static bool holds(const struct config *c, const struct option *o, const char *value)
{
    const char *field = (const char *)c + o->offset;
    double number;

    switch (o->kind) {
    case KIND_TEXT: case KIND_CHOICE: case KIND_MODELS:
        return *(const char *const *)(const void *)field &&
               strcmp(*(const char *const *)(const void *)field, value) == 0;
    case KIND_BOOL: return *(const bool *)field == (strcmp(value, "yes") == 0);
    case KIND_NUMBER: return *(const double *)(const void *)field == strtod(value, NULL);
    case KIND_INT: case KIND_BYTES: break;
    }
    number = strtod(value, NULL);
    return *(const int64_t *)(const void *)field == (int64_t)number;
}

/* tls-cert and tls-key come in pairs, config names a file that is read. */
static const char *companion(const struct option *o)
{
    if (strcmp(o->name, "tls-cert") == 0) return "tls-key";
    return strcmp(o->name, "tls-key") == 0 ? "tls-cert" : NULL;
}

static void test_every_option_by_every_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OPTION; i++) {
        const struct option *o = &table[i];
        const char *value = other_value(o), *also = companion(o);
        const char *flag = arena_printf(arena, "--%s=%s", o->name, value).p;
        const char *also_flag = also ? arena_printf(arena, "--%s=x", also).p : NULL;
        char name[64];
        struct config c;

        if (strcmp(o->name, "config") == 0) continue;
        c = good(flag, also_flag, NULL);
        if (!holds(&c, o, value)) fail_msg("%s is not taken", flag);
        c = good(arena_printf(arena, "--%s", o->name).p, value, also_flag);
        if (!holds(&c, o, value)) fail_msg("%s is not taken from the next argument", flag);

        write_file(arena_printf(arena, "# comment\n%s: %s\n", o->name,
                                *value == '[' ? "'[::1]:1'" : value).p);
        c = good("--config", file, also_flag);
        if (!holds(&c, o, value)) fail_msg("%s is not taken from a file", flag);

        env_name(o->name, name, sizeof name);
        setenv(name, value, 1);
        c = good(also_flag, NULL, NULL);
        if (!holds(&c, o, value)) fail_msg("%s is not taken", name);
        unsetenv(name);
    }
}

static void test_precedence(void **state)
{
    struct config c;

    (void)state;
    write_file("threads: 1\nqueue: 11\nparallel: 21\nmodel: [fa, fb]\n");
    setenv("GROKD_QUEUE", "12", 1);
    setenv("GROKD_PARALLEL", "22", 1);
    setenv("GROKD_KV_TYPE", "", 1);            /* empty: not given */
    c = good("--config", file, "--parallel=23");
    assert_int_equal(c.threads, 1);
    assert_int_equal(c.queue, 12);
    assert_int_equal(c.parallel, 23);
    assert_string_equal(c.kv_type, "f16");
    assert_int_equal(c.n_model, 2);
    assert_string_equal(c.model[1], "fb");
    setenv("GROKD_MODEL", "e", 1);             /* a later source replaces the whole list */
    c = good("--config", file, NULL);
    assert_int_equal(c.n_model, 1);
    assert_string_equal(c.model[0], "e");
    c = good("--model=a", "--model=n=b", "--threads=3");
    assert_int_equal(c.n_model, 2);
    assert_string_equal(c.model[0], "a");
    assert_string_equal(c.model[1], "n=b");
    unsetenv("GROKD_MODEL");
    setenv("GROKD_CONFIG", file, 1);
    c = good(NULL, NULL, NULL);
    assert_int_equal(c.threads, 1);
    setenv("GROKD_CONFIG", "/nonexistent", 1); /* the flag names another */
    c = good("--config", file, NULL);
    assert_string_equal(c.config, file);
}

/* ---- values ---- */

static void test_numbers(void **state)
{
    static const struct { const char *flag; int64_t body; } row[] = {
        {"--max-body=1024", 1024}, {"--max-body=1K", 1024}, {"--max-body=2k", 2048},
        {"--max-body=1.5M", 3 << 19}, {"--max-body=3G", 3LL << 30}, {"--max-body=1e6", 1000000},
    };
    struct config c;

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        c = good(row[i].flag, NULL, NULL);
        if (c.max_body != row[i].body) fail_msg("%s: %lld", row[i].flag, (long long)c.max_body);
    }
    c = good("--kv-bytes=1T", "--top-p=0", "--prefix-cache");
    assert_int_equal(c.kv_bytes, 1LL << 40);
    assert_double_is(c.top_p, 0);
    assert_true(c.prefix_cache);
    c = good("--prefix-cache", "off", "--example");
    assert_true(!c.prefix_cache && c.example);
    c = good("--example", "--prefix-cache=0", NULL);
    assert_true(!c.prefix_cache && c.example);
    c = good("--tls-cert=", "--tls-key=", NULL);
    assert_true(!c.tls_cert && !c.tls_key);
}

static const struct { const char *a, *b, *text; } bad[] = {
    {"--max-body=1023", NULL, "--max-body: '1023' is not a number from 1024 to 4000000000"},
    {"--max-body=5G", NULL, "max-body"}, {"--max-body=K", NULL, "max-body"},
    {"--max-body=", NULL, "max-body"}, {"--max-body=1KB", NULL, "max-body"},
    {"--max-body=-1", NULL, "max-body"}, {"--max-body=nan", NULL, "max-body"},
    {"--max-body=1e999", NULL, "max-body"},
    {"--threads=1.5", NULL, "--threads: '1.5' is not a whole number from 0 to 1024"},
    {"--threads=1K", NULL, "threads"}, {"--threads=1e1", NULL, "threads"},
    {"--threads=1025", NULL, "threads"}, {"--threads=-1", NULL, "threads"},
    {"--threads= 1", NULL, "threads"}, {"--threads=99999999999999999999", NULL, "threads"},
    {"--temperature=2.01", NULL, "--temperature: '2.01' is not a number from 0 to 2"},
    {"--temperature=1K", NULL, "temperature"}, {"--temperature=inf", NULL, "temperature"},
    {"--wrong-key-status=402", NULL, "from 400 to 401"},
    {"--kv-type=f64", NULL, "--kv-type: 'f64' is not one of f16|f32"},
    {"--kv-type=f16|f32", NULL, "kv-type"}, {"--kv-type=", NULL, "kv-type"},
    {"--example=maybe", NULL, "--example: 'maybe' is not one of true|false"},
    {"--nothing=1", NULL, "no such option --nothing"}, {"--", NULL, "no such option --"},
    {"--=x", NULL, "no such option --"}, {"-x", NULL, "unexpected argument '-x'"},
    {"x", NULL, "unexpected argument 'x'"}, {"--threads", NULL, "--threads needs a value: N"},
    {"--example", "maybe", "unexpected argument 'maybe'"},
    {"--tls-cert=x", NULL, "belong together"}, {"--tls-key=x", NULL, "belong together"},
    {"--config=/nonexistent/x.yaml", NULL, "config file /nonexistent/x.yaml: No such file"},
};

static void test_bad_flags(void **state)
{
    struct config c;
    struct error e;

    (void)state;
    for (size_t i = 0; i < N_OF(bad); i++)
        if (load(bad[i].a, bad[i].b, NULL, &c, &e) == ERR_OK || !strstr(e.text, bad[i].text))
            fail_msg("%s: \"%s\"", bad[i].a, e.text);
    setenv("GROKD_THREADS", "many", 1);
    assert_int_equal(load(NULL, NULL, NULL, &c, &e), ERR_ARG);
    assert_non_null(strstr(e.text, "environment: threads: 'many'"));
}

static void test_too_many_models(void **state)
{
    char *argv[CONFIG_MODELS_MAX + 2] = {(char *)"serve"};
    struct config c;
    struct error e;
    bool help;

    (void)state;
    for (int i = 1; i < CONFIG_MODELS_MAX + 2; i++) argv[i] = (char *)"--model=m";
    assert_int_equal(config_load(CONFIG_MODELS_MAX + 1, argv, arena, &c, &help, &e), ERR_OK);
    assert_int_equal(config_load(CONFIG_MODELS_MAX + 2, argv, arena, &c, &help, &e), ERR_LIMIT);
}

static void test_help(void **state)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    char *argv[] = {(char *)"serve", (char *)"--bad", (char *)"--help"};
    struct config c;
    struct error e;
    bool help;

    (void)state;
    config_help(out);
    fclose(out);
    for (size_t i = 0; i < N_OPTION; i++)
        assert_non_null(strstr(text, arena_printf(arena, "--%s ", table[i].name).p));
    free(text);
    assert_int_equal(config_load(3, argv, arena, &c, &help, &e), ERR_OK);
    assert_true(help);
}

/* ---- YAML ---- */

static void test_bad_yaml(void **state)
{
    static const struct { const char *text, *want; } row[] = {
        {"threads: 1\nqueue: x\n", "line 2: queue: 'x' is not a whole number"},
        {"threads: 1\n\n# c\nnothing: x\n", "line 4: nothing: no such option"},
        {"threads:\n  a: 1\n", "line 2: options have no sections"},
        {"threads: [1]\n", "line 1: only 'model' takes a list"},
        {"- threads\n", "line 1: only 'model' takes a list"},
        {"model: [[a]]\n", "line 1: only 'model' takes a list"},
        {"model:\n  - {a: b}\n", "line 2: options have no sections"},
        {"threads\n", "line 1: expected 'option: value' lines"},
        {"a: &x 1\nb: *x\n", "line 1: a: no such option"},
        {"listen: &x a:1\ndata-dir: *x\n", "line 2: aliases are not supported"},
        {"threads: 1\n\tqueue: 2\n", "line 2: "},
        {"threads: \"1\n", "line 2: "},
        {"threads: \xff\n", "line 1: "},
        {"? [a]\n: b\n", "line 1: only 'model' takes a list"},
        {"'': 1\n", "line 1: no such option"},
        {"0123456789012345678901234567890123456789012345678901234567890123: 1\n",
         "line 1: no such option"},
    };
    struct config c;
    struct error e;

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        write_file(row[i].text);
        if (load("--config", file, NULL, &c, &e) == ERR_OK || !strstr(e.text, row[i].want) ||
            !strstr(e.text, file))
            fail_msg("row %zu: \"%s\"", i, e.text);
    }
    assert_int_not_equal(load("--config", dir, NULL, &c, &e), ERR_OK);
}

static void test_good_yaml(void **state)
{
    struct config c;

    (void)state;
    write_file("");
    c = good("--config", file, NULL);
    assert_int_equal(c.threads, 0);
    write_file("---\n# all forms of a scalar\nthreads: 3\nlisten: \"[::1]:5\"\nmax-body: 2M # two\n"
               "model:\n  - a.gguf\n  - name=b.gguf\nexample: on\ntls-cert:\n...\n");
    c = good("--config", file, NULL);
    assert_int_equal(c.threads, 3);
    assert_string_equal(c.listen, "[::1]:5");
    assert_int_equal(c.max_body, 2 << 20);
    assert_int_equal(c.n_model, 2);
    assert_string_equal(c.model[1], "name=b.gguf");
    assert_true(c.example);
    assert_null(c.tls_cert);
}

/* ---- derived values ---- */

static void test_listen(void **state)
{
    static const struct { const char *listen, *host; int port; } row[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080}, {"[::1]:80", "::1", 80}, {"[::]:0", "::", 0},
        {":80", "127.0.0.1", 80}, {"localhost:65535", "localhost", 65535},
        {"0.0.0.0:1", "0.0.0.0", 1},
        {"127.0.0.1", NULL, 0}, {"", NULL, 0}, {":", NULL, 0}, {"h:", NULL, 0}, {"h:x", NULL, 0},
        {"h:-1", NULL, 0}, {"h:65536", NULL, 0}, {"h:80x", NULL, 0}, {"h: 80", NULL, 0},
        {"h:+80", NULL, 0}, {"h:99999999999999999999", NULL, 0}, {"::1:80", NULL, 0},
        {"[::1]", NULL, 0}, {"[::1:80", NULL, 0}, {"[]:80", NULL, 0}, {"8080", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(row); i++) {
        const char *host = NULL;
        int port = -1;
        struct error e;
        enum err rc = config_listen(row[i].listen, arena, &host, &port, &e);

        if (rc != (row[i].host ? ERR_OK : ERR_ARG))
            fail_msg("'%s': %s", row[i].listen, err_name(rc));
        if (rc != ERR_OK) continue;
        assert_string_equal(host, row[i].host);
        assert_int_equal(port, row[i].port);
    }
}

static void test_data_dir(void **state)
{
    char *home = getenv("HOME") ? arena_cstr(arena, str_of(getenv("HOME"))) : NULL;
    struct config c = good("--data-dir=/x", NULL, NULL);

    (void)state;
    assert_string_equal(config_path(&c, arena, "f"), "/x/f");
    setenv("XDG_DATA_HOME", "/xdg", 1);
    assert_string_equal(good(NULL, NULL, NULL).data_dir, "/xdg/grokd");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/home/u", 1);
    assert_string_equal(config_data_dir_default(arena), "/home/u/.local/share/grokd");
    unsetenv("HOME");
    assert_string_equal(config_data_dir_default(arena), "grokd-data");
    if (home) setenv("HOME", home, 1);
}

static void test_models(void **state)
{
    static const struct { const char *spec, *name, *path; } row[] = {
        {"m.gguf", NULL, "%s/models/m.gguf"}, {"m", NULL, "%s/models/m.gguf"},
        {"n=m", "n", "%s/models/m.gguf"}, {"n=m.gguf", "n", "%s/models/m.gguf"},
        {"none", NULL, NULL}, {"", NULL, NULL}, {"n=", NULL, NULL}, {"=m", NULL, NULL},
    };
    char *folder = file_join(arena, dir, "models"), *path = file_join(arena, folder, "m.gguf");
    const char *name, *found;
    struct error e;
    FILE *f;

    (void)state;
    assert_int_equal(file_mkdirs(folder, 0700, &e), ERR_OK);
    f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    for (size_t i = 0; i < N_OF(row); i++) {
        enum err rc = models_resolve(row[i].spec, dir, arena, &name, &found, &e);

        if (rc != (row[i].path ? ERR_OK : ERR_NOT_FOUND))
            fail_msg("'%s': %s", row[i].spec, err_name(rc));
        if (rc != ERR_OK) continue;
        assert_string_equal(found, path);
        assert_true(row[i].name ? name && strcmp(name, row[i].name) == 0 : !name);
    }
    /* A path with '=' in it stays a path. */
    assert_int_equal(models_resolve(arena_printf(arena, "%s/../models/m.gguf", folder).p, "/",
                                    arena,
                                    &name, &found, &e), ERR_OK);
    assert_int_equal(models_resolve("./a=b", dir, arena, &name, &found, &e), ERR_NOT_FOUND);
    assert_null(name);
    unlink(path);
    rmdir(folder);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults), TEST(test_rows), TEST(test_every_option_by_every_source),
        TEST(test_precedence), TEST(test_numbers), TEST(test_bad_flags), TEST(test_too_many_models),
        TEST(test_help), TEST(test_bad_yaml), TEST(test_good_yaml), TEST(test_listen),
        TEST(test_data_dir), TEST(test_models),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
