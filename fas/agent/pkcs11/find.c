#include "fas/agent/pkcs11/find.h"

#include <string.h>

#include "fas/agent/pkcs11/attribute.h"
#include "fas/agent/pkcs11/slot.h"

const struct object *
session_object(const struct session *s, CK_OBJECT_HANDLE handle)
{
	struct slot *slot = NULL;
	if (handle == CK_INVALID_HANDLE || slot_find(s->slot, &slot) != CKR_OK)
		return NULL;
	return objects_find(&slot->objects, handle);
}

/*
 * Programs that start look for trust objects, CRLs, profiles and mechanisms as well.  These can be answered without the
 * agent, for which the first look at a card may mean to fetch a certificate.
 */
static bool
can_be_here(const CK_ATTRIBUTE *template, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++) {
		CK_OBJECT_CLASS class = 0;
		if (template[i].type != CKA_CLASS)
			continue;
		if (!template[i].pValue || template[i].ulValueLen != sizeof(class))
			return false;
		memcpy(&class, template[i].pValue, sizeof(class));
		if (class != CKO_CERTIFICATE && class != CKO_PUBLIC_KEY && class != CKO_PRIVATE_KEY)
			return false;
	}
	return true;
}

static void
search(struct find *find, const struct objects *objects, const CK_ATTRIBUTE *template, CK_ULONG n)
{
	for (size_t i = 0; i < objects->n && find->n < OBJECTS_MAX; i++)
		if (attributes_match(&objects->list[i], template, n))
			find->found[find->n++] = objects->list[i].handle;
}

CK_RV
find_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR template, CK_ULONG n)
{
	struct session *s = session_find(handle);
	struct slot *slot = NULL;
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!template && n > 0)
		return CKR_ARGUMENTS_BAD;
	if (s->find.active)
		return CKR_OPERATION_ACTIVE;
	bool look = can_be_here(template, n);
	CK_RV rv = look ? slot_load(s->slot, &slot) : slot_find(s->slot, &slot);
	if (rv != CKR_OK)
		return rv == CKR_TOKEN_NOT_PRESENT ? CKR_DEVICE_REMOVED : rv;
	if (!(s = session_find(handle)))
		return CKR_SESSION_CLOSED;
	s->find = (struct find){.active = true};
	if (look)
		search(&s->find, &slot->objects, template, n);
	return CKR_OK;
}

CK_RV
find_next(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE_PTR list, CK_ULONG max, CK_ULONG_PTR n)
{
	struct session *s = session_find(handle);
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!n || (!list && max > 0))
		return CKR_ARGUMENTS_BAD;
	if (!s->find.active)
		return CKR_OPERATION_NOT_INITIALIZED;
	*n = 0;
	while (*n < max && s->find.at < s->find.n)
		list[(*n)++] = s->find.found[s->find.at++];
	return CKR_OK;
}

CK_RV
find_final(CK_SESSION_HANDLE handle)
{
	struct session *s = session_find(handle);
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->find.active)
		return CKR_OPERATION_NOT_INITIALIZED;
	s->find.active = false;
	return CKR_OK;
}

CK_RV
object_attributes(
    CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template, CK_ULONG n)
{
	const struct session *s = session_find(handle);
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!template || n == 0)
		return CKR_ARGUMENTS_BAD;
	const struct object *found = session_object(s, object);
	return found ? attributes_get(found, template, n) : CKR_OBJECT_HANDLE_INVALID;
}
