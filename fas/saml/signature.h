/* What a Signature may look like before xmlsec sees it, and the algorithms that there are. */
#ifndef FAS_SAML_SIGNATURE_H
#define FAS_SAML_SIGNATURE_H

#include <stdbool.h>

#include <libxml/tree.h>

#include "fas/base/err.h"
#include "fas/saml/xmlsec.h"

#define SIGNATURE_PREFIX_LIST_MAX 256 /* octets of one PrefixList */

enum key_kind { KEY_RSA, KEY_EC };

struct signature_method {
	const char *href;
	xmlSecTransformId (*klass)(void);
	enum key_kind kind;
	bool sha1;
	const char *md; /* OpenSSL's name of the digest */
};

struct digest_method {
	const char *href;
	xmlSecTransformId (*klass)(void);
	bool sha1;
};

struct signature {
	xmlNode *node;
	xmlNode *signed_node; /* its parent */
	const char *id;       /* of signed_node; borrowed from the document */
	const struct signature_method *method;
	const struct digest_method *digest;
};

/* The allowed method of this name; NULL when there is none. */
const struct signature_method *signature_method_find(const char *href, bool allow_sha1);

/*
 * One SignedInfo with exclusive c14n and one Reference to the parent of the Signature by its ID, with the enveloped
 * and the exclusive c14n transform, in this order; SignatureValue and DigestValue are text; no Object.  KeyInfo may be
 * there and is never read.  (SAML core 5.4.1 to 5.4.6, XML Signature 4.)
 *
 * FAS_E_AUTH "saml_signature", or "saml_algorithm" for one that is not in the tables (sha1 asks for the switch).
 */
MUST_CHECK enum fas_code signature_check(
    xmlNode *node, bool allow_sha1, struct signature *out, struct fas_err *e);

#endif
