/* The service's authorities in the forest. */
#include <stdio.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/text.h"
#include "fas/doctor/checks.h"

#define SOON_S (INT64_C(90) * 86400)
#define FRESH_S (INT64_C(8) * 3600) /* members read NTAuth from a copy that may be so old */

/* DER of a certificate; len 0 when there is no memory. */
struct der {
	unsigned char *data;
	size_t len;
};

static struct der
der_of(X509 *certificate)
{
	struct der der = {0};
	int len = i2d_X509(certificate, &der.data);
	der.len = len > 0 ? (size_t)len : 0;
	return der;
}

static bool
is_known(const struct exam_domain *d, struct report *r)
{
	if (d->survey.pki.why.code == FAS_OK)
		return true;
	report_unknown(r, d->survey.config->name, &d->survey.pki.why);
	return false;
}

void
check_authority_there(const struct exam *x, struct report *r)
{
	if (x->authorities_why.code != FAS_OK)
		report_unknown(r, "fas-signer", &x->authorities_why);
	if (x->n_authorities > 0 || x->authorities_why.code != FAS_OK)
		return;
	json_t *f = report_finding(
	    r, "fas-signer", "no authority has a certificate: nothing can be issued");
	remedy(f, REMEDY_HERE, "fasctl ca init --out main.csr      # have it signed at your root");
	remedy(f, REMEDY_HERE,
	    "fasctl ca install --chain chain.pem --root root.pem --root-crl root.crl");
}

/* A new certificationAuthority object on Samba; its required attributes hold a zero byte. */
static void
remedy_object(json_t *f, const char *name, const char *base, const struct der *der)
{
	OWN(text) char *encoded = base64_encode(der->data, der->len);
	if (encoded)
		remedy(f, REMEDY_CONTROLLER,
		    "ldbadd -H /var/lib/samba/private/sam.ldb <<'EOF'\n"
		    "dn: CN=%s,%s\n"
		    "objectClass: certificationAuthority\n"
		    "cACertificate:: %s\n"
		    "authorityRevocationList:: AA==\n"
		    "certificateRevocationList:: AA==\n"
		    "EOF",
		    name, base, encoded);
}

static void
remedy_ntauth(json_t *f, const struct exam_domain *d, const struct exam_authority *a)
{
	const struct survey_pki *pki = &d->survey.pki;
	struct der der = der_of(a->certificate);
	OWN(buf) struct buf dn;
	buf_init(&dn, 8192);
	buf_printf(&dn, "CN=NTAuthCertificates,%s", pki->base);
	if (d->vendor != VENDOR_SAMBA)
		remedy(f, REMEDY_CONTROLLER,
		    "certutil -dspublish -f %s.cer NTAuthCA      # ca/%s.cer of the public folder",
		    a->name, a->name);
	else if (pki->has_ntauth)
		remedy_ldif(f, buf_str(&dn), "add", "cACertificate", der.data, der.len);
	else
		remedy_object(f, "NTAuthCertificates", pki->base, &der);
	if (d->vendor != VENDOR_SAMBA)
		remedy(f, REMEDY_CONTROLLER,
		    "gpupdate /force      # on each controller, or wait 8 hours");
	OPENSSL_free(der.data);
}

/* Since when: the object has not changed since, so whatever is in it has been there that long. */
static void
note_since(const struct exam *x, const struct exam_domain *d, struct report *r)
{
	char when[TIME_TEXT_MAX];
	int64_t since = d->survey.pki.ntauth_changed_s;
	if (since == 0)
		return;
	report_note(r, "%s: NTAuth is as it is since %s%s", d->survey.config->name,
	    time_format(since, when),
	    since > x->now_s - FRESH_S
		? ": domain controllers may not have read it yet (up to 8 hours)"
		: "");
}

void
check_authority_ntauth(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		if (!is_known(d, r))
			continue;
		note_since(x, d, r);
		for (size_t k = 0; k < x->n_authorities; k++) {
			const struct exam_authority *a = &x->authorities[k];
			if (!certificate_is_in(a->certificate, d->ntauth))
				remedy_ntauth(
				    report_finding(r, a->name,
					"its certificate is not in CN=NTAuthCertificates of %s%s",
					d->survey.config->name,
					d->survey.pki.has_ntauth ? ""
								 : ", which is not there at all"),
				    d, a);
		}
	}
}

static void
remedy_root(json_t *f, const struct exam_domain *d, const struct exam_authority *a)
{
	struct der der = der_of(a->root);
	OWN(buf) struct buf base;
	buf_init(&base, 8192);
	buf_printf(&base, "CN=Certification Authorities,%s", d->survey.pki.base);
	if (d->vendor == VENDOR_SAMBA) {
		char name[EXAM_NAME_MAX + 32];
		(void)snprintf(name, sizeof(name), "%s-root-%08lx", a->name,
		    X509_subject_name_hash(a->root) & 0xffffffffUL);
		remedy_object(f, name, buf_str(&base), &der);
	} else {
		remedy(f, REMEDY_CONTROLLER,
		    "certutil -dspublish -f %s-root.cer RootCA      # ca/%s-root.cer of the public "
		    "folder",
		    a->name, a->name);
		remedy(f, REMEDY_CONTROLLER, "gpupdate /force");
	}
	OPENSSL_free(der.data);
}

void
check_authority_root(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		if (!is_known(d, r))
			continue;
		for (size_t k = 0; k < x->n_authorities; k++) {
			const struct exam_authority *a = &x->authorities[k];
			char name[CERTIFICATE_NAME_MAX];
			if (!certificate_is_in(a->root, d->roots))
				remedy_root(
				    report_finding(r, a->name,
					"its root, %s, is not in CN=Certification Authorities of "
					"%s",
					certificate_name(X509_get_subject_name(a->root), name),
					d->survey.config->name),
				    d, a);
		}
	}
}

/* Has a domain in front of this one the same forest's objects? */
static bool
is_same_forest(const struct exam *x, size_t at)
{
	const char *base = x->domains[at].survey.pki.base;
	for (size_t i = 0; i < at; i++) {
		if (x->domains[i].survey.pki.base &&
		    ascii_equal_nocase(x->domains[i].survey.pki.base, base))
			return true;
	}
	return false;
}

/* The new certificate beside the present one in each forest; chain.pem, which begins with it, has come there. */
static void
remedy_beside(json_t *f, const struct exam *x)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const char *base = x->domains[i].survey.pki.base;
		if (!base || is_same_forest(x, i))
			continue;
		OWN(text) char *quoted = quote_shell(base);
		if (x->domains[i].vendor != VENDOR_SAMBA)
			remedy(f, REMEDY_CONTROLLER,
			    "certutil -dspublish -f new.cer NTAuthCA      # new.cer: the first "
			    "certificate of chain.pem; then gpupdate /force on each controller");
		else if (quoted)
			remedy(f, REMEDY_CONTROLLER,
			    "base=%s\n"
			    "ldbmodify -H /var/lib/samba/private/sam.ldb <<EOF\n"
			    "dn: CN=NTAuthCertificates,$base\n"
			    "changetype: modify\n"
			    "add: cACertificate\n"
			    "cACertificate:: $(openssl x509 -in chain.pem -outform DER | base64 "
			    "-w0)\n"
			    "EOF",
			    quoted);
	}
}

/* The switch waits for NTAuth (ca/rotate.h): so does whoever pastes this. */
static void
remedy_renewal(json_t *f, const struct exam *x, const char *authority)
{
	remedy(f, REMEDY_HERE,
	    "fasctl ca csr --authority %s --renewal --out main.csr      # have it signed at your "
	    "root",
	    authority);
	remedy(f, REMEDY_HERE, "fasctl ca install --authority %s --chain chain.pem --root root.pem",
	    authority);
	remedy_beside(f, x);
	remedy(f, REMEDY_HERE, "fasctl ca ntauth-seen --authority %s --renewal", authority);
	remedy(f, REMEDY_HERE,
	    "fasctl ca rotate --authority %s --renewal      # a day later (ntauth_wait)",
	    authority);
}

static void
judge_life(const struct exam *x, const struct exam_authority *a, X509 *certificate,
    const char *whose, struct report *r)
{
	int64_t from = 0, to = 0;
	char when[TIME_TEXT_MAX];
	if (certificate_life(certificate, &from, &to) && to > x->now_s + SOON_S)
		return;
	json_t *f = report_finding(r, a->name, "%s %s at %s", whose,
	    to <= x->now_s ? "ended" : "ends", time_format(to, when));
	if (certificate == a->root)
		remedy(f, REMEDY_HERE,
		    "# sign the root anew with its own key: it is root.pem, and signs %s's "
		    "certificate, below",
		    a->plain);
	remedy_renewal(f, x, a->plain);
}

void
check_authority_life(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_authorities; i++) {
		const struct exam_authority *a = &x->authorities[i];
		judge_life(x, a, a->certificate, "its certificate", r);
		judge_life(x, a, a->root, "its root", r);
	}
}

/* ---- what else is in NTAuth ---- */

static void
remedy_ended(json_t *f, const struct exam_domain *d, const struct survey_item *item)
{
	if (d->vendor == VENDOR_SAMBA)
		remedy_ldif(f, item->dn, "delete", "cACertificate", item->data, item->len);
	else
		remedy(f, REMEDY_CONTROLLER,
		    "certutil -viewdelstore "
		    "\"ldap:///"
		    "CN=NTAuthCertificates,%s?cACertificate?base?objectclass="
		    "certificationAuthority\"",
		    d->survey.pki.base);
}

void
check_ntauth_ended(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		const struct survey_list *list = &d->survey.pki.ntauth;
		for (size_t k = 0; is_known(d, r) && k < list->n; k++) {
			int64_t from, to;
			char name[CERTIFICATE_NAME_MAX], when[TIME_TEXT_MAX];
			OWN(x509)
			X509 *one = certificate_parse(list->items[k].data, list->items[k].len);
			if (one && certificate_life(one, &from, &to) && to > x->now_s)
				continue;
			json_t *f = one ? report_finding(r, d->survey.config->name,
					      "NTAuth still holds %s, which ended at %s",
					      certificate_name(X509_get_subject_name(one), name),
					      time_format(to, when))
					: report_finding(r, d->survey.config->name,
					      "NTAuth holds a value that is no certificate");
			remedy_ended(f, d, &list->items[k]);
		}
	}
}

/* ---- keys ---- */

static bool
is_curve(const X509 *certificate)
{
	return EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) != EVP_PKEY_RSA;
}

static void
check_rules(const struct exam *x, const struct exam_domain *d, struct report *r)
{
	const unsigned curves = POLICY_KEY_P256 | POLICY_KEY_P384;
	size_t n = x->policy ? policy_rule_count(x->policy) : 0;
	for (size_t i = 0; i < n; i++) {
		struct policy_rule_view rule;
		policy_rule_view(x->policy, i, &rule);
		if (rule.deny || !(rule.keys & curves))
			continue;
		json_t *f = report_finding(r, rule.name,
		    "the rule lets users have ECDSA keys; the controllers of %s (Samba) take RSA "
		    "only",
		    d->survey.config->name);
		remedy(f, REMEDY_HERE,
		    "sed -i 's/key: p-\\(256\\|384\\)/key: rsa-2048/' /etc/fas/policy.d/*.yaml     "
		    " # rule %s",
		    rule.name);
		remedy(f, REMEDY_HERE, "fasctl policy reload");
	}
}

void
check_key_types(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		if (d->vendor == VENDOR_UNKNOWN)
			report_note(r, "%s: what runs its controllers is not known",
			    d->survey.config->name);
		if (d->vendor != VENDOR_SAMBA)
			continue;
		check_rules(x, d, r);
		for (size_t k = 0; k < x->n_authorities; k++) {
			const struct exam_authority *a = &x->authorities[k];
			if (!is_curve(a->certificate) && !is_curve(a->root))
				continue;
			json_t *f = report_finding(r, a->name,
			    "it or its root signs with ECDSA; the controllers of %s (Samba) take "
			    "RSA "
			    "only",
			    d->survey.config->name);
			remedy(f, REMEDY_HERE,
			    "fasctl ca init --authority NAME --key rsa-2048      # another "
			    "authority; then "
			    "`authority: NAME` in the rules");
		}
	}
}
