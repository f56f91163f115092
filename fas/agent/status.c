#include "fas/agent/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fas/agent/commands.h"
#include "fas/agent/local.h"
#include "fas/base/text.h"

#define VALUE_MAX 600

static void PRINTF_LIKE(3, 4) line(struct card_writer *w, const char *name, const char *fmt, ...)
{
	char value[VALUE_MAX];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	card_write_open(w, CARD_TAG_LINE);
	card_write_text(w, CARD_TAG_NAME, name);
	card_write_text(w, CARD_TAG_VALUE, value);
	card_write_close(w);
}

static void
write_identity(const struct daemon *d, struct card_writer *w)
{
	struct fas_err e = {0};
	char name[IDENTITY_NAME_MAX], end[TIME_TEXT_MAX];
	OWN(identity) struct identity identity = {0};
	if (identity_load(d->config.state, &identity, &e) == FAS_OK) {
		identity_name(identity.certificate, name);
		line(w, "identity", "%s", name);
		line(w, "identity_until", "%s",
		    time_format(identity_not_after(identity.certificate), end));
		line(w, "identity_renewal", "%s", time_format(atomic_load(&d->machine_due_s), end));
	} else {
		line(w, "identity", "machine account (%s)",
		    d->config.keytab[0] ? d->config.keytab : "none");
	}
}

/* The pair that this server alone is shown. */
static void
write_own_identity(const struct daemon *d, const char *server, struct card_writer *w)
{
	struct fas_err e = {0};
	char folder[PATH_MAX], end[TIME_TEXT_MAX];
	OWN(identity) struct identity identity = {0};
	if (identity_own_folder(d->config.state, server, folder, &e) == FAS_OK &&
	    identity_load(folder, &identity, &e) == FAS_OK)
		line(w, "server_identity_until", "%s %s", server,
		    time_format(identity_not_after(identity.certificate), end));
}

static void
write_servers(struct daemon *d, struct card_writer *w)
{
	struct server_state list[AGENT_SERVERS_MAX];
	size_t n = servers_copy(&d->servers, list);
	for (size_t i = 0; i < n; i++) {
		line(w, "server", "%s %s%s%s", list[i].url, list[i].away ? "away" : "ok",
		    list[i].node[0] ? " node=" : "", list[i].node);
		write_own_identity(d, list[i].url, w);
	}
}

static void
write_counts(struct daemon *d, struct card_writer *w)
{
	size_t states[3] = {0}, in_session = 0, service = 0;
	sessions_lock(&d->sessions);
	for (size_t i = 0; i < d->sessions.n; i++) {
		const struct session *s = d->sessions.list[i];
		states[s->state]++;
		in_session += s->in_session != NULL;
		service += (s->in_session && !s->in_session->key) || (s->logon && !s->logon->key);
	}
	sessions_unlock(&d->sessions);
	line(w, "sessions_open", "%zu", states[SESSION_OPEN]);
	line(w, "sessions_pending", "%zu", states[SESSION_PENDING]);
	line(w, "sessions_ending", "%zu", states[SESSION_ENDED]);
	line(w, "in_session_certificates", "%zu", in_session);
	line(w, "cards_with_service_keys", "%zu", service);
}

enum fas_code
status_write(struct daemon *d, struct card_writer *w, struct fas_err *e)
{
	(void)e;
	struct workers_load load = workers_load(d->workers);
	line(w, "version", "%s", FAS_VERSION);
	write_identity(d, w);
	write_servers(d, w);
	write_counts(d, w);
	line(w, "spare_key", "%s", spare_is_there(&d->spare) ? "ready" : "none");
	line(w, "workers_busy", "%zu of %zu", load.busy, load.threads);
	return FAS_OK;
}
