#include "ldap/probe.h"

#include <stdio.h>

#include "fas/base/text.h"
#include "ldap/conn_setup.h"

#define NOBODY_BYTES 12

/* Neither name nor password is anybody's: no account's count of wrong passwords goes up. */
static enum fas_code
bind_nobody(LDAP *ld, int *id, struct fas_err *e)
{
	uint8_t random[NOBODY_BYTES];
	char text[2 * NOBODY_BYTES + 1], name[sizeof(text) + 16];
	arc4random_buf(random, sizeof(random));
	(void)hex_encode(random, sizeof(random), text);
	(void)snprintf(name, sizeof(name), "CN=fas-doctor-%s", text + NOBODY_BYTES);
	struct berval password = {.bv_len = NOBODY_BYTES, .bv_val = text};
	int rc = ldap_sasl_bind(ld, name, LDAP_SASL_SIMPLE, &password, NULL, NULL, id);
	if (rc != LDAP_SUCCESS)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "ldap_server", "bind: %s", ldap_err2string(rc));
	return FAS_OK;
}

/* RFC 4511 A.2. */
static enum probe_answer
answer_of(int result)
{
	if (result == LDAP_STRONG_AUTH_REQUIRED || result == LDAP_CONFIDENTIALITY_REQUIRED)
		return PROBE_REFUSED;
	return result == LDAP_INVALID_CREDENTIALS || result == LDAP_SUCCESS ? PROBE_TAKEN
									    : PROBE_UNKNOWN;
}

enum fas_code
probe_clear_bind(
    const struct dc_target *target, int64_t deadline_us, enum probe_answer *out, struct fas_err *e)
{
	struct io_deadline deadline = {.at_us = deadline_us};
	OWN(ldap) LDAP *ld = NULL;
	OWN(ldap_message) LDAPMessage *answer = NULL;
	int id = -1, result = LDAP_OTHER;
	*out = PROBE_UNKNOWN;
	enum fas_code rc = conn_connect(target, &deadline, &ld, e);
	if (rc == FAS_OK)
		rc = bind_nobody(ld, &id, e);
	if (rc == FAS_OK)
		rc = conn_await(ld, target->host, id, deadline_us, &answer, e);
	if (rc != FAS_OK)
		return rc;
	if (ldap_parse_result(ld, answer, &result, NULL, NULL, NULL, NULL, 0) == LDAP_SUCCESS)
		*out = answer_of(result);
	return FAS_OK;
}

enum fas_code
probe_unbound_bind(const struct dc_target *target, const char *ca_file, int64_t deadline_us,
    enum probe_answer *out, struct fas_err *e)
{
	struct io_deadline deadline = {.at_us = deadline_us};
	OWN(ldap) LDAP *ld = NULL;
	int result = LDAP_OTHER;
	*out = PROBE_UNKNOWN;
	enum fas_code rc = conn_connect(target, &deadline, &ld, e);
	if (rc == FAS_OK)
		rc = conn_secure(ld, target, ca_file, deadline_us, e);
	if (rc == FAS_OK)
		rc = conn_sasl(ld, target, "noanonymous,noplain,maxssf=0", deadline_us, &result, e);
	if (rc != FAS_OK)
		return rc;
	/* Windows has invalidCredentials, 80090346, for a missing binding: of our own ticket that can be said of nothing
	 * else. */
	*out = result == LDAP_INVALID_CREDENTIALS ? PROBE_REFUSED : answer_of(result);
	return FAS_OK;
}
