/* The door: the table of functions, and for each a stub that takes the lock. */
#include "fas/agent/pkcs11/find.h"
#include "fas/agent/pkcs11/info.h"
#include "fas/agent/pkcs11/sign.h"
#include "fas/agent/pkcs11/slot.h"
#include "fas/agent/pkcs11/unsupported.h"

/* The body of a stub; arguments are looked at by the call, inside. */
#define IN_MODULE(call)                                                                            \
	CK_RV rv = module_enter();                                                                 \
	return rv == CKR_OK ? module_leave(call) : rv

static CK_RV
initialize(void *args)
{
	return module_initialize(args);
}

static CK_RV
finalize(void *reserved)
{
	return module_finalize(reserved);
}

static CK_RV
get_info(CK_INFO_PTR out)
{
	IN_MODULE(info_module(out));
}

static CK_RV
get_slot_list(unsigned char present, CK_SLOT_ID_PTR list, CK_ULONG_PTR n)
{
	IN_MODULE(slots_list(present, list, n));
}

static CK_RV
get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO_PTR out)
{
	IN_MODULE(info_slot(slot, out));
}

static CK_RV
get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR out)
{
	IN_MODULE(info_token(slot, out));
}

static CK_RV
wait_for_slot_event(CK_FLAGS flags, CK_SLOT_ID_PTR slot, void *reserved)
{
	IN_MODULE(slot_wait(flags, slot, reserved));
}

static CK_RV
get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR n)
{
	IN_MODULE(mechanisms_list(slot, list, n));
}

static CK_RV
get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR out)
{
	IN_MODULE(mechanism_info(slot, type, out));
}

/* The callback would have nothing to tell: a card that goes is seen in the next call. */
static CK_RV
open_session(
    CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR out)
{
	(void)application;
	(void)notify;
	IN_MODULE(session_open(slot, flags, out));
}

static CK_RV
close_session(CK_SESSION_HANDLE session)
{
	IN_MODULE(session_close(session));
}

static CK_RV
close_all_sessions(CK_SLOT_ID slot)
{
	IN_MODULE(session_close_all(slot));
}

static CK_RV
get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR out)
{
	IN_MODULE(session_info(session, out));
}

static CK_RV
login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len)
{
	IN_MODULE(session_login(session, user, pin, pin_len));
}

static CK_RV
logout(CK_SESSION_HANDLE session)
{
	IN_MODULE(session_logout(session));
}

static CK_RV
get_attribute_value(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template, CK_ULONG n)
{
	IN_MODULE(object_attributes(session, object, template, n));
}

static CK_RV
find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG n)
{
	IN_MODULE(find_init(session, template, n));
}

static CK_RV
find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR list, CK_ULONG max, CK_ULONG_PTR n)
{
	IN_MODULE(find_next(session, list, max, n));
}

static CK_RV
find_objects_final(CK_SESSION_HANDLE session)
{
	IN_MODULE(find_final(session));
}

static CK_RV
sign_begin(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	IN_MODULE(sign_init(session, mechanism, key));
}

static CK_RV
sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG len, CK_BYTE_PTR out,
    CK_ULONG_PTR out_len)
{
	IN_MODULE(sign_all(session, data, len, out, out_len));
}

static CK_RV
sign_part(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG len)
{
	IN_MODULE(sign_update(session, data, len));
}

static CK_RV
sign_end(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	IN_MODULE(sign_final(session, out, out_len));
}

static CK_FUNCTION_LIST functions = {
    .version = {2, 40},
    .C_Initialize = initialize,
    .C_Finalize = finalize,
    .C_GetInfo = get_info,
    .C_GetFunctionList = C_GetFunctionList,
    .C_GetSlotList = get_slot_list,
    .C_GetSlotInfo = get_slot_info,
    .C_GetTokenInfo = get_token_info,
    .C_GetMechanismList = get_mechanism_list,
    .C_GetMechanismInfo = get_mechanism_info,
    .C_InitToken = no_init_token,
    .C_InitPIN = no_init_pin,
    .C_SetPIN = no_set_pin,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_CloseAllSessions = close_all_sessions,
    .C_GetSessionInfo = get_session_info,
    .C_GetOperationState = no_get_operation_state,
    .C_SetOperationState = no_set_operation_state,
    .C_Login = login,
    .C_Logout = logout,
    .C_CreateObject = no_create_object,
    .C_CopyObject = no_copy_object,
    .C_DestroyObject = no_destroy_object,
    .C_GetObjectSize = no_get_object_size,
    .C_GetAttributeValue = get_attribute_value,
    .C_SetAttributeValue = no_set_attribute_value,
    .C_FindObjectsInit = find_objects_init,
    .C_FindObjects = find_objects,
    .C_FindObjectsFinal = find_objects_final,
    .C_EncryptInit = no_encrypt_init,
    .C_Encrypt = no_encrypt,
    .C_EncryptUpdate = no_encrypt_update,
    .C_EncryptFinal = no_encrypt_final,
    .C_DecryptInit = no_decrypt_init,
    .C_Decrypt = no_decrypt,
    .C_DecryptUpdate = no_decrypt_update,
    .C_DecryptFinal = no_decrypt_final,
    .C_DigestInit = no_digest_init,
    .C_Digest = no_digest,
    .C_DigestUpdate = no_digest_update,
    .C_DigestKey = no_digest_key,
    .C_DigestFinal = no_digest_final,
    .C_SignInit = sign_begin,
    .C_Sign = sign,
    .C_SignUpdate = sign_part,
    .C_SignFinal = sign_end,
    .C_SignRecoverInit = no_sign_recover_init,
    .C_SignRecover = no_sign_recover,
    .C_VerifyInit = no_verify_init,
    .C_Verify = no_verify,
    .C_VerifyUpdate = no_verify_update,
    .C_VerifyFinal = no_verify_final,
    .C_VerifyRecoverInit = no_verify_recover_init,
    .C_VerifyRecover = no_verify_recover,
    .C_DigestEncryptUpdate = no_digest_encrypt_update,
    .C_DecryptDigestUpdate = no_decrypt_digest_update,
    .C_SignEncryptUpdate = no_sign_encrypt_update,
    .C_DecryptVerifyUpdate = no_decrypt_verify_update,
    .C_GenerateKey = no_generate_key,
    .C_GenerateKeyPair = no_generate_key_pair,
    .C_WrapKey = no_wrap_key,
    .C_UnwrapKey = no_unwrap_key,
    .C_DeriveKey = no_derive_key,
    .C_SeedRandom = no_seed_random,
    .C_GenerateRandom = no_generate_random,
    .C_GetFunctionStatus = no_get_function_status,
    .C_CancelFunction = no_cancel_function,
    .C_WaitForSlotEvent = wait_for_slot_event,
};

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
	if (!list)
		return CKR_ARGUMENTS_BAD;
	*list = &functions;
	return CKR_OK;
}
