/*
 * The linter: a table of lints, each a name, a citation and a check.  Run on every certificate and CRL after it was
 * built and before it leaves; what it says is what a Windows logon would think of it.
 */
#ifndef CA_LINT_H
#define CA_LINT_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "ca/profile.h"
#include "fas/base/err.h"

#define LINT_FINDINGS_MAX 16

/* What the certificate is meant to be; members that are NULL or 0 are not compared. */
struct lint_context {
	enum profile_kind kind;
	X509 *issuer; /* borrowed; NULL: a root, or, when issued, not at hand */
	const struct profile_issuer *published; /* CDP and AIA must equal what is published there */
	const struct sid *sid;
	const char *upn;
	const struct profile_own *own;      /* its own profile, for users */
	const char *account, *realm, *mail; /* that own's names are made of */
	const char *const *policies; /* issuance policies that were asked for, beside own's */
	size_t n_policies;
	int64_t longest_life_s;
	int64_t now_s;
	/*
	 * It left some time ago, by somebody's profile: how far notBefore lies back is no finding then, nor what goes
	 * beyond the built-in profile and gives no power (AD CS's domain controllers have a SID and smart card logon).
	 */
	bool issued;
};

/* A warning says what is unwise; lint_check lets it pass. */
enum lint_severity { LINT_ERROR = 0, LINT_WARNING };

struct lint_finding {
	const char *name;     /* "sid_extension_present" */
	const char *citation; /* "KB5014754; MS-WCCE 2.2.2.7.7.4" */
	enum lint_severity severity;
	char message[200];
	const char *remedy; /* what to change; the parts' names in double quotes */
	const char *logon;  /* why a Windows logon fails by it; NULL when it does not */
};

struct lint_report {
	size_t n;
	struct lint_finding findings[LINT_FINDINGS_MAX];
};

/* der: one whole certificate, of up to 64 KiB; its signature is looked at only as an algorithm (the issuer verifies it after signing). */
void lint_certificate(
    const uint8_t *der, size_t len, const struct lint_context *context, struct lint_report *out);
/*
 * A certificate of an authority, for ca install and ca init: context's kind, sid and upn are not looked at; issuer is
 * the authority above (NULL = a root), published the places of that authority.
 */
void lint_ca_certificate(
    const uint8_t *der, size_t len, const struct lint_context *context, struct lint_report *out);
/*
 * previous_number: the CRL number must be above it; 0 = none.  context->longest_life_s is that of the certificates that
 * the list covers: the list has to live longer from now_s on.
 */
void lint_crl(const uint8_t *der, size_t len, const struct lint_context *context,
    uint64_t previous_number, struct lint_report *out);
/* FAS_OK for a report without errors; else FAS_E_INTERNAL "lint_failed" naming the first findings. */
MUST_CHECK enum fas_code lint_check(const struct lint_report *report, struct fas_err *e);

/* The table, for `fasctl lint --list` and the test that every lint has its good and one-defect certificate. */
size_t lint_count(void);
const char *lint_name(size_t i);
const char *lint_citation(size_t i);
/* What to do about a finding, and why a Windows logon fails by it (NULL: it does not).  lint: a name of the table. */
const char *lint_remedy(const char *lint);
const char *lint_logon(const char *lint);

#endif
