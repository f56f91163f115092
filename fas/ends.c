#include "fas/ends.h"

#include "fas/base/clock.h"

void
service_each_end(struct service *service, end_visit *visit, void *arg)
{
	const struct end tls = {"tls", service->node, atomic_load(&service->api_not_before_s),
	    atomic_load(&service->api_not_after_s)};
	if (tls.to_s)
		visit(&tls, arg);
	const struct end front = {"front", service->node, atomic_load(&service->front_not_before_s),
	    atomic_load(&service->front_not_after_s)};
	if (front.to_s)
		visit(&front, arg);
	const struct saml_trust *trust = service_trust_hold(service);
	for (size_t i = 0; i < saml_trust_count(trust); i++) {
		const struct end provider = {
		    "provider", saml_trust_name(trust, i), 0, saml_trust_not_after(trust, i)};
		if (provider.to_s)
			visit(&provider, arg);
	}
	service_trust_release(service);
}

static void
add(const struct end *end, void *arg)
{
	(void)json_array_append_new(arg, ends_describe(end, clock_now()));
}

json_t *
service_describe_ends(struct service *service)
{
	json_t *list = json_array();
	service_each_end(service, add, list);
	return list;
}

static void
say(const struct end *end, void *arg)
{
	ends_log(arg, end, clock_now());
}

void
service_log_ends(struct service *service, struct ends_said *said)
{
	service_each_end(service, say, said);
}
