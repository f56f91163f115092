/* Each clause of a response, judged for a person's eyes: nothing is accepted here. */
#include "fas/saml/saml.h"

#include "fas/base/json.h"
#include "fas/saml/reading.h"

struct report {
	json_t *clauses;
	bool good;     /* all so far */
	bool unproven; /* what is judged was not signed, as far as we know */
	bool starved;
};

static const char not_looked_at[] = "not looked at: an earlier clause is bad";

static void
add(struct report *r, const char *name, const char *verdict, const char *reason, const char *why)
{
	json_t *clause = json_pack("{s:s, s:s, s:s*, s:s}", "clause", name, "verdict", verdict,
	    "reason", reason, "why", why);
	if (clause && r->unproven)
		r->starved |= json_object_set_new(clause, "unproven", json_true()) < 0;
	r->starved |= !clause || json_array_append_new(r->clauses, clause) < 0;
}

/* Bad clauses say what they found and wanted, good ones what holds. */
static bool
judge(struct report *r, const char *name, const char *holds, enum fas_code rc, struct fas_err *e)
{
	r->starved |= rc == FAS_E_NOMEM;
	r->good &= rc == FAS_OK;
	add(r, name, rc == FAS_OK ? "good" : "bad", rc == FAS_OK ? NULL : fas_err_reason(e),
	    rc == FAS_OK ? holds : e->message);
	return rc == FAS_OK;
}

static void
skip_rest(struct report *r)
{
	for (size_t i = 0; i < assertion_n_clauses; i++)
		add(r, assertion_clauses[i].name, "unknown", NULL, not_looked_at);
	add(r, "claims", "unknown", NULL, not_looked_at);
}

/* ---- up to the signed assertion ---- */

static bool
parse(struct report *r, struct reading *reading, const uint8_t *xml, size_t len)
{
	struct fas_err e = {0};
	return judge(r, "document",
	    "it is one SAML 2.0 Response with one Assertion, within all bounds",
	    reading_parse(reading, xml, len, &e), &e);
}

static bool
find_idp(struct report *r, const struct reading *reading, const struct saml_trust *trust,
    struct evidence *ev)
{
	struct fas_err e = {0};
	return judge(r, "provider", "Issuer is a configured identity provider",
	    reading_find_idp(reading, trust, ev, &e), &e);
}

/* Of a plain assertion whose signature is bad, the rest is shown as it stands there. */
static bool
prove(struct report *r, struct reading *reading, struct evidence *ev)
{
	struct fas_err e = {0};
	const char *holds = reading->whole.encrypted
				? "the assertion opens, and it or its Response is signed by the "
				  "provider's key"
				: "it is signed by the provider's key";
	if (judge(r, "signature", holds, reading_prove(reading, ev, &e), &e))
		return true;
	ev->response = reading->whole.response;
	ev->assertion = reading->whole.assertion;
	r->unproven = true;
	return ev->assertion != NULL;
}

static bool
find_name_id(struct report *r, struct reading *reading, struct evidence *ev)
{
	struct fas_err e = {0};
	return judge(r, "identifier", "the subject's identifier can be read",
	    reading_find_name_id(reading, ev, &e), &e);
}

/* ---- the assertion ---- */

static json_t *
show_claims(const struct saml_assertion *a)
{
	char sid[SID_TEXT_MAX], guid[GUID_TEXT_MAX];
	return json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "sid",
	    a->has_sid ? sid_format(&a->sid, sid) : NULL, "upn", a->upn, "guid",
	    a->has_guid ? guid_format(&a->guid, guid) : NULL, "email", a->email, "forest",
	    a->forest, "domain", a->domain, "name_id", a->name_id, "name_id_format",
	    a->name_id_format, "session_index", a->session_index, "authn_context",
	    a->authn_context);
}

static json_t *
judge_assertion(struct report *r, const struct evidence *ev)
{
	OWN(assertion) struct saml_assertion *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	for (size_t i = 0; i < assertion_n_clauses; i++) {
		struct fas_err e = {0};
		const struct assertion_clause *c = &assertion_clauses[i];
		judge(r, c->name, c->holds, c->check(ev, a, &e), &e);
	}
	struct fas_err e = {0};
	judge(r, "claims", "they name an account", claims_read(ev, a, &e), &e);
	return show_claims(a);
}

static json_t *
judge_all(struct report *r, struct reading *reading, const struct saml_trust *trust,
    struct evidence *ev, const uint8_t *xml, size_t len)
{
	static const char *const steps[] = {"provider", "signature", "identifier"};
	size_t done = 0;
	if (parse(r, reading, xml, len) && ++done && find_idp(r, reading, trust, ev) && ++done &&
	    prove(r, reading, ev) && ++done && find_name_id(r, reading, ev))
		return judge_assertion(r, ev);
	for (; done < 3; done++)
		add(r, steps[done], "unknown", NULL, not_looked_at);
	skip_rest(r);
	return json_object();
}

enum fas_code
saml_explain(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, json_t **out, struct fas_err *e)
{
	OWN(reading) struct reading reading = {0};
	struct evidence ev = {.expected = expected, .now_s = now_s};
	(void)json_starved();
	OWN(json) json_t *clauses = json_array();
	struct report r = {.clauses = clauses, .good = true, .starved = !clauses};
	OWN(json) json_t *claims = judge_all(&r, &reading, trust, &ev, xml, len);
	*out = NULL;
	if (r.starved || !claims)
		return fas_fail_nomem(e);
	OWN(json)
	json_t *report = json_pack("{s:b, s:b, s:s*, s:O, s:O}", "good", r.good, "encrypted",
	    reading.whole.encrypted != NULL, "provider", ev.idp ? ev.idp->name : NULL, "clauses",
	    clauses, "claims", claims);
	if (!report || json_starved())
		return fas_fail_nomem(e);
	*out = TAKE(report);
	return FAS_OK;
}
