/* fasctl audit verify: each certificate of ca.db has its records, and each decision its certificate. */
#include "fas/ctl/audit_verify.h"

#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"

#define PAGES_MAX 1000000
#define KEPT_MIN_S 86400 /* `certificates: keep` is at least that (ca/config.h) */

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
users_of(const json_t *page)
{
	json_t *users = json_array();
	size_t i;
	json_t *certificate;
	json_array_foreach(json_object_get(page, "certificates"), i, certificate)
	{
		if (json_is_true(json_object_get(certificate, "user")))
			(void)json_array_append_new(users,
			    json_pack("{s:s,s:s,s:s}", "serial", text_of(certificate, "serial"),
				"correlation_id", text_of(certificate, "correlation_id"), "session",
				text_of(certificate, "session")));
	}
	return users;
}

/*
 * Certificates that lack something, by enum ctl_peer: their decision in fasd's trail, the record of their issue in the
 * signer's.  The ledger is in order: what stands before a certificate of the time before a trail begins is as old, whatever
 * time a clock that ran ahead has given it.
 */
struct lacking {
	json_t *lists[2];
};

static void
judge(struct verification *v, const struct lacking *lacking, enum ctl_peer peer,
    json_t *certificate, bool lacks)
{
	json_t *list = lacking->lists[peer];
	if (verify_is_pruned(v, peer, number(certificate, "created_ms"))) {
		v->pruned += peer == CTL_FASD ? (int64_t)json_array_size(list) + lacks : 0;
		(void)json_array_clear(list);
	} else if (lacks) {
		(void)json_array_append(list, certificate);
	}
}

static int
judge_page(struct verification *v, const struct lacking *lacking, const json_t *page)
{
	OWN(json) json_t *users = users_of(page);
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *missing = json_object();
	size_t i;
	json_t *serial, *certificate;
	int rc = json_array_size(users) == 0
		     ? CLI_OK
		     : ctl_ask(v->args, CTL_FASD,
			   json_pack("{s:s,s:O}", "op", "audit.decisions", "certificates", users),
			   &reply);
	if (rc != CLI_OK)
		return rc;
	json_array_foreach(json_object_get(reply, "missing"), i, serial)
	{
		(void)json_object_set_new(missing, json_string_value(serial), json_true());
	}
	json_array_foreach(json_object_get(page, "certificates"), i, certificate)
	{
		v->certificates++;
		judge(v, lacking, CTL_FASD, certificate,
		    json_object_get(missing, text_of(certificate, "serial")) != NULL);
		judge(v, lacking, CTL_SIGNER, certificate,
		    !json_is_true(json_object_get(certificate, "recorded")));
	}
	return CLI_OK;
}

/* What neither pruning nor an acknowledgement explains. */
static void
tell_lacking(struct verification *v, const struct lacking *lacking)
{
	size_t i;
	const json_t *certificate;
	json_array_foreach(lacking->lists[CTL_SIGNER], i, certificate)
	{
		verify_found(v, TRAIL_SIGNER, 0, "issue_unrecorded",
		    "certificate %s (%s) is in ca.db without the record of its issue",
		    text_of(certificate, "serial"), text_of(certificate, "profile"));
	}
	json_array_foreach(lacking->lists[CTL_FASD], i, certificate)
	{
		if (verify_explains_missing(v, TRAIL_FASD, number(certificate, "created_ms")))
			continue;
		v->lost[CTL_FASD].missing++;
		verify_found_lost(v, TRAIL_FASD, 0, "decision_missing",
		    "certificate %s was issued at fasd's request and fasd has no decision for it",
		    text_of(certificate, "serial"));
	}
}

static int
read_ledger(struct verification *v, const struct lacking *lacking)
{
	json_int_t after = 0;
	for (size_t i = 0; i < PAGES_MAX; i++) {
		OWN(json) json_t *page = NULL;
		int rc = ctl_ask(v->args, CTL_SIGNER,
		    json_pack("{s:s,s:I}", "op", "audit.serials", "after", after), &page);
		if (rc == CLI_OK)
			rc = judge_page(v, lacking, page);
		if (rc != CLI_OK)
			return rc;
		ctl_progress(v->args, "certificates", v->certificates, 0);
		after = json_integer_value(json_object_get(page, "last"));
		if (!json_is_true(json_object_get(page, "more")))
			break;
	}
	return CLI_OK;
}

static int
certificates_have_decisions(struct verification *v)
{
	OWN(json) json_t *undecided = json_array();
	OWN(json) json_t *unrecorded = json_array();
	const struct lacking lacking = {
	    .lists = {[CTL_FASD] = undecided, [CTL_SIGNER] = unrecorded}};
	int rc = read_ledger(v, &lacking);
	if (rc == CLI_OK)
		tell_lacking(v, &lacking);
	return rc;
}

/*
 * The ledger forgets what has ended, and says up to when.  It forgets nothing that may still live: a decision of the last
 * day has its certificate, whatever ca.db says.
 */
static bool
has_ended(struct verification *v, const json_t *decision)
{
	int64_t decided_s = number(decision, "time_ms") / 1000;
	return decided_s < v->ended_before_s && decided_s < clock_now() - KEPT_MIN_S;
}

static void
judge_unknown(struct verification *v, const json_t *decision)
{
	if (has_ended(v, decision)) {
		v->ended++;
		return;
	}
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
	v->ended_before_s = number(reply, "floor");
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
