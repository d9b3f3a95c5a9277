/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger: one usage record per request, for every dialect, streamed, aborted or failed.
 * ledger_settle copies the record and hands it to the writer; it is on disk within milliseconds.
 * Any thread.
 */
#pragma once
#include "base/err.h"
#include "store/usage_rows.h"
#include "store/writer.h"

struct ledger { struct writer *writer; };   /* borrows */

/* ERR_BUSY while so many records wait for the disk that new work must be refused. */
MUST_CHECK enum err ledger_admit(const struct ledger *l, struct error *e);
/* Never fails visibly: a record that finds no room is logged as an error with its figures. */
void ledger_settle(const struct ledger *l, const struct usage_row *u);
