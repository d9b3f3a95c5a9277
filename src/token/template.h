/* SPDX-License-Identifier: Apache-2.0
 *
 * Chat templates: a bounded interpreter of the Jinja2 that models' templates use, with the
 * options of HF transformers: trim_blocks, lstrip_blocks, loopcontrols, tojson without HTML
 * escaping, raise_exception, strftime_now. No I/O, no attribute of the host can be reached.
 * Bytes that came from request values are tracked to the output, so that the tokenizer never
 * takes a control token out of a user's text. struct template is immutable; any thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "token/vocab.h"

#define TEMPLATE_SOURCE_MAX (1u << 20)

struct template;

/* Copies what it needs. Errors name line and what was not understood. */
MUST_CHECK enum err template_parse(str source, struct template **out, struct error *e);
void template_free(struct template *t);
str template_source(const struct template *t); /* lives as long as t */

struct template_limits {
    size_t output_max;                 /* bytes of text */
    size_t memory_max;                 /* bytes of values while rendering */
    uint64_t steps_max;                /* evaluated nodes and loop turns */
    int64_t now_unix_s;                /* what strftime_now sees (UTC) */
};
#define TEMPLATE_LIMITS_DEFAULT \
    ((struct template_limits){16u << 20, 256u << 20, 20000000u, 0})

/* Rendered text and, sorted, the ranges of it that came from vars. Both owned by the caller. */
struct template_out {
    struct buf text;
    struct text_span *input;
    size_t n_input, cap_input;
};
void template_out_done(struct template_out *o);

/* vars: an object; its members are the template's global names (messages, tools, bos_token,
 * eos_token, add_generation_prompt, ...). It is borrowed for the call. Top-level string members
 * (bos_token ...) and the role of a message (an object in a top-level array) that is a plain word
 * of letters, digits, - and _ count as the template's own text; every other string is input.
 * raise_exception gives ERR_ARG with its text. *out is initialised here, also on failure. */
MUST_CHECK enum err template_render(const struct template *t, const struct json *vars,
                                    const struct template_limits *limits,
                                    struct template_out *out, struct error *e);
