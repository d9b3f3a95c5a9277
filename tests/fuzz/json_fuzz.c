/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON parser against jansson: both accept or both refuse, and the trees are equal; what was
 * accepted is written and read back to the same text. jansson refuses integers beyond int64
 * and has another depth limit: such texts are only held to our own round trip.
 */
/* jansson's enumerators have the names of ours. */
#define JSON_NULL JANSSON_NULL
#define JSON_STRING JANSSON_STRING
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef JSON_NULL
#undef JSON_STRING
#undef JSON_ARRAY
#undef JSON_OBJECT

#include <math.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"

#define ARENA_CAP ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool equal(const struct json *v, const json_t *j);

static bool equal_array(const struct json *v, const json_t *j)
{
    if (json_typeof(j) != JANSSON_ARRAY || json_array_size(j) != v->n)
        return false;
    for (uint32_t i = 0; i < v->n; i++)
        if (!equal(&v->item[i], json_array_get(j, i)))
            return false;
    return true;
}

/* jansson cannot look up a key with a NUL; such a text never comes here. */
static bool equal_object(const struct json *v, const json_t *j)
{
    if (json_typeof(j) != JANSSON_OBJECT || json_object_size(j) != v->n)
        return false;
    for (uint32_t i = 0; i < v->n; i++) {
        const struct json_member *m = &v->member[i];
        char *key = mem_alloc(m->key.n + 1);
        memcpy(key, m->key.p, m->key.n);
        const json_t *other = json_object_get(j, key);
        mem_free(key);
        if (!other || !equal(&m->value, other))
            return false;
    }
    return true;
}

static bool equal_number(const struct json *v, const json_t *j)
{
    int64_t i;
    if (json_is_integer(j))
        return json_int(v, &i) && i == json_integer_value(j);
    return json_is_real(j) && json_real_value(j) == v->number;
}

static bool equal(const struct json *v, const json_t *j)
{
    switch (v->type) {
    case JSON_NULL: return json_typeof(j) == JANSSON_NULL;
    case JSON_BOOL: return json_is_boolean(j) && json_boolean_value(j) == v->boolean;
    case JSON_NUMBER: return equal_number(v, j);
    case JSON_STRING:
        return json_typeof(j) == JANSSON_STRING &&
               str_eq(v->string, (str){json_string_value(j), json_string_length(j)});
    case JSON_ARRAY: return equal_array(v, j);
    default: return equal_object(v, j);
    }
}

/* Texts on which the two may rightly differ. */
static bool is_jansson_special(str text, const json_error_t *je)
{
    if (str_find(text, STR("\\u0000"), 0) != SIZE_MAX || str_find_char(text, '\0', 0) != SIZE_MAX)
        return true;
    return strstr(je->text, "too big") != NULL || strstr(je->text, "overflow") != NULL;
}

static void write_value(struct buf *b, const struct json *v)
{
    struct json_writer w;
    jw_init(&w, b);
    jw_value(&w, v);
    CHECK(!b->bad && w.depth == 0);
}

static void check_round_trip(const struct json *v, size_t size)
{
    struct buf once, twice;
    buf_init(&once, size * 6 + 100);
    buf_init(&twice, size * 6 + 100);
    write_value(&once, v);
    CHECK(utf8_valid(buf_str(&once)));
    struct arena *a = arena_new(0);
    struct json *back;
    CHECK(json_parse(buf_str(&once), a, &back, NULL) == ERR_OK);
    write_value(&twice, back);
    CHECK(str_eq(buf_str(&once), buf_str(&twice)));
    arena_free(a);
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str text = {(const char *)data, size};
    struct arena *a = arena_new(ARENA_CAP);
    struct json *v = NULL;
    struct error e = {0};
    enum err err = json_parse(text, a, &v, &e);
    json_error_t je = {0};
    json_t *j = json_loadb(text.p, size,
                           JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
    CHECK(arena_used(a) <= ARENA_CAP);
    if (err == ERR_OK)
        check_round_trip(v, size);
    else
        CHECK(e.code == err && e.pos <= size && e.text[0] != '\0' && utf8_valid(str_of(e.text)));
    if (err != ERR_LIMIT && !is_jansson_special(text, &je))
        CHECK(err == ERR_OK ? j && equal(v, j) : !j);
    json_decref(j);
    arena_free(a);
    return 0;
}
