/* SPDX-License-Identifier: Apache-2.0
 *
 * SSE parser: no input crashes it, and events do not depend on how the bytes are split. The first
 * byte of the input seeds the splits.
 */
#include <stdlib.h>

#include "base/rand.h"
#include "net/sse.h"

#define EVENT_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void collect(void *arg, str event, str data)
{
    struct buf *b = arg;
    if (event.n > EVENT_MAX || data.n > EVENT_MAX)
        abort();
    buf_u64(b, event.n);
    buf_add(b, event);
    buf_u64(b, data.n);
    buf_add(b, data);
    buf_char(b, ';');
}

static bool parse(str in, struct rng *rng, struct buf *out)
{
    struct sse_parser p;
    bool ok = true;
    sse_parser_init(&p, EVENT_MAX, collect, out);
    while (in.n > 0) {
        size_t piece = rng ? 1 + (size_t)rng_below(rng, 9) : in.n;
        ok = sse_feed(&p, str_sub(in, 0, piece));
        in = str_sub(in, piece, in.n);
    }
    sse_parser_done(&p);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct rng rng;
    rng_seed(&rng, data[0]);
    str in = str_n((const char *)data + 1, size - 1);
    struct buf whole, part;
    buf_init(&whole, size * 64);
    buf_init(&part, size * 64);
    bool a = parse(in, NULL, &whole), b = parse(in, &rng, &part);
    if (a != b || whole.bad || !str_eq(buf_str(&whole), buf_str(&part)))
        abort();
    buf_done(&whole);
    buf_done(&part);
    return 0;
}
