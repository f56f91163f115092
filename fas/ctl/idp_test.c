/* fasctl idp test NAME: can its people sign in, and for how long?  Each step is tried, from this machine. */
#include "fas/ctl/idp.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/base/text.h"
#include "fas/base/yaml.h"
#include "fas/ctl/render.h"
#include "fas/http/fetch_url.h"
#include "fas/saml/metadata.h"
#include "fas/saml/saml.h"

#define FASD_YAML FAS_SYSCONFDIR "/fasd.yaml"
#define TIMEOUT_MS 15000
#define CLOCK_MAX_S 60
#define SOON_S (30 * 86400)

static const struct render_column columns[] = {
    {"", "verdict", RENDER_TEXT},
    {"CHECK", "check", RENDER_TEXT},
    {"FINDING", "finding", RENDER_TEXT},
};

struct trial {
	struct saml_trust *trust;
	size_t i; /* the provider */
	json_t *rows;
	bool bad;
};

static void
trial_done(struct trial *t)
{
	saml_trust_free(t->trust);
	json_decref(t->rows);
}
DEFINE_OWN_IN_PLACE(trial, struct trial, trial_done);

PRINTF_LIKE(4, 5)
static void
say(struct trial *t, const char *verdict, const char *check, const char *fmt, ...)
{
	char finding[FAS_ERR_MESSAGE_MAX];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(finding, sizeof(finding), fmt, args);
	va_end(args);
	t->bad |= strcmp(verdict, "BAD") == 0;
	(void)json_array_append_new(t->rows,
	    json_pack("{s:s, s:s, s:s}", "verdict", verdict, "check", check, "finding", finding));
}

/* ---- the entry ---- */

static const struct yaml_node *
find_list(const struct yaml_node *root)
{
	for (size_t i = 0; root->kind == YAML_MAP && i < root->n; i++) {
		if (strcmp(root->items[i]->key, "identity_providers") == 0)
			return root->items[i];
	}
	return NULL;
}

static enum fas_code
load(struct trial *t, const char *path, const char *name, struct fas_err *e)
{
	OWN(yaml) struct yaml_doc *doc = NULL;
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	(void)snprintf(
	    folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	enum fas_code rc = yaml_load(path, &doc, e);
	if (rc != FAS_OK)
		return rc;
	const struct yaml_node *list = find_list(yaml_root(doc));
	if (!list)
		return fas_fail(
		    e, FAS_E_CONFIG, "yaml_missing_key", "%s: no identity_providers", path);
	if ((rc = saml_trust_load(list, folder, &t->trust, e)) != FAS_OK)
		return rc;
	while (
	    t->i < saml_trust_count(t->trust) && strcmp(saml_trust_name(t->trust, t->i), name) != 0)
		t->i++;
	if (t->i == saml_trust_count(t->trust))
		return fas_fail(e, FAS_E_NOTFOUND, "idp_unknown",
		    "%s has no identity provider %.64s", path, name);
	return FAS_OK;
}

/* ---- the steps ---- */

/* What the URL gives now is taken for the rest of the trial. */
static enum fas_code
fetch_metadata(struct trial *t, const struct saml_metadata_state *state, struct fas_err *e)
{
	OWN(text) char *bytes = NULL;
	OWN(saml_entity) struct saml_entity *entity = NULL;
	size_t len = 0;
	enum fas_code rc = idp_read_source(state->location, state->ca_file, &bytes, &len, e);
	if (rc == FAS_OK)
		rc = saml_trust_judge(
		    t->trust, t->i, (const uint8_t *)bytes, len, clock_now(), &entity, e);
	if (rc == FAS_OK)
		rc = saml_trust_renew(t->trust, t->i, entity, clock_now(), e);
	return rc;
}

static void
try_metadata(struct trial *t)
{
	char end[TIME_TEXT_MAX];
	struct fas_err e = {0};
	struct saml_metadata_state state;
	if (!saml_trust_metadata(t->trust, t->i, &state)) {
		say(t, "-", "metadata", "none: the entry says all itself");
		return;
	}
	if (state.is_url && fetch_metadata(t, &state, &e) != FAS_OK) {
		say(t, "BAD", "metadata", "%.200s: %s (%s)", state.location, e.message,
		    fas_err_reason(&e));
		return;
	}
	(void)saml_trust_metadata(t->trust, t->i, &state);
	if (state.pending)
		say(t, "BAD", "metadata", "%.200s: %s", state.location, state.trouble);
	else
		say(t, "ok", "metadata", "%.200s, valid %s%s", state.location,
		    state.valid_until_s != 0 ? "until " : "for ever",
		    state.valid_until_s != 0 ? time_format(state.valid_until_s, end) : "");
}

/* The bare key is pinned: its certificate's end stops nothing, but the provider changes keys then. */
static void
try_certificates(struct trial *t)
{
	char text[TIME_TEXT_MAX];
	int64_t end_s = saml_trust_not_after(t->trust, t->i), now_s = clock_now();
	if (end_s == 0)
		say(t, "BAD", "certificates", "there are none");
	else
		say(t, end_s < now_s + SOON_S ? "warning" : "ok", "certificates",
		    "the first one ends at %s", time_format(end_s, text));
}

static void
try_sign_on(struct trial *t)
{
	struct fas_err e = {0};
	int64_t date_s = 0, off_s;
	const char *url = saml_trust_sign_on_url(t->trust, t->i);
	if (!url) {
		say(t, "-", "sign-on", "no URL: people cannot be sent there from a front");
		return;
	}
	if (fetch_url_probe(url, NULL, TIMEOUT_MS, &date_s, &e) != FAS_OK) {
		say(t, "BAD", "sign-on", "%.200s: %s (%s)", url, e.message, fas_err_reason(&e));
		return;
	}
	say(t, "ok", "sign-on", "%.200s answers", url);
	off_s = date_s - clock_now();
	if (date_s == 0)
		say(t, "-", "clock", "its server does not say what time it is");
	else
		say(t, llabs((long long)off_s) > CLOCK_MAX_S ? "BAD" : "ok", "clock",
		    "its server's clock is %lld s %s ours", llabs((long long)off_s),
		    off_s < 0 ? "behind" : "before");
}

int
ctl_idp_test(const struct cli_args *args)
{
	struct fas_err e = {0};
	const char *path = cli_text(args, "config");
	OWN(idp_room) bool room = false;
	OWN(trial) struct trial t = {.rows = json_array()};
	enum fas_code rc = saml_init(&e);
	room = rc == FAS_OK;
	if (rc == FAS_OK)
		rc = fetch_url_init(&e);
	if (rc == FAS_OK)
		rc = load(&t, path ? path : FASD_YAML, args->argument, &e);
	if (rc != FAS_OK)
		return cli_fail(args, &e);
	try_metadata(&t);
	try_certificates(&t);
	try_sign_on(&t);
	if (cli_flag(args, "json"))
		render_json(args->out, t.rows);
	else
		render_table(args->out, t.rows, columns, NELEMS(columns), "");
	return t.bad ? CLI_DEFECT : CLI_OK;
}
