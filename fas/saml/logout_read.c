/*
 * Logout messages that come: two ways to a document whose every octet that is read was signed, and one judgement.
 */
#include "fas/saml/logout.h"

#include <string.h>

#include "fas/base/text.h"
#include "fas/saml/assertion.h"
#include "fas/saml/decrypt.h"
#include "fas/saml/detached.h"
#include "fas/saml/dsig.h"
#include "fas/saml/encrypted.h"
#include "fas/saml/model.h"
#include "fas/saml/query.h"
#include "fas/saml/redirect.h"
#include "fas/saml/structure.h"
#include "fas/saml/when.h"
#include "fas/saml/xml.h"

#define STATUS(name) "urn:oasis:names:tc:SAML:2.0:status:" name

static const struct model request_model = {"SAML core 3.7.1", FAS_E_INPUT, "saml_structure",
    {{NS_SAML, "Issuer", 0, 1, 1}, {NS_DSIG, "Signature", 1, 0, 1},
	{NS_SAMLP, "Extensions", 2, 0, 1}, {NS_SAML, "NameID", 3, 0, 1},
	{NS_SAML, "BaseID", 3, 0, 1}, {NS_SAML, "EncryptedID", 3, 0, 1},
	{NS_SAMLP, "SessionIndex", 4, 0, SAML_LOGOUT_SESSIONS_MAX}}};

static const struct model response_model = {"SAML core 3.7.2", FAS_E_INPUT, "saml_structure",
    {{NS_SAML, "Issuer", 0, 1, 1}, {NS_DSIG, "Signature", 1, 0, 1},
	{NS_SAMLP, "Extensions", 2, 0, 1}, {NS_SAMLP, "Status", 3, 1, 1}}};

/* What is known of a message on its way through the checks; borrowed. */
struct incoming {
	const struct saml_trust *trust;
	const struct saml_server *server;
	const struct saml_sp *sp;
	bool is_response;
	struct evidence ev; /* provider and time */
	struct fas_err *e;
};

void
saml_logout_free(struct saml_logout *l)
{
	if (!l)
		return;
	free(l->id);
	free(l->idp);
	free(l->in_response_to);
	free(l->name_id);
	free(l->name_id_format);
	free(l->name_qualifier);
	free(l->sp_name_qualifier);
	for (size_t i = 0; i < l->n_session_index; i++)
		free(l->session_index[i]);
	free(l->relay_state);
	free(l);
}

/* ---- the look before the signature ---- */

static enum fas_code
check_shape(struct incoming *r, xmlDoc *doc, xmlNode **root)
{
	const char *name = r->is_response ? "LogoutResponse" : "LogoutRequest";
	*root = xmlDocGetRootElement(doc);
	if (!xml_is(*root, NS_SAMLP, name))
		return fas_fail(r->e, FAS_E_INPUT, "saml_structure",
		    "SAML core 3.7: root is <%.40s>, want SAML 2.0 <%s>", (*root)->name, name);
	enum fas_code rc = structure_check_ids(*root, NULL, r->e);
	if (rc == FAS_OK)
		rc = model_check(r->is_response ? &response_model : &request_model, *root, r->e);
	return rc == FAS_OK ? structure_check_id(*root, r->e) : rc;
}

/* Whose keys to try; what is signed is asked for its issuer again. */
static enum fas_code
find_issuer(struct incoming *r, const xmlNode *root)
{
	const char *issuer = xml_text(xml_child(root, NS_SAML, "Issuer"));
	r->ev.idp = issuer ? idp_find(r->trust, issuer) : NULL;
	if (r->ev.idp)
		return idp_is_current(r->ev.idp, r->ev.now_s, r->e);
	return fas_fail(r->e, FAS_E_AUTH, "saml_issuer",
	    "SAML core 2.2.5: Issuer %.200s is none of the identity providers",
	    issuer ? issuer : "(no text)");
}

/* ---- what was signed, clause by clause ---- */

static enum fas_code
copy_plain(struct incoming *r, const char *text, const char *what, char **out)
{
	if (!text || !*text || strlen(text) > ASSERTION_NAME_ID_MAX || utf8_has_invisible(text))
		return fas_fail(r->e, FAS_E_AUTH, "saml_name_id",
		    "SAML core 3.7.1: %s is missing, or no plain text of at most %d octets", what,
		    ASSERTION_NAME_ID_MAX);
	*out = strdup(text);
	return *out ? FAS_OK : fas_fail_nomem(r->e);
}

static enum fas_code
copy_attr(struct incoming *r, const xmlNode *node, const char *name, char **out)
{
	const char *text = xml_attr(node, name);
	return text ? copy_plain(r, text, name, out) : FAS_OK;
}

/* It was under the signature: what is not authenticated by itself is by that. */
static enum fas_code
open_name_id(struct incoming *r, const xmlNode *node, xmlDoc **doc)
{
	OWN(bytes) uint8_t *plain = NULL;
	size_t len = 0;
	struct encrypted encrypted;
	enum fas_code rc = encrypted_check(node, true, &encrypted, r->e);
	if (rc == FAS_OK)
		rc = decrypt(r->sp, &encrypted, &plain, &len, r->e);
	return rc == FAS_OK ? xml_parse(plain, len, SAML_LOGOUT_MAX, doc, r->e) : rc;
}

static enum fas_code
copy_name_id(struct incoming *r, const xmlNode *name_id, struct saml_logout *out)
{
	bool there = name_id && xml_is(name_id, NS_SAML, "NameID");
	const char *text = there ? xml_text(name_id) : NULL;
	enum fas_code rc = copy_plain(r, text, "NameID", &out->name_id);
	if (rc != FAS_OK || !there)
		return rc;
	if ((rc = copy_attr(r, name_id, "Format", &out->name_id_format)) != FAS_OK ||
	    (rc = copy_attr(r, name_id, "NameQualifier", &out->name_qualifier)) != FAS_OK)
		return rc;
	return copy_attr(r, name_id, "SPNameQualifier", &out->sp_name_qualifier);
}

static enum fas_code
read_name_id(struct incoming *r, const xmlNode *root, struct saml_logout *out)
{
	OWN(xml) xmlDoc *opened = NULL;
	const xmlNode *name_id = xml_child(root, NS_SAML, "NameID");
	const xmlNode *encrypted = xml_child(root, NS_SAML, "EncryptedID");
	if ((name_id && encrypted) || xml_child(root, NS_SAML, "BaseID"))
		return fas_fail(r->e, FAS_E_AUTH, "saml_name_id",
		    "SAML core 3.7.1: want one NameID or EncryptedID");
	enum fas_code rc = encrypted ? open_name_id(r, encrypted, &opened) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	return copy_name_id(r, opened ? xmlDocGetRootElement(opened) : name_id, out);
}

static enum fas_code
read_sessions(struct incoming *r, const xmlNode *root, struct saml_logout *out)
{
	enum fas_code rc = FAS_OK;
	const xmlNode *at = xml_child(root, NS_SAMLP, "SessionIndex");
	for (; at && rc == FAS_OK && out->n_session_index < SAML_LOGOUT_SESSIONS_MAX;
	     at = xml_again(at))
		rc = copy_plain(
		    r, xml_text(at), "SessionIndex", &out->session_index[out->n_session_index++]);
	return rc;
}

/* SAML core 3.7.1: NotOnOrAfter may be there; IssueInstant bounds it in any case. */
static enum fas_code
read_request(struct incoming *r, const xmlNode *root, struct saml_logout *out)
{
	int64_t end_s, skew_s = r->ev.idp->clock_skew_s;
	enum fas_code rc = when_attr(
	    root, "NotOnOrAfter", INT64_MAX / 2, "SAML core 3.7.1", "saml_expired", &end_s, r->e);
	if (rc != FAS_OK)
		return rc;
	if (r->ev.now_s >= end_s + skew_s)
		return fas_fail(r->e, FAS_E_AUTH, "saml_expired",
		    "SAML core 3.7.1: LogoutRequest ended %lld s ago (skew allowed: %lld)",
		    (long long)(r->ev.now_s - end_s), (long long)skew_s);
	if (end_s + skew_s < out->expires_s)
		out->expires_s = end_s + skew_s;
	rc = read_name_id(r, root, out);
	return rc == FAS_OK ? read_sessions(r, root, out) : rc;
}

static enum saml_logout_status
status_of(const xmlNode *status)
{
	const xmlNode *top = xml_child(status, NS_SAMLP, "StatusCode");
	const xmlNode *second = top ? xml_child(top, NS_SAMLP, "StatusCode") : NULL;
	const char *code = top ? xml_attr(top, "Value") : NULL;
	const char *detail = second ? xml_attr(second, "Value") : NULL;
	if (detail && strcmp(detail, STATUS("PartialLogout")) == 0)
		return SAML_LOGOUT_PARTIAL;
	return code && strcmp(code, STATUS("Success")) == 0 ? SAML_LOGOUT_SUCCESS
							    : SAML_LOGOUT_FAILED;
}

static enum fas_code
read_response(struct incoming *r, const xmlNode *root, struct saml_logout *out)
{
	const char *answers = xml_attr(root, "InResponseTo");
	const xmlNode *status = xml_child(root, NS_SAMLP, "Status");
	if (!answers || !*answers || strlen(answers) > SAML_ID_MAX || !status)
		return fas_fail(r->e, FAS_E_AUTH, "saml_in_response_to",
		    "SAML core 3.2.2: a LogoutResponse answers a request");
	out->status = status_of(status);
	out->in_response_to = strdup(answers);
	return out->in_response_to ? FAS_OK : fas_fail_nomem(r->e);
}

/* SAML bindings 3.4.5.2, 3.5.5.2: a signed message says where it was meant to go. */
static enum fas_code
check_destination(struct incoming *r, const xmlNode *root)
{
	const char *destination = xml_attr(root, "Destination");
	const char *want = r->server->slo_url;
	if (destination && want && strcmp(destination, want) == 0)
		return FAS_OK;
	return fas_fail(r->e, FAS_E_AUTH, "saml_destination",
	    "SAML bindings 3.4.5.2: Destination is %.120s, want %.120s",
	    destination ? destination : "missing", want ? want : "none: there is no single logout");
}

static enum fas_code
read_signed(struct incoming *r, const xmlNode *root, struct saml_logout *out)
{
	int64_t instant_s = 0, age_end_s = 0;
	const xmlNode *issuer = xml_child(root, NS_SAML, "Issuer");
	enum fas_code rc = version_check(root, r->e);
	if (rc == FAS_OK)
		rc = issuer_check(&r->ev, issuer, "SAML profiles 4.4.4", r->e);
	if (rc == FAS_OK)
		rc = check_destination(r, root);
	if (rc == FAS_OK)
		rc = issue_instant_check(&r->ev, root, &instant_s, &age_end_s, r->e);
	if (rc != FAS_OK)
		return rc;
	out->issued_s = instant_s - r->ev.idp->clock_skew_s;
	out->expires_s = age_end_s + r->ev.idp->clock_skew_s;
	out->is_response = r->is_response;
	const char *id = xml_attr(root, "ID");
	out->id = id ? strdup(id) : NULL;
	out->idp = strdup(r->ev.idp->name);
	if (!out->id || !out->idp)
		return fas_fail_nomem(r->e);
	return r->is_response ? read_response(r, root, out) : read_request(r, root, out);
}

static enum fas_code
finish(struct incoming *r, const xmlNode *root, const char *relay_state, struct saml_logout **out)
{
	OWN(saml_logout) struct saml_logout *l = calloc(1, sizeof(*l));
	if (!l)
		return fas_fail_nomem(r->e);
	enum fas_code rc = read_signed(r, root, l);
	if (rc == FAS_OK && relay_state && !(l->relay_state = strdup(relay_state)))
		rc = fas_fail_nomem(r->e);
	if (rc == FAS_OK)
		*out = TAKE(l);
	return rc;
}

/* ---- the redirect binding ---- */

/* The document that the query carries. */
static enum fas_code
unpack(struct incoming *r, const struct query *q, xmlDoc **doc)
{
	OWN(text) char *base64 = NULL;
	OWN(bytes) uint8_t *packed = NULL;
	OWN(buf) struct buf xml;
	size_t len = 0;
	buf_init(&xml, SAML_LOGOUT_MAX);
	enum fas_code rc =
	    query_decode(q, r->is_response ? QUERY_RESPONSE : QUERY_REQUEST, &base64, r->e);
	if (rc == FAS_OK)
		rc = base64_decode(base64, strlen(base64), false, &packed, &len, r->e);
	if (rc == FAS_OK)
		rc = redirect_unpack(packed, len, &xml, r->e);
	return rc == FAS_OK ? xml_parse(xml.data, xml.len, SAML_LOGOUT_MAX, doc, r->e) : rc;
}

static enum fas_code
verify_query(struct incoming *r, const struct query *q)
{
	OWN(text) char *algorithm = NULL;
	OWN(text) char *base64 = NULL;
	OWN(bytes) uint8_t *signature = NULL;
	OWN(buf) struct buf data;
	size_t len = 0;
	buf_init(&data, SAML_LOGOUT_QUERY_MAX + 1);
	enum fas_code rc = query_decode(q, QUERY_SIG_ALG, &algorithm, r->e);
	if (rc == FAS_OK)
		rc = query_decode(q, QUERY_SIGNATURE, &base64, r->e);
	if (rc == FAS_OK)
		rc = base64_decode(base64, strlen(base64), true, &signature, &len, r->e);
	if (rc == FAS_OK)
		rc = query_signed(q, r->is_response ? QUERY_RESPONSE : QUERY_REQUEST, &data, r->e);
	return rc == FAS_OK ? detached_verify(
				  r->ev.idp, algorithm, data.data, data.len, signature, len, r->e)
			    : rc;
}

/* Every octet of the message and of RelayState is under the one signature, whatever stands in it. */
static enum fas_code
check_signed_query(struct incoming *r, const struct query *q, const xmlNode *root)
{
	if (xml_child(root, NS_DSIG, "Signature"))
		return fas_fail(r->e, FAS_E_AUTH, "saml_signature",
		    "SAML bindings 3.4.4.1: a Signature in a message of the redirect binding");
	if (!q->at[QUERY_SIGNATURE] || !q->at[QUERY_SIG_ALG])
		return fas_fail(r->e, FAS_E_AUTH, "saml_signature",
		    "SAML profiles 4.4.3: the logout message is not signed");
	enum fas_code rc = find_issuer(r, root);
	return rc == FAS_OK ? verify_query(r, q) : rc;
}

enum fas_code
saml_logout_read_query(const struct saml_sp *sp, const struct saml_trust *trust,
    const struct saml_server *server, const char *query, int64_t now_s, struct saml_logout **out,
    struct fas_err *e)
{
	struct query q;
	OWN(xml) xmlDoc *doc = NULL;
	OWN(text) char *relay_state = NULL;
	xmlNode *root = NULL;
	struct incoming r = {
	    .trust = trust, .server = server, .sp = sp, .ev = {.now_s = now_s}, .e = e};
	*out = NULL;
	if (strnlen(query, SAML_LOGOUT_QUERY_MAX + 1) > SAML_LOGOUT_QUERY_MAX)
		return fas_fail(e, FAS_E_INPUT, "saml_query", "a query of more than %d octets",
		    SAML_LOGOUT_QUERY_MAX);
	enum fas_code rc = query_split(query, &q, e);
	if (rc != FAS_OK)
		return rc;
	r.is_response = q.at[QUERY_RESPONSE] != NULL;
	if ((rc = unpack(&r, &q, &doc)) != FAS_OK || (rc = check_shape(&r, doc, &root)) != FAS_OK ||
	    (rc = check_signed_query(&r, &q, root)) != FAS_OK)
		return rc;
	if (q.at[QUERY_RELAY_STATE] &&
	    (rc = query_decode(&q, QUERY_RELAY_STATE, &relay_state, e)) != FAS_OK)
		return rc;
	return finish(&r, root, relay_state, out);
}

/* ---- the POST binding ---- */

/* The signed bytes of the root, by the provider's keys. */
static enum fas_code
verify_document(struct incoming *r, xmlNode *root, struct buf *signed_bytes)
{
	struct signature signature;
	xmlNode *node = xml_child(root, NS_DSIG, "Signature");
	if (!node)
		return fas_fail(r->e, FAS_E_AUTH, "saml_signature",
		    "SAML profiles 4.4.3: the logout message is not signed");
	enum fas_code rc = find_issuer(r, root);
	if (rc == FAS_OK)
		rc = signature_check(node, r->ev.idp->insecure_allow_sha1, &signature, r->e);
	return rc == FAS_OK ? dsig_verify(r->ev.idp, &signature, signed_bytes, r->e) : rc;
}

enum fas_code
saml_logout_read_form(const struct saml_sp *sp, const struct saml_trust *trust,
    const struct saml_server *server, bool is_response, const char *value, const char *relay_state,
    int64_t now_s, struct saml_logout **out, struct fas_err *e)
{
	OWN(xml) xmlDoc *envelope = NULL;
	OWN(xml) xmlDoc *content = NULL;
	OWN(bytes) uint8_t *bytes = NULL;
	OWN(buf) struct buf signed_bytes;
	size_t len = 0;
	xmlNode *root = NULL;
	struct incoming r = {.trust = trust,
	    .server = server,
	    .sp = sp,
	    .is_response = is_response,
	    .ev = {.now_s = now_s},
	    .e = e};
	*out = NULL;
	buf_init(&signed_bytes, DSIG_SIGNED_MAX);
	enum fas_code rc = base64_decode(value, strlen(value), true, &bytes, &len, e);
	if (rc != FAS_OK || (rc = xml_parse(bytes, len, SAML_LOGOUT_MAX, &envelope, e)) != FAS_OK ||
	    (rc = check_shape(&r, envelope, &root)) != FAS_OK ||
	    (rc = verify_document(&r, root, &signed_bytes)) != FAS_OK)
		return rc;
	rc = xml_parse(signed_bytes.data, signed_bytes.len, DSIG_SIGNED_MAX, &content, e);
	if (rc == FAS_OK)
		rc = check_shape(&r, content, &root);
	return rc == FAS_OK ? finish(&r, root, relay_state, out) : rc;
}
