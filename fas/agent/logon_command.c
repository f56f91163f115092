/* fas-agent logon, where no daemon runs: one command, after which no key is left. */
#include <stdio.h>
#include <string.h>

#include "fas/agent/commands.h"
#include "fas/agent/key.h"
#include "fas/agent/logon.h"
#include "fas/base/text.h"

/* No desktop will come of it: end the session, so that its certificate is revoked as the rule says. */
static void
give_up(const struct cli_args *args, struct logon *l)
{
	struct fas_err e = {0};
	if (l->facts.session_id && logoff_session(l->up, &l->session, &e) != FAS_OK)
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
logon_alone(
    const struct cli_args *args, const struct agent_config *config, const struct secret *ticket)
{
	struct fas_err e = {0};
	const struct upstream up = {.config = config, .call = agent_call};
	OWN(logon) struct logon l = {.up = &up};
	const char *cache = cli_text(args, "ccache");
	if (logon_prepare(&l, cli_text(args, "user"), cache, &e) != FAS_OK ||
	    key_new_user(&l.key, &e) != FAS_OK || logon_redeem(&l, ticket, &e) != FAS_OK)
		return cli_fail(args, &e);
	if (logon_remember(&l, cache, false, &e) == FAS_OK && logon_get_tgt(&l, &e) == FAS_OK)
		return show_logon(args, &l);
	l.session.ccache[0] = 0; /* none was made; one of that name is somebody else's */
	give_up(args, &l);
	(void)fas_wrap(&e, "correlation id %s", l.session.correlation_id);
	return cli_fail(args, &e);
}
