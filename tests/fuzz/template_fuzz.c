/* SPDX-License-Identifier: Apache-2.0
 *
 * Chat templates: any bytes as source, rendered with a small conversation under small limits.
 * Whatever comes out is valid UTF-8, its marks are sorted, apart and inside the text, and a second
 * render gives the same bytes.
 */
#include "base/mem.h"
#include "base/utf8.h"
#include "token/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SOURCE_MAX 65536

static const char vars_text[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \"Be \\u00e9 \\\"kind\\\".\\n\"},"
    " {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \" a,b <|x|> \"}]},"
    " {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"id\": \"1\", \"function\":"
    " {\"name\": \"f\", \"arguments\": {\"k\": [1, 2.5, null, true]}}}]}],"
    " \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}],"
    " \"x\": 5, \"y\": 0.5, \"s\": \"Hello\", \"d\": {\"a\": 1, \"b\": {\"c\": \"d\"}},"
    " \"bos_token\": \"<s>\"}";

static void check_marks(const struct template_out *o)
{
    size_t at = 0;
    for (size_t i = 0; i < o->n_input; i++) {
        CHECK(i == 0 || o->input[i].from > at);
        CHECK(o->input[i].to > o->input[i].from && o->input[i].to <= o->text.n);
        at = o->input[i].to;
    }
}

static void render_twice(const struct template *t, const struct json *vars)
{
    struct template_limits limits = {1u << 16, 1u << 21, 20000, 1753975845};
    struct template_out a, b;
    struct error e = {0};
    enum err first = template_render(t, vars, &limits, &a, &e);
    enum err second = template_render(t, vars, &limits, &b, NULL);
    CHECK(first == second);
    if (first == ERR_OK) {
        CHECK(utf8_valid(buf_str(&a.text)));
        CHECK(str_eq(buf_str(&a.text), buf_str(&b.text)) && a.n_input == b.n_input);
        check_marks(&a);
    } else {
        CHECK(e.text[0] != '\0' || first == ERR_ARG);
    }
    template_out_done(&a);
    template_out_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct template *t = NULL;
    struct error e = {0};
    if (size > SOURCE_MAX)
        return 0;
    if (template_parse(str_n((const char *)data, size), &t, &e) != ERR_OK) {
        CHECK(t == NULL && e.text[0] != '\0');
        return 0;
    }
    struct arena *a = arena_new(0);
    struct json *vars = NULL;
    CHECK(json_parse(str_of(vars_text), a, &vars, &e) == ERR_OK);
    render_twice(t, vars);
    arena_free(a);
    template_free(t);
    return 0;
}
