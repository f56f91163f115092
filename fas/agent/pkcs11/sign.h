/* C_Sign and its parts. */
#ifndef FAS_AGENT_PKCS11_SIGN_H
#define FAS_AGENT_PKCS11_SIGN_H

#include "fas/agent/pkcs11/session.h"

CK_RV sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key);
CK_RV sign_all(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG len, CK_BYTE_PTR signature,
    CK_ULONG_PTR signature_len);
CK_RV sign_update(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG len);
CK_RV sign_final(CK_SESSION_HANDLE handle, CK_BYTE_PTR signature, CK_ULONG_PTR signature_len);

#endif
