/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/openapi.yaml as JSON. What it says of paths and methods is what route.c says; a test
 * compares them.
 */
#pragma once
#include "base/str.h"

/* The document; static. */
str openapi_document(void);
