/*
 * The generator of tests/data/lint: for every lint one certificate or CRL that is good but for this one thing.
 * Nothing in it is random: keys are numbers drawn from a hash, signatures are filling.
 */
#ifndef TESTS_CA_X509_LINT_DATA_H
#define TESTS_CA_X509_LINT_DATA_H

#include "ca/asn1.h"
#include "lint_world.h"

/* Stop with the failing place: the generator has no other way out. */
#define NEED(condition) ((condition) ? (void)0 : data_fail(#condition, __func__))
__attribute__((noreturn)) void data_fail(const char *what, const char *where);

/* ---- lint_data_parts.c: keys, extensions, names, times ---- */

struct data_spki {
	uint8_t *der;
	size_t len;
};
/* A made-up RSA key of this size; label chooses which. */
struct data_spki data_rsa(unsigned bits, unsigned exponent, const char *label);
/* curve by name with the octets of a made-up point; explicit parameters if asked. */
struct data_spki data_ec(int curve, size_t point_len, bool explicit_parameters);
/* Put the key in, and make key usage and key identifier those of it. */
void data_set_key(struct asn1_tbs *tbs, struct data_spki spki);

struct asn1_extension *data_find(const STACK_OF(asn1_extension) * list, int nid);
void data_drop(STACK_OF(asn1_extension) * list, int nid);
/* Replace the value, or add the extension. */
void data_set(STACK_OF(asn1_extension) * list, int nid, const void *der, size_t len);
void data_set_value(
    STACK_OF(asn1_extension) * list, int nid, const ASN1_ITEM *item, const void *value);
void data_make_critical(STACK_OF(asn1_extension) * list, int nid);
void data_repeat(STACK_OF(asn1_extension) * list, int nid);
/* The decoded value, to be changed and put back by data_set_value. */
void *data_value(const STACK_OF(asn1_extension) * list, int nid, const ASN1_ITEM *item);

/* Append to subjectAltName: a simple choice, or an otherName of type nid. */
void data_add_name(struct asn1_tbs *tbs, int choice, const char *text);
void data_add_other_name(struct asn1_tbs *tbs, int nid, int string_type, const char *text);
void data_clear_names(struct asn1_tbs *tbs);
void data_set_subject(struct asn1_tbs *tbs, const char *const pairs[][2], size_t n);
/* The first attribute of this type. */
X509_NAME_ENTRY *data_attribute(const struct asn1_tbs *tbs, int nid);
void data_set_time(ASN1_TIME *time, int64_t unix_s, bool generalized);
void data_set_algorithm(X509_ALGOR *algorithm, int nid);

/* ---- lint_data_crl.c ---- */

struct data_entry {
	ASN1_INTEGER *serial;
	ASN1_TIME *date;
	STACK_OF(asn1_extension) * extensions;
};
SKM_DEFINE_STACK_OF(data_entry, struct data_entry, struct data_entry)

struct data_list {
	ASN1_INTEGER *version;
	X509_ALGOR *signature;
	ASN1_TYPE *issuer;
	ASN1_TIME *this_update, *next_update;
	STACK_OF(data_entry) * entries;
	STACK_OF(asn1_extension) * extensions;
};
struct data_crl {
	struct data_list *list;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
};
DECLARE_ASN1_ITEM(data_crl)
struct data_entry *data_entry_copy(const struct data_entry *entry);
void data_entry_free(struct data_entry *entry);
/* The good list. */
struct data_crl *data_crl_new(const struct world *w);

/* ---- the defects ---- */

struct data_defect {
	const char *lint;
	const char *base; /* the good file it is made from */
	void (*spoil)(struct asn1_certificate *certificate);
	void (*spoil_crl)(struct data_crl *crl);
	/* on the bytes, after encoding; *der has room for one octet more */
	void (*patch)(uint8_t *der, size_t *len);
	const char *issuer; /* of the defect, when it is not the base's */
	const char *also;   /* another lint that cannot but find it too */
};
extern const struct data_defect data_frame[], data_extension[], data_name[], data_crls[];
extern const size_t data_frame_n, data_extension_n, data_name_n, data_crls_n;

#endif
