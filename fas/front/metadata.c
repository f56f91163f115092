/* GET /saml/metadata: what a provider has to know of this virtual server, signed. */
#include <stdlib.h>

#include "fas/base/clock.h"
#include "fas/front/parts.h"
#include "fas/saml/metadata.h"

static enum fas_code
make_metadata(struct visit *v, char **xml, struct fas_err *e)
{
	size_t len = 0;
	struct service *service = v->front->service;
	const struct saml_server server = {
	    v->server->s.entity_id, v->server->s.acs_url, v->server->slo_url};
	(void)service_trust_hold(service);
	enum fas_code rc = saml_metadata_make(service->sp, &server, clock_now(), xml, &len, e);
	service_trust_release(service);
	return rc;
}

void
front_get_metadata(void *app, const struct http_request *http, struct http_response *response)
{
	struct fas_err e = {0};
	OWN(text) char *xml = NULL;
	OWN(visit) struct visit v;
	enum fas_code rc = visit_begin(&v, app, http, response, &e);
	if (rc == FAS_OK)
		rc = make_metadata(&v, &xml, &e);
	if (rc == FAS_OK)
		http_answer_text(response, 200, "application/samlmetadata+xml", xml);
	else
		visit_refuse(&v, &e);
}
