#include "fas/negotiate.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define DIGEST_BYTES 20 /* of SHA-256's 32: what struct caller has room for */

/* The credential by which records tell callers apart. */
static enum fas_code
digest_principal(const char *principal, struct caller *out, struct fas_err *e)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	_Static_assert(sizeof(out->credential) > 2 * DIGEST_BYTES, "the digest fits");
	if (EVP_Digest(principal, strlen(principal), hash, &len, EVP_sha256(), NULL) != 1 ||
	    len < DIGEST_BYTES)
		return fas_fail_openssl(e, "digest of a principal");
	hex_encode(hash, DIGEST_BYTES, out->credential);
	return FAS_OK;
}

/* What is wrong with an account is the caller's matter, under a reason of its own family. */
static enum fas_code
refuse_account(const struct fas_err *why, struct fas_err *e)
{
	if (why->code != FAS_E_DENIED || strncmp(why->reason, "machine_", 8) == 0)
		return fas_fail(e, why->code, why->reason, "%s", why->message);
	return fas_fail(e, FAS_E_DENIED, "machine_account", "%s: %s", why->reason, why->message);
}

/* The account behind the principal, as it is now: its name, role and SID. */
static enum fas_code
read_account(const struct negotiator *n, const char *principal, struct caller *out, struct sid *sid,
    struct fas_err *e)
{
	char sam[SAM_ACCOUNT_NAME_MAX], realm[HOSTNAME_MAX + 1];
	OWN(machine) struct machine machine = {0};
	struct fas_err why = {0};
	if (!machine_principal_parse(principal, sam, realm))
		return fas_fail(e, FAS_E_AUTH, "caller_not_machine",
		    "%.128s is no machine account (NAME$@REALM)", principal);
	enum fas_code rc = directory_machine(n->directory, realm, sam, clock_now(), &machine, &why);
	if (rc == FAS_OK)
		rc = machine_check(&machine, &why);
	if (rc != FAS_OK)
		return refuse_account(&why, e);
	if ((rc = machines_decide(n->machines, n->directory, &machine, &out->role, e)) != FAS_OK)
		return rc;
	(void)snprintf(out->name, sizeof(out->name), "%s", machine.dns_name);
	*sid = machine.account->sid;
	return FAS_OK;
}

/* A name may have been given to another account since the ticket was; a SID is not. */
static enum fas_code
check_sid(const struct negotiator *n, const struct accepted *accepted, const struct sid *now,
    struct fas_err *e)
{
	char ticket[SID_TEXT_MAX], account[SID_TEXT_MAX];
	if (!sid_is_set(&accepted->sid))
		return n->ticket_sid_required
			   ? fas_fail(e, FAS_E_AUTH, "caller_pac",
				 "MS-PAC 2.10: the ticket of %.128s does not say its account's SID",
				 accepted->principal)
			   : FAS_OK;
	if (sid_equal(&accepted->sid, now))
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "machine_sid",
	    "the ticket is of %s, and %.128s is %s now: the account was made anew",
	    sid_format(&accepted->sid, ticket), accepted->principal, sid_format(now, account));
}

enum fas_code
negotiate_accept(void *arg, const char *token, const uint8_t *binding, size_t binding_len,
    struct http_negotiated *out, char **reply, struct fas_err *e)
{
	const struct negotiator *n = arg;
	OWN(accepted) struct accepted accepted = {0};
	struct http_negotiated made = {.caller = {.kind = CALLER_KERBEROS}};
	char text[CALLER_TEXT_MAX];
	_Static_assert(sizeof(made.principal) >= sizeof(accepted.principal), "the principal fits");
	enum fas_code rc = acceptor_accept(n->acceptor, token, binding, binding_len, &accepted, e);
	if (rc == FAS_OK)
		rc = read_account(n, accepted.principal, &made.caller, &made.sid, e);
	if (rc == FAS_OK)
		rc = check_sid(n, &accepted, &made.sid, e);
	if (rc == FAS_OK)
		rc = digest_principal(accepted.principal, &made.caller, e);
	if (rc != FAS_OK)
		return rc;
	made.checked_s = clock_now();
	made.caller.not_after_s = made.checked_s + accepted.life_s;
	(void)snprintf(made.principal, sizeof(made.principal), "%s", accepted.principal);
	log_event(LOG_LEVEL_INFO, "machine_known", "principal", made.principal, "caller",
	    caller_format(&made.caller, text), NULL);
	*reply = TAKE(accepted.reply);
	*out = made;
	return FAS_OK;
}

enum fas_code
negotiate_recheck(void *arg, struct http_negotiated *n, struct fas_err *e)
{
	struct caller now = n->caller;
	struct sid sid;
	enum fas_code rc = read_account(arg, n->principal, &now, &sid, e);
	if (rc != FAS_OK)
		return rc;
	if (now.role != n->caller.role || !hostname_equal(now.name, n->caller.name) ||
	    !sid_equal(&sid, &n->sid))
		return fas_fail(e, FAS_E_AUTH, "machine_changed",
		    "%s is no longer what it was when it proved itself", n->caller.name);
	n->checked_s = clock_now();
	return FAS_OK;
}
