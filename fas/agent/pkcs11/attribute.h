/* The attributes of objects (PKCS#11 v2.40 4): one table, for reading and for searching. */
#ifndef FAS_AGENT_PKCS11_ATTRIBUTE_H
#define FAS_AGENT_PKCS11_ATTRIBUTE_H

#include "fas/agent/pkcs11/object.h"

/*
 * Fill a template, by the rules of C_GetAttributeValue: what is unknown or too small gets the length
 * CK_UNAVAILABLE_INFORMATION and the call one of CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_SENSITIVE,
 * CKR_BUFFER_TOO_SMALL, while the others are filled.
 */
CK_RV attributes_get(const struct object *object, CK_ATTRIBUTE_PTR template, CK_ULONG n);
/* Does the object have all of these, with these values? */
bool attributes_match(const struct object *object, const CK_ATTRIBUTE *template, CK_ULONG n);

#endif
