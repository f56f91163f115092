/*
 * What a diagnosis says: findings with their remedies, as the JSON that fasctl gets.
 *
 *     {"findings": [{"check", "subject", "what", "meaning", "remedy": [{"at": "controller" | "here", "command"}]}],
 *      "checks": [{"name", "state": "good" | "finding" | "not_checked", "notes": [text]}]}
 *
 * Commands are to be pasted: whatever the directory says stands in them quoted.
 */
#ifndef FAS_DOCTOR_REPORT_H
#define FAS_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/err.h"

#define REPORT_FINDINGS_MAX 200
#define REPORT_OF_A_CHECK_MAX 40
#define REPORT_NOTES_MAX 20

struct report {
	json_t *findings, *checks; /* owned */
	/* The check that speaks now. */
	const char *name, *meaning;
	json_t *notes; /* borrowed from checks */
	size_t n_found, n_unknown, n_left_out;
};

MUST_CHECK enum fas_code report_init(struct report *report, struct fas_err *e);
void report_done(struct report *report);

/* A check begins, and ends; both texts outlive the report. */
void report_begin(struct report *report, const char *name, const char *meaning);
void report_end(struct report *report);

/*
 * A finding about subject (a controller, an account, an authority); what is cut at 500 bytes.  Returns the finding for its
 * remedies, borrowed; NULL, which they take, when there are too many.
 */
json_t *report_finding(struct report *report, const char *subject, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* It could not be found out: why. */
void report_unknown(struct report *report, const char *subject, const struct fas_err *why);
/* Worth knowing, and no finding. */
void report_note(struct report *report, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The whole; a new reference. */
MUST_CHECK enum fas_code report_take(struct report *report, json_t **out, struct fas_err *e);

/* ---- remedies ---- */

/* Where a command is given: on a domain controller (Samba: its shell; Windows: PowerShell of an administrator of the
 * domain), or on the machine of this service. */
enum remedy_at { REMEDY_CONTROLLER, REMEDY_HERE };

void remedy(json_t *finding, enum remedy_at at, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* One change of one attribute on Samba, by ldbmodify; op: "add", "replace" or "delete".  data NULL: the attribute as a
 * whole.  Binary values and unusual texts are encoded. */
void remedy_ldif(json_t *finding, const char *dn, const char *op, const char *attribute,
    const void *data, size_t len);

/* 'text' for a shell of Unix, for PowerShell; malloc'ed, NULL when out of memory. */
char *quote_shell(const char *text);
char *quote_powershell(const char *text);

#endif
