/* RFC 7512 URIs as the configuration may have them. */
#include "ca/pkcs11_parts.h"

DEFINE_OWN(uri, P11KitUri *, p11_kit_uri_free);

enum fas_code
pkcs11_uri_check(const char *text, bool *has_object, struct fas_err *e)
{
	OWN(uri) P11KitUri *uri = p11_kit_uri_new();
	if (!uri)
		return fas_fail_nomem(e);
	int rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
	if (rc != P11_KIT_URI_OK)
		return fas_fail(e, FAS_E_CONFIG, "pkcs11_uri",
		    "RFC 7512 2.3: not a PKCS#11 URI: %s", p11_kit_uri_message(rc));
	if (p11_kit_uri_get_pin_value(uri) || p11_kit_uri_get_pin_source(uri))
		return fas_fail(e, FAS_E_CONFIG, "pkcs11_uri",
		    "RFC 7512 7: a PIN does not belong into a URI: name pin_file or "
		    "pin_credential");
	const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);
	if (info->label[0] == 0 && info->serialNumber[0] == 0)
		return fas_fail(e, FAS_E_CONFIG, "pkcs11_uri",
		    "the URI names no token: want token= or serial=");
	if (p11_kit_uri_any_unrecognized(uri))
		return fas_fail(e, FAS_E_CONFIG, "pkcs11_uri",
		    "RFC 7512 2.3: the URI has an attribute that is unknown here");
	*has_object =
	    p11_kit_uri_get_attribute(uri, CKA_LABEL) || p11_kit_uri_get_attribute(uri, CKA_ID);
	return FAS_OK;
}
