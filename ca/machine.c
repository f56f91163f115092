#include "ca/machine.h"

#include <stdio.h>
#include <string.h>

#include "ca/issue.h"
#include "ca/token.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define CERTIFICATE_MAX 8192

/* What the three operations share: request id and public key. */
struct join {
	const char *request_id;
	uint8_t *spki;
	size_t spki_len;
	struct issuer *service;
	struct issue issue;
	struct profile_facts facts;
};

static void
join_done(struct join *j)
{
	free(j->spki);
	issuer_unref(j->service);
}
DEFINE_OWN_IN_PLACE(join, struct join, join_done);

static void
read_join(struct call *call, struct join *j)
{
	j->request_id = json_need_text(&call->in, "request_id", 8, REQUEST_ID_LEN_MAX);
	j->spki = json_need_base64(&call->in, "spki", SPKI_MAX, &j->spki_len);
	call_correlate(call, NULL);
}

/* After all members have been read: what is the same for all three; *answered when it was a repeat. */
static enum fas_code
prepare_join(struct call *call, struct join *j, bool *answered, struct fas_err *e)
{
	struct issue *i = &j->issue;
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = clock_checked(call->ca->config->clock_skew_s, &i->now_s, e);
	if (rc == FAS_OK)
		rc = spki_check(j->spki, j->spki_len, i->spki_digest, e);
	if (rc == FAS_OK)
		rc = issue_digest(call->in.object, i->request_digest, e);
	if (rc == FAS_OK)
		rc = issue_again(call, j->request_id, i->request_digest, answered, e);
	if (rc != FAS_OK || *answered)
		return rc;
	(void)pthread_rwlock_rdlock(&call->ca->limits_lock);
	rc = rate_take(call->ca->rate, NULL, i->now_s, e);
	(void)pthread_rwlock_unlock(&call->ca->limits_lock);
	if (rc == FAS_OK)
		rc = authorities_service(&call->ca->authorities, &j->service, e);
	j->facts.spki = j->spki;
	j->facts.spki_len = j->spki_len;
	i->issuer = j->service;
	i->facts = &j->facts;
	i->request_id = j->request_id;
	return rc;
}

static enum fas_code
issue_machine(struct call *call, struct join *j, const struct token_facts *machine,
    const char *event, struct fas_err *e)
{
	const char *const names[] = {machine->name};
	j->facts.kind = PROFILE_SERVICE_CLIENT;
	j->facts.role = j->issue.role = machine->role;
	j->facts.dns_names = names;
	j->facts.n_dns_names = 1;
	j->issue.name = machine->name;
	j->issue.life_s = call->ca->config->service_ca.machine_life_s;
	j->issue.changes_hosts = true;
	j->issue.event = event;
	return issue_once(call, &j->issue, e);
}

/* ---- enroll ---- */

struct find_token {
	const uint8_t *hash;
	int64_t now_s;
	struct token_facts machine;
	bool found;
};

static enum fas_code
find_token(struct db *db, void *arg, struct fas_err *e)
{
	struct find_token *f = arg;
	return store_token_find(db, f->hash, f->now_s, &f->machine, &f->found, e);
}

static enum fas_code
add_machine(struct call *call, const struct token_facts *machine, struct fas_err *e)
{
	if (json_object_set_new(call->reply, "role", json_string(machine->role)) != 0 ||
	    json_object_set_new(call->reply, "name", json_string(machine->name)) != 0)
		return fas_fail_nomem(e);
	return FAS_OK;
}

/* A repeat of an enrolment: role and name stand in the record of the certificate. */
static enum fas_code
copy_machine(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	struct token_facts *machine = arg;
	(void)e;
	(void)snprintf(machine->role, sizeof(machine->role), "%s", row->role ? row->role : "");
	(void)snprintf(machine->name, sizeof(machine->name), "%s", row->name ? row->name : "");
	return FAS_OK;
}

struct recall {
	const char *request_id;
	struct token_facts machine;
	bool found;
};

static enum fas_code
recall_machine(struct db *db, void *arg, struct fas_err *e)
{
	struct recall *r = arg;
	return store_certificate_by_request(
	    db, r->request_id, copy_machine, &r->machine, &r->found, e);
}

/* Role and name as they are on record now, whether this request or an earlier one has put them there. */
static enum fas_code
answer_machine(struct call *call, const char *request_id, struct fas_err *e)
{
	struct recall r = {.request_id = request_id};
	enum fas_code rc = db_read(call->ca->db, recall_machine, &r, e);
	return rc == FAS_OK ? add_machine(call, &r.machine, e) : rc;
}

enum fas_code
op_enroll(struct call *call, struct fas_err *e)
{
	OWN(join) struct join j = {0};
	uint8_t hash[STORE_DIGEST];
	bool answered = false;
	read_join(call, &j);
	const char *token = json_need_text(&call->in, "token", 1, 256);
	enum fas_code rc = prepare_join(call, &j, &answered, e);
	if (rc == FAS_OK && answered)
		return answer_machine(call, j.request_id, e);
	if (rc == FAS_OK)
		rc = token_hash(token, hash, e);
	if (rc != FAS_OK)
		return rc;
	struct find_token f = {.hash = hash, .now_s = j.issue.now_s};
	rc = db_read(call->ca->db, find_token, &f, e);
	if (rc == FAS_OK && !f.found)
		return fas_fail(
		    e, FAS_E_AUTH, "token_invalid", "the token is unknown, used or expired");
	if (rc == FAS_OK) {
		j.issue.token = hash;
		rc = issue_machine(call, &j, &f.machine, "machine_enrolled", e);
	}
	return rc == FAS_OK ? answer_machine(call, j.request_id, e) : rc;
}

/* ---- renew ---- */

struct renewal {
	struct ca *ca;
	const uint8_t *presented, *spki_digest;
	size_t presented_len;
	uint8_t serial[PROFILE_SERIAL_MAX];
	size_t serial_len;
	struct token_facts machine;
	bool found, same, same_key;
};

/* The presented certificate is, byte for byte, the one that left under this serial; and the key is still its key. */
static enum fas_code
compare_presented(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	struct renewal *r = arg;
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	if (!row->role)
		return FAS_OK;
	enum fas_code rc = issue_rebuild(r->ca, row, &der, &len, e);
	if (rc != FAS_OK)
		return rc;
	r->same = len == r->presented_len && memcmp(der, r->presented, len) == 0;
	r->same_key = memcmp(row->spki_digest, r->spki_digest, STORE_DIGEST) == 0;
	return copy_machine(row, &r->machine, e);
}

static enum fas_code
find_presented(struct db *db, void *arg, struct fas_err *e)
{
	struct renewal *r = arg;
	return store_certificate_by_serial(
	    db, r->serial, r->serial_len, compare_presented, r, &r->found, e);
}

static enum fas_code
read_presented_serial(struct renewal *r, struct fas_err *e)
{
	const uint8_t *at = r->presented;
	OWN(x509) X509 *certificate = d2i_X509(NULL, &at, (long)r->presented_len);
	const ASN1_INTEGER *serial = certificate ? X509_get0_serialNumber(certificate) : NULL;
	int len = serial ? ASN1_STRING_length(serial) : 0;
	if (len <= 0 || len > PROFILE_SERIAL_MAX) {
		(void)fas_fail_openssl(NULL, "emptied");
		return fas_fail(
		    e, FAS_E_INPUT, "certificate_malformed", "RFC 5280 4.1: not a certificate");
	}
	memcpy(r->serial, ASN1_STRING_get0_data(serial), (size_t)len);
	r->serial_len = (size_t)len;
	return FAS_OK;
}

/*
 * The key stays the same on purpose: the TLS connection over which a renewal comes proves that key and no other, so a
 * new one would be certified on nobody's proof (CSRs prove themselves to fasd only).  A machine that wants a new key
 * enrols anew.
 */
static enum fas_code
check_renewal(struct renewal *r, struct fas_err *e)
{
	enum fas_code rc = read_presented_serial(r, e);
	if (rc == FAS_OK)
		rc = db_read(r->ca->db, find_presented, r, e);
	if (rc != FAS_OK)
		return rc;
	if (!r->found || !r->same)
		return fas_fail(e, FAS_E_AUTH, "renew_refused",
		    "the presented certificate is not one that the service CA issued");
	if (!r->same_key)
		return fas_fail(e, FAS_E_DENIED, "renew_other_key",
		    "a renewal keeps the certificate's key; a new key needs a new enrolment");
	return FAS_OK;
}

enum fas_code
op_renew(struct call *call, struct fas_err *e)
{
	OWN(join) struct join j = {0};
	bool answered = false;
	size_t len = 0;
	read_join(call, &j);
	OWN(bytes)
	uint8_t *presented = json_need_base64(&call->in, "certificate", CERTIFICATE_MAX, &len);
	enum fas_code rc = prepare_join(call, &j, &answered, e);
	if (rc != FAS_OK || answered)
		return rc;
	struct renewal r = {.ca = call->ca,
	    .presented = presented,
	    .presented_len = len,
	    .spki_digest = j.issue.spki_digest};
	rc = check_renewal(&r, e);
	j.issue.replaces = r.serial;
	j.issue.replaces_len = r.serial_len;
	return rc == FAS_OK ? issue_machine(call, &j, &r.machine, "machine_renewed", e) : rc;
}

/* ---- fasd itself ---- */

enum fas_code
op_server_certificate(struct call *call, struct fas_err *e)
{
	OWN(join) struct join j = {0};
	bool answered = false;
	const struct service_ca_config *config = &call->ca->config->service_ca;
	read_join(call, &j);
	enum fas_code rc = prepare_join(call, &j, &answered, e);
	if (rc != FAS_OK || answered)
		return rc;
	j.facts.kind = PROFILE_SERVICE_SERVER;
	j.facts.dns_names = config->server_names;
	j.facts.n_dns_names = config->n_server_names;
	j.issue.name = config->server_names[0];
	j.issue.life_s = config->server_life_s;
	j.issue.event = "server_certificate_issued";
	return issue_once(call, &j.issue, e);
}

enum fas_code
op_service_ca(struct call *call, struct fas_err *e)
{
	OWN(issuer) struct issuer *service = NULL;
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = authorities_service(&call->ca->authorities, &service, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:s}", "certificate", service->pem);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
