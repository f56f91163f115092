/* Operations on authorities: init, csr, show; and certificates for domain controllers. */
#include "ca/administer.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "ca/csr.h"
#include "ca/describe.h"
#include "ca/hosts.h"
#include "ca/issue.h"
#include "ca/make.h"
#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define KDC_LIFE_S ((int64_t)365 * 86400)
#define KDC_LIFE_MAX_S ((int64_t)825 * 86400)

enum fas_code
authority_check_known(const struct ca *ca, const char *name, struct fas_err *e)
{
	if (signer_config_authority(ca->config, name))
		return FAS_OK;
	return fas_fail(e, FAS_E_NOTFOUND, "authority_unknown",
	    "the signer's configuration has no authority \"%s\"", name);
}

/* May a key for a generation be made now?  *number: of that generation. */
static enum fas_code
check_next(struct ca *ca, const char *name, bool next, int64_t *number, struct fas_err *e)
{
	struct authorities *all = &ca->authorities;
	OWN(issuer) struct issuer *newest = authorities_newest(all, ISSUER_LOGON, name);
	OWN(issuer) struct issuer *current = authorities_in_state(all, name, GENERATION_CURRENT);
	OWN(issuer) struct issuer *ready = authorities_in_state(all, name, GENERATION_READY);
	*number = newest ? newest->generation + 1 : 1;
	if (current && !next)
		return fas_fail(e, FAS_E_CONFLICT, "authority_ready",
		    "authority \"%s\" has its certificate already; the next generation: fasctl "
		    "ca init --next",
		    name);
	if (next && !current)
		return fas_fail(e, FAS_E_CONFLICT, "authority_not_begun",
		    "authority \"%s\" has no generation yet that another could follow", name);
	if (ready)
		return fas_fail(e, FAS_E_CONFLICT, "next_ready",
		    "%s waits for the switch: fasctl ca rotate, or give it up: fasctl ca retire",
		    ready->stem);
	return FAS_OK;
}

/* The authority's key that waits for its certificate; made now if there is none. */
static enum fas_code
pending_issuer(struct ca *ca, const struct making *m, const char *name, const char *key, bool next,
    struct issuer **out, struct fas_err *e)
{
	int64_t number = 0;
	OWN(issuer)
	struct issuer *at = authorities_in_state(&ca->authorities, name, GENERATION_PENDING);
	enum fas_code rc = FAS_OK;
	if (at && !at->key)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_key", "%s", at->trouble.message);
	if (at && key && strcmp(key_type(at->key), key) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "key_type",
		    "authority \"%s\" has a %s key that waits for its certificate", name,
		    key_type(at->key));
	if (!at) {
		if ((rc = check_next(ca, name, next, &number, e)) == FAS_OK)
			rc = authorities_check_room(&ca->authorities, e);
		if (rc == FAS_OK)
			rc = make_authority_key(m, name, number,
			    key ? key : signer_config_authority(ca->config, name)->key.type, e);
		if (rc == FAS_OK)
			rc = authorities_load(&ca->authorities, e);
		if (rc == FAS_OK)
			at = authorities_in_state(&ca->authorities, name, GENERATION_PENDING);
	}
	*out = TAKE(at);
	return rc;
}

/* A lab's root, made if it is not there, and the authority's certificate below it. */
static enum fas_code
certify_by_lab_root(
    struct call *call, const struct making *m, const struct issuer *at, struct fas_err *e)
{
	struct authorities *all = &call->ca->authorities;
	enum fas_code rc = FAS_OK;
	OWN(issuer) struct issuer *root = authorities_root_of(all, at);
	if (!root || !root->key) {
		issuer_unref(TAKE(root));
		rc = make_lab_root(m, at->authority, at->generation, e);
		if (rc == FAS_OK)
			rc = authorities_load(all, e);
		if (rc == FAS_OK)
			root = authorities_root_of(all, at);
	}
	if (rc == FAS_OK)
		rc = make_lab_certificate(m, root, at, e);
	if (rc == FAS_OK)
		rc = publish_with_root(call->ca, at->id, e);
	OWN(issuer) struct issuer *ready = rc == FAS_OK ? authorities_by_id(all, at->id) : NULL;
	if (!ready)
		return rc;
	call->reply =
	    json_pack("{s:s,s:s}", "certificate", ready->pem, "root_certificate", root->pem);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* Beside what was made: what it will cost each logon. */
static enum fas_code
say_cost(struct call *call, const struct issuer *at, struct fas_err *e)
{
	int64_t each_us = 0;
	enum fas_code rc = key_cost(at->key, &each_us, e);
	if (rc != FAS_OK)
		return rc;
	(void)json_object_set_new(call->reply, "key", json_string(key_type(at->key)));
	(void)json_object_set_new(call->reply, "signature_us", json_integer(each_us));
	return FAS_OK;
}

enum fas_code
op_ca_init(struct call *call, struct fas_err *e)
{
	struct ca *ca = call->ca;
	const struct making m = {ca->config, ca->db, &call->about};
	OWN(issuer) struct issuer *at = NULL;
	OWN(text) char *csr = NULL;
	const char *name = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	const char *key = json_want_text(&call->in, "key", 1, 16);
	bool root = json_want_bool(&call->in, "root", false);
	bool next = json_want_bool(&call->in, "next", false);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = authority_check_known(ca, name, e);
	if (rc == FAS_OK)
		rc = pending_issuer(ca, &m, name, key, next, &at, e);
	if (rc == FAS_OK && root) {
		rc = certify_by_lab_root(call, &m, at, e);
		return rc == FAS_OK ? say_cost(call, at, e) : rc;
	}
	if (rc == FAS_OK)
		rc = make_request(at, signer_config_authority(ca->config, name), &csr, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:s}", "csr", csr);
	return call->reply ? say_cost(call, at, e) : fas_fail_nomem(e);
}

/* The request of the key that waits for its certificate, or, for a renewal, of the one that issues. */
enum fas_code
op_ca_csr(struct call *call, struct fas_err *e)
{
	struct ca *ca = call->ca;
	OWN(text) char *csr = NULL;
	const char *name = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	bool renewal = json_want_bool(&call->in, "renewal", false);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = authority_check_known(ca, name, e);
	if (rc != FAS_OK)
		return rc;
	OWN(issuer)
	struct issuer *at = authorities_in_state(
	    &ca->authorities, name, renewal ? GENERATION_CURRENT : GENERATION_PENDING);
	if (!at)
		return fas_fail(e, FAS_E_NOTFOUND,
		    renewal ? "authority_not_ready" : "nothing_pending",
		    "authority \"%s\" has no key that %s: fasctl ca init", name,
		    renewal ? "issues" : "waits for a certificate");
	if (!at->key)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_key", "%s", at->trouble.message);
	rc = make_request(at, signer_config_authority(ca->config, name), &csr, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:s}", "csr", csr);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- the service CA ---- */

enum fas_code
op_ca_renew_service(struct call *call, struct fas_err *e)
{
	struct ca *ca = call->ca;
	int64_t now_s = 0, generation = 0;
	OWN(issuer) struct issuer *before = NULL, *after = NULL;
	const struct making m = {ca->config, ca->db, &call->about};
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = clock_checked(ca->config->clock_skew_s, &now_s, e);
	if (rc == FAS_OK)
		rc = authorities_service(&ca->authorities, &before, e);
	if (rc == FAS_OK)
		rc = make_service_renewal(&m, before, &generation, e);
	if (rc == FAS_OK)
		rc = authorities_load(&ca->authorities, e);
	if (rc != FAS_OK)
		return rc;
	/* Only now: whoever is told so asks for it. */
	hosts_changed(&ca->hosts, generation);
	rc = authorities_service(&ca->authorities, &after, e);
	if (rc == FAS_OK)
		call->reply = json_pack("{s:s,s:I}", "certificate", after->pem, "not_after",
		    (json_int_t)after->not_after_s);
	return rc == FAS_OK && !call->reply ? fas_fail_nomem(e) : rc;
}

/* ---- show ---- */

enum fas_code
op_ca_show(struct call *call, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX];
	const char *name = json_want_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	OWN(json) json_t *list = json_array();
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK && name)
		rc = authority_check_known(call->ca, name, e);
	if (rc != FAS_OK)
		return rc;
	size_t n = authorities_all(&call->ca->authorities, all);
	for (size_t i = 0; i < n; i++) {
		json_t *object = NULL;
		OWN(issuer) struct issuer *at = all[i];
		if (rc != FAS_OK || at->kind != ISSUER_LOGON ||
		    (name && strcmp(at->authority, name) != 0))
			continue;
		rc = describe_generation(call->ca, at, &object, e);
		if (rc == FAS_OK && json_array_append_new(list, object) != 0)
			rc = fas_fail_nomem(e);
	}
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O}", "authorities", list);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- domain controllers ---- */

static enum fas_code
read_names(const json_t *list, const char *names[PROFILE_DNS_MAX], size_t *n, struct fas_err *e)
{
	*n = json_array_size(list);
	if (*n == 0 || *n > PROFILE_DNS_MAX)
		return fas_fail(e, FAS_E_INPUT, "member_invalid",
		    "member \"dns_names\" has %zu names, want 1 to %d", *n, PROFILE_DNS_MAX);
	for (size_t i = 0; i < *n; i++) {
		names[i] = json_string_value(json_array_get(list, i));
		if (!names[i] || !hostname_is_valid(names[i]))
			return fas_fail(e, FAS_E_INPUT, "name_malformed",
			    "RFC 1123 2.1: a member of \"dns_names\" is not a host name");
	}
	return FAS_OK;
}

/* As the ledger has them, side by side: by each of them its certificates are found. */
static enum fas_code
join_names(const struct profile_facts *facts, struct buf *out, struct fas_err *e)
{
	buf_init(out, PROFILE_DNS_MAX * (HOSTNAME_MAX + 1));
	for (size_t i = 0; i < facts->n_dns_names; i++) {
		buf_text(out, i > 0 ? " " : "");
		buf_text(out, facts->dns_names[i]);
	}
	return buf_check(out, e);
}

/* An administrator's request is not repeated by a program: each gets an id of its own. */
static enum fas_code
draw_request_id(char out[REQUEST_ID_LEN_MAX + 1], struct fas_err *e)
{
	uint8_t random[16];
	char hex[2 * sizeof(random) + 1];
	if (RAND_bytes(random, sizeof(random)) != 1)
		return fas_fail_openssl(e, "random bytes for a request id");
	(void)snprintf(
	    out, REQUEST_ID_LEN_MAX + 1, "admin-%s", hex_encode(random, sizeof(random), hex));
	return FAS_OK;
}

enum fas_code
op_kdc_issue(struct call *call, struct fas_err *e)
{
	const char *names[PROFILE_DNS_MAX];
	char request_id[REQUEST_ID_LEN_MAX + 1];
	OWN(bytes) uint8_t *spki = NULL;
	OWN(issuer) struct issuer *at = NULL;
	OWN(buf) struct buf joined = {0};
	enum csr_key kind;
	unsigned bits = 0;
	struct profile_facts facts = {.kind = PROFILE_KDC, .dns_names = names};
	struct issue issue = {.facts = &facts, .event = "kdc_certificate_issued"};
	const char *authority = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	const json_t *list = json_need_value(&call->in, "dns_names", JSON_ARRAY);
	const char *csr = json_need_lines(&call->in, "csr", 1, CSR_PEM_MAX);
	facts.realm = json_want_text(&call->in, "realm", 1, HOSTNAME_MAX);
	issue.life_s = json_want_int(&call->in, "validity_s", 300, KDC_LIFE_MAX_S, KDC_LIFE_S);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = read_names(list, names, &facts.n_dns_names, e);
	if (rc == FAS_OK)
		rc = join_names(&facts, &joined, e);
	if (rc == FAS_OK)
		rc = csr_parse(csr, &spki, &facts.spki_len, &kind, &bits, e);
	if (rc == FAS_OK)
		rc = spki_check(spki, facts.spki_len, issue.spki_digest, e);
	if (rc == FAS_OK)
		rc = clock_checked(call->ca->config->clock_skew_s, &issue.now_s, e);
	if (rc == FAS_OK)
		rc = authorities_find(&call->ca->authorities, authority, &at, e);
	if (rc == FAS_OK)
		rc = draw_request_id(request_id, e);
	if (rc == FAS_OK)
		rc = issue_digest(call->in.object, issue.request_digest, e);
	if (rc != FAS_OK)
		return rc;
	facts.spki = spki;
	issue.issuer = at;
	issue.request_id = request_id;
	issue.name = buf_str(&joined);
	return issue_once(call, &issue, e);
}
