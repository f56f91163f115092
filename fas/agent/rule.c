#include "fas/agent/rule.h"

#include <string.h>

#include "fas/card/wire.h"

static const char *const custodies[] = {"host", "service"};
static const char *const fetches[] = {"logon", "first_use"};
static const char *const scopes[] = {"none", "session", "program"};

static const struct {
	const char *name;
	enum card_mechanism mechanism;
} mechanisms[] = {
    {"rsa-pkcs1", CARD_MECHANISM_RSA_PKCS1},
    {"rsa-pss", CARD_MECHANISM_RSA_PSS},
    {"ecdsa", CARD_MECHANISM_ECDSA},
};

void
rule_done(struct session_rule *rule)
{
	for (size_t i = 0; i < rule->n_programs; i++)
		free(rule->programs[i]);
	free(rule->programs);
	*rule = (struct session_rule){0};
}

static bool
find_word(const char *text, const char *const *words, size_t n, size_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], text) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

bool
rule_custody_parse(const char *text, enum rule_custody *out)
{
	size_t at = 0;
	bool known = find_word(text, custodies, NELEMS(custodies), &at);
	*out = (enum rule_custody)at;
	return known;
}

/* One of n words; 0 and an error when it is none. */
static size_t
need_word(struct json_reader *r, const char *name, const char *const *words, size_t n)
{
	size_t at = 0;
	const char *text = json_need_text(r, name, 1, 32);
	if (text && !find_word(text, words, n, &at))
		fas_fail(r->e, FAS_E_INPUT, "answer_malformed",
		    "member \"%s\": \"%.32s\" is not known to this version", name, text);
	return at;
}

static enum fas_code
read_programs(struct json_reader *r, struct session_rule *out)
{
	const json_t *list = json_need_value(r, "programs", JSON_ARRAY);
	size_t n = json_array_size(list);
	if (n > RULE_PROGRAMS_MAX)
		return fas_fail(r->e, FAS_E_INPUT, "answer_malformed", "more than %d programs",
		    RULE_PROGRAMS_MAX);
	out->programs = calloc(n + 1, sizeof(out->programs[0]));
	if (!out->programs)
		return fas_fail_nomem(r->e);
	for (size_t i = 0; i < n; i++) {
		const char *path = json_string_value(json_array_get(list, i));
		if (!path || path[0] != '/' || strlen(path) >= RULE_PATH_MAX)
			return fas_fail(r->e, FAS_E_INPUT, "answer_malformed",
			    "\"programs\" holds what is no absolute path");
		out->programs[i] = strdup(path);
		if (!out->programs[i])
			return fas_fail_nomem(r->e);
		out->n_programs++;
	}
	return FAS_OK;
}

/* A mechanism of a later version is one that this agent does not offer. */
static void
read_mechanisms(struct json_reader *r, struct session_rule *out)
{
	size_t i;
	json_t *name;
	json_array_foreach(json_need_value(r, "mechanisms", JSON_ARRAY), i, name)
	{
		const char *text = json_string_value(name);
		for (size_t m = 0; text && m < NELEMS(mechanisms); m++) {
			if (strcmp(text, mechanisms[m].name) == 0)
				out->mechanisms |= 1U << mechanisms[m].mechanism;
		}
	}
}

static enum fas_code
read_consent(struct json_reader *top, struct session_rule *out)
{
	OWN(json_reader) struct json_reader r = {0};
	json_t *object = json_need_value(top, "consent", JSON_OBJECT);
	if (!object || json_open_object(&r, object, top->e) != FAS_OK)
		return top->e->code;
	out->consent = (enum rule_consent)need_word(&r, "scope", scopes, NELEMS(scopes));
	out->consent_timeout_s = json_want_int(&r, "timeout_s", 0, INT32_MAX, 0);
	return json_finish(&r);
}

static enum fas_code
read_rate(struct json_reader *top, struct session_rule *out)
{
	OWN(json_reader) struct json_reader r = {0};
	json_t *object = json_want_value(top, "rate", JSON_OBJECT);
	if (!object)
		return top->e->code;
	if (json_open_object(&r, object, top->e) != FAS_OK)
		return top->e->code;
	out->rate_count = json_need_int(&r, "count", 1, INT32_MAX);
	out->rate_period_s = json_need_int(&r, "period_s", 1, INT32_MAX);
	return json_finish(&r);
}

static enum fas_code
read_object(struct json_reader *r, struct session_rule *out)
{
	out->allowed = true;
	out->custody = (enum rule_custody)need_word(r, "custody", custodies, NELEMS(custodies));
	out->fetch = (enum rule_fetch)need_word(r, "fetch", fetches, NELEMS(fetches));
	const char *type = json_need_text(r, "key_type", 1, RULE_KEY_TYPE_MAX - 1);
	if (type)
		memcpy(out->key_type, type, strlen(type) + 1);
	out->validity_s = json_need_int(r, "validity_s", 1, INT32_MAX);
	read_mechanisms(r, out);
	if (read_programs(r, out) != FAS_OK || read_consent(r, out) != FAS_OK ||
	    read_rate(r, out) != FAS_OK)
		return r->e->code;
	return json_finish(r);
}

enum fas_code
rule_read(json_t *value, struct session_rule *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	OWN(rule) struct session_rule made = {0};
	*out = (struct session_rule){0};
	if (!value || json_is_null(value))
		return FAS_OK;
	if (!json_is_object(value))
		return fas_fail(e, FAS_E_INPUT, "answer_malformed",
		    "\"in_session\" is neither an object nor null");
	enum fas_code rc = json_open_object(&r, value, e);
	if (rc == FAS_OK)
		rc = read_object(&r, &made);
	if (rc != FAS_OK)
		return rc;
	*out = made;
	made = (struct session_rule){0};
	return FAS_OK;
}

static bool
programs_equal(const struct session_rule *a, const struct session_rule *b)
{
	if (a->n_programs != b->n_programs)
		return false;
	for (size_t i = 0; i < a->n_programs; i++) {
		if (strcmp(a->programs[i], b->programs[i]) != 0)
			return false;
	}
	return true;
}

bool
rule_equal(const struct session_rule *a, const struct session_rule *b)
{
	return a->allowed == b->allowed && a->custody == b->custody && a->fetch == b->fetch &&
	       strcmp(a->key_type, b->key_type) == 0 && a->mechanisms == b->mechanisms &&
	       a->consent == b->consent && a->consent_timeout_s == b->consent_timeout_s &&
	       a->rate_count == b->rate_count && a->rate_period_s == b->rate_period_s &&
	       a->validity_s == b->validity_s && programs_equal(a, b);
}
