#include "fas/terms.h"

#include <string.h>

#include "fas/base/json.h"

static json_t *
programs_json(const struct policy_in_session *grant)
{
	json_t *list = json_array();
	for (size_t i = 0; i < grant->n_programs; i++) {
		if (json_array_append_new(list, json_string(grant->programs[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *
mechanisms_json(unsigned mechanisms)
{
	json_t *list = json_array();
	for (size_t i = 0; i < POLICY_MECHANISMS; i++) {
		if (mechanisms >> i & 1)
			(void)json_array_append_new(list, json_string(policy_mechanism_names[i]));
	}
	return list;
}

json_t *
terms_json(const struct policy_in_session *grant)
{
	static const char *const scopes[] = {
	    [CONSENT_NONE] = "none", [CONSENT_SESSION] = "session", [CONSENT_PROGRAM] = "program"};
	(void)json_starved();
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:{s:s, s:I}, s:{s:I, s:I}, s:I}", "fetch",
	    grant->fetch == FETCH_LOGON ? "logon" : "first_use", "custody",
	    grant->custody == CUSTODY_HOST ? "host" : "service", "key_type",
	    policy_key_name(grant->first_key), "programs", programs_json(grant), "mechanisms",
	    mechanisms_json(grant->mechanisms), "consent", "scope", scopes[grant->consent],
	    "timeout_s", (json_int_t)grant->consent_timeout_s, "rate", "count",
	    (json_int_t)grant->rate_count, "period_s", (json_int_t)grant->rate_period_s,
	    "validity_s", (json_int_t)grant->validity_s);
}

enum fas_code
terms_format(const struct policy_in_session *grant, char **out, struct fas_err *e)
{
	*out = NULL;
	if (!grant->allow)
		return FAS_OK;
	OWN(json) json_t *object = terms_json(grant);
	*out = object ? json_text(object, JSON_COMPACT) : NULL;
	return *out ? FAS_OK : fas_fail_nomem(e);
}

unsigned
terms_mechanism(const char *name)
{
	for (size_t i = 0; i < POLICY_MECHANISMS; i++) {
		if (strcmp(policy_mechanism_names[i], name) == 0)
			return 1U << i;
	}
	return 0;
}

static enum fas_code
read_terms(json_t *object, struct terms *out, struct fas_err *e)
{
	size_t i;
	json_t *word;
	OWN(json_reader) struct json_reader rate = {0};
	json_t *list = json_object_get(object, "mechanisms");
	json_array_foreach(list, i, word)
	{
		const char *name = json_string_value(word);
		out->mechanisms |= name ? terms_mechanism(name) : 0;
	}
	enum fas_code rc = json_open_object(&rate, json_object_get(object, "rate"), e);
	if (rc != FAS_OK)
		return rc;
	out->rate_count = json_need_int(&rate, "count", 1, INT32_MAX);
	out->rate_period_s = json_need_int(&rate, "period_s", 1, INT32_MAX);
	return json_finish(&rate);
}

enum fas_code
terms_parse(const char *text, struct terms *out, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json_reader) struct json_reader r = {0};
	*out = (struct terms){0};
	enum fas_code rc = json_open(&r, text, strlen(text), &why);
	if (rc == FAS_OK)
		rc = read_terms(r.object, out, &why);
	if (rc == FAS_OK)
		return FAS_OK;
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	return fas_fail(e, FAS_E_IO, "database_corrupt", "terms of a session: %s", why.message);
}
