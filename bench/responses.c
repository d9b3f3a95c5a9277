/* SPDX-License-Identifier: Apache-2.0
 *
 * What the Responses dialect costs, in CPU time of one thread: a request of 4 KB from its bytes to
 * messages and kept items; a streamed token from its event to bytes of the stream; the last event.
 * Goals: 300 us a request, 5 us a token. No server, no model.
 */
#include "api/responses.h"
#include <stdio.h>
#include "base/clock.h"

#define BODY_BYTES 4096
#define N_REQUEST 2000
#define N_TOKEN 20000
#define ID STR("0b824fe9-3250-2588-0bbf-0810402fc822")

static const struct api api = {.default_temperature = 0.7, .default_top_p = 0.95};
static const struct seal_key key = {{1}};

static void write_body(struct buf *b)
{
    buf_add(b, STR("{\"model\":\"m\",\"stream\":true,\"instructions\":\"Be short.\",\"tools\":["
                   "{\"type\":\"function\",\"name\":\"get_weather\",\"description\":\"Weather of a "
                   "city\",\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":"
                   "\"string\"}},\"required\":[\"city\"]}}],\"input\":["));
    for (int i = 0; b->n < BODY_BYTES; i++)
        buf_printf(b, "%s{\"role\":\"%s\",\"content\":\"some words of a conversation, number %d\"}",
                   i ? "," : "", i % 2 ? "assistant" : "user", i);
    buf_add(b, STR("]}"));
}

static void read_body(str body, struct arena *a, struct arena *keep, struct responses_params *p)
{
    struct responses_in in = {.api = &api, .body = body, .arena = a, .keep = keep, .id = ID,
                              .team_id = STR("t"), .key = &key};
    struct json *root;
    struct error e;

    CHECK(json_parse(body, a, &root, &e) == ERR_OK);
    in.root = root;
    CHECK(responses_parse(&in, p, &e) == ERR_OK);
}

static double requests_us(str body)
{
    int64_t start_ns = clock_thread_cpu_ns();

    for (int i = 0; i < N_REQUEST; i++) {
        struct arena *a = arena_new((size_t)256 << 20), *keep = arena_new(0);
        struct responses_params p;

        read_body(body, a, keep, &p);
        arena_free(a);
        arena_free(keep);
    }
    return (double)(clock_thread_cpu_ns() - start_ns) / 1e3 / N_REQUEST;
}

static double tokens_us(struct responses_output *o, struct buf *scratch, struct buf *out)
{
    const struct chat_event ev = {.kind = CHAT_TEXT, .text = STR(" word")};
    int64_t start_ns = clock_thread_cpu_ns();

    for (int i = 0; i < N_TOKEN; i++) {
        responses_output_event(o, &ev, scratch, out);
        buf_clear(out);
    }
    return (double)(clock_thread_cpu_ns() - start_ns) / 1e3 / N_TOKEN;
}

static double end_us(struct responses_output *o, const struct responses_params *p,
                     struct buf *scratch, struct buf *out)
{
    const struct chat_event ev = {.kind = CHAT_CHOICE_END};
    const struct chat_usage usage = {.prompt = 1000, .completion = N_TOKEN};
    const struct responses_head head = {.id = ID, .model = STR("m"), .fingerprint = "fp", .p = p};
    struct responses_end end = {.status = "completed", .usage = &usage};
    int64_t start_ns = clock_thread_cpu_ns();

    responses_output_event(o, &ev, scratch, out);
    end.items = buf_str(&o->items);
    responses_output_object(o, "response.completed", &head, &end, scratch, out);
    return (double)(clock_thread_cpu_ns() - start_ns) / 1e3;
}

int main(void)
{
    struct arena *a = arena_new(0), *keep = arena_new(0);
    struct buf body, scratch, out;
    struct responses_output o;
    struct responses_params p;

    buf_init(&body, 1 << 20);
    buf_init(&scratch, 64 << 20);
    buf_init(&out, 64 << 20);
    write_body(&body);
    read_body(buf_str(&body), a, keep, &p);
    responses_output_init(&o, ID);
    printf("request of %zu bytes: %.1f us\n", body.n, requests_us(buf_str(&body)));
    printf("streamed token: %.2f us\n", tokens_us(&o, &scratch, &out));
    printf("last events of %d tokens: %.1f us\n", N_TOKEN, end_us(&o, &p, &scratch, &out));
    responses_output_done(&o);
    buf_done(&body);
    buf_done(&scratch);
    buf_done(&out);
    arena_free(a);
    arena_free(keep);
    return 0;
}
