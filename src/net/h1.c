/* SPDX-License-Identifier: Apache-2.0
 *
 * h1: HTTP/1.x on a connection. One exchange at a time; the next request of a pipeline is looked
 * at only when the reply before it is complete.
 *
 *             head complete, on_head              want_body (413: refuse)
 *   HEAD ------------------------------> BUSY ------------------------------> BODY
 *    ^ ^                                 |  ^            body whole, on_body   |
 *    | |                     exchange_   |  `---------------------------------'
 *    | |                     stream      v
 *    | |                               STREAM ---exchange_finish---.
 *    | |        exchange_reply (from BUSY, BODY)                   v
 *    | |                  `-------------------------------------> DONE
 *    | `----------------- on_done, keep-alive ----------------------|
 *    |  refuse (400, 408, 413 ...): error_body, then as a reply     | on_done, close
 *    `--> closed when idle too long or at end of input              v
 *                                                                CLOSING --> freed
 *
 * CLOSING: output is flushed, then FIN is sent, then what still arrives is thrown away until the
 * client closes, one second passed or LINGER_BYTES_MAX came: closing with unread bytes would reset
 * the connection, and the reply could be lost on its way.
 *
 * HTTP/2's preface is an HTTP/1 head of version 2.0, refused with 505; when h2 exists, head_step is
 * where a connection changes its protocol, with the preface still in the input.
 *
 * End of input while an exchange runs means that the client is gone, half-closed or not (as nginx
 * takes it); with no exchange running what was replied is still flushed.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/net_internal.h"

#include "base/clock.h"
#include "base/mem.h"

#define BODY_FIRST ((size_t)64 << 10)          /* body bytes reserved before any came */

static const struct xchg_ops h1_ops;

static struct evbuffer *input_of(const struct conn *c)
{
    return bufferevent_get_input(c->bev);
}

static size_t input_size(const struct conn *c)
{
    return evbuffer_get_length(input_of(c));
}

static void send_bytes(struct conn *c, str bytes)
{
    if (bytes.n > 0)
        CHECK(evbuffer_add(bufferevent_get_output(c->bev), bytes.p, bytes.n) == 0);
}

/* -- Replies ------------------------------------------------------------------------------- */

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7), made once a second. */
static str date_of(struct worker *w)
{
    static const char day[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char month[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now = clock_unix_s();
    if (now != w->date_unix_s) {
        time_t t = (time_t)now;
        struct tm tm;
        gmtime_r(&t, &tm);
        int n = snprintf(w->date, sizeof w->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                         day[tm.tm_wday], tm.tm_mday, month[tm.tm_mon], 1900 + tm.tm_year % 8100,
                         tm.tm_hour, tm.tm_min, tm.tm_sec);
        CHECK(n == 29);
        w->date_unix_s = now;
    }
    return str_n(w->date, 29);
}

static void add_line(struct buf *b, const char *name, str value)
{
    buf_add(b, str_of(name));
    buf_add(b, STR(": "));
    buf_add(b, value);
    buf_add(b, STR("\r\n"));
}

/* Writes the head. length < 0: the body is streamed. Settles keep_alive of the connection. */
static void send_head(struct xchg *xi, int status, const char *content_type, int64_t length)
{
    struct conn *c = xi->conn;
    struct h1 *h = &c->h1;
    struct buf *b = &c->w->head;
    bool has_body = status != 204 && status != 304;
    h->chunked_out = length < 0 && h->minor == 1;
    h->keep_alive = h->keep_alive && !h->body_pending && !c->w->draining &&
                    (length >= 0 || h->chunked_out);

    buf_clear(b);
    buf_add(b, STR("HTTP/1.1 "));
    buf_i64(b, status);
    buf_char(b, ' ');
    buf_add(b, str_of(http_status_text(status)));
    buf_add(b, STR("\r\n"));
    add_line(b, "server", STR("grokd"));
    add_line(b, "date", date_of(c->w));
    if (content_type)
        add_line(b, "content-type", str_of(content_type));
    if (h->chunked_out) {
        add_line(b, "transfer-encoding", STR("chunked"));
    } else if (length >= 0 && has_body) {
        buf_add(b, STR("content-length: "));
        buf_i64(b, length);
        buf_add(b, STR("\r\n"));
    }
    if (!h->keep_alive)
        add_line(b, "connection", STR("close"));
    else if (h->minor == 0)
        add_line(b, "connection", STR("keep-alive"));
    for (const struct reply_line *l = xi->lines; l; l = l->next)
        add_line(b, l->name, l->value);
    buf_add(b, STR("\r\n"));
    CHECK(!b->bad);
    send_bytes(c, buf_str(b));
}

static void h1_reply(struct xchg *xi, int status, const char *content_type, str body)
{
    struct conn *c = xi->conn;
    send_head(xi, status, content_type, (int64_t)body.n);
    if (!c->h1.is_head && status != 204 && status != 304) {
        send_bytes(c, body);
        xi->x.bytes_out = body.n;
    }
    c->h1.state = H1_DONE;
    conn_run(c);
}

static void h1_stream(struct xchg *xi, int status, const char *content_type)
{
    send_head(xi, status, content_type, -1);
    xi->conn->h1.state = H1_STREAM;
    conn_arm(xi->conn, D_NONE);
}

static bool h1_write(struct xchg *xi, str bytes)
{
    struct conn *c = xi->conn;
    if (c->h1.is_head)
        return true;
    if (c->h1.chunked_out) {
        char size[24];
        int n = snprintf(size, sizeof size, "%zx\r\n", bytes.n);
        send_bytes(c, str_n(size, (size_t)n));
    }
    send_bytes(c, bytes);
    if (c->h1.chunked_out)
        send_bytes(c, STR("\r\n"));
    return conn_output(c) <= c->w->s->o.output_high;
}

static void h1_finish(struct xchg *xi)
{
    struct conn *c = xi->conn;
    if (c->h1.chunked_out && !c->h1.is_head)
        send_bytes(c, STR("0\r\n\r\n"));
    c->h1.state = H1_DONE;
    conn_run(c);
}

static void h1_want_body(struct xchg *xi)
{
    conn_run(xi->conn);
}

static const struct xchg_ops h1_ops = {
    .want_body = h1_want_body,
    .reply = h1_reply,
    .stream = h1_stream,
    .write = h1_write,
    .finish = h1_finish,
};

/* Replies with an error of our own and closes. Makes the exchange when there is none yet. */
static void refuse(struct conn *c, int status, const char *why)
{
    struct h1 *h = &c->h1;
    if (!h->x)
        h->x = xchg_new(c, &h1_ops, h->head_ns ? h->head_ns : clock_ns());
    h->keep_alive = false;
    const struct http_handler *handler = &c->w->s->handler;
    str type = STR("text/plain"), body = str_of(why);
    if (handler->error_body)
        body = handler->error_body(handler->arg, &h->x->x, status, why, &type);
    exchange_reply(&h->x->x, status, arena_cstr(h->x->x.arena, type), body);
}

/* -- Head ---------------------------------------------------------------------------------- */

static str rebase(str s, const char *from, const char *to)
{
    return s.n == 0 ? STR("") : str_n(to + (s.p - from), s.n);
}

/* The exchange owns a copy of the head: the input moves on under it. */
static void fill_exchange(struct exchange *x, const struct http_head *head, const char *in)
{
    char *copy = arena_cstr(x->arena, str_n(in, head->used));
    x->method = rebase(head->method, in, copy);
    x->target = rebase(head->target, in, copy);
    if (head->query.n > 0)
        x->query = rebase(head->query, in, copy);
    char *path = arena_alloc(x->arena, head->raw_path.n + 1);
    x->path = str_n(path, http_decode_path(head->raw_path, path));

    struct header *header = arena_alloc(x->arena, (head->n_header + 1) * sizeof *header);
    for (size_t i = 0; i < head->n_header; i++) {
        header[i].name = rebase(head->header[i].name, in, copy);
        header[i].value = rebase(head->header[i].value, in, copy);
    }
    x->header = header;
    x->n_header = head->n_header;
}

static void begin_request(struct conn *c, const struct http_head *head, const char *in)
{
    struct h1 *h = &c->h1;
    h->x = xchg_new(c, &h1_ops, h->head_ns);
    fill_exchange(&h->x->x, head, in);
    evbuffer_drain(input_of(c), head->used);
    h->minor = head->minor;
    h->keep_alive = head->keep_alive;
    h->is_head = str_is(h->x->x.method, "HEAD");
    h->chunked_in = head->chunked;
    h->chunks = (struct http_chunks){0};
    h->left = head->length;
    h->body_pending = head->chunked || head->length > 0;
    h->expect_continue = head->expect_continue;
    h->state = H1_BUSY;
    conn_arm(c, D_NONE);
    c->w->s->handler.on_head(c->w->s->handler.arg, &h->x->x);
}

static void refuse_head(struct conn *c, const struct http_head *head)
{
    struct h1 *h = &c->h1;
    h->x = xchg_new(c, &h1_ops, h->head_ns);
    struct exchange *x = &h->x->x;
    x->method = arena_str(x->arena, head->method);
    x->target = arena_str(x->arena, head->target);
    h->minor = 1;
    h->is_head = str_is(x->method, "HEAD");
    h->body_pending = false;
    refuse(c, head->status, head->why);
}

/* Whether the bytes since the last look can change the parser's mind: only a line end, the very
 * first byte or a limit can, so a slow sender costs one look per line. */
static bool worth_parsing(struct h1 *h, const char *p, size_t n, size_t max)
{
    const size_t line_max = HTTP_LINE_MAX + 2;
    bool line = memchr(p + h->scanned, '\n', n - h->scanned) != NULL;
    bool limit = n == max || (h->scanned <= line_max && n > line_max);
    bool first = h->scanned == 0;
    h->scanned = n;
    return line || first || limit;
}

static bool head_step(struct conn *c)
{
    struct h1 *h = &c->h1;
    const struct server_options *o = &c->w->s->o;
    size_t n = input_size(c);
    if (n == 0 && c->w->draining) {
        h->state = H1_CLOSING;
        return true;
    }
    if (conn_output(c) > o->output_high)       /* a pipeline whose replies are not read */
        return false;
    enum deadline wait = n == 0 ? D_IDLE : D_HEADER;
    if (c->armed != wait)
        conn_arm(c, wait);
    if (n == 0)
        return false;
    if (h->head_ns == 0)
        h->head_ns = clock_ns();

    if (n > o->header_bytes_max)
        n = o->header_bytes_max;
    const char *p = (const char *)evbuffer_pullup(input_of(c), (ev_ssize_t)n);
    CHECK(p != NULL);
    if (!worth_parsing(h, p, n, o->header_bytes_max))
        return false;
    struct http_limits limits = {o->header_bytes_max, o->header_count_max};
    struct http_head head;
    switch (http_parse_head(str_n(p, n), &limits, c->w->scratch, &head)) {
    case HTTP_MORE:
        return false;
    case HTTP_DONE:
        begin_request(c, &head, p);
        return true;
    default:
        refuse_head(c, &head);
        return true;
    }
}

/* -- Body ---------------------------------------------------------------------------------- */

static bool deliver_body(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct xchg *xi = h->x;
    conn_arm(c, D_NONE);
    h->state = H1_BUSY;
    h->body_pending = false;
    if (xi->body.n > 0)
        xi->x.body = buf_str(&xi->body);
    c->w->s->handler.on_body(c->w->s->handler.arg, &xi->x);
    return true;
}

static bool begin_body(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct xchg *xi = h->x;
    xi->want_body = false;
    if (!h->body_pending)
        return deliver_body(c);
    if (h->left > xi->body_max) {
        refuse(c, 413, "The request body is larger than is allowed here.");
        return true;
    }
    size_t max = h->chunked_in ? xi->body_max : (size_t)h->left;
    buf_init(&xi->body, max > 0 ? max : 1);
    h->state = H1_BODY;
    h->window_bytes = 0;
    conn_arm(c, D_BODY);
    if (h->expect_continue)
        send_bytes(c, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    return true;
}

/* Memory for n more body bytes; refuses when there is none. */
static char *body_room(struct conn *c, size_t n)
{
    char *to = buf_reserve(&c->h1.x->body, n);
    if (!to)
        refuse(c, 503, "There is no memory for the request body now.");
    return to;
}

static bool length_step(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct xchg *xi = h->x;
    size_t n = input_size(c);
    if (n > h->left)
        n = (size_t)h->left;
    if (n == 0)
        return false;
    size_t first = h->left < BODY_FIRST ? (size_t)h->left : BODY_FIRST;
    if (!xi->body.p && !body_room(c, first))
        return true;
    char *to = body_room(c, n);
    if (!to)
        return true;
    evbuffer_remove(input_of(c), to, n);
    xi->body.n += n;
    xi->x.bytes_in += n;
    h->left -= n;
    return h->left == 0 && deliver_body(c);
}

static bool chunked_step(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct xchg *xi = h->x;
    if (input_size(c) == 0)
        return false;
    size_t used, n = evbuffer_get_contiguous_space(input_of(c));
    const char *p = (const char *)evbuffer_pullup(input_of(c), n > 0 ? (ev_ssize_t)n : 1);
    CHECK(p != NULL);
    str data;
    const char *why = NULL;
    enum http_step step = http_chunks_feed(&h->chunks, str_n(p, n > 0 ? n : 1), &used, &data,
                                           &why);
    if (step == HTTP_BAD) {
        refuse(c, 400, why);
        return true;
    }
    if (data.n > xi->body_max - xi->body.n) {
        refuse(c, 413, "The request body is larger than is allowed here.");
        return true;
    }
    if (data.n > 0) {
        char *to = body_room(c, data.n);
        if (!to)
            return true;
        memcpy(to, data.p, data.n);
        xi->body.n += data.n;
        xi->x.bytes_in += data.n;
    }
    evbuffer_drain(input_of(c), used);
    return step == HTTP_DONE ? deliver_body(c) : true;
}

/* -- Between and after --------------------------------------------------------------------- */

static bool stream_step(struct conn *c)
{
    struct xchg *xi = c->h1.x;
    if (!xi->blocked || conn_output(c) > c->w->s->o.output_low)
        return false;
    xi->blocked = false;
    if (xi->x.on_drain)
        xi->x.on_drain(&xi->x);
    return true;
}

static bool done_step(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct xchg *xi = h->x;
    h->x = NULL;
    xchg_end(xi);
    h->head_ns = 0;
    h->scanned = 0;
    h->state = h->keep_alive ? H1_HEAD : H1_CLOSING;
    conn_arm(c, D_NONE);
    return true;
}

static bool closing_step(struct conn *c)
{
    struct h1 *h = &c->h1;
    size_t n = input_size(c);
    evbuffer_drain(input_of(c), n);
    h->lingered += n;
    if (conn_output(c) > 0 || h->fin_sent)
        return false;
    if (h->peer_eof) {
        c->dead = true;
        return false;
    }
    h->fin_sent = true;
    conn_send_fin(c);
    conn_arm(c, D_LINGER);
    return false;
}

static bool h1_step(struct conn *c)
{
    switch (c->h1.state) {
    case H1_HEAD:
        return head_step(c);
    case H1_BODY:
        return c->h1.chunked_in ? chunked_step(c) : length_step(c);
    case H1_BUSY:
        return c->h1.x->want_body && begin_body(c);
    case H1_STREAM:
        return stream_step(c);
    case H1_DONE:
        return done_step(c);
    default:
        return closing_step(c);
    }
}

static bool h1_wants_input(const struct conn *c)
{
    const struct h1 *h = &c->h1;
    switch (h->state) {
    case H1_HEAD:
        return conn_output(c) <= c->w->s->o.output_high ||
               input_size(c) < c->w->s->o.pipeline_bytes_max;
    case H1_BODY:
        return true;
    case H1_CLOSING:
        return !h->peer_eof && h->lingered < LINGER_BYTES_MAX;
    default:
        return input_size(c) < c->w->s->o.pipeline_bytes_max;
    }
}

static void body_expired(struct conn *c)
{
    struct h1 *h = &c->h1;
    const struct server_options *o = &c->w->s->o;
    uint64_t got = h->x->x.bytes_in - h->window_bytes;
    if (got * 1000 < (uint64_t)o->body_rate_min * (uint64_t)o->body_timeout_ms) {
        refuse(c, 408, "The request body came too slowly.");
        return;
    }
    h->window_bytes = h->x->x.bytes_in;
    conn_arm(c, D_BODY);
}

static void h1_expired(struct conn *c, enum deadline what)
{
    struct h1 *h = &c->h1;
    if (h->state == H1_HEAD && what == D_HEADER) {
        h->minor = 1;
        h->is_head = false;
        h->body_pending = false;
        refuse(c, 408, "The request head came too slowly.");
    } else if (h->state == H1_HEAD) {
        h->state = H1_CLOSING;
    } else if (h->state == H1_BODY) {
        body_expired(c);
    } else if (h->state == H1_CLOSING) {
        c->dead = true;
    }
}

static void h1_lost(struct conn *c, bool eof)
{
    struct h1 *h = &c->h1;
    if (h->x) {
        struct xchg *xi = h->x;
        h->x = NULL;
        xchg_gone(xi);
        c->dead = true;
        return;
    }
    c->dead = !eof || h->fin_sent || conn_output(c) == 0;
    h->peer_eof = true;
    h->state = H1_CLOSING;
}

static void h1_drain(struct conn *c)
{
    if (c->h1.state == H1_HEAD && input_size(c) == 0)
        c->h1.state = H1_CLOSING;
}

static void h1_shutdown(struct conn *c)
{
    struct h1 *h = &c->h1;
    if (!h->x)
        h->state = H1_CLOSING;
    else if (h->x->x.on_shutdown && h->state != H1_DONE)
        h->x->x.on_shutdown(&h->x->x);
}

static void h1_refuse(struct conn *c)
{
    c->h1.minor = 1;
    refuse(c, 503, "The server has too many connections; try again soon.");
}

const struct proto h1_proto = {
    .step = h1_step,
    .wants_input = h1_wants_input,
    .expired = h1_expired,
    .lost = h1_lost,
    .drain = h1_drain,
    .shutdown = h1_shutdown,
    .refuse = h1_refuse,
};
