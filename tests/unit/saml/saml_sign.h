/*
 * An identity provider for tests: builds SAML Responses and signs them freshly with xmlsec.
 *
 * Shares no code with fas/saml: what it makes wrong on purpose must not be made right by accident.
 * Used by the unit tests, the fuzzers, the bench and, as the program saml-sign, by the lab.
 *
 * Two steps, so that a test can spoil the document before or after it is signed:
 *
 *     char *xml = saml_sign_template(&spec);          everything but digest and signature values
 *     char *signed_xml = saml_sign_finish(xml, key);  each empty ds:Signature filled in, innermost first
 */
#ifndef FAS_TESTS_SAML_SIGN_H
#define FAS_TESTS_SAML_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

enum saml_sign_what {
	SAML_SIGN_NOTHING = 0,
	SAML_SIGN_RESPONSE = 1,
	SAML_SIGN_ASSERTION = 2,
	SAML_SIGN_BOTH = 3,
};

struct saml_sign_attribute {
	const char *name;
	const char *value;
};

/* All texts are borrowed; NULL leaves the part out, except where a default is named. */
struct saml_sign_spec {
	const char *idp;       /* Issuer of Response and Assertion; needed */
	const char *audience;  /* needed */
	const char *recipient; /* SubjectConfirmationData; needed */
	const char *destination;
	const char *in_response_to;
	const char *name_id;
	const char *response_id;  /* default: random */
	const char *assertion_id; /* default: random */
	enum saml_sign_what sign;
	const char *algorithm; /* rsa-sha256 (default), rsa-sha1, ecdsa-sha384, hmac-sha256, ... */
	const char *digest;    /* sha256 (default), sha1, md5, ... */
	const char *cert_base64; /* text of X509Certificate in KeyInfo */
	const char *prefix_list; /* InclusiveNamespaces PrefixList of both transforms */
	int64_t now_s;           /* IssueInstant; NotBefore 30 s before, NotOnOrAfter 300 s after */
	int64_t session_end_s;   /* SessionNotOnOrAfter; 0 leaves it out */
	const struct saml_sign_attribute *attributes;
	size_t n_attributes;
};

/* Once per process, unless saml_init has been called in it. 0 or -1. */
int saml_sign_init(void);
void saml_sign_done(void);

/* malloc'ed; NULL when out of memory or an algorithm is unknown. */
char *saml_sign_template(const struct saml_sign_spec *spec);
/* Sign every ds:Signature whose SignatureValue is empty, the last in the document first; malloc'ed, NULL on failure. */
char *saml_sign_finish(const char *xml, EVP_PKEY *key);
/* The same with an HMAC key, for the test of key confusion. */
char *saml_sign_finish_hmac(const char *xml, const void *secret, size_t len);
/* Template and finish in one. */
char *saml_sign_response(const struct saml_sign_spec *spec, EVP_PKEY *key);

/* ---- encryption ---- */

struct saml_sign_seal {
	EVP_PKEY *to; /* RSA; its public half is used */
	const char
	    *cipher; /* aes128-gcm (default), aes256-gcm, aes128-cbc, aes256-cbc, tripledes-cbc */
	const char
	    *transport; /* rsa-oaep-mgf1p (default), rsa-oaep (of XML Encryption 1.1), rsa-1_5 */
	const char *
	    digest; /* of OAEP, and its DigestMethod: sha1, sha256, sha512; NULL: sha1, not written */
	const char *mask; /* hash of MGF1; sha1 (default) */
	int key_outside;  /* EncryptedKey behind EncryptedData, KeyInfo with a RetrievalMethod */
	int bad_padding;  /* of CBC */
	unsigned char bad_tag;  /* of GCM: this is xored into it */
	unsigned int short_key; /* so many octets of the content key are missing */
};

/* <saml:element> with text encrypted in it (element: EncryptedAssertion, EncryptedID); malloc'ed, NULL on failure. */
char *saml_sign_encrypt(const char *text, const char *element, const struct saml_sign_seal *seal);

/* ---- keys made at run time ---- */

EVP_PKEY *saml_sign_new_rsa(unsigned int bits);
EVP_PKEY *saml_sign_new_ec(const char *curve); /* "P-256" */
/* Self-signed, for the common name; 10 years around now_s. */
X509 *saml_sign_new_cert(EVP_PKEY *key, const char *cn, int64_t now_s);
/* Base64 of the DER in lines of 64; malloc'ed. */
char *saml_sign_cert_base64(X509 *cert);
/* Write as PEM; 0 or -1. */
int saml_sign_write_cert(const char *path, X509 *cert);

#endif
