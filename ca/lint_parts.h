/* Between the linter's own files: one parse, shared by all lints, and the groups that the table is made of. */
#ifndef CA_LINT_PARTS_H
#define CA_LINT_PARTS_H

#include "ca/asn1.h"
#include "ca/lint.h"

/* ---- what a lint applies to ---- */

#define LINT_FOR(kind) (1u << (kind))
#define LINT_LOGON LINT_FOR(PROFILE_SMARTCARD_LOGON)
#define LINT_USERS (LINT_LOGON | LINT_FOR(PROFILE_CLIENT_AUTH))
#define LINT_KDC LINT_FOR(PROFILE_KDC)
#define LINT_CLIENT LINT_FOR(PROFILE_SERVICE_CLIENT)
#define LINT_SERVICE (LINT_FOR(PROFILE_SERVICE_SERVER) | LINT_CLIENT)
#define LINT_MACHINES (LINT_KDC | LINT_SERVICE)
#define LINT_DOMAIN (LINT_USERS | LINT_KDC) /* issued by the logon CA */
#define LINT_LEAVES (LINT_USERS | LINT_MACHINES)
#define LINT_CA (1u << 16)
#define LINT_ANY (LINT_LEAVES | LINT_CA)
#define LINT_CRL (1u << 17)

struct lint_run;

struct lint {
	const char *name, *citation;
	unsigned applies;
	enum lint_severity severity;
	void (*check)(struct lint_run *run);
};

/* The groups, in the order of the table. */
extern const struct lint lints_body[], lints_names[], lints_key[], lints_extension[],
    lints_location[], lints_user[], lints_own[], lints_machine[], lints_ca[], lints_crl[],
    lints_crl_entry[];
extern const size_t lints_body_n, lints_names_n, lints_key_n, lints_extension_n, lints_location_n,
    lints_user_n, lints_own_n, lints_machine_n, lints_ca_n, lints_crl_n, lints_crl_entry_n;

/* ---- the parsed certificate ---- */

#define LINT_EXTENSIONS_MAX 32

/* Extensions that some lint reads. */
enum lint_slot {
	SLOT_KEY_USAGE,
	SLOT_PURPOSES,
	SLOT_NAMES,
	SLOT_SUBJECT_KEY_ID,
	SLOT_AUTHORITY_KEY_ID,
	SLOT_CRL_POINTS,
	SLOT_ACCESS,
	SLOT_SID,
	SLOT_CONSTRAINTS,
	SLOT_POLICIES,
	SLOT_CRL_NUMBER,
	SLOT_DISTRIBUTION_POINT,
	SLOT_DELTA,
	SLOT_NEXT_PUBLISH,
	SLOTS,
};

struct lint_extension {
	const struct asn1_extension *at; /* the first of its kind; NULL = not there */
	void *value;                     /* decoded; NULL = not there or malformed */
};

struct lint_extensions {
	const STACK_OF(asn1_extension) * all;
	struct lint_extension slot[SLOTS];
};
void lint_extensions_read(const STACK_OF(asn1_extension) * all, struct lint_extensions *out);
void lint_extensions_done(struct lint_extensions *extensions);
/* The slot's template; the slot of an identifier, SLOTS if none. */
const ASN1_ITEM *lint_slot_item(enum lint_slot slot);
enum lint_slot lint_slot_of(const ASN1_OBJECT *id);

/* Entries of a CRL, gathered in one pass without an object for each (there may be millions). */
struct lint_crl_entries {
	size_t n;
	bool malformed, bad_serial, bad_reason, future, critical;
};

struct lint_crl {
	const uint8_t *tbs, *signature; /* into the octets that were read: not copied */
	size_t tbs_len, signature_len;
	ASN1_INTEGER *version;
	X509_ALGOR *inner, *outer;
	const uint8_t *issuer;
	size_t issuer_len;
	ASN1_TIME *this_update, *next_update; /* the second may be NULL */
	bool empty_list;                      /* revokedCertificates is there and holds nothing */
	STACK_OF(asn1_extension) * extensions;
	struct lint_crl_entries entries;
};
/* now_s: entries must not lie in its future; 0 = not compared.  NULL when it is no CertificateList. */
struct lint_crl *lint_crl_read(const uint8_t *der, size_t len, int64_t now_s);
void lint_crl_free(struct lint_crl *crl);
DEFINE_OWN(lint_crl, struct lint_crl *, lint_crl_free);

struct lint_run {
	const struct lint_context *context;
	struct lint_report *report;
	const struct lint *lint; /* the one that is running */
	unsigned kind;           /* one LINT_ bit */
	const uint8_t *der;
	size_t len;

	struct asn1_certificate *certificate; /* NULL = malformed, or a CRL is looked at */
	struct asn1_tbs *tbs;                 /* borrowed from it */
	bool times_ok;
	int64_t not_before_s, not_after_s;
	bool key_ok, self_issued;
	struct asn1_key key;

	struct lint_crl *crl;
	uint64_t previous_number;

	struct lint_extensions extensions;
};

/* ---- for lints ---- */

/* Add the finding of the lint that is running: finding, then expectation. */
void lint_say(struct lint_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline const struct lint_extension *
lint_slot(const struct lint_run *run, enum lint_slot slot)
{
	return &run->extensions.slot[slot];
}
/* The issuer's subject, DER. */
bool lint_issuer_name(const struct lint_run *run, const uint8_t **der, size_t *len);
/* The issuer's subjectKeyIdentifier; NULL when the context names no issuer or it has none. */
const ASN1_OCTET_STRING *lint_issuer_key_id(const struct lint_run *run);
bool lint_text_is(const ASN1_STRING *string, const char *text);
/* Is it MD5 or SHA-1; is it one of those that the house signs with, with the right parameters? */
bool lint_algorithm_is_weak(const X509_ALGOR *algorithm);
bool lint_algorithm_is_allowed(const X509_ALGOR *algorithm);
/* Does it equal what this issuer's key makes? */
bool lint_algorithm_fits(const X509_ALGOR *algorithm, enum profile_signature signature);
/* Is the time written in the form that RFC 5280 4.1.2.5 wants for its year? */
bool lint_time_form(const ASN1_TIME *time, int64_t *out_s);
/* authorityKeyIdentifier's keyid against the issuer's; says what is wrong. */
void lint_authority_key(struct lint_run *run);
/* Extensions that come twice; critical ones that nobody knows. */
void lint_extensions_unique(struct lint_run *run);
void lint_extensions_known(struct lint_run *run);

#endif
