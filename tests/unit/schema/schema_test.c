/* SPDX-License-Identifier: Apache-2.0
 *
 * Schemas compiled and run over texts, byte by byte: what is taken, what is not, and what is
 * refused with which words. Rows of one table are one keyword each.
 */
#include "schema_kit.h"

#include "base/mem.h"

#define TEXTS_MAX 14

/* JSON here has ' for ", which it needs nowhere else. */
static const char *quoted_all(char *text)
{
    for (char *p = text; *p; p++)
        if (*p == '\'') *p = '"';
    return text;
}

static const char *quoted(const char *text)
{
    static char ring[4][4096];
    static unsigned at;
    char *out = ring[at++ % 4];
    snprintf(out, sizeof ring[0], "%s", text);
    return quoted_all(out);
}

struct row {
    const char *schema;
    const char *in[TEXTS_MAX], *out[TEXTS_MAX];
};

/* clang-format off */
static const struct row rows[] = {
    {"true",
     {"null", "1.5e3", "'x'", "[1, {'a': []}]", "{}"},
     {"", "nul", "[1,2]", "{'a':1}"}},
    {"{}",
     {"{'a': {'b': [true]}}"},
     {"{", "{'a'}"}},
    {"{'type': 'null'}",
     {"null"},
     {"true", "'null'"}},
    {"{'type': 'boolean'}",
     {"true", "false"},
     {"null", "0"}},
    {"{'type': 'integer'}",
     {"0", "-17", "123456789012345678901234567890"},
     {"1.5", "1e3", "'1'", "-0", "01"}},
    {"{'type': 'number'}",
     {"0", "-1.5", "2e10"},
     {"'1'", "1.", ".5", "NaN"}},
    {"{'type': 'string'}",
     {"''", "'a\\n\\''", "'\xc3\xa9'"},
     {"a", "'\n'", "`a`"}},
    {"{'type': ['string', 'null']}",
     {"'a'", "null"},
     {"1", "[]"}},
    {"{'type': 'string', 'nullable': true}",
     {"'a'"},
     {"null", "1"}},
    {"{'type': ['integer', 'number']}",
     {"1", "1.5"},
     {"'1'"}},
    {"{'enum': ['a', 1, null, true, [1, 'x'], {'k': 1, 'l': {}}]}",
     {"'a'", "1", "null", "true", "[1, 'x']", "{'k': 1, 'l': {}}", "{'l': {}, 'k': 1}"},
     {"'b'", "false", "[1]", "{'k': 1}", "{}", "2"}},
    {"{'enum': ['a', 1, 2, null], 'type': 'integer', 'minimum': 2}",
     {"2"},
     {"1", "'a'", "null"}},
    {"{'enum': ['ab', 'abc', 'b'], 'minLength': 2, 'pattern': '^a'}",
     {"'ab'", "'abc'"},
     {"'b'"}},
    {"{'const': 1.0}",
     {"1", "1.0"},
     {"2", "1.00"}},
    {"{'const': 150e-2}",
     {"150e-2"},
     {"1"}},
    {"{'const': {'a': [null]}}",
     {"{'a': [null]}"},
     {"{'a': []}", "{'a': [null], 'b': 1}"}},
    {"{'minimum': 3, 'maximum': 10, 'type': 'integer'}",
     {"3", "10"},
     {"2", "11", "-5"}},
    {"{'exclusiveMinimum': 3, 'exclusiveMaximum': 5, 'type': 'number'}",
     {"4", "3.1", "4.99"},
     {"3", "5", "3.0"}},
    {"{'minimum': 3, 'exclusiveMinimum': true, 'type': 'integer'}",
     {"4"},
     {"3"}},
    {"{'minimum': 3, 'exclusiveMinimum': 5, 'type': 'integer'}",
     {"6"},
     {"4", "5"}},
    {"{'type': 'integer', 'multipleOf': 7}",
     {"0", "14", "-7", "700"},
     {"1", "15"}},
    {"{'type': 'number', 'multipleOf': 0.25}",
     {"0.25", "1.5", "3"},
     {"0.1", "1.3"}},
    {"{'maximum': 3}",
     {"3", "'x'", "[99]"},
     {"4"}},
    {"{'minLength': 2, 'maxLength': 3, 'type': 'string'}",
     {"'ab'", "'\xc3\xa9\xf0\x9f\x98\x80'", "'\\n\\u0001x'"},
     {"''", "'a'", "'abcd'"}},
    {"{'pattern': 'b+', 'type': 'string'}",
     {"'b'", "'abbc'"},
     {"'ac'", "''"}},
    {"{'pattern': '^[a-c]{2,4}$', 'maxLength': 3}",
     {"'ab'", "'abc'", "5"},
     {"'a'", "'abca'", "'xy'"}},
    {"{'pattern': '^(ab)*$', 'minLength': 3, 'maxLength': 5}",
     {"'abab'"},
     {"'ab'", "'ababab'", "'aba'"}},
    {"{'allOf': [{'pattern': 'a'}, {'pattern': 'b'}], 'type': 'string'}",
     {"'ab'", "'ba'"},
     {"'a'", "'b'"}},
    {"{'type': 'array', 'items': {'type': 'integer'}}",
     {"[]", "[1]", "[1, 2]"},
     {"[1.5]", "['a']", "[1,2]", "{}"}},
    {"{'items': {'type': 'integer'}, 'minItems': 1, 'maxItems': 2}",
     {"[1]", "[1, 2]", "'x'"},
     {"[]", "[1, 2, 3]"}},
    {"{'type': 'array', 'prefixItems': [{'type': 'string'}, {'type': 'null'}], 'items': false}",
     {"[]", "['a']", "['a', null]"},
     {"[null]", "['a', null, 1]"}},
    {"{'type': 'array', 'items': [{'type': 'string'}], 'additionalItems': {'type': 'integer'}}",
     {"['a', 1, 2]", "[]"},
     {"[1]", "['a', 'b']"}},
    {"{'type': 'array', 'contains': {'const': 1}, 'items': {'type': 'integer'}}",
     {"[1]", "[2, 1, 3]"},
     {"[]", "[2]"}},
    {"{'type': 'array', 'contains': {'const': 1}, 'minContains': 2, 'maxContains': 3}",
     {"[1, 1]", "[1, 'x', 1, 1]"},
     {"[1]", "[1, 1, 1, 1]"}},
    {"{'type': 'array', 'contains': {'const': 1}, 'minContains': 2, "
     "'allOf': [{'contains': {'const': 1}, 'maxContains': 2}]}",
     {"[1, 1]", "[1, 5, 1]"},
     {"[1]", "[1, 1, 1]"}},
    {"{'type': 'array', 'contains': {'const': 1}, 'minContains': 0}",
     {"[]", "[2]", "[1]"},
     {"1"}},
    {"{'type': 'array', 'uniqueItems': true, 'items': {'type': 'string'}}",
     {"[]", "['a', 'b']"},
     {"['a', 'b', 'a']"}},
    {"{'type': 'array', 'uniqueItems': true, 'items': {'enum': [1, '1', null]}}",
     {"[1, '1', null]", "[null, 1]"},
     {"[1, 1]", "[null, 1, null]"}},
    {"{'type': 'array', 'uniqueItems': true, 'items': {'type': 'number'}}",
     {"[1, 1.5]", "[10, 1]"},
     {"[1, 1]", "[1.50]", "[1.5, 1.5]"}},
    {"{'type': 'array', 'uniqueItems': true, 'maxItems': 1}",
     {"[]", "[{'a': []}]"},
     {"[1, 2]"}},
    {"{'type': 'object', 'properties': {'a': {'type': 'integer'}, 'b': {}}, 'required': ['a']}",
     {"{'a': 1}", "{'a': 1, 'b': []}", "{'b': 1, 'a': 2}", "{'x': 1, 'a': 2}"},
     {"{}", "{'b': 1}", "{'a': 'x'}", "{'a': 1, 'a': 2}"}},
    {"{'type': 'object', 'properties': {'a': {}}, 'additionalProperties': false}",
     {"{}", "{'a': 1}"},
     {"{'b': 1}"}},
    {"{'type': 'object', 'properties': {'a': {}}, 'additionalProperties': {'type': 'string'}}",
     {"{'a': 1, 'c': 'x'}"},
     {"{'c': 1}"}},
    {"{'type': 'object', 'required': ['a', 'q\\'\\n']}",
     {"{'q\\'\\n': 1, 'a': 0}"},
     {"{'a': 0}"}},
    {"{'type': 'object', 'patternProperties': {'^x': {'type': 'integer'}, 'y$': {'minimum': 5}}, "
     "'additionalProperties': false}",
     {"{}", "{'xa': 1}", "{'xy': 5}", "{'ay': 6}", "{'ay': 's'}"},
     {"{'xa': 's'}", "{'xy': 4}", "{'b': 1}", "{'ay': 1}"}},
    {"{'type': 'object', 'properties': {'xa': {'maximum': 3}}, 'patternProperties': {'^x': "
     "{'type': 'integer'}}}",
     {"{'xa': 3}", "{'xb': 9}", "{'q': 's'}"},
     {"{'xa': 4}", "{'xa': 's'}", "{'xb': 's'}"}},
    {"{'type': 'object', 'propertyNames': {'maxLength': 2, 'pattern': '^a'}, 'properties': {'b': "
     "{}}}",
     {"{}", "{'a': 1, 'ab': 2}"},
     {"{'b': 1}", "{'abc': 1}"}},
    {"{'type': 'object', 'propertyNames': {'enum': ['a', 'b']}}",
     {"{'b': 1, 'a': 2}"},
     {"{'c': 1}"}},
    {"{'type': 'object', 'minProperties': 1, 'maxProperties': 2}",
     {"{'a': 1}", "{'a': 1, 'b': 2}"},
     {"{}", "{'a': 1, 'b': 2, 'c': 3}"}},
    {"{'type': 'object', 'dependentRequired': {'a': ['b']}}",
     {"{}", "{'b': 1}", "{'a': 1, 'b': 2}"},
     {"{'a': 1}"}},
    {"{'type': 'object', 'dependencies': {'a': ['b'], 'c': {'properties': {'d': {'type': "
     "'null'}}}}}",
     {"{'d': 1}", "{'c': 1, 'd': null}", "{'a': 1, 'b': 2}"},
     {"{'a': 1}", "{'c': 1, 'd': 1}"}},
    {"{'type': 'object', 'dependentSchemas': {'c': {'required': ['d']}}}",
     {"{}", "{'c': 1, 'd': 1}"},
     {"{'c': 1}"}},
    {"{'anyOf': [{'type': 'string', 'maxLength': 2}, {'type': 'integer'}]}",
     {"'ab'", "5"},
     {"'abc'", "null"}},
    {"{'type': 'object', 'properties': {'k': {}}, 'anyOf': [{'required': ['k']}, {'required': "
     "['l']}]}",
     {"{'k': 1}", "{'l': 1}", "{'k': 1, 'l': 1}"},
     {"{}", "{'m': 1}"}},
    {"{'oneOf': [{'type': 'integer'}, {'minimum': 2}]}",
     {"1", "2.5", "'x'"},
     {"3", "1.5"}},
    {"{'type': 'object', 'oneOf': [{'required': ['a']}, {'required': ['b']}]}",
     {"{'a': 1}", "{'b': 1, 'c': 1}"},
     {"{}", "{'a': 1, 'b': 1}"}},
    {"{'oneOf': [{'properties': {'t': {'const': 'a'}, 'v': {'type': 'null'}}, 'required': "
     "['t']}, {'properties': {'t': {'const': 'b'}}, 'required': ['t', 'v']}], 'type': 'object'}",
     {"{'t': 'a'}", "{'t': 'a', 'v': null}", "{'t': 'b', 'v': 1}"},
     {"{'t': 'a', 'v': 1}", "{'t': 'b'}", "{'t': 'c', 'v': 1}"}},
    {"{'type': 'object', 'properties': {'a': {}}, 'additionalProperties': false, 'oneOf': "
     "[{'properties': {'a': {'type': 'integer'}}}, {'properties': {'a': {'minimum': 3}}}]}",
     {"{'a': 1}", "{'a': 3.5}", "{'a': 'x'}"},
     {"{}", "{'a': 4}", "{'a': 1.5}"}},
    {"{'allOf': [{'properties': {'a': {'type': 'integer'}}, 'type': 'object'}, {'properties': "
     "{'a': {'minimum': 3}}, 'required': ['a']}]}",
     {"{'a': 3}"},
     {"{}", "{'a': 2}", "{'a': 3.5}"}},
    {"{'not': {'type': ['string', 'object', 'array']}}",
     {"1", "null", "true"},
     {"'a'", "{}", "[]"}},
    {"{'type': 'string', 'not': {'enum': ['a', 'b']}}",
     {"'c'", "''", "'aa'"},
     {"'a'", "'b'"}},
    {"{'type': 'integer', 'not': {'multipleOf': 3}}",
     {"1", "-2"},
     {"0", "3", "-6"}},
    {"{'type': 'number', 'not': {'type': 'integer'}}",
     {"1.5"},
     {"1", "1.0"}},
    {"{'type': 'string', 'not': {'pattern': '^a'}}",
     {"'b'", "''"},
     {"'a'", "'ab'"}},
    {"{'type': 'string', 'not': {'minLength': 3}}",
     {"'ab'"},
     {"'abc'"}},
    {"{'type': 'array', 'not': {'items': {'type': 'integer'}}}",
     {"['a']", "[1, null]"},
     {"[]", "[1]"}},
    {"{'type': 'array', 'not': {'contains': {'const': 1}}}",
     {"[]", "[2]"},
     {"[1]", "[2, 1]"}},
    {"{'type': 'object', 'not': {'required': ['a', 'b']}}",
     {"{}", "{'a': 1}", "{'b': 1}"},
     {"{'a': 1, 'b': 1}"}},
    {"{'type': 'object', 'not': {'properties': {'a': {'type': 'integer'}}}}",
     {"{'a': 'x'}"},
     {"{}", "{'a': 1}"}},
    {"{'type': 'object', 'properties': {'a': {}, 'b': {}}, 'not': {'properties': {'a': {}}, "
     "'additionalProperties': false}}",
     {"{'b': 1}", "{'a': 1, 'c': 1}", "{'z': 1}"},
     {"{}", "{'a': 1}"}},
    {"{'type': 'object', 'not': {'minProperties': 2}}",
     {"{}", "{'a': 1}"},
     {"{'a': 1, 'b': 1}"}},
    {"{'type': 'object', 'propertyNames': {'enum': ['a', 'b']}, 'properties': {'a': {}, 'b': "
     "{}}, 'not': {'propertyNames': {'pattern': '^a'}}}",
     {"{'b': 1}", "{'a': 1, 'b': 1}"},
     {"{}", "{'a': 1}"}},
    {"{'if': {'properties': {'a': {'const': 1}}, 'required': ['a']}, 'then': {'required': "
     "['b']}, 'else': {'required': ['c']}, 'type': 'object'}",
     {"{'a': 1, 'b': 1}", "{'a': 2, 'c': 1}", "{'c': 1}"},
     {"{'a': 1, 'c': 1}", "{}", "{'a': 2, 'b': 1}"}},
    {"{'if': {'type': 'string'}, 'then': {'maxLength': 1}}",
     {"'a'", "5"},
     {"'ab'"}},
    {"{'$defs': {'n': {'type': 'object', 'properties': {'next': {'$ref': '#/$defs/n'}}, "
     "'additionalProperties': false}}, '$ref': '#/$defs/n'}",
     {"{}", "{'next': {'next': {}}}"},
     {"{'next': 1}", "{'x': 1}"}},
    {"{'definitions': {'a/b~c': {'type': 'null'}}, 'properties': {'p': {'$ref': "
     "'#/definitions/a~1b~0c'}, 'q': {'$ref': '#/d%65finitions/a%7E1b~0c'}}, 'required': ['p'], "
     "'$schema': 'x'}",
     {"1", "{'p': null, 'q': null}"},
     {"{'p': 1}", "{'p': null, 'q': 1}"}},
    {"{'items': {'$ref': '#'}, 'type': 'array'}",
     {"[]", "[[], [[]]]"},
     {"[1]", "[[1]]"}},
    {"{'$id': 'http://h/root.json', '$defs': {'a': {'$id': 'sub/a.json', '$defs': {'b': {'type': "
     "'null'}}, '$ref': '#/$defs/b'}, 'c': {'$anchor': 'cc', 'type': 'boolean'}}, 'prefixItems': "
     "[{'$ref': 'sub/a.json'}, {'$ref': '#cc'}, {'$ref': 'http://h/sub/a.json#/$defs/b'}], "
     "'type': 'array'}",
     {"[null, true, null]"},
     {"[1]", "[null, null]", "[null, true, 1]"}},
    {"{'$schema': 'http://json-schema.org/draft-04/schema#', 'id': 'http://h/r', "
     "'items': {'id': '/items', '$defs': {'x': {'type': 'null'}}, "
     "'anyOf': [{'$ref': '#/$defs/x'}, {'$ref': '#/definitions/y'}, "
     "{'$ref': 'r#/definitions/z'}]}, "
     "'definitions': {'y': {'enum': [1]}, 'z': {'enum': [2]}}}",
     {"[null, 1, 2]"},
     {"[3]"}},
    {"{'items': {'id': 'q', '$ref': '#/$defs/x'}, '$defs': {'x': {'type': 'null'}}}",
     {"[null]"},
     {"[3]"}},
    {"{'$ref': '#/$defs/a', 'maximum': 5, '$defs': {'a': {'type': 'integer'}}}",
     {"5"},
     {"6", "'a'"}},
    {"{'$schema': 'http://json-schema.org/draft-07/schema#', '$ref': '#/$defs/a', 'maximum': 5, "
     "'$defs': {'a': {'type': 'integer'}}}",
     {"6"},
     {"'a'"}},
    {"{'$dynamicRef': '#n', '$defs': {'x': {'$dynamicAnchor': 'n', 'type': 'null'}}}",
     {"null"},
     {"1"}},
    {"{'type': 'object', 'properties': {'a': false, 'b': true}}",
     {"{}", "{'b': 1}"},
     {"{'a': 1}"}},
    {"{'type': 'object', 'properties': {'a': {'allOf': [{'type': 'string'}, {'type': 'null'}]}}}",
     {"{}", "{'b': 1}"},
     {"{'a': 1}", "{'a': 'x'}"}},
    {"{'type': 'object', 'properties': {'a': {'$ref': '#/$defs/endless'}}, '$defs': {'endless': "
     "{'type': 'object', 'required': ['x'], 'properties': {'x': {'$ref': '#/$defs/endless'}}}}}",
     {"{}"},
     {"{'a': {}}"}},
    {"{'title': 't', 'description': 5, 'x-unknown': [], 'format': 'no-such', 'contentEncoding': "
     "'base64'}",
     {"1", "''"},
     {"x"}},
};

/* Read as api.x.ai reads them: closed, in order, whole patterns. */
static const struct row xai_rows[] = {
    {"{'type': 'string', 'nullable': true}",
     {"'a'", "null"},
     {"1"}},
    {"{'type': 'object', 'properties': {'a': {'type': 'integer'}, 'b': {'type': 'null'}}, "
     "'required': ['a']}",
     {"{'a': 1}", "{'a': 1, 'b': null}"},
     {"{'b': null, 'a': 1}", "{'a': 1, 'c': 1}", "{}"}},
    {"{'type': 'object'}",
     {"{}", "{'x': 1}"},
     {"[]"}},
    {"{'type': 'object', 'properties': {'a': {}}, 'additionalProperties': true}",
     {"{'a': 1, 'z': 1}"},
     {"{'z': 1, 'a': 1}"}},
    {"{'type': 'object', 'properties': {'a': {}}, 'allOf': [{'properties': {'b': {}}}]}",
     {"{'a': 1, 'b': 1}"},
     {"{'c': 1}"}},
    {"{'type': 'string', 'pattern': '[a-z]+'}",
     {"'abc'"},
     {"'abc1'", "''"}},
    {"{'type': 'object', 'properties': {'a': {}}, 'patternProperties': {'^x': {'type': 'null'}}}",
     {"{'a': 1, 'xy': null}"},
     {"{'b': null}", "{'xy': 1}"}},
    {"{'oneOf': [{'type': 'integer'}, {'type': 'number'}]}",
     {"1.5"},
     {"'x'"}},
    {"{'type': 'object', 'required': ['k'], 'properties': {'v': {}}}",
     {"{'k': 1}", "{'v': 1, 'k': 1}"},
     {"{'v': 1}", "{'k': 1, 'z': 1}"}},
    {"{'oneOf': [{'type': 'object', 'properties': {'a': {'type': 'integer'}}}, "
     "{'type': 'object', 'properties': {'b': {'type': 'string'}}}]}",
     {"{}", "{'a': 1}", "{'b': 'x'}"},
     {"{'a': 1, 'b': 1}", "{'c': 1}"}},
    {"{'type': 'object', 'properties': {'a': {}, 'b': {}}, "
     "'oneOf': [{'required': ['a']}, {'required': ['b']}]}",
     {"{'a': 1}", "{'b': 1}"},
     {"{'a': 1, 'b': 1}", "{}"}},
};
/* clang-format on */

static void check_rows(const struct row *row, size_t n, const struct schema_options *o)
{
    struct kit k;
    kit_open(&k);
    int n_bad = 0;
    for (size_t i = 0; i < n; i++) {
        struct arena *a = arena_new(0);
        struct error e;
        struct grammar *g = kit_compile(kit_json(a, quoted(row[i].schema)), o, &e);
        if (!g) {
            print_error("%s\n  refused: %s\n", row[i].schema, e.text);
            n_bad++;
        }
        for (int j = 0; g && j < TEXTS_MAX; j++) {
            if (row[i].in[j] && !kit_accepts(&k, g, str_of(quoted(row[i].in[j])))) {
                print_error("%s\n  does not take %s\n", row[i].schema, row[i].in[j]);
                n_bad++;
            }
            if (row[i].out[j] && kit_accepts(&k, g, str_of(quoted(row[i].out[j])))) {
                print_error("%s\n  takes %s\n", row[i].schema, row[i].out[j]);
                n_bad++;
            }
        }
        grammar_unref(g);
        arena_free(a);
    }
    kit_close(&k);
    assert_int_equal(n_bad, 0);
}

static void test_standard(void **state)
{
    (void)state;
    check_rows(rows, N_OF(rows), &SCHEMA_STANDARD);
}

static void test_xai(void **state)
{
    (void)state;
    check_rows(xai_rows, N_OF(xai_rows), &SCHEMA_XAI);
}

/* ---- refusals ---- */

struct refusal {
    const char *schema, *text;
};

/* clang-format off */
static const struct refusal refusals[] = {
    {"{'properties': {'color': {'enum': []}}}",
     "[standard_violation] /properties/color/enum: [] has less than 1 item"},
    {"{'anyOf': []}",
     "[standard_violation] /anyOf: [] has less than 1 item"},
    {"{'oneOf': []}",
     "[standard_violation] /oneOf: [] has less than 1 item"},
    {"{'allOf': {}}",
     "[standard_violation] /allOf: {} is not of type 'array'"},
    {"{'type': 'strnig'}",
     "[standard_violation] /type: 'strnig' is not the name of a type"},
    {"{'type': ['string', 'string']}",
     "[standard_violation] /type: ['string','string'] has non-unique elements"},
    {"{'minLength': -1}",
     "[standard_violation] /minLength: -1 is less than the minimum of 0"},
    {"{'minLength': 1.5}",
     "[standard_violation] /minLength: 1.5 is not of type 'integer'"},
    {"{'maxItems': '3'}",
     "[standard_violation] /maxItems: '3' is not of type 'integer'"},
    {"{'multipleOf': 0}",
     "[standard_violation] /multipleOf: 0 is less than or equal to the minimum of 0"},
    {"{'required': ['a', 'a']}",
     "[standard_violation] /required: ['a','a'] has non-unique elements"},
    {"{'required': 'a'}",
     "[standard_violation] /required: 'a' is not of type 'array'"},
    {"{'properties': {'a~/b': {'items': 5}}}",
     "[standard_violation] /properties/a~0~1b/items: 5 is not of types 'boolean', 'object'"},
    {"{'properties': []}",
     "[standard_violation] /properties: [] is not of type 'object'"},
    {"{'properties': {'a': null}}",
     "[standard_violation] /properties: null is not of types 'boolean', 'object'"},
    {"{'dependentRequired': {'a': {}}}",
     "[standard_violation] /dependentRequired: {} is not of type 'array'"},
    {"{'pattern': 5}",
     "[standard_violation] /pattern: 5 is not of type 'string'"},
    {"5",
     "[standard_violation] a schema is an object or a boolean, not number"},
    {"{'$ref': '#/nowhere'}",
     "[standard_violation] /$ref: '#/nowhere' points to nothing in the schema"},
    {"{'$ref': '#/title', 'title': 'x'}",
     "[standard_violation] /$ref: '#/title' does not point to a schema"},
    {"{'items': {'$ref': 'http://example.com/s.json'}}",
     "[unsupported] /items/$ref: 'http://example.com/s.json' is another document; put the schema "
     "under $defs and refer to it there"},
    {"{'$ref': 5}",
     "[standard_violation] /$ref: number is not of type 'string'"},
    {"{'$ref': '#'}",
     "[unsupported] /$ref: refers to itself without an end"},
    {"{'allOf': [{'$ref': '#'}]}",
     "[unsupported] the schema refers to itself without an end"},
    {"{'not': {'$ref': '#'}}",
     "[unsupported] /$ref: refers to itself without an end"},
    {"{'$defs': {'a': {'anyOf': [{'type': 'null'}, {'$ref': '#/$defs/b'}]}, 'b': {'$ref': "
     "'#/$defs/a'}}, 'items': {'$ref': '#/$defs/a'}}",
     "[unsupported] /$defs/a: the schema refers to itself without an end"},
    {"{'properties': {'p': {'type': 'string', 'pattern': '(?=a)b'}}}",
     "[unsupported] /properties/p/pattern: the pattern uses look-ahead (?= at position 0, which "
     "is not supported"},
    {"{'patternProperties': {'(a)\\\\1': {}}}",
     "[unsupported] /patternProperties: the pattern uses a back-reference (\\1 to \\9) at "
     "position 3, which is not supported"},
    {"{'type': 'array', 'uniqueItems': true}",
     "[unsupported] /uniqueItems: is enforced for strings, numbers, booleans and null only"},
    {"{'type': 'object', 'not': {'additionalProperties': {'type': 'string'}}}",
     "[unsupported] /not: its complement asks for a member that can be any of many"},
    {"{'type': 'array', 'not': {'uniqueItems': true}}",
     "[unsupported] /not/uniqueItems: cannot be enforced exactly here"},
    {"{'type': 'array', 'allOf': [{'contains': {'const': 1}}, {'contains': {'const': 2}}]}",
     "[unsupported] /allOf/1/contains: cannot be enforced together with what else holds for "
     "the items"},
    {"false",
     "[unsatisfiable] no value satisfies the schema"},
    {"{'type': 'string', 'enum': [1]}",
     "[unsatisfiable] no value satisfies the schema"},
    {"{'type': 'integer', 'minimum': 3, 'maximum': 2}",
     "[unsatisfiable] no value satisfies the schema"},
    {"{'type': 'object', 'required': ['a'], 'properties': {'a': {'$ref': '#'}}}",
     "[unsatisfiable] no value satisfies the schema"},
    {"{'type': 'object', 'required': ['a'], 'additionalProperties': false}",
     "[unsatisfiable] no value satisfies the schema"},
    {"{'minItems': 5000000000}",
     "[limit] /minItems: more than 4294967294 cannot be asked for"},
};
/* clang-format on */

static void test_refusals(void **state)
{
    (void)state;
    int n_bad = 0;
    for (size_t i = 0; i < N_OF(refusals); i++) {
        struct arena *a = arena_new(0);
        struct error e;
        struct grammar *g =
            kit_compile(kit_json(a, quoted(refusals[i].schema)), &SCHEMA_STANDARD, &e);
        bool is_limit = strncmp(refusals[i].text, "[limit]", 7) == 0;
        if (g || strcmp(e.text, quoted(refusals[i].text)) != 0 ||
            e.code != (is_limit ? ERR_LIMIT : ERR_ARG)) {
            print_error("%s\n  got  %s\n  want %s\n", refusals[i].schema, g ? "a grammar" : e.text,
                        refusals[i].text);
            n_bad++;
        }
        grammar_unref(g);
        arena_free(a);
    }
    assert_int_equal(n_bad, 0);
}

/* Parameters of a tool. */
static void test_objects_only(void **state)
{
    (void)state;
    struct schema_options o = SCHEMA_STANDARD;
    struct kit k;
    struct error e;
    struct arena *a = arena_new(0);
    o.objects_only = true;
    kit_open(&k);
    struct grammar *g =
        kit_compile(kit_json(a, quoted("{'properties': {'a': {'type': 'null'}}}")), &o, &e);
    assert_non_null(g);
    assert_true(kit_accepts(&k, g, STR("{\"a\": null}")));
    assert_false(kit_accepts(&k, g, STR("5")));
    grammar_unref(g);
    assert_null(kit_compile(kit_json(a, "{\"type\": \"string\"}"), &o, &e));
    assert_string_equal(e.text, "[unsupported] /type: parameters must be of type \"object\"");
    arena_free(a);
    kit_close(&k);
}

/* $ref means the whole document when the schema is a part of it; pointers are those of the part. */
static void test_root(void **state)
{
    (void)state;
    struct schema_options o = SCHEMA_STANDARD;
    struct kit k;
    struct error e;
    struct arena *a = arena_new(0);
    kit_open(&k);
    o.root = kit_json(a, "{\"$defs\": {\"n\": {\"type\": \"null\"}}, \"s\": {\"items\": {\"$ref\": "
                         "\"#/$defs/n\"}, \"type\": \"array\"}, \"t\": {\"enum\": []}}");
    struct grammar *g = kit_compile(json_get(o.root, "s"), &o, &e);
    assert_non_null(g);
    assert_true(kit_accepts(&k, g, STR("[null]")));
    assert_false(kit_accepts(&k, g, STR("[1]")));
    grammar_unref(g);
    assert_null(kit_compile(json_get(o.root, "t"), &o, &e));
    assert_string_equal(e.text, "[standard_violation] /enum: [] has less than 1 item");
    arena_free(a);
    kit_close(&k);
}

/* Keys without quotes, strings between marks. */
static void test_style(void **state)
{
    (void)state;
    static const struct grammar_style style = {.object_open = STR("{"),
                                               .object_close = STR("}"),
                                               .array_open = STR("["),
                                               .array_close = STR("]"),
                                               .comma = STR(","),
                                               .colon = STR(":"),
                                               .bare_keys = true,
                                               .string_mark = STR("<|\"|>")};
    static const char *const in[] = {
        "{city:<|\"|>Z\xc3\xbcrich \"HB\"\n<|\"|>}",
        "{city:<|\"|><|\"|>,days:3,tags:[<|\"|>x<|\"|>,<|\"|>y<|\"|>]}",
        "{city:<|\"|>a<|\"|>,unit:<|\"|>C<|\"|>,more:{k:null,l:[1,true,<|\"|>z<|\"|>]}}",
    };
    static const char *const out[] = {
        "{}",
        "{city:\"a\"}",
        "{city:<|\"|>a<|\"|>,days:<|\"|>3<|\"|>}",
        "{city:<|\"|>a<|\"|>,unit:<|\"|>K<|\"|>}",
        "{city:<|\"|>averylongname<|\"|>}",
        "{\"city\":<|\"|>a<|\"|>}",
    };
    struct schema_options o = SCHEMA_XAI;
    struct kit k;
    struct error e;
    struct arena *a = arena_new(0);
    o.style = &style;
    kit_open(&k);
    struct grammar *g = kit_compile(
        kit_json(a,
                 quoted("{'type': 'object', 'required': ['city'], 'properties': {"
                        "'city': {'type': 'string', 'maxLength': 12}, 'days': {'type': 'integer'},"
                        "'tags': {'items': {'type': 'string'}, 'type': 'array'},"
                        "'unit': {'enum': ['C', 'F']}, 'more': {'type': 'object'}}}")),
        &o, &e);
    assert_non_null(g);
    for (size_t i = 0; i < N_OF(in); i++)
        if (!kit_accepts(&k, g, str_of(in[i]))) fail_msg("does not take %s", in[i]);
    for (size_t i = 0; i < N_OF(out); i++)
        if (kit_accepts(&k, g, str_of(out[i]))) fail_msg("takes %s", out[i]);
    grammar_unref(g);
    arena_free(a);
    kit_close(&k);
}

/* ---- limits ---- */

static char *repeated(const char *head, const char *part, int n, const char *tail)
{
    struct buf b;
    buf_init(&b, (size_t)64 << 20);
    buf_add(&b, str_of(head));
    for (int i = 0; i < n; i++) {
        for (const char *p = part; *p; p++)
            if (*p == '#')
                buf_i64(&b, i);
            else
                buf_char(&b, *p);
        buf_add(&b, i + 1 < n ? STR(", ") : STR(""));
    }
    buf_add(&b, str_of(tail));
    buf_char(&b, '\0');
    return b.p;
}

static char *nested(const char *head, const char *inner, const char *tail, int depth)
{
    struct buf b;
    buf_init(&b, (size_t)1 << 20);
    for (int i = 0; i < depth; i++) buf_add(&b, str_of(head));
    buf_add(&b, str_of(inner));
    for (int i = 0; i < depth; i++) buf_add(&b, str_of(tail));
    buf_char(&b, '\0');
    return b.p;
}

static void check_limit(char *schema, const struct schema_options *o, enum err code,
                        const char *part)
{
    struct arena *a = arena_new(0);
    struct error e;
    struct grammar *g = kit_compile(kit_json(a, quoted_all(schema)), o, &e);
    if (code == ERR_OK ? !g : g || e.code != code || !strstr(e.text, part))
        fail_msg("%.60s...: %s", schema, g ? "compiled" : e.text);
    grammar_unref(g);
    arena_free(a);
    mem_free(schema);
}

static void test_limits(void **state)
{
    (void)state;
    const struct schema_options standard = SCHEMA_STANDARD;
    struct schema_options few = standard, shallow = standard;
    few.n_node_max = 100;
    shallow.depth_max = 10;
    check_limit(repeated("{'enum': [", "'value number #'", 10000, "]}"), &standard, ERR_OK, "");
    check_limit(repeated("{'enum': [", "{'a': #}", 10000, "]}"), &standard, ERR_OK, "");
    check_limit(repeated("{'type': 'object', 'properties': {",
                         "'property number #': {'type': 'string', 'description': '........"
                         "........................................................................"
                         "................................................'}",
                         30000, "}}"),
                &standard, ERR_OK, "");
    check_limit(repeated("{'type': 'object', 'allOf': [",
                         "{'anyOf': [{'required': ['a#']}, {'required': ['b#']}]}", 20, "]}"),
                &standard, ERR_LIMIT, "[limit] the schema has a part with more than 16384 alter");
    check_limit(repeated("{'type': 'object', 'oneOf': [",
                         "{'properties': {'a#': {'type': 'string'}, 'b#': {'type': 'null'}}}", 30,
                         "]}"),
                &standard, ERR_LIMIT, "[limit] the schema has a part with more than 16384 alter");
    check_limit(repeated("{'properties': {", "'p#': {'minLength': #}", 200, "}}"), &few, ERR_LIMIT,
                "[limit] the schema has more than 100 combinations of its parts");
    check_limit(nested("{'allOf': [{}, ", "{'type': 'null'}", "]}", 12), &shallow, ERR_LIMIT,
                "[limit] /allOf/1/allOf/1/allOf/1/allOf/1/allOf/1/allOf/1/allOf/1/allOf/1/allOf/1/"
                "allOf/1: schemas apply inside one another more than 10 deep");
    check_limit(nested("{'items': ", "{'type': 'null'}", "}", 12), &shallow, ERR_LIMIT,
                "[limit] /items/items/items/items/items/items/items/items/items/items: the schema "
                "is more than 10 deep");
    check_limit(nested("{'items': ", "{'type': 'null'}", "}", 100), &standard, ERR_OK, "");
    check_limit(repeated("{'type': 'object', 'allOf': [",
                         "{'not': {'propertyNames': {'enum': ['k#']}}}", 40, "]}"),
                &standard, ERR_LIMIT,
                "[limit] /allOf/0/not: more than 32 complements ask for a member of the same");
    check_limit(repeated("{'patternProperties': {", "'x#y': {'minimum': #}", 10, "}}"), &standard,
                ERR_LIMIT, "[limit] patternProperties overlap in more than 256 ways");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard), cmocka_unit_test(test_xai),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_objects_only),
        cmocka_unit_test(test_root),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_style),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
