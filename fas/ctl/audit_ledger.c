/* fasctl audit verify: each certificate of ca.db has its records, and each decision its certificate. */
#include "fas/ctl/audit_verify.h"

#include <string.h>

#include "fas/base/json.h"

#define PAGES_MAX 1000000

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static int64_t
number(const json_t *object, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(object, name));
}

/* Those that fasd must have decided; the others are an administrator's or a machine's, on the signer's record alone. */
static json_t *
users_of(struct verification *v, const json_t *page)
{
	json_t *users = json_array();
	size_t i;
	json_t *certificate;
	json_array_foreach(json_object_get(page, "certificates"), i, certificate)
	{
		v->certificates++;
		if (!json_is_true(json_object_get(certificate, "recorded")) &&
		    !verify_is_pruned(v, CTL_SIGNER, number(certificate, "created_ms")))
			verify_found(v, TRAIL_SIGNER, 0, "issue_unrecorded",
			    "certificate %s (%s) is in ca.db without the record of its issue",
			    text_of(certificate, "serial"), text_of(certificate, "profile"));
		if (json_is_true(json_object_get(certificate, "user")))
			(void)json_array_append_new(users,
			    json_pack("{s:s,s:s,s:s}", "serial", text_of(certificate, "serial"),
				"correlation_id", text_of(certificate, "correlation_id"), "session",
				text_of(certificate, "session")));
	}
	return users;
}

/* No decision: pruned, lost with an old fas.db, or never made. */
static void
judge_missing(struct verification *v, const json_t *page, const char *serial)
{
	int64_t created_ms = 0;
	size_t i;
	const json_t *certificate;
	json_array_foreach(json_object_get(page, "certificates"), i, certificate)
	{
		if (strcmp(text_of(certificate, "serial"), serial) == 0)
			created_ms = number(certificate, "created_ms");
	}
	if (verify_is_pruned(v, CTL_FASD, created_ms)) {
		v->pruned++;
		return;
	}
	if (verify_explains_missing(v, TRAIL_FASD, created_ms))
		return;
	v->lost[CTL_FASD].missing++;
	verify_found_lost(v, TRAIL_FASD, 0, "decision_missing",
	    "certificate %s was issued at fasd's request and fasd has no decision for it", serial);
}

static int
find_decisions(struct verification *v, const json_t *page)
{
	OWN(json) json_t *users = users_of(v, page);
	OWN(json) json_t *reply = NULL;
	size_t i;
	const json_t *serial;
	if (json_array_size(users) == 0)
		return CLI_OK;
	int rc = ctl_ask(v->args, CTL_FASD,
	    json_pack("{s:s,s:O}", "op", "audit.decisions", "certificates", users), &reply);
	if (rc != CLI_OK)
		return rc;
	json_array_foreach(json_object_get(reply, "missing"), i, serial)
	{
		judge_missing(v, page, json_string_value(serial) ? json_string_value(serial) : "");
	}
	return CLI_OK;
}

static int
certificates_have_decisions(struct verification *v)
{
	json_int_t after = 0;
	for (size_t i = 0; i < PAGES_MAX; i++) {
		OWN(json) json_t *page = NULL;
		int rc = ctl_ask(v->args, CTL_SIGNER,
		    json_pack("{s:s,s:I}", "op", "audit.serials", "after", after), &page);
		if (rc == CLI_OK)
			rc = find_decisions(v, page);
		if (rc != CLI_OK)
			return rc;
		ctl_progress(v->args, "certificates", v->certificates, 0);
		after = json_integer_value(json_object_get(page, "last"));
		if (!json_is_true(json_object_get(page, "more")))
			break;
	}
	return CLI_OK;
}

static void
judge_unknown(struct verification *v, const json_t *decision)
{
	if (verify_explains_missing(v, TRAIL_SIGNER, number(decision, "time_ms")))
		return;
	v->lost[CTL_SIGNER].missing++;
	verify_found_lost(v, TRAIL_FASD, number(decision, "seq"), "certificate_missing",
	    "fasd recorded the issue of %s, which ca.db does not know",
	    text_of(decision, "serial"));
}

static int
find_certificates(struct verification *v, const json_t *issued)
{
	OWN(json) json_t *serials = json_array();
	OWN(json) json_t *reply = NULL;
	size_t i, k;
	json_t *row, *unknown;
	json_array_foreach(issued, i, row)
	{
		v->decisions++;
		(void)json_array_append(serials, json_object_get(row, "serial"));
	}
	if (json_array_size(serials) == 0)
		return CLI_OK;
	int rc = ctl_ask(v->args, CTL_SIGNER,
	    json_pack("{s:s,s:O}", "op", "audit.known", "serials", serials), &reply);
	if (rc != CLI_OK)
		return rc;
	json_array_foreach(json_object_get(reply, "unknown"), k, unknown)
	{
		json_array_foreach(issued, i, row)
		{
			if (json_equal(json_object_get(row, "serial"), unknown))
				judge_unknown(v, row);
		}
	}
	return CLI_OK;
}

static int
decisions_have_certificates(struct verification *v)
{
	json_int_t after = 0;
	for (size_t i = 0; i < PAGES_MAX; i++) {
		OWN(json) json_t *page = NULL;
		int rc = ctl_ask(v->args, CTL_FASD,
		    json_pack("{s:s,s:I}", "op", "audit.issued", "after", after), &page);
		if (rc == CLI_OK)
			rc = find_certificates(v, json_object_get(page, "issued"));
		if (rc != CLI_OK)
			return rc;
		ctl_progress(v->args, "decisions", v->decisions, 0);
		after = json_integer_value(json_object_get(page, "last"));
		if (!json_is_true(json_object_get(page, "more")))
			break;
	}
	return CLI_OK;
}

int
verify_ledger(struct verification *v)
{
	int rc = certificates_have_decisions(v);
	return rc == CLI_OK ? decisions_have_certificates(v) : rc;
}
