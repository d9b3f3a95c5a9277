/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema as a list of steps. Step i brings a database from version i to i + 1; a released
 * step is never edited, only followed.
 */
#pragma once

extern const char *const schema_steps[];
extern const int schema_n_steps;
