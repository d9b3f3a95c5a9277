/* SPDX-License-Identifier: Apache-2.0
 *
 * What a 2020-12 schema looks like, as one schema of our own: the same rules as the published
 * metaschema, whose vocabularies it does not tell apart.
 */
#include "schema/validate_internal.h"

static const char text[] =
    "{\"$schema\":\"" METASCHEMA_URI "\",\"$id\":\"" METASCHEMA_URI
    "\",\"$dynamicAnchor\":\"meta\","
    "\"type\":[\"object\",\"boolean\"],"
    "\"properties\":{"
    "\"$id\":{\"type\":\"string\",\"pattern\":\"^[^#]*#?$\"},\"$schema\":{\"type\":\"string\"},"
    "\"$ref\":{\"type\":\"string\"},\"$dynamicRef\":{\"type\":\"string\"},"
    "\"$anchor\":{\"$ref\":\"#/$defs/anchor\"},\"$dynamicAnchor\":{\"$ref\":\"#/$defs/anchor\"},"
    "\"$vocabulary\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"}},"
    "\"$comment\":{\"type\":\"string\"},\"$defs\":{\"$ref\":\"#/$defs/map\"},"
    "\"definitions\":{\"$ref\":\"#/$defs/map\"},"
    "\"dependencies\":{\"additionalProperties\":{\"anyOf\":[{\"$dynamicRef\":\"#meta\"},"
    "{\"$ref\":\"#/$defs/names\"}]}},"
    "\"prefixItems\":{\"$ref\":\"#/$defs/list\"},\"items\":{\"$dynamicRef\":\"#meta\"},"
    "\"contains\":{\"$dynamicRef\":\"#meta\"},\"additionalProperties\":{\"$dynamicRef\":\"#meta\"},"
    "\"properties\":{\"$ref\":\"#/$defs/map\"},\"patternProperties\":{\"$ref\":\"#/$defs/map\"},"
    "\"dependentSchemas\":{\"$ref\":\"#/$defs/map\"},\"propertyNames\":{\"$dynamicRef\":\"#meta\"},"
    "\"if\":{\"$dynamicRef\":\"#meta\"},\"then\":{\"$dynamicRef\":\"#meta\"},"
    "\"else\":{\"$dynamicRef\":\"#meta\"},\"allOf\":{\"$ref\":\"#/$defs/list\"},"
    "\"anyOf\":{\"$ref\":\"#/$defs/list\"},\"oneOf\":{\"$ref\":\"#/$defs/list\"},"
    "\"not\":{\"$dynamicRef\":\"#meta\"},\"unevaluatedItems\":{\"$dynamicRef\":\"#meta\"},"
    "\"unevaluatedProperties\":{\"$dynamicRef\":\"#meta\"},\"contentSchema\":{\"$dynamicRef\":\"#"
    "meta\"},"
    "\"type\":{\"anyOf\":[{\"$ref\":\"#/$defs/type\"},{\"type\":\"array\",\"minItems\":1,"
    "\"uniqueItems\":true,\"items\":{\"$ref\":\"#/$defs/type\"}}]},"
    "\"const\":true,\"enum\":{\"type\":\"array\"},"
    "\"multipleOf\":{\"type\":\"number\",\"exclusiveMinimum\":0},"
    "\"maximum\":{\"type\":\"number\"},\"exclusiveMaximum\":{\"type\":\"number\"},"
    "\"minimum\":{\"type\":\"number\"},\"exclusiveMinimum\":{\"type\":\"number\"},"
    "\"maxLength\":{\"$ref\":\"#/$defs/count\"},\"minLength\":{\"$ref\":\"#/$defs/count\"},"
    "\"pattern\":{\"type\":\"string\"},\"format\":{\"type\":\"string\"},"
    "\"maxItems\":{\"$ref\":\"#/$defs/count\"},\"minItems\":{\"$ref\":\"#/$defs/count\"},"
    "\"uniqueItems\":{\"type\":\"boolean\"},\"maxContains\":{\"$ref\":\"#/$defs/count\"},"
    "\"minContains\":{\"$ref\":\"#/$defs/count\"},\"maxProperties\":{\"$ref\":\"#/$defs/count\"},"
    "\"minProperties\":{\"$ref\":\"#/$defs/count\"},\"required\":{\"$ref\":\"#/$defs/names\"},"
    "\"dependentRequired\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/"
    "names\"}},"
    "\"title\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"},"
    "\"deprecated\":{\"type\":\"boolean\"},\"readOnly\":{\"type\":\"boolean\"},"
    "\"writeOnly\":{\"type\":\"boolean\"},\"examples\":{\"type\":\"array\"},"
    "\"contentEncoding\":{\"type\":\"string\"},\"contentMediaType\":{\"type\":\"string\"}},"
    "\"$defs\":{"
    "\"anchor\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][-A-Za-z0-9._]*$\"},"
    "\"map\":{\"type\":\"object\",\"additionalProperties\":{\"$dynamicRef\":\"#meta\"}},"
    "\"list\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$dynamicRef\":\"#meta\"}},"
    "\"count\":{\"type\":\"integer\",\"minimum\":0},"
    "\"names\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true},"
    "\"type\":{\"enum\":[\"array\",\"boolean\",\"integer\",\"null\",\"number\",\"object\","
    "\"string\"]}}}";

const struct json *metaschema(struct arena *a, struct error *e)
{
    struct json *root;
    return json_parse(str_n(text, sizeof text - 1), a, &root, e) == ERR_OK ? root : NULL;
}
