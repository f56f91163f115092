/* From the bytes that came to what a provider has signed: parsed, proven, opened, each by the same rules. */
#ifndef FAS_SAML_READING_H
#define FAS_SAML_READING_H

#include <stdint.h>

#include <libxml/tree.h>

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/saml/assertion.h"
#include "fas/saml/structure.h"

/* As it came; what the Response's signature covers; the opened Assertion; what its own covers; the opened NameID. */
#define READING_DOCUMENTS_MAX 5

/* The documents that evidence borrows from. */
struct reading {
	xmlDoc *documents[READING_DOCUMENTS_MAX];
	size_t n;
	struct structure whole; /* of the document as it came */
};
void reading_done(struct reading *reading);

/* One verb a step, in this order; ev->expected and ev->now_s are the caller's. */

/* The document and its structure: into reading->whole. */
MUST_CHECK enum fas_code reading_parse(
    struct reading *reading, const uint8_t *xml, size_t len, struct fas_err *e);
/* Whose keys to try, into ev->idp: a hint from bytes that nobody has verified yet; assertion_check asks the signed ones. */
MUST_CHECK enum fas_code reading_find_idp(const struct reading *reading,
    const struct saml_trust *trust, struct evidence *ev, struct fas_err *e);
/*
 * Every signature that is there verifies, and the Assertion is under one of them; one that is encrypted is opened before its
 * own signature is looked at.  Into ev: response, response_signed, assertion.
 */
MUST_CHECK enum fas_code reading_prove(
    struct reading *reading, struct evidence *ev, struct fas_err *e);
/* The subject's identifier, opened when it is encrypted: into ev->name_id. */
MUST_CHECK enum fas_code reading_find_name_id(
    struct reading *reading, struct evidence *ev, struct fas_err *e);

DEFINE_OWN_IN_PLACE(reading, struct reading, reading_done);

#endif
