/* SPDX-License-Identifier: Apache-2.0
 *
 * Log: one line per event on stderr: time level module key=value... Formatted in a fixed buffer
 * and written by one write(2), so lines of threads do not mix. Never prompts, completions or
 * keys. The sink and the level are one of the few globals. Any thread.
 */
#pragma once
#include <stdbool.h>
#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };

void log_set_level(enum log_level level);
/* Sends lines to fd instead of stderr. */
void log_set_fd(int fd);
bool log_level_parse(const char *name, enum log_level *out);
/* fmt is the tail of the line: "event=start port=%d". Control characters are escaped. */
void log_line(enum log_level level, const char *module, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_debug(module, ...) log_line(LOG_DEBUG, module, __VA_ARGS__)
#define log_info(module, ...) log_line(LOG_INFO, module, __VA_ARGS__)
#define log_warn(module, ...) log_line(LOG_WARN, module, __VA_ARGS__)
#define log_error(module, ...) log_line(LOG_ERROR, module, __VA_ARGS__)
