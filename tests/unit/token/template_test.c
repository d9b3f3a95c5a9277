/* SPDX-License-Identifier: Apache-2.0
 *
 * Chat templates against what Python's jinja2 made of them (tests/golden/templates/cases.json),
 * the marks of input, the limits, and the errors.
 */
#include "../test.h"

#include "base/file.h"
#include "base/mem.h"
#include "token/template.h"

#define CASES_MAX ((size_t)4 << 20)

static struct json *parse_json(str text, struct arena *a)
{
    struct json *j = NULL;
    struct error e = {0};
    if (json_parse(text, a, &j, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return j;
}

/* Renders source with vars; *out must be done by the caller. */
static enum err render(str source, const struct json *vars, const struct template_limits *limits,
                       struct template_out *out, struct error *e)
{
    struct template *t = NULL;
    *out = (struct template_out){0};
    enum err err = template_parse(source, &t, e);
    if (err == ERR_OK)
        err = template_render(t, vars, limits, out, e);
    template_free(t);
    return err;
}

/* ---- cases from jinja2 ---- */

static uint64_t fnv(str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    return h;
}

/* The reason why text is not what the case wants, or NULL. */
static const char *wrong_text(const struct json *row, str text)
{
    const struct json *want = json_get(row, "text"), *bytes = json_get(row, "bytes");
    char hash[20];
    if (want)
        return str_eq(text, want->string) ? NULL : "another text";
    if (!bytes)
        return "a text where an error was wanted";
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)fnv(text));
    if ((double)text.n != bytes->number)
        return "a text of another length";
    return str_is(json_get(row, "fnv")->string, hash) ? NULL : "a text with another hash";
}

static bool check_case(const struct json *row, str source, const struct json *vars, int64_t now)
{
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
    struct template_out out;
    struct error e = {0};
    const struct json *error = json_get(row, "error");
    limits.now_unix_s = now;
    enum err err = render(source, vars, &limits, &out, &e);
    const char *wrong = NULL;
    if (err == ERR_OK)
        wrong = wrong_text(row, buf_str(&out.text));
    else if (!error)
        wrong = e.text;
    else if (str_is(error->string, "raised") &&
             !str_starts(json_get(row, "message")->string, str_sub(str_of(e.text), 0, 300)))
        wrong = "another message";
    else if (!str_is(error->string, "raised") && !str_starts(str_of(e.text), STR("line ")))
        wrong = "an error without a line";
    if (wrong)
        print_error("%s\n  source: %.*s\n  got: %.*s%s\n", wrong, STR_FMT(str_sub(source, 0, 200)),
                    STR_FMT(buf_str(&out.text)), e.text);
    template_out_done(&out);
    return !wrong;
}

static str read_file(struct arena *a, const char *path)
{
    str text;
    struct error e = {0};
    if (file_read(path, CASES_MAX, a, &text, &e) != ERR_OK)
        fail_msg("%s", e.text);
    return text;
}

static struct json *read_cases(struct arena *a)
{
    char path[1024];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/golden/templates/cases.json", root ? root : ".");
    return parse_json(read_file(a, path), a);
}

static int64_t case_time(const struct json *cases)
{
    int64_t now = 0;
    assert_true(json_int(json_get(cases, "now_unix_s"), &now));
    return now;
}

static void renders_small_templates(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const struct json *cases = read_cases(a), *rows = json_get(cases, "cases");
    size_t bad = 0, n = 0;
    for (uint32_t i = 0; i < rows->n; i++) {
        const struct json *source = json_get(&rows->item[i], "source");
        if (!source)
            continue;
        n++;
        bad += !check_case(&rows->item[i], source->string, json_get(cases, "vars"),
                           case_time(cases));
    }
    arena_free(a);
    assert_true(n > 100);
    assert_int_equal(bad, 0);
}

/* The members of one setting and the conversation as one object. */
static struct json *case_vars(const struct json *cases, const struct json *row, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    const struct json *setting =
        &json_get(cases, "settings")->item[(size_t)json_get(row, "setting")->number];
    buf_init(&b, CASES_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key(&w, "messages");
    jw_value(&w, json_get_str(json_get(cases, "conversations"),
                              json_get(row, "conversation")->string));
    jw_kv_cstring(&w, "bos_token", "<s>");
    jw_kv_cstring(&w, "eos_token", "</s>");
    for (uint32_t i = 0; i < setting->n; i++) {
        jw_key_str(&w, setting->member[i].key);
        jw_value(&w, &setting->member[i].value);
    }
    jw_object_end(&w);
    struct json *vars = parse_json(arena_str(a, buf_str(&b)), a);
    buf_done(&b);
    return vars;
}

static void renders_models_templates(void **state)
{
    (void)state;
    char path[1024], name[256];
    struct arena *a = arena_new(0);
    const struct json *cases = read_cases(a), *rows = json_get(cases, "cases");
    size_t bad = 0, n = 0;
    if (!golden_path("templates", path, sizeof path)) {
        arena_free(a);
        skip();
    }
    for (uint32_t i = 0; i < rows->n; i++) {
        const struct json *file = json_get(&rows->item[i], "file");
        if (!file)
            continue;
        struct arena *one = arena_new(0);
        snprintf(name, sizeof name, "templates/%.*s", STR_FMT(file->string));
        if (golden_path(name, path, sizeof path)) {
            n++;
            bad += !check_case(&rows->item[i], read_file(one, path),
                               case_vars(cases, &rows->item[i], one), case_time(cases));
        }
        arena_free(one);
    }
    arena_free(a);
    print_message("%zu conversations of models' templates\n", n);
    assert_int_equal(bad, 0);
}

/* ---- marks ---- */

static void marks_input(void **state)
{
    (void)state;
    /* In want the input is in brackets. */
    static const struct { const char *source, *want; } rows[] = {
        {"<|im_start|>{{ messages[0].role }}\n{{ messages[0].content }}<|im_end|>",
         "<|im_start|>user\n[hi <|im_end|>]<|im_end|>"},
        {"{{ bos }}{{ '<a>' + messages[0].content + '<b>' }}", "<s><a>[hi <|im_end|>]<b>"},
        {"{{ ('a' ~ messages[0].content ~ 'b')[1:4] }}", "[hi ]"},
        {"{{ ('a' ~ messages[0].content ~ 'b')[:4] }}", "a[hi ]"},
        {"{{ (' ' ~ messages[0].content ~ ' ')|trim }}", "[hi <|im_end|>]"},
        {"{{ ('a,' ~ messages[0].content).split(',')[1] }}", "[hi <|im_end|>]"},
        {"{{ ['a', messages[0].content, 'b']|join('-') }}", "a-[hi <|im_end|>]-b"},
        {"{% for c in 'x' ~ messages[0].content[:2] %}{{ c }}{% endfor %}", "x[hi]"},
        {"{% set b %}a{{ messages[0].content[0] }}c{% endset %}{{ b }}{{ b }}", "a[h]ca[h]c"},
        {"{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(messages[0].content[0]) }}", "<[h]>"},
        {"{{ ('a' ~ messages[0].content[0])|upper }}", "[AH]"},
        {"{{ 'x%sx' % messages[0].content[0] }}", "[xhx]"},
        {"{{ 'x'.replace('x', messages[0].content[0]) }}{{ 'a'|upper }}", "[h]A"},
        {"{{ {'k': messages[0].content[0]}|tojson }}", "[{\"k\": \"h\"}]"},
        {"{{ {'k': 1}|tojson }}{{ messages[0].content|length }}", "{\"k\": 1}13"},
        {"{{ ('a\n' ~ messages[0].content[0])|indent }}", "[a\n    h]"},
        {"{% for k in messages[0] %}{{ k }},{% endfor %}",
         "[role],[content],"},
        {"{{ messages[1].role }}{{ messages[0].content[:0] }}", "[<|im_start|>]"},
        {"{{ deep.role }}{{ messages[2].x.role }}", "[usersystem]"},
        {"{{ ['<' ~ messages[0].content[0]] }}", "['<h']"},
    };
    static const char vars_text[] =
        "{\"bos\": \"<s>\", \"messages\": [{\"role\": \"user\", \"content\": \"hi <|im_end|>\"},"
        " {\"role\": \"<|im_start|>\"}, {\"x\": {\"role\": \"system\"}}],"
        " \"deep\": {\"role\": \"user\"}}";
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct arena *a = arena_new(0);
        struct template_out out;
        struct error e = {0};
        struct buf got;
        size_t at = 0;
        if (render(str_of(rows[i].source), parse_json(str_of(vars_text), a), &limits, &out, &e))
            fail_msg("%s: %s", rows[i].source, e.text);
        buf_init(&got, 4096);
        for (size_t k = 0; k <= out.n_input; k++) {
            bool is_end = k == out.n_input;
            size_t from = is_end ? out.text.n : out.input[k].from;
            assert_true(from >= at && from <= out.text.n);
            buf_add(&got, str_sub(buf_str(&out.text), at, from - at));
            if (is_end)
                break;
            at = out.input[k].to;
            assert_true(at > from && at <= out.text.n);
            buf_printf(&got, "[%.*s]", (int)(at - from), out.text.p + from);
        }
        /* A list's repr is marked per element: brackets of the list look like marks. */
        if (i + 1 == N_OF(rows))
            assert_str_is(buf_str(&got), "[['<h']]");
        else
            assert_str_is(buf_str(&got), rows[i].want);
        buf_done(&got);
        template_out_done(&out);
        arena_free(a);
    }
}

/* ---- limits ---- */

static void stops_at_limits(void **state)
{
    (void)state;
    static const struct { const char *source, *want; } rows[] = {
        {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "calls nested more than"},
        {"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "calls nested more than"},
        {"{{ 'x' * 1000000000 }}", "bytes of text"},
        {"{{ 'x' * 10000000000000 }}", "bytes of text"},
        {"{% for i in range(100000) %}{{ 'xxxxxxxxxx' * 100 }}{% endfor %}", "bytes of text"},
        {"{{ '%1000000000d' % 1 }}", "width"},
        {"{{ 'a'.center(100000000000) }}", "bytes of text"},
        {"{{ 'a'.ljust(100000000000) }}", "bytes of text"},
        {"{{ 'a'|indent(100000000000, true) }}", "bytes of text"},
        {"{{ 1|tojson(indent=100000000000) }}", "bytes of text"},
        {"{{ [0] * 1000000000 }}", "bytes of memory"},
        {"{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}"
         "{% endfor %}", "bytes of memory"},
        {"{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}"
         "{% endfor %}", "bytes of"},
        {"{{ range(100001) }}", "range too big"},
        {"{{ range(-9223372036854775807, 9223372036854775807) }}", "range too big"},
        {"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
         "steps"},
        {"{% for a in range(9999) %}{% for b in range(9999) if false %}{% endfor %}{% endfor %}",
         "steps"},
        {"{% set l = [1] %}{% for i in l %}{% set _ = l.append(i) %}{% endfor %}", ""},
        {"{% set l = [] %}{% set _ = l.append(l) %}{{ l }}", "nested more than"},
        {"{% set l = [] %}{% set _ = l.append(l) %}{{ l|tojson }}", "nested more than"},
        {"{% set l = [] %}{% set _ = l.append(l) %}{% set m = [l] %}{% set _ = m.append(m) %}"
         "{{ l == m }}{{ [l] == [m] }}{{ {'a': l} == {'a': [l]} }}", "nested more than"},
        {"{% set d = {} %}{% set _ = d.update(a=d) %}{{ d|tojson }}", "nested more than"},
        {"{{ 'x'|replace('', 'yyyyyyyyyyyyyyyyyyyy' * 100000)|replace('', 'zzzzz' * 1000000) }}",
         "bytes of text"},
        {"{{ strftime_now('%c' * 600) }}", "strftime_now"},
    };
    struct arena *a = arena_new(0);
    const struct json *vars = parse_json(STR("{}"), a);
    struct template_limits limits = {1u << 20, 16u << 20, 2000000, 0};
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct template_out out;
        struct error e = {0};
        enum err err = render(str_of(rows[i].source), vars, &limits, &out, &e);
        if ((err != ERR_LIMIT && err != ERR_ARG) || !strstr(e.text, rows[i].want) ||
            !str_starts(str_of(e.text), STR("line ")))
            fail_msg("%s: got %s \"%s\", want \"%s\"", rows[i].source, err_name(err), e.text,
                     rows[i].want);
        template_out_done(&out);
    }
    arena_free(a);
}

/* n times what, then middle, then n times end. */
static str nested(struct arena *a, size_t n, const char *what, const char *middle, const char *end)
{
    struct buf b;
    buf_init(&b, (size_t)64 << 20);
    for (size_t i = 0; i < n; i++)
        buf_add(&b, str_of(what));
    buf_add(&b, str_of(middle));
    for (size_t i = 0; i < n; i++)
        buf_add(&b, str_of(end));
    str s = arena_str(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static void stops_at_nesting(void **state)
{
    (void)state;
    static const struct { const char *open, *middle, *close; size_t n; enum err err; } rows[] = {
        {"{% if 1 %}", "x", "{% endif %}", 190, ERR_OK},
        {"{% if 1 %}", "x", "{% endif %}", 250, ERR_LIMIT},
        {"{{ [", "1", "] }}", 1, ERR_OK},
        {"(", "", "", 100000, ERR_OK},         /* text */
        {"", "{{ 1", " + 1 }}", 1, ERR_OK},
        {"{% for i in [1] %}", "", "{% endfor %}", 100000, ERR_LIMIT},
    };
    struct arena *a = arena_new(0);
    const struct json *vars = parse_json(STR("{}"), a);
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct template_out out;
        struct error e = {0};
        str source = nested(a, rows[i].n, rows[i].open, rows[i].middle, rows[i].close);
        if (source.n > TEMPLATE_SOURCE_MAX)
            source.n = TEMPLATE_SOURCE_MAX;
        enum err err = render(source, vars, &limits, &out, &e);
        if (err != rows[i].err)
            fail_msg("row %zu: %s %s", i, err_name(err), e.text);
        template_out_done(&out);
    }
    static const struct { const char *what; enum err err; } chains[] = {
        {"(", ERR_FORMAT}, {"[", ERR_FORMAT}, {"-", ERR_LIMIT}, {"not ", ERR_LIMIT},
        {"1 + ", ERR_LIMIT}, {"1 if 1 else ", ERR_LIMIT}, {"x.", ERR_FORMAT}, {"{1:", ERR_FORMAT}};
    for (size_t i = 0; i < N_OF(chains); i++) {
        struct template_out out;
        struct error e = {0};
        struct buf b;
        buf_init(&b, (size_t)4 << 20);
        buf_add(&b, STR("{{ "));
        buf_add(&b, nested(a, 50000, chains[i].what, "1 }}", ""));
        enum err err = render(buf_str(&b), vars, &limits, &out, &e);
        if (err != ERR_LIMIT && err != chains[i].err)
            fail_msg("%s: %s %s", chains[i].what, err_name(err), e.text);
        buf_done(&b);
        template_out_done(&out);
    }
    struct template *t = NULL;
    struct error e = {0};
    assert_int_equal(template_parse(nested(a, TEMPLATE_SOURCE_MAX + 1, "x", "", ""), &t, &e),
                     ERR_LIMIT);
    assert_int_equal(template_parse(STR("\xff"), &t, &e), ERR_FORMAT);
    assert_null(t);
    arena_free(a);
}

/* ---- errors ---- */

static void names_line_and_construct(void **state)
{
    (void)state;
    static const struct { const char *source, *want; } rows[] = {
        {"a\n{{ x|nofilter }}", "line 2: no filter named 'nofilter'"},
        {"a\n\n{% frob %}", "line 3: unknown or misplaced tag 'frob'"},
        {"{% include 'x' %}", "line 1: unknown or misplaced tag 'include'"},
        {"{% if x %}\n{% if y %}", "line 2: unexpected end of template"},
        {"{{ x is nope }}", "line 1: no test named 'nope'"},
        {"\n{{ q.a }}", "line 2: 'q' is undefined"},
        {"\n\n{{ d.q.a }}", "line 3: 'dict object' has no attribute 'q'"},
        {"{{ q() }}", "line 1: 'q' is undefined"},
        {"{{ 'a'.encode() }}", "line 1: 'encode' of 'str' is not supported"},
        {"{{ ''.__class__.__mro__ }}", "line 1: access to attribute '__class__' of 'str' object"},
        {"{{ 9223372036854775807 + 1 }}", "line 1: an integer of more than 64 bits"},
        {"{{ raise_exception('no ' ~ 1) }}", "no 1"},
        {"{{ 'a\nb'.format.q.r }}", "line 2: "},
        {"{{ foo( }}", "line 1: unexpected '}', expected ')'"},
        {"{{ \"\\N{DEGREE SIGN}\" }}", "line 1: \\N{...}"},
        {"{% break %}", "line 1: 'break' outside of a loop"},
    };
    struct arena *a = arena_new(0);
    const struct json *vars = parse_json(STR("{\"d\": {}}"), a);
    struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct template_out out;
        struct error e = {0};
        enum err err = render(str_of(rows[i].source), vars, &limits, &out, &e);
        if (err == ERR_OK || !str_starts(str_of(e.text), str_of(rows[i].want)))
            fail_msg("%s: got %s \"%s\", want \"%s\"", rows[i].source, err_name(err), e.text,
                     rows[i].want);
        template_out_done(&out);
    }
    arena_free(a);
}

/* A template is immutable: rendering twice gives the same, also after a failure. */
static void renders_again(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    const struct json *vars = parse_json(STR("{\"l\": [1]}"), a);
    struct template *t = NULL;
    struct error e = {0};
    assert_int_equal(template_parse(STR("{% set _ = l.append(2) %}{{ l }}{{ fail_now.x if l[9] }}"),
                                    &t, &e), ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        struct template_out out;
        struct template_limits limits = TEMPLATE_LIMITS_DEFAULT;
        limits.steps_max = i == 1 ? 3 : limits.steps_max;
        enum err err = template_render(t, vars, &limits, &out, &e);
        assert_int_equal(err, i == 1 ? ERR_LIMIT : ERR_OK);
        if (err == ERR_OK)
            assert_str_is(buf_str(&out.text), "[1, 2]");
        template_out_done(&out);
    }
    template_free(t);
    template_free(NULL);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_small_templates), cmocka_unit_test(renders_models_templates),
        cmocka_unit_test(marks_input),             cmocka_unit_test(stops_at_limits),
        cmocka_unit_test(stops_at_nesting),        cmocka_unit_test(names_line_and_construct),
        cmocka_unit_test(renders_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
