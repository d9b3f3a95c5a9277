/* SPDX-License-Identifier: Apache-2.0 */
#include "account/ledger.h"
#include "base/log.h"
#include "base/mem.h"

/* Requests are refused at half the queue, so that those already running can still settle. */
#define BACKLOG_MAX (WRITER_QUEUE_MAX / 2)

struct usage_job {
    struct write_job job;              /* first: the writer knows only this */
    struct usage_row row;              /* its strings point into text */
    char text[];
};

enum err ledger_admit(const struct ledger *l, struct error *e)
{
    if (writer_backlog(l->writer) < BACKLOG_MAX) return ERR_OK;
    return err_set(e, ERR_BUSY, ERR_NO_POS,
                   "The usage ledger cannot be written: free space on the data directory's disk.");
}

static enum err run(struct db *db, struct write_job *job, struct error *e)
{
    return usage_rows_insert(db, &((struct usage_job *)job)->row, e);
}

static void log_lost(const struct usage_row *u)
{
    log_error("ledger",
              "event=lost request=%.*s team=%.*s prompt=%lld completion=%lld cost_ticks=%lld",
              STR_FMT(u->request_id), STR_FMT(u->team_id), (long long)u->prompt_tokens,
              (long long)u->completion_tokens, (long long)u->cost_ticks);
}

static void done(struct write_job *job, enum err result)
{
    if (result != ERR_OK) log_lost(&((struct usage_job *)job)->row);
    mem_free(job);
}

void ledger_settle(const struct ledger *l, const struct usage_row *u)
{
    struct usage_job *j;
    size_t n = 0;
    struct usage_row copy = *u;
    str *from[] = {&copy.request_id, &copy.team_id, &copy.user_id, &copy.key_id, &copy.endpoint,
                   &copy.model, &copy.error_type};
    size_t n_text = sizeof from / sizeof from[0];

    for (size_t i = 0; i < n_text; i++) n += from[i]->n;
    j = mem_alloc(sizeof *j + n);
    j->job = (struct write_job){.run = run, .done = done};
    n = 0;
    for (size_t i = 0; i < n_text; i++) {
        memcpy(j->text + n, from[i]->p ? from[i]->p : "", from[i]->n);
        from[i]->p = j->text + n;
        n += from[i]->n;
    }
    j->row = copy;
    if (!writer_post(l->writer, &j->job)) {
        log_lost(u);
        mem_free(j);
    }
}
