/* SPDX-License-Identifier: Apache-2.0 */
#include "xai/client.h"
#include <curl/curl.h>
#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"
#include "net/sse.h"

#define EVENT_BYTES_MAX (16u << 20)
#define CHUNK_MEMORY_MAX (256u << 20)  /* tree of one event */
#define ERROR_BYTES_MAX (64u << 10)
#define CONNECT_TIMEOUT_MS 10000L
#define STALL_SECONDS 120L /* a server sends keep-alives long before that */

struct stream {
    CURL *curl;
    struct sse_parser sse;
    struct buf refusal; /* body of a reply that is no stream */
    xai_text_fn *fn;
    void *arg;
    bool cancelled, ended;
    enum err failure;
    struct error *e;
};

static const struct json *first_delta(const struct json *chunk)
{
    const struct json *choices = json_get(chunk, "choices");

    if (!choices || choices->type != JSON_ARRAY || choices->n == 0) return NULL;
    return json_get(&choices->item[0], "delta");
}

/* The error of either spelling: {"error": "text"} or {"error": {"message": "text"}}. */
static str error_text(const struct json *reply)
{
    const struct json *v = json_get(reply, "error");

    if (v && v->type == JSON_OBJECT) v = json_get(v, "message");
    return v && v->type == JSON_STRING ? v->string : STR_NONE;
}

static void on_chunk(struct stream *s, const struct json *chunk)
{
    const struct json *content = json_get(first_delta(chunk), "content");
    str refused = error_text(chunk);

    if (refused.n)
        s->failure = err_set(s->e, ERR_INTERNAL, ERR_NO_POS, "%.*s", STR_FMT(refused));
    else if (content && content->type == JSON_STRING && content->string.n)
        s->cancelled = !s->fn(s->arg, content->string);
}

static void on_event(void *arg, str event, str data)
{
    struct stream *s = arg;
    struct arena *a;
    struct json *chunk;
    struct error why;

    (void)event;
    if (s->ended || s->cancelled || s->failure) return;
    if (str_is(data, "[DONE]")) {
        s->ended = true;
        return;
    }
    a = arena_new(CHUNK_MEMORY_MAX);
    if (json_parse(data, a, &chunk, &why) == ERR_OK)
        on_chunk(s, chunk);
    else
        s->failure = err_set(s->e, ERR_FORMAT, ERR_NO_POS, "the server sent no JSON: %s", why.text);
    arena_free(a);
}

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct stream *s = arg;
    long status = 0;

    n *= size;
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        buf_add(&s->refusal, str_n(p, n));
        return n;
    }
    if (!sse_feed(&s->sse, str_n(p, n)) || s->cancelled || s->failure) return 0;
    return n;
}

static enum err refused(struct stream *s, long status)
{
    struct arena *a = arena_new(CHUNK_MEMORY_MAX);
    struct json *reply;
    struct error ignored;
    str text = STR("it gave no reason");

    if (json_parse(buf_str(&s->refusal), a, &reply, &ignored) == ERR_OK && error_text(reply).n)
        text = error_text(reply);
    err_set(s->e, ERR_ARG, ERR_NO_POS, "the server answered %ld: %.*s", status, STR_FMT(text));
    arena_free(a);
    return ERR_ARG;
}

static enum err outcome(struct stream *s, CURLcode rc)
{
    long status = 0;

    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    if (s->failure) return s->failure;
    if (s->cancelled) return err_set(s->e, ERR_CANCELLED, ERR_NO_POS, "cancelled");
    if (s->ended) return ERR_OK;       /* whatever the connection did behind the last event */
    if (rc != CURLE_OK) return err_set(s->e, ERR_IO, ERR_NO_POS, "%s", curl_easy_strerror(rc));
    if (status != 200) return refused(s, status);
    return err_set(s->e, ERR_IO, ERR_NO_POS, "the stream broke off");
}

/* A line break in a key would add headers of its own. */
static bool is_key(const char *key)
{
    for (; *key; key++)
        if (*key <= ' ' || *key > '~') return false;
    return true;
}

static struct curl_slist *headers(const struct xai_options *o)
{
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
    struct arena *a = arena_new(0);

    list = curl_slist_append(list, "Expect:"); /* else large bodies wait a second */
    if (o->key)
        list = curl_slist_append(list, arena_printf(a, "Authorization: Bearer %s", o->key).p);
    arena_free(a);
    return list;
}

static void set_up(struct stream *s, const struct xai_options *o, str body, struct curl_slist *list)
{
    struct arena *a = arena_new(0);
    str url = str_of(o->url);

    while (url.n && url.p[url.n - 1] == '/') url.n--;
    if (str_ends(url, STR("/v1"))) url.n -= 3;
    curl_easy_setopt(s->curl, CURLOPT_URL,
                     arena_printf(a, "%.*s/v1/chat/completions", STR_FMT(url)).p);
    curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
    curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, body.p);
    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(s->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(s->curl, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s);
    arena_free(a);
}

enum err xai_chat_stream(const struct xai_options *o, str body, xai_text_fn *fn, void *arg,
                         struct error *e)
{
    struct stream s = {.curl = NULL, .fn = fn, .arg = arg, .e = e};
    struct curl_slist *list;
    enum err rc;

    if (o->key && !is_key(o->key))
        return err_set(e, ERR_ARG, ERR_NO_POS, "an API key has no spaces or control characters");
    s.curl = curl_easy_init();
    CHECK(s.curl);
    list = headers(o);
    sse_parser_init(&s.sse, EVENT_BYTES_MAX, on_event, &s);
    buf_init(&s.refusal, ERROR_BYTES_MAX);
    set_up(&s, o, body, list);
    rc = outcome(&s, curl_easy_perform(s.curl));
    curl_easy_cleanup(s.curl);
    curl_slist_free_all(list);
    sse_parser_done(&s.sse);
    buf_done(&s.refusal);
    return rc;
}
