/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "engine/sched_internal.h"

/* Recounts everything the scheduler keeps books of; aborts at the first broken invariant. */
void audit(const struct sched *sc);
