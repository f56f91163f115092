#include "fas/ctl/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/text.h"

#define DAY_S ((int64_t)86400)

/* One finding: what, and what to do about it. */
PRINTF_LIKE(4, 5)
static void
add(struct findings *out, bool error, const char *remedy, const char *fmt, ...)
{
	va_list args;
	if (out->n == FINDINGS_MAX)
		return;
	struct finding *f = &out->items[out->n++];
	f->error = error;
	out->errors += error;
	va_start(args, fmt);
	(void)vsnprintf(f->what, sizeof(f->what), fmt, args);
	va_end(args);
	(void)snprintf(f->remedy, sizeof(f->remedy), "%s", remedy);
}

static const char *
text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	return text ? text : "";
}

/* The signer gives seconds since 1970, fasd RFC 3339; 0 when there is no time. */
static int64_t
time_of(const json_t *object, const char *member)
{
	int64_t at = 0;
	const json_t *value = json_object_get(object, member);
	if (json_is_string(value))
		return time_parse(json_string_value(value), &at) ? at : 0;
	return json_integer_value(value);
}

/* What ends, as both services judge it (fas/base/ends.h): whose it is, what stops then, and what to do. */
static const struct end_kind {
	const char *what, *whose, *remedy;
	bool fatal; /* its end is an error: something stops */
} end_kinds[] = {
    {"authority", "the certificate of authority ",
	"fasctl ca init --next, or fasctl ca csr --renewal; sign, install, fasctl ca rotate", true},
    {"root", "the root's certificate ",
	"a new root; then fasctl ca init --next below it (docs/ADMIN.md)", true},
    {"root_crl", "the root's CRL ",
	"make the next one at the offline root, then fasctl ca root-crl --crl FILE", true},
    {"crl", "the CRL of ", "fasctl crl publish; journalctl -u fas-signer", true},
    {"service_ca", "the service CA ",
	"fasctl ca renew-service (docs/ADMIN.md, \"The service CA ends\")", true},
    {"tls", "the API's certificate of node ",
	"it renews itself: journalctl -u fasd says why it did not", true},
    {"front", "the front's certificate of node ",
	"put the next one where fasd.yaml names it, then fasctl config reload", true},
    /* The bare key is pinned, so nothing stops at that moment; the provider changes keys then. */
    {"provider", "the certificate of identity provider ",
	"expect a new key: get its next certificate and list both in fasd.yaml", false},
};

static const struct end_kind *
find_kind(const char *what)
{
	for (size_t i = 0; i < NELEMS(end_kinds); i++) {
		if (strcmp(end_kinds[i].what, what) == 0)
			return &end_kinds[i];
	}
	return NULL;
}

/* Of the CRL of the generation that issues judge_crl says more. */
static bool
is_judged(const json_t *authorities, const char *what, const char *name)
{
	size_t i;
	json_t *at;
	char stem[64];
	json_array_foreach(authorities, i, at)
	{
		(void)snprintf(stem, sizeof(stem), "%s-%lld", text_of(at, "name"),
		    (long long)json_integer_value(json_object_get(at, "generation")));
		if (strcmp(what, "crl") == 0 && strcmp(stem, name) == 0)
			return true;
	}
	return false;
}

static void
judge_ends(struct findings *out, const json_t *ends, const json_t *authorities, int64_t now_s)
{
	size_t i;
	json_t *end;
	json_array_foreach(ends, i, end)
	{
		char when[TIME_TEXT_MAX];
		int64_t at_s = time_of(end, "not_after");
		const char *name = text_of(end, "name");
		const struct end_kind *kind = find_kind(text_of(end, "what"));
		if (!kind || json_integer_value(json_object_get(end, "alarm")) == 0 ||
		    is_judged(authorities, kind->what, name))
			continue;
		time_format(at_s, when);
		if (at_s <= now_s)
			add(out, kind->fatal, kind->remedy, "%s%s ended at %s", kind->whose, name,
			    when);
		else
			add(out, false, kind->remedy, "%s%s ends at %s, in %lld days", kind->whose,
			    name, when, (long long)((at_s - now_s) / DAY_S));
	}
}

/* ---- the signer ---- */

static void
judge_crl(struct findings *out, const char *name, const json_t *crl, int64_t now_s)
{
	char when[TIME_TEXT_MAX];
	int64_t next = time_of(crl, "next_update"), since = time_of(crl, "this_update");
	if (next == 0) {
		add(out, true, "fasctl crl publish", "authority %s has no CRL: every logon fails",
		    name);
		return;
	}
	time_format(next, when);
	if (next <= now_s)
		add(out, true,
		    "fasctl crl publish; then look why the schedule stopped: "
		    "journalctl -u fas-signer",
		    "the CRL of authority %s ended at %s: every logon fails", name, when);
	else if (next - now_s < (next - since) / 4)
		add(out, false, "fasctl crl publish; journalctl -u fas-signer",
		    "the CRL of authority %s ends at %s and has not been renewed", name, when);
}

static void
judge_authority(struct findings *out, const json_t *authority, int64_t now_s)
{
	const char *name = text_of(authority, "name");
	const char *state = text_of(authority, "state");
	if (strcmp(state, "no_certificate") == 0) {
		add(out, true, "fasctl ca init, sign the request at your root, fasctl ca install",
		    "authority %s has no certificate: it cannot issue", name);
		return;
	}
	if (strcmp(state, "no_key") == 0) {
		add(out, true, "put its key file or token back, then restart fas-signer",
		    "authority %s has no key: %s", name, text_of(authority, "trouble"));
		return;
	}
	if (strcmp(state, "ready") != 0)
		add(out, true, "journalctl -u fas-signer", "authority %s is %s", name, state);
	judge_crl(out, name, json_object_get(authority, "crl"), now_s);
}

/* By an administrator's hand: no fault, but nobody else may know why nobody can log on. */
static void
judge_acts(struct findings *out, const json_t *acts)
{
	char when[TIME_TEXT_MAX];
	int64_t stopped_s = time_of(acts, "stopped_since");
	json_int_t holds = json_integer_value(json_object_get(acts, "holds"));
	if (stopped_s > 0)
		add(out, true, "fasctl cert release --everything (docs/ADMIN.md, kill switch)",
		    "all issuing is stopped since %s: nobody can log on",
		    time_format(stopped_s, when));
	else if (holds > 0)
		add(out, false, "fasctl cert holds; fasctl cert release",
		    "%lld hold%s in force: what %s cover%s gets no certificate", (long long)holds,
		    holds == 1 ? " is" : "s are", holds == 1 ? "it" : "they",
		    holds == 1 ? "s" : "");
}

static void
judge_signer(struct findings *out, const json_t *signer, int64_t now_s)
{
	size_t i;
	json_t *authority;
	if (!signer) {
		add(out, true, "systemctl status fas-signer; journalctl -u fas-signer",
		    "fas-signer does not answer: no certificate can be issued");
		return;
	}
	const json_t *failure = json_object_get(signer, "failure");
	if (failure)
		add(out, true, "docs/ADMIN.md, When something breaks; journalctl -u fas-signer",
		    "fas-signer cannot issue: %s", text_of(failure, "message"));
	judge_acts(out, json_object_get(signer, "acts"));
	if (json_is_true(json_object_get(signer, "limits_wait")))
		add(out, false, "fasctl limits reload, and another person: fasctl proposal approve",
		    "limits.yaml has changed; what two persons agreed on last is in force");
	const json_t *authorities = json_object_get(signer, "authorities");
	if (json_array_size(authorities) == 0)
		add(out, true, "authorities: in signer.yaml", "the signer has no authority");
	json_array_foreach(authorities, i, authority) judge_authority(out, authority, now_s);
	judge_ends(out, json_object_get(signer, "ends"), authorities, now_s);
}

/* ---- fasd ---- */

static void
judge_policy(struct findings *out, const json_t *policy)
{
	const json_t *unresolved = json_object_get(policy, "unresolved");
	json_int_t rules = json_integer_value(json_object_get(policy, "rules"));
	json_int_t n = json_is_array(unresolved) ? (json_int_t)json_array_size(unresolved)
						 : json_integer_value(unresolved);
	if (policy && rules == 0)
		add(out, true, "write rules (docs/POLICY.md), then fasctl policy reload",
		    "the policy has no rule: every logon is denied");
	if (n > 0)
		add(out, true,
		    "correct the group's name in the rule, or wait for the directory; "
		    "fasctl policy explain shows whom it denies",
		    "%lld group%s of the policy %s not known to the directory: those rules deny",
		    (long long)n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
}

/* Is any controller of this entry's domain reachable? */
static bool
domain_answers(const json_t *directory, const char *domain)
{
	size_t i;
	json_t *entry;
	json_array_foreach(directory, i, entry)
	{
		if (strcmp(text_of(entry, "domain"), domain) == 0 &&
		    json_is_true(json_object_get(entry, "reachable")))
			return true;
	}
	return false;
}

static void
judge_directory(struct findings *out, const json_t *directory)
{
	size_t i;
	json_t *entry;
	json_array_foreach(directory, i, entry)
	{
		const char *domain = text_of(entry, "domain");
		const char *controller = text_of(entry, "controller");
		/* Without a failure it just has not been needed yet. */
		if (json_is_true(json_object_get(entry, "reachable")) ||
		    json_integer_value(json_object_get(entry, "failures")) == 0)
			continue;
		if (domain_answers(directory, domain))
			add(out, false, "look at that domain controller; the others serve",
			    "domain controller %s of %s does not answer", controller, domain);
		else
			add(out, true,
			    "network, DNS, time and keytab of fasd's account: journalctl -u fasd",
			    "domain controller %s of %s does not answer, and no other: its users "
			    "cannot log on",
			    controller, domain);
	}
}

/* fasd's own checks, but for what the signer's answer shows better. */
static void
judge_checks(struct findings *out, const json_t *checks)
{
	static const char *const names[] = {"database", "clock", "policy", "api", "directory"};
	for (size_t i = 0; i < NELEMS(names); i++) {
		const json_t *check = json_object_get(checks, names[i]);
		bool known = strcmp(names[i], "directory") == 0 && out->errors > 0;
		if (json_is_false(json_object_get(check, "ok")) && !known)
			add(out, true, "journalctl -u fasd", "fasd, %s: %s", names[i],
			    text_of(check, "message"));
	}
}

/* ---- published objects: what the watchdog has seen ---- */

/* What to do about a place, by what is wrong with it. */
static const struct {
	const char *reason, *remedy;
} place_remedies[] = {
    {"host_unknown", "the name of publish_urls must be found in DNS, from here and from the domain "
		     "controllers"},
    {"fetch_", "is whoever serves publish_urls running, and reachable through the firewall?"},
    {"http_", "look at the server behind publish_urls: it has to give the file with status 200"},
    {"crl_ended", "publish a new one there: fasctl crl publish; of a root: sign one, and copy it"},
    {"crl_wrong_", "another authority's CRL lies there: copy the right file"},
    {"crl_old", "the copy there is old: look at what brings the CRL to it; fasctl crl publish"},
    {"crl_went_back", "an older CRL was put there: fasctl crl publish; look at what copies it"},
    {"crl_not_begun", "clocks disagree: chronyc tracking, here and where the CRL is signed"},
    {"crl_malformed", "what lies there is no CRL in DER: copy the .crl file, not the .pem"},
    {"ldap_no_", "publish it there: fasctl publish, or fasctl publish --ldif for an administrator"},
    {"certificate_other", "copy the authority's certificate, DER, from the public folder there"},
};

static const char *
remedy_of(const char *reason)
{
	for (size_t i = 0; i < NELEMS(place_remedies); i++) {
		const char *known = place_remedies[i].reason;
		size_t len = strlen(known);
		bool family = known[len - 1] == '_';
		if (family ? strncmp(known, reason, len) == 0 : strcmp(known, reason) == 0)
			return place_remedies[i].remedy;
	}
	return "fasctl crl verify says what was seen; docs/ADMIN.md, Runbooks";
}

static void
judge_places(struct findings *out, const json_t *link)
{
	const json_t *place;
	size_t i;
	json_array_foreach(json_object_get(link, "places"), i, place)
	{
		if (json_is_true(json_object_get(place, "alarm")))
			add(out, false, remedy_of(text_of(place, "reason")), "%.120s: %.110s",
			    text_of(place, "url"), text_of(place, "message"));
	}
}

static void
judge_revocation(struct findings *out, const json_t *revocation)
{
	const json_t *link, *name;
	size_t i;
	json_array_foreach(json_object_get(revocation, "stopped"), i, name)
	    add(out, true, "fasctl crl verify; docs/ADMIN.md, Runbook: issuing_stopped",
		"the watchdog has stopped issuing under authority %.64s",
		json_is_string(name) ? json_string_value(name) : "?");
	json_array_foreach(json_object_get(revocation, "links"), i, link)
	{
		bool issues = json_array_size(json_object_get(link, "for")) > 0;
		if (json_is_true(json_object_get(link, "alarm")))
			add(out, issues, "fasctl crl verify; docs/ADMIN.md, Runbooks",
			    "domain controllers find no fresh CRL for %.100s%s",
			    text_of(link, "certificates"),
			    issues ? ": logons fail" : ": its last certificates are refused");
		judge_places(out, link);
	}
}

/* What `publish:` looks after in the directory.  The places of one kind have one remedy: the first is shown, and how many. */
static void
judge_objects(struct findings *out, const json_t *seen)
{
	const json_t *object, *first = NULL;
	size_t i;
	long long n = 0;
	const char *remedy =
	    "fasctl publish --ldif prints what an administrator has to import, and "
	    "what the account may be let to do itself";
	if (json_object_get(seen, "reason"))
		add(out, false, "journalctl -u fasd",
		    "nobody knows what is published in the directory: %.150s",
		    text_of(seen, "message"));
	json_array_foreach(json_object_get(seen, "objects"), i, object)
	{
		if (json_is_true(json_object_get(object, "ok")))
			continue;
		n++;
		first = first ? first : object;
	}
	if (n > 0)
		add(out, false, remedy,
		    "%lld object%s missing or old in the directory: %.90s: %.70s", n,
		    n == 1 ? " is" : "s are", text_of(first, "object"), text_of(first, "message"));
}

static void
judge_providers(struct findings *out, const json_t *providers)
{
	const json_t *provider;
	size_t i;
	json_array_foreach(providers, i, provider)
	{
		const json_t *metadata = json_object_get(provider, "metadata");
		const char *name = text_of(provider, "name");
		if (!metadata || json_is_true(json_object_get(metadata, "ok")))
			continue;
		if (json_is_true(json_object_get(metadata, "pending")))
			add(out, true, "fasctl idp test; docs/ADMIN.md, Runbook: metadata_alarm",
			    "nobody of identity provider %.64s can sign in: %.200s", name,
			    text_of(metadata, "message"));
		else
			add(out, false, "fasctl idp test; docs/ADMIN.md, Runbook: metadata_alarm",
			    "the metadata of identity provider %.64s are of %.32s and could not be "
			    "refreshed",
			    name, text_of(metadata, "fetched_at"));
	}
}

static void
judge_fasd(struct findings *out, const json_t *fasd, int64_t now_s)
{
	if (!fasd) {
		add(out, true, "systemctl status fasd; journalctl -u fasd",
		    "fasd does not answer: nobody can log on");
		return;
	}
	if (json_is_true(json_object_get(fasd, "maintenance")))
		add(out, true, "end it when you are done",
		    "fasd is in maintenance: it refuses logons");
	if (json_object_get(json_object_get(fasd, "signer"), "error"))
		add(out, true, "signer: socket: in fasd.yaml; systemctl status fas-signer",
		    "fasd does not reach the signer");
	judge_policy(out, json_object_get(fasd, "policy"));
	judge_directory(out, json_object_get(fasd, "directory"));
	judge_checks(out, json_object_get(fasd, "checks"));
	judge_revocation(out, json_object_get(fasd, "revocation"));
	judge_objects(out, json_object_get(fasd, "directory_objects"));
	judge_providers(out, json_object_get(fasd, "identity_providers"));
	judge_ends(out, json_object_get(fasd, "ends"), NULL, now_s);
}

void
status_judge(const json_t *signer, const json_t *fasd, int64_t now_s, struct findings *out)
{
	*out = (struct findings){0};
	judge_signer(out, signer, now_s);
	judge_fasd(out, fasd, now_s);
}
