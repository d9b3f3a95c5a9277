/* SPDX-License-Identifier: Apache-2.0
 *
 * mem and arena.
 */
#include "../test.h"

#include <signal.h>

#include "base/arena.h"
#include "base/mem.h"

static bool all_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static void sizes_are_checked(void **state)
{
    (void)state;
    static const struct { size_t a, b; bool mul, add; } rows[] = {
        {0, SIZE_MAX, true, true},
        {1, SIZE_MAX, true, false},
        {2, SIZE_MAX / 2, true, true},
        {3, SIZE_MAX / 2, false, true},
        {SIZE_MAX, SIZE_MAX, false, false},
        {1u << 20, 1u << 20, true, true},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        size_t out = 77;
        assert_int_equal(size_mul(rows[i].a, rows[i].b, &out), rows[i].mul);
        assert_int_equal(out, rows[i].mul ? rows[i].a * rows[i].b : 77);
        out = 77;
        assert_int_equal(size_add(rows[i].a, rows[i].b, &out), rows[i].add);
        assert_int_equal(out, rows[i].add ? rows[i].a + rows[i].b : 77);
    }
}

static void gives_zeroed_memory(void **state)
{
    (void)state;
    size_t before = mem_alloc_count();
    char *a = mem_alloc(100), *b = mem_array(10, 10), *c = mem_try_alloc(100);
    char *d = mem_try_aligned(64, 100), *e = mem_alloc(0), *f = mem_alloc(0);
    assert_int_equal(mem_alloc_count() - before, 6);
    assert_true(all_zero(a, 100) && all_zero(b, 100) && all_zero(c, 100) && all_zero(d, 100));
    assert_int_equal((uintptr_t)d % 64, 0);
    assert_ptr_not_equal(e, f);
    a = mem_resize(a, 200);
    char *s = mem_strdup("copy");
    assert_string_equal(s, "copy");
    char *all[] = {a, b, c, d, e, f, s, NULL};
    for (size_t i = 0; i < N_OF(all); i++)
        mem_free(all[i]);
}

static void nth_try_fails(void **state)
{
    (void)state;
    mem_fail_nth(3);
    void *a = mem_try_alloc(1), *b = mem_try_aligned(16, 1);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(mem_try_alloc(1));
    void *c = mem_try_alloc(1);
    assert_non_null(c);
    mem_fail_nth(1);
    assert_null(mem_try_resize(a, 100));
    mem_fail_nth(0);
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

static void allocate_guarded(void)
{
    mem_guard_begin();
    mem_guard_begin();
    mem_guard_end();
    mem_free(mem_alloc(1));
}

static void allocate_after_guard(void)
{
    mem_guard_begin();
    mem_guard_end();
    mem_free(mem_alloc(1));
}

static void overflow_array(void)
{
    mem_free(mem_array(SIZE_MAX / 2, 3));
}

static void end_without_begin(void)
{
    mem_guard_end();
}

static void bugs_abort(void **state)
{
    (void)state;
    assert_int_equal(signal_of(allocate_guarded), SIGABRT);
    assert_int_equal(signal_of(allocate_after_guard), 0);
    assert_int_equal(signal_of(overflow_array), SIGABRT);
    assert_int_equal(signal_of(end_without_begin), SIGABRT);
}

static void arena_gives_aligned_zeroed_pieces(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    size_t used = 0;
    for (size_t size = 0; size < 20000; size += 37) {
        char *p = arena_alloc(a, size);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(all_zero(p, size));
        memset(p, 0xee, size);
        used += (size + 15) / 16 * 16;
    }
    assert_int_equal(arena_used(a), used);
    assert_int_equal(arena_left(a), SIZE_MAX);
    arena_free(a);
    arena_free(NULL);
}

static void arena_keeps_its_cap(void **state)
{
    (void)state;
    struct arena *a = arena_new(1000);
    assert_null(arena_try(a, 1001));
    assert_non_null(arena_try(a, 500));
    assert_int_equal(arena_left(a), 1000 - 512);
    assert_null(arena_try(a, 489));
    assert_null(arena_try_array(a, SIZE_MAX / 2, 4));
    assert_null(arena_try(a, SIZE_MAX - 4));
    assert_non_null(arena_try(a, 480));
    assert_null(arena_try(a, 16));
    /* The program's own small pieces still fit into the reserve. */
    assert_non_null(arena_alloc(a, 1000));
    assert_int_equal(arena_left(a), 0);
    assert_null(arena_try(a, 1));
    arena_free(a);
}

static void pass_the_reserve(void)
{
    struct arena *a = arena_new(1000);
    for (size_t i = 0; i <= (ARENA_RESERVE + 1000) / 1000; i++)
        arena_alloc(a, 1000);
}

static void arena_aborts_past_the_reserve(void **state)
{
    (void)state;
    assert_int_equal(signal_of(pass_the_reserve), SIGABRT);
}

static void arena_fails_without_memory(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    for (size_t size = 1; size < 1000000; size *= 10) {
        char *p = arena_try(a, 3000);
        assert_non_null(p);
        mem_fail_nth(1);
        assert_null(arena_try(a, size + 1000000));
        mem_fail_nth(0);
    }
    arena_free(a);
}

static void arena_costs_few_allocations(void **state)
{
    (void)state;
    size_t before = mem_alloc_count();
    struct arena *a = arena_new(0);
    for (int i = 0; i < 3000; i++)
        arena_alloc(a, 1);
    assert_true(mem_alloc_count() - before <= 5);
    arena_free(a);
}

static void arena_copies(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    str s = arena_str(a, str_sub(STR("abcdef"), 1, 3));
    assert_str_is(s, "bcd");
    assert_int_equal(s.p[3], 0);
    assert_string_equal(arena_cstr(a, STR_NONE), "");
    assert_str_is(arena_printf(a, "%s-%05d", "x", 42), "x-00042");
    arena_free(a);
}

struct order { char text[8]; size_t n; };
struct step { struct order *order; char name; };

static void note(void *arg)
{
    struct step *s = arg;
    s->order->text[s->order->n++] = s->name;
}

static void cleanups_run_in_reverse(void **state)
{
    (void)state;
    struct order order = {{0}, 0};
    struct step step[] = {{&order, 'a'}, {&order, 'b'}, {&order, 'c'}};
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < N_OF(step); i++)
        arena_on_free(a, note, &step[i]);
    assert_string_equal(order.text, "");
    arena_free(a);
    assert_string_equal(order.text, "cba");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(gives_zeroed_memory),
        cmocka_unit_test(nth_try_fails),
        cmocka_unit_test(bugs_abort),
        cmocka_unit_test(arena_gives_aligned_zeroed_pieces),
        cmocka_unit_test(arena_keeps_its_cap),
        cmocka_unit_test(arena_aborts_past_the_reserve),
        cmocka_unit_test(arena_fails_without_memory),
        cmocka_unit_test(arena_costs_few_allocations),
        cmocka_unit_test(arena_copies),
        cmocka_unit_test(cleanups_run_in_reverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
