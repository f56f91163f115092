/*
 * One line an event, logfmt, to stderr: time= level= event= correlation_id= key=value...  Values are quoted and escaped; nothing
 * secret and no raw assertion is ever passed in.
 *
 * Where stderr is the journal's (under systemd: JOURNAL_STREAM), an event is an entry instead, with each pair as a field:
 * FAS_EVENT, FAS_OUTCOME, FAS_CORRELATION_ID ... (fas/base/journal.h).
 */
#ifndef FAS_BASE_LOG_H
#define FAS_BASE_LOG_H

#include <stdbool.h>

#include "fas/base/err.h"
#include "fas/base/macros.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Nothing below level is written.  Default: info. */
void log_set_level(enum log_level level);
/* Entries to the journal that listens at path, from now on; what it does not take goes to stderr.  For tests. */
void log_to_journal(const char *path);
/* "debug", "info", "warning", "error"; false if it is none. */
bool log_level_parse(const char *name, enum log_level *out);

/*
 * Pairs of const char * (key, value) up to NULL; a pair whose value is NULL is left out.
 *     log_event(LOG_LEVEL_INFO, "policy_loaded", "file", path, "rules", count_text, NULL);
 */
void log_event(enum log_level level, const char *event, ...) SENTINEL;

/* As log_event with code=, reason= and message= of e. */
void log_error(const char *event, const struct fas_err *e, ...) SENTINEL;

/* The correlation id of what this thread works on, put in each of its lines; NULL ends it.
 * Borrowed. */
void log_set_correlation(const char *id);
const char *log_correlation(void);

#endif
