#include "fas/agent/pkcs11/info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/agent/pkcs11/session.h"
#include "fas/agent/pkcs11/slot.h"

#define MANUFACTURER "Federated authentication"
#define NAME "FAS virtual smart card"
#define PIN_MAX 255

/* PKCS#11 texts are padded with blanks and have no NUL; what is too long is cut. */
static void
pad(unsigned char *out, size_t size, const char *text)
{
	size_t len = strnlen(text, size);
	memset(out, ' ', size);
	memcpy(out, text, len);
}

static CK_VERSION
our_version(void)
{
	char *dot = NULL;
	unsigned long major = strtoul(FAS_VERSION, &dot, 10);
	unsigned long minor = *dot == '.' ? strtoul(dot + 1, NULL, 10) : 0;
	return (CK_VERSION){(unsigned char)major, (unsigned char)minor};
}

CK_RV
info_module(CK_INFO_PTR out)
{
	if (!out)
		return CKR_ARGUMENTS_BAD;
	*out = (CK_INFO){.cryptokiVersion = {2, 40}, .libraryVersion = our_version()};
	pad(out->manufacturerID, sizeof(out->manufacturerID), MANUFACTURER);
	pad(out->libraryDescription, sizeof(out->libraryDescription), NAME);
	return CKR_OK;
}

CK_RV
info_slot(CK_SLOT_ID id, CK_SLOT_INFO_PTR out)
{
	struct slot *slot = NULL;
	char text[sizeof(NAME) + CARD_LABEL_MAX + 2];
	if (!out)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = slot_find_now(id, &slot);
	if (rv != CKR_OK && rv != CKR_TOKEN_NOT_PRESENT)
		return rv;
	*out = (CK_SLOT_INFO){.hardwareVersion = our_version(), .firmwareVersion = our_version()};
	out->flags = CKF_REMOVABLE_DEVICE | (slot->present ? CKF_TOKEN_PRESENT : 0);
	(void)snprintf(text, sizeof(text), "%s: %s", NAME, slot->label);
	pad(out->slotDescription, sizeof(out->slotDescription), text);
	pad(out->manufacturerID, sizeof(out->manufacturerID), MANUFACTURER);
	return CKR_OK;
}

/* No CKF_LOGIN_REQUIRED: nobody asks for a PIN.  No CKF_RNG: nobody asks for random numbers. */
CK_RV
info_token(CK_SLOT_ID id, CK_TOKEN_INFO_PTR out)
{
	struct slot *slot = NULL;
	if (!out)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = slot_find_now(id, &slot);
	if (rv != CKR_OK)
		return rv;
	*out = (CK_TOKEN_INFO){.flags = CKF_TOKEN_INITIALIZED | CKF_WRITE_PROTECTED,
	    .ulMaxSessionCount = SESSIONS_MAX,
	    .ulSessionCount = sessions_count(id, false),
	    .ulMaxRwSessionCount = SESSIONS_MAX,
	    .ulRwSessionCount = sessions_count(id, true),
	    .ulMaxPinLen = PIN_MAX,
	    .ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION,
	    .ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION,
	    .ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION,
	    .ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION,
	    .hardwareVersion = our_version(),
	    .firmwareVersion = our_version()};
	pad(out->label, sizeof(out->label), slot->label);
	pad(out->manufacturerID, sizeof(out->manufacturerID), MANUFACTURER);
	pad(out->model, sizeof(out->model), "virtual");
	pad((unsigned char *)out->serialNumber, sizeof(out->serialNumber), slot->serial);
	pad(out->utcTime, sizeof(out->utcTime), "");
	return CKR_OK;
}
