/* SPDX-License-Identifier: Apache-2.0
 *
 * The route table: every URL of this server, as data. A row names its scope, so no route can be
 * reached without somebody having decided who may.
 */
#pragma once
#include "base/str.h"

struct request;

enum route_scope {
    SCOPE_PUBLIC = 1,                  /* no key: tells nothing about anybody */
    SCOPE_KEY,                         /* any valid key, also a disabled one may ask about itself */
    SCOPE_MODELS,                      /* any enabled key */
    SCOPE_CHAT,                        /* a key whose ACLs include endpoint chat */
};

/* How refusals of a route are spelled. */
enum route_errors {
    ERRORS_AS_CONFIGURED,
    ERRORS_ANTHROPIC,
};

struct route {
    const char *method;                /* GET also serves HEAD */
    const char *path;                  /* "{id}" matches one non-empty segment */
    enum route_scope scope;
    bool has_body;
    void (*handle)(struct request *r); /* whole body, if any, is there */
    enum route_errors errors;
};

/* The row for method and path; NULL when none. *allow gets the methods the path has ("" when the
 * path is unknown), *param the segment matched by {id}. allow holds 64 bytes. */
const struct route *route_find(str method, str path, str *param, char allow[64]);
/* How refusals at a path are spelled, also where no row has the method, or only rows above the path
 * exist. */
enum route_errors route_errors(str path);
/* Row i, or NULL past the last: for tests that walk the table. */
const struct route *route_at(size_t i);
