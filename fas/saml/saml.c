#include "fas/saml/saml.h"

#include <string.h>

#include "fas/saml/assertion.h"
#include "fas/saml/dsig.h"
#include "fas/saml/idp.h"
#include "fas/saml/reading.h"
#include "fas/saml/xml.h"

enum fas_code
saml_init(struct fas_err *e)
{
	return dsig_init(e);
}

void
saml_done(void)
{
	dsig_done();
}

void
saml_assertion_free(struct saml_assertion *a)
{
	if (!a)
		return;
	free(a->idp);
	free(a->issuer);
	free(a->assertion_id);
	free(a->response_id);
	free(a->name_id);
	free(a->name_id_format);
	free(a->name_qualifier);
	free(a->sp_name_qualifier);
	free(a->session_index);
	free(a->email);
	free(a->forest);
	free(a->domain);
	free(a->upn);
	free(a->authn_context);
	free(a);
}

static enum fas_code
copy_names(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	const char *id = xml_attr(ev->assertion, "ID");
	const char *response_id = xml_attr(ev->response, "ID");
	out->idp = strdup(ev->idp->name);
	out->issuer = strdup(ev->idp->entity_id);
	out->assertion_id = id ? strdup(id) : NULL;
	if (ev->response_signed && response_id && !(out->response_id = strdup(response_id)))
		return fas_fail_nomem(e);
	return out->idp && out->issuer && out->assertion_id ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
judge(const struct evidence *ev, struct saml_assertion **out, struct fas_err *e)
{
	OWN(assertion) struct saml_assertion *a = calloc(1, sizeof(*a));
	if (!a)
		return fas_fail_nomem(e);
	enum fas_code rc = assertion_check(ev, a, e);
	if (rc == FAS_OK)
		rc = claims_read(ev, a, e);
	if (rc == FAS_OK)
		rc = copy_names(ev, a, e);
	if (rc == FAS_OK)
		*out = TAKE(a);
	return rc;
}

enum fas_code
saml_verify(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e)
{
	OWN(reading) struct reading reading = {0};
	struct evidence ev = {.expected = expected, .now_s = now_s};
	enum fas_code rc;
	*out = NULL;
	if ((rc = reading_parse(&reading, xml, len, e)) != FAS_OK ||
	    (rc = reading_find_idp(&reading, trust, &ev, e)) != FAS_OK ||
	    (rc = reading_prove(&reading, &ev, e)) != FAS_OK ||
	    (rc = reading_find_name_id(&reading, &ev, e)) != FAS_OK)
		return rc;
	return judge(&ev, out, e);
}
