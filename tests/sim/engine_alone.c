/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that links libgrokd_engine.a and nothing else of ours: eight tokens of a real model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "engine/engine.h"

#define SKIPPED 77

static int fail(const struct error *e)
{
    fprintf(stderr, "%s\n", e->text);
    return 1;
}

int main(void)
{
    const char *source = getenv("SOURCE_ROOT");
    const int32_t prompt[] = {1, 2, 3};
    char path[4096];
    struct error e;
    struct engine *en;
    struct engine_seq *s;
    struct engine_event ev = {.finish = FINISH_NONE};
    int n_token = 0;
    snprintf(path, sizeof path, "%s/tests/golden/models/arch/qwen3/model.gguf",
             source ? source : ".");
    if (!file_exists(path)) {
        printf("skipped: no %s\n", path);
        return SKIPPED;
    }
    struct engine_options o = ENGINE_OPTIONS_DEFAULT;
    o.model_path = path;
    if (engine_open(&o, &en, &e) != ERR_OK)
        return fail(&e);
    struct engine_request r = {.prompt = prompt, .n_prompt = 3, .max_tokens = 8,
                               .sample = SAMPLE_DEFAULT, .ignore_eog = true, .n_top_logprobs = -1};
    if (engine_submit(en, &r, &s, &e) != ERR_OK)
        return fail(&e);
    while (ev.finish == FINISH_NONE) {
        if (engine_next(s, &ev))
            n_token += ev.finish == FINISH_NONE;
        else
            nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    engine_seq_free(s);
    engine_close(&en);
    printf("%d tokens\n", n_token);
    return n_token == 8 && ev.finish == FINISH_LENGTH ? 0 : 1;
}
