/*
 * What to do about each finding, and what a Windows logon makes of it.
 *
 * A remedy names in double quotes, by their names in RFC 5280, exactly the parts of the certificate or list that have to
 * change: the unit test reads those names out of the text, mends these parts and no other, and wants the finding gone.
 */
#include <string.h>

#include "ca/lint.h"
#include "fas/base/macros.h"

#define AGAIN "; it is issued anew, a signed certificate cannot be changed"

/* Why a domain controller says no.  NULL: the logon does not depend on it. */
#define REFUSES_FORM "no domain controller can read it"
#define REFUSES_CHAIN "the chain to an authority in NTAuth cannot be built"
#define REFUSES_TIME "the certificate is not valid at this time"
#define REFUSES_PURPOSE "it is not offered, or not taken, for a smart card logon"
#define REFUSES_KEY "domain controllers do not take this key"
#define REFUSES_ACCOUNT                                                                            \
	"it names no account, or more than one (unless altSecurityIdentities of one names it)"
#define REFUSES_SID                                                                                \
	"a domain controller in full enforcement maps it to no account, unless "                   \
	"altSecurityIdentities has a strong mapping (KB5014754)"
#define REFUSES_REVOCATION "whether it has been revoked cannot be found out, so the logon is denied"

static const struct advice {
	const char *lint, *remedy, *logon;
} advices[] = {
    /* ---- frame ---- */
    {"certificate_well_formed",
	"Hand over the \"whole\" certificate, DER or one PEM block, and nothing behind it",
	REFUSES_FORM},
    {"encoding_canonical",
	"Have the \"whole\" certificate encoded as DER: repair the program that made it" AGAIN,
	REFUSES_FORM},
    {"version_3", "Set \"version\" to v3 (2)" AGAIN, REFUSES_FORM},
    {"serial_positive", "Give it a \"serialNumber\" above 0" AGAIN, NULL},
    {"serial_length", "Give it a \"serialNumber\" of at most 20 octets" AGAIN, NULL},
    {"serial_entropy", "Draw a \"serialNumber\" with 64 random bits or more" AGAIN, NULL},
    {"signature_algorithms_agree",
	"Write the same algorithm into \"signature\" and \"signatureAlgorithm\"" AGAIN,
	REFUSES_FORM},
    {"signature_not_weak",
	"Sign with SHA-256: \"signature\" and \"signatureAlgorithm\" (AD CS: certutil -setreg "
	"ca\\csp\\CNGHashAlgorithm SHA256)" AGAIN,
	REFUSES_CHAIN},
    {"signature_allowed",
	"Sign by RSA PKCS#1 v1.5 or ECDSA with SHA-2: \"signature\" and \"signatureAlgorithm\" "
	"(AD CS: AlternateSignatureAlgorithm=0)" AGAIN,
	"Samba refuses RSA-PSS; Windows takes it only where every controller knows it"},
    {"signature_fits_issuer",
	"Sign with the issuer's own key: \"signature\" and \"signatureAlgorithm\" name its "
	"algorithm" AGAIN,
	REFUSES_CHAIN},
    {"issuer_matches",
	"Copy the CA certificate's subject into \"issuer\" byte for byte, or give the certificate "
	"of the CA that did issue it (--issuer)",
	REFUSES_CHAIN},
    {"validity_encoding",
	"Write the times of \"validity\" as UTCTime through 2049 and as GeneralizedTime after, "
	"with "
	"seconds and Z" AGAIN,
	REFUSES_FORM},
    {"validity_order", "Let \"validity\" end after it begins" AGAIN, REFUSES_TIME},
    {"validity_within_issuer",
	"Let \"validity\" lie within the issuer's: renew the issuer first (fasctl ca init, ca "
	"install)",
	REFUSES_CHAIN},
    {"validity_length",
	"Shorten \"validity\": logon.validity of the rule, or longest_life of limits.yaml" AGAIN,
	NULL},
    {"validity_backdate",
	"Let \"validity\" begin at most an hour back: backdate of signer.yaml, and the clock" AGAIN,
	NULL},
    {"validity_begun", "Wait, or set the clock that \"validity\" was taken from (chronyc tracking)",
	REFUSES_TIME},
    {"validity_not_over", "Have a new one issued: its \"validity\" is over", REFUSES_TIME},
    {"no_unique_ids",
	"Leave out \"issuerUniqueID\" and \"subjectUniqueID\", which nothing reads" AGAIN, NULL},
    /* ---- subject ---- */
    {"subject_present",
	"Write the account's distinguished name into \"subject\" (AD CS: subject name format fully "
	"distinguished name)",
	NULL},
    {"subject_domain",
	"Write the whole distinguished name with its DC parts into \"subject\"" AGAIN,
	"hosts of another domain do not find the user's domain"},
    {"subject_string_types",
	"Write \"subject\" with the string types of RFC 5280 A.1: DC as IA5String, the others as "
	"UTF8String" AGAIN,
	NULL},
    {"subject_sizes",
	"Shorten the attribute of \"subject\": rename the account's container or its CN" AGAIN,
	NULL},
    {"client_role",
	"Enrol the machine anew with a token of the right role: OU of \"subject\" is host or "
	"storefront (fasctl host enroll)",
	NULL},
    {"client_name",
	"Enrol the machine anew under its own name: CN of \"subject\" is one of its dNSNames",
	NULL},
    /* ---- key ---- */
    {"key_type",
	"Make an RSA or elliptic curve key: \"subjectPublicKeyInfo\", and with it "
	"\"subjectKeyIdentifier\" and \"keyUsage\"",
	REFUSES_KEY},
    {"key_encoding", "Encode \"subjectPublicKeyInfo\" as its RFC says (RSA: parameters NULL)" AGAIN,
	REFUSES_FORM},
    {"key_rsa_size",
	"Make an RSA key of 2048 to 4096 bits: \"subjectPublicKeyInfo\", and with it "
	"\"subjectKeyIdentifier\"",
	REFUSES_KEY},
    {"key_rsa_exponent",
	"Make an RSA key with exponent 65537: \"subjectPublicKeyInfo\", and with it "
	"\"subjectKeyIdentifier\"",
	NULL},
    {"key_rsa_odd",
	"Make a new key: \"subjectPublicKeyInfo\", and with it \"subjectKeyIdentifier\"; its maker "
	"is "
	"broken",
	REFUSES_KEY},
    {"key_named_curve",
	"Name the curve (openssl: -pkeyopt ec_param_enc:named_curve): \"subjectPublicKeyInfo\", "
	"and "
	"with it \"subjectKeyIdentifier\" and \"keyUsage\"",
	REFUSES_KEY},
    {"key_curve",
	"Make a key on P-256 or P-384: \"subjectPublicKeyInfo\", and with it "
	"\"subjectKeyIdentifier\" and \"keyUsage\"",
	REFUSES_KEY},
    /* ---- extensions ---- */
    {"extensions_unique", "Write each of the \"extensions\" once" AGAIN, REFUSES_FORM},
    {"extensions_known",
	"Leave the unknown one out of the \"extensions\", or make it non-critical" AGAIN,
	REFUSES_CHAIN},
    {"extensions_well_formed",
	"Encode the value of the named one of the \"extensions\" as its type's DER" AGAIN,
	REFUSES_FORM},
    {"key_usage_present", "Add \"keyUsage\": digitalSignature, for RSA keyEncipherment too" AGAIN,
	"Windows filters the key out, or takes it for any use"},
    {"key_usage_critical", "Make \"keyUsage\" critical" AGAIN, NULL},
    {"key_usage_exact",
	"Write into \"keyUsage\" digitalSignature, for RSA keyEncipherment too (or what the "
	"profile's "
	"key_usage says)" AGAIN,
	"Windows filters keys for signatures alone out of the logon"},
    {"key_usage_no_ca", "Take keyCertSign and cRLSign out of \"keyUsage\"; revoke this one", NULL},
    {"key_usage_encoding", "Encode \"keyUsage\" without zero bits at its end" AGAIN, NULL},
    {"ca_key_usage",
	"Write keyCertSign and cRLSign into \"keyUsage\" (AD CS: template Subordinate "
	"Certification "
	"Authority)",
	REFUSES_CHAIN},
    {"purposes_present",
	"Add \"extendedKeyUsage\": smart card logon and clientAuth for a logon" AGAIN,
	REFUSES_PURPOSE},
    {"purposes_required",
	"Add the missing purpose to \"extendedKeyUsage\" (AD CS: template Smartcard Logon)" AGAIN,
	REFUSES_PURPOSE},
    {"purposes_exact",
	"Take the purpose out of \"extendedKeyUsage\", or name it in a profile of your own "
	"(profiles of "
	"signer.yaml)" AGAIN,
	NULL},
    {"purposes_no_power",
	"Take the purpose out of \"extendedKeyUsage\" and revoke this one: its holder could speak "
	"for "
	"others",
	NULL},
    {"machine_no_smartcard",
	"Take smart card logon out of \"extendedKeyUsage\": revoke the certificate and enrol anew",
	NULL},
    {"basic_constraints_absent",
	"Leave \"basicConstraints\" out; where they said CA:TRUE, revoke it at once", NULL},
    {"subject_key_id_present", "Add \"subjectKeyIdentifier\"" AGAIN, NULL},
    {"subject_key_id_matches",
	"Let \"subjectKeyIdentifier\" be the SHA-1 of the public key's bits" AGAIN, NULL},
    {"authority_key_id_present",
	"Add \"authorityKeyIdentifier\" with the issuer's key identifier" AGAIN, NULL},
    {"authority_key_id_matches",
	"Let \"authorityKeyIdentifier\" name the key that signed it, or give that CA's certificate "
	"(--issuer)",
	REFUSES_CHAIN},
    {"key_ids_not_critical",
	"Make \"subjectKeyIdentifier\" and \"authorityKeyIdentifier\" non-critical" AGAIN, NULL},
    {"policies_unique", "Write each policy once into \"certificatePolicies\"" AGAIN, REFUSES_FORM},
    {"policies_no_any", "Name the policies one by one in \"certificatePolicies\"; revoke this one",
	NULL},
    {"policies_exact",
	"Let \"certificatePolicies\" be those of the profile (policies in signer.yaml) and what "
	"was "
	"asked for" AGAIN,
	NULL},
    /* ---- locations ---- */
    {"crl_points_present",
	"Add \"cRLDistributionPoints\" with the http:// URL of the CRL: publish_urls of "
	"signer.yaml "
	"(AD CS: certutil -setreg CA\\CRLPublicationURLs)",
	REFUSES_REVOCATION},
    {"crl_points_plain",
	"Name one complete list by URL in \"cRLDistributionPoints\", without reasons and "
	"cRLIssuer" AGAIN,
	REFUSES_REVOCATION},
    {"crl_points_http_first",
	"Put an http:// URL first in \"cRLDistributionPoints\": machines outside of the domain "
	"read "
	"no ldap://" AGAIN,
	NULL},
    {"crl_points_no_https",
	"Take https:// out of \"cRLDistributionPoints\": a CRL is signed, http:// is enough" AGAIN,
	"the fetch needs a certificate checked by the very CRL that it fetches"},
    {"crl_points_published",
	"Let \"cRLDistributionPoints\" name where the CRL is published: publish_urls of "
	"signer.yaml" AGAIN,
	REFUSES_REVOCATION},
    {"access_present",
	"Add \"authorityInfoAccess\" with the http:// URL of the CA certificate" AGAIN, NULL},
    {"access_http", "Write http:// URLs into \"authorityInfoAccess\"" AGAIN, NULL},
    {"access_published",
	"Let \"authorityInfoAccess\" name where the CA certificate is published: publish_urls of "
	"signer.yaml" AGAIN,
	NULL},
    {"locations_not_critical",
	"Make \"cRLDistributionPoints\" and \"authorityInfoAccess\" non-critical" AGAIN, NULL},
    /* ---- users ---- */
    {"upn_one", "Write one UPN into \"subjectAltName\": that of the account" AGAIN,
	REFUSES_ACCOUNT},
    {"upn_string_type", "Write the UPN in \"subjectAltName\" as a UTF8String" AGAIN,
	REFUSES_ACCOUNT},
    {"upn_valid", "Write NAME@SUFFIX as the UPN into \"subjectAltName\"" AGAIN, REFUSES_ACCOUNT},
    {"upn_matches",
	"Write the account's userPrincipalName into \"subjectAltName\" (if the account has been "
	"renamed: log on anew)",
	REFUSES_ACCOUNT},
    {"names_not_critical", "Make \"subjectAltName\" non-critical" AGAIN, NULL},
    {"user_no_host_name",
	"Take the host's name out of \"subjectAltName\": one key for a user or for a server" AGAIN,
	NULL},
    {"user_names_known", "Take the name that maps to no account out of \"subjectAltName\"" AGAIN,
	NULL},
    {"sid_present",
	"Add the \"SID extension\" (1.3.6.1.4.1.311.25.2) with the account's objectSid; AD CS does "
	"so since May 2022 unless msPKI-Enrollment-Flag 0x80000 is set",
	REFUSES_SID},
    {"sid_not_critical", "Make the \"SID extension\" non-critical" AGAIN, NULL},
    {"sid_encoding",
	"Write the SID into the \"SID extension\" as text (S-1-5-21-...), not as the bytes of "
	"LDAP" AGAIN,
	REFUSES_SID},
    {"sid_matches", "Write the objectSid of this very account into the \"SID extension\"" AGAIN,
	REFUSES_SID},
    {"sid_uri_agrees",
	"Write the same SID into \"subjectAltName\" as into the SID extension, or no URI at "
	"all" AGAIN,
	REFUSES_SID},
    {"user_principal",
	"Write one principal user@REALM of type NT-PRINCIPAL into \"subjectAltName\", or "
	"none" AGAIN,
	NULL},
    {"user_principal_matches",
	"Write sAMAccountName@REALM of this very account into \"subjectAltName\"" AGAIN, NULL},
    {"mail_valid", "Write name@domain in ASCII as the address into \"subjectAltName\"" AGAIN, NULL},
    {"mail_matches", "Write the account's mail attribute into \"subjectAltName\"" AGAIN, NULL},
    {"extra_names_exact",
	"Let \"subjectAltName\" have the names of the profile (names in signer.yaml)" AGAIN, NULL},
    /* ---- machines ---- */
    {"machine_no_upn",
	"Take the UPN out of \"subjectAltName\": a machine speaks for no user; revoke this one",
	NULL},
    {"machine_no_sid",
	"Leave the \"SID extension\" out: a machine speaks for no user; revoke this one", NULL},
    {"machine_name_present", "Write the machine's dNSName into \"subjectAltName\"" AGAIN,
	"clients that check the domain controller's name refuse it"},
    {"machine_name_valid",
	"Write host names of letters, digits, - and . into \"subjectAltName\"" AGAIN, NULL},
    {"kdc_principal",
	"Write krbtgt/REALM@REALM into \"subjectAltName\" (fasctl kdc issue --realm), or "
	"none" AGAIN,
	"MIT clients do not take it for their KDC's"},
    {"service_no_principal",
	"Take the Kerberos principal out of \"subjectAltName\"; revoke this one", NULL},
    /* ---- authorities ---- */
    {"ca_constraints_present",
	"Add \"basicConstraints\" CA:TRUE (AD CS: template Subordinate Certification Authority)",
	REFUSES_CHAIN},
    {"ca_constraints_critical", "Make \"basicConstraints\" critical" AGAIN, NULL},
    {"ca_true",
	"Set CA:TRUE in \"basicConstraints\" (AD CS: template Subordinate Certification Authority)",
	REFUSES_CHAIN},
    {"ca_path_length",
	"Set path length 0 in \"basicConstraints\" (AD CS: PathLength=0 in CAPolicy.inf of the CA "
	"above)",
	NULL},
    {"ca_path_allowed",
	"Have it issued by a CA that may have CAs below it: \"issuer\", "
	"\"authorityKeyIdentifier\", "
	"\"cRLDistributionPoints\" and \"authorityInfoAccess\" are then that one's",
	REFUSES_CHAIN},
    {"ca_purposes_nest",
	"Leave \"extendedKeyUsage\" out, or list clientAuth and smart card logon in it",
	REFUSES_PURPOSE},
    {"ca_no_identity", "Leave the \"SID extension\" out" AGAIN, NULL},
    /* ---- revocation lists ---- */
    {"crl_well_formed", "Hand over the \"whole\" list, DER or one PEM block, and nothing behind it",
	REFUSES_REVOCATION},
    {"crl_version_2", "Set \"version\" to v2 (1)", REFUSES_REVOCATION},
    {"crl_signature_algorithms_agree",
	"Write the same algorithm into \"signature\" and \"signatureAlgorithm\"",
	REFUSES_REVOCATION},
    {"crl_signature_allowed",
	"Sign by RSA PKCS#1 v1.5 or ECDSA with SHA-2: \"signature\" and \"signatureAlgorithm\"",
	REFUSES_REVOCATION},
    {"crl_signature_fits_issuer",
	"Sign with the key that signed the certificates: \"signature\" and \"signatureAlgorithm\" "
	"name its algorithm",
	REFUSES_REVOCATION},
    {"crl_issuer_matches",
	"Copy the CA certificate's subject into \"issuer\" byte for byte, or give the certificate "
	"of "
	"the CA that did issue it (--issuer)",
	REFUSES_REVOCATION},
    {"crl_time_encoding",
	"Write \"thisUpdate\" and \"nextUpdate\" as UTCTime through 2049 and as GeneralizedTime "
	"after, with seconds and Z",
	REFUSES_REVOCATION},
    {"crl_next_update_present", "Add \"nextUpdate\"", REFUSES_REVOCATION},
    {"crl_update_order", "Let \"nextUpdate\" come after thisUpdate: crl_life of signer.yaml",
	REFUSES_REVOCATION},
    {"crl_update_begun",
	"Wait, or set the clock that \"thisUpdate\" was taken from (chronyc tracking)",
	REFUSES_REVOCATION},
    {"crl_update_not_over",
	"Publish a new list at once (fasctl crl publish): its \"nextUpdate\" has passed",
	REFUSES_REVOCATION},
    {"crl_outlives_certificates",
	"Move \"nextUpdate\" beyond the longest certificate's end: crl_life of signer.yaml", NULL},
    {"crl_number_present", "Add \"cRLNumber\"", NULL},
    {"crl_number_form", "Write \"cRLNumber\" non-critical, positive, of at most 20 octets", NULL},
    {"crl_number_grows",
	"Publish with a \"cRLNumber\" above the last one (after a restore: fasctl crl publish)",
	"caches may keep the older list"},
    {"crl_authority_key_present", "Add \"authorityKeyIdentifier\" with the CA's key identifier",
	NULL},
    {"crl_authority_key_matches",
	"Let \"authorityKeyIdentifier\" name the key that signed the list, or give that CA's "
	"certificate (--issuer)",
	REFUSES_REVOCATION},
    {"crl_complete",
	"Leave \"issuingDistributionPoint\" out (AD CS: clear Include in the IDP extension of "
	"issued "
	"CRLs)",
	"Samba 4.22 refuses every logon"},
    {"crl_no_delta", "Publish a complete list, without \"deltaCRLIndicator\"", REFUSES_REVOCATION},
    {"crl_next_publish",
	"Write a time between thisUpdate and nextUpdate into \"nextCRLPublish\", non-critical, or "
	"leave "
	"it out",
	NULL},
    {"crl_extensions_unique", "Write each of the \"crlExtensions\" once", REFUSES_REVOCATION},
    {"crl_extensions_known",
	"Leave the unknown one out of the \"crlExtensions\", or make it non-critical",
	REFUSES_REVOCATION},
    {"crl_list_not_empty", "Leave \"revokedCertificates\" out where nothing is revoked", NULL},
    {"crl_entries_well_formed",
	"Write each entry of \"revokedCertificates\" as serial number, date and extensions",
	REFUSES_REVOCATION},
    {"crl_entry_serials",
	"Write positive serial numbers of at most 20 octets into \"revokedCertificates\"", NULL},
    {"crl_entry_reasons",
	"Write a reason of RFC 5280 5.3.1 into the entry of \"revokedCertificates\", or none",
	NULL},
    {"crl_entry_dates",
	"Write dates of the past into \"revokedCertificates\": set the clock, publish anew", NULL},
    {"crl_entries_known", "Leave critical extensions out of the entries of \"revokedCertificates\"",
	REFUSES_REVOCATION},
};

static const struct advice *
find(const char *lint)
{
	for (size_t i = 0; i < NELEMS(advices); i++) {
		if (strcmp(advices[i].lint, lint) == 0)
			return &advices[i];
	}
	return NULL;
}

const char *
lint_remedy(const char *lint)
{
	const struct advice *advice = find(lint);
	return advice ? advice->remedy : NULL;
}

const char *
lint_logon(const char *lint)
{
	const struct advice *advice = find(lint);
	return advice ? advice->logon : NULL;
}
