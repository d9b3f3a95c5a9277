/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages and the prefix tree: conservation, sharing, salt, collisions of buckets, eviction in the
 * order of use, and that memory is touched only when used.
 */
#include "engine/prefix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

#define PAGE_BYTES 4096

struct rig { struct kv kv; struct prefix px; };

static void rig_open(struct rig *r, uint32_t n_page)
{
    assert_int_equal(kv_init(&r->kv, PAGE_BYTES, n_page, NULL), ERR_OK);
    assert_int_equal(prefix_init(&r->px, &r->kv, NULL), ERR_OK);
}

static void rig_close(struct rig *r)
{
    prefix_done(&r->px);
    kv_done(&r->kv);
}

static const int32_t *tokens(int v)
{
    static int32_t t[8][KV_PAGE_LEN];
    for (int i = 0; i < KV_PAGE_LEN; i++)
        t[v % 8][i] = v * 1000 + i;
    return t[v % 8];
}

/* A complete page behind parent, held once more by the caller. */
static uint32_t add(struct rig *r, uint64_t salt, uint32_t parent, int v)
{
    uint32_t page = kv_take(&r->kv);
    assert_int_not_equal(page, PAGE_NONE);
    return prefix_insert(&r->px, salt, parent, tokens(v), page);
}

static void test_pages(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 3);
    uint32_t a = kv_take(&r.kv), b = kv_take(&r.kv), c = kv_take(&r.kv);
    assert_true(a != b && b != c && a != c);
    assert_int_equal(kv_take(&r.kv), PAGE_NONE);
    kv_hold(&r.kv, b);
    assert_int_equal(kv_drop(&r.kv, b), 1);
    assert_int_equal(kv_n_free(&r.kv), 0);
    assert_int_equal(kv_drop(&r.kv, b), 0);
    assert_int_equal(kv_n_free(&r.kv), 1);
    assert_int_equal(kv_take(&r.kv), b);
    rig_close(&r);
    struct kv kv;
    struct error e;
    assert_int_equal(kv_init(&kv, PAGE_BYTES, 0, &e), ERR_LIMIT);
    assert_int_equal(kv_init(&kv, PAGE_BYTES, KV_PAGES_MAX + 1, &e), ERR_LIMIT);
    assert_int_equal(kv_init(&kv, SIZE_MAX / 2, 100, &e), ERR_LIMIT);
}

static void test_untouched_memory(void **state)
{
    (void)state;
    struct kv kv;
    assert_int_equal(kv_init(&kv, PAGE_BYTES, 1u << 18, NULL), ERR_OK);   /* 1 GB */
    uint32_t page = kv_take(&kv);
    kv.base[(size_t)page * PAGE_BYTES] = 1;
    unsigned char resident[1024];
    int n = 0;
    assert_int_equal(mincore(kv.base, sizeof resident * 4096, resident), 0);
    for (size_t i = 0; i < sizeof resident; i++)
        n += resident[i] & 1;
    assert_true(n <= 512);             /* one page, or one huge page */
    kv_done(&kv);
}

static void test_tree(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 16);
    uint32_t a = add(&r, 1, PAGE_NONE, 1), b = add(&r, 1, a, 2);
    assert_int_equal(prefix_find(&r.px, 1, PAGE_NONE, tokens(1)), a);
    assert_int_equal(prefix_find(&r.px, 1, a, tokens(2)), b);
    assert_int_equal(prefix_find(&r.px, 2, PAGE_NONE, tokens(1)), PAGE_NONE);
    assert_int_equal(prefix_find(&r.px, 1, PAGE_NONE, tokens(2)), PAGE_NONE);
    assert_int_equal(prefix_find(&r.px, 1, b, tokens(2)), PAGE_NONE);
    /* The same page computed twice: the holder moves over, the copy is free again. */
    uint32_t n_free = kv_n_free(&r.kv);
    assert_int_equal(add(&r, 1, a, 2), b);
    assert_int_equal(kv_n_free(&r.kv), n_free);
    assert_int_equal(r.kv.n_holder[b], 3);
    assert_int_equal(add(&r, 2, PAGE_NONE, 1) == a, 0);
    rig_close(&r);
}

static void test_eviction_order(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 16);
    uint32_t a = add(&r, 0, PAGE_NONE, 1), b = add(&r, 0, a, 2), c = add(&r, 0, PAGE_NONE, 3);
    assert_false(prefix_evict(&r.px)); /* everything is held */
    prefix_drop(&r.px, b);
    prefix_drop(&r.px, a);
    prefix_drop(&r.px, c);
    prefix_hold(&r.px, a);             /* used again: now c is older than a, b the oldest */
    assert_int_equal(r.px.n_idle, 2);
    prefix_drop(&r.px, a);
    assert_true(prefix_evict(&r.px));
    assert_int_equal(prefix_find(&r.px, 0, a, tokens(2)), PAGE_NONE);
    assert_true(prefix_evict(&r.px));
    assert_int_equal(prefix_find(&r.px, 0, PAGE_NONE, tokens(3)), PAGE_NONE);
    assert_int_equal(prefix_find(&r.px, 0, PAGE_NONE, tokens(1)), a);
    assert_true(prefix_evict(&r.px));
    assert_false(prefix_evict(&r.px));
    assert_int_equal(kv_n_free(&r.kv), 16);
    assert_int_equal(r.px.n_in_tree, 0);
    rig_close(&r);
}

/* More nodes than buckets: chains are walked and unlinked in the middle. */
static void test_many_nodes(void **state)
{
    (void)state;
    enum { N = 500 };
    struct rig r;
    uint32_t page[N];
    rig_open(&r, N);
    r.px.bucket_mask = 3;
    for (int i = 0; i < N; i++)
        page[i] = add(&r, 7, i % 5 == 0 ? PAGE_NONE : page[i - 1], i);
    for (int i = 0; i < N; i++)
        assert_int_equal(prefix_find(&r.px, 7, i % 5 == 0 ? PAGE_NONE : page[i - 1], tokens(i)),
                         page[i]);
    for (int i = N; i-- > 0;)
        prefix_drop(&r.px, page[i]);
    for (int i = N; i-- > 0;) {
        assert_true(prefix_evict(&r.px));
        assert_int_equal(prefix_find(&r.px, 7, i % 5 == 0 ? PAGE_NONE : page[i - 1], tokens(i)),
                         PAGE_NONE);
    }
    assert_int_equal(kv_n_free(&r.kv), N);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),        cmocka_unit_test(test_untouched_memory),
        cmocka_unit_test(test_tree),         cmocka_unit_test(test_eviction_order),
        cmocka_unit_test(test_many_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
