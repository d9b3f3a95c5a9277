/* SPDX-License-Identifier: Apache-2.0
 *
 * Head parser and chunk decoder: no input crashes them, and the outcome does not depend on how the
 * bytes are split. The first byte of the input seeds the splits.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rand.h"
#include "net/http_parse.h"

#define N_HEADER 16
#define BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = {.bytes_max = BYTES_MAX, .count_max = N_HEADER};

static void require(bool ok)
{
    if (!ok)
        abort();
}

/* A copy of exactly n bytes, so that a read past them is seen. */
static enum http_step parse_prefix(str in, size_t n, struct http_head *h, struct header *header)
{
    struct buf copy;
    buf_init(&copy, n + 1);
    buf_add(&copy, str_sub(in, 0, n));
    enum http_step step = http_parse_head(buf_str(&copy), &limits, header, h);
    if (step == HTTP_DONE) {
        char path[BYTES_MAX];
        require(http_decode_path(h->raw_path, path) <= h->raw_path.n);
        require(h->used <= n && h->n_header <= N_HEADER);
    }
    require((step == HTTP_BAD) == (h->status != 0) && (step == HTTP_BAD) == (h->why != NULL));
    buf_done(&copy);
    return step;
}

/* Gives the bytes of the head, 0 when it is not complete. */
static size_t fuzz_head(str in, struct rng *rng)
{
    struct header header[N_HEADER];
    struct http_head whole, part;
    enum http_step want = parse_prefix(in, in.n, &whole, header);
    enum http_step got = HTTP_MORE;
    for (size_t n = 0; got == HTTP_MORE && n < in.n;) {
        n += 1 + (size_t)rng_below(rng, 1 + in.n / 4);
        n = n > in.n ? in.n : n;
        got = parse_prefix(in, n, &part, header);
    }
    if (in.n > 0)
        require(got == want);
    if (in.n > 0 && want != HTTP_MORE) {
        require(part.used == whole.used && part.status == whole.status);
        require(part.n_header == whole.n_header && part.length == whole.length);
        require(part.why == whole.why && part.chunked == whole.chunked);
    }
    return want == HTTP_DONE ? whole.used : 0;
}

static enum http_step decode(str in, struct rng *rng, struct buf *body, size_t *left)
{
    struct http_chunks d = {0};
    enum http_step step = HTTP_MORE;
    while (in.n > 0 && step == HTTP_MORE) {
        size_t piece = rng ? 1 + (size_t)rng_below(rng, 8) : in.n, used;
        str part = str_sub(in, 0, piece), data;
        const char *why = NULL;
        step = http_chunks_feed(&d, part, &used, &data, &why);
        require(used <= part.n && used > 0 && data.n <= used);
        require((step == HTTP_BAD) == (why != NULL));
        buf_add(body, data);
        in = str_sub(in, used, in.n);
    }
    *left = in.n;
    return step;
}

static void fuzz_chunks(str in, struct rng *rng)
{
    struct buf whole, part;
    size_t left_whole, left_part;
    buf_init(&whole, in.n + 1);
    buf_init(&part, in.n + 1);
    enum http_step a = decode(in, NULL, &whole, &left_whole);
    enum http_step b = decode(in, rng, &part, &left_part);
    require(a == b && left_whole == left_part && str_eq(buf_str(&whole), buf_str(&part)));
    require(!whole.bad && whole.n <= in.n);
    buf_done(&whole);
    buf_done(&part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct rng rng;
    rng_seed(&rng, data[0]);
    str in = str_n((const char *)data + 1, size - 1);
    size_t head = fuzz_head(in, &rng);
    fuzz_chunks(str_sub(in, head, in.n), &rng);
    return 0;
}
