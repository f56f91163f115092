/* The look at a document before any signature is verified: who stands where, once. */
#ifndef FAS_SAML_STRUCTURE_H
#define FAS_SAML_STRUCTURE_H

#include <stdbool.h>

#include <libxml/tree.h>

#include "fas/base/err.h"

#define STRUCTURE_IDS_MAX 64 /* attributes that could be an ID, in one document */

enum structure_root { STRUCTURE_RESPONSE, STRUCTURE_ASSERTION };

/* Borrowed from the document. */
struct structure {
	xmlNode *response;           /* NULL when the root is an Assertion */
	xmlNode *assertion;          /* NULL when it is encrypted */
	xmlNode *encrypted;          /* the EncryptedAssertion, else NULL */
	xmlNode *response_signature; /* NULL when it has none */
	xmlNode *assertion_signature;
};

/*
 * The root is a SAML 2.0 Response (or Assertion); there is one Assertion in the whole tree, the root or its child, or
 * one EncryptedAssertion in its place; else only the subject's identifier is encrypted; every ID is unique; signatures
 * are children of the two only, behind Issuer; no foreign element is a child of the two.
 *
 * FAS_E_INPUT "saml_structure", FAS_E_AUTH "saml_signature" (a signature in a foreign place); a Response without
 * Assertion that reports an error is FAS_E_AUTH "saml_status".
 */
MUST_CHECK enum fas_code structure_check(
    xmlDoc *doc, enum structure_root root, struct structure *out, struct fas_err *e);

/*
 * Every ID in the tree is unique (what some XML library may take for one), and in that of inner, which came out of it
 * (NULL: nothing did): whoever puts it into its place reads them as one.
 */
MUST_CHECK enum fas_code structure_check_ids(
    const xmlNode *root, const xmlNode *inner, struct fas_err *e);
/* Is this the value of one attribute only of those below root that any library may take for an ID? */
bool structure_id_is_once(const xmlNode *root, const char *id);
/* The element's ID is an xs:ID of ASCII, SAML_ID_MAX at most.  FAS_E_INPUT "saml_structure". */
MUST_CHECK enum fas_code structure_check_id(const xmlNode *node, struct fas_err *e);

/* SAML core 3.2.2.2: is the top-level status code Success?  FAS_E_AUTH "saml_status". */
MUST_CHECK enum fas_code structure_check_status(const xmlNode *response, struct fas_err *e);

#endif
