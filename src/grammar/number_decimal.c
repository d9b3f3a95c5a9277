/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparing and dividing decimal texts. Digits are read where they stand and exponents only move
 * the point, so nothing is written out and 1e999999 costs what 1 does.
 */
#include "grammar/number_internal.h"

#define LIMB 1000000000000000000u              /* base of long numbers: 18 digits a limb */
#define LIMB_DIGITS 18
#define LIMBS_MAX ((NUMBER_DIVISOR_DIGITS_MAX + LIMB_DIGITS - 1) / LIMB_DIGITS + 1)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The exponent in s from i on, cut. */
static int64_t read_exponent(str s, size_t i)
{
    if (i >= s.n || (s.p[i] != 'e' && s.p[i] != 'E'))
        return 0;
    i++;
    bool is_negative = i < s.n && s.p[i] == '-';
    i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
    int64_t v = 0;
    for (; i < s.n && is_digit(s.p[i]); i++)
        v = v < NUMBER_EXPONENT_MAX / 10 ? v * 10 + (s.p[i] - '0') : NUMBER_EXPONENT_MAX;
    return is_negative ? -v : v;
}

void decimal_read(struct decimal *d, str s)
{
    *d = (struct decimal){.is_negative = s.n > 0 && s.p[0] == '-', .dot = SIZE_MAX};
    size_t i = d->is_negative, n = 0;
    bool is_behind_dot = false;
    for (; i < s.n && (is_digit(s.p[i]) || s.p[i] == '.'); i++) {
        if (s.p[i] == '.') {
            is_behind_dot = true;
            if (d->p)
                d->dot = n;
        } else if (!d->p && s.p[i] == '0') {
            d->point -= is_behind_dot;
        } else {
            if (!d->p)
                d->p = s.p + i;
            n++;
            d->point += !is_behind_dot;
            if (s.p[i] != '0')
                d->n = n;
        }
    }
    d->point += read_exponent(s, i);
    if (d->n == 0)
        *d = (struct decimal){.dot = SIZE_MAX};
}

static int cmp_magnitude(const struct decimal *a, const struct decimal *b)
{
    if (a->n == 0 || b->n == 0)
        return (a->n > 0) - (b->n > 0);
    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    size_t n = a->n > b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i++) {
        int diff = decimal_digit(a, i) - decimal_digit(b, i);
        if (diff != 0)
            return diff < 0 ? -1 : 1;
    }
    return 0;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
    if (a->is_negative != b->is_negative)
        return a->is_negative ? -1 : 1;
    return a->is_negative ? -cmp_magnitude(a, b) : cmp_magnitude(a, b);
}

int number_cmp(str a, str b)
{
    struct decimal x, y;
    decimal_read(&x, a);
    decimal_read(&y, b);
    return decimal_cmp(&x, &y);
}

bool number_is_integer(str a)
{
    struct decimal d;
    decimal_read(&d, a);
    return d.n == 0 || d.point >= (int64_t)d.n;
}

/* ---- division ---- */

/* Least limb first. The number is below LIMB^n. */
struct limbs { uint64_t v[LIMBS_MAX]; int n; };

/* x = x * 10 + digit; x has room. */
static void push_digit(struct limbs *x, uint8_t digit)
{
    uint64_t carry = digit;
    for (int i = 0; i < x->n; i++) {
        uint64_t v = x->v[i] * 10 + carry;
        carry = v / LIMB;
        x->v[i] = v % LIMB;
    }
}

static bool is_below(const struct limbs *x, const struct limbs *y)
{
    for (int i = x->n; i-- > 0;)
        if (x->v[i] != y->v[i]) return x->v[i] < y->v[i];
    return false;
}

static void subtract(struct limbs *x, const struct limbs *y)
{
    uint64_t borrow = 0;
    for (int i = 0; i < x->n; i++) {
        uint64_t take = y->v[i] + borrow;
        borrow = x->v[i] < take;
        x->v[i] = x->v[i] + (borrow ? LIMB : 0) - take;
    }
}

static bool is_zero(const struct limbs *x)
{
    for (int i = 0; i < x->n; i++)
        if (x->v[i]) return false;
    return true;
}

/* a = A * 10^x and b = B * 10^y, where 10 divides neither A nor B. With x < y a is no multiple:
 * 10 would have to divide A. Else B must divide A * 10^(x - y); of those tens B can use at most
 * one for each factor 2 or 5 it has, fewer than 4 a digit. */
bool number_is_multiple(str number, str divisor)
{
    struct decimal a, b;
    decimal_read(&a, number);
    decimal_read(&b, divisor);
    if (a.n == 0 || b.n == 0)
        return b.n != 0;
    int64_t shift = (a.point - (int64_t)a.n) - (b.point - (int64_t)b.n);
    if (shift < 0)
        return false;
    if (b.n > NUMBER_DIVISOR_DIGITS_MAX)
        return cmp_magnitude(&a, &b) == 0;
    if (shift > 4 * (int64_t)b.n)
        shift = 4 * (int64_t)b.n;
    struct limbs rest = {.n = (int)(b.n / LIMB_DIGITS) + 1}, by = {.n = rest.n};
    for (size_t i = 0; i < b.n; i++)
        push_digit(&by, decimal_digit(&b, i));
    for (size_t i = 0; i < a.n + (size_t)shift; i++) {
        push_digit(&rest, decimal_digit(&a, i));
        while (!is_below(&rest, &by))
            subtract(&rest, &by);
    }
    return is_zero(&rest);
}
