#include <string.h>

#include "fas/base/text.h"
#include "fas/front/front.h"

static enum fas_code
check_provider(const struct yaml_node *at, const struct saml_trust *trust, struct fas_err *e)
{
	const char *names[FRONT_PROVIDERS_MAX];
	size_t n = saml_trust_count(trust);
	for (size_t i = 0; i < n && i < FRONT_PROVIDERS_MAX; i++) {
		names[i] = saml_trust_name(trust, i);
		if (strcmp(names[i], at->text) == 0)
			return FAS_OK;
	}
	const char *near =
	    nearest_word(at->text, names, n < FRONT_PROVIDERS_MAX ? n : FRONT_PROVIDERS_MAX);
	return yaml_fail(at, e, "yaml_value", "there is no identity provider \"%.64s\"%s%s%s",
	    at->text, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

enum fas_code
front_check(const struct front_config *front, const struct saml_trust *trust, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; front && i < front->n_servers; i++) {
		const struct yaml_node *list = front->servers[i].providers_node;
		for (size_t k = 0; rc == FAS_OK && k < list->n; k++)
			rc = check_provider(list->items[k], trust, e);
	}
	return rc;
}
