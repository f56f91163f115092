/*
 * What a diagnosis has looked at, before anything is judged: each part with why it could not be seen.  The checks
 * (checks.h) are pure functions of this, so that tests can make one by hand.
 */
#ifndef FAS_DOCTOR_EXAM_H
#define FAS_DOCTOR_EXAM_H

#include "ca/places.h"
#include "fas/doctor/certificate.h"
#include "fas/published.h"
#include "fas/watchdog_places.h"
#include "ldap/probe.h"
#include "ldap/survey.h"
#include "policy/policy.h"

#define EXAM_DOMAINS_MAX 32
#define EXAM_CONTROLLERS_MAX 64
#define EXAM_AUTHORITIES_MAX 16
#define EXAM_PLACES_MAX 128
#define EXAM_ACCOUNTS_MAX 256
#define EXAM_NAME_MAX 100

/* One of the service's authorities, as the signer tells. */
struct exam_authority {
	char name[EXAM_NAME_MAX];  /* "main-1" */
	char plain[EXAM_NAME_MAX]; /* "main", as rules say it */
	X509 *certificate, *root;  /* borrowed from what the signer said */
};

/* Where a CRL or a CA certificate should lie, and what lies there. */
struct exam_place {
	const struct exam_authority *authority;
	char url[PLACE_URL_MAX + 1];
	bool is_crl;
	X509 *of; /* the CRL's signer, or the certificate itself: of the authority's chain */
	struct fas_err why;   /* it could not be fetched */
	struct fas_err fault; /* it was, and is no good */
};

enum exam_vendor { VENDOR_UNKNOWN, VENDOR_SAMBA, VENDOR_WINDOWS };

struct exam_domain {
	struct survey survey;
	enum exam_vendor vendor;
	STACK_OF(X509) * ntauth, *roots, *intermediates;
	struct fas_err targets_why, upns_why, mappings_why;
	struct survey_upns upns;
	struct survey_list mappings; /* of our authorities */
};

struct exam_controller {
	struct dc_target target;
	const struct exam_domain *domain;
	struct fas_err root_why, bind_why, tls_why, clear_why, unbound_why;
	struct survey_root root;
	STACK_OF(X509) * chain; /* of LDAPS; its own certificate first */
	enum probe_answer clear, unbound;
};

/* A user of a rule who would be refused. */
struct exam_account {
	const char *rule; /* borrowed from the policy */
	char *name, *dn;
	struct fas_err why;
};

struct exam {
	int64_t now_s, skew_s;
	struct policy *policy;
	size_t n_domains, n_controllers, n_authorities, n_places, n_accounts;
	struct exam_domain domains[EXAM_DOMAINS_MAX];
	struct exam_controller controllers[EXAM_CONTROLLERS_MAX];
	struct exam_authority authorities[EXAM_AUTHORITIES_MAX];
	struct exam_place places[EXAM_PLACES_MAX];
	struct exam_account accounts[EXAM_ACCOUNTS_MAX];
	struct published_list published; /* what authorities and places borrow from */
	struct fas_err authorities_why, accounts_why;
	size_t n_judged, n_privileged;
	bool accounts_more; /* not all were looked at */
};

/* What is looked at; all borrowed. */
struct exam_question {
	struct directory *directory;
	struct signer *signer;
	const char *folder; /* where a file may be put for a moment */
	struct policy *policy;
	const struct watchdog_config *watchdog;
	int64_t skew_s;
};

/* Look at everything; what waits does so side by side.  FAS_E_NOMEM; what cannot be seen is no failure. */
MUST_CHECK enum fas_code exam_make(
    const struct exam_question *question, struct exam **out, struct fas_err *e);
void exam_free(struct exam *exam);

DEFINE_OWN(exam, struct exam *, exam_free);

/* ---- its parts ---- */

/* What the signer publishes, and the places that it names. */
void exam_authorities(struct exam *exam, const struct published_list *list);
void exam_place(
    struct exam_place *place, const struct watchdog_config *config, struct directory *directory);
void exam_domain(struct exam *exam, size_t i, struct directory *directory);
/* First what needs nobody; then, once the domain's roots are known, what needs them. */
void exam_controller(struct exam_controller *controller);
void exam_binding(struct exam_controller *controller, const char *folder);
void exam_accounts(struct exam *exam, struct directory *directory);

/* Run n jobs on a few threads and wait for all of them; job i is run(arg, i). */
void exam_side_by_side(void run(void *arg, size_t i), void *arg, size_t n);

#endif
