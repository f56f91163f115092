/* Domain controllers' certificates, as LDAPS shows them: a KDC takes the same one for PKINIT, and hosts judge it. */
#include <stdio.h>
#include <string.h>

#include "fas/base/text.h"
#include "fas/doctor/checks.h"

#define SOON_S (INT64_C(30) * 86400)

/* A new certificate that is right in every way: of the domain's own authority, or of ours where it has none. */
static void
remedy_certificate(json_t *f, const struct exam_controller *c)
{
	const char *host = c->target.host;
	if (c->domain->vendor != VENDOR_SAMBA) {
		remedy(f, REMEDY_CONTROLLER, "certreq -enroll -machine -q KerberosAuthentication");
		remedy(f, REMEDY_CONTROLLER, "Restart-Service KDC");
		return;
	}
	remedy(f, REMEDY_CONTROLLER,
	    "cd /etc/samba && openssl req -new -newkey rsa:2048 -nodes -keyout kdc.key -subj "
	    "/CN=%s -out "
	    "kdc.csr",
	    host);
	remedy(f, REMEDY_HERE,
	    "fasctl kdc issue --csr kdc.csr --dns %s --realm %s --life 365d --out kdc-chain.crt    "
	    "  # "
	    "with kdc.csr here; the answer goes to /etc/samba there",
	    host, c->target.config->realm);
	remedy(f, REMEDY_CONTROLLER,
	    "sed -i -e '/^[[:space:]]*tls \\(enabled\\|keyfile\\|certfile\\)/d' -e "
	    "'/^\\[global\\]/a tls "
	    "enabled = yes\\ntls keyfile = /etc/samba/kdc.key\\ntls certfile = "
	    "/etc/samba/kdc-chain.crt' /etc/samba/smb.conf");
	remedy(f, REMEDY_CONTROLLER, "systemctl restart samba-ad-dc");
}

/* The certificate, or NULL: without one a finding of check_certificate_there says all. */
static X509 *
own_of(const struct exam_controller *c)
{
	return c->chain ? sk_X509_value(c->chain, 0) : NULL;
}

/* judge: what is wrong with the certificate, into what; false: nothing. */
typedef bool judge_certificate(
    const struct exam *x, const struct exam_controller *c, X509 *own, char *what, size_t size);

static void
each(const struct exam *x, struct report *r, judge_certificate *judge)
{
	for (size_t i = 0; i < x->n_controllers; i++) {
		char what[480];
		const struct exam_controller *c = &x->controllers[i];
		X509 *own = own_of(c);
		if (!own)
			report_unknown(r, c->target.host, &c->tls_why);
		else if (judge(x, c, own, what, sizeof(what)))
			remedy_certificate(report_finding(r, c->target.host, "%s", what), c);
	}
}

void
check_certificate_there(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_controllers; i++) {
		const struct exam_controller *c = &x->controllers[i];
		if (!own_of(c) && c->root_why.code != FAS_OK)
			report_unknown(r, c->target.host, &c->tls_why); /* it is away */
		else if (!own_of(c))
			remedy_certificate(
			    report_finding(r, c->target.host,
				"it shows no certificate at port 636: %.300s", c->tls_why.message),
			    c);
	}
}

static bool
judge_life(
    const struct exam *x, const struct exam_controller *c, X509 *own, char *what, size_t size)
{
	int64_t from = 0, to = 0;
	char text[TIME_TEXT_MAX];
	(void)c;
	if (!certificate_life(own, &from, &to)) {
		(void)snprintf(what, size, "the times of its certificate cannot be read");
		return true;
	}
	if (from > x->now_s)
		(void)snprintf(what, size, "its certificate begins at %s", time_format(from, text));
	else
		(void)snprintf(what, size, "its certificate %s at %s",
		    to <= x->now_s ? "ended" : "ends", time_format(to, text));
	return from > x->now_s || to <= x->now_s + SOON_S;
}

void
check_certificate_life(const struct exam *x, struct report *r)
{
	each(x, r, judge_life);
}

static bool
judge_purpose(
    const struct exam *x, const struct exam_controller *c, X509 *own, char *what, size_t size)
{
	bool kdc = certificate_has_purpose(own, OID_KDC);
	bool server = certificate_has_purpose(own, OID_SERVER_AUTH);
	(void)x;
	(void)c;
	(void)snprintf(what, size, "its certificate lacks the extended key usage%s%s%s",
	    kdc ? "" : " KDC authentication (1.3.6.1.5.2.3.5)", !kdc && !server ? " and" : "",
	    server ? "" : " server authentication (1.3.6.1.5.5.7.3.1)");
	return !kdc || !server;
}

void
check_certificate_purpose(const struct exam *x, struct report *r)
{
	each(x, r, judge_purpose);
}

static bool
judge_name(
    const struct exam *x, const struct exam_controller *c, X509 *own, char *what, size_t size)
{
	char subject[CERTIFICATE_NAME_MAX];
	(void)x;
	(void)snprintf(what, size, "its certificate (%s) has no DNS name %s in its subjectAltName",
	    certificate_name(X509_get_subject_name(own), subject), c->target.host);
	return !certificate_bears_host(own, c->target.host);
}

void
check_certificate_name(const struct exam *x, struct report *r)
{
	each(x, r, judge_name);
}

static bool
judge_key(const struct exam *x, const struct exam_controller *c, X509 *own, char *what, size_t size)
{
	const char *weakness = certificate_weakness(own);
	(void)x;
	(void)c;
	(void)snprintf(what, size, "its certificate is weak: %s", weakness ? weakness : "");
	return weakness != NULL;
}

void
check_certificate_key(const struct exam *x, struct report *r)
{
	each(x, r, judge_key);
}

/* ---- whom it leads to ---- */

/* What the controller sends, and what the directory has beside it. */
static STACK_OF(X509) * others_of(const struct exam_controller *c)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	for (int i = 1; others && i < sk_X509_num(c->chain); i++)
		(void)sk_X509_push(others, sk_X509_value(c->chain, i));
	for (int i = 0; others && i < sk_X509_num(c->domain->intermediates); i++)
		(void)sk_X509_push(others, sk_X509_value(c->domain->intermediates, i));
	return others;
}

/* The root stands beside the controller's own certificate, or came with its chain. */
static void
remedy_root(json_t *f, const struct exam_controller *c)
{
	if (c->domain->vendor != VENDOR_SAMBA) {
		remedy(f, REMEDY_CONTROLLER,
		    "certutil -dspublish -f dcroot.cer RootCA      # dcroot.cer: the root above "
		    "the "
		    "controllers' certificates");
		remedy(f, REMEDY_CONTROLLER, "gpupdate /force");
		return;
	}
	OWN(text) char *base = quote_shell(c->domain->survey.pki.base);
	if (!base)
		return;
	remedy(f, REMEDY_CONTROLLER,
	    "openssl x509 -in \"$(testparm -s --parameter-name='tls cafile' 2>/dev/null)\" "
	    "-outform "
	    "DER -out dcroot.cer");
	remedy(f, REMEDY_CONTROLLER,
	    "base=%s\n"
	    "ldbadd -H /var/lib/samba/private/sam.ldb <<EOF\n"
	    "dn: CN=dcroot-$(sha1sum dcroot.cer | head -c 8),CN=Certification Authorities,$base\n"
	    "objectClass: certificationAuthority\n"
	    "cACertificate:: $(base64 -w0 dcroot.cer)\n"
	    "authorityRevocationList:: AA==\n"
	    "certificateRevocationList:: AA==\n"
	    "EOF",
	    base);
}

void
check_certificate_chain(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_controllers; i++) {
		const struct exam_controller *c = &x->controllers[i];
		const struct fas_err *why = own_of(c) ? &c->domain->survey.pki.why : &c->tls_why;
		if (why->code != FAS_OK) {
			report_unknown(r, c->target.host, why);
			continue;
		}
		STACK_OF(X509) *others = others_of(c);
		const char *fault = certificate_chain_fault(own_of(c), others, c->domain->roots);
		sk_X509_free(others);
		if (!fault)
			continue;
		char issuer[CERTIFICATE_NAME_MAX];
		remedy_root(
		    report_finding(r, c->target.host,
			"its certificate, issued by %s, leads to no root in CN=Certification "
			"Authorities of the forest: %s",
			certificate_name(X509_get_issuer_name(own_of(c)), issuer), fault),
		    c);
	}
}

static void
remedy_ntauth(json_t *f, const struct exam_controller *c)
{
	if (c->domain->vendor != VENDOR_SAMBA) {
		remedy(f, REMEDY_CONTROLLER,
		    "certutil -dspublish -f issuer.cer NTAuthCA      # issuer.cer: the authority "
		    "that "
		    "issued the controller's certificate");
		return;
	}
	remedy_certificate(f, c);
}

void
check_certificate_ntauth(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_controllers; i++) {
		const struct exam_controller *c = &x->controllers[i];
		const struct fas_err *why = own_of(c) ? &c->domain->survey.pki.why : &c->tls_why;
		char issuer[CERTIFICATE_NAME_MAX];
		if (why->code != FAS_OK)
			report_unknown(r, c->target.host, why);
		else if (!certificate_issuer_in(own_of(c), c->domain->ntauth))
			remedy_ntauth(
			    report_finding(r, c->target.host,
				"the authority that issued its certificate, %s, is not in NTAuth",
				certificate_name(X509_get_issuer_name(own_of(c)), issuer)),
			    c);
	}
}
