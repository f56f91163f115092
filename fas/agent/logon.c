/* fas-agent logon: a ticket becomes a certificate, the certificate a Kerberos ticket. */
#include "fas/agent/logon.h"

#include <stdio.h>
#include <string.h>

#include "fas/agent/ccache.h"
#include "fas/agent/logon_answer.h"
#include "fas/agent/pkinit.h"
#include "fas/base/file.h"
#include "fas/base/text.h"

#define TICKET_BYTES_MAX 100
#define ANCHORS_MAX (256 * 1024)
#define PKINIT_MS 30000

/* One logon under way. */
struct logon {
	struct agent_config config;
	char *anchors;
	EVP_PKEY *key;
	struct api_answer answer;
	struct logon_answer facts;
	struct local_user user;
	struct session_file session;
	json_t *tgt;
};

static void
logon_done(struct logon *l)
{
	logon_answer_done(&l->facts);
	api_answer_done(&l->answer);
	EVP_PKEY_free(l->key);
	json_decref(l->tgt);
	free(l->anchors);
}

DEFINE_OWN_IN_PLACE(logon, struct logon, logon_done);

/* All that can be found wrong before a ticket is spent. */
static enum fas_code
prepare(const struct cli_args *args, struct logon *l, struct fas_err *e)
{
	size_t len = 0;
	const char *user = cli_text(args, "user"), *cache = cli_text(args, "ccache");
	char path[PATH_MAX];
	if (agent_setup(args, &l->config, e) != FAS_OK)
		return e->code;
	if (!l->config.kdc_anchors[0])
		return fas_fail(e, FAS_E_CONFIG, "kdc_anchors",
		    "kdc: anchors: is missing in agent.yaml: the root of the domain controllers' "
		    "certificates");
	if (file_read(l->config.kdc_anchors, ANCHORS_MAX, &l->anchors, &len, e) != FAS_OK)
		return e->code;
	if (user && local_user_find(user, l->config.first_uid, &l->user, e) != FAS_OK)
		return e->code;
	if (cache && ccache_path(cache, path, e) != FAS_OK)
		return e->code;
	return key_new_user(&l->key, e);
}

static enum fas_code
redeem(struct logon *l, const struct secret *ticket, struct fas_err *e)
{
	OWN(text) char *csr = NULL;
	if (key_request(l->key, &csr, e) != FAS_OK)
		return e->code;
	OWN(json)
	json_t *body = json_pack("{s:s,s:s}", "ticket", (const char *)ticket->data, "csr", csr);
	if (!body)
		return fas_fail_nomem(e);
	if (agent_call(&l->config, NULL, "POST", "/v1/certificates", body, &l->answer, e) != FAS_OK)
		return e->code;
	if (!l->answer.body)
		return fas_fail(e, FAS_E_INPUT, "answer_malformed", "the server's answer is empty");
	return logon_answer_read(l->answer.body, &l->facts, e);
}

static enum fas_code
choose_cache(const struct cli_args *args, struct logon *l, struct fas_err *e)
{
	const char *cache = cli_text(args, "ccache");
	char *out = l->session.ccache;
	if (cache)
		return ccache_path(cache, out, e);
	(void)snprintf(out, sizeof(l->session.ccache), "/tmp/krb5cc_%u_%s", (unsigned)l->user.uid,
	    l->session.id);
	return FAS_OK;
}

/* The ticket's account by one of the names that NSS gives domain accounts. */
static bool
is_tickets_account(const char *user, const struct logon_answer *facts)
{
	char full[LOCAL_NAME_MAX + HOSTNAME_MAX + 1];
	(void)snprintf(full, sizeof(full), "%s@%s", facts->sam_account_name, facts->realm);
	return ascii_equal_nocase(user, facts->sam_account_name) ||
	       ascii_equal_nocase(user, full) || ascii_equal_nocase(user, facts->upn);
}

/* --user is what the caller believes; the ticket says who it is. */
static enum fas_code
check_user(struct logon *l, struct fas_err *e)
{
	if (l->user.uid == 0)
		return local_user_find(l->facts.sam_account_name, l->config.first_uid, &l->user, e);
	if (is_tickets_account(l->user.name, &l->facts))
		return FAS_OK;
	return fas_fail(e, FAS_E_DENIED, "user_mismatch",
	    "the ticket is of %s, not of local user %s", l->facts.upn, l->user.name);
}

/* The session is remembered before the ticket is asked for, so that it can be ended whatever comes. */
static enum fas_code
remember(const struct cli_args *args, struct logon *l, struct fas_err *e)
{
	logon_answer_session(&l->facts, l->answer.server, &l->session);
	if (check_user(l, e) != FAS_OK)
		return e->code;
	(void)snprintf(l->session.user, sizeof(l->session.user), "%s", l->user.name);
	if (choose_cache(args, l, e) != FAS_OK)
		return e->code;
	return session_file_save(l->config.state, &l->session, e);
}

static enum fas_code
get_tgt(struct logon *l, struct fas_err *e)
{
	const char *profile = getenv("KRB5_CONFIG");
	struct pkinit_request request = {
	    .config = &l->config,
	    .anchors_pem = l->anchors,
	    .system_profile = profile && *profile ? profile : "/etc/krb5.conf",
	    .realm = l->facts.realm,
	    .principal = l->facts.principal,
	    .sam_account_name = l->facts.sam_account_name,
	    .key = l->key,
	    .certificate_pem = l->facts.certificate,
	    .chain_pem = l->facts.chain,
	    .ccache_path = l->session.ccache,
	};
	return child_run(&l->user, pkinit_logon, &request, PKINIT_MS, &l->tgt, e);
}

/* No desktop will come of it: end the session, so that its certificate is revoked as the rule says. */
static void
give_up(const struct cli_args *args, struct logon *l)
{
	struct fas_err e = {0};
	if (l->facts.session_id && logoff_session(&l->config, &l->session, &e) != FAS_OK)
		(void)fprintf(args->err, "%s: the session could not be ended: %s (%s)\n",
		    args->program->name, e.message, fas_err_reason(&e));
}

static int
show_logon(const struct cli_args *args, const struct logon *l)
{
	char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX], session_end[TIME_TEXT_MAX];
	const struct session_file *s = &l->session;
	if (cli_flag(args, "json")) {
		OWN(json)
		json_t *answer = json_pack("{s:s,s:I,s:s,s:s,s:s,s:s,s:O,s:s,s:s}", "session_id",
		    s->id, "session_expires_at", (json_int_t)s->expires_s, "upn", s->upn,
		    "principal", s->principal, "user", s->user, "serial", s->serial, "tgt", l->tgt,
		    "ccache", s->ccache, "correlation_id", s->correlation_id);
		(void)json_dumpf(answer, args->out, JSON_INDENT(2));
		(void)fputc('\n', args->out);
		return CLI_OK;
	}
	const char *client = json_string_value(json_object_get(l->tgt, "principal"));
	time_format(json_integer_value(json_object_get(l->tgt, "start")), start);
	time_format(json_integer_value(json_object_get(l->tgt, "end")), end);
	(void)fprintf(args->out,
	    "session         %s\n"
	    "session ends    %s\n"
	    "user            %s (uid %u)\n"
	    "principal       %s\n"
	    "ticket          %s to %s\n"
	    "cache           FILE:%s\n"
	    "correlation id  %s\n",
	    s->id, time_format(s->expires_s, session_end), s->user, (unsigned)l->user.uid,
	    client ? client : "", start, end, s->ccache, s->correlation_id);
	return CLI_OK;
}

int
logon_run(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(secret) struct secret ticket = {0};
	OWN(logon) struct logon l = {0};
	int rc = agent_secret(args, "ticket", "ticket-file", TICKET_BYTES_MAX, &ticket);
	if (rc != CLI_OK)
		return rc;
	if (prepare(args, &l, &e) != FAS_OK || redeem(&l, &ticket, &e) != FAS_OK)
		return cli_fail(args, &e);
	if (remember(args, &l, &e) == FAS_OK && get_tgt(&l, &e) == FAS_OK)
		return show_logon(args, &l);
	l.session.ccache[0] = 0; /* none was made; one of that name is somebody else's */
	give_up(args, &l);
	(void)fas_wrap(&e, "correlation id %s", l.session.correlation_id);
	return cli_fail(args, &e);
}
