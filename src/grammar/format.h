/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of JSON Schema's `format` as automata over decoded text. Made once per process at
 * first use, never freed; any thread.
 */
#pragma once
#include "grammar/dfa.h"

/* NULL: the name is not one of the vocabulary, and is an annotation only. Its JSON spelling leaves
 * out what is valid but refused by much used readers: the year 0000 and leap seconds. */
const struct dfa *format_dfa(str name);
/* Names that are enforced, NULL-terminated. */
extern const char *const format_names[];
