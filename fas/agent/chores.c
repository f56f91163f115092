#include "fas/agent/chores.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fas/agent/commands.h"
#include "fas/agent/link.h"
#include "fas/agent/srv.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"

#define MACHINE_RETRY_S 600
#define DISCOVER_US (300LL * 1000000)

struct chore {
	struct job job;
	struct daemon *d;
	void (*work)(struct chore *chore);
	atomic_bool *busy; /* cleared at the end */
	char server[AGENT_URL_MAX];
};

static void
run_chore(struct job *job)
{
	struct chore *chore = (struct chore *)job;
	chore->work(chore);
	atomic_store(chore->busy, false);
	free(chore);
}

static void
begin(struct daemon *d, void (*work)(struct chore *), atomic_bool *busy, const char *server)
{
	if (atomic_exchange(busy, true))
		return;
	struct chore *chore = calloc(1, sizeof(*chore));
	if (chore) {
		*chore = (struct chore){.job = {run_chore}, .d = d, .work = work, .busy = busy};
		(void)snprintf(chore->server, sizeof(chore->server), "%s", server);
	}
	if (chore && daemon_push(d->workers, &chore->job))
		return;
	free(chore);
	atomic_store(busy, false);
}

static void
fill_spare(struct chore *chore)
{
	struct fas_err e = {0};
	if (spare_fill(&chore->d->spare, &e) != FAS_OK)
		log_error("spare_key", &e, NULL);
}

static void
probe(struct chore *chore)
{
	link_probe(chore->d, chore->server);
}

static void
discover(struct chore *chore)
{
	chores_discover(chore->d);
	atomic_store(&chore->d->machine_due_s, chores_machine_due(chore->d));
}

/* ---- the machine's certificate ---- */

static int64_t
seconds_of(const ASN1_TIME *time)
{
	struct tm tm;
	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Of the pair that this server is shown; 0: none. */
static int64_t
due_at(const struct daemon *d, const char *server)
{
	struct fas_err e = {0};
	char folder[PATH_MAX];
	OWN(identity) struct identity identity = {0};
	if (identity_folder(d->config.state, server, folder, &e) != FAS_OK ||
	    identity_load(folder, &identity, &e) != FAS_OK)
		return 0;
	int64_t begin_s = seconds_of(X509_get0_notBefore(identity.certificate));
	int64_t end_s = seconds_of(X509_get0_notAfter(identity.certificate));
	return begin_s + (end_s - begin_s) * 2 / 3;
}

int64_t
chores_machine_due(struct daemon *d)
{
	struct server_state list[AGENT_SERVERS_MAX];
	size_t n = servers_copy(&d->servers, list);
	int64_t first_s = 0;
	for (size_t i = 0; i < n; i++) {
		int64_t due_s = due_at(d, list[i].url);
		if (due_s != 0 && (first_s == 0 || due_s < first_s))
			first_s = due_s;
	}
	return first_s;
}

static void
renew_at(struct daemon *d, const char *server)
{
	struct fas_err e = {0};
	OWN(x509) X509 *certificate = NULL;
	if (machine_renew(&d->up, server, &certificate, &e) != FAS_OK) {
		log_error("machine_not_renewed", &e, "server", server, NULL);
		return;
	}
	log_event(LOG_LEVEL_INFO, "machine_renewed", "server", server, NULL);
	atomic_fetch_add(&d->credential, 1);
}

/* A pair that several servers are shown is no longer due once one of them has renewed it. */
static void
renew_machine(struct chore *chore)
{
	struct daemon *d = chore->d;
	struct server_state list[AGENT_SERVERS_MAX];
	size_t n = servers_copy(&d->servers, list);
	for (size_t i = 0; i < n; i++) {
		int64_t due_s = due_at(d, list[i].url);
		if (due_s != 0 && clock_now() >= due_s)
			renew_at(d, list[i].url);
	}
	int64_t now_s = clock_now(), next_s = chores_machine_due(d);
	atomic_store(
	    &d->machine_due_s, next_s != 0 && next_s <= now_s ? now_s + MACHINE_RETRY_S : next_s);
}

/* ---- discovery: DNS is believed in nothing but where to knock, a server has to prove itself ---- */

void
chores_discover(struct daemon *d)
{
	char name[HOSTNAME_MAX + 16];
	struct srv_record records[SRV_MAX];
	struct server_order urls = {0};
	if (!d->config.discover[0])
		return;
	(void)snprintf(name, sizeof(name), "_fas._tcp.%s", d->config.discover);
	size_t n = srv_find(name, records);
	for (size_t i = 0; i < n && urls.n < AGENT_SERVERS_MAX; i++)
		(void)snprintf(urls.urls[urls.n++], AGENT_URL_MAX, "https://%s:%u",
		    records[i].target, records[i].port);
	if (urls.n > 0)
		servers_replace(&d->servers, &urls);
	else
		log_event(
		    LOG_LEVEL_WARNING, "no_server_discovered", "domain", d->config.discover, NULL);
}

void
chores_look(struct daemon *d)
{
	int64_t now_us = clock_monotonic_us(), due_s = atomic_load(&d->machine_due_s);
	char server[AGENT_URL_MAX];
	if (!spare_is_there(&d->spare))
		begin(d, fill_spare, &d->spare_busy, "");
	if (due_s != 0 && clock_now() >= due_s)
		begin(d, renew_machine, &d->machine_busy, "");
	if (!atomic_load(&d->probe_busy) && servers_due(&d->servers, now_us, server))
		begin(d, probe, &d->probe_busy, server);
	if (d->config.discover[0] && now_us >= d->discover_due_us) {
		d->discover_due_us = now_us + DISCOVER_US;
		begin(d, discover, &d->discover_busy, "");
	}
}
