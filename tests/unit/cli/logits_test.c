/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands that speak to model files: logits, quantize, models inspect. Each is called as the
 * program calls it; its standard output is caught in a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "cli/cli.h"
#include "codec/json.h"

#define ARGS_MAX 20
#define OUTPUT_MAX ((size_t)1 << 20)

static const char *golden(struct arena *a, const char *name)
{
    const char *root = getenv("SOURCE_ROOT");
    return arena_printf(a, "%s/tests/golden/models/%s", root ? root : ".", name).p;
}

static const char *scratch(struct arena *a, const char *name)
{
    return arena_printf(a, "cli-test-%d-%s", (int)getpid(), name).p;
}

/* Runs a command with the words of a line; gives its exit code and what it printed. */
static int run(struct arena *a, int (*cmd)(int, char **), const char *line, str *out)
{
    char *argv[ARGS_MAX + 1] = {NULL};
    int argc = 0;
    str rest = str_of(line), word;
    while (str_split(&rest, ' ', &word)) {
        assert_true(argc < ARGS_MAX);
        argv[argc++] = arena_cstr(a, word);
    }
    const char *path = scratch(a, "stdout");
    struct error e = {0};
    fflush(stdout);
    int saved = dup(STDOUT_FILENO), to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(saved >= 0 && to >= 0);
    dup2(to, STDOUT_FILENO);
    int rc = cmd(argc, argv);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(to);
    assert_int_equal(file_read(path, OUTPUT_MAX, a, out, &e), ERR_OK);
    assert_int_equal(unlink(path), 0);
    return rc;
}

static str read_golden(struct arena *a, const char *name)
{
    struct error e = {0};
    str s;
    if (file_read(golden(a, name), OUTPUT_MAX, a, &s, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return s;
}

static const struct json *parsed(struct arena *a, str text)
{
    struct json *j;
    struct error e = {0};
    if (json_parse(text, a, &j, &e) != ERR_OK)
        fail_msg("%s in %.*s", e.text, STR_FMT(text));
    return j;
}

/* The first run of expected.json: prompt as "1,2,3", greedy ids, and the file of its logits. */
static void test_logits(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct error e = {0};
    str text, printed, want, got;
    text = read_golden(a, "arch/qwen3/expected.json");
    const struct json *first = &json_get(parsed(a, text), "runs")->item[0];
    const struct json *ids = json_get(first, "prompt_ids"), *greedy = json_get(first, "greedy_ids");
    str tokens = STR("");
    for (uint32_t i = 0; i < ids->n; i++)
        tokens = arena_printf(a, "%.*s%s%.*s", STR_FMT(tokens), i ? "," : "",
                              STR_FMT(ids->item[i].text));
    const char *out = scratch(a, "logits");
    str line = arena_printf(a, "logits -m %s --tokens %.*s --greedy 32 --json --out %s --threads 2 "
                            "--ctx 512", golden(a, "arch/qwen3/model.gguf"), STR_FMT(tokens), out);
    assert_int_equal(run(a, cmd_logits, line.p, &printed), CLI_OK);
    const struct json *j = parsed(a, printed);
    assert_int_equal(json_get(j, "greedy")->n, 32);
    assert_int_equal(json_get(j, "top")->n, 10);
    for (uint32_t i = 0; i < 32; i++)
        assert_int_equal(json_get(j, "greedy")->item[i].number, greedy->item[i].number);
    for (uint32_t i = 0; i < 10; i++) {
        const struct json *pair = &json_get(j, "top")->item[i];
        assert_int_equal(pair->item[0].number, json_get(first, "top10_ids")->item[i].number);
        double value = json_get(first, "top10_values")->item[i].number;
        assert_true(fabs(pair->item[1].number - value) < 5e-4);
    }
    want = read_golden(a, "arch/qwen3/short.logits.f32");
    assert_int_equal(file_read(out, OUTPUT_MAX, a, &got, &e), ERR_OK);
    assert_int_equal(got.n, want.n);
    for (size_t i = 0; i < want.n / sizeof(float); i++) {
        float x, y;
        memcpy(&x, got.p + i * sizeof x, sizeof x);
        memcpy(&y, want.p + i * sizeof y, sizeof y);
        if (!(fabsf(x - y) <= 5e-4f))
            fail_msg("logit %zu: %g, expected %g", i, (double)x, (double)y);
    }
    assert_int_equal(unlink(out), 0);
    arena_free(a);
}

static void test_exit_codes(void **state)
{
    (void)state;
    static const struct { int (*cmd)(int, char **); const char *line; int rc; } cases[] = {
        {cmd_logits, "logits --help", CLI_OK},
        {cmd_logits, "logits", CLI_USAGE},
        {cmd_logits, "logits -m MODEL", CLI_USAGE},
        {cmd_logits, "logits -m MODEL --tokens 1,x", CLI_USAGE},
        {cmd_logits, "logits -m MODEL --tokens -1", CLI_USAGE},
        {cmd_logits, "logits -m MODEL --tokens 1,2 extra", CLI_USAGE},
        {cmd_logits, "logits -m MODEL --tokens 1,2 --kv q9", CLI_USAGE},
        {cmd_logits, "logits -m MODEL --tokens 1,2 --cpu z80", CLI_USAGE},
        {cmd_logits, "logits -m MODEL --tokens 1,2 --threads 0", CLI_USAGE},
        {cmd_logits, "logits -m MODEL --tokens 1,2 --wat", CLI_USAGE},
        {cmd_logits, "logits -m MODEL --tokens 1,2", CLI_OK},
        {cmd_logits, "logits -m MODEL --tokens 1,2 --kv f16 --cpu scalar --threads 1", CLI_OK},
        {cmd_logits, "logits -m MODEL --tokens 1,450", CLI_FAILED},
        {cmd_logits, "logits -m MODEL --tokens 1,2,3 --ctx 2", CLI_FAILED},
        {cmd_logits, "logits -m MODEL --tokens 1,2,3 --greedy 2 --ctx 3", CLI_FAILED},
        {cmd_logits, "logits -m MODEL --tokens 1,2,3 --greedy 2 --ctx 4", CLI_OK},
        {cmd_logits, "logits -m MODEL --tokens 1 --out /dev/null", CLI_FAILED},
        {cmd_logits, "logits -m absent.gguf --tokens 1", CLI_FAILED},
        {cmd_quantize, "quantize --help", CLI_OK},
        {cmd_quantize, "quantize MODEL out.gguf", CLI_USAGE},
        {cmd_quantize, "quantize MODEL out.gguf Q9_9", CLI_USAGE},
        {cmd_quantize, "quantize MODEL /dev/null Q8_0", CLI_USAGE},
        {cmd_quantize, "quantize absent.gguf out.gguf Q8_0", CLI_FAILED},
        {cmd_models_inspect, "inspect --help", CLI_OK},
        {cmd_models_inspect, "inspect", CLI_USAGE},
        {cmd_models_inspect, "inspect --wat", CLI_USAGE},
        {cmd_models_inspect, "inspect absent.gguf", CLI_FAILED},
        {cmd_models_inspect, "inspect MODEL", CLI_OK},
    };
    struct arena *a = arena_new(0);
    const char *model = golden(a, "arch/qwen3/model.gguf");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *at = strstr(cases[i].line, "MODEL");
        str out, line = str_of(cases[i].line);
        if (at)
            line = arena_printf(a, "%.*s%s%s", (int)(at - line.p), line.p, model, at + 5);
        int rc = run(a, cases[i].cmd, line.p, &out);
        if (rc != cases[i].rc)
            fail_msg("%s: exit %d, expected %d", cases[i].line, rc, cases[i].rc);
        if (rc == CLI_OK)
            assert_true(out.n > 0);
    }
    assert_false(file_exists("out.gguf"));
    arena_free(a);
}

static void test_quantize_and_inspect(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    str out;
    const char *to = scratch(a, "q8.gguf");
    str line = arena_printf(a, "quantize %s %s q8_0", golden(a, "arch/llama-gqa/model.gguf"), to);
    assert_int_equal(run(a, cmd_quantize, line.p, &out), CLI_OK);
    assert_true(str_find(out, STR("16 of 21 tensors changed"), 0) != SIZE_MAX);
    line = arena_printf(a, "inspect --json %s", to);
    assert_int_equal(run(a, cmd_models_inspect, line.p, &out), CLI_OK);
    const struct json *j = parsed(a, out);
    assert_true(str_is(json_get(json_get(j, "metadata"), "general.architecture")->string, "llama"));
    assert_int_equal(json_get(json_get(json_get(j, "types"), "Q8_0"), "tensors")->number, 16);
    assert_int_equal(json_get(j, "tensors")->n, 21);
    line = arena_printf(a, "logits -m %s --tokens 5,6,7 --greedy 3", to);
    assert_int_equal(run(a, cmd_logits, line.p, &out), CLI_OK);
    assert_int_equal(unlink(to), 0);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_quantize_and_inspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
