/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions of ECMA-262 (the u flag's meaning: code points) -> DFA over decoded UTF-8.
 * Supported: literals, ., classes and their negation, \d \w \s \D \W \S, \p{..} of general
 * categories and of Any, ASCII, Assigned, ASCII_Hex_Digit, White_Space; alternation, groups of all
 * kinds (names are ignored), greedy and lazy quantifiers, ^ and $ wherever they stand (text begin
 * and end), \xHH, \uHHHH (pairs too), \u{..}, \cX, \0, \t \n \v \f \r. Refused by name and
 * position: look-around, back-references, \b \B, inline flags, other properties. Errors: ERR_ARG
 * with the byte position for what cannot be read or is refused; ERR_LIMIT. Any thread.
 */
#pragma once
#include "grammar/dfa.h"

#define REGEX_BYTES_MAX 65536
#define REGEX_REPEAT_MAX 1000000       /* of {m,n} */
#define REGEX_DEPTH_MAX 250            /* groups inside groups */

/* The texts in which the pattern matches: unanchored, as JSON Schema's `pattern` wants, or whole
 * (as xAI anchors; there . matches line ends too). A pattern that is one repeated character
 * class, ^C{n,m}$, gives C* and the numbers in *n_min and *n_max (code points), so that big
 * counts cost no states; otherwise they are 0 and UINT32_MAX. Both numbers may be NULL: then the
 * automaton itself counts. */
MUST_CHECK const struct dfa *regex_dfa(struct dfa_work *w, str pattern, bool whole,
                                       uint32_t *n_min, uint32_t *n_max);
