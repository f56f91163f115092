#include "fas/base/oid.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#define OID_TEXT_MAX 64
#define ANY_POLICY "2.5.29.32.0"

bool
oid_is_valid(const char *text)
{
	char again[OID_TEXT_MAX] = "";
	ASN1_OBJECT *object = strlen(text) < OID_TEXT_MAX ? OBJ_txt2obj(text, 1) : NULL;
	bool same =
	    object && OBJ_obj2txt(again, sizeof(again), object, 1) > 0 && strcmp(again, text) == 0;
	ASN1_OBJECT_free(object);
	ERR_clear_error();
	return same;
}

bool
oid_is_open_policy(const char *text)
{
	return oid_is_valid(text) && strcmp(text, ANY_POLICY) != 0;
}
