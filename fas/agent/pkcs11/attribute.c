#include "fas/agent/pkcs11/attribute.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fas/agent/pkcs11/mechanism.h"

/* For whom a row stands. */
enum { CERT = 1, PUBLIC = 2, PRIVATE = 4, RSA = 8, EC = 16 };
#define KEYS (PUBLIC | PRIVATE)
#define ALL (CERT | KEYS)

/* What a row's value is. */
enum kind {
	IS_FALSE,
	IS_TRUE,
	IS_NUMBER, /* `which` itself */
	IS_CLASS,
	IS_KEY_TYPE,
	IS_BITS,
	IS_CATEGORY,
	IS_BYTES, /* `which` of the object's */
	IS_START,
	IS_END,
	IS_MECHANISMS,
	IS_SECRET,
	IS_EMPTY
};

static const struct row {
	CK_ATTRIBUTE_TYPE type;
	unsigned int who; /* RSA, EC: keys of this type only */
	enum kind kind;
	CK_ULONG which;
} rows[] = {
    {CKA_CLASS, ALL, IS_CLASS, 0},
    {CKA_TOKEN, ALL, IS_TRUE, 0},
    {CKA_PRIVATE, ALL, IS_FALSE, 0}, /* there is no PIN: all is seen without C_Login */
    {CKA_MODIFIABLE, ALL, IS_FALSE, 0},
    {CKA_COPYABLE, ALL, IS_FALSE, 0},
    {CKA_DESTROYABLE, ALL, IS_FALSE, 0},
    {CKA_LABEL, ALL, IS_BYTES, OBJECT_LABEL},
    {CKA_ID, ALL, IS_BYTES, OBJECT_KEY_ID},
    {CKA_SUBJECT, ALL, IS_BYTES, OBJECT_SUBJECT},
    {CKA_START_DATE, ALL, IS_START, 0},
    {CKA_END_DATE, ALL, IS_END, 0},

    {CKA_CERTIFICATE_TYPE, CERT, IS_NUMBER, CKC_X_509},
    {CKA_CERTIFICATE_CATEGORY, CERT, IS_CATEGORY, 0},
    {CKA_TRUSTED, CERT | PUBLIC, IS_FALSE, 0},
    {CKA_VALUE, CERT, IS_BYTES, OBJECT_CERTIFICATE},
    {CKA_ISSUER, CERT, IS_BYTES, OBJECT_ISSUER},
    {CKA_SERIAL_NUMBER, CERT, IS_BYTES, OBJECT_CERT_SERIAL},
    {CKA_URL, CERT, IS_EMPTY, 0},
    {CKA_JAVA_MIDP_SECURITY_DOMAIN, CERT, IS_NUMBER, 0},

    {CKA_KEY_TYPE, KEYS, IS_KEY_TYPE, 0},
    {CKA_DERIVE, KEYS, IS_FALSE, 0},
    {CKA_LOCAL, KEYS, IS_TRUE, 0},
    {CKA_KEY_GEN_MECHANISM, KEYS, IS_NUMBER, CK_UNAVAILABLE_INFORMATION},
    {CKA_ALLOWED_MECHANISMS, KEYS, IS_MECHANISMS, 0},
    {CKA_MODULUS, KEYS | RSA, IS_BYTES, OBJECT_MODULUS},
    {CKA_PUBLIC_EXPONENT, KEYS | RSA, IS_BYTES, OBJECT_EXPONENT},
    {CKA_MODULUS_BITS, KEYS | RSA, IS_BITS, 0},
    {CKA_EC_PARAMS, KEYS | EC, IS_BYTES, OBJECT_EC_PARAMS},
    {CKA_EC_POINT, KEYS | EC, IS_BYTES, OBJECT_EC_POINT},

    {CKA_VERIFY, PUBLIC, IS_TRUE, 0},
    {CKA_ENCRYPT, PUBLIC, IS_FALSE, 0},
    {CKA_WRAP, PUBLIC, IS_FALSE, 0},
    {CKA_VERIFY_RECOVER, PUBLIC, IS_FALSE, 0},

    {CKA_SIGN, PRIVATE, IS_TRUE, 0},
    {CKA_DECRYPT, PRIVATE, IS_FALSE, 0},
    {CKA_UNWRAP, PRIVATE, IS_FALSE, 0},
    {CKA_SIGN_RECOVER, PRIVATE, IS_FALSE, 0},
    {CKA_SENSITIVE, PRIVATE, IS_TRUE, 0},
    {CKA_ALWAYS_SENSITIVE, PRIVATE, IS_TRUE, 0},
    {CKA_EXTRACTABLE, PRIVATE, IS_FALSE, 0},
    {CKA_NEVER_EXTRACTABLE, PRIVATE, IS_TRUE, 0},
    {CKA_ALWAYS_AUTHENTICATE, PRIVATE, IS_FALSE, 0},
    {CKA_WRAP_WITH_TRUSTED, PRIVATE, IS_FALSE, 0},
    {CKA_VALUE, PRIVATE | EC, IS_SECRET, 0},
    {CKA_PRIVATE_EXPONENT, PRIVATE | RSA, IS_SECRET, 0},
    {CKA_PRIME_1, PRIVATE | RSA, IS_SECRET, 0},
    {CKA_PRIME_2, PRIVATE | RSA, IS_SECRET, 0},
    {CKA_EXPONENT_1, PRIVATE | RSA, IS_SECRET, 0},
    {CKA_EXPONENT_2, PRIVATE | RSA, IS_SECRET, 0},
    {CKA_COEFFICIENT, PRIVATE | RSA, IS_SECRET, 0},
};

/* ---- one value ---- */

struct value {
	const void *data;
	size_t len;
	union {
		CK_BBOOL truth;
		CK_ULONG number;
		CK_DATE date;
		CK_MECHANISM_TYPE mechanisms[MECHANISMS_MAX];
	} own; /* what data may point to */
};

static void
put_truth(struct value *v, CK_BBOOL truth)
{
	v->own.truth = truth;
	v->data = &v->own.truth;
	v->len = sizeof(v->own.truth);
}

static void
put_number(struct value *v, CK_ULONG number)
{
	v->own.number = number;
	v->data = &v->own.number;
	v->len = sizeof(v->own.number);
}

/* CK_DATE: "20261123", without a NUL; empty when the year has no four digits. */
static void
put_date(struct value *v, uint64_t at_s)
{
	struct tm t;
	char text[32];
	time_t at = (time_t)at_s;
	if (!gmtime_r(&at, &t) || strftime(text, sizeof(text), "%Y%m%d", &t) != sizeof(CK_DATE))
		return;
	memcpy(&v->own.date, text, sizeof(CK_DATE));
	v->data = &v->own.date;
	v->len = sizeof(CK_DATE);
}

static void
put_bytes(struct value *v, const struct bytes *bytes)
{
	v->data = bytes->data;
	v->len = bytes->len;
}

static void
put_mechanisms(struct value *v, const struct object *o)
{
	size_t n = mechanisms_of_key(o, v->own.mechanisms);
	v->data = v->own.mechanisms;
	v->len = n * sizeof(v->own.mechanisms[0]);
}

static void
put_value(struct value *v, const struct object *o, const struct row *row)
{
	*v = (struct value){.data = NULL};
	switch (row->kind) {
	case IS_FALSE:
	case IS_TRUE:
		put_truth(v, row->kind == IS_TRUE ? CK_TRUE : CK_FALSE);
		return;
	case IS_NUMBER:
		put_number(v, row->which);
		return;
	case IS_CLASS:
		put_number(v, o->class);
		return;
	case IS_KEY_TYPE:
		put_number(v, o->key_type);
		return;
	case IS_BITS:
		put_number(v, o->bits);
		return;
	case IS_CATEGORY:
		put_number(v, o->authority ? 2 : 1); /* v2.40 4.6.3: authority, token user */
		return;
	case IS_BYTES:
		put_bytes(v, &o->bytes[row->which]);
		return;
	case IS_START:
		put_date(v, o->not_before_s);
		return;
	case IS_END:
		put_date(v, o->not_after_s);
		return;
	case IS_MECHANISMS:
		put_mechanisms(v, o);
		return;
	case IS_SECRET:
	case IS_EMPTY:
		return;
	}
}

/* ---- the table ---- */

static bool
stands_for(const struct row *row, const struct object *o)
{
	unsigned int class = o->class == CKO_CERTIFICATE  ? CERT
			     : o->class == CKO_PUBLIC_KEY ? PUBLIC
							  : PRIVATE;
	unsigned int type = o->key_type == CKK_RSA ? RSA : EC;
	unsigned int only = row->who & (RSA | EC);
	return (row->who & class) && (only == 0 || only == type);
}

static const struct row *
find_row(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < NELEMS(rows); i++)
		if (rows[i].type == type && stands_for(&rows[i], o))
			return &rows[i];
	return NULL;
}

static CK_RV
get_one(const struct object *object, CK_ATTRIBUTE_PTR a)
{
	struct value v;
	const struct row *row = find_row(object, a->type);
	CK_ULONG room = a->ulValueLen;
	a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
	if (!row)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (row->kind == IS_SECRET)
		return CKR_ATTRIBUTE_SENSITIVE;
	put_value(&v, object, row);
	if (a->pValue && room < v.len)
		return CKR_BUFFER_TOO_SMALL;
	if (a->pValue && v.len > 0)
		memcpy(a->pValue, v.data, v.len);
	a->ulValueLen = v.len;
	return CKR_OK;
}

CK_RV
attributes_get(const struct object *object, CK_ATTRIBUTE_PTR template, CK_ULONG n)
{
	CK_RV rv = CKR_OK;
	for (CK_ULONG i = 0; i < n; i++) {
		CK_RV one = get_one(object, &template[i]);
		if (one != CKR_OK)
			rv = one;
	}
	return rv;
}

static bool
matches(const struct object *object, const CK_ATTRIBUTE *a)
{
	struct value v;
	const struct row *row = find_row(object, a->type);
	if (!row || row->kind == IS_SECRET)
		return false;
	put_value(&v, object, row);
	return v.len == a->ulValueLen &&
	       (v.len == 0 || (a->pValue && memcmp(v.data, a->pValue, v.len) == 0));
}

bool
attributes_match(const struct object *object, const CK_ATTRIBUTE *template, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (!matches(object, &template[i]))
			return false;
	return true;
}
