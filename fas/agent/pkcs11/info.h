/* What the module, its slots and tokens say of themselves. */
#ifndef FAS_AGENT_PKCS11_INFO_H
#define FAS_AGENT_PKCS11_INFO_H

#include "fas/agent/pkcs11/module.h"

CK_RV info_module(CK_INFO_PTR out);
CK_RV info_slot(CK_SLOT_ID id, CK_SLOT_INFO_PTR out);
CK_RV info_token(CK_SLOT_ID id, CK_TOKEN_INFO_PTR out);

#endif
