/* SPDX-License-Identifier: Apache-2.0
 *
 * map, hash, list and rand.
 */
#include "../test.h"

#include <signal.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"

#define KEYS 500

/* A long random sequence of set, get and delete agrees with a plain array. */
static void map_agrees_with_an_array(void **state)
{
    (void)state;
    static char name[KEYS][8];
    uintptr_t model[KEYS] = {0};               /* value, 0: absent */
    size_t n = 0;
    struct rng r;
    rng_seed(&r, 3);
    struct map m;
    map_init(&m, 0);
    for (int k = 0; k < KEYS; k++)
        snprintf(name[k], sizeof name[k], "k%d", k);
    for (int step = 0; step < 200000; step++) {
        size_t k = rng_below(&r, KEYS);
        str key = str_of(name[k]);
        uintptr_t value = 0;
        switch (rng_below(&r, 3)) {
        case 0:
            assert_int_equal(map_set(&m, key, (uintptr_t)step + 1), model[k] == 0);
            n += model[k] == 0;
            model[k] = (uintptr_t)step + 1;
            break;
        case 1:
            assert_int_equal(map_del(&m, key), model[k] != 0);
            n -= model[k] != 0;
            model[k] = 0;
            break;
        default:
            assert_int_equal(map_get(&m, key, &value), model[k] != 0);
            assert_int_equal(value, model[k]);
        }
        assert_int_equal(m.n, n);
    }
    size_t walked = 0;
    const struct map_slot *s;
    for (size_t i = 0; (s = map_next(&m, &i));) {
        uint64_t k;
        assert_true(str_to_u64(str_sub(s->key, 1, 8), &k));
        assert_int_equal(s->value, model[k]);
        walked++;
    }
    assert_int_equal(walked, n);
    map_done(&m);
}

static void map_edges(void **state)
{
    (void)state;
    struct map m;
    map_init(&m, 1000);
    size_t cap = m.cap, i = 0;
    assert_false(map_get(&m, STR("x"), NULL) || map_del(&m, STR("x")));
    assert_null(map_next(&m, &i));
    assert_true(map_set(&m, STR_NONE, 0));
    assert_false(map_set(&m, STR(""), 5));
    uintptr_t v = 0;
    assert_true(map_get(&m, STR(""), &v));
    assert_int_equal(v, 5);
    assert_true(map_set(&m, STR("a\0b"), 1));
    assert_false(map_get(&m, STR("a\0c"), NULL));
    static char name[998][8];
    for (size_t k = 0; k < N_OF(name); k++) {
        snprintf(name[k], sizeof name[k], "%zu", k);
        map_set(&m, str_of(name[k]), k);
    }
    assert_int_equal(m.cap, cap);              /* the expected number fits without growth */
    map_done(&m);
}

static void hashes(void **state)
{
    (void)state;
    assert_true(hash_str(STR("abc")) == hash_str(STR("abc")));
    assert_true(hash_str(STR("abc")) != hash_str(STR("abd")));
    assert_true(hash_str(STR("")) != hash_str(STR("\0")));
    /* The fixed hash is written into files and compared across machines: its values stay. */
    assert_true(hash_fixed(0, "", 0) == hash_fixed(0, NULL, 0));
    char zeros[64] = {0};
    uint64_t seen[65];
    for (size_t n = 0; n <= 64; n++) {
        seen[n] = hash_fixed(7, zeros, n);
        for (size_t k = 0; k < n; k++)
            assert_true(seen[n] != seen[k]);
    }
    /* One flipped bit anywhere flips about half of the result. */
    for (size_t bit = 0; bit < 512; bit++) {
        zeros[bit / 8] = (char)(1 << bit % 8);
        assert_in_range(__builtin_popcountll(hash_fixed(7, zeros, 64) ^ seen[64]), 12, 52);
        zeros[bit / 8] = 0;
    }
    assert_int_equal(hash_fixed(1, "grok", 4), 0x9c23cdcf9df71b5a);
}

static void lists(void **state)
{
    (void)state;
    struct item { int id; struct list node; } item[4] = {{1, {0}}, {2, {0}}, {3, {0}}, {4, {0}}};
    struct list head;
    list_init(&head);
    assert_true(list_empty(&head));
    list_add_tail(&head, &item[1].node);
    list_add_tail(&head, &item[2].node);
    list_add_head(&head, &item[0].node);
    list_add_tail(&head, &item[3].node);
    int sum = 0;
    LIST_EACH(it, &head)
        sum = sum * 10 + LIST_ENTRY(it, struct item, node)->id;
    assert_int_equal(sum, 1234);
    LIST_EACH_SAFE(it, &head)
        if (LIST_ENTRY(it, struct item, node)->id % 2)
            list_del(it);
    list_del(&item[0].node);                   /* twice is harmless */
    sum = 0;
    LIST_EACH(it, &head)
        sum = sum * 10 + LIST_ENTRY(it, struct item, node)->id;
    assert_int_equal(sum, 24);
}

/* First values of xoshiro256** from state {1, 2, 3, 4}: the authors' reference program. */
static void rng_is_xoshiro(void **state)
{
    (void)state;
    struct rng r = {{1, 2, 3, 4}};
    static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240};
    for (size_t i = 0; i < N_OF(want); i++)
        assert_int_equal(rng_next(&r), want[i]);
}

static void rng_ranges(void **state)
{
    (void)state;
    struct rng a, b;
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    size_t count[7] = {0};
    double sum = 0;
    for (int i = 0; i < 70000; i++) {
        uint64_t k = rng_below(&a, 7);
        assert_int_equal(rng_below(&b, 7), k);
        assert_true(k < 7);
        count[k]++;
        double u = rng_unit(&a);
        rng_unit(&b);
        assert_true(u >= 0 && u < 1);
        sum += u;
    }
    for (size_t k = 0; k < 7; k++)
        assert_in_range(count[k], 9600, 10400);
    assert_in_range((int)(sum / 70), 480, 520);
    assert_int_equal(rng_below(&a, 1), 0);
}

static void below_nothing(void)
{
    struct rng r;
    rng_seed(&r, 1);
    rng_below(&r, 0);
}

static void system_randomness(void **state)
{
    (void)state;
    uint8_t bytes[300] = {0};
    rand_bytes(bytes, sizeof bytes);
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 30);
    char a[UUID_LEN + 1], b[UUID_LEN + 1];
    uuid_make(a);
    uuid_make(b);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), UUID_LEN);
    for (size_t i = 0; i < UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        assert_true(dash ? a[i] == '-' : strchr("0123456789abcdef", a[i]) != NULL);
    }
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(signal_of(below_nothing), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_agrees_with_an_array),
        cmocka_unit_test(map_edges),
        cmocka_unit_test(hashes),
        cmocka_unit_test(lists),
        cmocka_unit_test(rng_is_xoshiro),
        cmocka_unit_test(rng_ranges),
        cmocka_unit_test(system_randomness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
