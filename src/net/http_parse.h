/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.x syntax (RFC 9112), strict, without I/O or state between calls: a request head parser
 * and a decoder of chunked bodies. What two readers could take differently is refused: bare CR or
 * LF, NUL, folded lines, space before the colon, repeated Host, Content-Length or
 * Transfer-Encoding, both lengths at once. Any thread.
 *
 * A head is judged line by line and only when a line is complete, so the outcome does not depend
 * on how the bytes were split.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "net/exchange.h"

#define HTTP_TARGET_MAX 16384          /* bytes of a request target; over it 414 */
#define HTTP_METHOD_MAX 32
#define HTTP_LINE_MAX (HTTP_METHOD_MAX + 1 + HTTP_TARGET_MAX + 16)
#define HTTP_CHUNK_DIGITS_MAX 16       /* hex digits of a chunk size, leading zeros counted */
#define HTTP_CHUNK_EXT_MAX 256         /* bytes of one chunk's extensions */
#define HTTP_TRAILER_BYTES_MAX 8192    /* all trailer lines of a body */

enum http_step {
    HTTP_MORE,                         /* well-formed so far */
    HTTP_DONE,
    HTTP_BAD,                          /* refuse and close */
};

struct http_limits { size_t bytes_max, count_max; };

struct http_head {
    str method, target;                /* all str borrow the input */
    str raw_path, query;               /* of target; escapes of raw_path are valid, none is %00 */
    const struct header *header;       /* the caller's array */
    size_t n_header;
    size_t used;                       /* bytes of the head with its empty line */
    int minor;                         /* HTTP/1.minor */
    bool keep_alive, chunked, expect_continue;
    uint64_t length;                   /* Content-Length, 0 when absent */
    int status;                        /* HTTP_BAD: the status to refuse with */
    const char *why;                   /* and one sentence for the client */
};

/* Parses the head at the start of `in`. header holds limits->count_max elements. On HTTP_BAD
 * method and target are set when the request line itself was good. */
enum http_step http_parse_head(str in, const struct http_limits *limits, struct header *header,
                               struct http_head *out);

/* Percent-decodes a raw_path that http_parse_head accepted into out (raw.n bytes); gives the
 * length. */
size_t http_decode_path(str raw, char *out);

/* Decoder of one chunked body; all zero before the first byte. */
struct http_chunks {
    int state;
    int n_digit;
    size_t n_ext, n_trailer;
    uint64_t left;                     /* of the current chunk */
};

/* Eats bytes of `in` up to the next piece of body or the end of the body. *used: bytes eaten;
 * *data: the piece, borrowed from in (empty when none). HTTP_MORE: call again with what is left,
 * or with more bytes. HTTP_BAD: *why says what is wrong. */
enum http_step http_chunks_feed(struct http_chunks *d, str in, size_t *used, str *data,
                                const char **why);

/* "OK" for 200; "Unknown" for codes not listed. */
const char *http_status_text(int status);
/* True when value is a comma list that has the token, case-blind. */
bool http_list_has(str value, const char *token);
