/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 and the Unicode properties that tokenizers and templates need. Tables are generated
 * (gen/unicode.py -> unicode_gen.inc). Pure functions, any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

#define UTF8_BAD 0xffffffffu

/* Code point at *i, moves *i behind it. A malformed, overlong or surrogate sequence gives
 * UTF8_BAD and moves one byte. *i must be below s.n. */
uint32_t utf8_next(str s, size_t *i);
/* Writes 1 to 4 bytes, gives their number; 0 for a surrogate or above U+10FFFF. */
int utf8_put(char out[4], uint32_t cp);
bool utf8_valid(str s);
/* Bytes at the end of s that begin a character but do not finish it (0 to 3): a stream keeps
 * them back. Malformed bytes are not held. */
size_t utf8_tail(str s);
size_t utf8_count(str s);                      /* code points; a bad byte counts as one */

enum uni_class {                               /* general category groups, as bits */
    UNI_LETTER = 1, UNI_NUMBER = 2, UNI_PUNCT = 4, UNI_SYMBOL = 8, UNI_MARK = 16,
    UNI_SPACE = 32,                            /* White_Space property */
    UNI_UPPER = 64, UNI_LOWER = 128, UNI_TITLE = 256, UNI_MODIFIER = 512,
    UNI_OTHER_LETTER = 1024, UNI_CONTROL = 2048,
};
unsigned uni_class(uint32_t cp);               /* bits of enum uni_class; 0 unassigned */
uint32_t uni_lower(uint32_t cp);               /* simple case mapping */
uint32_t uni_upper(uint32_t cp);
/* Canonical decomposition (NFD) of one code point, fully expanded: up to 4 code points, gives
 * their number (1 when it does not decompose). */
int uni_decompose(uint32_t cp, uint32_t out[4]);
int uni_combining(uint32_t cp);                /* canonical combining class */
