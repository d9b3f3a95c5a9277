/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include <signal.h>

#include "base/err.h"
#include "base/utf8.h"

static void fills_the_record(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(err_set(&e, ERR_LIMIT, 17, "%d tensors, at most %d", 9, 8), ERR_LIMIT);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(e.pos, 17);
    assert_string_equal(e.text, "9 tensors, at most 8");
    assert_int_equal(err_set(NULL, ERR_IO, ERR_NO_POS, "nobody reads this"), ERR_IO);
}

/* Texts of growing length, made of characters of each width, must be cut to valid UTF-8 and be
 * cut by less than one character. */
static void cuts_at_a_character(void **state)
{
    (void)state;
    static const char *const unit[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t u = 0; u < N_OF(unit); u++) {
        for (size_t pad = 0; pad < 4; pad++) {
            char text[800] = "xxx";
            text[pad] = '\0';
            while (strlen(text) < 700)
                memcpy(text + strlen(text), unit[u], strlen(unit[u]) + 1);
            struct error e;
            assert_int_equal(err_set(&e, ERR_ARG, 0, "%s", text), ERR_ARG);
            assert_true(utf8_valid(str_of(e.text)));
            assert_in_range(strlen(e.text), sizeof e.text - strlen(unit[u]), sizeof e.text - 1);
        }
    }
}

static void short_text_is_not_cut(void **state)
{
    (void)state;
    struct error e;
    char text[sizeof e.text];
    memset(text, 'b', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&e, ERR_ARG, 0, "%s", text);
    assert_string_equal(e.text, text);
}

static void every_code_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        assert_non_null(err_name((enum err)i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(err_name((enum err)i), err_name((enum err)k));
    }
    assert_string_equal(err_name(ERR_COUNT), "unknown");
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
}

static enum err forward(enum err code, int *reached)
{
    TRY(code);
    *reached = 1;
    return ERR_OK;
}

static void try_forwards(void **state)
{
    (void)state;
    int reached = 0;
    assert_int_equal(forward(ERR_BUSY, &reached), ERR_BUSY);
    assert_int_equal(reached, 0);
    assert_int_equal(forward(ERR_OK, &reached), ERR_OK);
    assert_int_equal(reached, 1);
}

static void breaks(void)
{
    CHECK(1 + 1 == 3);
}

static void check_aborts(void **state)
{
    (void)state;
    assert_int_equal(signal_of(breaks), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_the_record),
        cmocka_unit_test(cuts_at_a_character),
        cmocka_unit_test(short_text_is_not_cut),
        cmocka_unit_test(every_code_has_a_name),
        cmocka_unit_test(try_forwards),
        cmocka_unit_test(check_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
