/* Everything that this token does not do: PKCS#11 has 68 functions, and no place in its table may be empty. */
#include "fas/agent/pkcs11/unsupported.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

static CK_RV
refuse(CK_RV why)
{
	CK_RV rv = module_enter();
	return rv == CKR_OK ? module_leave(why) : rv;
}

#define REFUSE(why, name, ...)                                                                     \
	CK_RV name(__VA_ARGS__)                                                                    \
	{                                                                                          \
		return refuse(why);                                                                \
	}                                                                                          \
	struct name##_is_refused

REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_init_token, CK_SLOT_ID slot_id, CK_BYTE_PTR pin,
    CK_ULONG pin_len, CK_BYTE_PTR label);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_init_pin, CK_SESSION_HANDLE session, CK_BYTE_PTR pin,
    CK_ULONG pin_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_set_pin, CK_SESSION_HANDLE session, CK_BYTE_PTR old_pin,
    CK_ULONG old_len, CK_BYTE_PTR new_pin, CK_ULONG new_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_get_operation_state, CK_SESSION_HANDLE session,
    CK_BYTE_PTR operation_state, CK_ULONG_PTR operation_state_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_set_operation_state, CK_SESSION_HANDLE session,
    CK_BYTE_PTR operation_state, CK_ULONG operation_state_len, CK_OBJECT_HANDLE encryption_key,
    CK_OBJECT_HANDLE authentiation_key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_create_object, CK_SESSION_HANDLE session,
    CK_ATTRIBUTE_PTR templ, CK_ULONG count, CK_OBJECT_HANDLE_PTR object);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_copy_object, CK_SESSION_HANDLE session,
    CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR templ, CK_ULONG count,
    CK_OBJECT_HANDLE_PTR new_object);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_destroy_object, CK_SESSION_HANDLE session,
    CK_OBJECT_HANDLE object);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_get_object_size, CK_SESSION_HANDLE session,
    CK_OBJECT_HANDLE object, CK_ULONG_PTR size);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_set_attribute_value, CK_SESSION_HANDLE session,
    CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR templ, CK_ULONG count);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_encrypt_init, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_encrypt, CK_SESSION_HANDLE session, CK_BYTE_PTR data,
    CK_ULONG data_len, CK_BYTE_PTR encrypted_data, CK_ULONG_PTR encrypted_data_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_encrypt_update, CK_SESSION_HANDLE session, CK_BYTE_PTR part,
    CK_ULONG part_len, CK_BYTE_PTR encrypted_part, CK_ULONG_PTR encrypted_part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_encrypt_final, CK_SESSION_HANDLE session,
    CK_BYTE_PTR last_encrypted_part, CK_ULONG_PTR last_encrypted_part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_decrypt_init, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_decrypt, CK_SESSION_HANDLE session,
    CK_BYTE_PTR encrypted_data, CK_ULONG encrypted_data_len, CK_BYTE_PTR data,
    CK_ULONG_PTR data_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_decrypt_update, CK_SESSION_HANDLE session,
    CK_BYTE_PTR encrypted_part, CK_ULONG encrypted_part_len, CK_BYTE_PTR part,
    CK_ULONG_PTR part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_decrypt_final, CK_SESSION_HANDLE session,
    CK_BYTE_PTR last_part, CK_ULONG_PTR last_part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_digest_init, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_digest, CK_SESSION_HANDLE session, CK_BYTE_PTR data,
    CK_ULONG data_len, CK_BYTE_PTR digest, CK_ULONG_PTR digest_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_digest_update, CK_SESSION_HANDLE session, CK_BYTE_PTR part,
    CK_ULONG part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_digest_key, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_digest_final, CK_SESSION_HANDLE session, CK_BYTE_PTR digest,
    CK_ULONG_PTR digest_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_sign_recover_init, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_sign_recover, CK_SESSION_HANDLE session, CK_BYTE_PTR data,
    CK_ULONG data_len, CK_BYTE_PTR signature, CK_ULONG_PTR signature_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_verify_init, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_verify, CK_SESSION_HANDLE session, CK_BYTE_PTR data,
    CK_ULONG data_len, CK_BYTE_PTR signature, CK_ULONG signature_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_verify_update, CK_SESSION_HANDLE session, CK_BYTE_PTR part,
    CK_ULONG part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_verify_final, CK_SESSION_HANDLE session,
    CK_BYTE_PTR signature, CK_ULONG signature_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_verify_recover_init, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_verify_recover, CK_SESSION_HANDLE session,
    CK_BYTE_PTR signature, CK_ULONG signature_len, CK_BYTE_PTR data, CK_ULONG_PTR data_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_digest_encrypt_update, CK_SESSION_HANDLE session,
    CK_BYTE_PTR part, CK_ULONG part_len, CK_BYTE_PTR encrypted_part,
    CK_ULONG_PTR encrypted_part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_decrypt_digest_update, CK_SESSION_HANDLE session,
    CK_BYTE_PTR encrypted_part, CK_ULONG encrypted_part_len, CK_BYTE_PTR part,
    CK_ULONG_PTR part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_sign_encrypt_update, CK_SESSION_HANDLE session,
    CK_BYTE_PTR part, CK_ULONG part_len, CK_BYTE_PTR encrypted_part,
    CK_ULONG_PTR encrypted_part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_decrypt_verify_update, CK_SESSION_HANDLE session,
    CK_BYTE_PTR encrypted_part, CK_ULONG encrypted_part_len, CK_BYTE_PTR part,
    CK_ULONG_PTR part_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_generate_key, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR templ, CK_ULONG count, CK_OBJECT_HANDLE_PTR key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_generate_key_pair, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR public_key_template,
    CK_ULONG public_key_attribute_count, CK_ATTRIBUTE_PTR private_key_template,
    CK_ULONG private_key_attribute_count, CK_OBJECT_HANDLE_PTR public_key,
    CK_OBJECT_HANDLE_PTR private_key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_wrap_key, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
    CK_BYTE_PTR wrapped_key, CK_ULONG_PTR wrapped_key_len);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_unwrap_key, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE unwrapping_key, CK_BYTE_PTR wrapped_key,
    CK_ULONG wrapped_key_len, CK_ATTRIBUTE_PTR templ, CK_ULONG attribute_count,
    CK_OBJECT_HANDLE_PTR key);
REFUSE(CKR_FUNCTION_NOT_SUPPORTED, no_derive_key, CK_SESSION_HANDLE session,
    CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base_key, CK_ATTRIBUTE_PTR templ,
    CK_ULONG attribute_count, CK_OBJECT_HANDLE_PTR key);
REFUSE(CKR_RANDOM_NO_RNG, no_seed_random, CK_SESSION_HANDLE session, CK_BYTE_PTR seed,
    CK_ULONG seed_len);
REFUSE(CKR_RANDOM_NO_RNG, no_generate_random, CK_SESSION_HANDLE session, CK_BYTE_PTR random_data,
    CK_ULONG random_len);
REFUSE(CKR_FUNCTION_NOT_PARALLEL, no_get_function_status, CK_SESSION_HANDLE session);
REFUSE(CKR_FUNCTION_NOT_PARALLEL, no_cancel_function, CK_SESSION_HANDLE session);
