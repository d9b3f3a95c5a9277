/* SPDX-License-Identifier: Apache-2.0
 *
 * What strict servers refuse: every documented pair of model and field, and nothing else.
 */
#include "api/compat.h"

#include "../test.h"
#include "api/catalog.h"

static const char *refused(const char *model, const struct chat_request *r)
{
    static struct error e;

    if (compat_check(str_of(model), r, &e) == ERR_OK) return "";
    assert_int_equal(e.code, ERR_ARG);
    return e.text;
}

/* ---- efforts: a letter for each that a model takes ---- */

static const char letters[CHAT_EFFORT_COUNT] = {'-', 'n', 'm', 'l', 'M', 'h', 'x'};

static const struct { const char *model, *efforts; } efforts[] = {
    {"grok-4.7", "lMhx"}, {"grok-4.6", "lMhx"}, {"grok-4.6-latest", "lMhx"}, {"grok-4.5", "lMhx"},
    {"grok-4.5-latest", "lMhx"}, {"grok-build-latest", "lMhx"}, {"grok-4.3", "nlMh"},
    {"grok-4.3-latest", "nlMh"}, {"grok-latest", "nlMh"}, {"grok-4.20-multi-agent", "lMhx"},
    {"grok-4.20-multi-agent-0309", "lMhx"}, {"grok-4.20", ""}, {"grok-4.20-0309-reasoning", ""},
    {"grok-4.20-0309-non-reasoning", ""}, {"grok-4.20-non-reasoning-latest", ""}, {"grok-4", ""},
    {"grok-4-0709", ""}, {"grok-4-latest", ""}, {"grok-4-fast", ""}, {"grok-4-fast-reasoning", ""},
    {"grok-4-fast-non-reasoning", ""}, {"grok-4-1-fast", ""}, {"grok-4-1-fast-reasoning", ""},
    {"grok-4-1-fast-non-reasoning", ""}, {"grok-code-fast-1", ""}, {"grok-3-mini", "lh"},
    {"grok-3-mini-fast-latest", "lh"}, {"grok-3", ""}, {"grok-3-beta", ""}, {"grok-2-1212", ""},
    {"grok-2-vision", ""}, {"grok-beta", ""}, {"grok-vision-beta", ""}, {"grok-1", ""},
    {"grokd-mini", "nmlMhx"}, {"gpt-4", "nmlMhx"}, {"", "nmlMhx"},
};

static void test_efforts(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(efforts); i++)
        for (int k = 0; k < CHAT_EFFORT_COUNT; k++) {
            struct chat_request r = {.effort = (enum chat_effort)k};
            const char *got = refused(efforts[i].model, &r);
            bool takes = k == EFFORT_DEFAULT || strchr(efforts[i].efforts, letters[k]);

            if (takes != !*got) fail_msg("%s, %c: '%s'", efforts[i].model, letters[k], got);
            if (takes) continue;
            if (!strstr(got, *efforts[i].efforts ? "This model does not support `reasoning_effort` "
                        "value `" : "does not support parameter reasoningEffort."))
                fail_msg("%s, %c: '%s'", efforts[i].model, letters[k], got);
        }
    struct chat_request r = {.effort = EFFORT_NONE};
    assert_string_equal(refused("grok-4.6", &r),
                        "This model does not support `reasoning_effort` value `none`.");
    assert_string_equal(refused("grok-4", &r),
                        "Model grok-4 does not support parameter reasoningEffort.");
}

/* ---- other fields: a letter for each that a model refuses ---- */

static const struct { const char *model, *refuses; } fields[] = {
    {"grok-4", "pfsr"}, {"grok-4-0709", "pfsr"}, {"grok-4.7", "pfsr"}, {"grok-4.6", "pfsr"},
    {"grok-4.5", "pfsr"}, {"grok-4.3", "pfsr"}, {"grok-latest", "pfsr"}, {"grok-4.20", "pfsr"},
    {"grok-build-latest", "pfsr"}, {"grok-4.20-reasoning-latest", "pfsr"},
    {"grok-4.20-multi-agent", "pfsr"}, {"grok-4-fast-reasoning", "pfsr"},
    {"grok-4-1-fast", "pfsr"}, {"grok-4-1-fast-reasoning-latest", "pfsr"},
    {"grok-code-fast-1", "pfsr"}, {"grok-3-mini", "pfsr"}, {"grok-3-mini-beta", "pfsr"},
    {"grok-3", "p"}, {"grok-3-latest", "p"}, {"grok-3-fast", "p"},
    {"grok-4.20-0309-non-reasoning", ""}, {"grok-4-1-fast-non-reasoning", ""},
    {"grok-4-fast-non-reasoning-latest", ""}, {"grok-2", ""}, {"grok-2-vision-1212", ""},
    {"grok-beta", ""}, {"grok-vision-beta", ""}, {"grok-1", ""}, {"grok", ""}, {"mine", ""},
};

static void test_fields(void **state)
{
    static const struct chat_raw raw;
    static const struct { char letter; struct chat_request r; const char *text; } field[] = {
        {'p', {.sample.presence_penalty = 0.5f}, "not supported on this model: presencePenalty"},
        {'p', {.sample.presence_penalty = -2}, "not supported on this model: presencePenalty"},
        {'f', {.sample.frequency_penalty = 1}, "not supported on this model: frequencyPenalty"},
        {'s', {.n_stop = 1}, "Argument not supported on this model: stop"},
        {'r', {.raw = &raw, .n_raw = 1}, "does not support text completions"},
        {0, {.sample.temperature = 2, .n_choice = 5, .logprobs = true}, ""},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(fields); i++)
        for (size_t k = 0; k < N_OF(field); k++) {
            const char *got = refused(fields[i].model, &field[k].r);
            bool refuses = field[k].letter && strchr(fields[i].refuses, field[k].letter);

            if (refuses != !!*got || (refuses && !strstr(got, field[k].text)))
                fail_msg("%s, %c: '%s'", fields[i].model, field[k].letter, got);
        }
}

/* Every name that the default model answers to is judged, but for two that say nothing. */
static void test_names(void **state)
{
    const struct model_entry first = {.is_default = true};
    const struct chat_request r = {.effort = EFFORT_MINIMAL};
    size_t n_free = 0;
    str name;

    (void)state;
    for (size_t i = 0; (name = catalog_alias(&first, i)).p; i++) {
        char text[64];

        snprintf(text, sizeof text, "%.*s", STR_FMT(name));
        if (*refused(text, &r)) continue;
        if (strcmp(text, "grok") != 0 && strcmp(text, "grok-build-0.1") != 0)
            fail_msg("%s is not judged", text);
        n_free++;
    }
    assert_int_equal(n_free, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_efforts),
                                       cmocka_unit_test(test_fields),
                                       cmocka_unit_test(test_names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
