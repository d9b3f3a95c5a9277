/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange: the part every protocol shares. Life of the record, reply headers, and the dispatch to
 * the protocol's operations.
 */
#include "net/exchange.h"

#include "base/clock.h"
#include "net/net_internal.h"

static struct xchg *of(struct exchange *x)
{
    return (struct xchg *)(void *)x;           /* x is its first member */
}

struct xchg *xchg_new(struct conn *c, const struct xchg_ops *ops, int64_t start_ns)
{
    struct arena *a = arena_new(EXCHANGE_ARENA_MAX);
    struct xchg *xi = arena_new_of(a, struct xchg);
    xi->x = (struct exchange){
        .method = STR(""), .target = STR(""), .path = STR(""), .query = STR(""), .body = STR(""),
        .peer = str_of(c->peer), .tls = c->ssl != NULL, .start_ns = start_ns,
        .arena = a, .loop = c->w->loop,
    };
    xi->ops = ops;
    xi->conn = c;
    xi->server = c->w->s;
    xi->lines_end = &xi->lines;
    atomic_fetch_add_explicit(&c->w->s->n_request, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->w->s->n_busy, 1, memory_order_relaxed);
    return xi;
}

void xchg_end(struct xchg *xi)
{
    struct server *s = xi->server;
    xi->over = true;
    if (xi->n_hold > 0)
        return;
    s->handler.on_done(s->handler.arg, &xi->x);
    atomic_fetch_sub_explicit(&s->n_busy, 1, memory_order_relaxed);
    struct buf body = xi->body;
    if (body.p)
        buf_done(&body);
    arena_free(xi->x.arena);
}

void xchg_gone(struct xchg *xi)
{
    xi->x.gone = true;
    if (xi->x.on_gone)
        xi->x.on_gone(&xi->x);
    xchg_end(xi);
}

void exchange_hold(struct exchange *x)
{
    of(x)->n_hold++;
}

void exchange_release(struct exchange *x)
{
    struct xchg *xi = of(x);
    CHECK(xi->n_hold > 0);
    xi->n_hold--;
    if (xi->over)
        xchg_end(xi);
}

str exchange_header(const struct exchange *x, const char *name)
{
    str want = str_of(name);
    for (size_t i = 0; i < x->n_header; i++)
        if (str_eq_nocase(x->header[i].name, want))
            return x->header[i].value;
    return STR_NONE;
}

void exchange_want_body(struct exchange *x, size_t max)
{
    struct xchg *xi = of(x);
    if (x->gone)
        return;
    CHECK(!xi->asked_body && xi->phase == X_OPEN);
    xi->asked_body = true;
    xi->want_body = true;
    xi->body_max = max;
    xi->ops->want_body(xi);
}

void exchange_add_header(struct exchange *x, const char *name, str value)
{
    struct xchg *xi = of(x);
    CHECK(xi->phase == X_OPEN);
    for (const char *p = name; *p; p++)
        CHECK(*p > ' ' && *p != ':' && *p != 0x7F);
    for (size_t i = 0; i < value.n; i++)
        CHECK(value.p[i] != '\r' && value.p[i] != '\n' && value.p[i] != '\0');
    struct reply_line *line = arena_new_of(x->arena, struct reply_line);
    line->name = arena_cstr(x->arena, str_of(name));
    line->value = arena_str(x->arena, value);
    *xi->lines_end = line;
    xi->lines_end = &line->next;
}

void exchange_reply(struct exchange *x, int status, const char *content_type, str body)
{
    struct xchg *xi = of(x);
    if (x->gone)
        return;
    CHECK(status >= 200 && status <= 599 && xi->phase == X_OPEN);
    xi->phase = X_FINISHED;
    x->status = status;
    xi->ops->reply(xi, status, content_type, body);
}

void exchange_stream(struct exchange *x, int status, const char *content_type)
{
    struct xchg *xi = of(x);
    if (x->gone)
        return;
    CHECK(status >= 200 && status <= 599 && status != 204 && status != 304);
    CHECK(xi->phase == X_OPEN);
    xi->phase = X_STREAMING;
    x->status = status;
    xi->ops->stream(xi, status, content_type);
}

bool exchange_write(struct exchange *x, str bytes)
{
    struct xchg *xi = of(x);
    if (x->gone)
        return true;
    CHECK(xi->phase == X_STREAMING);
    if (bytes.n > 0) {
        x->bytes_out += bytes.n;
        /* Only on_drain takes it back: between the marks one more write changes nothing. */
        if (!xi->ops->write(xi, bytes))
            xi->blocked = true;
    }
    return !xi->blocked;
}

void exchange_finish(struct exchange *x)
{
    struct xchg *xi = of(x);
    if (x->gone)
        return;
    CHECK(xi->phase == X_STREAMING);
    xi->phase = X_FINISHED;
    xi->ops->finish(xi);
}
