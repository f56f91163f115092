/* Content models: which child elements an element may have, how many, and in which order. */
#ifndef FAS_SAML_MODEL_H
#define FAS_SAML_MODEL_H

#include <libxml/tree.h>

#include "fas/base/err.h"
#include "fas/saml/xml.h"

#define MODEL_RULES_MAX 8
#define MODEL_MANY XML_ELEMENTS_MAX /* "unbounded" */

struct model_rule {
	const char *ns;
	const char *name;
	int rank; /* elements of a lower rank stand before those of a higher one */
	int min, max;
};

struct model {
	const char *clause; /* begins the message */
	enum fas_code code;
	const char *reason;
	struct model_rule rules[MODEL_RULES_MAX]; /* up to the first without a name */
};

/* Do the children of parent follow the model, with nothing but white space between them? */
MUST_CHECK enum fas_code model_check(
    const struct model *model, const xmlNode *parent, struct fas_err *e);

#endif
