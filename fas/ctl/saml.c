/* fasctl saml check FILE: what fasd would say of a SAML response, clause by clause.  Nothing is accepted, no service asked. */
#include "fas/ctl/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/base/yaml.h"
#include "fas/ctl/render.h"
#include "fas/saml/saml.h"
#include "fas/saml/sp.h"

#define FASD_YAML FAS_SYSCONFDIR "/fasd.yaml"
#define FILE_MAX ((size_t)2 * SAML_RESPONSE_MAX) /* base64 and line breaks */
#define PROVIDERS_MAX 256
#define URL_MAX 1024

static const struct render_column fields[] = {
    {"provider", "provider", RENDER_TEXT},
    {"encrypted", "encrypted", RENDER_FLAG},
    {"decryption", "decryption", RENDER_TEXT},
};

static const struct render_column columns[] = {
    {"", "verdict", RENDER_TEXT},
    {"CLAUSE", "clause", RENDER_TEXT},
    {"REASON", "reason", RENDER_TEXT},
    {"WHY", "why", RENDER_TEXT},
};

static const struct render_column claims[] = {
    {"SID", "sid", RENDER_TEXT},
    {"UPN", "upn", RENDER_TEXT},
    {"GUID", "guid", RENDER_TEXT},
    {"e-mail", "email", RENDER_TEXT},
    {"forest", "forest", RENDER_TEXT},
    {"domain", "domain", RENDER_TEXT},
    {"NameID", "name_id", RENDER_TEXT},
    {"its format", "name_id_format", RENDER_TEXT},
    {"session index", "session_index", RENDER_TEXT},
    {"authentication", "authn_context", RENDER_TEXT},
};

/* What fasd.yaml says of the providers, of our own keys and of the server that was asked for. */
struct trust {
	struct yaml_doc *doc;
	char folder[PATH_MAX];
	struct saml_trust *idps;
	struct saml_sp *sp;
	char no_sp[FAS_ERR_MESSAGE_MAX]; /* why there are none, where there should be some */
	char acs_url[URL_MAX];
	const char *providers[PROVIDERS_MAX];
	struct saml_expectation expected;
};

static void
trust_done(struct trust *t)
{
	saml_trust_free(t->idps);
	saml_sp_free(t->sp);
	if (t->doc)
		yaml_doc_free(t->doc);
}

DEFINE_OWN_IN_PLACE(trust, struct trust, trust_done);

/* ---- fasd.yaml ---- */

static const struct yaml_node *
member(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++) {
		if (strcmp(map->items[i]->key, key) == 0)
			return map->items[i];
	}
	return NULL;
}

static const char *
text_at(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = member(map, key);
	return node ? node->text : NULL;
}

/* Keys that only fasd may read do not hinder a look at what is not encrypted. */
static void
load_sp(struct trust *t)
{
	struct fas_err why = {0};
	const struct yaml_node *saml = member(yaml_root(t->doc), "saml");
	if (saml && saml_sp_load(saml, t->folder, &t->sp, &why) != FAS_OK)
		(void)snprintf(t->no_sp, sizeof(t->no_sp), "%s", why.message);
	t->expected.sp = t->sp;
}

/* Where fasd keeps the last good copies of what the providers' URLs gave; false: the file does not say where. */
static bool
find_copies(const struct trust *t, char out[PATH_MAX])
{
	const char *state = text_at(yaml_root(t->doc), "state");
	bool is_absolute = state && state[0] == '/';
	int n = snprintf(out, PATH_MAX, "%s%s%s/metadata", is_absolute ? "" : t->folder,
	    is_absolute ? "" : "/", state ? state : "");
	return state && n >= 0 && n < PATH_MAX;
}

static enum fas_code
load_providers(struct trust *t, const char *path, int64_t now_s, struct fas_err *e)
{
	char copies[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = snprintf(t->folder, sizeof(t->folder), "%.*s", slash ? (int)(slash - path) : 1,
	    slash ? path : ".");
	if (n < 0 || (size_t)n >= sizeof(t->folder))
		return fas_fail(e, FAS_E_INPUT, "path_too_long", "%s: too long a path", path);
	enum fas_code rc = yaml_load(path, &t->doc, e);
	if (rc != FAS_OK)
		return rc;
	const struct yaml_node *idps = member(yaml_root(t->doc), "identity_providers");
	if (!idps)
		return fas_fail(
		    e, FAS_E_CONFIG, "yaml_missing_key", "%s: no identity_providers", path);
	rc = saml_trust_load_with(
	    idps, t->folder, find_copies(t, copies) ? copies : NULL, now_s, &t->idps, e);
	load_sp(t);
	return rc;
}

static const struct yaml_node *
find_server(const struct yaml_node *front, const char *name)
{
	const struct yaml_node *servers = member(front, "servers");
	for (size_t i = 0; servers && i < servers->n; i++) {
		const char *text = text_at(servers->items[i], "name");
		if (text && strcmp(text, name) == 0)
			return servers->items[i];
	}
	return NULL;
}

/* As a browser would have posted it to this virtual server. */
static enum fas_code
expect_server(struct trust *t, const char *name, struct fas_err *e)
{
	const struct yaml_node *front = member(yaml_root(t->doc), "front");
	const struct yaml_node *server = find_server(front, name);
	const struct yaml_node *providers = member(server, "providers");
	const char *url = text_at(front, "url");
	bool is_default = strcmp(name, "default") == 0;
	if (!server || !url)
		return fas_fail(e, FAS_E_NOTFOUND, "server_unknown",
		    "fasd.yaml: no virtual server \"%s\" in front", name);
	(void)snprintf(t->acs_url, sizeof(t->acs_url), "%s/saml%s%s/acs", url,
	    is_default ? "" : "/v/", is_default ? "" : name);
	t->expected.entity_id = text_at(server, "entity_id");
	t->expected.acs_url = t->acs_url;
	for (size_t i = 0; providers && i < providers->n && i < PROVIDERS_MAX; i++)
		t->providers[t->expected.n_providers++] = providers->items[i]->text;
	t->expected.providers = t->providers;
	return FAS_OK;
}

/* ---- the response ---- */

/* XML as it is, else base64 as the browser posts it. */
static enum fas_code
load_response(const char *path, uint8_t **out, size_t *len, struct fas_err *e)
{
	OWN(text) char *text = NULL;
	size_t n = 0;
	enum fas_code rc = file_read(path, FILE_MAX, &text, &n, e);
	if (rc != FAS_OK)
		return rc;
	if (text[strspn(text, " \t\r\n")] != '<')
		return base64_decode(text, n, true, out, len, e);
	*len = n;
	*out = (uint8_t *)TAKE(text);
	return FAS_OK;
}

/* ---- what is said ---- */

static int
show(const struct cli_args *args, json_t *report)
{
	bool good = json_is_true(json_object_get(report, "good"));
	if (cli_flag(args, "json")) {
		render_json(args->out, report);
		return good ? CLI_OK : CLI_DEFECT;
	}
	render_fields(args->out, report, fields, NELEMS(fields));
	(void)fputc('\n', args->out);
	render_table(args->out, json_object_get(report, "clauses"), columns, NELEMS(columns), "");
	(void)fputc('\n', args->out);
	render_fields(args->out, json_object_get(report, "claims"), claims, NELEMS(claims));
	(void)fprintf(args->out, "\n%s\n",
	    good
		? "fasd would take it, if it was not used before."
		: "fasd would refuse it.  Of a response whose signature is bad nothing is proven.");
	return good ? CLI_OK : CLI_DEFECT;
}

static enum fas_code
explain(
    const struct cli_args *args, struct trust *t, int64_t now_s, json_t **out, struct fas_err *e)
{
	OWN(bytes) uint8_t *xml = NULL;
	const char *server = cli_text(args, "server"), *config = cli_text(args, "config");
	size_t len = 0;
	enum fas_code rc = load_providers(t, config ? config : FASD_YAML, now_s, e);
	if (rc == FAS_OK && server)
		rc = expect_server(t, server, e);
	t->expected.in_response_to = cli_text(args, "request");
	if (rc == FAS_OK)
		rc = load_response(args->argument, &xml, &len, e);
	if (rc == FAS_OK)
		rc = saml_explain(t->idps, xml, len, &t->expected, now_s, out, e);
	if (rc == FAS_OK && *t->no_sp)
		(void)json_object_set_new(*out, "decryption", json_string(t->no_sp));
	return rc;
}

static int
run_check(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(trust) struct trust trust = {0};
	OWN(json) json_t *report = NULL;
	const char *now = cli_text(args, "now");
	int64_t now_s = clock_now();
	if (now && !time_parse(now, &now_s))
		return cli_usage(args, "--now \"%s\": want such as 2026-11-23T03:33:20Z", now);
	enum fas_code rc = saml_init(&e);
	if (rc != FAS_OK)
		return cli_fail(args, &e);
	rc = explain(args, &trust, now_s, &report, &e);
	int status = rc == FAS_OK ? show(args, report) : cli_fail(args, &e);
	trust_done(&trust);
	trust = (struct trust){0};
	saml_done();
	return status;
}

static const struct cli_option options[] = {
    {"config", "FILE", "default: " FASD_YAML, 0},
    {"server", "NAME",
	"as posted to this virtual server of front; default: as a storefront presents it", 0},
    {"request", "ID", "the request that it answers; default: nobody has asked", 0},
    {"now", "TIME", "judge it as of then, such as 2026-11-23T03:33:20Z", 0},
};

static const struct cli_command commands[] = {
    {"saml check", "FILE", "Say of a SAML response, clause by clause, whether fasd would take it",
	"FILE: the response as XML, or in base64 as the browser posts it.  It is judged by the\n"
	"providers and keys of fasd.yaml, and not accepted: nothing is written, no service asked.\n"
	"Clauses behind a bad signature are shown as they stand there, proven by nobody.\n"
	"Exit status 4: fasd would refuse it.",
	options, NELEMS(options), run_check},
};

const struct cli_group ctl_saml_group = {"SAML responses", commands, NELEMS(commands)};
