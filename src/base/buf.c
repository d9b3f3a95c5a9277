/* SPDX-License-Identifier: Apache-2.0
 *
 * buf: growth doubles up to the maximum, so appends cost O(1) on average. One owner thread.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define BUF_FIRST 64

void buf_init(struct buf *b, size_t max)
{
    CHECK(max > 0);
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    mem_free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->bad = false;
}

static bool grow(struct buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;
    char *p = mem_try_resize(b->p, cap);
    if (!p)
        return false;
    b->p = p;
    b->cap = cap;
    return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->bad || n > b->max - b->n || (b->n + n > b->cap && !grow(b, b->n + n))) {
        b->bad = true;
        return NULL;
    }
    return b->p ? b->p + b->n : (grow(b, 1) ? b->p : NULL);
}

void buf_add(struct buf *b, str s)
{
    if (s.n == 0)
        return;
    char *to = buf_reserve(b, s.n);
    if (!to)
        return;
    memcpy(to, s.p, s.n);
    b->n += s.n;
}

void buf_char(struct buf *b, char c)
{
    char *to = buf_reserve(b, 1);
    if (!to)
        return;
    *to = c;
    b->n++;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    if ((size_t)n < sizeof small) {
        buf_add(b, (str){small, (size_t)n});
    } else if ((size_t)n >= b->max - b->n) {
        /* vsnprintf adds a NUL: format on the heap when only that does not fit. */
        char *copy = b->bad || (size_t)n > b->max - b->n ? NULL : mem_try_alloc((size_t)n + 1);
        b->bad = copy == NULL;
        if (copy) {
            vsnprintf(copy, (size_t)n + 1, fmt, again);
            buf_add(b, (str){copy, (size_t)n});
            mem_free(copy);
        }
    } else {
        char *to = buf_reserve(b, (size_t)n + 1);
        if (to) {
            vsnprintf(to, (size_t)n + 1, fmt, again);
            b->n += (size_t)n;
        }
    }
    va_end(again);
}

void buf_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    buf_add(b, (str){digits + at, sizeof digits - at});
}

void buf_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_char(b, '-');
    buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_consume(struct buf *b, size_t n)
{
    CHECK(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}
