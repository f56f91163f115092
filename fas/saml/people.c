#include "fas/saml/people.h"

#include <string.h>

#include "fas/base/names.h"
#include "fas/base/text.h"
#include "fas/saml/idp.h"

void
people_read(struct yaml_reader *r, struct people_nodes *n)
{
	n->map = r->map;
	n->title = yaml_want_text(r, "title", NULL);
	n->domains = yaml_want_texts(r, "email_domains");
}

static enum fas_code
load_domains(const struct yaml_node *list, struct idp_texts *out, struct fas_err *e)
{
	if (!list || list->n == 0)
		return FAS_OK;
	if (list->n > PEOPLE_DOMAINS_MAX)
		return yaml_fail(
		    list, e, "yaml_value", "email_domains: more than %d", PEOPLE_DOMAINS_MAX);
	if (!(out->v = calloc(list->n, sizeof(*out->v))))
		return fas_fail_nomem(e);
	for (; out->n < list->n; out->n++) {
		const char *text = list->items[out->n]->text;
		if (!hostname_is_valid(text))
			return yaml_fail(list->items[out->n], e, "yaml_value",
			    "RFC 5321 4.1.2: \"%.64s\" is no domain of e-mail addresses", text);
		if (!(out->v[out->n] = strdup(text)))
			return fas_fail_nomem(e);
	}
	return FAS_OK;
}

enum fas_code
people_load(const struct people_nodes *n, struct idp_people *out, struct fas_err *e)
{
	if (n->title && (strlen(n->title) > PEOPLE_TITLE_MAX || utf8_has_invisible(n->title)))
		return yaml_fail(n->map, e, "yaml_value",
		    "title: at most %d octets that can be seen", PEOPLE_TITLE_MAX);
	if (n->title && !(out->title = strdup(n->title)))
		return fas_fail_nomem(e);
	return load_domains(n->domains, &out->domains, e);
}

void
people_done(struct idp_people *people)
{
	for (size_t i = 0; i < people->domains.n; i++)
		free(people->domains.v[i]);
	free(people->domains.v);
	free(people->title);
}

/* ---- asking the trust ---- */

const char *
saml_trust_title(const struct saml_trust *trust, const char *name)
{
	const struct idp *idp = idp_named(trust, name);
	return idp && idp->people.title ? idp->people.title : name;
}

bool
saml_trust_has_email_domains(const struct saml_trust *trust, const char *name)
{
	const struct idp *idp = idp_named(trust, name);
	return idp && idp->people.domains.n > 0;
}

bool
saml_trust_email_fits(const struct saml_trust *trust, const char *name, const char *domain)
{
	const struct idp *idp = idp_named(trust, name);
	for (size_t i = 0; idp && i < idp->people.domains.n; i++) {
		if (hostname_equal(idp->people.domains.v[i], domain))
			return true;
	}
	return false;
}
