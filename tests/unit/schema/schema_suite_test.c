/* SPDX-License-Identifier: Apache-2.0
 *
 * The compiler against values that others have judged: the official JSON Schema test suite (draft
 * 2020-12, required tests) and the sample of MaskBench. A schema may be refused; one that is
 * compiled takes every valid value and no invalid one. The counts of refused schemas are
 * ratchets.
 */
#include "schema_kit.h"

#include <dirent.h>

#include "base/file.h"

#define ROW_BYTES_MAX ((size_t)8 << 20)
#define KINDS_MAX 200
#define SUITE_REFUSED_MAX 49 /* of 383 */
#define SAMPLE_PASSING_MIN 905 /* of 912 */
#define SAMPLE_MAX 20000 /* rows */

struct tally {
    int n_schema, n_refused, n_passing, n_test, n_taken_wrongly, n_left_wrongly;
    struct {
        char text[64];
        int n;
    } kind[KINDS_MAX];
    int n_kind;
    int64_t *ns; /* compile time of each schema, or NULL */
};

/* "[kind] .../keyword" of an error, which is what refusals are counted by. */
static void count_refusal(struct tally *t, const char *text)
{
    char kind[64];
    const char *close = strchr(text, ']'), *colon = close ? strstr(close, ": ") : NULL;
    const char *slash = colon;
    while (slash && slash > close && *slash != '/') slash--;
    if (colon && slash > close)
        snprintf(kind, sizeof kind, "%.*s %.*s", (int)(close + 1 - text), text,
                 (int)(colon - slash), slash);
    else
        snprintf(kind, sizeof kind, "%.60s", text);
    t->n_refused++;
    for (int i = 0; i < t->n_kind; i++)
        if (strcmp(t->kind[i].text, kind) == 0) {
            t->kind[i].n++;
            return;
        }
    if (t->n_kind < KINDS_MAX) {
        memcpy(t->kind[t->n_kind].text, kind, sizeof kind);
        t->kind[t->n_kind++].n = 1;
    }
}

static void check_values(struct kit *k, struct tally *t, struct grammar *g,
                         const struct json *tests, const char *name)
{
    bool is_passing = true;
    for (uint32_t i = 0; i < tests->n; i++) {
        const struct json *test = &tests->item[i];
        bool is_valid = json_get(test, "valid")->boolean;
        struct buf text;
        buf_init(&text, ROW_BYTES_MAX);
        kit_write(&text, json_get(test, "data"));
        bool is_taken = kit_accepts(k, g, buf_str(&text));
        t->n_test++;
        if (is_taken != is_valid) {
            is_passing = false;
            t->n_taken_wrongly += is_taken;
            t->n_left_wrongly += !is_taken;
            print_message("%s %s: %.*s\n", name, is_taken ? "takes" : "does not take",
                          STR_FMT(str_sub(buf_str(&text), 0, 300)));
        }
        buf_done(&text);
    }
    t->n_passing += is_passing;
}

static void run_schema(struct kit *k, struct tally *t, const struct json *schema,
                       const struct json *tests, const char *name)
{
    struct error e;
    int64_t begin = clock_thread_cpu_ns();
    struct grammar *g = kit_compile(schema, &SCHEMA_STANDARD, &e);
    if (t->ns) t->ns[t->n_schema] = clock_thread_cpu_ns() - begin;
    t->n_schema++;
    if (g)
        check_values(k, t, g, tests, name);
    else
        count_refusal(t, e.text);
    grammar_unref(g);
}

static void show(const struct tally *t, const char *what)
{
    print_message("%s: %d schemas, %d passing, %d refused; %d values: %d taken wrongly, %d left "
                  "out wrongly\n",
                  what, t->n_schema, t->n_passing, t->n_refused, t->n_test, t->n_taken_wrongly,
                  t->n_left_wrongly);
    for (int i = 0; i < t->n_kind; i++) print_message("  %4d %s\n", t->kind[i].n, t->kind[i].text);
}

/* ---- the official suite ---- */

static void run_suite_file(struct kit *k, struct tally *t, const char *path)
{
    struct file_map map;
    struct error e = {0};
    assert_int_equal(file_map_open(path, &map, &e), ERR_OK);
    struct arena *a = arena_new(0);
    struct json *groups = NULL;
    assert_int_equal(json_parse((str){(const char *)map.p, map.n}, a, &groups, &e), ERR_OK);
    for (uint32_t i = 0; i < groups->n; i++) {
        char name[300];
        const char *file = strrchr(path, '/') + 1;
        snprintf(name, sizeof name, "%s: %.*s:", file,
                 STR_FMT(json_get(&groups->item[i], "description")->string));
        /* Its metaschema, elsewhere, takes the meaning from the keywords that it uses. */
        if (!strstr(name, "custom metaschema with with no validation vocabulary"))
            run_schema(k, t, json_get(&groups->item[i], "schema"),
                       json_get(&groups->item[i], "tests"), name);
    }
    arena_free(a);
    file_map_close(&map);
}

static void test_suite(void **state)
{
    (void)state;
    char root[512], path[1024];
    if (!golden_path("jsonschema/draft2020-12", root, sizeof root)) skip();
    struct kit k;
    struct tally t = {0};
    kit_open(&k);
    DIR *dir = opendir(root);
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir));) {
        /* format is enforced here, and format.json wants it to be an annotation. */
        if (!strstr(d->d_name, ".json") || strcmp(d->d_name, "format.json") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", root, d->d_name);
        run_suite_file(&k, &t, path);
    }
    closedir(dir);
    kit_close(&k);
    show(&t, "official suite");
    assert_int_equal(t.n_taken_wrongly + t.n_left_wrongly, 0);
    assert_true(t.n_refused <= SUITE_REFUSED_MAX);
}

/* ---- MaskBench's sample ---- */

static int cmp_ns(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_sample(void **state)
{
    (void)state;
    char path[512], name[200];
    if (!golden_path("jsonschema/maskbench-sample.jsonl", path, sizeof path)) skip();
    struct kit k;
    struct tally t = {.ns = calloc(SAMPLE_MAX, sizeof *t.ns)};
    struct file_map map;
    struct error e = {0};
    kit_open(&k);
    assert_int_equal(file_map_open(path, &map, &e), ERR_OK);
    str rest = {(const char *)map.p, map.n}, line;
    while (str_split(&rest, '\n', &line) && line.n && t.n_schema < SAMPLE_MAX) {
        struct arena *a = arena_new(0);
        struct json *row = NULL;
        assert_int_equal(json_parse(line, a, &row, &e), ERR_OK);
        snprintf(name, sizeof name, "%.*s", STR_FMT(json_get(row, "name")->string));
        run_schema(&k, &t, json_get(row, "schema"), json_get(row, "tests"), name);
        arena_free(a);
    }
    file_map_close(&map);
    kit_close(&k);
    show(&t, "MaskBench sample");
    qsort(t.ns, (size_t)t.n_schema, sizeof *t.ns, cmp_ns);
    print_message("compiling takes %lld us at the median, %lld us at the 99th percentile\n",
                  (long long)(t.ns[t.n_schema / 2] / 1000),
                  (long long)(t.ns[t.n_schema * 99 / 100] / 1000));
    free(t.ns);
    assert_int_equal(t.n_taken_wrongly, 0);
    assert_true(t.n_passing >= SAMPLE_PASSING_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
