#include "ca/inspect.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ca/crl_check.h"
#include "ca/inspect_parts.h"
#include "ca/pem.h"
#include "fas/base/json.h"
#include "fas/base/own.h"

#define SEQUENCE_TAG 0x30
#define CERTIFICATE_LABEL "CERTIFICATE"
#define LIST_LABEL "X509 CRL"
#define CA_NAME "ca"

struct objects {
	size_t n;
	struct inspected of[INSPECT_OBJECTS_MAX];
};

static void
objects_done(struct objects *objects)
{
	for (size_t i = 0; i < objects->n; i++) {
		free(objects->of[i].der);
		X509_free(objects->of[i].certificate);
		X509_NAME_free(objects->of[i].issuer);
		lint_crl_free(objects->of[i].crl);
	}
}

/* ---- reading ---- */

static X509 *
read_certificate(const uint8_t *der, size_t len)
{
	const uint8_t *at = der;
	X509 *x = d2i_X509(NULL, &at, (long)len);
	if (x && at == der + len)
		return x;
	X509_free(x);
	return NULL;
}

/* A list of millions is walked; what OpenSSL reads of it is the issuer's name. */
static void
read_list(struct inspected *one)
{
	one->crl = lint_crl_read(one->der, one->len, 0);
	if (!one->crl)
		return;
	const uint8_t *at = one->crl->issuer;
	one->issuer = d2i_X509_NAME(NULL, &at, (long)one->crl->issuer_len);
}

/* Takes der.  A file of DER does not say what it is: what it can be read as, else a certificate. */
static void
add(struct objects *out, uint8_t *der, size_t len, const bool *list)
{
	struct inspected *one = &out->of[out->n++];
	*one = (struct inspected){.der = der, .len = len};
	if (!list || !*list)
		one->certificate = read_certificate(der, len);
	if (!one->certificate && (!list || *list))
		read_list(one);
	one->list = list ? *list : one->crl != NULL;
	ERR_clear_error();
}

static enum fas_code
add_der(struct objects *out, const char *data, size_t len, struct fas_err *e)
{
	uint8_t *der = malloc(len);
	if (!der)
		return fas_fail_nomem(e);
	memcpy(der, data, len);
	add(out, der, len, NULL);
	return FAS_OK;
}

/* The next block of either label from text on; NULL: there is none. */
static const char *
next_block(const char *text, bool *list)
{
	const char *certificate = strstr(text, "-----BEGIN " CERTIFICATE_LABEL "-----");
	const char *crl = strstr(text, "-----BEGIN " LIST_LABEL "-----");
	*list = crl && (!certificate || crl < certificate);
	return *list ? crl : certificate;
}

static enum fas_code
add_pem(struct objects *out, const char *text, struct fas_err *e)
{
	bool list;
	for (const char *at = text; (at = next_block(at, &list));) {
		uint8_t *der = NULL;
		size_t len = 0;
		if (out->n == INSPECT_OBJECTS_MAX)
			return fas_fail(e, FAS_E_INPUT, "inspect_nothing",
			    "more than %d certificates and lists", INSPECT_OBJECTS_MAX);
		enum fas_code rc =
		    pem_decode(at, list ? LIST_LABEL : CERTIFICATE_LABEL, &der, &len, &at, e);
		if (rc != FAS_OK)
			return rc;
		add(out, der, len, &list);
	}
	return FAS_OK;
}

static enum fas_code
read_objects(const char *data, size_t len, struct objects *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (len > 0 && (uint8_t)data[0] == SEQUENCE_TAG)
		rc = add_der(out, data, len, e);
	else if (memchr(data, 0, len) == NULL)
		rc = add_pem(out, data, e);
	if (rc == FAS_OK && out->n == 0)
		return fas_fail(e, FAS_E_INPUT, "inspect_nothing",
		    "RFC 7468: neither DER nor a PEM block of a certificate or revocation list");
	return rc;
}

/* ---- judging ---- */

struct bench {
	const struct inspect_options *options;
	struct objects objects, issuers;
	int asked; /* kind that was asked for; -2: none */
};
#define NOT_ASKED (-2)

static void
bench_done(struct bench *bench)
{
	objects_done(&bench->objects);
	objects_done(&bench->issuers);
}
DEFINE_OWN_IN_PLACE(bench, struct bench, bench_done);

static X509 *
find_in(const struct objects *objects, const X509_NAME *issuer)
{
	for (size_t i = 0; i < objects->n; i++) {
		X509 *x = objects->of[i].certificate;
		if (x && X509_check_ca(x) && X509_NAME_cmp(X509_get_subject_name(x), issuer) == 0)
			return x;
	}
	return NULL;
}

/* Of several certificates with the name, the one at hand first.  A self-issued one has none but itself. */
static X509 *
find_issuer(const struct bench *bench, const struct inspected *one)
{
	const X509_NAME *name =
	    one->certificate ? X509_get_issuer_name(one->certificate) : one->issuer;
	if (!name ||
	    (one->certificate && X509_NAME_cmp(name, X509_get_subject_name(one->certificate)) == 0))
		return NULL;
	X509 *found = find_in(&bench->issuers, name);
	if (!found)
		found = find_in(&bench->objects, name);
	/* With another name it was given on purpose: issuer_matches says what is wrong. */
	if (!found && bench->issuers.n == 1)
		found = bench->issuers.of[0].certificate;
	return found;
}

static const char *
check_certificate(X509 *x, X509 *issuer)
{
	bool self = !issuer && X509_check_ca(x) == 1 &&
		    X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(x)) == 0;
	EVP_PKEY *key = issuer ? X509_get0_pubkey(issuer) : self ? X509_get0_pubkey(x) : NULL;
	const char *said = !key ? "unchecked" : X509_verify(x, key) == 1 ? "good" : "bad";
	ERR_clear_error();
	return said;
}

/* What else is wrong with a list is the lints' to say. */
static const char *
check_list(const struct inspected *one, X509 *issuer, int64_t now_s)
{
	struct crl_seen seen;
	struct fas_err why = {0};
	if (!issuer)
		return "unchecked";
	if (crl_check(one->der, one->len, issuer, now_s, &seen, &why) == FAS_OK)
		return "good";
	const char *reason = fas_err_reason(&why);
	if (strcmp(reason, "crl_wrong_signature") == 0)
		return "bad";
	return strcmp(reason, "crl_ended") == 0 || strcmp(reason, "crl_not_begun") == 0 ||
		       strcmp(reason, "crl_partial") == 0
		   ? "good"
		   : "unchecked";
}

static const char *
check_signature(const struct inspected *one, X509 *issuer, int64_t now_s)
{
	if (one->crl)
		return check_list(one, issuer, now_s);
	return one->certificate ? check_certificate(one->certificate, issuer) : "unchecked";
}

static void
lint(const struct inspected *one, int kind, const struct lint_context *context,
    struct lint_report *out)
{
	if (one->list)
		lint_crl(one->der, one->len, context, 0, out);
	else if (kind == INSPECT_CA)
		lint_ca_certificate(one->der, one->len, context, out);
	else
		lint_certificate(one->der, one->len, context, out);
}

static json_t *
findings_json(const struct lint_report *report)
{
	json_t *list = json_array();
	for (size_t i = 0; i < report->n; i++) {
		const struct lint_finding *f = &report->findings[i];
		(void)json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "lint", f->name, "severity",
			f->severity == LINT_WARNING ? "warning" : "error", "message", f->message,
			"citation", f->citation, "remedy", f->remedy, "logon", f->logon));
	}
	return list;
}

static size_t
count_errors(const struct lint_report *report)
{
	size_t n = 0;
	for (size_t i = 0; i < report->n; i++)
		n += report->findings[i].severity == LINT_ERROR;
	return n;
}

static const char *
refusal(const struct lint_report *report, const char *signature)
{
	if (strcmp(signature, "bad") == 0)
		return "the signature is not by that issuer's key";
	for (size_t i = 0; i < report->n; i++) {
		if (report->findings[i].logon)
			return report->findings[i].logon;
	}
	return NULL;
}

/* Whether anything in it stands against a logon, and what no file can show. */
static json_t *
logon_json(
    const struct inspected *one, int kind, const struct lint_report *report, const char *signature)
{
	const char *why = refusal(report, signature), *verdict = why ? "refused" : "possible";
	if (!one->list && (kind == PROFILE_SERVICE_SERVER || kind == PROFILE_SERVICE_CLIENT)) {
		verdict = "not meant";
		why = "it is a machine's, for TLS";
	} else if (!one->list && kind == PROFILE_CLIENT_AUTH) {
		verdict = "not meant";
		why = "it has no smart card logon purpose: good for TLS clients only";
	} else if (!why && !one->list && kind == PROFILE_KDC) {
		why = "nothing in it makes clients refuse the domain controller; it has to chain "
		      "to a "
		      "root that they trust, and its issuer to be in NTAuth";
	} else if (!why && (one->list || kind == INSPECT_CA)) {
		why = "nothing in it stands against the logons below it";
	} else if (!why) {
		why = "nothing in it stands against one; what no file shows: its issuer in NTAuth, "
		      "the "
		      "CRLs of the whole chain at their URLs, the account with this UPN and SID";
	}
	return json_pack("{s:s, s:s}", "verdict", verdict, "because", why);
}

static json_t *
judge(const struct bench *bench, const struct inspected *one)
{
	X509 *issuer = find_issuer(bench, one);
	int kind = bench->asked == NOT_ASKED ? inspect_guess(one) : bench->asked;
	const struct lint_context context = {
	    .kind = kind == INSPECT_CA ? PROFILE_SMARTCARD_LOGON : (enum profile_kind)kind,
	    .issuer = issuer,
	    .issued = true,
	    .now_s = bench->options->now_s};
	struct lint_report report = {0};
	lint(one, kind, &context, &report);
	const char *signature = check_signature(one, issuer, bench->options->now_s);
	const char *profile = kind == INSPECT_CA ? CA_NAME : profile_name((enum profile_kind)kind);
	return json_pack("{s:s, s:s*, s:o, s:s, s:o, s:I, s:o}", "kind",
	    one->list ? "crl" : "certificate", "profile", one->list ? NULL : profile, "facts",
	    inspect_facts(one), "signature", signature, "findings", findings_json(&report),
	    "errors", (json_int_t)count_errors(&report) + (strcmp(signature, "bad") == 0), "logon",
	    logon_json(one, kind, &report, signature));
}

static enum fas_code
read_kind(const char *name, int *out, struct fas_err *e)
{
	enum profile_kind kind;
	*out = NOT_ASKED;
	if (!name)
		return FAS_OK;
	if (strcmp(name, CA_NAME) == 0)
		*out = INSPECT_CA;
	else if (profile_parse(name, &kind))
		*out = (int)kind;
	else
		return fas_fail(e, FAS_E_INPUT, "profile_unknown",
		    "there is no profile \"%s\": smartcard-logon, client-auth, kdc, "
		    "service-server, service-client or ca",
		    name);
	return FAS_OK;
}

enum fas_code
inspect(const char *data, size_t len, const struct inspect_options *options, json_t **out,
    struct fas_err *e)
{
	OWN(bench) struct bench bench = {.options = options};
	enum fas_code rc = read_kind(options->profile, &bench.asked, e);
	if (rc == FAS_OK)
		rc = read_objects(data, len, &bench.objects, e);
	if (rc == FAS_OK && options->issuers)
		rc = read_objects(options->issuers, options->issuers_len, &bench.issuers, e);
	if (rc != FAS_OK)
		return rc;
	OWN(json) json_t *all = json_array();
	for (size_t i = 0; i < bench.objects.n; i++) {
		if (!all || json_array_append_new(all, judge(&bench, &bench.objects.of[i])) != 0)
			return fas_fail_nomem(e);
	}
	*out = TAKE(all);
	return FAS_OK;
}

json_t *
inspect_lints(void)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < lint_count(); i++) {
		const char *name = lint_name(i);
		(void)json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s*}", "lint", name, "citation", lint_citation(i),
			"remedy", lint_remedy(name), "logon", lint_logon(name)));
	}
	return list;
}
