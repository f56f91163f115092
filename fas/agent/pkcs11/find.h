/* C_FindObjects and C_GetAttributeValue. */
#ifndef FAS_AGENT_PKCS11_FIND_H
#define FAS_AGENT_PKCS11_FIND_H

#include "fas/agent/pkcs11/session.h"

CK_RV find_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR template, CK_ULONG n);
CK_RV find_next(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE_PTR list, CK_ULONG max, CK_ULONG_PTR n);
CK_RV find_final(CK_SESSION_HANDLE handle);
CK_RV object_attributes(
    CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template, CK_ULONG n);

/* The object on the session's card; NULL: none. */
const struct object *session_object(const struct session *s, CK_OBJECT_HANDLE handle);

#endif
