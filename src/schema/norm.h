/* SPDX-License-Identifier: Apache-2.0
 *
 * Schemas as sets of JSON values: the algebra behind schema.c, private to this folder.
 *
 * ref    one schema of the document, or its complement, or one exact value: a tagged pointer.
 * state  a sorted set of refs, interned: all of them hold. It is what a member's or an item's
 *        schema is, and what one grammar node is made of; recursion ends because sets repeat.
 * form   a state made plain: null, booleans, and a union of shapes. Made lazily, kept per ref and
 *        per state.
 * shape  a conjunction of constraints on one type. What lies inside (members, items) stays a
 *        state. A refused shape holds more values than it should: it may vanish in an
 *        intersection; if one is to be written, the schema is refused.
 *
 * Failures stick in struct norm: everything gives NULL (or false) from then on. One owner.
 */
#pragma once
#include "codec/json.h"
#include "grammar/grammar.h"
#include "schema/schema.h"

#define COUNT_UNBOUNDED GRAMMAR_UNBOUNDED
#define FORM_SHAPES_MAX 16384          /* alternatives of one form */
#define ONE_OF_SHAPES_MAX 512          /* ... of a oneOf that may also be read as anyOf */
#define NUMBER_PLAIN_MAX 1100          /* characters of a number without exponent */

struct state;

/* ---- keywords ---- */

enum keyword {
    KW_TYPE, KW_ENUM, KW_CONST, KW_PROPERTIES, KW_REQUIRED, KW_ADDITIONAL_PROPERTIES,
    KW_PATTERN_PROPERTIES, KW_PROPERTY_NAMES, KW_MIN_PROPERTIES, KW_MAX_PROPERTIES,
    KW_DEPENDENCIES, KW_DEPENDENT_REQUIRED, KW_DEPENDENT_SCHEMAS, KW_UNEVALUATED_PROPERTIES,
    KW_ITEMS, KW_PREFIX_ITEMS, KW_ADDITIONAL_ITEMS, KW_CONTAINS, KW_MIN_CONTAINS,
    KW_MAX_CONTAINS, KW_MIN_ITEMS, KW_MAX_ITEMS, KW_UNIQUE_ITEMS, KW_UNEVALUATED_ITEMS,
    KW_MIN_LENGTH, KW_MAX_LENGTH, KW_PATTERN, KW_FORMAT, KW_MINIMUM, KW_MAXIMUM,
    KW_EXCLUSIVE_MINIMUM, KW_EXCLUSIVE_MAXIMUM, KW_MULTIPLE_OF, KW_ALL_OF, KW_ANY_OF, KW_ONE_OF,
    KW_NOT, KW_IF, KW_THEN, KW_ELSE, KW_REF, KW_DYNAMIC_REF, KW_RECURSIVE_REF, KW_NULLABLE,
    KW_COUNT
};
struct keywords { const struct json *v[KW_COUNT]; };   /* NULL: absent */

extern const char *const keyword_name[KW_COUNT];
/* KW_COUNT: an annotation. */
enum keyword keyword_find(str name);

/* ---- shapes ---- */

enum shape_type { SHAPE_NUMBER, SHAPE_STRING, SHAPE_ARRAY, SHAPE_OBJECT, SHAPE_COUNT };

struct strs { const str *v; uint32_t n; };

struct number_shape {
    bool is_finite;                    /* exactly `value`; nothing else is set then */
    struct strs value;
    bool is_integer, is_fraction;      /* is_fraction: not an integer */
    str min, max;                      /* empty: none */
    bool min_exclusive, max_exclusive;
    struct strs divisor, not_divisor;
    struct strs except;
};

struct string_shape {
    bool is_finite;                    /* exactly `value`, sorted; nothing else is set then */
    struct strs value;
    const struct dfa *text;            /* decoded; NULL: any */
    uint32_t n_min, n_max;             /* code points */
    struct strs except;
};

/* n_min to n_max of the items from `from` on are in `state`. */
struct contains {
    struct state *state;
    uint32_t from, n_min, n_max;
    const struct json *at;             /* the schema that says it, or whose complement does */
    const char *keyword;
};

/* Members and items that some keyword has looked at. */
struct evaluated {
    bool all;
    bool is_unclear;                   /* contains: which items, only the value knows */
    struct strs name;
    const struct pattern *pattern;     /* keys of these; their states mean nothing */
    uint32_t n_pattern;
    uint32_t n_item;                   /* the first so many */
};

struct array_shape {
    struct state **prefix;
    uint32_t n_prefix;
    struct state *rest;
    uint32_t n_min, n_max;
    struct contains *contains;
    uint32_t n_contains;
    const struct json *unique;         /* the schema that says uniqueItems, or NULL */
    struct evaluated evaluated;
};

struct property {
    str name;
    struct state *state;               /* the FALSE state: forbidden */
    bool is_required;
    bool is_declared;                  /* by properties or required, not by a complement */
};
struct pattern { const struct dfa *key; struct state *state; };
/* patternProperties with their additionalProperties: `other` holds for keys that no pattern
 * matches. */
struct key_group { const struct pattern *pattern; uint32_t n; struct state *other; };
/* Some member has a key in `key` (NULL: any), not one of not_name, and its value in `value`. */
struct exists {
    const struct dfa *key;
    struct strs not_name;
    struct state *value;
    const struct json *at;             /* whose complement it comes from */
    const char *keyword;
};

struct object_shape {
    struct property *property;         /* in the order of the schema */
    uint32_t n_property;
    uint32_t *index;                   /* hash table over property, or NULL (property_find) */
    struct state *rest;                /* holds for all other members */
    const struct key_group *group;     /* hold for all other members too */
    uint32_t n_group;
    const struct dfa *names;           /* of other keys, decoded; NULL: any */
    const struct exists *exists;
    uint32_t n_exists;
    uint32_t n_min, n_max;
    bool has_properties, has_additional;   /* the keywords were there */
    struct evaluated evaluated;
};

struct shape {
    enum shape_type type;
    const struct json *refused_at;     /* NULL, or the schema that cannot be enforced */
    const char *refused;               /* its keyword; NULL: as a whole */
    union {
        struct number_shape number;
        struct string_shape string;
        struct array_shape array;
        struct object_shape object;
    };
};

#define BOOL_FALSE 1u
#define BOOL_TRUE 2u
struct form {
    bool null;
    unsigned bools;
    uint32_t n;
    const struct shape *const *shape;
};

struct shapes { const struct shape **v; uint32_t n, cap; };

/* ---- one compilation ---- */

#define REF_NOT ((uintptr_t)1)         /* the complement */
#define REF_VALUE ((uintptr_t)2)       /* the value itself, not a schema */
#define REF_BITS ((uintptr_t)3)
static inline const struct json *ref_json(uintptr_t ref)
{
    return (const struct json *)(ref & ~REF_BITS);     /* NOLINT: a tagged pointer */
}

struct state {
    const uintptr_t *ref;              /* sorted by place in the document */
    uint32_t n;
    uint32_t node;                     /* grammar node, NODE_NONE: none yet */
    uint32_t depth;
    const struct form *form;
    bool is_busy;
    int8_t empty;                      /* 0 not known, 1 yes, -1 no */
    uint64_t hash;
    struct state *chain;
};

struct ref_entry { uintptr_t ref; const struct form *form; uint32_t busy; };
struct dfa_pair { const struct dfa *a, *b, *and, *minus, *json; };   /* json: of a, where a is b */
struct uri_entry { str base, anchor; const struct json *node; bool is_dynamic; };

struct norm {
    const struct schema_options *o;
    const struct json *schema, *root;
    struct dfa_work *w;
    struct arena *arena;               /* scratch, freed with this */
    size_t bytes_max;
    struct error *e;
    enum err rc;
    uint32_t n_made;                   /* states, forms and shapes */
    uint32_t n_tick;
    uint32_t depth;                    /* of schemas that apply in place */
    uint32_t probe;                    /* nesting of questions whether a state is empty */
    bool probe_cut;                    /* such a question met what is still being made */
    const struct json *at;             /* the schema being worked on, for errors of no keyword */
    const struct json *minus_at;       /* what takes complements now, for errors */
    const char *minus_keyword;
    bool bare_id;                      /* draft 4 and before: "id" without the dollar */
    bool ref_alone;                    /* draft 7 and before: $ref hides its siblings */
    struct ref_entry *ref;             /* open addressing */
    uint32_t n_ref, ref_cap;
    struct state **state;              /* chained hash table */
    uint32_t n_state, state_cap;
    struct dfa_pair *pair;             /* open addressing */
    uint32_t n_pair, pair_cap;
    struct map *dfa;                   /* regex text -> struct regex_entry */
    struct map *members;               /* of large objects: key with the object's address */
    struct map *uri_of;                /* URI#anchor -> 1 + index of uri */
    const struct json **same;          /* open addressing, by content */
    uint64_t *same_hash;
    uint32_t n_same, same_cap;
    struct uri_entry *uri;             /* ids and anchors; the root first */
    uint32_t n_uri, uri_cap;
    bool has_ids;                      /* below the root */
    bool has_unevaluated;              /* unevaluated* stands somewhere */
    struct state *true_state, *false_state;
    const struct shape *any[SHAPE_COUNT];
    const struct form *full, *none;
};

/* Fills the fields above from o, w and e, which are borrowed until norm_done. */
void norm_init(struct norm *c, const struct json *schema, const struct schema_options *o,
               struct dfa_work *w, struct error *e);
void norm_done(struct norm *c);

/* "[kind] /pointer/keyword: sentence"; at NULL: no place. keyword may be NULL. Gives code. */
enum err norm_fail(struct norm *c, enum err code, const char *kind, const struct json *at,
                   const char *keyword, const char *fmt, ...) PRINTF_LIKE(6, 7);
/* After an operation on automata: true, and reported as of this keyword, when it failed. */
bool norm_work_failed(struct norm *c, const struct json *at, const char *keyword);
/* Scratch, zeroed; never NULL. Past the memory limit the compilation has failed. */
void *norm_alloc(struct norm *c, size_t n, size_t size);
#define norm_new(c, type) ((type *)norm_alloc((c), 1, sizeof(type)))
/* Counts one thing made; false when a limit is passed. */
bool norm_count(struct norm *c);
/* One step that makes nothing; false when a limit is passed. */
bool norm_tick(struct norm *c);

/* norm_ref.c: where $ref points; NULL when it failed. */
const struct json *norm_target(struct norm *c, const struct json *node, const struct json *ref,
                               enum keyword kw);
/* Finds ids, anchors and unevaluated*; once, at the beginning. */
void norm_index(struct norm *c);
/* JSON pointer of a value inside schema or root, escaped; empty when it is neither. */
str norm_pointer(struct norm *c, const struct json *at);

/* norm_same.c: the first schema met that says the same, often the schema itself. */
const struct json *norm_same(struct norm *c, const struct json *schema);

/* norm_read.c: the keywords of a schema object, their types checked. */
MUST_CHECK bool norm_read(struct norm *c, const struct json *node, struct keywords *k);

/* norm.c: states. */
struct state *state_of(struct norm *c, const struct json *schema, bool is_not);
struct state *state_of_ref(struct norm *c, uintptr_t ref);
struct state *state_and(struct norm *c, struct state *a, struct state *b);
const struct form *state_form(struct norm *c, struct state *s);
/* Certainly nothing is in it. false: not known to be. */
bool state_is_empty(struct norm *c, struct state *s);
const struct form *ref_form(struct norm *c, uintptr_t ref);

struct node { const struct json *at; struct keywords k; };
static inline const struct json *kw(const struct node *n, enum keyword k)
{
    return n->k.v[k];
}

/* norm_node.c: one schema object as a form. */
const struct form *node_form(struct norm *c, const struct json *node);
/* norm_assert.c: the types and what is said of them; exactly these values. */
const struct form *node_assertions(struct norm *c, const struct node *n);
const struct form *values_form(struct norm *c, const struct json *v, uint32_t n);
const struct form *value_form(struct norm *c, const struct json *value);

/* norm_evaluated.c: what unevaluatedProperties and unevaluatedItems leave alone. Kept only in
 * documents that have one of these keywords (has_unevaluated). */
void evaluated_properties(struct norm *c, const struct node *n, struct object_shape *o);
void evaluated_items(struct norm *c, const struct node *n, struct array_shape *a);
void evaluated_join(struct norm *c, struct evaluated *e, const struct evaluated *other);
/* Values in one or more of the forms, each with all of those that it is in. */
const struct form *form_some_of(struct norm *c, const struct form *const *f, uint32_t n);
const struct form *form_unevaluated(struct norm *c, const struct node *n, const struct form *f);

/* norm_form.c */
const struct form *form_and(struct norm *c, const struct form *a, const struct form *b);
const struct form *form_or(struct norm *c, const struct form *a, const struct form *b);
const struct form *form_minus(struct norm *c, const struct form *a, const struct form *b);
/* Values in one or more of n forms. */
const struct form *form_any_of(struct norm *c, const struct form *const *f, uint32_t n);
/* Values in exactly one. NULL, without failure, when it has more than n_max alternatives. */
const struct form *form_one_of(struct norm *c, const struct form *const *f, uint32_t n,
                               uint32_t n_max);
const struct form *form_of(struct norm *c, bool null, unsigned bools, const struct shapes *s);
/* Exact values of this type (numbers or strings) in all finite shapes of n forms. */
struct strs form_values(struct norm *c, const struct form *const *f, uint32_t n,
                        enum shape_type type);
bool form_is_empty(const struct form *f);
bool form_is_refused(const struct form *f);
void shapes_add(struct norm *c, struct shapes *l, const struct shape *s);
struct shape *shape_new(struct norm *c, enum shape_type type);   /* any value of the type */
struct shape *shape_copy(struct norm *c, const struct shape *s);
/* NULL: nothing is in both. */
const struct shape *shape_and(struct norm *c, const struct shape *a, const struct shape *b);
bool shape_is_disjoint(struct norm *c, const struct shape *a, const struct shape *b);

/* norm_scalar.c */
const struct shape *number_and(struct norm *c, const struct shape *a, const struct shape *b);
void number_not(struct norm *c, const struct shape *s, struct shapes *out);
const struct shape *string_and(struct norm *c, const struct shape *a, const struct shape *b);
void string_not(struct norm *c, const struct shape *s, struct shapes *out);
/* Canonical spelling without exponent; as written when it would be too long. */
str number_plain(struct norm *c, str text);
struct strs strs_join(struct norm *c, struct strs a, struct strs b);
struct strs strs_one(struct norm *c, str s);
struct strs strs_sorted(struct norm *c, struct strs a);          /* and without doubles */
bool strs_has(struct strs sorted, str s);
/* Remembered; NULL operands mean any text. */
const struct dfa *norm_dfa_and(struct norm *c, const struct dfa *a, const struct dfa *b);
const struct dfa *norm_dfa_minus(struct norm *c, const struct dfa *a, const struct dfa *b);
/* Its JSON spelling, counted words with it. */
const struct dfa *norm_dfa_json(struct norm *c, const struct dfa *text);

/* norm_array.c, norm_object.c */
const struct shape *array_and(struct norm *c, const struct shape *a, const struct shape *b);
void array_not(struct norm *c, const struct shape *s, struct shapes *out);
/* Brings s into order; NULL: nothing is in it. */
const struct shape *array_check(struct norm *c, struct shape *s);
const struct shape *object_and(struct norm *c, const struct shape *a, const struct shape *b);
void object_not(struct norm *c, const struct shape *s, struct shapes *out);
bool object_is_disjoint(struct norm *c, const struct object_shape *a,
                        const struct object_shape *b);
const struct shape *object_check(struct norm *c, struct shape *s);
/* Makes search by name fast; call when the properties have changed. */
void property_index(struct norm *c, struct object_shape *o);
const struct property *property_find(const struct object_shape *o, str name);
/* What holds for a member that is not among the properties. */
struct state *object_key_state(struct norm *c, const struct object_shape *o, str name);

/* norm_pattern.c: pattern and format */
struct regex_entry {
    const struct dfa *dfa;
    uint32_t n_min, n_max;             /* code points */
    const struct dfa *whole;           /* of these lengths; NULL until asked for */
};
/* NULL when it failed; reported as of this keyword. */
struct regex_entry *norm_regex(struct norm *c, str pattern, bool whole,
                                     const struct json *at, const char *keyword);
/* Texts of this length among text (NULL: any) as one automaton. */
const struct dfa *norm_length_dfa(struct norm *c, const struct dfa *text, uint32_t n_min,
                                  uint32_t n_max);
/* All texts of a form's string shapes; NULL: any text, or it failed. */
const struct dfa *norm_text_dfa(struct norm *c, const struct form *f);

/* ---- from states to grammar nodes (schema_emit*.c) ---- */

struct emit {
    struct norm *c;
    struct grammar_builder *g;
    const struct grammar_style *style; /* NULL: JSON */
    struct state **queue;              /* reserved nodes that are not filled yet */
    uint32_t n_queue, n_done, queue_cap;
    uint32_t depth;                    /* of the state being filled */
    uint32_t any_value, any_object;    /* NODE_NONE until made */
    const struct dfa *bare_key, *marked;   /* texts that a style can spell; NULL until made */
};
struct nodes { uint32_t *v; uint32_t n, cap; };

/* The node of a state, perhaps only reserved; NODE_NONE: nothing is in it. */
uint32_t emit_state(struct emit *m, struct state *s);
/* The node of a form by itself. */
uint32_t emit_form(struct emit *m, const struct form *f);
/* Fills what was reserved. */
void emit_finish(struct emit *m);
uint32_t emit_any_value(struct emit *m);
void nodes_add(struct norm *c, struct nodes *l, uint32_t node);
/* Says that the shape cannot be enforced, when it is so marked. */
bool emit_refused(struct emit *m, const struct shape *s);

/* schema_emit_scalar.c */
void emit_numbers(struct emit *m, const struct form *f, struct nodes *out);
void emit_strings(struct emit *m, const struct form *f, struct nodes *out);
/* One automaton of all scalars of the form, one spelling a value, with counted words; NULL: the
 * form holds more than scalars, or it failed. */
const struct dfa *emit_unique(struct emit *m, const struct form *f);
/* Keys, spelled as the style wants. */
const struct dfa *emit_key_dfa(struct emit *m, const struct dfa *text);
uint32_t emit_any_string(struct emit *m);

/* schema_emit_object.c */
void emit_object(struct emit *m, const struct shape *s, struct nodes *out);
