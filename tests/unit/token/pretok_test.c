/* SPDX-License-Identifier: Apache-2.0
 *
 * Words of the pre-tokenizers: one row a rule, names, and time on long runs.
 */
#include "../test.h"
#include <time.h>
#include "base/mem.h"
#include "token/pretok.h"

struct row { const char *name, *text, *want; };

/* Words are separated by | in want; texts hold none. */
static const struct row rows[] = {
    {"gpt-2", "Hello world", "Hello| world"},
    {"gpt-2", "I'll don't I'LL", "I|'ll| don|'t| I|'|LL"},
    {"gpt-2", "a  b   ", "a| | b|   "},
    {"gpt-2", "x\n\ny 123abc!?", "x|\n|\n|y| 123|abc|!?"},
    {"llama-bpe", "I'LL we'Re it'S", "I|'LL| we|'Re| it|'S"},
    {"llama-bpe", "12345 a1", "123|45| a|1"},
    {"llama-bpe", "a!b ?!\r\n\nx", "a|!b| ?!\r\n\n|x"},
    {"llama-bpe", "a \n \n  b", "a| \n \n| | b"},
    {"llama-bpe", "\xe2\x80\x83x\xc2\xa0\xc2\xa0y", "\xe2\x80\x83x|\xc2\xa0|\xc2\xa0y"},
    {"qwen2", "2024 ok", "2|0|2|4| ok"},
    {"qwen2", "e\xcc\x81t", "e|\xcc\x81t"},
    {"qwen35", "e\xcc\x81t", "e\xcc\x81t"},
    {"grok-2", "x=10", "x|=|1|0"},
    {"glm4", "1234", "123|4"},
    {"seed-coder", "a;\nb", "a|;|\n|b"},
    {"smollm", "ab12 3c", "ab|1|2| |3|c"},
    {"starcoder", "v2.0", "v|2|.|0"},
    {"default", "a, b=12345", "a|,| b|=|123|45"},
    {"", "a, b", "a|,| b"},
    {"falcon", "x`y` 1234", "x|`|y|`| |123|4"},
    {"gpt-4o", "camelCase HTTPServer's", "camel|Case| HTTPServer's"},
    {"gpt-4o", "ABC \xc3\x89" "ABc \xc3\x89" "AB", "ABC| \xc3\x89" "ABc| \xc3\x89|AB"},
    {"gpt-4o", "a//\n/b 1234", "a|//\n/|b| |123|4"},
    {"tekken", "camelCase's 12", "camel|Case|'s| |1|2"},
    {"deepseek-v3", "1234(foo) \xe4\xb8\xad\xe6\x96\x87x",
     "123|4|(foo|)| |\xe4\xb8\xad\xe6\x96\x87|x"},
    {"deepseek-v3", "a\x01\x02;", "a|\x01\x02|;"},
    {"deepseek-v3", "a ~ b ~. e\xcc\x81", "a| |~| b| |~|.| e\xcc\x81"},
    {"deepseek-coder", "a1 b, \xe4\xb8\xad\n\n", "a|1| b|,| |\xe4\xb8\xad|\n|\n"},
    {"deepseek-llm", "ab 12, \xe3\x80\x82  ", "ab| |12|,| |\xe3\x80\x82|  "},
    {"deepseek-llm", "\xd0\x96\xe2\xb4\x80 \xe3\x80\x80x", "\xd0\x96|\xe2\xb4\x80| |\xe3\x80\x80x"},
    {"bloom", "a(b c.", "a|(|b| c|."},
    {"viking", "ab12", "ab|1|2"},
    {"llama-bpe", "a\xff\xfe b", "a|\xff\xfe| b"},
    {"mpt", "", ""},
};

struct joined { char text[256]; size_t n; };

static enum err join(void *arg, str word)
{
    struct joined *j = arg;
    assert_true(word.n > 0 && j->n + word.n + 1 < sizeof j->text);
    if (j->n > 0)
        j->text[j->n++] = '|';
    memcpy(j->text + j->n, word.p, word.n);
    j->n += word.n;
    return ERR_OK;
}

static void test_words(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct joined got = {.n = 0};
        const struct pretok *p = pretok_find(str_of(rows[i].name));
        assert_non_null(p);
        assert_int_equal(pretok_split(p, str_of(rows[i].text), join, &got), ERR_OK);
        if (!str_is((str){got.text, got.n}, rows[i].want)) {
            print_error("%s: got \"%.*s\", want \"%s\"\n", rows[i].name, (int)got.n, got.text,
                        rows[i].want);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

static void test_names(void **state)
{
    (void)state;
    struct buf names;
    str list, name;
    size_t n = 0;
    buf_init(&names, 1 << 16);
    pretok_names(&names);
    list = buf_str(&names);
    while (str_split(&list, ',', &name)) {
        const struct pretok *p = pretok_find(str_trim(name));
        assert_non_null(p);
        assert_str_is(str_trim(name), p->name);
        n++;
    }
    assert_in_range(n, 50, 100);
    buf_done(&names);
    assert_null(pretok_find(STR("llama-bpe ")));
    assert_null(pretok_find(STR("bert-bge")));
    assert_string_equal(pretok_find(STR(""))->name, "default");
}

static enum err stop(void *arg, str word)
{
    (void)word;
    return ++*(int *)arg == 2 ? ERR_LIMIT : ERR_OK;
}

static void test_error_ends_walk(void **state)
{
    (void)state;
    int calls = 0;
    assert_int_equal(pretok_split(pretok_find(STR("qwen2")), STR("a b c d"), stop, &calls),
                     ERR_LIMIT);
    assert_int_equal(calls, 2);
}

static enum err sum(void *arg, str word)
{
    *(size_t *)arg += word.n;
    return ERR_OK;
}

/* Every scheme keeps every byte and is linear: the runs would take hours otherwise. */
static void test_long_runs(void **state)
{
    (void)state;
    static const char *const units[] = {
        " ", "\n", "a", "A", "1", "'", "~", " x", ("\xc3\x89" "A"), "\xcc\x81", "\xff",
        "\xe3\x80\x80", " \n", "\x01", "A\xc3\x89",
    };
    enum { BYTES = 200000 };
    char *text = mem_alloc(BYTES);
    struct buf names;
    buf_init(&names, 1 << 16);
    pretok_names(&names);
    size_t runs = 0;
    clock_t begin = clock();
    for (size_t u = 0; u < N_OF(units); u++) {
        size_t unit = strlen(units[u]);
        for (size_t i = 0; i < BYTES - 1; i++)
            text[i] = units[u][i % unit];
        text[BYTES - 1] = 'x';
        str list = buf_str(&names), name;
        while (str_split(&list, ',', &name)) {
            size_t total = 0;
            runs++;
            const struct pretok *p = pretok_find(str_trim(name));
            assert_int_equal(pretok_split(p, (str){text, BYTES}, sum, &total), ERR_OK);
            assert_int_equal(total, BYTES);
        }
    }
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    print_message("%zu runs of %d bytes in %.1f s\n", runs, BYTES, seconds);
    assert_true(seconds < 300);
    buf_done(&names);
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_error_ends_walk),
        cmocka_unit_test(test_long_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
