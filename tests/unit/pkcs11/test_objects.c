/* Objects and their attributes, as real clients ask for them. */
#include "tests/unit/pkcs11/fixture.h"

static CK_RV
get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value,
    CK_ULONG *len)
{
	CK_ATTRIBUTE a = {type, value, *len};
	CK_RV rv = p11->C_GetAttributeValue(session, object, &a, 1);
	*len = a.ulValueLen;
	return rv;
}

static CK_ULONG
number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 0, len = sizeof(value);
	assert_ok(get(session, object, type, &value, &len));
	assert_int_equal(len, sizeof(value));
	return value;
}

static bool
truth(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ULONG len = sizeof(value);
	assert_ok(get(session, object, type, &value, &len));
	assert_int_equal(len, sizeof(value));
	assert_true(value <= 1);
	return value;
}

static void
card_has_certificates_and_both_halves_of_each_key(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	(void)state;
	assert_int_equal(count_objects(session), 7);
	for (size_t i = 0; i < 2; i++) {
		const struct card_key *key = i == 0 ? &rsa : &ec;
		assert_true(find_object(session, CKO_CERTIFICATE, key));
		assert_true(find_object(session, CKO_PUBLIC_KEY, key));
		assert_true(find_object(session, CKO_PRIVATE_KEY, key));
	}
	assert_true(find_object(session, CKO_CERTIFICATE, &ca));
	assert_false(find_object(session, CKO_PRIVATE_KEY, &ca));
}

/* NSS asks for these in one call. */
static void
unknown_attribute_gets_no_length_while_the_others_are_filled(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_OBJECT_HANDLE certificate = find_object(session, CKO_CERTIFICATE, &rsa);
	CK_ULONG class = 99, type = 99;
	char label[64] = {0};
	unsigned char der[4096], id[20], want_id[20];
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)},
	    {CKA_VENDOR_DEFINED | 0x4e534353, der, sizeof(der)}, {CKA_LABEL, label, sizeof(label)},
	    {CKA_CERTIFICATE_TYPE, &type, sizeof(type)}, {CKA_VALUE, NULL, 0},
	    {CKA_ID, id, sizeof(id)}};
	(void)state;
	assert_rv(p11->C_GetAttributeValue(session, certificate, template, NELEMS(template)),
	    CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_equal(class, CKO_CERTIFICATE);
	assert_int_equal(type, CKC_X_509);
	assert_true(template[1].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	assert_string_equal(label, LABEL);
	assert_int_equal(template[2].ulValueLen, strlen(LABEL));
	assert_int_equal(template[4].ulValueLen, i2d_X509(rsa.certificate, NULL));
	card_key_id(&rsa, want_id);
	assert_memory_equal(id, want_id, sizeof(id));
}

static void
small_buffer_is_told_by_length(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_OBJECT_HANDLE certificate = find_object(session, CKO_CERTIFICATE, &rsa);
	unsigned char small[4] = {0}, id[20] = {0};
	CK_ATTRIBUTE template[] = {{CKA_VALUE, small, sizeof(small)}, {CKA_ID, id, sizeof(id)}};
	(void)state;
	assert_rv(
	    p11->C_GetAttributeValue(session, certificate, template, 2), CKR_BUFFER_TOO_SMALL);
	assert_true(template[0].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(template[1].ulValueLen, 20);
	assert_memory_equal(small, "\0\0\0\0", 4);
}

static void
certificate_is_the_one_on_the_card(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_OBJECT_HANDLE certificate = find_object(session, CKO_CERTIFICATE, &ec);
	unsigned char der[4096], *want = NULL, name[512];
	CK_ULONG len = sizeof(der), name_len = sizeof(name);
	(void)state;
	int n = i2d_X509(ec.certificate, &want);
	assert_ok(get(session, certificate, CKA_VALUE, der, &len));
	assert_int_equal(len, n);
	assert_memory_equal(der, want, len);
	OPENSSL_free(want);
	want = NULL;
	n = i2d_X509_NAME(X509_get_issuer_name(ec.certificate), &want);
	assert_ok(get(session, certificate, CKA_ISSUER, name, &name_len));
	assert_int_equal(name_len, n);
	assert_memory_equal(name, want, name_len);
	OPENSSL_free(want);
	assert_int_equal(number(session, certificate, CKA_CERTIFICATE_CATEGORY), 1);
	assert_int_equal(
	    number(session, find_object(session, CKO_CERTIFICATE, &ca), CKA_CERTIFICATE_CATEGORY),
	    2);
	assert_false(truth(session, certificate, CKA_TRUSTED));
	assert_true(truth(session, certificate, CKA_TOKEN));
}

static void
dates_are_days_of_the_certificate(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	char date[9] = {0}, want[16];
	CK_ULONG len = 8;
	struct tm t;
	(void)state;
	assert_true(ASN1_TIME_to_tm(X509_get0_notAfter(rsa.certificate), &t));
	(void)snprintf(
	    want, sizeof(want), "%04d%02d%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
	assert_ok(
	    get(session, find_object(session, CKO_CERTIFICATE, &rsa), CKA_END_DATE, date, &len));
	assert_string_equal(date, want);
}

static void
private_key_can_sign_and_gives_nothing_away(void **state)
{
	static const CK_ATTRIBUTE_TYPE secrets[] = {CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2,
	    CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT};
	static const CK_ATTRIBUTE_TYPE yes[] = {
	    CKA_SIGN, CKA_TOKEN, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE};
	static const CK_ATTRIBUTE_TYPE no[] = {CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE, CKA_EXTRACTABLE,
	    CKA_ALWAYS_AUTHENTICATE, CKA_PRIVATE, CKA_SIGN_RECOVER, CKA_MODIFIABLE};
	CK_SESSION_HANDLE session = open_session();
	CK_OBJECT_HANDLE key = find_object(session, CKO_PRIVATE_KEY, &rsa);
	unsigned char value[512];
	(void)state;
	for (size_t i = 0; i < NELEMS(secrets); i++) {
		CK_ULONG len = sizeof(value);
		assert_rv(get(session, key, secrets[i], value, &len), CKR_ATTRIBUTE_SENSITIVE);
		assert_true(len == CK_UNAVAILABLE_INFORMATION);
	}
	for (size_t i = 0; i < NELEMS(yes); i++)
		assert_true(truth(session, key, yes[i]));
	for (size_t i = 0; i < NELEMS(no); i++)
		assert_false(truth(session, key, no[i]));
	assert_int_equal(number(session, key, CKA_KEY_TYPE), CKK_RSA);
	CK_ULONG len = sizeof(value);
	assert_ok(get(session, key, CKA_MODULUS, value, &len));
	assert_int_equal(len, 256);
	len = sizeof(value);
	assert_rv(get(session, key, CKA_EC_POINT, value, &len), CKR_ATTRIBUTE_TYPE_INVALID);
	len = sizeof(value);
	key = find_object(session, CKO_PRIVATE_KEY, &ec);
	assert_rv(get(session, key, CKA_VALUE, value, &len), CKR_ATTRIBUTE_SENSITIVE);
}

static void
public_key_is_whole(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_OBJECT_HANDLE key = find_object(session, CKO_PUBLIC_KEY, &ec);
	unsigned char value[512];
	CK_ULONG len = sizeof(value);
	(void)state;
	assert_ok(get(session, key, CKA_EC_PARAMS, value, &len));
	assert_int_equal(len, 10);
	len = sizeof(value);
	assert_ok(get(session, key, CKA_EC_POINT, value, &len));
	assert_int_equal(len, 67);
	assert_memory_equal(value, "\x04\x41\x04", 3);
	key = find_object(session, CKO_PUBLIC_KEY, &rsa);
	assert_int_equal(number(session, key, CKA_MODULUS_BITS), 2048);
	len = sizeof(value);
	assert_ok(get(session, key, CKA_PUBLIC_EXPONENT, value, &len));
	assert_int_equal(len, 3);
	assert_true(truth(session, key, CKA_VERIFY));
}

static void
key_tells_the_mechanisms_that_it_is_for(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_MECHANISM_TYPE list[16];
	CK_ULONG len = sizeof(list);
	struct card_key narrow = rsa;
	const struct card_key *const keys[] = {&narrow};
	CK_MECHANISM pkcs1 = {CKM_RSA_PKCS, NULL, 0};
	(void)state;
	CK_OBJECT_HANDLE key = find_object(session, CKO_PRIVATE_KEY, &ec);
	assert_ok(get(session, key, CKA_ALLOWED_MECHANISMS, list, &len));
	assert_int_equal(len, 4 * sizeof(list[0]));
	assert_int_equal(list[0], CKM_ECDSA);
	narrow.mechanisms = 1u << CARD_MECHANISM_RSA_PSS;
	card_server_renew(server, (uint32_t)slot, keys, 1);
	key = find_object(session, CKO_PRIVATE_KEY, &narrow);
	assert_rv(p11->C_SignInit(session, &pkcs1, key), CKR_MECHANISM_INVALID);
}

/* What NSS and others look for at their start is not here, and asks nothing of the agent. */
static void
foreign_classes_have_no_objects_and_do_not_touch_the_card(void **state)
{
	static const CK_OBJECT_CLASS classes[] = {CKO_DATA, CKO_SECRET_KEY, CKO_MECHANISM,
	    CKO_HW_FEATURE, 9, CKO_VENDOR_DEFINED | 0x4e534353, CKO_VENDOR_DEFINED | 0x4e534351};
	CK_SESSION_HANDLE session = open_session();
	CK_BBOOL yes = CK_TRUE;
	CK_OBJECT_HANDLE found;
	(void)state;
	for (size_t i = 0; i < NELEMS(classes); i++) {
		CK_OBJECT_CLASS class = classes[i];
		CK_ULONG n = 9;
		CK_ATTRIBUTE template[] = {
		    {CKA_TOKEN, &yes, sizeof(yes)}, {CKA_CLASS, &class, sizeof(class)}};
		assert_ok(p11->C_FindObjectsInit(session, template, 2));
		assert_ok(p11->C_FindObjects(session, &found, 1, &n));
		assert_int_equal(n, 0);
		assert_ok(p11->C_FindObjectsFinal(session));
	}
	assert_int_equal(card_server_count(server, CARD_OP_OBJECTS), 0);
	assert_int_equal(count_objects(session), 7);
	assert_int_equal(count_objects(session), 7);
	assert_int_equal(card_server_count(server, CARD_OP_OBJECTS), 1);
}

static void
search_is_given_out_in_portions(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_OBJECT_HANDLE found[8];
	CK_ULONG n = 0, all = 0;
	(void)state;
	assert_ok(p11->C_FindObjectsInit(session, NULL, 0));
	assert_rv(p11->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
	do {
		assert_ok(p11->C_FindObjects(session, found, 3, &n));
		all += n;
	} while (n > 0);
	assert_int_equal(all, 7);
	assert_ok(p11->C_FindObjectsFinal(session));
	assert_rv(p11->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(p11->C_FindObjects(session, found, 3, &n), CKR_OPERATION_NOT_INITIALIZED);
}

/* The session's older state is told by C_GetSessionInfo alone: NSS reads anew, ssh-agent works on. */
static void
renewed_card_keeps_what_stayed_and_tells_nss(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	const struct card_key *const keys[] = {&ec, &other_rsa};
	CK_SESSION_INFO info;
	CK_SLOT_INFO slot_info;
	CK_SLOT_ID which = 0;
	CK_OBJECT_HANDLE kept = find_object(session, CKO_PRIVATE_KEY, &ec);
	CK_OBJECT_HANDLE gone = find_object(session, CKO_PRIVATE_KEY, &rsa);
	CK_ULONG len = sizeof(CK_ULONG), class = 0;
	(void)state;
	card_server_renew(server, (uint32_t)slot, keys, 2);
	assert_ok(p11->C_GetSessionInfo(session, &info));
	assert_ok(p11->C_GetSlotInfo(slot, &slot_info));
	assert_rv(p11->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	assert_ok(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &which, NULL));
	assert_int_equal(which, slot);
	assert_int_equal(find_object(session, CKO_PRIVATE_KEY, &ec), kept);
	assert_false(find_object(session, CKO_PRIVATE_KEY, &rsa));
	assert_true(find_object(session, CKO_PRIVATE_KEY, &other_rsa));
	assert_rv(get(session, gone, CKA_CLASS, &class, &len), CKR_OBJECT_HANDLE_INVALID);
	assert_ok(p11->C_GetSessionInfo(open_session(), &info));
}

#define object_test(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    object_test(card_has_certificates_and_both_halves_of_each_key),
	    object_test(unknown_attribute_gets_no_length_while_the_others_are_filled),
	    object_test(small_buffer_is_told_by_length),
	    object_test(certificate_is_the_one_on_the_card),
	    object_test(dates_are_days_of_the_certificate),
	    object_test(private_key_can_sign_and_gives_nothing_away),
	    object_test(public_key_is_whole),
	    object_test(key_tells_the_mechanisms_that_it_is_for),
	    object_test(foreign_classes_have_no_objects_and_do_not_touch_the_card),
	    object_test(search_is_given_out_in_portions),
	    object_test(renewed_card_keeps_what_stayed_and_tells_nss),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
