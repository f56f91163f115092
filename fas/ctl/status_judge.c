#include "fas/ctl/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/text.h"

#define DAY_S ((int64_t)86400)
#define SOON_S (30 * DAY_S)

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

/* A certificate that ends: an error once it has, a warning 30 days ahead. */
static void
judge_end(struct findings *out, const char *whose, const char *name, int64_t not_after_s,
    int64_t now_s, const char *remedy)
{
	char when[TIME_TEXT_MAX];
	if (not_after_s == 0 || not_after_s > now_s + SOON_S)
		return;
	time_format(not_after_s, when);
	if (not_after_s <= now_s)
		add(out, true, remedy, "%s%s ended at %s", whose, name, when);
	else
		add(out, false, remedy, "%s%s ends at %s, in %lld days", whose, name, when,
		    (long long)((not_after_s - now_s) / DAY_S));
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
	if (strcmp(state, "ready") != 0)
		add(out, true, "journalctl -u fas-signer", "authority %s is %s", name, state);
	judge_end(out, "the certificate of authority ", name, time_of(authority, "not_after"),
	    now_s, "make the next one: fasctl ca init, fasctl ca install");
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
	const json_t *authorities = json_object_get(signer, "authorities");
	if (json_array_size(authorities) == 0)
		add(out, true, "authorities: in signer.yaml", "the signer has no authority");
	json_array_foreach(authorities, i, authority) judge_authority(out, authority, now_s);
	judge_end(out, "the service CA", "",
	    time_of(json_object_get(signer, "service_ca"), "not_after"), now_s,
	    "renew it, then enrol hosts and storefronts anew (docs/ADMIN.md)");
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

static void
judge_providers(struct findings *out, const json_t *providers, int64_t now_s)
{
	size_t i;
	json_t *provider;
	json_array_foreach(providers, i, provider)
	{
		int64_t end = time_of(provider, "certificate_not_after");
		char when[TIME_TEXT_MAX];
		if (end == 0 || end > now_s + SOON_S)
			continue;
		/* The bare key is pinned, so nothing stops at that moment; the provider changes
		 * keys then. */
		add(out, false, "get its next certificate and list both in fasd.yaml",
		    "the certificate of identity provider %s ends at %s: expect a new key",
		    text_of(provider, "name"), time_format(end, when));
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
	const json_t *link;
	size_t i;
	json_array_foreach(json_object_get(revocation, "links"), i, link)
	{
		bool issues = json_is_true(json_object_get(link, "issues"));
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
	judge_providers(out, json_object_get(fasd, "identity_providers"), now_s);
}

void
status_judge(const json_t *signer, const json_t *fasd, int64_t now_s, struct findings *out)
{
	*out = (struct findings){0};
	judge_signer(out, signer, now_s);
	judge_fasd(out, fasd, now_s);
}
