/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to validate*.c: one run of json_schema_validate.
 *
 * A resource is a schema with an absolute URI: the document itself and every subschema with $id.
 * Every subschema is indexed under its address, so that the resource around it is known wherever a
 * reference lands. The dynamic scope is the chain of resources that were entered on the way to the
 * schema now being applied.
 */
#pragma once
#include <stdint.h>
#include "base/map.h"
#include "schema/validate.h"

#define VALIDATE_DEPTH_MAX 1024        /* schemas applied inside one another */

struct resource {
    str uri;                           /* absolute, no fragment */
    const struct json *root;
};

struct scope { const struct scope *outer; const struct resource *resource; };

/* Where in the instance: chain from the leaf up, written as a JSON pointer on failure. */
struct path { const struct path *up; str key; uint32_t index; bool is_index; };

/* Members or items of one instance that some keyword looked at; a bit each. */
struct marks { uint64_t *bit; uint32_t n; };

struct validate {
    const struct json_schema_options *o;
    struct arena *arena;
    struct error *e;
    int64_t deadline_ns;
    struct map resource;               /* uri -> struct resource */
    struct map anchor;                 /* "uri#name" -> subschema; $anchor and $dynamicAnchor */
    struct map dynamic;                /* "uri#name" of $dynamicAnchor -> subschema */
    struct map inside;                 /* address of a subschema -> its struct resource */
    struct map pattern;                /* text -> struct pcre2_real_code_8 */
    bool wants_marks;                  /* some schema says unevaluated* */
    bool no_assertions;                /* the document's own metaschema leaves them out */
    int depth, quiet;                  /* quiet: a failure here is not yet the answer */
    uint32_t n_step;
    enum err rc;                       /* what stops the run: all but "does not satisfy" */
};

/* One application of a schema. */
struct apply {
    struct validate *v;
    const struct json *schema, *value;
    const struct scope *scope;
    const struct path *path;
    struct marks *marks;               /* NULL: nobody asks */
};

/* ---- validate_index.c ---- */

/* Makes the document known, with every resource, anchor and subschema in it. */
MUST_CHECK enum err index_document(struct validate *v, const struct json *root, str uri);
/* What a reference means; NULL with v->rc set. *target: the resource around it. */
const struct json *index_resolve(struct validate *v, const struct resource *base, str ref,
                                 const struct resource **target);
/* The same for $dynamicRef: the outermost resource of the scope that has the anchor. */
const struct json *index_resolve_dynamic(struct validate *v, const struct scope *scope, str ref,
                                         const struct resource **target);
const struct resource *index_inside(struct validate *v, const struct json *schema);
/* Absolute URI of ref seen from base (RFC 3986, 5.2), without its fragment, on the arena. */
str uri_resolve(struct arena *a, str base, str ref);
str uri_fragment(str ref);             /* behind '#', empty without */

/* The 2020-12 metaschema, parsed on the arena. */
const struct json *metaschema(struct arena *a, struct error *e);
#define METASCHEMA_URI "https://json-schema.org/draft/2020-12/schema"

/* ---- validate_pattern.c ---- */

/* Does the text hold a match? */
bool pattern_match(struct validate *v, str pattern, str text);
void pattern_free_all(struct validate *v);

/* ---- validate_keyword.c: keywords that look at one value ---- */

typedef bool keyword_fn(struct apply *a, const struct json *keyword);
keyword_fn keyword_type, keyword_enum, keyword_const, keyword_multiple_of, keyword_maximum,
    keyword_minimum, keyword_exclusive_maximum, keyword_exclusive_minimum, keyword_max_length,
    keyword_min_length, keyword_pattern, keyword_format, keyword_max_items, keyword_min_items,
    keyword_unique_items, keyword_max_properties, keyword_min_properties, keyword_required,
    keyword_dependent_required;

/* ---- validate_apply.c: keywords that apply schemas ---- */

keyword_fn keyword_ref, keyword_dynamic_ref, keyword_all_of, keyword_any_of, keyword_one_of,
    keyword_not, keyword_if, keyword_properties, keyword_pattern_properties,
    keyword_additional_properties, keyword_property_names, keyword_dependent_schemas,
    keyword_dependencies, keyword_prefix_items, keyword_items, keyword_additional_items,
    keyword_contains, keyword_unevaluated_properties, keyword_unevaluated_items;

/* ---- validate.c ---- */

/* Does value satisfy schema? False also when v->rc is set. */
bool validate_apply(struct validate *v, const struct json *schema, const struct json *value,
                    const struct scope *scope, const struct path *path, struct marks *marks);
/* Reports a failure at the place of a; gives false. */
bool validate_fail(struct apply *a, const char *keyword, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Stops the run; gives false. */
bool validate_stop(struct validate *v, enum err code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Stops the run: the keyword of the schema is not what it must be; gives false. */
bool validate_broken(struct apply *a, const char *keyword, const char *expected);
/* Called once per unit of work; false and the run stopped when time is up. */
bool validate_in_time(struct validate *v);
bool json_equal(const struct json *a, const struct json *b);
struct marks marks_new(struct validate *v, const struct json *value);
static inline void marks_set(struct marks *m, uint32_t i)
{
    if (m) m->bit[i / 64] |= (uint64_t)1 << (i % 64);
}
static inline bool marks_has(const struct marks *m, uint32_t i)
{
    return m->bit[i / 64] >> (i % 64) & 1;
}
