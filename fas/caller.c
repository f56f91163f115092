#include "fas/caller_table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "fas/base/own.h"
#include "fas/base/text.h"

#define CERTIFICATE_MAX 16384

DEFINE_OWN(x509, X509 *, X509_free);
DEFINE_OWN(store_ctx, X509_STORE_CTX *, X509_STORE_CTX_free);
DEFINE_OWN(names, GENERAL_NAMES *, GENERAL_NAMES_free);

static enum fas_code
refuse(struct fas_err *e, const char *what)
{
	return fas_fail(e, FAS_E_AUTH, "caller_certificate", "client certificate: %s", what);
}

/* RFC 5280 6.1 against the one anchor, nothing in between; EKU clientAuth (4.2.1.12) must stand there. */
static enum fas_code
check_chain(struct caller_table *table, X509 *certificate, int64_t now_s, struct fas_err *e)
{
	OWN(store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	if (!ctx || X509_STORE_CTX_init(ctx, caller_table_store(table), certificate, NULL) != 1)
		return fas_fail_openssl(e, "verification context");
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
	X509_VERIFY_PARAM_set_depth(param, 0);
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	if (X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) != 1)
		return fas_fail_openssl(e, "purpose");
	int good = X509_verify_cert(ctx);
	int why = X509_STORE_CTX_get_error(ctx);
	ERR_clear_error();
	if (good != 1 &&
	    (why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID))
		return fas_fail(e, FAS_E_AUTH, "caller_expired", "client certificate: %s",
		    X509_verify_cert_error_string(why));
	if (good != 1)
		return refuse(e, X509_verify_cert_error_string(why));
	if (!(X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) ||
	    !(X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT))
		return refuse(e, "RFC 5280 4.2.1.12: no extended key usage clientAuth");
	return FAS_OK;
}

static enum fas_code
read_role(X509 *certificate, enum caller_role *out, struct fas_err *e)
{
	char role[32] = "";
	X509_NAME *subject = X509_get_subject_name(certificate);
	int first = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, -1);
	if (first < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, first) >= 0)
		return refuse(e, "want exactly one OU, the role");
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first));
	int len = ASN1_STRING_length(value);
	if (len <= 0 || (size_t)len >= sizeof(role))
		return refuse(e, "the OU is no role");
	memcpy(role, ASN1_STRING_get0_data(value), (size_t)len);
	return strlen(role) == (size_t)len && caller_role_parse(role, out)
		   ? FAS_OK
		   : refuse(e, "the OU is no role");
}

static enum fas_code
read_name(X509 *certificate, char out[HOSTNAME_MAX + 1], struct fas_err *e)
{
	OWN(names)
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	if (!names || sk_GENERAL_NAME_num(names) != 1)
		return refuse(e, "RFC 5280 4.2.1.6: want exactly one subjectAltName");
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
	if (name->type != GEN_DNS)
		return refuse(e, "RFC 5280 4.2.1.6: the subjectAltName is no dNSName");
	int len = ASN1_STRING_length(name->d.dNSName);
	if (len <= 0 || len > HOSTNAME_MAX)
		return refuse(e, "RFC 1123 2.1: the dNSName is no host name");
	memcpy(out, ASN1_STRING_get0_data(name->d.dNSName), (size_t)len);
	out[len] = 0;
	if (strlen(out) != (size_t)len || !hostname_is_valid(out))
		return refuse(e, "RFC 1123 2.1: the dNSName is no host name");
	return FAS_OK;
}

static enum fas_code
read_serial(X509 *certificate, char *out, size_t out_size, struct fas_err *e)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
	int len = ASN1_STRING_length(serial);
	if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || len <= 0 ||
	    (size_t)len * 2 + 1 > out_size)
		return refuse(e, "RFC 5280 4.1.2.2: serial number");
	hex_encode(ASN1_STRING_get0_data(serial), (size_t)len, out);
	return FAS_OK;
}

static enum fas_code
read_not_after(X509 *certificate, int64_t *out, struct fas_err *e)
{
	struct tm tm = {0};
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return refuse(e, "RFC 5280 4.1.2.5: notAfter");
	*out = (int64_t)timegm(&tm);
	return FAS_OK;
}

static enum fas_code
parse(const uint8_t *der, size_t len, X509 **out, struct fas_err *e)
{
	const uint8_t *p = der;
	if (len == 0 || len > CERTIFICATE_MAX)
		return refuse(e, "empty or too large");
	OWN(x509) X509 *certificate = d2i_X509(NULL, &p, (long)len);
	ERR_clear_error();
	if (!certificate || p != der + len)
		return refuse(e, "not one DER certificate");
	*out = TAKE(certificate);
	return FAS_OK;
}

enum fas_code
caller_from_certificate(struct caller_table *table, const uint8_t *der, size_t len, int64_t now_s,
    struct caller *out, struct fas_err *e)
{
	OWN(x509) X509 *certificate = NULL;
	struct caller caller = {.kind = CALLER_CERTIFICATE};
	enum fas_code rc;
	*out = (struct caller){0};
	if ((rc = parse(der, len, &certificate, e)) != FAS_OK)
		return rc;
	if ((rc = check_chain(table, certificate, now_s, e)) != FAS_OK)
		return rc;
	if ((rc = read_role(certificate, &caller.role, e)) != FAS_OK)
		return rc;
	if ((rc = read_name(certificate, caller.name, e)) != FAS_OK)
		return rc;
	if ((rc = read_serial(certificate, caller.credential, sizeof(caller.credential), e)) !=
	    FAS_OK)
		return rc;
	if ((rc = read_not_after(certificate, &caller.not_after_s, e)) != FAS_OK)
		return rc;
	if ((rc = caller_check_listed(table, &caller, e)) != FAS_OK)
		return rc;
	*out = caller;
	return FAS_OK;
}

enum fas_code
caller_still_valid(
    struct caller_table *table, struct caller *caller, int64_t now_s, struct fas_err *e)
{
	if (now_s > caller->not_after_s)
		return fas_fail(e, FAS_E_AUTH, "caller_expired", "the %s of %s has expired",
		    caller->kind == CALLER_KERBEROS ? "ticket" : "certificate", caller->name);
	if (caller->kind == CALLER_KERBEROS || caller->generation == caller_table_generation(table))
		return FAS_OK;
	return caller_check_listed(table, caller, e);
}

const char *
caller_format(const struct caller *caller, char out[CALLER_TEXT_MAX])
{
	static const char *const roles[] = {
	    [ROLE_NONE] = "nobody", [ROLE_STOREFRONT] = "storefront", [ROLE_HOST] = "host"};
	(void)snprintf(out, CALLER_TEXT_MAX, "%s%s%s", roles[caller->role],
	    caller->name[0] ? ":" : "", caller->name);
	return out;
}
